//! The review pages: the registry's calls for people, as forms and tables that need no script.
//!
//! They decide nothing that the API does not: a handler asks the registry and fills a template. A
//! refusal is the same problem as the API's; [`furnish`] shows it as a page. What a function, an author
//! or a client wrote reaches a page only through the templates, all of which escape.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE, X_FRAME_OPTIONS};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::App;
use super::functions::PageQuery;
use super::problem::{Kind, Problem};
use super::request::{self, Id, Query};
use crate::approval::SecondPerson;
use crate::audit::Event;
use crate::identity::{Caller, Role};
use crate::registry::{
    Approval, AuditFilter, FunctionInFull, IdempotencyKey, PageRequest, Registry, RegistryError, Review, Version, WaiverWish,
};
use crate::report::FileReport;
use crate::trial::TrialReport;
use session::{Fields, Form, Known, SameOrigin, Session};
use source::{Difference, Listing};
use view::{Audit, Done, Frame, FunctionPage, List, ProblemPage, Row, SignIn, State as Standing, VersionView, page};

mod escape;
mod session;
mod source;
mod view;

/// Where the pages are.
const ROOT: &str = "/review";

/// Nothing is loaded but our own stylesheet and icon; nothing runs; no other site frames a page or
/// gets a form of it.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The first part of the name of a field that waives a finding.
const WAIVER: &str = "waive.";

static STYLE: LazyLock<Asset> = LazyLock::new(|| Asset::new("style", "css", include_str!("pages/style.css")));
static ICON: LazyLock<Asset> = LazyLock::new(|| Asset::new("icon", "svg", include_str!("pages/icon.svg")));

/// A file that pages load. Its name holds its hash, so that it may be kept.
struct Asset {
    path: String,
    text: &'static str,
}

impl Asset {
    fn new(name: &str, extension: &str, text: &'static str) -> Asset {
        let hash = hex::encode(Sha256::digest(text));
        Asset { path: format!("{ROOT}/{name}-{}.{extension}", &hash[..16]), text }
    }

    fn response(&self, media_type: &'static str) -> Response {
        ([(CONTENT_TYPE, media_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")], self.text).into_response()
    }
}

/// The routes of the pages.
pub fn router(app: &Arc<App>) -> Router<Arc<App>> {
    let function = |below: &str| format!("{ROOT}/functions/{{id}}{below}");
    Router::new()
        .route("/", get(|| async { see_other(ROOT) }))
        .route(ROOT, get(list))
        .route(&format!("{ROOT}/sign-in"), get(signing_in).post(sign_in))
        .route(&format!("{ROOT}/sign-out"), post(sign_out))
        .route(&function(""), get(show))
        .route(&function("/trial"), post(try_out))
        .route(&function("/approve"), post(approve))
        .route(&function("/reject"), post(reject))
        .route(&function("/revoke"), post(revoke))
        .route(&format!("{ROOT}/audit"), get(audit))
        .route(&STYLE.path, get(|| async { STYLE.response("text/css; charset=utf-8") }))
        .route(&ICON.path, get(|| async { ICON.response("image/svg+xml") }))
        .route(&format!("{ROOT}/{{*rest}}"), get(nothing))
        .layer(middleware::from_fn_with_state(app.clone(), request::limit))
        .layer(middleware::from_fn(furnish))
}

/// Shows problems as pages, and tells browsers what no page here may do.
async fn furnish(mut request: Request, next: Next) -> Response {
    let known = Known::default();
    request.extensions_mut().insert(known.clone());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let target = request.uri().path_and_query().map_or_else(|| path.clone(), ToString::to_string);
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions().get::<Problem>().cloned() {
        let is_look = matches!(method, Method::GET | Method::HEAD);
        response = match problem.kind() {
            Kind::Unauthenticated if is_look => see_other(&format!("{ROOT}/sign-in?to={}", encoded(&target))),
            _ => page(problem.kind().status(), &ProblemPage::new(&problem, known.session(), function_of(&path))),
        };
        response.extensions_mut().insert(problem);
    }
    let headers = response.headers_mut();
    let told = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    told.into_iter().for_each(|(name, value)| drop(headers.insert(name, HeaderValue::from_static(value))));
    response
}

/// The function that a path is about.
fn function_of(path: &str) -> Option<String> {
    let id = path.strip_prefix(ROOT)?.strip_prefix("/functions/")?.split('/').next()?;
    id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then(|| id.to_owned())
}

async fn nothing(_: Session) -> Problem {
    Problem::new(Kind::NotFound, "there is no such page")
}

fn see_other(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(to) => (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[derive(Deserialize)]
struct SignInQuery {
    #[serde(default)]
    to: String,
}

async fn signing_in(Query(query): Query<SignInQuery>) -> Response {
    page(StatusCode::OK, &SignIn { frame: Frame::new("Sign in", None), to: own_page(&query.to), refusal: None })
}

/// One of these pages, whatever was asked for.
fn own_page(to: &str) -> String {
    let is_own = (to == ROOT || to.starts_with(&format!("{ROOT}/")) || to.starts_with(&format!("{ROOT}?")))
        && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_own { to.to_owned() } else { ROOT.to_owned() }
}

async fn sign_in(State(app): State<Arc<App>>, parts: Parts, SameOrigin(fields): SameOrigin) -> Result<Response, Problem> {
    let (token, to) = (fields.one("token").unwrap_or_default(), own_page(&fields.one("to").unwrap_or_default()));
    let token = token.trim();
    let verified = if session::is_token(token) {
        request::verified(&app, &parts, token).await
    } else {
        Err(Problem::new(Kind::Unauthenticated, "it is no token"))
    };
    match verified {
        Ok(_) => {
            let mut response = see_other(&to);
            let cookie = HeaderValue::from_str(&session::cookie(&parts.headers, token)).map_err(|error| Problem::internal(&error))?;
            response.headers_mut().insert(SET_COOKIE, cookie);
            Ok(response)
        }
        Err(problem) if problem.kind() == Kind::Unauthenticated => {
            let refusal = format!("This is no token that is valid now. A token has at most {} characters.", session::TOKEN_BYTES_MAX);
            Ok(page(StatusCode::UNAUTHORIZED, &SignIn { frame: Frame::new("Sign in", None), to, refusal: Some(refusal) }))
        }
        Err(problem) => Err(problem),
    }
}

async fn sign_out(headers: HeaderMap, Form(..): Form) -> Result<Response, Problem> {
    let mut response = see_other(&format!("{ROOT}/sign-in"));
    let cookie = HeaderValue::from_str(&session::cookie(&headers, "")).map_err(|error| Problem::internal(&error))?;
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

async fn list(State(app): State<Arc<App>>, session: Session, Query(query): Query<PageQuery>) -> Result<Response, Problem> {
    let caller = &session.caller;
    let found = app.registry.list(caller, query.into()).await?;
    let lead = match (caller.is(Role::Admin), caller.is(Role::Approver), caller.is(Role::Author)) {
        (true, ..) => "All functions",
        (_, true, true) => "What awaits review, and your own functions",
        (_, true, false) => "What awaits review",
        _ => "Your functions",
    };
    let next = found.next.map(|cursor| format!("{ROOT}?cursor={}", encoded(&cursor)));
    let rows = found.items.into_iter().map(Row::from).collect();
    let is_of_all = caller.is(Role::SuperAdmin);
    Ok(page(StatusCode::OK, &List { frame: Frame::new(lead, Some(&session)), lead, is_of_all, rows, next }))
}

#[derive(Deserialize)]
struct ShownVersion {
    version: Option<u64>,
}

/// Shows a version, the latest by default: that is reading it. What it is compared with is read, too,
/// and before it, for the version that was read last is the one that is meant where none is named.
async fn show(State(app): State<Arc<App>>, session: Session, Id(id): Id, Query(query): Query<ShownVersion>) -> Result<Response, Problem> {
    let (registry, caller) = (&app.registry, &session.caller);
    let versions = all_versions(registry, caller, &id).await?;
    let latest = versions.last().map_or(1, |version| version.version);
    let shown = query.version.unwrap_or(latest);
    let active = versions.iter().find(|version| version.is_active).map(|version| version.version);
    let before = match active.filter(|active| *active != shown) {
        Some(active) => Some((active, registry.read(caller, &id, Some(active)).await?)),
        None => None,
    };
    let read = registry.read(caller, &id, Some(shown)).await?;
    let report = registry.findings(caller, &id, Some(shown)).await?;
    let review = Reviewed { session, key: new_key()?, read, shown, report, before, versions };
    // Telling long sources apart takes a while.
    let made = tokio::task::spawn_blocking(move || page(StatusCode::OK, &review.page())).await;
    made.map_err(|error| Problem::internal(&error))
}

async fn all_versions(registry: &Registry, caller: &Caller, id: &str) -> Result<Vec<Version>, RegistryError> {
    let (mut versions, mut cursor) = (Vec::new(), None);
    loop {
        let found = registry.versions(caller, id, PageRequest { limit: Some(200), cursor }).await?;
        versions.extend(found.items);
        cursor = found.next;
        if cursor.is_none() {
            return Ok(versions);
        }
    }
}

/// What the registry said of one version.
struct Reviewed {
    session: Session,
    key: String,
    read: FunctionInFull,
    shown: u64,
    report: FileReport,
    /// The version that is called now, where it is another one.
    before: Option<(u64, FunctionInFull)>,
    versions: Vec<Version>,
}

impl Reviewed {
    fn page(self) -> FunctionPage {
        let Reviewed { session, key, read, shown, report, before, versions } = self;
        let (caller, function) = (&session.caller, &read.function);
        let review = versions.iter().find(|version| version.version == shown).map_or(Review::Awaiting, |version| version.review);
        let is_open = review == Review::Awaiting || review == Review::Approved && !function.is_active;
        let is_approver = caller.is(Role::Approver) && caller.tenant_id() == function.tenant_id;
        let note = match SecondPerson::new(caller.user_id(), &read.authors) {
            _ if !is_approver => None,
            _ if shown != function.version => Some(format!("Version {} is the latest; only that can be decided about.", function.version)),
            Err(reason) if is_open => Some(format!("You cannot approve this version: {reason}.")),
            _ => None,
        };
        let text = |value: &Option<Value>| value.as_ref().map(|value| Listing::of_text(&pretty(value)));
        FunctionPage {
            frame: Frame::new(format!("{}, version {shown}", function.name), Some(&session)),
            state: if shown == function.version { Standing::of_latest(function) } else { review.into() },
            authors: read.authors.join(", "),
            listing: Listing::new(&read.code, &report),
            schema: text(&read.input_schema),
            cases: text(&read.cases),
            compared: before.as_ref().map(|(version, _)| *version),
            differences: before.map(|(_, before)| differences(&before, &read)).unwrap_or_default(),
            may_decide: is_approver && is_open && shown == function.version,
            may_revoke: review != Review::Revoked && (caller.is(Role::Admin) || is_approver),
            versions: versions.into_iter().rev().map(|version| VersionView { state: version.review.into(), version }).collect(),
            note,
            key,
            shown,
            read,
        }
    }
}

fn differences(before: &FunctionInFull, now: &FunctionInFull) -> Vec<Difference> {
    let text = |value: &Option<Value>| value.as_ref().map(pretty).unwrap_or_default();
    let found = [
        Difference::new("source", &before.code, &now.code),
        Difference::new("schema", &text(&before.input_schema), &text(&now.input_schema)),
        Difference::new("cases", &text(&before.cases), &text(&now.cases)),
    ];
    found.into_iter().flatten().collect()
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

/// What makes a form that is sent twice harmless.
fn new_key() -> Result<String, Problem> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| Problem::internal(&error))?;
    Ok(hex::encode(random))
}

fn key(fields: &Fields) -> Result<Option<IdempotencyKey>, Problem> {
    Ok(Some(fields.one("key").unwrap_or_default().parse()?))
}

/// The version that the page showed: a decision is about that one and no other.
fn version(fields: &Fields) -> Result<u64, Problem> {
    let version = fields.one("version").and_then(|text| text.parse().ok());
    version.ok_or_else(|| Problem::new(Kind::InvalidInput, "the form names no version"))
}

fn wish(fields: &Fields) -> Result<Approval, Problem> {
    let notes = fields.one("notes").filter(|notes| !notes.trim().is_empty());
    // A reason that was left empty waives nothing.
    let given = fields.below(WAIVER).filter(|(_, reason)| !reason.trim().is_empty());
    let waivers = given.map(|(fingerprint, reason)| WaiverWish { fingerprint: fingerprint.to_owned(), reason: reason.to_owned() });
    Ok(Approval { notes, waivers: waivers.collect(), version: Some(version(fields)?) })
}

/// Holds the trial and decides nothing.
async fn try_out(State(app): State<Arc<App>>, Id(id): Id, Form(session, fields): Form) -> Result<Response, Problem> {
    let wish = wish(&fields)?;
    let version = version(&fields)?;
    let report = app.registry.trial(&session.caller, &id, wish).await?;
    let lead = format!("Version {version} passed its trial. Nothing is decided yet.");
    Ok(done(&session, lead, id, version, Some(report)))
}

async fn approve(State(app): State<Arc<App>>, Id(id): Id, Form(session, fields): Form) -> Result<Response, Problem> {
    let approved = app.approve(&session.caller, &id, wish(&fields)?, key(&fields)?).await?;
    let version = version(&fields)?;
    let lead = format!("Version {version} of {} is approved, until {}.", approved.function.name, approved.expires_at);
    Ok(done(&session, lead, id, version, Some(approved.trial)))
}

async fn reject(State(app): State<Arc<App>>, Id(id): Id, Form(session, fields): Form) -> Result<Response, Problem> {
    let (notes, version) = (fields.one("notes").unwrap_or_default(), version(&fields)?);
    let rejected = app.reject(&session.caller, &id, &notes, Some(version), key(&fields)?).await?;
    Ok(done(&session, format!("Version {version} of {} is rejected.", rejected.name), id, version, None))
}

async fn revoke(State(app): State<Arc<App>>, Id(id): Id, Form(session, fields): Form) -> Result<Response, Problem> {
    let reason = fields.one("reason").unwrap_or_default();
    app.revoke(&session.caller, &id, &reason).await?;
    Ok(see_other(&format!("{ROOT}/functions/{id}")))
}

fn done(session: &Session, lead: String, id: String, version: u64, trial: Option<TrialReport>) -> Response {
    let title = if trial.is_some() { "Trial" } else { "Decision" };
    page(StatusCode::OK, &Done { frame: Frame::new(title, Some(session)), lead, id, version, trial: trial.map(Into::into) })
}

/// What the form of the audit log asks for. A field that is empty asks for nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AuditFields {
    function: String,
    user: String,
    since: String,
    until: String,
    event: String,
    outcome: String,
    tenant: String,
    cursor: String,
}

impl AuditFields {
    fn filter(&self) -> Result<AuditFilter, Problem> {
        let wrong = |message: String| Problem::new(Kind::InvalidInput, message);
        Ok(AuditFilter {
            function: given(&self.function),
            user: given(&self.user),
            since: given(&self.since).map(|text| time(&text)).transpose()?,
            until: given(&self.until).map(|text| time(&text)).transpose()?,
            event: given(&self.event).map(|text| text.parse()).transpose().map_err(wrong)?,
            success: match self.outcome.as_str() {
                "" => None,
                "succeeded" => Some(true),
                "failed" => Some(false),
                _ => return Err(wrong("an outcome is succeeded or failed".to_owned())),
            },
            tenant: given(&self.tenant),
        })
    }

    /// Where the log goes on, under the same filter.
    fn next(&self, cursor: &str) -> String {
        let fields = [
            ("function", &self.function),
            ("user", &self.user),
            ("since", &self.since),
            ("until", &self.until),
            ("event", &self.event),
            ("outcome", &self.outcome),
            ("tenant", &self.tenant),
        ];
        let path = format!("{ROOT}/audit?");
        let begin = path.len();
        let mut query = form_urlencoded::Serializer::for_suffix(path, begin);
        query.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
        query.append_pair("cursor", cursor).finish()
    }
}

fn given(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A time, or a day, which begins at midnight in UTC.
fn time(text: &str) -> Result<Timestamp, Problem> {
    let parsed = text.parse::<Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse());
    parsed.map_err(|_| Problem::new(Kind::InvalidInput, "a time is a day, or as 2025-03-14T09:22:31Z"))
}

async fn audit(State(app): State<Arc<App>>, session: Session, Query(fields): Query<AuditFields>) -> Result<Response, Problem> {
    let filter = fields.filter()?;
    let asked = filter.event;
    let found = app.registry.audit(&session.caller, filter, PageRequest { limit: None, cursor: given(&fields.cursor) }).await?;
    let shown = Audit {
        frame: Frame::new("Audit log", Some(&session)),
        events: Event::ALL.iter().map(|event| (*event, asked == Some(*event))).collect(),
        is_of_all: session.caller.is(Role::SuperAdmin),
        next: found.next.map(|cursor| fields.next(&cursor)),
        records: found.items,
        filter: fields,
    };
    Ok(page(StatusCode::OK, &shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_signing_in_one_stays_on_these_pages() {
        for own in ["/review", "/review?cursor=x", "/review/functions/fn_1?version=2", "/review/audit?user=a&event=executed"] {
            assert_eq!(own_page(own), own);
        }
        for other in ["", "/", "//evil.example", "https://evil.example", "/reviewer", "/review\\..\\x", "/review/\r\nX: y", "javascript:1"]
        {
            assert_eq!(own_page(other), ROOT, "{other}");
        }
    }

    #[test]
    fn the_next_page_of_the_log_has_the_same_filter() {
        let fields = AuditFields { user: "a&b".to_owned(), outcome: "failed".to_owned(), ..AuditFields::default() };
        assert_eq!(fields.next("Mg"), "/review/audit?user=a%26b&outcome=failed&cursor=Mg");
        assert_eq!(fields.filter().unwrap().success, Some(false));
        assert!(AuditFields { outcome: "x".to_owned(), ..fields.clone() }.filter().is_err());
        let day = AuditFields { since: "2025-03-14".to_owned(), until: "2025-03-14T09:22:31Z".to_owned(), ..fields }.filter().unwrap();
        assert_eq!(
            (day.since.unwrap().to_string(), day.until.unwrap().to_string()),
            ("2025-03-14T00:00:00Z".into(), "2025-03-14T09:22:31Z".into())
        );
    }

    #[test]
    fn a_problem_is_about_the_function_of_its_path() {
        assert_eq!(function_of("/review/functions/fn_0a/approve").as_deref(), Some("fn_0a"));
        assert_eq!(function_of("/review/functions/%22%3e"), None);
        assert_eq!(function_of("/review/audit"), None);
    }
}
