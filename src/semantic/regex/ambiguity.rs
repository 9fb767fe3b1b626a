//! How many paths a backtracking engine explores in an [`Automaton`], by the length of the text.
//!
//! The engine leaves a way untried once one of higher priority has succeeded. Which ways those are
//! depends on the rest of the text, so the analysis runs on pairs of a state and the set of states
//! that accept the rest (found by running the automaton backwards). In that graph every path is one
//! the engine takes, and the classical criteria are exact (Weber and Seidl; Weideman et al.):
//!
//! - exponential, if a state lies on two different cycles that read the same word (EDA);
//! - polynomial, if the longest chain p → q with p -w→ p, p -w→ q, q -w→ q (IDA) has d links: the
//!   work is of degree d + 1, since every path costs its length.

use std::collections::{HashMap, HashSet, VecDeque};

use super::automaton::{Atom, Automaton, Move, State};

/// How many sets of accepting states may be told apart.
const SETS_MAX: usize = 3_000;
/// How many moves may be looked at.
const WORK_MAX: usize = 12_000_000;
/// How many nodes and edges the graph may have.
const NODES_MAX: usize = 60_000;
const EDGES_MAX: usize = 600_000;
/// How many pairs and triples of nodes may be visited.
const TUPLES_MAX: usize = 3_000_000;

/// A bound was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exceeded;

/// A text that makes the engine work: `prefix pump… prefix pump… suffix`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Witness {
    /// What stands before a pump, and the pump.
    pub pumps: Vec<(Vec<Atom>, Vec<Atom>)>,
    pub suffix: Vec<Atom>,
}

/// How the number of explored paths grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    Linear,
    Polynomial(u32, Witness),
    Exponential(Witness),
}

/// Whether ways that engines leave untried are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pruning {
    /// Exact, but the sets may grow too many.
    Exact,
    /// Every way counts: growth is over-estimated.
    None,
}

/// The growth of `automaton`. Gives several witnesses where pruning is off, the worst first.
pub(super) fn growth(automaton: &Automaton, pruning: Pruning) -> Result<Vec<Growth>, Exceeded> {
    let sets = match pruning {
        Pruning::Exact => Rests::new(automaton)?,
        Pruning::None => Rests::blind(automaton),
    };
    let graph = Graph::new(automaton, &sets)?;
    let components = Components::new(&graph);
    let mut budget = TUPLES_MAX;
    let witness = |pumps: &[(u32, Vec<Atom>)]| graph.witness(pumps, &sets);
    let mut found = Vec::new();
    for (component, _) in components.cyclic() {
        if let Some((node, pump)) = graph.double_cycle(&components, component, &mut budget)? {
            found.push(Growth::Exponential(witness(&[(node, pump)])));
            if pruning == Pruning::Exact || found.len() >= 10 {
                return Ok(found);
            }
        }
    }
    if let Some((degree, pumps)) = graph.longest_chain(&components, &mut budget)? {
        found.push(Growth::Polynomial(degree, witness(&pumps)));
    }
    if found.is_empty() {
        found.push(Growth::Linear);
    }
    Ok(found)
}

/// Three-valued: does a scope end successfully?
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Truth {
    No,
    Maybe,
    Yes,
}

type Bits = Box<[u64]>;

fn has(bits: &Bits, state: State) -> bool {
    bits[state as usize / 64] >> (state % 64) & 1 == 1
}

/// The ways an engine explores from one state, given what it would find behind them.
struct Explorer<'a> {
    automaton: &'a Automaton,
    blind: bool,
    /// For each scope, what is known of it.
    scopes: Vec<Truth>,
    work: usize,
}

impl Explorer<'_> {
    /// Calls `visit` for every state explored from `state` before `atom`, and tells whether the
    /// state accepts. `accepting` are the states that accept what follows `atom`.
    fn explore(&mut self, state: State, atom: Option<Atom>, accepting: Option<&Bits>, mut visit: impl FnMut(State)) -> Truth {
        let moves = self.automaton.moves(state, atom);
        self.work += moves.list.len();
        self.scopes.clear();
        self.scopes.resize(moves.parents.len(), Truth::No);
        for way in &moves.list {
            let target = match (way.place, atom) {
                (None, _) => None,
                (Some(_), None) => continue,
                (Some(place), Some(atom)) => match self.automaton.target(place, atom) {
                    None => continue,
                    target => target,
                },
            };
            if self.is_decided(way.scope, &moves.parents) {
                continue;
            }
            let allowed = self.allowed(way);
            if allowed == Truth::No {
                continue;
            }
            let succeeds = match target {
                None => Truth::Yes,
                Some(target) => {
                    visit(target);
                    if accepting.is_some_and(|bits| has(bits, target)) { Truth::Yes } else { Truth::No }
                }
            };
            let scope = &mut self.scopes[way.scope as usize];
            *scope = (*scope).max(succeeds.min(allowed));
        }
        self.scopes[0]
    }

    /// Whether the scope, or one it runs in, has already succeeded.
    fn is_decided(&self, mut scope: u32, parents: &[u32]) -> bool {
        loop {
            if self.scopes[scope as usize] == Truth::Yes {
                return true;
            }
            if scope == 0 {
                return false;
            }
            scope = parents[scope as usize];
        }
    }

    fn allowed(&self, way: &Move) -> Truth {
        let guards = way.guards.iter().map(|&(scope, negative)| match (self.scopes[scope as usize], negative) {
            _ if self.blind => Truth::Maybe,
            (Truth::Maybe, _) => Truth::Maybe,
            (truth, negative) => {
                if (truth == Truth::Yes) != negative {
                    Truth::Yes
                } else {
                    Truth::No
                }
            }
        });
        let unsure = if way.unsure { Truth::Maybe } else { Truth::Yes };
        guards.fold(unsure, Truth::min)
    }
}

/// Sets of states that accept the rest of a text, each reached by reading the rest backwards.
struct Rests {
    /// For each set and atom, the set before the atom.
    before: Vec<Vec<u32>>,
    /// The sets; none where pruning is off.
    sets: Vec<Bits>,
    /// For each set but the first, the atom that leads from it to another set, nearer to the end.
    towards_end: Vec<Option<(Atom, u32)>>,
}

impl Rests {
    fn blind(automaton: &Automaton) -> Self {
        Rests { before: vec![vec![0; automaton.atom_count()]], sets: Vec::new(), towards_end: vec![None] }
    }

    fn new(automaton: &Automaton) -> Result<Self, Exceeded> {
        let mut explorer = Explorer { automaton, blind: false, scopes: Vec::new(), work: 0 };
        let states = automaton.state_count() as State;
        let words = (states as usize).div_ceil(64);
        let mut step = |atom: Option<Atom>, after: Option<&Bits>| {
            let mut set = vec![0u64; words].into_boxed_slice();
            for state in 0..states {
                if explorer.explore(state, atom, after, |_| {}) == Truth::Yes {
                    set[state as usize / 64] |= 1 << (state % 64);
                }
            }
            (set, explorer.work)
        };
        let (end, _) = step(None, None);
        let mut known = HashMap::from([(end.clone(), 0u32)]);
        let mut rests = Rests { before: Vec::new(), sets: vec![end], towards_end: vec![None] };
        while rests.before.len() < rests.sets.len() {
            let after = rests.before.len();
            let mut row = Vec::with_capacity(automaton.atom_count());
            for atom in 0..automaton.atom_count() as Atom {
                let (set, work) = step(Some(atom), Some(&rests.sets[after]));
                if work > WORK_MAX || rests.sets.len() > SETS_MAX {
                    return Err(Exceeded);
                }
                let fresh = rests.sets.len() as u32;
                let id = *known.entry(set).or_insert_with_key(|set| {
                    rests.sets.push(set.clone());
                    rests.towards_end.push(Some((atom, after as u32)));
                    fresh
                });
                row.push(id);
            }
            rests.before.push(row);
        }
        Ok(rests)
    }

    /// A shortest text whose accepting states are `set`.
    fn text(&self, mut set: u32) -> Vec<Atom> {
        let mut text = Vec::new();
        while let Some((atom, after)) = self.towards_end[set as usize] {
            text.push(atom);
            set = after;
        }
        text
    }
}

/// A node: a state, and the set of the rest of the text.
type Node = (State, u32);
/// What each key of a breadth-first search was first reached from, and by what.
type Reached<K> = HashMap<K, Option<(K, Atom)>>;
/// Nodes of the graph, each with a word that leads back to it.
type Pumps = Vec<(u32, Vec<Atom>)>;
/// What an edge reads, and the set after it: two paths read the same text exactly if these agree.
type Label = (Atom, u32);

/// The part of the graph that a search can reach.
struct Graph {
    nodes: Vec<Node>,
    /// Sorted by label.
    edges: Vec<Vec<(Label, u32)>>,
    /// From which node, by which atom, a node was first reached.
    parents: Vec<Option<(u32, Atom)>>,
}

impl Graph {
    fn new(automaton: &Automaton, rests: &Rests) -> Result<Self, Exceeded> {
        let blind = rests.sets.is_empty();
        let mut explorer = Explorer { automaton, blind, scopes: Vec::new(), work: 0 };
        let mut after: Vec<Vec<Label>> = vec![Vec::new(); rests.before.len()];
        for (set, row) in rests.before.iter().enumerate() {
            for (atom, &before) in row.iter().enumerate() {
                after[before as usize].push((atom as Atom, set as u32));
            }
        }
        let nodes: Vec<Node> = (0..rests.before.len() as u32).map(|set| (0, set)).collect();
        let mut index: HashMap<Node, u32> = nodes.iter().enumerate().map(|(i, &node)| (node, i as u32)).collect();
        let mut graph = Graph { parents: vec![None; nodes.len()], nodes, edges: Vec::new() };
        let mut edge_count = 0;
        while graph.edges.len() < graph.nodes.len() {
            let from = graph.edges.len();
            let (state, set) = graph.nodes[from];
            let mut edges = Vec::new();
            for &(atom, next) in &after[set as usize] {
                explorer.explore(state, Some(atom), rests.sets.get(next as usize), |target| {
                    let fresh = graph.nodes.len() as u32;
                    let to = *index.entry((target, next)).or_insert_with_key(|&node| {
                        graph.nodes.push(node);
                        graph.parents.push(Some((from as u32, atom)));
                        fresh
                    });
                    edges.push(((atom, next), to));
                });
            }
            edge_count += edges.len();
            if graph.nodes.len() > NODES_MAX || edge_count > EDGES_MAX || explorer.work > WORK_MAX {
                return Err(Exceeded);
            }
            edges.sort_unstable();
            graph.edges.push(edges);
        }
        Ok(graph)
    }

    /// Steps that two nodes can take on the same text.
    fn common<'a>(&'a self, x: u32, y: u32) -> impl Iterator<Item = (Label, u32, u32)> + 'a {
        let (a, b) = (&self.edges[x as usize], &self.edges[y as usize]);
        a.iter().flat_map(move |&(label, to)| {
            let start = b.partition_point(|&(other, _)| other < label);
            b[start..].iter().take_while(move |&&(other, _)| other == label).map(move |&(_, other)| (label, to, other))
        })
    }

    fn path_from_start(&self, mut node: u32) -> Vec<Atom> {
        let mut path = Vec::new();
        while let Some((from, atom)) = self.parents[node as usize] {
            path.push(atom);
            node = from;
        }
        path.reverse();
        path
    }

    /// A shortest word from `from` to `to`.
    fn word(&self, from: u32, to: u32) -> Option<Vec<Atom>> {
        let mut reached: Reached<u32> = HashMap::from([(from, None)]);
        let mut queue = VecDeque::from([from]);
        while let Some(node) = queue.pop_front() {
            if node == to {
                return Some(trace(&reached, node));
            }
            for &((atom, _), next) in &self.edges[node as usize] {
                reached.entry(next).or_insert_with(|| {
                    queue.push_back(next);
                    Some((node, atom))
                });
            }
        }
        None
    }

    fn witness(&self, pumps: &[(u32, Vec<Atom>)], rests: &Rests) -> Witness {
        let mut witness = Witness::default();
        let mut last: Option<u32> = None;
        for (node, pump) in pumps {
            let prefix = match last {
                None => self.path_from_start(*node),
                Some(last) => self.word(last, *node).unwrap_or_default(),
            };
            match witness.pumps.last() {
                Some((_, before)) if prefix.is_empty() && before == pump => {}
                _ => witness.pumps.push((prefix, pump.clone())),
            }
            last = Some(*node);
        }
        witness.suffix = last.map(|node| rests.text(self.nodes[node as usize].1)).unwrap_or_default();
        witness
    }

    /// A node of `component` on two different cycles that read the same word, and the word.
    fn double_cycle(&self, components: &Components, component: u32, budget: &mut usize) -> Result<Option<(u32, Vec<Atom>)>, Exceeded> {
        let inside = |node: u32| components.of[node as usize] == component;
        // Pairs reached after a split, each with the pair before it; a root has its split node.
        let mut reached: Reached<(u32, u32)> = HashMap::new();
        let mut splits: HashMap<(u32, u32), (u32, Atom)> = HashMap::new();
        let mut queue = VecDeque::new();
        for &node in &components.members[component as usize] {
            for pair in self.edges[node as usize].windows(2) {
                if pair[0] == pair[1] && inside(pair[0].1) {
                    let ((atom, _), to) = pair[0];
                    let back = self.word(to, node).unwrap_or_default();
                    return Ok(Some((node, [vec![atom], back].concat())));
                }
            }
            for ((atom, _), x, y) in self.common(node, node).filter(|&(_, x, y)| x < y && inside(x) && inside(y)) {
                reached.entry((x, y)).or_insert_with(|| {
                    splits.insert((x, y), (node, atom));
                    queue.push_back((x, y));
                    None
                });
            }
        }
        while let Some(pair) = queue.pop_front() {
            *budget = budget.checked_sub(1).ok_or(Exceeded)?;
            for ((atom, _), x, y) in self.common(pair.0, pair.1).filter(|&(_, x, y)| inside(x) && inside(y)) {
                if x == y {
                    let (mut root, mut word) = (pair, vec![atom]);
                    while let Some(Some((before, atom))) = reached.get(&root) {
                        word.push(*atom);
                        root = *before;
                    }
                    let (node, first) = splits[&root];
                    word.push(first);
                    word.reverse();
                    word.extend(self.word(x, node).unwrap_or_default());
                    return Ok(Some((node, word)));
                }
                let next = (x.min(y), x.max(y));
                reached.entry(next).or_insert_with(|| {
                    queue.push_back(next);
                    Some((pair, atom))
                });
            }
        }
        Ok(None)
    }

    /// A word w with p -w→ p, p -w→ q and q -w→ q.
    fn link(
        &self,
        components: &Components,
        (p, q): (u32, u32),
        useful: &HashSet<u32>,
        budget: &mut usize,
    ) -> Result<Option<Vec<Atom>>, Exceeded> {
        let (a, b) = (components.of[p as usize], components.of[q as usize]);
        let start = (p, p, q);
        let mut reached: Reached<(u32, u32, u32)> = HashMap::from([(start, None)]);
        let mut queue = VecDeque::from([start]);
        while let Some(triple) = queue.pop_front() {
            *budget = budget.checked_sub(1).ok_or(Exceeded)?;
            for (label, x, z) in self.common(triple.0, triple.2) {
                if components.of[x as usize] != a || components.of[z as usize] != b {
                    continue;
                }
                let edges = &self.edges[triple.1 as usize];
                let from = edges.partition_point(|&(other, _)| other < label);
                for &(_, y) in edges[from..].iter().take_while(|&&(other, _)| other == label) {
                    let next = (x, y, z);
                    if !useful.contains(&components.of[y as usize]) || reached.contains_key(&next) {
                        continue;
                    }
                    reached.insert(next, Some((triple, label.0)));
                    if next == (p, q, q) {
                        return Ok(Some(trace(&reached, next)));
                    }
                    queue.push_back(next);
                }
            }
        }
        Ok(None)
    }

    /// The degree of the work if it is more than linear, and the pumps of a chain of that degree.
    fn longest_chain(&self, components: &Components, budget: &mut usize) -> Result<Option<(u32, Pumps)>, Exceeded> {
        let reach = components.reachable(self)?;
        // Components are numbered so that edges lead to lower numbers.
        let mut best: HashMap<u32, (u32, Pumps)> = HashMap::new();
        let mut cyclic: Vec<u32> = components.cyclic().map(|(component, _)| component).collect();
        cyclic.sort_unstable_by(|a, b| b.cmp(a));
        for (i, &b) in cyclic.iter().enumerate() {
            let mut longest = (1, Vec::new());
            for &a in cyclic[..i].iter().filter(|&&a| reach[a as usize].contains(&b)) {
                let Some((degree, chain)) = best.get(&a) else { continue };
                if *degree < longest.0 {
                    continue;
                }
                match self.link_between(components, (a, b), &reach, budget)? {
                    Some(pumps) => longest = (*degree + 1, chain.iter().cloned().chain(pumps).collect()),
                    None if *degree > longest.0 => longest = (*degree, chain.clone()),
                    None => {}
                }
            }
            best.insert(b, longest);
        }
        Ok(best.into_values().max_by_key(|(degree, _)| *degree).filter(|(degree, _)| *degree > 1))
    }

    fn link_between(
        &self,
        components: &Components,
        (a, b): (u32, u32),
        reach: &[HashSet<u32>],
        budget: &mut usize,
    ) -> Result<Option<Pumps>, Exceeded> {
        let useful: HashSet<u32> = reach[a as usize].iter().copied().filter(|c| reach[*c as usize].contains(&b)).collect();
        for &p in &components.members[a as usize] {
            for &q in &components.members[b as usize] {
                if self.nodes[p as usize].1 != self.nodes[q as usize].1 {
                    continue;
                }
                if let Some(word) = self.link(components, (p, q), &useful, budget)? {
                    return Ok(Some(vec![(p, word.clone()), (q, word)]));
                }
            }
        }
        Ok(None)
    }
}

/// The word that leads to `end` in a breadth-first search.
fn trace<N: Copy + Eq + std::hash::Hash>(reached: &Reached<N>, end: N) -> Vec<Atom> {
    let (mut word, mut at) = (Vec::new(), end);
    while let Some(Some((before, atom))) = reached.get(&at) {
        word.push(*atom);
        at = *before;
    }
    word.reverse();
    word
}

/// The strongly connected components of a graph. Edges between components lead to lower numbers.
struct Components {
    of: Vec<u32>,
    members: Vec<Vec<u32>>,
    is_cyclic: Vec<bool>,
}

impl Components {
    /// Tarjan's algorithm, without recursion.
    fn new(graph: &Graph) -> Self {
        const NEW: u32 = u32::MAX;
        let count = graph.nodes.len();
        let mut components = Components { of: vec![NEW; count], members: Vec::new(), is_cyclic: Vec::new() };
        let (mut order, mut low) = (vec![NEW; count], vec![NEW; count]);
        let (mut stack, mut next) = (Vec::new(), 0);
        for root in 0..count as u32 {
            if order[root as usize] != NEW {
                continue;
            }
            let mut calls = vec![(root, 0usize)];
            while let Some((node, edge)) = calls.pop() {
                let at = node as usize;
                if edge == 0 {
                    (order[at], low[at]) = (next, next);
                    next += 1;
                    stack.push(node);
                }
                if let Some(&(_, to)) = graph.edges[at].get(edge) {
                    calls.push((node, edge + 1));
                    if order[to as usize] == NEW {
                        calls.push((to, 0));
                    } else if components.of[to as usize] == NEW {
                        low[at] = low[at].min(order[to as usize]);
                    }
                    continue;
                }
                if low[at] == order[at] {
                    components.close(graph, node, &mut stack);
                }
                if let Some(&(caller, _)) = calls.last() {
                    low[caller as usize] = low[caller as usize].min(low[at]);
                }
            }
        }
        components
    }

    fn close(&mut self, graph: &Graph, root: u32, stack: &mut Vec<u32>) {
        let id = self.members.len() as u32;
        let mut members = Vec::new();
        while let Some(node) = stack.pop() {
            self.of[node as usize] = id;
            members.push(node);
            if node == root {
                break;
            }
        }
        let cyclic = members.len() > 1 || graph.edges[root as usize].iter().any(|&(_, to)| to == root);
        self.members.push(members);
        self.is_cyclic.push(cyclic);
    }

    fn cyclic(&self) -> impl Iterator<Item = (u32, &Vec<u32>)> {
        self.members.iter().enumerate().filter(|(i, _)| self.is_cyclic[*i]).map(|(i, members)| (i as u32, members))
    }

    /// For each component, those it reaches, itself included.
    fn reachable(&self, graph: &Graph) -> Result<Vec<HashSet<u32>>, Exceeded> {
        const ENTRIES_MAX: usize = 4_000_000;
        let mut reach: Vec<HashSet<u32>> = Vec::with_capacity(self.members.len());
        let mut entries = 0;
        for (i, members) in self.members.iter().enumerate() {
            let mut set = HashSet::from([i as u32]);
            for &node in members {
                for &(_, to) in &graph.edges[node as usize] {
                    let to = self.of[to as usize];
                    if to != i as u32 && !set.contains(&to) {
                        set.extend(&reach[to as usize]);
                    }
                }
            }
            entries += set.len();
            if entries > ENTRIES_MAX {
                return Err(Exceeded);
            }
            reach.push(set);
        }
        Ok(reach)
    }
}
