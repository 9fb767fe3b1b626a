//! `file-too-large`: the source is larger than the limit and was not read.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "file-too-large",
    summary: "The source is larger than the limit and was not read",
    checklist: "file",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-400"],
    security_severity: "5.0",
    since: "0.1.0",
    page: include_str!("../../rules/file-too-large.md"),
};

/// The rule.
pub struct FileTooLarge;

impl Rule for FileTooLarge {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    // The pipeline makes these findings: they precede the model that rules ask.
    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}

/// A file of more than `bytes_max` bytes.
pub fn too_large(bytes_max: u64) -> Finding {
    Finding::new(&META, TextRange::new(0, 0), format!("the file is larger than {bytes_max} bytes"))
        .help("an AI Function is small; split it, or move data out of it")
}
