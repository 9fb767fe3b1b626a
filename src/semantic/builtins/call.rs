//! Calls of built-ins that have effects, take callbacks, or make objects.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::fold;
use crate::semantic::choice::{Alternative, Choice};
use crate::semantic::eval::{OpResult, TO_NUMBER};
use crate::semantic::facts::{Facts, Interval, Types};
use crate::semantic::flow::{Analyzer, Args};
use crate::semantic::ir::{BlockId, Reg};
use crate::semantic::loops::Change;
use crate::semantic::observe::{PrototypeForm, PrototypeUse, Sink, TimerString};
use crate::semantic::refine;
use crate::semantic::state::{Field, Object, Place, State};
use crate::semantic::symbol::{AllocKind, PropKey, Sym, Value};
use crate::source::TextRange;

mod listed;

/// The internal slot with all entries of a map, where they are known.
pub const PAIRS: &str = "[[pairs]]";

/// A call of a built-in.
struct Call<'c> {
    reg: Reg,
    nth: u8,
    path: &'c str,
    this: Sym,
    args: &'c Args,
    range: TextRange,
    callee_range: TextRange,
}

impl Analyzer<'_> {
    /// Calls the built-in at `path`.
    #[allow(clippy::too_many_arguments, reason = "the parts of a call")]
    pub fn call_builtin(
        &mut self,
        state: &mut State,
        reg: Reg,
        nth: u8,
        path: &str,
        this: Sym,
        args: &Args,
        range: TextRange,
        callee_range: TextRange,
    ) -> OpResult {
        let call = Call { reg, nth, path, this, args, range, callee_range };
        if self.reporting {
            self.seen.builtin_calls.entry(path.to_owned()).or_default().insert(callee_range);
        }
        let first = args.get(0);
        match path {
            "setTimeout" | "setInterval" | "setImmediate" => return self.timer(state, &call),
            "[[resolve]]" => {
                // `resolve(value)` of `new Promise((resolve) => …)`.
                let value = args.get(1).unwrap_or_else(|| self.model.symbols.undefined());
                let settled = self.settled(state, reg, 99, value);
                let before = state.object(this).and_then(|o| o.rest);
                let all: Vec<Sym> = before.into_iter().chain([settled]).collect();
                let merged = self.one_of(state, reg, 98, &all);
                state.object_mut(this).rest = Some(merged);
                self.find_by_resolving(state, this);
                return self.model.symbols.undefined().into();
            }
            "[[reject]]" => {
                let reason = args.get(1).unwrap_or_else(|| self.model.symbols.undefined());
                self.reject(state, &call, this, reason);
                return self.model.symbols.undefined().into();
            }
            "queueMicrotask" => return self.later(state, &call, first),
            "Function.prototype.call" => {
                let list = args.list.get(1..).unwrap_or_default().to_vec();
                let ranges = args.ranges.get(1..).unwrap_or_default().to_vec();
                let receiver = first.unwrap_or_else(|| self.model.symbols.undefined());
                return self.call(state, reg, nth, this, receiver, Args { list, rest: args.rest, ranges }, range);
            }
            "Function.prototype.apply" => return self.apply(state, &call, this, first, args.get(1)),
            "Reflect.apply" => {
                let Some(target) = first else { return self.unknown(&call).into() };
                return self.apply(state, &call, target, args.get(1), args.get(2));
            }
            "Reflect.construct" => {
                let Some(target) = first else { return self.unknown(&call).into() };
                let args = self.spread_args(state, &call, args.get(1));
                return self.construct(state, reg, target, args, range, callee_range);
            }
            "Function.prototype.bind" => {
                let receiver = first.unwrap_or_else(|| self.model.symbols.undefined());
                let bound = args.list.get(1..).unwrap_or_default().to_vec();
                // A chain of bindings that is too deep to follow is a function of which only that is known.
                if self.model.symbols.is_deep(this) {
                    return self.opaque(reg, nth, Facts::of(Types::FUNCTION), &[receiver]).into();
                }
                return self.model.symbols.intern(Value::Bound { target: this, this: receiver, args: bound }).into();
            }
            _ => {}
        }
        if path.starts_with("console.") {
            for (i, &arg) in args.list.iter().enumerate() {
                let at = args.ranges.get(i).copied().unwrap_or(range);
                self.observe_sink(state, arg, at, Sink::Log);
            }
            return self.model.symbols.undefined().into();
        }
        let handled = match path.split('.').next() {
            Some("Object" | "Reflect") => self.object_call(state, &call),
            Some("Array") => self.array_call(state, &call),
            Some("String" | "RegExp") => self.text_call(state, &call),
            Some("Promise") => self.promise_call(state, &call),
            Some("Map" | "Set" | "WeakMap" | "WeakSet") => self.collection_call(state, &call),
            Some("Date") => self.date_call(state, &call),
            Some("JSON") => self.json_call(state, &call),
            Some("Iterator") => self.iterator_call(state, &call),
            _ => None,
        };
        match handled {
            Some(result) => result,
            None => self.pure_call(state, &call).into(),
        }
    }

    /// A call whose result depends only on its arguments.
    fn pure_call(&mut self, state: &mut State, call: &Call<'_>) -> Sym {
        let is_method = call.path.contains(".prototype.");
        let mut parts: Vec<Sym> = is_method.then_some(call.this).into_iter().collect();
        parts.extend(call.args.list.iter().copied());
        if call.path == "String" {
            parts = parts.into_iter().map(|part| self.as_text(state, call.reg, part, call.range)).collect();
        }
        if call.args.rest.is_none()
            && let Some(folded) = fold::call(&mut self.model.symbols, call.path, &parts)
        {
            self.note_string(folded, call.range);
            return folded;
        }
        if call.path == "Number" {
            for part in &mut parts {
                *part = self.converted(state, call.reg, *part, &TO_NUMBER, call.range);
            }
        }
        if call.path.starts_with("Math.") {
            for (i, &arg) in call.args.list.iter().enumerate() {
                let at = call.args.ranges.get(i).copied().unwrap_or(call.range);
                self.demand(state, arg, Types::NUMBER | Types::BOOLEAN, at, "used in arithmetic", "number");
            }
        }
        self.cost_of_call(state, call.path, call.this, call.args, call.range, call.callee_range);
        if matches!(call.path, "Math.random" | "Date.now" | "Symbol") || call.args.rest.is_some() {
            let facts = match call.path {
                "Math.random" => Facts::number(Interval { lo: 0.0, hi: 1.0 }, false),
                "Date.now" => Facts::number(Interval { lo: 1e12, hi: 1e14 }, true),
                _ => {
                    parts.extend(call.args.rest);
                    crate::semantic::builtins::call_facts(&mut self.model, state, call.path, &parts)
                }
            };
            let site = self.site(call.reg, call.nth);
            let value = self.opaque_at(site, facts, &parts);
            if call.path == "Math.random" {
                self.random.insert(value);
            }
            return value;
        }
        let parts: Vec<Sym> = parts.into_iter().map(|p| self.shallow(state, p)).collect();
        self.model.symbols.intern(Value::Call(call.path.into(), parts))
    }

    fn unknown(&mut self, call: &Call<'_>) -> Sym {
        let mut made_of = call.args.list.clone();
        made_of.extend(call.args.rest);
        made_of.push(call.this);
        self.opaque(call.reg, call.nth, Facts::ANY, &made_of)
    }

    fn apply(&mut self, state: &mut State, call: &Call<'_>, target: Sym, this: Option<Sym>, list: Option<Sym>) -> OpResult {
        let args = self.spread_args(state, call, list);
        let receiver = this.unwrap_or_else(|| self.model.symbols.undefined());
        self.call(state, call.reg, call.nth, target, receiver, args, call.range)
    }

    fn spread_args(&mut self, state: &mut State, call: &Call<'_>, list: Option<Sym>) -> Args {
        let Some(list) = list else { return Args::default() };
        match self.exact_elements(state, list) {
            Some(elements) => Args { ranges: vec![call.range; elements.len()], list: elements, rest: None },
            None => {
                self.length_of_array_like(state, list, call.range);
                let element = self.element_of(state, list, call.reg, call.nth);
                self.cost_of_spread(state, list, call.range, true);
                Args { rest: Some(element), ..Args::default() }
            }
        }
    }

    fn timer(&mut self, state: &mut State, call: &Call<'_>) -> OpResult {
        let Some(first) = call.args.get(0) else { return self.unknown(call).into() };
        if self.reporting
            && let Some(why) = self.compiled_by_timer(state, first)
        {
            self.seen.timer_strings.insert(TimerString { timer: call.path.to_owned(), range: call.callee_range, why });
        }
        let rest: Vec<Sym> = call.args.list.iter().skip(2).copied().collect();
        let ranges: Vec<TextRange> = call.args.ranges.iter().skip(2).copied().collect();
        let undefined = self.model.symbols.undefined();
        let mut branch = state.clone();
        self.call(&mut branch, call.reg, call.nth, first, undefined, Args { list: rest, rest: None, ranges }, call.range);
        let mut merged = Some(state.clone());
        self.join_into(&mut merged, branch, call.reg);
        *state = merged.unwrap_or_default();
        self.opaque(call.reg, call.nth, Facts::of(Types::NUMBER), &[]).into()
    }

    /// Why a timer would compile its first argument, if it may: whatever is not a function becomes text.
    fn compiled_by_timer(&mut self, state: &State, first: Sym) -> Option<String> {
        let text = !(Types::FUNCTION | Types::NULLISH);
        let facts = self.model.facts(state, first);
        if !facts.types.may(text) {
            return None;
        }
        if facts.types.only(Types::STRING) {
            return Some("is a string".to_owned());
        }
        if facts.types.only(text) {
            return Some("is not a function, and becomes a string".to_owned());
        }
        if let Some(source) = self.influence(state, first) {
            return Some(format!("comes from `{}` and may be a string", source.path));
        }
        let leaves = self.model.symbols.leaves(first);
        let is_text = leaves.into_iter().any(|leaf| self.model.facts(state, leaf).types.only(text));
        is_text.then(|| "is a string on some path".to_owned())
    }

    /// A callback that runs later, or perhaps not at all.
    fn later(&mut self, state: &mut State, call: &Call<'_>, callback: Option<Sym>) -> OpResult {
        let undefined = self.model.symbols.undefined();
        if let Some(callback) = callback {
            let mut branch = state.clone();
            self.call(&mut branch, call.reg, call.nth, callback, undefined, Args::default(), call.range);
            let mut merged = Some(state.clone());
            self.join_into(&mut merged, branch, call.reg);
            *state = merged.unwrap_or_default();
        }
        undefined.into()
    }

    // Callbacks that run once per element.

    /// Runs `callback` on an element any number of times. Gives its result and the state in which
    /// one turn ends.
    fn each(
        &mut self,
        state: &mut State,
        call: &Call<'_>,
        nth: u8,
        callback: Sym,
        args: Args,
    ) -> (Option<Sym>, State, Option<(State, Sym)>) {
        let undefined = self.model.symbols.undefined();
        let observing = std::mem::replace(&mut self.reporting, false);
        let frame = self.frame();
        let block = BlockId(0x2000_0000 + call.reg.0 * 8 + u32::from(nth % 8));
        let (ctx, func) = (frame.ctx, frame.func);
        self.turns += 1;
        self.walked.push(call.this);
        for round in 0..4 {
            let mut branch = state.clone();
            let result = self.call(&mut branch, call.reg, nth, callback, undefined, args.clone(), call.range);
            if result.value.is_none() {
                break;
            }
            let place = Place { round: true, widen: round > 1, ..Place::meeting(ctx, func, block) };
            if !state.join(&mut self.model, &branch, place) {
                break;
            }
        }
        self.reporting = observing;
        let mut branch = state.clone();
        self.enter_callback_loop(state, call.this, call.path);
        let result = self.call(&mut branch, call.reg, nth, callback, undefined, args, call.range);
        self.leave_callback_loop();
        self.walked.pop();
        self.turns -= 1;
        (result.value, branch, result.thrown)
    }

    /// Facts about one turn's values, at the end of that turn, hold for all elements.
    fn hold_for_all(&mut self, state: &mut State, turn: &State, site: &crate::semantic::symbol::Site) {
        let about: Vec<Sym> = turn.facts.keys().copied().filter(|&s| self.is_of_turn(s, site)).collect();
        for sym in about {
            let facts = self.model.facts(turn, sym);
            state.learn(sym, facts);
            if let Some(general) = self.model.symbols.generalise(sym) {
                let known = self.model.facts(state, general);
                state.learn(general, known.meet(facts));
            }
        }
    }

    fn keep_turn(&mut self, state: &mut State, turn: &State, site: &crate::semantic::symbol::Site) {
        let about: Vec<Sym> = turn.facts.keys().copied().filter(|&s| self.is_of_turn(s, site)).collect();
        for sym in about {
            let facts = self.model.facts(turn, sym);
            state.learn(sym, facts);
        }
    }

    /// Whether a symbol has a part that is the element of one turn.
    pub fn is_of_turn(&self, sym: Sym, site: &crate::semantic::symbol::Site) -> bool {
        use crate::semantic::symbol::Which;
        self.model.symbols.contains(sym, &|_, value| matches!(value, Value::Instance(_, Which::Turn(at)) if **at == *site))
    }

    fn array_call(&mut self, state: &mut State, call: &Call<'_>) -> Option<OpResult> {
        let Some(method) = call.path.strip_prefix("Array.prototype.") else {
            return self.array_static(state, call);
        };
        self.cost_of_call(state, call.path, call.this, call.args, call.range, call.callee_range);
        match method {
            "map" | "flatMap" | "forEach" | "filter" | "some" | "every" | "find" | "findLast" | "findIndex" | "findLastIndex" => {
                Some(self.walk(state, call, method))
            }
            "reduce" | "reduceRight" => Some(self.reduce(state, call)),
            "sort" | "toSorted" => Some(self.sort(state, call, method)),
            _ => self.array_change(state, call, method),
        }
    }

    fn walk(&mut self, state: &mut State, call: &Call<'_>, method: &str) -> OpResult {
        let Some(callback) = call.args.get(0) else { return self.unknown(call).into() };
        let receiver = self.model.facts(state, call.this);
        if let Some(elements) = self.exact_elements(state, call.this)
            && let Some(result) = self.walk_listed(state, call, method, callback, &elements)
        {
            return result;
        }
        let site = self.site(call.reg, call.nth);
        state.forget_turn(&mut self.model, &site);
        let element = self.element_of(state, call.this, call.reg, 1);
        let element = self.instance(state, element, site.clone());
        let index = self.opaque(call.reg, 90, Facts::number(Interval { lo: 0.0, hi: receiver.length.hi }, true), &[]);
        let args = Args::of([element, index, call.this]);
        let (value, turn, thrown) = self.each(state, call, call.nth.wrapping_add(1), callback, args);
        let undefined = self.model.symbols.undefined();
        let value = value.unwrap_or(undefined);
        if matches!(method, "map" | "flatMap" | "forEach" | "filter") {
            self.hold_for_all(state, &turn, &site);
            self.hold_unspoilt_lists(state, &turn, &site);
        }
        let site_of_result = self.site(call.reg, 161);
        let value = if method == "map" { self.stored_as_known(state, &turn, value, site_of_result) } else { value };
        let result = match method {
            "map" => {
                let mapped = self.array_with(state, call.reg, 230, Some(value), receiver.length);
                self.same_size(state, call.this, mapped);
                self.derived.insert(mapped, ("map".into(), call.this, Vec::new()));
                mapped
            }
            "flatMap" => {
                let inner = self.flattened(state, value, call.reg);
                let times = self.model.facts(&turn, value).length.lo;
                let times = self.model.symbols.number(times);
                let flat = self.array_with(state, call.reg, 230, Some(inner), Interval::LENGTH);
                self.derived.insert(flat, ("flatMap".into(), call.this, vec![times]));
                self.empty_of_all(state, &turn, value, &site, flat);
                flat
            }
            "forEach" => undefined,
            "filter" => {
                let kept = match self.model.assumed(&turn, value, true) {
                    Some(passed) => {
                        self.keep_turn(state, &passed, &site);
                        self.passed_filter(state, (&turn, &passed), call, element, value)
                    }
                    None => element,
                };
                let part = self.array_with(state, call.reg, 230, Some(kept), Interval { lo: 0.0, hi: receiver.length.hi });
                self.derived.insert(part, ("filter".into(), call.this, call.args.list.clone()));
                self.note_absence(part, value, &turn, &site);
                part
            }
            "some" | "every" => {
                let truth = method == "every";
                let facts = match self.model.assumed(&turn, value, truth) {
                    Some(held) => self.general_facts(&held, &turn, &site),
                    None => Vec::new(),
                };
                let result = self.opaque(call.reg, 91, Facts::of(Types::BOOLEAN), &[]);
                let (if_true, if_false) = if truth { (facts, Vec::new()) } else { (Vec::new(), facts) };
                state.choices.insert(result, Rc::new(Choice::of_truth(result, if_true, if_false)));
                result
            }
            "find" | "findLast" => {
                if let Some(found) = self.model.assumed(&turn, value, true) {
                    self.keep_turn(state, &found, &site);
                }
                let kept_site = self.site(call.reg, 237);
                let element = match self.model.assumed(&turn, value, true) {
                    Some(found) => self.model.keep(&found, element, kept_site),
                    None => element,
                };
                let found = self.one_of(state, call.reg, 92, &[element, undefined]);
                self.note_absence(found, value, &turn, &site);
                found
            }
            _ => {
                let index = self.opaque(call.reg, 93, Facts::number(Interval { lo: -1.0, hi: receiver.length.hi }, true), &[]);
                self.note_absence(index, value, &turn, &site);
                index
            }
        };
        OpResult { value: Some(result), thrown }
    }

    /// A list put together of the lists of all elements is empty if each of those is.
    fn empty_of_all(&mut self, state: &mut State, turn: &State, of_one: Sym, site: &crate::semantic::symbol::Site, of_all: Sym) {
        let length = self.model.symbols.intern(Value::Prop(of_one, PropKey::Name("length".into())));
        let (Some(measure), Some(empty)) = (self.model.measure(of_all), self.model.assumed(turn, length, false)) else { return };
        let general = self.general_facts(&empty, turn, site);
        crate::semantic::flow::tell_if_empty(state, measure, general.into_iter().collect());
    }

    /// If the search finds nothing, its test was false for every element.
    fn note_absence(&mut self, result: Sym, test: Sym, turn: &State, site: &crate::semantic::symbol::Site) {
        let facts = match self.model.assumed(turn, test, false) {
            Some(held) => self.general_facts(&held, turn, site),
            None => Vec::new(),
        };
        self.model.absence.insert(result, facts);
    }

    /// Facts gained on one turn's values, said of all elements.
    fn general_facts(&mut self, held: &State, turn: &State, site: &crate::semantic::symbol::Site) -> Vec<(Sym, Facts)> {
        let about: Vec<Sym> = held.facts.keys().copied().filter(|&s| self.is_of_turn(s, site)).collect();
        let _ = turn;
        let mut facts = Vec::new();
        for sym in about {
            if let Some(general) = self.model.symbols.generalise(sym) {
                facts.push((general, self.model.facts(held, sym)));
            }
        }
        facts
    }

    /// Of an element that is one of several objects, those that a test lets through; `None` if it is not
    /// such an element, or the test rules out none.
    fn still_possible(&mut self, state: &mut State, turn: &State, reg: Reg, element: Sym, test: Sym) -> Option<Sym> {
        let before = self.model.symbols.leaves(element);
        if before.len() < 2 || before.len() > crate::semantic::limits::ALTERNATIVES_MAX {
            return None;
        }
        let mut possible = before.clone();
        possible.retain(|&leaf| {
            let Some(supposed) = self.supposing(turn, element, leaf) else { return false };
            self.model.assumed(&supposed, test, true).is_some()
        });
        let is_new = !possible.is_empty() && possible.len() < before.len();
        is_new.then(|| self.one_of(state, reg, 235, &possible))
    }

    /// An element that a filter let through, with what the filter's test established.
    fn passed_filter(&mut self, state: &mut State, (turn, passed): (&State, &State), call: &Call<'_>, element: Sym, test: Sym) -> Sym {
        let site = self.site(call.reg, 236);
        if let Some(left) = self.still_possible(state, turn, call.reg, element, test) {
            return left;
        }
        if !matches!(self.model.symbols.value(element), Value::Alloc { .. }) {
            return self.model.keep(passed, element, site);
        }
        let Some(object) = state.object(element).cloned() else { return element };
        if !object.closed || object.fields.len() > 12 {
            return element;
        }
        // Pairs of keys and values that a filter let through no longer hold all of the object.
        let keys_of = match object.fields.get("0") {
            Some(Field::Value(key)) => match *self.model.symbols.value(*key) {
                // Who may choose the entries of the configuration may see all of it.
                Value::KeyOf(of) if self.model.symbols.as_builtin(of).is_some() && refine::depends_on_input(&self.model, test) => None,
                Value::KeyOf(of) => Some(of),
                _ => None,
            },
            _ => None,
        };
        let mut copy = (*object).clone();
        for (i, (name, field)) in object.fields.iter().enumerate() {
            let Field::Value(value) = field else { continue };
            let part = match keys_of {
                Some(of) if self.model.symbols.value(*value) == &Value::Prop(of, PropKey::Any) => {
                    let rest = self.model.symbols.intern(Value::Rest(of, vec!["*".into()]));
                    Some(self.model.symbols.intern(Value::Prop(rest, PropKey::Any)))
                }
                _ => None,
            };
            let holds_facts = passed.facts.contains_key(value) && !self.model.symbols.is_constant(*value);
            if part.is_some() || holds_facts {
                let site = self.site(call.reg, 241 + (i % 12) as u8);
                let kept = self.model.keep_as(passed, *value, part.unwrap_or(*value), site);
                copy.fields.insert(name.clone(), Field::Value(kept));
            }
        }
        let kind = match self.model.symbols.value(element) {
            Value::Alloc { kind, .. } => *kind,
            _ => AllocKind::Object,
        };
        self.allocate(state, call.reg, 236, kind, copy)
    }

    fn flattened(&mut self, state: &mut State, value: Sym, reg: Reg) -> Sym {
        let facts = self.model.facts(state, value);
        if facts.types.only(Types::ARRAY) { self.element_of(state, value, reg, 3) } else { value }
    }

    fn reduce(&mut self, state: &mut State, call: &Call<'_>) -> OpResult {
        let Some(callback) = call.args.get(0) else { return self.unknown(call).into() };
        if let (Some(mut elements), true) = (self.exact_elements(state, call.this), call.args.rest.is_none())
            && self.may_take_turns(&elements)
            && !elements.is_empty()
        {
            if call.path.ends_with("Right") {
                elements.reverse();
            }
            return self.reduce_listed(state, call, callback, elements);
        }
        let site = self.site(call.reg, call.nth);
        state.forget_turn(&mut self.model, &site);
        let element = self.element_of(state, call.this, call.reg, 1);
        let element = self.instance(state, element, site.clone());
        let start = call.args.get(1).unwrap_or(element);
        let acc_site = self.site(call.reg, 94);
        let acc = self.model.symbols.intern(Value::Phi(acc_site));
        self.model.symbols.add_operand(acc, start);
        self.note_growth(acc, vec![call.this]);
        let mut known = Facts { listed: false, ..self.model.facts(state, start) };
        let index = self.opaque(call.reg, 90, Facts::number(Interval::LENGTH, true), &[]);
        let observing = std::mem::replace(&mut self.reporting, false);
        for round in 0..4 {
            state.facts.insert(acc, known);
            let mut turn_state = state.clone();
            let (value, turn, _) =
                self.each(&mut turn_state, call, call.nth.wrapping_add(1), callback, Args::of([acc, element, index, call.this]));
            let Some(value) = value else { break };
            self.model.symbols.add_operand(acc, value);
            let of = Facts { listed: false, ..self.model.facts(&turn, value) };
            let next = known.join(of);
            let next = if round > 0 { next.widen(known) } else { next };
            if next == known {
                break;
            }
            known = next;
        }
        self.reporting = observing;
        state.facts.insert(acc, known);
        let (value, turn, thrown) = self.each(state, call, call.nth.wrapping_add(1), callback, Args::of([acc, element, index, call.this]));
        self.hold_for_all(state, &turn, &site);
        state.facts.insert(acc, known);
        let result = match value {
            Some(value) => {
                let of = self.model.facts(&turn, value);
                self.keep_turn(state, &turn, &site);
                state.learn(value, of);
                self.one_of(state, call.reg, 95, &[acc, value])
            }
            None => acc,
        };
        OpResult { value: Some(result), thrown }
    }

    fn sort(&mut self, state: &mut State, call: &Call<'_>, method: &str) -> OpResult {
        let mut thrown = None;
        if let Some(callback) = call.args.get(0) {
            let (a, b) = (self.site(call.reg, call.nth), self.site(call.reg, call.nth ^ 0x40));
            state.forget_turn(&mut self.model, &a);
            state.forget_turn(&mut self.model, &b);
            let element = self.element_of(state, call.this, call.reg, 1);
            let args = Args::of([self.instance(state, element, a), self.instance(state, element, b)]);
            thrown = self.each(state, call, call.nth.wrapping_add(1), callback, args).2;
        }
        if method == "toSorted" {
            let element = self.element_of(state, call.this, call.reg, 1);
            let length = self.model.facts(state, call.this).length;
            let copy = self.array_with(state, call.reg, 230, Some(element), length);
            return OpResult { value: Some(copy), thrown };
        }
        self.changed(state, call.this, call.range);
        self.note_mutation(call.this, Change::Altered);
        self.scramble(state, call);
        OpResult { value: Some(call.this), thrown }
    }

    /// After `sort`, `reverse` and the like, positions no longer tell the elements apart.
    fn scramble(&mut self, state: &mut State, call: &Call<'_>) {
        if let Some(elements) = self.exact_elements(state, call.this) {
            let merged = self.one_of(state, call.reg, 96, &elements);
            let object = state.object_mut(call.this);
            object.fields.retain(|name, _| !name.bytes().all(|b| b.is_ascii_digit()));
            if !elements.is_empty() {
                object.rest = Some(merged);
            }
        }
    }

    /// An array, map or set is about to change: what was known of its size is no longer so.
    fn changed(&mut self, state: &mut State, object: Sym, range: TextRange) {
        let mut resized = self.model.symbols.leaves(object);
        resized.push(object);
        for leaf in resized {
            self.observe_context_write(leaf, range);
            self.observe_outliving_write(leaf, range);
            for measure in ["length", "size"] {
                let length = self.model.property_symbol(leaf, measure);
                state.facts.remove(&length);
                state.choices.remove(&length);
            }
            if state.object(leaf).is_some_and(|o| o.fields.contains_key(PAIRS)) {
                state.object_mut(leaf).fields.remove(PAIRS);
            }
            if let Some(known) = state.facts.get(&leaf).copied() {
                let known = Facts { length: Interval::LENGTH, ..known };
                state.facts.insert(leaf, known);
            }
        }
    }

    /// Methods that change the array or make another from it.
    fn array_change(&mut self, state: &mut State, call: &Call<'_>, method: &str) -> Option<OpResult> {
        let (reg, this) = (call.reg, call.this);
        let facts = self.model.facts(state, this);
        Some(match method {
            "push" | "unshift" => {
                self.changed(state, this, call.range);
                self.observe_own_spread(state, this, call.range);
                self.append(state, call, method);
                let mut added = call.args.list.clone();
                added.extend(call.args.rest);
                self.note_mutation(this, Change::Added(added, call.args.rest.is_some()));
                let length = self.model.facts(state, this).length;
                self.opaque(reg, 97, Facts::number(length, true), &[]).into()
            }
            "pop" | "shift" => {
                self.changed(state, this, call.range);
                let element = match (self.exact_elements(state, this), method) {
                    (Some(elements), "pop") if !elements.is_empty() => elements[elements.len() - 1],
                    (Some(elements), _) if !elements.is_empty() => elements[0],
                    _ => {
                        let element = self.element_of(state, this, reg, 1);
                        let site = self.site(reg, call.nth);
                        state.forget_turn(&mut self.model, &site);
                        self.instance(state, element, site)
                    }
                };
                self.shrink(state, call, method);
                let undefined = self.model.symbols.undefined();
                let element = if facts.length.lo > 0.0 || self.model.input_path(element).is_some() {
                    element
                } else {
                    self.one_of(state, reg, 98, &[element, undefined])
                };
                self.note_mutation(this, Change::Taken(Some(element)));
                element.into()
            }
            "splice" => {
                self.changed(state, this, call.range);
                let element = self.element_of(state, this, reg, 1);
                let removed = self.array_with(state, reg, 230, Some(element), Interval { lo: 0.0, hi: facts.length.hi });
                self.scramble(state, call);
                let added: Vec<Sym> = call.args.list.iter().skip(2).copied().collect();
                let takes = call.args.list.get(1).is_none_or(|&n| self.model.facts(state, n).range.lo >= 1.0);
                if takes {
                    self.note_mutation(this, Change::Taken(None));
                }
                if !added.is_empty() {
                    self.note_mutation(this, Change::Added(added.clone(), false));
                }
                for leaf in self.model.symbols.leaves(this) {
                    let rest = state.object(leaf).and_then(|o| o.rest);
                    let all: Vec<Sym> = rest.into_iter().chain(added.iter().copied()).collect();
                    if !all.is_empty() {
                        let merged = self.one_of(state, reg, 99, &all);
                        state.object_mut(leaf).rest = Some(merged);
                    }
                    state.object_mut(leaf).length = Interval { lo: 0.0, hi: facts.length.hi + added.len() as f64 };
                }
                removed.into()
            }
            "reverse" => {
                self.changed(state, this, call.range);
                self.note_mutation(this, Change::Altered);
                if let Some(mut elements) = self.exact_elements(state, this) {
                    elements.reverse();
                    let object = state.object_mut(this);
                    for (i, element) in elements.into_iter().enumerate() {
                        object.fields.insert(i.to_string().into(), Field::Value(element));
                    }
                }
                this.into()
            }
            "fill" => {
                self.changed(state, this, call.range);
                self.note_mutation(this, Change::Altered);
                if let Some(value) = call.args.get(0) {
                    for leaf in self.model.symbols.leaves(this) {
                        let rest = state.object(leaf).and_then(|o| o.rest);
                        let all: Vec<Sym> = rest.into_iter().chain([value]).collect();
                        let merged = self.one_of(state, reg, 99, &all);
                        state.object_mut(leaf).rest = Some(merged);
                    }
                }
                this.into()
            }
            "slice" | "toReversed" | "toSpliced" | "with" | "copyWithin" => {
                let source = call.args.list.first().copied();
                let exact = self.exact_elements(state, this);
                if let (Some(mut elements), true) = (exact, call.args.list.is_empty() || method == "toReversed") {
                    if method == "toReversed" {
                        elements.reverse();
                    }
                    return Some(self.array_of(state, reg, 230, &elements).into());
                }
                if let (Some(elements), "slice", true) = (self.exact_elements(state, this), method, call.args.list.len() <= 2) {
                    let index = |a: Option<&Sym>| a.map(|&a| self.model.symbols.as_number(a));
                    if let (Some(Some(from)), to @ (None | Some(Some(_)))) = (index(source.as_ref()), index(call.args.list.get(1))) {
                        let at =
                            |n: f64| if n < 0.0 { (elements.len() as f64 + n).max(0.0) as usize } else { (n as usize).min(elements.len()) };
                        let (from, to) = (at(from), to.flatten().map_or(elements.len(), at));
                        let part = elements.get(from..to.max(from)).unwrap_or_default().to_vec();
                        return Some(self.array_of(state, reg, 230, &part).into());
                    }
                }
                let element = self.element_of(state, this, reg, 1);
                let mut parts = vec![this];
                parts.extend(call.args.list.iter().copied());
                let length = crate::semantic::builtins::call_facts(&mut self.model, state, "Array.prototype.slice", &parts).length;
                let length = if method == "slice" { length } else { facts.length };
                let piece = self.array_with(state, reg, 230, Some(element), length);
                if method == "slice" {
                    self.derived.insert(piece, ("slice".into(), this, call.args.list.clone()));
                }
                piece.into()
            }
            "concat" => {
                let mut elements = vec![self.element_of(state, this, reg, 1)];
                let mut length = facts.length;
                let mut exact = self.exact_elements(state, this);
                for (i, &arg) in call.args.list.iter().enumerate() {
                    let of = self.model.facts(state, arg);
                    if of.types.may(Types::ARRAY) {
                        elements.push(self.element_of(state, arg, reg, 4 + (i % 4) as u8));
                        length = length.add(of.length);
                        exact = exact.zip(self.exact_elements(state, arg)).map(|(mut all, more)| {
                            all.extend(more);
                            all
                        });
                    } else {
                        elements.push(arg);
                        length = length.add(Interval::point(1.0));
                        if let Some(all) = &mut exact {
                            all.push(arg);
                        }
                    }
                }
                if let (Some(all), None) = (exact, call.args.rest) {
                    return Some(self.array_of(state, reg, 230, &all).into());
                }
                elements.extend(call.args.rest);
                let merged = self.one_of(state, reg, 99, &elements);
                let joined = self.array_with(state, reg, 230, Some(merged), length);
                self.derived.insert(joined, ("concat".into(), this, call.args.list.clone()));
                joined.into()
            }
            "flat" => {
                let element = self.element_of(state, this, reg, 1);
                let inner = self.flattened(state, element, reg);
                self.array_with(state, reg, 230, Some(inner), Interval::LENGTH).into()
            }
            "join" => self.join_text(state, call).into(),
            "values" => {
                let element = self.element_of(state, this, reg, 1);
                self.iterator(state, reg, element, facts.length).into()
            }
            "keys" => {
                let index = self.opaque(reg, 97, Facts::number(Interval { lo: 0.0, hi: facts.length.hi }, true), &[]);
                self.iterator(state, reg, index, facts.length).into()
            }
            "entries" => {
                let element = self.element_of(state, this, reg, 1);
                let index = self.opaque(reg, 97, Facts::number(Interval { lo: 0.0, hi: facts.length.hi }, true), &[]);
                let pair = self.entry(state, reg, 236, index, element);
                self.iterator(state, reg, pair, facts.length).into()
            }
            "at" => {
                let key = match call.args.get(0).map(|a| self.key_of(a)) {
                    Some(PropKey::Name(name)) if name.starts_with('-') => PropKey::Any,
                    Some(key) => key,
                    None => PropKey::Name("0".into()),
                };
                let element = match key {
                    PropKey::Any => self.element_of(state, this, reg, 1),
                    key => self.get(state, reg, this, &key),
                };
                element.into()
            }
            "includes" => {
                let key = call.args.get(0)?;
                self.note_compared(state, this, key);
                return self.is_member(state, this, key).map(OpResult::from);
            }
            _ => return None,
        })
    }

    /// Whether a constant is among constants, if all are known.
    fn is_member(&mut self, state: &State, list: Sym, key: Sym) -> Option<Sym> {
        let elements = self.exact_elements(state, list)?;
        let known = self.model.symbols.is_constant(key) && elements.iter().all(|&e| self.model.symbols.is_constant(e));
        known.then(|| self.model.symbols.boolean(elements.contains(&key)))
    }

    fn append(&mut self, state: &mut State, call: &Call<'_>, method: &str) {
        let leaves = self.model.symbols.leaves(call.this);
        if leaves.len() > 1 && state.choices.contains_key(&call.this) {
            return self.append_to_one(state, call, &leaves);
        }
        let mut list = call.args.list.clone();
        for (i, value) in list.iter_mut().enumerate() {
            let site = self.site(call.reg, 161 + (i % 32) as u8);
            *value = self.stored(state, *value, site);
        }
        let args = Args { list, ..call.args.clone() };
        let call = &Call { args: &args, ..*call };
        for &leaf in &leaves {
            let exact = self.exact_elements(state, leaf);
            let strong = leaves.len() == 1 && !matches!(self.model.symbols.value(leaf), Value::Alloc { old: true, .. });
            if let (Some(elements), true, None) = (exact, strong && self.frame_is_straight(), call.args.rest) {
                let mut all = elements;
                let at = if method == "push" { all.len() } else { 0 };
                all.splice(at..at, call.args.list.iter().copied());
                let object = state.object_mut(leaf);
                object.length = Interval::point(all.len() as f64);
                for (i, element) in all.into_iter().enumerate() {
                    object.fields.insert(i.to_string().into(), Field::Value(element));
                }
                continue;
            }
            let rest = state.object(leaf).and_then(|o| o.rest);
            let mut all: Vec<Sym> = rest.into_iter().chain(call.args.list.iter().copied()).collect();
            all.extend(call.args.rest);
            if all.is_empty() {
                continue;
            }
            let merged = self.one_of(state, call.reg, 99, &all);
            let more = if call.args.rest.is_some() { f64::INFINITY } else { call.args.list.len() as f64 };
            let object = state.object_mut(leaf);
            object.rest = Some(merged);
            object.length = object.length.add(Interval { lo: if strong { call.args.list.len() as f64 } else { 0.0 }, hi: more });
        }
    }

    /// Appends to one of several arrays: to each what is known of the values if it is that one.
    fn append_to_one(&mut self, state: &mut State, call: &Call<'_>, leaves: &[Sym]) {
        for (i, &leaf) in leaves.iter().enumerate() {
            let Some(supposed) = self.supposing(state, call.this, leaf) else { continue };
            let mut all: Vec<Sym> = state.object(leaf).and_then(|o| o.rest).into_iter().collect();
            for (k, &value) in call.args.list.iter().chain(call.args.rest.iter()).enumerate() {
                let site = self.site(call.reg, 161 + (i % 4) as u8 * 8 + (k % 8) as u8);
                let is_plain = matches!(self.model.symbols.value(value), Value::Prop(..) | Value::Instance(..));
                all.push(if is_plain { self.model.keep_as(&supposed, value, value, site) } else { value });
            }
            let merged = self.one_of(state, call.reg, 99, &all);
            let object = state.object_mut(leaf);
            object.rest = Some(merged);
            object.length = object.length.add(Interval { lo: 0.0, hi: f64::INFINITY });
        }
    }

    fn shrink(&mut self, state: &mut State, call: &Call<'_>, method: &str) {
        for leaf in self.model.symbols.leaves(call.this) {
            if !state.heap.contains_key(&leaf) && self.model.input_path(leaf).is_some() {
                continue;
            }
            if let Some(elements) = self.exact_elements(state, leaf) {
                let merged = (!elements.is_empty()).then(|| self.one_of(state, call.reg, 96, &elements));
                let object = state.object_mut(leaf);
                if method == "pop" && !elements.is_empty() {
                    object.fields.remove((elements.len() - 1).to_string().as_str());
                    object.length = Interval::point(elements.len() as f64 - 1.0);
                } else {
                    object.fields.retain(|name, _| !name.bytes().all(|b| b.is_ascii_digit()));
                    object.rest = merged;
                    object.length = Interval::point((elements.len() as f64 - 1.0).max(0.0));
                }
                continue;
            }
            let object = state.object_mut(leaf);
            object.length = Interval { lo: (object.length.lo - 1.0).max(0.0), hi: (object.length.hi - 1.0).max(0.0) };
        }
    }

    fn join_text(&mut self, state: &mut State, call: &Call<'_>) -> Sym {
        let separator = match call.args.get(0) {
            Some(sep) => fold::constant(&self.model.symbols, sep).map(|c| c.text()),
            None => Some(",".into()),
        };
        if let (Some(separator), Some(elements)) = (separator.clone(), self.exact_elements(state, call.this)) {
            let texts: Option<Vec<Rc<str>>> = elements.iter().map(|&e| fold::constant(&self.model.symbols, e).map(|c| c.text())).collect();
            if let Some(texts) = texts {
                let joined = texts.join(&*separator);
                let sym = self.model.symbols.string(&joined);
                self.note_string(sym, call.range);
                return sym;
            }
            if elements.len() <= 16 && !elements.is_empty() {
                let mut quasis = vec![Rc::from("")];
                quasis.extend(std::iter::repeat_n(separator, elements.len() - 1));
                quasis.push(Rc::from(""));
                let parts = elements.into_iter().map(|e| self.shallow(state, e)).collect();
                return self.model.symbols.intern(Value::Template(quasis, parts));
            }
        }
        let element = self.element_of(state, call.this, call.reg, 1);
        let (list, part) = (self.model.facts(state, call.this), self.model.facts(state, element));
        let hi = list.length.hi * (crate::semantic::model::text_length(part).hi + 8.0);
        self.opaque(call.reg, 97, Facts::string(Interval { lo: 0.0, hi }), &[call.this, element])
    }

    fn array_static(&mut self, state: &mut State, call: &Call<'_>) -> Option<OpResult> {
        let reg = call.reg;
        match call.path {
            "Array" => Some(self.new_array(state, call)),
            "Array.of" => Some(self.array_of(state, reg, 230, &call.args.list.clone()).into()),
            "Array.from" | "Array.fromAsync" => {
                let source = call.args.get(0)?;
                self.mark_endless(state, reg, source);
                self.observe_drain(state, source, call.range);
                self.learn_found_later(state, source);
                let mut elements = self.exact_elements(state, source);
                let facts = self.model.facts(state, source);
                let length = self.length_of_array_like(state, source, call.range);
                let at = call.args.ranges.first().copied().unwrap_or(call.range);
                if length.is_none() {
                    self.demand(state, source, Types::ITERABLE | Types::OBJECT, at, "iterated", "array");
                }
                if let Some(callback) = call.args.get(1) {
                    if elements.as_ref().is_some_and(|e| e.len() > 64 || !e.iter().all(|&e| self.model.symbols.is_constant(e))) {
                        elements = None;
                    }
                    let copy = match (&elements, length) {
                        (Some(elements), _) => self.array_of(state, reg, 231, elements),
                        (None, Some(length)) => {
                            let undefined = self.model.symbols.undefined();
                            self.array_with(state, reg, 231, Some(undefined), length)
                        }
                        (None, None) => {
                            let element = self.element_of(state, source, reg, 1);
                            self.array_with(state, reg, 231, Some(element), facts.length)
                        }
                    };
                    let args = Args::of([callback]);
                    let inner = Call { path: "Array.prototype.map", this: copy, args: &args, ..*call };
                    return Some(self.walk(state, &inner, "map"));
                }
                Some(match (elements, length) {
                    (Some(elements), _) => self.array_of(state, reg, 230, &elements).into(),
                    (None, Some(length)) => {
                        let undefined = self.model.symbols.undefined();
                        self.array_with(state, reg, 230, Some(undefined), length).into()
                    }
                    (None, None) => {
                        let element = self.element_of(state, source, reg, 1);
                        let copy = self.array_with(state, reg, 230, Some(element), facts.length);
                        self.same_size(state, source, copy);
                        self.derived.insert(copy, ("copy".into(), source, Vec::new()));
                        copy.into()
                    }
                })
            }
            _ => None,
        }
    }

    /// The length of `{ length: n }`; its cost is charged here.
    fn length_of_array_like(&mut self, state: &mut State, source: Sym, range: TextRange) -> Option<Interval> {
        let object = state.object(source)?;
        let Field::Value(length) = *object.fields.get("length")? else { return None };
        self.cost_of_size(state, length, range, "an array of that length is made");
        let facts = self.model.facts(state, length);
        Some(facts.range.meet(Interval::LENGTH))
    }

    fn new_array(&mut self, state: &mut State, call: &Call<'_>) -> OpResult {
        if let ([length], None) = (&call.args.list[..], call.args.rest) {
            let facts = self.model.facts(state, *length);
            if facts.types.may(Types::NUMBER) {
                let at = call.args.ranges.first().copied().unwrap_or(call.range);
                self.cost_of_size(state, *length, at, "an array of that length is made");
                let length = if facts.types.only(Types::NUMBER) { facts.range.meet(Interval::LENGTH) } else { Interval::LENGTH };
                let undefined = self.model.symbols.undefined();
                let exact = length.lo == length.hi && length.hi <= 64.0;
                if exact {
                    return self.array_of(state, call.reg, 230, &vec![undefined; length.hi as usize]).into();
                }
                return self.array_with(state, call.reg, 230, None, length).into();
            }
        }
        self.array_of(state, call.reg, 230, &call.args.list.clone()).into()
    }

    // Objects.

    fn object_call(&mut self, state: &mut State, call: &Call<'_>) -> Option<OpResult> {
        let (reg, args) = (call.reg, call.args);
        let first = args.get(0);
        let at = args.ranges.first().copied().unwrap_or(call.range);
        let key = args.get(1).map(|k| self.key_of(k));
        let key_name = |key: &Option<PropKey>| match key {
            Some(PropKey::Name(name)) => Some(name.to_string()),
            _ => None,
        };
        if let Some(method) = call.path.strip_prefix("Object.prototype.") {
            return self.object_method(state, call, method);
        }
        Some(match call.path {
            "Object.keys" | "Object.getOwnPropertyNames" | "Reflect.ownKeys" => {
                let of = first?;
                self.demand_present(state, of, at, "its keys are listed");
                self.keys_of(state, call, of).into()
            }
            "Object.values" => {
                let of = first?;
                self.demand_present(state, of, at, "its values are listed");
                self.values_of(state, call, of).into()
            }
            "Object.entries" => {
                let of = first?;
                self.demand_present(state, of, at, "its entries are listed");
                self.entries_of(state, call, of).into()
            }
            "Object.fromEntries" => {
                let pairs = first?;
                self.observe_drain(state, pairs, call.range);
                let pair = self.element_of(state, pairs, reg, 1);
                self.from_entries(state, call, pairs, pair).into()
            }
            "Object.assign" => self.assign(state, call)?,
            "Object.freeze" | "Object.seal" | "Object.preventExtensions" => first?.into(),
            "Object.create" => self.create(state, call)?,
            "Object.defineProperty" | "Reflect.defineProperty" => {
                let (target, descriptor) = (first?, args.get(2)?);
                let value = self.get(state, reg, descriptor, &PropKey::Name("value".into()));
                self.write(state, reg, target, key?, value, call.range);
                target.into()
            }
            "Object.defineProperties" => {
                let target = first?;
                let undefined = self.model.symbols.undefined();
                for leaf in self.model.symbols.leaves(target) {
                    self.write_builtin(state, leaf, &PropKey::Any, undefined, call.range);
                }
                target.into()
            }
            "Reflect.set" => {
                let (target, value) = (first?, args.get(2)?);
                self.write(state, reg, target, key?, value, call.range);
                self.model.symbols.boolean(true).into()
            }
            "Reflect.deleteProperty" => {
                self.delete(state, first?, key?, call.range);
                self.model.symbols.boolean(true).into()
            }
            "Reflect.get" => {
                let object = first?;
                return Some(self.read(state, reg, object, key?, call.range, false));
            }
            "Object.getOwnPropertyDescriptor" | "Reflect.getOwnPropertyDescriptor" => {
                let (of, key) = (first?, key?);
                let value = self.get(state, reg, of, &key);
                if let PropKey::Name(name) = &key {
                    self.observe_read(reg, of, name, value, call.range);
                }
                let mut object = Object::new();
                object.fields.insert("value".into(), Field::Value(value));
                if matches!(self.model.symbols.value(value), Value::Bound { .. }) {
                    object.fields.insert("get".into(), Field::Value(value));
                }
                self.allocate(state, reg, 230, AllocKind::Object, object).into()
            }
            "Object.getPrototypeOf" | "Reflect.getPrototypeOf" => {
                let of = first?;
                let prototype = self.prototype_of(state, of);
                let own_class = matches!(self.model.symbols.value(prototype), Value::Prop(base, _) if matches!(self.model.symbols.value(*base), Value::Class(_) | Value::Closure(..)));
                if !own_class {
                    let path = self.model.symbols.as_builtin(prototype).unwrap_or("Object.getPrototypeOf(…)").to_owned();
                    self.observe_prototype(reg, &path, call.range);
                }
                prototype.into()
            }
            "Object.setPrototypeOf" | "Reflect.setPrototypeOf" => {
                let prototype = args.get(1)?;
                if self.reporting {
                    let is_null = matches!(self.model.symbols.value(prototype), Value::Null) && call.path.starts_with("Object");
                    let form = if is_null { PrototypeForm::NullPrototype } else { PrototypeForm::SetPrototype };
                    self.seen.prototype_uses.insert(PrototypeUse { path: call.path.to_owned(), range: call.callee_range, form });
                }
                let target = first?;
                if matches!(self.model.symbols.value(prototype), Value::Null) {
                    state.object_mut(target).null_prototype = true;
                } else {
                    state.object_mut(target).prototype = Some(prototype);
                }
                target.into()
            }
            "Object.groupBy" | "Map.groupBy" => {
                let (list, callback) = (first?, args.get(1)?);
                let inner_args = Args::of([callback]);
                let inner = Call { path: "Array.prototype.forEach", this: list, args: &inner_args, ..*call };
                self.walk(state, &inner, "forEach");
                let element = self.element_of(state, list, reg, 1);
                let group = self.array_with(state, reg, 231, Some(element), Interval::LENGTH);
                self.allocate(state, reg, 230, AllocKind::Object, Object { rest: Some(group), null_prototype: true, ..Object::new() })
                    .into()
            }
            // As the other side of a comparison it tells whether the value is an object.
            "Object" if self.is_harmless_use(reg) => self.pure_call(state, call).into(),
            "Object" => first.unwrap_or_else(|| self.model.symbols.undefined()).into(),
            "Object.hasOwn" | "Reflect.has" | "Object.is" | "Object.isFrozen" | "Object.isSealed" => {
                let _ = key_name(&key);
                return None;
            }
            _ => return None,
        })
    }

    fn object_method(&mut self, state: &mut State, call: &Call<'_>, method: &str) -> Option<OpResult> {
        match method {
            "__lookupGetter__" | "__lookupSetter__" | "__defineGetter__" | "__defineSetter__" => Some(self.unknown(call).into()),
            "toString" | "toLocaleString" => {
                let text = self.model.facts(state, call.this);
                if text.types.only(Types::STRING) {
                    return Some(call.this.into());
                }
                let sym = self.model.symbols.intern(Value::Call("Object.prototype.toString".into(), vec![call.this]));
                Some(sym.into())
            }
            "valueOf" => {
                let time = refine::date_time(&self.model, state, call.this);
                Some(time.unwrap_or(call.this).into())
            }
            _ => None,
        }
    }

    fn keys_of(&mut self, state: &mut State, call: &Call<'_>, of: Sym) -> Sym {
        if let Some(names) = self.known_names(state, of) {
            let names: Vec<Sym> = names.iter().map(|n| self.model.symbols.string(n)).collect();
            return self.array_of(state, call.reg, 230, &names);
        }
        let length = self.model.facts(state, of).length;
        let keys = self.model.symbols.intern(Value::KeyOf(of));
        self.listed_from(state, call, of, keys, length)
    }

    /// A list of the keys, values or entries of an object: as long as the object has properties.
    fn listed_from(&mut self, state: &mut State, call: &Call<'_>, of: Sym, element: Sym, length: Interval) -> Sym {
        let list = self.array_with(state, call.reg, 230, Some(element), length);
        // What a map holds is no property of it.
        if matches!(self.model.symbols.value(of), Value::Alloc { kind: AllocKind::Object, .. }) {
            self.same_size(state, of, list);
        }
        self.derived.insert(list, ("keys".into(), of, Vec::new()));
        self.cost_of_keys(state, of, list, call.range);
        list
    }

    /// Names of the own properties, where all are known.
    pub fn known_names(&self, state: &State, of: Sym) -> Option<Vec<Rc<str>>> {
        let object = state.object(of)?;
        if !object.closed || object.uncertain || object.rest.is_some() || !object.spreads.is_empty() || object.fields.len() > 64 {
            return None;
        }
        matches!(self.model.symbols.value(of), Value::Alloc { kind: AllocKind::Object, .. }).then(|| {
            object.fields.iter().filter(|(k, f)| !matches!(f, Field::Absent) && !k.starts_with("[[")).map(|(k, _)| k.clone()).collect()
        })
    }

    fn values_of(&mut self, state: &mut State, call: &Call<'_>, of: Sym) -> Sym {
        if let Some(names) = self.known_names(state, of) {
            let values: Vec<Sym> = names.into_iter().map(|n| self.get(state, call.reg, of, &PropKey::Name(n))).collect();
            return self.array_of(state, call.reg, 230, &values);
        }
        let value = self.any_value(state, call, of);
        let length = self.model.facts(state, of).length;
        self.listed_from(state, call, of, value, length)
    }

    fn any_value(&mut self, state: &mut State, call: &Call<'_>, of: Sym) -> Sym {
        let mut values = Vec::new();
        for leaf in self.model.symbols.leaves(of) {
            match state.object(leaf).cloned() {
                Some(object) if object.closed => {
                    values.extend(object.fields.values().filter_map(|f| match f {
                        Field::Value(v) => Some(*v),
                        _ => None,
                    }));
                    values.extend(object.rest);
                    values.extend(object.spreads.iter().map(|&s| self.model.symbols.intern(Value::Prop(s, PropKey::Any))));
                }
                _ => values.push(self.model.symbols.intern(Value::Prop(leaf, PropKey::Any))),
            }
        }
        if values.is_empty() {
            return self.model.symbols.undefined();
        }
        self.one_of(state, call.reg, 99, &values)
    }

    fn entries_of(&mut self, state: &mut State, call: &Call<'_>, of: Sym) -> Sym {
        if let Some(names) = self.known_names(state, of).filter(|names| names.len() <= 12) {
            let mut pairs = Vec::new();
            for (i, name) in names.into_iter().enumerate() {
                let value = self.get(state, call.reg, of, &PropKey::Name(name.clone()));
                let key = self.model.symbols.string(&name);
                pairs.push(self.array_of(state, call.reg, 240 + (i % 12) as u8, &[key, value]));
            }
            return self.array_of(state, call.reg, 230, &pairs);
        }
        let leaves = self.model.symbols.leaves(of);
        let (key, value) = match leaves[..] {
            [only] if self.model.symbols.value(only) != &Value::Undefined && state.object(only).is_none_or(|o| !o.closed) => {
                (self.model.symbols.intern(Value::KeyOf(only)), self.model.symbols.intern(Value::Prop(only, PropKey::Any)))
            }
            _ => (self.model.symbols.intern(Value::KeyOf(of)), self.any_value(state, call, of)),
        };
        let length = self.model.facts(state, of).length;
        let pair = self.entry(state, call.reg, 237, key, value);
        self.listed_from(state, call, of, pair, length)
    }

    fn from_entries(&mut self, state: &mut State, call: &Call<'_>, pairs: Sym, pair: Sym) -> Sym {
        if let Some(pairs) = self.exact_elements(state, pairs) {
            let mut object = Object::new();
            let mut all_known = true;
            for pair in pairs {
                let key = self.get(state, call.reg, pair, &PropKey::Name("0".into()));
                let value = self.get(state, call.reg, pair, &PropKey::Name("1".into()));
                match self.model.symbols.key_text(key) {
                    Some(name) => {
                        object.fields.insert(name, Field::Value(value));
                    }
                    None => all_known = false,
                }
            }
            if all_known {
                return self.allocate(state, call.reg, 232, AllocKind::Object, object);
            }
        }
        let value = self.get(state, call.reg, pair, &PropKey::Name("1".into()));
        let length = self.model.facts(state, pairs).length;
        self.allocate(state, call.reg, 232, AllocKind::Object, Object { rest: Some(value), length, ..Object::new() })
    }

    fn assign(&mut self, state: &mut State, call: &Call<'_>) -> Option<OpResult> {
        let target = call.args.get(0)?;
        self.observe_assign(state, target, call.args.list.get(1..).unwrap_or_default(), call.range);
        let undefined = self.model.symbols.undefined();
        for leaf in self.model.symbols.leaves(target) {
            if self.write_builtin(state, leaf, &PropKey::Any, undefined, call.range) {
                continue;
            }
            self.observe_outliving_write(leaf, call.range);
            let mut object = state.object(leaf).map_or_else(Object::open, |o| (**o).clone());
            for (i, &source) in call.args.list.iter().skip(1).enumerate() {
                self.spread_into(state, call.reg, 8 + i, &mut object, source);
            }
            state.heap.insert(leaf, Rc::new(object));
        }
        Some(target.into())
    }

    fn create(&mut self, state: &mut State, call: &Call<'_>) -> Option<OpResult> {
        let prototype = call.args.get(0)?;
        let mut object = Object::new();
        match self.model.symbols.value(prototype) {
            Value::Null => object.null_prototype = true,
            _ => object.prototype = Some(prototype),
        }
        if let Some(descriptors) = call.args.get(1).and_then(|d| state.object(d).cloned()) {
            for (name, field) in &descriptors.fields {
                if let Field::Value(descriptor) = field {
                    let value = self.get(state, call.reg, *descriptor, &PropKey::Name("value".into()));
                    object.fields.insert(name.clone(), Field::Value(value));
                }
            }
        }
        Some(self.allocate(state, call.reg, 230, AllocKind::Object, object).into())
    }

    // Text and regular expressions.

    fn text_call(&mut self, state: &mut State, call: &Call<'_>) -> Option<OpResult> {
        let (reg, this) = (call.reg, call.this);
        let facts = self.model.facts(state, this);
        match call.path {
            "String.prototype.split" => {
                self.observe_regex(state, call.args.get(0), this, call.range);
                self.cost_of_call(state, call.path, this, call.args, call.range, call.callee_range);
                let separator = call.args.get(0).and_then(|s| self.model.symbols.as_str(s));
                if let (Some(text), Some(separator)) = (self.model.symbols.as_str(this), separator) {
                    let parts: Vec<String> = match &*separator {
                        "" => text.chars().map(String::from).collect(),
                        sep => text.split(sep).map(String::from).collect(),
                    };
                    let parts: Vec<Sym> = parts.iter().take(256).map(|p| self.model.symbols.string(p)).collect();
                    return Some(self.array_of(state, reg, 230, &parts).into());
                }
                let part = self.opaque(
                    reg,
                    97,
                    Facts { digits: facts.digits, listed: facts.listed, ..Facts::string(Interval { lo: 0.0, hi: facts.length.hi }) },
                    &[this],
                );
                self.words.insert(part);
                let parts = self.array_with(state, reg, 230, Some(part), Interval { lo: 1.0, hi: facts.length.hi + 1.0 });
                self.derived.insert(parts, ("split".into(), this, Vec::new()));
                self.cost_until_limited(state, this, parts, call.range, "the text is taken apart that is");
                Some(parts.into())
            }
            "String.prototype.match" | "RegExp.prototype.exec" => {
                let (regex, text) =
                    if call.path.starts_with("String") { (call.args.get(0), Some(this)) } else { (Some(this), call.args.get(0)) };
                let text = text?;
                if call.path == "RegExp.prototype.exec" {
                    self.note_mutation(this, Change::Altered);
                }
                if call.path.starts_with("RegExp") {
                    self.observe_kept_position(this, call.range);
                }
                self.observe_regex(state, regex, text, call.range);
                if call.path.starts_with("String") {
                    self.observe_text_pattern(state, regex, text, call.range);
                    self.cost_of_call(state, call.path, this, call.args, call.range, call.callee_range);
                }
                let length = self.model.facts(state, text).length;
                let part = self.opaque(reg, 97, Facts::string(Interval { lo: 0.0, hi: length.hi }), &[text]);
                self.pieces.insert(part);
                let groups = self.matched_groups(reg, regex, text, length);
                let found = match groups.is_empty() {
                    true => self.array_with(state, reg, 230, Some(part), Interval { lo: 1.0, hi: length.hi + 1.0 }),
                    false => {
                        let elements: Vec<Sym> = std::iter::once(part).chain(groups.iter().map(|(_, g)| *g)).collect();
                        self.array_of(state, reg, 230, &elements)
                    }
                };
                let named = groups;
                let index = self.opaque(reg, 96, Facts::number(Interval { lo: 0.0, hi: length.hi }, true), &[]);
                let mut by_name = Object { rest: named.is_empty().then_some(part), ..Object::new() };
                for (name, group) in named {
                    if let Some(name) = name {
                        by_name.fields.insert(name.into(), Field::Value(group));
                    }
                }
                let groups = self.allocate(state, reg, 234, AllocKind::Object, by_name);
                let object = state.object_mut(found);
                object.fields.insert("index".into(), Field::Value(index));
                object.fields.insert("groups".into(), Field::Value(groups));
                object.fields.insert("input".into(), Field::Value(text));
                if call.path.starts_with("RegExp") {
                    let regex = self.regex_constant(state, this);
                    self.exec_results.insert(found, (regex, Some(text)));
                }
                let null = self.model.symbols.intern(Value::Null);
                Some(self.one_of(state, reg, 98, &[found, null]).into())
            }
            "String.prototype.matchAll" => {
                self.observe_text_pattern(state, call.args.get(0), this, call.range);
                self.observe_regex(state, call.args.get(0), this, call.range);
                let part = self.opaque(reg, 97, Facts::string(Interval { lo: 0.0, hi: facts.length.hi }), &[this]);
                let found = self.array_with(state, reg, 231, Some(part), Interval { lo: 1.0, hi: facts.length.hi + 1.0 });
                let index = self.opaque(reg, 96, Facts::number(Interval { lo: 0.0, hi: facts.length.hi }, true), &[]);
                let groups = self.allocate(state, reg, 234, AllocKind::Object, Object { rest: Some(part), ..Object::new() });
                self.pieces.insert(part);
                state.object_mut(found).fields.insert("index".into(), Field::Value(index));
                state.object_mut(found).fields.insert("groups".into(), Field::Value(groups));
                Some(self.array_with(state, reg, 230, Some(found), Interval { lo: 0.0, hi: facts.length.hi + 1.0 }).into())
            }
            "RegExp.prototype.test" => {
                let text = call.args.get(0)?;
                self.note_mutation(this, Change::Altered);
                self.observe_kept_position(this, call.range);
                self.observe_regex(state, Some(this), text, call.range);
                let regex = self.regex_constant(state, this).unwrap_or(this);
                Some(self.model.symbols.intern(Value::Call(call.path.into(), vec![regex, text])).into())
            }
            "String.prototype.search" => {
                self.observe_text_pattern(state, call.args.get(0), this, call.range);
                self.observe_regex(state, call.args.get(0), this, call.range);
                None
            }
            "String.prototype.replace" | "String.prototype.replaceAll" => {
                self.observe_regex(state, call.args.get(0), this, call.range);
                let with = call.args.get(1)?;
                let is_function = self.model.facts(state, with).types.only(Types::FUNCTION);
                if !is_function {
                    return None;
                }
                let part = self.opaque(reg, 97, Facts::string(Interval { lo: 0.0, hi: facts.length.hi }), &[this]);
                let args = Args { list: vec![part], rest: Some(part), ranges: Vec::new() };
                let (value, _, thrown) = self.each(state, call, call.nth.wrapping_add(1), with, args);
                let undefined = self.model.symbols.undefined();
                let parts = [this, value.unwrap_or(undefined)];
                let result = self.opaque(reg, 95, Facts::string(Interval::LENGTH), &parts);
                Some(OpResult { value: Some(result), thrown })
            }
            "RegExp" => Some(self.new_regex(state, call)),
            "String.raw" => {
                let strings = call.args.get(0)?;
                let raw = self.get(state, reg, strings, &PropKey::Name("raw".into()));
                let quasis = self.exact_elements(state, raw)?;
                let mut quasi_texts = Vec::new();
                for quasi in quasis {
                    quasi_texts.push(self.model.symbols.as_str(quasi)?);
                }
                let parts: Vec<Sym> = call.args.list.iter().skip(1).copied().collect();
                if parts.len() + 1 != quasi_texts.len() {
                    return None;
                }
                let texts: Option<Vec<Rc<str>>> = parts.iter().map(|&p| fold::constant(&self.model.symbols, p).map(|c| c.text())).collect();
                Some(match texts {
                    Some(texts) => {
                        let mut text = quasi_texts[0].to_string();
                        for (t, q) in texts.iter().zip(&quasi_texts[1..]) {
                            text.push_str(t);
                            text.push_str(q);
                        }
                        self.model.symbols.string(&text).into()
                    }
                    None => self.model.symbols.intern(Value::Template(quasi_texts, parts)).into(),
                })
            }
            "String.prototype.at" => {
                let sym = self.pure_call(state, call);
                Some(sym.into())
            }
            _ => None,
        }
    }

    /// What each group of a constant expression matched.
    fn matched_groups(&mut self, reg: Reg, regex: Option<Sym>, text: Sym, length: Interval) -> Vec<(Option<String>, Sym)> {
        let Some(Value::Regex { pattern, flags }) = regex.map(|r| self.model.symbols.value(r).clone()) else { return Vec::new() };
        if flags.contains('g') && self.op_is_match(reg) {
            return Vec::new();
        }
        let groups = refine::capturing_groups(&pattern);
        groups
            .into_iter()
            .take(12)
            .enumerate()
            .map(|(i, (name, inner))| {
                let language = crate::semantic::regex::language(&format!("^(?:{inner})$"), &flags);
                let facts = Facts {
                    digits: language.digits || refine::only_digits(&inner),
                    ..Facts::string(Interval { lo: 0.0, hi: length.hi.min(language.length.hi) })
                };
                let group = self.opaque(reg, 140 + i as u8, facts, &[text]);
                self.pieces.insert(group);
                (name, group)
            })
            .collect()
    }

    /// With `g`, `match` gives all matches rather than the groups of one.
    fn op_is_match(&self, reg: Reg) -> bool {
        use crate::semantic::ir::{Key, OpKind};
        match &self.op(reg).kind {
            OpKind::Call { callee, .. } => matches!(&self.op(*callee).kind, OpKind::Get { key: Key::Name(name), .. } if name == "match"),
            _ => false,
        }
    }

    /// The literal behind a regular expression built from constants.
    pub fn regex_constant(&mut self, state: &State, regex: Sym) -> Option<Sym> {
        if matches!(self.model.symbols.value(regex), Value::Regex { .. }) {
            return Some(regex);
        }
        match state.object(regex)?.fields.get("[[regex]]") {
            Some(Field::Value(literal)) => Some(*literal),
            _ => None,
        }
    }

    fn new_regex(&mut self, state: &mut State, call: &Call<'_>) -> OpResult {
        let flags = call.args.get(1).and_then(|f| self.model.symbols.as_str(f)).unwrap_or_else(|| "".into());
        let Some(pattern) = call.args.get(0) else { return self.unknown(call).into() };
        if let Value::Regex { pattern, flags: own } = self.model.symbols.value(pattern).clone() {
            let flags = if call.args.get(1).is_some() { flags } else { own };
            return self.model.symbols.intern(Value::Regex { pattern, flags }).into();
        }
        if let Some(text) = self.model.symbols.as_str(pattern) {
            return self.model.symbols.intern(Value::Regex { pattern: text, flags }).into();
        }
        let mut object = Object { rest: None, ..Object::new() };
        object.fields.insert("[[source]]".into(), Field::Value(pattern));
        let built = self.allocate(state, call.reg, 230, AllocKind::RegExp, object);
        self.built_regexes.insert(built, call.range);
        built.into()
    }

    // Promises.

    /// A rejection is an exception that comes later.
    fn reject(&mut self, state: &mut State, call: &Call<'_>, promise: Sym, reason: Sym) {
        let at = call.args.ranges.last().copied().unwrap_or(call.range);
        self.observe_sink(state, reason, at, Sink::Throw);
        let before = self.rejection(state, call.reg, 98, promise);
        let all: Vec<Sym> = before.into_iter().chain([reason]).collect();
        let merged = self.one_of(state, call.reg, 99, &all);
        state.object_mut(promise).fields.insert("[[reason]]".into(), Field::Value(merged));
    }

    /// A promise may be rejected with whatever one of several others is.
    fn reject_with(&mut self, state: &mut State, reg: Reg, promise: Sym, others: &[Sym]) {
        let reasons: Vec<Sym> =
            others.iter().enumerate().filter_map(|(i, &other)| self.rejection(state, reg, 116 + (i % 8) as u8, other)).collect();
        if !reasons.is_empty() {
            let reason = self.one_of(state, reg, 124, &reasons);
            state.object_mut(promise).fields.insert("[[reason]]".into(), Field::Value(reason));
        }
    }

    /// What a rejection handler receives.
    fn caught_reason(&mut self, state: &mut State, call: &Call<'_>) -> Sym {
        let unknown = self.opaque(call.reg, 98, Facts::ANY, &[]);
        match self.rejection(state, call.reg, 96, call.this) {
            Some(reason) => self.one_of(state, call.reg, 95, &[unknown, reason]),
            None => unknown,
        }
    }

    fn promise_call(&mut self, state: &mut State, call: &Call<'_>) -> Option<OpResult> {
        let reg = call.reg;
        let undefined = self.model.symbols.undefined();
        match call.path {
            "Promise.resolve" => {
                let value = call.args.get(0).unwrap_or(undefined);
                Some(self.promise(state, reg, 230, value).into())
            }
            "Promise.reject" => {
                let reason = call.args.get(0).unwrap_or(undefined);
                let promise = self.allocate(state, reg, 230, AllocKind::Promise, Object::new());
                self.reject(state, call, promise, reason);
                Some(promise.into())
            }
            "Promise.all" | "Promise.race" | "Promise.any" | "Promise.allSettled" => {
                let list = call.args.get(0)?;
                self.observe_drain(state, list, call.range);
                if let (Some(elements), "Promise.all") = (self.exact_elements(state, list), call.path) {
                    let settled: Vec<Sym> =
                        elements.iter().enumerate().map(|(i, &e)| self.settled(state, reg, 100 + (i % 16) as u8, e)).collect();
                    let array = self.array_of(state, reg, 231, &settled);
                    let promise = self.promise(state, reg, 230, array);
                    self.all_found_later(&elements, promise);
                    self.reject_with(state, reg, promise, &elements);
                    return Some(promise.into());
                }
                let element = self.element_of(state, list, reg, 1);
                let settled = self.settled(state, reg, 99, element);
                let length = self.model.facts(state, list).length;
                let value = match call.path {
                    "Promise.all" => self.array_with(state, reg, 231, Some(settled), length),
                    "Promise.allSettled" => {
                        let mut object = Object::new();
                        object.fields.insert("value".into(), Field::Value(settled));
                        if let Some(reason) = self.rejection(state, reg, 125, element) {
                            object.fields.insert("reason".into(), Field::Value(reason));
                        }
                        let entry = self.allocate(state, reg, 232, AllocKind::Object, object);
                        self.array_with(state, reg, 231, Some(entry), length)
                    }
                    _ => settled,
                };
                let promise = self.promise(state, reg, 230, value);
                if call.path == "Promise.all" {
                    self.all_found_later(&[element], promise);
                }
                if matches!(call.path, "Promise.all" | "Promise.race" | "Promise.any") {
                    self.reject_with(state, reg, promise, &[element]);
                }
                Some(promise.into())
            }
            "Promise.prototype.then" => {
                self.learn_found_later(state, call.this);
                let value = self.settled(state, reg, 99, call.this);
                let callback = call.args.get(0).unwrap_or(undefined);
                let result = self.call(state, reg, call.nth.wrapping_add(1), callback, undefined, Args::of([value]), call.range);
                let mut values: Vec<Sym> = result.value.into_iter().collect();
                let mut reason = self.rejection(state, reg, 94, call.this);
                if let Some(on_error) = call.args.get(1) {
                    let error = self.caught_reason(state, call);
                    let mut branch = state.clone();
                    let handled = self.call(&mut branch, reg, call.nth.wrapping_add(2), on_error, undefined, Args::of([error]), call.range);
                    values.extend(handled.value);
                    reason = None;
                }
                let value = if values.is_empty() { undefined } else { self.one_of(state, reg, 93, &values) };
                let promise = self.promise(state, reg, 230, value);
                if let Some(reason) = reason {
                    state.object_mut(promise).fields.insert("[[reason]]".into(), Field::Value(reason));
                }
                Some(OpResult { value: Some(promise), thrown: result.thrown })
            }
            "Promise.prototype.catch" => {
                let error = self.caught_reason(state, call);
                let value = self.settled(state, reg, 99, call.this);
                let mut branch = state.clone();
                let callback = call.args.get(0).unwrap_or(undefined);
                let result = self.call(&mut branch, reg, call.nth.wrapping_add(1), callback, undefined, Args::of([error]), call.range);
                let values: Vec<Sym> = [Some(value), result.value].into_iter().flatten().collect();
                let merged = self.one_of(state, reg, 97, &values);
                Some(self.promise(state, reg, 230, merged).into())
            }
            "Promise.prototype.finally" => {
                let callback = call.args.get(0).unwrap_or(undefined);
                self.call(state, reg, call.nth.wrapping_add(1), callback, undefined, Args::default(), call.range);
                Some(call.this.into())
            }
            _ => None,
        }
    }

    // Maps and sets.

    fn collection_call(&mut self, state: &mut State, call: &Call<'_>) -> Option<OpResult> {
        let (reg, this) = (call.reg, call.this);
        let method = call.path.split(".prototype.").nth(1)?;
        let undefined = self.model.symbols.undefined();
        match method {
            "get" => Some(self.get_held(state, call).into()),
            "set" | "add" => {
                self.changed(state, this, call.range);
                let value = call.args.get(usize::from(method == "set"))?;
                let site = self.site(reg, 161);
                let value = self.stored(state, value, site);
                for leaf in self.model.symbols.leaves(this) {
                    let rest = state.object(leaf).and_then(|o| o.rest);
                    let all: Vec<Sym> = rest.into_iter().chain([value]).collect();
                    let merged = self.one_of(state, reg, 99, &all);
                    if method == "set" {
                        let key = call.args.get(0)?;
                        let key_site = self.site(reg, 162);
                        let key = self.stored(state, key, key_site);
                        let before = match state.object(leaf).and_then(|o| o.fields.get("[[key]]").copied()) {
                            Some(Field::Value(before)) => Some(before),
                            _ => None,
                        };
                        let keys: Vec<Sym> = before.into_iter().chain([key]).collect();
                        let keys = self.one_of(state, reg, 98, &keys);
                        state.object_mut(leaf).fields.insert("[[key]]".into(), Field::Value(keys));
                    }
                    let is_it = self.model.symbols.leaves(this).len() == 1
                        && !matches!(self.model.symbols.value(leaf), Value::Alloc { old: true, .. });
                    let object = state.object_mut(leaf);
                    object.rest = Some(merged);
                    let at_least = if is_it { object.length.lo.max(1.0) } else { object.length.lo };
                    object.length = Interval { lo: at_least, hi: object.length.hi + 1.0 };
                }
                self.note_mutation(this, Change::Added(vec![value], false));
                Some(this.into())
            }
            "has" => {
                let key = call.args.get(0)?;
                self.note_compared(state, this, key);
                if let Some(known) = self.is_member(state, this, key) {
                    return Some(known.into());
                }
                if self.is_never_filled(state, this) {
                    return Some(self.model.symbols.boolean(false).into());
                }
                let kind = call.path.split('.').next().unwrap_or("Set");
                let path = if kind.ends_with("Map") { "Map.prototype.has" } else { "Set.prototype.has" };
                Some(self.model.symbols.intern(Value::Call(path.into(), vec![this, key])).into())
            }
            "delete" | "clear" => {
                self.changed(state, this, call.range);
                for leaf in self.model.symbols.leaves(this) {
                    let object = state.object_mut(leaf);
                    object.length = Interval { lo: 0.0, hi: object.length.hi };
                }
                self.note_mutation(this, Change::Taken(None));
                Some(self.opaque(reg, 97, Facts::of(Types::BOOLEAN), &[]).into())
            }
            "forEach" => {
                let callback = call.args.get(0)?;
                if let Some(entries) = self.known_entries(state, call)
                    && self.may_take_turns(&entries)
                {
                    return Some(self.each_entry(state, call, callback, &entries));
                }
                let site = self.site(reg, call.nth);
                state.forget_turn(&mut self.model, &site);
                let values = self.held_values(state, this);
                let element = self.one_of(state, reg, 96, &values);
                let element = self.instance(state, element, site.clone());
                let key = self.held_key(state, this);
                let (_, turn, thrown) = self.each(state, call, call.nth.wrapping_add(1), callback, Args::of([element, key]));
                self.hold_for_all(state, &turn, &site);
                Some(OpResult { value: Some(undefined), thrown })
            }
            "keys" | "values" | "entries" => {
                if let Some(known) = self.listed_entries(state, call, method) {
                    return Some(known.into());
                }
                let values = self.held_values(state, this);
                let value = self.one_of(state, reg, 96, &values);
                let key = self.held_key(state, this);
                let length = self.model.facts(state, this).length;
                let is_map = call.path.starts_with("Map");
                let element = match method {
                    "keys" if is_map => key,
                    "entries" => self.entry(state, reg, 237, key, value),
                    _ => value,
                };
                Some(self.iterator(state, reg, element, length).into())
            }
            _ => None,
        }
    }

    // Iterators.

    fn iterator(&mut self, state: &mut State, reg: Reg, element: Sym, length: Interval) -> Sym {
        self.allocate(state, reg, 230, AllocKind::Iterator, Object { rest: Some(element), length, ..Object::new() })
    }

    /// `next`, `return` and `throw` of an iterator that the language made.
    fn iterator_call(&mut self, state: &mut State, call: &Call<'_>) -> Option<OpResult> {
        let (reg, this) = (call.reg, call.this);
        for leaf in self.model.symbols.leaves(this) {
            self.observe_outliving_write(leaf, call.range);
        }
        let undefined = self.model.symbols.undefined();
        match call.path {
            "Iterator.prototype.next" => {
                let element = self.element_of(state, this, reg, 1);
                let yielded = self.iterator_result(state, reg, 231, element, false);
                let over = self.iterator_result(state, reg, 232, undefined, true);
                Some(self.one_of(state, reg, 97, &[yielded, over]).into())
            }
            "Iterator.prototype.return" => {
                let value = call.args.get(0).unwrap_or(undefined);
                Some(self.iterator_result(state, reg, 231, value, true).into())
            }
            _ => None,
        }
    }

    /// What an iterator says at one step.
    fn iterator_result(&mut self, state: &mut State, reg: Reg, nth: u8, value: Sym, is_done: bool) -> Sym {
        let mut object = Object::new();
        let done = self.model.symbols.boolean(is_done);
        object.fields.insert("value".into(), Field::Value(value));
        object.fields.insert("done".into(), Field::Value(done));
        self.allocate(state, reg, nth, AllocKind::Object, object)
    }

    /// Nothing in the program puts anything into the collection. Only known when all of it was looked at.
    fn is_never_filled(&self, state: &State, of: Sym) -> bool {
        let is_empty = |o: &Rc<Object>| o.closed && o.length.hi <= 0.0 && o.rest.is_none() && o.fields.is_empty();
        self.calls.is_settling() && !self.resized.contains(&of) && state.object(of).is_some_and(is_empty)
    }

    /// What a map has under a key. If it has something, then it is not empty.
    fn get_held(&mut self, state: &mut State, call: &Call<'_>) -> Sym {
        let undefined = self.model.symbols.undefined();
        if let (Some(pairs), Some(key)) = (self.exact_elements(state, call.this), call.args.get(0))
            && self.model.symbols.is_constant(key)
        {
            let mut found = undefined;
            for pair in pairs {
                let own = self.get(state, call.reg, pair, &PropKey::Name("0".into()));
                if own == key {
                    found = self.get(state, call.reg, pair, &PropKey::Name("1".into()));
                }
            }
            return found;
        }
        let held = self.held_values(state, call.this);
        let mut values = held.clone();
        values.push(undefined);
        let value = self.one_of(state, call.reg, 97, &values);
        if let Some(key) = call.args.get(0) {
            self.held_under.insert(value, key);
        }
        let Some(size) = self.model.measure(call.this) else { return value };
        if let [held] = held[..]
            && held != undefined
            && value != held
            && !self.model.facts(state, held).types.may(Types::NULLISH)
        {
            let filled = Facts::number(Interval { lo: 1.0, hi: f64::INFINITY }, true);
            let one = |value, facts, implied| Alternative { value, facts, implied: Rc::new(implied) };
            let known = self.model.facts(state, held);
            let nothing = one(undefined, Facts::of(Types::UNDEFINED), BTreeMap::new());
            let alternatives = vec![one(held, known, BTreeMap::from([(size, filled)])), nothing];
            state.choices.insert(value, Rc::new(Choice { alternatives }));
        }
        value
    }

    fn held_values(&mut self, state: &mut State, collection: Sym) -> Vec<Sym> {
        let mut values = Vec::new();
        for leaf in self.model.symbols.leaves(collection) {
            if let Some(object) = state.object(leaf).cloned() {
                values.extend(object.rest);
                for (name, field) in &object.fields {
                    if let (Field::Value(value), true) = (field, name.bytes().all(|b| b.is_ascii_digit())) {
                        values.push(*value);
                    }
                }
            } else {
                values.push(self.model.symbols.intern(Value::Prop(leaf, PropKey::Any)));
            }
        }
        if values.is_empty() {
            values.push(self.model.symbols.undefined());
        }
        values
    }

    fn held_key(&mut self, state: &State, collection: Sym) -> Sym {
        match state.object(collection).and_then(|o| o.fields.get("[[key]]").copied()) {
            Some(Field::Value(key)) => key,
            _ => self.model.symbols.undefined(),
        }
    }

    // Dates.

    fn date_call(&mut self, state: &mut State, call: &Call<'_>) -> Option<OpResult> {
        let Some(method) = call.path.strip_prefix("Date.prototype.") else {
            return match call.path {
                "Date" => Some(self.opaque(call.reg, 97, Facts::string(Interval { lo: 20.0, hi: 80.0 }), &[]).into()),
                "Date.parse" | "Date.UTC" => {
                    for (i, &arg) in call.args.list.iter().enumerate() {
                        let at = call.args.ranges.get(i).copied().unwrap_or(call.range);
                        self.demand_date(state, arg, at);
                    }
                    None
                }
                _ => None,
            };
        };
        let this = call.this;
        let time = refine::date_time(&self.model, state, this);
        let time = match time {
            Some(time) => time,
            None => self.model.symbols.intern(Value::Prop(this, PropKey::Name("[[time]]".into()))),
        };
        Some(match method {
            "getTime" | "valueOf" => time.into(),
            _ if method.starts_with("get") => {
                let path: Rc<str> = format!("Date.{method}").into();
                let time = self.shallow(state, time);
                self.model.symbols.intern(Value::Call(path, vec![time])).into()
            }
            "setTime" => {
                let value = call.args.get(0)?;
                self.set_time(state, call, value);
                value.into()
            }
            _ if method.starts_with("set") => {
                let path: Rc<str> = format!("Date.{method}").into();
                let mut parts = vec![time];
                parts.extend(call.args.list.iter().copied());
                let parts = parts.into_iter().map(|p| self.shallow(state, p)).collect();
                let new = self.model.symbols.intern(Value::Call(path, parts));
                self.set_time(state, call, new);
                new.into()
            }
            "toString" => self.model.symbols.intern(Value::Call("Date.prototype.toString".into(), vec![this])).into(),
            _ => {
                let path: Rc<str> = call.path.into();
                self.model.symbols.intern(Value::Call(path, vec![time])).into()
            }
        })
    }

    fn set_time(&mut self, state: &mut State, call: &Call<'_>, time: Sym) {
        self.changed(state, call.this, call.range);
        self.note_mutation(call.this, Change::Altered);
        let leaves = self.model.symbols.leaves(call.this);
        for &leaf in &leaves {
            let before = state.object(leaf).and_then(|o| o.time);
            let new = match (before, leaves.len()) {
                (Some(before), 2..) => self.one_of(state, call.reg, 99, &[before, time]),
                _ => time,
            };
            if refine::date_time(&self.model, state, leaf).is_some() {
                state.object_mut(leaf).time = Some(new);
            }
        }
    }

    // JSON.

    fn json_call(&mut self, state: &mut State, call: &Call<'_>) -> Option<OpResult> {
        match call.path {
            "JSON.stringify" => {
                let value = call.args.get(0)?;
                self.converted(state, call.reg, value, &["toJSON"], call.range);
                if let Some(replacer) = call.args.get(1)
                    && self.model.facts(state, replacer).types.only(Types::FUNCTION | Types::ARRAY)
                    && !self.model.symbols.is_constant(replacer)
                {
                    return Some(self.stringify_with(state, call, value, replacer));
                }
                let written = self.written(state, call.reg, value, call.range);
                if written.computed.is_empty() {
                    return None;
                }
                let own = (!written.replaced.contains(&value)).then_some(value);
                let parts: Vec<Sym> = own.into_iter().chain(written.computed).collect();
                Some(self.opaque(call.reg, call.nth, Facts::string(Interval::LENGTH), &parts).into())
            }
            "JSON.parse" => {
                let text = call.args.get(0)?;
                // A deep copy through JSON holds what the original holds.
                if let Value::Call(path, parts) = self.model.symbols.value(text).clone()
                    && &*path == "JSON.stringify"
                {
                    return Some(self.deep_copy(state, call, parts[0]).into());
                }
                self.model.symbols.as_str(text).is_none().then(|| {
                    let at = call.args.ranges.first().copied().unwrap_or(call.range);
                    self.demand(state, text, Types::STRING, at, "parsed as JSON", "string");
                    let parsed = self.opaque(call.reg, call.nth, Facts::of(Types::JSON.without(Types::UNDEFINED)), &[text]);
                    if let Some(source) = self.influence(state, text) {
                        self.model.parsed.insert(parsed, format!("JSON.parse({})", source.path).into());
                    }
                    parsed.into()
                })
            }
            _ => None,
        }
    }

    fn deep_copy(&mut self, state: &mut State, call: &Call<'_>, of: Sym) -> Sym {
        let mut object = Object::new();
        let facts = self.model.facts(state, of);
        if facts.types.only(Types::OBJECT) {
            self.spread_into(state, call.reg, 9, &mut object, of);
            return self.allocate(state, call.reg, 230, AllocKind::Object, object);
        }
        of
    }

    /// A replacer leaves out what it does not name or pass on.
    fn stringify_with(&mut self, state: &mut State, call: &Call<'_>, value: Sym, replacer: Sym) -> OpResult {
        if let Some(names) = self.exact_elements(state, replacer) {
            let mut object = Object::new();
            for name in names {
                if let Some(name) = self.model.symbols.key_text(name) {
                    let part = self.get(state, call.reg, value, &PropKey::Name(name.clone()));
                    object.fields.insert(name, Field::Value(part));
                }
            }
            let copy = self.allocate(state, call.reg, 230, AllocKind::Object, object);
            return self.model.symbols.intern(Value::Call("JSON.stringify".into(), vec![copy])).into();
        }
        let key = self.model.symbols.intern(Value::KeyOf(value));
        let part = self.model.symbols.intern(Value::Rest(value, vec!["*".into()]));
        let part = self.model.symbols.intern(Value::Prop(part, PropKey::Any));
        let (result, _, thrown) = self.each(state, call, call.nth.wrapping_add(1), replacer, Args::of([key, part]));
        let undefined = self.model.symbols.undefined();
        let text = self.opaque(call.reg, 97, Facts::of(Types::STRING), &[result.unwrap_or(undefined)]);
        OpResult { value: Some(text), thrown }
    }

    /// `new` of a built-in.
    pub fn construct_builtin(
        &mut self,
        state: &mut State,
        reg: Reg,
        path: &str,
        args: &Args,
        range: TextRange,
        callee_range: TextRange,
    ) -> OpResult {
        let undefined = self.model.symbols.undefined();
        let call = Call { reg, nth: 0, path, this: undefined, args, range, callee_range };
        if self.reporting {
            self.seen.builtin_calls.entry(path.to_owned()).or_default().insert(callee_range);
        }
        match path {
            "Date" => self.new_date(state, &call),
            "Array" => self.new_array(state, &call),
            "RegExp" => self.new_regex(state, &call),
            "Object" => self.allocate(state, reg, 230, AllocKind::Object, Object::new()).into(),
            "Map" | "WeakMap" | "Set" | "WeakSet" => self.new_collection(state, &call).into(),
            "Promise" => self.new_promise(state, &call),
            "Proxy" => args.get(0).unwrap_or(undefined).into(),
            "String" | "Number" | "Boolean" => self.pure_call(state, &call).into(),
            _ if path.ends_with("Error") => {
                let mut object = Object::new();
                if let Some(message) = args.get(usize::from(path == "AggregateError")) {
                    object.fields.insert("message".into(), Field::Value(message));
                }
                if let Some(options) = args.get(1) {
                    let cause = self.get(state, reg, options, &PropKey::Name("cause".into()));
                    object.fields.insert("cause".into(), Field::Value(cause));
                }
                self.allocate(state, reg, 230, AllocKind::Error, object).into()
            }
            _ if path.ends_with("Array") || path == "ArrayBuffer" || path == "SharedArrayBuffer" || path == "DataView" => {
                if let Some(length) = args.get(0) {
                    self.cost_of_size(state, length, range, "a buffer of that size is made");
                }
                let element = self.opaque(reg, 97, Facts::of(Types::NUMBER), &[]);
                let object = Object { rest: Some(element), ..Object::new() };
                self.allocate(state, reg, 230, AllocKind::Typed, object).into()
            }
            _ => self.unknown(&call).into(),
        }
    }

    fn new_date(&mut self, state: &mut State, call: &Call<'_>) -> OpResult {
        let time = match &call.args.list[..] {
            [] => self.opaque(call.reg, 97, Facts::number(Interval { lo: 1e12, hi: 1e14 }, true), &[]),
            [one] => {
                let at = call.args.ranges.first().copied().unwrap_or(call.range);
                match refine::date_time(&self.model, state, *one) {
                    Some(time) => time,
                    None => {
                        self.demand_date(state, *one, at);
                        let facts = self.model.facts(state, *one);
                        let is_time = facts.types.only(Types::NUMERIC) && !self.model.symbols.is_constant(*one);
                        let one = self.shallow(state, *one);
                        if is_time { one } else { self.model.symbols.intern(Value::Call("Date.time".into(), vec![one])) }
                    }
                }
            }
            parts => {
                for (i, &part) in parts.iter().enumerate() {
                    let at = call.args.ranges.get(i).copied().unwrap_or(call.range);
                    self.demand(state, part, Types::NUMBER, at, "made into a date", "number");
                }
                let parts = parts.iter().copied().map(|p| self.shallow(state, p)).collect();
                self.model.symbols.intern(Value::Call("Date.time".into(), parts))
            }
        };
        let object = Object { time: Some(time), ..Object::new() };
        self.allocate(state, call.reg, 230, AllocKind::Date, object).into()
    }

    fn new_collection(&mut self, state: &mut State, call: &Call<'_>) -> Sym {
        let is_map = call.path.ends_with("Map");
        let kind = if is_map { AllocKind::Map } else { AllocKind::Set };
        let mut object = Object { length: Interval::point(0.0), ..Object::new() };
        if let Some(source) = call.args.get(0) {
            let at = call.args.ranges.first().copied().unwrap_or(call.range);
            self.demand_iterable(state, source, at, "iterated");
            self.mark_endless(state, call.reg, source);
            self.observe_drain(state, source, call.range);
            self.learn_found_later(state, source);
            self.cost_of_copy(state, source, call.range);
            let facts = self.model.facts(state, source);
            object.length = Interval { lo: 0.0, hi: facts.length.hi };
            match (self.exact_elements(state, source), is_map) {
                (Some(elements), false) => {
                    for (i, element) in elements.iter().enumerate() {
                        object.fields.insert(i.to_string().into(), Field::Value(*element));
                    }
                    object.length = Interval::point(elements.len() as f64);
                }
                (None, false) => object.rest = Some(self.element_of(state, source, call.reg, 1)),
                (_, true) => {
                    let pair = self.element_of(state, source, call.reg, 1);
                    let key = self.get(state, call.reg, pair, &PropKey::Name("0".into()));
                    let value = self.get(state, call.reg, pair, &PropKey::Name("1".into()));
                    if !matches!(self.model.symbols.value(pair), Value::Undefined) {
                        object.rest = Some(value);
                        object.fields.insert("[[key]]".into(), Field::Value(key));
                    }
                    if let Some(pairs) = self.exact_elements(state, source) {
                        object.length = Interval::point(pairs.len() as f64);
                        let pairs = self.array_of(state, call.reg, 233, &pairs);
                        object.fields.insert(PAIRS.into(), Field::Value(pairs));
                    }
                }
            }
        }
        let made = self.allocate(state, call.reg, 230, kind, object);
        if let Some(source) = call.args.get(0) {
            self.derived.insert(made, ("copy".into(), source, Vec::new()));
        }
        made
    }

    fn new_promise(&mut self, state: &mut State, call: &Call<'_>) -> OpResult {
        let undefined = self.model.symbols.undefined();
        let Some(executor) = call.args.get(0) else { return undefined.into() };
        let promise = self.allocate(state, call.reg, 230, AllocKind::Promise, Object::new());
        let mut settler = |name: &str| {
            let mark = self.model.symbols.string(name);
            let target = self.model.symbols.builtin(name);
            self.model.symbols.intern(Value::Bound { target, this: promise, args: vec![mark] })
        };
        let (resolve, reject) = (settler("[[resolve]]"), settler("[[reject]]"));
        self.found_later.remove(&promise);
        self.promises_began.insert(promise, state.clone());
        let result = self.call(state, call.reg, 1, executor, undefined, Args::of([resolve, reject]), call.range);
        OpResult { value: Some(promise), thrown: result.thrown }
    }
}
