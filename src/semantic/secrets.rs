//! Credentials in text: known formats, and text with the entropy of a secret.

use std::sync::OnceLock;

use regex::{Regex, RegexSet};

use super::names::table;

/// The formats, compiled.
fn formats() -> &'static RegexSet {
    static SET: OnceLock<RegexSet> = OnceLock::new();
    SET.get_or_init(|| RegexSet::new(table().format.iter().map(|f| &f.pattern)).expect("tests/registry.rs compiles every format"))
}

fn placeholders() -> &'static RegexSet {
    static SET: OnceLock<RegexSet> = OnceLock::new();
    SET.get_or_init(|| RegexSet::new(&table().placeholders.patterns).expect("tests/registry.rs compiles every placeholder"))
}

/// The title of the credential format that `text` contains.
pub fn credential(text: &str) -> Option<&'static str> {
    if is_placeholder(text) {
        return None;
    }
    let found = formats().matches(text).into_iter().map(|found| &table().format[found]);
    found.filter(|format| holds_secret(&format.pattern, text)).map(|format| format.title.as_str()).next()
}

/// Whether what the pattern finds, or its group `secret` if it has one, is more than a placeholder.
fn holds_secret(pattern: &str, text: &str) -> bool {
    let Ok(pattern) = Regex::new(pattern) else { return false };
    pattern.captures_iter(text).any(|found| {
        let secret = found.name("secret").or_else(|| found.get(0)).map_or("", |m| m.as_str());
        !secret.is_empty() && !is_placeholder(secret)
    })
}

/// Whether a text stands for a secret without being one.
pub fn is_placeholder(text: &str) -> bool {
    placeholders().is_match(text) || text.bytes().all(|b| Some(&b) == text.as_bytes().first())
}

/// Whether a text bound to a sensitive name looks like the secret itself: long enough, mixed, and
/// neither words, a UUID, a placeholder, nor a name.
pub fn looks_secret(text: &str) -> bool {
    let length = text.chars().count();
    if length < 8 || text.contains(char::is_whitespace) || is_placeholder(text) || is_uuid(text) {
        return false;
    }
    if text.starts_with(['/', '#', '.']) || text.contains("://") || text.contains("${") {
        return false;
    }
    let has = |test: fn(char) -> bool| text.chars().any(test);
    let classes =
        [has(|c| c.is_ascii_lowercase()), has(|c| c.is_ascii_uppercase()), has(|c| c.is_ascii_digit()), has(|c| !c.is_alphanumeric())];
    let mixed = classes.iter().filter(|c| **c).count();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let entropy = shannon_entropy(text);
    (entropy >= 3.0 && mixed >= 3 && (digits > 0 || length >= 20)) || (entropy >= 3.3 && length >= 16 && digits > 0 && mixed >= 2)
}

/// Bits per character.
fn shannon_entropy(text: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    for c in text.chars() {
        *counts.entry(c).or_insert(0u32) += 1;
    }
    let total = text.chars().count() as f64;
    counts.values().map(|&n| f64::from(n) / total).map(|p| -p * p.log2()).sum()
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == 5 && [8, 4, 4, 4, 12].iter().zip(&parts).all(|(n, part)| part.len() == *n && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_uuids_and_names_are_not_secrets() {
        for text in ["changeme", "<token>", "xxxxxxxxxxxx", "123e4567-e89b-12d3-a456-426614174000", "accessToken", "x-api-key", "Bearer "] {
            assert!(!looks_secret(text), "{text}");
        }
    }

    #[test]
    fn mixed_text_of_some_length_is() {
        for text in ["hunter2-Winter!", "9fK2mQ7xLp0ZtR4v", "Tr0ub4dor&3xyz"] {
            assert!(looks_secret(text), "{text}");
        }
    }
}
