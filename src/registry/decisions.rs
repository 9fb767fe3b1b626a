//! What was decided in a tenant, as it follows from its sealed decisions, all of them, in order.
//!
//! No table says what is active. It follows from the decisions, whose number and whose hash the
//! sealed head gives: none can be changed, moved, left out or added.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::function::{DecisionSummary, Review};
use super::seal::{Broken, Decided, Head, SealKey};
use crate::approval::statement::Statement;
use crate::audit::FIRST_PREV_HASH;

/// A tenant's decisions up to one of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Decisions {
    tenant_id: String,
    /// The hash after each of them.
    hashes: Vec<String>,
    functions: HashMap<String, Course>,
}

/// The decisions about one function.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    /// How many there are.
    count: u64,
    /// The last approval.
    approval: Option<Arc<Statement>>,
    /// The versions that were withdrawn: all up to this one.
    revoked_through: u64,
    revocation: Option<DecisionSummary>,
    /// The last decision about each version.
    versions: BTreeMap<u64, DecisionSummary>,
}

impl Decisions {
    /// No decision yet.
    pub fn of(tenant_id: &str) -> Decisions {
        Decisions { tenant_id: tenant_id.to_owned(), ..Decisions::default() }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.hashes.len() as u64
    }

    /// Whether these are those that the head speaks of, or begin with them.
    pub fn begins_with(&self, head: &Head) -> bool {
        let hash = match head.decisions.checked_sub(1) {
            None => Some(FIRST_PREV_HASH),
            Some(last) => usize::try_from(last).ok().and_then(|last| self.hashes.get(last)).map(String::as_str),
        };
        hash == Some(head.decisions_hash.as_str())
    }

    /// The hash over them.
    pub fn hash(&self) -> &str {
        self.hashes.last().map_or(FIRST_PREV_HASH, String::as_str)
    }

    /// Adds the next one.
    pub fn add(&mut self, document: &str, key: &SealKey) -> Result<(), Broken> {
        let number = self.count() + 1;
        let broken = |reason: String| Broken(format!("decision {number} of {}: {reason}", self.tenant_id));
        let decided = key.open_decision(document).map_err(|error| broken(error.to_string()))?;
        if decided.tenant_id() != Some(self.tenant_id.as_str()) {
            return Err(broken("it belongs to another tenant".to_owned()));
        }
        let function_id = decided.function_id().unwrap_or_default().to_owned();
        let hash = hex::encode(Sha256::new().chain_update(self.hash()).chain_update(document).finalize());
        self.functions.entry(function_id).or_default().take(decided);
        self.hashes.push(hash);
        Ok(())
    }

    /// The approvals that were given last and not withdrawn, by function, in order of their ids.
    pub fn approvals(&self) -> BTreeMap<&str, &Arc<Statement>> {
        self.functions.iter().filter_map(|(id, course)| Some((id.as_str(), course.approval()?))).collect()
    }

    /// The decisions about a function.
    pub fn about(&self, function_id: &str) -> Course {
        self.functions.get(function_id).cloned().unwrap_or_default()
    }
}

impl Course {
    /// How many decisions there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The approval that was given last and not withdrawn.
    pub fn approval(&self) -> Option<&Arc<Statement>> {
        self.approval.as_ref().filter(|approval| version_of(approval) > self.revoked_through)
    }

    /// The last decision about a version.
    pub fn decision(&self, version: u64) -> Option<&DecisionSummary> {
        if version <= self.revoked_through { self.revocation.as_ref() } else { self.versions.get(&version) }
    }

    /// Where a version stands.
    pub fn review(&self, version: u64) -> Review {
        self.decision(version).map_or(Review::Awaiting, |decision| decision.review)
    }

    fn take(&mut self, decided: Decided) {
        self.count += 1;
        match decided {
            Decided::Approved(statement) => {
                let predicate = &statement.predicate;
                let summary = DecisionSummary {
                    review: Review::Approved,
                    by: predicate.approver.clone(),
                    at: predicate.decided_at.to_string(),
                    notes: predicate.notes.clone(),
                    approval_id: Some(predicate.approval_id.clone()),
                    expires_at: Some(predicate.expires_at.to_string()),
                };
                self.versions.insert(version_of(&statement), summary);
                self.approval = Some(Arc::new(*statement));
            }
            Decided::Rejected(rejection) => {
                let summary = DecisionSummary {
                    review: Review::Rejected,
                    by: rejection.rejected_by,
                    at: rejection.decided_at,
                    notes: Some(rejection.notes),
                    approval_id: None,
                    expires_at: None,
                };
                self.versions.insert(rejection.version, summary);
            }
            Decided::Revoked(revocation) => {
                self.revoked_through = self.revoked_through.max(revocation.through_version);
                self.revocation = Some(DecisionSummary {
                    review: Review::Revoked,
                    by: revocation.revoked_by,
                    at: revocation.decided_at,
                    notes: Some(revocation.reason),
                    approval_id: revocation.approval_id,
                    expires_at: None,
                });
            }
        }
    }
}

/// The version that an approval is about.
pub(super) fn version_of(statement: &Statement) -> u64 {
    statement.predicate.registry.as_ref().map_or(0, |placement| placement.version)
}

impl Decided {
    fn tenant_id(&self) -> Option<&str> {
        match self {
            Decided::Approved(statement) => statement.predicate.registry.as_ref().map(|placement| placement.tenant_id.as_str()),
            Decided::Rejected(rejection) => Some(&rejection.tenant_id),
            Decided::Revoked(revocation) => Some(&revocation.tenant_id),
        }
    }

    fn function_id(&self) -> Option<&str> {
        match self {
            Decided::Approved(statement) => statement.predicate.registry.as_ref().map(|placement| placement.function_id.as_str()),
            Decided::Rejected(rejection) => Some(&rejection.function_id),
            Decided::Revoked(revocation) => Some(&revocation.function_id),
        }
    }
}
