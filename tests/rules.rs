//! Runs every fence of every page in `rules/`: `bad` ones must fire, `good` ones must be silent under
//! all rules.
//!
//! The info string of a fence is `js` or `ts`, `bad` or `good`, and for `bad` attributes:
//! `level=warning` (the rule's own level by default), `line=N` (where a finding starts), `count=N` (of
//! findings at that level), `also=a,b` (rules that may report an error too), `name=x.mjs`, `repeat=N`
//! (what stands between `⟨` and `⟩` stands there N times; in it, `⟦1⟧` is the number of the repetition and one
//! more), `work=N` (the analysis' own budget). A fence `json schema` directly before a function is its InputSchema.

mod gaps;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use fnvet::config::Settings;
use fnvet::finding::Level;
use fnvet::lint::{Job, lint};
use fnvet::report::{FileReport, Reported};
use fnvet::rule::RuleMeta;
use fnvet::rules::{RULES, find};
use fnvet::source::collect::collect;

macro_rules! pages {
    ($($page:ident)*) => {
        $(#[test]
        fn $page() {
            check_page(&stringify!($page).replace('_', "-"));
        })*
        const PAGES: &[&str] = &[$(stringify!($page)),*];
    };
}

pages! {
    file_too_large missing_entry nesting_too_deep no_context_override no_eval no_extend_native no_hardcoded_secret
    no_host_access no_implied_eval no_new_func no_proto no_prototype_access no_prototype_pollution no_sensitive_log
    no_sensitive_return no_shared_state no_unbounded_loop no_unbounded_operation no_unbounded_recursion no_undef
    no_unsafe_regex require_input_validation suppression_without_reason syntax_error too_complex unknown_rule unsupported_syntax
    unused_suppression
}

#[test]
fn every_page_is_run() {
    let listed: BTreeSet<String> = PAGES.iter().map(|page| page.replace('_', "-")).collect();
    let known: BTreeSet<String> = RULES.iter().map(|rule| rule.meta().id.to_owned()).collect();
    assert_eq!(listed, known);
}

/// One function of a page.
#[derive(Debug, Default)]
struct Fence {
    line: usize,
    name: String,
    code: String,
    schema: Option<String>,
    bad: bool,
    level: Option<Level>,
    at_line: Option<u32>,
    count: Option<usize>,
    also: Vec<String>,
    work_max: Option<u64>,
}

fn check_page(id: &str) {
    let meta = find(id).expect("a rule");
    let (fences, wrong) = read_fences(meta.page);
    assert!(wrong.is_empty(), "{wrong}");
    let reports = run(&fences);
    let mut failing = BTreeMap::new();
    for (number, (fence, report)) in fences.iter().zip(&reports).enumerate() {
        if let Err(why) = check(meta, fence, report) {
            let kind = if fence.bad { "bad" } else { "good" };
            let place = format!("rules/{id}.md:{}: {why}\n{}", fence.line, indent(&fence.code));
            failing.insert(format!("rules/{id}.md fence {} {kind}", number + 1), place);
        }
    }
    gaps::compare(&format!("rules/{id}.md "), &failing);
}

fn check(meta: &RuleMeta, fence: &Fence, report: &FileReport) -> Result<(), String> {
    if let Some(problem) = report.problem() {
        return Err(format!("not checked: {problem}"));
    }
    let findings: Vec<&Reported> = report.unsuppressed().collect();
    if !fence.bad {
        return if findings.is_empty() { Ok(()) } else { Err(format!("good, but found:{}", list(&findings))) };
    }
    let level = fence.level.unwrap_or(meta.level);
    let own: Vec<&Reported> = findings.iter().copied().filter(|f| f.finding.rule == meta.id && f.finding.level == level).collect();
    if own.is_empty() {
        return Err(format!("bad, but no {} of {}; found:{}", level.as_str(), meta.id, list(&findings)));
    }
    if let Some(line) = fence.at_line.filter(|line| own.iter().all(|f| f.location.start.line != *line)) {
        return Err(format!("nothing starts on line {line}; found:{}", list(&findings)));
    }
    if let Some(count) = fence.count.filter(|count| *count != own.len()) {
        return Err(format!("{count} expected, found {}:{}", own.len(), list(&findings)));
    }
    let expected =
        |f: &Reported| (f.finding.rule == meta.id && level == Level::Error) || fence.also.iter().any(|rule| rule == f.finding.rule);
    let other: Vec<&Reported> = findings.iter().copied().filter(|f| f.finding.level == Level::Error && !expected(f)).collect();
    if other.is_empty() { Ok(()) } else { Err(format!("also found:{}", list(&other))) }
}

fn list(findings: &[&Reported]) -> String {
    let line = |f: &&Reported| {
        let start = f.location.start;
        format!("\n  {}:{} {}[{}] {}", start.line, start.column, f.finding.level.as_str(), f.finding.rule, f.finding.message)
    };
    if findings.is_empty() { " nothing".to_owned() } else { findings.iter().map(line).collect() }
}

fn indent(code: &str) -> String {
    code.lines().zip(1..).map(|(line, number)| format!("    {number:>3} {line}\n")).collect()
}

/// Each function in a folder of its own, so that names and schemas cannot meet.
fn run(fences: &[Fence]) -> Vec<FileReport> {
    let root = tempfile::tempdir().expect("a folder");
    let mut jobs = Vec::new();
    for (number, fence) in fences.iter().enumerate() {
        let folder = root.path().join(number.to_string());
        std::fs::create_dir(&folder).expect("a folder");
        let file = folder.join(&fence.name);
        std::fs::write(&file, &fence.code).expect("a file");
        if let Some(schema) = &fence.schema {
            std::fs::write(file.with_extension("schema.json"), schema).expect("a file");
        }
        let target = collect(&[PathBuf::from(&fence.name)], None, &folder).targets.remove(0);
        let mut settings = Settings::default();
        settings.analysis_work_max = fence.work_max.unwrap_or(settings.analysis_work_max);
        jobs.push(Job { target, settings: Arc::new(settings) });
    }
    lint(&jobs, 2, &|| {}).expect("threads")
}

/// The functions of a page, and what is wrong with its fences.
fn read_fences(page: &str) -> (Vec<Fence>, String) {
    let (mut fences, mut wrong) = (Vec::new(), String::new());
    let mut schema: Option<String> = None;
    let mut lines = page.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            if !line.trim().is_empty() {
                schema = None;
            }
            continue;
        };
        let ticks = line.len() - line.trim_start_matches('`').len();
        let body: Vec<&str> = lines.by_ref().map(|(line, _)| line).take_while(|line| *line != "`".repeat(ticks)).collect();
        let body: String = body.iter().map(|line| format!("{line}\n")).collect();
        let words: Vec<&str> = info.trim_start_matches('`').split_whitespace().collect();
        match words[..] {
            ["json", "schema"] => schema = Some(body),
            [language @ ("js" | "ts"), kind @ ("bad" | "good"), ref attributes @ ..] => {
                let mut fence =
                    Fence { line: number, name: format!("function.{language}"), code: body, bad: kind == "bad", ..Fence::default() };
                fence.schema = schema.take();
                for attribute in attributes {
                    if !fence.set(attribute) {
                        let _ = writeln!(wrong, "line {number}: unknown attribute {attribute}");
                    }
                }
                fences.push(fence);
            }
            _ => schema = None,
        }
    }
    (fences, wrong)
}

/// The code with every text between `⟨` and `⟩` repeated, and numbered from 0 where it says so.
fn repeated(code: &str, times: usize) -> String {
    let mut parts = code.split('⟨');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (text, rest) = part.split_once('⟩').expect("a closing ⟩");
        if text.contains('⟦') {
            out.extend((0..times).map(|number| numbered(text, number)));
        } else {
            out.push_str(&text.repeat(times));
        }
        out.push_str(rest);
    }
    out
}

/// `text` with `number` added to what stands between `⟦` and `⟧`.
fn numbered(text: &str, number: usize) -> String {
    let mut parts = text.split('⟦');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (offset, rest) = part.split_once('⟧').expect("a closing ⟧");
        let offset: usize = offset.parse().expect("a number");
        let _ = write!(out, "{}{rest}", number + offset);
    }
    out
}

impl Fence {
    fn set(&mut self, attribute: &str) -> bool {
        let Some((key, value)) = attribute.split_once('=') else { return false };
        match key {
            "level" => self.level = [Level::Note, Level::Warning, Level::Error].into_iter().find(|level| level.as_str() == value),
            "line" => self.at_line = value.parse().ok(),
            "count" => self.count = value.parse().ok(),
            "name" => self.name = value.to_owned(),
            "repeat" => match value.parse() {
                Ok(times) => self.code = repeated(&self.code, times),
                Err(_) => return false,
            },
            "work" => self.work_max = value.parse().ok(),
            "also" => self.also = value.split(',').map(str::to_owned).collect(),
            _ => return false,
        }
        self.bad || key == "name"
    }
}

#[test]
fn what_is_marked_is_repeated() {
    assert_eq!(repeated("f(⟨[⟩1⟨]⟩)", 3), "f([[[1]]])");
    assert_eq!(repeated("⟨f⟦0⟧ = f⟦1⟧;⟩", 2), "f0 = f1;f1 = f2;");
}

#[test]
fn fences_are_read_as_they_are_written() {
    let page = "# x\n```json schema\n{}\n```\n\n```js bad level=warning line=2 also=a,b\n1\n```\ntext\n````ts good name=y.mts\n```\n````\n";
    let (fences, wrong) = read_fences(page);
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(fences.len(), 2);
    let (bad, good) = (&fences[0], &fences[1]);
    assert_eq!((bad.line, bad.code.as_str(), bad.schema.as_deref(), bad.level), (6, "1\n", Some("{}\n"), Some(Level::Warning)));
    assert_eq!((bad.at_line, bad.also.len()), (Some(2), 2));
    assert_eq!((good.name.as_str(), good.code.as_str(), good.bad, &good.schema), ("y.mts", "```\n", false, &None));
}
