//! A command that has run.

use std::process::Output;

/// What it ended with, and what it said.
#[derive(Debug)]
pub struct Ran {
    /// Its exit status.
    pub status: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Ran {
    /// Asserts the exit status and a part of what was said, without control characters.
    #[track_caller]
    pub fn ends(self, status: i32, said: &str) -> Ran {
        assert!(self.status == status && (self.out.contains(said) || self.err.contains(said)), "expected {status} and {said:?}: {self:#?}");
        assert!(!self.out.contains('\u{1b}') && !self.err.contains('\u{1b}'), "{self:#?}");
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { status: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}
