//! `fnvet show`

use std::path::PathBuf;

use super::gate::{Stop, ended};
use super::list::{Output, review_name};
use super::store::{StoreArgs, refusal};
use super::{Console, ExitStatus, display};
use crate::output::escape;
use crate::registry::Version;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The function, by name or id
    #[arg(value_name = "NAME")]
    target: String,
    /// A version; by default the latest
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// pretty or json
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Output::Pretty)]
    output: Output,
    /// The trusted policy
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

/// Shows a function in full: its versions, the source and the findings of one. That an approver read
/// it is recorded.
pub fn run(args: &Args, console: &mut Console<'_>) -> ExitStatus {
    ended(execute(args, console), console)
}

fn execute(args: &Args, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
    let opened = args.store.open(args.config.as_deref(), None, console)?;
    let (registry, caller) = (&opened.registry, &opened.caller);
    let id = opened.id_of(&args.target)?;
    let refused = |error| refusal(&args.target, &error);
    let read = opened.wait(registry.read(caller, &id, args.version)).map_err(refused)?;
    if args.output == Output::Json {
        return Ok(console.write(|out| writeln!(out, "{}", serde_json::json!(read))));
    }
    let versions = opened.all(&args.target, |page| registry.versions(caller, &id, page))?;
    let version = args.version.unwrap_or(read.function.version);
    let report = opened.wait(registry.findings(caller, &id, Some(version))).map_err(refused)?;
    let head = format!("{} {}: {}", read.function.function_id, read.function.name, read.function.description);
    let mut text = format!("{}\n", escape(head.trim_end_matches([':', ' '])));
    versions.iter().for_each(|version| text.push_str(&line(version)));
    if let Some(schema) = &read.input_schema {
        text.push_str(&format!("schema: {}\n", escape(&schema.to_string())));
    }
    let status = console.write(|out| out.write_all(text.as_bytes()));
    let shown = format!("{} version {version}", read.function.name);
    Ok(status.and(display::function(&shown, &read.code, &report, &[], false, console)))
}

/// One version on one line.
fn line(version: &Version) -> String {
    let active = if version.is_active { ", active" } else { "" };
    let review = review_name(version.review);
    let by = version.decision.as_ref().map(|decision| {
        let notes = decision.notes.as_deref().filter(|notes| !notes.is_empty()).map(|notes| format!(": {notes}")).unwrap_or_default();
        let until = decision.expires_at.as_deref().and_then(|at| at.split('T').next()).map(|at| format!(" until {at}")).unwrap_or_default();
        format!(" by {}{until}{notes}", decision.by)
    });
    let by = by.unwrap_or_default();
    let text = format!("version {} by {} on {}: {review}{by}{active}", version.version, version.author, version.submitted_at);
    format!("{}\n", escape(&text))
}
