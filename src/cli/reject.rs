//! `fnvet reject` and `fnvet revoke`

use std::path::PathBuf;

use super::gate::{Stop, ended};
use super::store::{StoreArgs, refusal};
use super::{Console, ExitStatus};
use crate::output::escape;

/// The arguments of `reject`.
#[derive(Debug, clap::Args)]
pub struct RejectArgs {
    /// The function, by name or id
    #[arg(value_name = "NAME")]
    target: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    notes: String,
    /// The version; by default the one that the approver read last
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// The trusted policy
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

/// The arguments of `revoke`.
#[derive(Debug, clap::Args)]
pub struct RevokeArgs {
    /// The function, by name or id
    #[arg(value_name = "NAME")]
    target: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// The trusted policy
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

/// Declines a version.
pub fn reject(args: &RejectArgs, console: &mut Console<'_>) -> ExitStatus {
    said(rejected(args, console), console)
}

/// Ends every version of a function.
pub fn revoke(args: &RevokeArgs, console: &mut Console<'_>) -> ExitStatus {
    said(revoked(args, console), console)
}

fn said(done: Result<String, Stop>, console: &mut Console<'_>) -> ExitStatus {
    let printed = done.map(|line| console.write(|out| writeln!(out, "{}", escape(&line))));
    ended(printed, console)
}

fn rejected(args: &RejectArgs, console: &mut Console<'_>) -> Result<String, Stop> {
    let opened = args.store.open(args.config.as_deref(), None, console)?;
    let id = opened.id_of(&args.target)?;
    let rejecting = opened.registry.reject(&opened.caller, &id, &args.notes, args.version, None);
    let function = opened.wait(rejecting).map_err(|error| refusal(&args.target, &error))?;
    Ok(format!("rejected by {}: {} version {}", opened.caller.user_id(), function.name, args.version.unwrap_or(function.version)))
}

fn revoked(args: &RevokeArgs, console: &mut Console<'_>) -> Result<String, Stop> {
    let opened = args.store.open(args.config.as_deref(), None, console)?;
    let id = opened.id_of(&args.target)?;
    let revoking = opened.registry.revoke(&opened.caller, &id, &args.reason);
    let function = opened.wait(revoking).map_err(|error| refusal(&args.target, &error))?;
    Ok(format!("revoked by {}: {}, every version up to {}", opened.caller.user_id(), function.name, function.version))
}
