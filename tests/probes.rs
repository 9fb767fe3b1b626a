//! Many small labelled functions: how much is found, and how much is reported falsely.

#![allow(clippy::print_stdout, reason = "the table is what a reader of a failed run wants")]

mod gaps;
mod markers;

use std::collections::BTreeMap;

use markers::{judge, list};

#[derive(Default)]
struct Tally {
    files: usize,
    marked: usize,
    missed: usize,
    false_files: usize,
}

#[test]
fn recall_and_false_errors_of_every_item() {
    let all = judge("probes");
    let (mut tallies, mut failing) = (BTreeMap::<String, Tally>::new(), BTreeMap::new());
    for file in &all {
        let item = file.folder.split('/').next().unwrap_or_default().to_owned();
        match file.folder.rsplit('/').next() {
            Some("good" | "clean") => assert!(file.expected.is_empty(), "{} is marked, but good", file.path),
            Some("bad" | "defective") => assert!(!file.expected.is_empty(), "{} is not marked", file.path),
            _ => panic!("{} is neither good nor bad", file.path),
        }
        let mut details = String::new();
        let tally = tallies.entry(item).or_default();
        let (missed, wrong) = (file.missed(), file.false_errors());
        tally.files += 1;
        tally.marked += file.expected.len();
        tally.missed += missed.len();
        tally.false_files += usize::from(!wrong.is_empty() || file.problem.is_some());
        if !missed.is_empty() {
            details.push_str(&format!("missed:\n{}", list(&file.path, missed)));
        }
        if !wrong.is_empty() {
            details.push_str(&format!("false:\n{}", list(&file.path, wrong)));
        }
        if let Some(problem) = &file.problem {
            details.push_str(&format!("not checked:\n  {}: {problem}\n", file.path));
        }
        if !details.is_empty() {
            failing.insert(format!("fixtures/{}", file.path), details);
        }
    }
    println!("{:<20} {:>6} {:>6} {:>6} {:>6}", "item", "files", "found", "missed", "false");
    for (item, tally) in &tallies {
        println!("{item:<20} {:>6} {:>6} {:>6} {:>6}", tally.files, tally.marked - tally.missed, tally.missed, tally.false_files);
    }
    let files: usize = tallies.values().map(|tally| tally.files).sum();
    assert!(files >= 150, "{files} probes");
    gaps::compare("fixtures/probes/", &failing);
}
