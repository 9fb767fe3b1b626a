//! What holds at one program point: the values of variables, the contents of objects, the facts
//! about symbols, and what stored conditions imply.

use std::collections::BTreeMap;
use std::rc::Rc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::facts::{Facts, Interval};
use super::ir::{BlockId, FuncId, SlotId, SlotKind};
use super::limits;
use super::model::Model;
use super::symbol::{Ctx, Site, SiteKind, Sym, Value, Which};

/// The state at one program point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// What each variable holds.
    pub slots: OrdMap<SlotId, Sym>,
    /// What is known of symbols beyond what their structure says.
    pub facts: OrdMap<Sym, Facts>,
    /// What is known of objects.
    pub heap: OrdMap<Sym, Rc<Object>>,
    /// What a stored condition implies.
    pub conditions: OrdMap<Sym, Rc<Condition>>,
}

/// Facts that follow if a value turns out truthy, or falsy. `None`: it cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// If truthy.
    pub if_true: Option<Vec<(Sym, Facts)>>,
    /// If falsy.
    pub if_false: Option<Vec<(Sym, Facts)>>,
}

/// A property of a tracked object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Its value.
    Value(Sym),
    /// The function that computes it.
    Getter(Sym),
    /// It was deleted, or never came along.
    Absent,
}

/// What is known of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Known properties.
    pub fields: BTreeMap<Rc<str>, Field>,
    /// What may stand under names or indices that are not known; for a promise what it resolves to,
    /// for an iterator what it yields.
    pub rest: Option<Sym>,
    /// Objects whose own properties were copied in, in order.
    pub spreads: Vec<Sym>,
    /// Properties not listed do not exist (up to `rest`, `spreads` and the prototype).
    pub closed: bool,
    /// Length of an array, size of a map or set.
    pub length: Interval,
    /// Made with a null prototype.
    pub null_prototype: bool,
    /// The class, constructor prototype or object it inherits from.
    pub prototype: Option<Sym>,
    /// The symbol that stands for properties that nothing has set, after writes that could not be followed.
    pub base: Option<Sym>,
    /// The time value of a date.
    pub time: Option<Sym>,
    /// Some listed property may be absent.
    pub uncertain: bool,
}

impl Object {
    /// An object the program made: what it does not list is not there.
    pub fn new() -> Object {
        Object { closed: true, ..Object::open() }
    }

    /// An object that came from elsewhere.
    pub fn open() -> Object {
        Object {
            fields: BTreeMap::new(),
            rest: None,
            spreads: Vec::new(),
            closed: false,
            length: Interval::LENGTH,
            null_prototype: false,
            prototype: None,
            base: None,
            time: None,
            uncertain: false,
        }
    }
}

impl Default for Object {
    fn default() -> Self {
        Object::new()
    }
}

/// Where states meet.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// In which activation.
    pub ctx: Ctx,
    /// Of which function.
    pub func: FuncId,
    /// At the start of which block.
    pub block: BlockId,
    /// Numeric bounds that still move are given up.
    pub widen: bool,
}

impl State {
    /// The object behind `sym`, if the analysis tracks one.
    pub fn object(&self, sym: Sym) -> Option<&Rc<Object>> {
        self.heap.get(&sym)
    }

    /// The object behind `sym`, made open if there is none yet.
    pub fn object_mut(&mut self, sym: Sym) -> &mut Object {
        if !self.heap.contains_key(&sym) {
            self.heap.insert(sym, Rc::new(Object::open()));
        }
        Rc::make_mut(self.heap.get_mut(&sym).expect("inserted above"))
    }

    /// Adds `facts` to what is known of `sym`. False if that is impossible.
    pub fn learn(&mut self, sym: Sym, facts: Facts) -> bool {
        if self.facts.len() < limits::FACTS_MAX || self.facts.contains_key(&sym) {
            self.facts.insert(sym, facts);
        }
        facts.types != super::facts::Types::NONE
    }

    /// Forgets what is known of values of one turn of an iteration, before the next turn begins.
    pub fn forget_turn(&mut self, model: &Model, site: &Site) {
        self.forget(model, |_, value| matches!(value, Value::Instance(_, Which::Turn(at)) if **at == *site));
    }

    /// Forgets what is known of every symbol that has a part for which `stale` holds.
    pub fn forget(&mut self, model: &Model, stale: impl Fn(Sym, &Value) -> bool) {
        let facts: Vec<Sym> = self.facts.keys().copied().filter(|s| model.symbols.contains(*s, &stale)).collect();
        for sym in facts {
            self.facts.remove(&sym);
            self.conditions.remove(&sym);
        }
        let objects: Vec<Sym> = self
            .heap
            .keys()
            .copied()
            .filter(|s| !matches!(model.symbols.value(*s), Value::Alloc { .. }) && model.symbols.contains(*s, &stale))
            .collect();
        for sym in objects {
            self.heap.remove(&sym);
        }
    }

    /// The object made at an allocation is about to be made again: what holds the earlier one holds
    /// "one of the earlier ones" from now on (recency abstraction).
    pub fn age(&mut self, recent: Sym, old: Sym) {
        let Some(object) = self.heap.remove(&recent) else { return };
        let swap = |sym: Sym| if sym == recent { old } else { sym };
        let aged: Vec<(SlotId, Sym)> = self.slots.iter().filter(|(_, s)| **s == recent).map(|(k, _)| (*k, old)).collect();
        for (slot, sym) in aged {
            self.slots.insert(slot, sym);
        }
        let holders: Vec<Sym> = self.heap.iter().filter(|(_, o)| mentions(o, recent)).map(|(s, _)| *s).collect();
        for holder in holders {
            let object = self.object_mut(holder);
            for field in object.fields.values_mut() {
                if let Field::Value(sym) | Field::Getter(sym) = field {
                    *sym = swap(*sym);
                }
            }
            object.rest = object.rest.map(swap);
        }
        let merged = match self.heap.get(&old) {
            Some(before) => Rc::new(weaken(before, &object)),
            None => object,
        };
        self.heap.insert(old, merged);
        self.facts.remove(&recent);
    }

    /// Joins `from` into this state. True if anything changed.
    pub fn join(&mut self, model: &mut Model, from: &State, place: Place) -> bool {
        let mut merge = Merge { left: self.clone(), right: from, place, slots: Vec::new(), facts: OrdMap::new() };
        merge.slots(model);
        let heap = merge.heap(model);
        let known = merge.known(model);
        let conditions = merge.conditions(model);
        let mut joined = State { slots: self.slots.clone(), facts: known, heap, conditions };
        for (slot, sym) in merge.slots {
            joined.slots.insert(slot, sym);
        }
        for (sym, facts) in merge.facts {
            joined.facts.insert(sym, facts);
        }
        let changed = joined != *self;
        *self = joined;
        changed
    }
}

fn mentions(object: &Object, sym: Sym) -> bool {
    object.rest == Some(sym) || object.fields.values().any(|f| matches!(f, Field::Value(s) | Field::Getter(s) if *s == sym))
}

/// Two objects behind one symbol: only what both agree on stays exact.
fn weaken(a: &Object, b: &Object) -> Object {
    let mut merged = a.clone();
    merged.closed = a.closed && b.closed;
    merged.length = a.length.join(b.length);
    merged.rest = a.rest.or(b.rest);
    for (key, field) in &b.fields {
        match merged.fields.get(key) {
            None => {
                merged.fields.insert(key.clone(), *field);
            }
            Some(Field::Absent) => {
                merged.fields.insert(key.clone(), *field);
            }
            Some(_) => {}
        }
    }
    for spread in &b.spreads {
        if !merged.spreads.contains(spread) {
            merged.spreads.push(*spread);
        }
    }
    merged
}

/// Two states being joined.
struct Merge<'a> {
    left: State,
    right: &'a State,
    place: Place,
    slots: Vec<(SlotId, Sym)>,
    facts: OrdMap<Sym, Facts>,
}

impl Merge<'_> {
    /// The symbol of "one of these two", with the facts both have.
    fn phi(&mut self, model: &mut Model, a: Sym, b: Sym, what: SiteKind) -> Sym {
        if a == b {
            return a;
        }
        let site = Rc::new(Site { ctx: self.place.ctx, func: self.place.func, what });
        let phi = model.symbols.intern(Value::Phi(site));
        model.symbols.add_operand(phi, a);
        model.symbols.add_operand(phi, b);
        let (fa, fb) = (model.facts(&self.left, a), model.facts(self.right, b));
        let mut joined = fa.join(fb);
        if self.place.widen && a == phi {
            joined = joined.widen(fa);
        }
        self.facts.insert(phi, joined);
        // Round a loop, what a flag implied in the round before is not held on to.
        if !self.place.widen {
            if let Some(condition) = self.implied(model, a, b) {
                self.left_conditions(phi, condition);
            }
            self.object_conditions(model, phi, a, b);
        }
        phi
    }

    /// Two objects meet whose flags differ, as in `{ ok: true }` and `{ ok: false, errors }`: the flag
    /// of the merged one tells which of the two it was.
    fn object_conditions(&mut self, model: &mut Model, phi: Sym, a: Sym, b: Sym) {
        self.list_condition(model, phi, a, b);
        let (Some(x), Some(y)) = (self.flags(model, &self.left, a), self.flags(model, self.right, b)) else { return };
        for (key, va) in &x {
            let Some((_, vb)) = y.iter().find(|(k, _)| k == key) else { continue };
            if va == vb {
                continue;
            }
            if let Some(mut condition) = self.implied(model, *va, *vb) {
                let flag = model.property_symbol(phi, key);
                model.symbols.add_operand(flag, *va);
                model.symbols.add_operand(flag, *vb);
                // Where the flag has a value that only one of the two can have, the rest is that one's too.
                let sides = [model.facts(&self.left, *va).truth(), model.facts(self.right, *vb).truth()];
                for truth in [true, false] {
                    let can = sides.map(|(truthy, falsy)| if truth { truthy } else { falsy });
                    let rest = match can {
                        [true, false] => self.members(model, &self.left.clone(), phi, a),
                        [false, true] => self.members(model, &self.right.clone(), phi, b),
                        _ => continue,
                    };
                    let side = if truth { &mut condition.if_true } else { &mut condition.if_false };
                    if let Some(facts) = side {
                        facts.extend(rest);
                    }
                }
                self.left_conditions(flag, condition);
            }
        }
    }

    /// A list of problems that is not empty meets one that may be: that the merged one is empty tells
    /// that it is the other one.
    fn list_condition(&mut self, model: &mut Model, phi: Sym, a: Sym, b: Sym) {
        let filled = |model: &mut Model, state: &State, sym: Sym| {
            let facts = model.facts(state, sym);
            facts.types.only(super::facts::Types::ARRAY).then_some(facts.length.lo >= 1.0)
        };
        let (left, right) = (self.left.clone(), self.right.clone());
        let (empty, other, sym) = match (filled(model, &left, a), filled(model, &right, b)) {
            (Some(true), Some(false)) => (&right, &left, b),
            (Some(false), Some(true)) => (&left, &right, a),
            _ => return,
        };
        let own = model.property_symbol(sym, "length");
        let merged = model.property_symbol(phi, "length");
        let earlier = empty.conditions.get(&own).and_then(|c| c.if_false.clone()).unwrap_or_default();
        let facts = gained(empty, &[other]).into_iter().chain(earlier).collect();
        self.left_conditions(merged, Condition { if_true: Some(Vec::new()), if_false: Some(facts) });
    }

    /// What is known of the properties of one of two merged objects, said of the merged one.
    fn members(&self, model: &mut Model, state: &State, phi: Sym, sym: Sym) -> Vec<(Sym, Facts)> {
        let Some(object) = state.object(sym).cloned() else { return Vec::new() };
        let mut facts = Vec::new();
        for (key, field) in &object.fields {
            if let Field::Value(value) = field {
                let merged = model.property_symbol(phi, key);
                model.symbols.add_operand(merged, *value);
                facts.push((merged, model.facts(state, *value)));
            }
        }
        facts
    }

    /// Properties of an object, or of a merge of objects, that may serve as a flag.
    fn flags(&self, model: &Model, state: &State, sym: Sym) -> Option<Vec<(Rc<str>, Sym)>> {
        if let Some(object) = state.object(sym).filter(|o| o.closed && o.fields.len() <= 8) {
            let values = object.fields.iter().filter_map(|(k, f)| match f {
                Field::Value(v) if model.symbols.is_constant(*v) || model.is_condition(state, *v) => Some((k.clone(), *v)),
                _ => None,
            });
            return Some(values.collect());
        }
        let merged: Vec<(Rc<str>, Sym)> = state
            .conditions
            .keys()
            .filter_map(|c| match model.symbols.value(*c) {
                Value::Prop(base, super::symbol::PropKey::Name(key)) if *base == sym => Some((key.clone(), *c)),
                _ => None,
            })
            .collect();
        (!merged.is_empty()).then_some(merged)
    }

    fn left_conditions(&mut self, phi: Sym, condition: Condition) {
        self.left.conditions.insert(phi, Rc::new(condition));
    }

    /// What follows for other symbols if the merged value is truthy, or falsy.
    fn implied(&mut self, model: &mut Model, a: Sym, b: Sym) -> Option<Condition> {
        if !(model.is_condition(&self.left, a) || model.is_condition(self.right, b)) {
            return None;
        }
        let mut sides = [true, false].map(|truth| {
            let left = model.assumed(&self.left, a, truth);
            let right = model.assumed(self.right, b, truth);
            match (left, right) {
                (None, None) => None,
                (Some(only), None) | (None, Some(only)) => Some(gained(&only, &[&self.left, self.right])),
                (Some(l), Some(r)) => Some(common(model, &l, &r, &[&self.left, self.right])),
            }
        });
        let if_false = sides[1].take();
        Some(Condition { if_true: sides[0].take(), if_false })
    }

    fn slots(&mut self, model: &mut Model) {
        if self.left.slots.ptr_eq(&self.right.slots) {
            return;
        }
        let (left, right) = (self.left.slots.clone(), self.right.slots.clone());
        for item in left.diff(&right) {
            let (slot, a, b) = match item {
                DiffItem::Update { old: (slot, a), new: (_, b) } => (*slot, *a, *b),
                DiffItem::Add(slot, b) => match model.slot_kind(*slot) {
                    SlotKind::Var => (*slot, model.symbols.undefined(), *b),
                    _ => {
                        self.slots.push((*slot, *b));
                        continue;
                    }
                },
                DiffItem::Remove(slot, a) => match model.slot_kind(*slot) {
                    SlotKind::Var => (*slot, *a, model.symbols.undefined()),
                    _ => continue,
                },
            };
            let block = self.place.block;
            let phi = self.phi(model, a, b, SiteKind::Slot(block, slot));
            self.slots.push((slot, phi));
        }
    }

    fn heap(&mut self, model: &mut Model) -> OrdMap<Sym, Rc<Object>> {
        let (left, right) = (self.left.heap.clone(), self.right.heap.clone());
        let mut heap = left.clone();
        if left.ptr_eq(&right) {
            return heap;
        }
        for item in left.diff(&right) {
            match item {
                DiffItem::Update { old: (sym, a), new: (_, b) } => {
                    let merged = self.objects(model, *sym, a, b);
                    heap.insert(*sym, Rc::new(merged));
                }
                DiffItem::Add(sym, b) => {
                    let object = match model.symbols.value(*sym) {
                        Value::Alloc { .. } => b.clone(),
                        _ => Rc::new(self.objects(model, *sym, &Object::open(), b)),
                    };
                    heap.insert(*sym, object);
                }
                DiffItem::Remove(sym, a) => {
                    if !matches!(model.symbols.value(*sym), Value::Alloc { .. }) {
                        let merged = self.objects(model, *sym, a, &Object::open());
                        heap.insert(*sym, Rc::new(merged));
                    }
                }
            }
        }
        heap
    }

    fn objects(&mut self, model: &mut Model, sym: Sym, a: &Object, b: &Object) -> Object {
        let mut merged = a.clone();
        merged.closed = a.closed && b.closed;
        merged.length = a.length.join(b.length);
        if self.place.widen {
            merged.length = merged.length.widen(a.length);
        }
        merged.null_prototype = a.null_prototype && b.null_prototype;
        merged.base = a.base.or(b.base);
        let block = self.place.block;
        merged.rest = match (a.rest, b.rest) {
            (Some(x), Some(y)) => Some(self.phi(model, x, y, SiteKind::Elements(block, sym))),
            (x, y) => x.or(y),
        };
        merged.time = match (a.time, b.time) {
            (Some(x), Some(y)) => Some(self.phi(model, x, y, SiteKind::Field(block, sym, "[[time]]".into()))),
            (x, y) => x.or(y),
        };
        for spread in &b.spreads {
            if !merged.spreads.contains(spread) {
                merged.spreads.push(*spread);
            }
        }
        let keys: std::collections::BTreeSet<Rc<str>> = a.fields.keys().chain(b.fields.keys()).cloned().collect();
        for key in keys {
            let (x, y) = (a.fields.get(&key).copied(), b.fields.get(&key).copied());
            if x == y {
                continue;
            }
            if let (Some(Field::Getter(_)), _) | (_, Some(Field::Getter(_))) = (x, y) {
                merged.fields.insert(key.clone(), x.or(y).unwrap_or(Field::Absent));
                continue;
            }
            let value = |model: &mut Model, field: Option<Field>, object: &Object| match field {
                Some(Field::Value(v)) => v,
                None if !object.closed => model.property_symbol(object.base.unwrap_or(sym), &key),
                _ => match object.rest {
                    Some(rest) => rest,
                    None => model.symbols.undefined(),
                },
            };
            let absent = |field: Option<Field>| matches!(field, None | Some(Field::Absent));
            merged.uncertain |= absent(x) != absent(y) || a.uncertain || b.uncertain;
            let (x, y) = (value(model, x, a), value(model, y, b));
            let phi = self.phi(model, x, y, SiteKind::Field(block, sym, key.clone()));
            merged.fields.insert(key, Field::Value(phi));
        }
        merged
    }

    /// Facts that both states have. One that only one state has holds after the join only if the
    /// structure of its symbol says as much in the other.
    fn known(&mut self, model: &mut Model) -> OrdMap<Sym, Facts> {
        let (left, right) = (self.left.facts.clone(), self.right.facts.clone());
        let mut known = left.clone();
        if left.ptr_eq(&right) {
            return known;
        }
        for item in left.diff(&right) {
            let (sym, before, joined) = match item {
                DiffItem::Update { old: (sym, a), new: (_, b) } => (*sym, Some(*a), a.join(*b)),
                DiffItem::Add(sym, b) => (*sym, None, model.facts(&self.left, *sym).join(*b)),
                DiffItem::Remove(sym, a) => (*sym, Some(*a), a.join(model.facts(self.right, *sym))),
            };
            let joined = match before {
                Some(before) if self.place.widen => joined.widen(before),
                _ => joined,
            };
            if joined == Facts::ANY {
                known.remove(&sym);
            } else {
                known.insert(sym, joined);
            }
        }
        known
    }

    /// An array that is empty on one side only: that it is empty later tells which side it was.
    fn emptiness(&mut self, model: &mut Model) -> Vec<(Sym, Rc<Condition>)> {
        let mut found = Vec::new();
        let (left, right) = (self.left.clone(), self.right.clone());
        if self.place.widen || left.heap.ptr_eq(&right.heap) {
            return found;
        }
        for item in left.heap.diff(&right.heap) {
            let DiffItem::Update { old: (sym, a), new: (_, b) } = item else { continue };
            if !matches!(model.symbols.value(*sym), Value::Alloc { kind: super::symbol::AllocKind::Array, .. }) {
                continue;
            }
            let length = model.property_symbol(*sym, "length");
            let earlier = |state: &State| state.conditions.get(&length).and_then(|c| c.if_false.clone()).unwrap_or_default();
            let (empty, other) = match (a.length.lo >= 1.0, b.length.lo >= 1.0) {
                (true, false) => (&right, &left),
                (false, true) => (&left, &right),
                _ => continue,
            };
            let mut facts: BTreeMap<Sym, Facts> = BTreeMap::new();
            for (about, known) in gained(empty, &[other]).into_iter().chain(earlier(empty)) {
                let entry = facts.entry(about).or_insert(known);
                *entry = entry.meet(known);
            }
            let if_false = Some(facts.into_iter().collect());
            found.push((length, Rc::new(Condition { if_true: Some(Vec::new()), if_false })));
        }
        found
    }

    fn conditions(&mut self, model: &mut Model) -> OrdMap<Sym, Rc<Condition>> {
        let mut conditions = self.left.conditions.clone();
        let emptiness = self.emptiness(model);
        for (sym, condition) in &self.right.conditions {
            match conditions.get(sym) {
                Some(same) if same == condition => {}
                Some(_) => {
                    conditions.remove(sym);
                }
                None if self.place.widen => {}
                None => {
                    conditions.insert(*sym, condition.clone());
                }
            }
        }
        if self.place.widen {
            conditions = conditions.into_iter().filter(|(sym, _)| self.right.conditions.contains_key(sym)).collect();
        }
        conditions.extend(emptiness);
        conditions
    }
}

/// Facts of `state` that are not in all of `base` already.
fn gained(state: &State, base: &[&State]) -> Vec<(Sym, Facts)> {
    let mut facts: Vec<(Sym, Facts)> = Vec::new();
    for (sym, fact) in &state.facts {
        if base.iter().any(|b| b.facts.get(sym) != Some(fact)) {
            facts.push((*sym, *fact));
        }
    }
    facts
}

/// Facts that hold in both of two states and not in all of `base` already.
fn common(model: &mut Model, left: &State, right: &State, base: &[&State]) -> Vec<(Sym, Facts)> {
    let mut facts = Vec::new();
    for (sym, _) in gained(left, base) {
        let joined = model.facts(left, sym).join(model.facts(right, sym));
        if joined != Facts::ANY {
            facts.push((sym, joined));
        }
    }
    for (sym, _) in gained(right, base) {
        if !facts.iter().any(|(s, _)| *s == sym) {
            let joined = model.facts(left, sym).join(model.facts(right, sym));
            if joined != Facts::ANY {
                facts.push((sym, joined));
            }
        }
    }
    facts
}
