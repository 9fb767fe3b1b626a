//! Symbolic values, hash-consed: two expressions that must be equal have one [`Sym`].
//!
//! This is value numbering over the lowered program. Facts belong to symbols, not to variables, so
//! a guard on `Number(input.a)` counts wherever `Number(input.a)` is computed again, and a guard on
//! an alias counts for what it aliases. What changes at run time gets a symbol of its own: a merge
//! ([`Value::Phi`]), one turn of an iteration ([`Value::Instance`]), an object after a write that
//! the analysis could not follow ([`Value::Version`]).

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::capture::Environment;
use super::ir::{BinaryOp, BlockId, ClassId, FuncId, Reg, SlotId, UnaryOp};
use super::limits;
use crate::source::TextRange;

/// A symbolic value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sym(pub u32);

/// A chain of call sites: which activation of a function is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ctx(pub u32);

/// A place in one activation at which a value comes to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// The activation.
    pub ctx: Ctx,
    /// The function.
    pub func: FuncId,
    /// What makes the value.
    pub what: SiteKind,
}

/// What makes a value at a [`Site`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SiteKind {
    /// An operation. The number tells several values of one operation apart.
    Op(Reg, u8),
    /// The merge of a variable at the start of a block.
    Slot(BlockId, SlotId),
    /// The merge of a property at the start of a block.
    Field(BlockId, Sym, Rc<str>),
    /// The merge of an array's elements at the start of a block.
    Elements(BlockId, Sym),
    /// The value a function returns.
    Return,
}

/// A property's name in a symbol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PropKey {
    /// A constant name.
    Name(Rc<str>),
    /// A computed name.
    Dynamic(Sym),
    /// Every element or property: facts on it hold for all.
    Any,
}

/// Which one of many: an element in one turn of an iteration, or at an index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Which {
    /// The turn of the iteration made there.
    Turn(Rc<Site>),
    /// The index or key.
    Index(Sym),
}

/// What an allocation makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the built-in of the same name")]
pub enum AllocKind {
    Object,
    Array,
    Date,
    Map,
    Set,
    Error,
    Promise,
    Iterator,
    RegExp,
    Typed,
}

/// The internal slot that says how many properties a plain object has, or how many values an iterator yields.
pub const SIZE: &str = "[[size]]";

impl AllocKind {
    /// The property that says how much of it there is.
    pub fn measure(self) -> Option<&'static str> {
        match self {
            AllocKind::Array => Some("length"),
            AllocKind::Map | AllocKind::Set => Some("size"),
            AllocKind::Object | AllocKind::Iterator => Some(SIZE),
            _ => None,
        }
    }
}

/// What a symbol stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// `undefined`
    Undefined,
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number, by its bits.
    Number(u64),
    /// A string.
    Str(Rc<str>),
    /// A BigInt, in decimal.
    BigInt(Rc<str>),
    /// A regular expression literal.
    Regex {
        /** As written. */
        pattern: Rc<str>,
        /** As written. */
        flags: Rc<str>,
    },
    /// A built-in or host value by its path: `Object.prototype.toString`, `__env`.
    Builtin(Rc<str>),
    /// A closure, with the `this` an arrow captured, and the variables around it that it keeps.
    Closure(FuncId, Option<Sym>, Environment),
    /// A class.
    Class(ClassId),
    /// `f.bind(this, …args)`.
    Bound {
        /** Function. */
        target: Sym,
        /** Receiver. */
        this: Sym,
        /** Leading arguments. */
        args: Vec<Sym>,
    },
    /// An untrusted argument: the entry's `input`, or a parameter of a library function.
    Input {
        /** As the source names it. */
        name: Rc<str>,
        /** Its position. */
        index: u32,
        /** Of which function. */
        func: FuncId,
    },
    /// A property that nothing in the program has set.
    Prop(Sym, PropKey),
    /// One of the values that the first symbol summarises.
    Instance(Sym, Which),
    /// A name of one of the object's own or inherited properties, or an index.
    KeyOf(Sym),
    /// An object after a write that could not be followed.
    Version(Sym, Rc<Site>),
    /// A new object. `old` stands for all but the latest one made there.
    Alloc {
        /** Where. */
        site: Rc<Site>,
        /** What. */
        kind: AllocKind,
        /** Not the latest. */
        old: bool,
    },
    /// A unary operator.
    Unary(UnaryOp, Sym),
    /// A binary operator.
    Binary(BinaryOp, Sym, Sym),
    /// A template or concatenation: text between values.
    Template(Vec<Rc<str>>, Vec<Sym>),
    /// A pure built-in call: `this` first where it is a method.
    Call(Rc<str>, Vec<Sym>),
    /// An own-property rest: the object less some keys.
    Rest(Sym, Vec<Rc<str>>),
    /// A merge; its operands are in [`Symbols::operands`].
    Phi(Rc<Site>),
    /// A value the analysis knows only the ingredients of.
    Opaque(Rc<Site>),
}

/// The part of a context's call that is the register; the rest tells several calls of one operation apart.
const CALL_REGISTER: u32 = 0x003f_ffff;
/// Marks a context that is no call, but one turn of a loop or of a walk over a list.
const TURN: u32 = 0x0080_0000;
/// Tells the turns of a loop from those of a walk that begins at the same operation.
const WALK: u32 = 0x0040_0000;

/// Tells the closures of one function that one call may mean.
const VARIANT: u32 = 0x8000_0000;

/// Whether a key is one of many that stand for each other: an index, or a computed one.
fn is_place(key: &PropKey) -> bool {
    match key {
        PropKey::Dynamic(_) => true,
        PropKey::Name(name) => name.bytes().all(|b| b.is_ascii_digit()),
        PropKey::Any => false,
    }
}

/// All symbols of one file, and what is known of them regardless of the program point.
#[derive(Debug, Default)]
pub struct Symbols {
    values: Vec<Value>,
    depth: Vec<u16>,
    index: HashMap<Value, Sym>,
    contexts: Vec<(Ctx, FuncId, Reg)>,
    context_index: FxHashMap<(Ctx, FuncId, Reg), Ctx>,
    operands: FxHashMap<Sym, BTreeSet<Sym>>,
    general: FxHashMap<Sym, Option<Sym>>,
    all_general: FxHashMap<Sym, Rc<[Sym]>>,
    /// What each symbol is made of, itself first, through operators.
    parts: Vec<Rc<[Sym]>>,
    /// The properties of each symbol that have a name.
    properties: FxHashMap<Sym, Vec<Sym>>,
    /// Where each symbol was first computed.
    pub origin_range: FxHashMap<Sym, TextRange>,
}

impl Symbols {
    /// The symbol of `value`. Past the depth limit an operator becomes opaque through `fallback`.
    pub fn intern(&mut self, value: Value) -> Sym {
        if let Some(&sym) = self.index.get(&value) {
            return sym;
        }
        let mut depth = 0;
        let sym = Sym(self.values.len() as u32);
        let mut parts = vec![sym];
        for_each_part(&value, |part| {
            depth = depth.max(self.depth[part.0 as usize].saturating_add(1));
            parts.extend(self.parts[part.0 as usize].iter());
        });
        if let Value::Closure(_, _, kept) = &value {
            depth = kept.iter().map(|(_, held)| self.depth[held.0 as usize].saturating_add(1)).max().unwrap_or(0);
        }
        parts[1..].sort_unstable();
        parts.dedup();
        self.parts.push(parts.into());
        if let Value::Prop(base, PropKey::Name(_)) = value {
            self.properties.entry(base).or_default().push(sym);
        }
        self.values.push(value.clone());
        self.depth.push(depth);
        self.index.insert(value, sym);
        sym
    }

    /// What `sym` stands for.
    pub fn value(&self, sym: Sym) -> &Value {
        &self.values[sym.0 as usize]
    }

    /// Whether an operator on `sym` would be too deep to keep.
    pub fn is_deep(&self, sym: Sym) -> bool {
        self.depth[sym.0 as usize] >= limits::SYMBOL_DEPTH_MAX
    }

    /// How many operators deep `sym` is.
    pub fn depth(&self, sym: Sym) -> u16 {
        self.depth[sym.0 as usize]
    }

    /// The context of a call made at `call` of `func` in `parent`.
    pub fn context(&mut self, parent: Ctx, func: FuncId, call: Reg) -> Ctx {
        let key = (parent, func, call);
        if let Some(&ctx) = self.context_index.get(&key) {
            return ctx;
        }
        self.contexts.push(key);
        let ctx = Ctx(self.contexts.len() as u32);
        self.context_index.insert(key, ctx);
        ctx
    }

    /// The context of one turn of a loop, or of a walk over a list, in `parent`: what is made in it is
    /// told from what other turns make. `at` is an operation of the loop, or the walk.
    pub fn turn(&mut self, parent: Ctx, func: FuncId, at: Reg, turn: usize, is_walk: bool) -> Ctx {
        let kind = if is_walk { TURN | WALK } else { TURN };
        self.context(parent, func, Reg(at.0 & CALL_REGISTER | kind | (turn as u32) << 24))
    }

    /// The context of the `nth` further closure of one function that a call in the context `call` may mean.
    pub fn variant(&mut self, call: Ctx, func: FuncId, nth: u32) -> Ctx {
        self.context(call, func, Reg(VARIANT | TURN | nth))
    }

    /// The activation that `ctx` is, or is a turn of a loop in.
    pub fn activation(&self, ctx: Ctx) -> Ctx {
        let mut at = ctx;
        while let Some((parent, _, call)) = (at.0 as usize).checked_sub(1).and_then(|i| self.contexts.get(i)) {
            if call.0 & TURN == 0 || call.0 & VARIANT != 0 {
                break;
            }
            at = *parent;
        }
        at
    }

    /// The call in the activation `root` that led, directly or not, to the activation `ctx`; or the loop
    /// in one of whose turns it was.
    pub fn called_from(&self, ctx: Ctx, root: (Ctx, FuncId)) -> Option<Reg> {
        let (mut at, mut from) = (ctx, None);
        while let Some((parent, func, call)) = (at.0 as usize).checked_sub(1).and_then(|i| self.contexts.get(i)) {
            if call.0 & TURN == 0 || from.is_none() {
                from = Some(Reg(call.0 & CALL_REGISTER));
            }
            if (*parent, *func) == root {
                return from;
            }
            at = *parent;
        }
        None
    }

    /// Notes that `phi` may be, or is made of, `operand`.
    pub fn add_operand(&mut self, phi: Sym, operand: Sym) {
        if phi != operand {
            let set = self.operands.entry(phi).or_default();
            if set.len() < limits::OPERANDS_MAX {
                set.insert(operand);
            }
        }
    }

    /// What a merge may be, or what an opaque value is made of.
    pub fn operands(&self, sym: Sym) -> impl Iterator<Item = Sym> + '_ {
        self.operands.get(&sym).into_iter().flatten().copied()
    }

    /// All the concrete values a chain of merges may be, each once.
    pub fn leaves(&self, sym: Sym) -> Vec<Sym> {
        let (mut leaves, mut seen, mut open) = (Vec::new(), BTreeSet::new(), vec![sym]);
        while let Some(next) = open.pop() {
            if !seen.insert(next) || seen.len() > limits::LEAVES_MAX {
                continue;
            }
            match self.value(next) {
                Value::Phi(_) => open.extend(self.operands(next)),
                Value::Prop(..) if self.operands.contains_key(&next) => open.extend(self.operands(next)),
                _ => leaves.push(next),
            }
        }
        leaves.sort();
        leaves
    }

    /// `undefined`
    pub fn undefined(&mut self) -> Sym {
        self.intern(Value::Undefined)
    }

    /// A number.
    pub fn number(&mut self, n: f64) -> Sym {
        self.intern(Value::Number(if n.is_nan() { f64::NAN.to_bits() } else { n.to_bits() }))
    }

    /// A string.
    pub fn string(&mut self, s: &str) -> Sym {
        self.intern(Value::Str(s.into()))
    }

    /// A boolean.
    pub fn boolean(&mut self, b: bool) -> Sym {
        self.intern(Value::Bool(b))
    }

    /// A built-in.
    pub fn builtin(&mut self, path: &str) -> Sym {
        self.intern(Value::Builtin(path.into()))
    }

    /// The path of a built-in, if `sym` is one.
    pub fn as_builtin(&self, sym: Sym) -> Option<&str> {
        match self.value(sym) {
            Value::Builtin(path) => Some(path),
            _ => None,
        }
    }

    /// The constant string, if `sym` is one.
    pub fn as_str(&self, sym: Sym) -> Option<Rc<str>> {
        match self.value(sym) {
            Value::Str(s) => Some(s.clone()),
            _ => None,
        }
    }

    /// The constant number, if `sym` is one.
    pub fn as_number(&self, sym: Sym) -> Option<f64> {
        match self.value(sym) {
            Value::Number(bits) => Some(f64::from_bits(*bits)),
            _ => None,
        }
    }

    /// Whether `sym` is a literal: a primitive known at analysis time.
    pub fn is_constant(&self, sym: Sym) -> bool {
        matches!(self.value(sym), Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Str(_) | Value::BigInt(_))
    }

    /// A constant as a property key. A well-known symbol is written as ECMA-262 writes it, `@@iterator`.
    pub fn key_text(&self, sym: Sym) -> Option<Rc<str>> {
        Some(match self.value(sym) {
            Value::Str(s) => s.clone(),
            Value::Number(bits) => number_text(f64::from_bits(*bits)).into(),
            Value::Bool(b) => b.to_string().into(),
            Value::Null => "null".into(),
            Value::Undefined => "undefined".into(),
            Value::BigInt(n) => n.clone(),
            Value::Builtin(path) => match path.strip_prefix("Symbol.") {
                Some(name) if !matches!(name, "for" | "keyFor" | "prototype") => format!("@@{name}").into(),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// The symbol whose facts hold for `sym` too, because they hold for all that it is one of:
    /// `items[i].price` is one of `items[*].price`.
    pub fn generalise(&mut self, sym: Sym) -> Option<Sym> {
        if let Some(&known) = self.general.get(&sym) {
            return known;
        }
        self.general.insert(sym, None);
        let value = self.value(sym).clone();
        let general = match value {
            Value::Instance(of, _) => Some(of),
            // What holds of the first of each row holds of the first of this one.
            Value::Prop(base, key) => match self.generalise(base) {
                Some(base) => Some(self.intern(Value::Prop(base, key))),
                None => is_place(&key).then(|| self.intern(Value::Prop(base, PropKey::Any))),
            },
            Value::Unary(op, a) => self.generalise(a).map(|a| self.intern(Value::Unary(op, a))),
            Value::Call(path, args) => {
                let general: Vec<_> = args.iter().map(|&a| self.generalise(a)).collect();
                general
                    .iter()
                    .any(Option::is_some)
                    .then(|| args.iter().zip(general).map(|(&a, g)| g.unwrap_or(a)).collect())
                    .map(|args| self.intern(Value::Call(path, args)))
            }
            _ => None,
        };
        self.general.insert(sym, general);
        general
    }

    /// All that `sym` is one of, the closest first, through its parts in any order.
    pub fn generals(&mut self, sym: Sym) -> Rc<[Sym]> {
        if let Some(known) = self.all_general.get(&sym) {
            return known.clone();
        }
        let mut found = vec![sym];
        let mut at = 0;
        while at < found.len() && found.len() < limits::GENERALS_MAX {
            let mut next: Vec<Sym> = self.generalise(found[at]).into_iter().collect();
            if let Value::Prop(base, key) = self.value(found[at]).clone()
                && is_place(&key)
            {
                next.push(self.intern(Value::Prop(base, PropKey::Any)));
            }
            for general in next {
                if !found.contains(&general) {
                    found.push(general);
                }
            }
            at += 1;
        }
        let generals: Rc<[Sym]> = found[1..].into();
        self.all_general.insert(sym, generals.clone());
        generals
    }

    /// The properties of `sym` that have a name, as far as any was asked for.
    pub fn properties(&self, sym: Sym) -> &[Sym] {
        self.properties.get(&sym).map_or(&[], Vec::as_slice)
    }

    /// What `sym` is made of through operators, itself first.
    pub fn parts(&self, sym: Sym) -> &[Sym] {
        &self.parts[sym.0 as usize]
    }

    /// Whether `sym` is made of `part` (through operators, not through merges).
    pub fn contains(&self, sym: Sym, part: &dyn Fn(Sym, &Value) -> bool) -> bool {
        self.parts(sym).iter().any(|&p| part(p, self.value(p)))
    }

    /// `sym` with `from` replaced by `to` wherever it is made of it.
    pub fn substitute(&mut self, sym: Sym, from: Sym, to: Sym) -> Sym {
        if sym == from {
            return to;
        }
        let value = match self.value(sym).clone() {
            Value::Prop(base, PropKey::Dynamic(key)) => {
                Value::Prop(self.substitute(base, from, to), PropKey::Dynamic(self.substitute(key, from, to)))
            }
            Value::Prop(base, key) => Value::Prop(self.substitute(base, from, to), key),
            Value::Instance(of, which) => Value::Instance(self.substitute(of, from, to), which),
            Value::Unary(op, a) => Value::Unary(op, self.substitute(a, from, to)),
            Value::Binary(op, a, b) => Value::Binary(op, self.substitute(a, from, to), self.substitute(b, from, to)),
            Value::Template(quasis, parts) => Value::Template(quasis, parts.into_iter().map(|p| self.substitute(p, from, to)).collect()),
            Value::Call(path, args) => Value::Call(path, args.into_iter().map(|a| self.substitute(a, from, to)).collect()),
            _ => return sym,
        };
        self.intern(value)
    }

    /// How many symbols there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Calls `visit` with every symbol that `value` is directly made of.
pub fn for_each_part(value: &Value, mut visit: impl FnMut(Sym)) {
    match value {
        Value::Prop(base, key) => {
            visit(*base);
            if let PropKey::Dynamic(key) = key {
                visit(*key);
            }
        }
        Value::Instance(of, which) => {
            visit(*of);
            if let Which::Index(index) = which {
                visit(*index);
            }
        }
        Value::KeyOf(of) | Value::Version(of, _) | Value::Unary(_, of) | Value::Rest(of, _) => visit(*of),
        Value::Binary(_, a, b) => {
            visit(*a);
            visit(*b);
        }
        Value::Template(_, parts) | Value::Call(_, parts) => parts.iter().copied().for_each(visit),
        Value::Bound { target, this, args } => {
            visit(*target);
            visit(*this);
            args.iter().copied().for_each(visit);
        }
        Value::Undefined
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Str(_)
        | Value::BigInt(_)
        | Value::Regex { .. }
        | Value::Builtin(_)
        | Value::Closure(..)
        | Value::Class(_)
        | Value::Input { .. }
        | Value::Alloc { .. }
        | Value::Phi(_)
        | Value::Opaque(_) => {}
    }
}

/// A number as ECMAScript's `Number::toString` writes it, for the values that folding meets.
pub fn number_text(n: f64) -> String {
    if n.is_nan() {
        "NaN".into()
    } else if n.is_infinite() {
        if n > 0.0 { "Infinity".into() } else { "-Infinity".into() }
    } else if n == 0.0 {
        "0".into()
    } else if n.abs() >= 1e21 || n.abs() < 1e-6 {
        let text = format!("{n:e}");
        match text.split_once('e') {
            Some((mantissa, exponent)) if !exponent.starts_with('-') => format!("{mantissa}e+{exponent}"),
            _ => text,
        }
    } else {
        format!("{n}")
    }
}
