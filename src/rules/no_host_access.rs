//! `no-host-access`: the function reaches for the host: modules, processes, files, network.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-host-access",
    summary: "The function reaches for the host: modules, processes, files, network",
    checklist: "1",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-829"],
    security_severity: "9.1",
    since: "0.1.0",
    page: include_str!("../../rules/no-host-access.md"),
};

/// The rule.
pub struct NoHostAccess;

impl Rule for NoHostAccess {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
