//! Taking privileges away from the running process, in the only order that works (Linux).
#![allow(unsafe_code, reason = "signal handlers and system calls that no crate wraps")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};
use rustix::process::{Gid, Resource, Rlimit, Signal, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags};
use seccompiler::{SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule};

use super::worker::{EXIT_FAULT, EXIT_STACK, EXIT_SYSCALL, Plan, STACK_BYTES, SYSCALL_LINE};
use super::{Layer, LayerSet, Probe};

/// The user and group a worker becomes when it was started by root: `nobody`.
const OTHER_ID: u32 = 65_534;

/// Ends the process at once: no destructor, no handler, no buffer.
pub fn exit(status: i32) -> ! {
    // SAFETY: `_exit` takes a plain value and does not return.
    unsafe { libc::_exit(status) }
}

/// The steps that come before a second thread exists. `None` where the parent is already gone.
pub fn process(plan: &Plan) -> Option<LayerSet> {
    use_one_arena();
    let mut layers = LayerSet::default();
    let mut apply = |layer: Layer, step: &mut dyn FnMut() -> bool| {
        if !plan.without.contains(layer) && step() {
            layers = layers.with(layer);
        }
    };
    let mut namespaces = LayerSet::default();
    isolate(plan.without, &mut namespaces);
    for layer in [Layer::NetworkNamespace, Layer::MountNamespace, Layer::IpcNamespace] {
        apply(layer, &mut || namespaces.contains(layer));
    }
    apply(Layer::UnprivilegedUser, &mut drop_privileges);
    // Changing the user clears the death signal, so it is set after that; a parent that died
    // before is noticed by its successor's number.
    apply(Layer::ParentDeathSignal, &mut die_with_parent);
    let parent = rustix::process::getppid().map(rustix::process::Pid::as_raw_nonzero);
    if parent.is_none_or(|parent| u32::try_from(parent.get()) != Ok(plan.parent)) {
        return None;
    }
    apply(Layer::ClosedDescriptors, &mut close_descriptors);
    apply(Layer::ResourceLimits, &mut || limit_resources(plan));
    apply(Layer::NoNewPrivileges, &mut || rustix::thread::set_no_new_privs(true).is_ok());
    apply(Layer::DenyWriteExecute, &mut deny_write_execute);
    apply(Layer::Landlock, &mut || forbid_files().unwrap_or(false));
    Some(layers)
}

/// The last steps, on the engine's thread, after which only computing is left.
pub fn thread(plan: &Plan, layers: LayerSet) -> LayerSet {
    let mut layers = layers;
    let here = 0_u8;
    STACK_TOP.store(std::ptr::from_ref(&here) as usize, Ordering::Relaxed);
    handle_signals();
    if !plan.without.contains(Layer::ParentDeathSignal) {
        die_with_parent();
    }
    if !plan.without.contains(Layer::Undumpable)
        && rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).is_ok()
    {
        layers = layers.with(Layer::Undumpable);
    }
    if layers.contains(Layer::ResourceLimits)
        && ![Resource::Nofile, Resource::Nproc].into_iter().all(|resource| limit_resource(resource, 0))
    {
        layers = layers.without(Layer::ResourceLimits);
    }
    if !plan.without.contains(Layer::Seccomp) && filter_system_calls() {
        layers = layers.with(Layer::Seccomp);
    }
    layers
}

/// With a second arena glibc would ask for the number of processors, by opening a file.
fn use_one_arena() {
    // SAFETY: the call takes plain values, and no other thread runs yet.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// The signal belongs to the thread that asks for it.
fn die_with_parent() -> bool {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).is_ok()
}

/// Namespaces: directly where the process may, otherwise by way of a user namespace.
fn isolate(without: LayerSet, done: &mut LayerSet) {
    let wanted = [
        (Layer::NetworkNamespace, UnshareFlags::NEWNET),
        (Layer::MountNamespace, UnshareFlags::NEWNS),
        (Layer::IpcNamespace, UnshareFlags::NEWIPC),
    ];
    let unshare = |done: &mut LayerSet| {
        for (layer, flag) in wanted {
            // SAFETY: no file descriptor table is shared, and no other thread runs yet.
            if !without.contains(layer) && !done.contains(layer) && unsafe { rustix::thread::unshare_unsafe(flag) }.is_ok() {
                *done = done.with(layer);
            }
        }
    };
    unshare(done);
    if wanted.iter().all(|&(layer, _)| without.contains(layer) || done.contains(layer)) {
        return;
    }
    // Root without the capability to unshare becomes a user first, who may own a namespace.
    if rustix::process::geteuid().is_root() && !without.contains(Layer::UnprivilegedUser) {
        become_other();
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable);
    }
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    // SAFETY: as above.
    if unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWUSER) }.is_ok() {
        let _ = std::fs::write("/proc/self/setgroups", "deny");
        let _ = std::fs::write("/proc/self/uid_map", format!("{0} {0} 1", user.as_raw()));
        let _ = std::fs::write("/proc/self/gid_map", format!("{0} {0} 1", group.as_raw()));
        unshare(done);
    }
}

fn become_other() {
    let (user, group) = (Uid::from_raw(OTHER_ID), Gid::from_raw(OTHER_ID));
    let _ = rustix::thread::set_thread_groups(&[]);
    let _ = rustix::thread::set_thread_res_gid(group, group, group);
    let _ = rustix::thread::set_thread_res_uid(user, user, user);
}

/// Root becomes another user, and whoever it is gives up every capability.
fn drop_privileges() -> bool {
    if rustix::process::geteuid().is_root() || rustix::process::getuid().is_root() {
        become_other();
    }
    let none = CapabilitySets { effective: CapabilitySet::empty(), permitted: CapabilitySet::empty(), inheritable: CapabilitySet::empty() };
    let dropped = rustix::thread::set_capabilities(None, none).is_ok();
    dropped && !rustix::process::getuid().is_root() && !rustix::process::geteuid().is_root()
}

fn close_descriptors() -> bool {
    // SAFETY: the descriptors closed are nobody's: the worker has opened none that it keeps.
    unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) == 0 }
}

fn limit_resources(plan: &Plan) -> bool {
    let space = address_space_bytes().saturating_add(STACK_BYTES as u64).saturating_add(plan.address_space_bytes);
    [(Resource::As, space), (Resource::Cpu, plan.processor_seconds), (Resource::Fsize, 0), (Resource::Core, 0)]
        .into_iter()
        .all(|(resource, value)| limit_resource(resource, value))
}

/// Whoever started the parent may allow less already, and more cannot be asked for.
fn limit_resource(resource: Resource, value: u64) -> bool {
    let value = rustix::process::getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
    rustix::process::setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) }).is_ok()
}

/// Bytes of address space in use now.
fn address_space_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    // SAFETY: the call takes a plain value.
    let page_bytes = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4 << 10);
    pages.unwrap_or(1 << 16).saturating_mul(page_bytes)
}

fn deny_write_execute() -> bool {
    const PR_SET_MDWE: libc::c_int = 65;
    const PR_MDWE_REFUSE_EXEC_GAIN: libc::c_ulong = 1;
    // SAFETY: the call takes plain values.
    unsafe { libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0_u64, 0_u64, 0_u64) == 0 }
}

/// A landlock domain without rules: every access it knows of is forbidden.
fn forbid_files() -> Result<bool, landlock::RulesetError> {
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V6))?
        .handle_access(AccessNet::from_all(ABI::V6))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// The system calls a worker still needs: to read its request, write its reply, hold memory, wait
/// for its other thread and end.
const ALLOWED: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

fn filter_system_calls() -> bool {
    filter().and_then(|program| seccompiler::apply_filter_all_threads(&program).ok()).is_some()
}

fn filter() -> Option<seccompiler::BpfProgram> {
    let equal = |argument, length, value| {
        let condition = SeccompCondition::new(argument, length, SeccompCmpOp::Eq, value).ok()?;
        SeccompRule::new(vec![condition]).ok()
    };
    let descriptor = |value| equal(0, SeccompCmpArgLen::Dword, value);
    let not_executable = || {
        let mask = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
        SeccompRule::new(vec![SeccompCondition::new(2, SeccompCmpArgLen::Dword, mask, 0).ok()?]).ok()
    };
    let own = u64::from(std::process::id());
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|&call| (call, Vec::new())).collect();
    rules.insert(libc::SYS_read, vec![descriptor(0)?]);
    rules.insert(libc::SYS_write, vec![descriptor(1)?, descriptor(2)?]);
    rules.insert(libc::SYS_mmap, vec![not_executable()?]);
    rules.insert(libc::SYS_mprotect, vec![not_executable()?]);
    rules.insert(libc::SYS_tgkill, vec![equal(0, SeccompCmpArgLen::Dword, own)?]);
    let architecture = std::env::consts::ARCH.try_into().ok()?;
    // The trap's handler names the call and ends the process; the call itself never happens.
    SeccompFilter::new(rules, SeccompAction::Trap, SeccompAction::Allow, architecture).ok()?.try_into().ok()
}

/// The highest address of the engine's stack that is known.
static STACK_TOP: AtomicUsize = AtomicUsize::new(0);

/// Faults and forbidden calls end the process with a status that tells them apart.
fn handle_signals() {
    type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
    for (signal, handler) in
        [(libc::SIGSEGV, on_fault as Handler), (libc::SIGBUS, on_fault as Handler), (libc::SIGSYS, on_forbidden_call as Handler)]
    {
        // SAFETY: the structure is plain data, fully set; the handlers call nothing but `write` and `_exit`.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

extern "C" fn on_fault(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid structure, and for these signals it holds an address.
    let address = unsafe { (*info).si_addr() } as usize;
    let top = STACK_TOP.load(Ordering::Relaxed);
    let bottom = top.saturating_sub(STACK_BYTES);
    let near = 1 << 20;
    let on_stack = address < bottom.saturating_add(near) && address > bottom.saturating_sub(near);
    exit(if on_stack { EXIT_STACK } else { EXIT_FAULT })
}

extern "C" fn on_forbidden_call(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // The number stands behind signal, error, code, padding and the address of the call.
    const NUMBER_AT: usize = 24;
    // SAFETY: the kernel passes a valid structure that is larger than that.
    let mut number = unsafe { info.cast::<u8>().add(NUMBER_AT).cast::<u32>().read_unaligned() };
    let mut line = [0_u8; 48];
    let mut length = 0;
    for &byte in SYSCALL_LINE.as_bytes() {
        line[length] = byte;
        length += 1;
    }
    let mut divisor = 1_000_000_000;
    while divisor > 0 {
        if number >= divisor || divisor == 1 || length > SYSCALL_LINE.len() {
            line[length] = b'0' + (number / divisor) as u8;
            length += 1;
            number %= divisor;
        }
        divisor /= 10;
    }
    line[length] = b'\n';
    // SAFETY: the buffer lives long enough.
    unsafe {
        libc::write(2, line.as_ptr().cast(), length + 1);
    }
    exit(EXIT_SYSCALL)
}

/// What a worker is offered before it is probed, so that a missing layer shows whatever the machine:
/// a descriptor that it would inherit. And what it would share, to compare with what it has.
pub struct Bait {
    /// The namespaces of this process, as `/proc` names them.
    pub namespaces: Vec<String>,
    /// The ends of a pipe; one of them is open to every process started meanwhile.
    _pipe: (std::io::PipeReader, std::io::PipeWriter),
}

impl Bait {
    /// Lays it until it is dropped.
    ///
    /// # Errors
    /// Where the system has no descriptor left.
    pub fn lay() -> std::io::Result<Self> {
        let pipe = std::io::pipe()?;
        rustix::io::fcntl_setfd(&pipe.0, rustix::io::FdFlags::empty())?;
        Ok(Bait { namespaces: ["net", "mnt", "ipc"].into_iter().filter_map(namespace).collect(), _pipe: pipe })
    }
}

/// The process's namespace of a kind, as `/proc` names it: `net:[4026531840]`.
fn namespace(kind: &str) -> Option<String> {
    std::fs::read_link(format!("/proc/self/ns/{kind}")).ok()?.into_os_string().into_string().ok()
}

/// Tries what a layer is there to stop. `namespaces` are those of the parent.
///
/// # Errors
/// What was possible.
pub fn probe(probe: Probe, namespaces: &[String]) -> Result<(), String> {
    match probe {
        Probe::SystemCall(number, [a, b, c, d, e, f]) => {
            // SAFETY: whoever asks keeps to what the probe says: no argument is the address of memory in use.
            let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
            Err(format!("the system call returned {result}"))
        }
        Probe::Layer(layer) => probe_layer(layer, namespaces),
    }
}

/// Descriptors up to here are looked for.
const DESCRIPTORS_MAX: i32 = 1 << 16;

fn probe_layer(layer: Layer, namespaces: &[String]) -> Result<(), String> {
    let held = |held: bool, otherwise: &str| if held { Ok(()) } else { Err(otherwise.to_owned()) };
    let is_apart = |kind: &str| {
        let parents = namespaces.iter().find(|namespace| namespace.split(':').next() == Some(kind));
        held(parents.is_some() && namespace(kind).is_some_and(|own| Some(&own) != parents), "the namespace is the parent's")
    };
    match layer {
        Layer::NetworkNamespace => {
            is_apart("net")?;
            let address = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
            let result = std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_millis(100));
            // Loopback is down in a namespace of its own; elsewhere it answers or refuses.
            held(result.is_err_and(|error| error.kind() == std::io::ErrorKind::NetworkUnreachable), "the loopback interface was reached")
        }
        Layer::MountNamespace => is_apart("mnt"),
        Layer::IpcNamespace => is_apart("ipc"),
        Layer::UnprivilegedUser => {
            let powerless = rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.is_empty() && sets.permitted.is_empty());
            held(powerless && !rustix::process::getuid().is_root(), "the user has rights that a worker does not need")
        }
        Layer::ParentDeathSignal => {
            let signal = rustix::process::parent_process_death_signal();
            held(signal.is_ok_and(|signal| signal == Some(Signal::KILL)), "the worker would outlive its parent")
        }
        Layer::ClosedDescriptors => {
            // SAFETY: the call takes plain values and changes nothing.
            let open = (3..DESCRIPTORS_MAX).find(|&descriptor| unsafe { libc::fcntl(descriptor, libc::F_GETFD) } != -1);
            open.map_or(Ok(()), |open| Err(format!("descriptor {open} is open")))
        }
        Layer::ResourceLimits => {
            let limited = [Resource::As, Resource::Cpu, Resource::Fsize, Resource::Core, Resource::Nofile, Resource::Nproc]
                .into_iter()
                .all(|resource| rustix::process::getrlimit(resource).maximum.is_some());
            held(limited && std::fs::File::open("/").is_err(), "a resource is not limited")
        }
        Layer::NoNewPrivileges => held(rustix::thread::no_new_privs().unwrap_or(false), "privileges could be gained"),
        Layer::DenyWriteExecute => held(!can_make_executable(), "memory could be made executable"),
        Layer::Landlock => held(std::fs::read_dir("/").is_err(), "the root folder could be listed"),
        Layer::Undumpable => {
            let behavior = rustix::process::dumpable_behavior();
            held(behavior.is_ok_and(|behavior| behavior == rustix::process::DumpableBehavior::NotDumpable), "the memory could be read")
        }
        Layer::Seccomp => {
            // SAFETY: the call takes plain values; the socket, should there be one, ends with the process.
            let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) };
            Err(format!("asking for a socket returned {socket}"))
        }
        Layer::HeapCounter => {
            // Asked for, not touched: a machine without them would end the worker for another reason.
            let bytes = std::hint::black_box(Vec::<u8>::with_capacity(256 << 20));
            Err(format!("{} bytes could be allocated", bytes.capacity()))
        }
    }
}

fn can_make_executable() -> bool {
    let (bytes, protection) = (4 << 10, libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: a fresh private mapping that nothing else knows of.
    unsafe {
        let at = libc::mmap(std::ptr::null_mut(), bytes, protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
        at != libc::MAP_FAILED && libc::mprotect(at, bytes, protection | libc::PROT_EXEC) == 0
    }
}

/// The name of a system call, or its number.
pub fn system_call_name(number: i64) -> String {
    match SYSTEM_CALLS.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => (*name).into(),
        None => format!("number {number}"),
    }
}

/// The calls that an escape would need.
const SYSTEM_CALLS: &[(i64, &str)] = &[
    (libc::SYS_bind, "bind"),
    (libc::SYS_bpf, "bpf"),
    (libc::SYS_clone, "clone"),
    (libc::SYS_clone3, "clone3"),
    (libc::SYS_connect, "connect"),
    (libc::SYS_execve, "execve"),
    (libc::SYS_execveat, "execveat"),
    (libc::SYS_io_uring_setup, "io_uring_setup"),
    (libc::SYS_ioctl, "ioctl"),
    (libc::SYS_kill, "kill"),
    (libc::SYS_memfd_create, "memfd_create"),
    (libc::SYS_mmap, "mmap"),
    (libc::SYS_mount, "mount"),
    (libc::SYS_mprotect, "mprotect"),
    (libc::SYS_openat, "openat"),
    (libc::SYS_openat2, "openat2"),
    (libc::SYS_pidfd_open, "pidfd_open"),
    (libc::SYS_prctl, "prctl"),
    (libc::SYS_prlimit64, "prlimit64"),
    (libc::SYS_process_vm_readv, "process_vm_readv"),
    (libc::SYS_process_vm_writev, "process_vm_writev"),
    (libc::SYS_ptrace, "ptrace"),
    (libc::SYS_read, "read"),
    (libc::SYS_readlinkat, "readlinkat"),
    (libc::SYS_rt_sigaction, "rt_sigaction"),
    (libc::SYS_seccomp, "seccomp"),
    (libc::SYS_sendmsg, "sendmsg"),
    (libc::SYS_sendto, "sendto"),
    (libc::SYS_setns, "setns"),
    (libc::SYS_setuid, "setuid"),
    (libc::SYS_socket, "socket"),
    (libc::SYS_socketpair, "socketpair"),
    (libc::SYS_tgkill, "tgkill"),
    (libc::SYS_unlinkat, "unlinkat"),
    (libc::SYS_unshare, "unshare"),
    (libc::SYS_write, "write"),
];
