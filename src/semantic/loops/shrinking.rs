//! Measures that get smaller in ways that are no subtraction: halving, slicing, descent into data.

use super::rounds::{Change, Round};
use super::{Exit, Turns};
use crate::semantic::cost::Size;
use crate::semantic::flow::Analyzer;
use crate::semantic::ir::{BinaryOp, UnaryOp};
use crate::semantic::state::State;
use crate::semantic::symbol::{SiteKind, Sym, Value};

impl Analyzer<'_> {
    /// Binary search: each round replaces one end by the middle, past it where the ends may meet.
    pub(super) fn exit_by_bisection(&mut self, turns: &Turns<'_>, low: Sym, high: Sym) -> Option<Exit> {
        let (lows, highs) = (self.next_values(turns, low)?, self.next_values(turns, high)?);
        let mut moved = false;
        let mut stuck = false;
        for (next, own) in lows.iter().map(|(n, _)| (*n, low)).chain(highs.iter().map(|(n, _)| (*n, high))) {
            for leaf in self.alternatives(next, 0) {
                if leaf == own {
                    continue;
                }
                let (middle, offset) = self.offset(leaf);
                if !self.is_middle(middle, low, high, 0) {
                    return None;
                }
                moved = true;
                // The middle rounds down: the lower end has to go past it.
                stuck |= own == low && offset < 1.0;
            }
        }
        match (moved, stuck) {
            (true, false) => Some(Exit::Ranked(Size::Bounded)),
            (true, true) => Some(Exit::Unknown("the lower end may stay at the middle".into())),
            _ => None,
        }
    }

    /// What a merge inside the loop may be.
    pub(super) fn alternatives(&self, sym: Sym, depth: u32) -> Vec<Sym> {
        match self.model.symbols.value(sym) {
            Value::Phi(site)
                if depth < 6 && !matches!(&site.what, SiteKind::Slot(b, _) if self.graphs[site.func.index()].is_header(*b)) =>
            {
                self.model.symbols.operands(sym).filter(|&o| o != sym).flat_map(|o| self.alternatives(o, depth + 1)).collect()
            }
            _ => vec![sym],
        }
    }

    pub(in crate::semantic) fn offset(&self, sym: Sym) -> (Sym, f64) {
        match self.model.symbols.value(sym) {
            Value::Binary(BinaryOp::Add | BinaryOp::Increment, a, b) => {
                match (self.model.symbols.as_number(*b), self.model.symbols.as_number(*a)) {
                    (Some(n), _) => (*a, n),
                    (_, Some(n)) => (*b, n),
                    _ => (sym, 0.0),
                }
            }
            Value::Binary(BinaryOp::Sub, a, b) => match self.model.symbols.as_number(*b) {
                Some(n) => (*a, -n),
                None => (sym, 0.0),
            },
            _ => (sym, 0.0),
        }
    }

    /// `(lo + hi) >> 1`, `Math.floor((lo + hi) / 2)`, `lo + Math.floor((hi - lo) / 2)`.
    pub(in crate::semantic) fn is_middle(&self, sym: Sym, low: Sym, high: Sym, depth: u32) -> bool {
        if depth > 5 {
            return false;
        }
        let is_two = |s: Sym| self.model.symbols.as_number(s) == Some(2.0);
        let sum = |s: Sym| matches!(self.model.symbols.value(s), Value::Binary(BinaryOp::Add, a, b) if (*a, *b) == (low, high) || (*a, *b) == (high, low));
        let gap = |s: Sym| matches!(self.model.symbols.value(s), Value::Binary(BinaryOp::Sub, a, b) if (*a, *b) == (high, low));
        let half = |s: Sym, of: &dyn Fn(Sym) -> bool| match self.model.symbols.value(s) {
            Value::Binary(BinaryOp::Div, a, b) => is_two(*b) && of(*a),
            Value::Binary(BinaryOp::ShiftRight | BinaryOp::ShiftRightZero, a, b) => self.model.symbols.as_number(*b) == Some(1.0) && of(*a),
            _ => false,
        };
        if half(sym, &sum) || half(sym, &gap) {
            return true;
        }
        match self.model.symbols.value(sym) {
            Value::Call(path, args) if matches!(&**path, "Math.floor" | "Math.trunc") => {
                args.first().is_some_and(|&a| self.is_middle(a, low, high, depth + 1))
            }
            Value::Binary(BinaryOp::BitOr, a, _) => self.is_middle(*a, low, high, depth + 1),
            Value::Binary(BinaryOp::Add, a, b) if *a == low => self.is_middle(*b, low, high, depth + 1),
            _ => false,
        }
    }

    /// A proper part of an element that the round takes away: finite data runs out of parts.
    pub(super) fn is_part_of_taken(&self, round: &Round, sym: Sym) -> bool {
        round.mutations.iter().any(|m| match m.change {
            Change::Taken(Some(element)) => {
                let elements = self.model.symbols.leaves(element);
                self.model
                    .symbols
                    .leaves(sym)
                    .iter()
                    .all(|&leaf| self.descends(leaf, element, 0) || elements.iter().any(|&e| self.descends(leaf, e, 0)))
            }
            _ => false,
        })
    }

    pub(in crate::semantic) fn is_shorter(&mut self, new: Sym, old: Sym, depth: u32) -> bool {
        if depth > 8 {
            return false;
        }
        match self.model.symbols.value(new).clone() {
            Value::Call(path, args) if args.first().is_some_and(|&a| self.is_not_longer(a, old, 0)) => match &*path {
                "String.prototype.slice" | "String.prototype.substring" | "String.prototype.substr" => {
                    args.get(1).and_then(|&from| self.positive_lower(from)).is_some()
                        || matches!((args.get(1).and_then(|&f| self.model.symbols.as_number(f)), args.get(2).and_then(|&t| self.model.symbols.as_number(t))), (Some(0.0), Some(to)) if to < 0.0)
                }
                _ => false,
            },
            Value::Alloc { .. } => {
                let Some((path, of, args)) = self.derived.get(&new).cloned() else { return false };
                path == "slice" && of == old && args.first().and_then(|&from| self.positive_lower(from)).is_some()
            }
            Value::Phi(_) => {
                let parts: Vec<Sym> = self.model.symbols.operands(new).collect();
                !parts.is_empty() && parts.iter().all(|&p| p == new || self.is_shorter(p, old, depth + 1))
            }
            Value::Opaque(_) => false,
            _ => false,
        }
    }

    pub(super) fn is_not_longer(&self, new: Sym, old: Sym, depth: u32) -> bool {
        new == old
            || depth < 6
                && match self.model.symbols.value(new) {
                    Value::Call(path, args) => {
                        path.starts_with("String.prototype.trim") && args.first().is_some_and(|&a| self.is_not_longer(a, old, depth + 1))
                    }
                    _ => false,
                }
    }

    pub(super) fn positive_lower(&mut self, sym: Sym) -> Option<f64> {
        let facts = self.model.facts(&State::default(), sym);
        (facts.range.lo > 0.0).then_some(facts.range.lo)
    }

    /// Division, shifts, remainders: each round brings the value closer to 0.
    pub(super) fn shrinks_towards_zero(&mut self, turns: &Turns<'_>, measure: Sym) -> bool {
        let Some(next) = self.next_values(turns, measure) else { return false };
        next.iter().all(|&(n, _)| self.is_closer_to_zero(n, measure, 0))
    }

    pub(super) fn is_closer_to_zero(&self, new: Sym, old: Sym, depth: u32) -> bool {
        if depth > 8 {
            return false;
        }
        let constant = |sym: Sym| self.model.symbols.as_number(sym);
        match self.model.symbols.value(new) {
            Value::Binary(BinaryOp::Div, a, b) => *a == old && constant(*b).is_some_and(|c| c.abs() > 1.0),
            Value::Binary(BinaryOp::ShiftRight | BinaryOp::ShiftRightZero, a, b) => *a == old && constant(*b).is_some_and(|c| c >= 1.0),
            Value::Binary(BinaryOp::Mod, _, b) => *b == old,
            Value::Binary(BinaryOp::BitAnd, a, b) => {
                *a == old && matches!(self.model.symbols.value(*b), Value::Binary(BinaryOp::Sub, x, _) if *x == old)
            }
            Value::Binary(BinaryOp::BitOr, a, b) if constant(*b) == Some(0.0) => self.is_closer_to_zero(*a, old, depth + 1),
            Value::Binary(BinaryOp::Sub, a, b) => {
                *a == old && matches!(self.model.symbols.value(*b), Value::Binary(BinaryOp::Mod, x, _) if *x == old)
            }
            Value::Unary(UnaryOp::BitNot, a) => {
                matches!(self.model.symbols.value(*a), Value::Unary(UnaryOp::BitNot, b) if self.is_closer_to_zero(*b, old, depth + 1))
            }
            Value::Call(path, args) => {
                matches!(&**path, "Math.floor" | "Math.trunc") && args.first().is_some_and(|&a| self.is_closer_to_zero(a, old, depth + 1))
            }
            Value::Phi(_) => {
                let mut parts = self.model.symbols.operands(new).filter(|&p| p != new).peekable();
                parts.peek().is_some() && parts.all(|p| self.is_closer_to_zero(p, old, depth + 1))
            }
            _ => false,
        }
    }

    /// `node = node.next`: a proper part of finite data.
    pub(super) fn descends(&self, new: Sym, old: Sym, depth: u32) -> bool {
        if depth > 8 || new == old {
            return false;
        }
        match self.model.symbols.value(new) {
            Value::Prop(base, _) => *base == old || self.descends(*base, old, depth + 1) || self.merged_descends(new, old, depth),
            Value::Instance(of, _) => self.descends(*of, old, depth + 1),
            Value::Undefined | Value::Null => true,
            Value::Phi(_) => {
                let mut parts = self.model.symbols.operands(new).filter(|&p| p != new).peekable();
                parts.peek().is_some() && parts.all(|p| self.descends(p, old, depth + 1))
            }
            Value::Opaque(_) => false,
            _ => false,
        }
    }

    pub(super) fn merged_descends(&self, new: Sym, old: Sym, depth: u32) -> bool {
        let mut parts = self.model.symbols.operands(new).peekable();
        parts.peek().is_some() && parts.all(|p| self.descends(p, old, depth + 1))
    }
}
