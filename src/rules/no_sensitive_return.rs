//! `no-sensitive-return`: A sensitive value reaches what the function returns.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::observe::{Leak, Sink};

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-sensitive-return",
    summary: "A sensitive value reaches what the function returns",
    checklist: "3",
    level: Level::Error,
    confidence: Confidence::Medium,
    cwe: &["CWE-200"],
    security_severity: "8.2",
    since: "0.1.0",
    page: include_str!("../../rules/no-sensitive-return.md"),
};

/// The rule.
pub struct NoSensitiveReturn;

impl Rule for NoSensitiveReturn {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        cx.semantic.seen().leaks.iter().filter(|leak| leak.sink == Sink::Return).map(returned).collect()
    }
}

fn returned(leak: &Leak) -> Finding {
    let finding = if leak.whole {
        Finding::new(&META, leak.range, format!("the whole of `{}` is returned, with whatever it holds", leak.what))
            .level(Level::Warning)
            .tag("all of it")
    } else {
        Finding::new(&META, leak.range, format!("`{}` is sensitive by its name and reaches the result of the function", leak.what))
            .tag("returned here")
    };
    let finding = finding
        .confidence(Confidence::Medium)
        .help("return only the fields that the caller needs; leave the sensitive one out, or mask all but its last four characters");
    leak.steps.iter().fold(finding, |finding, (range, text)| finding.related(*range, text.clone()))
}
