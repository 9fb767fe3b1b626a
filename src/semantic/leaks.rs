//! Where sensitive values go: the result of `execute`, the log, messages of errors.

use std::collections::BTreeSet;

use super::builtins;
use super::eval::SECRET_KEY;
use super::facts::Types;
use super::flow::{Analyzer, Args};
use super::ir::{FuncId, OpKind, PropertyInit, Reg};
use super::limits;
use super::model::Segment;
use super::observe::{Leak, Sink, Step};
use super::state::{Field, State};
use super::symbol::{AllocKind, PropKey, Sym, Value, for_each_part};
use crate::source::TextRange;

/// A value on its way out, judged when everything that the function reads is known.
#[derive(Clone, Debug)]
pub struct Outgoing {
    state: State,
    value: Sym,
    range: TextRange,
    sink: Sink,
    members: Vec<(Sym, TextRange)>,
    written: Written,
}

/// What JSON writes of a value beside its plain properties.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// Results of getters and of `toJSON`.
    pub computed: Vec<Sym>,
    /// Objects that `toJSON` stands for.
    pub replaced: BTreeSet<Sym>,
}

/// Something sensitive found in a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Secret {
    what: String,
    whole: bool,
    at: Option<TextRange>,
}

impl Analyzer<'_> {
    /// A value is returned. Only what `execute` itself returns leaves.
    pub fn observe_return(&mut self, state: &State, value: Sym, range: TextRange, func: FuncId, reg: Reg) {
        let outermost = self.frames.len() == 1 && self.entry == Some(func);
        if self.reporting && !self.sweeping && outermost {
            let members = self.literal_members(reg);
            let mut state = state.clone();
            let written = self.written(&mut state, reg, value, range);
            self.outgoing.push(Outgoing { state, value, range, sink: Sink::Return, members, written });
        }
    }

    /// Members of an object literal that is the returned expression itself.
    fn literal_members(&self, reg: Reg) -> Vec<(Sym, TextRange)> {
        let OpKind::Object(properties) = &self.op(reg).kind else { return Vec::new() };
        properties
            .iter()
            .filter_map(|p| match p {
                PropertyInit::Value(_, value, range) => self.register_value(*value).map(|v| (v, *range)),
                PropertyInit::Spread(value, range) => self.register_value(*value).map(|v| (v, *range)),
                _ => None,
            })
            .collect()
    }

    fn register_value(&self, reg: Reg) -> Option<Sym> {
        self.registers.get(reg.index()).copied().flatten()
    }

    /// A value is thrown and nothing in the function catches it.
    pub fn observe_throw(&mut self, state: &State, value: Sym, range: TextRange) {
        self.observe_sink(state, value, range, Sink::Throw);
    }

    /// A value reaches the log or an error's message.
    pub fn observe_sink(&mut self, state: &State, value: Sym, range: TextRange, sink: Sink) {
        if self.reporting && !self.sweeping && self.entry.is_some() {
            let (members, written) = (Vec::new(), Written::default());
            self.outgoing.push(Outgoing { state: state.clone(), value, range, sink, members, written });
        }
    }

    /// Runs the getters and `toJSON` methods that JSON would run.
    pub fn written(&mut self, state: &mut State, reg: Reg, value: Sym, range: TextRange) -> Written {
        let (mut written, mut open, mut seen) = (Written::default(), vec![value], BTreeSet::new());
        while let Some(next) = open.pop() {
            for leaf in self.model.symbols.leaves(next) {
                if !matches!(self.model.symbols.value(leaf), Value::Alloc { .. }) || !seen.insert(leaf) || seen.len() > 64 {
                    continue;
                }
                let Some(object) = state.object(leaf).cloned() else { continue };
                let to_json = self.get(state, reg, leaf, &PropKey::Name("toJSON".into()));
                let nth = 240 + (seen.len() % 12) as u8;
                if matches!(self.model.symbols.value(to_json), Value::Closure(..)) {
                    let result = self.call(state, reg, nth, to_json, leaf, Args::default(), range);
                    written.replaced.insert(leaf);
                    written.computed.extend(result.value);
                    open.extend(result.value);
                    continue;
                }
                for field in object.fields.values() {
                    match field {
                        Field::Getter(getter) => {
                            let result = self.call(state, reg, nth, *getter, leaf, Args::default(), range);
                            written.computed.extend(result.value);
                            open.extend(result.value);
                        }
                        Field::Value(part) => open.push(*part),
                        Field::Absent => {}
                    }
                }
                open.extend(object.rest);
            }
        }
        written
    }

    /// Judges everything that went out.
    pub fn settle_leaks(&mut self) {
        let sensitive_paths = self.sensitive_paths();
        for out in std::mem::take(&mut self.outgoing) {
            let mut remaining = BTreeSet::new();
            let seen = &out.written.replaced;
            for part in std::iter::once(out.value).chain(out.written.computed.iter().copied()) {
                self.contents(&out.state, part, &sensitive_paths, &mut remaining, &mut seen.clone(), 0);
            }
            for (member, range) in &out.members {
                let mut inside = BTreeSet::new();
                self.contents(&out.state, *member, &sensitive_paths, &mut inside, &mut seen.clone(), 0);
                for secret in inside {
                    if remaining.remove(&secret) {
                        self.report_leak(&secret, *range, out.sink);
                    }
                }
            }
            for secret in remaining {
                self.report_leak(&secret, out.range, out.sink);
            }
        }
    }

    fn report_leak(&mut self, secret: &Secret, range: TextRange, sink: Sink) {
        let steps: Vec<Step> =
            secret.at.filter(|at| !range.contains(*at)).map(|at| (at, format!("`{}` comes in here", secret.what))).into_iter().collect();
        self.seen.leaks.insert(Leak { sink, range, what: secret.what.clone(), whole: secret.whole, steps });
    }

    /// Input paths with a sensitive name that the function reads, with the symbol of the read.
    fn sensitive_paths(&self) -> Vec<(Sym, Vec<Segment>)> {
        let mut paths = Vec::new();
        for index in 0..self.model.symbols.len() {
            let sym = Sym(index as u32);
            if let Value::Prop(_, PropKey::Name(name)) = self.model.symbols.value(sym)
                && self.names.sensitive(name).is_some()
                && let Some(path) = self.model.input_path(sym)
            {
                paths.push((path.input, path.segments));
            }
        }
        paths.sort();
        paths.dedup();
        paths
    }

    /// Sensitive things in a value.
    fn contents(
        &mut self,
        state: &State,
        sym: Sym,
        paths: &[(Sym, Vec<Segment>)],
        out: &mut BTreeSet<Secret>,
        seen: &mut BTreeSet<Sym>,
        depth: u32,
    ) {
        if depth > 40 || seen.len() > 2_000 || !seen.insert(sym) {
            return;
        }
        if let Some((label, at)) = self.sensitive.get(&sym).cloned() {
            out.insert(Secret { what: label, whole: false, at: Some(at) });
            return;
        }
        let facts = self.model.facts(state, sym);
        if facts.types.only(Types::BOOLEAN | Types::NULLISH | Types::FUNCTION) {
            return;
        }
        if self.is_listed_constant(sym, facts.listed) {
            return;
        }
        let value = self.model.symbols.value(sym).clone();
        let mut go = |analyzer: &mut Self, part: Sym| analyzer.contents(state, part, paths, out, seen, depth + 1);
        match &value {
            Value::Str(text) => {
                if super::secrets::credential(text).is_some() {
                    out.insert(Secret { what: "a credential in the source".into(), whole: false, at: self.produced.get(&sym).copied() });
                }
            }
            Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) | Value::BigInt(_) | Value::Regex { .. } => {}
            Value::KeyOf(of) => {
                if let Some(Field::Value(key)) = state.object(*of).and_then(|o| o.fields.get(SECRET_KEY).copied()) {
                    go(self, key);
                }
            }
            Value::Closure(..) | Value::Class(_) | Value::Bound { .. } => {}
            Value::Builtin(path) => {
                if &**path == "__env" {
                    out.insert(Secret { what: "__env".into(), whole: true, at: None });
                }
            }
            Value::Input { name, .. } => {
                let inside = self.inner_secrets(state, sym, paths, &[]);
                if inside.is_empty() {
                    out.insert(Secret { what: name.to_string(), whole: true, at: None });
                }
                out.extend(inside);
                self.overrides(state, sym, &mut |a, part| a.contents(state, part, paths, out, seen, depth + 1));
            }
            Value::Prop(base, key) => {
                let operands: Vec<Sym> = self.model.symbols.operands(sym).collect();
                if !operands.is_empty() {
                    operands.into_iter().for_each(|part| go(self, part));
                    return;
                }
                match key {
                    PropKey::Name(name) if matches!(&**name, "length" | "size" | "[[time]]") => {}
                    PropKey::Dynamic(_) | PropKey::Any if self.model.symbols.as_builtin(*base) == Some("__env") => {
                        if !self.is_harmless_key(state, key) {
                            out.insert(Secret { what: "__env".into(), whole: true, at: self.produced.get(&sym).copied() });
                        }
                    }
                    PropKey::Name(name) if self.names.sensitive(name).is_some() && self.may_hold_secret(*base) => {
                        out.insert(Secret { what: name.to_string(), whole: false, at: self.produced.get(&sym).copied() });
                    }
                    _ => {
                        if self.is_part_of_secret(*base, key) {
                            go(self, *base);
                        }
                        let all_of = matches!(key, PropKey::Any | PropKey::Dynamic(_));
                        if all_of
                            && !matches!(self.model.symbols.value(*base), Value::Rest(_, excluded) if excluded.iter().any(|e| &**e == "*"))
                        {
                            let among = self.sensitive_among(state, *base, paths, key);
                            out.extend(among);
                        }
                        let inside = self.inner_secrets(state, sym, paths, &[]);
                        out.extend(inside);
                        self.overrides(state, sym, &mut |a, part| a.contents(state, part, paths, out, seen, depth + 1));
                    }
                }
            }
            Value::Rest(of, excluded) => {
                if !excluded.iter().any(|e| &**e == "*") {
                    let inside = self.inner_secrets(state, *of, paths, excluded);
                    out.extend(inside);
                }
            }
            Value::Instance(of, _) | Value::Version(of, _) => {
                // What a pattern left out of a rest stays out of every turn's rest.
                if !self.is_rest(*of) {
                    let inside = self.inner_secrets(state, sym, paths, &[]);
                    out.extend(inside);
                }
                self.overrides(state, sym, &mut |a, part| a.contents(state, part, paths, out, seen, depth + 1));
                let of = *of;
                // What was deleted or masked on the instance is not taken from what it is one of.
                if !state.heap.contains_key(&sym) {
                    self.contents(state, of, paths, out, seen, depth + 1);
                }
            }
            Value::Alloc { kind, .. } => {
                if *kind == AllocKind::Date {
                    return;
                }
                let Some(object) = state.object(sym).cloned() else { return };
                for (name, field) in &object.fields {
                    // Private fields and internal slots are not part of what JSON writes.
                    if let (Field::Value(part) | Field::Getter(part), false) =
                        (field, name.starts_with(['[', '#']) && **name != *SECRET_KEY)
                    {
                        go(self, *part);
                    }
                }
                if let Some(rest) = object.rest {
                    go(self, rest);
                }
                for &spread in &object.spreads {
                    let covered: Vec<_> = object.fields.keys().cloned().collect();
                    self.spread_contents(state, spread, &covered, paths, out, seen, depth);
                }
            }
            Value::Template(_, parts) => parts.iter().for_each(|&part| go(self, part)),
            Value::Binary(op, a, b) => {
                use super::ir::BinaryOp::*;
                if matches!(op, Add | Sub | Mul | Div | BitXor | BitOr | ShiftLeft | ShiftRight | Exp) {
                    go(self, *a);
                    go(self, *b);
                }
            }
            Value::Unary(op, a) => {
                if matches!(op, super::ir::UnaryOp::Minus | super::ir::UnaryOp::Plus | super::ir::UnaryOp::BitNot) {
                    go(self, *a);
                }
            }
            Value::Call(path, args) => {
                let path = path.clone();
                let args = args.clone();
                if !self.is_derivation(state, &path, &args) {
                    args.iter().for_each(|&part| self.contents(state, part, paths, out, seen, depth + 1));
                }
            }
            Value::Phi(_) | Value::Opaque(_) => {
                let parts: Vec<Sym> = self.model.symbols.operands(sym).collect();
                parts.into_iter().for_each(|part| go(self, part));
            }
        }
    }

    /// Whether the value is the rest of a pattern, in whatever turn or version.
    fn is_rest(&self, sym: Sym) -> bool {
        match self.model.symbols.value(sym) {
            Value::Rest(..) => true,
            Value::Instance(of, _) | Value::Version(of, _) => self.is_rest(*of),
            _ => false,
        }
    }

    /// One of finitely many values that the program lists, none of them read from anywhere.
    fn is_listed_constant(&self, sym: Sym, listed: bool) -> bool {
        listed && !matches!(self.model.symbols.value(sym), Value::Str(_) | Value::Phi(_) | Value::Template(..))
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one walk")]
    fn spread_contents(
        &mut self,
        state: &State,
        spread: Sym,
        covered: &[std::rc::Rc<str>],
        paths: &[(Sym, Vec<Segment>)],
        out: &mut BTreeSet<Secret>,
        seen: &mut BTreeSet<Sym>,
        depth: u32,
    ) {
        match self.model.symbols.value(spread).clone() {
            Value::Input { name, .. } => {
                let inside = self.inner_secrets(state, spread, paths, covered);
                if inside.is_empty() && covered.is_empty() {
                    out.insert(Secret { what: name.to_string(), whole: true, at: None });
                } else if inside.is_empty() {
                    out.insert(Secret { what: name.to_string(), whole: true, at: None });
                }
                out.extend(inside);
            }
            Value::Rest(of, mut excluded) => {
                if !excluded.iter().any(|e| &**e == "*") {
                    excluded.extend(covered.iter().cloned());
                    let inside = self.inner_secrets(state, of, paths, &excluded);
                    out.extend(inside);
                }
            }
            Value::Builtin(path) if &*path == "__env" => {
                out.insert(Secret { what: "__env".into(), whole: true, at: None });
            }
            Value::Phi(_) => {
                let parts: Vec<Sym> = self.model.symbols.operands(spread).filter(|&p| p != spread).collect();
                if seen.insert(spread) && depth < 40 {
                    for part in parts {
                        self.spread_contents(state, part, covered, paths, out, seen, depth + 1);
                    }
                }
            }
            Value::Instance(of, _) => {
                let inside = self.inner_secrets(state, spread, paths, covered);
                out.extend(inside);
                if self.model.input_path(of).is_none() {
                    self.spread_contents(state, of, covered, paths, out, seen, depth + 1);
                }
            }
            _ => {
                let inside = self.inner_secrets(state, spread, paths, covered);
                out.extend(inside);
            }
        }
    }

    /// Values written into an object that came from elsewhere.
    fn overrides(&mut self, state: &State, sym: Sym, visit: &mut dyn FnMut(&mut Self, Sym)) {
        let Some(object) = state.object(sym).cloned() else { return };
        for field in object.fields.values() {
            if let Field::Value(part) = field {
                visit(self, *part);
            }
        }
        if let Some(rest) = object.rest {
            visit(self, rest);
        }
    }

    /// Sensitive fields that an input object is known to hold, by the function's reads or the schema,
    /// and that were neither excluded nor deleted nor overwritten.
    fn inner_secrets(&mut self, state: &State, sym: Sym, paths: &[(Sym, Vec<Segment>)], excluded: &[std::rc::Rc<str>]) -> BTreeSet<Secret> {
        let mut found = BTreeSet::new();
        let Some(own) = self.model.input_path(sym) else { return found };
        let mut inner: Vec<Vec<Segment>> = paths
            .iter()
            .filter(|(input, path)| *input == own.input && path.len() > own.segments.len() && path.starts_with(&own.segments))
            .map(|(_, path)| path[own.segments.len()..].to_vec())
            .collect();
        if matches!(self.model.symbols.value(own.input), Value::Input { index: 0, .. }) {
            self.schema_secrets(&own.segments, &mut Vec::new(), &mut inner);
            self.schema_secrets(&own.segments, &mut vec![Segment::Element], &mut inner);
        }
        for path in inner {
            if let Some(Segment::Name(first)) = path.first()
                && excluded.contains(first)
            {
                continue;
            }
            if self.is_removed(state, sym, &path) {
                continue;
            }
            let names: Vec<String> = path
                .iter()
                .map(|segment| match segment {
                    Segment::Name(name) => name.to_string(),
                    Segment::Element => "[*]".into(),
                })
                .collect();
            found.insert(Secret { what: format!("{}.{}", own, names.join(".")), whole: false, at: None });
        }
        found
    }

    fn schema_secrets(&self, prefix: &[Segment], below: &mut Vec<Segment>, out: &mut Vec<Vec<Segment>>) {
        if below.len() > 3 {
            return;
        }
        let path: Vec<Segment> = prefix.iter().chain(below.iter()).cloned().collect();
        for name in self.model.schema.property_names(&path) {
            below.push(Segment::Name(name.as_str().into()));
            if self.names.sensitive(&name).is_some() {
                out.push(below.clone());
            } else {
                self.schema_secrets(prefix, below, out);
                below.push(Segment::Element);
                self.schema_secrets(prefix, below, out);
                below.pop();
            }
            below.pop();
        }
    }

    /// Whether a field below `sym` was deleted or overwritten.
    fn is_removed(&mut self, state: &State, sym: Sym, path: &[Segment]) -> bool {
        let mut at = sym;
        for segment in path {
            let Segment::Name(name) = segment else {
                at = self.model.symbols.intern(Value::Prop(at, PropKey::Any));
                continue;
            };
            let mut looked = Some(at);
            while let Some(object) = looked {
                if let Some(field) = state.object(object).and_then(|o| o.fields.get(name)) {
                    let same = self.model.symbols.intern(Value::Prop(object, PropKey::Name(name.clone())));
                    return *field != Field::Value(same);
                }
                looked = match self.model.symbols.value(object) {
                    Value::Version(of, _) => Some(*of),
                    _ => None,
                };
            }
            at = self.model.symbols.intern(Value::Prop(at, PropKey::Name(name.clone())));
        }
        false
    }

    /// A value taken under an unknown key may be any of the object's sensitive fields.
    fn sensitive_among(&mut self, state: &State, base: Sym, paths: &[(Sym, Vec<Segment>)], key: &PropKey) -> BTreeSet<Secret> {
        if let PropKey::Dynamic(key) = key {
            let facts = self.model.facts(state, *key);
            if facts.types.only(Types::NUMBER) || facts.listed {
                return BTreeSet::new();
            }
        }
        if self.model.facts(state, base).types.only(Types::ARRAY)
            || !matches!(self.model.symbols.value(base), Value::Prop(..) | Value::Instance(..) | Value::Input { .. })
        {
            return BTreeSet::new();
        }
        self.inner_secrets(state, base, paths, &[]).into_iter().filter(|s| !s.what.contains("[*]")).collect()
    }

    /// One of a list of names, none of them sensitive.
    fn is_harmless_key(&mut self, state: &State, key: &PropKey) -> bool {
        let PropKey::Dynamic(key) = key else { return false };
        if !self.model.facts(state, *key).listed {
            return false;
        }
        let leaves = self.model.symbols.leaves(*key);
        leaves.iter().all(|&leaf| self.model.symbols.as_str(leaf).is_none_or(|name| self.names.sensitive(&name).is_none()))
    }

    /// A sensitive name on something that the program itself made of constants is no source.
    fn may_hold_secret(&self, base: Sym) -> bool {
        !matches!(self.model.symbols.value(base), Value::Builtin(path) if &**path != "__env" && !path.starts_with("import:"))
    }

    /// Characters and elements of a secret are the secret.
    fn is_part_of_secret(&self, base: Sym, key: &PropKey) -> bool {
        match key {
            PropKey::Name(name) => name.bytes().all(|b| b.is_ascii_digit()) || self.is_secret_symbol(base),
            PropKey::Dynamic(_) | PropKey::Any => self.is_secret_symbol(base),
        }
    }

    fn is_secret_symbol(&self, sym: Sym) -> bool {
        self.is_secret_within(sym, 8)
    }

    /// Whether a value is a secret, or a text that one is a part of, through that many operators.
    fn is_secret_within(&self, sym: Sym, depth: u8) -> bool {
        if self.sensitive.contains_key(&sym) {
            return true;
        }
        let Some(depth) = depth.checked_sub(1) else { return false };
        let is_secret = |part: Sym| self.is_secret_within(part, depth);
        match self.model.symbols.value(sym) {
            Value::Prop(base, PropKey::Name(name)) => self.names.sensitive(name).is_some() && self.may_hold_secret(*base),
            Value::Instance(of, _) => is_secret(*of),
            Value::Call(path, args) => {
                (&**path == "String" || path.starts_with("String.prototype.")) && args.first().is_some_and(|&arg| is_secret(arg))
            }
            Value::Template(_, parts) => parts.iter().any(|&part| is_secret(part)),
            Value::Phi(_) => self.model.symbols.operands(sym).any(is_secret),
            _ => false,
        }
    }

    /// A call whose result says something about its arguments without holding their content.
    fn is_derivation(&mut self, state: &State, path: &str, args: &[Sym]) -> bool {
        if builtins::is_predicate(path) || path.starts_with("Date.") || path.starts_with("[[") {
            return true;
        }
        match path {
            "String.prototype.indexOf"
            | "String.prototype.lastIndexOf"
            | "String.prototype.search"
            | "String.prototype.localeCompare"
            | "Array.prototype.indexOf"
            | "String.prototype.startsWith"
            | "String.prototype.endsWith"
            | "String.prototype.includes"
            | "Object.prototype.toString" => true,
            "String.prototype.slice" | "String.prototype.substring" | "String.prototype.substr" => self.is_last_four(state, args),
            "String.prototype.at" => args.get(1).and_then(|&i| self.model.symbols.as_number(i)).is_some_and(|i| i < 0.0),
            "String.prototype.replace" | "String.prototype.replaceAll" => {
                let Some(Value::Regex { pattern, flags }) = args.get(1).map(|&r| self.model.symbols.value(r)) else {
                    return false;
                };
                let constant = args.get(2).is_some_and(|&with| self.model.symbols.as_str(with).is_some_and(|w| !w.contains('$')));
                constant && super::regex::masks_all(pattern, flags)
            }
            _ => false,
        }
    }

    /// `slice(-4)`, `slice(length - 4)`, `substr(-4)`: at most the last four characters.
    fn is_last_four(&mut self, state: &State, args: &[Sym]) -> bool {
        let (Some(&text), Some(&from)) = (args.first(), args.get(1)) else { return false };
        if let Some(from) = self.model.symbols.as_number(from) {
            if (-4.0..0.0).contains(&from) {
                return true;
            }
            let facts = self.model.facts(state, text);
            return from > 0.0 && args.len() == 2 && facts.types.only(Types::STRING) && facts.length.hi - from <= 4.0;
        }
        let (length_of, back) = match self.model.symbols.value(from).clone() {
            Value::Binary(super::ir::BinaryOp::Sub, a, b) => (a, self.model.symbols.as_number(b)),
            Value::Call(path, inner) if &*path == "Math.max" => {
                return inner.iter().any(|&i| self.is_last_four(state, &[text, i]));
            }
            _ => return false,
        };
        let is_length =
            matches!(self.model.symbols.value(length_of), Value::Prop(base, PropKey::Name(name)) if &**name == "length" && *base == text);
        is_length && back.is_some_and(|n| n <= 4.0)
    }
}

/// Whether a value that a variable with a sensitive name holds may be the secret itself, and not a
/// constant, a flag, a number of them, or a redacted form.
pub fn may_be_secret_itself(analyzer: &mut Analyzer<'_>, state: &State, value: Sym) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![value]);
    while let Some(next) = open.pop() {
        if seen.insert(next) && seen.len() <= limits::INFLUENCES_MAX && is_secret_or_made_of(analyzer, state, next, &mut open) {
            return true;
        }
    }
    false
}

/// Whether `value` may be the secret; what it may be instead goes to `open`.
fn is_secret_or_made_of(analyzer: &mut Analyzer<'_>, state: &State, value: Sym, open: &mut Vec<Sym>) -> bool {
    let facts = analyzer.model.facts(state, value);
    if facts.listed || facts.types.only(Types::BOOLEAN | Types::NULLISH | Types::FUNCTION | Types::REGEXP | Types::DATE) {
        return false;
    }
    match analyzer.model.symbols.value(value).clone() {
        Value::Input { .. }
        | Value::Builtin(_)
        | Value::Closure(..)
        | Value::Class(_)
        | Value::Bound { .. }
        | Value::KeyOf(_)
        | Value::Alloc { .. } => false,
        Value::Prop(base, PropKey::Name(name)) => !(matches!(&*name, "length" | "size") || is_text_piece(analyzer, base)),
        Value::Prop(base, _) => !is_text_piece(analyzer, base) && !matches!(analyzer.model.symbols.value(base), Value::Alloc { .. }),
        Value::Instance(of, _) => !is_text_piece(analyzer, of),
        Value::Call(path, args) => {
            if !analyzer.is_derivation(state, &path, &args) {
                open.extend(args);
            }
            false
        }
        Value::Template(_, parts) => {
            open.extend(parts);
            false
        }
        Value::Phi(_) => {
            open.extend(analyzer.model.symbols.leaves(value));
            false
        }
        Value::Opaque(_) => !is_text_piece(analyzer, value),
        Value::Binary(..) | Value::Unary(..) => {
            facts.types.may(Types::STRING) || facts.types.only(Types::NUMERIC) && made_by_chance(analyzer, value)
        }
        _ => true,
    }
}

/// A number drawn at random is the secret; one counted or computed from data is not.
fn made_by_chance(analyzer: &Analyzer<'_>, value: Sym) -> bool {
    let random = |sym: Sym, v: &Value| matches!(v, Value::Opaque(_)) && analyzer.random.contains(&sym);
    analyzer.model.symbols.contains(value, &random)
}

/// A piece of text that was split.
pub fn is_word_of_text(analyzer: &Analyzer<'_>, sym: Sym) -> bool {
    is_among(analyzer, &analyzer.words, sym)
}

/// A piece of matched text: tokens of a text are not access tokens.
fn is_text_piece(analyzer: &Analyzer<'_>, sym: Sym) -> bool {
    is_among(analyzer, &analyzer.pieces, sym)
}

/// Whether a value is one of `pieces`, an element of a list of them, or made of one.
fn is_among(analyzer: &Analyzer<'_>, pieces: &BTreeSet<Sym>, sym: Sym) -> bool {
    let mut open = vec![sym];
    let mut seen = BTreeSet::new();
    while let Some(next) = open.pop() {
        if !seen.insert(next) || seen.len() > 64 {
            continue;
        }
        if pieces.contains(&next) {
            return true;
        }
        match analyzer.model.symbols.value(next) {
            Value::Prop(base, _) => open.push(*base),
            Value::Phi(_) => open.extend(analyzer.model.symbols.operands(next)),
            value @ (Value::Instance(..) | Value::Call(..)) => for_each_part(value, |p| open.push(p)),
            _ => {}
        }
        if !matches!(analyzer.model.symbols.value(next), Value::Opaque(_)) {
            open.extend(analyzer.model.symbols.operands(next));
        }
    }
    false
}
