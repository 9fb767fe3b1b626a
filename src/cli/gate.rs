//! What the commands that go through the gate share: policy, audit log, showing a refusal.

use std::path::{Path, PathBuf};

use super::{Console, ExitStatus, display};
use crate::approval::trust::Trust;
use crate::approval::{Candidate, GateError, Policy, is_function_file};
use crate::audit::log::{AuditError, FILE_NAME, Log};
use crate::audit::{Entry, Event, Function, LOCAL_TENANT};
use crate::output::escape;
use crate::report::Refusal;
use crate::sandbox::IsolationOptions;
use crate::source::collect::normalise;

/// Arguments of every command that goes through the gate.
#[derive(Debug, clap::Args)]
pub struct GateArgs {
    /// The trusted policy; what stands beside the code can only make it stricter
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The audit log; by default `audit.file` of the configuration, else fnvet-audit.jsonl here
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
    /// The program that is started as worker
    #[arg(long, value_name = "FILE", hide = true)]
    pub worker: Option<PathBuf>,
}

/// Why a command stops: what its exit status is, and what is said.
pub type Stop = (ExitStatus, String);

/// How a command ends: where it stopped, that is said.
pub fn ended(done: Result<ExitStatus, Stop>, console: &mut Console<'_>) -> ExitStatus {
    done.unwrap_or_else(|(status, message)| {
        console.say(&message);
        status
    })
}

/// Wrong usage.
pub fn usage(message: impl Into<String>) -> Stop {
    (ExitStatus::Usage, message.into())
}

/// fnvet could not do its work.
pub fn failure(message: impl Into<String>) -> Stop {
    (ExitStatus::Failure, message.into())
}

/// A command's folder, policy and candidate.
pub struct Opened {
    /// The current folder.
    pub current: PathBuf,
    /// What the operator trusts.
    pub policy: Policy,
    /// The function.
    pub candidate: Candidate,
}

impl Opened {
    /// The function's path, on one line.
    pub fn shown(&self) -> String {
        escape(self.candidate.shown()).into_owned()
    }

    /// What audit entries say of the function; the tenant is that of file commands.
    pub fn about(&self) -> Function {
        Function {
            id: format!("file:{}", self.candidate.shown()),
            name: self.candidate.name().to_owned(),
            tenant_id: LOCAL_TENANT.to_owned(),
            source_sha256: self.candidate.report().sha256().map(str::to_owned),
            ..Function::default()
        }
    }
}

impl GateArgs {
    /// The trusted policy.
    pub fn policy(&self, current: &Path) -> Result<Policy, Stop> {
        self.config.as_deref().map_or_else(|| Ok(Policy::default()), |path| Policy::of_file(path, current)).map_err(stop)
    }

    /// Reads the function at `path`.
    pub fn open(&self, path: &Path, trust: Option<&Trust>, console: &mut Console<'_>) -> Result<Opened, Stop> {
        let current = current_folder()?;
        let policy = match trust {
            Some(trust) => {
                let path = normalise(&current.join(path));
                trust.policy(path.parent().unwrap_or(&current)).map_err(stop)?
            }
            None => self.policy(&current)?,
        };
        let candidate = Candidate::read(path, &policy, &current).map_err(stop)?;
        candidate.notices().iter().for_each(|notice| console.say(notice));
        for lowering in candidate.report().settings().lowerings() {
            let to = lowering.to.map_or("off", |level| level.as_str());
            console.say(&format!("the trusted policy lowers {} from {} to {to}", lowering.rule, lowering.from.as_str()));
        }
        Ok(Opened { current, policy, candidate })
    }

    /// Opens the audit log of `opened`.
    pub fn log(&self, opened: &Opened, console: &mut Console<'_>) -> Result<Log, Stop> {
        let found = opened.candidate.audit_file().map(Path::to_owned);
        let path = audit_path(self.audit.as_deref(), &opened.policy, found, &opened.current);
        let log = Log::open(&path).map_err(not_audited)?;
        log.notices().iter().for_each(|notice| console.say(notice));
        Ok(log)
    }

    /// How workers are started.
    pub fn isolation(&self) -> IsolationOptions {
        IsolationOptions { worker: self.worker.clone(), ..IsolationOptions::default() }
    }
}

/// Whether what a person names is a file, rather than a function of the registry.
pub fn is_file(target: &Path) -> bool {
    target.symlink_metadata().is_ok() || is_function_file(target) || target.components().count() > 1
}

/// `--audit FILE`, else `audit.file` of the trusted policy, else of the configuration found, else the
/// file of the current folder.
pub fn audit_path(given: Option<&Path>, policy: &Policy, found: Option<PathBuf>, current: &Path) -> PathBuf {
    let path = given.map(Path::to_owned).or_else(|| policy.audit_file()).or(found).unwrap_or_else(|| PathBuf::from(FILE_NAME));
    current.join(path)
}

/// The current folder.
pub fn current_folder() -> Result<PathBuf, Stop> {
    std::env::current_dir().map_err(|error| (ExitStatus::Failure, format!("the current folder: {error}")))
}

/// What a gate error means for the exit status.
pub fn stop(error: GateError) -> Stop {
    match error {
        GateError::Usage(message) => (ExitStatus::Usage, message),
        GateError::Failure(message) => (ExitStatus::Failure, message),
    }
}

/// Nothing happens that is not recorded.
pub fn not_audited(error: AuditError) -> Stop {
    (ExitStatus::Failure, error.to_string())
}

/// Shows why lint refuses a function, and records it.
pub fn refuse(refusal: &Refusal, args: &GateArgs, opened: &Opened, about: &Function, console: &mut Console<'_>) -> ExitStatus {
    let status = match refusal {
        Refusal::Usage(message) => {
            console.say(message);
            return ExitStatus::Usage;
        }
        Refusal::Failure(reason) => {
            console.say(&format!("{}: not checked: {reason}", opened.shown()));
            ExitStatus::Failure
        }
        Refusal::Blocking(_) => {
            display::findings(opened.candidate.report(), console);
            console.say(&format!("{}: refused: {refusal}; it was not executed", opened.shown()));
            ExitStatus::Findings
        }
    };
    status.and(record_refusal(&format!("refused: {refusal}"), args, opened, about, console))
}

/// Records a refusal.
pub fn record_refusal(message: &str, args: &GateArgs, opened: &Opened, about: &Function, console: &mut Console<'_>) -> ExitStatus {
    let recorded =
        args.log(opened, console).and_then(|log| log.append(Entry::new(Event::Refused, about).failed(message)).map_err(not_audited));
    ended(recorded.map(|_| ExitStatus::Success), console)
}
