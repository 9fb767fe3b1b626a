//! One program, not two readings of it: what the engine runs is printed from the tree that the
//! linter analysed. Odd programs show that the printed text means to the engine what the author's
//! means, or is refused; never that it means something else. `FNVET_FULL=1` makes far more programs,
//! `FNVET_SEED=7` makes others.
#![allow(clippy::print_stderr, reason = "tests say what they found")]

use std::panic::catch_unwind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use fnvet::program::{Executable, printed};
use fnvet::sandbox::{CallContext, Execution, IsolationOptions, Limits, Outcome, run_script, run_unreviewed};
use fnvet::semantic::entry::find_entry;
use fnvet::semantic::unsupported::unsupported;
use fnvet::source::{Goal, SourceFile};
use fnvet::syntax::{PrecheckLimits, parse, precheck};
use rayon::prelude::*;
use serde_json::{Value, json};

mod grammar;

use grammar::{Chance, Twins};

fn options() -> IsolationOptions {
    let worker = Some(PathBuf::from(env!("CARGO_BIN_EXE_fnvet")));
    IsolationOptions { worker, spare_workers: 2, ..IsolationOptions::default() }
}

/// The programs of `fixtures/parity.txt`: one a line, `⏎` for a line feed, `⟨2028⟩` for U+2028.
fn odd_programs() -> Vec<String> {
    include_str!("../fixtures/parity.txt").lines().map(decoded).collect()
}

fn decoded(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('⟨') {
        let (code, after) = after.split_once('⟩').expect("a closing bracket");
        text.push_str(before);
        text.push(u32::from_str_radix(code, 16).ok().and_then(char::from_u32).expect("a code point"));
        rest = after;
    }
    text.push_str(rest);
    text.replace('⏎', "\n")
}

/// What a script does, without what printing may change: positions, and the layout of a
/// function's own text.
fn behaviour(script: &str) -> String {
    let limits = Limits { statements_max: 100_000, ..Limits::default() };
    let context = CallContext { now: Some(jiff::Timestamp::UNIX_EPOCH), seed: Some(1), ..CallContext::default() };
    let execution = run_script(script, &context, &limits, &options());
    match &execution.outcome {
        Outcome::Returned(value) => {
            let text = value.to_string();
            let shows_code = ["=>", "function", "class"].iter().any(|word| text.contains(word));
            format!("returned {}", if shows_code { text.replace([' ', '(', ')', ';'], "").replace("\\n", "") } else { text })
        }
        Outcome::Threw(thrown) if thrown.name == "SyntaxError" && execution.statements == Some(0) => "refused".into(),
        Outcome::Threw(thrown) => format!("threw {thrown}"),
        other => other.class(),
    }
}

enum Reading {
    /// The same as the author's text.
    Same,
    /// The check before the parsers, or the linter's parser, reports an error.
    Refused,
    /// The engine refuses one of the two texts, and reads the other. Neither does harm.
    ///
    /// It refuses the author's: the engine never meets that text, and what it runs instead is the tree that was
    /// analysed. Nearly all are of this kind, where the engine's parser is narrower than the standard: a line that ends
    /// after a field `async` of a class, a `;` on a line of its own before `while` or `else`.
    ///
    /// It refuses the printed one: nothing runs, and the author is told why. Known are a number's update with a type as
    /// the tag of a template, from which the parentheses go with the type, and a variable named `async` that is called or
    /// divided, where the engine expects a function or reads a pattern: no operator stands before it, so it cannot go on.
    Safe,
    /// Both run, and do different things.
    Different(String),
}

fn reading(text: &str) -> Reading {
    let source = SourceFile::new("a.js", text);
    if precheck(&source, &PrecheckLimits::FUNCTION).is_err() {
        return Reading::Refused;
    }
    let Ok(parsed) = parse(&source) else { return Reading::Refused };
    if parsed.goal == Goal::Module || !unsupported(&parsed).is_empty() {
        return Reading::Refused;
    }
    let once = printed(&source, &parsed);
    let again = SourceFile::new("a.cjs", once.clone());
    // What no longer parses is for the engine to refuse; what parses has to be the same tree.
    // The semicolon that may follow `do … while` is read as a statement of its own where it is missing.
    let told = |text: &str| text.lines().filter(|line| line.trim() != ";").map(|line| format!("{line}\n")).collect::<String>();
    if let Ok(twice) = parse(&again).map(|parsed| printed(&again, &parsed))
        && told(&twice) != told(&once)
    {
        return Reading::Different(format!("printing is not stable: {once:?} becomes {twice:?}"));
    }
    match (behaviour(text).as_str(), behaviour(&once).as_str()) {
        (author, ours) if author == ours => Reading::Same,
        ("refused", _) | (_, "refused") => Reading::Safe,
        (author, ours) => Reading::Different(format!("{author}, but printed as {once:?} {ours}")),
    }
}

/// The engine treats a method whose name is the string `"constructor"` as an ordinary one; printed
/// without quotes it is the constructor, which is what the standard says.
const ENGINE_IS_WRONG: &[&str] = &["class A { 'constructor'() { this.x = 1 } } new A().x"];

#[test]
fn odd_programs_mean_the_same_printed_or_are_refused() {
    let programs = odd_programs();
    let different: Vec<String> = programs
        .par_iter()
        .filter(|text| !ENGINE_IS_WRONG.contains(&text.as_str()))
        .filter_map(|text| match reading(text) {
            Reading::Different(how) => Some(format!("{text:?}: {how}")),
            _ => None,
        })
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(programs.len() > 600);
}

/// Splices parts of odd programs: whole ones, halves, single tokens in between.
fn spliced(programs: &[String], chance: &mut Chance) -> String {
    let tokens = [
        ";", "\n", " ", "", "/", "\n/", "++", "\n++\n", "=>", "\n(", "`", "//", "/*\n*/", "<!--", "-->", "\n-->", "\u{2028}", ",", "?.",
        "async ", "let\n", "yield ", "in ",
    ];
    let mut text = String::new();
    for _ in 0..2 + chance.below(2) {
        let part: Vec<char> = programs[chance.below(programs.len())].chars().collect();
        let (start, end) = match chance.below(8) {
            0 => (0, chance.below(part.len() + 1)),
            1 => (chance.below(part.len() + 1), part.len()),
            _ => (0, part.len()),
        };
        text.extend(&part[start..end]);
        let usual = chance.below(2) == 0;
        text.push_str(if usual { ["\n", ";", "\n;", ";\n"][chance.below(4)] } else { tokens[chance.below(tokens.len())] });
    }
    text
}

/// How programs were read.
#[derive(Default)]
struct Tally {
    same: AtomicU64,
    refused: AtomicU64,
    safe: AtomicU64,
}

impl Tally {
    /// What is wrong with the reading of `text`, if anything; else it is counted.
    fn count(&self, text: &str, reading: std::thread::Result<Reading>) -> Option<String> {
        let counter = match reading {
            Ok(Reading::Different(how)) => return Some(format!("{text:?}: {how}")),
            Ok(Reading::Same) => &self.same,
            Ok(Reading::Safe) => &self.safe,
            // A parser that panics has read nothing: that is a failure of the review, never a pass.
            Ok(Reading::Refused) | Err(_) => &self.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        None
    }
}

/// Reads programs made from seeds, `full` of them where `FNVET_FULL` is set; none may be read in two ways.
fn read_all(everyday: u64, full: u64, read: impl Fn(Chance, &Tally) -> Vec<String> + Sync) {
    let seed: u64 = std::env::var("FNVET_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let count = if std::env::var_os("FNVET_FULL").is_some() { full } else { everyday };
    let tally = Tally::default();
    let different: Vec<String> = (0..count)
        .into_par_iter()
        .flat_map_iter(|at| read(Chance::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ at.wrapping_mul(0x2545_f491_4f6c_dd1d)), &tally))
        .collect();
    let [same, refused, safe] = [&tally.same, &tally.refused, &tally.safe].map(|counter| counter.load(Ordering::Relaxed));
    eprintln!("read in one way: {same}, refused by the review: {refused}, by the engine: {safe}, in two ways: {}", different.len());
    assert!(different.is_empty(), "{}", different.join("\n"));
    // Programs that nobody reads show nothing.
    assert!(same > (same + refused + safe) / 10);
}

#[test]
fn spliced_programs_mean_the_same_printed_or_are_refused() {
    let programs: Vec<String> = odd_programs()
        .into_iter()
        .filter(|text| !ENGINE_IS_WRONG.contains(&text.as_str()) && !text.contains("toString().length"))
        .collect();
    read_all(600, 10_000, |mut chance, tally| {
        let text = spliced(&programs, &mut chance);
        tally.count(&text, catch_unwind(|| reading(&text))).into_iter().collect()
    });
}

/// Whether the TypeScript twin of a program does what the program does.
fn reading_of_types(js: &str, ts: &str) -> Reading {
    let source = SourceFile::new("a.ts", ts);
    if precheck(&source, &PrecheckLimits::FUNCTION).is_err() {
        return Reading::Refused;
    }
    let Ok(parsed) = parse(&source) else { return Reading::Refused };
    if parsed.goal == Goal::Module || !unsupported(&parsed).is_empty() {
        return Reading::Refused;
    }
    let erased = printed(&source, &parsed);
    match (behaviour(js).as_str(), behaviour(&erased).as_str()) {
        (plain, ours) if plain == ours => Reading::Same,
        ("refused", _) | (_, "refused") => Reading::Safe,
        (plain, ours) => Reading::Different(format!("{plain}, but with types erased as {erased:?} {ours}")),
    }
}

#[test]
fn generated_programs_mean_the_same_printed_and_with_their_types_erased() {
    read_all(250, 10_000, |chance, tally| {
        let Twins { js, ts } = grammar::program(chance);
        let plain = tally.count(&js, catch_unwind(|| reading(&js)));
        let typed = tally.count(&ts, catch_unwind(|| reading_of_types(&js, &ts)));
        plain.into_iter().chain(typed).collect()
    });
}

fn call(path: &str, text: &str) -> Execution {
    let source = SourceFile::new(path, text);
    let parsed = parse(&source).unwrap_or_else(|error| panic!("{error}: {text}"));
    let entry = find_entry(&parsed, "execute").unwrap_or_else(|| panic!("no entry: {text}"));
    let input = json!({"n": 2, "s": "x", "a": [1, 2]});
    run_unreviewed(&Executable::new(&source, &parsed, &entry), None, &input, &CallContext::default(), &Limits::default(), &options())
}

#[test]
fn typescript_runs() {
    for (text, result) in [
        ("enum E { A, B = 5, C } export function execute(input: any) { return [E.A, E.C, E[5]] }", json!([0, 6, "B"])),
        (
            "enum S { A = 'x', B = `y` } const enum K { Z = 1 << 3 } function execute(i: { s: string }) { return [S.B, K.Z, i.s === S.A] }",
            json!(["y", 8, true]),
        ),
        ("enum E { A = 'abc'.length, B = A + 1 } function execute() { return [E.A, E.B] }", json!([3, 4])),
        (
            "namespace N { export const x = 1; export function f() { return x + 1 } export namespace M { export const y = 3 } } function execute() { return [N.f(), N.M.y] }",
            json!([2, 3]),
        ),
        ("function F() { return 1 } namespace F { export const z = 2 } function execute() { return F() + F.z }", json!(3)),
        (
            "class P { constructor(public a: number, private b = 2, readonly c?: string) {} sum() { return this.a + this.b } } function execute(i: any) { return new P(i.n).sum() }",
            json!(4),
        ),
        (
            "class P { x = 1; constructor(public a: number) { this.x += this.a } } class Q extends P { constructor(readonly b: number) { super(b) } } export const execute = () => [new Q(3).x, new Q(4).b]",
            json!([4, 4]),
        ),
        (
            "abstract class A { abstract f(): number; g() { return this.f() } } class B extends A { f() { return 7 } } function execute() { return new B().g() }",
            json!(7),
        ),
        (
            "function execute(this: void, i: { n: number }): number; function execute(i: any) { return i!.n as number + <number>1 }",
            json!(3),
        ),
        (
            "const f = <T,>(x: T): T => x; interface Y { n: number } declare const zz: number; function execute(i: Y) { return f<number>(i.n) satisfies number }",
            json!(2),
        ),
        (
            "import type { Foo } from './foo'; import { Bar } from './bar'; export default function execute(i: Foo & Bar) { return 1 }",
            json!(1),
        ),
        ("class A { declare x: number; y!: number; static readonly z = 1; [k: string]: any } function execute() { return A.z }", json!(1)),
        (
            "function assertN(v: unknown): asserts v is number { if (typeof v !== 'number') throw new Error('no') } function execute(i: any) { assertN(i.n); return i.n }",
            json!(2),
        ),
        ("export async function execute(i: { n: number }): Promise<number> { return await Promise.resolve(i.n) }", json!(2)),
        ("const tuple = [1, 'a'] as const; function execute() { return [...tuple] }", json!([1, "a"])),
        (
            "const é = 'ü'; function execute() { return [é, /[😀-😎]/u.test('😃'), /^😀+$/.test('😀'), /(?<ñ>ü)/.exec(é)!.groups!.ñ, String.raw`é\\u00e9`.length] }",
            json!(["ü", true, true, "ü", 7]),
        ),
    ] {
        let execution = call("a.ts", text);
        assert_eq!(execution.outcome, Outcome::Returned(result), "{text}: {execution:?}");
    }
}

#[test]
fn a_property_that_is_deleted_is_gone() {
    for (deletion, left) in [
        ("delete user.password", "name"),
        ("delete (user.password)", "name"),
        ("delete user?.password", "name"),
        ("delete (user?.password)", "name"),
        ("delete ((user?.['password']))", "name"),
        ("delete (none?.password)", "name,password"),
        ("delete (user, none)?.password", "name,password"),
    ] {
        let text = format!(
            "function execute() {{ const none = null, user = {{ name: 'n', password: 'p' }}; {deletion}; return Object.keys(user).join() }}"
        );
        for path in ["a.js", "a.ts"] {
            assert_eq!(call(path, &text).outcome, Outcome::Returned(left.into()), "{path}: {deletion}");
        }
    }
}

#[test]
fn errors_are_at_the_authors_lines() {
    let line = |path: &str, text: &str| match &call(path, text).outcome {
        Outcome::Threw(thrown) => thrown.position.map(|at| at.line),
        other => panic!("{other:?}"),
    };
    assert_eq!(line("a.js", "// one\n\n\nfunction execute(input) {\n\n  throw new Error('six');\n}"), Some(6));
    assert_eq!(line("a.js", "const execute = (i) => [1]\n  .map((x) => x)\n  .map((x) => i.missing.deep);"), Some(3));
    assert_eq!(line("a.js", "async function execute(i) {\n  await 1;\n  const f = () => {\n    undefined.x;\n  };\n  f();\n}"), Some(4));
    assert_eq!(
        line(
            "a.ts",
            "enum E { A }\nnamespace N { export const q = 1 }\nclass P { constructor(public a: number) {} }\n\nexport function execute(i: any) {\n  return i.missing.deep;\n}"
        ),
        Some(6)
    );
    assert_eq!(
        line("a.js", "/* é😀 */ function execute(i) { /* ü */ return i.a; }\nfunction other() {}\nexecute;\nnull.missing;"),
        Some(4)
    );
}

#[test]
fn a_program_that_imports_does_not_run() {
    for text in [
        "import { foo } from './foo'; export default function execute(i: any) { return foo(1) }",
        "export * as ns from 'x'; export function execute() { return 1 }",
    ] {
        let execution = call("a.ts", text);
        assert!(matches!(execution.outcome, Outcome::Threw(_)), "{execution:?}");
    }
    assert_eq!(
        call("a.mjs", "export const execute = () => import('x').catch((e) => e.name)").outcome,
        Outcome::Returned(Value::from("TypeError"))
    );
}
