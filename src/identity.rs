//! Who acts: a person or an agent of a tenant, as a token says it.
//!
//! The command line and the HTTP API take identity, tenant and roles from the same claims. Here is
//! what is common to both, and the tokens of one machine: HS256 under a secret kept in a file.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::config::Roles;
use crate::sandbox::text::is_deceptive;
use crate::source::collect::read_regular;

/// Whom tokens must be meant for.
pub const AUDIENCE: &str = "fnvet";

/// How far clocks may differ, in seconds.
pub const LEEWAY_SECONDS: u64 = 30;

/// The shortest secret that is accepted: as long as the digest.
pub const SECRET_BYTES_MIN: usize = 32;

/// The longest id of a tenant, a person or an agent.
const ID_CHARS_MAX: usize = 256;

/// The largest secret file that is read.
const SECRET_BYTES_MAX: u64 = 4 << 10;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Writes functions.
    Author,
    /// Decides about functions that others wrote.
    Approver,
    /// Sees a tenant's functions and audit log, and revokes.
    Admin,
    /// The same above all tenants.
    SuperAdmin,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 4] = [Role::Author, Role::Approver, Role::Admin, Role::SuperAdmin];

    /// The name that the role has in tokens.
    pub fn name(self, names: &Roles) -> &str {
        match self {
            Role::Author => &names.author,
            Role::Approver => &names.approver,
            Role::Admin => &names.admin,
            Role::SuperAdmin => &names.super_admin,
        }
    }
}

/// Claims that name nobody who could act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token names nobody: {0}")]
pub struct NoCaller(String);

/// Somebody who acts for a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    tenant_id: String,
    user_id: String,
    agent_id: Option<String>,
    roles: BTreeSet<Role>,
}

impl Caller {
    /// Who the claims say it is. Roles that `names` does not know give no right.
    ///
    /// # Errors
    /// Where an id is missing, too long, or would deceive whoever reads it.
    pub fn from_claims(claims: &Claims, names: &Roles) -> Result<Caller, NoCaller> {
        let given = |name: &str| claims.roles.iter().any(|role| role == name);
        let roles = Role::ALL.into_iter().filter(|role| given(role.name(names)));
        Caller::new(&claims.tenant_id, &claims.sub, claims.agent_id.as_deref(), roles)
    }

    /// A caller.
    ///
    /// # Errors
    /// As [`Caller::from_claims`].
    pub fn new(tenant_id: &str, user_id: &str, agent_id: Option<&str>, roles: impl IntoIterator<Item = Role>) -> Result<Caller, NoCaller> {
        check_id("tenant_id", tenant_id)?;
        check_id("sub", user_id)?;
        agent_id.map_or(Ok(()), |id| check_id("agent_id", id))?;
        // The audit log of what belongs to no tenant has such a name.
        if tenant_id.starts_with('_') {
            return Err(NoCaller("`tenant_id` begins with an underscore".to_owned()));
        }
        Ok(Caller {
            tenant_id: tenant_id.to_owned(),
            user_id: user_id.to_owned(),
            agent_id: agent_id.map(str::to_owned),
            roles: roles.into_iter().collect(),
        })
    }

    /// The tenant.
    pub fn tenant_id(&self) -> &str {
        &self.tenant_id
    }

    /// The person, or on whose behalf an agent acts.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The agent, if it is one.
    pub fn agent_id(&self) -> Option<&str> {
        self.agent_id.as_deref()
    }

    /// Whether the caller has the role. No role implies another, but what an admin may, a super-admin may.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role) || role == Role::Admin && self.roles.contains(&Role::SuperAdmin)
    }

    /// Whether the caller has one of the roles.
    pub fn is_any(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.is(*role))
    }
}

fn check_id(claim: &str, id: &str) -> Result<(), NoCaller> {
    let wrong = |what: &str| Err(NoCaller(format!("`{claim}` {what}")));
    match id {
        _ if !id.chars().any(char::is_alphanumeric) => wrong("is empty"),
        _ if id.chars().count() > ID_CHARS_MAX => wrong("is too long"),
        _ if id.trim() != id || id.chars().any(is_deceptive) => wrong("holds characters that do not show"),
        _ => Ok(()),
    }
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The person.
    pub sub: String,
    /// The tenant.
    pub tenant_id: String,
    /// The agent, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The roles, by the names of the identity provider.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Whom it is meant for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<serde_json::Value>,
    /// Since when, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// Not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Until when.
    pub exp: i64,
}

impl Claims {
    /// Claims for fnvet itself that hold from now on for `seconds`.
    pub fn valid_for(seconds: i64, sub: &str, tenant_id: &str, agent_id: Option<&str>, roles: Vec<String>) -> Claims {
        let now = Timestamp::now().as_second();
        Claims {
            sub: sub.to_owned(),
            tenant_id: tenant_id.to_owned(),
            agent_id: agent_id.map(str::to_owned),
            roles,
            aud: Some(AUDIENCE.into()),
            iat: Some(now),
            nbf: Some(now),
            exp: now.saturating_add(seconds),
        }
    }
}

/// A token that is not accepted, or a secret that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TokenError(String);

/// The secret under which the tokens of one machine are made and checked.
#[derive(Clone)]
pub struct Secret {
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// A secret.
    ///
    /// # Errors
    /// Where it is too short.
    pub fn new(bytes: &[u8]) -> Result<Secret, TokenError> {
        if bytes.len() < SECRET_BYTES_MIN {
            return Err(TokenError(format!("a secret has at least {SECRET_BYTES_MIN} bytes")));
        }
        Ok(Secret { bytes: bytes.to_vec() })
    }

    /// Reads the secret from a file; a line's end after it does not count.
    ///
    /// # Errors
    /// Where it cannot be read, can be read by everybody, or is too short.
    pub fn read(path: &Path) -> Result<Secret, TokenError> {
        let wrong = |reason: String| TokenError(format!("token secret {}: {reason}", path.display()));
        check_private(path).map_err(wrong)?;
        let bytes = read_regular(path, SECRET_BYTES_MAX).map_err(wrong)?;
        Secret::new(bytes.trim_ascii_end()).map_err(|error| wrong(error.to_string()))
    }

    /// A new secret, as text that [`Secret::read`] reads.
    ///
    /// # Errors
    /// Where the system has no random numbers.
    pub fn generate() -> Result<String, TokenError> {
        let mut bytes = [0; SECRET_BYTES_MIN];
        getrandom::fill(&mut bytes).map_err(|error| TokenError(format!("no random numbers: {error}")))?;
        Ok(format!("{}\n", hex::encode(bytes)))
    }

    /// A token that says `claims`.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn mint(&self, claims: &Claims) -> Result<String, TokenError> {
        let key = EncodingKey::from_secret(&self.bytes);
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).map_err(|error| TokenError(error.to_string()))
    }

    /// What a token says: made under this secret with HS256, for [`AUDIENCE`], begun and not over.
    ///
    /// # Errors
    /// Why it is not accepted. Nothing of the token is in the message.
    pub fn check(&self, token: &str) -> Result<Claims, TokenError> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY_SECONDS;
        let key = DecodingKey::from_secret(&self.bytes);
        let decoded = jsonwebtoken::decode::<Claims>(token, &key, &validation);
        decoded.map(|token| token.claims).map_err(|error| TokenError(format!("the token is not accepted: {}", reason(&error))))
    }
}

/// Writes a file that is not there yet and that only its owner can read.
///
/// # Errors
/// Those of the file system.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A secret that everybody can read is none.
///
/// # Errors
/// Where this is one, or it cannot be found.
#[cfg(unix)]
pub fn check_private(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    match path.metadata() {
        Ok(metadata) if metadata.mode() & 0o007 != 0 => Err("everybody can read it (chmod 600)".to_owned()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// There are no such permissions here.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn check_private(_: &Path) -> Result<(), String> {
    Ok(())
}

fn reason(error: &jsonwebtoken::errors::Error) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::ExpiredSignature => "it is over",
        ErrorKind::ImmatureSignature => "it does not hold yet",
        ErrorKind::InvalidAudience => "it is meant for another audience",
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => "its algorithm is not HS256",
        ErrorKind::MissingRequiredClaim(_) => "a claim is missing",
        _ => "it is malformed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles() -> Roles {
        crate::config::Settings::default().roles
    }

    fn claims() -> Claims {
        Claims::valid_for(60, "ann", "acme", None, vec!["OctopusFunctionAuthor".to_owned(), "root".to_owned()])
    }

    fn secret() -> Secret {
        Secret::new(&[7; 32]).unwrap()
    }

    #[test]
    fn a_token_says_what_was_put_into_it() {
        let token = secret().mint(&claims()).unwrap();
        let read = secret().check(&token).unwrap();
        let caller = Caller::from_claims(&read, &roles()).unwrap();
        assert_eq!((caller.tenant_id(), caller.user_id(), caller.agent_id()), ("acme", "ann", None));
        assert!(caller.is(Role::Author) && !caller.is_any(&[Role::Approver, Role::Admin, Role::SuperAdmin]));
    }

    #[test]
    fn what_is_forged_over_or_for_others_is_not_accepted() {
        let refused = |claims: &Claims| secret().check(&secret().mint(claims).unwrap()).unwrap_err().to_string();
        let now = Timestamp::now().as_second();
        assert!(refused(&Claims { exp: now - 120, ..claims() }).ends_with("it is over"));
        assert!(refused(&Claims { nbf: Some(now + 120), ..claims() }).ends_with("it does not hold yet"));
        assert!(refused(&Claims { aud: Some("other".into()), ..claims() }).ends_with("it is meant for another audience"));
        assert!(refused(&Claims { aud: None, ..claims() }).ends_with("a claim is missing"));
        let other = Secret::new(&[8; 32]).unwrap().mint(&claims()).unwrap();
        assert!(secret().check(&other).unwrap_err().to_string().ends_with("its signature is wrong"));
        let longer = jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims(), &EncodingKey::from_secret(&[7; 32])).unwrap();
        assert!(secret().check(&longer).unwrap_err().to_string().ends_with("its algorithm is not HS256"));
        // {"alg":"none"}
        let token = secret().mint(&claims()).unwrap();
        let body = token.split('.').nth(1).unwrap();
        assert!(secret().check(&format!("eyJhbGciOiJub25lIn0.{body}.")).is_err());
        assert!(Secret::new(b"short").is_err());
    }

    #[test]
    fn only_a_super_admin_is_an_admin_too() {
        let caller = |role| Caller::new("acme", "ann", None, [role]).unwrap();
        assert!(caller(Role::SuperAdmin).is(Role::Admin));
        assert!(!caller(Role::SuperAdmin).is(Role::Author) && !caller(Role::SuperAdmin).is(Role::Approver));
        assert!(!caller(Role::Admin).is(Role::SuperAdmin) && !caller(Role::Admin).is(Role::Approver));
    }

    #[test]
    fn ids_that_nobody_could_tell_apart_are_refused() {
        for id in ["", " ", "ann ", "a\u{200b}nn", "a\nb", "a\0b", "--"] {
            assert!(Caller::new("acme", id, None, []).is_err(), "{id:?}");
            assert!(Caller::new("acme", "ann", Some(id), []).is_err(), "{id:?}");
        }
        assert!(Caller::new("_system", "ann", None, []).is_err());
        assert!(Caller::new("acme", &"a".repeat(257), None, []).is_err());
        assert!(Caller::new("acme", "ann@example.com", Some("agent_hr_01"), []).is_ok());
    }
}
