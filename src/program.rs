//! What runs: text printed from the very tree that was analysed, TypeScript erased, with a map
//! back to the author's lines. The engine never reads the author's text, so nothing that two
//! parsers read differently is a way in.

use serde::{Deserialize, Serialize};
use swc_common::sync::Lrc;
use swc_common::{BytePos, GLOBALS, LineCol, SourceMap, SyntaxContext};
use swc_ecma_ast::{
    ExportNamedSpecifier, ExportSpecifier, Expr, ExprStmt, Ident, Lit, ModuleDecl, ModuleExportName, ModuleItem, NamedExport, Pass,
    Program, Tpl, TplElement, UnaryExpr, UnaryOp,
};
use swc_ecma_codegen::text_writer::JsWriter;
use swc_ecma_codegen::{Config, Emitter, Node};
use swc_ecma_transforms_base::fixer::fixer;
use swc_ecma_transforms_base::hygiene::hygiene;
use swc_ecma_transforms_typescript::strip;
use swc_ecma_visit::{VisitMut, VisitMutWith};

use crate::semantic::entry::{Entry, EntryKind};
use crate::source::{Goal, Language, LineColumn, SourceFile};
use crate::syntax::Parsed;

mod reads;

pub use reads::{Reads, Step};

/// How the sandbox finds the function to call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPoint {
    /// Its form.
    pub kind: EntryKind,
    /// The name it goes by.
    pub name: String,
}

/// A program that the sandbox can run.
#[derive(Clone, Debug)]
pub struct Executable {
    /// The printed program.
    pub code: String,
    /// Script or module.
    pub goal: Goal,
    /// Where the function to call is found.
    pub entry: EntryPoint,
    /// Bytes of the author's source.
    pub source_bytes: usize,
    /// What it reads of its input and of `__env`, as far as names show it.
    pub reads: Reads,
    source: SourceFile,
    /// Printed positions (lines and columns from 0) and the author's bytes, in order.
    map: Vec<(u32, u32, u32)>,
}

/// The export under which a module's unexported entry is reached.
const HIDDEN_EXPORT: &str = "__fnvet_entry";

impl Executable {
    /// The program of `source`, whose tree is `parsed` and whose entry is `entry`.
    pub fn new(source: &SourceFile, parsed: &Parsed, entry: &Entry) -> Self {
        let reads = Reads::of(parsed, entry);
        let mut point = EntryPoint { kind: entry.kind, name: entry.name.clone() };
        let mut program = in_javascript(source, parsed);
        if entry.kind == EntryKind::Binding
            && let Program::Module(module) = &mut program
        {
            point = EntryPoint { kind: EntryKind::Export, name: free_export_name(source) };
            module.body.push(hidden_export(&entry.name, &point.name));
        }
        let (code, map) = print(&program);
        Executable { code, goal: parsed.goal, entry: point, source_bytes: source.text.len(), reads, source: source.clone(), map }
    }

    /// The author's position of a printed one, both counted from 1.
    pub fn author_position(&self, printed: LineColumn) -> Option<LineColumn> {
        let at = (printed.line.checked_sub(1)?, printed.column.checked_sub(1)?);
        let after = self.map.partition_point(|&(line, column, _)| (line, column) <= at);
        let &(line, _, byte) = self.map.get(after.checked_sub(1)?)?;
        (line == at.0).then(|| self.source.position(byte))
    }
}

/// The text that the engine would read of any file, whether it has an entry or not.
pub fn printed(source: &SourceFile, parsed: &Parsed) -> String {
    print(&in_javascript(source, parsed)).0
}

fn in_javascript(source: &SourceFile, parsed: &Parsed) -> Program {
    let mut program = parsed.program.clone();
    program.visit_mut_with(&mut BareDelete);
    if source.language == Language::TypeScript {
        erase_types(&mut program, parsed);
    }
    program
}

/// Types, enums, namespaces and parameter properties become JavaScript; names stay what they were.
fn erase_types(program: &mut Program, parsed: &Parsed) {
    program.visit_mut_with(&mut NoDirective);
    GLOBALS.set(&parsed.globals, || {
        strip(parsed.unresolved_mark, parsed.top_level_mark).process(program);
        hygiene().process(program);
        fixer(None).process(program);
    });
}

/// The engine deletes nothing at `delete (user?.password)`, where the standard and the analysis see a
/// property go: without the parentheses it does.
struct BareDelete;

impl VisitMut for BareDelete {
    fn visit_mut_unary_expr(&mut self, unary: &mut UnaryExpr) {
        unary.visit_mut_children_with(self);
        if unary.op == UnaryOp::Delete
            && let Expr::Paren(inner) = &*unary.arg
            && let property @ (Expr::Member(_) | Expr::SuperProp(_) | Expr::OptChain(_)) = bare(&inner.expr)
        {
            *unary.arg = property.clone();
        }
    }
}

/// What is no directive must not become one when the parentheses or types around it are gone: as a
/// template the same text is none.
struct NoDirective;

impl VisitMut for NoDirective {
    fn visit_mut_expr_stmt(&mut self, statement: &mut ExprStmt) {
        statement.visit_mut_children_with(self);
        let Expr::Lit(Lit::Str(text)) = bare(&statement.expr) else { return };
        if statement.expr.is_lit() {
            return;
        }
        let value = text.value.to_string_lossy();
        let raw = value.replace('\\', "\\\\").replace('`', "\\`").replace("${", "\\${");
        let quasi = TplElement { span: text.span, tail: true, cooked: Some(text.value.clone()), raw: raw.into() };
        *statement.expr = Expr::Tpl(Tpl { span: text.span, exprs: Vec::new(), quasis: vec![quasi] });
    }
}

/// An expression without the parentheses and types around it.
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(inner) => bare(&inner.expr),
        Expr::TsAs(inner) => bare(&inner.expr),
        Expr::TsConstAssertion(inner) => bare(&inner.expr),
        Expr::TsInstantiation(inner) => bare(&inner.expr),
        Expr::TsNonNull(inner) => bare(&inner.expr),
        Expr::TsSatisfies(inner) => bare(&inner.expr),
        Expr::TsTypeAssertion(inner) => bare(&inner.expr),
        other => other,
    }
}

/// The program's text, and its positions (lines and columns from 0) with the author's bytes, in order.
fn print(program: &Program) -> (String, Vec<(u32, u32, u32)>) {
    let sources: Lrc<SourceMap> = Lrc::default();
    let (mut code, mut positions) = (Vec::new(), Vec::<(BytePos, LineCol)>::new());
    let mut emitter = Emitter {
        // Not in ASCII: escapes would change what patterns match and what `String.raw` sees.
        cfg: Config::default(),
        cm: sources.clone(),
        comments: None,
        wr: JsWriter::new(sources, "\n", &mut code, Some(&mut positions)),
    };
    // Writing into memory does not fail.
    let _ = program.emit_with(&mut emitter);
    let mut map: Vec<(u32, u32, u32)> =
        positions.into_iter().filter(|(from, _)| from.0 > 0).map(|(from, to)| (to.line, to.col, from.0 - 1)).collect();
    map.sort_unstable();
    (String::from_utf8_lossy(&code).into_owned(), map)
}

/// A name that the source does not contain.
fn free_export_name(source: &SourceFile) -> String {
    let mut name = HIDDEN_EXPORT.to_owned();
    while source.text.contains(&name) {
        name.push('_');
    }
    name
}

fn hidden_export(local: &str, exported: &str) -> ModuleItem {
    let ident = |name: &str| ModuleExportName::Ident(Ident::new(name.into(), swc_common::DUMMY_SP, SyntaxContext::empty()));
    ModuleItem::ModuleDecl(ModuleDecl::ExportNamed(NamedExport {
        span: swc_common::DUMMY_SP,
        specifiers: vec![ExportSpecifier::Named(ExportNamedSpecifier {
            span: swc_common::DUMMY_SP,
            orig: ident(local),
            exported: Some(ident(exported)),
            is_type_only: false,
        })],
        src: None,
        type_only: false,
        with: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantic::entry::find_entry;
    use crate::syntax::parse;

    #[test]
    fn literals_are_printed_as_they_were_written() {
        let source =
            SourceFile::new("a.js", "const é = /[😀-😎](?<ñ>é)/u, s = 'é\\u2028', r = String.raw`é\\u00e9`, n = 0x1F + 1_000; // 😀");
        let text = printed(&source, &parse(&source).unwrap());
        assert_eq!(text, "const é = /[😀-😎](?<ñ>é)/u, s = 'é\\u2028', r = String.raw`é\\u00e9`, n = 0x1F + 1_000;\n");
    }

    #[test]
    fn what_is_no_directive_becomes_none() {
        for (text, printed_as) in [
            ("('use strict'); function execute() {}", "`use strict`;\nfunction execute() {}\n"),
            ("'use strict' as any; function execute() {}", "`use strict`;\nfunction execute() {}\n"),
            ("function execute() { ('a`${\\\\}'!); }", "function execute() {\n    `a\\`\\${\\\\}`;\n}\n"),
            ("'use strict'; function execute() {}", "'use strict';\nfunction execute() {}\n"),
        ] {
            let source = SourceFile::new("a.ts", text);
            assert_eq!(printed(&source, &parse(&source).unwrap()), printed_as);
        }
    }

    #[test]
    fn a_property_is_deleted_without_parentheses_around_it() {
        for (text, printed_as) in [
            ("delete (a?.b)", "delete a?.b;\n"),
            ("delete ((a?.b[c].d))", "delete a?.b[c].d;\n"),
            ("delete (delete (a?.b), a).c", "delete (delete a?.b, a).c;\n"),
            ("delete (a?.b).c", "delete (a?.b).c;\n"),
            ("delete (a)", "delete (a);\n"),
            ("delete (a, b.c)", "delete (a, b.c);\n"),
        ] {
            let source = SourceFile::new("a.js", text);
            assert_eq!(printed(&source, &parse(&source).unwrap()), printed_as);
        }
    }

    #[test]
    fn an_unexported_entry_of_a_module_is_reached() {
        let source =
            SourceFile::new("a.mjs", "export const __fnvet_entry = 1; function execute() {}\nexport { execute as __fnvet_entry_ }");
        let parsed = parse(&source).unwrap();
        let program = Executable::new(&source, &parsed, &find_entry(&parsed, "execute").unwrap());
        assert!(program.code.ends_with("export { execute as __fnvet_entry__ };\n"), "{}", program.code);
    }

    #[test]
    fn positions_lead_back_to_the_author() {
        let source = SourceFile::new("a.ts", "enum E { A }\n\nfunction execute(input: { a: number }) {\n    return   input.a\n}");
        let parsed = parse(&source).unwrap();
        let program = Executable::new(&source, &parsed, &find_entry(&parsed, "execute").unwrap());
        let line = program.code.lines().position(|line| line.contains("input.a")).unwrap() as u32 + 1;
        let column = program.code.lines().nth(line as usize - 1).unwrap().find("input").unwrap() as u32 + 1;
        assert_eq!(program.author_position(LineColumn { line, column }), Some(LineColumn { line: 4, column: 14 }));
    }
}
