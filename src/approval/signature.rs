//! Signatures of approvals: Ed25519, with OpenSSH key files as they are.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature as Ed25519Signature, VerifyingKey};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, LineEnding, PrivateKey, PublicKey};

use super::GateError;
use super::authors::fold_name;
use super::statement::{Envelope, NoApproval, Signature};
use crate::source::collect::read_regular;

/// The largest key or signers file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What a signer of approvals may be limited to by `namespaces=` in `allowed_signers`.
pub const NAMESPACE: &str = "fnvet";

/// A private key that signs.
#[derive(Debug)]
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    keyid: String,
}

impl SigningKey {
    /// Reads an OpenSSH private key file.
    ///
    /// # Errors
    /// Where it is none, is protected by a passphrase, or is not of type Ed25519.
    pub fn read(path: &Path) -> Result<SigningKey, GateError> {
        let shown = path.display();
        let usage = |reason: &str| GateError::Usage(format!("key {shown}: {reason}"));
        let bytes = read_regular(path, FILE_BYTES_MAX).map_err(|reason| GateError::Failure(format!("key {shown}: {reason}")))?;
        let key = PrivateKey::from_openssh(&bytes).map_err(|error| usage(&format!("it is no OpenSSH private key: {error}")))?;
        if key.is_encrypted() {
            return Err(usage("it is protected by a passphrase; fnvet does not ask for one"));
        }
        SigningKey::of(&key).ok_or_else(|| usage("only Ed25519 keys sign approvals (ssh-keygen -t ed25519)"))
    }

    /// A new key, as the text of an OpenSSH private key file.
    ///
    /// # Errors
    /// Where the system has no random numbers.
    pub fn generate() -> Result<String, GateError> {
        let failed = |reason: String| GateError::Failure(format!("no key can be made: {reason}"));
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| failed(error.to_string()))?;
        let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
        let text = PrivateKey::new(pair, "fnvet").and_then(|key| key.to_openssh(LineEnding::LF));
        text.map(|text| text.to_string()).map_err(|error| failed(error.to_string()))
    }

    fn of(key: &PrivateKey) -> Option<SigningKey> {
        match key.key_data() {
            KeypairData::Ed25519(pair) => Some(SigningKey {
                key: ed25519_dalek::SigningKey::from_bytes(&pair.private.to_bytes()),
                keyid: key.fingerprint(HashAlg::Sha256).to_string(),
            }),
            _ => None,
        }
    }

    /// The key's fingerprint, as OpenSSH prints it.
    pub fn keyid(&self) -> &str {
        &self.keyid
    }

    /// Whether the envelope has exactly one signature, which this key made.
    pub fn has_signed(&self, envelope: &Envelope) -> bool {
        let [signature] = &envelope.signatures[..] else { return false };
        let raw = STANDARD.decode(&signature.sig).ok().and_then(|raw| Ed25519Signature::from_slice(&raw).ok());
        match (raw, envelope.signed_bytes()) {
            (Some(raw), Ok(bytes)) => self.key.verifying_key().verify_strict(&bytes, &raw).is_ok(),
            _ => false,
        }
    }

    /// Adds the signature of the envelope's payload.
    ///
    /// # Errors
    /// Where the payload cannot be read.
    pub fn sign(&self, envelope: &mut Envelope) -> Result<(), NoApproval> {
        use ed25519_dalek::Signer;
        let signature = self.key.sign(&envelope.signed_bytes()?);
        envelope.signatures.push(Signature { keyid: self.keyid.clone(), sig: STANDARD.encode(signature.to_bytes()) });
        Ok(())
    }
}

/// Who may sign, and with which key: OpenSSH's `allowed_signers`.
#[derive(Clone, Debug, Default)]
pub struct AllowedSigners {
    signers: Vec<Signer>,
}

#[derive(Clone, Debug)]
struct Signer {
    principals: String,
    key: [u8; 32],
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
}

impl AllowedSigners {
    /// Reads the text of an `allowed_signers` file. Keys of other types than Ed25519 and entries for
    /// other namespaces sign nothing here.
    ///
    /// # Errors
    /// A line that is none.
    pub fn parse(text: &str) -> Result<AllowedSigners, String> {
        let mut signers = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                signers.extend(signer(line).map_err(|reason| format!("line {}: {reason}", at + 1))?);
            }
        }
        Ok(AllowedSigners { signers })
    }

    /// Whether nobody may sign.
    pub fn is_empty(&self) -> bool {
        self.signers.is_empty()
    }

    /// Whether the envelope is signed by `person`, at the time `at`.
    ///
    /// # Errors
    /// Why it is not.
    pub fn check(&self, envelope: &Envelope, person: &str, at: Timestamp) -> Result<(), String> {
        if envelope.signatures.is_empty() {
            return Err("it is not signed".to_owned());
        }
        let bytes = envelope.signed_bytes().map_err(|error| error.to_string())?;
        let mut known = false;
        for signature in &envelope.signatures {
            let Some(raw) = STANDARD.decode(&signature.sig).ok().and_then(|raw| Ed25519Signature::from_slice(&raw).ok()) else { continue };
            for signer in &self.signers {
                let Ok(key) = VerifyingKey::from_bytes(&signer.key) else { continue };
                if key.verify_strict(&bytes, &raw).is_err() {
                    continue;
                }
                known = true;
                let in_time = signer.valid_after.is_none_or(|from| at >= from) && signer.valid_before.is_none_or(|to| at < to);
                if in_time && is_principal(&signer.principals, person) {
                    return Ok(());
                }
            }
        }
        Err(if known {
            format!("its signature is not one that {person} may give at that time")
        } else {
            "no trusted signer signed it".to_owned()
        })
    }
}

/// `principals [options] keytype key [comment]`; nothing where it is not for approvals.
fn signer(line: &str) -> Result<Option<Signer>, String> {
    let fields = fields(line)?;
    let (principals, rest) = fields.split_first().ok_or("it is empty")?;
    let is_key_type = |field: &String| ["ssh-", "ecdsa-", "sk-"].iter().any(|prefix| field.starts_with(prefix));
    let at = rest.iter().position(is_key_type).ok_or("it names no key type")?;
    let key = rest.get(at + 1).ok_or("it has no key")?;
    let mut signer = Signer { principals: principals.clone(), key: [0; 32], valid_after: None, valid_before: None };
    for option in rest[..at].iter().flat_map(|options| split_outside_quotes(options, ',')) {
        let (name, value) = option.split_once('=').map_or((option.as_str(), ""), |(name, value)| (name, value.trim_matches('"')));
        match name.to_ascii_lowercase().as_str() {
            "cert-authority" => return Ok(None),
            "namespaces" if !value.split(',').any(|pattern| matches_pattern(pattern.trim(), NAMESPACE)) => return Ok(None),
            "namespaces" => {}
            "valid-after" => signer.valid_after = Some(time(value)?),
            "valid-before" => signer.valid_before = Some(time(value)?),
            other => return Err(format!("`{other}` is no option")),
        }
    }
    let key = PublicKey::from_openssh(&format!("{} {key}", rest[at])).map_err(|error| format!("its key cannot be read: {error}"))?;
    Ok(match key.key_data() {
        KeyData::Ed25519(key) => Some(Signer { key: key.0, ..signer }),
        _ => None,
    })
}

/// Fields between blanks; quotes hold blanks together, and around the first field they are taken off.
fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut found: Vec<String> = split_outside_quotes(line, ' ').iter().flat_map(|part| split_outside_quotes(part, '\t')).collect();
    found.retain(|field| !field.is_empty());
    if found.iter().any(|field| field.matches('"').count() % 2 != 0) {
        return Err("a quote is not closed".to_owned());
    }
    if let Some(first) = found.first_mut()
        && let Some(inner) = first.strip_prefix('"').and_then(|first| first.strip_suffix('"'))
    {
        *first = inner.to_owned();
    }
    Ok(found)
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<String> {
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        quoted ^= c == '"';
        if c == separator && !quoted { parts.push(std::mem::take(&mut part)) } else { part.push(c) }
    }
    parts.push(part);
    parts
}

/// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, with `Z` for UTC; fnvet reads all of them as UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    let digits = text.strip_suffix('Z').unwrap_or(text);
    let padded = match digits.len() {
        8 => format!("{digits}000000"),
        12 => format!("{digits}00"),
        14 => digits.to_owned(),
        _ => return Err(format!("`{text}` is no time")),
    };
    let civil = DateTime::strptime("%Y%m%d%H%M%S", &padded).and_then(|time| time.to_zoned(TimeZone::UTC));
    civil.map(|time| time.timestamp()).map_err(|_| format!("`{text}` is no time"))
}

/// Whether a person is one of a list of patterns; a pattern after `!` excludes.
fn is_principal(principals: &str, person: &str) -> bool {
    let person = fold_name(person);
    let mut is = false;
    for pattern in principals.split(',').map(str::trim) {
        match pattern.strip_prefix('!') {
            Some(excluded) if matches_pattern(&fold_name(excluded), &person) => return false,
            Some(_) => {}
            None => is |= matches_pattern(&fold_name(pattern), &person),
        }
    }
    is
}

/// `*` stands for any text, `?` for one character.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    #[test]
    fn signers_are_read_as_openssh_reads_them() {
        let text = format!(
            "# comment\n\nmary@example.com,bob@* {KEY} laptop\n\"Mary K\" namespaces=\"file,fnvet\",valid-after=\"20250101\" {KEY}\n\
             git@x namespaces=\"git\" {KEY}\nca@x cert-authority {KEY}\n"
        );
        let signers = AllowedSigners::parse(&text).unwrap().signers;
        assert_eq!(signers.len(), 2);
        assert!(is_principal(&signers[0].principals, "BOB@anything") && !is_principal(&signers[0].principals, "eve@example.com"));
        assert!(is_principal(&signers[1].principals, "mary k"));
        assert_eq!(signers[1].valid_after.unwrap().to_string(), "2025-01-01T00:00:00Z");
        for bad in ["mary", "mary ssh-ed25519", "mary ssh-ed25519 AAAA", &format!("mary \"x {KEY}"), &format!("mary sometimes {KEY}")] {
            assert!(AllowedSigners::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns_are_those_of_the_shell() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*@x", "a@x", true),
            ("*@x", "a@y", false),
        ] {
            assert_eq!(matches_pattern(pattern, text), matches, "{pattern} {text}");
        }
        assert!(!is_principal("*,!eve", "eve") && is_principal("*,!eve", "bob"));
    }
}
