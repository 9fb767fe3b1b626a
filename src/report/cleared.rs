//! The door: the only way from a report to something that may be executed.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{FileReport, ParseStatus, Reported, Schema};
use crate::config::Settings;
use crate::finding::Level;
use crate::program::Executable;
use crate::rules::{NOT_WAIVABLE, ruleset_digest};
use crate::semantic::Entry;
use crate::source::collect::Origin;
use crate::source::{Goal, SourceFile};

/// An approver's word on one finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiverRequest {
    /// `RULE@LINE:COL`, or a fingerprint.
    pub selector: String,
    /// Why it may pass.
    pub reason: String,
}

/// A waiver that met its finding; it is kept in the approval.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Waiver {
    /// The rule.
    pub rule: String,
    /// The finding.
    pub fingerprint: String,
    /// Line of the finding.
    pub line: u32,
    /// Column of the finding.
    pub column: u32,
    /// Why it may pass.
    pub reason: String,
}

/// Why a function is not cleared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A waiver that cannot be meant as it is written: wrong usage.
    #[error("{0}")]
    Usage(String),
    /// fnvet could not do its work on this file.
    #[error("{0}")]
    Failure(String),
    /// Findings that no waiver covers.
    #[error("{} blocking finding{}", .0.len(), if .0.len() == 1 { "" } else { "s" })]
    Blocking(Vec<Reported>),
}

/// One function that passed the gate, with exactly the bytes that were judged. Its fields are
/// private and [`FileReport::clear`] alone makes it, so nothing else can reach the sandbox.
#[derive(Clone, Debug)]
pub struct Cleared {
    origin: Origin,
    source: SourceFile,
    goal: Goal,
    entry: Entry,
    schema: Option<Schema>,
    program: Arc<Executable>,
    findings: Vec<Reported>,
    settings: Arc<Settings>,
    waivers: Vec<Waiver>,
}

impl Cleared {
    /// Where the source stood.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The source that was judged.
    pub fn source(&self) -> &SourceFile {
        &self.source
    }

    /// The goal it was parsed with.
    pub fn goal(&self) -> Goal {
        self.goal
    }

    /// Its entry function.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Its InputSchema.
    pub fn schema(&self) -> Option<&Schema> {
        self.schema.as_ref()
    }

    /// What runs: printed from the tree that was judged.
    pub fn program(&self) -> &Executable {
        &self.program
    }

    /// What lint found, suppressed and waived findings too.
    pub fn findings(&self) -> &[Reported] {
        &self.findings
    }

    /// The settings it was judged under.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the approver waived.
    pub fn waivers(&self) -> &[Waiver] {
        &self.waivers
    }

    /// Hex SHA-256 of rule set, lint settings and limits: what the function was judged by.
    pub fn policy_digest(&self) -> String {
        let parts = [ruleset_digest(), &self.settings.lint_digest(), &self.settings.limits.digest()];
        hex::encode(Sha256::digest(parts.join("\n")))
    }
}

impl FileReport {
    /// Clears the function, if nothing blocks it. Suppressions and baselines do not count here;
    /// of the findings, those that `waivers` name do not.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn clear(&self, waivers: &[WaiverRequest]) -> Result<Cleared, Refusal> {
        if !self.settings.is_gate() {
            return Err(Refusal::Failure("it was not linted under the settings of the gate".to_owned()));
        }
        if let Some(problem) = self.problem() {
            return Err(Refusal::Failure(problem.to_owned()));
        }
        let waivers = self.match_waivers(waivers)?;
        let waived = |finding: &Reported| waivers.iter().any(|waiver| waiver.fingerprint == finding.fingerprint);
        let blocking: Vec<Reported> = self.findings.iter().filter(|f| blocks(f) && !waived(f)).cloned().collect();
        match (&self.source, self.goal, &self.entry, &self.program) {
            (Some(source), Some(goal), Some(entry), Some(program)) if blocking.is_empty() && self.parse == ParseStatus::Ok => Ok(Cleared {
                origin: self.origin.clone(),
                source: source.clone(),
                goal,
                entry: entry.clone(),
                schema: self.schema.clone(),
                program: program.clone(),
                findings: self.findings.clone(),
                settings: self.settings.clone(),
                waivers,
            }),
            _ => Err(Refusal::Blocking(blocking)),
        }
    }

    fn match_waivers(&self, requests: &[WaiverRequest]) -> Result<Vec<Waiver>, Refusal> {
        requests.iter().map(|request| self.match_waiver(request)).collect()
    }

    fn match_waiver(&self, request: &WaiverRequest) -> Result<Waiver, Refusal> {
        let selector = &request.selector;
        let usage = |why: String| Err(Refusal::Usage(format!("waiver `{selector}`: {why}")));
        if request.reason.trim().is_empty() {
            return usage("it needs a reason".to_owned());
        }
        let matching: Vec<&Reported> = self.findings.iter().filter(|finding| finding.is_selected_by(selector)).collect();
        let finding = match matching[..] {
            [finding] => finding,
            [] => return usage("no finding matches".to_owned()),
            _ => return usage(format!("{} findings match; name one by its fingerprint", matching.len())),
        };
        if NOT_WAIVABLE.contains(&finding.finding.rule) {
            return usage(format!("`{}` cannot be waived", finding.finding.rule));
        }
        if finding.finding.level != Level::Error {
            return usage(format!("it is a {} and blocks nothing", finding.finding.level.as_str()));
        }
        Ok(Waiver {
            rule: finding.finding.rule.to_owned(),
            fingerprint: finding.fingerprint.clone(),
            line: finding.location.start.line,
            column: finding.location.start.column,
            reason: request.reason.trim().to_owned(),
        })
    }
}

impl Reported {
    fn is_selected_by(&self, selector: &str) -> bool {
        let start = self.location.start;
        selector == self.fingerprint || selector == format!("{}@{}:{}", self.finding.rule, start.line, start.column)
    }
}

/// A missing entry is a warning to a library's author; nothing without one can be run.
fn blocks(finding: &Reported) -> bool {
    finding.finding.level == Level::Error || finding.finding.rule == "missing-entry"
}
