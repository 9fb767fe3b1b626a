//! What the structure of a symbol says about it: the facts that need no guard.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::builtins;
use super::facts::{Facts, Interval, Types};
use super::ir::{BinaryOp, Ir, SlotId, SlotKind, UnaryOp};
use super::refine;
use super::schema::InputSchema;
use super::state::State;
use super::symbol::{AllocKind, PropKey, SIZE, SiteKind, Sym, Symbols, Value, Which};

/// The symbols of one file, and what is known of them at every program point.
pub struct Model {
    /// The lowered file.
    pub ir: Rc<Ir>,
    /// All symbols.
    pub symbols: Symbols,
    /// What the declared schema says of input paths.
    pub schema: InputSchema,
    /// What is known of opaque values where they come to be.
    pub opaque: FxHashMap<Sym, Facts>,
    /// Numeric conversions whose result some guard checked for NaN, wherever that stands.
    pub checked_for_nan: FxHashSet<Sym>,
    /// What `JSON.parse` made of a text that input decides, with how that is written.
    pub parsed: FxHashMap<Sym, Rc<str>>,
    /// Collections whose length some guard limits, wherever that stands.
    pub limited: FxHashSet<Sym>,
    /// Names that the program itself makes properties of the global object.
    pub created_globals: std::collections::HashSet<String>,
    /// What is known of every value stored at one place, and of its parts.
    pub kept: Kept,
    /// The numbers that the program names, in order.
    pub constants: Rc<[f64]>,
    /// Values that were stored once, by what they go by since: what is found out of the one holds for the other.
    pub stored_once: FxHashMap<Sym, Sym>,
    /// What holds if a search found nothing, by its result.
    pub absence: FxHashMap<Sym, Vec<(Sym, Facts)>>,
    /// Symbols whose facts are being computed: a merge that leads back to itself adds nothing.
    pub in_progress: Vec<Sym>,
    /// Answers found on the way to the one being computed.
    pub answered: FxHashMap<Sym, Facts>,
    /// The question being answered is what is known in every state.
    pub is_asked_of_all_states: bool,
    /// Work done: questions about facts, and what else counts as so many.
    pub work: u64,
    /// Symbols about which something is being learnt, the outermost first.
    pub learning: Vec<Sym>,
}

/// What is known of every value stored at one place, and of its parts.
#[derive(Debug, Default)]
pub struct Kept {
    facts: FxHashMap<Sym, Facts>,
    /// The keys of `facts` that are made of a stored value, by that value.
    about: FxHashMap<Sym, BTreeSet<Sym>>,
}

impl Kept {
    /// What is known of `sym`.
    pub fn get(&self, sym: Sym) -> Option<Facts> {
        self.facts.get(&sym).copied()
    }

    /// Joins what is known now of a stored value and its parts to what was known of them before.
    fn join(&mut self, symbols: &Symbols, stored: Sym, now: HashMap<Sym, Facts>) {
        let first = !self.facts.contains_key(&stored);
        // What was stored elsewhere since, having been found in this one, was checked on its own.
        let is_stored_since =
            |old: Sym| symbols.contains(old, &|part, value| part != stored && is_turn(value) && symbols.parts(part).contains(&stored));
        let (since, about): (BTreeSet<Sym>, BTreeSet<Sym>) =
            self.about.remove(&stored).unwrap_or_default().into_iter().partition(|&old| is_stored_since(old));
        for old in about {
            if !now.contains_key(&old) {
                self.facts.remove(&old);
            }
        }
        if !since.is_empty() {
            self.about.insert(stored, since);
        }
        for (part, facts) in now {
            match self.facts.get_mut(&part) {
                Some(before) => *before = before.join(facts),
                None if first => {
                    self.facts.insert(part, facts);
                }
                None => continue,
            }
            for &of in symbols.parts(part).iter().filter(|&&of| is_turn(symbols.value(of))) {
                self.about.entry(of).or_default().insert(part);
            }
        }
    }
}

/// One step of an input path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// `.name`
    Name(Rc<str>),
    /// `[*]`
    Element,
}

/// A path into an untrusted argument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputPath {
    /// The argument, as the source names it.
    pub root: Rc<str>,
    /// The argument's symbol.
    pub input: Sym,
    /// The way from there.
    pub segments: Vec<Segment>,
}

impl std::fmt::Display for InputPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.root)?;
        for (at, segment) in self.segments.iter().enumerate() {
            if at == super::limits::PATH_SEGMENTS_MAX {
                return write!(f, "…");
            }
            match segment {
                Segment::Element => write!(f, "[*]")?,
                Segment::Name(name) if is_identifier(name) => write!(f, ".{name}")?,
                Segment::Name(name) => write!(f, "[{:?}]", &**name)?,
            }
        }
        Ok(())
    }
}

fn segment(key: &PropKey) -> Segment {
    match key {
        PropKey::Name(name) if !name.bytes().all(|b| b.is_ascii_digit()) => Segment::Name(name.clone()),
        PropKey::Name(_) | PropKey::Dynamic(_) | PropKey::Any => Segment::Element,
    }
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_' || c == '$') && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '$')
}

impl Model {
    /// Whether the program itself makes this global.
    pub fn created_globals_contains(&self, name: &str) -> bool {
        self.created_globals.contains(name)
    }

    /// The program makes this global.
    pub fn note_created_global(&mut self, name: &str) {
        self.created_globals.insert(name.to_owned());
    }

    /// How a variable was declared.
    pub fn slot_kind(&self, slot: SlotId) -> SlotKind {
        self.ir.slots.get(slot.index()).map_or(SlotKind::Temporary, |s| s.kind)
    }

    /// The symbol of a property that nothing in the program has set.
    pub fn property_symbol(&mut self, base: Sym, key: &str) -> Sym {
        self.symbols.intern(Value::Prop(base, PropKey::Name(key.into())))
    }

    /// The symbol of how much there is in a collection that the program made.
    pub fn measure(&mut self, collection: Sym) -> Option<Sym> {
        let Value::Alloc { kind, .. } = *self.symbols.value(collection) else { return None };
        Some(self.property_symbol(collection, kind.measure()?))
    }

    /// The input path that `sym` reads, if it is a plain read of one.
    pub fn input_path(&self, sym: Sym) -> Option<InputPath> {
        self.path_from(sym, &|_, value| match value {
            Value::Input { name, .. } => Some(name.clone()),
            _ => None,
        })
    }

    /// The path of a value inside what was parsed of a text of the input: as untrusted as the input.
    pub fn parsed_path(&self, sym: Sym) -> Option<InputPath> {
        self.path_from(sym, &|root, _| self.parsed.get(&root).cloned())
    }

    /// The path of a value that is read of a root, which `root_name` knows and names.
    fn path_from(&self, sym: Sym, root_name: &dyn Fn(Sym, &Value) -> Option<Rc<str>>) -> Option<InputPath> {
        let value = self.symbols.value(sym);
        if let Some(root) = root_name(sym, value) {
            return Some(InputPath { root, input: sym, segments: Vec::new() });
        }
        match value {
            Value::Prop(base, key) => {
                let mut path = self.path_from(*base, root_name)?;
                path.segments.push(segment(key));
                Some(path)
            }
            Value::Instance(base, _) | Value::Version(base, _) | Value::Rest(base, _) => self.path_from(*base, root_name),
            _ => None,
        }
    }

    /// Whether `sym` is an untrusted argument or a plain read of one.
    pub fn is_of_input(&self, sym: Sym) -> bool {
        match self.symbols.value(sym) {
            Value::Input { .. } => true,
            Value::Prop(base, _) | Value::Instance(base, _) | Value::Version(base, _) | Value::Rest(base, _) => self.is_of_input(*base),
            _ => false,
        }
    }

    /// What is known of `sym` in `state`.
    pub fn facts(&mut self, state: &State, sym: Sym) -> Facts {
        if self.in_progress.len() > super::limits::FACTS_DEPTH_MAX || self.in_progress.contains(&sym) {
            return state.facts.get(&sym).copied().unwrap_or(Facts::ANY);
        }
        // One question is asked of one state: what was found out on the way to an answer holds for all of it.
        if self.in_progress.is_empty() {
            self.answered.clear();
        } else if let Some(facts) = self.answered.get(&sym) {
            return *facts;
        }
        self.in_progress.push(sym);
        let facts = self.known_facts(state, sym);
        self.in_progress.pop();
        self.answered.insert(sym, facts);
        facts
    }

    fn known_facts(&mut self, state: &State, sym: Sym) -> Facts {
        self.work += 1;
        let learned = state.facts.get(&sym).copied();
        let mut facts = self.structural(state, sym);
        if let Some(kept) = self.kept.get(sym) {
            facts = facts.meet(kept);
        }
        if let Some(learned) = learned {
            facts = facts.meet(learned);
        }
        for &next in self.symbols.generals(sym).iter() {
            if let Some(learned) = state.facts.get(&next) {
                facts = facts.meet(*learned);
            }
            if let Some(kept) = self.kept.get(next) {
                facts = facts.meet(kept);
            }
            if matches!(self.symbols.value(sym), Value::Instance(..)) && !matches!(self.symbols.value(next), Value::Prop(..)) {
                facts = facts.meet(self.structural(state, next));
            }
        }
        facts
    }

    /// A value is stored where other turns and branches will read it: from then on it stands for all
    /// that is ever stored there, with what is known of each at that moment.
    pub fn keep(&mut self, state: &State, sym: Sym, site: Rc<super::symbol::Site>) -> Sym {
        // A constant index is the first of a counter's, as long as nobody has seen it count.
        let is_index = |key: &PropKey| matches!(key, PropKey::Name(name) if name.bytes().all(|b| b.is_ascii_digit()));
        let varies = self.symbols.contains(sym, &|_, value| match value {
            Value::Phi(_) => true,
            Value::Prop(_, key) => is_index(key),
            Value::Instance(_, Which::Index(_)) => true,
            _ => is_turn(value),
        });
        // What was found out of a path of the input holds where it was found out only.
        let is_found_out = matches!(self.symbols.value(sym), Value::Prop(..)) && state.facts.contains_key(&sym) && self.is_of_input(sym);
        if !(varies || is_found_out) || self.symbols.is_constant(sym) || self.symbols.is_deep(sym) {
            return sym;
        }
        let holds_object = |leaf: &Sym| {
            matches!(
                self.symbols.value(*leaf),
                Value::Alloc { .. } | Value::Closure(..) | Value::Builtin(_) | Value::Class(_) | Value::Bound { .. }
            )
        };
        if self.symbols.leaves(sym).iter().any(holds_object) {
            return sym;
        }
        // A flag is worth what it tells of others, which goes by its own name.
        if self.facts(state, sym).types.only(Types::BOOLEAN | Types::NULLISH) && self.is_condition(state, sym) {
            return sym;
        }
        self.keep_as(state, sym, sym, site)
    }

    /// From now on what is found out of `stored` is found out of the value that goes by it.
    pub fn goes_by(&mut self, value: Sym, stored: Sym) {
        if stored != value {
            self.stored_once.insert(stored, value);
        }
    }

    /// As [`Model::keep`], for any value, which from then on goes by what it is one of.
    pub fn keep_as(&mut self, state: &State, sym: Sym, one_of: Sym, site: Rc<super::symbol::Site>) -> Sym {
        let kept = self.symbols.intern(Value::Instance(one_of, Which::Turn(site)));
        if kept == sym {
            return sym;
        }
        let mut now = HashMap::from([(kept, self.facts(state, sym))]);
        self.work += state.facts.len() as u64 / 4;
        let about: Vec<Sym> =
            state.facts.keys().copied().filter(|&s| s != sym && self.symbols.contains(s, &|part, _| part == sym)).collect();
        for part in about {
            let renamed = self.symbols.substitute(part, sym, kept);
            now.insert(renamed, self.facts(state, part));
        }
        self.kept.join(&self.symbols, kept, now);
        kept
    }

    /// Whether the truth of `sym` says anything about other values.
    pub fn is_condition(&self, state: &State, sym: Sym) -> bool {
        match self.symbols.value(sym) {
            Value::Bool(_) | Value::Unary(UnaryOp::Not, _) => true,
            Value::Binary(op, ..) => {
                use BinaryOp::*;
                matches!(op, Equal | NotEqual | StrictEqual | StrictNotEqual | Less | LessEqual | Greater | GreaterEqual | In | InstanceOf)
            }
            Value::Call(path, _) => builtins::is_predicate(path),
            _ => state.choices.contains_key(&sym),
        }
    }

    /// `state` where `sym` turned out truthy or falsy; `None` if it cannot.
    pub fn assumed(&mut self, state: &State, sym: Sym, truth: bool) -> Option<State> {
        let mut refined = state.clone();
        refine::assume(self, &mut refined, sym, truth).then_some(refined)
    }

    fn structural(&mut self, state: &State, sym: Sym) -> Facts {
        if self.symbols.depth(sym) > super::limits::SYMBOL_DEPTH_MAX {
            return Facts::ANY;
        }
        let value = self.symbols.value(sym).clone();
        match value {
            Value::Undefined => Facts { listed: true, ..Facts::of(Types::UNDEFINED) },
            Value::Null => Facts { listed: true, ..Facts::of(Types::NULL) },
            Value::Bool(b) => Facts { listed: true, ..Facts::of(if b { Types::TRUE } else { Types::FALSE }) },
            Value::Number(bits) => {
                let n = f64::from_bits(bits);
                if n.is_nan() {
                    return Facts { listed: true, ..Facts::of(Types::NAN) };
                }
                Facts { listed: true, ..Facts::number(Interval::point(n), n.fract() == 0.0) }
            }
            Value::Str(s) => {
                let length = Interval::point(s.encode_utf16().count() as f64);
                let types = if s.is_empty() { Types::EMPTY } else { Types::TEXT };
                let digits = !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
                Facts { types, listed: true, digits, ..Facts::string(length) }
            }
            Value::BigInt(_) => Facts { listed: true, ..Facts::of(Types::BIGINT) },
            Value::Regex { .. } => Facts::of(Types::REGEXP),
            Value::Builtin(path) => builtins::facts_of(&path),
            Value::Closure(..) | Value::Class(_) | Value::Bound { .. } => Facts::of(Types::FUNCTION),
            Value::Input { .. } => self.schema_facts(sym).unwrap_or(Facts::of(Types::OBJECT)),
            Value::Prop(base, key) => self.property_facts(state, sym, base, &key),
            Value::Instance(of, _) => {
                let learned = state.facts.get(&of).copied().unwrap_or(Facts::ANY);
                let kept = self.kept.get(of).unwrap_or(Facts::ANY);
                self.structural(state, of).meet(learned).meet(kept)
            }
            Value::KeyOf(of) => {
                let of = self.facts(state, of);
                let range = Interval { lo: 0.0, hi: (of.length.hi - 1.0).max(0.0) };
                let _ = range;
                Facts { string_form: true, ..Facts::string(Interval::LENGTH) }
            }
            Value::Version(..) => Facts::of(Types::OBJECTS),
            Value::Rest(..) => Facts::of(Types::OBJECT),
            Value::Alloc { kind, .. } => {
                let length = state.object(sym).map_or(Interval::LENGTH, |o| o.length);
                let types = match kind {
                    AllocKind::Object | AllocKind::Error | AllocKind::Iterator | AllocKind::Typed => Types::OBJECT,
                    AllocKind::Array => Types::ARRAY,
                    AllocKind::Date => Types::DATE,
                    AllocKind::Map => Types::MAP,
                    AllocKind::Set => Types::SET,
                    AllocKind::Promise => Types::PROMISE,
                    AllocKind::RegExp => Types::REGEXP,
                };
                let mut facts = Facts { types, length, no_method: true, ..Facts::ANY };
                if kind == AllocKind::Date {
                    let time = state.object(sym).and_then(|o| o.time);
                    if let Some(time) = time {
                        let time = self.facts(state, time);
                        facts.range = time.range;
                        if time.types.may(Types::NAN) {
                            facts.types = facts.types | Types::NAN;
                        }
                    }
                }
                facts
            }
            Value::Unary(op, a) => self.unary_facts(state, op, a),
            Value::Binary(op, a, b) => self.binary_facts(state, op, a, b),
            Value::Template(quasis, parts) => {
                let mut length = Interval::point(quasis.iter().map(|q| q.encode_utf16().count() as f64).sum());
                for part in parts {
                    let part = self.facts(state, part);
                    length = length.add(text_length(part));
                }
                Facts::string(length)
            }
            Value::Call(path, args) => builtins::call_facts(self, state, &path, &args),
            Value::Phi(_) if !state.facts.contains_key(&sym) => self.lasting_facts_of_all(state, sym),
            Value::Phi(_) => Facts::ANY,
            Value::Opaque(_) => self.opaque.get(&sym).copied().unwrap_or(Facts::ANY),
        }
    }

    /// What is known of all values that a merge may be, wherever they are read: what was known where each was
    /// stored, what its structure says, and what holds now of values that are the same throughout a call.
    fn lasting_facts_of_all(&mut self, state: &State, sym: Sym) -> Facts {
        let leaves = self.symbols.leaves(sym);
        self.work += leaves.len() as u64;
        let mut all: Option<Facts> = None;
        for leaf in leaves {
            if self.in_progress.contains(&leaf) {
                continue;
            }
            let facts = match self.kept.get(leaf) {
                Some(kept) => kept,
                None if self.is_lasting(leaf) => self.facts(state, leaf),
                None if self.is_asked_of_all_states => return Facts::ANY,
                None => self.lasting_facts(leaf),
            };
            let joined = all.map_or(facts, |all| all.join(facts));
            if joined == Facts::ANY {
                return joined;
            }
            all = Some(joined);
        }
        all.unwrap_or(Facts::ANY)
    }

    /// Whether a symbol stands for one value throughout a call.
    fn is_lasting(&self, sym: Sym) -> bool {
        !self.symbols.contains(sym, &|_, value| {
            matches!(
                value,
                Value::Phi(_)
                    | Value::Opaque(_)
                    | Value::Alloc { .. }
                    | Value::Version(..)
                    | Value::Instance(..)
                    | Value::Prop(_, PropKey::Dynamic(_))
            )
        })
    }

    /// What is known of a symbol in every state.
    fn lasting_facts(&mut self, sym: Sym) -> Facts {
        let answered = std::mem::take(&mut self.answered);
        self.is_asked_of_all_states = true;
        let facts = self.facts(&State::default(), sym);
        self.is_asked_of_all_states = false;
        self.answered = answered;
        facts
    }

    fn schema_facts(&mut self, sym: Sym) -> Option<Facts> {
        if !self.schema.is_declared() {
            return None;
        }
        let path = self.input_path(sym)?;
        match self.symbols.value(path.input) {
            Value::Input { index: 0, .. } => self.schema.facts(&path.segments),
            _ => None,
        }
    }

    fn property_facts(&mut self, state: &State, sym: Sym, base: Sym, key: &PropKey) -> Facts {
        if matches!(key, PropKey::Name(name) if &**name == "constructor") {
            return Facts::of(Types::FUNCTION);
        }
        if let PropKey::Name(name) = key {
            let measured = match &**name {
                "length" => Types::STRING | Types::ARRAY,
                "size" => Types::MAP | Types::SET,
                SIZE => Types::OBJECT,
                _ => Types::NONE,
            };
            if measured != Types::NONE {
                let of = self.facts(state, base);
                if of.types.only(measured) {
                    return Facts::number(of.length, true);
                }
            }
        }
        let operands: Vec<Sym> = self.symbols.operands(sym).filter(|&o| o != sym).collect();
        if !operands.is_empty() {
            let mut joined: Option<Facts> = None;
            for operand in operands {
                if self.in_progress.contains(&operand) {
                    continue;
                }
                let of = self.facts(state, operand);
                joined = Some(joined.map_or(of, |j| j.join(of)));
            }
            return joined.unwrap_or(Facts::ANY);
        }
        if matches!(key, PropKey::Name(name) if &**name == "message") && self.is_caught(base) {
            return Facts::of(Types::STRING);
        }
        if matches!(key, PropKey::Name(name) if &**name == "[[time]]") {
            let of = self.facts(state, base);
            let nan = if of.types.may(Types::NAN) || !of.types.only(Types::DATE) { Types::NAN } else { Types::NONE };
            return Facts { types: Types::NUMBER | nan, range: of.range, integer: true, ..Facts::ANY };
        }
        if let PropKey::Name(_) = key
            && let Value::Builtin(path) = self.symbols.value(base)
            && &**path == "__env"
        {
            return Facts::of(Types::JSON);
        }
        if segment(key) == Segment::Element {
            let of = self.facts(state, base);
            if of.types.only(Types::STRING) {
                // As with the elements of an array, a constant index is not doubted.
                let past_end = if matches!(key, PropKey::Dynamic(_)) { Types::UNDEFINED } else { Types::NONE };
                return Facts { types: Types::STRING | past_end, digits: of.digits, ..Facts::string(Interval::point(1.0)) };
            }
        }
        if self.is_of_input(sym) || !self.parsed.is_empty() && self.parsed_path(sym).is_some() {
            let declared = self.schema_facts(sym).unwrap_or(Facts::ANY);
            let json = Facts::of(Types::JSON);
            // An index may lie past the end, whatever the schema says of elements.
            let declared = match key {
                PropKey::Dynamic(_) => self.absent_at_index(state, base, key, declared),
                _ => declared,
            };
            return json.meet(declared);
        }
        Facts::ANY
    }

    /// Whether a value is what some exception handler received.
    fn is_caught(&self, sym: Sym) -> bool {
        match self.symbols.value(sym) {
            Value::Phi(site) | Value::Opaque(site) => matches!(site.what, SiteKind::Slot(_, slot) if slot == super::flow::RESULT),
            _ => false,
        }
    }

    /// An element read by index is `undefined` past the end; an index below the length is known to
    /// be inside, and loops that count to the length are the common case, so only a constant or
    /// wholly unknown index is doubted.
    fn absent_at_index(&mut self, state: &State, base: Sym, key: &PropKey, facts: Facts) -> Facts {
        let PropKey::Dynamic(index) = key else { return facts };
        let index = self.facts(state, *index);
        let base = self.facts(state, base);
        if index.types.only(Types::NUMBER) || !base.types.only(Types::ARRAY) {
            return facts;
        }
        Facts { types: facts.types | Types::UNDEFINED, ..facts }
    }

    fn unary_facts(&mut self, state: &State, op: UnaryOp, a: Sym) -> Facts {
        let of = self.facts(state, a);
        match op {
            UnaryOp::Not => match of.truth() {
                (true, false) => Facts::of(Types::FALSE),
                (false, true) => Facts::of(Types::TRUE),
                _ => Facts::of(Types::BOOLEAN),
            },
            UnaryOp::Typeof => Facts { listed: true, ..Facts::string(Interval { lo: 6.0, hi: 9.0 }) },
            UnaryOp::Plus => numeric_conversion(of),
            UnaryOp::Minus => {
                let n = numeric_conversion(of);
                Facts { range: n.range.neg(), ..n }
            }
            UnaryOp::BitNot => Facts::number(INT32, true),
        }
    }

    fn binary_facts(&mut self, state: &State, op: BinaryOp, a: Sym, b: Sym) -> Facts {
        use BinaryOp::*;
        let (x, y) = (self.facts(state, a), self.facts(state, b));
        match op {
            Equal | NotEqual | StrictEqual | StrictNotEqual | Less | LessEqual | Greater | GreaterEqual | In | InstanceOf | PrivateIn => {
                Facts::of(Types::BOOLEAN)
            }
            BitAnd => {
                let mask = [x, y].into_iter().filter(|f| f.range.lo >= 0.0 && f.types.only(Types::NUMBER)).map(|f| f.range.hi);
                match mask.reduce(f64::min) {
                    Some(hi) => Facts::number(Interval { lo: 0.0, hi: hi.min(INT32.hi) }, true),
                    None => Facts::number(INT32, true),
                }
            }
            ShiftRightZero => {
                Facts::number(Interval { lo: 0.0, hi: if x.range.lo >= 0.0 { x.range.hi.min(4294967295.0) } else { 4294967295.0 } }, true)
            }
            ShiftRight if x.types.only(Types::NUMBER) && x.range.lo >= 0.0 => {
                Facts::number(Interval { lo: 0.0, hi: x.range.hi.min(INT32.hi) }, true)
            }
            ShiftLeft if x.range.lo >= 0.0 && y.range.lo >= 0.0 && x.range.hi * 2f64.powf(y.range.hi) <= INT32.hi => {
                Facts::number(Interval { lo: x.range.lo, hi: x.range.hi * 2f64.powf(y.range.hi) }, true)
            }
            ShiftLeft | ShiftRight | BitOr | BitXor => {
                let small = x.range.meet(INT32) == x.range && y.range == Interval::point(0.0) && op == BitOr;
                Facts::number(if small { x.range.map(f64::trunc) } else { INT32 }, true)
            }
            Add if x.types.may(Types::STRING) && x.types.only(Types::STRING) || y.types.only(Types::STRING) => {
                Facts::string(text_length(x).add(text_length(y)))
            }
            Add if !x.types.only(ARITHMETIC) || !y.types.only(ARITHMETIC) => {
                Facts { types: Types::STRING | Types::NUMERIC | Types::BIGINT, ..Facts::ANY }
            }
            Add | Sub | Mul | Div | Mod | Exp | Increment => {
                if x.types.only(Types::BIGINT) && y.types.only(Types::BIGINT) {
                    return Facts::of(Types::BIGINT);
                }
                let (n, m) = (numeric_conversion(x), numeric_conversion(y));
                let range = match op {
                    Add | Increment => n.range.add(m.range),
                    Sub => n.range.add(m.range.neg()),
                    Mul => n.range.mul(m.range),
                    Div => n.range.div(m.range),
                    Mod => remainder(n.range, m.range),
                    _ => power(n.range, m.range),
                };
                let integer = op != Div && op != Exp && n.integer && m.integer;
                // NaN that goes in was told where it went in.
                Facts { types: Types::NUMBER, range, integer, ..Facts::ANY }
            }
        }
    }
}

/// What arithmetic turns into a number without asking whether it makes sense.
const ARITHMETIC: Types = Types(Types::NUMERIC.0 | Types::BOOLEAN.0 | Types::NULLISH.0 | Types::BIGINT.0);

/// The range of the bitwise operators.
pub const INT32: Interval = Interval { lo: -2147483648.0, hi: 2147483647.0 };

/// The length of a value's string form.
pub fn text_length(facts: Facts) -> Interval {
    if facts.types.only(Types::STRING) {
        facts.length
    } else if facts.types.only(Types::NUMERIC | Types::BOOLEAN | Types::NULLISH) {
        Interval { lo: 1.0, hi: 25.0 }
    } else {
        Interval::LENGTH
    }
}

/// What `Number(x)` and unary `+` give: NaN stays possible unless what went in excludes it.
pub fn numeric_conversion(of: Facts) -> Facts {
    if of.types.only(Types::NUMERIC) {
        return of;
    }
    let mut types = Types::NUMBER;
    if of.types.may(!(Types::NUMBER | Types::BOOLEAN | Types::NULL | Types::BIGINT)) && !of.digits {
        types = types | Types::NAN;
    }
    if of.types.only(Types::DATE) {
        return Facts { types, range: of.range, ..Facts::ANY };
    }
    if of.types.only(Types::DATE | Types::NAN) {
        return Facts { types: types | Types::NAN, range: of.range, ..Facts::ANY };
    }
    let mut range = if of.types.only(Types::NUMBER | Types::NULLISH | Types::BOOLEAN) {
        of.range.join(Interval { lo: 0.0, hi: 1.0 })
    } else {
        Interval::ALL
    };
    if of.digits && of.length.hi <= 15.0 {
        range = Interval { lo: -1.0, hi: 1.0 }.mul(Interval::point(10f64.powf(of.length.hi)));
    }
    if of.types.only(Types::DATE) {
        types = Types::NUMBER;
    }
    Facts { types, range, listed: of.listed, ..Facts::ANY }
}

fn remainder(n: Interval, m: Interval) -> Interval {
    let most = m.abs().hi;
    if most.is_infinite() {
        return Interval { lo: n.lo.min(0.0), hi: n.hi.max(0.0) };
    }
    Interval { lo: if n.lo >= 0.0 { 0.0 } else { -most }, hi: if n.hi <= 0.0 { 0.0 } else { most } }
}

fn power(base: Interval, exponent: Interval) -> Interval {
    if base.lo >= 0.0 && exponent.lo >= 0.0 {
        let corner = |a: f64, b: f64| if b == 0.0 { 1.0 } else { a.powf(b) };
        let ends = [corner(base.lo, exponent.lo), corner(base.hi, exponent.lo), corner(base.lo, exponent.hi), corner(base.hi, exponent.hi)];
        return Interval { lo: ends.iter().copied().fold(f64::INFINITY, f64::min), hi: ends.iter().copied().fold(0.0, f64::max) };
    }
    Interval::ALL
}

/// Whether the symbol is one turn of an iteration.
pub fn is_turn(value: &Value) -> bool {
    matches!(value, Value::Instance(_, Which::Turn(_)))
}
