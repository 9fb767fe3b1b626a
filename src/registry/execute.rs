//! Calls: the intent before the function runs, the one record before the caller has the answer.

use std::sync::Arc;

use serde_json::Value;

use super::decisions::version_of;
use super::error::{RegistryError, Result};
use super::function::Executed;
use super::rows::FunctionRow;
use super::standing::Active;
use super::{Caller, Inner, Registry, about};
use crate::audit::{Entry, Event, Function as About};
use crate::call::{Performed, perform};
use crate::sandbox::{CallContext, Outcome};
use crate::trial::leaks::Flag;

/// How often a call looks again because somebody decided about its function meanwhile.
const ATTEMPTS_MAX: usize = 8;

impl Registry {
    /// Calls the active version of a function for an agent of its tenant. What the function is told of
    /// its caller comes from the token alone.
    ///
    /// # Errors
    /// Where it does not run, or its record could not be written: then its answer is lost. A function
    /// that ran and failed is no error.
    pub async fn execute(&self, caller: &Caller, id: &str, input: Value) -> Result<Executed> {
        let (caller, id) = (caller.clone(), id.to_owned());
        self.detached(|inner| async move { inner.execute(&caller, &id, input).await }).await
    }
}

impl Inner {
    async fn execute(&self, caller: &Caller, id: &str, input: Value) -> Result<Executed> {
        for _ in 0..ATTEMPTS_MAX {
            let (mut books, row) = self.find_recorded(caller, id).await?;
            let active = self.active(&mut books, &row).await?;
            let decisions = books.head().decisions;
            drop(books);
            self.record_relinted().await?;
            let allowed = may_call(caller, &row);
            let active = match allowed.and_then(|()| active.map_err(RegistryError::NotActive)) {
                Ok(active) => active,
                Err(error) => return Err(self.refused(&about(caller, &row, None), error).await),
            };
            let about = about_call(caller, &row, &active);
            let mut books = self.library.write(&row.tenant_id).await?;
            let is_same = books.head().decisions == decisions
                && FunctionRow::by_id(&mut books.work, &row.tenant_id, &row.function_id).await?.as_ref() == Some(&row);
            if !is_same {
                continue;
            }
            let intent = books.begin(Entry::new(Event::Executed, &about), &self.owner).await?;
            books.commit().await?;
            let performed = self.performed(&active, input, caller).await;
            let entry =
                performed.as_ref().map_or_else(|error| Entry::new(Event::Executed, &about).failed(error), |done| done.entry(&about));
            let record = self.finish(&row.tenant_id, intent, entry).await?;
            return performed
                .map(|performed| executed(performed, record.seq, version_of(&active.approval)))
                .map_err(RegistryError::Unavailable);
        }
        Err(RegistryError::Unavailable("the function is being decided about".to_owned()))
    }

    async fn performed(&self, active: &Active, input: Value, caller: &Caller) -> std::result::Result<Performed, String> {
        let (standing, isolation) = (Arc::clone(&active.standing), self.isolation.clone());
        let context = CallContext {
            tenant_id: caller.tenant_id().to_owned(),
            agent_id: caller.agent_id().unwrap_or_default().to_owned(),
            user_id: caller.user_id().to_owned(),
            ..CallContext::default()
        };
        let performed = tokio::task::spawn_blocking(move || perform(&standing.cleared, &input, &context, &isolation)).await;
        let performed = performed.map_err(|error| format!("internal failure: {error}"))?;
        match &performed.execution.outcome {
            Outcome::Refused(reason) => Err(reason.clone()),
            _ => Ok(performed),
        }
    }
}

/// Agents of the tenant call, and a function that is one agent's that one alone.
fn may_call(caller: &Caller, row: &FunctionRow) -> Result<()> {
    if caller.tenant_id() != row.tenant_id {
        return Err(RegistryError::Forbidden("only agents of its tenant call a function".to_owned()));
    }
    let Some(agent) = caller.agent_id() else {
        return Err(RegistryError::Forbidden("only an agent calls functions".to_owned()));
    };
    match &row.agent_id {
        Some(only) if only != agent => Err(RegistryError::Forbidden("only another agent may call it".to_owned())),
        _ => Ok(()),
    }
}

fn about_call(caller: &Caller, row: &FunctionRow, active: &Active) -> About {
    About {
        source_sha256: Some(active.version.sha256()),
        approval_id: Some(active.approval.predicate.approval_id.clone()),
        ..about(caller, row, Some(active.version.version))
    }
}

fn executed(performed: Performed, seq: u64, version: u64) -> Executed {
    let limit = match performed.execution.outcome {
        Outcome::Limit(kind) => Some(kind.name().to_owned()),
        _ => None,
    };
    let (result, error_message) = match performed.result {
        Ok(result) => (Some(result), None),
        Err(message) => (None, Some(message)),
    };
    Executed {
        success: error_message.is_none(),
        result,
        error_message,
        duration_ms: performed.execution.duration_ms,
        limit,
        output_flags: performed.flags.iter().map(Flag::to_string).collect(),
        version,
        seq,
    }
}
