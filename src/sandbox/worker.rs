//! The worker's side: give everything up, read one request, write one reply, end.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::confine;
use super::frame::{self, Greeting, Reply, Request, Task, Verdict};
use super::{Layer, LayerSet, engine, heap, rehearsal, text};

/// The first argument of a worker. The others are those of [`Plan`].
pub const ARGUMENT: &str = "__fnvet-worker";

/// The worker's exit status when its stack was exhausted.
pub const EXIT_STACK: i32 = 71;

/// The worker's exit status at a forbidden system call.
pub const EXIT_SYSCALL: i32 = 72;

/// The worker's exit status after a panic, which the line on its standard error explains.
pub const EXIT_PANIC: i32 = 73;

/// The worker's exit status at a memory fault.
pub const EXIT_FAULT: i32 = 74;

/// The worker's exit status when its parent is gone, or speaks otherwise than it should.
pub const EXIT_ORPHAN: i32 = 75;

/// What the worker writes on its standard error before the number of a forbidden system call.
pub const SYSCALL_LINE: &str = "fnvet: system call ";

/// The engine's stack. Only what is used of it is ever backed by memory.
pub const STACK_BYTES: usize = 256 << 20;

/// Most bytes of a request: far beyond what any limits allow.
const REQUEST_BYTES_MAX: usize = 64 << 20;

/// How a worker is to confine itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    /// The process whose end is the worker's.
    pub parent: u32,
    /// Bytes of address space beyond what the process has at its start.
    pub address_space_bytes: u64,
    /// Seconds of processor time.
    pub processor_seconds: u64,
    /// Layers to leave out.
    pub without: LayerSet,
}

/// Turns the process into a worker, for ever, if its arguments say so. `main` calls this first.
pub fn main_if_worker() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == ARGUMENT) {
        let rest: Vec<OsString> = arguments.collect();
        confine::exit(main(&rest));
    }
}

/// The arguments that start a worker with `plan`.
pub fn arguments(plan: &Plan) -> Vec<String> {
    let without: Vec<&str> = plan.without.iter().map(Layer::name).collect();
    let bytes = plan.address_space_bytes.to_string();
    vec![ARGUMENT.into(), plan.parent.to_string(), bytes, plan.processor_seconds.to_string(), without.join(",")]
}

fn plan(arguments: &[OsString]) -> Option<Plan> {
    let text = |at: usize| arguments.get(at)?.to_str();
    Some(Plan {
        parent: text(0)?.parse().ok()?,
        address_space_bytes: text(1)?.parse().ok()?,
        processor_seconds: text(2)?.parse().ok()?,
        without: text(3)?.split(',').filter_map(Layer::by_name).collect(),
    })
}

fn main(arguments: &[OsString]) -> i32 {
    let Some(plan) = plan(arguments) else { return EXIT_ORPHAN };
    std::panic::set_hook(Box::new(|panic| {
        if !heap::is_collecting() {
            report(&describe(panic));
        }
    }));
    let Some(layers) = confine::process(&plan) else { return EXIT_ORPHAN };
    let engine = std::thread::Builder::new().name("engine".into()).stack_size(STACK_BYTES).spawn(move || serve(&plan, layers));
    match engine.map(std::thread::JoinHandle::join) {
        Ok(Ok(status)) => status,
        Ok(Err(_)) => EXIT_PANIC,
        Err(error) => {
            report(&format!("no thread for the engine: {error}"));
            EXIT_PANIC
        }
    }
}

/// The rest of the confinement, the request, the reply. It ends the process itself: nothing needs tidying up.
fn serve(plan: &Plan, layers: LayerSet) -> i32 {
    let mut layers = layers;
    if plan.without.contains(Layer::HeapCounter) {
        heap::leave_out();
    } else if heap::is_installed() {
        layers = layers.with(Layer::HeapCounter);
    }
    engine::warm_up();
    let layers = confine::thread(plan, layers);
    if !send(&frame::encode(&Greeting { layers: layers.iter().collect() })) {
        return EXIT_ORPHAN;
    }
    let Some(request) = receive() else { return EXIT_ORPHAN };
    let reply = catch_unwind(AssertUnwindSafe(|| frame::encode(&reply(&request))));
    match reply {
        Ok(reply) if send(&reply) => confine::exit(0),
        Ok(_) => confine::exit(EXIT_ORPHAN),
        Err(_) => confine::exit(EXIT_PANIC),
    }
}

fn reply(request: &Request) -> Reply {
    let verdict = match &request.task {
        Task::Call(_) | Task::Evaluate | Task::Parse => return engine::execute(request),
        Task::Review(review) => {
            heap::arm(request.limits.heap_bytes_max);
            rehearsal::review(request, review);
            Verdict::Returned("true".into())
        }
        Task::Probe { probe, namespaces } => {
            heap::arm(request.limits.heap_bytes_max);
            match confine::probe(*probe, namespaces) {
                Ok(()) => Verdict::Returned("true".into()),
                Err(message) => Verdict::Threw { name: String::new(), message, by_engine: false, position: None },
            }
        }
    };
    Reply { verdict, statements: 0, heap_bytes: heap::peak_bytes(), console: Vec::new(), losses: Vec::new() }
}

fn send(frame: &[u8]) -> bool {
    let mut output = std::io::stdout().lock();
    output.write_all(frame).is_ok() && output.flush().is_ok()
}

fn receive() -> Option<Request> {
    let mut input = std::io::stdin().lock();
    let mut header = [0; frame::HEADER_BYTES];
    input.read_exact(&mut header).ok()?;
    let length = frame::announced(header);
    if length > REQUEST_BYTES_MAX {
        return None;
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    frame::decode(&body).ok()
}

/// A panic's message and place, without the folders of the machine that built this.
fn describe(panic: &std::panic::PanicHookInfo<'_>) -> String {
    let message = panic.payload_as_str().unwrap_or_default();
    let Some(place) = panic.location() else { return message.to_owned() };
    let parts: Vec<&str> = place.file().split('/').collect();
    let shown = parts[parts.len().saturating_sub(4)..].join("/");
    format!("{message} (at {shown}:{})", place.line())
}

/// One line for the parent.
fn report(line: &str) {
    let _ = writeln!(std::io::stderr(), "fnvet: {}", text::escape(line, 1 << 10));
}
