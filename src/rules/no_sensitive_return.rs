//! `no-sensitive-return`: A sensitive value reaches what the function returns.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-sensitive-return",
    summary: "A sensitive value reaches what the function returns",
    checklist: "3",
    level: Level::Error,
    confidence: Confidence::Medium,
    cwe: &["CWE-200"],
    security_severity: "8.2",
    since: "0.1.0",
    page: include_str!("../../rules/no-sensitive-return.md"),
};

/// The rule.
pub struct NoSensitiveReturn;

impl Rule for NoSensitiveReturn {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
