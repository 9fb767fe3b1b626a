//! The figures that the sandbox promises, measured as whole processes: `cargo bench --bench sandbox`.
//! A figure that is not reached is marked, and the exit status says so.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fnvet::program::Executable;
use fnvet::sandbox::{CallContext, Execution, IsolationOptions, Limits, Outcome, run_script, run_unreviewed};
use fnvet::semantic::entry::find_entry;
use fnvet::source::SourceFile;
use fnvet::syntax::parse;
use serde_json::json;

/// How long one limit is overrun at most.
const OVERRUN_MS_MAX: u64 = 100;

/// How much the parent may grow: what allocators keep, but nothing for each execution.
const GROWTH_MIB_MAX: f64 = 4.0;

fn main() -> ExitCode {
    let without = IsolationOptions { worker: Some(PathBuf::from(env!("CARGO_BIN_EXE_fnvet"))), ..IsolationOptions::default() };
    let pooled = IsolationOptions { spare_workers: 4, ..without.clone() };
    println!("| figure | measured | promised |");
    println!("| --- | --- | --- |");
    let reached = [
        latency("a trivial function, through the pool", 3.0, &pooled),
        latency("a trivial function, without the pool", 15.0, &without),
        overruns(&without),
        throughput(Duration::from_secs(10), &pooled),
        counts(1_000, &pooled),
        memory(20_000, &pooled),
    ];
    if reached.iter().all(|reached| *reached) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One row, and whether it says what it should.
fn figure(what: &str, measured: &str, promised: &str, reached: bool) -> bool {
    println!("| {what} | {measured} | {promised}{} |", if reached { "" } else { ": MISSED" });
    reached
}

fn trivial() -> Executable {
    let source = SourceFile::new("trivial.js", "function execute(input) { return input.n + 1 }");
    let parsed = parse(&source).expect("the program parses");
    let entry = find_entry(&parsed, "execute").expect("it has an entry");
    Executable::new(&source, &parsed, &entry)
}

fn once(program: &Executable, options: &IsolationOptions) -> Execution {
    let execution = run_unreviewed(program, None, &json!({"n": 1}), &CallContext::default(), &Limits::default(), options);
    assert_eq!(execution.outcome, Outcome::Returned(json!(2)), "{execution:?}");
    execution
}

/// A call as its caller sees it; between calls the pool may refill, as it does where agents think
/// between calls.
fn latency(what: &str, ms_max: f64, options: &IsolationOptions) -> bool {
    let program = trivial();
    let mut took_ms: Vec<f64> = (0..300)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(15));
            let start = Instant::now();
            once(&program, options);
            start.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    took_ms.sort_by(f64::total_cmp);
    let (median, high) = (took_ms[took_ms.len() / 2], took_ms[took_ms.len() * 99 / 100]);
    let measured = format!("median {median:.1} ms, 99th percentile {high:.1} ms");
    figure(what, &measured, &format!("median at most {ms_max} ms"), median <= ms_max)
}

fn overruns(options: &IsolationOptions) -> bool {
    let limits = Limits { wall_clock_ms_max: 300, statements_max: u64::MAX >> 1, heap_bytes_max: 1 << 30, ..Limits::default() };
    let programs = [
        "for (;;);",
        "Array.prototype.reverse.call({ length: 2 ** 53 - 1 })",
        "/^(a+)+$/.test('a'.repeat(60) + '!')",
        "let n = 3n; for (;;) n = n * n % (1n << 100000n)",
    ];
    let overrun_ms = |text: &&str| {
        let execution = run_script(text, &CallContext::default(), &limits, options);
        assert!(!execution.success(), "{execution:?}");
        execution.duration_ms.saturating_sub(limits.wall_clock_ms_max)
    };
    let worst = programs.iter().cycle().take(20).map(overrun_ms).max().unwrap_or_default();
    figure(
        "the worst overrun of a deadline, of 20",
        &format!("{worst} ms"),
        &format!("at most {OVERRUN_MS_MAX} ms"),
        worst <= OVERRUN_MS_MAX,
    )
}

/// Calls `work` from twice as many threads as there are cores, until it says that it is enough.
fn crowd(work: impl Fn() -> bool + Sync) {
    let threads = std::thread::available_parallelism().map_or(2, usize::from) * 2;
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| while work() {});
        }
    });
}

fn throughput(period: Duration, options: &IsolationOptions) -> bool {
    let (program, done, start) = (trivial(), AtomicU32::new(0), Instant::now());
    crowd(|| {
        once(&program, options);
        done.fetch_add(1, Ordering::Relaxed);
        start.elapsed() < period
    });
    let rate = f64::from(done.into_inner()) / start.elapsed().as_secs_f64();
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let promised = 75.0 * cores as f64;
    figure(&format!("executions on {cores} cores"), &format!("{rate:.0} /s"), &format!("at least {promised} /s"), rate >= promised)
}

fn counts(runs: u32, options: &IsolationOptions) -> bool {
    let program = trivial();
    let mut counts: Vec<Option<u64>> = (0..runs).map(|_| once(&program, options).statements).collect();
    counts.dedup();
    let what = format!("different statement counts of one function, {runs} runs");
    figure(&what, &counts.len().to_string(), "1", counts.len() == 1)
}

fn memory(runs: u32, options: &IsolationOptions) -> bool {
    let program = trivial();
    let resident_mib = || {
        let pages = std::fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse::<f64>().ok());
        pages.unwrap_or_default() * 4_096.0 / f64::from(1 << 20)
    };
    let repeat = |runs: u32| {
        let left = AtomicU32::new(runs);
        crowd(|| {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() && once(&program, options).success()
        });
    };
    repeat(200);
    let before = resident_mib();
    repeat(runs);
    let grown = resident_mib() - before;
    let measured = format!("{grown:.1} MiB, from {before:.1} MiB");
    figure(&format!("growth of the parent, {runs} runs"), &measured, &format!("at most {GROWTH_MIB_MAX} MiB"), grown <= GROWTH_MIB_MAX)
}
