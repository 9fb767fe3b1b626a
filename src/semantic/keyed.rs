//! Writes under keys that input chooses, and what guards them.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{RefusedKeys, Types};
use super::flow::Analyzer;
use super::ir::{FuncId, Key, OpKind};
use super::limits;
use super::observe::KeyedWrite;
use super::refine;
use super::state::State;
use super::symbol::{AllocKind, PropKey, Sym, Value};
use crate::finding::Level;
use crate::source::TextRange;

const BOTH_CHOSEN: &str = "input chooses the object and the key that is written: `__proto__` reaches every object";

/// How an object was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Made without a prototype, or no object at all.
    Bare,
    /// The program made it, or named it.
    Own,
    /// Found under a key that input chose.
    Chosen(Guard),
}

/// How well the step to an object was guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Guard {
    /// Own properties only, or listed keys.
    Effective,
    /// A deny-list without the last condition.
    Partial,
    /// Nothing that helps.
    None,
}

/// An object, and what types it can have where it is asked about.
type One = (Sym, Types);

impl Analyzer<'_> {
    /// `object[key] = value` with a key that is not constant.
    pub fn observe_keyed_write(&mut self, state: &State, object: Sym, key: Sym, range: TextRange) {
        if !self.reporting || !self.is_chosen_by_input(state, key) {
            return;
        }
        let leaves = self.model.symbols.leaves(object);
        let reach = self.reach(state, object);
        let key_guard = self.key_guard(state, object, key);
        let is_collection =
            leaves.iter().all(|&l| matches!(self.model.symbols.value(l), Value::Alloc { kind: AllocKind::Array | AllocKind::Typed, .. }));
        if let (Reach::Own | Reach::Bare, Guard::None | Guard::Partial) = (reach, key_guard) {
            self.note_parameter_write(object, range);
        }
        let (level, message) = match (reach, key_guard) {
            (Reach::Bare | Reach::Own | Reach::Chosen(Guard::Effective), Guard::Effective) | (Reach::Bare, _) => return,
            (Reach::Chosen(Guard::None), Guard::None) => (Level::Error, BOTH_CHOSEN),
            (Reach::Chosen(Guard::None), Guard::Partial) => {
                (Level::Error, "input chooses the object and the key that is written, and the way to the object is not guarded")
            }
            (Reach::Chosen(Guard::None), Guard::Effective) => {
                (Level::Warning, "input chooses the object that is written: own properties of a prototype are properties too")
            }
            (Reach::Chosen(Guard::Partial), _) => {
                (Level::Warning, "input chooses the object and the key that is written; refusing some keys leaves inherited ones")
            }
            (Reach::Chosen(Guard::Effective), _) => return,
            (Reach::Own, _) if is_collection => return,
            (Reach::Own, Guard::Partial) => return,
            (Reach::Own, Guard::None) if self.refused(state, key).proto => return,
            (Reach::Own, Guard::None) => {
                (Level::Warning, "input chooses the key that is written on a plain object: use a `Map` or `Object.create(null)`")
            }
        };
        self.note_keyed_write(level, message, range);
    }

    fn note_keyed_write(&mut self, level: Level, message: &str, range: TextRange) {
        if level == Level::Error {
            self.polluting.insert(self.frame().func);
        }
        self.seen.keyed_writes.insert(KeyedWrite { range, level, message: message.to_owned(), steps: Vec::new() });
    }

    /// A function writes into its parameter under a chosen key: a deeper activation, which nobody looks
    /// into, may have been handed what input chose.
    fn note_parameter_write(&mut self, object: Sym, range: TextRange) {
        let frame = self.frame();
        let func = frame.func;
        let positions: Vec<usize> = (0..frame.args.list.len()).filter(|&position| frame.args.list[position] == object).collect();
        for position in positions {
            self.parameter_writes.insert((func, position, range));
            self.settle_parameter_writes(func, position);
        }
    }

    /// A recursive call that is not looked into.
    pub fn note_unseen_descent(&mut self, state: &State, func: FuncId, args: &[Sym]) {
        if !self.reporting || !self.parameter_writes.iter().any(|&(of, ..)| of == func) && !self.writes_computed(func) {
            return;
        }
        for (position, &arg) in args.iter().enumerate() {
            if self.reach(state, arg) == Reach::Chosen(Guard::None) {
                self.unseen_descents.insert((func, position));
                self.settle_parameter_writes(func, position);
            }
        }
    }

    /// Whether a function writes under a computed key.
    fn writes_computed(&self, func: FuncId) -> bool {
        self.model.ir.body(func).ops.iter().any(|op| matches!(&op.kind, OpKind::Set { key: Key::Computed(_), .. }))
    }

    fn settle_parameter_writes(&mut self, func: FuncId, position: usize) {
        if !self.unseen_descents.contains(&(func, position)) {
            return;
        }
        let writes: Vec<TextRange> =
            self.parameter_writes.iter().filter(|&&(of, at, _)| (of, at) == (func, position)).map(|&(.., range)| range).collect();
        for range in writes {
            self.note_keyed_write(Level::Error, BOTH_CHOSEN, range);
        }
    }

    /// An object that input chose, with no guard: whoever writes into such objects is told so, and not
    /// what is wrong with the other values that the program may find there.
    pub fn is_chosen_unguarded(&mut self, state: &State, object: Sym) -> bool {
        self.reach(state, object) == Reach::Chosen(Guard::None)
    }

    /// Notes whether a step down was guarded where it was made: later the key may be another.
    pub fn note_descent(&mut self, state: &State, object: Sym, key: Sym) {
        let is_own = self.owns(state, object, key);
        for from in self.model.symbols.leaves(object).into_iter().chain([object]) {
            let step = self.model.symbols.intern(Value::Prop(from, PropKey::Dynamic(key)));
            self.own_descents.entry(step).and_modify(|always| *always &= is_own).or_insert(is_own);
        }
    }

    /// `delete object[key]`: taking a property off a prototype is as bad as putting one there.
    pub fn observe_keyed_delete(&mut self, state: &State, object: Sym, key: Sym, range: TextRange) {
        if self.reporting
            && self.is_chosen_by_input(state, key)
            && self.reach(state, object) == Reach::Chosen(Guard::None)
            && self.key_guard(state, object, key) != Guard::Effective
        {
            let message = "input chooses the object and the key that is deleted: `__proto__` reaches every object".to_owned();
            self.seen.keyed_writes.insert(KeyedWrite { range, level: Level::Error, message, steps: Vec::new() });
        }
    }

    /// `object[a][b](…)`: with `constructor` for both, the call compiles text.
    pub fn observe_chosen_call(&mut self, state: &State, callee: Sym, range: TextRange) {
        if !self.reporting {
            return;
        }
        let Value::Prop(object, PropKey::Dynamic(key)) = *self.model.symbols.value(callee) else { return };
        let is_open = |analyzer: &mut Self, key: Sym| analyzer.is_chosen_by_input(state, key) && !analyzer.refused(state, key).constructor;
        if is_open(self, key) && !self.owns(state, object, key) && self.reach(state, object) == Reach::Chosen(Guard::None) {
            self.seen.chosen_calls.insert(range);
        }
    }

    /// `Object.assign(target, …sources)`
    pub fn observe_assign(&mut self, state: &State, target: Sym, sources: &[Sym], range: TextRange) {
        if !self.reporting {
            return;
        }
        let from_input = sources.iter().any(|&s| self.model.symbols.leaves(s).iter().any(|&l| self.model.input_path(l).is_some()));
        if !from_input {
            return;
        }
        let reach = self.reach(state, target);
        let (level, message) = match reach {
            Reach::Chosen(Guard::None) => (Level::Error, "input chooses the object and the properties that are copied into it"),
            Reach::Chosen(_) | Reach::Own => (Level::Warning, "input chooses the properties that are copied into an object"),
            Reach::Bare => return,
        };
        self.seen.keyed_writes.insert(KeyedWrite { range, level, message: message.to_owned(), steps: Vec::new() });
    }

    /// Whether the text of a key is input's to choose: a value of input, or a key of an input object.
    fn is_chosen_by_input(&mut self, state: &State, key: Sym) -> bool {
        let facts = self.model.facts(state, key);
        // The key is compared as text, whatever it is: an array of a table's key names the same property.
        if facts.listed
            || facts.refused.unlisted
            || self.is_key_of_table(state, key)
            || facts.types.only(Types::NUMERIC | Types::BOOLEAN | Types::NULLISH)
        {
            return false;
        }
        refine::depends_on_input(&self.model, key) && !self.has_fixed_prefix(key)
    }

    /// A key of an object whose keys all stand in the program, whichever of several objects it is.
    fn is_key_of_table(&self, state: &State, key: Sym) -> bool {
        let symbols = &self.model.symbols;
        let of = match symbols.value(key) {
            Value::Instance(keys, _) => symbols.value(*keys),
            own => own,
        };
        let Value::KeyOf(table) = of else { return false };
        let mut leaves = symbols.leaves(*table);
        leaves.retain(|&leaf| !matches!(symbols.value(leaf), Value::Undefined | Value::Null));
        !leaves.is_empty() && leaves.iter().all(|&leaf| refine::lists_its_keys(&self.model, state, leaf))
    }

    /// A constant beginning rules out the names that matter.
    fn has_fixed_prefix(&self, key: Sym) -> bool {
        match self.model.symbols.value(key) {
            Value::Template(quasis, _) => {
                let (first, last) = (quasis.first().map_or("", |q| q), quasis.last().map_or("", |q| q));
                let dangerous = ["__proto__", "constructor", "prototype"];
                let begins = |d: &&str| d.starts_with(first) && d.ends_with(last);
                (!first.is_empty() || !last.is_empty()) && !dangerous.iter().any(begins)
            }
            _ => false,
        }
    }

    fn key_guard(&mut self, state: &State, object: Sym, key: Sym) -> Guard {
        if self.owns(state, object, key) {
            return Guard::Effective;
        }
        self.refusal(state, key, false)
    }

    fn refusal(&mut self, state: &State, key: Sym, own_only: bool) -> Guard {
        let RefusedKeys { proto, constructor, prototype, .. } = self.refused(state, key);
        match (proto && (constructor || prototype), own_only) {
            (true, true) => Guard::Effective,
            (true, false) => Guard::Partial,
            _ => Guard::None,
        }
    }

    /// The names that a key was compared with. An array of the name passes a comparison, and is the same key.
    fn refused(&mut self, state: &State, key: Sym) -> RefusedKeys {
        let facts = self.model.facts(state, key);
        if facts.types.may(Types::OBJECTS) { RefusedKeys::default() } else { facts.refused }
    }

    /// `Object.hasOwn(object, key)` is known to hold, or the program has just put an object there.
    fn owns(&mut self, state: &State, object: Sym, key: Sym) -> bool {
        let test = refine::holds_own(&mut self.model, object, key);
        state.facts.get(&test).is_some_and(|f| f.types.only(Types::TRUE))
    }

    /// How the program came by an object that it writes into: the least answer that agrees with itself,
    /// since what a loop descends through leads back to it.
    fn reach(&mut self, state: &State, object: Sym) -> Reach {
        let mut known = BTreeMap::new();
        loop {
            let before = known.clone();
            let reach = self.reach_through(state, (object, Types::ANY), &mut BTreeSet::new(), &mut known);
            if known == before {
                return reach;
            }
        }
    }

    fn reach_through(&mut self, state: &State, one: One, seen: &mut BTreeSet<One>, known: &mut BTreeMap<One, Reach>) -> Reach {
        let one = (one.0, self.narrowed(state, one));
        if !seen.insert(one) {
            return known.get(&one).copied().unwrap_or(Reach::Bare);
        }
        if seen.len() > limits::LEAVES_MAX {
            return Reach::Own;
        }
        let reach = self.reach_of(state, one, &mut |analyzer, part| analyzer.reach_through(state, part, seen, known));
        let reach = known.get(&one).map_or(reach, |&earlier| reach.max(earlier));
        known.insert(one, reach);
        reach
    }

    /// What an object can be, if it is one of those types. What it inherits is not among the values that
    /// the program put there.
    fn narrowed(&mut self, state: &State, (object, types): One) -> Types {
        let mut stored = object;
        while let Value::Instance(of, _) = *self.model.symbols.value(stored) {
            stored = of;
        }
        let may_inherit = matches!(self.model.symbols.value(stored), Value::Prop(_, PropKey::Dynamic(_)))
            && self.model.symbols.operands(stored).next().is_some();
        if may_inherit { types } else { types & self.model.facts(state, object).types }
    }

    /// How an object was come by, if `through` says it of those that it is one of, or was found in.
    fn reach_of(&mut self, state: &State, (object, types): One, through: &mut dyn FnMut(&mut Self, One) -> Reach) -> Reach {
        if !types.may(Types::OBJECTS | Types::FUNCTION) {
            return Reach::Bare;
        }
        let parts: Vec<Sym> = self.model.symbols.operands(object).filter(|&part| part != object).collect();
        let worst_of_parts = |analyzer: &mut Self, types: Types, through: &mut dyn FnMut(&mut Self, One) -> Reach| {
            parts.iter().map(|&part| through(analyzer, (part, types))).max().unwrap_or(Reach::Own)
        };
        match self.model.symbols.value(object).clone() {
            Value::Prop(base, PropKey::Dynamic(key)) => {
                if !self.is_chosen_by_input(state, key) {
                    return worst_of_parts(self, types, through).max(through(self, (base, Types::ANY)));
                }
                let before = through(self, (base, Types::ANY));
                // What an object without a prototype holds is its own. Texts and numbers have one.
                if before == Reach::Bare && self.model.facts(state, base).types.only(Types::OBJECTS | Types::NULLISH) {
                    let types = types & self.model.facts(state, object).types;
                    return worst_of_parts(self, types, through);
                }
                let step = if self.owns(state, base, key) || self.own_descents.get(&object) == Some(&true) {
                    Guard::Effective
                } else {
                    let facts = self.model.facts(state, object);
                    self.refusal(state, key, facts.no_method && facts.types.only(Types::OBJECTS | Types::NULLISH))
                };
                match before {
                    Reach::Chosen(earlier) => Reach::Chosen(step.max(earlier)),
                    Reach::Own | Reach::Bare => Reach::Chosen(step),
                }
            }
            Value::Phi(_) | Value::Prop(..) => {
                let worst = worst_of_parts(self, types, through);
                let facts = self.model.facts(state, object);
                // Each of them was shown to be an object before it got here.
                let objects_only = facts.no_method && facts.types.only(Types::OBJECTS | Types::NULLISH);
                if objects_only && worst == Reach::Chosen(Guard::Partial) { Reach::Chosen(Guard::Effective) } else { worst }
            }
            Value::Instance(of, _) => through(self, (of, types)),
            _ if state.object(object).is_some_and(|known| known.null_prototype) => Reach::Bare,
            _ => Reach::Own,
        }
    }
}
