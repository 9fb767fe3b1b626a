//! Records in a file: one line each, appended under a lock and synced before anyone is answered.
//!
//! Before a function starts, an intent is noted in a file of its own beside the log, which its owner
//! keeps locked. An intent whose lock is free belongs to a process that is gone: whoever opens the
//! log next records it as interrupted, unless the outcome is there already, whose hash was noted in
//! the intent before it was appended. An intent can thus never make a record of success, whoever
//! laid it there.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Entry, Record};

/// The log of file commands, in the current folder.
pub const FILE_NAME: &str = "fnvet-audit.jsonl";

/// What the message of an interrupted call says.
pub const INTERRUPTED: &str = "interrupted";

/// Most bytes of a line; a record is far shorter.
pub const LINE_BYTES_MAX: usize = 256 << 10;

/// Bytes read at once when looking for the end of a chain.
const BLOCK_BYTES: u64 = 64 << 10;

/// The log cannot do its work, so nothing that needs it may be done.
#[derive(Debug, thiserror::Error)]
#[error("audit log {path}: {reason}")]
pub struct AuditError {
    /// The file, as shown.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

/// A log file.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    notices: Vec<String>,
}

/// What is about to happen, noted outside the chain. It stays locked while its owner lives.
#[derive(Debug)]
#[must_use = "an intent that nobody finishes is recorded as interrupted"]
pub struct Intent {
    path: PathBuf,
    file: File,
    entry: Entry,
}

/// What an intent's file holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    /// What to record if the owner is gone.
    interrupted: Entry,
    /// The hash of the outcome's record, which is being appended.
    #[serde(default)]
    outcome: Option<String>,
}

impl Log {
    /// Opens or creates the log, and closes the intents of processes that are gone.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn open(path: &Path) -> Result<Log, AuditError> {
        let mut log = Log { path: path.to_owned(), notices: Vec::new() };
        log.recover().map_err(|error| log.error(error))?;
        Ok(log)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a person should know about opening it.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Notes that something is about to happen; `entry` is what will be recorded if nobody finishes it.
    ///
    /// # Errors
    /// Where it cannot be noted: then it must not happen.
    pub fn begin(&self, entry: Entry) -> Result<Intent, AuditError> {
        let note = Note { interrupted: entry.failed(INTERRUPTED), outcome: None };
        self.note(&note).map_err(|error| self.error(error))
    }

    /// Appends the one record of something that was begun.
    ///
    /// # Errors
    /// Where it cannot be appended: then the caller must not have its answer.
    pub fn finish(&self, mut intent: Intent, entry: Entry) -> Result<Record, AuditError> {
        let finish = || {
            let mut chain = Locked::new(&self.path)?;
            let record = chain.next(entry)?;
            let note = Note { interrupted: intent.entry.clone(), outcome: Some(record.hash.clone()) };
            write_note(&mut intent.file, &note)?;
            chain.append(&record)?;
            std::fs::remove_file(&intent.path)?;
            Ok(record)
        };
        finish().map_err(|error| self.error(error))
    }

    /// Appends the record of something that is over already.
    ///
    /// # Errors
    /// Where it cannot be appended.
    pub fn append(&self, entry: Entry) -> Result<Record, AuditError> {
        let append = || {
            let mut chain = Locked::new(&self.path)?;
            let record = chain.next(entry)?;
            chain.append(&record)?;
            Ok(record)
        };
        append().map_err(|error| self.error(error))
    }

    fn note(&self, note: &Note) -> io::Result<Intent> {
        // Whoever closes intents holds the same lock, so that it never meets one that is not locked yet.
        let _chain = Locked::new(&self.path)?;
        let mut builder = tempfile::Builder::new();
        let prefix = format!("{}.intent-", file_name(&self.path));
        let (file, path) = builder.prefix(&prefix).tempfile_in(folder(&self.path))?.keep().map_err(|error| error.error)?;
        let mut intent = Intent { path, file, entry: note.interrupted.clone() };
        intent.file.lock()?;
        write_note(&mut intent.file, note)?;
        sync_folder(&self.path)?;
        Ok(intent)
    }

    fn recover(&mut self) -> io::Result<()> {
        let mut chain = Locked::new(&self.path)?;
        self.notices.append(&mut chain.notices);
        for path in intents(&self.path)? {
            let mut file = match open_plain(OpenOptions::new().read(true).write(true), &path) {
                Ok(file) => file,
                // Its owner finished it since the folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if let Some(entry) = chain.unfinished(&mut file)? {
                let record = chain.next(entry)?;
                chain.append(&record)?;
                self.notices.push(format!("an interrupted call of {} was recorded", record.entry.function_id));
            }
            std::fs::remove_file(&path)?;
        }
        Ok(())
    }

    fn error(&self, error: io::Error) -> AuditError {
        AuditError { path: self.path.display().to_string(), reason: error.to_string() }
    }
}

/// The log, locked against every other process.
struct Locked {
    file: File,
    path: PathBuf,
    notices: Vec<String>,
}

impl Locked {
    fn new(path: &Path) -> io::Result<Locked> {
        let file = open_plain(OpenOptions::new().read(true).append(true).create(true), path)?;
        file.lock()?;
        let mut locked = Locked { file, path: path.to_owned(), notices: Vec::new() };
        locked.mend()?;
        Ok(locked)
    }

    /// A process that died while it wrote leaves a last line without an end. It was never
    /// acknowledged: it is set aside, unless only its end is missing.
    fn mend(&mut self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        let Some(last) = length.checked_sub(1) else { return Ok(()) };
        if self.read_at(last, 1)? == b"\n" {
            return Ok(());
        }
        let start = self.line_start(length)?;
        let torn = self.read_at(start, length - start)?;
        if std::str::from_utf8(&torn).is_ok_and(|line| Record::from_line(line).is_ok_and(|record| record.hash == record.computed_hash())) {
            self.file.write_all(b"\n")?;
            return self.file.sync_data();
        }
        let aside = self.path.with_file_name(format!("{}.torn", file_name(&self.path)));
        let mut kept = open_plain(OpenOptions::new().append(true).create(true), &aside)?;
        kept.write_all(&torn)?;
        kept.write_all(b"\n")?;
        kept.sync_data()?;
        self.file.set_len(start)?;
        self.file.sync_data()?;
        self.notices.push(format!("an incomplete last line was moved to {}", aside.display()));
        Ok(())
    }

    /// The record of `entry` at the end of its tenant's chain.
    fn next(&mut self, entry: Entry) -> io::Result<Record> {
        let last = self.find_back(|record| record.entry.tenant_id == entry.tenant_id)?;
        Ok(Record::after(entry, last.as_ref().map(|record| (record.seq, record.hash.as_str()))))
    }

    fn append(&mut self, record: &Record) -> io::Result<()> {
        let mut line = record.to_line();
        line.push('\n');
        self.file.write_all(line.as_bytes())?;
        self.file.sync_data()
    }

    /// What an intent without an owner still has to say, if anything.
    fn unfinished(&mut self, file: &mut File) -> io::Result<Option<Entry>> {
        let mut text = String::new();
        file.take(LINE_BYTES_MAX as u64).read_to_string(&mut text)?;
        // An intent that was never completely written announced nothing: its function did not start.
        let Ok(note) = serde_json::from_str::<Note>(&text) else { return Ok(None) };
        let is_there = match note.outcome {
            Some(hash) => self.find_back(|record| record.hash == hash)?.is_some(),
            None => false,
        };
        Ok((!is_there).then(|| note.interrupted.failed(INTERRUPTED)))
    }

    /// The last record that `matches`.
    fn find_back(&mut self, matches: impl Fn(&Record) -> bool) -> io::Result<Option<Record>> {
        let mut end = self.file.metadata()?.len();
        while end > 0 {
            // `end` is behind a line's end.
            let start = self.line_start(end - 1)?;
            let line = self.read_at(start, end - 1 - start)?;
            let record = std::str::from_utf8(&line).ok().and_then(|line| Record::from_line(line).ok());
            match record {
                Some(record) if matches(&record) => return Ok(Some(record)),
                Some(_) => end = start,
                None => return Err(io::Error::other("the end of the log is not one of records; `fnvet audit --verify` says where")),
            }
        }
        Ok(None)
    }

    /// Where the line begins that ends at `end`.
    fn line_start(&mut self, end: u64) -> io::Result<u64> {
        let mut to = end;
        while to > 0 {
            let from = to.saturating_sub(BLOCK_BYTES);
            let block = self.read_at(from, to - from)?;
            if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
                return Ok(from + at as u64 + 1);
            }
            if end - from > LINE_BYTES_MAX as u64 {
                return Err(io::Error::other("it has a line longer than any record; is it a log?"));
            }
            to = from;
        }
        Ok(0)
    }

    fn read_at(&mut self, start: u64, length: u64) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        (&mut self.file).take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(io::Error::other("it became shorter while it was read")) }
    }
}

/// Opens a plain file: neither a link, which whoever owns the folder could have laid, nor a device.
fn open_plain(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    }
    let file = options.open(path).map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => io::Error::other("it is a link"),
        _ => error,
    })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a plain file")) }
}

fn write_note(file: &mut File, note: &Note) -> io::Result<()> {
    let text = serde_json::to_vec(note)?;
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&text)?;
    file.sync_data()
}

fn intents(log: &Path) -> io::Result<Vec<PathBuf>> {
    let prefix = format!("{}.intent-", file_name(log));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder(log))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn sync_folder(log: &Path) -> io::Result<()> {
    File::open(folder(log))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::{Event, Function, chain};
    use super::*;

    fn entry(tenant: &str) -> Entry {
        let function = Function { id: "file:a.js".into(), name: "a".into(), tenant_id: tenant.into(), ..Function::default() };
        Entry::new(Event::Executed, &function)
    }

    fn log() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        (folder, path)
    }

    fn lines(path: &Path) -> Vec<Record> {
        std::fs::read_to_string(path).unwrap().lines().map(|line| Record::from_line(line).unwrap()).collect()
    }

    #[test]
    fn every_tenant_has_its_own_chain() {
        let (_folder, path) = log();
        let log = Log::open(&path).unwrap();
        for tenant in ["a", "b", "a", "a", "b"] {
            log.append(entry(tenant)).unwrap();
        }
        assert_eq!(lines(&path).iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 1, 2, 3, 2]);
        assert!(chain::verify(File::open(&path).unwrap()).unwrap().problem.is_none());
    }

    #[test]
    fn what_was_begun_and_never_finished_is_recorded_as_interrupted_once() {
        let (folder, path) = log();
        let first = Log::open(&path).unwrap();
        let intent = first.begin(entry("a")).unwrap();
        // Its owner lives.
        Log::open(&path).unwrap();
        assert!(lines(&path).is_empty());
        drop(intent);
        assert_eq!(Log::open(&path).unwrap().notices().len(), 1);
        assert_eq!(Log::open(&path).unwrap().notices().len(), 0);
        let records = lines(&path);
        assert_eq!(records.len(), 1);
        assert!(!records[0].entry.success);
        assert_eq!(records[0].entry.error_message.as_deref(), Some(INTERRUPTED));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_outcome_is_recorded_once_wherever_its_owner_dies() {
        let (_folder, path) = log();
        let log = Log::open(&path).unwrap();
        for appended in [false, true] {
            let mut intent = log.begin(entry("a")).unwrap();
            let mut chain = Locked::new(&path).unwrap();
            let record = chain.next(entry("a")).unwrap();
            write_note(&mut intent.file, &Note { interrupted: entry("a"), outcome: Some(record.hash.clone()) }).unwrap();
            if appended {
                chain.append(&record).unwrap();
            }
            drop((intent, chain));
            let before = lines(&path).len();
            Log::open(&path).unwrap();
            assert_eq!(lines(&path).len(), before + usize::from(!appended));
        }
        // Nobody had an answer where the record was not appended.
        assert_eq!(lines(&path).iter().map(|record| record.entry.success).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn an_incomplete_last_line_is_set_aside_and_a_missing_end_is_added() {
        let (folder, path) = log();
        let log = Log::open(&path).unwrap();
        log.append(entry("a")).unwrap();
        log.append(entry("a")).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(Log::open(&path).unwrap().notices().is_empty());
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        std::fs::write(&path, &whole[..whole.len() - 20]).unwrap();
        assert_eq!(Log::open(&path).unwrap().notices().len(), 1);
        assert_eq!(log.append(entry("a")).unwrap().seq, 2);
        assert!(folder.path().join(format!("{FILE_NAME}.torn")).exists());
        assert!(chain::verify(File::open(&path).unwrap()).unwrap().problem.is_none());
    }

    #[test]
    fn what_is_no_plain_file_of_records_is_refused() {
        let (folder, path) = log();
        assert!(Log::open(folder.path()).is_err());
        assert!(Log::open(Path::new("/dev/null")).is_err());
        assert!(Log::open(&folder.path().join("no/such/folder")).is_err());
        std::fs::write(&path, "not a log\n").unwrap();
        assert!(Log::open(&path).unwrap().append(entry("a")).is_err());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(Log::open(&link).unwrap_err().to_string().ends_with("it is a link"));
    }
}
