//! The pattern grammar of ECMAScript, annex B included, as a tree.
//!
//! Without the flags `u` and `v` a pattern is read by UTF-16 code units, as the language does.

use super::charset::{CharSet, LAST, other_cases};

/// How deep groups may nest.
const DEPTH_MAX: u32 = 200;
/// How many characters a pattern may have.
const LENGTH_MAX: usize = 20_000;
/// What `{n}` is cut to: no string is longer.
const REPEAT_MAX: u32 = 1 << 30;

/// A pattern as a tree.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// Matches the empty string.
    Empty,
    /// One character.
    Set(CharSet),
    /// One after the other.
    Concat(Vec<Node>),
    /// The first that leads to a match.
    Alternate(Vec<Node>),
    /// `min` to `max` times; no `max` is without end.
    Repeat { node: Box<Node>, min: u32, max: Option<u32>, greedy: bool },
    /// A group that captures under the number.
    Capture(u32, Box<Node>),
    /// An assertion about the characters around a position.
    Assert(Assertion),
    /// `(?=…)`, `(?!…)`, `(?<=…)`, `(?<!…)`
    Look { behind: bool, negative: bool, node: Box<Node> },
    /// `\1`, `\k<name>` (several groups may bear one name)
    Backreference(Vec<u32>),
}

/// An assertion about a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Assertion {
    /// `^`
    Start,
    /// `$`
    End,
    /// `^` under `m`
    LineStart,
    /// `$` under `m`
    LineEnd,
    /// `\b`
    WordBoundary,
    /// `\B`
    NotWordBoundary,
}

/// The flags that change what a pattern matches.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub ignore_case: bool,
    pub multiline: bool,
    pub dot_all: bool,
    /// `u` or `v`
    pub unicode: bool,
    /// `v`
    pub sets: bool,
    pub sticky: bool,
    pub global: bool,
}

impl Flags {
    pub fn new(flags: &str) -> Option<Self> {
        let mut known = Flags::default();
        for (at, flag) in flags.char_indices() {
            if flags[..at].contains(flag) {
                return None;
            }
            match flag {
                'i' => known.ignore_case = true,
                'm' => known.multiline = true,
                's' => known.dot_all = true,
                'u' => known.unicode = true,
                'v' => (known.unicode, known.sets) = (true, true),
                'y' => known.sticky = true,
                'g' => known.global = true,
                'd' => {}
                _ => return None,
            }
        }
        (!(known.sets && flags.contains('u'))).then_some(known)
    }
}

/// A pattern that was read.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub root: Node,
    pub flags: Flags,
    pub groups: u32,
}

/// Why a pattern was not read.
pub(super) type Refusal = &'static str;

/// The characters of `text` as patterns under `flags` see them.
pub(super) fn units(text: &str, flags: Flags) -> Vec<u32> {
    if flags.unicode { text.chars().map(u32::from).collect() } else { text.encode_utf16().map(u32::from).collect() }
}

/// Reads `pattern`.
pub(super) fn parse(pattern: &str, flags: &str) -> Result<Pattern, Refusal> {
    let flags = Flags::new(flags).ok_or("unknown flags")?;
    let text = units(pattern, flags);
    if text.len() > LENGTH_MAX {
        return Err("the pattern is too long");
    }
    let (groups, names) = group_names(&text);
    let mut parser = Parser { text, at: 0, flags, groups, names, next_group: 1, depth: 0 };
    let root = parser.disjunction()?;
    if parser.at < parser.text.len() {
        return Err("unmatched ')'");
    }
    Ok(Pattern { root, flags, groups })
}

/// The number of capturing groups, and the names some bear, without reading anything else.
fn group_names(text: &[u32]) -> (u32, Vec<(Vec<u32>, u32)>) {
    let is = |at: usize, c: char| text.get(at) == Some(&u32::from(c));
    let (mut count, mut names, mut at, mut in_class) = (0, Vec::new(), 0, 0);
    while at < text.len() {
        match char::from_u32(text[at]) {
            Some('\\') => at += 1,
            Some('[') => in_class = 1,
            Some(']') => in_class = 0,
            Some('(') if in_class == 0 => {
                let named = is(at + 1, '?') && is(at + 2, '<') && !is(at + 3, '=') && !is(at + 3, '!');
                if named {
                    count += 1;
                    let name = text[at + 3..].iter().take_while(|&&c| c != u32::from('>')).copied().collect();
                    names.push((name, count));
                } else if !is(at + 1, '?') {
                    count += 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    (count, names)
}

struct Parser {
    text: Vec<u32>,
    at: usize,
    flags: Flags,
    groups: u32,
    names: Vec<(Vec<u32>, u32)>,
    next_group: u32,
    depth: u32,
}

/// What stands at one place of a character class.
enum ClassItem {
    One(u32),
    Many(CharSet),
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        // A lone surrogate is no `char`; no syntax character is one either.
        self.text.get(self.at + ahead).map(|&c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn eat(&mut self, wanted: &str) -> bool {
        let found = wanted.chars().enumerate().all(|(ahead, c)| self.peek_at(ahead) == Some(c));
        if found {
            self.at += wanted.chars().count();
        }
        found
    }

    fn disjunction(&mut self) -> Result<Node, Refusal> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("groups nest too deep");
        }
        let mut branches = vec![self.alternative()?];
        while self.eat("|") {
            branches.push(self.alternative()?);
        }
        self.depth -= 1;
        Ok(if branches.len() == 1 { branches.remove(0) } else { Node::Alternate(branches) })
    }

    fn alternative(&mut self) -> Result<Node, Refusal> {
        let mut terms = Vec::new();
        while !matches!(self.peek(), None | Some('|' | ')')) {
            let quantifiable = self.is_quantifiable();
            let term = self.term()?;
            terms.push(self.quantified(term, quantifiable)?);
        }
        Ok(match terms.len() {
            0 => Node::Empty,
            1 => terms.remove(0),
            _ => Node::Concat(terms),
        })
    }

    /// Whether a quantifier may follow the term that begins here.
    fn is_quantifiable(&self) -> bool {
        match (self.peek(), self.peek_at(1), self.peek_at(2)) {
            (Some('^' | '$'), ..) | (Some('\\'), Some('b' | 'B'), _) => false,
            (Some('('), Some('?'), Some('=' | '!')) => !self.flags.unicode,
            (Some('('), Some('?'), Some('<')) => !matches!(self.peek_at(3), Some('=' | '!')),
            _ => true,
        }
    }

    fn term(&mut self) -> Result<Node, Refusal> {
        let c = self.peek().ok_or("the pattern ends early")?;
        match c {
            '^' | '$' => {
                self.at += 1;
                Ok(Node::Assert(match (c, self.flags.multiline) {
                    ('^', false) => Assertion::Start,
                    ('^', true) => Assertion::LineStart,
                    (_, false) => Assertion::End,
                    (_, true) => Assertion::LineEnd,
                }))
            }
            '(' => self.group(),
            '.' => {
                self.at += 1;
                Ok(Node::Set(if self.flags.dot_all { CharSet::all() } else { CharSet::newlines().complement() }))
            }
            '[' => self.class(),
            '\\' => self.atom_escape(),
            '*' | '+' | '?' => Err("nothing to repeat"),
            '{' if self.flags.unicode || self.braces().is_some() => Err("nothing to repeat"),
            '}' | ']' if self.flags.unicode => Err("lone quantifier bracket"),
            _ => {
                let c = self.text[self.at];
                self.at += 1;
                Ok(self.literal(c))
            }
        }
    }

    fn literal(&self, c: u32) -> Node {
        Node::Set(self.folded(CharSet::single(c)))
    }

    fn folded(&self, set: CharSet) -> CharSet {
        if self.flags.ignore_case { set.fold_case() } else { set }
    }

    fn quantified(&mut self, node: Node, quantifiable: bool) -> Result<Node, Refusal> {
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => match self.braces() {
                Some((min, max, length)) => {
                    self.at += length - 1;
                    (min, max)
                }
                None => return Ok(node),
            },
            _ => return Ok(node),
        };
        self.at += 1;
        if !quantifiable {
            return Err("nothing to repeat");
        }
        if max.is_some_and(|max| max < min) {
            return Err("numbers out of order in a quantifier");
        }
        let greedy = !self.eat("?");
        Ok(match (min, max) {
            (1, Some(1)) => node,
            (_, Some(0)) => Node::Empty,
            _ => Node::Repeat { node: Box::new(node), min, max, greedy },
        })
    }

    /// `{n}`, `{n,}`, `{n,m}` at this place, with its length.
    fn braces(&self) -> Option<(u32, Option<u32>, usize)> {
        let mut ahead = 1;
        let number = |ahead: &mut usize| {
            let mut value: Option<u32> = None;
            while let Some(digit) = self.peek_at(*ahead).and_then(|c| c.to_digit(10)) {
                value = Some(value.unwrap_or(0).saturating_mul(10).saturating_add(digit).min(REPEAT_MAX));
                *ahead += 1;
            }
            value
        };
        let min = number(&mut ahead)?;
        let mut max = Some(min);
        if self.peek_at(ahead) == Some(',') {
            ahead += 1;
            max = number(&mut ahead);
        }
        (self.peek_at(ahead) == Some('}')).then_some((min, max, ahead + 1))
    }

    fn group(&mut self) -> Result<Node, Refusal> {
        let look = [("(?=", false, false), ("(?!", false, true), ("(?<=", true, false), ("(?<!", true, true)];
        for (open, behind, negative) in look {
            if self.eat(open) {
                let node = Box::new(self.closed()?);
                return Ok(Node::Look { behind, negative, node });
            }
        }
        if self.eat("(?:") {
            return self.closed();
        }
        if self.eat("(?<") {
            while self.peek().ok_or("a group name has no end")? != '>' {
                self.at += 1;
            }
            self.at += 1;
        } else if self.eat("(?") {
            return self.with_modifiers();
        } else {
            self.at += 1;
        }
        let number = self.next_group;
        self.next_group += 1;
        Ok(Node::Capture(number, Box::new(self.closed()?)))
    }

    fn closed(&mut self) -> Result<Node, Refusal> {
        let node = self.disjunction()?;
        if self.eat(")") { Ok(node) } else { Err("a group has no end") }
    }

    /// `(?i-m:…)`, after `(?`.
    fn with_modifiers(&mut self) -> Result<Node, Refusal> {
        let outer = self.flags;
        let mut value = true;
        loop {
            match self.peek() {
                Some('i') => self.flags.ignore_case = value,
                Some('m') => self.flags.multiline = value,
                Some('s') => self.flags.dot_all = value,
                Some('-') if value => value = false,
                Some(':') => break,
                _ => return Err("invalid group"),
            }
            self.at += 1;
        }
        self.at += 1;
        let node = self.closed();
        self.flags = outer;
        node
    }

    fn atom_escape(&mut self) -> Result<Node, Refusal> {
        match self.peek_at(1).ok_or("\\ at the end of the pattern")? {
            'b' => {
                self.at += 2;
                Ok(Node::Assert(Assertion::WordBoundary))
            }
            'B' => {
                self.at += 2;
                Ok(Node::Assert(Assertion::NotWordBoundary))
            }
            'k' if self.flags.unicode || !self.names.is_empty() => self.named_reference(),
            '1'..='9' => {
                if let Some(reference) = self.numbered_reference() {
                    return Ok(reference);
                }
                if self.flags.unicode {
                    return Err("a reference to no group");
                }
                let c = self.legacy_escape();
                Ok(self.literal(c))
            }
            _ => Ok(match self.class_escape()? {
                ClassItem::One(c) => self.literal(c),
                ClassItem::Many(set) => Node::Set(set),
            }),
        }
    }

    fn numbered_reference(&mut self) -> Option<Node> {
        let (mut number, mut ahead) = (0u32, 1);
        while let Some(digit) = self.peek_at(ahead).and_then(|c| c.to_digit(10)) {
            number = number.saturating_mul(10).saturating_add(digit);
            ahead += 1;
        }
        (number <= self.groups).then(|| {
            self.at += ahead;
            Node::Backreference(vec![number])
        })
    }

    fn named_reference(&mut self) -> Result<Node, Refusal> {
        self.at += 2;
        if !self.eat("<") {
            return Err("a reference without a name");
        }
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|&c| c == u32::from('>')).ok_or("a reference without a name")?;
        let groups: Vec<u32> = self.names.iter().filter(|(name, _)| name == &rest[..length]).map(|&(_, number)| number).collect();
        self.at += length + 1;
        if groups.is_empty() { Err("a reference to no group") } else { Ok(Node::Backreference(groups)) }
    }

    /// `\1` where there is no such group: up to three octal digits, or the character itself.
    fn legacy_escape(&mut self) -> u32 {
        self.at += 1;
        let (mut value, mut digits) = (0, 0);
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) {
            if digits == 3 || value * 8 + digit > 0o377 {
                break;
            }
            (value, digits) = (value * 8 + digit, digits + 1);
            self.at += 1;
        }
        if digits == 0 {
            value = self.text[self.at];
            self.at += 1;
        }
        value
    }

    /// An escape that may stand inside a class too.
    fn class_escape(&mut self) -> Result<ClassItem, Refusal> {
        let c = self.peek_at(1).ok_or("\\ at the end of the pattern")?;
        let many = match c {
            'd' => CharSet::digits(),
            'D' => CharSet::digits().complement(),
            'w' => CharSet::words(),
            'W' => CharSet::words().complement(),
            's' => CharSet::spaces(),
            'S' => CharSet::spaces().complement(),
            'p' | 'P' if self.flags.unicode => return self.property(c == 'P').map(ClassItem::Many),
            _ => return self.character_escape(c).map(ClassItem::One),
        };
        self.at += 2;
        Ok(ClassItem::Many(many))
    }

    fn character_escape(&mut self, c: char) -> Result<u32, Refusal> {
        let control = match c {
            't' => 0x09,
            'n' => 0x0A,
            'v' => 0x0B,
            'f' => 0x0C,
            'r' => 0x0D,
            'c' => return self.control_letter(),
            'x' => return self.hex_escape(2),
            'u' => return self.unicode_escape(),
            '0' if self.flags.unicode || !self.peek_at(2).is_some_and(|c| c.is_ascii_digit()) => 0,
            '0'..='9' if !self.flags.unicode => return Ok(self.legacy_escape()),
            _ if self.flags.unicode && !r"^$\.*+?()[]{}|/".contains(c) => return Err("invalid escape"),
            _ => self.text[self.at + 1],
        };
        self.at += 2;
        Ok(control)
    }

    fn control_letter(&mut self) -> Result<u32, Refusal> {
        match self.peek_at(2) {
            Some(letter) if letter.is_ascii_alphabetic() => {
                self.at += 3;
                Ok(letter as u32 % 32)
            }
            _ if self.flags.unicode => Err("invalid escape"),
            _ => {
                // Annex B: the backslash stands for itself.
                self.at += 1;
                Ok('\\' as u32)
            }
        }
    }

    fn hex_escape(&mut self, digits: usize) -> Result<u32, Refusal> {
        let letter = self.text[self.at + 1];
        let value = (0..digits).try_fold(0, |value, i| Some(value * 16 + self.peek_at(2 + i)?.to_digit(16)?));
        match value {
            Some(value) => {
                self.at += 2 + digits;
                Ok(value)
            }
            None if self.flags.unicode => Err("invalid escape"),
            None => {
                self.at += 2;
                Ok(letter)
            }
        }
    }

    fn unicode_escape(&mut self) -> Result<u32, Refusal> {
        if !self.flags.unicode || self.peek_at(2) != Some('{') {
            let lead = self.hex_escape(4)?;
            let low_follows =
                self.flags.unicode && (0xD800..0xDC00).contains(&lead) && self.peek() == Some('\\') && self.peek_at(1) == Some('u');
            if low_follows {
                let here = self.at;
                match self.hex_escape(4) {
                    Ok(trail) if (0xDC00..0xE000).contains(&trail) => return Ok(0x10000 + ((lead - 0xD800) << 10) + (trail - 0xDC00)),
                    _ => self.at = here,
                }
            }
            return Ok(lead);
        }
        self.at += 3;
        let mut value = 0u32;
        loop {
            let c = self.peek().ok_or("invalid escape")?;
            self.at += 1;
            match c.to_digit(16) {
                Some(digit) => value = value.saturating_mul(16).saturating_add(digit),
                None if c == '}' && value <= LAST => return Ok(value),
                None => return Err("invalid escape"),
            }
        }
    }

    /// `\p{…}`: the names are those of Unicode, so the tables of the `regex` crate serve.
    fn property(&mut self, negative: bool) -> Result<CharSet, Refusal> {
        self.at += 2;
        if !self.eat("{") {
            return Err("invalid property name");
        }
        let mut name = String::new();
        loop {
            let c = self.peek().ok_or("invalid property name")?;
            self.at += 1;
            match c {
                '}' => break,
                _ if c.is_ascii_alphanumeric() || matches!(c, '_' | '=') => name.push(c),
                _ => return Err("invalid property name"),
            }
        }
        let set = match name.as_str() {
            "Any" => CharSet::all(),
            "ASCII" => CharSet::new([(0, 0x7F)]),
            _ => unicode_property(&name).ok_or("a Unicode property that is not known here")?,
        };
        let set = self.folded(set);
        Ok(if negative { set.complement() } else { set })
    }

    fn class(&mut self) -> Result<Node, Refusal> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("groups nest too deep");
        }
        self.at += 1;
        let negative = self.eat("^");
        let (set, strings) = if self.flags.sets { self.set_expression()? } else { (self.class_ranges()?, Vec::new()) };
        self.depth -= 1;
        let set = self.folded(set);
        if negative {
            return if strings.is_empty() { Ok(Node::Set(set.complement())) } else { Err("a negated class of strings") };
        }
        if strings.is_empty() {
            return Ok(Node::Set(set));
        }
        // Longer strings come first.
        let mut strings = strings;
        strings.sort_by_key(|s| std::cmp::Reverse(s.len()));
        let mut branches: Vec<Node> = strings.iter().map(|s| Node::Concat(s.iter().map(|&c| self.literal(c)).collect())).collect();
        let after = strings.iter().position(|s| s.is_empty()).unwrap_or(branches.len());
        branches.insert(after, Node::Set(set));
        Ok(Node::Alternate(branches))
    }

    /// The ranges of a class up to its `]`, without the flag `v`.
    fn class_ranges(&mut self) -> Result<CharSet, Refusal> {
        let mut ranges = Vec::new();
        loop {
            if self.eat("]") {
                return Ok(CharSet::new(ranges));
            }
            let first = self.class_atom()?;
            let spans = self.peek() == Some('-') && !matches!(self.peek_at(1), None | Some(']'));
            if !spans {
                push(&mut ranges, &first);
                continue;
            }
            self.at += 1;
            let last = self.class_atom()?;
            match (&first, &last) {
                (&ClassItem::One(lo), &ClassItem::One(hi)) if lo <= hi => ranges.push((lo, hi)),
                (ClassItem::One(_), ClassItem::One(_)) => return Err("range out of order in a class"),
                _ if self.flags.unicode => return Err("invalid range in a class"),
                _ => {
                    push(&mut ranges, &first);
                    push(&mut ranges, &last);
                    ranges.push((0x2D, 0x2D));
                }
            }
        }
    }

    fn class_atom(&mut self) -> Result<ClassItem, Refusal> {
        let c = *self.text.get(self.at).ok_or("a class has no end")?;
        if self.peek() != Some('\\') {
            self.at += 1;
            return Ok(ClassItem::One(c));
        }
        match self.peek_at(1) {
            Some('b') => {
                self.at += 2;
                Ok(ClassItem::One(0x08))
            }
            Some('-') if self.flags.unicode => {
                self.at += 2;
                Ok(ClassItem::One(0x2D))
            }
            _ => self.class_escape(),
        }
    }

    /// The operands of a class up to its `]`, under the flag `v`: a union, or one kind of operator.
    fn set_expression(&mut self) -> Result<(CharSet, Vec<Vec<u32>>), Refusal> {
        let (mut set, mut strings) = (CharSet::default(), Vec::new());
        let mut first = true;
        loop {
            if self.eat("]") {
                return Ok((set, strings));
            }
            if !first && (self.eat("--") || self.eat("&&")) {
                let minus = self.text[self.at - 1] == u32::from('-');
                let (other, other_strings) = self.set_operand()?;
                set = if minus { set.difference(&other) } else { set.intersection(&other) };
                strings.retain(|s| other_strings.contains(s) != minus);
                continue;
            }
            let (other, other_strings) = self.set_operand()?;
            set = set.union(&other);
            strings.extend(other_strings);
            first = false;
        }
    }

    fn set_operand(&mut self) -> Result<(CharSet, Vec<Vec<u32>>), Refusal> {
        if self.peek() == Some('[') {
            return match self.class()? {
                Node::Set(set) => Ok((set, Vec::new())),
                _ => Err("nested classes of strings"),
            };
        }
        if self.eat("\\q{") {
            return self.quoted_strings();
        }
        let item = match self.peek() {
            Some('(' | ')' | '{' | '}' | '/' | '|') => return Err("invalid character in a class"),
            Some('\\') if self.peek_at(1).is_some_and(|c| c.is_ascii_punctuation()) => {
                self.at += 2;
                ClassItem::One(self.text[self.at - 1])
            }
            _ => self.class_atom()?,
        };
        let ClassItem::One(lo) = item else {
            let ClassItem::Many(set) = item else { return Err("invalid class") };
            return Ok((set, Vec::new()));
        };
        if self.peek() == Some('-') && self.peek_at(1) != Some('-') {
            self.at += 1;
            return match self.class_atom()? {
                ClassItem::One(hi) if lo <= hi => Ok((CharSet::new([(lo, hi)]), Vec::new())),
                _ => Err("range out of order in a class"),
            };
        }
        Ok((CharSet::single(lo), Vec::new()))
    }

    /// `\q{…|…}`, after its brace.
    fn quoted_strings(&mut self) -> Result<(CharSet, Vec<Vec<u32>>), Refusal> {
        let (mut set, mut strings, mut current) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            match self.peek().ok_or("a class has no end")? {
                c @ ('|' | '}') => {
                    self.at += 1;
                    match current[..] {
                        [one] => set.push((one, one)),
                        _ => strings.push(std::mem::take(&mut current)),
                    }
                    current.clear();
                    if c == '}' {
                        return Ok((CharSet::new(set), strings));
                    }
                }
                _ => match self.class_atom()? {
                    ClassItem::One(c) => current.push(c),
                    ClassItem::Many(_) => return Err("invalid escape"),
                },
            }
        }
    }
}

fn push(ranges: &mut Vec<(u32, u32)>, item: &ClassItem) {
    match item {
        ClassItem::One(c) => ranges.push((*c, *c)),
        ClassItem::Many(set) => ranges.extend(set.ranges()),
    }
}

fn unicode_property(name: &str) -> Option<CharSet> {
    let hir = regex_syntax::parse(&format!(r"\p{{{name}}}")).ok()?;
    match hir.kind() {
        regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => {
            Some(CharSet::new(class.ranges().iter().map(|r| (u32::from(r.start()), u32::from(r.end())))))
        }
        _ => None,
    }
}

/// Whether two characters are the same, or the same but for their case.
pub(super) fn same(a: u32, b: u32, ignore_case: bool) -> bool {
    a == b || ignore_case && other_cases(a).any(|c| c == b || other_cases(b).any(|d| c == d))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(pattern: &str, flags: &str) -> bool {
        parse(pattern, flags).is_err()
    }

    #[test]
    fn annex_b_is_lenient_and_unicode_is_not() {
        for pattern in
            ["a{", "a{,3}", "]", "}", r"\c", r"\1", r"\8", r"[\w-a]", r"(?=a)*", r"\k", r"\u{61}", r"\p{L}", r"\-", r"x{1", "(?:^)*"]
        {
            assert!(!refused(pattern, ""), "{pattern}");
        }
        for pattern in ["a{", "]", "}", r"\c", r"\1", r"\8", r"[\w-a]", r"(?=a)*", r"\k", r"\-", r"\p{Nonesuch}"] {
            assert!(refused(pattern, "u"), "{pattern}");
        }
    }

    #[test]
    fn errors_are_errors() {
        for pattern in ["(", ")", "[", "*", "a**", "a{2,1}", "(?", "(?x)", r"\", "[b-a]", "^*", "(?<=a)*", "(?<n"] {
            assert!(refused(pattern, ""), "{pattern}");
        }
        assert!(refused("a", "gg") && refused("a", "uv") && refused("a", "x"));
        assert!(refused(&"(".repeat(100_000), ""));
    }

    #[test]
    fn classes_and_escapes() {
        let set = |pattern: &str, flags: &str| match parse(pattern, flags).unwrap().root {
            Node::Set(set) => set,
            other => panic!("{other:?}"),
        };
        assert_eq!(set(r"[a-c\d]", "").ranges(), &[(0x30, 0x39), (0x61, 0x63)]);
        assert_eq!(set(r"\u0061", ""), CharSet::single(0x61));
        assert_eq!(set(r"\u{1F600}", "u"), CharSet::single(0x1F600));
        assert_eq!(set(r"\ud83d\ude00", "u"), CharSet::single(0x1F600));
        assert_eq!(set(r"[\w--\d]", "v"), CharSet::words().difference(&CharSet::digits()));
        assert_eq!(set(r"[[a-z]&&[x-z]]", "v").ranges(), &[(0x78, 0x7A)]);
        assert_eq!(set(r"a", "i").ranges(), &[(0x41, 0x41), (0x61, 0x61)]);
        assert!(set(r"\p{Lu}", "u").contains('É' as u32));
        assert!(set(r"[]", "").is_empty() && !set(r"[^]", "").is_empty());
    }

    #[test]
    fn groups_are_numbered_and_named() {
        let root = |pattern: &str| parse(pattern, "").unwrap().root;
        assert!(matches!(&root(r"(?<q>a)\k<q>"), Node::Concat(v) if v[1] == Node::Backreference(vec![1])));
        assert!(matches!(&root(r"(a)(b)\2"), Node::Concat(v) if v[2] == Node::Backreference(vec![2])));
        assert_eq!(parse(r"[(](?:x)(y)", "").unwrap().groups, 1);
    }
}
