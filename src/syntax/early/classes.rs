//! Private names and the names of a class's members.

use rustc_hash::FxHashMap;
use swc_common::{Span, Spanned, SyntaxContext};
use swc_ecma_ast::{ClassMember, Id, Key, MethodKind, PrivateName, PropName};
use swc_ecma_visit::VisitWith;

use super::{EarlyErrors, is_named};

/// How many classes around declare each private name.
#[derive(Default)]
pub(super) struct PrivateNames(FxHashMap<Id, usize>);

/// What a private name was declared as: only a getter and a setter of one kind share it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Element {
    /// None but for getters and setters.
    accessor: Option<MethodKind>,
    is_static: bool,
}

impl Element {
    fn pairs_with(self, other: Element) -> bool {
        let accessors = self.accessor.zip(other.accessor);
        accessors.is_some_and(|(one, another)| one != another) && self.is_static == other.is_static
    }
}

/// The private name a member declares, and as what.
fn declared(member: &ClassMember) -> Option<(&PrivateName, Element)> {
    match member {
        // What has no body is an overload.
        ClassMember::PrivateMethod(method) => method.function.body.as_ref().map(|_| {
            let accessor = (method.kind != MethodKind::Method).then_some(method.kind);
            (&method.key, Element { accessor, is_static: method.is_static })
        }),
        ClassMember::PrivateProp(field) => Some((&field.key, Element { accessor: None, is_static: field.is_static })),
        ClassMember::AutoAccessor(field) => match &field.key {
            Key::Private(name) => Some((name, Element { accessor: None, is_static: field.is_static })),
            Key::Public(_) => None,
        },
        _ => None,
    }
}

fn id(name: &PrivateName) -> Id {
    (name.name.clone(), SyntaxContext::empty())
}

impl EarlyErrors {
    /// "PrivateBoundIdentifiers of ClassElementList contains any duplicate entries", and the scope of the
    /// names around `visit`.
    pub(super) fn private_names(&mut self, members: &[ClassMember], visit: impl FnOnce(&mut Self)) {
        let mut own: FxHashMap<Id, Vec<Element>> = FxHashMap::default();
        for (name, element) in members.iter().filter_map(declared) {
            let others = own.entry(id(name)).or_default();
            if !(others.is_empty() || others.len() == 1 && element.pairs_with(others[0])) {
                self.report(name.span, format!("`#{}` is declared twice", name.name));
            }
            others.push(element);
        }
        for name in own.keys() {
            *self.private.0.entry(name.clone()).or_default() += 1;
        }
        visit(self);
        for name in own.keys() {
            *self.private.0.entry(name.clone()).or_default() -= 1;
        }
    }

    /// AllPrivateIdentifiersValid.
    pub(super) fn use_private_name(&mut self, name: &PrivateName) {
        if self.private.0.get(&id(name)).is_none_or(|classes| *classes == 0) {
            self.report(name.span, format!("no class around declares `#{}`", name.name));
        }
    }

    pub(super) fn class_member(&mut self, member: &ClassMember, is_derived: bool) {
        match member {
            ClassMember::Constructor(constructor) => self.constructor(constructor, is_derived),
            ClassMember::Method(method) => {
                self.static_member(&method.key, method.is_static);
                self.method(&method.key, &method.function);
            }
            ClassMember::PrivateMethod(method) => self.function(None, &method.function, true),
            ClassMember::ClassProp(field) => {
                self.static_member(&field.key, field.is_static && !field.declare);
                field.decorators.visit_with(self);
                field.key.visit_with(self);
                field.value.iter().for_each(|value| self.initializer(value));
            }
            ClassMember::PrivateProp(field) => {
                field.decorators.visit_with(self);
                field.value.iter().for_each(|value| self.initializer(value));
            }
            ClassMember::AutoAccessor(field) => {
                field.decorators.visit_with(self);
                if let Key::Public(key) = &field.key {
                    self.static_member(key, field.is_static);
                    key.visit_with(self);
                }
                field.value.iter().for_each(|value| self.initializer(value));
            }
            ClassMember::StaticBlock(block) => self.static_block(block),
            ClassMember::TsIndexSignature(_) | ClassMember::Empty(_) => {}
        }
    }

    /// "It is a Syntax Error if the PropName of … is `prototype`", for static members.
    fn static_member(&mut self, key: &PropName, is_static: bool) {
        if is_static && is_named(key, "prototype") {
            let span: Span = key.span();
            self.report(span, "a static member cannot be named `prototype`");
        }
    }
}
