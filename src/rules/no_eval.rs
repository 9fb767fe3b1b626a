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

/// The rule.
pub struct NoEval;

impl Rule for NoEval {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let seen = cx.semantic.seen();
        let captured = seen.mentions.iter().filter(|m| m.path == "eval").map(|m| m.range);
        let calls = seen.builtin_calls.get("eval");
        let mut findings: Vec<Finding> = captured.map(|range| called_from(built_in(range), range, calls)).collect();
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

/// Adds the places where the captured function is called.
fn called_from(finding: Finding, captured: TextRange, calls: Option<&BTreeSet<TextRange>>) -> Finding {
    let elsewhere = calls.into_iter().flatten().filter(|call| !captured.contains(**call) && !call.contains(captured));
    elsewhere.fold(finding, |finding, &call| finding.related(call, "called here"))
}
