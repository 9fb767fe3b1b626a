//! Constant folding of strings and numbers: the tricks by which a name is spelled without being
//! written.

use std::rc::Rc;

use base64::Engine;

use crate::semantic::ir::{BinaryOp, UnaryOp};
use crate::semantic::limits::FOLDED_STRING_MAX;
use crate::semantic::symbol::{Sym, Symbols, Value, number_text};

/// A constant of JavaScript.
#[derive(Clone, Debug, PartialEq)]
pub enum Const {
    /// A string.
    Str(Rc<str>),
    /// A number.
    Number(f64),
    /// A boolean.
    Bool(bool),
    /// `null`
    Null,
    /// `undefined`
    Undefined,
}

/// The constant behind a symbol.
pub fn constant(symbols: &Symbols, sym: Sym) -> Option<Const> {
    Some(match symbols.value(sym) {
        Value::Str(s) => Const::Str(s.clone()),
        Value::Number(bits) => Const::Number(f64::from_bits(*bits)),
        Value::Bool(b) => Const::Bool(*b),
        Value::Null => Const::Null,
        Value::Undefined => Const::Undefined,
        _ => return None,
    })
}

fn symbol(symbols: &mut Symbols, value: Const) -> Option<Sym> {
    Some(match value {
        Const::Str(s) if s.len() > FOLDED_STRING_MAX => return None,
        Const::Str(s) => symbols.string(&s),
        Const::Number(n) => symbols.number(n),
        Const::Bool(b) => symbols.boolean(b),
        Const::Null => symbols.intern(Value::Null),
        Const::Undefined => symbols.undefined(),
    })
}

impl Const {
    /// `String(x)`
    pub fn text(&self) -> Rc<str> {
        match self {
            Const::Str(s) => s.clone(),
            Const::Number(n) => number_text(*n).into(),
            Const::Bool(b) => b.to_string().into(),
            Const::Null => "null".into(),
            Const::Undefined => "undefined".into(),
        }
    }

    /// `Number(x)`
    pub fn number(&self) -> f64 {
        match self {
            Const::Number(n) => *n,
            Const::Bool(b) => f64::from(u8::from(*b)),
            Const::Null => 0.0,
            Const::Undefined => f64::NAN,
            Const::Str(s) => text_to_number(s),
        }
    }

    /// `Boolean(x)`
    pub fn truth(&self) -> bool {
        match self {
            Const::Str(s) => !s.is_empty(),
            Const::Number(n) => *n != 0.0 && !n.is_nan(),
            Const::Bool(b) => *b,
            Const::Null | Const::Undefined => false,
        }
    }
}

fn text_to_number(s: &str) -> f64 {
    let s = s.trim();
    let radix = |digits: &str, radix| u64::from_str_radix(digits, radix).map_or(f64::NAN, |n| n as f64);
    match s.get(..2) {
        _ if s.is_empty() => 0.0,
        Some("0x" | "0X") => radix(&s[2..], 16),
        Some("0b" | "0B") => radix(&s[2..], 2),
        Some("0o" | "0O") => radix(&s[2..], 8),
        _ if s.bytes().any(|b| b.is_ascii_alphabetic() && !matches!(b, b'e' | b'E')) && !s.ends_with("Infinity") => f64::NAN,
        _ => s.parse().unwrap_or(f64::NAN),
    }
}

/// ECMA-262 `ToInt32`.
pub fn to_int32(n: f64) -> i32 {
    if !n.is_finite() {
        return 0;
    }
    n.trunc().rem_euclid(4294967296.0) as u32 as i32
}

/// A unary operator on a constant.
pub fn unary(symbols: &mut Symbols, op: UnaryOp, a: Sym) -> Option<Sym> {
    let value = constant(symbols, a)?;
    let folded = match op {
        UnaryOp::Minus => Const::Number(-value.number()),
        UnaryOp::Plus => Const::Number(value.number()),
        UnaryOp::Not => Const::Bool(!value.truth()),
        UnaryOp::BitNot => Const::Number(f64::from(!to_int32(value.number()))),
        UnaryOp::Typeof => Const::Str(
            match value {
                Const::Str(_) => "string",
                Const::Number(_) => "number",
                Const::Bool(_) => "boolean",
                Const::Null => "object",
                Const::Undefined => "undefined",
            }
            .into(),
        ),
    };
    symbol(symbols, folded)
}

/// A binary operator on constants.
pub fn binary(symbols: &mut Symbols, op: BinaryOp, a: Sym, b: Sym) -> Option<Sym> {
    use BinaryOp::*;
    let (x, y) = (constant(symbols, a)?, constant(symbols, b)?);
    let (n, m) = (x.number(), y.number());
    let texts = matches!((&x, &y), (Const::Str(_), Const::Str(_)));
    let shift = || (to_int32(m) as u32) & 31;
    let folded = match op {
        Add if matches!(x, Const::Str(_)) || matches!(y, Const::Str(_)) => Const::Str(format!("{}{}", x.text(), y.text()).into()),
        Add | Increment => Const::Number(n + m),
        Sub => Const::Number(n - m),
        Mul => Const::Number(n * m),
        Div => Const::Number(n / m),
        Mod => Const::Number(n % m),
        Exp => Const::Number(n.powf(m)),
        ShiftLeft => Const::Number(f64::from(to_int32(n).wrapping_shl(shift()))),
        ShiftRight => Const::Number(f64::from(to_int32(n).wrapping_shr(shift()))),
        ShiftRightZero => Const::Number(f64::from((to_int32(n) as u32).wrapping_shr(shift()))),
        BitAnd => Const::Number(f64::from(to_int32(n) & to_int32(m))),
        BitOr => Const::Number(f64::from(to_int32(n) | to_int32(m))),
        BitXor => Const::Number(f64::from(to_int32(n) ^ to_int32(m))),
        StrictEqual => Const::Bool(x == y),
        StrictNotEqual => Const::Bool(x != y),
        Equal | NotEqual => {
            let nullish = |c: &Const| matches!(c, Const::Null | Const::Undefined);
            let equal = match (nullish(&x), nullish(&y)) {
                (true, true) => true,
                (false, false) if texts => x == y,
                (false, false) => n == m,
                _ => false,
            };
            Const::Bool(equal == (op == Equal))
        }
        Less if texts => Const::Bool(x.text() < y.text()),
        Greater if texts => Const::Bool(x.text() > y.text()),
        LessEqual if texts => Const::Bool(x.text() <= y.text()),
        GreaterEqual if texts => Const::Bool(x.text() >= y.text()),
        Less => Const::Bool(n < m),
        LessEqual => Const::Bool(n <= m),
        Greater => Const::Bool(n > m),
        GreaterEqual => Const::Bool(n >= m),
        In | InstanceOf | PrivateIn => return None,
    };
    symbol(symbols, folded)
}

/// Index arithmetic of `slice`: negative counts from the end.
fn slice_index(at: f64, length: usize) -> usize {
    if at.is_nan() {
        0
    } else if at < 0.0 {
        (length as f64 + at.trunc()).max(0.0) as usize
    } else {
        (at.trunc() as usize).min(length)
    }
}

/// A pure call on constants (a method's receiver first), where the result is a constant.
pub fn call(symbols: &mut Symbols, path: &str, args: &[Sym]) -> Option<Sym> {
    let values: Vec<Const> = match path {
        // The pattern may be a regular expression.
        "String.prototype.replace" | "String.prototype.replaceAll" => return replace(symbols, path, args),
        _ => args.iter().map(|&a| constant(symbols, a)).collect::<Option<_>>()?,
    };
    let text = |i: usize| values.get(i).map(Const::text);
    let number = |i: usize, default: f64| match values.get(i) {
        None | Some(Const::Undefined) => default,
        Some(v) => v.number(),
    };
    let units = |s: &str| s.encode_utf16().collect::<Vec<u16>>();
    let string = |units: &[u16]| Const::Str(String::from_utf16_lossy(units).into());
    let folded = match path {
        "String" => Const::Str(text(0).unwrap_or_default()),
        "Number" => Const::Number(number(0, 0.0)),
        "Boolean" => Const::Bool(values.first().is_some_and(Const::truth)),
        "parseInt" | "Number.parseInt" => {
            let digits = text(0)?;
            let radix = number(1, 10.0) as u32;
            let digits = digits.trim();
            let end = digits.find(|c: char| !c.is_digit(radix.clamp(2, 36))).unwrap_or(digits.len());
            Const::Number(i64::from_str_radix(&digits[..end], radix.clamp(2, 36)).map_or(f64::NAN, |n| n as f64))
        }
        "parseFloat" | "Number.parseFloat" => Const::Number(text_to_number(&text(0)?)),
        "String.fromCharCode" => string(&values.iter().map(|v| v.number() as i64 as u16).collect::<Vec<_>>()),
        "String.fromCodePoint" => Const::Str(values.iter().map(|v| char::from_u32(v.number() as u32)).collect::<Option<String>>()?.into()),
        "atob" => {
            let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(text(0)?.trim_end_matches('=')).ok()?;
            Const::Str(bytes.iter().map(|&b| b as char).collect::<String>().into())
        }
        "btoa" => Const::Str(base64::engine::general_purpose::STANDARD.encode(text(0)?.as_bytes()).into()),
        "decodeURIComponent" | "decodeURI" | "unescape" => Const::Str(percent_decode(&text(0)?)?.into()),
        "String.prototype.toUpperCase" | "String.prototype.toLocaleUpperCase" => Const::Str(text(0)?.to_uppercase().into()),
        "String.prototype.toLowerCase" | "String.prototype.toLocaleLowerCase" => Const::Str(text(0)?.to_lowercase().into()),
        "String.prototype.trim" => Const::Str(text(0)?.trim().into()),
        "String.prototype.trimStart" => Const::Str(text(0)?.trim_start().into()),
        "String.prototype.trimEnd" => Const::Str(text(0)?.trim_end().into()),
        "String.prototype.toString" | "String.prototype.valueOf" | "String.prototype.normalize" => Const::Str(text(0)?),
        "String.prototype.concat" => Const::Str(values.iter().map(|v| v.text().to_string()).collect::<String>().into()),
        "String.prototype.charAt" | "String.prototype.at" => {
            let s = units(&text(0)?);
            let at = number(1, 0.0);
            let at = if at < 0.0 && path.ends_with("at") { s.len() as f64 + at } else { at };
            match s.get(at as usize) {
                Some(unit) if at >= 0.0 => string(&[*unit]),
                _ if path.ends_with("charAt") => Const::Str("".into()),
                _ => Const::Undefined,
            }
        }
        "String.prototype.charCodeAt" | "String.prototype.codePointAt" => {
            let s = units(&text(0)?);
            Const::Number(s.get(number(1, 0.0) as usize).map_or(f64::NAN, |u| f64::from(*u)))
        }
        "String.prototype.slice" => {
            let s = units(&text(0)?);
            let (from, to) = (slice_index(number(1, 0.0), s.len()), slice_index(number(2, s.len() as f64), s.len()));
            string(s.get(from..to.max(from))?)
        }
        "String.prototype.substring" => {
            let s = units(&text(0)?);
            let clamp = |n: f64| if n.is_nan() { 0 } else { (n.max(0.0) as usize).min(s.len()) };
            let (a, b) = (clamp(number(1, 0.0)), clamp(number(2, s.len() as f64)));
            string(&s[a.min(b)..a.max(b)])
        }
        "String.prototype.substr" => {
            let s = units(&text(0)?);
            let from = slice_index(number(1, 0.0), s.len());
            let to = (from as f64 + number(2, f64::INFINITY)).clamp(from as f64, s.len() as f64) as usize;
            string(&s[from..to])
        }
        "String.prototype.repeat" => {
            let (s, n) = (text(0)?, number(1, 0.0));
            if !(0.0..=FOLDED_STRING_MAX as f64).contains(&(n * s.len() as f64)) {
                return None;
            }
            Const::Str(s.repeat(n as usize).into())
        }
        "String.prototype.padStart" | "String.prototype.padEnd" => {
            let (s, fill) = (text(0)?, text(2).unwrap_or_else(|| " ".into()));
            let missing = (number(1, 0.0) as usize).saturating_sub(units(&s).len());
            if missing > FOLDED_STRING_MAX || fill.is_empty() {
                return None;
            }
            let padding: Vec<u16> = units(&fill).into_iter().cycle().take(missing).collect();
            let padding = String::from_utf16_lossy(&padding);
            Const::Str(if path.ends_with("padStart") { format!("{padding}{s}") } else { format!("{s}{padding}") }.into())
        }
        "String.prototype.indexOf" => {
            let (s, part) = (text(0)?, text(1)?);
            Const::Number(s.find(&*part).map_or(-1.0, |at| s[..at].encode_utf16().count() as f64))
        }
        "String.prototype.includes" => Const::Bool(text(0)?.contains(&*text(1)?)),
        "String.prototype.startsWith" if values.len() == 2 => Const::Bool(text(0)?.starts_with(&*text(1)?)),
        "String.prototype.endsWith" if values.len() == 2 => Const::Bool(text(0)?.ends_with(&*text(1)?)),
        "Number.prototype.toString" => {
            let (n, radix) = (number(0, f64::NAN), number(1, 10.0));
            if radix == 10.0 {
                Const::Str(number_text(n).into())
            } else if n.fract() == 0.0 && n.abs() < 9e15 && (2.0..=36.0).contains(&radix) {
                Const::Str(in_radix(n, radix as u32).into())
            } else {
                return None;
            }
        }
        "Math.floor" => Const::Number(number(0, f64::NAN).floor()),
        "Math.ceil" => Const::Number(number(0, f64::NAN).ceil()),
        "Math.round" => Const::Number((number(0, f64::NAN) + 0.5).floor()),
        "Math.trunc" => Const::Number(number(0, f64::NAN).trunc()),
        "Math.abs" => Const::Number(number(0, f64::NAN).abs()),
        "Math.pow" => Const::Number(number(0, f64::NAN).powf(number(1, f64::NAN))),
        "Math.min" => Const::Number(values.iter().map(Const::number).fold(f64::INFINITY, f64::min)),
        "Math.max" => Const::Number(values.iter().map(Const::number).fold(f64::NEG_INFINITY, f64::max)),
        "Number.isInteger" => Const::Bool(matches!(values.first(), Some(Const::Number(n)) if n.fract() == 0.0)),
        "Number.isFinite" => Const::Bool(matches!(values.first(), Some(Const::Number(n)) if n.is_finite())),
        "Number.isNaN" => Const::Bool(matches!(values.first(), Some(Const::Number(n)) if n.is_nan())),
        "isNaN" => Const::Bool(number(0, f64::NAN).is_nan()),
        "JSON.stringify" => match values.first()? {
            Const::Str(s) => Const::Str(serde_json::to_string(&**s).ok()?.into()),
            other => Const::Str(other.text()),
        },
        "JSON.parse" => match serde_json::from_str(&text(0)?).ok()? {
            serde_json::Value::String(s) => Const::Str(s.into()),
            serde_json::Value::Number(n) => Const::Number(n.as_f64()?),
            serde_json::Value::Bool(b) => Const::Bool(b),
            serde_json::Value::Null => Const::Null,
            _ => return None,
        },
        _ => return None,
    };
    symbol(symbols, folded)
}

fn in_radix(n: f64, radix: u32) -> String {
    let (mut rest, mut digits) = (n.abs() as u64, Vec::new());
    loop {
        digits.push(char::from_digit((rest % u64::from(radix)) as u32, radix).unwrap_or('?'));
        rest /= u64::from(radix);
        if rest == 0 {
            break;
        }
    }
    if n < 0.0 {
        digits.push('-');
    }
    digits.iter().rev().collect()
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = if let (b'%', Some(code)) = (*first, tail.get(..2)) {
            bytes.push(u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok()?);
            &tail[2..]
        } else {
            bytes.push(*first);
            tail
        };
    }
    String::from_utf8(bytes).ok()
}

fn replace(symbols: &mut Symbols, path: &str, args: &[Sym]) -> Option<Sym> {
    let text = constant(symbols, *args.first()?)?.text();
    let with = constant(symbols, *args.get(2)?)?.text();
    if text.len() > FOLDED_STRING_MAX || with.contains('$') {
        return None;
    }
    let replaced = match symbols.value(*args.get(1)?).clone() {
        Value::Regex { pattern, flags } => {
            let regex = regress::Regex::with_flags(&pattern, &*flags).ok()?;
            if super::super::regex::language(&pattern, &flags).ambiguous {
                return None;
            }
            let (mut out, mut last) = (String::new(), 0);
            for found in regex.find_iter(&text) {
                out.push_str(&text[last..found.start()]);
                out.push_str(&with);
                last = found.end();
                if !flags.contains('g') {
                    break;
                }
            }
            out.push_str(&text[last..]);
            out
        }
        _ => {
            let part = constant(symbols, args[1])?.text();
            if path.ends_with("All") { text.replace(&*part, &with) } else { text.replacen(&*part, &with, 1) }
        }
    };
    symbol(symbols, Const::Str(replaced.into()))
}
