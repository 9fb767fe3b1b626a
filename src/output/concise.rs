//! `concise`: a line per finding, `path:line:column: level[rule] message`.

use std::io::{self, Write};

use super::{escape, escape_path};
use crate::report::Report;

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for file in &report.files {
        let path = escape_path(file.path());
        if let Some(problem) = file.problem() {
            writeln!(out, "{path}: not checked: {}", escape(problem))?;
        }
        for reported in file.unsuppressed() {
            let (finding, start) = (&reported.finding, reported.location.start);
            let level = finding.level.as_str();
            writeln!(out, "{path}:{}:{}: {level}[{}] {}", start.line, start.column, finding.rule, escape(&finding.message))?;
        }
    }
    Ok(())
}
