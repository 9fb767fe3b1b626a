//! Text that hostile code wrote, made safe to show.

use std::fmt::Write;

/// Replaces everything that could steer a terminal, forge a line of a log or reorder what is read
/// by a visible escape, and cuts after `bytes_max` bytes.
pub fn escape(text: &str, bytes_max: usize) -> String {
    let mut escaped = String::with_capacity(text.len().min(bytes_max));
    for c in text.chars() {
        if escaped.len() >= bytes_max {
            escaped.push('…');
            break;
        }
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            _ if is_deceptive(c) => {
                let _ = write!(escaped, "\\u{{{:x}}}", c as u32);
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Control characters, bidirectional controls, and characters that show as nothing.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(escape("a\u{1b}[31mb\u{9b}c\rd\ne\u{202e}f", 100), "a\\u{1b}[31mb\\u{9b}c\\rd\\ne\\u{202e}f");
        assert_eq!(escape("Größe 😀", 100), "Größe 😀");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(escape(&"x".repeat(10), 4), "xxxx…");
    }
}
