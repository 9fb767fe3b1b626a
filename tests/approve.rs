//! The gate for files, driven as people drive it: run, approve, verify, audit.

mod ran;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use fnvet::approval::signature::SigningKey;
use fnvet::approval::statement::{Envelope, Statement};
use fnvet::approval::{Candidate, Policy};
use serde_json::{Value, json};

use ran::Ran;

/// An honest function.
const GREET: &str = "function execute(input) {
  if (typeof input.name !== 'string' || input.name.length > 50) throw new Error('name must be a text of at most 50 characters');
  return { greeting: `Hello ${input.name}` };
}
";

const GREET_CASES: &str = r#"[{"name": "Ann", "input": {"name": "Ann"}, "expect": {"greeting": "Hello Ann"}}]"#;

/// A repository with an honest function that Alice wrote and committed.
struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    fn new() -> Repository {
        let repository = Repository { folder: tempfile::tempdir().unwrap() };
        repository.git(&["init", "-q", "-b", "main", "."]);
        repository.write(".gitignore", "fnvet-audit.jsonl*\n");
        repository.write("greet.js", GREET);
        repository.write("greet.cases.json", GREET_CASES);
        repository.commit("Alice", "alice@example.com", "greet");
        repository
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.folder.path())
            .args(["-c", "user.name=Alice", "-c", "user.email=alice@example.com", "-c", "commit.gpgsign=false"])
            .args(args)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn commit(&self, name: &str, address: &str, message: &str) {
        self.git(&["add", "-A"]);
        let (name, address) = (format!("user.name={name}"), format!("user.email={address}"));
        self.git(&["-c", &name, "-c", &address, "commit", "-q", "--allow-empty", "-m", message]);
    }

    fn fnvet(&self, args: &[&str]) -> Ran {
        Ran::from(Command::new(env!("CARGO_BIN_EXE_fnvet")).current_dir(self.folder.path()).args(args).output().unwrap())
    }

    fn approve(&self, args: &[&str]) -> Ran {
        self.fnvet(&[&["approve", "greet.js", "--as", "bob", "--yes"], args].concat())
    }

    fn verify(&self) -> Ran {
        self.fnvet(&["verify", "--allow-unsigned"])
    }

    fn records(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("fnvet-audit.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A worker that leaves a mark where it is started.
    fn marking_worker(&self) -> (String, PathBuf) {
        let (worker, mark) = (self.path(".worker"), self.path(".started"));
        std::fs::write(&worker, format!("#!/bin/sh\ntouch '{}'\n", mark.display())).unwrap();
        std::fs::set_permissions(&worker, std::fs::Permissions::from_mode(0o755)).unwrap();
        (worker.to_str().unwrap().to_owned(), mark)
    }

    /// A new Ed25519 key of `person`: the file, and the line that allows it.
    fn key(&self, person: &str) -> (String, String) {
        let path = self.path(&format!(".{person}-key"));
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(&path).output().unwrap();
        assert!(made.status.success());
        let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        (path.to_str().unwrap().to_owned(), format!("{person} namespaces=\"fnvet\" {}\n", public.trim()))
    }
}

fn envelope(text: &str) -> (Envelope, Statement) {
    let envelope = Envelope::parse(text.as_bytes()).unwrap();
    let statement = envelope.statement().unwrap();
    (envelope, statement)
}

/// The approval with something changed, everything that follows from it made right again.
fn forged(text: &str, change: impl FnOnce(&mut Statement)) -> String {
    let mut statement = envelope(text).1;
    change(&mut statement);
    statement.predicate.approval_id = statement.computed_id();
    Envelope::around(&statement).to_text()
}

#[test]
fn a_second_person_approves_and_everything_is_on_record() {
    let repository = Repository::new();
    repository.approve(&["--notes", "looks fine"]).ends(0, "approved by bob until ");
    let (envelope, statement) = envelope(&repository.read("greet.approval.json"));
    assert_eq!(envelope.payload_type, "application/vnd.in-toto+json");
    assert!(envelope.signatures.is_empty());
    let predicate = &statement.predicate;
    assert_eq!(statement.subject[0].name, "greet.js");
    assert_eq!((predicate.approver.as_str(), predicate.notes.as_deref()), ("bob", Some("looks fine")));
    assert_eq!(predicate.authors, ["Alice <alice@example.com>"]);
    assert_eq!((predicate.trial.passed, predicate.trial.cases), (true, 1));
    assert_eq!(predicate.expires_at.duration_since(predicate.decided_at).as_hours(), 180 * 24);
    repository.verify().ends(0, "1 of 1 function approved");
    repository.fnvet(&["verify"]).ends(1, "its approval is not signed");

    let records = repository.records();
    let events: Vec<&str> = records.iter().map(|record| record["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["AIFunctionTried", "AIFunctionApproved"]);
    assert_eq!(records[1]["userId"], "bob");
    assert_eq!(records[1]["approvalId"], json!(predicate.approval_id));
    repository.fnvet(&["audit", "--verify"]).ends(0, "local: 2 records");
}

#[test]
fn an_author_does_not_approve_in_any_spelling() {
    let repository = Repository::new();
    for name in ["Alice", " alice ", "ALICE@example.com", "ａｌｉｃｅ", "Alice <alice@elsewhere.example>"] {
        repository.fnvet(&["approve", "greet.js", "--as", name, "--yes"]).ends(1, "a second person has to approve it");
    }
    repository.approve(&["--author", "Bob"]).ends(1, "a second person has to approve it");
    assert!(!repository.path("greet.approval.json").exists());
    assert_eq!(repository.records().len(), 6);
    assert!(repository.records().iter().all(|record| record["event"] == "AIFunctionRefused" && record["success"] == false));

    repository.write("greet.cases.json", "[]");
    repository.commit("Carol", "carol@example.com", "cases\n\nCo-authored-by: Bob <bob@example.com>");
    repository.approve(&[]).ends(1, "Bob <bob@example.com>");
    repository.fnvet(&["approve", "greet.js", "--as", "carol", "--yes"]).ends(1, "Carol <carol@example.com>");
    repository.fnvet(&["approve", "greet.js", "--as", "dora", "--yes"]).ends(0, "approved by dora");
}

#[test]
fn authors_count_since_the_last_valid_approval_and_over_renames() {
    let repository = Repository::new();
    repository.approve(&[]).ends(0, "approved by bob");
    repository.commit("Bob", "bob@example.com", "approve");
    repository.write("greet.js", &GREET.replace("Hello", "Dear"));
    repository.write("greet.cases.json", &GREET_CASES.replace("Hello", "Dear"));
    repository.commit("Bob", "bob@example.com", "dear");
    // Alice wrote the first version, which somebody else approved since.
    repository.fnvet(&["approve", "greet.js", "--as", "alice", "--yes"]).ends(0, "approved by alice");
    repository.approve(&[]).ends(1, "Bob <bob@example.com>");

    let repository = Repository::new();
    repository.git(&["mv", "greet.js", "hello.js"]);
    repository.git(&["mv", "greet.cases.json", "hello.cases.json"]);
    repository.commit("Carol", "carol@example.com", "rename");
    repository.fnvet(&["approve", "hello.js", "--as", "alice", "--yes"]).ends(1, "a second person");
}

#[test]
fn nobody_known_nothing_asked_and_two_functions_of_one_stem_are_wrong_usage() {
    let repository = Repository::new();
    repository.fnvet(&["approve", "greet.js", "--as", "bob"]).ends(2, "--yes");
    repository.fnvet(&["approve", "greet.js", "--as", " ", "--yes"]).ends(2, "is no name");
    repository.fnvet(&["approve", ".", "--as", "bob", "--yes"]).ends(2, "it is a folder");
    repository.fnvet(&["approve", "greet.cases.json", "--as", "bob", "--yes"]).ends(2, "not a function source");
    repository.fnvet(&["approve", "gone.js", "--as", "bob", "--yes"]).ends(3, "does not exist");
    repository.write("new.js", GREET);
    repository.fnvet(&["approve", "new.js", "--as", "bob", "--yes"]).ends(2, "not committed");
    repository.write("greet.js", &GREET.replace("Hello", "Dear"));
    repository.approve(&[]).ends(2, "not committed");
    repository.write("new.ts", GREET);
    repository.git(&["add", "new.js", "new.ts"]);
    for command in [&["approve", "new.js", "--as", "bob", "--author", "a", "--yes"][..], &["run", "new.js", "--input", "{}"], &["verify"]] {
        repository.fnvet(command).ends(2, "same stem");
    }
    let outside = Repository { folder: tempfile::tempdir().unwrap() };
    outside.write("greet.js", GREET);
    outside.approve(&[]).ends(2, "no author is known");
    outside.approve(&["--author", "alice"]).ends(0, "approved by bob");
    outside.verify().ends(0, "1 of 1 function approved");
}

/// A rule whose findings can be had by configuration alone.
const RAISED: &str = "[rules]\nunknown-rule = \"error\"\n";

#[test]
fn blocking_findings_refuse_without_starting_a_worker_and_waivers_name_one_each() {
    let repository = Repository::new();
    repository.write("fnvet.toml", RAISED);
    repository.write("greet.js", &format!("// fnvet-disable-next-line no-such-rule -- reason\n{GREET}"));
    repository.commit("Alice", "alice@example.com", "suppress");
    let (worker, mark) = repository.marking_worker();
    repository.approve(&["--worker", &worker]).ends(1, "no-such-rule").ends(1, "1 blocking finding; it was not executed");
    repository.fnvet(&["run", "greet.js", "--input", "{}", "--worker", &worker]).ends(1, "it was not executed");
    assert!(!mark.exists());
    let records = repository.records();
    assert!(records.len() == 2 && records.iter().all(|record| record["event"] == "AIFunctionRefused"), "{records:?}");

    let report: Value = serde_json::from_str(&repository.fnvet(&["lint", "greet.js", "--output", "json"]).out).unwrap();
    let finding = report["files"][0]["findings"].as_array().unwrap().iter().find(|found| found["rule"] == "unknown-rule").unwrap().clone();
    let at = format!("unknown-rule@{}:{}", finding["location"]["startLine"], finding["location"]["startColumn"]);
    let fingerprint = finding["fingerprint"].as_str().unwrap();
    repository.approve(&["--waive", &at]).ends(2, "--reason");
    repository.approve(&["--waive", &at, "--reason", " "]).ends(2, "it needs a reason");
    repository.approve(&["--waive", "unknown-rule@9:9", "--reason", "x"]).ends(2, "no finding matches");
    for selector in [at.as_str(), fingerprint] {
        repository.approve(&["--waive", selector, "--reason", "it is a joke"]).ends(0, "waived: unknown-rule");
        let waivers = envelope(&repository.read("greet.approval.json")).1.predicate.waivers;
        assert_eq!((waivers.len(), waivers[0].reason.as_str(), waivers[0].fingerprint.as_str()), (1, "it is a joke", fingerprint));
        repository.verify().ends(0, "1 of 1");
    }
}

#[test]
fn some_findings_nobody_waives() {
    for (source, rule) in [
        ("function execute(input) {".to_owned(), "syntax-error"),
        ("function other(input) { return input; }\n".to_owned(), "missing-entry"),
        (format!("function execute(input) {{ return {}1{}; }}", "(".repeat(300), ")".repeat(300)), "nesting-too-deep"),
        (format!("{GREET}//{}", "x".repeat(1_000_000)), "file-too-large"),
    ] {
        let repository = Repository::new();
        repository.write("greet.js", &source);
        let (worker, mark) = repository.marking_worker();
        let refused = repository.approve(&["--author", "alice", "--worker", &worker]).ends(1, rule);
        let at = refused.err.split("greet.js:").nth(1).and_then(|rest| rest.split(']').next()).unwrap_or("1:1").to_owned();
        let selector = format!("{rule}@{at}");
        repository.approve(&["--author", "alice", "--waive", &selector, "--reason", "x", "--worker", &worker]).ends(2, "waive");
        assert!(!mark.exists(), "{rule}");
    }
}

#[test]
fn a_failed_trial_refuses() {
    let repository = Repository::new();
    repository.write("greet.cases.json", &GREET_CASES.replace("Hello", "Dear"));
    repository.approve(&["--author", "alice"]).ends(1, "result.greeting is").ends(1, "its trial failed");
    assert!(!repository.path("greet.approval.json").exists());
    let records = repository.records();
    assert_eq!((records[0]["event"].as_str(), records[0]["success"].as_bool()), (Some("AIFunctionTried"), Some(false)));
    assert_eq!(records[1]["event"], "AIFunctionRefused");
    repository.write("greet.cases.json", "[{\"name\": 1}]");
    repository.approve(&["--author", "alice"]).ends(3, "its cases cannot be used");
}

#[test]
fn what_the_trial_finds_joins_the_report_of_lint() {
    let repository = Repository::new();
    repository.write(
        "greet.js",
        "// a\nfunction execute(input) {\n  if (typeof input.name !== 'string' || input.name.length > 50) throw new Error('name');\n  return { length: input.name.length, draw: Math.random() };\n}\n",
    );
    repository.write("greet.cases.json", r#"[{"name": "[x](y)", "input": {"name": "abc"}, "expect": {"length": 4}}]"#);
    repository.approve(&["--author", "alice", "--output", "sarif"]).ends(2, "FORMAT=FILE");
    repository.approve(&["--author", "alice", "--output", "sarif=all.sarif", "--output", "json=all.json"]).ends(1, "its trial failed");
    let sarif: Value = serde_json::from_str(&repository.read("all.sarif")).unwrap();
    let run = &sarif["runs"][0];
    let results: Vec<&Value> = run["results"].as_array().unwrap().iter().filter(|result| result["ruleId"] == "trial").collect();
    let text = |result: &Value| result["message"]["text"].as_str().unwrap().to_owned();
    let wrong = results.iter().find(|result| text(result).starts_with("wrong-result: ")).unwrap_or_else(|| panic!("{results:#?}"));
    assert_eq!((&wrong["level"], &wrong["locations"][0]["physicalLocation"]["region"]["startLine"]), (&"error".into(), &2.into()));
    assert!(text(wrong).contains(r#"in the case "\[x\](y)"; with the input {"name":"abc"}"#), "{}", text(wrong));
    let careless = results.iter().find(|result| text(result).starts_with("differs: ")).unwrap_or_else(|| panic!("{results:#?}"));
    assert!(careless["level"] == "warning" && text(careless).contains(r#"; with the input {"name":"#), "{}", text(careless));
    let descriptor = &run["tool"]["driver"]["rules"][wrong["ruleIndex"].as_u64().unwrap() as usize];
    assert!(descriptor["id"] == "trial" && descriptor["help"]["text"].as_str().unwrap().contains("smallest input"));
    let json: Value = serde_json::from_str(&repository.read("all.json")).unwrap();
    let findings = json["files"][0]["findings"].as_array().unwrap();
    let trial: Vec<&str> =
        findings.iter().filter(|found| found["rule"] == "trial").map(|found| found["fingerprint"].as_str().unwrap()).collect();
    assert!(trial.len() == results.len() && trial.iter().collect::<std::collections::BTreeSet<_>>().len() == trial.len(), "{findings:#?}");
    repository.fnvet(&["explain", "trial"]).ends(0, "smallest input");
    // What lint refuses has no trial, and its report is written all the same.
    repository.write("greet.js", "function execute(input) { return eval(input.name); }");
    repository.approve(&["--author", "alice", "--output", "json=all.json"]).ends(1, "blocking");
    let json: Value = serde_json::from_str(&repository.read("all.json")).unwrap();
    let rules: Vec<&Value> = json["files"][0]["findings"].as_array().unwrap().iter().map(|found| &found["rule"]).collect();
    assert!(rules.contains(&&"no-eval".into()) && !rules.contains(&&"trial".into()), "{rules:?}");
}

#[test]
fn what_changes_while_it_is_judged_is_not_approved() {
    let repository = Repository::new();
    let read = || Candidate::read(Path::new("greet.js"), &Policy::default(), repository.folder.path()).unwrap();
    let check = |candidate: &Candidate| candidate.check_unchanged(&Policy::default(), repository.folder.path());
    let candidate = read();
    assert_eq!(check(&candidate), Ok(()));
    for (name, text, what) in [
        ("greet.js", "function execute() { return 1; }", "the source"),
        ("greet.cases.json", "[]", "the cases"),
        ("greet.schema.json", "{}", "the schema"),
        ("fnvet.toml", "[limits]\nstatements = 5\n", "the configuration"),
    ] {
        let candidate = read();
        repository.write(name, text);
        assert_eq!(check(&candidate), Err(format!("{what} changed while it was judged")));
    }
}

#[test]
fn an_approval_ends_with_what_it_is_about() {
    let repository = Repository::new();
    repository.write("greet.schema.json", r#"{"type": "object"}"#);
    repository.commit("Alice", "alice@example.com", "schema");
    repository.approve(&[]).ends(0, "approved");
    repository.verify().ends(0, "1 of 1");
    let spoil = |name: &str, text: &str, said: &str| {
        let before = std::fs::read_to_string(repository.path(name)).ok();
        repository.write(name, text);
        repository.verify().ends(1, said);
        match before {
            Some(before) => repository.write(name, &before),
            None => std::fs::remove_file(repository.path(name)).unwrap(),
        }
        repository.verify().ends(0, "1 of 1");
    };
    spoil("greet.js", &format!("{GREET} "), "the source changed since its approval");
    spoil("greet.schema.json", r#"{"type": "object" }"#, "the schema changed since its approval");
    spoil("fnvet.toml", "enforce-schema = false\n", "enforce-schema changed since its approval");
    spoil("fnvet.toml", "[limits]\nstatements = 1000\n", "the limits changed since its approval");
    spoil("greet.approval.json", "{}", "its approval cannot be used");
    let approval = repository.read("greet.approval.json");
    let past = |statement: &mut Statement| {
        statement.predicate.decided_at = "2024-01-01T00:00:00Z".parse().unwrap();
        statement.predicate.expires_at = "2024-06-29T00:00:00Z".parse().unwrap();
    };
    spoil("greet.approval.json", &forged(&approval, past), "its approval expired on 2024-06-29");
    let future = |statement: &mut Statement| statement.predicate.decided_at = "2999-01-01T00:00:00Z".parse().unwrap();
    spoil("greet.approval.json", &forged(&approval, future), "yet to come");
    spoil("greet.approval.json", &forged(&approval, |statement| statement.predicate.authors = vec!["BOB".into()]), "a second person");
    spoil("greet.approval.json", &forged(&approval, |statement| statement.predicate.authors.clear()), "no author is known");
    spoil("greet.approval.json", &forged(&approval, |statement| statement.predicate.trial.passed = false), "it was not approved");
    let mut unlike = envelope(&approval).1;
    unlike.predicate.notes = Some("more".into());
    spoil("greet.approval.json", &Envelope::around(&unlike).to_text(), "its id does not follow");
    let id = envelope(&approval).1.predicate.approval_id;
    for key in [json!({"approvalId": id}), json!({"path": "greet.js"}), json!({"sha256": envelope(&approval).1.source_sha256()})] {
        let mut revocation = key;
        revocation["reason"] = json!("wrong rates");
        let text = json!({"version": 1, "revocations": [revocation]}).to_string();
        spoil("fnvet.revoked.json", &text, "its approval was revoked: wrong rates");
    }
    repository.write("fnvet.revoked.json", r#"{"version": 1, "revocations": [{"reason": "nothing"}]}"#);
    repository.verify().ends(2, "names neither");
    std::fs::remove_file(repository.path("fnvet.revoked.json")).unwrap();

    // A changed lint policy lints again, and a changed set of cases is only told.
    repository.write("fnvet.toml", "sensitive = [\"payroll number\"]\n");
    repository.write("greet.cases.json", "[]");
    repository.verify().ends(0, "stale-policy").ends(0, "its cases changed since");
    std::fs::remove_file(repository.path("fnvet.toml")).unwrap();

    // Another name, another language and another function each need their own.
    for (name, said) in [("hello.js", "its approval is one of greet.js"), ("sub/greet.js", "its approval is one of greet.js")] {
        repository.write(name, GREET);
        repository.write(&name.replace(".js", ".schema.json"), r#"{"type": "object"}"#);
        repository.write(&name.replace(".js", ".approval.json"), &approval);
        repository.fnvet(&["verify", name, "--allow-unsigned"]).ends(1, said);
    }
    repository.git(&["mv", "greet.js", "greet.ts"]);
    repository.verify().ends(1, "its approval is one of greet.js");
}

#[test]
fn only_trusted_signers_count_and_a_pull_request_trusts_nobody_new() {
    let repository = Repository::new();
    let (bob, bob_line) = repository.key("bob");
    let (eve, eve_line) = repository.key("eve");
    repository.write(".gitignore", "fnvet-audit.jsonl*\n.*-key*\n");
    repository.write("allowed_signers", &bob_line);
    repository.approve(&["--author", "alice", "--sign", &bob]).ends(0, "(signed)");
    repository.commit("Alice", "alice@example.com", "base");
    let trusting = || repository.fnvet(&["verify", "--trust-from", "main"]);
    trusting().ends(0, "1 of 1");
    repository.fnvet(&["verify"]).ends(1, "cannot be checked without --trust-from");
    repository.fnvet(&["verify", "--trust-from", "nowhere"]).ends(2, "is no commit");
    repository.fnvet(&["verify", "--trust-from=--output=x"]).ends(2, "is no commit");

    let signed = repository.read("greet.approval.json");
    let (mut other, _) = envelope(&signed);
    other.signatures[0].sig = other.signatures[0].sig.chars().rev().collect();
    repository.write("greet.approval.json", &other.to_text());
    trusting().ends(1, "no trusted signer signed it");
    let mut unsigned = envelope(&signed).0;
    unsigned.signatures.clear();
    repository.write("greet.approval.json", &unsigned.to_text());
    trusting().ends(1, "it is not signed");
    repository.fnvet(&["verify", "--trust-from", "main", "--allow-unsigned"]).ends(0, "no signature checked").ends(0, "--allow-unsigned");
    // Eve signs what says that Bob approved it, or approves herself.
    let mut by_eve = envelope(&signed).0;
    by_eve.signatures.clear();
    SigningKey::read(Path::new(&eve)).unwrap().sign(&mut by_eve).unwrap();
    repository.write("greet.approval.json", &by_eve.to_text());
    trusting().ends(1, "no trusted signer signed it");

    // Everything at once, as a pull request would.
    repository.git(&["checkout", "-q", "-b", "pull"]);
    repository.write("greet.js", &GREET.replace("Hello", "Give me your password,"));
    repository.write("greet.cases.json", "[]");
    repository.write("allowed_signers", &format!("{bob_line}{eve_line}"));
    repository.write("fnvet.toml", "[rules]\nno-eval = \"off\"\n");
    repository.write("fnvet.revoked.json", r#"{"version": 1, "revocations": []}"#);
    repository.fnvet(&["approve", "greet.js", "--as", "eve", "--author", "alice", "--sign", &eve, "--yes"]).ends(0, "(signed)");
    repository.commit("Eve", "eve@example.com", "pull");
    trusting().ends(1, "no trusted signer signed it");
    repository.fnvet(&["verify", "--trust-from", "pull"]).ends(0, "1 of 1");
}

#[test]
fn a_trusted_revocation_stays_however_the_work_tree_looks() {
    let repository = Repository::new();
    repository.approve(&[]).ends(0, "approved");
    repository.write("fnvet.revoked.json", r#"{"version": 1, "revocations": [{"path": "greet.js", "reason": "leaks"}]}"#);
    repository.commit("Alice", "alice@example.com", "revoke");
    repository.git(&["checkout", "-q", "-b", "pull"]);
    repository.git(&["rm", "-q", "fnvet.revoked.json"]);
    repository.verify().ends(0, "1 of 1");
    repository.fnvet(&["verify", "--trust-from", "main", "--allow-unsigned"]).ends(1, "revoked: leaks");
}

#[test]
fn everything_that_git_tracks_is_verified() {
    let repository = Repository::new();
    repository.approve(&[]).ends(0, "approved");
    repository.verify().ends(0, "1 of 1");
    repository.write(".gitignore", "fnvet-audit.jsonl*\nbuild\n");
    for name in [".hidden/a.js", "node_modules/b/b.js", "build/c.ts"] {
        repository.write(name, GREET);
        repository.git(&["add", "-f", name]);
        repository.verify().ends(1, &format!("missing  {name}"));
        repository.git(&["rm", "-q", "--cached", name]);
    }
    repository.write("untracked.js", GREET);
    repository.verify().ends(0, "1 of 1");
    repository.fnvet(&["verify", "untracked.js"]).ends(1, "missing");
    std::fs::remove_file(repository.path("untracked.js")).unwrap();

    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("far.js"), GREET).unwrap();
    std::os::unix::fs::symlink(outside.path().join("far.js"), repository.path("far.js")).unwrap();
    repository.git(&["add", "far.js"]);
    repository.verify().ends(1, "leads out of the repository");
    repository.git(&["rm", "-q", "-f", "far.js"]);
    let approval = repository.path("greet.approval.json");
    std::fs::rename(&approval, outside.path().join("greet.approval.json")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("greet.approval.json"), &approval).unwrap();
    repository.verify().ends(1, "leads out of the repository");

    let empty = Repository { folder: tempfile::tempdir().unwrap() };
    empty.verify().ends(3, "no input found");
}

#[test]
fn hundreds_of_functions_are_verified_at_once() {
    let repository = Repository::new();
    for number in 0..400 {
        repository.write(&format!("functions/f{number}.js"), GREET);
    }
    repository.git(&["add", "functions"]);
    repository.verify().ends(1, "0 of 401").ends(1, "missing  functions/f399.js");
}

#[test]
fn a_call_gives_its_result_and_its_record() {
    let repository = Repository::new();
    repository.write(
        "who.js",
        "function execute(input) {\n  console.warn('seen\\u001b[31m', input.n);\n  if (typeof input.n !== 'number' || input.n > 3) throw new Error('too \\u001b[2Jmuch');\n  \
         return { tenant: __tenantId, agent: __agentId, user: __userId, rate: __env.RATE, n: input.n };\n}\n",
    );
    let who = ["--tenant-id", "tenant_acme", "--agent-id", "agent_hr_01", "--user-id", "user_mary_k", "--env", "RATE=7"];
    let ran = repository.fnvet(&[&["run", "who.js", "--input", "{\"n\": 2}"], &who[..]].concat()).ends(0, "console.warn: seen");
    let result: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(result, json!({"tenant": "tenant_acme", "agent": "agent_hr_01", "user": "user_mary_k", "rate": "7", "n": 2}));
    repository.write("input.json", "{\"n\": 3}");
    repository.fnvet(&["run", "who.js", "--input", "@input.json"]).ends(0, "\"n\":3");
    repository.fnvet(&["run", "who.js", "--input", "{\"n\": 4}"]).ends(1, "who.js:3:");
    repository.fnvet(&["run", "who.js", "--input", "[]"]).ends(1, "the input must be a JSON object");
    repository.fnvet(&["run", "who.js", "--input", "{n: 4}"]).ends(2, "it is no JSON");
    repository.fnvet(&["run", "who.js", "--input", &"[".repeat(5_000)]).ends(2, "nests deeper");
    repository.fnvet(&["run", "who.js", "--input", "@gone.json"]).ends(3, "does not exist");
    repository.fnvet(&["run", "who.js", "--input", "{}", "--worker", "/nonexistent"]).ends(3, "was not run");

    let records = repository.records();
    let keys: Vec<&String> = records[0].as_object().unwrap().keys().collect();
    let expected = "event functionId functionName agentId userId tenantId executedAt durationMs success errorMessage version sourceSha256 \
                    approvalId limit statements heapBytes isolation outputFlags seq prevHash hash";
    assert_eq!(keys, expected.split_whitespace().collect::<Vec<_>>());
    let first = &records[0];
    assert_eq!((&first["event"], &first["functionId"]), (&json!("AIFunctionExecuted"), &json!("file:who.js")));
    assert_eq!(
        (&first["tenantId"], &first["agentId"], &first["userId"]),
        (&json!("tenant_acme"), &json!("agent_hr_01"), &json!("user_mary_k"))
    );
    assert_eq!((&first["success"], &first["errorMessage"], &first["seq"]), (&json!(true), &Value::Null, &json!(1)));
    assert!(first["executedAt"].as_str().unwrap().ends_with('Z') && first["executedAt"].as_str().unwrap().len() == 20);
    assert_eq!((&records[1]["tenantId"], &records[1]["seq"]), (&json!("local"), &json!(1)));
    assert_eq!((&records[2]["success"], &records[2]["seq"]), (&json!(false), &json!(2)));
    assert!(records[2]["errorMessage"].as_str().unwrap().contains("too"));
    repository.fnvet(&["audit", "--verify"]).ends(0, "intact");
}

#[test]
fn limits_and_credentials_are_on_record() {
    let repository = Repository::new();
    repository.write("fnvet.toml", "[limits]\nwall_clock_ms = 300\nstatements = 2000000000\n");
    repository.write("loop.js", "function execute(input) { for (let i = 0; i < input.n; i++); return i; }");
    let looped = repository.fnvet(&["run", "loop.js", "--input", "{\"n\": 1e12}"]);
    repository.write("key.js", "function execute(input) { return { key: ['AKIA', 'Z7Q2M4X9K1P8R5T3'].join('') }; }");
    let key = repository.fnvet(&["run", "key.js", "--input", "{}"]);
    repository.write("card.js", "function execute(input) { return { to: [4111, 1111, 1111, 1111].join(' ') }; }");
    let card = repository.fnvet(&["run", "card.js", "--input", "{}"]);
    let records = repository.records();
    // Lint may refuse any of them first; what runs is recorded as it must be.
    if records[0]["event"] == "AIFunctionExecuted" {
        looped.ends(1, "Script execution timed out after");
        assert_eq!((&records[0]["limit"], &records[0]["success"]), (&json!("wall-clock"), &json!(false)));
    }
    if records[1]["event"] == "AIFunctionExecuted" {
        let key = key.ends(1, "Output withheld: it holds a credential: AWS access key id");
        assert!(key.out.is_empty());
        assert_eq!(records[1]["outputFlags"], json!(["credential: AWS access key id"]));
    }
    if records[2]["event"] == "AIFunctionExecuted" {
        card.ends(0, "4111 1111 1111 1111");
        assert_eq!(records[2]["outputFlags"], json!(["card number"]));
    }
    repository.fnvet(&["audit", "--verify"]).ends(0, "intact");
}

#[test]
fn nothing_happens_that_cannot_be_recorded() {
    let repository = Repository::new();
    let (worker, mark) = repository.marking_worker();
    std::os::unix::fs::symlink("/etc/hostname", repository.path("link.jsonl")).unwrap();
    repository.write("garbage.jsonl", "not a record\n");
    for log in ["no/such/folder.jsonl", "/dev/full", "link.jsonl", ".git", "garbage.jsonl"] {
        repository.approve(&["--audit", log, "--worker", &worker]).ends(3, "audit log");
        repository.fnvet(&["run", "greet.js", "--input", "{}", "--audit", log, "--worker", &worker]).ends(3, "audit log");
    }
    assert!(!repository.path("greet.approval.json").exists());
    assert!(!mark.exists() || std::fs::read_to_string(repository.path("garbage.jsonl")).unwrap() == "not a record\n");
}

#[test]
fn a_call_whose_process_was_killed_is_recorded_as_interrupted() {
    let repository = Repository::new();
    repository.write(
        "slow.js",
        "function execute(input) { let n = 0; for (let i = 0; i < 9000; i++) for (let j = 0; j < 9000; j++) n += j; return n; }",
    );
    repository.write("fnvet.toml", "[limits]\nwall_clock_ms = 60000\nstatements = 2000000000\n");
    let mut child = Command::new(env!("CARGO_BIN_EXE_fnvet"))
        .current_dir(repository.folder.path())
        .args(["run", "slow.js", "--input", "{}", "--config", "fnvet.toml"])
        .spawn()
        .unwrap();
    let intent = || {
        std::fs::read_dir(repository.folder.path()).unwrap().any(|entry| entry.unwrap().file_name().to_string_lossy().contains(".intent-"))
    };
    while !intent() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    repository.fnvet(&["run", "greet.js", "--input", "{\"name\": \"Ann\"}"]).ends(0, "an interrupted call of file:slow.js was recorded");
    let records = repository.records();
    assert_eq!(records.len(), 2);
    assert_eq!((&records[0]["functionName"], &records[0]["errorMessage"]), (&json!("slow"), &json!("interrupted")));
    assert!(!intent());
    repository.fnvet(&["audit", "--verify"]).ends(0, "intact");
}

#[test]
fn the_log_is_filtered_and_its_tampering_named() {
    let repository = Repository::new();
    for (name, user) in [("Ann", "mary"), ("Ben", "john"), ("Cem", "mary")] {
        repository.fnvet(&["run", "greet.js", "--input", &json!({"name": name}).to_string(), "--user-id", user]).ends(0, name);
    }
    repository.fnvet(&["run", "greet.js", "--input", "{}", "--user-id", "mary"]).ends(1, "name must be");
    let count = |args: &[&str]| repository.fnvet(&[&["audit", "--output", "jsonl"], args].concat()).ends(0, "").out.lines().count();
    assert_eq!((count(&[]), count(&["--user", "mary"]), count(&["--failed"]), count(&["--success", "--user", "mary"])), (4, 3, 1, 2));
    assert_eq!((count(&["--function", "greet"]), count(&["--function", "greet.js"]), count(&["--function", "other"])), (4, 4, 0));
    assert_eq!((count(&["--event", "executed"]), count(&["--event", "AIFunctionApproved"])), (4, 0));
    assert_eq!((count(&["--since", "2025-01-01"]), count(&["--until", "2025-01-01T00:00:00Z"])), (4, 0));
    repository.fnvet(&["audit", "--event", "danced"]).ends(2, "is no event");
    repository.fnvet(&["audit", "--audit", "gone.jsonl"]).ends(3, "gone.jsonl");

    let whole = repository.read("fnvet-audit.jsonl");
    let lines: Vec<&str> = whole.lines().collect();
    let verify = |text: String, said: &str| {
        repository.write("fnvet-audit.jsonl", &text);
        repository.fnvet(&["audit", "--verify"]).ends(1, said);
    };
    verify(whole.replacen("john", "jane", 1), "record 2 of local (line 2) was changed");
    verify(format!("{}\n{}\n{}\n", lines[0], lines[2], lines[3]), "record 2 of local was removed");
    verify(format!("{}\n{}\n{}\n{}\n", lines[0], lines[2], lines[1], lines[3]), "record 3 of local (line 2) was reordered");
    verify(whole[..whole.len() - 20].to_owned(), "line 4 is incomplete");
    verify(whole.replacen("{\"event\"", "{ \"event\"", 1), "line 1 was changed");
    repository.write("fnvet-audit.jsonl", &whole);
    repository.fnvet(&["audit", "--verify"]).ends(0, "local: 4 records");
}

#[test]
fn an_audit_file_is_where_the_configuration_says() {
    let repository = Repository::new();
    repository.write("fnvet.toml", "[audit]\nfile = \"log/calls.jsonl\"\n");
    std::fs::create_dir(repository.path("log")).unwrap();
    repository.fnvet(&["run", "greet.js", "--input", "{\"name\": \"Ann\"}"]).ends(0, "Ann");
    assert_eq!(repository.read("log/calls.jsonl").lines().count(), 1);
    repository.fnvet(&["audit"]).ends(0, "file:greet.js");
    repository.fnvet(&["run", "greet.js", "--input", "{\"name\": \"Ann\"}", "--audit", "here.jsonl"]).ends(0, "Ann");
    // What stands beside the code must not choose a file of the user's.
    let elsewhere = tempfile::tempdir().unwrap();
    let absolute = elsewhere.path().join("calls.jsonl");
    std::os::unix::fs::symlink(elsewhere.path(), repository.path("out")).unwrap();
    for place in [absolute.to_str().unwrap(), "../calls.jsonl", ".profile", "out/calls.jsonl"] {
        repository.write("fnvet.toml", &format!("[audit]\nfile = {place:?}\n"));
        repository.fnvet(&["run", "greet.js", "--input", "{\"name\": \"Ann\"}"]).ends(2, "audit.file");
        assert!(!repository.path(place).exists());
    }
    repository.fnvet(&["run", "greet.js", "--input", "{\"name\": \"Ann\"}", "--config", "fnvet.toml"]).ends(0, "Ann");
    assert!(absolute.exists());
    assert_eq!(repository.read("here.jsonl").lines().count(), 1);
}

#[test]
fn the_trusted_policy_may_lower_and_says_so() {
    let repository = Repository::new();
    repository.write("greet.js", &format!("// fnvet-disable-next-line no-such-rule -- reason\n{GREET}"));
    repository.write("fnvet.toml", RAISED);
    repository.write("trusted.toml", "[rules]\nno-eval = \"warning\"\n[limits]\nstatements = 20000000\n");
    repository.approve(&["--author", "alice", "--config", "trusted.toml"]).ends(1, "lowers no-eval from error to warning");
    std::fs::remove_file(repository.path("fnvet.toml")).unwrap();
    repository.approve(&["--author", "alice", "--config", "trusted.toml"]).ends(0, "approved by bob");
    let lowerings = envelope(&repository.read("greet.approval.json")).1.predicate.lowerings;
    assert_eq!((lowerings.len(), lowerings[0].rule.as_str()), (1, "no-eval"));
    repository.verify().ends(1, "the limits changed");
    repository.fnvet(&["verify", "--allow-unsigned", "--config", "trusted.toml"]).ends(0, "1 of 1");
    repository.write("broken.toml", "no such key = 1");
    repository.approve(&["--config", "broken.toml"]).ends(2, "broken.toml");
}

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/field").join(kind);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension != "json" && extension != "md"));
    paths.sort();
    paths
}

/// A function alone in a folder, with its schema and cases.
fn alone(path: &Path) -> (Repository, String) {
    let repository = Repository { folder: tempfile::tempdir().unwrap() };
    let stem = path.file_stem().unwrap().to_str().unwrap();
    for kind in ["schema", "cases"] {
        let companion = path.with_file_name(format!("{stem}.{kind}.json"));
        if companion.exists() {
            std::fs::copy(&companion, repository.path(companion.file_name().unwrap().to_str().unwrap())).unwrap();
        }
    }
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    std::fs::copy(path, repository.path(&name)).unwrap();
    (repository, name)
}

#[test]
fn every_clean_function_of_the_field_is_approved() {
    let mut refused = Vec::new();
    for path in fixtures("clean") {
        let (repository, name) = alone(&path);
        let ran = repository.fnvet(&["approve", &name, "--as", "bob", "--author", "alice", "--yes"]);
        let verified = repository.fnvet(&["verify", "--allow-unsigned"]);
        if ran.status != 0 || verified.status != 0 {
            refused.push((name, ran, verified));
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn every_defective_function_of_the_field_is_refused_without_starting_a_worker() {
    let mut approved = Vec::new();
    for path in fixtures("defective") {
        let source = std::fs::read_to_string(&path).unwrap();
        // A warning blocks nobody: what is only that goes on to its trial.
        let blocks = source.lines().filter_map(|line| line.split_once("//~ ")).any(|(_, expected)| expected.contains(" error"));
        if !blocks {
            continue;
        }
        let (repository, name) = alone(&path);
        let (worker, mark) = repository.marking_worker();
        let ran = repository.fnvet(&["approve", &name, "--as", "bob", "--author", "alice", "--yes", "--worker", &worker]);
        if ran.status != 1 || mark.exists() || repository.path(&format!("{}.approval.json", name.split('.').next().unwrap())).exists() {
            approved.push((name, ran));
        }
    }
    assert!(approved.is_empty(), "{approved:#?}");
}

#[test]
fn only_the_sandbox_and_doctor_know_how_to_run_what_was_not_reviewed() {
    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { sources(&path, found) } else { found.push(path) }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        let inside = path.strip_prefix(&root).unwrap();
        let may = inside == Path::new("sandbox.rs") || inside.starts_with("sandbox");
        assert!(may || !(text.contains("run_unreviewed") || text.contains("run_script")), "{}", inside.display());
    }
}
