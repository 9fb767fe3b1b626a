//! Whether every function of a repository has a valid approval of exactly its content.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rayon::prelude::*;

use super::candidate::{Candidate, GateError, Policy, is_function_file};
use super::statement::{ENVELOPE_BYTES_MAX, Envelope, Placement, Statement, Verdict};
use super::trust::{Revocations, Trust};
use super::{SecondPerson, language_name};
use crate::config::Settings;
use crate::finding::Level;
use crate::report::{Cleared, Refusal, WaiverRequest};
use crate::rules::ruleset_digest;
use crate::source::collect::{companion, git_root, normalise, read_regular, shown_path};
use crate::source::git::{Git, TrackedKind};

/// How far clocks may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What is demanded of approvals.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// Whose signatures, policy and revocations count.
    pub trust: Option<Trust>,
    /// The policy where nothing is trusted by reference.
    pub policy: Policy,
    /// Approvals without a checked signature count, too.
    pub allow_unsigned: bool,
}

/// How one function stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Approved, exactly as it is.
    Valid(Valid),
    /// Not approved.
    Missing,
    /// Its approval does not hold, for this reason.
    Invalid(String),
    /// It cannot be said, for this reason.
    Error(GateError),
}

/// A valid approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Valid {
    /// Its id.
    pub approval_id: String,
    /// Who approved.
    pub approver: String,
    /// Until when.
    pub expires_at: Timestamp,
    /// Whether nobody's signature was checked.
    pub is_unsigned: bool,
    /// What a person should know all the same.
    pub remarks: Vec<String>,
}

/// One function and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The path, as it is shown.
    pub path: String,
    /// How it stands.
    pub standing: Standing,
}

/// Every function that was looked at, and remarks about what was passed by.
#[derive(Clone, Debug, Default)]
pub struct Verification {
    /// In order of the path.
    pub functions: Vec<Checked>,
    /// What a person should know.
    pub notices: Vec<String>,
}

/// Verifies the functions that `paths` name: those of folders that Git tracks, and every file named.
///
/// # Errors
/// Where a path or a revocation file cannot be used.
pub fn verify(paths: &[PathBuf], demands: &Demands, current: &Path) -> Result<Verification, GateError> {
    let mut verification = Verification::default();
    let mut found = BTreeSet::new();
    for path in paths {
        let path = normalise(&current.join(path));
        if let Some(trust) = demands.trust.as_ref().filter(|trust| !path.starts_with(trust.root())) {
            let shown = shown_path(&path, current);
            return Err(GateError::Usage(format!("{shown}: it is not in the repository of {}", trust.reference())));
        }
        find(&path, current, &mut found, &mut verification.notices)?;
    }
    let mut revoked: BTreeMap<PathBuf, Revocations> = BTreeMap::new();
    for (_, root) in &found {
        if !revoked.contains_key(root) {
            revoked.insert(root.clone(), Revocations::of_work_tree(root)?);
        }
    }
    let check = |(path, root): &(PathBuf, PathBuf)| {
        let work_tree = revoked.get(root).cloned().unwrap_or_default();
        let checker = Checker { demands, root, work_tree, current, now: Timestamp::now() };
        Checked { path: shown_path(path, current), standing: checker.check(path) }
    };
    let found: Vec<(PathBuf, PathBuf)> = found.into_iter().collect();
    verification.functions = found.par_iter().map(check).collect();
    Ok(verification)
}

/// The functions that a path names, each with the root it belongs to.
fn find(path: &Path, current: &Path, found: &mut BTreeSet<(PathBuf, PathBuf)>, notices: &mut Vec<String>) -> Result<(), GateError> {
    let shown = shown_path(path, current);
    let is_folder = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
    if !is_folder {
        let root = path.parent().and_then(git_root).or_else(|| path.parent().map(Path::to_owned)).unwrap_or_default();
        if path.symlink_metadata().is_ok() && !is_function_file(path) {
            return Err(GateError::Usage(format!("{shown}: it is not a function source")));
        }
        found.insert((path.to_owned(), root));
        return Ok(());
    }
    match git_root(path) {
        Some(root) => {
            let tracked = Git::new(&root).tracked().map_err(|error| GateError::Failure(format!("{shown}: {error}")))?;
            for entry in tracked {
                let full = root.join(&entry.path);
                if !full.starts_with(path) {
                    continue;
                }
                if entry.kind == TrackedKind::Submodule {
                    notices.push(format!("{}: it is another repository, which is verified there", shown_path(&full, current)));
                } else if is_function_file(&full) {
                    found.insert((full, root.clone()));
                }
            }
        }
        None => {
            notices.push(format!("{shown}: it is not in a Git repository; every file in it counts"));
            for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
                let entry = entry.map_err(|error| GateError::Failure(format!("{shown}: {error}")))?;
                if !entry.file_type().is_dir() && is_function_file(entry.path()) {
                    found.insert((entry.path().to_owned(), path.to_owned()));
                }
            }
        }
    }
    Ok(())
}

struct Checker<'a> {
    demands: &'a Demands,
    root: &'a Path,
    work_tree: Revocations,
    current: &'a Path,
    now: Timestamp,
}

impl Checker<'_> {
    fn check(&self, path: &Path) -> Standing {
        match self.standing(path) {
            Ok(standing) => standing,
            Err(error) => Standing::Error(error),
        }
    }

    fn standing(&self, path: &Path) -> Result<Standing, GateError> {
        if let Some(reason) = self.leads_out(path) {
            return Ok(Standing::Invalid(reason));
        }
        let policy = match &self.demands.trust {
            Some(trust) => trust.policy(path.parent().unwrap_or(path))?,
            None => self.demands.policy.clone(),
        };
        let candidate = Candidate::read(path, &policy, self.current)?;
        let approval = companion(path, "approval").filter(|approval| approval.symlink_metadata().is_ok());
        let Some(approval) = approval else { return Ok(Standing::Missing) };
        let bytes = match read_regular(&approval, ENVELOPE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(reason) => return Ok(Standing::Invalid(format!("its approval cannot be read: {reason}"))),
        };
        let envelope = match Envelope::parse(&bytes).and_then(|envelope| envelope.statement().map(|statement| (envelope, statement))) {
            Ok(envelope) => envelope,
            Err(error) => return Ok(Standing::Invalid(format!("its approval cannot be used: {error}"))),
        };
        Ok(match self.judge(&candidate, &envelope.0, &envelope.1) {
            Ok(valid) => Standing::Valid(valid),
            Err(reason) => Standing::Invalid(reason),
        })
    }

    /// Neither the function nor anything that belongs to it may stand outside of what is verified.
    fn leads_out(&self, path: &Path) -> Option<String> {
        let root = self.root.canonicalize().ok()?;
        let kinds = ["schema", "cases", "approval"].iter().filter_map(|kind| companion(path, kind));
        let files = std::iter::once(path.to_owned()).chain(kinds).filter(|file| file.symlink_metadata().is_ok());
        let mut outside = files.filter(|file| file.canonicalize().is_ok_and(|real| !real.starts_with(&root)));
        let name = outside.next()?.file_name()?.to_string_lossy().into_owned();
        Some(format!("{name} is a link that leads out of the repository"))
    }

    fn judge(&self, candidate: &Candidate, envelope: &Envelope, statement: &Statement) -> Result<Valid, String> {
        holds(candidate, statement, self.now)?;
        let predicate = &statement.predicate;
        let trusted = self.demands.trust.as_ref().map(Trust::revocations);
        if let Some(reason) = self.work_tree.reason(statement).or_else(|| trusted?.reason(statement)) {
            return Err(format!("its approval was revoked: {reason}"));
        }
        let is_unsigned = self.check_signature(envelope, statement)?;
        let (_, mut remarks) = still_clear(candidate, statement)?;
        if predicate.digests.cases.as_deref() != candidate.cases_sha256() {
            remarks.push("its cases changed since".to_owned());
        }
        Ok(Valid {
            approval_id: predicate.approval_id.clone(),
            approver: predicate.approver.clone(),
            expires_at: predicate.expires_at,
            is_unsigned,
            remarks,
        })
    }

    /// Whether it counts although nobody's signature was checked.
    fn check_signature(&self, envelope: &Envelope, statement: &Statement) -> Result<bool, String> {
        let checked = match &self.demands.trust {
            None if envelope.signatures.is_empty() => Err("its approval is not signed".to_owned()),
            None => Err("the signature of its approval cannot be checked without --trust-from".to_owned()),
            Some(trust) if trust.signers().is_empty() => Err(format!("{} allows nobody to sign approvals", trust.reference())),
            Some(trust) => {
                let predicate = &statement.predicate;
                let checked = trust.signers().check(envelope, &predicate.approver, predicate.decided_at);
                checked.map_err(|reason| format!("its approval does not count: {reason}"))
            }
        };
        match checked {
            Ok(()) => Ok(false),
            Err(_) if self.demands.allow_unsigned => Ok(true),
            Err(reason) => Err(reason),
        }
    }
}

/// Whether the statement approves exactly this function, and holds at the time `now`. Whose statement
/// it is and whether it was revoked is for the caller to know.
///
/// # Errors
/// Why it does not.
pub fn holds(candidate: &Candidate, statement: &Statement, now: Timestamp) -> Result<(), String> {
    let predicate = &statement.predicate;
    same_function(candidate, statement)?;
    if predicate.decision != Verdict::Approved || !predicate.trial.passed {
        return Err("it was not approved".to_owned());
    }
    SecondPerson::new(&predicate.approver, &predicate.authors).map_err(|error| error.to_string())?;
    if predicate.decided_at > now.saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX) {
        return Err(format!("its approval is dated {}, which is yet to come", predicate.decided_at));
    }
    if now >= predicate.expires_at {
        return Err(format!("its approval expired on {}", predicate.expires_at.strftime("%Y-%m-%d")));
    }
    Ok(())
}

/// The rules of today, with the waivers of then: what is cleared, and what a person should know.
///
/// # Errors
/// Why it is no longer clear.
pub fn still_clear(candidate: &Candidate, statement: &Statement) -> Result<(Cleared, Vec<String>), String> {
    let predicate = &statement.predicate;
    let findings = candidate.report().findings();
    let still_there = predicate
        .waivers
        .iter()
        .filter(|waiver| findings.iter().any(|found| found.fingerprint == waiver.fingerprint && found.finding.level == Level::Error));
    let waivers: Vec<WaiverRequest> =
        still_there.map(|waiver| WaiverRequest { selector: waiver.fingerprint.clone(), reason: waiver.reason.clone() }).collect();
    let cleared = match candidate.clear(&waivers) {
        Ok(cleared) => cleared,
        Err(Refusal::Blocking(findings)) => {
            let rules: BTreeSet<&str> = findings.iter().map(|found| found.finding.rule).collect();
            let rules = rules.into_iter().collect::<Vec<_>>().join(", ");
            return Err(format!("it is no longer clear: {}", if rules.is_empty() { "it cannot run" } else { &rules }));
        }
        Err(other) => return Err(format!("it is no longer clear: {other}")),
    };
    let stale = is_stale(statement, candidate.report().settings());
    Ok((cleared, stale.then(|| "stale-policy: rules or lint settings changed since; it is still clear".to_owned()).into_iter().collect()))
}

/// Whether rules or lint settings are others than those it was approved under.
pub fn is_stale(statement: &Statement, settings: &Settings) -> bool {
    let digests = &statement.predicate.digests;
    digests.ruleset != ruleset_digest().trim_start_matches("sha256:") || digests.settings != settings.lint_digest()
}

fn agent(placement: Option<&Placement>) -> Option<&str> {
    placement.and_then(|placement| placement.agent_id.as_deref())
}

/// Whether the statement is about this function as it is.
fn same_function(candidate: &Candidate, statement: &Statement) -> Result<(), String> {
    let (predicate, settings) = (&statement.predicate, candidate.report().settings());
    let name = statement.subject.first().map(|subject| subject.name.as_str()).unwrap_or_default();
    if name != candidate.subject() {
        return Err(format!("its approval is one of {name}"));
    }
    let source = candidate.report().source();
    let changed = [
        (statement.source_sha256() != candidate.report().sha256(), "the source"),
        (predicate.digests.schema != candidate.schema_sha256(), "the schema"),
        (source.is_none_or(|source| predicate.function.language != language_name(source.language)), "the language"),
        (predicate.function.name != candidate.name(), "the name"),
        (agent(predicate.registry.as_ref()) != agent(candidate.placement()), "the agent"),
        (predicate.registry.as_ref() != candidate.placement(), "its place in the registry"),
        (candidate.report().entry().is_none_or(|entry| predicate.function.entry != entry.name), "the entry"),
        (Some(predicate.function.goal) != candidate.report().goal(), "the goal"),
        (predicate.enforce_schema != settings.enforce_schema, "enforce-schema"),
        (predicate.digests.limits != settings.limits.digest(), "the limits"),
    ];
    match changed.iter().find(|(changed, _)| *changed) {
        Some((_, what)) => Err(format!("{what} changed since its approval")),
        None => Ok(()),
    }
}
