//! `no-sensitive-log`: A sensitive value reaches a log or an error message.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-sensitive-log",
    summary: "A sensitive value reaches a log or an error message",
    checklist: "3",
    level: Level::Warning,
    confidence: Confidence::Medium,
    cwe: &["CWE-532"],
    security_severity: "5.5",
    since: "0.1.0",
    page: include_str!("../../rules/no-sensitive-log.md"),
};

/// The rule.
pub struct NoSensitiveLog;

impl Rule for NoSensitiveLog {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
