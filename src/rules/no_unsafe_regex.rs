//! `no-unsafe-regex`: A regular expression backtracks without a sensible bound, or is made from input.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

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

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
