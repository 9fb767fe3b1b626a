//! PostgreSQL goes away while functions are called, and comes back: alone in this program, because
//! others need the same server. `FNVET_TEST_POSTGRES_CONTROL` is the command that crashes and starts the
//! server of `FNVET_TEST_POSTGRES` (`tests/scripts/postgres.sh FOLDER`).

#[allow(dead_code, reason = "other tests need the rest of it")]
mod served;
#[path = "store/support.rs"]
#[allow(dead_code, reason = "other tests need the rest of it")]
mod support;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use served::*;
use support::{DAYS, on_every_store};

/// How often it goes away.
const OUTAGES: usize = 2;

/// Who calls at the same time.
const CALLERS: usize = 4;

/// Calls that are acknowledged before the next thing happens.
const CALLS: usize = 20;

/// What the callers saw.
#[derive(Default)]
struct Seen {
    acknowledged: Vec<u64>,
    unavailable: usize,
}

fn control(command: &str, what: &str) {
    let status = Command::new("sh").arg("-c").arg(format!("{command} {what}")).status().unwrap();
    assert!(status.success(), "{command} {what}: {status}");
}

#[test]
fn a_database_that_crashes_and_comes_back_loses_nothing_that_was_acknowledged() {
    let Ok(command) = std::env::var("FNVET_TEST_POSTGRES_CONTROL") else { return };
    on_every_store(async |site| {
        if !site.is_postgres() {
            return;
        }
        let replicas = [Server::start(site), Server::start(site)];
        let path = replicas[0].active("days_left", DAYS);
        let (seen, is_over) = (Mutex::new(Seen::default()), AtomicBool::new(false));
        let call = |replica: &Server| {
            while !is_over.load(Ordering::Relaxed) {
                let answer = replica.execute(&path, 5);
                let mut seen = seen.lock().unwrap();
                if answer.status == 200 {
                    seen.acknowledged.push(answer.ok(200)["seq"].as_u64().unwrap());
                } else {
                    assert_eq!(answer.problem(), "503 unavailable");
                    seen.unavailable += 1;
                }
            }
        };
        let until = |enough: &dyn Fn(&Seen) -> bool| {
            while !enough(&seen.lock().unwrap()) {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        };
        let count = || {
            let seen = seen.lock().unwrap();
            (seen.acknowledged.len(), seen.unavailable)
        };
        std::thread::scope(|scope| {
            for replica in replicas.iter().cycle().take(CALLERS) {
                scope.spawn(|| call(replica));
            }
            for _ in 0..OUTAGES {
                let before = count();
                until(&|seen| seen.acknowledged.len() >= before.0 + CALLS);
                control(&command, "crash");
                // A short restart is waited for; this one takes longer.
                until(&|seen| seen.unavailable >= before.1 + CALLERS);
                for replica in &replicas {
                    assert_eq!(replica.send("GET", "/healthz", &[], b"").unwrap().status, 200);
                    assert_eq!(replica.send("GET", "/readyz", &[], b"").unwrap().problem(), "503 unavailable");
                }
                control(&command, "start");
            }
            let before = count();
            until(&|seen| seen.acknowledged.len() >= before.0 + CALLS);
            is_over.store(true, Ordering::Relaxed);
        });
        let records = replicas[0].audit();
        for replica in replicas {
            replica.stop();
        }
        let executed = |success: bool| {
            let of_it = records.iter().filter(move |r| r["event"] == "AIFunctionExecuted" && r["success"] == success);
            of_it.map(|r| r["seq"].as_u64().unwrap()).collect::<BTreeSet<u64>>()
        };
        let acknowledged = seen.into_inner().unwrap().acknowledged;
        let distinct: BTreeSet<u64> = acknowledged.iter().copied().collect();
        assert_eq!(distinct.len(), acknowledged.len());
        assert!(distinct.is_subset(&executed(true)), "{distinct:?} {:?}", executed(true));
        // What was under way when it went away is recorded as interrupted, and nothing is left open.
        verified(site).await;
        assert_eq!(site.select("SELECT count(*) FROM intents").await, ["0"]);
    });
}
