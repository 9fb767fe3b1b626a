//! Which `fnvet.toml` holds for a folder: the nearest one upwards.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Config, ConfigError, FILE_NAME};
use crate::source::collect::git_root;

/// What was found for one folder.
#[derive(Clone, Debug)]
pub enum Discovered {
    /// No configuration file.
    None,
    /// This one.
    Config {
        /// Where it is.
        path: PathBuf,
        /// What it says.
        config: Box<Config>,
    },
    /// One that cannot be used.
    Broken(ConfigError),
    /// One that does not count, because others could have written it.
    Untrusted {
        /// The file, as shown.
        path: String,
        /// Why.
        reason: String,
    },
}

/// Finds configuration files, reading each at most once.
#[derive(Debug)]
pub struct Discovery {
    current: PathBuf,
    by_folder: HashMap<PathBuf, Discovered>,
}

impl Discovery {
    /// A discovery that shows paths relative to the folder `current`.
    pub fn new(current: impl Into<PathBuf>) -> Self {
        Discovery { current: current.into(), by_folder: HashMap::new() }
    }

    /// The configuration of the files in `folder` (absolute).
    pub fn of(&mut self, folder: &Path) -> Discovered {
        if let Some(known) = self.by_folder.get(folder) {
            return known.clone();
        }
        let found = match self.nearest(folder) {
            Some(path) => self.load(path),
            None => Discovered::None,
        };
        self.by_folder.insert(folder.to_owned(), found.clone());
        found
    }

    /// No further up than the Git root; outside Git the current folder alone counts.
    fn nearest(&self, folder: &Path) -> Option<PathBuf> {
        let exists = |folder: &Path| Some(folder.join(FILE_NAME)).filter(|path| path.symlink_metadata().is_ok());
        match git_root(folder) {
            Some(root) => folder.ancestors().take_while(|up| up.starts_with(&root)).find_map(exists),
            None => exists(&self.current),
        }
    }

    fn load(&self, path: PathBuf) -> Discovered {
        let shown = crate::source::collect::shown_path(&path, &self.current);
        if let Err(reason) = trusted_owner(&path) {
            return Discovered::Untrusted { path: shown, reason };
        }
        match Config::read(&path, &shown) {
            Ok(config) => Discovered::Config { path, config: Box::new(config) },
            Err(error) => Discovered::Broken(error),
        }
    }
}

/// The file and its folder must belong to the user or to root, and not be writable for everybody.
#[cfg(unix)]
fn trusted_owner(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    for (what, path) in [("it", path), ("its folder", path.parent().unwrap_or(path))] {
        let Ok(metadata) = path.metadata() else { continue };
        if metadata.uid() != user && metadata.uid() != 0 {
            return Err(format!("{what} belongs to another user"));
        }
        if metadata.mode() & 0o002 != 0 {
            return Err(format!("{what} is writable for everybody"));
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn trusted_owner(_path: &Path) -> Result<(), String> {
    Ok(())
}
