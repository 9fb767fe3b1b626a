//! Does the sandbox hold on this machine? Each layer is asked alone to stop what it is there for,
//! and then a set of attacks is run. Attacks run without the lint gate: this is the one place,
//! outside tests, where that happens.

use std::fmt::Write;

use rayon::prelude::*;
use serde::Serialize;

use super::attacks::ATTACKS;
use super::{CallContext, Execution, IsolationOptions, Layer, LayerSet, Limits, Outcome, Probe, probe, run_script, run_unreviewed, text};
use crate::program::{Executable, printed};
use crate::semantic::entry::find_entry;
use crate::source::{Language, SourceFile};
use crate::syntax::{Parsed, PrecheckLimits, parse, precheck};

/// The limits that attacks run under: tight, so that they end soon.
pub const ATTACK_LIMITS: Limits = Limits {
    wall_clock_ms_max: 400,
    heap_bytes_max: 32 << 20,
    statements_max: 1_000_000,
    call_depth_max: 400,
    output_bytes_max: 1 << 20,
    input_bytes_max: 256 << 10,
    source_bytes_max: 1_000_000,
    nesting_max: 200,
};

/// Most bytes of a message that the table shows.
const SHOWN_BYTES_MAX: usize = 200;

/// One attack: a script, or a file with an entry function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// What it is called.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The classes of outcome that are right; empty where any contained outcome is.
    pub expected: Vec<String>,
}

impl Attack {
    /// An attack; its first line may say `// expect: class|class`. A line `// source: "(" * 9 + "1"`
    /// stands for the text it spells out.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let (name, text) = (name.into(), text.into());
        let expected = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("// expect: "))
            .map(|classes| classes.split('|').map(|class| class.trim().to_owned()).collect())
            .unwrap_or_default();
        let spelled = text.lines().find_map(|line| spell(line.strip_prefix("// source: ")?));
        Attack { name, text: spelled.unwrap_or(text), expected }
    }

    /// The attacks that are part of `fnvet`.
    pub fn built_in() -> Vec<Attack> {
        ATTACKS.iter().map(|&(name, text)| Attack::new(name, text)).collect()
    }

    /// Runs it once.
    pub fn run(&self, limits: &Limits, options: &IsolationOptions) -> Execution {
        let context = CallContext::default();
        match self.parsed() {
            Some((source, parsed)) => match find_entry(&parsed, "execute") {
                Some(entry) => {
                    let program = Executable::new(&source, &parsed, &entry);
                    run_unreviewed(&program, None, &serde_json::json!({}), &context, limits, options)
                }
                None if source.language == Language::TypeScript => run_script(&printed(&source, &parsed), &context, limits, options),
                None => run_script(&self.text, &context, limits, options),
            },
            None => run_script(&self.text, &context, limits, options),
        }
    }

    /// Whether an execution ended as it should.
    pub fn is_contained(&self, outcome: &Outcome) -> bool {
        if self.expected.is_empty() {
            return !matches!(outcome, Outcome::Violation(_) | Outcome::Crashed(_) | Outcome::Refused(_));
        }
        self.expected.contains(&outcome.class())
    }

    /// The file, where a parser may meet it outside a worker and can read it.
    fn parsed(&self) -> Option<(SourceFile, Parsed)> {
        let source = SourceFile::new(self.name.clone(), self.text.clone());
        precheck(&source, &PrecheckLimits::FUNCTION).ok()?;
        let parsed = parse(&source).ok()?;
        Some((source, parsed))
    }
}

/// Most bytes that a spelled-out source may have.
const SPELLED_BYTES_MAX: usize = 4 << 20;

/// The text of `"a" * 3 + "b"`: JSON strings, repeated and joined.
fn spell(formula: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = formula.trim();
    loop {
        let mut parts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let part = parts.next()?.ok()?;
        rest = rest[parts.byte_offset()..].trim_start();
        let mut count = 1;
        if let Some(after) = rest.strip_prefix('*') {
            let end = after.find('+').unwrap_or(after.len());
            count = after[..end].trim().parse().ok()?;
            rest = &after[end..];
        }
        if part.len().saturating_mul(count) > SPELLED_BYTES_MAX - text.len() {
            return None;
        }
        text.push_str(&part.repeat(count));
        match rest.strip_prefix('+') {
            Some(after) => rest = after.trim_start(),
            None => return rest.is_empty().then_some(text),
        }
    }
}

/// One layer, as it was found.
#[derive(Clone, Debug, Serialize)]
pub struct LayerRow {
    /// Which.
    pub layer: Layer,
    /// Whether it stopped, alone, what it is there for.
    pub holds: bool,
    /// What happened.
    pub detail: String,
}

/// One attack, as it ended.
#[derive(Clone, Debug, Serialize)]
pub struct AttackRow {
    /// Which.
    pub name: String,
    /// The classes that are right; empty where any contained outcome is.
    pub expected: Vec<String>,
    /// The class it was.
    pub class: String,
    /// How long it took.
    #[serde(rename = "durationMs")]
    pub duration_ms: u64,
    /// Whether that is right.
    pub contained: bool,
    /// The platform's message.
    pub message: Option<String>,
}

/// What `doctor` found.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// The layers.
    pub layers: Vec<LayerRow>,
    /// The attacks.
    pub attacks: Vec<AttackRow>,
}

impl Diagnosis {
    /// Whether everything held.
    pub fn is_healthy(&self) -> bool {
        self.layers.iter().all(|row| row.holds) && self.attacks.iter().all(|row| row.contained)
    }

    /// The table.
    pub fn render(&self) -> String {
        let mark = |good: bool| if good { "ok  " } else { "FAIL" };
        let mut out = String::from("Isolation layers of this machine, each tried alone\n\n");
        for row in &self.layers {
            let _ = writeln!(out, "  {} {:<20} {}", mark(row.holds), row.layer.name(), row.detail);
        }
        let _ = writeln!(out, "\nAttacks, run without review in the sandbox\n");
        let width = self.attacks.iter().map(|row| row.name.len()).max().unwrap_or(0).min(40);
        for row in &self.attacks {
            let name = text::escape(&row.name, 60);
            let _ = write!(out, "  {} {name:<width$} {:<18} {:>5} ms", mark(row.contained), row.class, row.duration_ms);
            if !row.contained {
                let expected = if row.expected.is_empty() { "containment".into() } else { row.expected.join(" or ") };
                let message = row.message.iter().map(|message| format!("; {}", text::escape(message, SHOWN_BYTES_MAX)));
                let _ = write!(out, "  expected {}{}", text::escape(&expected, SHOWN_BYTES_MAX), message.collect::<String>());
            }
            out.push('\n');
        }
        let failed = self.layers.iter().filter(|row| !row.holds).count() + self.attacks.iter().filter(|row| !row.contained).count();
        let _ = match failed {
            0 => writeln!(out, "\n{} layers hold, {} attacks contained", self.layers.len(), self.attacks.len()),
            _ => writeln!(out, "\n{failed} of {} rows failed", self.layers.len() + self.attacks.len()),
        };
        out
    }
}

/// Tries every layer and every attack. `options.without` leaves layers out, whose rows must then fail.
pub fn diagnose(attacks: &[Attack], options: &IsolationOptions) -> Diagnosis {
    let options = IsolationOptions { require_full: false, spare_workers: 0, ..options.clone() };
    let layers = Layer::ALL.par_iter().map(|&layer| try_layer(layer, &options)).collect();
    let attacks = attacks.par_iter().map(|attack| try_attack(attack, &options)).collect();
    Diagnosis { layers, attacks }
}

fn try_layer(layer: Layer, options: &IsolationOptions) -> LayerRow {
    // Only this one is on, so that no other can take the credit, and off too if it is left out.
    let others = Layer::ALL.into_iter().filter(|&other| other != layer || options.without.contains(layer));
    let alone = IsolationOptions { without: others.collect::<LayerSet>(), ..options.clone() };
    let execution = probe(Probe::Layer(layer), &ATTACK_LIMITS, &alone);
    let (stopped, detail) = match (layer, &execution.outcome) {
        (Layer::Seccomp, Outcome::Violation(call)) => (true, format!("ended at {call}")),
        (Layer::HeapCounter, Outcome::Limit(super::LimitKind::Heap)) => (true, "ended at the limit".into()),
        (Layer::Seccomp | Layer::HeapCounter, _) => (false, execution.error_message().unwrap_or_default()),
        (_, Outcome::Returned(_)) => (true, "stopped".into()),
        _ => (false, execution.error_message().unwrap_or_default()),
    };
    // On some machines there is nothing to stop (a user who has no rights to give up), and the probe
    // finds nothing where a layer is missing: the worker must have taken it, too.
    match (execution.isolation.missing().contains(&layer), stopped) {
        (true, true) => LayerRow { layer, holds: false, detail: "not taken, though nothing was possible".into() },
        (_, holds) => LayerRow { layer, holds, detail },
    }
}

fn try_attack(attack: &Attack, options: &IsolationOptions) -> AttackRow {
    let execution = attack.run(&ATTACK_LIMITS, options);
    AttackRow {
        name: attack.name.clone(),
        expected: attack.expected.clone(),
        class: execution.outcome.class(),
        duration_ms: execution.duration_ms,
        contained: attack.is_contained(&execution.outcome),
        message: execution.error_message(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_can_be_spelled_out() {
        assert_eq!(spell(r#""(" * 3 + "1" + ")" * 2"#).as_deref(), Some("(((1))"));
        assert_eq!(spell(r#""a+" * 2 + "\"" "#).as_deref(), Some("a+a+\""));
        assert_eq!(spell(r#""a" * x"#), None);
        assert_eq!(spell(r#""a" * 99999999"#), None);
    }

    #[test]
    fn the_table_shows_no_control_character_of_an_attack() {
        let row = AttackRow {
            name: "a\u{1b}[2J.js".into(),
            expected: vec!["\u{1b}]0;title\u{7}".into()],
            class: "threw".into(),
            duration_ms: 1,
            contained: false,
            message: Some("x".repeat(5_000)),
        };
        let table = Diagnosis { layers: Vec::new(), attacks: vec![row] }.render();
        assert!(!table.contains(['\u{1b}', '\u{7}']) && table.len() < 1_000, "{table}");
    }

    #[test]
    fn the_first_line_says_what_is_expected() {
        let attack = Attack::new("a.js", "// expect: limit:heap|limit:wall-clock\nfor (;;);");
        assert_eq!(attack.expected, ["limit:heap", "limit:wall-clock"]);
        assert_eq!(Attack::new("b.js", "for (;;);").expected, Vec::<String>::new());
    }
}
