//! What an approval says: an in-toto statement in a DSSE envelope.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::Lowering;
use crate::finding::Level;
use crate::report::Waiver;
use crate::source::Goal;
use crate::trial::{Kind, TrialReport};

/// The type of in-toto statements.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// The type of the predicate.
pub const PREDICATE_TYPE: &str = "https://crates.io/crates/fnvet/approval/v1";

/// The type of the envelope's payload.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The largest approval that is read.
pub const ENVELOPE_BYTES_MAX: u64 = 4 << 20;

/// The statement of an approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// The one source that was approved.
    pub subject: Vec<Subject>,
    /// [`PREDICATE_TYPE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What was approved, by whom, on what grounds.
    pub predicate: Predicate,
}

/// What a statement is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The path in the repository.
    pub name: String,
    /// Hex digests of the bytes, by algorithm.
    pub digest: BTreeMap<String, String>,
}

impl Subject {
    /// The source at `name` with this SHA-256.
    pub fn new(name: &str, sha256: &str) -> Subject {
        Subject { name: name.to_owned(), digest: BTreeMap::from([("sha256".to_owned(), sha256.to_owned())]) }
    }
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It may run.
    Approved,
}

/// The predicate of an approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Predicate {
    /// `apr_` and the beginning of the digest of all the rest.
    pub approval_id: String,
    /// What was decided.
    pub decision: Verdict,
    /// How the source was read.
    pub function: Judged,
    /// Which version of which function of the registry it is; nothing for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<Placement>,
    /// Everything else that was judged.
    pub digests: Digests,
    /// Whether inputs are checked against the schema.
    pub enforce_schema: bool,
    /// Rules that the trusted policy made milder.
    pub lowerings: Vec<Lowering>,
    /// Findings that the approver let pass.
    pub waivers: Vec<Waiver>,
    /// How the trial went.
    pub trial: Tried,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// Who approved it.
    pub approver: String,
    /// What the approver noted.
    pub notes: Option<String>,
    /// When.
    pub decided_at: Timestamp,
    /// Until when it holds.
    pub expires_at: Timestamp,
}

/// A version of a function of the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Placement {
    /// Whose it is.
    pub tenant_id: String,
    /// The function's id.
    pub function_id: String,
    /// The version.
    pub version: u64,
    /// The one agent that may call it, or null.
    pub agent_id: Option<String>,
}

/// How a source was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// The function's name.
    pub name: String,
    /// `JavaScript` or `TypeScript`.
    pub language: String,
    /// Script or module.
    pub goal: Goal,
    /// The name of the entry function.
    pub entry: String,
}

/// Hex SHA-256 of what was judged beside the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digests {
    /// Of the schema's bytes.
    pub schema: Option<String>,
    /// Of the bytes of the cases.
    pub cases: Option<String>,
    /// Of the resolved settings that decide what lint finds.
    pub settings: String,
    /// Of the limits.
    pub limits: String,
    /// Of the rule set.
    pub ruleset: String,
}

/// How the trial went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Tried {
    /// What made the inputs, with its version.
    pub generator: String,
    /// Whether it was passed.
    pub passed: bool,
    /// How many of its own cases ran.
    pub cases: usize,
    /// How many other inputs ran.
    pub inputs: usize,
    /// How many executions it took.
    pub executions: usize,
    /// `full`, or which layers were missing.
    pub isolation: String,
    /// What it warned of.
    pub warnings: Vec<Warned>,
}

/// A warning of the trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warned {
    /// What it is about.
    pub kind: Kind,
    /// What happened.
    pub message: String,
}

impl Tried {
    /// What an approval keeps of a report.
    pub fn of(report: &TrialReport) -> Tried {
        let warnings = report.findings.iter().filter(|finding| finding.level != Level::Error);
        Tried {
            generator: report.generator.clone(),
            passed: report.is_passed(),
            cases: report.cases,
            inputs: report.inputs,
            executions: report.executions,
            isolation: report.isolation.clone(),
            warnings: warnings.map(|finding| Warned { kind: finding.kind, message: finding.message.clone() }).collect(),
        }
    }
}

impl Statement {
    /// The id that follows from everything else it says.
    pub fn computed_id(&self) -> String {
        let mut rest = self.clone();
        rest.predicate.approval_id = String::new();
        let digest = Sha256::digest(serde_json_canonicalizer::to_vec(&rest).unwrap_or_default());
        format!("apr_{}", &hex::encode(digest)[..32])
    }

    /// The SHA-256 of the source that it is about, if it is about exactly one.
    pub fn source_sha256(&self) -> Option<&str> {
        match &self.subject[..] {
            [subject] => subject.digest.get("sha256").map(String::as_str),
            _ => None,
        }
    }
}

/// A DSSE envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// [`PAYLOAD_TYPE`].
    pub payload_type: String,
    /// The statement, in base64.
    pub payload: String,
    /// Signatures of the payload; empty only for local trials.
    pub signatures: Vec<Signature>,
}

/// A signature of an envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// Which key, as OpenSSH prints its fingerprint.
    #[serde(default)]
    pub keyid: String,
    /// The signature, in base64.
    pub sig: String,
}

/// Why something is no approval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoApproval(pub String);

impl Envelope {
    /// An envelope without signatures around `statement`.
    pub fn around(statement: &Statement) -> Envelope {
        let payload = serde_json::to_vec(statement).unwrap_or_default();
        Envelope { payload_type: PAYLOAD_TYPE.to_owned(), payload: STANDARD.encode(payload), signatures: Vec::new() }
    }

    /// Reads the text of an approval file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Envelope, NoApproval> {
        let envelope: Envelope = serde_json::from_slice(bytes).map_err(|error| NoApproval(format!("it is no DSSE envelope: {error}")))?;
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(NoApproval(format!("its payload is not of type {PAYLOAD_TYPE}")));
        }
        Ok(envelope)
    }

    /// The text of an approval file.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The bytes of the payload.
    ///
    /// # Errors
    /// Where it is no base64.
    pub fn payload(&self) -> Result<Vec<u8>, NoApproval> {
        STANDARD.decode(&self.payload).map_err(|error| NoApproval(format!("its payload is no base64: {error}")))
    }

    /// The statement in it.
    ///
    /// # Errors
    /// Where the payload is not such a statement.
    pub fn statement(&self) -> Result<Statement, NoApproval> {
        let payload = self.payload()?;
        let statement: Statement =
            serde_json::from_slice(&payload).map_err(|error| NoApproval(format!("its payload is no approval: {error}")))?;
        if statement.kind != STATEMENT_TYPE || statement.predicate_type != PREDICATE_TYPE {
            return Err(NoApproval("its payload is not the statement of an approval".to_owned()));
        }
        if statement.predicate.approval_id != statement.computed_id() {
            return Err(NoApproval("its id does not follow from what it says".to_owned()));
        }
        Ok(statement)
    }

    /// What is signed: DSSE's pre-authentication encoding.
    ///
    /// # Errors
    /// Where the payload is no base64.
    pub fn signed_bytes(&self) -> Result<Vec<u8>, NoApproval> {
        let payload = self.payload()?;
        let mut bytes = format!("DSSEv1 {} {} {} ", self.payload_type.len(), self.payload_type, payload.len()).into_bytes();
        bytes.extend_from_slice(&payload);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_dsse_s_encoding() {
        let envelope =
            Envelope { payload_type: "http://example.com/HelloWorld".into(), payload: STANDARD.encode("hello world"), signatures: vec![] };
        assert_eq!(envelope.signed_bytes().unwrap(), b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }
}
