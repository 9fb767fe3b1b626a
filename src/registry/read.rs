//! Reading: lists, functions in full, versions, findings, what may be called.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::Row;

use super::books::Books;
use super::decisions::Course;
use super::error::{RegistryError, Result};
use super::function::{Callable, Function, FunctionInFull, Review, Version};
use super::page::{Page, PageRequest};
use super::rows::{FunctionRow, VersionRow, unsigned};
use super::store::Scope;
use super::{Caller, Inner, Registry, Role, about};
use crate::approval::Candidate;
use crate::approval::digest;
use crate::audit::{Entry, Event};
use crate::report::FileReport;

/// Rows that are looked through at once.
const BATCH: i64 = 200;

/// Most functions that are offered as tools.
const CALLABLE_MAX: usize = 1_000;

/// Where a list of functions goes on.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    tenant: String,
    name: String,
}

impl Registry {
    /// The functions that the caller sees: all for admins, what awaits review for approvers, their own
    /// for authors.
    ///
    /// # Errors
    /// Where the caller has none of these roles.
    pub async fn list(&self, caller: &Caller, page: PageRequest) -> Result<Page<Function>> {
        let caller = caller.clone();
        self.detached(|inner| async move { inner.list(&caller, &page).await }).await
    }

    /// A function in full, at a version or as it is now. That an approver read it is recorded.
    ///
    /// # Errors
    /// Where the caller has no role that reads functions, or there is no such function.
    pub async fn read(&self, caller: &Caller, id: &str, version: Option<u64>) -> Result<FunctionInFull> {
        let (caller, id) = (caller.clone(), id.to_owned());
        self.detached(|inner| async move { inner.read(&caller, &id, version).await }).await
    }

    /// The versions of a function, in order.
    ///
    /// # Errors
    /// As [`Registry::read`].
    pub async fn versions(&self, caller: &Caller, id: &str, page: PageRequest) -> Result<Page<Version>> {
        let (caller, id) = (caller.clone(), id.to_owned());
        self.detached(|inner| async move { inner.versions(&caller, &id, &page).await }).await
    }

    /// What lint finds in a version, or in the latest.
    ///
    /// # Errors
    /// As [`Registry::read`].
    pub async fn findings(&self, caller: &Caller, id: &str, version: Option<u64>) -> Result<FileReport> {
        let (caller, id) = (caller.clone(), id.to_owned());
        self.detached(|inner| async move { inner.findings(&caller, &id, version).await }).await
    }

    /// The active functions that the caller may call and that have a schema.
    ///
    /// # Errors
    /// Where the caller is no agent.
    pub async fn callable(&self, caller: &Caller) -> Result<Vec<Callable>> {
        let caller = caller.clone();
        self.detached(|inner| async move { inner.callable(&caller).await }).await
    }

    /// The id of the caller's function of that name; what is an id already stays one.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn id_of(&self, caller: &Caller, name: &str) -> Result<String> {
        if super::is_function_id(name) {
            return Ok(name.to_owned());
        }
        if name.contains('\0') {
            return Err(RegistryError::NotFound);
        }
        let mut books = self.inner.library.read(caller.tenant_id()).await?;
        FunctionRow::id_by_name(&mut books.work, caller.tenant_id(), name).await?.ok_or(RegistryError::NotFound)
    }
}

impl Inner {
    async fn list(&self, caller: &Caller, page: &PageRequest) -> Result<Page<Function>> {
        if !caller.is_any(&[Role::Admin, Role::Approver, Role::Author]) {
            return Err(self.forbidden(caller, "admins, approvers and authors list functions").await);
        }
        let (limit, position) = (page.items()?, page.position::<Position>()?);
        let mut position = position.unwrap_or(Position { tenant: String::new(), name: String::new() });
        if position.tenant.contains('\0') || position.name.contains('\0') {
            return Err(RegistryError::invalid("/cursor", "it is not one that this list gave"));
        }
        let mut found: Vec<Function> = Vec::new();
        loop {
            let rows = self.rows_behind(caller, &position).await?;
            let is_last = (rows.len() as i64) < BATCH;
            let mut rows = rows.into_iter().peekable();
            while let Some(first) = rows.peek() {
                let tenant = first.tenant_id.clone();
                let mut books = self.library.read(&tenant).await?;
                while let Some(row) = rows.next_if(|row| row.tenant_id == tenant) {
                    position = Position { tenant: row.tenant_id.clone(), name: row.name.clone() };
                    if self.is_listed(caller, &mut books, &row).await? {
                        found.push(self.function(&mut books, &row).await?);
                    }
                    if found.len() > limit {
                        break;
                    }
                }
                if found.len() > limit {
                    break;
                }
            }
            if is_last || found.len() > limit {
                break;
            }
        }
        self.record_relinted().await?;
        Ok(Page::of(found, limit, |last| Position { tenant: last.tenant_id.clone(), name: last.name.clone() }))
    }

    /// Rows in order behind a position: of all tenants for super-admins.
    async fn rows_behind(&self, caller: &Caller, position: &Position) -> Result<Vec<FunctionRow>> {
        let query = if caller.is(Role::SuperAdmin) {
            sqlx::query("SELECT * FROM functions WHERE tenant_id > $1 OR (tenant_id = $1 AND name > $2) ORDER BY tenant_id, name LIMIT $3")
                .bind(position.tenant.clone())
        } else {
            sqlx::query("SELECT * FROM functions WHERE tenant_id = $1 AND name > $2 ORDER BY tenant_id, name LIMIT $3")
                .bind(caller.tenant_id().to_owned())
        };
        let scope = if caller.is(Role::SuperAdmin) { Scope::Every } else { Scope::Tenant(caller.tenant_id()) };
        let mut work = self.library.store.read(scope).await?;
        let rows = query.bind(position.name.clone()).bind(BATCH).fetch_all(work.connection()).await?;
        rows.iter().map(FunctionRow::of).collect()
    }

    async fn is_listed(&self, caller: &Caller, books: &mut Books<'_>, row: &FunctionRow) -> Result<bool> {
        if caller.is(Role::Admin) {
            return Ok(true);
        }
        if caller.is(Role::Approver) && self.awaits_review(books, row).await? {
            return Ok(true);
        }
        Ok(caller.is(Role::Author) && self.is_author(caller, books, row).await?)
    }

    /// Whether somebody has to decide about the latest version: nobody did, or its approval ended by itself.
    async fn awaits_review(&self, books: &mut Books<'_>, row: &FunctionRow) -> Result<bool> {
        match course(books, row)?.review(row.version) {
            Review::Awaiting => Ok(true),
            Review::Approved => Ok(self.shown_active(books, row).await?.is_none()),
            Review::Rejected | Review::Revoked => Ok(false),
        }
    }

    async fn is_author(&self, caller: &Caller, books: &mut Books<'_>, row: &FunctionRow) -> Result<bool> {
        let found = sqlx::query("SELECT 1 FROM versions WHERE tenant_id = $1 AND function_id = $2 AND author = $3 LIMIT 1")
            .bind(row.tenant_id.clone())
            .bind(row.function_id.clone())
            .bind(caller.user_id().to_owned())
            .fetch_optional(books.work.connection())
            .await?;
        Ok(found.is_some())
    }

    async fn read(&self, caller: &Caller, id: &str, version: Option<u64>) -> Result<FunctionInFull> {
        let (mut books, row) = self.find_to_read(caller, id).await?;
        let in_full = self.in_full(&mut books, &row, version.unwrap_or(row.version)).await?;
        drop(books);
        self.record_relinted().await?;
        if caller.is(Role::Approver) {
            let mut viewed = about(caller, &row, Some(version.unwrap_or(row.version)));
            viewed.source_sha256 = Some(in_full.source_sha256.clone());
            self.recorded(&row.tenant_id, Entry::new(Event::Viewed, &viewed)).await?;
        }
        Ok(in_full)
    }

    async fn versions(&self, caller: &Caller, id: &str, page: &PageRequest) -> Result<Page<Version>> {
        let (limit, after) = (page.items()?, page.position::<u64>()?.unwrap_or_default());
        let (mut books, row) = self.find_to_read(caller, id).await?;
        let course = course(&books, &row)?;
        let active = self.shown_active(&mut books, &row).await?.map(|(version, _)| version);
        let versions = VersionRow::behind(&mut books.work, &row, after, limit as i64 + 1).await?;
        let shown = |version: VersionRow| {
            let handed_in = version.checked(&row, &self.library.key).map_err(RegistryError::tampered)?;
            Ok(Version {
                version: version.version,
                author: handed_in.author,
                language: version.language,
                source_sha256: handed_in.source_sha256,
                schema_sha256: handed_in.schema_sha256,
                submitted_at: handed_in.submitted_at,
                is_active: active == Some(version.version),
                review: course.review(version.version),
                decision: course.decision(version.version).cloned(),
            })
        };
        let versions = versions.into_iter().map(shown).collect::<Result<Vec<_>>>()?;
        Ok(Page::of(versions, limit, |last| last.version))
    }

    async fn findings(&self, caller: &Caller, id: &str, version: Option<u64>) -> Result<FileReport> {
        let (mut books, row) = self.find_to_read(caller, id).await?;
        let version = self.version(&mut books, &row, version.unwrap_or(row.version)).await?;
        drop(books);
        Ok(self.candidate(&row, &version).await?.report().clone())
    }

    async fn callable(&self, caller: &Caller) -> Result<Vec<Callable>> {
        let Some(agent) = caller.agent_id() else {
            return Err(self.forbidden(caller, "only an agent calls functions").await);
        };
        let mut books = self.library.read(caller.tenant_id()).await?;
        let rows = sqlx::query("SELECT * FROM functions WHERE tenant_id = $1 AND (agent_id IS NULL OR agent_id = $2) ORDER BY name")
            .bind(caller.tenant_id().to_owned())
            .bind(agent.to_owned())
            .fetch_all(books.work.connection())
            .await?;
        let mut callable = Vec::new();
        for row in &rows {
            let row = FunctionRow::of(row)?;
            if callable.len() >= CALLABLE_MAX {
                break;
            }
            if let Ok(active) = self.active(&mut books, &row).await?
                && let Some(schema) = active.standing.cleared.schema()
            {
                callable.push(Callable {
                    function_id: row.function_id,
                    name: row.name,
                    description: row.description,
                    input_schema: (*schema.value).clone(),
                });
            }
        }
        drop(books);
        self.record_relinted().await?;
        Ok(callable)
    }

    /// A function that the caller may read in full.
    async fn find_to_read(&self, caller: &Caller, id: &str) -> Result<(Books<'_>, FunctionRow)> {
        let (books, row) = self.find_recorded(caller, id).await?;
        if caller.is_any(&[Role::Admin, Role::Approver, Role::Author]) {
            return Ok((books, row));
        }
        drop(books);
        let error = RegistryError::Forbidden("admins, approvers and authors read functions".to_owned());
        Err(self.refused(&about(caller, &row, None), error).await)
    }

    /// The tenant that has a function; nobody but super-admins is told.
    pub(super) async fn tenant_of(&self, id: &str) -> Result<Option<String>> {
        let mut work = self.library.store.read(Scope::Every).await?;
        let rows = sqlx::query("SELECT tenant_id FROM functions WHERE function_id = $1 LIMIT 2")
            .bind(id.to_owned())
            .fetch_all(work.connection())
            .await?;
        match &rows[..] {
            [row] => Ok(Some(row.try_get(0)?)),
            _ => Ok(None),
        }
    }

    /// One version, as it was handed in.
    pub(super) async fn version(&self, books: &mut Books<'_>, row: &FunctionRow, version: u64) -> Result<VersionRow> {
        let found = VersionRow::one(&mut books.work, row, version).await?.ok_or(RegistryError::NotFound)?;
        found.checked(row, &self.library.key).map_err(RegistryError::tampered)?;
        Ok(found)
    }

    /// A version, linted under the settings of the gate.
    pub(super) async fn candidate(&self, row: &FunctionRow, version: &VersionRow) -> Result<Candidate> {
        let (stored, settings, isolation) = (version.stored(row), self.settings.clone(), self.isolation.clone());
        let candidate = tokio::task::spawn_blocking(move || Candidate::of_version(&stored, settings, &isolation)).await;
        let candidate = candidate.map_err(|error| RegistryError::Unavailable(format!("internal failure: {error}")))?;
        candidate.map_err(|error| RegistryError::Unavailable(error.to_string()))
    }

    /// A function as lists show it.
    pub(super) async fn function(&self, books: &mut Books<'_>, row: &FunctionRow) -> Result<Function> {
        let review = course(books, row)?.review(row.version);
        let active = self.shown_active(books, row).await?;
        Ok(Function {
            function_id: row.function_id.clone(),
            tenant_id: row.tenant_id.clone(),
            agent_id: row.agent_id.clone(),
            name: row.name.clone(),
            description: row.description.clone(),
            language: row.language,
            is_active: active.is_some(),
            version: row.version,
            active_version: active.map(|(version, _)| version),
            review,
            stale_policy: active.is_some_and(|(_, is_stale)| is_stale),
            created_at: row.created_at.clone(),
            updated_at: row.updated_at.clone(),
        })
    }

    /// A function with the code of one version.
    pub(super) async fn in_full(&self, books: &mut Books<'_>, row: &FunctionRow, version: u64) -> Result<FunctionInFull> {
        let shown = self.version(books, row, version).await?;
        let function = self.function(books, row).await?;
        let authors = self.authors(books, row, version).await?;
        let json = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(serde_json::from_slice::<Value>).transpose();
        let (input_schema, cases) = (json(&shown.input_schema), json(&shown.cases));
        Ok(FunctionInFull {
            function,
            source_sha256: digest(&shown.code),
            input_schema: input_schema.map_err(|error| RegistryError::tampered(error.to_string()))?,
            cases: cases.map_err(|error| RegistryError::tampered(error.to_string()))?,
            code: String::from_utf8(shown.code).map_err(|error| RegistryError::tampered(error.to_string()))?,
            authors,
        })
    }
}

/// The decisions about a function.
pub(super) fn course(books: &Books<'_>, row: &FunctionRow) -> Result<Course> {
    Ok(books.decisions().map_err(RegistryError::tampered)?.about(&row.function_id))
}

/// Numbers of versions and authors, as documents say them.
pub(super) type Authorship = Vec<(u64, String)>;

impl Inner {
    /// Those of whom the approver of `version` must be none: who wrote a version since the last valid
    /// approval, and that version itself.
    pub(super) async fn authors(&self, books: &mut Books<'_>, row: &FunctionRow, version: u64) -> Result<Vec<String>> {
        let course = course(books, row)?;
        let now = jiff::Timestamp::now();
        let valid = course.approval().filter(|approval| now < approval.predicate.expires_at);
        let since = valid.map_or(0, |approval| super::decisions::version_of(approval)).min(version.saturating_sub(1));
        let rows = sqlx::query(
            "SELECT version, document FROM versions WHERE tenant_id = $1 AND function_id = $2 AND version > $3 AND version <= $4 ORDER BY version",
        )
        .bind(row.tenant_id.clone())
        .bind(row.function_id.clone())
        .bind(super::books::number(since)?)
        .bind(super::books::number(version)?)
        .fetch_all(books.work.connection())
        .await?;
        let mut authorship = Authorship::new();
        for found in rows {
            let number = unsigned(found.try_get(0)?)?;
            let text: String = found.try_get(1)?;
            let handed_in: super::seal::Submission = self.library.key.open(&text).map_err(RegistryError::tampered)?;
            let is_it = handed_in.version == number && handed_in.function_id == row.function_id && handed_in.tenant_id == row.tenant_id;
            if !is_it {
                return Err(RegistryError::tampered(format!("version {number} of {} is another's", row.function_id)));
            }
            authorship.push((number, handed_in.author));
        }
        // None may be missing: it would hide an author.
        if !authorship.iter().map(|(number, _)| *number).eq(since + 1..=version) {
            return Err(RegistryError::tampered(format!("a version of {} is missing", row.function_id)));
        }
        let authors: std::collections::BTreeSet<String> = authorship.into_iter().map(|(_, author)| author).collect();
        Ok(authors.into_iter().collect())
    }
}
