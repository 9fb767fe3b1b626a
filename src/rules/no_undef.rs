//! `no-undef`: A global is used that the sandbox does not provide.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-undef",
    summary: "A global is used that the sandbox does not provide",
    checklist: "1",
    level: Level::Warning,
    confidence: Confidence::High,
    cwe: &[],
    security_severity: "2.0",
    since: "0.1.0",
    page: include_str!("../../rules/no-undef.md"),
};

/// The rule.
pub struct NoUndef;

impl Rule for NoUndef {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
