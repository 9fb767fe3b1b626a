//! What is known of a value at a program point: its possible types, its numeric range, its length.
//!
//! The checklist's lattice `Unchecked < Present < Typed < Bounded` is read off a [`Facts`]: Present
//! where neither `undefined` nor `null` is possible, Typed where only the types a use can take are
//! left, Bounded where the range or the length has an upper end.

use std::fmt;
use std::ops::{BitAnd, BitOr, Not};

/// A set of ECMAScript types, finer than `typeof`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Types(pub u32);

#[allow(missing_docs, reason = "each is the type of the same name")]
impl Types {
    pub const NONE: Types = Types(0);
    pub const UNDEFINED: Types = Types(1);
    pub const NULL: Types = Types(1 << 1);
    pub const FALSE: Types = Types(1 << 2);
    pub const TRUE: Types = Types(1 << 3);
    /// A number other than NaN.
    pub const NUMBER: Types = Types(1 << 4);
    /// NaN; together with [`Types::DATE`], an invalid date.
    pub const NAN: Types = Types(1 << 5);
    /// The empty string.
    pub const EMPTY: Types = Types(1 << 6);
    /// Any other string.
    pub const TEXT: Types = Types(1 << 7);
    pub const BIGINT: Types = Types(1 << 8);
    pub const SYMBOL: Types = Types(1 << 9);
    pub const FUNCTION: Types = Types(1 << 10);
    pub const ARRAY: Types = Types(1 << 11);
    pub const DATE: Types = Types(1 << 12);
    pub const REGEXP: Types = Types(1 << 13);
    pub const MAP: Types = Types(1 << 14);
    pub const SET: Types = Types(1 << 15);
    pub const PROMISE: Types = Types(1 << 16);
    /// Any other object.
    pub const OBJECT: Types = Types(1 << 17);

    pub const NULLISH: Types = Types(Self::UNDEFINED.0 | Self::NULL.0);
    pub const BOOLEAN: Types = Types(Self::FALSE.0 | Self::TRUE.0);
    pub const STRING: Types = Types(Self::EMPTY.0 | Self::TEXT.0);
    pub const NUMERIC: Types = Types(Self::NUMBER.0 | Self::NAN.0);
    /// What a JSON value, or the absence of one, can be.
    pub const JSON: Types = Types(Self::NULLISH.0 | Self::BOOLEAN.0 | Self::NUMBER.0 | Self::STRING.0 | Self::ARRAY.0 | Self::OBJECT.0);
    pub const ANY: Types = Types((1 << 18) - 1);
    /// What `typeof` calls an object, `null` apart.
    pub const OBJECTS: Types =
        Types(Self::ARRAY.0 | Self::DATE.0 | Self::REGEXP.0 | Self::MAP.0 | Self::SET.0 | Self::PROMISE.0 | Self::OBJECT.0);
    /// What can be falsy, numbers and BigInts apart, which may be zero.
    pub const ALWAYS_FALSY: Types = Types(Self::NULLISH.0 | Self::FALSE.0 | Self::NAN.0 | Self::EMPTY.0);
    /// What iteration accepts.
    pub const ITERABLE: Types = Types(Self::STRING.0 | Self::ARRAY.0 | Self::MAP.0 | Self::SET.0);

    /// Whether all of `other` is in this set.
    pub fn has(self, other: Types) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether some of `other` is in this set.
    pub fn may(self, other: Types) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether this set has nothing outside `other`, and something at all.
    pub fn only(self, other: Types) -> bool {
        self.0 != 0 && self.0 & !other.0 == 0
    }

    /// This set less `other`.
    pub fn without(self, other: Types) -> Types {
        Types(self.0 & !other.0)
    }

    /// How many of the five kinds of JSON value (boolean, number, string, array, object) are possible.
    pub fn json_kinds(self) -> u32 {
        [Self::BOOLEAN, Self::NUMBER, Self::STRING, Self::ARRAY, Self::OBJECT].iter().filter(|kind| self.may(**kind)).count() as u32
    }
}

impl BitOr for Types {
    type Output = Types;
    fn bitor(self, other: Types) -> Types {
        Types(self.0 | other.0)
    }
}

impl BitAnd for Types {
    type Output = Types;
    fn bitand(self, other: Types) -> Types {
        Types(self.0 & other.0)
    }
}

impl Not for Types {
    type Output = Types;
    fn not(self) -> Types {
        Types(!self.0 & Types::ANY.0)
    }
}

impl fmt::Debug for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 18] = [
            "undefined",
            "null",
            "false",
            "true",
            "number",
            "nan",
            "empty",
            "text",
            "bigint",
            "symbol",
            "function",
            "array",
            "date",
            "regexp",
            "map",
            "set",
            "promise",
            "object",
        ];
        let names: Vec<_> = NAMES.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| *name).collect();
        write!(f, "{}", names.join("|"))
    }
}

/// A closed interval of the extended reals. Empty where `lo > hi`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

/// No end is ever NaN.
impl Eq for Interval {}

impl Interval {
    /// All numbers.
    pub const ALL: Interval = Interval { lo: f64::NEG_INFINITY, hi: f64::INFINITY };
    /// What a length can be.
    pub const LENGTH: Interval = Interval { lo: 0.0, hi: f64::INFINITY };

    /// One number.
    pub fn point(n: f64) -> Interval {
        Interval { lo: n, hi: n }
    }

    /// The smallest interval around both.
    pub fn join(self, other: Interval) -> Interval {
        Interval { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// What is in both.
    pub fn meet(self, other: Interval) -> Interval {
        Interval { lo: self.lo.max(other.lo), hi: self.hi.min(other.hi) }
    }

    /// Ends that moved since `before` go to infinity, so that iteration ends.
    pub fn widen(self, before: Interval) -> Interval {
        Interval {
            lo: if self.lo < before.lo { f64::NEG_INFINITY } else { self.lo },
            hi: if self.hi > before.hi { f64::INFINITY } else { self.hi },
        }
    }

    /// The same, but ends go to the next of `steps`, which are in order, if there is one.
    pub fn widen_to(self, before: Interval, steps: &[f64]) -> Interval {
        let below = steps.iter().rev().copied().find(|&step| step <= self.lo).unwrap_or(f64::NEG_INFINITY);
        let above = steps.iter().copied().find(|&step| step >= self.hi).unwrap_or(f64::INFINITY);
        Interval { lo: if self.lo < before.lo { below } else { self.lo }, hi: if self.hi > before.hi { above } else { self.hi } }
    }

    /// Whether `n` is possible.
    pub fn contains(self, n: f64) -> bool {
        self.lo <= n && n <= self.hi
    }

    /// Sum.
    pub fn add(self, other: Interval) -> Interval {
        Interval { lo: sum(self.lo, other.lo, f64::NEG_INFINITY), hi: sum(self.hi, other.hi, f64::INFINITY) }
    }

    /// Negation.
    pub fn neg(self) -> Interval {
        Interval { lo: -self.hi, hi: -self.lo }
    }

    /// Product.
    pub fn mul(self, other: Interval) -> Interval {
        let product = |a: f64, b: f64| if a == 0.0 || b == 0.0 { 0.0 } else { a * b };
        let ends = [product(self.lo, other.lo), product(self.lo, other.hi), product(self.hi, other.lo), product(self.hi, other.hi)];
        Interval { lo: ends.iter().copied().fold(f64::INFINITY, f64::min), hi: ends.iter().copied().fold(f64::NEG_INFINITY, f64::max) }
    }

    /// Quotient; unknown where the divisor may be zero.
    pub fn div(self, other: Interval) -> Interval {
        if other.contains(0.0) {
            return Interval::ALL;
        }
        self.mul(Interval { lo: 1.0 / other.hi, hi: 1.0 / other.lo })
    }

    /// Applies a monotone function to both ends.
    pub fn map(self, f: impl Fn(f64) -> f64) -> Interval {
        Interval { lo: f(self.lo), hi: f(self.hi) }
    }

    /// Absolute value.
    pub fn abs(self) -> Interval {
        if self.lo >= 0.0 {
            self
        } else if self.hi <= 0.0 {
            self.neg()
        } else {
            Interval { lo: 0.0, hi: self.hi.max(-self.lo) }
        }
    }

    /// Whether the upper end is small enough to count as a limit.
    pub fn is_bounded(self) -> bool {
        self.hi <= super::limits::BOUND_MAX
    }
}

fn sum(a: f64, b: f64, unknown: f64) -> f64 {
    let s = a + b;
    if s.is_nan() { unknown } else { s }
}

/// Property names that lead to a prototype, or to what it holds: which of them a key is known not to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefusedKeys {
    /// `__proto__`
    pub proto: bool,
    /// `constructor`
    pub constructor: bool,
    /// `prototype`
    pub prototype: bool,
    /// All but those that the program lists: own keys of a table.
    pub unlisted: bool,
}

impl RefusedKeys {
    /// A name that the program lists, and that leads nowhere.
    pub const ALL: RefusedKeys = RefusedKeys { proto: true, constructor: true, prototype: true, unlisted: true };
}

/// What is known of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Possible types.
    pub types: Types,
    /// Range, if it is a number. For a date, of its time value.
    pub range: Interval,
    /// It is an integer, if it is a number.
    pub integer: bool,
    /// Length or size, if it has one.
    pub length: Interval,
    /// One of finitely many values the program itself lists.
    pub listed: bool,
    /// Its string form passed a test, whatever its type.
    pub string_form: bool,
    /// Its string form is made of digits: numeric conversion cannot give NaN.
    pub digits: bool,
    /// Its string form is digits with separators, as in a date: each part of it is digits.
    pub digit_groups: bool,
    /// Which names that lead to a prototype it is known not to be.
    pub refused: RefusedKeys,
    /// A test of its own type excluded functions: it is no inherited method.
    pub no_method: bool,
}

impl Facts {
    /// Nothing known.
    pub const ANY: Facts = Facts {
        types: Types::ANY,
        range: Interval::ALL,
        integer: false,
        length: Interval::LENGTH,
        listed: false,
        string_form: false,
        digits: false,
        digit_groups: false,
        refused: RefusedKeys { proto: false, constructor: false, prototype: false, unlisted: false },
        no_method: false,
    };

    /// Only the types are known.
    pub fn of(types: Types) -> Facts {
        Facts { types, ..Facts::ANY }
    }

    /// A number other than NaN in `range`.
    pub fn number(range: Interval, integer: bool) -> Facts {
        Facts { types: Types::NUMBER, range, integer, ..Facts::ANY }
    }

    /// A string with a length in `length`.
    pub fn string(length: Interval) -> Facts {
        let types = if length.lo > 0.0 { Types::TEXT } else { Types::STRING };
        Facts { types, length, ..Facts::ANY }
    }

    /// An array with a length in `length`.
    pub fn array(length: Interval) -> Facts {
        Facts { types: Types::ARRAY, length, ..Facts::ANY }
    }

    /// What holds if either holds.
    pub fn join(self, other: Facts) -> Facts {
        if self.types == Types::NONE {
            return other;
        }
        if other.types == Types::NONE {
            return self;
        }
        let numeric = Types::NUMBER | Types::DATE;
        let sized = Types::STRING | Types::ITERABLE | Types::OBJECT;
        let text = Types::STRING | Types::ARRAY | Types::OBJECT;
        Facts {
            types: self.types | other.types,
            range: pick(self.types.may(numeric), other.types.may(numeric), self.range, other.range, Interval::join),
            integer: pick(self.types.may(numeric), other.types.may(numeric), self.integer, other.integer, |a, b| a && b),
            length: pick(self.types.may(sized), other.types.may(sized), self.length, other.length, Interval::join),
            listed: self.listed && other.listed,
            string_form: self.string_form && other.string_form,
            digits: pick(self.types.may(text), other.types.may(text), self.digits, other.digits, |a, b| a && b),
            digit_groups: pick(self.types.may(text), other.types.may(text), self.digit_groups, other.digit_groups, |a, b| a && b),
            refused: RefusedKeys {
                proto: self.refused.proto && other.refused.proto,
                constructor: self.refused.constructor && other.refused.constructor,
                prototype: self.refused.prototype && other.refused.prototype,
                unlisted: self.refused.unlisted && other.refused.unlisted,
            },
            no_method: self.no_method && other.no_method,
        }
    }

    /// What holds if both hold.
    pub fn meet(self, other: Facts) -> Facts {
        Facts {
            types: self.types & other.types,
            range: self.range.meet(other.range),
            integer: self.integer || other.integer,
            length: self.length.meet(other.length),
            listed: self.listed || other.listed,
            string_form: self.string_form || other.string_form,
            digits: self.digits || other.digits,
            digit_groups: self.digit_groups || other.digit_groups,
            refused: RefusedKeys {
                proto: self.refused.proto || other.refused.proto,
                constructor: self.refused.constructor || other.refused.constructor,
                prototype: self.refused.prototype || other.refused.prototype,
                unlisted: self.refused.unlisted || other.refused.unlisted,
            },
            no_method: self.no_method || other.no_method,
        }
    }

    /// As [`Interval::widen`], for both intervals.
    pub fn widen(self, before: Facts) -> Facts {
        Facts { range: self.range.widen(before.range), length: self.length.widen(before.length), ..self }
    }

    /// As [`Interval::widen_to`], for both intervals.
    pub fn widen_to(self, before: Facts, steps: &[f64]) -> Facts {
        Facts { range: self.range.widen_to(before.range, steps), length: self.length.widen_to(before.length, steps), ..self }
    }

    /// Whether the value can be truthy, and whether it can be falsy.
    pub fn truth(self) -> (bool, bool) {
        let zero = self.types.may(Types::NUMBER) && self.range.contains(0.0);
        let falsy = self.types.may(Types::ALWAYS_FALSY) || zero || self.types.may(Types::BIGINT);
        let only_zero = self.types.may(Types::NUMBER) && self.range == Interval::point(0.0);
        let rest = self.types.without(Types::ALWAYS_FALSY | if only_zero { Types::NUMBER } else { Types::NONE });
        (rest != Types::NONE, falsy)
    }

    /// What is left if the value is truthy, or falsy.
    pub fn assume(self, truth: bool) -> Facts {
        if truth {
            let range = if self.range.lo == 0.0 && self.integer { Interval { lo: 1.0, hi: self.range.hi } } else { self.range };
            let length = if self.types.only(Types::STRING) { Interval { lo: self.length.lo.max(1.0), ..self.length } } else { self.length };
            // An invalid date is an object, hence truthy.
            let gone = if self.types.may(Types::DATE) { Types::ALWAYS_FALSY.without(Types::NAN) } else { Types::ALWAYS_FALSY };
            let types = self.types.without(gone);
            let types = if range.lo > range.hi || self.range == Interval::point(0.0) { types.without(Types::NUMBER) } else { types };
            Facts { types, range, length, ..self }
        } else {
            let keep = Types::ALWAYS_FALSY | Types::NUMBER | Types::BIGINT;
            let mut types = self.types & keep;
            if !self.range.contains(0.0) {
                types = types.without(Types::NUMBER);
            }
            Facts { types, range: Interval::point(0.0), length: Interval::point(0.0), ..self }
        }
    }

    /// Whether an upper limit is known: of the number, or of the length.
    pub fn is_bounded(self) -> bool {
        self.listed
            || (self.types.only(Types::NUMBER | Types::BOOLEAN | Types::NULLISH) && self.range.is_bounded())
            || (self.types.only(Types::ITERABLE | Types::NULLISH) && self.length.is_bounded())
            || self.types.only(Types::BOOLEAN | Types::NULLISH)
    }
}

fn pick<T>(left: bool, right: bool, a: T, b: T, both: impl Fn(T, T) -> T) -> T {
    match (left, right) {
        (true, false) => a,
        (false, true) => b,
        _ => both(a, b),
    }
}

/// The checklist's lattice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// It may be absent.
    Unchecked,
    /// It is there; of what type, nobody knows.
    Present,
    /// Its type is known.
    Typed,
    /// So is an upper limit.
    Bounded,
}

impl Facts {
    /// Where these facts stand in the lattice, given the types that the use in question can take.
    pub fn known(self, accepted: Types) -> Known {
        if self.types.may(Types::NULLISH) || (self.types.may(Types::NAN) && !accepted.may(Types::NAN)) {
            Known::Unchecked
        } else if self.types.only(accepted) || self.listed || self.types.json_kinds() <= 2 {
            if self.is_bounded() { Known::Bounded } else { Known::Typed }
        } else {
            Known::Present
        }
    }
}
