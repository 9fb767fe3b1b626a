//! What the analysis is known not to get right yet, in `tests/data/known-gaps.txt`: one case a line.
//! A case that fails and is not listed fails the test; so does a listed one that no longer fails, so
//! that the list can only shrink knowingly.

use std::collections::{BTreeMap, BTreeSet};

const LIST: &str = include_str!("../data/known-gaps.txt");

/// Compares failing cases (with the reason of each) with those listed under `prefix`.
pub fn compare(prefix: &str, failing: &BTreeMap<String, String>) {
    let known: BTreeSet<&str> = LIST.lines().filter(|line| line.starts_with(prefix) && !line.starts_with('#')).collect();
    let new: Vec<String> =
        failing.iter().filter(|(case, _)| !known.contains(case.as_str())).map(|(case, why)| format!("\nnew gap: {case}\n{why}")).collect();
    let mended: Vec<&str> = known.into_iter().filter(|case| !failing.contains_key(*case)).collect();
    assert!(new.is_empty(), "{}", new.concat());
    assert!(mended.is_empty(), "these work now, take them off tests/data/known-gaps.txt:\n{}", mended.join("\n"));
}
