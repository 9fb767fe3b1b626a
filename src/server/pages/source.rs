//! Source as an approver has to see it: with the numbers of its lines, every character that does not
//! show or that is no ASCII marked as such, and each finding below its line.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use crate::finding::Level;
use crate::output::{count, is_deceptive};
use crate::report::{FileReport, Reported};
use crate::rules::NOT_WAIVABLE;
use crate::source::SourceFile;

/// Most findings that a page shows.
const FINDINGS_MAX: usize = 200;

/// Lines around a change that are shown with it.
const CONTEXT_LINES: usize = 3;

/// How long looking for the smallest difference may take; then any will do.
const DIFF_TIME_MAX: Duration = Duration::from_millis(500);

/// A part of a line that is shown in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What is there.
    pub text: String,
    /// `odd` for a character that does not show, by its number; `foreign` for what is no ASCII.
    pub kind: &'static str,
    /// The level of the finding that is about it.
    pub mark: &'static str,
}

/// A line of a source.
#[derive(Clone, Debug)]
pub struct Line {
    /// From 1.
    pub number: u32,
    /// What is in it, without its end.
    pub pieces: Vec<Piece>,
    /// What lint found there.
    pub findings: Vec<FindingView>,
}

/// A finding below its line.
#[derive(Clone, Debug)]
pub struct FindingView {
    /// Its rule.
    pub rule: &'static str,
    /// `error`, `warning` or `note`.
    pub level: &'static str,
    /// How sure it is.
    pub confidence: &'static str,
    /// Its column.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
    /// The path that leads there.
    pub related: Vec<Step>,
    /// Its name across edits.
    pub fingerprint: String,
    /// Whether an approver may let it pass.
    pub is_waivable: bool,
    /// What the author wrote to suppress it, which does not count here.
    pub suppressed: Option<String>,
}

/// A step of a path.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where.
    pub line: u32,
    /// What happens there.
    pub message: String,
}

/// A source with its findings.
#[derive(Clone, Debug)]
pub struct Listing {
    /// All of its lines.
    pub lines: Vec<Line>,
    /// `2 errors, 1 warning`.
    pub summary: String,
    /// How many findings are not shown.
    pub left_out: usize,
}

impl Listing {
    /// The source of `report`, which is `code`.
    pub fn new(code: &str, report: &FileReport) -> Listing {
        let own;
        let source = match report.source() {
            Some(source) => source,
            None => {
                own = SourceFile::new("", code);
                &own
            }
        };
        let mut shown: Vec<&Reported> = report.findings().iter().collect();
        // Where not all are shown, the gravest are.
        shown.sort_by_key(|finding| std::cmp::Reverse(finding.finding.level));
        let left_out = shown.len().saturating_sub(FINDINGS_MAX);
        shown.truncate(FINDINGS_MAX);
        shown.sort_by_key(|finding| finding.location.range);
        let mut by_line: BTreeMap<u32, Vec<&Reported>> = BTreeMap::new();
        shown.iter().for_each(|finding| by_line.entry(finding.location.start.line).or_default().push(finding));
        let last = lines_of(source).max(by_line.keys().last().copied().unwrap_or_default());
        let lines = (1..=last).map(|number| line(source, number, by_line.get(&number).map_or(&[][..], Vec::as_slice)));
        Listing { lines: lines.collect(), summary: summary(report), left_out }
    }

    /// A text without findings.
    pub fn of_text(text: &str) -> Vec<Line> {
        let source = SourceFile::new("", text);
        (1..=lines_of(&source)).map(|number| line(&source, number, &[])).collect()
    }
}

/// How many lines there are; what is behind the end of the last one is none.
fn lines_of(source: &SourceFile) -> u32 {
    source.line_count() - u32::from(source.text.ends_with('\n'))
}

fn summary(report: &FileReport) -> String {
    if let Some(problem) = report.problem() {
        return format!("not checked: {problem}");
    }
    let counted = [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Note, "note")].map(|(level, name)| {
        let number = report.findings().iter().filter(|finding| finding.finding.level == level).count();
        (number > 0).then(|| count(number, name))
    });
    let counted: Vec<String> = counted.into_iter().flatten().collect();
    if counted.is_empty() { "no findings".to_owned() } else { counted.join(", ") }
}

fn line(source: &SourceFile, number: u32, findings: &[&Reported]) -> Line {
    let start = source.line_start(number).unwrap_or_default();
    let end = source.line_start(number + 1).unwrap_or(source.text.len() as u32);
    let text = source.text.get(start as usize..end as usize).unwrap_or_default();
    // Any other end of a line is one that an editor may not show as such.
    let text = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text);
    let marks = marks(findings, start);
    Line { number, pieces: pieces(text, &marks), findings: findings.iter().map(|finding| view(finding)).collect() }
}

/// From which byte of a line on findings of which level are about it; `start` is where the line begins.
fn marks(findings: &[&Reported], start: u32) -> Vec<(u32, &'static str)> {
    let ranges: Vec<(u32, u32, Level)> = findings
        .iter()
        .map(|finding| (finding.location.range.start - start, finding.location.range.end - start, finding.finding.level))
        .collect();
    let borders: BTreeSet<u32> = ranges.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
    let level = |at: u32| ranges.iter().filter(|(from, to, _)| (*from..*to).contains(&at)).map(|(.., level)| *level).max();
    borders.into_iter().map(|at| (at, level(at).map_or("", Level::as_str))).collect()
}

/// The parts of a line; `marks` says from which byte on which level of finding is about it.
fn pieces(text: &str, marks: &[(u32, &'static str)]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let (mut marks, mut mark) = (marks.iter().peekable(), "");
    for (at, c) in text.char_indices() {
        while let Some((_, next)) = marks.next_if(|(from, _)| *from <= at as u32) {
            mark = next;
        }
        let kind = match c {
            '\t' => "",
            _ if is_deceptive(c) => "odd",
            _ if !c.is_ascii() => "foreign",
            _ => "",
        };
        if kind == "odd" {
            pieces.push(Piece { text: format!("U+{:04X}", c as u32), kind, mark });
            continue;
        }
        match pieces.last_mut() {
            Some(last) if last.kind == kind && last.mark == mark => last.text.push(c),
            _ => pieces.push(Piece { text: c.to_string(), kind, mark }),
        }
    }
    pieces
}

fn view(reported: &Reported) -> FindingView {
    let finding = &reported.finding;
    FindingView {
        rule: finding.rule,
        level: finding.level.as_str(),
        confidence: finding.confidence.as_str(),
        column: reported.location.start.column,
        message: finding.message.clone(),
        help: finding.help.clone(),
        related: reported.related.iter().map(|step| Step { line: step.location.start.line, message: step.message.clone() }).collect(),
        fingerprint: reported.fingerprint.clone(),
        is_waivable: finding.level == Level::Error && !NOT_WAIVABLE.contains(&finding.rule),
        suppressed: reported.suppressed.as_ref().map(|suppressed| suppressed.justification.clone()),
    }
}

/// What changed in a text.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Of what: `source`, `schema` or `cases`.
    pub what: &'static str,
    /// Changes with the lines around them.
    pub hunks: Vec<Vec<ChangedLine>>,
}

/// A line of a difference.
#[derive(Clone, Debug)]
pub struct ChangedLine {
    /// `+`, `-` or a space.
    pub sign: &'static str,
    /// The class that it is shown with.
    pub kind: &'static str,
    /// Its number before, if it was there.
    pub before: String,
    /// Its number now, if it is there.
    pub now: String,
    /// What is in it.
    pub pieces: Vec<Piece>,
}

impl Difference {
    /// How `now` differs from `before`; nothing where it does not.
    pub fn new(what: &'static str, before: &str, now: &str) -> Option<Difference> {
        if before == now {
            return None;
        }
        let diff = TextDiff::configure().timeout(DIFF_TIME_MAX).diff_lines(before, now);
        let number = |index: Option<usize>| index.map_or_else(String::new, |index| (index + 1).to_string());
        let changed = |change: similar::Change<&str>| {
            let (sign, kind) = match change.tag() {
                ChangeTag::Equal => (" ", "same"),
                ChangeTag::Delete => ("-", "removed"),
                ChangeTag::Insert => ("+", "added"),
            };
            let text = change.value();
            let text = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text);
            ChangedLine { sign, kind, before: number(change.old_index()), now: number(change.new_index()), pieces: pieces(text, &[]) }
        };
        let hunks = diff.grouped_ops(CONTEXT_LINES);
        let hunks = hunks.iter().map(|ops| ops.iter().flat_map(|op| diff.iter_changes(op)).map(changed).collect()).collect();
        Some(Difference { what, hunks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str, kind: &'static str, mark: &'static str) -> Piece {
        Piece { text: text.to_owned(), kind, mark }
    }

    #[test]
    fn what_does_not_show_has_a_number_and_what_is_no_ascii_is_marked() {
        let line = &Listing::of_text("\tif (a\u{202e}dmіn) {\u{200b}\u{feff}\r\nb\u{2028}c\rd")[..];
        let texts: Vec<Vec<Piece>> = line.iter().map(|line| line.pieces.clone()).collect();
        let first = vec![
            piece("\tif (a", "", ""),
            piece("U+202E", "odd", ""),
            piece("dm", "", ""),
            piece("і", "foreign", ""),
            piece("n) {", "", ""),
            piece("U+200B", "odd", ""),
            piece("U+FEFF", "odd", ""),
        ];
        let others = [
            vec![piece("b", "", ""), piece("U+2028", "odd", "")],
            vec![piece("c", "", ""), piece("U+000D", "odd", "")],
            vec![piece("d", "", "")],
        ];
        assert_eq!(texts, [&[first][..], &others].concat());
    }

    #[test]
    fn the_place_of_a_finding_is_marked() {
        let marked = pieces("x = eval(y)", &[(4, "error"), (8, "")]);
        assert_eq!(marked, [piece("x = ", "", ""), piece("eval", "", "error"), piece("(y)", "", "")]);
    }

    #[test]
    fn a_difference_shows_what_changed_and_the_lines_around_it() {
        assert!(Difference::new("source", "a\n", "a\n").is_none());
        let before: String = (1..=20).map(|number| format!("{number}\n")).collect();
        let now = before.replace("10\n", "10\u{202e}\n");
        let difference = Difference::new("source", &before, &now).unwrap();
        let shown = |line: &ChangedLine| {
            let text: String = line.pieces.iter().map(|piece| piece.text.as_str()).collect();
            format!("{}{}/{} {text}", line.sign, line.before, line.now)
        };
        let lines: Vec<String> = difference.hunks.concat().iter().map(shown).collect();
        assert_eq!(lines, [" 7/7 7", " 8/8 8", " 9/9 9", "-10/ 10", "+/10 10U+202E", " 11/11 11", " 12/12 12", " 13/13 13"]);
    }
}
