//! Destructuring: in declarations, parameters, `catch`, loop heads and assignments.

use swc_ecma_ast as ast;
use swc_ecma_ast::{Expr, ObjectPatProp, Pat};

use super::Lowering;
use super::assignment::Target;
use super::expression::range;
use super::literal::key_name;
use crate::semantic::ir::{IterateKind, Key, OpKind, Reg, SlotKind};
use crate::source::TextRange;

/// What a pattern does with the values it takes apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// Declares variables and gives them their first value.
    Declare(SlotKind),
    /// Assigns to what exists.
    Assign,
}

impl<'a> Lowering<'a> {
    /// Binds `value` to a whole pattern.
    pub(super) fn bind(&mut self, pattern: &'a Pat, value: Reg, binding: Binding) {
        match pattern {
            Pat::Object(object) => self.bind_object(object, value, binding),
            Pat::Array(array) => self.bind_array(array, value, binding),
            Pat::Assign(assign) => self.bind_with_default(&assign.left, &assign.right, binding, |_, _| value),
            Pat::Rest(rest) => self.bind(&rest.arg, value, binding),
            Pat::Ident(_) | Pat::Expr(_) | Pat::Invalid(_) => {
                let place = self.place(pattern, binding);
                let at = self.part_range(pattern);
                self.write(place, value, binding != Binding::Assign, at);
            }
        }
    }

    fn part_range(&self, pattern: &Pat) -> TextRange {
        match pattern {
            Pat::Ident(ident) => self.name_range(&ident.id),
            Pat::Object(object) => without_type(range(object), object.type_ann.as_deref()),
            Pat::Array(array) => without_type(range(array), array.type_ann.as_deref()),
            other => range(other),
        }
    }

    /// The target of a pattern that is not itself taken apart.
    fn place(&mut self, pattern: &'a Pat, binding: Binding) -> Target {
        match (pattern, binding) {
            (Pat::Ident(ident), Binding::Declare(kind)) => Target::Slot(self.declare(&ident.id, kind)),
            (Pat::Ident(ident), Binding::Assign) => self.name_target(&ident.id),
            (Pat::Expr(expression), _) => self.target(expression),
            _ => Target::Nothing,
        }
    }

    /// Binds what `get` reads, or the default where that is undefined. The target of an assignment
    /// is evaluated before the value is read.
    pub(super) fn bind_with_default(
        &mut self,
        pattern: &'a Pat,
        default: &'a Expr,
        binding: Binding,
        get: impl FnOnce(&mut Self, TextRange) -> Reg,
    ) {
        let at = self.part_range(pattern);
        if let Pat::Object(_) | Pat::Array(_) | Pat::Rest(_) | Pat::Assign(_) = pattern {
            let whole = self.temporary(at);
            let value = get(self, at);
            self.value_or_default(value, default, "", &Target::Slot(whole), false, at);
            let value = self.load(whole, at);
            return self.bind(pattern, value, binding);
        }
        let place = self.place(pattern, binding);
        let value = get(self, at);
        self.value_or_default(value, default, &pattern_name(pattern), &place, binding != Binding::Assign, at);
    }

    /// Writes `value` or, where it is undefined, the default.
    fn value_or_default(&mut self, value: Reg, default: &'a Expr, name: &str, place: &Target, init: bool, at: TextRange) {
        let (absent, present, after) = (self.f.block(), self.f.block(), self.f.block());
        self.f.branch_on_undefined(value, absent, present, at);
        self.f.enter(absent);
        let other = self.value_named(default, name);
        self.write(place.clone(), other, init, at);
        self.f.jump(after);
        self.f.enter(present);
        self.write(place.clone(), value, init, at);
        self.f.jump(after);
        self.f.enter(after);
    }

    /// Binds one element or property of a pattern.
    fn bind_part(&mut self, pattern: &'a Pat, binding: Binding, get: impl FnOnce(&mut Self, TextRange) -> Reg) {
        match pattern {
            Pat::Assign(assign) => self.bind_with_default(&assign.left, &assign.right, binding, get),
            Pat::Object(_) | Pat::Array(_) | Pat::Rest(_) => {
                let at = self.part_range(pattern);
                let value = get(self, at);
                self.bind(pattern, value, binding);
            }
            Pat::Ident(_) | Pat::Expr(_) | Pat::Invalid(_) => {
                let place = self.place(pattern, binding);
                let at = self.part_range(pattern);
                let value = get(self, at);
                self.write(place, value, binding != Binding::Assign, at);
            }
        }
    }

    /// `{ a, b: c = 1, ...rest }`
    pub(super) fn bind_object(&mut self, object: &'a ast::ObjectPat, value: Reg, binding: Binding) {
        self.f.push(OpKind::RequireObject(value), without_type(range(object), object.type_ann.as_deref()));
        let mut taken: Vec<Key> = Vec::new();
        for prop in &object.props {
            match prop {
                ObjectPatProp::KeyValue(pair) => {
                    let key = self.property_key(&pair.key);
                    taken.push(key.clone());
                    let at = range(&pair.key);
                    self.bind_part(&pair.value, binding, |this, _| this.f.push(OpKind::Get { object: value, key, optional: false }, at));
                }
                ObjectPatProp::Assign(assign) => {
                    let key = Key::Name(assign.key.id.sym.to_string());
                    taken.push(key.clone());
                    self.bind_shorthand(assign, value, key, binding);
                }
                ObjectPatProp::Rest(rest) => {
                    let excluded = taken.clone();
                    self.bind_part(&rest.arg, binding, |this, at| this.f.push(OpKind::ObjectRest { object: value, excluded }, at));
                }
            }
        }
    }

    /// `{ a }`, `{ a = 1 }`
    fn bind_shorthand(&mut self, assign: &'a ast::AssignPatProp, object: Reg, key: Key, binding: Binding) {
        let at = self.name_range(&assign.key.id);
        let name = key_name(&key);
        let place = match binding {
            Binding::Declare(kind) => Target::Slot(self.declare(&assign.key.id, kind)),
            Binding::Assign => self.name_target(&assign.key.id),
        };
        let init = binding != Binding::Assign;
        let value = self.f.push(OpKind::Get { object, key, optional: false }, at);
        match &assign.value {
            Some(default) => self.value_or_default(value, default, &name, &place, init, at),
            None => self.write(place, value, init, at),
        }
    }

    /// `[a, , b = 1, ...rest]`
    pub(super) fn bind_array(&mut self, array: &'a ast::ArrayPat, value: Reg, binding: Binding) {
        let iterator =
            self.f.push(OpKind::Iterate { value, kind: IterateKind::Pattern }, without_type(range(array), array.type_ann.as_deref()));
        for (index, element) in array.elems.iter().enumerate() {
            let index = index as u32;
            match element {
                Some(Pat::Rest(rest)) => {
                    self.bind_part(&rest.arg, binding, |this, at| this.f.push(OpKind::ElementRest { iterator, from: index }, at))
                }
                Some(pattern) => self.bind_part(pattern, binding, |this, at| this.f.push(OpKind::Element { iterator, index }, at)),
                None => {}
            }
        }
    }
}

/// A pattern's range up to its type annotation, which the tree counts in.
fn without_type(whole: TextRange, annotation: Option<&ast::TsTypeAnn>) -> TextRange {
    annotation.map_or(whole, |annotation| TextRange::new(whole.start, range(annotation).start.clamp(whole.start, whole.end)))
}

/// The name a pattern gives to an anonymous function.
fn pattern_name(pattern: &Pat) -> String {
    match pattern {
        Pat::Ident(ident) => ident.id.sym.to_string(),
        _ => String::new(),
    }
}
