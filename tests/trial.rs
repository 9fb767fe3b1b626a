//! The trial: what it catches, what it lets pass, and the input it shows.

use std::path::PathBuf;
use std::sync::Arc;

use fnvet::config::{Config, Settings};
use fnvet::finding::Level;
use fnvet::lint::{Job, lint_one};
use fnvet::report::{Cleared, FileReport, Refusal, WaiverRequest};
use fnvet::rules::NOT_WAIVABLE;
use fnvet::sandbox::IsolationOptions;
use fnvet::source::collect::collect;
use fnvet::trial::{Cases, Kind, TrialFinding, TrialReport, Verdict, attempt};
use serde_json::{Value, json};

/// What ends soon in a build that is not optimised, too.
const QUICK: &str = "statements = 100000\nwall_clock_ms = 2000\ninput_bytes = 20000\n";

fn options() -> IsolationOptions {
    IsolationOptions { worker: Some(PathBuf::from(env!("CARGO_BIN_EXE_fnvet"))), ..IsolationOptions::default() }
}

/// Clears a function whatever lint says that can be waived: the trial must catch things by itself.
fn cleared(report: &FileReport) -> Cleared {
    let blocking: Vec<_> = report.findings().iter().filter(|found| found.finding.level == Level::Error).collect();
    assert!(blocking.iter().all(|found| !NOT_WAIVABLE.contains(&found.finding.rule)), "{blocking:?}");
    let waivers: Vec<WaiverRequest> =
        blocking.iter().map(|found| WaiverRequest { selector: found.fingerprint.clone(), reason: "the trial is tested".into() }).collect();
    match report.clear(&waivers) {
        Ok(cleared) => cleared,
        Err(Refusal::Blocking(findings)) => panic!("{findings:?}"),
        Err(other) => panic!("{other}"),
    }
}

struct Function<'a> {
    source: &'a str,
    schema: Option<Value>,
    cases: Value,
    limits: &'a str,
}

impl<'a> Function<'a> {
    fn new(source: &'a str) -> Self {
        Function { source, schema: None, cases: json!([]), limits: QUICK }
    }

    fn schema(self, schema: Value) -> Self {
        Function { schema: Some(schema), ..self }
    }

    fn cases(self, cases: Value) -> Self {
        Function { cases, ..self }
    }

    fn tried(&self) -> TrialReport {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f.js"), self.source).unwrap();
        if let Some(schema) = &self.schema {
            std::fs::write(folder.path().join("f.schema.json"), schema.to_string()).unwrap();
        }
        let config = Config::parse(&format!("[limits]\n{}", self.limits), "fnvet.toml").unwrap();
        let settings = Settings::for_gate(Some(&config), None, None);
        let target = collect(&["f.js".into()], None, folder.path()).targets.remove(0);
        let report = lint_one(Job { target, settings: Arc::new(settings) }).unwrap();
        let cases = Cases::parse(self.cases.to_string().as_bytes()).unwrap();
        match attempt(cleared(&report), &cases, &options()).unwrap() {
            Verdict::Passed(passed) => passed.report().clone(),
            Verdict::Failed(report) => report,
        }
    }

    /// The one finding of a kind.
    fn finding(&self, kind: Kind) -> TrialFinding {
        let report = self.tried();
        let found = report.findings.iter().find(|finding| finding.kind == kind);
        found.unwrap_or_else(|| panic!("no {kind:?}: {report:#?}")).clone()
    }
}

#[test]
fn a_function_that_does_what_it_says_passes_without_a_word() {
    let report = Function::new(
        "function execute(input) {
           if (typeof input.name !== 'string' || input.name.length > 50) throw new Error('name must be a text of at most 50 characters');
           return { greeting: `Hello ${input.name}` };
         }",
    )
    .cases(json!([
        {"name": "Ann", "input": {"name": "Ann"}, "expect": {"greeting": "Hello Ann"}},
        {"name": "nobody", "input": {}, "expectError": "name must be a text"}
    ]))
    .tried();
    assert_eq!(report.findings, []);
    assert!(report.is_passed() && report.cases == 2 && report.inputs > 10 && report.isolation == "full", "{report:?}");
}

#[test]
fn cases_that_come_out_otherwise_fail() {
    let function = Function::new("function execute(input) { if (input.n < 0) throw new Error('negative'); return { n: input.n + 1 }; }");
    let schema = json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "maximum": 9}}});
    let function = function.schema(schema).cases(json!([
        {"name": "wrong", "input": {"n": 1}, "expect": {"n": 3}},
        {"name": "right as a number", "input": {"n": 1}, "expect": {"n": 2.0}},
        {"name": "fails", "input": {"n": -1}, "expect": {"n": 0}},
        {"name": "does not fail", "input": {"n": 1}, "expectError": "negative"},
        {"name": "fails otherwise", "input": {"n": -1}, "expectError": "positive"},
        {"name": "refused by the schema", "input": {"n": "x"}, "expectError": "not of type"}
    ]));
    let report = function.tried();
    let failed: Vec<(Kind, &str)> = report.findings.iter().filter_map(|finding| Some((finding.kind, finding.case.as_deref()?))).collect();
    let expected = [
        (Kind::WrongResult, "wrong"),
        (Kind::WrongResult, "fails otherwise"),
        (Kind::MissingResult, "fails"),
        (Kind::MissingResult, "does not fail"),
    ];
    assert_eq!(failed, expected, "{report:#?}");
    assert!(report.findings[0].message.contains("result.n is 2, expected 3"), "{report:#?}");
    assert!(!report.is_passed());
}

#[test]
fn what_is_said_of_a_result_is_bounded() {
    let source = "function execute(input) { const key = 'k'.repeat(9000); return { [key]: NaN, a: { [key]: 1 } }; }";
    let report = Function::new(source).cases(json!([{"name": "a", "input": {}, "expect": {"a": {}}}])).tried();
    assert!(report.findings.len() >= 2 && report.findings.iter().all(|finding| finding.message.chars().count() <= 801), "{report:#?}");
    let long = json!([{"name": "n".repeat(201), "input": {}, "expect": 1}]).to_string();
    assert!(Cases::parse(long.as_bytes()).is_err_and(|reason| reason.contains("name of case 1")));
}

#[test]
fn limits_are_hit_and_the_smallest_input_is_shown() {
    let found = Function::new(
        "function execute(input) {
           if (typeof input.days !== 'number') throw new Error('days');
           let n = 0;
           for (let i = 0; i < input.days; i++) n += i;
           return { n };
         }",
    )
    .finding(Kind::Limit);
    assert_eq!(found.level, Level::Error);
    assert!(found.message.contains("statements") || found.message.contains("timed out"), "{found:?}");
    let input = found.input.unwrap();
    assert_eq!(input.as_object().unwrap().len(), 1, "{input}");
    assert!(input["days"].as_f64().unwrap() >= 1e8, "{input}");

    let dates = "function execute(input) {
           const end = new Date(input.endDate), day = new Date(input.startDate);
           if (Number.isNaN(+end) || Number.isNaN(+day)) throw new Error('dates');
           let n = 0;
           while (day <= end) { n++; day.setDate(day.getDate() + 1); }
           return { n, note: input.note };
         }";
    let cases = json!([{"name": "week", "input": {"startDate": "2025-03-10", "endDate": "2025-03-14", "note": "x"}, "expect": {"n": 5, "note": "x"}}]);
    let found = Function::new(dates).cases(cases).finding(Kind::Limit);
    assert!(found.input.unwrap().get("note").is_none());

    for (source, what) in [
        ("function execute(input) { const a = []; for (;;) a.push(input, [a.length]); }", "heap"),
        ("function execute(input) { return 'x'.repeat(2_000_000); }", "output"),
        ("function execute(input) { const f = (n) => f(n + 1) + 1; return f(0); }", "call-depth"),
        ("function execute(input) { return /^(a+)+$/.test('a'.repeat(40) + '!'); }", "wall-clock"),
    ] {
        let limits = "statements = 1000000000\nwall_clock_ms = 1000\nheap_bytes = 8000000\n";
        let report = Function { limits, ..Function::new(source) }.tried();
        let found = report.findings.iter().find(|finding| finding.kind == Kind::Limit).unwrap_or_else(|| panic!("{source}: {report:#?}"));
        assert_eq!(found.level, Level::Error, "{source}: {what}");
        assert_eq!(found.input, Some(json!({})), "{source}");
    }
}

#[test]
fn checks_are_passed_where_no_case_shows_how() {
    let source = "function execute(input) {
        if (input.kind !== 'repeat-until') throw new Error('kind');
        if (!Array.isArray(input.days) || input.days.length < 1) throw new Error('days');
        if (typeof input.step !== 'number' || input.step === 0) throw new Error('step');
        let n = 0;
        for (let at = 0; at < 50; at += input.step > 7 ? 0 : input.step) n += input.days.length;
        return { n };
    }";
    let found = Function::new(source).finding(Kind::Limit);
    let input = found.input.unwrap();
    assert_eq!(input["kind"], json!("repeat-until"), "{input}");
    assert!(input["step"].as_f64().is_some_and(|step| !(0.0..=7.0).contains(&step)), "{input}");
}

#[test]
fn branches_that_only_a_word_of_the_source_enters_are_entered() {
    let source = "function execute(input) {
        if (typeof input.mode !== 'string' || typeof input.user.token !== 'string') throw new Error('input');
        switch (input.mode) {
            case 'short': return { length: input.user.token.length };
            case 'debug-dump': return { dump: input.user.token };
            default: return { ok: true };
        }
    }";
    let cases = json!([{"name": "short", "input": {"mode": "short", "user": {"token": "0123456789abcdef"}}, "expect": {"length": 16}}]);
    let found = Function::new(source).cases(cases).finding(Kind::Leak);
    assert_eq!(found.input.unwrap()["mode"], json!("debug-dump"));
}

#[test]
fn a_limit_that_a_warning_explains_is_a_warning() {
    let source = "function execute(input) {
        if (typeof input.text !== 'string') throw new Error('text must be a text');
        let sum = 0;
        for (const c of input.text) sum += c.charCodeAt(0);
        return { sum };
    }";
    let function = Function::new(source).cases(json!([{"name": "a", "input": {"text": "a"}, "expect": {"sum": 97}}]));
    let found = function.finding(Kind::Limit);
    assert_eq!(found.level, Level::Warning, "{found:?}");
    assert!(found.message.contains("the warning at line 4"), "{found:?}");
    assert!(function.tried().is_passed());
}

#[test]
fn canaries_are_found_however_they_come_out() {
    let returns = |expression: &str| {
        format!(
            "function execute(input) {{
               const secret = input.user && input.user.password;
               if (typeof secret !== 'string' || secret.length < 4 || secret.length > 200) throw new Error('who?');
               const codes = Array.from(secret, (c) => c.charCodeAt(0));
               {expression}
             }}"
        )
    };
    for expression in [
        "return { secret };",
        "return { text: `your password is ${secret}` };",
        "return { [secret]: true };",
        "return { a: secret.split('').reverse().join('') };",
        "return { a: secret.toUpperCase() };",
        "return { a: secret.split('').join('.') };",
        "return codes;",
        "return { a: codes.map((c) => c.toString(16)).join('') };",
        "return { a: codes.map((c) => '%' + c.toString(16)).join('') };",
        "return { head: secret.slice(0, 10), tail: secret.slice(10) };",
        "return { a: secret.slice(2, 14) };",
        "const abc = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
         let bits = codes.map((c) => c.toString(2).padStart(8, '0')).join('');
         return { a: (bits.match(/.{6}/g) || []).map((six) => abc[parseInt(six, 2)]).join('') };",
        "console.log('login', secret); return { ok: true };",
        "throw new Error('no such user: ' + secret);",
    ] {
        let source = returns(expression);
        let report = Function { limits: QUICK, ..Function::new(&source) }.tried();
        let found = report.findings.into_iter().find(|finding| finding.kind == Kind::Leak).unwrap_or_else(|| panic!("{expression}"));
        assert_eq!(found.level, Level::Error, "{expression}");
        assert!(found.message.contains("input.user.password comes out in"), "{expression}: {found:?}");
        let input = found.input.unwrap();
        assert!(input["user"]["password"].is_string() && input.as_object().unwrap().len() == 1, "{expression}: {input}");
    }
    for expression in [
        "return { ok: secret.length > 8 };",
        "return { masked: '****' + secret.slice(-4) };",
        "return { strength: new Set(secret).size, length: secret.length };",
    ] {
        let source = returns(expression);
        let report = Function { limits: QUICK, ..Function::new(&source) }.tried();
        assert!(report.is_passed(), "{expression}: {report:#?}");
    }
}

#[test]
fn the_environment_and_numbers_hold_canaries_too() {
    let found = Function::new("function execute(input) { return { url: 'https://example.com/?k=' + __env.API_KEY }; }").finding(Kind::Leak);
    assert!(found.message.starts_with("__env.API_KEY comes out in the result"), "{found:?}");
    let found = Function::new("function execute(input) { return { ...__env, n: 1 }; }").finding(Kind::Leak);
    assert!(found.message.starts_with("__env."), "{found:?}");
    let rate = Function::new("function execute(input) { return { rate: Number(__env.VAT_RATE) }; }").tried();
    assert!(rate.is_passed(), "{rate:#?}");
    let schema = json!({"type": "object", "required": ["accountNumber"], "properties": {"accountNumber": {"type": "integer", "minimum": 1000000000}}});
    let found = Function::new("function execute(input) { return { to: input.accountNumber }; }").schema(schema).finding(Kind::Leak);
    assert!(found.message.starts_with("input.accountNumber comes out"), "{found:?}");
}

#[test]
fn values_of_a_sensitive_form_do_not_come_out() {
    for (literal, what) in [
        ("'4111 1111 1111 1111'", "card number"),
        ("'512-34-5678'", "social security number"),
        ("'AKIA' + 'Z7Q2M4X9K1P8R5T3'", "credential: AWS access key id"),
        (
            "['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiIxMjM0NTY3ODkwIn0', 'dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U'].join('.')",
            "credential: JSON Web Token",
        ),
    ] {
        let source = format!("function execute(input) {{ return {{ a: [{literal}] }}; }}");
        let found = Function::new(&source).finding(Kind::SensitiveOutput);
        assert_eq!((found.level, found.message.contains(what)), (Level::Error, true), "{found:?}");
    }
}

#[test]
fn results_that_are_none_fail() {
    for (source, kind) in [
        ("function execute(input) { const a = {}; a.a = a; return a; }", Kind::Unserializable),
        ("function execute(input) { return 10n; }", Kind::Unserializable),
        ("async function execute(input) { await new Promise(() => {}); return 1; }", Kind::Unsettled),
    ] {
        let found = Function::new(source).finding(kind);
        assert_eq!((found.level, found.input), (Level::Error, Some(json!({}))), "{source}");
    }
    let remote = json!({"type": "object", "properties": {"a": {"$ref": "https://example.com/x"}}});
    let found = Function::new("function execute(input) { return 1; }").schema(remote).finding(Kind::UnusableSchema);
    assert_eq!(found.level, Level::Error);
}

#[test]
fn what_is_merely_careless_is_a_warning() {
    for (source, kind) in [
        ("function execute(input) { return { n: input.user.name.length }; }", Kind::EngineError),
        ("function execute(input) { return { n: Number(input.n) / 2 }; }", Kind::NotANumber),
        ("function execute(input) { return { text: `Hello ${input.name}` }; }", Kind::NotANumber),
        ("function execute(input) { return { n: Math.random() }; }", Kind::Differs),
        ("function execute(input) { return { got: input, a: typeof input.a, b: typeof input.b }; }", Kind::Echo),
        ("function execute(input) { return 1; }", Kind::NoCases),
    ] {
        let found = Function::new(source).finding(kind);
        assert_eq!(found.level, Level::Warning, "{source}: {found:?}");
    }
    let found = Function::new("function execute(input) { return { n: input.user.name.length }; }").finding(Kind::EngineError);
    assert_eq!(found.input, Some(json!({})), "{found:?}");
    assert!(found.message.contains("TypeError") && found.message.contains("line 1"), "{found:?}");
}

#[test]
fn what_the_schema_refuses_tests_only_the_refusal() {
    let schema = json!({"type": "object", "required": ["days"], "additionalProperties": false,
        "properties": {"days": {"type": "integer", "minimum": 0, "maximum": 366}}});
    let source = "function execute(input) { let n = 0; for (let i = 0; i < input.days; i++) n += i; return { n }; }";
    let report = Function::new(source).schema(schema).cases(json!([{"name": "two", "input": {"days": 3}, "expect": {"n": 3}}])).tried();
    assert_eq!(report.findings, []);
    assert!(report.rejected > 0 && report.returned >= 3, "{report:?}");
}

#[test]
fn a_function_that_its_schema_keeps_from_being_tried_fails() {
    let source = "function execute(input) { return { n: input.code.length }; }";
    let schema = json!({"type": "object", "required": ["code"], "properties": {"code": {"type": "string", "allOf": [{"pattern": "^a+$"}, {"pattern": "b"}]}}});
    let found = Function::new(source).schema(schema).finding(Kind::Untried);
    assert_eq!((found.level, found.input), (Level::Error, None));
    let schema = json!({"type": "object", "required": ["code"], "properties": {"code": {"type": "string", "allOf": [{"pattern": "^a+"}, {"pattern": "b$"}]}}});
    let cases = json!([{"name": "one", "input": {"code": "ab"}, "expect": {"n": 2}}]);
    assert!(Function::new(source).schema(schema).cases(cases).tried().is_passed());
}

#[test]
fn what_a_schema_asks_for_is_bounded() {
    let many: serde_json::Map<String, Value> = (0..12).map(|at| (format!("p{at}"), json!({"$ref": "#"}))).collect();
    let source = "function execute(input) { return { n: typeof input.a }; }";
    for schema in [json!({"type": "object", "properties": many}), json!({"allOf": vec![json!({"$ref": "#"}); 40]})] {
        assert!(Function::new(source).schema(schema).tried().is_passed());
    }
}

#[test]
fn what_is_sensitive_by_its_form_is_found_in_log_message_and_encodings_too() {
    for source in [
        "function execute(input) { console.log('paid with 4111 1111 1111 1111 12/27'); return 1; }",
        "function execute(input) { throw new Error('no such person: 512-34-5678'); }",
        "function execute(input) { return { data: 'NDExMSAxMTExIDExMTEgMTExMQ==' }; }",
        "function execute(input) { return { data: '3531322d33342d35363738' }; }",
    ] {
        let found = Function::new(source).finding(Kind::SensitiveOutput);
        assert_eq!(found.level, Level::Error, "{source}");
    }
}

#[test]
fn a_trial_ends_soon_even_where_every_input_is_slow() {
    let started = std::time::Instant::now();
    let source = "function execute(input) { for (;;) { input.a.b.c.d; input.e; input.f; } }";
    let limits = "statements = 1000000000000\nwall_clock_ms = 1000\n";
    let schema = json!({"type": "object", "properties": {"a": {"type": "object", "default": {"b": {"c": {}}}, "properties": {"b": {"type": "object"}}}}});
    let report = Function { limits, ..Function::new(source) }.schema(schema).tried();
    assert!(!report.is_passed());
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}
