//! `primaryLocationLineHash`: the rolling hash by which code scanning knows an alert again when
//! lines above it change. It must agree with what GitHub computes itself.

use std::collections::HashMap;

/// Code units that are hashed together.
const WINDOW: usize = 100;

const MULTIPLIER: u64 = 37;

const SPACE: u64 = b' ' as u64;
const TAB: u64 = b'\t' as u64;
const LF: u64 = b'\n' as u64;
const CR: u64 = b'\r' as u64;

/// What stands for the end of the file.
const END: u64 = 65_535;

/// The hash of every line of one text.
#[derive(Debug)]
pub struct LineHashes {
    /// Where each line starts, in bytes, with its hash; in order.
    lines: Vec<(u32, String)>,
}

impl LineHashes {
    /// Hashes `text`, line by line; LF, CR LF and CR end a line.
    pub fn new(text: &str) -> Self {
        let mut hasher = Hasher::default();
        let mut offset = 0;
        for c in text.chars() {
            for unit in c.encode_utf16(&mut [0; 2]) {
                hasher.push(u64::from(*unit), offset);
            }
            offset += c.len_utf8() as u32;
        }
        LineHashes { lines: hasher.finish(offset) }
    }

    /// The hash of the line that byte `offset` stands on.
    pub fn at(&self, offset: u32) -> Option<&str> {
        let lines = &self.lines[..self.lines.partition_point(|(start, _)| *start <= offset)];
        lines.last().map(|(_, hash)| hash.as_str())
    }
}

struct Hasher {
    /// The code units of the window, a ring.
    units: [u64; WINDOW],
    /// The start of the line whose first unit has this place in the ring.
    starts: [Option<u32>; WINDOW],
    at: usize,
    hash: u64,
    after_cr: bool,
    /// The start of a line none of whose units has come yet.
    pending: Option<u32>,
    counts: HashMap<u64, u32>,
    lines: Vec<(u32, String)>,
}

impl Default for Hasher {
    fn default() -> Self {
        Hasher {
            units: [0; WINDOW],
            starts: [None; WINDOW],
            at: 0,
            hash: 0,
            after_cr: false,
            pending: Some(0),
            counts: HashMap::new(),
            lines: Vec::new(),
        }
    }
}

impl Hasher {
    fn push(&mut self, unit: u64, offset: u32) {
        let completes_cr_lf = std::mem::replace(&mut self.after_cr, unit == CR) && unit == LF;
        if completes_cr_lf {
            self.pending = Some(offset + 1);
        }
        if unit == SPACE || unit == TAB || completes_cr_lf {
            return;
        }
        let unit = if unit == CR { LF } else { unit };
        self.complete();
        if let Some(start) = self.pending.take() {
            self.starts[self.at] = Some(start);
        }
        if unit == LF {
            self.pending = Some(offset + 1);
        }
        self.roll(unit);
    }

    fn finish(mut self, length: u32) -> Vec<(u32, String)> {
        self.push(END, length);
        for _ in 0..WINDOW {
            self.complete();
            self.roll(0);
        }
        self.lines
    }

    /// A whole window has passed since a line began: its hash is ready.
    fn complete(&mut self) {
        if let Some(start) = self.starts[self.at].take() {
            let count = self.counts.entry(self.hash).or_default();
            *count += 1;
            self.lines.push((start, format!("{:x}:{count}", self.hash)));
        }
    }

    fn roll(&mut self, unit: u64) {
        let out = std::mem::replace(&mut self.units[self.at], unit);
        let leaving = MULTIPLIER.wrapping_pow(WINDOW as u32).wrapping_mul(out);
        self.hash = MULTIPLIER.wrapping_mul(self.hash).wrapping_add(unit).wrapping_sub(leaving);
        self.at = (self.at + 1) % WINDOW;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(text: &str) -> Vec<String> {
        LineHashes::new(text).lines.into_iter().map(|(_, hash)| hash).collect()
    }

    #[test]
    fn github_computes_the_same() {
        assert_eq!(hashes(""), ["c129715d7a2bc9a3:1"]);
        let expected = ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"];
        assert_eq!(hashes(" a\nb\n  \t\tc\n d"), expected);
    }

    #[test]
    fn the_three_line_ends_are_one_and_equal_lines_are_counted() {
        assert_eq!(hashes("a\nb\nc"), hashes("a\r\nb\r\nc"));
        assert_eq!(hashes("a\nb\nc"), hashes("a\rb\rc"));
        let long = "x".repeat(200);
        let twice = hashes(&format!("{long}\n{long}\n"));
        assert!(twice[0].ends_with(":1") && twice[1].ends_with(":2"), "{twice:?}");
    }

    #[test]
    fn a_line_is_found_by_any_of_its_bytes() {
        let text = "é\r\n  bb\nc";
        let (all, found) = (hashes(text), LineHashes::new(text));
        let of = |offset| found.at(offset).unwrap();
        assert_eq!([of(0), of(1), of(4), of(6), of(9)], [&*all[0], &all[0], &all[1], &all[1], &all[2]]);
    }
}
