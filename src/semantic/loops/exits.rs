//! What one exit test says: which measure it compares with which bound, and whether rounds bring the
//! two together.

use super::{Exit, Turns};
use crate::semantic::cost::Size;
use crate::semantic::facts::{Facts, Interval, Types};
use crate::semantic::flow::Analyzer;
use crate::semantic::ir::{BinaryOp, BlockId, FuncId, Key, OpKind, Reg, UnaryOp};
use crate::semantic::loops::{Change, Movement};
use crate::semantic::state::State;
use crate::semantic::symbol::{PropKey, SiteKind, Sym, Value};

/// Rounds that are counted out, one by one, where all numbers are constant.
const COUNTED_ROUNDS_MAX: u32 = 100_000;

impl Analyzer<'_> {
    pub(super) fn exit_test(&mut self, turns: &Turns<'_>, cond: Sym, stays_if: bool, state: &State) -> Exit {
        match self.model.symbols.value(cond).clone() {
            Value::Unary(UnaryOp::Not, inner) => self.exit_test(turns, inner, !stays_if, state),
            Value::Call(path, args) if &*path == "Boolean" && !args.is_empty() => self.exit_test(turns, args[0], stays_if, state),
            Value::Binary(op, a, b) => {
                use BinaryOp::*;
                // Bring the staying condition to `low < high`.
                let (low, high, negated) = match (op, stays_if) {
                    (Less | LessEqual, true) => (a, b, false),
                    (Greater | GreaterEqual, true) => (b, a, false),
                    (Less | LessEqual, false) => (b, a, true),
                    (Greater | GreaterEqual, false) => (a, b, true),
                    (StrictNotEqual | NotEqual, true) | (StrictEqual | Equal, false) => {
                        return self.exit_unequal(turns, a, b, state);
                    }
                    _ => return self.exit_other(turns, cond),
                };
                self.exit_order(turns, low, high, negated, state)
            }
            Value::Prop(of, PropKey::Name(name)) if &*name == "done" && !stays_if => self.exit_by_iterator(turns, of, state),
            _ if stays_if => self.exit_truthy(turns, cond, state),
            _ => self.exit_other(turns, cond),
        }
    }

    /// Stays while `low < high`. Negated conditions stay for NaN as well.
    fn exit_order(&mut self, turns: &Turns<'_>, low: Sym, high: Sym, negated: bool, state: &State) -> Exit {
        if self.model.symbols.is_constant(low)
            && let Some(exit) = self.exit_by_length(turns, high, state)
        {
            return exit;
        }
        if let Some(exit) = self.exit_by_growth(turns, low, high, state) {
            return exit;
        }
        if let Some(exit) = self.exit_by_bisection(turns, low, high) {
            return exit;
        }
        if self.model.symbols.as_number(low).is_some_and(|n| n == 0.0 || n == -1.0)
            && let Some(exit) = self.exit_by_search(turns, high, state)
        {
            return exit;
        }
        let up = self.movement(turns, low, state);
        let down = self.movement(turns, high, state);
        let closing = up.range.add(down.range.neg());
        if closing.lo > 0.0 && up.known && down.known {
            if negated && (self.may_be_nan(state, low) || self.may_be_nan(state, high)) {
                return Exit::Stuck("its condition stays true if the bound is NaN".into());
            }
            return Exit::Ranked(self.trip_size(turns, low, high, state, &up, &down));
        }
        if !up.moves && !down.moves {
            if up.known && down.known {
                return Exit::Still("none of the values in its condition changes in it".into());
            }
            return Exit::Unknown("whether the values in its condition change could not be shown".into());
        }
        if let Some(source) = up.source.clone().or(down.source.clone()) {
            return Exit::Stuck(format!("the step comes from `{}`, which may be 0, negative or NaN", source.path));
        }
        if closing.hi <= 0.0 && up.known && down.known {
            return Exit::Still("each round moves away from the bound, or not at all".into());
        }
        if closing.lo.is_finite() && closing.lo <= 0.0 && up.known && down.known {
            if self.is_steady(turns, low) && self.is_steady(turns, high) {
                return Exit::Stuck("its step may be 0 or lead away from the bound, and is the same in every round".into());
            }
            return Exit::Unknown("on some path through it the value that should reach the bound does not move".into());
        }
        Exit::Unknown("how far each round gets towards the bound could not be shown".into())
    }

    /// Whether a measure moves by an amount that the loop itself does not change.
    fn is_steady(&mut self, turns: &Turns<'_>, measure: Sym) -> bool {
        let Some(round) = turns.round else { return false };
        let mut bases = Vec::new();
        self.loop_bases(turns, measure, &mut bases, 0);
        bases.into_iter().all(|base| {
            let Some(next) = self.next_values(turns, base) else { return false };
            let mut steps = Vec::new();
            next.iter().for_each(|(value, _)| self.collect_steps(*value, base, &mut steps, 0));
            !steps.is_empty() && steps.into_iter().all(|step| self.leaves_as_it_was(turns, round, step))
        })
    }

    fn may_be_nan(&mut self, state: &State, sym: Sym) -> bool {
        let facts = self.model.facts(state, sym);
        facts.types.may(Types::NAN) && crate::semantic::refine::depends_on_input(&self.model, sym)
    }

    /// Stays while `xs.length < limit`, and every round adds to `xs`.
    fn exit_by_growth(&mut self, turns: &Turns<'_>, low: Sym, high: Sym, state: &State) -> Option<Exit> {
        let collection = self.measured(low)?;
        let (taken, added, _) = self.net_change(turns, collection)?;
        (added.is_some_and(|n| n > taken)).then(|| Exit::Ranked(self.size_of_number(state, high)))
    }

    /// The collection whose length or size a measure is.
    pub(super) fn measured(&self, measure: Sym) -> Option<Sym> {
        match self.model.symbols.value(measure) {
            Value::Prop(collection, PropKey::Name(name)) if matches!(&**name, "length" | "size") => match self.derived.get(collection) {
                Some((method, of, _)) if method == "keys" => Some(*of),
                _ => Some(*collection),
            },
            _ => None,
        }
    }

    /// How many elements a way round takes from a collection, how many it puts in (nothing where that
    /// is not known), and whether it changes it in other ways. Parts of what it takes do not count as
    /// put in: finite data runs out of parts.
    pub(super) fn net_change(&self, turns: &Turns<'_>, collection: Sym) -> Option<(usize, Option<usize>, bool)> {
        let round = turns.round?;
        let (mut taken, mut added, mut altered) = (0, Some(0), false);
        for mutation in round.mutations.iter().filter(|m| self.same_object(m.object, collection)) {
            match &mutation.change {
                Change::Taken(_) => taken += 1,
                Change::Added(elements, spread) => {
                    let new = elements.iter().filter(|&&e| !self.is_part_of_taken(round, e)).count();
                    added = if *spread && new > 0 { None } else { added.map(|n| n + new) };
                }
                Change::Altered => altered = true,
            }
        }
        Some((taken, added, altered))
    }

    /// `xs.length` against a constant: driven by what is taken from `xs`.
    fn exit_by_length(&mut self, turns: &Turns<'_>, measure: Sym, state: &State) -> Option<Exit> {
        let collection = self.measured(measure)?;
        self.exit_by_shrinking(turns, collection, state)
    }

    /// The loop takes elements from a collection in every round.
    fn exit_by_shrinking(&mut self, turns: &Turns<'_>, collection: Sym, state: &State) -> Option<Exit> {
        if let Some(exit) = self.exit_by_slicing(turns, collection) {
            return Some(exit);
        }
        let (taken, added, _) = self.net_change(turns, collection)?;
        match (taken, added) {
            (0, Some(0)) => None,
            (0, _) => Some(Exit::Still("each round adds to what should become empty".into())),
            (taken, Some(added)) if added < taken => Some(Exit::Ranked(self.size_of_collection(state, collection))),
            (_, Some(_)) => Some(Exit::Still("every round puts back what it takes away".into())),
            (_, None) => Some(Exit::Unknown("how much each round puts back could not be shown".into())),
        }
    }

    /// `xs = xs.slice(1)`: the value itself is replaced by a shorter one.
    fn exit_by_slicing(&mut self, turns: &Turns<'_>, collection: Sym) -> Option<Exit> {
        let next = self.next_values(turns, collection)?;
        let shorter = next.iter().all(|&(n, _)| self.is_shorter(n, collection, 0));
        if !shorter {
            return None;
        }
        let state = turns.trace.entry[turns.natural.header.index()].clone()?;
        Some(Exit::Ranked(self.size_of_collection(&state, collection)))
    }

    /// Stays while the two differ.
    fn exit_unequal(&mut self, turns: &Turns<'_>, a: Sym, b: Sym, state: &State) -> Exit {
        let nullish = |analyzer: &Self, s: Sym| matches!(analyzer.model.symbols.value(s), Value::Undefined | Value::Null);
        if nullish(self, b) {
            return self.exit_truthy(turns, a, state);
        }
        if nullish(self, a) {
            return self.exit_truthy(turns, b, state);
        }
        if self.model.symbols.as_number(b) == Some(0.0) {
            if let Some(exit) = self.exit_by_length(turns, a, state) {
                return exit;
            }
            if self.shrinks_towards_zero(turns, a) {
                return Exit::Ranked(Size::Bounded);
            }
        }
        if self.model.symbols.as_number(b) == Some(-1.0)
            && let Some(exit) = self.exit_by_search(turns, a, state)
        {
            return exit;
        }
        if let Some(exit) = self.exit_by_counting(turns, a, b) {
            return exit;
        }
        let (up, down) = (self.movement(turns, a, state), self.movement(turns, b, state));
        let closing = up.range.add(down.range.neg());
        let exact = closing.lo == closing.hi && closing.lo.abs() == 1.0 && up.known && down.known;
        let (x, y) = (self.model.facts(state, a), self.model.facts(state, b));
        if exact && x.integer && y.integer {
            let towards = if closing.lo > 0.0 { x.range.lo <= y.range.hi } else { x.range.hi >= y.range.lo };
            let safe = if closing.lo > 0.0 {
                x.range.hi <= y.range.lo || x.range.lo.is_finite() && y.range.lo.is_finite()
            } else {
                x.range.lo >= y.range.lo
            };
            if towards && safe {
                return Exit::Ranked(self.trip_size(turns, a, b, state, &up, &down));
            }
        }
        if !up.moves && !down.moves && up.known && down.known {
            return Exit::Still("none of the values in its condition changes in it".into());
        }
        if let Some(source) = up.source.or(down.source) {
            return Exit::Stuck(format!("the step comes from `{}` and may jump over the value that ends it", source.path));
        }
        if closing.lo.is_finite()
            && closing.hi.is_finite()
            && (x.types.only(Types::NUMERIC) || y.types.only(Types::NUMERIC))
            && up.known
            && down.known
        {
            let driven = self.influence(state, a).or_else(|| self.influence(state, b));
            if let Some(source) = driven {
                return Exit::Stuck(format!(
                    "it ends only if it meets one value exactly, and `{}` may make it step over that value",
                    source.path
                ));
            }
        }
        Exit::Unknown("it ends only if it meets one value exactly".into())
    }

    /// Start, step and end are constant: the rounds are counted out.
    fn exit_by_counting(&mut self, turns: &Turns<'_>, measure: Sym, end: Sym) -> Option<Exit> {
        let end = self.model.symbols.as_number(end)?;
        let before = turns.trace.before.get(&turns.natural.header)?;
        let start = self.at_start(turns, before, measure, 0).and_then(|s| self.model.symbols.as_number(s))?;
        let mut steps = Vec::new();
        for (next, _) in self.next_values(turns, measure)? {
            steps.push(match self.model.symbols.value(next) {
                Value::Binary(BinaryOp::Add | BinaryOp::Increment, a, b) if *a == measure => self.model.symbols.as_number(*b)?,
                Value::Binary(BinaryOp::Sub, a, b) if *a == measure => -self.model.symbols.as_number(*b)?,
                _ => return None,
            });
        }
        let [step] = steps[..] else { return None };
        let mut at = start;
        for _ in 0..COUNTED_ROUNDS_MAX {
            if at == end {
                return Some(Exit::Ranked(Size::Bounded));
            }
            if (step > 0.0 && at > end) || (step < 0.0 && at < end) || step == 0.0 {
                return Some(Exit::Stuck("it ends only if it meets one value exactly, and its steps jump over that value".into()));
            }
            at += step;
        }
        None
    }

    /// `at = text.indexOf(x, at + 1)`: each hit lies behind the one before.
    fn exit_by_search(&mut self, turns: &Turns<'_>, measure: Sym, state: &State) -> Option<Exit> {
        for (next, at) in self.next_values(turns, measure)? {
            let Value::Call(path, args) = self.model.symbols.value(next).clone() else { return None };
            if !matches!(&*path, "String.prototype.indexOf" | "Array.prototype.indexOf") {
                return None;
            }
            let from = *args.get(2)?;
            let step = self.difference(from, measure, &at, 0)?;
            if path.starts_with("String") && self.model.facts(&at, args[1]).length.lo < 1.0 {
                return None;
            }
            if step.range.lo < 1.0 {
                return Some(Exit::Still("each search begins where the last one ended, and finds the same".into()));
            }
        }
        let [(next, _), ..] = &self.next_values(turns, measure)?[..] else { return None };
        let text = match self.model.symbols.value(*next) {
            Value::Call(_, args) => args[0],
            _ => return None,
        };
        Some(Exit::Ranked(self.size_of_collection(state, text)))
    }

    /// Stays while the value is truthy, or not null.
    fn exit_truthy(&mut self, turns: &Turns<'_>, value: Sym, state: &State) -> Exit {
        if let Some(exit) = self.exit_by_length(turns, value, state) {
            return exit;
        }
        if let Some(exit) = self.exit_by_regex(turns, value, state) {
            return exit;
        }
        if let Some(exit) = self.exit_by_shortening(turns, value, state) {
            return exit;
        }
        if let Some(exit) = self.exit_by_taking(turns, value, state) {
            return exit;
        }
        if let Some(exit) = self.exit_by_slicing(turns, value) {
            return exit;
        }
        if let Some(next) = self.next_values(turns, value)
            && next.iter().all(|&(n, _)| self.descends(n, value, 0))
        {
            return Exit::Ranked(self.size_of_collection(state, value));
        }
        if self.shrinks_towards_zero(turns, value) {
            return Exit::Ranked(Size::Bounded);
        }
        let facts = self.model.facts(state, value);
        let step = self.movement(turns, value, state);
        if facts.types.only(Types::NUMERIC) && step.known && step.moves {
            let entry = turns.trace.before.get(&turns.natural.header).cloned();
            let start = entry.map(|s| self.start_facts(turns, value, &s)).unwrap_or(facts);
            let counts_down = step.range == Interval::point(-1.0) && start.integer && start.range.lo >= 0.0;
            if counts_down {
                let zero = self.model.symbols.number(0.0);
                let still = Movement::still();
                return Exit::Ranked(self.trip_size(turns, zero, value, state, &still, &step));
            }
            if let Some(source) = self.influence(state, value) {
                return Exit::Stuck(format!("it ends only at exactly 0, and `{}` may be negative or fractional", source.path));
            }
        }
        self.exit_other(turns, value)
    }

    /// `while (text.includes(x))`, `startsWith`, `endsWith`: stays while a text has something in it, and each
    /// round makes the text shorter, or puts something else for what was found.
    fn exit_by_shortening(&mut self, turns: &Turns<'_>, value: Sym, state: &State) -> Option<Exit> {
        let Value::Call(path, args) = self.model.symbols.value(value).clone() else { return None };
        let is_search = matches!(&*path, "String.prototype.includes" | "String.prototype.startsWith" | "String.prototype.endsWith");
        let (true, [text, sought]) = (is_search, &args[..]) else { return None };
        let sought_text = self.model.symbols.as_str(*sought).filter(|s| !s.is_empty())?;
        for (next, _) in self.next_values(turns, *text)? {
            if self.is_shorter(next, *text, 0) {
                continue;
            }
            let Value::Call(method, parts) = self.model.symbols.value(next).clone() else { return None };
            let replaces = matches!(&*method, "String.prototype.replace" | "String.prototype.replaceAll");
            let (true, [of, found, put]) = (replaces, &parts[..]) else { return None };
            if (of, found) != (text, sought) || &*path != "String.prototype.includes" {
                return None;
            }
            let put = self.model.symbols.as_str(*put)?;
            if put.contains(&*sought_text) {
                return Some(Exit::Still("what each round puts for what it finds is found again in the next".into()));
            }
            if put.len() >= sought_text.len() {
                return None;
            }
        }
        Some(Exit::Ranked(self.size_of_collection(state, *text)))
    }

    /// The value is taken from a collection in the condition itself.
    fn exit_by_taking(&mut self, turns: &Turns<'_>, value: Sym, state: &State) -> Option<Exit> {
        let leaves = self.model.symbols.leaves(value);
        let collection = turns.round?.mutations.iter().find_map(|m| match m.change {
            Change::Taken(Some(element)) => {
                (element == value || self.model.symbols.leaves(element).iter().any(|l| leaves.contains(l))).then_some(m.object)
            }
            _ => None,
        })?;
        self.exit_by_shrinking(turns, collection, state)
    }

    /// `while (!step.done)`: an iterator made before the loop runs out unless it is endless.
    fn exit_by_iterator(&mut self, turns: &Turns<'_>, of: Sym, state: &State) -> Exit {
        if self.is_endless_iterator(state, of) {
            return Exit::Stuck("the iterator it asks never ends".into());
        }
        let asks = self.asked_iterators(turns);
        if asks.iter().any(|&iterator| self.is_endless_iterator(state, iterator)) {
            return Exit::Stuck("the iterator it asks never ends".into());
        }
        match (asks.is_empty(), asks.iter().any(|&iterator| !self.is_made_in(turns, iterator))) {
            (true, _) => Exit::Still("nothing in it asks the iterator for more".into()),
            (false, true) => Exit::Ranked(Size::Bounded),
            (false, false) => Exit::Still("every round asks an iterator that is made anew".into()),
        }
    }

    /// What the loop calls `next` of.
    fn asked_iterators(&self, turns: &Turns<'_>) -> Vec<Sym> {
        let body = self.model.ir.body(turns.func);
        let registers = turns.round.map_or(&turns.trace.registers, |round| &round.registers);
        let blocks = turns.round.map_or_else(|| turns.cfg.blocks_of(turns.natural), |round| round.blocks.clone());
        let calls = blocks.iter().flat_map(|b| &body.blocks[b.index()].ops);
        calls
            .filter_map(|reg| match &body.ops[reg.index()].kind {
                OpKind::Call { callee, this: Some(this), .. } => match &body.ops[callee.index()].kind {
                    OpKind::Get { key: Key::Name(name), .. } if name == "next" => registers[this.index()],
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    /// Whether each round makes the object anew.
    fn is_made_in(&self, turns: &Turns<'_>, object: Sym) -> bool {
        self.model.symbols.leaves(object).iter().any(|&leaf| match self.model.symbols.value(leaf) {
            Value::Alloc { site, .. } => match site.what {
                SiteKind::Op(reg, _) if site.func == turns.func => {
                    self.block_of(turns.func, reg).is_some_and(|b| turns.cfg.blocks_of(turns.natural).contains(&b))
                }
                _ => false,
            },
            _ => false,
        })
    }

    fn start_facts(&mut self, turns: &Turns<'_>, value: Sym, before: &State) -> Facts {
        // What `i--` gives is the number that `i` was.
        if let Value::Unary(UnaryOp::Plus, of) = *self.model.symbols.value(value) {
            return self.start_facts(turns, of, before);
        }
        match self.header_slot(turns, value).and_then(|slot| before.slots.get(&slot).copied()) {
            Some(start) => self.model.facts(before, start),
            None => self.model.facts(before, value),
        }
    }

    /// `while ((m = re.exec(text)))`, `while (re.test(text))`: each call goes on where the last one ended.
    fn exit_by_regex(&mut self, turns: &Turns<'_>, value: Sym, state: &State) -> Option<Exit> {
        let (regex, text) = match self.model.symbols.value(value).clone() {
            Value::Call(path, args) if &*path == "RegExp.prototype.test" => (Some(args[0]), args.get(1).copied()),
            _ => self.model.symbols.leaves(value).into_iter().find_map(|l| self.exec_results.get(&l).cloned())?,
        };
        let Some(regex) = regex else {
            return Some(Exit::Unknown("whether the expression goes on after each match could not be shown".into()));
        };
        let Value::Regex { pattern, flags } = self.model.symbols.value(regex).clone() else { return None };
        let text_moves = text.is_some_and(|text| {
            let mut bases = Vec::new();
            self.loop_bases(turns, text, &mut bases, 0);
            !bases.is_empty()
        });
        if text_moves {
            return None;
        }
        if !flags.contains(['g', 'y']) {
            return Some(Exit::Stuck("the search starts from the beginning in every round: its expression has neither `g` nor `y`".into()));
        }
        let body = self.model.ir.body(turns.func);
        let made_here = turns.cfg.blocks_of(turns.natural).iter().any(|b| {
            body.blocks[b.index()]
                .ops
                .iter()
                .any(|r| matches!(&body.ops[r.index()].kind, OpKind::Regex { pattern: p, .. } if **p == *pattern))
        });
        if made_here {
            return Some(Exit::Stuck("the expression is made anew in every round, so the search always starts from the beginning".into()));
        }
        if turns.round.is_none() && self.writes_last_index_somewhere(turns) {
            return Some(Exit::Unknown("`lastIndex` is written in it".into()));
        }
        let writes = self.last_index_writes(turns);
        if writes.iter().any(|&value| self.model.symbols.as_number(value).is_some_and(|n| n <= 0.0)) {
            return Some(Exit::Stuck("`lastIndex` is set back, so the search always starts from the beginning".into()));
        }
        let matches_nothing = regress::Regex::with_flags(&pattern, &*flags).is_ok_and(|r| r.find("").is_some());
        if matches_nothing && writes.is_empty() && !self.writes_last_index_somewhere(turns) {
            return Some(Exit::Stuck("the expression can match nothing at all, and the search does not go on after an empty match".into()));
        }
        let size = text.map_or(Size::Bounded, |text| self.size_of_collection(state, text));
        Some(Exit::Ranked(size))
    }

    /// The values that a round writes to some `lastIndex`.
    fn last_index_writes(&self, turns: &Turns<'_>) -> Vec<Sym> {
        let body = self.model.ir.body(turns.func);
        let Some(round) = turns.round else { return Vec::new() };
        let writes =
            round.blocks.iter().flat_map(|b| &body.blocks[b.index()].ops).filter_map(|reg| self.last_index_write(turns.func, *reg));
        writes.filter_map(|value| round.registers[value.index()]).collect()
    }

    fn writes_last_index_somewhere(&self, turns: &Turns<'_>) -> bool {
        let body = self.model.ir.body(turns.func);
        turns
            .cfg
            .blocks_of(turns.natural)
            .iter()
            .flat_map(|b| &body.blocks[b.index()].ops)
            .any(|reg| self.last_index_write(turns.func, *reg).is_some())
    }

    fn last_index_write(&self, func: FuncId, reg: Reg) -> Option<Reg> {
        match &self.model.ir.body(func).ops[reg.index()].kind {
            OpKind::Set { key: Key::Name(name), value, .. } if name == "lastIndex" => Some(*value),
            _ => None,
        }
    }

    /// A test that is none of the known shapes.
    fn exit_other(&mut self, turns: &Turns<'_>, cond: Sym) -> Exit {
        match turns.round {
            Some(round) if self.leaves_as_it_was(turns, round, cond) => {
                Exit::Still("none of the values in its condition changes in it".into())
            }
            _ => Exit::Unknown("no progress towards its exit could be shown".into()),
        }
    }

    pub(super) fn block_of(&self, func: FuncId, reg: Reg) -> Option<BlockId> {
        let body = self.model.ir.body(func);
        body.blocks.iter().position(|b| b.ops.contains(&reg)).map(|i| BlockId(i as u32))
    }
}
