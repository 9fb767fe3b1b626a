//! Why a loop ends: a ranking argument over its natural loop, or the reason why none was found.
//!
//! An exit test that every round passes compares a measure with a bound. The measure's symbol at the
//! end of each round, less its symbol at the start, is its step; if every step moves the measure
//! towards the bound by a positive amount, the loop ends (Floyd's method of well-founded orders, for
//! the measures that small programs use: counters, lengths, dates, structural descent, iterators).

use std::collections::BTreeMap;

use super::cfg::NaturalLoop;
use super::cost::Size;
use super::demand::InputSource;
use super::facts::{Interval, Types};
use super::flow::{Analyzer, Trace};
use super::graph::Graph;
use super::ir::{BinaryOp, BlockId, FuncId, LoopKind, OpKind, Terminator, UnaryOp};
use super::observe::{LoopVerdict, Step};
use super::state::{Field, State};
use super::symbol::{PropKey, SiteKind, Sym, Value, for_each_part};
use crate::finding::Level;

/// What became of the search for a ranking.
#[derive(Clone, Debug)]
pub enum Progress {
    /// The loop ends. How often it may go round, as far as that is known.
    Shown(Size),
    /// It does not, or nothing shows that it does.
    Missing {
        /** How sure. */
        level: Level,
        /** The reason. */
        reason: String,
        /** The way there. */
        steps: Vec<Step>,
    },
}

/// What one exit test says.
enum Exit {
    Ranked(Size),
    /// The measure does not move towards the bound: why.
    Stuck(String, Vec<Step>),
    Unknown(String),
}

/// An operation on a collection, for loops that are driven by one.
#[derive(Clone, Debug)]
pub struct CollectionOp {
    /// Where.
    pub block: BlockId,
    /// On what.
    pub collection: Sym,
    /// It takes elements away.
    pub shrinks: bool,
    /// Elements it puts in.
    pub added: Vec<Sym>,
}

impl Analyzer<'_> {
    /// Judges every source loop of an activation whose fixpoint is known. Gives what is known of
    /// each loop's number of rounds, by header.
    pub fn judge_loops(&mut self, cfg: &Graph, func: FuncId, trace: &Trace) -> BTreeMap<BlockId, Size> {
        let mut sizes = BTreeMap::new();
        for natural in cfg.loops() {
            let ir = self.model.ir.clone();
            let Some(head) = ir.body(func).blocks[natural.header.index()].loop_head else { continue };
            if trace.entry[natural.header.index()].is_none() {
                continue;
            }
            let progress = self.progress(cfg, func, trace, natural, head.kind);
            let endless = match progress {
                Progress::Shown(size) => {
                    sizes.insert(natural.header, size);
                    None
                }
                Progress::Missing { level, reason, steps } => Some((level, reason, steps)),
            };
            let is_generator = ir.body(func).kind.is_generator && self.yields_every_round(cfg, func, trace, natural);
            if !self.sweeping && self.entry.is_some() && !(is_generator && endless.is_some()) {
                self.seen.loops.insert(LoopVerdict { range: head.range, endless });
            }
        }
        sizes
    }

    /// A generator's loop whose every round passes a `yield` is judged where it is consumed.
    fn yields_every_round(&self, cfg: &Graph, func: FuncId, trace: &Trace, natural: &NaturalLoop) -> bool {
        let body = self.model.ir.body(func);
        let latches = self.live_latches(trace, natural);
        !latches.is_empty()
            && body.blocks.iter().enumerate().any(|(i, block)| {
                let id = BlockId(i as u32);
                let yields = block.ops.iter().any(|r| matches!(body.ops[r.index()].kind, OpKind::Yield { .. }));
                yields && latches.iter().all(|&latch| cfg.dominates(id, latch)) && cfg.dominates(natural.header, id)
            })
    }

    fn live_latches(&self, trace: &Trace, natural: &NaturalLoop) -> Vec<BlockId> {
        natural.latches.iter().copied().filter(|&latch| trace.back.contains_key(&(natural.header, latch))).collect()
    }

    fn progress(&mut self, cfg: &Graph, func: FuncId, trace: &Trace, natural: &NaturalLoop, kind: LoopKind) -> Progress {
        let latches = self.live_latches(trace, natural);
        if latches.is_empty() || trace.gave_up {
            return Progress::Shown(Size::Bounded);
        }
        if matches!(kind, LoopKind::ForOf | LoopKind::ForIn) {
            return self.iteration_progress(cfg, func, trace, natural, &latches);
        }
        let ir = self.model.ir.clone();
        let body = ir.body(func);
        let live = |block: BlockId| trace.entry[block.index()].is_some();
        let exits: Vec<(BlockId, BlockId)> =
            natural.exits.iter().copied().filter(|&(from, to)| live(from) && live(to) && !self.is_handler(func, from, to)).collect();
        if exits.is_empty() {
            if self.calls_may_throw(cfg, func, natural) {
                return missing(Level::Warning, "its only way out is an exception that a call in it may throw");
            }
            return missing(
                Level::Error,
                "nothing in it leaves it: no reachable `break`, `return` or `throw`, and no condition that can become false",
            );
        }
        let mut stuck: Option<(String, Vec<Step>)> = None;
        let mut unknown: Option<String> = None;
        let mut sizes = Vec::new();
        for &(from, to) in &exits {
            let passed = latches.iter().all(|&latch| cfg.dominates(from, latch));
            let Terminator::Branch { then, .. } = body.blocks[from.index()].end else {
                unknown = Some("the way out depends on an iteration inside it".into());
                continue;
            };
            let Some((cond, state)) = trace.conditions.get(&from).cloned() else { continue };
            if !passed {
                unknown.get_or_insert("not every round reaches the test that leaves it".into());
                continue;
            }
            let stays_if = then != to;
            match self.exit_test(trace, natural, &latches, cond, stays_if, &state, func) {
                Exit::Ranked(size) => sizes.push(size),
                Exit::Stuck(reason, steps) => {
                    stuck.get_or_insert((reason, steps));
                }
                Exit::Unknown(reason) => {
                    unknown.get_or_insert(reason);
                }
            }
        }
        if let Some(size) = sizes.into_iter().min_by_key(Size::gravity) {
            return Progress::Shown(size);
        }
        match (stuck, unknown) {
            (Some((reason, steps)), None) => Progress::Missing { level: Level::Error, reason, steps },
            (Some((reason, steps)), Some(_)) => Progress::Missing { level: Level::Warning, reason, steps },
            (None, reason) => missing(Level::Warning, &reason.unwrap_or_else(|| "no progress towards its exit could be shown".into())),
        }
    }

    fn is_handler(&self, func: FuncId, from: BlockId, to: BlockId) -> bool {
        self.model.ir.body(func).blocks[from.index()].handler == Some(to)
    }

    fn calls_may_throw(&self, cfg: &Graph, func: FuncId, natural: &NaturalLoop) -> bool {
        let body = self.model.ir.body(func);
        cfg.blocks_of(natural).iter().any(|b| body.blocks[b.index()].ops.iter().any(|r| self.throwing.contains(&(func, *r))))
    }

    fn iteration_progress(&mut self, cfg: &Graph, func: FuncId, trace: &Trace, natural: &NaturalLoop, latches: &[BlockId]) -> Progress {
        let ir = self.model.ir.clone();
        let body = ir.body(func);
        let Terminator::Next { iterator, done, .. } = body.blocks[natural.header.index()].end else {
            return Progress::Shown(Size::Bounded);
        };
        let Some(iterator) = trace.registers[iterator.index()] else { return Progress::Shown(Size::Bounded) };
        let of = self.iterated(iterator);
        let Some(state) = trace.entry[natural.header.index()].clone() else { return Progress::Shown(Size::Bounded) };
        let leaves =
            natural.exits.iter().any(|&(from, to)| to != done && trace.entry[from.index()].is_some() && trace.entry[to.index()].is_some());
        if self.is_endless_iterator(&state, of) && !leaves {
            return missing(Level::Error, "it iterates over a generator that never ends, and nothing in it leaves it");
        }
        let additions = self.collection_ops_in(cfg, func, natural, of, false);
        if !additions.is_empty() {
            let always = additions.iter().any(|op| latches.iter().all(|&latch| cfg.dominates(op.block, latch)));
            return match (always, leaves) {
                (true, false) => missing(Level::Error, "the collection it iterates over grows in every round"),
                _ => missing(Level::Warning, "the collection it iterates over grows in it"),
            };
        }
        let size = self.size_of_collection(&state, of);
        Progress::Shown(size)
    }

    /// Whether iterating the value never ends.
    pub fn is_endless_iterator(&self, state: &State, of: Sym) -> bool {
        self.model.symbols.leaves(of).iter().any(|&l| state.object(l).is_some_and(|o| o.fields.contains_key("[[endless]]")))
    }

    fn collection_ops_in(&self, cfg: &Graph, func: FuncId, natural: &NaturalLoop, of: Sym, shrinks: bool) -> Vec<CollectionOp> {
        let leaves = self.model.symbols.leaves(of);
        let ctx = self.frame().ctx;
        let blocks = cfg.blocks_of(natural);
        self.collection_ops
            .get(&(func, ctx))
            .into_iter()
            .flatten()
            .filter(|op| op.shrinks == shrinks && blocks.contains(&op.block))
            .filter(|op| {
                op.collection == of
                    || self.model.symbols.leaves(op.collection).iter().any(|l| leaves.contains(l))
                    || self.same_storage(op.collection, of)
            })
            .cloned()
            .collect()
    }

    /// Remembers that the activation takes from, or puts into, a collection.
    pub fn note_collection_op(&mut self, collection: Sym, shrinks: bool, added: Vec<Sym>) {
        let frame = self.frame();
        let (func, ctx, block) = (frame.func, frame.ctx, self.current_block);
        let ops = self.collection_ops.entry((func, ctx)).or_default();
        if ops.len() < 256
            && !ops.iter().any(|op| op.block == block && op.collection == collection && op.shrinks == shrinks && op.added == added)
        {
            ops.push(CollectionOp { block, collection, shrinks, added });
        }
    }

    /// Two symbols that are the same collection before and after a step of the loop.
    fn same_storage(&self, a: Sym, b: Sym) -> bool {
        let root = |sym: Sym| match self.model.symbols.value(sym) {
            Value::Version(of, _) => *of,
            _ => sym,
        };
        root(a) == root(b)
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of an exit test")]
    fn exit_test(
        &mut self,
        trace: &Trace,
        natural: &NaturalLoop,
        latches: &[BlockId],
        cond: Sym,
        stays_if: bool,
        state: &State,
        func: FuncId,
    ) -> Exit {
        match self.model.symbols.value(cond).clone() {
            Value::Unary(UnaryOp::Not, inner) => self.exit_test(trace, natural, latches, inner, !stays_if, state, func),
            Value::Call(path, args) if &*path == "Boolean" && !args.is_empty() => self.exit_test(trace, natural, latches, args[0], stays_if, state, func),
            Value::Binary(op, a, b) => {
                use BinaryOp::*;
                // Bring the staying condition to `low < high`.
                let (low, high, negated) = match (op, stays_if) {
                    (Less | LessEqual, true) => (a, b, false),
                    (Greater | GreaterEqual, true) => (b, a, false),
                    (Less | LessEqual, false) => (b, a, true),
                    (Greater | GreaterEqual, false) => (a, b, true),
                    (StrictNotEqual | NotEqual, true) | (StrictEqual | Equal, false) => {
                        return self.exit_unequal(trace, natural, latches, a, b, state, func);
                    }
                    (StrictEqual | Equal, true) | (StrictNotEqual | NotEqual, false) => {
                        return self.exit_other(trace, natural, latches, cond, state, func);
                    }
                    _ => return self.exit_other(trace, natural, latches, cond, state, func),
                };
                self.exit_order(trace, natural, latches, low, high, negated, state, func)
            }
            _ if stays_if => self.exit_truthy(trace, natural, latches, cond, state, func),
            _ => self.exit_other(trace, natural, latches, cond, state, func),
        }
    }

    /// Stays while `low < high`. Negated conditions stay for NaN as well.
    #[allow(clippy::too_many_arguments, reason = "the parts of an exit test")]
    fn exit_order(
        &mut self,
        trace: &Trace,
        natural: &NaturalLoop,
        latches: &[BlockId],
        low: Sym,
        high: Sym,
        negated: bool,
        state: &State,
        func: FuncId,
    ) -> Exit {
        if let Some(exit) = self.exit_by_length(trace, natural, latches, high, state, func) {
            return exit;
        }
        if let Some(exit) = self.exit_by_growth(natural, latches, low, high, state, func) {
            return exit;
        }
        if let Some(exit) = self.exit_by_bisection(trace, natural, latches, low, high) {
            return exit;
        }
        let up = self.movement(trace, natural, latches, low, state);
        let down = self.movement(trace, natural, latches, high, state);
        let closing = up.range.add(down.range.neg());
        if closing.lo > 0.0 {
            if negated && (self.may_be_nan(state, low) || self.may_be_nan(state, high)) {
                return Exit::Stuck("its condition stays true if the bound is NaN".into(), Vec::new());
            }
            return Exit::Ranked(self.trip_size(trace, natural, low, high, state, &up, &down));
        }
        if !up.moves && !down.moves {
            if up.known && down.known {
                return Exit::Stuck("none of the values in its condition changes in it".into(), Vec::new());
            }
            return Exit::Unknown("whether the values in its condition change could not be shown".into());
        }
        if let Some(source) = up.source.clone().or(down.source.clone()) {
            let text = format!("the step comes from `{}`, which may be 0, negative or NaN", source.path);
            return Exit::Stuck(text, Vec::new());
        }
        if closing.hi <= 0.0 && up.known && down.known {
            return Exit::Stuck("each round moves away from the bound, or not at all".into(), Vec::new());
        }
        if closing.lo.is_finite() && closing.lo <= 0.0 && up.known && down.known {
            return self.not_on_every_path(trace, natural, latches, state);
        }
        Exit::Unknown("how far each round gets towards the bound could not be shown".into())
    }

    /// On some path the measure does not move. If nothing else changes there, that path repeats for ever.
    fn not_on_every_path(&mut self, trace: &Trace, natural: &NaturalLoop, latches: &[BlockId], _state: &State) -> Exit {
        let others = self.moving_slots(trace, natural, latches);
        if others <= 1 && !self.heap_changes(trace, natural, latches) {
            Exit::Stuck(
                "on some path through it the value that should reach the bound does not move, and nothing else changes there".into(),
                Vec::new(),
            )
        } else {
            Exit::Unknown("on some path through it the value that should reach the bound does not move".into())
        }
    }

    fn moving_slots(&self, trace: &Trace, natural: &NaturalLoop, latches: &[BlockId]) -> usize {
        let Some(entry) = &trace.entry[natural.header.index()] else { return 0 };
        entry
            .slots
            .iter()
            .filter(|(slot, sym)| {
                matches!(self.model.symbols.value(**sym), Value::Phi(site) if matches!(site.what, SiteKind::Slot(b, s) if b == natural.header && s == **slot))
                    && latches.iter().any(|&l| {
                        trace.back.get(&(natural.header, l)).and_then(|s| s.slots.get(*slot)).is_some_and(|next| next != *sym)
                    })
            })
            .count()
    }

    fn heap_changes(&self, trace: &Trace, natural: &NaturalLoop, latches: &[BlockId]) -> bool {
        let Some(entry) = &trace.entry[natural.header.index()] else { return false };
        latches.iter().any(|&l| {
            trace
                .back
                .get(&(natural.header, l))
                .is_some_and(|s| entry.heap.iter().any(|(sym, object)| s.heap.get(sym).is_some_and(|after| after != object)))
        })
    }

    fn may_be_nan(&mut self, state: &State, sym: Sym) -> bool {
        let facts = self.model.facts(state, sym);
        facts.types.may(Types::NAN) && super::refine::depends_on_input(&self.model, sym)
    }

    /// Stays while `xs.length < limit`, and every round adds to `xs`.
    fn exit_by_growth(
        &mut self,
        natural: &NaturalLoop,
        latches: &[BlockId],
        low: Sym,
        high: Sym,
        state: &State,
        func: FuncId,
    ) -> Option<Exit> {
        let Value::Prop(collection, PropKey::Name(name)) = self.model.symbols.value(low).clone() else { return None };
        if !matches!(&*name, "length" | "size") {
            return None;
        }
        let cfg = self.graphs[func.index()].clone();
        let adds = self.collection_ops_in(&cfg, func, natural, collection, false);
        let takes = self.collection_ops_in(&cfg, func, natural, collection, true);
        let always = adds.iter().any(|op| latches.iter().all(|&latch| cfg.dominates(op.block, latch)));
        (always && takes.is_empty()).then(|| Exit::Ranked(self.size_of_number(state, high)))
    }

    /// Binary search: each round replaces one end by the middle, past it where the ends may meet.
    fn exit_by_bisection(&mut self, trace: &Trace, natural: &NaturalLoop, latches: &[BlockId], low: Sym, high: Sym) -> Option<Exit> {
        let (lows, highs) = (self.next_values(trace, natural, latches, low)?, self.next_values(trace, natural, latches, high)?);
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
    fn alternatives(&self, sym: Sym, depth: u32) -> Vec<Sym> {
        match self.model.symbols.value(sym) {
            Value::Phi(site)
                if depth < 6 && !matches!(&site.what, SiteKind::Slot(b, _) if self.graphs[site.func.index()].is_header(*b)) =>
            {
                self.model.symbols.operands(sym).filter(|&o| o != sym).flat_map(|o| self.alternatives(o, depth + 1)).collect()
            }
            _ => vec![sym],
        }
    }

    fn offset(&self, sym: Sym) -> (Sym, f64) {
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
    fn is_middle(&self, sym: Sym, low: Sym, high: Sym, depth: u32) -> bool {
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

    /// `xs.length` against anything: driven by what is taken from `xs`.
    fn exit_by_length(
        &mut self,
        trace: &Trace,
        natural: &NaturalLoop,
        latches: &[BlockId],
        measure: Sym,
        state: &State,
        func: FuncId,
    ) -> Option<Exit> {
        let Value::Prop(collection, PropKey::Name(name)) = self.model.symbols.value(measure).clone() else { return None };
        if !matches!(&*name, "length" | "size") {
            return None;
        }
        self.exit_by_shrinking(trace, natural, latches, collection, state, func)
    }

    /// The loop takes elements from a collection in every round.
    fn exit_by_shrinking(
        &mut self,
        trace: &Trace,
        natural: &NaturalLoop,
        latches: &[BlockId],
        collection: Sym,
        state: &State,
        func: FuncId,
    ) -> Option<Exit> {
        let cfg = self.graphs[func.index()].clone();
        if let Some(exit) = self.exit_by_slicing(trace, natural, latches, collection) {
            return Some(exit);
        }
        let takes = self.collection_ops_in(&cfg, func, natural, collection, true);
        let always = takes.iter().any(|op| latches.iter().all(|&latch| cfg.dominates(op.block, latch)));
        let adds = self.collection_ops_in(&cfg, func, natural, collection, false);
        if takes.is_empty() {
            return None;
        }
        if !always {
            return Some(Exit::Unknown("not every path through it takes an element away".into()));
        }
        let undone = adds.iter().any(|op| {
            let every_round =
                latches.iter().all(|&latch| cfg.dominates(op.block, latch)) && cfg.innermost_header(op.block) == Some(natural.header);
            every_round && !op.added.iter().any(|&a| self.is_part_of_taken(a))
        });
        if undone {
            return Some(Exit::Stuck("every round puts back what it takes away".into(), Vec::new()));
        }
        Some(Exit::Ranked(self.size_of_collection(state, collection)))
    }

    /// A proper part of something else: finite data runs out of parts.
    fn is_part_of_taken(&self, sym: Sym) -> bool {
        self.model.symbols.leaves(sym).iter().any(|&l| match self.model.symbols.value(l) {
            Value::Prop(..) => true,
            Value::Instance(of, _) => matches!(self.model.symbols.value(*of), Value::Prop(..)),
            _ => false,
        })
    }

    /// `xs = xs.slice(1)`: the value itself is replaced by a shorter one.
    fn exit_by_slicing(&mut self, trace: &Trace, natural: &NaturalLoop, latches: &[BlockId], collection: Sym) -> Option<Exit> {
        let next = self.next_values(trace, natural, latches, collection)?;
        let shorter = next.iter().all(|&(n, _)| self.is_shorter(n, collection, 0));
        if !shorter {
            return None;
        }
        let state = trace.entry[natural.header.index()].clone()?;
        Some(Exit::Ranked(self.size_of_collection(&state, collection)))
    }

    fn is_shorter(&mut self, new: Sym, old: Sym, depth: u32) -> bool {
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

    fn is_not_longer(&self, new: Sym, old: Sym, depth: u32) -> bool {
        new == old
            || depth < 6
                && match self.model.symbols.value(new) {
                    Value::Call(path, args) => {
                        path.starts_with("String.prototype.trim") && args.first().is_some_and(|&a| self.is_not_longer(a, old, depth + 1))
                    }
                    _ => false,
                }
    }

    fn positive_lower(&mut self, sym: Sym) -> Option<f64> {
        let facts = self.model.facts(&State::default(), sym);
        (facts.range.lo > 0.0).then_some(facts.range.lo)
    }

    /// Stays while the two differ.
    #[allow(clippy::too_many_arguments, reason = "the parts of an exit test")]
    fn exit_unequal(
        &mut self,
        trace: &Trace,
        natural: &NaturalLoop,
        latches: &[BlockId],
        a: Sym,
        b: Sym,
        state: &State,
        func: FuncId,
    ) -> Exit {
        let nullish = |analyzer: &Self, s: Sym| matches!(analyzer.model.symbols.value(s), Value::Undefined | Value::Null);
        if nullish(self, b) {
            return self.exit_truthy(trace, natural, latches, a, state, func);
        }
        if nullish(self, a) {
            return self.exit_truthy(trace, natural, latches, b, state, func);
        }
        if self.model.symbols.as_number(b) == Some(0.0) {
            if let Some(exit) = self.exit_by_length(trace, natural, latches, a, state, func) {
                return exit;
            }
            if self.shrinks_towards_zero(trace, natural, latches, a) {
                return Exit::Ranked(Size::Bounded);
            }
        }
        let (up, down) = (self.movement(trace, natural, latches, a, state), self.movement(trace, natural, latches, b, state));
        let closing = up.range.add(down.range.neg());
        let exact = closing.lo == closing.hi && closing.lo.abs() == 1.0;
        let (x, y) = (self.model.facts(state, a), self.model.facts(state, b));
        if exact && x.integer && y.integer {
            let towards = if closing.lo > 0.0 { x.range.lo <= y.range.hi } else { x.range.hi >= y.range.lo };
            let safe = if closing.lo > 0.0 {
                x.range.hi <= y.range.lo || x.range.lo.is_finite() && y.range.lo.is_finite()
            } else {
                x.range.lo >= y.range.lo
            };
            if towards && safe {
                return Exit::Ranked(self.trip_size(trace, natural, a, b, state, &up, &down));
            }
        }
        if !up.moves && !down.moves && up.known && down.known {
            return Exit::Stuck("none of the values in its condition changes in it".into(), Vec::new());
        }
        if let Some(source) = up.source.or(down.source) {
            return Exit::Stuck(format!("the step comes from `{}` and may jump over the value that ends it", source.path), Vec::new());
        }
        if closing.lo.is_finite()
            && closing.hi.is_finite()
            && (x.types.only(Types::NUMERIC) || y.types.only(Types::NUMERIC))
            && up.known
            && down.known
        {
            let driven = self.influence(state, a).or_else(|| self.influence(state, b));
            if let Some(source) = driven {
                return Exit::Stuck(
                    format!("it ends only if it meets one value exactly, and `{}` may make it step over that value", source.path),
                    Vec::new(),
                );
            }
        }
        Exit::Unknown("it ends only if it meets one value exactly".into())
    }

    /// Division, shifts, remainders: each round brings the value closer to 0.
    fn shrinks_towards_zero(&mut self, trace: &Trace, natural: &NaturalLoop, latches: &[BlockId], measure: Sym) -> bool {
        let Some(next) = self.next_values(trace, natural, latches, measure) else { return false };
        next.iter().all(|&(n, _)| self.is_closer_to_zero(n, measure, 0))
    }

    fn is_closer_to_zero(&self, new: Sym, old: Sym, depth: u32) -> bool {
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
                    || self.is_quotient(*a, *b, old)
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

    /// `(n - n % 10) / 10` and the like are caught as a division of something no larger.
    fn is_quotient(&self, _a: Sym, _b: Sym, _old: Sym) -> bool {
        false
    }

    /// Stays while the value is truthy, or not null.
    fn exit_truthy(&mut self, trace: &Trace, natural: &NaturalLoop, latches: &[BlockId], value: Sym, state: &State, func: FuncId) -> Exit {
        if let Some(exit) = self.exit_by_length(trace, natural, latches, value, state, func) {
            return exit;
        }
        if let Some(exit) = self.exit_by_regex(value, natural, func) {
            return exit;
        }
        // The value taken from a collection in the condition itself.
        let taken = self
            .collection_ops
            .get(&(func, self.frame().ctx))
            .into_iter()
            .flatten()
            .find(|op| op.shrinks && op.added.contains(&value))
            .cloned();
        if let Some(op) = taken
            && let Some(exit) = self.exit_by_shrinking(trace, natural, latches, op.collection, state, func)
        {
            return exit;
        }
        if let Some(exit) = self.exit_by_slicing(trace, natural, latches, value) {
            return exit;
        }
        if let Value::Prop(of, PropKey::Name(name)) = self.model.symbols.value(value).clone()
            && &*name == "done"
        {
            if self.is_endless_iterator(state, of) {
                return Exit::Stuck("the iterator it asks never ends".into(), Vec::new());
            }
            return Exit::Ranked(Size::Bounded);
        }
        if let Some(next) = self.next_values(trace, natural, latches, value)
            && next.iter().all(|&(n, _)| self.descends(n, value, 0))
        {
            return Exit::Ranked(self.size_of_collection(state, value));
        }
        if self.shrinks_towards_zero(trace, natural, latches, value) {
            return Exit::Ranked(Size::Bounded);
        }
        let facts = self.model.facts(state, value);
        let step = self.movement(trace, natural, latches, value, state);
        if facts.types.only(Types::NUMERIC) && step.known && step.moves {
            let entry = trace.before.get(&natural.header).cloned();
            let start = entry.map(|s| self.start_facts(trace, natural, value, &s)).unwrap_or(facts);
            let counts_down = step.range == Interval::point(-1.0) && start.integer && start.range.lo >= 0.0;
            if counts_down {
                let zero = self.model.symbols.number(0.0);
                let still = Movement::still();
                return Exit::Ranked(self.trip_size(trace, natural, zero, value, state, &still, &step));
            }
            if let Some(source) = self.influence(state, value) {
                return Exit::Stuck(format!("it ends only at exactly 0, and `{}` may be negative or fractional", source.path), Vec::new());
            }
        }
        self.exit_other(trace, natural, latches, value, state, func)
    }

    fn start_facts(&mut self, trace: &Trace, natural: &NaturalLoop, value: Sym, before: &State) -> super::facts::Facts {
        let _ = trace;
        match self.header_slot(natural, value).and_then(|slot| before.slots.get(&slot).copied()) {
            Some(start) => self.model.facts(before, start),
            None => self.model.facts(before, value),
        }
    }

    fn header_slot(&self, natural: &NaturalLoop, value: Sym) -> Option<super::ir::SlotId> {
        match self.model.symbols.value(value) {
            Value::Phi(site) => match site.what {
                SiteKind::Slot(block, slot) if block == natural.header => Some(slot),
                _ => None,
            },
            _ => None,
        }
    }

    /// `while ((m = re.exec(text)))`: each call goes on where the last one ended.
    fn exit_by_regex(&mut self, value: Sym, natural: &NaturalLoop, func: FuncId) -> Option<Exit> {
        let (regex, text) = self.model.symbols.leaves(value).into_iter().find_map(|l| self.exec_results.get(&l).cloned())?;
        let Some(regex) = regex else {
            return Some(Exit::Unknown("whether the expression goes on after each match could not be shown".into()));
        };
        let Value::Regex { pattern, flags } = self.model.symbols.value(regex).clone() else { return None };
        if !flags.contains(['g', 'y']) {
            return Some(Exit::Stuck(
                "`exec` starts from the beginning in every round: its expression has neither `g` nor `y`".into(),
                Vec::new(),
            ));
        }
        let graph = self.graphs[func.index()].clone();
        let body = self.model.ir.body(func);
        let made_here = graph.blocks_of(natural).iter().any(|b| {
            body.blocks[b.index()]
                .ops
                .iter()
                .any(|r| matches!(&body.ops[r.index()].kind, OpKind::Regex { pattern: p, .. } if **p == *pattern))
        });
        if made_here {
            return Some(Exit::Stuck(
                "the expression is made anew in every round, so `exec` always starts from the beginning".into(),
                Vec::new(),
            ));
        }
        let matches_nothing = regress::Regex::with_flags(&pattern, &*flags).is_ok_and(|r| r.find("").is_some());
        if matches_nothing && !self.writes_last_index(func, natural) {
            return Some(Exit::Stuck(
                "the expression can match nothing at all, and `exec` does not go on after an empty match".into(),
                Vec::new(),
            ));
        }
        let size = text.map_or(Size::Bounded, |text| self.size_of_collection(&State::default(), text));
        Some(Exit::Ranked(size))
    }

    fn writes_last_index(&self, func: FuncId, natural: &NaturalLoop) -> bool {
        let graph = &self.graphs[func.index()];
        let body = self.model.ir.body(func);
        graph.blocks_of(natural).iter().any(|b| {
            body.blocks[b.index()]
                .ops
                .iter()
                .any(|r| matches!(&body.ops[r.index()].kind, OpKind::Set { key: super::ir::Key::Name(name), .. } if name == "lastIndex"))
        })
    }

    /// `node = node.next`: a proper part of finite data.
    fn descends(&self, new: Sym, old: Sym, depth: u32) -> bool {
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

    fn merged_descends(&self, new: Sym, old: Sym, depth: u32) -> bool {
        let mut parts = self.model.symbols.operands(new).peekable();
        parts.peek().is_some() && parts.all(|p| self.descends(p, old, depth + 1))
    }

    /// A test that is none of the known shapes: endless only if it cannot change.
    fn exit_other(&mut self, trace: &Trace, natural: &NaturalLoop, _latches: &[BlockId], cond: Sym, state: &State, func: FuncId) -> Exit {
        let cfg = self.graphs[func.index()].clone();
        let blocks = cfg.blocks_of(natural);
        let ctx = self.frame().ctx;
        let made_inside = |site: &super::symbol::Site| {
            site.ctx != ctx
                || site.func != func
                || match site.what {
                    SiteKind::Op(reg, _) => self.block_of(func, reg).is_none_or(|b| blocks.contains(&b)),
                    SiteKind::Slot(b, _) | SiteKind::Field(b, ..) | SiteKind::Elements(b, _) => blocks.contains(&b),
                    SiteKind::Return => true,
                }
        };
        let varies = self.model.symbols.contains(cond, &|_, value| match value {
            Value::Phi(site) | Value::Opaque(site) => made_inside(site),
            Value::Instance(..) | Value::Alloc { .. } | Value::Version(..) => true,
            Value::Prop(base, _) => matches!(self.model.symbols.value(*base), Value::Alloc { .. } | Value::Phi(_)),
            _ => false,
        });
        let _ = (trace, state);
        if varies {
            Exit::Unknown("no progress towards its exit could be shown".into())
        } else {
            Exit::Stuck("none of the values in its condition changes in it".into(), Vec::new())
        }
    }

    fn block_of(&self, func: FuncId, reg: super::ir::Reg) -> Option<BlockId> {
        let body = self.model.ir.body(func);
        body.blocks.iter().position(|b| b.ops.contains(&reg)).map(|i| BlockId(i as u32))
    }

    /// Values that a header's merge has at the end of each round, with the state there.
    fn next_values(&self, trace: &Trace, natural: &NaturalLoop, latches: &[BlockId], sym: Sym) -> Option<Vec<(Sym, State)>> {
        let mut next = Vec::new();
        for &latch in latches {
            let state = trace.back.get(&(natural.header, latch))?;
            let value = match self.model.symbols.value(sym) {
                Value::Phi(site) => match &site.what {
                    SiteKind::Slot(block, slot) if *block == natural.header => state.slots.get(slot).copied()?,
                    SiteKind::Field(block, object, key) if *block == natural.header => {
                        let object = state.object(*object)?;
                        if &**key == "[[time]]" {
                            object.time?
                        } else {
                            match object.fields.get(key)? {
                                Field::Value(value) => *value,
                                _ => return None,
                            }
                        }
                    }
                    _ => return None,
                },
                Value::Prop(base, PropKey::Name(key)) if &**key == "[[time]]" => {
                    let Value::Phi(site) = self.model.symbols.value(*base) else { return None };
                    let SiteKind::Slot(block, slot) = site.what else { return None };
                    if block != natural.header {
                        return None;
                    }
                    let date = state.slots.get(&slot).copied()?;
                    match super::refine::date_time(&self.model, state, date) {
                        Some(time) => time,
                        None if date == *base => sym,
                        None => return None,
                    }
                }
                _ => return None,
            };
            next.push((value, state.clone()));
        }
        Some(next)
    }

    /// How a measure moves per round.
    fn movement(&mut self, trace: &Trace, natural: &NaturalLoop, latches: &[BlockId], measure: Sym, state: &State) -> Movement {
        let mut bases = Vec::new();
        self.loop_bases(natural, measure, &mut bases, 0);
        bases.sort();
        bases.dedup();
        match bases[..] {
            [] => {
                let varies = self.varies_inside(natural, measure);
                Movement { known: !varies, ..Movement::still() }
            }
            [base] => {
                let sign = self.direction(measure, base, 0);
                let Some(next) = self.next_values(trace, natural, latches, base) else { return Movement::unknown() };
                let mut joined: Option<Interval> = None;
                let mut source = None;
                for (value, at) in next {
                    match self.difference(value, base, &at, 0) {
                        Some(step) => joined = Some(joined.map_or(step.range, |j| j.join(step.range))),
                        None => return Movement { source: self.step_source(value, base, state), moves: true, ..Movement::unknown() },
                    }
                    if source.is_none() {
                        source = self.step_source(value, base, &at);
                    }
                }
                let range = joined.unwrap_or(Interval::point(0.0));
                let moves = range != Interval::point(0.0);
                let unsure = range.lo <= 0.0 && range.hi >= 0.0;
                let source = if unsure { source } else { None };
                match sign {
                    Some(true) => Movement { range, moves, known: true, source },
                    Some(false) => Movement { range: range.neg(), moves, known: true, source },
                    None => Movement { moves, source, ..Movement::unknown() },
                }
            }
            _ => self.joint_movement(trace, natural, latches, &bases, measure),
        }
    }

    /// Two variables that move together, as in `hi - lo`.
    fn joint_movement(&mut self, trace: &Trace, natural: &NaturalLoop, latches: &[BlockId], bases: &[Sym], measure: Sym) -> Movement {
        let mut total = Interval::point(0.0);
        for &base in bases {
            let Some(sign) = self.direction(measure, base, 0) else { return Movement { moves: true, ..Movement::unknown() } };
            let Some(next) = self.next_values(trace, natural, latches, base) else {
                return Movement { moves: true, ..Movement::unknown() };
            };
            let mut joined: Option<Interval> = None;
            for (value, at) in next {
                let Some(step) = self.difference(value, base, &at, 0) else { return Movement { moves: true, ..Movement::unknown() } };
                joined = Some(joined.map_or(step.range, |j| j.join(step.range)));
            }
            let step = joined.unwrap_or(Interval::point(0.0));
            total = total.add(if sign { step } else { step.neg() });
        }
        Movement { range: total, moves: true, known: true, source: None }
    }

    fn varies_inside(&self, natural: &NaturalLoop, sym: Sym) -> bool {
        let _ = natural;
        self.model.symbols.contains(sym, &|_, value| match value {
            Value::Opaque(_) | Value::Instance(..) | Value::Version(..) => true,
            Value::Phi(_) => false,
            Value::Prop(base, _) => matches!(self.model.symbols.value(*base), Value::Alloc { .. }),
            _ => false,
        })
    }

    /// Merges at the loop's header that the measure is made of.
    fn loop_bases(&self, natural: &NaturalLoop, sym: Sym, out: &mut Vec<Sym>, depth: u32) {
        if depth > 10 {
            return;
        }
        match self.model.symbols.value(sym) {
            Value::Phi(site) => match &site.what {
                SiteKind::Slot(block, _) | SiteKind::Field(block, ..) if *block == natural.header => out.push(sym),
                _ => {
                    for part in self.model.symbols.operands(sym) {
                        if part != sym {
                            self.loop_bases(natural, part, out, depth + 1);
                        }
                    }
                }
            },
            Value::Prop(base, PropKey::Name(key)) if &**key == "[[time]]" => {
                if let Value::Phi(site) = self.model.symbols.value(*base)
                    && matches!(site.what, SiteKind::Slot(block, _) if block == natural.header)
                {
                    out.push(sym);
                }
            }
            value => for_each_part(value, |part| self.loop_bases(natural, part, out, depth + 1)),
        }
    }

    /// Whether the measure rises (true) or falls with the base; `None` if neither is known.
    fn direction(&mut self, measure: Sym, base: Sym, depth: u32) -> Option<bool> {
        if measure == base {
            return Some(true);
        }
        if depth > 8 {
            return None;
        }
        let has = |analyzer: &Self, s: Sym| {
            analyzer.model.symbols.contains(s, &|p, _| p == base) || analyzer.model.symbols.leaves(s).contains(&base)
        };
        match self.model.symbols.value(measure).clone() {
            Value::Binary(BinaryOp::Add | BinaryOp::Increment, a, b) => match (has(self, a), has(self, b)) {
                (true, false) => self.direction(a, base, depth + 1),
                (false, true) => self.direction(b, base, depth + 1),
                (true, true) => self.direction(a, base, depth + 1).filter(|&s| Some(s) == self.direction(b, base, depth + 1)),
                _ => None,
            },
            Value::Binary(BinaryOp::Sub, a, b) => match (has(self, a), has(self, b)) {
                (true, false) => self.direction(a, base, depth + 1),
                (false, true) => self.direction(b, base, depth + 1).map(|s| !s),
                _ => None,
            },
            Value::Binary(BinaryOp::Mul, a, b) => {
                let (inner, factor) = if has(self, a) { (a, b) } else { (b, a) };
                if inner == factor || (has(self, a) && has(self, b)) {
                    return self.direction(inner, base, depth + 1);
                }
                let range = self.model.facts(&State::default(), factor).range;
                let sign = if range.lo > 0.0 {
                    Some(true)
                } else if range.hi < 0.0 {
                    Some(false)
                } else {
                    None
                };
                sign.and_then(|s| self.direction(inner, base, depth + 1).map(|d| d == s))
            }
            Value::Binary(BinaryOp::Div | BinaryOp::ShiftRight | BinaryOp::ShiftRightZero, a, b) if has(self, a) && !has(self, b) => {
                self.direction(a, base, depth + 1)
            }
            Value::Call(path, args)
                if path.starts_with("Math.")
                    && matches!(&*path, "Math.floor" | "Math.ceil" | "Math.round" | "Math.trunc" | "Math.sqrt") =>
            {
                self.direction(*args.first()?, base, depth + 1)
            }
            Value::Call(path, args)
                if matches!(&*path, "Number" | "Date.time" | "Math.min" | "Math.max") || path.starts_with("Date.set") =>
            {
                let inner = args.iter().copied().find(|&a| has(self, a))?;
                self.direction(inner, base, depth + 1)
            }
            Value::Unary(UnaryOp::Minus, a) => self.direction(a, base, depth + 1).map(|s| !s),
            Value::Unary(UnaryOp::Plus, a) => self.direction(a, base, depth + 1),
            Value::Phi(_) => {
                let parts: Vec<Sym> = self.model.symbols.operands(measure).filter(|&p| p != measure && has(self, p)).collect();
                let signs: Vec<_> = parts.iter().map(|&p| self.direction(p, base, depth + 1)).collect();
                match signs.first() {
                    Some(first) if signs.iter().all(|s| s == first) => *first,
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `new - base` as an interval, where the structure tells.
    pub fn difference(&mut self, new: Sym, base: Sym, state: &State, depth: u32) -> Option<Movement> {
        if new == base {
            return Some(Movement::still());
        }
        if depth > 10 {
            return None;
        }
        let of = |range: Interval| Some(Movement { range, moves: true, known: true, source: None });
        match self.model.symbols.value(new).clone() {
            Value::Binary(op @ (BinaryOp::Add | BinaryOp::Increment), a, b) => {
                let amount = |analyzer: &mut Self, sym: Sym| analyzer.amount(state, sym);
                if let Some(inner) = self.difference(a, base, state, depth + 1) {
                    let step = amount(self, b);
                    return of(inner.range.add(step));
                }
                if op == BinaryOp::Add
                    && let Some(inner) = self.difference(b, base, state, depth + 1)
                {
                    let step = amount(self, a);
                    return of(inner.range.add(step));
                }
                None
            }
            Value::Binary(BinaryOp::Sub, a, b) => {
                let inner = self.difference(a, base, state, depth + 1)?;
                let step = self.amount(state, b);
                of(inner.range.add(step.neg()))
            }
            Value::Binary(BinaryOp::Mul, a, b) => {
                let factor = if a == base {
                    b
                } else if b == base {
                    a
                } else {
                    return None;
                };
                let (start, by) = (self.model.facts(state, base).range, self.amount(state, factor));
                if start.lo > 0.0 && by.lo > 1.0 {
                    return of(Interval { lo: start.lo * (by.lo - 1.0), hi: f64::INFINITY });
                }
                if start.lo >= 0.0 && by.lo >= 0.0 && by.hi < 1.0 {
                    return of(Interval { lo: f64::NEG_INFINITY, hi: -f64::MIN_POSITIVE });
                }
                None
            }
            Value::Binary(BinaryOp::ShiftLeft, a, _) if a == base => {
                let start = self.model.facts(state, base).range;
                (start.lo > 0.0).then(|| of(Interval { lo: start.lo, hi: f64::INFINITY })).flatten()
            }
            Value::Template(_, parts) if parts.contains(&base) => of(Interval { lo: 1.0, hi: f64::INFINITY }),
            Value::Call(path, args) if path.starts_with("Date.set") => {
                let time = *args.first()?;
                let inner = self.difference(time, base, state, depth + 1)?;
                let step = self.date_step(&path, &args, time, state)?;
                of(inner.range.add(step))
            }
            Value::Call(path, args) if matches!(&*path, "Date.time" | "Number") && args.len() == 1 => {
                self.difference(args[0], base, state, depth + 1)
            }
            // `new Date(y, m, d + 1)` built from the parts of the date itself.
            Value::Call(path, args) if matches!(&*path, "Date.time" | "Date.UTC") && args.len() > 2 => {
                let mut total = Interval::point(0.0);
                for &arg in &args {
                    total = total.add(self.part_step(arg, base, state)?);
                }
                of(total)
            }
            Value::Call(path, args) if matches!(&*path, "Math.min" | "Math.max") => {
                let inner: Vec<Movement> = args.iter().filter_map(|&a| self.difference(a, base, state, depth + 1)).collect();
                let first = inner.first()?;
                if &*path == "Math.max" {
                    of(Interval { lo: first.range.lo, hi: f64::INFINITY })
                } else {
                    of(Interval { lo: f64::NEG_INFINITY, hi: first.range.hi })
                }
            }
            Value::Phi(_) => {
                let parts: Vec<Sym> = self.model.symbols.operands(new).filter(|&p| p != new).collect();
                let mut joined: Option<Interval> = None;
                for part in parts {
                    let step = self.difference(part, base, state, depth + 1)?;
                    joined = Some(joined.map_or(step.range, |j| j.join(step.range)));
                }
                of(joined?)
            }
            _ if self.is_closer_to_zero(new, base, 0) => {
                let start = self.model.facts(state, base).range;
                if start.lo >= 0.0 {
                    of(Interval { lo: f64::NEG_INFINITY, hi: -f64::MIN_POSITIVE })
                } else if start.hi <= 0.0 {
                    of(Interval { lo: f64::MIN_POSITIVE, hi: f64::INFINITY })
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    /// How much is added per round: a number's range; what is not shown to be one counts as anything.
    fn amount(&mut self, state: &State, sym: Sym) -> Interval {
        let facts = self.model.facts(state, sym);
        if facts.types.may(Types::NAN) || facts.types.may(Types::NULLISH) {
            return Interval { lo: f64::NEG_INFINITY, hi: f64::INFINITY };
        }
        if facts.types.only(Types::NUMBER | Types::BOOLEAN) || facts.listed { facts.range } else { Interval::ALL }
    }

    /// `d.setDate(d.getDate() + n)`: the time moves by as much as the part it is set to.
    fn date_step(&mut self, path: &str, args: &[Sym], time: Sym, state: &State) -> Option<Interval> {
        let part = path.strip_prefix("Date.set")?;
        let getter: [String; 2] = [format!("Date.get{part}"), format!("Date.get{}", part.trim_start_matches("UTC"))];
        let value = *args.get(1)?;
        self.step_from_getter(value, &getter, time, state)
    }

    fn step_from_getter(&mut self, value: Sym, getter: &[String; 2], time: Sym, state: &State) -> Option<Interval> {
        match self.model.symbols.value(value).clone() {
            Value::Call(path, args) if getter.iter().any(|g| **g == *path) && args == [time] => Some(Interval::point(0.0)),
            Value::Binary(BinaryOp::Add | BinaryOp::Increment, a, b) => {
                if let Some(inner) = self.step_from_getter(a, getter, time, state) {
                    return Some(inner.add(self.amount(state, b)));
                }
                let inner = self.step_from_getter(b, getter, time, state)?;
                Some(inner.add(self.amount(state, a)))
            }
            Value::Binary(BinaryOp::Sub, a, b) => {
                let inner = self.step_from_getter(a, getter, time, state)?;
                Some(inner.add(self.amount(state, b).neg()))
            }
            _ => None,
        }
    }

    fn part_step(&mut self, part: Sym, base: Sym, state: &State) -> Option<Interval> {
        match self.model.symbols.value(part).clone() {
            Value::Number(_) => Some(Interval::point(0.0)),
            Value::Call(path, args) if path.starts_with("Date.get") && args == [base] => Some(Interval::point(0.0)),
            Value::Binary(BinaryOp::Add, a, b) => Some(self.part_step(a, base, state)?.add(self.amount(state, b))),
            Value::Binary(BinaryOp::Sub, a, b) => Some(self.part_step(a, base, state)?.add(self.amount(state, b).neg())),
            _ => None,
        }
    }

    /// The input that decides the step, if one does.
    fn step_source(&mut self, new: Sym, base: Sym, state: &State) -> Option<InputSource> {
        let mut parts = Vec::new();
        self.collect_steps(new, base, &mut parts, 0);
        for part in parts {
            let facts = self.model.facts(state, part);
            let positive = facts.types.only(Types::NUMBER) && (facts.range.lo > 0.0 || facts.range.hi < 0.0);
            if !positive
                && !facts.listed
                && let Some(source) = self.influence(state, part)
            {
                return Some(source);
            }
        }
        None
    }

    fn collect_steps(&self, new: Sym, base: Sym, out: &mut Vec<Sym>, depth: u32) {
        if depth > 8 || new == base {
            return;
        }
        match self.model.symbols.value(new) {
            Value::Binary(_, a, b) => {
                for part in [*a, *b] {
                    if self.model.symbols.contains(part, &|p, _| p == base) {
                        self.collect_steps(part, base, out, depth + 1);
                    } else {
                        out.push(part);
                    }
                }
            }
            Value::Phi(_) => {
                for part in self.model.symbols.operands(new) {
                    if part != new {
                        self.collect_steps(part, base, out, depth + 1);
                    }
                }
            }
            Value::Call(_, args) => args.iter().for_each(|&a| self.collect_steps(a, base, out, depth + 1)),
            _ => {}
        }
    }

    /// How often a ranked loop may go round.
    #[allow(clippy::too_many_arguments, reason = "the parts of a ranking")]
    fn trip_size(
        &mut self,
        trace: &Trace,
        natural: &NaturalLoop,
        low: Sym,
        high: Sym,
        state: &State,
        up: &Movement,
        down: &Movement,
    ) -> Size {
        let geometric = [low, high].iter().any(|&m| {
            let mut bases = Vec::new();
            self.loop_bases(natural, m, &mut bases, 0);
            bases.iter().any(|&b| self.is_geometric(trace, natural, b))
        });
        if geometric {
            return Size::Bounded;
        }
        let Some(before) = trace.before.get(&natural.header).cloned() else { return Size::Bounded };
        let start = |analyzer: &Self, sym: Sym| analyzer.at_start(natural, &before, sym, 0);
        let (low_start, high_start) = (start(self, low), start(self, high));
        let (l, h) = (low_start.unwrap_or(low), high_start.unwrap_or(high));
        let difference = self.model.symbols.intern(Value::Binary(BinaryOp::Sub, h, l));
        if let Some(span) = self.difference(h, l, &before, 0) {
            let step = self.unit_of(up, down);
            if span.range.hi.is_finite() && span.range.hi / step <= super::limits::BOUND_MAX {
                return Size::Bounded;
            }
        }
        let known = self.model.facts(&before, difference);
        if known.range.hi < f64::INFINITY && known.range.hi <= super::limits::BOUND_MAX * self.unit_of(up, down) {
            return Size::Bounded;
        }
        let _ = state;
        self.size_of_number(&before, difference).max(self.size_of_number(&before, h).min(self.size_of_number(&before, difference)))
    }

    /// A date's measure is in milliseconds: a span of years is not many days.
    fn unit_of(&self, up: &Movement, down: &Movement) -> f64 {
        let step = up.range.add(down.range.neg()).lo;
        if step.is_finite() && step > 1.0 {
            step
        } else if up.range.hi.is_infinite() {
            86_400_000.0
        } else {
            1.0
        }
    }

    fn is_geometric(&mut self, trace: &Trace, natural: &NaturalLoop, base: Sym) -> bool {
        let latches = self.live_latches(trace, natural);
        let Some(next) = self.next_values(trace, natural, &latches, base) else { return false };
        !next.is_empty()
            && next.iter().all(|(n, _)| {
                matches!(self.model.symbols.value(*n), Value::Binary(BinaryOp::Mul | BinaryOp::ShiftLeft, ..))
                    || self.is_closer_to_zero(*n, base, 0)
            })
    }

    /// A measure with the values that the loop begins with.
    fn at_start(&self, natural: &NaturalLoop, before: &State, sym: Sym, depth: u32) -> Option<Sym> {
        if depth > 4 {
            return None;
        }
        match self.model.symbols.value(sym) {
            Value::Phi(site) => match &site.what {
                SiteKind::Slot(block, slot) if *block == natural.header => before.slots.get(slot).copied(),
                SiteKind::Field(block, object, key) if *block == natural.header && &**key == "[[time]]" => before.object(*object)?.time,
                SiteKind::Field(block, object, key) if *block == natural.header => match before.object(*object)?.fields.get(key)? {
                    Field::Value(value) => Some(*value),
                    _ => None,
                },
                _ => None,
            },
            Value::Prop(base, PropKey::Name(key)) if &**key == "[[time]]" => {
                let date = self.at_start(natural, before, *base, depth + 1)?;
                super::refine::date_time(&self.model, before, date)
            }
            Value::Binary(BinaryOp::Add | BinaryOp::Increment | BinaryOp::Sub, a, _) => self.at_start(natural, before, *a, depth + 1),
            _ => None,
        }
    }
}

/// How a value moves from one round to the next.
#[derive(Clone, Debug)]
pub struct Movement {
    /// By how much.
    pub range: Interval,
    /// It does move.
    pub moves: bool,
    /// The range is known.
    pub known: bool,
    /// The input that decides the step.
    pub source: Option<InputSource>,
}

impl Movement {
    fn still() -> Movement {
        Movement { range: Interval::point(0.0), moves: false, known: true, source: None }
    }

    fn unknown() -> Movement {
        Movement { range: Interval::ALL, moves: false, known: false, source: None }
    }
}

fn missing(level: Level, reason: &str) -> Progress {
    Progress::Missing { level, reason: reason.to_owned(), steps: Vec::new() }
}
