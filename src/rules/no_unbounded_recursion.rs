//! `no-unbounded-recursion`: A recursion has no base case that it is shown to reach.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::observe::RecursionVerdict;
use crate::source::TextRange;
use std::collections::BTreeMap;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-unbounded-recursion",
    summary: "A recursion has no base case that it is shown to reach",
    checklist: "5",
    level: Level::Error,
    confidence: Confidence::Medium,
    cwe: &["CWE-674"],
    security_severity: "7.1",
    since: "0.1.0",
    page: include_str!("../../rules/no-unbounded-recursion.md"),
};

/// The rule.
pub struct NoUnboundedRecursion;

impl Rule for NoUnboundedRecursion {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let mut worst: BTreeMap<TextRange, &RecursionVerdict> = BTreeMap::new();
        for verdict in &cx.semantic.seen().recursions {
            let known = worst.entry(verdict.range).or_insert(verdict);
            if verdict.level > known.level {
                *known = verdict;
            }
        }
        worst.into_values().map(recursion).collect()
    }
}

fn recursion(seen: &RecursionVerdict) -> Finding {
    let finding =
        Finding::new(&META, seen.range, seen.message.clone()).level(seen.level).confidence(Confidence::Medium).tag("calls itself").help(
            "test the base case first, pass a smaller argument, and stop at a depth: `if (depth > 50) throw new Error(\"too deep\");`",
        );
    seen.steps.iter().fold(finding, |finding, (range, text)| finding.related(*range, text.clone()))
}
