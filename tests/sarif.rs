//! What code scanning demands of a SARIF file, and no general validator notices.

use std::path::PathBuf;
use std::sync::Arc;

use fnvet::config::{RuleLevel, Settings};
use fnvet::lint::{Job, lint};
use fnvet::output::{Format, Style, write};
use fnvet::report::Report;
use fnvet::source::collect::collect;
use serde_json::Value;

fn sarif(files: &[(&str, &str)]) -> Value {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut settings = Settings::default();
    settings.set_rule("no-undef", RuleLevel::Warning).unwrap();
    let settings = Arc::new(settings);
    let targets = collect(&[PathBuf::from(".")], None, root.path()).targets;
    let jobs: Vec<Job> = targets.into_iter().map(|target| Job { target, settings: settings.clone() }).collect();
    let report = Report::new(lint(&jobs, 2, &|| {}).unwrap(), std::time::Duration::ZERO);
    let mut out = Vec::new();
    write(Format::Sarif, &report, Style::PLAIN, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

const BROKEN: &str = "function execute(input) {\n\treturn \"😀é\" +;\n}\n";

#[test]
fn the_document_is_complete_even_when_it_is_empty() {
    let document = sarif(&[("a.js", "function execute(input) {}")]);
    assert_eq!(document["version"], "2.1.0");
    assert!(document["$schema"].as_str().unwrap().contains("sarif-2.1.0"));
    let run = &document["runs"][0];
    assert_eq!(run["results"], serde_json::json!([]));
    assert_eq!(run["columnKind"], "utf16CodeUnits");
    assert!(run["automationDetails"]["id"].as_str().unwrap().ends_with('/'));
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    let driver = &run["tool"]["driver"];
    assert_eq!((&driver["name"], &driver["semanticVersion"]), (&"fnvet".into(), &env!("CARGO_PKG_VERSION").into()));
}

#[test]
fn every_rule_says_what_github_reads() {
    let document = sarif(&[("a.js", "")]);
    let rules = document["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), fnvet::rules::RULES.len());
    for rule in rules {
        let text = |path: &str| rule.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{path} of {}", rule["id"]));
        for path in ["/id", "/name", "/shortDescription/text", "/fullDescription/text", "/help/text", "/help/markdown"] {
            assert!(!text(path).is_empty(), "{path}");
        }
        assert!(text("/fullDescription/text").chars().count() <= 1024);
        assert!(text("/helpUri").starts_with("https://"));
        assert!(["error", "warning", "note"].contains(&text("/defaultConfiguration/level")));
        let severity: f64 = text("/properties/security-severity").parse().expect("a number as text");
        assert!((0.0..=10.0).contains(&severity));
        assert!(["very-high", "high", "medium", "low"].contains(&text("/properties/precision")));
        assert!(["error", "warning", "recommendation"].contains(&text("/properties/problem.severity")));
        let tags: Vec<&str> = rule["properties"]["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
        assert!(tags.len() <= 20 && tags.iter().skip(1).all(|tag| tag.starts_with("external/cwe/cwe-")), "{tags:?}");
    }
}

#[test]
fn a_result_has_its_place_in_utf16_and_its_hashes() {
    let document = sarif(&[("sub dir/a#1.js", BROKEN)]);
    let result = &document["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"syntax-error".into(), &"error".into()));
    let rule = &document["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
    assert_eq!(rule["id"], result["ruleId"]);
    let physical = &result["locations"][0]["physicalLocation"];
    assert_eq!(physical["artifactLocation"]["uri"], "sub%20dir/a%231.js");
    let base = physical["artifactLocation"]["uriBaseId"].as_str().unwrap();
    assert!(document["runs"][0]["originalUriBaseIds"][base].is_object());
    assert_eq!(physical["region"], serde_json::json!({"startLine": 2, "startColumn": 16, "endLine": 2, "endColumn": 17}));
    let hash = result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap();
    assert!(hash.ends_with(":1") && hash.len() > 3, "{hash}");
    assert!(result["message"]["text"].as_str().unwrap().len() > 10);
}

#[test]
fn a_file_that_was_not_checked_makes_the_run_unsuccessful() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a.js"), b"\xff").unwrap();
    let target = collect(&[PathBuf::from("a.js")], None, root.path()).targets.remove(0);
    let jobs = [Job { target, settings: Arc::default() }];
    let report = Report::new(lint(&jobs, 1, &|| {}).unwrap(), std::time::Duration::ZERO);
    let mut out = Vec::new();
    write(Format::Sarif, &report, Style::PLAIN, &mut out).unwrap();
    let document: Value = serde_json::from_slice(&out).unwrap();
    let invocation = &document["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let notification = &invocation["toolExecutionNotifications"][0];
    assert!(notification["message"]["text"].as_str().unwrap().contains("UTF-8"));
    assert_eq!(notification["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "a.js");
}

#[test]
fn the_report_holds_no_path_of_this_machine() {
    let document = sarif(&[("a.js", BROKEN)]).to_string();
    assert!(!document.contains("/tmp/") && !document.contains(env!("CARGO_MANIFEST_DIR")));
}
