//! Functions as they are handed in and shown. The names of the fields are the platform's.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::error::{RegistryError, Result, Violation};
use crate::sandbox::text::is_deceptive;
use crate::source::Language;
use crate::trial::{Cases, TrialReport};

/// The longest name.
const NAME_CHARS_MAX: usize = 64;

/// The longest description, note or reason.
const TEXT_CHARS_MAX: usize = 4_000;

/// The largest schema or set of cases.
const COMPANION_BYTES_MAX: usize = 1 << 20;

/// A function that is handed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Draft {
    /// Unique in the tenant; snake_case.
    pub name: String,
    /// What it does, for people and models.
    #[serde(default)]
    pub description: String,
    /// `JavaScript` or `TypeScript`.
    #[serde(default = "javascript")]
    pub language: Language,
    /// The source.
    pub code: String,
    /// JSON Schema of its input.
    #[serde(default)]
    pub input_schema: Option<Value>,
    /// What the author says it does; part of its trial.
    #[serde(default)]
    pub cases: Option<Value>,
    /// The one agent that may call it; all of the tenant's where it is null.
    #[serde(default)]
    pub agent_id: Option<String>,
}

fn javascript() -> Language {
    Language::JavaScript
}

/// A new version of a function. What is not there stays as it is; null takes a schema, cases or an
/// agent away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Revision {
    /// The source.
    pub code: String,
    /// Its new name, which ends the approval of the version that is active.
    #[serde(default)]
    pub name: Option<String>,
    /// What it does, for people and models.
    #[serde(default)]
    pub description: Option<String>,
    /// `JavaScript` or `TypeScript`.
    #[serde(default)]
    pub language: Option<Language>,
    /// JSON Schema of its input.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Value>")]
    pub input_schema: Option<Option<Value>>,
    /// What the author says it does; part of its trial.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<Value>")]
    pub cases: Option<Option<Value>>,
    /// The one agent that may call it, which ends the approval of the version that is active.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    pub agent_id: Option<Option<String>>,
}

/// Tells null from nothing.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Where the latest version of a function stands in its review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Review {
    /// Nobody decided about it yet.
    Awaiting,
    /// It was approved.
    Approved,
    /// It was declined.
    Rejected,
    /// Its approval was withdrawn.
    Revoked,
}

/// A function as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Function {
    /// `fn_` and random digits.
    pub function_id: String,
    /// Whose it is.
    pub tenant_id: String,
    /// The one agent that may call it, or null.
    pub agent_id: Option<String>,
    /// Unique in the tenant.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The language of the latest version.
    pub language: Language,
    /// Whether a version can be called.
    pub is_active: bool,
    /// The latest version.
    pub version: u64,
    /// The version that can be called.
    pub active_version: Option<u64>,
    /// Where the latest version stands.
    pub review: Review,
    /// Rules or lint policy changed since the approval of the active version; it is still clear.
    pub stale_policy: bool,
    /// When it was handed in, in UTC.
    pub created_at: String,
    /// When its latest version was.
    pub updated_at: String,
}

/// A function in full: the code of one version, the latest where nothing else was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FunctionInFull {
    /// What lists show.
    #[serde(flatten)]
    pub function: Function,
    /// The source.
    pub code: String,
    /// JSON Schema of its input.
    pub input_schema: Option<Value>,
    /// What the author says it does.
    pub cases: Option<Value>,
    /// Hex SHA-256 of the source.
    pub source_sha256: String,
    /// Those of whom the approver of this version must be none.
    pub authors: Vec<String>,
}

/// One version of a function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// From 1.
    pub version: u64,
    /// Who wrote it.
    pub author: String,
    /// Its language.
    pub language: Language,
    /// Hex SHA-256 of the source.
    pub source_sha256: String,
    /// Hex SHA-256 of the schema, if it has one.
    pub schema_sha256: Option<String>,
    /// When it was handed in, in UTC.
    pub submitted_at: String,
    /// Whether it can be called.
    pub is_active: bool,
    /// Where it stands in its review.
    pub review: Review,
    /// What was decided about it last.
    pub decision: Option<DecisionSummary>,
}

/// What was decided about a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionSummary {
    /// What.
    pub review: Review,
    /// By whom.
    pub by: String,
    /// When, in UTC.
    pub at: String,
    /// What was noted.
    pub notes: Option<String>,
    /// The approval, where it was one or where one was withdrawn.
    pub approval_id: Option<String>,
    /// Until when an approval holds.
    pub expires_at: Option<String>,
}

/// A wish to approve.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// What the approver notes.
    pub notes: Option<String>,
    /// Findings that may pass.
    pub waivers: Vec<WaiverWish>,
    /// The version that is meant; where it is not named, the one that the approver read last.
    pub version: Option<u64>,
}

/// A finding that may pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiverWish {
    /// Its fingerprint, or `RULE@LINE:COL`.
    pub fingerprint: String,
    /// Why.
    pub reason: String,
}

/// An approval that was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approved {
    /// The function, now active.
    pub function: Function,
    /// The approval.
    pub approval_id: String,
    /// Until when it holds, in UTC.
    pub expires_at: String,
    /// How the trial went.
    pub trial: TrialReport,
}

/// A function that the caller may call, as a tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Callable {
    /// Its id.
    pub function_id: String,
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of its input.
    pub input_schema: Value,
}

/// A call that was carried out and recorded, whatever came of it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Executed {
    /// Whether there is a result.
    pub success: bool,
    /// The result.
    pub result: Option<Value>,
    /// Why there is none.
    pub error_message: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
    /// The limit that it went past.
    pub limit: Option<String>,
    /// What the scan of the output found.
    pub output_flags: Vec<String>,
    /// The version that ran.
    pub version: u64,
    /// The number of its audit record.
    pub seq: u64,
}

/// Everything that is stored of a version, checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Content {
    pub name: String,
    pub description: String,
    pub agent_id: Option<String>,
    pub language: Language,
    pub code: String,
    pub input_schema: Option<Vec<u8>>,
    pub cases: Option<Vec<u8>>,
}

impl Content {
    /// Checks a function that is handed in.
    pub fn of_draft(draft: Draft) -> Result<Content> {
        let mut found = Vec::new();
        let input_schema = draft.input_schema.and_then(|schema| companion("/inputSchema", &schema, check_schema, &mut found));
        let cases = draft.cases.and_then(|cases| companion("/cases", &cases, check_cases, &mut found));
        let content = Content {
            name: draft.name,
            description: draft.description,
            agent_id: draft.agent_id,
            language: draft.language,
            code: draft.code,
            input_schema,
            cases,
        };
        content.checked(found)
    }

    /// What becomes of this content by a revision.
    pub fn revised(self, revision: Revision) -> Result<Content> {
        let mut found = Vec::new();
        let input_schema = match revision.input_schema {
            Some(schema) => schema.and_then(|schema| companion("/inputSchema", &schema, check_schema, &mut found)),
            None => self.input_schema,
        };
        let cases = match revision.cases {
            Some(cases) => cases.and_then(|cases| companion("/cases", &cases, check_cases, &mut found)),
            None => self.cases,
        };
        let content = Content {
            name: revision.name.unwrap_or(self.name),
            description: revision.description.unwrap_or(self.description),
            agent_id: revision.agent_id.unwrap_or(self.agent_id),
            language: revision.language.unwrap_or(self.language),
            code: revision.code,
            input_schema,
            cases,
        };
        content.checked(found)
    }

    fn checked(self, mut found: Vec<Violation>) -> Result<Content> {
        let mut wrong = |pointer: &str, message: &str| found.push(Violation { pointer: pointer.to_owned(), message: message.to_owned() });
        if !is_name(&self.name) {
            wrong("/name", "a name is in snake_case, begins with a letter and has at most 64 characters");
        }
        if let Err(message) = check_text(&self.description) {
            wrong("/description", &message);
        }
        if self.agent_id.as_deref().is_some_and(|agent| !is_id(agent)) {
            wrong("/agentId", "it is no id");
        }
        if self.code.trim().is_empty() {
            wrong("/code", "it is empty");
        }
        if found.is_empty() { Ok(self) } else { Err(RegistryError::InvalidInput(found)) }
    }
}

fn companion(
    pointer: &str,
    value: &Value,
    check: fn(&Value, &[u8]) -> std::result::Result<(), String>,
    found: &mut Vec<Violation>,
) -> Option<Vec<u8>> {
    let bytes = value.to_string().into_bytes();
    let checked = if bytes.len() > COMPANION_BYTES_MAX { Err("it is too large".to_owned()) } else { check(value, &bytes) };
    match checked {
        Ok(()) => Some(bytes),
        Err(message) => {
            found.push(Violation { pointer: pointer.to_owned(), message });
            None
        }
    }
}

fn check_schema(value: &Value, _: &[u8]) -> std::result::Result<(), String> {
    if value.is_object() || value.is_boolean() { Ok(()) } else { Err("a JSON Schema is an object".to_owned()) }
}

fn check_cases(_: &Value, bytes: &[u8]) -> std::result::Result<(), String> {
    Cases::parse(bytes).map(drop)
}

/// Text that people write: notes, reasons, descriptions.
pub(super) fn check_text(text: &str) -> std::result::Result<(), String> {
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(format!("it has more than {TEXT_CHARS_MAX} characters"));
    }
    if text.chars().any(|c| is_deceptive(c) && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("it holds characters that do not show".to_owned());
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    name.len() <= NAME_CHARS_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.trim() == id && id.chars().count() <= 256 && !id.chars().any(is_deceptive)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(text: &str) -> std::result::Result<Content, String> {
        let draft: Draft = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Content::of_draft(draft).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_wrong_with_a_draft_is_named_with_its_place() {
        assert!(draft(r#"{"name":"leave_days","code":"x"}"#).is_ok());
        assert!(draft(r#"{"name":"leave_days","code":"x","isActive":true}"#).unwrap_err().contains("unknown field `isActive`"));
        assert!(draft(r#"{"name":"LeaveDays","code":"x"}"#).unwrap_err().contains("/name: "));
        assert!(draft(r#"{"name":"a'; DROP TABLE functions; --","code":"x"}"#).unwrap_err().contains("/name: "));
        let error = draft(r#"{"name":"a","code":" ","inputSchema":[],"cases":{},"agentId":"\u0000","description":"\u202e"}"#).unwrap_err();
        for place in ["/code: ", "/inputSchema: ", "/cases: ", "/agentId: ", "/description: "] {
            assert!(error.contains(place), "{error}");
        }
    }

    #[test]
    fn a_revision_keeps_what_it_does_not_name_and_null_takes_away() {
        let old = draft(r#"{"name":"a","code":"x","inputSchema":{},"agentId":"agent"}"#).unwrap();
        let revised = |text: &str| old.clone().revised(serde_json::from_str(text).unwrap()).unwrap();
        let kept = revised(r#"{"code":"y"}"#);
        assert_eq!((kept.code.as_str(), kept.input_schema.as_deref(), kept.agent_id.as_deref()), ("y", Some(&b"{}"[..]), Some("agent")));
        let taken = revised(r#"{"code":"y","inputSchema":null,"agentId":null}"#);
        assert_eq!((taken.input_schema, taken.agent_id), (None, None));
    }
}
