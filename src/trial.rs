//! The trial: what a cleared function does with its own cases, and with what a language model may
//! hand it.
//!
//! Every input runs twice, with another seed and all else the same. What goes wrong is reported with
//! the smallest input that was found to show it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::finding::Level;
use crate::report::Cleared;
use crate::sandbox::{self, CallContext, Execution, Isolation, IsolationOptions, LimitKind, Outcome};

mod cases;
mod explore;
mod findings;
mod inputs;
mod judge;
pub mod leaks;
mod path;
mod schema;
mod shrink;

pub use cases::{Case, CaseContext, Cases};
pub use findings::{META, joined};
use inputs::Attempt;
pub use inputs::input_paths;
use judge::Complaint;

/// What makes the inputs, with its version: part of every approval.
pub const GENERATOR: &str = "fnvet-trial/1";

/// Most generated inputs.
pub const INPUTS_MAX: usize = 120;

/// How long a trial may take. What is not tried by then was not shown to be harmless.
pub const DURATION_MAX: Duration = Duration::from_secs(120);

/// After so many inputs of one kind of failure the rest would only take time.
const ALIKE_MAX: usize = 3;

/// Most findings that are shrunk.
const SHRUNK_MAX: usize = 8;

/// How a trial ended.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing stands against an approval.
    Passed(Passed),
    /// Something does, which nobody can waive.
    Failed(TrialReport),
}

impl Verdict {
    /// What the trial found.
    pub fn report(&self) -> &TrialReport {
        match self {
            Verdict::Passed(passed) => &passed.report,
            Verdict::Failed(report) => report,
        }
    }
}

/// A function that passed its trial. [`attempt`] alone makes it, so nothing else can be approved.
///
/// ```compile_fail,E0451
/// # use fnvet::{report::Cleared, trial::{Passed, TrialReport}};
/// fn forge(function: Cleared, report: TrialReport) -> Passed {
///     Passed { function, report }
/// }
/// ```
#[derive(Debug)]
pub struct Passed {
    function: Cleared,
    report: TrialReport,
}

impl Passed {
    /// The function.
    pub fn function(&self) -> &Cleared {
        &self.function
    }

    /// What the trial found.
    pub fn report(&self) -> &TrialReport {
        &self.report
    }
}

/// What a finding of the trial is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A case gave another result than it expects.
    WrongResult,
    /// A case gave no result, or no refusal, where it expects one.
    MissingResult,
    /// A limit was hit.
    Limit,
    /// A canary came out.
    Leak,
    /// Something sensitive by its form came out.
    SensitiveOutput,
    /// JSON cannot hold the result.
    Unserializable,
    /// A promise never settled.
    Unsettled,
    /// The worker was ended by a fault or a forbidden call.
    Crash,
    /// The schema cannot be used, so every input is refused.
    UnusableSchema,
    /// The trial was not over in time.
    OutOfTime,
    /// The schema refused every input, so the function was not tried at all.
    Untried,
    /// The engine raised an error where an explicit one was due.
    EngineError,
    /// `NaN`, an infinity or `undefined` in the result.
    NotANumber,
    /// Two runs differ.
    Differs,
    /// The whole input comes out.
    Echo,
    /// There are no cases.
    NoCases,
}

/// One finding of the trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TrialFinding {
    /// What it is about.
    pub kind: Kind,
    /// An error fails the trial.
    pub level: Level,
    /// What happened.
    pub message: String,
    /// The case that shows it, if one does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub case: Option<String>,
    /// The smallest input that was found to show it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub input: Option<Value>,
}

/// What the trial did and found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrialReport {
    /// [`GENERATOR`].
    pub generator: String,
    /// How many of its own cases ran.
    pub cases: usize,
    /// How many other inputs ran.
    pub inputs: usize,
    /// How many of all returned a result.
    pub returned: usize,
    /// How many of all were refused by the schema.
    pub rejected: usize,
    /// How many executions it took.
    pub executions: usize,
    /// The most instructions of one execution.
    pub statements_max: u64,
    /// The most heap bytes of one execution.
    pub heap_bytes_max: u64,
    /// `full`, or which layers were missing.
    pub isolation: String,
    /// The findings, the gravest first.
    pub findings: Vec<TrialFinding>,
}

impl TrialReport {
    /// Whether nothing in it stands against an approval.
    pub fn is_passed(&self) -> bool {
        self.findings.iter().all(|finding| finding.level != Level::Error)
    }
}

/// The trial could not be held: the sandbox refused to run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the trial could not be held: {0}")]
pub struct NoTrial(String);

/// One input and what came of it, under two seeds.
struct Tried {
    attempt: Attempt,
    executions: Vec<Execution>,
    complaints: Vec<Complaint>,
}

/// Holds the trial of a function.
///
/// # Errors
/// Where the sandbox does not run it at all.
pub fn attempt(function: Cleared, cases: &Cases, options: &IsolationOptions) -> Result<Verdict, NoTrial> {
    let deadline = Instant::now() + DURATION_MAX;
    let runner = Runner { function: &function, options, deadline };
    let attempts = inputs::attempts(&function, cases, &|input, context| runner.execute(input, context, 1));
    let planned = attempts.len();
    let tried = runner.try_all(attempts);
    if let Some(reason) = tried.iter().flat_map(|tried| &tried.executions).find_map(refusal) {
        return Err(NoTrial(reason.to_owned()));
    }
    if tried.len() < planned {
        return Err(NoTrial("not every input was tried".to_owned()));
    }
    let findings = runner.findings(&tried, cases);
    let report = report(&tried, findings);
    Ok(if report.is_passed() { Verdict::Passed(Passed { function, report }) } else { Verdict::Failed(report) })
}

fn refusal(execution: &Execution) -> Option<&str> {
    match &execution.outcome {
        Outcome::Refused(reason) => Some(reason),
        _ => None,
    }
}

/// What runs attempts.
struct Runner<'a> {
    function: &'a Cleared,
    options: &'a IsolationOptions,
    deadline: Instant,
}

impl Runner<'_> {
    /// Runs them all, several at a time and the first ones first.
    fn try_all(&self, attempts: Vec<Attempt>) -> Vec<Tried> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(attempts.len().max(1));
        let queue = Mutex::new(attempts.into_iter().enumerate());
        let slow = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((at, attempt)) = next else { return done };
                done.push((at, self.try_unless_vain(attempt, &slow)));
            }
        };
        let mut tried: Vec<(usize, Tried)> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            // A thread of ours does not panic; if one did, what it tried is missing and the trial is not passed.
            workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
        });
        tried.sort_by_key(|(at, _)| *at);
        tried.into_iter().map(|(_, tried)| tried).collect()
    }

    /// Where some ran out of time already, more like them would only take time.
    fn try_unless_vain(&self, attempt: Attempt, slow: &AtomicUsize) -> Tried {
        let most = if judge::is_large(&attempt) { ALIKE_MAX } else { 2 * ALIKE_MAX };
        let is_vain = attempt.case.is_none() && slow.load(Ordering::Relaxed) >= most;
        if is_vain || Instant::now() >= self.deadline {
            return Tried { attempt, executions: Vec::new(), complaints: Vec::new() };
        }
        let tried = self.try_one(attempt);
        if tried.executions.iter().any(|execution| execution.outcome == Outcome::Limit(LimitKind::WallClock)) {
            slow.fetch_add(1, Ordering::Relaxed);
        }
        tried
    }

    fn try_one(&self, attempt: Attempt) -> Tried {
        let first = self.execute(&attempt.input, &attempt.context, 1);
        let mut executions = vec![first];
        // Where it was ended from outside, another seed would be ended too.
        if matches!(executions[0].outcome, Outcome::Returned(_) | Outcome::Threw(_)) {
            executions.push(self.execute(&attempt.input, &attempt.context, 2));
        }
        let complaints = judge::judge(self.function, &attempt, &executions);
        Tried { attempt, executions, complaints }
    }

    fn execute(&self, input: &Value, context: &CallContext, seed: u64) -> Execution {
        let context = CallContext { seed: Some(seed), ..context.clone() };
        sandbox::run(self.function, input, &context, self.options)
    }

    /// One finding for each kind of complaint, with the smallest input that shows it.
    fn findings(&self, tried: &[Tried], cases: &Cases) -> Vec<TrialFinding> {
        let mut findings: Vec<TrialFinding> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let all = || tried.iter().flat_map(|tried| tried.complaints.iter().map(move |complaint| (tried, complaint)));
        for (first, complaint) in all() {
            if !seen.insert(complaint.key.clone()) {
                continue;
            }
            let alike = all().filter(|(_, other)| other.key == complaint.key);
            let (smallest, complaint) = alike.min_by_key(|(tried, _)| judge::weight(&tried.attempt)).unwrap_or((first, complaint));
            let may_shrink = smallest.attempt.case.is_none() && findings.len() < SHRUNK_MAX;
            let input = if may_shrink { shrink::shrink(self, &smallest.attempt, &complaint.key) } else { smallest.attempt.input.clone() };
            findings.push(TrialFinding {
                kind: complaint.key.kind,
                level: complaint.level,
                message: complaint.message.clone(),
                case: smallest.attempt.case.clone(),
                input: Some(input),
            });
        }
        findings.extend(self.remarks(tried, cases));
        findings.sort_by_key(|finding| (std::cmp::Reverse(finding.level), finding.kind));
        findings
    }

    /// What is to be said about the trial as a whole.
    fn remarks(&self, tried: &[Tried], cases: &Cases) -> Vec<TrialFinding> {
        let remark = |kind, level, message: &str| TrialFinding { kind, level, message: message.to_owned(), case: None, input: None };
        let mut remarks = Vec::new();
        let untried = tried.iter().filter(|tried| tried.executions.is_empty()).count();
        if untried > 0 {
            let message = format!("too much time went by: {untried} inputs were not tried");
            remarks.push(remark(Kind::OutOfTime, Level::Error, &message));
        }
        let ran = tried.iter().flat_map(|tried| &tried.executions);
        if untried == 0 && ran.clone().count() > 0 && ran.clone().all(|run| matches!(run.outcome, Outcome::InputRejected(_))) {
            let message = "its schema refused every input, so it was not tried at all: a case must show one that is not refused";
            remarks.push(remark(Kind::Untried, Level::Error, message));
        }
        if cases.list.is_empty() {
            remarks.push(remark(Kind::NoCases, Level::Warning, "it has no cases: nothing says what it should return"));
        }
        remarks
    }
}

fn report(tried: &[Tried], findings: Vec<TrialFinding>) -> TrialReport {
    let executions = || tried.iter().flat_map(|tried| &tried.executions);
    let ran = |tried: &&Tried| !tried.executions.is_empty();
    let first =
        |test: fn(&Outcome) -> bool| tried.iter().filter(|tried| tried.executions.first().is_some_and(|run| test(&run.outcome))).count();
    let isolation = executions().map(|run| &run.isolation).find(|isolation| matches!(isolation, Isolation::Reduced(_)));
    TrialReport {
        generator: GENERATOR.to_owned(),
        cases: tried.iter().filter(|tried| tried.attempt.case.is_some()).count(),
        inputs: tried.iter().filter(ran).filter(|tried| tried.attempt.case.is_none()).count(),
        returned: first(|outcome| matches!(outcome, Outcome::Returned(_))),
        rejected: first(|outcome| matches!(outcome, Outcome::InputRejected(_))),
        executions: executions().count(),
        statements_max: executions().filter_map(|run| run.statements).max().unwrap_or(0),
        heap_bytes_max: executions().filter_map(|run| run.heap_bytes).max().unwrap_or(0),
        isolation: isolation.map_or_else(|| "full".to_owned(), Isolation::to_string),
        findings,
    }
}
