//! `no-hardcoded-secret`: A credential is written into the source.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::names::SensitiveNames;
use crate::semantic::secrets;
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-hardcoded-secret",
    summary: "A credential is written into the source",
    checklist: "3",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-798"],
    security_severity: "8.4",
    since: "0.1.0",
    page: include_str!("../../rules/no-hardcoded-secret.md"),
};

/// The rule.
pub struct NoHardcodedSecret;

impl Rule for NoHardcodedSecret {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let names = SensitiveNames::new(&cx.semantic.settings().sensitive);
        let mut findings: Vec<Finding> = Vec::new();
        for constant in &cx.semantic.seen().strings {
            if let Some(title) = secrets::credential(&constant.text) {
                findings.push(credential(title, constant.range));
            } else if let Some(name) = constant.names.iter().find(|n| names.sensitive(n).is_some())
                && secrets::looks_secret(&constant.text)
            {
                findings.push(bound(name, constant.range));
            }
        }
        // A text composed of parts is one secret, told at its widest place.
        let places: Vec<TextRange> = findings.iter().map(|f| f.primary.range).collect();
        findings.retain(|f| !places.iter().any(|p| *p != f.primary.range && p.contains(f.primary.range)));
        findings.sort_by_key(|f| f.primary.range);
        findings.dedup_by_key(|f| f.primary.range);
        findings
    }
}

fn credential(title: &str, range: TextRange) -> Finding {
    Finding::new(&META, range, format!("this text has the format of a credential ({title})")).tag("a credential").help(HELP)
}

fn bound(name: &str, range: TextRange) -> Finding {
    Finding::new(&META, range, format!("`{name}` holds a text that looks like a real secret"))
        .confidence(Confidence::Medium)
        .tag("in the source")
        .help(HELP)
}

const HELP: &str = "take it from `__env`, and replace the secret: whoever can read the source has it";
