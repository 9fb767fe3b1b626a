//! A function's control-flow graph with what the interpreter asks of it besides: who uses a
//! register, and which loops are around a block.

use std::collections::BTreeSet;

use super::cfg::{Cfg, NaturalLoop, View};
use super::ir::{Arg, BlockId, Body, Key, OpKind, PropertyInit, Reg};

/// The graph of one function, with its register uses.
#[derive(Debug)]
pub struct Graph {
    cfg: Cfg,
    users: Vec<Vec<Reg>>,
}

impl Graph {
    /// The graph of `body`, edges to exception handlers included.
    pub fn new(body: &Body) -> Graph {
        let mut users = vec![Vec::new(); body.ops.len()];
        for (index, op) in body.ops.iter().enumerate() {
            for_each_register(&op.kind, |reg| users[reg.index()].push(Reg(index as u32)));
        }
        Graph { cfg: Cfg::new(body, View::Exceptional), users }
    }

    /// Reachable blocks in the order of interpretation.
    pub fn order(&self) -> &[BlockId] {
        self.cfg.order()
    }

    /// Position of a reachable block in that order.
    pub fn position(&self, block: BlockId) -> usize {
        self.cfg.position(block).map_or(usize::MAX, |p| p as usize)
    }

    /// Whether a natural loop begins at `block`.
    pub fn is_header(&self, block: BlockId) -> bool {
        self.cfg.loop_with_header(block).is_some()
    }

    /// The blocks of the natural loop that begins at `block`.
    pub fn loop_at(&self, block: BlockId) -> Option<&[BlockId]> {
        self.cfg.loop_with_header(block).map(|id| self.cfg.loop_blocks(id))
    }

    /// All natural loops.
    pub fn loops(&self) -> &[NaturalLoop] {
        self.cfg.loops()
    }

    /// The blocks of a loop of this graph.
    pub fn blocks_of(&self, natural: &NaturalLoop) -> Vec<BlockId> {
        self.loop_at(natural.header).unwrap_or_default().to_vec()
    }

    /// Headers of the loops around a block, outermost first, its own included.
    pub fn headers_around(&self, block: BlockId) -> Vec<BlockId> {
        let mut headers = Vec::new();
        let mut at = self.cfg.innermost_loop(block);
        while let Some(id) = at {
            let natural = &self.cfg.loops()[id.index()];
            headers.push(natural.header);
            at = natural.parent;
        }
        headers.reverse();
        headers
    }

    /// The header of the innermost loop around a block.
    pub fn innermost_header(&self, block: BlockId) -> Option<BlockId> {
        self.cfg.innermost_loop(block).map(|id| self.cfg.loops()[id.index()].header)
    }

    /// Whether every way to `block` leads through `dominator`.
    pub fn dominates(&self, dominator: BlockId, block: BlockId) -> bool {
        self.cfg.dominates(dominator, block)
    }

    /// Where control goes from `block`.
    pub fn successors(&self, block: BlockId) -> &[BlockId] {
        self.cfg.successors(block)
    }

    /// Whether control may get from one block to another without going back round a loop.
    pub fn reaches(&self, from: BlockId, to: BlockId) -> bool {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(block) = open.pop() {
            if block == to {
                return true;
            }
            if seen.insert(block) {
                open.extend(self.successors(block).iter().copied().filter(|&next| self.position(next) > self.position(block)));
            }
        }
        false
    }

    /// Operations that use the register.
    pub fn users(&self, reg: Reg) -> &[Reg] {
        &self.users[reg.index()]
    }

    /// Blocks the entry reaches, as a set.
    pub fn reachable(&self) -> BTreeSet<BlockId> {
        self.cfg.order().iter().copied().collect()
    }
}

/// Calls `visit` with every register an operation reads.
pub fn for_each_register(kind: &OpKind, mut visit: impl FnMut(Reg)) {
    let key = |key: &Key, visit: &mut dyn FnMut(Reg)| {
        if let Key::Computed(reg) = key {
            visit(*reg);
        }
    };
    let args = |args: &[Arg], visit: &mut dyn FnMut(Reg)| args.iter().for_each(|a| visit(a.reg));
    match kind {
        OpKind::Template { exprs, .. } => exprs.iter().copied().for_each(visit),
        OpKind::StoreGlobal(_, value) | OpKind::Store { value, .. } => visit(*value),
        OpKind::Get { object, key: k, .. } | OpKind::Delete { object, key: k } => {
            visit(*object);
            key(k, &mut visit);
        }
        OpKind::Set { object, key: k, value } => {
            visit(*object);
            key(k, &mut visit);
            visit(*value);
        }
        OpKind::SuperGet(k) => key(k, &mut visit),
        OpKind::Element { iterator, .. } | OpKind::ElementRest { iterator, .. } | OpKind::Next(iterator) => visit(*iterator),
        OpKind::ObjectRest { object, excluded } => {
            visit(*object);
            excluded.iter().for_each(|k| key(k, &mut visit));
        }
        OpKind::RequireObject(reg) | OpKind::ImportCall(reg) | OpKind::Unary(_, reg) | OpKind::Await(reg) => visit(*reg),
        OpKind::Yield { value, .. } | OpKind::Iterate { value, .. } => visit(*value),
        OpKind::Call { callee, this, args: list, .. } => {
            visit(*callee);
            this.iter().copied().for_each(&mut visit);
            args(list, &mut visit);
        }
        OpKind::New { callee, args: list, .. } => {
            visit(*callee);
            args(list, &mut visit);
        }
        OpKind::SuperCall(list) => args(list, &mut visit),
        OpKind::Object(properties) => {
            for property in properties {
                match property {
                    PropertyInit::Value(k, value, _) | PropertyInit::Getter(k, value, _) | PropertyInit::Setter(k, value, _) => {
                        key(k, &mut visit);
                        visit(*value);
                    }
                    PropertyInit::Spread(value, _) | PropertyInit::Prototype(value, _) => visit(*value),
                }
            }
        }
        OpKind::Array(elements) => elements.iter().flatten().for_each(|a| visit(a.reg)),
        OpKind::Class { superclass, .. } => superclass.iter().copied().for_each(visit),
        OpKind::Binary(_, a, b) => {
            visit(*a);
            visit(*b);
        }
        _ => {}
    }
}
