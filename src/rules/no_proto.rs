//! `no-proto`: `__proto__` or one of its legacy accessors is used.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-proto",
    summary: "`__proto__` or one of its legacy accessors is used",
    checklist: "2",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-1321"],
    security_severity: "8.1",
    since: "0.1.0",
    page: include_str!("../../rules/no-proto.md"),
};

/// The rule.
pub struct NoProto;

impl Rule for NoProto {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
