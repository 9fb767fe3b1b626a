//! `no-new-func`: dynamic code through a function constructor, however it is reached.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::builtins::FUNCTION_CONSTRUCTORS;
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-new-func",
    summary: "Dynamic code through a function constructor, however it is reached",
    checklist: "1",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-95"],
    security_severity: "9.8",
    since: "0.1.0",
    page: include_str!("../../rules/no-new-func.md"),
};

/// The rule.
pub struct NoNewFunc;

impl Rule for NoNewFunc {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let mentions = cx.semantic.seen().mentions.iter();
        mentions.filter(|m| FUNCTION_CONSTRUCTORS.contains(&m.path.as_str())).map(|m| constructor(&m.path, m.range)).collect()
    }
}

fn constructor(path: &str, range: TextRange) -> Finding {
    Finding::new(&META, range, format!("this reaches the `{path}` constructor, which compiles text into a function"))
        .tag(format!("`{path}`"))
        .help("write the function itself, or choose from a table of functions")
}
