//! `no-unbounded-operation`: A few bytes of input decide how much work or memory is spent.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::observe::{Costly, Measure};
use crate::source::TextRange;
use std::collections::BTreeMap;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-unbounded-operation",
    summary: "A few bytes of input decide how much work or memory is spent",
    checklist: "6",
    level: Level::Error,
    confidence: Confidence::Medium,
    cwe: &["CWE-400"],
    security_severity: "7.3",
    since: "0.1.0",
    page: include_str!("../../rules/no-unbounded-operation.md"),
};

/// The rule.
pub struct NoUnboundedOperation;

impl Rule for NoUnboundedOperation {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let mut worst: BTreeMap<TextRange, &Costly> = BTreeMap::new();
        for cost in &cx.semantic.seen().costs {
            let known = worst.entry(cost.range).or_insert(cost);
            if cost.level > known.level {
                *known = cost;
            }
        }
        worst.into_values().map(costly).collect()
    }
}

fn costly(seen: &Costly) -> Finding {
    let help = limit(seen);
    let finding = Finding::new(&META, seen.range, seen.message.clone())
        .level(seen.level)
        .confidence(Confidence::Medium)
        .tag("input decides how much")
        .help(help);
    seen.steps.iter().fold(finding, |finding, (range, text)| finding.related(*range, text.clone()))
}

/// A guard that would bound the work, written for the paths that decide it.
fn limit(seen: &Costly) -> String {
    let path = seen.drivers.first().map_or("the value", String::as_str).replace("[*]", "[i]");
    match (seen.measure, seen.drivers.len()) {
        (Measure::Value, 2..) => "count the passes and stop: `if (++passes > 1000) throw new Error(\"too large\");`".to_owned(),
        (Measure::Value, _) => format!("limit it first: `if (!({path} <= 1000)) throw new Error(\"too large\");`"),
        (Measure::Size, _) => format!("limit its size: `if ({path}.length > 1000) throw new Error(\"too many\");`"),
    }
}
