//! Git, asked by its own program, so that a repository under review cannot choose programs that run
//! here.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The largest file that is taken from a commit.
const FILE_BYTES_MAX: usize = 16 << 20;

/// Git did not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GitError(String);

/// A repository.
#[derive(Clone, Copy, Debug)]
pub struct Git<'a> {
    root: &'a Path,
}

/// A file that Git tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Relative to the root.
    pub path: PathBuf,
    /// What the index says it is.
    pub kind: TrackedKind,
}

/// What the index says a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackedKind {
    /// A file.
    File,
    /// A symbolic link.
    Link,
    /// A commit of another repository.
    Submodule,
}

impl<'a> Git<'a> {
    /// The repository whose work tree is `root`.
    pub fn new(root: &'a Path) -> Self {
        Git { root }
    }

    /// Runs Git with `args`.
    ///
    /// # Errors
    /// Where Git cannot be started.
    pub fn run<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Result<Output, GitError> {
        Command::new("git")
            .arg("-C")
            .arg(self.root)
            .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false"])
            .args(["-c", "core.quotePath=false", "-c", "log.mailmap=false", "-c", "core.attributesFile=/dev/null"])
            .args(["--no-pager", "--literal-pathspecs", "--no-replace-objects"])
            .args(args)
            // What a caller's environment says of another repository is not meant for this one.
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .env_remove("GIT_OBJECT_DIRECTORY")
            .env_remove("GIT_ALTERNATE_OBJECT_DIRECTORIES")
            .env_remove("GIT_EXTERNAL_DIFF")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| GitError(format!("git cannot be started: {error}")))
    }

    /// What Git prints, where it succeeds.
    ///
    /// # Errors
    /// Where it does not.
    pub fn text<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Result<Vec<u8>, GitError> {
        let output = self.run(args)?;
        if output.status.success() { Ok(output.stdout) } else { Err(failed(&output)) }
    }

    /// The commit that `reference` names, if it names one.
    ///
    /// # Errors
    /// Where Git fails.
    pub fn commit(self, reference: &str) -> Result<Option<String>, GitError> {
        let spec = format!("{reference}^{{commit}}");
        let output = self.run(["rev-parse", "--verify", "--quiet", "--end-of-options", &spec])?;
        Ok(object_id(&output.stdout).filter(|_| output.status.success()))
    }

    /// Whether there is a commit at all.
    ///
    /// # Errors
    /// Where Git fails.
    pub fn has_commits(self) -> Result<bool, GitError> {
        self.commit("HEAD").map(|head| head.is_some())
    }

    /// Whether history was cut off.
    ///
    /// # Errors
    /// Where Git fails.
    pub fn is_shallow(self) -> Result<bool, GitError> {
        Ok(self.text(["rev-parse", "--is-shallow-repository"])?.trim_ascii() == b"true")
    }

    /// The commits that touched `path`, the last first.
    ///
    /// # Errors
    /// Where Git fails.
    pub fn commits_of(self, path: &Path) -> Result<Vec<String>, GitError> {
        let args = ["log", "--format=%H", "--full-history", "HEAD", "--"].map(OsStr::new);
        let text = self.text(args.into_iter().chain([path.as_os_str()]))?;
        Ok(text.split(|byte| *byte == b'\n').filter_map(object_id).collect())
    }

    /// The content of `path` in a commit, if it is a file there.
    ///
    /// # Errors
    /// Where Git fails.
    pub fn show(self, commit: &str, path: &Path) -> Result<Option<Vec<u8>>, GitError> {
        let args = ["ls-tree", "-z", "--full-tree", commit, "--"].map(OsStr::new);
        let listing = self.text(args.into_iter().chain([path.as_os_str()]))?;
        // `100644 blob <id>\t<path>`
        let Some(entry) = listing.split(|byte| *byte == 0).find(|entry| entry.starts_with(b"100")) else { return Ok(None) };
        let fields: Vec<&[u8]> = entry.splitn(3, |byte| *byte == b' ').collect();
        let id = fields.get(2).and_then(|rest| rest.split(|byte| *byte == b'\t').next()).and_then(object_id);
        let Some(id) = id else { return Ok(None) };
        let bytes = self.text(["cat-file", "blob", &id])?;
        if bytes.len() > FILE_BYTES_MAX { Err(GitError(format!("{}: it is too large", path.display()))) } else { Ok(Some(bytes)) }
    }

    /// Authors, committers and co-authors of `path`, over renames, as `Name <address>`; of all its
    /// history, or of what came after a commit.
    ///
    /// # Errors
    /// Where Git fails.
    pub fn authors(self, path: &Path, since: Option<&str>) -> Result<Vec<String>, GitError> {
        let range = since.map_or_else(|| "HEAD".to_owned(), |since| format!("{since}..HEAD"));
        let format = "--format=%an <%ae>%x00%cn <%ce>%x00%(trailers:key=Co-authored-by,valueonly,unfold,separator=%x00)%x00";
        let args = ["log", "--no-mailmap", "--follow", format, &range, "--"].map(OsStr::new);
        let text = self.text(args.into_iter().chain([path.as_os_str()]))?;
        let names = text.split(|byte| *byte == 0).map(|name| String::from_utf8_lossy(name).trim().to_owned());
        let mut names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Whether a file is, but for the ends of its lines, what the last commit has. `git status` would run
    /// filters that the repository names.
    ///
    /// # Errors
    /// Where Git fails.
    pub fn is_committed(self, path: &Path, bytes: &[u8]) -> Result<bool, GitError> {
        let unified = |bytes: &[u8]| bytes.iter().copied().filter(|byte| *byte != b'\r').collect::<Vec<u8>>();
        Ok(self.has_commits()? && self.show("HEAD", path)?.is_some_and(|committed| unified(&committed) == unified(bytes)))
    }

    /// Everything that Git tracks, in order.
    ///
    /// # Errors
    /// Where Git fails.
    pub fn tracked(self) -> Result<Vec<Tracked>, GitError> {
        let text = self.text(["ls-files", "--stage", "-z", "--full-name"])?;
        // `100644 <id> <stage>\t<path>`
        let entry = |entry: &[u8]| {
            let tab = entry.iter().position(|byte| *byte == b'\t')?;
            let kind = match entry.get(..6)? {
                b"120000" => TrackedKind::Link,
                b"160000" => TrackedKind::Submodule,
                _ => TrackedKind::File,
            };
            Some(Tracked { path: path_of(entry.get(tab + 1..)?), kind })
        };
        let mut found: Vec<Tracked> = text.split(|byte| *byte == 0).filter_map(entry).collect();
        // A conflict has several stages of one path.
        found.dedup();
        Ok(found)
    }
}

fn failed(output: &Output) -> GitError {
    GitError(format!("git failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// Git's output must be an object's id before it is an argument again.
fn object_id(output: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(output).ok()?.trim();
    (text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| text.to_owned())
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
