//! Classes: keys and heritage are evaluated where the class stands, members have bodies.

use swc_ecma_ast as ast;
use swc_ecma_ast::{ClassMember as Member, Expr, ParamOrTsParamProp, TsParamPropParam};

use super::expression::range;
use super::function::{FunctionRole, Heading, is_strict};
use super::literal::key_name;
use super::pattern::Binding;
use super::{Lowering, NodeKind, node_key};
use crate::semantic::ir::{Class, ClassId, ClassMember, FuncId, FunctionKind, Key, MemberKind, OpKind, ParamDecl, Reg, SlotId, SlotKind};
use crate::source::TextRange;

impl<'a> Lowering<'a> {
    pub(super) fn class_declaration(&mut self, declaration: &'a ast::ClassDecl) {
        if declaration.declare {
            return;
        }
        let slot = self.declare(&declaration.ident, SlotKind::Class);
        self.store_class(&declaration.class, &declaration.ident.sym, slot, range(&declaration.ident));
    }

    /// Makes a class as the first value of `slot`.
    pub(super) fn store_class(&mut self, class: &'a ast::Class, name: &str, slot: SlotId, at: TextRange) {
        let value = self.class(class, name);
        self.store(slot, value, true, at);
    }

    pub(super) fn class_expression(&mut self, expression: &'a ast::ClassExpr, name: &str) -> Reg {
        let Some(ident) = &expression.ident else { return self.class(&expression.class, name) };
        let slot = self.declare(ident, SlotKind::Class);
        let value = self.class(&expression.class, &ident.sym);
        self.store(slot, value, true, range(ident));
        value
    }

    fn class(&mut self, class: &'a ast::Class, name: &str) -> Reg {
        self.decorated(&class.decorators);
        let strict = std::mem::replace(&mut self.f.strict, true);
        let superclass = class.super_class.as_ref().map(|superclass| self.value(superclass));
        let mut constructor = None;
        let mut members = Vec::new();
        for member in &class.body {
            match member {
                Member::Constructor(written) if written.body.is_some() => {
                    constructor = Some(self.constructor(written, name, superclass.is_some()));
                }
                other => members.extend(self.class_member(other)),
            }
        }
        self.f.strict = strict;
        let id = ClassId(self.ir.classes.len() as u32);
        let at = range(class);
        self.ir.classes.push(Class { name: name.to_owned(), range: at, constructor, members });
        self.f.push(OpKind::Class { class: id, superclass }, at)
    }

    /// A member, unless it is only a type.
    fn class_member(&mut self, member: &'a Member) -> Option<ClassMember> {
        match member {
            Member::Method(method) if method.function.body.is_some() => {
                let key = self.property_key(&method.key);
                let kind = self.class_method(&method.function, method.kind, &key, range(&method.key));
                Some(ClassMember { is_static: method.is_static, key, kind })
            }
            Member::PrivateMethod(method) if method.function.body.is_some() => {
                let key = Key::Private(method.key.name.to_string());
                let kind = self.class_method(&method.function, method.kind, &key, range(&method.key));
                Some(ClassMember { is_static: method.is_static, key, kind })
            }
            Member::ClassProp(field) if !field.declare && !field.is_abstract => {
                self.decorated(&field.decorators);
                let key = self.property_key(&field.key);
                Some(self.field(key, range(&field.key), field.value.as_deref(), field.is_static))
            }
            Member::PrivateProp(field) => {
                self.decorated(&field.decorators);
                let key = Key::Private(field.key.name.to_string());
                Some(self.field(key, range(&field.key), field.value.as_deref(), field.is_static))
            }
            Member::AutoAccessor(accessor) if !accessor.is_abstract => {
                self.decorated(&accessor.decorators);
                let key = match &accessor.key {
                    ast::Key::Private(name) => Key::Private(name.name.to_string()),
                    ast::Key::Public(name) => self.property_key(name),
                };
                Some(self.field(key, range(&accessor.key), accessor.value.as_deref(), accessor.is_static))
            }
            Member::StaticBlock(block) => Some(self.static_block(block)),
            _ => None,
        }
    }

    fn class_method(&mut self, function: &'a ast::Function, kind: ast::MethodKind, key: &Key, head: TextRange) -> MemberKind {
        self.decorated(&function.decorators);
        function.params.iter().for_each(|param| self.decorated(&param.decorators));
        let id = self.function(function, FunctionRole::Method, &key_name(key), Some(head), range(function));
        match kind {
            ast::MethodKind::Method => MemberKind::Method(id),
            ast::MethodKind::Getter => MemberKind::Getter(id),
            ast::MethodKind::Setter => MemberKind::Setter(id),
        }
    }

    /// A field; the initialiser is a body that returns the value, with `this` bound.
    fn field(&mut self, key: Key, head: TextRange, value: Option<&'a Expr>, is_static: bool) -> ClassMember {
        let initializer = value.map(|value| {
            let name = key_name(&key);
            let kind = FunctionKind { is_initializer: true, ..FunctionKind::default() };
            let heading = Heading { name: &name, range: range(value), head: Some(head), kind, strict: true };
            self.within(node_key(value, NodeKind::Initializer), &heading, |this| {
                let result = this.value_named(value, &name);
                this.f.leave(result, range(value));
            })
        });
        ClassMember { is_static, key, kind: MemberKind::Field(initializer) }
    }

    fn static_block(&mut self, block: &'a ast::StaticBlock) -> ClassMember {
        let kind = FunctionKind { is_initializer: true, ..FunctionKind::default() };
        let heading = Heading { name: "", range: range(block), head: None, kind, strict: true };
        let id = self.within(node_key(block, NodeKind::Initializer), &heading, |this| {
            this.declare_function_scope(&block.body.stmts);
            this.block(&block.body);
        });
        ClassMember { is_static: true, key: Key::Name(String::new()), kind: MemberKind::StaticBlock(id) }
    }

    fn constructor(&mut self, constructor: &'a ast::Constructor, class: &str, derived: bool) -> FuncId {
        let statements = constructor.body.as_ref().map(|body| body.stmts.as_slice()).unwrap_or_default();
        let kind = FunctionKind { is_method: true, is_constructor: true, ..FunctionKind::default() };
        let at = range(constructor);
        let heading = Heading { name: class, range: at, head: Some(range(&constructor.key)), kind, strict: is_strict(statements) };
        self.within(node_key(constructor, NodeKind::Constructor), &heading, |this| {
            for param in &constructor.params {
                this.declare_constructor_parameter(param);
            }
            this.declare_function_scope(statements);
            for param in &constructor.params {
                this.constructor_parameter(param);
            }
            if !derived {
                this.store_parameter_properties(at);
            }
            this.declare_block(statements);
            this.statements(statements);
        })
    }

    fn declare_constructor_parameter(&mut self, param: &'a ParamOrTsParamProp) {
        match param {
            ParamOrTsParamProp::Param(param) => self.declare_pattern(&param.pat, SlotKind::Param),
            ParamOrTsParamProp::TsParamProp(property) => match &property.param {
                TsParamPropParam::Ident(ident) => {
                    self.declare(&ident.id, SlotKind::Param);
                }
                TsParamPropParam::Assign(assign) => self.declare_pattern(&assign.left, SlotKind::Param),
            },
        }
    }

    fn constructor_parameter(&mut self, param: &'a ParamOrTsParamProp) {
        let property = match param {
            ParamOrTsParamProp::Param(param) => {
                self.decorated(&param.decorators);
                return self.parameter(&param.pat);
            }
            ParamOrTsParamProp::TsParamProp(property) => property,
        };
        self.decorated(&property.decorators);
        let index = self.f.params.len() as u32;
        let (ident, has_default) = match &property.param {
            TsParamPropParam::Ident(ident) => (Some(ident), false),
            TsParamPropParam::Assign(assign) => (assign.left.as_ident(), true),
        };
        let Some(ident) = ident else { return };
        let at = self.name_range(&ident.id);
        self.f.params.push(ParamDecl { name: Some(ident.id.sym.to_string()), range: at, rest: false, has_default });
        let slot = self.declare(&ident.id, SlotKind::Param);
        let value = self.f.push(OpKind::Param(index), at);
        match &property.param {
            TsParamPropParam::Ident(_) => self.store(slot, value, true, at),
            TsParamPropParam::Assign(assign) => self.bind_assign(assign, value, Binding::Declare(SlotKind::Param)),
        }
        self.f.after_super.push(slot);
    }

    fn bind_assign(&mut self, assign: &'a ast::AssignPat, value: Reg, binding: Binding) {
        self.bind_with_default(&assign.left, &assign.right, binding, |_, _| value);
    }
}
