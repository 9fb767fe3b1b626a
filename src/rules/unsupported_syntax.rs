//! `unsupported-syntax`: the source uses syntax that the sandbox cannot run.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "unsupported-syntax",
    summary: "The source uses syntax that the sandbox cannot run",
    checklist: "file",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &[],
    security_severity: "5.0",
    since: "0.1.0",
    page: include_str!("../../rules/unsupported-syntax.md"),
};

/// The rule.
pub struct UnsupportedSyntax;

impl Rule for UnsupportedSyntax {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        cx.semantic.unsupported().iter().map(|&(range, construct)| unsupported(range, construct)).collect()
    }
}

fn unsupported(range: crate::source::TextRange, construct: &str) -> Finding {
    Finding::new(&META, range, format!("the sandbox cannot run {construct}")).help("write it without this construct")
}
