//! Assignments and updates.

use swc_ecma_ast as ast;
use swc_ecma_ast::{AssignOp, AssignTarget, AssignTargetPat, Expr, SimpleAssignTarget};

use super::Lowering;
use super::expression::{binary_op, range};
use super::pattern::Binding;
use super::typescript::erased;
use crate::semantic::ir::{BinaryOp, BlockId, Key, OpKind, Reg, SlotId, UnaryOp};
use crate::source::TextRange;

/// What an assignment writes to, its object and key already evaluated.
#[derive(Clone)]
pub(super) enum Target {
    /// A variable.
    Slot(SlotId),
    /// A name that no binding declares.
    Global(String),
    /// A property.
    Property(Reg, Key),
    /// `super.key`
    Super(Key),
    /// Not a target: a syntax error in ECMAScript, evaluated for what it does.
    Nothing,
}

impl<'a> Lowering<'a> {
    /// Evaluates a target up to the write.
    pub(super) fn target(&mut self, expression: &'a Expr) -> Target {
        match erased(expression) {
            Expr::Ident(ident) => self.name_target(ident),
            Expr::Member(member) => self.member_target(member),
            Expr::SuperProp(member) => Target::Super(self.super_key(&member.prop)),
            other => {
                self.effect(other);
                Target::Nothing
            }
        }
    }

    pub(super) fn name_target(&mut self, ident: &'a ast::Ident) -> Target {
        match self.slot_of(ident) {
            Some(slot) => Target::Slot(slot),
            None => {
                self.note_global(ident);
                Target::Global(ident.sym.to_string())
            }
        }
    }

    fn member_target(&mut self, member: &'a ast::MemberExpr) -> Target {
        let object = self.value(&member.obj);
        Target::Property(object, self.member_key(&member.prop))
    }

    fn simple_target(&mut self, target: &'a SimpleAssignTarget) -> Target {
        match target {
            SimpleAssignTarget::Ident(ident) => self.name_target(&ident.id),
            SimpleAssignTarget::Member(member) => self.member_target(member),
            SimpleAssignTarget::SuperProp(member) => Target::Super(self.super_key(&member.prop)),
            SimpleAssignTarget::Paren(paren) => self.target(&paren.expr),
            SimpleAssignTarget::TsAs(cast) => self.target(&cast.expr),
            SimpleAssignTarget::TsSatisfies(cast) => self.target(&cast.expr),
            SimpleAssignTarget::TsNonNull(cast) => self.target(&cast.expr),
            SimpleAssignTarget::TsTypeAssertion(cast) => self.target(&cast.expr),
            SimpleAssignTarget::TsInstantiation(cast) => self.target(&cast.expr),
            SimpleAssignTarget::OptChain(chain) => {
                self.chain_effect(chain);
                Target::Nothing
            }
            SimpleAssignTarget::Invalid(_) => Target::Nothing,
        }
    }

    fn read(&mut self, target: &Target, at: TextRange) -> Reg {
        match target {
            Target::Slot(slot) => self.load(*slot, at),
            Target::Global(name) => self.f.push(OpKind::Global(name.clone()), at),
            Target::Property(object, key) => self.f.push(OpKind::Get { object: *object, key: key.clone(), optional: false }, at),
            Target::Super(key) => self.f.push(OpKind::SuperGet(key.clone()), at),
            Target::Nothing => self.f.undefined(at),
        }
    }

    /// Writes `value` to a target; `init` where this is its declaration.
    pub(super) fn write(&mut self, target: Target, value: Reg, init: bool, at: TextRange) {
        match target {
            Target::Slot(slot) if !init && self.own_names.contains(&slot) => {}
            Target::Slot(slot) => self.store(slot, value, init, at),
            Target::Global(name) => {
                self.f.push(OpKind::StoreGlobal(name, value), at);
            }
            Target::Property(object, key) => {
                self.f.push(OpKind::Set { object, key, value }, at);
            }
            Target::Super(key) => {
                let object = self.f.push(OpKind::This, at);
                self.f.push(OpKind::Set { object, key, value }, at);
            }
            Target::Nothing => {}
        }
    }

    /// An assignment as a statement.
    pub(super) fn assign_effect(&mut self, assign: &'a ast::AssignExpr) {
        match &assign.left {
            AssignTarget::Simple(target) if assign.op.may_short_circuit() => {
                let after = self.f.block();
                self.logical_assign(assign, target, None, after);
                self.f.enter(after);
            }
            _ => {
                self.assign(assign);
            }
        }
    }

    /// An assignment for its value.
    pub(super) fn assign(&mut self, assign: &'a ast::AssignExpr) -> Reg {
        match &assign.left {
            AssignTarget::Pat(pattern) => {
                let value = self.value(&assign.right);
                match pattern {
                    AssignTargetPat::Array(array) => self.bind_array(array, value, Binding::Assign),
                    AssignTargetPat::Object(object) => self.bind_object(object, value, Binding::Assign),
                    AssignTargetPat::Invalid(_) => {}
                }
                value
            }
            AssignTarget::Simple(target) if assign.op == AssignOp::Assign => {
                let name = target.as_ident().map(|ident| ident.id.sym.to_string()).unwrap_or_default();
                let place = self.simple_target(target);
                let value = self.value_named(&assign.right, &name);
                self.write(place, value, false, range(target));
                value
            }
            AssignTarget::Simple(target) if assign.op.may_short_circuit() => {
                let at = range(assign);
                let (result, after) = (self.temporary(at), self.f.block());
                self.logical_assign(assign, target, Some(result), after);
                self.f.enter(after);
                self.load(result, at)
            }
            AssignTarget::Simple(target) => {
                let place = self.simple_target(target);
                let old = self.read(&place, range(target));
                let right = self.value(&assign.right);
                let op = assign.op.to_update().map_or(BinaryOp::Add, binary_op);
                let value = self.f.binary(op, old, right, range(assign));
                self.write(place, value, false, range(target));
                value
            }
        }
    }

    /// `x ||= y`, `x &&= y`, `x ??= y`: goes on at `after`, with the value in `result` if asked for.
    fn logical_assign(&mut self, assign: &'a ast::AssignExpr, target: &'a SimpleAssignTarget, result: Option<SlotId>, after: BlockId) {
        let at = range(target);
        let place = self.simple_target(target);
        let old = self.read(&place, at);
        if let Some(result) = result {
            self.store(result, old, false, at);
        }
        let assigns = self.f.block();
        match assign.op {
            AssignOp::AndAssign => self.f.branch(old, assigns, after, at),
            AssignOp::OrAssign => self.f.branch(old, after, assigns, at),
            _ => self.f.branch_on_null(old, assigns, after, at),
        }
        self.f.enter(assigns);
        let name = target.as_ident().map(|ident| ident.id.sym.to_string()).unwrap_or_default();
        let value = self.value_named(&assign.right, &name);
        self.write(place, value, false, at);
        if let Some(result) = result {
            self.store(result, value, false, at);
        }
        self.f.jump(after);
    }

    /// `++x` and its kin. Where nobody asks for the value of `x++`, its conversion is left out.
    pub(super) fn update(&mut self, update: &'a ast::UpdateExpr, wanted: bool) -> Reg {
        let (at, target_range) = (range(update), range(&*update.arg));
        let place = self.target(&update.arg);
        let old = self.read(&place, target_range);
        let converted = (wanted && !update.prefix).then(|| self.f.unary(UnaryOp::Plus, old, target_range));
        let step = if update.op == ast::UpdateOp::PlusPlus { 1.0 } else { -1.0 };
        let step = self.f.number(step, at);
        let value = self.f.binary(BinaryOp::Increment, old, step, at);
        self.write(place, value, false, target_range);
        converted.unwrap_or(value)
    }
}
