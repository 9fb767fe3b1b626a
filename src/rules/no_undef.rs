//! `no-undef`: A global is used that the sandbox does not provide.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::environment::{Global, classify};
use crate::source::TextRange;
use std::collections::BTreeSet;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-undef",
    summary: "A global is used that the sandbox does not provide",
    checklist: "1",
    level: Level::Warning,
    confidence: Confidence::High,
    cwe: &[],
    security_severity: "2.0",
    since: "0.1.0",
    page: include_str!("../../rules/no-undef.md"),
};

/// The rule.
pub struct NoUndef;

impl Rule for NoUndef {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let semantic = cx.semantic;
        let mut told = BTreeSet::new();
        let mut findings = Vec::new();
        for mention in
            semantic.seen().mentions.iter().filter(|m| m.is_global_name && !m.is_tested && !m.path.contains('.') && m.path != "import()")
        {
            if semantic.seen().created_globals.contains(&mention.path) || !cx.source.slice(mention.range).starts_with(&mention.path) {
                continue;
            }
            if let Global::Absent(hint) = classify(&mention.path, semantic.settings(), semantic.is_commonjs())
                && told.insert((mention.path.clone(), semantic.enclosing_function(mention.range).to_owned()))
            {
                findings.push(absent(&mention.path, hint, mention.range));
            }
        }
        findings
    }
}

fn absent(name: &str, hint: Option<&str>, range: TextRange) -> Finding {
    let help = hint.map_or_else(|| "declare it, or pass it in".to_owned(), str::to_owned);
    Finding::new(&META, range, format!("`{name}` is not declared, and the sandbox does not provide it: reading it throws a ReferenceError"))
        .tag("not defined")
        .help(help)
}
