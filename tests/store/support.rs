//! A store of its own for every test: an SQLite file, and a PostgreSQL database where
//! `FNVET_TEST_POSTGRES` gives the URL of a server.

use std::path::PathBuf;

use fnvet::approval::Policy;
use fnvet::identity::{Caller, Role};
use fnvet::registry::{Approval, Approved, Draft, FunctionInFull, Options, Registry, RegistryError, StoreUrl};
use fnvet::sandbox::IsolationOptions;
use serde_json::{Value, json};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

/// The variable that names a PostgreSQL server, whose user may make databases.
pub const POSTGRES: &str = "FNVET_TEST_POSTGRES";

/// What ends soon in a build that is not optimised, too.
pub const QUICK: &str = "[limits]\nstatements = 100000\nwall_clock_ms = 2000\ninput_bytes = 20000\n";

/// An honest function.
pub const DAYS: &str = "function execute(input) {
  if (!Number.isInteger(input.days) || input.days < 0 || input.days > 365) throw new Error('days must be 0 to 365');
  return { left: 365 - input.days };
}
";

/// Its schema.
pub fn days_schema() -> Value {
    json!({"type": "object", "properties": {"days": {"type": "integer", "minimum": 0, "maximum": 365}}, "required": ["days"]})
}

/// One store and what belongs to it.
pub struct Site {
    pub folder: tempfile::TempDir,
    pub url: StoreUrl,
    /// For whoever may write every table.
    pub admin_url: String,
    pub policy: String,
}

/// Runs a test on every store that there is.
pub fn on_every_store(test: impl AsyncFn(&Site)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    sqlx::any::install_default_drivers();
    runtime.block_on(async {
        test(&Site::sqlite()).await;
        if let Ok(server) = std::env::var(POSTGRES) {
            let site = Site::postgres(&server).await;
            test(&site).await;
            site.drop_database(&server).await;
        }
    });
}

impl Site {
    fn sqlite() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::parse("fnvet.db", folder.path()).unwrap();
        let admin_url = format!("sqlite://{}", folder.path().join("fnvet.db").display());
        Site { folder, url, admin_url, policy: QUICK.to_owned() }
    }

    async fn postgres(server: &str) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("fnvet_{}", folder.path().file_name().unwrap().to_string_lossy().replace(['.', '-'], "_").to_lowercase());
        let mut connection = AnyConnection::connect(server).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let (start, _) = server.rsplit_once('/').unwrap();
        let admin_url = format!("{start}/{name}");
        let url = StoreUrl::parse(&admin_url, folder.path()).unwrap();
        std::fs::write(folder.path().join("fnvet.seal.key"), fnvet::approval::signature::SigningKey::generate().unwrap()).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(folder.path().join("fnvet.seal.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        Site { folder, url, admin_url, policy: QUICK.to_owned() }
    }

    async fn drop_database(&self, server: &str) {
        let name = self.admin_url.rsplit_once('/').unwrap().1;
        let mut connection = AnyConnection::connect(server).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).execute(&mut connection).await.unwrap();
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.url, StoreUrl::Postgres(_))
    }

    pub fn options(&self) -> Options {
        Options {
            policy: Policy::of_text(&self.policy, "policy", self.folder.path()).unwrap(),
            isolation: IsolationOptions { worker: Some(PathBuf::from(env!("CARGO_BIN_EXE_fnvet"))), ..IsolationOptions::default() },
            ..Options::new(self.url.clone(), self.folder.path().join("fnvet.seal.key"))
        }
    }

    pub async fn open(&self) -> Registry {
        Registry::open(self.options()).await.unwrap()
    }

    /// What somebody does who may write every table.
    pub async fn sql(&self, sql: &str) -> u64 {
        let mut connection = AnyConnection::connect(&self.admin_url).await.unwrap();
        let done =
            sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        connection.close().await.unwrap();
        done.rows_affected()
    }

    /// The first column of what they read, as text.
    pub async fn select(&self, sql: &str) -> Vec<String> {
        let mut connection = AnyConnection::connect(&self.admin_url).await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows.iter().map(|row| row.try_get::<String, _>(0).unwrap_or_else(|_| row.try_get::<i64, _>(0).unwrap().to_string())).collect()
    }
}

pub fn caller(tenant: &str, user: &str, roles: &[Role]) -> Caller {
    Caller::new(tenant, user, None, roles.iter().copied()).unwrap()
}

pub fn author(user: &str) -> Caller {
    caller("acme", user, &[Role::Author])
}

pub fn approver(user: &str) -> Caller {
    caller("acme", user, &[Role::Approver])
}

pub fn admin() -> Caller {
    caller("acme", "root", &[Role::Admin])
}

pub fn agent() -> Caller {
    Caller::new("acme", "mary", Some("agent_hr_01"), []).unwrap()
}

pub fn draft(name: &str, code: &str) -> Draft {
    serde_json::from_value(json!({"name": name, "code": code, "inputSchema": days_schema(), "description": "Days left"})).unwrap()
}

/// Hands in a function by Ann.
pub async fn created(registry: &Registry, name: &str) -> FunctionInFull {
    registry.create(&author("ann"), draft(name, DAYS), None).await.unwrap()
}

/// Lets Bob read and approve the latest version.
pub async fn approved(registry: &Registry, id: &str) -> Result<Approved, RegistryError> {
    let bob = approver("bob");
    registry.read(&bob, id, None).await?;
    registry.approve(&bob, id, Approval::default(), None).await
}

/// The name of the problem that a call ended with.
#[track_caller]
pub fn problem<T: std::fmt::Debug>(result: Result<T, RegistryError>) -> &'static str {
    result.expect_err("a problem").problem().0
}
