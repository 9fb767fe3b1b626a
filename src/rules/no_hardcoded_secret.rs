//! `no-hardcoded-secret`: A credential is written into the source.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-hardcoded-secret",
    summary: "A credential is written into the source",
    checklist: "3",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-798"],
    security_severity: "8.4",
    since: "0.1.0",
    page: include_str!("../../rules/no-hardcoded-secret.md"),
};

/// The rule.
pub struct NoHardcodedSecret;

impl Rule for NoHardcodedSecret {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
