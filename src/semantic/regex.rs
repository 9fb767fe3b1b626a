//! What a JavaScript regular expression costs, and what its success says of a text.
//!
//! - [`backtracking`] decides how the work of a backtracking engine grows with the text;
//! - [`language`] bounds the texts that `test` accepts;
//! - [`is_escape_idiom`] and [`masks_all`] recognise two uses of `replace`.

mod ambiguity;
mod automaton;
mod charset;
mod matcher;
mod shape;
mod syntax;
mod verdict;

pub use shape::{is_escape_idiom, masks_all};
pub use verdict::{Attack, Backtracking, Pump, backtracking};

use automaton::{Automaton, Unrolling};
use charset::CharSet;

/// Bounds of a length; `hi` may be infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Length {
    /// The least.
    pub lo: f64,
    /// The greatest.
    pub hi: f64,
}

/// The keys through which an object leads to a prototype.
pub const PROTOTYPE_KEYS: [&str; 3] = ["__proto__", "constructor", "prototype"];

/// What a successful `test(s)` says of `s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Language {
    /// `s` is a decimal number: `Number(s)` is not NaN, and `s` is not blank.
    pub digits: bool,
    /// Bounds of `s.length`.
    pub length: Length,
    /// The pattern must not be run at analysis time.
    pub ambiguous: bool,
    /// For each of [`PROTOTYPE_KEYS`], whether `s` cannot be it.
    pub excludes: [bool; 3],
}

impl Language {
    /// Nothing is known.
    const ANY: Language = Language { digits: false, length: Length { lo: 0.0, hi: f64::INFINITY }, ambiguous: true, excludes: [false; 3] };
}

/// What a successful `test` of the pattern says of the text, whatever `lastIndex` was.
pub fn language(pattern: &str, flags: &str) -> Language {
    let Ok(read) = syntax::parse(pattern, flags) else {
        return Language::ANY;
    };
    let program = matcher::Program::new(&read);
    Language {
        digits: is_decimal(&read),
        length: shape::text_length(&read.root, read.flags),
        ambiguous: matches!(backtracking(pattern, flags), Backtracking::Exponential { .. } | Backtracking::Unknown(_)),
        excludes: PROTOTYPE_KEYS.map(|key| !program.may_match(&syntax::units(key, read.flags))),
    }
}

/// Whether every text with a match is a decimal number as a whole.
fn is_decimal(pattern: &syntax::Pattern) -> bool {
    // A match that starts at `lastIndex` says nothing of what stands before it.
    let mut pattern = pattern.clone();
    pattern.flags.sticky = false;
    let classes = Decimal::classes();
    let Ok(automaton) = Automaton::new(&pattern, Unrolling { bound_max: 40 }, &classes) else {
        return false;
    };
    let class_of = |atom: u16| classes.iter().position(|class| class.contains(automaton.samples[atom as usize]));
    let mut seen = std::collections::HashSet::from([(0, Decimal::Start)]);
    let mut open = vec![(0, Decimal::Start)];
    while let Some((state, decimal)) = open.pop() {
        let accepts = |atom| automaton.moves(state, atom).list.iter().any(|way| way.scope == 0 && way.place.is_none());
        if accepts(None) && !decimal.is_complete() {
            return false;
        }
        for atom in 0..automaton.atom_count() as u16 {
            if accepts(Some(atom)) {
                // The text may go on with anything.
                return false;
            }
            let next = decimal.after(class_of(atom));
            let targets = automaton.moves(state, Some(atom)).list.iter().filter(|way| way.scope == 0);
            for target in targets.filter_map(|way| automaton.target(way.place?, atom)) {
                if seen.insert((target, next)) {
                    open.push((target, next));
                }
            }
        }
    }
    true
}

/// How much of a decimal number was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Decimal {
    Start,
    Sign,
    Integer,
    /// A point with no digit before it.
    BarePoint,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
    Broken,
}

impl Decimal {
    fn classes() -> [CharSet; 4] {
        let of = |chars: &str| CharSet::new(chars.chars().map(|c| (c as u32, c as u32)));
        [CharSet::digits(), of("+-"), of("."), of("eE")]
    }

    fn after(self, class: Option<usize>) -> Decimal {
        use Decimal::*;
        match (self, class) {
            (Start | Sign | Integer, Some(0)) => Integer,
            (BarePoint | Fraction, Some(0)) => Fraction,
            (Exponent | ExponentSign | ExponentDigits, Some(0)) => ExponentDigits,
            (Start, Some(1)) => Sign,
            (Exponent, Some(1)) => ExponentSign,
            (Start | Sign, Some(2)) => BarePoint,
            (Integer, Some(2)) => Fraction,
            (Integer | Fraction, Some(3)) => Exponent,
            _ => Broken,
        }
    }

    fn is_complete(self) -> bool {
        matches!(self, Decimal::Integer | Decimal::Fraction | Decimal::ExponentDigits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_known_by_language() {
        for pattern in [
            r"^\d+$",
            r"^-?\d+(\.\d+)?$",
            r"^[+-]?[0-9]{1,12}$",
            r"^\d*\.?\d+$",
            r"^(?:0|[1-9]\d*)$",
            r"^\d{4}$|^\d{6}$",
            r"^\d+(?:[eE][+-]?\d+)?$",
            "^[]$",
        ] {
            assert!(language(pattern, "").digits, "{pattern}");
        }
        for pattern in [
            r"\d+",
            r"^\d*$",
            r"^\d+",
            r"\d+$",
            r"^\d+-\d+$",
            r"^[\d.]+$",
            r"^\d+,\d+$",
            r"^0x\d+$",
            r"^\d+|a$",
            r"^\s*\d+$",
            r"^--?\d$",
            "^$",
        ] {
            assert!(!language(pattern, "").digits, "{pattern}");
        }
        assert!(!language(r"^\d+$", "m").digits);
        assert!(language(r"^\d+$", "gi").digits);
    }

    #[test]
    fn prototype_keys_are_excluded_by_what_does_not_match() {
        assert_eq!(language("^[a-z]+$", "").excludes, [true, false, false]);
        assert_eq!(language(r"^[a-z]\w*$", "").excludes, [true, false, false]);
        assert_eq!(language(r"^\d+$", "").excludes, [true; 3]);
        assert_eq!(language(r"^(?!__proto__|constructor|prototype)\w+$", "").excludes, [true; 3]);
        assert_eq!(language(r"^\w{1,9}$", "").excludes, [false, true, false]);
        assert_eq!(language("o", "y").excludes, [false; 3]);
        assert_eq!(language("(", "").excludes, [false; 3]);
    }
}
