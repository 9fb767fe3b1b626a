//! The built program as its users meet it: exit status, what is said, and what never reaches a
//! terminal.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const CLEAN: &str = "function execute(input) {\n  return { ok: true };\n}\n";
const BROKEN: &str = "function execute(input) {\n  return [1, 2;\n}\n";
/// A warning: without a reason a suppression has no effect.
const WARNED: &str = "// fnvet-disable-next-line no-eval\nfunction execute(input) {\n  return { ok: true };\n}\n";

/// A folder with files, in which the program runs.
struct Place(tempfile::TempDir);

impl Place {
    fn new(files: &[(&str, &str)]) -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        files.iter().for_each(|(path, text)| place.write(path, text));
        place
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fnvet"));
        command.args(args).current_dir(self.0.path()).env_remove("NO_COLOR").stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    fn lint(&self, args: &[&str]) -> Ran {
        self.run(&[&["lint"], args].concat())
    }

    /// The JSON report, and the exit status.
    fn json(&self, args: &[&str]) -> (Value, i32) {
        let ran = self.lint(&[&["--output", "json"], args].concat());
        (serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}")), ran.status)
    }

    fn git(&self, args: &[&str]) {
        let identity =
            ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"];
        let done = Command::new("git").args(identity).args(args).current_dir(self.0.path()).output().unwrap();
        assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

#[derive(Debug)]
struct Ran {
    status: i32,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

fn files(report: &Value) -> Vec<(&str, &str)> {
    report["files"].as_array().unwrap().iter().map(|f| (f["path"].as_str().unwrap(), f["parse"].as_str().unwrap())).collect()
}

fn rules(report: &Value) -> Vec<&str> {
    let all = report["files"].as_array().unwrap().iter().flat_map(|file| file["findings"].as_array().unwrap());
    all.map(|finding| finding["rule"].as_str().unwrap()).collect()
}

// --- Exit status -------------------------------------------------------------------------------

#[test]
fn a_clean_folder_is_0_and_a_blocking_finding_1_in_every_format() {
    let clean = Place::new(&[("a.js", CLEAN), ("sub/b.ts", CLEAN)]);
    let broken = Place::new(&[("a.js", CLEAN), ("b.js", BROKEN)]);
    for format in ["pretty", "concise", "json", "sarif", "github", "markdown", "junit"] {
        assert_eq!(clean.lint(&["--output", format]).status, 0, "{format}");
        assert_eq!(broken.lint(&["--output", format]).status, 1, "{format}");
    }
}

#[test]
fn fail_on_silences_findings_only() {
    let place = Place::new(&[("a.js", WARNED)]);
    for (level, status) in [("error", 0), ("warning", 1), ("note", 1), ("never", 0)] {
        assert_eq!(place.lint(&["--fail-on", level]).status, status, "{level}");
    }
    assert_eq!(place.lint(&["--fail-on", "never", "missing.js"]).status, 3);
    assert_eq!(Place::new(&[("a.js", BROKEN)]).lint(&["--fail-on", "never"]).status, 0);
}

#[test]
fn wrong_usage_goes_before_failure_and_failure_before_findings() {
    let place = Place::new(&[("a.js", BROKEN)]);
    place.write("b.js", b"\xff");
    assert_eq!(place.lint(&[]).status, 3);
    place.write("fnvet.toml", "nonsense");
    let ran = place.lint(&["--output", "concise"]);
    assert_eq!(ran.status, 2);
    assert!(ran.out.contains("a.js:3:1: error[syntax-error]") && ran.out.contains("b.js: not checked"), "{ran:?}");
}

#[test]
fn nothing_to_do_is_3() {
    let place = Place::new(&[("readme.txt", "")]);
    let ran = place.lint(&[]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains("no input found"), "{ran:?}");
    let (report, status) = place.json(&["nowhere.js", "readme.txt"]);
    assert_eq!((files(&report), status), (vec![("nowhere.js", "unreadable"), ("readme.txt", "unreadable")], 3));
}

// --- Bad input ---------------------------------------------------------------------------------

#[test]
fn binary_and_other_encodings_are_listed_with_their_reason() {
    let place = Place::new(&[("good.js", CLEAN)]);
    place.write("binary.js", b"\x7fELF\x02\x01\0\0\xff\xfe");
    place.write("latin1.js", b"const name = 'Jos\xe9';");
    place.write("utf16.js", b"\xff\xfef\0n\0");
    let (report, status) = place.json(&[]);
    assert_eq!(status, 3);
    assert_eq!(files(&report), [("binary.js", "unreadable"), ("good.js", "ok"), ("latin1.js", "unreadable"), ("utf16.js", "unreadable")]);
    let reason = |at: usize| report["files"][at]["reason"].as_str().unwrap();
    assert!(reason(0).contains("binary") && reason(2).contains("byte 17") && reason(3).contains("UTF-16"));
    assert_eq!(report["files"][0]["sha256"].as_str().unwrap().len(), 64);
    let ran = place.lint(&["--output", "concise"]);
    assert!(ran.out.contains("latin1.js: not checked: it is not UTF-8"), "{ran:?}");
}

#[test]
fn an_empty_file_and_one_with_a_byte_order_mark_are_read() {
    let place = Place::new(&[("empty.js", ""), ("mark.js", "\u{feff}let x = ;\nfunction execute(input) {}")]);
    let (report, status) = place.json(&[]);
    assert_eq!((files(&report), status), (vec![("empty.js", "ok"), ("mark.js", "failed")], 1));
    assert_eq!(rules(&report), ["missing-entry", "syntax-error"]);
    assert_eq!(report["files"][1]["findings"][0]["location"]["startColumn"], 9, "the mark is no column");
}

#[test]
fn fifty_megabytes_are_too_large_and_not_read() {
    let place = Place::new(&[("a.js", CLEAN)]);
    std::fs::File::create(place.path("big.js")).unwrap().set_len(50_000_000).unwrap();
    let (report, status) = place.json(&[]);
    assert_eq!((files(&report), status), (vec![("a.js", "ok"), ("big.js", "too-large")], 1));
    assert_eq!(rules(&report), ["file-too-large"]);
    assert!(report["files"][1]["sha256"].is_null());
}

#[test]
fn ten_thousand_parentheses_are_too_deep_and_four_thousand_are_not() {
    let nested = |depth: usize| format!("const x = {}1{};\nfunction execute(input) {{}}", "(".repeat(depth), ")".repeat(depth));
    let place = Place::new(&[("deep.js", &nested(10_000)), ("fine.js", &nested(3_990))]);
    let (report, status) = place.json(&[]);
    assert_eq!((files(&report), status), (vec![("deep.js", "too-deep"), ("fine.js", "ok")], 1));
    assert_eq!(rules(&report), ["nesting-too-deep"]);
}

#[test]
fn a_folder_named_like_a_file_is_a_folder() {
    let place = Place::new(&[("a.js", CLEAN), ("x.js/inner.js", CLEAN)]);
    let (report, status) = place.json(&[]);
    assert_eq!((files(&report), status), (vec![("a.js", "ok"), ("x.js/inner.js", "ok")], 0));
    std::fs::create_dir(place.path("y.js")).unwrap();
    let ran = place.lint(&["a.js", "y.js"]);
    assert_eq!(ran.status, 0);
    let ran = place.lint(&["y.js"]);
    assert!(ran.status == 3 && ran.err.contains("no input found"), "{ran:?}");
    assert!(place.lint(&[]).err.contains("y.js: it is a folder, not a function"));
}

#[cfg(unix)]
#[test]
fn links_and_pipes_have_a_reason() {
    use std::os::unix::fs::symlink;
    let place = Place::new(&[("in/a.js", CLEAN), ("secret.js", CLEAN)]);
    symlink("gone.js", place.path("in/broken.js")).unwrap();
    symlink("self.js", place.path("in/self.js")).unwrap();
    symlink("a.js", place.path("in/fine.js")).unwrap();
    symlink("../secret.js", place.path("in/out.js")).unwrap();
    symlink(".", place.path("in/cycle")).unwrap();
    assert!(Command::new("mkfifo").arg(place.path("in/pipe.js")).status().unwrap().success());
    let (report, status) = place.json(&["in"]);
    assert_eq!(status, 3);
    let expected =
        [("a", "ok"), ("broken", "unreadable"), ("fine", "ok"), ("out", "unreadable"), ("pipe", "unreadable"), ("self", "unreadable")];
    assert_eq!(
        files(&report),
        expected.map(|(name, parse)| (format!("in/{name}.js"), parse)).iter().map(|(n, p)| (n.as_str(), *p)).collect::<Vec<_>>()
    );
    let ran = place.lint(&["in", "--output", "concise"]);
    for said in ["broken link", "leads back to itself", "outside", "a pipe"] {
        assert!(ran.out.contains(said), "{said}: {ran:?}");
    }
    assert!(ran.err.contains("in/cycle"), "{ran:?}");
    // What is named is followed.
    assert_eq!(place.lint(&["in/out.js"]).status, 0);
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_does_not_stop_the_others() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new(&[("a.js", BROKEN), ("b.js", CLEAN)]);
    std::fs::set_permissions(place.path("b.js"), std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(place.path("b.js")).is_ok() {
        return; // root reads everything
    }
    let (report, status) = place.json(&[]);
    assert_eq!((files(&report), status), (vec![("a.js", "failed"), ("b.js", "unreadable")], 3));
    assert_eq!(report["files"][1]["reason"], "permission denied");
}

#[cfg(unix)]
#[test]
fn nothing_reaches_the_terminal_unescaped() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new(&[]);
    let hostile = "let `\u{1b}[2J\u{202e}\u{9b}31m = 1; // \u{1b}]0;owned\u{7}\r\u{2066}";
    place.write("line\nfeed\u{1b}[31m.js", hostile);
    place.write(OsStr::from_bytes(b"no-utf8-\xff.js"), BROKEN);
    place.write("bidi\u{202e}sj.js", b"\xff");
    place.write("disable.js", "// fnvet-disable-line \u{1b}[1m\u{202e} -- x\nfunction execute() {}");
    place.write("fnvet.toml", "\"\u{1b}[31m\" = 1");
    for format in ["pretty", "concise", "json", "sarif", "github", "markdown", "junit"] {
        let ran = place.lint(&["--output", format]);
        assert_eq!(ran.status, 2, "{format}");
        for text in [&ran.out, &ran.err] {
            let bad = text
                .chars()
                .find(|c| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c) || ('\u{2066}'..='\u{2069}').contains(c));
            // JSON strings are escaped by their reader's rules: control characters, not the rest.
            let allowed = matches!(format, "json" | "sarif") && bad.is_some_and(|c| !c.is_control() || c > '\u{7f}');
            assert!(bad.is_none() || allowed, "{format}: {bad:?} in {text}");
        }
    }
    let ran = place.lint(&["--output", "concise"]);
    assert!(ran.out.contains("line\\u{a}feed\\u{1b}[31m.js:1:"), "{ran:?}");
    assert!(ran.out.contains("no-utf8-\\xFF.js"), "{ran:?}");
    let ran = place.lint(&["\u{1b}[31m.js", "--nonsense\u{1b}[31m"]);
    assert!(ran.status == 2 && !ran.err.contains('\u{1b}'), "{ran:?}");
}

#[test]
fn a_broken_configuration_is_2_and_the_rest_is_still_linted() {
    for (text, said) in [
        ("entry = ", "fnvet.toml:1:"),
        ("[rules]\nno-evil = \"off\"", "did you mean `no-eval`?"),
        ("enforce_schema = false", "did you mean `enforce-schema`?"),
        ("[limits]\nheap_bytes = -1", "fnvet.toml:2:"),
    ] {
        let place = Place::new(&[("a/fnvet.toml", text), ("a/x.js", BROKEN), ("b/y.js", BROKEN), (".git/HEAD", "")]);
        let ran = place.lint(&["--output", "concise"]);
        assert!(ran.status == 2 && ran.err.contains(said) && ran.err.contains("a/fnvet.toml"), "{ran:?}");
        assert_eq!(ran.out.lines().count(), 2, "{ran:?}");
    }
}

#[test]
fn wrong_arguments_are_2_and_say_what_was_meant() {
    let place = Place::new(&[("a.js", CLEAN)]);
    for (args, said) in [
        (&["--output", "json", "--output", "sarif"][..], "two formats on standard output"),
        (&["--output", "json=x", "--output", "sarif=x"], "two formats in x"),
        (&["--output", "xml"], "`xml` is no format"),
        (&["--output", "json="], "file name"),
        (&["--rule", "no-evall=error"], "did you mean `no-eval`?"),
        (&["--rule", "no-eval=bad"], "`bad` is no level"),
        (&["--rule", "syntax-error=off"], "fixed"),
        (&["--config", "nowhere.toml"], "nowhere.toml: cannot be read: it does not exist"),
        (&["--baseline", "nowhere.json"], "baseline nowhere.json: it does not exist"),
        (&["--write-baseline"], "--baseline"),
        (&["--stdin-filename", "x.txt", "-"], "extension"),
        (&["--jobs", "0"], "--jobs"),
        (&["--changed-since", "main"], "not a Git repository"),
        (&["--fail-on", "all"], "--fail-on"),
    ] {
        let ran = place.lint(args);
        assert!(ran.status == 2 && ran.err.contains(said) && ran.out.is_empty(), "{args:?}: {ran:?}");
    }
    assert_eq!(place.run(&["nonsense"]).status, 2);
    assert_eq!(place.run(&[]).status, 2);
}

// --- Output ------------------------------------------------------------------------------------

#[test]
fn reports_do_not_depend_on_the_number_of_jobs() {
    let place = Place::new(&[]);
    for number in 0..60 {
        place.write(format!("{}/f{number}.js", number % 7), [CLEAN, BROKEN, WARNED][number % 3]);
    }
    let runs: Vec<Value> = ["1", "2", "8"]
        .iter()
        .map(|jobs| {
            let mut report = place.json(&["--jobs", jobs]).0;
            report["summary"]["durationMs"] = Value::Null;
            report
        })
        .collect();
    assert!(runs.iter().all(|run| *run == runs[0]));
    let paths: Vec<&str> = files(&runs[0]).into_iter().map(|(path, _)| path).collect();
    assert!(paths.is_sorted() && paths.len() == 60);
    let pretty = |jobs| place.lint(&["--jobs", jobs]).out;
    assert_eq!(pretty("1"), pretty("8"));
}

#[test]
fn one_run_writes_several_formats() {
    let place = Place::new(&[("a.js", BROKEN)]);
    let ran = place.lint(&["--output", "concise", "--output", "json=r.json", "--output", "sarif=r.sarif", "--output", "junit=r.xml"]);
    assert_eq!((ran.status, ran.out.lines().count()), (1, 1));
    let json: Value = serde_json::from_str(&place.read("r.json")).unwrap();
    let sarif: Value = serde_json::from_str(&place.read("r.sarif")).unwrap();
    assert_eq!(rules(&json), ["syntax-error"]);
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "syntax-error");
    assert!(place.read("r.xml").starts_with("<?xml"));
    let left: Vec<_> = std::fs::read_dir(place.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "{left:?}");
    // A file that cannot be written is a failure, whatever was found.
    assert_eq!(place.lint(&["--output", "json=no/folder/r.json"]).status, 3);
}

#[test]
fn machine_formats_print_nothing_but_themselves() {
    let place = Place::new(&[("a.js", CLEAN), ("b.js", "\0\u{fffd}")]);
    place.write("c.js", b"\xff");
    for format in ["json", "sarif"] {
        let ran = place.lint(&["--output", format, "--timings"]);
        assert!(serde_json::from_str::<Value>(&ran.out).is_ok() && ran.out.lines().count() == 1, "{ran:?}");
        assert!(ran.err.contains("c.js: not checked: it is not UTF-8") && ran.err.contains("whole run"), "{ran:?}");
    }
}

#[test]
fn the_json_report_is_version_1() {
    let place = Place::new(&[("leave.js", "function execute(input) {\n  return \"😀é\" +;\n}\n"), ("ok.js", CLEAN)]);
    let (mut report, _) = place.json(&[]);
    let ruleset = report["tool"]["ruleset"].take();
    assert!(ruleset.as_str().unwrap().starts_with("sha256:"));
    report["summary"]["durationMs"] = Value::Null;
    for (file, key) in [(0, "sha256"), (1, "sha256")] {
        assert_eq!(report["files"][file][key].take().as_str().unwrap().len(), 64);
    }
    assert_eq!(report["files"][0]["findings"][0]["fingerprint"].take().as_str().unwrap().len(), 64);
    let message = report["files"][0]["findings"][0]["message"].take();
    assert!(message.as_str().unwrap().starts_with("this cannot be parsed: "));
    let expected = serde_json::json!({
        "version": 1,
        "tool": {"name": "fnvet", "version": env!("CARGO_PKG_VERSION"), "ruleset": null},
        "files": [
            {"path": "leave.js", "sha256": null, "entry": null, "parse": "failed", "findings": [{
                "rule": "syntax-error", "checklist": "file", "level": "error", "confidence": "high", "message": null,
                "help": "correct the syntax; nothing else was checked in this file", "cwe": [], "fingerprint": null, "suppressed": null,
                "location": {"startLine": 2, "startColumn": 17, "endLine": 2, "endColumn": 18, "startByte": 45, "endByte": 46},
                "related": []
            }]},
            {"path": "ok.js", "sha256": null, "entry": "execute", "parse": "ok", "findings": []}
        ],
        "summary": {"files": 2, "errors": 1, "warnings": 0, "notes": 0, "suppressed": 0, "durationMs": null}
    });
    assert_eq!(report, expected);
}

#[test]
fn a_reader_that_goes_away_is_no_failure_and_a_full_disk_is() {
    let place = Place::new(&[("a.js", CLEAN)]);
    let mut child = place.command(&["rules"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    if let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
        let output = place.command(&["lint"]).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
    }
}

#[test]
fn colour_follows_the_environment() {
    let place = Place::new(&[("a.js", BROKEN)]);
    let with = |key: &str| String::from_utf8(place.command(&["lint"]).env(key, "1").output().unwrap().stdout).unwrap();
    assert!(!place.lint(&[]).out.contains('\u{1b}'));
    assert!(with("CLICOLOR_FORCE").contains("\u{1b}["));
    assert!(!with("NO_COLOR").contains('\u{1b}'));
}

#[test]
fn standard_input_has_a_name() {
    use std::io::Write;
    let place = Place::new(&[]);
    let run = |args: &[&str], text: &str| {
        let mut child = place.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        Ran::from(child.wait_with_output().unwrap())
    };
    let ran = run(&["lint", "-", "--output", "concise"], BROKEN);
    assert!(ran.status == 1 && ran.out.starts_with("stdin.js:3:"), "{ran:?}");
    let ran = run(&["lint", "-", "--stdin-filename", "sub/x.ts", "--output", "concise"], "let x: number = ;");
    assert!(ran.out.starts_with("sub/x.ts:1:"), "{ran:?}");
    assert_eq!(run(&["lint", "-"], CLEAN).status, 0);
}

// --- Selection ---------------------------------------------------------------------------------

#[test]
fn the_nearest_configuration_holds_up_to_the_git_root() {
    let raise = "[rules]\nsuppression-without-reason = \"error\"\n";
    let place = Place::new(&[("fnvet.toml", raise), ("repo/.git/HEAD", ""), ("repo/a.js", WARNED), ("repo/sub/b.js", WARNED)]);
    assert_eq!(place.lint(&["repo"]).status, 0, "no further up than the Git root");
    place.write("repo/fnvet.toml", raise);
    assert_eq!(place.lint(&["repo/sub"]).status, 1);
    place.write("repo/sub/fnvet.toml", "[rules]\nsuppression-without-reason = \"off\"\n");
    assert_eq!(place.json(&["repo/sub"]).0["summary"]["warnings"], 0);
    assert_eq!(place.lint(&["repo/sub", "--config", "fnvet.toml"]).status, 1);
    assert_eq!(place.lint(&["repo/sub", "--rule", "suppression-without-reason=error"]).status, 1);
}

#[cfg(unix)]
#[test]
fn a_configuration_that_anybody_may_write_does_not_count() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new(&[("fnvet.toml", "[rules]\nsuppression-without-reason = \"error\"\n"), ("a.js", WARNED)]);
    assert_eq!(place.lint(&[]).status, 1);
    std::fs::set_permissions(place.path("fnvet.toml"), std::fs::Permissions::from_mode(0o666)).unwrap();
    let ran = place.lint(&[]);
    assert!(ran.status == 0 && ran.err.contains("writable for everybody"), "{ran:?}");
}

#[test]
fn a_schema_that_cannot_be_used_is_a_failure() {
    let place = Place::new(&[("a.js", CLEAN), ("a.schema.json", "{\"type\":")]);
    let (report, status) = place.json(&[]);
    assert_eq!(status, 3);
    assert!(report["files"][0]["reason"].as_str().unwrap().contains("schema"));
    place.write("a.schema.json", "{\"type\": \"object\"}");
    assert_eq!(place.lint(&[]).status, 0);
}

#[test]
fn suppressions_count_only_with_a_reason() {
    let text = "// fnvet-disable-next-line missing-entry -- a library\nconst a = 1;\n";
    let place = Place::new(&[("a.js", text)]);
    let (report, _) = place.json(&[]);
    assert_eq!(rules(&report), ["missing-entry", "unused-suppression"], "the file as a whole is on its first line");
    place.write("a.js", "/* fnvet-disable missing-entry -- a library */\nconst a = 1;\n");
    let (report, _) = place.json(&[]);
    assert_eq!(report["summary"]["suppressed"], 1);
    assert_eq!(report["files"][0]["findings"][0]["suppressed"], serde_json::json!({"kind": "inSource", "justification": "a library"}));
    let sarif: Value = serde_json::from_str(&place.lint(&["--output", "sarif"]).out).unwrap();
    assert_eq!(sarif["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn a_baseline_silences_what_it_knows_and_nothing_more() {
    let place = Place::new(&[("a.js", BROKEN)]);
    assert_eq!(place.lint(&["--baseline", "base.json", "--write-baseline"]).status, 0);
    assert!(!place.read("base.json").contains(place.path("").to_str().unwrap()));
    assert_eq!(place.lint(&["--baseline", "base.json"]).status, 0);
    let (report, _) = place.json(&["--baseline", "base.json"]);
    assert_eq!(report["files"][0]["findings"][0]["suppressed"]["kind"], "external");
    // Lines above, and another name, do not matter; a second copy does.
    place.write("a.js", format!("\n\n{BROKEN}"));
    assert_eq!(place.lint(&["--baseline", "base.json"]).status, 0);
    place.write("b.js", BROKEN);
    assert_eq!(place.lint(&["--baseline", "base.json"]).status, 1);
    place.write("base.json", "{}");
    assert_eq!(place.lint(&["--baseline", "base.json"]).status, 2);
}

#[test]
fn changed_since_selects_functions_by_everything_that_belongs_to_them() {
    let place = Place::new(&[("a.js", BROKEN), ("b.js", BROKEN), ("sub/c.js", BROKEN), ("sub/c.schema.json", "{}")]);
    place.git(&["init", "-q"]);
    place.git(&["add", "-A"]);
    place.git(&["commit", "-qm", "one"]);
    let changed = |reference: &str| {
        let ran = place.lint(&["--output", "concise", "--changed-since", reference]);
        let paths: Vec<String> = ran.out.lines().map(|line| line.split(':').next().unwrap().to_owned()).collect();
        (paths, ran.status)
    };
    assert_eq!(changed("HEAD"), (vec![], 0));
    place.write("b.js", format!("{BROKEN}\n"));
    place.write("sub/c.schema.json", "{ }");
    place.write("new\n.js", BROKEN);
    assert_eq!(changed("HEAD"), (["b.js", "new\\u{a}.js", "sub/c.js"].map(String::from).to_vec(), 1));
    place.git(&["checkout", "-qb", "topic"]);
    place.git(&["add", "-A"]);
    place.git(&["commit", "-qm", "two"]);
    assert_eq!(changed("main").0.len(), 3);
    assert_eq!(changed("HEAD"), (vec![], 0));
    place.write("sub/fnvet.toml", "");
    assert_eq!(changed("HEAD").0.len(), 4);
    for wrong in ["nowhere", "--output=x", "HEAD:a.js", ""] {
        let ran = place.lint(&[&format!("--changed-since={wrong}")]);
        assert_eq!(ran.status, 2, "{wrong}: {ran:?}");
    }
}

// --- Other commands ----------------------------------------------------------------------------

#[test]
fn rules_are_listed_and_explained() {
    let place = Place::new(&[]);
    let ran = place.run(&["rules", "--output", "json"]);
    let table: Value = serde_json::from_str(&ran.out).unwrap();
    let ids: Vec<&str> = table["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"no-eval") && ids.is_sorted());
    assert_eq!(place.run(&["rules"]).out.lines().count(), ids.len());
    for id in ids {
        let ran = place.run(&["explain", id]);
        assert!(ran.status == 0 && ran.out.starts_with(id), "{ran:?}");
    }
    let ran = place.run(&["explain", "no-evall"]);
    assert!(ran.status == 2 && ran.err.contains("did you mean `no-eval`?"), "{ran:?}");
}

#[test]
fn help_version_completions_and_the_schema_of_the_configuration() {
    let place = Place::new(&[]);
    assert!(place.run(&["--help"]).out.contains("Exit status"));
    assert!(place.run(&["--version"]).out.contains(env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(place.run(&["completions", shell]).out.contains("fnvet"), "{shell}");
    }
    let schema: Value = serde_json::from_str(&place.run(&["config-schema"]).out).unwrap();
    assert!(schema["properties"]["enforce-schema"].is_object());
}
