//! What follows from the shape of a pattern alone: lengths, anchors, and the idioms of escaping and
//! masking.

use super::Length;
use super::charset::{CharSet, LAST};
use super::syntax::{Assertion, Flags, Node, parse};

/// Whether `node` may match the empty string.
pub(super) fn nullable(node: &Node) -> bool {
    match node {
        Node::Empty | Node::Assert(_) | Node::Look { .. } | Node::Backreference(_) => true,
        Node::Set(_) => false,
        Node::Concat(nodes) => nodes.iter().all(nullable),
        Node::Alternate(nodes) => nodes.iter().any(nullable),
        Node::Repeat { node, min, .. } => *min == 0 || nullable(node),
        Node::Capture(_, node) => nullable(node),
    }
}

/// Bounds of the length of what `root` matches, in UTF-16 code units; the length of the whole
/// text where the pattern is anchored.
pub(super) fn text_length(root: &Node, flags: Flags) -> Length {
    let shape = Lengths { root, flags };
    let matched = shape.of(root, 0);
    let whole = is_anchored(root, Edge::Start) && is_anchored(root, Edge::End);
    let mut length = Length { lo: matched.lo, hi: if whole { matched.hi } else { f64::INFINITY } };
    if let Some(ahead) = shape.looked_ahead(root) {
        length = Length { lo: length.lo.max(ahead.lo), hi: length.hi.min(ahead.hi) };
    }
    length
}

struct Lengths<'a> {
    root: &'a Node,
    flags: Flags,
}

impl Lengths<'_> {
    fn of(&self, node: &Node, depth: u32) -> Length {
        match node {
            Node::Empty | Node::Assert(_) | Node::Look { .. } => Length { lo: 0.0, hi: 0.0 },
            Node::Set(set) => self.of_set(set),
            Node::Concat(nodes) => nodes
                .iter()
                .map(|node| self.of(node, depth))
                .fold(Length { lo: 0.0, hi: 0.0 }, |a, b| Length { lo: a.lo + b.lo, hi: a.hi + b.hi }),
            Node::Alternate(nodes) => {
                let all = nodes.iter().map(|node| self.of(node, depth));
                all.fold(Length { lo: f64::INFINITY, hi: 0.0 }, |a, b| Length { lo: a.lo.min(b.lo), hi: a.hi.max(b.hi) })
            }
            Node::Repeat { node, min, max, .. } => {
                let one = self.of(node, depth);
                let rounds = max.map_or(f64::INFINITY, f64::from);
                Length { lo: one.lo * f64::from(*min), hi: if one.hi == 0.0 { 0.0 } else { one.hi * rounds } }
            }
            Node::Capture(_, node) => self.of(node, depth),
            Node::Backreference(_) if self.flags.ignore_case || depth > 2 => Length { lo: 0.0, hi: f64::INFINITY },
            Node::Backreference(groups) => {
                let groups = groups.iter().filter_map(|&group| find_group(self.root, group));
                Length { lo: 0.0, hi: groups.map(|node| self.of(node, depth + 1).hi).fold(0.0, f64::max) }
            }
        }
    }

    fn of_set(&self, set: &CharSet) -> Length {
        let astral = CharSet::new([(0x10000, LAST)]);
        if !self.flags.unicode || set.intersection(&astral).is_empty() {
            return Length { lo: 1.0, hi: 1.0 };
        }
        Length { lo: if astral.includes(set) { 2.0 } else { 1.0 }, hi: 2.0 }
    }

    /// What `^(?=.{8,20}$)` says of the whole text.
    fn looked_ahead(&self, root: &Node) -> Option<Length> {
        let Node::Concat(nodes) = ungrouped(root) else { return None };
        let (first, rest) = nodes.split_first()?;
        if ungrouped(first) != &Node::Assert(Assertion::Start) {
            return None;
        }
        let mut length: Option<Length> = None;
        for node in rest {
            let Node::Look { behind: false, negative, node } = ungrouped(node) else { break };
            if *negative {
                continue;
            }
            let inner = self.of(node, 0);
            let hi = if is_anchored(node, Edge::End) { inner.hi } else { f64::INFINITY };
            let before = length.unwrap_or(Length { lo: 0.0, hi: f64::INFINITY });
            length = Some(Length { lo: before.lo.max(inner.lo), hi: before.hi.min(hi) });
        }
        length
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

fn ungrouped(node: &Node) -> &Node {
    match node {
        Node::Capture(_, inner) => ungrouped(inner),
        _ => node,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Start,
    End,
}

/// Whether every match of `node` lies at that edge of the text.
fn is_anchored(node: &Node, edge: Edge) -> bool {
    match node {
        Node::Assert(Assertion::Start) => edge == Edge::Start,
        Node::Assert(Assertion::End) => edge == Edge::End,
        Node::Assert(_) | Node::Empty | Node::Set(_) | Node::Backreference(_) => false,
        Node::Concat(nodes) => {
            let mut nodes: Vec<&Node> = nodes.iter().collect();
            if edge == Edge::End {
                nodes.reverse();
            }
            let reads_nothing = |node: &&&Node| matches!(ungrouped(node), Node::Assert(_) | Node::Look { .. } | Node::Empty);
            let skipped = nodes.iter().take_while(reads_nothing).count();
            nodes.iter().take(skipped + 1).any(|node| is_anchored(node, edge))
        }
        Node::Alternate(nodes) => nodes.iter().all(|node| is_anchored(node, edge)),
        Node::Repeat { node, min, .. } => *min > 0 && is_anchored(node, edge),
        Node::Capture(_, node) => is_anchored(node, edge),
        Node::Look { behind, negative, node } => {
            !negative && (*behind == (edge == Edge::End) || nullable_width(node)) && is_anchored(node, edge)
        }
    }
}

fn nullable_width(node: &Node) -> bool {
    matches!(ungrouped(node), Node::Assert(_))
}

/// The characters of which a regular expression is built, each of which an escaping function has
/// to precede with a backslash.
const SYNTAX: &str = r"\^$.*+?()[]{}|";

/// Whether `text.replace(/pattern/g, replacement)` is the idiom that escapes a text for use in a
/// regular expression: every syntax character, alone, is preceded by a backslash.
pub fn is_escape_idiom(pattern: &str, replacement: &str) -> bool {
    let Ok(read) = parse(pattern, "g") else { return false };
    let (set, group) = match &read.root {
        Node::Set(set) => (set.clone(), None),
        Node::Capture(number, node) => match &**node {
            Node::Set(set) => (set.clone(), Some(*number)),
            other => match single_set(other) {
                Some(set) => (set, Some(*number)),
                None => return false,
            },
        },
        other => match single_set(other) {
            Some(set) => (set, None),
            None => return false,
        },
    };
    // An escaped letter or digit would mean something else (`\d`, `\1`).
    let escapes = SYNTAX.chars().all(|c| set.contains(c as u32)) && set.intersection(&CharSet::words()).is_empty();
    escapes && (replacement == r"\$&" || group.is_some() && replacement == r"\$1")
}

/// A node that reads exactly one character, as a set.
fn single_set(node: &Node) -> Option<CharSet> {
    match node {
        Node::Set(set) => Some(set.clone()),
        Node::Alternate(nodes) => nodes.iter().map(single_set).try_fold(CharSet::default(), |all, set| Some(all.union(&set?))),
        Node::Capture(_, node) => single_set(node),
        _ => None,
    }
}

/// Whether replacing every match of the pattern by a constant mask leaves at most the last four
/// characters of a secret readable. A class counts as all of it from `\w` on: secrets are written
/// with letters and digits.
pub fn masks_all(pattern: &str, flags: &str) -> bool {
    let Ok(read) = parse(pattern, flags) else { return false };
    if !read.flags.global || read.flags.sticky {
        return replaces_whole(&read.root);
    }
    let (masked, ahead) = match ungrouped(&read.root) {
        Node::Concat(nodes) => match &nodes[..] {
            [masked, Node::Look { behind: false, negative: false, node }] => (masked, Some(&**node)),
            _ => return false,
        },
        node => (node, None),
    };
    let masked = match ungrouped(masked) {
        Node::Repeat { node, min: 0 | 1, max: None, .. } => &**node,
        node => node,
    };
    // With `\d` only where the lookahead too speaks of digits: of a number of digits.
    let covers = |set: &CharSet| set.includes(&CharSet::words()) || ahead.is_some() && set.includes(&CharSet::digits());
    single_set(masked).is_some_and(|set| covers(&set)) && ahead.is_none_or(leaves_four)
}

/// `^.*$` and the like, which need no flag `g`.
fn replaces_whole(root: &Node) -> bool {
    let Node::Concat(nodes) = ungrouped(root) else { return false };
    let Some((Node::Assert(Assertion::Start), rest)) = nodes.split_first() else { return false };
    let Some((Node::Assert(Assertion::End), middle)) = rest.split_last() else { return false };
    matches!(middle, [Node::Repeat { node, min: 0 | 1, max: None, .. }] if matches!(single_set(node), Some(set) if set.includes(&CharSet::words())))
}

/// `.{4}`, `\d{3}$`, `.*....`: what must follow a masked character is four characters at most.
fn leaves_four(node: &Node) -> bool {
    let nodes = match ungrouped(node) {
        Node::Concat(nodes) => &nodes[..],
        node => std::slice::from_ref(node),
    };
    let mut kept = 0;
    for node in nodes {
        kept += match ungrouped(node) {
            Node::Assert(Assertion::End | Assertion::WordBoundary) => 0,
            Node::Set(set) if set.includes(&CharSet::digits()) => 1,
            Node::Repeat { node, min, .. } if matches!(single_set(node), Some(set) if set.includes(&CharSet::digits())) => *min,
            _ => return false,
        };
    }
    kept <= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(pattern: &str, flags: &str) -> (f64, f64) {
        let read = parse(pattern, flags).unwrap();
        let length = text_length(&read.root, read.flags);
        (length.lo, length.hi)
    }

    #[test]
    fn lengths_follow_anchors() {
        let inf = f64::INFINITY;
        let cases = [
            (r"^\d{3,5}$", "", (3.0, 5.0)),
            (r"\d{3,5}", "", (3.0, inf)),
            (r"^\d{3,5}$", "m", (3.0, inf)),
            (r"^a|b$", "", (1.0, inf)),
            (r"^(?:a|bcd)$", "", (1.0, 3.0)),
            (r"^a$|^bcd$", "", (1.0, 3.0)),
            (r"^(?=.{8,20}$).*$", "", (8.0, 20.0)),
            (r"^(?=.{8,})(?=.*\d).*$", "", (8.0, inf)),
            (r"^.{2}$", "u", (2.0, 4.0)),
            (r"^(ab)\1$", "", (2.0, 4.0)),
            (r"^[a-z]{1,63}(?:\.[a-z]{1,63}){0,3}$", "", (1.0, 255.0)),
            (r"^(?:){5,}$", "", (0.0, 0.0)),
            (r"^\w+$", "", (1.0, inf)),
            (r"^(?:a?$|b)", "", (0.0, inf)),
        ];
        for (pattern, flags, expected) in cases {
            assert_eq!(length(pattern, flags), expected, "/{pattern}/{flags}");
        }
    }

    #[test]
    fn escaping_is_recognised() {
        for pattern in [r"[.*+?^${}()|[\]\\]", r"[-\/\\^$*+?.()|[\]{}]", r"([.*+?^=!:${}()|\[\]\/\\])", r"[\\^$.*+?()[\]{}|]"] {
            assert!(is_escape_idiom(pattern, r"\$&"), "{pattern}");
        }
        assert!(is_escape_idiom(r"([.*+?^=!:${}()|\[\]\/\\])", r"\$1"));
        assert!(!is_escape_idiom(r"[.*+?^${}()|[\]\\]", "$&"));
        assert!(!is_escape_idiom(r"[.*+?^${}()|[\]]", r"\$&"), "the backslash is missing");
        assert!(!is_escape_idiom(r"[.*+?]", r"\$&"));
        assert!(!is_escape_idiom(r".", r"\$&"));
    }

    #[test]
    fn masks_leave_at_most_four_characters() {
        for pattern in [
            ".",
            r"\w",
            r"\S",
            "[^]",
            r"[\s\S]",
            r".(?=.{4})",
            r"\d(?=\d{4})",
            r"\w(?=\w{4})",
            r".(?=.{4,}$)",
            r".(?=.{2})",
            r"[a-zA-Z0-9_]",
            ".+",
        ] {
            assert!(masks_all(pattern, "g"), "{pattern}");
        }
        for pattern in [r"\d", "[a-z]", r".(?=.{5})", r".(?=@)", "a", r"(?<=.).", r"\w(?!\w{4})", r".{4}", r"\d(?=\d{6})"] {
            assert!(!masks_all(pattern, "g"), "{pattern}");
        }
        assert!(!masks_all(".", "") && masks_all("^.*$", ""));
    }
}
