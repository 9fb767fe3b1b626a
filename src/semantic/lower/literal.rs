//! Objects, arrays, templates, and the names of properties.

use swc_ecma_ast as ast;
use swc_ecma_ast::{Expr, Lit, MemberProp, Prop, PropName, PropOrSpread};

use super::Lowering;
use super::expression::range;
use super::function::FunctionRole;
use super::text::number_to_string;
use super::typescript::erased;
use crate::semantic::ir::{Key, OpKind, PropertyInit, Reg};

/// The cooked text of a template's piece; an invalid escape (in a tagged template only) has none.
pub(super) fn cooked(quasi: &ast::TplElement) -> String {
    quasi.cooked.as_ref().map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A key that is a literal, as the string it is converted to.
fn literal_key(expression: &Expr) -> Option<String> {
    match erased(expression) {
        Expr::Lit(Lit::Str(string)) => Some(string.value.to_string_lossy().into_owned()),
        Expr::Lit(Lit::Num(number)) => Some(number_to_string(number.value)),
        Expr::Lit(Lit::BigInt(number)) => Some(number.value.to_string()),
        Expr::Lit(Lit::Bool(bool)) => Some(bool.value.to_string()),
        Expr::Lit(Lit::Null(_)) => Some("null".to_owned()),
        Expr::Tpl(template) if template.exprs.is_empty() => template.quasis.first().map(cooked),
        _ => None,
    }
}

/// The name a key gives to an anonymous function.
pub(super) fn key_name(key: &Key) -> String {
    match key {
        Key::Name(name) => name.clone(),
        Key::Private(name) => format!("#{name}"),
        Key::Computed(_) => String::new(),
    }
}

impl<'a> Lowering<'a> {
    /// The key of `o.k`, `o[k]`, `o.#k`.
    pub(super) fn member_key(&mut self, prop: &'a MemberProp) -> Key {
        match prop {
            MemberProp::Ident(name) => Key::Name(name.sym.to_string()),
            MemberProp::PrivateName(name) => Key::Private(name.name.to_string()),
            MemberProp::Computed(computed) => self.computed_key(&computed.expr),
        }
    }

    /// The key inside brackets.
    pub(super) fn computed_key(&mut self, expression: &'a Expr) -> Key {
        literal_key(expression).map_or_else(|| Key::Computed(self.value(expression)), Key::Name)
    }

    /// The key of a property in a literal, a pattern or a class.
    pub(super) fn property_key(&mut self, name: &'a PropName) -> Key {
        match name {
            PropName::Ident(name) => Key::Name(name.sym.to_string()),
            PropName::Str(string) => Key::Name(string.value.to_string_lossy().into_owned()),
            PropName::Num(number) => Key::Name(number_to_string(number.value)),
            PropName::BigInt(number) => Key::Name(number.value.to_string()),
            PropName::Computed(computed) => self.computed_key(&computed.expr),
        }
    }

    pub(super) fn object(&mut self, object: &'a ast::ObjectLit) -> Reg {
        let properties = object.props.iter().map(|property| self.property(property)).collect();
        self.f.push(OpKind::Object(properties), range(object))
    }

    fn property(&mut self, property: &'a PropOrSpread) -> PropertyInit {
        let at = range(property);
        let property = match property {
            PropOrSpread::Spread(spread) => return PropertyInit::Spread(self.value(&spread.expr), at),
            PropOrSpread::Prop(property) => &**property,
        };
        match property {
            Prop::Shorthand(ident) => PropertyInit::Value(Key::Name(ident.sym.to_string()), self.identifier(ident), at),
            Prop::KeyValue(pair) => {
                let sets_prototype = !matches!(pair.key, PropName::Computed(_));
                let key = self.property_key(&pair.key);
                let value = self.value_named(&pair.value, &key_name(&key));
                match key {
                    Key::Name(name) if sets_prototype && name == "__proto__" => PropertyInit::Prototype(value, at),
                    key => PropertyInit::Value(key, value, at),
                }
            }
            // `{ a = 1 }` is only a pattern; the parser refuses it here.
            Prop::Assign(assign) => PropertyInit::Value(Key::Name(assign.key.sym.to_string()), self.value(&assign.value), at),
            Prop::Method(method) => {
                let key = self.property_key(&method.key);
                let function = self.method(&method.function, &method.key, &key, FunctionRole::Method);
                PropertyInit::Value(key, function, at)
            }
            Prop::Getter(getter) => {
                let key = self.property_key(&getter.key);
                let function = self.method(&getter.function, &getter.key, &key, FunctionRole::Method);
                PropertyInit::Getter(key, function, at)
            }
            Prop::Setter(setter) => {
                let key = self.property_key(&setter.key);
                let function = self.method(&setter.function, &setter.key, &key, FunctionRole::Method);
                PropertyInit::Setter(key, function, at)
            }
        }
    }

    fn method(&mut self, function: &'a ast::Function, name: &'a PropName, key: &Key, role: FunctionRole) -> Reg {
        let id = self.function(function, role, &key_name(key), Some(range(name)), range(function));
        self.f.push(OpKind::Function(id), range(function))
    }

    pub(super) fn array(&mut self, array: &'a ast::ArrayLit) -> Reg {
        let elements = array.elems.iter().map(|element| element.as_ref().map(|element| self.argument(element))).collect();
        self.f.push(OpKind::Array(elements), range(array))
    }

    pub(super) fn template(&mut self, template: &'a ast::Tpl) -> Reg {
        let quasis: Vec<String> = template.quasis.iter().map(cooked).collect();
        if template.exprs.is_empty() {
            return self.f.string(quasis.concat(), range(template));
        }
        let exprs = template.exprs.iter().map(|expression| self.value(expression)).collect();
        self.f.push(OpKind::Template { quasis, exprs }, range(template))
    }
}
