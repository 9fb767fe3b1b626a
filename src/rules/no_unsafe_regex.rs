//! `no-unsafe-regex`: A regular expression backtracks without a sensible bound, or is made from input.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::observe::RegexUse;
use crate::source::TextRange;
use std::collections::BTreeMap;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-unsafe-regex",
    summary: "A regular expression backtracks without a sensible bound, or is made from input",
    checklist: "6",
    level: Level::Error,
    confidence: Confidence::Medium,
    cwe: &["CWE-1333"],
    security_severity: "7.5",
    since: "0.1.0",
    page: include_str!("../../rules/no-unsafe-regex.md"),
};

/// The rule.
pub struct NoUnsafeRegex;

impl Rule for NoUnsafeRegex {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let mut worst: BTreeMap<TextRange, &RegexUse> = BTreeMap::new();
        for regex in &cx.semantic.seen().regexes {
            let known = worst.entry(regex.range).or_insert(regex);
            if regex.level > known.level {
                *known = regex;
            }
        }
        worst.into_values().map(unsafe_regex).collect()
    }
}

fn unsafe_regex(seen: &RegexUse) -> Finding {
    let finding = Finding::new(&META, seen.range, seen.message.clone())
        .level(seen.level)
        .confidence(Confidence::Medium)
        .tag("this expression")
        .help("let no two parts of the expression match the same text, and limit the length of what it is applied to");
    seen.steps.iter().fold(finding, |finding, (range, text)| finding.related(*range, text.clone()))
}
