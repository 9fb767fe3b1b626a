//! The HTTP API and the review pages: routes over the same calls as the command line, with no logic
//! of their own.
//!
//! A request passes `request::observe` and `request::limit`, is authenticated by
//! `request::Authenticated`, and reaches a handler that asks the registry. The registry carries out
//! what was begun: a client that goes away, or a time limit, does not stop it between the intent and
//! the record of it. The routes of the API are a table ([`openapi`]) that makes the router and its
//! description; the pages ([`pages`]) are for people.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use auth::Authenticator;
use metrics::Metrics;
use openapi::{Operation, Route};
use problem::{Kind, Problem};

use crate::identity::Caller;
use crate::registry::{Approval, Approved, Executed, Function, IdempotencyKey, Registry, RegistryError};

mod audit;
pub mod auth;
mod functions;
pub mod jwks;
mod listen;
mod mcp;
mod metrics;
mod openapi;
mod pages;
mod problem;
mod request;

/// How long the store may take to show that it is there.
const READY_TIME_MAX: Duration = Duration::from_secs(2);

/// What a server may spend.
#[derive(Clone, Debug)]
pub struct Options {
    /// The largest body of a request.
    pub body_bytes_max: u64,
    /// How long the head of a request may take to arrive.
    pub head_time_max: Duration,
    /// How long a body may take to arrive.
    pub body_time_max: Duration,
    /// How long a request may take, a trial included.
    pub request_time_max: Duration,
    /// Most requests under way; more are refused.
    pub requests_max: usize,
    /// Most functions that run at once; more wait.
    pub executions_max: usize,
    /// How long requests under way have when the server stops.
    pub shutdown_time_max: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            body_bytes_max: 4 << 20,
            head_time_max: Duration::from_secs(10),
            body_time_max: Duration::from_secs(20),
            request_time_max: crate::trial::DURATION_MAX + Duration::from_secs(30),
            requests_max: 512,
            executions_max: 8 * std::thread::available_parallelism().map_or(1, usize::from),
            shutdown_time_max: Duration::from_secs(30),
        }
    }
}

/// What the routes share.
pub struct App {
    registry: Registry,
    authenticator: Authenticator,
    metrics: Metrics,
    options: Options,
    places: Semaphore,
    executions: Semaphore,
    description: Value,
}

impl App {
    /// A server over `registry`.
    pub fn new(registry: Registry, authenticator: Authenticator, options: Options) -> App {
        App {
            registry,
            authenticator,
            metrics: Metrics::default(),
            places: Semaphore::new(options.requests_max),
            executions: Semaphore::new(options.executions_max),
            options,
            description: openapi::document(&routes()),
        }
    }

    /// Calls a function; every way to do so comes here.
    async fn execute(&self, caller: &Caller, id: &str, input: Value) -> Result<Executed, RegistryError> {
        // The semaphore is never closed.
        let _place = self.executions.acquire().await.ok();
        let executed = self.registry.execute(caller, id, input).await?;
        let outcome = match (&executed.limit, executed.success) {
            (_, true) => "returned".to_owned(),
            (Some(limit), false) => format!("limit:{limit}"),
            (None, false) => "failed".to_owned(),
        };
        self.metrics.executed(&outcome, executed.duration_ms, executed.output_flags.iter().cloned());
        Ok(executed)
    }

    /// Approves a version, and counts it.
    async fn approve(&self, caller: &Caller, id: &str, wish: Approval, key: Option<IdempotencyKey>) -> Result<Approved, RegistryError> {
        self.counted("approved", self.registry.approve(caller, id, wish, key).await)
    }

    /// Declines a version, and counts it.
    async fn reject(
        &self,
        caller: &Caller,
        id: &str,
        notes: &str,
        version: Option<u64>,
        key: Option<IdempotencyKey>,
    ) -> Result<Function, RegistryError> {
        self.counted("rejected", self.registry.reject(caller, id, notes, version, key).await)
    }

    /// Ends every version of a function, and counts it.
    async fn revoke(&self, caller: &Caller, id: &str, reason: &str) -> Result<Function, RegistryError> {
        self.counted("revoked", self.registry.revoke(caller, id, reason).await)
    }

    fn counted<T>(&self, decision: &'static str, decided: Result<T, RegistryError>) -> Result<T, RegistryError> {
        match &decided {
            Ok(_) => self.metrics.decided(decision),
            Err(RegistryError::Unavailable(_)) => {}
            Err(_) => self.metrics.decided("refused"),
        }
        decided
    }
}

/// Serves the API and the review pages on `listener` until `stop`. What is under way then is finished, or recorded as
/// interrupted later.
///
/// # Errors
/// Where the listener cannot be used.
pub async fn serve(app: App, listener: std::net::TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let (registry, options) = (app.registry.clone(), app.options.clone());
    let patience = options.shutdown_time_max;
    listen::serve(listener, router(Arc::new(app)), stop, &options).await;
    if tokio::time::timeout(patience, registry.close()).await.is_err() {
        tracing::warn!("what was under way is left to be recorded as interrupted");
    }
    Ok(())
}

fn routes() -> Vec<Route<Arc<App>>> {
    let mut routes = functions::routes();
    routes.push(audit::route());
    routes.extend(operational());
    routes
}

/// For those who run the server.
fn operational() -> Vec<Route<Arc<App>>> {
    let route = |path: &str, handler, operation| Route { path: path.to_owned(), method: "get", handler, operation };
    vec![
        route(
            "/healthz",
            get(healthy),
            Operation::new("health", "Whether the process answers").public().answers_as(StatusCode::OK, "text/plain"),
        ),
        route(
            "/readyz",
            get(ready),
            Operation::new("readiness", "Whether the store answers, too").public().answers_as(StatusCode::OK, "text/plain"),
        ),
        route("/metrics", get(metrics), Operation::new("metrics", "Metrics").public().answers_as(StatusCode::OK, metrics::MEDIA_TYPE)),
        route("/openapi.json", get(described), Operation::new("describe", "This description").public().answers::<Value>(StatusCode::OK)),
    ]
}

fn router(app: Arc<App>) -> Router {
    let assembled =
        |routes: Vec<Route<Arc<App>>>| routes.into_iter().fold(Router::new(), |router, route| router.route(&route.path, route.handler));
    let mut api = functions::routes();
    api.push(audit::route());
    // A server that is too busy for requests still says how it is.
    let api = assembled(api).merge(mcp::router(&app)).layer(middleware::from_fn_with_state(app.clone(), request::limit));
    assembled(operational())
        .merge(api)
        .merge(pages::router(&app))
        .fallback(|| async { Problem::new(Kind::NotFound, "there is no such route") })
        .method_not_allowed_fallback(|| async { Problem::new(Kind::MethodNotAllowed, "the route has no such method") })
        .layer(middleware::from_fn_with_state(app.clone(), request::observe))
        .with_state(app)
}

async fn healthy() -> &'static str {
    "ok\n"
}

/// A probe is not kept waiting for a store that does not answer, as calls are.
async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    match tokio::time::timeout(READY_TIME_MAX, app.registry.ready()).await {
        Ok(answered) => answered.map(|()| "ok\n").map_err(Problem::from),
        Err(_) => Err(Problem::new(Kind::Unavailable, "the store does not answer")),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    ([(CONTENT_TYPE, metrics::MEDIA_TYPE)], app.metrics.encode()).into_response()
}

async fn described(State(app): State<Arc<App>>) -> Json<Value> {
    Json(app.description.clone())
}
