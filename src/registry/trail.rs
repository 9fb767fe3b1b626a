//! The audit log of a store: reading it, verifying it, checkpoints of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sqlx::Row;
use std::sync::PoisonError;

use super::books::number;
use super::decisions::Decisions;
use super::error::{RegistryError, Result};
use super::page::{Page, PageRequest};
use super::rows::unsigned;
use super::seal::{Checkpoint, Head};
use super::store::{Scope, Store};
use super::{Caller, Inner, Registry, Role, SYSTEM_TENANT, now, written};
use crate::audit::{Entry, Event, FIRST_PREV_HASH, Function as About, Record};

/// Records that are read at once.
const BATCH: i64 = 500;

/// Most records of refusals that belong to no tenant, in one minute.
const SYSTEM_RECORDS_MAX: u32 = 60;

/// Which records are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this function, by id or name.
    pub function: Option<String>,
    /// Of this person.
    pub user: Option<String>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Of this event.
    pub event: Option<Event>,
    /// Only what succeeded, or only what failed.
    pub success: Option<bool>,
    /// Of another tenant than the caller's; for super-admins.
    pub tenant: Option<String>,
}

/// A tenant's chain that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Whose.
    pub tenant_id: String,
    /// How many records it has.
    pub records: u64,
    /// The hash of the last one.
    pub head: String,
    /// The first thing that is wrong with it.
    pub problem: Option<Break>,
}

/// Where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The record.
    pub seq: u64,
    /// What happened to it.
    pub message: String,
}

/// How many records of refusals that belong to no tenant were written in this minute.
#[derive(Debug, Default)]
pub(super) struct Rate {
    since: Option<Instant>,
    count: u32,
}

impl Rate {
    fn admits(&mut self) -> bool {
        if self.since.is_none_or(|since| since.elapsed() > Duration::from_secs(60)) {
            *self = Rate { since: Some(Instant::now()), count: 0 };
        }
        self.count += 1;
        self.count <= SYSTEM_RECORDS_MAX
    }
}

impl Registry {
    /// Records of the audit log, in order, for an admin of the tenant.
    ///
    /// # Errors
    /// Where the caller is none.
    pub async fn audit(&self, caller: &Caller, filter: AuditFilter, page: PageRequest) -> Result<Page<Record>> {
        let caller = caller.clone();
        self.detached(|inner| async move { inner.audit(&caller, &filter, &page).await }).await
    }

    /// Records that something was refused before it was known who asks, or for a reason that only the
    /// caller of the registry knows. Without a caller it goes to [`SYSTEM_TENANT`], so many a minute.
    ///
    /// # Errors
    /// Where it cannot be recorded.
    pub async fn record_refusal(&self, caller: Option<&Caller>, what: &str, reason: &str) -> Result<()> {
        let mut about = About { id: what.chars().take(200).collect(), tenant_id: SYSTEM_TENANT.to_owned(), ..About::default() };
        match caller {
            Some(caller) => {
                about.tenant_id = caller.tenant_id().to_owned();
                about.user_id = Some(caller.user_id().to_owned());
                about.agent_id = caller.agent_id().map(str::to_owned);
            }
            None if !self.inner.system_records.lock().unwrap_or_else(PoisonError::into_inner).admits() => return Ok(()),
            None => {}
        }
        let entry = Entry::new(Event::Refused, &about).failed(&format!("refused: {reason}"));
        self.detached(|inner| async move { inner.recorded(&about.tenant_id, entry).await }).await
    }

    /// Verifies the chains that the caller may see, an admin's own or a super-admin's all: every record
    /// and every decision, against the sealed heads, what was seen before, and a checkpoint.
    ///
    /// # Errors
    /// Where the caller is no admin, or the store does not answer.
    pub async fn verify_audit(&self, caller: &Caller, checkpoint: Option<&str>) -> Result<Vec<Checked>> {
        let (caller, checkpoint) = (caller.clone(), checkpoint.map(str::to_owned));
        self.detached(|inner| async move { inner.verify_audit(&caller, checkpoint.as_deref()).await }).await
    }

    /// The sealed heads of the chains that the caller may see, to be kept elsewhere.
    ///
    /// # Errors
    /// Where the caller is no admin, or a head is not as it was sealed.
    pub async fn checkpoint(&self, caller: &Caller) -> Result<String> {
        let caller = caller.clone();
        self.detached(|inner| async move { inner.checkpoint(&caller).await }).await
    }
}

impl Inner {
    async fn audit(&self, caller: &Caller, filter: &AuditFilter, page: &PageRequest) -> Result<Page<Record>> {
        let (limit, after) = (page.items()?, page.position::<u64>()?.unwrap_or_default());
        let tenant = filter.tenant.as_deref().unwrap_or(caller.tenant_id());
        let may_see = caller.is(Role::SuperAdmin) || caller.is(Role::Admin) && tenant == caller.tenant_id();
        if !may_see {
            return Err(self.forbidden(caller, "admins read the audit log of their tenant").await);
        }
        let texts = [&filter.function, &filter.user, &filter.tenant];
        if texts.iter().any(|text| text.as_deref().is_some_and(|text| text.contains('\0'))) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let mut books = self.library.read(tenant).await?;
        let rows = sqlx::query(
            "SELECT line FROM audit WHERE tenant_id = $1 AND seq > $2 \
             AND (CAST($3 AS TEXT) IS NULL OR function_id = $3 OR function_name = $3) \
             AND (CAST($4 AS TEXT) IS NULL OR user_id = $4) \
             AND (CAST($5 AS TEXT) IS NULL OR executed_at >= $5) \
             AND (CAST($6 AS TEXT) IS NULL OR executed_at < $6) \
             AND (CAST($7 AS TEXT) IS NULL OR event = $7) \
             AND (CAST($8 AS BIGINT) IS NULL OR success = $8) \
             ORDER BY seq LIMIT $9",
        )
        .bind(tenant.to_owned())
        .bind(number(after)?)
        .bind(filter.function.clone())
        .bind(filter.user.clone())
        .bind(filter.since.map(written))
        .bind(filter.until.map(written))
        .bind(filter.event.map(Event::name))
        .bind(filter.success.map(i64::from))
        .bind(limit as i64 + 1)
        .fetch_all(books.work.connection())
        .await?;
        let record = |row: &sqlx::any::AnyRow| {
            let line: String = row.try_get(0)?;
            Record::from_line(&line).map_err(RegistryError::tampered)
        };
        let records = rows.iter().map(record).collect::<Result<Vec<_>>>()?;
        Ok(Page::of(records, limit, |last| last.seq))
    }

    async fn verify_audit(&self, caller: &Caller, checkpoint: Option<&str>) -> Result<Vec<Checked>> {
        let kept = checkpoint.map(|text| self.library.key.open::<Checkpoint>(text.trim())).transpose();
        let kept = kept.map_err(|error| RegistryError::invalid("/checkpoint", error.to_string()))?;
        let mut kept: BTreeMap<String, Head> =
            kept.into_iter().flat_map(|kept| kept.heads).map(|head| (head.tenant_id.clone(), head)).collect();
        let mut tenants = self.visible_tenants(caller).await?;
        if caller.is(Role::SuperAdmin) {
            // A tenant whose head is gone is one whose records were removed.
            tenants.extend(kept.keys().cloned());
            tenants.sort();
            tenants.dedup();
        }
        let mut checked = Vec::new();
        for tenant in tenants {
            checked.push(self.verify_chain(&tenant, kept.remove(&tenant)).await?);
        }
        Ok(checked)
    }

    async fn checkpoint(&self, caller: &Caller) -> Result<String> {
        let mut heads = Vec::new();
        for tenant in self.visible_tenants(caller).await? {
            heads.push(self.library.read(&tenant).await?.head().clone());
        }
        self.library.key.seal(&Checkpoint { heads, taken_at: now() })
    }

    /// The tenants whose chains the caller may see.
    pub(super) async fn visible_tenants(&self, caller: &Caller) -> Result<Vec<String>> {
        if !caller.is(Role::Admin) {
            return Err(self.forbidden(caller, "admins verify the audit log and the approvals of their tenant").await);
        }
        if !caller.is(Role::SuperAdmin) {
            return Ok(vec![caller.tenant_id().to_owned()]);
        }
        let mut work = self.library.store.read(Scope::Every).await?;
        let sql = "SELECT tenant_id FROM heads UNION SELECT tenant_id FROM audit ORDER BY tenant_id";
        let rows = sqlx::query(sql).fetch_all(work.connection()).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    async fn verify_chain(&self, tenant: &str, kept: Option<Head>) -> Result<Checked> {
        let mut checked = Checked { tenant_id: tenant.to_owned(), records: 0, head: FIRST_PREV_HASH.to_owned(), problem: None };
        let mut books = match self.library.read(tenant).await {
            Ok(books) => Some(books),
            Err(error) if error.is_tampered() => {
                checked.problem = Some(Break { seq: 0, message: error.to_string() });
                None
            }
            Err(error) => return Err(error),
        };
        let head = books.as_ref().map(|books| books.head().clone());
        let mut alone = match &books {
            Some(_) => None,
            None => Some(self.library.store.read(Scope::Tenant(tenant)).await?),
        };
        while let Some(work) = books.as_mut().map(|books| &mut books.work).or(alone.as_mut()) {
            let sql = "SELECT seq, event, function_id, function_name, version, user_id, executed_at, success, line FROM audit \
                       WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
            let query = sqlx::query(sql).bind(tenant.to_owned()).bind(number(checked.records)?).bind(BATCH);
            let rows = query.fetch_all(work.connection()).await?;
            for row in &rows {
                if let Err(found) = follows(row, &checked, kept.as_ref())? {
                    checked.problem = Some(found);
                    return Ok(checked);
                }
                checked.records += 1;
                checked.head = Record::from_line(row.try_get(8)?).map_err(RegistryError::tampered)?.hash;
            }
            if (rows.len() as i64) < BATCH {
                break;
            }
        }
        if let Some(kept) = kept.filter(|kept| kept.seq > checked.records) {
            let message = format!("record {} of {tenant} was removed: the checkpoint knows {} records", checked.records + 1, kept.seq);
            checked.problem = Some(Break { seq: checked.records + 1, message });
        } else if let (Some(head), None) = (&head, &checked.problem) {
            checked.problem = ends_as(head, &checked);
        }
        if let (Some(books), None) = (&books, &checked.problem)
            && let Err(broken) = books.decisions().map(Decisions::count)
        {
            checked.problem = Some(Break { seq: checked.records, message: broken.to_string() });
        }
        if let (Some(books), None) = (&mut books, &checked.problem) {
            checked.problem = books.missing_intent().await?.map(|message| Break { seq: checked.records, message });
        }
        Ok(checked)
    }
}

/// Whether a row is the record that comes next, and its columns say what it says.
fn follows(row: &sqlx::any::AnyRow, before: &Checked, kept: Option<&Head>) -> Result<std::result::Result<(), Break>> {
    let (tenant, expected) = (&before.tenant_id, before.records + 1);
    let seq = unsigned(row.try_get(0)?)?;
    let broken = |seq, what: &str| Ok(Err(Break { seq, message: format!("record {seq} of {tenant} {what}") }));
    if seq != expected {
        return broken(expected, &format!("was removed: record {seq} stands in its place"));
    }
    let line: String = row.try_get(8)?;
    let Ok(record) = Record::from_line(&line) else { return broken(seq, "was changed: it is no record") };
    let entry = &record.entry;
    if record.hash != record.computed_hash() {
        return broken(seq, "was changed: its content does not have its hash");
    }
    if record.seq != seq || entry.tenant_id != *tenant {
        return broken(seq, &format!("was reordered: it is record {} of {}", record.seq, entry.tenant_id));
    }
    if record.prev_hash != before.head {
        return broken(seq.saturating_sub(1).max(1), "was changed: the next one was written after another one");
    }
    let columns = (
        row.try_get::<String, _>(1)?,
        row.try_get::<String, _>(2)?,
        row.try_get::<String, _>(3)?,
        row.try_get::<Option<i64>, _>(4)?,
        row.try_get::<Option<String>, _>(5)?,
        row.try_get::<String, _>(6)?,
        row.try_get::<i64, _>(7)?,
    );
    let says = (
        entry.event.name().to_owned(),
        super::books::shown(&entry.function_id),
        super::books::shown(&entry.function_name),
        entry.version.map(number).transpose()?,
        entry.user_id.as_deref().map(super::books::shown),
        entry.executed_at.clone(),
        i64::from(entry.success),
    );
    if columns != says {
        return broken(seq, "was changed: it would be found by what it does not say");
    }
    match kept {
        Some(kept) if kept.seq == seq && kept.hash != record.hash => broken(seq, "is not the one that the checkpoint knows"),
        _ => Ok(Ok(())),
    }
}

/// Whether a chain ends as its sealed head says.
fn ends_as(head: &Head, checked: &Checked) -> Option<Break> {
    let tenant = &checked.tenant_id;
    let (seq, message) = match checked.records {
        records if records < head.seq => {
            (records + 1, format!("record {} of {tenant} was removed: the sealed head knows {} records", records + 1, head.seq))
        }
        records if records > head.seq => {
            (head.seq + 1, format!("record {} of {tenant} was added: the sealed head does not know it", head.seq + 1))
        }
        records if checked.head != head.hash => {
            (records, format!("record {records} of {tenant} is not the one that the sealed head knows"))
        }
        _ => return None,
    };
    Some(Break { seq, message })
}

/// Whether anything was ever sealed in the store.
pub(super) async fn has_heads(store: &Store) -> Result<bool> {
    let mut work = store.read(Scope::Every).await?;
    Ok(sqlx::query("SELECT tenant_id FROM heads LIMIT 1").fetch_optional(work.connection()).await?.is_some())
}
