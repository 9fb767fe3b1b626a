//! Expressions: [`Lowering::value`] for their value, [`Lowering::effect`] for what they do.

use swc_common::Spanned;
use swc_ecma_ast as ast;
use swc_ecma_ast::{Expr, Lit};

use super::Lowering;
use super::typescript::erased;
use crate::semantic::ir::{BinaryOp, Key, OpKind, Reg, SlotId, UnaryOp};
use crate::source::TextRange;
use crate::syntax::range_of;

/// The range of a node.
pub(super) fn range(node: &impl Spanned) -> TextRange {
    range_of(node.span())
}

impl<'a> Lowering<'a> {
    /// Lowers `expression`; the result holds its value.
    pub(super) fn value(&mut self, expression: &'a Expr) -> Reg {
        match erased(expression) {
            Expr::Ident(ident) => self.identifier(ident),
            Expr::Lit(literal) => self.literal(literal),
            Expr::Member(member) => self.member(member).1,
            Expr::Call(call) => self.call(call),
            Expr::Bin(binary) => self.value_of_binary(binary),
            Expr::OptChain(chain) => self.chain_value(chain),
            Expr::Assign(assign) => self.assign(assign),
            Expr::Object(object) => self.object(object),
            Expr::Array(array) => self.array(array),
            Expr::Arrow(arrow) => self.arrow(arrow, ""),
            Expr::Fn(function) => self.function_expression(function, ""),
            Expr::Class(class) => self.class_expression(class, ""),
            Expr::Cond(cond) => self.conditional(cond),
            Expr::Tpl(template) => self.template(template),
            Expr::Unary(unary) => self.unary(unary),
            Expr::Update(update) => self.update(update, true),
            Expr::Await(wait) => self.await_value(wait),
            Expr::New(new) => self.new_value(new),
            Expr::Seq(sequence) => self.sequence(sequence),
            Expr::TaggedTpl(tagged) => self.tagged_template(tagged),
            Expr::Yield(give) => self.yield_value(give),
            Expr::SuperProp(member) => self.super_member(member),
            Expr::This(this) => self.f.push(OpKind::This, range(this)),
            Expr::MetaProp(meta) => self.meta(meta),
            // The parser accepts neither JSX nor a stray private name.
            other => self.f.undefined(range(other)),
        }
    }

    /// The same, where an anonymous function or class takes the name of what it is bound to.
    pub(super) fn value_named(&mut self, expression: &'a Expr, name: &str) -> Reg {
        match erased(expression) {
            Expr::Arrow(arrow) => self.arrow(arrow, name),
            Expr::Fn(function) => self.function_expression(function, name),
            Expr::Class(class) => self.class_expression(class, name),
            other => self.value(other),
        }
    }

    /// Lowers `expression` where nothing asks for its value: short-circuits become plain control flow.
    pub(super) fn effect(&mut self, expression: &'a Expr) {
        match erased(expression) {
            Expr::Lit(literal) if !matches!(literal, Lit::Regex(_)) => {}
            Expr::Update(update) => {
                self.update(update, false);
            }
            Expr::Seq(sequence) => sequence.exprs.iter().for_each(|each| self.effect(each)),
            Expr::Assign(assign) => self.assign_effect(assign),
            Expr::Cond(cond) => self.conditional_effect(cond),
            Expr::OptChain(chain) => self.chain_effect(chain),
            Expr::Bin(binary) if binary.op.may_short_circuit() => self.logical_effect(binary),
            Expr::Unary(unary) if matches!(unary.op, ast::UnaryOp::Void | ast::UnaryOp::Bang) => self.effect(&unary.arg),
            other => {
                self.value(other);
            }
        }
    }

    pub(super) fn identifier(&mut self, ident: &'a ast::Ident) -> Reg {
        let at = range(ident);
        if let Some(slot) = self.slot_of(ident) {
            return self.load(slot, at);
        }
        if let Some(member) = self.enum_member(ident) {
            return member;
        }
        self.note_global(ident);
        match &*ident.sym {
            "undefined" => self.f.undefined(at),
            "NaN" => self.f.number(f64::NAN, at),
            "Infinity" => self.f.number(f64::INFINITY, at),
            "arguments" if self.f.has_arguments => self.f.push(OpKind::Arguments, at),
            name => self.f.push(OpKind::Global(name.to_owned()), at),
        }
    }

    fn literal(&mut self, literal: &'a Lit) -> Reg {
        let at = range(literal);
        let kind = match literal {
            Lit::Str(string) => OpKind::String(string.value.to_string_lossy().into_owned()),
            Lit::Bool(bool) => OpKind::Bool(bool.value),
            Lit::Null(_) => OpKind::Null,
            Lit::Num(number) => OpKind::Number(number.value),
            Lit::BigInt(number) => OpKind::BigInt(number.value.to_string()),
            Lit::Regex(regex) => OpKind::Regex { pattern: regex.exp.to_string(), flags: regex.flags.to_string() },
            Lit::JSXText(_) => OpKind::Undefined,
        };
        self.f.push(kind, at)
    }

    /// `o.k`: the object and the value.
    pub(super) fn member(&mut self, member: &'a ast::MemberExpr) -> (Reg, Reg) {
        let object = self.value(&member.obj);
        let key = self.member_key(&member.prop);
        let value = self.f.push(OpKind::Get { object, key, optional: false }, range(member));
        (object, value)
    }

    /// `super.k`.
    pub(super) fn super_member(&mut self, member: &'a ast::SuperPropExpr) -> Reg {
        let key = self.super_key(&member.prop);
        self.f.push(OpKind::SuperGet(key), range(member))
    }

    /// The key of `super.k`.
    pub(super) fn super_key(&mut self, prop: &'a ast::SuperProp) -> Key {
        match prop {
            ast::SuperProp::Ident(name) => Key::Name(name.sym.to_string()),
            ast::SuperProp::Computed(computed) => self.computed_key(&computed.expr),
        }
    }

    /// A left-leaning chain of binary operators is as deep as it is long: walked, not recursed into.
    pub(super) fn value_of_binary(&mut self, binary: &'a ast::BinExpr) -> Reg {
        if binary.op.may_short_circuit() {
            return self.logical(binary);
        }
        let mut spine = vec![binary];
        let mut leftmost = erased(&binary.left);
        while let Expr::Bin(left) = leftmost
            && !left.op.may_short_circuit()
        {
            spine.push(left);
            leftmost = erased(&left.left);
        }
        let mut value = match leftmost {
            // `#name in x`
            Expr::PrivateName(name) => self.f.string(&*name.name, range(name)),
            other => self.value(other),
        };
        while let Some(binary) = spine.pop() {
            let right = self.value(&binary.right);
            let op = match binary.op {
                ast::BinaryOp::In if erased(&binary.left).is_private_name() => BinaryOp::PrivateIn,
                op => binary_op(op),
            };
            value = self.f.binary(op, value, right, range(binary));
        }
        value
    }

    fn unary(&mut self, unary: &'a ast::UnaryExpr) -> Reg {
        let at = range(unary);
        let op = match unary.op {
            ast::UnaryOp::Minus => UnaryOp::Minus,
            ast::UnaryOp::Plus => UnaryOp::Plus,
            ast::UnaryOp::Bang => UnaryOp::Not,
            ast::UnaryOp::Tilde => UnaryOp::BitNot,
            ast::UnaryOp::TypeOf => return self.type_of(unary),
            ast::UnaryOp::Delete => return self.delete(unary),
            ast::UnaryOp::Void => {
                self.effect(&unary.arg);
                return self.f.undefined(at);
            }
        };
        let operand = self.value(&unary.arg);
        self.f.unary(op, operand, at)
    }

    /// `typeof name` of a global reaches nothing, not even an error where there is no such global.
    fn type_of(&mut self, unary: &'a ast::UnaryExpr) -> Reg {
        let at = range(unary);
        let operand = self.value_of_typeof(&unary.arg, at);
        operand.unwrap_or_else(|operand| self.f.unary(UnaryOp::Typeof, operand, at))
    }

    fn value_of_typeof(&mut self, operand: &'a Expr, at: TextRange) -> Result<Reg, Reg> {
        let operand = self.value_unless_global(operand)?;
        Ok(self.f.push(OpKind::TypeofGlobal(operand), at))
    }

    /// The name of a global, or else the value.
    fn value_unless_global(&mut self, operand: &'a Expr) -> Result<String, Reg> {
        if let Expr::Ident(ident) = erased(operand)
            && self.slot_of(ident).is_none()
            && !matches!(&*ident.sym, "undefined" | "NaN" | "Infinity" | "arguments")
            && !self.is_enum_member(ident)
        {
            self.note_global(ident);
            return Ok(ident.sym.to_string());
        }
        Err(self.value(operand))
    }

    fn delete(&mut self, unary: &'a ast::UnaryExpr) -> Reg {
        let at = range(unary);
        match erased(&unary.arg) {
            Expr::Member(member) => {
                let object = self.value(&member.obj);
                let key = self.member_key(&member.prop);
                self.f.push(OpKind::Delete { object, key }, at)
            }
            Expr::OptChain(chain) => self.delete_chain(chain, at),
            Expr::Ident(ident) => {
                let removed = self.slot_of(ident).is_none();
                self.f.push(OpKind::Bool(removed), at)
            }
            other => {
                self.effect(other);
                self.f.push(OpKind::Bool(true), at)
            }
        }
    }

    fn await_value(&mut self, wait: &'a ast::AwaitExpr) -> Reg {
        let value = self.value(&wait.arg);
        self.f.push(OpKind::Await(value), range(wait))
    }

    fn yield_value(&mut self, give: &'a ast::YieldExpr) -> Reg {
        let at = range(give);
        let value = match &give.arg {
            Some(argument) => self.value(argument),
            None => self.f.undefined(at),
        };
        self.f.push(OpKind::Yield { value, delegate: give.delegate }, at)
    }

    fn sequence(&mut self, sequence: &'a ast::SeqExpr) -> Reg {
        match sequence.exprs.split_last() {
            Some((last, before)) => {
                before.iter().for_each(|each| self.effect(each));
                self.value(last)
            }
            None => self.f.undefined(range(sequence)),
        }
    }

    fn meta(&mut self, meta: &ast::MetaPropExpr) -> Reg {
        let kind = match meta.kind {
            ast::MetaPropKind::NewTarget => OpKind::NewTarget,
            ast::MetaPropKind::ImportMeta => OpKind::ImportMeta,
        };
        self.f.push(kind, range(meta))
    }

    /// Evaluates `expression` into `slot`.
    pub(super) fn value_into(&mut self, expression: &'a Expr, slot: SlotId) {
        let value = self.value(expression);
        self.store(slot, value, false, range(expression));
    }
}

/// The IR's operator.
pub(super) fn binary_op(op: ast::BinaryOp) -> BinaryOp {
    match op {
        ast::BinaryOp::EqEq => BinaryOp::Equal,
        ast::BinaryOp::NotEq => BinaryOp::NotEqual,
        ast::BinaryOp::EqEqEq => BinaryOp::StrictEqual,
        ast::BinaryOp::NotEqEq => BinaryOp::StrictNotEqual,
        ast::BinaryOp::Lt => BinaryOp::Less,
        ast::BinaryOp::LtEq => BinaryOp::LessEqual,
        ast::BinaryOp::Gt => BinaryOp::Greater,
        ast::BinaryOp::GtEq => BinaryOp::GreaterEqual,
        ast::BinaryOp::LShift => BinaryOp::ShiftLeft,
        ast::BinaryOp::RShift => BinaryOp::ShiftRight,
        ast::BinaryOp::ZeroFillRShift => BinaryOp::ShiftRightZero,
        ast::BinaryOp::Sub => BinaryOp::Sub,
        ast::BinaryOp::Mul => BinaryOp::Mul,
        ast::BinaryOp::Div => BinaryOp::Div,
        ast::BinaryOp::Mod => BinaryOp::Mod,
        ast::BinaryOp::BitOr => BinaryOp::BitOr,
        ast::BinaryOp::BitXor => BinaryOp::BitXor,
        ast::BinaryOp::BitAnd => BinaryOp::BitAnd,
        ast::BinaryOp::In => BinaryOp::In,
        ast::BinaryOp::InstanceOf => BinaryOp::InstanceOf,
        ast::BinaryOp::Exp => BinaryOp::Exp,
        // Short-circuits never get here: they are control flow.
        ast::BinaryOp::Add | ast::BinaryOp::LogicalOr | ast::BinaryOp::LogicalAnd | ast::BinaryOp::NullishCoalescing => BinaryOp::Add,
    }
}

/// The byte offset of a position.
pub(super) fn offset(position: swc_common::BytePos) -> u32 {
    range_of(swc_common::Span::new(position, position)).end
}
