//! fnvet reviews AI Functions before a platform runs them.
pub mod cli;
pub mod finding;
pub mod program;
pub mod rule;
pub mod sandbox;
pub mod semantic;
pub mod source;
pub mod syntax;
