//! Names, messages and places of what a program threw, read without running any of its code.

use std::error::Error as _;

use boa_engine::builtins::error::Error;
use boa_engine::context::Context;
use boa_engine::error::{EngineError, PanicError, RuntimeLimitError};
use boa_engine::object::JsObject;
use boa_engine::property::PropertyKey;
use boa_engine::{JsError, JsString, JsValue, JsVariant, js_string};

use super::frame::{MESSAGE_BYTES_MAX, Verdict};
use super::host::Host;
use super::{LimitKind, text};

/// How far a prototype chain is followed for a name or a message.
const PROTOTYPES_MAX: usize = 64;

/// The verdict of an error that left the program.
pub fn verdict(error: &JsError, context: &mut Context) -> Verdict {
    if let Some(engine) = error.as_engine() {
        return of_engine(engine);
    }
    if let Some(value) = error.as_opaque() {
        let mut verdict = of_value(value, context);
        if let Verdict::Threw { position, .. } = &mut verdict
            && position.is_none()
            && !value.is_object()
        {
            // Only the trace behind a primitive is asked for: showing an object would walk it.
            *position = innermost(&error.to_string());
        }
        return verdict;
    }
    match error.clone().into_opaque(context) {
        Ok(value) => match of_value(&value, context) {
            Verdict::Threw { name, message, position, .. } => Verdict::Threw { name, message, by_engine: true, position },
            other => other,
        },
        Err(error) => Verdict::EnginePanic(text::escape(&error.to_string(), MESSAGE_BYTES_MAX)),
    }
}

fn of_engine(error: &EngineError) -> Verdict {
    match error {
        EngineError::NoInstructionsRemain => Verdict::Limit(LimitKind::Statements),
        EngineError::RuntimeLimit(RuntimeLimitError::Recursion) => Verdict::Limit(LimitKind::CallDepth),
        EngineError::RuntimeLimit(RuntimeLimitError::StackSize) => Verdict::Limit(LimitKind::Stack),
        EngineError::RuntimeLimit(RuntimeLimitError::LoopIteration) => Verdict::Limit(LimitKind::Statements),
        EngineError::Panic(panic) => match wrapped(panic) {
            Some(limit) => of_engine(limit),
            None => Verdict::EnginePanic(text::escape(panic.message(), MESSAGE_BYTES_MAX)),
        },
    }
}

/// The limit behind a panic: where the engine met one at a place that it thought cannot fail, it wraps it.
fn wrapped(panic: &PanicError) -> Option<&EngineError> {
    let source = panic.source()?;
    let error = source.downcast_ref::<JsError>().or_else(|| Some(source.downcast_ref::<Box<JsError>>()?))?;
    error.as_engine()
}

/// The verdict of a thrown value, or of the reason of a rejected promise.
pub fn of_value(value: &JsValue, context: &mut Context) -> Verdict {
    let Some(object) = value.as_object() else {
        let message = text::escape(&primitive(value), MESSAGE_BYTES_MAX);
        return Verdict::Threw { name: String::new(), message, by_engine: false, position: None };
    };
    let (name, message) = name_and_message(&object);
    let trace = stack(&object, context);
    // The engine's own errors begin their trace in native code that has no name.
    let by_engine = trace.trim_start().starts_with("at <anonymous> (native");
    Verdict::Threw { name, message, by_engine, position: innermost(&trace) }
}

/// Name and message of an object, from data properties only.
pub fn name_and_message(object: &JsObject) -> (String, String) {
    let is_error = object.is::<Error>();
    let text_of = |key: JsString| {
        let found = data_property(object, &PropertyKey::from(key))?;
        found.as_string().map(|found| text::escape(&lossy(&found), MESSAGE_BYTES_MAX))
    };
    let name = text_of(js_string!("name"));
    let message = text_of(js_string!("message"));
    match (is_error, message) {
        (true, message) => (name.unwrap_or_else(|| "Error".into()), message.unwrap_or_default()),
        (false, Some(message)) => (name.unwrap_or_default(), message),
        (false, None) => (String::new(), "an object that is not an error was thrown".into()),
    }
}

/// A data property of an object or its prototypes: no getter runs, no trap is asked.
fn data_property(object: &JsObject, key: &PropertyKey) -> Option<JsValue> {
    let mut holder = object.clone();
    for _ in 0..PROTOTYPES_MAX {
        let found = holder.borrow().properties().get(key);
        if let Some(found) = found {
            return found.value().cloned();
        }
        let prototype = holder.prototype()?;
        holder = prototype;
    }
    None
}

/// The text of a primitive.
pub fn primitive(value: &JsValue) -> String {
    match value.variant() {
        JsVariant::Null => "null".into(),
        JsVariant::Undefined => "undefined".into(),
        JsVariant::Boolean(value) => value.to_string(),
        JsVariant::String(value) => lossy(&value),
        JsVariant::Integer32(value) => value.to_string(),
        JsVariant::Float64(value) => ryu_js::Buffer::new().format(value).to_owned(),
        // Printing a large one costs as much as making it.
        JsVariant::BigInt(_) => "a BigInt".into(),
        JsVariant::Symbol(symbol) => format!("Symbol({})", symbol.description().map(|name| lossy(&name)).unwrap_or_default()),
        JsVariant::Object(_) => "an object".into(),
    }
}

/// At most [`MESSAGE_BYTES_MAX`] code units of a string.
fn lossy(string: &JsString) -> String {
    let head: Vec<u16> = string.iter().take(MESSAGE_BYTES_MAX * 2).collect();
    String::from_utf16_lossy(&head)
}

fn stack(object: &JsObject, context: &mut Context) -> String {
    let Some(getter) = context.get_data::<Host>().map(|host| host.pristine.error_stack.clone()) else { return String::new() };
    let stack = getter.call(&JsValue::from(object.clone()), &[], context);
    stack.ok().and_then(|stack| stack.as_string()).map(|stack| stack.to_std_string_lossy()).unwrap_or_default()
}

/// The first line and column in a stack trace (`at name (program.js:3:7)`).
fn innermost(trace: &str) -> Option<(u32, u32)> {
    trace.lines().take(64).filter(|line| line.trim_start().starts_with("at ")).find_map(|line| {
        let place = line.trim_end().strip_suffix(')')?;
        let mut parts = place.rsplitn(3, ':');
        let column = parts.next()?.parse().ok()?;
        let line = parts.next()?.parse().ok()?;
        parts.next()?.ends_with(super::engine::PROGRAM_NAME).then_some((line, column))
    })
}
