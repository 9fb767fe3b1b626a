//! The database: SQLite in a file, or PostgreSQL. Everything else here speaks to both alike.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions, Connection, Row, SqlSafeStr, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::error::{RegistryError, Result};
use crate::identity::write_private;

/// The store of the embedded default, beside the configuration.
pub const FILE_NAME: &str = "fnvet.db";

/// How long to wait for a connection, or for another process that writes.
const WAIT: Duration = Duration::from_secs(10);

/// Most connections of one process.
const CONNECTIONS_MAX: u32 = 16;

/// How often the tables are tried to be made.
const MIGRATION_ATTEMPTS_MAX: u32 = 30;

/// Which database it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database, by its URL.
    Postgres(String),
}

impl StoreUrl {
    /// A `sqlite:` or `postgres:` URL, or the path of an SQLite file, relative to `folder`.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn parse(text: &str, folder: &Path) -> std::result::Result<StoreUrl, String> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            let checked = AnyConnectOptions::from_str(text).map(drop);
            return checked.map(|()| StoreUrl::Postgres(text.to_owned())).map_err(|_| "store: it is no PostgreSQL URL".to_owned());
        }
        let path = match text.strip_prefix("sqlite:") {
            Some(rest) => {
                let options = SqliteConnectOptions::from_str(text).map_err(|error| format!("store `{text}`: {error}"))?;
                if rest.contains(":memory:") || rest.contains("mode=memory") || rest.trim_start_matches('/').is_empty() {
                    return Err(format!("store `{text}`: what is kept in memory is lost; name a file"));
                }
                options.get_filename().to_owned()
            }
            None if text.contains("://") => return Err(format!("store `{}`: sqlite: and postgres: are known", scheme(text))),
            None if text.is_empty() => return Err("store: it is empty".to_owned()),
            None => PathBuf::from(text),
        };
        Ok(StoreUrl::Sqlite(folder.join(path)))
    }
}

/// What may be said of a URL that may hold a password.
fn scheme(text: &str) -> &str {
    text.split("://").next().unwrap_or_default()
}

/// Where it is; never its password.
impl std::fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StoreUrl::Sqlite(path) => write!(f, "{}", path.display()),
            StoreUrl::Postgres(url) => match AnyConnectOptions::from_str(url) {
                Ok(options) => {
                    let url = options.database_url;
                    write!(f, "postgres://{}{}", url.host_str().unwrap_or_default(), url.path())
                }
                Err(_) => f.write_str("postgres:"),
            },
        }
    }
}

/// Whose rows a transaction is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'a> {
    /// One tenant's.
    Tenant(&'a str),
    /// Those of all tenants: for super-admins, and for closing what was left open.
    Every,
}

/// An open database.
#[derive(Debug)]
pub(super) struct Store {
    pool: AnyPool,
    url: StoreUrl,
    /// SQLite has one writer at a time. Those of this process wait here, in order.
    writer: Arc<Mutex<()>>,
}

/// A transaction; what is not committed is undone.
pub(super) struct Work {
    tx: Transaction<'static, Any>,
    is_postgres: bool,
    _writer: Option<OwnedMutexGuard<()>>,
}

impl Store {
    /// Opens the database, and brings its tables to the form of today.
    pub async fn open(url: &StoreUrl) -> Result<Store> {
        sqlx::any::install_default_drivers();
        let options = connect_options(url)?;
        migrate(url, &options).await?;
        let is_postgres = matches!(url, StoreUrl::Postgres(_));
        let settle: &'static str = if is_postgres {
            "SET ROLE fnvet_service; SET lock_timeout = '10s'; SET statement_timeout = '60s'; \
             SET idle_in_transaction_session_timeout = '60s'; SET search_path = public"
        } else {
            "PRAGMA busy_timeout = 10000; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF"
        };
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(WAIT)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(settle).execute(&mut *connection).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(options);
        Ok(Store { pool, url: url.clone(), writer: Arc::default() })
    }

    /// Where it is.
    pub fn url(&self) -> &StoreUrl {
        &self.url
    }

    /// Begins to read: everything as it is at one time.
    pub async fn read(&self, scope: Scope<'_>) -> Result<Work> {
        let begin = if self.is_postgres() { "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" } else { "BEGIN" };
        let tx = self.pool.begin_with(begin).await?;
        Work { tx, is_postgres: self.is_postgres(), _writer: None }.of(scope).await
    }

    /// Begins to write.
    pub async fn write(&self, scope: Scope<'_>) -> Result<Work> {
        let (begin, writer) = match self.url {
            StoreUrl::Postgres(_) => ("BEGIN", None),
            StoreUrl::Sqlite(_) => ("BEGIN IMMEDIATE", Some(self.writer.clone().lock_owned().await)),
        };
        let tx = self.pool.begin_with(begin).await?;
        Work { tx, is_postgres: self.is_postgres(), _writer: writer }.of(scope).await
    }

    /// Waits for what is under way and closes the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.pool.is_closed()
    }

    /// A connection of its own, beside the pool.
    pub async fn connect(&self) -> Result<AnyConnection> {
        Ok(connect_options(&self.url)?.connect().await?)
    }

    fn is_postgres(&self) -> bool {
        matches!(self.url, StoreUrl::Postgres(_))
    }
}

impl Work {
    /// Tells PostgreSQL whose rows these are; it shows and takes no others.
    async fn of(mut self, scope: Scope<'_>) -> Result<Work> {
        if self.is_postgres {
            let (tenant, all) = match scope {
                Scope::Tenant(tenant) => (tenant, "one"),
                Scope::Every => ("", "every"),
            };
            sqlx::query("SELECT set_config('fnvet.tenant', $1, true), set_config('fnvet.scope', $2, true)")
                .bind(tenant.to_owned())
                .bind(all)
                .fetch_one(&mut *self.tx)
                .await?;
        }
        Ok(self)
    }

    /// The connection, for queries.
    pub fn connection(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }

    /// Whether it is PostgreSQL, where a row has to be locked by name.
    pub fn is_postgres(&self) -> bool {
        self.is_postgres
    }

    /// Makes everything since the beginning durable, all at once.
    pub async fn commit(self) -> Result<()> {
        Ok(self.tx.commit().await?)
    }
}

fn connect_options(url: &StoreUrl) -> Result<AnyConnectOptions> {
    let options = match url {
        StoreUrl::Sqlite(path) => {
            let file = SqliteConnectOptions::new().filename(path).create_if_missing(true);
            AnyConnectOptions::from_url(&file.to_url_lossy())
        }
        StoreUrl::Postgres(url) => AnyConnectOptions::from_str(url),
    };
    options.map(ConnectOptions::disable_statement_logging).map_err(|error| unusable(url, &error))
}

async fn migrate(url: &StoreUrl, options: &AnyConnectOptions) -> Result<()> {
    let sql = match url {
        StoreUrl::Sqlite(path) => {
            create_private(path).map_err(|error| RegistryError::Unavailable(format!("store {}: {error}", path.display())))?;
            include_str!("sqlite.sql")
        }
        StoreUrl::Postgres(_) => include_str!("postgres.sql"),
    };
    let mut connection = options.connect().await.map_err(|error| unusable(url, &error))?;
    let prepare = match url {
        StoreUrl::Sqlite(_) => "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
        StoreUrl::Postgres(_) => "SET search_path = public",
    };
    sqlx::raw_sql(prepare).execute(&mut connection).await.map_err(|error| unusable(url, &error))?;
    let migrations = vec![Migration::new(1, "registry".into(), MigrationType::Simple, sql.into_sql_str(), false)];
    let migrator = Migrator::with_migrations(migrations);
    let mut attempts = 0;
    while !is_current(&mut connection, &migrator.migrations).await {
        attempts += 1;
        match migrator.run(&mut connection).await {
            // Another process does the same at the same time.
            Err(_) if attempts < MIGRATION_ATTEMPTS_MAX => tokio::time::sleep(Duration::from_millis(100)).await,
            other => other.map_err(|error| unusable(url, &error))?,
        }
    }
    connection.close().await.map_err(|error| unusable(url, &error))
}

/// Whether there is nothing to migrate. Who only serves need not own the tables.
async fn is_current(connection: &mut AnyConnection, migrations: &[Migration]) -> bool {
    let rows = sqlx::query("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version").fetch_all(connection).await;
    let applied = |row: &sqlx::any::AnyRow| Some((row.try_get::<i64, _>(0).ok()?, row.try_get::<Vec<u8>, _>(1).ok()?));
    let applied: Vec<_> = rows.iter().flatten().filter_map(applied).collect();
    applied.len() == migrations.len() && applied.iter().zip(migrations).all(|(a, b)| a.0 == b.version && a.1 == *b.checksum)
}

/// The store holds what only its owner may read.
fn create_private(path: &Path) -> std::io::Result<()> {
    match write_private(path, "") {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn unusable(url: &StoreUrl, error: &dyn std::fmt::Display) -> RegistryError {
    RegistryError::Unavailable(format!("store {url}: {error}"))
}
