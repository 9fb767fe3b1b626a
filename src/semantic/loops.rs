//! Why a loop ends: a ranking argument over its natural loop, or the reason why none was found.
//!
//! An exit test compares a measure with a bound. The measure's symbol at the end of a round, less its
//! symbol at the start, is its step; if every round that passes the test moves the measure towards
//! the bound by a positive amount, the loop ends (Floyd's method of well-founded orders, for the
//! measures that small programs use: counters, lengths, dates, structural descent, iterators). Where
//! all rounds together do not show it, each way round the loop is judged by itself: several measures
//! may then take turns (a lexicographic ranking), and a way that leaves everything it depends on as
//! it was repeats for ever.

mod exits;
mod movement;
mod rounds;
mod shrinking;
mod stutter;
mod trips;

use std::collections::BTreeMap;
use std::rc::Rc;

use super::cfg::NaturalLoop;
use super::cost::{Rounds, Size};
use super::flow::{Analyzer, Args, Trace};
use super::graph::Graph;
use super::ir::{BlockId, FuncId, LoopKind, OpKind, Reg, Terminator};
use super::observe::{LoopVerdict, Step};
use super::state::{Field, State};
use super::symbol::{AllocKind, PropKey, Site, SiteKind, Sym, Value};
use crate::finding::Level;
use crate::source::TextRange;

pub use movement::Movement;
use rounds::Round;

/// Pseudo-blocks at which what several calls of one function change comes to be.
const CALLS: u32 = 0x7000_0000;
pub use rounds::{Change, GrowthPlace, Mutation};

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
    /// Nothing prevents that the measure never gets to the bound: why.
    Stuck(String),
    /// The rounds that were looked at do not bring the measure closer.
    Still(String),
    Unknown(String),
}

/// A loop under judgement: all its rounds together, or one way round it.
struct Turns<'t> {
    func: FuncId,
    cfg: &'t Graph,
    trace: &'t Trace,
    natural: &'t NaturalLoop,
    /// Where the rounds in question end, and in which states.
    ends: Vec<(BlockId, State)>,
    /// The one way round that is looked at.
    round: Option<&'t Round>,
}

/// A branch that may leave the loop.
struct ExitTest {
    at: BlockId,
    cond: Sym,
    stays_if: bool,
    state: State,
}

impl Analyzer<'_> {
    /// Judges every source loop of an activation whose fixpoint is known. Gives what is known of
    /// each loop's number of rounds, by header.
    pub fn judge_loops(&mut self, cfg: &Graph, func: FuncId, trace: &Trace) -> BTreeMap<BlockId, Rounds> {
        let mut sizes = BTreeMap::new();
        for natural in cfg.loops() {
            let ir = self.model.ir.clone();
            let Some(head) = ir.body(func).blocks[natural.header.index()].loop_head else { continue };
            if trace.entry[natural.header.index()].is_none() {
                continue;
            }
            let progress = match trace.unrolled.contains(&natural.header) {
                true => Progress::Shown(Size::Bounded),
                false => self.progress(cfg, func, trace, natural, head.kind),
            };
            let endless = match progress {
                Progress::Shown(size) => {
                    let turns = Turns { func, cfg, trace, natural, ends: ends(trace, natural), round: None };
                    let (most, bound) = self.most_rounds(&turns);
                    self.observe_growth(cfg, func, trace, natural.header, most, &bound);
                    sizes.insert(natural.header, Rounds { size, most, bound });
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
        let latches = live_latches(trace, natural);
        !latches.is_empty()
            && body.blocks.iter().enumerate().any(|(i, block)| {
                let id = BlockId(i as u32);
                let yields = block.ops.iter().any(|r| matches!(body.ops[r.index()].kind, OpKind::Yield { .. }));
                yields && latches.iter().all(|&latch| cfg.dominates(id, latch)) && cfg.dominates(natural.header, id)
            })
    }

    fn progress(&mut self, cfg: &Graph, func: FuncId, trace: &Trace, natural: &NaturalLoop, kind: LoopKind) -> Progress {
        let turns = Turns { func, cfg, trace, natural, ends: ends(trace, natural), round: None };
        if turns.ends.is_empty() || trace.gave_up {
            return Progress::Shown(Size::Bounded);
        }
        if matches!(kind, LoopKind::ForOf | LoopKind::ForIn) {
            return self.iteration_progress(&turns);
        }
        let live = |block: BlockId| trace.entry[block.index()].is_some();
        let exits = natural.exits.iter().filter(|&&(from, to)| live(from) && live(to) && !self.is_handler(func, from, to)).count();
        if exits == 0 {
            if self.calls_may_throw(cfg, func, natural) {
                return missing(Level::Warning, "its only way out is an exception that a call in it may throw");
            }
            return missing(
                Level::Error,
                "nothing in it leaves it: no reachable `break`, `return` or `throw`, and no condition that can become false",
            );
        }
        let tests = self.exit_tests(&turns);
        let ranked = self.ranked_by_one_test(&turns, &tests);
        match ranked {
            Some(size) if size == Size::Bounded || tests.len() == 1 => Progress::Shown(size),
            Some(size) => Progress::Shown(self.limited_by_another_test(&turns, &tests, size)),
            None => self.progress_by_rounds(&turns, &tests, exits),
        }
    }

    /// A loop that ends may end earlier by a test that only single ways round can judge.
    fn limited_by_another_test(&mut self, turns: &Turns<'_>, tests: &[ExitTest], size: Size) -> Size {
        let Some(rounds) = self.rounds(turns) else { return size };
        let all: Vec<&Round> = rounds.iter().collect();
        let sizes = tests.iter().filter_map(|test| self.settles(turns, test, &all).filter(|(_, rest)| rest.is_empty()));
        sizes.map(|(size, _)| size).fold(size, Size::min)
    }

    /// The branches that may leave the loop, with their conditions.
    fn exit_tests(&self, turns: &Turns<'_>) -> Vec<ExitTest> {
        let body = self.model.ir.body(turns.func);
        let live = |block: BlockId| turns.trace.entry[block.index()].is_some();
        let mut tests = Vec::new();
        for &(from, to) in &turns.natural.exits {
            let Terminator::Branch { then, .. } = body.blocks[from.index()].end else { continue };
            if let (true, Some((cond, state))) = (live(from) && live(to), turns.trace.conditions.get(&from)) {
                tests.push(ExitTest { at: from, cond: *cond, stays_if: then != to, state: state.clone() });
            }
        }
        tests
    }

    /// One test that every round passes shows that the loop ends.
    fn ranked_by_one_test(&mut self, turns: &Turns<'_>, tests: &[ExitTest]) -> Option<Size> {
        let mut best: Option<Size> = None;
        for test in tests.iter().filter(|t| turns.ends.iter().all(|&(latch, _)| turns.cfg.dominates(t.at, latch))) {
            if self.is_resized_measure(test.cond) {
                continue;
            }
            if let Exit::Ranked(size) = self.exit_test(turns, test.cond, test.stays_if, &test.state) {
                best = Some(best.map_or(size.clone(), |known| known.min(size)));
            }
        }
        best
    }

    /// Judges every way round the loop by itself.
    fn progress_by_rounds(&mut self, turns: &Turns<'_>, tests: &[ExitTest], exits: usize) -> Progress {
        let rounds = self.rounds(turns);
        if let Some(rounds) = &rounds {
            if let Some(size) = self.ranked_in_turn(turns, tests, rounds) {
                return Progress::Shown(size);
            }
            if let Some(reason) = rounds.iter().find_map(|round| self.repeats_for_ever(turns, round, rounds)) {
                return missing(Level::Error, &reason);
            }
            if rounds.iter().any(|round| round.awaits) && self.waits_for_another(turns) {
                return missing(Level::Warning, "it waits for something that another function may change");
            }
        }
        let (mut stuck, mut unknown): (Option<String>, Option<String>) = (None, None);
        if tests.len() < exits {
            unknown = Some("the way out depends on an iteration inside it".into());
        }
        for test in tests {
            if !turns.ends.iter().all(|&(latch, _)| turns.cfg.dominates(test.at, latch)) {
                unknown.get_or_insert("not every round reaches the test that leaves it".into());
                continue;
            }
            let verdicts: Vec<Exit> = match &rounds {
                Some(rounds) => rounds.iter().map(|round| self.exit_of_round(turns, test, round)).collect(),
                None => vec![self.exit_test(turns, test.cond, test.stays_if, &test.state)],
            };
            match together(verdicts) {
                Exit::Stuck(reason) | Exit::Still(reason) => drop(stuck.get_or_insert(reason)),
                Exit::Unknown(reason) => drop(unknown.get_or_insert(reason)),
                Exit::Ranked(_) => {}
            }
        }
        match (stuck, unknown) {
            (Some(reason), None) => missing(Level::Error, &reason),
            (Some(reason), Some(_)) => missing(Level::Warning, &reason),
            (None, reason) => missing(Level::Warning, &reason.unwrap_or_else(|| "no progress towards its exit could be shown".into())),
        }
    }

    /// What an exit test says of one way round.
    fn exit_of_round(&mut self, turns: &Turns<'_>, test: &ExitTest, round: &Round) -> Exit {
        let way = turns.of(round);
        let (cond, state) = match round.tests.iter().find(|(at, ..)| *at == test.at) {
            Some((_, cond, _, state)) => (*cond, state.clone()),
            None => (test.cond, test.state.clone()),
        };
        self.exit_test(&way, cond, test.stays_if, &state)
    }

    /// A lexicographic ranking: a test whose measure some ways round bring closer to its bound and no
    /// other way moves at all settles those ways; then the next test has to settle the rest.
    fn ranked_in_turn(&mut self, turns: &Turns<'_>, tests: &[ExitTest], rounds: &[Round]) -> Option<Size> {
        let mut open: Vec<&Round> = rounds.iter().collect();
        let mut total = Size::Bounded;
        let mut unused: Vec<&ExitTest> = tests.iter().collect();
        while !open.is_empty() {
            let mut settled = None;
            for (at, test) in unused.iter().enumerate() {
                let Some((size, rest)) = self.settles(turns, test, &open) else { continue };
                settled = Some((at, size, rest));
                break;
            }
            let (at, size, rest) = settled?;
            unused.remove(at);
            total = total.max(size);
            open = rest;
        }
        Some(total)
    }

    /// The ways round that a test leaves unsettled, if it settles some and harms none.
    fn settles<'r>(&mut self, turns: &Turns<'_>, test: &ExitTest, open: &[&'r Round]) -> Option<(Size, Vec<&'r Round>)> {
        let mut rest = Vec::new();
        let mut most: Option<Size> = None;
        for &round in open {
            if let (true, Exit::Ranked(size)) = (round.passes(test.at), self.exit_of_round(turns, test, round)) {
                most = Some(most.map_or(size.clone(), |m| m.max(size)));
            } else if self.leaves_as_it_was(turns, round, test.cond) {
                rest.push(round);
            } else {
                return None;
            }
        }
        most.map(|size| (size, rest))
    }

    fn is_handler(&self, func: FuncId, from: BlockId, to: BlockId) -> bool {
        self.model.ir.body(func).blocks[from.index()].handler == Some(to)
    }

    fn calls_may_throw(&self, cfg: &Graph, func: FuncId, natural: &NaturalLoop) -> bool {
        let body = self.model.ir.body(func);
        cfg.blocks_of(natural).iter().any(|b| body.blocks[b.index()].ops.iter().any(|r| self.throwing.contains(&(func, *r))))
    }

    fn iteration_progress(&mut self, turns: &Turns<'_>) -> Progress {
        let ir = self.model.ir.clone();
        let (natural, trace) = (turns.natural, turns.trace);
        let Terminator::Next { iterator, done, .. } = ir.body(turns.func).blocks[natural.header.index()].end else {
            return Progress::Shown(Size::Bounded);
        };
        let Some(iterator) = trace.registers[iterator.index()] else { return Progress::Shown(Size::Bounded) };
        let of = self.iterated(iterator);
        let Some(state) = trace.entry[natural.header.index()].clone() else { return Progress::Shown(Size::Bounded) };
        let is_live = |block: BlockId| trace.entry[block.index()].is_some();
        let leaves = natural.exits.iter().any(|&(from, to)| to != done && is_live(from) && is_live(to));
        let endless = self.is_endless_iterator(&state, of);
        if endless && !leaves {
            return missing(Level::Error, "it iterates over a generator that never ends, and nothing in it leaves it");
        }
        let tests = if leaves { self.exit_tests(turns) } else { Vec::new() };
        let limited = self.ranked_by_one_test(turns, &tests);
        if let (None, Some(missing)) = (&limited, self.growth_while_iterated(turns, of, leaves)) {
            return missing;
        }
        if endless {
            return match limited.or_else(|| self.rounds(turns).and_then(|rounds| self.ranked_in_turn(turns, &tests, &rounds))) {
                Some(size) => Progress::Shown(self.limited_by_another_test(turns, &tests, size)),
                None => Progress::Shown(Size::Bounded),
            };
        }
        let size = self.size_of_collection(&state, of);
        Progress::Shown(limited.map_or(size.clone(), |limit| limit.min(size)))
    }

    /// The collection that is iterated over grows in some round, or in all.
    fn growth_while_iterated(&mut self, turns: &Turns<'_>, of: Sym, leaves: bool) -> Option<Progress> {
        if !self.is_resized(of) {
            return None;
        }
        let rounds = self.rounds(turns)?;
        let grows: Vec<bool> = rounds.iter().map(|round| self.adds_to(round, of)).collect();
        if !grows.contains(&true) {
            return None;
        }
        Some(match (grows.iter().all(|&g| g), leaves) {
            (true, false) => missing(Level::Error, "the collection it iterates over grows in every round"),
            _ => missing(Level::Warning, "the collection it iterates over grows in it"),
        })
    }

    /// Asks an object's own `[Symbol.iterator]` whether what it gives ever ends.
    pub fn mark_endless(&mut self, state: &mut State, reg: Reg, of: Sym) {
        for leaf in self.model.symbols.leaves(of) {
            let is_plain = matches!(self.model.symbols.value(leaf), Value::Alloc { kind: AllocKind::Object, .. });
            if !is_plain {
                continue;
            }
            let key = PropKey::Name("@@iterator".into());
            let method = self.get(state, reg, leaf, &key);
            if !matches!(self.model.symbols.value(method), Value::Closure(..)) {
                continue;
            }
            let range = self.op(reg).range;
            let Some(iterator) = self.call(state, reg, 6, method, leaf, Args::default(), range).value else { continue };
            if self.is_endless_iterator(state, iterator) || self.never_says_done(state, reg, iterator) {
                let yes = self.model.symbols.boolean(true);
                state.object_mut(leaf).fields.insert("[[endless]]".into(), Field::Value(yes));
            }
        }
    }

    /// An iterator of the program's own whose `next` never gives a `done` that is true.
    fn never_says_done(&mut self, state: &mut State, reg: Reg, iterator: Sym) -> bool {
        let next = self.get(state, reg, iterator, &PropKey::Name("next".into()));
        if !matches!(self.model.symbols.value(next), Value::Closure(..)) {
            return false;
        }
        let mut after_one = state.clone();
        if !self.says_not_done(&mut after_one, reg, next, iterator) {
            return false;
        }
        let mut after_some = self.state_after_some(state, &after_one, reg);
        self.says_not_done(&mut after_some, reg, next, iterator)
    }

    fn says_not_done(&mut self, state: &mut State, reg: Reg, next: Sym, iterator: Sym) -> bool {
        let result = self.call(state, reg, 7, next, iterator, Args::default(), TextRange::default());
        let Some(value) = result.value else { return false };
        let done = self.get(state, reg, value, &PropKey::Name("done".into()));
        !self.model.facts(state, done).truth().0
    }

    /// The state after any number of calls, given that before and after the first: what that one changed may have
    /// gone on to change in the same direction.
    fn state_after_some(&mut self, before: &State, after: &State, reg: Reg) -> State {
        let mut some = after.clone();
        let block = BlockId(CALLS + reg.0);
        let (ctx, func) = (self.frame().ctx, self.frame().func);
        for (slot, &value) in &after.slots {
            let Some(&first) = before.slots.get(slot) else { continue };
            if first != value {
                let site = Rc::new(Site { ctx, func, what: SiteKind::Slot(block, *slot) });
                let any = self.any_later(before, first, after, value, site);
                some.slots.insert(*slot, any);
            }
        }
        for (holder, object) in &after.heap {
            let Some(known) = before.heap.get(holder).filter(|known| *known != object) else { continue };
            for (key, field) in &object.fields {
                if let (Field::Value(value), Some(Field::Value(first))) = (*field, known.fields.get(key).copied())
                    && first != value
                {
                    let site = Rc::new(Site { ctx, func, what: SiteKind::Field(block, *holder, key.clone()) });
                    let any = self.any_later(before, first, after, value, site);
                    some.object_mut(*holder).fields.insert(key.clone(), Field::Value(any));
                }
            }
        }
        some
    }

    fn any_later(&mut self, before: &State, first: Sym, after: &State, value: Sym, site: Rc<Site>) -> Sym {
        let (first, value) = (self.model.facts(before, first), self.model.facts(after, value));
        self.opaque_at(site, first.join(value).widen(first), &[])
    }

    /// Whether iterating the value never ends.
    pub fn is_endless_iterator(&self, state: &State, of: Sym) -> bool {
        self.model.symbols.leaves(of).iter().any(|&l| state.object(l).is_some_and(|o| o.fields.contains_key("[[endless]]")))
    }
}

impl<'t> Turns<'t> {
    /// The same loop, looked at along one way round it.
    fn of(&self, round: &'t Round) -> Turns<'t> {
        Turns {
            func: self.func,
            cfg: self.cfg,
            trace: self.trace,
            natural: self.natural,
            ends: vec![(round.latch(), round.end.clone())],
            round: Some(round),
        }
    }
}

/// What one test says, given what it says of each way round.
fn together(verdicts: Vec<Exit>) -> Exit {
    let (mut still, mut unknown, mut moves) = (None, None, false);
    for verdict in verdicts {
        match verdict {
            Exit::Stuck(_) => return verdict,
            Exit::Still(reason) => drop(still.get_or_insert(reason)),
            Exit::Unknown(reason) => drop(unknown.get_or_insert(reason)),
            Exit::Ranked(_) => moves = true,
        }
    }
    match (still, unknown) {
        (Some(reason), None) if !moves => Exit::Still(reason),
        (Some(_), _) => Exit::Unknown("on some path through it the value that should reach the bound does not move".into()),
        (None, reason) => Exit::Unknown(reason.unwrap_or_else(|| "not every round reaches the test that leaves it".into())),
    }
}

fn live_latches(trace: &Trace, natural: &NaturalLoop) -> Vec<BlockId> {
    natural.latches.iter().copied().filter(|&latch| trace.back.contains_key(&(natural.header, latch))).collect()
}

/// The states at the ends of all rounds.
fn ends(trace: &Trace, natural: &NaturalLoop) -> Vec<(BlockId, State)> {
    let back = |latch| trace.back.get(&(natural.header, latch)).map(|state| (latch, state.clone()));
    live_latches(trace, natural).into_iter().filter_map(back).collect()
}

fn missing(level: Level, reason: &str) -> Progress {
    Progress::Missing { level, reason: reason.to_owned(), steps: Vec::new() }
}
