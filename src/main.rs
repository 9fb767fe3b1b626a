//! Arguments, one call, exit status. The only place that prints or exits.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use fnvet::cli::doctor;
use fnvet::sandbox::heap::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Doctor(doctor::Arguments),
}

fn main() -> ExitCode {
    fnvet::sandbox::worker::main_if_worker();
    let Command::Doctor(arguments) = Cli::parse().command;
    match doctor::run(&arguments) {
        Ok(diagnosis) => {
            anstream::print!("{}", diagnosis.render());
            if diagnosis.is_healthy() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => {
            anstream::eprintln!("{error}");
            ExitCode::from(3)
        }
    }
}
