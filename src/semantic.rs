//! The semantic model: built once per file, read-only afterwards. Rules only ask it questions.

pub mod cfg;
pub mod dump;
pub mod ir;
pub mod lower;
#[cfg(test)]
pub(crate) mod verify;

/// The model of one file.
#[derive(Debug)]
pub struct Semantic {}
