//! `fnvet list`

use std::path::PathBuf;

use clap::ValueEnum;

use super::gate::{Stop, ended};
use super::store::StoreArgs;
use super::{Console, ExitStatus};
use crate::output::escape;
use crate::registry::{Function, Review};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// pretty or json
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Output::Pretty)]
    output: Output,
    /// The trusted policy
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

/// How something of the registry is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Pretty,
    /// For programs.
    Json,
}

/// Lists the functions that the caller sees: all for admins, what awaits review for approvers, their own for authors.
pub fn run(args: &Args, console: &mut Console<'_>) -> ExitStatus {
    ended(execute(args, console), console)
}

fn execute(args: &Args, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
    let opened = args.store.open(args.config.as_deref(), None, console)?;
    let functions = opened.all("list", |page| opened.registry.list(&opened.caller, page))?;
    let text = match args.output {
        Output::Json => format!("{}\n", serde_json::json!({ "functions": functions })),
        Output::Pretty => functions.iter().map(line).collect(),
    };
    Ok(console.write(|out| out.write_all(text.as_bytes())))
}

/// One function on one line.
fn line(function: &Function) -> String {
    let active = match function.active_version {
        Some(version) if function.stale_policy => format!("version {version} active (stale-policy)"),
        Some(version) => format!("version {version} active"),
        None => "inactive".to_owned(),
    };
    let review = review_name(function.review);
    let agent = function.agent_id.as_deref().map(|agent| format!(", for {agent}")).unwrap_or_default();
    let tenant = escape(&function.tenant_id);
    let text = format!("{} {tenant}/{}: {active}, version {} {review}{agent}", function.function_id, function.name, function.version);
    format!("{}\n", escape(&text))
}

/// Where a version stands, in words.
pub fn review_name(review: Review) -> &'static str {
    match review {
        Review::Awaiting => "awaits review",
        Review::Approved => "approved",
        Review::Rejected => "rejected",
        Review::Revoked => "revoked",
    }
}
