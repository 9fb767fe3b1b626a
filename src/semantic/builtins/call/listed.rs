//! Walks over lists whose elements are all known, element by element: what a callback finds out of the
//! one field that an element names is about that field alone.

use super::{Call, PAIRS};
use crate::semantic::eval::OpResult;
use crate::semantic::facts::{Interval, Types};
use crate::semantic::flow::{Analyzer, Args};
use crate::semantic::ir::SlotId;
use crate::semantic::limits;
use crate::semantic::refine;
use crate::semantic::state::{Field, Object, State};
use crate::semantic::symbol::{AllocKind, PropKey, Sym, Value};

/// The pseudo-variable that carries the answer of a walk to where its ways meet.
const ANSWER: SlotId = SlotId(u32::MAX - 1);
/// Constants are taken one by one in longer lists, too.
const CONSTANTS_MAX: usize = 64;

/// The ways in which a walk ends: each in a state, with an answer.
#[derive(Default)]
struct Ways {
    joined: Option<State>,
    thrown: Option<(State, Sym)>,
}

impl Analyzer<'_> {
    /// Whether a list is short enough to be walked over element by element.
    pub(super) fn may_take_turns(&self, elements: &[Sym]) -> bool {
        let is_constant = || elements.iter().all(|&element| self.model.symbols.is_constant(element));
        self.has_budget() && (elements.len() <= limits::TURNS_MAX || elements.len() <= CONSTANTS_MAX && is_constant())
    }

    /// Walks over a list whose elements are known. Nothing if it is too long, or the method another.
    pub(super) fn walk_listed(
        &mut self,
        state: &mut State,
        call: &Call<'_>,
        method: &str,
        callback: Sym,
        elements: &[Sym],
    ) -> Option<OpResult> {
        if !self.may_take_turns(elements) {
            return None;
        }
        Some(match method {
            "map" | "forEach" => self.each_listed(state, call, method, callback, elements),
            "filter" => self.filter_listed(state, call, callback, elements),
            "flatMap" => self.flat_listed(state, call, callback, elements)?,
            "every" | "some" | "find" | "findIndex" => self.search_listed(state, call, method, callback, elements),
            _ => return None,
        })
    }

    /// Runs the callback on one element, as in a turn of its own.
    fn take_turn(
        &mut self,
        state: &mut State,
        call: &Call<'_>,
        ways: &mut Ways,
        callback: Sym,
        (turn, args): (usize, Args),
    ) -> Option<Sym> {
        let frame = self.frame();
        let (ctx, func) = (frame.ctx, frame.func);
        self.frame_mut().ctx = self.model.symbols.turn(ctx, func, call.reg, turn, true);
        let undefined = self.model.symbols.undefined();
        let result = self.call(state, call.reg, call.nth.wrapping_add(1), callback, undefined, args, call.range);
        self.frame_mut().ctx = ctx;
        if let Some((state, value)) = result.thrown {
            self.end_by(call, &mut ways.thrown, state, value);
        }
        result.value
    }

    fn turn_args(&mut self, call: &Call<'_>, turn: usize, element: Sym) -> (usize, Args) {
        let index = self.model.symbols.number(turn as f64);
        (turn, Args::of([element, index, call.this]))
    }

    /// Joins an end of the walk, with its answer, into others.
    fn end_by(&mut self, call: &Call<'_>, joined: &mut Option<(State, Sym)>, state: State, answer: Sym) {
        let mut known = joined.take().map(|(mut state, answer)| {
            state.slots.insert(ANSWER, answer);
            state
        });
        self.end_with(call, &mut known, state, answer);
        *joined = known.map(|state| self.answer_of(state));
    }

    fn end_with(&mut self, call: &Call<'_>, joined: &mut Option<State>, mut state: State, answer: Sym) {
        state.slots.insert(ANSWER, answer);
        self.join_into(joined, state, call.reg);
    }

    fn answer_of(&mut self, mut state: State) -> (State, Sym) {
        let answer = state.slots.remove(&ANSWER);
        (state, answer.unwrap_or_else(|| self.model.symbols.undefined()))
    }

    fn end_walk(&mut self, state: &mut State, ways: Ways) -> OpResult {
        let value = ways.joined.map(|joined| {
            let (after, answer) = self.answer_of(joined);
            *state = after;
            answer
        });
        OpResult { value, thrown: ways.thrown }
    }

    fn each_listed(&mut self, state: &mut State, call: &Call<'_>, method: &str, callback: Sym, elements: &[Sym]) -> OpResult {
        let (mut ways, mut results) = (Ways::default(), Vec::new());
        for (turn, &element) in elements.iter().enumerate() {
            let args = self.turn_args(call, turn, element);
            match self.take_turn(state, call, &mut ways, callback, args) {
                Some(value) => results.push(value),
                None => return OpResult { value: None, thrown: ways.thrown },
            }
        }
        let value = if method == "map" { self.array_of(state, call.reg, 230, &results) } else { self.model.symbols.undefined() };
        OpResult { value: Some(value), thrown: ways.thrown }
    }

    /// Methods that stop at the first element for which the callback says yes, or no.
    fn search_listed(&mut self, state: &mut State, call: &Call<'_>, method: &str, callback: Sym, elements: &[Sym]) -> OpResult {
        let stops_at = method != "every";
        let (mut ways, mut going) = (Ways::default(), Some(state.clone()));
        for (turn, &element) in elements.iter().enumerate() {
            let Some(mut now) = going.take() else { break };
            let args = self.turn_args(call, turn, element);
            let Some(value) = self.take_turn(&mut now, call, &mut ways, callback, args) else { break };
            if let Some(found) = self.model.assumed(&now, value, stops_at) {
                let answer = match method {
                    "find" => element,
                    "findIndex" => self.model.symbols.number(turn as f64),
                    _ => self.model.symbols.boolean(stops_at),
                };
                self.end_with(call, &mut ways.joined, found, answer);
            }
            going = self.model.assumed(&now, value, !stops_at);
        }
        if let Some(rest) = going {
            let answer = match method {
                "find" => self.model.symbols.undefined(),
                "findIndex" => self.model.symbols.number(-1.0),
                _ => self.model.symbols.boolean(!stops_at),
            };
            self.end_with(call, &mut ways.joined, rest, answer);
        }
        self.end_walk(state, ways)
    }

    fn filter_listed(&mut self, state: &mut State, call: &Call<'_>, callback: Sym, elements: &[Sym]) -> OpResult {
        let mut ways = Ways::default();
        let kept = self.array_of(state, call.reg, 230, &[]);
        let mut passed = Vec::new();
        let mut is_exact = true;
        for (turn, &element) in elements.iter().enumerate() {
            let args = self.turn_args(call, turn, element);
            let Some(value) = self.take_turn(state, call, &mut ways, callback, args) else {
                return OpResult { value: None, thrown: ways.thrown };
            };
            let (yes, no) = (self.model.assumed(state, value, true), self.model.assumed(state, value, false));
            is_exact &= yes.is_none() || no.is_none();
            let mut joined = None;
            if let Some(mut yes) = yes {
                passed.push(self.passed(&yes, call, turn, element));
                let all = self.one_of(&mut yes, call.reg, 99, &passed);
                let object = yes.object_mut(kept);
                object.rest = Some(all);
                object.length = object.length.add(Interval::point(1.0));
                self.join_into(&mut joined, yes, call.reg);
            }
            if let Some(no) = no {
                self.join_into(&mut joined, no, call.reg);
            }
            *state = joined.unwrap_or_default();
        }
        let result = if is_exact { self.array_of(state, call.reg, 231, &passed) } else { kept };
        if !is_exact {
            self.derived.insert(result, ("filter".into(), call.this, call.args.list.clone()));
        }
        OpResult { value: Some(result), thrown: ways.thrown }
    }

    /// `flatMap`: a list of problems for each element, all in one. That it is empty tells that each was.
    fn flat_listed(&mut self, state: &mut State, call: &Call<'_>, callback: Sym, elements: &[Sym]) -> Option<OpResult> {
        let (mut ways, mut now) = (Ways::default(), state.clone());
        let flat = self.array_of(&mut now, call.reg, 230, &[]);
        let mut added = Vec::new();
        for (turn, &element) in elements.iter().enumerate() {
            let args = self.turn_args(call, turn, element);
            let Some(list) = self.take_turn(&mut now, call, &mut ways, callback, args) else {
                *state = now;
                return Some(OpResult { value: None, thrown: ways.thrown });
            };
            let mut lists = self.model.symbols.leaves(list);
            lists.retain(|&leaf| self.model.facts(&now, leaf).types.only(Types::ARRAY));
            let mut joined = None;
            for is_empty in [true, false] {
                let mut branch = now.clone();
                let has_it = &mut |model: &mut crate::semantic::model::Model, state: &State, leaf| {
                    let length = model.facts(state, leaf).length;
                    if is_empty { length.lo == 0.0 } else { length.hi > 0.0 }
                };
                if !lists.iter().any(|&leaf| has_it(&mut self.model, &branch, leaf))
                    || !refine::suppose(&mut self.model, &mut branch, list, has_it)
                {
                    continue;
                }
                if !is_empty {
                    added.push(self.element_of(&mut branch, list, call.reg, 1));
                    let all = self.one_of(&mut branch, call.reg, 99, &added);
                    let object = branch.object_mut(flat);
                    object.rest = Some(all);
                    object.length = Interval { lo: object.length.lo + 1.0, hi: f64::INFINITY };
                }
                self.join_into(&mut joined, branch, call.reg);
            }
            now = joined?;
        }
        *state = now;
        Some(OpResult { value: Some(flat), thrown: ways.thrown })
    }

    /// An element that a test let through, with what the test found out.
    fn passed(&mut self, state: &State, call: &Call<'_>, turn: usize, element: Sym) -> Sym {
        match self.model.symbols.value(element) {
            Value::Prop(..) | Value::Instance(..) => {
                let site = self.site(call.reg, 161 + (turn % 32) as u8);
                self.model.keep_as(state, element, element, site)
            }
            _ => element,
        }
    }

    /// The entries of a map, or the elements of a set twice each, if all are known.
    pub(super) fn known_entries(&mut self, state: &mut State, call: &Call<'_>) -> Option<Vec<Sym>> {
        let elements = self.exact_elements(state, call.this)?;
        if call.path.starts_with("Map") {
            return Some(elements);
        }
        let pair = |(i, element): (usize, Sym)| self.array_of(state, call.reg, 180 + (i % 16) as u8, &[element, element]);
        Some(elements.into_iter().enumerate().map(pair).collect())
    }

    /// What `keys`, `values` and `entries` of a collection yield, if all of it is known.
    pub(super) fn listed_entries(&mut self, state: &mut State, call: &Call<'_>, method: &str) -> Option<Sym> {
        let entries = self.known_entries(state, call)?;
        if entries.len() > limits::TURNS_MAX {
            return None;
        }
        let mut listed = Vec::new();
        for entry in entries {
            listed.push(match method {
                "entries" => entry,
                _ => self.get(state, call.reg, entry, &PropKey::Name(if method == "keys" { "0" } else { "1" }.into())),
            });
        }
        let list = self.array_of(state, call.reg, 198, &listed);
        let element = (!listed.is_empty()).then(|| self.one_of(state, call.reg, 199, &listed));
        let mut object = Object { rest: element, length: Interval::point(listed.len() as f64), ..Object::new() };
        object.fields.insert(PAIRS.into(), Field::Value(list));
        Some(self.allocate(state, call.reg, 230, AllocKind::Iterator, object))
    }

    /// `forEach` of a map or set whose entries are known.
    pub(super) fn each_entry(&mut self, state: &mut State, call: &Call<'_>, callback: Sym, entries: &[Sym]) -> OpResult {
        let mut ways = Ways::default();
        for (turn, &entry) in entries.iter().enumerate() {
            let [key, value] = ["0", "1"].map(|at| self.get(state, call.reg, entry, &PropKey::Name(at.into())));
            let args = (turn, Args::of([value, key, call.this]));
            if self.take_turn(state, call, &mut ways, callback, args).is_none() {
                return OpResult { value: None, thrown: ways.thrown };
            }
        }
        OpResult { value: Some(self.model.symbols.undefined()), thrown: ways.thrown }
    }

    pub(super) fn reduce_listed(&mut self, state: &mut State, call: &Call<'_>, callback: Sym, elements: Vec<Sym>) -> OpResult {
        let mut ways = Ways::default();
        let mut rest = elements.into_iter().enumerate();
        let start = call.args.get(1).or_else(|| rest.next().map(|(_, element)| element));
        let mut acc = start.unwrap_or_else(|| self.model.symbols.undefined());
        for (turn, element) in rest {
            let index = self.model.symbols.number(turn as f64);
            let args = (turn, Args::of([acc, element, index, call.this]));
            match self.take_turn(state, call, &mut ways, callback, args) {
                Some(value) => acc = value,
                None => return OpResult { value: None, thrown: ways.thrown },
            }
        }
        OpResult { value: Some(acc), thrown: ways.thrown }
    }
}
