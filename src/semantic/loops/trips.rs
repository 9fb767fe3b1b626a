//! How often a loop that ends goes round.

use super::{Movement, Turns};
use crate::semantic::cost::Size;
use crate::semantic::facts::Types;
use crate::semantic::flow::Analyzer;
use crate::semantic::ir::{BinaryOp, Terminator};
use crate::semantic::state::{Field, State};
use crate::semantic::symbol::{PropKey, SiteKind, Sym, Value};

impl Analyzer<'_> {
    /// How often a ranked loop may go round.
    #[allow(clippy::too_many_arguments, reason = "the parts of a ranking")]
    pub(super) fn trip_size(&mut self, turns: &Turns<'_>, low: Sym, high: Sym, state: &State, up: &Movement, down: &Movement) -> Size {
        let geometric = [low, high].iter().any(|&m| {
            let mut bases = Vec::new();
            self.loop_bases(turns, m, &mut bases, 0);
            bases.iter().any(|&b| self.is_geometric(turns, b))
        });
        if geometric {
            return Size::Bounded;
        }
        let Some(before) = turns.trace.before.get(&turns.natural.header).cloned() else { return Size::Bounded };
        let start = |analyzer: &Self, sym: Sym| analyzer.at_start(turns, &before, sym, 0);
        let (low_start, high_start) = (start(self, low), start(self, high));
        let (l, h) = (low_start.unwrap_or(low), high_start.unwrap_or(high));
        let difference = self.model.symbols.intern(Value::Binary(BinaryOp::Sub, h, l));
        let pace = up.range.add(down.range.neg()).lo;
        let of_difference = self.model.facts(&before, difference).range.hi;
        // No more than from any of the starts that the latest is taken of to any of the ends that the nearest is.
        let (ends, begins) = (self.ends_of(h, "Math.min"), self.ends_of(l, "Math.max"));
        let mut span = of_difference;
        for (end, begin) in ends.iter().flat_map(|&end| begins.iter().map(move |&begin| (end, begin))) {
            span = span.min(self.distance(end, begin, &before));
        }
        if let Some(size) = self.paced_by_input(turns, low, high, pace, span) {
            return size;
        }
        if span.is_finite() && span / self.unit_of(up, down) <= crate::semantic::limits::BOUND_MAX {
            return Size::Bounded;
        }
        let known = self.model.facts(&before, difference);
        if known.range.hi < f64::INFINITY && known.range.hi <= crate::semantic::limits::BOUND_MAX * self.unit_of(up, down) {
            return Size::Bounded;
        }
        let _ = state;
        self.size_of_number(&before, difference).max(self.size_of_number(&before, h).min(self.size_of_number(&before, difference)))
    }

    /// How far it is at most from one value to another: `page - 2` to `page + 2`.
    fn distance(&mut self, end: Sym, begin: Sym, before: &State) -> f64 {
        if let Some(span) = self.difference(end, begin, before, 0) {
            return span.range.hi;
        }
        let (of, moved) = match *self.model.symbols.value(begin) {
            Value::Binary(BinaryOp::Add, of, by) => (of, self.model.facts(before, by).range.neg()),
            Value::Binary(BinaryOp::Sub, of, by) => (of, self.model.facts(before, by).range),
            _ => return f64::INFINITY,
        };
        self.difference(end, of, before, 0).map_or(f64::INFINITY, |span| span.range.add(moved).hi)
    }

    /// A value, and what it is the least or greatest of.
    fn ends_of(&self, sym: Sym, of: &str) -> Vec<Sym> {
        match self.model.symbols.value(sym) {
            Value::Call(path, args) if &**path == of => args.iter().copied().chain([sym]).collect(),
            _ => vec![sym],
        }
    }

    /// At most how many rounds, and the values that are counted up or down to.
    pub(super) fn most_rounds(&mut self, turns: &Turns<'_>) -> (f64, Vec<Sym>) {
        let ir = self.model.ir.clone();
        let body = ir.body(turns.func);
        if let Terminator::Next { iterator, .. } = body.blocks[turns.natural.header.index()].end
            && let (Some(iterator), Some(state)) =
                (turns.trace.registers[iterator.index()], turns.trace.entry[turns.natural.header.index()].clone())
        {
            let of = self.iterated(iterator);
            return (self.model.facts(&state, of).length.hi, vec![of]);
        }
        let Some(before) = turns.trace.before.get(&turns.natural.header).cloned() else { return (f64::INFINITY, Vec::new()) };
        let mut least = (f64::INFINITY, Vec::new());
        for test in self.exit_tests(turns) {
            let Value::Binary(op, a, b) = self.model.symbols.value(test.cond).clone() else { continue };
            let movements = [a, b].map(|side| self.movement(turns, side, &test.state));
            let pace = movements.iter().filter(|m| m.known && m.moves).map(|m| m.range.lo.abs().min(m.range.hi.abs())).fold(0.0, f64::max);
            let starts = [a, b].map(|side| self.at_start(turns, &before, side, 0).unwrap_or(side));
            let [x, y] = starts.map(|side| self.model.facts(&before, side));
            // Where it does not stay from the start, it has no round at all.
            let span = match (op, test.stays_if) {
                (BinaryOp::Less | BinaryOp::LessEqual, true) | (BinaryOp::Greater | BinaryOp::GreaterEqual, false) => {
                    y.range.add(x.range.neg()).hi.max(0.0)
                }
                (BinaryOp::Greater | BinaryOp::GreaterEqual, true) | (BinaryOp::Less | BinaryOp::LessEqual, false) => {
                    x.range.add(y.range.neg()).hi.max(0.0)
                }
                _ => x.range.add(y.range.neg()).abs().hi,
            };
            least.1.extend(starts);
            if pace > 0.0 && x.types.only(Types::NUMERIC) && y.types.only(Types::NUMERIC) && span / pace < least.0 {
                least.0 = (span / pace).ceil();
            }
        }
        least
    }

    /// A step so small that the rounds are as many as its input says.
    fn paced_by_input(&mut self, turns: &Turns<'_>, low: Sym, high: Sym, pace: f64, span: f64) -> Option<Size> {
        if pace >= 1.0 || span / pace <= crate::semantic::limits::BOUND_MAX {
            return None;
        }
        let mut paths = std::collections::BTreeSet::new();
        for measure in [low, high] {
            let mut bases = Vec::new();
            self.loop_bases(turns, measure, &mut bases, 0);
            for base in bases {
                for (next, state) in self.next_values(turns, base)? {
                    let mut steps = Vec::new();
                    self.collect_steps(next, base, &mut steps, 0);
                    steps.iter().for_each(|&step| paths.extend(self.influences(&state, step)));
                }
            }
        }
        (!paths.is_empty()).then_some(Size::Arbitrary(paths))
    }

    /// A date's measure is in milliseconds: a span of years is not many days.
    pub(super) fn unit_of(&self, up: &Movement, down: &Movement) -> f64 {
        let step = up.range.add(down.range.neg()).lo;
        if step.is_finite() && step > 1.0 {
            step
        } else if up.range.hi.is_infinite() {
            86_400_000.0
        } else {
            1.0
        }
    }

    pub(super) fn is_geometric(&mut self, turns: &Turns<'_>, base: Sym) -> bool {
        let Some(next) = self.next_values(turns, base) else { return false };
        !next.is_empty()
            && next.iter().all(|(n, _)| {
                matches!(self.model.symbols.value(*n), Value::Binary(BinaryOp::Mul | BinaryOp::ShiftLeft, ..))
                    || self.is_closer_to_zero(*n, base, 0)
            })
    }

    /// A measure with the values that the loop begins with.
    pub(super) fn at_start(&self, turns: &Turns<'_>, before: &State, sym: Sym, depth: u32) -> Option<Sym> {
        if depth > 4 {
            return None;
        }
        match self.model.symbols.value(sym) {
            Value::Phi(site) => match &site.what {
                SiteKind::Slot(block, slot) if *block == turns.natural.header => before.slots.get(slot).copied(),
                SiteKind::Field(block, object, key) if *block == turns.natural.header && &**key == "[[time]]" => {
                    before.object(*object)?.time
                }
                SiteKind::Field(block, object, key) if *block == turns.natural.header => match before.object(*object)?.fields.get(key)? {
                    Field::Value(value) => Some(*value),
                    _ => None,
                },
                _ => None,
            },
            Value::Prop(base, PropKey::Name(key)) if &**key == "[[time]]" => {
                let date = self.at_start(turns, before, *base, depth + 1)?;
                crate::semantic::refine::date_time(&self.model, before, date)
            }
            Value::Binary(BinaryOp::Add | BinaryOp::Increment | BinaryOp::Sub, a, _) => self.at_start(turns, before, *a, depth + 1),
            _ => None,
        }
    }
}
