//! Runs one reviewed function, once, in a process of its own that can do nothing but compute.
//!
//! The parent (this module, [`pool`]) starts `fnvet` again as a worker, hands it one request and
//! reads one reply. It keeps the wall clock, ends the worker's process group and reaps it, and
//! believes nothing of the reply that it can check itself. The worker ([`worker`]) takes every
//! privilege away from itself ([`confine`]), counts its heap ([`heap`]) and its statements, and
//! only then reads what to run. boa's types do not leave this folder.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::{self, RequireIsolation};
use crate::program::Executable;
use crate::report::Cleared;
use crate::source::{Goal, LineColumn};

mod attacks;
#[cfg(target_os = "linux")]
mod confine;
#[cfg(not(target_os = "linux"))]
#[path = "sandbox/confine_elsewhere.rs"]
mod confine;
pub mod doctor;
mod engine;
mod frame;
pub use crate::program::EntryPoint;
use frame::{Request, Task};
pub mod heap;
mod host;
mod input;
#[cfg(unix)]
mod pool;
#[cfg(not(unix))]
#[path = "sandbox/pool_elsewhere.rs"]
mod pool;
mod rehearsal;
pub use rehearsal::{Rehearsal, rehearse};
mod serialize;
pub mod text;
mod thrown;
pub mod worker;

/// What one execution may use. Going past one of them is an [`Outcome::Limit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Milliseconds from the request to the reply.
    pub wall_clock_ms_max: u64,
    /// Bytes the program may hold on the heap at once, input and intermediate values included.
    pub heap_bytes_max: u64,
    /// Instructions of the virtual machine.
    pub statements_max: u64,
    /// Nested calls.
    pub call_depth_max: u32,
    /// Bytes of the result as JSON.
    pub output_bytes_max: u64,
    /// Bytes of the input as JSON.
    pub input_bytes_max: u64,
    /// Bytes of the source.
    pub source_bytes_max: u64,
    /// Nesting of the input and of the result.
    pub nesting_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            wall_clock_ms_max: 5_000,
            heap_bytes_max: 64 << 20,
            statements_max: 10_000_000,
            call_depth_max: 400,
            output_bytes_max: 1 << 20,
            input_bytes_max: 256 << 10,
            source_bytes_max: 1_000_000,
            nesting_max: 200,
        }
    }
}

impl From<&config::Limits> for Limits {
    fn from(limits: &config::Limits) -> Self {
        let small = |limit: u64| u32::try_from(limit).unwrap_or(u32::MAX);
        Limits {
            wall_clock_ms_max: limits.wall_clock_ms,
            heap_bytes_max: limits.heap_bytes,
            statements_max: limits.statements,
            call_depth_max: small(limits.call_depth),
            output_bytes_max: limits.output_bytes,
            input_bytes_max: limits.input_bytes,
            source_bytes_max: limits.source_bytes,
            nesting_max: small(limits.nesting),
        }
    }
}

impl Limits {
    /// Deeper JSON than this is refused whatever the configuration says: reading it recurses.
    pub const NESTING_CEILING: u32 = 1_000;
}

/// The limit that an execution went past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitKind {
    /// [`Limits::statements_max`].
    Statements,
    /// [`Limits::wall_clock_ms_max`].
    WallClock,
    /// [`Limits::heap_bytes_max`].
    Heap,
    /// [`Limits::call_depth_max`].
    CallDepth,
    /// The engine's own stack: nesting in source, values, patterns or native recursion.
    Stack,
    /// [`Limits::input_bytes_max`].
    Input,
    /// [`Limits::output_bytes_max`].
    Output,
    /// [`Limits::source_bytes_max`].
    Source,
    /// [`Limits::nesting_max`].
    Nesting,
}

impl LimitKind {
    /// The name as JSON and the audit record give it.
    pub fn name(self) -> &'static str {
        match self {
            LimitKind::Statements => "statements",
            LimitKind::WallClock => "wall-clock",
            LimitKind::Heap => "heap",
            LimitKind::CallDepth => "call-depth",
            LimitKind::Stack => "stack",
            LimitKind::Input => "input",
            LimitKind::Output => "output",
            LimitKind::Source => "source",
            LimitKind::Nesting => "nesting",
        }
    }
}

/// Who calls, and what the program may know about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct CallContext {
    /// `__tenantId`
    pub tenant_id: String,
    /// `__agentId`
    pub agent_id: String,
    /// `__userId`
    pub user_id: String,
    /// `__env`, deeply frozen.
    pub env: Map<String, Value>,
    /// Stops the program's clock at this instant; virtual timers still move it.
    pub now: Option<jiff::Timestamp>,
    /// Seeds `Math.random`; without it every execution draws another sequence.
    pub seed: Option<u64>,
}

/// How the worker is started and how much isolation is demanded of it.
#[derive(Clone, Debug, Default)]
pub struct IsolationOptions {
    /// Refuse to run where a layer is missing.
    pub require_full: bool,
    /// The program started as worker; `None` is the running executable.
    pub worker: Option<PathBuf>,
    /// How many unused workers are kept ready.
    pub spare_workers: usize,
    /// Layers left out on purpose: the knob by which `doctor` and the tests show that a missing layer is noticed.
    #[doc(hidden)]
    pub without: LayerSet,
}

/// One layer of isolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// A network namespace without interfaces.
    NetworkNamespace,
    /// A mount namespace of its own.
    MountNamespace,
    /// A System V IPC namespace of its own.
    IpcNamespace,
    /// A user without rights: not root, no capability.
    UnprivilegedUser,
    /// The worker ends when its parent does.
    ParentDeathSignal,
    /// No inherited descriptor but the three pipes.
    ClosedDescriptors,
    /// Address space, processor time, file size, core files, open files and processes are limited.
    ResourceLimits,
    /// No program started later could gain privileges.
    NoNewPrivileges,
    /// No memory can become executable.
    DenyWriteExecute,
    /// No file; where the kernel knows of them, no port and no signal to another process either.
    Landlock,
    /// Other processes of the user cannot read its memory.
    Undumpable,
    /// A list of system calls; any other ends the worker.
    Seccomp,
    /// The allocator counts and stops at the heap limit.
    HeapCounter,
}

impl Layer {
    /// Every layer, in the order in which the worker applies them.
    pub const ALL: [Layer; 13] = [
        Layer::NetworkNamespace,
        Layer::MountNamespace,
        Layer::IpcNamespace,
        Layer::UnprivilegedUser,
        Layer::ParentDeathSignal,
        Layer::ClosedDescriptors,
        Layer::ResourceLimits,
        Layer::NoNewPrivileges,
        Layer::DenyWriteExecute,
        Layer::Landlock,
        Layer::Undumpable,
        Layer::Seccomp,
        Layer::HeapCounter,
    ];

    /// The name as outcomes, `doctor` and the audit record give it.
    pub fn name(self) -> &'static str {
        match self {
            Layer::NetworkNamespace => "network-namespace",
            Layer::MountNamespace => "mount-namespace",
            Layer::IpcNamespace => "ipc-namespace",
            Layer::UnprivilegedUser => "unprivileged-user",
            Layer::ParentDeathSignal => "parent-death-signal",
            Layer::ClosedDescriptors => "closed-descriptors",
            Layer::ResourceLimits => "resource-limits",
            Layer::NoNewPrivileges => "no-new-privileges",
            Layer::DenyWriteExecute => "deny-write-execute",
            Layer::Landlock => "landlock",
            Layer::Undumpable => "undumpable",
            Layer::Seccomp => "seccomp",
            Layer::HeapCounter => "heap-counter",
        }
    }

    /// The layer of that name.
    pub fn by_name(name: &str) -> Option<Layer> {
        Layer::ALL.into_iter().find(|layer| layer.name() == name)
    }
}

/// A set of layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LayerSet(u32);

impl LayerSet {
    /// The set with `layer` added.
    #[must_use]
    pub fn with(self, layer: Layer) -> Self {
        LayerSet(self.0 | 1 << layer as u32)
    }

    /// The set without `layer`.
    #[must_use]
    pub fn without(self, layer: Layer) -> Self {
        LayerSet(self.0 & !(1 << layer as u32))
    }

    /// Whether `layer` is in the set.
    pub fn contains(self, layer: Layer) -> bool {
        self.0 & (1 << layer as u32) != 0
    }

    /// The layers of the set in the order of [`Layer::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Layer> {
        Layer::ALL.into_iter().filter(move |&layer| self.contains(layer))
    }
}

impl FromIterator<Layer> for LayerSet {
    fn from_iter<I: IntoIterator<Item = Layer>>(layers: I) -> Self {
        layers.into_iter().fold(LayerSet::default(), LayerSet::with)
    }
}

/// Whether every layer held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// All of them.
    Full,
    /// All but these.
    Reduced(Vec<Layer>),
    /// No worker was started: nothing ran.
    Unused,
}

impl Isolation {
    fn of(present: LayerSet) -> Self {
        let missing: Vec<Layer> = Layer::ALL.into_iter().filter(|&layer| !present.contains(layer)).collect();
        if missing.is_empty() { Isolation::Full } else { Isolation::Reduced(missing) }
    }

    /// `full`, `reduced` or `unused`, as the audit record gives it.
    pub fn name(&self) -> &'static str {
        match self {
            Isolation::Full => "full",
            Isolation::Reduced(_) => "reduced",
            Isolation::Unused => "unused",
        }
    }

    /// The layers that did not hold.
    pub fn missing(&self) -> &[Layer] {
        match self {
            Isolation::Full | Isolation::Unused => &[],
            Isolation::Reduced(missing) => missing,
        }
    }
}

/// `full`, `unused`, or `reduced: landlock, seccomp`.
impl std::fmt::Display for Isolation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())?;
        for (at, layer) in self.missing().iter().enumerate() {
            write!(f, "{}{}", if at == 0 { ": " } else { ", " }, layer.name())?;
        }
        Ok(())
    }
}

/// An exception that left the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thrown {
    /// The error's name (`RangeError`), or nothing where no error object was thrown.
    pub name: String,
    /// Its message, control characters escaped.
    pub message: String,
    /// Whether the engine raised it, rather than a `throw` of the program.
    pub by_engine: bool,
    /// The innermost place of the author's source that is known.
    pub position: Option<LineColumn>,
}

impl std::fmt::Display for Thrown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.name.is_empty(), self.message.is_empty()) {
            (true, _) => f.write_str(&self.message),
            (_, true) => f.write_str(&self.name),
            _ => write!(f, "{}: {}", self.name, self.message),
        }
    }
}

/// One way in which an input does not match its schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaViolation {
    /// JSON Pointer into the input; empty for the input itself.
    pub instance_path: String,
    /// What is wrong; never contains the input's values.
    pub message: String,
}

impl std::fmt::Display for SchemaViolation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.instance_path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// With a result.
    Returned(Value),
    /// With an exception.
    Threw(Thrown),
    /// Before the call: the input does not match the schema.
    InputRejected(Vec<SchemaViolation>),
    /// With a value JSON cannot hold.
    Unserializable(String),
    /// With a promise that was still pending when nothing was left to run.
    Unsettled,
    /// Past a limit.
    Limit(LimitKind),
    /// By a forbidden system call.
    Violation(String),
    /// By a fault of the worker.
    Crashed(String),
    /// Not at all: the demanded isolation is not to be had here.
    Refused(String),
}

impl Outcome {
    /// The class of the outcome in one word; limits name themselves (`limit:heap`).
    pub fn class(&self) -> String {
        match self {
            Outcome::Returned(_) => "returned".into(),
            Outcome::Threw(_) => "threw".into(),
            Outcome::InputRejected(_) => "input-rejected".into(),
            Outcome::Unserializable(_) => "unserializable".into(),
            Outcome::Unsettled => "unsettled".into(),
            Outcome::Limit(kind) => format!("limit:{}", kind.name()),
            Outcome::Violation(_) => "violation".into(),
            Outcome::Crashed(_) => "crashed".into(),
            Outcome::Refused(_) => "refused".into(),
        }
    }
}

/// What a result lost on its way into JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// JSON Pointer into the result.
    pub path: String,
    /// What was there.
    pub kind: LossKind,
}

/// A value that JSON replaces or drops without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// `NaN` became `null`.
    NotANumber,
    /// An infinity became `null`.
    Infinite,
    /// `undefined` was dropped, or became `null` in an array.
    Undefined,
    /// A function or symbol was dropped, or became `null` in an array.
    NotData,
    /// Half of a surrogate pair became U+FFFD.
    LoneSurrogate,
}

/// The severity a program gave to a line of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConsoleLevel {
    /// `console.debug`, `console.trace`
    Debug,
    /// `console.log`, `console.info`
    Info,
    /// `console.warn`
    Warn,
    /// `console.error`
    Error,
}

/// One line the program logged, control characters escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleLine {
    /// Severity.
    pub level: ConsoleLevel,
    /// Text.
    pub text: String,
}

/// One execution: how it ended and what it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    /// How it ended.
    pub outcome: Outcome,
    /// Milliseconds from the request to the end.
    pub duration_ms: u64,
    /// Instructions of the virtual machine after setup; unknown where the worker was ended from outside.
    pub statements: Option<u64>,
    /// Most heap bytes in use at once after setup; unknown where the worker was ended from outside.
    pub heap_bytes: Option<u64>,
    /// What the program logged, bounded.
    pub console: Vec<ConsoleLine>,
    /// What the result lost on its way into JSON, bounded.
    pub losses: Vec<Loss>,
    /// Which layers held.
    pub isolation: Isolation,
    /// The limits it ran under.
    pub limits: Limits,
}

impl Execution {
    /// Whether the program returned a result.
    pub fn success(&self) -> bool {
        matches!(self.outcome, Outcome::Returned(_))
    }

    /// The platform's message of a failed execution.
    pub fn error_message(&self) -> Option<String> {
        let limits = &self.limits;
        Some(match &self.outcome {
            Outcome::Returned(_) => return None,
            Outcome::Threw(thrown) => thrown.to_string(),
            Outcome::InputRejected(violations) => {
                let list: Vec<String> = violations.iter().map(SchemaViolation::to_string).collect();
                format!("Input rejected: {}", list.join("; "))
            }
            Outcome::Unserializable(reason) => format!("Script returned a value that JSON cannot hold: {reason}"),
            Outcome::Unsettled => "Script returned a promise that never settled".into(),
            Outcome::Limit(kind) => match kind {
                LimitKind::WallClock => format!("Script execution timed out after {}ms", limits.wall_clock_ms_max),
                LimitKind::Statements => format!("Script exceeded the limit of {} statements", limits.statements_max),
                LimitKind::Heap => format!("Script exceeded the heap limit of {} bytes", limits.heap_bytes_max),
                LimitKind::CallDepth => format!("Script exceeded the call depth limit of {}", limits.call_depth_max),
                LimitKind::Stack => "Script exhausted the engine's stack".into(),
                LimitKind::Input => format!("Input exceeds the limit of {} bytes", limits.input_bytes_max),
                LimitKind::Output => format!("Output exceeds the limit of {} bytes", limits.output_bytes_max),
                LimitKind::Source => format!("Source exceeds the limit of {} bytes", limits.source_bytes_max),
                LimitKind::Nesting => format!("Nesting exceeds the limit of {}", limits.nesting_max),
            },
            Outcome::Violation(syscall) => format!("Script process was ended at a forbidden system call ({syscall})"),
            Outcome::Crashed(reason) => format!("Script process ended unexpectedly: {reason}"),
            Outcome::Refused(reason) => format!("Script was not run: {reason}"),
        })
    }

    fn without_worker(outcome: Outcome, limits: &Limits) -> Self {
        Execution {
            outcome,
            duration_ms: 0,
            statements: None,
            heap_bytes: None,
            console: Vec::new(),
            losses: Vec::new(),
            isolation: Isolation::Unused,
            limits: *limits,
        }
    }
}

/// Calls a function that the gate cleared, under the limits and the isolation it was cleared with.
/// Its schema is enforced where its settings say so.
///
/// Only [`crate::report::FileReport::clear`] makes a [`Cleared`], so nothing that was not reviewed gets here:
///
/// ```compile_fail,E0308
/// # use fnvet::{program::Executable, sandbox::{CallContext, IsolationOptions}};
/// fn bypass(program: &Executable) {
///     fnvet::sandbox::run(program, &serde_json::json!({}), &CallContext::default(), &IsolationOptions::default());
/// }
/// ```
///
/// ```compile_fail,E0451
/// # use std::sync::Arc;
/// # use fnvet::{program::Executable, report::Cleared};
/// fn forge(cleared: Cleared, program: Arc<Executable>) -> Cleared {
///     Cleared { program, ..cleared }
/// }
/// ```
pub fn run(function: &Cleared, input: &Value, context: &CallContext, options: &IsolationOptions) -> Execution {
    let settings = function.settings();
    let schema = function.schema().filter(|_| settings.enforce_schema).map(|schema| &*schema.value);
    let full = options.require_full || settings.require_isolation == Some(RequireIsolation::Full);
    let options = IsolationOptions { require_full: full, ..options.clone() };
    run_unreviewed(function.program(), schema, input, context, &Limits::from(&settings.limits), &options)
}

/// Calls the entry of a program that nothing has reviewed: this is for `doctor` and for tests.
#[doc(hidden)]
pub fn run_unreviewed(
    program: &Executable,
    schema: Option<&Value>,
    input: &Value,
    context: &CallContext,
    limits: &Limits,
    options: &IsolationOptions,
) -> Execution {
    if nesting(input) > limits.nesting_max.min(Limits::NESTING_CEILING) {
        return Execution::without_worker(Outcome::Limit(LimitKind::Nesting), limits);
    }
    let input = input.to_string();
    if input.len() as u64 > limits.input_bytes_max {
        return Execution::without_worker(Outcome::Limit(LimitKind::Input), limits);
    }
    let request = Request { schema: schema.map(Value::to_string), input, context: context.clone(), ..request(limits) };
    with_program(program, request, Task::Call(program.entry.clone()), options)
}

/// Whether the engine reads the program at all: returns `null`, or throws its syntax error at the
/// author's position. Nothing of the program runs.
pub fn parse(program: &Executable, limits: &Limits, options: &IsolationOptions) -> Execution {
    with_program(program, request(limits), Task::Parse, options)
}

/// Runs a plain script whose completion value is the result. Nothing has reviewed it: this is for
/// `doctor` and for tests, which want to see hostile code fail.
pub fn run_script(script: &str, context: &CallContext, limits: &Limits, options: &IsolationOptions) -> Execution {
    if script.len() as u64 > limits.source_bytes_max {
        return Execution::without_worker(Outcome::Limit(LimitKind::Source), limits);
    }
    let request = Request { code: script.to_owned(), task: Task::Evaluate, context: context.clone(), ..request(limits) };
    pool::execute(request, options)
}

/// What a confined worker is asked to try, natively, so that `doctor` and the tests see it stopped.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// What the layer is there to stop. Returns `true` where that was stopped, otherwise throws.
    Layer(Layer),
    /// A system call: its number and its arguments, none of which may be the address of memory in use.
    SystemCall(i64, [usize; 6]),
}

/// Lets a worker try something that no program can: it shows that the layers hold by themselves.
#[doc(hidden)]
pub fn probe(probe: Probe, limits: &Limits, options: &IsolationOptions) -> Execution {
    match confine::Bait::lay() {
        Ok(bait) => {
            let task = Task::Probe { probe, namespaces: bait.namespaces.clone() };
            pool::execute(Request { task, ..request(limits) }, options)
        }
        Err(error) => Execution::without_worker(Outcome::Refused(format!("there is nothing to probe it with: {error}")), limits),
    }
}

/// A request that says nothing yet.
fn request(limits: &Limits) -> Request {
    Request {
        code: String::new(),
        module: false,
        task: Task::Evaluate,
        schema: None,
        input: "{}".into(),
        context: CallContext::default(),
        limits: *limits,
    }
}

fn with_program(program: &Executable, request: Request, task: Task, options: &IsolationOptions) -> Execution {
    let limits = request.limits;
    if program.source_bytes as u64 > limits.source_bytes_max {
        return Execution::without_worker(Outcome::Limit(LimitKind::Source), &limits);
    }
    let request = Request { code: program.code.clone(), module: program.goal == Goal::Module, task, ..request };
    let mut execution = pool::execute(request, options);
    if let Outcome::Threw(thrown) = &mut execution.outcome {
        thrown.position = thrown.position.and_then(|at| program.author_position(at));
    }
    execution
}

/// How deeply a value nests; a scalar is 0, `{}` is 1. Iterative, because the depth is the caller's.
fn nesting(value: &Value) -> u32 {
    let mut deepest = 0;
    let mut pending = vec![(value, 1_u32)];
    while let Some((value, depth)) = pending.pop() {
        match value {
            Value::Array(items) => pending.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(members) => pending.extend(members.values().map(|item| (item, depth + 1))),
            _ => continue,
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// How deeply a JSON text nests, found without recursion.
pub fn json_nesting(json: &[u8]) -> u32 {
    let (mut deepest, mut depth, mut in_string, mut escaped) = (0_u32, 0_u32, false, false);
    for &byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
