//! The routes of functions: from a request to one call of the registry, and from what it gives to a
//! response.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, ETAG, IF_MATCH, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::App;
use super::openapi::{Operation, Route};
use super::problem::{Kind, Problem};
use super::request::{Authenticated, Id, Json, OptionalJson, Query};
use crate::output::{self, Format, Style};
use crate::registry::{
    Approval, Approved, Draft, Executed, Function, FunctionInFull, IdempotencyKey, Page, PageRequest, Revision, Version, WaiverWish,
};
use crate::report::Report;

/// Where the routes are.
pub const ROOT: &str = "/api/octopus/ai-functions";

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const SARIF: &str = "application/sarif+json";
const JSON: &str = "application/json";

/// The routes.
pub fn routes() -> Vec<Route<Arc<App>>> {
    let route = |method, path: &str, handler, operation| Route { path: format!("{ROOT}{path}"), method, handler, operation };
    let idempotency = "Repeating a request under the same key gives the first answer again";
    let if_match = "The version that the caller read, as its `ETag`";
    vec![
        route(
            "post",
            "",
            post(create),
            Operation::new("createFunction", "Hands a function in, inactive")
                .described("Role: author.")
                .header("Idempotency-Key", "^[!-~]([ -~]{0,253}[!-~])?$", idempotency)
                .body::<Draft>()
                .answers::<FunctionInFull>(StatusCode::CREATED)
                .problems(&[Kind::NameTaken, Kind::BlockingFindings, Kind::IdempotencyKeyReused]),
        ),
        route(
            "get",
            "",
            get(list),
            Operation::new("listFunctions", "Lists functions")
                .described("Admins see all of the tenant, super-admins all, approvers what awaits review, authors their own.")
                .query::<PageQuery>()
                .answers::<Page<Function>>(StatusCode::OK),
        ),
        route(
            "get",
            "/{id}",
            get(read),
            Operation::new("readFunction", "Shows a function in full")
                .described("Roles: admin, approver, author. What an approver reads is recorded.")
                .of_function()
                .query::<VersionQuery>()
                .answers::<FunctionInFull>(StatusCode::OK),
        ),
        route(
            "put",
            "/{id}",
            put(update),
            Operation::new("updateFunction", "Hands a new version in, inactive")
                .described("Role: author. The last approved version stays callable until the new one is approved.")
                .of_function()
                .header("If-Match", "^\"[1-9][0-9]{0,14}\"$", if_match)
                .body::<Revision>()
                .answers::<FunctionInFull>(StatusCode::OK)
                .problems(&[Kind::NameTaken, Kind::SourceChanged, Kind::BlockingFindings]),
        ),
        route(
            "get",
            "/{id}/versions",
            get(versions),
            Operation::new("listVersions", "Lists the versions of a function")
                .described("Roles: admin, approver, author.")
                .of_function()
                .query::<PageQuery>()
                .answers::<Page<Version>>(StatusCode::OK),
        ),
        route(
            "get",
            "/{id}/findings",
            get(findings),
            Operation::new("listFindings", "Lints a version of a function")
                .described("Roles: admin, approver, author. JSON as of `fnvet lint --output json`, or SARIF 2.1.0, by `Accept`.")
                .of_function()
                .query::<VersionQuery>()
                .answers::<Value>(StatusCode::OK)
                .answers_as(StatusCode::OK, SARIF)
                .problems(&[Kind::NotAcceptable]),
        ),
        route(
            "post",
            "/{id}/approve",
            post(approve),
            Operation::new("decide", "Approves or rejects a version")
                .described(
                    "Role: approver, and none of the version's authors. It binds to the version of `If-Match` or `version`; \
                     without either, to the one that this approver read last.",
                )
                .of_function()
                .header("If-Match", "^\"[1-9][0-9]{0,14}\"$", if_match)
                .header("Idempotency-Key", "^[!-~]([ -~]{0,253}[!-~])?$", idempotency)
                .body::<DecisionBody>()
                .answers::<Decided>(StatusCode::OK)
                .problems(&[
                    Kind::SelfApproval,
                    Kind::SourceChanged,
                    Kind::AlreadyDecided,
                    Kind::ReviewRequired,
                    Kind::BlockingFindings,
                    Kind::TrialFailed,
                    Kind::IdempotencyKeyReused,
                ]),
        ),
        route(
            "post",
            "/{id}/revoke",
            post(revoke),
            Operation::new("revokeFunction", "Withdraws the approval of all versions")
                .described("Roles: approver, admin.")
                .of_function()
                .optional_body::<RevocationBody>()
                .answers::<Function>(StatusCode::OK)
                .problems(&[Kind::NotActive]),
        ),
        route(
            "post",
            "/{id}/execute",
            post(execute),
            Operation::new("executeFunction", "Calls the active version of a function")
                .described("An agent of the tenant; a function with an agentId only for that agent. Every call is recorded.")
                .of_function()
                .body::<ExecuteBody>()
                .answers::<Executed>(StatusCode::OK)
                .problems(&[Kind::NotActive]),
        ),
    ]
}

/// Which part of a list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// How many items at most.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

impl From<PageQuery> for PageRequest {
    fn from(query: PageQuery) -> PageRequest {
        PageRequest { limit: query.limit, cursor: query.cursor }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct VersionQuery {
    /// The version; the latest where it is not named.
    #[schemars(range(min = 1, max = 999_999_999_999_999u64))]
    version: Option<u64>,
}

/// A decision.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DecisionBody {
    /// Whether the version may be called from now on.
    approved: bool,
    /// What the approver notes; a rejection needs it.
    notes: Option<String>,
    /// Findings that may pass.
    #[serde(default)]
    waivers: Vec<WaiverWish>,
    /// The version that is meant.
    #[schemars(range(min = 1, max = 999_999_999_999_999u64))]
    version: Option<u64>,
}

/// A revocation.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct RevocationBody {
    /// Why.
    reason: String,
}

/// A call.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ExecuteBody {
    /// What the function is called with.
    input: Value,
}

/// What came of a decision.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "it is only described")]
enum Decided {
    Approved(Approved),
    Rejected(Function),
}

async fn create(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    Json(draft): Json<Draft>,
) -> Result<Response, Problem> {
    let created = app.registry.create(&caller, draft, idempotency_key(&headers)?).await?;
    let location = format!("{ROOT}/{}", created.function.function_id);
    let mut response = in_full(StatusCode::CREATED, &created, created.function.version);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

async fn list(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Query(page): Query<PageQuery>,
) -> Result<Response, Problem> {
    Ok(axum::Json(app.registry.list(&caller, page.into()).await?).into_response())
}

async fn read(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Id(id): Id,
    Query(query): Query<VersionQuery>,
) -> Result<Response, Problem> {
    let read = app.registry.read(&caller, &id, query.version).await?;
    Ok(in_full(StatusCode::OK, &read, query.version.unwrap_or(read.function.version)))
}

async fn update(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Id(id): Id,
    headers: HeaderMap,
    Json(revision): Json<Revision>,
) -> Result<Response, Problem> {
    let updated = app.registry.update(&caller, &id, revision, if_match(&headers)?).await?;
    Ok(in_full(StatusCode::OK, &updated, updated.function.version))
}

async fn versions(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Id(id): Id,
    Query(page): Query<PageQuery>,
) -> Result<Response, Problem> {
    Ok(axum::Json(app.registry.versions(&caller, &id, page.into()).await?).into_response())
}

async fn findings(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Id(id): Id,
    Query(query): Query<VersionQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (format, media_type) = accepted(&headers)?;
    let file = app.registry.findings(&caller, &id, query.version).await?;
    let report = Report::new(vec![file], Duration::ZERO);
    let mut text = Vec::new();
    output::write(format, &report, Style::PLAIN, &mut text).map_err(|error| Problem::internal(&error))?;
    Ok(([(CONTENT_TYPE, media_type)], text).into_response())
}

async fn approve(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Id(id): Id,
    headers: HeaderMap,
    Json(decision): Json<DecisionBody>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let version = match (if_match(&headers)?, decision.version) {
        (Some(read), Some(meant)) if read != meant => {
            return Err(Problem::new(Kind::InvalidInput, "`If-Match` and `version` name two versions"));
        }
        (read, meant) => read.or(meant),
    };
    if !decision.approved {
        if !decision.waivers.is_empty() {
            return Err(Problem::new(Kind::InvalidInput, "a rejection waives nothing"));
        }
        let rejected = app.reject(&caller, &id, decision.notes.as_deref().unwrap_or_default(), version, key).await?;
        return Ok(axum::Json(rejected).into_response());
    }
    let wish = Approval { notes: decision.notes, waivers: decision.waivers, version };
    let approved = app.approve(&caller, &id, wish, key).await?;
    Ok(axum::Json(approved).into_response())
}

async fn revoke(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Id(id): Id,
    OptionalJson(revocation): OptionalJson<RevocationBody>,
) -> Result<Response, Problem> {
    let revoked = app.revoke(&caller, &id, &revocation.reason).await?;
    Ok(axum::Json(revoked).into_response())
}

async fn execute(
    State(app): State<Arc<App>>,
    Authenticated(caller): Authenticated,
    Id(id): Id,
    Json(call): Json<ExecuteBody>,
) -> Result<Response, Problem> {
    Ok(axum::Json(app.execute(&caller, &id, call.input).await?).into_response())
}

/// A function with the tag of the version that is shown.
fn in_full(status: StatusCode, function: &FunctionInFull, version: u64) -> Response {
    (status, [(ETAG, format!("\"{version}\""))], axum::Json(function)).into_response()
}

/// The version that `If-Match` names.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = single(headers, &IF_MATCH)? else { return Ok(None) };
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let version = quoted.and_then(|digits| digits.parse().ok()).filter(|version| *version > 0);
    version
        .map(Some)
        .ok_or_else(|| Problem::new(Kind::MalformedRequest, "`If-Match` names one version, as an `ETag` of this function does: `\"3\"`"))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = single(headers, &IDEMPOTENCY_KEY)? else { return Ok(None) };
    Ok(Some(value.parse()?))
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text.trim())),
            Err(_) => Err(Problem::new(Kind::MalformedRequest, format!("`{name}` is not ASCII"))),
        },
        _ => Err(Problem::new(Kind::MalformedRequest, format!("`{name}` is there more than once"))),
    }
}

/// The format that `Accept` asks for: the first named that there is; JSON where nothing is asked for.
fn accepted(headers: &HeaderMap) -> Result<(Format, &'static str), Problem> {
    let asked: Vec<&str> =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
    let mut wanted: Vec<(f32, &str)> = asked.iter().map(|range| weighted(range)).filter(|(weight, _)| *weight > 0.0).collect();
    wanted.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let known = |range: &str| match range.to_ascii_lowercase().as_str() {
        JSON | "application/*" | "*/*" => Some((Format::Json, JSON)),
        SARIF => Some((Format::Sarif, SARIF)),
        _ => None,
    };
    match wanted.iter().find_map(|(_, range)| known(range)) {
        Some(found) => Ok(found),
        None if asked.is_empty() => Ok((Format::Json, JSON)),
        None => Err(Problem::new(Kind::NotAcceptable, format!("there is {JSON} and {SARIF}"))),
    }
}

/// A media range and its weight.
fn weighted(range: &str) -> (f32, &str) {
    let mut parts = range.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
    (weight, essence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_tag_is_one_version_and_nothing_looser() {
        assert_eq!(if_match(&headers(&IF_MATCH, &["\"12\""])).unwrap(), Some(12));
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
        for loose in [&["*"][..], &["12"], &["W/\"12\""], &["\"1\", \"2\""], &["\"0\""], &["\"-1\""], &[""], &["\"1\"", "\"1\""]] {
            assert_eq!(if_match(&headers(&IF_MATCH, loose)).unwrap_err().kind(), Kind::MalformedRequest, "{loose:?}");
        }
    }

    #[test]
    fn findings_come_in_the_form_that_is_accepted() {
        let form = |values: &[&str]| accepted(&headers(&ACCEPT, values)).map(|(_, media_type)| media_type).ok();
        for json in [&[][..], &["*/*"], &["application/*"], &["Application/JSON"], &["text/html, */*;q=0.1"]] {
            assert_eq!(form(json), Some(JSON), "{json:?}");
        }
        assert_eq!(form(&["application/json;q=0.5, application/sarif+json"]), Some(SARIF));
        assert_eq!(form(&["application/json;q=0, application/sarif+json;q=0.1"]), Some(SARIF));
        assert_eq!(form(&["text/html"]), None);
        assert_eq!(form(&["application/json;q=0"]), None);
    }
}
