//! `fnvet token`

use std::path::PathBuf;

use super::gate::{Stop, ended, failure, usage};
use super::store::{Configured, KeyArgs};
use super::{Console, ExitStatus};
use crate::identity::{Caller, Claims, Role, Secret, write_private};

/// The longest time that a token holds, in hours.
const HOURS_MAX: u32 = 24 * 365;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The person
    #[arg(long, value_name = "ID")]
    user: String,
    /// The tenant
    #[arg(long, value_name = "ID")]
    tenant: String,
    /// The agent, where it is one that calls functions
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// author, approver, admin or super-admin; repeatable
    #[arg(long, value_name = "ROLE", value_parser = role)]
    role: Vec<Role>,
    /// How long it holds
    #[arg(long, value_name = "HOURS", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=i64::from(HOURS_MAX)))]
    hours: u32,
    /// The trusted policy, which may name the roles otherwise
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    keys: KeyArgs,
}

fn role(text: &str) -> Result<Role, String> {
    let known = [("author", Role::Author), ("approver", Role::Approver), ("admin", Role::Admin), ("super-admin", Role::SuperAdmin)];
    let found = known.iter().find(|(name, _)| *name == text).map(|(_, role)| *role);
    found.ok_or_else(|| "roles are author, approver, admin and super-admin".to_owned())
}

/// Prints a token of this machine. Whoever can read the secret can be anybody.
pub fn run(args: &Args, console: &mut Console<'_>) -> ExitStatus {
    let printed = minted(args, console).map(|token| console.write(|out| writeln!(out, "{token}")));
    ended(printed, console)
}

fn minted(args: &Args, console: &mut Console<'_>) -> Result<String, Stop> {
    let configured = Configured::new(args.config.as_deref(), None)?;
    let path = configured.token_secret(&args.keys);
    if path.symlink_metadata().is_err() {
        let text = Secret::generate().map_err(|error| failure(error.to_string()))?;
        write_private(&path, &text).map_err(|error| failure(format!("token secret {}: {error}", path.display())))?;
        console.say(&format!("made a new token secret: {}", path.display()));
    }
    let secret = Secret::read(&path).map_err(|error| usage(error.to_string()))?;
    let roles = args.role.iter().map(|role| role.name(&configured.settings.roles).to_owned()).collect();
    let claims = Claims::valid_for(i64::from(args.hours) * 3600, &args.user, &args.tenant, args.agent.as_deref(), roles);
    Caller::from_claims(&claims, &configured.settings.roles).map_err(|error| usage(error.to_string()))?;
    secret.mint(&claims).map_err(|error| failure(error.to_string()))
}
