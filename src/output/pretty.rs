//! `pretty`: each finding with excerpts and labels for the whole path, drawn by miette.
//!
//! miette is given a small document made for one finding (only the lines its labels touch, clipped
//! and escaped), so that neither a minified file nor one with ten thousand findings is a burden,
//! and nothing in the source reaches the terminal unescaped.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, Severity, SourceCode, SourceSpan,
    SpanContents, ThemeCharacters, ThemeStyles,
};

use super::{Style, escape, escape_path, push_escaped, summary};
use crate::finding::Level;
use crate::report::{FileReport, Location, Report, Reported};
use crate::source::{SourceFile, TextRange};

/// Lines of a label that are shown; the rest of a longer one is cut.
const LABEL_LINES_MAX: u32 = 6;

/// Bytes of a line that are shown whole.
const LINE_BYTES_MAX: usize = 160;

/// Bytes shown around a label of a longer line.
const MARGIN_BYTES: usize = 60;

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let handler = handler(style);
    let empty = SourceFile::new("", "");
    for file in &report.files {
        if let Some(problem) = file.problem() {
            writeln!(out, "{}: not checked: {}\n", escape_path(file.path()), escape(problem))?;
        }
        for reported in file.unsuppressed() {
            let mut text = String::new();
            let shown = Shown::new(file, file.source().unwrap_or(&empty), reported);
            handler.render_report(&mut text, &shown).map_err(|_| io::Error::other("a finding could not be drawn"))?;
            writeln!(out, "{text}")?;
        }
    }
    writeln!(out, "{}", summary(report))
}

fn handler(style: Style) -> GraphicalReportHandler {
    let theme = GraphicalTheme {
        characters: if style.unicode { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() },
        styles: if style.color { ThemeStyles::ansi() } else { ThemeStyles::none() },
    };
    // Unwrapped, every line begins with something of ours: see `escape_path`.
    GraphicalReportHandler::new_themed(theme).with_links(false).with_wrap_lines(false).without_syntax_highlighting()
}

/// One finding, as miette wants it.
#[derive(Debug)]
struct Shown {
    code: String,
    message: String,
    help: String,
    severity: Severity,
    excerpt: Excerpt,
}

impl Shown {
    fn new(file: &FileReport, source: &SourceFile, reported: &Reported) -> Shown {
        let finding = &reported.finding;
        let steps = reported.related.len();
        let numbered = |at: usize, message: &str| {
            if steps > 1 { format!("{}. {}", at + 1, escape(message)) } else { escape(message).into_owned() }
        };
        let mut labels: Vec<(Location, String, bool)> =
            reported.related.iter().enumerate().map(|(at, step)| (step.location, numbered(at, &step.message), false)).collect();
        labels.push((reported.location, escape(&finding.primary.message).into_owned(), true));
        let mut help = escape(&finding.help).into_owned();
        if let Some(suggestion) = &finding.suggestion {
            help.push_str(&format!("\nrewrite: {}", escape(&suggestion.replacement)));
        }
        Shown {
            code: format!("{}[{}]", finding.level.as_str(), finding.rule),
            message: escape(&finding.message).into_owned(),
            help,
            severity: match finding.level {
                Level::Error => Severity::Error,
                Level::Warning => Severity::Warning,
                Level::Note => Severity::Advice,
            },
            excerpt: Excerpt::new(escape(file.path()).into_owned(), source, &labels),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown {}

impl Diagnostic for Shown {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.code))
    }

    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.excerpt.labels.iter().cloned()))
    }
}

/// The lines around the labels of one finding, as a document of their own.
#[derive(Debug)]
struct Excerpt {
    name: String,
    text: String,
    lines: Vec<ExcerptLine>,
    labels: Vec<LabeledSpan>,
    /// Where each label starts in `text`, and its column in the source.
    columns: Vec<(usize, u32)>,
}

/// A line of the excerpt.
#[derive(Debug)]
struct ExcerptLine {
    /// Where it starts in the excerpt.
    start: usize,
    /// Its number in the source, from 1.
    number: u32,
    /// From bytes of the source to bytes of the excerpt, for each character shown.
    map: Vec<(u32, usize)>,
}

impl Excerpt {
    fn new(name: String, source: &SourceFile, labels: &[(Location, String, bool)]) -> Excerpt {
        let mut excerpt = Excerpt { name, text: String::new(), lines: Vec::new(), labels: Vec::new(), columns: Vec::new() };
        let last_line = |location: &Location| location.end.line.min(location.start.line + LABEL_LINES_MAX);
        let around = labels.iter().flat_map(|(at, ..)| at.start.line.saturating_sub(1).max(1)..=last_line(at) + 1);
        let numbers: BTreeSet<u32> = around.filter(|line| *line <= source.line_count()).collect();
        for number in numbers {
            let marks: Vec<TextRange> = labels.iter().map(|(at, ..)| at.range).collect();
            excerpt.push_line(source, number, &marks);
        }
        for (location, message, primary) in labels {
            let start = excerpt.map(location.start.line, location.range.start);
            let end = excerpt.map(last_line(location), location.range.end).max(start);
            let text = (!message.is_empty()).then(|| message.clone());
            let label = if *primary { LabeledSpan::new_primary_with_span } else { LabeledSpan::new_with_span };
            excerpt.labels.push(label(text, (start, end - start)));
            excerpt.columns.push((start, location.start.column));
        }
        excerpt
    }

    fn push_line(&mut self, source: &SourceFile, number: u32, marks: &[TextRange]) {
        let start = source.line_start(number).unwrap_or_default();
        let end = source.line_start(number + 1).unwrap_or(source.text.len() as u32);
        let whole = source.slice(TextRange::new(start, end)).trim_end_matches(['\n', '\r', '\u{2028}', '\u{2029}']);
        let (from, to) = window(whole, start, marks);
        let mut line = ExcerptLine { start: self.text.len(), number, map: Vec::new() };
        if from > 0 {
            self.text.push('…');
        }
        for (at, c) in whole[from..to].char_indices() {
            line.map.push((start + (from + at) as u32, self.text.len()));
            if c == '\t' { self.text.push(c) } else { push_escaped(&mut self.text, c) }
        }
        line.map.push((start + to as u32, self.text.len()));
        if to < whole.len() {
            self.text.push('…');
        }
        self.text.push('\n');
        self.lines.push(line);
    }

    /// Where byte `offset` of the source, which stands on `line`, is in the excerpt.
    fn map(&self, line: u32, offset: u32) -> usize {
        let Some(line) = self.lines.iter().find(|candidate| candidate.number == line) else { return 0 };
        let at = line.map.partition_point(|(byte, _)| *byte < offset);
        line.map.get(at).or(line.map.last()).map_or(line.start, |(_, at)| *at)
    }

    fn line_at(&self, offset: usize) -> usize {
        self.lines.partition_point(|line| line.start <= offset).saturating_sub(1)
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(&'a self, span: &SourceSpan, before: usize, after: usize) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let end = span.offset() + span.len();
        let (mut first, mut last) = (self.line_at(span.offset()), self.line_at(end.saturating_sub(1).max(span.offset())));
        let follows = |line: usize| self.lines[line].number == self.lines[line - 1].number + 1;
        if last >= self.lines.len() || (first + 1..=last).any(|line| !follows(line)) {
            return Err(MietteError::OutOfBounds);
        }
        let number = self.lines[first].number;
        let column = self.columns.iter().find(|(at, _)| *at == span.offset()).map_or(0, |(_, column)| *column as usize - 1);
        for _ in 0..before {
            first -= usize::from(first > 0 && follows(first));
        }
        for _ in 0..after {
            last += usize::from(last + 1 < self.lines.len() && follows(last + 1));
        }
        let from = self.lines[first].start;
        let to = self.lines.get(last + 1).map_or(self.text.len(), |next| next.start);
        // Without context the question is where the span starts; with it, what to draw.
        let (line, column) = if before == 0 { (number, column) } else { (self.lines[first].number, 0) };
        let data = self.text[from..to].trim_end_matches('\n').as_bytes();
        let contents =
            MietteSpanContents::new_named(self.name.clone(), data, (from, to - from).into(), line as usize - 1, column, last - first + 1);
        Ok(Box::new(contents))
    }
}

/// The part of a line to show: all of it, or what is around the marks on it.
fn window(line: &str, start: u32, marks: &[TextRange]) -> (usize, usize) {
    if line.len() <= LINE_BYTES_MAX {
        return (0, line.len());
    }
    let end = start + line.len() as u32;
    let first = marks.iter().filter(|mark| mark.start <= end && mark.end >= start).map(|mark| mark.start.max(start) - start).min();
    let mut from = (first.unwrap_or_default() as usize).saturating_sub(MARGIN_BYTES);
    let mut to = (from + LINE_BYTES_MAX).min(line.len());
    while !line.is_char_boundary(from) {
        from -= 1;
    }
    while !line.is_char_boundary(to) {
        to -= 1;
    }
    (from, to)
}
