//! Conditions and short-circuits. In condition position they are control flow straight to the
//! targets, so that each branch knows what was tested; in value position the operands meet in a
//! temporary.

use swc_ecma_ast as ast;
use swc_ecma_ast::{BinaryOp, Expr, Lit};

use super::Lowering;
use super::expression::{binary_op, range};
use super::typescript::erased;
use crate::semantic::ir::{BlockId, Reg, SlotId, UnaryOp};
use crate::source::TextRange;

/// The operands of a chain of one short-circuit operator, from left to right.
fn operands(binary: &ast::BinExpr) -> Vec<&Expr> {
    let mut operands = vec![&*binary.right];
    let mut left = erased(&binary.left);
    while let Expr::Bin(inner) = left
        && inner.op == binary.op
    {
        operands.push(&inner.right);
        left = erased(&inner.left);
    }
    operands.push(left);
    operands.reverse();
    operands
}

/// Whether lowering `expression` as a condition makes blocks of its own.
fn is_compound(expression: &Expr) -> bool {
    match erased(expression) {
        Expr::Bin(binary) => binary.op.may_short_circuit() || compared_chain(binary).is_some(),
        Expr::Unary(unary) => unary.op == ast::UnaryOp::Bang && is_compound(&unary.arg),
        Expr::Cond(_) | Expr::OptChain(_) | Expr::Seq(_) => true,
        _ => false,
    }
}

impl<'a> Lowering<'a> {
    /// Lowers `expression` as a condition.
    pub(super) fn condition(&mut self, expression: &'a Expr, then: BlockId, otherwise: BlockId) {
        match erased(expression) {
            Expr::Bin(binary) if binary.op.may_short_circuit() => self.logical_condition(binary, then, otherwise),
            Expr::Unary(unary) if unary.op == ast::UnaryOp::Bang && is_compound(&unary.arg) => self.condition(&unary.arg, otherwise, then),
            Expr::Cond(cond) => {
                let (on_true, on_false) = (self.f.block(), self.f.block());
                self.condition(&cond.test, on_true, on_false);
                self.f.enter(on_true);
                self.condition(&cond.cons, then, otherwise);
                self.f.enter(on_false);
                self.condition(&cond.alt, then, otherwise);
            }
            Expr::Seq(sequence) if !sequence.exprs.is_empty() => self.sequence_condition(sequence, then, otherwise),
            Expr::OptChain(chain) => {
                let value = self.chain(chain, otherwise).1;
                self.f.branch(value, then, otherwise, range(expression));
            }
            Expr::Bin(binary) => self.comparison(binary, then, otherwise),
            other => self.plain_condition(other, then, otherwise),
        }
    }

    fn plain_condition(&mut self, expression: &'a Expr, then: BlockId, otherwise: BlockId) {
        let value = self.value(expression);
        self.f.branch(value, then, otherwise, range(expression));
    }

    fn sequence_condition(&mut self, sequence: &'a ast::SeqExpr, then: BlockId, otherwise: BlockId) {
        if let Some((last, before)) = sequence.exprs.split_last() {
            before.iter().for_each(|each| self.effect(each));
            self.condition(last, then, otherwise);
        }
    }

    /// Where a chain is compared with a literal, the way of the short-circuit is known: `undefined`
    /// is compared. `if (a?.b === 1)` then knows of `a` what it knows of `a.b`.
    fn comparison(&mut self, binary: &'a ast::BinExpr, then: BlockId, otherwise: BlockId) {
        let Some((chain, is_typeof, outcome)) = compared_chain(binary) else {
            let value = self.value_of_binary(binary);
            return self.f.branch(value, then, otherwise, range(binary));
        };
        let null = if outcome { then } else { otherwise };
        let mut value = self.chain(chain, null).1;
        if is_typeof {
            value = self.f.unary(UnaryOp::Typeof, value, range(&binary.left));
        }
        let right = self.value(&binary.right);
        let cond = self.f.binary(binary_op(binary.op), value, right, range(binary));
        self.f.branch(cond, then, otherwise, range(binary));
    }

    fn logical_condition(&mut self, binary: &'a ast::BinExpr, then: BlockId, otherwise: BlockId) {
        let operands = operands(binary);
        let count = operands.len();
        for (at, operand) in operands.into_iter().enumerate() {
            if at + 1 == count {
                return self.condition(operand, then, otherwise);
            }
            let next = self.f.block();
            match binary.op {
                BinaryOp::LogicalAnd => self.condition(operand, next, otherwise),
                BinaryOp::LogicalOr => self.condition(operand, then, next),
                _ => {
                    let value = self.value_or_null(operand, next);
                    self.f.branch(value, then, otherwise, range(operand));
                }
            }
            self.f.enter(next);
        }
    }

    /// The value of `a` in `a ?? b`, on the way where it is not null; `null` is the other way.
    fn value_or_null(&mut self, operand: &'a Expr, null: BlockId) -> Reg {
        let value = match erased(operand) {
            Expr::OptChain(chain) => self.chain(chain, null).1,
            other => self.value(other),
        };
        let not_null = self.f.block();
        self.f.branch_on_null(value, null, not_null, range(operand));
        self.f.enter(not_null);
        value
    }

    /// `a && b`, `a || b`, `a ?? b` for their value.
    pub(super) fn logical(&mut self, binary: &'a ast::BinExpr) -> Reg {
        let at = range(binary);
        let (result, merge) = (self.temporary(at), self.f.block());
        self.logical_into(binary, result, merge, merge);
        self.f.enter(merge);
        self.load(result, at)
    }

    /// Stores the value of `expression` in `result` and goes on by its truth.
    fn operand_into(&mut self, expression: &'a Expr, result: SlotId, on_true: BlockId, on_false: BlockId) {
        match erased(expression) {
            Expr::Bin(binary) if binary.op.may_short_circuit() => self.logical_into(binary, result, on_true, on_false),
            Expr::OptChain(chain) if on_true != on_false => {
                let null = self.f.block();
                let value = self.chain(chain, null).1;
                self.store(result, value, false, range(expression));
                self.f.branch(value, on_true, on_false, range(expression));
                self.undefined_into(null, result, on_false, range(expression));
            }
            other => {
                let value = self.value(other);
                self.store(result, value, false, range(expression));
                self.f.branch(value, on_true, on_false, range(expression));
            }
        }
    }

    /// Makes `block` store undefined in `result` and go on at `next`.
    pub(super) fn undefined_into(&mut self, block: BlockId, result: SlotId, next: BlockId, at: TextRange) {
        self.f.enter(block);
        let undefined = self.f.undefined(at);
        self.store(result, undefined, false, at);
        self.f.jump(next);
    }

    fn logical_into(&mut self, binary: &'a ast::BinExpr, result: SlotId, on_true: BlockId, on_false: BlockId) {
        let operands = operands(binary);
        let count = operands.len();
        for (at, operand) in operands.into_iter().enumerate() {
            if at + 1 == count {
                return self.operand_into(operand, result, on_true, on_false);
            }
            let next = self.f.block();
            match binary.op {
                BinaryOp::LogicalAnd => self.operand_into(operand, result, next, on_false),
                BinaryOp::LogicalOr => self.operand_into(operand, result, on_true, next),
                _ => {
                    let value = self.value_or_null(operand, next);
                    self.store(result, value, false, range(operand));
                    self.f.branch(value, on_true, on_false, range(operand));
                }
            }
            self.f.enter(next);
        }
    }

    /// `a && f()` as a statement.
    pub(super) fn logical_effect(&mut self, binary: &'a ast::BinExpr) {
        let (right, after) = (self.f.block(), self.f.block());
        match binary.op {
            BinaryOp::LogicalAnd => self.condition(&binary.left, right, after),
            BinaryOp::LogicalOr => self.condition(&binary.left, after, right),
            _ => {
                self.value_or_null(&binary.left, right);
                self.f.jump(after);
            }
        }
        self.f.enter(right);
        self.effect(&binary.right);
        self.f.jump(after);
        self.f.enter(after);
    }

    /// `test ? a : b` for its value; a chain of them shares one temporary and does not nest.
    pub(super) fn conditional(&mut self, cond: &'a ast::CondExpr) -> Reg {
        let at = range(cond);
        let (result, merge) = (self.temporary(at), self.f.block());
        let mut rest = cond;
        loop {
            let (then, otherwise) = (self.f.block(), self.f.block());
            self.condition(&rest.test, then, otherwise);
            self.f.enter(then);
            self.value_into(&rest.cons, result);
            self.f.jump(merge);
            self.f.enter(otherwise);
            match erased(&rest.alt) {
                Expr::Cond(next) => rest = next,
                last => {
                    self.value_into(last, result);
                    self.f.jump(merge);
                    break;
                }
            }
        }
        self.f.enter(merge);
        self.load(result, at)
    }

    /// `test ? f() : g()` as a statement.
    pub(super) fn conditional_effect(&mut self, cond: &'a ast::CondExpr) {
        let (then, otherwise, after) = (self.f.block(), self.f.block(), self.f.block());
        self.condition(&cond.test, then, otherwise);
        self.f.enter(then);
        self.effect(&cond.cons);
        self.f.jump(after);
        self.f.enter(otherwise);
        self.effect(&cond.alt);
        self.f.jump(after);
        self.f.enter(after);
    }
}

/// Where `binary` compares an optional chain, or its `typeof`, with a literal: the chain, whether
/// under `typeof`, and what the comparison says if the chain short-circuits.
fn compared_chain(binary: &ast::BinExpr) -> Option<(&ast::OptChainExpr, bool, bool)> {
    let (chain, is_typeof) = match erased(&binary.left) {
        Expr::OptChain(chain) => (chain, false),
        Expr::Unary(unary) if unary.op == ast::UnaryOp::TypeOf => (erased(&unary.arg).as_opt_chain()?, true),
        _ => return None,
    };
    let right = erased(&binary.right);
    let equal = match right {
        Expr::Lit(Lit::Str(string)) if is_typeof => string.value.as_str() == Some("undefined"),
        _ if is_typeof => return None,
        Expr::Lit(Lit::Null(_)) => matches!(binary.op, BinaryOp::EqEq | BinaryOp::NotEq),
        Expr::Lit(_) => false,
        _ => return None,
    };
    let outcome = match binary.op {
        BinaryOp::EqEq | BinaryOp::EqEqEq => equal,
        BinaryOp::NotEq | BinaryOp::NotEqEq => !equal,
        // Undefined is converted to NaN, which is neither less nor greater than any literal.
        BinaryOp::Lt | BinaryOp::LtEq | BinaryOp::Gt | BinaryOp::GtEq if !is_typeof => false,
        _ => return None,
    };
    Some((chain, is_typeof, outcome))
}
