//! What each built-in is and gives: paths of members, types of results, owners of methods.
//!
//! A built-in is named by its path from the global object: `eval`, `Math.max`,
//! `Array.prototype.map`. Calls with effects or callbacks are in [`call`]; folding of constants is
//! in [`fold`].

use super::facts::{Facts, Interval, Types};
use super::model::{Model, numeric_conversion, text_length};
use super::refine;
use super::state::State;
use super::symbol::{Sym, Symbols, Value};

pub mod call;
pub mod fold;

/// Names of the global object.
pub const GLOBAL_OBJECTS: [&str; 6] = ["globalThis", "window", "self", "global", "top", "frames"];

/// Constructors whose prototype and static members are built in.
pub const CONSTRUCTORS: &[&str] = &[
    "Object",
    "Function",
    "Array",
    "String",
    "Number",
    "Boolean",
    "Symbol",
    "BigInt",
    "Date",
    "RegExp",
    "Map",
    "Set",
    "WeakMap",
    "WeakSet",
    "WeakRef",
    "Promise",
    "Proxy",
    "Error",
    "TypeError",
    "RangeError",
    "SyntaxError",
    "ReferenceError",
    "EvalError",
    "URIError",
    "AggregateError",
    "ArrayBuffer",
    "SharedArrayBuffer",
    "DataView",
    "Int8Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "Int16Array",
    "Uint16Array",
    "Int32Array",
    "Uint32Array",
    "Float32Array",
    "Float64Array",
    "BigInt64Array",
    "BigUint64Array",
    "Float16Array",
    "AsyncFunction",
    "GeneratorFunction",
    "AsyncGeneratorFunction",
    "Iterator",
    "FinalizationRegistry",
    "TypedArray",
];

/// Built-in objects that are not functions.
const NAMESPACES: &[&str] =
    &["Math", "JSON", "Reflect", "console", "globalThis", "Intl", "Atomics", "__env", "module", "exports", "module.exports", "arguments"];

/// The constructors of functions: calling one compiles text.
pub const FUNCTION_CONSTRUCTORS: [&str; 4] = ["Function", "AsyncFunction", "GeneratorFunction", "AsyncGeneratorFunction"];

/// Whether the value at `path` is a constructor or other function.
pub fn is_function(path: &str) -> bool {
    !NAMESPACES.contains(&path) && !path.ends_with(".prototype") && !is_context(path) && !path.starts_with("import:")
}

/// Functions of the global object that construct nothing.
pub const GLOBAL_FUNCTIONS: &[&str] = &[
    "eval",
    "isFinite",
    "isNaN",
    "parseFloat",
    "parseInt",
    "decodeURI",
    "decodeURIComponent",
    "encodeURI",
    "encodeURIComponent",
    "escape",
    "unescape",
    "setTimeout",
    "clearTimeout",
];

/// Whether every engine has the global that `path` begins with.
pub fn is_provided(path: &str) -> bool {
    let root = path.split('.').next().unwrap_or(path);
    let internal = root.starts_with("[[");
    internal || CONSTRUCTORS.contains(&root) || NAMESPACES.contains(&root) || GLOBAL_FUNCTIONS.contains(&root) || is_context(root)
}

/// One of the three identity strings that the host injects.
pub fn is_context(path: &str) -> bool {
    matches!(path, "__tenantId" | "__agentId" | "__userId")
}

/// Types of a built-in value itself.
pub fn facts_of(path: &str) -> Facts {
    if is_context(path) {
        Facts { listed: true, ..Facts::string(Interval { lo: 1.0, hi: 256.0 }) }
    } else if path == "Array.prototype" {
        Facts::of(Types::ARRAY | Types::OBJECT)
    } else if path.starts_with("import:") || !is_provided(path) {
        Facts::ANY
    } else if is_function(path) {
        Facts::of(Types::FUNCTION)
    } else {
        Facts::of(Types::OBJECT)
    }
}

/// The member `key` of the built-in at `path`.
pub fn member(symbols: &mut Symbols, path: &str, key: &str) -> Sym {
    if path == "globalThis" {
        return symbols.builtin(if GLOBAL_OBJECTS.contains(&key) { "globalThis" } else { key });
    }
    if let Some(n) = constant(path, key) {
        return symbols.number(n);
    }
    if let Some(owner) = path.strip_suffix(".prototype") {
        match key {
            "constructor" => return symbols.builtin(owner),
            "__proto__" => return symbols.builtin("Object.prototype"),
            _ => {}
        }
    }
    match key {
        "call" | "apply" | "bind" if is_function(path) => return symbols.builtin(&format!("Function.prototype.{key}")),
        "constructor" => return symbols.builtin(if is_function(path) { "Function" } else { "Object" }),
        "__proto__" => return symbols.builtin(if is_function(path) { "Function.prototype" } else { "Object.prototype" }),
        "name" if is_function(path) => return symbols.string(path.rsplit('.').next().unwrap_or(path)),
        _ => {}
    }
    symbols.builtin(&format!("{path}.{key}"))
}

fn constant(path: &str, key: &str) -> Option<f64> {
    Some(match (path, key) {
        ("Number", "MAX_SAFE_INTEGER") => 9007199254740991.0,
        ("Number", "MIN_SAFE_INTEGER") => -9007199254740991.0,
        ("Number", "MAX_VALUE") => f64::MAX,
        ("Number", "MIN_VALUE") => 5e-324,
        ("Number", "EPSILON") => f64::EPSILON,
        ("Number", "POSITIVE_INFINITY") => f64::INFINITY,
        ("Number", "NEGATIVE_INFINITY") => f64::NEG_INFINITY,
        ("Number", "NaN") => f64::NAN,
        ("Math", "PI") => std::f64::consts::PI,
        ("Math", "E") => std::f64::consts::E,
        ("Math", "LN2") => std::f64::consts::LN_2,
        ("Math", "LN10") => std::f64::consts::LN_10,
        ("Math", "SQRT2") => std::f64::consts::SQRT_2,
        ("Math", "LOG2E") => std::f64::consts::LOG2_E,
        ("Math", "LOG10E") => std::f64::consts::LOG10_E,
        ("Math", "SQRT1_2") => std::f64::consts::FRAC_1_SQRT_2,
        _ => return None,
    })
}

/// The types of what `x instanceof constructor` accepts.
pub fn instance_types(constructor: &str) -> Option<Types> {
    Some(match constructor {
        "Array" => Types::ARRAY,
        "Date" => Types::DATE | Types::NAN,
        "RegExp" => Types::REGEXP,
        "Map" => Types::MAP,
        "Set" => Types::SET,
        "Promise" => Types::PROMISE,
        "Function" => Types::FUNCTION,
        "Object" => Types::OBJECTS,
        "String" => Types::STRING,
        "Number" => Types::NUMERIC,
        "Boolean" => Types::BOOLEAN,
        _ => return None,
    })
}

/// Calls whose truth says something about their arguments.
pub fn is_predicate(path: &str) -> bool {
    matches!(
        path,
        "Number.isFinite"
            | "Number.isSafeInteger"
            | "Number.isInteger"
            | "Number.isNaN"
            | "isNaN"
            | "isFinite"
            | "Array.isArray"
            | "Boolean"
            | "Object.hasOwn"
            | "Object.is"
            | "Reflect.has"
            | "Object.prototype.hasOwnProperty"
            | "Array.prototype.includes"
            | "Set.prototype.has"
            | "Map.prototype.has"
            | "RegExp.prototype.test"
    )
}

const STRING_METHODS: &[&str] = &[
    "at",
    "charAt",
    "charCodeAt",
    "codePointAt",
    "concat",
    "endsWith",
    "includes",
    "indexOf",
    "isWellFormed",
    "lastIndexOf",
    "localeCompare",
    "match",
    "matchAll",
    "normalize",
    "padEnd",
    "padStart",
    "repeat",
    "replace",
    "replaceAll",
    "search",
    "slice",
    "split",
    "startsWith",
    "substr",
    "substring",
    "toLocaleLowerCase",
    "toLocaleUpperCase",
    "toLowerCase",
    "toString",
    "toUpperCase",
    "toWellFormed",
    "trim",
    "trimEnd",
    "trimStart",
    "trimLeft",
    "trimRight",
    "valueOf",
    "anchor",
    "big",
    "bold",
    "link",
    "sub",
    "sup",
];
const ARRAY_METHODS: &[&str] = &[
    "at",
    "concat",
    "copyWithin",
    "entries",
    "every",
    "fill",
    "filter",
    "find",
    "findIndex",
    "findLast",
    "findLastIndex",
    "flat",
    "flatMap",
    "forEach",
    "includes",
    "indexOf",
    "join",
    "keys",
    "lastIndexOf",
    "map",
    "pop",
    "push",
    "reduce",
    "reduceRight",
    "reverse",
    "shift",
    "slice",
    "some",
    "sort",
    "splice",
    "toLocaleString",
    "toReversed",
    "toSorted",
    "toSpliced",
    "toString",
    "unshift",
    "values",
    "with",
];
const NUMBER_METHODS: &[&str] = &["toExponential", "toFixed", "toLocaleString", "toPrecision", "toString", "valueOf"];
const MAP_METHODS: &[&str] = &["clear", "delete", "entries", "forEach", "get", "has", "keys", "set", "values"];
const SET_METHODS: &[&str] = &[
    "add",
    "clear",
    "delete",
    "entries",
    "forEach",
    "has",
    "keys",
    "values",
    "union",
    "intersection",
    "difference",
    "symmetricDifference",
    "isSubsetOf",
    "isSupersetOf",
    "isDisjointFrom",
];
const REGEXP_METHODS: &[&str] = &["exec", "test", "toString", "compile"];
const PROMISE_METHODS: &[&str] = &["then", "catch", "finally"];
const FUNCTION_METHODS: &[&str] = &["call", "apply", "bind", "toString"];
const OBJECT_METHODS: &[&str] = &["hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf"];

/// Methods a value of these types has under `name`, as the path of the built-in. Where the types
/// leave it open, the name decides if only one built-in has it.
pub fn method(types: Types, name: &str) -> Option<String> {
    if name == "@@iterator" {
        let known = [(Types::ARRAY, "Array", "values"), (Types::SET, "Set", "values"), (Types::MAP, "Map", "entries")];
        let known = known.into_iter().find(|(of, ..)| types.only(*of));
        return known.map(|(_, owner, method)| format!("{owner}.prototype.{method}"));
    }
    let path = |owner: &str| Some(format!("{owner}.prototype.{name}"));
    let exact: [(Types, &str, &[&str]); 9] = [
        (Types::STRING, "String", STRING_METHODS),
        (Types::ARRAY, "Array", ARRAY_METHODS),
        (Types::NUMERIC, "Number", NUMBER_METHODS),
        (Types::MAP, "Map", MAP_METHODS),
        (Types::SET, "Set", SET_METHODS),
        (Types::REGEXP, "RegExp", REGEXP_METHODS),
        (Types::PROMISE, "Promise", PROMISE_METHODS),
        (Types::FUNCTION, "Function", FUNCTION_METHODS),
        (Types::BOOLEAN, "Boolean", &["toString", "valueOf"]),
    ];
    for (of, owner, names) in exact {
        if types.only(of) && names.contains(&name) {
            return path(owner);
        }
    }
    if types.only(Types::DATE | Types::NAN) && types.may(Types::DATE) && is_date_method(name) {
        return path("Date");
    }
    if types.only(Types::OBJECTS) && OBJECT_METHODS.contains(&name) {
        return path("Object");
    }
    None
}

/// The method of an iterator that the language made. Helpers do to it what those of an array do.
pub fn iterator_method(name: &str) -> Option<String> {
    match name {
        "next" | "return" | "throw" => Some(format!("Iterator.prototype.{name}")),
        "toArray" | "take" | "drop" => Some("Array.prototype.slice".into()),
        "map" | "filter" | "flatMap" | "forEach" | "reduce" | "some" | "every" | "find" => Some(format!("Array.prototype.{name}")),
        _ => None,
    }
}

/// The built-in that a method name alone suggests, for a receiver of unknown type.
pub fn method_by_name(types: Types, name: &str) -> Option<String> {
    if let Some(path) = method(types, name) {
        return Some(path);
    }
    let in_array = ARRAY_METHODS.contains(&name) && types.may(Types::ARRAY);
    let in_string = STRING_METHODS.contains(&name) && types.may(Types::STRING);
    let owner = match name {
        "hasOwnProperty" | "propertyIsEnumerable" | "isPrototypeOf" => "Object",
        "toString" | "valueOf" | "toLocaleString" => "Object",
        "test" | "exec" if types.may(Types::REGEXP) => "RegExp",
        "then" | "catch" | "finally" if types.may(Types::PROMISE) => "Promise",
        "call" | "apply" | "bind" if types.may(Types::FUNCTION) => "Function",
        "get" | "set" if types.may(Types::MAP) => "Map",
        "has" if types.may(Types::MAP | Types::SET) => "Map",
        "add" if types.may(Types::SET) => "Set",
        _ if in_array => "Array",
        _ if in_string => "String",
        "toFixed" | "toPrecision" | "toExponential" => "Number",
        _ if is_date_method(name) && types.may(Types::DATE) => "Date",
        _ => return None,
    };
    Some(format!("{owner}.prototype.{name}"))
}

/// What a method of this name works on, for demands on receivers.
pub fn receiver_types(name: &str) -> Types {
    let mut types = Types::NONE;
    if STRING_METHODS.contains(&name) {
        types = types | Types::STRING;
    }
    if ARRAY_METHODS.contains(&name) {
        types = types | Types::ARRAY;
    }
    if NUMBER_METHODS.contains(&name) {
        types = types | Types::NUMBER | Types::NAN;
    }
    if MAP_METHODS.contains(&name) {
        types = types | Types::MAP;
    }
    if SET_METHODS.contains(&name) {
        types = types | Types::SET;
    }
    if OBJECT_METHODS.contains(&name) {
        types = types | Types::OBJECTS | Types::BOOLEAN | Types::STRING | Types::NUMBER | Types::FUNCTION;
    }
    if is_date_method(name) {
        types = types | Types::DATE;
        // The one that throws for an invalid date; of what the others give, the use is judged.
        if name != "toISOString" {
            types = types | Types::NAN;
        }
    }
    if REGEXP_METHODS.contains(&name) {
        types = types | Types::REGEXP;
    }
    if types == Types::NONE { Types::OBJECTS | Types::FUNCTION } else { types }
}

/// Whether `name` is a method of `Date.prototype`.
pub fn is_date_method(name: &str) -> bool {
    let part = name.strip_prefix("getUTC").or(name.strip_prefix("setUTC")).or(name.strip_prefix("get")).or(name.strip_prefix("set"));
    match part {
        Some(
            "Date" | "Day" | "FullYear" | "Hours" | "Milliseconds" | "Minutes" | "Month" | "Seconds" | "Time" | "TimezoneOffset" | "Year",
        ) => true,
        _ => matches!(
            name,
            "valueOf"
                | "toISOString"
                | "toJSON"
                | "toDateString"
                | "toTimeString"
                | "toUTCString"
                | "toLocaleDateString"
                | "toLocaleTimeString"
                | "toGMTString"
        ),
    }
}

/// Facts about the result of a pure built-in call. A method's receiver is the first argument.
pub fn call_facts(model: &mut Model, state: &State, path: &str, args: &[Sym]) -> Facts {
    let arg = |model: &mut Model, i: usize| match args.get(i) {
        Some(&sym) => model.facts(state, sym),
        None => Facts::of(Types::UNDEFINED),
    };
    let natural = Facts::number(Interval::LENGTH, true);
    match path {
        "Number" => numeric_conversion(arg(model, 0)),
        "parseFloat" | "Number.parseFloat" | "parseInt" | "Number.parseInt" => {
            let of = arg(model, 0);
            if of.types.only(Types::NUMBER) {
                return of;
            }
            let integer = path.ends_with("parseInt");
            Facts {
                integer,
                range: if of.digits { numeric_conversion(of).range } else { Interval::ALL },
                ..Facts::of(if of.digits { Types::NUMBER } else { Types::NUMERIC })
            }
        }
        "String" | "JSON.stringify" | "Object.prototype.toString" | "Number.prototype.toString" | "Boolean.prototype.toString" => {
            let of = arg(model, 0);
            let length = if path == "JSON.stringify" { Interval::LENGTH } else { text_length(of) };
            Facts {
                listed: of.listed && path == "String",
                digits: of.digits || (path == "String" && of.types.only(Types::NUMBER) && of.integer),
                ..Facts::string(length)
            }
        }
        "Boolean" => {
            let of = arg(model, 0);
            match of.truth() {
                (true, false) => Facts::of(Types::TRUE),
                (false, true) => Facts::of(Types::FALSE),
                _ => Facts::of(Types::BOOLEAN),
            }
        }
        "Function.prototype.toString" => Facts::string(Interval::LENGTH),
        _ if is_predicate(path) => Facts::of(Types::BOOLEAN),
        "String.prototype.startsWith"
        | "String.prototype.endsWith"
        | "String.prototype.includes"
        | "Object.isFrozen"
        | "Array.prototype.some"
        | "Array.prototype.every"
        | "Number.isNumber"
        | "Object.prototype.propertyIsEnumerable"
        | "Set.prototype.delete"
        | "Map.prototype.delete" => Facts::of(Types::BOOLEAN),
        "Math.min" | "Math.max" => {
            let facts: Vec<Facts> = (0..args.len()).map(|i| numeric_conversion(arg(model, i))).collect();
            let integer = facts.iter().all(|f| f.integer);
            let fold = |pick: fn(f64, f64) -> f64| Interval {
                lo: facts.iter().map(|f| f.range.lo).reduce(pick).unwrap_or(f64::NEG_INFINITY),
                hi: facts.iter().map(|f| f.range.hi).reduce(pick).unwrap_or(f64::INFINITY),
            };
            let range = fold(if path == "Math.min" { f64::min } else { f64::max });
            Facts { types: Types::NUMBER, range, integer, ..Facts::ANY }
        }
        "Math.floor" | "Math.ceil" | "Math.round" | "Math.trunc" => {
            let of = numeric_conversion(arg(model, 0));
            let round = |n: f64| match path {
                "Math.ceil" => n.ceil(),
                "Math.round" => (n + 0.5).floor(),
                "Math.trunc" => n.trunc(),
                _ => n.floor(),
            };
            Facts::number(of.range.map(round), true)
        }
        "Math.abs" => {
            let of = numeric_conversion(arg(model, 0));
            Facts::number(of.range.abs(), of.integer)
        }
        "Math.sign" => Facts::number(Interval { lo: -1.0, hi: 1.0 }, true),
        "Math.sqrt" | "Math.cbrt" => {
            let of = numeric_conversion(arg(model, 0));
            Facts {
                range: Interval { lo: 0.0, hi: if of.range.hi.is_finite() { of.range.hi.max(1.0).sqrt().max(1.0) } else { f64::INFINITY } },
                integer: false,
                ..of
            }
        }
        "Math.random" => Facts::number(Interval { lo: 0.0, hi: 1.0 }, false),
        "Math.log" | "Math.log2" | "Math.log10" | "Math.log1p" => {
            let of = numeric_conversion(arg(model, 0));
            Facts { range: Interval { lo: f64::NEG_INFINITY, hi: 1100.0 }, integer: false, ..of }
        }
        "Math.pow" => {
            let symbol = model.symbols.intern(Value::Binary(super::ir::BinaryOp::Exp, args[0], args.get(1).copied().unwrap_or(args[0])));
            model.facts(state, symbol)
        }
        _ if path.starts_with("Math.") => Facts::of(Types::NUMBER),
        "Date.now" => Facts::number(Interval { lo: 1e12, hi: 1e14 }, true),
        "Date.time" => {
            let of = arg(model, 0);
            match args.len() {
                1 if of.types.only(Types::DATE | Types::NAN) && of.types.may(Types::DATE) => {
                    Facts { types: Types::NUMBER | (of.types & Types::NAN), range: of.range, integer: true, ..Facts::ANY }
                }
                1 if of.types.only(Types::NUMBER) => Facts { integer: true, ..of },
                1 if of.types.only(Types::NUMERIC) => Facts { integer: true, ..of },
                _ => {
                    let numbers = args.len() > 1 && (0..args.len()).all(|i| arg(model, i).types.only(Types::NUMBER));
                    Facts { integer: true, ..Facts::of(if numbers { Types::NUMBER } else { Types::NUMERIC }) }
                }
            }
        }
        "Date.UTC" | "Date.parse" => {
            let numbers = path == "Date.UTC" && (0..args.len()).all(|i| arg(model, i).types.only(Types::NUMBER));
            Facts { integer: true, ..Facts::of(if numbers { Types::NUMBER } else { Types::NUMERIC }) }
        }
        _ if path.starts_with("Date.set") => {
            let time = arg(model, 0);
            Facts { types: Types::NUMBER | (time.types & Types::NAN), integer: true, ..Facts::ANY }
        }
        _ if path.starts_with("Date.get") => {
            let time = arg(model, 0);
            let range = match path.trim_start_matches("Date.getUTC").trim_start_matches("Date.get") {
                "Day" => Interval { lo: 0.0, hi: 6.0 },
                "Date" => Interval { lo: 1.0, hi: 31.0 },
                "Month" => Interval { lo: 0.0, hi: 11.0 },
                "Hours" => Interval { lo: 0.0, hi: 23.0 },
                "Minutes" | "Seconds" => Interval { lo: 0.0, hi: 59.0 },
                "Milliseconds" => Interval { lo: 0.0, hi: 999.0 },
                "TimezoneOffset" => Interval { lo: -900.0, hi: 900.0 },
                _ => Interval { lo: -271821.0, hi: 275760.0 },
            };
            Facts { types: Types::NUMBER | (time.types & Types::NAN), ..Facts::number(range, true) }
        }
        _ if path.starts_with("Date.prototype.to") => Facts::string(Interval { lo: 1.0, hi: 120.0 }),
        "String.prototype.charCodeAt" | "String.prototype.codePointAt" => Facts::number(Interval { lo: 0.0, hi: 1114111.0 }, true),
        "String.prototype.indexOf"
        | "String.prototype.lastIndexOf"
        | "String.prototype.search"
        | "Array.prototype.indexOf"
        | "Array.prototype.lastIndexOf"
        | "Array.prototype.findIndex"
        | "Array.prototype.findLastIndex" => {
            let of = arg(model, 0);
            Facts::number(Interval { lo: -1.0, hi: of.length.hi }, true)
        }
        "String.prototype.localeCompare" => Facts::number(Interval { lo: -1.0, hi: 1.0 }, true),
        "String.prototype.charAt" => Facts::string(Interval { lo: 0.0, hi: 1.0 }),
        "String.prototype.trim"
        | "String.prototype.trimEnd"
        | "String.prototype.trimStart"
        | "String.prototype.trimLeft"
        | "String.prototype.trimRight" => {
            let of = arg(model, 0);
            Facts { digits: of.digits, ..Facts::string(Interval { lo: 0.0, hi: of.length.hi }) }
        }
        "String.prototype.toUpperCase"
        | "String.prototype.toLowerCase"
        | "String.prototype.normalize"
        | "String.prototype.toLocaleUpperCase"
        | "String.prototype.toLocaleLowerCase"
        | "String.prototype.toString"
        | "String.prototype.valueOf" => {
            let of = arg(model, 0);
            Facts {
                listed: of.listed,
                digits: of.digits,
                ..Facts::string(if of.types.only(Types::STRING) {
                    Interval { lo: of.length.lo, hi: of.length.hi * 3.0 }
                } else {
                    Interval::LENGTH
                })
            }
        }
        "String.prototype.slice" | "String.prototype.substring" | "String.prototype.substr" | "Array.prototype.slice" => {
            let of = arg(model, 0);
            let (from, to) = (arg(model, 1), arg(model, 2));
            let mut hi = of.length.hi;
            if args.len() > 2 && to.types.only(Types::NUMBER) && to.range.hi.is_finite() && to.range.hi >= 0.0 {
                hi = hi.min(to.range.hi);
            }
            if args.len() == 2 && from.types.only(Types::NUMBER) && from.range.hi < 0.0 {
                hi = hi.min(-from.range.lo);
            }
            let length = Interval { lo: 0.0, hi: hi.max(0.0) };
            if path.starts_with("Array") {
                Facts::array(length)
            } else {
                Facts { digits: of.digits || of.digit_groups, ..Facts::string(length) }
            }
        }
        "String.prototype.padStart" | "String.prototype.padEnd" => {
            let (of, to) = (arg(model, 0), arg(model, 1));
            let hi = if to.types.only(Types::NUMBER) { of.length.hi.max(to.range.hi) } else { f64::INFINITY };
            let digits = of.digits && args.get(2).is_some_and(|&with| model.facts(state, with).digits);
            Facts { digits, ..Facts::string(Interval { lo: of.length.lo, hi }) }
        }
        "String.prototype.repeat" => {
            let (of, n) = (arg(model, 0), arg(model, 1));
            let times = if n.types.only(Types::NUMBER) { n.range.meet(Interval::LENGTH) } else { Interval::LENGTH };
            Facts::string(of.length.mul(times))
        }
        "String.prototype.replace" | "String.prototype.replaceAll" => {
            let of = arg(model, 0);
            let with = arg(model, 2);
            let shrinks = with.types.only(Types::STRING) && with.length.hi <= 1.0;
            Facts::string(Interval { lo: 0.0, hi: if shrinks { of.length.hi } else { of.length.hi * 64.0 } })
        }
        "Number.prototype.toFixed"
        | "Number.prototype.toPrecision"
        | "Number.prototype.toExponential"
        | "BigInt.prototype.toString"
        | "Number.prototype.toLocaleString" => {
            let of = arg(model, 0);
            Facts { digits: !of.types.may(Types::NAN), ..Facts::string(Interval { lo: 1.0, hi: 130.0 }) }
        }
        "Array.prototype.join" => Facts::of(Types::STRING),
        "Map.prototype.get" => Facts::ANY,
        "btoa"
        | "atob"
        | "encodeURIComponent"
        | "encodeURI"
        | "decodeURIComponent"
        | "decodeURI"
        | "escape"
        | "unescape"
        | "String.fromCharCode"
        | "String.fromCodePoint"
        | "String.raw"
        | "String.prototype.concat" => {
            let mut length = Interval::point(0.0);
            for i in 0..args.len() {
                length = length.add(arg(model, i).length);
            }
            Facts::string(if length.hi.is_finite() { Interval { lo: 0.0, hi: length.hi * 12.0 } } else { Interval::LENGTH })
        }
        "BigInt" | "BigInt.asIntN" | "BigInt.asUintN" => Facts::of(Types::BIGINT),
        "Symbol" | "Symbol.for" => Facts::of(Types::SYMBOL),
        "Array.prototype.push" | "Array.prototype.unshift" => natural,
        _ if refine::is_void(path) => Facts::of(Types::UNDEFINED),
        _ => Facts::ANY,
    }
}
