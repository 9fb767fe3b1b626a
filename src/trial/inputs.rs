//! The inputs of a trial: the function's cases, what its schema allows, and what a language model
//! can produce instead, at every path that it reads.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::INPUTS_MAX;
use super::cases::{Case, Cases};
use super::explore;
use super::judge::Expected;
use super::leaks::{Canary, passes_luhn, passes_mod97};
use super::path::{self, Place, Step};
use super::schema::{Schema, Size};
use crate::program;
use crate::report::Cleared;
use crate::sandbox::{CallContext, Execution};
use crate::semantic::names::SensitiveNames;

/// Most elements of an adversarial array.
const ELEMENTS_MAX: usize = 1_000;

/// Most bytes of an adversarial input, if the function's limit is not lower.
const INPUT_BYTES_MAX: usize = 256 << 10;

/// Depth of an adversarial nesting.
const NESTING: usize = 100;

/// Inputs to which hostile values are put, one at a time.
const BASES_MAX: usize = 3;

/// Generated inputs that the schema allows.
const ALLOWED_MAX: usize = 55;

/// Inputs that are made to choose from, of one origin.
const CANDIDATES_MAX: usize = 600;

/// Inputs with words and numbers of the source.
const WORDS_MAX: usize = 16;

/// Inputs that the schema refuses.
const REFUSED_MAX: usize = 20;

/// Runs the function once.
pub type Run<'a> = dyn Fn(&Value, &CallContext) -> Execution + Sync + 'a;

/// One input with all that goes with it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The case's name.
    pub case: Option<String>,
    /// What the case expects.
    pub expected: Option<Expected>,
    /// The input.
    pub input: Value,
    /// The caller.
    pub context: CallContext,
    /// What must not come out.
    pub canaries: Vec<Canary>,
    /// Whether members with sensitive names hold values that were made for this.
    is_made: bool,
    /// Names that are sensitive by configuration.
    sensitive: Vec<String>,
}

impl Attempt {
    /// The same with another input, made from its own.
    pub fn with_input(&self, input: Value) -> Attempt {
        let names = SensitiveNames::new(&self.sensitive);
        let mut canaries = in_input(&input, &names, self.is_made);
        canaries.extend(in_environment(&self.context.env, &names));
        Attempt { input, canaries, ..self.clone() }
    }
}

/// The places of its input that a function reads, as lint saw them.
pub fn input_paths(function: &Cleared) -> Vec<Place> {
    let step = |step: &program::Step| match step {
        program::Step::Key(key) => Step::Key(key.clone()),
        program::Step::Element => Step::Index(0),
    };
    function.program().reads.input.iter().map(|path| path.iter().map(step).collect()).collect()
}

/// Every attempt of a trial, cases first. `run` says what comes of an input.
pub fn attempts(function: &Cleared, cases: &Cases, run: &Run<'_>) -> Vec<Attempt> {
    let maker = Maker::new(function, cases, run);
    let mut attempts: Vec<Attempt> = cases.list.iter().map(|case| maker.case(case)).collect();
    let known: BTreeSet<String> = attempts.iter().map(|attempt| attempt.input.to_string()).collect();
    attempts.extend(maker.generated(known));
    attempts
}

struct Maker<'a> {
    function: &'a Cleared,
    names: SensitiveNames,
    schema: Option<Schema<'a>>,
    context: CallContext,
    bases: Vec<Value>,
    places: Vec<Place>,
    /// Inputs that turned out badly while a base was looked for.
    telling: Vec<Value>,
}

impl<'a> Maker<'a> {
    fn new(function: &'a Cleared, cases: &Cases, run: &Run<'_>) -> Maker<'a> {
        let names = SensitiveNames::new(&function.settings().sensitive);
        let enforced = function.settings().enforce_schema;
        let schema = function.schema().filter(|_| enforced).map(|schema| Schema::new(&schema.value));
        let context = context(function, cases, &names);
        let mut maker = Maker { function, names, schema, context, bases: Vec::new(), places: Vec::new(), telling: Vec::new() };
        maker.bases = maker.bases(cases);
        maker.places = maker.places();
        if !cases.list.iter().any(|case| case.expect.is_some()) {
            let explored = explore::explore(&maker.bases[0], &maker.places, &function.program().reads, &|input| run(input, &maker.context));
            maker.bases.insert(0, explored.deepest);
            maker.telling = explored.telling;
        }
        let mut bases = std::mem::take(&mut maker.bases);
        bases.iter_mut().for_each(|base| maker.plant(base));
        maker.bases = bases;
        maker
    }

    fn case(&self, case: &Case) -> Attempt {
        let expected = case.expect.clone().map(Expected::Result).or_else(|| case.expect_error.clone().map(Expected::Error));
        let context = case.context.over(&self.context);
        self.attempt(case.input.clone(), context, Some((case.name.clone(), expected)))
    }

    fn attempt(&self, input: Value, context: CallContext, case: Option<(String, Option<Expected>)>) -> Attempt {
        let is_made = case.is_none();
        let (case, expected) = case.map_or((None, None), |(name, expected)| (Some(name), expected));
        let sensitive = self.function.settings().sensitive.clone();
        Attempt { case, expected, input: Value::Null, context, canaries: Vec::new(), is_made, sensitive }.with_input(input)
    }

    /// Generated attempts, none of them twice, the telling ones first.
    fn generated(&self, mut known: BTreeSet<String>) -> Vec<Attempt> {
        let bytes_max = usize::try_from(self.function.settings().limits.input_bytes).unwrap_or(usize::MAX).min(INPUT_BYTES_MAX);
        let mut found = Vec::new();
        let mut add = |input: Value, most: usize| {
            let text = input.to_string();
            if found.len() < most && text.len() <= bytes_max && known.insert(text) {
                found.push(self.attempt(input, self.context.clone(), None));
            }
        };
        for input in self.allowed() {
            add(input, ALLOWED_MAX);
        }
        // What the schema refuses tests only the refusal.
        let admits = |input: &Value| self.schema.is_none_or(|schema| schema.admits(input));
        let (tried, refused): (Vec<Value>, Vec<Value>) = self.adversarial(bytes_max).into_iter().partition(admits);
        for input in tried {
            add(input, INPUTS_MAX - REFUSED_MAX);
        }
        for input in refused.into_iter().take(REFUSED_MAX) {
            add(input, INPUTS_MAX);
        }
        found
    }

    /// Inputs that should be answered: from the cases, from the schema, or else guessed from what is read.
    fn bases(&self, cases: &Cases) -> Vec<Value> {
        let answered = cases.list.iter().filter(|case| case.expect.is_some()).map(|case| case.input.clone());
        let mut bases: Vec<Value> = answered.take(BASES_MAX).collect();
        if let Some(schema) = self.schema {
            bases.push(schema.value(Size::Typical));
        }
        if bases.is_empty() {
            bases.push(guessed(&input_paths(self.function)));
        }
        bases
    }

    /// Every place worth trying: those that are read, as they come in the source, then those that are merely there.
    fn places(&self) -> Vec<Place> {
        let mut places = input_paths(self.function);
        places.extend(self.bases.iter().flat_map(path::places));
        places.extend(self.schema.iter().flat_map(|schema| schema.places()));
        let mut seen = BTreeSet::new();
        places.retain(|place| !place.is_empty() && seen.insert(place.clone()));
        places.truncate(path::PLACES_MAX);
        places
    }

    /// Puts canaries where names are sensitive.
    fn plant(&self, input: &mut Value) {
        for (place, _) in sensitive_leaves(input, &self.names) {
            let schema = self.schema.and_then(|schema| schema.below(&place));
            let Some(leaf) = path::get_mut(input, &place) else { continue };
            if schema.is_some_and(Schema::is_listed) {
                continue;
            }
            let room = schema.and_then(Schema::length_max).unwrap_or(u64::MAX);
            let has_form = schema.is_some_and(Schema::has_form);
            let mut random = Random::of(&format!("{} {}", self.function.source().sha256(), path::spell(&place)));
            *leaf = planted(leaf, room, has_form, &mut random);
        }
    }

    fn allowed(&self) -> Vec<Value> {
        let mut found = self.bases.clone();
        found.extend(self.telling.iter().cloned());
        found.extend(self.other_words());
        // A word of the source comes out for other reasons than a leak.
        found.iter_mut().for_each(|input| self.plant(input));
        let Some(schema) = self.schema else { return found };
        found.extend([Size::Least, Size::Most].map(|size| schema.value(size)));
        let Some(base) = self.bases.last() else { return found };
        let bounds: Vec<(Place, Vec<Value>)> = schema
            .places()
            .into_iter()
            .filter(|place| !place.is_empty())
            .filter_map(|place| schema.below(&place).map(|field| (place, field.bounds())))
            .collect();
        let rounds = bounds.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
        for round in 0..rounds {
            for (place, values) in &bounds {
                if let Some(value) = values.get(round).filter(|_| found.len() < CANDIDATES_MAX) {
                    let mut input = base.clone();
                    path::set(&mut input, place, value.clone());
                    found.push(input);
                }
            }
        }
        for (place, _) in bounds.iter().filter(|(place, _)| matches!(place.last(), Some(Step::Key(_)))) {
            let mut input = base.clone();
            path::remove(&mut input, place);
            found.push(input);
        }
        found.iter_mut().for_each(|input| self.plant(input));
        found
    }

    /// What the source itself names, in place of every text and number: other branches are found so.
    fn other_words(&self) -> Vec<Value> {
        let (mut found, reads) = (Vec::new(), &self.function.program().reads);
        let Some(base) = self.bases.first() else { return found };
        for place in &self.places {
            let others: Vec<Value> = match path::get(base, place) {
                Some(Value::String(_)) => reads.words.iter().map(|word| Value::from(word.as_str())).collect(),
                Some(Value::Number(_)) => reads.numbers.iter().map(|number| path::number(*number)).collect(),
                _ => Vec::new(),
            };
            found.extend(others.into_iter().map(|other| {
                let mut input = base.clone();
                path::set(&mut input, place, other);
                input
            }));
        }
        // Some of each place rather than all of the first.
        let step = found.len().div_ceil(WORDS_MAX).max(1);
        found.into_iter().step_by(step).collect()
    }

    /// Hostile inputs: what concerns the whole, then value by value at every place.
    fn adversarial(&self, bytes_max: usize) -> Vec<Value> {
        let empty = json!({});
        let base = self.bases.first().unwrap_or(&empty);
        let mut found = self.extremes();
        found.extend([json!({}), json!(null), json!([]), json!("text")]);
        let mut extended = base.clone();
        for key in ["__proto__", "constructor", "prototype", "toString"] {
            path::set(&mut extended, &[Step::Key(key.to_owned())], json!({"polluted": true, "isAdmin": true}));
        }
        found.push(extended);
        let mut crowded = base.clone();
        (0..ELEMENTS_MAX).for_each(|at| path::set(&mut crowded, &[Step::Key(format!("key{at}"))], Value::from(at)));
        found.push(crowded);
        let hostile: Vec<(&Place, Vec<Hostile>)> = self.places.iter().map(|place| (place, self.hostile(place, bytes_max))).collect();
        let rounds = hostile.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
        for round in 0..rounds {
            for (place, values) in &hostile {
                let base = self.base_with(place);
                match values.get(round).filter(|_| found.len() < CANDIDATES_MAX) {
                    Some(Hostile::Missing) => {
                        let mut input = base.clone();
                        if path::remove(&mut input, place) {
                            found.push(input);
                        }
                    }
                    Some(Hostile::Value(value)) => {
                        let mut input = base.clone();
                        path::set(&mut input, place, value.clone());
                        found.push(input);
                    }
                    None => {}
                }
            }
        }
        found
    }

    /// The first base that has something at `place`.
    fn base_with(&self, place: &Place) -> &Value {
        let first = self.bases.first().unwrap_or(&Value::Null);
        self.bases.iter().find(|base| path::get(base, place).is_some()).unwrap_or(first)
    }

    /// Several places at once: each date far from the other, every number huge, every list long.
    fn extremes(&self) -> Vec<Value> {
        let mut found = Vec::new();
        for base in &self.bases {
            let dates: Vec<Place> = self.places.iter().filter(|place| path::get(base, place).is_some_and(is_date)).cloned().collect();
            if let ([first, ..], [.., last]) = (dates.as_slice(), dates.as_slice()) {
                for (from, to) in [("0001-01-01", "9999-12-31"), ("9999-12-31", "0001-01-01"), ("1970-01-01", "2025-12-31")] {
                    let mut input = base.clone();
                    re_date(&mut input, first, from);
                    if first != last {
                        re_date(&mut input, last, to);
                    }
                    found.push(input);
                }
            }
            let numbers: Vec<&Place> = self.places.iter().filter(|place| path::get(base, place).is_some_and(Value::is_number)).collect();
            for value in [json!(1e308), json!(1_000_000_000), json!(0), json!(-1)] {
                let mut input = base.clone();
                numbers.iter().for_each(|place| path::set(&mut input, place, value.clone()));
                if !numbers.is_empty() {
                    found.push(input);
                }
            }
            let lists: Vec<&Place> = self.places.iter().filter(|place| path::get(base, place).is_some_and(Value::is_array)).collect();
            if !lists.is_empty() {
                let mut input = base.clone();
                for place in lists.iter().rev() {
                    let items = path::get(&input, place).and_then(Value::as_array).cloned().unwrap_or_default();
                    let long = items.iter().cycle().take(if items.is_empty() { 0 } else { ELEMENTS_MAX }).cloned().collect();
                    path::set(&mut input, place, Value::Array(long));
                }
                found.push(input);
            }
        }
        found
    }

    /// Hostile values for one place, the likeliest to hurt first.
    fn hostile(&self, place: &Place, bytes_max: usize) -> Vec<Hostile> {
        let base = self.base_with(place);
        let used = base.to_string().len();
        let long = bytes_max.saturating_sub(used + 64);
        let own = path::get(base, place).cloned();
        let mut values = vec![Hostile::Value(Value::Null), Hostile::Missing];
        let mut add = |list: Vec<Value>| values.extend(list.into_iter().map(Hostile::Value));
        match &own {
            Some(Value::Number(_)) => {
                add(vec![json!("text"), json!(-1), json!(1e308), json!(0), json!(0.5), json!(1_000_000_000)]);
                add(vec![json!({}), json!([]), json!("12"), json!(true)]);
            }
            Some(text @ Value::String(_)) => {
                add(vec![json!(7), json!(""), json!("a".repeat(long))]);
                if is_date(text) {
                    add(["9999-12-31", "0000-00-00", "2024-02-30", "-000001-01-01"].map(|day| Value::from(date_like(text, day))).to_vec());
                }
                add(vec![json!({}), json!("__proto__"), json!("\u{1d4b3}😀e\u{301}"), json!("\u{202e}abc\u{0}\u{1b}[31m")]);
                add(vec![json!([]), json!(true), json!(" ".repeat(long)), json!("constructor"), json!("1".repeat(long.min(5_000)))]);
            }
            Some(Value::Array(items)) => {
                let item = items.first().cloned().unwrap_or(Value::Null);
                let most = (long / item.to_string().len().max(4)).min(ELEMENTS_MAX);
                add(vec![json!("text"), json!([]), json!([null]), Value::Array(vec![item; most]), json!({"length": 1e9})]);
                add(vec![json!({}), json!(7), json!([[]]), nested(NESTING)]);
            }
            Some(Value::Object(members)) => {
                let mut extended = members.clone();
                extended.insert("__proto__".to_owned(), json!({"polluted": true}));
                extended.insert("constructor".to_owned(), json!({"prototype": {"polluted": true}}));
                add(vec![json!("text"), json!([]), json!({}), Value::Object(extended), json!(7), nested(NESTING)]);
            }
            Some(Value::Bool(_)) => add(vec![json!("false"), json!(7), json!({})]),
            Some(Value::Null) | None => {
                add(vec![json!("text"), json!(7), json!({}), json!([]), json!(-1), json!(1e308), json!("9999-12-31")]);
                add(vec![json!("a".repeat(long)), json!("__proto__"), json!({"length": 1e9}), nested(NESTING)]);
            }
        }
        values
    }
}

enum Hostile {
    Missing,
    Value(Value),
}

/// The trial's caller. `__env` has what the cases say and what else is read from it.
fn context(function: &Cleared, cases: &Cases, names: &SensitiveNames) -> CallContext {
    let mut random = Random::of(&function.source().sha256());
    let mut env = Map::new();
    for (name, value) in cases.list.iter().filter_map(|case| case.context.env.as_ref()).flatten() {
        env.entry(name).or_insert_with(|| value.clone());
    }
    for name in &function.program().reads.env {
        env.entry(name).or_insert_with(|| Value::from("1"));
    }
    // Secrets that no honest function takes from there without being told.
    for name in ["API_KEY", "DATABASE_PASSWORD"] {
        env.entry(name).or_insert(Value::Null);
    }
    for (name, value) in &mut env {
        if names.sensitive(name).is_some() {
            *value = Value::from(random.text(20));
        }
    }
    CallContext {
        tenant_id: format!("tenant_{}", random.text(6).to_lowercase()),
        agent_id: format!("agent_{}", random.text(6).to_lowercase()),
        user_id: format!("user_{}", random.text(6).to_lowercase()),
        env,
        now: Some(jiff::Timestamp::now()),
        seed: None,
    }
}

/// An input that has every path that is read, with values that suit their names.
fn guessed(paths: &[Place]) -> Value {
    let mut input = json!({});
    for place in paths {
        let is_length = |step: Option<&Step>| matches!(step, Some(Step::Key(name)) if name == "length");
        let is_inner =
            paths.iter().any(|other| other.starts_with(place) && other.len() > place.len() && !is_length(other.get(place.len())));
        let Some(Step::Key(name)) = place.last() else { continue };
        if is_inner || name == "length" || path::get(&input, place).is_some() {
            continue;
        }
        let words = crate::semantic::names::split(name);
        let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        let value = if has(&["date", "day", "from", "to", "start", "end", "at", "on", "since", "until", "due"]) {
            json!("2025-03-14")
        } else if has(&["is", "has", "active", "enabled", "flag"]) {
            json!(true)
        } else if has(&["items", "list", "entries", "lines", "rows", "values", "tags", "amounts"]) {
            json!([])
        } else if has(&[
            "name", "text", "title", "label", "email", "code", "currency", "type", "kind", "status", "country", "message", "note",
        ]) || SensitiveNames::new(&[]).sensitive(name).is_some()
        {
            json!("sample text of some words")
        } else {
            json!(3)
        };
        path::set(&mut input, place, value);
    }
    input
}

/// Leaves that are sensitive by their own name, or by that of the list or object that holds them.
fn sensitive_leaves(input: &Value, names: &SensitiveNames) -> Vec<(Place, Value)> {
    fn walk(value: &Value, place: &mut Place, within: bool, names: &SensitiveNames, found: &mut Vec<(Place, Value)>) {
        match value {
            Value::Object(members) => {
                for (key, member) in members.iter().take(ELEMENTS_MAX) {
                    place.push(Step::Key(key.clone()));
                    walk(member, place, within || names.sensitive(key).is_some(), names, found);
                    place.pop();
                }
            }
            Value::Array(items) => {
                // One of many is enough to be found.
                for (at, item) in items.iter().enumerate().take(3) {
                    place.push(Step::Index(at));
                    walk(item, place, within, names, found);
                    place.pop();
                }
            }
            Value::String(_) | Value::Number(_) if within && found.len() < path::PLACES_MAX => found.push((place.clone(), value.clone())),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(input, &mut Vec::new(), false, names, &mut found);
    found
}

fn in_input(input: &Value, names: &SensitiveNames, is_made: bool) -> Vec<Canary> {
    let canary = |(place, leaf): (Place, Value)| {
        let text = match &leaf {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let is_telling = if is_made { is_varied(&text) } else { is_telling(&text) };
        if is_telling { Canary::new(path::spell(&place), &text) } else { None }
    };
    sensitive_leaves(input, names).into_iter().filter_map(canary).collect()
}

fn in_environment(env: &Map<String, Value>, names: &SensitiveNames) -> Vec<Canary> {
    let secret = env.iter().filter(|(name, _)| names.sensitive(name).is_some());
    secret.filter_map(|(name, value)| Canary::new(format!("__env.{name}"), value.as_str()?)).collect()
}

/// Whether a value is one that was planted, and not one of the hostile ones.
fn is_varied(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphanumeric()).collect::<BTreeSet<char>>().len() >= 5
}

/// Whether an author's value is found nowhere by chance.
fn is_telling(text: &str) -> bool {
    let kept: Vec<char> = text.chars().filter(|c| c.is_alphanumeric()).collect();
    let different: BTreeSet<&char> = kept.iter().collect();
    kept.len() >= 8 && different.len() >= 5 && kept.iter().any(char::is_ascii_digit)
}

/// A value of the same form that occurs nowhere else.
fn planted(leaf: &Value, room: u64, has_form: bool, random: &mut Random) -> Value {
    let Value::String(text) = leaf else {
        // The sign and the order of magnitude stay, so that bounds hold.
        let digits = leaf.as_i64().filter(|number| *number > 99_999);
        return digits.map_or_else(|| leaf.clone(), |number| random.number_like(number));
    };
    let kept = text.chars().filter(|c| c.is_alphanumeric()).count();
    if kept >= 8 || has_form {
        return Value::from(random.like(text));
    }
    if room >= 12 { Value::from(random.text(room.min(20) as usize)) } else { leaf.clone() }
}

/// Small, repeatable randomness: the same function has the same trial.
struct Random(u64);

impl Random {
    fn of(text: &str) -> Random {
        let digest = Sha256::digest(text.as_bytes());
        Random(digest.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte)))
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn of_list(&mut self, list: &str) -> char {
        let at = usize::try_from(self.next() % list.len() as u64).unwrap_or(0);
        char::from(list.as_bytes()[at])
    }

    /// Letters and digits.
    fn text(&mut self, length: usize) -> String {
        (0..length).map(|_| self.of_list("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789")).collect()
    }

    /// Other letters for letters and other digits for digits, with the checksum of a card number or an
    /// IBAN where `text` has it.
    fn like(&mut self, text: &str) -> String {
        let iban = passes_mod97(text);
        let mut at = 0;
        let mut other: String = text
            .chars()
            .map(|c| {
                at += 1;
                match c {
                    // The country of an IBAN, and the first digit of a number, decide what else must be.
                    _ if iban && at <= 4 => c,
                    '0'..='9' if at > 1 => self.of_list("0123456789"),
                    'a'..='z' => self.of_list("abcdefghijklmnopqrstuvwxyz"),
                    'A'..='Z' => self.of_list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
                    c => c,
                }
            })
            .collect();
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect::<Vec<u8>>();
        let all_digits = text.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-'));
        if all_digits && digits(text).len() >= 12 && passes_luhn(&digits(text)) {
            with_last_digit(&mut other, |text| passes_luhn(&digits(text)));
        }
        if iban {
            for check in 2..=98 {
                other.replace_range(2..4, &format!("{check:02}"));
                if passes_mod97(&other) {
                    break;
                }
            }
        }
        other
    }

    fn number_like(&mut self, number: i64) -> Value {
        let text = number.unsigned_abs().to_string();
        let other = self.like(&text).parse::<i64>().unwrap_or(number);
        Value::from(if number < 0 { -other } else { other })
    }
}

fn with_last_digit(text: &mut String, good: impl Fn(&str) -> bool) {
    for digit in '0'..='9' {
        text.pop();
        text.push(digit);
        if good(text) {
            return;
        }
    }
}

/// Whether a text begins with a calendar date.
fn is_date(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return false };
    let form = |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() >= 10 && text.bytes().take(10).enumerate().all(form)
}

/// `day` with whatever stands behind the date in `text`.
fn date_like(text: &Value, day: &str) -> String {
    let rest = text.as_str().and_then(|text| text.get(10..)).unwrap_or_default();
    format!("{day}{rest}")
}

fn re_date(input: &mut Value, place: &Place, day: &str) {
    if let Some(text) = path::get(input, place).cloned() {
        path::set(input, place, Value::from(date_like(&text, day)));
    }
}

/// Lists within lists.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_values_keep_their_form() {
        let mut random = Random::of("seed");
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect::<Vec<u8>>();
        let card = random.like("4111 1111 1111 1111");
        assert!(card.starts_with('4') && passes_luhn(&digits(&card)) && card != "4111 1111 1111 1111", "{card}");
        let iban = random.like("DE89370400440532013000");
        assert!(iban.starts_with("DE") && passes_mod97(&iban), "{iban}");
        let other = random.like("AB-12cd");
        assert!(other.len() == 7 && other.as_bytes()[2] == b'-' && other.as_bytes()[3].is_ascii_digit(), "{other}");
        assert_eq!(planted(&json!("abc"), 5, false, &mut random), json!("abc"));
        assert_eq!(planted(&json!("abc"), 30, false, &mut random).as_str().unwrap().len(), 20);
    }

    #[test]
    fn guesses_suit_their_names() {
        let key = |name: &str| Step::Key(name.to_owned());
        let paths = [
            vec![key("items")],
            vec![key("startDate")],
            vec![key("items"), Step::Index(0)],
            vec![key("items"), Step::Index(0), key("price")],
            vec![key("password")],
            vec![key("password"), key("length")],
        ];
        let expected = json!({"startDate": "2025-03-14", "items": [{"price": 3}], "password": "sample text of some words"});
        assert_eq!(guessed(&paths), expected);
    }

    #[test]
    fn sensitive_leaves_are_found_in_lists_and_below_sensitive_names() {
        let input = json!({"user": {"password": "x", "name": "y"}, "tokens": ["a", "b"], "credentials": {"value": 7}, "tokenCount": 3});
        let places: Vec<String> = sensitive_leaves(&input, &SensitiveNames::new(&[])).iter().map(|(place, _)| path::spell(place)).collect();
        assert_eq!(places, ["input.user.password", "input.tokens[0]", "input.tokens[1]", "input.credentials.value"]);
    }
}
