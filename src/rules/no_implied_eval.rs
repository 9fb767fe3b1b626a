//! `no-implied-eval`: A timer is given text, which it would run as code.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-implied-eval",
    summary: "A timer is given text, which it would run as code",
    checklist: "1",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-95"],
    security_severity: "9.3",
    since: "0.1.0",
    page: include_str!("../../rules/no-implied-eval.md"),
};

/// The rule.
pub struct NoImpliedEval;

impl Rule for NoImpliedEval {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
