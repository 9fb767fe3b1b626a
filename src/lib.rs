//! fnvet reviews AI Functions before a platform runs them.
pub mod cli;
pub mod config;
pub mod finding;
pub mod lint;
pub mod output;
pub mod program;
pub mod report;
pub mod rule;
pub mod rules;
pub mod sandbox;
pub mod semantic;
pub mod source;
pub mod suppression;
pub mod syntax;
