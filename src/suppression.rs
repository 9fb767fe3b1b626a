//! What moves a finding out of lint's exit status: directives in comments, and baselines.
//!
//! Neither counts at the gate: the author is the party under review.
//!
//! ```js
//! // fnvet-disable-next-line no-undef -- provided by the platform
//! // fnvet-disable-line no-undef, no-shared-state -- provided by the platform
//! /* fnvet-disable no-undef -- provided by the platform */ … /* fnvet-enable no-undef */
//! ```

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::rules::{self, ABOUT_SUPPRESSIONS, suppression_without_reason, unknown_rule, unused_suppression};
use crate::source::{SourceFile, TextRange};
use crate::syntax::Comment;

/// Where a suppression stands, in SARIF's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SuppressionKind {
    /// A comment.
    InSource,
    /// A baseline.
    External,
}

/// Why a finding does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Where it stands.
    pub kind: SuppressionKind,
    /// The reason that was given.
    pub justification: String,
}

/// What the directives of one file amount to.
#[derive(Clone, Debug, Default)]
pub struct Inline {
    /// For each finding, in the order given, what suppresses it.
    pub suppressions: Vec<Option<Suppression>>,
    /// Findings about the directives themselves.
    pub about: Vec<Finding>,
}

/// Applies the directives among `comments` to `findings`. Rules that are off made no findings: to
/// disable one of them is not unused.
pub fn inline(source: &SourceFile, comments: &[Comment], findings: &[Finding], is_off: impl Fn(&str) -> bool) -> Inline {
    let mut result = Inline::default();
    let mut scopes = Scopes::read(source, comments, &mut result.about);
    for finding in findings {
        let suppression = if ABOUT_SUPPRESSIONS.contains(&finding.rule) {
            None
        } else {
            let line = source.line_of(finding.primary.range.start);
            scopes.matching(finding.rule, line, finding.primary.range.start).map(|mention| {
                mention.used = true;
                Suppression { kind: SuppressionKind::InSource, justification: mention.reason.clone() }
            })
        };
        result.suppressions.push(suppression);
    }
    let unused = scopes.mentions.iter().filter(|mention| !mention.used && !is_off(mention.rule));
    result.about.extend(unused.map(|mention| unused_suppression::unused(mention.range, mention.rule)));
    result
}

/// One rule in one directive.
struct Mention {
    rule: &'static str,
    range: TextRange,
    reason: String,
    used: bool,
}

/// The mentions of a file and where each holds.
#[derive(Default)]
struct Scopes {
    mentions: Vec<Mention>,
    /// By line and rule.
    lines: HashMap<(u32, &'static str), usize>,
    /// By rule: where it begins, where it ends, and the mention; in order and apart from each other.
    regions: HashMap<&'static str, Vec<(u32, u32, usize)>>,
}

impl Scopes {
    fn read(source: &SourceFile, comments: &[Comment], about: &mut Vec<Finding>) -> Scopes {
        let mut scopes = Scopes::default();
        let directives: Vec<Directive> = comments.iter().filter_map(|comment| Directive::read(source, comment)).collect();
        let mut targets: HashMap<u32, u32> = HashMap::new();
        for directive in directives.iter().rev().filter(|directive| directive.kind == Kind::NextLine) {
            // Directives above each other all mean the line below the last of them.
            let next = source.line_of(directive.comment.end.saturating_sub(1)) + 1;
            let target = targets.get(&next).copied().unwrap_or(next);
            if directive.alone {
                targets.insert(source.line_of(directive.comment.start), target);
            }
        }
        for directive in &directives {
            let known = directive.check(about);
            for (rule, range) in known {
                scopes.add(source, directive, rule, range, &targets, about);
            }
        }
        scopes
    }

    fn add(
        &mut self,
        source: &SourceFile,
        directive: &Directive<'_>,
        rule: &'static str,
        range: TextRange,
        next_lines: &HashMap<u32, u32>,
        about: &mut Vec<Finding>,
    ) {
        let regions = self.regions.entry(rule).or_default();
        let open = regions.last_mut().filter(|(_, end, _)| *end == u32::MAX);
        if directive.kind == Kind::Enable {
            match open {
                Some((_, end, _)) => *end = directive.comment.start,
                None => about.push(unused_suppression::nothing_to_enable(range, rule)),
            }
            return;
        }
        let mention = self.mentions.len();
        match directive.kind {
            Kind::Disable if open.is_none() => regions.push((directive.region_start(source), u32::MAX, mention)),
            Kind::Disable | Kind::Enable => {}
            Kind::Line => {
                self.lines.entry((source.line_of(directive.comment.start), rule)).or_insert(mention);
            }
            Kind::NextLine => {
                let own = source.line_of(directive.comment.start);
                let after = source.line_of(directive.comment.end.saturating_sub(1)) + 1;
                let line = next_lines.get(&own).filter(|_| directive.alone).copied().unwrap_or(after);
                self.lines.entry((line, rule)).or_insert(mention);
            }
        }
        self.mentions.push(Mention { rule, range, reason: directive.reason.to_owned(), used: false });
    }

    fn matching(&mut self, rule: &'static str, line: u32, at: u32) -> Option<&mut Mention> {
        let by_line = self.lines.get(&(line, rule)).copied();
        let by_region = || {
            let regions = self.regions.get(rule)?;
            let (_, end, mention) = regions[..regions.partition_point(|(start, ..)| *start <= at)].last()?;
            (at < *end).then_some(*mention)
        };
        by_line.or_else(by_region).map(|mention| &mut self.mentions[mention])
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Line,
    NextLine,
    Disable,
    Enable,
}

/// The longest name first: one is the beginning of another.
const KINDS: [(&str, Kind); 4] = [
    ("fnvet-disable-next-line", Kind::NextLine),
    ("fnvet-disable-line", Kind::Line),
    ("fnvet-disable", Kind::Disable),
    ("fnvet-enable", Kind::Enable),
];

/// A comment that speaks to fnvet.
struct Directive<'a> {
    name: &'static str,
    kind: Kind,
    comment: TextRange,
    /// Nothing but space before it on its line.
    alone: bool,
    /// The names written, each with its place.
    names: Vec<(&'a str, TextRange)>,
    reason: &'a str,
}

impl<'a> Directive<'a> {
    fn read(source: &'a SourceFile, comment: &Comment) -> Option<Self> {
        let whole = source.slice(comment.range);
        let inner = whole.get(2..).map(|text| if comment.block { text.strip_suffix("*/").unwrap_or(text) } else { text })?;
        let text = inner.trim();
        let (name, kind) = *KINDS
            .iter()
            .find(|(name, _)| text.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)))?;
        let rest = &text[name.len()..];
        let (list, reason) = match split_reason(rest) {
            Some((list, reason)) => (list, reason),
            None => (rest, ""),
        };
        let place = |part: &str| {
            let at = comment.range.start + (part.as_ptr() as usize - whole.as_ptr() as usize) as u32;
            TextRange::new(at, at + part.len() as u32)
        };
        let names = list.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty());
        let line = source.line_start(source.line_of(comment.range.start)).unwrap_or_default();
        let alone = source.slice(TextRange::new(line, comment.range.start)).trim().is_empty();
        let names = names.map(|part| (part, place(part))).collect();
        Some(Directive { name, kind, comment: comment.range, alone, names, reason: reason.trim() })
    }

    /// The rules of a directive that has effect; what is wrong with it goes to `about`.
    fn check(&self, about: &mut Vec<Finding>) -> Vec<(&'static str, TextRange)> {
        if self.names.is_empty() {
            about.push(unknown_rule::without_rule(self.comment, self.name));
            return Vec::new();
        }
        let mut known = Vec::new();
        for (name, range) in &self.names {
            match rules::find(name) {
                Some(meta) => known.push((meta.id, *range)),
                None => about.push(unknown_rule::unknown(*range, name, rules::similar(name))),
            }
        }
        if !self.reason.contains(char::is_alphanumeric) && self.kind != Kind::Enable {
            about.push(suppression_without_reason::without_reason(self.comment, self.name));
            known.clear();
        }
        known
    }

    /// A region includes the whole of the line that its comment opens.
    fn region_start(&self, source: &SourceFile) -> u32 {
        if self.alone { source.line_start(source.line_of(self.comment.start)).unwrap_or(self.comment.start) } else { self.comment.end }
    }
}

/// ` -- reason`: the mark stands between spaces, since rule ids hold hyphens.
fn split_reason(text: &str) -> Option<(&str, &str)> {
    let at = text.match_indices("--").map(|(at, _)| at).find(|&at| {
        let before = text[..at].chars().next_back();
        let after = text[at + 2..].chars().next();
        before.is_none_or(char::is_whitespace) && after.is_none_or(char::is_whitespace)
    })?;
    Some((&text[..at], &text[at + 2..]))
}

/// Findings that were there before, by fingerprint.
///
/// A fingerprint that occurs twice is two findings: a copy of a known defect is a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    counts: BTreeMap<String, usize>,
}

/// The file, version 1.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BaselineFile {
    version: u32,
    findings: Vec<BaselineEntry>,
}

/// One known finding; rule and path are for the reader.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineEntry {
    /// Path of the file when the baseline was written.
    pub path: String,
    /// The rule.
    pub rule: String,
    /// The finding's fingerprint: this alone is compared.
    pub fingerprint: String,
}

impl Baseline {
    /// Reads the text of a baseline file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Baseline, String> {
        let file: BaselineFile = serde_json::from_str(text).map_err(|error| format!("it is no baseline: {error}"))?;
        if file.version != 1 {
            return Err(format!("it is a baseline of version {}; this fnvet reads version 1", file.version));
        }
        let mut baseline = Baseline::default();
        for entry in file.findings {
            *baseline.counts.entry(entry.fingerprint).or_default() += 1;
        }
        Ok(baseline)
    }

    /// The text of a baseline file that holds `entries`.
    pub fn render(mut entries: Vec<BaselineEntry>) -> String {
        entries.sort();
        let mut text = serde_json::to_string_pretty(&BaselineFile { version: 1, findings: entries }).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Takes one finding of this fingerprint out of the baseline; whether it was there.
    pub fn take(&mut self, fingerprint: &str) -> bool {
        match self.counts.get_mut(fingerprint) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::no_undef;

    /// The suppressed state of one finding on every `X`, and the rules of what is said about the directives.
    fn apply(text: &str) -> (Vec<bool>, Vec<&'static str>) {
        let source = SourceFile::new("a.js", text);
        let comments = crate::syntax::parse(&source).map(|parsed| parsed.comments).unwrap();
        let finding = |(at, _)| Finding::new(&no_undef::META, TextRange::new(at as u32, at as u32 + 1), "");
        let findings: Vec<Finding> = text.match_indices('X').map(finding).collect();
        let result = inline(&source, &comments, &findings, |rule| rule == "no-eval");
        (result.suppressions.iter().map(Option::is_some).collect(), result.about.iter().map(|finding| finding.rule).collect())
    }

    #[test]
    fn a_line_the_next_line_or_a_region() {
        assert_eq!(apply("X // fnvet-disable-line no-undef -- known\nX"), (vec![true, false], vec![]));
        assert_eq!(apply("X\n// fnvet-disable-next-line no-undef -- known\nX\nX"), (vec![false, true, false], vec![]));
        let region = "X\n/* fnvet-disable no-undef -- known */\nX\nX\n/* fnvet-enable no-undef */\nX";
        assert_eq!(apply(region), (vec![false, true, true, false], vec![]));
        assert_eq!(apply("/* fnvet-disable no-undef -- to the end */ X\nX"), (vec![true, true], vec![]));
    }

    #[test]
    fn next_lines_above_each_other_mean_the_same_line() {
        let text = "// fnvet-disable-next-line no-undef -- a\n// fnvet-disable-next-line no-eval -- b\nX";
        assert_eq!(apply(text), (vec![true], vec![]));
    }

    #[test]
    fn a_directive_that_is_wrong_has_no_effect_and_is_reported() {
        assert_eq!(apply("X // fnvet-disable-line no-undef"), (vec![false], vec!["suppression-without-reason"]));
        assert_eq!(apply("X // fnvet-disable-line no-undef --"), (vec![false], vec!["suppression-without-reason"]));
        assert_eq!(apply("X // fnvet-disable-line no-undeff -- r"), (vec![false], vec!["unknown-rule"]));
        assert_eq!(apply("X // fnvet-disable-line -- r"), (vec![false], vec!["unknown-rule"]));
        assert_eq!(apply("// fnvet-disable-line no-undef -- r\nX"), (vec![false], vec!["unused-suppression"]));
        assert_eq!(apply("X /* fnvet-enable no-undef */"), (vec![false], vec!["unused-suppression"]));
        assert_eq!(apply("X // fnvet-disablement no-undef -- r"), (vec![false], vec![]));
        assert_eq!(apply("// fnvet-disable-line no-eval -- the rule is off"), (vec![], vec![]));
    }

    #[test]
    fn several_rules_share_a_reason_and_hyphens_stay() {
        assert_eq!(apply("X // fnvet-disable-line no-eval, no-undef -- a -- b"), (vec![true], vec![]));
    }

    #[test]
    fn a_copy_of_a_known_finding_is_new() {
        let entry = BaselineEntry { path: "a.js".into(), rule: "no-eval".into(), fingerprint: "f".into() };
        let mut baseline = Baseline::parse(&Baseline::render(vec![entry])).unwrap();
        assert_eq!([baseline.take("f"), baseline.take("f"), baseline.take("g")], [true, false, false]);
        assert!(Baseline::parse("{}").is_err());
        assert!(Baseline::parse("{\"version\":2,\"findings\":[]}").is_err());
    }
}
