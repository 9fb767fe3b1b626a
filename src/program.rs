//! What runs: text printed from the very tree that was analysed, TypeScript erased, with a map
//! back to the author's lines. The engine never reads the author's text, so nothing that two
//! parsers read differently is a way in.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use swc_common::sync::Lrc;
use swc_common::{BytePos, GLOBALS, LineCol, SourceMap, SyntaxContext};
use swc_ecma_ast::{ExportNamedSpecifier, ExportSpecifier, Ident, ModuleDecl, ModuleExportName, ModuleItem, NamedExport, Pass, Program};
use swc_ecma_codegen::text_writer::JsWriter;
use swc_ecma_codegen::{Config, Emitter, Node};
use swc_ecma_transforms_base::fixer::fixer;
use swc_ecma_transforms_base::hygiene::hygiene;
use swc_ecma_transforms_typescript::strip;

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
    /// The printed program, in ASCII.
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
        let mut program = parsed.program.clone();
        if source.language == Language::TypeScript {
            erase_types(&mut program, parsed);
        }
        if entry.kind == EntryKind::Binding
            && let Program::Module(module) = &mut program
        {
            point = EntryPoint { kind: EntryKind::Export, name: free_export_name(&module.body) };
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

/// Types, enums, namespaces and parameter properties become JavaScript; names stay what they were.
fn erase_types(program: &mut Program, parsed: &Parsed) {
    GLOBALS.set(&parsed.globals, || {
        strip(parsed.unresolved_mark, parsed.top_level_mark).process(program);
        hygiene().process(program);
        fixer(None).process(program);
    });
}

fn print(program: &Program) -> (String, Vec<(u32, u32, u32)>) {
    let sources: Lrc<SourceMap> = Lrc::default();
    let (mut code, mut positions) = (Vec::new(), Vec::<(BytePos, LineCol)>::new());
    let mut emitter = Emitter {
        cfg: Config::default().with_ascii_only(true),
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

fn free_export_name(items: &[ModuleItem]) -> String {
    let mut taken = HashSet::new();
    for item in items.iter().filter_map(ModuleItem::as_module_decl) {
        if let ModuleDecl::ExportNamed(export) = item {
            for specifier in &export.specifiers {
                if let ExportSpecifier::Named(named) = specifier {
                    taken.insert(match named.exported.as_ref().unwrap_or(&named.orig) {
                        ModuleExportName::Ident(ident) => ident.sym.to_string(),
                        ModuleExportName::Str(string) => string.value.to_string_lossy().into_owned(),
                    });
                }
            }
        }
    }
    let mut name = HIDDEN_EXPORT.to_owned();
    while taken.contains(&name) {
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
