//! `no-prototype-pollution`: A write whose object and key both follow keys that the input chooses.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-prototype-pollution",
    summary: "A write whose object and key both follow keys that the input chooses",
    checklist: "2",
    level: Level::Error,
    confidence: Confidence::Medium,
    cwe: &["CWE-1321"],
    security_severity: "8.8",
    since: "0.1.0",
    page: include_str!("../../rules/no-prototype-pollution.md"),
};

/// The rule.
pub struct NoPrototypePollution;

impl Rule for NoPrototypePollution {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
