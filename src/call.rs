//! One audited call of a cleared function: the intent is noted, the function runs, what comes out is
//! scanned, the record is written, and only then is there an answer.

use serde_json::Value;

use crate::audit::log::{AuditError, Log};
use crate::audit::{Entry, Event, Function, Record};
use crate::report::Cleared;
use crate::sandbox::{self, CallContext, Execution, IsolationOptions, Outcome};
use crate::trial::leaks::{Flag, scan_text, scan_value};

/// What the caller gets.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The result, or the message of the failure.
    pub result: Result<Value, String>,
    /// How the execution went.
    pub execution: Execution,
    /// What the scan of the output found.
    pub flags: Vec<Flag>,
    /// The record of it.
    pub record: Record,
}

/// Calls `function` and records it in `log` as being about `about`.
///
/// # Errors
/// Where the call cannot be recorded: then it does not happen, or its answer is lost.
pub fn call(
    function: &Cleared,
    input: &Value,
    context: &CallContext,
    options: &IsolationOptions,
    log: &Log,
    about: &Function,
) -> Result<Answer, AuditError> {
    let intent = log.begin(Entry::new(Event::Executed, about))?;
    let execution = sandbox::run(function, input, context, options);
    let (result, flags) = scanned(&execution);
    let mut entry = Entry::new(Event::Executed, about).executed(&execution);
    entry.output_flags = flags.iter().map(Flag::to_string).collect();
    if let Err(message) = &result {
        entry = entry.failed(message);
    }
    let record = log.finish(intent, entry)?;
    Ok(Answer { result, execution, flags, record })
}

/// A credential does not leave; what else looks sensitive is flagged.
fn scanned(execution: &Execution) -> (Result<Value, String>, Vec<Flag>) {
    let (flags, result) = match &execution.outcome {
        Outcome::Returned(value) => (scan_value(value), Ok(value.clone())),
        _ => {
            let message = execution.error_message().unwrap_or_default();
            (scan_text(&message), Err(message))
        }
    };
    match flags.iter().find(|flag| flag.is_credential()) {
        Some(flag) => {
            let what = if result.is_ok() { "Output" } else { "Error message" };
            (Err(format!("{what} withheld: it holds a {flag}")), flags)
        }
        None => (result, flags),
    }
}
