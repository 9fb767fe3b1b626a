//! The verdict on a pattern's backtracking.
//!
//! Exact where the pattern is a regular language with lookaheads. Otherwise (lookbehind,
//! backreferences, large counts) the automaton over-approximates, and what it suspects counts only
//! if running the attack shows it.

use std::fmt;

use super::ambiguity::{Growth, Pruning, Witness, growth};
use super::automaton::{Automaton, Unrolling};
use super::matcher::{Outcome, Program};
use super::syntax::{Pattern, Refusal, parse};

/// How the work of a backtracking engine grows with the length of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backtracking {
    /// In proportion to it.
    Linear,
    /// With a power of it.
    Polynomial {
        /// The power, 2 or more.
        degree: u32,
        /// A text that shows it.
        attack: Attack,
    },
    /// Exponentially.
    Exponential {
        /// A text that shows it.
        attack: Attack,
    },
    /// It was not decided, for this reason.
    Unknown(&'static str),
}

/// A piece of a text, and a piece that repeats after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pump {
    /// Once.
    pub prefix: String,
    /// Many times.
    pub text: String,
}

/// A family of texts that make an engine work: the pumps, each repeated as often, then the suffix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// One, or for a polynomial of high degree several.
    pub pumps: Vec<Pump>,
    /// What makes the match fail.
    pub suffix: String,
    /// How often the pumps repeat for the work to be felt.
    pub repeat: u32,
}

impl Attack {
    /// The text with every pump repeated `times`.
    pub fn text(&self, times: usize) -> String {
        let mut text: String = self.pumps.iter().map(|pump| pump.prefix.clone() + &pump.text.repeat(times)).collect();
        text.push_str(&self.suffix);
        text
    }
}

impl fmt::Display for Attack {
    /// As a JavaScript expression: `"a".repeat(30) + "!"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plus = "";
        let mut literal = |f: &mut fmt::Formatter<'_>, text: &str, repeat: Option<u32>| {
            write!(f, "{plus}{}", quoted(text))?;
            plus = " + ";
            repeat.map_or(Ok(()), |repeat| write!(f, ".repeat({repeat})"))
        };
        for pump in &self.pumps {
            if !pump.prefix.is_empty() {
                literal(f, &pump.prefix, None)?;
            }
            literal(f, &pump.text, Some(self.repeat))?;
        }
        if self.suffix.is_empty() { Ok(()) } else { literal(f, &self.suffix, None) }
    }
}

/// `text` as a JavaScript string literal in ASCII.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for unit in text.encode_utf16() {
        match unit {
            0x22 => quoted.push_str("\\\""),
            0x5C => quoted.push_str("\\\\"),
            0x0A => quoted.push_str("\\n"),
            0x0D => quoted.push_str("\\r"),
            0x09 => quoted.push_str("\\t"),
            0x20..0x7F => quoted.push(unit as u8 as char),
            _ => quoted.push_str(&format!("\\u{unit:04x}")),
        }
    }
    quoted.push('"');
    quoted
}

/// Counts are unrolled exactly up to the first bound, then ever more roughly.
const EXACT_BOUND: u32 = 1_000;
const ROUGH_BOUNDS: [u32; 2] = [12, 3];
/// How often an attack repeats its pump, as reports show it.
const REPEAT_EXPONENTIAL: u32 = 30;
const REPEAT_POLYNOMIAL: u32 = 3_000;

/// How the work of a backtracking engine that searches for `pattern` grows with the text.
pub fn backtracking(pattern: &str, flags: &str) -> Backtracking {
    let read = match parse(pattern, flags) {
        Ok(read) => read,
        Err(reason) => return Backtracking::Unknown(reason),
    };
    let exact = judge(&read, EXACT_BOUND);
    if matches!(exact, Ok(Backtracking::Exponential { .. })) || (exact.is_ok() && !has_bound_above(&read.root, ROUGH_BOUNDS[0])) {
        return exact.unwrap_or_else(Backtracking::Unknown);
    }
    let rough = ROUGH_BOUNDS.iter().map(|&bound| judge(&read, bound)).find(Result::is_ok);
    match (exact, rough) {
        (Ok(exact), Some(Ok(rough))) => worse(exact, rough),
        (Ok(only), _) | (Err(_), Some(Ok(only))) => only,
        (Err(reason), _) => Backtracking::Unknown(reason),
    }
}

fn worse(a: Backtracking, b: Backtracking) -> Backtracking {
    let rank = |verdict: &Backtracking| match verdict {
        Backtracking::Linear => 1,
        Backtracking::Unknown(_) => 0,
        Backtracking::Polynomial { degree, .. } => *degree,
        Backtracking::Exponential { .. } => u32::MAX,
    };
    if rank(&b) > rank(&a) { b } else { a }
}

fn has_bound_above(node: &super::syntax::Node, bound: u32) -> bool {
    use super::syntax::Node;
    match node {
        Node::Repeat { node, min, max, .. } => max.unwrap_or(*min) > bound || has_bound_above(node, bound),
        Node::Capture(_, node) | Node::Look { node, .. } => has_bound_above(node, bound),
        Node::Concat(nodes) | Node::Alternate(nodes) => nodes.iter().any(|node| has_bound_above(node, bound)),
        _ => false,
    }
}

/// The verdict with counts above `bound` taken to be endless.
fn judge(pattern: &Pattern, bound: u32) -> Result<Backtracking, Refusal> {
    let automaton = Automaton::new(pattern, Unrolling { bound_max: bound }, &[])?;
    let over_approximated = automaton.fuzzy || has_bound_above(&pattern.root, bound);
    let judge = Judge { pattern, automaton: &automaton, program: Program::new(pattern) };
    if let Ok(found) = growth(&automaton, Pruning::Exact) {
        let verdict = judge.verdict(&found[0]);
        if !over_approximated || verdict == Backtracking::Linear {
            return Ok(verdict);
        }
        if let Some(shown) = judge.shown(&found[0], &[]) {
            return Ok(shown);
        }
    }
    judge.by_trial()
}

struct Judge<'a> {
    pattern: &'a Pattern,
    automaton: &'a Automaton,
    program: Program,
}

impl Judge<'_> {
    /// What an exact analysis found.
    fn verdict(&self, growth: &Growth) -> Backtracking {
        match growth {
            Growth::Linear => Backtracking::Linear,
            Growth::Polynomial(degree, witness) => {
                Backtracking::Polynomial { degree: *degree, attack: self.attack(witness, &[], REPEAT_POLYNOMIAL) }
            }
            Growth::Exponential(witness) => Backtracking::Exponential { attack: self.attack(witness, &[], REPEAT_EXPONENTIAL) },
        }
    }

    /// The suspicions of an analysis without pruning, each tried with many endings.
    fn by_trial(&self) -> Result<Backtracking, Refusal> {
        let found = growth(self.automaton, Pruning::None).map_err(|_| "the pattern is too ambiguous to analyse")?;
        if found == [Growth::Linear] {
            return Ok(Backtracking::Linear);
        }
        let endings: Vec<Vec<u32>> = self.endings();
        let shown = found.iter().flat_map(|growth| endings.iter().map(move |ending| (growth, ending)));
        let worst = shown.filter_map(|(growth, ending)| self.shown(growth, ending)).fold(Backtracking::Linear, worse);
        Ok(worst)
    }

    /// Texts one of which a match is likely to fail on.
    fn endings(&self) -> Vec<Vec<u32>> {
        let mut endings: Vec<Vec<u32>> = vec![vec![0], vec![], vec![0x0A], vec![0x21]];
        endings.extend(self.automaton.samples.iter().rev().take(8).map(|&c| vec![c]));
        endings
    }

    fn attack(&self, witness: &Witness, ending: &[u32], repeat: u32) -> Attack {
        let text = |atoms: &[u16], more: &[u32]| {
            let units = atoms.iter().map(|&atom| self.automaton.samples[atom as usize]).chain(more.iter().copied());
            text_of(units, self.pattern.flags.unicode)
        };
        let pumps = witness.pumps.iter().map(|(prefix, pump)| Pump { prefix: text(prefix, &[]), text: text(pump, &[]) });
        Attack { pumps: pumps.collect(), suffix: text(&witness.suffix, ending), repeat }
    }

    /// The suspicion, if running it shows it.
    fn shown(&self, growth: &Growth, ending: &[u32]) -> Option<Backtracking> {
        let (witness, suspected) = match growth {
            Growth::Linear => return None,
            Growth::Polynomial(degree, witness) => (witness, Some(*degree)),
            Growth::Exponential(witness) => (witness, None),
        };
        match (self.measure(witness, ending)?, suspected) {
            (Measured::Exponential, None) => Some(Backtracking::Exponential { attack: self.attack(witness, ending, REPEAT_EXPONENTIAL) }),
            (Measured::Exponential, Some(degree)) => {
                Some(Backtracking::Polynomial { degree, attack: self.attack(witness, ending, REPEAT_POLYNOMIAL) })
            }
            (Measured::Power(degree), suspected) => {
                let degree = degree.min(suspected.unwrap_or(degree));
                (degree > 1).then(|| Backtracking::Polynomial { degree, attack: self.attack(witness, ending, REPEAT_POLYNOMIAL) })
            }
        }
    }

    /// How the steps of a run grow with the number of repetitions.
    fn measure(&self, witness: &Witness, ending: &[u32]) -> Option<Measured> {
        const STEPS_MAX: u64 = 4_000_000;
        const REPEAT_MAX: usize = 2_048;
        let steps = |times: usize| match self.program.search(&self.units(witness, ending, times), STEPS_MAX) {
            (Outcome::Exhausted, _) => None,
            (_, steps) => Some(steps.max(1)),
        };
        let (mut times, mut last, mut power) = (8, steps(8)?, None);
        while times < REPEAT_MAX {
            times *= 2;
            let Some(now) = steps(times) else {
                // Doubling the text at most multiplies a polynomial by 2^degree.
                let most = STEPS_MAX / last;
                return Some(if most > 200 || times <= 32 { Measured::Exponential } else { Measured::Power(power?) });
            };
            power = Some((now as f64 / last as f64).log2().round().max(0.0) as u32);
            last = now;
        }
        power.map(Measured::Power)
    }

    fn units(&self, witness: &Witness, ending: &[u32], times: usize) -> Vec<u32> {
        let mut atoms = Vec::new();
        for (prefix, pump) in &witness.pumps {
            atoms.extend_from_slice(prefix);
            (0..times).for_each(|_| atoms.extend_from_slice(pump));
        }
        atoms.extend_from_slice(&witness.suffix);
        atoms.into_iter().map(|atom| self.automaton.samples[atom as usize]).chain(ending.iter().copied()).collect()
    }
}

enum Measured {
    Exponential,
    Power(u32),
}

fn text_of(units: impl Iterator<Item = u32>, unicode: bool) -> String {
    if unicode {
        return units.map(|c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    }
    let units: Vec<u16> = units.map(|c| c as u16).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(pattern: &str) -> u32 {
        match backtracking(pattern, "") {
            Backtracking::Linear => 1,
            Backtracking::Polynomial { degree, .. } => degree,
            Backtracking::Exponential { .. } => 99,
            Backtracking::Unknown(reason) => panic!("{pattern}: {reason}"),
        }
    }

    #[test]
    fn degrees() {
        let cases = [
            (r"^\d+$", 1),
            (r"\d+", 1),
            (r"(a+)+", 1),
            (r"^(a+)+$", 99),
            (r"(a|a)*b", 99),
            (r"\s+$", 2),
            (r"^\s+|\s+$", 2),
            (r"^\s*\s*\s*$", 3),
            (r"^a*a*b*b*$", 3),
            (r"^(?=.*\d)(?=.*[a-z]).{8,}$", 1),
            (r"(?=.*x)y", 2),
            (r"^(a{0,30}){0,30}$", 99),
            (r"^[a-z]{1,64}@[a-z]{1,63}\.[a-z]{2,10}$", 1),
            (r"(x+x+)+y", 99),
            (r"^(([a-z])+.)+[A-Z]([a-z])+$", 99),
            (r"^(a|b|ab)*c$", 99),
            (r"^([a-zA-Z0-9_.+-])+@(([a-zA-Z0-9-])+\.)+([a-zA-Z0-9]{2,4})+$", 99),
        ];
        for (pattern, expected) in cases {
            assert_eq!(class(pattern), expected, "{pattern}");
        }
    }
}
