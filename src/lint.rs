//! The pipeline: a source and its settings in, a report out; in parallel over files.
//!
//! A panic in the model or a rule is an internal failure that names where it happened. It is never
//! a clean report.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::config::Settings;
use crate::finding::Finding;
use crate::program::Executable;
use crate::report::{FileReport, ParseStatus, Parts, Schema};
use crate::rule::Context;
use crate::rules::{RULES, file_too_large, nesting_too_deep, syntax_error};
use crate::semantic::entry::find_entry;
use crate::semantic::{Entry, Semantic, SemanticSettings};
use crate::source::collect::{Content, Origin, Target};
use crate::source::{Goal, SourceFile, TextRange};
use crate::suppression::{self, Suppression};
use crate::syntax::{self, Comment, PrecheckError, PrecheckLimits};

/// The largest file that lint reads.
pub const LINT_BYTES_MAX: u64 = 16 << 20;

/// The deepest nesting that lint parses.
pub const LINT_NESTING_MAX: u32 = 4_000;

/// Stack of a thread that analyses: deep syntax trees are walked recursively. It is a little more than
/// a worker's: what was rehearsed there has room here.
const STACK_BYTES: usize = 272 << 20;

/// One source with the settings that hold for it.
#[derive(Clone, Debug)]
pub struct Job {
    /// What to read.
    pub target: Target,
    /// How to judge it.
    pub settings: Arc<Settings>,
}

/// The threads could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {threads} analysis threads: {reason}")]
pub struct ThreadError {
    threads: usize,
    reason: String,
}

/// Lints every job on `threads` threads; calls `done` after each. Reports come in the order of jobs.
///
/// # Errors
/// When the threads cannot be started.
pub fn lint(jobs: &[Job], threads: usize, done: &(dyn Fn() + Sync)) -> Result<Vec<FileReport>, ThreadError> {
    let threads = threads.clamp(1, jobs.len().max(1));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK_BYTES)
        .thread_name(|at| format!("lint-{at}"))
        .build()
        .map_err(|error| ThreadError { threads, reason: error.to_string() })?;
    let one = |job: &Job| {
        let report = lint_target(&job.target, &job.settings);
        done();
        report
    };
    // Files differ in size by orders of magnitude: each is a task of its own.
    Ok(pool.install(|| jobs.par_iter().with_max_len(1).map(one).collect()))
}

/// Lints one job, on a thread of its own.
///
/// # Errors
/// When the thread cannot be started.
pub fn lint_one(job: Job) -> Result<FileReport, ThreadError> {
    let cannot = |reason: String| ThreadError { threads: 1, reason };
    // Whoever waits for a plain thread does nothing else: a worker of a pool would take up other tasks
    // meanwhile, one on top of the other, until its stack is full.
    let thread = std::thread::Builder::new().name("lint".into()).stack_size(STACK_BYTES);
    let running = thread.spawn(move || lint_target(&job.target, &job.settings)).map_err(|error| cannot(error.to_string()))?;
    running.join().map_err(|_| cannot("the analysis was ended by a panic".into()))
}

/// Lints one job on the current thread, whose stack must be deep, and says nothing about it: whoever is
/// still there afterwards can be handed the job.
pub fn rehearse(job: &Job) {
    lint_target(&job.target, &job.settings);
}

/// The report on a job that is not parsed here, since doing so went wrong elsewhere.
pub fn lint_nothing(job: Job, parse: ParseStatus, wrong: Finding) -> FileReport {
    let mut run = Run::new(&job.settings);
    if let Content::Source(source) = job.target.read(LINT_BYTES_MAX) {
        run.sha256 = Some(source.sha256());
        run.source = Some(source);
    }
    run.reject(parse, wrong);
    run.report(job.target.origin)
}

/// Replaces the panic hook by one that stays silent about panics the pipeline catches, which are
/// reported with the file they belong to, and passes all others on.
pub fn install_panic_hook() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if GUARDED.get() {
            PLACE.replace(info.location().map(|place| format!("{}:{}", place.file(), place.line())));
        } else {
            previous(info);
        }
    }));
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work`; a panic becomes a sentence that names `what` was at work.
fn guarded<T>(what: &str, work: impl FnOnce() -> T) -> Result<T, String> {
    let outer = GUARDED.replace(true);
    PLACE.take();
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    result.map_err(|payload| {
        let said = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let place = PLACE.take().map(|place| format!(" at {place}")).unwrap_or_default();
        format!("internal failure in {what}{place}: {}", said.unwrap_or("no message"))
    })
}

/// Reads and lints one source on the current thread, whose stack must be deep.
fn lint_target(target: &Target, settings: &Arc<Settings>) -> FileReport {
    let mut run = Run::new(settings);
    let bytes_max = if settings.is_gate() { settings.limits.source_bytes.min(LINT_BYTES_MAX) } else { LINT_BYTES_MAX };
    match run.timed("read", || target.read(bytes_max)) {
        Content::Source(source) => {
            match target.read_schema().map(|bytes| bytes.and_then(parse_schema)) {
                Some(Ok(schema)) => run.schema = Some(schema),
                Some(Err(reason)) => run.fail(format!("its schema cannot be used: {reason}")),
                None => {}
            }
            run.judge(source);
        }
        Content::TooLarge { bytes_max } => {
            run.parse = ParseStatus::TooLarge;
            run.findings.push(file_too_large::too_large(bytes_max));
        }
        Content::Unreadable { reason, sha256 } => {
            run.parse = ParseStatus::Unreadable;
            run.sha256 = sha256;
            run.fail(reason);
        }
    }
    run.report(target.origin.clone())
}

fn parse_schema(bytes: Vec<u8>) -> Result<Schema, String> {
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| format!("it is no JSON: {error}"))?;
    if !value.is_object() && !value.is_boolean() {
        return Err("a JSON Schema is an object".to_owned());
    }
    Ok(Schema { bytes: bytes.into(), value: Arc::new(value) })
}

/// The state of one source on its way through the pipeline.
struct Run<'a> {
    settings: &'a Arc<Settings>,
    parse: ParseStatus,
    problem: Option<String>,
    sha256: Option<String>,
    source: Option<SourceFile>,
    goal: Option<Goal>,
    entry: Option<Entry>,
    schema: Option<Schema>,
    program: Option<Executable>,
    findings: Vec<Finding>,
    comments: Vec<Comment>,
    model: Option<Semantic>,
    timings: Vec<(&'static str, Duration)>,
}

impl<'a> Run<'a> {
    fn new(settings: &'a Arc<Settings>) -> Self {
        Run {
            settings,
            parse: ParseStatus::Ok,
            problem: None,
            sha256: None,
            source: None,
            goal: None,
            entry: None,
            schema: None,
            program: None,
            findings: Vec::new(),
            comments: Vec::new(),
            model: None,
            timings: Vec::new(),
        }
    }

    fn timed<T>(&mut self, phase: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.timings.push((phase, start.elapsed()));
        result
    }

    /// The first problem is the one to solve.
    fn fail(&mut self, reason: String) {
        self.problem.get_or_insert(reason);
    }

    fn judge(&mut self, source: SourceFile) {
        self.sha256 = Some(source.sha256());
        self.source = Some(source.clone());
        let Some(parsed) = self.read_syntax(&source) else { return };
        self.goal = Some(parsed.goal);
        self.comments.clone_from(&parsed.comments);
        if self.settings.is_gate() {
            self.print(&source, &parsed);
        }
        let settings = SemanticSettings {
            entry: self.settings.entry.clone(),
            sensitive: self.settings.sensitive.clone(),
            globals_host: self.settings.globals_host.clone(),
            globals_allowed: self.settings.globals_allowed.clone(),
            schema: self.schema.as_ref().filter(|_| self.settings.enforce_schema).map(|schema| (*schema.value).clone()),
            work_max: self.settings.analysis_work_max,
        };
        match self.timed("model", || guarded("the semantic model", || Semantic::build(&source, parsed, &settings))) {
            Ok(model) => self.ask_rules(&source, model),
            Err(reason) => self.fail(reason),
        }
    }

    /// What the gate judges is what may run afterwards: it is printed from the same tree.
    fn print(&mut self, source: &SourceFile, parsed: &syntax::Parsed) {
        let Some(entry) = find_entry(parsed, &self.settings.entry) else { return };
        match self.timed("print", || guarded("the printer", || Executable::new(source, parsed, &entry))) {
            Ok(program) => self.program = Some(program),
            Err(reason) => self.fail(reason),
        }
    }

    fn read_syntax(&mut self, source: &SourceFile) -> Option<syntax::Parsed> {
        let nesting_max =
            if self.settings.is_gate() { self.settings.limits.nesting.min(LINT_NESTING_MAX.into()) as u32 } else { LINT_NESTING_MAX };
        match self.timed("precheck", || {
            guarded("the pre-check", || {
                syntax::precheck(source, &PrecheckLimits { nesting: nesting_max, source_bytes: LINT_BYTES_MAX as u32 })
            })
        }) {
            Ok(Ok(_)) => {}
            Ok(Err(PrecheckError::TooDeep { range, .. })) => {
                self.reject(ParseStatus::TooDeep, nesting_too_deep::too_deep(range, nesting_max));
                return None;
            }
            Ok(Err(PrecheckError::HtmlLikeComment { range })) => {
                self.reject(ParseStatus::Failed, syntax_error::html_like_comment(range));
                return None;
            }
            Ok(Err(error)) => {
                self.reject(ParseStatus::Failed, syntax_error::rejected(within(source, error.range()), &error.to_string()));
                return None;
            }
            Err(reason) => {
                self.fail(reason);
                return None;
            }
        }
        match self.timed("parse", || guarded("the parser", || syntax::parse(source))) {
            Ok(Ok(parsed)) => return Some(parsed),
            Ok(Err(error)) => self.reject(ParseStatus::Failed, syntax_error::rejected(within(source, error.range), &error.message)),
            Err(reason) => self.fail(reason),
        }
        None
    }

    fn reject(&mut self, parse: ParseStatus, finding: Finding) {
        self.parse = parse;
        self.findings.push(finding);
    }

    fn ask_rules(&mut self, source: &SourceFile, model: Semantic) {
        self.entry = model.entry().cloned();
        let cx = Context { source, semantic: &model };
        for rule in RULES.iter().filter(|rule| !self.settings.is_off(rule.meta().id)) {
            let id = rule.meta().id;
            match self.timed(id, || guarded(&format!("rule `{id}`"), || rule.check(&cx))) {
                Ok(findings) => self.findings.extend(findings),
                Err(reason) => self.fail(reason),
            }
        }
        self.model = Some(model);
    }

    /// Levels first, since a finding whose rule is off has nothing that a directive could silence.
    fn report(mut self, origin: Origin) -> FileReport {
        let start = Instant::now();
        let settings = self.settings.clone();
        level(&settings, &mut self.findings);
        let mut suppressed: VecDeque<Option<Suppression>> = VecDeque::new();
        if let Some(source) = &self.source {
            let inline = suppression::inline(source, &self.comments, &self.findings, |rule| settings.is_off(rule));
            // The author is the party under review: at the gate a suppression silences nothing.
            suppressed.extend(inline.suppressions.into_iter().map(|by| by.filter(|_| !settings.is_gate())));
            let mut about = inline.about;
            level(&settings, &mut about);
            self.findings.extend(about);
        }
        let model = self.model.take();
        let function = |range: TextRange| model.as_ref().map_or("", |model| model.enclosing_function(range)).to_owned();
        let findings = self
            .findings
            .into_iter()
            .map(|finding| {
                let function = function(finding.primary.range);
                (finding, suppressed.pop_front().flatten(), function)
            })
            .collect();
        let bounds = model.as_ref().map(|model| model.bounds_reached().clone()).unwrap_or_default();
        self.timings.push(("report", start.elapsed()));
        FileReport::new(
            origin,
            settings,
            Parts {
                parse: self.parse,
                problem: self.problem,
                sha256: self.sha256,
                source: self.source,
                goal: self.goal,
                entry: self.entry,
                schema: self.schema,
                program: self.program,
                findings,
                timings: self.timings,
                bounds,
            },
        )
    }
}

fn level(settings: &Settings, findings: &mut Vec<Finding>) {
    findings.retain_mut(|finding| match settings.level_of(finding) {
        Some(level) => {
            finding.level = level;
            true
        }
        None => false,
    });
}

/// The parser reports the end of the file as a place behind it.
fn within(source: &SourceFile, range: TextRange) -> TextRange {
    let mut end = range.end.min(source.text.len() as u32);
    let mut start = range.start.min(end);
    while !source.text.is_char_boundary(start as usize) {
        start -= 1;
    }
    while !source.text.is_char_boundary(end as usize) {
        end += 1;
    }
    TextRange::new(start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_that_names_what_was_at_work() {
        install_panic_hook();
        let failure = guarded("rule `x`", || -> () { panic!("seven {}", 8) }).unwrap_err();
        assert!(failure.starts_with("internal failure in rule `x` at src/lint.rs:"), "{failure}");
        assert!(failure.ends_with(": seven 8"), "{failure}");
    }
}
