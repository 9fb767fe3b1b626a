//! `fnvet explain RULE`

use super::{Console, ExitStatus};
use crate::output::escape_lines;
use crate::rule::RuleMeta;
use crate::rules;
use crate::trial;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The rule's id
    rule: String,
}

/// Prints the rule's page.
pub fn run(args: &Args, console: &mut Console<'_>) -> ExitStatus {
    let trial = (args.rule == trial::META.id).then_some(&trial::META);
    let Some(meta) = rules::find(&args.rule).or(trial) else {
        let hint = rules::similar(&args.rule).map_or("`fnvet rules` lists them".to_owned(), |near| format!("did you mean `{near}`?"));
        console.say(&format!("there is no rule `{}`; {hint}", args.rule));
        return ExitStatus::Usage;
    };
    let text = page(meta, console.style.color);
    console.write(|out| out.write_all(text.as_bytes()))
}

fn page(meta: &RuleMeta, color: bool) -> String {
    let (bold, dim, plain) = if color { ("\u{1b}[1m", "\u{1b}[2m", "\u{1b}[0m") } else { ("", "", "") };
    let mut text = String::new();
    let mut in_code = false;
    for line in escape_lines(meta.page).lines() {
        if let Some(info) = line.strip_prefix("```") {
            in_code = !in_code;
            if in_code {
                text.push_str(&format!("{dim}  // {info}{plain}\n"));
            }
        } else if in_code {
            text.push_str(&format!("  {line}\n"));
        } else if let Some(heading) = line.strip_prefix('#') {
            text.push_str(&format!("{bold}{}{plain}\n", heading.trim_start_matches('#').trim()));
            if line.starts_with("# ") {
                text.push_str(&facts(meta));
            }
        } else {
            text.push_str(&format!("{line}\n"));
        }
    }
    text
}

fn facts(meta: &RuleMeta) -> String {
    let cwe = if meta.cwe.is_empty() { String::new() } else { format!(", {}", meta.cwe.join(", ")) };
    format!("{}, checklist {}{cwe}, since {}\n", meta.level.as_str(), meta.checklist, meta.since)
}
