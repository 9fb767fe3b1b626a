//! From paths on the command line to sources: walks folders, reads files, and says of everything
//! that it does not read why not.
//!
//! Walking and reading are two steps: [`collect`] yields a sorted list of [`Target`]s, and
//! [`Target::read`] reads one of them, on whatever thread wants it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use sha2::{Digest, Sha256};

use super::SourceFile;

/// The extensions of function sources.
pub const EXTENSIONS: [&str; 6] = ["js", "mjs", "cjs", "ts", "mts", "cts"];

/// The largest `NAME.schema.json` that is read.
const SCHEMA_BYTES_MAX: u64 = 1 << 20;

/// The largest `.gitignore` that is honoured.
const GITIGNORE_BYTES_MAX: u64 = 1 << 20;

/// Where a source stands, under all the names that reports need.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Relative to the current folder, with forward slashes; bytes that are no UTF-8 are written `\xNN`.
    pub shown: String,
    /// Relative to the Git root, or where there is none to the current folder: raw bytes, as code
    /// scanning matches them with the repository.
    pub repository: Vec<u8>,
    /// The absolute path on disk; `None` for standard input and sources that never were files.
    pub location: Option<PathBuf>,
}

impl Origin {
    /// The origin of a source that is no file.
    pub fn named(name: &str) -> Self {
        Origin { shown: name.to_owned(), repository: name.as_bytes().to_vec(), location: None }
    }
}

/// Something that was named, or found by walking.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it stands.
    pub origin: Origin,
    /// How to get at its text.
    pub access: Access,
}

/// How to get at the text of a [`Target`].
#[derive(Clone, Debug)]
pub enum Access {
    /// A file to be read.
    File,
    /// Text that was handed over under a file's name, such as standard input; what belongs to it
    /// stands beside that name.
    Bytes(Arc<[u8]>),
    /// Text and schema that were handed over: nothing is read from disk.
    Given {
        /// The source.
        source: Arc<[u8]>,
        /// Its InputSchema, as JSON.
        schema: Option<Arc<[u8]>>,
    },
    /// There is none, for this reason.
    Refused(String),
}

/// What reading a [`Target`] yields.
#[derive(Clone, Debug)]
pub enum Content {
    /// The source.
    Source(SourceFile),
    /// More bytes than allowed; no more than one of them above the limit was read.
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// No source, for this reason.
    Unreadable {
        /// The reason.
        reason: String,
        /// The digest of what was read, if anything was.
        sha256: Option<String>,
    },
}

/// The targets, in order of their shown path, and remarks about what was passed by.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// What to read.
    pub targets: Vec<Target>,
    /// What a person should know and a machine need not.
    pub notices: Vec<String>,
}

/// Standard input as a source.
#[derive(Clone, Debug)]
pub struct Stdin {
    /// `--stdin-filename`.
    pub filename: PathBuf,
    /// What was read from it.
    pub bytes: Arc<[u8]>,
}

/// Collects what `paths` name, seen from the folder `current` (absolute). `-` is `stdin`.
pub fn collect(paths: &[PathBuf], stdin: Option<&Stdin>, current: &Path) -> Collected {
    let mut walk = Walk::new(current);
    for path in paths {
        match stdin {
            Some(stdin) if path.as_os_str() == "-" => walk.add(&current.join(&stdin.filename), Access::Bytes(stdin.bytes.clone())),
            _ => walk.named(&normalise(&current.join(path))),
        }
    }
    Collected { targets: walk.found.into_values().collect(), notices: walk.notices }
}

impl Target {
    /// Reads the source, but no more than `bytes_max` of it.
    pub fn read(&self, bytes_max: u64) -> Content {
        let unreadable = |reason: String| Content::Unreadable { reason, sha256: None };
        let bytes = match (&self.access, &self.origin.location) {
            (Access::Refused(reason), _) => return unreadable(reason.clone()),
            (Access::Bytes(source) | Access::Given { source, .. }, _) => source.to_vec(),
            (Access::File, Some(location)) => match read_bounded(location, bytes_max) {
                Ok(bytes) => bytes,
                Err(reason) => return unreadable(reason),
            },
            (Access::File, None) => return unreadable("it is not a file".to_owned()),
        };
        if bytes.len() as u64 > bytes_max {
            return Content::TooLarge { bytes_max };
        }
        match String::from_utf8(bytes) {
            Ok(text) => Content::Source(SourceFile::new(self.origin.shown.clone(), text)),
            Err(error) => Content::Unreadable { reason: not_utf8(&error), sha256: Some(hex::encode(Sha256::digest(error.as_bytes()))) },
        }
    }

    /// A source that is no file, with its schema.
    pub fn given(name: &str, source: impl Into<Arc<[u8]>>, schema: Option<Arc<[u8]>>) -> Target {
        Target { origin: Origin::named(name), access: Access::Given { source: source.into(), schema } }
    }

    /// The `NAME.schema.json` that belongs to it, if there is one: its bytes, or why they cannot be had.
    pub fn read_schema(&self) -> Option<Result<Vec<u8>, String>> {
        if let Access::Given { schema, .. } = &self.access {
            return schema.as_ref().map(|schema| Ok(schema.to_vec()));
        }
        let path = companion(self.origin.location.as_ref()?, "schema")?;
        path.symlink_metadata().is_ok().then(|| read_regular(&path, SCHEMA_BYTES_MAX))
    }
}

/// `NAME.kind.json` beside the function `NAME.js`.
pub fn companion(function: &Path, kind: &str) -> Option<PathBuf> {
    let mut name = function.file_stem()?.to_owned();
    name.push(format!(".{kind}.json"));
    Some(function.with_file_name(name))
}

/// Whether a file of this name is a function source: one of [`EXTENSIONS`], and no declaration file.
pub fn is_source_name(name: &OsStr) -> bool {
    let path = Path::new(name);
    let known = path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known));
    let declaration = path.file_stem().and_then(|stem| Path::new(stem).extension()).is_some_and(|inner| inner == "d");
    known && !(declaration && path.extension().is_some_and(|extension| extension.to_string_lossy().ends_with("ts")))
}

/// Reads a regular file of at most `bytes_max` bytes; never waits for a pipe or a device.
///
/// # Errors
/// The reason, in words.
pub fn read_regular(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let bytes = read_bounded(path, bytes_max)?;
    if bytes.len() as u64 > bytes_max { Err(format!("it is larger than {bytes_max} bytes")) } else { Ok(bytes) }
}

/// The folder that holds `.git`, at or above `folder`.
pub fn git_root(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|up| up.join(".git").symlink_metadata().is_ok()).map(Path::to_owned)
}

/// `path` relative to `current`, with forward slashes, as it is shown.
pub fn shown_path(path: &Path, current: &Path) -> String {
    let bytes = relative_bytes(path, current);
    bytes.utf8_chunks().fold(String::new(), |mut shown, chunk| {
        shown.push_str(chunk.valid());
        shown.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02X}")));
        shown
    })
}

/// Removes `.` and resolves `..` by the letter, as a shell shows paths.
pub fn normalise(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            Component::ParentDir if normal.has_root() => {}
            other => normal.push(other),
        }
    }
    normal
}

fn relative_bytes(path: &Path, base: &Path) -> Vec<u8> {
    let (path, base) = (normalise(path), normalise(base));
    let common = path.components().zip(base.components()).take_while(|(a, b)| a == b).count();
    let up = base.components().skip(common).map(|_| OsStr::new(".."));
    let down = path.components().skip(common).map(Component::as_os_str);
    let parts: Vec<&[u8]> = up.chain(down).map(OsStr::as_encoded_bytes).collect();
    if parts.is_empty() { b".".to_vec() } else { parts.join(&b'/') }
}

/// Reads at most one byte more than `bytes_max`.
fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    }
    let file = options.open(path).map_err(|error| io_reason(&error, path))?;
    let kind = file.metadata().map_err(|error| io_reason(&error, path))?.file_type();
    if !kind.is_file() {
        return Err(kind_reason(kind).to_owned());
    }
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| io_reason(&error, path))?;
    Ok(bytes)
}

fn io_reason(error: &std::io::Error, path: &Path) -> String {
    use std::io::ErrorKind;
    let link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    match error.kind() {
        ErrorKind::NotFound if link => "it is a broken link: what it names does not exist".to_owned(),
        ErrorKind::NotFound => "it does not exist".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ if error.raw_os_error() == Some(libc::ELOOP) => "it is a link that leads back to itself".to_owned(),
        _ => error.to_string(),
    }
}

fn kind_reason(kind: std::fs::FileType) -> &'static str {
    if kind.is_dir() { "it is a folder, not a file" } else { "it is a device, a pipe or a socket, not a file" }
}

fn not_utf8(error: &std::string::FromUtf8Error) -> String {
    let bytes = error.as_bytes();
    match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "it is UTF-16 text; sources must be UTF-8".to_owned(),
        _ if bytes.iter().take(8_000).any(|byte| *byte == 0) => "it is binary, not text".to_owned(),
        _ => format!("it is not UTF-8: byte {} is invalid", error.utf8_error().valid_up_to()),
    }
}

/// One walk over everything that was named.
struct Walk<'a> {
    current: &'a Path,
    /// What SARIF paths are relative to.
    repository: PathBuf,
    found: BTreeMap<String, Target>,
    notices: Vec<String>,
    ignores: HashMap<PathBuf, Option<Arc<Gitignore>>>,
}

impl<'a> Walk<'a> {
    fn new(current: &'a Path) -> Self {
        let repository = git_root(current).unwrap_or_else(|| current.to_owned());
        Walk { current, repository, found: BTreeMap::new(), notices: Vec::new(), ignores: HashMap::new() }
    }

    /// A path as the user gave it: what is named is taken, whatever `.gitignore` says.
    fn named(&mut self, path: &Path) {
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => self.folder(path),
            Ok(_) | Err(_) if !path.file_name().is_some_and(is_source_name) && path.exists() => {
                self.refuse(path, format!("it is not a function source: the extension must be {}", EXTENSIONS.join(", ")));
            }
            Ok(_) => self.add(path, Access::File),
            Err(error) => self.refuse(path, io_reason(&error, path)),
        }
    }

    fn folder(&mut self, root: &Path) {
        let boundary = git_root(root).unwrap_or_else(|| root.to_owned());
        let mut entries = walkdir::WalkDir::new(root).follow_root_links(true).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_owned();
                    let reason = error.io_error().map_or_else(|| "it cannot be walked".to_owned(), |io| io_reason(io, &path));
                    self.refuse(&path, reason);
                    continue;
                }
            };
            if entry.depth() == 0 {
                continue;
            }
            let (path, kind) = (entry.path(), entry.file_type());
            if kind.is_dir() {
                if is_passed_by(entry.file_name()) || self.is_ignored(path, true, &boundary) {
                    entries.skip_current_dir();
                } else if is_source_name(entry.file_name()) {
                    let shown = shown_path(path, self.current);
                    self.notices.push(format!("{shown}: it is a folder, not a function; the functions in it are taken"));
                }
            } else if kind.is_symlink() {
                self.link(path, root, &boundary);
            } else if is_source_name(entry.file_name()) && !self.is_ignored(path, false, &boundary) {
                let access = if kind.is_file() { Access::File } else { Access::Refused(kind_reason(kind).to_owned()) };
                self.add(path, access);
            }
        }
    }

    /// A link found by walking. A link to a file is that file under another name; a link to a
    /// folder is not followed, which loses nothing where the folder is walked anyway.
    fn link(&mut self, path: &Path, root: &Path, boundary: &Path) {
        let name = path.file_name().unwrap_or_default();
        let target = match path.canonicalize() {
            Ok(target) => target,
            Err(error) => {
                if is_source_name(name) && !self.is_ignored(path, false, boundary) {
                    self.refuse(path, io_reason(&error, path));
                } else if !is_passed_by(name) && !self.is_ignored(path, false, boundary) {
                    let shown = shown_path(path, self.current);
                    self.notices.push(format!("{shown}: {}", io_reason(&error, path)));
                }
                return;
            }
        };
        let is_dir = target.is_dir();
        if self.is_ignored(path, is_dir, boundary) || (is_dir && is_passed_by(name)) {
            return;
        }
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if is_dir {
            let walked =
                target.strip_prefix(real(root)).is_ok_and(|inside| !inside.components().any(|part| is_passed_by(part.as_os_str())));
            if walked {
                let shown = shown_path(path, self.current);
                self.notices.push(format!("{shown}: it is a link to a folder that is walked under its own name; it is not followed"));
            } else {
                self.refuse(path, "it is a link to a folder outside what is walked; name the folder itself".to_owned());
            }
        } else if is_source_name(name) {
            if target.starts_with(real(boundary)) {
                self.add(path, Access::File);
            } else {
                self.refuse(path, "it is a link to a file outside; name the file itself".to_owned());
            }
        }
    }

    fn refuse(&mut self, path: &Path, reason: String) {
        self.add(path, Access::Refused(reason));
    }

    fn add(&mut self, path: &Path, access: Access) {
        let path = normalise(path);
        let shown = shown_path(&path, self.current);
        let repository = relative_bytes(&path, &self.repository);
        let origin = Origin { shown: shown.clone(), repository, location: Some(path) };
        self.found.entry(shown).or_insert(Target { origin, access });
    }

    /// The nearest `.gitignore` that says anything decides, no further up than `boundary`.
    fn is_ignored(&mut self, path: &Path, is_dir: bool, boundary: &Path) -> bool {
        for folder in path.ancestors().skip(1).take_while(|up| up.starts_with(boundary)) {
            let Some(matcher) = self.gitignore(folder) else { continue };
            match matcher.matched(path, is_dir) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }

    fn gitignore(&mut self, folder: &Path) -> Option<Arc<Gitignore>> {
        if let Some(known) = self.ignores.get(folder) {
            return known.clone();
        }
        let matcher = self.load_gitignore(folder);
        self.ignores.insert(folder.to_owned(), matcher.clone());
        matcher
    }

    fn load_gitignore(&mut self, folder: &Path) -> Option<Arc<Gitignore>> {
        let path = folder.join(".gitignore");
        path.symlink_metadata().ok()?;
        let text = match read_regular(&path, GITIGNORE_BYTES_MAX) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(reason) => {
                self.notices.push(format!("{}: not honoured: {reason}", shown_path(&path, self.current)));
                return None;
            }
        };
        let mut builder = GitignoreBuilder::new(folder);
        for (at, line) in text.lines().enumerate() {
            if let Err(error) = builder.add_line(None, line) {
                self.notices.push(format!("{}:{}: not honoured: {error}", shown_path(&path, self.current), at + 1));
            }
        }
        builder.build().ok().map(Arc::new)
    }
}

/// Folders that do not count unless they are named.
fn is_passed_by(name: &OsStr) -> bool {
    name == "node_modules" || name.as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(root: &Path, paths: &[&str]) -> Vec<String> {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let entry = |target: Target| match target.access {
            Access::Refused(reason) => format!("{}! {reason}", target.origin.shown),
            _ => target.origin.shown,
        };
        collect(&paths, None, root).targets.into_iter().map(entry).collect()
    }

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn folders_are_walked_sorted_without_ignored_hidden_and_installed_ones() {
        let root = tree(&[
            (".gitignore", "build/\n*.gen.js\n!keep.gen.js\n"),
            ("b.ts", ""),
            ("a.js", ""),
            ("a/z.mjs", ""),
            ("types.d.ts", ""),
            ("note.txt", ""),
            ("x.gen.js", ""),
            ("keep.gen.js", ""),
            ("sub/.gitignore", "!*.gen.js"),
            ("sub/y.gen.js", ""),
            ("build/out.js", ""),
            ("node_modules/m/i.js", ""),
            (".hidden/h.js", ""),
        ]);
        assert_eq!(listing(root.path(), &["."]), ["a.js", "a/z.mjs", "b.ts", "keep.gen.js", "sub/y.gen.js"]);
        assert_eq!(listing(root.path(), &["build", ".hidden", "./a.js", "a.js"]), [".hidden/h.js", "a.js", "build/out.js"]);
        assert_eq!(listing(root.path(), &["note.txt"]).len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_to_files_inside_and_accounted_for_otherwise() {
        use std::os::unix::fs::symlink;
        let root = tree(&[("in/a.js", ""), ("out/b.js", "")]);
        let inside = root.path().join("in");
        symlink("a.js", inside.join("same.js")).unwrap();
        symlink("nowhere.js", inside.join("broken.js")).unwrap();
        symlink("loop.js", inside.join("loop.js")).unwrap();
        symlink("../out/b.js", inside.join("b.js")).unwrap();
        symlink("../out", inside.join("folder")).unwrap();
        symlink(".", inside.join("again")).unwrap();
        let listed = listing(root.path(), &["in"]);
        let names: Vec<&str> = listed.iter().map(|line| line.split(['!', ':']).next().unwrap()).collect();
        assert_eq!(names, ["in/a.js", "in/b.js", "in/broken.js", "in/folder", "in/loop.js", "in/same.js"]);
        assert_eq!(listed.iter().filter(|line| line.contains('!')).count(), 4, "{listed:?}");
        assert_eq!(collect(&[PathBuf::from("in")], None, root.path()).notices.len(), 1);
    }

    #[test]
    fn what_is_no_text_has_a_reason_and_a_digest() {
        let root = tempfile::tempdir().unwrap();
        for (name, bytes, said) in [
            ("a.js", &b"\0\xFF\xFE"[..], "binary"),
            ("b.js", b"let a = '\xE9'", "byte 9"),
            ("c.js", b"\xFF\xFEl\0", "UTF-16"),
            ("d.js", b"12345678901234567", "large"),
        ] {
            std::fs::write(root.path().join(name), bytes).unwrap();
            let target = &collect(&[PathBuf::from(name)], None, root.path()).targets[0];
            match target.read(16) {
                Content::Unreadable { reason, sha256 } => assert!(reason.contains(said) && sha256.is_some(), "{reason}"),
                other => assert!(matches!(other, Content::TooLarge { .. }) && said == "large"),
            }
        }
    }

    #[test]
    fn paths_are_relative_to_where_one_stands() {
        let shown = |path: &str| shown_path(Path::new(path), Path::new("/a/b"));
        assert_eq!((shown("/a/b/c.js").as_str(), shown("/a/./x/../c.js").as_str(), shown("/a/b").as_str()), ("c.js", "../c.js", "."));
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_utf8_stay_apart() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new("/a").join(OsStr::from_bytes(b"f\xFFo.js"));
        assert_eq!(shown_path(&path, Path::new("/a")), "f\\xFFo.js");
    }
}
