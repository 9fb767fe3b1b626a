//! Uses that demand more of a value than its presence: one table, one code path.

use std::collections::{BTreeSet, VecDeque};

use super::builtins;
use super::facts::{Facts, Known, Types};
use super::flow::Analyzer;
use super::ir::{FuncId, Reg, UnaryOp};
use super::limits;
use super::observe::{Step, UnmetDemand};
use super::refine;
use super::state::State;
use super::symbol::{AllocKind, PropKey, Sym, Value};
use crate::finding::Level;
use crate::source::TextRange;

/// How a read under a computed key is told.
const INDEXED: &str = "indexed";
/// How a write is told.
const WRITTEN: &str = "written into";

/// A demand waiting for the end of the analysis: a later NaN check of what was computed counts.
#[derive(Clone, Debug)]
pub struct Pending {
    demand: UnmetDemand,
    operand: Sym,
    /// The function that goes down to the operand by keys that input chooses.
    descends: Option<FuncId>,
}

/// Where an unverified value came from.
#[derive(Clone, Debug)]
pub struct InputSource {
    /// The path, as text.
    pub path: String,
    /// The symbol of the path.
    pub symbol: Sym,
    /// It went through a numeric or date conversion, which may have given NaN.
    pub conversion: bool,
}

/// Whether a use is one of a number: arithmetic, ordering.
fn asks_for_number(accepted: Types) -> bool {
    accepted.may(Types::NUMBER) && !accepted.may(Types::OBJECT)
}

impl Analyzer<'_> {
    /// The input path behind a value that is read from input as it is, or only converted to a number.
    /// Of a value that is one of several, those that are known to be `accepted` are not to blame, unless
    /// what is wrong is that there may be none of them.
    pub fn input_source(&mut self, state: &State, sym: Sym, accepted: Types) -> Option<InputSource> {
        // What a value was a turn earlier may be a merge that leads back to it.
        let (mut seen, mut open) = (BTreeSet::new(), self.doubtful_leaves(state, sym, accepted));
        open.reverse();
        let (mut accepted_one, mut may_be_absent) = (None, false);
        while let Some(leaf) = open.pop() {
            if !seen.insert(leaf) || seen.len() > limits::INFLUENCES_MAX {
                continue;
            }
            may_be_absent |= matches!(self.model.symbols.value(leaf), Value::Undefined | Value::Null);
            if let Some(path) = self.model.input_path(leaf).or_else(|| self.model.parsed_path(leaf)) {
                let source = InputSource { path: path.to_string(), symbol: leaf, conversion: false };
                if leaf == sym || !matches!(self.model.facts(state, leaf).known(accepted), Known::Typed | Known::Bounded) {
                    return Some(source);
                }
                accepted_one.get_or_insert(source);
                continue;
            }
            // One that the function which made it returns only if it is a number, whatever else that one returns.
            let is_checked = leaf != sym && self.returned.get(&leaf) == Some(&true);
            if let (false, Some(source)) = (is_checked, self.converted_source(state, leaf)) {
                return Some(source);
            }
            if let Value::Instance(of, _) = self.model.symbols.value(leaf) {
                open.extend(self.model.symbols.leaves(*of).into_iter().rev());
            }
        }
        // What is absent only where the program looks something up of its own makes a number that is none.
        accepted_one.filter(|_| may_be_absent && !asks_for_number(accepted))
    }

    /// The values that a merge may be, apart from those of merges inside it that are `accepted`, and dates that are.
    fn doubtful_leaves(&mut self, state: &State, sym: Sym, accepted: Types) -> Vec<Sym> {
        let is_number = asks_for_number(accepted);
        let (mut leaves, mut seen, mut open) = (Vec::new(), BTreeSet::new(), vec![sym]);
        while let Some(next) = open.pop() {
            if !seen.insert(next) || seen.len() > limits::LEAVES_MAX {
                continue;
            }
            let operands: Vec<Sym> = match self.model.symbols.value(next) {
                Value::Phi(_) | Value::Prop(..) => self.model.symbols.operands(next).collect(),
                _ => Vec::new(),
            };
            let is_date = matches!(self.model.symbols.value(next), Value::Alloc { kind: AllocKind::Date, .. });
            if next != sym && (is_date || is_number && !operands.is_empty()) {
                let facts = self.model.facts(state, next);
                if facts.types != Types::NONE && matches!(facts.known(accepted), Known::Typed | Known::Bounded) {
                    continue;
                }
            }
            match operands.is_empty() {
                true => leaves.push(next),
                false => open.extend(operands),
            }
        }
        leaves.sort();
        leaves
    }

    /// Notes what is known of a conversion where a function returns it.
    pub fn note_returned(&mut self, state: &State, value: Sym) {
        if matches!(self.model.symbols.value(value), Value::Call(path, _) if is_conversion(path)) {
            let is_number = !self.model.facts(state, value).types.may(Types::NAN);
            *self.returned.entry(value).or_insert(true) &= is_number;
        }
    }

    fn converted_source(&mut self, state: &State, leaf: Sym) -> Option<InputSource> {
        if let Some(time) = refine::date_time(&self.model, state, leaf) {
            return self.influence(state, time).map(|source| InputSource { conversion: true, ..source });
        }
        match self.model.symbols.value(leaf).clone() {
            Value::Unary(UnaryOp::Plus, a) => self.influence(state, a).map(|source| InputSource { conversion: true, ..source }),
            Value::Call(path, args) if is_conversion(&path) => {
                args.into_iter().find_map(|a| self.influence(state, a)).map(|source| InputSource { conversion: true, ..source })
            }
            _ => None,
        }
    }

    /// The first input path that a value is made of, through any computation.
    pub fn influence(&mut self, state: &State, sym: Sym) -> Option<InputSource> {
        let (mut seen, mut open) = (BTreeSet::new(), VecDeque::from([sym]));
        while let Some(next) = open.pop_front() {
            if !seen.insert(next) || seen.len() > limits::INFLUENCES_MAX {
                continue;
            }
            if let Some(path) = self.model.input_path(next) {
                return Some(InputSource { path: path.to_string(), symbol: next, conversion: false });
            }
            super::symbol::for_each_part(self.model.symbols.value(next), |part| open.push_back(part));
            open.extend(self.model.symbols.operands(next));
            open.extend(refine::date_time(&self.model, state, next));
        }
        None
    }

    /// A use that accepts only `accepted`.
    pub fn demand(&mut self, state: &State, sym: Sym, accepted: Types, range: TextRange, what: &'static str, wants: &'static str) {
        if !self.reporting || self.sweeping || self.entry.is_none() {
            return;
        }
        let facts = self.undoubted(state, sym);
        let level = match facts.known(accepted) {
            Known::Unchecked => Level::Error,
            Known::Present => Level::Warning,
            Known::Typed | Known::Bounded => return,
        };
        let Some(source) = self.input_source(state, sym, accepted) else { return };
        if !source.conversion && facts.types.may(Types::NAN) && !facts.types.may(Types::NULLISH) {
            return;
        }
        self.unmet(sym, source, level, range, what, wants);
        if [INDEXED, WRITTEN].contains(&what) && self.is_chosen_unguarded(state, sym) {
            let descends = Some(self.frame().func);
            self.pending.last_mut().into_iter().for_each(|pending| pending.descends = descends);
        }
    }

    /// What is known of a value. A character that is read by its place in a checked text is there, as the
    /// element of an array that a loop indexes is, though the program may ask whether it is.
    fn undoubted(&mut self, state: &State, sym: Sym) -> Facts {
        let facts = self.model.facts(state, sym);
        let Value::Prop(text, PropKey::Dynamic(at)) = *self.model.symbols.value(sym) else { return facts };
        let is_place = self.model.facts(state, at).types.only(Types::NUMBER);
        match is_place && self.model.facts(state, text).types.only(Types::STRING) {
            true => Facts { types: facts.types.without(Types::UNDEFINED), ..facts },
            false => facts,
        }
    }

    /// Notes that a use demands more of `sym`, which comes from `source`, than is known.
    fn unmet(&mut self, sym: Sym, source: InputSource, level: Level, range: TextRange, what: &'static str, wants: &'static str) {
        let (range, function, steps) = self.charge(sym, range, what);
        let demand = UnmetDemand { path: source.path, function, range, level, what, wants, conversion: source.conversion, steps };
        self.pending.push(Pending { demand, operand: sym, descends: None });
    }

    /// Where a demand on `sym` is charged: in the caller that passed the value as it is.
    fn charge(&self, sym: Sym, range: TextRange, what: &str) -> (TextRange, u32, Vec<Step>) {
        let mut at = self.frames.len() - 1;
        let mut range = range;
        let mut steps = Vec::new();
        while at > 0 {
            let frame = &self.frames[at];
            let Some(position) = frame.args.list.iter().position(|&arg| arg == sym) else { break };
            let Some(&passed) = frame.args.ranges.get(position) else { break };
            steps.insert(0, (range, format!("{what} here")));
            range = passed;
            at -= 1;
        }
        (range, self.frames[at].func.0, steps)
    }

    /// Ends the analysis of demands: what a later NaN check covers is dropped.
    pub fn settle_demands(&mut self) {
        let checked: BTreeSet<Sym> = self.model.checked_for_nan.iter().flat_map(|&checked| self.model.symbols.leaves(checked)).collect();
        for pending in std::mem::take(&mut self.pending) {
            let covered = pending.demand.conversion
                && checked.iter().any(|&c| c != pending.operand && self.model.symbols.contains(c, &|s, _| s == pending.operand));
            // One defect, one finding: the write is the one to report.
            let is_pollution = pending.descends.is_some_and(|function| self.polluting.contains(&function));
            if !covered && !is_pollution {
                self.seen.demands.insert(pending.demand);
            }
        }
    }

    /// Arithmetic.
    pub fn demand_number(&mut self, state: &State, sym: Sym, range: TextRange, what: &'static str, _reg: Reg) {
        let accepted = Types::NUMBER | Types::BIGINT | Types::BOOLEAN | Types::DATE;
        self.demand(state, sym, accepted, range, what, "number");
    }

    /// `<`, `<=`, `>`, `>=`. A comparison with NaN is false, which is a check of its own.
    pub fn demand_order(&mut self, state: &State, sym: Sym, range: TextRange) {
        let accepted = Types::NUMERIC | Types::BIGINT | Types::BOOLEAN | Types::DATE | Types::STRING;
        self.demand(state, sym, accepted, range, "compared by size", "number");
    }

    /// Iteration and spread.
    pub fn demand_iterable(&mut self, state: &State, sym: Sym, range: TextRange, what: &'static str) {
        self.demand(state, sym, Types::ITERABLE, range, what, "array");
    }

    /// Presence: a deeper property, a pattern, `Object.keys`.
    pub fn demand_present(&mut self, state: &State, sym: Sym, range: TextRange, what: &'static str) {
        self.demand(state, sym, Types::ANY.without(Types::NULLISH), range, what, "object");
    }

    /// Reading a property.
    pub fn demand_read(&mut self, state: &State, object: Sym, range: TextRange, is_index: bool, only_called: bool) {
        if is_index {
            self.demand(state, object, Types::ITERABLE | Types::OBJECTS, range, INDEXED, "object");
        } else if !only_called {
            self.demand_present(state, object, range, "read from");
        }
    }

    /// `key in object`
    pub fn demand_searchable(&mut self, state: &State, object: Sym, range: TextRange) {
        self.demand(state, object, Types::OBJECTS | Types::FUNCTION, range, "searched for a key", "object");
    }

    /// Writing a property.
    pub fn demand_write(&mut self, state: &State, object: Sym, range: TextRange) {
        self.demand_present(state, object, range, WRITTEN);
    }

    /// A method call.
    pub fn demand_method(&mut self, state: &State, this: Sym, name: &str, range: TextRange) {
        let accepted = builtins::receiver_types(name);
        let wants = match () {
            _ if accepted.may(Types::STRING) && !accepted.may(Types::ARRAY) => "string",
            _ if accepted.may(Types::ARRAY) => "array",
            _ if accepted.may(Types::NUMBER) => "number",
            _ => "object",
        };
        // The string form alone is known: the method may not be there.
        let facts = self.model.facts(state, this);
        if facts.string_form && !facts.listed && !facts.types.only(accepted) && self.reporting && !self.sweeping {
            if let Some(source) = self.input_source(state, this, Types::NONE) {
                self.unmet(this, source, Level::Warning, range, "the object of a method call", wants);
            }
            return;
        }
        self.demand(state, this, accepted, range, "the object of a method call", wants);
    }

    /// An argument of `new Date` and its kin.
    pub fn demand_date(&mut self, state: &State, sym: Sym, range: TextRange) {
        let accepted = Types::STRING | Types::NUMERIC | Types::DATE | Types::BOOLEAN;
        self.demand(state, sym, accepted, range, "made into a date", "date string");
    }
}

/// Numeric and date conversions, which return NaN for what they cannot read.
pub fn is_conversion(path: &str) -> bool {
    matches!(path, "Number" | "parseInt" | "parseFloat" | "Number.parseInt" | "Number.parseFloat" | "Date.time" | "Date.parse" | "Date.UTC")
        || path.starts_with("Date.get")
}
