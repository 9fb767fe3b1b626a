//! `fnvet run`

use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::Value;

use super::gate::{GateArgs, Stop, not_audited, refuse};
use super::{Console, ExitStatus};
use crate::audit::Function;
use crate::call::{Performed, call};
use crate::sandbox::{CallContext, ConsoleLevel, Isolation, Limits, Outcome};
use crate::source::collect::read_regular;

/// The largest input that is read at all; the function's own limit is far below.
const INPUT_BYTES_MAX: u64 = 16 << 20;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The function: a file
    #[arg(value_name = "FILE")]
    target: PathBuf,
    /// The input as JSON; @FILE reads a file, - standard input
    #[arg(long, value_name = "JSON|@FILE|-")]
    input: String,
    /// __tenantId
    #[arg(long, value_name = "ID")]
    tenant_id: Option<String>,
    /// __agentId
    #[arg(long, value_name = "ID")]
    agent_id: Option<String>,
    /// __userId
    #[arg(long, value_name = "ID")]
    user_id: Option<String>,
    /// A member of __env; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    env: Vec<Variable>,
    #[command(flatten)]
    gate: GateArgs,
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
    execute(args, console).unwrap_or_else(|(status, message)| {
        console.say(&message);
        status
    })
}

fn execute(args: &Args, console: &mut Console<'_>) -> Result<ExitStatus, Stop> {
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
        (Ok(result), _) => console.write(|out| writeln!(out, "{result}")),
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
