//! The ways round a loop: each path from the header back to it, interpreted by itself, so that what
//! one way does is not blurred by what another does.

use std::rc::Rc;

use super::Turns;
use crate::semantic::eval::OpResult;
use crate::semantic::flow::Analyzer;
use crate::semantic::ir::{BlockId, FuncId, OpKind, Reg, Terminator};
use crate::semantic::limits;
use crate::semantic::state::State;
use crate::semantic::symbol::{Ctx, PropKey, Site, SiteKind, Sym, Value};

/// Something that was done to an object while a way round was interpreted.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutation {
    /// The object.
    pub object: Sym,
    /// What was done.
    pub change: Change,
}

/// What was done to an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// An element was taken away: which, where that is one value.
    Taken(Option<Sym>),
    /// Elements were put in; a spread puts in any number.
    Added(Vec<Sym>, bool),
    /// Anything else.
    Altered,
}

/// Where a collection grows.
#[derive(Clone, Debug, PartialEq)]
pub struct GrowthPlace {
    /// In which function.
    pub func: FuncId,
    /// In which activation.
    pub ctx: Ctx,
    /// In which block.
    pub block: BlockId,
    /// What the callbacks around it walk over.
    pub over: Vec<Sym>,
}

/// One way round a loop.
pub(super) struct Round {
    /// The blocks it passes, in order; the header is first.
    pub blocks: Vec<BlockId>,
    /// The branches it passes: where, the condition, which way, and in which state.
    pub tests: Vec<(BlockId, Sym, bool, State)>,
    /// What the inner loops it passes iterate over.
    pub iterated: Vec<Sym>,
    /// Headers of the inner loops it passes.
    pub inner: Vec<BlockId>,
    /// What it does to objects, calls included.
    pub mutations: Vec<Mutation>,
    /// The state in which it comes back to the header.
    pub end: State,
    /// It goes through an exception that some operation may raise.
    pub by_exception: bool,
    /// It waits for something.
    pub awaits: bool,
    /// The value of each register on this way.
    pub registers: Vec<Option<Sym>>,
}

impl Round {
    /// The block from which it goes back.
    pub fn latch(&self) -> BlockId {
        self.blocks.last().copied().unwrap_or(BlockId(0))
    }

    /// Whether it passes the branch at `block`.
    pub fn passes(&self, block: BlockId) -> bool {
        self.tests.iter().any(|(at, ..)| *at == block)
    }
}

/// A way round that is being walked.
struct Walk {
    at: BlockId,
    round: Round,
    caught: Option<Sym>,
}

/// All ways round one loop, as they are found.
struct Search {
    open: Vec<Walk>,
    found: Vec<Round>,
    blocks_left: usize,
    complete: bool,
}

impl Analyzer<'_> {
    /// The ways round a loop, or nothing where there are too many. Their effects are not observed.
    pub(super) fn rounds(&mut self, turns: &Turns<'_>) -> Option<Vec<Round>> {
        let header = turns.natural.header;
        let state = turns.trace.entry[header.index()].clone()?;
        let observing = std::mem::replace(&mut self.reporting, false);
        let outer = self.journal.replace(Vec::new());
        let here = (self.current, self.current_block);
        let registers = turns.trace.registers.clone();
        let (mutations, by_exception, awaits) = (Vec::new(), false, false);
        let round = Round {
            blocks: Vec::new(),
            tests: Vec::new(),
            iterated: Vec::new(),
            inner: Vec::new(),
            mutations,
            end: state,
            by_exception,
            awaits,
            registers,
        };
        let start = Walk { at: header, round, caught: None };
        let mut search = Search { open: vec![start], found: Vec::new(), blocks_left: limits::ROUND_BLOCKS_MAX, complete: true };
        while let Some(walk) = search.open.pop() {
            if search.blocks_left == 0 || search.found.len() >= limits::ROUNDS_MAX || !self.has_budget() {
                self.reached("ways round a loop");
                search.complete = false;
                break;
            }
            search.blocks_left -= 1;
            self.walk_block(turns, &mut search, walk);
        }
        self.reporting = observing;
        self.journal = outer;
        (self.current, self.current_block) = here;
        search.complete.then_some(search.found)
    }

    fn walk_block(&mut self, turns: &Turns<'_>, search: &mut Search, mut walk: Walk) {
        let block = walk.at;
        if turns.cfg.is_header(block) && block != turns.natural.header {
            self.enter_inner_loop(turns, &mut walk.round, block);
        }
        walk.round.blocks.push(block);
        let ir = self.model.ir.clone();
        let here = &ir.body(turns.func).blocks[block.index()];
        let mut may_raise = here.handler.is_some();
        for &reg in &here.ops {
            let op = &ir.body(turns.func).ops[reg.index()];
            self.steps += 1;
            (self.current, self.current_block) = (Some(reg), block);
            if let (true, Some(handler)) = (may_raise, here.handler)
                && crate::semantic::cfg::may_throw(&op.kind)
            {
                may_raise = false;
                let mut raised = walk.fork();
                raised.round.by_exception = true;
                self.walk_on(turns, search, raised, handler);
            }
            walk.round.awaits |= matches!(op.kind, OpKind::Await(_) | OpKind::Yield { .. });
            self.journal = Some(std::mem::take(&mut walk.round.mutations));
            let mut state = std::mem::take(&mut walk.round.end);
            let result = self.operate(&mut state, reg, op, &walk.round.registers, walk.caught);
            walk.round.end = state;
            walk.round.mutations = self.journal.take().unwrap_or_default();
            if !self.walk_past(turns, search, &mut walk, reg, here.handler, result) {
                return;
            }
        }
        self.walk_end(turns, search, walk, here.end, here.handler);
    }

    /// After an operation: false if control does not go on.
    fn walk_past(
        &mut self,
        turns: &Turns<'_>,
        search: &mut Search,
        walk: &mut Walk,
        reg: Reg,
        handler: Option<BlockId>,
        result: OpResult,
    ) -> bool {
        if let (Some((thrown, value)), Some(handler)) = (result.thrown, handler) {
            let mut raised = walk.fork();
            raised.round.end = thrown;
            raised.round.by_exception = true;
            raised.caught = Some(value);
            self.walk_on(turns, search, raised, handler);
        }
        match result.value {
            Some(value) => {
                walk.round.registers[reg.index()] = Some(value);
                true
            }
            None => false,
        }
    }

    fn walk_end(&mut self, turns: &Turns<'_>, search: &mut Search, mut walk: Walk, end: Terminator, handler: Option<BlockId>) {
        match end {
            Terminator::Jump(to) => self.walk_on(turns, search, walk, to),
            Terminator::Branch { cond, then, otherwise } => {
                let Some(cond) = walk.round.registers[cond.index()] else { return };
                for (truth, to) in [(true, then), (false, otherwise)] {
                    let Some(state) = self.model.assumed(&walk.round.end, cond, truth) else { continue };
                    let mut branch = walk.fork();
                    branch.round.tests.push((walk.at, cond, truth, walk.round.end.clone()));
                    branch.round.end = state;
                    self.walk_on(turns, search, branch, to);
                }
            }
            Terminator::Next { iterator, body, done } => {
                if let Some(iterator) = walk.round.registers[iterator.index()] {
                    walk.round.iterated.push(self.iterated(iterator));
                }
                self.walk_on(turns, search, walk.fork(), body);
                self.walk_on(turns, search, walk, done);
            }
            Terminator::Throw(reg) => {
                if let (Some(handler), Some(value)) = (handler, walk.round.registers[reg.index()]) {
                    walk.caught = Some(value);
                    self.walk_on(turns, search, walk, handler);
                }
            }
            Terminator::Return(_) | Terminator::Unreachable => {}
        }
    }

    fn walk_on(&mut self, turns: &Turns<'_>, search: &mut Search, mut walk: Walk, to: BlockId) {
        if to == turns.natural.header {
            search.found.push(walk.round);
            return;
        }
        let is_inside = turns.cfg.loop_at(turns.natural.header).is_some_and(|blocks| blocks.contains(&to));
        if is_inside && !walk.round.blocks.contains(&to) {
            walk.at = to;
            search.open.push(walk);
        }
    }

    /// An inner loop is passed as a whole: what it assigns or changes is what it may be after any
    /// number of its rounds.
    fn enter_inner_loop(&mut self, turns: &Turns<'_>, round: &mut Round, header: BlockId) {
        round.inner.push(header);
        let Some(joined) = turns.trace.entry[header.index()].clone() else { return };
        let merged_here = |sym: Sym, model: &crate::semantic::model::Model| matches!(model.symbols.value(sym), Value::Phi(site) if is_merge_at(site, header));
        for (slot, sym) in &joined.slots {
            if merged_here(*sym, &self.model) {
                round.end.slots.insert(*slot, *sym);
                if let Some(facts) = joined.facts.get(sym) {
                    round.end.facts.insert(*sym, *facts);
                }
            }
        }
        let before = turns.trace.before.get(&header);
        for (sym, object) in &joined.heap {
            if before.and_then(|state| state.heap.get(sym)) == Some(object) {
                continue;
            }
            round.end.heap.insert(*sym, object.clone());
            self.forget_measures(&mut round.end, *sym);
            round.mutations.push(Mutation { object: *sym, change: Change::Altered });
        }
    }

    fn forget_measures(&mut self, state: &mut State, object: Sym) {
        for measure in ["length", "size"] {
            let length = self.model.property_symbol(object, measure);
            state.facts.remove(&length);
        }
    }

    /// Notes a change of an object, for the way round that is being walked.
    pub fn note_mutation(&mut self, object: Sym, change: Change) {
        for leaf in self.model.symbols.leaves(object) {
            self.resized.insert(leaf);
            if matches!(change, Change::Added(..)) {
                self.note_growth(leaf, self.walked.clone());
            }
        }
        if let Some(journal) = &mut self.journal
            && journal.len() < limits::MUTATIONS_MAX
        {
            journal.push(Mutation { object, change });
        }
    }

    /// Notes that a collection grows here, once for each element of what is being walked over.
    pub fn note_growth(&mut self, of: Sym, over: Vec<Sym>) {
        let frame = self.frame();
        let place = GrowthPlace { func: frame.func, ctx: frame.ctx, block: self.current_block, over };
        let places = self.grown.entry(of).or_default();
        if places.len() < limits::GROWTH_PLACES_MAX && !places.contains(&place) {
            places.push(place);
        }
    }

    /// Whether anything in the program changes the contents of the value.
    pub(super) fn is_resized(&self, of: Sym) -> bool {
        self.model.symbols.leaves(of).iter().any(|leaf| self.resized.contains(leaf))
    }

    /// Whether a condition measures something whose contents the program changes.
    pub(super) fn is_resized_measure(&self, cond: Sym) -> bool {
        self.model.symbols.contains(cond, &|_, value| match value {
            Value::Prop(base, PropKey::Name(name)) => matches!(&**name, "length" | "size") && self.is_resized(*base),
            Value::Phi(_) | Value::Opaque(_) => false,
            _ => false,
        })
    }

    /// Whether two values may be the same object.
    pub(in crate::semantic) fn same_object(&self, a: Sym, b: Sym) -> bool {
        a == b || {
            let of_b = self.model.symbols.leaves(b);
            self.model.symbols.leaves(a).iter().any(|leaf| of_b.contains(leaf))
        }
    }

    /// Whether a way round puts something into the collection.
    pub(super) fn adds_to(&self, round: &Round, of: Sym) -> bool {
        round.mutations.iter().any(|m| matches!(m.change, Change::Added(..)) && self.same_object(m.object, of))
    }
}

impl Walk {
    fn fork(&self) -> Walk {
        let round = &self.round;
        let round = Round {
            blocks: round.blocks.clone(),
            tests: round.tests.clone(),
            iterated: round.iterated.clone(),
            inner: round.inner.clone(),
            mutations: round.mutations.clone(),
            end: round.end.clone(),
            by_exception: round.by_exception,
            awaits: round.awaits,
            registers: round.registers.clone(),
        };
        Walk { at: self.at, round, caught: self.caught }
    }
}

/// Whether a merge is made at the start of `block`.
pub(super) fn is_merge_at(site: &Rc<Site>, block: BlockId) -> bool {
    match site.what {
        SiteKind::Slot(at, _) | SiteKind::Field(at, ..) | SiteKind::Elements(at, _) => at == block,
        SiteKind::Op(..) | SiteKind::Return => false,
    }
}
