//! `nesting-too-deep`: the source nests deeper than the limit and was not parsed.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "nesting-too-deep",
    summary: "The source nests deeper than the limit and was not parsed",
    checklist: "file",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-674"],
    security_severity: "5.0",
    since: "0.1.0",
    page: include_str!("../../rules/nesting-too-deep.md"),
};

/// The rule.
pub struct NestingTooDeep;

impl Rule for NestingTooDeep {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    // The pipeline makes these findings: they precede the model that rules ask.
    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}

/// Nesting that a parser, given the source in a process of its own, did not survive.
pub fn overflows() -> Finding {
    Finding::new(&META, TextRange::default(), "the source nests deeper than a parser can follow")
        .help("write it flatter; nothing else was checked in this file")
}

/// Nesting beyond `depth_max` at `range`.
pub fn too_deep(range: TextRange, depth_max: u32) -> Finding {
    Finding::new(&META, range, format!("the source nests deeper than {depth_max} levels here"))
        .help("write it flatter; nothing else was checked in this file")
}
