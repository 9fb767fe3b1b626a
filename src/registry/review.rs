//! The life of a version: handed in, approved or rejected by a second person, revoked.
//!
//! These are all the rules of approval for functions in a store; how a function is judged and tried,
//! and who is a second person, is said where files are approved too.

use std::str::FromStr;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::Row;

use super::books::{Books, number};
use super::error::{RegistryError, Result};
use super::function::{Approval, Approved, Content, Draft, Function, FunctionInFull, Review, Revision, check_text};
use super::read::course;
use super::rows::{FunctionRow, VersionRow, unsigned};
use super::seal::{Rejection, Revocation};
use super::{Caller, FUNCTION_ID_BYTES, Inner, Registry, Role, about, now, random_hex, written};
use crate::approval::authors::NotSecond;
use crate::approval::statement::Statement;
use crate::approval::{Candidate, Decision, SecondPerson};
use crate::audit::{Entry, Event, Function as About};
use crate::report::{Cleared, Refusal, WaiverRequest};
use crate::trial::{self, Passed, TrialReport, Verdict};

/// The longest idempotency key.
const KEY_BYTES_MAX: usize = 255;

/// How long an idempotency key is remembered, in hours.
const KEY_HOURS: i64 = 24;

/// Most findings that one approval lets pass.
const WAIVERS_MAX: usize = 100;

/// A client's name for a request, which makes a repetition of it harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl FromStr for IdempotencyKey {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > KEY_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return Err(RegistryError::invalid("/idempotencyKey", format!("it has 1 to {KEY_BYTES_MAX} visible ASCII characters")));
        }
        Ok(IdempotencyKey(text.to_owned()))
    }
}

/// A request that may be a repetition.
struct Request {
    key: IdempotencyKey,
    user_id: String,
    sha256: String,
}

impl Request {
    fn new(key: Option<IdempotencyKey>, caller: &Caller, what: &serde_json::Value) -> Option<Request> {
        // Canonical JSON of a value always exists.
        let sha256 = hex::encode(Sha256::digest(serde_json_canonicalizer::to_vec(what).unwrap_or_default()));
        key.map(|key| Request { key, user_id: caller.user_id().to_owned(), sha256 })
    }
}

impl Registry {
    /// Hands in a new function; it is inactive.
    ///
    /// # Errors
    /// Where the caller is no author, the draft cannot be used, or its name is taken.
    pub async fn create(&self, caller: &Caller, draft: Draft, key: Option<IdempotencyKey>) -> Result<FunctionInFull> {
        let caller = caller.clone();
        self.detached(|inner| async move { inner.create(&caller, draft, key).await }).await
    }

    /// Hands in a new version of a function; what was approved stays callable until the new version
    /// is. `expected` is the version that the author saw.
    ///
    /// # Errors
    /// Where the caller is no author, the revision cannot be used, or somebody else was faster.
    pub async fn update(&self, caller: &Caller, id: &str, revision: Revision, expected: Option<u64>) -> Result<FunctionInFull> {
        let (caller, id) = (caller.clone(), id.to_owned());
        self.detached(|inner| async move { inner.update(&caller, &id, revision, expected).await }).await
    }

    /// Approves a version, which becomes the active one: lint, trial, second person.
    ///
    /// # Errors
    /// Whatever stands against it.
    pub async fn approve(&self, caller: &Caller, id: &str, wish: Approval, key: Option<IdempotencyKey>) -> Result<Approved> {
        let (caller, id) = (caller.clone(), id.to_owned());
        self.detached(|inner| async move { inner.approve(&caller, &id, wish, key).await }).await
    }

    /// Holds the trial of a version that could be approved, and decides nothing.
    ///
    /// # Errors
    /// Whatever stands against its approval.
    pub async fn trial(&self, caller: &Caller, id: &str, wish: Approval) -> Result<TrialReport> {
        let (caller, id) = (caller.clone(), id.to_owned());
        self.detached(|inner| async move {
            let waivers = waivers(&wish)?;
            inner.judged(&caller, &id, wish.version, &waivers).await.map(|judged| judged.passed.report().clone())
        })
        .await
    }

    /// Declines a version: the one named, or the one that the approver read last.
    ///
    /// # Errors
    /// Where the caller is no approver, gives no reason, or somebody decided already.
    pub async fn reject(
        &self,
        caller: &Caller,
        id: &str,
        notes: &str,
        version: Option<u64>,
        key: Option<IdempotencyKey>,
    ) -> Result<Function> {
        let (caller, id, notes) = (caller.clone(), id.to_owned(), notes.to_owned());
        self.detached(|inner| async move { inner.reject(&caller, &id, &notes, version, key).await }).await
    }

    /// Ends every version of a function at once.
    ///
    /// # Errors
    /// Where the caller is neither approver nor admin.
    pub async fn revoke(&self, caller: &Caller, id: &str, reason: &str) -> Result<Function> {
        let (caller, id, reason) = (caller.clone(), id.to_owned(), reason.to_owned());
        self.detached(|inner| async move { inner.revoke(&caller, &id, &reason).await }).await
    }
}

impl Inner {
    async fn create(&self, caller: &Caller, draft: Draft, key: Option<IdempotencyKey>) -> Result<FunctionInFull> {
        if !caller.is(Role::Author) {
            return Err(self.forbidden(caller, "authors hand in functions").await);
        }
        let request = Request::new(key, caller, &json!(["create", draft]));
        let content = self.content(Content::of_draft(draft)?)?;
        let at = now();
        let row = FunctionRow {
            tenant_id: caller.tenant_id().to_owned(),
            function_id: format!("fn_{}", random_hex(FUNCTION_ID_BYTES)?),
            name: content.name.clone(),
            agent_id: content.agent_id.clone(),
            description: content.description.clone(),
            language: content.language,
            version: 1,
            created_at: at.clone(),
            updated_at: at.clone(),
        };
        let version = VersionRow::new(&content, 1, caller.user_id()).sealed(&row, &at, &self.library.key)?;
        let mut books = self.library.write(&row.tenant_id).await?;
        if let Some(answer) = books.answered(request.as_ref()).await? {
            return Ok(answer);
        }
        if let Err(error) = row.insert(&mut books.work).await {
            drop(books);
            return Err(self.not_taken(caller, &row, error).await);
        }
        self.submit(books, &row, &version, caller, request).await
    }

    async fn update(&self, caller: &Caller, id: &str, revision: Revision, expected: Option<u64>) -> Result<FunctionInFull> {
        let (books, row) = self.find_recorded(caller, id).await?;
        drop(books);
        if !caller.is(Role::Author) || caller.tenant_id() != row.tenant_id {
            let error = RegistryError::Forbidden("authors of its tenant hand in versions of a function".to_owned());
            return Err(self.refused(&about(caller, &row, None), error).await);
        }
        let mut books = self.library.write(&row.tenant_id).await?;
        let old = FunctionRow::by_id(&mut books.work, &row.tenant_id, id).await?.ok_or(RegistryError::NotFound)?;
        if expected.is_some_and(|expected| expected != old.version) {
            drop(books);
            let error = RegistryError::SourceChanged { current: old.version };
            return Err(self.refused(&about(caller, &row, expected), error).await);
        }
        let latest = self.version(&mut books, &old, old.version).await?;
        let content = self.content(content_of(&old, latest)?.revised(revision)?)?;
        let at = now();
        let row = FunctionRow {
            name: content.name.clone(),
            agent_id: content.agent_id.clone(),
            description: content.description.clone(),
            language: content.language,
            version: old.version + 1,
            updated_at: at.clone(),
            ..old
        };
        let version = VersionRow::new(&content, row.version, caller.user_id()).sealed(&row, &at, &self.library.key)?;
        if let Err(error) = row.update(&mut books.work).await {
            drop(books);
            return Err(self.not_taken(caller, &row, error).await);
        }
        self.submit(books, &row, &version, caller, None).await
    }

    /// A row that the store did not take: where its name is another function's, that is a refusal.
    async fn not_taken(&self, caller: &Caller, row: &FunctionRow, error: RegistryError) -> RegistryError {
        match error {
            RegistryError::NameTaken => self.refused(&about(caller, row, None), error).await,
            other => other,
        }
    }

    /// Adds a version, records it, and shows it.
    async fn submit(
        &self,
        mut books: Books<'_>,
        row: &FunctionRow,
        version: &VersionRow,
        caller: &Caller,
        request: Option<Request>,
    ) -> Result<FunctionInFull> {
        version.insert(&mut books.work, row).await?;
        let about = About { source_sha256: Some(version.sha256()), ..about(caller, row, Some(version.version)) };
        books.append(Entry::new(Event::Submitted, &about)).await?;
        let in_full = self.in_full(&mut books, row, version.version).await?;
        books.remember(request, &in_full).await?;
        books.commit().await?;
        Ok(in_full)
    }

    /// What is larger than the limit of a source could never be approved.
    fn content(&self, content: Content) -> Result<Content> {
        let limit = self.settings.limits.source_bytes;
        if content.code.len() as u64 > limit {
            return Err(RegistryError::invalid("/code", format!("it has more than {limit} bytes")));
        }
        Ok(content)
    }

    async fn approve(&self, caller: &Caller, id: &str, wish: Approval, key: Option<IdempotencyKey>) -> Result<Approved> {
        if let Err(message) = wish.notes.as_deref().map_or(Ok(()), check_text) {
            return Err(RegistryError::invalid("/notes", message));
        }
        let waivers = waivers(&wish)?;
        let request = Request::new(key, caller, &json!(["approve", id, wish]));
        if let Some(answer) = self.repeated(caller, request.as_ref()).await? {
            return Ok(answer);
        }
        let (books, row) = self.find_to_decide(caller, id).await?;
        drop(books);
        // One at a time: whoever waited finds it decided, and no trial is held in vain.
        let deciding = self.deciding(&row);
        let _alone = deciding.lock().await;
        let judged = self.judged(caller, id, wish.version, &waivers).await?;
        let about = judged.case.about(caller);
        match self.conclude(judged, wish.notes, caller, request).await {
            Err(error @ (RegistryError::AlreadyDecided(_) | RegistryError::SourceChanged { .. })) => Err(self.refused(&about, error).await),
            other => other,
        }
    }

    /// Judges and tries a version for an approver. What stands against it is recorded as a refusal.
    async fn judged(&self, caller: &Caller, id: &str, version: Option<u64>, waivers: &[WaiverRequest]) -> Result<Judged> {
        let (books, row) = self.find_to_decide(caller, id).await?;
        let case = match self.case(books, &row, caller, version, true).await {
            Ok(case) => case,
            Err(error) => return Err(self.refused(&about(caller, &row, version), error).await),
        };
        let about = case.about(caller);
        let refused = async |error| Err(self.refused(&about, error).await);
        let second = match SecondPerson::new(caller.user_id(), &case.authors) {
            Ok(second) => second,
            Err(error @ NotSecond::IsAuthor { .. }) => return refused(RegistryError::SelfApproval(error.to_string())).await,
            Err(error) => return refused(RegistryError::Forbidden(error.to_string())).await,
        };
        let candidate = self.candidate(&case.row, &case.version).await?;
        let cleared = match candidate.clear(waivers) {
            Ok(cleared) => cleared,
            Err(Refusal::Usage(message)) => return refused(RegistryError::invalid("/waivers", message)).await,
            Err(Refusal::Failure(reason)) => return refused(RegistryError::Unavailable(reason)).await,
            Err(Refusal::Blocking(findings)) => return refused(RegistryError::BlockingFindings(findings)).await,
        };
        match self.tried(cleared, &candidate, &about).await? {
            Verdict::Passed(passed) => Ok(Judged { case, candidate, passed, second }),
            Verdict::Failed(report) => refused(RegistryError::TrialFailed(Box::new(report))).await,
        }
    }

    /// Holds the trial, recorded like an execution.
    async fn tried(&self, cleared: Cleared, candidate: &Candidate, about: &About) -> Result<Verdict> {
        let mut books = self.library.write(&about.tenant_id).await?;
        let intent = books.begin(Entry::new(Event::Tried, about), &self.owner).await?;
        books.commit().await?;
        let (cases, isolation, started) = (candidate.cases().clone(), self.isolation.clone(), Instant::now());
        let held = tokio::task::spawn_blocking(move || trial::attempt(cleared, &cases, &isolation)).await;
        let entry = match &held {
            Ok(held) => Entry::new(Event::Tried, about).tried(held, started.elapsed()),
            Err(error) => Entry::new(Event::Tried, about).failed(&format!("internal failure: {error}")),
        };
        self.finish(&about.tenant_id, intent, entry).await?;
        let held = held.map_err(|error| RegistryError::Unavailable(format!("internal failure: {error}")))?;
        held.map_err(|error| RegistryError::Unavailable(error.to_string()))
    }

    /// Decides, if everything is still as it was judged.
    async fn conclude(&self, judged: Judged, notes: Option<String>, caller: &Caller, request: Option<Request>) -> Result<Approved> {
        let Judged { case, candidate, passed, second } = judged;
        let mut books = self.library.write(&case.row.tenant_id).await?;
        if let Some(answer) = books.answered(request.as_ref()).await? {
            return Ok(answer);
        }
        self.check_unchanged(&mut books, &case).await?;
        let trial = passed.report().clone();
        let statement: Statement = Decision::approve(passed, second, notes)
            .statement(&candidate)
            .map_err(|error| RegistryError::Unavailable(error.to_string()))?;
        books.decide(self.library.key.seal_statement(&statement)?).await?;
        let approval_id = statement.predicate.approval_id.clone();
        let about = About { approval_id: Some(approval_id.clone()), ..case.about(caller) };
        books.append(Entry::new(Event::Approved, &about)).await?;
        let function = self.function(&mut books, &case.row).await?;
        let approved = Approved { function, approval_id, expires_at: written(statement.predicate.expires_at), trial };
        books.remember(request, &approved).await?;
        books.commit().await?;
        Ok(approved)
    }

    async fn reject(&self, caller: &Caller, id: &str, notes: &str, version: Option<u64>, key: Option<IdempotencyKey>) -> Result<Function> {
        if notes.trim().is_empty() {
            return Err(RegistryError::invalid("/notes", "a rejection needs a reason"));
        }
        check_text(notes).map_err(|message| RegistryError::invalid("/notes", message))?;
        let request = Request::new(key, caller, &json!(["reject", id, notes, version]));
        if let Some(answer) = self.repeated(caller, request.as_ref()).await? {
            return Ok(answer);
        }
        let (books, row) = self.find_to_decide(caller, id).await?;
        let case = match self.case(books, &row, caller, version, false).await {
            Ok(case) => case,
            Err(error) => return Err(self.refused(&about(caller, &row, version), error).await),
        };
        let mut books = self.library.write(&row.tenant_id).await?;
        if let Some(answer) = books.answered(request.as_ref()).await? {
            return Ok(answer);
        }
        if let Err(error) = self.check_unchanged(&mut books, &case).await {
            drop(books);
            return Err(self.refused(&case.about(caller), error).await);
        }
        let rejection = Rejection {
            tenant_id: row.tenant_id.clone(),
            function_id: row.function_id.clone(),
            version: case.version.version,
            source_sha256: case.version.sha256(),
            rejected_by: caller.user_id().to_owned(),
            notes: notes.to_owned(),
            decided_at: now(),
        };
        books.decide(self.library.key.seal(&rejection)?).await?;
        books.append(Entry::new(Event::Rejected, &case.about(caller))).await?;
        let function = self.function(&mut books, &case.row).await?;
        books.remember(request, &function).await?;
        books.commit().await?;
        Ok(function)
    }

    async fn revoke(&self, caller: &Caller, id: &str, reason: &str) -> Result<Function> {
        check_text(reason).map_err(|message| RegistryError::invalid("/reason", message))?;
        let (books, row) = self.find_recorded(caller, id).await?;
        drop(books);
        if !(caller.is(Role::Admin) || caller.is(Role::Approver) && caller.tenant_id() == row.tenant_id) {
            let error = RegistryError::Forbidden("approvers and admins revoke".to_owned());
            return Err(self.refused(&about(caller, &row, None), error).await);
        }
        let mut books = self.library.write(&row.tenant_id).await?;
        let row = FunctionRow::by_id(&mut books.work, &row.tenant_id, id).await?.ok_or(RegistryError::NotFound)?;
        let approval = course(&books, &row)?.approval().cloned();
        let approval_id = approval.map(|approval| approval.predicate.approval_id.clone());
        let revocation = Revocation {
            tenant_id: row.tenant_id.clone(),
            function_id: row.function_id.clone(),
            through_version: row.version,
            approval_id: approval_id.clone(),
            revoked_by: caller.user_id().to_owned(),
            reason: reason.to_owned(),
            decided_at: now(),
        };
        books.decide(self.library.key.seal(&revocation)?).await?;
        let about = About { approval_id, ..about(caller, &row, Some(row.version)) };
        books.append(Entry::new(Event::Revoked, &about)).await?;
        let function = self.function(&mut books, &row).await?;
        books.commit().await?;
        Ok(function)
    }

    /// A function that the caller may decide about.
    async fn find_to_decide(&self, caller: &Caller, id: &str) -> Result<(Books<'_>, FunctionRow)> {
        let (books, row) = self.find_recorded(caller, id).await?;
        if caller.is(Role::Approver) && caller.tenant_id() == row.tenant_id {
            return Ok((books, row));
        }
        drop(books);
        let error = RegistryError::Forbidden("approvers of its tenant decide about a function".to_owned());
        Err(self.refused(&about(caller, &row, None), error).await)
    }

    /// What is to be decided about: a version that nobody decided about yet, and that the caller means.
    async fn case(&self, mut books: Books<'_>, row: &FunctionRow, caller: &Caller, version: Option<u64>, to_approve: bool) -> Result<Case> {
        let read = books.version_read(row, caller, version).await?;
        let meant = match (version, read) {
            (Some(version), _) if version != row.version => return Err(RegistryError::SourceChanged { current: row.version }),
            (Some(version), Some(_)) => version,
            (Some(version), None) if !to_approve => version,
            (None, Some(version)) if version == row.version => version,
            (None, Some(_)) => return Err(RegistryError::SourceChanged { current: row.version }),
            (_, None) => return Err(RegistryError::ReviewRequired),
        };
        let course = course(&books, row)?;
        match course.review(meant) {
            Review::Awaiting => {}
            Review::Approved if to_approve && self.active(&mut books, row).await?.is_err() => {}
            Review::Approved => return Err(RegistryError::AlreadyDecided(format!("version {meant} was approved already"))),
            Review::Rejected => return Err(RegistryError::AlreadyDecided(format!("version {meant} was rejected; hand in a new one"))),
            Review::Revoked => return Err(RegistryError::AlreadyDecided(format!("version {meant} was revoked; hand in a new one"))),
        }
        let version = self.version(&mut books, row, meant).await?;
        let authors = self.authors(&mut books, row, meant).await?;
        Ok(Case { row: row.clone(), version, authors, decisions: course.count() })
    }

    /// Whether everything is still as it was when the case was opened.
    async fn check_unchanged(&self, books: &mut Books<'_>, case: &Case) -> Result<()> {
        let row = FunctionRow::by_id(&mut books.work, &case.row.tenant_id, &case.row.function_id).await?.ok_or(RegistryError::NotFound)?;
        if row != case.row || self.version(books, &row, case.version.version).await? != case.version {
            return Err(RegistryError::SourceChanged { current: row.version });
        }
        if course(books, &row)?.count() != case.decisions {
            return Err(RegistryError::AlreadyDecided(format!("version {} was decided about meanwhile", case.version.version)));
        }
        Ok(())
    }

    /// The lock under which a function is decided about.
    fn deciding(&self, row: &FunctionRow) -> Arc<tokio::sync::Mutex<()>> {
        let mut all = self.deciding.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, lock| lock.strong_count() > 0);
        let known = all.get(&row.function_id).and_then(std::sync::Weak::upgrade);
        known.unwrap_or_else(|| {
            let lock = Arc::default();
            all.insert(row.function_id.clone(), Arc::downgrade(&lock));
            lock
        })
    }

    /// The answer to a request that was answered before.
    async fn repeated<T: DeserializeOwned>(&self, caller: &Caller, request: Option<&Request>) -> Result<Option<T>> {
        match request {
            Some(_) => self.library.read(caller.tenant_id()).await?.answered(request).await,
            None => Ok(None),
        }
    }

    /// Forgets idempotency keys that are old.
    pub(super) async fn forget_requests(&self) -> Result<()> {
        let hours = jiff::SignedDuration::from_hours(KEY_HOURS);
        let until = jiff::Timestamp::now().checked_sub(hours).map_or_else(|_| String::new(), written);
        let mut work = self.library.store.write(super::store::Scope::Every).await?;
        sqlx::query("DELETE FROM requests WHERE answered_at < $1").bind(until).execute(work.connection()).await?;
        work.commit().await
    }
}

/// A version that is to be decided about.
struct Case {
    row: FunctionRow,
    version: VersionRow,
    authors: Vec<String>,
    /// How many decisions about the function there were.
    decisions: u64,
}

/// What was judged and tried, with whom it needs to be approved.
struct Judged {
    case: Case,
    candidate: Candidate,
    passed: Passed,
    second: SecondPerson,
}

impl Case {
    fn about(&self, caller: &Caller) -> About {
        About { source_sha256: Some(self.version.sha256()), ..about(caller, &self.row, Some(self.version.version)) }
    }
}

impl Books<'_> {
    /// The version of a function that the caller read last, or whether that one was read.
    async fn version_read(&mut self, row: &FunctionRow, caller: &Caller, version: Option<u64>) -> Result<Option<u64>> {
        let query = match version {
            Some(version) => sqlx::query(
                "SELECT version FROM audit WHERE tenant_id = $1 AND function_id = $2 AND user_id = $3 AND event = $4 AND version = $5 \
                 ORDER BY seq DESC LIMIT 1",
            )
            .bind(row.tenant_id.clone())
            .bind(row.function_id.clone())
            .bind(caller.user_id().to_owned())
            .bind(Event::Viewed.name())
            .bind(number(version)?),
            None => sqlx::query(
                "SELECT version FROM audit WHERE tenant_id = $1 AND function_id = $2 AND user_id = $3 AND event = $4 \
                 ORDER BY seq DESC LIMIT 1",
            )
            .bind(row.tenant_id.clone())
            .bind(row.function_id.clone())
            .bind(caller.user_id().to_owned())
            .bind(Event::Viewed.name()),
        };
        let row = query.fetch_optional(self.work.connection()).await?;
        row.map(|row| unsigned(row.try_get(0)?)).transpose()
    }

    /// What a request was answered before, if it was.
    async fn answered<T: DeserializeOwned>(&mut self, request: Option<&Request>) -> Result<Option<T>> {
        let Some(request) = request else { return Ok(None) };
        let sql = "SELECT request_sha256, response FROM requests WHERE tenant_id = $1 AND user_id = $2 AND idempotency_key = $3";
        let row = sqlx::query(sql)
            .bind(self.tenant_id.clone())
            .bind(request.user_id.clone())
            .bind(request.key.0.clone())
            .fetch_optional(self.work.connection())
            .await?;
        let Some(row) = row else { return Ok(None) };
        if row.try_get::<String, _>(0)? != request.sha256 {
            return Err(RegistryError::IdempotencyKeyReused);
        }
        let response: String = row.try_get(1)?;
        serde_json::from_str(&response).map(Some).map_err(RegistryError::tampered)
    }

    /// Keeps what a request is answered, together with what it did.
    async fn remember(&mut self, request: Option<Request>, response: &impl Serialize) -> Result<()> {
        let Some(request) = request else { return Ok(()) };
        let response = serde_json::to_string(response).map_err(|error| RegistryError::Unavailable(error.to_string()))?;
        sqlx::query(
            "INSERT INTO requests (tenant_id, user_id, idempotency_key, request_sha256, response, answered_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(self.tenant_id.clone())
        .bind(request.user_id)
        .bind(request.key.0)
        .bind(request.sha256)
        .bind(response)
        .bind(now())
        .execute(self.work.connection())
        .await?;
        Ok(())
    }
}

fn content_of(row: &FunctionRow, version: VersionRow) -> Result<Content> {
    Ok(Content {
        name: row.name.clone(),
        description: row.description.clone(),
        agent_id: row.agent_id.clone(),
        language: version.language,
        code: String::from_utf8(version.code).map_err(RegistryError::tampered)?,
        input_schema: version.input_schema,
        cases: version.cases,
    })
}

fn waivers(wish: &Approval) -> Result<Vec<WaiverRequest>> {
    if wish.waivers.len() > WAIVERS_MAX {
        return Err(RegistryError::invalid("/waivers", format!("there are more than {WAIVERS_MAX}")));
    }
    let checked = wish.waivers.iter().map(|waiver| match check_text(&waiver.reason).and_then(|()| check_text(&waiver.fingerprint)) {
        Ok(()) => Ok(WaiverRequest { selector: waiver.fingerprint.clone(), reason: waiver.reason.clone() }),
        Err(message) => Err(RegistryError::invalid("/waivers", message)),
    });
    checked.collect()
}
