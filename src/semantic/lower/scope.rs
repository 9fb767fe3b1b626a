//! Bindings become slots. A scope's names are all declared before anything in it is lowered, so
//! that an identifier whose binding has no slot yet is one that only types declare.

use swc_ecma_ast as ast;
use swc_ecma_ast::{Decl, ForHead, ModuleDecl, ModuleItem, ObjectPatProp, Pat, Stmt, VarDeclKind, VarDeclOrExpr};

use super::Lowering;
use crate::semantic::ir::{Slot, SlotId, SlotKind};
use crate::source::TextRange;

/// The slot kind of a variable declaration.
pub(super) fn slot_kind(kind: VarDeclKind) -> SlotKind {
    match kind {
        VarDeclKind::Var => SlotKind::Var,
        VarDeclKind::Let => SlotKind::Let,
        VarDeclKind::Const => SlotKind::Const,
    }
}

impl<'a> Lowering<'a> {
    /// The slot of a binding, new unless the scope already declared it.
    pub(super) fn declare(&mut self, ident: &ast::Ident, kind: SlotKind) -> SlotId {
        let id = ident.to_id();
        if let Some(&slot) = self.slots.get(&id) {
            return slot;
        }
        let slot = self.new_slot(ident.sym.to_string(), kind, self.name_range(ident));
        self.slots.insert(id, slot);
        slot
    }

    /// A slot that the source has no name for.
    pub(super) fn temporary(&mut self, range: TextRange) -> SlotId {
        self.new_slot(String::new(), SlotKind::Temporary, range)
    }

    fn new_slot(&mut self, name: String, kind: SlotKind, range: TextRange) -> SlotId {
        let slot = SlotId(self.ir.slots.len() as u32);
        self.ir.slots.push(Slot { name, kind, owner: self.f.id, range, captured: false, stores: 0 });
        self.loaded.push(false);
        slot
    }

    /// The slot an identifier means; `None` for a global. A binding that only a `declare` or a type
    /// makes does not exist when the program runs, so it is a global too.
    pub(super) fn slot_of(&self, ident: &ast::Ident) -> Option<SlotId> {
        if ident.ctxt == self.unresolved {
            return None;
        }
        self.slots.get(&ident.to_id()).copied()
    }

    /// Notes an identifier without slot that is bound inside a function all the same: a `declare` in
    /// its scope hides, from the tree, a variable further out that it means when the program runs.
    pub(super) fn note_global(&mut self, ident: &ast::Ident) {
        if ident.ctxt != self.unresolved && ident.ctxt != self.top_level {
            self.unsupported(ident.span, "a local declaration without a value");
        }
    }

    /// Declares every name of a pattern.
    pub(super) fn declare_pattern(&mut self, pattern: &'a Pat, kind: SlotKind) {
        for ident in pattern_names(pattern) {
            self.declare(ident, kind);
        }
    }

    /// Declares what a function, a module or a script as a whole holds: `var` and functions, however deep.
    pub(super) fn declare_function_scope(&mut self, statements: &'a [Stmt]) {
        for statement in statements {
            self.hoist(statement);
        }
    }

    fn declare_variables(&mut self, declaration: &'a ast::VarDecl) {
        if !declaration.declare {
            let kind = slot_kind(declaration.kind);
            declaration.decls.iter().for_each(|declarator| self.declare_pattern(&declarator.name, kind));
        }
    }

    fn hoist_head(&mut self, head: &'a ForHead) {
        if let ForHead::VarDecl(declaration) = head
            && declaration.kind == VarDeclKind::Var
        {
            self.declare_variables(declaration);
        }
    }

    pub(super) fn hoist(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Decl(Decl::Var(declaration)) if declaration.kind == VarDeclKind::Var => self.declare_variables(declaration),
            Stmt::Decl(Decl::Fn(function)) if function.function.body.is_some() && !function.declare => {
                self.declare(&function.ident, SlotKind::Function);
            }
            Stmt::Block(block) => self.declare_function_scope(&block.stmts),
            Stmt::With(with) => self.hoist(&with.body),
            Stmt::Labeled(labeled) => self.hoist(&labeled.body),
            Stmt::If(_) => self.hoist_if(statement),
            Stmt::Switch(switch) => switch.cases.iter().for_each(|case| self.declare_function_scope(&case.cons)),
            Stmt::Try(attempt) => {
                self.declare_function_scope(&attempt.block.stmts);
                attempt.handler.iter().for_each(|handler| self.declare_function_scope(&handler.body.stmts));
                attempt.finalizer.iter().for_each(|finalizer| self.declare_function_scope(&finalizer.stmts));
            }
            Stmt::While(each) => self.hoist(&each.body),
            Stmt::DoWhile(each) => self.hoist(&each.body),
            Stmt::For(each) => {
                if let Some(VarDeclOrExpr::VarDecl(declaration)) = &each.init
                    && declaration.kind == VarDeclKind::Var
                {
                    self.declare_variables(declaration);
                }
                self.hoist(&each.body);
            }
            Stmt::ForIn(each) => {
                self.hoist_head(&each.left);
                self.hoist(&each.body);
            }
            Stmt::ForOf(each) => {
                self.hoist_head(&each.left);
                self.hoist(&each.body);
            }
            Stmt::Decl(_) | Stmt::Expr(_) | Stmt::Empty(_) | Stmt::Debugger(_) | Stmt::Return(_) => {}
            Stmt::Break(_) | Stmt::Continue(_) | Stmt::Throw(_) => {}
        }
    }

    /// `else if` chains are as deep as they are long: walked, not recursed into.
    fn hoist_if(&mut self, mut statement: &'a Stmt) {
        while let Stmt::If(branch) = statement {
            self.hoist(&branch.cons);
            match &branch.alt {
                Some(alternative) => statement = alternative,
                None => return,
            }
        }
        self.hoist(statement);
    }

    /// Declares what the statements of a block hold themselves.
    pub(super) fn declare_block(&mut self, statements: &'a [Stmt]) {
        for statement in statements {
            if let Stmt::Decl(declaration) = unlabelled(statement) {
                self.declare_declaration(declaration);
            }
        }
    }

    /// The same for the items of a module or namespace.
    pub(super) fn declare_items(&mut self, items: &'a [ModuleItem]) {
        for item in items {
            match item {
                ModuleItem::Stmt(statement) => self.declare_block(std::slice::from_ref(statement)),
                ModuleItem::ModuleDecl(declaration) => self.declare_module_item(declaration),
            }
        }
    }

    fn declare_module_item(&mut self, declaration: &'a ModuleDecl) {
        match declaration {
            ModuleDecl::Import(import) => self.declare_import(import),
            ModuleDecl::ExportDecl(export) => self.declare_declaration(&export.decl),
            ModuleDecl::ExportDefaultDecl(export) => match &export.decl {
                ast::DefaultDecl::Class(class) => self.declare_optional(class.ident.as_ref(), SlotKind::Class),
                ast::DefaultDecl::Fn(function) if function.function.body.is_some() => {
                    self.declare_optional(function.ident.as_ref(), SlotKind::Function);
                }
                ast::DefaultDecl::Fn(_) | ast::DefaultDecl::TsInterfaceDecl(_) => {}
            },
            ModuleDecl::TsImportEquals(import) if !import.is_type_only => {
                self.declare(&import.id, SlotKind::Import);
            }
            _ => {}
        }
    }

    fn declare_optional(&mut self, ident: Option<&ast::Ident>, kind: SlotKind) {
        if let Some(ident) = ident {
            self.declare(ident, kind);
        }
    }

    fn declare_declaration(&mut self, declaration: &'a Decl) {
        match declaration {
            Decl::Class(class) if !class.declare => {
                self.declare(&class.ident, SlotKind::Class);
            }
            Decl::Fn(function) if !function.declare && function.function.body.is_some() => {
                self.declare(&function.ident, SlotKind::Function);
            }
            Decl::Var(variables) => self.declare_variables(variables),
            Decl::Using(using) => using.decls.iter().for_each(|declarator| self.declare_pattern(&declarator.name, SlotKind::Const)),
            Decl::TsEnum(each) if !each.declare => {
                self.declare(&each.id, SlotKind::TypeScript);
            }
            Decl::TsModule(module) => self.declare_namespace(module),
            Decl::Class(_) | Decl::Fn(_) | Decl::TsEnum(_) | Decl::TsInterface(_) | Decl::TsTypeAlias(_) => {}
        }
    }

    fn declare_import(&mut self, import: &'a ast::ImportDecl) {
        if import.type_only {
            return;
        }
        for specifier in &import.specifiers {
            match specifier {
                ast::ImportSpecifier::Named(named) if named.is_type_only => {}
                ast::ImportSpecifier::Named(named) => {
                    self.declare(&named.local, SlotKind::Import);
                }
                ast::ImportSpecifier::Default(default) => {
                    self.declare(&default.local, SlotKind::Import);
                }
                ast::ImportSpecifier::Namespace(namespace) => {
                    self.declare(&namespace.local, SlotKind::Import);
                }
            }
        }
    }
}

/// The statement behind its labels.
pub(super) fn unlabelled(mut statement: &Stmt) -> &Stmt {
    while let Stmt::Labeled(labeled) = statement {
        statement = &labeled.body;
    }
    statement
}

/// The names a pattern binds, in order.
pub(super) fn pattern_names(pattern: &Pat) -> Vec<&ast::Ident> {
    let mut names = Vec::new();
    collect_names(pattern, &mut names);
    names
}

fn collect_names<'a>(pattern: &'a Pat, names: &mut Vec<&'a ast::Ident>) {
    match pattern {
        Pat::Ident(ident) => names.push(&ident.id),
        Pat::Array(array) => array.elems.iter().flatten().for_each(|element| collect_names(element, names)),
        Pat::Rest(rest) => collect_names(&rest.arg, names),
        Pat::Assign(assign) => collect_names(&assign.left, names),
        Pat::Object(object) => {
            for prop in &object.props {
                match prop {
                    ObjectPatProp::KeyValue(pair) => collect_names(&pair.value, names),
                    ObjectPatProp::Assign(assign) => names.push(&assign.key.id),
                    ObjectPatProp::Rest(rest) => collect_names(&rest.arg, names),
                }
            }
        }
        Pat::Expr(_) | Pat::Invalid(_) => {}
    }
}
