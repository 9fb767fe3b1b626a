//! `no-implied-eval`: A timer is given text, which it would run as code.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-implied-eval",
    summary: "A timer is given text, which it would run as code",
    checklist: "1",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-95"],
    security_severity: "9.3",
    since: "0.1.0",
    page: include_str!("../../rules/no-implied-eval.md"),
};

/// The rule.
pub struct NoImpliedEval;

impl Rule for NoImpliedEval {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        cx.semantic.seen().timer_strings.iter().map(|t| text(&t.timer, &t.why, t.range)).collect()
    }
}

fn text(timer: &str, why: &str, range: TextRange) -> Finding {
    Finding::new(&META, range, format!("the first argument of `{timer}` {why}, which the timer would compile and run"))
        .tag(format!("`{timer}` with text"))
        .help("pass a function: `setTimeout(() => …, delay)`")
}
