//! `no-unbounded-operation`: A few bytes of input decide how much work or memory is spent.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-unbounded-operation",
    summary: "A few bytes of input decide how much work or memory is spent",
    checklist: "6",
    level: Level::Error,
    confidence: Confidence::Medium,
    cwe: &["CWE-400"],
    security_severity: "7.3",
    since: "0.1.0",
    page: include_str!("../../rules/no-unbounded-operation.md"),
};

/// The rule.
pub struct NoUnboundedOperation;

impl Rule for NoUnboundedOperation {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
