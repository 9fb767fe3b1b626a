//! Why the registry does not do what it was asked to.

use serde::Serialize;

use crate::report::Reported;
use crate::trial::TrialReport;

/// Why a call of the registry was not carried out. Each has a name that is stable: the last part of
/// the `type` of a problem document.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RegistryError {
    /// What was handed over cannot be used.
    #[error("invalid input: {}", .0.iter().map(Violation::to_string).collect::<Vec<_>>().join("; "))]
    InvalidInput(Vec<Violation>),
    /// Lint stands against it. These are the findings that no waiver covers.
    #[error("{} blocking finding{}", .0.len(), if .0.len() == 1 { "" } else { "s" })]
    BlockingFindings(Vec<Reported>),
    /// The trial stands against it.
    #[error("the trial failed")]
    TrialFailed(Box<TrialReport>),
    /// The key was used for another request before.
    #[error("this idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// The approver is an author.
    #[error("{0}")]
    SelfApproval(String),
    /// The caller's roles, or the agent, do not allow it.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such function for this caller.
    #[error("there is no such function")]
    NotFound,
    /// The function is not what the caller thinks it is.
    #[error("it changed since: its version is now {current}")]
    SourceChanged {
        /// The latest version.
        current: u64,
    },
    /// Somebody decided about that version already.
    #[error("{0}")]
    AlreadyDecided(String),
    /// Another function of the tenant has the name.
    #[error("the tenant has a function of that name")]
    NameTaken,
    /// It has no valid approval.
    #[error("it is not active: {0}")]
    NotActive(String),
    /// The approver has not read it.
    #[error("the version has to be read in full before it is decided about")]
    ReviewRequired,
    /// fnvet cannot do its work: the store or the sandbox is not to be had, or the record could not
    /// be written. What it says is for the operator's log, not for the caller.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

/// One thing that is wrong with what was handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Violation {
    /// JSON Pointer to it.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.pointer, self.message)
    }
}

/// How the message begins where the store was changed by somebody else.
const TAMPERED: &str = "the store is not as it was written";

impl RegistryError {
    /// What is stored is not what was written.
    pub(super) fn tampered(reason: impl std::fmt::Display) -> RegistryError {
        RegistryError::Unavailable(format!("{TAMPERED}: {reason}"))
    }

    /// Whether somebody changed the store.
    pub(super) fn is_tampered(&self) -> bool {
        matches!(self, RegistryError::Unavailable(reason) if reason.starts_with(TAMPERED))
    }

    /// One thing is wrong with the input.
    pub fn invalid(pointer: &str, message: impl Into<String>) -> RegistryError {
        RegistryError::InvalidInput(vec![Violation { pointer: pointer.to_owned(), message: message.into() }])
    }

    /// The name and the HTTP status of the problem.
    pub fn problem(&self) -> (&'static str, u16) {
        match self {
            RegistryError::InvalidInput(_) => ("invalid-input", 422),
            RegistryError::BlockingFindings(_) => ("blocking-findings", 422),
            RegistryError::TrialFailed(_) => ("trial-failed", 422),
            RegistryError::IdempotencyKeyReused => ("idempotency-key-reused", 422),
            RegistryError::SelfApproval(_) => ("self-approval", 403),
            RegistryError::Forbidden(_) => ("forbidden", 403),
            RegistryError::NotFound => ("not-found", 404),
            RegistryError::SourceChanged { .. } => ("source-changed", 409),
            RegistryError::AlreadyDecided(_) => ("already-decided", 409),
            RegistryError::NameTaken => ("name-taken", 409),
            RegistryError::NotActive(_) => ("not-active", 409),
            RegistryError::ReviewRequired => ("review-required", 428),
            RegistryError::Unavailable(_) => ("unavailable", 503),
        }
    }
}

impl From<sqlx::Error> for RegistryError {
    fn from(error: sqlx::Error) -> RegistryError {
        RegistryError::Unavailable(format!("store: {error}"))
    }
}

/// The outcome of a call of the registry.
pub type Result<T> = std::result::Result<T, RegistryError>;
