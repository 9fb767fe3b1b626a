//! `NAME.cases.json`: what the author says a function does.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::sandbox::CallContext;

/// Most cases of a function.
pub const CASES_MAX: usize = 200;

/// Most bytes of a case's name.
const NAME_BYTES_MAX: usize = 200;

/// `NAME.cases.json`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cases {
    /// In the order of the file.
    pub list: Vec<Case>,
}

/// One case: an input, and what must come of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The input.
    pub input: Value,
    /// What the function is told of its caller.
    #[serde(default)]
    pub context: CaseContext,
    /// The result.
    #[serde(default, deserialize_with = "present")]
    pub expect: Option<Value>,
    /// A part of the message of the refusal.
    #[serde(default)]
    pub expect_error: Option<String>,
}

/// What a case says about the caller; what it does not say is the trial's.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct CaseContext {
    /// `__tenantId`
    pub tenant_id: Option<String>,
    /// `__agentId`
    pub agent_id: Option<String>,
    /// `__userId`
    pub user_id: Option<String>,
    /// `__env`
    pub env: Option<Map<String, Value>>,
    /// The time it is: RFC 3339, or milliseconds since 1970 as `Date.now()` gives them.
    #[serde(deserialize_with = "moment")]
    pub now: Option<jiff::Timestamp>,
}

/// `"expect": null` expects null; a case without the key expects nothing.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn moment<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<jiff::Timestamp>, D::Error> {
    use serde::de::Error;
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a time: \"2025-03-14T09:22:31Z\" or milliseconds since 1970")]
    enum Moment {
        Text(jiff::Timestamp),
        Milliseconds(i64),
    }
    match Option::<Moment>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Moment::Text(time)) => Ok(Some(time)),
        Some(Moment::Milliseconds(ms)) => jiff::Timestamp::from_millisecond(ms).map(Some).map_err(D::Error::custom),
    }
}

impl Cases {
    /// Reads the text of a cases file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Cases, String> {
        let list: Vec<Case> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if list.len() > CASES_MAX {
            return Err(format!("there are {} of them; at most {CASES_MAX} are run", list.len()));
        }
        for (at, case) in list.iter().enumerate() {
            if case.name.len() > NAME_BYTES_MAX {
                return Err(format!("the name of case {} is longer than {NAME_BYTES_MAX} bytes", at + 1));
            }
            if case.expect.is_some() == case.expect_error.is_some() {
                return Err(format!("case {} ({:?}) must have either `expect` or `expectError`", at + 1, case.name));
            }
        }
        Ok(Cases { list })
    }
}

impl CaseContext {
    /// The context of a call, on top of `base`.
    pub fn over(&self, base: &CallContext) -> CallContext {
        let or = |own: &Option<String>, base: &str| own.clone().unwrap_or_else(|| base.to_owned());
        CallContext {
            tenant_id: or(&self.tenant_id, &base.tenant_id),
            agent_id: or(&self.agent_id, &base.agent_id),
            user_id: or(&self.user_id, &base.user_id),
            env: self.env.clone().unwrap_or_else(|| base.env.clone()),
            now: self.now.or(base.now),
            seed: base.seed,
        }
    }
}

/// Deep equality of JSON: members in any order, numbers by their value.
pub fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len() && left.iter().all(|(key, left)| right.get(key).is_some_and(|right| equal(left, right)))
        }
        (left, right) => left == right,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_case_expects_a_result_or_a_refusal() {
        let parse = |text: &str| Cases::parse(text.as_bytes());
        let cases = parse(r#"[{"name": "a", "input": {}, "expect": null, "context": {"now": 1741910400000}}]"#).unwrap();
        assert_eq!(cases.list[0].context.now.unwrap().to_string(), "2025-03-14T00:00:00Z");
        assert_eq!(cases.list[0].expect, Some(Value::Null));
        for bad in [
            r#"[{"name": "a", "input": {}}]"#,
            r#"[{"name": "a", "input": {}, "expect": 1, "expectError": "x"}]"#,
            r#"[{"name": "a", "input": {}, "expects": 1}]"#,
            r#"[{"name": "a", "input": {}, "expect": 1, "context": {"now": "soon"}}]"#,
            "{}",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_are_equal_by_value_and_members_in_any_order() {
        assert!(equal(&json!({"a": 1, "b": [2.0]}), &json!({"b": [2], "a": 1.0})));
        assert!(!equal(&json!({"a": 1}), &json!({"a": 1, "b": null})));
        assert!(!equal(&json!([1, 2]), &json!([2, 1])));
        assert!(!equal(&json!("1"), &json!(1)));
    }
}
