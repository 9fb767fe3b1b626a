//! The registry as people drive it at a terminal, with the same records as the API.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::ran::Ran;
use crate::support::*;

/// A folder with functions and keys, and a store.
struct Desk<'a> {
    site: &'a Site,
}

impl Desk<'_> {
    fn new(site: &Site) -> Desk<'_> {
        let write = |name: &str, text: &str| std::fs::write(site.folder.path().join(name), text).unwrap();
        write("policy.toml", &site.policy);
        write("days_left.js", DAYS);
        write("days_left.schema.json", &days_schema().to_string());
        write("days_left.cases.json", &json!([{"name": "five", "input": {"days": 5}, "expect": {"left": 360}}]).to_string());
        Desk { site }
    }

    fn path(&self) -> &Path {
        self.site.folder.path()
    }

    fn command(&self, args: &[&str], token: Option<&str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fnvet"));
        command.current_dir(self.path()).args(args).env("FNVET_STORE", &self.site.admin_url).env("RUST_BACKTRACE", "0");
        command.env_remove("FNVET_TOKEN").env_remove("FNVET_SEAL_KEY_FILE").env_remove("FNVET_TOKEN_SECRET_FILE");
        token.map(|token| command.env("FNVET_TOKEN", token));
        command
    }

    fn bare(&self, args: &[&str], token: Option<&str>) -> Ran {
        self.command(args, token).stdin(Stdio::null()).output().unwrap().into()
    }

    fn fnvet(&self, token: &str, args: &[&str]) -> Ran {
        self.bare(&[args, &["--config", "policy.toml"]].concat(), Some(token))
    }

    fn token(&self, user: &str, rest: &[&str]) -> String {
        let made = self.bare(&[&["token", "--config", "policy.toml", "--tenant", "acme", "--user", user], rest].concat(), None);
        assert_eq!(made.status, 0, "{made:?}");
        made.out.trim().to_owned()
    }

    fn records(&self, admin: &str, args: &[&str]) -> Vec<Value> {
        let ran = self.fnvet(admin, &[&["audit", "--output", "jsonl"], args].concat()).ends(0, "");
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn author_approver_agent_and_admin_work_at_the_command_line() {
    on_every_store(async |site| {
        let desk = Desk::new(site);
        let ann = desk.token("ann", &["--role", "author"]);
        let bob = desk.token("bob", &["--role", "approver"]);
        let mary = desk.token("mary", &["--agent", "agent_hr_01"]);
        let root = desk.token("root", &["--role", "admin"]);
        desk.fnvet(&ann, &["submit", "days_left.js", "--description", "Days left"]).ends(0, "version 1: inactive");
        desk.fnvet(&bob, &["list"]).ends(0, "acme/days_left: inactive, version 1 awaits review");
        desk.fnvet(&mary, &["run", "days_left", "--input", "{\"days\": 5}"]).ends(1, "it is not active: no version of it is approved");
        desk.fnvet(&bob, &["approve", "days_left"]).ends(2, "--yes approves without asking");
        desk.fnvet(&bob, &["approve", "days_left", "--yes", "--as", "bob"]).ends(2, "--as is for files");
        desk.fnvet(&ann, &["approve", "days_left", "--yes"]).ends(1, "refused: approvers of its tenant decide about a function");
        let both = desk.token("Ann", &["--role", "approver"]);
        desk.fnvet(&both, &["approve", "days_left", "--yes"]).ends(1, "Ann is an author of it (ann)");
        desk.fnvet(&bob, &["approve", "days_left", "--yes"]).ends(0, "approved by bob until ").ends(0, "trial passed: 1 case");
        let ran = desk.fnvet(&mary, &["run", "days_left", "--input", "{\"days\": 5}"]).ends(0, "");
        assert_eq!(ran.out, "{\"left\":360}\n");
        desk.fnvet(&mary, &["run", "days_left", "--input", "{\"days\": -5}"]).ends(1, "Input rejected");
        desk.fnvet(&mary, &["run", "days_left", "--input", "{}", "--user-id", "root"]).ends(2, "--user-id is for files");
        desk.fnvet(&mary, &["run", "no_such_one", "--input", "{}"]).ends(2, "there is no such function");
        desk.fnvet(&root, &["verify", "--store", &site.admin_url]).ends(0, "ok       acme/days_left: version 1 approved by bob");
        std::fs::write(desk.path().join("days_left.js"), DAYS.replace("365 - input", "364 - input")).unwrap();
        desk.fnvet(&ann, &["submit", "days_left.js"]).ends(0, "version 2: version 1 stays active");
        desk.fnvet(&bob, &["show", "days_left"]).ends(0, "version 2 by ann").ends(0, "364 - input.days");
        desk.fnvet(&bob, &["reject", "days_left", "--notes", "364 is wrong"]).ends(0, "rejected by bob: days_left version 2");
        desk.fnvet(&bob, &["show", "days_left", "--version", "1"]).ends(0, "rejected by bob: 364 is wrong").ends(0, "365 - input.days");
        desk.fnvet(&root, &["revoke", "days_left", "--reason", "done"]).ends(0, "revoked by root: days_left, every version up to 2");
        desk.fnvet(&mary, &["run", "days_left", "--input", "{\"days\": 5}"]).ends(1, "no version of it is approved");
        desk.fnvet(&root, &["list", "--output", "json"]).ends(0, "\"isActive\":false");
        let events: Vec<String> =
            desk.records(&root, &[]).iter().map(|record| record["event"].as_str().unwrap()[10..].to_owned()).collect();
        let expected = "Submitted Refused Refused Viewed Refused Viewed Tried Approved Executed Executed Submitted Viewed Rejected Viewed Revoked Refused";
        // Ann, no approver, could read what she wrote: that is no view of an approver.
        assert_eq!(events.join(" "), expected);
        assert_eq!(desk.records(&root, &["--user", "mary", "--success"]).len(), 1);
        assert_eq!(desk.records(&root, &["--event", "refused", "--function", "days_left"]).len(), 4);
        assert_eq!(desk.records(&root, &["--until", "2020-01-01"]).len(), 0);
        desk.fnvet(&root, &["audit", "--output", "ocsf"]).ends(0, "\"class_uid\":6003");
        desk.fnvet(&root, &["audit", "--checkpoint", "kept.json"]).ends(0, "");
        desk.fnvet(&root, &["audit", "--verify", "--checkpoint", "kept.json"]).ends(0, "acme: 16 records");
        site.sql("UPDATE audit SET line = REPLACE(line, 'mary', 'jane') WHERE seq = 9").await;
        desk.fnvet(&root, &["audit", "--verify"]).ends(1, "broken: record 9 of acme was changed");
        desk.fnvet(&ann, &["audit"]).ends(1, "admins read the audit log");
    });
}

#[test]
fn identity_comes_from_a_token_alone() {
    on_every_store(async |site| {
        let desk = Desk::new(site);
        desk.bare(&["list"], None).ends(2, "FNVET_TOKEN is not set");
        desk.bare(&["list"], Some("x.y.z")).ends(2, "fnvet.token.key");
        let ann = desk.token("ann", &["--role", "author"]);
        desk.bare(&["list"], Some("x.y.z")).ends(2, "the token is not accepted: it is malformed");
        let mut forged = ann.clone();
        forged.replace_range(forged.len() - 4.., "AAAA");
        desk.bare(&["list"], Some(&forged)).ends(2, "the token is not accepted: its signature is wrong");
        desk.bare(&["list"], Some(&ann)).ends(0, "");
        desk.bare(&["token", "--user", " ", "--tenant", "acme"], None).ends(2, "`sub` is empty");
        desk.bare(&["token", "--user", "a", "--tenant", "_system"], None).ends(2, "underscore");
        desk.bare(&["token", "--user", "a", "--tenant", "t", "--role", "root"], None).ends(2, "roles are author");
        let secret = desk.path().join("fnvet.token.key");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(secret.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o644)).unwrap();
            desk.bare(&["list"], Some(&ann)).ends(2, "everybody can read it");
        }
    });
}

/// A function that takes long for one input, 271, which no trial finds.
const SLOW: &str = "function execute(input) {
  if (!Number.isInteger(input.days) || input.days < 0 || input.days > 365) throw new Error('days must be 0 to 365');
  let sum = 0;
  if (input.days * 233 % 366 === 191) {
    for (let i = 0; i < 9000; i++) for (let j = 0; j < 9000; j++) sum += j;
  }
  return { left: sum };
}
";

/// A desk with a slow function that is active, and tokens of an approver, an agent and an admin.
fn slow_desk(site: &Site) -> (Desk<'_>, [String; 3]) {
    let desk = Desk::new(site);
    std::fs::write(desk.path().join("policy.toml"), "[limits]\nstatements = 100000000000\nwall_clock_ms = 120000\n").unwrap();
    std::fs::write(desk.path().join("days_left.js"), SLOW).unwrap();
    std::fs::remove_file(desk.path().join("days_left.cases.json")).unwrap();
    let ann = desk.token("ann", &["--role", "author"]);
    let bob = desk.token("bob", &["--role", "approver"]);
    let mary = desk.token("mary", &["--agent", "agent_hr_01"]);
    let root = desk.token("root", &["--role", "admin"]);
    desk.fnvet(&ann, &["submit", "days_left.js"]).ends(0, "version 1");
    desk.fnvet(&bob, &["approve", "days_left", "--yes"]).ends(0, "approved by bob");
    (desk, [bob, mary, root])
}

/// Calls of the slow function, which have begun.
async fn running(desk: &Desk<'_>, mary: &str, calls: usize) -> Vec<Child> {
    let args = ["run", "days_left", "--input", "{\"days\": 271}", "--config", "policy.toml"];
    let start = |_| desk.command(&args, Some(mary)).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut running: Vec<Child> = (0..calls).map(start).collect();
    while desk.site.select("SELECT intent_id FROM intents").await.len() < calls {
        assert!(running.iter_mut().all(|child| child.try_wait().unwrap().is_none()), "it ended before it was killed");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    running
}

#[test]
fn what_is_killed_while_it_runs_is_recorded_as_interrupted() {
    on_every_store(async |site| {
        let (desk, [_, mary, root]) = slow_desk(site);
        let mut running = running(&desk, &mary, 2).await;
        let mut second = running.pop().unwrap();
        running[0].kill().unwrap();
        running[0].wait().unwrap();
        // What still runs is not closed; what is gone is, once.
        let calls = desk.records(&root, &["--event", "executed"]);
        assert_eq!(calls.len(), 1, "{calls:?}");
        assert_eq!((&calls[0]["success"], &calls[0]["errorMessage"]), (&json!(false), &json!("interrupted")));
        second.kill().unwrap();
        let answer = second.wait_with_output().unwrap();
        assert!(answer.stdout.is_empty());
        assert_eq!(desk.records(&root, &["--event", "executed"]).len(), 2);
        assert_eq!(desk.records(&root, &["--event", "executed"]).len(), 2);
        desk.fnvet(&root, &["audit", "--verify"]).ends(0, "intact");
        assert!(site.select("SELECT intent_id FROM intents").await.is_empty());
    });
}

#[test]
fn the_intent_of_a_call_that_was_killed_is_missed_where_it_is_taken_away_and_counts_once() {
    on_every_store(async |site| {
        let (desk, [bob, mary, root]) = slow_desk(site);
        site.sql("CREATE TABLE heads_before AS SELECT * FROM heads").await;
        let mut killed = running(&desk, &mary, 1).await;
        // Somebody works on while it runs.
        desk.fnvet(&bob, &["show", "days_left"]).ends(0, "days_left");
        killed[0].kill().unwrap();
        killed[0].wait().unwrap();
        for table in ["intents", "heads", "audit"] {
            site.sql(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
        }
        site.sql("DELETE FROM intents").await;
        desk.fnvet(&root, &["audit", "--verify"]).ends(1, "a call began whose end is not recorded");
        // Nor with the head of before it, at which the chain ended, too.
        site.sql("UPDATE heads SET document = (SELECT document FROM heads_before WHERE heads_before.tenant_id = heads.tenant_id)").await;
        site.sql("DELETE FROM audit WHERE event = 'AIFunctionViewed' AND seq = (SELECT max(seq) FROM audit)").await;
        desk.fnvet(&root, &["audit", "--verify"]).ends(1, "an old copy was put back");
        for table in ["heads", "audit"] {
            site.sql(&format!("DELETE FROM {table}")).await;
            site.sql(&format!("INSERT INTO {table} SELECT * FROM kept_{table}")).await;
        }
        // Another text in its place is none.
        site.sql("INSERT INTO intents SELECT intent_id, tenant_id, owner, 'x' FROM kept_intents").await;
        desk.fnvet(&root, &["audit", "--verify"]).ends(1, "a call began whose end is not recorded");
        site.sql("DELETE FROM intents").await;
        site.sql("INSERT INTO intents SELECT * FROM kept_intents").await;
        assert_eq!(desk.records(&root, &["--event", "executed"]).len(), 1);
        desk.fnvet(&root, &["audit", "--verify"]).ends(0, "intact");
        // Put back once it is recorded, it is not recorded again.
        site.sql("INSERT INTO intents SELECT * FROM kept_intents").await;
        desk.fnvet(&root, &["audit", "--verify"]).ends(0, "put back after its end").ends(0, "intact");
        assert_eq!(desk.records(&root, &["--event", "executed"]).len(), 1);
    });
}
