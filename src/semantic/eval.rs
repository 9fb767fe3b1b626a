//! What each operation of the lowered program does to a state.

use std::rc::Rc;

use super::builtins::{self, fold};
use super::facts::{Facts, Interval, Types};
use super::flow::{Analyzer, Args};
use super::ir::{Arg, BinaryOp, FuncId, IterateKind, Key, Op, OpKind, PropertyInit, Reg, SlotKind, UnaryOp};
use super::limits;
use super::observe::{ContextOverride, SharedState, StringConstant};
use super::refine;
use super::state::{Field, Object, State};
use super::symbol::{AllocKind, PropKey, Site, SiteKind, Sym, Value, Which};
use crate::finding::Level;
use crate::source::TextRange;

/// What an operation gives: a value, unless it never returns; and what it may throw.
#[derive(Debug, Default)]
pub struct OpResult {
    /// The value, if control goes on.
    pub value: Option<Sym>,
    /// The state and exception, if a function it calls throws.
    pub thrown: Option<(State, Sym)>,
}

impl From<Sym> for OpResult {
    fn from(value: Sym) -> Self {
        OpResult { value: Some(value), thrown: None }
    }
}

/// The internal slot for a sensitive value that stands as the name of a property.
pub const SECRET_KEY: &str = "[[secret key]]";

/// The registers of one activation.
pub type Registers = [Option<Sym>];

/// Methods that text is made with, in the order in which they are asked for.
const TO_TEXT: [&str; 3] = ["@@toPrimitive", "toString", "valueOf"];
/// Marks the pairs that iterating over entries yields.
const ENTRY: &str = "[[entry]]";

/// Methods that a number is made with.
pub const TO_NUMBER: [&str; 3] = ["@@toPrimitive", "valueOf", "toString"];

/// Where the function stands that a write of `name` calls.
pub fn setter_key(name: &str) -> Rc<str> {
    format!("[[set]]{name}").into()
}

/// Whether an operator makes primitives of objects.
fn converts(op: BinaryOp) -> bool {
    use BinaryOp::*;
    !matches!(op, StrictEqual | StrictNotEqual | Equal | NotEqual | In | InstanceOf | PrivateIn)
}

impl Analyzer<'_> {
    /// What an operator makes of an object that has a conversion of its own; other values are as they are.
    pub fn converted(&mut self, state: &mut State, reg: Reg, sym: Sym, methods: &[&str], range: TextRange) -> Sym {
        let [leaf] = self.model.symbols.leaves(sym)[..] else { return sym };
        if !matches!(self.model.symbols.value(leaf), Value::Alloc { kind: AllocKind::Object, .. }) {
            return sym;
        }
        for name in methods {
            let method = self.get(state, reg, leaf, &PropKey::Name((*name).into()));
            if matches!(self.model.symbols.value(method), Value::Closure(..)) {
                let hint = self.model.symbols.string(if *methods == TO_NUMBER { "number" } else { "string" });
                let result = self.call(state, reg, 9, method, leaf, Args::of([hint]), range);
                return result.value.unwrap_or(sym);
            }
        }
        sym
    }

    /// Interprets one operation.
    pub fn operate(&mut self, state: &mut State, reg: Reg, op: &Op, registers: &Registers, caught: Option<Sym>) -> OpResult {
        let undefined = self.model.symbols.undefined();
        let get = |r: &Reg| registers[r.index()].unwrap_or(undefined);
        let value = match &op.kind {
            OpKind::Undefined => undefined,
            OpKind::Null => self.model.symbols.intern(Value::Null),
            OpKind::Bool(b) => self.model.symbols.boolean(*b),
            OpKind::Number(n) => self.model.symbols.number(*n),
            OpKind::BigInt(n) => self.model.symbols.intern(Value::BigInt(n.as_str().into())),
            OpKind::String(s) => {
                let sym = self.model.symbols.string(s);
                self.note_string(sym, op.range);
                sym
            }
            OpKind::Regex { pattern, flags } => {
                let regex = self.model.symbols.intern(Value::Regex { pattern: pattern.as_str().into(), flags: flags.as_str().into() });
                self.note_regex(regex, flags);
                regex
            }
            OpKind::Template { quasis, exprs } => {
                let parts: Vec<Sym> = exprs.iter().map(get).collect();
                let parts = parts.into_iter().map(|part| self.as_text(state, reg, part, op.range)).collect();
                self.template(state, quasis, parts, op.range)
            }
            OpKind::TemplateObject { quasis, raw } => self.template_object(state, reg, quasis, raw),
            OpKind::Param(i) => {
                let passed = self.frame().args.get(*i as usize).unwrap_or(undefined);
                self.parameter(state, reg, *i as usize, passed)
            }
            OpKind::RestParam(i) => self.rest_param(state, reg, *i as usize),
            OpKind::This => self.this_value(),
            OpKind::Arguments => {
                let arguments = self.rest_param(state, reg, 0);
                let callee = self.model.symbols.intern(Value::Closure(self.frame().func, None, self.frame().captured.clone()));
                state.object_mut(arguments).fields.insert("callee".into(), Field::Value(callee));
                arguments
            }
            OpKind::ImportMeta => {
                self.mention("import.meta", op.range, true);
                self.opaque(reg, 0, Facts::ANY, &[])
            }
            OpKind::NewTarget => self.opaque(reg, 0, Facts::of(Types::FUNCTION | Types::UNDEFINED), &[]),
            OpKind::Global(name) => return self.global(state, name, op.range, reg).into(),
            OpKind::TypeofGlobal(name) => {
                let of = self.model.symbols.builtin(name);
                self.model.symbols.intern(Value::Unary(UnaryOp::Typeof, of))
            }
            OpKind::StoreGlobal(name, value) => {
                let value = get(value);
                self.store_global(state, name, value, op.range);
                value
            }
            OpKind::Load(slot) => match state.slots.get(slot) {
                Some(&sym) => self.completed(state, sym),
                None => match self.model.slot_kind(*slot) {
                    SlotKind::Var | SlotKind::Let => undefined,
                    _ => self.opaque(reg, 0, Facts::ANY, &[]),
                },
            },
            OpKind::Store { slot, value, init } => {
                let value = get(value);
                self.store(state, *slot, value, *init, op.range);
                value
            }
            OpKind::Get { object, key, optional: _ } => {
                let object = get(object);
                let key = self.property_key(state, reg, key, registers, op.range);
                let spent = self.is_only_called(reg);
                return self.read(state, reg, object, key, op.range, spent);
            }
            OpKind::Set { object, key, value } => {
                let (object, value) = (get(object), get(value));
                let key = self.property_key(state, reg, key, registers, op.range);
                self.write(state, reg, object, key, value, op.range);
                value
            }
            OpKind::Delete { object, key } => {
                let object = get(object);
                let key = self.key(key, registers);
                self.delete(state, object, key, op.range);
                self.model.symbols.boolean(true)
            }
            OpKind::SuperGet(key) => {
                let key = self.key(key, registers);
                self.super_get(state, reg, key)
            }
            OpKind::Element { iterator, index } => {
                let of = self.iterated(get(iterator));
                let key = PropKey::Name(index.to_string().into());
                return self.read_element(state, reg, of, key);
            }
            OpKind::ElementRest { iterator, from } => {
                let of = self.iterated(get(iterator));
                self.observe_drain(state, of, op.range);
                let from = self.model.symbols.number(f64::from(*from));
                self.slice_array(state, reg, of, from)
            }
            OpKind::ObjectRest { object, excluded } => {
                let object = get(object);
                let keys: Vec<Rc<str>> = excluded
                    .iter()
                    .filter_map(|k| match self.key(k, registers) {
                        PropKey::Name(name) => Some(name),
                        _ => None,
                    })
                    .collect();
                self.object_rest(state, reg, object, keys)
            }
            OpKind::RequireObject(value) => {
                let value = get(value);
                self.demand_present(state, value, op.range, "destructured");
                let facts = Facts::of(!Types::NULLISH);
                let known = self.model.facts(state, value);
                state.learn(value, known.meet(facts));
                value
            }
            OpKind::Call { callee, this, args, optional: _, callee_range } => {
                let callee_reg = *callee;
                let (callee, this) = (get(callee), this.as_ref().map(get));
                let args = self.arguments(state, reg, args, registers);
                return self.call_operation(state, reg, callee, callee_reg, this, args, op.range, *callee_range);
            }
            OpKind::New { callee, args, callee_range } => {
                let callee = get(callee);
                let args = self.arguments(state, reg, args, registers);
                return self.construct(state, reg, callee, args, op.range, *callee_range);
            }
            OpKind::SuperCall(args) => {
                let args = self.arguments(state, reg, args, registers);
                return self.super_call(state, reg, args, op.range);
            }
            OpKind::ImportCall(specifier) => {
                let specifier = get(specifier);
                self.mention("import()", op.range, true);
                self.opaque(reg, 0, Facts::ANY, &[specifier])
            }
            OpKind::Object(properties) => self.object_literal(state, reg, properties, registers, op.range),
            OpKind::Array(elements) => self.array_literal(state, reg, elements, registers),
            OpKind::Function(func) => {
                let this = self.model.ir.body(*func).kind.is_arrow.then(|| self.this_value());
                self.closure(state, *func, this)
            }
            OpKind::Class { class, superclass } => {
                let parent = superclass.as_ref().map(get);
                return self.class(state, reg, *class, parent, registers, op.range);
            }
            OpKind::Unary(operator, a) => self.unary(state, reg, *operator, get(a), op.range),
            OpKind::Binary(operator, a, b) => {
                let (mut a, mut b) = (get(a), get(b));
                if converts(*operator) {
                    a = self.converted(state, reg, a, &TO_NUMBER, op.range);
                    b = self.converted(state, reg, b, &TO_NUMBER, op.range);
                }
                self.binary(state, reg, *operator, a, b, op.range)
            }
            OpKind::Iterate { value, kind } => self.iterate(state, reg, get(value), *kind, op.range),
            OpKind::Next(iterator) => {
                if let Some(element) = self.element_of_turn(*iterator) {
                    return element.into();
                }
                let iterator = get(iterator);
                return self.next(state, reg, iterator);
            }
            OpKind::Await(value) => return self.await_operation(state, reg, get(value)),
            OpKind::Yield { value, delegate } => {
                let value = get(value);
                if *delegate {
                    self.mark_endless(state, reg, value);
                    let element = self.element_of(state, value, reg, 7);
                    let result = self.yielded(state, reg, element);
                    // Control comes back only when the other generator is done.
                    let is_done = !self.is_endless_iterator(state, value);
                    return OpResult { value: is_done.then_some(result), thrown: None };
                }
                self.yielded(state, reg, value)
            }
            OpKind::Catch => caught.unwrap_or_else(|| self.opaque(reg, 0, Facts::ANY, &[])),
        };
        value.into()
    }

    /// A value known only by its ingredients.
    pub fn opaque(&mut self, reg: Reg, nth: u8, facts: Facts, made_of: &[Sym]) -> Sym {
        let site = self.site(reg, nth);
        self.opaque_at(site, facts, made_of)
    }

    /// The same, at a given site.
    pub fn opaque_at(&mut self, site: Rc<Site>, facts: Facts, made_of: &[Sym]) -> Sym {
        let sym = self.model.symbols.intern(Value::Opaque(site));
        let facts = match self.model.opaque.get(&sym) {
            Some(known) => known.join(facts),
            None => facts,
        };
        self.model.opaque.insert(sym, facts);
        for &part in made_of {
            self.model.symbols.add_operand(sym, part);
        }
        sym
    }

    /// One of several values, at an operation.
    pub fn one_of(&mut self, state: &mut State, reg: Reg, nth: u8, values: &[Sym]) -> Sym {
        let site = self.site(reg, nth);
        self.one_of_at(state, site, values)
    }

    /// The same, at a given site.
    pub fn one_of_at(&mut self, state: &mut State, site: Rc<Site>, values: &[Sym]) -> Sym {
        let mut distinct: Vec<Sym> = values.to_vec();
        distinct.sort();
        distinct.dedup();
        if let [only] = distinct[..] {
            return only;
        }
        let phi = self.model.symbols.intern(Value::Phi(site));
        let mut facts: Option<Facts> = None;
        for &value in &distinct {
            self.model.symbols.add_operand(phi, value);
            if value != phi {
                let of = self.model.facts(state, value);
                facts = Some(facts.map_or(of, |f| f.join(of)));
            }
        }
        state.facts.insert(phi, facts.unwrap_or(Facts::of(Types::UNDEFINED)));
        phi
    }

    /// A new object made here. In a second round the earlier one is moved aside.
    pub fn allocate(&mut self, state: &mut State, reg: Reg, nth: u8, kind: AllocKind, object: Object) -> Sym {
        let site = self.site(reg, nth);
        let recent = self.model.symbols.intern(Value::Alloc { site: site.clone(), kind, old: false });
        if state.heap.contains_key(&recent) {
            let old = self.model.symbols.intern(Value::Alloc { site, kind, old: true });
            state.age(recent, old);
        }
        state.heap.insert(recent, Rc::new(object));
        recent
    }

    /// A property key as a symbol knows it.
    pub fn key(&self, key: &Key, registers: &Registers) -> PropKey {
        match key {
            Key::Name(name) => PropKey::Name(name.as_str().into()),
            Key::Private(name) => PropKey::Name(format!("#{name}").into()),
            Key::Computed(reg) => match registers[reg.index()] {
                Some(sym) => self.key_of(sym),
                None => PropKey::Any,
            },
        }
    }

    /// The same, where an object as key is turned into text first.
    fn property_key(&mut self, state: &mut State, reg: Reg, key: &Key, registers: &Registers, range: TextRange) -> PropKey {
        match *key {
            Key::Computed(computed) => match registers[computed.index()] {
                Some(sym) => {
                    let text = self.as_text(state, reg, sym, range);
                    self.key_of(text)
                }
                None => PropKey::Any,
            },
            _ => self.key(key, registers),
        }
    }

    /// What `ToString` makes of a list of constants, or of an object with a method of its own for it.
    pub fn as_text(&mut self, state: &mut State, reg: Reg, value: Sym, range: TextRange) -> Sym {
        if matches!(self.model.symbols.value(value), Value::Alloc { kind: AllocKind::Array, .. }) {
            let elements = self.exact_elements(state, value).unwrap_or_default();
            let texts: Option<Vec<Rc<str>>> = elements.iter().map(|&e| fold::constant(&self.model.symbols, e).map(|c| c.text())).collect();
            return match texts {
                Some(texts) if !texts.is_empty() => self.model.symbols.string(&texts.join(",")),
                _ => value,
            };
        }
        self.converted(state, reg, value, &TO_TEXT, range)
    }

    /// A computed key: its text if it folds, or if a merge has only one text.
    pub fn key_of(&self, sym: Sym) -> PropKey {
        match self.model.symbols.key_text(sym) {
            Some(text) => PropKey::Name(text),
            None => PropKey::Dynamic(sym),
        }
    }

    fn template(&mut self, state: &mut State, quasis: &[String], parts: Vec<Sym>, range: TextRange) -> Sym {
        let texts: Option<Vec<Rc<str>>> = parts.iter().map(|&p| fold::constant(&self.model.symbols, p).map(|c| c.text())).collect();
        if let Some(texts) = texts {
            let mut text = quasis[0].clone();
            for (part, quasi) in texts.iter().zip(&quasis[1..]) {
                text.push_str(part);
                text.push_str(quasi);
            }
            if text.len() <= limits::FOLDED_STRING_MAX {
                let sym = self.model.symbols.string(&text);
                self.note_string(sym, range);
                return sym;
            }
        }
        if self.reporting && quasis.iter().any(|quasi| quasi.len() >= 8) {
            let text = quasis.join("${}");
            self.seen.strings.insert(StringConstant { text, range, names: Vec::new() });
        }
        // Constant parts, and parts that are templates themselves, become one text with the rest.
        let mut texts: Vec<String> = vec![quasis[0].clone()];
        let mut values = Vec::new();
        let secret = parts.iter().find_map(|part| self.sensitive.get(part).cloned());
        for (part, quasi) in parts.into_iter().zip(&quasis[1..]) {
            if let Some(constant) = fold::constant(&self.model.symbols, part) {
                texts.last_mut().expect("never empty").push_str(&constant.text());
            } else if let (Value::Template(inner, inside), true) = (self.model.symbols.value(part).clone(), values.len() < 24) {
                texts.last_mut().expect("never empty").push_str(&inner[0]);
                texts.extend(inner[1..].iter().map(|t| t.to_string()));
                values.extend(inside);
            } else {
                values.push(self.shallow(state, part));
                texts.push(String::new());
            }
            texts.last_mut().expect("never empty").push_str(quasi);
        }
        let text = self.model.symbols.intern(Value::Template(texts.into_iter().map(Into::into).collect(), values));
        if let Some(secret) = secret {
            self.sensitive.entry(text).or_insert(secret);
        }
        text
    }

    /// `sym`, or an opaque stand-in for it if it is too deep to build on.
    pub fn shallow(&mut self, state: &mut State, sym: Sym) -> Sym {
        if !self.model.symbols.is_deep(sym) {
            return sym;
        }
        self.reached("depth of a value");
        let facts = self.model.facts(state, sym);
        let site = self.frame();
        let what = SiteKind::Op(Reg(u32::MAX - 1 - (sym.0 % 4096)), (sym.0 / 4096 % 256) as u8);
        let site = Rc::new(Site { ctx: site.ctx, func: site.func, what });
        self.opaque_at(site, facts, &[sym])
    }

    fn template_object(&mut self, state: &mut State, reg: Reg, quasis: &[String], raw: &[String]) -> Sym {
        let raw: Vec<Sym> = raw.iter().map(|s| self.model.symbols.string(s)).collect();
        let raw = self.array_of(state, reg, 1, &raw);
        let cooked: Vec<Sym> = quasis.iter().map(|s| self.model.symbols.string(s)).collect();
        let strings = self.array_of(state, reg, 0, &cooked);
        state.object_mut(strings).fields.insert("raw".into(), Field::Value(raw));
        strings
    }

    /// A new array with these elements.
    pub fn array_of(&mut self, state: &mut State, reg: Reg, nth: u8, elements: &[Sym]) -> Sym {
        let mut object = Object { length: Interval::point(elements.len() as f64), ..Object::new() };
        for (i, &element) in elements.iter().enumerate().take(limits::FIELDS_MAX) {
            object.fields.insert(i.to_string().into(), Field::Value(element));
        }
        if elements.len() > limits::FIELDS_MAX {
            object.rest = elements.get(limits::FIELDS_MAX).copied();
        }
        self.allocate(state, reg, nth, AllocKind::Array, object)
    }

    /// A key and its value, as iterating over entries yields them: every turn has a pair of its own.
    pub fn entry(&mut self, state: &mut State, reg: Reg, nth: u8, key: Sym, value: Sym) -> Sym {
        let pair = self.array_of(state, reg, nth, &[key, value]);
        let undefined = self.model.symbols.undefined();
        state.object_mut(pair).fields.insert(ENTRY.into(), Field::Value(undefined));
        pair
    }

    /// The entry of one turn, whose key and value are that turn's.
    fn entry_in_turn(&mut self, state: &mut State, entry: Sym, site: Rc<Site>) -> Sym {
        let SiteKind::Op(reg, nth) = site.what else { return entry };
        let parts = self.exact_elements(state, entry).unwrap_or_default();
        let parts: Vec<Sym> = parts.into_iter().map(|part| self.instance(state, part, site.clone())).collect();
        self.array_of(state, reg, nth.wrapping_add(239), &parts)
    }

    /// A new array whose elements are only known in sum.
    pub fn array_with(&mut self, state: &mut State, reg: Reg, nth: u8, element: Option<Sym>, length: Interval) -> Sym {
        let object = Object { length, rest: element, ..Object::new() };
        self.allocate(state, reg, nth, AllocKind::Array, object)
    }

    fn rest_param(&mut self, state: &mut State, reg: Reg, from: usize) -> Sym {
        let args = self.frame().args.clone();
        let list: Vec<Sym> = args.list.iter().skip(from).copied().collect();
        match args.rest {
            None => self.array_of(state, reg, 0, &list),
            Some(rest) => {
                let mut all = list;
                all.push(rest);
                let element = self.one_of(state, reg, 1, &all);
                self.array_with(state, reg, 0, Some(element), Interval::LENGTH)
            }
        }
    }

    /// `this`: what the call passed; an arrow has what its closure captured.
    pub fn this_value(&mut self) -> Sym {
        self.frame().this
    }

    fn global(&mut self, state: &mut State, name: &str, range: TextRange, reg: Reg) -> Sym {
        if self.model.created_globals_contains(name)
            && let Some(Field::Value(sym)) = self.global_field(state, name)
        {
            return sym;
        }
        match name {
            "NaN" => return self.model.symbols.number(f64::NAN),
            "Infinity" => return self.model.symbols.number(f64::INFINITY),
            "undefined" => return self.model.symbols.undefined(),
            _ => {}
        }
        let path = if builtins::GLOBAL_OBJECTS.contains(&name) { "globalThis" } else { name };
        let sym = self.model.symbols.builtin(path);
        // `Function.prototype` is a prototype, not a way to compile text.
        let only_prototype = builtins::FUNCTION_CONSTRUCTORS.contains(&path) && self.is_read_only_for(reg, "prototype");
        if !self.is_harmless_use(reg) && !only_prototype {
            let exists = state.facts.get(&sym).is_some_and(|f| !f.types.may(Types::UNDEFINED));
            let name = if name == "globalThis" { path } else { name };
            self.mention_tested(name, range, true, exists);
        }
        sym
    }

    fn global_field(&mut self, state: &State, name: &str) -> Option<Field> {
        let global = self.model.symbols.builtin("globalThis");
        state.object(global)?.fields.get(name).copied()
    }

    fn store_global(&mut self, state: &mut State, name: &str, value: Sym, range: TextRange) {
        let global = self.model.symbols.builtin("globalThis");
        state.object_mut(global).fields.insert(name.into(), Field::Value(value));
        self.model.note_created_global(name);
        if self.reporting {
            self.assign_global(name, range, "assigned without a declaration");
        }
    }

    /// An assignment to a name of the global object.
    pub fn assign_global(&mut self, name: &str, range: TextRange, how: &str) {
        if !self.reporting {
            return;
        }
        if builtins::is_context(name) || name == "__env" {
            self.seen.context_overrides.insert(ContextOverride {
                range,
                level: Level::Error,
                message: format!("`{name}` is {how}: the call's context comes from the host"),
            });
        } else {
            self.seen.created_globals.insert(name.to_owned());
            self.seen.shared_state.insert(SharedState {
                range,
                level: Level::Error,
                message: format!("`{name}` is {how}: it becomes a property of the global object and outlives the call"),
            });
        }
    }

    fn store(&mut self, state: &mut State, slot: super::ir::SlotId, value: Sym, init: bool, range: TextRange) {
        let ir = self.model.ir.clone();
        let declared = ir.slot(slot);
        if !declared.name.is_empty() {
            self.name_value(state, &declared.name, value, range);
        }
        if self.reporting && !init && declared.owner == FuncId(0) && declared.kind != SlotKind::Temporary && self.in_call() {
            self.seen.shared_state.insert(SharedState {
                range,
                level: Level::Warning,
                message: format!("the module-level variable `{}` is written during `execute`: its value outlives the call", declared.name),
            });
        }
        self.observe_kept_variable(slot, range);
        state.slots.insert(slot, value);
    }

    /// Whether the code being interpreted runs as part of a call of the entry, not while the file is loaded.
    pub fn in_call(&self) -> bool {
        self.frames.iter().any(|f| f.func != FuncId(0)) && (self.entry.is_some() || self.sweeping)
    }

    /// A variable or property with a telling name holds a value.
    pub fn name_value(&mut self, state: &State, name: &str, value: Sym, range: TextRange) {
        let Some(thing) = self.names.sensitive(name) else { return };
        // The tokens of a text are its words.
        if thing == "token" && super::leaks::is_word_of_text(self, value) {
            return;
        }
        for text in self.texts_in(state, value) {
            self.constant_names.entry(text).or_default().insert(name.to_owned());
        }
        if !self.reporting {
            return;
        }
        if super::leaks::may_be_secret_itself(self, state, value) {
            let label = name.to_owned();
            self.sensitive.entry(value).or_insert((label, range));
        }
    }

    /// The constant texts that a value may be, or that a list or table of them holds.
    pub fn texts_in(&self, state: &State, value: Sym) -> Vec<Sym> {
        let mut texts = Vec::new();
        for leaf in self.model.symbols.leaves(value) {
            match state.object(leaf) {
                _ if self.model.symbols.as_str(leaf).is_some() => texts.push(leaf),
                Some(object) => {
                    let parts = object.fields.values().filter_map(|field| if let Field::Value(part) = field { Some(*part) } else { None });
                    let held = object.rest.map(|rest| self.model.symbols.leaves(rest)).unwrap_or_default();
                    texts.extend(parts.chain(held).filter(|&part| self.model.symbols.as_str(part).is_some()));
                }
                None => {}
            }
        }
        texts
    }

    /// A value is compared with another: a constant compared with a secret is a secret.
    pub fn note_compared(&mut self, state: &State, a: Sym, b: Sym) {
        for (secret, other) in [(a, b), (b, a)] {
            if let Some(name) = self.secret_name(secret) {
                for text in self.texts_in(state, other) {
                    self.constant_names.entry(text).or_default().insert(name.clone());
                }
            }
        }
    }

    /// What a value is called, if the name is that of a secret.
    pub fn secret_name(&self, sym: Sym) -> Option<String> {
        if let Some((name, _)) = self.sensitive.get(&sym) {
            return Some(name.clone());
        }
        match self.model.symbols.value(sym) {
            Value::Prop(_, PropKey::Name(name)) if self.names.sensitive(name).is_some() => Some(name.to_string()),
            Value::Call(path, args) if matches!(&**path, "String" | "String.prototype.trim") => self.secret_name(*args.first()?),
            _ => None,
        }
    }

    /// Names are told when all are known.
    pub fn settle_strings(&mut self) {
        for mut constant in std::mem::take(&mut self.seen.strings) {
            let sym = self.model.symbols.string(&constant.text);
            constant.names = self.constant_names.get(&sym).into_iter().flatten().cloned().collect();
            self.seen.strings.insert(constant);
        }
    }

    /// A string constant stands, or is composed, here.
    pub fn note_string(&mut self, sym: Sym, range: TextRange) {
        if !self.reporting {
            return;
        }
        if let Some(text) = self.model.symbols.as_str(sym)
            && text.len() >= 8
        {
            self.seen.strings.insert(StringConstant { text: text.to_string(), range, names: Vec::new() });
        }
    }

    fn unary(&mut self, state: &mut State, reg: Reg, op: UnaryOp, a: Sym, range: TextRange) -> Sym {
        if let Some(folded) = fold::unary(&mut self.model.symbols, op, a) {
            return folded;
        }
        if matches!(op, UnaryOp::Minus) {
            self.demand_number(state, a, range, "used in arithmetic", reg);
        }
        if let Some(time) = (op == UnaryOp::Plus).then(|| refine::date_time(&self.model, state, a)).flatten() {
            return time;
        }
        let a = self.shallow(state, a);
        if op == UnaryOp::Not {
            // `!!x` keeps the truth of `x`; two negations of a condition are the condition.
            if let Value::Unary(UnaryOp::Not, inner) = *self.model.symbols.value(a)
                && matches!(self.model.symbols.value(inner), Value::Unary(UnaryOp::Not, _))
            {
                return inner;
            }
        }
        self.model.symbols.intern(Value::Unary(op, a))
    }

    fn binary(&mut self, state: &mut State, reg: Reg, op: BinaryOp, a: Sym, b: Sym, range: TextRange) -> Sym {
        use BinaryOp::*;
        if let Some(folded) = fold::binary(&mut self.model.symbols, op, a, b) {
            self.note_string(folded, range);
            return folded;
        }
        match op {
            Add => {
                let (a, b) = (self.as_text(state, reg, a, range), self.as_text(state, reg, b, range));
                if let Some(folded) = fold::binary(&mut self.model.symbols, op, a, b) {
                    self.note_string(folded, range);
                    return folded;
                }
                let (x, y) = (self.model.facts(state, a), self.model.facts(state, b));
                if x.types.only(Types::STRING) || y.types.only(Types::STRING) {
                    return self.concat(state, a, b, range);
                }
                self.demand_number(state, a, range, "used in arithmetic", reg);
                self.demand_number(state, b, range, "used in arithmetic", reg);
            }
            Sub | Mul | Div | Mod | Exp | Increment => {
                self.demand_number(state, a, range, "used in arithmetic", reg);
                self.demand_number(state, b, range, "used in arithmetic", reg);
                self.cost_of_power(state, op, a, b, range);
            }
            Less | LessEqual | Greater | GreaterEqual => {
                self.demand_order(state, a, range);
                self.demand_order(state, b, range);
            }
            ShiftLeft => self.cost_of_power(state, op, a, b, range),
            In => self.demand_searchable(state, b, range),
            Equal | NotEqual | StrictEqual | StrictNotEqual => self.note_compared(state, a, b),
            _ => {}
        }
        let date = |analyzer: &Self, state: &State, sym| refine::date_time(&analyzer.model, state, sym);
        let (a, b) = match op {
            Sub | Less | LessEqual | Greater | GreaterEqual => (date(self, state, a).unwrap_or(a), date(self, state, b).unwrap_or(b)),
            _ => (a, b),
        };
        let (a, b) = (self.shallow(state, a), self.shallow(state, b));
        self.model.symbols.intern(Value::Binary(op, a, b))
    }

    fn concat(&mut self, state: &mut State, a: Sym, b: Sym, range: TextRange) -> Sym {
        let sym = self.template(state, &[String::new(), String::new(), String::new()], vec![a, b], range);
        // A known text at either end matters for rules that look at string forms.
        sym
    }

    /// The values of the arguments; a spread array of known length is taken apart.
    pub fn arguments(&mut self, state: &mut State, reg: Reg, args: &[Arg], registers: &Registers) -> Args {
        let mut out = Args::default();
        self.spread_sources.clear();
        let ir = self.model.ir.clone();
        let func = self.frame().func;
        for (i, arg) in args.iter().enumerate() {
            let Some(sym) = registers[arg.reg.index()] else { continue };
            let range = ir.body(func).ops[arg.reg.index()].range;
            if !arg.spread {
                if let Some(rest) = out.rest {
                    out.rest = Some(self.one_of(state, reg, 20 + (i % 8) as u8, &[rest, sym]));
                } else {
                    out.list.push(sym);
                    out.ranges.push(range);
                }
                continue;
            }
            self.demand_iterable(state, sym, range, "spread");
            self.learn_found_later(state, sym);
            self.spread_sources.push(sym);
            match self.exact_elements(state, sym) {
                Some(elements) if out.rest.is_none() => {
                    out.ranges.extend(elements.iter().map(|_| range));
                    out.list.extend(elements);
                }
                _ => {
                    let element = self.element_of(state, sym, reg, 30 + (i % 8) as u8);
                    let all: Vec<Sym> = out.rest.into_iter().chain([element]).collect();
                    out.rest = Some(self.one_of(state, reg, 40 + (i % 8) as u8, &all));
                    self.cost_of_spread(state, sym, range, true);
                }
            }
        }
        out
    }

    /// All elements of an array whose length and contents are known, or the characters of a constant.
    pub fn exact_elements(&mut self, state: &State, array: Sym) -> Option<Vec<Sym>> {
        if let Some(text) = self.model.symbols.as_str(array) {
            if text.len() > 256 {
                return None;
            }
            return Some(text.chars().map(|c| self.model.symbols.string(&c.to_string())).collect());
        }
        let object = state.object(array)?;
        if let Some(Field::Value(pairs)) = object.fields.get(builtins::call::PAIRS).copied() {
            return self.exact_elements(state, pairs);
        }
        let is_array = matches!(self.model.symbols.value(array), Value::Alloc { kind: AllocKind::Array | AllocKind::Set, .. });
        if !is_array || !object.closed || object.rest.is_some() || object.length.lo != object.length.hi || object.length.hi > 256.0 {
            return None;
        }
        let undefined = self.model.symbols.undefined();
        let object = object.clone();
        Some(
            (0..object.length.hi as usize)
                .map(|i| match object.fields.get(i.to_string().as_str()) {
                    Some(Field::Value(sym)) => *sym,
                    _ => undefined,
                })
                .collect(),
        )
    }

    fn array_literal(&mut self, state: &mut State, reg: Reg, elements: &[Option<Arg>], registers: &Registers) -> Sym {
        let spread = elements.iter().flatten().any(|e| e.spread);
        if !spread {
            let undefined = self.model.symbols.undefined();
            let mut list: Vec<Sym> =
                elements.iter().map(|e| e.as_ref().and_then(|a| registers[a.reg.index()]).unwrap_or(undefined)).collect();
            for (i, element) in list.iter_mut().enumerate() {
                let site = self.site(reg, 161 + (i % 32) as u8);
                *element = self.stored_in_literal(state, *element, site);
            }
            return self.array_of(state, reg, 0, &list);
        }
        let args: Vec<Arg> = elements.iter().flatten().copied().collect();
        let before = args.iter().filter(|a| a.spread).filter_map(|a| registers[a.reg.index()]).collect::<Vec<_>>();
        let copied = if let [only] = args[..] { registers[only.reg.index()] } else { None };
        let args = self.arguments(state, reg, &args, registers);
        match args.rest {
            None => self.array_of(state, reg, 0, &args.list),
            Some(rest) => {
                let mut length = Interval::point(args.list.len() as f64);
                for sym in before {
                    let facts = self.model.facts(state, sym);
                    length = length.add(facts.length);
                }
                let mut all = args.list.clone();
                all.push(rest);
                let element = self.one_of(state, reg, 10, &all);
                let sources = std::mem::take(&mut self.spread_sources);
                let length = Interval { lo: length.lo.min(args.list.len() as f64), hi: length.hi + elements.len() as f64 };
                let joined = self.array_with(state, reg, 0, Some(element), length);
                if let Some(copied) = copied {
                    self.same_size(state, copied, joined);
                }
                if let [first, more @ ..] = &sources[..] {
                    self.derived.insert(joined, ("concat".into(), *first, more.to_vec()));
                }
                joined
            }
        }
    }

    fn object_literal(&mut self, state: &mut State, reg: Reg, properties: &[PropertyInit], registers: &Registers, range: TextRange) -> Sym {
        let mut object = Object::new();
        for (i, property) in properties.iter().enumerate() {
            match property {
                PropertyInit::Value(key, value, at) => {
                    let Some(value) = registers[value.index()] else { continue };
                    match self.key(key, registers) {
                        PropKey::Name(name) => {
                            if &*name == "__proto__" {
                                self.observe_proto_key("__proto__", *at, "written");
                            }
                            self.name_value(state, &name, value, *at);
                            let site = self.site(reg, 161 + (i % 32) as u8);
                            let value = self.stored_in_literal(state, value, site);
                            object.fields.insert(name, Field::Value(value));
                        }
                        PropKey::Dynamic(key) => {
                            if self.secret_name(key).is_some() {
                                object.fields.insert(SECRET_KEY.into(), Field::Value(key));
                            }
                            let all: Vec<Sym> = object.rest.into_iter().chain([value]).collect();
                            object.rest = Some(self.one_of(state, reg, 50 + (i % 64) as u8, &all));
                            object.length = Interval::LENGTH;
                        }
                        PropKey::Any => {}
                    }
                }
                PropertyInit::Getter(key, value, _) => {
                    if let (PropKey::Name(name), Some(value)) = (self.key(key, registers), registers[value.index()]) {
                        object.fields.insert(name, Field::Getter(value));
                    }
                }
                PropertyInit::Setter(key, value, _) => {
                    if let (PropKey::Name(name), Some(value)) = (self.key(key, registers), registers[value.index()]) {
                        object.fields.insert(setter_key(&name), Field::Value(value));
                        object.fields.entry(name).or_insert(Field::Absent);
                    }
                }
                PropertyInit::Spread(value, _) => {
                    let Some(value) = registers[value.index()] else { continue };
                    self.cost_of_pass(state, value, range);
                    self.spread_into(state, reg, i, &mut object, value);
                }
                PropertyInit::Prototype(value, at) => {
                    let Some(value) = registers[value.index()] else { continue };
                    if matches!(self.model.symbols.value(value), Value::Null) {
                        object.null_prototype = true;
                        self.observe_null_prototype(*at);
                    } else {
                        object.prototype = Some(value);
                        self.observe_proto_key("__proto__", *at, "set in an object literal");
                    }
                }
            }
        }
        if object.rest.is_none() && object.spreads.is_empty() {
            object.length = Interval::point(object.fields.len() as f64);
        }
        let _ = range;
        self.allocate(state, reg, 0, AllocKind::Object, object)
    }

    /// `{ …value }`: what is known of the own properties is copied.
    pub fn spread_into(&mut self, state: &mut State, reg: Reg, nth: usize, object: &mut Object, value: Sym) {
        for leaf in self.model.symbols.leaves(value) {
            let known = state.object(leaf).cloned();
            match known {
                Some(source) => {
                    for (key, field) in &source.fields {
                        match *field {
                            Field::Value(value) if source.uncertain => {
                                let value = self.or_earlier(state, reg, object, key, value);
                                object.fields.insert(key.clone(), Field::Value(value));
                            }
                            Field::Value(_) | Field::Getter(_) => {
                                object.fields.insert(key.clone(), *field);
                            }
                            Field::Absent => {
                                object.fields.entry(key.clone()).or_insert(Field::Absent);
                            }
                        }
                    }
                    object.rest = match (object.rest, source.rest) {
                        (Some(a), Some(b)) => Some(self.one_of(state, reg, 120 + (nth % 64) as u8, &[a, b])),
                        (a, b) => a.or(b),
                    };
                    object.spreads.extend(source.spreads.iter().copied());
                    if !source.closed {
                        object.spreads.push(source.base.unwrap_or(leaf));
                    }
                }
                None => {
                    let opaque = !self.model.symbols.is_constant(leaf);
                    if opaque {
                        // What stood there before may be overwritten by a property of the same name.
                        let names: Vec<Rc<str>> = object.fields.keys().cloned().collect();
                        for name in names {
                            if let Some(Field::Value(before)) = object.fields.get(&name).copied() {
                                let new = self.model.property_symbol(leaf, &name);
                                let both = self.one_of(state, reg, 190, &[before, new]);
                                object.fields.insert(name, Field::Value(both));
                            }
                        }
                        object.spreads.push(leaf);
                    }
                }
            }
        }
        object.length = Interval::LENGTH;
    }

    /// A property that may be absent where it is copied from leaves what stood there, or is inherited.
    fn or_earlier(&mut self, state: &mut State, reg: Reg, object: &Object, key: &Rc<str>, value: Sym) -> Sym {
        let earlier = match object.fields.get(key) {
            Some(Field::Value(earlier)) => Some(*earlier),
            _ => state.inherited(object, key),
        };
        let facts = self.model.facts(state, value);
        let Some(earlier) = earlier.filter(|_| facts.types.may(Types::UNDEFINED)) else { return value };
        let site = Site { what: SiteKind::Field(self.current_block, value, key.clone()), ..(*self.site(reg, 0)).clone() };
        let either = self.model.symbols.intern(Value::Phi(Rc::new(site)));
        self.model.symbols.add_operand(either, earlier);
        self.model.symbols.add_operand(either, value);
        let present = Facts { types: facts.types.without(Types::UNDEFINED), ..facts };
        let earlier = self.model.facts(state, earlier);
        state.learn(either, present.join(earlier));
        either
    }

    fn object_rest(&mut self, state: &mut State, reg: Reg, object: Sym, excluded: Vec<Rc<str>>) -> Sym {
        if let Some(known) = state.object(object).cloned()
            && (known.closed || !known.fields.is_empty())
        {
            let mut rest = (*known).clone();
            for key in &excluded {
                rest.fields.insert(key.clone(), Field::Absent);
            }
            if !rest.closed {
                let base = rest.base.unwrap_or(object);
                rest.spreads.push(base);
                rest.closed = true;
            }
            rest.base = None;
            return self.allocate(state, reg, 0, AllocKind::Object, rest);
        }
        match self.model.symbols.value(object).clone() {
            Value::Rest(of, mut before) => {
                before.extend(excluded);
                before.sort();
                before.dedup();
                self.model.symbols.intern(Value::Rest(of, before))
            }
            _ => self.model.symbols.intern(Value::Rest(object, excluded)),
        }
    }

    /// Begins an iteration. The iterator's symbol is the iterated value itself, wrapped, so that
    /// `next` knows what it walks over.
    fn iterate(&mut self, state: &mut State, reg: Reg, value: Sym, kind: IterateKind, range: TextRange) -> Sym {
        match kind {
            IterateKind::Of | IterateKind::AsyncOf => {
                self.demand_iterable(state, value, range, "iterated");
                self.mark_endless(state, reg, value);
            }
            IterateKind::Pattern => self.demand_iterable(state, value, range, "destructured as an array"),
            // `for (const key in null)` has no turn, and does no harm.
            IterateKind::In => self.demand(state, value, Types::OBJECTS | Types::FUNCTION, range, "walked over by its keys", "object"),
        }
        let path = match kind {
            IterateKind::In => "[[for-in]]",
            IterateKind::AsyncOf => "[[for-await]]",
            IterateKind::Of | IterateKind::Pattern => "[[for-of]]",
        };
        self.model.symbols.intern(Value::Call(path.into(), vec![value]))
    }

    /// What an iterator walks over.
    pub fn iterated(&self, iterator: Sym) -> Sym {
        match self.model.symbols.value(iterator) {
            Value::Call(path, args) if path.starts_with("[[for") => args[0],
            _ => iterator,
        }
    }

    /// Whether an iteration certainly has no turn.
    pub fn is_empty_iteration(&mut self, state: &State, iterator: Sym) -> bool {
        let of = self.iterated(iterator);
        matches!(self.exact_elements(state, of), Some(elements) if elements.is_empty())
            && state.object(of).is_some_and(|o| o.spreads.is_empty())
    }

    fn next(&mut self, state: &mut State, reg: Reg, iterator: Sym) -> OpResult {
        let of = self.iterated(iterator);
        let site = self.site(reg, 0);
        state.forget_turn(&mut self.model, &site);
        let Value::Call(path, _) = self.model.symbols.value(iterator).clone() else {
            return self.opaque(reg, 0, Facts::ANY, &[iterator]).into();
        };
        if &*path == "[[for-in]]" {
            return self.key_in_turn(state, reg, of, site).into();
        }
        let element = self.element_of(state, of, reg, 0);
        let element = if &*path == "[[for-await]]" { self.awaited(state, reg, element) } else { element };
        self.instance(state, element, site).into()
    }

    /// One turn's value of what `element` summarises. Constants and objects stay what they are.
    pub fn instance(&mut self, state: &mut State, element: Sym, site: Rc<Site>) -> Sym {
        if self.model.symbols.is_constant(element) {
            return element;
        }
        match self.model.symbols.value(element) {
            Value::Alloc { .. } if state.object(element).is_some_and(|o| o.fields.contains_key(ENTRY)) => {
                self.entry_in_turn(state, element, site)
            }
            Value::Closure(..) | Value::Builtin(_) | Value::Class(_) | Value::Alloc { .. } => element,
            Value::Phi(_) => {
                // A merge of objects keeps its identity, so that their properties stay reachable.
                let leaves = self.model.symbols.leaves(element);
                let objects = leaves
                    .iter()
                    .any(|&l| matches!(self.model.symbols.value(l), Value::Alloc { .. } | Value::Closure(..) | Value::Builtin(_)));
                if objects { element } else { self.model.symbols.intern(Value::Instance(element, Which::Turn(site))) }
            }
            _ => self.model.symbols.intern(Value::Instance(element, Which::Turn(site))),
        }
    }

    /// A key of `object` in one turn of `for … in` or a walk over its keys.
    pub fn key_in_turn(&mut self, state: &mut State, reg: Reg, object: Sym, site: Rc<Site>) -> Sym {
        if let Some(known) = state.object(object).cloned()
            && known.closed
            && known.rest.is_none()
            && known.spreads.is_empty()
            && known.fields.len() <= 64
        {
            let names: Vec<Rc<str>> = known.fields.iter().filter(|(_, f)| !matches!(f, Field::Absent)).map(|(k, _)| k.clone()).collect();
            let names: Vec<Sym> = names.iter().map(|n| self.model.symbols.string(n)).collect();
            if !names.is_empty() {
                let key = self.one_of(state, reg, 60, &names);
                return match self.model.symbols.value(key) {
                    Value::Phi(_) => self.model.symbols.intern(Value::Instance(key, Which::Turn(site))),
                    _ => key,
                };
            }
        }
        let keys = self.model.symbols.intern(Value::KeyOf(object));
        self.model.symbols.intern(Value::Instance(keys, Which::Turn(site)))
    }

    /// Whether the result of `reg` is only asked about, not used: compared, `typeof`, `instanceof`,
    /// or read for its name.
    pub fn is_harmless_use(&self, reg: Reg) -> bool {
        let uses = self.uses_of(reg);
        !uses.is_empty() && uses.iter().all(|&(user, _)| self.asks_only(user, reg))
    }

    fn asks_only(&self, user: Reg, reg: Reg) -> bool {
        match &self.op(user).kind {
            OpKind::Unary(UnaryOp::Typeof, _) => true,
            OpKind::Binary(BinaryOp::InstanceOf, _, b) => *b == reg,
            OpKind::Binary(op, ..) => {
                matches!(op, BinaryOp::StrictEqual | BinaryOp::StrictNotEqual | BinaryOp::Equal | BinaryOp::NotEqual)
            }
            OpKind::Get { object, key: Key::Name(name), .. } => *object == reg && matches!(name.as_str(), "name" | "length"),
            _ => false,
        }
    }

    /// Whether only the property `key` is ever read of the result of `reg`.
    fn is_read_only_for(&self, reg: Reg, key: &str) -> bool {
        let uses = self.uses_of(reg);
        let reads =
            |user: Reg| matches!(&self.op(user).kind, OpKind::Get { object, key: Key::Name(name), .. } if *object == reg && name == key);
        !uses.is_empty() && uses.iter().all(|&(user, _)| reads(user))
    }

    /// Operations of the current function that use the register, with whether they call it.
    pub fn uses_of(&self, reg: Reg) -> Vec<(Reg, bool)> {
        let func = self.frame().func;
        self.graphs[func.index()]
            .users(reg)
            .iter()
            .map(|&user| (user, matches!(&self.op(user).kind, OpKind::Call { callee, .. } if *callee == reg)))
            .collect()
    }

    /// Whether the register is only used as the callee of a method call.
    pub fn is_only_called(&self, reg: Reg) -> bool {
        let uses = self.uses_of(reg);
        !uses.is_empty() && uses.iter().all(|(_, called)| *called)
    }
}
