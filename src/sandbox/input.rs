//! The input against its schema, inside the worker: the schema is the author's text too.

use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde::Deserialize;
use serde_json::Value;

use super::frame::VIOLATIONS_MAX;
use super::{SchemaViolation, text};

/// Most bytes of a compiled pattern, and of its automaton.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// The one draft that is read, as `$schema` names it.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Most bytes of a violation's message.
const VIOLATION_BYTES_MAX: usize = 512;

/// A value from its text, deeper than serde_json's own bound: the caller has checked the depth.
///
/// # Errors
/// Where the text is not JSON.
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    let value = Value::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Checks `input`: an object, unless the schema names another type, and whatever else it says.
///
/// # Errors
/// The violations, the first [`VIOLATIONS_MAX`] of them. A schema that cannot be used rejects every input.
pub fn check(schema: Option<&str>, input: &Value) -> Result<(), Vec<SchemaViolation>> {
    let unusable = |reason: String| vec![violation("", &format!("the input schema cannot be used: {reason}"))];
    let schema = match schema {
        Some(text) => Some(parse(text).map_err(|error| unusable(error.to_string()))?),
        None => None,
    };
    if !input.is_object() && !schema.as_ref().is_some_and(names_another_type) {
        return Err(vec![violation("", "the input must be a JSON object")]);
    }
    let Some(schema) = schema else { return Ok(()) };
    let validator = compile(&schema).map_err(unusable)?;
    let violations: Vec<SchemaViolation> =
        validator.iter_errors(input).take(VIOLATIONS_MAX).map(|error| violation(error.instance_path().as_str(), &masked(&error))).collect();
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

/// A schema ready for use: draft 2020-12, local references only, patterns in linear time.
///
/// # Errors
/// Why it cannot be used.
pub fn compile(schema: &Value) -> Result<Validator, String> {
    if let Some(dialect) = other_dialect(schema) {
        let dialect = text::escape(dialect, 100);
        return Err(format!(
            "its `$schema` is {dialect:?}, and only draft 2020-12 is supported: write {DIALECT:?} there or leave `$schema` out, \
             and put keywords of other drafts as that one has them (`prefixItems` for a list of `items`)"
        ));
    }
    if let Some(reference) = remote_reference(schema) {
        return Err(format!("reference to {reference:?}, which is not within the schema"));
    }
    if let Some(id) = inner_identifier(schema) {
        return Err(format!("the part {id:?} is a schema of its own, to which references in it would point"));
    }
    let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
    jsonschema::options().with_draft(Draft::Draft202012).with_pattern_options(patterns).build(schema).map_err(|error| error.to_string())
}

/// Whether the schema itself says that the input may be something else than an object.
fn names_another_type(schema: &Value) -> bool {
    let other = |name: &Value| name.as_str().is_some_and(|name| name != "object");
    match schema.get("type") {
        Some(Value::Array(names)) => names.iter().any(other),
        Some(name) => other(name),
        None => false,
    }
}

/// The first reference that leaves the schema.
fn remote_reference(schema: &Value) -> Option<&str> {
    find_text(schema, |name, target| matches!(name, "$ref" | "$dynamicRef") && !target.starts_with('#'))
}

/// The first `$schema` that names another draft than [`DIALECT`].
fn other_dialect(schema: &Value) -> Option<&str> {
    find_text(schema, |name, target| name == "$schema" && target.trim_end_matches('#') != DIALECT)
}

/// The first text member that `is_wanted` by its name and itself. Iterative: the depth is the author's.
fn find_text(schema: &Value, is_wanted: impl Fn(&str, &str) -> bool) -> Option<&str> {
    let mut pending = vec![schema];
    while let Some(value) = pending.pop() {
        match value {
            Value::Array(items) => pending.extend(items),
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(target) if is_wanted(name, target) => return Some(target),
                        _ => pending.push(member),
                    }
                }
            }
            _ => {}
        }
    }
    None
}

/// The `$id` of a part: what `#/…` refers to would depend on where it stands, and whoever reads the
/// schema, the linter too, would have to follow that.
fn inner_identifier(schema: &Value) -> Option<&str> {
    fn parts(value: &Value) -> Vec<&Value> {
        match value {
            Value::Array(items) => items.iter().collect(),
            Value::Object(members) => members.values().collect(),
            _ => Vec::new(),
        }
    }
    let mut pending = parts(schema);
    while let Some(value) = pending.pop() {
        if let Some(id) = value.get("$id").and_then(Value::as_str) {
            return Some(id);
        }
        pending.extend(parts(value));
    }
    None
}

/// What is wrong, without the values of the input: messages reach logs.
fn masked(error: &ValidationError<'_>) -> String {
    error.masked().to_string()
}

fn violation(path: &str, message: &str) -> SchemaViolation {
    SchemaViolation { instance_path: text::escape(path, 256), message: text::escape(message, VIOLATION_BYTES_MAX) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn messages(schema: Value, input: Value) -> Vec<String> {
        check(Some(&schema.to_string()), &input).err().unwrap_or_default().iter().map(SchemaViolation::to_string).collect()
    }

    #[test]
    fn without_a_schema_the_input_is_an_object() {
        assert!(check(None, &json!({})).is_ok());
        for input in [json!(null), json!([]), json!("x"), json!(1)] {
            assert_eq!(check(None, &input).unwrap_err()[0].to_string(), "the input must be a JSON object");
        }
    }

    #[test]
    fn another_type_is_allowed_only_by_name() {
        assert!(messages(json!({"type": "array"}), json!([])).is_empty());
        assert!(messages(json!({"type": ["object", "null"]}), json!(null)).is_empty());
        assert_eq!(messages(json!({}), json!([])), ["the input must be a JSON object"]);
    }

    #[test]
    fn violations_say_where_and_what_but_not_the_value() {
        let schema = json!({"type": "object", "properties": {"pin": {"type": "integer", "maximum": 9}}, "required": ["name"]});
        let found = messages(schema, json!({"pin": "secret"}));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().any(|message| message.starts_with("/pin: ")), "{found:?}");
        assert!(found.iter().all(|message| !message.contains("secret")), "{found:?}");
    }

    #[test]
    fn another_draft_is_refused_by_its_name_and_with_what_to_do() {
        for dialect in ["http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2019-09/schema", "https://example.org/x"]
        {
            let found = messages(json!({"$schema": dialect, "type": "object"}), json!({}));
            let told = found.len() == 1
                && [dialect, "only draft 2020-12 is supported", DIALECT, "leave `$schema` out"].iter().all(|part| found[0].contains(part));
            assert!(told, "{found:?}");
        }
        let long = messages(json!({"$schema": "x".repeat(5_000)}), json!({}));
        assert!(long.len() == 1 && long[0].contains(DIALECT) && long[0].ends_with("`items`)"), "{long:?}");
        for dialect in [DIALECT.to_owned(), format!("{DIALECT}#")] {
            assert!(messages(json!({"$schema": dialect, "type": "object"}), json!({})).is_empty(), "{dialect}");
        }
    }

    #[test]
    fn references_stay_inside_and_patterns_stay_linear() {
        for schema in [
            json!({"$ref": "https://example.org/x"}),
            json!({"properties": {"a": {"$ref": "other.json"}}}),
            json!({"properties": {"a": {"pattern": "(?=a)b"}}}),
            json!({"properties": {"a": {"pattern": "((a{1000}){1000}){1000}"}}}),
            json!({"type": "nonsense"}),
            json!({"properties": {"a": {"$id": "urn:a", "$ref": "#/$defs/n", "$defs": {"n": true}}}, "$defs": {"n": {"type": "number"}}}),
        ] {
            let found = messages(schema.clone(), json!({"a": "b"}));
            assert!(found.len() == 1 && found[0].contains("cannot be used"), "{schema} {found:?}");
        }
        assert!(
            messages(json!({"$defs": {"n": {"type": "number"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}), json!({"a": 1})).is_empty()
        );
    }
}
