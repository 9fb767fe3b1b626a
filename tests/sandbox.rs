//! The scorecard of the sandbox: each row a test.

use std::path::PathBuf;

use fnvet::program::Executable;
use fnvet::sandbox::{CallContext, Execution, IsolationOptions, Limits, Outcome, run_script, run_unreviewed};
use fnvet::semantic::entry::find_entry;
use fnvet::source::SourceFile;
use fnvet::syntax::parse;
use serde_json::{Value, json};

fn options() -> IsolationOptions {
    IsolationOptions { worker: Some(PathBuf::from(env!("CARGO_BIN_EXE_fnvet"))), ..IsolationOptions::default() }
}

fn call_file(path: &str, text: &str, input: Value) -> Execution {
    let source = SourceFile::new(path, text);
    let parsed = parse(&source).unwrap_or_else(|error| panic!("{error}: {text}"));
    let entry = find_entry(&parsed, "execute").unwrap_or_else(|| panic!("no entry: {text}"));
    let program = Executable::new(&source, &parsed, &entry);
    run_unreviewed(&program, None, &input, &CallContext::default(), &Limits::default(), &options())
}

fn script(text: &str) -> Execution {
    run_script(text, &CallContext::default(), &Limits::default(), &options())
}

#[test]
fn a_function_of_every_form_returns_its_result() {
    for (path, text) in [
        ("a.js", "function execute(input) { return input.n + 1 }"),
        ("a.js", "const execute = async (input) => input.n + 1"),
        ("a.js", "export function execute(input) { return input.n + 1 }"),
        ("a.mjs", "const execute = (input) => input.n + 1"),
        ("a.js", "function run(input) { return input.n + 1 }\nexport { run as execute }"),
        ("a.js", "export default (input) => input.n + 1"),
        ("a.js", "export default { one: 1, execute(input) { return input.n + this.one } }"),
        ("a.js", "module.exports = (input) => input.n + 1"),
        ("a.js", "module.exports = { execute: (input) => input.n + 1 }"),
        ("a.js", "exports.execute = (input) => input.n + 1"),
        ("a.ts", "export function execute(input: { n: number }): number { return input.n + 1 }"),
        ("a.ts", "enum Step { Zero, One }\nfunction execute(input: { n: number }) { return input.n + Step.One }"),
    ] {
        let execution = call_file(path, text, json!({"n": 1}));
        assert_eq!(execution.outcome, Outcome::Returned(json!(2)), "{text}: {execution:?}");
    }
}

#[test]
fn the_classes() {
    for text in
        ["1+1", "while(true){}", "throw new Error('x')", "null.x", "let a=[]; for(;;) a.push(a.length+0.5)", "function f(){f()} f()"]
    {
        eprintln!("{text}: {:?}", script(text));
    }
}
