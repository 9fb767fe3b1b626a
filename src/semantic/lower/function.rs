//! Functions: a body of its own for each, and the closure where it stands.

use swc_ecma_ast as ast;
use swc_ecma_ast::{ArrowFunctionBody, Decl, Pat, Stmt};

use super::builder::Builder;
use super::expression::range;
use super::pattern::Binding;
use super::scope::unlabelled;
use super::{Lowering, NodeKey, NodeKind, node_key};
use crate::semantic::ir::{Body, FuncId, FunctionKind, Key, OpKind, ParamDecl, Reg, SlotId, SlotKind};
use crate::source::TextRange;

/// How a function is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FunctionRole {
    /// `function`
    Plain,
    /// A method or accessor.
    Method,
}

/// What a body is called and where it stands.
pub(super) struct Heading<'n> {
    pub(super) name: &'n str,
    pub(super) range: TextRange,
    /// The range of its own name, if it has one.
    pub(super) head: Option<TextRange>,
    pub(super) kind: FunctionKind,
    pub(super) strict: bool,
}

/// Whether a body begins with `"use strict"`.
pub(super) fn is_strict(statements: &[Stmt]) -> bool {
    statements.iter().take_while(|statement| statement.can_precede_directive()).any(Stmt::is_use_strict)
}

/// Which parameter `asserts x is T` speaks of.
fn asserted(annotation: Option<&ast::TsTypeAnn>, params: &[ParamDecl]) -> Option<u32> {
    let ast::TsType::TsTypePredicate(predicate) = &*annotation?.type_ann else { return None };
    let ast::TsThisTypeOrIdent::Ident(ident) = &predicate.param_name else { return None };
    let at = params.iter().position(|param| param.name.as_deref() == Some(&*ident.sym))?;
    predicate.asserts.then_some(at as u32)
}

impl<'a> Lowering<'a> {
    /// Lowers a body of its own, once: another copy of its surroundings gets the same function.
    pub(super) fn within(&mut self, key: NodeKey, heading: &Heading<'_>, body: impl FnOnce(&mut Self)) -> FuncId {
        if let Some(&id) = self.functions.get(&key) {
            return id;
        }
        let id = self.reserve_function();
        self.functions.insert(key, id);
        let mut builder = Builder::new(id);
        builder.kind = heading.kind;
        builder.strict = self.f.strict || heading.strict;
        builder.has_arguments = if heading.kind.is_arrow { self.f.has_arguments } else { !heading.kind.is_initializer };
        let outer = std::mem::replace(&mut self.f, builder);
        body(self);
        self.return_undefined(self.last_token(heading.range));
        let parent = outer.id;
        let builder = std::mem::replace(&mut self.f, outer);
        self.finish_body(builder, heading, Some(parent));
        id
    }

    /// Puts a finished body in its place.
    pub(super) fn finish_body(&mut self, mut builder: Builder<'a>, heading: &Heading<'_>, parent: Option<FuncId>) {
        let (id, strict, asserts_param) = (builder.id, builder.strict, builder.asserts_param);
        let params = std::mem::take(&mut builder.params);
        let (ops, blocks) = builder.finish();
        self.ir.bodies[id.index()] = Body {
            id,
            parent,
            name: heading.name.to_owned(),
            range: heading.range,
            head: heading.head.unwrap_or_else(|| self.first_token(heading.range)),
            kind: heading.kind,
            params,
            strict,
            ops,
            blocks,
            asserts_param,
        };
    }

    /// The end of a body that falls off its end.
    pub(super) fn return_undefined(&mut self, at: TextRange) {
        if !self.f.is_dead() {
            let value = self.f.undefined(at);
            self.f.leave(value, at);
        }
    }

    /// Lowers a function; `head` is the range of its name.
    pub(super) fn function(
        &mut self,
        function: &'a ast::Function,
        role: FunctionRole,
        name: &str,
        head: Option<TextRange>,
        whole: TextRange,
    ) -> FuncId {
        let Some(body) = &function.body else { return self.reserve_function() };
        let kind = FunctionKind {
            is_async: function.is_async,
            is_generator: function.is_generator,
            is_method: role == FunctionRole::Method,
            ..FunctionKind::default()
        };
        let heading = Heading { name, range: whole, head, kind, strict: is_strict(&body.stmts) };
        self.within(node_key(function, NodeKind::Function), &heading, |this| {
            let params: Vec<&Pat> = function.params.iter().map(|param| &param.pat).collect();
            this.parameters(&params, &body.stmts);
            this.f.asserts_param = asserted(function.return_type.as_deref(), &this.f.params);
            this.body_statements(&body.stmts);
        })
    }

    pub(super) fn arrow(&mut self, arrow: &'a ast::ArrowExpr, name: &str) -> Reg {
        let at = range(arrow);
        let kind = FunctionKind { is_async: arrow.is_async, is_arrow: true, ..FunctionKind::default() };
        let strict = matches!(&*arrow.body, ArrowFunctionBody::FunctionBody(body) if is_strict(&body.stmts));
        let heading = Heading { name, range: at, head: None, kind, strict };
        let id = self.within(node_key(arrow, NodeKind::Arrow), &heading, |this| {
            let params: Vec<&Pat> = arrow.params.iter().collect();
            match &*arrow.body {
                ArrowFunctionBody::FunctionBody(body) => {
                    this.parameters(&params, &body.stmts);
                    this.f.asserts_param = asserted(arrow.return_type.as_deref(), &this.f.params);
                    this.body_statements(&body.stmts);
                }
                ArrowFunctionBody::Expr(expression) => {
                    this.parameters(&params, &[]);
                    let value = this.value(expression);
                    this.f.leave(value, range(&**expression));
                }
            }
        });
        self.f.push(OpKind::Function(id), at)
    }

    pub(super) fn function_expression(&mut self, expression: &'a ast::FnExpr, name: &str) -> Reg {
        let at = range(&*expression.function);
        let own = expression.ident.as_ref().map(|ident| (ident, self.declare(ident, SlotKind::Function)));
        self.own_names.extend(own.map(|(_, slot)| slot));
        let name = own.map_or(name, |(ident, _)| &ident.sym);
        let head = own.map(|(ident, _)| range(ident));
        let id = self.function(&expression.function, FunctionRole::Plain, name, head, at);
        let closure = self.f.push(OpKind::Function(id), at);
        if let Some((ident, slot)) = own {
            self.store(slot, closure, true, range(ident));
        }
        closure
    }

    /// Stores the closure of a function declaration: the start of its scope.
    pub(super) fn hoist_function(&mut self, statement: &'a Stmt) {
        if let Stmt::Decl(Decl::Fn(declaration)) = unlabelled(statement) {
            self.function_declaration(declaration);
        }
    }

    pub(super) fn function_declaration(&mut self, declaration: &'a ast::FnDecl) {
        if declaration.declare || declaration.function.body.is_none() {
            return;
        }
        let slot = self.declare(&declaration.ident, SlotKind::Function);
        self.store_function(&declaration.function, &declaration.ident.sym, Some(range(&declaration.ident)), slot);
    }

    /// Stores a closure as the first value of `slot`.
    pub(super) fn store_function(&mut self, function: &'a ast::Function, name: &str, head: Option<TextRange>, slot: SlotId) {
        let at = range(function);
        let id = self.function(function, FunctionRole::Plain, name, head, at);
        let closure = self.f.push(OpKind::Function(id), at);
        self.store(slot, closure, true, head.unwrap_or(at));
    }

    fn body_statements(&mut self, statements: &'a [Stmt]) {
        self.declare_block(statements);
        self.statements(statements);
    }

    /// Declares parameters and the body's variables, and binds the arguments.
    pub(super) fn parameters(&mut self, params: &[&'a Pat], statements: &'a [Stmt]) {
        params.iter().for_each(|pattern| self.declare_pattern(pattern, SlotKind::Param));
        self.declare_function_scope(statements);
        params.iter().for_each(|pattern| self.parameter(pattern));
    }

    /// Binds the next argument.
    pub(super) fn parameter(&mut self, pattern: &'a Pat) {
        let index = self.f.params.len() as u32;
        let (bare, has_default) = match pattern {
            Pat::Assign(assign) => (&*assign.left, true),
            other => (other, false),
        };
        let at = range(bare);
        let rest = matches!(pattern, Pat::Rest(_));
        let named = if let Pat::Rest(rest) = bare { &*rest.arg } else { bare };
        let name = named.as_ident().map(|ident| ident.id.sym.to_string());
        self.f.params.push(ParamDecl { name, range: at, rest, has_default });
        let kind = if rest { OpKind::RestParam(index) } else { OpKind::Param(index) };
        let value = self.f.push(kind, at);
        self.bind(pattern, value, Binding::Declare(SlotKind::Param));
    }

    /// `constructor(private x)`: assigns the parameters to `this`.
    pub(super) fn store_parameter_properties(&mut self, at: TextRange) {
        for slot in std::mem::take(&mut self.f.after_super) {
            let (name, declared) = (self.ir.slot(slot).name.clone(), self.ir.slot(slot).range);
            let object = self.f.push(OpKind::This, at);
            let value = self.load(slot, declared);
            self.f.push(OpKind::Set { object, key: Key::Name(name), value }, declared);
        }
    }

    /// Decorators cannot run in the sandbox; what they evaluate is lowered all the same.
    pub(super) fn decorated(&mut self, decorators: &'a [ast::Decorator]) {
        for decorator in decorators {
            self.unsupported(decorator.span, "decorators");
            self.effect(&decorator.expr);
        }
    }

    fn last_token(&self, at: TextRange) -> TextRange {
        TextRange::new(at.end.saturating_sub(1).max(at.start), at.end)
    }
}
