//! The semantic model: built once per file, read-only afterwards. Rules only ask it questions.

use crate::source::{SourceFile, TextRange};
use crate::syntax::Parsed;

pub use entry::{Entry, EntryKind};

pub mod builtins;
pub mod calls;
pub mod capture;
pub mod cfg;
pub mod choice;
pub mod cost;
pub mod demand;
pub mod dump;
pub mod entry;
pub mod environment;
pub mod eval;
pub mod facts;
pub mod flow;
pub mod graph;
mod growth;
pub mod ir;
pub mod isolation;
pub mod keyed;
pub mod leaks;
pub mod limits;
pub mod loops;
pub mod lower;
pub mod model;
pub mod names;
pub mod object;
pub mod observe;
pub mod patterns;
pub mod recursion;
pub mod refine;
pub mod regex;
pub mod schema;
pub mod secrets;
pub mod state;
pub mod stored;
pub mod symbol;
pub mod unit;
pub mod unsupported;
#[cfg(test)]
pub(crate) mod verify;

/// The bound on the work on one file, among [`Semantic::bounds_reached`].
pub const WORK_BOUND: &str = "work";

/// What the model is told from outside.
#[derive(Clone, Debug)]
pub struct SemanticSettings {
    /// The name of the entry function.
    pub entry: String,
    /// Names that are sensitive beside those of the data table.
    pub sensitive: Vec<String>,
    /// Globals that reach the host, beside those of the data table.
    pub globals_host: Vec<String>,
    /// Globals that the platform provides and that are harmless.
    pub globals_allowed: Vec<String>,
    /// The InputSchema, where the sandbox enforces it.
    pub schema: Option<serde_json::Value>,
    /// The work on one file, before that of each operation is added: [`limits::WORK_MAX`] but in tests.
    pub work_max: u64,
}

/// The model of one file.
#[derive(Debug)]
pub struct Semantic {
    entry_name: String,
    entry: Option<Entry>,
    ir: std::rc::Rc<ir::Ir>,
    seen: observe::Observations,
    bounds: std::collections::BTreeMap<&'static str, u64>,
    settings: SemanticSettings,
}

impl Semantic {
    /// Builds the model of `source`.
    pub fn build(source: &SourceFile, parsed: Parsed, settings: &SemanticSettings) -> Semantic {
        let entry = entry::find_entry(&parsed, &settings.entry);
        let ir = std::rc::Rc::new(lower::lower(&parsed, source));
        let comments: Vec<_> = parsed.comments.iter().map(|c| (source.slice(c.range).to_owned(), c.range)).collect();
        drop(parsed);
        let (mut seen, bounds) = unit::analyse(ir.clone(), settings, entry.is_some());
        let texts = comments.into_iter().map(|(text, range)| observe::StringConstant { text, range, names: Vec::new() });
        seen.strings.extend(texts);
        Semantic { entry_name: settings.entry.clone(), entry, ir, seen, bounds, settings: settings.clone() }
    }

    /// What the analysis saw.
    pub fn seen(&self) -> &observe::Observations {
        &self.seen
    }

    /// What the model was told from outside.
    pub fn settings(&self) -> &SemanticSettings {
        &self.settings
    }

    /// The lowered file.
    pub fn ir(&self) -> &ir::Ir {
        &self.ir
    }

    /// Which of its own bounds the analysis reached, and how often.
    pub fn bounds_reached(&self) -> &std::collections::BTreeMap<&'static str, u64> {
        &self.bounds
    }

    /// The name that the entry function must have.
    pub fn entry_name(&self) -> &str {
        &self.entry_name
    }

    /// The entry function, if the file defines it.
    pub fn entry(&self) -> Option<&Entry> {
        self.entry.as_ref()
    }

    /// Whether the file offers its entry as CommonJS modules do.
    pub fn is_commonjs(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.kind.is_common_js())
    }

    /// What the sandbox cannot run.
    pub fn unsupported(&self) -> &[(TextRange, &'static str)] {
        &self.ir.unsupported
    }

    /// The name of the innermost named function around `range`; empty at the top level.
    pub fn enclosing_function(&self, range: TextRange) -> &str {
        let around = self.ir.bodies.iter().filter(|body| !body.name.is_empty() && body.range.contains(range));
        around.min_by_key(|body| body.range.end - body.range.start).map_or("", |body| &body.name)
    }
}
