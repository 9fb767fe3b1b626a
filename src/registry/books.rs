//! A tenant's books in one transaction: the chain of its records, and its decisions.
//!
//! They are opened only where the sealed head is the one that was written last, as far as is known
//! here. A call records what it does in the same transaction that does it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::Row;

use super::decisions::Decisions;
use super::error::{RegistryError, Result};
use super::seal::{Broken, Checkpoint, Head, SealKey};
use super::store::{Scope, Store, Work};
use super::witness::{Seen, Witness};
use crate::approval::digest;
use crate::audit::{Entry, FIRST_PREV_HASH, Record};

/// Where the books of all tenants are.
#[derive(Debug)]
pub(super) struct Library {
    pub store: Store,
    pub key: SealKey,
    witness: Witness,
    /// Decisions that were read and checked already, by tenant.
    known: Mutex<HashMap<String, Arc<Decisions>>>,
}

/// One tenant's, open.
pub(super) struct Books<'a> {
    library: &'a Library,
    pub work: Work,
    pub tenant_id: String,
    head: Head,
    /// What was decided, or why that cannot be known.
    decisions: std::result::Result<Arc<Decisions>, Broken>,
    /// Whether the head changed.
    is_written: bool,
    /// Whether something was added that must not be forgotten.
    is_decided: bool,
}

impl Library {
    /// The books in `store`, sealed with `key`.
    pub fn new(store: Store, key: SealKey, witness: Witness) -> Library {
        Library { store, key, witness, known: Mutex::default() }
    }

    /// Opens a tenant's books to read them.
    pub async fn read(&self, tenant_id: &str) -> Result<Books<'_>> {
        let seen = self.seen(tenant_id)?;
        let mut work = self.store.read(Scope::Tenant(tenant_id)).await?;
        let text = head_text(&mut work, tenant_id, false).await?;
        self.open(work, tenant_id, text, seen).await
    }

    /// Opens a tenant's books to write in them. Nobody else does so meanwhile.
    pub async fn write(&self, tenant_id: &str) -> Result<Books<'_>> {
        let seen = self.seen(tenant_id)?;
        let mut work = self.store.write(Scope::Tenant(tenant_id)).await?;
        let mut text = head_text(&mut work, tenant_id, true).await?;
        if text.is_none() {
            let first = self.key.seal(&Head::first(tenant_id))?;
            sqlx::query("INSERT INTO heads (tenant_id, document) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(tenant_id.to_owned())
                .bind(first)
                .execute(work.connection())
                .await?;
            text = head_text(&mut work, tenant_id, true).await?;
        }
        self.open(work, tenant_id, text, seen).await
    }

    /// Takes heads that were kept elsewhere as seen: no chain may end before them.
    pub fn expect(&self, checkpoint: &str) -> Result<()> {
        let kept: Checkpoint =
            self.key.open(checkpoint.trim()).map_err(|error| RegistryError::Unavailable(format!("checkpoint: {error}")))?;
        let noted = kept.heads.iter().try_for_each(|head| {
            // What was seen here before is not forgotten for it.
            self.witness.last(&head.tenant_id)?;
            self.witness.note(head, true)
        });
        noted.map_err(|error| RegistryError::Unavailable(format!("seen records: {error}")))
    }

    fn seen(&self, tenant_id: &str) -> Result<Option<Seen>> {
        self.witness.last(tenant_id).map_err(|error| RegistryError::Unavailable(error.to_string()))
    }

    async fn open(&self, work: Work, tenant_id: &str, text: Option<String>, seen: Option<Seen>) -> Result<Books<'_>> {
        let tampered = |reason: &dyn std::fmt::Display| RegistryError::tampered(format!("tenant {tenant_id}: {reason}"));
        let head = match text {
            Some(text) => self.key.open::<Head>(&text).map_err(|error| tampered(&format!("head: {error}")))?,
            None => Head::first(tenant_id),
        };
        if head.tenant_id != tenant_id {
            return Err(tampered(&"its head is another tenant's"));
        }
        let mut books = Books {
            library: self,
            work,
            tenant_id: tenant_id.to_owned(),
            head,
            decisions: Ok(Arc::default()),
            is_written: false,
            is_decided: false,
        };
        if let Some(seen) = seen {
            books.check_seen(&seen).await?.map_err(|reason| tampered(&reason))?;
        }
        books.decisions = books.load_decisions().await?;
        Ok(books)
    }
}

impl Head {
    fn first(tenant_id: &str) -> Head {
        Head {
            tenant_id: tenant_id.to_owned(),
            seq: 0,
            hash: FIRST_PREV_HASH.to_owned(),
            decisions: 0,
            decisions_hash: FIRST_PREV_HASH.to_owned(),
            begun: 0,
            open: BTreeMap::new(),
        }
    }
}

/// The sealed head; `to_write` keeps others from writing until the transaction ends.
async fn head_text(work: &mut Work, tenant_id: &str, to_write: bool) -> Result<Option<String>> {
    // SQLite was locked as a whole when the transaction began.
    let sql = if to_write && work.is_postgres() {
        "SELECT document FROM heads WHERE tenant_id = $1 FOR UPDATE"
    } else {
        "SELECT document FROM heads WHERE tenant_id = $1"
    };
    let row = sqlx::query(sql).bind(tenant_id.to_owned()).fetch_optional(work.connection()).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

impl<'a> Books<'a> {
    /// Where the books are.
    pub fn library(&self) -> &'a Library {
        self.library
    }

    /// The end of the chain.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What was decided.
    pub fn decisions(&self) -> std::result::Result<&Decisions, Broken> {
        self.decisions.as_deref().map_err(Broken::clone)
    }

    /// Whether the chain still has the record that was seen last.
    async fn check_seen(&mut self, seen: &Seen) -> Result<std::result::Result<(), String>> {
        let memory = self.library.witness.place();
        let on_purpose = format!("an old copy was put back, or records were removed (where that was on purpose, remove {memory})");
        if self.head.seq < seen.seq {
            let (end, seen) = (self.head.seq, seen.seq);
            return Ok(Err(format!("it ends with record {end}, but record {seen} was seen; {on_purpose}")));
        }
        if self.head.begun < seen.begun {
            return Ok(Err(format!("it does not know of a call that was seen to begin; {on_purpose}")));
        }
        if self.head.seq == seen.seq && self.head.hash == seen.hash {
            return Ok(Ok(()));
        }
        let line = self.line(seen.seq).await?;
        let same = line.is_some_and(|line| Record::from_line(&line).is_ok_and(|record| record.hash == seen.hash && record.seq == seen.seq));
        Ok(if same || seen.seq == 0 { Ok(()) } else { Err(format!("record {} is not the one that was seen", seen.seq)) })
    }

    async fn line(&mut self, seq: u64) -> Result<Option<String>> {
        let row = sqlx::query("SELECT line FROM audit WHERE tenant_id = $1 AND seq = $2")
            .bind(self.tenant_id.clone())
            .bind(number(seq)?)
            .fetch_optional(self.work.connection())
            .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// The decisions that the head speaks of: those that are known, and those that were added since.
    async fn load_decisions(&mut self) -> Result<std::result::Result<Arc<Decisions>, Broken>> {
        let known = self.library.known.lock().unwrap_or_else(PoisonError::into_inner).get(&self.tenant_id).cloned();
        if let Some(known) = &known
            && known.begins_with(&self.head)
        {
            return Ok(Ok(known.clone()));
        }
        let known = known.filter(|known| known.count() < self.head.decisions);
        let mut decisions = known.map_or_else(|| Decisions::of(&self.tenant_id), Arc::unwrap_or_clone);
        let rows =
            sqlx::query("SELECT number, document FROM decisions WHERE tenant_id = $1 AND number > $2 AND number <= $3 ORDER BY number")
                .bind(self.tenant_id.clone())
                .bind(number(decisions.count())?)
                .bind(number(self.head.decisions)?)
                .fetch_all(self.work.connection())
                .await?;
        for row in rows {
            let document: String = row.try_get(1)?;
            if row.try_get::<i64, _>(0)? != number(decisions.count() + 1)? {
                break;
            }
            if let Err(broken) = decisions.add(&document, &self.library.key) {
                return Ok(Err(broken));
            }
        }
        if decisions.count() != self.head.decisions || !decisions.begins_with(&self.head) {
            let count = decisions.count() + 1;
            return Ok(Err(Broken(format!("decision {count} of {} or one before it was removed or changed", self.tenant_id))));
        }
        let decisions = Arc::new(decisions);
        self.keep(&decisions);
        Ok(Ok(decisions))
    }

    fn keep(&self, decisions: &Arc<Decisions>) {
        let mut known = self.library.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(self.tenant_id.clone(), decisions.clone());
    }

    /// Appends a record to the chain.
    pub async fn append(&mut self, entry: Entry) -> Result<Record> {
        let record = Record::after(entry, Some((self.head.seq, self.head.hash.as_str())));
        let entry = &record.entry;
        if entry.tenant_id != self.tenant_id {
            return Err(RegistryError::Unavailable(format!("a record of {} does not belong to {}", entry.tenant_id, self.tenant_id)));
        }
        sqlx::query(
            "INSERT INTO audit (tenant_id, seq, event, function_id, function_name, version, user_id, executed_at, success, line) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(self.tenant_id.clone())
        .bind(number(record.seq)?)
        .bind(entry.event.name())
        .bind(shown(&entry.function_id))
        .bind(shown(&entry.function_name))
        .bind(entry.version.map(number).transpose()?)
        .bind(entry.user_id.as_deref().map(shown))
        .bind(entry.executed_at.clone())
        .bind(i64::from(entry.success))
        .bind(record.to_line())
        .execute(self.work.connection())
        .await?;
        self.head.seq = record.seq;
        self.head.hash.clone_from(&record.hash);
        self.is_written = true;
        Ok(record)
    }

    /// Notes in the head that something begins, whose intent is `document`.
    pub fn open_intent(&mut self, id: &str, document: &str) {
        self.head.begun += 1;
        self.head.open.insert(id.to_owned(), digest(document.as_bytes()));
        self.is_written = true;
    }

    /// Whether that began and was not finished yet; it is from now on.
    pub fn close_intent(&mut self, id: &str) -> bool {
        self.head.open.remove(id).is_some()
    }

    /// Whether exactly that began and is not finished yet.
    pub fn is_open(&self, id: &str, document: &str) -> bool {
        self.head.open.get(id) == Some(&digest(document.as_bytes()))
    }

    /// Adds a sealed decision.
    pub async fn decide(&mut self, document: String) -> Result<()> {
        let mut decisions = self.decisions().map_err(RegistryError::tampered)?.clone();
        if decisions.count() != self.head.decisions {
            return Err(RegistryError::Unavailable("the decisions go on behind the head".to_owned()));
        }
        decisions.add(&document, &self.library.key).map_err(RegistryError::tampered)?;
        sqlx::query("INSERT INTO decisions (tenant_id, number, document) VALUES ($1, $2, $3)")
            .bind(self.tenant_id.clone())
            .bind(number(decisions.count())?)
            .bind(document)
            .execute(self.work.connection())
            .await?;
        self.head.decisions = decisions.count();
        decisions.hash().clone_into(&mut self.head.decisions_hash);
        self.decisions = Ok(Arc::new(decisions));
        self.is_written = true;
        self.is_decided = true;
        Ok(())
    }

    /// Makes everything durable, sealed.
    pub async fn commit(mut self) -> Result<()> {
        if self.is_written {
            let sealed = self.library.key.seal(&self.head)?;
            sqlx::query("UPDATE heads SET document = $2 WHERE tenant_id = $1")
                .bind(self.tenant_id.clone())
                .bind(sealed)
                .execute(self.work.connection())
                .await?;
        }
        let Books { library, work, head, decisions, is_written, is_decided, .. } = self;
        work.commit().await?;
        if is_decided && let Ok(decisions) = &decisions {
            let mut known = library.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(head.tenant_id.clone(), decisions.clone());
        }
        if is_written {
            library.witness.note(&head, is_decided).map_err(|error| RegistryError::Unavailable(format!("seen records: {error}")))?;
        }
        Ok(())
    }
}

/// A number as databases have them.
pub(super) fn number(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| RegistryError::Unavailable("a number is too large".to_owned()))
}

/// Text as every database takes it.
pub(super) fn shown(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
