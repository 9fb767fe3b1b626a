//! The parent's side: starting workers, talking to one, ending and reaping it.
//!
//! One thread that lives as long as the process starts all workers, because a worker's death
//! signal follows the thread that started it. Unused workers may be started ahead; a worker that
//! was given a request is never given another.

use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::confine;
use super::frame::{self, Greeting, Reply, Request, Verdict};
use super::worker::{EXIT_FAULT, EXIT_ORPHAN, EXIT_PANIC, EXIT_STACK, EXIT_SYSCALL, Plan, SYSCALL_LINE};
use super::{
    Execution, Isolation, IsolationOptions, LayerSet, LimitKind, Limits, Outcome, Thrown, heap, input, json_nesting, milliseconds, nesting,
    text, worker,
};
use crate::source::LineColumn;

/// How long a worker may take until it is confined and waiting.
const STARTUP_MS_MAX: u64 = 10_000;

/// The longest that a worker may run whatever its limit is.
const DURATION_MAX: Duration = Duration::from_secs(86_400);

/// What is kept of a worker's standard error.
const STANDARD_ERROR_BYTES_MAX: usize = 4 << 10;

/// Address space beyond the heap limit: the allocator's arenas, fragmentation, the collector's lists.
const ADDRESS_SPACE_SLACK_BYTES: u64 = 512 << 20;

/// How far the peak may be past the heap limit: the allocator gives its collector some slack.
const HEAP_OVERRUN_BYTES: u64 = 1 << 20;

/// Different plans for which unused workers are kept.
const PLANS_MAX: usize = 4;

/// Runs `request` in a fresh worker.
pub fn execute(mut request: Request, options: &IsolationOptions) -> Execution {
    let limits = &request.limits;
    let refused = |reason: String| Execution::without_worker(Outcome::Refused(reason), limits);
    let mut session = match Session::start(limits, options) {
        Ok(session) => session,
        Err(error) => return refused(format!("the worker could not be started: {error}")),
    };
    let layers = match session.greeting() {
        Ok(layers) => layers,
        Err(reason) => return refused(reason),
    };
    let isolation = Isolation::of(layers);
    if options.require_full && isolation != Isolation::Full {
        let missing: Vec<&str> = isolation.missing().iter().map(|layer| layer.name()).collect();
        return refused(format!("isolation is not complete here, missing: {}", missing.join(", ")));
    }
    request.context.seed.get_or_insert_with(|| std::hash::RandomState::new().build_hasher().finish());
    Execution { isolation, ..session.exchange(&request) }
}

/// A worker and what it has said so far. Whatever happens, its process group is ended and reaped.
struct Session {
    worker: Worker,
    received: Vec<u8>,
    complaint: Vec<u8>,
}

/// How listening to a worker ended.
enum Heard {
    /// One complete frame.
    Frame(Vec<u8>),
    /// More bytes than allowed, or a frame longer than allowed.
    TooMuch,
    /// The end of its output.
    End,
    /// Nothing more before the deadline.
    Silence,
}

impl Session {
    fn start(limits: &Limits, options: &IsolationOptions) -> io::Result<Self> {
        let worker = take(limits, options)?;
        for descriptor in [worker.input.as_fd(), worker.output.as_fd(), worker.error.as_fd()] {
            rustix::io::ioctl_fionbio(descriptor, true)?;
        }
        Ok(Session { worker, received: Vec::new(), complaint: Vec::new() })
    }

    /// The layers that the worker says hold. It has seen nothing hostile yet, so it is believed.
    fn greeting(&mut self) -> Result<LayerSet, String> {
        let deadline = Instant::now() + Duration::from_millis(STARTUP_MS_MAX);
        match self.listen(&[], frame::GREETING_BYTES_MAX, deadline) {
            Heard::Frame(body) => frame::decode::<Greeting>(&body)
                .map(|greeting| greeting.layers.into_iter().collect())
                .map_err(|_| "the worker did not greet as one".into()),
            Heard::TooMuch => Err("the worker did not greet as one".into()),
            Heard::End | Heard::Silence => {
                let status = self.end();
                Err(format!("the worker ended before it was ready: {}", self.ending(status)))
            }
        }
    }

    fn exchange(mut self, request: &Request) -> Execution {
        let limits = request.limits;
        let start = Instant::now();
        // A limit beyond what the clock can hold is none.
        let deadline = start.checked_add(Duration::from_millis(limits.wall_clock_ms_max)).unwrap_or(start + DURATION_MAX);
        let heard = self.listen(&frame::encode(request), frame::reply_bytes_max(&limits), deadline);
        let duration_ms = milliseconds(start.elapsed());
        let status = self.end();
        let ended = |outcome| Execution { duration_ms, ..Execution::without_worker(outcome, &limits) };
        match heard {
            Heard::Silence => ended(Outcome::Limit(LimitKind::WallClock)),
            Heard::TooMuch => ended(Outcome::Crashed("its reply was longer than any may be".into())),
            Heard::End => {
                let heap_bytes = self.heap_bytes(&limits);
                Execution { heap_bytes, ..ended(self.outcome(status)) }
            }
            Heard::Frame(body) => {
                if self.has_more() {
                    return ended(Outcome::Crashed("it said more than its reply".into()));
                }
                match frame::decode::<Reply>(&body) {
                    Ok(reply) => believed(reply, &limits, duration_ms),
                    Err(_) => ended(Outcome::Crashed("its reply was not one".into())),
                }
            }
        }
    }

    /// Writes `message` and reads one frame, whichever the worker is ready for, until `deadline`.
    fn listen(&mut self, message: &[u8], bytes_max: usize, deadline: Instant) -> Heard {
        let mut unsent = message;
        let mut complaining = true;
        loop {
            if let Some(heard) = self.frame(bytes_max) {
                return heard;
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return Heard::Silence };
            let ready = match self.wait(!unsent.is_empty(), complaining, left) {
                Ok(ready) => ready,
                Err(_) => return Heard::End,
            };
            if ready.writable {
                match self.worker.input.write(unsent) {
                    Ok(count) => unsent = &unsent[count..],
                    Err(error) if is_pause(&error) => {}
                    // A worker that no longer listens says why by its end.
                    Err(_) => unsent = &[],
                }
            }
            if ready.complaint {
                complaining = drain(&mut self.worker.error, &mut self.complaint, STANDARD_ERROR_BYTES_MAX);
            }
            if ready.readable && !drain(&mut self.worker.output, &mut self.received, bytes_max.saturating_add(frame::HEADER_BYTES + 1)) {
                return self.frame(bytes_max).unwrap_or(Heard::End);
            }
        }
    }

    /// A complete frame, if one has arrived.
    fn frame(&mut self, bytes_max: usize) -> Option<Heard> {
        let header = *self.received.first_chunk::<{ frame::HEADER_BYTES }>()?;
        let length = frame::announced(header);
        if length > bytes_max {
            return Some(Heard::TooMuch);
        }
        let end = frame::HEADER_BYTES + length;
        if self.received.len() < end {
            return None;
        }
        let rest = self.received.split_off(end);
        let body = std::mem::replace(&mut self.received, rest).split_off(frame::HEADER_BYTES);
        Some(Heard::Frame(body))
    }

    fn wait(&self, writing: bool, complaining: bool, left: Duration) -> io::Result<Ready> {
        let timeout = Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: i64::from(left.subsec_nanos()) };
        let mut watched = vec![PollFd::new(&self.worker.output, PollFlags::IN)];
        if complaining {
            watched.push(PollFd::new(&self.worker.error, PollFlags::IN));
        }
        if writing {
            watched.push(PollFd::new(&self.worker.input, PollFlags::OUT));
        }
        match poll(&mut watched, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let happened = |at: usize| watched.get(at).is_some_and(|watched| !watched.revents().is_empty());
        Ok(Ready {
            readable: happened(0),
            complaint: complaining && happened(1),
            writable: writing && happened(1 + usize::from(complaining)),
        })
    }

    /// Ends the worker's process group, waits for the worker and hears the rest of its complaint.
    fn end(&mut self) -> Option<ExitStatus> {
        let status = self.worker.end();
        drain(&mut self.worker.error, &mut self.complaint, STANDARD_ERROR_BYTES_MAX);
        status
    }

    /// Whether the worker wrote anything after its frame.
    fn has_more(&mut self) -> bool {
        drain(&mut self.worker.output, &mut self.received, 1);
        !self.received.is_empty()
    }

    /// The outcome of a worker that ended without a reply.
    fn outcome(&self, status: Option<ExitStatus>) -> Outcome {
        match status.and_then(|status| status.code()) {
            Some(heap::EXIT_STATUS) => Outcome::Limit(LimitKind::Heap),
            Some(EXIT_STACK) => Outcome::Limit(LimitKind::Stack),
            Some(EXIT_SYSCALL) => Outcome::Violation(self.forbidden_call()),
            _ if status.and_then(|status| status.signal()) == Some(libc::SIGSYS) => Outcome::Violation("unknown".into()),
            _ => Outcome::Crashed(self.ending(status)),
        }
    }

    /// How a worker ended, in words.
    fn ending(&self, status: Option<ExitStatus>) -> String {
        let complaint = text::escape(String::from_utf8_lossy(&self.complaint).trim(), 512);
        let how = match status.map(|status| (status.code(), status.signal())) {
            Some((Some(EXIT_PANIC), _)) => "the engine panicked".into(),
            Some((Some(EXIT_FAULT), _)) => "a memory fault".into(),
            Some((Some(EXIT_ORPHAN), _)) => "it did not find its parent".into(),
            Some((Some(code), _)) => format!("exit status {code}"),
            Some((None, Some(signal))) => format!("signal {signal}"),
            _ => "unknown status".into(),
        };
        if complaint.is_empty() { how } else { format!("{how}: {complaint}") }
    }

    fn heap_bytes(&self, limits: &Limits) -> Option<u64> {
        let text = String::from_utf8_lossy(&self.complaint);
        let peak: u64 = text.lines().find_map(|line| line.strip_prefix(heap::EXIT_LINE))?.trim().parse().ok()?;
        Some(peak.min(limits.heap_bytes_max.saturating_add(HEAP_OVERRUN_BYTES)))
    }

    fn forbidden_call(&self) -> String {
        let text = String::from_utf8_lossy(&self.complaint);
        let number = text.lines().find_map(|line| line.strip_prefix(SYSCALL_LINE)?.trim().parse().ok());
        number.map_or_else(|| "unknown".into(), confine::system_call_name)
    }
}

struct Ready {
    readable: bool,
    complaint: bool,
    writable: bool,
}

/// Reads what is there, keeping at most `bytes_max`; says whether more may come.
fn drain(from: &mut impl Read, into: &mut Vec<u8>, bytes_max: usize) -> bool {
    let mut chunk = [0; 16 << 10];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return false,
            Ok(count) => {
                let room = bytes_max.saturating_sub(into.len());
                into.extend_from_slice(&chunk[..count.min(room)]);
                if room < count {
                    return true;
                }
            }
            Err(error) if is_pause(&error) => return true,
            Err(_) => return false,
        }
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// A reply, as far as it can be true.
fn believed(reply: Reply, limits: &Limits, duration_ms: u64) -> Execution {
    let impossible = reply.statements > limits.statements_max
        || reply.heap_bytes > limits.heap_bytes_max.saturating_add(HEAP_OVERRUN_BYTES)
        || reply.console.len() > frame::CONSOLE_LINES_MAX + 1
        || reply.losses.len() > frame::LOSSES_MAX;
    if impossible {
        let outcome = Outcome::Crashed("its reply cannot be true".into());
        return Execution { duration_ms, ..Execution::without_worker(outcome, limits) };
    }
    let (mut console, mut losses) = (reply.console, reply.losses);
    for line in &mut console {
        line.text = text::escape(&line.text, frame::CONSOLE_BYTES_MAX);
    }
    for loss in &mut losses {
        loss.path = text::escape(&loss.path, frame::LOSS_PATH_BYTES_MAX);
    }
    Execution {
        outcome: outcome(reply.verdict, limits),
        duration_ms,
        statements: Some(reply.statements),
        heap_bytes: Some(reply.heap_bytes),
        console,
        losses,
        isolation: Isolation::Unused,
        limits: *limits,
    }
}

fn outcome(verdict: Verdict, limits: &Limits) -> Outcome {
    let short = |text: &str| text::escape(text, frame::MESSAGE_BYTES_MAX);
    match verdict {
        Verdict::Returned(json) if json.len() as u64 > limits.output_bytes_max => Outcome::Limit(LimitKind::Output),
        Verdict::Returned(json) if json_nesting(json.as_bytes()) > limits.nesting_max.min(Limits::NESTING_CEILING) => {
            Outcome::Limit(LimitKind::Nesting)
        }
        Verdict::Returned(json) => match input::parse(&json) {
            Ok(value) if nesting(&value) <= limits.nesting_max => Outcome::Returned(value),
            _ => Outcome::Crashed("its result was not JSON".into()),
        },
        Verdict::Threw { name, message, by_engine, position } => Outcome::Threw(Thrown {
            name: short(&name),
            message: short(&message),
            by_engine,
            position: position.map(|(line, column)| LineColumn { line, column }),
        }),
        Verdict::InputRejected(mut violations) => {
            violations.truncate(frame::VIOLATIONS_MAX);
            for violation in &mut violations {
                violation.instance_path = short(&violation.instance_path);
                violation.message = short(&violation.message);
            }
            Outcome::InputRejected(violations)
        }
        Verdict::Unserializable(what) => Outcome::Unserializable(short(&what)),
        Verdict::Unsettled => Outcome::Unsettled,
        Verdict::Limit(kind) => Outcome::Limit(kind),
        Verdict::EnginePanic(what) => Outcome::Crashed(short(&what)),
    }
}

/// A process that is or was a worker.
struct Worker {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    error: ChildStderr,
    status: Option<ExitStatus>,
}

impl Worker {
    fn spawn(order: &Order) -> io::Result<Self> {
        let plan = Plan {
            parent: std::process::id(),
            address_space_bytes: order.address_space_bytes,
            processor_seconds: order.processor_seconds,
            without: order.without,
        };
        let mut child = Command::new(&order.executable)
            .args(worker::arguments(&plan))
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(input), Some(output), Some(error)) => Ok(Worker { child, input, output, error, status: None }),
            _ => Err(io::Error::other("the worker has no pipes")),
        }
    }

    fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn end(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            // Until it is waited for, nobody else can have its number.
            if let Some(group) = Pid::from_raw(self.child.id().cast_signed()) {
                let _ = kill_process_group(group, Signal::KILL);
            }
            self.status = self.child.wait().ok();
        }
        self.status
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

/// What kind of worker is wanted.
#[derive(Clone, PartialEq, Eq)]
struct Order {
    executable: PathBuf,
    address_space_bytes: u64,
    processor_seconds: u64,
    without: LayerSet,
}

struct Demand {
    order: Order,
    spares: usize,
    answer: Sender<io::Result<Worker>>,
}

/// A worker for `limits`, fresh from the pool or the system.
fn take(limits: &Limits, options: &IsolationOptions) -> io::Result<Worker> {
    let order = Order {
        executable: match &options.worker {
            Some(path) => path.clone(),
            None => own_executable()?,
        },
        address_space_bytes: limits.heap_bytes_max.saturating_mul(2).saturating_add(ADDRESS_SPACE_SLACK_BYTES),
        processor_seconds: limits.wall_clock_ms_max.div_ceil(1_000).saturating_add(2),
        without: options.without,
    };
    let (answer, answered) = channel();
    let gone = || io::Error::other("the thread that starts workers has ended");
    spawner().send(Demand { order, spares: options.spare_workers, answer }).map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())?
}

/// The running program itself: on Linux by the kernel's own name for it, which stays right when the
/// file is replaced by another version.
fn own_executable() -> io::Result<PathBuf> {
    let own = PathBuf::from("/proc/self/exe");
    if cfg!(target_os = "linux") && own.exists() { Ok(own) } else { std::env::current_exe() }
}

/// The way to the one thread that starts workers.
fn spawner() -> Sender<Demand> {
    static SPAWNER: OnceLock<Mutex<Sender<Demand>>> = OnceLock::new();
    let sender = SPAWNER.get_or_init(|| {
        let (sender, demands) = channel();
        // Where no thread can be started the receiver is dropped, and every demand fails.
        let _ = std::thread::Builder::new().name("fnvet-spawner".into()).spawn(move || spawn_on_demand(&demands));
        Mutex::new(sender)
    });
    sender.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Serves demands; between them, starts the spares that the last ones asked for.
fn spawn_on_demand(demands: &Receiver<Demand>) {
    let mut shelves: Vec<Shelf> = Vec::new();
    loop {
        let short = shelves.iter_mut().find(|shelf| shelf.workers.len() < shelf.wanted);
        let demand = match short {
            None => demands.recv().ok(),
            Some(shelf) => match demands.try_recv() {
                Ok(demand) => Some(demand),
                Err(TryRecvError::Disconnected) => None,
                Err(TryRecvError::Empty) => {
                    match Worker::spawn(&shelf.order) {
                        Ok(worker) => shelf.workers.push(worker),
                        Err(_) => shelf.wanted = 0,
                    }
                    continue;
                }
            },
        };
        let Some(demand) = demand else { return };
        let mut shelf = match shelves.iter().position(|shelf| shelf.order == demand.order) {
            Some(at) => shelves.remove(at),
            None => Shelf { order: demand.order, wanted: 0, workers: Vec::new() },
        };
        shelf.wanted = demand.spares;
        let worker = match shelf.next() {
            Some(worker) => Ok(worker),
            None => Worker::spawn(&shelf.order),
        };
        // Whoever asked may be gone; the worker then ends with the message.
        let _ = demand.answer.send(worker);
        shelves.insert(0, shelf);
        shelves.truncate(PLANS_MAX);
    }
}

/// Unused workers of one kind.
struct Shelf {
    order: Order,
    wanted: usize,
    workers: Vec<Worker>,
}

impl Shelf {
    /// The longest-waiting worker that still lives.
    fn next(&mut self) -> Option<Worker> {
        while !self.workers.is_empty() {
            let mut worker = self.workers.remove(0);
            if worker.is_alive() {
                return Some(worker);
            }
        }
        None
    }
}
