//! What is to be said about one attempt.

use serde_json::Value;

use super::inputs::Attempt;
use super::leaks::{Flag, Haystack, scan_text, scan_value};
use super::{Kind, cases};
use crate::finding::Level;
use crate::report::Cleared;
use crate::sandbox::{Execution, LimitKind, LossKind, Outcome, Thrown};

/// From this size on an input is large: work that grows with it may reach a limit.
const LARGE_BYTES: usize = 2_000;

/// Most characters of a value or message that are quoted.
const QUOTE_CHARS_MAX: usize = 160;

/// Most characters of what is said: the keys of a result may be of any length.
const MESSAGE_CHARS_MAX: usize = 800;

/// Texts that a program makes when it goes on with a value that is not there.
const BROKEN_TEXTS: [&str; 3] = ["NaN", "undefined", "Invalid Date"];

/// What makes two complaints one finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// What it is about.
    pub kind: Kind,
    /// What tells it from others of the kind.
    pub detail: String,
}

/// Something that went wrong with an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Complaint {
    /// What it is.
    pub key: Key,
    /// Whether it fails the trial.
    pub level: Level,
    /// What happened.
    pub message: String,
}

impl Complaint {
    fn new(kind: Kind, level: Level, detail: impl Into<String>, message: impl Into<String>) -> Complaint {
        Complaint { key: Key { kind, detail: detail.into() }, level, message: cut(&message.into(), MESSAGE_CHARS_MAX) }
    }
}

/// How much there is to read before one sees what an attempt shows: cases speak for themselves.
pub fn weight(attempt: &Attempt) -> (bool, usize) {
    (attempt.case.is_none(), attempt.input.to_string().len())
}

/// Whether an input is so large that work which grows with it may reach a limit.
pub fn is_large(attempt: &Attempt) -> bool {
    attempt.input.to_string().len() >= LARGE_BYTES
}

/// The complaints about an attempt, whose executions differ in the seed only.
pub fn judge(function: &Cleared, attempt: &Attempt, executions: &[Execution]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let Some(first) = executions.first() else { return complaints };
    if let Some(expected) = &attempt.expected {
        complaints.extend(case_complaint(attempt, expected, first));
    }
    for execution in executions {
        complaints.extend(ended(function, attempt, execution));
        complaints.extend(came_out(attempt, execution));
    }
    if let [first, second] = executions
        && first.outcome != second.outcome
    {
        let message = "two runs that differ only in the seed of Math.random end differently";
        complaints.push(Complaint::new(Kind::Differs, Level::Warning, "", message));
    }
    let mut seen = std::collections::BTreeSet::new();
    complaints.retain(|complaint| seen.insert(complaint.key.clone()));
    complaints
}

/// What a case expects.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// This result.
    Result(Value),
    /// A refusal whose message holds this.
    Error(String),
}

fn case_complaint(attempt: &Attempt, expected: &Expected, execution: &Execution) -> Option<Complaint> {
    let name = attempt.case.clone().unwrap_or_default();
    let complaint = |kind, message| Some(Complaint::new(kind, Level::Error, name.clone(), message));
    match (expected, &execution.outcome) {
        (Expected::Result(expected), Outcome::Returned(actual)) => {
            let difference = difference(expected, actual, "result")?;
            complaint(Kind::WrongResult, difference)
        }
        (Expected::Result(_), _) => {
            let message = execution.error_message().unwrap_or_default();
            complaint(Kind::MissingResult, format!("a result is expected, but it failed: {}", quoted(&message)))
        }
        (Expected::Error(_), Outcome::Returned(actual)) => {
            complaint(Kind::MissingResult, format!("an error is expected, but it returned {}", quoted(&actual.to_string())))
        }
        (Expected::Error(part), _) => {
            let message = execution.error_message().unwrap_or_default();
            if message.contains(part) {
                return None;
            }
            complaint(Kind::WrongResult, format!("an error with {part:?} is expected, but it failed with {}", quoted(&message)))
        }
    }
}

/// The first place where two values differ, in words.
fn difference(expected: &Value, actual: &Value, place: &str) -> Option<String> {
    if cases::equal(expected, actual) {
        return None;
    }
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            if let Some(missing) = expected.keys().find(|key| !actual.contains_key(*key)) {
                return Some(format!("{place}.{missing} is missing"));
            }
            if let Some(extra) = actual.keys().find(|key| !expected.contains_key(*key)) {
                return Some(format!("{place}.{extra} is not expected"));
            }
            expected.iter().find_map(|(key, value)| difference(value, actual.get(key)?, &format!("{place}.{key}")))
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            let mut pairs = expected.iter().zip(actual).enumerate();
            pairs.find_map(|(at, (expected, actual))| difference(expected, actual, &format!("{place}[{at}]")))
        }
        _ => Some(format!("{place} is {}, expected {}", quoted(&actual.to_string()), quoted(&expected.to_string()))),
    }
}

/// Complaints about how an execution ended.
fn ended(function: &Cleared, attempt: &Attempt, execution: &Execution) -> Option<Complaint> {
    let message = execution.error_message().unwrap_or_default();
    Some(match &execution.outcome {
        Outcome::Limit(kind) => limit(function, attempt, *kind, &message),
        Outcome::Unserializable(_) => Complaint::new(Kind::Unserializable, Level::Error, "", message),
        Outcome::Unsettled => Complaint::new(Kind::Unsettled, Level::Error, "", message),
        Outcome::Violation(_) | Outcome::Crashed(_) => Complaint::new(Kind::Crash, Level::Error, "", message),
        Outcome::InputRejected(violations) if violations.iter().any(|violation| violation.message.contains("schema cannot be used")) => {
            Complaint::new(Kind::UnusableSchema, Level::Error, "", message)
        }
        Outcome::Threw(thrown) if thrown.by_engine => engine_error(thrown),
        Outcome::Returned(_) | Outcome::Threw(_) | Outcome::InputRejected(_) | Outcome::Refused(_) => return None,
    })
}

fn limit(function: &Cleared, attempt: &Attempt, kind: LimitKind, message: &str) -> Complaint {
    let grows = matches!(kind, LimitKind::Statements | LimitKind::WallClock | LimitKind::Heap | LimitKind::Output);
    let is_large = attempt.case.is_none() && is_large(attempt);
    let listed = function.findings().iter().find(|reported| {
        let finding = &reported.finding;
        finding.rule == "no-unbounded-operation" && finding.level == Level::Warning
    });
    match listed.filter(|_| grows && is_large) {
        Some(reported) => {
            let message =
                format!("{message}; the warning at line {} says that the work grows with the input", reported.location.start.line);
            Complaint::new(Kind::Limit, Level::Warning, kind.name(), message)
        }
        None => Complaint::new(Kind::Limit, Level::Error, kind.name(), message),
    }
}

fn engine_error(thrown: &Thrown) -> Complaint {
    let place = thrown.position.map(|at| format!(" at line {}", at.line)).unwrap_or_default();
    let message = format!("the engine raised {}{place}, where an explicit error was due", quoted(&thrown.to_string()));
    Complaint::new(Kind::EngineError, Level::Warning, format!("{}{place}", thrown.name), message)
}

/// Complaints about what an execution let out.
fn came_out(attempt: &Attempt, execution: &Execution) -> Vec<Complaint> {
    let mut complaints = leaks(attempt, execution);
    complaints.extend(sensitive(execution));
    let Outcome::Returned(result) = &execution.outcome else { return complaints };
    for loss in &execution.losses {
        let what = match loss.kind {
            LossKind::NotANumber => "NaN",
            LossKind::Infinite => "an infinity",
            LossKind::Undefined => "undefined",
            LossKind::NotData => "a function or symbol",
            LossKind::LoneSurrogate => continue,
        };
        let message = format!("the result holds {what} at {}, which JSON cannot", quoted(&loss.path));
        complaints.push(Complaint::new(Kind::NotANumber, Level::Warning, what, message));
    }
    if let Some(text) = broken_text(&attempt.input, result) {
        let message = format!("a text of the result holds {text:?}");
        complaints.push(Complaint::new(Kind::NotANumber, Level::Warning, text, message));
    }
    if is_worth_echoing(&attempt.input) && holds(result, &attempt.input) {
        complaints.push(Complaint::new(Kind::Echo, Level::Warning, "", "the whole input comes out again"));
    }
    complaints
}

/// What is sensitive by its form, wherever it comes out.
fn sensitive(execution: &Execution) -> Vec<Complaint> {
    let mut exits = match &execution.outcome {
        Outcome::Returned(result) => vec![("the result", scan_value(result))],
        _ => vec![("the error message", scan_text(&execution.error_message().unwrap_or_default()))],
    };
    exits.push(("the log", execution.console.iter().flat_map(|line| scan_text(&line.text)).collect()));
    let complaint = |exit: &str, flag: Flag| {
        let message = format!("{exit} holds a {flag}");
        Complaint::new(Kind::SensitiveOutput, Level::Error, format!("{flag} {exit}"), message)
    };
    exits
        .into_iter()
        .flat_map(|(exit, flags)| flags.into_iter().filter(|flag| *flag != Flag::Iban).map(move |flag| complaint(exit, flag)))
        .collect()
}

fn leaks(attempt: &Attempt, execution: &Execution) -> Vec<Complaint> {
    if attempt.canaries.is_empty() {
        return Vec::new();
    }
    let mut exits: Vec<(&str, Haystack)> = Vec::new();
    match &execution.outcome {
        Outcome::Returned(result) => exits.push(("the result", Haystack::of_value(result))),
        _ => exits.push(("the error message", Haystack::of_text(&execution.error_message().unwrap_or_default()))),
    }
    if !execution.console.is_empty() {
        let lines: Vec<&str> = execution.console.iter().map(|line| line.text.as_str()).collect();
        exits.push(("the log", Haystack::of_text(&lines.join("\n"))));
    }
    let mut complaints = Vec::new();
    for (exit, haystack) in &exits {
        for canary in &attempt.canaries {
            if let Some(disguise) = canary.find(haystack) {
                let message = format!("{} comes out in {exit}{disguise}", canary.place);
                complaints.push(Complaint::new(Kind::Leak, Level::Error, format!("{} {exit}", canary.place), message));
            }
        }
    }
    complaints
}

fn broken_text(input: &Value, result: &Value) -> Option<&'static str> {
    let given = input.to_string();
    BROKEN_TEXTS.into_iter().find(|broken| !given.contains(broken) && any_text(result, &|text| has_word(text, broken)))
}

/// Whether `word` stands in `text` by itself.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

fn any_text(value: &Value, test: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => test(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, test)),
        Value::Object(members) => members.values().any(|member| any_text(member, test)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn is_worth_echoing(input: &Value) -> bool {
    input.as_object().is_some_and(|members| members.len() >= 2)
}

/// Whether `part` stands in `whole`.
fn holds(whole: &Value, part: &Value) -> bool {
    cases::equal(whole, part)
        || match whole {
            Value::Array(items) => items.iter().any(|item| holds(item, part)),
            Value::Object(members) => members.values().any(|member| holds(member, part)),
            _ => false,
        }
}

fn quoted(text: &str) -> String {
    cut(text, QUOTE_CHARS_MAX)
}

fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
