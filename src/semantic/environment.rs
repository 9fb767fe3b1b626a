//! What a function finds around it: `rules/globals.toml`, extended by configuration.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::SemanticSettings;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    provided: Names,
    commonjs: Names,
    capability: Vec<Capability>,
    absent: Absent,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    names: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Absent {
    names: BTreeMap<String, String>,
}

/// What a name of another host would reach.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capability {
    /// Stable id.
    pub id: String,
    /// The end of a sentence: "reaches the network".
    pub why: String,
    names: Vec<String>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| toml::from_str(include_str!("../../rules/globals.toml")).expect("tests/registry.rs reads the embedded table"))
}

/// What a global name is to a function.
#[derive(Debug)]
pub enum Global {
    /// The sandbox provides it.
    Provided,
    /// It would reach the host.
    Host(&'static str),
    /// The sandbox lacks it; a hint, if there is one.
    Absent(Option<&'static str>),
}

/// What `name` is.
pub fn classify(name: &str, settings: &SemanticSettings, is_commonjs: bool) -> Global {
    let table = table();
    let listed = |names: &[String]| names.iter().any(|n| n == name);
    if listed(&settings.globals_allowed) {
        return Global::Provided;
    }
    if listed(&settings.globals_host) {
        return Global::Host("reaches the host");
    }
    if listed(&table.provided.names) || is_commonjs && listed(&table.commonjs.names) {
        return Global::Provided;
    }
    if let Some(capability) = table.capability.iter().find(|c| c.names.iter().any(|n| n == name)) {
        return Global::Host(&capability.why);
    }
    Global::Absent(table.absent.names.get(name).map(String::as_str))
}
