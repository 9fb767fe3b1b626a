//! `fnvet run`

use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::Value;

use super::gate::{GateArgs, Stop, ended, is_file, not_audited, refuse, usage};
use super::store::{StoreArgs, refusal};
use super::{Console, ExitStatus};
use crate::audit::Function;
use crate::call::{Performed, call};
use crate::output::escape_json;
use crate::sandbox::{CallContext, ConsoleLevel, Isolation, Limits, Outcome};
use crate::source::collect::read_regular;

/// The largest input that is read at all; the function's own limit is far below.
const INPUT_BYTES_MAX: u64 = 16 << 20;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The function: a file, or the name or id of an active one in the registry
    #[arg(value_name = "FILE|NAME")]
    target: PathBuf,
    /// The input as JSON; @FILE reads a file, - standard input
    #[arg(long, value_name = "JSON|@FILE|-")]
    input: String,
    /// __tenantId, of a file; in the registry the token says it
    #[arg(long, value_name = "ID")]
    tenant_id: Option<String>,
    /// __agentId, of a file
    #[arg(long, value_name = "ID")]
    agent_id: Option<String>,
    /// __userId, of a file
    #[arg(long, value_name = "ID")]
    user_id: Option<String>,
    /// A member of __env, of a file; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    env: Vec<Variable>,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// `KEY=VALUE`.
#[derive(Clone, Debug)]
struct Variable {
    key: String,
    value: String,
}

impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Variable { key: key.to_owned(), value: value.to_owned() }),
            _ => Err("write it as KEY=VALUE".to_owned()),
        }
    }
}

/// Calls the function once.
pub fn run(args: &Args, console: &mut Console<'_>) -> ExitStatus {
    let called = if is_file(&args.target) { of_file(args, console) } else { of_registry(args, console) };
    ended(called, console)
}

/// Calls the active version of a function of the registry, as the agent that the token names.
fn of_registry(args: &Args, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
    let for_files = [
        (args.tenant_id.is_some(), "--tenant-id"),
        (args.agent_id.is_some(), "--agent-id"),
        (args.user_id.is_some(), "--user-id"),
        (!args.env.is_empty(), "--env"),
        (args.gate.audit.is_some(), "--audit"),
    ];
    if let Some((_, option)) = for_files.iter().find(|(given, _)| *given) {
        return Err(usage(format!("{option} is for files; in the registry the token says who calls")));
    }
    let input = read_input(&args.input)?;
    let target = args.target.to_string_lossy().into_owned();
    let opened = args.store.open(args.gate.config.as_deref(), args.gate.worker.as_deref(), console)?;
    let id = opened.id_of(&target)?;
    let executed = opened.wait(opened.registry.execute(&opened.caller, &id, input)).map_err(|error| refusal(&target, &error))?;
    for flag in &executed.output_flags {
        console.say(&format!("{target}: the output holds a {flag}"));
    }
    match (executed.result, executed.error_message) {
        (Some(result), None) => Ok(console.write(|out| writeln!(out, "{}", escape_json(&result)))),
        (_, message) => {
            console.say(&format!("{target}: {}", message.unwrap_or_default()));
            Ok(ExitStatus::Findings)
        }
    }
}

fn of_file(args: &Args, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
    let input = read_input(&args.input)?;
    let opened = args.gate.open(&args.target, None, console)?;
    let tenant = args.tenant_id.clone();
    let about = opened.about();
    let about = Function {
        agent_id: args.agent_id.clone(),
        user_id: args.user_id.clone(),
        tenant_id: tenant.clone().unwrap_or(about.tenant_id),
        ..about
    };
    let function = match opened.candidate.clear(&[]) {
        Ok(function) => function,
        Err(refusal) => return Ok(refuse(&refusal, &args.gate, &opened, &about, console)),
    };
    let context = CallContext {
        tenant_id: tenant.unwrap_or_else(|| about.tenant_id.clone()),
        agent_id: args.agent_id.clone().unwrap_or_default(),
        user_id: args.user_id.clone().unwrap_or_default(),
        env: args.env.iter().map(|variable| (variable.key.clone(), Value::from(variable.value.clone()))).collect(),
        ..CallContext::default()
    };
    let log = args.gate.log(&opened, console)?;
    let answer = call(&function, &input, &context, &args.gate.isolation(), &log, &about).map_err(not_audited)?;
    Ok(show(&answer, &opened.shown(), console))
}

fn show(answer: &Performed, shown: &str, console: &mut Console<'_>) -> ExitStatus {
    for line in &answer.execution.console {
        let level = match line.level {
            ConsoleLevel::Debug => "debug",
            ConsoleLevel::Info => "log",
            ConsoleLevel::Warn => "warn",
            ConsoleLevel::Error => "error",
        };
        console.say(&format!("{shown}: console.{level}: {}", line.text));
    }
    if let Isolation::Reduced(_) = answer.execution.isolation {
        console.say(&format!("isolation was {}", answer.execution.isolation));
    }
    for flag in answer.flags.iter().filter(|flag| !flag.is_credential()) {
        console.say(&format!("{shown}: the output holds a {flag}"));
    }
    match (&answer.result, &answer.execution.outcome) {
        (Ok(result), _) => console.write(|out| writeln!(out, "{}", escape_json(result))),
        (Err(message), Outcome::Threw(thrown)) if thrown.position.is_some() => {
            let place = thrown.position.map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default();
            console.say(&format!("{shown}{place}: {message}"));
            ExitStatus::Findings
        }
        (Err(message), outcome) => {
            console.say(&format!("{shown}: {message}"));
            if matches!(outcome, Outcome::Refused(_)) { ExitStatus::Failure } else { ExitStatus::Findings }
        }
    }
}

/// The input, from wherever it is.
fn read_input(given: &str) -> Result<Value, Stop> {
    let usage = |reason: String| (ExitStatus::Usage, format!("--input: {reason}"));
    let bytes = match given.strip_prefix('@') {
        _ if given == "-" => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes);
            read.map_err(|error| (ExitStatus::Failure, format!("standard input: {error}")))?;
            bytes
        }
        Some(file) => read_regular(file.as_ref(), INPUT_BYTES_MAX).map_err(|reason| (ExitStatus::Failure, format!("{file}: {reason}")))?,
        None => given.as_bytes().to_vec(),
    };
    if bytes.len() as u64 > INPUT_BYTES_MAX {
        return Err(usage(format!("it is larger than {INPUT_BYTES_MAX} bytes")));
    }
    if crate::sandbox::json_nesting(&bytes) > Limits::NESTING_CEILING {
        return Err(usage(format!("it nests deeper than {}", Limits::NESTING_CEILING)));
    }
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    reader.disable_recursion_limit();
    let value = serde::Deserialize::deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| usage(format!("it is no JSON: {error}")))
}
