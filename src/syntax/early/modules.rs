//! Imports and exports: Module Semantics: Static Semantics: Early Errors.

use rustc_hash::{FxHashMap, FxHashSet};
use swc_common::{Span, Spanned, SyntaxContext};
use swc_ecma_ast::{
    Decl, DefaultDecl, ExportDefaultDecl, ExportSpecifier, Id, Ident, ImportDecl, ModuleExportName, NamedExport, ObjectLit, Prop, PropName,
    PropOrSpread,
};
use swc_ecma_visit::VisitWith;

use super::names::{Frame, Lexical};
use super::{EarlyErrors, each_binding};

/// What the module offers.
#[derive(Default)]
pub(super) struct Exports {
    /// ExportedNames, and whether each is an enum, whose parts TypeScript merges.
    names: FxHashMap<Id, bool>,
    /// ExportedBindings that an `export { … }` names, with their places.
    bindings: Vec<(Ident, Span)>,
    /// Names at the top level that only TypeScript knows, or that it merges with others.
    types: FxHashSet<Id>,
}

impl Exports {
    pub(super) fn declare_type(&mut self, name: Id) {
        self.types.insert(name);
    }
}

impl EarlyErrors {
    /// "Any element of the ExportedBindings of ModuleItemList does not also occur in …".
    pub(super) fn resolve_exports(&mut self, module: &Frame) {
        let exports = std::mem::take(&mut self.exports);
        for (name, span) in &exports.bindings {
            if !module.declares(&name.to_id()) && !exports.types.contains(&name.to_id()) {
                self.report(*span, format!("`{}` is exported and declared nowhere", name.sym));
            }
        }
    }

    pub(super) fn import(&mut self, import: &ImportDecl) {
        for specifier in &import.specifiers {
            let name = specifier.local();
            if import.type_only || specifier.is_type_only() {
                self.type_only(name);
            } else {
                self.name_in_strict_mode(name);
                self.lexical(name, Lexical::Once);
            }
        }
        self.attributes(import.with.as_deref());
    }

    /// Imports: "WithClauseToAttributes … two entries whose keys are the same".
    pub(super) fn attributes(&mut self, attributes: Option<&ObjectLit>) {
        let mut keys = FxHashSet::default();
        for property in attributes.iter().flat_map(|object| &object.props) {
            let PropOrSpread::Prop(property) = property else { continue };
            let Prop::KeyValue(pair) = &**property else { continue };
            let key = match &pair.key {
                PropName::Ident(key) => key.sym.to_string(),
                PropName::Str(key) => key.value.to_string_lossy().into_owned(),
                _ => continue,
            };
            if !keys.insert(key) {
                self.report(pair.key.span(), "an import attribute is there twice");
            }
        }
    }

    pub(super) fn export_declaration(&mut self, decl: &Decl) {
        match decl {
            Decl::Class(class) if !class.declare => self.export(&class.ident, false),
            Decl::Fn(function) if !function.declare && function.function.body.is_some() => self.export(&function.ident, false),
            Decl::Var(variables) if !variables.declare => {
                for declarator in &variables.decls {
                    each_binding(&declarator.name, &mut |name| self.export(name, false));
                }
            }
            Decl::TsEnum(merged) if !merged.declare => self.export(&merged.id, true),
            // Types, and what TypeScript merges or only declares.
            _ => {}
        }
    }

    pub(super) fn export_default_declaration(&mut self, node: &ExportDefaultDecl) {
        match &node.decl {
            DefaultDecl::Class(class) => {
                if let Some(name) = &class.ident {
                    self.lexical(name, Lexical::Once);
                }
                self.export_default(node.span);
                self.class_body(&class.class);
            }
            // An overload exports nothing.
            DefaultDecl::Fn(function) if function.function.body.is_none() => {}
            DefaultDecl::Fn(function) => {
                if let Some(name) = &function.ident {
                    self.name_in_strict_mode(name);
                    self.lexical(name, Lexical::Once);
                }
                self.export_default(node.span);
                self.function(function.ident.as_ref(), &function.function, false);
            }
            DefaultDecl::TsInterfaceDecl(interface) => interface.visit_with(self),
        }
    }

    pub(super) fn export_default(&mut self, span: Span) {
        self.export_as(("default".into(), SyntaxContext::empty()), span, false);
    }

    pub(super) fn export_names(&mut self, node: &NamedExport) {
        self.attributes(node.with.as_deref());
        for specifier in &node.specifiers {
            match specifier {
                ExportSpecifier::Namespace(all) => self.export_name(&all.name),
                ExportSpecifier::Default(default) => self.export(&default.exported, false),
                ExportSpecifier::Named(named) if node.type_only || named.is_type_only => {}
                ExportSpecifier::Named(named) => {
                    if let (ModuleExportName::Ident(local), None) = (&named.orig, &node.src) {
                        self.exports.bindings.push((local.clone(), local.span));
                    }
                    if let ModuleExportName::Str(text) = &named.orig {
                        self.well_formed(text);
                    }
                    self.export_name(named.exported.as_ref().unwrap_or(&named.orig));
                }
            }
        }
    }

    fn export_name(&mut self, name: &ModuleExportName) {
        match name {
            ModuleExportName::Ident(name) => self.export(name, false),
            ModuleExportName::Str(text) => {
                self.well_formed(text);
                self.export_as((text.value.to_string_lossy().into(), SyntaxContext::empty()), text.span, false);
            }
        }
    }

    /// "IsStringWellFormedUnicode of the StringValue of …".
    fn well_formed(&mut self, text: &swc_ecma_ast::Str) {
        if text.value.as_str().is_none() {
            self.report(text.span, "the name of an export is no well-formed text");
        }
    }

    fn export(&mut self, name: &Ident, is_enum: bool) {
        self.export_as(name.to_id(), name.span, is_enum);
    }

    /// "The ExportedNames of ModuleItemList contains any duplicate entries". What a namespace exports is
    /// no export of the module.
    fn export_as(&mut self, name: Id, span: Span, is_enum: bool) {
        if self.frames.len() > 1 {
            return;
        }
        let shown = name.0.clone();
        if self.exports.names.insert(name, is_enum).is_some_and(|was_enum| !(is_enum && was_enum)) {
            self.report(span, format!("`{shown}` is exported twice"));
        }
    }
}
