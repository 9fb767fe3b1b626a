//! `unknown-rule`: A suppression comment names a rule that does not exist.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "unknown-rule",
    summary: "A suppression comment names a rule that does not exist",
    checklist: "file",
    level: Level::Warning,
    confidence: Confidence::High,
    cwe: &[],
    security_severity: "2.0",
    since: "0.1.0",
    page: include_str!("../../rules/unknown-rule.md"),
};

/// The rule.
pub struct UnknownRule;

impl Rule for UnknownRule {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    // The pipeline makes these findings: they precede the model that rules ask.
    fn check(&self, _cx: &Context<'_>) -> Vec<Finding> {
        Vec::new()
    }
}

/// A directive that names `rule`; `similar` is the nearest id there is.
pub fn unknown(range: TextRange, rule: &str, similar: Option<&str>) -> Finding {
    let help = match similar {
        Some(similar) => format!("did you mean `{similar}`?"),
        None => "`fnvet rules` lists the rules".to_owned(),
    };
    Finding::new(&META, range, format!("there is no rule `{rule}`")).help(help)
}

/// A directive that names no rule.
pub fn without_rule(range: TextRange, directive: &str) -> Finding {
    Finding::new(&META, range, format!("`{directive}` names no rule, so it suppresses nothing"))
        .help(format!("write `{directive} RULE -- reason`"))
}
