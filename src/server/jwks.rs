//! The identity provider's public keys: a JWK set (RFC 7517) from a file or a URL, read again when it
//! is old and when a token names a key that is not in it.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::source::collect::read_regular;

/// The largest key set that is read.
const SET_BYTES_MAX: u64 = 1 << 20;

/// A set that is older is read again, so that a withdrawn key stops being believed.
const FRESH_S: u64 = 300;

/// A set that is older, and cannot be read again, is not believed any more.
const STALE_S_MAX: u64 = 3_600;

/// Tokens that name unknown keys do not make us ask more often.
const ASK_AGAIN_S_MIN: u64 = 5;

/// How long the provider may take.
const FETCH_S_MAX: u64 = 5;

/// Smallest RSA modulus that is believed.
const RSA_MODULUS_BITS_MIN: usize = 2_048;

/// Why there are no keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("keys for tokens: {0}")]
pub struct JwksError(String);

impl JwksError {
    pub(super) fn new(message: impl Into<String>) -> JwksError {
        JwksError(message.into())
    }
}

/// Where a set is.
#[derive(Clone, Debug)]
pub enum JwksSource {
    /// In a file.
    File(PathBuf),
    /// At a URL: [`JwksSource::url`] has judged it.
    Url(String),
}

impl JwksSource {
    /// The set at `url`, which nobody on the way can replace: by https, or on this machine.
    ///
    /// # Errors
    /// Where somebody could.
    pub fn url(url: &str) -> Result<JwksSource, JwksError> {
        let parsed: axum::http::Uri = url.parse().map_err(|_| JwksError::new(format!("`{url}` is no URL")))?;
        let local = matches!(parsed.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match parsed.scheme_str() {
            Some("https") => Ok(JwksSource::Url(url.to_owned())),
            Some("http") if local => Ok(JwksSource::Url(url.to_owned())),
            _ => Err(JwksError::new(format!("`{url}` is not https"))),
        }
    }

    async fn read(&self) -> Result<KeySet, JwksError> {
        let source = self.clone();
        let read = tokio::task::spawn_blocking(move || match source {
            JwksSource::File(path) => {
                read_regular(&path, SET_BYTES_MAX).map_err(|reason| JwksError(format!("{}: {reason}", path.display())))
            }
            JwksSource::Url(url) => fetch(&url).map_err(|error| JwksError(format!("{url}: {error}"))),
        });
        let bytes = read.await.map_err(|_| JwksError::new("reading them was given up"))??;
        KeySet::parse(&bytes)
    }
}

fn fetch(url: &str) -> Result<Vec<u8>, ureq::Error> {
    let agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(FETCH_S_MAX))).max_redirects(0).build().new_agent();
    agent.get(url).call()?.body_mut().with_config().limit(SET_BYTES_MAX).read_to_vec()
}

/// A key, and the one algorithm that it verifies.
pub struct VerificationKey {
    /// Its id in the set.
    pub kid: Option<String>,
    /// What tokens that it verifies are signed with.
    pub algorithm: Algorithm,
    /// The key.
    pub key: DecodingKey,
}

/// The keys of a set that verify tokens here.
struct KeySet(Vec<Arc<VerificationKey>>);

impl KeySet {
    fn parse(bytes: &[u8]) -> Result<KeySet, JwksError> {
        let set: JwkSet = serde_json::from_slice(bytes).map_err(|error| JwksError(format!("it is no JWK set: {error}")))?;
        let keys: Vec<_> = set.keys.iter().filter_map(usable).map(Arc::new).collect();
        if keys.is_empty() {
            return Err(JwksError::new("there is no RS256 or ES256 key for signatures among them"));
        }
        Ok(KeySet(keys))
    }

    /// The key of that id. A token that names none can mean the only key of its algorithm.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<Arc<VerificationKey>> {
        let meant = |key: &&Arc<VerificationKey>| match kid {
            Some(kid) => key.kid.as_deref() == Some(kid),
            None => key.algorithm == algorithm,
        };
        let mut found = self.0.iter().filter(meant);
        match (found.next(), found.next()) {
            (Some(key), None) => Some(key.clone()),
            _ => None,
        }
    }
}

/// A public key for signatures of an algorithm that is pinned here; others are passed over.
fn usable(jwk: &Jwk) -> Option<VerificationKey> {
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) if modulus_bits(&rsa.n) >= RSA_MODULUS_BITS_MIN => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => Algorithm::ES256,
        _ => return None,
    };
    let common = &jwk.common;
    let for_signatures = common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
        && common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify))
        && common.key_algorithm.is_none_or(|named| named == algorithm.into());
    let key = DecodingKey::from_jwk(jwk).ok()?;
    for_signatures.then(|| VerificationKey { kid: common.key_id.clone(), algorithm, key })
}

/// Bits of a base64url number, to the byte.
fn modulus_bits(modulus: &str) -> usize {
    modulus.len() * 6 / 8 * 8
}

/// A set, kept fresh.
pub struct Jwks {
    source: JwksSource,
    current: RwLock<Current>,
    /// When the provider was asked last; who holds it asks.
    asked: Mutex<Instant>,
}

#[derive(Clone)]
struct Current {
    set: Arc<KeySet>,
    read: Instant,
}

impl Jwks {
    /// Reads the set for the first time.
    ///
    /// # Errors
    /// Where it cannot be read, or holds no usable key.
    pub async fn load(source: JwksSource) -> Result<Jwks, JwksError> {
        let set = Arc::new(source.read().await?);
        let now = Instant::now();
        Ok(Jwks { source, current: RwLock::new(Current { set, read: now }), asked: Mutex::new(now) })
    }

    /// The key that a token names.
    ///
    /// # Errors
    /// Where the set is stale and cannot be read again.
    pub async fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Option<Arc<VerificationKey>>, JwksError> {
        let current = self.current();
        let age = current.read.elapsed().as_secs();
        if age < FRESH_S
            && let Some(key) = current.set.find(kid, algorithm)
        {
            return Ok(Some(key));
        }
        self.refresh().await;
        let current = self.current();
        match current.read.elapsed().as_secs() {
            age if age > STALE_S_MAX => Err(JwksError::new(format!("they were read {age} s ago, and cannot be read again"))),
            _ => Ok(current.set.find(kid, algorithm)),
        }
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the set again, one caller at a time, and not more often than is decent.
    async fn refresh(&self) {
        let mut asked = self.asked.lock().await;
        if asked.elapsed().as_secs() < ASK_AGAIN_S_MIN {
            return;
        }
        let read = self.source.read().await;
        *asked = Instant::now();
        match read {
            Ok(set) => *self.current.write().unwrap_or_else(PoisonError::into_inner) = Current { set: Arc::new(set), read: *asked },
            Err(error) => tracing::warn!(%error, "the keys were not read again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::{Value, json};

    use super::*;
    use crate::config::Settings;
    use crate::identity::Claims;
    use crate::server::auth::{AuthError, Authenticator, KeySource};

    const ES256_1: &[u8] = include_bytes!("../../tests/data/tokens/es256-1.pem");
    const ES256_2: &[u8] = include_bytes!("../../tests/data/tokens/es256-2.pem");
    const RS256: &[u8] = include_bytes!("../../tests/data/tokens/rs256.pem");
    const RS256_SHORT: &[u8] = include_bytes!("../../tests/data/tokens/rs256-short.pem");

    fn signing(pem: &[u8]) -> (EncodingKey, Algorithm) {
        match EncodingKey::from_ec_pem(pem) {
            Ok(key) => (key, Algorithm::ES256),
            Err(_) => (EncodingKey::from_rsa_pem(pem).unwrap(), Algorithm::RS256),
        }
    }

    fn jwk(kid: &str, pem: &[u8]) -> Value {
        let (key, algorithm) = signing(pem);
        let mut jwk = Jwk::from_encoding_key(&key, algorithm).unwrap();
        jwk.common.key_id = Some(kid.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    fn token(kid: Option<&str>, pem: &[u8]) -> String {
        let (key, algorithm) = signing(pem);
        let claims = Claims::valid_for(60, "ann", "acme", None, Vec::new());
        jsonwebtoken::encode(&Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) }, &claims, &key).unwrap()
    }

    /// A provider whose keys are in a file.
    struct Provider {
        file: tempfile::NamedTempFile,
    }

    impl Provider {
        fn new(keys: &[Value]) -> Provider {
            let provider = Provider { file: tempfile::NamedTempFile::new().unwrap() };
            provider.publish(keys);
            provider
        }

        fn publish(&self, keys: &[Value]) {
            std::fs::write(self.file.path(), json!({"keys": keys}).to_string()).unwrap();
        }

        async fn authenticator(&self) -> Result<Authenticator, JwksError> {
            let source = JwksSource::File(self.file.path().to_owned());
            Authenticator::new(KeySource::Jwks { source, audience: "fnvet".to_owned(), issuer: None }, Settings::default().roles).await
        }
    }

    async fn after(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn each_key_verifies_its_own_algorithm() {
        let provider = Provider::new(&[jwk("rsa", RS256), jwk("ec", ES256_1)]);
        let authenticator = provider.authenticator().await.unwrap();
        for (kid, pem) in [(Some("rsa"), RS256), (Some("ec"), ES256_1), (None, RS256), (None, ES256_1)] {
            assert_eq!(authenticator.verify(&token(kid, pem)).await.unwrap().user_id(), "ann");
        }
        let public = serde_json::to_vec(&jwk("rsa", RS256)).unwrap();
        let confused = |secret: &[u8]| {
            let claims = Claims::valid_for(60, "eve", "acme", None, Vec::new());
            let header = Header { kid: Some("rsa".to_owned()), ..Header::new(Algorithm::HS256) };
            jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap()
        };
        for forged in [token(Some("ec"), RS256), token(Some("rsa"), ES256_1), token(Some("ec"), ES256_2), confused(&public)] {
            assert!(matches!(authenticator.verify(&forged).await, Err(AuthError::Invalid(_))));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotated_key_is_found_and_a_withdrawn_one_is_forgotten() {
        let provider = Provider::new(&[jwk("1", ES256_1)]);
        let authenticator = provider.authenticator().await.unwrap();
        provider.publish(&[jwk("1", ES256_1), jwk("2", ES256_2)]);
        // Right after the first reading nobody asks again.
        assert!(authenticator.verify(&token(Some("2"), ES256_2)).await.is_err());
        after(ASK_AGAIN_S_MIN).await;
        assert!(authenticator.verify(&token(Some("2"), ES256_2)).await.is_ok());
        provider.publish(&[jwk("2", ES256_2)]);
        assert!(authenticator.verify(&token(Some("1"), ES256_1)).await.is_ok());
        after(FRESH_S).await;
        assert!(authenticator.verify(&token(Some("1"), ES256_1)).await.is_err());
        assert!(authenticator.verify(&token(Some("2"), ES256_2)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_cannot_be_read_again_are_believed_for_a_while() {
        let provider = Provider::new(&[jwk("1", ES256_1)]);
        let authenticator = provider.authenticator().await.unwrap();
        std::fs::write(provider.file.path(), "{").unwrap();
        after(FRESH_S + 1).await;
        assert!(authenticator.verify(&token(Some("1"), ES256_1)).await.is_ok());
        after(STALE_S_MAX).await;
        assert!(matches!(authenticator.verify(&token(Some("1"), ES256_1)).await, Err(AuthError::Unavailable(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_are_not_for_this_are_passed_over() {
        let changed = |member: &str, value: Value| {
            let mut key = jwk("1", ES256_1);
            key[member] = value;
            key
        };
        let secret = json!({"kty": "oct", "kid": "1", "alg": "HS256", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"});
        for key in [
            secret,
            jwk("1", RS256_SHORT),
            changed("use", json!("enc")),
            changed("alg", json!("ES384")),
            changed("key_ops", json!(["sign"])),
        ] {
            assert!(Provider::new(std::slice::from_ref(&key)).authenticator().await.is_err(), "{key}");
        }
        // Two keys of one id are told apart by nobody.
        let twice = Provider::new(&[jwk("1", ES256_1), jwk("1", ES256_2)]);
        assert!(twice.authenticator().await.unwrap().verify(&token(Some("1"), ES256_1)).await.is_err());
    }

    #[test]
    fn only_a_way_that_nobody_can_tamper_with_is_taken() {
        for url in ["https://id.example/jwks.json", "http://localhost:8080/jwks", "http://127.0.0.1/jwks", "http://[::1]:8080/jwks"] {
            assert!(JwksSource::url(url).is_ok(), "{url}");
        }
        for url in ["http://id.example/jwks.json", "file:///etc/passwd", "jwks.json", "http://localhost.evil.example/", ""] {
            assert!(JwksSource::url(url).is_err(), "{url}");
        }
    }
}
