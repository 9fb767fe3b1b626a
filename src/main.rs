//! Arguments, one call, exit status. The only place that prints or exits.

use std::io::{BufWriter, IsTerminal, Write, stderr, stdout};
use std::panic::catch_unwind;
use std::process::ExitCode;

use anstream::ColorChoice;
use fnvet::cli::{self, Console, ExitStatus};
use fnvet::output::Style;
use fnvet::sandbox::heap::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    fnvet::sandbox::worker::main_if_worker();
    fnvet::lint::install_panic_hook();
    // What the hook did not keep for a report has been printed by it.
    let status = catch_unwind(run).unwrap_or(ExitStatus::Failure);
    ExitCode::from(status.code())
}

fn run() -> ExitStatus {
    let color = anstream::AutoStream::choice(&stdout()) != ColorChoice::Never;
    let style = Style { color, unicode: draws_unicode() };
    let mut out = BufWriter::new(stdout().lock());
    let mut console = Console { out: &mut out, err: &mut stderr(), style, err_is_terminal: stderr().is_terminal() };
    let status = cli::run(std::env::args_os(), &mut console);
    // A command flushes what it writes and reports what went wrong; this is for what is left.
    let _ = out.flush();
    status
}

/// A terminal whose locale says otherwise gets ASCII; a file or a pipe gets what the report is made of.
fn draws_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty());
    !stdout().is_terminal() || locale.is_none_or(|locale| locale.to_ascii_lowercase().replace('-', "").contains("utf8"))
}
