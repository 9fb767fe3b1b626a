//! The trial: what a cleared function does with its own cases and with what a language model may
//! hand it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::sandbox::CallContext;

pub mod leaks;

/// Most cases of a function.
pub const CASES_MAX: usize = 200;

/// `NAME.cases.json`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cases {
    /// In the order of the file.
    pub list: Vec<Case>,
}

/// One case: an input, and what must come of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The input.
    pub input: Value,
    /// What the function is told of its caller.
    #[serde(default)]
    pub context: CaseContext,
    /// The result.
    #[serde(default, deserialize_with = "present")]
    pub expect: Option<Value>,
    /// A part of the message of the refusal.
    #[serde(default)]
    pub expect_error: Option<String>,
}

/// What a case says about the caller; what it does not say is the trial's.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct CaseContext {
    /// `__tenantId`
    pub tenant_id: Option<String>,
    /// `__agentId`
    pub agent_id: Option<String>,
    /// `__userId`
    pub user_id: Option<String>,
    /// `__env`
    pub env: Option<Map<String, Value>>,
    /// The time it is.
    pub now: Option<jiff::Timestamp>,
}

/// `"expect": null` expects null; a case without the key expects nothing.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Cases {
    /// Reads the text of a cases file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Cases, String> {
        let list: Vec<Case> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if list.len() > CASES_MAX {
            return Err(format!("there are {} of them; at most {CASES_MAX} are run", list.len()));
        }
        for (at, case) in list.iter().enumerate() {
            if case.expect.is_some() == case.expect_error.is_some() {
                return Err(format!("case {} ({:?}) must have either `expect` or `expectError`", at + 1, case.name));
            }
        }
        Ok(Cases { list })
    }
}

impl CaseContext {
    /// The context of a call, on top of `base`.
    pub fn over(&self, base: &CallContext) -> CallContext {
        let or = |own: &Option<String>, base: &str| own.clone().unwrap_or_else(|| base.to_owned());
        CallContext {
            tenant_id: or(&self.tenant_id, &base.tenant_id),
            agent_id: or(&self.agent_id, &base.agent_id),
            user_id: or(&self.user_id, &base.user_id),
            env: self.env.clone().unwrap_or_else(|| base.env.clone()),
            now: self.now.or(base.now),
            seed: base.seed,
        }
    }
}
