//! `no-unbounded-loop`: A loop has no exit, or no progress towards its exit can be shown.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::observe::Step;
use crate::source::TextRange;
use std::collections::BTreeMap;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-unbounded-loop",
    summary: "A loop has no exit, or no progress towards its exit can be shown",
    checklist: "5",
    level: Level::Error,
    confidence: Confidence::Medium,
    cwe: &["CWE-835"],
    security_severity: "7.5",
    since: "0.1.0",
    page: include_str!("../../rules/no-unbounded-loop.md"),
};

/// The rule.
pub struct NoUnboundedLoop;

impl Rule for NoUnboundedLoop {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let mut worst: BTreeMap<TextRange, &(Level, String, Vec<Step>)> = BTreeMap::new();
        for verdict in &cx.semantic.seen().loops {
            if let Some(endless) = &verdict.endless {
                let known = worst.entry(verdict.range).or_insert(endless);
                if endless.0 > known.0 {
                    *known = endless;
                }
            }
        }
        worst.into_iter().map(|(range, (level, reason, steps))| endless(range, *level, reason, steps)).collect()
    }
}

fn endless(range: TextRange, level: Level, reason: &str, steps: &[Step]) -> Finding {
    let message = match level {
        Level::Error => format!("this loop need not end: {reason}"),
        _ => format!("this loop may not end: {reason}"),
    };
    let finding = Finding::new(&META, range, message)
        .level(level)
        .confidence(Confidence::Medium)
        .tag("no proof that it ends")
        .help("count the rounds against a limit, or let every round bring the condition closer to false");
    steps.iter().fold(finding, |finding, (range, text)| finding.related(*range, text.clone()))
}
