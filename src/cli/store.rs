//! What the commands that work on a store share: which store, who acts, what a refusal means.

use std::future::Future;
use std::path::{Path, PathBuf};

use super::gate::{Stop, current_folder, failure, stop, usage};
use super::{Console, ExitStatus};
use crate::approval::Policy;
use crate::config::discover::{Discovered, Discovery};
use crate::config::{Config, Settings};
use crate::identity::{Caller, Secret};
use crate::registry::{Options, Page, PageRequest, Registry, RegistryError, SEAL_KEY_FILE_NAME, STORE_FILE_NAME, StoreUrl};
use crate::sandbox::IsolationOptions;
use crate::source::collect::{normalise, read_regular};

/// The secret of the tokens of this machine, beside the configuration.
pub const TOKEN_SECRET_FILE_NAME: &str = "fnvet.token.key";

/// The variable that holds the caller's token.
const TOKEN_VARIABLE: &str = "FNVET_TOKEN";

/// The largest checkpoint that is read.
const CHECKPOINT_BYTES_MAX: u64 = 64 << 20;

/// Arguments of every command that works on a store.
#[derive(Debug, clap::Args)]
pub struct StoreArgs {
    /// The store: a file, or a sqlite: or postgres: URL; by default `store` of the configuration, else fnvet.db
    #[arg(long, value_name = "STORE", env = "FNVET_STORE", hide_env_values = true)]
    pub store: Option<String>,
    /// Where the keys are.
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// Where the keys are.
#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    /// The key that seals approvals and the audit log; by default fnvet.seal.key beside the configuration
    #[arg(long, value_name = "FILE", env = "FNVET_SEAL_KEY_FILE")]
    pub seal_key: Option<PathBuf>,
    /// The secret of the tokens; by default fnvet.token.key beside the configuration
    #[arg(long, value_name = "FILE", env = "FNVET_TOKEN_SECRET_FILE")]
    pub token_secret: Option<PathBuf>,
}

/// A store that is open for a caller.
pub struct Opened {
    runtime: tokio::runtime::Runtime,
    /// The registry.
    pub registry: Registry,
    /// Who acts, as the token says.
    pub caller: Caller,
}

/// What is configured about the store.
pub struct Configured {
    /// The trusted policy.
    policy: Policy,
    /// Where keys are by default.
    folder: PathBuf,
    /// What the trusted configuration says.
    pub settings: Settings,
    /// Where the store is, if anything says so.
    pub store: Option<String>,
    current: PathBuf,
}

impl Configured {
    /// What `--config` says, and where nothing is said about the store there, what the configuration
    /// of the current folder says about it. It says nothing else: who may lay a file there gives no
    /// roles and changes no limits.
    pub fn new(config: Option<&Path>, store: Option<&str>) -> Result<Configured, Stop> {
        let current = current_folder()?;
        let path = config.map(|path| normalise(&current.join(path)));
        let policy = path.as_deref().map_or_else(|| Ok(Policy::default()), |path| Policy::of_file(path, &current)).map_err(stop)?;
        let folder = path.as_deref().and_then(Path::parent).unwrap_or(&current).to_owned();
        let settings = policy.settings();
        let found = || match Discovery::new(&current).of(&current) {
            Discovered::Config { path, config } => Config::resolve(&config, path.parent()).store,
            Discovered::None | Discovered::Broken(_) | Discovered::Untrusted { .. } => None,
        };
        let store = store.filter(|store| !store.is_empty()).map(str::to_owned).or_else(|| settings.store.clone()).or_else(found);
        Ok(Configured { policy, folder, settings, store, current })
    }

    /// The secret of the tokens.
    pub fn token_secret(&self, keys: &KeyArgs) -> PathBuf {
        keys.token_secret.clone().unwrap_or_else(|| self.folder.join(TOKEN_SECRET_FILE_NAME))
    }

    /// What the registry is opened with.
    pub fn options(self, keys: &KeyArgs, isolation: IsolationOptions) -> Result<Options, Stop> {
        let store = match &self.store {
            Some(store) => StoreUrl::parse(store, &self.current).map_err(usage)?,
            None => StoreUrl::Sqlite(self.folder.join(STORE_FILE_NAME)),
        };
        let seal_key = keys.seal_key.clone().unwrap_or_else(|| self.folder.join(SEAL_KEY_FILE_NAME));
        Ok(Options { policy: self.policy, isolation, ..Options::new(store, seal_key) })
    }

    /// Opens the store for whom the token names.
    pub fn open(self, keys: &KeyArgs, worker: Option<&Path>, console: &mut Console<'_>) -> Result<Opened, Stop> {
        let token = std::env::var(TOKEN_VARIABLE).ok().filter(|token| !token.trim().is_empty());
        let token = token.ok_or_else(|| usage(format!("{TOKEN_VARIABLE} is not set: it says who acts (`fnvet token` makes one)")))?;
        let secret = Secret::read(&self.token_secret(keys)).map_err(|error| usage(error.to_string()))?;
        let claims = secret.check(token.trim()).map_err(|error| usage(error.to_string()))?;
        let caller = Caller::from_claims(&claims, &self.settings.roles).map_err(|error| usage(error.to_string()))?;
        let options = self.options(keys, IsolationOptions { worker: worker.map(Path::to_owned), ..IsolationOptions::default() })?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| failure(format!("threads: {error}")))?;
        let registry = runtime.block_on(Registry::open(options)).map_err(|error| failure(error.to_string()))?;
        registry.notices().iter().for_each(|notice| console.say(notice));
        Ok(Opened { runtime, registry, caller })
    }
}

/// A checkpoint that was kept in a file.
pub fn checkpoint(path: &Path) -> Result<String, Stop> {
    let bytes = read_regular(path, CHECKPOINT_BYTES_MAX).map_err(|reason| failure(format!("{}: {reason}", path.display())))?;
    String::from_utf8(bytes).map_err(|_| usage(format!("{}: it is not UTF-8", path.display())))
}

impl StoreArgs {
    /// Opens the store for whom the token names.
    pub fn open(&self, config: Option<&Path>, worker: Option<&Path>, console: &mut Console<'_>) -> Result<Opened, Stop> {
        Configured::new(config, self.store.as_deref())?.open(&self.keys, worker, console)
    }
}

impl Opened {
    /// Waits for a call of the registry.
    pub fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }

    /// Everything of a list, page after page.
    pub fn all<T, F>(&self, about: &str, page: impl Fn(PageRequest) -> F) -> Result<Vec<T>, Stop>
    where
        F: Future<Output = Result<Page<T>, RegistryError>>,
    {
        let (mut items, mut request) = (Vec::new(), PageRequest::default());
        loop {
            let part = self.wait(page(request.clone())).map_err(|error| refusal(about, &error))?;
            items.extend(part.items);
            request.cursor = part.next;
            if request.cursor.is_none() {
                return Ok(items);
            }
        }
    }

    /// The id of the function that a person names.
    pub fn id_of(&self, target: &str) -> Result<String, Stop> {
        self.wait(self.registry.id_of(&self.caller, target)).map_err(|error| match error {
            RegistryError::NotFound => usage(format!("{target}: there is no such function, neither a file nor in the store")),
            other => refusal(target, &other),
        })
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.runtime.block_on(self.registry.close());
    }
}

/// What an error of the registry means for the exit status.
pub fn refusal(target: &str, error: &RegistryError) -> Stop {
    match error {
        RegistryError::InvalidInput(_) | RegistryError::IdempotencyKeyReused => usage(format!("{target}: {error}")),
        RegistryError::Unavailable(reason) => failure(reason.clone()),
        RegistryError::NotFound => usage(format!("{target}: {error}")),
        _ => (ExitStatus::Findings, format!("{target}: refused: {error}")),
    }
}
