//! Four eyes: who wrote a function, and that its approver is somebody else.

use std::collections::BTreeSet;
use std::path::Path;

use unicode_normalization::UnicodeNormalization;

use super::GateError;
use super::candidate::Candidate;
use super::signature::AllowedSigners;
use super::statement::Envelope;
use crate::output::is_deceptive;
use crate::source::collect::{companion, git_root, read_regular, shown_path};
use crate::source::git::Git;

/// Files whose authors are authors of the function.
const AUTHORED: [&str; 2] = ["schema", "cases"];

/// The largest file that is compared with what Git knows.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// A person who is none of the authors. [`SecondPerson::new`] alone makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondPerson {
    name: String,
    authors: Vec<String>,
}

/// Why somebody cannot decide about a function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSecond {
    /// Nobody is known to have written it.
    #[error("no author is known: name them with --author")]
    NoAuthor,
    /// The name is none.
    #[error("--as: `{0}` is no name")]
    NoName(String),
    /// The approver wrote it.
    #[error("{approver} is an author of it ({author}): a second person has to approve it")]
    IsAuthor {
        /// Who wants to approve.
        approver: String,
        /// Under which name the same person wrote.
        author: String,
    },
}

impl SecondPerson {
    /// `name`, who is none of `authors`.
    ///
    /// # Errors
    /// Where that is not so, or not known.
    pub fn new(name: &str, authors: &[String]) -> Result<SecondPerson, NotSecond> {
        let own = identities(name);
        if own.is_empty() {
            return Err(NotSecond::NoName(name.to_owned()));
        }
        let known: BTreeSet<&String> = authors.iter().filter(|author| !identities(author).is_empty()).collect();
        if known.is_empty() {
            return Err(NotSecond::NoAuthor);
        }
        match known.iter().find(|author| !identities(author).is_disjoint(&own)) {
            Some(author) => Err(NotSecond::IsAuthor { approver: name.trim().to_owned(), author: (**author).clone() }),
            None => Ok(SecondPerson { name: name.trim().to_owned(), authors: known.into_iter().cloned().collect() }),
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whom it was compared with, sorted.
    pub fn authors(&self) -> &[String] {
        &self.authors
    }
}

/// A name as it is compared: after NFKC, case folding and trimming, without what does not show.
pub fn fold_name(name: &str) -> String {
    let shown = name.nfkc().filter(|c| c.is_whitespace() || !is_deceptive(*c));
    let folded: String = shown.flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The name and the address of `Name <address>`, each of them that person.
fn identities(person: &str) -> BTreeSet<String> {
    let whole = fold_name(person);
    let parts = match whole.split_once('<') {
        Some((name, address)) => vec![fold_name(name), fold_name(address.trim_end_matches('>'))],
        None => vec![whole],
    };
    parts.into_iter().filter(|part| part.chars().any(char::is_alphanumeric)).collect()
}

/// Which earlier approvals end the list of those who count as authors.
#[derive(Clone, Copy, Debug)]
pub enum Earlier<'a> {
    /// Any that fits: only for approvals that are not signed either.
    Any,
    /// Those that one of these signed.
    SignedBy(&'a AllowedSigners),
}

/// The authors, committers and co-authors of source, schema and cases since the last valid approval,
/// as Git knows them, sorted; of all that there is, where nothing changed since. Nobody outside Git.
///
/// # Errors
/// Where Git's history is not the whole, or fails.
pub fn from_git(candidate: &Candidate, earlier: Earlier<'_>) -> Result<Vec<String>, GateError> {
    let path = candidate.path();
    let Some(root) = path.parent().and_then(git_root) else { return Ok(Vec::new()) };
    let git = Git::new(&root);
    let failure = |error: crate::source::git::GitError| GateError::Failure(format!("{}: {error}", candidate.shown()));
    if !git.has_commits().map_err(failure)? {
        return Ok(Vec::new());
    }
    if git.is_shallow().map_err(failure)? {
        let message = "the clone is shallow, so Git does not know all authors (actions/checkout: fetch-depth: 0)";
        return Err(GateError::Usage(message.to_owned()));
    }
    let since = last_approval(&git, path, &root, candidate, earlier).map_err(failure)?;
    let all = |since: Option<&str>| {
        let companions = AUTHORED.iter().filter_map(|kind| companion(path, kind));
        let mut authors = BTreeSet::new();
        for file in std::iter::once(path.to_owned()).chain(companions) {
            let Ok(inside) = file.strip_prefix(&root) else { continue };
            authors.extend(git.authors(inside, since).map_err(failure)?);
        }
        Ok::<_, GateError>(authors)
    };
    let authors = all(since.as_deref())?;
    // Where nothing changed since, an approval is renewed: its authors are those of what there is.
    let authors = if authors.is_empty() && since.is_some() { all(None)? } else { authors };
    Ok(authors.into_iter().collect())
}

/// Those of the function's files that Git does not know as they are, so that nobody knows who wrote them.
///
/// # Errors
/// Where Git fails.
pub fn uncommitted(candidate: &Candidate) -> Result<Vec<String>, GateError> {
    let path = candidate.path();
    let Some(root) = path.parent().and_then(git_root) else { return Ok(Vec::new()) };
    let git = Git::new(&root);
    let companions = AUTHORED.iter().filter_map(|kind| companion(path, kind)).filter(|file| file.symlink_metadata().is_ok());
    let mut unknown = Vec::new();
    for file in std::iter::once(path.to_owned()).chain(companions) {
        let shown = shown_path(&file, &root);
        let bytes = read_regular(&file, FILE_BYTES_MAX).map_err(|reason| GateError::Failure(format!("{shown}: {reason}")))?;
        let known = git.is_committed(file.strip_prefix(&root).unwrap_or(&file), &bytes);
        if !known.map_err(|error| GateError::Failure(format!("{shown}: {error}")))? {
            unknown.push(shown);
        }
    }
    Ok(unknown)
}

/// The last commit at which an approval fits the function as it was then.
fn last_approval(
    git: &Git<'_>,
    path: &Path,
    root: &Path,
    candidate: &Candidate,
    earlier: Earlier<'_>,
) -> Result<Option<String>, crate::source::git::GitError> {
    let Some(approval) = companion(path, "approval") else { return Ok(None) };
    let (Ok(approval), Ok(source)) = (approval.strip_prefix(root), path.strip_prefix(root)) else { return Ok(None) };
    let schema = companion(path, "schema");
    let schema = schema.as_deref().and_then(|schema| schema.strip_prefix(root).ok());
    for commit in git.commits_of(approval)? {
        let Some(bytes) = git.show(&commit, approval)? else { continue };
        let Ok(envelope) = Envelope::parse(&bytes) else { continue };
        let Ok(statement) = envelope.statement() else { continue };
        let digest_of = |bytes: Option<Vec<u8>>| bytes.as_deref().map(super::candidate::digest);
        let source = digest_of(git.show(&commit, source)?);
        let schema = match schema {
            Some(schema) => digest_of(git.show(&commit, schema)?),
            None => None,
        };
        let predicate = &statement.predicate;
        let fits = statement.subject.first().is_some_and(|subject| subject.name == candidate.subject())
            && statement.source_sha256() == source.as_deref()
            && predicate.digests.schema == schema
            && SecondPerson::new(&predicate.approver, &predicate.authors).is_ok();
        let is_trusted = match earlier {
            Earlier::Any => true,
            Earlier::SignedBy(signers) => signers.check(&envelope, &predicate.approver, predicate.decided_at).is_ok(),
        };
        if fits && is_trusted {
            return Ok(Some(commit));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(name: &str, authors: &[&str]) -> Result<SecondPerson, NotSecond> {
        SecondPerson::new(name, &authors.iter().map(|author| (*author).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_same_person_is_recognised_in_every_spelling() {
        for (approver, author) in [
            ("alice", "Alice"),
            (" Alice  Smith ", "alice smith"),
            ("ａｌｉｃｅ", "Alice"),
            ("ALICE@EXAMPLE.COM", "Alice Smith <alice@example.com>"),
            ("Alice Smith", "Alice Smith <alice@example.com>"),
            ("Alice <other@example.com>", "Alice <alice@example.com>"),
            ("Al\u{200b}ice", "Alice"),
            ("STRASSE", "Straße"),
            ("Jose\u{301}", "josé"),
        ] {
            assert!(matches!(second(approver, &[author]), Err(NotSecond::IsAuthor { .. })), "{approver} {author}");
        }
        assert_eq!(second("Bob", &["Alice", "Alice"]).unwrap().authors(), ["Alice"]);
    }

    #[test]
    fn nobody_known_is_not_nobody() {
        assert_eq!(second("bob", &[]), Err(NotSecond::NoAuthor));
        assert_eq!(second("bob", &["", " \u{200b}", "<>"]), Err(NotSecond::NoAuthor));
        assert!(matches!(second(" \u{200b} ", &["alice"]), Err(NotSecond::NoName(_))));
    }
}
