//! Loops. The header of each carries its head as written; a literal condition that is always true
//! leaves no exit edge.

use swc_common::Spanned;
use swc_ecma_ast as ast;
use swc_ecma_ast::{Expr, ForHead, Lit, Stmt, VarDeclKind, VarDeclOrExpr};

use super::Lowering;
use super::expression::{offset, range};
use super::pattern::Binding;
use super::scope::slot_kind;
use super::typescript::erased;
use super::unwind::Frame;
use crate::semantic::ir::{BlockId, IterateKind, LoopHead, LoopKind, OpKind, Reg, SlotKind};
use crate::source::TextRange;

/// The truth of a condition that is a literal, `!0` and `!1` included.
fn literal_truth(condition: &Expr) -> Option<bool> {
    match erased(condition) {
        Expr::Lit(Lit::Bool(bool)) => Some(bool.value),
        Expr::Lit(Lit::Num(number)) => Some(number.value != 0.0 && !number.value.is_nan()),
        Expr::Lit(Lit::Str(string)) => Some(!string.value.is_empty()),
        Expr::Lit(Lit::Null(_)) => Some(false),
        Expr::Unary(unary) if unary.op == ast::UnaryOp::Bang => literal_truth(&unary.arg).map(|truth| !truth),
        _ => None,
    }
}

/// `for (left of right)`, whichever way it iterates.
struct Each<'a> {
    left: &'a ForHead,
    right: &'a Expr,
    body: &'a Stmt,
    kind: LoopKind,
    iterate: IterateKind,
    start: u32,
}

impl<'a> Lowering<'a> {
    pub(super) fn loop_statement(&mut self, statement: &'a Stmt, labels: Vec<&'a str>) {
        let start = range(statement).start;
        match statement {
            Stmt::While(each) => self.while_loop(each, labels),
            Stmt::DoWhile(each) => self.do_while_loop(each, labels),
            Stmt::For(each) => self.for_loop(each, labels),
            Stmt::ForIn(each) => {
                let (left, right, body) = (&each.left, &*each.right, &*each.body);
                self.for_each(Each { left, right, body, kind: LoopKind::ForIn, iterate: IterateKind::In, start }, labels);
            }
            Stmt::ForOf(each) => {
                let (left, right, body) = (&each.left, &*each.right, &*each.body);
                let iterate = if each.is_await { IterateKind::AsyncOf } else { IterateKind::Of };
                self.for_each(Each { left, right, body, kind: LoopKind::ForOf, iterate, start }, labels);
            }
            _ => {}
        }
    }

    /// The head of a loop: from its keyword to the parenthesis after `last`.
    fn head(&self, kind: LoopKind, start: u32, last: u32, body: &Stmt) -> LoopHead {
        LoopHead { range: self.head_range(start, last, range(body).start), kind }
    }

    fn loop_body(&mut self, body: &'a Stmt, labels: Vec<&'a str>, break_to: BlockId, continue_to: BlockId) {
        self.f.frames.push(Frame::Target { labels, plain: true, break_to, continue_to: Some(continue_to) });
        self.scoped(body);
        self.f.frames.pop();
        self.f.jump(continue_to);
    }

    /// Branches at the condition of a loop.
    fn loop_condition(&mut self, condition: Option<&'a Expr>, again: BlockId, exit: BlockId) {
        match condition {
            Some(condition) if literal_truth(condition) != Some(true) => self.condition(condition, again, exit),
            _ => self.f.jump(again),
        }
    }

    fn while_loop(&mut self, each: &'a ast::WhileStmt, labels: Vec<&'a str>) {
        let head = self.head(LoopKind::While, range(each).start, range(&*each.test).end, &each.body);
        let (header, body, exit) = (self.f.block(), self.f.block(), self.f.block());
        self.f.enter_header(header, head);
        self.loop_condition(Some(&each.test), body, exit);
        self.f.enter(body);
        self.loop_body(&each.body, labels, exit, header);
        self.f.enter(exit);
    }

    fn do_while_loop(&mut self, each: &'a ast::DoWhileStmt, labels: Vec<&'a str>) {
        let start = range(each).start;
        let head = LoopHead { range: TextRange::new(start, start + 2), kind: LoopKind::DoWhile };
        let (header, condition, exit) = (self.f.block(), self.f.block(), self.f.block());
        self.f.enter_header(header, head);
        self.loop_body(&each.body, labels, exit, condition);
        self.f.enter(condition);
        if literal_truth(&each.test) == Some(false) {
            self.f.jump(exit);
        } else {
            self.loop_condition(Some(&each.test), header, exit);
        }
        self.f.enter(exit);
    }

    fn for_loop(&mut self, each: &'a ast::ForStmt, labels: Vec<&'a str>) {
        let start = range(each).start;
        let last = [each.init.span_hi(), each.test.span_hi(), each.update.span_hi()];
        let last = last.into_iter().max().map_or(start, offset);
        let head = self.head(LoopKind::For, start, last.max(start), &each.body);
        match &each.init {
            Some(VarDeclOrExpr::VarDecl(variables)) => {
                self.declare_head(&variables.decls, slot_kind(variables.kind));
                variables.decls.iter().for_each(|declarator| self.declarator(declarator, Binding::Declare(slot_kind(variables.kind))));
            }
            Some(VarDeclOrExpr::Expr(expression)) => self.effect(expression),
            None => {}
        }
        let (header, body, exit) = (self.f.block(), self.f.block(), self.f.block());
        let update = each.update.as_deref().map(|update| (self.f.block(), update));
        let continue_to = update.map_or(header, |(block, _)| block);
        self.f.enter_header(header, head);
        self.loop_condition(each.test.as_deref(), body, exit);
        self.f.enter(body);
        self.loop_body(&each.body, labels, exit, continue_to);
        if let Some((block, update)) = update {
            self.f.enter(block);
            self.effect(update);
            self.f.jump(header);
        }
        self.f.enter(exit);
    }

    fn declare_head(&mut self, declarators: &'a [ast::VarDeclarator], kind: SlotKind) {
        declarators.iter().for_each(|declarator| self.declare_pattern(&declarator.name, kind));
    }

    fn for_each(&mut self, each: Each<'a>, labels: Vec<&'a str>) {
        let head = self.head(each.kind, each.start, range(each.right).end, each.body);
        self.declare_for_head(each.left);
        let value = self.value(each.right);
        let iterator = self.f.push(OpKind::Iterate { value, kind: each.iterate }, range(each.right));
        let (header, body, exit) = (self.f.block(), self.f.block(), self.f.block());
        self.f.enter_header(header, head);
        self.f.next(iterator, body, exit, head.range);
        self.f.enter(body);
        let next = self.f.push(OpKind::Next(iterator), range(each.left));
        self.bind_for_head(each.left, next);
        self.loop_body(each.body, labels, exit, header);
        self.f.enter(exit);
    }

    fn declare_for_head(&mut self, head: &'a ForHead) {
        match head {
            ForHead::VarDecl(variables) => {
                self.declare_head(&variables.decls, slot_kind(variables.kind));
                // `for (var k = 1 in o)`: sloppy code may give a first value.
                if variables.kind == VarDeclKind::Var {
                    variables.decls.iter().for_each(|declarator| self.declarator(declarator, Binding::Declare(SlotKind::Var)));
                }
            }
            ForHead::UsingDecl(using) => {
                self.unsupported(using.span, "using");
                self.declare_head(&using.decls, SlotKind::Const);
            }
            ForHead::Pat(_) => {}
        }
    }

    fn bind_for_head(&mut self, head: &'a ForHead, value: Reg) {
        match head {
            ForHead::VarDecl(variables) => {
                let binding = Binding::Declare(slot_kind(variables.kind));
                variables.decls.iter().for_each(|declarator| self.bind(&declarator.name, value, binding));
            }
            ForHead::UsingDecl(using) => {
                using.decls.iter().for_each(|declarator| self.bind(&declarator.name, value, Binding::Declare(SlotKind::Const)));
            }
            ForHead::Pat(pattern) => self.bind(pattern, value, Binding::Assign),
        }
    }
}
