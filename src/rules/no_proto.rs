//! `no-proto`: `__proto__` or one of its legacy accessors is used.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-proto",
    summary: "`__proto__` or one of its legacy accessors is used",
    checklist: "2",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-1321"],
    security_severity: "8.1",
    since: "0.1.0",
    page: include_str!("../../rules/no-proto.md"),
};

/// The rule.
pub struct NoProto;

impl Rule for NoProto {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let seen = cx.semantic.seen();
        let bare = seen.mentions.iter().filter(|m| m.is_global_name && m.path == "__proto__").map(|m| reach("__proto__", "read", m.range));
        seen.proto_keys.iter().map(|k| reach(&k.key, k.how, k.range)).chain(bare).collect()
    }
}

fn reach(key: &str, how: &str, range: TextRange) -> Finding {
    Finding::new(&META, range, format!("`{key}` is {how}: it reaches the prototype that other objects share"))
        .tag(format!("`{key}`"))
        .help("use own properties; for a dictionary `Object.create(null)` or a `Map`, for the prototype of a class `extends`")
}
