//! The semantic model: built once per file, read-only afterwards. Rules only ask it questions.

pub mod ir;
pub mod regex;

/// The model of one file.
#[derive(Debug)]
pub struct Semantic {}
