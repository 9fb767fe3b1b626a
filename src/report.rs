//! What lint found: sorted, without duplicates, ready for any emitter.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::config::Settings;
use crate::finding::{Finding, Label, Level};
use crate::program::Executable;
use crate::semantic::Entry;
use crate::source::collect::Origin;
use crate::source::{Goal, LineColumn, SourceFile, TextRange};
use crate::suppression::{Baseline, Suppression, SuppressionKind};

mod cleared;
mod fingerprint;

pub use cleared::{Cleared, Refusal, Waiver, WaiverRequest};
use fingerprint::Fingerprints;

/// How far reading a source came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseStatus {
    /// It was parsed and judged.
    Ok,
    /// It has a syntax error.
    Failed,
    /// It could not be read.
    Unreadable,
    /// It is larger than the limit.
    TooLarge,
    /// It nests deeper than the limit.
    TooDeep,
}

impl ParseStatus {
    /// The spelling used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            ParseStatus::Ok => "ok",
            ParseStatus::Failed => "failed",
            ParseStatus::Unreadable => "unreadable",
            ParseStatus::TooLarge => "too-large",
            ParseStatus::TooDeep => "too-deep",
        }
    }
}

/// A place as reports give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// First position.
    pub start: LineColumn,
    /// One past the last position.
    pub end: LineColumn,
    /// The bytes.
    pub range: TextRange,
}

/// A step of the path to a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// What happens there.
    pub message: String,
    /// Where.
    pub location: Location,
}

/// A finding with everything that only the report knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// What the rule said, at the level that the settings give it.
    pub finding: Finding,
    /// Where.
    pub location: Location,
    /// The path that leads there, in order.
    pub related: Vec<Related>,
    /// Its name across edits.
    pub fingerprint: String,
    /// Why it does not count in lint's exit status, if it does not.
    pub suppressed: Option<Suppression>,
}

/// A function's InputSchema.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Exactly the bytes that were read.
    pub bytes: Arc<[u8]>,
    /// What they say.
    pub value: Arc<serde_json::Value>,
}

/// The report on one source. Only the pipeline makes one.
#[derive(Clone, Debug)]
pub struct FileReport {
    origin: Origin,
    parse: ParseStatus,
    problem: Option<String>,
    sha256: Option<String>,
    findings: Vec<Reported>,
    source: Option<SourceFile>,
    goal: Option<Goal>,
    entry: Option<Entry>,
    schema: Option<Schema>,
    program: Option<Arc<Executable>>,
    settings: Arc<Settings>,
    timings: Vec<(&'static str, Duration)>,
    bounds: BTreeMap<&'static str, u64>,
}

/// What the pipeline hands over for a report.
#[derive(Debug)]
pub(crate) struct Parts {
    pub parse: ParseStatus,
    pub problem: Option<String>,
    pub sha256: Option<String>,
    pub source: Option<SourceFile>,
    pub goal: Option<Goal>,
    pub entry: Option<Entry>,
    pub schema: Option<Schema>,
    /// What would run; made under the settings of the gate only.
    pub program: Option<Executable>,
    /// Findings at their final level, with what suppresses each and the name of the function around it.
    pub findings: Vec<(Finding, Option<Suppression>, String)>,
    pub timings: Vec<(&'static str, Duration)>,
    pub bounds: BTreeMap<&'static str, u64>,
}

impl FileReport {
    /// Sorts, removes duplicates, and adds positions and fingerprints.
    pub(crate) fn new(origin: Origin, settings: Arc<Settings>, parts: Parts) -> FileReport {
        let Parts { parse, problem, sha256, source, goal, entry, schema, program, mut findings, timings, bounds } = parts;
        let program = program.map(Arc::new);
        findings.sort_by(|(a, ..), (b, ..)| identity(a).cmp(&identity(b)).then(b.level.cmp(&a.level)));
        findings.dedup_by(|(later, ..), (kept, ..)| identity(later) == identity(kept));
        findings.sort_by(|(a, ..), (b, ..)| order(a).cmp(&order(b)));
        let findings = reported(source.as_ref(), findings);
        FileReport { origin, parse, problem, sha256, findings, source, goal, entry, schema, program, settings, timings, bounds }
    }

    /// The report with findings of another check than lint, each with the name of what it is about.
    #[must_use]
    pub(crate) fn with(&self, others: impl Iterator<Item = (Finding, String)>) -> FileReport {
        let mut report = self.clone();
        let others = others.map(|(finding, about)| (finding, None, about)).collect();
        report.findings.extend(reported(self.source.as_ref(), others));
        report.findings.sort_by(|a, b| order(&a.finding).cmp(&order(&b.finding)));
        report
    }

    /// Where the source stands.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The path that is shown.
    pub fn path(&self) -> &str {
        &self.origin.shown
    }

    /// How far reading came.
    pub fn parse(&self) -> ParseStatus {
        self.parse
    }

    /// Why fnvet could not do its work on this source: it or its schema is unreadable, or an
    /// internal failure. Such a report is never a clean one.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Hex SHA-256 of the bytes, if they were read.
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// The findings, suppressed ones too, in order.
    pub fn findings(&self) -> &[Reported] {
        &self.findings
    }

    /// The findings that count.
    pub fn unsuppressed(&self) -> impl Iterator<Item = &Reported> {
        self.findings.iter().filter(|finding| finding.suppressed.is_none())
    }

    /// The source, if it was read.
    pub fn source(&self) -> Option<&SourceFile> {
        self.source.as_ref()
    }

    /// The goal it was parsed with.
    pub fn goal(&self) -> Option<Goal> {
        self.goal
    }

    /// The entry function, if the file has one.
    pub fn entry(&self) -> Option<&Entry> {
        self.entry.as_ref()
    }

    /// The InputSchema beside it.
    pub fn schema(&self) -> Option<&Schema> {
        self.schema.as_ref()
    }

    /// The settings it was linted under.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// What took how long: phases of the pipeline, and rules by id.
    pub fn timings(&self) -> &[(&'static str, Duration)] {
        &self.timings
    }

    /// Which of its own bounds the analysis reached, and how often.
    pub fn bounds(&self) -> &BTreeMap<&'static str, u64> {
        &self.bounds
    }

    /// Suppresses what `baseline` knows and takes it out of there.
    pub fn apply_baseline(&mut self, baseline: &mut Baseline, name: &str) {
        for finding in self.findings.iter_mut().filter(|finding| finding.suppressed.is_none()) {
            if baseline.take(&finding.fingerprint) {
                finding.suppressed = Some(Suppression { kind: SuppressionKind::External, justification: format!("baseline {name}") });
            }
        }
    }
}

/// The report on all sources of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One for each source, in order of the shown path.
    pub files: Vec<FileReport>,
    /// How long the run took.
    pub duration: Duration,
}

/// How many findings a report has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Errors that count.
    pub errors: usize,
    /// Warnings that count.
    pub warnings: usize,
    /// Notes that count.
    pub notes: usize,
    /// Findings that do not count.
    pub suppressed: usize,
}

impl Report {
    /// A report on `files`, in any order.
    pub fn new(mut files: Vec<FileReport>, duration: Duration) -> Report {
        files.sort_by(|a, b| a.origin.cmp(&b.origin));
        Report { files, duration }
    }

    /// How many findings there are.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for finding in self.files.iter().flat_map(|file| &file.findings) {
            let count = match (&finding.suppressed, finding.finding.level) {
                (Some(_), _) => &mut counts.suppressed,
                (None, Level::Error) => &mut counts.errors,
                (None, Level::Warning) => &mut counts.warnings,
                (None, Level::Note) => &mut counts.notes,
            };
            *count += 1;
        }
        counts
    }

    /// The gravest level of a finding that counts.
    pub fn worst(&self) -> Option<Level> {
        self.files.iter().flat_map(FileReport::unsuppressed).map(|finding| finding.finding.level).max()
    }

    /// The files on which fnvet could not do its work.
    pub fn problems(&self) -> impl Iterator<Item = (&FileReport, &str)> {
        self.files.iter().filter_map(|file| file.problem().map(|problem| (file, problem)))
    }
}

/// Adds positions and fingerprints to findings in their order.
fn reported(source: Option<&SourceFile>, findings: Vec<(Finding, Option<Suppression>, String)>) -> Vec<Reported> {
    let empty = SourceFile::new("", "");
    let text = source.unwrap_or(&empty);
    let ranges = findings.iter().flat_map(|(finding, ..)| std::iter::once(&finding.primary).chain(&finding.related));
    let positions = text.positions(ranges.flat_map(|label| [label.range.start, label.range.end]));
    let mut fingerprints = Fingerprints::default();
    findings
        .into_iter()
        .map(|(finding, suppressed, function)| Reported {
            location: locate(&positions, finding.primary.range),
            related: finding.related.iter().map(|label| relate(&positions, label)).collect(),
            fingerprint: fingerprints.next(finding.rule, &function, text.slice(finding.primary.range)),
            suppressed,
            finding,
        })
        .collect()
}

/// The one order of findings: by place, then gravity, then what is left to tell them apart.
fn order(finding: &Finding) -> impl Ord + '_ {
    let range = finding.primary.range;
    (range.start, range.end, std::cmp::Reverse(finding.level), finding.rule, &finding.message)
}

/// What makes two findings one: the same statement of the same rule about the same place.
fn identity(finding: &Finding) -> impl Ord + '_ {
    (finding.primary.range, finding.rule, &finding.message)
}

fn locate(positions: &HashMap<u32, LineColumn>, range: TextRange) -> Location {
    Location { start: positions[&range.start], end: positions[&range.end], range }
}

fn relate(positions: &HashMap<u32, LineColumn>, label: &Label) -> Related {
    Related { message: label.message.clone(), location: locate(positions, label.range) }
}
