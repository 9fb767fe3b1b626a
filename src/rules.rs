//! All rules, one line per rule, and what is derived from the whole of them.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::rule::{Rule, RuleMeta};

pub mod file_too_large;
pub mod missing_entry;
pub mod nesting_too_deep;
pub mod no_context_override;
pub mod no_eval;
pub mod no_extend_native;
pub mod no_hardcoded_secret;
pub mod no_host_access;
pub mod no_implied_eval;
pub mod no_new_func;
pub mod no_proto;
pub mod no_prototype_access;
pub mod no_prototype_pollution;
pub mod no_sensitive_log;
pub mod no_sensitive_return;
pub mod no_shared_state;
pub mod no_unbounded_loop;
pub mod no_unbounded_operation;
pub mod no_unbounded_recursion;
pub mod no_undef;
pub mod no_unsafe_regex;
pub mod require_input_validation;
pub mod suppression_without_reason;
pub mod syntax_error;
pub mod too_complex;
pub mod unknown_rule;
pub mod unsupported_syntax;
pub mod unused_suppression;

/// Every rule, sorted by id.
pub const RULES: &[&dyn Rule] = &[
    &file_too_large::FileTooLarge,
    &missing_entry::MissingEntry,
    &nesting_too_deep::NestingTooDeep,
    &no_context_override::NoContextOverride,
    &no_eval::NoEval,
    &no_extend_native::NoExtendNative,
    &no_hardcoded_secret::NoHardcodedSecret,
    &no_host_access::NoHostAccess,
    &no_implied_eval::NoImpliedEval,
    &no_new_func::NoNewFunc,
    &no_proto::NoProto,
    &no_prototype_access::NoPrototypeAccess,
    &no_prototype_pollution::NoPrototypePollution,
    &no_sensitive_log::NoSensitiveLog,
    &no_sensitive_return::NoSensitiveReturn,
    &no_shared_state::NoSharedState,
    &no_unbounded_loop::NoUnboundedLoop,
    &no_unbounded_operation::NoUnboundedOperation,
    &no_unbounded_recursion::NoUnboundedRecursion,
    &no_undef::NoUndef,
    &no_unsafe_regex::NoUnsafeRegex,
    &require_input_validation::RequireInputValidation,
    &suppression_without_reason::SuppressionWithoutReason,
    &syntax_error::SyntaxError,
    &too_complex::TooComplex,
    &unknown_rule::UnknownRule,
    &unsupported_syntax::UnsupportedSyntax,
    &unused_suppression::UnusedSuppression,
];

/// Rules whose level is fixed: where they speak, the source was not read or judged to its end, or cannot run.
pub const FIXED_LEVEL: &[&str] = &["file-too-large", "nesting-too-deep", "syntax-error", "too-complex", "unsupported-syntax"];

/// Rules about suppressions, which no suppression silences.
pub const ABOUT_SUPPRESSIONS: &[&str] = &["suppression-without-reason", "unknown-rule", "unused-suppression"];

/// Rules that no approver can waive.
pub const NOT_WAIVABLE: &[&str] =
    &["file-too-large", "missing-entry", "nesting-too-deep", "no-context-override", "syntax-error", "too-complex", "unsupported-syntax"];

/// Data tables that rules read, by name: they are part of the rule set's digest.
const DATA: &[(&str, &str)] = &[("globals", include_str!("../rules/globals.toml")), ("sensitive", include_str!("../rules/sensitive.toml"))];

/// The rule called `id`.
pub fn find(id: &str) -> Option<&'static RuleMeta> {
    RULES.binary_search_by(|rule| rule.meta().id.cmp(id)).ok().map(|at| RULES[at].meta())
}

/// The rule id nearest to `id`, if one is near enough to be meant.
pub fn similar(id: &str) -> Option<&'static str> {
    nearest(id, RULES.iter().map(|rule| rule.meta().id))
}

/// The name among `known` that `given` was probably meant to be.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given: String = given.chars().take(100).collect();
    known
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(&given, name), name))
        .filter(|(likeness, _)| *likeness > 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// `sha256:…` over the metadata of all rules, the data they read, and the version. Pages are left
/// out: a better wording is no other rule set.
pub fn ruleset_digest() -> &'static str {
    static DIGEST: OnceLock<String> = OnceLock::new();
    DIGEST.get_or_init(|| {
        let mut hash = Sha256::new();
        let mut field = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        field(env!("CARGO_PKG_VERSION"));
        for meta in RULES.iter().map(|rule| rule.meta()) {
            for text in
                [meta.id, meta.summary, meta.checklist, meta.level.as_str(), meta.confidence.as_str(), meta.security_severity, meta.since]
            {
                field(text);
            }
            field(&meta.cwe.join(","));
        }
        for (name, table) in DATA {
            field(name);
            field(table);
        }
        format!("sha256:{}", hex::encode(hash.finalize()))
    })
}
