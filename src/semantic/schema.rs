//! What a declared InputSchema (JSON Schema, draft 2020-12) says about input paths.
//!
//! Only keywords that the sandbox enforces before the call and that say something about type,
//! presence or size count: `type`, `const`, `enum`, `required`, `properties`, `items`, `allOf`,
//! local `$ref`, and the upper and lower limits. `format`, `default`, `pattern` and conditionals
//! say nothing.

use serde_json::Value as Json;

use super::facts::{Facts, Interval, Types};
use super::model::Segment;

/// The schema of `input`, or none.
#[derive(Clone, Debug, Default)]
pub struct InputSchema {
    root: Option<Json>,
}

/// How many `$ref` and `allOf` steps are followed.
const DEPTH_MAX: usize = 16;

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
        let root = self.root.as_ref()?;
        let mut at = vec![(root, true)];
        for segment in path {
            let mut next = Vec::new();
            // What a property was read from is there: that it may not be is told of that read.
            for (schema, _) in at {
                self.step(schema, segment, true, 0, &mut next);
            }
            if next.is_empty() {
                return None;
            }
            at = next;
        }
        let mut facts = Facts::ANY;
        let mut present = false;
        for (schema, here) in at {
            facts = facts.meet(self.own(schema, 0));
            present |= here;
        }
        if !present {
            facts.types = facts.types | Types::UNDEFINED;
        }
        Some(facts)
    }

    /// Names of properties declared below `path`, one level.
    pub fn property_names(&self, path: &[Segment]) -> Vec<String> {
        let Some(root) = &self.root else { return Vec::new() };
        let mut at = vec![(root, true)];
        for segment in path {
            let mut next = Vec::new();
            for (schema, present) in at {
                self.step(schema, segment, present, 0, &mut next);
            }
            at = next;
        }
        let mut names = Vec::new();
        for (schema, _) in at {
            let schema = self.resolve(schema, 0);
            if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
                names.extend(properties.keys().cloned());
            }
        }
        names
    }

    fn resolve<'a>(&'a self, schema: &'a Json, depth: usize) -> &'a Json {
        let Some(reference) = schema.get("$ref").and_then(Json::as_str) else { return schema };
        let target = reference.strip_prefix('#').and_then(|pointer| self.root.as_ref()?.pointer(pointer));
        match target {
            Some(target) if depth < DEPTH_MAX => self.resolve(target, depth + 1),
            _ => schema,
        }
    }

    fn step<'a>(&'a self, schema: &'a Json, segment: &Segment, present: bool, depth: usize, out: &mut Vec<(&'a Json, bool)>) {
        if depth > DEPTH_MAX {
            return;
        }
        let referred = self.resolve(schema, 0);
        if !std::ptr::eq(referred, schema) {
            self.step(referred, segment, present, depth + 1, out);
        }
        for part in schema.get("allOf").and_then(Json::as_array).into_iter().flatten() {
            self.step(part, segment, present, depth + 1, out);
        }
        match segment {
            Segment::Name(name) => {
                let required =
                    schema.get("required").and_then(Json::as_array).is_some_and(|names| names.iter().any(|n| n.as_str() == Some(name)));
                let typed = self.own(schema, 0).types.only(Types::OBJECT) || depth > 0 || present;
                match schema.get("properties").and_then(|p| p.get(&**name)) {
                    Some(property) => out.push((property, required && present && typed)),
                    None if required => out.push((&Json::Bool(true), present)),
                    None => {
                        if let Some(additional @ Json::Object(_)) = schema.get("additionalProperties") {
                            out.push((additional, false));
                        }
                    }
                }
            }
            Segment::Element => {
                if let Some(items @ Json::Object(_)) = schema.get("items") {
                    out.push((items, true));
                }
                if let Some(additional @ Json::Object(_)) = schema.get("additionalProperties") {
                    out.push((additional, true));
                }
            }
        }
    }

    fn own(&self, schema: &Json, depth: usize) -> Facts {
        let mut facts = Facts::ANY;
        if depth > DEPTH_MAX {
            return facts;
        }
        let referred = self.resolve(schema, 0);
        if !std::ptr::eq(referred, schema) {
            facts = facts.meet(self.own(referred, depth + 1));
        }
        for part in schema.get("allOf").and_then(Json::as_array).into_iter().flatten() {
            facts = facts.meet(self.own(part, depth + 1));
        }
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
    fn what_is_not_declared_is_not_known() {
        assert_eq!(facts(&["other"]), None);
    }
}
