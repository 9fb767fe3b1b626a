//! The top level: items of scripts, modules and namespaces, imports and exports.

use swc_ecma_ast as ast;
use swc_ecma_ast::{Decl, DefaultDecl, ExportSpecifier, ModuleDecl, ModuleExportName, ModuleItem, Program, Stmt};

use super::Lowering;
use super::builder::Builder;
use super::expression::range;
use super::function::{Heading, is_strict};
use super::scope::{pattern_names, unlabelled};
use crate::semantic::ir::{Export, FuncId, FunctionKind, Import, OpKind, Slot, SlotId, SlotKind};
use crate::source::TextRange;

/// Properties of the global object that a script's `var` does not replace.
const GLOBALS: &[&str] = &[
    "AggregateError",
    "Array",
    "ArrayBuffer",
    "Atomics",
    "BigInt",
    "BigInt64Array",
    "BigUint64Array",
    "Boolean",
    "DataView",
    "Date",
    "Error",
    "EvalError",
    "FinalizationRegistry",
    "Float32Array",
    "Float64Array",
    "Function",
    "Int16Array",
    "Int32Array",
    "Int8Array",
    "Iterator",
    "JSON",
    "Map",
    "Math",
    "Number",
    "Object",
    "Promise",
    "Proxy",
    "RangeError",
    "ReferenceError",
    "Reflect",
    "RegExp",
    "Set",
    "SharedArrayBuffer",
    "String",
    "Symbol",
    "SyntaxError",
    "TypeError",
    "URIError",
    "Uint16Array",
    "Uint32Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "WeakMap",
    "WeakRef",
    "WeakSet",
    "__agentId",
    "__env",
    "__tenantId",
    "__userId",
    "clearTimeout",
    "console",
    "decodeURI",
    "decodeURIComponent",
    "encodeURI",
    "encodeURIComponent",
    "escape",
    "eval",
    "exports",
    "globalThis",
    "isFinite",
    "isNaN",
    "module",
    "parseFloat",
    "parseInt",
    "setTimeout",
    "unescape",
];

/// The variables that a script sets before anything else can run: its functions, and what its
/// first statements declare.
fn replaced_at_once(statements: &[Stmt]) -> Vec<&str> {
    let functions = statements.iter().filter_map(|statement| unlabelled(statement).as_decl()?.as_fn_decl());
    let mut names: Vec<&str> = functions.map(|function| &*function.ident.sym).collect();
    for statement in statements {
        match statement {
            Stmt::Decl(Decl::Var(variables)) => {
                for declarator in &variables.decls {
                    let plain = declarator.init.as_deref().is_some_and(|init| init.is_lit() || init.is_fn_expr() || init.is_arrow());
                    let Some(ident) = declarator.name.as_ident().filter(|_| plain) else { return names };
                    names.push(&*ident.id.sym);
                }
            }
            Stmt::Decl(Decl::Fn(_)) | Stmt::Empty(_) => {}
            Stmt::Expr(each) if each.expr.is_lit() => {}
            _ => return names,
        }
    }
    names
}

/// An exported name as a string.
fn export_name(name: &ModuleExportName) -> String {
    match name {
        ModuleExportName::Ident(ident) => ident.sym.to_string(),
        ModuleExportName::Str(string) => string.value.to_string_lossy().into_owned(),
    }
}

impl<'a> Lowering<'a> {
    /// Lowers the whole file; the top level is the first function.
    pub(super) fn program(&mut self, program: &'a Program, strict: bool) {
        self.reserve_function();
        let kind = FunctionKind { is_initializer: true, ..FunctionKind::default() };
        let whole = TextRange::new(0, self.source.text.len() as u32);
        self.f.kind = kind;
        self.f.strict = strict;
        match program {
            Program::Module(module) => {
                self.declare_deep(&module.body);
                self.declare_items(&module.body);
                self.items(&module.body, None);
            }
            Program::Script(script) => {
                self.f.strict |= is_strict(&script.body);
                self.declare_function_scope(&script.body);
                self.declare_block(&script.body);
                self.keep_globals(&script.body);
                self.statements(&script.body);
            }
        }
        self.return_undefined(TextRange::new(whole.end, whole.end));
        let builder = std::mem::replace(&mut self.f, Builder::new(FuncId(0)));
        let heading = Heading { name: "", range: whole, head: None, kind, strict: builder.strict };
        self.finish_body(builder, &heading, None);
        self.drop_type_imports();
    }

    /// `var eval;` at the top of a script, or a function in one of its blocks, declares nothing new:
    /// the name goes on meaning the global until it is assigned. Such a variable starts with the global's value, unless the script
    /// begins by giving it another.
    fn keep_globals(&mut self, statements: &'a [Stmt]) {
        let replaced = replaced_at_once(statements);
        let slots = 0..self.ir.slots.len() as u32;
        for slot in slots.map(SlotId) {
            let Slot { name, kind, range, .. } = self.ir.slot(slot);
            if matches!(kind, SlotKind::Var | SlotKind::Function) && GLOBALS.contains(&name.as_str()) && !replaced.contains(&name.as_str())
            {
                let (name, at) = (name.clone(), *range);
                let value = self.f.push(OpKind::Global(name), at);
                self.store(slot, value, true, at);
            }
        }
    }

    /// `var` and functions in the nested blocks of items.
    pub(super) fn declare_deep(&mut self, items: &'a [ModuleItem]) {
        for item in items {
            if let ModuleItem::Stmt(statement) = item {
                self.hoist(statement);
            }
        }
    }

    /// Lowers declared items; the exports of a namespace become properties of its object.
    pub(super) fn items(&mut self, items: &'a [ModuleItem], namespace: Option<SlotId>) {
        items.iter().for_each(|item| self.hoist_item(item, namespace));
        for item in items {
            match item {
                ModuleItem::Stmt(statement) => self.statement(statement),
                ModuleItem::ModuleDecl(declaration) => self.module_declaration(declaration, namespace),
            }
        }
    }

    fn hoist_item(&mut self, item: &'a ModuleItem, namespace: Option<SlotId>) {
        match item {
            ModuleItem::Stmt(statement) => self.hoist_function(statement),
            ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => {
                if let Decl::Fn(function) = &export.decl {
                    self.function_declaration(function);
                    self.export_declared(&export.decl, namespace);
                }
            }
            ModuleItem::ModuleDecl(ModuleDecl::ExportDefaultDecl(export)) => {
                if let DefaultDecl::Fn(function) = &export.decl {
                    self.export_default_function(function);
                }
            }
            ModuleItem::ModuleDecl(_) => {}
        }
    }

    fn module_declaration(&mut self, declaration: &'a ModuleDecl, namespace: Option<SlotId>) {
        match declaration {
            ModuleDecl::Import(import) => self.import(import),
            ModuleDecl::ExportDecl(export) => {
                if !export.decl.is_fn_decl() {
                    self.declaration(&export.decl);
                    self.export_declared(&export.decl, namespace);
                }
            }
            ModuleDecl::ExportNamed(export) => self.export_named(export),
            ModuleDecl::ExportDefaultDecl(export) => {
                if let DefaultDecl::Class(class) = &export.decl {
                    self.export_default_class(class);
                }
            }
            ModuleDecl::ExportDefaultExpr(export) => {
                let at = range(&*export.expr);
                let value = self.value_named(&export.expr, "default");
                let slot = self.temporary(at);
                self.store(slot, value, true, at);
                self.export("default".to_owned(), slot, at);
            }
            ModuleDecl::ExportAll(export) if !export.type_only => self.import_from(&export.src, range(export), Vec::new()),
            ModuleDecl::TsImportEquals(import) => self.import_equals(import, namespace),
            ModuleDecl::TsExportAssignment(export) => {
                self.unsupported(export.span, "export =");
                self.effect(&export.expr);
            }
            ModuleDecl::ExportAll(_) | ModuleDecl::TsNamespaceExport(_) => {}
        }
    }

    fn export(&mut self, name: String, slot: SlotId, at: TextRange) {
        self.loaded[slot.index()] = true;
        self.ir.exports.push(Export { name, slot, range: at });
    }

    /// `export const a = …`, `export function f() {…}` and so on.
    fn export_declared(&mut self, declaration: &'a Decl, namespace: Option<SlotId>) {
        for ident in declared_names(declaration) {
            if let Some(slot) = self.slot_of(ident) {
                self.export_ident(ident, slot, namespace);
            }
        }
    }

    /// Exports a binding from the module, or from the namespace around.
    pub(super) fn export_ident(&mut self, ident: &'a ast::Ident, slot: SlotId, namespace: Option<SlotId>) {
        match namespace {
            None => self.export(ident.sym.to_string(), slot, range(ident)),
            Some(namespace) => self.set_member(namespace, &ident.sym, slot, range(ident)),
        }
    }

    fn export_default_function(&mut self, function: &'a ast::FnExpr) {
        if function.function.body.is_none() {
            return;
        }
        let whole = range(&*function.function);
        let (name, head, slot) = match &function.ident {
            Some(ident) => (&*ident.sym, Some(range(ident)), self.slot_of(ident)),
            None => ("default", None, None),
        };
        let slot = slot.unwrap_or_else(|| self.temporary(whole));
        self.store_function(&function.function, name, head, slot);
        self.export("default".to_owned(), slot, head.unwrap_or(whole));
    }

    fn export_default_class(&mut self, class: &'a ast::ClassExpr) {
        let whole = range(&*class.class);
        let (name, head, slot) = match &class.ident {
            Some(ident) => (&*ident.sym, range(ident), self.slot_of(ident)),
            None => ("default", whole, None),
        };
        let slot = slot.unwrap_or_else(|| self.temporary(whole));
        self.store_class(&class.class, name, slot, head);
        self.export("default".to_owned(), slot, head);
    }

    fn export_named(&mut self, export: &'a ast::NamedExport) {
        if export.type_only {
            return;
        }
        let mut slots = Vec::new();
        for specifier in &export.specifiers {
            let (original, name, at) = match specifier {
                ExportSpecifier::Named(named) if named.is_type_only => continue,
                ExportSpecifier::Named(named) => {
                    let name = named.exported.as_ref().unwrap_or(&named.orig);
                    (Some(&named.orig), export_name(name), range(name))
                }
                ExportSpecifier::Namespace(namespace) => (None, export_name(&namespace.name), range(&namespace.name)),
                ExportSpecifier::Default(default) => (None, default.exported.sym.to_string(), range(&default.exported)),
            };
            if export.src.is_some() {
                let slot = self.temporary(at);
                slots.push(slot);
                self.export(name, slot, at);
            } else if let Some(ModuleExportName::Ident(ident)) = original
                && let Some(slot) = self.slot_of(ident)
            {
                self.export(name, slot, at);
            }
        }
        if let Some(source) = &export.src {
            self.import_from(source, range(export), slots);
        }
    }

    fn import(&mut self, import: &'a ast::ImportDecl) {
        if import.type_only {
            return;
        }
        let mut slots = Vec::new();
        for specifier in &import.specifiers {
            let local = match specifier {
                ast::ImportSpecifier::Named(named) if named.is_type_only => continue,
                ast::ImportSpecifier::Named(named) => &named.local,
                ast::ImportSpecifier::Default(default) => &default.local,
                ast::ImportSpecifier::Namespace(namespace) => &namespace.local,
            };
            slots.extend(self.slot_of(local));
        }
        if slots.is_empty() && !import.specifiers.is_empty() {
            return;
        }
        self.import_from(&import.src, range(import), slots);
    }

    pub(super) fn import_from(&mut self, source: &ast::Str, at: TextRange, slots: Vec<SlotId>) {
        self.ir.imports.push(Import { specifier: source.value.to_string_lossy().into_owned(), range: at, slots });
    }

    /// TypeScript leaves out an import none of whose names is used as a value.
    fn drop_type_imports(&mut self) {
        if self.typescript {
            let loaded = &self.loaded;
            self.ir.imports.retain(|import| import.slots.is_empty() || import.slots.iter().any(|slot| loaded[slot.index()]));
        }
    }
}

/// The names a declaration declares.
fn declared_names(declaration: &Decl) -> Vec<&ast::Ident> {
    match declaration {
        Decl::Class(class) => vec![&class.ident],
        Decl::Fn(function) => vec![&function.ident],
        Decl::Var(variables) => variables.decls.iter().flat_map(|declarator| pattern_names(&declarator.name)).collect(),
        Decl::Using(using) => using.decls.iter().flat_map(|declarator| pattern_names(&declarator.name)).collect(),
        Decl::TsEnum(each) => vec![&each.id],
        Decl::TsModule(module) => match &module.id {
            ast::TsModuleName::Ident(ident) => vec![ident],
            ast::TsModuleName::Str(_) => Vec::new(),
        },
        Decl::TsInterface(_) | Decl::TsTypeAlias(_) => Vec::new(),
    }
}

/// Whether a statement of a namespace exists when the program runs.
pub(super) fn is_value_statement(statement: &Stmt) -> bool {
    match statement {
        Stmt::Decl(declaration) => is_value_declaration(declaration),
        Stmt::Empty(_) => false,
        _ => true,
    }
}

/// Whether a declaration exists when the program runs.
pub(super) fn is_value_declaration(declaration: &Decl) -> bool {
    match declaration {
        Decl::TsInterface(_) | Decl::TsTypeAlias(_) => false,
        Decl::Class(class) => !class.declare,
        Decl::Fn(function) => !function.declare && function.function.body.is_some(),
        Decl::Var(variables) => !variables.declare,
        Decl::TsEnum(each) => !each.declare,
        Decl::TsModule(module) => super::typescript::is_instantiated(module),
        Decl::Using(_) => true,
    }
}
