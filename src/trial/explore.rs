//! An input that leads deep into a function which has no case to show one.
//!
//! Checks of the input come one after the other, and each that is passed lets the function do more:
//! so values are tried place by place, and what makes it do more is kept. The words and numbers that
//! the source itself spells out are among them.

use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde_json::{Value, json};

use super::path::{self, Place, Step};
use crate::program::Reads;
use crate::sandbox::{Execution, Outcome};

/// Most executions.
const TRIES_MAX: usize = 300;

/// Longest time.
const DURATION_MAX: Duration = Duration::from_secs(3);

/// Rounds over all places.
const ROUNDS_MAX: usize = 4;

/// Most inputs that are kept because they turned out badly.
const TELLING_MAX: usize = 6;

/// Words of the source that are tried at a place.
const WORDS_MAX: usize = 16;

/// Numbers of the source that are tried at a place.
const NUMBERS_MAX: usize = 8;

/// What was found.
#[derive(Debug)]
pub struct Explored {
    /// The input that made the function do the most.
    pub deepest: Value,
    /// Inputs that hit a limit or worse.
    pub telling: Vec<Value>,
}

/// Explores from `start`, changing `places`; `run` says what comes of an input.
pub fn explore(start: &Value, places: &[Place], reads: &Reads, run: &(dyn Fn(&Value) -> Execution + Sync)) -> Explored {
    let started = Instant::now();
    let values = values(reads);
    // A length comes with the list or text that has it, and what stands below a place decides what stands there.
    let places: Vec<&Place> = places.iter().filter(|place| place.last() != Some(&Step::Key("length".to_owned()))).collect();
    let has_parts = |place: &Place| places.iter().any(|other| other.len() > place.len() && other.starts_with(place));
    let mut explored = Explored { deepest: start.clone(), telling: Vec::new() };
    let first = run(start);
    // What fails with the first input needs no further one to show it.
    if is_bad(&first) || matches!(first.outcome, Outcome::Refused(_)) {
        return explored;
    }
    let (mut depth, mut tries) = (depth_of(&first), 1);
    for _ in 0..ROUNDS_MAX {
        let before = depth;
        for place in places.iter().filter(|place| !has_parts(place)) {
            tries += values.len();
            if tries > TRIES_MAX || started.elapsed() > DURATION_MAX || explored.telling.len() >= TELLING_MAX {
                return explored;
            }
            let with = |value: &Value| {
                let mut input = explored.deepest.clone();
                path::set(&mut input, place, value.clone());
                (started.elapsed() <= DURATION_MAX).then(|| (run(&input), input))
            };
            let tried: Vec<(Execution, Value)> = values.par_iter().with_max_len(1).filter_map(with).collect();
            for (execution, input) in tried {
                if is_bad(&execution) {
                    explored.telling.push(input);
                } else if depth_of(&execution) > depth {
                    depth = depth_of(&execution);
                    explored.deepest = input;
                }
            }
        }
        if depth == before {
            break;
        }
    }
    explored
}

/// How far the function came: to the end, and by how much work.
fn depth_of(execution: &Execution) -> u64 {
    match execution.outcome {
        Outcome::Returned(_) | Outcome::Threw(_) => execution.statements.unwrap_or(0),
        _ => 0,
    }
}

fn is_bad(execution: &Execution) -> bool {
    matches!(
        execution.outcome,
        Outcome::Limit(_) | Outcome::Violation(_) | Outcome::Crashed(_) | Outcome::Unserializable(_) | Outcome::Unsettled
    )
}

/// Values of every type, and what the source spells out.
fn values(reads: &Reads) -> Vec<Value> {
    let mut values =
        vec![json!(3), json!("a1"), json!("2025-03-14"), json!(true), json!([]), json!(["a1"]), json!([3]), json!({}), json!(0.5)];
    values.extend(reads.words.iter().take(WORDS_MAX).map(|word| Value::from(word.as_str())));
    values.extend(reads.numbers.iter().take(NUMBERS_MAX).map(|number| path::number(*number)));
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{Isolation, Limits};

    #[test]
    fn checks_are_passed_one_after_the_other() {
        let places: Vec<Place> = ["rows", "channel"].map(|key| vec![Step::Key(key.to_owned())]).to_vec();
        let reads = Reads { words: vec!["swift".into()], ..Reads::default() };
        let run = |input: &Value| {
            let statements = match (&input["rows"], &input["channel"]) {
                (Value::Number(_), Value::String(name)) if name == "swift" => 30,
                (Value::Number(_), Value::String(_)) => 20,
                (Value::Number(_), _) => 10,
                _ => 1,
            };
            Execution {
                outcome: Outcome::Returned(Value::Null),
                duration_ms: 0,
                statements: Some(statements),
                heap_bytes: None,
                console: Vec::new(),
                losses: Vec::new(),
                isolation: Isolation::Full,
                limits: Limits::default(),
            }
        };
        assert_eq!(explore(&json!({}), &places, &reads, &run).deepest, json!({"rows": 3, "channel": "swift"}));
    }
}
