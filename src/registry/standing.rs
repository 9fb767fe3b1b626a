//! Whether an approval bears out what is stored: the bytes, the place, the policy of today.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::books::Books;
use super::decisions::version_of;
use super::error::{RegistryError, Result};
use super::rows::{FunctionRow, VersionRow};
use super::{Caller, Inner, Registry, written};
use crate::approval::statement::Statement;
use crate::approval::verify::{holds, is_stale, still_clear};
use crate::approval::{Candidate, Stored, digest};
use crate::audit::{Entry, Event, Function as About};
use crate::config::Settings;
use crate::report::Cleared;
use crate::sandbox::IsolationOptions;

/// How many judgements are remembered.
const REMEMBERED_MAX: usize = 4_096;

/// What was judged already. A judgement is found by everything that it depends on.
#[derive(Debug, Default)]
pub(super) struct Judgements {
    known: Mutex<HashMap<String, Judgement>>,
    /// What is still to be recorded: functions that were linted again because the policy changed.
    relinted: Mutex<Vec<Entry>>,
}

/// What may run, or why nothing may.
pub(super) type Judgement = std::result::Result<Arc<Standing>, String>;

/// A version that is approved, exactly as it is stored.
#[derive(Debug)]
pub(super) struct Standing {
    /// What runs.
    pub cleared: Cleared,
    /// Rules or lint policy changed since.
    pub is_stale: bool,
}

/// A version that can be called.
pub(super) struct Active {
    pub version: VersionRow,
    pub approval: Arc<Statement>,
    pub standing: Arc<Standing>,
}

impl Inner {
    /// The approval in force, as far as can be said without reading what it approves: not withdrawn,
    /// not over, for the function as it is named and owned today, under the limits of today.
    pub(super) fn in_force(&self, books: &Books<'_>, row: &FunctionRow) -> std::result::Result<Arc<Statement>, String> {
        let decisions = books.decisions().map_err(|broken| broken.to_string())?;
        let course = decisions.about(&row.function_id);
        let approval = course.approval().ok_or_else(|| "no version of it is approved".to_owned())?;
        outwardly(row, approval, &self.settings, Timestamp::now())?;
        Ok(approval.clone())
    }

    /// The version that can be called, its bytes read and hashed now.
    pub(super) async fn active(&self, books: &mut Books<'_>, row: &FunctionRow) -> Result<std::result::Result<Active, String>> {
        let approval = match self.in_force(books, row) {
            Ok(approval) => approval,
            Err(reason) => return Ok(Err(reason)),
        };
        let Some(version) = VersionRow::one(&mut books.work, row, version_of(&approval)).await? else {
            return Ok(Err("the approved version is not there".to_owned()));
        };
        Ok(match self.judge(row, &version, &approval).await? {
            Ok(standing) => Ok(Active { version, approval, standing }),
            Err(reason) => Err(reason),
        })
    }

    /// Which version of a function can be called, for showing it, and whether its policy is stale.
    pub(super) async fn shown_active(&self, books: &mut Books<'_>, row: &FunctionRow) -> Result<Option<(u64, bool)>> {
        let Ok(approval) = self.in_force(books, row) else { return Ok(None) };
        if !is_stale(&approval, &self.settings) {
            return Ok(Some((version_of(&approval), false)));
        }
        let active = self.active(books, row).await?;
        Ok(active.ok().map(|active| (active.version.version, active.standing.is_stale)))
    }

    /// Judges a version by its approval, unless exactly that was judged before.
    async fn judge(&self, row: &FunctionRow, version: &VersionRow, approval: &Arc<Statement>) -> Result<Judgement> {
        let stored = version.stored(row);
        let key = key_of(&stored, approval);
        if let Some(known) = self.judgements.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let (settings, statement, isolation) = (self.settings.clone(), approval.clone(), self.isolation.clone());
        let judged = tokio::task::spawn_blocking(move || judge(&stored, &statement, settings, &isolation)).await;
        let judged = judged.map_err(|error| RegistryError::Unavailable(format!("internal failure: {error}")))??;
        let mut known = self.judgements.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(key, judged.clone());
        drop(known);
        if is_stale(approval, &self.settings) {
            self.judgements.relinted.lock().unwrap_or_else(PoisonError::into_inner).push(relinted(row, version, approval, &judged));
        }
        Ok(judged)
    }

    /// Records what was linted again.
    pub(super) async fn record_relinted(&self) -> Result<()> {
        let entries = std::mem::take(&mut *self.judgements.relinted.lock().unwrap_or_else(PoisonError::into_inner));
        let mut left = entries.into_iter();
        while let Some(entry) = left.next() {
            if let Err(error) = self.recorded(&entry.tenant_id.clone(), entry.clone()).await {
                let mut relinted = self.judgements.relinted.lock().unwrap_or_else(PoisonError::into_inner);
                relinted.push(entry);
                relinted.extend(left);
                return Err(error);
            }
        }
        Ok(())
    }
}

/// An approved function of the store, and whether its approval holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whose.
    pub tenant_id: String,
    /// Its id.
    pub function_id: String,
    /// Its name.
    pub name: String,
    /// The approved version.
    pub version: u64,
    /// Who approved it.
    pub approver: String,
    /// Until when, in UTC.
    pub expires_at: String,
    /// Rules or lint policy changed since; it is still clear.
    pub is_stale: bool,
    /// Why the approval does not hold.
    pub problem: Option<String>,
}

impl Registry {
    /// Every function that was approved and not revoked, with what is stored of it read, hashed and
    /// judged again; for admins.
    ///
    /// # Errors
    /// Where the caller is none, or the store does not answer.
    pub async fn verify_active(&self, caller: &Caller) -> Result<Vec<Verified>> {
        let caller = caller.clone();
        self.detached(|inner| async move {
            let verified = inner.verify_active(&caller).await?;
            inner.record_relinted().await?;
            Ok(verified)
        })
        .await
    }
}

impl Inner {
    async fn verify_active(&self, caller: &Caller) -> Result<Vec<Verified>> {
        let mut verified = Vec::new();
        for tenant in self.visible_tenants(caller).await? {
            let mut books = self.library.read(&tenant).await?;
            let decisions = books.decisions().map_err(RegistryError::tampered)?.clone();
            for (function_id, approval) in decisions.approvals() {
                let predicate = &approval.predicate;
                let mut one = Verified {
                    tenant_id: tenant.clone(),
                    function_id: function_id.to_owned(),
                    name: predicate.function.name.clone(),
                    version: version_of(approval),
                    approver: predicate.approver.clone(),
                    expires_at: written(predicate.expires_at),
                    is_stale: false,
                    problem: None,
                };
                match FunctionRow::by_id(&mut books.work, &tenant, function_id).await? {
                    None => one.problem = Some("it is not there".to_owned()),
                    Some(row) => match self.active(&mut books, &row).await? {
                        Ok(active) => one.is_stale = active.standing.is_stale,
                        Err(reason) => one.problem = Some(reason),
                    },
                }
                verified.push(one);
            }
        }
        Ok(verified)
    }
}

fn judge(stored: &Stored, statement: &Statement, settings: Arc<Settings>, isolation: &IsolationOptions) -> Result<Judgement> {
    // What was not approved is not even read.
    if let Some(reason) = differs(stored, statement) {
        return Ok(Err(reason.to_owned()));
    }
    let candidate = Candidate::of_version(stored, settings, isolation).map_err(|error| RegistryError::Unavailable(error.to_string()))?;
    Ok(holds(&candidate, statement, Timestamp::now()).and_then(|()| {
        let (cleared, remarks) = still_clear(&candidate, statement)?;
        Ok(Arc::new(Standing { cleared, is_stale: !remarks.is_empty() }))
    }))
}

/// Which of the stored bytes are not those that were approved.
fn differs(stored: &Stored, statement: &Statement) -> Option<&'static str> {
    let digests = &statement.predicate.digests;
    let changed = [
        (statement.source_sha256() != Some(digest(&stored.source).as_str()), "the source changed since its approval"),
        (digests.schema != stored.schema.as_deref().map(digest), "the schema changed since its approval"),
        (digests.cases != stored.cases.as_deref().map(digest), "the cases changed since its approval"),
    ];
    changed.iter().find(|(changed, _)| *changed).map(|(_, what)| *what)
}

fn relinted(row: &FunctionRow, version: &VersionRow, approval: &Statement, judged: &Judgement) -> Entry {
    let about = About {
        id: row.function_id.clone(),
        name: row.name.clone(),
        tenant_id: row.tenant_id.clone(),
        version: Some(version.version),
        source_sha256: Some(version.sha256()),
        approval_id: Some(approval.predicate.approval_id.clone()),
        ..About::default()
    };
    let mut entry = Entry::new(Event::Relinted, &about);
    entry.output_flags.push("stale-policy".to_owned());
    match judged {
        Ok(_) => entry,
        Err(reason) => entry.failed(reason),
    }
}

/// What an approval says about all but the bytes.
fn outwardly(row: &FunctionRow, statement: &Statement, settings: &Settings, now: Timestamp) -> std::result::Result<(), String> {
    let predicate = &statement.predicate;
    let placement = predicate.registry.as_ref().ok_or("its approval is one of a file")?;
    let ended = [
        (predicate.function.name != row.name, "the name changed since its approval"),
        (placement.agent_id != row.agent_id, "the agent changed since its approval"),
        (predicate.digests.limits != settings.limits.digest(), "the limits changed since its approval"),
        (predicate.enforce_schema != settings.enforce_schema, "enforce-schema changed since its approval"),
        (placement.version > row.version, "the approved version is not there"),
    ];
    if let Some((_, reason)) = ended.iter().find(|(ended, _)| *ended) {
        return Err((*reason).to_owned());
    }
    if now >= predicate.expires_at {
        return Err(format!("its approval expired on {}", predicate.expires_at.strftime("%Y-%m-%d")));
    }
    Ok(())
}

fn key_of(stored: &Stored, approval: &Statement) -> String {
    let mut digest = Sha256::new();
    let agent = stored.placement.agent_id.as_deref().unwrap_or_default();
    let texts = [approval.predicate.approval_id.as_str(), &stored.placement.tenant_id, &stored.placement.function_id, &stored.name, agent];
    let parts =
        texts.iter().map(|text| Some(text.as_bytes())).chain([Some(&stored.source[..]), stored.schema.as_deref(), stored.cases.as_deref()]);
    for part in parts {
        digest.update(part.map_or(u64::MAX, |part| part.len() as u64).to_be_bytes());
        digest.update(part.unwrap_or_default());
    }
    digest.update(stored.placement.version.to_be_bytes());
    digest.update([stored.language as u8, u8::from(stored.placement.agent_id.is_some())]);
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::source::Language;

    fn settings(text: &str) -> Settings {
        Settings::for_gate(Some(&Config::parse(text, "c").unwrap()), None, None)
    }

    fn statement(expires_at: &str) -> Statement {
        let digests =
            serde_json::json!({"schema": null, "cases": null, "settings": "", "limits": settings("").limits.digest(), "ruleset": ""});
        let trial = serde_json::json!({"generator": "", "passed": true, "cases": 0, "inputs": 0, "executions": 0, "isolation": "full", "warnings": []});
        serde_json::from_value(serde_json::json!({
            "_type": "", "subject": [], "predicateType": "", "predicate": {
                "approvalId": "apr_1", "decision": "approved",
                "function": {"name": "days", "language": "JavaScript", "goal": "script", "entry": "execute"},
                "registry": {"tenantId": "t", "functionId": "fn_1", "version": 2, "agentId": null},
                "digests": digests, "enforceSchema": true, "lowerings": [], "waivers": [], "trial": trial,
                "authors": ["ann"], "approver": "bob", "notes": null, "decidedAt": "2026-01-01T00:00:00Z", "expiresAt": expires_at,
            },
        }))
        .unwrap()
    }

    #[test]
    fn an_approval_ends_with_its_time_and_with_what_it_was_given_for() {
        let row = FunctionRow {
            tenant_id: "t".into(),
            function_id: "fn_1".into(),
            name: "days".into(),
            agent_id: None,
            description: String::new(),
            language: Language::JavaScript,
            version: 3,
            created_at: String::new(),
            updated_at: String::new(),
        };
        let approval = statement("2026-06-30T00:00:00Z");
        let judged = |row: &FunctionRow, policy: &str, at: &str| outwardly(row, &approval, &settings(policy), at.parse().unwrap());
        assert_eq!(judged(&row, "", "2026-06-29T23:59:59Z"), Ok(()));
        assert_eq!(judged(&row, "", "2026-06-30T00:00:00Z").unwrap_err(), "its approval expired on 2026-06-30");
        let at = "2026-02-01T00:00:00Z";
        assert!(judged(&row, "enforce-schema = false", at).unwrap_err().starts_with("enforce-schema"));
        assert!(judged(&row, "[limits]\nnesting = 9", at).unwrap_err().starts_with("the limits"));
        assert!(judged(&FunctionRow { name: "x".into(), ..row.clone() }, "", at).unwrap_err().starts_with("the name"));
        assert!(judged(&FunctionRow { agent_id: Some("x".into()), ..row.clone() }, "", at).unwrap_err().starts_with("the agent"));
        assert!(judged(&FunctionRow { version: 1, ..row }, "", at).unwrap_err().ends_with("is not there"));
    }
}
