//! `junit`: a test case per function, for build servers that know nothing else.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report as JunitReport, TestCase, TestCaseStatus, TestSuite};

use super::escape;
use crate::finding::Level;
use crate::report::{FileReport, Report};

/// Writes the report. Warnings and notes do not fail a case; they are its output.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut suite = TestSuite::new("lint");
    suite.add_test_cases(report.files.iter().map(case));
    let mut document = JunitReport::new("fnvet");
    document.add_test_suite(suite);
    document.serialize(&mut *out).map_err(io::Error::other)?;
    writeln!(out)
}

fn case(file: &FileReport) -> TestCase {
    let lines = |errors: bool| -> Vec<String> {
        let chosen = file.unsuppressed().filter(|reported| (reported.finding.level == Level::Error) == errors);
        let line = |reported: &crate::report::Reported| {
            let (finding, start) = (&reported.finding, reported.location.start);
            format!("{}:{}: {}[{}] {}", start.line, start.column, finding.level.as_str(), finding.rule, escape(&finding.message))
        };
        chosen.map(line).collect()
    };
    let errors = lines(true);
    let status = match file.problem() {
        Some(problem) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type("not-checked").set_message(escape(problem));
            status
        }
        None if errors.is_empty() => TestCaseStatus::success(),
        None => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("blocking").set_message(super::count(errors.len(), "blocking finding")).set_description(errors.join("\n"));
            status
        }
    };
    let mut case = TestCase::new(escape(file.path()), status);
    case.set_classname("fnvet.lint");
    let others = lines(false);
    if !others.is_empty() {
        case.set_system_out(others.join("\n"));
    }
    case
}
