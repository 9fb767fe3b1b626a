//! `no-context-override`: the identity that the host injects is overwritten, or taken from the input.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::observe::ContextOverride;

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

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        cx.semantic.seen().context_overrides.iter().map(meddled).collect()
    }
}

fn meddled(seen: &ContextOverride) -> Finding {
    Finding::new(&META, seen.range, seen.message.clone())
        .level(seen.level)
        .tag("identity of the call")
        .help("read `__tenantId`, `__agentId`, `__userId` and `__env` as the host gives them")
}
