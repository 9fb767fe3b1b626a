//! One audited call of a cleared function: the intent is noted, the function runs, what comes out is
//! scanned, the record is written, and only then is there an answer.

use serde_json::Value;

use crate::audit::log::{AuditError, Log};
use crate::audit::{Entry, Event, Function};
use crate::config::{OutputAction, Settings};
use crate::report::Cleared;
use crate::sandbox::{self, CallContext, Execution, IsolationOptions, Outcome};
use crate::trial::leaks::{Flag, redact_text, redact_value, scan_text, scan_value};

/// What came of a function, as far as it may leave.
#[derive(Clone, Debug)]
pub struct Performed {
    /// The result, or the message of the failure.
    pub result: Result<Value, String>,
    /// How the execution went.
    pub execution: Execution,
    /// What the scan of the output found.
    pub flags: Vec<Flag>,
    /// What it was called with, where records are to hold that.
    input: Option<String>,
}

impl Performed {
    /// What is to be recorded of it.
    pub fn entry(&self, about: &Function) -> Entry {
        let mut entry = Entry::new(Event::Executed, about).executed(&self.execution);
        entry.output_flags = self.flags.iter().map(Flag::to_string).collect();
        if let Some(input) = &self.input {
            entry = entry.with_contents(input, self.result.as_ref().ok().map(Value::to_string).as_deref());
        }
        match &self.result {
            Ok(_) => entry,
            Err(message) => entry.failed(message),
        }
    }
}

/// Runs `function`. Its answer must not leave before it is recorded.
pub fn perform(function: &Cleared, input: &Value, context: &CallContext, options: &IsolationOptions) -> Performed {
    let execution = sandbox::run(function, input, context, options);
    let (result, flags) = scanned(&execution, function.settings());
    let input = function.settings().audit_contents.then(|| input.to_string());
    Performed { result, execution, flags, input }
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

/// What may leave: what is sensitive by its form is refused, taken out or flagged, as the settings say.
fn scanned(execution: &Execution, settings: &Settings) -> (Result<Value, String>, Vec<Flag>) {
    let (flags, result) = match &execution.outcome {
        Outcome::Returned(value) => (scan_value(value), Ok(value.clone())),
        _ => {
            let message = execution.error_message().unwrap_or_default();
            (scan_text(&message), Err(message))
        }
    };
    let action = |flag: &Flag| if flag.is_credential() { settings.output_credentials } else { settings.output_patterns };
    if let Some(flag) = flags.iter().find(|flag| action(flag) == OutputAction::Refuse) {
        let what = if result.is_ok() { "Output" } else { "Error message" };
        return (Err(format!("{what} withheld: it holds a {flag}")), flags);
    }
    let redacted = |flag: &Flag| action(flag) == OutputAction::Redact;
    if !flags.iter().any(redacted) {
        return (result, flags);
    }
    let result = match result {
        Ok(value) => Ok(redact_value(&value, &redacted)),
        Err(message) => Err(redact_text(&message, &redacted).unwrap_or(message)),
    };
    (result, flags)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Config;
    use crate::sandbox::{Isolation, Limits, Thrown};

    fn scan(config: &str, outcome: Outcome) -> (Result<Value, String>, Vec<String>) {
        let execution = Execution {
            outcome,
            duration_ms: 1,
            statements: None,
            heap_bytes: None,
            console: Vec::new(),
            losses: Vec::new(),
            isolation: Isolation::Full,
            limits: Limits::default(),
        };
        let (result, flags) = scanned(&execution, &Config::parse(config, "c").unwrap().resolve(None));
        (result, flags.iter().map(Flag::to_string).collect())
    }

    #[test]
    fn what_is_sensitive_by_its_form_is_flagged_taken_out_or_refused() {
        let output = || json!({"paid": [{"with": "card 4111 1111 1111 1111", "sum": 3}], "left": 4_111_111_111_111_111_u64});
        let (result, flags) = scan("", Outcome::Returned(output()));
        assert_eq!((result, flags), (Ok(output()), vec!["card number".to_owned()]));
        let (result, flags) = scan("[output]\npatterns = \"redact\"", Outcome::Returned(output()));
        let rest = json!({"paid": [{"with": "[redacted: card number]", "sum": 3}], "left": "[redacted: card number]"});
        assert_eq!((result, flags), (Ok(rest), vec!["card number".to_owned()]));
        let (result, _) = scan("[output]\npatterns = \"refuse\"", Outcome::Returned(output()));
        assert_eq!(result, Err("Output withheld: it holds a card number".to_owned()));
        let thrown = || Thrown { name: "Error".into(), message: "no 4111 1111 1111 1111".into(), by_engine: false, position: None };
        let (result, _) = scan("[output]\npatterns = \"redact\"", Outcome::Threw(thrown()));
        assert_eq!(result, Err("[redacted: card number]".to_owned()));
    }
}
