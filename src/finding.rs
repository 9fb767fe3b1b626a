//! What a rule reports. The names are those of SARIF 2.1.0 (`ruleId`, `level`, related locations).

use crate::source::TextRange;

/// How bad a finding is. The order is the order of gravity: `Note < Warning < Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing; nothing needs to change.
    Note,
    /// It cannot be ruled out.
    Warning,
    /// The analysis shows that it happens, or that nothing prevents it. Blocks approval.
    Error,
}

impl Level {
    /// The SARIF spelling of the level.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// How sure the analysis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A bound of the analysis was reached on the way, or a heuristic decided.
    Low,
    /// The usual data-flow argument.
    Medium,
    /// Follows from the text alone.
    High,
}

impl Confidence {
    /// The spelling used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// A place in the source with what it has to do with the finding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// The bytes of the place.
    pub range: TextRange,
    /// What is there; for a primary label a short tag, for a related one a step of the path.
    pub message: String,
}

impl Label {
    /// A label on `range`.
    pub fn new(range: TextRange, message: impl Into<String>) -> Self {
        Label { range, message: message.into() }
    }
}

/// A textual replacement that would remedy the finding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Suggestion {
    /// The bytes to replace.
    pub range: TextRange,
    /// What to put there.
    pub replacement: String,
}

/// One defect at one place. `primary` cannot be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Rule id, kebab-case.
    pub rule: &'static str,
    /// How bad it is.
    pub level: Level,
    /// How sure it is.
    pub confidence: Confidence,
    /// States the fact, without the value of any secret.
    pub message: String,
    /// The tight place of the finding.
    pub primary: Label,
    /// The path that leads there, in order.
    pub related: Vec<Label>,
    /// States the remedy.
    pub help: String,
    /// A rewrite, where one is sure to be right.
    pub suggestion: Option<Suggestion>,
}

impl Finding {
    /// A finding of `rule` at `range`, with the rule's own level and confidence.
    pub fn new(meta: &crate::rule::RuleMeta, range: TextRange, message: impl Into<String>) -> Self {
        Finding {
            rule: meta.id,
            level: meta.level,
            confidence: meta.confidence,
            message: message.into(),
            primary: Label::new(range, ""),
            related: Vec::new(),
            help: String::new(),
            suggestion: None,
        }
    }

    /// Sets the level.
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Sets the confidence.
    pub fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// Sets the tag shown at the primary place.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.primary.message = tag.into();
        self
    }

    /// Sets the remedy.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Adds one step of the path.
    pub fn related(mut self, range: TextRange, message: impl Into<String>) -> Self {
        self.related.push(Label::new(range, message));
        self
    }

    /// Adds a rewrite.
    pub fn suggest(mut self, range: TextRange, replacement: impl Into<String>) -> Self {
        self.suggestion = Some(Suggestion { range, replacement: replacement.into() });
        self
    }
}
