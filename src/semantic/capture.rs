//! What functions keep of the variables around them.
//!
//! A function that is made in another one sees that one's variables as they were in the activation that
//! made it. Most of them never change after they are first set: parameters, `const`s, local functions.
//! Such a variable is kept by value with the closure, so that two functions made by one factory do not see
//! each other's. One that changes is read where it stands, as whatever activation last wrote it.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::flow::Analyzer;
use super::ir::{FuncId, Ir, OpKind, Reg, SlotId, SlotKind};
use super::limits;
use super::state::State;
use super::symbol::{Site, SiteKind, Sym, Value};

/// The variables that a closure keeps, with their values, in order.
pub type Environment = Rc<[(SlotId, Sym)]>;

/// Which variables each function of a file keeps when a closure is made of it.
#[derive(Debug)]
pub struct Captures {
    of: Vec<Rc<[SlotId]>>,
    /// The variables that some closure keeps, by the function that owns them.
    kept: Vec<Vec<SlotId>>,
}

impl Captures {
    /// Looks through all functions of a file.
    pub fn new(ir: &Ir) -> Captures {
        let mut sets: Vec<BTreeSet<SlotId>> = ir.bodies.iter().map(|body| read_around(ir, body.id)).collect();
        let made: Vec<Vec<FuncId>> = ir.bodies.iter().map(|body| made_in(ir, body.id)).collect();
        let functions: std::collections::BTreeMap<SlotId, FuncId> =
            ir.bodies.iter().flat_map(|body| local_functions(ir, body.id)).collect();
        loop {
            let mut changed = false;
            for body in ir.bodies.iter().rev() {
                let own = body.id;
                let through = sets[own.index()].iter().filter_map(|slot| functions.get(slot)).copied();
                let inner: BTreeSet<SlotId> = made[own.index()]
                    .iter()
                    .copied()
                    .chain(through)
                    .flat_map(|of| sets[of.index()].iter().copied())
                    .filter(|slot| ir.slot(*slot).owner != own)
                    .collect();
                let set = &mut sets[own.index()];
                let before = set.len();
                if before <= limits::CAPTURED_MAX {
                    set.extend(inner);
                    changed |= set.len() != before;
                }
            }
            if !changed {
                break;
            }
        }
        let mut kept = vec![Vec::new(); ir.bodies.len()];
        // One that keeps very much stands in a file that is one function around all others.
        let of: Vec<Rc<[SlotId]>> =
            sets.into_iter().map(|set| if set.len() > limits::CAPTURED_MAX { Rc::default() } else { set.into_iter().collect() }).collect();
        for &slot in of.iter().flat_map(|set| set.iter()).collect::<BTreeSet<_>>() {
            kept[ir.slot(slot).owner.index()].push(slot);
        }
        Captures { of, kept }
    }

    /// The variables that closures made of a function keep.
    fn of(&self, func: FuncId) -> &Rc<[SlotId]> {
        &self.of[func.index()]
    }
}

/// Whether closures keep a variable by value.
fn is_kept(ir: &Ir, slot: SlotId) -> bool {
    let declared = ir.slot(slot);
    declared.owner != FuncId(0) && declared.stores <= 1 && declared.kind != SlotKind::Temporary
}

/// The variables of other functions that a function reads itself.
fn read_around(ir: &Ir, func: FuncId) -> BTreeSet<SlotId> {
    let read = ir.body(func).ops.iter().filter_map(|op| if let OpKind::Load(slot) = op.kind { Some(slot) } else { None });
    read.filter(|&slot| ir.slot(slot).owner != func && is_kept(ir, slot)).collect()
}

/// The functions that a function makes.
fn made_in(ir: &Ir, func: FuncId) -> Vec<FuncId> {
    ir.body(func).ops.iter().filter_map(|op| if let OpKind::Function(made) = op.kind { Some(made) } else { None }).collect()
}

/// The variables that a function sets to functions.
fn local_functions(ir: &Ir, func: FuncId) -> Vec<(SlotId, FuncId)> {
    let body = ir.body(func);
    let made = |reg: Reg| if let OpKind::Function(made) = body.ops[reg.index()].kind { Some(made) } else { None };
    let stores = body.ops.iter().filter_map(|op| if let OpKind::Store { slot, value, .. } = op.kind { Some((slot, value)) } else { None });
    stores.filter(|(slot, _)| is_kept(ir, *slot)).filter_map(|(slot, value)| Some((slot, made(value)?))).collect()
}

/// Makes the variables that a closure keeps those of the state that its activation begins in.
pub fn bind(state: &mut State, kept: &Environment) {
    for &(slot, value) in kept.iter() {
        state.slots.insert(slot, value);
    }
}

/// Gives those variables back the values they had before, after the activation.
pub fn unbind(state: &mut State, before: &State, kept: &Environment) {
    for (slot, _) in kept.iter() {
        match before.slots.get(slot) {
            Some(&value) => state.slots.insert(*slot, value),
            None => state.slots.remove(slot),
        };
    }
}

impl Analyzer<'_> {
    /// A closure of a function of the file, made here.
    pub fn closure(&mut self, state: &State, func: FuncId, this: Option<Sym>) -> Sym {
        let kept = self.captured_by(state, func, &Environment::default());
        self.model.symbols.intern(Value::Closure(func, this, kept))
    }

    /// A closure as it is read: variables that were not yet set when it was made are, by now. So a local
    /// function may be declared before the constants that it reads.
    pub fn completed(&mut self, state: &State, sym: Sym) -> Sym {
        let Value::Closure(func, this, kept) = self.model.symbols.value(sym) else { return sym };
        if kept.len() == self.captures.of(*func).len() {
            return sym;
        }
        let (func, this, kept) = (*func, *this, kept.clone());
        let kept = self.captured_by(state, func, &kept);
        self.model.symbols.intern(Value::Closure(func, this, kept))
    }

    /// What a closure keeps: what it kept before, and what the activations that are under way have set.
    fn captured_by(&mut self, state: &State, func: FuncId, before: &Environment) -> Environment {
        let slots = self.captures.of(func).clone();
        if slots.is_empty() {
            return Environment::default();
        }
        let ir = self.model.ir.clone();
        let mut kept = Vec::with_capacity(slots.len());
        for &slot in slots.iter() {
            if let Some(known) = before.iter().find(|(of, _)| *of == slot) {
                kept.push(*known);
            } else if let Some(&value) = state.slots.get(&slot)
                && self.frames.iter().any(|frame| frame.func == ir.slot(slot).owner || frame.captured.iter().any(|(of, _)| *of == slot))
            {
                let value = self.captured_value(state, slot, value);
                kept.push((slot, value));
            }
        }
        // Closures around closures without end are one in the end.
        let too_deep = kept.iter().any(|(_, value)| self.model.symbols.is_deep(*value));
        if too_deep { Environment::default() } else { kept.into() }
    }

    /// What a closure keeps of a value: what was found out of it, too, where the closure was made.
    fn captured_value(&mut self, state: &State, slot: SlotId, value: Sym) -> Sym {
        let is_found_out = state.facts.contains_key(&value) && matches!(self.model.symbols.value(value), Value::Prop(..) | Value::Phi(_));
        if !is_found_out {
            return value;
        }
        let frame = self.frame();
        let block = super::ir::BlockId(CAPTURED + self.current.map_or(0, |reg| reg.0));
        let site = Rc::new(Site { ctx: frame.ctx, func: frame.func, what: SiteKind::Slot(block, slot) });
        let kept = self.model.keep(state, value, site);
        self.model.goes_by(value, kept);
        kept
    }

    /// A function begins: what an earlier activation of it left in variables that closures keep is not its own.
    pub fn forget_captured(&mut self, state: &mut State, func: FuncId) {
        for slot in &self.captures.kept[func.index()] {
            state.slots.remove(slot);
        }
    }

    /// Closures of one function that keep different values, as one that keeps any of them.
    pub fn any_of_closures(&mut self, state: &mut State, reg: Reg, leaves: &[Sym]) -> Vec<Sym> {
        let mut groups: Vec<(FuncId, Option<Sym>, Vec<Environment>)> = Vec::new();
        let mut others = Vec::new();
        for &leaf in leaves {
            match self.model.symbols.value(leaf) {
                Value::Closure(func, this, kept) => match groups.iter_mut().find(|(f, t, _)| f == func && t == this) {
                    Some((_, _, all)) => all.push(kept.clone()),
                    None => groups.push((*func, *this, vec![kept.clone()])),
                },
                _ => others.push(leaf),
            }
        }
        for (func, this, all) in groups {
            let slots: BTreeSet<SlotId> = all.iter().flat_map(|kept| kept.iter().map(|(slot, _)| *slot)).collect();
            let merged = slots.into_iter().map(|slot| {
                let values: Vec<Sym> =
                    all.iter().flat_map(|kept| kept.iter().filter(|(of, _)| *of == slot)).map(|(_, value)| *value).collect();
                let frame = self.frame();
                let block = super::ir::BlockId(CLOSURES + reg.0);
                let site = Rc::new(Site { ctx: frame.ctx, func: frame.func, what: SiteKind::Slot(block, slot) });
                (slot, self.one_of_at(state, site, &values))
            });
            let kept: Vec<_> = merged.collect();
            others.push(self.model.symbols.intern(Value::Closure(func, this, kept.into())));
        }
        others
    }
}

/// Pseudo-blocks at which closures come to keep variables.
const CAPTURED: u32 = 0x5800_0000;
/// Pseudo-blocks at which the variables of closures that are called as one meet.
const CLOSURES: u32 = 0x5000_0000;
