//! The verdict on a pattern's backtracking.
//!
//! Exact where the pattern is a regular language with lookaheads. Otherwise (lookbehind,
//! backreferences, large counts) the automaton over-approximates, and what it suspects counts only
//! if running the attack shows it.

use std::cell::Cell;
use std::fmt;

use super::ambiguity::{Growth, Pruning, Witness, growth};
use super::automaton::{Automaton, Unrolling};
use super::matcher::{Outcome, Program};
use super::syntax::{Node, Pattern, Refusal, parse};

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
const ROUGH_BOUNDS: [u32; 2] = [4, 2];
/// How many steps a trial takes at most.
const STEPS_MAX: u64 = 2_000_000;
/// How many steps all trials of one pattern take, but for the last.
const TRIAL_STEPS_MAX: u64 = 100_000_000;
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
    if degree(&b) > degree(&a) { b } else { a }
}

/// A verdict as a number; the greater, the worse.
fn degree(verdict: &Backtracking) -> u32 {
    match verdict {
        Backtracking::Unknown(_) => 0,
        Backtracking::Linear => 1,
        Backtracking::Polynomial { degree, .. } => *degree,
        Backtracking::Exponential { .. } => u32::MAX,
    }
}

/// Whether a repetition counts, or runs, beyond `bound`.
fn has_bound_above(node: &Node, bound: u32) -> bool {
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
    let rough = has_bound_above(&pattern.root, bound);
    let trial = Trial {
        pattern,
        automaton: &automaton,
        program: Program::new(pattern),
        repeat_max: if rough { 2_048 } else { 512 },
        steps: Cell::new(0),
    };
    let guesses = lookbehind_loops(&pattern.root);
    let mut worst = Backtracking::Linear;
    if let Ok(found) = growth(&automaton, Pruning::Exact) {
        let growth = &found[0];
        if !automaton.fuzzy && !rough {
            return Ok(trial.verdict(growth));
        }
        if *growth == Growth::Linear && !guesses {
            return Ok(Backtracking::Linear);
        }
        worst = trial.shown(growth, &[], 1).unwrap_or(worst);
    }
    worst = worse(worst, trial.by_suspicion(&worst_of(&automaton)?));
    let by_guess = automaton.fuzzy && !matches!(worst, Backtracking::Exponential { .. });
    Ok(if by_guess { worse(worst, trial.by_guess()) } else { worst })
}

/// What an analysis suspects that leaves no way out.
fn worst_of(automaton: &Automaton) -> Result<Vec<Growth>, Refusal> {
    growth(automaton, Pruning::None).map_err(|_| "the pattern is too ambiguous to analyse")
}

/// Whether a lookbehind has to search: the automaton leaves it out.
fn lookbehind_loops(node: &Node) -> bool {
    match node {
        Node::Look { behind: true, node, .. } => loops(node) || lookbehind_loops(node),
        Node::Repeat { node, .. } | Node::Capture(_, node) | Node::Look { node, .. } => lookbehind_loops(node),
        Node::Concat(nodes) | Node::Alternate(nodes) => nodes.iter().any(lookbehind_loops),
        _ => false,
    }
}

fn loops(node: &Node) -> bool {
    match node {
        Node::Repeat { node, max, .. } => max.is_none_or(|max| max > ROUGH_BOUNDS[0]) || loops(node),
        Node::Capture(_, node) | Node::Look { node, .. } => loops(node),
        Node::Concat(nodes) | Node::Alternate(nodes) => nodes.iter().any(loops),
        _ => false,
    }
}

/// An attack in characters.
#[derive(Clone, Default)]
struct Text {
    pumps: Vec<(Vec<u32>, Vec<u32>)>,
    suffix: Vec<u32>,
}

impl Text {
    fn repeated(&self, times: usize) -> Vec<u32> {
        let mut text = Vec::new();
        for (prefix, pump) in &self.pumps {
            text.extend_from_slice(prefix);
            (0..times).for_each(|_| text.extend_from_slice(pump));
        }
        text.extend_from_slice(&self.suffix);
        text
    }
}

/// What running an attack shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measured {
    Exponential,
    Power(u32),
}

/// Tries attacks on the pattern as it is.
struct Trial<'a> {
    pattern: &'a Pattern,
    automaton: &'a Automaton,
    program: Program,
    /// How often a pump is repeated at most.
    repeat_max: usize,
    /// Steps taken so far.
    steps: Cell<u64>,
}

impl Trial<'_> {
    /// What an exact analysis found.
    fn verdict(&self, growth: &Growth) -> Backtracking {
        match growth {
            Growth::Linear => Backtracking::Linear,
            Growth::Polynomial(degree, witness) => {
                Backtracking::Polynomial { degree: *degree, attack: self.attack(&self.text(witness, &[]), REPEAT_POLYNOMIAL) }
            }
            Growth::Exponential(witness) => Backtracking::Exponential { attack: self.attack(&self.text(witness, &[]), REPEAT_EXPONENTIAL) },
        }
    }

    /// The worst of `suspicions` that running shows, each tried with many endings.
    fn by_suspicion(&self, suspicions: &[Growth]) -> Backtracking {
        let mut worst = Backtracking::Linear;
        for growth in suspicions {
            for ending in self.endings() {
                if self.is_spent() {
                    return worst;
                }
                let Some(shown) = self.shown(growth, &ending, degree(&worst)) else { continue };
                let as_suspected = match (&shown, growth) {
                    (Backtracking::Exponential { .. }, _) => true,
                    (Backtracking::Polynomial { degree, .. }, Growth::Polynomial(suspected, _)) => degree == suspected,
                    _ => false,
                };
                worst = worse(worst, shown);
                if as_suspected {
                    break;
                }
            }
        }
        worst
    }

    /// Whether trials have taken long enough.
    fn is_spent(&self) -> bool {
        self.steps.get() > TRIAL_STEPS_MAX
    }

    /// Texts one of which a match is likely to fail on.
    fn endings(&self) -> Vec<Vec<u32>> {
        let fixed = [vec![0], vec![], vec![0x0A], vec![0x21]];
        fixed.into_iter().chain(self.letters().map(|c| vec![c])).collect()
    }

    /// Some characters that the pattern tells apart.
    fn letters(&self) -> impl Iterator<Item = u32> {
        const LETTERS: usize = 7;
        self.automaton.samples.iter().rev().take(LETTERS).copied()
    }

    /// The worst that short pumps show: for what the automaton leaves out.
    fn by_guess(&self) -> Backtracking {
        let single = || self.letters().map(|c| vec![c]);
        let pairs = self.letters().flat_map(|a| self.letters().filter(move |&b| b != a).map(move |b| vec![a, b]));
        let prefixes: Vec<Vec<u32>> = std::iter::once(vec![]).chain(single()).collect();
        let mut worst = Backtracking::Linear;
        for pump in single().chain(pairs) {
            for prefix in &prefixes {
                for suffix in [vec![0], vec![], vec![0x0A]] {
                    if self.is_spent() {
                        return worst;
                    }
                    let text = Text { pumps: vec![(prefix.clone(), pump.clone())], suffix };
                    let known = degree(&worst);
                    match self.measure(&text, None, known) {
                        Some(Measured::Exponential) => return Backtracking::Exponential { attack: self.attack(&text, REPEAT_EXPONENTIAL) },
                        Some(Measured::Power(degree)) if degree > known => {
                            worst = worse(worst, Backtracking::Polynomial { degree, attack: self.attack(&text, REPEAT_POLYNOMIAL) });
                        }
                        _ => {}
                    }
                }
            }
        }
        worst
    }

    fn text(&self, witness: &Witness, ending: &[u32]) -> Text {
        let units = |atoms: &[u16]| atoms.iter().map(|&atom| self.automaton.samples[atom as usize]).collect::<Vec<u32>>();
        Text {
            pumps: witness.pumps.iter().map(|(prefix, pump)| (units(prefix), units(pump))).collect(),
            suffix: [&units(&witness.suffix), ending].concat(),
        }
    }

    fn attack(&self, text: &Text, repeat: u32) -> Attack {
        let written = |units: &[u32]| text_of(units, self.pattern.flags.unicode);
        let pumps = text.pumps.iter().map(|(prefix, pump)| Pump { prefix: written(prefix), text: written(pump) });
        Attack { pumps: pumps.collect(), suffix: written(&text.suffix), repeat }
    }

    /// The suspicion, if running it shows it.
    fn shown(&self, growth: &Growth, ending: &[u32], known: u32) -> Option<Backtracking> {
        let (witness, suspected) = match growth {
            Growth::Linear => return None,
            Growth::Polynomial(degree, witness) => (witness, Some(*degree)),
            Growth::Exponential(witness) => (witness, None),
        };
        let text = self.text(witness, ending);
        match self.measure(&text, suspected, known)? {
            Measured::Exponential => Some(Backtracking::Exponential { attack: self.attack(&text, REPEAT_EXPONENTIAL) }),
            Measured::Power(degree) => {
                let degree = degree.min(suspected.unwrap_or(degree));
                (degree > 1).then(|| Backtracking::Polynomial { degree, attack: self.attack(&text, REPEAT_POLYNOMIAL) })
            }
        }
    }

    /// How the steps of a run grow with the length of the text; nothing if soon it is clear that it
    /// is with no higher power than `known`.
    fn measure(&self, text: &Text, suspected: Option<u32>, known: u32) -> Option<Measured> {
        let mut slope = 1.0;
        let Some(mut last) = self.point(text, 2) else {
            const SHORT: usize = 64;
            return (text.repeated(2).len() <= SHORT).then_some(Measured::Exponential);
        };
        let mut times = 4;
        while times <= self.repeat_max {
            let Some(now) = self.point(text, times) else {
                return Some(self.measured(self.slope_below_limit(text, times / 2, last).unwrap_or(slope), suspected));
            };
            let before = std::mem::replace(&mut slope, now.slope_from(last));
            if times == 64 && slope.max(before) < f64::from(known) + 0.2 {
                return None;
            }
            last = now;
            times *= 2;
        }
        Some(self.measured(slope, suspected))
    }

    fn measured(&self, slope: f64, suspected: Option<u32>) -> Measured {
        let highest = f64::from(suspected.unwrap_or(0)).max(5.0) + 1.5;
        if slope > highest { Measured::Exponential } else { Measured::Power(slope.round().max(0.0) as u32) }
    }

    /// The last slope before the limit of steps is reached, which `times` does not reach, but twice
    /// as many do.
    fn slope_below_limit(&self, text: &Text, times: usize, mut last: Point) -> Option<f64> {
        let mut slope = None;
        for more in [1.25, 1.5, 1.75] {
            let more = ((times as f64 * more) as usize).max(times + 1);
            match self.point(text, more) {
                Some(now) if now.length > last.length => {
                    slope = Some(now.slope_from(last));
                    last = now;
                }
                Some(_) => {}
                None if slope.is_none() => {
                    // So steep that a little more is too much.
                    let most = Point { length: text.repeated(more).len() as f64, steps: STEPS_MAX as f64 };
                    return Some(most.slope_from(last));
                }
                None => break,
            }
        }
        slope
    }

    fn point(&self, text: &Text, times: usize) -> Option<Point> {
        let text = text.repeated(times);
        let (outcome, steps) = self.program.search(&text, STEPS_MAX);
        self.steps.set(self.steps.get() + steps);
        match (outcome, steps) {
            (Outcome::Exhausted, _) => None,
            (_, steps) => Some(Point { length: text.len() as f64, steps: steps as f64 }),
        }
    }
}

/// How many steps a text of a length takes.
#[derive(Clone, Copy)]
struct Point {
    length: f64,
    steps: f64,
}

impl Point {
    /// The power of the length with which the steps grow from `before`.
    fn slope_from(self, before: Point) -> f64 {
        (self.steps / before.steps.max(1.0)).ln() / (self.length / before.length.max(1.0)).ln()
    }
}

fn text_of(units: &[u32], unicode: bool) -> String {
    if unicode {
        return units.iter().map(|&c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    }
    let units: Vec<u16> = units.iter().map(|&c| c as u16).collect();
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
            (r"(\w+)*\1b", 99),
            (r"^(a?){30}a{30}$", 99),
            (r"(?<=a+)b", 2),
            (r"(?<=[.!?])\s+", 1),
            (r#"(["'])(.*?)\1"#, 1),
            (r"^(([a-z])+.)+[A-Z]([a-z])+$", 99),
            (r"^(a|b|ab)*c$", 99),
            (r"^([a-zA-Z0-9_.+-])+@(([a-zA-Z0-9-])+\.)+([a-zA-Z0-9]{2,4})+$", 99),
        ];
        for (pattern, expected) in cases {
            assert_eq!(class(pattern), expected, "{pattern}");
        }
    }
}
