//! The registry: functions in a store, reviewed by a second person, run only as they were approved,
//! every call recorded.
//!
//! [`Registry`] is the one service that the command line and the HTTP API call; neither has rules of
//! its own. A client opens it once, hands every method the [`Caller`] that a token names, and maps
//! [`RegistryError::problem`] to its own statuses:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use fnvet::identity::{Caller, Role};
//! use fnvet::registry::{Approval, Draft, Options, Registry, StoreUrl};
//!
//! let folder = std::env::current_dir()?;
//! let options = Options::new(StoreUrl::parse("fnvet.db", &folder)?, folder.join("fnvet.seal.key"));
//! let registry = Registry::open(options).await?;
//! let author = Caller::new("tenant_acme", "ann", None, [Role::Author])?;
//! let approver = Caller::new("tenant_acme", "bob", None, [Role::Approver])?;
//! let agent = Caller::new("tenant_acme", "mary", Some("agent_hr_01"), [])?;
//!
//! let draft: Draft = serde_json::from_str(r#"{"name": "answer", "code": "function execute() { return 42; }"}"#)?;
//! let created = registry.create(&author, draft, None).await?;
//! let id = &created.function.function_id;
//! let read = registry.read(&approver, id, None).await?;
//! let wish = Approval { version: Some(read.function.version), ..Approval::default() };
//! registry.approve(&approver, id, wish, None).await?;
//! let executed = registry.execute(&agent, id, serde_json::json!({})).await?;
//! assert_eq!(executed.result, Some(42.into()));
//! registry.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! - **It is a handle**: clones share everything. A call that was begun is carried out and recorded
//!   even if whoever awaits it goes away; [`Registry::close`] waits for all of them.
//! - **Versions** are what an `ETag` and an `If-Match` hold. [`Registry::update`] takes the version
//!   that its author saw, [`Approval::version`] is the one that is approved.
//! - **An [`IdempotencyKey`]** makes a repeated [`Registry::create`] or [`Registry::approve`] give
//!   the first answer again.
//! - **Pages** go on at the opaque [`Page::next`].
//! - **Refusals** by [`Registry`] are recorded by it. What is refused before a caller is known is
//!   recorded by [`Registry::record_refusal`].
//! - **What dead replicas left open** is closed when a registry is opened, and every half minute.
//!
//! The database is not trusted. What is active follows from sealed decisions (`decisions`), whose
//! number and hash stand in a sealed head (`books`), which may not fall behind what was seen before
//! (`witness`); the bytes that run are hashed and judged again (`standing`).

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::RwLock;

use crate::approval::Policy;
use crate::audit::{Entry, Event, Function as About};
use crate::config::Settings;
pub use crate::identity::{Caller, Role};
use crate::sandbox::IsolationOptions;

mod books;
mod decisions;
mod error;
mod execute;
mod function;
mod intents;
mod page;
mod read;
mod review;
mod rows;
mod seal;
mod standing;
mod store;
mod trail;
mod witness;

use books::{Books, Library};
pub use error::{RegistryError, Result, Violation};
pub use function::{
    Approval, Approved, Callable, DecisionSummary, Draft, Executed, Function, FunctionInFull, Review, Revision, Version, WaiverWish,
};
use intents::Owner;
pub use page::{Page, PageRequest};
pub use review::IdempotencyKey;
use rows::FunctionRow;
pub use seal::{FILE_NAME as SEAL_KEY_FILE_NAME, SealKey};
use standing::Judgements;
pub use standing::Verified;
pub use store::{FILE_NAME as STORE_FILE_NAME, StoreUrl};
pub use trail::{AuditFilter, Break, Checked};
use witness::Witness;

/// The tenant of the records that belong to none.
pub const SYSTEM_TENANT: &str = "_system";

/// How often what dead replicas left open is closed.
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(30);

/// How a registry is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The store.
    pub store: StoreUrl,
    /// The key that seals, an OpenSSH private key of type Ed25519. It is made where it is missing
    /// and the store is an SQLite file without records.
    pub seal_key: PathBuf,
    /// What the operator trusts: levels of rules, limits.
    pub policy: Policy,
    /// How workers are started.
    pub isolation: IsolationOptions,
    /// [`Registry::checkpoint`] of before, kept elsewhere: a store that is older is not used.
    pub checkpoint: Option<String>,
}

impl Options {
    /// The defaults of everything else.
    pub fn new(store: StoreUrl, seal_key: PathBuf) -> Options {
        Options { store, seal_key, policy: Policy::default(), isolation: IsolationOptions::default(), checkpoint: None }
    }
}

/// The registry; clones are the same one.
#[derive(Clone, Debug)]
pub struct Registry {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    library: Library,
    settings: Arc<Settings>,
    isolation: IsolationOptions,
    judgements: Judgements,
    owner: Owner,
    /// Functions about which somebody decides right now: others wait, and then find it decided.
    deciding: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    /// Held by every call; closing waits for all.
    open: Arc<RwLock<()>>,
    system_records: Mutex<trail::Rate>,
    notices: Vec<String>,
}

impl Registry {
    /// Opens the store, makes what is missing, and records what was interrupted.
    ///
    /// # Errors
    /// Where the store or the key cannot be used.
    pub async fn open(options: Options) -> Result<Registry> {
        let store = store::Store::open(&options.store).await?;
        let key = seal_key(&store, &options.seal_key).await?;
        let (witness, notice) = Witness::beside(&options.seal_key);
        let owner = Owner::new(&store).await?;
        let library = Library::new(store, key, witness);
        if let Some(checkpoint) = &options.checkpoint {
            library.expect(checkpoint)?;
        }
        let inner = Inner {
            library,
            settings: Arc::new(options.policy.settings()),
            isolation: options.isolation,
            judgements: Judgements::default(),
            owner,
            deciding: Mutex::default(),
            open: Arc::default(),
            system_records: Mutex::default(),
            notices: notice.into_iter().collect(),
        };
        let mut inner = Arc::new(inner);
        match inner.maintain().await {
            Err(error) if error.is_tampered() => {
                let notices = Arc::get_mut(&mut inner).map(|inner| &mut inner.notices);
                notices.into_iter().for_each(|notices| notices.push(error.to_string()));
            }
            other => other?,
        }
        tokio::spawn(keep_maintained(Arc::downgrade(&inner)));
        Ok(Registry { inner })
    }

    /// What a person should know about opening it.
    pub fn notices(&self) -> &[String] {
        &self.inner.notices
    }

    /// The settings of the gate.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn ready(&self) -> Result<()> {
        self.inner.library.read(SYSTEM_TENANT).await.map(drop)
    }

    /// Closes what processes that are gone left open, and forgets old idempotency keys.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn maintain(&self) -> Result<()> {
        self.detached(|inner| async move { inner.maintain().await }).await
    }

    /// Waits until every call that was begun is over, and closes the store.
    pub async fn close(&self) {
        let _all = self.inner.open.write().await;
        self.inner.library.store.close().await;
    }

    /// Carries `work` out to its end, whether or not anybody still waits for it.
    async fn detached<T: Send + 'static, F: Future<Output = Result<T>> + Send + 'static>(
        &self,
        work: impl FnOnce(Arc<Inner>) -> F,
    ) -> Result<T> {
        let open = self.inner.open.clone().read_owned().await;
        let work = work(self.inner.clone());
        let task = tokio::spawn(async move {
            let done = work.await;
            drop(open);
            done
        });
        task.await.unwrap_or_else(|error| Err(RegistryError::Unavailable(format!("internal failure: {error}"))))
    }
}

/// Closes what dead replicas left open, for as long as the registry is open. Where the store does not
/// answer, the next time will do.
async fn keep_maintained(inner: Weak<Inner>) {
    loop {
        tokio::time::sleep(MAINTENANCE_INTERVAL).await;
        let Some(inner) = inner.upgrade().filter(|inner| !inner.library.store.is_closed()) else { return };
        let _open = inner.open.clone().read_owned().await;
        if let Err(error) = inner.maintain().await {
            tracing::warn!(%error, "maintenance failed");
        }
    }
}

impl Inner {
    async fn maintain(&self) -> Result<()> {
        self.close_abandoned().await?;
        self.forget_requests().await
    }

    /// Records that something was refused, and gives the refusal back; where it cannot be recorded,
    /// that is the error.
    async fn refused(&self, about: &About, error: RegistryError) -> RegistryError {
        let entry = Entry::new(Event::Refused, about).failed(&format!("refused: {error}"));
        match self.recorded(&about.tenant_id, entry).await {
            Ok(()) => error,
            Err(unavailable) => unavailable,
        }
    }

    /// Appends one record.
    async fn recorded(&self, tenant_id: &str, entry: Entry) -> Result<()> {
        let mut books = self.library.write(tenant_id).await?;
        books.append(entry).await?;
        books.commit().await
    }

    /// The function `id`, as far as the caller's tenant has it; for super-admins that of any tenant.
    async fn find(&self, caller: &Caller, id: &str) -> Result<(Books<'_>, FunctionRow)> {
        if !is_function_id(id) {
            return Err(RegistryError::NotFound);
        }
        let mut books = self.library.read(caller.tenant_id()).await?;
        if let Some(row) = FunctionRow::by_id(&mut books.work, caller.tenant_id(), id).await? {
            return Ok((books, row));
        }
        drop(books);
        let tenant = if caller.is(Role::SuperAdmin) { self.tenant_of(id).await? } else { None };
        let tenant = tenant.ok_or(RegistryError::NotFound)?;
        let mut books = self.library.read(&tenant).await?;
        let row = FunctionRow::by_id(&mut books.work, &tenant, id).await?;
        row.map(|row| (books, row)).ok_or(RegistryError::NotFound)
    }

    /// The refusal of what the caller's roles do not allow, recorded; it is about no function.
    async fn forbidden(&self, caller: &Caller, reason: &str) -> RegistryError {
        self.refused(&about_unknown(caller, ""), RegistryError::Forbidden(reason.to_owned())).await
    }

    /// The same, where a miss is recorded: somebody may be looking for what is another tenant's.
    async fn find_recorded(&self, caller: &Caller, id: &str) -> Result<(Books<'_>, FunctionRow)> {
        match self.find(caller, id).await {
            Err(error @ RegistryError::NotFound) => Err(self.refused(&about_unknown(caller, id), error).await),
            other => other,
        }
    }
}

/// What records say of a function and of who acts.
fn about(caller: &Caller, row: &FunctionRow, version: Option<u64>) -> About {
    About {
        id: row.function_id.clone(),
        name: row.name.clone(),
        agent_id: caller.agent_id().map(str::to_owned),
        user_id: Some(caller.user_id().to_owned()),
        tenant_id: row.tenant_id.clone(),
        version,
        ..About::default()
    }
}

/// What records say where there is no function.
fn about_unknown(caller: &Caller, id: &str) -> About {
    About {
        id: id.chars().take(80).collect(),
        agent_id: caller.agent_id().map(str::to_owned),
        user_id: Some(caller.user_id().to_owned()),
        tenant_id: caller.tenant_id().to_owned(),
        ..About::default()
    }
}

/// Whether a text can be the id of a function at all.
fn is_function_id(id: &str) -> bool {
    id.strip_prefix("fn_").is_some_and(|digits| digits.len() == 2 * FUNCTION_ID_BYTES && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Random bytes of a function's id.
const FUNCTION_ID_BYTES: usize = 12;

fn random_hex(bytes: usize) -> Result<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(|error| RegistryError::Unavailable(format!("no random numbers: {error}")))?;
    Ok(hex::encode(random))
}

/// The time as records and rows give it.
fn now() -> String {
    written(Timestamp::now())
}

fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A store that is new gets a key; one that has records needs the key that sealed them.
async fn seal_key(store: &store::Store, path: &Path) -> Result<SealKey> {
    let is_there = path.symlink_metadata().is_ok();
    if !is_there && matches!(store.url(), StoreUrl::Postgres(_)) {
        let path = path.display();
        return Err(RegistryError::Unavailable(format!(
            "seal key {path}: it does not exist; replicas share one (ssh-keygen -t ed25519 -N '' -f {path})"
        )));
    }
    if !is_there && trail::has_heads(store).await? {
        let message = format!("seal key {}: it does not exist, and the store was sealed with it", path.display());
        return Err(RegistryError::Unavailable(message));
    }
    SealKey::read_or_create(path)
}
