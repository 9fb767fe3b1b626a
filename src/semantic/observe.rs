//! What the analysis saw, for the rules to judge: plain data with places, no symbols.

use std::collections::BTreeSet;

use crate::finding::Level;
use crate::source::TextRange;

/// A step of the path that leads to an observation.
pub type Step = (TextRange, String);

/// A built-in or global name that the program took hold of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    /// Its path from the global object.
    pub path: String,
    /// Where it was taken.
    pub range: TextRange,
    /// It was written as an identifier that nothing declares.
    pub is_global_name: bool,
    /// A test before it has shown that it exists.
    pub is_tested: bool,
}

/// `__proto__` and its kin, used as a property.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProtoKey {
    /// The key.
    pub key: String,
    /// The expression that uses it.
    pub range: TextRange,
    /// What is done with it.
    pub how: &'static str,
}

/// A write into a built-in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NativeWrite {
    /// The built-in written to.
    pub target: String,
    /// The member, if known.
    pub key: Option<String>,
    /// The write.
    pub range: TextRange,
}

/// How a prototype object was reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrototypeForm {
    /// Held, passed or read from.
    Held,
    /// The borrowed-method idiom, with the method.
    Idiom(String),
    /// `Object.setPrototypeOf` and `Reflect.setPrototypeOf`.
    SetPrototype,
    /// A null prototype made by another way than `Object.create(null)`.
    NullPrototype,
    /// Compared with, or asked `in`.
    Compared,
}

/// A reach for a prototype object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PrototypeUse {
    /// What was reached, as it is best named.
    pub path: String,
    /// Where.
    pub range: TextRange,
    /// How.
    pub form: PrototypeForm,
}

/// A write whose key input chooses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyedWrite {
    /// Where.
    pub range: TextRange,
    /// How bad, by the guards that stand.
    pub level: Level,
    /// What was seen, as a sentence.
    pub message: String,
    /// The path.
    pub steps: Vec<Step>,
}

/// Where data leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sink {
    /// The result of `execute`.
    Return,
    /// The application log.
    Log,
    /// The message of a thrown error.
    Throw,
}

/// Sensitive data that leaves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leak {
    /// Where it leaves by.
    pub sink: Sink,
    /// The place: the returned expression or its member, the logged argument.
    pub range: TextRange,
    /// What it is, by name; never its value.
    pub what: String,
    /// The whole of something rather than a sensitive part.
    pub whole: bool,
    /// How it got there.
    pub steps: Vec<Step>,
}

/// A use that demanded more of an input value than is known of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnmetDemand {
    /// The input path, such as `input.items[*].price`.
    pub path: String,
    /// The function it is charged to.
    pub function: u32,
    /// The use.
    pub range: TextRange,
    /// `Error` if nothing is known, `Warning` if only presence is.
    pub level: Level,
    /// What the use is: "used in arithmetic".
    pub what: &'static str,
    /// What is missing: a type name for the suggested guard.
    pub wants: &'static str,
    /// The path ends in a numeric or date conversion that may be NaN.
    pub conversion: bool,
    /// How the value got there.
    pub steps: Vec<Step>,
}

/// The verdict on one loop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoopVerdict {
    /// The loop's head.
    pub range: TextRange,
    /// Why it might not end, if so.
    pub endless: Option<(Level, String, Vec<Step>)>,
}

/// The verdict on a cycle of calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecursionVerdict {
    /// The recursive call.
    pub range: TextRange,
    /// How bad.
    pub level: Level,
    /// Why.
    pub message: String,
    /// The cycle.
    pub steps: Vec<Step>,
}

/// What of an input decides how much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// The number that it is.
    Value,
    /// How many elements, characters or keys it has.
    Size,
}

/// Work or memory that input decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Costly {
    /// Where.
    pub range: TextRange,
    /// `Error` for arbitrary, `Warning` for linear.
    pub level: Level,
    /// The input paths that drive it.
    pub drivers: BTreeSet<String>,
    /// What of them drives it.
    pub measure: Measure,
    /// What it is, as a sentence.
    pub message: String,
    /// How.
    pub steps: Vec<Step>,
}

/// A regular expression applied to a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegexUse {
    /// Where the pattern is, or is built.
    pub range: TextRange,
    /// How bad.
    pub level: Level,
    /// What was seen.
    pub message: String,
    /// How.
    pub steps: Vec<Step>,
}

/// State that outlives a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SharedState {
    /// Where it is written.
    pub range: TextRange,
    /// How bad.
    pub level: Level,
    /// What was seen.
    pub message: String,
}

/// A meddling with the call's identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContextOverride {
    /// Where.
    pub range: TextRange,
    /// How bad.
    pub level: Level,
    /// What was seen.
    pub message: String,
}

/// A string that may be compiled by a timer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerString {
    /// The timer function.
    pub timer: String,
    /// Where it is called.
    pub range: TextRange,
    /// Why the argument may be a string.
    pub why: String,
}

/// A string constant, written or folded, or a comment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StringConstant {
    /// Its value.
    pub text: String,
    /// Where it is.
    pub range: TextRange,
    /// The names it is bound to, directly.
    pub names: Vec<String>,
}

/// All observations of one file. Sets, since a function entered twice is seen twice.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each holds what its type says")]
pub struct Observations {
    pub mentions: BTreeSet<Mention>,
    pub dynamic_globals: BTreeSet<TextRange>,
    pub proto_keys: BTreeSet<ProtoKey>,
    pub native_writes: BTreeSet<NativeWrite>,
    pub prototype_uses: BTreeSet<PrototypeUse>,
    pub keyed_writes: BTreeSet<KeyedWrite>,
    pub leaks: BTreeSet<Leak>,
    pub demands: BTreeSet<UnmetDemand>,
    pub loops: BTreeSet<LoopVerdict>,
    pub recursions: BTreeSet<RecursionVerdict>,
    pub costs: BTreeSet<Costly>,
    pub regexes: BTreeSet<RegexUse>,
    pub shared_state: BTreeSet<SharedState>,
    pub context_overrides: BTreeSet<ContextOverride>,
    pub timer_strings: BTreeSet<TimerString>,
    pub strings: BTreeSet<StringConstant>,
    pub created_globals: BTreeSet<String>,
    pub builtin_calls: std::collections::BTreeMap<String, BTreeSet<TextRange>>,
}
