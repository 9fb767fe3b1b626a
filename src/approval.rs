//! The gate for files: from one function's files to a decision about exactly them.
//!
//! The order is enforced by types. A [`Candidate`] is read once; [`Candidate::clear`] yields a
//! [`Cleared`], without which nothing reaches the sandbox; only a trial that was passed yields what
//! a decision is made of.

mod candidate;

pub use candidate::{Candidate, GateError, Policy, is_function_file};
