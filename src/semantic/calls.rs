//! Calls: which function is meant, and entering the file's own ones.

use std::collections::BTreeMap;

use imbl::ordmap::DiffItem;

use super::builtins;
use super::capture::{self, Environment};
use super::eval::OpResult;
use super::facts::{Facts, Interval, Types};
use super::flow::{Analyzer, Args, Frame, Outcome};
use super::ir::{BlockId, ClassId, FuncId, Key, MemberKind, OpKind, Reg};
use super::limits;
use super::state::{Field, Object, Place, State};
use super::symbol::{AllocKind, Ctx, PropKey, Sym, Value};
use crate::source::TextRange;

/// Marks a promise that is always rejected.
const REJECTS: &str = "[[rejects]]";

/// A function of the file that is called.
#[derive(Clone, Debug)]
pub struct Callee {
    /// Which function.
    pub func: FuncId,
    /// `this`
    pub this: Sym,
    /// The variables around it that its closure keeps.
    pub captured: Environment,
    /// How many closures of the same function the call meant before this one.
    pub variant: u32,
}

impl Callee {
    /// A function that keeps nothing.
    pub fn of(func: FuncId, this: Sym) -> Callee {
        Callee { func, this, captured: Environment::default(), variant: 0 }
    }

    /// Whether an activation is one of this very closure.
    pub fn is_active_in(&self, frame: &Frame) -> bool {
        frame.func == self.func && frame.captured == self.captured
    }
}

impl Analyzer<'_> {
    /// A call operation: demands on a method's receiver, then the call.
    #[allow(clippy::too_many_arguments, reason = "the parts of a call, as the operation has them")]
    pub fn call_operation(
        &mut self,
        state: &mut State,
        reg: Reg,
        callee: Sym,
        callee_reg: Reg,
        this: Option<Sym>,
        args: Args,
        range: TextRange,
        callee_range: TextRange,
    ) -> OpResult {
        if let (Some(this), OpKind::Get { key: Key::Name(name), .. }) = (this, &self.op(callee_reg).kind) {
            let name = name.clone();
            let own = self
                .model
                .symbols
                .leaves(callee)
                .iter()
                .any(|&l| matches!(self.model.symbols.value(l), Value::Closure(..) | Value::Class(_) | Value::Bound { .. }));
            if !own {
                self.demand_method(state, this, &name, callee_range);
            }
            self.survived(state, this);
        } else if this.is_none() {
            self.demand(state, callee, Types::FUNCTION, callee_range, "called", "function");
        }
        self.observe_chosen_call(state, callee, callee_range);
        let receiver = match this {
            Some(this) => this,
            None => self.model.symbols.undefined(),
        };
        self.call_from(state, reg, 0, callee, receiver, args, range, callee_range)
    }

    /// Calls a value with arguments, whatever it may be.
    #[allow(clippy::too_many_arguments, reason = "the parts of a call")]
    pub fn call(&mut self, state: &mut State, reg: Reg, nth: u8, callee: Sym, this: Sym, args: Args, range: TextRange) -> OpResult {
        self.call_from(state, reg, nth, callee, this, args, range, range)
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of a call")]
    fn call_from(
        &mut self,
        state: &mut State,
        reg: Reg,
        nth: u8,
        callee: Sym,
        this: Sym,
        args: Args,
        range: TextRange,
        callee_range: TextRange,
    ) -> OpResult {
        let mut leaves = self.model.symbols.leaves(callee);
        if leaves.len() > 1 {
            leaves.retain(|&l| !matches!(self.model.symbols.value(l), Value::Undefined | Value::Null));
        }
        if leaves.len() > limits::CALLEES_MAX {
            leaves = self.any_of_closures(state, reg, &leaves);
        }
        leaves.truncate(limits::CALLEES_MAX);
        if let [only] = leaves[..] {
            return self.call_one(state, reg, nth, only, 0, this, &args, range, callee_range);
        }
        let mut merged: Option<State> = None;
        let mut result = OpResult::default();
        let mut values = Vec::new();
        let mut called: Vec<Option<FuncId>> = Vec::new();
        for leaf in leaves {
            let Some(mut branch) = self.dispatched(state, this, leaf) else { continue };
            let func = self.function_of(leaf);
            let variant = called.iter().filter(|&&before| before.is_some() && before == func).count() as u32;
            called.push(func);
            let one = self.call_one(&mut branch, reg, nth, leaf, variant, this, &args, range, callee_range);
            result.thrown = result.thrown.or(one.thrown);
            if let Some(value) = one.value {
                values.push(value);
                self.join_into(&mut merged, branch, reg);
            }
        }
        if let Some(merged) = merged {
            *state = merged;
            result.value = Some(self.one_of(state, reg, 210 + nth % 8, &values));
        }
        result
    }

    /// The state in which the receiver, which may be one of several objects, is one that has this method.
    fn dispatched(&mut self, state: &State, this: Sym, method: Sym) -> Option<State> {
        let mut branch = state.clone();
        let has_it = &mut |_: &mut super::model::Model, state: &State, object: Sym| {
            let Some(known) = state.object(object) else { return true };
            let is_own = known.fields.values().any(|field| *field == Field::Value(method));
            is_own || !known.closed || known.prototype.is_some() || known.rest.is_some() || !known.spreads.is_empty()
        };
        super::refine::suppose(&mut self.model, &mut branch, this, has_it).then_some(branch)
    }

    /// Joins a state that control may have come from into another.
    pub fn join_into(&mut self, merged: &mut Option<State>, branch: State, reg: Reg) {
        let frame = self.frame();
        let place = Place::meeting(frame.ctx, frame.func, BlockId(0x4000_0000 + reg.0));
        match merged {
            Some(known) => {
                known.join(&mut self.model, &branch, place);
            }
            None => *merged = Some(branch),
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of a call")]
    fn call_one(
        &mut self,
        state: &mut State,
        reg: Reg,
        nth: u8,
        callee: Sym,
        variant: u32,
        this: Sym,
        args: &Args,
        range: TextRange,
        callee_range: TextRange,
    ) -> OpResult {
        match self.model.symbols.value(callee).clone() {
            Value::Closure(func, bound, captured) => {
                let this = bound.unwrap_or_else(|| self.receiver(func, this));
                self.enter(state, reg, nth, Callee { func, this, captured, variant }, args.clone(), range)
            }
            // Bound in a loop to itself: which of the bindings is called cannot be followed.
            Value::Bound { target, .. } if self.model.symbols.leaves(target).contains(&callee) => {
                self.call_unknown(state, reg, callee, this, args)
            }
            Value::Bound { target, this, args: bound } => {
                let mut all = Args { list: bound, ..Args::default() };
                all.ranges = vec![range; all.list.len()];
                all.list.extend(args.list.iter().copied());
                all.ranges.extend(args.ranges.iter().copied());
                all.rest = args.rest;
                self.call(state, reg, nth, target, this, all, range)
            }
            Value::Builtin(path) => self.call_builtin(state, reg, nth, &path, this, args, range, callee_range),
            Value::Prop(object, PropKey::Name(name)) if object == this || self.model.symbols.leaves(this).contains(&object) => {
                let types = self.model.facts(state, object).types;
                match builtins::method_by_name(types, &name) {
                    Some(path) => self.call_builtin(state, reg, nth, &path, this, args, range, callee_range),
                    None => self.call_unknown(state, reg, callee, this, args),
                }
            }
            _ => self.call_unknown(state, reg, callee, this, args),
        }
    }

    /// The function of the file that a value is.
    pub fn function_of(&self, sym: Sym) -> Option<FuncId> {
        match self.model.symbols.value(sym) {
            Value::Closure(func, ..) => Some(*func),
            _ => None,
        }
    }

    /// `this` as the function sees it: sloppy functions called plainly get the global object.
    fn receiver(&mut self, func: FuncId, this: Sym) -> Sym {
        let strict = self.model.ir.body(func).strict;
        if !strict && matches!(self.model.symbols.value(this), Value::Undefined | Value::Null) {
            return self.model.symbols.builtin("globalThis");
        }
        this
    }

    fn call_unknown(&mut self, state: &mut State, reg: Reg, callee: Sym, this: Sym, args: &Args) -> OpResult {
        let mut made_of: Vec<Sym> = args.list.clone();
        made_of.extend(args.rest);
        if !matches!(self.model.symbols.value(this), Value::Undefined) {
            made_of.push(this);
        }
        made_of.push(callee);
        for &part in &made_of {
            if matches!(self.model.symbols.value(part), Value::Alloc { .. } | Value::Phi(_)) {
                self.note_mutation(part, super::loops::Change::Altered);
            }
        }
        // Functions handed to unknown code may run there.
        for (i, &arg) in args.list.iter().enumerate().take(4) {
            for leaf in self.model.symbols.leaves(arg) {
                if matches!(self.model.symbols.value(leaf), Value::Closure(..))
                    && !self.frames.iter().any(|f| f.call_range == TextRange::new(0, 0))
                {
                    let unknown = self.opaque(reg, 100 + i as u8, Facts::ANY, &[this]);
                    let mut branch = state.clone();
                    let undefined = self.model.symbols.undefined();
                    self.call(&mut branch, reg, 100 + i as u8, leaf, undefined, Args::of([unknown, unknown]), TextRange::default());
                }
            }
        }
        self.opaque(reg, 0, Facts::ANY, &made_of).into()
    }

    /// Enters a function of the file.
    #[allow(clippy::too_many_arguments, reason = "the parts of a call")]
    pub fn enter(&mut self, state: &mut State, reg: Reg, nth: u8, callee: Callee, args: Args, range: TextRange) -> OpResult {
        let active = self.frames.iter().filter(|f| callee.is_active_in(f)).count();
        let is_judged = active > 0 && self.note_recursion(state, &callee, &args, range);
        let Callee { func, this, captured, variant } = callee;
        let too_deep = self.frames.len() >= self.call_depth_max;
        let recursion_max = match active > 0 && self.unfolds(func, &args) {
            true => limits::UNFOLDED_MAX,
            false if self.model.work > limits::RECURSION_WORK => 1,
            false => limits::RECURSION_MAX,
        };
        if is_judged || active >= recursion_max || too_deep || !self.has_budget() {
            if too_deep && !is_judged {
                self.reached("depth of calls");
            } else if !is_judged && active < recursion_max {
                self.reached(super::WORK_BOUND);
            }
            if active > 0 && !is_judged {
                self.note_unseen_descent(state, func, &args.list);
            }
            let mut made_of = args.list.clone();
            made_of.extend(args.rest);
            return self.opaque(reg, nth, Facts::ANY, &made_of).into();
        }
        let (caller_ctx, caller) = (self.frame().ctx, self.frame().func);
        let mut ctx = self.model.symbols.context(caller_ctx, caller, Reg(reg.0 ^ (u32::from(nth) << 24)));
        if variant > 0 {
            ctx = self.model.symbols.variant(ctx, func, variant);
        }
        let kind = self.model.ir.body(func).kind;
        let in_loop = !self.frame_is_straight();
        let frame = Frame {
            func,
            ctx,
            this,
            captured: captured.clone(),
            args,
            call_range: range,
            in_loop,
            turns: Vec::new(),
            iterator: None,
            reached: Default::default(),
        };
        let is_nested = self.frames.iter().any(|f| f.func == func);
        let outside = state.clone();
        if !is_nested {
            self.forget_captured(state, func);
        }
        capture::bind(state, &captured);
        if kind.is_generator {
            self.yields.push(BTreeMap::new());
            let empty = Object { length: Interval::point(0.0), ..Object::new() };
            let iterator = self.allocate(state, reg, 216 + nth % 8, AllocKind::Iterator, empty);
            let before = state.clone();
            let mut outcome = self.activate(Frame { iterator: Some(iterator), ..frame }, before.clone());
            self.restore_variables(&outside, func, &captured, is_nested, &mut outcome);
            let yielded: Vec<Sym> = self.yields.pop().unwrap_or_default().into_values().collect();
            match outcome.normal {
                Some((after, _)) => {
                    *state = after;
                    // None of it has run yet.
                    self.find_later(state, &before, iterator);
                }
                // No way through it: whoever asks for all of its values asks for ever.
                None if outcome.thrown.is_none() => {
                    let yes = self.model.symbols.boolean(true);
                    let object = state.object_mut(iterator);
                    object.fields.insert("[[endless]]".into(), Field::Value(yes));
                    object.length = Interval::LENGTH;
                }
                None => {}
            }
            if !yielded.is_empty() {
                let all = self.one_of(state, reg, 2, &yielded);
                state.object_mut(iterator).rest = Some(all);
            }
            capture::unbind(state, &outside, &captured);
            return iterator.into();
        }
        let mut outcome = self.activate(frame, state.clone());
        self.restore_variables(&outside, func, &captured, is_nested, &mut outcome);
        *state = outside;
        if kind.is_async { self.settle_async(state, reg, nth, outcome) } else { self.settle(state, outcome) }
    }

    /// Whether a recursive call is handed another part of a structure that the program wrote, such as a schema
    /// that an input is checked against.
    fn unfolds(&self, func: FuncId, args: &Args) -> bool {
        args.list.iter().any(|arg| {
            let is_written =
                matches!(self.model.symbols.value(*arg), Value::Alloc { site, kind: AllocKind::Object, old: false } if site.ctx == Ctx(0) && site.func == FuncId(0));
            is_written && !self.frames.iter().any(|frame| frame.func == func && frame.args.list.contains(arg))
        })
    }

    /// After a call, the variables that the closure kept are its caller's again, and so are those of an activation
    /// of the same function that is still under way.
    fn restore_variables(&self, before: &State, func: FuncId, captured: &Environment, is_nested: bool, outcome: &mut Outcome) {
        if is_nested {
            self.restore_locals(before, func, outcome);
        }
        for (after, _) in [&mut outcome.normal, &mut outcome.thrown].into_iter().flatten() {
            capture::unbind(after, before, captured);
        }
    }

    /// A recursive call has variables of its own: those of the activation that made it are as they were.
    fn restore_locals(&self, before: &State, func: FuncId, outcome: &mut Outcome) {
        let ir = self.model.ir.clone();
        let is_own = |slot: &super::ir::SlotId| ir.slots.get(slot.index()).is_some_and(|s| s.owner == func);
        let own: Vec<_> = before.slots.iter().filter(|(slot, _)| is_own(slot)).map(|(slot, sym)| (*slot, *sym)).collect();
        let ends = [&mut outcome.normal, &mut outcome.thrown];
        for (after, _) in ends.into_iter().flatten() {
            let inner: Vec<_> = after.slots.keys().copied().filter(|slot| is_own(slot) && !before.slots.contains_key(slot)).collect();
            for slot in inner {
                after.slots.remove(&slot);
            }
            for &(slot, sym) in &own {
                after.slots.insert(slot, sym);
            }
        }
    }

    fn settle(&self, state: &mut State, outcome: Outcome) -> OpResult {
        let value = outcome.normal.map(|(after, value)| {
            *state = after;
            value
        });
        OpResult { value, thrown: outcome.thrown }
    }

    /// A call of an async function gives a promise, whatever becomes of it: what it throws, and what it
    /// finds out by not throwing, is known to who awaits it.
    fn settle_async(&mut self, state: &mut State, reg: Reg, nth: u8, outcome: Outcome) -> OpResult {
        let before = state.clone();
        let undefined = self.model.symbols.undefined();
        let (after, value) = outcome.normal.clone().unwrap_or_else(|| (before.clone(), undefined));
        *state = after;
        let promise = self.promise(state, reg, 224 + nth % 8, value);
        if let Some((_, reason)) = outcome.thrown {
            let all: Vec<Sym> = self.rejection(state, reg, 96 + nth % 8, promise).into_iter().chain([reason]).collect();
            let reason = self.one_of(state, reg, 104 + nth % 8, &all);
            let object = state.object_mut(promise);
            object.fields.insert("[[reason]]".into(), Field::Value(reason));
            if outcome.normal.is_none() {
                object.fields.insert(REJECTS.into(), Field::Value(undefined));
            }
            self.find_later(state, &before, promise);
        }
        promise.into()
    }

    /// Facts about input that `state` has and `before` had not are those of a function that `of` stands for:
    /// they hold once it has run.
    fn find_later(&mut self, state: &mut State, before: &State, of: Sym) {
        let found = self.found_since(before, state);
        for (sym, (_, known)) in &found {
            match known {
                Some(known) => state.facts.insert(*sym, *known),
                None => state.facts.remove(sym),
            };
        }
        let facts = found.into_iter().map(|(sym, (facts, _))| (sym, facts)).collect();
        self.found_later.insert(of, facts);
    }

    /// A promise is resolved: what the function that does so found out holds for who awaits it, if it does
    /// wherever else it is resolved.
    pub fn find_by_resolving(&mut self, state: &State, promise: Sym) {
        let Some(before) = self.promises_began.get(&promise).cloned() else { return };
        let mut found: BTreeMap<Sym, Facts> = self.found_since(&before, state).into_iter().map(|(sym, (facts, _))| (sym, facts)).collect();
        if let Some(others) = self.found_later.get(&promise) {
            found.retain(|sym, _| others.contains_key(sym));
            for (sym, facts) in &mut found {
                *facts = facts.join(others[sym]);
            }
        }
        self.found_later.insert(promise, found);
    }

    /// The facts about input that `state` has and `before` had not, with what was known before.
    fn found_since(&mut self, before: &State, state: &State) -> BTreeMap<Sym, (Facts, Option<Facts>)> {
        let mut found = BTreeMap::new();
        for item in before.facts.diff(&state.facts) {
            let (sym, facts, known) = match item {
                DiffItem::Update { old: (sym, known), new: (_, facts) } => (*sym, *facts, Some(*known)),
                DiffItem::Add(sym, facts) => (*sym, *facts, None),
                DiffItem::Remove(..) => continue,
            };
            let is_computed = matches!(self.model.symbols.value(sym), Value::Unary(..) | Value::Binary(..) | Value::Call(..));
            if self.model.is_of_input(sym) || is_computed && super::refine::depends_on_input(&self.model, sym) {
                found.insert(sym, (facts, known));
            }
        }
        found
    }

    /// What functions behind promises or generators found out is known from here on.
    pub fn learn_found_later(&mut self, state: &mut State, of: Sym) {
        let [leaf] = self.model.symbols.leaves(of)[..] else { return };
        for (sym, facts) in self.found_later.get(&leaf).cloned().unwrap_or_default() {
            let known = self.model.facts(state, sym);
            state.learn(sym, known.meet(facts));
        }
    }

    /// The same, when all of several promises are awaited: of each turn's, all turns'.
    pub fn all_found_later(&mut self, promises: &[Sym], of: Sym) {
        let mut all = BTreeMap::new();
        for leaf in promises.iter().flat_map(|&promise| self.model.symbols.leaves(promise)).collect::<Vec<_>>() {
            for (sym, facts) in self.found_later.get(&leaf).cloned().unwrap_or_default() {
                let general = self.model.symbols.generalise(sym);
                all.extend([Some(sym), general].into_iter().flatten().map(|about| (about, facts)));
            }
        }
        self.found_later.insert(of, all);
    }

    /// A promise that resolves to a value, or to what that promise resolves to.
    pub fn promise(&mut self, state: &mut State, reg: Reg, nth: u8, value: Sym) -> Sym {
        let settled = self.settled(state, reg, nth, value);
        let mut object = Object { rest: Some(settled), ..Object::new() };
        if let Some(reason) = self.rejection(state, reg, nth, value) {
            object.fields.insert("[[reason]]".into(), Field::Value(reason));
        }
        let promise = self.allocate(state, reg, nth, AllocKind::Promise, object);
        self.all_found_later(&[value], promise);
        promise
    }

    /// What awaiting a value may throw.
    pub fn rejection(&mut self, state: &mut State, reg: Reg, nth: u8, value: Sym) -> Option<Sym> {
        let mut reasons = Vec::new();
        for leaf in self.model.symbols.leaves(value) {
            if let Some(Field::Value(reason)) = state.object(leaf).and_then(|o| o.fields.get("[[reason]]").copied()) {
                reasons.push(reason);
            }
        }
        (!reasons.is_empty()).then(|| self.one_of(state, reg, nth ^ 0x40, &reasons))
    }

    /// What awaiting a value gives.
    pub fn settled(&mut self, state: &mut State, reg: Reg, nth: u8, value: Sym) -> Sym {
        let mut values = Vec::new();
        for leaf in self.model.symbols.leaves(value) {
            let is_promise = matches!(self.model.symbols.value(leaf), Value::Alloc { kind: AllocKind::Promise, .. });
            match state.object(leaf).and_then(|o| o.rest) {
                Some(rest) if is_promise => values.push(rest),
                _ if is_promise => values.push(self.model.symbols.undefined()),
                _ => values.push(leaf),
            }
        }
        if values.is_empty() {
            value
        } else if values == [value] {
            value
        } else {
            self.one_of(state, reg, nth ^ 0x80, &values)
        }
    }

    /// `await value`
    pub fn awaited(&mut self, state: &mut State, reg: Reg, value: Sym) -> Sym {
        self.settled(state, reg, 1, value)
    }

    /// The same as an operation, which throws what the promise was rejected with.
    pub fn await_operation(&mut self, state: &mut State, reg: Reg, value: Sym) -> OpResult {
        let thrown = self.rejection(state, reg, 2, value).map(|reason| (state.clone(), reason));
        let leaves = self.model.symbols.leaves(value);
        if leaves.iter().all(|&leaf| state.object(leaf).is_some_and(|o| o.fields.contains_key(REJECTS))) && thrown.is_some() {
            return OpResult { value: None, thrown };
        }
        self.learn_found_later(state, value);
        OpResult { value: Some(self.awaited(state, reg, value)), thrown }
    }

    /// `yield value`
    pub fn yielded(&mut self, state: &mut State, reg: Reg, value: Sym) -> Sym {
        let site = self.site(reg, 161);
        let value = self.stored(state, value, site);
        self.count_yielded(state);
        // The last visit knows most: an earlier round of a loop is part of it.
        let ctx = self.frame().ctx;
        if let Some(yielded) = self.yields.last_mut() {
            yielded.insert((reg, ctx), value);
        }
        self.opaque(reg, 0, Facts::ANY, &[])
    }

    /// The iterator of the generator that is being interpreted has one value more.
    fn count_yielded(&mut self, state: &mut State) {
        let Some(iterator) = self.frame().iterator else { return };
        if let Some(size) = self.model.measure(iterator) {
            state.choices.remove(&size);
            state.facts.remove(&size);
        }
        let is_in_loop = !self.graphs[self.frame().func.index()].headers_around(self.current_block).is_empty();
        let object = state.object_mut(iterator);
        let more = if is_in_loop { f64::INFINITY } else { 1.0 };
        object.length = Interval { lo: object.length.lo.max(0.0) + 1.0, hi: object.length.hi + more };
    }

    /// `new callee(…)`
    pub fn construct(
        &mut self,
        state: &mut State,
        reg: Reg,
        callee: Sym,
        args: Args,
        range: TextRange,
        callee_range: TextRange,
    ) -> OpResult {
        let mut values = Vec::new();
        let mut result = OpResult::default();
        for leaf in self.model.symbols.leaves(callee).into_iter().take(4) {
            let one = match self.model.symbols.value(leaf).clone() {
                Value::Class(class) => self.construct_class(state, reg, class, leaf, args.clone(), range),
                Value::Closure(..) => self.construct_function(state, reg, leaf, args.clone(), range),
                Value::Builtin(path) => self.construct_builtin(state, reg, &path, &args, range, callee_range),
                Value::Bound { target, .. } => self.construct(state, reg, target, args.clone(), range, callee_range),
                _ => {
                    let undefined = self.model.symbols.undefined();
                    self.call_unknown(state, reg, leaf, undefined, &args)
                }
            };
            result.thrown = result.thrown.or(one.thrown);
            values.extend(one.value);
        }
        if !values.is_empty() {
            result.value = Some(self.one_of(state, reg, 232, &values));
        }
        result
    }

    fn construct_function(&mut self, state: &mut State, reg: Reg, closure: Sym, args: Args, range: TextRange) -> OpResult {
        let Value::Closure(func, _, captured) = self.model.symbols.value(closure).clone() else { return OpResult::default() };
        let prototype = self.get(state, reg, closure, &PropKey::Name("prototype".into()));
        let object = Object { prototype: Some(prototype), ..Object::new() };
        let this = self.allocate(state, reg, 0, AllocKind::Object, object);
        let result = self.enter(state, reg, 1, Callee { func, this, captured, variant: 0 }, args, range);
        OpResult { value: result.value.map(|_| this), thrown: result.thrown }
    }

    fn construct_class(&mut self, state: &mut State, reg: Reg, class: ClassId, callee: Sym, args: Args, range: TextRange) -> OpResult {
        let is_error = self.builtin_ancestor(state, class).is_some_and(|path| path.ends_with("Error"));
        let kind = if is_error { AllocKind::Error } else { AllocKind::Object };
        let this = self.allocate(state, reg, 0, kind, Object { prototype: Some(callee), ..Object::new() });
        let result = self.initialise(state, reg, class, this, args, range, 0);
        OpResult { value: result.value.map(|_| this), thrown: result.thrown }
    }

    /// Runs a class's fields and constructor on `this`, its parents' first where it has no constructor.
    #[allow(clippy::too_many_arguments, reason = "the parts of a construction")]
    fn initialise(&mut self, state: &mut State, reg: Reg, class: ClassId, this: Sym, args: Args, range: TextRange, depth: u8) -> OpResult {
        let ir = self.model.ir.clone();
        let declared = &ir.classes[class.index()];
        if declared.constructor.is_none() && depth < 6 {
            let parent = self.parent_of(state, class);
            match parent.map(|p| self.model.symbols.value(p).clone()) {
                Some(Value::Class(parent)) => {
                    self.initialise(state, reg, parent, this, args.clone(), range, depth + 1);
                }
                Some(Value::Builtin(_)) => self.set_message(state, this, &args),
                _ => {}
            }
        }
        for (i, member) in declared.members.iter().enumerate().filter(|(_, m)| !m.is_static) {
            let MemberKind::Field(initialiser) = member.kind else { continue };
            let value = match initialiser {
                Some(func) => {
                    let nth = 16 + (i % 48) as u8 + depth * 48;
                    self.enter(state, reg, nth, Callee::of(func, this), Args::default(), range).value
                }
                None => Some(self.model.symbols.undefined()),
            };
            let name = match &member.key {
                Key::Name(name) => name.clone(),
                Key::Private(name) => format!("#{name}"),
                Key::Computed(_) => continue,
            };
            if let Some(value) = value {
                self.name_value(state, &name, value, range);
                state.object_mut(this).fields.insert(name.into(), Field::Value(value));
            }
        }
        match declared.constructor {
            Some(constructor) => self.enter(state, reg, 1 + depth, Callee::of(constructor, this), args, range),
            None => this.into(),
        }
    }

    fn parent_of(&self, state: &State, class: ClassId) -> Option<Sym> {
        let own = state.heap.iter().find(|(sym, _)| *self.model.symbols.value(**sym) == Value::Class(class))?;
        match own.1.fields.get("[[parent]]") {
            Some(Field::Value(parent)) => Some(*parent),
            _ => None,
        }
    }

    fn builtin_ancestor(&self, state: &State, class: ClassId) -> Option<String> {
        let mut class = class;
        for _ in 0..8 {
            let parent = self.parent_of(state, class)?;
            match self.model.symbols.value(parent) {
                Value::Builtin(path) => return Some(path.to_string()),
                Value::Class(next) => class = *next,
                _ => return None,
            }
        }
        None
    }

    fn set_message(&mut self, state: &mut State, this: Sym, args: &Args) {
        if let Some(message) = args.get(0) {
            state.object_mut(this).fields.insert("message".into(), Field::Value(message));
        }
    }

    /// `super(…)`
    pub fn super_call(&mut self, state: &mut State, reg: Reg, args: Args, range: TextRange) -> OpResult {
        let this = self.frame().this;
        let func = self.frame().func;
        let ir = self.model.ir.clone();
        let class = ir.classes.iter().position(|c| c.constructor == Some(func)).map(|i| ClassId(i as u32));
        let parent = class.and_then(|class| self.parent_of(state, class));
        match parent.map(|p| self.model.symbols.value(p).clone()) {
            Some(Value::Class(parent)) => {
                let result = self.initialise(state, reg, parent, this, args, range, 1);
                OpResult { value: result.value.map(|_| this), thrown: result.thrown }
            }
            Some(Value::Closure(func, _, captured)) => {
                let result = self.enter(state, reg, 1, Callee { func, this, captured, variant: 0 }, args, range);
                OpResult { value: result.value.map(|_| this), thrown: result.thrown }
            }
            _ => {
                self.set_message(state, this, &args);
                this.into()
            }
        }
    }
}
