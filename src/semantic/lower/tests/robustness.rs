//! Odd sources: no panic, no broken promise, no stray global, no deep stack, no quadratic growth.

use super::{checked, lowered};
use crate::semantic::cfg::{Cfg, View};
use crate::semantic::ir::OpKind;
use crate::source::TextRange;

/// One snippet a line; `g` and its kin are the only globals they may name.
const SCRIPTS: &str = include_str!("scripts.txt");
const MODULES: &str = include_str!("modules.txt");
const TYPESCRIPT: &str = include_str!("typescript.txt");

/// Globals that the snippets name on purpose.
const GLOBALS: &[&str] = &[
    "g",
    "h",
    "k",
    "Object",
    "Array",
    "Symbol",
    "Promise",
    "console",
    "eval",
    "arguments",
    "Error",
    "require",
    "dec",
    "Ambient",
    "Erased",
    "e",
];

fn check_snippet(path: &str, text: &str) -> Result<(), String> {
    let ir = checked(path, text)?;
    for op in ir.bodies.iter().flat_map(|body| &body.ops) {
        if let OpKind::Global(name) | OpKind::TypeofGlobal(name) | OpKind::StoreGlobal(name, _) = &op.kind
            && !GLOBALS.contains(&name.as_str())
        {
            return Err(format!("stray global {name}"));
        }
        if op.range.end as usize > text.len() || op.range == TextRange::default() {
            return Err(format!("{:?} has a range outside", op.kind));
        }
    }
    Ok(())
}

fn check_snippets<'s>(path: &str, snippets: impl Iterator<Item = &'s str>) {
    let problems: Vec<String> = snippets
        .filter(|line| !line.is_empty() && !line.starts_with("##"))
        .filter_map(|text| check_snippet(path, text).err().map(|problem| format!("{text}\n  {problem}")))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn odd_scripts_keep_the_promises() {
    check_snippets("a.js", SCRIPTS.lines());
}

#[test]
fn odd_scripts_keep_the_promises_inside_a_function() {
    let inside: Vec<String> =
        SCRIPTS.lines().filter(|line| !line.starts_with("##")).map(|line| format!("function outer() {{ {line}\n }}")).collect();
    check_snippets("a.js", inside.iter().map(String::as_str));
}

#[test]
fn odd_modules_keep_the_promises() {
    check_snippets("a.mjs", MODULES.lines());
}

#[test]
fn odd_typescript_keeps_the_promises() {
    check_snippets("a.ts", TYPESCRIPT.lines());
}

#[test]
fn every_pair_of_statements_nests() {
    let wrappers = [
        "if (g) { # } else { # }",
        "while (g) { # }",
        "do { # } while (g)",
        "for (;;) { # }",
        "for (let i = 0; i < 3; i++) { # }",
        "for (const x of g) { # }",
        "for (const x in g) { # }",
        "switch (g) { case 1: # default: # case 2: # }",
        "try { # } catch (e) { # } finally { # }",
        "try { # } finally { # }",
        "try { # } catch { # }",
        "if (g) label: { # break label; }",
        "{ const f = () => { return 1; }; # }",
    ];
    let leaves = [
        "g();",
        "return g;",
        "throw g;",
        "for (;;) break;",
        "while (g) continue;",
        "l: for (;;) { for (;;) { if (g) continue l; else break l; } }",
    ];
    for (outer, inner) in wrappers.iter().flat_map(|outer| wrappers.iter().map(move |inner| (outer, inner))) {
        for leaf in leaves {
            let text = format!("function f() {{ {} }}", outer.replace('#', &inner.replace("label", "inner").replace('#', leaf)));
            lowered("a.js", &text);
        }
    }
}

/// Runs on a stack of the size that `lint` gives its workers.
fn on_large_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn four_thousand_levels_fit_the_stack() {
    let shapes = [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{a:", "1", "}"),
        ("f(", "1", ")"),
        ("x=>", "1", ""),
        ("(function(){return ", "1", "})"),
        ("g?1:", "1", ""),
        ("g&&(h||", "1", ")"),
        ("!", "1", ""),
        ("`${", "1", "}`"),
        ("g?.[", "1", "]"),
        ("x=", "1", ""),
        ("class{a=", "1", "}"),
        ("(a,", "1", ")"),
        ("1**", "1", ""),
    ];
    on_large_stack(move || {
        for (open, leaf, close) in shapes {
            let text = format!("const v = {}{leaf}{};", open.repeat(4000), close.repeat(4000));
            lowered("a.js", &text);
        }
        for (open, close) in
            [("{", "}"), ("if(g){", "}"), ("while(g){", "}"), ("try{", "}catch{}"), ("l:{", "}"), ("switch(g){default:", "}")]
        {
            let text = format!("{}g();{}", open.repeat(1000), close.repeat(1000)).replace("l:", "");
            lowered("a.js", &text);
        }
    });
}

#[test]
fn long_chains_are_walked_not_recursed_into() {
    on_large_stack(|| {
        for op in ["+", "&&", "||", "??", "-", "*"] {
            let text = format!("const v = g{};", format!("{op}g").repeat(50_000));
            let ir = lowered("a.js", &text);
            assert!(ir.bodies[0].ops.len() < 400_000);
        }
        lowered("a.js", &format!("g{};", "&&g()".repeat(50_000)));
        lowered("a.js", &format!("if (g) h(); {} else h();", "else if (g) h();".repeat(5_000)));
        lowered("a.js", &format!("const v = {} 1;", "g ? 2 : ".repeat(5_000)));
    });
}

#[test]
fn finally_bodies_do_not_multiply() {
    on_large_stack(|| {
        let nested = format!("function f() {{ {} g(); {} }}", "try { if (g) return 1; } finally { ".repeat(40), "}".repeat(40));
        let ir = lowered("a.js", &nested);
        assert!(ir.bodies[1].ops.len() < 10_000, "{}", ir.bodies[1].ops.len());
        let exits = format!("function f() {{ try {{ {} }} finally {{ {} }} }}", "if (g) return h;".repeat(1_000), "h();".repeat(1_000));
        let ir = lowered("a.js", &exits);
        assert!(ir.bodies[1].ops.len() < 200_000, "{}", ir.bodies[1].ops.len());
    });
}

#[test]
fn the_graph_of_a_long_try_is_linear() {
    on_large_stack(|| {
        let text = format!("function f() {{ try {{ {} }} catch (e) {{ h(e); }} }}", "if (g()) h();".repeat(20_000));
        let ir = lowered("a.js", &text);
        let cfg = Cfg::new(&ir.bodies[1], View::Exceptional);
        assert_eq!(cfg.order().len(), ir.bodies[1].blocks.len());
    });
}
