//! Which names are sensitive: `rules/sensitive.toml`, extended by configuration.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde::Deserialize;

/// `rules/sensitive.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SensitiveTable {
    word: Vec<Word>,
    about: About,
    /// Known credential formats.
    #[serde(default)]
    pub format: Vec<Format>,
    /// Values that stand for a secret without being one.
    #[serde(default)]
    pub placeholders: Placeholders,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    id: String,
    names: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    #[serde(default)]
    #[expect(dead_code, reason = "the last words of a name decide by themselves: these are listed for the reader")]
    last_words: Vec<String>,
    #[serde(default)]
    first_words: Vec<String>,
    #[serde(default)]
    exact: Vec<String>,
}

/// A published credential format.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// Stable id.
    pub id: String,
    /// What a person calls it.
    pub title: String,
    /// A linear-time pattern.
    pub pattern: String,
}

/// Values that stand for a secret without being one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placeholders {
    /// Linear-time patterns.
    pub patterns: Vec<String>,
}

/// The embedded table.
pub fn table() -> &'static SensitiveTable {
    static TABLE: OnceLock<SensitiveTable> = OnceLock::new();
    TABLE.get_or_init(|| toml::from_str(include_str!("../../rules/sensitive.toml")).expect("tests/registry.rs reads the embedded table"))
}

/// Answers whether a name is that of a sensitive thing.
#[derive(Debug)]
pub struct SensitiveNames {
    words: Vec<(Vec<String>, String)>,
    first: BTreeSet<String>,
    exact: BTreeSet<String>,
}

impl SensitiveNames {
    /// The embedded names and `extra` ones.
    pub fn new(extra: &[String]) -> Self {
        let table = table();
        let listed = table.word.iter().flat_map(|w| w.names.iter().map(|n| (n.clone(), w.id.clone())));
        let words = listed.chain(extra.iter().map(|n| (n.clone(), n.clone()))).map(|(name, id)| (split(&name), id)).collect();
        let set = |names: &[String]| names.iter().map(|n| n.to_lowercase()).collect();
        let joined = |names: &[String]| names.iter().map(|n| split(n).concat()).collect();
        SensitiveNames { words, first: set(&table.about.first_words), exact: joined(&table.about.exact) }
    }

    /// The id of the thing that `name` names, if it is a sensitive one. The last words decide; a
    /// plural is the thing too; a name about the thing is not.
    pub fn sensitive(&self, name: &str) -> Option<&str> {
        if name.len() > 128 {
            return None;
        }
        let words = split(name);
        let (Some(first), Some(last)) = (words.first(), words.last()) else { return None };
        let glued = words.concat();
        if self.exact.contains(&glued) || (words.len() > 1 && self.first.contains(first)) {
            return None;
        }
        let matches = |thing: &[String]| {
            let tail = words.len().checked_sub(thing.len()).map(|from| &words[from..]);
            let same = tail.is_some_and(|tail| {
                tail.iter().zip(thing).enumerate().all(|(i, (word, part))| word == part || (i + 1 == thing.len() && is_plural(word, part)))
            });
            let whole = thing.concat();
            same || (thing.len() > 1 && (*last == whole || is_plural(last, &whole)))
        };
        self.words.iter().find(|(thing, _)| matches(thing)).map(|(_, id)| id.as_str())
    }
}

fn is_plural(word: &str, thing: &str) -> bool {
    word.strip_prefix(thing).is_some_and(|rest| rest == "s" || rest == "es")
        || thing.strip_suffix('y').is_some_and(|stem| word.strip_prefix(stem) == Some("ies"))
}

/// The words of a name in any case style, in lower case.
pub fn split(name: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let chars: Vec<char> = name.chars().collect();
    for (i, &c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        let after_lower = i > 0 && chars[i - 1].is_lowercase();
        let ends_acronym = i > 0 && chars[i - 1].is_uppercase() && chars.get(i + 1).is_some_and(|n| n.is_lowercase());
        let digit = i > 0 && c.is_numeric() != chars[i - 1].is_numeric() && chars[i - 1].is_alphanumeric();
        if !word.is_empty() && (c.is_uppercase() && (after_lower || ends_acronym) || digit) {
            words.push(std::mem::take(&mut word));
        }
        word.extend(c.to_lowercase());
    }
    if !word.is_empty() {
        words.push(word);
    }
    // A trailing number only counts copies: `password2` is a password.
    while words.len() > 1 && words.last().is_some_and(|w| w.bytes().all(|b| b.is_ascii_digit())) {
        words.pop();
    }
    words
}
