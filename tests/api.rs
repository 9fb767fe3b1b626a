//! The HTTP API as its clients see it: over TCP, against `fnvet serve`, on every store that there is.

#[allow(dead_code, reason = "other tests need the rest of it")]
mod served;
#[path = "store/support.rs"]
#[allow(dead_code, reason = "other tests need the rest of it")]
mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use fnvet::identity::{Claims, Secret, write_private};
use fnvet::server::auth::{Authenticator, KeySource};
use fnvet::server::{self, App};
use serde_json::{Value, json};
use served::*;
use support::{DAYS, Site, days_schema, on_every_store};

#[test]
fn a_function_lives_from_draft_to_revocation() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let created = server.post(ANN, ROOT, &draft("days_left", DAYS));
        let (location, etag) = (created.header("location").to_owned(), created.header("etag").to_owned());
        let function = created.ok(201);
        let path = format!("{ROOT}/{}", function["functionId"].as_str().unwrap());
        assert_eq!((location, etag.as_str()), (path.clone(), "\"1\""));
        assert_eq!(function["isActive"], false);
        let (approve, execute) = (format!("{path}/approve"), format!("{path}/execute"));
        let yes = json!({"approved": true, "notes": "read it"});

        assert_eq!(server.execute(&path, 5).problem(), "409 not-active");
        assert_eq!(server.post(ANN, &approve, &yes).problem(), "403 forbidden");
        assert_eq!(server.post(ADMIN, &approve, &yes).problem(), "403 forbidden");
        assert_eq!(server.post(BOB, &approve, &yes).problem(), "428 review-required");
        assert_eq!(server.get(BOTH, &path).status, 200);
        assert_eq!(server.post(BOTH, &approve, &yes).problem(), "403 self-approval");
        let awaiting = server.get(BOB, ROOT).ok(200);
        assert_eq!(awaiting["items"][0]["name"], "days_left");
        let read = server.get(BOB, &path);
        assert_eq!(read.header("etag"), "\"1\"");
        assert_eq!(read.ok(200)["code"], DAYS);
        let bad = server.as_with(BOB, "POST", &approve, &[("if-match", "\"7\"")], yes.to_string().as_bytes());
        assert!(["409 source-changed", "404 not-found"].contains(&bad.problem().as_str()), "{bad:?}");
        let good = server.as_with(BOB, "POST", &approve, &[("if-match", "\"1\"")], yes.to_string().as_bytes()).ok(200);
        assert_eq!((&good["function"]["activeVersion"], &good["trial"]["findings"].is_array()), (&json!(1), &true));
        assert_eq!(server.post(BOB, &approve, &yes).problem(), "409 already-decided");

        let done = server.execute(&path, 5).ok(200);
        assert_eq!((&done["success"], &done["result"]), (&json!(true), &json!({"left": 360})));
        let failed = server.post(MARY, &execute, &json!({"input": {"days": "5"}})).ok(200);
        assert_eq!(failed["success"], false);
        assert_eq!(server.post(ADMIN, &execute, &json!({"input": {}})).problem(), "403 forbidden");

        let second = DAYS.replace("365 - input.days", "300 - input.days");
        let stale = server.as_with(ANN, "PUT", &path, &[("if-match", "\"9\"")], json!({"code": second}).to_string().as_bytes());
        assert_eq!((stale.problem().as_str(), &stale.json()["current"]), ("409 source-changed", &json!(1)));
        let updated = server.as_with(ANN, "PUT", &path, &[("if-match", "\"1\"")], json!({"code": second}).to_string().as_bytes());
        assert_eq!(updated.header("etag"), "\"2\"");
        let updated = updated.ok(200);
        assert_eq!((&updated["version"], &updated["activeVersion"]), (&json!(2), &json!(1)));
        assert_eq!(server.execute(&path, 5).ok(200)["result"]["left"], 360);
        server.get(BOB, &path).ok(200);
        assert_eq!(server.post(BOB, &approve, &json!({"approved": false})).status, 422);
        let no = json!({"approved": false, "notes": "300 is wrong"});
        assert_eq!(server.post(BOB, &approve, &no).ok(200)["review"], "rejected");
        let versions = server.get(ADMIN, &format!("{path}/versions")).ok(200);
        assert_eq!(versions["items"].as_array().unwrap().len(), 2);
        assert_eq!(versions["items"][1]["decision"]["notes"], "300 is wrong");

        assert_eq!(server.post(ANN, &format!("{path}/revoke"), &json!({"reason": "x"})).problem(), "403 forbidden");
        assert_eq!(server.post(ADMIN, &format!("{path}/revoke"), &json!({"reason": "no longer"})).ok(200)["isActive"], false);
        assert_eq!(server.execute(&path, 5).problem(), "409 not-active");

        assert_eq!(server.get(ANN, &format!("{ROOT}/audit")).problem(), "403 forbidden");
        let records = server.audit();
        let executed: Vec<&Value> = records.iter().filter(|record| record["event"] == "AIFunctionExecuted").collect();
        assert_eq!(executed.len(), 3);
        assert_eq!((&executed[0]["agentId"], &executed[0]["userId"]), (&json!("agent_hr_01"), &json!("mary")));
        let filtered = server.get(ADMIN, &format!("{ROOT}/audit?event=executed&success=false&userId=mary")).ok(200);
        assert_eq!(filtered["items"].as_array().unwrap().len(), 1);
        server.stop();
        verified(site).await;
    });
}

#[test]
fn findings_block_and_come_as_json_or_sarif() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let path = server.created("evil", "function execute(input) { return eval(input.code); }");
        let findings = server.get(ANN, &format!("{path}/findings")).ok(200);
        assert_eq!(findings["files"][0]["findings"][0]["rule"], "no-eval");
        let sarif = server.as_with(BOB, "GET", &format!("{path}/findings"), &[("accept", "application/sarif+json")], b"");
        assert_eq!(sarif.header("content-type"), "application/sarif+json");
        assert_eq!(sarif.ok(200)["version"], "2.1.0");
        assert_eq!(
            server.as_with(BOB, "GET", &format!("{path}/findings"), &[("accept", "text/html")], b"").problem(),
            "406 not-acceptable"
        );
        server.get(BOB, &path).ok(200);
        let refused = server.post(BOB, &format!("{path}/approve"), &json!({"approved": true}));
        assert_eq!(refused.problem(), "422 blocking-findings");
        assert_eq!(refused.json()["findings"][0]["rule"], "no-eval");
        let slow = server.created("slow", "function execute(input) { let n = 0; for (let i = 0; i < 1e9; i++) n += i; return { n }; }");
        server.get(BOB, &slow).ok(200);
        let refused = server.post(BOB, &format!("{slow}/approve"), &json!({"approved": true}));
        assert!(["422 trial-failed", "422 blocking-findings"].contains(&refused.problem().as_str()), "{refused:?}");
        server.stop();
    });
}

#[test]
fn what_is_no_valid_token_is_refused() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let path = server.created("days_left", DAYS);
        let good = ADMIN.token();
        let parts: Vec<&str> = good.split('.').collect();
        let minted = |claims: Claims| Secret::new(SECRET).unwrap().mint(&claims).unwrap();
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
        let now = jiff::Timestamp::now().as_second();
        let refused = [
            String::new(),
            "x".to_owned(),
            format!("{none}.{}.", parts[1]),
            format!("{none}.{}.{}", parts[1], parts[2]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.{}.{}", parts[0], MARY.token().split('.').nth(1).unwrap(), parts[2]),
            Secret::new(b"another secret of thirty-two bytes").unwrap().mint(&ADMIN.claims()).unwrap(),
            minted(Claims { exp: now - 600, ..ADMIN.claims() }),
            minted(Claims { nbf: Some(now + 600), ..ADMIN.claims() }),
            minted(Claims { aud: Some("other".into()), ..ADMIN.claims() }),
            minted(Claims { aud: None, ..ADMIN.claims() }),
            minted(Claims { tenant_id: "_system".to_owned(), ..ADMIN.claims() }),
            minted(Claims { sub: "a\u{202e}b".to_owned(), ..ADMIN.claims() }),
        ];
        for token in &refused {
            for path in [ROOT, &path, "/mcp", "/api/octopus/ai-functions/audit"] {
                let method = if path == "/mcp" { "POST" } else { "GET" };
                let answer = server.send(method, path, &[("authorization", &format!("Bearer {token}"))], b"").unwrap();
                assert_eq!(answer.problem(), "401 unauthenticated", "{token} {path}");
                assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
            }
        }
        let bearer = format!("Bearer {good}");
        for headers in [&[][..], &[("authorization", "Basic cm9vdDpyb290")], &[("authorization", &bearer), ("authorization", &bearer)]] {
            assert_eq!(server.send("GET", ROOT, headers, b"").unwrap().problem(), "401 unauthenticated");
        }
        assert_eq!(server.send("GET", ROOT, &[("authorization", &bearer)], b"").unwrap().status, 200);
        let log = server.stop();
        assert!(!log.contains(parts[2]) && !refused.iter().any(|token| token.len() > 20 && log.contains(token.as_str())), "{log}");
    });
}

#[test]
fn another_tenants_function_is_as_one_that_is_not_there() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let theirs = server.active("days_left", DAYS);
        let absent = format!("{ROOT}/fn_{}", "0".repeat(24));
        let asked = [
            ("GET", "", json!(null)),
            ("GET", "/versions", json!(null)),
            ("GET", "/findings", json!(null)),
            ("PUT", "", json!({"code": DAYS})),
            ("POST", "/approve", json!({"approved": true})),
            ("POST", "/approve", json!({"approved": false, "notes": "no"})),
            ("POST", "/revoke", json!({"reason": "no"})),
            ("POST", "/execute", json!({"input": {"days": 1}})),
        ];
        for (method, below, body) in asked {
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let [real, fake, garbage] =
                [theirs.as_str(), &absent, &format!("{ROOT}/fn_' OR 1=1 --%00").replace(' ', "%20").replace('\'', "%27")]
                    .map(|path| server.as_with(OUTSIDER, method, &format!("{path}{below}"), &[], body.as_bytes()));
            assert_eq!(real.problem(), "404 not-found", "{method} {below}");
            assert_eq!((&real.text, &real.text), (&fake.text, &garbage.text));
            let names = |answer: &Answer| answer.headers.keys().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
            assert_eq!(names(&real), names(&fake));
        }
        assert_eq!(server.get(OUTSIDER, ROOT).ok(200)["items"], json!([]));
        let log = server.get(OUTSIDER, &format!("{ROOT}/audit")).ok(200).to_string();
        assert!(!log.contains("acme") && !log.contains("days_left"), "{log}");
        assert_eq!(server.get(OUTSIDER, &format!("{ROOT}/audit?tenantId=acme")).problem(), "403 forbidden");
        assert_eq!(server.execute(&theirs, 5).ok(200)["success"], true);
        server.stop();
    });
}

#[test]
fn a_malformed_request_has_its_own_problem() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let path = server.created("days_left", DAYS);
        let execute = format!("{path}/execute");
        let post = |path: &str, body: &[u8]| server.as_with(ANN, "POST", path, &[], body).problem();
        for body in [&b""[..], b"{", b"nul", b"{\"name\":\"a\",}", b"\xff", b"{\"name\":\"\xff\"}", b"{\"name\":\"a\",\"code\":\"x\"} {}"] {
            assert_eq!(post(ROOT, body), "400 malformed-request", "{}", String::from_utf8_lossy(body));
        }
        let wrong = [
            json!([]),
            json!("x"),
            json!({}),
            json!({"name": 7, "code": DAYS}),
            json!({"name": "a", "code": DAYS, "isActive": true}),
            json!({"name": "a", "code": DAYS, "tenantId": "other"}),
            json!({"name": "a", "code": DAYS, "language": "COBOL"}),
            json!({"name": "../a", "code": DAYS}),
            json!({"name": "a", "code": "x".repeat(1_000_001)}),
            json!({"name": "a", "code": DAYS, "inputSchema": 7}),
            json!({"name": "a", "code": DAYS, "agentId": "a\u{0}b"}),
        ];
        for body in wrong {
            assert_eq!(post(ROOT, body.to_string().as_bytes()), "422 invalid-input", "{:.100}", body.to_string());
        }
        let deep = format!("{{\"input\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(server.as_with(MARY, "POST", &execute, &[], deep.as_bytes()).problem(), "422 invalid-input");
        for body in [json!({}), json!({"input": {}, "tenantId": "other"}), json!({"inputs": {}})] {
            assert_eq!(server.post(MARY, &execute, &body).problem(), "422 invalid-input", "{body}");
        }
        let large = vec![b' '; 10_000_000];
        assert_eq!(post(ROOT, &large), "413 too-large");
        assert_eq!(server.as_with(MARY, "POST", &execute, &[], &large).problem(), "413 too-large");
        let bearer = format!("Bearer {}", ANN.token());
        let plain = server.send("POST", ROOT, &[("authorization", &bearer), ("content-type", "text/plain")], b"{}").unwrap();
        assert_eq!(plain.problem(), "415 unsupported-media-type");

        for query in
            ["limit=0", "limit=201", "limit=x", "limit=-1", "page=2", "limit=1&limit=2", "cursor=", "cursor=AAAA", "cursor=%27%3B--"]
        {
            assert_eq!(server.get(ADMIN, &format!("{ROOT}?{query}")).problem(), "422 invalid-input", "{query}");
        }
        for query in ["event=nothing", "since=yesterday", "success=perhaps", "cursor=eyJ9"] {
            assert_eq!(server.get(ADMIN, &format!("{ROOT}/audit?{query}")).problem(), "422 invalid-input", "{query}");
        }
        let decide = |headers: &[(&str, &str)], body: Value| {
            server.as_with(BOB, "POST", &format!("{path}/approve"), headers, body.to_string().as_bytes()).problem()
        };
        let yes = json!({"approved": true});
        for tag in ["*", "1", "W/\"1\"", "\"1\", \"2\""] {
            assert_eq!(decide(&[("if-match", tag)], yes.clone()), "400 malformed-request", "{tag}");
        }
        assert_eq!(decide(&[("idempotency-key", "")], yes.clone()), "422 invalid-input");
        assert_eq!(decide(&[("if-match", "\"1\"")], json!({"approved": true, "version": 2})), "422 invalid-input");
        assert_eq!(decide(&[], json!({"approved": "yes"})), "422 invalid-input");
        assert_eq!(server.as_with(ANN, "DELETE", &path, &[], b"").problem(), "405 method-not-allowed");
        assert_eq!(server.get(ANN, "/nothing").problem(), "404 not-found");
        server.stop();
    });
}

#[test]
fn sql_is_text_in_every_string() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let path = server.active("days_left", DAYS);
        for evil in [
            "'; DROP TABLE functions; --",
            "\" OR \"\"=\"",
            "') UNION SELECT code FROM versions --",
            "\\'; --",
            "%",
            "_",
            "1; PRAGMA writable_schema=1",
        ] {
            let created = server.post(ANN, ROOT, &json!({"name": "kept", "description": evil, "code": DAYS, "agentId": evil}));
            if created.status == 201 {
                let kept = format!("{ROOT}/{}", created.json()["functionId"].as_str().unwrap());
                let read = server.get(ANN, &kept).ok(200);
                assert_eq!((&read["description"], &read["agentId"]), (&json!(evil), &json!(evil)));
                let renamed = json!({"code": DAYS, "name": format!("kept_{}", read["functionId"].as_str().unwrap())});
                assert_eq!(server.as_with(ANN, "PUT", &kept, &[], renamed.to_string().as_bytes()).status, 200);
            }
            assert_eq!(server.post(ANN, ROOT, &json!({"name": evil, "code": DAYS})).problem(), "422 invalid-input");
            let escaped: String = evil.bytes().map(|byte| format!("%{byte:02X}")).collect();
            assert_eq!(server.get(ADMIN, &format!("{ROOT}/{escaped}")).problem(), "404 not-found");
            let none = server.get(ADMIN, &format!("{ROOT}/audit?function={escaped}&userId={escaped}")).ok(200);
            assert_eq!(none["items"], json!([]));
            let notes = server.post(BOB, &format!("{path}/approve"), &json!({"approved": false, "notes": evil, "version": 1}));
            assert_eq!(notes.problem(), "409 already-decided");
            let person = Person { user: Box::leak(format!("x{evil}").into_boxed_str()), ..ADMIN };
            assert_eq!(server.get(person, ROOT).status, 200);
        }
        assert_eq!(server.execute(&path, 5).ok(200)["success"], true);
        server.stop();
        verified(site).await;
    });
}

#[test]
fn a_repeated_request_is_answered_as_the_first() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let body = draft("days_left", DAYS).to_string();
        let create = |key: &str, body: &str| server.as_with(ANN, "POST", ROOT, &[("idempotency-key", key)], body.as_bytes());
        let first = create("k1", &body).ok(201);
        assert_eq!(create("k1", &body).ok(201), first);
        assert_eq!(create("k1", &draft("other", DAYS).to_string()).problem(), "422 idempotency-key-reused");
        assert_eq!(create("k2", &body).problem(), "409 name-taken");
        let path = format!("{ROOT}/{}", first["functionId"].as_str().unwrap());
        server.get(BOB, &path).ok(200);
        let approve = || {
            let body = json!({"approved": true, "version": 1}).to_string();
            server.as_with(BOB, "POST", &format!("{path}/approve"), &[("idempotency-key", "k1")], body.as_bytes())
        };
        let approved = approve().ok(200);
        assert_eq!(approve().ok(200), approved);
        let approvals = server.audit().iter().filter(|record| record["event"] == "AIFunctionApproved").count();
        assert_eq!(approvals, 1);
        server.stop();
    });
}

#[test]
fn lists_go_on_at_their_cursors() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let names: Vec<String> = (0..7).map(|number| format!("days_{number}")).collect();
        names.iter().for_each(|name| drop(server.created(name, DAYS)));
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = server.get(ADMIN, &format!("{ROOT}?limit=3{cursor}")).ok(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, names);
        // Another tenant's place in the list is no key to its functions.
        assert_eq!(server.get(OUTSIDER, &format!("{ROOT}?limit=3{cursor}")).ok(200)["items"], json!([]));
        server.stop();
    });
}

#[test]
fn of_two_hundred_approvals_at_once_one_counts() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let path = server.created("days_left", DAYS);
        server.get(BOB, &path).ok(200);
        let body = json!({"approved": true, "version": 1});
        let outcomes: Vec<String> = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..200)
                .map(|_| {
                    scope.spawn(|| {
                        let answer = server.post(BOB, &format!("{path}/approve"), &body);
                        if answer.status == 200 { "200".to_owned() } else { answer.problem() }
                    })
                })
                .collect();
            asked.into_iter().map(|asked| asked.join().unwrap()).collect()
        });
        let count = |outcome: &str| outcomes.iter().filter(|found| *found == outcome).count();
        assert_eq!((count("200"), count("409 already-decided")), (1, 199), "{outcomes:?}");
        assert_eq!(server.audit().iter().filter(|record| record["event"] == "AIFunctionApproved").count(), 1);
        server.stop();
        verified(site).await;
    });
}

#[test]
fn whoever_is_slow_or_leaves_holds_nobody_up() {
    on_every_store(async |site| {
        let options = server::Options {
            head_time_max: Duration::from_millis(300),
            body_time_max: Duration::from_millis(300),
            ..server::Options::default()
        };
        let (address, stop, serving) = in_process(site, options).await;
        let asked = tokio::task::spawn_blocking(move || {
            let said = |text: &str| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(text.as_bytes()).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                answer
            };
            let head = format!("POST {ROOT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n", ANN.token());
            // Half a head is never answered as a request; half a body is told so.
            assert!(!said(&head).contains("201"), "half a head was taken for a request");
            let answer = said(&format!("{head}content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"name\""));
            assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("urn:fnvet:problem:request-timeout"), "{answer}");
            let answer = said(&format!("{head}content-type: application/json\r\ncontent-length: 99999999999\r\nconnection: close\r\n\r\n"));
            assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
            let chunked = said(&format!("{head}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"));
            assert!(chunked.starts_with("HTTP/1.1 400 "), "{chunked}");
            assert!(said("GET / HTTP/9\r\n\r\n").starts_with("HTTP/1.1 "), "no answer to what is no HTTP");
        });
        asked.await.unwrap();
        stop.send(()).unwrap();
        serving.await.unwrap().unwrap();
    });
}

/// A server in this process; where it is, what stops it, and its end.
async fn in_process(
    site: &Site,
    options: server::Options,
) -> (SocketAddr, tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<std::io::Result<()>>) {
    let keys = KeySource::Secret(Secret::new(SECRET).unwrap());
    let authenticator = Authenticator::new(keys, fnvet::config::Settings::default().roles).await.unwrap();
    let app = App::new(site.open().await, authenticator, options);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    (address, stop, tokio::spawn(server::serve(app, listener, async { drop(stopped.await) })))
}

#[test]
fn a_server_with_no_place_left_still_says_how_it_is() {
    on_every_store(async |site| {
        let options = server::Options { requests_max: 0, ..server::Options::default() };
        let (address, stop, serving) = in_process(site, options).await;
        let asked = tokio::task::spawn_blocking(move || {
            let get = |path: &str| {
                let mut stream = TcpStream::connect(address).unwrap();
                write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                answer
            };
            let refused = get(ROOT);
            assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("urn:fnvet:problem:overloaded"), "{refused}");
            assert!(refused.contains("retry-after: "), "{refused}");
            for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
                assert!(get(path).starts_with("HTTP/1.1 200 "), "{path}");
            }
        });
        asked.await.unwrap();
        stop.send(()).unwrap();
        serving.await.unwrap().unwrap();
    });
}

#[test]
fn a_locked_store_is_said_to_be_unavailable() {
    on_every_store(async |site| {
        if site.is_postgres() {
            return;
        }
        use sqlx::{Connection, Executor};
        let server = Server::start(site);
        let path = server.active("days_left", DAYS);
        let mut lock = sqlx::AnyConnection::connect(&site.admin_url).await.unwrap();
        lock.execute("BEGIN IMMEDIATE").await.unwrap();
        assert_eq!(server.execute(&path, 5).problem(), "503 unavailable");
        lock.execute("ROLLBACK").await.unwrap();
        assert_eq!(server.execute(&path, 5).ok(200)["success"], true);
        assert_eq!(server.audit().iter().filter(|record| record["event"] == "AIFunctionExecuted").count(), 1);
        let log = server.stop();
        assert!(log.contains("the registry cannot do its work"), "{log}");
        verified(site).await;
    });
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    on_every_store(async |site| {
        if site.is_postgres() {
            return;
        }
        let server = Server::start(site);
        let path = server.active("days_left", DAYS);
        server.stop();
        // No file may grow beyond half a mebibyte.
        let server = Server::start_with(site, &["sh", "-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\""]);
        let padded = format!("// {}\n{DAYS}", "x".repeat(50_000));
        let acknowledged: Vec<String> = (0..100)
            .map(|number| format!("days_{number}"))
            .map_while(|name| {
                let answer = server.post(ANN, ROOT, &draft(&name, &padded));
                if answer.status == 201 {
                    return Some(name);
                }
                assert_eq!(answer.problem(), "503 unavailable");
                None
            })
            .collect();
        assert!(!acknowledged.is_empty() && acknowledged.len() < 100, "{}", acknowledged.len());
        // Where nothing can be recorded, nothing runs.
        let run = server.execute(&path, 5);
        assert!(run.status == 200 || run.problem() == "503 unavailable", "{run:?}");
        drop(server);
        let server = Server::start(site);
        let listed = server.get(ADMIN, &format!("{ROOT}?limit=200")).ok(200);
        let names: Vec<&str> = listed["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
        assert!(acknowledged.iter().all(|name| names.contains(&name.as_str())), "{names:?}");
        assert_eq!(server.execute(&path, 5).ok(200)["success"], true);
        server.stop();
        verified(site).await;
    });
}

/// Nobody may write here, not even root, who becomes somebody else for it.
#[cfg(unix)]
#[test]
fn a_store_that_cannot_be_written_is_not_served() {
    use std::os::unix::fs::PermissionsExt;
    on_every_store(async |site| {
        if site.is_postgres() {
            return;
        }
        let folder = site.folder.path();
        let server = Server::start(site);
        let path = server.active("days_left", DAYS);
        server.stop();
        std::fs::copy(env!("CARGO_BIN_EXE_fnvet"), folder.join("fnvet")).unwrap();
        let own = ["sh", "-c", "exec ./fnvet \"$@\""];
        let somebody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        let is_root = rustix::process::geteuid().is_root();
        let before = if is_root { [&somebody[..], &own].concat() } else { own.to_vec() };
        if is_root {
            assert!(Command::new("chown").args(["-R", "65534:65534"]).arg(folder).status().unwrap().success());
        }
        let server = Server::start_with(site, &before);
        assert_eq!(server.execute(&path, 5).ok(200)["success"], true);
        server.stop();
        let kept = std::fs::read(folder.join("fnvet.db")).unwrap();
        let allow = |file: u32, folder_mode: u32| {
            // What SQLite made beside the file has its permissions.
            for name in ["fnvet.db", "fnvet.db-wal", "fnvet.db-shm"].map(|name| folder.join(name)).iter().filter(|name| name.exists()) {
                std::fs::set_permissions(name, std::fs::Permissions::from_mode(file)).unwrap();
            }
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(folder_mode)).unwrap();
        };
        for (file, folder_mode) in [(0o400, 0o700), (0o400, 0o500), (0o600, 0o500)] {
            allow(file, folder_mode);
            let output = Server::command(site, &before).output().unwrap();
            allow(0o600, 0o700);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(3), "{file:o} {folder_mode:o}: {said}");
            assert!(said.starts_with("fnvet: unavailable: ") && said.lines().count() == 1, "{file:o} {folder_mode:o}: {said}");
            assert!(std::fs::read(folder.join("fnvet.db")).unwrap() == kept, "{file:o} {folder_mode:o}");
        }
        let server = Server::start_with(site, &before);
        assert_eq!(server.execute(&path, 5).ok(200)["success"], true);
        server.stop();
        verified(site).await;
    });
}

/// How often it is killed: `FNVET_TEST_KILLS` says how often, where there is time for more.
fn kills() -> usize {
    std::env::var("FNVET_TEST_KILLS").map_or(3, |count| count.parse().expect("FNVET_TEST_KILLS is a number"))
}

#[test]
fn a_server_that_is_killed_has_recorded_what_it_acknowledged() {
    on_every_store(async |site| {
        let mut server = Server::start(site);
        let path = server.active("days_left", DAYS);
        let mut acknowledged: Vec<u64> = Vec::new();
        for round in 0..kills() {
            let seen = Mutex::new(Vec::new());
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let bearer = format!("Bearer {}", MARY.token());
                        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
                        while let Ok(answer) = server.send("POST", &format!("{path}/execute"), &headers, br#"{"input":{"days":5}}"#) {
                            seen.lock().unwrap().push(answer.ok(200)["seq"].as_u64().unwrap());
                        }
                    });
                }
                // At another place each time, between the first calls and the tenth.
                while seen.lock().unwrap().len() < 1 + round % 10 {
                    std::thread::yield_now();
                }
                server.signal("-KILL");
            });
            acknowledged.extend(seen.into_inner().unwrap());
            server = Server::start(site);
        }
        let records = server.audit();
        let succeeded: Vec<u64> = records
            .iter()
            .filter(|r| r["event"] == "AIFunctionExecuted" && r["success"] == true)
            .map(|r| r["seq"].as_u64().unwrap())
            .collect();
        assert!(acknowledged.iter().all(|seq| succeeded.contains(seq)), "{acknowledged:?} {succeeded:?}");
        server.stop();
        verified(site).await;
        let interrupted = records.iter().filter(|r| r["errorMessage"] == "interrupted").count();
        let figures = format!("{} kills, {} calls acknowledged, all recorded, {interrupted} interrupted\n", kills(), acknowledged.len());
        std::io::stdout().write_all(figures.as_bytes()).unwrap();
    });
}

#[test]
fn a_server_that_is_stopped_answers_what_was_under_way() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let path = server.active("days_left", DAYS);
        let (address, bearer) = (server.address, format!("Bearer {}", MARY.token()));
        let mut stream = TcpStream::connect(address).unwrap();
        let body = r#"{"input":{"days":5}}"#;
        let head = format!("POST {path}/execute HTTP/1.1\r\nhost: x\r\nauthorization: {bearer}\r\ncontent-type: application/json\r\n");
        // The request is under way, and the server is told to stop before it is complete.
        write!(stream, "{head}content-length: {}\r\n\r\n{{", body.len()).unwrap();
        while !metric(&server, "fnvet_http_requests_in_flight").ends_with(" 2") {
            std::thread::yield_now();
        }
        server.signal("-TERM");
        while TcpStream::connect(address).is_ok() {
            std::thread::yield_now();
        }
        stream.write_all(&body.as_bytes()[1..]).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"left\":360"), "{answer}");
        let (status, log) = server.ended();
        assert!(status.success() && log.contains("fnvet: stopped"), "{status}: {log}");
        verified(site).await;
    });
}

fn metric(server: &Server, name: &str) -> String {
    let text = server.send("GET", "/metrics", &[], b"").unwrap().text;
    text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned()
}

#[test]
fn operators_see_counts_and_no_secrets() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let path = server.active("days_left", DAYS);
        let canary = "canary-7f3a";
        server.post(MARY, &format!("{path}/execute"), &json!({"input": {"days": canary}})).ok(200);
        server.execute(&path, 5).ok(200);
        server.post(ANN, ROOT, &json!({"name": canary, "code": canary}));
        for public in ["/healthz", "/readyz"] {
            assert_eq!(server.send("GET", public, &[], b"").unwrap().text, "ok\n");
        }
        assert_eq!(metric(&server, "fnvet_executions_total{outcome=\"returned\"}"), "fnvet_executions_total{outcome=\"returned\"} 1");
        assert_eq!(metric(&server, "fnvet_decisions_total"), "fnvet_decisions_total{decision=\"approved\"} 1");
        let metrics = server.send("GET", "/metrics", &[], b"").unwrap();
        assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
        assert!(metrics.text.contains(&format!("route=\"{ROOT}/{{id}}/execute\"")), "{}", metrics.text);
        let answer = server.as_with(MARY, "GET", ROOT, &[("x-request-id", "trace-42")], b"");
        assert_eq!((answer.problem().as_str(), answer.header("x-request-id")), ("403 forbidden", "trace-42"));
        let strange = server.as_with(MARY, "GET", ROOT, &[("x-request-id", "a b\"c")], b"");
        assert_eq!(strange.header("x-request-id").len(), 32);
        let log = server.stop();
        for secret in [canary, "acme", "mary", "agent_hr_01"] {
            assert!(!metrics.text.contains(secret), "{secret}: {}", metrics.text);
        }
        for secret in [canary, &MARY.token(), "thirty-two"] {
            assert!(!log.contains(secret), "{secret}: {log}");
        }
        let line = log.lines().find(|line| line.contains("trace-42")).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["status"], &line["problem"]), (&json!(403), &json!("forbidden")));
        assert_eq!((&line["span"]["id"], &line["span"]["route"]), (&json!("trace-42"), &json!(ROOT)));
    });
}

#[test]
fn the_description_is_that_of_the_routes() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let document = server.send("GET", "/openapi.json", &[], b"").unwrap().ok(200);
        assert_eq!(document["openapi"], "3.1.0");
        let paths = document["paths"].as_object().unwrap();
        let mut operations = Vec::new();
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().unwrap() {
                operations.push(format!("{} {}", method.to_uppercase(), path.trim_start_matches(ROOT)));
                let public = operation.get("security").is_some();
                let answer = server.send(&method.to_uppercase(), &path.replace("{id}", "fn_0"), &[], b"").unwrap();
                assert_eq!(answer.status, if public { 200 } else { 401 }, "{method} {path}");
                assert!(operation["responses"].get(answer.status.to_string()).is_some(), "{method} {path}: {}", answer.status);
            }
        }
        let expected = "POST ,GET ,GET /{id},PUT /{id},GET /{id}/versions,GET /{id}/findings,POST /{id}/approve,POST /{id}/revoke,\
                        POST /{id}/execute,GET /audit,GET /healthz,GET /readyz,GET /metrics,GET /openapi.json";
        assert_eq!(operations.join(","), expected);
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        server.stop();
    });
}

/// A JSON-RPC request of MCP.
fn mcp(server: &Server, person: Person, method: &str, params: &Value) -> Answer {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    server.as_with(person, "POST", "/mcp", &[("accept", "application/json, text/event-stream")], body.as_bytes())
}

#[test]
fn active_functions_with_a_schema_are_tools() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let path = server.active("days_left", DAYS);
        server.created("not_approved", DAYS);
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        assert_eq!(mcp(&server, MARY, "initialize", &hello).ok(200)["result"]["serverInfo"]["name"], "fnvet");
        let listed = mcp(&server, MARY, "tools/list", &json!({})).ok(200);
        let tools = listed["result"]["tools"].as_array().unwrap();
        assert_eq!((tools.len(), &tools[0]["name"], &tools[0]["inputSchema"]), (1, &json!("days_left"), &days_schema()));
        let call = |person, name: &str, days: Value| {
            mcp(&server, person, "tools/call", &json!({"name": name, "arguments": {"days": days}})).ok(200)
        };
        let done = call(MARY, "days_left", json!(5));
        assert_eq!((&done["result"]["structuredContent"], &done["result"]["isError"]), (&json!({"left": 360}), &json!(false)));
        assert_eq!(call(MARY, "days_left", json!("x"))["result"]["isError"], true);
        assert!(call(MARY, "not_approved", json!(5))["error"]["code"].is_i64());
        assert!(call(OUTSIDER, "days_left", json!(5))["error"]["code"].is_i64());
        assert_eq!(mcp(&server, OUTSIDER, "tools/list", &json!({})).ok(200)["result"]["tools"], json!([]));
        server.as_with(ADMIN, "POST", &format!("{path}/revoke"), &[], b"").ok(200);
        assert_eq!(mcp(&server, MARY, "tools/list", &json!({})).ok(200)["result"]["tools"], json!([]));
        assert_eq!(server.audit().iter().filter(|record| record["event"] == "AIFunctionExecuted").count(), 2);
        server.stop();
    });
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let output =
            Command::new(PathBuf::from(env!("CARGO_BIN_EXE_fnvet"))).arg("serve").args(args).current_dir(folder.path()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    write_private(&folder.path().join("short"), "short").unwrap();
    std::fs::write(folder.path().join("keys.json"), "{\"keys\":[]}").unwrap();
    for (args, status, reason) in [
        (&["--token-secret", "short"][..], 2, "at least 32 bytes"),
        (&["--token-secret", "nothing"], 2, "nothing"),
        (&["--token-secret", "short", "--jwks", "keys.json"], 2, "cannot be used with"),
        (&["--jwks", "keys.json"], 3, "RS256 or ES256"),
        (&["--jwks", "http://id.example/keys"], 2, "not https"),
    ] {
        let (code, said) = run(&[args, &["--listen", "127.0.0.1:0"]].concat());
        assert_eq!(code, status, "{args:?}: {said}");
        assert!(said.contains(reason), "{args:?}: {said}");
    }
}
