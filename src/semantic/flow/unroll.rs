//! Loops over a few values that the program itself lists, interpreted turn by turn: a table of fields
//! and their types, a list of checks, a count that is constant. What one turn finds out then is about the
//! one field it looked at.
//!
//! All turns together are interpreted as well, as of any loop: that is what its ranking and its cost are
//! judged by. But control leaves the loop only as one of its turns does.

use std::collections::{BTreeMap, BTreeSet};

use super::{Analyzer, EXIT, Run, THROWN, Turn};
use crate::semantic::ir::{BlockId, OpKind, Reg, Terminator};
use crate::semantic::limits;
use crate::semantic::state::{Place, State};
use crate::semantic::symbol::{Sym, Value};

/// Pseudo-blocks at which the ways into a loop meet, by its header: no merge of the loop's own.
const ENTRY: u32 = 0x1000_0000;

/// What a run knows of loops that are interpreted turn by turn.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The header of the loop one of whose turns this run interprets.
    pub of: Option<BlockId>,
    /// How the turn ends: from where to where.
    ways: BTreeMap<(BlockId, BlockId), State>,
    /// With which exceptions it ends: where they are raised, where they are caught, and what they are.
    raised: BTreeMap<(BlockId, BlockId), (State, BTreeSet<Option<Sym>>)>,
    /// Whether the turn takes place at all is not known.
    undecided: bool,
    /// The states in which loops are entered, by header and the block they come from.
    entries: BTreeMap<BlockId, BTreeMap<BlockId, State>>,
    /// The states that loops were last interpreted from.
    tried: BTreeMap<BlockId, State>,
    /// Loops that have too many turns, or an unknown number.
    refused: BTreeSet<BlockId>,
}

impl Turns {
    /// Notes a state in which a loop is entered from outside.
    pub fn note_entry(&mut self, header: BlockId, from: BlockId, state: &State) {
        self.entries.entry(header).or_default().insert(from, state.clone());
    }
}

/// What all turns of one loop came to.
#[derive(Default)]
struct Ended {
    ways: BTreeMap<(BlockId, BlockId), State>,
    raised: BTreeMap<(BlockId, BlockId), (State, BTreeSet<Option<Sym>>)>,
    normal: Option<State>,
    thrown: Option<State>,
}

impl Analyzer<'_> {
    /// What an iteration yields, in a turn that is interpreted by itself.
    pub fn element_of_turn(&self, iterator: Reg) -> Option<Sym> {
        self.frame().turns.iter().rev().filter_map(|turn| turn.element).find(|(of, _)| *of == iterator).map(|(_, element)| element)
    }

    /// What an iteration yields from first to last, if all of it is known.
    fn listed(&mut self, state: &State, iterator: Sym) -> Option<Vec<Sym>> {
        let Value::Call(path, args) = self.model.symbols.value(iterator).clone() else { return None };
        match &*path {
            "[[for-of]]" => self.exact_elements(state, args[0]),
            "[[for-in]]" => {
                let names = self.known_names(state, args[0])?;
                Some(names.iter().map(|name| self.model.symbols.string(name)).collect())
            }
            _ => None,
        }
    }
}

impl Run {
    /// The outermost loop around a block, other than the one whose turn this is, that is interpreted turn by turn.
    pub(super) fn unrolled_around(&self, block: BlockId) -> Option<BlockId> {
        if self.trace.unrolled.is_empty() {
            return None;
        }
        self.cfg.headers_around(block).into_iter().find(|header| self.trace.unrolled.contains(header))
    }

    /// The outermost such loop around the loop at `header`.
    fn unrolled_outside(&self, header: BlockId) -> Option<BlockId> {
        self.unrolled_around(header).filter(|outer| *outer != header)
    }

    fn is_inside(&self, header: BlockId, block: BlockId) -> bool {
        self.cfg.loop_at(header).is_some_and(|blocks| blocks.contains(&block))
    }

    /// Whether going to `to` ends the turn that this run interprets.
    fn ends_turn(&self, to: BlockId) -> bool {
        self.turns.of.is_some_and(|header| to == header || !self.is_inside(header, to))
    }

    pub(super) fn place(&self, analyzer: &Analyzer<'_>, block: BlockId) -> Place {
        Place::meeting(analyzer.frame().ctx, self.func, block)
    }

    /// Notes whether the branch at the header of this run's loop went one way only.
    pub(super) fn note_decision(&mut self, block: BlockId, ways: &[(BlockId, Option<State>); 2]) {
        if self.turns.of == Some(block) && ways.iter().all(|(_, way)| way.is_some()) {
            self.turns.undecided = true;
        }
    }

    /// Keeps a state that ends this run's turn, and drops one that leaves a loop whose turns say how it is
    /// left. Gives back any other.
    pub(super) fn divert(&mut self, from: BlockId, to: BlockId, state: State) -> Option<State> {
        self.divert_from(self.unrolled_around(from), from, to, state)
    }

    fn divert_from(&mut self, unrolled: Option<BlockId>, from: BlockId, to: BlockId, state: State) -> Option<State> {
        if unrolled.is_some_and(|header| !self.is_inside(header, to)) {
            return None;
        }
        if !self.ends_turn(to) {
            return Some(state);
        }
        // A block's way out is what it says now, not what it ever said.
        self.turns.ways.insert((from, to), state);
        None
    }

    /// The same for an exception. True if it goes no further in this run.
    pub(super) fn divert_exception(
        &mut self,
        analyzer: &mut Analyzer<'_>,
        from: BlockId,
        handler: BlockId,
        state: &State,
        value: Option<Sym>,
    ) -> bool {
        let unrolled = self.unrolled_around(from);
        self.divert_exception_from(analyzer, unrolled, (from, handler), state, value)
    }

    fn divert_exception_from(
        &mut self,
        analyzer: &mut Analyzer<'_>,
        unrolled: Option<BlockId>,
        way: (BlockId, BlockId),
        state: &State,
        value: Option<Sym>,
    ) -> bool {
        if unrolled.is_some_and(|header| !self.is_inside(header, way.1)) {
            return true;
        }
        if !self.ends_turn(way.1) {
            return false;
        }
        let place = self.place(analyzer, way.1);
        join_exception(analyzer, &mut self.turns.raised, way, (state.clone(), BTreeSet::from([value])), place);
        true
    }

    /// Interprets the loop at `header` turn by turn from the states in which it is entered, if it has but
    /// a few turns, and goes on where they lead.
    pub(super) fn unroll(&mut self, analyzer: &mut Analyzer<'_>, header: BlockId) {
        if self.turns.of == Some(header) || self.turns.refused.contains(&header) || analyzer.sweeping || analyzer.journal.is_some() {
            return;
        }
        let Some(entry) = self.entry_of(analyzer, header) else { return };
        if self.turns.tried.get(&header) == Some(&entry) {
            return;
        }
        self.turns.tried.insert(header, entry.clone());
        let yielded = analyzer.yields.last().cloned();
        if self.take_turns(analyzer, header, entry).is_none() {
            self.turns.refused.insert(header);
            // What turns yielded that are not taken after all is yielded by all of them together.
            if let (Some(now), Some(before)) = (analyzer.yields.last_mut(), yielded) {
                *now = before;
            }
            if self.trace.unrolled.remove(&header) {
                self.work.extend(self.live_blocks(header).into_iter().map(|block| self.cfg.position(block)));
            }
        }
    }

    fn live_blocks(&self, header: BlockId) -> Vec<BlockId> {
        let blocks = self.cfg.loop_at(header).unwrap_or_default().iter().copied();
        blocks.filter(|block| self.trace.entry[block.index()].is_some()).collect()
    }

    /// The same once more, to observe it.
    pub(super) fn observe_turns(&mut self, analyzer: &mut Analyzer<'_>, header: BlockId) {
        if let Some(entry) = self.entry_of(analyzer, header) {
            self.take_turns(analyzer, header, entry);
        }
    }

    fn entry_of(&mut self, analyzer: &mut Analyzer<'_>, header: BlockId) -> Option<State> {
        let entries = self.turns.entries.get(&header)?.clone();
        let mut states = entries.into_values();
        let mut joined = states.next()?;
        let place = self.place(analyzer, BlockId(ENTRY + header.0));
        for state in states {
            joined.join(&mut analyzer.model, &state, place);
        }
        Some(joined)
    }

    /// Takes one turn after the other. Nothing, if it cannot be told how many there are, or too many are.
    fn take_turns(&mut self, analyzer: &mut Analyzer<'_>, header: BlockId, entry: State) -> Option<()> {
        let ir = analyzer.model.ir.clone();
        let body = ir.body(self.func);
        let operations: usize = self.cfg.loop_at(header)?.iter().map(|b| body.blocks[b.index()].ops.len()).sum();
        let (mark, iteration) = match body.blocks[header.index()].end {
            Terminator::Branch { cond, .. } => (cond, None),
            Terminator::Next { iterator, body: first, done } => {
                let next = body.blocks[first.index()].ops.iter().find(|reg| matches!(body.ops[reg.index()].kind, OpKind::Next(_)));
                (next.copied().unwrap_or(iterator), Some((iterator, done)))
            }
            _ => return None,
        };
        let (mut ended, mut state) = (Ended::default(), entry);
        for turn in 0.. {
            let mut element = None;
            if let Some((iterator, done)) = iteration {
                let elements = analyzer.listed(&state, self.trace.registers[iterator.index()]?)?;
                if elements.len() > limits::TURNS_MAX {
                    return None;
                }
                if turn == elements.len() {
                    self.keep_way(analyzer, &mut ended, (header, done), state);
                    break;
                }
                element = Some((iterator, elements[turn]));
            }
            if turn >= limits::TURNS_MAX || (turn + 1) * operations > limits::TURN_OPERATIONS_MAX || !analyzer.has_budget() {
                return None;
            }
            let run = self.turn(analyzer, Turn { header, element }, mark, turn, state);
            if run.turns.undecided || run.trace.gave_up {
                return None;
            }
            match self.keep_end(analyzer, &mut ended, header, run) {
                Some(again) => state = again,
                None => break,
            }
        }
        self.trace.unrolled.insert(header);
        self.deliver(analyzer, header, ended);
        Some(())
    }

    /// Interprets one turn and, when observing, observes it.
    fn turn(&mut self, analyzer: &mut Analyzer<'_>, turn: Turn, mark: Reg, nth: usize, state: State) -> Run {
        let ctx = analyzer.frame().ctx;
        let own = analyzer.model.symbols.turn(ctx, self.func, mark, nth, false);
        let frame = analyzer.frame_mut();
        frame.ctx = own;
        frame.turns.push(turn);
        let mut run = Run::new(analyzer, state);
        run.trace.entry.swap(0, turn.header.index());
        run.trace.registers.clone_from(&self.trace.registers);
        run.caught = self.caught.clone();
        run.turns.of = Some(turn.header);
        run.work = BTreeSet::from([self.cfg.position(turn.header)]);
        let observing = std::mem::replace(&mut analyzer.reporting, false);
        run.fixpoint(analyzer);
        if observing {
            analyzer.reporting = true;
            let blocks: Vec<BlockId> = self.cfg.order().iter().copied().filter(|&block| self.is_inside(turn.header, block)).collect();
            run.observe_blocks(analyzer, &blocks);
        }
        let frame = analyzer.frame_mut();
        frame.ctx = ctx;
        frame.turns.pop();
        run
    }

    fn keep_way(&self, analyzer: &mut Analyzer<'_>, ended: &mut Ended, way: (BlockId, BlockId), state: State) {
        let place = self.place(analyzer, way.1);
        let mut known = ended.ways.remove(&way);
        join(analyzer, &mut known, state, place);
        ended.ways.extend(known.map(|state| (way, state)));
    }

    /// Keeps how a turn ended. Gives the state in which the next one begins, if there is one.
    fn keep_end(&self, analyzer: &mut Analyzer<'_>, ended: &mut Ended, header: BlockId, run: Run) -> Option<State> {
        let mut again = None;
        for (way, state) in run.turns.ways {
            if way.1 == header {
                let place = self.place(analyzer, BlockId(ENTRY + header.0));
                join(analyzer, &mut again, state, place);
            } else {
                self.keep_way(analyzer, ended, way, state);
            }
        }
        for (way, exception) in run.turns.raised {
            let place = self.place(analyzer, way.1);
            join_exception(analyzer, &mut ended.raised, way, exception, place);
        }
        for (kept, new, by) in [(&mut ended.normal, run.normal, EXIT), (&mut ended.thrown, run.thrown, THROWN)] {
            let place = self.place(analyzer, by);
            if let Some(new) = new {
                join(analyzer, kept, new, place);
            }
        }
        again
    }

    /// Goes on where the turns of a loop lead.
    fn deliver(&mut self, analyzer: &mut Analyzer<'_>, header: BlockId, ended: Ended) {
        let outer = self.unrolled_outside(header);
        for ((from, to), state) in ended.ways {
            if let Some(state) = self.divert_from(outer, from, to, state) {
                self.go(analyzer, from, to, state);
            }
        }
        for (way, (state, values)) in ended.raised {
            for value in values {
                if !self.divert_exception_from(analyzer, outer, way, &state, value) {
                    self.catch(analyzer, way.1, &state, value);
                }
            }
        }
        if outer.is_none() {
            for (state, by) in [(ended.normal, EXIT), (ended.thrown, THROWN)] {
                if let Some(state) = state {
                    self.end(analyzer, state, by);
                }
            }
        }
    }
}

fn join(analyzer: &mut Analyzer<'_>, kept: &mut Option<State>, state: State, place: Place) {
    match kept {
        Some(known) => {
            known.join(&mut analyzer.model, &state, place);
        }
        None => *kept = Some(state),
    }
}

fn join_exception(
    analyzer: &mut Analyzer<'_>,
    kept: &mut BTreeMap<(BlockId, BlockId), (State, BTreeSet<Option<Sym>>)>,
    way: (BlockId, BlockId),
    exception: (State, BTreeSet<Option<Sym>>),
    place: Place,
) {
    match kept.get_mut(&way) {
        Some((known, values)) => {
            known.join(&mut analyzer.model, &exception.0, place);
            values.extend(exception.1);
        }
        None => {
            kept.insert(way, exception);
        }
    }
}
