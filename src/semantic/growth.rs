//! Text and lists that a loop makes a multiple of themselves: exponential in the number of rounds.

use std::collections::BTreeSet;

use super::cost::list;
use super::flow::{Analyzer, Trace};
use super::graph::Graph;
use super::ir::{BlockId, FuncId, OpKind, Reg};
use super::limits;
use super::observe::{Costly, Measure};
use super::state::State;
use super::symbol::{SiteKind, Sym, Value};
use crate::finding::Level;
use crate::source::TextRange;

impl Analyzer<'_> {
    /// Looks for values that each round of a loop multiplies, where the rounds are too many for that.
    pub(super) fn observe_growth(&mut self, cfg: &Graph, func: FuncId, trace: &Trace, header: BlockId, rounds: f64, bound: &[Sym]) {
        if self.sweeping || self.entry.is_none() || rounds <= limits::DOUBLINGS_MAX {
            return;
        }
        let Some(entry) = trace.entry[header.index()].clone() else { return };
        let Some(blocks) = cfg.loop_at(header) else { return };
        let latches: Vec<State> = trace.back.range((header, BlockId(0))..=(header, BlockId(u32::MAX))).map(|(_, s)| s.clone()).collect();
        for (slot, &base) in &entry.slots {
            let is_merge = matches!(self.model.symbols.value(base), Value::Phi(site) if site.what == SiteKind::Slot(header, *slot));
            if !is_merge {
                continue;
            }
            for state in &latches {
                let Some(&next) = state.slots.get(slot) else { continue };
                let factor = self.copies(next, base, 0);
                let is_limited = self.model.facts(state, base).length.is_bounded();
                if factor > 1.0 && !is_limited && rounds * factor.log2() > limits::DOUBLINGS_MAX {
                    let range = self.place_of(func, blocks, trace, next);
                    self.charge_growth(&entry, range, bound);
                }
            }
        }
    }

    /// `xs.push(...xs)` in a loop.
    pub(super) fn observe_own_spread(&mut self, state: &State, of: Sym, range: TextRange) {
        let multiplies = self.spread_sources.iter().any(|&source| self.same_object(source, of));
        if !multiplies || !self.observing_cost() || self.model.facts(state, of).length.is_bounded() {
            return;
        }
        let (rounds, bound) = self.loop_costs.most_rounds();
        if rounds > limits::DOUBLINGS_MAX {
            self.charge_growth(state, range, &bound);
        }
    }

    fn charge_growth(&mut self, state: &State, range: TextRange, bound: &[Sym]) {
        let drivers: BTreeSet<String> = bound.iter().flat_map(|&sym| self.influences(state, sym)).collect();
        let message = match drivers.is_empty() {
            true => "it is multiplied in every round: its size grows exponentially".to_owned(),
            false => format!("it is multiplied in every round: its size grows exponentially, as {} says", list(&drivers)),
        };
        self.seen.costs.insert(Costly { range, level: Level::Error, drivers, measure: Measure::Value, message, steps: Vec::new() });
    }

    /// How many times as large as `base` a value is that is made of it.
    fn copies(&mut self, value: Sym, base: Sym, depth: u32) -> f64 {
        if value == base {
            return 1.0;
        }
        if depth > 8 {
            return 0.0;
        }
        match self.model.symbols.value(value).clone() {
            Value::Template(_, parts) => parts.into_iter().map(|part| self.copies(part, base, depth + 1)).sum(),
            Value::Call(path, args) => match &*path {
                "String.prototype.concat" => args.into_iter().map(|arg| self.copies(arg, base, depth + 1)).sum(),
                "String.prototype.repeat" => {
                    let times = args.get(1).and_then(|&n| self.model.symbols.as_number(n)).unwrap_or(1.0);
                    self.copies(args[0], base, depth + 1) * times
                }
                "String.prototype.replace" | "String.prototype.replaceAll" => {
                    self.copies(args[0], base, depth + 1) * self.replacement_factor(&path, &args)
                }
                "String.prototype.trim" | "String.prototype.toUpperCase" | "String.prototype.toLowerCase" | "String" => {
                    self.copies(args[0], base, depth + 1)
                }
                _ => 0.0,
            },
            Value::Phi(site) if !matches!(site.what, SiteKind::Slot(block, _) if self.graphs[site.func.index()].is_header(block)) => {
                let parts: Vec<Sym> = self.model.symbols.operands(value).filter(|&part| part != value).collect();
                parts.into_iter().map(|part| self.copies(part, base, depth + 1)).fold(0.0, f64::max)
            }
            Value::Alloc { .. } => match self.derived.get(&value).cloned() {
                Some((method, of, more)) if method == "concat" => {
                    std::iter::once(of).chain(more).map(|part| self.copies(part, base, depth + 1)).sum()
                }
                Some((method, of, more)) if method == "flatMap" => {
                    let times = more.first().and_then(|&n| self.model.symbols.as_number(n)).unwrap_or(1.0);
                    self.copies(of, base, depth + 1) * times
                }
                Some((method, of, _)) if method == "map" => self.copies(of, base, depth + 1),
                _ => 0.0,
            },
            _ => 0.0,
        }
    }

    /// `replaceAll("a", "aa")`: as much longer as what is put in is longer than what is taken out.
    fn replacement_factor(&self, path: &str, args: &[Sym]) -> f64 {
        let with = args.get(2).and_then(|&w| self.model.symbols.as_str(w)).map_or(0, |w| w.chars().count() + w.matches("$&").count());
        match args.get(1).map(|&p| self.model.symbols.value(p)) {
            Some(Value::Str(text)) if path.ends_with("All") && !text.is_empty() => with as f64 / text.chars().count() as f64,
            Some(Value::Regex { flags, pattern }) if flags.contains('g') && pattern.len() <= 2 => with as f64,
            _ => 1.0,
        }
    }

    /// The operation of the loop that computes a value.
    fn place_of(&self, func: FuncId, blocks: &[BlockId], trace: &Trace, value: Sym) -> TextRange {
        let body = self.model.ir.body(func);
        let computes = |reg: &&Reg| {
            trace.registers[reg.index()] == Some(value) && !matches!(body.ops[reg.index()].kind, OpKind::Load(_) | OpKind::Store { .. })
        };
        let found = blocks.iter().flat_map(|b| &body.blocks[b.index()].ops).find(computes);
        found.map_or_else(|| self.produced.get(&value).copied().unwrap_or_default(), |reg| body.ops[reg.index()].range)
    }
}
