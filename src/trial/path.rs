//! Places in a JSON value: read, set, removed.

use serde_json::{Map, Value};

/// Most steps of a place.
pub const STEPS_MAX: usize = 6;

/// Most places of one function that are tried.
pub const PLACES_MAX: usize = 60;

/// A step into a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A member.
    Key(String),
    /// An element.
    Index(usize),
}

/// The way from the whole value to a part.
pub type Place = Vec<Step>;

/// `input.items[0].price`
pub fn spell(place: &[Step]) -> String {
    place.iter().fold("input".to_owned(), |text, step| match step {
        Step::Key(key) if is_name(key) => format!("{text}.{key}"),
        Step::Key(key) => format!("{text}[{}]", Value::from(key.as_str())),
        Step::Index(at) => format!("{text}[{at}]"),
    })
}

fn is_name(key: &str) -> bool {
    let mut chars = key.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_' || c == '$') && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '$')
}

/// The part at `place`.
pub fn get<'a>(value: &'a Value, place: &[Step]) -> Option<&'a Value> {
    place.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(at) => value.get(at),
    })
}

/// The part at `place`, for changing.
pub fn get_mut<'a>(value: &'a mut Value, place: &[Step]) -> Option<&'a mut Value> {
    place.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(at) => value.get_mut(at),
    })
}

/// Puts `part` at `place`, making what is missing on the way.
pub fn set(value: &mut Value, place: &[Step], part: Value) {
    let mut here = value;
    for step in place {
        here = match step {
            Step::Key(key) => {
                if !here.is_object() {
                    *here = Value::Object(Map::new());
                }
                match here {
                    Value::Object(members) => members.entry(key.clone()).or_insert(Value::Null),
                    other => other,
                }
            }
            Step::Index(at) => {
                if !here.is_array() {
                    *here = Value::Array(Vec::new());
                }
                match here {
                    Value::Array(items) => {
                        while items.len() <= *at {
                            items.push(Value::Null);
                        }
                        &mut items[*at]
                    }
                    other => other,
                }
            }
        };
    }
    *here = part;
}

/// Takes the part at `place` away, if it is there.
pub fn remove(value: &mut Value, place: &[Step]) -> bool {
    let Some((last, before)) = place.split_last() else { return false };
    match (get_mut(value, before), last) {
        (Some(Value::Object(members)), Step::Key(key)) => members.shift_remove(key).is_some(),
        (Some(Value::Array(items)), Step::Index(at)) if *at < items.len() => {
            items.remove(*at);
            true
        }
        _ => false,
    }
}

/// A number as JSON writes it, whole ones without a point.
pub fn number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { Value::from(number as i64) } else { Value::from(number) }
}

/// Every place of a value, of arrays only the first element, shallow ones first.
pub fn places(value: &Value) -> Vec<Place> {
    let mut found: Vec<Place> = vec![Vec::new()];
    let mut next = 0;
    while next < found.len() && found.len() < PLACES_MAX {
        let here = found[next].clone();
        next += 1;
        if here.len() >= STEPS_MAX {
            continue;
        }
        let below = |step| {
            let mut place = here.clone();
            place.push(step);
            place
        };
        match get(value, &here) {
            Some(Value::Object(members)) => found.extend(members.keys().take(PLACES_MAX).map(|key| below(Step::Key(key.clone())))),
            Some(Value::Array(items)) if !items.is_empty() => found.push(below(Step::Index(0))),
            _ => {}
        }
    }
    found.truncate(PLACES_MAX);
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_is_read_set_and_removed() {
        let mut value = json!({"a": [{"b": 1}]});
        let place = vec![Step::Key("a".into()), Step::Index(0), Step::Key("b".into())];
        assert_eq!(get(&value, &place), Some(&json!(1)));
        set(&mut value, &place, json!("x"));
        assert_eq!(value, json!({"a": [{"b": "x"}]}));
        assert!(remove(&mut value, &place) && !remove(&mut value, &place));
        set(&mut value, &[Step::Key("c d".into()), Step::Index(1)], json!(2));
        assert_eq!(value, json!({"a": [{}], "c d": [null, 2]}));
        let places: Vec<String> = places(&value).iter().map(|place| spell(place)).collect();
        assert_eq!(places, ["input", "input.a", "input[\"c d\"]", "input.a[0]", "input[\"c d\"][0]"]);
    }
}
