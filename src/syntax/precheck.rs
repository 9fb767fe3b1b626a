//! The check before any parser: a lexical pass without recursion that bounds how deep the text can
//! make a recursive-descent parser, a tree visitor or a compiler recurse.
//!
//! The pass follows brackets on a stack, and counts what nests without brackets: prefix operators,
//! arrows, conditionals, assignments, `if(a)if(b)`, labels, `else if`. Those counts end where the
//! construct surely ends (a comma, a semicolon, the bracket around it, a line break between two
//! operands). Chains that parsers read in a loop but that still make deep trees (`a+b+c`, `a.b.c`)
//! count for a fraction.
//!
//! It has to see the tokens that the parser will see, or text could hide from it. The one place
//! where tokens depend on the grammar is `/`: where what stands before does not decide whether it
//! divides or opens a regular expression, the file is refused ([`PrecheckError::AmbiguousSlash`]).
//! In honest code that does not happen.

mod frame;
mod scanner;

use crate::source::{SourceFile, TextRange};

/// What a source may have at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrecheckLimits {
    /// Levels of nesting.
    pub nesting: u32,
    /// Bytes of text.
    pub source_bytes: u32,
}

impl PrecheckLimits {
    /// For a function under review: it will be compiled and run.
    pub const FUNCTION: PrecheckLimits = PrecheckLimits { nesting: 200, source_bytes: 1 << 20 };
    /// For a file that is only linted, on a stack of 256 MiB.
    pub const LINT: PrecheckLimits = PrecheckLimits { nesting: 4_000, source_bytes: 16 << 20 };
}

/// What a text looks like to a parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The deepest nesting, by estimate from above.
    pub depth: u32,
    /// Tokens, without comments.
    pub tokens: u32,
    /// Whether there is an `import` or `export` declaration at the top level.
    pub has_module_syntax: bool,
}

/// Why a text is not given to a parser.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrecheckError {
    /// The text is too long.
    #[error("the source has {bytes} bytes; the limit is {limit}")]
    TooLong {
        /// The first byte too many.
        range: TextRange,
        /// How many there are.
        bytes: usize,
        /// How many there may be.
        limit: u32,
    },
    /// Constructs nest too deep, or too many of those nest that parsers read twice.
    #[error("nested {depth} levels deep; the limit is {limit}")]
    TooDeep {
        /// The token that is too deep.
        range: TextRange,
        /// Its level.
        depth: u32,
        /// The last level allowed.
        limit: u32,
    },
    /// `<!--`, or `-->` at the start of a line: a comment to some engines, operators to others.
    #[error("HTML-like comment: engines disagree on what it means")]
    HtmlLikeComment {
        /// The delimiter.
        range: TextRange,
    },
    /// A string, template, comment or regular expression without an end.
    #[error("this {what} has no end")]
    Unterminated {
        /// Where it starts.
        range: TextRange,
        /// What it is.
        what: &'static str,
    },
    /// Brackets that do not pair.
    #[error("unmatched `{bracket}`")]
    Unbalanced {
        /// The bracket.
        range: TextRange,
        /// The same.
        bracket: char,
    },
    /// A `/` of which only a full parse could tell what it is.
    #[error("`/` may divide or start a regular expression here: put parentheses or a semicolon before it")]
    AmbiguousSlash {
        /// The slash.
        range: TextRange,
    },
}

impl PrecheckError {
    /// Where the error is.
    pub fn range(&self) -> TextRange {
        match self {
            PrecheckError::TooLong { range, .. }
            | PrecheckError::TooDeep { range, .. }
            | PrecheckError::HtmlLikeComment { range }
            | PrecheckError::Unterminated { range, .. }
            | PrecheckError::Unbalanced { range, .. }
            | PrecheckError::AmbiguousSlash { range } => *range,
        }
    }
}

/// Checks `source` against `limits`, in one pass.
///
/// # Errors
/// The first reason not to give the text to a parser.
pub fn precheck(source: &SourceFile, limits: &PrecheckLimits) -> Result<Shape, PrecheckError> {
    let bytes = source.text.len();
    if bytes > limits.source_bytes as usize {
        let at = limits.source_bytes;
        return Err(PrecheckError::TooLong { range: TextRange::new(at, at.saturating_add(1)), bytes, limit: limits.source_bytes });
    }
    scanner::scan(source, limits.nesting)
}

#[cfg(test)]
mod tests;
