//! Cycles of calls: is a base case reached first, and do the arguments get closer to it?

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Facts, Types};
use super::flow::{Analyzer, Args};
use super::ir::{BlockId, FuncId, OpKind, Reg, Terminator};
use super::observe::{RecursionVerdict, Step};
use super::state::State;
use super::symbol::{Sym, Value};
use crate::finding::Level;
use crate::source::TextRange;

/// What is remembered of recursive calls.
#[derive(Debug, Default)]
pub struct CallLog {
    /// Arguments seen at recursive calls, by function and position.
    pub recursive: BTreeMap<FuncId, Vec<BTreeSet<Sym>>>,
}

/// How one argument of a recursive call relates to the activation it is made in.
#[derive(Clone, Debug, PartialEq)]
enum Descent {
    /// Closer to a limit that is checked: ends, and is small.
    Limited,
    /// A proper part, or closer to a checked bound, of something whose size nobody limits.
    Shrinking(String),
    /// The same.
    Unchanged,
    /// Away from where the base case lies.
    Away,
    /// Not comparable.
    Unknown,
}

impl Analyzer<'_> {
    /// A function of the stack is called again.
    pub fn note_recursion(&mut self, state: &State, func: FuncId, args: &Args, this: Sym, range: TextRange) {
        let seen = self.calls.recursive.entry(func).or_default();
        if seen.len() < args.list.len() {
            seen.resize(args.list.len(), BTreeSet::new());
        }
        for (position, &arg) in args.list.iter().enumerate() {
            if seen[position].len() < 16 {
                seen[position].insert(arg);
            }
        }
        if !self.reporting || self.sweeping || self.entry.is_none() {
            return;
        }
        let Some(first) = self.frames.iter().rposition(|f| f.func == func) else { return };
        let verdict = self.judge_recursion(state, first, args, this);
        if let Some((level, message)) = verdict {
            let steps: Vec<Step> = self.frames[first + 1..].iter().map(|f| (f.call_range, "through this call".to_owned())).collect();
            let callee = self.frames.get(first + 1).map_or(range, |f| f.call_range);
            let range = if callee == TextRange::default() { range } else { callee };
            self.seen.recursions.insert(RecursionVerdict { range, level, message, steps });
        }
    }

    fn judge_recursion(&mut self, state: &State, first: usize, args: &Args, this: Sym) -> Option<(Level, String)> {
        let func = self.frames[first].func;
        let name = self.model.ir.body(func).name.clone();
        let name = if name.is_empty() { "the function".to_owned() } else { format!("`{name}`") };
        let by_callback = self.frames[first + 1..].iter().any(|f| f.args.ranges.is_empty() && !f.args.list.is_empty());
        if !by_callback && !self.cycle_has_base_case(first) {
            return Some((Level::Error, format!("{name} calls itself on every path: there is no base case")));
        }
        let outer = self.frames[first].clone();
        let mut descents = Vec::new();
        for (position, &arg) in args.list.iter().enumerate() {
            let before = outer.args.list.get(position).copied();
            descents.push(self.descent(state, arg, before));
        }
        if outer.this != this && self.is_proper_part(this, outer.this, 0) {
            descents.push(Descent::Shrinking("this".into()));
        }
        if descents.contains(&Descent::Limited) {
            return None;
        }
        if let Some(Descent::Shrinking(of)) = descents.iter().find(|d| matches!(d, Descent::Shrinking(_))) {
            if of.is_empty() {
                return None;
            }
            return Some((Level::Warning, format!("{name} calls itself once for each level of {of}, whose depth nobody limits")));
        }
        if descents.contains(&Descent::Away) {
            return Some((Level::Error, format!("{name} calls itself with an argument that moves away from the base case")));
        }
        if descents.iter().all(|d| *d == Descent::Unchanged) {
            if args.list.is_empty() && self.changes_shared_state(first) {
                return Some((
                    Level::Warning,
                    format!("{name} calls itself without arguments: no progress towards a base case could be shown"),
                ));
            }
            return Some((Level::Error, format!("{name} calls itself with unchanged arguments")));
        }
        Some((Level::Warning, format!("{name} calls itself, and no progress towards its base case could be shown")))
    }

    fn changes_shared_state(&self, first: usize) -> bool {
        let func = self.frames[first].func;
        let ir = self.model.ir.clone();
        ir.body(func).ops.iter().any(|op| match &op.kind {
            OpKind::Store { slot, init: false, .. } => ir.slot(*slot).owner != func,
            OpKind::Set { .. } | OpKind::Delete { .. } => true,
            OpKind::Call { this: Some(_), .. } => true,
            _ => false,
        })
    }

    /// Whether some function of the cycle can return without going round it.
    fn cycle_has_base_case(&self, first: usize) -> bool {
        (first..self.frames.len()).any(|at| {
            let func = self.frames[at].func;
            let range = self.frames.get(at + 1).map(|f| f.call_range);
            let calls = self.blocks_calling(func, range);
            self.can_return_without(func, &calls)
        })
    }

    /// Blocks of calls on the cycle: the one that is active, and direct calls of the same function.
    fn blocks_calling(&self, func: FuncId, active: Option<TextRange>) -> BTreeSet<BlockId> {
        let body = self.model.ir.body(func);
        let is_call = |reg: &Reg| {
            let op = &body.ops[reg.index()];
            match &op.kind {
                OpKind::Call { .. } | OpKind::New { .. } => {
                    active.map_or(Some(*reg) == self.current, |range| op.range == range)
                        || Some(*reg) == self.current && self.frame().func == func
                }
                OpKind::Get { .. } => active == Some(op.range) || Some(*reg) == self.current && self.frame().func == func,
                _ => false,
            }
        };
        body.blocks.iter().enumerate().filter(|(_, b)| b.ops.iter().any(is_call)).map(|(i, _)| BlockId(i as u32)).collect()
    }

    fn can_return_without(&self, func: FuncId, avoid: &BTreeSet<BlockId>) -> bool {
        let body = self.model.ir.body(func);
        let graph = &self.graphs[func.index()];
        let (mut seen, mut open) = (BTreeSet::new(), vec![BlockId(0)]);
        while let Some(block) = open.pop() {
            if avoid.contains(&block) || !seen.insert(block) {
                continue;
            }
            match body.blocks[block.index()].end {
                Terminator::Return(_) | Terminator::Throw(_) => return true,
                _ => open.extend(graph.successors(block)),
            }
        }
        false
    }

    fn descent(&mut self, state: &State, arg: Sym, before: Option<Sym>) -> Descent {
        if Some(arg) == before {
            return Descent::Unchanged;
        }
        if let Some(before) = before
            && self.is_proper_part(arg, before, 0)
        {
            let of = self.influence(state, before).map(|s| format!("`{}`", s.path)).unwrap_or_default();
            let facts = self.model.facts(state, before);
            if facts.types.only(Types::STRING | Types::ARRAY) && facts.length.hi <= 400.0 {
                return Descent::Limited;
            }
            return Descent::Shrinking(of);
        }
        self.numeric_descent(state, arg, before)
    }

    /// A proper part of finite data, or a shorter piece of it.
    fn is_proper_part(&mut self, new: Sym, old: Sym, depth: u32) -> bool {
        if depth > 8 || new == old {
            return false;
        }
        let roots: Vec<Sym> = self.model.symbols.leaves(old);
        match self.model.symbols.value(new).clone() {
            Value::Prop(base, _) => {
                base == old || roots.contains(&base) || self.is_proper_part(base, old, depth + 1) || {
                    let parts: Vec<Sym> = self.model.symbols.operands(new).collect();
                    !parts.is_empty() && parts.into_iter().any(|p| self.is_proper_part(p, old, depth + 1))
                }
            }
            Value::Instance(of, _) => self.is_proper_part(of, old, depth + 1),
            Value::Call(path, args) if path.starts_with("String.prototype.s") => {
                let from_old = args.first().is_some_and(|&a| a == old || roots.contains(&a) || self.is_proper_part(a, old, depth + 1));
                let shorter = args.get(1).is_some_and(|&from| self.model.facts(&State::default(), from).range.lo > 0.0) || args.len() > 2;
                from_old && shorter
            }
            Value::Alloc { .. } => match self.derived.get(&new).cloned() {
                Some((path, of, args)) if path == "slice" || path == "filter" => {
                    let from_old = of == old || roots.contains(&of);
                    let shorter = path == "filter"
                        || args.first().is_some_and(|&from| self.model.facts(&State::default(), from).range.lo > 0.0)
                        || args.len() > 1;
                    from_old && shorter
                }
                _ => false,
            },
            Value::Phi(_) => {
                let parts: Vec<Sym> = self.model.symbols.operands(new).filter(|&p| p != new).collect();
                !parts.is_empty() && parts.into_iter().any(|p| self.is_proper_part(p, old, depth + 1))
            }
            Value::Rest(of, _) => of == old,
            _ => false,
        }
    }

    /// A number that moves: towards a bound that was checked, or not.
    fn numeric_descent(&mut self, state: &State, arg: Sym, before: Option<Sym>) -> Descent {
        let mut bases: Vec<Sym> = Vec::new();
        self.moving_bases(arg, &mut bases, 0);
        bases.extend(before);
        for base in bases {
            if base == arg {
                continue;
            }
            let Some(step) = self.difference(arg, base, state, 0) else { continue };
            let facts = self.model.facts(state, base);
            let (falls, rises) = (step.range.hi < 0.0, step.range.lo > 0.0);
            if falls && facts.range.lo.is_finite() {
                let limited = facts.types.only(Types::NUMERIC) && facts.range.hi <= 400.0;
                let of = self.influence(state, base).map(|s| format!("`{}`", s.path)).unwrap_or_default();
                return if limited || of.is_empty() { Descent::Limited } else { Descent::Shrinking(of) };
            }
            if rises && facts.range.hi.is_finite() {
                return if facts.range.hi <= 1e6 { Descent::Limited } else { Descent::Shrinking("its argument".into()) };
            }
            if rises
                && facts.range.lo.is_finite()
                && !facts.integer_is_start(facts)
                && before.is_some()
                && self.is_guarded_below(state, base)
            {
                return Descent::Away;
            }
            if step.range.lo == 0.0 && step.range.hi == 0.0 {
                return Descent::Unchanged;
            }
            return Descent::Unknown;
        }
        let closer = before.is_some_and(|b| self.is_halved(arg, b));
        if closer { Descent::Limited } else { Descent::Unknown }
    }

    fn is_guarded_below(&self, state: &State, base: Sym) -> bool {
        state.facts.get(&base).is_some_and(|f| f.range.lo > 0.0 && f.range.hi.is_infinite())
    }

    fn is_halved(&self, new: Sym, old: Sym) -> bool {
        use super::ir::BinaryOp;
        match self.model.symbols.value(new) {
            Value::Binary(BinaryOp::Mod, ..) => true,
            Value::Binary(BinaryOp::Div | BinaryOp::ShiftRight, a, _) => *a == old,
            Value::Call(path, args) if path.starts_with("Math.") => args.first().is_some_and(|&a| self.is_halved(a, old)),
            _ => false,
        }
    }

    fn moving_bases(&self, sym: Sym, out: &mut Vec<Sym>, depth: u32) {
        if depth > 6 {
            return;
        }
        match self.model.symbols.value(sym) {
            Value::Binary(_, a, b) => {
                self.moving_bases(*a, out, depth + 1);
                self.moving_bases(*b, out, depth + 1);
            }
            Value::Call(_, args) => args.iter().for_each(|&a| self.moving_bases(a, out, depth + 1)),
            Value::Phi(_) | Value::Prop(..) | Value::Instance(..) | Value::Input { .. } | Value::Opaque(_) => out.push(sym),
            _ => {}
        }
    }

    /// The value of a parameter: numbers of a recursive function stand for all its activations.
    pub fn parameter(&mut self, state: &mut State, reg: Reg, index: usize, value: Sym) -> Sym {
        let func = self.frame().func;
        let Some(seen) = self.calls.recursive.get(&func).and_then(|s| s.get(index)).cloned() else { return value };
        let numeric = |analyzer: &Self, s: Sym| {
            matches!(analyzer.model.symbols.value(s), Value::Number(_) | Value::Undefined | Value::Binary(..) | Value::Phi(_))
        };
        if !matches!(self.model.symbols.value(value), Value::Number(_) | Value::Undefined)
            || !seen.iter().all(|&s| numeric(self, s))
            || seen.contains(&value) && seen.len() == 1
        {
            return value;
        }
        let mut facts = Facts { listed: false, ..self.model.facts(state, value) };
        let start = facts.range;
        for &other in &seen {
            if self.model.symbols.is_constant(other) {
                facts = facts.join(Facts { listed: false, ..self.model.facts(state, other) });
            } else {
                facts = facts.join(Facts::number(
                    super::facts::Interval { lo: if start.lo.is_finite() { start.lo } else { f64::NEG_INFINITY }, hi: f64::INFINITY },
                    true,
                ));
            }
        }
        if facts.range.lo != facts.range.hi || facts.types.may(Types::UNDEFINED) {
            facts.range = super::facts::Interval::ALL;
        }
        let site = self.site(reg, 12);
        let phi = self.model.symbols.intern(Value::Phi(site));
        self.model.symbols.add_operand(phi, value);
        state.facts.insert(phi, facts);
        phi
    }
}

impl Facts {
    /// A start value rather than a guard.
    fn integer_is_start(self, other: Facts) -> bool {
        self.range.lo == other.range.lo && self.range.lo == 0.0
    }
}
