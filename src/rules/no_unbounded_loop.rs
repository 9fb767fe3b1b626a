//! `no-unbounded-loop`: A loop has no exit, or no progress towards its exit can be shown.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-unbounded-loop",
    summary: "A loop has no exit, or no progress towards its exit can be shown",
    checklist: "5",
    level: Level::Error,
    confidence: Confidence::Medium,
    cwe: &["CWE-835"],
    security_severity: "7.5",
    since: "0.1.0",
    page: include_str!("../../rules/no-unbounded-loop.md"),
};

/// The rule.
pub struct NoUnboundedLoop;

impl Rule for NoUnboundedLoop {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
