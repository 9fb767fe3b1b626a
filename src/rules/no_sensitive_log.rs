//! `no-sensitive-log`: A sensitive value reaches a log or an error message.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::observe::{Leak, Sink};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-sensitive-log",
    summary: "A sensitive value reaches a log or an error message",
    checklist: "3",
    level: Level::Warning,
    confidence: Confidence::Medium,
    cwe: &["CWE-532"],
    security_severity: "5.5",
    since: "0.1.0",
    page: include_str!("../../rules/no-sensitive-log.md"),
};

/// The rule.
pub struct NoSensitiveLog;

impl Rule for NoSensitiveLog {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        cx.semantic.seen().leaks.iter().filter(|leak| leak.sink != Sink::Return).map(logged).collect()
    }
}

fn logged(leak: &Leak) -> Finding {
    let place = if leak.sink == Sink::Log { "the application log" } else { "the message of an error, which the audit log keeps" };
    let what = if leak.whole { format!("the whole of `{}`", leak.what) } else { format!("`{}`", leak.what) };
    let finding = Finding::new(&META, leak.range, format!("{what} reaches {place}"))
        .tag("leaves here")
        .help("say which field was wrong, not what it holds");
    leak.steps.iter().fold(finding, |finding, (range, text)| finding.related(*range, text.clone()))
}
