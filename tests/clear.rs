//! The door to the sandbox: what clears a function, and what never does.

use std::sync::Arc;

use fnvet::config::{Config, Settings};
use fnvet::lint::{Job, lint_one};
use fnvet::report::{FileReport, Refusal, WaiverRequest};
use fnvet::source::collect::Target;

fn trusted(text: &str) -> Config {
    Config::parse(text, "fnvet.toml").unwrap()
}

/// A policy under which every suppression without a reason blocks: an error that can be waived.
const STRICT: &str = "[rules]\nsuppression-without-reason = \"error\"\n";

const CLEAN: &str = "function execute(input) {\n  return { ok: true };\n}\n";
const ONE: &str = "// fnvet-disable-line no-eval\nfunction execute(input) {\n  return { ok: true };\n}\n";
const TWO: &str =
    "/* fnvet-disable-line no-eval */ /* fnvet-disable-line no-eval */\nfunction execute(input) {\n  return { ok: true };\n}\n";

fn report(source: &str, config: &str) -> FileReport {
    let settings = Settings::for_gate(Some(&trusted(config)), None, None);
    lint_one(Job { target: Target::given("f.js", source.as_bytes(), None), settings: Arc::new(settings) }).unwrap()
}

fn waiver(selector: &str) -> WaiverRequest {
    WaiverRequest { selector: selector.to_owned(), reason: "known and harmless".to_owned() }
}

fn usage(report: &FileReport, request: WaiverRequest) -> String {
    match report.clear(&[request]) {
        Err(Refusal::Usage(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_clean_function_is_cleared_with_exactly_its_bytes() {
    let schema: Arc<[u8]> = b"{ \"type\": \"object\" }".as_slice().into();
    let target = Target::given("f.ts", CLEAN.as_bytes(), Some(schema.clone()));
    let settings = Arc::new(Settings::for_gate(None, None, None));
    let cleared = lint_one(Job { target, settings }).unwrap().clear(&[]).unwrap();
    assert_eq!(&*cleared.source().text, CLEAN);
    assert_eq!(cleared.entry().name, "execute");
    assert_eq!(cleared.schema().unwrap().bytes, schema);
    assert_eq!(cleared.policy_digest().len(), 64);
    assert!(cleared.waivers().is_empty());
}

#[test]
fn the_policy_digest_follows_rules_and_limits() {
    let digest = |config: &str| report(CLEAN, config).clear(&[]).unwrap().policy_digest();
    assert_eq!(digest(""), digest("store = \"x\""));
    assert_ne!(digest(""), digest(STRICT));
    assert_ne!(digest(""), digest("[limits]\nstatements = 5"));
}

#[test]
fn settings_of_lint_do_not_open_the_door() {
    let job = Job { target: Target::given("f.js", CLEAN.as_bytes(), None), settings: Arc::default() };
    assert!(matches!(lint_one(job).unwrap().clear(&[]), Err(Refusal::Failure(_))));
}

#[test]
fn an_error_blocks_whatever_the_author_writes_about_it() {
    let source = "function execute(input) {\n  // fnvet-disable-next-line no-eval -- trust me\n  return { sum: eval(\"1 + 1\") };\n}\n";
    let report = report(source, "");
    let shown: Vec<_> = report.unsuppressed().map(|f| f.finding.rule).collect();
    assert_eq!(shown, ["no-eval"], "the gate does not hear suppressions");
    match report.clear(&[]) {
        Err(Refusal::Blocking(findings)) => assert_eq!(findings[0].finding.rule, "no-eval"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_waiver_names_one_finding_by_place_or_fingerprint() {
    let report = report(ONE, STRICT);
    assert!(matches!(report.clear(&[]), Err(Refusal::Blocking(findings)) if findings.len() == 1));
    let fingerprint = report.findings()[0].fingerprint.clone();
    for selector in ["suppression-without-reason@1:1", fingerprint.as_str()] {
        let cleared = report.clear(&[waiver(selector)]).unwrap();
        let kept = &cleared.waivers()[0];
        assert_eq!((kept.rule.as_str(), kept.line, kept.column), ("suppression-without-reason", 1, 1));
        assert_eq!((kept.fingerprint.as_str(), kept.reason.as_str()), (fingerprint.as_str(), "known and harmless"));
    }
}

#[test]
fn a_waiver_that_cannot_be_meant_is_wrong_usage() {
    let one = report(ONE, STRICT);
    assert!(usage(&one, waiver("suppression-without-reason@9:9")).contains("no finding matches"));
    assert!(usage(&one, waiver("suppression-without-reason")).contains("no finding matches"));
    let reasonless = WaiverRequest { reason: "  ".to_owned(), ..waiver("suppression-without-reason@1:1") };
    assert!(usage(&one, reasonless).contains("reason"));
    assert!(usage(&report(ONE, ""), waiver("suppression-without-reason@1:1")).contains("blocks nothing"));
}

#[test]
fn one_waiver_covers_one_finding() {
    let two = report(TWO, STRICT);
    assert_eq!(two.findings().len(), 2);
    assert!(matches!(two.clear(&[waiver("suppression-without-reason@1:1")]), Err(Refusal::Blocking(left)) if left.len() == 1));
    let both = [waiver("suppression-without-reason@1:1"), waiver("suppression-without-reason@1:34")];
    assert_eq!(two.clear(&both).unwrap().waivers().len(), 2);
}

#[test]
fn some_findings_cannot_be_waived() {
    for (source, config, selector) in [
        ("function execute(input) { return [; }", "", "syntax-error@1:35"),
        ("const a = 1;", "", "missing-entry@1:1"),
        (CLEAN, "[limits]\nsource_bytes = 10", "file-too-large@1:1"),
        ("function execute(input) { return ((1)); }", "[limits]\nnesting = 2", "nesting-too-deep@1:35"),
    ] {
        let report = report(source, config);
        assert!(matches!(report.clear(&[]), Err(Refusal::Blocking(_))), "{source}");
        let rule = selector.split('@').next().unwrap();
        let place = report.findings()[0].location.start;
        let selector = format!("{rule}@{}:{}", place.line, place.column);
        assert!(usage(&report, waiver(&selector)).contains("cannot be waived"), "{source}");
    }
}

#[test]
fn a_function_without_an_entry_is_refused_even_where_the_rule_is_off() {
    let report = report("const a = 1;", "[rules]\nmissing-entry = \"off\"");
    assert!(matches!(report.clear(&[]), Err(Refusal::Blocking(findings)) if findings[0].finding.rule == "missing-entry"));
}

#[test]
fn what_could_not_be_judged_is_a_failure_and_no_refusal() {
    let target = Target::given("f.js", CLEAN.as_bytes(), Some(b"{".as_slice().into()));
    let settings = Arc::new(Settings::for_gate(None, None, None));
    assert!(matches!(lint_one(Job { target, settings }).unwrap().clear(&[]), Err(Refusal::Failure(why)) if why.contains("schema")));
}
