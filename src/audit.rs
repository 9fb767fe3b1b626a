//! The audit record, and the hash chain that its records form.
//!
//! A record is written before the caller has its answer; where it cannot be written, the call
//! fails. [`log`] keeps records in a file, [`chain`] says whether they are still what was written.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::finding::Level;
use crate::output::is_deceptive;
use crate::sandbox::{Execution, Outcome};
use crate::trial::{NoTrial, Verdict};

pub mod chain;
pub mod log;
pub mod ocsf;

/// The tenant of commands that work on files.
pub const LOCAL_TENANT: &str = "local";

/// What the first record of a chain follows.
pub const FIRST_PREV_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Most bytes of a message that a record keeps.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    /// A function was called.
    #[serde(rename = "AIFunctionExecuted")]
    Executed,
    /// A function was tried before a decision.
    #[serde(rename = "AIFunctionTried")]
    Tried,
    /// A function, or a version of one, was handed in.
    #[serde(rename = "AIFunctionSubmitted")]
    Submitted,
    /// An approver read it.
    #[serde(rename = "AIFunctionViewed")]
    Viewed,
    /// A second person approved it.
    #[serde(rename = "AIFunctionApproved")]
    Approved,
    /// A second person declined it.
    #[serde(rename = "AIFunctionRejected")]
    Rejected,
    /// Its approval was withdrawn.
    #[serde(rename = "AIFunctionRevoked")]
    Revoked,
    /// The gate refused it.
    #[serde(rename = "AIFunctionRefused")]
    Refused,
    /// Rules or lint policy changed since its approval, and it was linted again.
    #[serde(rename = "AIFunctionRelinted")]
    Relinted,
}

impl Event {
    /// Every event.
    pub const ALL: [Event; 9] = [
        Event::Executed,
        Event::Tried,
        Event::Submitted,
        Event::Viewed,
        Event::Approved,
        Event::Rejected,
        Event::Revoked,
        Event::Refused,
        Event::Relinted,
    ];

    /// The name as records give it.
    pub fn name(self) -> &'static str {
        match self {
            Event::Executed => "AIFunctionExecuted",
            Event::Tried => "AIFunctionTried",
            Event::Submitted => "AIFunctionSubmitted",
            Event::Viewed => "AIFunctionViewed",
            Event::Approved => "AIFunctionApproved",
            Event::Rejected => "AIFunctionRejected",
            Event::Revoked => "AIFunctionRevoked",
            Event::Refused => "AIFunctionRefused",
            Event::Relinted => "AIFunctionRelinted",
        }
    }
}

impl std::str::FromStr for Event {
    type Err = String;

    /// The whole name, or its last part in any case: `executed`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let short = |event: &Event| event.name().trim_start_matches("AIFunction").eq_ignore_ascii_case(text);
        Event::ALL.into_iter().find(|event| event.name() == text || short(event)).ok_or_else(|| {
            let names: Vec<String> = Event::ALL.iter().map(|event| event.name().trim_start_matches("AIFunction").to_lowercase()).collect();
            format!("`{text}` is no event: {}", names.join(", "))
        })
    }
}

/// What a record says, before it has a place in a chain. The order of the fields is that of the
/// record's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// The registry's id, or `file:<path>`.
    pub function_id: String,
    /// The function's name.
    pub function_name: String,
    /// The agent that called.
    pub agent_id: Option<String>,
    /// The person on whose behalf, or who decided.
    pub user_id: Option<String>,
    /// Whose chain it belongs to.
    pub tenant_id: String,
    /// When, in UTC, to the second.
    pub executed_at: String,
    /// How long it took.
    pub duration_ms: u64,
    /// Whether it did what was asked.
    pub success: bool,
    /// Why not.
    pub error_message: Option<String>,
    /// The registry's version.
    pub version: Option<u64>,
    /// Hex SHA-256 of the source.
    pub source_sha256: Option<String>,
    /// The approval it ran under.
    pub approval_id: Option<String>,
    /// The limit it went past.
    pub limit: Option<String>,
    /// Instructions used.
    pub statements: Option<u64>,
    /// Most heap bytes in use.
    pub heap_bytes: Option<u64>,
    /// `full`, `reduced` with the missing layers, or `unused` where nothing ran.
    pub isolation: Option<String>,
    /// What the scan of the output found.
    pub output_flags: Vec<String>,
    /// JSON of what it was called with, where the configuration wants that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// JSON of its result, as far as it left, where the configuration wants that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

impl Entry {
    /// An entry about a function, now, that says nothing yet but who and what.
    pub fn new(event: Event, function: &Function) -> Entry {
        Entry {
            event,
            function_id: bounded(&function.id),
            function_name: bounded(&function.name),
            agent_id: function.agent_id.as_deref().map(bounded),
            user_id: function.user_id.as_deref().map(bounded),
            tenant_id: bounded(&function.tenant_id),
            executed_at: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            duration_ms: 0,
            success: true,
            error_message: None,
            version: function.version,
            source_sha256: function.source_sha256.clone(),
            approval_id: function.approval_id.clone(),
            limit: None,
            statements: None,
            heap_bytes: None,
            isolation: None,
            output_flags: Vec::new(),
            input: None,
            output: None,
        }
    }

    /// Adds the beginning of what a function was called with, and of what it returned.
    #[must_use]
    pub fn with_contents(mut self, input: &str, output: Option<&str>) -> Entry {
        self.input = Some(bounded(input));
        self.output = output.map(bounded);
        self
    }

    /// Makes it one of failure.
    #[must_use]
    pub fn failed(mut self, message: &str) -> Entry {
        self.success = false;
        self.error_message = Some(bounded(message));
        self
    }

    /// Adds how an execution went.
    #[must_use]
    pub fn executed(mut self, execution: &Execution) -> Entry {
        self.duration_ms = execution.duration_ms;
        self.success = execution.success();
        self.error_message = execution.error_message().as_deref().map(bounded);
        self.statements = execution.statements;
        self.heap_bytes = execution.heap_bytes;
        self.isolation = Some(execution.isolation.to_string());
        if let Outcome::Limit(kind) = execution.outcome {
            self.limit = Some(kind.name().to_owned());
        }
        self
    }

    /// Adds how a trial went that took `duration`.
    #[must_use]
    pub fn tried(mut self, held: &Result<Verdict, NoTrial>, duration: Duration) -> Entry {
        self.duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let report = match held {
            Ok(Verdict::Passed(passed)) => passed.report(),
            Ok(Verdict::Failed(report)) => report,
            Err(error) => return self.failed(&error.to_string()),
        };
        self.statements = Some(report.statements_max);
        self.heap_bytes = Some(report.heap_bytes_max);
        self.isolation = Some(report.isolation.clone());
        match report.findings.iter().find(|finding| finding.level == Level::Error) {
            Some(worst) => self.failed(&worst.message),
            None => self,
        }
    }
}

/// The function that entries are about, and who acts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// The registry's id, or `file:<path>`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The agent that calls.
    pub agent_id: Option<String>,
    /// The person on whose behalf, or who decides.
    pub user_id: Option<String>,
    /// The tenant.
    pub tenant_id: String,
    /// The registry's version.
    pub version: Option<u64>,
    /// Hex SHA-256 of the source.
    pub source_sha256: Option<String>,
    /// The approval it runs under.
    pub approval_id: Option<String>,
}

/// An entry in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it says.
    pub entry: Entry,
    /// Its number in the tenant's chain, from 1.
    pub seq: u64,
    /// The hash of the record before it.
    pub prev_hash: String,
    /// Its own hash.
    pub hash: String,
}

/// The place of a record, as it is written behind the entry.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    seq: u64,
    prev_hash: String,
    hash: String,
}

/// Why a line is no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no audit record: {0}")]
pub struct NoRecord(String);

impl Record {
    /// The record of `entry` behind `previous`.
    pub fn after(entry: Entry, previous: Option<(u64, &str)>) -> Record {
        let (seq, prev_hash) = previous.map_or((1, FIRST_PREV_HASH), |(seq, hash)| (seq + 1, hash));
        let mut record = Record { entry, seq, prev_hash: prev_hash.to_owned(), hash: String::new() };
        record.hash = record.computed_hash();
        record
    }

    /// Hex SHA-256 of the canonical JSON (RFC 8785) of everything but the hash.
    pub fn computed_hash(&self) -> String {
        let mut keys = self.keys();
        keys.shift_remove("hash");
        // Canonical JSON of strings, booleans and integers always exists.
        hex::encode(Sha256::digest(serde_json_canonicalizer::to_vec(&keys).unwrap_or_default()))
    }

    /// The record as it is written: one line, without its end. Characters that could deceive a
    /// reader at a terminal are escaped.
    pub fn to_line(&self) -> String {
        let json = serde_json::to_string(&self.keys()).unwrap_or_default();
        json.chars().fold(String::with_capacity(json.len()), |mut line, c| {
            if is_deceptive(c) {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    line.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                line.push(c);
            }
            line
        })
    }

    /// Reads a line, which must be exactly what [`Record::to_line`] writes: another spelling of the
    /// same record could be read otherwise by others.
    ///
    /// # Errors
    /// Where it is anything else.
    pub fn from_line(line: &str) -> Result<Record, NoRecord> {
        let keys: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).map_err(|error| NoRecord(error.to_string()))?;
        let value = serde_json::Value::Object(keys);
        let entry: Entry = serde_json::from_value(value.clone()).map_err(|error| NoRecord(error.to_string()))?;
        let place: Place = serde_json::from_value(value).map_err(|error| NoRecord(error.to_string()))?;
        let record = Record { entry, seq: place.seq, prev_hash: place.prev_hash, hash: place.hash };
        if record.to_line() == line { Ok(record) } else { Err(NoRecord("it is not written as fnvet writes records".to_owned())) }
    }

    fn keys(&self) -> serde_json::Map<String, serde_json::Value> {
        let place = Place { seq: self.seq, prev_hash: self.prev_hash.clone(), hash: self.hash.clone() };
        let mut keys = object_of(&self.entry);
        keys.extend(object_of(&place));
        keys
    }
}

fn object_of(value: &impl Serialize) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::Object(keys)) => keys,
        _ => serde_json::Map::new(),
    }
}

fn bounded(text: &str) -> String {
    let mut end = text.len().min(MESSAGE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let function = Function { id: "fn_1".into(), name: "leave".into(), tenant_id: "t".into(), ..Function::default() };
        Entry::new(Event::Executed, &function)
    }

    #[test]
    fn the_keys_stand_in_their_order() {
        let line = Record::after(entry(), None).to_line();
        let keys: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&line).unwrap();
        let names: Vec<&str> = keys.keys().map(String::as_str).collect();
        let expected = "event functionId functionName agentId userId tenantId executedAt durationMs success errorMessage version \
                        sourceSha256 approvalId limit statements heapBytes isolation outputFlags seq prevHash hash";
        assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn the_hash_is_that_of_the_canonical_json_without_it() {
        let record = Record::after(entry(), Some((4, "ab")));
        let mut keys: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&record.to_line()).unwrap();
        let hash = keys.shift_remove("hash").unwrap();
        let canonical = serde_json_canonicalizer::to_vec(&keys).unwrap();
        assert_eq!(hash, hex::encode(Sha256::digest(canonical)).as_str());
        assert_eq!((record.seq, record.prev_hash.as_str()), (5, "ab"));
    }

    #[test]
    fn a_line_has_one_spelling_and_deceives_nobody() {
        let record = Record::after(entry().failed("a\u{1b}[31m\u{202e}b\nc"), None);
        let line = record.to_line();
        assert!(!line.chars().any(is_deceptive), "{line}");
        assert_eq!(Record::from_line(&line).unwrap(), record);
        assert!(Record::from_line(&line.replace("\"seq\":1", "\"seq\": 1")).is_err());
        assert!(Record::from_line(&line.replace("\"success\":false", "\"success\":true,\"success\":false")).is_err());
    }
}
