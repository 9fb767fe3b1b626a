//! What templates are filled with. All text in them passes [`super::escape::Visible`].

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde_json::Value;

use super::session::Session;
use super::source::{Difference, Line, Listing};
use super::{ICON, STYLE};
use crate::audit::{Event, Record};
use crate::identity::Role;
use crate::registry::{Function, FunctionInFull, Review, Version};
use crate::server::problem::Problem;
use crate::trial::TrialReport;

/// What every page has.
pub struct Frame {
    /// What it is about.
    pub title: String,
    /// Who looks at it.
    pub viewer: Option<Viewer>,
    /// Where its stylesheet is.
    pub style: &'static str,
    /// Where its icon is.
    pub icon: &'static str,
}

/// Who looks at a page.
pub struct Viewer {
    /// The person.
    pub user: String,
    /// The tenant.
    pub tenant: String,
    /// The roles.
    pub roles: String,
    /// What forms hold.
    pub proof: String,
    /// Whether the audit log is theirs to read.
    pub is_admin: bool,
}

impl Frame {
    /// The frame of a page called `title`.
    pub fn new(title: impl Into<String>, session: Option<&Session>) -> Frame {
        let viewer = session.map(|session| Viewer {
            user: session.caller.user_id().to_owned(),
            tenant: session.caller.tenant_id().to_owned(),
            roles: session.roles(),
            proof: session.proof.clone(),
            is_admin: session.caller.is(Role::Admin),
        });
        Frame { title: title.into(), viewer, style: &STYLE.path, icon: &ICON.path }
    }
}

/// Where somebody says who they are.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignIn {
    /// The frame.
    pub frame: Frame,
    /// Where to go then.
    pub to: String,
    /// Why they are not signed in.
    pub refusal: Option<String>,
}

/// A list of functions.
#[derive(Template)]
#[template(path = "list.html")]
pub struct List {
    /// The frame.
    pub frame: Frame,
    /// What is listed.
    pub lead: &'static str,
    /// Whether functions of several tenants are.
    pub is_of_all: bool,
    /// The functions.
    pub rows: Vec<Row>,
    /// Where the list goes on.
    pub next: Option<String>,
}

/// A function of a list.
pub struct Row {
    /// The function.
    pub function: Function,
    /// Where it stands.
    pub state: State,
}

/// Where a version stands, in words and as a class of the stylesheet.
#[derive(Clone, Copy)]
pub struct State {
    /// In words.
    pub text: &'static str,
    /// The class.
    pub class: &'static str,
}

impl From<Review> for State {
    fn from(review: Review) -> State {
        let (text, class) = match review {
            Review::Awaiting => ("awaits review", "waiting"),
            Review::Approved => ("approved", "good"),
            Review::Rejected => ("rejected", "bad"),
            Review::Revoked => ("revoked", "bad"),
        };
        State { text, class }
    }
}

impl State {
    /// Where the latest version of a function stands. An approval ends by time, by limits and by policy, too.
    pub fn of_latest(function: &Function) -> State {
        match function.review {
            Review::Approved if !function.is_active => State { text: "was approved, which ended", class: "waiting" },
            review => review.into(),
        }
    }
}

impl From<Function> for Row {
    fn from(function: Function) -> Row {
        Row { state: State::of_latest(&function), function }
    }
}

/// One function in full.
#[derive(Template)]
#[template(path = "function.html")]
pub struct FunctionPage {
    /// The frame.
    pub frame: Frame,
    /// The function.
    pub read: FunctionInFull,
    /// The version that is shown.
    pub shown: u64,
    /// Where that stands.
    pub state: State,
    /// Who wrote it.
    pub authors: String,
    /// Its source.
    pub listing: Listing,
    /// Its schema.
    pub schema: Option<Vec<Line>>,
    /// Its cases.
    pub cases: Option<Vec<Line>>,
    /// The version that is called now, where it is another one.
    pub compared: Option<u64>,
    /// How it differs from that.
    pub differences: Vec<Difference>,
    /// All versions, the latest first.
    pub versions: Vec<VersionView>,
    /// Whether there is a form to decide.
    pub may_decide: bool,
    /// Why there is none.
    pub note: Option<String>,
    /// Whether there is a form to revoke.
    pub may_revoke: bool,
    /// What makes a repeated decision harmless.
    pub key: String,
}

/// A version in the table of versions.
pub struct VersionView {
    /// The version.
    pub version: Version,
    /// Where it stands.
    pub state: State,
}

/// What came of a form.
#[derive(Template)]
#[template(path = "done.html")]
pub struct Done {
    /// The frame.
    pub frame: Frame,
    /// What happened.
    pub lead: String,
    /// The function.
    pub id: String,
    /// The version.
    pub version: u64,
    /// The trial, if one was held.
    pub trial: Option<TrialView>,
}

/// A trial.
pub struct TrialView {
    /// How it went.
    pub report: TrialReport,
    /// Whether nothing stands against an approval.
    pub is_passed: bool,
    /// What it found.
    pub findings: Vec<TrialFindingView>,
}

/// A finding of a trial.
pub struct TrialFindingView {
    /// `error`, `warning` or `note`.
    pub level: &'static str,
    /// What happened.
    pub message: String,
    /// The case that shows it.
    pub case: Option<String>,
    /// The input that shows it.
    pub input: Option<String>,
}

impl From<TrialReport> for TrialView {
    fn from(report: TrialReport) -> TrialView {
        let findings = report.findings.iter().map(|finding| TrialFindingView {
            level: finding.level.as_str(),
            message: finding.message.clone(),
            case: finding.case.clone(),
            input: finding.shown_input(),
        });
        TrialView { findings: findings.collect(), is_passed: report.is_passed(), report }
    }
}

/// The audit log.
#[derive(Template)]
#[template(path = "audit.html")]
pub struct Audit {
    /// The frame.
    pub frame: Frame,
    /// What was asked for.
    pub filter: super::AuditFields,
    /// Every event, and whether it was asked for.
    pub events: Vec<(Event, bool)>,
    /// Whether other tenants' logs are theirs to read.
    pub is_of_all: bool,
    /// The records.
    pub records: Vec<Record>,
    /// Where the log goes on.
    pub next: Option<String>,
}

/// A refusal or a failure.
#[derive(Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    /// The frame.
    pub frame: Frame,
    /// What happened this time.
    pub detail: String,
    /// What kind it is.
    pub kind: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with what was sent.
    pub violations: Vec<String>,
    /// Findings that stand against it.
    pub findings: Vec<Blocking>,
    /// The trial that stands against it.
    pub trial: Option<TrialView>,
    /// The function that it is about.
    pub id: Option<String>,
}

/// A finding that blocks.
pub struct Blocking {
    /// Its rule.
    pub rule: String,
    /// Its line.
    pub line: u64,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
}

impl ProblemPage {
    /// The page of a problem; `id` is the function that it is about.
    pub fn new(problem: &Problem, session: Option<&Session>, id: Option<String>) -> ProblemPage {
        let document = problem.to_json();
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let list = |name: &str| document[name].as_array().cloned().unwrap_or_default();
        let trial = document.get("report").and_then(|report| serde_json::from_value::<TrialReport>(report.clone()).ok());
        ProblemPage {
            frame: Frame::new(text(&document, "title"), session),
            detail: text(&document, "detail"),
            kind: problem.kind().name(),
            status: problem.kind().status().as_u16(),
            violations: list("violations").iter().map(|one| format!("{}: {}", text(one, "pointer"), text(one, "message"))).collect(),
            findings: list("findings")
                .iter()
                .map(|one| Blocking {
                    rule: text(one, "rule"),
                    line: one["location"]["startLine"].as_u64().unwrap_or_default(),
                    message: text(one, "message"),
                    help: text(one, "help"),
                })
                .collect(),
            trial: trial.map(TrialView::from),
            id,
        }
    }
}

/// A page as a response.
pub fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}
