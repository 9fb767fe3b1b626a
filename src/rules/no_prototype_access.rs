//! `no-prototype-access`: A prototype object is reached for.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::observe::PrototypeForm;
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-prototype-access",
    summary: "A prototype object is reached for",
    checklist: "2",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-1321"],
    security_severity: "7.5",
    since: "0.1.0",
    page: include_str!("../../rules/no-prototype-access.md"),
};

/// The rule.
pub struct NoPrototypeAccess;

impl Rule for NoPrototypeAccess {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let seen = cx.semantic.seen();
        // A prototype held only to be written is one `no-extend-native`, at the write.
        let below = |target: &str, path: &str| target.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let written = |path: &str| seen.native_writes.iter().any(|w| below(&w.target, path));
        seen.prototype_uses
            .iter()
            .filter(|u| u.form != PrototypeForm::Held || !written(&u.path))
            .map(|u| match &u.form {
                PrototypeForm::Held => held(&u.path, u.range),
                PrototypeForm::SetPrototype => replaced(&u.path, u.range),
                PrototypeForm::Idiom(method) => borrowed(&u.path, method, u.range),
                PrototypeForm::NullPrototype => null_prototype(u.range),
                PrototypeForm::Compared => compared(&u.path, u.range),
            })
            .collect()
    }
}

fn held(path: &str, range: TextRange) -> Finding {
    Finding::new(&META, range, format!("`{path}` is a prototype object, which other objects share"))
        .tag("a prototype")
        .help("work with own properties: `Object.hasOwn(o, k)`, `Object.keys(o)`; for classes use `extends`")
}

fn replaced(path: &str, range: TextRange) -> Finding {
    Finding::new(&META, range, format!("`{path}` replaces the prototype of an object"))
        .tag("sets a prototype")
        .help("make the object with the class it should have")
}

fn borrowed(path: &str, method: &str, range: TextRange) -> Finding {
    let help = match method {
        "hasOwnProperty" => "write `Object.hasOwn(o, k)`".to_owned(),
        _ => format!("call `{method}` on a value that has it"),
    };
    Finding::new(&META, range, format!("`{path}.{method}` is borrowed from a prototype")).level(Level::Note).tag("read only").help(help)
}

fn null_prototype(range: TextRange) -> Finding {
    Finding::new(&META, range, "an object without a prototype is made by setting one to null")
        .level(Level::Note)
        .help("write `Object.create(null)`")
}

fn compared(path: &str, range: TextRange) -> Finding {
    Finding::new(&META, range, format!("`{path}` is only compared with")).level(Level::Note).help("nothing needs to change")
}
