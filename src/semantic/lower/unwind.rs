//! Ways out of statements: `break`, `continue`, `return`, exceptions, and the `finally` bodies they
//! run on their way.
//!
//! Each way out gets its own copy of a `finally` body, which keeps what is known on that way apart
//! from the others. Where copies would multiply (nested in each other, or many exits of a large
//! body), one shared copy takes their place: the way out is a number in a temporary, and a chain of
//! branches after the copy goes on accordingly. So the graph stays linear in the source.

use swc_ecma_ast as ast;
use swc_ecma_ast::TryStmt;

use super::Lowering;
use super::expression::range;
use super::pattern::Binding;
use crate::semantic::ir::{BinaryOp, BlockId, OpKind, Reg, SlotId, SlotKind};
use crate::source::TextRange;

/// Copies within copies: beyond this depth `finally` bodies are shared.
const FINALLY_COPY_DEPTH_MAX: u32 = 2;

/// How many bytes of source the copies may repeat, beyond twice the file.
const FINALLY_COPY_BYTES_MAX: usize = 64 * 1024;

/// Something that ways out name or pass through.
pub(super) enum Frame<'a> {
    /// What `break` and `continue` can name.
    Target {
        labels: Vec<&'a str>,
        /// A loop or `switch`: `break` without label means it.
        plain: bool,
        break_to: BlockId,
        continue_to: Option<BlockId>,
    },
    /// A `try` with `finally`, seen from inside.
    Finally {
        finalizer: &'a ast::BlockStmt,
        /// The handler around the whole statement.
        handler: Option<BlockId>,
        shared: Option<Shared>,
    },
}

/// The one copy of a `finally` body that several ways out share.
pub(super) struct Shared {
    entry: BlockId,
    /// Which exit.
    which: SlotId,
    /// The value returned or thrown.
    value: SlotId,
    exits: Vec<Exit>,
}

/// A way out.
#[derive(Clone, Copy)]
pub(super) enum Exit {
    /// `return`, of the value at this range.
    Return(TextRange),
    /// To a block, leaving all frames from the given one inward.
    Jump(BlockId, usize),
    /// An exception goes on.
    Throw,
}

impl<'a> Lowering<'a> {
    pub(super) fn break_statement(&mut self, label: Option<&ast::Ident>) {
        self.jump_out(|labels, plain, break_to, _| {
            let named = label.map_or(plain, |label| labels.contains(&&*label.sym));
            named.then_some(break_to)
        });
    }

    pub(super) fn continue_statement(&mut self, label: Option<&ast::Ident>) {
        self.jump_out(|labels, _, _, continue_to| {
            let named = label.is_none_or(|label| labels.contains(&&*label.sym));
            continue_to.filter(|_| named)
        });
    }

    fn jump_out(&mut self, find: impl Fn(&[&'a str], bool, BlockId, Option<BlockId>) -> Option<BlockId>) {
        let found = self.f.frames.iter().enumerate().rev().find_map(|(depth, frame)| match frame {
            Frame::Target { labels, plain, break_to, continue_to } => find(labels, *plain, *break_to, *continue_to).map(|to| (to, depth)),
            Frame::Finally { .. } => None,
        });
        if let Some((target, depth)) = found {
            self.exit(Exit::Jump(target, depth), None);
        }
    }

    /// Leaves by `exit`, through the `finally` bodies in between.
    pub(super) fn exit(&mut self, exit: Exit, value: Option<Reg>) {
        let depth = match exit {
            Exit::Jump(_, depth) => depth,
            Exit::Return(_) => 0,
            // The handler of the block runs what is around.
            Exit::Throw => self.f.frames.len(),
        };
        let handler = self.f.handler;
        let mut left = Vec::new();
        while self.f.frames.len() > depth
            && !self.f.is_sealed()
            && let Some(mut frame) = self.f.frames.pop()
        {
            if let Frame::Finally { finalizer, handler, shared } = &mut frame {
                self.f.handler = *handler;
                if self.copies_too_much() {
                    self.exit_shared(shared, exit, value, range(*finalizer));
                } else {
                    self.finalizer_copy(finalizer);
                }
            }
            left.push(frame);
        }
        match (exit, value) {
            (Exit::Jump(target, _), _) => self.f.jump(target),
            (Exit::Return(at), Some(value)) => self.f.leave(value, at),
            (Exit::Throw, Some(value)) => self.f.throw(value, TextRange::default()),
            (Exit::Return(_) | Exit::Throw, None) => {}
        }
        self.f.frames.extend(left.into_iter().rev());
        self.f.handler = handler;
    }

    fn copies_too_much(&self) -> bool {
        let limit = FINALLY_COPY_BYTES_MAX + 2 * self.source.text.len();
        self.f.finally_depth >= FINALLY_COPY_DEPTH_MAX || self.copied_bytes > limit
    }

    /// A `finally` body for one way out, under the current handler.
    fn finalizer_copy(&mut self, finalizer: &'a ast::BlockStmt) {
        let copy = self.f.block();
        self.f.jump(copy);
        self.f.enter(copy);
        if self.f.is_dead() {
            return;
        }
        let at = range(finalizer);
        self.copied_bytes += (at.end - at.start) as usize;
        self.f.finally_depth += 1;
        self.block(finalizer);
        self.f.finally_depth -= 1;
    }

    /// Sends an exit to the shared copy of a `finally` body, which lies under the current handler.
    fn exit_shared(&mut self, shared: &mut Option<Shared>, exit: Exit, value: Option<Reg>, at: TextRange) {
        let shared = shared.get_or_insert_with(|| Shared {
            entry: self.f.block(),
            which: self.temporary(at),
            value: self.temporary(at),
            exits: Vec::new(),
        });
        if let Some(value) = value {
            self.store(shared.value, value, false, at);
        }
        let number = self.f.number(shared.exits.len() as f64, at);
        self.store(shared.which, number, false, at);
        self.f.jump(shared.entry);
        shared.exits.push(exit);
    }

    /// Lowers the shared copy, and after it the exits that came through.
    fn shared_finalizer(&mut self, finalizer: &'a ast::BlockStmt, shared: &Shared) {
        let at = range(finalizer);
        self.f.enter(shared.entry);
        self.f.finally_depth += 1;
        self.block(finalizer);
        self.f.finally_depth -= 1;
        for (number, &exit) in shared.exits.iter().enumerate() {
            if self.f.is_dead() {
                return;
            }
            let next = self.f.block();
            if number + 1 < shared.exits.len() {
                let arm = self.f.block();
                let which = self.load(shared.which, at);
                let number = self.f.number(number as f64, at);
                let cond = self.f.binary(BinaryOp::StrictEqual, which, number, at);
                self.f.branch(cond, arm, next, at);
                self.f.enter(arm);
            }
            let value = match exit {
                Exit::Return(_) | Exit::Throw => Some(self.load(shared.value, at)),
                Exit::Jump(..) => None,
            };
            self.exit(exit, value);
            self.f.enter(next);
        }
    }

    pub(super) fn try_statement(&mut self, attempt: &'a TryStmt) {
        let Some(finalizer) = &attempt.finalizer else { return self.try_catch(attempt) };
        let outer = self.f.handler;
        let after = self.f.block();
        let landing = self.f.handler_block();
        let depth = self.f.frames.len();
        self.f.frames.push(Frame::Finally { finalizer, handler: outer, shared: None });
        self.f.handler = Some(landing);
        let start = self.f.block();
        self.f.jump(start);
        self.f.enter(start);
        self.try_catch(attempt);
        if !self.f.is_dead() {
            self.exit(Exit::Jump(after, depth), None);
        }
        self.f.handler = outer;
        self.f.enter(landing);
        let caught = self.f.push(OpKind::Catch, range(finalizer));
        self.rethrow_through(depth, caught);
        if let Some(Frame::Finally { finalizer, shared: Some(shared), .. }) = self.f.frames.pop() {
            self.shared_finalizer(finalizer, &shared);
        }
        self.f.enter(after);
    }

    /// An exception runs the innermost `finally` body and goes on as an exception; the handlers of
    /// the blocks do the rest.
    fn rethrow_through(&mut self, depth: usize, caught: Reg) {
        let Some(mut frame) = self.f.frames.pop() else { return };
        if let Frame::Finally { finalizer, shared, .. } = &mut frame {
            let at = range(*finalizer);
            if self.copies_too_much() {
                self.exit_shared(shared, Exit::Throw, Some(caught), at);
            } else {
                self.finalizer_copy(finalizer);
                self.f.throw(caught, at);
            }
        }
        debug_assert_eq!(self.f.frames.len(), depth, "the frame of this statement is the innermost");
        self.f.frames.push(frame);
    }

    /// The `try` block with its `catch` clause, if it has one.
    fn try_catch(&mut self, attempt: &'a TryStmt) {
        let Some(clause) = &attempt.handler else { return self.block(&attempt.block) };
        let outer = self.f.handler;
        let after = self.f.block();
        let landing = self.f.handler_block();
        self.f.handler = Some(landing);
        let start = self.f.block();
        self.f.jump(start);
        self.f.enter(start);
        self.block(&attempt.block);
        self.f.handler = outer;
        self.f.jump(after);
        self.f.enter(landing);
        let at = clause.param.as_ref().map_or_else(|| self.first_token(range(clause)), range);
        let caught = self.f.push(OpKind::Catch, at);
        if let Some(param) = &clause.param {
            self.declare_pattern(param, SlotKind::Catch);
            self.bind(param, caught, Binding::Declare(SlotKind::Catch));
        }
        self.block(&clause.body);
        self.f.jump(after);
        self.f.enter(after);
    }
}
