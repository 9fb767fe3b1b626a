//! What is trusted about a repository: its signers, its policy and its revocations, at a commit that
//! those under review cannot have written.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::candidate::{GateError, Policy};
use super::signature::AllowedSigners;
use super::statement::Statement;
use crate::config::FILE_NAME;
use crate::source::collect::read_regular;
use crate::source::git::{Git, GitError};

/// Who may sign approvals, in the root of the repository.
pub const SIGNERS_FILE: &str = "allowed_signers";

/// What was revoked, in the root of the repository.
pub const REVOCATIONS_FILE: &str = "fnvet.revoked.json";

/// The largest of these files that is read.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A commit whose signers, policy and revocations are trusted.
#[derive(Clone, Debug)]
pub struct Trust {
    root: PathBuf,
    commit: String,
    reference: String,
    signers: AllowedSigners,
    revocations: Revocations,
}

impl Trust {
    /// Trusts what `reference` names in the repository at `root`.
    ///
    /// # Errors
    /// Where it names no commit, or a file there cannot be used.
    pub fn from_reference(root: &Path, reference: &str) -> Result<Trust, GateError> {
        let git = Git::new(root);
        let commit = git.commit(reference).map_err(failed)?;
        let commit = commit.ok_or_else(|| GateError::Usage(format!("--trust-from: `{reference}` is no commit of this repository")))?;
        let mut trust = Trust {
            root: root.to_owned(),
            commit,
            reference: reference.to_owned(),
            signers: AllowedSigners::default(),
            revocations: Revocations::default(),
        };
        if let Some(text) = trust.text(Path::new(SIGNERS_FILE))? {
            trust.signers = AllowedSigners::parse(&text).map_err(|reason| trust.unusable(SIGNERS_FILE, &reason))?;
        }
        if let Some(text) = trust.text(Path::new(REVOCATIONS_FILE))? {
            trust.revocations = Revocations::parse(&text).map_err(|reason| trust.unusable(REVOCATIONS_FILE, &reason))?;
        }
        Ok(trust)
    }

    /// Who may sign.
    pub fn signers(&self) -> &AllowedSigners {
        &self.signers
    }

    /// What was revoked.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// The repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// As it was named.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// The policy for functions in `folder`: the nearest upwards at that commit.
    ///
    /// # Errors
    /// Where it cannot be used.
    pub fn policy(&self, folder: &Path) -> Result<Policy, GateError> {
        let inside = folder.strip_prefix(&self.root).unwrap_or(Path::new(""));
        for above in inside.ancestors() {
            let path = above.join(FILE_NAME);
            if let Some(text) = self.text(&path)? {
                return Policy::of_text(&text, &format!("{}:{}", self.reference, path.display()), &self.root.join(above));
            }
        }
        Ok(Policy::default())
    }

    fn text(&self, path: &Path) -> Result<Option<String>, GateError> {
        let Some(bytes) = Git::new(&self.root).show(&self.commit, path).map_err(failed)? else { return Ok(None) };
        String::from_utf8(bytes).map(Some).map_err(|_| self.unusable(&path.display().to_string(), "it is not UTF-8"))
    }

    fn unusable(&self, file: &str, reason: &str) -> GateError {
        GateError::Usage(format!("{}:{file}: {reason}", self.reference))
    }
}

fn failed(error: GitError) -> GateError {
    GateError::Failure(error.to_string())
}

/// `fnvet.revoked.json`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocations {
    /// 1.
    version: u32,
    revocations: Vec<Revocation>,
}

/// One withdrawn approval, or several: all that has everything that is named here.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Revocation {
    /// The approval.
    approval_id: Option<String>,
    /// The digest of the source.
    sha256: Option<String>,
    /// The path of the source in the repository.
    path: Option<String>,
    /// Why.
    reason: String,
    /// Who revoked it.
    #[serde(default)]
    by: Option<String>,
    /// When.
    #[serde(default)]
    at: Option<jiff::Timestamp>,
}

impl Revocations {
    /// Reads the text of a revocations file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Revocations, String> {
        let read: Revocations = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if read.version != 1 {
            return Err(format!("version {} is not known", read.version));
        }
        match read.revocations.iter().position(|one| one.approval_id.is_none() && one.sha256.is_none() && one.path.is_none()) {
            Some(at) => Err(format!("revocation {} names neither approvalId nor sha256 nor path", at + 1)),
            None => Ok(read),
        }
    }

    /// The revocations in the work tree at `root`. They can only be stricter than the trusted ones.
    ///
    /// # Errors
    /// Where they cannot be used.
    pub fn of_work_tree(root: &Path) -> Result<Revocations, GateError> {
        let path = root.join(REVOCATIONS_FILE);
        if path.symlink_metadata().is_err() {
            return Ok(Revocations::default());
        }
        let unusable = |reason: String| GateError::Usage(format!("{REVOCATIONS_FILE}: {reason}"));
        let bytes = read_regular(&path, FILE_BYTES_MAX).map_err(unusable)?;
        let text = String::from_utf8(bytes).map_err(|_| unusable("it is not UTF-8".to_owned()))?;
        Revocations::parse(&text).map_err(unusable)
    }

    /// Why an approval is revoked, if it is.
    pub fn reason(&self, statement: &Statement) -> Option<&str> {
        let is = |wanted: &Option<String>, is: Option<&str>| wanted.as_deref().is_none_or(|wanted| Some(wanted) == is);
        let path = statement.subject.first().map(|subject| subject.name.as_str());
        let found = self.revocations.iter().find(|one| {
            is(&one.approval_id, Some(&statement.predicate.approval_id))
                && is(&one.sha256, statement.source_sha256())
                && is(&one.path, path)
        });
        found.map(|one| one.reason.as_str())
    }
}
