//! Problem documents (RFC 9457): every refusal and failure that a caller sees.

use std::fmt;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::output::json;
use crate::registry::{RegistryError, Violation};

/// The media type of problem documents.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What kind of problem it is. The kind decides type, title and status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The body is no JSON, or a header or parameter is malformed.
    MalformedRequest,
    /// The token is missing or not valid.
    Unauthenticated,
    /// The caller lacks the role.
    Forbidden,
    /// The approver is an author.
    SelfApproval,
    /// There is no such thing, or not for this tenant.
    NotFound,
    /// The route has no such method.
    MethodNotAllowed,
    /// The caller takes nothing that the route gives.
    NotAcceptable,
    /// The body did not arrive in time.
    RequestTimeout,
    /// Somebody decided about the version already.
    AlreadyDecided,
    /// Another function of the tenant has the name.
    NameTaken,
    /// The source is not the one that the caller read.
    SourceChanged,
    /// There is no valid approval of the stored bytes.
    NotActive,
    /// The body is too large.
    TooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// The body says something that cannot be meant.
    InvalidInput,
    /// Lint refuses the function.
    BlockingFindings,
    /// The trial refuses the function.
    TrialFailed,
    /// The idempotency key was used for another request.
    IdempotencyKeyReused,
    /// The approver has not read the function.
    ReviewRequired,
    /// fnvet failed.
    Internal,
    /// The server has too much to do.
    Overloaded,
    /// The store, the audit log or the keys are not to be had.
    Unavailable,
    /// The work was not done in time.
    TimedOut,
}

impl Kind {
    /// Name, status and title.
    fn parts(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Kind::MalformedRequest => ("malformed-request", StatusCode::BAD_REQUEST, "The request is malformed"),
            Kind::Unauthenticated => ("unauthenticated", StatusCode::UNAUTHORIZED, "A valid bearer token is required"),
            Kind::Forbidden => ("forbidden", StatusCode::FORBIDDEN, "The caller may not do this"),
            Kind::SelfApproval => ("self-approval", StatusCode::FORBIDDEN, "A second person decides"),
            Kind::NotFound => ("not-found", StatusCode::NOT_FOUND, "There is no such thing"),
            Kind::MethodNotAllowed => ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "The route has no such method"),
            Kind::NotAcceptable => ("not-acceptable", StatusCode::NOT_ACCEPTABLE, "Nothing here is of an accepted type"),
            Kind::RequestTimeout => ("request-timeout", StatusCode::REQUEST_TIMEOUT, "The request did not arrive in time"),
            Kind::AlreadyDecided => ("already-decided", StatusCode::CONFLICT, "The version is decided about"),
            Kind::NameTaken => ("name-taken", StatusCode::CONFLICT, "The name is taken"),
            Kind::SourceChanged => ("source-changed", StatusCode::CONFLICT, "The function changed since it was read"),
            Kind::NotActive => ("not-active", StatusCode::CONFLICT, "The function has no valid approval"),
            Kind::TooLarge => ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Kind::UnsupportedMediaType => {
                ("unsupported-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body must be application/json")
            }
            Kind::InvalidInput => ("invalid-input", StatusCode::UNPROCESSABLE_ENTITY, "The request cannot be meant as it is"),
            Kind::BlockingFindings => ("blocking-findings", StatusCode::UNPROCESSABLE_ENTITY, "Findings block the function"),
            Kind::TrialFailed => ("trial-failed", StatusCode::UNPROCESSABLE_ENTITY, "The function failed its trial"),
            Kind::IdempotencyKeyReused => {
                ("idempotency-key-reused", StatusCode::UNPROCESSABLE_ENTITY, "The idempotency key is that of another request")
            }
            Kind::ReviewRequired => ("review-required", StatusCode::PRECONDITION_REQUIRED, "The function has not been read"),
            Kind::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "fnvet failed"),
            Kind::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE, "The server has too much to do"),
            Kind::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE, "The server cannot do its work now"),
            Kind::TimedOut => ("timed-out", StatusCode::GATEWAY_TIMEOUT, "It was not done in time"),
        }
    }

    /// The last part of the type.
    pub fn name(self) -> &'static str {
        self.parts().0
    }

    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        self.parts().1
    }
}

/// A problem document.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: Kind,
    detail: String,
    more: Map<String, Value>,
}

/// The document's form, for the description of the API.
#[derive(JsonSchema)]
#[schemars(rename = "Problem")]
#[allow(dead_code, reason = "it is only described")]
pub struct ProblemDocument {
    /// `urn:fnvet:problem:` and the kind.
    r#type: String,
    /// The kind in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened this time.
    detail: String,
    /// What is wrong with the body, each with a JSON Pointer to it.
    violations: Option<Vec<Violation>>,
    /// Findings that block the function, as in `fnvet lint --output json`.
    findings: Option<Vec<Value>>,
    /// The report of the trial.
    report: Option<Value>,
    /// The latest version, where the caller meant another.
    current: Option<u64>,
}

impl Problem {
    /// A problem of a kind; `detail` says what happened this time.
    pub fn new(kind: Kind, detail: impl fmt::Display) -> Problem {
        Problem { kind, detail: crate::output::escape(&detail.to_string()).into_owned(), more: Map::new() }
    }

    /// The same with an extension member.
    #[must_use]
    pub fn with(mut self, name: &str, value: &impl Serialize) -> Problem {
        match serde_json::to_value(value) {
            Ok(value) => {
                self.more.insert(name.to_owned(), value);
                self
            }
            Err(error) => Problem::internal(&error),
        }
    }

    /// A failure of fnvet. The operator's log says what it was, the caller is not told.
    pub fn internal(error: &dyn fmt::Display) -> Problem {
        tracing::error!(%error, "an internal failure");
        Problem::new(Kind::Internal, "an internal failure; the log has more")
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The document.
    pub fn to_json(&self) -> Value {
        let (name, status, title) = self.kind.parts();
        let mut members = Map::new();
        members.insert("type".to_owned(), format!("urn:fnvet:problem:{name}").into());
        members.insert("title".to_owned(), title.into());
        members.insert("status".to_owned(), status.as_u16().into());
        members.insert("detail".to_owned(), self.detail.clone().into());
        members.extend(self.more.clone());
        Value::Object(members)
    }
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Problem {
        let kind = match &error {
            RegistryError::InvalidInput(_) => Kind::InvalidInput,
            RegistryError::BlockingFindings(_) => Kind::BlockingFindings,
            RegistryError::TrialFailed(_) => Kind::TrialFailed,
            RegistryError::IdempotencyKeyReused => Kind::IdempotencyKeyReused,
            RegistryError::SelfApproval(_) => Kind::SelfApproval,
            RegistryError::Forbidden(_) => Kind::Forbidden,
            RegistryError::NotFound => Kind::NotFound,
            RegistryError::SourceChanged { .. } => Kind::SourceChanged,
            RegistryError::AlreadyDecided(_) => Kind::AlreadyDecided,
            RegistryError::NameTaken => Kind::NameTaken,
            RegistryError::NotActive(_) => Kind::NotActive,
            RegistryError::ReviewRequired => Kind::ReviewRequired,
            RegistryError::Unavailable(reason) => {
                tracing::error!(reason, "the registry cannot do its work");
                return Problem::new(Kind::Unavailable, "the registry cannot do its work now");
            }
        };
        debug_assert_eq!((kind.name(), kind.status().as_u16()), error.problem());
        let problem = Problem::new(kind, &error);
        match error {
            RegistryError::InvalidInput(violations) => problem.with("violations", &violations),
            RegistryError::BlockingFindings(findings) => match json::findings(&findings) {
                Ok(findings) => problem.with("findings", &findings),
                Err(error) => Problem::internal(&error),
            },
            RegistryError::TrialFailed(report) => problem.with("report", &report),
            RegistryError::SourceChanged { current } => problem.with("current", &current),
            _ => problem,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.kind.status(), self.to_json().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        match self.kind {
            Kind::Unauthenticated => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"fnvet\""));
            }
            Kind::Overloaded | Kind::Unavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        // The log names its kind, and a page shows it in its own way.
        response.extensions_mut().insert(self);
        response
    }
}
