//! The abstract interpreter: one forward pass over each function's blocks, to a fixpoint, then once
//! more with the states that came out, to observe.
//!
//! Calls of the file's own functions are entered where they happen, with the values and the state
//! they are called with; so a guard made in a helper counts in its caller, and a use inside a helper
//! is judged by what its caller passed. Bounds are in [`super::limits`].

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::capture::{Captures, Environment};
use super::choice::{Alternative, Choice};
use super::facts::{Facts, Interval};
use super::graph::Graph;
use super::ir::{BlockId, FuncId, Key, Op, OpKind, Reg, SlotId, Terminator};
use super::limits;
use super::model::Model;
use super::names::SensitiveNames;
use super::observe::Observations;
use super::refine;
use super::state::{Place, State};
use super::symbol::{Ctx, PropKey, Site, SiteKind, Sym, Value};
use crate::source::TextRange;

mod passes;
mod unroll;

use passes::Passed;

/// The pseudo-variable that carries a returned or thrown value to where paths meet.
pub const RESULT: SlotId = SlotId(u32::MAX);
/// The pseudo-block where a function's returns meet.
const EXIT: BlockId = BlockId(u32::MAX);
/// The pseudo-block where a function's exceptions meet.
const THROWN: BlockId = BlockId(u32::MAX - 1);

/// The arguments of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// Known ones, in order.
    pub list: Vec<Sym>,
    /// What any further one may be, after a spread of unknown length.
    pub rest: Option<Sym>,
    /// Where each stands.
    pub ranges: Vec<TextRange>,
}

impl Args {
    /// Arguments without places.
    pub fn of(list: impl Into<Vec<Sym>>) -> Args {
        Args { list: list.into(), ..Args::default() }
    }

    /// The i-th argument, if there may be one.
    pub fn get(&self, i: usize) -> Option<Sym> {
        self.list.get(i).copied().or(self.rest)
    }
}

/// One activation of a function.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Which function.
    pub func: FuncId,
    /// Which activation.
    pub ctx: Ctx,
    /// `this`
    pub this: Sym,
    /// The variables around the function that its closure keeps.
    pub captured: Environment,
    /// The arguments.
    pub args: Args,
    /// The call that made it, in the calling function.
    pub call_range: TextRange,
    /// It was called in a loop, its caller's or one further out.
    pub in_loop: bool,
    /// The turns of loops that are being interpreted one by one, the innermost last.
    pub turns: Vec<Turn>,
    /// The iterator that the activation of a generator gives its values to.
    pub iterator: Option<Sym>,
    /// What its fixpoint reached, while it is observed.
    pub reached: Rc<Reached>,
}

/// One turn of a loop whose turns are interpreted one by one.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// The loop's header.
    pub header: BlockId,
    /// What the iteration yields in it, if it is one: the iterator, and the value.
    pub element: Option<(Reg, Sym)>,
}

/// What the fixpoint of an activation reached.
#[derive(Debug, Default)]
pub struct Reached {
    /// Which blocks.
    pub blocks: Vec<bool>,
    /// The conditions of its branches.
    pub conditions: Vec<Sym>,
}

/// How an activation ends.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// It returns: in this state, this value.
    pub normal: Option<(State, Sym)>,
    /// It throws: in this state, this value.
    pub thrown: Option<(State, Sym)>,
}

/// What one activation's loops looked like when the fixpoint was reached.
#[derive(Debug, Default)]
pub struct Trace {
    /// State at the start of each block.
    pub entry: Vec<Option<State>>,
    /// State on each edge back to a loop header: (header, latch) to state.
    pub back: BTreeMap<(BlockId, BlockId), State>,
    /// State on each edge into a loop header from outside.
    pub before: BTreeMap<BlockId, State>,
    /// Symbol and state of each branch condition, at the end of its block.
    pub conditions: BTreeMap<BlockId, (Sym, State)>,
    /// The fixpoint was not reached within its bounds.
    pub gave_up: bool,
    /// The value of each register when it was last computed.
    pub registers: Vec<Option<Sym>>,
    /// Headers of loops whose turns were interpreted one by one, to the last.
    pub unrolled: BTreeSet<BlockId>,
}

/// A branch that facts exclude, as it would be taken.
#[derive(Debug)]
pub struct LeftOut {
    frame: Frame,
    state: State,
    registers: Vec<Option<Sym>>,
}

/// The analysis of one file.
pub struct Analyzer<'a> {
    /// Symbols and structural facts.
    pub model: Model,
    /// Control-flow graphs, by function.
    pub graphs: Vec<Rc<Graph>>,
    /// Which variables closures keep.
    pub captures: Captures,
    /// Which names are sensitive.
    pub names: &'a SensitiveNames,
    /// What was seen.
    pub seen: Observations,
    /// Observing, rather than computing the fixpoint.
    pub reporting: bool,
    /// Code that the entry does not reach: only what is wrong wherever it stands counts.
    pub sweeping: bool,
    /// The stack of activations.
    pub frames: Vec<Frame>,
    /// The work at which no more calls are entered.
    pub work_max: u64,
    /// Nested activations entered at calls.
    pub call_depth_max: usize,
    /// Bounds reached, by name.
    pub bounds: BTreeMap<&'static str, u64>,
    /// Blocks that were observed.
    pub visited: HashSet<(FuncId, BlockId)>,
    /// Variables that functions left behind as the file was loaded.
    pub kept_variables: BTreeSet<SlotId>,
    /// Functions entered during the call.
    pub entered_in_call: HashSet<FuncId>,
    /// Regular expressions of the module that keep a position.
    pub kept_regexes: HashSet<Sym>,
    /// Branches that facts exclude.
    pub left_out: HashMap<(FuncId, BlockId), LeftOut>,
    /// The entry function while it is judged, and whether its result is observed.
    pub entry: Option<FuncId>,
    /// Symbols held by variables with sensitive names.
    pub sensitive: BTreeMap<Sym, (String, TextRange)>,
    /// Names bound directly to a string constant, by symbol.
    pub constant_names: BTreeMap<Sym, BTreeSet<String>>,
    /// Values yielded by the generator activations being entered.
    pub yields: Vec<BTreeMap<(Reg, Ctx), Sym>>,
    /// Calls seen between the file's functions, for recursion.
    pub calls: super::recursion::CallLog,
    memo: HashMap<(FuncId, Ctx), (State, Sym, Args, Outcome, BTreeMap<(Reg, Ctx), Sym>)>,
    /// Where values that flow on came from, for the steps of a finding.
    pub produced: HashMap<Sym, TextRange>,
    /// Regular expressions built from values that are not constant, and where.
    pub built_regexes: BTreeMap<Sym, TextRange>,
    /// Callbacks being run once per element, around the current operation.
    pub turns: usize,
    /// Values on their way out.
    pub outgoing: Vec<super::leaks::Outgoing>,
    /// Values drawn at random.
    pub random: BTreeSet<Sym>,
    /// Pieces of matched text.
    pub pieces: BTreeSet<Sym>,
    /// Pieces of split text.
    pub words: BTreeSet<Sym>,
    /// Arrays made from another by a method, with its arguments.
    pub derived: HashMap<Sym, (String, Sym, Vec<Sym>)>,
    /// Results of `exec`: the expression, if it is a literal, and the text.
    pub exec_results: HashMap<Sym, (Option<Sym>, Option<Sym>)>,
    /// What is done to objects on the way round a loop that is being walked.
    pub journal: Option<Vec<super::loops::Mutation>>,
    /// Objects whose contents some operation changes, wherever it stands.
    pub resized: HashSet<Sym>,
    /// Calls from which an exception may come.
    pub throwing: HashSet<(FuncId, Reg)>,
    /// The operation being interpreted.
    pub current: Option<Reg>,
    /// The block it is in.
    pub current_block: BlockId,
    /// The registers of the activation being interpreted, when its result is observed.
    pub registers: Vec<Option<Sym>>,
    /// Demands that a later NaN check may still cover.
    pub pending: Vec<super::demand::Pending>,
    /// Where collections grow.
    pub grown: HashMap<Sym, Vec<super::loops::GrowthPlace>>,
    /// What the callbacks being run are run for each element of.
    pub walked: Vec<Sym>,
    /// What the arguments of the current call were spread from.
    pub spread_sources: Vec<Sym>,
    /// Values that were looked up in a map, by the key.
    pub held_under: HashMap<Sym, Sym>,
    /// What the functions behind promises and generators find out: it holds once they are awaited, or run to
    /// their end.
    pub found_later: HashMap<Sym, BTreeMap<Sym, Facts>>,
    /// Conversions that functions return, and whether it is certain wherever they do that the result is not NaN.
    pub returned: HashMap<Sym, bool>,
    /// The states in which the functions given to `new Promise` began, by the promise.
    pub promises_began: HashMap<Sym, State>,
    /// Whether anything in the file may make a collection smaller, once that was asked.
    takes_away: Option<bool>,
    /// Functions that write where input chooses both object and key.
    pub polluting: BTreeSet<FuncId>,
    /// Writes into a parameter under a key that input chooses: function, position and place.
    pub parameter_writes: BTreeSet<(FuncId, usize, TextRange)>,
    /// Parameters of recursive functions that input may have chosen, further down than is looked.
    pub unseen_descents: BTreeSet<(FuncId, usize)>,
    /// Properties read under a key that changes, and whether each read was of an own property.
    pub own_descents: HashMap<Sym, bool>,
    /// Properties of objects made of several others that are being looked up.
    pub spread_through: Vec<Sym>,
    /// Work on lists that a later limit on their length may still excuse.
    pub costs_until_limited: Vec<(Sym, super::observe::Costly)>,
    /// Loops around the operation being interpreted that input drives, for the cost of nesting.
    pub loop_costs: super::cost::LoopCosts,
}

impl<'a> Analyzer<'a> {
    /// An analysis of a lowered file.
    pub fn new(model: Model, graphs: Vec<Rc<Graph>>, names: &'a SensitiveNames) -> Self {
        let captures = Captures::new(&model.ir);
        Analyzer {
            model,
            captures,
            graphs,
            names,
            seen: Observations::default(),
            reporting: false,
            sweeping: false,
            frames: Vec::new(),
            work_max: 0,
            call_depth_max: limits::CALL_DEPTH_MAX,
            bounds: BTreeMap::new(),
            visited: HashSet::new(),
            left_out: HashMap::new(),
            kept_variables: BTreeSet::new(),
            entered_in_call: HashSet::new(),
            kept_regexes: HashSet::new(),
            entry: None,
            sensitive: BTreeMap::new(),
            constant_names: BTreeMap::new(),
            yields: Vec::new(),
            calls: super::recursion::CallLog::default(),
            memo: HashMap::new(),
            produced: HashMap::new(),
            turns: 0,
            outgoing: Vec::new(),
            random: BTreeSet::new(),
            pieces: BTreeSet::new(),
            words: BTreeSet::new(),
            derived: HashMap::new(),
            exec_results: HashMap::new(),
            journal: None,
            resized: HashSet::new(),
            throwing: HashSet::new(),
            current: None,
            current_block: BlockId(0),
            registers: Vec::new(),
            pending: Vec::new(),
            built_regexes: BTreeMap::new(),
            grown: HashMap::new(),
            walked: Vec::new(),
            spread_sources: Vec::new(),
            held_under: HashMap::new(),
            found_later: HashMap::new(),
            returned: HashMap::new(),
            promises_began: HashMap::new(),
            takes_away: None,
            polluting: BTreeSet::new(),
            parameter_writes: BTreeSet::new(),
            unseen_descents: BTreeSet::new(),
            own_descents: HashMap::new(),
            spread_through: Vec::new(),
            costs_until_limited: Vec::new(),
            loop_costs: super::cost::LoopCosts::default(),
        }
    }

    /// The activation being interpreted.
    pub fn frame(&self) -> &Frame {
        self.frames.last().expect("an operation is interpreted inside an activation")
    }

    /// The same, to change it.
    pub fn frame_mut(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("an operation is interpreted inside an activation")
    }

    /// A site of the current activation.
    pub fn site(&self, reg: Reg, nth: u8) -> Rc<Site> {
        let frame = self.frame();
        Rc::new(Site { ctx: frame.ctx, func: frame.func, what: SiteKind::Op(reg, nth) })
    }

    /// Notes that a bound was reached.
    pub fn reached(&mut self, bound: &'static str) {
        *self.bounds.entry(bound).or_default() += 1;
    }

    /// Whether the analysis may still enter calls and iterate.
    pub fn has_budget(&self) -> bool {
        self.model.work < self.work_max
    }

    /// Interprets an activation from `entry` and, when observing, observes it.
    pub fn activate(&mut self, frame: Frame, entry: State) -> Outcome {
        let key = (frame.func, frame.ctx);
        let is_generator = self.model.ir.body(frame.func).kind.is_generator;
        if !self.reporting
            && self.journal.is_none()
            && let Some((state, this, args, outcome, yielded)) = self.memo.get(&key)
            && *this == frame.this
            && *args == frame.args
            && *state == entry
        {
            if let (Some(slot), true) = (self.yields.last_mut(), is_generator) {
                slot.extend(yielded);
            }
            return outcome.clone();
        }
        let (this, args) = (frame.this, frame.args.clone());
        if self.entry.is_some() {
            self.entered_in_call.insert(frame.func);
        }
        self.frames.push(frame);
        let (block, current) = (self.current_block, self.current);
        let observing = std::mem::replace(&mut self.reporting, false);
        let mut run = Run::new(self, entry.clone());
        run.fixpoint(self);
        let mut outcome = run.outcome(self);
        if observing {
            self.reporting = true;
            run.observe(self);
            outcome = run.outcome(self);
        }
        self.frames.pop();
        (self.current_block, self.current) = (block, current);
        let yielded = if is_generator { self.yields.last().cloned().unwrap_or_default() } else { BTreeMap::new() };
        self.memo.insert(key, (entry, this, args, outcome.clone(), yielded));
        outcome
    }

    /// The state, `this` and arguments with which an activation was last entered.
    pub fn entered(&self, func: FuncId, ctx: Ctx) -> Option<(State, Sym, Args)> {
        self.memo.get(&(func, ctx)).map(|(state, this, args, ..)| (state.clone(), *this, args.clone()))
    }

    /// Observes blocks that no analysis reached, from the branch that leads there if one does, or else
    /// from the state the file is loaded with.
    pub fn glance(&mut self, frame: Frame, loaded: State, blocks: &[BlockId]) {
        self.frames.push(frame);
        let mut run = Run::new(self, loaded.clone());
        run.trace.entry[0] = None;
        self.reporting = true;
        for &block in run.cfg.clone().order() {
            if !blocks.contains(&block) {
                run.trace.entry[block.index()] = None;
                continue;
            }
            if let Some(from) = self.left_out.remove(&(run.func, block)) {
                self.frames.pop();
                self.frames.push(from.frame);
                run.trace.entry[block.index()] = Some(from.state);
                run.trace.registers = from.registers;
            }
            run.trace.entry[block.index()].get_or_insert_with(|| loaded.clone());
            self.visited.insert((run.func, block));
            run.block(self, block);
        }
        self.reporting = false;
        self.frames.pop();
    }

    /// Outside of loops, and in a turn that is interpreted by itself, an appended element has a known position.
    pub fn frame_is_straight(&self) -> bool {
        let frame = self.frame();
        let around = self.graphs[frame.func.index()].headers_around(self.current_block);
        !frame.in_loop && self.turns == 0 && around.iter().all(|header| frame.turns.iter().any(|turn| turn.header == *header))
    }

    /// Whether a symbol says how much there is in a collection that the state knows.
    fn is_measure(&mut self, state: &State, sym: Sym) -> bool {
        let Value::Prop(collection, PropKey::Name(_)) = *self.model.symbols.value(sym) else { return false };
        state.heap.contains_key(&collection) && self.model.measure(collection) == Some(sym)
    }

    /// A list that a callback, run for each element, only adds to: empty at the end, it tells of all elements
    /// what a turn that added nothing knows of its own.
    pub fn hold_unspoilt_lists(&mut self, state: &mut State, turn: &State, site: &Site) {
        let may_take =
            *self.takes_away.get_or_insert_with(|| self.model.ir.bodies.iter().any(|b| b.ops.iter().any(|op| takes_away(&op.kind))));
        if may_take {
            return;
        }
        for measure in turn.choices.keys().copied().collect::<Vec<_>>() {
            if !self.is_measure(state, measure) {
                continue;
            }
            let mut general = BTreeMap::new();
            for (about, facts) in left_alone(&mut self.model, std::slice::from_ref(turn), &[measure], measure, false) {
                if self.is_of_turn(about, site)
                    && let Some(of_all) = self.model.symbols.generalise(about)
                {
                    general.insert(of_all, facts);
                }
            }
            tell_if_empty(state, measure, general);
        }
    }

    /// From now on two collections are empty together, or not.
    pub fn same_size(&mut self, state: &mut State, from: Sym, to: Sym) {
        let (Some(of), Some(size)) = (self.model.measure(from), self.model.measure(to)) else { return };
        let Some(choice) = state.choices.get(&of).cloned() else { return };
        let alternatives =
            choice.alternatives.iter().map(|a| Alternative { value: if a.value == of { size } else { a.value }, ..a.clone() });
        let alternatives = alternatives.collect();
        state.choices.insert(size, Rc::new(Choice { alternatives }));
    }

    /// The operation `reg` of the current function.
    pub fn op(&self, reg: Reg) -> &Op {
        &self.model.ir.bodies[self.frame().func.index()].ops[reg.index()]
    }
}

/// The fixpoint computation of one activation.
struct Run {
    func: FuncId,
    cfg: Rc<Graph>,
    trace: Trace,
    edges: BTreeMap<BlockId, Vec<(BlockId, State)>>,

    visits: Vec<u32>,
    work: BTreeSet<usize>,
    normal: Option<State>,
    thrown: Option<State>,
    caught: BTreeMap<BlockId, Sym>,
    turns: unroll::Turns,
}

impl Run {
    fn new(analyzer: &mut Analyzer<'_>, entry: State) -> Run {
        let func = analyzer.frame().func;
        let cfg = analyzer.graphs[func.index()].clone();
        let ir = analyzer.model.ir.clone();
        let body = ir.body(func);
        let mut trace = Trace { entry: vec![None; body.blocks.len()], registers: vec![None; body.ops.len()], ..Trace::default() };
        trace.entry[0] = Some(entry);
        let visits = vec![0; body.blocks.len()];
        Run {
            func,
            cfg,
            trace,
            edges: BTreeMap::new(),
            visits,
            work: BTreeSet::from([0]),
            normal: None,
            thrown: None,
            caught: BTreeMap::new(),
            turns: unroll::Turns::default(),
        }
    }

    fn fixpoint(&mut self, analyzer: &mut Analyzer<'_>) {
        while let Some(position) = self.work.pop_first() {
            let block = self.cfg.order()[position];
            self.visits[block.index()] += 1;
            let visits_max = if analyzer.has_budget() { limits::VISITS_MAX } else { limits::LAST_VISITS_MAX };
            if self.visits[block.index()] > visits_max {
                analyzer.reached("visits of a block");
                self.trace.gave_up = true;
                continue;
            }
            self.block(analyzer, block);
        }
    }

    /// Every block once more, in order, with the states of the fixpoint; then the loops.
    fn observe(&mut self, analyzer: &mut Analyzer<'_>) {
        let order = self.cfg.order().to_vec();
        let blocks = self.trace.entry.iter().map(Option::is_some).collect();
        let conditions = self.trace.conditions.values().map(|(cond, _)| *cond).collect();
        if let Some(frame) = analyzer.frames.last_mut() {
            frame.reached = Rc::new(Reached { blocks, conditions });
        }
        analyzer.enter_loops(&self.cfg, self.func, &self.trace);
        self.observe_blocks(analyzer, &order);
        analyzer.leave_loops();
    }

    fn observe_blocks(&mut self, analyzer: &mut Analyzer<'_>, blocks: &[BlockId]) {
        for &block in blocks {
            if self.trace.entry[block.index()].is_none() {
                continue;
            }
            match self.unrolled_around(block) {
                Some(header) if header == block => self.observe_turns(analyzer, header),
                Some(_) => {}
                None => {
                    analyzer.at_block(&self.cfg, self.func, block);
                    self.block(analyzer, block);
                }
            }
        }
        self.work.clear();
    }

    fn block(&mut self, analyzer: &mut Analyzer<'_>, block: BlockId) {
        let ir = analyzer.model.ir.clone();
        let body = ir.body(self.func);
        let here = &body.blocks[block.index()];
        if self.cfg.is_header(block) && !analyzer.reporting {
            self.unroll(analyzer, block);
        }
        let Some(mut state) = self.trace.entry[block.index()].clone() else { return };
        analyzer.current_block = block;
        for &reg in &here.ops {
            analyzer.model.work += limits::OPERATION_WORK;
            let op = &body.ops[reg.index()];
            (analyzer.current, analyzer.current_block) = (Some(reg), block);
            if let Some(handler) = here.handler
                && may_throw(&op.kind)
            {
                self.raise(analyzer, handler, &state, None);
            }
            let caught = self.caught.get(&block).copied();
            let result = analyzer.operate(&mut state, reg, op, &self.trace.registers, caught);
            if let Some((thrown, value)) = result.thrown {
                analyzer.throwing.insert((self.func, reg));
                match here.handler {
                    Some(handler) => self.raise(analyzer, handler, &thrown, Some(value)),
                    None => self.leave(analyzer, thrown, value, THROWN),
                }
            }
            let value = match result.value {
                Some(value) => value,
                // What stands behind a call that does not return is swept like all that is not reached.
                None if analyzer.sweeping => analyzer.opaque(reg, 0, Facts::ANY, &[]),
                None => return,
            };
            self.trace.registers[reg.index()] = Some(value);
            analyzer.produced.entry(value).or_insert(op.range);
        }
        if analyzer.reporting {
            analyzer.visited.insert((self.func, block));
        }
        self.finish(analyzer, block, here.end, here.end_range, here.handler, state);
    }

    fn finish(
        &mut self,
        analyzer: &mut Analyzer<'_>,
        block: BlockId,
        end: Terminator,
        range: TextRange,
        handler: Option<BlockId>,
        state: State,
    ) {
        let register = |reg: Reg| self.trace.registers[reg.index()];
        match end {
            Terminator::Jump(to) => self.edge(analyzer, block, to, state),
            Terminator::Branch { cond, then, otherwise } => {
                let Some(cond) = register(cond) else { return };
                self.trace.conditions.insert(block, (cond, state.clone()));
                let ways = [(true, then), (false, otherwise)].map(|(truth, to)| (to, analyzer.model.assumed(&state, cond, truth)));
                self.note_decision(block, &ways);
                let passed = if self.cfg.is_header(block) { self.passed(analyzer, block, cond) } else { None };
                for (to, way) in ways {
                    match way {
                        Some(state) if passed.is_some() && to == otherwise => {
                            let exhausted = self.exhausted(analyzer, block, &state, passed);
                            self.edge(analyzer, block, to, exhausted);
                        }
                        Some(state) => self.edge(analyzer, block, to, state),
                        None => self.leave_out(analyzer, to, &state),
                    }
                }
            }
            Terminator::Next { body, .. } if self.turns.of == Some(block) => self.edge(analyzer, block, body, state),
            Terminator::Next { iterator, body, done } => {
                let exhausted = self.exhausted(analyzer, block, &state, None);
                let empty = register(iterator).is_some_and(|i| analyzer.is_empty_iteration(&state, i));
                let endless = register(iterator).is_some_and(|i| analyzer.is_endless_iterator(&state, analyzer.iterated(i)));
                if !empty {
                    self.edge(analyzer, block, body, state);
                }
                if !endless {
                    self.edge(analyzer, block, done, exhausted);
                }
            }
            Terminator::Return(reg) => {
                let Some(value) = register(reg) else { return };
                if analyzer.reporting {
                    analyzer.registers = self.trace.registers.clone();
                }
                analyzer.note_returned(&state, value);
                analyzer.observe_return(&state, value, range, self.func, reg);
                self.leave(analyzer, state, value, EXIT);
            }
            Terminator::Throw(reg) => {
                let Some(value) = register(reg) else { return };
                if handler.is_none() {
                    analyzer.observe_throw(&state, value, range);
                }
                match handler {
                    Some(handler) => self.raise(analyzer, handler, &state, Some(value)),
                    None => self.leave(analyzer, state, value, THROWN),
                }
            }
            Terminator::Unreachable => {}
        }
    }

    /// A branch that facts exclude: it is still looked at for what is wrong wherever it stands.
    fn leave_out(&self, analyzer: &mut Analyzer<'_>, to: BlockId, state: &State) {
        if !analyzer.reporting || analyzer.sweeping || analyzer.left_out.len() >= limits::LEFT_OUT_MAX {
            return;
        }
        let frame = analyzer.frame().clone();
        let registers = self.trace.registers.clone();
        analyzer.left_out.entry((self.func, to)).or_insert_with(|| LeftOut { frame, state: state.clone(), registers });
    }

    /// The state after an iteration is done: what held at the end of every turn holds for all elements.
    fn exhausted(&self, analyzer: &mut Analyzer<'_>, header: BlockId, state: &State, passed: Option<Passed>) -> State {
        let mut state = state.clone();
        let turns = self.turns_of(header);
        let Some(first) = turns.first() else { return state };
        let candidates: Vec<Sym> = first.facts.keys().copied().collect();
        for sym in candidates {
            let Some(general) = analyzer.model.symbols.generalise(sym) else { continue };
            if !self.is_of_turn(analyzer, sym, header, passed) {
                continue;
            }
            let facts = turns.iter().map(|turn| analyzer.model.facts(turn, sym)).reduce(Facts::join);
            if let Some(facts) = facts {
                let known = analyzer.model.facts(&state, general);
                state.learn(general, known.meet(facts));
            }
        }
        if let Terminator::Next { iterator, .. } = analyzer.model.ir.body(self.func).blocks[header.index()].end
            && let Some(iterator) = self.trace.registers[iterator.index()]
        {
            let of = analyzer.iterated(iterator);
            analyzer.learn_found_later(&mut state, of);
        }
        self.hold_unspoilt(analyzer, header, &mut state, &turns, passed);
        state
    }

    /// The states at the ends of a loop's turns.
    fn turns_of(&self, header: BlockId) -> Vec<State> {
        self.trace.back.range((header, BlockId(0))..=(header, BlockId(u32::MAX))).map(|(_, state)| state.clone()).collect()
    }

    /// A flag that a turn can only clear, a list of problems that it can only add to: as it is after the
    /// loop if every turn left it alone, it tells of all elements what that tells of one.
    fn hold_unspoilt(&self, analyzer: &mut Analyzer<'_>, header: BlockId, state: &mut State, turns: &[State], passed: Option<Passed>) {
        let flags: Vec<(SlotId, Sym)> = state.slots.iter().map(|(slot, sym)| (*slot, *sym)).collect();
        for (slot, flag) in flags {
            let is_own = matches!(analyzer.model.symbols.value(flag), Value::Phi(site) if site.func == self.func && site.what == SiteKind::Slot(header, slot));
            if !is_own {
                continue;
            }
            let values: Option<Vec<Sym>> = turns.iter().map(|turn| turn.slots.get(&slot).copied()).collect();
            let Some(values) = values else { continue };
            let sides = [true, false].map(|truth| self.unspoilt(analyzer, header, (turns, &values), flag, truth, passed));
            if sides.iter().any(|side| !side.is_empty()) {
                let [if_true, if_false] = sides;
                let known = analyzer.model.facts(state, flag);
                let side =
                    |truth, implied: BTreeMap<_, _>| Alternative { value: flag, facts: known.assume(truth), implied: Rc::new(implied) };
                let alternatives = vec![side(true, if_true), side(false, if_false)];
                state.choices.insert(flag, Rc::new(Choice { alternatives }));
            }
        }
        if self.takes_from_lists(analyzer, header) {
            return;
        }
        let lists: BTreeSet<Sym> = turns.iter().flat_map(|turn| turn.choices.keys().copied()).collect();
        for length in lists {
            if !analyzer.is_measure(state, length) {
                continue;
            }
            let implied = self.unspoilt(analyzer, header, (turns, &vec![length; turns.len()]), length, false, passed);
            tell_if_empty(state, length, implied);
        }
    }

    /// What holds of all elements if `flag` has that truth after the loop: what every turn that leaves it
    /// with that truth knows of its own element. Nothing, if a turn may give it that truth.
    fn unspoilt(
        &self,
        analyzer: &mut Analyzer<'_>,
        header: BlockId,
        (turns, values): (&[State], &[Sym]),
        flag: Sym,
        truth: bool,
        passed: Option<Passed>,
    ) -> BTreeMap<Sym, Facts> {
        let mut general = BTreeMap::new();
        for (about, facts) in left_alone(&mut analyzer.model, turns, values, flag, truth) {
            if self.is_of_turn(analyzer, about, header, passed)
                && let Some(of_all) = analyzer.model.symbols.generalise(about)
            {
                general.insert(of_all, facts);
            }
        }
        general
    }

    /// Whether the loop may make a list shorter.
    fn takes_from_lists(&self, analyzer: &Analyzer<'_>, header: BlockId) -> bool {
        let body = analyzer.model.ir.body(self.func);
        let Some(natural) = self.cfg.loop_at(header) else { return true };
        natural.iter().flat_map(|block| &body.blocks[block.index()].ops).any(|reg| takes_away(&body.ops[reg.index()].kind))
    }

    fn edge(&mut self, analyzer: &mut Analyzer<'_>, from: BlockId, to: BlockId, state: State) {
        let Some(state) = self.divert(from, to, state) else { return };
        self.go(analyzer, from, to, state);
    }

    fn go(&mut self, analyzer: &mut Analyzer<'_>, from: BlockId, to: BlockId, state: State) {
        let is_back = self.cfg.position(to) <= self.cfg.position(from);
        if self.cfg.is_header(to) {
            if is_back {
                self.trace.back.insert((to, from), state.clone());
            } else {
                self.trace.before.insert(to, state.clone());
                self.turns.note_entry(to, from, &state);
            }
        }
        let place = Place {
            ctx: analyzer.frame().ctx,
            func: self.func,
            block: to,
            round: self.cfg.is_header(to),
            // What comes in from outside grows as long as the loop around it does, which is widened itself.
            widen: is_back && self.visits[to.index()] >= limits::WIDEN_AFTER && self.cfg.is_header(to),
            patient: self.visits[to.index()] < limits::PATIENT_VISITS,
        };
        let changed = if self.cfg.is_header(to) || from == to {
            match &mut self.trace.entry[to.index()] {
                Some(known) => known.join(&mut analyzer.model, &state, place),
                empty => {
                    let state = if self.cfg.is_header(to) { open_loop(analyzer, &self.cfg, place, state) } else { state };
                    *empty = Some(state);
                    true
                }
            }
        } else {
            self.meet_edges(analyzer, from, to, state, place)
        };
        if changed && !analyzer.reporting {
            self.work.insert(self.cfg.position(to));
        }
    }

    /// Outside of loop headers a block's state is what its edges say now, not what they ever said: the
    /// way out of a loop is not held to what the first round knew.
    fn meet_edges(&mut self, analyzer: &mut Analyzer<'_>, from: BlockId, to: BlockId, state: State, place: Place) -> bool {
        let edges = self.edges.entry(to).or_default();
        match edges.iter_mut().find(|(source, _)| *source == from) {
            Some((_, known)) if *known == state && self.trace.entry[to.index()].is_some() => return false,
            Some((_, known)) => *known = state,
            None => edges.push((from, state)),
        }
        edges.sort_by_key(|(source, _)| *source);
        let edges = edges.clone();
        let mut states = edges.into_iter().map(|(_, state)| state);
        let Some(mut joined) = states.next() else { return false };
        for state in states {
            joined.join(&mut analyzer.model, &state, place);
        }
        let changed = self.trace.entry[to.index()].as_ref() != Some(&joined);
        self.trace.entry[to.index()] = Some(joined);
        changed
    }

    fn raise(&mut self, analyzer: &mut Analyzer<'_>, handler: BlockId, state: &State, value: Option<Sym>) {
        let from = analyzer.current_block;
        if !self.divert_exception(analyzer, from, handler, state, value) {
            self.catch(analyzer, handler, state, value);
        }
    }

    fn catch(&mut self, analyzer: &mut Analyzer<'_>, handler: BlockId, state: &State, value: Option<Sym>) {
        let frame = analyzer.frame();
        let site = Rc::new(Site { ctx: frame.ctx, func: frame.func, what: SiteKind::Slot(handler, RESULT) });
        let thrown = value.unwrap_or_else(|| analyzer.model.symbols.intern(Value::Opaque(site.clone())));
        let exception = analyzer.model.symbols.intern(Value::Phi(site));
        self.caught.insert(handler, exception);
        analyzer.model.symbols.add_operand(exception, thrown);
        self.go(analyzer, handler, handler, state.clone());
    }

    fn leave(&mut self, analyzer: &mut Analyzer<'_>, mut state: State, value: Sym, by: BlockId) {
        if self.unrolled_around(analyzer.current_block).is_some() {
            return;
        }
        state.slots.insert(RESULT, value);
        self.end(analyzer, state, by);
    }

    /// Joins a state in which the function ends, with what it ends with in [`RESULT`].
    fn end(&mut self, analyzer: &mut Analyzer<'_>, state: State, by: BlockId) {
        let place = self.place(analyzer, by);
        let exit = if by == EXIT { &mut self.normal } else { &mut self.thrown };
        match exit {
            Some(known) => {
                known.join(&mut analyzer.model, &state, place);
            }
            None => *exit = Some(state),
        }
    }

    fn outcome(&self, analyzer: &mut Analyzer<'_>) -> Outcome {
        let mut take = |state: &Option<State>| {
            state.clone().map(|mut state| {
                let value = state.slots.remove(&RESULT).unwrap_or_else(|| analyzer.model.symbols.undefined());
                (state, value)
            })
        };
        Outcome { normal: take(&self.normal), thrown: take(&self.thrown) }
    }
}

/// What every turn that leaves a value with that truth, and as it was, knows. Nothing, if a turn may give it that truth.
fn left_alone(model: &mut Model, turns: &[State], values: &[Sym], flag: Sym, truth: bool) -> BTreeMap<Sym, Facts> {
    let mut common: Option<BTreeMap<Sym, Facts>> = None;
    for (turn, value) in turns.iter().zip(values) {
        let Some(choice) = turn.choices.get(value) else {
            // A turn that certainly gives it the other truth says nothing of this one.
            let (truthy, falsy) = model.facts(turn, *value).truth();
            match if truth { truthy } else { falsy } {
                true => return BTreeMap::new(),
                false => continue,
            }
        };
        for alternative in &choice.alternatives {
            let (truthy, falsy) = alternative.facts.truth();
            if !(if truth { truthy } else { falsy }) {
                continue;
            }
            if alternative.value != flag {
                return BTreeMap::new();
            }
            // Of several turns, what one knows in any case another may not.
            let mut known = (*alternative.implied).clone();
            if turns.len() > 1 {
                for (&about, &facts) in &turn.facts {
                    known.entry(about).and_modify(|implied| *implied = implied.meet(facts)).or_insert(facts);
                }
            }
            common = Some(match common {
                None => known,
                Some(mut common) => {
                    common.retain(|about, _| known.contains_key(about));
                    for (about, facts) in &mut common {
                        *facts = facts.join(known[about]);
                    }
                    common
                }
            });
        }
    }
    common.unwrap_or_default()
}

/// From now on that a collection is empty, as `measure` says, tells this as well.
pub fn tell_if_empty(state: &mut State, measure: Sym, mut implied: BTreeMap<Sym, Facts>) {
    if implied.is_empty() {
        return;
    }
    // What it told before, it tells still.
    for alternative in state.choices.get(&measure).iter().flat_map(|c| &c.alternatives).filter(|a| a.facts.range.contains(0.0)) {
        implied.extend(alternative.implied.iter().map(|(about, facts)| (*about, *facts)));
    }
    let number = |range| Facts::number(range, true);
    let empty = Alternative { value: measure, facts: number(Interval::point(0.0)), implied: Rc::new(implied) };
    let filled = Alternative { value: measure, facts: number(Interval { lo: 1.0, hi: f64::INFINITY }), implied: Rc::default() };
    state.choices.insert(measure, Rc::new(Choice { alternatives: vec![empty, filled] }));
}

/// Whether an operation may make a collection smaller.
fn takes_away(op: &OpKind) -> bool {
    match op {
        OpKind::Get { key: Key::Name(name), .. } => matches!(name.as_str(), "pop" | "shift" | "splice" | "clear" | "delete"),
        OpKind::Set { key: Key::Name(name), .. } => name == "length",
        OpKind::Delete { .. } => true,
        _ => false,
    }
}

/// The first entry into a loop: variables that the loop assigns are merges from the start, so that
/// the first round is not mistaken for all of them.
fn open_loop(analyzer: &mut Analyzer<'_>, cfg: &Graph, place: Place, mut state: State) -> State {
    let ir = analyzer.model.ir.clone();
    let body = ir.body(place.func);
    let Some(natural) = cfg.loop_at(place.block) else { return state };
    let mut assigned = BTreeSet::new();
    for &block in natural {
        for reg in &body.blocks[block.index()].ops {
            if let OpKind::Store { slot, init: false, .. } = body.ops[reg.index()].kind {
                assigned.insert(slot);
            }
        }
    }
    for slot in assigned {
        let Some(&value) = state.slots.get(&slot) else { continue };
        let site = Rc::new(Site { ctx: place.ctx, func: place.func, what: SiteKind::Slot(place.block, slot) });
        let phi = analyzer.model.symbols.intern(Value::Phi(site));
        if phi == value {
            continue;
        }
        analyzer.model.symbols.add_operand(phi, value);
        let facts = Facts { listed: false, ..analyzer.model.facts(&state, value) };
        state.facts.insert(phi, facts);
        state.slots.insert(slot, phi);
    }
    state
}

/// Whether an operation can raise an exception worth an edge to the handler.
fn may_throw(kind: &OpKind) -> bool {
    matches!(
        kind,
        OpKind::Get { .. }
            | OpKind::Set { .. }
            | OpKind::Call { .. }
            | OpKind::New { .. }
            | OpKind::SuperCall(_)
            | OpKind::Await(_)
            | OpKind::Yield { .. }
            | OpKind::Iterate { .. }
            | OpKind::RequireObject(_)
            | OpKind::Global(_)
            | OpKind::ImportCall(_)
    )
}

/// Keeps the refinement reachable for callers that hold only an analyzer.
pub fn assume(analyzer: &mut Analyzer<'_>, state: &mut State, sym: Sym, truth: bool) -> bool {
    refine::assume(&mut analyzer.model, state, sym, truth)
}
