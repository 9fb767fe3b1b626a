//! One audited call of a cleared function: the intent is noted, the function runs, what comes out is
//! scanned, the record is written, and only then is there an answer.

use serde_json::Value;

use crate::audit::log::{AuditError, Log};
use crate::audit::{Entry, Event, Function};
use crate::report::Cleared;
use crate::sandbox::{self, CallContext, Execution, IsolationOptions, Outcome};
use crate::trial::leaks::{Flag, scan_text, scan_value};

/// What came of a function, as far as it may leave.
#[derive(Clone, Debug)]
pub struct Performed {
    /// The result, or the message of the failure.
    pub result: Result<Value, String>,
    /// How the execution went.
    pub execution: Execution,
    /// What the scan of the output found.
    pub flags: Vec<Flag>,
}

impl Performed {
    /// What is to be recorded of it.
    pub fn entry(&self, about: &Function) -> Entry {
        let mut entry = Entry::new(Event::Executed, about).executed(&self.execution);
        entry.output_flags = self.flags.iter().map(Flag::to_string).collect();
        match &self.result {
            Ok(_) => entry,
            Err(message) => entry.failed(message),
        }
    }
}

/// Runs `function`. Its answer must not leave before it is recorded.
pub fn perform(function: &Cleared, input: &Value, context: &CallContext, options: &IsolationOptions) -> Performed {
    let execution = sandbox::run(function, input, context, options);
    let (result, flags) = scanned(&execution);
    Performed { result, execution, flags }
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
) -> Result<Performed, AuditError> {
    let intent = log.begin(Entry::new(Event::Executed, about))?;
    let performed = perform(function, input, context, options);
    log.finish(intent, performed.entry(about))?;
    Ok(performed)
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
