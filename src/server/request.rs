//! What happens to every request, whatever its route: it has an id and a line in the log, a place
//! among a bounded number, a time limit, and a problem document if all else fails.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::{FutureExt, StreamExt};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tracing::Instrument;

use super::auth::AuthError;
use super::problem::{Kind, Problem};
use super::{App, Options};
use crate::identity::Caller;
use crate::sandbox::{Limits, json_nesting};

/// The header of request ids.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id that is taken over from the caller.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// A body beyond the limit is read so far, so that whoever is still sending can read the refusal.
const DRAINED_BYTES_MAX: u64 = 16 << 20;

/// Gives the request an id, writes its line and counts it.
pub async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let in_flight = app.metrics.begin();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default(), %method, route);
    // A panic is a failure of this request and of no other.
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    let mut response = answered.unwrap_or_else(|_| Problem::new(Kind::Internal, "an internal failure; the log has more").into_response());
    response.headers_mut().insert(REQUEST_ID, id);
    response.headers_mut().insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response.headers_mut().entry("cache-control").or_insert(HeaderValue::from_static("no-store"));
    let (status, duration) = (response.status(), started.elapsed());
    app.metrics.answered(method.as_str(), &route, status.as_u16(), duration);
    drop(in_flight);
    let problem = response.extensions().get::<Problem>().map(|problem| problem.kind().name());
    span.in_scope(|| tracing::info!(status = status.as_u16(), problem, duration_ms = duration.as_millis() as u64, "answered"));
    response
}

/// The caller's id, if it is one that can stand in a log; else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let plain = |c: &u8| c.is_ascii_alphanumeric() || b"._-".contains(c);
    match headers.get(REQUEST_ID) {
        Some(id) if !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX && id.as_bytes().iter().all(plain) => id.clone(),
        _ => {
            let mut id = [0; 16];
            // Without random numbers requests are served all the same, under one id.
            let _ = getrandom::fill(&mut id);
            HeaderValue::from_str(&hex::encode(id)).unwrap_or(HeaderValue::from_static("unknown"))
        }
    }
}

/// Admits as many requests as the server is meant to have under way, and gives each its time.
pub async fn limit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Ok(_place) = app.places.try_acquire() else {
        return Problem::new(Kind::Overloaded, "too many requests are under way; try again").into_response();
    };
    match timeout(app.options.request_time_max, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            Problem::new(Kind::TimedOut, format!("it took longer than {} ms", app.options.request_time_max.as_millis())).into_response()
        }
    }
}

/// The body as JSON of a type, which says what members there are.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        json(request, app).await.and_then(|bytes| parse(&bytes)).map(Json)
    }
}

/// The same, where nothing stands for the defaults.
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<Arc<App>> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let bytes = json(request, app).await?;
        if bytes.is_empty() { Ok(OptionalJson(T::default())) } else { parse(&bytes).map(OptionalJson) }
    }
}

/// A body that is declared as JSON, or none.
async fn json(request: Request, app: &App) -> Result<Bytes, Problem> {
    let is_json = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(is_json);
    let bytes = read(request, &app.options).await?;
    if is_json || bytes.is_empty() {
        return Ok(bytes);
    }
    Err(Problem::new(Kind::UnsupportedMediaType, "send it with `Content-Type: application/json`"))
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// JSON that is malformed is a malformed request; JSON of another shape cannot be meant.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if json_nesting(bytes) > Limits::NESTING_CEILING {
        return Err(Problem::new(Kind::InvalidInput, format!("it nests deeper than {}", Limits::NESTING_CEILING)));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    reader.disable_recursion_limit();
    let parsed = T::deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    parsed.map_err(|error| {
        let kind = if error.is_data() { Kind::InvalidInput } else { Kind::MalformedRequest };
        Problem::new(kind, without_values(&error))
    })
}

/// serde quotes what it met; a problem document repeats no value of the caller, only names.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text
        .strip_prefix("invalid type: ")
        .or_else(|| text.strip_prefix("invalid value: "))
        .and_then(|rest| rest.rsplit_once(", expected "))
    {
        Some((_, expected)) => format!("expected {expected}"),
        None => text,
    }
}

/// The body, if it is small enough and arrives in time.
pub async fn read(request: Request, options: &Options) -> Result<Bytes, Problem> {
    let limit = options.body_bytes_max;
    let too_large = || Problem::new(Kind::TooLarge, format!("a body has at most {limit} bytes"));
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > DRAINED_BYTES_MAX) {
        return Err(too_large());
    }
    match timeout(options.body_time_max, collect(request.into_body(), limit)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(Kind::MalformedRequest, "the body ended before its end")),
        Err(_) => Err(Problem::new(Kind::RequestTimeout, format!("the body took longer than {} ms", options.body_time_max.as_millis()))),
    }
}

/// All of a body, or nothing where it is larger than `limit`.
async fn collect(body: Body, limit: u64) -> Result<Option<Bytes>, axum::Error> {
    let (mut frames, mut kept, mut seen) = (body.into_data_stream(), Vec::new(), 0u64);
    while let Some(frame) = frames.next().await {
        let frame = frame?;
        seen += frame.len() as u64;
        if seen > DRAINED_BYTES_MAX {
            return Ok(None);
        }
        if seen <= limit {
            kept.extend_from_slice(&frame);
        }
    }
    Ok((seen <= limit).then(|| kept.into()))
}

/// The function that the path names. A text that is no id names none.
pub struct Id(pub String);

impl FromRequestParts<Arc<App>> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, app).await;
        path.map(|axum::extract::Path(id)| Id(id)).map_err(|_| Problem::new(Kind::NotFound, "there is no such function"))
    }
}

/// The query as members of a type.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, app).await;
        query.map(|axum::extract::Query(query)| Query(query)).map_err(|rejection| {
            let reason = std::error::Error::source(&rejection).map_or_else(|| rejection.to_string(), ToString::to_string);
            Problem::new(Kind::InvalidInput, format!("query: {reason}"))
        })
    }
}

/// The caller, by the bearer token.
pub struct Authenticated(pub Caller);

impl FromRequestParts<Arc<App>> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        match bearer(&parts.headers) {
            Some(token) => verified(app, parts, token).await.map(Authenticated),
            None => Err(refuse(app, parts, "there is no bearer token").await),
        }
    }
}

/// Who the token says is calling. A token that is not accepted is recorded.
pub async fn verified(app: &App, parts: &Parts, token: &str) -> Result<Caller, Problem> {
    match app.authenticator.verify(token).await {
        Ok(caller) => Ok(caller),
        Err(AuthError::Invalid(reason)) => Err(refuse(app, parts, &reason).await),
        Err(AuthError::Unavailable(error)) => {
            tracing::error!(%error, "tokens cannot be verified");
            Err(Problem::new(Kind::Unavailable, "tokens cannot be verified now"))
        }
    }
}

/// Records that a token was refused. The caller is not told why.
async fn refuse(app: &App, parts: &Parts, reason: &str) -> Problem {
    tracing::warn!(reason, "a request was not authenticated");
    app.metrics.token_refused();
    let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    match app.registry.record_refusal(None, &format!("{} {route}", parts.method), reason).await {
        Ok(()) => Problem::new(Kind::Unauthenticated, "send a valid token in one `Authorization: Bearer` header"),
        Err(error) => error.into(),
    }
}

/// Records that the server itself refused something, and gives the problem.
pub async fn refused(app: &App, caller: Option<&Caller>, what: &str, reason: &str) -> Problem {
    match app.registry.record_refusal(caller, what, reason).await {
        Ok(()) => Problem::new(Kind::Forbidden, reason),
        Err(error) => error.into(),
    }
}

/// The token of the one `Authorization: Bearer` header (RFC 6750).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}
