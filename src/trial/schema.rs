//! Inputs that a function's schema allows: typical ones, the smallest, the largest, and each bound
//! of each field by itself.
//!
//! Only the sandbox says what the schema really allows. What is made here and refused there tests
//! the refusal and nothing else, so guessing wrong costs little.

use std::collections::{HashMap, HashSet};

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Number, Value};

use super::path::{self, Place, Step};

/// How deep a schema is followed.
const DEPTH_MAX: usize = 8;

/// Most elements of a generated array.
pub const ELEMENTS_MAX: u64 = 1_000;

/// Most bytes of a generated string.
pub const STRING_BYTES_MAX: u64 = 64 << 10;

/// Most variants of one field.
const VARIANTS_MAX: usize = 6;

/// Most bytes of a generated value, roughly: a few lines of schema can ask for more than there is.
const VALUE_BYTES_MAX: usize = 256 << 10;

/// Most bytes of one that is not the largest: many inputs are made from it.
const BASE_BYTES_MAX: usize = 8 << 10;

/// Most bytes of a part that is put into a value.
const PART_BYTES_MAX: usize = 8 << 10;

/// Most schemas that are looked at together, by `allOf` and references.
const PARTS_MAX: usize = 1_000;

/// Most bytes of a compiled pattern: one that takes more is refused by the sandbox.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// What is left of [`VALUE_BYTES_MAX`].
struct Budget(usize);

impl Budget {
    /// Takes the bytes of a part; says whether they were there.
    fn take(&mut self, bytes: usize) -> bool {
        let enough = self.0 > bytes;
        self.0 = self.0.saturating_sub(bytes);
        enough
    }
}

/// Which value of those that are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// What is required, as small as allowed.
    Least,
    /// Everything, of an ordinary size.
    Typical,
    /// Everything, as large as allowed.
    Most,
}

/// A schema, with what local references in it refer to.
#[derive(Clone, Copy)]
pub struct Schema<'a> {
    root: &'a Value,
    at: &'a Value,
}

impl<'a> Schema<'a> {
    /// The whole schema.
    pub fn new(root: &'a Value) -> Schema<'a> {
        Schema { root, at: root }.resolved()
    }

    /// A value of this schema.
    pub fn value(self, size: Size) -> Value {
        let bytes_max = if size == Size::Most { VALUE_BYTES_MAX } else { BASE_BYTES_MAX };
        self.make(size, 0, 0, &mut Budget(bytes_max))
    }

    /// The places that the schema speaks of, the whole input first.
    pub fn places(self) -> Vec<Place> {
        let mut found = vec![Vec::new()];
        self.collect(&mut Vec::new(), &mut found);
        found.truncate(path::PLACES_MAX);
        found
    }

    /// What the schema says about a place.
    pub fn below(self, place: &[Step]) -> Option<Schema<'a>> {
        place.iter().try_fold(self, |schema, step| schema.step(step))
    }

    /// Whether an object of this schema must have the member.
    pub fn requires(self, key: &str) -> bool {
        self.keyword("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|name| name == key))
    }

    /// Whether the value is one of a few that the schema itself names.
    pub fn is_listed(self) -> bool {
        self.keyword("enum").is_some() || self.keyword("const").is_some()
    }

    /// Most characters of a string.
    pub fn length_max(self) -> Option<u64> {
        self.keyword("maxLength").and_then(Value::as_u64)
    }

    /// Whether strings must have a certain form.
    pub fn has_form(self) -> bool {
        self.keyword("pattern").is_some() || self.keyword("format").is_some()
    }

    /// Values at the bounds of this one field.
    pub fn bounds(self) -> Vec<Value> {
        let mut found = Vec::new();
        if let Some(listed) = self.keyword("enum").and_then(Value::as_array) {
            found.extend(listed.iter().cloned());
        }
        for name in self.types() {
            match name {
                "null" => found.push(Value::Null),
                "boolean" => found.extend([Value::Bool(true), Value::Bool(false)]),
                "integer" | "number" => {
                    found.extend([Size::Least, Size::Most].map(|size| self.number(size, name == "integer")));
                }
                "string" => found.extend([Size::Least, Size::Most].map(|size| Value::String(self.string(size, 0)))),
                "array" => found.extend([Size::Least, Size::Most].map(|size| self.array(size, 0, &mut Budget(PART_BYTES_MAX)))),
                _ => found.extend([Size::Least, Size::Most].map(|size| self.object(size, 0, &mut Budget(PART_BYTES_MAX)))),
            }
        }
        for choices in ["anyOf", "oneOf"] {
            for choice in self.keyword(choices).and_then(Value::as_array).into_iter().flatten().take(VARIANTS_MAX) {
                found.push(Schema { root: self.root, at: choice }.resolved().value(Size::Typical));
            }
        }
        found.dedup();
        found.truncate(VARIANTS_MAX);
        found
    }

    /// Whether the schema plainly allows a value, as far as its common keywords say. The sandbox
    /// decides; this only tells which inputs are worth trying.
    pub fn admits(self, value: &Value) -> bool {
        self.admits_at(value, 0)
    }

    fn admits_at(self, value: &Value, depth: usize) -> bool {
        if depth > DEPTH_MAX {
            return true;
        }
        let listed = self.keyword("enum").and_then(Value::as_array);
        if self.keyword("const").is_some_and(|only| only != value) || listed.is_some_and(|list| !list.contains(value)) {
            return false;
        }
        let types = if self.keyword("type").is_some() { self.types() } else { Vec::new() };
        if !types.is_empty() && !types.iter().any(|name| is_of(value, name)) {
            return false;
        }
        let count = |name: &str| self.keyword(name).and_then(Value::as_u64);
        let fits = |size: usize, least: &str, most: &str| {
            count(least).is_none_or(|least| size as u64 >= least) && count(most).is_none_or(|most| size as u64 <= most)
        };
        match value {
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or(f64::NAN);
                let above = self.limit("minimum", "exclusiveMinimum").is_none_or(|(at, open)| number > at || (!open && number >= at));
                let below = self.limit("maximum", "exclusiveMaximum").is_none_or(|(at, open)| number < at || (!open && number <= at));
                above && below
            }
            Value::String(text) => {
                let compiled = |pattern: &str| regex::RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build().ok();
                let form = self.keyword("pattern").and_then(Value::as_str).and_then(compiled);
                fits(text.chars().count(), "minLength", "maxLength") && form.is_none_or(|form| form.is_match(text))
            }
            Value::Array(items) => {
                fits(items.len(), "minItems", "maxItems")
                    && items
                        .iter()
                        .enumerate()
                        .all(|(at, item)| self.step(&Step::Index(at)).is_none_or(|schema| schema.admits_at(item, depth + 1)))
            }
            Value::Object(members) => {
                let required = self.keyword("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
                let closed = self.keyword("additionalProperties") == Some(&Value::Bool(false));
                let known: HashMap<&String, Schema<'_>> = self.properties().into_iter().collect();
                fits(members.len(), "minProperties", "maxProperties")
                    && required.into_iter().all(|name| members.contains_key(name))
                    && members.iter().all(|(key, member)| known.get(key).map_or(!closed, |schema| schema.admits_at(member, depth + 1)))
            }
            Value::Null | Value::Bool(_) => true,
        }
    }

    fn resolved(self) -> Schema<'a> {
        let mut at = self.at;
        for _ in 0..DEPTH_MAX {
            let target = at.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
            match target.and_then(|pointer| self.root.pointer(pointer)) {
                Some(target) => at = target,
                None => break,
            }
        }
        Schema { root: self.root, at }
    }

    /// A keyword, here or in `allOf`.
    fn keyword(self, name: &str) -> Option<&'a Value> {
        self.at.get(name).or_else(|| self.all().into_iter().find_map(|schema| schema.at.get(name)))
    }

    /// This schema and those that hold together with it, each once.
    fn all(self) -> Vec<Schema<'a>> {
        if self.at.get("allOf").is_none() {
            return vec![self];
        }
        let (mut all, mut pending) = (Vec::new(), vec![self]);
        let mut seen: HashSet<*const Value> = HashSet::new();
        while let Some(schema) = pending.pop() {
            if all.len() >= PARTS_MAX || !seen.insert(schema.at) {
                continue;
            }
            all.push(schema);
            let parts = schema.at.get("allOf").and_then(Value::as_array).into_iter().flatten().rev();
            pending.extend(parts.map(|part| Schema { root: self.root, at: part }.resolved()));
        }
        all
    }

    fn types(self) -> Vec<&'a str> {
        match self.keyword("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ if self.keyword("properties").is_some() => vec!["object"],
            _ if self.keyword("items").is_some() => vec!["array"],
            _ if self.keyword("minLength").or(self.keyword("maxLength")).or(self.keyword("pattern")).is_some() => vec!["string"],
            _ if self.keyword("minimum").or(self.keyword("maximum")).is_some() => vec!["number"],
            _ => Vec::new(),
        }
    }

    fn properties(self) -> Vec<(&'a String, Schema<'a>)> {
        let mut known: HashSet<&String> = HashSet::new();
        let all = self.all().into_iter().flat_map(|schema| schema.at.get("properties").and_then(Value::as_object).into_iter().flatten());
        all.filter(|(name, _)| known.insert(name)).map(|(name, at)| (name, Schema { root: self.root, at }.resolved())).collect()
    }

    fn items(self) -> Option<Schema<'a>> {
        self.keyword("items").map(|at| Schema { root: self.root, at }.resolved())
    }

    fn step(self, step: &Step) -> Option<Schema<'a>> {
        match step {
            Step::Key(key) => self.properties().into_iter().find(|(name, _)| *name == key).map(|(_, schema)| schema),
            Step::Index(at) => {
                let prefix = self.keyword("prefixItems").and_then(Value::as_array).and_then(|items| items.get(*at));
                prefix.map(|at| Schema { root: self.root, at }.resolved()).or_else(|| self.items())
            }
        }
    }

    fn collect(self, here: &mut Place, found: &mut Vec<Place>) {
        if here.len() >= path::STEPS_MAX || found.len() >= path::PLACES_MAX {
            return;
        }
        let members = self.properties().into_iter().map(|(name, schema)| (Step::Key(name.clone()), schema));
        let below: Vec<(Step, Schema<'_>)> = members.chain(self.items().map(|schema| (Step::Index(0), schema))).collect();
        for (step, schema) in below {
            here.push(step);
            found.push(here.clone());
            schema.collect(here, found);
            here.pop();
        }
    }

    fn make(self, size: Size, depth: usize, ordinal: u64, budget: &mut Budget) -> Value {
        if !budget.take(8) {
            return Value::Null;
        }
        if let Some(value) = self.keyword("const") {
            return given(value, budget);
        }
        if let Some(listed) = self.keyword("enum").and_then(Value::as_array).filter(|listed| !listed.is_empty()) {
            let at = usize::try_from(ordinal).unwrap_or(0) % listed.len();
            return given(&listed[at], budget);
        }
        if size == Size::Typical
            && ordinal == 0
            && let Some(example) = self.keyword("examples").and_then(|list| list.get(0)).or(self.keyword("default"))
        {
            return given(example, budget);
        }
        for choices in ["anyOf", "oneOf"] {
            if let Some(first) = self.keyword(choices).and_then(|list| list.get(0)).filter(|_| depth < DEPTH_MAX) {
                return Schema { root: self.root, at: first }.resolved().make(size, depth + 1, ordinal, budget);
            }
        }
        let types = self.types();
        match types.iter().find(|name| **name != "null").or(types.first()) {
            Some(&"null") => Value::Null,
            Some(&"boolean") => Value::Bool(size == Size::Most || ordinal % 2 == 1),
            Some(&name @ ("integer" | "number")) => self.nth_number(size, name == "integer", ordinal),
            Some(&"array") => self.array(size, depth, budget),
            Some(&"object") => self.object(size, depth, budget),
            None if depth == 0 => self.object(size, depth, budget),
            Some(_) | None => {
                let text = self.string(size, ordinal);
                budget.take(text.len());
                Value::String(text)
            }
        }
    }

    fn object(self, size: Size, depth: usize, budget: &mut Budget) -> Value {
        let mut members = Map::new();
        if depth >= DEPTH_MAX {
            return Value::Object(members);
        }
        for (name, schema) in self.properties() {
            if (size != Size::Least || self.requires(name)) && budget.take(name.len()) {
                members.insert(name.clone(), schema.make(size, depth + 1, 0, budget));
            }
        }
        for name in self.keyword("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            members.entry(name).or_insert_with(|| Value::String("text".to_owned()));
        }
        let extra = self.keyword("additionalProperties").filter(|schema| schema.is_object());
        let wanted =
            self.keyword("minProperties").and_then(Value::as_u64).unwrap_or(0).max(u64::from(size != Size::Least && extra.is_some()));
        for at in 0..wanted.min(ELEMENTS_MAX) {
            if members.len() as u64 >= wanted && at > 0 {
                break;
            }
            let value = extra.map_or(Value::from(1), |at| Schema { root: self.root, at }.resolved().make(size, depth + 1, 0, budget));
            members.entry(format!("key{at}")).or_insert(value);
        }
        Value::Object(members)
    }

    fn array(self, size: Size, depth: usize, budget: &mut Budget) -> Value {
        let least = self.keyword("minItems").and_then(Value::as_u64).unwrap_or(0);
        let most = self.keyword("maxItems").and_then(Value::as_u64).unwrap_or(ELEMENTS_MAX).min(ELEMENTS_MAX);
        let count = match size {
            Size::Least => least,
            Size::Typical => 2.clamp(least, most.max(least)),
            // What stands in a long list is itself ordinary, or the whole would be past any limit.
            Size::Most if depth <= 1 => most,
            Size::Most => 2.clamp(least, most.max(least)),
        };
        if depth >= DEPTH_MAX {
            return Value::Array(Vec::new());
        }
        let inner = if size == Size::Most { Size::Typical } else { size };
        let mut items = Vec::new();
        for at in 0..count.min(ELEMENTS_MAX) {
            if !budget.take(4) {
                break;
            }
            items.push(match self.step(&Step::Index(usize::try_from(at).unwrap_or(usize::MAX))) {
                Some(schema) => schema.make(inner, depth + 1, at, budget),
                None => Value::from(at),
            });
        }
        Value::Array(items)
    }

    fn nth_number(self, size: Size, integer: bool, ordinal: u64) -> Value {
        let first = self.number(size, integer);
        match (first.as_i64(), ordinal) {
            (Some(number), 1..) => {
                let next = number.saturating_add(i64::try_from(ordinal).unwrap_or(0));
                let most = self.limit("maximum", "exclusiveMaximum").map_or(i64::MAX as f64, |(most, _)| most);
                if next as f64 <= most { Value::from(next) } else { first }
            }
            _ => first,
        }
    }

    fn number(self, size: Size, integer: bool) -> Value {
        let step = self.keyword("multipleOf").and_then(Value::as_f64).filter(|step| *step > 0.0);
        let unit = step.unwrap_or(if integer { 1.0 } else { 0.01 });
        let bound =
            |limit: Option<(f64, bool)>, inward: f64| limit.map(|(value, exclusive)| if exclusive { value + inward * unit } else { value });
        let least = bound(self.limit("minimum", "exclusiveMinimum"), 1.0);
        let most = bound(self.limit("maximum", "exclusiveMaximum"), -1.0);
        let value = match size {
            Size::Least => least.or(most.map(|most| most.min(0.0))).unwrap_or(-1e15),
            Size::Most => most.or(least.map(|least| least.max(0.0) + 1e15)).unwrap_or(1e15),
            Size::Typical => 3.0_f64.max(least.unwrap_or(3.0)).min(most.unwrap_or(f64::MAX)),
        };
        let value = step.map_or(value, |step| (value / step).round() * step);
        let value = if integer { value.round() } else { value };
        if value.fract() == 0.0 && value.abs() < 9e15 {
            return Value::from(value as i64);
        }
        Number::from_f64(value).map_or(Value::from(0), Value::Number)
    }

    fn limit(self, inclusive: &str, exclusive: &str) -> Option<(f64, bool)> {
        let read = |name: &str| self.keyword(name).and_then(Value::as_f64);
        read(exclusive).map(|value| (value, true)).or_else(|| read(inclusive).map(|value| (value, false)))
    }

    fn string(self, size: Size, ordinal: u64) -> String {
        if let Some(text) = self.keyword("format").and_then(Value::as_str).and_then(|format| formatted(format, size, ordinal)) {
            return text;
        }
        let least = self.keyword("minLength").and_then(Value::as_u64).unwrap_or(0).min(STRING_BYTES_MAX);
        let most = self.length_max().unwrap_or(STRING_BYTES_MAX).min(STRING_BYTES_MAX);
        if let Some(text) = self.keyword("pattern").and_then(Value::as_str).and_then(|pattern| matching(pattern, size)) {
            return text;
        }
        let length = match size {
            Size::Least => least,
            Size::Typical => 6.clamp(least, most.max(least)),
            Size::Most => most,
        };
        let number = if ordinal > 0 { ordinal.to_string() } else { String::new() };
        let letters = "sample text of ordinary words ".chars().cycle();
        number.chars().chain(letters).take(usize::try_from(length).unwrap_or(0)).collect()
    }
}

/// A value that the schema itself spells out.
fn given(value: &Value, budget: &mut Budget) -> Value {
    if budget.take(value.to_string().len()) { value.clone() } else { Value::Null }
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn formatted(format: &str, size: Size, ordinal: u64) -> Option<String> {
    let day = ordinal % 28 + 1;
    Some(match (format, size) {
        ("date", Size::Least) => "0001-01-01".to_owned(),
        ("date", Size::Typical) => format!("2025-03-{day:02}"),
        ("date", Size::Most) => "9999-12-31".to_owned(),
        ("date-time", Size::Least) => "0001-01-01T00:00:00Z".to_owned(),
        ("date-time", Size::Typical) => format!("2025-03-{day:02}T09:30:00Z"),
        ("date-time", Size::Most) => "9999-12-31T23:59:59Z".to_owned(),
        ("time", _) => "09:30:00Z".to_owned(),
        ("duration", _) => "P3D".to_owned(),
        ("email", _) => format!("person{ordinal}@example.com"),
        ("uuid", _) => format!("123e4567-e89b-42d3-a456-{:012x}", 0x4266_1417_4000_u64 + ordinal),
        ("uri" | "iri" | "uri-reference", _) => format!("https://example.com/{ordinal}"),
        ("hostname", _) => "host.example.com".to_owned(),
        ("ipv4", _) => format!("192.0.2.{}", ordinal % 250 + 1),
        ("ipv6", _) => "2001:db8::1".to_owned(),
        _ => return None,
    })
}

/// A text that the pattern matches, found by walking it once.
fn matching(pattern: &str, size: Size) -> Option<String> {
    let hir = regex_syntax::ParserBuilder::new().nest_limit(50).build().parse(pattern).ok()?;
    let mut text = String::new();
    spell(&hir, size, &mut text);
    (text.len() as u64 <= STRING_BYTES_MAX).then_some(text)
}

fn spell(hir: &Hir, size: Size, text: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges: Vec<(char, char)> = class.ranges().iter().map(|range| (range.start(), range.end())).collect();
            let plain = ranges.iter().find(|(start, end)| start.is_ascii_alphanumeric() || end.is_ascii_alphanumeric());
            if let Some((start, end)) = plain.or(ranges.first()) {
                text.push(if start.is_ascii_graphic() { *start } else { 'a'.clamp(*start, *end) });
            }
        }
        HirKind::Class(Class::Bytes(class)) => text.extend(class.ranges().first().map(|range| char::from(range.start()))),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min.max(1) * 2).min(200);
            let count = match size {
                Size::Least => repetition.min,
                Size::Typical => repetition.min.max(1).min(most),
                Size::Most => most,
            };
            for _ in 0..count.min(1_000) {
                if text.len() as u64 > STRING_BYTES_MAX {
                    return;
                }
                spell(&repetition.sub, size, text);
            }
        }
        HirKind::Capture(capture) => spell(&capture.sub, size, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| spell(part, size, text)),
        HirKind::Alternation(parts) => {
            if let Some(part) = if size == Size::Most { parts.last() } else { parts.first() } {
                spell(part, size, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_follow_the_schema() {
        let schema = json!({
            "type": "object",
            "required": ["n", "code"],
            "$defs": {"item": {"type": "object", "properties": {"price": {"type": "number", "exclusiveMinimum": 0, "maximum": 9.5}}}},
            "properties": {
                "n": {"type": "integer", "minimum": 1, "maximum": 12},
                "code": {"type": "string", "pattern": "^[A-Z]{3}-\\d{2}$"},
                "day": {"type": ["null", "string"], "format": "date"},
                "kind": {"enum": ["a", "b"]},
                "items": {"type": "array", "maxItems": 3, "items": {"$ref": "#/$defs/item"}},
            },
        });
        let schema = Schema::new(&schema);
        assert_eq!(schema.value(Size::Least), json!({"n": 1, "code": "AAA-00"}));
        let typical = json!({"n": 3, "code": "AAA-00", "day": "2025-03-01", "kind": "a", "items": [{"price": 3}, {"price": 3}]});
        assert_eq!(schema.value(Size::Typical), typical);
        assert_eq!(schema.value(Size::Most)["items"].as_array().unwrap().len(), 3);
        let places: Vec<String> = schema.places().iter().map(|place| path::spell(place)).collect();
        assert_eq!(
            places,
            ["input", "input.n", "input.code", "input.day", "input.kind", "input.items", "input.items[0]", "input.items[0].price"]
        );
        let bounds = |place: &str| {
            let place = schema.places().into_iter().find(|known| path::spell(known) == place).unwrap();
            Value::from(schema.below(&place).unwrap().bounds())
        };
        assert_eq!(bounds("input.n"), json!([1, 12]));
        assert_eq!(bounds("input.items[0].price"), json!([0.01, 9.5]));
        assert_eq!(bounds("input.kind"), json!(["a", "b"]));
        assert_eq!(bounds("input.day"), json!([null, "0001-01-01", "9999-12-31"]));
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({"type": "object", "properties": {"next": {"$ref": "#"}}, "allOf": [{"$ref": "#"}]});
        let schema = Schema::new(&schema);
        schema.value(Size::Most);
        assert!(schema.places().len() <= path::PLACES_MAX);
        Schema::new(&json!({"$ref": "#"})).value(Size::Typical);
    }

    #[test]
    fn a_schema_that_asks_for_more_than_there_is_gets_less() {
        let many: Map<String, Value> = (0..60).map(|at| (format!("p{at}"), json!({"$ref": "#"}))).collect();
        let long = json!({"type": "string", "minLength": 60_000});
        let rows = json!({"type": "array", "minItems": 1_000, "items": {"type": "array", "minItems": 1_000, "items": long}});
        for schema in [
            json!({"type": "object", "properties": many}),
            json!({"allOf": vec![json!({"$ref": "#"}); 50], "properties": {"a": {"anyOf": vec![json!({"$ref": "#"}); 50]}}}),
            rows,
            json!({"type": "object", "additionalProperties": {"$ref": "#"}, "minProperties": 1_000}),
        ] {
            for size in [Size::Least, Size::Typical, Size::Most] {
                let value = Schema::new(&schema).value(size);
                assert!(value.to_string().len() < 2 * VALUE_BYTES_MAX, "{schema}");
                Schema::new(&schema).admits(&value);
            }
            Schema::new(&schema).places().iter().for_each(|place| {
                Schema::new(&schema).below(place).map(Schema::bounds);
            });
        }
    }
}
