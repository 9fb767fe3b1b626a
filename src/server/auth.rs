//! Bearer tokens, verified: who calls, for which tenant, in which roles.
//!
//! A key verifies one algorithm and no other, whatever a token's header says; a secret and public
//! keys never stand side by side. What a token does not say is not assumed: without expiry,
//! audience, subject or tenant it is refused.

use std::fmt;

use jsonwebtoken::Validation;
use jsonwebtoken::errors::ErrorKind;

use super::jwks::{Jwks, JwksError, JwksSource, VerificationKey};
use crate::config::Roles;
use crate::identity::{Caller, Claims, LEEWAY_SECONDS, Secret};

/// What tokens are verified with.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// HS256, for one machine.
    Secret(Secret),
    /// RS256 and ES256, by the identity provider's keys.
    Jwks {
        /// Where they are.
        source: JwksSource,
        /// Whom tokens must be meant for.
        audience: String,
        /// Who must have issued them.
        issuer: Option<String>,
    },
}

/// Why a request is not authenticated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The token is not valid. The caller is told no more; the reason is for the log.
    #[error("the bearer token is not valid: {0}")]
    Invalid(String),
    /// The keys of the identity provider are not to be had.
    #[error(transparent)]
    Unavailable(#[from] JwksError),
}

/// Verifies tokens.
pub struct Authenticator {
    keys: Keys,
    roles: Roles,
}

enum Keys {
    Secret(Secret),
    Jwks { jwks: Jwks, audience: String, issuer: Option<String> },
}

impl Authenticator {
    /// Verifies tokens by `source`; `roles` are the names that roles have in them.
    ///
    /// # Errors
    /// A key set that cannot be read now.
    pub async fn new(source: KeySource, roles: Roles) -> Result<Authenticator, JwksError> {
        let keys = match source {
            KeySource::Secret(secret) => Keys::Secret(secret),
            KeySource::Jwks { source, audience, issuer } => Keys::Jwks { jwks: Jwks::load(source).await?, audience, issuer },
        };
        Ok(Authenticator { keys, roles })
    }

    /// Who the token says is calling, if it is valid now.
    ///
    /// # Errors
    /// Where it is not, or where that cannot be told.
    pub async fn verify(&self, token: &str) -> Result<Caller, AuthError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid("it is no JWT"))?;
        // A header that must be understood and is not makes the token invalid (RFC 7515, section 4.1.11).
        if header.crit.is_some() {
            return Err(invalid("it has critical header parameters"));
        }
        let claims = match &self.keys {
            Keys::Secret(secret) => secret.check(token).map_err(invalid)?,
            Keys::Jwks { jwks, audience, issuer } => {
                let key = jwks.find(header.kid.as_deref(), header.alg).await?.ok_or_else(|| invalid("it names no known key"))?;
                let validation = validation(&key, audience, issuer.as_deref());
                jsonwebtoken::decode::<Claims>(token, &key.key, &validation).map_err(|error| invalid(reason(&error)))?.claims
            }
        };
        Caller::from_claims(&claims, &self.roles).map_err(invalid)
    }
}

fn invalid(reason: impl fmt::Display) -> AuthError {
    AuthError::Invalid(reason.to_string())
}

/// Why, without a word of the token.
fn reason(error: &jsonwebtoken::errors::Error) -> String {
    match error.kind() {
        ErrorKind::Json(_) => "its claims are malformed".to_owned(),
        _ => error.to_string(),
    }
}

fn validation(key: &VerificationKey, audience: &str, issuer: Option<&str>) -> Validation {
    let mut validation = Validation::new(key.algorithm);
    validation.leeway = LEEWAY_SECONDS;
    validation.validate_nbf = true;
    validation.set_audience(&[audience]);
    let mut required = vec!["exp", "aud", "sub"];
    if let Some(issuer) = issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    validation.set_required_spec_claims(&required);
    validation
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn claims() -> Claims {
        Claims::valid_for(60, "ann", "acme", None, vec!["OctopusFunctionAuthor".to_owned()])
    }

    #[tokio::test]
    async fn critical_parameters_of_a_header_are_not_passed_over() {
        let secret = [7; 32];
        let source = KeySource::Secret(Secret::new(&secret).unwrap());
        let authenticator = Authenticator::new(source, Settings::default().roles).await.unwrap();
        let signed = |header| jsonwebtoken::encode(&header, &claims(), &jsonwebtoken::EncodingKey::from_secret(&secret)).unwrap();
        let mut header = jsonwebtoken::Header::default();
        assert_eq!(authenticator.verify(&signed(header.clone())).await.unwrap().user_id(), "ann");
        header.crit = Some(vec!["b64".to_owned()]);
        assert!(matches!(authenticator.verify(&signed(header)).await, Err(AuthError::Invalid(_))));
    }
}
