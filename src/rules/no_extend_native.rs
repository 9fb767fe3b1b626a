//! `no-extend-native`: A built-in object or its prototype is written to.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-extend-native",
    summary: "A built-in object or its prototype is written to",
    checklist: "2",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-1321"],
    security_severity: "8.6",
    since: "0.1.0",
    page: include_str!("../../rules/no-extend-native.md"),
};

/// The rule.
pub struct NoExtendNative;

impl Rule for NoExtendNative {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        cx.semantic.seen().native_writes.iter().map(|w| write(&w.target, w.key.as_deref(), w.range)).collect()
    }
}

fn write(target: &str, key: Option<&str>, range: TextRange) -> Finding {
    let what = key.map_or_else(|| format!("a property of the built-in `{target}`"), |key| format!("`{target}.{key}`"));
    Finding::new(&META, range, format!("{what} is written: every object of the engine shares it"))
        .tag("a built-in changes")
        .help("write a function of your own instead of a method on a built-in")
}
