//! The smallest input that still shows what an attempt showed.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::Runner;
use super::inputs::Attempt;
use super::judge::Key;
use super::path::{self, Step};

/// Most executions for one finding.
const TRIES_MAX: usize = 48;

/// Longest time for one finding.
const DURATION_MAX: Duration = Duration::from_secs(4);

/// Makes the input of `attempt` smaller as long as the complaint stays the same.
pub fn shrink(runner: &Runner<'_>, attempt: &Attempt, key: &Key) -> Value {
    let started = Instant::now();
    let mut best = attempt.input.clone();
    let mut tries = 0;
    let mut at = 0;
    loop {
        let candidates = smaller(&best);
        let Some(candidate) = candidates.get(at) else { return best };
        if tries >= TRIES_MAX || started.elapsed() > DURATION_MAX || Instant::now() >= runner.deadline {
            return best;
        }
        tries += 1;
        let smaller = attempt.with_input(candidate.clone());
        if runner.try_one(smaller).complaints.iter().any(|complaint| complaint.key == *key) {
            best = candidate.clone();
            // What was useful to leave out once is so again: stay where we are.
        } else {
            at += 1;
        }
    }
}

/// Smaller values, the boldest steps first.
fn smaller(value: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for place in path::places(value) {
        let with = |part: Value| {
            let mut changed = value.clone();
            path::set(&mut changed, &place, part);
            changed
        };
        let mut shorter: Vec<Value> = Vec::new();
        match path::get(value, &place) {
            Some(Value::Array(items)) if items.len() > 1 => {
                shorter.push(Value::Array(items[..1].to_vec()));
                shorter.push(Value::Array(items[..items.len() / 2].to_vec()));
            }
            Some(Value::String(text)) if text.chars().count() > 8 => {
                let count = text.chars().count();
                shorter.extend([count / 16, count / 2].map(|count| Value::String(text.chars().take(count).collect())));
            }
            _ => {}
        }
        found.extend(shorter.into_iter().map(with));
        if matches!(place.last(), Some(Step::Key(_))) {
            let mut without = value.clone();
            if path::remove(&mut without, &place) {
                found.push(without);
            }
        }
    }
    let size = value.to_string().len();
    found.retain(|candidate| candidate.to_string().len() < size);
    found
}
