//! Whether a log is still what was written: every record its own hash, every chain without a gap.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};

use super::log::LINE_BYTES_MAX;
use super::{FIRST_PREV_HASH, Record};

/// One tenant's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Whose.
    pub tenant_id: String,
    /// How many records it has.
    pub records: u64,
    /// The hash of the last one. Kept elsewhere, it reveals a cut tail.
    pub head: String,
}

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its line, from 1.
    pub line: u64,
    /// Which record, and what happened to it.
    pub message: String,
}

/// What verifying found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// The chains up to the problem, by tenant.
    pub chains: Vec<Chain>,
    /// The first thing that is wrong.
    pub problem: Option<Problem>,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A record.
    Record(Box<Record>),
    /// Anything else, for this reason.
    Broken(String),
    /// The beginning of a line that was not written to its end.
    Incomplete,
}

/// The lines of a log, numbered from 1.
///
/// # Errors
/// Those of reading.
pub fn lines(log: impl Read) -> impl Iterator<Item = io::Result<(u64, Line)>> {
    let mut reader = BufReader::new(log);
    let mut number = 0;
    std::iter::from_fn(move || {
        let mut bytes = Vec::new();
        match (&mut reader).take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return Some(Err(error)),
        }
        number += 1;
        Some(Ok((number, line(bytes))))
    })
}

fn line(mut bytes: Vec<u8>) -> Line {
    if bytes.pop_if(|last| *last == b'\n').is_none() {
        return if bytes.len() > LINE_BYTES_MAX { Line::Broken("it is longer than any record".to_owned()) } else { Line::Incomplete };
    }
    let record = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned());
    match record.and_then(|line| Record::from_line(&line).map_err(|error| error.to_string())) {
        Ok(record) => Line::Record(Box::new(record)),
        Err(reason) => Line::Broken(reason),
    }
}

/// Verifies a log and names the first record that was changed, removed or reordered.
///
/// # Errors
/// Those of reading.
pub fn verify(log: impl Read) -> io::Result<Verification> {
    let all: Vec<(u64, Line)> = lines(log).collect::<io::Result<_>>()?;
    let mut last: BTreeMap<&str, (u64, &Record)> = BTreeMap::new();
    let mut problem = None;
    for (at, (number, line)) in all.iter().enumerate() {
        let wrong = match line {
            Line::Broken(reason) => Some(Problem { line: *number, message: format!("line {number} was changed: {reason}") }),
            Line::Incomplete => Some(Problem {
                line: *number,
                message: format!("line {number} is incomplete: it was not written to its end, or cut since"),
            }),
            Line::Record(record) => judge(*number, record, last.get(record.entry.tenant_id.as_str()).copied(), &all[at + 1..]),
        };
        if wrong.is_some() {
            problem = wrong;
            break;
        }
        if let Line::Record(record) = line {
            last.insert(&record.entry.tenant_id, (*number, record));
        }
    }
    let chains = last
        .into_iter()
        .map(|(tenant, (_, record))| Chain { tenant_id: tenant.to_owned(), records: record.seq, head: record.hash.clone() })
        .collect();
    Ok(Verification { chains, problem })
}

/// What is wrong with a record that stands behind `before` in its chain.
fn judge(line: u64, record: &Record, before: Option<(u64, &Record)>, rest: &[(u64, Line)]) -> Option<Problem> {
    let (tenant, seq) = (&record.entry.tenant_id, record.seq);
    let problem = |line, message| Some(Problem { line, message });
    if record.hash != record.computed_hash() {
        return problem(line, format!("record {seq} of {tenant} (line {line}) was changed: its content does not have its hash"));
    }
    let (expected, hash) = before.map_or((1, FIRST_PREV_HASH), |(_, before)| (before.seq + 1, before.hash.as_str()));
    if seq == expected && record.prev_hash == hash {
        return None;
    }
    let stands_later = |wanted: u64| {
        rest.iter().any(|(_, line)| matches!(line, Line::Record(later) if later.seq == wanted && later.entry.tenant_id == *tenant))
    };
    match before {
        _ if seq > expected && stands_later(expected) => {
            problem(line, format!("record {seq} of {tenant} (line {line}) was reordered: record {expected} stands behind it"))
        }
        _ if seq > expected => {
            problem(line, format!("record {expected} of {tenant} was removed: record {seq} stands in its place (line {line})"))
        }
        _ if seq < expected => {
            problem(line, format!("record {seq} of {tenant} (line {line}) was reordered: it stands behind record {}", expected - 1))
        }
        Some((at, before)) => problem(
            at,
            format!("record {} of {tenant} (line {at}) was changed: record {seq} (line {line}) was written after another one", before.seq),
        ),
        None => problem(line, format!("record 1 of {tenant} (line {line}) was changed: it does not begin a chain")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Entry, Event, Function};
    use super::*;

    fn chain(count: u64) -> Vec<Record> {
        let function = Function { id: "f".into(), name: "f".into(), tenant_id: "t".into(), ..Function::default() };
        let mut records: Vec<Record> = Vec::new();
        for _ in 0..count {
            let last = records.last().map(|record| (record.seq, record.hash.clone()));
            let previous = last.as_ref().map(|(seq, hash)| (*seq, hash.as_str()));
            records.push(Record::after(Entry::new(Event::Executed, &function), previous));
        }
        records
    }

    fn verdict(records: &[Record]) -> Option<String> {
        let text: String = records.iter().map(|record| record.to_line() + "\n").collect();
        verify(text.as_bytes()).unwrap().problem.map(|problem| problem.message)
    }

    #[test]
    fn an_untouched_chain_verifies_and_has_a_head() {
        let records = chain(3);
        assert_eq!(verdict(&records), None);
        let text: String = records.iter().map(|record| record.to_line() + "\n").collect();
        let chains = verify(text.as_bytes()).unwrap().chains;
        assert_eq!(chains, [Chain { tenant_id: "t".into(), records: 3, head: records[2].hash.clone() }]);
        assert_eq!(verify(&b""[..]).unwrap(), Verification::default());
    }

    #[test]
    fn the_first_record_that_was_tampered_with_is_named() {
        let mut changed = chain(4);
        changed[1].entry.success = false;
        assert!(verdict(&changed).unwrap().starts_with("record 2 of t (line 2) was changed"));
        changed[1].hash = changed[1].computed_hash();
        assert!(verdict(&changed).unwrap().starts_with("record 2 of t (line 2) was changed"));
        let mut removed = chain(4);
        removed.remove(1);
        assert!(verdict(&removed).unwrap().starts_with("record 2 of t was removed"));
        let mut beheaded = chain(4);
        beheaded.remove(0);
        assert!(verdict(&beheaded).unwrap().starts_with("record 1 of t was removed"));
        let mut swapped = chain(4);
        swapped.swap(1, 2);
        assert!(verdict(&swapped).unwrap().starts_with("record 3 of t (line 2) was reordered"));
        let mut repeated = chain(3);
        repeated.push(repeated[1].clone());
        assert!(verdict(&repeated).unwrap().starts_with("record 2 of t (line 4) was reordered"));
    }

    #[test]
    fn lines_that_are_no_records_are_named() {
        let text: String = chain(2).iter().map(|record| record.to_line() + "\n").collect();
        let said = |text: String| verify(text.as_bytes()).unwrap().problem.unwrap().message;
        assert!(said(text.replacen('\n', "\nnonsense\n", 1)).starts_with("line 2 was changed"));
        assert!(said(text[..text.len() - 9].to_owned()).starts_with("line 2 is incomplete"));
    }
}
