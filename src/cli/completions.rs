//! `fnvet completions SHELL`

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Console, ExitStatus};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// Writes the script.
pub fn run(args: &Args, console: &mut Console<'_>) -> ExitStatus {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "fnvet", &mut script);
    console.write(|out| out.write_all(&script))
}
