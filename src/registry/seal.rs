//! What is sealed: documents that nobody without the key can have written.
//!
//! Whoever may write every table of the store could change what an approval says, or take a
//! revocation away. The key is kept outside. Each sealed document is a DSSE envelope whose payload
//! type says what it is, so that none can stand in another's place; and each names its tenant, its
//! function and its version, so that none can be moved.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{RegistryError, Result};
use crate::approval::signature::SigningKey;
use crate::approval::statement::{Envelope, PAYLOAD_TYPE, Statement};
use crate::identity::{check_private, write_private};
use crate::source::Language;

/// The file of the key that the embedded default makes beside the configuration.
pub const FILE_NAME: &str = "fnvet.seal.key";

/// A document that is sealed.
pub(super) trait Sealed: Serialize + DeserializeOwned {
    /// What it is.
    const TYPE: &'static str;
}

/// The end of a tenant's chain of records, and of its decisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Head {
    pub tenant_id: String,
    /// The number of the last record; 0 before the first.
    pub seq: u64,
    /// The hash of the last record.
    pub hash: String,
    /// How many decisions there are.
    pub decisions: u64,
    /// The hash over all of them, in order.
    pub decisions_hash: String,
    /// How many intents there ever were.
    #[serde(default)]
    pub begun: u64,
    /// What began and is not recorded yet: the ids of its intents, with the hashes of their documents.
    #[serde(default)]
    pub open: BTreeMap<String, String>,
}

impl Sealed for Head {
    const TYPE: &'static str = "application/vnd.fnvet.head+json";
}

/// What was handed in as a version, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Submission {
    pub tenant_id: String,
    pub function_id: String,
    pub version: u64,
    pub author: String,
    pub language: Language,
    pub source_sha256: String,
    pub schema_sha256: Option<String>,
    pub cases_sha256: Option<String>,
    pub submitted_at: String,
}

impl Sealed for Submission {
    const TYPE: &'static str = "application/vnd.fnvet.submission+json";
}

/// A version was declined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Rejection {
    pub tenant_id: String,
    pub function_id: String,
    pub version: u64,
    pub source_sha256: String,
    pub rejected_by: String,
    pub notes: String,
    pub decided_at: String,
}

impl Sealed for Rejection {
    const TYPE: &'static str = "application/vnd.fnvet.rejection+json";
}

/// All versions up to one were withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Revocation {
    pub tenant_id: String,
    pub function_id: String,
    /// The last version that it ends.
    pub through_version: u64,
    /// The approval that was in force.
    pub approval_id: Option<String>,
    pub revoked_by: String,
    pub reason: String,
    pub decided_at: String,
}

impl Sealed for Revocation {
    const TYPE: &'static str = "application/vnd.fnvet.revocation+json";
}

/// The heads of all chains at one time, to be kept elsewhere: they reveal a cut tail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Checkpoint {
    pub heads: Vec<Head>,
    pub taken_at: String,
}

impl Sealed for Checkpoint {
    const TYPE: &'static str = "application/vnd.fnvet.checkpoint+json";
}

/// Why a document counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Broken(pub String);

/// What was decided about a function.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decided {
    Approved(Box<Statement>),
    Rejected(Rejection),
    Revoked(Revocation),
}

/// The key that seals, and that checks seals.
#[derive(Debug)]
pub struct SealKey {
    key: SigningKey,
}

impl SealKey {
    /// Reads the key from an OpenSSH private key file, of type Ed25519, that not everybody can read.
    ///
    /// # Errors
    /// Where it cannot be used.
    pub fn read(path: &Path) -> Result<SealKey> {
        let unusable = |reason: String| RegistryError::Unavailable(format!("seal {reason}"));
        check_private(path).map_err(|reason| unusable(format!("key {}: {reason}", path.display())))?;
        Ok(SealKey { key: SigningKey::read(path).map_err(|error| unusable(error.to_string()))? })
    }

    /// Makes a key at `path`, which only its owner can read, or reads the one that is there.
    ///
    /// # Errors
    /// Where it cannot be written or used.
    pub fn read_or_create(path: &Path) -> Result<SealKey> {
        if path.symlink_metadata().is_err() {
            let text = SigningKey::generate().map_err(|error| RegistryError::Unavailable(error.to_string()))?;
            write_private(path, &text).map_err(|error| RegistryError::Unavailable(format!("seal key {}: {error}", path.display())))?;
        }
        SealKey::read(path)
    }

    /// The key's fingerprint.
    pub fn keyid(&self) -> &str {
        self.key.keyid()
    }

    /// The document, sealed: one line of JSON.
    pub(super) fn seal<T: Sealed>(&self, document: &T) -> Result<String> {
        let payload = serde_json_canonicalizer::to_vec(document).map_err(|error| not_sealed(&error))?;
        self.sign(Envelope { payload_type: T::TYPE.to_owned(), payload: STANDARD.encode(payload), signatures: Vec::new() })
    }

    /// The approval, sealed.
    pub(super) fn seal_statement(&self, statement: &Statement) -> Result<String> {
        self.sign(Envelope::around(statement))
    }

    fn sign(&self, mut envelope: Envelope) -> Result<String> {
        self.key.sign(&mut envelope).map_err(|error| not_sealed(&error))?;
        serde_json::to_string(&envelope).map_err(|error| not_sealed(&error))
    }

    /// The document in a text, if it was sealed with this key.
    pub(super) fn open<T: Sealed>(&self, text: &str) -> std::result::Result<T, Broken> {
        let envelope = self.checked(text)?;
        if envelope.payload_type != T::TYPE {
            return Err(Broken(format!("its type is not {}", T::TYPE)));
        }
        let payload = envelope.payload().map_err(|error| Broken(error.to_string()))?;
        serde_json::from_slice(&payload).map_err(|error| Broken(format!("its payload cannot be used: {error}")))
    }

    /// The decision in a text, if it was sealed with this key.
    pub(super) fn open_decision(&self, text: &str) -> std::result::Result<Decided, Broken> {
        let envelope = self.checked(text)?;
        match envelope.payload_type.as_str() {
            PAYLOAD_TYPE => {
                let statement = envelope.statement().map_err(|error| Broken(error.to_string()))?;
                Ok(Decided::Approved(Box::new(statement)))
            }
            Rejection::TYPE => self.open(text).map(Decided::Rejected),
            Revocation::TYPE => self.open(text).map(Decided::Revoked),
            _ => Err(Broken("it is no decision".to_owned())),
        }
    }

    fn checked(&self, text: &str) -> std::result::Result<Envelope, Broken> {
        let envelope: Envelope = serde_json::from_str(text).map_err(|error| Broken(format!("it is no sealed document: {error}")))?;
        if self.key.has_signed(&envelope) { Ok(envelope) } else { Err(Broken("its seal is broken".to_owned())) }
    }
}

fn not_sealed(error: &dyn std::fmt::Display) -> RegistryError {
    RegistryError::Unavailable(format!("a document cannot be sealed: {error}"))
}
