//! `no-eval`: dynamic code through the built-in `eval`, however it is reached.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-eval",
    summary: "Dynamic code through the built-in `eval`, however it is reached",
    checklist: "1",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-95"],
    security_severity: "9.8",
    since: "0.1.0",
    page: include_str!("../../rules/no-eval.md"),
};

/// The rule.
pub struct NoEval;

impl Rule for NoEval {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
