//! How much work or memory a value can cause: nothing to speak of, as much as the input is long, or
//! as much as a few input bytes say.

use std::collections::BTreeSet;

use super::facts::{Facts, Interval, Types};
use super::flow::{Analyzer, Args, Trace};
use super::graph::Graph;
use super::ir::{BinaryOp, BlockId, FuncId};
use super::limits;
use super::observe::{Costly, Measure, Step};
use super::state::State;
use super::symbol::{PropKey, Sym, Value, for_each_part};
use crate::finding::Level;
use crate::source::TextRange;

/// Divisors and steps so small that what they divide is no limit any more.
const TINY: Interval = Interval { lo: 1e-9, hi: 1e-7 };

/// How large a count can be, and which input paths decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// Limited.
    Bounded,
    /// At most proportional to the size of these.
    Linear(BTreeSet<String>),
    /// Whatever number these hold.
    Arbitrary(BTreeSet<String>),
}

impl Size {
    /// For choosing the smaller of two.
    pub fn gravity(&self) -> u8 {
        match self {
            Size::Bounded => 0,
            Size::Linear(_) => 1,
            Size::Arbitrary(_) => 2,
        }
    }

    /// The smaller.
    pub fn min(self, other: Size) -> Size {
        if other.gravity() < self.gravity() { other } else { self }
    }

    /// The larger.
    pub fn max(self, other: Size) -> Size {
        if other.gravity() > self.gravity() { other } else { self }
    }

    fn paths(&self) -> BTreeSet<String> {
        match self {
            Size::Bounded => BTreeSet::new(),
            Size::Linear(paths) | Size::Arbitrary(paths) => paths.clone(),
        }
    }
}

/// A loop around the code being observed.
#[derive(Clone, Debug)]
struct Around {
    range: TextRange,
    size: Size,
    rounds: f64,
    bound: Vec<Sym>,
}

/// What is known of the number of rounds of one loop.
#[derive(Clone, Debug)]
pub struct Rounds {
    /// What drives it.
    pub size: Size,
    /// At most as many.
    pub most: f64,
    /// The values it is counted by.
    pub bound: Vec<Sym>,
}

/// The loops around the operation being observed, across calls.
#[derive(Debug, Default)]
pub struct LoopCosts {
    fixed: Vec<Around>,
    here: Vec<Vec<Around>>,
    sizes: Vec<std::collections::BTreeMap<BlockId, Rounds>>,
}

impl LoopCosts {
    fn all(&self) -> impl Iterator<Item = &Around> {
        self.fixed.iter().chain(self.here.iter().flatten())
    }

    /// The most rounds of one of the loops around the current operation, and what they are counted by.
    pub fn most_rounds(&self) -> (f64, Vec<Sym>) {
        let most = self.all().max_by(|a, b| a.rounds.total_cmp(&b.rounds));
        most.map_or((0.0, Vec::new()), |around| (around.rounds, around.bound.clone()))
    }
}

impl Analyzer<'_> {
    /// The observation of an activation begins: its loops are judged.
    pub fn enter_loops(&mut self, cfg: &Graph, func: FuncId, trace: &Trace) {
        let sizes = self.judge_loops(cfg, func, trace);
        self.loop_costs.sizes.push(sizes);
        self.loop_costs.here.push(Vec::new());
    }

    /// It ends.
    pub fn leave_loops(&mut self) {
        self.loop_costs.sizes.pop();
        self.loop_costs.here.pop();
    }

    /// The observation comes to a block: the loops around it count, and a header is charged.
    pub fn at_block(&mut self, cfg: &Graph, func: FuncId, block: BlockId) {
        let ir = self.model.ir.clone();
        let body = ir.body(func);
        let mut around = Vec::new();
        for header in cfg.headers_around(block) {
            let known = self.loop_costs.sizes.last().and_then(|s| s.get(&header)).cloned();
            let Rounds { size, most, bound } = known.unwrap_or(Rounds { size: Size::Bounded, most: 0.0, bound: Vec::new() });
            let range = body.blocks[header.index()].loop_head.map_or(TextRange::default(), |h| h.range);
            around.push(Around { range, size, rounds: most, bound });
        }
        if let Some(head) = body.blocks[block.index()].loop_head {
            let own = around.iter().position(|a| a.range == head.range).map(|at| around.remove(at));
            if let Some(here) = self.loop_costs.here.last_mut() {
                *here = around.clone();
            }
            if let Some(own) = own {
                self.charge_loop(head.range, &own.size);
                around.push(own);
            }
        }
        if let Some(here) = self.loop_costs.here.last_mut() {
            *here = around;
        }
    }

    /// A callback that a built-in runs once per element is a loop as well.
    pub fn enter_callback_loop(&mut self, state: &State, over: Sym, path: &str) {
        let size = if path.starts_with("Promise") { Size::Bounded } else { self.size_of_collection(state, over) };
        let rounds = if path.starts_with("Promise") { 1.0 } else { self.model.facts(state, over).length.hi };
        self.loop_costs.fixed.push(Around { range: TextRange::default(), size, rounds, bound: vec![over] });
    }

    /// The callback is done.
    pub fn leave_callback_loop(&mut self) {
        self.loop_costs.fixed.pop();
    }

    fn charge_loop(&mut self, range: TextRange, size: &Size) {
        match size {
            Size::Bounded => {}
            Size::Arbitrary(paths) => {
                let message = format!("the loop runs as often as {} {}, and nothing limits it", list(paths), says(paths));
                self.charge_cost(range, Level::Error, paths.clone(), message);
            }
            Size::Linear(paths) => self.charge_linear(range, paths, "the loop runs once for each part of"),
        }
    }

    /// Work proportional to input: a warning, an error inside another loop over the same input.
    fn charge_linear(&mut self, range: TextRange, paths: &BTreeSet<String>, what: &str) {
        if self.observing_cost() {
            let cost = self.linear_cost(range, paths, what);
            self.seen.costs.insert(cost);
        }
    }

    fn linear_cost(&self, range: TextRange, paths: &BTreeSet<String>, what: &str) -> Costly {
        match self.pass_around(range, paths) {
            Some(outer) => {
                let message =
                    format!("the work grows with the square of {}, whose size nobody limits: one pass over it inside another", list(paths));
                let steps: Vec<Step> =
                    if outer == TextRange::default() { Vec::new() } else { vec![(outer, "inside this pass".to_owned())] };
                Costly { range, level: Level::Error, drivers: paths.clone(), measure: Measure::Size, message, steps }
            }
            None => {
                let message = format!("{what} {}, whose size nobody limits", list(paths));
                Costly { range, level: Level::Warning, drivers: paths.clone(), measure: Measure::Size, message, steps: Vec::new() }
            }
        }
    }

    /// A pass over the same input that is under way around the current operation.
    fn pass_around(&self, range: TextRange, paths: &BTreeSet<String>) -> Option<TextRange> {
        let same = |a: &&Around| a.range != range && a.size.paths().iter().any(|outer| paths.iter().any(|path| multiplies(outer, path)));
        self.loop_costs.all().find(same).map(|around| around.range)
    }

    /// Whether costs count here.
    pub fn observing_cost(&self) -> bool {
        self.reporting && !self.sweeping && self.entry.is_some()
    }

    fn charge_cost(&mut self, range: TextRange, level: Level, drivers: BTreeSet<String>, message: String) {
        if self.observing_cost() {
            let measure = if level == Level::Error { Measure::Value } else { Measure::Size };
            self.seen.costs.insert(Costly { range, level, drivers, measure, message, steps: Vec::new() });
        }
    }

    /// How large a number can be.
    pub fn size_of_number(&mut self, state: &State, sym: Sym) -> Size {
        self.size_of_part(state, sym, 0)
    }

    /// How large a number can be that is a part, `depth` operators down, of the one asked about.
    fn size_of_part(&mut self, state: &State, sym: Sym, depth: u32) -> Size {
        let facts = self.model.facts(state, sym);
        if facts.listed || (facts.types.only(Types::NUMBER | Types::BOOLEAN | Types::NULLISH) && facts.range.hi <= limits::BOUND_MAX) {
            return Size::Bounded;
        }
        if facts.types.only(Types::NUMERIC) && facts.range.hi <= limits::BOUND_MAX {
            return Size::Bounded;
        }
        let (mut linear, mut arbitrary) = (BTreeSet::new(), BTreeSet::new());
        self.drivers(state, sym, &mut linear, &mut arbitrary, depth, &mut BTreeSet::new());
        if !arbitrary.is_empty() {
            Size::Arbitrary(arbitrary)
        } else if !linear.is_empty() {
            Size::Linear(linear)
        } else {
            Size::Bounded
        }
    }

    /// The input paths a number depends on: through lengths, or through their own value.
    fn drivers(
        &mut self,
        state: &State,
        sym: Sym,
        linear: &mut BTreeSet<String>,
        arbitrary: &mut BTreeSet<String>,
        depth: u32,
        seen: &mut BTreeSet<Sym>,
    ) {
        if depth > 14 || !seen.insert(sym) || seen.len() > 256 {
            return;
        }
        let facts = self.model.facts(state, sym);
        let limited = facts.listed
            || facts.types.only(Types::NUMERIC | Types::BOOLEAN | Types::NULLISH)
                && facts.range.hi <= limits::BOUND_MAX
                && facts.range.lo >= -limits::BOUND_MAX * 1e9;
        if limited && depth > 0 {
            return;
        }
        if let Value::Prop(base, PropKey::Name(name)) = self.model.symbols.value(sym).clone()
            && matches!(&*name, "length" | "size")
            && self.model.facts(state, base).types.only(Types::ITERABLE)
        {
            if let Size::Linear(paths) | Size::Arbitrary(paths) = self.size_of_collection(state, base) {
                linear.extend(paths);
            }
            return;
        }
        if let Some(path) = self.model.input_path(sym) {
            if facts.types.may(Types::NUMBER | Types::TEXT) {
                arbitrary.insert(path.to_string());
            }
            return;
        }
        let value = self.model.symbols.value(sym).clone();
        match &value {
            // A small exponent is a large power, and a small divisor a large quotient.
            Value::Binary(BinaryOp::Exp | BinaryOp::ShiftLeft, _, b) => {
                arbitrary.extend(self.influences(state, *b));
                return;
            }
            Value::Call(path, args) if &**path == "Math.pow" && args.len() == 2 => {
                arbitrary.extend(self.influences(state, args[1]));
                return;
            }
            Value::Binary(BinaryOp::Div, _, b) if self.model.facts(state, *b).range.meet(TINY) == TINY => {
                arbitrary.extend(self.influences(state, *b));
            }
            Value::Binary(BinaryOp::Mod, _, b) => return self.drivers(state, *b, linear, arbitrary, depth + 1, seen),
            // The smallest of values that are its own earlier ones is followed a few turns back.
            Value::Call(path, args) if path.starts_with("Math.min") && depth < 8 => {
                let is_no_limit = |&&a: &&Sym| self.model.symbols.as_number(a) != Some(f64::INFINITY);
                let limits: Vec<Sym> = args.iter().filter(is_no_limit).copied().collect();
                let sizes: Vec<Size> = limits.into_iter().map(|a| self.size_of_part(state, a, depth + 4)).collect();
                if sizes.contains(&Size::Bounded) {
                    return;
                }
            }
            Value::Call(path, _) if path.starts_with("String.prototype.indexOf") || path.starts_with("Array.prototype.indexOf") => {}
            _ => {}
        }
        if let Value::Opaque(_) = value
            && facts.types.only(Types::NUMBER)
            && facts.integer
            && facts.range.lo >= -1.0
            && !facts.range.hi.is_finite()
        {
            // A length, a count, an index of something.
            for part in self.model.symbols.operands(sym).collect::<Vec<_>>() {
                if let Size::Linear(paths) | Size::Arbitrary(paths) = self.size_of_collection(state, part) {
                    linear.extend(paths);
                }
            }
            return;
        }
        let mut parts = Vec::new();
        for_each_part(&value, |part| parts.push(part));
        parts.extend(self.model.symbols.operands(sym));
        for part in parts {
            self.drivers(state, part, linear, arbitrary, depth + 1, seen);
        }
    }

    /// How many elements, characters or keys a value can have.
    pub fn size_of_collection(&mut self, state: &State, of: Sym) -> Size {
        let mut paths = BTreeSet::new();
        self.collection_paths(state, of, &mut paths, 0, &mut BTreeSet::new());
        if paths.is_empty() { Size::Bounded } else { Size::Linear(paths) }
    }

    fn collection_paths(&mut self, state: &State, of: Sym, paths: &mut BTreeSet<String>, depth: u32, seen: &mut BTreeSet<Sym>) {
        if depth > 10 || !seen.insert(of) {
            return;
        }
        let facts = self.model.facts(state, of);
        if facts.listed || facts.length.is_bounded() && facts.types.only(Types::ITERABLE | Types::OBJECTS | Types::NULLISH) {
            return;
        }
        if facts.types.only(Types::NUMERIC | Types::BOOLEAN | Types::NULLISH | Types::FUNCTION) {
            return;
        }
        if let Some(path) = self.model.input_path(of) {
            if !path.segments.is_empty() || matches!(self.model.symbols.value(of), Value::Rest(..)) {
                paths.insert(path.to_string());
            }
            return;
        }
        let value = self.model.symbols.value(of).clone();
        let mut parts: Vec<Sym> = self.model.symbols.operands(of).collect();
        if let Value::Phi(site) = &value
            && let super::symbol::SiteKind::Slot(block, _) = site.what
        {
            // What a loop makes longer in each round is as long as the loop has rounds.
            paths.extend(self.rounds_of(site.func, site.ctx, block));
        }
        for place in self.grown.get(&of).cloned().unwrap_or_default() {
            parts.extend(place.over.iter().copied());
            for header in self.graphs[place.func.index()].headers_around(place.block) {
                paths.extend(self.rounds_of(place.func, place.ctx, header));
            }
        }
        match &value {
            Value::Alloc { .. } => {
                if let Some((_, source, _)) = self.derived.get(&of).cloned() {
                    parts.push(source);
                }
                if let Some(object) = state.object(of).cloned() {
                    parts.extend(object.spreads.iter().copied());
                }
            }
            Value::Call(path, args)
                if (path.starts_with("String.prototype.")
                    || path.starts_with("[[")
                    || path.starts_with("JSON.")
                    || matches!(&**path, "String" | "btoa" | "encodeURIComponent" | "decodeURIComponent")) =>
            {
                parts.extend(args.iter().take(1));
            }
            Value::Template(_, inner) => parts.extend(inner),
            Value::Instance(inner, _) | Value::Version(inner, _) | Value::Rest(inner, _) => parts.push(*inner),
            Value::KeyOf(_) => {}
            _ => {}
        }
        for part in parts {
            self.collection_paths(state, part, paths, depth + 1, seen);
        }
    }

    /// The input that decides how often a loop of an activation on the stack goes round.
    fn rounds_of(&self, func: FuncId, ctx: super::symbol::Ctx, header: BlockId) -> BTreeSet<String> {
        let at = self.frames.iter().rposition(|frame| frame.func == func && frame.ctx == ctx);
        let rounds = at.and_then(|at| self.loop_costs.sizes.get(at)).and_then(|loops| loops.get(&header));
        rounds.map(|rounds| rounds.size.paths()).unwrap_or_default()
    }

    /// All input paths that a value is made of.
    pub fn influences(&self, state: &State, sym: Sym) -> BTreeSet<String> {
        let (mut found, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![sym]);
        while let Some(next) = open.pop() {
            if !seen.insert(next) || seen.len() > limits::INFLUENCES_MAX {
                continue;
            }
            if let Some(path) = self.model.input_path(next) {
                found.insert(path.to_string());
                continue;
            }
            for_each_part(self.model.symbols.value(next), |part| open.push(part));
            open.extend(self.model.symbols.operands(next));
            open.extend(super::refine::date_time(&self.model, state, next));
        }
        found
    }

    /// A pass over a whole input that is made again and again in a pass over the same input.
    pub fn cost_of_pass(&mut self, state: &State, of: Sym, range: TextRange) {
        if !self.observing_cost() || !self.is_whole(of, 0) {
            return;
        }
        if let Size::Linear(paths) = self.size_of_collection(state, of) {
            let cost = self.linear_cost(range, &paths, "");
            if cost.level == Level::Error {
                self.seen.costs.insert(cost);
            }
        }
    }

    /// Not one of the parts that a pass goes over, which together are no more than the whole.
    fn is_whole(&self, of: Sym, depth: u32) -> bool {
        if self.grown.contains_key(&of) {
            return true;
        }
        if let Some(path) = self.model.input_path(of) {
            return !path.segments.contains(&super::model::Segment::Element);
        }
        depth < 6
            && match self.model.symbols.value(of) {
                Value::Call(_, args) => args.first().is_some_and(|&a| self.is_whole(a, depth + 1)),
                Value::Alloc { .. } => {
                    self.grown.contains_key(&of) || self.derived.get(&of).is_some_and(|(_, from, _)| self.is_whole(*from, depth + 1))
                }
                Value::Phi(_) => self.model.symbols.operands(of).any(|part| part != of && self.is_whole(part, depth + 1)),
                _ => false,
            }
    }

    /// A size that a call allocates.
    pub fn cost_of_size(&mut self, state: &State, n: Sym, range: TextRange, what: &str) {
        if !self.observing_cost() {
            return;
        }
        match self.size_of_number(state, n) {
            Size::Arbitrary(paths) => {
                let message = format!("{what}, and nothing limits {}, which decides it", list(&paths));
                self.charge_cost(range, Level::Error, paths, message);
            }
            Size::Linear(_) | Size::Bounded => {}
        }
    }

    /// BigInt powers.
    pub fn cost_of_power(&mut self, state: &State, op: BinaryOp, a: Sym, b: Sym, range: TextRange) {
        if !matches!(op, BinaryOp::Exp | BinaryOp::ShiftLeft) || !self.observing_cost() {
            return;
        }
        let (x, y) = (self.model.facts(state, a), self.model.facts(state, b));
        if x.types.only(Types::BIGINT) && y.types.may(Types::BIGINT) {
            let influences = self.influence(state, b);
            let bounded = match self.model.symbols.value(b).clone() {
                Value::Call(path, args) if &*path == "BigInt" => {
                    args.first().is_none_or(|&a| self.size_of_number(state, a) == Size::Bounded)
                }
                _ => y.listed,
            };
            if let (Some(source), false) = (influences, bounded) {
                let paths = BTreeSet::from([source.path]);
                let message = format!("the power has as many digits as {} says, and nothing limits it", list(&paths));
                self.charge_cost(range, Level::Error, paths, message);
            }
        }
    }

    /// `f(...xs)`, `[...xs]`
    pub fn cost_of_spread(&mut self, state: &State, of: Sym, range: TextRange, _as_arguments: bool) {
        if !self.observing_cost() {
            return;
        }
        self.observe_drain(state, of, range);
        if let Size::Linear(paths) = self.size_of_collection(state, of) {
            self.charge_linear(range, &paths, "the spread takes every element of");
        }
    }

    /// All values of an iterator are asked for at once.
    pub fn observe_drain(&mut self, state: &State, of: Sym, range: TextRange) {
        if self.observing_cost() && self.is_endless_iterator(state, of) {
            self.seen.loops.insert(super::observe::LoopVerdict {
                range,
                endless: Some((Level::Error, "it takes all values of a generator that never ends".into(), Vec::new())),
            });
        }
    }

    /// A copy of all elements.
    pub fn cost_of_copy(&mut self, state: &State, of: Sym, range: TextRange) {
        if let Size::Linear(paths) = self.size_of_collection(state, of) {
            self.charge_linear(range, &paths, "a copy is made of");
        }
    }

    /// `Object.keys(x)` and its kin. A limit on the length of the list, later, is the limit on the object.
    pub fn cost_of_keys(&mut self, state: &State, of: Sym, list: Sym, range: TextRange) {
        self.cost_until_limited(state, of, list, range, "every key is taken of");
    }

    /// Work that makes a list as long as an input, unless the list turns out to be limited.
    pub fn cost_until_limited(&mut self, state: &State, of: Sym, list: Sym, range: TextRange, what: &str) {
        if self.observing_cost()
            && let Size::Linear(paths) = self.size_of_collection(state, of)
        {
            match self.linear_cost(range, &paths, what) {
                cost if cost.level == Level::Error => drop(self.seen.costs.insert(cost)),
                cost => self.costs_until_limited.push((list, cost)),
            }
        }
    }

    /// The analysis is done: work on lists whose length was limited before they were used is dropped.
    pub fn settle_costs(&mut self) {
        for (list, cost) in std::mem::take(&mut self.costs_until_limited) {
            if !self.model.limited.contains(&list) {
                self.seen.costs.insert(cost);
            }
        }
    }

    /// Calls of built-ins by their cost.
    pub fn cost_of_call(&mut self, state: &State, path: &str, this: Sym, args: &Args, range: TextRange, callee_range: TextRange) {
        if !self.observing_cost() {
            return;
        }
        match path {
            "String.prototype.repeat" => {
                if let Some(n) = args.get(0) {
                    self.cost_of_size(state, n, callee_range, "text is repeated that often");
                }
            }
            "String.prototype.padStart" | "String.prototype.padEnd" => {
                if let Some(n) = args.get(0) {
                    self.cost_of_size(state, n, callee_range, "text is padded to that length");
                }
            }
            "String.prototype.split"
            | "String.prototype.includes"
            | "String.prototype.indexOf"
            | "String.prototype.lastIndexOf"
            | "String.prototype.replace"
            | "String.prototype.replaceAll"
            | "String.prototype.match"
            | "String.prototype.matchAll"
            | "String.prototype.search" => self.cost_of_pass(state, this, callee_range),
            "JSON.stringify" | "JSON.parse" | "Object.assign" | "structuredClone" => {
                for &arg in &args.list {
                    self.cost_of_pass(state, arg, range);
                }
            }
            _ => {}
        }
        if path == "Array.prototype.slice" && args.list.iter().all(|&from| self.model.symbols.as_number(from) == Some(0.0)) {
            self.cost_of_pass(state, this, callee_range);
        }
        let Some(method) = path.strip_prefix("Array.prototype.") else { return };
        let linear = matches!(
            method,
            "map"
                | "filter"
                | "forEach"
                | "reduce"
                | "reduceRight"
                | "some"
                | "every"
                | "find"
                | "findIndex"
                | "findLast"
                | "findLastIndex"
                | "flatMap"
                | "flat"
                | "sort"
                | "toSorted"
                | "indexOf"
                | "lastIndexOf"
                | "includes"
                | "join"
                | "reverse"
                | "toReversed"
                | "concat"
        );
        if linear && let Size::Linear(paths) = self.size_of_collection(state, this) {
            let what = if method.contains("ort") { "sorting takes every element of" } else { "the work is done for each element of" };
            self.charge_linear(range, &paths, what);
        }
    }

    /// Facts alone: whether a length is limited.
    pub fn is_limited(facts: Facts) -> bool {
        facts.length.is_bounded()
    }
}

/// Whether a pass over the one input for each part of the other is more work than both are long: over the same
/// once more, or over all of another. The parts of an element, for each element, are not.
fn multiplies(outer: &str, inner: &str) -> bool {
    inner == outer || !inner.contains("[*]") && !inner.starts_with(outer)
}

/// A few of the paths, for a message.
pub fn list(paths: &BTreeSet<String>) -> String {
    paths.iter().take(3).map(|p| format!("`{p}`")).collect::<Vec<_>>().join(" and ")
}

fn says(paths: &BTreeSet<String>) -> &'static str {
    if paths.len() == 1 { "says" } else { "say" }
}
