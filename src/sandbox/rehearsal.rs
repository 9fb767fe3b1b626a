//! Reviewing a source where that can be ended: whatever a parser or the analysis does with it, whoever
//! asked lives on.

use std::sync::Arc;

use super::frame::{Request, Review, Task};
use super::{IsolationOptions, Layer, LimitKind, Limits, Outcome, pool, request};
use crate::config::Settings;
use crate::lint::{self, Job};
use crate::source::collect::{Access, Target};

/// What reviewing one source may take. Honest ones take a small part of it.
const LIMITS: Limits = Limits {
    wall_clock_ms_max: 20_000,
    heap_bytes_max: 1 << 30,
    statements_max: 0,
    call_depth_max: 0,
    output_bytes_max: 64,
    input_bytes_max: 64,
    source_bytes_max: lint::LINT_BYTES_MAX,
    nesting_max: 1,
};

/// How a review went that nobody depended on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rehearsal {
    /// To its end: it can be done anywhere.
    Passed,
    /// Past a limit: the stack, the clock or the heap.
    Limit(LimitKind),
    /// Otherwise than it should.
    Failed(String),
}

/// Reviews a source that was handed over, in a worker, and forgets what it found. A file of the user's
/// own is the user's risk.
pub fn rehearse(job: &Job, options: &IsolationOptions) -> Rehearsal {
    let Access::Given { source, schema } = &job.target.access else { return Rehearsal::Passed };
    // Other bytes are refused without being parsed.
    let Ok(code) = std::str::from_utf8(source) else { return Rehearsal::Passed };
    let schema = schema.as_deref().map(|schema| String::from_utf8_lossy(schema).into_owned());
    let task = Task::Review(of(job));
    // It parses and analyses and runs nothing, so a missing layer is no reason against it; and what it is
    // made of asks the system for more than an engine needs, such as the number of processors.
    let without = options.without.with(Layer::Seccomp);
    let options = IsolationOptions { require_full: false, spare_workers: 0, without, ..options.clone() };
    let execution = pool::execute(Request { code: code.to_owned(), schema, task, ..request(&LIMITS) }, &options);
    match execution.outcome {
        Outcome::Returned(_) => Rehearsal::Passed,
        Outcome::Limit(kind) => Rehearsal::Limit(kind),
        Outcome::Refused(_) if cfg!(not(unix)) => Rehearsal::Passed,
        _ => Rehearsal::Failed(execution.error_message().unwrap_or_default()),
    }
}

fn of(job: &Job) -> Review {
    let settings = &job.settings;
    Review {
        name: job.target.origin.shown.clone(),
        entry: settings.entry.clone(),
        sensitive: settings.sensitive.clone(),
        globals_host: settings.globals_host.clone(),
        globals_allowed: settings.globals_allowed.clone(),
        enforce_schema: settings.enforce_schema,
        source_bytes: settings.limits.source_bytes,
        nesting: settings.limits.nesting,
    }
}

/// The worker's part.
pub(super) fn review(request: &Request, review: &Review) {
    let mut settings = Settings::for_gate(None, None, None);
    settings.entry.clone_from(&review.entry);
    settings.sensitive.clone_from(&review.sensitive);
    settings.globals_host.clone_from(&review.globals_host);
    settings.globals_allowed.clone_from(&review.globals_allowed);
    settings.enforce_schema = review.enforce_schema;
    (settings.limits.source_bytes, settings.limits.nesting) = (review.source_bytes, review.nesting);
    let schema = request.schema.as_deref().map(|schema| schema.as_bytes().into());
    let target = Target::given(&review.name, request.code.as_bytes(), schema);
    lint::rehearse(&Job { target, settings: Arc::new(settings) });
}
