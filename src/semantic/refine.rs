//! What a condition teaches, on the edge where it holds: one function for `if`, loops, `?:`,
//! `switch`, short-circuits, filters and predicates.

use std::rc::Rc;

use super::builtins;
use super::choice;
use super::facts::{Facts, Interval, RefusedKeys, Types};
use super::ir::{BinaryOp, UnaryOp};
use super::limits;
use super::model::Model;
use super::regex::PROTOTYPE_KEYS;
use super::state::{Field, State};
use super::symbol::{AllocKind, PropKey, Sym, Value};

/// The test that no program makes: whether what is found under a key is the object's own.
const OWN: &str = "[[own]]";

/// Refines `state` by "`sym` is truthy" (or falsy). False if that cannot be.
pub fn assume(model: &mut Model, state: &mut State, sym: Sym, truth: bool) -> bool {
    match model.symbols.value(sym).clone() {
        Value::Unary(UnaryOp::Not, a) => return assume(model, state, a, !truth),
        Value::Binary(op, a, b) if !assume_binary(model, state, op, a, b, truth) => {
            return false;
        }
        Value::Call(path, args) if !assume_call(model, state, &path, &args, truth) => {
            return false;
        }
        _ => {}
    }
    let facts = model.facts(state, sym);
    let refined = facts.assume(truth);
    refined.types != Types::NONE && (refined == facts || learn(model, state, sym, refined))
}

/// Adds facts about `sym` and what follows for the values it was computed from.
fn learn(model: &mut Model, state: &mut State, sym: Sym, facts: Facts) -> bool {
    let before = model.facts(state, sym);
    let after = before.meet(facts);
    if after.types == Types::NONE || (after.types.only(Types::NUMBER) && after.range.lo > after.range.hi) {
        return false;
    }
    if after == before {
        return true;
    }
    if before.types.may(Types::NAN) && !after.types.may(Types::NAN) {
        model.checked_for_nan.insert(sym);
    }
    state.learn(sym, after);
    // What a loop's counter was a round earlier is a merge of itself: following that would not end.
    if model.learning.len() > limits::FACTS_DEPTH_MAX || model.learning.contains(&sym) {
        return true;
    }
    model.learning.push(sym);
    if let Some(&stored) = model.stored_once.get(&sym) {
        learn(model, state, stored, facts);
    }
    learn_parts(model, state, sym, after);
    let possible = choose_by(model, state, sym, after);
    learn_operand(model, state, sym, after);
    if after.length.hi == 0.0 && before.length.hi > 0.0
        || after.types.only(Types::NULLISH)
        || after.types.only(Types::NUMBER) && after.range.hi < 0.0
    {
        learn_absence(model, state, sym);
    }
    model.learning.pop();
    possible
}

/// Rules out what a value that is one of several cannot be, given what is known of it or of its property.
fn choose_by(model: &mut Model, state: &mut State, sym: Sym, known: Facts) -> bool {
    if keep_possible(model, state, sym, &mut |_, _, a| !choice::contradict(a.facts, known)).is_none() {
        return false;
    }
    if known.types.only(Types::ARRAY) {
        let length = model.property_symbol(sym, "length");
        let known = Facts::number(known.length, true);
        if keep_possible(model, state, length, &mut |_, _, a| !choice::contradict(a.facts, known)).is_none() {
            return false;
        }
    }
    let Value::Prop(base, PropKey::Name(name)) = model.symbols.value(sym).clone() else { return true };
    let kept = keep_possible(model, state, base, &mut |model, state, a| match member(model, state, a.value, &name) {
        Some(value) if value == sym => true,
        Some(value) => !choice::contradict(model.facts(state, value), known),
        None => true,
    });
    match kept {
        // What is known of the property of the merged object is known of the property of the one it is.
        Some(Some(only)) => member(model, state, only, &name).is_none_or(|value| learn(model, state, value, known)),
        Some(None) => true,
        None => false,
    }
}

/// What a tracked object has under a name.
fn member(model: &mut Model, state: &State, object: Sym, name: &str) -> Option<Sym> {
    let known = state.object(object)?;
    let Value::Alloc { kind, .. } = *model.symbols.value(object) else { return None };
    match known.fields.get(name) {
        Some(Field::Value(value)) => Some(*value),
        None if kind == AllocKind::Array && name == "length" => Some(model.property_symbol(object, name)),
        None if known.closed && known.rest.is_none() && known.spreads.is_empty() && known.prototype.is_none() => {
            (kind == AllocKind::Object).then(|| model.symbols.undefined())
        }
        _ => None,
    }
}

/// Keeps the possibilities of a value for which `possible` holds. `None` if there are none; otherwise
/// the only one, if it has come down to one just now.
fn keep_possible(
    model: &mut Model,
    state: &mut State,
    sym: Sym,
    possible: &mut dyn FnMut(&mut Model, &State, &choice::Alternative) -> bool,
) -> Option<Option<Sym>> {
    let narrowed = choice::narrow(model, state, sym, possible)?;
    narrowed.learned.into_iter().all(|(about, facts)| learn(model, state, about, facts)).then_some(narrowed.only)
}

/// `sym` is one of the values for which `possible` holds. False if it cannot be.
pub fn suppose(model: &mut Model, state: &mut State, sym: Sym, possible: &mut dyn FnMut(&mut Model, &State, Sym) -> bool) -> bool {
    keep_possible(model, state, sym, &mut |model, state, alternative| possible(model, state, alternative.value)).is_some()
}

/// If only one of the values that a merge may be is left, what is known of the merge is known of it.
fn learn_operand(model: &mut Model, state: &mut State, sym: Sym, facts: Facts) {
    if !matches!(model.symbols.value(sym), Value::Phi(_) | Value::Prop(..)) {
        return;
    }
    let operands: Vec<Sym> = model.symbols.operands(sym).filter(|&o| o != sym).take(4).collect();
    let mut possible = Vec::new();
    for operand in operands {
        let shared = model.facts(state, operand).meet(facts);
        let empty = shared.types == Types::NONE || shared.types.only(Types::NUMBER) && shared.range.lo > shared.range.hi;
        if !empty {
            possible.push(operand);
        }
    }
    if let [only] = possible[..]
        && !model.symbols.is_constant(only)
    {
        learn(model, state, only, facts);
    }
}

/// A search found nothing: what it looked for is nowhere.
fn learn_absence(model: &mut Model, state: &mut State, sym: Sym) {
    for (about, facts) in model.absence.get(&sym).cloned().unwrap_or_default() {
        learn(model, state, about, facts);
    }
}

/// What facts about a result say about its operands, for operations that can be inverted.
fn learn_parts(model: &mut Model, state: &mut State, sym: Sym, facts: Facts) {
    let number = |range: Interval| Facts { range, ..Facts::ANY };
    match model.symbols.value(sym).clone() {
        Value::Prop(base, PropKey::Name(name)) if matches!(&*name, "length" | "size") && facts.types.only(Types::NUMBER) => {
            if facts.range.hi <= limits::BOUND_MAX {
                model.limited.insert(base);
            }
            let of = model.facts(state, base);
            if of.types.only(Types::ITERABLE) || model.symbols.as_builtin(base).is_none() {
                learn(model, state, base, Facts { length: facts.range.meet(Interval::LENGTH), ..Facts::ANY });
            }
        }
        Value::Binary(op, a, b) => {
            let (x, y) = (model.facts(state, a), model.facts(state, b));
            let clean = if facts.types.may(Types::NAN) { Types::ANY } else { !Types::NAN };
            let constant = y.range.lo == y.range.hi;
            match op {
                BinaryOp::Sub if constant => {
                    learn_numeric(model, state, a, facts.range.add(y.range), clean);
                }
                BinaryOp::Add | BinaryOp::Increment if constant && y.types.only(Types::NUMBER) => {
                    learn_numeric(model, state, a, facts.range.add(y.range.neg()), clean);
                }
                BinaryOp::Mul if constant && y.range.lo > 0.0 => {
                    learn_numeric(model, state, a, facts.range.div(y.range), clean);
                }
                BinaryOp::Div if constant && y.range.lo > 0.0 => {
                    learn_numeric(model, state, a, facts.range.mul(y.range), clean);
                }
                BinaryOp::BitOr if y.range == Interval::point(0.0) => {}
                BinaryOp::Sub | BinaryOp::Add if !facts.types.may(Types::NAN) => {
                    learn_numeric(model, state, a, Interval::ALL, clean);
                    learn_numeric(model, state, b, Interval::ALL, clean);
                    // The upper end of a sum or difference bounds each side that the other bounds below.
                    if op == BinaryOp::Sub && y.range.hi.is_finite() {
                        learn(model, state, a, number(Interval { lo: f64::NEG_INFINITY, hi: facts.range.hi + y.range.hi }));
                    }
                    if op == BinaryOp::Sub && x.range.lo.is_finite() {
                        learn(model, state, b, number(Interval { lo: x.range.lo - facts.range.hi, hi: f64::INFINITY }));
                    }
                }
                BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod if !facts.types.may(Types::NAN) => {
                    learn_numeric(model, state, a, Interval::ALL, clean);
                    learn_numeric(model, state, b, Interval::ALL, clean);
                }
                _ => {}
            }
        }
        Value::Unary(UnaryOp::Plus, a) => {
            learn_numeric(model, state, a, facts.range, Types::ANY);
        }
        Value::Unary(UnaryOp::Minus, a) => {
            learn_numeric(model, state, a, facts.range.neg(), Types::ANY);
        }
        Value::Call(path, args) => match (&*path, &args[..]) {
            ("Math.round" | "Math.floor" | "Math.ceil" | "Math.trunc", [a]) => {
                let loose = Interval { lo: facts.range.lo - 1.0, hi: facts.range.hi + 1.0 };
                let clean = if facts.types.may(Types::NAN) { Types::ANY } else { !Types::NAN };
                learn_numeric(model, state, *a, loose, clean);
            }
            ("Math.abs", [a]) => {
                let hi = facts.range.hi;
                learn_numeric(model, state, *a, Interval { lo: -hi, hi }, !Types::NAN);
            }
            ("Number", [a]) if model.facts(state, *a).types.only(Types::NUMERIC | Types::DATE) => {
                learn_numeric(model, state, *a, facts.range, !Types::NAN);
            }
            ("Date.time", [a]) if !facts.types.may(Types::NAN) && model.facts(state, *a).types.only(Types::NUMERIC) => {
                learn_numeric(model, state, *a, facts.range, !Types::NAN);
            }
            ("Array.prototype.indexOf", _) => {}
            ("Date.getFullYear" | "Date.getUTCFullYear", [time]) => {
                let year = 31_557_600_000.0;
                let range = Interval { lo: (facts.range.lo - 1971.0) * year, hi: (facts.range.hi - 1969.0) * year };
                learn_numeric(model, state, *time, range, !Types::NAN);
            }
            (name, [time, ..]) if name.starts_with("Date.get") && !facts.types.may(Types::NAN) => {
                learn_numeric(model, state, *time, Interval::ALL, !Types::NAN);
            }
            _ => {}
        },
        _ => {}
    }
}

/// Facts about a number; a date takes them for its time value. A value that is not known to be a
/// number takes none: a comparison converts it and proves nothing about what it is.
fn learn_numeric(model: &mut Model, state: &mut State, sym: Sym, range: Interval, types: Types) -> bool {
    let facts = model.facts(state, sym);
    if let Some(time) = date_time(model, state, sym) {
        return learn_numeric(model, state, time, range, types);
    }
    if !facts.types.only(Types::NUMERIC) {
        return true;
    }
    learn(model, state, sym, Facts { range, types, ..Facts::ANY })
}

/// The time value of a date object.
pub fn date_time(model: &Model, state: &State, sym: Sym) -> Option<Sym> {
    match model.symbols.value(sym) {
        Value::Alloc { kind: AllocKind::Date, .. } => state.object(sym).and_then(|o| o.time),
        _ => None,
    }
}

fn assume_binary(model: &mut Model, state: &mut State, op: BinaryOp, a: Sym, b: Sym, truth: bool) -> bool {
    use BinaryOp::*;
    match op {
        Equal | NotEqual | StrictEqual | StrictNotEqual => {
            let strict = matches!(op, StrictEqual | StrictNotEqual);
            let same = truth == matches!(op, Equal | StrictEqual);
            assume_equal(model, state, a, b, strict, same) && assume_equal(model, state, b, a, strict, same)
        }
        Less => assume_order(model, state, a, b, true, truth),
        LessEqual => assume_order(model, state, a, b, false, truth),
        Greater => assume_order(model, state, b, a, true, truth),
        GreaterEqual => assume_order(model, state, b, a, false, truth),
        In => {
            if truth {
                assume_property(model, state, b, a);
            }
            true
        }
        InstanceOf => match (model.symbols.as_builtin(b).and_then(builtins::instance_types), truth) {
            (Some(types), true) => learn(model, state, a, Facts::of(types)),
            (Some(types), false) if !types.may(Types::OBJECT) => learn(model, state, a, Facts::of(!types)),
            // Nothing that was JSON is an instance of a class of the program's own.
            (None, true) if matches!(model.symbols.value(b), Value::Class(_) | Value::Closure(..)) && model.is_of_input(a) => false,
            (_, true) => learn(model, state, a, Facts::of(Types::OBJECTS | Types::FUNCTION)),
            _ => true,
        },
        _ => true,
    }
}

/// `a === b` (or `==`), or its negation, as knowledge about `a`.
fn assume_equal(model: &mut Model, state: &mut State, a: Sym, b: Sym, strict: bool, same: bool) -> bool {
    // `x !== x` is the NaN test.
    if a == b {
        return same || !strict || learn(model, state, a, Facts::of(Types::NAN));
    }
    let value = model.symbols.value(a).clone();
    if let Value::Unary(UnaryOp::Typeof, of) = value
        && let Some(name) = model.symbols.as_str(b)
    {
        let types = typeof_types(&name);
        let learned = if same { types } else { !types };
        return learn(model, state, of, Facts { no_method: !learned.may(Types::FUNCTION), ..Facts::of(learned) });
    }
    if let (Value::Prop(of, PropKey::Name(name)), Some(constructor)) = (&value, model.symbols.as_builtin(b))
        && &**name == "constructor"
        && same
        && let Some(types) = builtins::instance_types(constructor)
    {
        return learn(model, state, *of, Facts::of(types));
    }
    if let Value::Call(path, args) = &value
        && let Some(known) = assume_call_equals(model, state, path, args, b, same)
    {
        return known;
    }
    let other = model.facts(state, b);
    if model.symbols.is_constant(b) {
        return assume_constant(model, state, a, b, other, strict, same);
    }
    if !same {
        return true;
    }
    // Strictly equal values have each other's type; NaN equals nothing.
    if strict {
        let own = model.facts(state, a);
        let shared = Facts { types: own.types & other.types.without(Types::NAN), ..Facts::ANY };
        let shared = if own.types.only(Types::NUMERIC) || other.types.only(Types::NUMERIC) {
            Facts { range: other.range, integer: other.integer, ..shared }
        } else {
            shared
        };
        return learn(
            model,
            state,
            a,
            Facts {
                listed: other.listed,
                length: if other.types.only(Types::ITERABLE) { other.length } else { Interval::LENGTH },
                ..shared
            },
        );
    }
    true
}

fn assume_constant(model: &mut Model, state: &mut State, a: Sym, b: Sym, constant: Facts, strict: bool, same: bool) -> bool {
    let nullish = constant.types.may(Types::NULLISH);
    // One of several constants, or an object one of whose properties is.
    let is_it = |model: &Model, value: Sym| !model.symbols.is_constant(value) || (value == b) == same || !strict;
    match keep_possible(model, state, a, &mut |model, _, alternative| is_it(model, alternative.value)) {
        None => return false,
        Some(Some(only)) if only != a && !model.symbols.is_constant(only) => {
            return assume_equal(model, state, only, b, strict, same);
        }
        Some(_) => {}
    }
    if let Value::Prop(base, PropKey::Name(name)) = model.symbols.value(a).clone()
        && keep_possible(model, state, base, &mut |model, state, alternative| {
            member(model, state, alternative.value, &name).is_none_or(|value| is_it(model, value))
        })
        .is_none()
    {
        return false;
    }
    if nullish && same {
        learn_absence(model, state, a);
    }
    if !strict && nullish {
        return learn(model, state, a, Facts::of(if same { Types::NULLISH } else { !Types::NULLISH }));
    }
    if same {
        let own = model.facts(state, a);
        if strict || own.types & constant.types == own.types {
            return learn(model, state, a, constant);
        }
        // Loose equality with a literal still lists the possible string forms.
        return learn(model, state, a, Facts { types: !Types::NULLISH, string_form: true, listed: true, ..Facts::ANY });
    }
    let mut learned = Facts::ANY;
    if nullish || constant.types.only(Types::BOOLEAN) || constant.types.only(Types::EMPTY) {
        learned.types = !constant.types;
    }
    if let Some(text) = model.symbols.as_str(b) {
        match &*text {
            "__proto__" => learned.refused.proto = true,
            "constructor" => learned.refused.constructor = true,
            "prototype" => learned.refused.prototype = true,
            _ => {}
        }
    }
    if let Some(n) = model.symbols.as_number(b) {
        let own = model.facts(state, a);
        if own.types.only(Types::NUMERIC) && own.integer {
            let mut range = own.range;
            if range.lo == n {
                range.lo += 1.0;
            }
            if range.hi == n {
                range.hi -= 1.0;
            }
            if range.lo > range.hi && !own.types.may(Types::NAN) {
                return false;
            }
            learned.range = range;
        }
    }
    learn(model, state, a, learned)
}

/// Results of calls compared with a constant: `xs.indexOf(x) !== -1`, `x.toString() === "Invalid Date"`.
fn assume_call_equals(model: &mut Model, state: &mut State, path: &str, args: &[Sym], b: Sym, same: bool) -> Option<bool> {
    match (path, args) {
        ("Array.prototype.indexOf", [list, x, ..]) if model.symbols.as_number(b) == Some(-1.0) => {
            Some(same || assume_listed(model, state, *list, *x))
        }
        ("Object.prototype.toString", [x]) => {
            let text = model.symbols.as_str(b)?;
            let tag = text.strip_prefix("[object ")?.strip_suffix(']')?;
            let types = match tag {
                "Number" => Types::NUMERIC,
                "String" => Types::STRING,
                "Boolean" => Types::BOOLEAN,
                other => builtins::instance_types(other)?,
            };
            Some(learn(model, state, *x, Facts::of(if same { types } else { !types })))
        }
        // `Object(x) === x` is the test for an object.
        ("Object", [x]) if *x == b => {
            let types = Types::OBJECTS | Types::FUNCTION;
            Some(learn(model, state, b, Facts::of(if same { types } else { !types })))
        }
        ("Object.getPrototypeOf", [x]) if same => {
            let path = model.symbols.as_builtin(b)?.strip_suffix(".prototype")?.to_owned();
            let types = builtins::instance_types(&path)?;
            Some(learn(model, state, *x, Facts::of(types)))
        }
        ("Date.prototype.toString", [date]) if model.symbols.as_str(b).as_deref() == Some("Invalid Date") => {
            Some(same || clear_nan(model, state, *date))
        }
        _ => None,
    }
}

/// The value, or the time of the date, is not NaN.
fn clear_nan(model: &mut Model, state: &mut State, sym: Sym) -> bool {
    match date_time(model, state, sym) {
        Some(time) => learn(model, state, time, Facts::of(!Types::NAN)),
        None => learn(model, state, sym, Facts::of(!Types::NAN)),
    }
}

/// `a < b` (or `a <= b` where not strict), or its negation.
fn assume_order(model: &mut Model, state: &mut State, a: Sym, b: Sym, strict: bool, truth: bool) -> bool {
    if let (Value::Call(path, args), Some(limit)) = (model.symbols.value(a).clone(), model.symbols.as_number(b)) {
        // `xs.indexOf(x) < 0` is "not listed".
        if &*path == "Array.prototype.indexOf" && !truth && strict && limit == 0.0 && args.len() > 1 {
            return assume_listed(model, state, args[0], args[1]);
        }
    }
    if let (Some(limit), Value::Call(path, args)) = (model.symbols.as_number(a), model.symbols.value(b).clone())
        && &*path == "Array.prototype.indexOf"
        && truth
        && args.len() > 1
        && (limit == 0.0 && !strict || limit == -1.0 && strict)
    {
        return assume_listed(model, state, args[0], args[1]);
    }
    if truth {
        below(model, state, a, b, strict, true)
    } else {
        // Not `a < b` is `b <= a`, or one of them is NaN.
        below(model, state, b, a, !strict, false)
    }
}

/// `a < b` or `a <= b`. `proven` says the comparison was true, which excludes NaN on both sides.
fn below(model: &mut Model, state: &mut State, a: Sym, b: Sym, strict: bool, proven: bool) -> bool {
    let (a, b) = (date_time(model, state, a).unwrap_or(a), date_time(model, state, b).unwrap_or(b));
    let (x, y) = (model.facts(state, a), model.facts(state, b));
    let clean = if proven { !Types::NAN } else { Types::ANY };
    if proven {
        model.checked_for_nan.extend([a, b]);
    }
    let numeric = |f: Facts| f.types.only(Types::NUMERIC);
    if !numeric(x) && !numeric(y) {
        return true;
    }
    let gap = if strict && x.integer && y.integer { 1.0 } else { 0.0 };
    if numeric(x) {
        let mut hi = if numeric(y) { y.range.hi - gap } else { f64::INFINITY };
        if hi >= f64::MAX && !depends_on_input(model, b) && model.symbols.as_number(b).is_none() {
            // A limit that the operator or the program sets, though its size is not known here.
            hi = limits::BOUND_MAX;
        }
        if !learn_numeric(model, state, a, Interval { lo: f64::NEG_INFINITY, hi }, clean) {
            return false;
        }
    }
    if numeric(y) {
        let mut lo = if numeric(x) { x.range.lo + gap } else { f64::NEG_INFINITY };
        if strict && gap == 0.0 && lo.is_finite() && numeric(x) && x.range.lo == x.range.hi {
            lo = lo.next_up();
        }
        if !learn_numeric(model, state, b, Interval { lo, hi: f64::INFINITY }, clean) {
            return false;
        }
    }
    // The difference of the two sides is known as well, whichever way the program computes it.
    {
        let (left, right) = (a, b);
        let difference = model.symbols.intern(Value::Binary(BinaryOp::Sub, right, left));
        if numeric(x) && numeric(y) {
            let positive = Interval { lo: if strict { f64::MIN_POSITIVE } else { 0.0 }, hi: f64::INFINITY };
            let known = state.facts.get(&difference).copied().unwrap_or(Facts::of(Types::NUMERIC));
            state.learn(difference, known.meet(Facts { range: positive, ..Facts::ANY }));
        }
    }
    true
}

/// Whether some part of `sym` came from an untrusted argument.
pub fn depends_on_input(model: &Model, sym: Sym) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    let mut open = vec![sym];
    while let Some(next) = open.pop() {
        if !seen.insert(next) || seen.len() > 512 {
            continue;
        }
        let value = model.symbols.value(next);
        if matches!(value, Value::Input { .. }) {
            return true;
        }
        super::symbol::for_each_part(value, |part| open.push(part));
        open.extend(model.symbols.operands(next));
    }
    false
}

fn assume_call(model: &mut Model, state: &mut State, path: &str, args: &[Sym], truth: bool) -> bool {
    let Some(&x) = args.first() else { return true };
    if matches!(path, "Number.isFinite" | "Number.isSafeInteger" | "Number.isInteger" | "Number.isNaN" | "isNaN" | "isFinite") {
        model.checked_for_nan.insert(x);
    }
    match path {
        "Number.isFinite" | "Number.isSafeInteger" | "Number.isInteger" if truth => {
            let integer = path != "Number.isFinite";
            let end = if path == "Number.isSafeInteger" { 9007199254740991.0 } else { f64::MAX };
            learn(model, state, x, Facts::number(Interval { lo: -end, hi: end }, integer))
        }
        "Number.isNaN" | "isNaN" if !truth => {
            let numeric = model.facts(state, x).types.only(Types::NUMERIC | Types::DATE | Types::NULLISH | Types::BOOLEAN);
            !numeric || clear_nan(model, state, x)
        }
        "isFinite" if truth => {
            let numeric = model.facts(state, x).types.only(Types::NUMERIC | Types::DATE);
            !numeric || clear_nan(model, state, x)
        }
        "Array.isArray" => learn(model, state, x, Facts::of(if truth { Types::ARRAY } else { !Types::ARRAY })),
        "Boolean" => assume(model, state, x, truth),
        "Object.hasOwn" | "Object.prototype.hasOwnProperty" | "Reflect.has" if args.len() > 1 => {
            if truth {
                assume_property(model, state, x, args[1]);
                if path != "Reflect.has" {
                    learn_own(model, state, x, args[1]);
                }
                if path != "Reflect.has" && lists_its_keys(model, state, x) {
                    learn(model, state, args[1], Facts { refused: RefusedKeys::ALL, ..Facts::ANY });
                }
            }
            true
        }
        "Array.prototype.includes" if truth && args.len() > 1 => assume_listed(model, state, x, args[1]),
        "Set.prototype.has" | "Map.prototype.has" if truth && args.len() > 1 => assume_listed(model, state, x, args[1]),
        "Array.prototype.includes" | "Set.prototype.has" if !truth && args.len() > 1 => {
            assume_not_listed(model, state, x, args[1]);
            true
        }
        "RegExp.prototype.test" if args.len() > 1 => {
            if truth {
                if let Value::Regex { pattern, flags } = model.symbols.value(x).clone() {
                    let language = super::regex::language(&pattern, &flags);
                    let [proto, constructor, prototype] = language.excludes;
                    let refused = RefusedKeys { proto, constructor, prototype, unlisted: false };
                    let is_text = model.facts(state, args[1]).types.only(Types::STRING);
                    // Of a value that only has this string form, the form is as long; the value may be an array.
                    let length = if is_text { Interval { lo: language.length.lo, hi: language.length.hi } } else { Interval::LENGTH };
                    return learn(
                        model,
                        state,
                        args[1],
                        Facts {
                            string_form: true,
                            digits: language.digits,
                            digit_groups: is_digit_groups(&pattern),
                            length,
                            refused,
                            ..Facts::ANY
                        },
                    );
                }
                return learn(model, state, args[1], Facts { string_form: true, ..Facts::ANY });
            }
            true
        }
        "Object.is" if args.len() > 1 => assume_equal(model, state, x, args[1], true, truth),
        _ => true,
    }
}

/// `k in o`, `Object.hasOwn(o, k)`: the property is there, and if the program lists the keys of `o`,
/// then `k` is one of them.
fn assume_property(model: &mut Model, state: &mut State, object: Sym, key: Sym) {
    let property = match model.symbols.key_text(key) {
        Some(name) => model.symbols.intern(Value::Prop(object, PropKey::Name(name))),
        None => model.symbols.intern(Value::Prop(object, PropKey::Dynamic(key))),
    };
    learn(model, state, property, Facts::of(!Types::NULLISH));
    if !depends_on_input(model, object) {
        learn(model, state, key, Facts { string_form: true, ..Facts::ANY });
    }
}

/// What is found under a key is the object's own.
pub fn learn_own(model: &mut Model, state: &mut State, object: Sym, key: Sym) {
    let own = holds_own(model, object, key);
    state.learn(own, Facts::of(Types::TRUE));
}

/// That what is found under a key is the object's own, as a value of its own: no test of the program's.
pub fn holds_own(model: &mut Model, object: Sym, key: Sym) -> Sym {
    model.symbols.intern(Value::Call(OWN.into(), vec![object, key]))
}

/// Something was deleted: what was found under its name is inherited from now on.
pub fn forget_own(model: &Model, state: &mut State) {
    let own: Vec<Sym> =
        state.facts.keys().copied().filter(|&s| matches!(model.symbols.value(s), Value::Call(path, _) if &**path == OWN)).collect();
    for sym in own {
        state.facts.remove(&sym);
    }
}

/// Whether all own keys of an object stand in the program, none of them a way to a prototype.
pub fn lists_its_keys(model: &Model, state: &State, object: Sym) -> bool {
    let is_plain = matches!(model.symbols.value(object), Value::Alloc { kind: AllocKind::Object, .. });
    is_plain && state.object(object).is_some_and(|known| PROTOTYPE_KEYS.iter().all(|key| known.lacks(key)))
}

/// `x` is an element of `list`: if the program lists them, that settles type and value.
fn assume_listed(model: &mut Model, state: &mut State, list: Sym, x: Sym) -> bool {
    // One of several lists, such as an entry of a table of lists, is a list all the same.
    let mut lists = model.symbols.leaves(list);
    lists.retain(|&one| !matches!(model.symbols.value(one), Value::Undefined | Value::Null));
    if depends_on_input(model, list) && !lists.iter().all(|&one| is_program_list(model, state, one)) {
        return true;
    }
    if model.facts(state, list).types.only(Types::STRING) {
        return true;
    }
    let mut joined: Option<Facts> = None;
    for list in lists {
        let Some(object) = state.object(list).cloned() else {
            joined = None;
            break;
        };
        let is_map = matches!(model.symbols.value(list), Value::Alloc { kind: AllocKind::Map, .. });
        let field = |(name, f): (&Rc<str>, &Field)| match f {
            Field::Value(v) if is_map == (&**name == "[[key]]") => Some(*v),
            _ => None,
        };
        let rest = if is_map { None } else { object.rest };
        for element in object.fields.iter().filter_map(field).chain(rest) {
            let facts = model.facts(state, element);
            joined = Some(joined.map_or(facts, |j| j.join(facts)));
        }
    }
    let learned = match joined {
        Some(facts) if facts.types != Types::ANY => Facts { listed: true, ..facts },
        _ => Facts { types: !Types::NULLISH, listed: true, string_form: true, ..Facts::ANY },
    };
    learn(model, state, x, learned)
}

/// A list the program made of values of its own.
fn is_program_list(model: &Model, state: &State, list: Sym) -> bool {
    state.object(list).is_some_and(|o| o.closed && o.rest.is_none_or(|r| !depends_on_input(model, r)))
        && matches!(model.symbols.value(list), Value::Alloc { .. })
}

/// `x` is none of the elements of `list`: matters for lists of refused keys.
fn assume_not_listed(model: &mut Model, state: &mut State, list: Sym, x: Sym) {
    let Some(object) = state.object(list).cloned() else { return };
    let mut learned = Facts::ANY;
    let elements: Vec<Sym> =
        object.fields.values().filter_map(|f| if let Field::Value(v) = f { Some(*v) } else { None }).chain(object.rest).collect();
    for element in elements.into_iter().flat_map(|e| model.symbols.leaves(e)) {
        match model.symbols.as_str(element).as_deref() {
            Some("__proto__") => learned.refused.proto = true,
            Some("constructor") => learned.refused.constructor = true,
            Some("prototype") => learned.refused.prototype = true,
            _ => {}
        }
    }
    learn(model, state, x, learned);
}

/// The types that `typeof` names so.
fn typeof_types(name: &Rc<str>) -> Types {
    match &**name {
        "undefined" => Types::UNDEFINED,
        "boolean" => Types::BOOLEAN,
        "number" => Types::NUMERIC,
        "string" => Types::STRING,
        "bigint" => Types::BIGINT,
        "symbol" => Types::SYMBOL,
        "function" => Types::FUNCTION,
        "object" => Types::OBJECTS | Types::NULL,
        _ => Types::NONE,
    }
}

/// Built-ins that return nothing.
pub fn is_void(path: &str) -> bool {
    path.starts_with("console.")
        || matches!(
            path,
            "Array.prototype.forEach"
                | "Map.prototype.forEach"
                | "Set.prototype.forEach"
                | "Map.prototype.clear"
                | "Set.prototype.clear"
                | "clearTimeout"
        )
}

/// Whether an anchored expression matches only digits and what separates them, as in a date.
pub fn is_digit_groups(pattern: &str) -> bool {
    pattern.strip_prefix('^').and_then(|p| p.strip_suffix('$')).is_some_and(only_digits)
}

/// Whether a piece of an expression matches only digits and what separates them.
pub fn only_digits(pattern: &str) -> bool {
    let plain =
        pattern.replace("\\d", "0").replace("[0-9]", "0").replace("(?:", "(").replace("\\.", ".").replace("\\/", "/").replace("\\-", "-");
    let plain = match plain.find("(?<") {
        Some(_) => {
            let mut text = String::new();
            let mut rest = plain.as_str();
            while let Some(at) = rest.find("(?<") {
                text.push_str(&rest[..at]);
                rest = rest[at..].find('>').map_or("", |end| &rest[at + end + 1..]);
            }
            text + rest
        }
        None => plain,
    };
    plain.contains('0')
        && plain.chars().all(|c| {
            c.is_ascii_digit()
                || matches!(c, '{' | '}' | ',' | '+' | '*' | '?' | '|' | '(' | ')' | '[' | ']' | '-' | '/' | ':' | '.' | 'T' | 'Z' | ' ')
        })
}

/// The text of each capturing group of an expression, with its name.
pub fn capturing_groups(pattern: &str) -> Vec<(Option<String>, String)> {
    let chars: Vec<char> = pattern.chars().collect();
    let (mut groups, mut open, mut at, mut in_class) = (Vec::new(), Vec::new(), 0, false);
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 1,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => {
                let rest: String = chars[at + 1..].iter().take(40).collect();
                let named = rest.starts_with("?<") && !rest.starts_with("?<=") && !rest.starts_with("?<!");
                let name = named.then(|| rest[2..].split('>').next().unwrap_or_default().to_owned());
                let captures = !rest.starts_with('?') || named;
                let index = captures.then(|| {
                    groups.push((name.clone(), String::new()));
                    groups.len() - 1
                });
                let start = at + 1 + name.map_or(0, |n| n.chars().count() + 3);
                open.push((index, start));
            }
            ')' if !in_class => {
                if let Some((Some(index), start)) = open.pop() {
                    groups[index].1 = chars.get(start..at).unwrap_or_default().iter().collect();
                }
            }
            _ => {}
        }
        at += 1;
    }
    groups
}
