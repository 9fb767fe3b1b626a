//! Collecting source files.
