//! A backtracking matcher that counts its steps, as engines take them: the measure of every
//! verdict, and the one way this crate runs a pattern of somebody else's (it always ends).

use super::charset::CharSet;
use super::syntax::{Assertion, Node, Pattern, same};

/// A pattern as instructions.
pub(super) struct Program {
    code: Vec<Instruction>,
    groups: usize,
    registers: usize,
    ignore_case: bool,
    sticky: bool,
}

enum Instruction {
    Set(CharSet),
    Assert(Assertion),
    Backreference(Vec<u32>),
    /// Tries the next instruction, then this one.
    Fork(usize),
    Jump(usize),
    Save(usize),
    /// Sets a loop's counter to zero.
    LoopStart(usize),
    /// Decides between one more round, which begins at the next instruction, and `exit`.
    LoopHead {
        register: usize,
        min: u32,
        max: Option<u32>,
        greedy: bool,
        exit: usize,
    },
    /// Notes where a round starts.
    LoopEnter(usize),
    /// Ends a round, unless it was an optional one that matched nothing.
    LoopEnd {
        register: usize,
        min: u32,
        head: usize,
    },
    /// Runs what follows up to its `LookEnd`; goes on at `after`.
    Look {
        negative: bool,
        after: usize,
    },
    LookEnd,
    Direction {
        backward: bool,
    },
    Match,
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Somewhere in the text there is a match.
    Match,
    /// There is none.
    NoMatch,
    /// The limit of steps was reached before that was known.
    Exhausted,
}

impl Program {
    pub fn new(pattern: &Pattern) -> Self {
        let mut program = Program {
            code: Vec::new(),
            groups: pattern.groups as usize + 1,
            registers: 0,
            ignore_case: pattern.flags.ignore_case,
            sticky: pattern.flags.sticky,
        };
        program.emit(&pattern.root, false);
        program.code.push(Instruction::Match);
        program
    }

    fn emit(&mut self, node: &Node, backward: bool) {
        match node {
            Node::Empty => {}
            Node::Set(set) => self.code.push(Instruction::Set(set.clone())),
            Node::Assert(assertion) => self.code.push(Instruction::Assert(*assertion)),
            Node::Backreference(groups) => self.code.push(Instruction::Backreference(groups.clone())),
            Node::Concat(nodes) if backward => nodes.iter().rev().for_each(|node| self.emit(node, true)),
            Node::Concat(nodes) => nodes.iter().for_each(|node| self.emit(node, false)),
            Node::Alternate(branches) => self.emit_alternate(branches, backward),
            Node::Capture(number, node) => {
                let (first, last) = (2 * *number as usize, 2 * *number as usize + 1);
                self.code.push(Instruction::Save(if backward { last } else { first }));
                self.emit(node, backward);
                self.code.push(Instruction::Save(if backward { first } else { last }));
            }
            Node::Repeat { node, min, max, greedy } => self.emit_repeat(node, (*min, *max, *greedy), backward),
            Node::Look { behind, negative, node } => {
                let at = self.code.len();
                self.code.push(Instruction::LookEnd);
                self.code.push(Instruction::Direction { backward: *behind });
                self.emit(node, *behind);
                self.code.push(Instruction::LookEnd);
                self.code[at] = Instruction::Look { negative: *negative, after: self.code.len() };
                self.code.push(Instruction::Direction { backward });
            }
        }
    }

    fn emit_alternate(&mut self, branches: &[Node], backward: bool) {
        let mut jumps = Vec::new();
        for (i, branch) in branches.iter().enumerate() {
            let fork = self.code.len();
            let last = i + 1 == branches.len();
            if !last {
                self.code.push(Instruction::Fork(0));
            }
            self.emit(branch, backward);
            if !last {
                jumps.push(self.code.len());
                self.code.push(Instruction::Jump(0));
                self.code[fork] = Instruction::Fork(self.code.len());
            }
        }
        let end = self.code.len();
        jumps.into_iter().for_each(|at| self.code[at] = Instruction::Jump(end));
    }

    fn emit_repeat(&mut self, node: &Node, (min, max, greedy): (u32, Option<u32>, bool), backward: bool) {
        let register = self.registers;
        self.registers += 2;
        self.code.push(Instruction::LoopStart(register));
        let head = self.code.len();
        self.code.push(Instruction::Jump(0));
        self.code.push(Instruction::LoopEnter(register));
        self.emit(node, backward);
        self.code.push(Instruction::LoopEnd { register, min, head });
        self.code[head] = Instruction::LoopHead { register, min, max, greedy, exit: self.code.len() };
    }

    /// Searches `text`, as `test` does, in at most `limit` steps. Gives the outcome and the steps.
    pub fn search(&self, text: &[u32], limit: u64) -> (Outcome, u64) {
        let mut run = Run { program: self, text, steps: 0, limit, slots: Vec::new(), trail: Vec::new() };
        let last = if self.sticky { 0 } else { text.len() };
        for start in 0..=last {
            match run.at(start) {
                Outcome::NoMatch => {}
                outcome => return (outcome, run.steps),
            }
        }
        (Outcome::NoMatch, run.steps)
    }

    /// Whether `test` can succeed on `text`, from whatever index it starts. A run that takes too
    /// long counts as yes.
    pub fn may_match(&self, text: &[u32]) -> bool {
        const STEPS: u64 = 100_000;
        let mut run = Run { program: self, text, steps: 0, limit: STEPS, slots: Vec::new(), trail: Vec::new() };
        (0..=text.len()).any(|start| run.at(start) != Outcome::NoMatch)
    }
}

/// What is undone when a path fails.
enum Trail {
    /// Go on there instead.
    Choice { pc: usize, at: usize, backward: bool },
    /// A slot had this value.
    Slot { index: usize, value: usize },
    /// A lookaround was entered here.
    Look { pc: usize, at: usize, backward: bool },
}

const UNSET: usize = usize::MAX;

struct Run<'a> {
    program: &'a Program,
    text: &'a [u32],
    steps: u64,
    limit: u64,
    /// Ends of groups, then a counter and a start for each loop.
    slots: Vec<usize>,
    trail: Vec<Trail>,
}

struct Thread {
    pc: usize,
    at: usize,
    backward: bool,
}

impl Run<'_> {
    fn at(&mut self, start: usize) -> Outcome {
        self.slots.clear();
        self.slots.resize(2 * self.program.groups + self.program.registers, UNSET);
        self.trail.clear();
        let mut thread = Thread { pc: 0, at: start, backward: false };
        loop {
            self.steps += 1;
            if self.steps > self.limit {
                return Outcome::Exhausted;
            }
            if let Instruction::Match = self.program.code[thread.pc] {
                return Outcome::Match;
            }
            if !self.step(&mut thread) && !self.backtrack(&mut thread) {
                return Outcome::NoMatch;
            }
        }
    }

    fn set(&mut self, index: usize, value: usize) {
        self.trail.push(Trail::Slot { index, value: self.slots[index] });
        self.slots[index] = value;
    }

    fn step(&mut self, thread: &mut Thread) -> bool {
        let program = self.program;
        let loops = 2 * program.groups;
        match &program.code[thread.pc] {
            Instruction::Set(set) => return self.consume(thread, |c| set.contains(c)),
            Instruction::Assert(assertion) => {
                if !self.holds(*assertion, thread.at) {
                    return false;
                }
            }
            Instruction::Backreference(groups) => return self.backreference(groups, thread),
            Instruction::Fork(other) => self.trail.push(Trail::Choice { pc: *other, at: thread.at, backward: thread.backward }),
            Instruction::Jump(target) => {
                thread.pc = *target;
                return true;
            }
            Instruction::Save(index) => self.set(*index, thread.at),
            Instruction::LoopStart(register) => self.set(loops + register, 0),
            Instruction::LoopHead { register, min, max, greedy, exit } => {
                let count = self.slots[loops + register];
                let (may_enter, may_leave) = (max.is_none_or(|max| count < max as usize), count >= *min as usize);
                let (first, second) = if *greedy { (thread.pc + 1, *exit) } else { (*exit, thread.pc + 1) };
                thread.pc = match (may_enter, may_leave) {
                    (true, true) => {
                        self.trail.push(Trail::Choice { pc: second, at: thread.at, backward: thread.backward });
                        first
                    }
                    (true, false) => thread.pc + 1,
                    _ => *exit,
                };
                return true;
            }
            Instruction::LoopEnter(register) => self.set(loops + register + 1, thread.at),
            Instruction::LoopEnd { register, min, head } => {
                let count = self.slots[loops + register];
                if count >= *min as usize && self.slots[loops + register + 1] == thread.at {
                    return false;
                }
                self.set(loops + register, count + 1);
                thread.pc = *head;
                return true;
            }
            Instruction::Look { .. } => self.trail.push(Trail::Look { pc: thread.pc, at: thread.at, backward: thread.backward }),
            Instruction::LookEnd => return self.leave_look(thread),
            Instruction::Direction { backward } => thread.backward = *backward,
            Instruction::Match => {}
        }
        thread.pc += 1;
        true
    }

    fn consume(&self, thread: &mut Thread, wanted: impl Fn(u32) -> bool) -> bool {
        let at = if thread.backward { thread.at.wrapping_sub(1) } else { thread.at };
        if !self.text.get(at).is_some_and(|&c| wanted(c)) {
            return false;
        }
        thread.at = if thread.backward { at } else { at + 1 };
        thread.pc += 1;
        true
    }

    fn backreference(&mut self, groups: &[u32], thread: &mut Thread) -> bool {
        let bounds = groups.iter().map(|&g| (self.slots[2 * g as usize], self.slots[2 * g as usize + 1]));
        let set = bounds.filter(|&(start, end)| start != UNSET && end != UNSET && start <= end).max_by_key(|&(_, end)| end);
        let Some((start, end)) = set else {
            thread.pc += 1;
            return true;
        };
        let length = end - start;
        let from = if thread.backward { thread.at.checked_sub(length) } else { Some(thread.at) };
        let Some(from) = from.filter(|from| from + length <= self.text.len()) else {
            return false;
        };
        self.steps += length as u64;
        let ignore_case = self.program.ignore_case;
        let equal = (0..length).all(|i| same(self.text[start + i], self.text[from + i], ignore_case));
        if equal {
            thread.at = if thread.backward { from } else { from + length };
            thread.pc += 1;
        }
        equal
    }

    fn holds(&self, assertion: Assertion, at: usize) -> bool {
        let newline = |c: Option<&u32>| c.is_none_or(|&c| matches!(c, 0x0A | 0x0D | 0x2028 | 0x2029));
        let word = |c: Option<&u32>| c.is_some_and(|&c| char::from_u32(c).is_some_and(|c| c.is_ascii_alphanumeric() || c == '_'));
        let before = at.checked_sub(1).and_then(|i| self.text.get(i));
        let after = self.text.get(at);
        match assertion {
            Assertion::Start => before.is_none(),
            Assertion::End => after.is_none(),
            Assertion::LineStart => newline(before),
            Assertion::LineEnd => newline(after),
            Assertion::WordBoundary => word(before) != word(after),
            Assertion::NotWordBoundary => word(before) == word(after),
        }
    }

    /// The body of a lookaround has matched: what it left to try is dropped.
    fn leave_look(&mut self, thread: &mut Thread) -> bool {
        let Some(entry) = self.trail.iter().rposition(|t| matches!(t, Trail::Look { .. })) else {
            return false;
        };
        let Trail::Look { pc, at, backward } = self.trail[entry] else {
            return false;
        };
        let Instruction::Look { negative, after } = self.program.code[pc] else {
            return false;
        };
        if negative {
            self.undo_to(entry);
            return false;
        }
        // Captures made inside stay, and so must what undoes them.
        let mut kept = entry;
        for i in entry + 1..self.trail.len() {
            if matches!(self.trail[i], Trail::Slot { .. }) {
                self.trail.swap(kept, i);
                kept += 1;
            }
        }
        self.trail.truncate(kept);
        *thread = Thread { pc: after, at, backward };
        true
    }

    fn undo_to(&mut self, length: usize) {
        while self.trail.len() > length {
            if let Some(Trail::Slot { index, value }) = self.trail.pop() {
                self.slots[index] = value;
            }
        }
    }

    fn backtrack(&mut self, thread: &mut Thread) -> bool {
        while let Some(last) = self.trail.pop() {
            match last {
                Trail::Slot { index, value } => self.slots[index] = value,
                Trail::Choice { pc, at, backward } => {
                    *thread = Thread { pc, at, backward };
                    return true;
                }
                Trail::Look { pc, at, backward } => {
                    if let Instruction::Look { negative: true, after } = self.program.code[pc] {
                        *thread = Thread { pc: after, at, backward };
                        return true;
                    }
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::syntax::{parse, units};
    use super::*;

    fn test(pattern: &str, flags: &str, text: &str) -> bool {
        let pattern = parse(pattern, flags).unwrap();
        let text = units(text, pattern.flags);
        let (outcome, _) = Program::new(&pattern).search(&text, 1_000_000);
        outcome == Outcome::Match
    }

    #[test]
    fn it_matches_as_the_language_says() {
        let yes = [
            ("^a{2,3}$", "aaa"),
            (r"(a*)*", "b"),
            (r"^(?:a|ab)(?:c|bcd)(?:d*)$", "abcd"),
            (r"(?=(a+))a*b\1", "baaabac"),
            (r"(?<=\$)\d+", "$42"),
            (r"(?<!a)b", "cb"),
            (r"(z)((a+)?(b+)?(c))*", "zaacbbbcac"),
            (r"\bfoo\b", "a foo b"),
            (r"^(?!.*x).*$", "abc"),
            (r#"(["']).*?\1"#, "say 'x'"),
            (r"^(?:a?){3}a{3}$", "aaa"),
            (r"(?<=(\w)\1)c", "aac"),
        ];
        let no = [
            ("^a{2,3}$", "aaaa"),
            (r"(?<!a)b", "ab"),
            (r"^(?!.*x).*$", "abxc"),
            (r"\Bfoo", "a foo"),
            (r#"^(["'])\w*\1$"#, "'x\""),
            ("^$", "a"),
            ("[]", "a"),
        ];
        for (pattern, text) in yes {
            assert!(test(pattern, "", text), "{pattern} {text}");
        }
        for (pattern, text) in no {
            assert!(!test(pattern, "", text), "{pattern} {text}");
        }
        assert!(test("^É$", "i", "é") && test("^.$", "u", "😀") && !test("^.$", "", "😀"));
        assert!(test("^b$", "m", "a\nb\nc") && !test("a.b", "", "a\nb") && test("a.b", "s", "a\nb"));
    }

    #[test]
    fn it_ends() {
        let pattern = parse("^(a+)+$", "").unwrap();
        let text = units(&("a".repeat(60) + "!"), pattern.flags);
        assert_eq!(Program::new(&pattern).search(&text, 10_000).0, Outcome::Exhausted);
    }
}
