//! What the engine sees of its host: hooks that refuse, a clock, virtual timers, a captured
//! console, and a global object that holds what is listed here and nothing else.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use boa_engine::context::time::{Clock, JsInstant};
use boa_engine::context::{Context, HostHooks};
use boa_engine::job::{Job, JobExecutor};
use boa_engine::object::builtins::JsFunction;
use boa_engine::object::{FunctionObjectBuilder, IntegrityLevel, JsObject, ObjectInitializer};
use boa_engine::property::{Attribute, PropertyDescriptor, PropertyKey};
use boa_engine::realm::Realm;
use boa_engine::{JsArgs, JsError, JsNativeError, JsResult, JsString, JsValue, NativeFunction, js_string};

use super::frame::{CONSOLE_BYTES_MAX, CONSOLE_LINES_MAX};
use super::{CallContext, ConsoleLevel, ConsoleLine, serialize, text, thrown};

/// The properties of the global object that a program may see, beside those of its call.
///
/// Left out on purpose: `Atomics` and `SharedArrayBuffer` (they block and share), `WeakRef` and
/// `FinalizationRegistry` (they show when the collector ran, so two equal runs could differ).
pub const GLOBALS: &[&str] = &[
    "AggregateError",
    "Array",
    "ArrayBuffer",
    "BigInt",
    "BigInt64Array",
    "BigUint64Array",
    "Boolean",
    "DataView",
    "Date",
    "Error",
    "EvalError",
    "Float16Array",
    "Float32Array",
    "Float64Array",
    "Function",
    "Infinity",
    "Int16Array",
    "Int32Array",
    "Int8Array",
    "Iterator",
    "JSON",
    "Map",
    "Math",
    "NaN",
    "Number",
    "Object",
    "Promise",
    "Proxy",
    "RangeError",
    "ReferenceError",
    "Reflect",
    "RegExp",
    "Set",
    "String",
    "Symbol",
    "SyntaxError",
    "TypeError",
    "URIError",
    "Uint16Array",
    "Uint32Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "WeakMap",
    "WeakSet",
    "decodeURI",
    "decodeURIComponent",
    "encodeURI",
    "encodeURIComponent",
    "escape",
    "eval",
    "globalThis",
    "isFinite",
    "isNaN",
    "parseFloat",
    "parseInt",
    "undefined",
    "unescape",
];

/// Most bytes of one logged line.
const LINE_BYTES_MAX: usize = 4 << 10;

/// Refuses what would leave the engine or make code out of strings.
#[derive(Debug)]
pub struct Hooks {
    /// Most bytes of one buffer.
    pub buffer_bytes_max: u64,
}

impl HostHooks for Hooks {
    fn ensure_can_compile_strings(&self, _: Realm, _: &[JsString], _: &JsString, _: bool, _: &mut Context) -> JsResult<()> {
        Err(JsNativeError::eval().with_message("code cannot be made from strings here").into())
    }

    fn local_timezone_offset_seconds(&self, _: i64) -> i32 {
        0
    }

    fn max_buffer_size(&self, _: &mut Context) -> u64 {
        self.buffer_bytes_max
    }
}

/// The program's clock: the machine's, or one that only virtual timers move.
#[derive(Debug)]
pub struct HostClock {
    fixed_ms: Option<Cell<i64>>,
}

impl HostClock {
    /// A clock that stands at `now`, or the machine's.
    pub fn new(now: Option<jiff::Timestamp>) -> Self {
        HostClock { fixed_ms: now.map(|at| Cell::new(at.as_millisecond())) }
    }

    fn now_ms(&self) -> i64 {
        match &self.fixed_ms {
            Some(at) => at.get(),
            None => jiff::Timestamp::now().as_millisecond(),
        }
    }

    fn forward(&self, ms: u64) {
        if let Some(at) = &self.fixed_ms {
            at.set(at.get().saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)));
        }
    }
}

impl Clock for HostClock {
    fn now(&self) -> JsInstant {
        let ms = u64::try_from(self.now_ms()).unwrap_or(0);
        JsInstant::new(ms / 1_000, (ms % 1_000) as u32 * 1_000_000)
    }

    fn system_time_millis(&self) -> i64 {
        self.now_ms()
    }
}

/// The queue of jobs. Only [`Jobs::drain`] takes from it.
#[derive(Default)]
pub struct Jobs {
    queue: RefCell<VecDeque<Job>>,
}

impl JobExecutor for Jobs {
    fn enqueue_job(self: Rc<Self>, job: Job, _: &mut Context) {
        self.queue.borrow_mut().push_back(job);
    }

    fn run_jobs(self: Rc<Self>, context: &mut Context) -> JsResult<()> {
        self.drain(context)
    }
}

impl Jobs {
    /// Runs jobs in order until none is left.
    ///
    /// # Errors
    /// The first error that left a job: a job of a promise keeps the program's own exceptions to
    /// itself, so this is the engine stopping at a limit.
    pub fn drain(&self, context: &mut Context) -> JsResult<()> {
        loop {
            let Some(job) = self.queue.borrow_mut().pop_front() else { return Ok(()) };
            match job {
                Job::PromiseJob(job) => job.call(context)?,
                Job::GenericJob(job) => job.call(context)?,
                Job::AsyncJob(job) => poll_once(job, context)?,
                // Timers are the host's own; nothing else that is left could be asked for.
                _ => JsValue::undefined(),
            };
        }
    }
}

/// Asynchronous jobs load modules, which the idle loader refuses at once: one that waits waits for ever.
fn poll_once(job: boa_engine::job::NativeAsyncJob, context: &mut Context) -> JsResult<JsValue> {
    let cell = RefCell::new(context);
    let mut future = pin!(job.call(&cell));
    match future.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Ok(JsValue::undefined()),
    }
}

/// What the host keeps for one call.
pub struct Host {
    clock: Rc<HostClock>,
    console: RefCell<Vec<ConsoleLine>>,
    console_bytes: Cell<usize>,
    timers: RefCell<BTreeMap<(u64, u32), Timer>>,
    timer_last: Cell<u32>,
    elapsed_ms: Cell<u64>,
    random: Cell<u64>,
    /// Functions of the untouched realm, taken before the program can replace them.
    pub pristine: Pristine,
}

struct Timer {
    callback: JsFunction,
    arguments: Vec<JsValue>,
}

/// Built-in functions as they were before the program ran.
#[derive(Clone)]
pub struct Pristine {
    /// `Object.prototype.propertyIsEnumerable`
    pub property_is_enumerable: JsObject,
    /// `Array.isArray`
    pub is_array: JsObject,
    /// The getter of `Error.prototype.stack`
    pub error_stack: JsObject,
}

impl Host {
    /// Takes the log.
    pub fn take_console(context: &Context) -> Vec<ConsoleLine> {
        context.get_data::<Host>().map(|host| host.console.take()).unwrap_or_default()
    }

    /// Runs the next virtual timer; says whether there was one.
    ///
    /// # Errors
    /// What the callback threw.
    pub fn run_next_timer(context: &mut Context) -> JsResult<bool> {
        let Some(host) = context.get_data::<Host>() else { return Ok(false) };
        let Some(((due_ms, _), timer)) = host.timers.borrow_mut().pop_first() else { return Ok(false) };
        host.clock.forward(due_ms.saturating_sub(host.elapsed_ms.get()));
        host.elapsed_ms.set(due_ms);
        timer.callback.call(&JsValue::undefined(), &timer.arguments, context)?;
        Ok(true)
    }
}

/// Makes the realm what a program may see: removes, replaces, adds, freezes.
///
/// # Errors
/// Only if the engine's own objects are not as expected.
pub fn prepare(context: &mut Context, call: &CallContext, clock: Rc<HostClock>, seed: u64) -> JsResult<()> {
    let pristine = take_pristine(context)?;
    context.insert_data(Host {
        clock,
        console: RefCell::default(),
        console_bytes: Cell::new(0),
        timers: RefCell::default(),
        timer_last: Cell::new(0),
        elapsed_ms: Cell::new(0),
        random: Cell::new(seed),
        pristine,
    });
    let global = context.global_object();
    for key in global.own_property_keys(context)? {
        let listed = matches!(&key, PropertyKey::String(name) if GLOBALS.iter().any(|&listed| *name == listed));
        if !listed {
            global.delete_property_or_throw(key, context)?;
        }
    }
    add_random(context)?;
    add_console(context)?;
    add_timers(context)?;
    for (name, value) in [("__tenantId", &call.tenant_id), ("__agentId", &call.agent_id), ("__userId", &call.user_id)] {
        define_constant(context, name, JsString::from(value.as_str()).into())?;
    }
    let env = JsValue::from_json(&serde_json::Value::Object(call.env.clone()), context)?;
    freeze(&env, context)?;
    define_constant(context, "__env", env)
}

fn take_pristine(context: &mut Context) -> JsResult<Pristine> {
    let constructors = context.intrinsics().constructors();
    let object_prototype = constructors.object().prototype();
    let array = constructors.array().constructor();
    let error_prototype = constructors.error().prototype();
    let missing = || JsError::from(JsNativeError::typ().with_message("the realm lacks a built-in"));
    let stack = error_prototype.borrow().properties().get(&PropertyKey::from(js_string!("stack")));
    let function = |value: JsValue| value.as_object().filter(JsObject::is_callable).ok_or_else(missing);
    Ok(Pristine {
        property_is_enumerable: function(object_prototype.get(js_string!("propertyIsEnumerable"), context)?)?,
        is_array: function(array.get(js_string!("isArray"), context)?)?,
        error_stack: function(stack.and_then(|stack| stack.get().cloned()).ok_or_else(missing)?)?,
    })
}

/// Neither writable nor configurable: a declaration of the same name in a script is an error.
fn define_constant(context: &mut Context, name: &str, value: JsValue) -> JsResult<()> {
    context.register_global_property(JsString::from(name), value, Attribute::ENUMERABLE)
}

/// Freezes a tree of plain objects and arrays, as deep as the host's own configuration is.
fn freeze(value: &JsValue, context: &mut Context) -> JsResult<()> {
    let Some(object) = value.as_object() else { return Ok(()) };
    for key in object.own_property_keys(context)? {
        let member = object.get(key, context)?;
        freeze(&member, context)?;
    }
    object.set_integrity_level(IntegrityLevel::Frozen, context)?;
    Ok(())
}

fn add_random(context: &mut Context) -> JsResult<()> {
    let math = context.global_object().get(js_string!("Math"), context)?;
    let random = FunctionObjectBuilder::new(context.realm(), NativeFunction::from_fn_ptr(random)).name(js_string!("random")).build();
    let descriptor = PropertyDescriptor::builder().value(random).writable(true).enumerable(false).configurable(true);
    if let Some(math) = math.as_object() {
        math.define_property_or_throw(js_string!("random"), descriptor, context)?;
    }
    Ok(())
}

/// SplitMix64: one word of state, so a seed gives the same sequence on every machine.
fn random(_: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some(host) = context.get_data::<Host>() else { return Ok(JsValue::from(0.5)) };
    let state = host.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    host.random.set(state);
    let mut word = state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^= word >> 31;
    Ok(JsValue::from((word >> 11) as f64 / (1_u64 << 53) as f64))
}

fn add_console(context: &mut Context) -> JsResult<()> {
    let mut console = ObjectInitializer::new(context);
    console
        .function(NativeFunction::from_fn_ptr(|_, args, cx| log(ConsoleLevel::Debug, args, cx)), js_string!("debug"), 0)
        .function(NativeFunction::from_fn_ptr(|_, args, cx| log(ConsoleLevel::Debug, args, cx)), js_string!("trace"), 0)
        .function(NativeFunction::from_fn_ptr(|_, args, cx| log(ConsoleLevel::Info, args, cx)), js_string!("log"), 0)
        .function(NativeFunction::from_fn_ptr(|_, args, cx| log(ConsoleLevel::Info, args, cx)), js_string!("info"), 0)
        .function(NativeFunction::from_fn_ptr(|_, args, cx| log(ConsoleLevel::Warn, args, cx)), js_string!("warn"), 0)
        .function(NativeFunction::from_fn_ptr(|_, args, cx| log(ConsoleLevel::Error, args, cx)), js_string!("error"), 0);
    let console = console.build();
    context.register_global_property(js_string!("console"), console, Attribute::WRITABLE | Attribute::CONFIGURABLE)
}

/// Keeps one line, as long as there is room. What is cut is said once.
fn log(level: ConsoleLevel, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let has_room = |context: &Context| {
        context
            .get_data::<Host>()
            .is_some_and(|host| host.console.borrow().len() < CONSOLE_LINES_MAX && host.console_bytes.get() < CONSOLE_BYTES_MAX)
    };
    if !has_room(context) {
        return Ok(JsValue::undefined());
    }
    let mut line = String::new();
    for argument in arguments {
        if !line.is_empty() {
            line.push(' ');
        }
        if line.len() > LINE_BYTES_MAX {
            break;
        }
        line.push_str(&shown(argument, context)?);
    }
    let line = text::escape(&line, LINE_BYTES_MAX);
    if let Some(host) = context.get_data::<Host>() {
        host.console_bytes.set(host.console_bytes.get() + line.len());
        host.console.borrow_mut().push(ConsoleLine { level, text: line });
        if !has_room(context) {
            host.console.borrow_mut().push(ConsoleLine { level: ConsoleLevel::Warn, text: "(log cut here)".into() });
        }
    }
    Ok(JsValue::undefined())
}

/// A value as a log line shows it.
fn shown(value: &JsValue, context: &mut Context) -> JsResult<String> {
    if let Some(object) = value.as_object() {
        if object.is_callable() {
            return Ok("[function]".into());
        }
        if object.is::<boa_engine::builtins::error::Error>() {
            let (name, message) = thrown::name_and_message(&object);
            return Ok(format!("{name}: {message}"));
        }
        return match serialize::to_json(value, LINE_BYTES_MAX, 16, context) {
            Ok((json, _)) => Ok(json),
            // What the engine stopped stays stopped; anything else is only a line of the log.
            Err(serialize::Failure::Thrown(error)) if error.as_engine().is_some() => Err(error),
            Err(_) => Ok("[object]".into()),
        };
    }
    Ok(thrown::primitive(value))
}

fn add_timers(context: &mut Context) -> JsResult<()> {
    context.register_global_builtin_callable(js_string!("setTimeout"), 1, NativeFunction::from_fn_ptr(set_timeout))?;
    context.register_global_builtin_callable(js_string!("clearTimeout"), 1, NativeFunction::from_fn_ptr(clear_timeout))
}

fn set_timeout(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some(callback) = arguments.get_or_undefined(0).as_object().and_then(JsFunction::from_object) else {
        return Err(JsNativeError::typ().with_message("setTimeout takes a function").into());
    };
    let delay_ms = arguments.get_or_undefined(1).to_number(context)?;
    // As in a browser, what is not a number is 0 and the float-to-integer cast saturates.
    let delay_ms = (delay_ms.clamp(0.0, f64::from(i32::MAX)) as u64).max(1);
    let Some(host) = context.get_data::<Host>() else { return Ok(JsValue::undefined()) };
    let id = host.timer_last.get().wrapping_add(1);
    host.timer_last.set(id);
    let timer = Timer { callback, arguments: arguments.iter().skip(2).cloned().collect() };
    host.timers.borrow_mut().insert((host.elapsed_ms.get().saturating_add(delay_ms), id), timer);
    Ok(JsValue::from(id))
}

fn clear_timeout(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let id = arguments.get_or_undefined(0).to_u32(context)?;
    if let Some(host) = context.get_data::<Host>() {
        host.timers.borrow_mut().retain(|&(_, timer), _| timer != id);
    }
    Ok(JsValue::undefined())
}
