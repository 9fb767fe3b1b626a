//! Invariants over all rules: what is said twice agrees, what others parse has its form.

use std::collections::BTreeSet;
use std::path::Path;

use fnvet::rules::{ABOUT_SUPPRESSIONS, FIXED_LEVEL, NOT_WAIVABLE, RULES, find, ruleset_digest};

/// The parts of a page, in order.
const HEADINGS: [&str; 6] = ["## Why", "## What it reports", "## Bad", "## Good", "## Limits", "## References"];

fn names_in(folder: &str, extension: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.extension().is_some_and(|e| e == extension));
    paths.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
}

#[test]
fn ids_are_sorted_unique_and_kebab_case() {
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.meta().id).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    for id in ids {
        assert!(id.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase())), "{id}");
        assert!(find(id).is_some_and(|meta| meta.id == id));
    }
}

#[test]
fn every_rule_has_a_page_and_a_file_and_the_reverse() {
    let ids: BTreeSet<String> = RULES.iter().map(|rule| rule.meta().id.to_owned()).collect();
    let mut pages = names_in("rules", "md");
    assert!(pages.remove(fnvet::trial::META.id), "the trial is explained like a rule");
    assert_eq!(ids, pages);
    let files: BTreeSet<String> = names_in("src/rules", "rs").iter().map(|name| name.replace('_', "-")).collect();
    assert_eq!(ids, files);
}

#[test]
fn metadata_has_the_form_that_others_expect() {
    for meta in RULES.iter().map(|rule| rule.meta()) {
        let id = meta.id;
        // A word instead of a number makes GitHub refuse the whole file.
        let severity: f64 = meta.security_severity.parse().unwrap_or_else(|_| panic!("{id}: {}", meta.security_severity));
        assert!((0.0..=10.0).contains(&severity), "{id}: {severity}");
        for cwe in meta.cwe {
            assert!(cwe.strip_prefix("CWE-").is_some_and(|n| n.parse::<u32>().is_ok()), "{id}: {cwe}");
        }
        assert!(["1", "2", "3", "4", "5", "6", "isolation", "file"].contains(&meta.checklist), "{id}: {}", meta.checklist);
        assert!(!meta.summary.is_empty() && !meta.summary.ends_with('.') && meta.summary.len() < 120, "{id}: {}", meta.summary);
        assert_eq!(meta.since.split('.').filter(|part| part.parse::<u32>().is_ok()).count(), 3, "{id}: {}", meta.since);
    }
}

#[test]
fn lists_name_rules_that_exist() {
    for id in FIXED_LEVEL.iter().chain(ABOUT_SUPPRESSIONS).chain(NOT_WAIVABLE) {
        assert!(find(id).is_some(), "{id}");
    }
}

#[test]
fn the_rule_set_has_a_digest() {
    let hex = ruleset_digest().strip_prefix("sha256:").expect("the prefix");
    assert!(hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()));
}

fn table(name: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules").join(name);
    std::fs::read_to_string(path).expect("a file").parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn a_global_stands_in_exactly_one_list() {
    let globals = table("globals.toml");
    let names = |value: &toml::Value| value["names"].as_array().expect("names").clone();
    let mut all: Vec<toml::Value> = [names(&globals["provided"]), names(&globals["commonjs"])].concat();
    for capability in globals["capability"].as_array().expect("capabilities") {
        assert!(capability["id"].is_str() && capability["why"].as_str().is_some_and(|why| !why.ends_with('.')), "{capability}");
        all.extend(names(capability));
    }
    let mut seen: BTreeSet<String> = globals["absent"]["names"].as_table().expect("names").keys().cloned().collect();
    for name in all {
        let name = name.as_str().expect("a name").to_owned();
        assert!(seen.insert(name.clone()), "{name} stands twice in rules/globals.toml");
    }
}

#[test]
fn the_data_of_the_rules_can_be_read_by_them() {
    table("sensitive.toml");
    let target = fnvet::source::collect::Target::given("f.js", b"function execute(input) { return input.password; }".as_slice(), None);
    let report = fnvet::lint::lint_one(fnvet::lint::Job { target, settings: Default::default() }).expect("threads");
    assert_eq!(report.problem(), None);
}

#[test]
fn pages_have_all_their_parts() {
    let mut wrong = String::new();
    for meta in RULES.iter().map(|rule| rule.meta()) {
        let id = meta.id;
        if meta.page.lines().next() != Some(&format!("# {id}")) {
            wrong.push_str(&format!("rules/{id}.md must begin with `# {id}`\n"));
        }
        let headings: Vec<&str> = meta.page.lines().filter(|line| line.starts_with("## ")).collect();
        if headings != HEADINGS {
            wrong.push_str(&format!("rules/{id}.md: its headings are {headings:?}\n"));
        }
        let fences = |kind: &str| meta.page.lines().filter(|line| line.starts_with("```") && line.split(' ').nth(1) == Some(kind)).count();
        if meta.checklist != "file" && (fences("bad") < 8 || fences("good") < 8) {
            wrong.push_str(&format!("rules/{id}.md: {} bad and {} good fences\n", fences("bad"), fences("good")));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
