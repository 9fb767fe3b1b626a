//! Regular expressions where they are applied.

use super::facts::Types;
use super::flow::Analyzer;
use super::observe::RegexUse;
use super::regex::{self, Backtracking};
use super::state::{Field, State};
use super::symbol::{Sym, Value};
use crate::finding::Level;
use crate::source::TextRange;

impl Analyzer<'_> {
    /// A method of text that compiles a string it is given, as `match` and `search` do.
    pub fn observe_text_pattern(&mut self, state: &State, pattern: Option<Sym>, text: Sym, range: TextRange) {
        let Some(pattern) = pattern else { return };
        if !self.reporting || self.sweeping || self.entry.is_none() {
            return;
        }
        for leaf in self.model.symbols.leaves(pattern) {
            if let Some(source) = self.model.symbols.as_str(leaf) {
                self.observe_pattern(state, leaf, &source, "", text, range);
            } else if self.model.facts(state, leaf).types.may(Types::STRING) {
                self.observe_source(state, leaf, text, range, range);
            }
        }
    }

    /// A regular expression is applied to a text.
    pub fn observe_regex(&mut self, state: &State, regex: Option<Sym>, text: Sym, range: TextRange) {
        let Some(regex) = regex else { return };
        if !self.reporting || self.sweeping || self.entry.is_none() {
            return;
        }
        for leaf in self.model.symbols.leaves(regex) {
            match self.model.symbols.value(leaf).clone() {
                Value::Regex { pattern, flags } => self.observe_pattern(state, leaf, &pattern, &flags, text, range),
                Value::Alloc { .. } => self.observe_built_regex(state, leaf, text, range),
                _ => {}
            }
        }
    }

    fn observe_pattern(&mut self, state: &State, regex: Sym, pattern: &str, flags: &str, text: Sym, range: TextRange) {
        let Some(source) = self.influence(state, text) else { return };
        let place = self.produced.get(&regex).copied().unwrap_or(range);
        let facts = self.model.facts(state, text);
        if facts.listed {
            return;
        }
        let limited = facts.types.only(Types::STRING) && facts.length.is_bounded();
        let (level, message) = match regex::backtracking(pattern, flags) {
            Backtracking::Exponential { attack } => {
                (Level::Error, format!("the expression backtracks exponentially, for instance on {attack}"))
            }
            Backtracking::Polynomial { degree, attack } if degree >= 3 => {
                (Level::Error, format!("the expression backtracks with the power {degree} of the length, for instance on {attack}"))
            }
            Backtracking::Polynomial { attack, .. } if !limited => {
                (Level::Warning, format!("the expression backtracks with the square of the length, for instance on {attack}"))
            }
            _ => return,
        };
        let steps = vec![(range, format!("applied to `{}` here", source.path))];
        self.seen.regexes.insert(RegexUse { range: place, level, message, steps });
    }

    fn observe_built_regex(&mut self, state: &State, regex: Sym, text: Sym, range: TextRange) {
        let Some(&place) = self.built_regexes.get(&regex) else { return };
        let Some(Field::Value(source)) = state.object(regex).and_then(|o| o.fields.get("[[source]]").copied()) else { return };
        self.observe_source(state, source, text, place, range);
    }

    /// An expression is compiled from a text.
    fn observe_source(&mut self, state: &State, source: Sym, text: Sym, place: TextRange, range: TextRange) {
        let facts = self.model.facts(state, source);
        if facts.listed || self.is_escaped(state, source, 0) {
            return;
        }
        let Some(origin) = self.influence(state, source) else { return };
        let level =
            if self.model.symbols.is_constant(text) || self.influence(state, text).is_none() { Level::Warning } else { Level::Error };
        let message =
            format!("the expression is built from `{}` without escaping: its author can make it backtrack exponentially", origin.path);
        let steps = vec![(range, "applied here".to_owned())];
        self.seen.regexes.insert(RegexUse { range: place, level, message, steps });
    }

    /// All input in a pattern's text went through an escaping replace, or is listed.
    fn is_escaped(&mut self, state: &State, source: Sym, depth: u32) -> bool {
        if depth > 8 {
            return false;
        }
        let facts = self.model.facts(state, source);
        if facts.listed || facts.types.only(Types::NUMERIC | Types::BOOLEAN) || self.influence(state, source).is_none() {
            return true;
        }
        match self.model.symbols.value(source).clone() {
            Value::Call(path, args) if path.starts_with("String.prototype.replace") => {
                let Some(Value::Regex { pattern, flags }) = args.get(1).map(|&r| self.model.symbols.value(r)) else { return false };
                if !flags.contains('g') {
                    return false;
                }
                let with = args.get(2).and_then(|&w| self.model.symbols.as_str(w)).unwrap_or_else(|| "".into());
                regex::is_escape_idiom(pattern, &with) || removes_special(pattern, &with)
            }
            Value::Call(path, args) if path.starts_with("String.prototype.") => {
                args.first().is_some_and(|&a| self.is_escaped(state, a, depth + 1))
            }
            Value::Template(_, parts) => parts.into_iter().all(|p| self.is_escaped(state, p, depth + 1)),
            Value::Instance(of, _) => self.is_escaped(state, of, depth + 1),
            Value::Phi(_) => {
                let leaves = self.model.symbols.leaves(source);
                leaves.into_iter().filter(|&l| l != source).all(|l| self.is_escaped(state, l, depth + 1))
            }
            Value::Opaque(_) => {
                let parts: Vec<Sym> = self.model.symbols.operands(source).collect();
                !parts.is_empty() && parts.into_iter().all(|p| self.is_escaped_collection(state, p, depth + 1))
            }
            _ => self.passed_plain_test(state, source),
        }
    }

    fn is_escaped_collection(&mut self, state: &State, of: Sym, depth: u32) -> bool {
        match state.object(of).cloned() {
            Some(object) => object.rest.is_none_or(|r| self.is_escaped(state, r, depth)) && object.spreads.is_empty(),
            None => self.is_escaped(state, of, depth),
        }
    }

    /// Text that only has letters, digits and the like cannot be an expression of its own.
    fn passed_plain_test(&mut self, state: &State, source: Sym) -> bool {
        let tests: Vec<Sym> = state
            .facts
            .iter()
            .filter(|(_, f)| f.types.only(Types::TRUE))
            .map(|(s, _)| *s)
            .filter(|&s| matches!(self.model.symbols.value(s), Value::Call(path, args) if &**path == "RegExp.prototype.test" && args.get(1) == Some(&source)))
            .collect();
        tests.into_iter().any(|test| match self.model.symbols.value(test) {
            Value::Call(_, args) => match self.model.symbols.value(args[0]) {
                Value::Regex { pattern, .. } => is_plain_class(pattern),
                _ => false,
            },
            _ => false,
        })
    }
}

/// `^[class]+$` of characters that mean themselves.
fn is_plain_class(pattern: &str) -> bool {
    let Some(inner) = pattern.strip_prefix('^').and_then(|p| p.strip_suffix('$')) else { return false };
    let mut chars = inner.chars();
    let plain = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '_' | '-' | ' ' | '\\' | '[' | ']' | '{' | '}' | '+' | '*' | ',' | '@' | '%' | '&' | '#' | ':' | '\'' | '/')
    };
    chars.all(plain) && !inner.contains("\\S") && !inner.contains("\\W") && !inner.contains("\\D")
}

/// `replace(/[^a-z0-9]/gi, "")`: only harmless characters are left.
fn removes_special(pattern: &str, with: &str) -> bool {
    pattern.starts_with("[^")
        && !with.contains(['(', '[', '*', '+', '.', '?', '{', '|', '\\', '^', '$'])
        && is_plain_class(&format!("^{}$", pattern.replacen('^', "", 1)))
}
