//! `no-shared-state`: state is kept where another call could see it.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-shared-state",
    summary: "State is kept where another call could see it",
    checklist: "isolation",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-488"],
    security_severity: "6.8",
    since: "0.1.0",
    page: include_str!("../../rules/no-shared-state.md"),
};

/// The rule.
pub struct NoSharedState;

impl Rule for NoSharedState {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}
