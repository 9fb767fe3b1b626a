//! A function with all that belongs to it, read once, under the settings of the gate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::statement::Placement;
use crate::config::discover::{Discovered, Discovery};
use crate::config::{Config, Settings};
use crate::lint::{Job, lint_nothing, lint_one};
use crate::output::escape;
use crate::report::{Cleared, FileReport, ParseStatus, Refusal, WaiverRequest};
use crate::rules::{nesting_too_deep, too_complex};
use crate::sandbox::{self, IsolationOptions, LimitKind, Rehearsal};
use crate::source::Language;
use crate::source::collect::{Access, Target, collect, companion, git_root, is_source_name, normalise, read_regular, shown_path};
use crate::trial::Cases;

/// The largest `NAME.cases.json` that is read.
const CASES_BYTES_MAX: u64 = 4 << 20;

/// Why a function does not come as far as being judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// Wrong usage or configuration.
    #[error("{0}")]
    Usage(String),
    /// fnvet could not do its work.
    #[error("{0}")]
    Failure(String),
}

/// What the operator trusts, as opposed to what stands beside the code.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    config: Option<Config>,
    /// What relative paths in it are relative to.
    folder: Option<PathBuf>,
}

impl Policy {
    /// The policy of a file that the operator names.
    ///
    /// # Errors
    /// Where it cannot be used.
    pub fn of_file(path: &Path, current: &Path) -> Result<Policy, GateError> {
        let path = normalise(&current.join(path));
        let config = Config::read(&path, &shown_path(&path, current)).map_err(|error| GateError::Usage(error.to_string()))?;
        Ok(Policy { config: Some(config), folder: path.parent().map(Path::to_owned) })
    }

    /// The policy of a text that the operator vouches for, shown as `shown`.
    ///
    /// # Errors
    /// Where it cannot be used.
    pub fn of_text(text: &str, shown: &str, folder: &Path) -> Result<Policy, GateError> {
        let config = Config::parse(text, shown).map_err(|error| GateError::Usage(error.to_string()))?;
        Ok(Policy { config: Some(config), folder: Some(folder.to_owned()) })
    }

    /// The settings of the gate where nothing stands beside the code.
    pub fn settings(&self) -> Settings {
        Settings::for_gate(self.config.as_ref(), None, self.folder.as_deref())
    }

    /// Where the operator wants the audit log.
    pub fn audit_file(&self) -> Option<PathBuf> {
        self.config.as_ref()?.resolve(self.folder.as_deref()).audit_file
    }
}

/// A version as the registry stores it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Which one.
    pub placement: Placement,
    /// The function's name.
    pub name: String,
    /// The language of the source.
    pub language: Language,
    /// The source.
    pub source: Arc<[u8]>,
    /// Its InputSchema, as JSON.
    pub schema: Option<Arc<[u8]>>,
    /// Its cases, as JSON.
    pub cases: Option<Arc<[u8]>>,
}

/// One function with all that belongs to it, read once.
#[derive(Clone, Debug)]
pub struct Candidate {
    path: PathBuf,
    name: String,
    subject: String,
    placement: Option<Placement>,
    report: FileReport,
    cases: Cases,
    cases_sha256: Option<String>,
    /// Where the configuration beside the code wants the audit log.
    audit_file: Option<PathBuf>,
    notices: Vec<String>,
}

impl Candidate {
    /// Reads and lints the function at `path`.
    ///
    /// # Errors
    /// Where the path is not one function, or its files cannot be used.
    pub fn read(path: &Path, policy: &Policy, current: &Path) -> Result<Candidate, GateError> {
        let path = normalise(&current.join(path));
        let shown = escape(&shown_path(&path, current)).into_owned();
        check_name(&path, &shown)?;
        let folder = path.parent().unwrap_or(current).to_owned();
        let (settings, audit_file, notices) = settings(policy, &folder, current)?;
        let mut targets = collect(std::slice::from_ref(&path), None, current).targets;
        let target = targets.pop().ok_or_else(|| GateError::Failure(format!("{shown}: it cannot be found")))?;
        if let Access::Refused(reason) = &target.access {
            return Err(GateError::Failure(format!("{shown}: {reason}")));
        }
        let report = lint_one(Job { target, settings: Arc::new(settings) }).map_err(|error| GateError::Failure(error.to_string()))?;
        let cases = read_cases(&path)?;
        let cases_sha256 = cases.as_deref().map(digest);
        let cases = parse_cases(cases.as_deref(), &shown)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let subject = subject(&path, current);
        Ok(Candidate { path, name, subject, placement: None, report, cases, cases_sha256, audit_file, notices })
    }

    /// Lints a version of the registry, under settings of the gate; first in a worker, which may come to
    /// grief over it.
    ///
    /// # Errors
    /// Where it cannot be used.
    pub fn of_version(stored: &Stored, settings: Arc<Settings>, isolation: &IsolationOptions) -> Result<Candidate, GateError> {
        let extension = match stored.language {
            Language::JavaScript => "js",
            Language::TypeScript => "ts",
        };
        let shown = format!("{}.{extension}", stored.name);
        let cases = parse_cases(stored.cases.as_deref(), &shown)?;
        let target = Target::given(&shown, stored.source.clone(), stored.schema.clone());
        let report = rehearsed(Job { target, settings }, isolation)?;
        let Placement { tenant_id, function_id, version, .. } = &stored.placement;
        Ok(Candidate {
            path: PathBuf::from(shown),
            name: stored.name.clone(),
            subject: format!("registry:{tenant_id}/{function_id}@{version}"),
            placement: Some(stored.placement.clone()),
            report,
            cases,
            cases_sha256: stored.cases.as_deref().map(digest),
            audit_file: None,
            notices: Vec::new(),
        })
    }

    /// Clears it for its trial.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn clear(&self, waivers: &[WaiverRequest]) -> Result<Cleared, Refusal> {
        self.report.clear(waivers)
    }

    /// Reads every file again: is each still what was judged?
    ///
    /// # Errors
    /// What is different.
    pub fn check_unchanged(&self, policy: &Policy, current: &Path) -> Result<(), String> {
        let again = Candidate::read(&self.path, policy, current).map_err(|error| error.to_string())?;
        let schema = |candidate: &Candidate| candidate.schema_sha256();
        let differs = [
            (self.report.sha256() != again.report.sha256(), "the source"),
            (schema(self) != schema(&again), "the schema"),
            (self.cases_sha256 != again.cases_sha256, "the cases"),
            (self.report.settings() != again.report.settings(), "the configuration"),
        ];
        match differs.iter().find(|(differs, _)| *differs) {
            Some((_, what)) => Err(format!("{what} changed while it was judged")),
            None => Ok(()),
        }
    }

    /// The absolute path of the source; for the registry the name under which it is shown.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path as it is shown.
    pub fn shown(&self) -> &str {
        self.report.path()
    }

    /// The function's name: the stem of its files.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// By what an approval names it: the path relative to the repository, or outside Git the mere file
    /// name; for the registry tenant, function and version.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Which version of the registry it is; nothing for files.
    pub fn placement(&self) -> Option<&Placement> {
        self.placement.as_ref()
    }

    /// What lint found.
    pub fn report(&self) -> &FileReport {
        &self.report
    }

    /// Its own cases.
    pub fn cases(&self) -> &Cases {
        &self.cases
    }

    /// Hex SHA-256 of its cases file, if it has one.
    pub fn cases_sha256(&self) -> Option<&str> {
        self.cases_sha256.as_deref()
    }

    /// Hex SHA-256 of its schema, if it has one.
    pub fn schema_sha256(&self) -> Option<String> {
        self.report.schema().map(|schema| digest(&schema.bytes))
    }

    /// Where the configuration beside the code wants the audit log.
    pub fn audit_file(&self) -> Option<&Path> {
        self.audit_file.as_deref()
    }

    /// What a person should know about reading it.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }
}

/// The report on a job whose analysis may go wrong in any way that a process can end.
fn rehearsed(job: Job, isolation: &IsolationOptions) -> Result<FileReport, GateError> {
    Ok(match sandbox::rehearse(&job, isolation) {
        Rehearsal::Passed => lint_one(job).map_err(|error| GateError::Failure(error.to_string()))?,
        Rehearsal::Limit(LimitKind::Stack) => lint_nothing(job, ParseStatus::TooDeep, nesting_too_deep::overflows()),
        Rehearsal::Limit(LimitKind::WallClock) => lint_nothing(job, ParseStatus::Failed, too_complex::too_much("more time")),
        Rehearsal::Limit(_) => lint_nothing(job, ParseStatus::Failed, too_complex::too_much("more memory")),
        Rehearsal::Failed(reason) => return Err(GateError::Failure(format!("the source could not be reviewed: {reason}"))),
    })
}

/// Whether the file is named like a function.
pub fn is_function_file(path: &Path) -> bool {
    path.file_name().is_some_and(is_source_name)
}

/// The path must name one function, and no other file may claim the same schema, cases and approval.
fn check_name(path: &Path, shown: &str) -> Result<(), GateError> {
    let metadata = path.metadata();
    if metadata.as_ref().is_ok_and(std::fs::Metadata::is_dir) {
        return Err(GateError::Usage(format!("{shown}: it is a folder; name one function")));
    }
    if metadata.is_ok() && !is_function_file(path) {
        let extensions = crate::source::collect::EXTENSIONS.join(", ");
        return Err(GateError::Usage(format!("{shown}: it is not a function source: the extension must be {extensions}")));
    }
    let others = same_stem(path);
    match others.first() {
        Some(other) => {
            let other = other.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Err(GateError::Usage(format!("{shown}: {other} beside it has the same stem, so both would share one schema and one approval")))
        }
        None => Ok(()),
    }
}

/// Other function files of the folder with the same stem.
pub(super) fn same_stem(path: &Path) -> Vec<PathBuf> {
    let Some(folder) = path.parent() else { return Vec::new() };
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut others: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|other| other.file_stem() == path.file_stem() && other.file_name() != path.file_name() && is_function_file(other))
        .filter(|other| !other.is_dir())
        .collect();
    others.sort();
    others
}

type Found = (Settings, Option<PathBuf>, Vec<String>);

/// The trusted policy, made stricter by what stands beside the code.
fn settings(policy: &Policy, folder: &Path, current: &Path) -> Result<Found, GateError> {
    let gate = |found: Option<&Config>| Settings::for_gate(policy.config.as_ref(), found, policy.folder.as_deref());
    Ok(match Discovery::new(current).of(folder) {
        Discovered::None => (gate(None), None, Vec::new()),
        Discovered::Config { path, config } => {
            let audit_file = config.resolve(path.parent()).audit_file;
            if let Some(file) = audit_file.as_deref().filter(|_| policy.audit_file().is_none()) {
                check_audit_file(file, &path).map_err(|reason| GateError::Usage(format!("{}: {reason}", shown_path(&path, current))))?;
            }
            (gate(Some(&config)), audit_file, Vec::new())
        }
        Discovered::Broken(error) => return Err(GateError::Usage(error.to_string())),
        Discovered::Untrusted { path, reason } => (gate(None), None, vec![format!("{path}: not used: {reason}")]),
    })
}

/// Whoever writes beside the code must not choose which file of the user's is written to.
fn check_audit_file(file: &Path, config: &Path) -> Result<(), String> {
    let folder = config.parent().unwrap_or(config);
    let real = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let below = normalise(file).parent().is_some_and(|holder| real(holder).starts_with(real(folder)));
    if below && file.extension().is_some_and(|extension| extension == "jsonl") {
        return Ok(());
    }
    Err("`audit.file` must be a .jsonl file in its folder; only the trusted policy or --audit name another place".to_owned())
}

fn read_cases(path: &Path) -> Result<Option<Vec<u8>>, GateError> {
    let Some(cases) = companion(path, "cases").filter(|cases| cases.symlink_metadata().is_ok()) else { return Ok(None) };
    let name = cases.file_name().unwrap_or_default().to_string_lossy().into_owned();
    read_regular(&cases, CASES_BYTES_MAX).map(Some).map_err(|reason| GateError::Failure(format!("{name}: it cannot be read: {reason}")))
}

fn parse_cases(bytes: Option<&[u8]>, shown: &str) -> Result<Cases, GateError> {
    let unusable = |reason| GateError::Failure(format!("{shown}: its cases cannot be used: {reason}"));
    bytes.map_or_else(|| Ok(Cases::default()), |bytes| Cases::parse(bytes).map_err(unusable))
}

fn subject(path: &Path, current: &Path) -> String {
    let root = path.parent().and_then(git_root).or_else(|| path.parent().map(Path::to_owned));
    shown_path(path, root.as_deref().unwrap_or(current))
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
