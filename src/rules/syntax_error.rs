//! `syntax-error`: the source cannot be read, or different engines would read it differently.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "syntax-error",
    summary: "The source cannot be read, or different engines would read it differently",
    checklist: "file",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &[],
    security_severity: "7.0",
    since: "0.1.0",
    page: include_str!("../../rules/syntax-error.md"),
};

/// The rule.
pub struct SyntaxError;

impl Rule for SyntaxError {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    // The pipeline makes these findings: they precede the model that rules ask.
    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}

/// The parser's first error, in its words.
pub fn rejected(range: TextRange, message: &str) -> Finding {
    Finding::new(&META, range, format!("this cannot be parsed: {message}"))
        .help("correct the syntax; nothing else was checked in this file")
}

/// `<!--` or `-->`, which scripts and modules, and different engines, read differently.
pub fn html_like_comment(range: TextRange) -> Finding {
    Finding::new(&META, range, "this HTML-like comment is read as code by some engines and as a comment by others")
        .help("write `//`; if an operator is meant, put spaces between its parts")
}
