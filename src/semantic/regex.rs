//! placeholder until the analysis lands
use super::facts::Interval;
#[derive(Clone, Copy, Debug)]
pub struct Language {
    pub digits: bool,
    pub length: Interval,
    pub ambiguous: bool,
}
pub enum Backtracking {
    Linear,
    Polynomial { degree: u32, attack: String },
    Exponential { attack: String },
    Unknown(String),
}
pub fn language(_p: &str, _f: &str) -> Language {
    Language { digits: false, length: Interval::LENGTH, ambiguous: false }
}
pub fn backtracking(_p: &str, _f: &str) -> Backtracking {
    Backtracking::Linear
}
pub fn is_escape_idiom(_p: &str, _r: &str) -> bool {
    false
}
pub fn masks_all(_p: &str, _f: &str) -> bool {
    false
}
