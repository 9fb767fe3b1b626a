//! The names of one function, script or module: which of them clash.
//!
//! A name declared in a block clashes with another of the same block, and with a `var` of the name that
//! is declared anywhere inside the block, since that one is hoisted through it. Neither question walks
//! the blocks: every name knows the blocks it is declared in, and each `var` how many blocks had been
//! opened when it was met.

use rustc_hash::FxHashMap;
use swc_ecma_ast::Id;

/// A declaration whose name lives in a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lexical {
    /// One that suffers no other of its name.
    Once,
    /// Block-Level Function Declarations: Changes to Block (sloppy mode) Early Errors.
    SloppyFunction,
    /// VariableStatements in Catch Blocks: `var` may repeat it.
    CatchParameter,
    /// TypeScript merges it with others of its kind.
    Enum,
}

/// The names of one function, or of what is one to them.
pub(super) struct Frame {
    /// A function that is declared outside all blocks is hoisted as `var` is: true but for modules.
    functions_are_variables: bool,
    /// How many blocks have been opened.
    opened: u32,
    blocks: Vec<Block>,
    lexical: FxHashMap<Id, Declared>,
    /// For each `var` and parameter, how many blocks had been opened when it was last met.
    vars: FxHashMap<Id, u32>,
}

struct Block {
    /// How many blocks had been opened, this one included.
    opened: u32,
    names: Vec<Id>,
}

/// The open blocks that declare a name.
#[derive(Default)]
struct Declared {
    /// By their depth, outermost first.
    blocks: Vec<(usize, Lexical)>,
    /// How many of them let no `var` of the name pass.
    strict: usize,
}

impl Frame {
    pub(super) fn new(functions_are_variables: bool) -> Self {
        Frame {
            functions_are_variables,
            opened: 0,
            blocks: vec![Block { opened: 0, names: Vec::new() }],
            lexical: FxHashMap::default(),
            vars: FxHashMap::default(),
        }
    }

    pub(super) fn open(&mut self) {
        self.opened += 1;
        self.blocks.push(Block { opened: self.opened, names: Vec::new() });
    }

    pub(super) fn close(&mut self) {
        for name in self.blocks.pop().map(|block| block.names).unwrap_or_default() {
            let declared = self.lexical.get_mut(&name).and_then(|declared| Some((declared.blocks.pop()?.1, declared)));
            if let Some((kind, declared)) = declared {
                declared.strict -= usize::from(kind != Lexical::CatchParameter);
            }
        }
    }

    /// Whether a function that is declared here is hoisted as `var` is.
    pub(super) fn is_function_a_variable(&self) -> bool {
        self.functions_are_variables && self.blocks.len() == 1
    }

    /// Declares a name of the current block; false if it clashes.
    #[must_use]
    pub(super) fn declare_lexical(&mut self, name: Id, kind: Lexical) -> bool {
        let (depth, Some(block)) = (self.blocks.len(), self.blocks.last_mut()) else { return true };
        let declared = self.lexical.entry(name.clone()).or_default();
        if let Some((_, other)) = declared.blocks.last().filter(|(at, _)| *at == depth) {
            return *other == kind && matches!(kind, Lexical::SloppyFunction | Lexical::Enum);
        }
        let clashes = self.vars.get(&name).is_some_and(|&opened| opened >= block.opened);
        declared.blocks.push((depth, kind));
        declared.strict += usize::from(kind != Lexical::CatchParameter);
        block.names.push(name);
        !clashes
    }

    /// Declares a name of the whole function; false if it clashes.
    #[must_use]
    pub(super) fn declare_var(&mut self, name: Id) -> bool {
        let clashes = self.lexical.get(&name).is_some_and(|declared| declared.strict > 0);
        self.vars.insert(name, self.opened);
        !clashes
    }

    /// Declares a parameter; false if it is there twice.
    #[must_use]
    pub(super) fn declare_parameter(&mut self, name: Id) -> bool {
        self.vars.insert(name, self.opened).is_none()
    }

    /// Whether the name is declared outside of all blocks, or hoisted there.
    pub(super) fn declares(&self, name: &Id) -> bool {
        self.vars.contains_key(name) || self.lexical.get(name).is_some_and(|declared| !declared.blocks.is_empty())
    }
}
