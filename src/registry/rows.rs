//! Functions and versions as tables hold them. Nothing a row says is believed before its seal or
//! its approval bears it out.

use std::sync::Arc;

use sqlx::Row;
use sqlx::any::AnyRow;

use super::books::number;
use super::error::{RegistryError, Result};
use super::function::Content;
use super::seal::{Broken, SealKey, Submission};
use super::store::Work;
use crate::approval::statement::Placement;
use crate::approval::{Stored, digest, language_name};
use crate::source::Language;

/// A function as its row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FunctionRow {
    pub tenant_id: String,
    pub function_id: String,
    pub name: String,
    pub agent_id: Option<String>,
    pub description: String,
    pub language: Language,
    pub version: u64,
    pub created_at: String,
    pub updated_at: String,
}

/// A version as its row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VersionRow {
    pub version: u64,
    pub language: Language,
    pub code: Vec<u8>,
    pub input_schema: Option<Vec<u8>>,
    pub cases: Option<Vec<u8>>,
    pub author: String,
    document: String,
}

impl FunctionRow {
    /// Reads a row with all columns.
    pub fn of(row: &AnyRow) -> Result<FunctionRow> {
        Ok(FunctionRow {
            tenant_id: row.try_get("tenant_id")?,
            function_id: row.try_get("function_id")?,
            name: row.try_get("name")?,
            agent_id: row.try_get("agent_id")?,
            description: row.try_get("description")?,
            language: language(row.try_get("language")?)?,
            version: unsigned(row.try_get("version")?)?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }

    /// The tenant's function of that id.
    pub async fn by_id(work: &mut Work, tenant_id: &str, function_id: &str) -> Result<Option<FunctionRow>> {
        let sql = "SELECT * FROM functions WHERE tenant_id = $1 AND function_id = $2";
        let row = sqlx::query(sql).bind(tenant_id.to_owned()).bind(function_id.to_owned()).fetch_optional(work.connection()).await?;
        row.as_ref().map(FunctionRow::of).transpose()
    }

    /// The id of the tenant's function of that name.
    pub async fn id_by_name(work: &mut Work, tenant_id: &str, name: &str) -> Result<Option<String>> {
        let sql = "SELECT function_id FROM functions WHERE tenant_id = $1 AND name = $2";
        let row = sqlx::query(sql).bind(tenant_id.to_owned()).bind(name.to_owned()).fetch_optional(work.connection()).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// Adds the row.
    pub async fn insert(&self, work: &mut Work) -> Result<()> {
        let inserted = sqlx::query(
            "INSERT INTO functions (tenant_id, function_id, name, agent_id, description, language, version, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(self.tenant_id.clone())
        .bind(self.function_id.clone())
        .bind(self.name.clone())
        .bind(self.agent_id.clone())
        .bind(self.description.clone())
        .bind(language_name(self.language))
        .bind(number(self.version)?)
        .bind(self.created_at.clone())
        .bind(self.updated_at.clone())
        .execute(work.connection())
        .await;
        inserted.map(drop).map_err(name_taken)
    }

    /// Changes what a new version may change.
    pub async fn update(&self, work: &mut Work) -> Result<()> {
        let updated = sqlx::query(
            "UPDATE functions SET name = $3, agent_id = $4, description = $5, language = $6, version = $7, updated_at = $8 \
             WHERE tenant_id = $1 AND function_id = $2",
        )
        .bind(self.tenant_id.clone())
        .bind(self.function_id.clone())
        .bind(self.name.clone())
        .bind(self.agent_id.clone())
        .bind(self.description.clone())
        .bind(language_name(self.language))
        .bind(number(self.version)?)
        .bind(self.updated_at.clone())
        .execute(work.connection())
        .await;
        updated.map(drop).map_err(name_taken)
    }

    /// What approvals say of a version of it.
    pub fn placement(&self, version: u64) -> Placement {
        Placement { tenant_id: self.tenant_id.clone(), function_id: self.function_id.clone(), version, agent_id: self.agent_id.clone() }
    }
}

impl VersionRow {
    /// A version that `author` hands in now.
    pub fn new(content: &Content, version: u64, author: &str) -> VersionRow {
        VersionRow {
            version,
            language: content.language,
            code: content.code.clone().into_bytes(),
            input_schema: content.input_schema.clone(),
            cases: content.cases.clone(),
            author: author.to_owned(),
            document: String::new(),
        }
    }

    /// Seals it as a version of `function`.
    pub fn sealed(mut self, function: &FunctionRow, at: &str, key: &SealKey) -> Result<VersionRow> {
        self.document = key.seal(&self.submission(function, at))?;
        Ok(self)
    }

    /// One version of a function.
    pub async fn one(work: &mut Work, function: &FunctionRow, version: u64) -> Result<Option<VersionRow>> {
        let sql = "SELECT version, language, code, input_schema, cases, author, document FROM versions \
                   WHERE tenant_id = $1 AND function_id = $2 AND version = $3";
        let row = sqlx::query(sql)
            .bind(function.tenant_id.clone())
            .bind(function.function_id.clone())
            .bind(number(version)?)
            .fetch_optional(work.connection())
            .await?;
        row.as_ref().map(VersionRow::of).transpose()
    }

    /// Up to `limit` versions of a function behind `after`, in order.
    pub async fn behind(work: &mut Work, function: &FunctionRow, after: u64, limit: i64) -> Result<Vec<VersionRow>> {
        let sql = "SELECT version, language, code, input_schema, cases, author, document FROM versions \
                   WHERE tenant_id = $1 AND function_id = $2 AND version > $3 ORDER BY version LIMIT $4";
        let rows = sqlx::query(sql)
            .bind(function.tenant_id.clone())
            .bind(function.function_id.clone())
            .bind(number(after)?)
            .bind(limit)
            .fetch_all(work.connection())
            .await?;
        rows.iter().map(VersionRow::of).collect()
    }

    /// Adds the row.
    pub async fn insert(&self, work: &mut Work, function: &FunctionRow) -> Result<()> {
        sqlx::query(
            "INSERT INTO versions (tenant_id, function_id, version, language, code, input_schema, cases, author, document) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(function.tenant_id.clone())
        .bind(function.function_id.clone())
        .bind(number(self.version)?)
        .bind(language_name(self.language))
        .bind(self.code.clone())
        .bind(self.input_schema.clone())
        .bind(self.cases.clone())
        .bind(self.author.clone())
        .bind(self.document.clone())
        .execute(work.connection())
        .await?;
        Ok(())
    }

    /// What was handed in, if the row is still that.
    pub fn checked(&self, function: &FunctionRow, key: &SealKey) -> std::result::Result<Submission, Broken> {
        let broken = |reason: &str| Broken(format!("version {} of {}: {reason}", self.version, function.function_id));
        let submission: Submission = key.open(&self.document).map_err(|error| broken(&error.to_string()))?;
        if self.submission(function, &submission.submitted_at) == submission {
            Ok(submission)
        } else {
            Err(broken("it is not what was handed in"))
        }
    }

    /// Hex SHA-256 of the source.
    pub fn sha256(&self) -> String {
        digest(&self.code)
    }

    /// The version for the gate.
    pub fn stored(&self, function: &FunctionRow) -> Stored {
        let shared = |bytes: &Vec<u8>| Arc::from(bytes.as_slice());
        Stored {
            placement: function.placement(self.version),
            name: function.name.clone(),
            language: self.language,
            source: shared(&self.code),
            schema: self.input_schema.as_ref().map(shared),
            cases: self.cases.as_ref().map(shared),
        }
    }

    fn submission(&self, function: &FunctionRow, at: &str) -> Submission {
        Submission {
            tenant_id: function.tenant_id.clone(),
            function_id: function.function_id.clone(),
            version: self.version,
            author: self.author.clone(),
            language: self.language,
            source_sha256: self.sha256(),
            schema_sha256: self.input_schema.as_deref().map(digest),
            cases_sha256: self.cases.as_deref().map(digest),
            submitted_at: at.to_owned(),
        }
    }

    fn of(row: &AnyRow) -> Result<VersionRow> {
        Ok(VersionRow {
            version: unsigned(row.try_get("version")?)?,
            language: language(row.try_get("language")?)?,
            code: row.try_get("code")?,
            input_schema: row.try_get("input_schema")?,
            cases: row.try_get("cases")?,
            author: row.try_get("author")?,
            document: row.try_get("document")?,
        })
    }
}

fn name_taken(error: sqlx::Error) -> RegistryError {
    match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => RegistryError::NameTaken,
        _ => error.into(),
    }
}

fn language(name: String) -> Result<Language> {
    let known = [Language::JavaScript, Language::TypeScript].into_iter().find(|language| language_name(*language) == name);
    known.ok_or_else(|| RegistryError::tampered("a language is none"))
}

/// A number that a row gives.
pub(super) fn unsigned(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| RegistryError::tampered("a number is negative"))
}
