//! What is about to happen: noted before it does, outside the chain, and cleared by the record of
//! its outcome. What nobody will finish any more is recorded as interrupted.
//!
//! The sealed head of the chain knows every intent that is open, so that none is taken away, changed
//! or put back unseen. An intent names the process that it belongs to, which holds a lock while it lives: with SQLite
//! on a file beside the store, with PostgreSQL on a number, by a connection of its own.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, Connection, Row};

use super::books::Books;
use super::error::{RegistryError, Result};
use super::seal::Sealed;
use super::store::{Scope, Store, StoreUrl};
use super::{Inner, random_hex};
use crate::audit::log::INTERRUPTED;
use crate::audit::{Entry, Record};

/// This process, as intents name it.
#[derive(Debug)]
pub(super) struct Owner {
    name: String,
    /// Intents of this process that could not be finished: they are recorded as interrupted as soon
    /// as the store answers again.
    failed: Mutex<Vec<String>>,
    lock: Lock,
}

#[derive(Debug)]
enum Lock {
    /// Held while the file is open.
    File { path: PathBuf, _file: File },
    /// Held while the connection lives.
    Connection(tokio::sync::Mutex<AnyConnection>),
}

impl Sealed for Entry {
    const TYPE: &'static str = "application/vnd.fnvet.intent+json";
}

/// Something that is about to happen.
#[must_use = "an intent that nobody finishes is recorded as interrupted"]
pub(super) struct Intent {
    id: String,
}

impl Owner {
    /// A new process.
    pub async fn new(store: &Store) -> Result<Owner> {
        let name = random_hex(8)?;
        let lock = match store.url() {
            StoreUrl::Sqlite(path) => {
                let path = lock_path(path, &name);
                let file = held(&path).map_err(|error| RegistryError::Unavailable(format!("{}: {error}", path.display())))?;
                Lock::File { path, _file: file }
            }
            StoreUrl::Postgres(_) => Lock::Connection(tokio::sync::Mutex::new(locked(store, &name).await?)),
        };
        Ok(Owner { name, failed: Mutex::default(), lock })
    }

    /// Holds the lock again where the connection that held it is gone.
    async fn hold(&self, store: &Store) -> Result<()> {
        let Lock::Connection(connection) = &self.lock else { return Ok(()) };
        let mut connection = connection.lock().await;
        if connection.ping().await.is_err() {
            *connection = locked(store, &self.name).await?;
        }
        Ok(())
    }

    /// Whether the process `name` is gone.
    async fn is_gone(&self, store: &Store, name: &str) -> Result<bool> {
        if name == self.name {
            return Ok(false);
        }
        match (&self.lock, store.url()) {
            (Lock::Connection(connection), _) => {
                let mut connection = connection.lock().await;
                let row = sqlx::query("SELECT pg_try_advisory_lock($1)").bind(lock_number(name)).fetch_one(&mut *connection).await?;
                let is_gone: bool = row.try_get(0)?;
                if is_gone {
                    sqlx::query("SELECT pg_advisory_unlock($1)").bind(lock_number(name)).fetch_one(&mut *connection).await?;
                }
                Ok(is_gone)
            }
            (Lock::File { .. }, StoreUrl::Sqlite(path)) => {
                let path = lock_path(path, name);
                let Ok(file) = open_lock(&path, false) else { return Ok(!path.exists()) };
                match file.try_lock() {
                    Ok(()) => Ok(true),
                    Err(TryLockError::WouldBlock) => Ok(false),
                    Err(TryLockError::Error(error)) => Err(RegistryError::Unavailable(format!("{}: {error}", path.display()))),
                }
            }
            (Lock::File { .. }, StoreUrl::Postgres(_)) => Ok(false),
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Lock::File { path, .. } = &self.lock {
            // What stays behind is removed by whoever opens the store next.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A connection that holds the lock of the process `name`.
async fn locked(store: &Store, name: &str) -> Result<AnyConnection> {
    let mut connection = store.connect().await?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(lock_number(name)).fetch_one(&mut connection).await?;
    Ok(connection)
}

fn lock_number(name: &str) -> i64 {
    let digest = Sha256::digest(format!("fnvet owner {name}"));
    i64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
}

fn lock_path(store: &Path, name: &str) -> PathBuf {
    // What a row says is not trusted to be a name.
    let name = if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) { name } else { "none" };
    let mut path = store.as_os_str().to_owned();
    path.push(format!("-owner-{name}"));
    PathBuf::from(path)
}

/// The lock file, held, and not removed by somebody who found it before it was.
fn held(path: &Path) -> std::io::Result<File> {
    loop {
        let file = open_lock(path, true)?;
        file.lock()?;
        if path.exists() {
            return Ok(file);
        }
    }
}

fn open_lock(path: &Path, create: bool) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(create).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    options.open(path)
}

impl Books<'_> {
    /// Notes that something is about to happen; `entry` is what will be recorded if nobody finishes it.
    pub async fn begin(&mut self, entry: Entry, owner: &Owner) -> Result<Intent> {
        let id = random_hex(16)?;
        let document = self.library().key.seal(&entry.failed(INTERRUPTED))?;
        self.open_intent(&id, &document);
        sqlx::query("INSERT INTO intents (intent_id, tenant_id, owner, document) VALUES ($1, $2, $3, $4)")
            .bind(id.clone())
            .bind(self.tenant_id.clone())
            .bind(owner.name.clone())
            .bind(document)
            .execute(self.work.connection())
            .await?;
        Ok(Intent { id })
    }

    /// Appends the one record of something that was begun, and clears its intent.
    ///
    /// # Errors
    /// Also where somebody recorded it as interrupted meanwhile.
    pub async fn finish(&mut self, intent: &Intent, entry: Entry) -> Result<Record> {
        if !self.close_intent(&intent.id) {
            return Err(RegistryError::Unavailable("the call was recorded as interrupted before it ended".to_owned()));
        }
        // The head says that it is open; whether its row is still there changes nothing about that.
        sqlx::query("DELETE FROM intents WHERE tenant_id = $1 AND intent_id = $2")
            .bind(self.tenant_id.clone())
            .bind(intent.id.clone())
            .execute(self.work.connection())
            .await?;
        self.append(entry).await
    }

    /// What is wrong with the intents that the head knows: one that is gone hides how a call ended.
    pub async fn missing_intent(&mut self) -> Result<Option<String>> {
        let sql = "SELECT intent_id, document FROM intents WHERE tenant_id = $1";
        let rows = sqlx::query(sql).bind(self.tenant_id.clone()).fetch_all(self.work.connection()).await?;
        let mut there = HashSet::new();
        for row in rows {
            let (id, document): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            if self.is_open(&id, &document) {
                there.insert(id);
            }
        }
        let missing = self.head().open.keys().find(|id| !there.contains(*id));
        Ok(missing.map(|id| format!("intent {id} of {} was removed or changed: a call began whose end is not recorded", self.tenant_id)))
    }
}

impl Inner {
    /// Finishes an intent, all in one transaction. Where that fails, it will be recorded as interrupted.
    pub(super) async fn finish(&self, tenant_id: &str, intent: Intent, entry: Entry) -> Result<Record> {
        let finished = async {
            let mut books = self.library.write(tenant_id).await?;
            let record = books.finish(&intent, entry).await?;
            books.commit().await?;
            Ok(record)
        }
        .await;
        if finished.is_err() {
            self.owner.failed.lock().unwrap_or_else(PoisonError::into_inner).push(intent.id);
        }
        finished
    }

    /// Records as interrupted what nobody will finish any more.
    pub(super) async fn close_abandoned(&self) -> Result<()> {
        let store = &self.library.store;
        self.owner.hold(store).await?;
        let failed = self.owner.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut work = store.read(Scope::Every).await?;
        let rows = sqlx::query("SELECT intent_id, tenant_id, owner FROM intents ORDER BY owner").fetch_all(work.connection()).await?;
        drop(work);
        let mut gone: Option<(String, bool)> = None;
        let mut tampered = None;
        for row in rows {
            let (id, tenant_id, owner): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let is_gone = match &gone {
                Some((name, is_gone)) if *name == owner => *is_gone,
                _ => self.owner.is_gone(store, &owner).await?,
            };
            gone = Some((owner, is_gone));
            if is_gone || failed.contains(&id) {
                match self.interrupted(&tenant_id, &id).await {
                    // Whoever changed one tenant's rows keeps nobody else's from being closed.
                    Err(error) if error.is_tampered() => tampered = Some(error),
                    other => other?,
                }
            }
        }
        self.owner.failed.lock().unwrap_or_else(PoisonError::into_inner).retain(|id| !failed.contains(id));
        remove_locks(store.url());
        tampered.map_or(Ok(()), Err)
    }

    async fn interrupted(&self, tenant_id: &str, id: &str) -> Result<()> {
        let mut books = self.library.write(tenant_id).await?;
        let row = sqlx::query("SELECT document FROM intents WHERE tenant_id = $1 AND intent_id = $2")
            .bind(tenant_id.to_owned())
            .bind(id.to_owned())
            .fetch_optional(books.work.connection())
            .await?;
        let Some(row) = row else { return Ok(()) };
        let document: String = row.try_get(0)?;
        let tampered = |error: &dyn std::fmt::Display| RegistryError::tampered(format!("intent {id} of {tenant_id}: {error}"));
        if !books.is_open(id, &document) {
            return Err(tampered(&"it was changed, or put back after its end"));
        }
        let entry: Entry = self.library.key.open(&document).map_err(|error| tampered(&error))?;
        books.finish(&Intent { id: id.to_owned() }, entry.failed(INTERRUPTED)).await?;
        books.commit().await
    }
}

/// Removes the lock files of processes that are gone.
fn remove_locks(url: &StoreUrl) {
    let StoreUrl::Sqlite(store) = url else { return };
    let (Some(folder), Some(name)) = (store.parent(), store.file_name()) else { return };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let prefix = format!("{}-owner-", name.to_string_lossy());
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix)
            && open_lock(&entry.path(), false).is_ok_and(|file| file.try_lock().is_ok())
        {
            // One that cannot be removed is in nobody's way.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
