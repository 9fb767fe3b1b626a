//! Which functions changed since a commit: what `--changed-since` selects.
//!
//! A function changed if its source did, or its schema, cases or approval beside it; a changed
//! configuration changes them all.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::collect::{Target, git_root, normalise};

/// Companion files whose change counts as a change of the function.
const COMPANIONS: [&str; 3] = ["schema", "cases", "approval"];

/// Why the changes are not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangedError {
    /// The reference or the place is wrong.
    #[error("{0}")]
    Usage(String),
    /// Git did not do its work.
    #[error("{0}")]
    Git(String),
}

/// Those of `targets` that changed between the merge base of `reference` and `HEAD`, and the work
/// tree; all of them, if a file called `configuration` did. What is outside the repository stays:
/// nothing is known of it.
///
/// # Errors
/// Outside Git, for an unknown reference, or when Git fails.
pub fn only_changed(targets: Vec<Target>, reference: &str, configuration: &str, current: &Path) -> Result<Vec<Target>, ChangedError> {
    let root = git_root(current).ok_or_else(|| ChangedError::Usage("--changed-since: this is not a Git repository".to_owned()))?;
    let base = merge_base(&root, reference)?;
    let mut changed =
        paths(&root, &git(&root, &["diff", "--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", "-z", &base, "--"])?);
    changed.extend(paths(&root, &git(&root, &["ls-files", "--others", "--exclude-standard", "-z", "--"])?));
    if changed.iter().any(|path| path.file_name() == Some(OsStr::new(configuration))) {
        return Ok(targets);
    }
    let is_changed = |target: &Target| match &target.origin.location {
        Some(location) if location.starts_with(&root) => {
            let companions = COMPANIONS.iter().filter_map(|kind| super::collect::companion(location, kind));
            changed.contains(location) || companions.into_iter().any(|path| changed.contains(&path))
        }
        _ => true,
    };
    Ok(targets.into_iter().filter(is_changed).collect())
}

fn merge_base(root: &Path, reference: &str) -> Result<String, ChangedError> {
    let unknown = || ChangedError::Usage(format!("--changed-since: `{reference}` is no commit of this repository"));
    let commit = run(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{reference}^{{commit}}")])?;
    if !commit.status.success() {
        return Err(unknown());
    }
    let commit = object_id(&commit.stdout).ok_or_else(unknown)?;
    let base = run(root, &["merge-base", &commit, "HEAD"])?;
    object_id(&base.stdout).filter(|_| base.status.success()).ok_or_else(|| {
        ChangedError::Usage(format!(
            "--changed-since: `{reference}` and HEAD have no common ancestor here; is the clone shallow? (actions/checkout: fetch-depth: 0)"
        ))
    })
}

/// Git's output must be a commit id before it is an argument again.
fn object_id(output: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(output).ok()?.trim();
    (text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| text.to_owned())
}

fn git(root: &Path, args: &[&str]) -> Result<Vec<u8>, ChangedError> {
    let output = run(root, args)?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(ChangedError::Git(format!("git {}: {}", args[0], String::from_utf8_lossy(&output.stderr).trim())))
    }
}

fn run(root: &Path, args: &[&str]) -> Result<Output, ChangedError> {
    Command::new("git")
        .arg("-C")
        .arg(root)
        // The repository under review must not choose programs that run here.
        .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-pager", "--literal-pathspecs"])
        .args(args)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| ChangedError::Git(format!("git cannot be started: {error}")))
}

fn paths(root: &Path, listing: &[u8]) -> HashSet<PathBuf> {
    listing.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(|name| normalise(&root.join(path_of(name)))).collect()
}

#[cfg(unix)]
fn path_of(name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(OsStr::from_bytes(name))
}

#[cfg(not(unix))]
fn path_of(name: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}
