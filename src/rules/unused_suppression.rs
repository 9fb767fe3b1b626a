//! `unused-suppression`: A suppression comment suppresses nothing.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "unused-suppression",
    summary: "A suppression comment suppresses nothing",
    checklist: "file",
    level: Level::Warning,
    confidence: Confidence::High,
    cwe: &[],
    security_severity: "2.0",
    since: "0.1.0",
    page: include_str!("../../rules/unused-suppression.md"),
};

/// The rule.
pub struct UnusedSuppression;

impl Rule for UnusedSuppression {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    // The pipeline makes these findings: they precede the model that rules ask.
    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}

/// A directive, or one rule of it, that met no finding.
pub fn unused(range: TextRange, rule: &str) -> Finding {
    Finding::new(&META, range, format!("nothing here is reported by `{rule}`")).help("remove the suppression")
}

/// `fnvet-enable` without a `fnvet-disable` before it.
pub fn nothing_to_enable(range: TextRange, rule: &str) -> Finding {
    Finding::new(&META, range, format!("`{rule}` is not disabled here")).help("remove the comment")
}
