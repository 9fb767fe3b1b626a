//! The route of the audit log.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::App;
use super::functions::ROOT;
use super::openapi::{Operation, Route};
use super::problem::{Kind, Problem};
use super::request::{Authenticated, Query};
use crate::audit::Event;
use crate::registry::{AuditFilter, Page, PageRequest};

/// The route.
pub fn route() -> Route<Arc<App>> {
    Route {
        path: format!("{ROOT}/audit"),
        method: "get",
        handler: get(audit),
        operation: Operation::new("readAudit", "Shows records of the audit log, in order")
            .described("Role: admin.")
            .query::<AuditQuery>()
            .answers::<Page<Value>>(StatusCode::OK),
    }
}

/// Which records.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AuditQuery {
    /// Of this function, by id or name.
    function: Option<String>,
    /// Of this person.
    user_id: Option<String>,
    /// From this time on, as `2025-03-14T09:22:31Z`.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    since: Option<Timestamp>,
    /// Before this time.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    until: Option<Timestamp>,
    /// Of this event, as `AIFunctionExecuted` or `executed`.
    #[schemars(with = "Option<String>", extend("pattern" = event_pattern()))]
    event: Option<String>,
    /// Only what succeeded, or only what failed.
    success: Option<bool>,
    /// Of another tenant than the caller's; for super-admins.
    tenant_id: Option<String>,
    /// How many records at most.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

fn event_pattern() -> String {
    let short = Event::ALL.map(|event| event.name().trim_start_matches("AIFunction").to_lowercase());
    format!("^({})$", short.into_iter().chain(Event::ALL.map(|event| event.name().to_owned())).collect::<Vec<_>>().join("|"))
}

async fn audit(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Query(query): Query<AuditQuery>,
) -> Result<Response, Problem> {
    let event = query.event.map(|event| event.parse()).transpose().map_err(|error: String| Problem::new(Kind::InvalidInput, error))?;
    let filter = AuditFilter {
        function: query.function,
        user: query.user_id,
        since: query.since,
        until: query.until,
        event,
        success: query.success,
        tenant: query.tenant_id,
    };
    let page = app.registry.audit(&caller, filter, PageRequest { limit: query.limit, cursor: query.cursor }).await?;
    // Records are shown as they were hashed and written.
    let records: Vec<String> = page.items.iter().map(|record| record.to_line()).collect();
    let text = format!("{{\"items\":[{}],\"next\":{}}}", records.join(","), Value::from(page.next));
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}
