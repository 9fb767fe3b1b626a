//! `require-input-validation`: an input is used in a way that demands more than is known of it.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "require-input-validation",
    summary: "An input is used in a way that demands more than is known of it",
    checklist: "4",
    level: Level::Error,
    confidence: Confidence::Medium,
    cwe: &["CWE-20"],
    security_severity: "6.5",
    since: "0.1.0",
    page: include_str!("../../rules/require-input-validation.md"),
};

/// The rule.
pub struct RequireInputValidation;

impl Rule for RequireInputValidation {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
