//! Source text: its bytes, its digest, its language and goal, and positions in it.
//!
//! Positions inside fnvet are byte ranges ([`TextRange`]); lines and UTF-16 columns appear only
//! where a report leaves the house.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub mod changed;
pub mod collect;
pub mod git;

/// A half-open range of bytes of one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextRange {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl TextRange {
    /// The range `start..end`.
    pub fn new(start: u32, end: u32) -> Self {
        TextRange { start, end: end.max(start) }
    }

    /// Whether `other` lies within this range.
    pub fn contains(self, other: TextRange) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// The language of a source, by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub enum Language {
    /// ECMAScript.
    JavaScript,
    /// TypeScript, types erased before it runs.
    TypeScript,
}

/// The goal symbol a source is parsed with. It is decided once and handed to both parsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// A sloppy script.
    Script,
    /// A module (strict).
    Module,
}

/// A position as reports give it: both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// Line, from 1. LF, CR LF, CR, U+2028 and U+2029 end a line.
    pub line: u32,
    /// Column, from 1, in UTF-16 code units.
    pub column: u32,
}

/// One source, read once.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path as it is shown: relative where it can be, with forward slashes.
    pub path: String,
    /// The text, exactly the bytes that were read.
    pub text: Arc<str>,
    /// Language by extension.
    pub language: Language,
    /// What the extension says about the goal; `None` where the content decides.
    pub goal_by_extension: Option<Goal>,
    line_starts: Arc<[u32]>,
}

impl SourceFile {
    /// A source named `path`; the extension decides language and, for `m` and `c` variants, the goal.
    pub fn new(path: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        let (path, text) = (path.into(), text.into());
        let extension = path.rsplit('.').next().unwrap_or_default();
        let language = match extension {
            "ts" | "mts" | "cts" => Language::TypeScript,
            _ => Language::JavaScript,
        };
        let goal_by_extension = match extension {
            "mjs" | "mts" => Some(Goal::Module),
            "cjs" | "cts" => Some(Goal::Script),
            _ => None,
        };
        let line_starts = line_starts(&text);
        SourceFile { path, text, language, goal_by_extension, line_starts }
    }

    /// Lower-case hex SHA-256 of the bytes.
    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(self.text.as_bytes()))
    }

    /// The text of `range`, or nothing where the range does not fall on character borders.
    pub fn slice(&self, range: TextRange) -> &str {
        self.text.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// Line and column of a byte offset.
    pub fn position(&self, offset: u32) -> LineColumn {
        self.positions([offset])[&offset]
    }

    /// Lines and columns of many byte offsets, in one pass: a line may be as long as the file.
    pub fn positions(&self, offsets: impl IntoIterator<Item = u32>) -> HashMap<u32, LineColumn> {
        let sorted: BTreeSet<u32> = offsets.into_iter().collect();
        let mut found = HashMap::with_capacity(sorted.len());
        let (mut line, mut from, mut units) = (0, 0, 0);
        for offset in sorted {
            let at = self.line_of(offset);
            if at != line {
                (line, from, units) = (at, self.line_starts[at as usize - 1], 0);
                // A byte order mark is no part of the text (SARIF 2.1.0, 3.30).
                if from == 0 && self.text.starts_with('\u{feff}') {
                    from = 3;
                }
            }
            let end = offset.min(self.text.len() as u32);
            units += self.slice(TextRange::new(from, end)).encode_utf16().count() as u32;
            from = end.max(from);
            found.insert(offset, LineColumn { line, column: units + 1 });
        }
        found
    }

    /// The line of a byte offset, from 1.
    pub fn line_of(&self, offset: u32) -> u32 {
        self.line_starts.partition_point(|&start| start <= offset).max(1) as u32
    }

    /// Byte offset of the start of `line` (from 1), if the source has that many lines.
    pub fn line_start(&self, line: u32) -> Option<u32> {
        self.line_starts.get(line.checked_sub(1)? as usize).copied()
    }

    /// How many lines the source has.
    pub fn line_count(&self) -> u32 {
        self.line_starts.len() as u32
    }
}

/// Offsets at which lines begin, the first always 0.
fn line_starts(text: &str) -> Arc<[u32]> {
    let mut starts = vec![0];
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let ends_line = match c {
            '\r' => !matches!(chars.peek(), Some((_, '\n'))),
            '\n' | '\u{2028}' | '\u{2029}' => true,
            _ => false,
        };
        if ends_line {
            starts.push((at + c.len_utf8()) as u32);
        }
    }
    starts.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_utf16_code_units() {
        let source = SourceFile::new("a.js", "\"😀é\"; eval(s)");
        let at = source.text.find("eval").unwrap() as u32;
        assert_eq!(source.position(at), LineColumn { line: 1, column: 8 });
    }

    #[test]
    fn many_positions_are_found_in_one_pass_and_a_byte_order_mark_is_no_column() {
        let source = SourceFile::new("a.js", "\u{feff}é😀x\ny");
        let found = source.positions([3, 5, 9, 11, 11, 0, 99]);
        let columns: Vec<_> = [0, 3, 5, 9, 11].iter().map(|at| (found[at].line, found[at].column)).collect();
        assert_eq!(columns, [(1, 1), (1, 1), (1, 2), (1, 4), (2, 1)]);
        assert_eq!(found[&99], LineColumn { line: 2, column: 2 });
    }

    #[test]
    fn every_ecmascript_line_terminator_ends_a_line() {
        let source = SourceFile::new("a.js", "a\r\nb\rc\nd\u{2028}e\u{2029}f");
        let lines: Vec<u32> = "abcdef".chars().map(|c| source.position(source.text.find(c).unwrap() as u32).line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 5, 6]);
    }
}
