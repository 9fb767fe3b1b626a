//! Lowering: from the tree to the graph of [`super::ir`], in ECMAScript's evaluation order.
//!
//! - [`builder`] appends operations and blocks to the function being lowered.
//! - [`scope`] turns bindings into slots; a scope's names are declared before anything in it is lowered.
//! - [`function`], [`class`] and [`module`] lower what holds code; [`statement`], [`loops`] and
//!   [`unwind`] statements; [`expression`] and its neighbours expressions; [`pattern`] destructuring.
//! - [`typescript`] erases types and lowers enums and namespaces.
//!
//! Nothing here depends on values: a branch is a branch even where its condition folds, except for
//! the literal conditions of loops, which decide whether a loop has an exit at all.

use std::collections::{HashMap, HashSet};

use swc_common::{GLOBALS, Span, SyntaxContext};
use swc_ecma_ast as ast;

use crate::semantic::ir::{FuncId, Ir, SlotId};
use crate::source::{Goal, Language, SourceFile};
use crate::syntax::{Parsed, range_of};

mod assignment;
mod builder;
mod call;
mod class;
mod condition;
mod expression;
mod function;
mod literal;
mod loops;
mod module;
mod pattern;
mod scope;
mod statement;
mod text;
mod typescript;
mod unwind;

use builder::Builder;

/// Lowers a whole file. Total: whatever parses has a graph.
pub fn lower(parsed: &Parsed, source: &SourceFile) -> Ir {
    let top_level = GLOBALS.set(&parsed.globals, || SyntaxContext::empty().apply_mark(parsed.top_level_mark));
    let mut lowering = Lowering {
        source,
        unresolved: parsed.unresolved,
        top_level,
        typescript: source.language == Language::TypeScript,
        ir: Ir::default(),
        slots: HashMap::new(),
        loaded: Vec::new(),
        functions: HashMap::new(),
        own_names: HashSet::new(),
        enums: HashMap::new(),
        enum_scopes: Vec::new(),
        copied_bytes: 0,
        f: Builder::new(FuncId(0)),
    };
    lowering.program(&parsed.program, parsed.goal == Goal::Module);
    lowering.ir
}

/// The state of lowering one file.
struct Lowering<'a> {
    source: &'a SourceFile,
    /// The context of identifiers that no binding declares.
    unresolved: SyntaxContext,
    /// The context of bindings of the top level.
    top_level: SyntaxContext,
    typescript: bool,
    ir: Ir,
    /// The slot of each binding declared so far.
    slots: HashMap<ast::Id, SlotId>,
    /// Which slots are read as values; TypeScript drops imports that are not.
    loaded: Vec<bool>,
    /// Functions by the address of their node: the copies of a `finally` body share its closures.
    functions: HashMap<NodeKey, FuncId>,
    /// Names of function expressions: assigning to one does nothing.
    own_names: HashSet<SlotId>,
    /// Members of TypeScript enums seen so far.
    enums: HashMap<SlotId, typescript::EnumMembers>,
    /// Enums whose initialisers are being lowered, innermost last.
    enum_scopes: Vec<typescript::EnumScope>,
    /// How much source the copies of `finally` bodies repeat.
    copied_bytes: usize,
    /// The function being lowered.
    f: Builder<'a>,
}

/// Identity of a tree node: its address, and what it is, since a node may begin with its child.
type NodeKey = (usize, NodeKind);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum NodeKind {
    Function,
    Arrow,
    Constructor,
    Initializer,
}

fn node_key<T>(node: &T, kind: NodeKind) -> NodeKey {
    (std::ptr::from_ref(node) as usize, kind)
}

impl Lowering<'_> {
    fn unsupported(&mut self, span: Span, what: &'static str) {
        let entry = (range_of(span), what);
        if !self.ir.unsupported.contains(&entry) {
            self.ir.unsupported.push(entry);
        }
    }
}

#[cfg(test)]
mod tests;
