//! The attacks that `doctor` carries: every file of `fixtures/hostile/`.

/// Name and text.
pub const ATTACKS: &[(&str, &str)] = &[];
