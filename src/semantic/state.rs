//! What holds at one program point: the values of variables, the contents of objects, the facts
//! about symbols, and what stored conditions imply.

use std::collections::BTreeMap;
use std::rc::Rc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::choice::{Choice, Sides, is_defined};
use super::facts::{Facts, Interval, Types};
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
    /// Values that are one of several, and what follows from each.
    pub choices: OrdMap<Sym, Rc<Choice>>,
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

    /// Whether it certainly has no property of its own of that name.
    pub fn lacks(&self, name: &str) -> bool {
        let listed = matches!(self.fields.get(name), Some(Field::Value(_) | Field::Getter(_)));
        self.closed && !listed && self.rest.is_none() && self.spreads.is_empty()
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
    /// A loop closes here: one side is a round before the other.
    pub round: bool,
    /// Numeric bounds that still move are given up.
    pub widen: bool,
    /// But those of values that the loop does not change to the next limit that the program names.
    pub patient: bool,
}

impl Place {
    /// Where ways through a function meet that is no loop's header.
    pub fn meeting(ctx: Ctx, func: FuncId, block: BlockId) -> Place {
        Place { ctx, func, block, round: false, widen: false, patient: false }
    }
}

impl State {
    /// The object behind `sym`, if the analysis tracks one.
    pub fn object(&self, sym: Sym) -> Option<&Rc<Object>> {
        self.heap.get(&sym)
    }

    /// What an object that the program gave to `object` for a prototype holds under a name.
    pub fn inherited(&self, object: &Object, key: &str) -> Option<Sym> {
        let mut at = object.prototype;
        for _ in 0..limits::CALL_DEPTH_MAX {
            let prototype = self.object(at?)?;
            match prototype.fields.get(key) {
                Some(Field::Value(value)) => return Some(*value),
                Some(Field::Getter(_)) => return None,
                Some(Field::Absent) | None => at = prototype.prototype,
            }
        }
        None
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
        facts.types != Types::NONE
    }

    /// Forgets what is known of values of one turn of an iteration, before the next turn begins.
    pub fn forget_turn(&mut self, model: &mut Model, site: &Site) {
        self.forget(model, |_, value| matches!(value, Value::Instance(_, Which::Turn(at)) if **at == *site));
    }

    /// Forgets what is known of every symbol that has a part for which `stale` holds.
    pub fn forget(&mut self, model: &mut Model, stale: impl Fn(Sym, &Value) -> bool) {
        model.work += self.facts.len() as u64 / 4;
        let facts: Vec<Sym> = self.facts.keys().copied().filter(|s| model.symbols.contains(*s, &stale)).collect();
        for sym in facts {
            self.facts.remove(&sym);
            self.choices.remove(&sym);
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
        let chosen: Vec<Sym> = self.choices.iter().filter(|(_, c)| c.mentions(recent)).map(|(s, _)| *s).collect();
        for sym in chosen {
            self.choices.remove(&sym);
        }
    }

    /// Joins `from` into this state. True if anything changed.
    pub fn join(&mut self, model: &mut Model, from: &State, place: Place) -> bool {
        let mut merge = Merge::new(self.clone(), from, place);
        merge.slots(model);
        let heap = merge.heap(model);
        let known = merge.known(model);
        let choices = merge.choices(model);
        let mut joined = State { slots: self.slots.clone(), facts: known, heap, choices };
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

/// Whether a merge is one of a variable.
fn is_variable(model: &Model, phi: Sym) -> bool {
    matches!(model.symbols.value(phi), Value::Phi(site) if matches!(site.what, SiteKind::Slot(..)))
}

/// Whether a value is true, false, or absent.
fn is_flag(model: &mut Model, state: &State, value: Sym) -> bool {
    model.facts(state, value).types.only(Types::BOOLEAN | Types::NULLISH)
}

/// Two states being joined.
struct Merge<'a> {
    left: State,
    right: &'a State,
    place: Place,
    slots: Vec<(SlotId, Sym)>,
    facts: OrdMap<Sym, Facts>,
    /// Merges made, with what they merge.
    merged: Vec<(Sym, Sym, Sym)>,
}

impl<'a> Merge<'a> {
    fn new(left: State, right: &'a State, place: Place) -> Self {
        Merge { left, right, place, slots: Vec::new(), facts: OrdMap::new(), merged: Vec::new() }
    }

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
        self.merged.push((phi, a, b));
        phi
    }

    /// What the merged state knows of values that are one of several: of the merges made here, and of
    /// what either side knew before.
    fn choices(&mut self, model: &mut Model) -> OrdMap<Sym, Rc<Choice>> {
        let (left, right) = (self.left.clone(), self.right.clone());
        let mut choices = left.choices.clone();
        let merged = std::mem::take(&mut self.merged);
        let mut sides = Sides::new(model, &left, &right, &merged);
        let round = self.place.round;
        for &(phi, a, b) in &merged {
            // Which of a loop's rounds a value is of tells nothing; nor, mostly, what a property is.
            let telling = !round && (is_variable(model, phi) || is_flag(model, &left, a) || is_flag(model, &right, b));
            match if telling { sides.choose(model, phi, a, b) } else { None } {
                Some(choice) => choices.insert(phi, Rc::new(choice)),
                None => choices.remove(&phi),
            };
        }
        if !left.choices.ptr_eq(&right.choices) {
            for item in left.choices.diff(&right.choices) {
                let (sym, only) = match item {
                    DiffItem::Update { old: (sym, _), .. } => (*sym, None),
                    DiffItem::Add(sym, choice) => (*sym, (!is_defined(model, &left, *sym)).then_some(choice)),
                    DiffItem::Remove(sym, choice) => (*sym, (!is_defined(model, &right, *sym)).then_some(choice)),
                };
                if self.facts.contains_key(&sym) {
                    continue;
                }
                let choice = match only {
                    Some(only) => (!self.place.widen).then(|| only.clone()),
                    None if round => sides.agreed(model, sym).map(Rc::new),
                    None => sides.choose(model, sym, sym, sym).map(Rc::new),
                };
                match choice {
                    Some(choice) => choices.insert(sym, choice),
                    None => choices.remove(&sym),
                };
            }
        }
        if !round && !left.heap.ptr_eq(&right.heap) {
            for item in left.heap.diff(&right.heap) {
                // A collection that is empty on one side only: that it is empty later tells which side it was.
                let DiffItem::Update { old: (sym, a), new: (_, b) } = item else { continue };
                let Some(length) = model.measure(*sym) else { continue };
                if (a.length.lo >= 1.0) == (b.length.lo >= 1.0) {
                    continue;
                }
                if let Some(choice) = sides.choose(model, length, length, length) {
                    choices.insert(length, Rc::new(choice));
                }
            }
        }
        choices
    }

    fn slots(&mut self, model: &mut Model) {
        if self.left.slots.ptr_eq(&self.right.slots) {
            return;
        }
        let (left, right) = (self.left.slots.clone(), self.right.slots.clone());
        let left_choices = self.left.choices.clone();
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
            // The rounds only found out which of several values it is that the variable holds.
            if self.place.round && left_choices.get(&a).is_some_and(|c| c.alternatives.iter().any(|one| one.value == b)) {
                continue;
            }
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
        let differ = a.fields.iter().filter(|(key, field)| b.fields.get(*key) != Some(field)).map(|(key, _)| key);
        let added = b.fields.keys().filter(|key| !a.fields.contains_key(*key));
        model.work += a.fields.len() as u64 / 4;
        let keys: Vec<Rc<str>> = differ.chain(added).cloned().collect();
        for key in keys {
            let (x, y) = (a.fields.get(&key).copied(), b.fields.get(&key).copied());
            if let (Some(Field::Getter(_)), _) | (_, Some(Field::Getter(_))) = (x, y) {
                merged.fields.insert(key.clone(), x.or(y).unwrap_or(Field::Absent));
                continue;
            }
            let value = |model: &mut Model, field: Option<Field>, object: &Object, state: &State| match field {
                Some(Field::Value(v)) => v,
                None if !object.closed => model.property_symbol(object.base.unwrap_or(sym), &key),
                None if !object.spreads.is_empty() => model.property_symbol(object.spreads[object.spreads.len() - 1], &key),
                _ => match object.rest.or_else(|| state.inherited(object, &key)) {
                    Some(value) => value,
                    None => model.symbols.undefined(),
                },
            };
            let absent = |field: Option<Field>| matches!(field, None | Some(Field::Absent));
            merged.uncertain |= absent(x) != absent(y) || a.uncertain || b.uncertain;
            let (x, y) = (value(model, x, a, &self.left), value(model, y, b, self.right));
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
                // What the loop does not change itself goes no further than to the limits that the program names.
                Some(before) if self.place.widen && self.place.patient => joined.widen_to(before, &model.constants),
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
}
