//! `no-unbounded-recursion`: A recursion has no base case that it is shown to reach.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

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

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
