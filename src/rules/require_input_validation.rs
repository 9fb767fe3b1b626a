//! `require-input-validation`: an input is used in a way that demands more than is known of it.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::observe::UnmetDemand;
use std::collections::BTreeMap;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "require-input-validation",
    summary: "An input is used in a way that demands more than is known of it",
    checklist: "4",
    level: Level::Error,
    confidence: Confidence::Medium,
    cwe: &["CWE-20"],
    security_severity: "6.5",
    since: "0.1.0",
    page: include_str!("../../rules/require-input-validation.md"),
};

/// The rule.
pub struct RequireInputValidation;

impl Rule for RequireInputValidation {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let mut groups: BTreeMap<(&str, u32), Vec<&UnmetDemand>> = BTreeMap::new();
        for demand in &cx.semantic.seen().demands {
            groups.entry((&demand.path, demand.function)).or_default().push(demand);
        }
        groups
            .into_values()
            .map(|mut uses| {
                uses.sort_by_key(|u| (std::cmp::Reverse(u.level), u.range));
                unmet(uses[0], &uses[1..])
            })
            .collect()
    }
}

fn unmet(first: &UnmetDemand, others: &[&UnmetDemand]) -> Finding {
    let (path, what) = (&first.path, first.what);
    let message = match (first.conversion, first.level) {
        (true, _) => format!("`{path}` is converted and {what}, and nobody checked that the result is not NaN"),
        (_, Level::Error) => format!("`{path}` is {what}, but is not checked"),
        _ => format!("`{path}` is {what}, and is only known to be there, not of what type"),
    };
    let mut finding = Finding::new(&META, first.range, message).level(first.level).confidence(Confidence::Medium).tag(what).help(guard(
        path,
        first.wants,
        first.conversion,
    ));
    for (range, text) in &first.steps {
        finding = finding.related(*range, text.clone());
    }
    for other in others.iter().filter(|o| o.range != first.range).take(8) {
        finding = finding.related(other.range, format!("also {} here", other.what));
    }
    finding
}

/// A guard that would supply the missing fact, written for the path.
fn guard(path: &str, wants: &str, conversion: bool) -> String {
    let last = path.trim_end_matches("[*]").rsplit(['.', '[']).next().unwrap_or(path).trim_end_matches(']');
    let name = if path.ends_with("[*]") { format!("each of {last}") } else { last.to_owned() };
    let path = path.replace("[*]", "[i]");
    let test = match wants {
        _ if conversion && wants == "date string" => "Number.isNaN(date.getTime())".to_owned(),
        _ if conversion => format!("!Number.isFinite(Number({path}))"),
        "number" => format!("!Number.isFinite({path})"),
        "string" | "date string" => format!("typeof {path} !== \"string\""),
        "array" => format!("!Array.isArray({path})"),
        "function" => format!("typeof {path} !== \"function\""),
        _ => format!("typeof {path} !== \"object\" || {path} === null"),
    };
    let wants = if wants == "date string" { "date" } else { wants };
    let article = if wants.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("check it first: `if ({test}) throw new Error(\"{name} must be {article} {wants}\");`")
}
