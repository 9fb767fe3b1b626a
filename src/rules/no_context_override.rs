//! `no-context-override`: the identity that the host injects is overwritten, or taken from the input.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-context-override",
    summary: "The identity that the host injects is overwritten, or taken from the input",
    checklist: "isolation",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-639"],
    security_severity: "8.5",
    since: "0.1.0",
    page: include_str!("../../rules/no-context-override.md"),
};

/// The rule.
pub struct NoContextOverride;

impl Rule for NoContextOverride {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
