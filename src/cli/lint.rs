//! `fnvet lint`

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::gate::ended;
use super::{Console, ExitStatus};
use crate::config::discover::{Discovered, Discovery};
use crate::config::{Config, FILE_NAME, RuleLevel, Settings};
use crate::finding::Level;
use crate::lint::{Job, LINT_BYTES_MAX};
use crate::output::{self, Format, Style};
use crate::report::{FileReport, Report};
use crate::source::changed;
use crate::source::collect::{Stdin, Target, collect, is_source_name, read_regular};
use crate::suppression::{Baseline, BaselineEntry};

/// The largest baseline that is read.
const BASELINE_BYTES_MAX: u64 = 64 << 20;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files and folders; `-` is standard input
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// What the source on standard input is called
    #[arg(long, value_name = "FILE", default_value = "stdin.js")]
    stdin_filename: PathBuf,
    /// pretty, concise, json, sarif, github, markdown or junit; repeatable, one of them on standard output
    #[arg(long, value_name = "FORMAT[=FILE]")]
    output: Vec<Output>,
    /// The level from which findings make the exit status 1
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "LEVEL")]
    fail_on: FailOn,
    /// Only functions that changed since the merge base with REF
    #[arg(long, value_name = "REF")]
    changed_since: Option<String>,
    /// Known findings, which do not count
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the findings to the baseline instead
    #[arg(long, requires = "baseline")]
    write_baseline: bool,
    /// The level of a rule: off, note, warning or error; repeatable
    #[arg(long, value_name = "ID=LEVEL")]
    rule: Vec<RuleSetting>,
    /// The configuration, instead of the nearest fnvet.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Files linted at the same time; by default one per core
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Print where the time went
    #[arg(long)]
    timings: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
    Never,
}

/// `FORMAT` or `FORMAT=FILE`.
#[derive(Clone, Debug)]
pub struct Output {
    /// The format.
    pub format: Format,
    /// Standard output, where there is none.
    pub file: Option<PathBuf>,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (format, file) = match text.split_once('=') {
            Some((_, "")) => return Err("a file name must follow `=`".to_owned()),
            Some((format, file)) => (format, Some(PathBuf::from(file))),
            None => (text, None),
        };
        Ok(Output { format: format.parse()?, file })
    }
}

/// `ID=LEVEL`.
#[derive(Clone, Debug)]
struct RuleSetting {
    id: String,
    level: RuleLevel,
}

impl FromStr for RuleSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, level) = text.split_once('=').ok_or("write it as ID=LEVEL")?;
        let level = level.parse()?;
        Settings::default().set_rule(id, level)?;
        Ok(RuleSetting { id: id.to_owned(), level })
    }
}

/// Lints.
pub fn run(args: Args, console: &mut Console<'_>) -> ExitStatus {
    ended(prepare(&args, console).and_then(|plan| execute(&args, plan, console)), console)
}

type Stop = (ExitStatus, String);

fn usage(message: impl Into<String>) -> Stop {
    (ExitStatus::Usage, message.into())
}

fn failure(message: impl Into<String>) -> Stop {
    (ExitStatus::Failure, message.into())
}

/// Everything that is settled before the first file is read.
struct Plan {
    started: Instant,
    outputs: Vec<Output>,
    jobs: Vec<Job>,
    baseline: Option<Baseline>,
    /// What is already known to be wrong, although the rest goes on.
    status: ExitStatus,
}

fn prepare(args: &Args, console: &mut Console<'_>) -> Result<Plan, Stop> {
    let started = Instant::now();
    let outputs = check_outputs(&args.output)?;
    let current = std::env::current_dir().map_err(|error| failure(format!("the current folder: {error}")))?;
    let config = args.config.as_deref().map(|path| read_config(path, &current)).transpose()?;
    let baseline = match &args.baseline {
        Some(path) if !args.write_baseline => Some(read_baseline(path)?),
        _ => None,
    };
    let stdin = if args.paths.iter().any(|path| path.as_os_str() == "-") { Some(read_stdin(&args.stdin_filename)?) } else { None };
    let collected = collect(&args.paths, stdin.as_ref(), &current);
    collected.notices.iter().for_each(|notice| console.say(notice));
    let targets = match &args.changed_since {
        Some(reference) => changed::only_changed(collected.targets, reference, FILE_NAME, &current).map_err(|error| match error {
            changed::ChangedError::Usage(message) => usage(message),
            changed::ChangedError::Git(message) => failure(message),
        })?,
        None => collected.targets,
    };
    let mut plan = Plan { started, outputs, jobs: Vec::new(), baseline, status: ExitStatus::Success };
    if targets.is_empty() {
        if args.changed_since.is_some() {
            console.say("no function changed");
        } else {
            console.say("no input found");
            plan.status = ExitStatus::Failure;
        }
    }
    plan.jobs = resolve(args, targets, config.as_ref(), &current, console, &mut plan.status);
    Ok(plan)
}

/// What to write where; two formats in one place would be neither.
pub fn check_outputs(given: &[Output]) -> Result<Vec<Output>, Stop> {
    if given.is_empty() {
        return Ok(vec![Output { format: Format::Pretty, file: None }]);
    }
    for (at, output) in given.iter().enumerate() {
        if given[..at].iter().any(|earlier| earlier.file == output.file) {
            return Err(usage(match &output.file {
                None => "two formats on standard output; write `--output FORMAT=FILE` for one of them".to_owned(),
                Some(file) => format!("two formats in {}", file.display()),
            }));
        }
    }
    Ok(given.to_vec())
}

fn read_config(path: &Path, current: &Path) -> Result<Settings, Stop> {
    let path = current.join(path);
    let shown = crate::source::collect::shown_path(&path, current);
    let config = Config::read(&path, &shown).map_err(|error| usage(error.to_string()))?;
    Ok(config.resolve(path.parent()))
}

fn read_baseline(path: &Path) -> Result<Baseline, Stop> {
    let wrong = |reason: String| usage(format!("baseline {}: {reason}", path.display()));
    let bytes = read_regular(path, BASELINE_BYTES_MAX).map_err(wrong)?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    Baseline::parse(&text).map_err(wrong)
}

fn read_stdin(filename: &Path) -> Result<Stdin, Stop> {
    if !filename.file_name().is_some_and(is_source_name) {
        return Err(usage(format!("--stdin-filename {}: the extension must be that of JavaScript or TypeScript", filename.display())));
    }
    let mut bytes = Vec::new();
    // One byte more than lint reads, so that it sees that there is more.
    io::stdin().lock().take(LINT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| failure(format!("standard input: {error}")))?;
    Ok(Stdin { filename: filename.to_owned(), bytes: bytes.into() })
}

/// The settings of each target. A broken configuration makes the run fail, but its files are still
/// linted, as if it were not there.
fn resolve(
    args: &Args,
    targets: Vec<Target>,
    given: Option<&Settings>,
    current: &Path,
    console: &mut Console<'_>,
    status: &mut ExitStatus,
) -> Vec<Job> {
    let mut discovery = Discovery::new(current);
    let mut known: BTreeMap<PathBuf, Arc<Settings>> = BTreeMap::new();
    let mut said = std::collections::BTreeSet::new();
    let mut settings_in = |folder: &Path| {
        let mut settings = given.cloned().unwrap_or_else(|| match discovery.of(folder) {
            Discovered::None => Settings::default(),
            Discovered::Config { path, config } => config.resolve(path.parent()),
            Discovered::Broken(error) => {
                *status = status.and(ExitStatus::Usage);
                if said.insert(error.path.clone()) {
                    console.say(&format!("{error}\nits files are linted with the default settings"));
                }
                Settings::default()
            }
            Discovered::Untrusted { path, reason } => {
                if said.insert(path.clone()) {
                    console.say(&format!("{path}: not used: {reason}"));
                }
                Settings::default()
            }
        });
        for RuleSetting { id, level } in &args.rule {
            // Checked when the arguments were read.
            let _ = settings.set_rule(id, *level);
        }
        Arc::new(settings)
    };
    targets
        .into_iter()
        .map(|target| {
            let folder = target.origin.location.as_deref().and_then(Path::parent).unwrap_or(current).to_owned();
            let settings = known.entry(folder).or_insert_with_key(|folder| settings_in(folder)).clone();
            Job { target, settings }
        })
        .collect()
}

fn execute(args: &Args, mut plan: Plan, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
    let threads = args.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let progress = Progress::new(plan.jobs.len(), console.err_is_terminal);
    let files = crate::lint::lint(&plan.jobs, threads, &|| progress.tick());
    progress.finish();
    let mut report = Report::new(files.map_err(|error| failure(error.to_string()))?, plan.started.elapsed());
    let mut status = plan.status;
    if let (Some(baseline), Some(path)) = (&mut plan.baseline, &args.baseline) {
        let name = path.display().to_string();
        report.files.iter_mut().for_each(|file| file.apply_baseline(baseline, &name));
    }
    status = status.and(write_outputs(&plan.outputs, &report, console));
    if args.timings {
        let _ = console.err.write_all(timings(&report).as_bytes());
    }
    if report.problems().next().is_some() {
        status = status.and(ExitStatus::Failure);
    }
    if args.write_baseline
        && let Some(path) = &args.baseline
    {
        return Ok(status.and(write_baseline(path, &report, console)));
    }
    let threshold = match args.fail_on {
        FailOn::Error => Some(Level::Error),
        FailOn::Warning => Some(Level::Warning),
        FailOn::Note => Some(Level::Note),
        FailOn::Never => None,
    };
    let failed = threshold.is_some_and(|threshold| report.worst() >= Some(threshold));
    Ok(if failed { status.and(ExitStatus::Findings) } else { status })
}

/// Writes a report.
pub fn write_outputs(outputs: &[Output], report: &Report, console: &mut Console<'_>) -> ExitStatus {
    let mut status = ExitStatus::Success;
    for Output { format, file } in outputs {
        match file {
            None => {
                let style = console.style;
                status = status.and(console.write(|out| output::write(*format, report, style, out)));
            }
            Some(path) => {
                let written = output::to_file(path, |out| output::write(*format, report, Style::PLAIN, out));
                if let Err(error) = written {
                    console.say(&format!("{}: {error}", path.display()));
                    status = status.and(ExitStatus::Failure);
                }
            }
        }
    }
    let is_told = outputs.iter().any(|output| output.file.is_none() && output.format.is_for_people());
    if !is_told {
        let problems: Vec<String> = report.problems().map(|(file, problem)| format!("{}: not checked: {problem}", file.path())).collect();
        problems.iter().for_each(|problem| console.say(problem));
    }
    status
}

fn write_baseline(path: &Path, report: &Report, console: &mut Console<'_>) -> ExitStatus {
    let entry = |file: &FileReport, fingerprint: &str, rule: &str| BaselineEntry {
        path: file.path().to_owned(),
        rule: rule.to_owned(),
        fingerprint: fingerprint.to_owned(),
    };
    let of_file = |file: &FileReport| file.unsuppressed().map(|f| entry(file, &f.fingerprint, f.finding.rule)).collect::<Vec<_>>();
    let text = Baseline::render(report.files.iter().flat_map(of_file).collect());
    match output::to_file(path, |out| out.write_all(text.as_bytes())) {
        Ok(()) => ExitStatus::Success,
        Err(error) => {
            console.say(&format!("{}: {error}", path.display()));
            ExitStatus::Failure
        }
    }
}

/// Phases and rules, the slowest first; then the bounds that the analysis reached, and in how many files.
fn timings(report: &Report) -> String {
    let mut totals: BTreeMap<&str, Duration> = BTreeMap::new();
    for (what, took) in report.files.iter().flat_map(FileReport::timings) {
        *totals.entry(what).or_default() += *took;
    }
    let mut totals: Vec<_> = totals.into_iter().collect();
    totals.sort_by_key(|(what, took)| (std::cmp::Reverse(*took), *what));
    let mut text = format!("{:>12.3} ms  whole run\n", report.duration.as_secs_f64() * 1e3);
    for (what, took) in totals {
        text.push_str(&format!("{:>12.3} ms  {what}\n", took.as_secs_f64() * 1e3));
    }
    let mut bounds: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (what, times) in report.files.iter().flat_map(FileReport::bounds) {
        let (files, all) = bounds.entry(what).or_default();
        (*files, *all) = (*files + 1, *all + times);
    }
    for (what, (files, times)) in bounds {
        text.push_str(&format!("{times:>12} times  the analysis reached its bound: {what} ({files} files)\n"));
    }
    text
}

/// A bar on standard error, where that is a terminal and the run takes longer than a second.
struct Progress {
    bar: ProgressBar,
    visible: bool,
    started: Instant,
}

impl Progress {
    fn new(files: usize, is_terminal: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(files as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} files, {elapsed}") {
            bar.set_style(style);
        }
        Progress { bar, visible: is_terminal && io::stderr().is_terminal(), started: Instant::now() }
    }

    fn tick(&self) {
        self.bar.inc(1);
        if self.visible && self.bar.is_hidden() && self.started.elapsed() > Duration::from_secs(1) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
