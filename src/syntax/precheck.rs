//! A look at the raw text before any parser sees it, without recursion.

use crate::source::{SourceFile, TextRange};

/// What the pre-check allows.
#[derive(Clone, Copy, Debug)]
pub struct PrecheckLimits {
    /// Brackets within brackets.
    pub nesting_max: u32,
}

/// What the pre-check saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The deepest nesting.
    pub depth: u32,
}

/// Why a source must not reach the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrecheckError {
    /// It nests deeper than allowed.
    #[error("nested deeper than {depth} levels")]
    TooDeep {
        /// The bracket that is one too many.
        range: TextRange,
        /// Its depth.
        depth: u32,
    },
    /// `<!--` or `-->`, which engines read differently.
    #[error("an HTML-like comment")]
    HtmlLikeComment {
        /// The mark.
        range: TextRange,
    },
}

/// Looks at the brackets of `source`.
///
/// # Errors
/// The first place that must not reach the parser.
pub fn precheck(source: &SourceFile, limits: &PrecheckLimits) -> Result<Shape, PrecheckError> {
    let (mut open, mut shape) = (0_u32, Shape::default());
    for (at, byte) in source.text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => continue,
        }
        shape.depth = shape.depth.max(open);
        if open > limits.nesting_max {
            let range = TextRange::new(at as u32, at as u32 + 1);
            return Err(PrecheckError::TooDeep { range, depth: open });
        }
    }
    Ok(shape)
}
