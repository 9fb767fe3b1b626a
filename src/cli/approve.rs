//! `fnvet approve`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::gate::{GateArgs, Opened, Stop, current_folder, ended, failure, is_file, not_audited, record_refusal, refuse, stop, usage};
use super::lint::{Output, check_outputs, write_outputs};
use super::store::{StoreArgs, refusal};
use super::{Console, ExitStatus, display};
use crate::approval::authors::{self, Earlier, NotSecond};
use crate::approval::signature::{AllowedSigners, SigningKey};
use crate::approval::statement::{Envelope, Statement};
use crate::approval::trust::Trust;
use crate::approval::{Decision, SecondPerson};
use crate::audit::log::Log;
use crate::audit::{Entry, Event, Function};
use crate::output::escape;
use crate::registry::{Approval, RegistryError, WaiverWish};
use crate::report::{Cleared, FileReport, Report, WaiverRequest};
use crate::source::collect::{companion, git_root, normalise, shown_path};
use crate::trial::{self, Verdict};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The function: a file, or the name or id of one in the registry
    #[arg(value_name = "FILE|NAME")]
    target: PathBuf,
    /// Who approves a file; in the registry the token says it
    #[arg(long = "as", value_name = "NAME")]
    approver: Option<String>,
    /// Who wrote it, beside those whom Git knows; repeatable
    #[arg(long, value_name = "NAME")]
    author: Vec<String>,
    /// What the approver notes
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,
    /// Lets one finding pass, RULE@LINE:COL or a fingerprint, with the --reason that follows; repeatable
    #[arg(long, value_name = "FINDING")]
    waive: Vec<String>,
    /// Why the finding may pass; one for each --waive
    #[arg(long, value_name = "TEXT")]
    reason: Vec<String>,
    /// Signs the approval with an OpenSSH private key of type Ed25519
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
    /// Takes the policy and the signers of earlier approvals from this commit
    #[arg(long, value_name = "REF", conflicts_with = "config")]
    trust_from: Option<String>,
    /// Writes the findings of lint and trial as `lint` would, to a file; repeatable
    #[arg(long, value_name = "FORMAT=FILE")]
    output: Vec<Output>,
    /// The version that is approved, of a function in the registry; by default the latest
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// Does not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// Approves the function, if it may be and the approver says so.
pub fn run(args: &Args, console: &mut Console<'_>) -> ExitStatus {
    let approved = if is_file(&args.target) { of_file(args, console) } else { of_registry(args, console) };
    ended(approved, console)
}

/// Approves a version in the registry. Nothing is decided here.
fn of_registry(args: &Args, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
    let for_files = [
        (args.approver.is_some(), "--as"),
        (!args.author.is_empty(), "--author"),
        (args.sign.is_some(), "--sign"),
        (args.trust_from.is_some(), "--trust-from"),
        (!args.output.is_empty(), "--output"),
        (args.gate.audit.is_some(), "--audit"),
    ];
    if let Some((_, option)) = for_files.iter().find(|(given, _)| *given) {
        return Err(usage(format!("{option} is for files; in the registry the token says who approves")));
    }
    let waivers = waivers(args)?;
    if !args.yes && !display::may_ask(console) {
        return Err(usage("there is no terminal to ask at: --yes approves without asking"));
    }
    let target = args.target.to_string_lossy().into_owned();
    let opened = args.store.open(args.gate.config.as_deref(), args.gate.worker.as_deref(), console)?;
    let id = opened.id_of(&target)?;
    let refused = |error: RegistryError, console: &mut Console<'_>| {
        if let RegistryError::TrialFailed(report) = &error {
            let text = display::trial(report);
            console.write(|out| out.write_all(text.as_bytes()));
        }
        refusal(&target, &error)
    };
    let read = opened.wait(opened.registry.read(&opened.caller, &id, args.version)).map_err(|error| refusal(&target, &error))?;
    let version = args.version.unwrap_or(read.function.version);
    let report = opened.wait(opened.registry.findings(&opened.caller, &id, Some(version))).map_err(|error| refusal(&target, &error))?;
    let shown = format!("{} version {version}", read.function.name);
    let status = display::function(&shown, &read.code, &report, &[], args.yes, console);
    let wish = Approval {
        notes: args.notes.clone(),
        waivers: waivers.into_iter().map(|waiver| WaiverWish { fingerprint: waiver.selector, reason: waiver.reason }).collect(),
        version: Some(version),
    };
    if !args.yes {
        let trial = opened.wait(opened.registry.trial(&opened.caller, &id, wish.clone())).map_err(|error| refused(error, console))?;
        let text = display::trial(&trial);
        console.write(|out| out.write_all(text.as_bytes()));
        let question = format!("Approve {shown} as {}? Written by {}.", opened.caller.user_id(), read.authors.join(", "));
        if !display::asked(&question, console)? {
            console.say(&format!("{target}: not approved"));
            return Ok(status.and(ExitStatus::Findings));
        }
    }
    let approved = opened.wait(opened.registry.approve(&opened.caller, &id, wish, None)).map_err(|error| refused(error, console))?;
    let until = approved.expires_at.split('T').next().unwrap_or_default();
    let mut text = if args.yes { display::trial(&approved.trial) } else { String::new() };
    text.push_str(&format!("approved by {} until {until}: {}\n", escape(opened.caller.user_id()), escape(&shown)));
    Ok(status.and(console.write(|out| out.write_all(text.as_bytes()))))
}

fn of_file(args: &Args, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
    let Some(approver) = &args.approver else { return Err(usage("--as NAME is missing: who approves?")) };
    if args.version.is_some() {
        return Err(usage("--version is for functions in the registry"));
    }
    let waivers = waivers(args)?;
    let outputs = outputs(args)?;
    let key = args.sign.as_deref().map(|path| current_folder().map(|current| current.join(path))).transpose()?;
    let key = key.map(|path| SigningKey::read(&path)).transpose().map_err(stop)?;
    let trust = trust(args)?;
    let opened = args.gate.open(&args.target, trust.as_ref(), console)?;
    let about = Function { user_id: Some(approver.trim().to_owned()), ..opened.about() };
    let second = SecondPerson::new(approver, &authors_of(args, &opened, trust.as_ref(), key.is_some())?);
    if let Err(error @ (NotSecond::NoAuthor | NotSecond::NoName(_))) = &second {
        return Err(usage(error.to_string()));
    }
    let function = match opened.candidate.clear(&waivers) {
        Ok(function) => function,
        Err(refusal) => {
            let status = write_report(opened.candidate.report().clone(), &outputs, console);
            return Ok(refuse(&refusal, &args.gate, &opened, &about, console).and(status));
        }
    };
    let second = match second {
        Ok(second) => second,
        Err(error) => return Ok(turn_down(&error.to_string(), args, &opened, &about, console)),
    };
    if !args.yes && !display::may_ask(console) {
        return Err(usage("there is no terminal to ask at: --yes approves without asking"));
    }
    let log = args.gate.log(&opened, console)?;
    let (report, source) = (opened.candidate.report(), &function.source().text);
    let status = display::function(&opened.shown(), source, report, function.waivers(), args.yes, console);
    let verdict = held_trial(function, &opened, &about, &log, args, console)?;
    let status = status.and(write_report(trial::joined(opened.candidate.report(), verdict.report()), &outputs, console));
    let passed = match verdict {
        Verdict::Passed(passed) => passed,
        Verdict::Failed(_) => return Ok(status.and(turn_down("its trial failed", args, &opened, &about, console))),
    };
    if !args.yes {
        log.append(Entry::new(Event::Viewed, &about)).map_err(not_audited)?;
    }
    let question = format!("Approve {} as {}? Written by {}.", opened.shown(), second.name(), second.authors().join(", "));
    if !args.yes && !display::asked(&question, console)? {
        log.append(Entry::new(Event::Rejected, &about)).map_err(not_audited)?;
        console.say(&format!("{}: not approved", opened.shown()));
        return Ok(status.and(ExitStatus::Findings));
    }
    if let Err(reason) = opened.candidate.check_unchanged(&opened.policy, &opened.current) {
        return Ok(status.and(turn_down(&reason, args, &opened, &about, console)));
    }
    let decision = Decision::approve(passed, second, args.notes.clone());
    let statement = decision.statement(&opened.candidate).map_err(stop)?;
    let written = write(&statement, key.as_ref(), &opened, &about, &log)?;
    Ok(status.and(show_approval(&statement, &written, key.is_some(), &opened, console)))
}

fn trust(args: &Args) -> Result<Option<Trust>, Stop> {
    let Some(reference) = &args.trust_from else { return Ok(None) };
    let current = current_folder()?;
    let path = normalise(&current.join(&args.target));
    let root = path.parent().and_then(git_root).ok_or_else(|| usage("--trust-from: the function is not in a Git repository"))?;
    Trust::from_reference(&root, reference).map(Some).map_err(stop)
}

/// Standard output belongs to what the approver reads.
fn outputs(args: &Args) -> Result<Vec<Output>, Stop> {
    if args.output.iter().any(|output| output.file.is_none()) {
        return Err(usage("--output needs a file here: FORMAT=FILE"));
    }
    if args.output.is_empty() { Ok(Vec::new()) } else { check_outputs(&args.output) }
}

fn write_report(file: FileReport, outputs: &[Output], console: &mut Console<'_>) -> ExitStatus {
    if outputs.is_empty() {
        return ExitStatus::Success;
    }
    write_outputs(outputs, &Report::new(vec![file], Duration::ZERO), console)
}

fn waivers(args: &Args) -> Result<Vec<WaiverRequest>, Stop> {
    if args.waive.len() != args.reason.len() {
        return Err(usage("each --waive needs its own --reason"));
    }
    let pairs = args.waive.iter().zip(&args.reason);
    Ok(pairs.map(|(selector, reason)| WaiverRequest { selector: selector.clone(), reason: reason.clone() }).collect())
}

/// Whom Git knows and whom the arguments name. What is not committed has an author whom only they can name.
fn authors_of(args: &Args, opened: &Opened, trust: Option<&Trust>, signed: bool) -> Result<Vec<String>, Stop> {
    let nobody = AllowedSigners::default();
    // A signed approval rests on none that anybody could have written.
    let earlier = match trust {
        Some(trust) => Earlier::SignedBy(trust.signers()),
        None if signed => Earlier::SignedBy(&nobody),
        None => Earlier::Any,
    };
    let mut authors = authors::from_git(&opened.candidate, earlier).map_err(stop)?;
    if args.author.is_empty() {
        let unknown = authors::uncommitted(&opened.candidate).map_err(stop)?;
        if let Some(first) = unknown.first() {
            return Err(usage(format!("{first} has changes that are not committed: name their author with --author")));
        }
    }
    authors.extend(args.author.iter().map(|author| author.trim().to_owned()));
    Ok(authors)
}

fn turn_down(reason: &str, args: &Args, opened: &Opened, about: &Function, console: &mut Console<'_>) -> ExitStatus {
    console.say(&format!("{}: refused: {reason}", opened.shown()));
    ExitStatus::Findings.and(record_refusal(&format!("refused: {reason}"), &args.gate, opened, about, console))
}

/// Holds the trial, recorded like an execution, and shows what it found.
fn held_trial(
    function: Cleared,
    opened: &Opened,
    about: &Function,
    log: &Log,
    args: &Args,
    console: &mut Console<'_>,
) -> Result<Verdict, Stop> {
    let started = std::time::Instant::now();
    let intent = log.begin(Entry::new(Event::Tried, about)).map_err(not_audited)?;
    let held = trial::attempt(function, opened.candidate.cases(), &args.gate.isolation());
    let entry = Entry::new(Event::Tried, about).tried(&held, started.elapsed());
    log.finish(intent, entry).map_err(not_audited)?;
    let verdict = held.map_err(|error| failure(error.to_string()))?;
    let text = display::trial(verdict.report());
    console.write(|out| out.write_all(text.as_bytes()));
    Ok(verdict)
}

/// Writes the approval beside the function: recorded first, then visible all at once.
fn write(statement: &Statement, key: Option<&SigningKey>, opened: &Opened, about: &Function, log: &Log) -> Result<PathBuf, Stop> {
    let mut envelope = Envelope::around(statement);
    if let Some(key) = key {
        key.sign(&mut envelope).map_err(|error| failure(error.to_string()))?;
    }
    let path = companion(opened.candidate.path(), "approval").ok_or_else(|| failure("the function has no name"))?;
    let not_written = |error: std::io::Error| failure(format!("{}: {error}", path.display()));
    let mut file = tempfile::Builder::new();
    file.prefix(".fnvet-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.permissions(std::fs::Permissions::from_mode(0o644));
    }
    let mut file = file.tempfile_in(path.parent().unwrap_or(Path::new("."))).map_err(not_written)?;
    file.write_all(envelope.to_text().as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(not_written)?;
    let about = Function { approval_id: Some(statement.predicate.approval_id.clone()), ..about.clone() };
    log.append(Entry::new(Event::Approved, &about)).map_err(not_audited)?;
    if let Err(error) = file.persist(&path) {
        log.append(Entry::new(Event::Approved, &about).failed(&error.error.to_string())).map_err(not_audited)?;
        return Err(not_written(error.error));
    }
    Ok(path)
}

fn show_approval(statement: &Statement, path: &Path, signed: bool, opened: &Opened, console: &mut Console<'_>) -> ExitStatus {
    let predicate = &statement.predicate;
    let until = predicate.expires_at.strftime("%Y-%m-%d");
    let how = if signed { "signed" } else { "not signed: for local trials only" };
    let text =
        format!("approved by {} until {until} ({how}): {}\n", escape(&predicate.approver), escape(&shown_path(path, &opened.current)));
    console.write(|out| out.write_all(text.as_bytes()))
}
