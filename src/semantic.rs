//! The semantic model: built once per file, read-only afterwards. Rules only ask it questions.

use swc_ecma_ast::{Decl, DefaultDecl, ExportSpecifier, Expr, ModuleDecl, ModuleItem, Pat, Program, Prop, PropName, PropOrSpread, Stmt};

use crate::source::{SourceFile, TextRange};
use crate::syntax::{Parsed, range_of};

pub mod builtins;
pub mod calls;
pub mod cfg;
pub mod cost;
pub mod demand;
pub mod dump;
pub mod eval;
pub mod facts;
pub mod flow;
pub mod graph;
pub mod ir;
pub mod keyed;
pub mod leaks;
pub mod limits;
pub mod loops;
pub mod lower;
pub mod model;
pub mod names;
pub mod object;
pub mod observe;
pub mod patterns;
pub mod recursion;
pub mod refine;
pub mod regex;
pub mod schema;
pub mod secrets;
pub mod state;
pub mod symbol;
pub mod unit;

/// What the model is told from outside.
#[derive(Clone, Debug)]
pub struct SemanticSettings {
    /// The name of the entry function.
    pub entry: String,
    /// Names that are sensitive beside those of the data table.
    pub sensitive: Vec<String>,
    /// Globals that reach the host, beside those of the data table.
    pub globals_host: Vec<String>,
    /// Globals that the platform provides and that are harmless.
    pub globals_allowed: Vec<String>,
    /// The InputSchema, where the sandbox enforces it.
    pub schema: Option<serde_json::Value>,
}

/// How a file offers its entry function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryForm {
    /// A function, or a variable that holds one, at the top level of the file.
    TopLevel,
    /// `export function execute`, `export { f as execute }`.
    NamedExport,
    /// `export default function`.
    DefaultExport,
    /// `export default { execute() {} }`.
    DefaultObject,
    /// `module.exports = execute`.
    CommonJs,
    /// `module.exports = { execute }`, `exports.execute = …`.
    CommonJsMember,
}

/// The entry function of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name it is called by.
    pub name: String,
    /// How the file offers it.
    pub form: EntryForm,
    /// Where it is defined.
    pub range: TextRange,
}

/// The model of one file.
#[derive(Debug)]
pub struct Semantic {
    entry_name: String,
    entry: Option<Entry>,
    ir: std::rc::Rc<ir::Ir>,
    seen: observe::Observations,
    bounds: std::collections::BTreeMap<&'static str, u64>,
    settings: SemanticSettings,
}

impl Semantic {
    /// Builds the model of `source`.
    pub fn build(source: &SourceFile, parsed: Parsed, settings: &SemanticSettings) -> Semantic {
        let entry = find_entry(&parsed.program, &settings.entry);
        let ir = std::rc::Rc::new(lower::lower(&parsed, source));
        drop(parsed);
        let (seen, bounds) = unit::analyse(ir.clone(), settings, entry.is_some());
        Semantic { entry_name: settings.entry.clone(), entry, ir, seen, bounds, settings: settings.clone() }
    }

    /// What the analysis saw.
    pub fn seen(&self) -> &observe::Observations {
        &self.seen
    }

    /// What the model was told from outside.
    pub fn settings(&self) -> &SemanticSettings {
        &self.settings
    }

    /// The lowered file.
    pub fn ir(&self) -> &ir::Ir {
        &self.ir
    }

    /// Which of its own bounds the analysis reached, and how often.
    pub fn bounds_reached(&self) -> &std::collections::BTreeMap<&'static str, u64> {
        &self.bounds
    }

    /// The name that the entry function must have.
    pub fn entry_name(&self) -> &str {
        &self.entry_name
    }

    /// The entry function, if the file defines it.
    pub fn entry(&self) -> Option<&Entry> {
        self.entry.as_ref()
    }

    /// What the sandbox cannot run.
    pub fn unsupported(&self) -> &[(TextRange, &'static str)] {
        &self.ir.unsupported
    }

    /// The name of the innermost named function around `range`; empty at the top level.
    pub fn enclosing_function(&self, range: TextRange) -> &str {
        let around = self.ir.bodies.iter().filter(|body| !body.name.is_empty() && body.range.contains(range));
        around.min_by_key(|body| body.range.end - body.range.start).map_or("", |body| &body.name)
    }
}

fn find_entry(program: &Program, name: &str) -> Option<Entry> {
    let entry = |form, span| Some(Entry { name: name.to_owned(), form, range: range_of(span) });
    let in_decl = |decl: &Decl, form| match decl {
        Decl::Fn(f) if f.ident.sym == *name => entry(form, f.ident.span),
        Decl::Var(var) => {
            var.decls.iter().find_map(|d| matches!(&d.name, Pat::Ident(id) if id.sym == *name).then(|| entry(form, var.span)).flatten())
        }
        _ => None,
    };
    let in_stmt = |stmt: &Stmt| match stmt {
        Stmt::Decl(decl) => in_decl(decl, EntryForm::TopLevel),
        Stmt::Expr(expr) => match &*expr.expr {
            Expr::Assign(assign) if matches!(&*assign.right, Expr::Fn(_) | Expr::Arrow(_) | Expr::Object(_)) => {
                entry(EntryForm::CommonJs, assign.span)
            }
            _ => None,
        },
        _ => None,
    };
    match program {
        Program::Script(script) => script.body.iter().find_map(in_stmt),
        Program::Module(module) => module.body.iter().find_map(|item| match item {
            ModuleItem::Stmt(stmt) => in_stmt(stmt),
            ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(decl)) => in_decl(&decl.decl, EntryForm::NamedExport),
            ModuleItem::ModuleDecl(ModuleDecl::ExportDefaultDecl(decl)) => match &decl.decl {
                DefaultDecl::Fn(_) => entry(EntryForm::DefaultExport, decl.span),
                _ => None,
            },
            ModuleItem::ModuleDecl(ModuleDecl::ExportDefaultExpr(decl)) => match &*decl.expr {
                Expr::Object(object) => object.props.iter().find_map(|prop| match prop {
                    PropOrSpread::Prop(prop) => match &**prop {
                        Prop::Method(method) if matches!(&method.key, PropName::Ident(id) if id.sym == *name) => {
                            entry(EntryForm::DefaultObject, decl.span)
                        }
                        _ => None,
                    },
                    PropOrSpread::Spread(_) => None,
                }),
                _ => entry(EntryForm::DefaultExport, decl.span),
            },
            ModuleItem::ModuleDecl(ModuleDecl::ExportNamed(named)) => named.specifiers.iter().find_map(|specifier| match specifier {
                ExportSpecifier::Named(s) if s.exported.as_ref().unwrap_or(&s.orig).atom().as_ref() == name => {
                    entry(EntryForm::NamedExport, s.span)
                }
                _ => None,
            }),
            ModuleItem::ModuleDecl(_) => None,
        }),
    }
}
