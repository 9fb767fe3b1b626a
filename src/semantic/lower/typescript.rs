//! TypeScript: types are erased; enums and namespaces become objects.

use std::collections::HashMap;

use swc_ecma_ast as ast;
use swc_ecma_ast::{Expr, Lit, ModuleDecl, ModuleItem, TsEnumMemberId, TsModuleName, TsModuleRef, TsNamespaceBody};

use super::Lowering;
use super::expression::range;
use super::module::{is_value_declaration, is_value_statement};
use super::text::number_to_string;
use crate::semantic::ir::{BinaryOp, FuncId, Key, OpKind, PropertyInit, Reg, SlotId, SlotKind};
use crate::source::TextRange;

/// The expression that runs: without parentheses and casts.
pub(super) fn erased(mut expression: &Expr) -> &Expr {
    loop {
        expression = match expression {
            Expr::Paren(inner) => &inner.expr,
            Expr::TsAs(inner) => &inner.expr,
            Expr::TsNonNull(inner) => &inner.expr,
            Expr::TsTypeAssertion(inner) => &inner.expr,
            Expr::TsConstAssertion(inner) => &inner.expr,
            Expr::TsSatisfies(inner) => &inner.expr,
            Expr::TsInstantiation(inner) => &inner.expr,
            other => return other,
        }
    }
}

/// What is known of the members of an enum, over all its declarations: whether each is a string.
pub(super) type EnumMembers = HashMap<String, bool>;

/// An enum while its initialisers are lowered: they name earlier members directly.
pub(super) struct EnumScope {
    slot: SlotId,
    function: FuncId,
    values: HashMap<String, Reg>,
}

fn member_name(id: &TsEnumMemberId) -> String {
    match id {
        TsEnumMemberId::Ident(ident) => ident.sym.to_string(),
        TsEnumMemberId::Str(string) => string.value.to_string_lossy().into_owned(),
    }
}

/// The number an initialiser is, where it is one plainly.
fn plain_number(expression: &Expr) -> Option<f64> {
    match erased(expression) {
        Expr::Lit(Lit::Num(number)) => Some(number.value),
        Expr::Unary(unary) if unary.op == ast::UnaryOp::Minus => plain_number(&unary.arg).map(|number| -number),
        _ => None,
    }
}

/// Whether a namespace holds anything but types.
pub(super) fn is_instantiated(module: &ast::TsModuleDecl) -> bool {
    !module.declare && !module.global && module.body.as_ref().is_some_and(holds_values)
}

fn holds_values(body: &TsNamespaceBody) -> bool {
    match body {
        TsNamespaceBody::TsNamespaceDecl(inner) => holds_values(&inner.body),
        TsNamespaceBody::TsModuleBlock(block) => block.body.iter().any(|item| match item {
            ModuleItem::Stmt(statement) => is_value_statement(statement),
            ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => is_value_declaration(&export.decl),
            ModuleItem::ModuleDecl(_) => true,
        }),
    }
}

impl<'a> Lowering<'a> {
    pub(super) fn declare_namespace(&mut self, module: &'a ast::TsModuleDecl) {
        if let TsModuleName::Ident(ident) = &module.id
            && is_instantiated(module)
        {
            self.declare(ident, SlotKind::TypeScript);
        }
    }

    /// `namespace N { … }`: its body runs in place, its exports become properties of one object.
    pub(super) fn namespace(&mut self, module: &'a ast::TsModuleDecl) {
        let (TsModuleName::Ident(ident), Some(body)) = (&module.id, &module.body) else { return };
        if is_instantiated(module) {
            let slot = self.namespace_object(ident);
            self.namespace_body(slot, body);
        }
    }

    /// The slot of a namespace, holding an object: that of an earlier declaration, if there is one.
    fn namespace_object(&mut self, ident: &'a ast::Ident) -> SlotId {
        let slot = self.declare(ident, SlotKind::TypeScript);
        if self.ir.slot(slot).stores == 0 {
            let object = self.f.push(OpKind::Object(Vec::new()), range(ident));
            self.store(slot, object, true, range(ident));
        }
        slot
    }

    fn namespace_body(&mut self, slot: SlotId, body: &'a TsNamespaceBody) {
        match body {
            TsNamespaceBody::TsModuleBlock(block) => {
                self.declare_deep(&block.body);
                self.declare_items(&block.body);
                self.items(&block.body, Some(slot));
            }
            TsNamespaceBody::TsNamespaceDecl(inner) => {
                let nested = self.namespace_object(&inner.id);
                self.set_member(slot, &inner.id.sym, nested, range(&inner.id));
                self.namespace_body(nested, &inner.body);
            }
        }
    }

    /// `namespace.name = variable`
    pub(super) fn set_member(&mut self, namespace: SlotId, name: &str, variable: SlotId, at: TextRange) {
        let object = self.load(namespace, at);
        let value = self.load(variable, at);
        self.f.push(OpKind::Set { object, key: Key::Name(name.to_owned()), value }, at);
    }

    /// `import x = require("y")`, `import x = N.y`
    pub(super) fn import_equals(&mut self, import: &'a ast::TsImportEqualsDecl, namespace: Option<SlotId>) {
        if import.is_type_only {
            return;
        }
        self.unsupported(import.span, "import =");
        let slot = self.declare(&import.id, SlotKind::Import);
        match &import.module_ref {
            TsModuleRef::TsExternalModuleRef(external) => self.import_from(&external.expr, range(import), vec![slot]),
            TsModuleRef::TsEntityName(name) => {
                let value = self.entity(name);
                self.store(slot, value, true, range(&import.id));
            }
        }
        if import.is_export {
            self.export_ident(&import.id, slot, namespace);
        }
    }

    fn entity(&mut self, name: &'a ast::TsEntityName) -> Reg {
        match name {
            ast::TsEntityName::Ident(ident) => self.identifier(ident),
            ast::TsEntityName::TsQualifiedName(qualified) => {
                let object = self.entity(&qualified.left);
                let key = Key::Name(qualified.right.sym.to_string());
                self.f.push(OpKind::Get { object, key, optional: false }, range(&**qualified))
            }
        }
    }

    /// The enum around whose initialiser names one of its members so.
    fn enum_with(&self, ident: &ast::Ident) -> Option<&EnumScope> {
        let scope = self
            .enum_scopes
            .iter()
            .rev()
            .find(|scope| self.enums.get(&scope.slot).is_some_and(|members| members.contains_key(&*ident.sym)));
        scope.filter(|_| ident.ctxt == self.unresolved)
    }

    pub(super) fn is_enum_member(&self, ident: &ast::Ident) -> bool {
        self.enum_with(ident).is_some()
    }

    /// The value of an enum's member inside its own initialisers.
    pub(super) fn enum_member(&mut self, ident: &'a ast::Ident) -> Option<Reg> {
        let scope = self.enum_with(ident)?;
        if scope.function == self.f.id
            && let Some(&value) = scope.values.get(&*ident.sym)
        {
            return Some(value);
        }
        let slot = scope.slot;
        let object = self.load(slot, range(ident));
        Some(self.f.push(OpKind::Get { object, key: Key::Name(ident.sym.to_string()), optional: false }, range(ident)))
    }

    /// `enum E { … }`: one object with members and, for numbers, the way back; or more members for
    /// the object of an earlier declaration.
    pub(super) fn enum_declaration(&mut self, declaration: &'a ast::TsEnumDecl) {
        if declaration.declare {
            return;
        }
        let slot = self.declare(&declaration.id, SlotKind::TypeScript);
        self.enum_scopes.push(EnumScope { slot, function: self.f.id, values: HashMap::new() });
        let mut properties = Vec::new();
        let mut previous = None;
        for member in &declaration.members {
            self.enum_property(slot, member, &mut previous, &mut properties);
        }
        self.enum_scopes.pop();
        let at = TextRange::new(range(declaration).start, range(&declaration.id).end);
        if self.ir.slot(slot).stores == 0 {
            let object = self.f.push(OpKind::Object(properties), at);
            self.store(slot, object, true, range(&declaration.id));
            return;
        }
        let object = self.load(slot, at);
        for property in properties {
            if let PropertyInit::Value(key, value, at) = property {
                self.f.push(OpKind::Set { object, key, value }, at);
            }
        }
    }

    fn enum_property(
        &mut self,
        slot: SlotId,
        member: &'a ast::TsEnumMember,
        previous: &mut Option<(Reg, Option<f64>)>,
        properties: &mut Vec<PropertyInit>,
    ) {
        let (name, at) = (member_name(&member.id), range(member));
        let is_string = member.init.as_deref().is_some_and(|init| self.is_string(init));
        let (value, number) = match (&member.init, *previous) {
            (Some(init), _) => (self.value(init), plain_number(init)),
            (None, Some((_, Some(number)))) => (self.f.number(number + 1.0, at), Some(number + 1.0)),
            (None, Some((before, None))) => {
                let one = self.f.number(1.0, at);
                (self.f.binary(BinaryOp::Add, before, one, at), None)
            }
            (None, None) => (self.f.number(0.0, at), Some(0.0)),
        };
        *previous = Some((value, number));
        self.enums.entry(slot).or_default().insert(name.clone(), is_string);
        if let Some(scope) = self.enum_scopes.last_mut() {
            scope.values.insert(name.clone(), value);
        }
        properties.push(PropertyInit::Value(Key::Name(name.clone()), value, at));
        if !is_string {
            let back = self.f.string(name, at);
            let key = number.map_or(Key::Computed(value), |number| Key::Name(number_to_string(number)));
            properties.push(PropertyInit::Value(key, back, at));
        }
    }

    /// Whether an initialiser is a string, as TypeScript sees without types.
    fn is_string(&self, expression: &Expr) -> bool {
        match erased(expression) {
            Expr::Lit(Lit::Str(_)) | Expr::Tpl(_) => true,
            Expr::Bin(binary) if binary.op == ast::BinaryOp::Add => self.is_string(&binary.left) || self.is_string(&binary.right),
            Expr::Ident(ident) => {
                self.enum_with(ident).and_then(|scope| self.enums.get(&scope.slot)?.get(&*ident.sym)).is_some_and(|is_string| *is_string)
            }
            _ => false,
        }
    }
}
