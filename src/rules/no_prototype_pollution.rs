//! `no-prototype-pollution`: A write whose object and key both follow keys that the input chooses.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::observe::KeyedWrite;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-prototype-pollution",
    summary: "A write whose object and key both follow keys that the input chooses",
    checklist: "2",
    level: Level::Error,
    confidence: Confidence::Medium,
    cwe: &["CWE-1321"],
    security_severity: "8.8",
    since: "0.1.0",
    page: include_str!("../../rules/no-prototype-pollution.md"),
};

/// The rule.
pub struct NoPrototypePollution;

impl Rule for NoPrototypePollution {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let writes = &cx.semantic.seen().keyed_writes;
        // What one call makes an error of is no warning as well, whoever else calls.
        let is_worse = |seen: &KeyedWrite| writes.iter().any(|other| other.range == seen.range && other.level > seen.level);
        writes.iter().filter(|seen| !is_worse(seen)).map(write).collect()
    }
}

fn write(seen: &KeyedWrite) -> Finding {
    let finding = Finding::new(&META, seen.range, seen.message.clone())
        .level(seen.level)
        .confidence(Confidence::Medium)
        .tag("input chooses the key")
        .help("use a `Map` or `Object.create(null)`, check the key against a list, or descend only where `Object.hasOwn(target, key)`");
    seen.steps.iter().fold(finding, |finding, (range, text)| finding.related(*range, text.clone()))
}
