//! fnvet reviews AI Functions before a platform runs them.
//!
//! Data goes one way through the house; an import never points back up:
//! [`source`] text, its digest and positions → [`syntax`] one tree → [`semantic`] the model of one
//! file, built once, read-only afterwards → [`rules`], which only ask it → [`lint`] and [`report`] →
//! `Cleared`, the only thing that [`sandbox`] takes → [`trial`] → [`approval`] and [`audit`] →
//! [`registry`], where functions live in a store; who acts there, [`identity`] says.
//! [`output`] writes reports and decides nothing; [`cli`] has one thin file per command.
//!
//! Invariants, which `tests/layers.rs` and `tests/registry.rs` check where they can be checked: swc's
//! types stop at `syntax`, `semantic` and `program`, boa's at `sandbox`; every rule has a page in
//! `rules/` whose examples are run; `unsafe` stands in two files of the sandbox only.

pub mod approval;
pub mod audit;
pub mod call;
pub mod cli;
pub mod config;
pub mod finding;
pub mod identity;
pub mod lint;
pub mod output;
pub mod program;
pub mod registry;
pub mod report;
pub mod rule;
pub mod rules;
pub mod sandbox;
pub mod semantic;
pub mod server;
pub mod source;
pub mod suppression;
pub mod syntax;
pub mod trial;
