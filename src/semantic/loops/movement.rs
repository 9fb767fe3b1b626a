//! How the values in a condition move from one round to the next.

use super::Turns;
use crate::semantic::demand::InputSource;
use crate::semantic::facts::{Interval, Types};
use crate::semantic::flow::Analyzer;
use crate::semantic::ir::{BinaryOp, OpKind, SlotId, UnaryOp};
use crate::semantic::state::{Field, State};
use crate::semantic::symbol::{PropKey, SiteKind, Sym, Value, Which, for_each_part};

/// How a value moves from one round to the next.
#[derive(Clone, Debug)]
pub struct Movement {
    /// By how much.
    pub range: Interval,
    /// It does move.
    pub moves: bool,
    /// The range is known.
    pub known: bool,
    /// The input that decides the step.
    pub source: Option<InputSource>,
}

impl Movement {
    /// It does not move.
    pub fn still() -> Movement {
        Movement { range: Interval::point(0.0), moves: false, known: true, source: None }
    }

    fn unknown() -> Movement {
        Movement { range: Interval::ALL, moves: false, known: false, source: None }
    }

    fn by(range: Interval) -> Movement {
        Movement { range, moves: range != Interval::point(0.0), known: true, source: None }
    }
}

impl Analyzer<'_> {
    /// The variable whose merge at the header a value is.
    pub(super) fn header_slot(&self, turns: &Turns<'_>, value: Sym) -> Option<SlotId> {
        match self.model.symbols.value(value) {
            Value::Phi(site) => match site.what {
                SiteKind::Slot(block, slot) if block == turns.natural.header => Some(slot),
                _ => None,
            },
            _ => None,
        }
    }

    /// Values that a header's merge has at the end of each round, with the state there.
    pub(super) fn next_values(&self, turns: &Turns<'_>, sym: Sym) -> Option<Vec<(Sym, State)>> {
        let mut next = Vec::new();
        for (_, state) in &turns.ends {
            let value = match self.model.symbols.value(sym) {
                Value::Phi(site) => match &site.what {
                    SiteKind::Slot(block, slot) if *block == turns.natural.header => state.slots.get(slot).copied()?,
                    SiteKind::Field(block, object, key) if *block == turns.natural.header => {
                        let object = state.object(*object)?;
                        if &**key == "[[time]]" {
                            object.time?
                        } else {
                            match object.fields.get(key)? {
                                Field::Value(value) => *value,
                                _ => return None,
                            }
                        }
                    }
                    _ => return None,
                },
                Value::Prop(base, PropKey::Name(key)) if &**key == "[[time]]" => {
                    let Value::Phi(site) = self.model.symbols.value(*base) else { return None };
                    let SiteKind::Slot(block, slot) = site.what else { return None };
                    if block != turns.natural.header {
                        return None;
                    }
                    let date = state.slots.get(&slot).copied()?;
                    match crate::semantic::refine::date_time(&self.model, state, date) {
                        Some(time) => time,
                        None if date == *base => sym,
                        None => return None,
                    }
                }
                _ => return None,
            };
            next.push((self.unkept(value), state.clone()));
        }
        Some(next)
    }

    /// A value that went through an array or object and came out of it on the same way.
    fn unkept(&self, sym: Sym) -> Sym {
        match self.model.symbols.value(sym) {
            Value::Instance(of, Which::Turn(site)) if matches!(site.what, SiteKind::Op(_, 160..=199)) => {
                match self.model.symbols.value(*of) {
                    Value::Binary(..) | Value::Call(..) | Value::Phi(_) | Value::Unary(..) => *of,
                    _ => sym,
                }
            }
            _ => sym,
        }
    }

    /// How a measure moves per round.
    pub(super) fn movement(&mut self, turns: &Turns<'_>, measure: Sym, state: &State) -> Movement {
        let mut bases = Vec::new();
        self.loop_bases(turns, measure, &mut bases, 0);
        bases.sort();
        bases.dedup();
        match bases[..] {
            [] => self.resizing(turns, measure),
            [base] if self.measures_length_of(measure, base) => self.lengthening(turns, base),
            [base] => {
                let sign = self.direction(measure, base, 0);
                let Some(next) = self.next_values(turns, base) else { return Movement::unknown() };
                let mut joined: Option<Interval> = None;
                let mut source = None;
                for (value, at) in next {
                    match self.difference(value, base, &at, 0) {
                        Some(step) => joined = Some(joined.map_or(step.range, |j| j.join(step.range))),
                        None => return Movement { source: self.step_source(value, base, state), moves: true, ..Movement::unknown() },
                    }
                    if source.is_none() {
                        source = self.step_source(value, base, &at);
                    }
                }
                let range = joined.unwrap_or(Interval::point(0.0));
                let moves = range != Interval::point(0.0);
                let unsure = range.lo <= 0.0 && range.hi >= 0.0;
                let source = if unsure { source } else { None };
                match sign {
                    Some(true) => Movement { range, moves, known: true, source },
                    Some(false) => Movement { range: range.neg(), moves, known: true, source },
                    None => Movement { moves, source, ..Movement::unknown() },
                }
            }
            _ => self.joint_movement(turns, &bases, measure),
        }
    }

    fn measures_length_of(&self, measure: Sym, base: Sym) -> bool {
        matches!(self.model.symbols.value(measure), Value::Prop(of, PropKey::Name(name)) if *of == base && &**name == "length")
    }

    /// How the length of a text or list moves that each round replaces by another.
    fn lengthening(&mut self, turns: &Turns<'_>, base: Sym) -> Movement {
        let Some(next) = self.next_values(turns, base) else { return Movement::unknown() };
        let mut joined: Option<Interval> = None;
        for (value, state) in next {
            let Some(step) = self.length_difference(value, base, &state, 0) else {
                return Movement { moves: true, ..Movement::unknown() };
            };
            joined = Some(joined.map_or(step, |j| j.join(step)));
        }
        Movement::by(joined.unwrap_or(Interval::point(0.0)))
    }

    /// The length of `new` less that of `old`, where the structure tells.
    fn length_difference(&mut self, new: Sym, old: Sym, state: &State, depth: u32) -> Option<Interval> {
        if new == old || self.is_same_value(new, old, 0) {
            return Some(Interval::point(0.0));
        }
        if depth > 6 {
            return None;
        }
        match self.model.symbols.value(new).clone() {
            Value::Template(texts, parts) if parts.contains(&old) => {
                let mut more = Interval::point(texts.iter().map(|t| t.encode_utf16().count() as f64).sum());
                let mut seen = false;
                for part in parts {
                    if part == old && !seen {
                        seen = true;
                        continue;
                    }
                    more = more.add(crate::semantic::model::text_length(self.model.facts(state, part)));
                }
                Some(more)
            }
            Value::Phi(_) => {
                let parts: Vec<Sym> = self.model.symbols.operands(new).filter(|&p| p != new).collect();
                let mut joined: Option<Interval> = None;
                for part in parts {
                    let step = self.length_difference(part, old, state, depth + 1)?;
                    joined = Some(joined.map_or(step, |j| j.join(step)));
                }
                joined
            }
            _ if self.is_shorter(new, old, 0) => Some(Interval { lo: f64::NEG_INFINITY, hi: -1.0 }),
            _ => None,
        }
    }

    /// Two variables that move together, as in `hi - lo`.
    pub(super) fn joint_movement(&mut self, turns: &Turns<'_>, bases: &[Sym], measure: Sym) -> Movement {
        let mut total = Interval::point(0.0);
        for &base in bases {
            let Some(sign) = self.direction(measure, base, 0) else { return Movement { moves: true, ..Movement::unknown() } };
            let Some(next) = self.next_values(turns, base) else {
                return Movement { moves: true, ..Movement::unknown() };
            };
            let mut joined: Option<Interval> = None;
            for (value, at) in next {
                let Some(step) = self.difference(value, base, &at, 0) else { return Movement { moves: true, ..Movement::unknown() } };
                joined = Some(joined.map_or(step.range, |j| j.join(step.range)));
            }
            let step = joined.unwrap_or(Interval::point(0.0));
            total = total.add(if sign { step } else { step.neg() });
        }
        Movement { range: total, moves: true, known: true, source: None }
    }

    /// How a length that no assignment in the loop replaces moves with what is put in and taken away.
    fn resizing(&mut self, turns: &Turns<'_>, measure: Sym) -> Movement {
        let Some(collection) = self.measured(measure) else {
            return Movement { known: !self.varies_inside(turns, measure), ..Movement::still() };
        };
        if !self.is_resized(collection) || !self.is_read_in(turns, measure) {
            return Movement::still();
        }
        match self.net_change(turns, collection) {
            Some((taken, Some(added), false)) => Movement::by(Interval::point(added as f64 - taken as f64)),
            Some((taken, None, false)) => Movement::by(Interval { lo: -(taken as f64), hi: f64::INFINITY }),
            _ => Movement::unknown(),
        }
    }

    /// Whether the loop itself asks for the value, rather than using what was asked before it.
    fn is_read_in(&self, turns: &Turns<'_>, sym: Sym) -> bool {
        let body = self.model.ir.body(turns.func);
        let registers = turns.round.map_or(&turns.trace.registers, |round| &round.registers);
        let ops = turns.cfg.loop_at(turns.natural.header).unwrap_or_default().iter().flat_map(|b| &body.blocks[b.index()].ops);
        ops.into_iter().any(|reg| registers[reg.index()] == Some(sym) && !matches!(body.ops[reg.index()].kind, OpKind::Load(_)))
    }

    /// Whether a value that the loop does not assign may be another one in each round.
    fn varies_inside(&self, turns: &Turns<'_>, sym: Sym) -> bool {
        self.model.symbols.contains(sym, &|_, value| match value {
            Value::Opaque(site) | Value::Version(_, site) | Value::Instance(_, Which::Turn(site)) => !self.is_made_outside(turns, site),
            Value::Instance(_, Which::Index(_)) => true,
            Value::Prop(base, _) => self.is_resized(*base),
            _ => false,
        })
    }

    /// Merges at the loop's header that the measure is made of.
    pub(super) fn loop_bases(&self, turns: &Turns<'_>, sym: Sym, out: &mut Vec<Sym>, depth: u32) {
        if depth > 10 {
            return;
        }
        match self.model.symbols.value(sym) {
            Value::Phi(site) => match &site.what {
                SiteKind::Slot(block, _) | SiteKind::Field(block, ..) if *block == turns.natural.header => out.push(sym),
                _ => {
                    for part in self.model.symbols.operands(sym) {
                        if part != sym {
                            self.loop_bases(turns, part, out, depth + 1);
                        }
                    }
                }
            },
            Value::Prop(base, PropKey::Name(key)) if &**key == "[[time]]" => {
                if let Value::Phi(site) = self.model.symbols.value(*base)
                    && matches!(site.what, SiteKind::Slot(block, _) if block == turns.natural.header)
                {
                    out.push(sym);
                }
            }
            value => for_each_part(value, |part| self.loop_bases(turns, part, out, depth + 1)),
        }
    }

    /// Whether the measure rises (true) or falls with the base; `None` if neither is known.
    pub(super) fn direction(&mut self, measure: Sym, base: Sym, depth: u32) -> Option<bool> {
        if measure == base {
            return Some(true);
        }
        if depth > 8 {
            return None;
        }
        let has = |analyzer: &Self, s: Sym| {
            analyzer.model.symbols.contains(s, &|p, _| p == base) || analyzer.model.symbols.leaves(s).contains(&base)
        };
        match self.model.symbols.value(measure).clone() {
            Value::Binary(BinaryOp::Add | BinaryOp::Increment, a, b) => match (has(self, a), has(self, b)) {
                (true, false) => self.direction(a, base, depth + 1),
                (false, true) => self.direction(b, base, depth + 1),
                (true, true) => self.direction(a, base, depth + 1).filter(|&s| Some(s) == self.direction(b, base, depth + 1)),
                _ => None,
            },
            Value::Binary(BinaryOp::Sub, a, b) => match (has(self, a), has(self, b)) {
                (true, false) => self.direction(a, base, depth + 1),
                (false, true) => self.direction(b, base, depth + 1).map(|s| !s),
                _ => None,
            },
            Value::Binary(BinaryOp::Mul, a, b) => {
                let (inner, factor) = if has(self, a) { (a, b) } else { (b, a) };
                if inner == factor || (has(self, a) && has(self, b)) {
                    return self.direction(inner, base, depth + 1);
                }
                let range = self.model.facts(&State::default(), factor).range;
                let sign = if range.lo > 0.0 {
                    Some(true)
                } else if range.hi < 0.0 {
                    Some(false)
                } else {
                    None
                };
                sign.and_then(|s| self.direction(inner, base, depth + 1).map(|d| d == s))
            }
            Value::Binary(BinaryOp::Div | BinaryOp::ShiftRight | BinaryOp::ShiftRightZero, a, b) if has(self, a) && !has(self, b) => {
                self.direction(a, base, depth + 1)
            }
            Value::Call(path, args)
                if path.starts_with("Math.")
                    && matches!(&*path, "Math.floor" | "Math.ceil" | "Math.round" | "Math.trunc" | "Math.sqrt") =>
            {
                self.direction(*args.first()?, base, depth + 1)
            }
            Value::Call(path, args)
                if matches!(&*path, "Number" | "Date.time" | "Math.min" | "Math.max") || path.starts_with("Date.set") =>
            {
                let inner = args.iter().copied().find(|&a| has(self, a))?;
                self.direction(inner, base, depth + 1)
            }
            Value::Unary(UnaryOp::Minus, a) => self.direction(a, base, depth + 1).map(|s| !s),
            Value::Unary(UnaryOp::Plus, a) => self.direction(a, base, depth + 1),
            Value::Phi(_) => {
                let parts: Vec<Sym> = self.model.symbols.operands(measure).filter(|&p| p != measure && has(self, p)).collect();
                let signs: Vec<_> = parts.iter().map(|&p| self.direction(p, base, depth + 1)).collect();
                match signs.first() {
                    Some(first) if signs.iter().all(|s| s == first) => *first,
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `new - base` as an interval, where the structure tells.
    pub fn difference(&mut self, new: Sym, base: Sym, state: &State, depth: u32) -> Option<Movement> {
        if new == base {
            return Some(Movement::still());
        }
        if depth > 10 {
            return None;
        }
        let of = |range: Interval| Some(Movement { range, moves: true, known: true, source: None });
        // A comparison of the two has told.
        let less = self.model.symbols.intern(Value::Binary(BinaryOp::Sub, new, base));
        if let Some(known) = state.facts.get(&less).filter(|facts| facts.range.lo >= 0.0 || facts.range.hi <= 0.0) {
            return of(known.range);
        }
        match self.model.symbols.value(new).clone() {
            Value::Binary(op @ (BinaryOp::Add | BinaryOp::Increment), a, b) => {
                let amount = |analyzer: &mut Self, sym: Sym| analyzer.amount(state, sym);
                if let Some(inner) = self.difference(a, base, state, depth + 1) {
                    let step = amount(self, b);
                    return of(inner.range.add(step));
                }
                if op == BinaryOp::Add
                    && let Some(inner) = self.difference(b, base, state, depth + 1)
                {
                    let step = amount(self, a);
                    return of(inner.range.add(step));
                }
                None
            }
            Value::Binary(BinaryOp::Sub, a, b) => {
                let inner = self.difference(a, base, state, depth + 1)?;
                let step = self.amount(state, b);
                of(inner.range.add(step.neg()))
            }
            Value::Binary(BinaryOp::Mul, a, b) => {
                let factor = if a == base {
                    b
                } else if b == base {
                    a
                } else {
                    return None;
                };
                let (start, by) = (self.model.facts(state, base).range, self.amount(state, factor));
                if start.lo > 0.0 && by.lo > 1.0 {
                    return of(Interval { lo: start.lo * (by.lo - 1.0), hi: f64::INFINITY });
                }
                if start.lo >= 0.0 && by.lo >= 0.0 && by.hi < 1.0 {
                    return of(Interval { lo: f64::NEG_INFINITY, hi: -f64::MIN_POSITIVE });
                }
                None
            }
            Value::Binary(BinaryOp::ShiftLeft, a, _) if a == base => {
                let start = self.model.facts(state, base).range;
                (start.lo > 0.0).then(|| of(Interval { lo: start.lo, hi: f64::INFINITY })).flatten()
            }
            Value::Template(_, parts) if parts.contains(&base) => of(Interval { lo: 1.0, hi: f64::INFINITY }),
            Value::Call(path, args) if path.starts_with("Date.set") => {
                let time = *args.first()?;
                let inner = self.difference(time, base, state, depth + 1)?;
                let step = self.date_step(&path, &args, time, state)?;
                of(inner.range.add(step))
            }
            Value::Call(path, args) if matches!(&*path, "Date.time" | "Number") && args.len() == 1 => {
                self.difference(args[0], base, state, depth + 1)
            }
            // `new Date(y, m, d + 1)` built from the parts of the date itself.
            Value::Call(path, args) if matches!(&*path, "Date.time" | "Date.UTC") && args.len() > 2 => {
                let mut total = Interval::point(0.0);
                for (&arg, part) in args.iter().zip(["FullYear", "Month", "Date", "Hours", "Minutes", "Seconds", "Milliseconds"]) {
                    let step = self.part_step(arg, base, state)?;
                    total = total.add(step.mul(Interval::point(part_duration(part))));
                }
                of(total)
            }
            Value::Call(path, args) if matches!(&*path, "Math.min" | "Math.max") => {
                let inner: Vec<Movement> = args.iter().filter_map(|&a| self.difference(a, base, state, depth + 1)).collect();
                let first = inner.first()?;
                if &*path == "Math.max" {
                    of(Interval { lo: first.range.lo, hi: f64::INFINITY })
                } else {
                    of(Interval { lo: f64::NEG_INFINITY, hi: first.range.hi })
                }
            }
            // What is found is not found before the place where the search begins.
            Value::Call(path, args) if matches!(&*path, "String.prototype.indexOf" | "Array.prototype.indexOf") && args.len() > 2 => {
                let found = self.model.facts(state, new).range.lo >= 0.0;
                let from = self.difference(args[2], base, state, depth + 1)?;
                found.then(|| of(Interval { lo: from.range.lo, hi: f64::INFINITY })).flatten()
            }
            Value::Phi(_) => {
                let parts: Vec<Sym> = self.model.symbols.operands(new).filter(|&p| p != new).collect();
                let mut joined: Option<Interval> = None;
                for part in parts {
                    let supposed = self.supposing(state, new, part);
                    let state = supposed.as_ref().unwrap_or(state);
                    let step = self.difference(part, base, state, depth + 1)?;
                    joined = Some(joined.map_or(step.range, |j| j.join(step.range)));
                }
                of(joined?)
            }
            _ if self.is_closer_to_zero(new, base, 0) => {
                let start = self.model.facts(state, base).range;
                if start.lo >= 0.0 {
                    of(Interval { lo: f64::NEG_INFINITY, hi: -f64::MIN_POSITIVE })
                } else if start.hi <= 0.0 {
                    of(Interval { lo: f64::MIN_POSITIVE, hi: f64::INFINITY })
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    /// How much is added per round: a number's range; what is not shown to be one counts as anything.
    pub(super) fn amount(&mut self, state: &State, sym: Sym) -> Interval {
        let facts = self.model.facts(state, sym);
        if facts.types.may(Types::NAN) || facts.types.may(Types::NULLISH) {
            return Interval { lo: f64::NEG_INFINITY, hi: f64::INFINITY };
        }
        if facts.types.only(Types::NUMBER | Types::BOOLEAN) || facts.listed { facts.range } else { Interval::ALL }
    }

    /// `d.setDate(d.getDate() + n)`: the time moves by as much as the part it is set to.
    pub(super) fn date_step(&mut self, path: &str, args: &[Sym], time: Sym, state: &State) -> Option<Interval> {
        let part = path.strip_prefix("Date.set")?;
        let getter: [String; 2] = [format!("Date.get{part}"), format!("Date.get{}", part.trim_start_matches("UTC"))];
        let value = *args.get(1)?;
        let step = self.step_from_getter(value, &getter, time, state)?;
        Some(step.mul(Interval::point(part_duration(part.trim_start_matches("UTC")))))
    }

    pub(super) fn step_from_getter(&mut self, value: Sym, getter: &[String; 2], time: Sym, state: &State) -> Option<Interval> {
        match self.model.symbols.value(value).clone() {
            Value::Call(path, args) if getter.iter().any(|g| **g == *path) && args == [time] => Some(Interval::point(0.0)),
            Value::Binary(BinaryOp::Add | BinaryOp::Increment, a, b) => {
                if let Some(inner) = self.step_from_getter(a, getter, time, state) {
                    return Some(inner.add(self.amount(state, b)));
                }
                let inner = self.step_from_getter(b, getter, time, state)?;
                Some(inner.add(self.amount(state, a)))
            }
            Value::Binary(BinaryOp::Sub, a, b) => {
                let inner = self.step_from_getter(a, getter, time, state)?;
                Some(inner.add(self.amount(state, b).neg()))
            }
            _ => None,
        }
    }

    pub(super) fn part_step(&mut self, part: Sym, base: Sym, state: &State) -> Option<Interval> {
        match self.model.symbols.value(part).clone() {
            Value::Number(_) => Some(Interval::point(0.0)),
            Value::Call(path, args) if path.starts_with("Date.get") && args == [base] => Some(Interval::point(0.0)),
            Value::Binary(BinaryOp::Add, a, b) => Some(self.part_step(a, base, state)?.add(self.amount(state, b))),
            Value::Binary(BinaryOp::Sub, a, b) => Some(self.part_step(a, base, state)?.add(self.amount(state, b).neg())),
            _ => None,
        }
    }

    /// The input that decides the step, if one does.
    pub(super) fn step_source(&mut self, new: Sym, base: Sym, state: &State) -> Option<InputSource> {
        let mut parts = Vec::new();
        self.collect_steps(new, base, &mut parts, 0);
        for part in parts {
            let facts = self.model.facts(state, part);
            let positive = facts.types.only(Types::NUMBER) && (facts.range.lo > 0.0 || facts.range.hi < 0.0);
            if positive || facts.listed {
                continue;
            }
            if let Some(source) = self.influence(state, part).or_else(|| self.source_of_piece(state, part)) {
                return Some(source);
            }
        }
        None
    }

    /// The input that decides how long a piece of a list or text is, unless it is shown to be at least one.
    fn source_of_piece(&mut self, state: &State, length: Sym) -> Option<InputSource> {
        let Value::Prop(piece, PropKey::Name(name)) = self.model.symbols.value(length).clone() else { return None };
        let (_, _, args) = self.derived.get(&piece).filter(|(path, ..)| path == "slice" && &*name == "length").cloned()?;
        let [from, to] = args[..] else { return None };
        if self.difference(to, from, state, 0).is_some_and(|step| step.range.lo >= 1.0) {
            return None;
        }
        self.influence(state, to)
    }

    pub(in crate::semantic) fn collect_steps(&self, new: Sym, base: Sym, out: &mut Vec<Sym>, depth: u32) {
        if depth > 8 || new == base {
            return;
        }
        match self.model.symbols.value(new) {
            Value::Binary(_, a, b) => {
                for part in [*a, *b] {
                    if self.model.symbols.contains(part, &|p, _| p == base) {
                        self.collect_steps(part, base, out, depth + 1);
                    } else {
                        out.push(part);
                    }
                }
            }
            Value::Phi(_) => {
                for part in self.model.symbols.operands(new) {
                    if part != new {
                        self.collect_steps(part, base, out, depth + 1);
                    }
                }
            }
            Value::Call(_, args) => args.iter().for_each(|&a| self.collect_steps(a, base, out, depth + 1)),
            _ => {}
        }
    }
}

/// The least time, in milliseconds, by which one more of a date's part moves it.
fn part_duration(part: &str) -> f64 {
    const HOUR: f64 = 3_600_000.0;
    match part {
        "FullYear" => 365.0 * 24.0 * HOUR,
        "Month" => 28.0 * 24.0 * HOUR,
        // A day that loses an hour to daylight saving is still one.
        "Date" => 23.0 * HOUR,
        "Hours" => HOUR,
        "Minutes" => 60_000.0,
        "Seconds" => 1_000.0,
        _ => 1.0,
    }
}
