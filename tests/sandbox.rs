//! The scorecard of the sandbox: each row a test. What would take minutes is short in an everyday
//! run; with `FNVET_FULL=1` every row repeats as often as the scorecard says.
#![allow(clippy::print_stderr, reason = "a row says that it was skipped, and what it counted")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fnvet::approval::statement::Placement;
use fnvet::approval::{Candidate, Stored};
use fnvet::audit::Function;
use fnvet::audit::chain::{Line, lines, verify};
use fnvet::audit::log::Log;
use fnvet::call::call as audited;
use fnvet::config::{Config, Settings};
use fnvet::finding::Level;
use fnvet::lint::{Job, lint_one};
use fnvet::program::Executable;
use fnvet::report::{Cleared, WaiverRequest};
use fnvet::sandbox::doctor::{ATTACK_LIMITS, Attack, Diagnosis, diagnose};
use fnvet::sandbox::{
    CallContext, ConsoleLevel, Execution, Isolation, IsolationOptions, Layer, LayerSet, LimitKind, Limits, Loss, LossKind, Outcome, Probe,
    Rehearsal, probe, rehearse, run_script, run_unreviewed,
};
use fnvet::semantic::entry::find_entry;
use fnvet::source::collect::Target;
use fnvet::source::{Language, SourceFile};
use fnvet::syntax::parse;
use landlock::{ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};
use rayon::prelude::*;
use serde_json::{Value, json};

const WORKER: &str = env!("CARGO_BIN_EXE_fnvet");

fn options() -> IsolationOptions {
    IsolationOptions { worker: Some(PathBuf::from(WORKER)), ..IsolationOptions::default() }
}

fn pooled() -> IsolationOptions {
    IsolationOptions { spare_workers: 2, ..options() }
}

/// How often a row repeats: in an everyday run, and as the scorecard says.
fn repeats(everyday: u32, scorecard: u32) -> u32 {
    if std::env::var_os("FNVET_FULL").is_some() { scorecard } else { everyday }
}

fn program(path: &str, text: &str) -> Executable {
    let source = SourceFile::new(path, text);
    let parsed = parse(&source).unwrap_or_else(|error| panic!("{error}: {text}"));
    let entry = find_entry(&parsed, "execute").unwrap_or_else(|| panic!("no entry: {text}"));
    Executable::new(&source, &parsed, &entry)
}

fn call(text: &str, input: Value) -> Execution {
    run_unreviewed(&program("a.js", text), None, &input, &CallContext::default(), &Limits::default(), &options())
}

fn script(text: &str) -> Execution {
    run_script(text, &CallContext::default(), &Limits::default(), &options())
}

fn script_within(limits: Limits, text: &str) -> Execution {
    run_script(text, &CallContext::default(), &limits, &options())
}

#[track_caller]
fn returned(execution: &Execution) -> Value {
    match &execution.outcome {
        Outcome::Returned(value) => value.clone(),
        _ => panic!("{execution:?}"),
    }
}

/// The worker under a path of its own, so that its processes can be told from those of other tests.
struct OwnWorker {
    folder: tempfile::TempDir,
}

impl OwnWorker {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::hard_link(WORKER, folder.path().join("worker")).unwrap();
        OwnWorker { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("worker")
    }

    fn options(&self) -> IsolationOptions {
        IsolationOptions { worker: Some(self.path()), ..IsolationOptions::default() }
    }

    fn processes(&self) -> Vec<PathBuf> {
        processes_of(&self.path())
    }
}

/// The folders in `/proc` of the processes started from `executable`, zombies included.
fn processes_of(executable: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if command.split(|&byte| byte == 0).next() == Some(executable.as_os_str().as_encoded_bytes()) {
            found.push(entry.path());
        }
    }
    found
}

fn eventually(within: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    while Instant::now() < deadline {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    condition()
}

/// How late this machine wakes sleepers while a test runs: what is beyond that is our own fault.
struct Lag {
    stop: Arc<AtomicBool>,
    worst_ms: Arc<AtomicU64>,
}

impl Lag {
    fn watch() -> Self {
        let lag = Lag { stop: Arc::default(), worst_ms: Arc::default() };
        let (stop, worst_ms) = (lag.stop.clone(), lag.worst_ms.clone());
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                std::thread::sleep(Duration::from_millis(5));
                let late = start.elapsed().saturating_sub(Duration::from_millis(5));
                worst_ms.fetch_max(late.as_millis() as u64, Ordering::Relaxed);
            }
        });
        lag
    }

    fn allowed_overrun_ms(&self) -> u64 {
        100 + 2 * self.worst_ms.load(Ordering::Relaxed)
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Names the test that a process was started to run, alone and in the second of its two roles.
const ALONE: &str = "FNVET_TEST_ALONE";

fn is_alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

/// Arguments that run one test again in a process of its own, where [`ALONE`] is set.
fn only(test: &str) -> [&str; 3] {
    [test, "--exact", "--nocapture"]
}

/// The program of the tests, to run `test` alone.
fn again(test: &str) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(only(test)).env(ALONE, "1").stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    command
}

#[test]
fn a_function_of_every_form_returns_its_result() {
    for (path, text) in [
        ("a.js", "function execute(input) { return input.n + 1 }"),
        ("a.js", "const execute = async (input) => input.n + 1"),
        ("a.js", "export function execute(input) { return input.n + 1 }"),
        ("a.mjs", "const execute = (input) => input.n + 1"),
        ("a.mjs", "const one = await 1; export const execute = (input) => input.n + one"),
        ("a.js", "function run(input) { return input.n + 1 }\nexport { run as execute }"),
        ("a.js", "export default (input) => input.n + 1"),
        ("a.js", "export default { one: 1, execute(input) { return input.n + this.one } }"),
        ("a.js", "module.exports = (input) => input.n + 1"),
        ("a.js", "module.exports = { execute: (input) => input.n + 1 }"),
        ("a.js", "exports.execute = (input) => input.n + 1"),
        ("a.ts", "export function execute(input: { n: number }): number { return input.n + 1 }"),
    ] {
        let execution =
            run_unreviewed(&program(path, text), None, &json!({"n": 1}), &CallContext::default(), &Limits::default(), &options());
        assert_eq!(execution.outcome, Outcome::Returned(json!(2)), "{text}: {execution:?}");
    }
}

#[test]
fn row_1_every_attack_ends_in_its_class_and_leaves_nothing_running() {
    let own = OwnWorker::new();
    let (passes, attacks) = (repeats(1, 10), Attack::built_in());
    for pass in 1..=passes {
        let wrong: Vec<String> = attacks
            .par_iter()
            .filter_map(|attack| {
                let execution = attack.run(&ATTACK_LIMITS, &own.options());
                let class = execution.outcome.class();
                (!attack.is_contained(&execution.outcome)).then(|| format!("{}: {class} instead of {:?}", attack.name, attack.expected))
            })
            .collect();
        assert!(wrong.is_empty(), "pass {pass}: {}", wrong.join("\n"));
        assert!(own.processes().is_empty(), "pass {pass}");
    }
    eprintln!("{} attacks contained, passes: {passes}", attacks.len());
}

#[test]
fn the_attacks_that_doctor_carries_are_those_of_the_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hostile");
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "README.md");
    names.sort();
    let carried: Vec<String> = Attack::built_in().into_iter().map(|attack| attack.name).collect();
    assert_eq!(carried, names);
    assert!(Attack::built_in().iter().all(|attack| !attack.expected.is_empty()));
}

#[test]
fn row_2_a_deadline_is_kept_by_natives_regexes_compiler_and_parser() {
    let limits = Limits { wall_clock_ms_max: 300, statements_max: u64::MAX >> 1, heap_bytes_max: 1 << 30, ..Limits::default() };
    let lag = Lag::watch();
    for text in [
        "for (;;);",
        "Array.prototype.reverse.call({ length: 2 ** 53 - 1 })",
        "/^(a+)+$/.test('a'.repeat(60) + '!')",
        "let n = 3n; for (;;) n = n * n % (1n << 100000n)",
        &format!("{}1{}", "a => (".repeat(2_000), ")".repeat(2_000)),
        &format!("{}{}", "function f(){".repeat(8_000), "}".repeat(8_000)),
        "(async () => { for (;;) await 0 })()",
        "Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)",
    ] {
        let start = Instant::now();
        let execution = script_within(limits, text);
        let whole_ms = start.elapsed().as_millis() as u64;
        assert_eq!(execution.outcome, Outcome::Limit(LimitKind::WallClock), "{text:.40}: {execution:?}");
        assert_eq!(execution.error_message().unwrap(), "Script execution timed out after 300ms");
        assert!(execution.duration_ms <= 300 + lag.allowed_overrun_ms(), "{text:.40}: {} ms", execution.duration_ms);
        // Starting the worker is not the program's time, hence the wider bound on the whole.
        assert!(whole_ms <= 1_000 + 2 * lag.allowed_overrun_ms(), "{text:.40}: {whole_ms} ms");
    }
}

#[test]
fn row_3_the_statement_count_is_the_same_every_time() {
    let program = program(
        "a.js",
        "async function execute(input) {
            const words = new Map();
            for (const word of input.text.split(/\\s+/)) words.set(word, (words.get(word) ?? 0) + 1);
            const sorted = [...words].sort(([a], [b]) => a.localeCompare(b));
            await Promise.all(sorted.map(async ([word]) => { await null; return word.toUpperCase() }));
            function* each() { yield* sorted }
            return { sorted: [...each()], lucky: Math.random() < 2, today: new Date().getTime() > 0 };
        }",
    );
    let input = json!({"text": "the quick brown fox jumps over the lazy dog and the cat"});
    let count = || run_unreviewed(&program, None, &input, &CallContext::default(), &Limits::default(), &pooled()).statements.unwrap();
    let first = count();
    assert!(first > 100);
    let runs = repeats(60, 1_000);
    let counts: Vec<u64> = (0..runs).into_par_iter().map(|_| count()).collect();
    assert!(counts.iter().all(|&count| count == first), "{first}: {counts:?}");
}

#[test]
fn the_statement_limit_is_exact() {
    let text = "let i = 0; while (i < 100) i++; i";
    let used = script(text).statements.unwrap();
    let at = |statements_max| script_within(Limits { statements_max, ..Limits::default() }, text);
    assert_eq!(returned(&at(used)), json!(100));
    let below = at(used - 1);
    assert_eq!((below.outcome, below.statements), (Outcome::Limit(LimitKind::Statements), Some(used - 1)));
}

#[test]
fn row_4_a_heap_breach_is_reported_with_its_bytes() {
    for mebibytes in [8, 32] {
        let limits = Limits { heap_bytes_max: mebibytes << 20, wall_clock_ms_max: 20_000, ..Limits::default() };
        for text in [
            "const a = []; for (;;) a.push('x'.repeat(1000) + a.length)",
            "const a = []; for (;;) a.push(new ArrayBuffer(100000))",
            "const m = new Map(); for (let i = 0; ; i++) m.set(i, { i, s: [i] })",
            "'ab'.repeat(2 ** 29)",
            "const a = []; for (;;) a.push(() => a)",
        ] {
            let execution = script_within(limits, text);
            assert_eq!(execution.outcome, Outcome::Limit(LimitKind::Heap), "{text}: {execution:?}");
            // What is reported is never more than this limit and one MiB: a worker that went further is shown as having gone so far.
            assert!(execution.heap_bytes.unwrap() < (mebibytes + 1) << 20, "{text}: {execution:?}");
            let message = execution.error_message().unwrap();
            assert_eq!(message, format!("Script exceeded the heap limit of {} bytes", mebibytes << 20));
        }
    }
}

#[test]
fn row_5_garbage_is_not_a_breach() {
    let limits = Limits { heap_bytes_max: 16 << 20, wall_clock_ms_max: 60_000, ..Limits::default() };
    // Each makes several times the limit in garbage, and holds little.
    for (text, result) in [
        ("let n = 0; for (let i = 0; i < 400; i++) n += new Array(10000).fill(i).length; n", json!(4_000_000)),
        ("let n = 0; for (let i = 0; i < 400; i++) n += new ArrayBuffer(200000).byteLength; n", json!(80_000_000)),
        ("[...Array(400).keys()].reduce((n) => n + new Array(10000).fill(1).length, 0)", json!(4_000_000)),
        (
            "(async () => { let n = 0; for (let i = 0; i < 400; i++) { n += new Array(10000).fill(i).length; await 0 } return n })()",
            json!(4_000_000),
        ),
        (
            "function* g() { for (let i = 0; i < 400; i++) yield new Array(10000).fill(i).length } let n = 0; for (const x of g()) n += x; n",
            json!(4_000_000),
        ),
        ("[...Array(1500).keys()].reduce((all, i) => [...all, i], []).length", json!(1_500)),
        ("let s = ''; for (let i = 0; i < 800; i++) s = 'x'.repeat(50000 + i); s.length", json!(50_799)),
        ("let n = 0; for (let i = 0; i < 300; i++) n += JSON.stringify(Array(3000).fill({ a: i })).length > 0; n", json!(300)),
        ("let n = 0; for (let i = 0; i < 60000; i++) n += Object.keys({ a: i, b: [i], c: { i } }).length; n", json!(180_000)),
    ] {
        let execution = script_within(limits, text);
        assert_eq!(execution.outcome, Outcome::Returned(result), "{text}: {execution:?}");
        assert!(execution.heap_bytes.unwrap() <= 17 << 20, "{text}: {execution:?}");
    }
}

#[test]
fn collections_at_every_turn_change_no_result() {
    // With so little room the collector runs inside every kind of allocation there is.
    let limits = Limits { heap_bytes_max: 2 << 20, wall_clock_ms_max: 60_000, statements_max: 100_000_000, ..Limits::default() };
    let text = "
        class Node { #next; constructor(next, value) { this.#next = next; this.value = value } get next() { return this.#next } }
        const weak = new WeakMap();
        let sum = 0;
        for (let round = 0; round < 40; round++) {
            let list = null;
            const map = new Map(), set = new Set(), object = {};
            for (let i = 0; i < 60; i++) {
                list = new Node(list, { i, text: 'item ' + i, parts: [i, [i + 1, { deep: i }]] });
                weak.set(list, { i, buffer: new Uint8Array(64).fill(i) });
                map.set('k' + i, () => list.value.i); set.add(Symbol('s' + i)); object['p' + (i * 7 % 13)] = { ...object, i };
                if (i % 9 === 0) delete object['p' + i % 13];
            }
            for (let node = list; node; node = node.next) sum += node.value.parts[1][1].deep + weak.get(node).buffer[0];
            for (const f of map.values()) sum += f();
            sum += set.size + Object.keys(object).length;
            sum += JSON.parse(JSON.stringify([...map.keys()])).sort().reverse().map((k) => k.replace(/k(\\d+)/, (_, d) => d + d)).join('').length;
            sum += [...(function* () { try { yield* Object.entries(object) } finally { sum++ } })()].length;
        }
        (async () => { for (let i = 0; i < 200; i++) { await Promise.all([i, (async () => [i])()]); sum += i } return sum })()";
    let roomy = Limits { heap_bytes_max: 256 << 20, ..limits };
    let (tight, roomy) = (script_within(limits, text), script_within(roomy, text));
    assert_eq!(returned(&tight), returned(&roomy));
    assert_eq!(tight.statements, roomy.statements);
}

#[test]
fn row_6_a_swallowed_breach_is_still_a_breach() {
    let limits = Limits { statements_max: 200_000, heap_bytes_max: 8 << 20, ..Limits::default() };
    let expect = |text: &str, kind| {
        let execution = script_within(limits, text);
        assert_eq!(execution.outcome, Outcome::Limit(kind), "{text}: {execution:?}");
    };
    for text in [
        "try { for (;;); } catch { 'escaped' }",
        "try { for (;;); } finally { 'escaped' }",
        "(async () => { try { for (;;); } catch { return 'escaped' } })()",
        "(async () => { try { for (;;); } finally { return 'escaped' } })()",
        "new Promise(() => { for (;;); }).catch(() => 'escaped')",
        "Promise.resolve().then(() => { for (;;); }).then(() => 'escaped', () => 'escaped')",
        "(async () => { await 0; for (;;); })().finally(() => 'escaped'); 'escaped'",
        "function* g() { try { yield 1 } finally { for (;;); } } const i = g(); i.next(); try { i.return() } catch {} 'escaped'",
        "[1].map(() => { for (;;); }); 'escaped'",
        "const o = { get x() { for (;;); } }; try { o.x } catch {} 'escaped'",
        "setTimeout(() => { for (;;); }, 1); 'escaped'",
        "({ toJSON() { for (;;); } })",
        "({ then(resolve) { for (;;); } })",
    ] {
        expect(text, LimitKind::Statements);
    }
    for text in [
        "(async () => { try { const a = []; for (;;) a.push('x'.repeat(10000) + a.length) } catch { return 'escaped' } })()",
        "try { 'x'.repeat(2 ** 28) } catch { 'escaped' } finally { 'escaped' }",
    ] {
        expect(text, LimitKind::Heap);
    }
    expect("function f() { f() } f()", LimitKind::CallDepth);
    expect("function f() { f() } try { f() } catch { 'escaped' }", LimitKind::CallDepth);
}

#[test]
fn row_7_nesting_ends_in_a_limit_or_an_error() {
    let nested = |depth: usize| (0..depth).fold(json!(1), |value, _| json!({ "a": value }));
    let (ignoring, program) =
        (program("a.js", "function execute() { return 1 }"), program("a.js", "function execute(input) { return input }"));
    let limits = Limits::default();
    let call =
        |input: &Value, schema: Option<&Value>| run_unreviewed(&program, schema, input, &CallContext::default(), &limits, &options());
    assert_eq!(returned(&call(&nested(200), None)), nested(200));
    assert_eq!(call(&nested(201), None).outcome, Outcome::Limit(LimitKind::Nesting));
    let empty_at = |depth: usize| (1..depth).fold(json!({}), |value, _| json!({ "a": value }));
    assert_eq!(returned(&call(&empty_at(200), None)), empty_at(200));
    assert_eq!(call(&empty_at(201), None).outcome, Outcome::Limit(LimitKind::Nesting));
    assert_eq!(call(&nested(3_000), None).outcome, Outcome::Limit(LimitKind::Nesting));
    // What comes in is bounded for itself, not only where it comes out again; and before a worker reads it.
    let deep = run_unreviewed(&ignoring, None, &nested(201), &CallContext::default(), &limits, &options());
    assert_eq!((deep.outcome, deep.isolation), (Outcome::Limit(LimitKind::Nesting), Isolation::Unused));
    assert_eq!(script("let a = 1; for (let i = 0; i < 201; i++) a = { a }; a").outcome, Outcome::Limit(LimitKind::Nesting));
    // Schemas nest by reference, too, and without end.
    let endless = json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}});
    let outcome = call(&json!({}), Some(&endless)).outcome;
    assert!(!matches!(outcome, Outcome::Crashed(_) | Outcome::Violation(_)), "{outcome:?}");
    let deep = (0..900).fold(json!({}), |schema, _| json!({"properties": {"a": schema}}));
    returned(&call(&json!({"a": {"a": 1}}), Some(&deep)));
    for text in [
        "let a = []; for (let i = 0; i < 50000; i++) a = [a]; String(a)",
        "let e = new Error('x'); for (let i = 0; i < 20000; i++) e = new Error('x', { cause: e }); throw e",
        "new RegExp('('.repeat(20000) + ')'.repeat(20000))",
        "JSON.parse('['.repeat(50000))",
        "let p = {}; for (let i = 0; i < 20000; i++) p = new Proxy(p, {}); p.x",
        &"(".repeat(20_000),
        &"[".repeat(20_000),
        &format!("{}1", "!".repeat(100_000)),
    ] {
        let outcome = script_within(Limits { wall_clock_ms_max: 2_000, ..limits }, text).outcome;
        assert!(!matches!(outcome, Outcome::Violation(_) | Outcome::Crashed(_) | Outcome::Refused(_)), "{text:.60}: {outcome:?}");
    }
}

/// Whether every layer is to be had where the tests run; some are not in every container.
fn is_fully_isolated() -> bool {
    let isolation = script("1").isolation;
    if isolation != Isolation::Full {
        eprintln!("skipped: {isolation:?}");
    }
    isolation == Isolation::Full
}

/// Whether the kernel can forbid files without rules: it can be built or started without landlock.
fn has_landlock() -> bool {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(ABI::V1));
    ruleset.and_then(Ruleset::create).is_ok()
}

/// Whether the kernel can keep memory from becoming executable: since 6.3.
fn has_deny_write_execute() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(3))
}

/// Whether a process may have a namespace of that kind: not in every container, nor on every machine.
fn has_namespace(kind: &str) -> bool {
    let made = |arguments: &[&str]| {
        let status = std::process::Command::new("unshare").args(arguments).arg("true").stderr(std::process::Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    made(&[kind]) || made(&["--user", kind])
}

#[test]
fn every_layer_is_taken_that_is_to_be_had_here() {
    let isolation = script("1").isolation;
    let missing: Vec<Layer> = Layer::ALL
        .into_iter()
        .filter(|layer| match layer {
            Layer::NetworkNamespace => !has_namespace("--net"),
            Layer::MountNamespace => !has_namespace("--mount"),
            Layer::IpcNamespace => !has_namespace("--ipc"),
            Layer::DenyWriteExecute => !has_deny_write_execute(),
            Layer::Landlock => !has_landlock(),
            // The rest is to be had wherever the tests run, and the other tests count on that.
            _ => false,
        })
        .collect();
    assert_eq!(isolation.missing(), missing);
}

#[test]
fn row_8_every_other_system_call_ends_the_worker() {
    // What computing needs; the last five with their arguments checked.
    let allowed = [
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
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_mmap,
        libc::SYS_mprotect,
        libc::SYS_tgkill,
    ];
    // The kernel filters neither `uretprobe` nor `uprobe`; called from elsewhere than its own
    // trampolines they are an illegal instruction or no system call at all.
    let unfiltered = [335, 336];
    let called = |number, arguments| probe(Probe::SystemCall(number, arguments), &Limits::default(), &options()).outcome;
    let survived: Vec<i64> = (0..=470_i64)
        .into_par_iter()
        .filter(|number| !allowed.contains(number) && !unfiltered.contains(number))
        .filter(|&number| !matches!(called(number, [0; 6]), Outcome::Violation(_)))
        .collect();
    assert!(survived.is_empty(), "{survived:?}");
    // Of those that are allowed: foreign descriptors, executable memory, a foreign process.
    let (page, executable, mapping) =
        (4_096, (libc::PROT_READ | libc::PROT_EXEC) as usize, (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize);
    for (number, arguments, name) in [
        (libc::SYS_read, [1, 0, 0, 0, 0, 0], "read"),
        (libc::SYS_read, [3, 0, 0, 0, 0, 0], "read"),
        (libc::SYS_write, [0, 0, 0, 0, 0, 0], "write"),
        (libc::SYS_write, [3, 0, 0, 0, 0, 0], "write"),
        (libc::SYS_mmap, [0, page, executable, mapping, usize::MAX, 0], "mmap"),
        (libc::SYS_mprotect, [0, 0, executable, 0, 0, 0], "mprotect"),
        (libc::SYS_tgkill, [0, 0, 0, 0, 0, 0], "tgkill"),
        (libc::SYS_tgkill, [std::process::id() as usize, std::process::id() as usize, 0, 0, 0, 0], "tgkill"),
    ] {
        assert_eq!(called(number, arguments), Outcome::Violation(name.into()), "{arguments:?}");
    }
    // The same calls as those of another interface of the processor: none of them is let through either.
    if cfg!(target_arch = "x86_64") {
        for number in [0_i64, 1, 2, 9, 41, 57, 59, 101, 257, 512, 520, 521] {
            let outcome = called(0x4000_0000 + number, [0; 6]);
            assert!(matches!(outcome, Outcome::Violation(_)), "x32 {number}: {outcome:?}");
        }
    }
    let outcome = probe(Probe::Layer(Layer::DenyWriteExecute), &Limits::default(), &options()).outcome;
    assert_eq!(outcome, Outcome::Violation("mprotect".into()));
}

/// Runs `test` alone under a tracer and returns what its worker called once it was confined.
fn traced_calls(test: &str) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let status = std::process::Command::new("strace")
        .args(["-f", "-o"])
        .arg(&log)
        .arg(std::env::current_exe().unwrap())
        .args(only(test))
        .env(ALONE, "1")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .ok()?;
    assert!(status.success());
    let log = fs::read_to_string(log).unwrap();
    let confined = log.lines().find(|line| line.contains("seccomp(SECCOMP_SET_MODE_FILTER")).expect("a filter is installed");
    let (thread, at) = (confined.split(' ').next()?, log.find(confined)?);
    let calls = log[at..].lines().skip(1).filter(|line| line.split(' ').next() == Some(thread));
    Some(calls.map(|line| line[thread.len()..].trim().to_owned()).collect())
}

#[test]
fn row_8_a_tracer_sees_neither_files_nor_sockets() {
    if is_alone() {
        let text = "async function execute(input) { console.log(new Date(), Math.random()); return [...input.a].sort() }";
        assert_eq!(returned(&call(text, json!({"a": [2, 1]}))), json!([1, 2]));
        return;
    }
    let Some(calls) = traced_calls("row_8_a_tracer_sees_neither_files_nor_sockets") else {
        eprintln!("skipped: no strace here");
        return;
    };
    assert!(calls.iter().any(|call| call.starts_with("write(1,")), "{calls:?}");
    let harmless = [
        "read(0,",
        "write(1,",
        "brk(",
        "mmap(",
        "munmap(",
        "mremap(",
        "madvise(",
        "futex(",
        "clock_gettime",
        "getrandom(",
        "exit_group(",
        "+++ ",
        "<... ",
    ];
    let other: Vec<&String> = calls.iter().filter(|call| !harmless.iter().any(|name| call.starts_with(name))).collect();
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn row_9_nothing_is_inherited() {
    // A secret in the environment, and a file that is left open to children.
    let secret = tempfile::tempfile().unwrap();
    rustix::io::fcntl_setfd(&secret, rustix::io::FdFlags::empty()).unwrap();
    let own = OwnWorker::new();
    // Undumpable, it would show nothing of this to another process of its user either.
    let without = LayerSet::default().with(Layer::Undumpable);
    let options = IsolationOptions { spare_workers: 1, without, ..own.options() };
    returned(&run_script("1", &CallContext::default(), &Limits::default(), &options));
    assert!(eventually(Duration::from_secs(10), || !own.processes().is_empty()));
    let spare = own.processes().remove(0);
    // The spare is confined when it waits for its request.
    assert!(
        eventually(Duration::from_secs(10), || fs::read_to_string(spare.join("status")).is_ok_and(|status| status.contains("Seccomp:\t2")))
    );
    assert_eq!(fs::read(spare.join("environ")).unwrap(), b"");
    assert_eq!(fs::read_link(spare.join("cwd")).unwrap(), Path::new("/"));
    let open = fs::read_dir(spare.join("fd")).unwrap();
    let mut open: Vec<String> = open.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    open.sort();
    assert_eq!(open, ["0", "1", "2"]);
    let status = fs::read_to_string(spare.join("status")).unwrap();
    for line in ["NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000"] {
        assert!(status.contains(line), "{line} in {status}");
    }
    let context = CallContext { tenant_id: "acme".into(), ..CallContext::default() };
    let seen =
        run_script("[typeof process, typeof require, __tenantId, Object.keys(__env).length]", &context, &Limits::default(), &options);
    assert_eq!(returned(&seen), json!(["undefined", "undefined", "acme", 0]));
}

#[test]
fn row_10_the_inventory_is_the_pinned_one() {
    let text = "
        const seen = new Set(), lines = [];
        const walk = (value, path) => {
            if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return;
            seen.add(value);
            for (const key of Reflect.ownKeys(value)) {
                const name = path + (typeof key === 'symbol' ? '[' + key.description + ']' : '.' + key);
                const d = Reflect.getOwnPropertyDescriptor(value, key);
                const flags = (d.writable ? 'w' : '-') + (d.enumerable ? 'e' : '-') + (d.configurable ? 'c' : '-');
                if (path === 'global' && (key === 'seen' || key === 'lines' || key === 'walk')) continue;
                lines.push(name + ' ' + flags + ' ' + ('value' in d ? typeof d.value : 'accessor'));
                if ('value' in d) walk(d.value, name); else { walk(d.get, name + '.get'); walk(d.set, name + '.set') }
            }
            walk(Reflect.getPrototypeOf(value), path + '.[prototype]');
        };
        walk(globalThis, 'global');
        for (const [name, f] of [['generator', function* () {}], ['async', async () => {}], ['asyncGenerator', async function* () {}]]) walk(f, name);
        walk([][Symbol.iterator](), 'arrayIterator'); walk(''[Symbol.iterator](), 'stringIterator');
        walk(new Map().entries(), 'mapIterator'); walk(new Set().entries(), 'setIterator'); walk(''.matchAll(/x/g), 'matchAll');
        walk([].values().map((x) => x), 'iteratorHelper'); walk(Iterator.from({ next() {} }), 'wrapped');
        lines.sort().join('\\n')";
    let execution = script(text);
    let found = returned(&execution).as_str().unwrap().to_owned() + "\n";
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventory.txt");
    if std::env::var_os("FNVET_UPDATE").is_some() {
        fs::write(&pinned, &found).unwrap();
    }
    let expected = fs::read_to_string(pinned).unwrap();
    let (found, expected): (Vec<&str>, Vec<&str>) = (found.lines().collect(), expected.lines().collect());
    let news: Vec<&&str> = found.iter().filter(|line| !expected.contains(line)).collect();
    let gone: Vec<&&str> = expected.iter().filter(|line| !found.contains(line)).collect();
    assert!(news.is_empty() && gone.is_empty(), "new: {news:#?}\ngone: {gone:#?}");
}

#[test]
fn code_cannot_be_made_from_strings() {
    for text in [
        "Function('return 1')()",
        "new Function('return 1')()",
        "(() => {}).constructor('return 1')()",
        "(async () => {}).constructor('return 1')()",
        "(function* () {}).constructor('yield 1')().next().value",
        "(async function* () {}).constructor('yield 1')().next()",
        "Reflect.construct(Function, ['return 1'], Object)()",
        "Function.prototype.constructor.call(null, 'return 1')()",
        "Function()",
    ] {
        let outcome = script(text).outcome;
        let Outcome::Threw(thrown) = &outcome else { panic!("{text}: {outcome:?}") };
        assert_eq!(thrown.to_string(), "EvalError: code cannot be made from strings here", "{text}");
    }
    for text in ["eval('1')", "(0, eval)('1')", "globalThis['ev' + 'al']('1')", "setTimeout('globalThis.ran = 1'); 1"] {
        let outcome = script(text).outcome;
        assert!(matches!(&outcome, Outcome::Threw(thrown) if thrown.by_engine), "{text}: {outcome:?}");
    }
}

#[test]
fn row_11_no_run_sees_another() {
    let polluter = program(
        "a.js",
        "let calls = 0;
        function execute(input) {
            calls++;
            globalThis.counter = (globalThis.counter ?? 0) + 1;
            const before = [({}).tenant ?? null, Symbol.for('shared')[0] ?? null, Array.prototype.tenant ?? null, Math.tenant ?? null];
            Object.prototype.tenant = __tenantId; Array.prototype.tenant = __tenantId; Math.tenant = __tenantId;
            Symbol.prototype[0] = __tenantId; Symbol.for(__tenantId);
            JSON.stringify = () => 'stolen'; Promise.prototype.then = null; Object.prototype.toJSON = undefined;
            return { tenant: __tenantId, calls, counter, before };
        }",
    );
    let runs = repeats(120, 10_000);
    (0..runs).into_par_iter().for_each(|at| {
        let tenant = if at % 2 == 0 { "tenant_a" } else { "tenant_b" };
        let context = CallContext { tenant_id: tenant.into(), ..CallContext::default() };
        let execution = run_unreviewed(&polluter, None, &json!({}), &context, &Limits::default(), &pooled());
        assert_eq!(returned(&execution), json!({"tenant": tenant, "calls": 1, "counter": 1, "before": [null, null, null, null]}));
    });
}

#[test]
fn row_11_a_worker_serves_once() {
    // These have one reply only: a second request to one of them would get none.
    let reply = frame(r#"{"verdict":{"returned":"1"},"statements":1,"heap_bytes":1,"console":[],"losses":[]}"#);
    let (_folder, options) = impostor(&frame(r#"{"layers":[]}"#), &reply);
    for spare_workers in [0, 2] {
        let options = IsolationOptions { spare_workers, ..options.clone() };
        for _ in 0..5 {
            assert_eq!(returned(&run_script("1", &CallContext::default(), &Limits::default(), &options)), json!(1));
        }
    }
}

#[test]
fn row_12_hostile_results_are_bounded_errors() {
    let class = |text: &str| script_within(Limits { wall_clock_ms_max: 20_000, ..Limits::default() }, text).outcome.class();
    for (text, expected) in [
        ("const a = {}; a.a = a; a", "unserializable"),
        ("let a = []; for (let i = 0; i < 5000; i++) a = [a]; a", "limit:nesting"),
        ("let a = ['xxxxxxxx']; for (let i = 0; i < 40; i++) a = [a, a]; a", "limit:output"),
        ("const a = []; a.length = 4294967295; a", "limit:output"),
        ("({ get a() { for (;;); } })", "limit:statements"),
        ("({ toJSON() { return { a: this } } })", "limit:nesting"),
        ("new Proxy({}, { ownKeys() { for (;;); } })", "limit:statements"),
        ("new Proxy([], { get: (t, k) => k === 'length' ? 2 ** 53 : 'x'.repeat(1000) })", "limit:output"),
        ("let s = 'x'; while (s.length < 1e8) s += s; s", "limit:heap"),
        ("'x'.repeat(1 << 20)", "limit:output"),
        ("1n", "unserializable"),
        ("undefined", "unserializable"),
        ("() => 1", "unserializable"),
        ("new Promise(() => {})", "unsettled"),
    ] {
        assert_eq!(class(text), expected, "{text}");
    }
}

#[test]
fn results_are_what_json_stringify_would_make_of_them() {
    let text = "
        const values = () => [null, true, 0, -0, 1.5, 1e21, 1e-7, '', 'a\"\\\\\\n\\u0007\\u2028é😀', [], {}, [1, [2, { a: [3] }]],
            { b: 1, a: 2, 1: 3, 0: 4 }, new Date(0), new Number(3), new String('s'), new Boolean(false), [, 1], [undefined, () => 1],
            { a: undefined, f() {}, [Symbol('s')]: 1, n: null }, Object.create({ inherited: 1 }), Object.create(null),
            { toJSON: (k) => 'key ' + k }, { get g() { return 1 } }, new Map([[1, 2]]), /x/g, new Error('e'), new Uint8Array([1, 2]),
            Object.defineProperty({}, 'hidden', { value: 1 }), new Proxy([1, 2], {}), new Proxy({ a: 1 }, {}), (function () { return arguments })(1),
            { get a() { Object.defineProperty(this, 'b', { enumerable: false }); return 1 }, b: 2 },
            { get a() { Object.defineProperty(this, 'c', { enumerable: true }); return 1 }, b: 2 },
            Object.defineProperty({ get a() { Object.defineProperty(this, 'h', { enumerable: true }); return 1 } }, 'h', { value: 3, configurable: true }),
            { get a() { delete this.b; this.c = 3; return 1 }, b: 2 }, { __proto__: null, ['__proto__']: 1 }, new (class A { x = 1; #y = 2 })(), NaN, Infinity];
        ({ ours: values(), theirs: JSON.stringify(values()) })";
    let value = returned(&script(text));
    let theirs: Value = serde_json::from_str(value["theirs"].as_str().unwrap()).unwrap();
    assert_eq!(value["ours"], theirs);
}

#[test]
fn what_a_result_loses_is_said() {
    let execution = script("({ a: [1, NaN], 'b/c': { d: undefined }, e: -Infinity, f() {}, g: '\\ud800' })");
    assert_eq!(returned(&execution), json!({"a": [1, null], "b/c": {}, "e": null, "g": "\u{fffd}"}));
    let loss = |path: &str, kind| Loss { path: path.into(), kind };
    assert_eq!(
        execution.losses,
        [
            loss("/a/1", LossKind::NotANumber),
            loss("/b~1c/d", LossKind::Undefined),
            loss("/e", LossKind::Infinite),
            loss("/f", LossKind::NotData),
            loss("/g", LossKind::LoneSurrogate),
        ]
    );
}

#[test]
fn row_13_terminal_escapes_are_escaped() {
    let execution = script(
        "console.log('\\u001b[2J', 'a\\nb'); console.error('\\u202egnp.exe', { k: '\\u0007' }); throw new Error('\\u001b]0;x\\u0007\\r\\nINFO ok')",
    );
    let lines: Vec<(ConsoleLevel, &str)> = execution.console.iter().map(|line| (line.level, line.text.as_str())).collect();
    assert_eq!(lines, [(ConsoleLevel::Info, "\\u{1b}[2J a\\nb"), (ConsoleLevel::Error, "\\u{202e}gnp.exe {\"k\":\"\\u0007\"}")]);
    assert_eq!(execution.error_message().unwrap(), "Error: \\u{1b}]0;x\\u{7}\\r\\nINFO ok");
}

#[test]
fn row_13_a_worker_that_does_not_escape_is_not_believed_to() {
    let (raw, shown) = (r"\u001b[2J\u009b\u202e\r", "\\u{1b}[2J\\u{9b}\\u{202e}\\r");
    let told = |verdict: &str, console: &str| {
        let reply = format!(r#"{{"verdict":{verdict},"statements":1,"heap_bytes":1,"console":[{console}],"losses":[]}}"#);
        let (_folder, options) = impostor(&frame(r#"{"layers":[]}"#), &frame(&reply));
        run_script("1", &CallContext::default(), &Limits::default(), &options)
    };
    let logged = told(r#"{"returned":"null"}"#, &format!(r#"{{"level":"warn","text":"{raw}"}}"#));
    assert_eq!(logged.console[0].text, shown);
    for (verdict, message) in [
        (format!(r#"{{"threw":{{"name":"{raw}","message":"{raw}","by_engine":false,"position":null}}}}"#), format!("{shown}: {shown}")),
        (format!(r#"{{"input-rejected":[{{"instance_path":"{raw}","message":"{raw}"}}]}}"#), format!("Input rejected: {shown}: {shown}")),
        (format!(r#"{{"unserializable":"{raw}"}}"#), format!("Script returned a value that JSON cannot hold: {shown}")),
        (format!(r#"{{"engine-panic":"{raw}"}}"#), format!("Script process ended unexpectedly: {shown}")),
    ] {
        assert_eq!(told(&verdict, "").error_message().unwrap(), message);
    }
    // What it says as it ends is shown, too.
    let says = "printf '\\033[2J\\n' >&2; exit 9";
    let (_folder, options) = impostor_that(&frame(r#"{"layers":[]}"#), says);
    let message = run_script("1", &CallContext::default(), &Limits::default(), &options).error_message().unwrap();
    assert_eq!(message, "Script process ended unexpectedly: exit status 9: \\u{1b}[2J");
}

#[test]
fn the_console_is_bounded() {
    let execution = script("for (let i = 0; i < 5000; i++) console.log('x'.repeat(100)); 1");
    assert!(execution.console.len() <= 1_001 && execution.console.iter().map(|line| line.text.len()).sum::<usize>() < 80 << 10);
    assert_eq!(execution.console.last().unwrap().text, "(log cut here)");
}

#[test]
fn rejections_that_nobody_handles_are_logged() {
    let execution = script("Promise.reject(new Error('lost')); Promise.reject(1).catch(() => 0); (async () => { throw 'text' })(); 1");
    let lines: Vec<&str> = execution.console.iter().map(|line| line.text.as_str()).collect();
    assert_eq!((returned(&execution), lines), (json!(1), vec!["unhandled rejection: lost", "unhandled rejection: text"]));
}

/// A program that is started as worker and says `greeting`, when it is asked says `reply`, then waits.
fn impostor(greeting: &[u8], reply: &[u8]) -> (tempfile::TempDir, IsolationOptions) {
    let answers = "head -c 1 > /dev/null; cat \"${0%/*}/reply\"; exec sleep 5";
    let (folder, options) = impostor_that(greeting, answers);
    fs::write(folder.path().join("reply"), reply).unwrap();
    (folder, options)
}

/// A program that is started as worker and `says` something, then does what the shell is told.
fn impostor_that(says: &[u8], then: &str) -> (tempfile::TempDir, IsolationOptions) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (file, program) = (folder.path().join("says"), folder.path().join("worker"));
    fs::write(&file, says).unwrap();
    fs::write(&program, format!("#!/bin/sh\n/bin/cat {}\n{then}\n", file.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (folder, IsolationOptions { worker: Some(program), ..IsolationOptions::default() })
}

fn frame(body: &str) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes()[..], body.as_bytes()].concat()
}

#[test]
fn row_14_forged_frames_are_refused() {
    let limits = Limits { wall_clock_ms_max: 400, output_bytes_max: 64, nesting_max: 5, ..Limits::default() };
    let greeting = frame(r#"{"layers":["seccomp"]}"#);
    let reply = |verdict: &str, statements: u64| {
        frame(&format!(r#"{{"verdict":{verdict},"statements":{statements},"heap_bytes":1,"console":[],"losses":[]}}"#))
    };
    let told = |verdict: &str, heap_bytes: u64, lines: usize, losses: usize| {
        let console = vec![r#"{"level":"info","text":""}"#; lines].join(",");
        let losses = vec![r#"{"path":"","kind":"undefined"}"#; losses].join(",");
        let rest = format!(r#""statements":1,"heap_bytes":{heap_bytes},"console":[{console}],"losses":[{losses}]"#);
        frame(&format!(r#"{{"verdict":{verdict},{rest}}}"#))
    };
    let class = |greeting: &[u8], reply: &[u8]| {
        let (_folder, options) = impostor(greeting, reply);
        run_script("1", &CallContext::default(), &limits, &options).outcome.class()
    };
    let good = reply(r#"{"returned":"1"}"#, 1);
    assert_eq!(class(&greeting, &good), "returned");
    for (name, greeting, reply, expected) in [
        ("no greeting but noise", frame("hello"), good.clone(), "refused"),
        ("an endless greeting", vec![0xff; 64], good.clone(), "refused"),
        ("a truncated reply", greeting.clone(), good[..good.len() - 1].to_vec(), "limit:wall-clock"),
        ("a reply announced as too long", greeting.clone(), vec![0xff; 8], "crashed"),
        ("noise for a reply", greeting.clone(), frame("{}"), "crashed"),
        (
            "an unknown key",
            greeting.clone(),
            frame(r#"{"verdict":"unsettled","statements":1,"heap_bytes":1,"console":[],"losses":[],"x":1}"#),
            "crashed",
        ),
        ("a second frame", greeting.clone(), [good.clone(), good.clone()].concat(), "crashed"),
        ("more statements than the limit", greeting.clone(), reply(r#"{"returned":"1"}"#, u64::MAX), "crashed"),
        ("more heap than the limit", greeting.clone(), told(r#""unsettled""#, (2 << 20) + limits.heap_bytes_max, 0, 0), "crashed"),
        ("as much heap as can be", greeting.clone(), told(r#""unsettled""#, limits.heap_bytes_max, 0, 0), "unsettled"),
        ("more of a log than is kept", greeting.clone(), told(r#""unsettled""#, 1, 1_002, 0), "crashed"),
        ("more losses than are kept", greeting.clone(), told(r#""unsettled""#, 1, 0, 17), "crashed"),
        ("a result that is not JSON", greeting.clone(), reply(r#"{"returned":"{"}"#, 1), "crashed"),
        (
            "a result past the output limit",
            greeting.clone(),
            reply(&format!(r#"{{"returned":"\"{}\""}}"#, "x".repeat(80)), 1),
            "limit:output",
        ),
        ("a result past the nesting limit", greeting.clone(), reply(r#"{"returned":"[[[[[[1]]]]]]"}"#, 1), "limit:nesting"),
    ] {
        assert_eq!(class(&greeting, &reply), expected, "{name}");
    }
    let (_folder, options) = impostor(&greeting, &frame("{}"));
    let log = Log::open(&options.worker.as_ref().unwrap().with_file_name("audit.jsonl")).unwrap();
    let function = cleared("function execute(input) { return 1 }", "");
    let about = Function { id: "fn_1".into(), tenant_id: "t".into(), ..Function::default() };
    let called = audited(&function, &json!({}), &CallContext::default(), &options, &log, &about).unwrap();
    assert_eq!(called.result.unwrap_err(), "Script process ended unexpectedly: its reply was not one");
    assert_eq!(audited_calls(log.path()), (0, 1));
    let losses = r#"[{"path":"/\u001b[2J","kind":"not-a-number"}]"#;
    let told = format!(r#"{{"verdict":{{"returned":"null"}},"statements":1,"heap_bytes":1,"console":[],"losses":{losses}}}"#);
    let (_folder, options) = impostor(&greeting, &frame(&told));
    assert_eq!(run_script("1", &CallContext::default(), &limits, &options).losses[0].path, "/\\u{1b}[2J");
    let missing = IsolationOptions { worker: Some("/nonexistent/worker".into()), ..IsolationOptions::default() };
    assert_eq!(run_script("1", &CallContext::default(), &limits, &missing).outcome.class(), "refused");
}

#[test]
fn a_source_is_reviewed_in_a_worker_before_anybody_depends_on_it() {
    let job = |source: &str| {
        let config = Config::parse("[limits]\nnesting = 4000", "fnvet.toml").unwrap();
        let settings = Settings::for_gate(Some(&config), None, None);
        Job {
            target: Target::given("f.ts", source.as_bytes(), Some(b"{\"type\": \"object\"}".as_slice().into())),
            settings: Arc::new(settings),
        }
    };
    let nested = |depth: usize| format!("function execute(input) {{ return {}1{} }}", "[".repeat(depth), "]".repeat(depth));
    let field = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/field/clean");
    let longest =
        fs::read_dir(field).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "js"));
    let longest = longest.map(|path| fs::read_to_string(path).unwrap()).max_by_key(String::len).unwrap();
    for source in [longest.as_str(), "function execute(input) { return eval(input.a) }", "enum E { A", &nested(3_900), &nested(9_000)] {
        assert_eq!(rehearse(&job(source), &options()), Rehearsal::Passed, "{source:.60}");
    }
    // A worker that comes to grief does so by its exit status; whoever asked has a report all the same.
    let stored = Stored {
        placement: Placement { tenant_id: "t".into(), function_id: "fn_1".into(), version: 1, agent_id: None },
        name: "f".into(),
        language: Language::TypeScript,
        source: b"function execute(input: object) { return 1 }".as_slice().into(),
        schema: None,
        cases: None,
    };
    let review = |options: &IsolationOptions| Candidate::of_version(&stored, job("").settings, options);
    assert_eq!(review(&options()).unwrap().report().findings().iter().filter(|found| found.finding.level == Level::Error).count(), 0);
    for (status, rule) in [(71, "nesting-too-deep"), (70, "too-complex")] {
        let (_folder, options) = impostor_that(&frame(r#"{"layers":[]}"#), &format!("exit {status}"));
        let candidate = review(&options).unwrap();
        let rules: Vec<&str> = candidate.report().findings().iter().map(|found| found.finding.rule).collect();
        assert_eq!(rules, [rule]);
        assert!(candidate.clear(&[]).is_err());
    }
    let (_folder, options) = impostor_that(&frame(r#"{"layers":[]}"#), "kill -9 $$");
    assert!(review(&options).unwrap_err().to_string().contains("could not be reviewed"));
}

#[test]
fn row_15_workers_end_with_their_parent() {
    const WORKER_OF_ITS_OWN: &str = "FNVET_TEST_WORKER";
    if let Some(worker) = std::env::var_os(WORKER_OF_ITS_OWN) {
        let limits = Limits { wall_clock_ms_max: 60_000, statements_max: u64::MAX >> 1, ..Limits::default() };
        let options = IsolationOptions { worker: Some(worker.into()), spare_workers: 2, ..IsolationOptions::default() };
        run_script("for (;;);", &CallContext::default(), &limits, &options);
        panic!("nobody ended this process");
    }
    let own = OwnWorker::new();
    let mut parent = again("row_15_workers_end_with_their_parent").env(WORKER_OF_ITS_OWN, own.path()).spawn().unwrap();
    // One that runs and two that wait.
    assert!(eventually(Duration::from_secs(20), || own.processes().len() == 3));
    std::thread::sleep(Duration::from_millis(200));
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(eventually(Duration::from_secs(1), || own.processes().is_empty()), "{:?}", own.processes());
}

fn resident_bytes() -> u64 {
    let pages: u64 = fs::read_to_string("/proc/self/statm").unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// A function that was cleared although lint objects: every objection is waived.
fn cleared(source: &str, limits: &str) -> Cleared {
    let config = Config::parse(&format!("[limits]\n{limits}"), "fnvet.toml").unwrap();
    let settings = Arc::new(Settings::for_gate(Some(&config), None, None));
    let report = lint_one(Job { target: Target::given("f.js", source.as_bytes(), None), settings }).unwrap();
    let blocking = report.findings().iter().filter(|found| found.finding.level == Level::Error);
    let waivers: Vec<WaiverRequest> =
        blocking.map(|found| WaiverRequest { selector: found.fingerprint.clone(), reason: "the sandbox is tested".into() }).collect();
    report.clear(&waivers).unwrap_or_else(|refusal| panic!("{source}: {refusal}"))
}

/// The records of a log that is whole, by whether the call was a success.
fn audited_calls(log: &Path) -> (u64, u64) {
    let bytes = fs::read(log).unwrap();
    assert_eq!(verify(&bytes[..]).unwrap().problem, None);
    let mut counts = (0, 0);
    for line in lines(&bytes[..]) {
        match line.unwrap().1 {
            Line::Record(record) if record.entry.success => counts.0 += 1,
            Line::Record(_) => counts.1 += 1,
            other => panic!("{other:?}"),
        }
    }
    counts
}

/// What the threads of row 16 share.
#[derive(Default)]
struct Tally {
    successes: AtomicU64,
    failures: AtomicU64,
    late: AtomicU64,
    worst_overrun_ms: AtomicU64,
    /// Resident bytes when every thread was at work.
    before: AtomicU64,
}

impl Tally {
    fn count(&self, execution: &Execution, allowed_overrun_ms: u64) {
        let overrun_ms = execution.duration_ms.saturating_sub(execution.limits.wall_clock_ms_max);
        self.worst_overrun_ms.fetch_max(overrun_ms, Ordering::Relaxed);
        self.late.fetch_add(u64::from(overrun_ms > allowed_overrun_ms), Ordering::Relaxed);
        let counter = if execution.success() { &self.successes } else { &self.failures };
        counter.fetch_add(1, Ordering::Relaxed);
        if self.successes.load(Ordering::Relaxed) >= 32 && self.before.load(Ordering::Relaxed) == 0 {
            self.before.store(resident_bytes(), Ordering::Relaxed);
        }
    }
}

#[test]
fn row_16_many_at_once_miss_no_deadline_lose_no_record_and_leak_nothing() {
    const TEST: &str = "row_16_many_at_once_miss_no_deadline_lose_no_record_and_leak_nothing";
    // In a process of its own: what other tests hold would be measured with it.
    if !is_alone() {
        let output = again(TEST).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        eprint!("{said}");
        return;
    }
    let limits = "wall_clock_ms = 400\nstatements = 2_000_000\nheap_bytes = 16_777_216\n";
    let honest = cleared("function execute(input) { return input.items.map((x) => x * 2).reduce((a, b) => a + b, 0) }", limits);
    let attacks = [
        "for (;;);",
        "/^(a+)+$/.test('a'.repeat(50) + '!')",
        "const a = []; for (;;) a.push(new ArrayBuffer(100000))",
        "throw new Error('x')",
        "const f = () => f() + 1; f()",
        "let a = 1n; for (;;) a = a * 3n",
        "await new Promise(() => {})",
    ]
    .map(|body| cleared(&format!("async function execute(input) {{ {body} }}"), limits));
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(&folder.path().join("audit.jsonl")).unwrap();
    let (lag, tally) = (Lag::watch(), Tally::default());
    let until = Instant::now() + Duration::from_secs(repeats(6, 300).into());
    let threads = 8 * std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (honest, attacks, log, lag, tally) = (&honest, &attacks, &log, &lag, &tally);
            scope.spawn(move || {
                for turn in (thread..).take_while(|_| Instant::now() < until) {
                    let function = if turn % 3 == 0 { &attacks[turn / 3 % attacks.len()] } else { honest };
                    let about = Function { id: "fn_1".into(), tenant_id: format!("tenant_{}", turn % 2), ..Function::default() };
                    let input = json!({"items": [1, 2, 3]});
                    let called = audited(function, &input, &CallContext::default(), &pooled(), log, &about).unwrap();
                    let execution = called.execution;
                    // A machine that is busy enough lets an honest call run into its deadline, too.
                    let is_right = match &execution.outcome {
                        Outcome::Returned(_) => std::ptr::eq(function, honest),
                        Outcome::Limit(LimitKind::WallClock) => true,
                        Outcome::Limit(_) | Outcome::Threw(_) | Outcome::Unsettled => !std::ptr::eq(function, honest),
                        _ => false,
                    };
                    assert!(is_right, "{execution:?}");
                    tally.count(&execution, lag.allowed_overrun_ms());
                }
            });
        }
    });
    let Tally { successes, failures, late, worst_overrun_ms, before } = &tally;
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (after, before) = (resident_bytes() >> 20, of(before) >> 20);
    eprintln!(
        "{} calls returned and {} did not, {threads} at once: worst overrun {} ms, {after} MiB after {before} MiB",
        of(successes),
        of(failures),
        of(worst_overrun_ms)
    );
    assert_eq!(of(late), 0);
    assert_eq!(audited_calls(log.path()), (of(successes), of(failures)));
    // What allocators keep for each thread, but nothing for each call.
    assert!(before == 0 || after < before + 4 + threads as u64 / 4, "{after} MiB after {before} MiB");
}

#[test]
fn a_schema_is_enforced_before_the_call() {
    let program = program("a.js", "function execute(input) { console.log('ran'); return input.days }");
    let schema = json!({"type": "object", "properties": {"days": {"type": "integer", "maximum": 366}}, "required": ["days"]});
    let call = |input: Value| run_unreviewed(&program, Some(&schema), &input, &CallContext::default(), &Limits::default(), &options());
    assert_eq!(returned(&call(json!({"days": 3}))), json!(3));
    let refused = call(json!({"days": "secret"}));
    assert!(refused.console.is_empty());
    let message = refused.error_message().unwrap();
    assert!(message.starts_with("Input rejected: /days: ") && !message.contains("secret"), "{message}");
    assert!(matches!(call(json!([1])).outcome, Outcome::InputRejected(_)));
    let without = run_unreviewed(&program, None, &json!("text"), &CallContext::default(), &Limits::default(), &options());
    assert_eq!(without.error_message().unwrap(), "Input rejected: the input must be a JSON object");
}

#[test]
fn the_context_is_there_and_frozen() {
    let context = CallContext {
        tenant_id: "t".into(),
        agent_id: "a".into(),
        user_id: "u".into(),
        env: serde_json::from_value(json!({"KEY": "v", "nested": {"list": [1]}})).unwrap(),
        ..CallContext::default()
    };
    let run = |text: &str| run_script(text, &context, &Limits::default(), &options());
    assert_eq!(returned(&run("[__tenantId, __agentId, __userId, __env]")), json!(["t", "a", "u", {"KEY": "v", "nested": {"list": [1]}}]));
    assert_eq!(
        returned(&run(
            "__tenantId = 'x'; __env.KEY = 'x'; __env.nested.list.length = 0; delete globalThis.__userId; [__tenantId, __env, __userId]"
        )),
        json!(["t", {"KEY": "v", "nested": {"list": [1]}}, "u"])
    );
    assert!(matches!(run("'use strict'; __env.KEY = 1").outcome, Outcome::Threw(_)));
    assert!(matches!(run("let __tenantId = 1").outcome, Outcome::Threw(_)));
}

#[test]
fn the_clock_can_stand_and_chance_can_be_repeated() {
    let context = CallContext { now: Some("2025-03-14T09:22:31Z".parse().unwrap()), seed: Some(7), ..CallContext::default() };
    let text = "const a = Date.now(); new Promise((done) => setTimeout(() => done([a, Date.now() - a, new Date().getTimezoneOffset(), Math.random()]), 86400000))";
    let run = |context: &CallContext| returned(&run_script(text, context, &Limits::default(), &options()));
    let first = run(&context);
    assert_eq!((&first[0], &first[1], &first[2]), (&json!(1_741_944_151_000_u64), &json!(86_400_000), &json!(0)));
    assert_eq!(run(&context), first);
    assert_ne!(run(&CallContext { seed: Some(8), ..context.clone() })[3], first[3]);
    let free = CallContext::default();
    assert_ne!(run(&free)[3], run(&free)[3]);
}

#[test]
fn timers_run_in_order_without_waiting() {
    let start = Instant::now();
    let execution = script(
        "const log = []; const note = (x) => log.push(x);
        setTimeout(note, 1e6, 'c'); setTimeout(note, 10, 'a'); setTimeout(note, 10, 'b'); const gone = setTimeout(note, 5, 'never'); clearTimeout(gone);
        Promise.resolve().then(() => note('micro')); note('sync');
        new Promise((done) => setTimeout(() => done(log), 2e6))",
    );
    assert_eq!(returned(&execution), json!(["sync", "micro", "a", "b", "c"]));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn messages_name_error_and_author_position() {
    let text = "enum E { A }\n\nfunction execute(input: { a?: { b: number } }) {\n  const x: number = 1;\n  return input.a!.b;\n}";
    let execution = run_unreviewed(&program("a.ts", text), None, &json!({}), &CallContext::default(), &Limits::default(), &options());
    let Outcome::Threw(thrown) = &execution.outcome else { panic!("{execution:?}") };
    assert_eq!((thrown.name.as_str(), thrown.by_engine, thrown.position.unwrap().line), ("TypeError", true, 5));
    let text = "class Refused extends Error { constructor(m) { super(m); this.name = 'Refused' } }\nasync function execute() {\n  await 0;\n  throw new Refused('no');\n}";
    let execution = call(text, json!({}));
    let Outcome::Threw(thrown) = &execution.outcome else { panic!("{execution:?}") };
    assert_eq!((execution.error_message().unwrap().as_str(), thrown.by_engine), ("Refused: no", false));
    let messages: Vec<String> = ["throw 'text'", "throw null", "throw { message: 'm' }", "throw Symbol('s')", "throw new RangeError()"]
        .iter()
        .map(|text| script(text).error_message().unwrap())
        .collect();
    assert_eq!(messages, ["text", "null", "m", "Symbol(s)", "RangeError"]);
}

#[test]
fn limits_on_source_input_and_output_are_checked() {
    let program = program("a.js", "function execute(input) { return 'x'.repeat(input.n) }");
    let call = |limits: Limits, input: Value| run_unreviewed(&program, None, &input, &CallContext::default(), &limits, &options()).outcome;
    let limits = Limits { source_bytes_max: 10, ..Limits::default() };
    assert_eq!(call(limits, json!({"n": 1})), Outcome::Limit(LimitKind::Source));
    let limits = Limits { input_bytes_max: 10, output_bytes_max: 100, ..Limits::default() };
    assert_eq!(call(limits, json!({"n": 1, "padding": "xxxx"})), Outcome::Limit(LimitKind::Input));
    assert_eq!(call(limits, json!({"n": 98})), Outcome::Returned(json!("x".repeat(98))));
    assert_eq!(call(limits, json!({"n": 99})), Outcome::Limit(LimitKind::Output));
}

#[test]
fn limits_may_be_as_large_as_a_number_can_be() {
    let most = u64::MAX;
    let limits = Limits {
        wall_clock_ms_max: most,
        heap_bytes_max: most,
        statements_max: most,
        call_depth_max: u32::MAX,
        output_bytes_max: most,
        input_bytes_max: most,
        source_bytes_max: most,
        nesting_max: u32::MAX,
    };
    assert_eq!(returned(&script_within(limits, "[1]")), json!([1]));
    assert_eq!(script_within(limits, "function f() { f() } f()").outcome, Outcome::Limit(LimitKind::Stack));
}

#[test]
fn reduced_isolation_is_visible_and_refused_on_demand() {
    let without = IsolationOptions { without: [Layer::Landlock, Layer::Seccomp].into_iter().collect(), ..options() };
    let reduced = run_script("1", &CallContext::default(), &Limits::default(), &without);
    assert!([Layer::Landlock, Layer::Seccomp].iter().all(|layer| reduced.isolation.missing().contains(layer)), "{reduced:?}");
    assert_eq!(reduced.isolation.name(), "reduced");
    let refused = run_script("1", &CallContext::default(), &Limits::default(), &IsolationOptions { require_full: true, ..without });
    let message = refused.error_message().unwrap();
    assert!(matches!(refused.outcome, Outcome::Refused(_)) && message.contains("landlock, seccomp"), "{message}");
    if is_fully_isolated() {
        let full = run_script("1", &CallContext::default(), &Limits::default(), &IsolationOptions { require_full: true, ..options() });
        assert_eq!((returned(&full), full.isolation.name()), (json!(1), "full"));
    }
}

#[test]
fn doctor_notices_every_layer_that_is_left_out() {
    let red = |found: &Diagnosis| found.layers.iter().filter(|row| !row.holds).map(|row| row.layer).collect::<Vec<Layer>>();
    // In some containers a layer is not to be had; that is red, too.
    let here = diagnose(&[], &options());
    let missing: LayerSet = red(&here).into_iter().collect();
    assert_eq!(here.is_healthy(), is_fully_isolated(), "{}", here.render());
    for layer in Layer::ALL {
        let without = IsolationOptions { without: LayerSet::default().with(layer), ..options() };
        let found = diagnose(&[], &without);
        assert_eq!(red(&found), missing.with(layer).iter().collect::<Vec<Layer>>(), "{}", found.render());
        // These show by themselves wherever the tests run; the others may be in force from outside.
        let shows = [Layer::ParentDeathSignal, Layer::ClosedDescriptors, Layer::ResourceLimits, Layer::HeapCounter].contains(&layer);
        let detail = &found.layers.iter().find(|row| row.layer == layer).unwrap().detail;
        assert!(!shows || !detail.starts_with("not taken"), "{}", found.render());
    }
}

#[test]
fn doctor_fails_on_an_attack_that_ends_otherwise() {
    let attack = Attack::new("a.js", "// expect: threw\n1");
    let found = diagnose(&[attack], &options());
    assert!(!found.is_healthy() && found.render().contains("expected threw"), "{}", found.render());
}

#[test]
fn doctor_runs_attacks_of_a_folder_and_says_all_by_its_exit_status() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine-script.js"), "// expect: limit:statements\nfor (;;);").unwrap();
    fs::write(folder.path().join("mine-function.ts"), "// expect: returned\nexport function execute(input: object): number { return 1 }")
        .unwrap();
    fs::write(folder.path().join("mine-wrong.js"), "// expect: threw\n1").unwrap();
    let doctor = |arguments: &[&str]| std::process::Command::new(WORKER).arg("doctor").args(arguments).output().unwrap();
    let output = doctor(&["--attacks", folder.path().to_str().unwrap(), "--without-layer", "seccomp"]);
    let table = String::from_utf8(output.stdout).unwrap();
    let row = |name: &str| table.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("no {name}: {table}")).trim().to_owned();
    assert!(row("mine-script.js").starts_with("ok") && row("mine-function.ts").starts_with("ok"), "{table}");
    assert!(row("mine-wrong.js").starts_with("FAIL") && row(" seccomp ").starts_with("FAIL"), "{table}");
    assert_eq!(output.status.code(), Some(1), "{table}");
    assert_eq!(doctor(&["--attacks", "/nonexistent"]).status.code(), Some(3));
}

#[test]
fn the_engine_can_be_asked_whether_it_reads_a_program() {
    let ask = |path: &str, text: &str| fnvet::sandbox::parse(&program(path, text), &Limits::default(), &options());
    assert_eq!(returned(&ask("a.js", "for (;;); function execute() {}")), json!(null));
    assert_eq!(returned(&ask("a.mjs", "export function execute() {}\nfor (;;);")), json!(null));
    // A label that the standard allows, and the engine's parser does not.
    let execution = ask("a.js", "function execute() {}\nasync: for (;;) break async;");
    let Outcome::Threw(thrown) = &execution.outcome else { panic!("{execution:?}") };
    assert_eq!(thrown.name, "SyntaxError");
}
