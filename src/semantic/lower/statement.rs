//! Statements.

use swc_ecma_ast as ast;
use swc_ecma_ast::{Decl, Expr, Lit, Stmt};

use super::Lowering;
use super::expression::range;
use super::pattern::Binding;
use super::scope::slot_kind;
use super::typescript::erased;
use super::unwind::{Exit, Frame};
use crate::semantic::ir::{BinaryOp, BlockId, Reg, SlotKind};

impl<'a> Lowering<'a> {
    /// The statements of one scope whose names are declared: functions first, then in order.
    pub(super) fn statements(&mut self, statements: &'a [Stmt]) {
        statements.iter().for_each(|statement| self.hoist_function(statement));
        statements.iter().for_each(|statement| self.statement(statement));
    }

    /// `{ … }`
    pub(super) fn block(&mut self, block: &'a ast::BlockStmt) {
        self.declare_block(&block.stmts);
        self.statements(&block.stmts);
    }

    /// A statement in the place of a block: sloppy code may put a function declaration there.
    pub(super) fn scoped(&mut self, statement: &'a Stmt) {
        let statements = std::slice::from_ref(statement);
        self.declare_block(statements);
        self.statements(statements);
    }

    pub(super) fn statement(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Expr(each) => self.effect(&each.expr),
            Stmt::Decl(declaration) => self.declaration(declaration),
            Stmt::Return(each) => self.return_statement(each),
            Stmt::If(each) => self.if_statement(each),
            Stmt::Block(block) => self.block(block),
            Stmt::Throw(each) => {
                let value = self.value(&each.arg);
                self.f.throw(value, range(&*each.arg));
            }
            Stmt::Try(attempt) => self.try_statement(attempt),
            Stmt::Switch(switch) => self.switch(switch, Vec::new()),
            Stmt::While(_) | Stmt::DoWhile(_) | Stmt::For(_) | Stmt::ForIn(_) | Stmt::ForOf(_) => {
                self.loop_statement(statement, Vec::new())
            }
            Stmt::Labeled(labeled) => self.labeled(labeled),
            Stmt::Break(each) => self.break_statement(each.label.as_ref()),
            Stmt::Continue(each) => self.continue_statement(each.label.as_ref()),
            Stmt::With(with) => {
                self.unsupported(with.span, "with");
                self.effect(&with.obj);
                self.scoped(&with.body);
            }
            Stmt::Empty(_) | Stmt::Debugger(_) => {}
        }
    }

    pub(super) fn declaration(&mut self, declaration: &'a Decl) {
        match declaration {
            Decl::Var(variables) => {
                if !variables.declare {
                    let binding = Binding::Declare(slot_kind(variables.kind));
                    variables.decls.iter().for_each(|declarator| self.declarator(declarator, binding));
                }
            }
            Decl::Using(using) => {
                self.unsupported(using.span, "using");
                using.decls.iter().for_each(|declarator| self.declarator(declarator, Binding::Declare(SlotKind::Const)));
            }
            Decl::Class(class) => self.class_declaration(class),
            Decl::TsEnum(each) => self.enum_declaration(each),
            Decl::TsModule(module) => self.namespace(module),
            // Functions were stored at the start of the scope.
            Decl::Fn(_) | Decl::TsInterface(_) | Decl::TsTypeAlias(_) => {}
        }
    }

    pub(super) fn declarator(&mut self, declarator: &'a ast::VarDeclarator, binding: Binding) {
        if let Some(init) = &declarator.init {
            let name = declarator.name.as_ident().map(|ident| ident.id.sym.to_string()).unwrap_or_default();
            let value = self.value_named(init, &name);
            self.bind(&declarator.name, value, binding);
        }
    }

    fn return_statement(&mut self, each: &'a ast::ReturnStmt) {
        let (value, at) = match &each.arg {
            Some(argument) => (self.value(argument), range(&**argument)),
            None => (self.f.undefined(range(each)), range(each)),
        };
        self.exit(Exit::Return(at), Some(value));
    }

    /// `else if` chains are as deep as they are long: walked, not recursed into.
    fn if_statement(&mut self, mut each: &'a ast::IfStmt) {
        let after = self.f.block();
        loop {
            let then = self.f.block();
            let otherwise = if each.alt.is_some() { self.f.block() } else { after };
            self.condition(&each.test, then, otherwise);
            self.f.enter(then);
            self.scoped(&each.cons);
            self.f.jump(after);
            match each.alt.as_deref() {
                None => break,
                Some(Stmt::If(next)) => {
                    self.f.enter(otherwise);
                    each = next;
                }
                Some(last) => {
                    self.f.enter(otherwise);
                    self.scoped(last);
                    self.f.jump(after);
                    break;
                }
            }
        }
        self.f.enter(after);
    }

    fn labeled(&mut self, labeled: &'a ast::LabeledStmt) {
        let mut labels = vec![&*labeled.label.sym];
        let mut body = &*labeled.body;
        while let Stmt::Labeled(inner) = body {
            labels.push(&*inner.label.sym);
            body = &inner.body;
        }
        match body {
            Stmt::While(_) | Stmt::DoWhile(_) | Stmt::For(_) | Stmt::ForIn(_) | Stmt::ForOf(_) => self.loop_statement(body, labels),
            Stmt::Switch(switch) => self.switch(switch, labels),
            other => {
                let after = self.f.block();
                self.f.frames.push(Frame::Target { labels, plain: false, break_to: after, continue_to: None });
                self.statement(other);
                self.f.frames.pop();
                self.f.jump(after);
                self.f.enter(after);
            }
        }
    }

    fn switch(&mut self, switch: &'a ast::SwitchStmt, labels: Vec<&'a str>) {
        let subject = self.value(&switch.discriminant);
        let after = self.f.block();
        let bodies: Vec<BlockId> = switch.cases.iter().map(|_| self.f.block()).collect();
        for case in &switch.cases {
            self.declare_block(&case.cons);
        }
        for case in &switch.cases {
            case.cons.iter().for_each(|statement| self.hoist_function(statement));
        }
        let mut default = after;
        for (case, &body) in switch.cases.iter().zip(&bodies) {
            match &case.test {
                None => default = body,
                Some(test) => {
                    let next = self.f.block();
                    self.case_test(switch, subject, test, body, next);
                    self.f.enter(next);
                }
            }
        }
        self.f.jump(default);
        self.f.frames.push(Frame::Target { labels, plain: true, break_to: after, continue_to: None });
        for (at, case) in switch.cases.iter().enumerate() {
            self.f.enter(bodies[at]);
            case.cons.iter().for_each(|statement| self.statement(statement));
            self.f.jump(bodies.get(at + 1).copied().unwrap_or(after));
        }
        self.f.frames.pop();
        self.f.enter(after);
    }

    /// `switch (true)` with tests that are booleans is a chain of conditions, and is lowered so.
    fn case_test(&mut self, switch: &'a ast::SwitchStmt, subject: Reg, test: &'a Expr, body: BlockId, next: BlockId) {
        let on_true = matches!(erased(&switch.discriminant), Expr::Lit(Lit::Bool(bool)) if bool.value);
        if on_true && is_boolean(test) {
            return self.condition(test, body, next);
        }
        let value = self.value(test);
        let cond = self.f.binary(BinaryOp::StrictEqual, subject, value, range(test));
        self.f.branch(cond, body, next, range(test));
    }
}

/// Whether an expression can only be true or false.
fn is_boolean(expression: &Expr) -> bool {
    match erased(expression) {
        Expr::Lit(Lit::Bool(_)) => true,
        Expr::Unary(unary) => matches!(unary.op, ast::UnaryOp::Bang | ast::UnaryOp::Delete),
        Expr::Bin(binary) => match binary.op {
            ast::BinaryOp::LogicalAnd | ast::BinaryOp::LogicalOr => is_boolean(&binary.left) && is_boolean(&binary.right),
            ast::BinaryOp::EqEq | ast::BinaryOp::NotEq | ast::BinaryOp::EqEqEq | ast::BinaryOp::NotEqEq => true,
            ast::BinaryOp::Lt | ast::BinaryOp::LtEq | ast::BinaryOp::Gt | ast::BinaryOp::GtEq => true,
            ast::BinaryOp::In | ast::BinaryOp::InstanceOf => true,
            _ => false,
        },
        _ => false,
    }
}
