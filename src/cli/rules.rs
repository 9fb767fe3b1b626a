//! `fnvet rules`

use clap::ValueEnum;
use serde_json::json;

use super::{Console, ExitStatus};
use crate::rule::RuleMeta;
use crate::rules::{RULES, ruleset_digest};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How to write the table
    #[arg(long, value_enum, default_value_t = Output::Pretty)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Pretty,
    Json,
}

/// Prints all rules.
pub fn run(args: &Args, console: &mut Console<'_>) -> ExitStatus {
    let text = match args.output {
        Output::Pretty => table(),
        Output::Json => document(),
    };
    console.write(|out| out.write_all(text.as_bytes()))
}

/// By checklist item, as reviewers go through them.
fn table() -> String {
    let mut metas: Vec<&RuleMeta> = RULES.iter().map(|rule| rule.meta()).collect();
    let item = |meta: &RuleMeta| if meta.checklist == "file" { "z" } else { meta.checklist };
    metas.sort_by_key(|meta| (item(meta), meta.id));
    let width = metas.iter().map(|meta| meta.id.len()).max().unwrap_or_default();
    let line = |meta: &&RuleMeta| format!("{:<9}  {:<width$}  {:<7}  {}\n", meta.checklist, meta.id, meta.level.as_str(), meta.summary);
    metas.iter().map(line).collect()
}

fn document() -> String {
    let rule = |meta: &RuleMeta| {
        json!({
            "id": meta.id,
            "summary": meta.summary,
            "checklist": meta.checklist,
            "level": meta.level.as_str(),
            "confidence": meta.confidence.as_str(),
            "cwe": meta.cwe,
            "securitySeverity": meta.security_severity,
            "since": meta.since,
        })
    };
    let rules: Vec<_> = RULES.iter().map(|known| rule(known.meta())).collect();
    format!("{}\n", json!({"version": 1, "ruleset": ruleset_digest(), "rules": rules}))
}
