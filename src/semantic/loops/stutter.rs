//! Ways round a loop that repeat for ever: what decides them is left, or put back, as it was.

use std::collections::BTreeSet;

use super::Turns;
use super::rounds::{Change, Round, is_merge_at};
use crate::semantic::flow::Analyzer;
use crate::semantic::graph::for_each_register;
use crate::semantic::ir::{BinaryOp, BlockId, FuncId, Key, OpKind};
use crate::semantic::state::{Field, State};
use crate::semantic::symbol::{PropKey, Site, SiteKind, Sym, Value, Which, for_each_part};

/// What a condition depends on, as far as a round of the loop can change it.
#[derive(Default)]
struct Dependencies {
    /// Merges at the loop's header.
    merges: BTreeSet<Sym>,
    /// Objects whose contents are read.
    objects: BTreeSet<Sym>,
    /// Something that may be different every time it is asked.
    varies: bool,
    seen: BTreeSet<Sym>,
}

impl Analyzer<'_> {
    /// Why a way round repeats for ever once it is taken twice: everything that its branches depend
    /// on is the same at the end of each such round.
    pub(super) fn repeats_for_ever(&mut self, turns: &Turns<'_>, round: &Round, rounds: &[Round]) -> Option<String> {
        if round.by_exception || (round.awaits && self.waits_for_another(turns)) {
            return None;
        }
        let mut depends = Dependencies::default();
        for (_, cond, ..) in &round.tests {
            self.dependencies(turns, round, *cond, &mut depends, 0);
        }
        for &of in &round.iterated {
            self.dependencies(turns, round, of, &mut depends, 0);
            depends.objects.insert(of);
        }
        self.inner_dependencies(turns, round, &mut depends);
        if depends.varies || !self.objects_stay(round, &depends.objects) {
            return None;
        }
        let merges: Vec<Sym> = depends.merges.iter().copied().collect();
        let mut settled = true;
        for merge in merges {
            match self.settles_at(turns, round, merge, 0) {
                Some(moved) => settled &= !moved,
                None => return None,
            }
        }
        if settled {
            let whole = rounds.len() == 1;
            return Some(match whole {
                true => "no round changes what its condition depends on".to_owned(),
                false => "on some path through it nothing changes that its branches depend on, so that path repeats for ever".to_owned(),
            });
        }
        self.can_be_taken_again(turns, round)
            .then(|| "on some path through it the value that should end it is set back, so that path repeats for ever".to_owned())
    }

    /// What the loops inside a round depend on: how often they turn, and what they leave behind.
    fn inner_dependencies(&mut self, turns: &Turns<'_>, round: &Round, depends: &mut Dependencies) {
        for &header in &round.inner {
            for &block in turns.cfg.loop_at(header).unwrap_or_default() {
                if let Some((cond, _)) = turns.trace.conditions.get(&block) {
                    self.dependencies(turns, round, *cond, depends, 0);
                }
            }
        }
    }

    /// Whether a condition and all it depends on are the same after the way round.
    pub(super) fn leaves_as_it_was(&mut self, turns: &Turns<'_>, round: &Round, cond: Sym) -> bool {
        let mut depends = Dependencies::default();
        self.dependencies(turns, round, cond, &mut depends, 0);
        self.inner_dependencies(turns, round, &mut depends);
        let merges: Vec<Sym> = depends.merges.iter().copied().collect();
        !depends.varies
            && self.objects_stay(round, &depends.objects)
            && merges.into_iter().all(|merge| self.settles_at(turns, round, merge, 0) == Some(false))
    }

    /// Whether a merge has the same value at the end of every round of this way: `Some(false)` if it
    /// never changes, `Some(true)` if it is set to what the rounds leave alone, `None` if it goes on.
    fn settles_at(&mut self, turns: &Turns<'_>, round: &Round, merge: Sym, depth: u32) -> Option<bool> {
        if depth > 6 {
            return None;
        }
        let way = turns.of(round);
        let next = self.next_values(&way, merge)?;
        let [(value, state)] = &next[..] else { return None };
        if *value == merge || self.is_same_value(*value, merge, 0) {
            return Some(false);
        }
        if let Some(step) = self.difference(*value, merge, state, 0)
            && step.range.lo == 0.0
            && step.range.hi == 0.0
        {
            return Some(false);
        }
        if self.is_idempotent(*value, merge) {
            return Some(true);
        }
        // One of many objects need not be the same one again.
        if self.model.symbols.leaves(*value).iter().any(|&leaf| self.is_one_of_many(state, leaf)) {
            return None;
        }
        let mut depends = Dependencies::default();
        self.dependencies(turns, round, *value, &mut depends, 0);
        if depends.varies || depends.merges.contains(&merge) || !self.objects_stay(round, &depends.objects) {
            return None;
        }
        let merges: Vec<Sym> = depends.merges.iter().copied().collect();
        merges.into_iter().all(|m| self.settles_at(turns, round, m, depth + 1).is_some()).then_some(true)
    }

    /// Whether an object stands for several that were made at one place, such as the links of a chain.
    fn is_one_of_many(&self, state: &State, object: Sym) -> bool {
        let Value::Alloc { old, .. } = *self.model.symbols.value(object) else { return false };
        let holds_itself = |field: &Field| matches!(field, Field::Value(held) if self.model.symbols.leaves(*held).contains(&object));
        old || state.object(object).is_some_and(|known| known.fields.values().any(holds_itself))
    }

    /// `text.slice(0)` and the like: the value itself.
    pub(in crate::semantic) fn is_same_value(&mut self, value: Sym, of: Sym, depth: u32) -> bool {
        if value == of {
            return true;
        }
        if depth > 6 {
            return false;
        }
        let zero = |analyzer: &Self, sym: Option<&Sym>| sym.is_none_or(|&s| analyzer.model.symbols.as_number(s) == Some(0.0));
        match self.model.symbols.value(value).clone() {
            Value::Call(path, args) => match &*path {
                "String.prototype.slice" | "String.prototype.substring" | "String.prototype.substr" => {
                    args.len() <= 2 && zero(self, args.get(1)) && self.is_same_value(args[0], of, depth + 1)
                }
                "String.prototype.toString" | "String.prototype.valueOf" | "String" => {
                    args.first().is_some_and(|&a| self.is_same_value(a, of, depth + 1))
                }
                _ => false,
            },
            Value::Alloc { .. } => match self.derived.get(&value).cloned() {
                Some((method, from, args)) => {
                    method == "slice" && args.len() <= 1 && zero(self, args.first()) && self.is_same_value(from, of, depth + 1)
                }
                None => false,
            },
            Value::Unary(crate::semantic::ir::UnaryOp::Plus, a) => self.is_same_value(a, of, depth + 1),
            _ => false,
        }
    }

    /// Operations that change nothing when they are done again: `x & 7`, `text.trim()`.
    fn is_idempotent(&self, value: Sym, of: Sym) -> bool {
        let constant = |sym: Sym| self.model.symbols.is_constant(sym);
        match self.model.symbols.value(value) {
            Value::Binary(BinaryOp::BitAnd | BinaryOp::BitOr, a, b) => (*a == of && constant(*b)) || (*b == of && constant(*a)),
            Value::Call(path, args) => {
                let others_constant = args.iter().all(|&a| a == of || constant(a));
                let once = match &**path {
                    _ if path.starts_with("Date.set") => others_constant,
                    "Math.max" | "Math.min" => others_constant,
                    "Math.abs" | "Math.floor" | "Math.ceil" | "Math.round" | "Math.trunc" => args.len() == 1,
                    "String.prototype.trim"
                    | "String.prototype.trimStart"
                    | "String.prototype.trimEnd"
                    | "String.prototype.toLowerCase"
                    | "String.prototype.toUpperCase" => args.len() == 1,
                    "String.prototype.slice" | "String.prototype.substring" => {
                        args.len() == 3 && self.model.symbols.as_number(args[1]) == Some(0.0) && constant(args[2])
                    }
                    _ => false,
                };
                once && args.contains(&of)
            }
            _ => false,
        }
    }

    /// Whether the state at the end of a round lets the same way be taken once more.
    fn can_be_taken_again(&mut self, turns: &Turns<'_>, round: &Round) -> bool {
        let mut state = round.end.clone();
        for (_, cond, truth, _) in &round.tests {
            let mut again = *cond;
            let mut depends = Dependencies::default();
            self.dependencies(turns, round, *cond, &mut depends, 0);
            for merge in depends.merges {
                let way = turns.of(round);
                if let Some([(value, _)]) = self.next_values(&way, merge).as_deref() {
                    again = self.model.symbols.substitute(again, merge, *value);
                }
            }
            let again = self.refold(again);
            match self.model.assumed(&state, again, *truth) {
                Some(next) => state = next,
                None => return false,
            }
        }
        true
    }

    /// A symbol whose parts were replaced, folded where they are constant now.
    fn refold(&mut self, sym: Sym) -> Sym {
        use crate::semantic::builtins::fold;
        match self.model.symbols.value(sym).clone() {
            Value::Binary(op, a, b) => {
                let (a, b) = (self.refold(a), self.refold(b));
                match fold::binary(&mut self.model.symbols, op, a, b) {
                    Some(folded) => folded,
                    None => self.model.symbols.intern(Value::Binary(op, a, b)),
                }
            }
            Value::Unary(op, a) => {
                let a = self.refold(a);
                match fold::unary(&mut self.model.symbols, op, a) {
                    Some(folded) => folded,
                    None => self.model.symbols.intern(Value::Unary(op, a)),
                }
            }
            _ => sym,
        }
    }

    /// None of the objects is changed on the way, unless what is taken is put back as it was.
    fn objects_stay(&self, round: &Round, objects: &BTreeSet<Sym>) -> bool {
        objects.iter().all(|&object| round.mutations.iter().all(|m| !self.same_object(m.object, object)) || self.is_rotated(round, object))
    }

    /// Every element that is taken from the collection is put back into it, and nothing else is.
    fn is_rotated(&self, round: &Round, of: Sym) -> bool {
        let (mut taken, mut added) = (Vec::new(), Vec::new());
        for mutation in round.mutations.iter().filter(|m| self.same_object(m.object, of)) {
            match &mutation.change {
                Change::Taken(Some(element)) => taken.push(*element),
                Change::Added(elements, false) => added.extend(elements.iter().copied()),
                _ => return false,
            }
        }
        taken.sort();
        added.sort();
        !taken.is_empty() && taken == added
    }

    fn dependencies(&mut self, turns: &Turns<'_>, round: &Round, sym: Sym, out: &mut Dependencies, depth: u32) {
        if out.varies || !out.seen.insert(sym) {
            return;
        }
        if depth > 40 || out.seen.len() > 400 || self.random.contains(&sym) {
            out.varies = true;
            return;
        }
        if self.is_put_back(round, sym) {
            return;
        }
        match self.model.symbols.value(sym).clone() {
            Value::Phi(site) if self.is_own(turns, &site) && is_merge_at(&site, turns.natural.header) => {
                out.merges.insert(sym);
                return;
            }
            Value::Phi(site) | Value::Opaque(site) if self.is_made_outside(turns, &site) => return,
            Value::Phi(site) | Value::Opaque(site) => self.site_dependencies(turns, round, &site, out, depth),
            Value::Instance(_, Which::Turn(site)) if !self.is_made_outside(turns, &site) => {
                self.site_dependencies(turns, round, &site, out, depth);
            }
            Value::Prop(base, key) => {
                if let (PropKey::Name(name), Value::Phi(site)) = (&key, self.model.symbols.value(base).clone())
                    && &**name == "[[time]]"
                    && is_merge_at(&site, turns.natural.header)
                {
                    out.merges.insert(sym);
                    return;
                }
                if self.model.symbols.as_builtin(base).is_none() {
                    out.objects.insert(base);
                }
            }
            Value::Call(path, args) => {
                let reads = ["Set.", "Map.", "Array.", "Object.", "JSON.", "RegExp.", "[[for"];
                if reads.iter().any(|prefix| path.starts_with(prefix)) {
                    out.objects.extend(args.iter().copied());
                }
            }
            Value::Alloc { site, .. } if !self.is_made_outside(turns, &site) => {
                if let Some((_, from, _)) = self.derived.get(&sym).cloned() {
                    out.objects.insert(from);
                    self.dependencies(turns, round, from, out, depth + 1);
                }
                let held: Vec<Sym> = round.end.object(sym).map_or_else(Vec::new, |object| {
                    let values = object.fields.values().filter_map(|f| match f {
                        Field::Value(value) => Some(*value),
                        _ => None,
                    });
                    values.chain(object.rest).chain(object.time).chain(object.spreads.iter().copied()).collect()
                });
                for value in held {
                    self.dependencies(turns, round, value, out, depth + 1);
                }
                self.site_dependencies(turns, round, &site, out, depth);
            }
            Value::Version(..) => out.varies = true,
            _ => {}
        }
        let value = self.model.symbols.value(sym).clone();
        let mut parts = Vec::new();
        for_each_part(&value, |part| parts.push(part));
        parts.extend(self.model.symbols.operands(sym));
        for part in parts {
            self.dependencies(turns, round, part, out, depth + 1);
        }
    }

    /// What a value made by an operation of the loop depends on besides its ingredients: what the
    /// operation reads, and what a function it calls can see.
    fn site_dependencies(&mut self, turns: &Turns<'_>, round: &Round, site: &Site, out: &mut Dependencies, depth: u32) {
        let reg = match site.what {
            SiteKind::Slot(..) | SiteKind::Field(..) | SiteKind::Elements(..) if self.is_own(turns, site) => return,
            SiteKind::Op(reg, _) if self.is_own(turns, site) => Some(reg),
            _ => self.model.symbols.called_from(site.ctx, (self.frame().ctx, turns.func)),
        };
        let ir = self.model.ir.clone();
        let Some(op) = reg.and_then(|reg| ir.body(turns.func).ops.get(reg.index())) else {
            out.varies = true;
            return;
        };
        if let OpKind::Call { callee, this, .. } = &op.kind {
            let called = round.registers[callee.index()];
            let path = called.and_then(|c| self.model.symbols.as_builtin(c).map(str::to_owned));
            if path.as_deref().is_some_and(is_clock) {
                out.varies = true;
                return;
            }
            if let Some(receiver) = this.and_then(|r| round.registers[r.index()]) {
                out.objects.insert(receiver);
            }
            if path.is_none() {
                self.seen_by_functions(turns, round, out, depth);
            }
        }
        let mut read = Vec::new();
        for_each_register(&op.kind, |r| read.extend(round.registers[r.index()]));
        for sym in read {
            if matches!(self.model.symbols.value(sym), Value::Alloc { .. } | Value::Phi(_)) {
                out.objects.insert(sym);
            }
            self.dependencies(turns, round, sym, out, depth + 1);
        }
    }

    /// What any function of the file that the loop may call can read besides its arguments.
    fn seen_by_functions(&mut self, turns: &Turns<'_>, round: &Round, out: &mut Dependencies, depth: u32) {
        let ir = self.model.ir.clone();
        for body in ir.bodies.iter().filter(|body| body.id != turns.func && body.id != FuncId(0)) {
            for op in &body.ops {
                match &op.kind {
                    OpKind::Load(slot) if ir.slot(*slot).owner != body.id => {
                        let Some(&value) = round.end.slots.get(slot) else { continue };
                        if matches!(self.model.symbols.value(value), Value::Closure(..) | Value::Class(_)) {
                            continue;
                        }
                        let merge = turns.trace.entry[turns.natural.header.index()].as_ref().and_then(|s| s.slots.get(slot).copied());
                        out.objects.insert(value);
                        self.dependencies(turns, round, merge.unwrap_or(value), out, depth + 1);
                    }
                    OpKind::Get { key: Key::Name(name), .. } if matches!(name.as_str(), "random" | "now") => out.varies = true,
                    _ => {}
                }
            }
        }
    }

    /// The value was taken from a collection on this way and put back into it.
    fn is_put_back(&self, round: &Round, sym: Sym) -> bool {
        round.mutations.iter().any(|m| match m.change {
            Change::Taken(Some(element)) => {
                let is_it = element == sym || self.model.symbols.operands(element).any(|o| o == sym);
                is_it && self.is_rotated(round, m.object)
            }
            _ => false,
        })
    }

    fn is_own(&self, turns: &Turns<'_>, site: &Site) -> bool {
        site.func == turns.func && site.ctx == self.frame().ctx
    }

    /// Made before the loop was entered: the same in every round.
    pub(super) fn is_made_outside(&self, turns: &Turns<'_>, site: &Site) -> bool {
        let inside = |block: BlockId| turns.cfg.loop_at(turns.natural.header).is_some_and(|blocks| blocks.contains(&block));
        if self.is_own(turns, site) {
            return match site.what {
                SiteKind::Op(reg, _) => self.block_of(turns.func, reg).is_some_and(|block| !inside(block)),
                SiteKind::Slot(block, _) | SiteKind::Field(block, ..) | SiteKind::Elements(block, _) => !inside(block),
                SiteKind::Return => false,
            };
        }
        match self.model.symbols.called_from(site.ctx, (self.frame().ctx, turns.func)) {
            Some(reg) => self.block_of(turns.func, reg).is_some_and(|block| !inside(block)),
            // Not made by a call of this activation: it came from outside of it.
            None => true,
        }
    }

    /// While the loop waits, another function may change what it reads.
    pub(super) fn waits_for_another(&self, turns: &Turns<'_>) -> bool {
        let ir = self.model.ir.clone();
        let written_elsewhere = |slot| {
            ir.bodies.iter().any(|body| {
                body.id != turns.func
                    && body.id != FuncId(0)
                    && body.ops.iter().any(|op| matches!(op.kind, OpKind::Store { slot: s, init: false, .. } if s == slot))
            })
        };
        let body = ir.body(turns.func);
        turns.cfg.blocks_of(turns.natural).iter().any(|block| {
            body.blocks[block.index()].ops.iter().any(|reg| match body.ops[reg.index()].kind {
                OpKind::Load(slot) => written_elsewhere(slot),
                _ => false,
            })
        })
    }
}

/// Built-ins whose answer changes by itself.
fn is_clock(path: &str) -> bool {
    matches!(path, "Math.random" | "Date.now" | "Date" | "performance.now") || path.ends_with(".next")
}
