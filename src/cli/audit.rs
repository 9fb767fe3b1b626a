//! `fnvet audit`

use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;
use jiff::Timestamp;

use super::gate::{Stop, audit_path, current_folder, ended, failure, stop, usage};
use super::store::{Configured, StoreArgs, checkpoint, refusal};
use super::{Console, ExitStatus};
use crate::approval::Policy;
use crate::audit::chain::{Line, lines, verify};
use crate::audit::{Event, Record, ocsf};
use crate::config::discover::{Discovered, Discovery};
use crate::output::{self, count, escape};
use crate::registry::{AuditFilter, PageRequest};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Verify the hash chain and name the first record that was changed, removed or reordered
    #[arg(long)]
    verify: bool,
    /// Write the sealed heads of the store's chains to this file, or with --verify compare with those in it
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// pretty, jsonl or ocsf (API Activity events, one a line)
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Output::Pretty)]
    output: Output,
    /// Only this function, by id, name or path
    #[arg(long, value_name = "FUNCTION")]
    function: Option<String>,
    /// Only this user
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only from this time on: 2025-03-14 or 2025-03-14T09:22:31Z
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Only before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Only this event: executed, approved, refused, …
    #[arg(long, value_name = "EVENT")]
    event: Option<Event>,
    /// Only what succeeded
    #[arg(long, conflicts_with = "failed")]
    success: bool,
    /// Only what failed
    #[arg(long)]
    failed: bool,
    /// Of another tenant of the store, for super-admins
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// The log of file commands; by default, where no store is configured, `audit.file` of the configuration, else fnvet-audit.jsonl here
    #[arg(long, value_name = "FILE", conflicts_with_all = ["checkpoint", "tenant"])]
    audit: Option<PathBuf>,
    /// The trusted policy
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Pretty,
    Jsonl,
    Ocsf,
}

impl Output {
    /// A record on one line.
    fn line(self, record: &Record) -> String {
        match self {
            Output::Jsonl => record.to_line(),
            Output::Ocsf => ocsf::event(record).to_string(),
            Output::Pretty => pretty(record),
        }
    }
}

/// A day or a time.
#[derive(Clone, Copy, Debug)]
struct Moment(Timestamp);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = || text.parse::<jiff::civil::Date>().and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC)).map(|day| day.timestamp());
        let time = text.parse::<Timestamp>().or_else(|_| day());
        time.map(Moment).map_err(|_| "write it as 2025-03-14 or 2025-03-14T09:22:31Z".to_owned())
    }
}

/// Prints or verifies the log.
pub fn run(args: &Args, console: &mut Console<'_>) -> ExitStatus {
    ended(execute(args, console), console)
}

fn execute(args: &Args, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
    let configured = Configured::new(args.config.as_deref(), args.store.store.as_deref())?;
    if args.audit.is_none() && configured.store.is_some() {
        return of_store(args, configured, console);
    }
    if args.checkpoint.is_some() || args.tenant.is_some() {
        return Err(usage("--checkpoint and --tenant are for the log of a store, and none is configured"));
    }
    of_file(args, console)
}

/// The log of a store.
fn of_store(args: &Args, configured: Configured, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
    let kept = match &args.checkpoint {
        Some(path) if args.verify => Some(checkpoint(path)?),
        _ => None,
    };
    let opened = configured.open(&args.store.keys, None, console)?;
    let refused = |error| refusal("audit", &error);
    if args.verify {
        let checked = opened.wait(opened.registry.verify_audit(&opened.caller, kept.as_deref())).map_err(refused)?;
        let is_intact = checked.iter().all(|chain| chain.problem.is_none());
        let status = console.write(|out| {
            for chain in &checked {
                let records = count(usize::try_from(chain.records).unwrap_or(usize::MAX), "record");
                writeln!(out, "{}: {records}, head {}", escape(&chain.tenant_id), chain.head)?;
                if let Some(problem) = &chain.problem {
                    writeln!(out, "broken: {}", escape(&problem.message))?;
                }
            }
            if is_intact { writeln!(out, "intact") } else { Ok(()) }
        });
        return Ok(if is_intact { status } else { status.and(ExitStatus::Findings) });
    }
    if let Some(path) = &args.checkpoint {
        let checkpoint = opened.wait(opened.registry.checkpoint(&opened.caller)).map_err(refused)?;
        let written = output::to_file(path, |out| writeln!(out, "{checkpoint}"));
        written.map_err(|error| failure(format!("{}: {error}", path.display())))?;
        return Ok(ExitStatus::Success);
    }
    let filter = AuditFilter {
        function: args.function.clone(),
        user: args.user.clone(),
        since: args.since.map(|since| since.0),
        until: args.until.map(|until| until.0),
        event: args.event,
        success: if args.success { Some(true) } else { args.failed.then_some(false) },
        tenant: args.tenant.clone(),
    };
    let (mut status, mut page) = (ExitStatus::Success, PageRequest::default());
    loop {
        let part = opened.wait(opened.registry.audit(&opened.caller, filter.clone(), page.clone())).map_err(refused)?;
        for record in &part.items {
            status = status.and(console.write(|out| writeln!(out, "{}", args.output.line(record))));
        }
        page.cursor = part.next;
        if page.cursor.is_none() {
            return Ok(status);
        }
    }
}

/// The log of file commands.
fn of_file(args: &Args, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
    let current = current_folder()?;
    let policy = args.config.as_deref().map_or_else(|| Ok(Policy::default()), |path| Policy::of_file(path, &current)).map_err(stop)?;
    let path = audit_path(args.audit.as_deref(), &policy, found_audit_file(&current), &current);
    let unreadable = |error: std::io::Error| (ExitStatus::Failure, format!("audit log {}: {error}", path.display()));
    let file = File::open(&path).map_err(unreadable)?;
    if args.verify {
        let verification = verify(file).map_err(unreadable)?;
        let status = console.write(|out| {
            for chain in &verification.chains {
                let records = count(usize::try_from(chain.records).unwrap_or(usize::MAX), "record");
                writeln!(out, "{}: {records}, head {}", escape(&chain.tenant_id), chain.head)?;
            }
            match &verification.problem {
                Some(problem) => writeln!(out, "broken: {}", escape(&problem.message)),
                None => writeln!(out, "intact"),
            }
        });
        return Ok(if verification.problem.is_some() { status.and(ExitStatus::Findings) } else { status });
    }
    let mut status = ExitStatus::Success;
    for line in lines(file) {
        match line.map_err(unreadable)? {
            (_, Line::Record(record)) if args.selects(&record) => {
                status = status.and(console.write(|out| writeln!(out, "{}", args.output.line(&record))));
            }
            (_, Line::Record(_)) => {}
            (number, Line::Broken(reason)) => {
                console.say(&format!("{}:{number}: {reason}", path.display()));
                status = status.and(ExitStatus::Failure);
            }
            (number, Line::Incomplete) => {
                console.say(&format!("{}:{number}: the line is incomplete", path.display()));
                status = status.and(ExitStatus::Failure);
            }
        }
    }
    Ok(status)
}

/// `audit.file` of the configuration that holds in the current folder.
fn found_audit_file(current: &Path) -> Option<PathBuf> {
    match Discovery::new(current).of(current) {
        Discovered::Config { path, config } => config.resolve(path.parent()).audit_file,
        Discovered::None | Discovered::Broken(_) | Discovered::Untrusted { .. } => None,
    }
}

impl Args {
    fn selects(&self, record: &Record) -> bool {
        let entry = &record.entry;
        let at = entry.executed_at.parse::<Timestamp>().ok();
        let is = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(test);
        is(&self.function, &|wanted| {
            entry.function_id == wanted || entry.function_name == wanted || entry.function_id.strip_prefix("file:") == Some(wanted)
        }) && is(&self.user, &|wanted| entry.user_id.as_deref() == Some(wanted))
            && self.since.is_none_or(|since| at.is_some_and(|at| at >= since.0))
            && self.until.is_none_or(|until| at.is_some_and(|at| at < until.0))
            && self.event.is_none_or(|event| entry.event == event)
            && (!self.success || entry.success)
            && (!self.failed || !entry.success)
    }
}

/// One line for people.
fn pretty(record: &Record) -> String {
    let entry = &record.entry;
    let who = entry.user_id.as_deref().or(entry.agent_id.as_deref()).unwrap_or("-");
    let event = entry.event.name().trim_start_matches("AIFunction").to_lowercase();
    let how = match (&entry.error_message, entry.success) {
        (Some(message), _) => format!("failed: {message}"),
        (None, true) => "ok".to_owned(),
        (None, false) => "failed".to_owned(),
    };
    let flags = if entry.output_flags.is_empty() { String::new() } else { format!(" [{}]", entry.output_flags.join(", ")) };
    let line = format!(
        "{} {}#{} {event} {} by {who} in {} ms: {how}{flags}",
        entry.executed_at, entry.tenant_id, record.seq, entry.function_id, entry.duration_ms
    );
    escape(&line).into_owned()
}
