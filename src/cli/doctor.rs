//! `fnvet doctor`: which layers hold here, and what the attack set does to them.

use std::io;
use std::path::{Path, PathBuf};

use crate::sandbox::doctor::{Attack, Diagnosis, diagnose};
use crate::sandbox::{IsolationOptions, Layer};
use crate::source::collect::{is_source_name, read_regular};

/// The largest attack that is read.
const ATTACK_BYTES_MAX: u64 = 16 << 20;

/// Which isolation layers hold on this machine, and the attack set run against them.
///
/// Attacks run without review: this is the one command that does so.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Arguments {
    /// Also runs the JavaScript and TypeScript files of this folder: scripts, or files with an entry function.
    /// A first line `// expect: class|class` says how they must end.
    #[arg(long, value_name = "DIR")]
    pub attacks: Option<PathBuf>,
    /// Leaves a layer out, to see its row fail.
    #[arg(long = "without-layer", value_name = "LAYER", hide = true, value_parser = layer)]
    pub without: Vec<Layer>,
}

fn layer(name: &str) -> Result<Layer, String> {
    Layer::by_name(name).ok_or_else(|| format!("no layer is called {name}"))
}

/// Runs the diagnosis; the caller prints [`Diagnosis::render`] and exits 1 unless it is healthy.
///
/// # Errors
/// Where the folder of further attacks cannot be read.
pub fn run(arguments: &Arguments) -> io::Result<Diagnosis> {
    let mut attacks = Attack::built_in();
    if let Some(folder) = &arguments.attacks {
        attacks.extend(read_attacks(folder)?);
    }
    let options = IsolationOptions { without: arguments.without.iter().copied().collect(), ..IsolationOptions::default() };
    Ok(diagnose(&attacks, &options))
}

/// The attacks of a folder by name; text that is not UTF-8 is read as far as it is.
fn read_attacks(folder: &Path) -> io::Result<Vec<Attack>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(is_source_name) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(io::Error::other("it has no JavaScript or TypeScript files"));
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = read_regular(&path, ATTACK_BYTES_MAX).map_err(|reason| io::Error::other(format!("{name}: {reason}")))?;
            Ok(Attack::new(name, String::from_utf8_lossy(&bytes)))
        })
        .collect()
}
