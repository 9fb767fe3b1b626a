//! Control flow of one body: successors, predecessors, an order, dominators, natural loops.
//!
//! Two views. [`View::Normal`] follows terminators only, a `throw` to its handler included;
//! [`View::Exceptional`] adds an edge to its handler from every block in which something may throw.

use std::ops::Range;

use super::ir::{BinaryOp, Block, BlockId, Body, OpKind, Terminator, UnaryOp};

/// Which edges count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// Those of terminators.
    Normal,
    /// Those, and from each block that may throw to its handler.
    Exceptional,
}

/// The blocks a terminator leads to, without repetition.
pub fn targets(end: Terminator) -> impl Iterator<Item = BlockId> {
    let (first, second) = match end {
        Terminator::Jump(target) => (Some(target), None),
        Terminator::Branch { then, otherwise, .. } => (Some(then), Some(otherwise)),
        Terminator::Next { body, done, .. } => (Some(body), Some(done)),
        Terminator::Return(_) | Terminator::Throw(_) | Terminator::Unreachable => (None, None),
    };
    first.into_iter().chain(second.filter(|second| Some(*second) != first))
}

/// Whether an operation can raise an exception. Memory and the temporal dead zone aside, constants,
/// variables and tests that convert nothing cannot.
pub fn may_throw(kind: &OpKind) -> bool {
    match kind {
        OpKind::Undefined | OpKind::Null | OpKind::Bool(_) | OpKind::Number(_) | OpKind::BigInt(_) | OpKind::String(_) => false,
        OpKind::Regex { .. } | OpKind::TemplateObject { .. } | OpKind::Param(_) | OpKind::RestParam(_) => false,
        OpKind::This | OpKind::Arguments | OpKind::NewTarget | OpKind::ImportMeta | OpKind::TypeofGlobal(_) => false,
        OpKind::Load(_) | OpKind::Store { .. } | OpKind::Function(_) | OpKind::Catch => false,
        OpKind::Unary(op, _) => !matches!(op, UnaryOp::Not | UnaryOp::Typeof),
        OpKind::Binary(op, ..) => !matches!(op, BinaryOp::StrictEqual | BinaryOp::StrictNotEqual),
        _ => true,
    }
}

/// The control-flow graph of one body.
#[derive(Debug)]
pub struct Cfg {
    view: View,
    successors: Vec<Vec<BlockId>>,
    predecessors: Vec<Vec<BlockId>>,
    order: Vec<BlockId>,
    /// Position in `order`; `UNREACHED` for what the entry does not reach.
    position: Vec<u32>,
    /// Immediate dominator of each reachable block; the entry's is itself.
    idom: Vec<Option<BlockId>>,
    /// Interval of each block in a walk of the dominator tree: a block dominates what its interval holds.
    interval: Vec<(u32, u32)>,
    loops: Vec<NaturalLoop>,
    /// The innermost loop around each block.
    innermost: Vec<Option<LoopId>>,
    irreducible: Vec<(BlockId, BlockId)>,
}

const UNREACHED: u32 = u32::MAX;

/// A loop of one [`Cfg`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoopId(pub u32);

impl LoopId {
    /// The number as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A natural loop: everything that reaches a latch without passing the header.
#[derive(Debug)]
pub struct NaturalLoop {
    /// The one block through which the loop is entered.
    pub header: BlockId,
    /// The blocks that go back to the header.
    pub latches: Vec<BlockId>,
    /// The edges that leave it: from inside, to outside.
    pub exits: Vec<(BlockId, BlockId)>,
    /// The loop around it.
    pub parent: Option<LoopId>,
    /// How many loops are around it.
    pub depth: u32,
    /// Where its blocks lie in [`Cfg::order`].
    span: Range<u32>,
}

impl Cfg {
    /// Builds the graph of `body`.
    pub fn new(body: &Body, view: View) -> Cfg {
        let successors: Vec<Vec<BlockId>> = body.blocks.iter().map(|block| block_successors(body, block, view)).collect();
        let order = reverse_post_order(&successors);
        let position = positions(&order, successors.len());
        let mut predecessors = vec![Vec::new(); successors.len()];
        for &block in &order {
            for &next in &successors[block.index()] {
                predecessors[next.index()].push(block);
            }
        }
        let idom = immediate_dominators(&order, &position, &predecessors);
        let interval = dominator_intervals(&order, &idom);
        let innermost = vec![None; successors.len()];
        let (loops, irreducible) = (Vec::new(), Vec::new());
        let mut cfg = Cfg { view, successors, predecessors, order, position, idom, interval, loops, innermost, irreducible };
        cfg.find_loops();
        cfg.gather_loops();
        cfg.find_exits();
        cfg
    }

    /// Which edges this graph follows.
    pub fn view(&self) -> View {
        self.view
    }

    /// Where control goes from `block`.
    pub fn successors(&self, block: BlockId) -> &[BlockId] {
        &self.successors[block.index()]
    }

    /// The reachable blocks from which control comes to `block`.
    pub fn predecessors(&self, block: BlockId) -> &[BlockId] {
        &self.predecessors[block.index()]
    }

    /// The reachable blocks, each after all its predecessors but for edges that go back. It is a
    /// reverse post-order in which the blocks of every loop lie together, the header first: whoever
    /// iterates by it has done with a loop before going on behind it.
    pub fn order(&self) -> &[BlockId] {
        &self.order
    }

    /// Position in [`Cfg::order`]; `None` where the entry does not reach `block`.
    pub fn position(&self, block: BlockId) -> Option<u32> {
        self.position.get(block.index()).copied().filter(|position| *position != UNREACHED)
    }

    /// Whether the entry reaches `block`.
    pub fn is_reachable(&self, block: BlockId) -> bool {
        self.position(block).is_some()
    }

    /// The immediate dominator; `None` for the entry and for unreachable blocks.
    pub fn immediate_dominator(&self, block: BlockId) -> Option<BlockId> {
        self.idom[block.index()].filter(|dominator| *dominator != block)
    }

    /// Whether every path from the entry to `block` passes `dominator`. A block dominates itself.
    pub fn dominates(&self, dominator: BlockId, block: BlockId) -> bool {
        if !self.is_reachable(dominator) || !self.is_reachable(block) {
            return dominator == block;
        }
        let (first, last) = self.interval[dominator.index()];
        (first..=last).contains(&self.interval[block.index()].0)
    }

    /// All natural loops, outer before inner.
    pub fn loops(&self) -> &[NaturalLoop] {
        &self.loops
    }

    /// The blocks of a loop, those of inner loops included; the header is first.
    pub fn loop_blocks(&self, id: LoopId) -> &[BlockId] {
        let span = &self.loops[id.index()].span;
        &self.order[span.start as usize..span.end as usize]
    }

    /// Whether `block` lies in the loop `id`.
    pub fn loop_contains(&self, id: LoopId, block: BlockId) -> bool {
        self.position(block).is_some_and(|position| self.loops[id.index()].span.contains(&position))
    }

    /// Whether `inner` is `outer` or lies inside it.
    pub fn is_within(&self, inner: LoopId, outer: LoopId) -> bool {
        self.loop_contains(outer, self.loops[inner.index()].header)
    }

    /// The innermost loop around `block`.
    pub fn innermost_loop(&self, block: BlockId) -> Option<LoopId> {
        self.innermost.get(block.index()).copied().flatten()
    }

    /// The loop whose header is `block`.
    pub fn loop_with_header(&self, block: BlockId) -> Option<LoopId> {
        self.innermost_loop(block).filter(|id| self.loops[id.index()].header == block)
    }

    /// Edges that go back to a block which does not dominate their source: a loop with two
    /// entrances. The lowering makes none.
    pub fn irreducible_edges(&self) -> &[(BlockId, BlockId)] {
        &self.irreducible
    }

    /// Finds loops from the edges back to a dominator, inner before outer, so that an outer loop
    /// steps over the inner ones it meets and every block is walked once.
    fn find_loops(&mut self) {
        let mut latches: Vec<Vec<BlockId>> = vec![Vec::new(); self.successors.len()];
        for &block in &self.order {
            for &next in &self.successors[block.index()] {
                if self.position[next.index()] > self.position[block.index()] {
                    continue;
                }
                if self.dominates(next, block) {
                    latches[next.index()].push(block);
                } else {
                    self.irreducible.push((block, next));
                }
            }
        }
        for at in (0..self.order.len()).rev() {
            let header = self.order[at];
            let latches = std::mem::take(&mut latches[header.index()]);
            if !latches.is_empty() {
                self.grow_loop(header, latches);
            }
        }
    }

    /// Walks back from the latches to the header. A block of an inner loop stands for all of it.
    fn grow_loop(&mut self, header: BlockId, latches: Vec<BlockId>) {
        let this = LoopId(self.loops.len() as u32);
        let mut work = latches.clone();
        self.loops.push(NaturalLoop { header, latches, exits: Vec::new(), parent: None, depth: 0, span: 0..0 });
        self.innermost[header.index()] = Some(this);
        while let Some(block) = work.pop() {
            let reached_from = match self.outermost(block) {
                Some(known) if known == this => continue,
                Some(inner) => {
                    self.loops[inner.index()].parent = Some(this);
                    self.loops[inner.index()].header
                }
                None => {
                    self.innermost[block.index()] = Some(this);
                    block
                }
            };
            work.extend_from_slice(&self.predecessors[reached_from.index()]);
        }
    }

    /// The outermost loop found so far around a block.
    fn outermost(&self, block: BlockId) -> Option<LoopId> {
        let mut id = self.innermost[block.index()]?;
        while let Some(parent) = self.loops[id.index()].parent {
            id = parent;
        }
        Some(id)
    }

    /// Reorders the blocks so that each loop lies together, and numbers loops in that order. A block
    /// is ready when all its predecessors but those of edges back are placed; a loop that is entered
    /// is finished before what waits outside it.
    fn gather_loops(&mut self) {
        let mut waits: Vec<u32> = vec![0; self.successors.len()];
        for &block in &self.order {
            let before = self.predecessors[block.index()].iter();
            waits[block.index()] = before.filter(|before| self.position[before.index()] < self.position[block.index()]).count() as u32;
        }
        let mut levels: Vec<(Option<LoopId>, Vec<BlockId>)> = vec![(None, self.order.first().copied().into_iter().collect())];
        let mut order = Vec::with_capacity(self.order.len());
        let mut entered = Vec::with_capacity(self.loops.len());
        while let Some((inside, ready)) = levels.last_mut() {
            let Some(block) = ready.pop() else {
                if let Some(done) = inside {
                    self.loops[done.index()].span.end = order.len() as u32;
                }
                levels.pop();
                continue;
            };
            if let Some(id) = self.innermost[block.index()].filter(|id| self.loops[id.index()].header == block && *inside != Some(*id)) {
                self.loops[id.index()].span.start = order.len() as u32;
                entered.push(id);
                levels.push((Some(id), Vec::new()));
            }
            order.push(block);
            for &next in self.successors[block.index()].iter().rev() {
                if self.position[next.index()] <= self.position[block.index()] {
                    continue;
                }
                waits[next.index()] -= 1;
                if waits[next.index()] == 0 {
                    let level = self.level_of(next, &levels);
                    levels[level].1.push(next);
                }
            }
        }
        self.position = positions(&order, self.successors.len());
        self.order = order;
        self.renumber_loops(&entered);
    }

    /// Where a ready block waits: with the loop around it, or the one around that for a header.
    fn level_of(&self, block: BlockId, levels: &[(Option<LoopId>, Vec<BlockId>)]) -> usize {
        let mut around = self.innermost[block.index()];
        if let Some(id) = around.filter(|id| self.loops[id.index()].header == block) {
            around = self.loops[id.index()].parent;
        }
        levels.iter().rposition(|(inside, _)| *inside == around).unwrap_or(0)
    }

    fn renumber_loops(&mut self, entered: &[LoopId]) {
        let mut number = vec![LoopId(0); entered.len()];
        for (new, old) in entered.iter().enumerate() {
            number[old.index()] = LoopId(new as u32);
        }
        let mut old: Vec<Option<NaturalLoop>> = std::mem::take(&mut self.loops).into_iter().map(Some).collect();
        for id in entered {
            if let Some(mut each) = old[id.index()].take() {
                each.parent = each.parent.map(|parent| number[parent.index()]);
                each.depth = each.parent.map_or(0, |parent| self.loops[parent.index()].depth + 1);
                self.loops.push(each);
            }
        }
        for innermost in self.innermost.iter_mut().flatten() {
            *innermost = number[innermost.index()];
        }
    }

    fn find_exits(&mut self) {
        for &block in &self.order {
            for &next in &self.successors[block.index()] {
                let mut around = self.innermost[block.index()];
                while let Some(id) = around.filter(|id| !self.loop_contains(*id, next)) {
                    self.loops[id.index()].exits.push((block, next));
                    around = self.loops[id.index()].parent;
                }
            }
        }
    }
}

fn block_successors(body: &Body, block: &Block, view: View) -> Vec<BlockId> {
    let mut successors: Vec<BlockId> = targets(block.end).collect();
    let raises = match view {
        View::Normal => matches!(block.end, Terminator::Throw(_)),
        View::Exceptional => block_may_throw(body, block),
    };
    successors.extend(block.handler.filter(|handler| raises && !successors.contains(handler)));
    successors
}

/// Whether anything in a block can raise an exception.
pub fn block_may_throw(body: &Body, block: &Block) -> bool {
    let ends_so = matches!(block.end, Terminator::Throw(_) | Terminator::Next { .. });
    ends_so || block.ops.iter().any(|reg| may_throw(&body.ops[reg.index()].kind))
}

/// Iterative depth-first search from the entry.
fn reverse_post_order(successors: &[Vec<BlockId>]) -> Vec<BlockId> {
    let mut seen = vec![false; successors.len()];
    let mut order = Vec::new();
    let mut stack = Vec::new();
    if let Some(first) = seen.first_mut() {
        *first = true;
        stack.push((BlockId(0), 0));
    }
    while let Some((block, at)) = stack.last_mut() {
        match successors[block.index()].get(*at) {
            Some(&next) => {
                *at += 1;
                if !std::mem::replace(&mut seen[next.index()], true) {
                    stack.push((next, 0));
                }
            }
            None => {
                order.push(*block);
                stack.pop();
            }
        }
    }
    order.reverse();
    order
}

fn positions(order: &[BlockId], count: usize) -> Vec<u32> {
    let mut position = vec![UNREACHED; count];
    for (at, block) in order.iter().enumerate() {
        position[block.index()] = at as u32;
    }
    position
}

/// Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm".
fn immediate_dominators(order: &[BlockId], position: &[u32], predecessors: &[Vec<BlockId>]) -> Vec<Option<BlockId>> {
    let mut idom: Vec<Option<BlockId>> = vec![None; position.len()];
    let Some((&entry, rest)) = order.split_first() else { return idom };
    idom[entry.index()] = Some(entry);
    let mut changed = true;
    while changed {
        changed = false;
        for &block in rest {
            // Deepest first: each step then walks on from where the last one ended, which keeps a
            // handler with thousands of predecessors linear.
            let known = predecessors[block.index()].iter().rev().copied().filter(|before| idom[before.index()].is_some());
            let meet = known.reduce(|a, b| intersect(a, b, &idom, position));
            if meet != idom[block.index()] {
                idom[block.index()] = meet;
                changed = true;
            }
        }
    }
    idom
}

/// The nearest common dominator.
fn intersect(mut a: BlockId, mut b: BlockId, idom: &[Option<BlockId>], position: &[u32]) -> BlockId {
    while a != b {
        let deeper = if position[a.index()] > position[b.index()] { &mut a } else { &mut b };
        match idom[deeper.index()] {
            Some(up) => *deeper = up,
            None => return a,
        }
    }
    a
}

/// Numbers the dominator tree so that dominance is a comparison.
fn dominator_intervals(order: &[BlockId], idom: &[Option<BlockId>]) -> Vec<(u32, u32)> {
    let up = |block: BlockId| idom[block.index()].filter(|up| *up != block);
    let mut size = vec![1_u32; idom.len()];
    for &block in order.iter().rev() {
        if let Some(up) = up(block) {
            size[up.index()] += size[block.index()];
        }
    }
    let mut interval = vec![(0, 0); idom.len()];
    let mut free: Vec<u32> = vec![0; idom.len()];
    for &block in order {
        let first = up(block).map_or(0, |up| free[up.index()]);
        if let Some(up) = up(block) {
            free[up.index()] += size[block.index()];
        }
        interval[block.index()] = (first, first + size[block.index()] - 1);
        free[block.index()] = first + 1;
    }
    interval
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantic::lower::lower;
    use crate::source::SourceFile;
    use crate::syntax::parse;

    /// The graph of the statements of a function, and its body.
    fn graph(statements: &str, view: View) -> (Cfg, Body) {
        let source = SourceFile::new("a.js", format!("function outer() {{ {statements} }}"));
        let parsed = parse(&source).unwrap();
        let body = lower(&parsed, &source).bodies.swap_remove(1);
        (Cfg::new(&body, view), body)
    }

    fn numbers(blocks: &[BlockId]) -> Vec<u32> {
        blocks.iter().map(|block| block.0).collect()
    }

    #[test]
    fn a_diamond_meets_in_what_its_test_dominates() {
        let (cfg, _) = graph("if (a) f(); else g(); h();", View::Normal);
        assert_eq!(numbers(cfg.successors(BlockId(0))), [1, 2]);
        assert_eq!(cfg.predecessors(BlockId(3)).len(), 2);
        assert_eq!(cfg.immediate_dominator(BlockId(3)), Some(BlockId(0)));
        assert!(cfg.dominates(BlockId(0), BlockId(3)) && !cfg.dominates(BlockId(1), BlockId(3)));
        assert!(cfg.loops().is_empty());
    }

    #[test]
    fn loops_nest_and_lie_together() {
        let (cfg, body) = graph("while (a) { for (const x of m) { if (x) break; f(); } if (b) continue; g(); } h();", View::Normal);
        let [outer, inner] = cfg.loops() else { panic!("two loops: {:?}", cfg.loops()) };
        assert_eq!((outer.parent, outer.depth, outer.latches.len()), (None, 0, 2));
        assert_eq!((inner.parent, inner.depth, inner.latches.len()), (Some(LoopId(0)), 1, 1));
        assert_eq!((outer.exits.len(), inner.exits.len()), (1, 2));
        assert!(body.blocks[outer.header.index()].loop_head.is_some());
        assert!(cfg.is_within(LoopId(1), LoopId(0)) && !cfg.is_within(LoopId(0), LoopId(1)));
        assert_eq!(cfg.loop_blocks(LoopId(1))[0], inner.header);
        assert!(cfg.loop_blocks(LoopId(1)).iter().all(|block| cfg.loop_contains(LoopId(0), *block)));
        assert_eq!(cfg.order().last(), Some(&outer.exits[0].1));
    }

    #[test]
    fn what_breaks_out_of_a_loop_comes_after_it() {
        let (cfg, _) = graph("while (true) { if (a) { f(); break; } if (b) { g(); continue; } h(); } k();", View::Normal);
        let [each] = cfg.loops() else { panic!("one loop: {:?}", cfg.loops()) };
        let last = cfg.loop_blocks(LoopId(0)).iter().filter_map(|block| cfg.position(*block)).max();
        assert!(each.exits.iter().all(|(_, outside)| cfg.position(*outside) > last));
    }

    #[test]
    fn an_endless_loop_has_no_exits() {
        let (cfg, _) = graph("for (;;) { f(); }", View::Normal);
        assert!(cfg.loops()[0].exits.is_empty());
    }

    #[test]
    fn calls_reach_their_handler_only_in_the_exceptional_view() {
        let text = "try { f(); } catch (e) { g(); }";
        let (normal, body) = graph(text, View::Normal);
        let handler = body.blocks.iter().find_map(|block| block.handler).unwrap();
        assert!(!normal.is_reachable(handler));
        let (exceptional, _) = graph(text, View::Exceptional);
        assert!(exceptional.is_reachable(handler));
        let (thrown, body) = graph("try { throw a; } catch (e) { g(); }", View::Normal);
        assert!(thrown.is_reachable(body.blocks.iter().find_map(|block| block.handler).unwrap()));
    }

    #[test]
    fn what_cannot_throw_has_no_edge_to_its_handler() {
        let (cfg, body) = graph("let x; try { x = 1; } catch (e) { g(); }", View::Exceptional);
        assert!(!cfg.is_reachable(body.blocks.iter().find_map(|block| block.handler).unwrap()));
    }

    #[test]
    fn dead_code_has_no_position() {
        let (cfg, body) = graph("return 1; f();", View::Normal);
        assert_eq!(body.blocks.len(), 2);
        assert_eq!((cfg.position(BlockId(1)), cfg.order().len()), (None, 1));
    }
}
