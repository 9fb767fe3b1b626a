//! `suppression-without-reason`: A suppression comment gives no reason, and so has no effect.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "suppression-without-reason",
    summary: "A suppression comment gives no reason, and so has no effect",
    checklist: "file",
    level: Level::Warning,
    confidence: Confidence::High,
    cwe: &[],
    security_severity: "3.0",
    since: "0.1.0",
    page: include_str!("../../rules/suppression-without-reason.md"),
};

/// The rule.
pub struct SuppressionWithoutReason;

impl Rule for SuppressionWithoutReason {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    // The pipeline makes these findings: they precede the model that rules ask.
    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}

/// A directive without ` -- reason`.
pub fn without_reason(range: TextRange, directive: &str) -> Finding {
    Finding::new(&META, range, format!("`{directive}` gives no reason, so it suppresses nothing")).help("append ` -- ` and the reason")
}
