//! Lowering read as listings, and what must hold for any source.

use crate::semantic::dump::dump_bare;
use crate::semantic::ir::Ir;
use crate::semantic::verify::verify;
use crate::source::SourceFile;
use crate::syntax::parse;

mod classes;
mod conditions;
mod exits;
mod expressions;
mod functions;
mod modules;
mod patterns;
mod ranges;
mod robustness;
mod statements;
mod typescript;

/// The graph of a source, if it keeps its promises.
fn checked(path: &str, text: &str) -> Result<Ir, String> {
    let source = SourceFile::new(path, text);
    let parsed = parse(&source).map_err(|error| error.to_string())?;
    let ir = super::lower(&parsed, &source);
    verify(&ir).map_err(|problem| format!("{problem}\n{}", dump_bare(&ir)))?;
    Ok(ir)
}

/// The checked graph of a source.
fn lowered(path: &str, text: &str) -> Ir {
    checked(path, text).unwrap_or_else(|problem| panic!("{problem}\n{text}"))
}

/// The lines of `text` without their common indentation.
fn dedented(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let margin = lines.iter().filter(|line| !line.is_empty()).map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let lines: Vec<&str> = lines.iter().map(|line| line.get(margin..).unwrap_or_default()).collect();
    lines.join("\n").trim().to_owned()
}

#[track_caller]
fn assert_listing(path: &str, text: &str, expected: &str) {
    let listing = dump_bare(&lowered(path, text));
    assert_eq!(dedented(&listing), dedented(expected), "{text}\n{listing}");
}

/// Compares the listing of a script.
#[track_caller]
fn assert_script(text: &str, expected: &str) {
    assert_listing("a.js", text, expected);
}

/// Compares the listing of a module.
#[track_caller]
fn assert_module(text: &str, expected: &str) {
    assert_listing("a.mjs", text, expected);
}

/// Compares the listing of a TypeScript file.
#[track_caller]
fn assert_ts(text: &str, expected: &str) {
    assert_listing("a.ts", text, expected);
}

/// Compares the listing of statements in a function: its blocks, or all functions where it holds more.
#[track_caller]
fn assert_body(statements: &str, expected: &str) {
    let text = format!("function outer() {{ {statements} }}");
    let listing = dump_bare(&lowered("a.js", &text));
    let functions: Vec<&str> = listing.split("\n\n").skip(1).filter(|function| !function.trim().is_empty()).collect();
    let found = match functions.as_slice() {
        [only] => only.split_once('\n').map_or("", |(_, blocks)| blocks).to_owned(),
        several => several.join("\n\n"),
    };
    assert_eq!(dedented(&found), dedented(expected), "{statements}\n{listing}");
}
