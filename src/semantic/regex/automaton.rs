//! A pattern as an automaton whose transitions are ordered as a backtracking engine tries them.
//!
//! Counted repetitions are unrolled. A state is a place in the pattern just passed, together with
//! what assertions can tell of the character that was read there. From a state, and a kind of next
//! character, [`Automaton::moves`] lists every way on in order of priority; lookaheads become side
//! runs (scopes) that later moves depend on. What a finite automaton cannot say (lookbehind,
//! backreferences) is over-approximated and marks the moves behind it as `unsure`.

use super::charset::{CharSet, LAST};
use super::syntax::{Assertion, Node, Pattern, Refusal};

/// How many places of consumption a pattern may unroll to.
const PLACES_MAX: usize = 3_000;
/// How many nodes the program may have.
const CODE_MAX: usize = 40_000;
/// How many tree nodes may be visited while unrolling.
const FUEL: usize = 4 * CODE_MAX;
const TOO_LARGE: Refusal = "the pattern is too large when its repetitions are unrolled";
/// How many moves all states together may have.
const MOVES_MAX: usize = 600_000;
/// How many atoms the alphabet may fall into.
const ATOMS_MAX: usize = 256;
/// How deep a backreference may stand for groups with backreferences.
const REFERENCE_DEPTH_MAX: u32 = 4;

pub(super) type Place = u32;
pub(super) type State = u32;
/// A class of characters that the pattern never tells apart.
pub(super) type Atom = u16;

/// How a pattern is unrolled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unrolling {
    /// Counted repetitions with a higher bound than this run without end.
    pub bound_max: u32,
}

/// What a character, or a border of the text, is to an assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Border,
    Newline,
    Word,
    Other,
}

const KINDS: [Kind; 4] = [Kind::Border, Kind::Newline, Kind::Word, Kind::Other];

/// One way on from a state.
#[derive(Clone, Debug)]
pub(super) struct Move {
    /// The place whose character is read next; `None` ends the scope successfully.
    pub place: Option<Place>,
    /// The scope the move belongs to.
    pub scope: u32,
    /// The scopes that must have ended successfully before (`true`: must not).
    pub guards: Box<[(u32, bool)]>,
    /// Something on the way may fail that the automaton cannot see.
    pub unsure: bool,
}

/// All ways on from a state before one kind of character.
#[derive(Debug, Default)]
pub(super) struct Moves {
    pub list: Vec<Move>,
    /// For each scope, the scope it runs in; scope 0 is the state's own.
    pub parents: Vec<u32>,
}

#[derive(Clone, Debug)]
enum Code {
    /// Reads a character at the place.
    Read(Place),
    Fork(Vec<usize>),
    Assert(Assertion, usize),
    Enter(u32, usize),
    Leave(u32, usize),
    /// Runs the body on the side.
    Look {
        negative: bool,
        fuzzy: bool,
        body: usize,
        next: usize,
    },
    Unsure(usize),
    Accept,
    /// To be filled in.
    Hole,
}

/// The automaton.
pub(super) struct Automaton {
    code: Vec<Code>,
    /// For each place: what it reads and where it goes on.
    places: Vec<(CharSet, usize)>,
    /// Whether something of the pattern is only approximated.
    pub fuzzy: bool,
    /// A character of each atom, and its kind.
    pub samples: Vec<u32>,
    atom_kinds: Vec<Kind>,
    /// For each place, the atoms it reads.
    reads: Vec<Vec<bool>>,
    /// Place and kind of the character read there; the first state is the start of the text.
    states: Vec<(Option<Place>, Kind)>,
    /// State by place and kind.
    state_of: Vec<[State; 4]>,
    /// For each state and each kind of next character, an index into `lists`.
    moves: Vec<[u32; 4]>,
    lists: Vec<Moves>,
    entry: usize,
}

const NO_STATE: State = State::MAX;

impl Automaton {
    /// The automaton of a search with `pattern`. `more` are sets that atoms must not straddle.
    pub fn new(pattern: &Pattern, unrolling: Unrolling, more: &[CharSet]) -> Result<Self, Refusal> {
        let mut builder = Builder {
            code: Vec::new(),
            places: Vec::new(),
            loops: 0,
            fuzzy: false,
            unrolling,
            fuel: FUEL,
            root: &pattern.root,
            seen_behind: Vec::new(),
            within: Vec::new(),
        };
        let accept = builder.push(Code::Accept)?;
        let body = builder.lower(&pattern.root, accept)?;
        let entry = if pattern.flags.sticky { body } else { builder.search(body)? };
        let Builder { code, places, fuzzy, seen_behind, .. } = builder;
        let mut automaton = Automaton {
            code,
            places,
            fuzzy,
            samples: Vec::new(),
            atom_kinds: Vec::new(),
            reads: Vec::new(),
            states: Vec::new(),
            state_of: Vec::new(),
            moves: Vec::new(),
            lists: Vec::new(),
            entry,
        };
        automaton.split_alphabet(&[more, &seen_behind].concat(), pattern.flags.unicode)?;
        automaton.make_states()?;
        Ok(automaton)
    }

    pub fn state_count(&self) -> usize {
        self.states.len()
    }

    pub fn atom_count(&self) -> usize {
        self.samples.len()
    }

    /// What `state` may do before a character of `atom`, or before the end of the text.
    pub fn moves(&self, state: State, atom: Option<Atom>) -> &Moves {
        let kind = atom.map_or(Kind::Border, |atom| self.atom_kinds[atom as usize]);
        &self.lists[self.moves[state as usize][kind as usize] as usize]
    }

    /// The state after `place` has read `atom`, if it reads it.
    pub fn target(&self, place: Place, atom: Atom) -> Option<State> {
        self.reads[place as usize][atom as usize].then(|| self.state_of[place as usize][self.atom_kinds[atom as usize] as usize])
    }

    /// Splits the alphabet so that no set of the pattern straddles an atom.
    fn split_alphabet(&mut self, more: &[CharSet], unicode: bool) -> Result<(), Refusal> {
        let mut sets: Vec<&CharSet> = self.places.iter().map(|(set, _)| set).chain(more).collect();
        let assertions: Vec<Assertion> =
            self.code.iter().filter_map(|c| if let Code::Assert(a, _) = c { Some(*a) } else { None }).collect();
        let lines = assertions.iter().any(|a| matches!(a, Assertion::LineStart | Assertion::LineEnd));
        let words = assertions.iter().any(|a| matches!(a, Assertion::WordBoundary | Assertion::NotWordBoundary));
        let (newline_set, word_set) = (CharSet::newlines(), CharSet::words());
        sets.extend(lines.then_some(&newline_set));
        sets.extend(words.then_some(&word_set));
        sets.sort_unstable_by_key(|set| set.ranges());
        sets.dedup();

        let last = if unicode { LAST } else { 0xFFFF };
        let mut borders: Vec<u32> =
            sets.iter().flat_map(|set| set.ranges()).flat_map(|&(lo, hi)| [lo, hi + 1]).filter(|&c| c <= last).collect();
        borders.push(0);
        borders.sort_unstable();
        borders.dedup();
        let mut by_signature: std::collections::HashMap<Vec<u16>, Vec<(u32, u32)>> = std::collections::HashMap::new();
        for (i, &lo) in borders.iter().enumerate() {
            let hi = borders.get(i + 1).map_or(last, |next| next - 1);
            let signature = (0..sets.len() as u16).filter(|&s| sets[s as usize].contains(lo)).collect();
            by_signature.entry(signature).or_default().push((lo, hi));
        }
        if by_signature.len() > ATOMS_MAX {
            return Err("the pattern tells too many characters apart");
        }
        let mut atoms: Vec<CharSet> = by_signature.into_values().map(CharSet::new).collect();
        atoms.sort_unstable_by_key(|atom| atom.sample());
        for atom in atoms {
            let sample = atom.sample().unwrap_or_default();
            self.samples.push(sample);
            self.atom_kinds.push(if words && word_set.contains(sample) {
                Kind::Word
            } else if lines && newline_set.contains(sample) {
                Kind::Newline
            } else {
                Kind::Other
            });
        }
        self.reads = self.places.iter().map(|(set, _)| self.samples.iter().map(|&c| set.contains(c)).collect()).collect();
        Ok(())
    }

    fn make_states(&mut self) -> Result<(), Refusal> {
        self.states.push((None, Kind::Border));
        for (place, reads) in self.reads.iter().enumerate() {
            let mut of = [NO_STATE; 4];
            for (atom, _) in reads.iter().enumerate().filter(|(_, reads)| **reads) {
                let kind = self.atom_kinds[atom];
                if of[kind as usize] == NO_STATE {
                    of[kind as usize] = self.states.len() as State;
                    self.states.push((Some(place as Place), kind));
                }
            }
            self.state_of.push(of);
        }
        self.make_moves()
    }

    fn make_moves(&mut self) -> Result<(), Refusal> {
        let mut closure = Closure::new(self);
        let mut known = std::collections::HashMap::new();
        let (mut lists, mut moves, mut total) = (Vec::new(), Vec::with_capacity(self.states.len()), 0);
        for &(place, before) in &self.states {
            let from = place.map_or(self.entry, |place| self.places[place as usize].1);
            moves.push(KINDS.map(|after| {
                *known.entry((from, before, after)).or_insert_with(|| {
                    lists.push(closure.run(from, before, after));
                    total += lists.last().map_or(0, |moves| moves.list.len());
                    lists.len() as u32 - 1
                })
            }));
            if total > MOVES_MAX || closure.exhausted() {
                return Err("the pattern has too many ways through it");
            }
        }
        (self.lists, self.moves) = (lists, moves);
        Ok(())
    }
}

/// Lowers a tree to code, back to front: every node knows what follows it.
struct Builder<'a> {
    code: Vec<Code>,
    places: Vec<(CharSet, usize)>,
    loops: u32,
    fuzzy: bool,
    unrolling: Unrolling,
    fuel: usize,
    root: &'a Node,
    /// What lookbehinds tell apart.
    seen_behind: Vec<CharSet>,
    /// Groups whose content stands for a backreference that is being lowered.
    within: Vec<u32>,
}

impl<'a> Builder<'a> {
    fn push(&mut self, code: Code) -> Result<usize, Refusal> {
        if self.code.len() >= CODE_MAX {
            return Err(TOO_LARGE);
        }
        self.code.push(code);
        Ok(self.code.len() - 1)
    }

    fn read(&mut self, set: CharSet, next: usize) -> Result<usize, Refusal> {
        if self.places.len() >= PLACES_MAX {
            return Err(TOO_LARGE);
        }
        self.places.push((set, next));
        self.push(Code::Read(self.places.len() as Place - 1))
    }

    /// Tries `body` here, then one character further on.
    fn search(&mut self, body: usize) -> Result<usize, Refusal> {
        let fork = self.push(Code::Hole)?;
        let any = self.read(CharSet::all(), fork)?;
        self.code[fork] = Code::Fork(vec![body, any]);
        Ok(fork)
    }

    fn lower(&mut self, node: &'a Node, next: usize) -> Result<usize, Refusal> {
        // Repetitions of nothing make no code, but take time.
        self.fuel = self.fuel.checked_sub(1).ok_or(TOO_LARGE)?;
        match node {
            Node::Empty => Ok(next),
            Node::Set(set) => self.read(set.clone(), next),
            Node::Assert(assertion) => self.push(Code::Assert(*assertion, next)),
            Node::Concat(nodes) => nodes.iter().rev().try_fold(next, |next, node| self.lower(node, next)),
            Node::Alternate(branches) => {
                let starts = branches.iter().map(|branch| self.lower(branch, next)).collect::<Result<_, _>>()?;
                self.push(Code::Fork(starts))
            }
            Node::Capture(_, node) => self.lower(node, next),
            Node::Repeat { node, min, max, greedy } => self.repeat(node, (*min, *max, *greedy), next),
            Node::Look { behind: true, node, .. } => {
                self.fuzzy = true;
                collect_sets(node, &mut self.seen_behind);
                self.push(Code::Unsure(next))
            }
            Node::Look { negative, node, .. } => {
                let outer = std::mem::replace(&mut self.fuzzy, false);
                let accept = self.push(Code::Accept)?;
                let body = self.lower(node, accept)?;
                let fuzzy = self.fuzzy;
                self.fuzzy |= outer;
                self.push(Code::Look { negative: *negative, fuzzy, body, next })
            }
            Node::Backreference(groups) => self.backreference(groups, next),
        }
    }

    /// A backreference reads what its group may read, or nothing.
    fn backreference(&mut self, groups: &[u32], next: usize) -> Result<usize, Refusal> {
        self.fuzzy = true;
        let next = self.push(Code::Unsure(next))?;
        let mut starts = Vec::new();
        for &group in groups {
            if self.within.contains(&group) || self.within.len() as u32 >= REFERENCE_DEPTH_MAX {
                let fork = self.push(Code::Hole)?;
                let any = self.read(CharSet::all(), fork)?;
                self.code[fork] = Code::Fork(vec![any, next]);
                starts.push(fork);
            } else if let Some(content) = find_group(self.root, group) {
                self.within.push(group);
                starts.push(self.lower(content, next)?);
                self.within.pop();
            }
        }
        starts.push(next);
        self.push(Code::Fork(starts))
    }

    fn repeat(&mut self, node: &'a Node, (min, max, greedy): (u32, Option<u32>, bool), next: usize) -> Result<usize, Refusal> {
        let bound = self.unrolling.bound_max;
        let (min, max) = match max {
            Some(max) if max > bound => (min.min(1), None),
            _ => (min.min(bound), max),
        };
        let nullable = super::shape::nullable(node);
        let order = |body: usize, exit: usize| Code::Fork(if greedy { vec![body, exit] } else { vec![exit, body] });
        let mut start = next;
        match max {
            None => {
                let fork = self.push(Code::Hole)?;
                let body = self.round(node, nullable, fork)?;
                self.code[fork] = order(body, next);
                start = fork;
            }
            Some(max) => {
                for _ in min..max {
                    let body = self.round(node, nullable, start)?;
                    start = self.push(order(body, next))?;
                }
            }
        }
        (0..min).try_fold(start, |next, _| self.lower(node, next))
    }

    /// One optional round of a loop: it must not match the empty string.
    fn round(&mut self, node: &'a Node, nullable: bool, next: usize) -> Result<usize, Refusal> {
        if !nullable {
            return self.lower(node, next);
        }
        let id = self.loops;
        self.loops += 1;
        let leave = self.push(Code::Leave(id, next))?;
        let body = self.lower(node, leave)?;
        self.push(Code::Enter(id, body))
    }
}

fn collect_sets(node: &Node, sets: &mut Vec<CharSet>) {
    match node {
        Node::Set(set) => sets.push(set.clone()),
        Node::Capture(_, node) | Node::Repeat { node, .. } | Node::Look { node, .. } => collect_sets(node, sets),
        Node::Concat(nodes) | Node::Alternate(nodes) => nodes.iter().for_each(|node| collect_sets(node, sets)),
        Node::Empty | Node::Assert(_) | Node::Backreference(_) => {}
    }
}

fn find_group(node: &Node, wanted: u32) -> Option<&Node> {
    match node {
        Node::Capture(number, node) if *number == wanted => Some(node),
        Node::Capture(_, node) | Node::Repeat { node, .. } | Node::Look { node, .. } => find_group(node, wanted),
        Node::Concat(nodes) | Node::Alternate(nodes) => nodes.iter().find_map(|node| find_group(node, wanted)),
        Node::Empty | Node::Set(_) | Node::Assert(_) | Node::Backreference(_) => None,
    }
}

/// Follows code that reads nothing, in order of priority.
struct Closure<'a> {
    automaton: &'a Automaton,
    /// Times each node was visited in this run, by (run, count): two tell ambiguity.
    visits: Vec<(u32, u8)>,
    run: u32,
    /// What was passed on the way, as a tree that shares its beginnings.
    trail: Vec<(Passed, usize)>,
    fuel: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Passed {
    Root,
    Loop(u32),
    Guard(u32, bool),
    Unsure,
}

impl<'a> Closure<'a> {
    fn new(automaton: &'a Automaton) -> Self {
        Closure { automaton, visits: vec![(0, 0); automaton.code.len()], run: 0, trail: Vec::new(), fuel: 20 * MOVES_MAX }
    }

    fn exhausted(&self) -> bool {
        self.fuel == 0
    }

    fn run(&mut self, from: usize, before: Kind, after: Kind) -> Moves {
        self.run += 1;
        self.trail.clear();
        self.trail.push((Passed::Root, 0));
        let mut moves = Moves { list: Vec::new(), parents: vec![0] };
        let mut stack = vec![(from, 0u32, 0usize)];
        while let Some((at, scope, trail)) = stack.pop() {
            let visits = &mut self.visits[at];
            *visits = if visits.0 == self.run { (self.run, visits.1 + 1) } else { (self.run, 1) };
            if visits.1 > 2 || self.fuel == 0 {
                continue;
            }
            self.fuel -= 1;
            match &self.automaton.code[at] {
                Code::Read(place) => moves.list.push(self.arrive(Some(*place), scope, trail)),
                Code::Accept => moves.list.push(self.arrive(None, scope, trail)),
                Code::Fork(targets) => stack.extend(targets.iter().rev().map(|&target| (target, scope, trail))),
                Code::Assert(assertion, next) => {
                    if holds(*assertion, before, after) {
                        stack.push((*next, scope, trail));
                    }
                }
                Code::Enter(id, next) => stack.push((*next, scope, self.pass(Passed::Loop(*id), trail))),
                Code::Leave(id, next) => {
                    if !self.passed(trail).any(|p| p == Passed::Loop(*id)) {
                        stack.push((*next, scope, trail));
                    }
                }
                Code::Look { negative, fuzzy, body, next } => {
                    let inner = moves.parents.len() as u32;
                    moves.parents.push(scope);
                    let passed = if *fuzzy { Passed::Unsure } else { Passed::Guard(inner, *negative) };
                    stack.push((*next, scope, self.pass(passed, trail)));
                    stack.push((*body, inner, 0));
                }
                Code::Unsure(next) => stack.push((*next, scope, self.pass(Passed::Unsure, trail))),
                Code::Hole => {}
            }
        }
        moves
    }

    fn pass(&mut self, passed: Passed, trail: usize) -> usize {
        self.trail.push((passed, trail));
        self.trail.len() - 1
    }

    fn passed(&self, mut trail: usize) -> impl Iterator<Item = Passed> {
        std::iter::from_fn(move || {
            let (passed, before) = self.trail[trail];
            trail = before;
            (passed != Passed::Root).then_some(passed)
        })
    }

    fn arrive(&self, place: Option<Place>, scope: u32, trail: usize) -> Move {
        let guards = self.passed(trail).filter_map(|p| if let Passed::Guard(scope, negative) = p { Some((scope, negative)) } else { None });
        Move { place, scope, guards: guards.collect(), unsure: self.passed(trail).any(|p| p == Passed::Unsure) }
    }
}

fn holds(assertion: Assertion, before: Kind, after: Kind) -> bool {
    let line_border = |kind| matches!(kind, Kind::Border | Kind::Newline);
    match assertion {
        Assertion::Start => before == Kind::Border,
        Assertion::End => after == Kind::Border,
        Assertion::LineStart => line_border(before),
        Assertion::LineEnd => line_border(after),
        Assertion::WordBoundary => (before == Kind::Word) != (after == Kind::Word),
        Assertion::NotWordBoundary => (before == Kind::Word) == (after == Kind::Word),
    }
}
