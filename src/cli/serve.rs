//! `fnvet serve`

use std::net::TcpListener;
use std::path::PathBuf;

use super::gate::{Stop, ended, failure, usage};
use super::store::{self, Configured, StoreArgs};
use super::{Console, ExitStatus};
use crate::config::{RequireIsolation, Settings};
use crate::identity::{AUDIENCE, Secret};
use crate::registry::{self, Registry};
use crate::sandbox::IsolationOptions;
use crate::server::auth::{Authenticator, KeySource};
use crate::server::jwks::JwksSource;
use crate::server::{self, App, Options};

/// Unused workers that are kept ready: a call need not wait for one to start.
const SPARE_WORKERS: usize = 2;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen; put a proxy that ends TLS before anything but this machine
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "FNVET_LISTEN")]
    listen: String,
    /// The trusted policy
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
    /// Tokens are RS256 or ES256, by the identity provider's JWK set in this file or at this https: URL; without it they
    /// are HS256, under the token secret
    #[arg(long, value_name = "FILE|URL", env = "FNVET_JWKS", conflicts_with = "token_secret")]
    jwks: Option<String>,
    /// Whom tokens of the identity provider must be meant for
    #[arg(long, value_name = "AUDIENCE", env = "FNVET_AUDIENCE", requires = "jwks", default_value = AUDIENCE)]
    audience: String,
    /// Who must have issued them
    #[arg(long, value_name = "ISSUER", env = "FNVET_ISSUER", requires = "jwks")]
    issuer: Option<String>,
    /// A checkpoint of before (`fnvet audit --checkpoint`): a store that is older is not served, not even by a server
    /// that has seen nothing of it yet
    #[arg(long, value_name = "FILE", env = "FNVET_CHECKPOINT")]
    checkpoint: Option<PathBuf>,
    /// The program that is started as worker
    #[arg(long, value_name = "FILE", hide = true)]
    worker: Option<PathBuf>,
}

/// Serves until the process is told to stop.
pub fn run(args: &Args, console: &mut Console<'_>) -> ExitStatus {
    ended(serve(args, console), console)
}

fn serve(args: &Args, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
    let configured = Configured::new(args.config.as_deref(), args.store.store.as_deref())?;
    let roles = configured.settings.roles.clone();
    let keys = key_source(args, &configured)?;
    let isolation = isolation(args, &configured.settings);
    let checkpoint = args.checkpoint.as_deref().map(store::checkpoint).transpose()?;
    let options = registry::Options { checkpoint, ..configured.options(&args.store.keys, isolation)? };
    let listener = TcpListener::bind(&args.listen).map_err(|error| failure(format!("--listen {}: {error}", args.listen)))?;
    let address = listener.local_addr().map_err(|error| failure(format!("--listen {}: {error}", args.listen)))?;
    log_to_standard_error();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failure(format!("threads: {error}")))?;
    runtime.block_on(async {
        let stop = stopped().map_err(|error| failure(format!("signals: {error}")))?;
        let authenticator = Authenticator::new(keys, roles).await.map_err(|error| failure(error.to_string()))?;
        let registry = Registry::open(options).await.map_err(|error| failure(error.to_string()))?;
        registry.notices().iter().for_each(|notice| console.say(notice));
        console.say(&format!("serving on http://{address}"));
        let app = App::new(registry, authenticator, Options::default());
        let served = server::serve(app, listener, stop).await;
        served.map_err(|error| failure(format!("--listen {}: {error}", args.listen)))
    })?;
    console.say("stopped");
    Ok(ExitStatus::Success)
}

/// Where all layers can be had, they are demanded unless the policy says otherwise.
fn isolation(args: &Args, settings: &Settings) -> IsolationOptions {
    let default = if cfg!(target_os = "linux") { RequireIsolation::Full } else { RequireIsolation::Reduced };
    IsolationOptions {
        require_full: settings.require_isolation.unwrap_or(default) == RequireIsolation::Full,
        worker: args.worker.clone(),
        spare_workers: SPARE_WORKERS,
        ..IsolationOptions::default()
    }
}

fn key_source(args: &Args, configured: &Configured) -> Result<KeySource, Stop> {
    let Some(jwks) = &args.jwks else {
        let path = configured.token_secret(&args.store.keys);
        return Secret::read(&path).map(KeySource::Secret).map_err(|error| usage(format!("{error}; `fnvet token` makes one")));
    };
    let source = if jwks.contains("://") { JwksSource::url(jwks) } else { Ok(JwksSource::File(jwks.into())) };
    let source = source.map_err(|error| usage(format!("--jwks: {error}")))?;
    Ok(KeySource::Jwks { source, audience: args.audience.clone(), issuer: args.issuer.clone() })
}

/// One JSON object a line.
fn log_to_standard_error() {
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(true).with_span_list(false);
    // Where there is a log already (another server in this process), it stays.
    let _ = subscriber.with_target(false).with_max_level(tracing::Level::INFO).with_writer(std::io::stderr).try_init();
}

/// Is over once the process is told to stop.
#[cfg(unix)]
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Is over once the process is told to stop.
#[cfg(not(unix))]
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Where it cannot be heard, nothing stops the server but its end.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
