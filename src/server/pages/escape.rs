//! What every value passes on its way into a page: markup becomes text, and characters that do not
//! show, or that reorder what is read, become visible.

use std::fmt::{self, Write};

use askama::filters::Escaper;

use crate::output::is_deceptive;

/// The escaper of all templates.
#[derive(Clone, Copy, Debug)]
pub struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: Write>(&self, mut to: W, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '&' => to.write_str("&amp;")?,
                '<' => to.write_str("&lt;")?,
                '>' => to.write_str("&gt;")?,
                '"' => to.write_str("&quot;")?,
                '\'' => to.write_str("&#39;")?,
                '\n' | '\t' => to.write_char(c)?,
                _ if is_deceptive(c) => write!(to, "\\u{{{:x}}}", c as u32)?,
                _ => to.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text_and_what_does_not_show_is_seen() {
        let mut escaped = String::new();
        Visible.write_escaped_str(&mut escaped, "<b a=\"x\" b='y'>&\u{202e}\u{200b}\0\r\n\té</b>").unwrap();
        assert_eq!(escaped, "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;\\u{202e}\\u{200b}\\u{0}\\u{d}\n\té&lt;/b&gt;");
    }
}
