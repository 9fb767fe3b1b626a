//! `sarif`: SARIF 2.1.0 as GitHub code scanning reads it.
//!
//! What a comment or a baseline suppresses is left out, since GitHub would show it as open. A clean
//! run still yields a complete document: that is what closes stale alerts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::json;
use serde_sarif::sarif;

use crate::finding::{Confidence, Level, Suggestion};
use crate::report::{FileReport, Location, Report, Reported};
use crate::rule::RuleMeta;
use crate::rules::{RULES, ruleset_digest};
use crate::trial;

mod line_hash;

use line_hash::LineHashes;

/// Code scanning takes no more results.
const RESULTS_MAX: usize = 25_000;

/// Steps of a path that are written: code scanning shows no more locations.
const STEPS_MAX: usize = 100;

/// The longest description that code scanning takes.
const DESCRIPTION_CHARS_MAX: usize = 1_024;

/// What relative paths are relative to.
const ROOT: &str = "PROJECTROOT";

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &document(report))?;
    writeln!(out)
}

fn document(report: &Report) -> sarif::Sarif {
    let (results, cut) = results(report);
    let run = sarif::Run::builder()
        .tool(sarif::Tool::builder().driver(driver(report)).build())
        .automation_details(sarif::RunAutomationDetails::builder().id("fnvet/".to_owned()).build())
        .column_kind(json!("utf16CodeUnits"))
        .newline_sequences(["\r\n", "\n", "\r", "\u{2028}", "\u{2029}"].map(String::from).to_vec())
        .original_uri_base_ids(BTreeMap::from([(ROOT.to_owned(), root())]))
        .invocations(vec![invocation(report, cut)])
        .results(results)
        .build();
    sarif::Sarif::builder().schema(SCHEMA.to_owned()).version(json!("2.1.0")).runs(vec![run]).build()
}

fn driver(report: &Report) -> sarif::ToolComponent {
    sarif::ToolComponent::builder()
        .name("fnvet".to_owned())
        .full_name(format!("fnvet {}", env!("CARGO_PKG_VERSION")))
        .version(env!("CARGO_PKG_VERSION").to_owned())
        .semantic_version(env!("CARGO_PKG_VERSION").to_owned())
        .information_uri(information_uri())
        .short_description(text(env!("CARGO_PKG_DESCRIPTION")))
        .properties(bag([("ruleset", json!(ruleset_digest()))]))
        .rules(rules(report).map(descriptor).collect::<Vec<_>>())
        .build()
}

/// What the document describes: every rule and, where there was one, the trial.
fn rules(report: &Report) -> impl Iterator<Item = &'static RuleMeta> {
    let is_tried = report.files.iter().flat_map(FileReport::findings).any(|reported| reported.finding.rule == trial::META.id);
    RULES.iter().map(|rule| rule.meta()).chain(is_tried.then_some(&trial::META))
}

fn information_uri() -> String {
    match env!("CARGO_PKG_REPOSITORY") {
        "" => "https://crates.io/crates/fnvet".to_owned(),
        repository => repository.to_owned(),
    }
}

fn help_uri(meta: &RuleMeta) -> String {
    match env!("CARGO_PKG_REPOSITORY") {
        "" => format!("https://docs.rs/crate/fnvet/{}/source/rules/{}.md", env!("CARGO_PKG_VERSION"), meta.id),
        repository => format!("{repository}/blob/main/rules/{}.md", meta.id),
    }
}

fn descriptor(meta: &RuleMeta) -> sarif::ReportingDescriptor {
    let mut tags: Vec<String> = meta.cwe.iter().filter_map(|cwe| cwe_tag(cwe)).collect();
    tags.insert(0, if tags.is_empty() { "correctness" } else { "security" }.to_owned());
    let severity = match meta.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "recommendation",
    };
    let precision = match meta.confidence {
        Confidence::High => "high",
        Confidence::Medium => "medium",
        Confidence::Low => "low",
    };
    let mut properties = bag([
        ("precision", json!(precision)),
        ("problem.severity", json!(severity)),
        ("security-severity", json!(meta.security_severity)),
        ("checklist", json!(meta.checklist)),
    ]);
    properties.tags = Some(tags);
    let help = sarif::MultiformatMessageString::builder().text(meta.page.to_owned()).markdown(meta.page.to_owned()).build();
    sarif::ReportingDescriptor::builder()
        .id(meta.id.to_owned())
        .name(pascal_case(meta.id))
        .short_description(text(&sentence(meta.summary)))
        .full_description(text(&full_description(meta)))
        .help(help)
        .help_uri(help_uri(meta))
        .default_configuration(sarif::ReportingConfiguration::builder().level(json!(meta.level.as_str())).build())
        .properties(properties)
        .build()
}

/// The page's first paragraph, which says what the rule is about; else the summary.
fn full_description(meta: &RuleMeta) -> String {
    let paragraph = meta.page.split("\n\n").map(str::trim).find(|part| !part.is_empty() && !part.starts_with(['#', '`', '|', '-', '<']));
    let words: Vec<&str> = paragraph.unwrap_or(meta.summary).split_whitespace().collect();
    sentence(&words.join(" ")).chars().take(DESCRIPTION_CHARS_MAX).collect()
}

/// `CWE-95` is `external/cwe/cwe-095` to GitHub.
fn cwe_tag(cwe: &str) -> Option<String> {
    let number: u32 = cwe.strip_prefix("CWE-")?.parse().ok()?;
    Some(format!("external/cwe/cwe-{number:03}"))
}

fn pascal_case(id: &str) -> String {
    let part = |part: &str| part.chars().next().map(|first| format!("{}{}", first.to_ascii_uppercase(), &part[first.len_utf8()..]));
    id.split('-').filter_map(part).collect()
}

/// How the run itself went: what could not be read, and what did not fit.
fn invocation(report: &Report, cut: usize) -> sarif::Invocation {
    let notification = |message: String, location: Option<sarif::Location>| {
        let mut notification = sarif::Notification::builder().level(json!("error")).message(plain(&message)).build();
        notification.locations = location.map(|location| vec![location]);
        notification
    };
    let problem = |(file, problem): (&FileReport, &str)| {
        let physical = sarif::PhysicalLocation::builder().artifact_location(artifact(file)).build();
        notification(sentence(problem), Some(sarif::Location::builder().physical_location(physical).build()))
    };
    let mut notifications: Vec<sarif::Notification> = report.problems().map(problem).collect();
    if cut > 0 {
        notifications.push(notification(format!("{cut} results are left out: code scanning takes {RESULTS_MAX}."), None));
    }
    let mut invocation = sarif::Invocation::builder().execution_successful(report.problems().next().is_none()).build();
    invocation.tool_execution_notifications = (!notifications.is_empty()).then_some(notifications);
    invocation
}

/// The results, and how many did not fit. The gravest are kept.
fn results(report: &Report) -> (Vec<sarif::Result>, usize) {
    let mut chosen: Vec<(&FileReport, &Reported)> =
        report.files.iter().flat_map(|file| file.unsuppressed().map(move |reported| (file, reported))).collect();
    chosen.sort_by_key(|(_, reported)| std::cmp::Reverse(reported.finding.level));
    let cut = chosen.len().saturating_sub(RESULTS_MAX);
    chosen.truncate(RESULTS_MAX);
    // Findings of one file stand together, so that its lines are hashed once.
    chosen.sort_by_key(|(file, _)| file.origin());
    let mut hashes: Option<(&FileReport, LineHashes)> = None;
    let mut results = Vec::with_capacity(chosen.len());
    for (file, reported) in chosen {
        if hashes.as_ref().is_none_or(|(of, _)| !std::ptr::eq(*of, file)) {
            hashes = Some((file, LineHashes::new(file.source().map_or("", |source| &source.text))));
        }
        let hash = hashes.as_ref().and_then(|(_, hashes)| hashes.at(reported.location.range.start)).unwrap_or_default();
        results.push(result(file, reported, hash));
    }
    (results, cut)
}

fn result(file: &FileReport, reported: &Reported, line_hash: &str) -> sarif::Result {
    let finding = &reported.finding;
    let steps = &reported.related[..reported.related.len().min(STEPS_MAX)];
    let primary = location(file, &reported.location, None);
    let mut result = sarif::Result::builder()
        .rule_id(finding.rule.to_owned())
        .level(match finding.level {
            Level::Error => sarif::ResultLevel::Error,
            Level::Warning => sarif::ResultLevel::Warning,
            Level::Note => sarif::ResultLevel::Note,
        })
        .message(message(reported))
        .locations(vec![primary])
        .partial_fingerprints(BTreeMap::from([
            ("primaryLocationLineHash".to_owned(), line_hash.to_owned()),
            ("fnvetFingerprint/v1".to_owned(), reported.fingerprint.clone()),
        ]))
        .properties(bag([("confidence", json!(finding.confidence.as_str()))]))
        .build();
    let index = RULES.iter().position(|rule| rule.meta().id == finding.rule);
    result.rule_index = index.or((finding.rule == trial::META.id).then_some(RULES.len())).map(|at| at as i64);
    if !steps.is_empty() {
        let related = steps.iter().enumerate().map(|(at, step)| {
            let mut related = location(file, &step.location, Some(&step.message));
            related.id = Some(at as i64 + 1);
            related
        });
        result.related_locations = Some(related.collect());
        result.code_flows = Some(vec![code_flow(file, reported)]);
    }
    if let (Some(suggestion), Some(source)) = (&finding.suggestion, file.source()) {
        let positions = source.positions([suggestion.range.start, suggestion.range.end]);
        let place = Location { start: positions[&suggestion.range.start], end: positions[&suggestion.range.end], range: suggestion.range };
        result.fixes = Some(vec![fix(file, suggestion, &place)]);
    }
    result
}

/// The path, step by step, to the finding itself.
fn code_flow(file: &FileReport, reported: &Reported) -> sarif::CodeFlow {
    let steps = reported.related.iter().take(STEPS_MAX).map(|step| (&step.location, step.message.as_str()));
    let end = if reported.finding.primary.message.is_empty() { &reported.finding.message } else { &reported.finding.primary.message };
    let locations = steps
        .chain([(&reported.location, end.as_str())])
        .map(|(place, message)| sarif::ThreadFlowLocation::builder().location(location(file, place, Some(message))).build());
    let flow = sarif::ThreadFlow::builder().locations(locations.collect::<Vec<_>>()).build();
    sarif::CodeFlow::builder().thread_flows(vec![flow]).build()
}

fn fix(file: &FileReport, suggestion: &Suggestion, place: &Location) -> sarif::Fix {
    let replacement = sarif::Replacement::builder()
        .deleted_region(region(place))
        .inserted_content(sarif::ArtifactContent::builder().text(suggestion.replacement.clone()).build())
        .build();
    let change = sarif::ArtifactChange::builder().artifact_location(artifact(file)).replacements(vec![replacement]).build();
    sarif::Fix::builder().description(plain("Rewrite.")).artifact_changes(vec![change]).build()
}

/// What is found, how it comes about with a link to each step, and the remedy.
fn message(reported: &Reported) -> sarif::Message {
    let finding = &reported.finding;
    let mut text = sentence(&escape_links(&finding.message));
    let steps: Vec<String> = reported
        .related
        .iter()
        .take(STEPS_MAX)
        .enumerate()
        .map(|(at, step)| format!("[{}]({})", escape_links(&step.message), at + 1))
        .collect();
    if !steps.is_empty() {
        let _ = write!(text, " Path: {}.", steps.join(", then "));
    }
    if !finding.help.is_empty() {
        let _ = write!(text, " Help: {}", sentence(&escape_links(&finding.help)));
    }
    plain(&text)
}

/// Text of the source must not become a link.
fn escape_links(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        if matches!(c, '[' | ']' | '\\') {
            escaped.push('\\');
        }
        super::push_escaped(&mut escaped, c);
        escaped
    })
}

fn location(file: &FileReport, place: &Location, message: Option<&str>) -> sarif::Location {
    let physical = sarif::PhysicalLocation::builder().artifact_location(artifact(file)).region(region(place)).build();
    let mut location = sarif::Location::builder().physical_location(physical).build();
    location.message = message.map(|message| plain(&sentence(&escape_links(message))));
    location
}

fn region(place: &Location) -> sarif::Region {
    sarif::Region::builder()
        .start_line(i64::from(place.start.line))
        .start_column(i64::from(place.start.column))
        .end_line(i64::from(place.end.line))
        .end_column(i64::from(place.end.column))
        .build()
}

fn artifact(file: &FileReport) -> sarif::ArtifactLocation {
    sarif::ArtifactLocation::builder().uri(percent_encode(&file.origin().repository)).uri_base_id(ROOT.to_owned()).build()
}

fn root() -> sarif::ArtifactLocation {
    let description = "The root of the repository or, outside of one, the folder that fnvet ran in.";
    sarif::ArtifactLocation::builder().description(plain(description)).build()
}

/// A relative reference of RFC 3986: unreserved characters and slashes stay.
fn percent_encode(path: &[u8]) -> String {
    path.iter().fold(String::with_capacity(path.len()), |mut uri, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(*byte)),
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
        uri
    })
}

/// `text` with a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let ends = text.ends_with(['.', '?', '!']);
    format!("{text}{}", if ends { "" } else { "." })
}

fn plain(text: &str) -> sarif::Message {
    sarif::Message::builder().text(text.to_owned()).build()
}

fn text(text: &str) -> sarif::MultiformatMessageString {
    sarif::MultiformatMessageString::builder().text(text.to_owned()).build()
}

fn bag<const N: usize>(properties: [(&str, serde_json::Value); N]) -> sarif::PropertyBag {
    let properties: BTreeMap<String, serde_json::Value> = properties.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    sarif::PropertyBag::builder().additional_properties(properties).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_github_wants_them() {
        assert_eq!(pascal_case("no-new-func"), "NoNewFunc");
        assert_eq!(cwe_tag("CWE-95").as_deref(), Some("external/cwe/cwe-095"));
        assert_eq!(cwe_tag("CWE-1321").as_deref(), Some("external/cwe/cwe-1321"));
    }

    #[test]
    fn paths_are_encoded_byte_by_byte() {
        assert_eq!(percent_encode("a b/c:#é%.js".as_bytes()), "a%20b/c%3A%23%C3%A9%25.js");
        assert_eq!(percent_encode(b"f\xFF\n.js"), "f%FF%0A.js");
    }

    #[test]
    fn source_text_cannot_forge_a_link() {
        assert_eq!(escape_links("`[x](http://e)` \u{202e}"), "`\\[x\\](http://e)` \\u{202e}");
    }
}
