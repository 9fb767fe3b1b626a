//! What the tree does not say and the text does.

use swc_ecma_ast as ast;

use super::Lowering;
use crate::source::TextRange;
use crate::syntax::range_of;

/// `Number::toString` of ECMA-262, base 10.
pub(super) fn number_to_string(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e21).contains(&value.abs()) {
        return value.to_string();
    }
    // Both languages print the shortest digits that read back; the exponent's sign differs.
    let text = format!("{value:e}");
    if text.contains("e-") { text } else { text.replacen('e', "e+", 1) }
}

impl Lowering<'_> {
    /// From `start` to the first closing parenthesis at or after `from`, comments aside: the head of
    /// a loop. `limit` is where its body begins.
    pub(super) fn head_range(&self, start: u32, from: u32, limit: u32) -> TextRange {
        let bytes = self.source.text.as_bytes();
        let limit = (limit as usize).min(bytes.len());
        let mut at = from as usize;
        while at < limit {
            match (bytes[at], bytes.get(at + 1)) {
                (b')', _) => return TextRange::new(start, at as u32 + 1),
                (b'/', Some(b'/')) => at = line_end(bytes, at, limit),
                (b'/', Some(b'*')) => at = comment_end(bytes, at, limit),
                _ => at += 1,
            }
        }
        TextRange::new(start, limit as u32)
    }

    /// A binding's name, without the type that the tree counts in.
    pub(super) fn name_range(&self, ident: &ast::Ident) -> TextRange {
        let whole = range_of(ident.span);
        let name = TextRange::new(whole.start, whole.start + ident.sym.len() as u32);
        if whole.contains(name) && self.source.slice(name) == &*ident.sym { name } else { whole }
    }

    /// The first token of `range`: a word, or one character.
    pub(super) fn first_token(&self, range: TextRange) -> TextRange {
        let text = self.source.slice(range);
        let word = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len());
        let length = if word > 0 { word } else { text.chars().next().map_or(0, char::len_utf8) };
        TextRange::new(range.start, range.start + length as u32)
    }
}

fn line_end(bytes: &[u8], from: usize, limit: usize) -> usize {
    bytes[from..limit].iter().position(|byte| matches!(byte, b'\n' | b'\r')).map_or(limit, |length| from + length)
}

fn comment_end(bytes: &[u8], from: usize, limit: usize) -> usize {
    let start = (from + 2).min(limit);
    bytes[start..limit].windows(2).position(|pair| pair == b"*/").map_or(limit, |length| start + length + 2)
}

#[cfg(test)]
mod tests {
    use super::number_to_string;

    #[test]
    fn numbers_read_as_ecmascript_prints_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.5, "1.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e-7, "1.5e-7"),
            (-2e30, "-2e+30"),
        ];
        for (value, text) in cases {
            assert_eq!(number_to_string(value), text);
        }
    }
}
