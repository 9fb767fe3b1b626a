//! The gate: from one function's files, or a version in the registry, to a decision about exactly it.
//!
//! The order is enforced by types. A [`Candidate`] is read once; [`Candidate::clear`] yields a
//! [`Cleared`](crate::report::Cleared), without which nothing reaches the sandbox; only a trial that
//! was passed yields a [`Passed`], and only that, with a second person, a [`Decision`].

use jiff::{SignedDuration, Timestamp};

use crate::source::Language;
use crate::trial::Passed;

pub mod authors;
mod candidate;
pub mod signature;
pub mod statement;
pub mod trust;
pub mod verify;

pub use authors::SecondPerson;
pub(crate) use candidate::digest;
pub use candidate::{Candidate, GateError, Policy, Stored, is_function_file};
use statement::{Digests, Judged, PREDICATE_TYPE, Predicate, Statement, Subject, Tried};

/// How long an approval holds.
pub const VALID_FOR_DAYS: i64 = 180;

/// A second person's decision about exactly what was judged and tried. [`Decision::approve`] alone
/// makes it.
///
/// ```compile_fail,E0451
/// # use fnvet::approval::{Decision, SecondPerson};
/// fn forge(decision: Decision, approver: SecondPerson) -> Decision {
///     Decision { approver, ..decision }
/// }
/// ```
#[derive(Debug)]
pub struct Decision {
    passed: Passed,
    approver: SecondPerson,
    notes: Option<String>,
    at: Timestamp,
}

impl Decision {
    /// Approves what passed its trial, now.
    pub fn approve(passed: Passed, approver: SecondPerson, notes: Option<String>) -> Decision {
        let now = Timestamp::now();
        // To the second, as it is written.
        let at = Timestamp::from_second(now.as_second()).unwrap_or(now);
        Decision { passed, approver, notes, at }
    }

    /// The statement of the decision, about `candidate`.
    ///
    /// # Errors
    /// Where the decision is about another source.
    pub fn statement(&self, candidate: &Candidate) -> Result<Statement, GateError> {
        let function = self.passed.function();
        let sha256 = function.source().sha256();
        if candidate.report().sha256() != Some(&sha256) {
            return Err(GateError::Failure("the decision is about another source".to_owned()));
        }
        let settings = function.settings();
        let valid_for = SignedDuration::from_hours(24 * VALID_FOR_DAYS);
        let mut statement = Statement {
            kind: statement::STATEMENT_TYPE.to_owned(),
            subject: vec![Subject::new(candidate.subject(), &sha256)],
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: Predicate {
                approval_id: String::new(),
                decision: statement::Verdict::Approved,
                function: Judged {
                    name: candidate.name().to_owned(),
                    language: language_name(function.source().language).to_owned(),
                    goal: function.goal(),
                    entry: function.entry().name.clone(),
                },
                registry: candidate.placement().cloned(),
                digests: Digests {
                    schema: candidate.schema_sha256(),
                    cases: candidate.cases_sha256().map(str::to_owned),
                    settings: settings.lint_digest(),
                    limits: settings.limits.digest(),
                    ruleset: crate::rules::ruleset_digest().trim_start_matches("sha256:").to_owned(),
                },
                enforce_schema: settings.enforce_schema,
                lowerings: settings.lowerings(),
                waivers: function.waivers().to_vec(),
                trial: Tried::of(self.passed.report()),
                authors: self.approver.authors().to_vec(),
                approver: self.approver.name().to_owned(),
                notes: self.notes.clone(),
                decided_at: self.at,
                expires_at: self.at.saturating_add(valid_for).unwrap_or(Timestamp::MAX),
            },
        };
        statement.predicate.approval_id = statement.computed_id();
        Ok(statement)
    }
}

/// The name that approvals give a language.
pub fn language_name(language: Language) -> &'static str {
    match language {
        Language::JavaScript => "JavaScript",
        Language::TypeScript => "TypeScript",
    }
}
