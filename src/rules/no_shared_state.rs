//! `no-shared-state`: state is kept where another call could see it.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::observe::SharedState;

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

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        cx.semantic.seen().shared_state.iter().map(write).collect()
    }
}

fn write(seen: &SharedState) -> Finding {
    Finding::new(&META, seen.range, seen.message.clone())
        .level(seen.level)
        .tag("outlives the call")
        .help("declare it inside `execute`, and return what the caller needs")
}
