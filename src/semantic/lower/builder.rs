//! Appends operations and blocks to one function.

use super::Lowering;
use super::unwind::Frame;
use crate::semantic::cfg::targets;
use crate::semantic::ir::{
    BinaryOp, Block, BlockId, Body, FuncId, FunctionKind, LoopHead, Op, OpKind, ParamDecl, Reg, SlotId, Terminator, UnaryOp,
};
use crate::source::TextRange;

/// A function under construction.
pub(super) struct Builder<'a> {
    pub(super) id: FuncId,
    pub(super) kind: FunctionKind,
    pub(super) strict: bool,
    pub(super) params: Vec<ParamDecl>,
    pub(super) asserts_param: Option<u32>,
    /// Here or around an arrow function is a function with an `arguments` object.
    pub(super) has_arguments: bool,
    /// TypeScript's `constructor(private x)` in a derived class: assigned after `super(…)`.
    pub(super) after_super: Vec<SlotId>,
    /// What `break`, `continue` and `return` leave on their way, innermost last.
    pub(super) frames: Vec<Frame<'a>>,
    /// Receives what is thrown here.
    pub(super) handler: Option<BlockId>,
    /// How many copies of `finally` bodies enclose this point.
    pub(super) finally_depth: u32,
    ops: Vec<Op>,
    blocks: Vec<Block>,
    /// How many live terminators lead to each block; a block that is entered with none is dead code.
    entries: Vec<u32>,
    /// Blocks in the order they were first gone on in: the order of the source.
    order: Vec<BlockId>,
    current: BlockId,
    /// The current block has its terminator; the next operation opens a dead block.
    sealed: bool,
}

impl Builder<'_> {
    pub(super) fn new(id: FuncId) -> Self {
        let mut builder = Builder {
            id,
            kind: FunctionKind::default(),
            strict: false,
            params: Vec::new(),
            asserts_param: None,
            has_arguments: false,
            after_super: Vec::new(),
            frames: Vec::new(),
            handler: None,
            finally_depth: 0,
            ops: Vec::new(),
            blocks: Vec::new(),
            entries: Vec::new(),
            order: vec![BlockId(0)],
            current: BlockId(0),
            sealed: false,
        };
        builder.current = builder.block();
        builder.entries[0] = 1;
        builder
    }

    /// A new block under the current handler.
    pub(super) fn block(&mut self) -> BlockId {
        self.blocks.push(Block {
            ops: Vec::new(),
            end: Terminator::Unreachable,
            end_range: TextRange::default(),
            handler: self.handler,
            loop_head: None,
        });
        self.entries.push(0);
        BlockId(self.blocks.len() as u32 - 1)
    }

    /// A new block that receives exceptions, under the current handler.
    pub(super) fn handler_block(&mut self) -> BlockId {
        let block = self.block();
        self.entries[block.index()] = 1;
        block
    }

    /// Goes on in `block`.
    pub(super) fn enter(&mut self, block: BlockId) {
        self.current = block;
        self.sealed = false;
        self.order.push(block);
    }

    /// Whether nothing leads to the current point.
    pub(super) fn is_dead(&self) -> bool {
        self.sealed || self.entries[self.current.index()] == 0
    }

    /// Whether the current block has its terminator.
    pub(super) fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Appends an operation.
    pub(super) fn push(&mut self, kind: OpKind, range: TextRange) -> Reg {
        if self.sealed {
            let dead = self.block();
            self.enter(dead);
        }
        let reg = Reg(self.ops.len() as u32);
        self.ops.push(Op { kind, range });
        self.blocks[self.current.index()].ops.push(reg);
        reg
    }

    fn terminate(&mut self, end: Terminator, range: TextRange) {
        if self.sealed {
            return;
        }
        let live = u32::from(!self.is_dead());
        let block = &mut self.blocks[self.current.index()];
        (block.end, block.end_range) = (end, range);
        self.sealed = true;
        for target in targets(end) {
            self.entries[target.index()] += live;
        }
    }

    pub(super) fn jump(&mut self, target: BlockId) {
        self.terminate(Terminator::Jump(target), TextRange::default());
    }

    /// Branches on `cond`, or jumps where both ways are one.
    pub(super) fn branch(&mut self, cond: Reg, then: BlockId, otherwise: BlockId, range: TextRange) {
        if then == otherwise {
            self.jump(then);
        } else {
            self.terminate(Terminator::Branch { cond, then, otherwise }, range);
        }
    }

    pub(super) fn next(&mut self, iterator: Reg, body: BlockId, done: BlockId, range: TextRange) {
        self.terminate(Terminator::Next { iterator, body, done }, range);
    }

    pub(super) fn throw(&mut self, value: Reg, range: TextRange) {
        self.terminate(Terminator::Throw(value), range);
    }

    /// Leaves the function; the caller has run the `finally` bodies.
    pub(super) fn leave(&mut self, value: Reg, range: TextRange) {
        self.terminate(Terminator::Return(value), range);
    }

    /// Jumps to `block`, marks it as the header of a loop and goes on there.
    pub(super) fn enter_header(&mut self, block: BlockId, head: LoopHead) {
        self.jump(block);
        self.blocks[block.index()].loop_head = Some(head);
        self.enter(block);
    }

    pub(super) fn undefined(&mut self, range: TextRange) -> Reg {
        self.push(OpKind::Undefined, range)
    }

    pub(super) fn number(&mut self, value: f64, range: TextRange) -> Reg {
        self.push(OpKind::Number(value), range)
    }

    pub(super) fn string(&mut self, value: impl Into<String>, range: TextRange) -> Reg {
        self.push(OpKind::String(value.into()), range)
    }

    pub(super) fn unary(&mut self, op: UnaryOp, operand: Reg, range: TextRange) -> Reg {
        self.push(OpKind::Unary(op, operand), range)
    }

    pub(super) fn binary(&mut self, op: BinaryOp, left: Reg, right: Reg, range: TextRange) -> Reg {
        self.push(OpKind::Binary(op, left, right), range)
    }

    /// Branches on whether `value` is null or undefined.
    pub(super) fn branch_on_null(&mut self, value: Reg, null: BlockId, otherwise: BlockId, range: TextRange) {
        let constant = self.push(OpKind::Null, range);
        let cond = self.binary(BinaryOp::Equal, value, constant, range);
        self.branch(cond, null, otherwise, range);
    }

    /// Branches on whether `value` is undefined, as defaults do.
    pub(super) fn branch_on_undefined(&mut self, value: Reg, undefined: BlockId, otherwise: BlockId, range: TextRange) {
        let constant = self.undefined(range);
        let cond = self.binary(BinaryOp::StrictEqual, value, constant, range);
        self.branch(cond, undefined, otherwise, range);
    }

    /// The finished graph, without the blocks that hold nothing and to which nothing leads.
    pub(super) fn finish(self) -> (Vec<Op>, Vec<Block>) {
        let mut keep = kept(&self.blocks);
        let mut number = vec![BlockId(0); keep.len()];
        let mut old: Vec<Option<Block>> = self.blocks.into_iter().map(Some).collect();
        let mut blocks = Vec::new();
        let unentered = (0..old.len() as u32).map(BlockId);
        for block in self.order.into_iter().chain(unentered).map(BlockId::index) {
            if std::mem::take(&mut keep[block]) {
                number[block] = BlockId(blocks.len() as u32);
                blocks.extend(old[block].take());
            }
        }
        for block in &mut blocks {
            block.handler = block.handler.map(|handler| number[handler.index()]);
            block.end = renumber(block.end, &number);
        }
        (self.ops, blocks)
    }
}

fn renumber(end: Terminator, number: &[BlockId]) -> Terminator {
    let at = |block: BlockId| number[block.index()];
    match end {
        Terminator::Jump(target) => Terminator::Jump(at(target)),
        Terminator::Branch { cond, then, otherwise } => Terminator::Branch { cond, then: at(then), otherwise: at(otherwise) },
        Terminator::Next { iterator, body, done } => Terminator::Next { iterator, body: at(body), done: at(done) },
        Terminator::Return(_) | Terminator::Throw(_) | Terminator::Unreachable => end,
    }
}

/// Which blocks stay: what the entry reaches, and dead code that holds operations, with what that reaches.
fn kept(blocks: &[Block]) -> Vec<bool> {
    let mut keep = vec![false; blocks.len()];
    let mut work: Vec<usize> = (0..blocks.len()).filter(|&block| block == 0 || !blocks[block].ops.is_empty()).collect();
    for &block in &work {
        keep[block] = true;
    }
    while let Some(block) = work.pop() {
        for next in targets(blocks[block].end).chain(blocks[block].handler) {
            if !std::mem::replace(&mut keep[next.index()], true) {
                work.push(next.index());
            }
        }
    }
    keep
}

impl<'a> Lowering<'a> {
    /// Reserves the next function number.
    pub(super) fn reserve_function(&mut self) -> FuncId {
        let id = FuncId(self.ir.bodies.len() as u32);
        self.ir.bodies.push(Body {
            id,
            parent: None,
            name: String::new(),
            range: TextRange::default(),
            head: TextRange::default(),
            kind: FunctionKind::default(),
            params: Vec::new(),
            strict: false,
            ops: Vec::new(),
            blocks: Vec::new(),
            asserts_param: None,
        });
        id
    }

    /// Reads a slot.
    pub(super) fn load(&mut self, slot: SlotId, range: TextRange) -> Reg {
        self.touch(slot);
        self.loaded[slot.index()] = true;
        self.f.push(OpKind::Load(slot), range)
    }

    /// Writes a slot; `init` where the declaration itself does.
    pub(super) fn store(&mut self, slot: SlotId, value: Reg, init: bool, range: TextRange) {
        self.touch(slot);
        self.ir.slots[slot.index()].stores += 1;
        self.f.push(OpKind::Store { slot, value, init }, range);
    }

    fn touch(&mut self, slot: SlotId) {
        let slot = &mut self.ir.slots[slot.index()];
        slot.captured |= slot.owner != self.f.id;
    }
}
