//! The early errors of ECMA-262 ("Static Semantics: Early Errors") that swc's parser does not raise:
//! what an engine refuses before the first statement runs, although every token has its place.
//!
//! One walk over the tree, in the order of the text, whose work grows with the text alone. TypeScript's
//! types, overloads and ambient declarations are looked past: they are gone before the program runs.
//! Each check names the section of the standard it follows.

use rustc_hash::FxHashMap;
use swc_common::{Span, Spanned};
use swc_ecma_ast::{
    ArrowExpr, ArrowFunctionBody, AssignExpr, AssignTarget, AwaitExpr, BinExpr, BinaryOp, BindingIdent, BlockStmt, BreakStmt, CallExpr,
    Callee, CatchClause, Class, ClassDecl, ClassExpr, Constructor, ContinueStmt, Decl, DoWhileStmt, Expr, ExprStmt, FnDecl, FnExpr,
    ForHead, ForInStmt, ForOfStmt, ForStmt, Function, FunctionBody, GetterProp, Id, Ident, IfStmt, LabeledStmt, Lit, MemberExpr,
    MetaPropExpr, MetaPropKind, MethodProp, NewExpr, ObjectLit, ParamOrTsParamProp, Pat, Program, Prop, PropName, PropOrSpread, Regex,
    SetterProp, SimpleAssignTarget, StaticBlock, Stmt, Str, SwitchStmt, TsEnumDecl, TsInterfaceDecl, TsModuleDecl, TsNamespaceBody,
    TsParamPropParam, TsType, TsTypeAliasDecl, TsTypeAnn, TsTypeParamDecl, TsTypeParamInstantiation, UnaryExpr, UnaryOp, UsingDecl,
    VarDecl, VarDeclKind, WhileStmt, WithStmt,
};
use swc_ecma_visit::{Visit, VisitWith};

use super::{SyntaxError, range_of};
use crate::source::Goal;

mod classes;
mod modules;
mod names;

use classes::PrivateNames;
use modules::Exports;
use names::{Frame, Lexical};

/// The first early error of `program`, which the parser has just made: no context is applied yet, so an
/// [`Id`] is no more than its name.
pub(super) fn first_early_error(program: &Program, goal: Goal) -> Option<SyntaxError> {
    let mut walk = EarlyErrors {
        goal,
        context: Context { strict: goal == Goal::Module, awaits: goal == Goal::Module, super_call: false },
        jumps: Jumps::default(),
        frames: Vec::new(),
        private: PrivateNames::default(),
        exports: Exports::default(),
        first: None,
    };
    walk.program(program);
    walk.first
}

/// What the code around a node allows.
#[derive(Clone, Copy)]
struct Context {
    /// It is strict mode code.
    strict: bool,
    /// `await` is an operator.
    awaits: bool,
    /// `super(…)` is a call of the parent's constructor.
    super_call: bool,
}

/// Where `break` and `continue` may lead from a node; nowhere outside the function.
#[derive(Default)]
struct Jumps {
    /// The labels around, and whether each is one of a loop.
    labels: FxHashMap<Id, bool>,
    in_loop: bool,
    in_switch: bool,
}

/// A function, as far as its early errors go.
struct Code<'a> {
    name: Option<&'a Ident>,
    params: Vec<&'a Pat>,
    body: Body<'a>,
    /// No parameter may be named twice, whatever the mode is.
    unique: bool,
    awaits: bool,
    super_call: bool,
}

enum Body<'a> {
    Statements(&'a [Stmt]),
    Expression(&'a Expr),
}

struct EarlyErrors {
    goal: Goal,
    context: Context,
    jumps: Jumps,
    /// The names of each function around, and of the file.
    frames: Vec<Frame>,
    private: PrivateNames,
    exports: Exports,
    first: Option<SyntaxError>,
}

impl EarlyErrors {
    fn report(&mut self, span: Span, message: impl Into<String>) {
        let range = range_of(span);
        if self.first.as_ref().is_none_or(|first| range.start < first.range.start) {
            self.first = Some(SyntaxError { range, message: message.into() });
        }
    }

    /// Scripts: Static Semantics: Early Errors; Module Semantics: Static Semantics: Early Errors.
    fn program(&mut self, program: &Program) {
        self.frames.push(Frame::new(self.goal == Goal::Script));
        match program {
            Program::Module(module) => module.body.visit_with(self),
            Program::Script(script) => {
                self.directives(&script.body);
                self.context.strict |= is_strict(&script.body);
                script.body.visit_with(self);
            }
        }
        if let Some(frame) = self.frames.pop() {
            self.resolve_exports(&frame);
        }
    }

    /// Runs `visit` in another context and puts this one back.
    fn within(&mut self, context: Context, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.context, context);
        visit(self);
        self.context = outer;
    }

    /// Runs `visit` with the names and jumps of a new function, or of what is one to them.
    fn framed(&mut self, context: Context, visit: impl FnOnce(&mut Self)) {
        self.frames.push(Frame::new(true));
        let jumps = std::mem::take(&mut self.jumps);
        self.within(context, visit);
        self.jumps = jumps;
        self.frames.pop();
    }

    /// Runs `visit` in a new block of the current function.
    fn block(&mut self, visit: impl FnOnce(&mut Self)) {
        self.frame().open();
        visit(self);
        self.frame().close();
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the file itself is a frame")
    }

    /// Function, Arrow Function and Method Definitions: Static Semantics: Early Errors.
    fn code(&mut self, code: Code<'_>) {
        let statements = match code.body {
            Body::Statements(statements) => statements,
            Body::Expression(_) => &[],
        };
        let is_made_strict = is_strict(statements);
        let strict = self.context.strict || is_made_strict;
        let is_simple = code.params.iter().all(|param| matches!(param, Pat::Ident(_)));
        // `await` and `yield` are never operators among parameters: "… Contains AwaitExpression".
        self.framed(Context { strict, awaits: false, super_call: code.super_call }, |this| {
            if let Some(name) = code.name {
                this.name_in_strict_mode(name);
            }
            if is_made_strict && !is_simple {
                this.report(statements[0].span(), "\"use strict\" in a function whose parameters are more than names");
            }
            for param in &code.params {
                this.parameter(param, code.unique || strict || !is_simple);
            }
            this.context.awaits = code.awaits;
            match code.body {
                Body::Statements(statements) => {
                    this.directives(statements);
                    statements.visit_with(this);
                }
                Body::Expression(expression) => expression.visit_with(this),
            }
        });
    }

    fn parameter(&mut self, param: &Pat, unique: bool) {
        each_binding(param, &mut |name| {
            if !self.frame().declare_parameter(name.to_id()) && unique {
                self.report(name.span, format!("the parameter `{}` is there twice", name.sym));
            }
        });
        param.visit_with(self);
    }

    fn function(&mut self, name: Option<&Ident>, function: &Function, unique: bool) {
        function.decorators.visit_with(self);
        // What has no body is an overload, or is declared elsewhere.
        let Some(FunctionBody { stmts, .. }) = &function.body else { return };
        for param in &function.params {
            param.decorators.visit_with(self);
        }
        let params = function.params.iter().map(|param| &param.pat).collect();
        let awaits = function.is_async;
        self.code(Code { name, params, body: Body::Statements(stmts), unique, awaits, super_call: false });
    }

    /// Methods are strict about their parameters, whatever the code around is.
    fn method(&mut self, key: &PropName, function: &Function) {
        key.visit_with(self);
        self.function(None, function, true);
    }

    /// String Literals: a prologue that ends up strict must have been so from its first directive.
    fn directives(&mut self, statements: &[Stmt]) {
        if !is_strict(statements) {
            return;
        }
        for directive in statements.iter().map_while(directive) {
            self.escapes_of_strict_mode(directive);
        }
    }

    /// String Literals: Static Semantics: Early Errors.
    fn escapes_of_strict_mode(&mut self, text: &Str) {
        if text.raw.as_ref().is_some_and(|raw| has_legacy_escape(raw)) {
            self.report(text.span, "an octal escape is not allowed in strict mode");
        }
    }

    /// Identifiers: Static Semantics: Early Errors.
    fn name_in_strict_mode(&mut self, name: &Ident) {
        const RESERVED: [&str; 9] = ["implements", "interface", "let", "package", "private", "protected", "public", "static", "yield"];
        if !self.context.strict {
            return;
        }
        if matches!(&*name.sym, "eval" | "arguments") || RESERVED.contains(&&*name.sym) {
            self.report(name.span, format!("`{}` cannot be the name of anything in strict mode", name.sym));
        }
    }

    /// Blocks, Switch Statements, For Statements, Function Definitions, Scripts, Modules: a name that is
    /// declared by `let`, `const`, `class`, `import` or in a block is declared once.
    fn lexical(&mut self, name: &Ident, kind: Lexical) {
        if !self.frame().declare_lexical(name.to_id(), kind) {
            self.declared_twice(name);
        }
    }

    fn variable(&mut self, name: &Ident) {
        if !self.frame().declare_var(name.to_id()) {
            self.declared_twice(name);
        }
    }

    fn declared_twice(&mut self, name: &Ident) {
        self.report(name.span, format!("`{}` is declared twice", name.sym));
    }

    /// A name that TypeScript knows and that is nothing when the program runs, or is merged with another.
    fn type_only(&mut self, name: &Ident) {
        if self.frames.len() == 1 {
            self.exports.declare_type(name.to_id());
        }
    }

    /// Iteration Statements, If and With Statements: "It is a Syntax Error if IsLabelledFunction".
    fn no_labelled_function(&mut self, body: &Stmt) {
        let mut inner = body;
        while let Stmt::Labeled(labelled) = inner {
            inner = &labelled.body;
        }
        if body.is_labeled() && matches!(inner, Stmt::Decl(Decl::Fn(_))) {
            self.report(inner.span(), "a function cannot be declared here");
        }
    }

    fn loop_body(&mut self, body: &Stmt) {
        self.no_labelled_function(body);
        let outer = std::mem::replace(&mut self.jumps.in_loop, true);
        body.visit_with(self);
        self.jumps.in_loop = outer;
    }

    /// The `for-in/of` statements, whose names live as long as the loop.
    fn for_each(&mut self, left: &ForHead, right: &Expr, body: &Stmt) {
        self.block(|this| {
            left.visit_with(this);
            right.visit_with(this);
            this.loop_body(body);
        });
    }

    /// If Statements: a branch is a block of its own; only a plain function may be declared as one.
    fn branch(&mut self, branch: &Stmt) {
        self.no_labelled_function(branch);
        if let Stmt::Decl(Decl::Fn(declared)) = branch
            && !is_plain(&declared.function)
        {
            self.report(declared.ident.span, "a function cannot be declared here");
        }
        self.block(|this| branch.visit_with(this));
    }

    /// Class Definitions: Static Semantics: Early Errors.
    fn class_body(&mut self, class: &Class) {
        class.decorators.visit_with(self);
        self.within(Context { strict: true, ..self.context }, |this| {
            // The names of this class are not known yet where its parent is named.
            class.super_class.visit_with(this);
            this.private_names(&class.body, |this| {
                for member in &class.body {
                    this.class_member(member, class.super_class.is_some());
                }
            });
        });
    }

    fn constructor(&mut self, constructor: &Constructor, is_derived: bool) {
        let Some(FunctionBody { stmts, .. }) = &constructor.body else { return };
        let properties: Vec<Pat> = constructor.params.iter().map(parameter_of).collect();
        let (params, body) = (properties.iter().collect(), Body::Statements(stmts));
        self.code(Code { name: None, params, body, unique: true, awaits: false, super_call: is_derived });
    }

    /// What is evaluated as a function of its own when an instance is made.
    fn initializer(&mut self, value: &Expr) {
        self.within(Context { awaits: false, super_call: false, ..self.context }, |this| value.visit_with(this));
    }

    fn static_block(&mut self, block: &StaticBlock) {
        let context = Context { awaits: false, super_call: false, ..self.context };
        self.framed(context, |this| block.body.stmts.visit_with(this));
    }

    /// A namespace is compiled to a function.
    fn namespace(&mut self, body: &TsNamespaceBody) {
        match body {
            TsNamespaceBody::TsModuleBlock(block) => {
                let context = Context { awaits: false, super_call: false, ..self.context };
                self.framed(context, |this| block.body.visit_with(this));
            }
            TsNamespaceBody::TsNamespaceDecl(inner) => self.namespace(&inner.body),
        }
    }
}

impl Visit for EarlyErrors {
    // What types say is nothing to the program that runs.
    fn visit_ts_type(&mut self, _: &TsType) {}
    fn visit_ts_type_ann(&mut self, _: &TsTypeAnn) {}
    fn visit_ts_type_param_decl(&mut self, _: &TsTypeParamDecl) {}
    fn visit_ts_type_param_instantiation(&mut self, _: &TsTypeParamInstantiation) {}

    fn visit_ts_interface_decl(&mut self, node: &TsInterfaceDecl) {
        self.type_only(&node.id);
    }

    fn visit_ts_type_alias_decl(&mut self, node: &TsTypeAliasDecl) {
        self.type_only(&node.id);
    }

    /// A namespace merges with almost everything of its name.
    fn visit_ts_module_decl(&mut self, node: &TsModuleDecl) {
        if let Some(name) = node.id.as_ident() {
            self.type_only(name);
        }
        if let Some(body) = node.body.as_ref().filter(|_| !node.declare && !node.global) {
            self.namespace(body);
        }
    }

    fn visit_ts_enum_decl(&mut self, node: &TsEnumDecl) {
        if node.declare {
            return self.type_only(&node.id);
        }
        self.lexical(&node.id, Lexical::Enum);
        node.members.visit_with(self);
    }

    fn visit_fn_decl(&mut self, node: &FnDecl) {
        if node.declare || node.function.body.is_none() {
            return self.type_only(&node.ident);
        }
        self.name_in_strict_mode(&node.ident);
        if self.frame().is_function_a_variable() {
            self.variable(&node.ident);
        } else if !self.context.strict && is_plain(&node.function) {
            self.lexical(&node.ident, Lexical::SloppyFunction);
        } else {
            self.lexical(&node.ident, Lexical::Once);
        }
        self.function(Some(&node.ident), &node.function, false);
        if let Some(decorator) = node.function.decorators.first() {
            self.report(decorator.span, "a function cannot be decorated");
        }
    }

    fn visit_fn_expr(&mut self, node: &FnExpr) {
        self.function(node.ident.as_ref(), &node.function, false);
    }

    fn visit_method_prop(&mut self, node: &MethodProp) {
        self.method(&node.key, &node.function);
    }

    fn visit_getter_prop(&mut self, node: &GetterProp) {
        self.method(&node.key, &node.function);
    }

    fn visit_setter_prop(&mut self, node: &SetterProp) {
        self.method(&node.key, &node.function);
    }

    fn visit_arrow_expr(&mut self, node: &ArrowExpr) {
        let body = match &*node.body {
            ArrowFunctionBody::FunctionBody(body) => Body::Statements(&body.stmts),
            ArrowFunctionBody::Expr(expression) => Body::Expression(expression),
        };
        let params = node.params.iter().collect();
        let (awaits, super_call) = (node.is_async, self.context.super_call);
        self.code(Code { name: None, params, body, unique: true, awaits, super_call });
    }

    fn visit_class_decl(&mut self, node: &ClassDecl) {
        if node.declare {
            return self.type_only(&node.ident);
        }
        self.lexical(&node.ident, Lexical::Once);
        self.class_body(&node.class);
    }

    fn visit_class_expr(&mut self, node: &ClassExpr) {
        self.class_body(&node.class);
    }

    fn visit_var_decl(&mut self, node: &VarDecl) {
        for declarator in &node.decls {
            each_binding(&declarator.name, &mut |name| match (node.declare, node.kind) {
                (true, _) => self.type_only(name),
                (false, VarDeclKind::Var) => self.variable(name),
                (false, VarDeclKind::Let | VarDeclKind::Const) => self.lexical(name, Lexical::Once),
            });
        }
        node.visit_children_with(self);
    }

    fn visit_using_decl(&mut self, node: &UsingDecl) {
        for declarator in &node.decls {
            each_binding(&declarator.name, &mut |name| self.lexical(name, Lexical::Once));
        }
        if node.is_await && !self.context.awaits {
            self.report(node.span, "`await` is only valid in async functions and at the top level of modules");
        }
        node.visit_children_with(self);
    }

    fn visit_binding_ident(&mut self, node: &BindingIdent) {
        self.name_in_strict_mode(&node.id);
    }

    /// Expression Statements: none starts with `let [`.
    fn visit_expr_stmt(&mut self, node: &ExprStmt) {
        if starts_with_let_bracket(&node.expr) {
            self.report(node.span, "`let` cannot declare a name here");
        }
        node.visit_children_with(self);
    }

    fn visit_block_stmt(&mut self, node: &BlockStmt) {
        self.block(|this| node.stmts.visit_with(this));
    }

    fn visit_switch_stmt(&mut self, node: &SwitchStmt) {
        node.discriminant.visit_with(self);
        let outer = std::mem::replace(&mut self.jumps.in_switch, true);
        self.block(|this| node.cases.visit_with(this));
        self.jumps.in_switch = outer;
    }

    /// Try Statements: the parameter's names and those of the block are of one scope; `var` may repeat a
    /// parameter that is a single name.
    fn visit_catch_clause(&mut self, node: &CatchClause) {
        self.block(|this| {
            if let Some(param) = &node.param {
                let kind = if param.is_ident() { Lexical::CatchParameter } else { Lexical::Once };
                each_binding(param, &mut |name| this.lexical(name, kind));
                param.visit_with(this);
            }
            node.body.stmts.visit_with(this);
        });
    }

    fn visit_if_stmt(&mut self, node: &IfStmt) {
        node.test.visit_with(self);
        self.branch(&node.cons);
        if let Some(alternative) = &node.alt {
            self.branch(alternative);
        }
    }

    fn visit_while_stmt(&mut self, node: &WhileStmt) {
        node.test.visit_with(self);
        self.loop_body(&node.body);
    }

    fn visit_do_while_stmt(&mut self, node: &DoWhileStmt) {
        self.loop_body(&node.body);
        node.test.visit_with(self);
    }

    fn visit_for_stmt(&mut self, node: &ForStmt) {
        self.block(|this| {
            node.init.visit_with(this);
            node.test.visit_with(this);
            node.update.visit_with(this);
            this.loop_body(&node.body);
        });
    }

    /// Initializers in ForIn Statement Heads: `for (var x = 1 in y)`, in sloppy mode, is all there is.
    fn visit_for_in_stmt(&mut self, node: &ForInStmt) {
        if let ForHead::VarDecl(declaration) = &node.left
            && let Some(declarator) = declaration.decls.iter().find(|declarator| declarator.init.is_some())
            && (self.context.strict || declaration.kind != VarDeclKind::Var || !declarator.name.is_ident())
        {
            self.report(declarator.span, "the variable of a `for-in` loop has no initial value");
        }
        self.for_each(&node.left, &node.right, &node.body);
    }

    fn visit_for_of_stmt(&mut self, node: &ForOfStmt) {
        if node.is_await && !self.context.awaits {
            self.report(node.span, "`for await` is only valid in async functions and at the top level of modules");
        }
        self.for_each(&node.left, &node.right, &node.body);
    }

    fn visit_with_stmt(&mut self, node: &WithStmt) {
        if self.context.strict {
            self.report(node.span, "`with` is not allowed in strict mode");
        }
        node.obj.visit_with(self);
        self.no_labelled_function(&node.body);
        node.body.visit_with(self);
    }

    /// Labelled Statements: Static Semantics: Early Errors.
    fn visit_labeled_stmt(&mut self, node: &LabeledStmt) {
        let (mut inner, label) = (&*node.body, node.label.to_id());
        while let Stmt::Labeled(labelled) = inner {
            inner = &labelled.body;
        }
        if let Stmt::Decl(Decl::Fn(declared)) = inner
            && (self.context.strict || !is_plain(&declared.function))
        {
            self.report(declared.ident.span, "this function cannot have a label");
        }
        let is_loop = matches!(inner, Stmt::While(_) | Stmt::DoWhile(_) | Stmt::For(_) | Stmt::ForIn(_) | Stmt::ForOf(_));
        if self.jumps.labels.insert(label.clone(), is_loop).is_some() {
            self.report(node.label.span, format!("the label `{}` is there twice", node.label.sym));
        }
        node.body.visit_with(self);
        self.jumps.labels.remove(&label);
    }

    /// The Break Statement: Static Semantics: Early Errors.
    fn visit_break_stmt(&mut self, node: &BreakStmt) {
        match &node.label {
            Some(label) if !self.jumps.labels.contains_key(&label.to_id()) => self.report(label.span, no_label(label)),
            None if !self.jumps.in_loop && !self.jumps.in_switch => self.report(node.span, "`break` outside of a loop and `switch`"),
            _ => {}
        }
    }

    /// The Continue Statement: Static Semantics: Early Errors.
    fn visit_continue_stmt(&mut self, node: &ContinueStmt) {
        match &node.label {
            Some(label) if self.jumps.labels.get(&label.to_id()) != Some(&true) => self.report(label.span, no_label(label)),
            None if !self.jumps.in_loop => self.report(node.span, "`continue` outside of a loop"),
            _ => {}
        }
    }

    /// Async Function Definitions; the top level of a script is none.
    fn visit_await_expr(&mut self, node: &AwaitExpr) {
        if !self.context.awaits {
            self.report(node.span, "`await` is only valid in async functions and at the top level of modules");
        }
        node.visit_children_with(self);
    }

    fn visit_meta_prop_expr(&mut self, node: &MetaPropExpr) {
        if node.kind == MetaPropKind::ImportMeta && self.goal == Goal::Script {
            self.report(node.span, "`import.meta` is only valid in modules");
        }
    }

    /// Left-Hand-Side Expressions; Function Calls: `super(…)` belongs to constructors of derived classes.
    fn visit_call_expr(&mut self, node: &CallExpr) {
        match &node.callee {
            Callee::Super(parent) if !self.context.super_call => {
                self.report(parent.span, "`super()` outside of the constructor of a derived class");
            }
            Callee::Import(_) => {
                if let Some(spread) = node.args.iter().find_map(|argument| argument.spread) {
                    self.report(spread, "`import()` does not take a spread");
                }
            }
            _ => {}
        }
        node.visit_children_with(self);
    }

    fn visit_new_expr(&mut self, node: &NewExpr) {
        if let Expr::Call(CallExpr { callee: Callee::Import(import), .. }) = &*node.callee {
            self.report(import.span, "`import()` cannot be called with `new`");
        }
        node.visit_children_with(self);
    }

    /// The `in` operator takes a private name on its left; it is a value nowhere else.
    fn visit_bin_expr(&mut self, node: &BinExpr) {
        match &*node.left {
            Expr::PrivateName(name) if node.op == BinaryOp::In => self.use_private_name(name),
            left => left.visit_with(self),
        }
        node.right.visit_with(self);
    }

    fn visit_expr(&mut self, node: &Expr) {
        if let Expr::PrivateName(name) = node {
            self.report(name.span, format!("`#{}` alone is no value", name.name));
        }
        node.visit_children_with(self);
    }

    fn visit_private_name(&mut self, node: &swc_ecma_ast::PrivateName) {
        self.use_private_name(node);
    }

    /// The `delete` operator: Static Semantics: Early Errors.
    fn visit_unary_expr(&mut self, node: &UnaryExpr) {
        if node.op == UnaryOp::Delete {
            match bare(&node.arg) {
                Expr::Ident(name) if self.context.strict => {
                    self.report(node.span, format!("`delete` of the name `{}` is not allowed in strict mode", name.sym));
                }
                Expr::Member(member) if member.prop.is_private_name() => self.report(node.span, "a private field cannot be deleted"),
                Expr::OptChain(chain) if chain.base.as_member().is_some_and(|member| member.prop.is_private_name()) => {
                    self.report(node.span, "a private field cannot be deleted");
                }
                _ => {}
            }
        }
        node.visit_children_with(self);
    }

    /// Object Initializer: Static Semantics: Early Errors.
    fn visit_object_lit(&mut self, node: &ObjectLit) {
        let mut prototypes = 0;
        for property in &node.props {
            let PropOrSpread::Prop(property) = property else { continue };
            match &**property {
                Prop::Assign(assigned) => self.report(assigned.span, "`=` in an object that is no pattern"),
                Prop::KeyValue(pair) if is_named(&pair.key, "__proto__") => {
                    prototypes += 1;
                    if prototypes == 2 {
                        self.report(pair.key.span(), "`__proto__` is there twice");
                    }
                }
                _ => {}
            }
        }
        node.visit_children_with(self);
    }

    fn visit_str(&mut self, node: &Str) {
        if self.context.strict {
            self.escapes_of_strict_mode(node);
        }
    }

    /// Regular Expression Literals: Static Semantics: Early Errors, in the words of the engine's own reader.
    fn visit_regex(&mut self, node: &Regex) {
        let has = |flag: char| node.flags.contains(flag);
        if has('u') && has('v') {
            return self.report(node.span, "a regular expression cannot have both flags `u` and `v`");
        }
        if let Err(error) = regress::backends::try_parse(node.exp.chars().map(u32::from), (&*node.flags).into()) {
            self.report(node.span, format!("invalid regular expression: {}", error.text));
        }
    }

    fn visit_import_decl(&mut self, node: &swc_ecma_ast::ImportDecl) {
        self.import(node);
    }

    fn visit_ts_import_equals_decl(&mut self, node: &swc_ecma_ast::TsImportEqualsDecl) {
        self.type_only(&node.id);
    }

    fn visit_export_decl(&mut self, node: &swc_ecma_ast::ExportDecl) {
        self.export_declaration(&node.decl);
        node.visit_children_with(self);
    }

    fn visit_export_default_decl(&mut self, node: &swc_ecma_ast::ExportDefaultDecl) {
        self.export_default_declaration(node);
    }

    fn visit_export_default_expr(&mut self, node: &swc_ecma_ast::ExportDefaultExpr) {
        self.export_default(node.span);
        node.visit_children_with(self);
    }

    fn visit_named_export(&mut self, node: &swc_ecma_ast::NamedExport) {
        self.export_names(node);
    }

    fn visit_export_all(&mut self, node: &swc_ecma_ast::ExportAll) {
        self.attributes(node.with.as_deref());
    }
}

fn no_label(label: &Ident) -> String {
    format!("no loop or statement around has the label `{}`", label.sym)
}

/// Whether the function is neither async nor a generator.
fn is_plain(function: &Function) -> bool {
    !function.is_async && !function.is_generator
}

/// Whether the directives before the statements hold `"use strict"`.
fn is_strict(statements: &[Stmt]) -> bool {
    statements.iter().take_while(|statement| statement.can_precede_directive()).any(Stmt::is_use_strict)
}

fn directive(statement: &Stmt) -> Option<&Str> {
    match statement {
        Stmt::Expr(statement) => match &*statement.expr {
            Expr::Lit(Lit::Str(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a literal holds `\1` to `\9`, or `\0` before a digit.
fn has_legacy_escape(raw: &str) -> bool {
    let bytes = raw.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        match bytes[at + 1] {
            b'1'..=b'9' => return true,
            b'0' if bytes.get(at + 2).is_some_and(u8::is_ascii_digit) => return true,
            _ => at += 2,
        }
    }
    false
}

/// Whether an expression's first tokens are `let [`.
fn starts_with_let_bracket(expr: &Expr) -> bool {
    let of_member = |member: &MemberExpr| match &*member.obj {
        Expr::Ident(name) => name.sym == *"let" && member.prop.is_computed(),
        object => starts_with_let_bracket(object),
    };
    match expr {
        Expr::Member(member) => of_member(member),
        Expr::Assign(AssignExpr { left: AssignTarget::Simple(SimpleAssignTarget::Member(member)), .. }) => of_member(member),
        Expr::Call(CallExpr { callee: Callee::Expr(callee), .. }) => starts_with_let_bracket(callee),
        Expr::TaggedTpl(tagged) => starts_with_let_bracket(&tagged.tag),
        Expr::Bin(operation) => starts_with_let_bracket(&operation.left),
        Expr::Cond(choice) => starts_with_let_bracket(&choice.test),
        Expr::Update(update) => !update.prefix && starts_with_let_bracket(&update.arg),
        Expr::Seq(sequence) => sequence.exprs.first().is_some_and(|first| starts_with_let_bracket(first)),
        _ => false,
    }
}

/// Whether a key that is not computed is `name`.
fn is_named(key: &PropName, name: &str) -> bool {
    match key {
        PropName::Ident(key) => key.sym == *name,
        PropName::Str(key) => key.value == *name,
        _ => false,
    }
}

/// An expression without the parentheses and types around it.
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(inner) => bare(&inner.expr),
        Expr::TsAs(inner) => bare(&inner.expr),
        Expr::TsNonNull(inner) => bare(&inner.expr),
        Expr::TsTypeAssertion(inner) => bare(&inner.expr),
        Expr::TsSatisfies(inner) => bare(&inner.expr),
        other => other,
    }
}

/// A constructor's parameter, whether or not it is a property too.
fn parameter_of(param: &ParamOrTsParamProp) -> Pat {
    match param {
        ParamOrTsParamProp::Param(param) => param.pat.clone(),
        ParamOrTsParamProp::TsParamProp(property) => match &property.param {
            TsParamPropParam::Ident(name) => Pat::Ident(name.clone()),
            TsParamPropParam::Assign(assigned) => Pat::Assign(assigned.clone()),
        },
    }
}

/// BoundNames of a pattern.
fn each_binding(pat: &Pat, found: &mut dyn FnMut(&Ident)) {
    use swc_ecma_ast::ObjectPatProp;
    match pat {
        Pat::Ident(name) => found(&name.id),
        Pat::Array(array) => array.elems.iter().flatten().for_each(|element| each_binding(element, found)),
        Pat::Rest(rest) => each_binding(&rest.arg, found),
        Pat::Assign(assigned) => each_binding(&assigned.left, found),
        Pat::Object(object) => {
            for property in &object.props {
                match property {
                    ObjectPatProp::KeyValue(pair) => each_binding(&pair.value, found),
                    ObjectPatProp::Assign(name) => found(&name.key.id),
                    ObjectPatProp::Rest(rest) => each_binding(&rest.arg, found),
                }
            }
        }
        Pat::Expr(_) | Pat::Invalid(_) => {}
    }
}

#[cfg(test)]
mod tests;
