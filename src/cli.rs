//! The command line: clap types, and one thin file per command.
//!
//! Commands write to the [`Console`] they are given and return an [`ExitStatus`]; they neither
//! print nor exit.

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{Parser, Subcommand};

use crate::output::{Style, escape};

pub mod approve;
pub mod audit;
pub mod completions;
mod display;
pub mod doctor;
pub mod explain;
mod gate;
pub mod lint;
pub mod list;
pub mod reject;
pub mod rules;
pub mod run;
pub mod serve;
pub mod show;
pub mod store;
pub mod submit;
pub mod token;
pub mod verify;

/// Reviews AI Functions before they run: lint, sandboxed trial, four-eyes approval, audit.
#[derive(Debug, Parser)]
#[command(name = "fnvet", version, max_term_width = 100, after_help = EXIT_STATUS_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_STATUS_HELP: &str = "\
Exit status: 0 clean or done; 1 blocking findings, a refusal, a failed verification or execution;
2 wrong usage or configuration; 3 fnvet could not do its work.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Lints files and folders
    Lint(lint::Args),
    /// Prints the page of a rule
    Explain(explain::Args),
    /// Lists the rules
    Rules(rules::Args),
    /// Runs one function in the sandbox: a file, through the same gate as approve, or an active one of the registry
    Run(run::Args),
    /// Hands in a function, or a new version of one, to the registry
    Submit(submit::Args),
    /// Lists functions of the registry
    List(list::Args),
    /// Shows a function of the registry in full
    Show(show::Args),
    /// Approves one function: lint, trial, a second person's decision
    Approve(approve::Args),
    /// Declines a version in the registry
    Reject(reject::RejectArgs),
    /// Ends every version of a function in the registry
    Revoke(reject::RevokeArgs),
    /// Checks that every function has a valid approval of exactly its content
    Verify(verify::Args),
    /// Prints, filters or verifies the audit log
    Audit(audit::Args),
    /// Serves the HTTP API, metrics and MCP tools over the registry
    Serve(serve::Args),
    /// Shows which isolation layers hold here, and runs attacks against them
    Doctor(doctor::Arguments),
    /// Makes a token that says who acts on the registry
    Token(token::Args),
    /// Prints a completion script for a shell
    Completions(completions::Args),
    /// Prints the JSON Schema of fnvet.toml
    #[command(hide = true)]
    ConfigSchema,
}

/// What a run of fnvet ends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// 0: clean, or done.
    #[default]
    Success,
    /// 1: blocking findings, a refusal, a failed verification, an execution that failed.
    Findings,
    /// 2: wrong usage or configuration.
    Usage,
    /// 3: fnvet could not do its work.
    Failure,
}

impl ExitStatus {
    /// The number that the process exits with.
    pub fn code(self) -> u8 {
        match self {
            ExitStatus::Success => 0,
            ExitStatus::Findings => 1,
            ExitStatus::Usage => 2,
            ExitStatus::Failure => 3,
        }
    }

    /// Of two that apply, the one that is reported: 2 before 3 before 1.
    pub fn and(self, other: ExitStatus) -> ExitStatus {
        let rank = |status| match status {
            ExitStatus::Success => 0,
            ExitStatus::Findings => 1,
            ExitStatus::Failure => 2,
            ExitStatus::Usage => 3,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// Where a command writes, and what can be shown there.
pub struct Console<'a> {
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error: prose and progress.
    pub err: &'a mut dyn Write,
    /// What standard output can show.
    pub style: Style,
    /// Whether standard error is a terminal.
    pub err_is_terminal: bool,
}

impl Console<'_> {
    /// Writes prose to standard error: escaped, and each line marked as ours, so that no text of a
    /// source or a file name is taken for a command by a build server that reads along. If standard
    /// error is closed there is nowhere to say so.
    pub fn say(&mut self, message: &str) {
        for line in message.lines().filter(|line| !line.trim().is_empty()) {
            let _ = writeln!(self.err, "fnvet: {}", escape(line).replace("##[", "## ["));
        }
    }

    /// Writes to standard output. A reader that went away is no failure.
    pub fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> ExitStatus {
        match write(self.out).and_then(|()| self.out.flush()) {
            Ok(()) => ExitStatus::Success,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitStatus::Success,
            Err(error) => {
                self.say(&format!("standard output: {error}"));
                ExitStatus::Failure
            }
        }
    }
}

/// Runs fnvet with `args`, the first of which is the program's name.
pub fn run(args: impl IntoIterator<Item = OsString>, console: &mut Console<'_>) -> ExitStatus {
    match Cli::try_parse_from(args) {
        Ok(cli) => dispatch(cli.command, console),
        Err(error) if error.use_stderr() => {
            let text = error.render().to_string();
            console.say(text.strip_prefix("error: ").unwrap_or(&text).trim_end());
            ExitStatus::Usage
        }
        Err(help) => {
            let text = help.render();
            let text = if console.style.color { text.ansi().to_string() } else { text.to_string() };
            console.write(|out| out.write_all(text.as_bytes()))
        }
    }
}

fn dispatch(command: Command, console: &mut Console<'_>) -> ExitStatus {
    match command {
        Command::Lint(args) => lint::run(args, console),
        Command::Explain(args) => explain::run(&args, console),
        Command::Rules(args) => rules::run(&args, console),
        Command::Run(args) => run::run(&args, console),
        Command::Submit(args) => submit::run(&args, console),
        Command::List(args) => list::run(&args, console),
        Command::Show(args) => show::run(&args, console),
        Command::Approve(args) => approve::run(&args, console),
        Command::Reject(args) => reject::reject(&args, console),
        Command::Revoke(args) => reject::revoke(&args, console),
        Command::Verify(args) => verify::run(&args, console),
        Command::Audit(args) => audit::run(&args, console),
        Command::Serve(args) => serve::run(&args, console),
        Command::Doctor(args) => run_doctor(&args, console),
        Command::Token(args) => token::run(&args, console),
        Command::Completions(args) => completions::run(&args, console),
        Command::ConfigSchema => console.write(|out| out.write_all(crate::config::json_schema().as_bytes())),
    }
}

fn run_doctor(args: &doctor::Arguments, console: &mut Console<'_>) -> ExitStatus {
    match doctor::run(args) {
        Ok(diagnosis) => {
            let text = diagnosis.render();
            let written = console.write(|out| out.write_all(text.as_bytes()));
            written.and(if diagnosis.is_healthy() { ExitStatus::Success } else { ExitStatus::Findings })
        }
        Err(error) => {
            console.say(&error.to_string());
            ExitStatus::Failure
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn two_goes_before_three_before_one() {
        use ExitStatus::*;
        assert_eq!(Findings.and(Failure).and(Usage).and(Success), Usage);
        assert_eq!(Findings.and(Failure).and(Success), Failure);
        assert_eq!(Success.and(Findings), Findings);
    }
}
