//! Values that are one of several, with what follows from each.
//!
//! Where two paths meet, a variable holds what the one or the other path left in it; and which of the
//! two it is tells which path was taken, hence what that path had found out. So
//! `const r = parse(input)` followed by `if (!r.ok) return` knows what `parse` knew where it made the
//! object whose `ok` is true, `if (errors.length > 0) throw` knows what held where nothing was pushed,
//! and a guard stored in a variable is a guard.

use std::collections::BTreeMap;
use std::rc::Rc;

use imbl::ordmap::DiffItem;

use super::facts::{Facts, Types};
use super::limits;
use super::model::Model;
use super::state::{Field, State};
use super::symbol::{AllocKind, PropKey, SIZE, Sym, Value};

/// What a value may be, exhaustively.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The possibilities.
    pub alternatives: Vec<Alternative>,
}

/// One of the values that a [`Choice`] leaves open.
#[derive(Clone, Debug)]
pub struct Alternative {
    /// The value.
    pub value: Sym,
    /// What is known of it, if it is this one.
    pub facts: Facts,
    /// What else holds then.
    pub implied: Rc<BTreeMap<Sym, Facts>>,
}

impl PartialEq for Alternative {
    fn eq(&self, other: &Self) -> bool {
        let same = |a: &Rc<_>, b: &Rc<_>| Rc::ptr_eq(a, b) || a == b;
        self.value == other.value && self.facts == other.facts && same(&self.implied, &other.implied)
    }
}

impl Choice {
    /// A value that is true or false, with what either says.
    pub fn of_truth(value: Sym, if_true: Vec<(Sym, Facts)>, if_false: Vec<(Sym, Facts)>) -> Choice {
        let side = |types, implied: Vec<(Sym, Facts)>| Alternative {
            value,
            facts: Facts::of(types),
            implied: Rc::new(implied.into_iter().collect()),
        };
        Choice { alternatives: vec![side(Types::TRUE, if_true), side(Types::FALSE, if_false)] }
    }

    /// Whether a possibility is, or says something of, the symbol.
    pub fn mentions(&self, sym: Sym) -> bool {
        self.alternatives.iter().any(|a| a.value == sym || a.implied.contains_key(&sym))
    }
}

impl Alternative {
    /// The two as one possibility: what holds of either.
    fn merged(self, other: Alternative) -> Alternative {
        let facts = self.facts.join(other.facts);
        if Rc::ptr_eq(&self.implied, &other.implied) {
            return Alternative { facts, ..self };
        }
        let common = self.implied.iter().filter_map(|(&sym, facts)| {
            let joined = facts.join(*other.implied.get(&sym)?);
            (joined != Facts::ANY).then_some((sym, joined))
        });
        Alternative { value: self.value, facts, implied: Rc::new(common.collect()) }
    }
}

/// Whether a value of which both hold cannot be.
pub fn contradict(a: Facts, b: Facts) -> bool {
    let both = a.meet(b);
    both.types == Types::NONE
        || both.types.only(Types::NUMBER) && both.range.lo > both.range.hi
        || both.types.only(Types::ARRAY | Types::STRING) && both.length.lo > both.length.hi
}

/// Whether the state knows the symbol: then a choice that it does not have is one it does not know of.
pub fn is_defined(model: &Model, state: &State, sym: Sym) -> bool {
    match model.symbols.value(sym) {
        Value::Prop(base, PropKey::Name(name)) if matches!(&**name, "length" | "size" | SIZE) => state.heap.contains_key(base),
        _ => state.facts.contains_key(&sym) || state.choices.contains_key(&sym),
    }
}

/// Two states that meet, and what each knows that the other does not.
pub struct Sides<'a> {
    states: [&'a State; 2],
    gains: [Rc<BTreeMap<Sym, Facts>>; 2],
    merged: &'a [(Sym, Sym, Sym)],
}

impl<'a> Sides<'a> {
    /// The sides of a meeting, with the merges made there.
    pub fn new(model: &mut Model, left: &'a State, right: &'a State, merged: &'a [(Sym, Sym, Sym)]) -> Self {
        let mut gains = [BTreeMap::new(), BTreeMap::new()];
        if !left.facts.ptr_eq(&right.facts) {
            for item in left.facts.diff(&right.facts) {
                let (sym, a, b) = match item {
                    DiffItem::Update { old: (sym, a), new: (_, b) } => (*sym, Some(*a), Some(*b)),
                    DiffItem::Add(sym, b) => (*sym, None, Some(*b)),
                    DiffItem::Remove(sym, a) => (*sym, Some(*a), None),
                };
                // How a comparison came out is not needed: what it says of its operands is known.
                if matches!(model.symbols.value(sym), Value::Unary(..) | Value::Binary(..)) && model.is_condition(left, sym) {
                    continue;
                }
                for (gain, facts) in gains.iter_mut().zip([a, b]) {
                    gain.extend(facts.map(|f| (sym, f)));
                }
            }
        }
        for &(phi, a, b) in merged {
            gains[0].insert(phi, model.facts(left, a));
            gains[1].insert(phi, model.facts(right, b));
        }
        gains.iter_mut().for_each(keep_newest);
        Sides { states: [left, right], gains: gains.map(Rc::new), merged }
    }

    /// What a value is that is `a` on the left and `b` on the right. `None` if nothing that may be found
    /// out later tells the possibilities apart.
    pub fn choose(&mut self, model: &mut Model, sym: Sym, a: Sym, b: Sym) -> Option<Choice> {
        let left = self.alternatives(model, 0, a);
        let right = self.alternatives(model, 1, b);
        if !self.differ(model, &left, &right) {
            return None;
        }
        let mut alternatives = left;
        alternatives.extend(right);
        Some(Choice { alternatives: condensed(alternatives, sym) })
    }

    fn alternatives(&mut self, model: &mut Model, side: usize, sym: Sym) -> Vec<Alternative> {
        let mut alternatives = self.own_alternatives(model, side, sym);
        // Of a merge of arrays, the length of the one is the length of the merged one.
        if let Value::Prop(array, PropKey::Name(name)) = model.symbols.value(sym)
            && &**name == "length"
        {
            for (phi, ..) in self.merged.iter().filter(|(_, a, b)| [a, b][side] == array) {
                for alternative in &mut alternatives {
                    let length = alternative.facts.range;
                    Rc::make_mut(&mut alternative.implied).entry(*phi).and_modify(|facts| facts.length = facts.length.meet(length));
                }
            }
        }
        alternatives
    }

    fn own_alternatives(&mut self, model: &mut Model, side: usize, sym: Sym) -> Vec<Alternative> {
        let state = self.states[side];
        let gains = &self.gains[side];
        model.work += 1 + gains.len() as u64 / 2;
        let with_gains = |implied: &BTreeMap<Sym, Facts>| {
            if implied.is_empty() {
                return gains.clone();
            }
            let mut all = (**gains).clone();
            for (about, facts) in implied {
                let known = all.entry(*about).or_insert(*facts);
                *known = known.meet(*facts);
            }
            keep_newest(&mut all);
            Rc::new(all)
        };
        if let Some(choice) = state.choices.get(&sym).cloned().or_else(|| among_objects(model, state, sym)) {
            model.work += choice.alternatives.iter().map(|a| a.implied.len() as u64).sum::<u64>() / 2;
            let known = model.facts(state, sym);
            let open = choice.alternatives.iter().filter(|a| !contradict(a.facts, known));
            return open.map(|a| Alternative { facts: a.facts.meet(known), implied: with_gains(&a.implied), value: a.value }).collect();
        }
        let facts = model.facts(state, sym);
        if model.is_condition(state, sym) && !model.symbols.is_constant(sym) {
            let mut alternatives = Vec::new();
            for truth in [true, false] {
                let Some(refined) = model.assumed(state, sym, truth) else { continue };
                let mut implied = BTreeMap::new();
                if !refined.facts.ptr_eq(&state.facts) {
                    for item in state.facts.diff(&refined.facts) {
                        if let DiffItem::Update { new: (about, facts), .. } | DiffItem::Add(about, facts) = item {
                            implied.insert(*about, *facts);
                        }
                    }
                }
                alternatives.push(Alternative { value: sym, facts: facts.assume(truth), implied: with_gains(&implied) });
            }
            return alternatives;
        }
        vec![Alternative { value: sym, facts, implied: with_gains(&BTreeMap::new()) }]
    }

    /// Whether some possibility of the one side can be told from one of the other.
    fn differ(&self, model: &mut Model, left: &[Alternative], right: &[Alternative]) -> bool {
        let mut differ = false;
        for a in left {
            for b in right {
                let constants = a.value != b.value && model.symbols.is_constant(a.value) && model.symbols.is_constant(b.value);
                differ = differ || constants || contradict(a.facts, b.facts) || a.facts.truth() != b.facts.truth();
                differ = differ || self.members_differ(model, a.value, b.value) || two_lists(model, a.value, b.value);
                // What is known of the elements of the one is not doubted for the sake of one that has none.
                differ = differ || a.value != b.value && (self.has_none(model, 0, a.value) != self.has_none(model, 1, b.value));
            }
        }
        differ
    }

    /// Whether a value is an array of the program's own without elements.
    fn has_none(&self, model: &Model, side: usize, sym: Sym) -> bool {
        let is_array = matches!(model.symbols.value(sym), Value::Alloc { kind: AllocKind::Array, .. });
        is_array && self.states[side].object(sym).is_some_and(|object| object.closed && object.length.hi == 0.0)
    }

    fn members_differ(&self, model: &mut Model, a: Sym, b: Sym) -> bool {
        let (Some(x), Some(y)) = (record(model, self.states[0], a), record(model, self.states[1], b)) else { return false };
        if a == b {
            return false;
        }
        x.iter().chain(&y).any(|(key, _)| {
            let of = |fields: &[(Rc<str>, Sym)]| fields.iter().find(|(k, _)| k == key).map(|(_, v)| *v);
            match (of(&x), of(&y)) {
                (Some(v), Some(w)) if v == w => false,
                (Some(v), Some(w)) => {
                    let constants = model.symbols.is_constant(v) && model.symbols.is_constant(w);
                    let (f, g) = (model.facts(self.states[0], v), model.facts(self.states[1], w));
                    constants || contradict(f, g) || f.truth() != g.truth()
                }
                _ => true,
            }
        })
    }

    /// Where a loop closes: the possibilities with what both rounds say of them alike.
    pub fn agreed(&mut self, model: &mut Model, sym: Sym) -> Option<Choice> {
        let mut alternatives: Vec<Alternative> = Vec::new();
        for state in self.states {
            let own = match state.choices.get(&sym).cloned().or_else(|| among_objects(model, state, sym)) {
                Some(choice) => choice.alternatives.clone(),
                None => vec![Alternative { value: sym, facts: model.facts(state, sym), implied: Rc::default() }],
            };
            for alternative in own {
                match alternatives.iter_mut().find(|a| a.value == alternative.value && a.facts.truth() == alternative.facts.truth()) {
                    Some(known) => {
                        Rc::make_mut(&mut known.implied).retain(|about, facts| alternative.implied.get(about) == Some(facts));
                        known.facts = known.facts.join(alternative.facts).widen(known.facts);
                    }
                    None => alternatives.push(alternative),
                }
            }
        }
        (alternatives.len() > 1 && alternatives.len() <= limits::ALTERNATIVES_MAX).then_some(Choice { alternatives })
    }
}

/// Whether two values are different lists of the program's own: what is put into the one is not put into the other.
fn two_lists(model: &Model, a: Sym, b: Sym) -> bool {
    let is_list = |sym: Sym| matches!(model.symbols.value(sym), Value::Alloc { kind: AllocKind::Array, .. });
    a != b && is_list(a) && is_list(b)
}

/// Of very many facts, the newest.
fn keep_newest(facts: &mut BTreeMap<Sym, Facts>) {
    while facts.len() > limits::IMPLIED_MAX {
        facts.pop_first();
    }
}

/// The constant-named properties of an object that the program made, if it knows all of them.
fn record(model: &Model, state: &State, sym: Sym) -> Option<Vec<(Rc<str>, Sym)>> {
    if !matches!(model.symbols.value(sym), Value::Alloc { kind: AllocKind::Object | AllocKind::Array, .. }) {
        return None;
    }
    let object = state.object(sym).filter(|o| o.closed && o.rest.is_none() && o.spreads.is_empty() && o.fields.len() <= 16)?;
    let fields = object.fields.iter().filter_map(|(key, field)| match field {
        Field::Value(value) => Some((key.clone(), *value)),
        _ => None,
    });
    Some(fields.collect())
}

/// As few possibilities as still tell apart what matters: those of one value and one truth are one.
fn condensed(alternatives: Vec<Alternative>, sym: Sym) -> Vec<Alternative> {
    let fold = |alternatives: Vec<Alternative>, same: &dyn Fn(&Alternative, &Alternative) -> bool| {
        let mut kept: Vec<Alternative> = Vec::new();
        for alternative in alternatives {
            match kept.iter().position(|known| same(known, &alternative)) {
                Some(at) => {
                    let known = kept.remove(at);
                    let value = if known.value == alternative.value { known.value } else { sym };
                    kept.insert(at, Alternative { value, ..known.merged(alternative) });
                }
                None => kept.push(alternative),
            }
        }
        kept
    };
    let refute = |a: &Alternative, b: &Alternative| {
        !Rc::ptr_eq(&a.implied, &b.implied)
            && a.implied.iter().any(|(about, facts)| b.implied.get(about).is_some_and(|other| contradict(*facts, *other)))
    };
    let kept = fold(alternatives, &|a, b| a.value == b.value && a.facts.truth() == b.facts.truth() && !refute(a, b));
    if kept.len() <= limits::ALTERNATIVES_MAX {
        return kept;
    }
    fold(kept, &|a, b| a.facts.truth() == b.facts.truth() && a.facts.types.may(Types::NULLISH) == b.facts.types.may(Types::NULLISH))
}

/// What ruling out possibilities brought.
#[derive(Debug, Default)]
pub struct Narrowed {
    /// What holds of those that are left.
    pub learned: Vec<(Sym, Facts)>,
    /// The one that is left, if there were several before.
    pub only: Option<Sym>,
}

/// Keeps the possibilities of `sym` for which `possible` holds. If one is left, variables that hold
/// `sym` hold that one from then on. `None` if none is left.
pub fn narrow(
    model: &mut Model,
    state: &mut State,
    sym: Sym,
    possible: &mut dyn FnMut(&mut Model, &State, &Alternative) -> bool,
) -> Option<Narrowed> {
    let Some(choice) = state.choices.get(&sym).cloned().or_else(|| among_objects(model, state, sym)) else {
        return Some(Narrowed::default());
    };
    let mut left = Vec::new();
    for alternative in &choice.alternatives {
        // What it would imply is known to be otherwise.
        let mut implied = alternative.implied.iter().filter(|(about, _)| **about != sym);
        let refuted = implied.any(|(about, facts)| state.facts.get(about).is_some_and(|known| contradict(*facts, *known)));
        if !refuted && possible(model, state, alternative) {
            left.push(alternative.clone());
        }
    }
    if left.is_empty() {
        return None;
    }
    if left.len() == choice.alternatives.len() {
        return Some(Narrowed::default());
    }
    let mut learned: Vec<(Sym, Facts)> = Vec::new();
    let joined = left.iter().map(|a| a.facts).reduce(Facts::join).unwrap_or(Facts::ANY);
    learned.push((sym, joined));
    for (about, facts) in left[0].implied.iter().filter(|(about, _)| **about != sym) {
        let others: Option<Facts> = left[1..].iter().try_fold(*facts, |all, a| a.implied.get(about).map(|f| all.join(*f)));
        if let Some(facts) = others.filter(|f| *f != Facts::ANY) {
            learned.push((*about, facts));
        }
    }
    learned.extend(members(model, state, sym, &left));
    let mut only_one = None;
    if let [only] = &left[..] {
        let value = only.value;
        only_one = Some(value);
        state.choices.remove(&sym);
        if value != sym {
            replace(model, state, sym, value);
            learned.push((value, only.facts.meet(model.facts(state, sym))));
        }
    } else {
        state.choices.insert(sym, Rc::new(Choice { alternatives: left }));
    }
    Some(Narrowed { learned, only: only_one })
}

/// What a merge of objects that the program made is one of, though it is no longer known what each tells.
fn among_objects(model: &mut Model, state: &State, sym: Sym) -> Option<Rc<Choice>> {
    if !matches!(model.symbols.value(sym), Value::Phi(_)) {
        return None;
    }
    let leaves = model.symbols.leaves(sym);
    let is_object = |leaf: Sym| matches!(model.symbols.value(leaf), Value::Alloc { .. }) && state.heap.contains_key(&leaf);
    let is_plain = |&leaf: &Sym| is_object(leaf) || model.symbols.is_constant(leaf);
    if leaves.len() < 2 || leaves.len() > limits::ALTERNATIVES_MAX || !leaves.iter().all(is_plain) || !leaves.iter().any(|&l| is_object(l))
    {
        return None;
    }
    let alternatives = leaves.into_iter().map(|value| Alternative { value, facts: model.facts(state, value), implied: Rc::default() });
    Some(Rc::new(Choice { alternatives: alternatives.collect() }))
}

/// What the objects that are still possible have under each name, said of the merged one.
fn members(model: &mut Model, state: &State, sym: Sym, left: &[Alternative]) -> Vec<(Sym, Facts)> {
    let Some(records) = left.iter().map(|a| record(model, state, a.value)).collect::<Option<Vec<_>>>() else { return Vec::new() };
    let mut learned = Vec::new();
    for (key, _) in &records[0] {
        let values: Option<Vec<Sym>> = records.iter().map(|r| r.iter().find(|(k, _)| k == key).map(|(_, v)| *v)).collect();
        let Some(values) = values else { continue };
        let facts = values.iter().map(|&v| model.facts(state, v)).reduce(Facts::join).unwrap_or(Facts::ANY);
        if facts != Facts::ANY {
            learned.push((model.property_symbol(sym, key), facts));
        }
    }
    learned
}

/// Variables and objects that hold `sym`, or a property read from it, hold `value`, or that property of it.
fn replace(model: &mut Model, state: &mut State, sym: Sym, value: Sym) {
    let fields = record(model, state, value);
    let renamed = |held: Sym| match model.symbols.value(held) {
        _ if held == sym => Some(value),
        Value::Prop(base, PropKey::Name(key)) if *base == sym => fields.as_ref()?.iter().find(|(k, _)| k == key).map(|(_, v)| *v),
        _ => None,
    };
    let slots: Vec<_> = state.slots.iter().filter_map(|(slot, held)| renamed(*held).map(|new| (*slot, new))).collect();
    for (slot, new) in slots {
        state.slots.insert(slot, new);
    }
    let mut fields_changed = Vec::new();
    for (holder, object) in &state.heap {
        for (key, field) in &object.fields {
            if let Field::Value(held) = field
                && let Some(new) = renamed(*held)
            {
                fields_changed.push((*holder, key.clone(), new));
            }
        }
    }
    for (holder, key, new) in fields_changed {
        state.object_mut(holder).fields.insert(key, Field::Value(new));
    }
}
