//! `missing-entry`: the file defines no entry function.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "missing-entry",
    summary: "The file defines no entry function",
    checklist: "file",
    level: Level::Warning,
    confidence: Confidence::High,
    cwe: &[],
    security_severity: "2.0",
    since: "0.1.0",
    page: include_str!("../../rules/missing-entry.md"),
};

/// The rule.
pub struct MissingEntry;

impl Rule for MissingEntry {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        match cx.semantic.entry() {
            Some(_) => Vec::new(),
            None => vec![missing(cx.semantic.entry_name())],
        }
    }
}

fn missing(entry: &str) -> Finding {
    Finding::new(&META, TextRange::new(0, 0), format!("the file defines no `{entry}` function"))
        .help(format!("define `function {entry}(input) {{ … }}`; the file was checked as a library"))
}
