//! Who looks at a page, and whether a form came from one of ours.
//!
//! The token itself is the session, in a cookie that no script reads and that no other site's request
//! carries: any replica can serve any request. A form must come from the same origin and hold a digest
//! of the token, which nobody knows who does not have the token.

use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

use crate::identity::{Caller, Role};
use crate::server::App;
use crate::server::problem::{Kind, Problem};
use crate::server::request;

/// The longest token that fits into a cookie.
pub const TOKEN_BYTES_MAX: usize = 3_800;

/// The field of every form that proves where it came from.
pub const PROOF: &str = "proof";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who.
    pub caller: Caller,
    /// What every form holds.
    pub proof: String,
}

/// Whose request it is, once that is known: problem pages show it, too.
#[derive(Clone, Debug, Default)]
pub struct Known(Arc<OnceLock<Session>>);

impl Known {
    /// Who it is, if that is known.
    pub fn session(&self) -> Option<&Session> {
        self.0.get()
    }
}

impl Session {
    fn new(caller: Caller, token: &str) -> Session {
        Session { caller, proof: proof_of(token) }
    }

    /// The caller's roles, for people.
    pub fn roles(&self) -> String {
        let known = [(Role::Author, "author"), (Role::Approver, "approver"), (Role::SuperAdmin, "super-admin"), (Role::Admin, "admin")];
        let mut names: Vec<&str> = known.iter().filter(|(role, _)| self.caller.is(*role)).map(|(_, name)| *name).collect();
        if names.contains(&"super-admin") {
            names.retain(|name| *name != "admin");
        }
        if names.is_empty() { "no role here".to_owned() } else { names.join(", ") }
    }
}

fn proof_of(token: &str) -> String {
    hex::encode(Sha256::digest(format!("fnvet form\n{token}")))
}

impl FromRequestParts<Arc<App>> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Some(token) = token(&parts.headers) else {
            return Err(Problem::new(Kind::Unauthenticated, "you are not signed in"));
        };
        let caller = request::verified(app, parts, token).await?;
        let session = Session::new(caller, token);
        if let Some(known) = parts.extensions.get::<Known>() {
            // It is set once a request.
            let _ = known.0.set(session.clone());
        }
        Ok(session)
    }
}

/// What a form of ours said.
#[derive(Clone, Debug)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// The one field of that name. A text area ends its lines with CR LF, which nobody typed.
    pub fn one(&self, name: &str) -> Option<String> {
        let mut found = self.0.iter().filter(|(field, _)| field == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value.replace("\r\n", "\n")),
            _ => None,
        }
    }

    /// Fields whose names begin with `prefix`, with the rest of their names.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }
}

/// A form that came from one of our pages, whoever sent it.
pub struct SameOrigin(pub Fields);

impl FromRequest<Arc<App>> for SameOrigin {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        if !is_same_origin(request.headers()) {
            return Err(request::refused(app, None, "a form", "the form came from another site").await);
        }
        fields(request, app).await.map(SameOrigin)
    }
}

/// A form that came from a page of who is signed in.
pub struct Form(pub Session, pub Fields);

impl FromRequest<Arc<App>> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        if !is_same_origin(request.headers()) {
            return Err(request::refused(app, None, "a form", "the form came from another site").await);
        }
        let (mut parts, body) = request.into_parts();
        let session = Session::from_request_parts(&mut parts, app).await?;
        let fields = fields(Request::from_parts(parts, body), app).await?;
        // Both are digests: how long comparing takes says nothing of the token.
        if fields.one(PROOF).as_deref() != Some(session.proof.as_str()) {
            let reason = "the form is not one of this session; load the page again";
            return Err(request::refused(app, Some(&session.caller), "a form", reason).await);
        }
        Ok(Form(session, fields))
    }
}

async fn fields(request: Request, app: &App) -> Result<Fields, Problem> {
    let declared = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !declared.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Problem::new(Kind::UnsupportedMediaType, "a page is answered by its form"));
    }
    let bytes = request::read(request, &app.options).await?;
    let pairs = form_urlencoded::parse(&bytes).map(|(name, value)| (name.into_owned(), value.into_owned()));
    Ok(Fields(pairs.collect()))
}

/// Whether a page of ours sent it. Browsers say so themselves; one that does not names the origin.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (text(&SEC_FETCH_SITE), text(&ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let named = origin.split_once("://").map(|(_, host)| host);
            named.is_some() && named == text(&HOST)
        }
        (None, None) => false,
    }
}

/// The token of the one session cookie.
fn token(headers: &HeaderMap) -> Option<&str> {
    let name = cookie_name(headers);
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    let mut found = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(found, _)| *found == name).map(|(_, token)| token);
    match (found.next(), found.next()) {
        (Some(token), None) if !token.is_empty() => Some(token),
        _ => None,
    }
}

/// The cookie that begins a session, or with an empty token ends it.
pub fn cookie(headers: &HeaderMap, token: &str) -> String {
    let end = if token.is_empty() { "; Max-Age=0" } else { "" };
    let secure = if is_loopback(headers) { "" } else { "; Secure" };
    format!("{}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{end}", cookie_name(headers))
}

/// With this prefix a browser takes no cookie from a sibling of this host, or from a page without TLS.
fn cookie_name(headers: &HeaderMap) -> &'static str {
    if is_loopback(headers) { "fnvet" } else { "__Host-fnvet" }
}

/// Whether the browser is on this machine, where there is no TLS.
fn is_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a text can be a token that a cookie holds.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= TOKEN_BYTES_MAX && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn only_a_page_of_this_origin_sends_forms() {
        for same in [
            &[("host", "fnvet.example"), ("sec-fetch-site", "same-origin"), ("origin", "null")][..],
            &[("host", "fnvet.example"), ("origin", "https://fnvet.example")],
            &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")],
        ] {
            assert!(is_same_origin(&headers(same)), "{same:?}");
        }
        for other in [
            &[("host", "fnvet.example")][..],
            &[("host", "fnvet.example"), ("origin", "null")],
            &[("host", "fnvet.example"), ("origin", "https://fnvet.example:8443")],
            &[("host", "fnvet.example"), ("origin", "https://evil.example")],
            &[("host", "fnvet.example"), ("origin", "fnvet.example")],
            &[("host", "fnvet.example"), ("sec-fetch-site", "same-site"), ("origin", "https://fnvet.example")],
            &[("host", "fnvet.example"), ("sec-fetch-site", "none")],
            &[("host", "fnvet.example"), ("sec-fetch-site", "cross-site")],
            &[("origin", "https://")],
        ] {
            assert!(!is_same_origin(&headers(other)), "{other:?}");
        }
    }

    #[test]
    fn a_cookie_leaves_this_machine_by_tls_alone() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:1", "127.8.8.8", "[::1]:8080"] {
            let headers = headers(&[("host", host), ("cookie", "a=b; fnvet=t.o.k; __Host-fnvet=x")]);
            assert_eq!(cookie(&headers, "t"), "fnvet=t; Path=/; HttpOnly; SameSite=Strict", "{host}");
            assert_eq!(token(&headers), Some("t.o.k"), "{host}");
        }
        for host in ["fnvet.example", "localhost.evil.example", "10.0.0.1:8080", "[fd00::1]", "127.0.0.1.evil.example", ""] {
            let headers = headers(&[("host", host), ("cookie", "fnvet=x"), ("cookie", "__Host-fnvet=t")]);
            assert_eq!(cookie(&headers, ""), "__Host-fnvet=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0", "{host}");
            assert_eq!(token(&headers), Some("t"), "{host}");
        }
        assert_eq!(token(&headers(&[("host", "localhost"), ("cookie", "fnvet=a; fnvet=b")])), None);
    }

    #[test]
    fn a_token_that_could_break_out_of_a_cookie_is_none() {
        assert!(is_token("eyJh.eyJz.c2ln-_"));
        for text in ["", "a;b", "a b", "a\r\nSet-Cookie: b", "é", &"a".repeat(TOKEN_BYTES_MAX + 1)] {
            assert!(!is_token(text), "{text:.20}");
        }
    }
}
