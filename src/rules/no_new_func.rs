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
        let seen = cx.semantic.seen();
        let mentions = seen.mentions.iter().filter(|m| FUNCTION_CONSTRUCTORS.contains(&m.path.as_str()));
        mentions.map(|m| constructor(&m.path, m.range)).chain(seen.chosen_calls.iter().map(|&range| chosen(range))).collect()
    }
}

fn chosen(range: TextRange) -> Finding {
    Finding::new(&META, range, "input chooses both steps to the function that is called: `constructor` twice is the `Function` constructor")
        .level(Level::Warning)
        .confidence(Confidence::Medium)
        .tag("any function")
        .help("check each step with `Object.hasOwn`, or choose from a `Map`")
}

fn constructor(path: &str, range: TextRange) -> Finding {
    Finding::new(&META, range, format!("this reaches the `{path}` constructor, which compiles text into a function"))
        .tag(format!("`{path}`"))
        .help("write the function itself, or choose from a table of functions")
}
