//! `json`, version 1. Other tools parse it: the types here are its definition, apart from the
//! internal ones, and change only with the version. `reason` stands only where a file was not
//! checked.

use std::io::{self, Write};

use serde::Serialize;

use crate::report::{FileReport, Location, Report, Reported};
use crate::rules::{find, ruleset_digest};
use crate::suppression::Suppression;

/// Writes the report, and nothing else.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &document(report))?;
    writeln!(out)
}

/// Findings of one file, as problem documents give them too.
///
/// # Errors
/// Those of serde.
pub fn findings(findings: &[Reported]) -> serde_json::Result<serde_json::Value> {
    serde_json::to_value(findings.iter().map(json_finding).collect::<Vec<_>>())
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    tool: Tool,
    files: Vec<File<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
    ruleset: &'static str,
}

#[derive(Serialize)]
struct File<'a> {
    path: &'a str,
    sha256: Option<&'a str>,
    entry: Option<&'a str>,
    parse: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    findings: Vec<JsonFinding<'a>>,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    rule: &'static str,
    checklist: &'static str,
    level: &'static str,
    confidence: &'static str,
    message: &'a str,
    help: &'a str,
    cwe: &'static [&'static str],
    fingerprint: &'a str,
    suppressed: Option<JsonSuppression<'a>>,
    location: JsonLocation,
    related: Vec<JsonRelated<'a>>,
}

#[derive(Serialize)]
struct JsonSuppression<'a> {
    kind: crate::suppression::SuppressionKind,
    justification: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonLocation {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
    start_byte: u32,
    end_byte: u32,
}

#[derive(Serialize)]
struct JsonRelated<'a> {
    message: &'a str,
    location: JsonLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    files: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    suppressed: usize,
    duration_ms: u64,
}

fn document(report: &Report) -> Document<'_> {
    let counts = report.counts();
    Document {
        version: 1,
        tool: Tool { name: "fnvet", version: env!("CARGO_PKG_VERSION"), ruleset: ruleset_digest() },
        files: report.files.iter().map(json_file).collect(),
        summary: Summary {
            files: report.files.len(),
            errors: counts.errors,
            warnings: counts.warnings,
            notes: counts.notes,
            suppressed: counts.suppressed,
            duration_ms: report.duration.as_millis() as u64,
        },
    }
}

fn json_file(file: &FileReport) -> File<'_> {
    File {
        path: file.path(),
        sha256: file.sha256(),
        entry: file.entry().map(|entry| entry.name.as_str()),
        parse: file.parse().as_str(),
        reason: file.problem(),
        findings: file.findings().iter().map(json_finding).collect(),
    }
}

fn json_finding(reported: &Reported) -> JsonFinding<'_> {
    let finding = &reported.finding;
    let meta = find(finding.rule);
    JsonFinding {
        rule: finding.rule,
        checklist: meta.map_or("file", |meta| meta.checklist),
        level: finding.level.as_str(),
        confidence: finding.confidence.as_str(),
        message: &finding.message,
        help: &finding.help,
        cwe: meta.map_or(&[], |meta| meta.cwe),
        fingerprint: &reported.fingerprint,
        suppressed: reported.suppressed.as_ref().map(json_suppression),
        location: json_location(&reported.location),
        related: reported
            .related
            .iter()
            .map(|related| JsonRelated { message: &related.message, location: json_location(&related.location) })
            .collect(),
    }
}

fn json_suppression(suppression: &Suppression) -> JsonSuppression<'_> {
    JsonSuppression { kind: suppression.kind, justification: &suppression.justification }
}

fn json_location(location: &Location) -> JsonLocation {
    JsonLocation {
        start_line: location.start.line,
        start_column: location.start.column,
        end_line: location.end.line,
        end_column: location.end.column,
        start_byte: location.range.start,
        end_byte: location.range.end,
    }
}
