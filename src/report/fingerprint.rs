//! Names for findings that survive edits elsewhere in the file, and moves of it.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// Makes the fingerprints of one file's findings, in their order.
#[derive(Debug, Default)]
pub struct Fingerprints {
    seen: HashMap<[u8; 32], u32>,
}

impl Fingerprints {
    /// Hex SHA-256 of rule, name of the enclosing function, normalised tokens of the primary place,
    /// and the ordinal of the finding among those that agree in all of that.
    pub fn next(&mut self, rule: &str, function: &str, place: &str) -> String {
        let mut hash = Sha256::new();
        for field in [rule, function] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field.as_bytes());
        }
        for token in tokens(place) {
            hash.update((token.len() as u64).to_be_bytes());
            hash.update(token.as_bytes());
        }
        let same: [u8; 32] = hash.finalize().into();
        let ordinal = self.seen.entry(same).or_default();
        let fingerprint = hex::encode(Sha256::new().chain_update(same).chain_update(ordinal.to_be_bytes()).finalize());
        *ordinal += 1;
        fingerprint
    }
}

/// The tokens of a piece of JavaScript, without white space and comments. Words, numbers and quoted
/// text are one token each, any other character is one.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = skip_blank(rest);
        let first = rest.chars().next()?;
        let length = match first {
            '"' | '\'' | '`' => quoted_length(rest, first),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        Some(token)
    })
}

fn is_word(c: char) -> bool {
    c == '_' || c == '$' || c.is_alphanumeric()
}

fn skip_blank(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        text = if text.starts_with("//") {
            text.find(['\n', '\r', '\u{2028}', '\u{2029}']).map_or("", |end| &text[end..])
        } else if let Some(comment) = text.strip_prefix("/*") {
            comment.find("*/").map_or("", |end| &comment[end + 2..])
        } else {
            return text;
        };
    }
}

/// Up to and with the closing quote, or to the end.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_and_comments_do_not_matter() {
        let of = |place| Fingerprints::default().next("no-eval", "execute", place);
        assert_eq!(of("eval ( x )"), of("eval(/* why */\n x)// end"));
        assert_ne!(of("eval(x)"), of("eval(y)"));
        assert_ne!(of("'a b'"), of("'a  b'"));
        assert_ne!(of("ab"), of("a b"));
    }

    #[test]
    fn equals_are_told_apart_by_their_ordinal() {
        let mut all = Fingerprints::default();
        let (first, second) = (all.next("r", "f", "x"), all.next("r", "f", "x"));
        assert_ne!(first, second);
        assert_eq!(first, Fingerprints::default().next("r", "f", "x"));
    }

    #[test]
    fn a_quote_that_does_not_end_and_an_escaped_one() {
        assert_eq!(tokens(r#"'a\'b' "c"#).collect::<Vec<_>>(), [r"'a\'b'", "\"c"]);
        assert_eq!(tokens("/* open").count() + tokens("`").count(), 1);
    }
}
