//! Which function of a file is the one that agents call, and by which form it is defined.

use serde::{Deserialize, Serialize};
use swc_ecma_ast::{
    AssignExpr, AssignOp, AssignTarget, Decl, DefaultDecl, ExportSpecifier, Expr, Id, MemberExpr, MemberProp, ModuleDecl, ModuleExportName,
    ModuleItem, ObjectLit, Pat, Program, Prop, PropName, PropOrSpread, SimpleAssignTarget, Stmt,
};
use swc_ecma_visit::{Visit, VisitWith};

use crate::source::TextRange;
use crate::syntax::{Parsed, range_of};

/// The form that makes a function the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// `function execute …`, `const execute = …` at top level.
    Binding,
    /// `export function execute …`, `export const execute = …`, `export { x as execute }`
    Export,
    /// `export default function …`, `export default execute`
    DefaultExport,
    /// `export default { execute … }`
    DefaultExportMember,
    /// `module.exports = execute`
    CommonJs,
    /// `module.exports = { execute … }`, `exports.execute = …`, `module.exports.execute = …`
    CommonJsMember,
}

impl EntryKind {
    /// Whether the file expects `module` and `exports`.
    pub fn is_common_js(self) -> bool {
        matches!(self, EntryKind::CommonJs | EntryKind::CommonJsMember)
    }
}

/// The entry of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its form.
    pub kind: EntryKind,
    /// The name it was looked for by.
    pub name: String,
    /// The declaration, export or assignment that defines it.
    pub range: TextRange,
    /// The function itself, where the syntax shows which one it is: parameters and body, and for a
    /// declaration or method its head.
    pub function: Option<TextRange>,
}

/// Aliases followed from a name to a function.
const ALIASES_MAX: usize = 16;

/// The entry `name` of a file. What is exported under the name wins over a mere declaration, and
/// that over a default export of another name.
pub fn find_entry(parsed: &Parsed, name: &str) -> Option<Entry> {
    let file = File { parsed, name, bindings: top_level_bindings(&parsed.program) };
    file.exported().or_else(|| file.common_js()).or_else(|| file.binding()).or_else(|| file.default_export())
}

/// A name declared at top level and what it was given.
struct Binding<'a> {
    id: Id,
    range: TextRange,
    value: Value<'a>,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Function(TextRange),
    Expression(&'a Expr),
    Unknown,
}

struct File<'a> {
    parsed: &'a Parsed,
    name: &'a str,
    bindings: Vec<Binding<'a>>,
}

impl<'a> File<'a> {
    fn entry(&self, kind: EntryKind, range: TextRange, function: Option<TextRange>) -> Option<Entry> {
        Some(Entry { kind, name: self.name.to_owned(), range, function })
    }

    /// `export … execute …` or a member of the default export.
    fn exported(&self) -> Option<Entry> {
        let Program::Module(module) = &self.parsed.program else { return None };
        let declarations = module.body.iter().filter_map(ModuleItem::as_module_decl);
        declarations.clone().find_map(|item| self.named_export(item)).or_else(|| {
            declarations.clone().find_map(|item| {
                let ModuleDecl::ExportDefaultExpr(export) = item else { return None };
                let member = self.member(self.object(&export.expr)?)?;
                self.entry(EntryKind::DefaultExportMember, range_of(export.span), member)
            })
        })
    }

    fn named_export(&self, item: &ModuleDecl) -> Option<Entry> {
        match item {
            ModuleDecl::ExportDecl(export) => {
                let mut bindings = self.bindings.iter();
                let binding =
                    bindings.rfind(|b| &*b.id.0 == self.name && range_of(export.span).contains(b.range) && !self.is_data(b.value))?;
                self.entry(EntryKind::Export, range_of(export.span), self.function_of(binding.value))
            }
            ModuleDecl::ExportNamed(export) if export.src.is_none() && !export.type_only => {
                export.specifiers.iter().find_map(|specifier| {
                    let ExportSpecifier::Named(named) = specifier else { return None };
                    let outside = named.exported.as_ref().unwrap_or(&named.orig);
                    if named.is_type_only || export_name(outside) != self.name {
                        return None;
                    }
                    let ModuleExportName::Ident(local) = &named.orig else { return None };
                    let value = self.resolve(&local.to_id());
                    if value.is_some_and(|value| self.is_data(value)) {
                        return None;
                    }
                    self.entry(EntryKind::Export, range_of(named.span), value.and_then(|value| self.function_of(value)))
                })
            }
            _ => None,
        }
    }

    fn default_export(&self) -> Option<Entry> {
        let Program::Module(module) = &self.parsed.program else { return None };
        module.body.iter().filter_map(ModuleItem::as_module_decl).find_map(|item| match item {
            ModuleDecl::ExportDefaultDecl(export) => match &export.decl {
                DefaultDecl::Fn(function) if function.function.body.is_some() => {
                    self.entry(EntryKind::DefaultExport, range_of(export.span), Some(range_of(function.function.span)))
                }
                _ => None,
            },
            ModuleDecl::ExportDefaultExpr(export) => match self.function_of(Value::Expression(&export.expr)) {
                Some(function) => self.entry(EntryKind::DefaultExport, range_of(export.span), Some(function)),
                None => None,
            },
            _ => None,
        })
    }

    /// The last top-level assignment to `module.exports` or a member of it that defines the entry.
    fn common_js(&self) -> Option<Entry> {
        let Program::Script(script) = &self.parsed.program else { return None };
        script.body.iter().rev().find_map(|statement| {
            let Stmt::Expr(statement) = statement else { return None };
            let mut expression = unwrapped(&statement.expr);
            let mut found = None;
            while let Expr::Assign(assign) = expression {
                found = self.common_js_assignment(assign).or(found);
                expression = unwrapped(&assign.right);
            }
            found
        })
    }

    fn common_js_assignment(&self, assign: &'a AssignExpr) -> Option<Entry> {
        let AssignTarget::Simple(SimpleAssignTarget::Member(target)) = &assign.left else { return None };
        if assign.op != AssignOp::Assign {
            return None;
        }
        let range = range_of(assign.span);
        let mut value = unwrapped(&assign.right);
        while let Expr::Assign(inner) = value {
            value = unwrapped(&inner.right);
        }
        if self.is_module_exports(target) {
            if let Some(object) = self.object(value) {
                return self.entry(EntryKind::CommonJsMember, range, self.member(object)?);
            }
            return self.entry(EntryKind::CommonJs, range, Some(self.function_of(Value::Expression(value))?));
        }
        let of_exports = match unwrapped(&target.obj) {
            Expr::Member(object) => self.is_module_exports(object),
            object => self.is_free(object, "exports"),
        };
        if of_exports && property_name(&target.prop).as_deref() == Some(self.name) {
            return self.entry(EntryKind::CommonJsMember, range, self.function_of(Value::Expression(value)));
        }
        None
    }

    fn is_module_exports(&self, member: &MemberExpr) -> bool {
        self.is_free(&member.obj, "module") && property_name(&member.prop).as_deref() == Some("exports")
    }

    fn is_free(&self, expression: &Expr, name: &str) -> bool {
        matches!(unwrapped(expression), Expr::Ident(ident) if ident.sym == *name && ident.ctxt == self.parsed.unresolved)
    }

    fn binding(&self) -> Option<Entry> {
        let binding = self.bindings.iter().rfind(|binding| &*binding.id.0 == self.name && !self.is_data(binding.value))?;
        self.entry(EntryKind::Binding, binding.range, self.function_of(binding.value))
    }

    /// The member `name` of an object literal: outer `None` where it has none, inner `None` where
    /// it is not plainly a function.
    fn member(&self, object: &'a ObjectLit) -> Option<Option<TextRange>> {
        object.props.iter().rev().find_map(|property| {
            let PropOrSpread::Prop(property) = property else { return None };
            match &**property {
                Prop::Shorthand(ident) if ident.sym == *self.name => {
                    Some(self.resolve(&ident.to_id()).and_then(|value| self.function_of(value)))
                }
                Prop::KeyValue(pair) if key_name(&pair.key).as_deref() == Some(self.name) => {
                    Some(self.function_of(Value::Expression(&pair.value)))
                }
                Prop::Method(method) if key_name(&method.key).as_deref() == Some(self.name) => Some(Some(range_of(method.function.span))),
                _ => None,
            }
        })
    }

    /// The object literal that an expression is or names.
    fn object(&self, expression: &'a Expr) -> Option<&'a ObjectLit> {
        let mut expression = unwrapped(expression);
        for _ in 0..ALIASES_MAX {
            match expression {
                Expr::Object(object) => return Some(object),
                Expr::Ident(ident) => match self.resolve(&ident.to_id())? {
                    Value::Expression(value) => expression = unwrapped(value),
                    _ => return None,
                },
                _ => return None,
            }
        }
        None
    }

    fn function_of(&self, value: Value<'_>) -> Option<TextRange> {
        let mut value = value;
        for _ in 0..ALIASES_MAX {
            match value {
                Value::Function(range) => return Some(range),
                Value::Unknown => return None,
                Value::Expression(expression) => match unwrapped(expression) {
                    Expr::Fn(function) => return Some(range_of(function.function.span)),
                    Expr::Arrow(arrow) => return Some(range_of(arrow.span)),
                    Expr::Ident(ident) => value = self.resolve(&ident.to_id())?,
                    _ => return None,
                },
            }
        }
        None
    }

    /// Whether a value is plainly something that cannot be called.
    fn is_data(&self, value: Value<'_>) -> bool {
        let mut value = value;
        for _ in 0..ALIASES_MAX {
            let Value::Expression(expression) = value else { return false };
            match unwrapped(expression) {
                Expr::Lit(_) | Expr::Tpl(_) | Expr::Object(_) | Expr::Array(_) => return true,
                Expr::Ident(ident) => match self.resolve(&ident.to_id()) {
                    Some(next) => value = next,
                    None => return false,
                },
                _ => return false,
            }
        }
        false
    }

    fn resolve(&self, id: &Id) -> Option<Value<'a>> {
        self.bindings.iter().rfind(|binding| binding.id == *id).map(|binding| binding.value)
    }
}

/// An expression without parentheses and TypeScript's annotations.
fn unwrapped(expression: &Expr) -> &Expr {
    let mut expression = expression;
    loop {
        expression = match expression {
            Expr::Paren(inner) => &inner.expr,
            Expr::TsAs(inner) => &inner.expr,
            Expr::TsSatisfies(inner) => &inner.expr,
            Expr::TsNonNull(inner) => &inner.expr,
            Expr::TsTypeAssertion(inner) => &inner.expr,
            Expr::TsConstAssertion(inner) => &inner.expr,
            _ => return expression,
        };
    }
}

fn export_name(name: &ModuleExportName) -> String {
    match name {
        ModuleExportName::Ident(ident) => ident.sym.to_string(),
        ModuleExportName::Str(string) => string.value.to_string_lossy().into_owned(),
    }
}

fn property_name(property: &MemberProp) -> Option<String> {
    match property {
        MemberProp::Ident(ident) => Some(ident.sym.to_string()),
        MemberProp::Computed(computed) => match unwrapped(&computed.expr) {
            Expr::Lit(swc_ecma_ast::Lit::Str(string)) => Some(string.value.to_string_lossy().into_owned()),
            _ => None,
        },
        MemberProp::PrivateName(_) => None,
    }
}

fn key_name(key: &PropName) -> Option<String> {
    match key {
        PropName::Ident(ident) => Some(ident.sym.to_string()),
        PropName::Str(string) => Some(string.value.to_string_lossy().into_owned()),
        PropName::Computed(computed) => match unwrapped(&computed.expr) {
            Expr::Lit(swc_ecma_ast::Lit::Str(string)) => Some(string.value.to_string_lossy().into_owned()),
            _ => None,
        },
        _ => None,
    }
}

fn top_level_bindings(program: &Program) -> Vec<Binding<'_>> {
    let mut bindings = Vec::new();
    match program {
        Program::Script(script) => {
            for statement in &script.body {
                if let Stmt::Decl(declaration) = statement {
                    declared(declaration, &mut bindings);
                }
            }
        }
        Program::Module(module) => {
            for item in &module.body {
                match item {
                    ModuleItem::Stmt(Stmt::Decl(declaration)) => declared(declaration, &mut bindings),
                    ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => declared(&export.decl, &mut bindings),
                    ModuleItem::ModuleDecl(ModuleDecl::ExportDefaultDecl(export)) => {
                        if let DefaultDecl::Fn(function) = &export.decl
                            && let Some(ident) = &function.ident
                        {
                            let range = range_of(function.function.span);
                            bindings.push(Binding { id: ident.to_id(), range, value: Value::Function(range) });
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    bindings
}

fn declared<'a>(declaration: &'a Decl, bindings: &mut Vec<Binding<'a>>) {
    match declaration {
        Decl::Fn(function) if function.function.body.is_some() && !function.declare => {
            let range = range_of(function.function.span);
            bindings.push(Binding { id: function.ident.to_id(), range, value: Value::Function(range) });
        }
        Decl::Var(variables) if !variables.declare => {
            for variable in &variables.decls {
                let range = range_of(variable.span);
                if let Pat::Ident(ident) = &variable.name {
                    let value = variable.init.as_deref().map_or(Value::Unknown, Value::Expression);
                    bindings.push(Binding { id: ident.id.to_id(), range, value });
                } else {
                    let mut names = Names::default();
                    variable.name.visit_with(&mut names);
                    bindings.extend(names.ids.into_iter().map(|id| Binding { id, range, value: Value::Unknown }));
                }
            }
        }
        _ => {}
    }
}

/// The names that a destructuring pattern binds.
#[derive(Default)]
struct Names {
    ids: Vec<Id>,
}

impl Visit for Names {
    fn visit_expr(&mut self, _: &Expr) {}

    fn visit_binding_ident(&mut self, ident: &swc_ecma_ast::BindingIdent) {
        self.ids.push(ident.id.to_id());
    }

    fn visit_assign_pat_prop(&mut self, property: &swc_ecma_ast::AssignPatProp) {
        self.ids.push(property.key.id.to_id());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceFile;
    use crate::syntax::parse;

    fn entry(path: &str, text: &str) -> Option<(EntryKind, Option<String>)> {
        let source = SourceFile::new(path, text);
        let parsed = parse(&source).unwrap();
        find_entry(&parsed, "execute").map(|entry| (entry.kind, entry.function.map(|range| source.slice(range).to_owned())))
    }

    fn function(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn every_form_of_the_definition_is_found() {
        use EntryKind::*;
        for (text, kind, found) in [
            ("function execute(input) {}", Binding, function("function execute(input) {}")),
            ("async function execute(input) {}", Binding, function("async function execute(input) {}")),
            ("const execute = (input) => 1", Binding, function("(input) => 1")),
            ("let execute = function (input) {}", Binding, function("function (input) {}")),
            ("var run = () => 2, execute = run", Binding, function("() => 2")),
            ("const { execute } = tools", Binding, None),
            ("export function execute(input) {}", Export, function("function execute(input) {}")),
            ("export const execute = async (input) => 1", Export, function("async (input) => 1")),
            ("function run() {}\nexport { run as execute }", Export, function("function run() {}")),
            ("function execute() {}\nexport { execute }", Export, function("function execute() {}")),
            ("export default function (input) {}", DefaultExport, function("function (input) {}")),
            ("export default function run(input) {}", DefaultExport, function("function run(input) {}")),
            ("export default (input) => 1", DefaultExport, function("(input) => 1")),
            ("export default { execute(input) {} }", DefaultExportMember, function("execute(input) {}")),
            ("export default { execute: (input) => 1 }", DefaultExportMember, function("(input) => 1")),
            ("const tool = { execute() {} }; export default tool", DefaultExportMember, function("execute() {}")),
            ("function execute() {}\nmodule.exports = execute", CommonJs, function("function execute() {}")),
            ("module.exports = function (input) {}", CommonJs, function("function (input) {}")),
            ("function execute() {}\nmodule.exports = { execute }", CommonJsMember, function("function execute() {}")),
            ("exports.execute = (input) => 1", CommonJsMember, function("(input) => 1")),
            ("module.exports.execute = async (input) => 1", CommonJsMember, function("async (input) => 1")),
            ("module['exports']['execute'] = () => 1", CommonJsMember, function("() => 1")),
            // The right side runs first, so `exports` is no longer what the module exports.
            ("exports.execute = module.exports = () => 1", CommonJs, function("() => 1")),
        ] {
            assert_eq!(entry("a.js", text), Some((kind, found)), "{text}");
        }
    }

    #[test]
    fn typescript_forms_are_seen_through() {
        let text = "function execute(x: string): void;\nfunction execute(x: any) { return x }";
        assert_eq!(entry("a.ts", text), Some((EntryKind::Binding, function("function execute(x: any) { return x }"))));
        let text = "export default { execute(x: number) { return x } } satisfies Tool";
        assert_eq!(entry("a.ts", text), Some((EntryKind::DefaultExportMember, function("execute(x: number) { return x }"))));
    }

    #[test]
    fn what_only_looks_like_an_entry_is_none() {
        for text in [
            "const other = 1",
            "{ function execute2() {} }",
            "const module = {}; module.exports = { execute() {} }",
            "export { execute } from './other.js'",
            "module.exports = { run() {} }",
            "const execute = 'run'; function run() {}",
            "const execute = { name: 'execute' }; export { execute }",
        ] {
            assert_eq!(entry("a.js", text), None, "{text}");
        }
    }

    #[test]
    fn an_export_wins_over_a_declaration() {
        let text = "function execute() {}\nfunction run() {}\nexport { run as execute }";
        assert_eq!(entry("a.js", text), Some((EntryKind::Export, function("function run() {}"))));
    }
}
