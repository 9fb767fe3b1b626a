//! Loops that pass over a list by index, from one end to the other: what each turn finds out of its element
//! holds for all of them, as in an iteration.

use super::{Analyzer, Run};
use crate::semantic::ir::{BinaryOp, BlockId, SlotId};
use crate::semantic::symbol::{PropKey, SiteKind, Sym, Symbols, Value, Which};

/// A list that a loop passes over by index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    list: Sym,
    /// The index, in one turn.
    at: Sym,
}

impl Run {
    /// Whether a symbol is about the one element that a turn of the loop looks at.
    pub(super) fn is_of_turn(&self, analyzer: &Analyzer<'_>, sym: Sym, header: BlockId, passed: Option<Passed>) -> bool {
        match passed {
            None => analyzer.is_of_this_loop(sym, self.func, &self.cfg, header),
            Some(Passed { list, at }) => {
                let lists = analyzer.model.symbols.leaves(list);
                let is_element = |value: &Value| match value {
                    Value::Prop(of, PropKey::Dynamic(index)) => *index == at && (*of == list || lists.contains(of)),
                    Value::Instance(_, Which::Index(index)) => *index == at,
                    _ => false,
                };
                analyzer.model.symbols.contains(sym, &|_, value| is_element(value))
            }
        }
    }

    /// The list that a loop passes over from one end to the other by index, if it leaves through its header as
    /// `cond` turns out to be false.
    pub(super) fn passed(&self, analyzer: &Analyzer<'_>, header: BlockId, cond: Sym) -> Option<Passed> {
        use BinaryOp::{Add, Greater, GreaterEqual, Increment, Less, LessEqual, NotEqual, StrictNotEqual, Sub};
        let Value::Binary(op, a, b) = *analyzer.model.symbols.value(cond) else { return None };
        let (at, op, limit) = match op {
            Greater if self.is_counter(analyzer, header, b) => (b, Less, a),
            LessEqual if self.is_counter(analyzer, header, b) => (b, GreaterEqual, a),
            _ => (a, op, b),
        };
        let slot = self.counter(analyzer, header, at)?;
        let symbols = &analyzer.model.symbols;
        let of_length = |symbols: &Symbols, sym: Sym| match symbols.value(sym) {
            Value::Prop(list, PropKey::Name(name)) if &**name == "length" => Some(*list),
            _ => None,
        };
        let turns = self.turns_of(header);
        let moves_by = |symbols: &Symbols, by: f64| {
            let is_step = |sym: Sym| match *symbols.value(sym) {
                Value::Binary(Add | Increment, from, step) => from == at && symbols.as_number(step) == Some(by),
                Value::Binary(Sub, from, step) => from == at && symbols.as_number(step) == Some(-by),
                _ => false,
            };
            !turns.is_empty() && turns.iter().all(|turn| turn.slots.get(&slot).is_some_and(|&next| is_step(next)))
        };
        let before = self.trace.before.get(&header)?.slots.get(&slot).copied()?;
        let list = match op {
            Less | NotEqual | StrictNotEqual if symbols.as_number(before) == Some(0.0) && moves_by(symbols, 1.0) => {
                of_length(symbols, limit)?
            }
            GreaterEqual if symbols.as_number(limit) == Some(0.0) && moves_by(symbols, -1.0) => match *symbols.value(before) {
                Value::Binary(Sub, length, by) if symbols.as_number(by) == Some(1.0) => of_length(symbols, length)?,
                _ => return None,
            },
            _ => return None,
        };
        Some(Passed { list, at })
    }

    /// The variable that a symbol is at a loop's header, and that the loop changes.
    fn counter(&self, analyzer: &Analyzer<'_>, header: BlockId, sym: Sym) -> Option<SlotId> {
        match analyzer.model.symbols.value(sym) {
            Value::Phi(site) if site.func == self.func => match site.what {
                SiteKind::Slot(block, slot) if block == header => Some(slot),
                _ => None,
            },
            _ => None,
        }
    }

    fn is_counter(&self, analyzer: &Analyzer<'_>, header: BlockId, sym: Sym) -> bool {
        self.counter(analyzer, header, sym).is_some()
    }
}
