//! `fnvet submit`

use std::path::PathBuf;

use serde_json::Value;

use super::gate::{Stop, current_folder, ended, failure, stop, usage};
use super::store::{StoreArgs, refusal};
use super::{Console, ExitStatus, display};
use crate::approval::{Candidate, Policy};
use crate::output::{count, escape};
use crate::registry::{Draft, RegistryError, Revision};
use crate::source::collect::{companion, read_regular};

/// The largest schema or cases file that is read.
const COMPANION_BYTES_MAX: u64 = 4 << 20;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The function; NAME.schema.json and NAME.cases.json beside it go with it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its name in the registry; by default that of the file
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What it does, for people and models
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The one agent that may call it; all of the tenant's where none is named
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// The trusted policy
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

/// Hands in a function, or a new version of one that has its name.
pub fn run(args: &Args, console: &mut Console<'_>) -> ExitStatus {
    ended(execute(args, console), console)
}

fn execute(args: &Args, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
    let candidate = Candidate::read(&args.file, &Policy::default(), &current_folder()?).map_err(stop)?;
    let shown = candidate.shown().to_owned();
    let source = candidate.report().source().ok_or_else(|| {
        let reason = candidate.report().problem().map_or_else(|| "it is too large for a function".to_owned(), str::to_owned);
        failure(format!("{shown}: {reason}"))
    })?;
    let name = args.name.clone().unwrap_or_else(|| candidate.name().to_owned());
    let (schema, cases) = (beside(&candidate, "schema")?, beside(&candidate, "cases")?);
    let opened = args.store.open(args.config.as_deref(), None, console)?;
    let (registry, caller) = (&opened.registry, &opened.caller);
    let submitted = match opened.wait(registry.id_of(caller, &name)) {
        Ok(id) => {
            let revision = Revision {
                code: source.text.to_string(),
                name: None,
                description: args.description.clone(),
                language: Some(source.language),
                input_schema: Some(schema),
                cases: Some(cases),
                agent_id: args.agent.clone().map(Some),
            };
            opened.wait(registry.update(caller, &id, revision, None))
        }
        Err(RegistryError::NotFound) => {
            let draft = Draft {
                name,
                description: args.description.clone().unwrap_or_default(),
                language: source.language,
                code: source.text.to_string(),
                input_schema: schema,
                cases,
                agent_id: args.agent.clone(),
            };
            opened.wait(registry.create(caller, draft, None))
        }
        Err(error) => Err(error),
    };
    let function = submitted.map_err(|error| refusal(&shown, &error))?.function;
    let report = opened.wait(registry.findings(caller, &function.function_id, None)).map_err(|error| refusal(&shown, &error))?;
    if report.clear(&[]).is_err() {
        display::findings(&report, console);
        let blocking = report.findings().iter().filter(|found| found.finding.level == crate::finding::Level::Error).count();
        console.say(&format!("{shown}: {} stands against its approval", count(blocking, "blocking finding")));
    }
    let active = function.active_version.map_or_else(|| "inactive".to_owned(), |version| format!("version {version} stays active"));
    let line = format!("submitted {} as {} version {}: {active}\n", escape(&function.name), function.function_id, function.version);
    Ok(console.write(|out| out.write_all(line.as_bytes())))
}

/// The JSON in `NAME.kind.json`, where it is there.
fn beside(candidate: &Candidate, kind: &str) -> Result<Option<Value>, Stop> {
    let Some(path) = companion(candidate.path(), kind).filter(|path| path.symlink_metadata().is_ok()) else { return Ok(None) };
    let shown = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = read_regular(&path, COMPANION_BYTES_MAX).map_err(|reason| failure(format!("{shown}: {reason}")))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| usage(format!("{shown}: it is no JSON: {error}")))
}
