//! What is remembered of the chains outside the store.
//!
//! An old copy of the whole store was sealed with the right key, too. So the last record of each
//! chain that was seen is kept in a folder beside the key: a store that ends before it, or has
//! another record in its place, was put back or rewritten. It is a lower bound: what could not be
//! noted any more makes it weaker, never wrong.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::seal::Head;

/// The last record of a chain that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub seq: u64,
    pub hash: String,
    /// How many intents there had ever been.
    pub begun: u64,
}

impl From<&Head> for Seen {
    fn from(head: &Head) -> Seen {
        Seen { seq: head.seq, hash: head.hash.clone(), begun: head.begun }
    }
}

/// What was seen, by tenant.
#[derive(Debug)]
pub(super) struct Witness {
    /// Where it is kept; nothing where only this process remembers.
    folder: Option<PathBuf>,
    seen: Mutex<HashMap<String, Seen>>,
}

impl Witness {
    /// The memory beside the key at `key`; the reason where nothing can be kept there.
    pub fn beside(key: &Path) -> (Witness, Option<String>) {
        let mut folder = key.as_os_str().to_owned();
        folder.push(".seen");
        let folder = PathBuf::from(folder);
        match usable(&folder) {
            Ok(()) => (Witness { folder: Some(folder), seen: Mutex::default() }, None),
            Err(error) => {
                let notice = format!("{}: {error}: only this process remembers which records it saw", folder.display());
                (Witness { folder: None, seen: Mutex::default() }, Some(notice))
            }
        }
    }

    /// Where it is kept, for people.
    pub fn place(&self) -> String {
        self.folder.as_ref().map_or_else(|| "nothing: end this process".to_owned(), |folder| folder.display().to_string())
    }

    /// The last record of the tenant's chain that was seen.
    ///
    /// # Errors
    /// Where what was kept cannot be read.
    pub fn last(&self, tenant_id: &str) -> io::Result<Option<Seen>> {
        if let Some(seen) = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(tenant_id) {
            return Ok(Some(seen.clone()));
        }
        let Some(path) = self.path(tenant_id) else { return Ok(None) };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let damaged = || io::Error::other(format!("{} is damaged; without it, older records are not missed", path.display()));
        let mut words = text.split_whitespace();
        let (seq, hash) = words.next().zip(words.next()).ok_or_else(damaged)?;
        let number = |text: &str| text.parse().map_err(|_| damaged());
        let seen = Seen { seq: number(seq)?, hash: hash.to_owned(), begun: words.next().map_or(Ok(0), number)? };
        Ok(Some(self.remember(tenant_id, seen)))
    }

    /// Notes the end of a chain; `durably` where nothing may make it forgotten.
    ///
    /// # Errors
    /// Where it cannot be kept.
    pub fn note(&self, head: &Head, durably: bool) -> io::Result<()> {
        let seen = self.remember(&head.tenant_id, head.into());
        let Some(path) = self.path(&head.tenant_id) else { return Ok(()) };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut file = options.open(path)?;
        // Always as long, and short enough to be written at once.
        file.write_all(format!("{:020} {} {:020}\n", seen.seq, seen.hash, seen.begun).as_bytes())?;
        if durably { file.sync_all() } else { Ok(()) }
    }

    /// Keeps the later of the two.
    fn remember(&self, tenant_id: &str, seen: Seen) -> Seen {
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.entry(tenant_id.to_owned()).or_insert_with(|| seen.clone());
        if (kept.seq, kept.begun) < (seen.seq, seen.begun) {
            *kept = seen;
        }
        kept.clone()
    }

    fn path(&self, tenant_id: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(hex::encode(Sha256::digest(tenant_id))))
    }
}

fn usable(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        std::fs::create_dir(folder)?;
    }
    // Fails where the folder cannot be written.
    tempfile::tempfile_in(folder).map(drop)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn head(seq: u64) -> Head {
        let decisions_hash = String::new();
        Head { tenant_id: "t".into(), seq, hash: format!("{seq:064}"), decisions: 0, decisions_hash, begun: 2 * seq, open: BTreeMap::new() }
    }

    #[test]
    fn the_latest_is_remembered_by_the_next_process_too() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        let (witness, notice) = Witness::beside(&key);
        assert_eq!((notice, witness.last("t").unwrap()), (None, None));
        for seq in [1, 12, 7] {
            witness.note(&head(seq), seq == 12).unwrap();
        }
        let next = Witness::beside(&key).0;
        assert_eq!(next.last("t").unwrap(), Some(Seen { seq: 12, hash: format!("{:064}", 12), begun: 24 }));
        assert_eq!(next.last("u").unwrap(), None);
        let file = std::fs::read_dir(folder.path().join("key.seen")).unwrap().next().unwrap().unwrap().path();
        std::fs::write(file, "nonsense").unwrap();
        assert!(Witness::beside(&key).0.last("t").is_err());
    }
}
