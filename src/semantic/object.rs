//! Properties: what reading, writing and deleting one gives and does.

use std::rc::Rc;

use super::builtins;
use super::capture::Environment;
use super::choice::Choice;
use super::eval::{OpResult, Registers};
use super::facts::{Facts, Interval, Types};
use super::flow::{Analyzer, Args};
use super::ir::{Arg, BinaryOp, ClassId, FuncId, Key, MemberKind, OpKind, Reg};
use super::limits;
use super::loops::Change;
use super::model::is_turn;
use super::observe::{ContextOverride, Mention, NativeWrite, ProtoKey, PrototypeForm, PrototypeUse, SharedState};
use super::refine;
use super::state::{Field, Object, State};
use super::symbol::{AllocKind, PropKey, SIZE, SiteKind, Sym, Value, Which};
use crate::finding::Level;
use crate::source::TextRange;

/// Keys of the legacy accessor methods.
pub const LEGACY_ACCESSORS: [&str; 4] = ["__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"];

/// Built-ins whose mention alone is worth a rule's look, when reached otherwise than by name.
fn is_notable(path: &str) -> bool {
    path == "eval" || builtins::FUNCTION_CONSTRUCTORS.contains(&path)
}

impl Analyzer<'_> {
    /// Notes that the program took hold of a built-in.
    pub fn mention(&mut self, path: &str, range: TextRange, is_global_name: bool) {
        self.mention_tested(path, range, is_global_name, false);
    }

    /// The same; whether a test before it has shown that the global exists.
    pub fn mention_tested(&mut self, path: &str, range: TextRange, is_global_name: bool, is_tested: bool) {
        if self.reporting {
            self.seen.mentions.insert(Mention { path: path.to_owned(), range, is_global_name, is_tested });
        }
    }

    /// `object[key]` as an operation: demands, observations, the value.
    pub fn read(&mut self, state: &mut State, reg: Reg, object: Sym, key: PropKey, range: TextRange, only_called: bool) -> OpResult {
        let is_index = matches!(key, PropKey::Dynamic(_));
        self.demand_read(state, object, range, is_index, only_called);
        if let PropKey::Dynamic(name) = key {
            self.note_descent(state, object, name);
        }
        let value = self.get(state, reg, object, &key);
        if let PropKey::Name(name) = &key {
            self.observe_read(reg, object, name, value, range);
            if self.reporting {
                self.observe_identity(reg, name, value, range);
            }
        } else if self.reporting {
            self.observe_dynamic_read(state, reg, object, &key, range);
        }
        if !only_called {
            self.survived(state, object);
        }
        self.run_getters(state, reg, object, value, range)
    }

    /// Reading a property did not throw: the object is there.
    pub fn survived(&mut self, state: &mut State, object: Sym) {
        let present = self.model.facts(state, object);
        if present.types.may(Types::NULLISH) && self.model.symbols.leaves(object).len() == 1 {
            state.learn(object, present.meet(Facts::of(!Types::NULLISH)));
        }
    }

    /// If the value read is an accessor's function, its result.
    fn run_getters(&mut self, state: &mut State, reg: Reg, object: Sym, value: Sym, range: TextRange) -> OpResult {
        let Value::Bound { target, args, .. } = self.model.symbols.value(value).clone() else { return value.into() };
        let is_getter = args.first().is_some_and(|&mark| self.model.symbols.as_str(mark).as_deref() == Some("[[get]]"));
        if !is_getter {
            return value.into();
        }
        self.call(state, reg, 3, target, object, Args::default(), range)
    }

    /// What a value may be here: objects that are made on another way through the program do not exist.
    fn existing(&self, state: &State, sym: Sym) -> Vec<Sym> {
        let leaves = self.model.symbols.leaves(sym);
        let exists = |leaf: &&Sym| !matches!(self.model.symbols.value(**leaf), Value::Alloc { .. }) || state.heap.contains_key(*leaf);
        match leaves.iter().filter(exists).count() {
            0 => leaves,
            some if some == leaves.len() => leaves,
            _ => leaves.iter().filter(exists).copied().collect(),
        }
    }

    /// The value of a property, whatever the object is one of.
    pub fn get(&mut self, state: &mut State, reg: Reg, object: Sym, key: &PropKey) -> Sym {
        if let PropKey::Dynamic(sym) = key
            && !self.is_counter(state, *sym)
            && let Some(names) = self.key_texts(*sym)
            && names.len() <= 8
        {
            let values: Vec<Sym> = names.into_iter().map(|n| self.get(state, reg, object, &PropKey::Name(n))).collect();
            let all_same = values.windows(2).all(|w| w[0] == w[1]);
            if all_same {
                return values[0];
            }
            let merged = self.model.symbols.intern(Value::Prop(object, key.clone()));
            values.iter().for_each(|&v| self.model.symbols.add_operand(merged, v));
            return merged;
        }
        let leaves = self.existing(state, object);
        if leaves.len() <= 1 {
            return self.get_one(state, reg, leaves.first().copied().unwrap_or(object), key);
        }
        let types = self.types_of(state, object);
        let mut values = Vec::new();
        for leaf in leaves {
            // What was found out of the object tells which of them it is not.
            let is_other = !self.types_of(state, leaf).may(types);
            if !is_other && !matches!(self.model.symbols.value(leaf), Value::Undefined | Value::Null) {
                values.push(self.get_one(state, reg, leaf, key));
            }
        }
        values.sort();
        values.dedup();
        let plain = |analyzer: &Self, v: Sym| {
            analyzer.model.symbols.is_constant(v)
                || matches!(
                    analyzer.model.symbols.value(v),
                    Value::Alloc { .. } | Value::Closure(..) | Value::Builtin(_) | Value::Bound { .. } | Value::Class(_)
                )
        };
        match values[..] {
            [] => self.model.symbols.undefined(),
            [only] if plain(self, only) => only,
            _ => {
                let merged = self.model.symbols.intern(Value::Prop(object, key.clone()));
                values.iter().for_each(|&v| self.model.symbols.add_operand(merged, v));
                merged
            }
        }
    }

    /// Whether a number is merged at the header of a loop: it stands for more values than were seen so far.
    fn is_counter(&mut self, state: &State, sym: Sym) -> bool {
        let Value::Phi(site) = self.model.symbols.value(sym) else { return false };
        let SiteKind::Slot(block, _) = site.what else { return false };
        let cfg = self.graphs[site.func.index()].clone();
        block.index() < self.model.ir.body(site.func).blocks.len()
            && cfg.is_header(block)
            && self.model.facts(state, sym).types.only(Types::NUMERIC)
    }

    /// The texts a computed key may be, if all are known.
    pub fn key_texts(&self, sym: Sym) -> Option<Vec<Rc<str>>> {
        let inner = match self.model.symbols.value(sym) {
            Value::Instance(of, _) => *of,
            _ => sym,
        };
        self.model.symbols.leaves(inner).into_iter().map(|leaf| self.model.symbols.key_text(leaf)).collect()
    }

    fn get_one(&mut self, state: &mut State, reg: Reg, object: Sym, key: &PropKey) -> Sym {
        match key {
            PropKey::Name(name) => self.get_named(state, object, name, 0),
            PropKey::Dynamic(_) | PropKey::Any => self.get_dynamic(state, reg, object, key),
        }
    }

    /// What an object has under a name, accessors apart.
    pub fn property_of(&mut self, state: &mut State, object: Sym, name: &Rc<str>) -> Sym {
        self.get_named(state, object, name, 0)
    }

    fn get_named(&mut self, state: &mut State, object: Sym, name: &Rc<str>, depth: u32) -> Sym {
        let undefined = self.model.symbols.undefined();
        if depth > 8 {
            return undefined;
        }
        if depth == 0 {
            self.spread_through.clear();
        }
        self.model.work += 1;
        if let Some(known) = state.object(object).cloned() {
            match known.fields.get(name) {
                Some(Field::Value(value)) => return *value,
                Some(Field::Getter(function)) => {
                    let mark = self.model.symbols.string("[[get]]");
                    return self.model.symbols.intern(Value::Bound { target: *function, this: object, args: vec![mark] });
                }
                Some(Field::Absent) => {
                    return match known.spreads.is_empty() {
                        _ if known.rest.is_none() => undefined,
                        true => known.rest.unwrap_or(undefined),
                        false => undefined,
                    };
                }
                None => {}
            }
            if known.closed {
                return self.get_inherited(state, object, &known, name, depth);
            }
            if let Some(base) = known.base {
                return self.model.symbols.intern(Value::Prop(base, PropKey::Name(name.clone())));
            }
        }
        self.get_untracked(state, object, name)
    }

    /// A property that the object itself does not list.
    fn get_inherited(&mut self, state: &mut State, object: Sym, known: &Object, name: &Rc<str>, depth: u32) -> Sym {
        if &**name == "__proto__" {
            return self.prototype_of(state, object);
        }
        let is_index = name.bytes().all(|b| b.is_ascii_digit());
        if &**name == "length" && matches!(self.model.symbols.value(object), Value::Alloc { kind: AllocKind::Array, .. }) {
            if known.length.lo == known.length.hi {
                return self.model.symbols.number(known.length.lo);
            }
            return self.model.symbols.intern(Value::Prop(object, PropKey::Name(name.clone())));
        }
        let has_size = matches!(self.model.symbols.value(object), Value::Alloc { kind: AllocKind::Map | AllocKind::Set, .. });
        if &**name == "size" && has_size {
            return self.model.symbols.intern(Value::Prop(object, PropKey::Name(name.clone())));
        }
        if let Some(&spread) = known.spreads.last() {
            let value = self.get_named(state, spread, name, depth + 1);
            return match known.spreads[..] {
                [_] => value,
                _ => {
                    let merged = self.model.symbols.intern(Value::Prop(object, PropKey::Name(name.clone())));
                    // Objects that were spread into each other lead back here.
                    if self.spread_through.contains(&merged) {
                        return merged;
                    }
                    self.spread_through.push(merged);
                    for &spread in &known.spreads {
                        let value = self.get_named(state, spread, name, depth + 1);
                        self.model.symbols.add_operand(merged, value);
                    }
                    merged
                }
            };
        }
        let is_plain = matches!(self.model.symbols.value(object), Value::Alloc { kind: AllocKind::Object | AllocKind::Array, .. });
        if let (Some(rest), true) = (known.rest, is_plain)
            && (builtins::method(self.types_of(state, object), name).is_none() || is_index)
        {
            let key = PropKey::Name(name.clone());
            let is_element = is_index && matches!(self.model.symbols.value(object), Value::Alloc { kind: AllocKind::Array, .. });
            let rest = if is_element { self.element_at(rest, &key) } else { rest };
            let merged = self.model.symbols.intern(Value::Prop(object, key));
            self.model.symbols.add_operand(merged, rest);
            // As with an array of the input: a constant index is not doubted.
            if !is_element {
                let undefined = self.model.symbols.undefined();
                self.model.symbols.add_operand(merged, undefined);
            }
            return merged;
        }
        match known.prototype {
            Some(prototype) => self.get_from_prototype(state, object, prototype, name, depth),
            None if known.null_prototype => self.model.symbols.undefined(),
            None => match self.get_untracked_member(state, object, name) {
                Some(member) => member,
                None => self.model.symbols.undefined(),
            },
        }
    }

    fn get_from_prototype(&mut self, state: &mut State, object: Sym, prototype: Sym, name: &Rc<str>, depth: u32) -> Sym {
        if let Value::Class(class) = *self.model.symbols.value(prototype) {
            if &**name == "constructor" {
                return prototype;
            }
            return match self.class_member(state, class, name, false, depth) {
                Some(member) => member,
                None => self.get_untracked_member(state, object, name).unwrap_or_else(|| self.model.symbols.undefined()),
            };
        }
        let inherited = self.get_named(state, prototype, name, depth + 1);
        let found = !matches!(self.model.symbols.value(inherited), Value::Undefined | Value::Prop(..));
        if found {
            return inherited;
        }
        self.get_untracked_member(state, object, name).unwrap_or(inherited)
    }

    /// A method, getter or static member of a class of the file, through `extends`.
    pub fn class_member(&mut self, state: &mut State, class: ClassId, name: &str, is_static: bool, depth: u32) -> Option<Sym> {
        let ir = self.model.ir.clone();
        for member in ir.classes[class.index()].members.iter().rev() {
            let named = match &member.key {
                Key::Name(own) => own == name,
                Key::Private(own) => name.strip_prefix('#') == Some(own),
                Key::Computed(_) => false,
            };
            if !named || member.is_static != is_static {
                continue;
            }
            match member.kind {
                MemberKind::Method(func) => return Some(self.model.symbols.intern(Value::Closure(func, None, Environment::default()))),
                MemberKind::Getter(func) => {
                    let target = self.model.symbols.intern(Value::Closure(func, None, Environment::default()));
                    let this = self.model.symbols.undefined();
                    let mark = self.model.symbols.string("[[get]]");
                    return Some(self.model.symbols.intern(Value::Bound { target, this, args: vec![mark] }));
                }
                MemberKind::Setter(_) | MemberKind::Field(_) | MemberKind::StaticBlock(_) => {}
            }
        }
        let own = self.model.symbols.intern(Value::Class(class));
        if let (false, Some(Field::Value(member))) = (is_static, state.object(own)?.fields.get(&member_key(name))) {
            return Some(*member);
        }
        let parent = match state.object(own)?.fields.get("[[parent]]") {
            Some(Field::Value(parent)) => *parent,
            _ => return None,
        };
        match *self.model.symbols.value(parent) {
            Value::Class(parent) if depth < 8 => self.class_member(state, parent, name, is_static, depth + 1),
            _ => None,
        }
    }

    /// A property of something whose contents are not tracked.
    fn get_untracked(&mut self, state: &mut State, object: Sym, name: &Rc<str>) -> Sym {
        if let Some(member) = self.get_untracked_member(state, object, name) {
            return member;
        }
        if let Value::Rest(of, excluded) = self.model.symbols.value(object).clone() {
            if excluded.contains(name) {
                return self.model.symbols.undefined();
            }
            return self.get_named(state, of, name, 1);
        }
        self.model.symbols.intern(Value::Prop(object, PropKey::Name(name.clone())))
    }

    fn types_of(&mut self, state: &State, sym: Sym) -> Types {
        self.model.facts(state, sym).types
    }

    /// Members that follow from what the object is: of built-ins, functions, strings, and methods by type.
    fn get_untracked_member(&mut self, state: &mut State, object: Sym, name: &Rc<str>) -> Option<Sym> {
        let is_module = self.model.symbols.as_builtin(object) == Some("module");
        match &**name {
            "constructor" if !is_module => return Some(self.constructor_of(state, object)),
            "__proto__" => return Some(self.prototype_of(state, object)),
            _ => {}
        }
        match self.model.symbols.value(object).clone() {
            Value::Builtin(path) if path.starts_with("import:") => None,
            Value::Builtin(path) if &*path == "__env" || builtins::is_context(&path) && &**name != "length" => {
                if builtins::is_context(&path) {
                    return builtins::method(Types::STRING, name).map(|p| self.model.symbols.builtin(&p));
                }
                None
            }
            Value::Builtin(path) if &*path == "module" && matches!(&**name, "require" | "constructor" | "parent" | "children") => {
                Some(self.model.symbols.builtin("require"))
            }
            Value::Builtin(path) if &*path == "module" && &**name == "exports" => Some(self.model.symbols.builtin("module.exports")),
            Value::Builtin(path) if is_exports(&path) => None,
            Value::Builtin(path) => Some(builtins::member(&mut self.model.symbols, &path, name)),
            Value::Closure(func, ..) => match &**name {
                "call" | "apply" | "bind" | "toString" => Some(self.model.symbols.builtin(&format!("Function.prototype.{name}"))),
                "name" => {
                    let text = self.model.ir.body(func).name.clone();
                    Some(self.model.symbols.string(&text))
                }
                "length" => {
                    let count = self.model.ir.body(func).params.len();
                    Some(self.model.symbols.number(count as f64))
                }
                _ => None,
            },
            Value::Bound { .. } => match &**name {
                "call" | "apply" | "bind" => Some(self.model.symbols.builtin(&format!("Function.prototype.{name}"))),
                _ => None,
            },
            Value::Class(class) => match self.class_member(state, class, name, true, 0) {
                Some(member) => Some(member),
                None if &**name == "name" => {
                    let text = self.model.ir.classes[class.index()].name.clone();
                    Some(self.model.symbols.string(&text))
                }
                None => None,
            },
            Value::Str(text) if &**name == "length" => Some(self.model.symbols.number(text.encode_utf16().count() as f64)),
            Value::Str(text) if name.bytes().all(|b| b.is_ascii_digit()) => {
                let at: usize = name.parse().ok()?;
                let unit = text.encode_utf16().nth(at)?;
                Some(self.model.symbols.string(&String::from_utf16_lossy(&[unit])))
            }
            Value::Regex { pattern, flags } => match &**name {
                "source" => Some(self.model.symbols.string(&pattern)),
                "flags" => Some(self.model.symbols.string(&flags)),
                _ => builtins::method(Types::REGEXP, name).map(|p| self.model.symbols.builtin(&p)),
            },
            Value::Alloc { kind: AllocKind::Iterator, .. } if let Some(path) = builtins::iterator_method(name) => {
                Some(self.model.symbols.builtin(&path))
            }
            _ => {
                let types = self.types_of(state, object);
                let inherited = builtins::method(types, name)?;
                Some(self.model.symbols.builtin(&inherited))
            }
        }
    }

    /// What `x.constructor` is.
    pub fn constructor_of(&mut self, state: &State, object: Sym) -> Sym {
        let path = match self.model.symbols.value(object).clone() {
            Value::Closure(func, ..) => {
                let kind = self.model.ir.body(func).kind;
                match (kind.is_async, kind.is_generator) {
                    (false, false) => "Function",
                    (true, false) => "AsyncFunction",
                    (false, true) => "GeneratorFunction",
                    (true, true) => "AsyncGeneratorFunction",
                }
            }
            Value::Builtin(path) => {
                let path = path.to_string();
                return builtins::member(&mut self.model.symbols, &path, "constructor");
            }
            Value::Prop(_, PropKey::Name(name)) if &*name == "constructor" => "Function",
            Value::Alloc { kind: AllocKind::Error, .. } => "Error",
            _ => {
                let types = self.types_of(state, object).without(Types::NULLISH);
                let table = [
                    (Types::FUNCTION, "Function"),
                    (Types::STRING, "String"),
                    (Types::NUMERIC, "Number"),
                    (Types::BOOLEAN, "Boolean"),
                    (Types::BIGINT, "BigInt"),
                    (Types::SYMBOL, "Symbol"),
                    (Types::ARRAY, "Array"),
                    (Types::REGEXP, "RegExp"),
                    (Types::MAP, "Map"),
                    (Types::SET, "Set"),
                    (Types::PROMISE, "Promise"),
                    (Types::OBJECT, "Object"),
                ];
                match table.iter().find(|(of, _)| types.only(*of)) {
                    Some((_, path)) => path,
                    None if types.only(Types::DATE | Types::NAN) => "Date",
                    None => return self.model.symbols.intern(Value::Prop(object, PropKey::Name("constructor".into()))),
                }
            }
        };
        self.model.symbols.builtin(path)
    }

    /// What `Object.getPrototypeOf(x)` is.
    pub fn prototype_of(&mut self, state: &State, object: Sym) -> Sym {
        if let Some(path) = self.model.symbols.as_builtin(object)
            && path.ends_with(".prototype")
        {
            return self.model.symbols.builtin("Object.prototype");
        }
        if let Value::Prop(class, PropKey::Name(name)) = self.model.symbols.value(object).clone()
            && &*name == "prototype"
            && let Some(Field::Value(parent)) = state.object(class).and_then(|o| o.fields.get("[[parent]]").copied())
            && let Some(path) = self.model.symbols.as_builtin(parent)
        {
            let path = format!("{path}.prototype");
            return self.model.symbols.builtin(&path);
        }
        if let Some(prototype) = state.object(object).and_then(|o| o.prototype) {
            return match self.model.symbols.value(prototype) {
                Value::Class(_) => self.model.symbols.intern(Value::Prop(prototype, PropKey::Name("prototype".into()))),
                _ => prototype,
            };
        }
        let constructor = self.constructor_of(state, object);
        match self.model.symbols.as_builtin(constructor) {
            Some(path) => {
                let path = format!("{path}.prototype");
                self.model.symbols.builtin(&path)
            }
            None => self.model.symbols.intern(Value::Prop(object, PropKey::Name("__proto__".into()))),
        }
    }

    fn get_dynamic(&mut self, state: &mut State, reg: Reg, object: Sym, key: &PropKey) -> Sym {
        if let Some(known) = state.object(object).cloned() {
            let is_array = matches!(self.model.symbols.value(object), Value::Alloc { kind: AllocKind::Array, .. });
            let mut values: Vec<Sym> = Vec::new();
            for (name, field) in &known.fields {
                let counts = !is_array || name.bytes().all(|b| b.is_ascii_digit());
                if let (Field::Value(value) | Field::Getter(value), true) = (field, counts) {
                    values.push(*value);
                }
            }
            values.extend(known.rest);
            for &spread in &known.spreads {
                values.push(self.model.symbols.intern(Value::Prop(spread, key.clone())));
            }
            if known.closed {
                return self.pick(state, object, key, &values, is_array);
            }
            if values.is_empty() {
                let base = known.base.unwrap_or(object);
                return self.model.symbols.intern(Value::Prop(base, key.clone()));
            }
            let own = self.model.symbols.intern(Value::Prop(known.base.unwrap_or(object), PropKey::Any));
            values.push(own);
            return self.pick(state, object, key, &values, is_array);
        }
        if let Value::Rest(of, _) = *self.model.symbols.value(object) {
            return self.get_dynamic(state, reg, of, key);
        }
        self.model.symbols.intern(Value::Prop(object, key.clone()))
    }

    /// One of a tracked object's values, chosen by a key.
    fn pick(&mut self, state: &mut State, object: Sym, key: &PropKey, values: &[Sym], is_array: bool) -> Sym {
        let merged = self.model.symbols.intern(Value::Prop(object, key.clone()));
        for &value in values {
            let value = if is_array { self.element_at(value, key) } else { value };
            self.model.symbols.add_operand(merged, value);
        }
        // The element of an array that a loop indexes is there; a table may not have the key.
        let listed = match key {
            PropKey::Dynamic(k) => {
                let of_key = self.model.facts(state, *k);
                of_key.listed || of_key.types.only(Types::NUMBER) && is_array || self.is_key_of(*k, object)
            }
            _ => false,
        };
        // What a plain object has not got itself is inherited.
        let inherits = !is_array
            && matches!(self.model.symbols.value(object), Value::Alloc { kind: AllocKind::Object, .. })
            && matches!(key, PropKey::Dynamic(_))
            && state.object(object).is_some_and(|known| !known.null_prototype);
        if !listed && (inherits || !values.is_empty()) {
            let undefined = self.model.symbols.undefined();
            self.model.symbols.add_operand(merged, undefined);
        }
        if values.is_empty() && (listed || !inherits) { self.model.symbols.undefined() } else { merged }
    }

    /// The one at that place of the input's values that `element` stands for: what is found out of it is not
    /// known of the others.
    fn element_at(&mut self, element: Sym, key: &PropKey) -> Sym {
        let stands_for_all = matches!(self.model.symbols.value(element), Value::Prop(_, PropKey::Any)) && self.model.is_of_input(element);
        let at = match key {
            _ if !stands_for_all => return element,
            PropKey::Dynamic(at) => *at,
            PropKey::Name(name) => self.model.symbols.string(name),
            PropKey::Any => return element,
        };
        self.model.symbols.intern(Value::Instance(element, Which::Index(at)))
    }

    /// What the elements of an array, or what an iteration over a value yields, may be.
    pub fn element_of(&mut self, state: &mut State, of: Sym, reg: Reg, nth: u8) -> Sym {
        if let Some(choice) = state.choices.get(&of).cloned()
            && choice.alternatives.iter().all(|a| a.value != of)
        {
            return self.element_of_any(state, of, &choice, reg, nth);
        }
        let leaves = self.model.symbols.leaves(of);
        let mut elements = Vec::new();
        for leaf in leaves {
            if let Some(text) = self.model.symbols.as_str(leaf) {
                let chars: std::collections::BTreeSet<char> = text.chars().take(64).collect();
                elements.extend(chars.into_iter().map(|c| self.model.symbols.string(&c.to_string())).collect::<Vec<_>>());
                continue;
            }
            if matches!(self.model.symbols.value(leaf), Value::Undefined | Value::Null) {
                continue;
            }
            match state.object(leaf).cloned() {
                Some(known) if known.closed && matches!(self.model.symbols.value(leaf), Value::Alloc { kind: AllocKind::Map, .. }) => {
                    let undefined = self.model.symbols.undefined();
                    let key = match known.fields.get("[[key]]") {
                        Some(Field::Value(key)) => *key,
                        _ => undefined,
                    };
                    elements.push(self.entry(state, reg, 238, key, known.rest.unwrap_or(undefined)));
                }
                Some(known) if known.closed => {
                    let is_list = matches!(
                        self.model.symbols.value(leaf),
                        Value::Alloc { kind: AllocKind::Array | AllocKind::Set | AllocKind::Map | AllocKind::Iterator, .. }
                    );
                    for (name, field) in &known.fields {
                        if let (Field::Value(value), true) = (field, is_list && name.bytes().all(|b| b.is_ascii_digit())) {
                            elements.push(*value);
                        }
                    }
                    elements.extend(known.rest);
                    for &spread in &known.spreads {
                        elements.push(self.model.symbols.intern(Value::Prop(spread, PropKey::Any)));
                    }
                    if !is_list {
                        elements.extend(self.iterator_method_elements(state, leaf, reg));
                    }
                }
                known => {
                    let base = known.as_ref().and_then(|k| k.base).unwrap_or(leaf);
                    let any = self.model.symbols.intern(Value::Prop(base, PropKey::Any));
                    elements.push(any);
                    elements.extend(known.and_then(|k| k.rest));
                }
            }
        }
        if elements.is_empty() {
            return self.model.symbols.undefined();
        }
        if elements.len() == 1 {
            return elements[0];
        }
        self.one_of(state, reg, 200 + nth % 16, &elements)
    }

    /// Elements of one of several lists: of each with what is known if it is that one.
    fn element_of_any(&mut self, state: &mut State, of: Sym, choice: &Choice, reg: Reg, nth: u8) -> Sym {
        let mut elements = Vec::new();
        for alternative in &choice.alternatives {
            let Some(mut supposed) = self.supposing(state, of, alternative.value) else { continue };
            let is_nothing = matches!(self.model.symbols.value(alternative.value), Value::Undefined | Value::Null);
            let is_empty = self.model.facts(&supposed, alternative.value).length.hi == 0.0;
            if !(is_nothing || is_empty && state.object(alternative.value).is_some()) {
                let element = self.element_of(&mut supposed, alternative.value, reg, nth);
                elements.push((element, supposed));
            }
        }
        match &elements[..] {
            [] => self.model.symbols.undefined(),
            // If there is an element at all, then it is one of that list.
            [(element, supposed)] => {
                let element = *element;
                let about: Vec<Sym> = supposed.facts.keys().copied().filter(|&s| self.model.symbols.parts(s).contains(&element)).collect();
                for sym in about {
                    let facts = self.model.facts(supposed, sym);
                    let known = self.model.facts(state, sym);
                    state.learn(sym, known.meet(facts));
                }
                element
            }
            _ => {
                let mut kept = Vec::new();
                for (i, (element, supposed)) in elements.into_iter().enumerate() {
                    let site = self.site(reg, 168 + (nth % 4) * 8 + (i % 8) as u8);
                    let tells_more = self.model.facts(&supposed, element) != self.model.facts(state, element)
                        || !supposed.facts.ptr_eq(&state.facts) && !self.model.symbols.properties(element).is_empty();
                    kept.push(match self.model.symbols.value(element) {
                        Value::Prop(..) | Value::Instance(..) if tells_more => self.model.keep_as(&supposed, element, element, site),
                        _ => element,
                    });
                }
                self.one_of(state, reg, 200 + nth % 16, &kept)
            }
        }
    }

    /// The state in which `sym`, which may be one of several values, is `value`.
    pub fn supposing(&mut self, state: &State, sym: Sym, value: Sym) -> Option<State> {
        let mut supposed = state.clone();
        refine::suppose(&mut self.model, &mut supposed, sym, &mut |_, _, one| one == value).then_some(supposed)
    }

    /// Elements of an object with a `[Symbol.iterator]` of its own, if it is a generator method.
    fn iterator_method_elements(&mut self, state: &mut State, object: Sym, reg: Reg) -> Option<Sym> {
        let method = self.get_named(state, object, &"@@iterator".into(), 0);
        let Value::Closure(func, ..) = *self.model.symbols.value(method) else { return None };
        if !self.model.ir.body(func).kind.is_generator {
            return None;
        }
        let range = self.op(reg).range;
        let result = self.call(state, reg, 5, method, object, Args::default(), range).value?;
        state.object(result).and_then(|o| o.rest)
    }

    /// An element of a pattern.
    pub fn read_element(&mut self, state: &mut State, reg: Reg, of: Sym, key: PropKey) -> OpResult {
        if let Some(elements) = self.exact_elements(state, of) {
            let PropKey::Name(name) = &key else { return self.get(state, reg, of, &key).into() };
            let at: usize = name.parse().unwrap_or(0);
            return elements.get(at).copied().unwrap_or_else(|| self.model.symbols.undefined()).into();
        }
        let is_list = self.model.symbols.leaves(of).iter().any(|&l| {
            matches!(self.model.symbols.value(l), Value::Alloc { kind: AllocKind::Map | AllocKind::Set | AllocKind::Iterator, .. })
        });
        if is_list { self.element_of(state, of, reg, 0).into() } else { self.get(state, reg, of, &key).into() }
    }

    /// `of.slice(from)` as an array pattern's rest makes it.
    pub fn slice_array(&mut self, state: &mut State, reg: Reg, of: Sym, from: Sym) -> Sym {
        if let (Some(elements), Some(from)) = (self.exact_elements(state, of), self.model.symbols.as_number(from)) {
            let rest: Vec<Sym> = elements.into_iter().skip(from.max(0.0) as usize).collect();
            return self.array_of(state, reg, 0, &rest);
        }
        let element = self.element_of(state, of, reg, 0);
        let length = self.model.facts(state, of).length;
        let rest = self.array_with(state, reg, 0, Some(element), Interval { lo: 0.0, hi: length.hi });
        self.derived.insert(rest, ("slice".into(), of, vec![from]));
        rest
    }

    /// Writes a property of whatever the object may be.
    pub fn write(&mut self, state: &mut State, reg: Reg, object: Sym, key: PropKey, value: Sym, range: TextRange) {
        self.demand_write(state, object, range);
        let site = self.site(reg, 160);
        let value = self.stored(state, value, site);
        if let PropKey::Name(name) = &key {
            self.name_value(state, &name.clone(), value, range);
            if &**name == "__proto__" || LEGACY_ACCESSORS.contains(&&**name) {
                self.observe_proto_key(name, range, "written");
            }
        }
        if let PropKey::Dynamic(key) = key {
            if let Some(names) = self.key_texts(key)
                && names.iter().any(|n| &**n == "__proto__")
            {
                self.observe_proto_key("__proto__", range, "written");
            }
            self.observe_keyed_write(state, object, key, range);
        }
        if matches!(&key, PropKey::Name(name) if &**name == "length") && self.model.facts(state, object).types.may(Types::ARRAY) {
            self.cost_of_size(state, value, range, "the array is made that long");
        }
        let leaves = self.existing(state, object);
        let strong = leaves.len() == 1;
        for leaf in leaves {
            // What is written into a text or a number is lost.
            if !strong && !self.types_of(state, leaf).may(Types::OBJECTS | Types::FUNCTION) {
                continue;
            }
            if self.write_builtin(state, leaf, &key, value, range) {
                continue;
            }
            self.observe_outliving_write(leaf, range);
            if self.call_setter(state, reg, leaf, &key, value, range) {
                continue;
            }
            match &key {
                PropKey::Name(name) => self.write_named(state, reg, leaf, name, value, strong),
                PropKey::Dynamic(k) => self.write_dynamic(state, reg, leaf, *k, value),
                PropKey::Any => {}
            }
        }
        if let PropKey::Dynamic(key) = key {
            self.know_written(state, object, key, value);
        }
    }

    /// Until the key or the object changes, what is read under the same key is what was written.
    fn know_written(&mut self, state: &mut State, object: Sym, key: Sym, value: Sym) {
        let leaves = self.model.symbols.leaves(object);
        // An object that is the only one possible is read under its own name.
        let only = leaves.first().copied().filter(|_| leaves.len() == 1).unwrap_or(object);
        let place = |analyzer: &mut Self, of| analyzer.model.symbols.intern(Value::Prop(of, PropKey::Dynamic(key)));
        let places = [place(self, object), place(self, only)];
        let stale: Vec<Sym> =
            state.facts.keys().copied().filter(|&s| self.model.symbols.contains(s, &|part, _| places.contains(&part))).collect();
        for sym in stale {
            state.facts.remove(&sym);
        }
        let facts = self.model.facts(state, value);
        if facts.types.only(Types::OBJECTS) {
            for place in places {
                state.learn(place, Facts { no_method: true, ..Facts::of(facts.types) });
            }
            if !self.is_chosen_unguarded(state, value) {
                refine::learn_own(&mut self.model, state, object, key);
            }
        }
    }

    fn call_setter(&mut self, state: &mut State, reg: Reg, object: Sym, key: &PropKey, value: Sym, range: TextRange) -> bool {
        let PropKey::Name(name) = key else { return false };
        if let Some(Field::Value(setter)) = state.object(object).and_then(|o| o.fields.get(&super::eval::setter_key(name)).copied()) {
            self.call(state, reg, 4, setter, object, Args::of([value]), range);
            return true;
        }
        let Some(prototype) = state.object(object).and_then(|o| o.prototype) else { return false };
        let Value::Class(class) = *self.model.symbols.value(prototype) else { return false };
        let ir = self.model.ir.clone();
        let setter = ir.classes[class.index()].members.iter().find_map(|m| match (&m.key, m.kind) {
            (Key::Name(own), MemberKind::Setter(func)) if **own == **name && !m.is_static => Some(func),
            _ => None,
        });
        let Some(func) = setter else { return false };
        let function = self.model.symbols.intern(Value::Closure(func, None, Environment::default()));
        self.call(state, reg, 4, function, object, Args::of([value]), range);
        true
    }

    /// A plain object of the program's own gets a property: it has one more, if that is new.
    fn note_property(&mut self, state: &mut State, object: Sym, is_new: bool, certainly: bool) {
        if !matches!(self.model.symbols.value(object), Value::Alloc { kind: AllocKind::Object, .. }) {
            return;
        }
        let size = self.model.property_symbol(object, SIZE);
        state.facts.remove(&size);
        state.choices.remove(&size);
        let known = state.object_mut(object);
        let at_least = if certainly { (known.length.lo + f64::from(u8::from(is_new))).max(1.0) } else { known.length.lo };
        known.length = Interval { lo: at_least, hi: known.length.hi + f64::from(u8::from(is_new)) };
    }

    fn write_named(&mut self, state: &mut State, reg: Reg, object: Sym, name: &Rc<str>, value: Sym, strong: bool) {
        if &**name == "__proto__" && strong && state.object(object).is_some_and(|known| known.closed && !known.null_prototype) {
            let target = state.object_mut(object);
            match self.model.symbols.value(value) {
                Value::Null => target.null_prototype = true,
                _ => target.prototype = Some(value),
            }
            return;
        }
        let is_old = matches!(self.model.symbols.value(object), Value::Alloc { old: true, .. });
        // Fields of tracked objects are values of their own; what is read elsewhere goes by the object.
        let is_tracked = matches!(self.model.symbols.value(object), Value::Alloc { old: false, .. });
        if !is_tracked || &**name == "length" || name.bytes().all(|b| b.is_ascii_digit()) {
            self.note_mutation(object, Change::Altered);
        }
        let before = state.object(object).and_then(|o| o.fields.get(name).copied());
        let new = if strong && !is_old {
            value
        } else {
            let before = match before {
                Some(Field::Value(before)) => before,
                _ => self.model.property_symbol(object, name),
            };
            let nth = 64 + (name.len() % 32) as u8;
            self.one_of(state, reg, nth, &[before, value])
        };
        let is_array = matches!(self.model.symbols.value(object), Value::Alloc { kind: AllocKind::Array, .. });
        self.note_property(state, object, !matches!(before, Some(Field::Value(_) | Field::Getter(_))), strong && !is_old);
        let target = state.object_mut(object);
        if target.fields.len() < limits::FIELDS_MAX || target.fields.contains_key(name) {
            target.fields.insert(name.clone(), Field::Value(new));
        }
        if is_array {
            if let Ok(index) = name.parse::<f64>() {
                target.length = Interval { lo: target.length.lo.max(index + 1.0), hi: target.length.hi.max(index + 1.0) };
            }
            if &**name == "length" {
                target.fields.remove(name);
                let of = self.model.facts(state, value);
                state.object_mut(object).length = of.range.meet(Interval::LENGTH);
            }
        }
    }

    fn write_dynamic(&mut self, state: &mut State, reg: Reg, object: Sym, key: Sym, value: Sym) {
        let change = if self.adds_at_end(object, key) { Change::Added(vec![value], false) } else { Change::Altered };
        self.note_mutation(object, change);
        let rest = state.object(object).and_then(|o| o.rest);
        let all: Vec<Sym> = rest.into_iter().chain([value]).collect();
        let merged = self.one_of(state, reg, 70, &all);
        if self.secret_name(key).is_some() {
            state.object_mut(object).fields.insert(super::eval::SECRET_KEY.into(), Field::Value(key));
        }
        let tracked = state.object(object).is_some_and(|o| o.closed);
        let keys = self.model.facts(state, key);
        self.note_property(state, object, true, !matches!(self.model.symbols.value(object), Value::Alloc { old: true, .. }));
        let target = state.object_mut(object);
        target.rest = Some(merged);
        target.length = if keys.types.only(Types::NUMBER) && keys.range.hi.is_finite() && keys.range.hi < limits::BOUND_MAX {
            Interval { lo: target.length.lo, hi: target.length.hi.max(keys.range.hi + 1.0) }
        } else {
            Interval { lo: target.length.lo, hi: f64::INFINITY }
        };
        if tracked {
            // Any known property may have been overwritten.
            let names: Vec<Rc<str>> = target.fields.keys().cloned().collect();
            let fields = target.fields.clone();
            let is_index_key = keys.types.only(Types::NUMBER);
            for name in names {
                let is_index = name.bytes().all(|b| b.is_ascii_digit());
                if is_index_key != is_index {
                    continue;
                }
                if let Some(Field::Value(before)) = fields.get(&name) {
                    let both = self.one_of(state, reg, 71 + (name.len() % 16) as u8, &[*before, value]);
                    state.object_mut(object).fields.insert(name, Field::Value(both));
                }
            }
        }
    }

    /// `xs[xs.length] = x`
    fn adds_at_end(&self, object: Sym, key: Sym) -> bool {
        matches!(self.model.symbols.value(key), Value::Prop(base, PropKey::Name(name)) if *base == object && &**name == "length")
    }

    /// A write into a built-in, the global object, or the call's context. True if it was one.
    pub fn write_builtin(&mut self, state: &mut State, object: Sym, key: &PropKey, value: Sym, range: TextRange) -> bool {
        let name = match key {
            PropKey::Name(name) => Some(name.to_string()),
            _ => None,
        };
        if self.observe_context_write(object, range) {
            return true;
        }
        let Some(path) = self.model.symbols.as_builtin(object).map(str::to_owned) else { return false };
        match path.as_str() {
            "module" | "exports" | "module.exports" | "arguments" => {
                if let Some(name) = name {
                    state.object_mut(object).fields.insert(name.into(), Field::Value(value));
                }
                return true;
            }
            "globalThis" => {
                match &name {
                    Some(name) => {
                        state.object_mut(object).fields.insert(name.as_str().into(), Field::Value(value));
                        self.model.note_created_global(name);
                        self.assign_global(name, range, "assigned as a property of the global object");
                    }
                    None if self.reporting => {
                        self.seen.shared_state.insert(SharedState {
                            range,
                            level: Level::Error,
                            message: "a property of the global object is assigned under a computed name".into(),
                        });
                    }
                    None => {}
                }
                return true;
            }
            _ if path.starts_with("import:") => return true,
            _ => {}
        }
        self.native_write(&path, name, range);
        true
    }

    /// A write into the call's context. True if it was one.
    pub fn observe_context_write(&mut self, object: Sym, range: TextRange) -> bool {
        let is_context = self.is_context_object(object);
        if is_context && self.reporting {
            self.seen.context_overrides.insert(ContextOverride {
                range,
                level: Level::Error,
                message: "the call's context is written into: it comes from the host and is read-only".into(),
            });
        }
        is_context
    }

    /// A write into the built-in at `path`.
    pub fn native_write(&mut self, path: &str, key: Option<String>, range: TextRange) {
        let root = path.split('.').next().unwrap_or(path);
        let known = builtins::CONSTRUCTORS.contains(&root) || matches!(root, "Math" | "JSON" | "Reflect" | "console" | "Intl" | "Atomics");
        if self.reporting && (known || builtins::GLOBAL_FUNCTIONS.contains(&root)) {
            self.seen.native_writes.insert(NativeWrite { target: path.to_owned(), key, range });
        }
    }

    fn is_context_object(&self, object: Sym) -> bool {
        match self.model.symbols.value(object) {
            Value::Builtin(path) => &**path == "__env" || builtins::is_context(path),
            Value::Prop(base, _) => self.is_context_object(*base),
            _ => false,
        }
    }

    /// An object made while the file was loaded is changed during a call.
    pub fn observe_outliving_write(&mut self, object: Sym, range: TextRange) {
        if !self.reporting || !self.in_call() {
            return;
        }
        let outlives = match self.model.symbols.value(object) {
            Value::Alloc { site, .. } => site.func == FuncId(0),
            Value::Class(_) => true,
            Value::Closure(func, ..) => self.model.ir.body(*func).parent == Some(FuncId(0)),
            _ => false,
        };
        let inside_top_level = self.frames.last().is_some_and(|f| f.func == FuncId(0));
        if outlives && !inside_top_level {
            self.seen.shared_state.insert(SharedState {
                range,
                level: Level::Warning,
                message: "an object of the module is changed during `execute`: the change outlives the call".into(),
            });
        }
    }

    /// `delete object[key]`
    pub fn delete(&mut self, state: &mut State, object: Sym, key: PropKey, range: TextRange) {
        let undefined = self.model.symbols.undefined();
        let leaves = self.model.symbols.leaves(object);
        if let PropKey::Name(name) = &key
            && &**name == "__proto__"
        {
            self.observe_proto_key(name, range, "deleted");
        }
        if let PropKey::Dynamic(key) = key {
            self.observe_keyed_delete(state, object, key, range);
        }
        refine::forget_own(&self.model, state);
        for &leaf in &leaves {
            if self.write_builtin(state, leaf, &key, undefined, range) {
                continue;
            }
            self.observe_outliving_write(leaf, range);
            if let PropKey::Name(name) = &key
                && state.object(leaf).is_some_and(|o| o.lacks(name))
            {
                continue;
            }
            let own_key = matches!(&key, PropKey::Dynamic(k) if self.is_key_of(*k, leaf));
            self.note_mutation(leaf, if own_key { Change::Taken(None) } else { Change::Altered });
            if let Some(known) = state.object(leaf)
                && known.closed
            {
                let object = state.object_mut(leaf);
                object.length.lo = (object.length.lo - 1.0).max(0.0);
            }
            match &key {
                PropKey::Name(name) if leaves.len() == 1 => {
                    state.object_mut(leaf).fields.insert(name.clone(), Field::Absent);
                }
                PropKey::Name(name) => {
                    let before = self.model.property_symbol(leaf, name);
                    state.object_mut(leaf).fields.entry(name.clone()).or_insert(Field::Value(before));
                }
                PropKey::Dynamic(k) => {
                    // Deleting every listed key leaves none of them; which, a merge of constants tells.
                    for name in self.key_texts(*k).unwrap_or_default() {
                        state.object_mut(leaf).fields.insert(name, Field::Absent);
                    }
                }
                PropKey::Any => {}
            }
        }
    }

    /// Whether a key was asked of the object itself.
    fn is_key_of(&self, key: Sym, object: Sym) -> bool {
        self.model.symbols.leaves(key).iter().any(|&leaf| {
            self.model.symbols.contains(leaf, &|_, value| match value {
                Value::KeyOf(of) => *of == object,
                Value::Prop(list, _) | Value::Instance(list, _) => self
                    .derived
                    .get(list)
                    .is_some_and(|(method, of, _)| method == "keys" && self.model.symbols.leaves(*of).contains(&object)),
                _ => false,
            })
        })
    }

    /// `super.key`
    pub fn super_get(&mut self, state: &mut State, reg: Reg, key: PropKey) -> Sym {
        let this = self.frame().this;
        let parent = state.object(this).and_then(|o| o.prototype).and_then(|class| state.object(class).cloned());
        if let (Some(parent), PropKey::Name(name)) = (&parent, &key)
            && **name == *"constructor"
        {
            return match parent.fields.get("[[parent]]") {
                Some(Field::Value(parent)) => *parent,
                _ => self.model.symbols.builtin("Object"),
            };
        }
        if let (Some(parent), PropKey::Name(name)) = (parent, &key)
            && let Some(Field::Value(parent)) = parent.fields.get("[[parent]]")
            && let Value::Class(class) = *self.model.symbols.value(*parent)
            && let Some(member) = self.class_member(state, class, name, false, 0)
        {
            return member;
        }
        self.opaque(reg, 0, Facts::ANY, &[this])
    }

    /// A class is evaluated: computed names, static fields and blocks.
    pub fn class(
        &mut self,
        state: &mut State,
        reg: Reg,
        class: ClassId,
        parent: Option<Sym>,
        registers: &Registers,
        range: TextRange,
    ) -> OpResult {
        let sym = self.model.symbols.intern(Value::Class(class));
        let mut object = Object { length: Interval::LENGTH, ..Object::open() };
        if let Some(parent) = parent {
            object.fields.insert("[[parent]]".into(), Field::Value(parent));
        }
        let ir = self.model.ir.clone();
        for member in ir.classes[class.index()].members.iter().filter(|m| !m.is_static) {
            if let (MemberKind::Method(func), Key::Computed(_), PropKey::Name(name)) =
                (member.kind, &member.key, self.key(&member.key, registers))
            {
                let method = self.model.symbols.intern(Value::Closure(func, None, Environment::default()));
                object.fields.insert(member_key(&name), Field::Value(method));
            }
        }
        state.heap.insert(sym, Rc::new(object));
        for (i, member) in ir.classes[class.index()].members.iter().enumerate().filter(|(_, m)| m.is_static) {
            let function = match member.kind {
                MemberKind::Field(Some(func)) | MemberKind::StaticBlock(func) => func,
                _ => continue,
            };
            let closure = self.model.symbols.intern(Value::Closure(function, None, Environment::default()));
            let result = self.call(state, reg, 8 + (i % 8) as u8, closure, sym, Args::default(), range);
            if let (MemberKind::Field(_), Some(value), PropKey::Name(name)) = (member.kind, result.value, self.key(&member.key, registers))
            {
                self.name_value(state, &name, value, range);
                state.object_mut(sym).fields.insert(name, Field::Value(value));
            }
        }
        sym.into()
    }

    // Observations of rules 1 and 2.

    /// A built-in or a prototype may have come into the program's hands by reading a property.
    pub fn observe_read(&mut self, reg: Reg, object: Sym, name: &Rc<str>, value: Sym, range: TextRange) {
        if !self.reporting {
            return;
        }
        if &**name == "__proto__" || LEGACY_ACCESSORS.contains(&&**name) {
            self.observe_proto_key(name, range, "read");
            return;
        }
        let harmless = self.is_harmless_use(reg);
        let leaves = self.model.symbols.leaves(object);
        let of_global = leaves.iter().any(|&l| self.model.symbols.as_builtin(l) == Some("globalThis"));
        let module = self.model.symbols.builtin("module");
        // What the program itself put there was captured where it was put.
        let is_found = &**name == "constructor"
            || leaves.iter().any(|&l| self.model.symbols.as_builtin(l).is_some_and(|path| !is_import(path) && !is_exports(path)));
        for leaf in self.model.symbols.leaves(value) {
            let Some(path) = self.model.symbols.as_builtin(leaf).map(str::to_owned) else { continue };
            if (of_global || path == "require" && leaves.contains(&module)) && !harmless {
                self.mention(&path, range, true);
            } else if is_notable(&path) && !harmless && is_found {
                self.mention(&path, range, false);
            }
            if path.ends_with(".prototype") {
                self.observe_prototype(reg, &path, range);
            }
        }
        let of_constructor =
            leaves.iter().any(|&l| matches!(self.model.symbols.value(l), Value::Prop(_, PropKey::Name(n)) if &**n == "constructor"));
        if &**name == "prototype" && of_constructor {
            self.observe_prototype(reg, "constructor.prototype", range);
        }
    }

    fn observe_dynamic_read(&mut self, state: &mut State, reg: Reg, object: Sym, key: &PropKey, range: TextRange) {
        let PropKey::Dynamic(key) = key else { return };
        for name in self.key_texts(*key).unwrap_or_default() {
            let value = self.get(state, reg, object, &PropKey::Name(name.clone()));
            self.observe_read(reg, object, &name, value, range);
        }
        let reaches_all = self.model.symbols.leaves(object).iter().any(|&l| match self.model.symbols.value(l) {
            Value::Builtin(path) => &**path == "globalThis",
            _ => false,
        });
        if reaches_all && self.key_texts(*key).is_none() {
            self.seen.dynamic_globals.insert(range);
        }
    }

    /// `__proto__` or a legacy accessor is used as a property.
    pub fn observe_proto_key(&mut self, key: &str, range: TextRange, how: &'static str) {
        if self.reporting {
            self.seen.proto_keys.insert(ProtoKey { key: key.to_owned(), range, how });
        }
    }

    /// A null prototype by another way than `Object.create(null)`.
    pub fn observe_null_prototype(&mut self, range: TextRange) {
        if self.reporting {
            self.seen.prototype_uses.insert(PrototypeUse { path: "null".into(), range, form: PrototypeForm::NullPrototype });
        }
    }

    /// A prototype object came into the program's hands; what it is used for decides.
    pub fn observe_prototype(&mut self, reg: Reg, path: &str, range: TextRange) {
        if !self.reporting {
            return;
        }
        let uses = self.uses_through_variables(reg);
        let (asked_for, through_constructor) = self.reached_by(reg);
        let mut forms = Vec::new();
        for &(user, used) in &uses {
            forms.push(match &self.op(user).kind {
                OpKind::Get { object, key: Key::Name(name), .. } if *object == used => match name.as_str() {
                    "constructor" | "__proto__" | "prototype" => None,
                    name if !asked_for && (path.starts_with("Object") || self.is_borrowed(user)) => {
                        Some(PrototypeForm::Idiom(name.to_owned()))
                    }
                    _ => Some(PrototypeForm::Held),
                },
                // The method called on it was judged as it was read.
                OpKind::Call { this: Some(this), callee, args, .. } if *this == used && args.iter().all(|a| a.reg != used) => {
                    let is_own = matches!(self.op(*callee).kind, OpKind::Get { object, .. } if object == used);
                    (!is_own).then_some(PrototypeForm::Held)
                }
                OpKind::Call { args, .. } if self.asks_for_constructor(args, used) => None,
                OpKind::Set { object, .. } | OpKind::Delete { object, .. } if *object == used => None,
                OpKind::Binary(BinaryOp::In, _, b) if *b == used => Some(PrototypeForm::Compared),
                _ if self.asks_about(user, used) => Some(PrototypeForm::Compared),
                _ => Some(PrototypeForm::Held),
            });
        }
        if uses.is_empty() {
            forms.push(Some(PrototypeForm::Held));
        }
        // The idioms name the prototype; who goes through an instance's constructor means to hold it.
        if through_constructor {
            forms.iter_mut().flatten().for_each(|form| *form = PrototypeForm::Held);
        }
        let worst = forms.into_iter().flatten().min_by_key(|form| match form {
            PrototypeForm::Held | PrototypeForm::SetPrototype => 0,
            PrototypeForm::Idiom(_) => 1,
            PrototypeForm::Compared | PrototypeForm::NullPrototype => 2,
        });
        if let Some(form) = worst {
            self.seen.prototype_uses.insert(PrototypeUse { path: path.to_owned(), range, form });
        }
    }

    /// `getOwnPropertyDescriptor(used, "constructor")`, `Reflect.get(used, "constructor")`
    /// Whether the prototype in a register was asked for by a call (`Object.getPrototypeOf`), and whether
    /// it was read of a value's `constructor`.
    fn reached_by(&self, reg: Reg) -> (bool, bool) {
        let of_constructor =
            |object: Reg| matches!(&self.op(object).kind, OpKind::Get { key: Key::Name(name), .. } if name == "constructor");
        match self.op(reg).kind {
            OpKind::Call { .. } => (true, false),
            OpKind::Get { object, .. } => (false, of_constructor(object)),
            _ => (false, false),
        }
    }

    fn asks_for_constructor(&self, args: &[Arg], used: Reg) -> bool {
        match args {
            [of, key] => of.reg == used && matches!(&self.op(key.reg).kind, OpKind::String(key) if key == "constructor"),
            _ => false,
        }
    }

    fn is_borrowed(&self, reg: Reg) -> bool {
        self.uses_through_variables(reg).iter().any(|&(user, _)| {
            matches!(&self.op(user).kind, OpKind::Get { key: Key::Name(name), .. } if matches!(name.as_str(), "call" | "apply" | "bind"))
        })
    }

    fn asks_about(&self, user: Reg, used: Reg) -> bool {
        match &self.op(user).kind {
            OpKind::Binary(op, a, b) => {
                matches!(op, BinaryOp::StrictEqual | BinaryOp::StrictNotEqual | BinaryOp::Equal | BinaryOp::NotEqual)
                    && (*a == used || *b == used)
            }
            OpKind::Unary(..) => true,
            OpKind::Get { key: Key::Name(name), .. } => name == "name",
            _ => false,
        }
    }

    /// Uses of a register, and of the variables of this function it is stored in.
    pub fn uses_through_variables(&self, reg: Reg) -> Vec<(Reg, Reg)> {
        let mut out = Vec::new();
        let func = self.frame().func;
        let graph = &self.graphs[func.index()];
        for &user in graph.users(reg) {
            match self.op(user).kind {
                OpKind::Store { slot, .. } => {
                    let body = self.model.ir.body(func);
                    let loads = body.ops.iter().enumerate().filter(|(_, op)| matches!(op.kind, OpKind::Load(s) if s == slot));
                    for (load, _) in loads {
                        let load = Reg(load as u32);
                        out.extend(graph.users(load).iter().map(|&u| (u, load)));
                    }
                    out.extend(graph.users(user).iter().map(|&u| (u, user)));
                }
                _ => out.push((user, reg)),
            }
        }
        out
    }

    /// Whether the symbol is one turn's value of a loop with that header.
    pub fn is_of_this_loop(&self, sym: Sym, func: FuncId, cfg: &super::graph::Graph, header: super::ir::BlockId) -> bool {
        let Some(natural) = cfg.loop_at(header) else { return false };
        let ctx = self.frame().ctx;
        self.model.symbols.contains(sym, &|_, value| match value {
            Value::Instance(_, Which::Turn(site)) if is_turn(value) => {
                site.ctx == ctx
                    && site.func == func
                    && match site.what {
                        SiteKind::Op(reg, _) => {
                            natural.iter().any(|b| self.model.ir.body(func).blocks[b.index()].ops.first() == Some(&reg))
                        }
                        _ => false,
                    }
            }
            _ => false,
        })
    }
}

/// Where a class keeps a method whose name is computed.
fn member_key(name: &str) -> Rc<str> {
    format!("[[member]]{name}").into()
}

fn is_import(path: &str) -> bool {
    path.starts_with("import:")
}

fn is_exports(path: &str) -> bool {
    matches!(path, "exports" | "module" | "module.exports")
}
