//! Writes under keys that input chooses, and what guards them.

use std::collections::BTreeSet;

use super::facts::{RefusedKeys, Types};
use super::flow::Analyzer;
use super::limits;
use super::observe::KeyedWrite;
use super::state::State;
use super::symbol::{AllocKind, PropKey, Sym, Value};
use crate::finding::Level;
use crate::source::TextRange;

/// How an object was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// The program made it, or named it.
    Own,
    /// Made without a prototype.
    Bare,
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
        let (level, message) = match (reach, key_guard) {
            (Reach::Bare | Reach::Own | Reach::Chosen(Guard::Effective), Guard::Effective) | (Reach::Bare, _) => return,
            (Reach::Chosen(Guard::None), Guard::None) => {
                (Level::Error, "input chooses the object and the key that is written: `__proto__` reaches every object")
            }
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
        self.seen.keyed_writes.insert(KeyedWrite { range, level, message: message.to_owned(), steps: Vec::new() });
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
        if facts.listed || facts.types.only(Types::NUMERIC | Types::BOOLEAN | Types::NULLISH) {
            return false;
        }
        super::refine::depends_on_input(&self.model, key) && !self.has_fixed_prefix(key)
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
        let RefusedKeys { proto, constructor, prototype } = self.refused(state, key);
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

    /// `Object.hasOwn(object, key)` is known to hold.
    fn owns(&mut self, state: &State, object: Sym, key: Sym) -> bool {
        ["Object.hasOwn", "Object.prototype.hasOwnProperty"].iter().any(|path| {
            let test = self.model.symbols.intern(Value::Call((*path).into(), vec![object, key]));
            state.facts.get(&test).is_some_and(|f| f.types.only(Types::TRUE))
        })
    }

    /// How the program came by an object that it writes into.
    fn reach(&mut self, state: &State, object: Sym) -> Reach {
        self.reach_through(state, object, &mut BTreeSet::new())
    }

    fn reach_through(&mut self, state: &State, object: Sym, seen: &mut BTreeSet<Sym>) -> Reach {
        if seen.len() > limits::LEAVES_MAX || !seen.insert(object) {
            return Reach::Own;
        }
        let bare = |s: Sym| state.object(s).is_some_and(|o| o.null_prototype);
        let mut leaves = self.model.symbols.leaves(object);
        leaves.retain(|&l| !matches!(self.model.symbols.value(l), Value::Undefined | Value::Null));
        if !leaves.is_empty() && leaves.iter().all(|&l| bare(l)) {
            return Reach::Bare;
        }
        match self.model.symbols.value(object).clone() {
            Value::Prop(base, PropKey::Dynamic(key)) => {
                if !self.is_chosen_by_input(state, key) {
                    let held: Vec<Sym> = self.model.symbols.operands(object).chain([base]).collect();
                    return held.into_iter().map(|o| self.reach_through(state, o, seen)).max().unwrap_or(Reach::Own);
                }
                let before = self.reach_through(state, base, seen);
                // What an object without a prototype holds is its own.
                if before == Reach::Bare {
                    return Reach::Own;
                }
                let step = if self.owns(state, base, key) {
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
                let operands: Vec<Sym> = self.model.symbols.operands(object).filter(|&o| o != object).collect();
                operands.into_iter().map(|o| self.reach_through(state, o, seen)).max().unwrap_or(Reach::Own)
            }
            Value::Instance(of, _) => self.reach_through(state, of, seen),
            _ => Reach::Own,
        }
    }
}
