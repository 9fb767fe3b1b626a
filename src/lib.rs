//! fnvet reviews AI Functions before a platform runs them.
pub mod finding;
pub mod rule;
pub mod semantic;
pub mod source;
pub mod syntax;
