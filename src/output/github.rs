//! `github`: workflow commands that become annotations of a pull request.
//!
//! GitHub shows 10 errors, 10 warnings and 10 notices a step: the rest is counted, not written.

use std::io::{self, Write};

use super::{count, escape};
use crate::finding::Level;
use crate::report::{FileReport, Report, Reported};

/// What GitHub shows of each kind in a step.
const ANNOTATIONS_MAX: usize = 10;

/// Writes the report: the gravest first.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    // A file that was not checked is as good as an error, and comes before those.
    let problems: Vec<_> = report.problems().collect();
    for (file, problem) in problems.iter().take(ANNOTATIONS_MAX) {
        let text = format!("{}: not checked: {}", escape(file.path()), escape(problem));
        writeln!(out, "::error file={},title=not checked::{}", property(&repository_path(file)), data(&text))?;
    }
    let mut cut: Vec<(usize, &str)> = vec![(problems.len().saturating_sub(ANNOTATIONS_MAX), "file not checked")];
    for (level, command, name) in
        [(Level::Error, "error", "error"), (Level::Warning, "warning", "warning"), (Level::Note, "notice", "note")]
    {
        let taken = if level == Level::Error { problems.len().min(ANNOTATIONS_MAX) } else { 0 };
        let findings = report.files.iter().flat_map(|file| file.unsuppressed().map(move |reported| (file, reported)));
        let all: Vec<(&FileReport, &Reported)> = findings.filter(|(_, reported)| reported.finding.level == level).collect();
        let shown = all.len().min(ANNOTATIONS_MAX - taken);
        for (file, reported) in &all[..shown] {
            annotation(file, reported, command, out)?;
        }
        cut.push((all.len() - shown, name));
    }
    let cut: Vec<String> = cut.into_iter().filter(|(number, _)| *number > 0).map(|(number, what)| count(number, what)).collect();
    if !cut.is_empty() {
        writeln!(out, "{} more not shown as annotations: see the summary", cut.join(", "))?;
    }
    Ok(())
}

fn annotation(file: &FileReport, reported: &Reported, command: &str, out: &mut dyn Write) -> io::Result<()> {
    let (start, end) = (reported.location.start, reported.location.end);
    let mut text = format!("{}:{}:{}: {}", file.path(), start.line, start.column, reported.finding.message);
    for step in &reported.related {
        text.push_str(&format!("\nline {}: {}", step.location.start.line, escape(&step.message)));
    }
    if !reported.finding.help.is_empty() {
        text.push_str(&format!("\nhelp: {}", escape(&reported.finding.help)));
    }
    let text = text.lines().map(escape).collect::<Vec<_>>().join("\n");
    // Columns only mean anything to GitHub within one line.
    let columns = if start.line == end.line { format!(",col={},endColumn={}", start.column, end.column) } else { String::new() };
    writeln!(
        out,
        "::{command} file={},line={},endLine={}{columns},title={}::{}",
        property(&repository_path(file)),
        start.line,
        end.line,
        property(reported.finding.rule),
        data(&text)
    )
}

fn repository_path(file: &FileReport) -> String {
    escape(&String::from_utf8_lossy(&file.origin().repository)).into_owned()
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_written_by_an_attacker_is_a_command() {
        assert_eq!(property("a,b:c%\n::set-env"), "a%2Cb%3Ac%25%0A%3A%3Aset-env");
        assert_eq!(data("x\r\n::error::y"), "x%0D%0A::error::y");
    }
}
