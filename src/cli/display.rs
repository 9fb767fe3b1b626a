//! What several commands show, and how they ask.

use std::io::{BufRead, IsTerminal, stdin};
use std::time::Duration;

use super::gate::{Stop, failure};
use super::{Console, ExitStatus};
use crate::output::{self, Format, Style, count, escape};
use crate::report::{FileReport, Report, Waiver};
use crate::trial::TrialReport;

/// All findings, on standard error.
pub fn findings(report: &FileReport, console: &mut Console<'_>) {
    let report = Report::new(vec![report.clone()], Duration::ZERO);
    let style = Style { color: console.style.color && console.err_is_terminal, ..console.style };
    let mut text = Vec::new();
    if output::write(Format::Pretty, &report, style, &mut text).is_ok() {
        // If standard error is closed there is nowhere to say so.
        let _ = console.err.write_all(&text);
    }
}

/// A function for whoever is asked about it: the source unless `briefly`, the findings, what is waived.
pub fn function(
    shown: &str,
    source: &str,
    report: &FileReport,
    waivers: &[Waiver],
    briefly: bool,
    console: &mut Console<'_>,
) -> ExitStatus {
    let report = Report::new(vec![report.clone()], Duration::ZERO);
    let style = console.style;
    console.write(|out| {
        if !briefly {
            writeln!(out, "{}", numbered(shown, source))?;
        }
        output::write(Format::Pretty, &report, style, out)?;
        for waiver in waivers {
            let reason = escape(&waiver.reason);
            writeln!(out, "waived: {} at {}:{}: {reason}", waiver.rule, waiver.line, waiver.column)?;
        }
        Ok(())
    })
}

/// The source with the numbers of its lines.
pub fn numbered(shown: &str, source: &str) -> String {
    let lines = source.lines().enumerate().map(|(at, line)| format!("{:>5} | {}\n", at + 1, escape(line)));
    format!("{}:\n{}", escape(shown), lines.collect::<String>())
}

/// A trial.
pub fn trial(report: &TrialReport) -> String {
    let verdict = if report.is_passed() { "passed" } else { "failed" };
    let mut text = format!(
        "trial {verdict}: {}, {}, {}; {} returned, {} refused by the schema; at most {} and {} of heap\n",
        count(report.cases, "case"),
        count(report.inputs, "other input"),
        count(report.executions, "execution"),
        report.returned,
        report.rejected,
        count(usize::try_from(report.statements_max).unwrap_or(usize::MAX), "statement"),
        count(usize::try_from(report.heap_bytes_max).unwrap_or(usize::MAX), "byte"),
    );
    if report.isolation != "full" {
        text.push_str(&format!("  isolation was {}\n", report.isolation));
    }
    for finding in &report.findings {
        text.push_str(&format!("  {}: {}\n", finding.level.as_str(), escape(&finding.message)));
        if let Some(case) = &finding.case {
            text.push_str(&format!("    in the case {:?}\n", escape(case)));
        }
        if let Some(input) = finding.shown_input() {
            text.push_str(&format!("    with the input {}\n", escape(&input)));
        }
    }
    text
}

/// Whether there is somebody to ask.
pub fn may_ask(console: &Console<'_>) -> bool {
    stdin().is_terminal() && console.err_is_terminal
}

/// Asks on the terminal; anything but yes is no.
pub fn asked(question: &str, console: &mut Console<'_>) -> Result<bool, Stop> {
    let written = console.err.write_all(format!("{} [y/N] ", escape(question)).as_bytes()).and_then(|()| console.err.flush());
    written.map_err(|error| failure(format!("standard error: {error}")))?;
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer).map_err(|error| failure(format!("standard input: {error}")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
