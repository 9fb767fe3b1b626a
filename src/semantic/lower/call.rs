//! Calls, `new`, tagged templates and optional chains.

use swc_ecma_ast as ast;
use swc_ecma_ast::{Callee, Expr, OptChainBase};

use super::Lowering;
use super::expression::range;
use super::typescript::erased;
use crate::semantic::ir::{Arg, BlockId, OpKind, Reg};
use crate::source::TextRange;

/// A callee: the receiver it brings along, and its value.
type Reference = (Option<Reg>, Reg);

impl<'a> Lowering<'a> {
    pub(super) fn call(&mut self, call: &'a ast::CallExpr) -> Reg {
        let at = range(call);
        match &call.callee {
            Callee::Expr(callee) => {
                let reference = self.reference(callee);
                self.apply(reference, &call.args, false, range(&**callee), at)
            }
            Callee::Super(_) => {
                let args = self.arguments(&call.args);
                let result = self.f.push(OpKind::SuperCall(args), at);
                self.store_parameter_properties(at);
                result
            }
            Callee::Import(_) => {
                let args = self.arguments(&call.args);
                let specifier = args.first().map(|argument| argument.reg);
                let specifier = specifier.unwrap_or_else(|| self.f.undefined(at));
                self.f.push(OpKind::ImportCall(specifier), at)
            }
        }
    }

    fn apply(&mut self, callee: Reference, args: &'a [ast::ExprOrSpread], optional: bool, callee_range: TextRange, at: TextRange) -> Reg {
        let args = self.arguments(args);
        let (this, callee) = callee;
        self.f.push(OpKind::Call { callee, this, args, optional, callee_range }, at)
    }

    fn arguments(&mut self, args: &'a [ast::ExprOrSpread]) -> Vec<Arg> {
        args.iter().map(|argument| self.argument(argument)).collect()
    }

    pub(super) fn argument(&mut self, argument: &'a ast::ExprOrSpread) -> Arg {
        Arg { reg: self.value(&argument.expr), spread: argument.spread.is_some() }
    }

    pub(super) fn new_value(&mut self, new: &'a ast::NewExpr) -> Reg {
        let callee = self.value(&new.callee);
        let args = self.arguments(new.args.as_deref().unwrap_or_default());
        self.f.push(OpKind::New { callee, args, callee_range: range(&*new.callee) }, range(new))
    }

    /// A callee with its receiver, which parentheses keep: `(a.b)()` calls with `this` = `a`.
    fn reference(&mut self, callee: &'a Expr) -> Reference {
        match erased(callee) {
            Expr::Member(member) => {
                let (object, value) = self.member(member);
                (Some(object), value)
            }
            Expr::SuperProp(member) => {
                let this = self.f.push(OpKind::This, range(&member.obj));
                (Some(this), self.super_member(member))
            }
            Expr::OptChain(chain) => self.parenthesised_chain(chain),
            other => (None, self.value(other)),
        }
    }

    /// `(a?.b)()`: both receiver and value survive the end of the chain.
    fn parenthesised_chain(&mut self, chain: &'a ast::OptChainExpr) -> Reference {
        let at = range(chain);
        let (receiver, result) = (self.temporary(at), self.temporary(at));
        let (null, merge) = (self.f.block(), self.f.block());
        let (this, value) = self.chain(chain, null);
        if let Some(this) = this {
            self.store(receiver, this, false, at);
        }
        self.store(result, value, false, at);
        self.f.jump(merge);
        self.f.enter(null);
        let undefined = self.f.undefined(at);
        if this.is_some() {
            self.store(receiver, undefined, false, at);
        }
        self.store(result, undefined, false, at);
        self.f.jump(merge);
        self.f.enter(merge);
        let this = this.map(|_| self.load(receiver, at));
        (this, self.load(result, at))
    }

    /// Lowers a chain up to its last link; where it short-circuits, control goes to `null`.
    pub(super) fn chain(&mut self, chain: &'a ast::OptChainExpr, null: BlockId) -> Reference {
        let at = range(chain);
        match &*chain.base {
            OptChainBase::Member(member) => {
                let object = self.link(&member.obj, null).1;
                if chain.optional {
                    self.leave_chain(object, null, range(&*member.obj));
                }
                let key = self.member_key(&member.prop);
                let value = self.f.push(OpKind::Get { object, key, optional: chain.optional }, at);
                (Some(object), value)
            }
            OptChainBase::Call(call) => {
                let callee = self.link(&call.callee, null);
                if chain.optional {
                    self.leave_chain(callee.1, null, range(&*call.callee));
                }
                let value = self.apply(callee, &call.args, chain.optional, range(&*call.callee), at);
                (None, value)
            }
        }
    }

    /// The part of a chain before a link: more of the chain, or where it starts.
    fn link(&mut self, mut before: &'a Expr, null: BlockId) -> Reference {
        let whole = before;
        while let Expr::TsNonNull(inner) = before {
            before = &inner.expr;
        }
        match before {
            Expr::OptChain(chain) => self.chain(chain, null),
            _ => self.reference(whole),
        }
    }

    fn leave_chain(&mut self, value: Reg, null: BlockId, at: TextRange) {
        let not_null = self.f.block();
        self.f.branch_on_null(value, null, not_null, at);
        self.f.enter(not_null);
    }

    /// `a?.b` for its value.
    pub(super) fn chain_value(&mut self, chain: &'a ast::OptChainExpr) -> Reg {
        let at = range(chain);
        let (result, null, merge) = (self.temporary(at), self.f.block(), self.f.block());
        let value = self.chain(chain, null).1;
        self.store(result, value, false, at);
        self.f.jump(merge);
        self.undefined_into(null, result, merge, at);
        self.f.enter(merge);
        self.load(result, at)
    }

    /// `a?.b()` as a statement.
    pub(super) fn chain_effect(&mut self, chain: &'a ast::OptChainExpr) {
        let after = self.f.block();
        self.chain(chain, after);
        self.f.jump(after);
        self.f.enter(after);
    }

    /// `delete a?.b`: true where the chain short-circuits.
    pub(super) fn delete_chain(&mut self, chain: &'a ast::OptChainExpr, at: TextRange) -> Reg {
        let (result, null, merge) = (self.temporary(at), self.f.block(), self.f.block());
        let value = match &*chain.base {
            OptChainBase::Member(member) => {
                let object = self.link(&member.obj, null).1;
                if chain.optional {
                    self.leave_chain(object, null, range(&*member.obj));
                }
                let key = self.member_key(&member.prop);
                self.f.push(OpKind::Delete { object, key }, at)
            }
            OptChainBase::Call(_) => {
                self.chain(chain, null);
                self.f.push(OpKind::Bool(true), at)
            }
        };
        self.store(result, value, false, at);
        self.f.jump(merge);
        self.f.enter(null);
        let removed = self.f.push(OpKind::Bool(true), at);
        self.store(result, removed, false, at);
        self.f.jump(merge);
        self.f.enter(merge);
        self.load(result, at)
    }

    /// `` tag`a${b}` ``: a call with the strings first.
    pub(super) fn tagged_template(&mut self, tagged: &'a ast::TaggedTpl) -> Reg {
        let (this, callee) = self.reference(&tagged.tag);
        let quasis = tagged.tpl.quasis.iter().map(super::literal::cooked).collect();
        let raw = tagged.tpl.quasis.iter().map(|quasi| quasi.raw.to_string()).collect();
        let strings = self.f.push(OpKind::TemplateObject { quasis, raw }, range(&*tagged.tpl));
        let mut args = vec![Arg { reg: strings, spread: false }];
        args.extend(tagged.tpl.exprs.iter().map(|expression| Arg { reg: self.value(expression), spread: false }));
        self.f.push(OpKind::Call { callee, this, args, optional: false, callee_range: range(&*tagged.tag) }, range(tagged))
    }
}
