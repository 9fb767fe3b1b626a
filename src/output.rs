//! Emitters, one per format. They decide nothing: what counts, and in which order, is the report's
//! affair; what the exit status is, the command line's.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use crate::report::Report;
pub(crate) use crate::sandbox::text::is_deceptive;

pub mod concise;
pub mod github;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod pretty;
pub mod sarif;

/// A way to write a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Excerpts with labels, for people at a terminal.
    Pretty,
    /// A line per finding.
    Concise,
    /// Version 1 of the JSON report.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands that become annotations.
    Github,
    /// The summary of a workflow step.
    Markdown,
    /// A test case per function.
    Junit,
}

/// All formats with their names.
pub const FORMATS: &[(&str, Format)] = &[
    ("pretty", Format::Pretty),
    ("concise", Format::Concise),
    ("json", Format::Json),
    ("sarif", Format::Sarif),
    ("github", Format::Github),
    ("markdown", Format::Markdown),
    ("junit", Format::Junit),
];

impl Format {
    /// Whether its readers are people, who read the reason of a problem in it.
    pub fn is_for_people(self) -> bool {
        matches!(self, Format::Pretty | Format::Concise)
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        FORMATS.iter().find(|(name, _)| *name == text).map(|(_, format)| *format).ok_or_else(|| {
            let names: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
            format!("`{text}` is no format: {}", names.join(", "))
        })
    }
}

/// What the place that a report goes to can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// ANSI colours.
    pub color: bool,
    /// Characters beyond ASCII for lines and arrows.
    pub unicode: bool,
}

impl Style {
    /// For files and pipes.
    pub const PLAIN: Style = Style { color: false, unicode: true };
}

/// Writes `report` in `format`.
///
/// # Errors
/// Those of `out`.
pub fn write(format: Format, report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Pretty => pretty::write(report, style, out),
        Format::Concise => concise::write(report, out),
        Format::Json => json::write(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Github => github::write(report, out),
        Format::Markdown => markdown::write(report, out),
        Format::Junit => junit::write(report, out),
    }
}

/// Writes a file so that its readers see all of it or what was there before. A pipe or a device is
/// written to as it is.
///
/// # Errors
/// Those of the file system and of `write`.
pub fn to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // A link stays; what it names is replaced.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let existing = path.metadata().ok();
    if existing.as_ref().is_some_and(|metadata| !metadata.is_file()) {
        let mut out = io::BufWriter::new(std::fs::OpenOptions::new().write(true).open(&path)?);
        write(&mut out)?;
        return out.flush();
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new();
    temporary.prefix(".fnvet-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        temporary.permissions(existing.map_or_else(|| std::fs::Permissions::from_mode(0o666), |metadata| metadata.permissions()));
    }
    let mut out = io::BufWriter::new(temporary.tempfile_in(folder)?);
    write(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// `text` as one line that a terminal shows as it is: control and format characters, which could
/// move the cursor or reorder what is read, are written `\u{…}`.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_deceptive) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    text.chars().for_each(|c| push_escaped(&mut escaped, c));
    Cow::Owned(escaped)
}

/// A value as JSON that steers no terminal: what deceives is written as JSON's own escapes.
pub fn escape_json(value: &serde_json::Value) -> String {
    let json = value.to_string();
    if !json.chars().any(is_deceptive) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        match c {
            // Outside of strings JSON is ASCII.
            _ if is_deceptive(c) => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A path at the beginning of a line. `::error::x.js` is a possible name, and a command to GitHub.
pub(crate) fn escape_path(path: &str) -> Cow<'_, str> {
    match escape(path) {
        escaped if escaped.trim_start().starts_with("::") => Cow::Owned(format!("./{escaped}")),
        escaped => escaped,
    }
}

/// As [`escape`], for text of several lines.
pub fn escape_lines(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' { escaped.push(c) } else { push_escaped(&mut escaped, c) }
    }
    escaped
}

pub(crate) fn push_escaped(text: &mut String, c: char) {
    if is_deceptive(c) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\\u{{{:x}}}", c as u32);
    } else {
        text.push(c);
    }
}

/// `1 error`, `2 errors`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// `1 error, 2 warnings in 3 files (1 suppressed)`, or that nothing was found.
pub(crate) fn summary(report: &Report) -> String {
    let counts = report.counts();
    let kinds = [(counts.errors, "error"), (counts.warnings, "warning"), (counts.notes, "note")];
    let found: Vec<String> = kinds.iter().filter(|(number, _)| *number > 0).map(|(number, what)| count(*number, what)).collect();
    let found = if found.is_empty() { "no findings".to_owned() } else { found.join(", ") };
    let mut aside = Vec::new();
    if counts.suppressed > 0 {
        aside.push(format!("{} suppressed", counts.suppressed));
    }
    let problems = report.problems().count();
    if problems > 0 {
        aside.push(format!("{} not checked", count(problems, "file")));
    }
    let aside = if aside.is_empty() { String::new() } else { format!(" ({})", aside.join(", ")) };
    format!("{found} in {}{aside}", count(report.files.len(), "file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_the_cursor_or_the_text_survives() {
        assert_eq!(escape("a\u{1b}[31mb\u{202e}c\nd\u{9b}e"), "a\\u{1b}[31mb\\u{202e}c\\u{a}d\\u{9b}e");
        assert!(matches!(escape("größer 😀 日本"), Cow::Borrowed(_)));
        assert_eq!(escape_lines("a\nb\r"), "a\nb\\u{d}");
        assert_eq!(escape_path("::error::x.js"), "./::error::x.js");
    }
}
