//! `too-complex`: the analysis used up its work on the file, and judged the rest of it less closely.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::WORK_BOUND;
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "too-complex",
    summary: "The analysis of the file would take too long and was cut short",
    checklist: "file",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-400"],
    security_severity: "5.0",
    since: "0.1.0",
    page: include_str!("../../rules/too-complex.md"),
};

/// The rule.
pub struct TooComplex;

impl Rule for TooComplex {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        if !cx.semantic.bounds_reached().contains_key(WORK_BOUND) {
            return Vec::new();
        }
        match cx.semantic.entry() {
            Some(entry) => vec![cut_short(entry.range)],
            None => vec![cut_short(TextRange::new(0, 0)).level(Level::Warning)],
        }
    }
}

/// Reading the file took more than there is: `what` says of which.
pub fn too_much(what: &str) -> Finding {
    Finding::new(&META, TextRange::default(), format!("reading this file takes {what} than a review may"))
        .help("make it smaller, or split the function; nothing else was checked in this file")
}

fn cut_short(range: TextRange) -> Finding {
    Finding::new(&META, range, "the paths through this file are too many to follow: not every call was entered")
        .help("call helpers from fewer places, nest loops and calls less deeply, or split the function")
}
