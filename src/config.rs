//! `fnvet.toml`: [`Config`] as written, [`Settings`] as resolved.
//!
//! Lint uses what stands nearest to the code. The gate does not take the word of the party under
//! review: see [`Settings::for_gate`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::finding::{Finding, Level};
use crate::rules;

pub mod discover;

/// The name of the configuration file.
pub const FILE_NAME: &str = "fnvet.toml";

/// The largest configuration file that is read.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// What a configuration says about one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleLevel {
    /// Its findings are dropped.
    Off,
    /// Its findings are notes.
    Note,
    /// Its findings are warnings.
    Warning,
    /// Its findings are errors.
    Error,
}

impl RuleLevel {
    /// The level, unless the rule is off.
    pub fn level(self) -> Option<Level> {
        match self {
            RuleLevel::Off => None,
            RuleLevel::Note => Some(Level::Note),
            RuleLevel::Warning => Some(Level::Warning),
            RuleLevel::Error => Some(Level::Error),
        }
    }
}

impl std::str::FromStr for RuleLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(RuleLevel::Off),
            "note" => Ok(RuleLevel::Note),
            "warning" => Ok(RuleLevel::Warning),
            "error" => Ok(RuleLevel::Error),
            _ => Err(format!("`{text}` is no level: off, note, warning or error")),
        }
    }
}

/// How much isolation an execution must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RequireIsolation {
    /// Missing layers are reported.
    #[default]
    Reduced,
    /// A missing layer is a refusal.
    Full,
}

/// What happens to a result, or to the message of a failure, that holds something sensitive by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutputAction {
    /// It leaves; the record says what it held.
    Flag,
    /// It leaves without it.
    Redact,
    /// It does not leave.
    Refuse,
}

/// `fnvet.toml`, as written.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(title = "fnvet.toml", description = "Configuration of fnvet")]
pub struct Config {
    /// The name of the entry function; `execute` by default.
    pub entry: Option<String>,
    /// The level of all findings of a rule.
    #[schemars(schema_with = "rules_schema")]
    pub rules: BTreeMap<String, RuleLevel>,
    /// Names that hold sensitive data, beside the built-in ones.
    pub sensitive: Vec<String>,
    /// Globals beside those that fnvet knows.
    pub globals: GlobalsConfig,
    /// Whether the sandbox checks an input against the function's schema, so that lint may rely on it; true by default.
    pub enforce_schema: Option<bool>,
    /// Limits of a function; each has its default.
    pub limits: LimitsConfig,
    /// `full` refuses to run a function where a layer of isolation is missing.
    pub require_isolation: Option<RequireIsolation>,
    /// The store of the registry: a path, or a `sqlite:` or `postgres:` URL.
    pub store: Option<String>,
    /// The names that roles have in the tokens of the identity provider.
    pub roles: RolesConfig,
    /// The audit log.
    pub audit: AuditConfig,
    /// What may leave.
    pub output: OutputConfig,
}

/// `[globals]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct GlobalsConfig {
    /// Globals that reach the host: their use is reported by `no-host-access`.
    pub host: Vec<String>,
    /// Globals that the platform provides and that are harmless: their use is not reported.
    pub allowed: Vec<String>,
}

/// `[limits]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Wall clock of one execution, in milliseconds.
    #[schemars(range(min = 1))]
    pub wall_clock_ms: Option<u64>,
    /// Heap of one execution, in bytes.
    #[schemars(range(min = 1))]
    pub heap_bytes: Option<u64>,
    /// Statements (VM instructions after setup) of one execution.
    #[schemars(range(min = 1))]
    pub statements: Option<u64>,
    /// Calls within calls.
    #[schemars(range(min = 1))]
    pub call_depth: Option<u64>,
    /// The result as JSON, in bytes.
    #[schemars(range(min = 1))]
    pub output_bytes: Option<u64>,
    /// The input as JSON, in bytes.
    #[schemars(range(min = 1))]
    pub input_bytes: Option<u64>,
    /// The source, in bytes.
    #[schemars(range(min = 1))]
    pub source_bytes: Option<u64>,
    /// Nesting of the source.
    #[schemars(range(min = 1))]
    pub nesting: Option<u64>,
}

/// `[roles]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RolesConfig {
    /// Who writes functions; `OctopusFunctionAuthor` by default.
    pub author: Option<String>,
    /// Who approves them; `OctopusFunctionApprover` by default.
    pub approver: Option<String>,
    /// Who sees a tenant's functions and audit log; `OctopusAdmin` by default.
    pub admin: Option<String>,
    /// The same above all tenants; `OctopusSuperAdmin` by default.
    pub super_admin: Option<String>,
}

/// `[audit]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AuditConfig {
    /// Where file commands append their records; `fnvet-audit.jsonl` in the current folder by default.
    pub file: Option<PathBuf>,
    /// Whether the record of a call holds its input and its result, up to 4 KiB of each; by default it holds neither.
    pub contents: Option<bool>,
}

/// `[output]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct OutputConfig {
    /// Of results that hold a credential; `refuse` by default.
    pub credentials: Option<OutputAction>,
    /// Of results that hold a card number, a social security number or an IBAN; `flag` by default.
    pub patterns: Option<OutputAction>,
}

/// The limits of a function, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Wall clock of one execution.
    pub wall_clock_ms: u64,
    /// Heap of one execution.
    pub heap_bytes: u64,
    /// VM instructions after setup.
    pub statements: u64,
    /// Calls within calls.
    pub call_depth: u64,
    /// The result as JSON.
    pub output_bytes: u64,
    /// The input as JSON.
    pub input_bytes: u64,
    /// The source.
    pub source_bytes: u64,
    /// Nesting of the source.
    pub nesting: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            wall_clock_ms: 5_000,
            heap_bytes: 64 << 20,
            statements: 10_000_000,
            call_depth: 400,
            output_bytes: 1 << 20,
            input_bytes: 256 << 10,
            source_bytes: 1_000_000,
            nesting: 200,
        }
    }
}

impl Limits {
    /// Hex SHA-256 of the limits' canonical JSON.
    pub fn digest(&self) -> String {
        canonical_digest(self)
    }

    fn pairs<'a>(&'a mut self, written: &'a LimitsConfig) -> [(&'a mut u64, Option<u64>); 8] {
        [
            (&mut self.wall_clock_ms, written.wall_clock_ms),
            (&mut self.heap_bytes, written.heap_bytes),
            (&mut self.statements, written.statements),
            (&mut self.call_depth, written.call_depth),
            (&mut self.output_bytes, written.output_bytes),
            (&mut self.input_bytes, written.input_bytes),
            (&mut self.source_bytes, written.source_bytes),
            (&mut self.nesting, written.nesting),
        ]
    }
}

/// The names of roles in tokens, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Writes functions.
    pub author: String,
    /// Approves them.
    pub approver: String,
    /// Sees a tenant's functions and audit log.
    pub admin: String,
    /// The same above all tenants.
    pub super_admin: String,
}

/// What happens to the level of a rule's findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LevelSetting {
    /// They are dropped.
    Off,
    /// They have this level.
    Set(Level),
    /// They have at least this level.
    AtLeast(Level),
}

/// A rule that the trusted policy makes milder than it is by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lowering {
    /// The rule.
    pub rule: String,
    /// Its own level.
    pub from: Level,
    /// The level in force; `None` where it is off.
    pub to: Option<Level>,
}

/// Configuration, resolved: every question has one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The name of the entry function.
    pub entry: String,
    /// What is configured about rules, by id.
    pub levels: BTreeMap<String, LevelSetting>,
    /// Extra sensitive names, sorted.
    pub sensitive: Vec<String>,
    /// Extra globals that reach the host, sorted.
    pub globals_host: Vec<String>,
    /// Extra globals that are harmless, sorted.
    pub globals_allowed: Vec<String>,
    /// Whether the sandbox checks inputs against the schema.
    pub enforce_schema: bool,
    /// Limits of a function.
    pub limits: Limits,
    /// The analysis' own budget for one file. No file configures it: what it cuts off is not reviewed.
    pub analysis_work_max: u64,
    /// How much isolation an execution must have, where the configuration says so.
    pub require_isolation: Option<RequireIsolation>,
    /// The registry's store.
    pub store: Option<String>,
    /// The names of roles in tokens.
    pub roles: Roles,
    /// The audit log of file commands.
    pub audit_file: Option<PathBuf>,
    /// Whether records of calls hold inputs and results.
    pub audit_contents: bool,
    /// Of outputs that hold a credential.
    pub output_credentials: OutputAction,
    /// Of outputs that hold something else that is sensitive by its form.
    pub output_patterns: OutputAction,
    /// Made by [`Settings::for_gate`] and not changed since.
    gate: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Config::default().resolve(None)
    }
}

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}{}: {message}", position.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default())]
pub struct ConfigError {
    /// The file, as shown.
    pub path: String,
    /// Line and column, where they are known.
    pub position: Option<(usize, usize)>,
    /// What is wrong and, where it can be guessed, what was meant.
    pub message: String,
}

impl Config {
    /// Reads and checks a file, which is shown as `shown`.
    ///
    /// # Errors
    /// A file that cannot be read, is no TOML, has unknown keys or rules, or values out of range.
    pub fn read(path: &Path, shown: &str) -> Result<Config, ConfigError> {
        let bytes = crate::source::collect::read_regular(path, CONFIG_BYTES_MAX).map_err(|reason| ConfigError {
            path: shown.to_owned(),
            position: None,
            message: format!("cannot be read: {reason}"),
        })?;
        let text = String::from_utf8(bytes).map_err(|_| ConfigError {
            path: shown.to_owned(),
            position: None,
            message: "cannot be read: it is not UTF-8".to_owned(),
        })?;
        Config::parse(&text, shown)
    }

    /// Reads and checks the text of a file.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn parse(text: &str, shown: &str) -> Result<Config, ConfigError> {
        let error = |position, message| ConfigError { path: shown.to_owned(), position, message };
        let mut config: Config = toml::from_str(text).map_err(|e| {
            let position = e.span().map(|span| line_and_column(text, span.start));
            error(position, with_suggestion(e.message()))
        })?;
        config.check().map_err(|message| error(None, message))?;
        Ok(config)
    }

    fn check(&mut self) -> Result<(), String> {
        for (id, level) in &self.rules {
            check_rule_level(id, *level)?;
        }
        if let Some(entry) = &self.entry
            && !is_identifier(entry)
        {
            return Err(format!("`entry` must be the name of a function, not `{entry}`"));
        }
        let named = |key: &str, names: &[String], good: fn(&str) -> bool| match names.iter().find(|name| !good(name)) {
            Some(bad) => Err(format!("`{key}` must hold names, not `{bad}`")),
            None => Ok(()),
        };
        named("sensitive", &self.sensitive, |name| name.chars().any(char::is_alphanumeric))?;
        named("globals.host", &self.globals.host, is_identifier)?;
        named("globals.allowed", &self.globals.allowed, is_identifier)?;
        if Limits::default().pairs(&self.limits).iter().any(|(_, written)| *written == Some(0)) {
            return Err("a limit must be at least 1".to_owned());
        }
        Ok(())
    }

    /// The settings that follow from this file alone; relative paths are relative to `folder`.
    pub fn resolve(&self, folder: Option<&Path>) -> Settings {
        let mut limits = Limits::default();
        for (limit, written) in limits.pairs(&self.limits) {
            *limit = written.unwrap_or(*limit);
        }
        let role = |written: &Option<String>, default: &str| written.clone().unwrap_or_else(|| default.to_owned());
        Settings {
            entry: self.entry.clone().unwrap_or_else(|| "execute".to_owned()),
            levels: self.rules.iter().map(|(id, level)| (id.clone(), level.level().map_or(LevelSetting::Off, LevelSetting::Set))).collect(),
            sensitive: sorted(&[&self.sensitive]),
            globals_host: sorted(&[&self.globals.host]),
            globals_allowed: sorted(&[&self.globals.allowed]),
            enforce_schema: self.enforce_schema.unwrap_or(true),
            limits,
            analysis_work_max: crate::semantic::limits::WORK_MAX,
            require_isolation: self.require_isolation,
            store: self.store.as_ref().map(|store| match folder {
                Some(folder) if !store.contains(':') => folder.join(store).to_string_lossy().into_owned(),
                _ => store.clone(),
            }),
            roles: Roles {
                author: role(&self.roles.author, "OctopusFunctionAuthor"),
                approver: role(&self.roles.approver, "OctopusFunctionApprover"),
                admin: role(&self.roles.admin, "OctopusAdmin"),
                super_admin: role(&self.roles.super_admin, "OctopusSuperAdmin"),
            },
            audit_file: self.audit.file.as_ref().map(|file| folder.map_or_else(|| file.clone(), |folder| folder.join(file))),
            audit_contents: self.audit.contents.unwrap_or_default(),
            output_credentials: self.output.credentials.unwrap_or(OutputAction::Refuse),
            output_patterns: self.output.patterns.unwrap_or(OutputAction::Flag),
            gate: false,
        }
    }
}

impl Settings {
    /// The level that a finding has under these settings; `None` if its rule is off.
    pub fn level_of(&self, finding: &Finding) -> Option<Level> {
        match self.levels.get(finding.rule) {
            None => Some(finding.level),
            Some(LevelSetting::Off) => None,
            Some(LevelSetting::Set(level)) => Some(*level),
            Some(LevelSetting::AtLeast(level)) => Some(finding.level.max(*level)),
        }
    }

    /// Whether these are settings of the gate: the function limits hold, and a report under them may
    /// be cleared.
    pub fn is_gate(&self) -> bool {
        self.gate
    }

    /// Whether the rule is off.
    pub fn is_off(&self, rule: &str) -> bool {
        self.levels.get(rule) == Some(&LevelSetting::Off)
    }

    /// `--rule ID=LEVEL` of the command line.
    ///
    /// # Errors
    /// An unknown rule, or one whose level is fixed.
    pub fn set_rule(&mut self, id: &str, level: RuleLevel) -> Result<(), String> {
        check_rule_level(id, level)?;
        self.levels.insert(id.to_owned(), level.level().map_or(LevelSetting::Off, LevelSetting::Set));
        self.gate = false;
        Ok(())
    }

    /// The settings of the gate: the trusted policy counts in full; what was found beside the code
    /// (`found`) may only make the gate stricter.
    pub fn for_gate(trusted: Option<&Config>, found: Option<&Config>, folder: Option<&Path>) -> Settings {
        let mut settings = trusted.cloned().unwrap_or_default().resolve(folder);
        settings.gate = true;
        // Nothing without an entry can be run: a policy for libraries does not hold here.
        settings.levels.remove("missing-entry");
        let Some(found) = found else { return settings };
        if let (None, Some(entry)) = (trusted.and_then(|config| config.entry.as_ref()), &found.entry) {
            settings.entry.clone_from(entry);
        }
        for (id, level) in &found.rules {
            let Some(level) = level.level() else { continue };
            let raised = match settings.levels.get(id) {
                Some(LevelSetting::Set(own) | LevelSetting::AtLeast(own)) if *own >= level => continue,
                Some(LevelSetting::Set(_)) => LevelSetting::Set(level),
                Some(LevelSetting::Off | LevelSetting::AtLeast(_)) | None => LevelSetting::AtLeast(level),
            };
            settings.levels.insert(id.clone(), raised);
        }
        settings.sensitive = sorted(&[&settings.sensitive, &found.sensitive]);
        settings.globals_host = sorted(&[&settings.globals_host, &found.globals.host]);
        settings.enforce_schema &= found.enforce_schema.unwrap_or(true);
        for (limit, written) in settings.limits.pairs(&found.limits) {
            *limit = written.unwrap_or(*limit).min(*limit);
        }
        settings.require_isolation = settings.require_isolation.max(found.require_isolation);
        let stricter = |own: OutputAction, found: Option<OutputAction>| found.map_or(own, |found| own.max(found));
        settings.output_credentials = stricter(settings.output_credentials, found.output.credentials);
        settings.output_patterns = stricter(settings.output_patterns, found.output.patterns);
        settings
    }

    /// The rules that these settings make milder than they are by themselves.
    pub fn lowerings(&self) -> Vec<Lowering> {
        let lowered = |(id, setting): (&String, &LevelSetting)| {
            let from = rules::find(id)?.level;
            let to = match setting {
                LevelSetting::Off => None,
                LevelSetting::Set(level) => Some(*level),
                LevelSetting::AtLeast(_) => return None,
            };
            (to < Some(from)).then(|| Lowering { rule: id.clone(), from, to })
        };
        self.levels.iter().filter_map(lowered).collect()
    }

    /// Hex SHA-256 of everything here that decides what lint finds. Limits have their own digest.
    pub fn lint_digest(&self) -> String {
        canonical_digest(&serde_json::json!({
            "entry": self.entry,
            "rules": self.levels,
            "sensitive": self.sensitive,
            "globalsHost": self.globals_host,
            "globalsAllowed": self.globals_allowed,
            "enforceSchema": self.enforce_schema,
        }))
    }
}

/// The JSON Schema of `fnvet.toml`, as it is kept in `rules/fnvet.schema.json`.
pub fn json_schema() -> String {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Config)).unwrap_or_default();
    text.push('\n');
    text
}

fn rules_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let level = generator.subschema_for::<RuleLevel>();
    let one = |meta: &crate::rule::RuleMeta| {
        let schema = if rules::FIXED_LEVEL.contains(&meta.id) {
            serde_json::json!({"const": "error", "description": meta.summary})
        } else {
            serde_json::json!({"allOf": [level], "description": meta.summary})
        };
        (meta.id.to_owned(), schema)
    };
    let properties: serde_json::Map<_, _> = rules::RULES.iter().map(|rule| one(rule.meta())).collect();
    schemars::json_schema!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn check_rule_level(id: &str, level: RuleLevel) -> Result<(), String> {
    if rules::find(id).is_none() {
        return Err(match rules::similar(id) {
            Some(similar) => format!("there is no rule `{id}`; did you mean `{similar}`?"),
            None => format!("there is no rule `{id}`; `fnvet rules` lists them"),
        });
    }
    if rules::FIXED_LEVEL.contains(&id) && level != RuleLevel::Error {
        return Err(format!("the level of `{id}` is fixed: where it speaks, the source was not read or cannot run"));
    }
    Ok(())
}

fn is_identifier(name: &str) -> bool {
    let part = |c: char| c == '_' || c == '$' || c.is_alphanumeric();
    !name.is_empty() && name.chars().all(part) && !name.starts_with(|c: char| c.is_numeric())
}

fn sorted(lists: &[&Vec<String>]) -> Vec<String> {
    let all: std::collections::BTreeSet<&String> = lists.iter().copied().flatten().collect();
    all.into_iter().cloned().collect()
}

fn canonical_digest(value: &impl Serialize) -> String {
    // Canonical JSON of strings, booleans and integers always exists.
    hex::encode(Sha256::digest(serde_json_canonicalizer::to_vec(value).unwrap_or_default()))
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().encode_utf16().count() + 1;
    (line, column)
}

/// serde names what it met and what it expected in backticks; the nearest of them was meant.
fn with_suggestion(message: &str) -> String {
    let message = message.trim();
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match names.split_first() {
        Some((given, known)) if message.starts_with("unknown") => match rules::nearest(given, known.iter().copied()) {
            Some(meant) => format!("{message}; did you mean `{meant}`?"),
            None => message.to_owned(),
        },
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config, String> {
        Config::parse(text, "fnvet.toml").map_err(|e| e.to_string())
    }

    #[test]
    fn an_unknown_key_is_an_error_with_place_and_suggestion() {
        let error = config("entry = \"run\"\nenforce-shema = true\n").unwrap_err();
        assert!(error.starts_with("fnvet.toml:2:1: unknown field `enforce-shema`"), "{error}");
        assert!(error.ends_with("did you mean `enforce-schema`?"), "{error}");
        let error = config("[limits]\nwall_clock = 3\n").unwrap_err();
        assert!(error.ends_with("did you mean `wall_clock_ms`?"), "{error}");
    }

    #[test]
    fn unknown_rules_and_levels_are_errors() {
        assert!(config("[rules]\nno-evil = \"off\"").unwrap_err().contains("did you mean `no-eval`?"));
        assert!(config("[rules]\nno-eval = \"erorr\"").unwrap_err().contains("did you mean `error`?"));
        assert!(config("[rules]\nsyntax-error = \"off\"").unwrap_err().contains("fixed"));
        assert!(config("[limits]\nnesting = 0").unwrap_err().contains("at least 1"));
        assert!(config("entry = \"a b\"").is_err());
    }

    #[test]
    fn a_configuration_found_beside_the_code_only_makes_the_gate_stricter() {
        let found = config(
            "enforce-schema = false\n[rules]\nno-eval = \"off\"\nno-undef = \"error\"\n[globals]\nallowed = [\"Buffer\"]\nhost = [\"db\"]\n[limits]\nheap_bytes = 1\nstatements = 99000000",
        )
        .unwrap();
        let gate = Settings::for_gate(None, Some(&found), None);
        assert_eq!(gate.levels.get("no-eval"), None);
        assert_eq!(gate.levels.get("no-undef"), Some(&LevelSetting::AtLeast(Level::Error)));
        assert_eq!((gate.globals_allowed.len(), gate.globals_host.len()), (0, 1));
        assert_eq!((gate.limits.heap_bytes, gate.limits.statements), (1, 10_000_000));
        assert!(!gate.enforce_schema);
        let found = config("[output]\ncredentials = \"flag\"\npatterns = \"redact\"").unwrap();
        let gate = Settings::for_gate(None, Some(&found), None);
        assert_eq!((gate.output_credentials, gate.output_patterns), (OutputAction::Refuse, OutputAction::Redact));
        assert!(gate.lowerings().is_empty());
    }

    #[test]
    fn lowerings_of_the_trusted_policy_are_listed() {
        let trusted = config("[rules]\nno-eval = \"warning\"\nno-undef = \"off\"").unwrap();
        let lowered: Vec<_> = Settings::for_gate(Some(&trusted), None, None).lowerings().into_iter().map(|l| l.rule).collect();
        assert_eq!(lowered, ["no-eval", "no-undef"]);
    }

    #[test]
    fn the_schema_in_the_repository_is_current() {
        let kept = include_str!("../rules/fnvet.schema.json");
        assert!(kept == json_schema(), "run: fnvet config-schema > rules/fnvet.schema.json");
    }

    #[test]
    fn the_digest_follows_what_decides_findings_and_nothing_else() {
        let digest = |text: &str| config(text).unwrap().resolve(None).lint_digest();
        assert_eq!(digest(""), digest("store = \"a.db\"\n[limits]\nnesting = 9"));
        assert_ne!(digest(""), digest("[rules]\nno-eval = \"warning\""));
    }
}
