//! `markdown`: the summary of a workflow step, or a comment.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{escape, summary};
use crate::finding::Level;
use crate::report::{FileReport, Report, Reported};

/// A step summary holds 1 MiB; what is left is for what says how much was cut.
const BYTES_MAX: usize = (1 << 20) - 1_024;

/// Writes the report: files not checked, then findings, the gravest first.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut text = format!("## fnvet: {}\n", summary(report));
    let problems: Vec<String> = report.problems().map(|(file, problem)| problem_row(file, problem)).collect();
    let mut cut = section(&mut text, "\n| file | not checked because |\n| --- | --- |\n", problems);
    let mut findings: Vec<(&FileReport, &Reported)> =
        report.files.iter().flat_map(|file| file.unsuppressed().map(move |reported| (file, reported))).collect();
    findings.sort_by_key(|(_, reported)| std::cmp::Reverse(reported.finding.level));
    let rows = findings.into_iter().map(|(file, reported)| finding_row(file, reported));
    cut += section(&mut text, "\n| | rule | place | finding |\n| --- | --- | --- | --- |\n", rows);
    if cut > 0 {
        let _ = write!(text, "\n{cut} more are left out: a summary holds 1 MiB.\n");
    }
    out.write_all(text.as_bytes())
}

/// Appends a table as far as it fits; how many rows did not.
fn section(text: &mut String, head: &str, rows: impl IntoIterator<Item = String>) -> usize {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return 0;
    }
    text.push_str(head);
    let mut cut = 0;
    for row in rows {
        if cut == 0 && text.len() + row.len() <= BYTES_MAX { text.push_str(&row) } else { cut += 1 }
    }
    cut
}

fn problem_row(file: &FileReport, problem: &str) -> String {
    format!("| {} | {} |\n", cell(file.path()), cell(problem))
}

fn finding_row(file: &FileReport, reported: &Reported) -> String {
    let (finding, start) = (&reported.finding, reported.location.start);
    let mark = match finding.level {
        Level::Error => "❌ error",
        Level::Warning => "⚠️ warning",
        Level::Note => "ℹ️ note",
    };
    let mut what = cell(&finding.message);
    for step in &reported.related {
        let _ = write!(what, "<br>line {}: {}", step.location.start.line, cell(&step.message));
    }
    if !finding.help.is_empty() {
        let _ = write!(what, "<br><em>{}</em>", cell(&finding.help));
    }
    format!("| {mark} | {} | {}:{}:{} | {what} |\n", finding.rule, cell(file.path()), start.line, start.column)
}

/// Text as text: every character that means anything to Markdown, HTML, tables, mentions or
/// autolinks is written as a character reference. Pairs of backticks, as messages have them, become
/// code.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len() + 16);
    for (at, part) in escape(text).split('`').enumerate() {
        let code = at % 2 == 1;
        if code {
            cell.push_str("<code>");
        }
        part.chars().for_each(|c| push_reference(&mut cell, c));
        if code {
            cell.push_str("</code>");
        }
    }
    cell
}

fn push_reference(cell: &mut String, c: char) {
    if c.is_ascii_punctuation() && !matches!(c, ',' | ';' | '\'') || c == '@' {
        let _ = write!(cell, "&#{};", c as u32);
    } else {
        cell.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_written_by_an_attacker_is_markup() {
        let written = cell("<img src=x>|`a|b` [l](http://e) @team\n## x");
        for bad in ['|', '[', '@', '#', '\n'] {
            let plain = written.replace("&#", "");
            assert!(!plain.contains(bad), "{bad:?} in {written}");
        }
        assert_eq!(written.matches('<').count(), 2);
        assert!(written.contains("<code>a&#124;b</code>"));
    }

    #[test]
    fn a_table_ends_where_the_summary_would_be_full() {
        let mut text = String::new();
        let cut = section(&mut text, "", std::iter::repeat_n("x".repeat(1 << 16), 20));
        assert!(text.len() <= BYTES_MAX && cut == 5, "{cut}");
    }
}
