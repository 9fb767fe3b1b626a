use proptest::prelude::*;

use super::*;
use crate::syntax::parse;

fn check(path: &str, text: &str, nesting: u32) -> Result<Shape, PrecheckError> {
    precheck(&SourceFile::new(path, text), &PrecheckLimits { nesting, source_bytes: 1 << 26 })
}

fn depth(text: &str) -> u32 {
    check("a.js", text, 1_000).unwrap().depth
}

/// A construct that nests: it is repeated on the left and on the right of a core.
struct Construct {
    name: &'static str,
    path: &'static str,
    parts: [&'static str; 5],
}

const fn js(name: &'static str, parts: [&'static str; 5]) -> Construct {
    Construct { name, path: "a.js", parts }
}

const fn ts(name: &'static str, parts: [&'static str; 5]) -> Construct {
    Construct { name, path: "a.ts", parts }
}

impl Construct {
    fn text(&self, times: usize) -> String {
        let [before, left, core, right, after] = self.parts;
        [before, &left.repeat(times), core, &right.repeat(times), after].concat()
    }

    /// The most repetitions that pass with `nesting`.
    fn most(&self, nesting: u32) -> usize {
        let (mut passes, mut fails) = (1, nesting as usize * 9);
        while fails - passes > 1 {
            let middle = (passes + fails) / 2;
            if check(self.path, &self.text(middle), nesting).is_ok() { passes = middle } else { fails = middle }
        }
        passes
    }
}

/// Every way to nest that is known, with the text before, the part on the left, the core, the part
/// on the right, and the text after.
const CONSTRUCTS: &[Construct] = &[
    js("parentheses", ["x=", "(", "1", ")", ";"]),
    js("brackets", ["x=", "[", "1", "]", ";"]),
    js("objects", ["x=", "{a:", "1", "}", ";"]),
    js("blocks", ["", "{", ";", "}", ""]),
    js("calls", ["", "f(", "1", ")", ";"]),
    js("indices", ["", "a[", "1", "]", ";"]),
    js("optional calls", ["", "f?.(", "1", ")", ";"]),
    js("templates", ["x=", "`${", "1", "}`", ";"]),
    js("tagged templates", ["x=", "t`${", "1", "}`", ";"]),
    js("function expressions", ["x=", "function(){return ", "1", "}", ";"]),
    js("function declarations", ["", "function f(){", ";", "}", ""]),
    js("parameters", ["x=", "function(a=", "1", "){}", ";"]),
    js("arrow parameters", ["x=", "(a=", "1", ")=>1", ";"]),
    js("async arrow parameters", ["x=", "async(a=", "1", ")=>1", ";"]),
    js("arrow blocks", ["x=", "()=>{return ", "1", "}", ";"]),
    js("arrows", ["x=", "a=>", "1", "", ";"]),
    js("parenthesised arrows", ["x=", "(a)=>", "1", "", ";"]),
    js("async arrows", ["x=", "async a=>", "1", "", ";"]),
    js("classes", ["x=", "class{m(){return ", "1", "}}", ";"]),
    js("class fields", ["x=", "class{a=", "1", "}", ";"]),
    js("computed members", ["x=", "class{[", "1", "](){}}", ";"]),
    js("heritage", ["x=", "class extends ", "A", "{}", ";"]),
    js("heritage in parentheses", ["x=", "class extends(", "A", "){}", ";"]),
    js("static blocks", ["", "class A{static{", ";", "}}", ""]),
    js("object methods", ["x=", "{m(){return ", "1", "}}", ";"]),
    js("getters", ["x=", "{get a(){return ", "1", "}}", ";"]),
    js("computed keys", ["x=", "{[", "1", "]:1}", ";"]),
    js("spreads", ["x=", "[...", "a", "]", ";"]),
    js("not", ["x=", "!", "a", "", ";"]),
    js("not, spaced", ["x=", "! ", "a", "", ";"]),
    js("minus", ["x=", "- ", "a", "", ";"]),
    js("tilde", ["x=", "~", "a", "", ";"]),
    js("increments", ["x=", "++ ", "a", "", ";"]),
    js("typeof", ["x=", "typeof ", "a", "", ";"]),
    js("void", ["x=", "void ", "a", "", ";"]),
    js("delete", ["x=", "delete ", "a.b", "", ";"]),
    js("await", ["async function f(){x=", "await ", "a", "", ";}"]),
    js("await on lines", ["async function f(){x=", "await\n", "a", "", ";}"]),
    js("yield", ["function*f(){x=", "yield ", "a", "", ";}"]),
    js("new", ["x=", "new ", "a", "", ";"]),
    js("new with arguments", ["x=", "new ", "a", "()", ";"]),
    js("if", ["", "if(a)", ";", "", ""]),
    js("if on lines", ["", "if(a)\n", ";", "", ""]),
    js("if else", ["", "if(a)", ";", "else;", ""]),
    js("else if", ["", "if(a);else ", ";", "", ""]),
    js("else if with blocks", ["", "if(a){}else ", ";", "", ""]),
    js("else if on lines", ["", "if(a)\nb\nelse\n", ";", "", ""]),
    js("for", ["", "for(;;)", ";", "", ""]),
    js("for in", ["", "for(a in b)", ";", "", ""]),
    js("for of", ["", "for(a of b)", ";", "", ""]),
    js("while", ["", "while(a)", ";", "", ""]),
    js("do", ["", "do ", ";", "while(a);", ""]),
    js("do on lines", ["", "do\n", "a\n", "while(b)\n", ""]),
    js("with", ["", "with(a)", ";", "", ""]),
    js("labels", ["", "a:", ";", "", ""]),
    js("labelled blocks", ["", "a:{", ";", "}", ""]),
    js("switch", ["", "switch(a){default:", ";", "}", ""]),
    js("try", ["", "try{", ";", "}catch{}", ""]),
    js("catch", ["", "try{}catch{", ";", "}", ""]),
    js("conditionals", ["x=", "a?b:", "c", "", ";"]),
    js("conditionals inside", ["x=", "a?", "b", ":c", ";"]),
    js("conditionals with objects", ["x=", "a?{}:", "c", "", ";"]),
    js("conditionals with arrows", ["x=", "a?(b)=>", "b", ":c", ";"]),
    js("conditionals with parentheses", ["x=", "a?(b):", "c", "", ";"]),
    js("exponents", ["x=", "a**", "b", "", ";"]),
    js("assignments", ["x=", "a=", "b", "", ";"]),
    js("compound assignments", ["x=", "a+=", "b", "", ";"]),
    js("logical assignments", ["x=", "a??=", "b", "", ";"]),
    js("object patterns", ["({b:", "{a:", "a", "}", "}=1);"]),
    js("object pattern assignments", ["", "({a:", "a", "}=1)", ";"]),
    js("array patterns", ["[", "[", "a", "]", "]=1;"]),
    js("declared patterns", ["let ", "{a:", "a", "}", "=1;"]),
    js("pattern defaults", ["let ", "{a=", "1", "}=1", ";"]),
    js("plus", ["x=", "a+", "b", "", ";"]),
    js("plus on lines", ["x=", "a\n+", "b", "", ";"]),
    js("and", ["x=", "a&&", "b", "", ";"]),
    js("coalesce", ["x=", "a??", "b", "", ";"]),
    js("in", ["x=", "a in ", "b", "", ";"]),
    js("comparisons", ["x=", "a<", "b", "", ";"]),
    js("members", ["x=a", ".b", "", "", ";"]),
    js("optional members", ["x=a", "?.b", "", "", ";"]),
    js("call chains", ["x=a", "()", "", "", ";"]),
    js("method chains", ["x=a", "\n.b()", "", "", ";"]),
    js("index chains", ["x=a", "[0]", "", "", ";"]),
    js("template chains", ["x=a", "``", "", "", ";"]),
    js("commas", ["x=(", "a,", "b", "", ");"]),
    js("statements", ["", "a\n", "", "", ""]),
    js("conditionals by statement", ["", "if(a){}", "", "", ""]),
    js("assignments by line", ["", "x=a?b:c\n", "", "", ""]),
    js("nested decorators", ["", "@(()=>{", ";", "})class A{}", ""]),
    js("nested method decorators", ["", "class A{@(()=>{", ";", "})m(){}}", ""]),
    js("nested parameter decorators", ["", "class A{m(@(()=>{", ";", "})a){}}", ""]),
    js("heritage in parentheses of a call", ["x=", "class extends f(", "A", "){}", ";"]),
    js("computed keys of heritage", ["x=", "class extends A[", "B", "]{}", ";"]),
    js("decorated heritage", ["x=", "class extends @d\n", "A", "{}", ";"]),
    js("escaped if", ["", "\\u0069f(a)", ";", "", ""]),
    js("blocks as objects", ["x\nas\n", "{", ";", "}", ""]),
    js("return and block", ["function f(){", "return\n{if(a)", ";", "}", "}"]),
    js("dynamic imports", ["x=", "import(", "a", ")", ";"]),
    js("sequences in calls", ["x=", "f(a,", "b", ")", ";"]),
    js("async calls", ["x=", "async(", "b", ")", ";"]),
    js("generators", ["x=", "function*(){yield ", "1", "}", ";"]),
    js("regexes", ["x=", "[/a/,", "1", "]", ";"]),
    ts("types in parentheses", ["type A=", "(", "B", ")", ";"]),
    ts("type arguments", ["type A=", "B<", "C", ">", ";"]),
    ts("type arguments with commas", ["type A=", "B<C,", "C", ">", ";"]),
    ts("type argument expressions", ["x=", "f<", "C", ">()", ";"]),
    ts("left angles", ["x=", "a<", "b", "", ";"]),
    ts("assertions", ["x=", "<T>", "a", "", ";"]),
    ts("generic arrows", ["x=", "<T>(a)=>", "a", "", ";"]),
    ts("typed arrows", ["x=", "(a:b):c=>", "a", "", ";"]),
    ts("conditional types", ["type A=", "B extends C?D:", "E", "", ";"]),
    ts("conditional types on lines", ["type A=", "B\nextends C\n?D\n:", "E", "", ";"]),
    ts("conditional types inside", ["type A=", "B extends(", "C", ")?D:E", ";"]),
    ts("infer", ["type A=", "B extends infer C extends ", "D", "?E:F", ";"]),
    ts("keyof", ["type A=", "keyof ", "B", "", ";"]),
    ts("keyof on lines", ["type A=", "keyof\n", "B", "", ";"]),
    ts("readonly", ["type A=", "readonly ", "B[]", "", ";"]),
    ts("function types", ["type A=", "(a:b)=>", "B", "", ";"]),
    ts("constructor types", ["type A=", "new()=>", "B", "", ";"]),
    ts("abstract constructor types", ["type A=", "abstract\nnew()=>", "B", "", ";"]),
    ts("object types", ["type A=", "{a:", "B", "}", ";"]),
    ts("mapped types", ["type A=", "{[K in B]:", "C", "}", ";"]),
    ts("tuples", ["type A=", "[", "B", "]", ";"]),
    ts("array types", ["type A=B", "[]", "", "", ";"]),
    ts("indexed types", ["type A=B", "[0]", "", "", ";"]),
    ts("index of types", ["type A=", "B[", "C", "]", ";"]),
    ts("unions", ["type A=", "B|", "C", "", ";"]),
    ts("intersections", ["type A=", "B&", "C", "", ";"]),
    ts("template types", ["type A=", "`${", "B", "}`", ";"]),
    ts("qualified names", ["type A=B", ".C", "", "", ";"]),
    ts("type queries", ["type A=typeof B", ".C", "", "", ";"]),
    ts("import types", ["type A=", "import('a').B<", "C", ">", ";"]),
    ts("namespaces", ["", "namespace A{", ";", "}", ""]),
    ts("dotted namespaces", ["namespace A", ".B", "", "", "{}"]),
    ts("modules", ["", "declare module A{", ";", "}", ""]),
    ts("as", ["x=a", " as B", "", "", ";"]),
    ts("satisfies", ["x=a", " satisfies B", "", "", ";"]),
    ts("non-null", ["x=a", "!", "", "", ";"]),
    ts("conditionals with arrows in TypeScript", ["x=", "a?(b)=>", "b", ":c", ";"]),
    ts("conditionals with parentheses in TypeScript", ["x=", "a?(b):", "c", "", ";"]),
    ts("parentheses in TypeScript", ["x=", "(", "1", ")", ";"]),
    ts("arrow parameters in TypeScript", ["x=", "(a=", "1", ")=>1", ";"]),
    ts("async arrow parameters in TypeScript", ["x=", "async(a=", "1", ")=>1", ";"]),
    ts("calls in TypeScript", ["x=", "f(", "1", ")", ";"]),
    ts("generic calls in TypeScript", ["x=", "f<T>(", "1", ")", ";"]),
    ts("arrow blocks in TypeScript", ["x=", "()=>{return ", "1", "}", ";"]),
    ts("objects in TypeScript", ["x=", "({a:", "1", "})", ";"]),
    ts("classes in TypeScript", ["x=", "class{m(){return ", "1", "}}", ";"]),
    ts("arrow defaults in conditionals", ["x=", "a?(b=", "1", "):c", ";"]),
    ts("arrow defaults and arrows in conditionals", ["x=", "a?(b=", "1", ")=>c:d", ";"]),
    ts("async calls in conditionals", ["x=", "a?async(b=", "1", "):c", ";"]),
    ts("typed arrows in conditionals", ["x=", "a?(b):c=>", "d", ":e", ";"]),
    ts("types in comparisons", ["x=", "a<(", "b", ")", ";"]),
    ts("comparisons in parentheses", ["x=", "(a<", "b", ")", ";"]),
    ts("comparisons in calls", ["x=", "f(a<", "b", ")", ";"]),
    ts("comparisons in lists", ["x=[", "a<b,", "b", "", "];"]),
    ts("generic arrow parameters", ["x=", "<T>(a=", "1", ")=>1", ";"]),
    ts("generic async arrow parameters", ["x=", "async<T>(a=", "1", ")=>1", ";"]),
    ts("function types in type arguments", ["x=", "f<(a:", "B", ")=>C>()", ";"]),
    ts("function types in parentheses", ["type A=", "((a:", "B", ")=>C)", ";"]),
    ts("optional parameters", ["x=", "(a?:", "B", ")=>C", ";"]),
    ts("object types in comparisons", ["x=", "a<{b:", "c", "}", ";"]),
    ts("generic arrows with two parameters", ["x=", "<T,U>(a)=>", "a", "", ";"]),
    ts("assertions in conditionals", ["x=", "<T>a?(b):", "c", "", ";"]),
    ts("assertions in conditionals with arrows", ["x=", "<T>a?(b)=>", "b", ":c", ";"]),
    ts("asserted generators", ["x=", "<T>function*(){yield ", "1", "}", ";"]),
    js("escaped if with parentheses", ["", "\\u0069f(a)(", "b", ")", ";"]),
    ts("asserted calls", ["x=", "<T>f(", "1", ")", ";"]),
    ts("twice asserted calls", ["x=", "<T><T><T>f(", "1", ")", ";"]),
    ts("asserted generic calls", ["x=", "<T>f<T>(", "1", ")", ";"]),
    ts("enums", ["enum A{B=", "(", "1", ")", "}"]),
    ts("decorators", ["", "@a(class{m(){", ";", "}})class C{}", ""]),
    ts("type predicates", ["type A=", "(a)=>a is ", "B", "", ";"]),
    ts("generic constraints", ["type A=", "<T extends ", "B", ">()=>C", ";"]),
    ts("generic defaults", ["type A", "<T=A", "", ">", "=1;"]),
    ts("double angles", ["x=", "f<<T>(a:", "B", ")=>C>()", ";"]),
];

const STACK: usize = 256 << 20;

/// Everything fnvet does with a tree that recurses in swc's code.
fn work(path: &str, text: &str) -> Result<usize, String> {
    use swc_common::GLOBALS;
    use swc_common::sync::Lrc;
    use swc_ecma_codegen::text_writer::JsWriter;
    use swc_ecma_codegen::{Config, Emitter};
    let parsed = parse(&SourceFile::new(path, text)).map_err(|error| error.message)?;
    let cm: Lrc<swc_common::SourceMap> = Lrc::default();
    let mut out = Vec::new();
    GLOBALS.set(&parsed.globals, || {
        let writer = JsWriter::new(cm.clone(), "\n", &mut out, None);
        let mut emitter = Emitter { cfg: Config::default(), cm: cm.clone(), comments: None, wr: writer };
        emitter.emit_program(&parsed.program).map_err(|error| error.to_string())
    })?;
    Ok(out.len())
}

fn on_stack<T: Send>(bytes: usize, run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(bytes).spawn_scoped(scope, run).unwrap();
        thread.join().unwrap()
    })
}

#[test]
fn what_passes_does_not_overflow_the_parser() {
    for construct in CONSTRUCTS {
        let text = construct.text(construct.most(PrecheckLimits::LINT.nesting));
        let started = std::time::Instant::now();
        let _ = on_stack(STACK, || work(construct.path, &text));
        assert!(started.elapsed().as_secs() < 20, "{}: {:?}", construct.name, started.elapsed());
    }
}

#[test]
fn every_construct_is_bounded() {
    // Flat ones are not: a parser reads them in a loop, into a list.
    const FLAT: [&str; 4] = ["commas", "statements", "conditionals by statement", "assignments by line"];
    for construct in CONSTRUCTS {
        let most = construct.most(200);
        assert_eq!(most > 1_700, FLAT.contains(&construct.name), "{}: {most}", construct.name);
    }
}

#[test]
fn depth_is_that_of_the_constructs() {
    assert_eq!(depth(""), 0);
    assert_eq!(depth("f(a)[b]"), 2);
    assert!(depth("x = a ? b : c ? d : e;") <= 4);
    assert_eq!(depth("!a && !b && !c"), 2);
    let lines = "const f = async (x) => {\n  return x ? { a: !x } : `${x}`\n}\n".repeat(500);
    assert!(depth(&lines) < 12, "{}", depth(&lines));
    let concatenation = format!("x = {}''", "'a' +\n".repeat(300));
    assert!(depth(&concatenation) < 60);
    let table = format!("const t = {{\n{}}}", "  key: { a: 1, b: [x => x, !y] },\n".repeat(3_000));
    assert!(depth(&table) < 12);
    let class = format!("class A {{\n{}}}", "  f = (x) => { return x }\n  m() { if (a) b; else c }\n".repeat(500));
    assert!(depth(&class) < 12, "{}", depth(&class));
}

#[test]
fn errors_carry_a_range() {
    let too_deep = check("a.js", &"(".repeat(300), 200).unwrap_err();
    assert_eq!(too_deep, PrecheckError::TooDeep { range: TextRange::new(200, 201), depth: 201, limit: 200 });
    let text = "x = 1 <!-- y";
    assert_eq!(check("a.js", text, 200).unwrap_err(), PrecheckError::HtmlLikeComment { range: TextRange::new(6, 10) });
    assert!(matches!(check("a.js", "x\n/* */ --> y", 200), Err(PrecheckError::HtmlLikeComment { .. })));
    assert!(matches!(check("a.js", "--> y", 200), Err(PrecheckError::HtmlLikeComment { .. })));
    for fine in ["while (n --> 0) {}", "'<!--'", "`\n-->`", "/<!--/", "// <!--\n", "/*\n--> */", "a < !b--"] {
        check("a.js", fine, 200).unwrap();
    }
    for (text, what) in [("'a\n'", "string"), ("`a", "template"), ("/*", "comment"), ("x = /a\n/", "regular expression")] {
        assert!(matches!(check("a.js", text, 200), Err(PrecheckError::Unterminated { what: found, .. }) if found == what), "{text}");
    }
    for text in ["(", "(]", "}", "f(}", "`${`", "{"] {
        assert!(matches!(check("a.js", text, 200), Err(PrecheckError::Unbalanced { .. } | PrecheckError::Unterminated { .. })), "{text}");
    }
    let long = precheck(&SourceFile::new("a.js", "x".repeat(11)), &PrecheckLimits { nesting: 1, source_bytes: 10 });
    assert!(matches!(long, Err(PrecheckError::TooLong { bytes: 11, .. })));
}

/// Texts in which the slash opens a regular expression: what looks like a string in it is none.
const REGEXES: &[&str] = &[
    "/'/",
    "x = /'/",
    "f(/'/)",
    "if (a) /'/.test(b)",
    "for (;;) /'/.test(b)",
    "{}\n/'/.test(b)",
    "function f() {}\n/'/.test(b)",
    "class A {}\n/'/.test(b)",
    "do {} while (a) /'/.test(b)",
    "return /'/",
    "return\n/'/",
    "typeof /'/",
    "a = b ? /'/ : /'/",
    "x => /'/",
    "`${/'/}`",
    "[/'/, /[/']/]",
    "case /'/:",
    "switch (a) { case 1: /'/.test(b) }",
    "a: /'/.test(b)",
    "x = { a: /'/ }",
    "if (a) {} else /'/.test(b)",
    "!/'/.test(b)",
    "a in /'/",
    "a;\n++/'/.lastIndex",
    "export default /'/",
    "a && /[/\\]']/",
];

/// Texts in which the slash divides.
const DIVISIONS: &[&str] = &[
    "a /'/'",
    "a\n/'/'",
    "f() /'/'",
    "a[0] /'/'",
    "x = {} /'/'",
    "x = function () {} /'/'",
    "x = class {} /'/'",
    "(a) /'/'",
    "`a` /'/'",
    "'a' /'/'",
    "1 /'/'",
    "1. /'/'",
    "a++ /'/'",
    "this /'/'",
    "a.if(b) /'/'",
    "a.return /'/'",
    "const x = a\n/'/'",
    "x = { a: b /'/' }",
    "module.exports = a /'/'",
    "export default a /'/'",
    "x = y => y /'/'",
    "async (x) => x /'/'",
    "class A { x = f() /'/' }",
    "({ m() { return a /'/' } })",
    "new.target /'/'",
    "function* f() { yield { a: b /'/' } }",
    "async () => { await { a: `${c /'/' }` } }",
    "let /'/'",
];

/// The same in TypeScript, where types stand between the head of a function and its body.
const TYPED_DIVISIONS: &[&str] = &[
    "function f(): Map<string, number[]> { x = a /'/' }",
    "function f(): Record<string, number> { return g(1 /'/') }",
    "async function f(): Promise<A, B> { x = a /'/' }",
    "function* f(): Generator<A, void, B> { x = a /'/' }",
    "class A { m(): Map<string, number> { return a /'/' } }",
    "class A { static m<T, U>(): Map<T, U> { return a /'/' } }",
    "x = (a: A): Map<string, number> => { return a /'/' }",
    "function f<T, U>(a: Map<T, U>): { a: T, b: U } { return a /'/' }",
];

/// Texts in which only a parser can tell.
const UNCLEAR: &[(&str, &str)] = &[
    ("a.js", "await /'/"),
    ("a.js", "yield /'/"),
    ("a.js", "x = () => {}\n/'/"),
    ("a.js", "let x\n/'/"),
    ("a.js", "import 'a'\n/'/"),
    ("a.js", "continue a\n/'/"),
    ("a.js", "\\u0069f (a) /'/"),
    ("a.js", "await\n{ a: {} /'/ }"),
    ("a.js", "for (a of /'/) ;"),
    ("a.ts", "f<T> /'/"),
    ("a.ts", "type A = B\n/'/"),
    ("a.ts", "function f(): T\n/'/"),
];

#[test]
fn slashes_are_told_apart_as_parsers_do() {
    for text in REGEXES.iter().chain(DIVISIONS) {
        assert!(check("a.js", text, 200).is_ok(), "{text}: {:?}", check("a.js", text, 200));
    }
    for text in TYPED_DIVISIONS {
        assert!(check("a.ts", text, 200).is_ok(), "{text}: {:?}", check("a.ts", text, 200));
    }
    for (path, text) in UNCLEAR {
        assert!(matches!(check(path, text, 200), Err(PrecheckError::AmbiguousSlash { .. })), "{text}: {:?}", check(path, text, 200));
    }
}

#[test]
fn module_syntax_is_seen_at_the_top_level() {
    let module = |text: &str| check("a.js", text, 200).unwrap().has_module_syntax;
    for text in [
        "import a from 'a'",
        "import 'a'",
        "import * as a from 'a'",
        "x()\nexport default 1",
        "export { a }",
        "{}\nexport const a = 1",
        "export function f() {}",
    ] {
        assert!(module(text), "{text}");
    }
    for text in [
        "import('a')",
        "x = import.meta",
        "a.import",
        "x = { export: 1 }",
        "// import a from 'a'",
        "'export'",
        "x = { import: 1 }",
        "module.exports = 1",
    ] {
        assert!(!module(text), "{text}");
    }
}

/// Pieces from which programs and near-programs are made.
const PIECES: &[&str] = &[
    "a",
    "b",
    "1",
    "'s'",
    "`t`",
    "`${",
    "}`",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "=>",
    "=",
    "+",
    "-",
    "!",
    "++",
    "**",
    "?",
    ":",
    ",",
    ";",
    "\n",
    ".",
    "?.",
    "...",
    "/",
    "/r/",
    "/'/",
    "<",
    ">",
    "if(a)",
    "else",
    "for(;;)",
    "while(a)",
    "do",
    "return",
    "function",
    "function f(){",
    "class",
    "class A{",
    "extends",
    "async",
    "await",
    "yield",
    "new",
    "typeof",
    "in",
    "of",
    "as",
    "let",
    "const",
    "var",
    "case",
    "default",
    "switch(a){",
    "break",
    "try{",
    "catch{",
    "a:",
    "@d",
    "import",
    "export",
    "static",
    "get",
    "=>{",
    "={",
    "({",
    "})",
    "interface I{",
    "type T=",
    "keyof",
    "enum E{",
    "abstract",
    "\\u0069f",
    "é",
    "\u{2028}",
    "#p",
    "??=",
    "void",
    "x ",
    "/*c*/",
    "//c\n",
    "$",
    "infer",
    "satisfies",
];

/// The deepest bracket of a tree's debug print: a measure of its depth that nothing is left out of.
fn depth_of_tree(path: &str, text: &str) -> Option<usize> {
    // swc asserts things of broken text that do not hold, in builds with assertions.
    let parsed = std::panic::catch_unwind(|| parse(&SourceFile::new(path, text)).ok()).ok()??;
    let print = format!("{:?}", parsed.program);
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0, false, false);
    for byte in print.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'(' | b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    Some(deepest)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn it_never_panics(text in ".{0,200}", typescript: bool) {
        let _ = check(if typescript { "a.ts" } else { "a.js" }, &text, 50);
    }

    #[test]
    fn depth_is_never_estimated_from_below(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60), typescript: bool) {
        let (text, path) = (pieces.concat(), if typescript { "a.ts" } else { "a.js" });
        if let (Ok(shape), Some(depth)) = (check(path, &text, 1_000), depth_of_tree(path, &text)) {
            prop_assert!(depth <= 30 + 40 * (shape.depth as usize + 1), "{text:?}: {depth} {}", shape.depth);
        }
    }
}
