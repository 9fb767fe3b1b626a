//! One request, run by boa, to one reply. Everything here happens inside the worker.

use std::path::Path;
use std::rc::Rc;

use boa_engine::builtins::promise::PromiseState;
use boa_engine::context::{Context, ContextBuilder};
use boa_engine::module::IdleModuleLoader;
use boa_engine::object::JsObject;
use boa_engine::object::builtins::JsPromise;
use boa_engine::property::Attribute;
use boa_engine::{JsError, JsNativeError, JsResult, JsString, JsValue, Module, Script, Source, js_string};

use super::frame::{Reply, Request, Task, Verdict};
use super::host::{self, Hooks, Host, HostClock, Jobs};
use super::{LimitKind, Limits, Loss, heap, input, serialize, thrown};
use crate::program::EntryPoint;
use crate::semantic::entry::EntryKind;

/// The program's name in the engine's traces.
pub const PROGRAM_NAME: &str = "program.js";

/// Instructions that preparing the realm takes: it is done by native code alone.
const SETUP_STATEMENTS: u64 = 0;

/// Values on the virtual machine's stack. Call depth and heap are the limits that are meant to be
/// met first.
const STACK_VALUES_MAX: usize = 1 << 20;

/// Places kept of a trace; the innermost is all that is reported.
const BACKTRACE_MAX: usize = 16;

/// Makes the engine do once what it puts off until it is first needed: some of that reads files,
/// as counting processors for a concurrent map does, and the confinement that follows ends the
/// process for it.
pub fn warm_up() {
    let builder = ContextBuilder::new().module_loader(Rc::new(IdleModuleLoader)).instructions_remaining(1_000);
    if let Ok(mut context) = builder.build() {
        let _ = context.eval(Source::from_bytes("Symbol.for('')"));
    }
    boa_gc::force_collect();
}

/// Runs `request`.
pub fn execute(request: &Request) -> Reply {
    let limits = &request.limits;
    let refuse = |verdict| Reply { verdict, statements: 0, heap_bytes: 0, console: Vec::new(), losses: Vec::new() };
    // Reading and checking the input is charged to the heap limit too, but not counted as the program's.
    heap::arm(limits.heap_bytes_max);
    let value = match input::parse(&request.input) {
        Ok(value) => value,
        Err(error) => return refuse(Verdict::EnginePanic(error.to_string())),
    };
    if matches!(request.task, Task::Call(_))
        && let Err(violations) = input::check(request.schema.as_deref(), &value)
    {
        return refuse(Verdict::InputRejected(violations));
    }
    let (mut context, jobs) = match prepared(request) {
        Ok(prepared) => prepared,
        Err(error) => return refuse(Verdict::EnginePanic(error.to_string())),
    };
    heap::arm(limits.heap_bytes_max);
    let before = context.instructions_remaining();
    let mut run = Run { context: &mut context, jobs, limits, losses: Vec::new() };
    let verdict = run.verdict(request, &value);
    let losses = run.losses;
    if matches!(verdict, Verdict::Returned(_)) {
        Host::log_unhandled(&mut context);
    }
    let remaining = context.instructions_remaining();
    // Nothing the program does hides this: it is asked last.
    let verdict = if remaining == 0 { Verdict::Limit(LimitKind::Statements) } else { verdict };
    let statements = ((before - remaining) as u64).min(limits.statements_max);
    Reply { verdict, statements, heap_bytes: heap::peak_bytes(), console: Host::take_console(&context), losses }
}

fn prepared(request: &Request) -> JsResult<(Context, Rc<Jobs>)> {
    let limits = &request.limits;
    let jobs = Rc::new(Jobs::default());
    let clock = Rc::new(HostClock::new(request.context.now));
    // The budget reads 0 both when it is used up exactly and when it is overdrawn, hence one more.
    let budget = limits.statements_max.saturating_add(1 + SETUP_STATEMENTS);
    let mut context = ContextBuilder::new()
        .host_hooks(Rc::new(Hooks { buffer_bytes_max: limits.heap_bytes_max }))
        .clock(clock.clone())
        .job_executor(jobs.clone())
        .module_loader(Rc::new(IdleModuleLoader))
        .can_block(false)
        .instructions_remaining(usize::try_from(budget).unwrap_or(usize::MAX))
        .build()?;
    let runtime = context.runtime_limits_mut();
    runtime.set_recursion_limit(limits.call_depth_max as usize);
    runtime.set_stack_size_limit(STACK_VALUES_MAX);
    runtime.set_backtrace_limit(BACKTRACE_MAX);
    host::prepare(&mut context, &request.context, clock, request.context.seed.unwrap_or_default())?;
    Ok((context, jobs))
}

/// Why a run ended without a result.
enum Stop {
    Thrown(JsError),
    Rejected(JsValue),
    Verdict(Verdict),
}

impl From<JsError> for Stop {
    fn from(error: JsError) -> Self {
        Stop::Thrown(error)
    }
}

struct Run<'a> {
    context: &'a mut Context,
    jobs: Rc<Jobs>,
    limits: &'a Limits,
    losses: Vec<Loss>,
}

impl Run<'_> {
    fn verdict(&mut self, request: &Request, input: &serde_json::Value) -> Verdict {
        match self.result(request, input) {
            Ok(json) => Verdict::Returned(json),
            Err(Stop::Thrown(error)) => thrown::verdict(&error, self.context),
            Err(Stop::Rejected(reason)) => thrown::of_value(&reason, self.context),
            Err(Stop::Verdict(verdict)) => verdict,
        }
    }

    /// Loads, calls, waits, writes the result down, and lets what is still scheduled run: it
    /// belongs to the call, and so do its limits.
    fn result(&mut self, request: &Request, input: &serde_json::Value) -> Result<String, Stop> {
        let value = match &request.task {
            Task::Call(entry) => {
                let (function, this) = self.load(request, entry)?;
                let Some(function) = function.as_object().filter(JsObject::is_callable) else {
                    let message = format!("{} is not a function", entry.name);
                    return Err(Stop::Thrown(JsNativeError::typ().with_message(message).into()));
                };
                let argument = JsValue::from_json(input, self.context)?;
                function.call(&this, &[argument], self.context)?
            }
            Task::Parse => {
                self.parse(request)?;
                JsValue::null()
            }
            Task::Evaluate | Task::Review(_) | Task::Probe { .. } => self.script(&request.code)?,
        };
        let value = self.settled(value)?;
        let json = self.json(&value)?;
        while self.drained()? {}
        Ok(json)
    }

    fn source(code: &str) -> Source<'_, boa_engine::parser::source::UTF8Input<&[u8]>> {
        Source::from_bytes(code.as_bytes()).with_path(Path::new(PROGRAM_NAME))
    }

    /// Reads the program and compiles it as far as that goes without running it.
    fn parse(&mut self, request: &Request) -> JsResult<()> {
        if request.module {
            Module::parse(Self::source(&request.code), None, self.context)?;
        } else {
            Script::parse(Self::source(&request.code), None, self.context)?.codeblock(self.context)?;
        }
        Ok(())
    }

    fn script(&mut self, code: &str) -> JsResult<JsValue> {
        Script::parse(Self::source(code), None, self.context)?.evaluate(self.context)
    }

    /// Runs the top level and finds the function and the object it is a member of.
    fn load(&mut self, request: &Request, entry: &EntryPoint) -> Result<(JsValue, JsValue), Stop> {
        let name = JsString::from(entry.name.as_str());
        if request.module {
            let module = Module::parse(Self::source(&request.code), None, self.context)?;
            let promise = module.load_link_evaluate(self.context);
            self.settled(JsValue::from(promise))?;
            let namespace = module.namespace(self.context);
            let key = if entry.kind == EntryKind::Export { name.clone() } else { js_string!("default") };
            let found = namespace.get(key, self.context)?;
            return self.member_if(entry.kind == EntryKind::DefaultExportMember, found, name);
        }
        if !entry.kind.is_common_js() {
            self.script(&request.code)?;
            // A second script sees the `const` and `let` of the first, which are no properties of the global object.
            return Ok((self.script(&entry.name)?, JsValue::undefined()));
        }
        let exports = JsObject::with_object_proto(self.context.intrinsics());
        let module = JsObject::with_object_proto(self.context.intrinsics());
        module.create_data_property_or_throw(js_string!("exports"), exports.clone(), self.context)?;
        let attributes = Attribute::WRITABLE | Attribute::CONFIGURABLE;
        self.context.register_global_property(js_string!("exports"), exports, attributes)?;
        self.context.register_global_property(js_string!("module"), module.clone(), attributes)?;
        self.script(&request.code)?;
        let exported = module.get(js_string!("exports"), self.context)?;
        self.member_if(entry.kind == EntryKind::CommonJsMember, exported, name)
    }

    /// The member `name` of `holder` if the entry is one, otherwise `holder` itself.
    fn member_if(&mut self, is_member: bool, holder: JsValue, name: JsString) -> Result<(JsValue, JsValue), Stop> {
        match holder.as_object().filter(|_| is_member) {
            Some(object) => Ok((object.get(name, self.context)?, holder)),
            None => Ok((holder, JsValue::undefined())),
        }
    }

    /// What `await value` would give, jobs and timers run as they fall due.
    fn settled(&mut self, value: JsValue) -> Result<JsValue, Stop> {
        if !value.is_object() {
            return Ok(value);
        }
        let promise = JsPromise::resolve(value, self.context)?;
        self.jobs.clone().drain(self.context)?;
        loop {
            match promise.state() {
                PromiseState::Fulfilled(value) => return Ok(value),
                PromiseState::Rejected(reason) => return Err(Stop::Rejected(reason)),
                PromiseState::Pending if self.drained()? => {}
                PromiseState::Pending => return Err(Stop::Verdict(Verdict::Unsettled)),
            }
        }
    }

    /// Runs one timer and the jobs it leaves; says whether there was one.
    fn drained(&mut self) -> Result<bool, Stop> {
        self.jobs.clone().drain(self.context)?;
        let ran = Host::run_next_timer(self.context)?;
        self.jobs.clone().drain(self.context)?;
        Ok(ran)
    }

    fn json(&mut self, value: &JsValue) -> Result<String, Stop> {
        let bytes_max = usize::try_from(self.limits.output_bytes_max).unwrap_or(usize::MAX);
        let nesting_max = self.limits.nesting_max.min(Limits::NESTING_CEILING);
        match serialize::to_json(value, bytes_max, nesting_max, self.context) {
            Ok((json, losses)) => {
                self.losses = losses;
                Ok(json)
            }
            Err(serialize::Failure::NotJson(what)) => Err(Stop::Verdict(Verdict::Unserializable(what.to_owned()))),
            Err(serialize::Failure::TooLong) => Err(Stop::Verdict(Verdict::Limit(LimitKind::Output))),
            Err(serialize::Failure::TooDeep) => Err(Stop::Verdict(Verdict::Limit(LimitKind::Nesting))),
            Err(serialize::Failure::Thrown(error)) => Err(Stop::Thrown(error)),
        }
    }
}
