//! What one call must not take from its input or leave to the next: identities and state.

use super::builtins;
use super::flow::Analyzer;
use super::ir::{BinaryOp, FuncId, OpKind, Reg, SlotId};
use super::names;
use super::observe::{ContextOverride, SharedState};
use super::symbol::{PropKey, Sym, Value};
use crate::finding::Level;
use crate::source::TextRange;

/// Fields of the input that claim an identity, as words.
const IDENTITIES: [[&str; 2]; 3] = [["tenant", "id"], ["agent", "id"], ["user", "id"]];

impl Analyzer<'_> {
    /// A direct field of the input with the name of an identity is read.
    pub fn observe_identity(&mut self, reg: Reg, name: &str, value: Sym, range: TextRange) {
        if self.sweeping || !IDENTITIES.iter().any(|words| names::split(name) == *words) {
            return;
        }
        let claimed = match self.model.symbols.value(value) {
            Value::Prop(base, PropKey::Name(key)) => **key == *name && self.is_whole_input(*base),
            _ => false,
        };
        if claimed && !self.is_only_compared_with_context(reg) {
            self.seen.context_overrides.insert(ContextOverride {
                range,
                level: Level::Warning,
                message: format!("`{name}` is taken from the input: who calls is what the host says, not the caller"),
            });
        }
    }

    fn is_whole_input(&self, sym: Sym) -> bool {
        match self.model.symbols.value(sym) {
            Value::Input { index, .. } => *index == 0,
            Value::Rest(of, _) => self.is_whole_input(*of),
            _ => false,
        }
    }

    /// Left out, asked for its presence, or compared with the context.
    fn is_only_compared_with_context(&self, reg: Reg) -> bool {
        let func = self.frame().func;
        let is_captured = self.graphs[func.index()].users(reg).iter().any(|&user| match self.op(user).kind {
            OpKind::Store { slot, .. } => self.model.ir.slot(slot).captured,
            _ => false,
        });
        !is_captured
            && self.uses_through_variables(reg).iter().all(|&(user, used)| match &self.op(user).kind {
                OpKind::Unary(super::ir::UnaryOp::Typeof, _) => true,
                OpKind::Binary(BinaryOp::Equal | BinaryOp::NotEqual | BinaryOp::StrictEqual | BinaryOp::StrictNotEqual, a, b) => {
                    self.is_context_or_nothing(if *a == used { *b } else { *a }, 0)
                }
                _ => false,
            })
    }

    fn is_context_or_nothing(&self, reg: Reg, depth: u8) -> bool {
        match &self.op(reg).kind {
            OpKind::Global(name) => builtins::is_context(name) || name == "undefined",
            OpKind::Undefined | OpKind::Null => true,
            OpKind::Load(slot) if depth < 3 => {
                let body = self.model.ir.body(self.frame().func);
                let mut stores = body.ops.iter().filter_map(|op| match op.kind {
                    OpKind::Store { slot: stored, value, .. } if stored == *slot => Some(value),
                    _ => None,
                });
                stores.next().is_some_and(|value| self.is_context_or_nothing(value, depth + 1)) && stores.next().is_none()
            }
            _ => false,
        }
    }

    /// A variable of a function that ran while the file was loaded is written during a call.
    pub fn observe_kept_variable(&mut self, slot: SlotId, range: TextRange) {
        let declared = self.model.ir.slot(slot);
        let owner = declared.owner;
        let is_kept =
            declared.captured && owner != FuncId(0) && self.kept_variables.contains(&slot) && !self.entered_in_call.contains(&owner);
        if self.reporting && is_kept && self.in_call() {
            let message =
                format!("`{}` was made as the file was loaded and is written during `execute`: its value outlives the call", declared.name);
            self.seen.shared_state.insert(SharedState { range, level: Level::Warning, message });
        }
    }

    /// A regular expression of the module keeps `lastIndex` from one call to the next.
    pub fn observe_kept_position(&mut self, regex: Sym, range: TextRange) {
        if self.reporting && self.in_call() && self.kept_regexes.contains(&regex) {
            let message = "a regular expression of the module with `g` or `y` is applied: its `lastIndex` outlives the call".to_owned();
            self.seen.shared_state.insert(SharedState { range, level: Level::Warning, message });
        }
    }

    /// A regular expression literal is evaluated: at the top level once, in a function for each call.
    pub fn note_regex(&mut self, regex: Sym, flags: &str) {
        if self.frame().func == FuncId(0) && flags.contains(['g', 'y']) {
            self.kept_regexes.insert(regex);
        } else {
            self.kept_regexes.remove(&regex);
        }
    }
}
