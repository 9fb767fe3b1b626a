//! What must not come out, found in what came out: canaries, plain or encoded, and values that have
//! the form of something sensitive.

use std::ops::Range;
use std::sync::OnceLock;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::Regex;
use serde_json::Value;

use crate::semantic::secrets;

/// Fewer significant characters than this may turn up by chance.
const SIGNIFICANT_MIN: usize = 6;

/// A piece of a canary of this length is the canary: nothing else looks like it.
const PIECE_CHARS: usize = 8;

/// Base64 of which only a part may be there: the last bits may be any.
const STANDARD_LAX: GeneralPurpose = GeneralPurpose::new(&STANDARD, NO_PAD.with_decode_allow_trailing_bits(true));

/// The same in the alphabet of URLs.
const URL_SAFE_LAX: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// A value that is put in at one place, and must not come out at any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// Where it was put: `input.user.password`, `__env.API_KEY`.
    pub place: String,
    needles: Vec<Needle>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Needle {
    text: String,
    hay: Hay,
    /// How it got there.
    disguise: &'static str,
}

/// The forms of a text in which needles are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hay {
    /// As it is.
    Exact,
    /// Letters and digits only, in lower case.
    Folded,
    /// The numbers in it, decimal.
    Numbers,
}

impl Canary {
    /// The canary `value` at `place`, unless it is too short to be told from chance.
    pub fn new(place: impl Into<String>, value: &str) -> Option<Canary> {
        let folded = fold(value);
        if folded.chars().count() < SIGNIFICANT_MIN {
            return None;
        }
        let mut needles = Vec::new();
        let number = value.parse::<u64>().ok().filter(|number| *number <= 1 << 53);
        let mut add = |text: String, hay, disguise| needles.push(Needle { text, hay, disguise });
        add(folded.clone(), Hay::Folded, "");
        for piece in pieces(&folded) {
            add(piece, Hay::Folded, " in part");
        }
        for (text, disguise) in number.into_iter().flat_map(in_other_bases) {
            add(text, Hay::Folded, disguise);
        }
        let reversed: String = value.chars().rev().collect();
        let rotated: String = value.chars().map(rotate).collect();
        add(fold(&reversed), Hay::Folded, " reversed");
        add(fold(&rotated), Hay::Folded, " letter by letter");
        for (text, order) in [(value, ""), (reversed.as_str(), ", reversed")] {
            let last = if order.is_empty() { " as hexadecimal" } else { " as hexadecimal, reversed" };
            add(hex::encode(text), Hay::Folded, last);
            add(hex::encode(text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>()), Hay::Folded, last);
            let last = if order.is_empty() { " as base64" } else { " as base64, reversed" };
            for encoded in base64_alignments(text.as_bytes()) {
                add(encoded, Hay::Exact, last);
            }
            let last = if order.is_empty() { " as character codes" } else { " as character codes, reversed" };
            add(numbers(text.encode_utf16().map(u64::from)), Hay::Numbers, last);
        }
        Some(Canary { place: place.into(), needles })
    }

    /// How the canary stands in `text`, if it does: nothing for plainly, else ` as base64` and the like.
    pub fn find(&self, text: &Haystack) -> Option<&'static str> {
        self.needles.iter().find(|needle| text.contains(needle)).map(|needle| needle.disguise)
    }
}

/// What came out, in the forms in which canaries are looked for.
#[derive(Clone, Debug, Default)]
pub struct Haystack {
    exact: String,
    folded: String,
    /// The leaves alone, so that what is spread over several is found.
    leaves: String,
    numbers: String,
}

impl Haystack {
    /// The forms of a text.
    pub fn of_text(text: &str) -> Haystack {
        let exact = unescape(text);
        let folded = fold(&exact);
        let numbers = numbers_in(&exact);
        Haystack { exact: exact.split_whitespace().collect(), leaves: String::new(), folded, numbers }
    }

    /// The forms of a result.
    pub fn of_value(value: &Value) -> Haystack {
        let (mut all, mut leaves) = (String::new(), String::new());
        walk(value, &mut |key, leaf| {
            if let Some(key) = key {
                all.push_str(key);
                all.push(' ');
            }
            if let Some(leaf) = leaf {
                all.push_str(leaf);
                all.push(' ');
                leaves.push_str(leaf);
            }
        });
        Haystack { leaves: fold(&unescape(&leaves)), ..Haystack::of_text(&all) }
    }

    fn contains(&self, needle: &Needle) -> bool {
        match needle.hay {
            Hay::Exact => self.exact.contains(&needle.text),
            Hay::Folded => self.folded.contains(&needle.text) || self.leaves.contains(&needle.text),
            Hay::Numbers => self.numbers.contains(&needle.text),
        }
    }
}

/// Something sensitive by its form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// A credential of a published format.
    Credential(&'static str),
    /// A payment card number: prefix, length and checksum are right.
    CardNumber,
    /// A US social security number.
    SocialSecurityNumber,
    /// An IBAN whose checksum is right.
    Iban,
}

impl Flag {
    /// Whether it opens doors by itself: such an output is withheld.
    pub fn is_credential(&self) -> bool {
        matches!(self, Flag::Credential(_))
    }
}

impl std::fmt::Display for Flag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Flag::Credential(title) => write!(f, "credential: {title}"),
            Flag::CardNumber => f.write_str("card number"),
            Flag::SocialSecurityNumber => f.write_str("social security number"),
            Flag::Iban => f.write_str("IBAN"),
        }
    }
}

/// What is sensitive by its form in a result, sorted, each once.
pub fn scan_value(value: &Value) -> Vec<Flag> {
    let mut flags = Vec::new();
    walk(value, &mut |key, leaf| {
        key.into_iter().chain(leaf).for_each(|text| flags.extend(flags_of(text)));
    });
    flags.sort();
    flags.dedup();
    flags
}

/// What is sensitive by its form in a text.
pub fn scan_text(text: &str) -> Vec<Flag> {
    let mut flags: Vec<Flag> = flags_of(text).collect();
    flags.sort();
    flags.dedup();
    flags
}

/// The result, where every text or number that holds something `wanted` says what it was instead.
pub fn redact_value(value: &Value, wanted: &impl Fn(&Flag) -> bool) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| redact_value(item, wanted)).collect(),
        Value::Object(members) => {
            let member = |(key, member): (&String, &Value)| {
                let key = redact_text(key, wanted).unwrap_or_else(|| key.clone());
                (key, redact_value(member, wanted))
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::String(text) => redact_text(text, wanted).map_or_else(|| value.clone(), Value::String),
        Value::Number(number) => redact_text(&number.to_string(), wanted).map_or_else(|| value.clone(), Value::String),
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

/// What stands for a text that holds something `wanted`; nothing where it does not.
pub fn redact_text(text: &str, wanted: &impl Fn(&Flag) -> bool) -> Option<String> {
    flags_of(text).find(wanted).map(|flag| format!("[redacted: {flag}]"))
}

/// What is sensitive in a text, plainly or under an encoding that anybody can undo.
fn flags_of(text: &str) -> impl Iterator<Item = Flag> {
    let decoded = decoded(text);
    let mut flags: Vec<Flag> = std::iter::once(text).chain(decoded.iter().map(String::as_str)).flat_map(plain_flags).collect();
    let reversed: String = text.chars().rev().collect();
    // Of the forms only this one is not met by chance when it is read backwards.
    flags.extend(credential(&reversed));
    flags.into_iter()
}

fn credential(text: &str) -> Option<Flag> {
    if text.len() >= 12 { secrets::credential(text).map(Flag::Credential) } else { None }
}

fn plain_flags(text: &str) -> impl Iterator<Item = Flag> + use<> {
    let credential = credential(text);
    let card = has_card_number(text).then_some(Flag::CardNumber);
    let ssn = has_social_security_number(text).then_some(Flag::SocialSecurityNumber);
    let iban = has_iban(text).then_some(Flag::Iban);
    [credential, card, ssn, iban].into_iter().flatten()
}

/// Fewer characters than this hold nothing that is sensitive by its form.
const DECODED_MIN: usize = 11;

/// The texts that stand in `text` as base64, hexadecimal or escapes.
fn decoded(text: &str) -> Vec<String> {
    let is_code = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    let runs = text.split(|c| !is_code(c)).filter(|run| run.len() >= DECODED_MIN);
    let bytes = runs.flat_map(|run| {
        let whole = &run[..run.len() - usize::from(run.len() % 4 == 1)];
        [hex::decode(run).ok(), STANDARD_LAX.decode(whole).ok(), URL_SAFE_LAX.decode(whole).ok()]
    });
    // Anything decodes to something: what was meant to be read consists of what can be read.
    let is_legible = |text: &String| text.len() >= DECODED_MIN && text.chars().all(|c| !c.is_control() || c.is_whitespace());
    let mut found: Vec<String> = bytes.flatten().filter_map(|bytes| String::from_utf8(bytes).ok()).filter(is_legible).collect();
    let unescaped = unescape(text);
    if unescaped != text {
        found.push(unescaped);
    }
    found
}

/// Calls `visit` with every key and every leaf's text, in order; the depth is bounded by the sandbox.
fn walk(value: &Value, visit: &mut impl FnMut(Option<&str>, Option<&str>)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Object(members) => {
            for (key, member) in members {
                visit(Some(key), None);
                walk(member, visit);
            }
        }
        Value::String(text) => visit(None, Some(text)),
        Value::Number(number) => visit(None, Some(&number.to_string())),
        Value::Null | Value::Bool(_) => {}
    }
}

fn has_card_number(text: &str) -> bool {
    static RUNS: OnceLock<Option<Regex>> = OnceLock::new();
    let Some(runs) = RUNS.get_or_init(|| Regex::new(r"[0-9](?:[ \-./\u{a0}\u{2009}\u{202f}]?[0-9]){12,}").ok()) else { return false };
    runs.find_iter(text).any(|run| {
        let groups = groups_of_digits(text, run.range());
        // An expiry date or the like may follow a number, so its usual groups are looked for, too.
        let usual = |groups: &&[Range<usize>]| {
            let sizes: Vec<usize> = groups.iter().map(Range::len).collect();
            matches!(sizes[..], [13..=19] | [4, 4, 4, 4] | [4, 4, 4, 4, 3] | [4, 6, 5] | [4, 6, 4])
        };
        let mut parts = (1..=5).flat_map(|count| groups.windows(count));
        is_card_number(text, &groups) || parts.any(|part| usual(&part) && is_card_number(text, part))
    })
}

fn groups_of_digits(text: &str, within: Range<usize>) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for at in within.filter(|at| text.as_bytes()[*at].is_ascii_digit()) {
        match groups.last_mut() {
            Some(last) if last.end == at => last.end += 1,
            _ => groups.push(at..at + 1),
        }
    }
    groups
}

/// Whether these groups of digits are a card's number, and nothing more belongs to them.
fn is_card_number(text: &str, groups: &[Range<usize>]) -> bool {
    let ([first, ..], [.., last]) = (groups, groups) else { return false };
    let digits: Vec<u8> = groups.iter().flat_map(|group| text.as_bytes()[group.clone()].iter().map(|digit| digit - b'0')).collect();
    let alone = |c: Option<char>| !c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
    let before = text[..first.start].chars().next_back();
    // A sentence may end behind a number.
    let after = text[last.end..].chars().next().filter(|c| *c != '.');
    alone(before) && alone(after) && is_card_prefix(&digits) && passes_luhn(&digits)
}

fn is_card_prefix(digits: &[u8]) -> bool {
    let head = |count: usize| digits.iter().take(count).fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    match digits.len() {
        13 | 19 => head(1) == 4 || head(2) == 62,
        14 => (300..=305).contains(&head(3)) || matches!(head(2), 36 | 38),
        15 => matches!(head(2), 34 | 37),
        16 => {
            head(1) == 4
                || (51..=55).contains(&head(2))
                || (2221..=2720).contains(&head(4))
                || head(4) == 6011
                || matches!(head(2), 62 | 65)
                || (644..=649).contains(&head(3))
                || (3528..=3589).contains(&head(4))
        }
        17 | 18 => head(2) == 62,
        _ => false,
    }
}

/// The checksum of payment cards.
pub fn passes_luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(at, digit)| if at % 2 == 1 { doubled((*digit).into()) } else { (*digit).into() }).sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}

fn has_social_security_number(text: &str) -> bool {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = PATTERN.get_or_init(|| Regex::new(r"(?:^|[^0-9A-Za-z-])([0-9]{3})-([0-9]{2})-([0-9]{4})(?:$|[^0-9A-Za-z-])").ok());
    pattern.as_ref().is_some_and(|pattern| {
        pattern.captures_iter(text).any(|found| {
            let (area, group, serial) = (&found[1], &found[2], &found[3]);
            if matches!((area, group, serial), ("123", "45", "6789") | ("078", "05", "1120") | ("219", "09", "9999")) {
                return false;
            }
            area != "000" && area != "666" && !area.starts_with('9') && group != "00" && serial != "0000"
        })
    })
}

fn has_iban(text: &str) -> bool {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = PATTERN.get_or_init(|| Regex::new(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b").ok());
    pattern.as_ref().is_some_and(|pattern| pattern.find_iter(text).any(|found| passes_mod97(found.as_str())))
}

/// The checksum of IBANs (ISO 7064, mod 97-10), blanks left out.
pub fn passes_mod97(text: &str) -> bool {
    let compact: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    if !(15..=34).contains(&compact.len()) {
        return false;
    }
    let rotated = compact[4..].iter().chain(&compact[..4]);
    let rest = rotated.fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.to_ascii_uppercase().wrapping_sub(b'A')) + 10) % 97,
    });
    rest == 1
}

/// Letters and digits in lower case, nothing else: what separators, case and layout cannot hide.
fn fold(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A number as `toString(16)`, `toString(36)` and `toString(2)` write it, unless that is too short to be
/// told from chance.
fn in_other_bases(number: u64) -> Vec<(String, &'static str)> {
    let mut letters = Vec::new();
    let mut rest = number;
    while rest > 0 {
        letters.push(char::from_digit((rest % 36) as u32, 36).unwrap_or_default());
        rest /= 36;
    }
    let base_36: String = letters.iter().rev().collect();
    let all = [(format!("{number:x}"), " as hexadecimal"), (base_36, " in base 36"), (format!("{number:b}"), " as binary")];
    all.into_iter().filter(|(text, _)| text.len() >= SIGNIFICANT_MIN).collect()
}

fn pieces(folded: &str) -> Vec<String> {
    let chars: Vec<char> = folded.chars().collect();
    // What is barely longer than a piece may be shown in part: the last four of a card number, say.
    if chars.len() < PIECE_CHARS * 2 {
        return Vec::new();
    }
    chars.windows(PIECE_CHARS).map(|piece| piece.iter().collect()).collect()
}

/// ROT13, the one substitution that people use.
fn rotate(c: char) -> char {
    let turn = |first: u8| char::from((c as u8 - first + 13) % 26 + first);
    match c {
        'a'..='z' => turn(b'a'),
        'A'..='Z' => turn(b'A'),
        _ => c,
    }
}

/// The middle of the encoding of `bytes`, for each place that they can have in a group of three.
fn base64_alignments(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for shift in 0..3_usize {
        let mut padded = vec![0; shift];
        padded.extend_from_slice(bytes);
        let skip = (shift * 8).div_ceil(6);
        let keep = padded.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            if let Some(middle) = encoded.get(skip..keep)
                && !found.iter().any(|known| known == middle)
            {
                found.push(middle.to_owned());
            }
        }
    }
    found
}

fn numbers(codes: impl Iterator<Item = u64>) -> String {
    codes.fold(String::from(" "), |mut text, code| {
        text.push_str(&code.to_string());
        text.push(' ');
        text
    })
}

/// Every run of digits, between blanks.
fn numbers_in(text: &str) -> String {
    let digits = text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    digits.fold(String::from(" "), |mut numbers, run| {
        numbers.push_str(run);
        numbers.push(' ');
        numbers
    })
}

/// Undoes `%41`, `\x41` and `\u0041`, as far as they stand for ASCII, and takes `0x` away.
fn unescape(text: &str) -> String {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    let Some(pattern) = PATTERN.get_or_init(|| Regex::new(r"%([0-7][0-9A-Fa-f])|\\x([0-7][0-9A-Fa-f])|\\u00([0-7][0-9A-Fa-f])|0x").ok())
    else {
        return text.to_owned();
    };
    let decoded = |found: &regex::Captures<'_>| {
        let code = (1..=3).find_map(|group| found.get(group)).and_then(|digits| u8::from_str_radix(digits.as_str(), 16).ok());
        code.map(|code| char::from(code).to_string()).unwrap_or_default()
    };
    pattern.replace_all(text, decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "Kq7Vn2Xw9Lz4Tb6Rm8Pd";

    fn found(value: &Value) -> Option<&'static str> {
        Canary::new("input.password", SECRET).unwrap().find(&Haystack::of_value(value))
    }

    #[test]
    fn a_canary_is_found_in_every_disguise() {
        let reversed: String = SECRET.chars().rev().collect();
        let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let codes: Vec<u32> = SECRET.chars().map(u32::from).collect();
        let percent: String = SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let hex_list: Vec<String> = SECRET.bytes().map(|byte| format!("0x{byte:x}")).collect();
        let spaced: Vec<String> = SECRET.chars().map(String::from).collect();
        let by_index: serde_json::Map<String, Value> = spaced.iter().enumerate().map(|(at, c)| (at.to_string(), json!(c))).collect();
        for value in [
            json!({"a": [SECRET]}),
            json!({ SECRET: 1 }),
            json!(format!("x{SECRET}y")),
            json!(SECRET.to_uppercase()),
            json!(reversed),
            json!(spaced.join("-")),
            json!(spaced),
            json!(by_index),
            json!({"first": &SECRET[..9], "then": &SECRET[9..]}),
            json!(&SECRET[3..13]),
            json!(hex::encode(SECRET)),
            json!(base64(SECRET)),
            json!(base64(&format!("a{SECRET}"))),
            json!(base64(&format!("ab{SECRET}cd"))),
            json!(base64(&json!({"password": SECRET}).to_string())),
            json!(base64(&reversed)),
            json!(codes),
            json!(codes.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
            json!(percent),
            json!(hex_list.join(",")),
            json!(SECRET.chars().map(rotate).collect::<String>()),
        ] {
            assert!(found(&value).is_some(), "{value}");
        }
    }

    #[test]
    fn what_says_nothing_of_it_is_clean() {
        for value in [
            json!({"password": "***", "length": SECRET.len(), "last": &SECRET[SECRET.len() - 4..]}),
            json!(null),
            json!({"ok": true, "numbers": [1, 2, 3]}),
            json!(hex::encode(Canary::new("x", SECRET).unwrap().place)),
        ] {
            assert_eq!(found(&value), None, "{value}");
        }
        assert_eq!(Canary::new("pin", "1234"), None);
    }

    #[test]
    fn sensitive_forms_are_found_under_encodings() {
        let flags = |text: &str| scan_text(text).iter().map(Flag::to_string).collect::<Vec<_>>().join("; ");
        let card = "4111 1111 1111 1111";
        let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        assert_eq!(flags(&base64(card)), "card number");
        assert_eq!(flags(&format!("see data:text/plain;base64,{}", base64(&format!("ab {card}")))), "card number");
        assert_eq!(flags(&hex::encode("ssn 512-34-5678")), "social security number");
        assert_eq!(flags("512%2D34%2D5678"), "social security number");
        assert_eq!(flags("4111.1111.1111.1111 4111\u{a0}1111\u{a0}1111\u{a0}1111"), "card number");
        assert_eq!(flags("4111 1111 1111 1111 12/27"), "card number");
        assert_eq!(flags("3782 822463 10005, 378282246310005"), "card number");
        let key: String = format!("AKIA{}", "Z7Q2M4X9K1P8R5T3").chars().rev().collect();
        assert!(flags(&key).starts_with("credential: AWS"), "{key}");
        assert_eq!(flags("an ordinary/sentence-of_words and 0123456789abcdef0123456789abcdef, as in 123-45-6789"), "");
    }

    #[test]
    fn a_number_is_found_in_other_bases() {
        let canary = Canary::new("input.cardNumber", "4111111111111111").unwrap();
        for value in [json!("e9b0a5b6a0dc7".to_owned()), json!(format!("{:x}", 4_111_111_111_111_111_u64)), json!("14h8xlmrznr")] {
            let is_there = value.as_str() == Some(&format!("{:x}", 4_111_111_111_111_111_u64));
            assert_eq!(canary.find(&Haystack::of_value(&value)).is_some(), is_there, "{value}");
        }
    }

    #[test]
    fn sensitive_forms_are_told_from_others() {
        let flags = |text: &str| scan_text(text).iter().map(Flag::to_string).collect::<Vec<_>>().join("; ");
        assert_eq!(flags("card 4111 1111 1111 1111."), "card number");
        assert_eq!(flags("5500-0000-0000-0004"), "card number");
        assert_eq!(flags("order 4111111111111112"), "");
        assert_eq!(flags("1741944151000 0.4111111111111111"), "");
        assert_eq!(flags("SSN 512-34-5678"), "social security number");
        assert_eq!(flags("000-34-5678 2024-03-1234 1512-34-5678"), "");
        assert_eq!(flags("DE89 3704 0044 0532 0130 00"), "IBAN");
        assert_eq!(flags("DE89 3704 0044 0532 0130 01"), "");
        assert!(flags(&format!("AKIA{}", "Z7Q2M4X9K1P8R5T3")).starts_with("credential: AWS"));
        assert_eq!(scan_value(&json!({"n": 4111111111111111_u64, "f": 4111111111111111.5})), [Flag::CardNumber]);
    }
}
