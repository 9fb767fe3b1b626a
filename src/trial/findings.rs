//! What the trial found, as findings of the lint report: each about the function as a whole.

use super::{Kind, TrialFinding, TrialReport};
use crate::finding::{Confidence, Finding, Level};
use crate::report::FileReport;
use crate::rule::RuleMeta;
use crate::source::TextRange;

/// What is said about findings of the trial, as of those of a rule.
pub static META: RuleMeta = RuleMeta {
    id: "trial",
    summary: "The function goes wrong when it is tried in the sandbox",
    checklist: "file",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &[],
    security_severity: "7.0",
    since: "0.1.0",
    page: include_str!("../../rules/trial.md"),
};

/// Most characters of an input that are shown.
const INPUT_CHARS_MAX: usize = 300;

/// The lint report on a function with the findings of its trial.
pub fn joined(lint: &FileReport, trial: &TrialReport) -> FileReport {
    let range = lint.entry().map_or_else(TextRange::default, |entry| entry.range);
    let name = lint.entry().map_or("", |entry| &entry.name);
    lint.with(trial.findings.iter().map(|found| (finding(found, range), format!("{} of {name}", found.kind.name()))))
}

fn finding(found: &TrialFinding, range: TextRange) -> Finding {
    let mut message = format!("{}: {}", found.kind.name(), found.message);
    if let Some(case) = &found.case {
        message.push_str(&format!("; in the case {case:?}"));
    }
    if let Some(input) = found.shown_input() {
        message.push_str(&format!("; with the input {input}"));
    }
    let help = match (found.kind, &found.case) {
        (Kind::NoCases, _) => "put cases with what they expect beside the function: NAME.cases.json",
        (Kind::Untried, _) => "put a case beside the function whose input its schema allows: NAME.cases.json",
        (Kind::OutOfTime, _) => "make it faster, or its limits lower",
        (Kind::UnusableSchema, _) => "make the schema a valid one that refers to nothing outside itself",
        (_, Some(_)) => "see what it does with the case's input by `fnvet run FILE --input JSON`",
        (_, None) => "refuse such input with an error that says so, or handle it; `fnvet run FILE --input JSON` shows what happens",
    };
    Finding::new(&META, range, message).level(found.level).help(help).tag("tried")
}

impl TrialFinding {
    /// The input that shows it, cut where it is long.
    pub fn shown_input(&self) -> Option<String> {
        let input = self.input.as_ref()?.to_string();
        Some(match input.char_indices().nth(INPUT_CHARS_MAX) {
            Some((at, _)) => format!("{}… ({} bytes)", &input[..at], input.len()),
            None => input,
        })
    }
}

impl Kind {
    /// The name that reports give it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::WrongResult => "wrong-result",
            Kind::MissingResult => "missing-result",
            Kind::Limit => "limit",
            Kind::Leak => "leak",
            Kind::SensitiveOutput => "sensitive-output",
            Kind::Unserializable => "unserializable",
            Kind::Unsettled => "unsettled",
            Kind::Crash => "crash",
            Kind::UnusableSchema => "unusable-schema",
            Kind::OutOfTime => "out-of-time",
            Kind::Untried => "untried",
            Kind::EngineError => "engine-error",
            Kind::NotANumber => "not-a-number",
            Kind::Differs => "differs",
            Kind::Echo => "echo",
            Kind::NoCases => "no-cases",
        }
    }
}
