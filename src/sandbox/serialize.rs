//! A result as JSON: the steps of `JSON.stringify`, without its recursion, and bounded.
//!
//! Getters, `toJSON` and proxies run as they would there, inside the limits of the call.

use boa_engine::context::Context;
use boa_engine::object::JsObject;
use boa_engine::property::PropertyKey;
use boa_engine::{JsBigInt, JsError, JsResult, JsString, JsValue, JsVariant, js_string};

use super::frame::{LOSS_PATH_BYTES_MAX, LOSSES_MAX};
use super::host::Host;
use super::{Loss, LossKind};

/// Why there is no JSON.
pub enum Failure {
    /// JSON cannot hold the value.
    NotJson(&'static str),
    /// More bytes than allowed.
    TooLong,
    /// Deeper than allowed.
    TooDeep,
    /// Code of the program threw, or the engine stopped it.
    Thrown(JsError),
}

impl From<JsError> for Failure {
    fn from(error: JsError) -> Self {
        Failure::Thrown(error)
    }
}

/// The JSON text of `value` and what it lost.
///
/// # Errors
/// See [`Failure`].
pub fn to_json(value: &JsValue, bytes_max: usize, nesting_max: u32, context: &mut Context) -> Result<(String, Vec<Loss>), Failure> {
    let mut writer = Writer { json: String::new(), losses: Vec::new(), open: Vec::new(), bytes_max, nesting_max };
    if !writer.value(Key::Root, value.clone(), context)? {
        return Err(Failure::NotJson(match value.variant() {
            JsVariant::Undefined => "undefined",
            JsVariant::Symbol(_) => "a symbol",
            JsVariant::Object(_) => "a function",
            _ => "not a value",
        }));
    }
    while let Some(container) = writer.open.last_mut() {
        match container.next(context)? {
            Some((key, value)) => writer.member(key, value, context)?,
            None => writer.close()?,
        }
    }
    Ok((writer.json, writer.losses))
}

/// Where a value stands.
enum Key {
    Root,
    Index(u64),
    Name(JsString),
}

impl Key {
    fn to_value(&self) -> JsValue {
        match self {
            Key::Root => js_string!().into(),
            Key::Index(index) => JsString::from(index.to_string()).into(),
            Key::Name(name) => name.clone().into(),
        }
    }
}

/// An array or object that is being written.
struct Container {
    object: JsObject,
    /// Names of an object; an array counts.
    names: Option<std::vec::IntoIter<PropertyKey>>,
    at: u64,
    length: u64,
    written: u64,
    /// The place of the member being written, for paths.
    current: String,
}

impl Container {
    /// The next member's key and value, in order.
    fn next(&mut self, context: &mut Context) -> JsResult<Option<(Key, JsValue)>> {
        let Some(names) = &mut self.names else {
            if self.at == self.length {
                return Ok(None);
            }
            let index = self.at;
            self.at += 1;
            return Ok(Some((Key::Index(index), self.object.get(index, context)?)));
        };
        let Some(key) = names.next() else { return Ok(None) };
        let value = self.object.get(key.clone(), context)?;
        let name = match key {
            PropertyKey::String(name) => name,
            PropertyKey::Index(index) => JsString::from(index.get().to_string()),
            // Symbols are not among the names.
            PropertyKey::Symbol(_) => return Ok(None),
        };
        Ok(Some((Key::Name(name), value)))
    }
}

struct Writer {
    json: String,
    losses: Vec<Loss>,
    open: Vec<Container>,
    bytes_max: usize,
    nesting_max: u32,
}

impl Writer {
    /// One member of the innermost container.
    fn member(&mut self, key: Key, value: JsValue, context: &mut Context) -> Result<(), Failure> {
        let mark = self.json.len();
        let Some(container) = self.open.last_mut() else { return Ok(()) };
        if container.written > 0 {
            self.json.push(',');
        }
        let in_array = matches!(key, Key::Index(_));
        container.current = match &key {
            Key::Root => String::new(),
            Key::Index(index) => index.to_string(),
            Key::Name(name) => String::from_utf16_lossy(&name.iter().take(64).collect::<Vec<u16>>()),
        };
        let depth = self.open.len();
        if let Key::Name(name) = &key {
            self.string(name)?;
            self.push(":")?;
        }
        let written = self.value(key, value, context)?;
        if !written && in_array {
            self.push("null")?;
        }
        if let Some(container) = self.open.get_mut(depth - 1)
            && (written || in_array)
        {
            container.written += 1;
        } else {
            self.json.truncate(mark);
        }
        Ok(())
    }

    /// Ends the innermost container.
    fn close(&mut self) -> Result<(), Failure> {
        let is_object = self.open.pop().is_some_and(|container| container.names.is_some());
        self.push(if is_object { "}" } else { "]" })
    }

    /// One value; containers are only opened. Says whether there was anything to write.
    fn value(&mut self, key: Key, value: JsValue, context: &mut Context) -> Result<bool, Failure> {
        let value = through_to_json(&key, value, context)?;
        match value.variant() {
            JsVariant::Null => self.push("null")?,
            JsVariant::Boolean(value) => self.push(if value { "true" } else { "false" })?,
            JsVariant::Integer32(value) => self.push(&value.to_string())?,
            JsVariant::Float64(value) => self.number(value)?,
            JsVariant::String(value) => self.string(&value)?,
            JsVariant::BigInt(_) => return Err(Failure::NotJson("a BigInt")),
            JsVariant::Undefined => {
                self.lose(LossKind::Undefined);
                return Ok(false);
            }
            JsVariant::Symbol(_) => {
                self.lose(LossKind::NotData);
                return Ok(false);
            }
            JsVariant::Object(object) if object.is_callable() => {
                self.lose(LossKind::NotData);
                return Ok(false);
            }
            JsVariant::Object(object) => self.object(&object, &value, context)?,
        }
        Ok(true)
    }

    fn object(&mut self, object: &JsObject, value: &JsValue, context: &mut Context) -> Result<(), Failure> {
        if object.is::<f64>() {
            let number = value.to_number(context)?;
            return self.number(number);
        }
        if object.is::<JsString>() {
            let string = value.to_string(context)?;
            return self.string(&string);
        }
        if object.is::<JsBigInt>() {
            return Err(Failure::NotJson("a BigInt"));
        }
        let boolean = object.downcast_ref::<bool>().map(|value| *value);
        if let Some(value) = boolean {
            return self.push(if value { "true" } else { "false" });
        }
        if self.open.iter().any(|container| JsObject::equals(&container.object, object)) {
            return Err(Failure::NotJson("a cycle"));
        }
        if self.open.len() as u32 >= self.nesting_max {
            return Err(Failure::TooDeep);
        }
        let is_array = is_array(object, context)?;
        let (names, length) = if is_array {
            let length = object.get(js_string!("length"), context)?.to_length(context)?;
            (None, length)
        } else {
            let mut names = Vec::new();
            for key in object.own_property_keys(context)? {
                if is_enumerable(object, &key, context)? {
                    names.push(key);
                }
            }
            (Some(names.into_iter()), 0)
        };
        self.open.push(Container { object: object.clone(), names, at: 0, length, written: 0, current: String::new() });
        self.push(if is_array { "[" } else { "{" })
    }

    fn number(&mut self, value: f64) -> Result<(), Failure> {
        if value.is_finite() {
            return self.push(ryu_js::Buffer::new().format(value));
        }
        self.lose(if value.is_nan() { LossKind::NotANumber } else { LossKind::Infinite });
        self.push("null")
    }

    fn string(&mut self, string: &JsString) -> Result<(), Failure> {
        if string.len() > self.bytes_max {
            return Err(Failure::TooLong);
        }
        self.json.push('"');
        for unit in char::decode_utf16(string.iter()) {
            match unit {
                Ok('"') => self.json.push_str("\\\""),
                Ok('\\') => self.json.push_str("\\\\"),
                Ok(c) if (c as u32) < 0x20 => {
                    let _ = std::fmt::Write::write_fmt(&mut self.json, format_args!("\\u{:04x}", c as u32));
                }
                Ok(c) => self.json.push(c),
                Err(_) => {
                    self.lose(LossKind::LoneSurrogate);
                    self.json.push('\u{fffd}');
                }
            }
        }
        self.push("\"")
    }

    fn push(&mut self, text: &str) -> Result<(), Failure> {
        self.json.push_str(text);
        if self.json.len() > self.bytes_max { Err(Failure::TooLong) } else { Ok(()) }
    }

    fn lose(&mut self, kind: LossKind) {
        if self.losses.len() < LOSSES_MAX {
            let mut path = String::new();
            for container in self.open.iter().take(32) {
                path.push('/');
                path.push_str(&container.current.replace('~', "~0").replace('/', "~1"));
            }
            let loss = Loss { path: super::text::escape(&path, LOSS_PATH_BYTES_MAX), kind };
            if self.losses.last() != Some(&loss) {
                self.losses.push(loss);
            }
        }
    }
}

/// Asks `toJSON`, as an object or a BigInt may have one.
fn through_to_json(key: &Key, value: JsValue, context: &mut Context) -> JsResult<JsValue> {
    let holder = match value.variant() {
        JsVariant::Object(object) => object,
        JsVariant::BigInt(_) => value.to_object(context)?,
        _ => return Ok(value),
    };
    let method = holder.get(js_string!("toJSON"), context)?;
    match method.as_callable() {
        Some(method) => method.call(&value, &[key.to_value()], context),
        None => Ok(value),
    }
}

fn is_enumerable(object: &JsObject, key: &PropertyKey, context: &mut Context) -> JsResult<bool> {
    if matches!(key, PropertyKey::Symbol(_)) {
        return Ok(false);
    }
    if object.is_ordinary() {
        let found = object.borrow().properties().get(key);
        return Ok(found.is_some_and(|found| found.enumerable() == Some(true)));
    }
    let Some(function) = context.get_data::<Host>().map(|host| host.pristine.property_is_enumerable.clone()) else {
        return Ok(false);
    };
    Ok(function.call(&JsValue::from(object.clone()), &[JsValue::from(key)], context)?.to_boolean())
}

fn is_array(object: &JsObject, context: &mut Context) -> JsResult<bool> {
    if object.is_array() || object.is_ordinary() {
        return Ok(object.is_array());
    }
    let Some(function) = context.get_data::<Host>().map(|host| host.pristine.is_array.clone()) else { return Ok(false) };
    Ok(function.call(&JsValue::undefined(), &[JsValue::from(object.clone())], context)?.to_boolean())
}
