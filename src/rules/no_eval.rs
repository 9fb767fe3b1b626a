//! `no-eval`: dynamic code through the built-in `eval`, however it is reached.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::source::TextRange;
use std::collections::BTreeSet;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-eval",
    summary: "Dynamic code through the built-in `eval`, however it is reached",
    checklist: "1",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-95"],
    security_severity: "9.8",
    since: "0.1.0",
    page: include_str!("../../rules/no-eval.md"),
};

/// Calls of a captured function that a finding shows.
const CALLS_SHOWN_MAX: usize = 20;

/// The rule.
pub struct NoEval;

impl Rule for NoEval {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let seen = cx.semantic.seen();
        let captured: BTreeSet<TextRange> = seen.mentions.iter().filter(|m| m.path == "eval").map(|m| m.range).collect();
        let calls = seen.builtin_calls.get("eval").into_iter().flatten().copied();
        let elsewhere: Vec<TextRange> = calls.filter(|&call| !takes_hold(call, &captured)).take(CALLS_SHOWN_MAX).collect();
        let mut findings: Vec<Finding> = captured.into_iter().map(|range| called_from(built_in(range), range, &elsewhere)).collect();
        findings.extend(seen.dynamic_globals.iter().map(|&range| computed(range)));
        findings
    }
}

fn built_in(range: TextRange) -> Finding {
    Finding::new(&META, range, "this is the built-in `eval`: it compiles and runs any text it is given")
        .tag("`eval`")
        .help("write the computation itself; for data use `JSON.parse`, for a choice a table of functions")
}

fn computed(range: TextRange) -> Finding {
    Finding::new(&META, range, "a property of the global object is read under a computed name, which may be `eval`")
        .confidence(Confidence::Medium)
        .tag("any global")
        .help("name the global, or choose from a table of your own")
}

/// Whether a call takes hold of the function itself: then it is a finding of its own.
fn takes_hold(call: TextRange, captured: &BTreeSet<TextRange>) -> bool {
    let inside = TextRange::new(call.start, call.start)..;
    captured.range(inside).take_while(|range| range.start < call.end).any(|&range| call.contains(range))
}

/// Adds the places where the captured function is called.
fn called_from(finding: Finding, captured: TextRange, calls: &[TextRange]) -> Finding {
    let elsewhere = calls.iter().filter(|call| !captured.contains(**call));
    elsewhere.fold(finding, |finding, &call| finding.related(call, "called here"))
}
