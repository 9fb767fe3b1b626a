//! Cycles of calls: is a base case reached first, and do the arguments get closer to it?
//!
//! A function that is found to call itself is interpreted once more by itself, with parameters that
//! stand for those of every activation: what a caller knew of the first arguments says nothing of the
//! later ones. What the function knows of its parameters where it calls itself is its base case; how
//! the arguments of that call differ from the parameters is its progress.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::calls::Callee;
use super::capture::Environment;
use super::facts::{Facts, Interval, Types};
use super::flow::{Analyzer, Args, Frame};
use super::ir::{BinaryOp, BlockId, FuncId, OpKind, Reg, SlotId, Terminator};
use super::observe::{Costly, Measure, RecursionVerdict, Step};
use super::state::{Field, State};
use super::symbol::{AllocKind, Ctx, PropKey, Site, SiteKind, Sym, Value};
use crate::finding::Level;
use crate::source::TextRange;

/// How deep a recursion may go and still be small.
const DEPTH_MAX: f64 = 10_000.0;
/// How deep a recursion that branches may go and still be little work.
const BRANCHING_DEPTH_MAX: f64 = 26.0;
/// The context of functions that are looked at by themselves.
const BY_ITSELF: Ctx = Ctx(u32::MAX - 1);

/// What is remembered of recursive calls.
#[derive(Debug, Default)]
pub struct CallLog {
    /// Arguments seen at recursive calls, by function and position.
    pub recursive: BTreeMap<FuncId, Vec<BTreeSet<Sym>>>,
    /// Functions that were called again while they were active: the activation that began it.
    found: Vec<(FuncId, Ctx, Environment)>,
    /// The function that is being looked at by itself.
    alone: Option<Alone>,
}

/// A recursive function under judgement.
#[derive(Debug)]
struct Alone {
    func: FuncId,
    /// The state in which it is looked at.
    entry: State,
    /// What is known of the first arguments.
    first: Vec<Facts>,
    /// The parameters that some call brings closer to the base case, by call.
    progress: BTreeMap<TextRange, BTreeSet<usize>>,
    /// What its calls of itself are like: where, in which block, and whether they get closer by a constant.
    calls: BTreeMap<(u32, u32), (TextRange, BlockId)>,
    /// Functions that lie on a cycle with it.
    circle: BTreeSet<FuncId>,
}

/// How one argument of a recursive call relates to the activation it is made in.
#[derive(Clone, Debug, PartialEq)]
enum Descent {
    /// Closer to a limit that is checked: ends, and is small. By a constant, if so.
    Limited(bool),
    /// A proper part, or closer to a checked bound, of something whose size nobody limits.
    Shrinking(String, bool),
    /// The same.
    Unchanged,
    /// Away from where the base case lies.
    Away,
    /// By as much as an input value says, which may be nothing.
    Loose(String),
    /// Not comparable.
    Unknown,
}

impl CallLog {
    /// Whether some function is being looked at by itself, after all of the program was.
    pub fn is_settling(&self) -> bool {
        self.alone.is_some()
    }
}

impl Descent {
    fn is_by_constant(&self) -> bool {
        matches!(self, Descent::Limited(true) | Descent::Shrinking(_, true))
    }
}

impl Analyzer<'_> {
    /// A function of the stack is called again. True if the call need not be followed.
    pub fn note_recursion(&mut self, state: &State, callee: &Callee, args: &Args, range: TextRange) -> bool {
        let Callee { func, this, .. } = *callee;
        let seen = self.calls.recursive.entry(func).or_default();
        if seen.len() < args.list.len() {
            seen.resize(args.list.len(), BTreeSet::new());
        }
        for (position, &arg) in args.list.iter().enumerate() {
            if seen[position].len() < 16 {
                seen[position].insert(arg);
            }
        }
        let Some(first) = self.frames.iter().position(|f| callee.is_active_in(f)) else { return false };
        if self.calls.alone.is_some() {
            if self.frames[first].ctx == BY_ITSELF && self.reporting {
                self.judge_call(state, first, args, this, range);
            }
            return true;
        }
        if self.reporting && !self.sweeping && self.entry.is_some() {
            let ctx = self.model.symbols.activation(self.frames[first].ctx);
            if !self.calls.found.iter().any(|(known, ..)| *known == func) {
                self.calls.found.push((func, ctx, callee.captured.clone()));
            }
        }
        false
    }

    /// Judges every recursive function that was found, each by itself.
    pub fn settle_recursions(&mut self) {
        let mut done = BTreeSet::new();
        for (func, ctx, captured) in std::mem::take(&mut self.calls.found) {
            if done.contains(&func) || !self.has_budget() {
                continue;
            }
            let Some((entry, this, args)) = self.entered(func, ctx) else { continue };
            done.insert(func);
            done.extend(self.look_at_alone(Callee { func, this, captured, variant: 0 }, entry, args));
        }
    }

    fn look_at_alone(&mut self, callee: Callee, mut entry: State, mut args: Args) -> BTreeSet<FuncId> {
        let Callee { func, this, captured, .. } = callee;
        let first: Vec<Facts> = args.list.iter().map(|&arg| self.model.facts(&entry, arg)).collect();
        let again = self.calls.recursive.get(&func).cloned().unwrap_or_default();
        let undefined = self.model.symbols.undefined();
        args.list.resize(args.list.len().max(again.len()), undefined);
        for (position, arg) in args.list.iter_mut().enumerate() {
            let others = again.get(position).cloned().unwrap_or_default();
            *arg = self.parameter_of_all(&mut entry, func, position, *arg, &others);
        }
        args.ranges = vec![TextRange::default(); args.list.len()];
        self.generalise_counters(&mut entry, func);
        self.generalise_fields(&mut entry, func, &args.list, this);
        let frame = Frame {
            func,
            ctx: BY_ITSELF,
            this,
            captured,
            args,
            call_range: TextRange::default(),
            in_loop: true,
            turns: Vec::new(),
            iterator: None,
            reached: Rc::default(),
        };
        let seen = std::mem::take(&mut self.seen);
        let (pending, outgoing) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.outgoing));
        let postponed = std::mem::take(&mut self.costs_until_limited);
        let (calls, circle, progress) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        self.calls.alone = Some(Alone { func, entry: entry.clone(), first, progress, calls, circle });
        self.frames.push(Frame { func: FuncId(0), ctx: Ctx(0), ..frame.clone() });
        self.reporting = true;
        self.activate(frame.clone(), entry.clone());
        self.reporting = false;
        self.frames.pop();
        let verdicts = std::mem::replace(&mut self.seen, seen).recursions;
        (self.pending, self.outgoing, self.costs_until_limited) = (pending, outgoing, postponed);
        self.seen.recursions.extend(verdicts);
        let Some(alone) = self.calls.alone.take() else { return BTreeSet::new() };
        self.judge_branching(&entry, &frame, &alone);
        self.judge_together(&alone);
        alone.circle
    }

    /// One symbol for an argument of every activation. What is passed on as it is stays what it is.
    fn parameter_of_all(&mut self, entry: &mut State, func: FuncId, position: usize, arg: Sym, others: &BTreeSet<Sym>) -> Sym {
        let is_fixed = matches!(
            self.model.symbols.value(arg),
            Value::Closure(..)
                | Value::Builtin(_)
                | Value::Class(_)
                | Value::Bound { .. }
                | Value::Alloc { kind: AllocKind::Map | AllocKind::Set, .. }
        );
        if others.iter().all(|&other| other == arg) || is_fixed {
            return arg;
        }
        let mut facts = self.model.facts(entry, arg);
        if facts.types.only(Types::UNDEFINED) {
            facts.types = Types::NONE;
        }
        let counts = self.model.facts(entry, arg).types.only(Types::NUMERIC | Types::UNDEFINED);
        for &other in others {
            // What is computed of a number by arithmetic is one.
            let is_arithmetic = matches!(self.model.symbols.value(other), Value::Binary(..));
            let of = match is_arithmetic && counts {
                true => Facts::number(Interval::ALL, facts.integer),
                false => self.model.facts(entry, other),
            };
            facts = facts.join(of);
        }
        let facts = Facts { types: facts.types, integer: facts.integer, ..Facts::ANY };
        let site = Rc::new(Site { ctx: BY_ITSELF, func, what: SiteKind::Op(Reg(0x00ff_0000 + position as u32), 0) });
        let all = self.opaque_at(site, facts, &[arg]);
        for &other in others {
            self.model.symbols.add_operand(all, other);
        }
        all
    }

    /// Numbers outside of the function that it counts in are no constants.
    fn generalise_counters(&mut self, entry: &mut State, func: FuncId) {
        let ir = self.model.ir.clone();
        let assigned: BTreeSet<SlotId> = ir
            .body(func)
            .ops
            .iter()
            .filter_map(|op| match op.kind {
                OpKind::Store { slot, init: false, .. } if ir.slot(slot).owner != func => Some(slot),
                _ => None,
            })
            .collect();
        for slot in assigned {
            let Some(&value) = entry.slots.get(&slot) else { continue };
            if self.model.symbols.as_number(value).is_none() {
                continue;
            }
            let site = Rc::new(Site { ctx: BY_ITSELF, func, what: SiteKind::Slot(BlockId(0), slot) });
            let any = self.opaque_at(site, Facts::number(Interval::ALL, true), &[]);
            entry.slots.insert(slot, any);
        }
    }

    /// Nor are numbers in objects that it is handed and counts in.
    fn generalise_fields(&mut self, entry: &mut State, func: FuncId, args: &[Sym], this: Sym) {
        let ir = self.model.ir.clone();
        let written: BTreeSet<&str> = ir
            .body(func)
            .ops
            .iter()
            .filter_map(|op| match &op.kind {
                OpKind::Set { key: super::ir::Key::Name(name), .. } => Some(name.as_str()),
                _ => None,
            })
            .collect();
        for &holder in args.iter().chain([&this]) {
            let Some(object) = entry.object(holder).cloned() else { continue };
            for (key, field) in &object.fields {
                let Field::Value(value) = field else { continue };
                if written.contains(&**key) && self.model.symbols.as_number(*value).is_some() {
                    let site = Rc::new(Site { ctx: BY_ITSELF, func, what: SiteKind::Field(BlockId(0), holder, key.clone()) });
                    let any = self.opaque_at(site, Facts::number(Interval::ALL, true), &[]);
                    entry.object_mut(holder).fields.insert(key.clone(), Field::Value(any));
                }
            }
        }
    }

    /// Each call gets closer to a base case, but they take turns with different arguments.
    fn judge_together(&mut self, alone: &Alone) {
        let mut shared: Option<BTreeSet<usize>> = None;
        for positions in alone.progress.values() {
            shared = Some(shared.map_or(positions.clone(), |known| &known & positions));
        }
        let Some((range, _)) = alone.progress.iter().next() else { return };
        if shared.is_some_and(|positions| positions.is_empty()) && !self.seen.recursions.iter().any(|r| r.range == *range) {
            let message = "its calls of itself get closer to the base case by different arguments, which may undo each other".to_owned();
            self.seen.recursions.insert(RecursionVerdict { range: *range, level: Level::Warning, message, steps: Vec::new() });
        }
    }

    fn judge_call(&mut self, state: &State, first: usize, args: &Args, this: Sym, range: TextRange) {
        let (verdict, by_constant) = self.judge_recursion(state, first, args, this);
        let circle: Vec<FuncId> = self.frames[first..].iter().map(|f| f.func).collect();
        let callee = self.frames.get(first + 1).map_or(range, |f| f.call_range);
        let callee = if callee == TextRange::default() { range } else { callee };
        let here = (self.current, self.current_block);
        if let Some(alone) = &mut self.calls.alone {
            alone.circle.extend(circle);
            if let (true, (Some(reg), block), true) = (by_constant, here, first + 1 == self.frames.len()) {
                alone.calls.insert((range.start, reg.0), (range, block));
            }
        }
        if let Some((level, message)) = verdict {
            let steps: Vec<Step> = self.frames[first + 1..].iter().map(|f| (f.call_range, "through this call".to_owned())).collect();
            self.seen.recursions.insert(RecursionVerdict { range: callee, level, message, steps });
        }
    }

    fn judge_recursion(&mut self, state: &State, first: usize, args: &Args, this: Sym) -> (Option<(Level, String)>, bool) {
        let name = self.name_of(self.frames[first].func);
        let by_callback = self.frames[first + 1..].iter().any(|f| f.args.ranges.is_empty() && !f.args.list.is_empty());
        let by_callback = by_callback || (args.ranges.is_empty() && !args.list.is_empty());
        if !by_callback && !self.cycle_has_base_case(first) {
            return (Some((Level::Error, format!("{name} calls itself on every path: there is no base case"))), false);
        }
        let outer = self.frames[first].clone();
        let mut descents = Vec::new();
        for (position, &arg) in args.list.iter().enumerate() {
            let before = outer.args.list.get(position).copied();
            descents.push(self.descent(state, arg, before, Some(position)));
        }
        if outer.this != this && self.is_proper_part(this, outer.this, 0) {
            descents.push(Descent::Shrinking("this".into(), false));
        }
        descents.extend(self.inner_descents(state, &outer));
        if self.narrows(&outer.args.list, &args.list) {
            return (None, false);
        }
        let by_constant = descents.iter().any(Descent::is_by_constant);
        let closer = |d: &Descent| matches!(d, Descent::Limited(_) | Descent::Shrinking(..));
        let positions: BTreeSet<usize> = descents.iter().enumerate().filter(|(_, d)| closer(d)).map(|(position, _)| position).collect();
        let callee = self.frames.get(first + 1).map_or_else(|| self.current_range(), |f| f.call_range);
        if let (Some(alone), false) = (&mut self.calls.alone, positions.is_empty()) {
            alone.progress.entry(callee).or_default().extend(positions);
        }
        (self.weigh(state, first, &outer, args, descents), by_constant)
    }

    fn weigh(&mut self, state: &State, first: usize, outer: &Frame, args: &Args, descents: Vec<Descent>) -> Option<(Level, String)> {
        if descents.iter().any(|d| matches!(d, Descent::Limited(_))) {
            return None;
        }
        let name = self.name_of(outer.func);
        if let Some(of) = descents.iter().find_map(|d| if let Descent::Shrinking(of, _) = d { Some(of) } else { None }) {
            if of.is_empty() {
                return None;
            }
            return Some((Level::Warning, format!("{name} calls itself once for each level of {of}, whose depth nobody limits")));
        }
        if let Some(path) = descents.iter().find_map(|d| if let Descent::Loose(path) = d { Some(path) } else { None }) {
            return Some((Level::Error, format!("{name} calls itself with a step that comes from `{path}`, which may be 0 or negative")));
        }
        if descents.contains(&Descent::Away) {
            return Some((Level::Error, format!("{name} calls itself with an argument that moves away from the base case")));
        }
        let mut sorted = (outer.args.list.clone(), args.list.clone());
        sorted.0.sort();
        sorted.1.sort();
        let swapped = sorted.0 == sorted.1;
        let mut read_are_unchanged = true;
        for (position, descent) in descents.iter().enumerate() {
            let pair = outer.args.list.get(position).copied().zip(args.list.get(position).copied());
            read_are_unchanged &=
                *descent == Descent::Unchanged || pair.is_some_and(|(param, arg)| self.is_same_where_asked(state, first, param, arg));
        }
        if swapped || read_are_unchanged {
            if self.changes_shared_state(state) {
                return Some((Level::Warning, format!("{name} calls itself, and no progress towards its base case could be shown")));
            }
            return Some((Level::Error, format!("{name} calls itself, and nothing that its base case depends on changes")));
        }
        Some((Level::Warning, format!("{name} calls itself, and no progress towards its base case could be shown")))
    }

    /// Whether all that some condition of the function reads of the parameter is the same of the argument
    /// that is passed for it.
    fn is_same_where_asked(&mut self, state: &State, first: usize, param: Sym, arg: Sym) -> bool {
        let Some(names) = self.asked_of(first, param) else { return false };
        let mut state = state.clone();
        names.into_iter().all(|name| {
            let (before, after) = (self.property_of(&mut state, param, &name), self.property_of(&mut state, arg, &name));
            before == after || self.is_same_value(after, before, 0)
        })
    }

    /// The properties of the parameter that conditions of the function read. Nothing if they ask about itself.
    fn asked_of(&self, first: usize, param: Sym) -> Option<BTreeSet<Rc<str>>> {
        let (mut names, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut open: Vec<Sym> = self.frames[first..].iter().flat_map(|f| f.reached.conditions.iter().copied()).collect();
        // Whether it was passed at all is asked for its default.
        open.retain(|&cond| {
            let asks_of = |a: Sym, b: Sym| a == param && *self.model.symbols.value(b) == Value::Undefined;
            !matches!(*self.model.symbols.value(cond), Value::Binary(BinaryOp::StrictEqual, a, b) if asks_of(a, b) || asks_of(b, a))
        });
        while let Some(next) = open.pop() {
            if next == param {
                return None;
            }
            if !seen.insert(next) || seen.len() >= 512 {
                continue;
            }
            match self.model.symbols.value(next) {
                Value::Prop(of, PropKey::Name(name)) if *of == param => {
                    names.insert(name.clone());
                }
                value => super::symbol::for_each_part(value, |part| open.push(part)),
            }
            open.extend(self.model.symbols.operands(next));
            open.extend(self.held_under.get(&next));
        }
        Some(names)
    }

    /// Fields of objects, and variables around the function, that it counts in.
    fn inner_descents(&mut self, state: &State, outer: &Frame) -> Vec<Descent> {
        let Some(entry) = self.calls.alone.as_ref().map(|alone| alone.entry.clone()) else { return Vec::new() };
        let mut pairs: Vec<(Sym, Sym)> = Vec::new();
        for &holder in outer.args.list.iter().chain([&outer.this]) {
            let Some(object) = state.object(holder).cloned() else { continue };
            for (key, field) in &object.fields {
                let Field::Value(value) = field else { continue };
                let before = match entry.object(holder).and_then(|o| o.fields.get(key).copied()) {
                    Some(Field::Value(before)) => before,
                    _ => self.model.property_symbol(holder, key),
                };
                pairs.push((*value, before));
            }
        }
        for (slot, &value) in &state.slots {
            if let Some(&before) = entry.slots.get(slot)
                && matches!(self.model.symbols.value(before), Value::Opaque(site) if site.ctx == BY_ITSELF)
            {
                pairs.push((value, before));
            }
        }
        let pairs: Vec<(Sym, Sym)> = pairs.into_iter().filter(|(value, before)| value != before).collect();
        pairs
            .into_iter()
            .map(|(value, before)| self.descent(state, value, Some(before), None))
            .filter(|d| *d != Descent::Unchanged)
            .collect()
    }

    /// Binary search: one end stays, the other goes to the middle of the two.
    fn narrows(&self, before: &[Sym], after: &[Sym]) -> bool {
        let pairs = (0..before.len()).flat_map(|low| (0..before.len()).map(move |high| (low, high))).filter(|(low, high)| low != high);
        pairs.into_iter().any(|(low, high)| {
            let (Some(&new_low), Some(&new_high)) = (after.get(low), after.get(high)) else { return false };
            let to_middle = |sym: Sym| {
                self.is_middle(self.offset(sym).0, before[low], before[high], 0) || self.is_middle(sym, before[low], before[high], 0)
            };
            (new_low == before[low] && to_middle(new_high))
                || (new_high == before[high] && to_middle(new_low) && self.offset(new_low).1 >= 1.0)
        })
    }

    /// Two calls of itself on one way through the function, each only a constant amount closer to the
    /// base case: the work doubles with every level.
    fn judge_branching(&mut self, entry: &State, frame: &Frame, alone: &Alone) {
        let calls: Vec<(TextRange, BlockId)> = alone.calls.values().copied().collect();
        let graph = self.graphs[alone.func.index()].clone();
        let together = |a: BlockId, b: BlockId| a == b || graph.reaches(a, b) || graph.reaches(b, a);
        let pair = calls.iter().enumerate().find_map(|(i, a)| calls[i + 1..].iter().find(|b| together(a.1, b.1)));
        let (Some((range, _)), false) = (pair, self.remembers_results(alone.func)) else { return };
        let mut drivers = BTreeSet::new();
        for (&param, first) in frame.args.list.iter().zip(&alone.first) {
            let measure = if first.types.may(Types::NUMBER) { first.range.hi } else { first.length.hi };
            if first.types.only(Types::NUMERIC | Types::ARRAY | Types::STRING)
                && measure <= BRANCHING_DEPTH_MAX
                && !first.types.only(Types::NAN)
            {
                if self.is_descending(alone, param) {
                    return;
                }
                continue;
            }
            drivers.extend(self.influences(entry, param));
        }
        if drivers.is_empty() {
            return;
        }
        let message = format!("it calls itself twice for each step: the work doubles with each one of {}", super::cost::list(&drivers));
        self.seen.costs.insert(Costly { range: *range, level: Level::Error, drivers, measure: Measure::Value, message, steps: Vec::new() });
    }

    /// Whether the recursion is counted by this parameter: its calls pass something made of it.
    fn is_descending(&self, alone: &Alone, param: Sym) -> bool {
        let passed = self.calls.recursive.get(&alone.func).into_iter().flatten().flatten();
        passed.into_iter().any(|&arg| arg != param && self.model.symbols.contains(arg, &|part, _| part == param))
    }

    /// Whether the function looks results up before it computes them.
    fn remembers_results(&self, func: FuncId) -> bool {
        let ir = self.model.ir.clone();
        let body = ir.body(func);
        let writes = body.ops.iter().any(|op| match &op.kind {
            OpKind::Set { key: super::ir::Key::Computed(_), .. } => true,
            OpKind::Get { key: super::ir::Key::Name(name), .. } => name == "set",
            _ => false,
        });
        let reads = body.ops.iter().any(|op| match &op.kind {
            OpKind::Get { key: super::ir::Key::Computed(_), .. } | OpKind::Binary(BinaryOp::In, ..) => true,
            OpKind::Get { key: super::ir::Key::Name(name), .. } => matches!(name.as_str(), "has" | "get"),
            _ => false,
        });
        writes && reads
    }

    /// Whether anything that outlives the activation is not what it was when the function was entered.
    fn changes_shared_state(&self, state: &State) -> bool {
        let Some(alone) = &self.calls.alone else { return false };
        let held = alone.entry.heap.iter().any(|(sym, object)| state.heap.get(sym).is_some_and(|now| now != object));
        let opened = self.frames.iter().flat_map(|f| f.args.list.iter().chain([&f.this])).any(|sym| {
            state.heap.contains_key(sym)
                && !alone.entry.heap.contains_key(sym)
                && !matches!(self.model.symbols.value(*sym), Value::Alloc { .. })
        });
        let ir = &self.model.ir;
        let own =
            |slot: &SlotId| ir.slots.get(slot.index()).is_none_or(|s| self.frames.iter().any(|f| f.func == s.owner && f.func != FuncId(0)));
        let assigned = alone.entry.slots.iter().any(|(slot, sym)| !own(slot) && state.slots.get(slot) != Some(sym));
        held || opened || assigned
    }

    /// A function, as a message names it.
    fn name_of(&self, func: FuncId) -> String {
        match self.model.ir.body(func).name.as_str() {
            "" => "the function".to_owned(),
            name => format!("`{name}`"),
        }
    }

    fn current_range(&self) -> TextRange {
        self.current.map_or(TextRange::default(), |reg| self.op(reg).range)
    }

    /// Whether some function of the cycle can return without going round it.
    fn cycle_has_base_case(&self, first: usize) -> bool {
        (first..self.frames.len()).any(|at| {
            let func = self.frames[at].func;
            let range = self.frames.get(at + 1).map(|f| f.call_range);
            let calls = self.blocks_calling(func, range);
            let live = self.frames[at].reached.blocks.clone();
            self.can_return_without(func, &calls, &live)
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

    fn can_return_without(&self, func: FuncId, avoid: &BTreeSet<BlockId>, live: &[bool]) -> bool {
        let body = self.model.ir.body(func);
        let graph = &self.graphs[func.index()];
        let (mut seen, mut open) = (BTreeSet::new(), vec![BlockId(0)]);
        while let Some(block) = open.pop() {
            let is_dead = live.get(block.index()) == Some(&false);
            if is_dead || avoid.contains(&block) || !seen.insert(block) {
                continue;
            }
            match body.blocks[block.index()].end {
                Terminator::Return(_) | Terminator::Throw(_) => return true,
                _ => open.extend(graph.successors(block)),
            }
        }
        false
    }

    fn descent(&mut self, state: &State, arg: Sym, before: Option<Sym>, position: Option<usize>) -> Descent {
        if Some(arg) == before {
            return Descent::Unchanged;
        }
        if let Some(before) = before {
            if self.is_same_value(arg, before, 0) {
                return Descent::Unchanged;
            }
            if self.is_proper_part(arg, before, 0) {
                let by_constant = self.is_shorter(arg, before, 0);
                let of = self.influence(state, before).map(|s| format!("`{}`", s.path)).unwrap_or_default();
                let first = self.first_facts(position).unwrap_or(self.model.facts(state, before));
                if first.types.only(Types::STRING | Types::ARRAY) && first.length.hi <= DEPTH_MAX {
                    return Descent::Limited(by_constant);
                }
                return Descent::Shrinking(of, by_constant);
            }
        }
        self.numeric_descent(state, arg, before, position)
    }

    /// What is known of an argument where the recursion begins.
    fn first_facts(&self, position: Option<usize>) -> Option<Facts> {
        self.calls.alone.as_ref()?.first.get(position?).copied()
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
                    let from_old = of == old || roots.contains(&of) || self.is_proper_part(of, old, depth + 1);
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
    fn numeric_descent(&mut self, state: &State, arg: Sym, before: Option<Sym>, position: Option<usize>) -> Descent {
        let Some(before) = before else { return Descent::Unknown };
        if self.is_halved(arg, before) {
            return Descent::Limited(false);
        }
        let Some(step) = self.difference(arg, before, state, 0) else { return Descent::Unknown };
        if step.range.lo == 0.0 && step.range.hi == 0.0 {
            return Descent::Unchanged;
        }
        let guard = self.model.facts(state, before);
        let first = self.first_facts(position);
        let (falls, rises) = (step.range.hi < 0.0, step.range.lo > 0.0);
        let by_constant = step.range.lo == step.range.hi;
        let (below, above) =
            (guard.range.lo.is_finite() && guard.range.lo > -f64::MAX, guard.range.hi.is_finite() && guard.range.hi < f64::MAX);
        if (falls && below) || (rises && above) {
            let span = match first {
                Some(first) if first.types.only(Types::NUMERIC) => {
                    let span = if falls { first.range.hi - guard.range.lo } else { guard.range.hi - first.range.lo };
                    span / step.range.lo.abs().min(step.range.hi.abs())
                }
                _ => f64::INFINITY,
            };
            let of = self.influence(state, before).map(|s| format!("`{}`", s.path)).unwrap_or_default();
            return if span <= DEPTH_MAX || of.is_empty() { Descent::Limited(by_constant) } else { Descent::Shrinking(of, by_constant) };
        }
        // Each function of the circle takes one away and asks for 0.
        let one_each = -((self.frames.len() - self.frames.iter().position(|f| f.ctx == BY_ITSELF).unwrap_or(0)) as f64);
        if falls && by_constant && step.range.hi == one_each && self.stops_at_zero(state, before) {
            let first = first.unwrap_or(Facts::ANY);
            if first.types.only(Types::NUMERIC) && first.integer && first.range.lo >= 0.0 {
                let of = self.influence(state, before).map(|s| format!("`{}`", s.path)).unwrap_or_default();
                return if first.range.hi <= DEPTH_MAX { Descent::Limited(true) } else { Descent::Shrinking(of, true) };
            }
            return Descent::Unknown;
        }
        if (rises && below) || (falls && above) {
            return Descent::Away;
        }
        if step.range.lo < 0.0 && step.range.hi >= 0.0 || step.range.lo <= 0.0 && step.range.hi > 0.0 {
            let mut steps = Vec::new();
            self.collect_steps(arg, before, &mut steps, 0);
            if let Some(source) = steps.into_iter().find_map(|s| self.influence(state, s)) {
                return Descent::Loose(source.path);
            }
        }
        Descent::Unknown
    }

    /// Whether the value was compared with 0 and found to be another.
    fn stops_at_zero(&mut self, state: &State, value: Sym) -> bool {
        let zero = self.model.symbols.number(0.0);
        let known = |analyzer: &mut Self, op: BinaryOp, truth: Types| {
            let test = analyzer.model.symbols.intern(Value::Binary(op, value, zero));
            state.facts.get(&test).is_some_and(|f| f.types.only(truth))
        };
        known(self, BinaryOp::StrictEqual, Types::FALSE)
            || known(self, BinaryOp::Equal, Types::FALSE)
            || known(self, BinaryOp::StrictNotEqual, Types::TRUE)
            || known(self, BinaryOp::NotEqual, Types::TRUE)
            || !self.model.facts(state, value).truth().1
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
                    Interval { lo: if start.lo.is_finite() { start.lo } else { f64::NEG_INFINITY }, hi: f64::INFINITY },
                    true,
                ));
            }
        }
        if facts.range.lo != facts.range.hi || facts.types.may(Types::UNDEFINED) {
            facts.range = Interval::ALL;
        }
        let site = self.site(reg, 12);
        let phi = self.model.symbols.intern(Value::Phi(site));
        self.model.symbols.add_operand(phi, value);
        state.facts.insert(phi, facts);
        phi
    }
}
