//! Checks that a graph keeps the promises of [`super::ir`]. Tests only.

use super::cfg::{Cfg, View, targets};
use super::ir::{Arg, BlockId, Body, Ir, Key, OpKind, PropertyInit, Reg, Terminator};

/// The first broken promise, in words.
pub fn verify(ir: &Ir) -> Result<(), String> {
    for (number, body) in ir.bodies.iter().enumerate() {
        check_body(ir, body, number).map_err(|problem| format!("f{number} {}: {problem}", body.name))?;
    }
    check_slots(ir)
}

fn check(holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem()) }
}

fn check_body(ir: &Ir, body: &Body, number: usize) -> Result<(), String> {
    check(body.id.index() == number, || "has another number".to_owned())?;
    check(!body.blocks.is_empty(), || "has no blocks".to_owned())?;
    let homes = homes(body)?;
    check_edges(body)?;
    let cfg = Cfg::new(body, View::Exceptional);
    check(cfg.irreducible_edges().is_empty(), || format!("is irreducible: {:?}", cfg.irreducible_edges()))?;
    check_order(&cfg)?;
    for (at, block) in body.blocks.iter().enumerate() {
        let here = BlockId(at as u32);
        let mut uses: Vec<(Option<Reg>, Reg)> = Vec::new();
        for &reg in &block.ops {
            uses.extend(operands(ir, &body.ops[reg.index()].kind).into_iter().map(|used| (Some(reg), used)));
        }
        uses.extend(ends_with(block.end).map(|used| (None, used)));
        for (user, used) in uses {
            let home = *homes.get(used.index()).ok_or_else(|| format!("uses {used:?}, which is not"))?;
            let known = if home == here { user.is_none_or(|user| used < user) } else { cfg.dominates(home, here) };
            check(known || !cfg.is_reachable(here), || format!("b{at} uses {used:?} of {home:?}"))?;
        }
    }
    Ok(())
}

/// The block of each register.
fn homes(body: &Body) -> Result<Vec<BlockId>, String> {
    let mut homes = vec![None; body.ops.len()];
    for (at, block) in body.blocks.iter().enumerate() {
        for &reg in &block.ops {
            let home = homes.get_mut(reg.index()).ok_or_else(|| format!("b{at} holds {reg:?}, which is not"))?;
            check(home.replace(BlockId(at as u32)).is_none(), || format!("{reg:?} is defined twice"))?;
        }
    }
    homes.into_iter().enumerate().map(|(reg, home)| home.ok_or_else(|| format!("r{reg} is in no block"))).collect()
}

fn check_edges(body: &Body) -> Result<(), String> {
    let first = |block: BlockId| body.blocks[block.index()].ops.first().map(|reg| &body.ops[reg.index()].kind);
    for (at, block) in body.blocks.iter().enumerate() {
        let valid = |target: BlockId| target.index() < body.blocks.len();
        check(targets(block.end).chain(block.handler).all(valid), || format!("b{at} leads nowhere"))?;
        if let Some(handler) = block.handler {
            check(matches!(first(handler), Some(OpKind::Catch)), || format!("b{at}: its handler does not catch"))?;
        }
        if let Terminator::Next { iterator, body: into, .. } = block.end {
            let begins = matches!(first(into), Some(OpKind::Next(of)) if *of == iterator);
            check(begins, || format!("b{at}: its body does not begin with the value"))?;
            check(block.loop_head.is_some(), || format!("b{at} iterates and is no loop"))?;
        }
        for &reg in block.ops.iter().skip(1) {
            let special = matches!(body.ops[reg.index()].kind, OpKind::Catch | OpKind::Next(_));
            check(!special, || format!("b{at} receives a value in its middle"))?;
        }
    }
    Ok(())
}

/// The order is topological but for edges back, and holds loops together.
fn check_order(cfg: &Cfg) -> Result<(), String> {
    for &block in cfg.order() {
        for &next in cfg.successors(block) {
            let forward = cfg.position(next) > cfg.position(block);
            check(forward || cfg.dominates(next, block), || format!("{block:?} stands after {next:?}"))?;
        }
    }
    for (at, each) in cfg.loops().iter().enumerate() {
        let id = super::cfg::LoopId(at as u32);
        let blocks = cfg.loop_blocks(id);
        check(blocks.first() == Some(&each.header), || format!("{each:?} does not begin with its header"))?;
        for &block in blocks {
            check(cfg.dominates(each.header, block), || format!("{block:?} is in {each:?}"))?;
            check(cfg.innermost_loop(block).is_some_and(|inner| cfg.is_within(inner, id)), || format!("{block:?} is not in {each:?}"))?;
        }
        check(each.latches.iter().all(|latch| blocks.contains(latch)), || format!("{each:?} has a latch outside"))?;
    }
    Ok(())
}

/// Slots count their stores and know whether they are captured.
fn check_slots(ir: &Ir) -> Result<(), String> {
    let mut stores = vec![0; ir.slots.len()];
    let mut captured = vec![false; ir.slots.len()];
    for body in &ir.bodies {
        for op in &body.ops {
            let (OpKind::Load(slot) | OpKind::Store { slot, .. }) = op.kind else { continue };
            let known = ir.slots.get(slot.index()).ok_or_else(|| format!("{slot:?} is not"))?;
            captured[slot.index()] |= known.owner != body.id;
            stores[slot.index()] += u32::from(matches!(op.kind, OpKind::Store { .. }));
        }
    }
    for (at, slot) in ir.slots.iter().enumerate() {
        check(slot.stores == stores[at], || format!("{slot:?} has {} stores", stores[at]))?;
        check(slot.captured == captured[at], || format!("{slot:?} is wrong about capture"))?;
    }
    check(ir.exports.iter().all(|export| export.slot.index() < ir.slots.len()), || "exports what is not".to_owned())
}

fn ends_with(end: Terminator) -> Option<Reg> {
    match end {
        Terminator::Branch { cond: reg, .. } | Terminator::Next { iterator: reg, .. } => Some(reg),
        Terminator::Return(reg) | Terminator::Throw(reg) => Some(reg),
        Terminator::Jump(_) | Terminator::Unreachable => None,
    }
}

fn computed(key: &Key) -> Option<Reg> {
    match key {
        Key::Computed(reg) => Some(*reg),
        Key::Name(_) | Key::Private(_) => None,
    }
}

fn regs(args: &[Arg]) -> impl Iterator<Item = Reg> {
    args.iter().map(|arg| arg.reg)
}

/// The registers an operation uses.
fn operands(ir: &Ir, kind: &OpKind) -> Vec<Reg> {
    let mut used = Vec::new();
    match kind {
        OpKind::Template { exprs, .. } => used.extend(exprs),
        OpKind::Get { object, key, .. } | OpKind::Delete { object, key } => {
            used.push(*object);
            used.extend(computed(key));
        }
        OpKind::Set { object, key, value } => {
            used.extend([*object, *value]);
            used.extend(computed(key));
        }
        OpKind::SuperGet(key) => used.extend(computed(key)),
        OpKind::ObjectRest { object, excluded } => {
            used.push(*object);
            used.extend(excluded.iter().filter_map(computed));
        }
        OpKind::Call { callee, this, args, .. } => {
            used.push(*callee);
            used.extend(this);
            used.extend(regs(args));
        }
        OpKind::New { callee, args, .. } => {
            used.push(*callee);
            used.extend(regs(args));
        }
        OpKind::SuperCall(args) => used.extend(regs(args)),
        OpKind::Object(properties) => properties.iter().for_each(|property| property_operands(property, &mut used)),
        OpKind::Array(elements) => used.extend(elements.iter().flatten().map(|element| element.reg)),
        OpKind::Class { class, superclass } => {
            used.extend(superclass);
            used.extend(ir.classes[class.index()].members.iter().filter_map(|member| computed(&member.key)));
        }
        OpKind::Binary(_, left, right) => used.extend([*left, *right]),
        OpKind::StoreGlobal(_, reg) | OpKind::Store { value: reg, .. } | OpKind::RequireObject(reg) | OpKind::ImportCall(reg) => {
            used.push(*reg)
        }
        OpKind::Element { iterator: reg, .. } | OpKind::ElementRest { iterator: reg, .. } | OpKind::Unary(_, reg) => used.push(*reg),
        OpKind::Iterate { value: reg, .. } | OpKind::Next(reg) | OpKind::Await(reg) | OpKind::Yield { value: reg, .. } => used.push(*reg),
        _ => {}
    }
    used
}

fn property_operands(property: &PropertyInit, used: &mut Vec<Reg>) {
    match property {
        PropertyInit::Value(key, value, _) | PropertyInit::Getter(key, value, _) | PropertyInit::Setter(key, value, _) => {
            used.extend(computed(key));
            used.push(*value);
        }
        PropertyInit::Spread(value, _) | PropertyInit::Prototype(value, _) => used.push(*value),
    }
}
