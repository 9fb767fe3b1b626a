//! The figures that the sandbox promises, measured as whole processes: `cargo bench --bench sandbox`.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fnvet::program::Executable;
use fnvet::sandbox::{CallContext, Execution, IsolationOptions, Limits, Outcome, run_script, run_unreviewed};
use fnvet::semantic::entry::find_entry;
use fnvet::source::SourceFile;
use fnvet::syntax::parse;
use serde_json::json;

fn main() {
    let without = IsolationOptions { worker: Some(PathBuf::from(env!("CARGO_BIN_EXE_fnvet"))), ..IsolationOptions::default() };
    let pooled = IsolationOptions { spare_workers: 4, ..without.clone() };
    let scale: u32 = std::env::var("FNVET_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(1);

    let (median, worst) = latency(200 * scale, &without);
    row("trivial function, without the pool", median, "median, at most 15 ms", worst);
    let (median, worst) = latency(200 * scale, &pooled);
    row("trivial function, through the pool", median, "median, at most 3 ms", worst);
    println!("{:<40} {:>10.0} /s    at least 150", "executions on all cores", throughput(Duration::from_secs(5) * scale, &pooled));
    overruns(&without);
    counts(1_000, &pooled);
    memory(2_000 * scale, &pooled);
}

fn row(what: &str, median: Duration, wanted: &str, worst: Duration) {
    println!("{what:<40} {:>10.2} ms    {wanted} (99th percentile {:.2} ms)", ms(median), ms(worst));
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
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

/// Median and 99th percentile of a call as its caller sees it; between calls the pool may refill,
/// as it does where agents think between calls.
fn latency(runs: u32, options: &IsolationOptions) -> (Duration, Duration) {
    let program = trivial();
    let mut took: Vec<Duration> = (0..runs)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(10));
            let start = Instant::now();
            once(&program, options);
            start.elapsed()
        })
        .collect();
    took.sort();
    (took[took.len() / 2], took[took.len() * 99 / 100])
}

fn throughput(period: Duration, options: &IsolationOptions) -> f64 {
    let threads = std::thread::available_parallelism().map_or(2, usize::from) * 2;
    let start = Instant::now();
    let done: u32 = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let program = trivial();
                    let mut done = 0;
                    while start.elapsed() < period {
                        once(&program, options);
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("no worker panics")).sum()
    });
    f64::from(done) / start.elapsed().as_secs_f64()
}

fn overruns(options: &IsolationOptions) {
    let limits = Limits { wall_clock_ms_max: 300, statements_max: u64::MAX >> 1, heap_bytes_max: 1 << 30, ..Limits::default() };
    let mut worst = 0;
    for text in [
        "for (;;);",
        "Array.prototype.reverse.call({ length: 2 ** 53 - 1 })",
        "/^(a+)+$/.test('a'.repeat(60) + '!')",
        "let n = 3n; for (;;) n *= n",
    ] {
        for _ in 0..5 {
            let execution = run_script(text, &CallContext::default(), &limits, options);
            worst = worst.max(execution.duration_ms.saturating_sub(300));
        }
    }
    println!("{:<40} {worst:>10} ms    at most 100", "worst overrun of a deadline");
}

fn counts(runs: u32, options: &IsolationOptions) {
    let program = trivial();
    let mut counts: Vec<Option<u64>> = (0..runs).map(|_| once(&program, options).statements).collect();
    counts.dedup();
    println!("{:<40} {:>10}       one, over {runs} runs", "different statement counts", counts.len());
}

fn memory(runs: u32, options: &IsolationOptions) {
    let program = trivial();
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse::<f64>().ok());
        pages.unwrap_or_default() * 4_096.0 / f64::from(1 << 20)
    };
    (0..100).for_each(|_| drop(once(&program, options)));
    let before = resident();
    (0..runs).for_each(|_| drop(once(&program, options)));
    println!("{:<40} {:>10.1} MiB   flat, over {runs} runs (from {before:.1} MiB)", "growth of the parent", resident() - before);
}
