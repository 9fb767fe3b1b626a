//! `no-extend-native`: A built-in object or its prototype is written to.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-extend-native",
    summary: "A built-in object or its prototype is written to",
    checklist: "2",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-1321"],
    security_severity: "8.6",
    since: "0.1.0",
    page: include_str!("../../rules/no-extend-native.md"),
};

/// The rule.
pub struct NoExtendNative;

impl Rule for NoExtendNative {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
