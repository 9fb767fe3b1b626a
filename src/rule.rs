//! The shape of a rule: pure, without I/O, without state across files, never failing.

use crate::finding::{Confidence, Finding, Level};
use crate::semantic::Semantic;
use crate::source::SourceFile;

/// Everything that is said about a rule, said once. README, `explain`, SARIF and the configuration
/// schema derive from it.
#[derive(Debug)]
pub struct RuleMeta {
    /// Kebab-case id, unique and stable.
    pub id: &'static str,
    /// One sentence, present tense, without a full stop.
    pub summary: &'static str,
    /// `"1"` to `"6"`, `"isolation"` or `"file"`.
    pub checklist: &'static str,
    /// The usual level of its findings.
    pub level: Level,
    /// The usual confidence of its findings.
    pub confidence: Confidence,
    /// CWE identifiers, such as `"CWE-95"`.
    pub cwe: &'static [&'static str],
    /// CVSS-like severity as GitHub reads it: a decimal number from 0.0 to 10.0, as text.
    pub security_severity: &'static str,
    /// The version that brought the rule.
    pub since: &'static str,
    /// Its page under `rules/`: what, why, bad, good, limits, references.
    pub page: &'static str,
}

/// What a rule may look at.
pub struct Context<'a> {
    /// The text.
    pub source: &'a SourceFile,
    /// The semantic model, built once per file.
    pub semantic: &'a Semantic,
}

/// One rule of the checklist.
pub trait Rule: Send + Sync {
    /// What is said about it.
    fn meta(&self) -> &'static RuleMeta;
    /// Its findings in one file, in any order.
    fn check(&self, cx: &Context<'_>) -> Vec<Finding>;
}
