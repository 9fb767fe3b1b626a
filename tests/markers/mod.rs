//! What fixtures expect of lint: `//~ rule-id level[, rule-id level]` at the end of the line on
//! which the finding's primary place starts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fnvet::config::Settings;
use fnvet::finding::Level;
use fnvet::lint::{Job, lint};
use fnvet::report::FileReport;
use fnvet::source::collect::collect;

/// A finding, as markers name it.
pub type Mark = (u32, String, String);

/// One file of the fixtures: what was found, and what should have been.
pub struct Judged {
    /// The folder below the root that was asked for.
    pub folder: String,
    /// The path of the file below the fixtures.
    pub path: String,
    /// What is marked.
    pub expected: BTreeSet<Mark>,
    /// What was found.
    pub found: BTreeSet<Mark>,
    /// Why it was not checked, if it was not.
    pub problem: Option<String>,
}

impl Judged {
    /// Marks that no finding meets.
    pub fn missed(&self) -> Vec<&Mark> {
        self.expected.difference(&self.found).collect()
    }

    /// Errors that nothing marks.
    pub fn false_errors(&self) -> Vec<&Mark> {
        self.found.difference(&self.expected).filter(|(.., level)| level == Level::Error.as_str()).collect()
    }
}

/// Lints everything below `fixtures/ROOT`.
pub fn judge(root: &str) -> Vec<Judged> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let collected = collect(&[PathBuf::from(root)], None, &fixtures);
    let settings = std::sync::Arc::new(Settings::default());
    let jobs: Vec<Job> = collected.targets.into_iter().map(|target| Job { target, settings: settings.clone() }).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let reports = lint(&jobs, threads, &|| {}).expect("threads");
    reports.iter().map(|report| judged(report, root)).collect()
}

fn judged(report: &FileReport, root: &str) -> Judged {
    let path = report.path().to_owned();
    let below = path.strip_prefix(&format!("{root}/")).unwrap_or(&path);
    let folder = below.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let text = report.source().map_or("", |source| &source.text);
    let of_finding = |finding: &fnvet::report::Reported| {
        (finding.location.start.line, finding.finding.rule.to_owned(), finding.finding.level.as_str().to_owned())
    };
    Judged {
        folder,
        expected: text.lines().zip(1..).flat_map(|(line, number)| marks(&path, number, line)).collect(),
        found: report.findings().iter().map(of_finding).collect(),
        problem: report.problem().map(str::to_owned),
        path,
    }
}

fn marks(path: &str, number: u32, line: &str) -> Vec<Mark> {
    let Some((_, list)) = line.split_once("//~") else { return Vec::new() };
    let mark = |part: &str| match part.split_whitespace().collect::<Vec<_>>()[..] {
        [rule, level] if fnvet::rules::find(rule).is_some() && ["error", "warning", "note"].contains(&level) => {
            (number, rule.to_owned(), level.to_owned())
        }
        _ => panic!("{path}:{number}: not a marker: {part:?}"),
    };
    list.split(',').map(mark).collect()
}

/// `path:line rule level`, one a line.
pub fn list<'a>(path: &str, marks: impl IntoIterator<Item = &'a Mark>) -> String {
    marks.into_iter().map(|(line, rule, level)| format!("  fixtures/{path}:{line} {rule} {level}\n")).collect()
}
