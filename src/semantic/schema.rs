//! What a declared InputSchema (JSON Schema, draft 2020-12) says about input paths.
//!
//! Only keywords that the sandbox enforces before the call and that say something about type,
//! presence or size count: `type`, `const`, `enum`, `required`, `properties`, `items`, `allOf`,
//! local `$ref`, and the upper and lower limits. `format`, `default`, `pattern` and conditionals
//! say nothing.

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value as Json;

use super::facts::{Facts, Interval, Types};
use super::model::Segment;

/// The schema of `input`, or none.
#[derive(Clone, Debug, Default)]
pub struct InputSchema {
    root: Option<Json>,
}

/// How many references to references are followed.
const REFERENCES_MAX: usize = 16;

impl InputSchema {
    /// A schema that the sandbox enforces.
    pub fn new(root: Option<Json>) -> Self {
        InputSchema { root }
    }

    /// Whether there is a schema.
    pub fn is_declared(&self) -> bool {
        self.root.is_some()
    }

    /// What is known of the value at `path`, given that what it is read from is there. `None` where the schema says nothing.
    pub fn facts(&self, path: &[Segment]) -> Option<Facts> {
        let mut at = vec![(self.root.as_ref()?, true)];
        for segment in path {
            // What a property was read from is there: that it may not be is told of that read.
            at.iter_mut().for_each(|(_, present)| *present = true);
            at = self.below(&at, segment);
            if at.is_empty() {
                return None;
            }
        }
        let present = at.iter().any(|(_, present)| *present);
        let mut facts = self.parts(at.into_iter().map(|(schema, _)| schema).collect()).into_iter().rev().fold(Facts::ANY, own);
        if !present {
            facts.types = facts.types | Types::UNDEFINED;
        }
        Some(facts)
    }

    /// Names of properties declared below `path`, one level.
    pub fn property_names(&self, path: &[Segment]) -> Vec<String> {
        let Some(root) = &self.root else { return Vec::new() };
        let at = path.iter().fold(vec![(root, true)], |at, segment| self.below(&at, segment));
        let mut names = Vec::new();
        for (schema, _) in at {
            let schema = self.resolve(schema);
            if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
                names.extend(properties.keys().cloned());
            }
        }
        names
    }

    /// What a schema refers to, in as many steps as it takes.
    fn resolve<'a>(&'a self, schema: &'a Json) -> &'a Json {
        let mut at = schema;
        for _ in 0..REFERENCES_MAX {
            match self.referred(at) {
                Some(target) => at = target,
                None => break,
            }
        }
        at
    }

    fn referred<'a>(&'a self, schema: &'a Json) -> Option<&'a Json> {
        let reference = schema.get("$ref").and_then(Json::as_str)?;
        // The validator decodes what this pointer would take literally.
        let pointer = reference.strip_prefix('#').filter(|pointer| !pointer.contains('%'))?;
        self.root.as_ref()?.pointer(pointer)
    }

    /// These schemas and all that hold together with them, by reference or `allOf`: each once, however
    /// often it is referred to, or a few lines of schema would be the work of years.
    fn parts<'a>(&'a self, schemas: Vec<&'a Json>) -> Vec<&'a Json> {
        let (mut parts, mut pending) = (Vec::new(), schemas);
        let mut seen: FxHashSet<*const Json> = FxHashSet::default();
        pending.reverse();
        while let Some(schema) = pending.pop() {
            if seen.insert(schema) {
                parts.push(schema);
                pending.extend(schema.get("allOf").and_then(Json::as_array).into_iter().flatten().rev());
                pending.extend(self.referred(schema));
            }
        }
        parts
    }

    /// What holds for a part of what these schemas hold for, and whether the part must be there; each once.
    fn below<'a>(&'a self, schemas: &[(&'a Json, bool)], segment: &Segment) -> Vec<(&'a Json, bool)> {
        let mut found: FxHashMap<*const Json, usize> = FxHashMap::default();
        let mut below: Vec<(&Json, bool)> = Vec::new();
        for &(schema, present) in schemas {
            for part in self.parts(vec![schema]) {
                for (next, required) in step(part, segment) {
                    let at = *found.entry(next).or_insert_with(|| {
                        below.push((next, false));
                        below.len() - 1
                    });
                    below[at].1 |= required && present;
                }
            }
        }
        below
    }
}

/// What one schema by itself says of a part of its values: a schema for it, and whether it must be there.
fn step<'a>(schema: &'a Json, segment: &Segment) -> Vec<(&'a Json, bool)> {
    let has = |keyword: &str| schema.get(keyword).is_some();
    // It does not hold for what a pattern names.
    let additional = schema.get("additionalProperties").filter(|additional| additional.is_object() && !has("patternProperties"));
    match segment {
        Segment::Name(name) => {
            let required =
                schema.get("required").and_then(Json::as_array).is_some_and(|names| names.iter().any(|n| n.as_str() == Some(name)));
            match schema.get("properties").and_then(|properties| properties.get(&**name)) {
                Some(property) => vec![(property, required)],
                None if required => vec![(&Json::Bool(true), true)],
                None => additional.into_iter().map(|additional| (additional, false)).collect(),
            }
        }
        Segment::Element => {
            // These do not hold for the first elements, or for members with a name of their own.
            let items = schema.get("items").filter(|items| items.is_object() && !has("prefixItems"));
            let members = additional.filter(|_| !has("properties"));
            items.into_iter().chain(members).map(|schema| (schema, true)).collect()
        }
    }
}

/// What is known already, with what one schema by itself adds.
fn own(known: Facts, schema: &Json) -> Facts {
    let mut facts = known;
    if let Some(declared) = schema.get("type") {
        facts = facts.meet(type_facts(declared));
    }
    let listed = schema.get("enum").and_then(Json::as_array).map(Vec::as_slice).or(schema.get("const").map(std::slice::from_ref));
    if let Some(values) = listed {
        let joined = values.iter().map(value_facts).reduce(Facts::join).unwrap_or(Facts::ANY);
        facts = facts.meet(Facts { listed: true, ..joined });
    }
    let number = |key: &str| schema.get(key).and_then(Json::as_f64);
    let low = number("minimum").or(number("exclusiveMinimum"));
    let high = number("maximum").or(number("exclusiveMaximum"));
    let mut range = Interval { lo: low.unwrap_or(f64::NEG_INFINITY), hi: high.unwrap_or(f64::INFINITY) };
    if facts.integer && number("minimum").is_none() && low.is_some() {
        range.lo += 1.0;
    } else if number("minimum").is_none() && low.is_some() {
        range.lo = range.lo.next_up();
    }
    facts.range = facts.range.meet(range);
    let longest = ["maxLength", "maxItems", "maxProperties"].into_iter().filter_map(number).reduce(f64::min);
    let shortest = ["minLength", "minItems"].into_iter().filter_map(number).reduce(f64::max);
    facts.length = facts.length.meet(Interval { lo: shortest.unwrap_or(0.0), hi: longest.unwrap_or(f64::INFINITY) });
    if facts.types.only(Types::STRING) && facts.length.lo > 0.0 {
        facts.types = Types::TEXT;
    }
    facts
}

fn type_facts(declared: &Json) -> Facts {
    match declared {
        Json::String(name) => named_type(name),
        Json::Array(names) => names.iter().filter_map(Json::as_str).map(named_type).reduce(Facts::join).unwrap_or(Facts::ANY),
        _ => Facts::ANY,
    }
}

fn named_type(name: &str) -> Facts {
    match name {
        "string" => Facts::of(Types::STRING),
        "number" => Facts::of(Types::NUMBER),
        "integer" => Facts { integer: true, ..Facts::of(Types::NUMBER) },
        "boolean" => Facts::of(Types::BOOLEAN),
        "array" => Facts::of(Types::ARRAY),
        "object" => Facts::of(Types::OBJECT),
        "null" => Facts::of(Types::NULL),
        _ => Facts::ANY,
    }
}

fn value_facts(value: &Json) -> Facts {
    match value {
        Json::Null => Facts::of(Types::NULL),
        Json::Bool(b) => Facts::of(if *b { Types::TRUE } else { Types::FALSE }),
        Json::Number(n) => Facts::number(Interval::point(n.as_f64().unwrap_or(f64::NAN)), n.is_i64() || n.is_u64()),
        Json::String(s) => Facts::string(Interval::point(s.encode_utf16().count() as f64)),
        Json::Array(items) => Facts::array(Interval::point(items.len() as f64)),
        Json::Object(_) => Facts::of(Types::OBJECT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantic::facts::Known;

    fn facts(path: &[&str]) -> Option<Facts> {
        let schema = serde_json::json!({
            "type": "object", "required": ["days", "who"],
            "properties": {
                "days": {"type": "integer", "minimum": 1, "maximum": 366},
                "who": {"$ref": "#/$defs/person"},
                "note": {"type": "string", "maxLength": 10}
            },
            "$defs": {"person": {"type": "object", "required": ["age"], "properties": {"age": {"type": ["number", "null"]}}}}
        });
        let path: Vec<Segment> = path.iter().map(|name| Segment::Name((*name).into())).collect();
        InputSchema::new(Some(schema)).facts(&path)
    }

    #[test]
    fn type_limits_and_required_raise_facts() {
        assert_eq!(facts(&["days"]).unwrap().known(Types::NUMBER), Known::Bounded);
    }

    #[test]
    fn a_type_without_required_is_unchecked() {
        assert_eq!(facts(&["note"]).unwrap().known(Types::STRING), Known::Unchecked);
    }

    #[test]
    fn null_in_a_union_is_unchecked_through_a_reference() {
        assert_eq!(facts(&["who", "age"]).unwrap().known(Types::NUMBER), Known::Unchecked);
        assert_eq!(facts(&["who"]).unwrap().known(Types::OBJECT), Known::Typed);
    }

    #[test]
    fn what_other_keywords_take_out_is_not_known() {
        let number = serde_json::json!({"type": "number", "maximum": 9});
        let facts = |schema: Json, segment: Segment| InputSchema::new(Some(schema)).facts(&[segment]);
        let name = || Segment::Name("days".into());
        let schema = serde_json::json!({"patternProperties": {"^d": true}, "additionalProperties": number});
        assert_eq!(facts(schema, name()), None);
        let schema = serde_json::json!({"prefixItems": [true], "items": number});
        assert_eq!(facts(schema, Segment::Element), None);
        let schema = serde_json::json!({"properties": {"a": true}, "additionalProperties": number});
        assert_eq!(facts(schema, Segment::Element), None);
        let schema = serde_json::json!({"properties": {"days": {"$ref": "#/$defs/a%20b"}}, "$defs": {"a%20b": number, "a b": true}});
        assert_eq!(facts(schema, name()).unwrap().known(Types::NUMBER), Facts::ANY.known(Types::NUMBER));
    }

    #[test]
    fn a_schema_that_refers_to_itself_many_times_is_read_once() {
        let again = vec![serde_json::json!({"$ref": "#"}); 20];
        let number = serde_json::json!({"type": "number", "maximum": 9});
        let schema = serde_json::json!({"allOf": again, "required": ["a"], "properties": {"a": {"allOf": [{"$ref": "#"}, number]}}});
        let path = vec![Segment::Name("a".into()); 1];
        let facts = InputSchema::new(Some(schema.clone())).facts(&path).unwrap();
        assert_eq!((facts.known(Types::NUMBER), facts.range.hi), (Known::Bounded, 9.0));
        assert!(InputSchema::new(Some(schema)).facts(&vec![Segment::Name("a".into()); 30]).is_some());
    }

    #[test]
    fn what_is_not_declared_is_not_known() {
        assert_eq!(facts(&["other"]), None);
    }
}
