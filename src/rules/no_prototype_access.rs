//! `no-prototype-access`: A prototype object is reached for.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-prototype-access",
    summary: "A prototype object is reached for",
    checklist: "2",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-1321"],
    security_severity: "7.5",
    since: "0.1.0",
    page: include_str!("../../rules/no-prototype-access.md"),
};

/// The rule.
pub struct NoPrototypeAccess;

impl Rule for NoPrototypeAccess {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
