//! The review pages as a browser sees them: over TCP, against `fnvet serve`, on every store that there is.

#[allow(dead_code, reason = "other tests need the rest of it")]
mod served;
#[path = "store/support.rs"]
#[allow(dead_code, reason = "other tests need the rest of it")]
mod support;

use fnvet::sandbox::text::is_deceptive;
use serde_json::json;
use served::*;
use support::{DAYS, days_schema, on_every_store};

/// Text that acts where it is taken for markup, and characters that do not show.
const HOSTILE: &str = "</td></script><script>alert(1)</script><img src=x onerror=\"alert(2)\">'\"&amp;";

/// A browser in which somebody is signed in.
struct Browser<'a> {
    server: &'a Server,
    cookie: String,
}

impl Browser<'_> {
    /// Signs in with the token of somebody.
    fn of(server: &Server, person: Person) -> Browser<'_> {
        let token = person.token();
        let answer = sent(server, "/review/sign-in", &[], &[("token", &token), ("to", "/review/audit")]);
        assert_eq!((answer.status, answer.header("location")), (303, "/review/audit"), "{answer:?}");
        let cookie = answer.header("set-cookie").to_owned();
        assert_eq!(cookie, format!("fnvet={token}; Path=/; HttpOnly; SameSite=Strict"));
        Browser { server, cookie: cookie.split(';').next().unwrap().to_owned() }
    }

    fn look(&self, path: &str) -> Answer {
        let answer = self.server.send("GET", path, &[("cookie", &self.cookie)], b"").unwrap();
        harmless(&answer);
        answer
    }

    /// A page that is there.
    #[track_caller]
    fn page(&self, path: &str) -> String {
        let answer = self.look(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.text
    }

    /// What proves that a form is one of this session.
    fn proof(&self) -> String {
        let page = self.look("/review/nothing").text;
        value(&page, "proof")
    }

    /// Sends a form of this session.
    fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let proof = self.proof();
        let fields: Vec<(&str, &str)> = [("proof", proof.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.send_as(path, &[("sec-fetch-site", "same-origin"), ("origin", "null")], &fields)
    }

    fn send_as(&self, path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Answer {
        let headers: Vec<(&str, &str)> = [("cookie", self.cookie.as_str())].into_iter().chain(headers.iter().copied()).collect();
        post(self.server, path, &headers, fields)
    }
}

/// Sends a form from a page of the server itself.
fn sent(server: &Server, path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Answer {
    let same = [("sec-fetch-site", "same-origin")];
    post(server, path, &[&same[..], headers].concat(), fields)
}

fn post(server: &Server, path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let answer = server.send("POST", path, &[&kind[..], headers].concat(), body.as_bytes()).unwrap();
    harmless(&answer);
    answer
}

/// Every answer is a page that loads nothing foreign, runs nothing, and shows every character.
#[track_caller]
fn harmless(answer: &Answer) {
    let policy = answer.header("content-security-policy");
    for part in ["default-src 'none'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.split("; ").any(|told| told == part), "{part}: {policy}");
    }
    assert!(!policy.contains("script") && !policy.contains("unsafe"), "{policy}");
    for (header, told) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(header), told, "{header}: {answer:?}");
    }
    if answer.status == 303 {
        return;
    }
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{answer:?}");
    let page = &answer.text;
    for markup in ["<script", "<img", "<style", "style=", "<iframe", "onerror=\"", "javascript:", "<b>bold"] {
        assert!(!page.contains(markup), "{markup} is in\n{page}");
    }
    let unseen: Vec<char> = page.chars().filter(|c| is_deceptive(*c) && !matches!(c, '\n' | '\t')).collect();
    assert!(unseen.is_empty(), "{unseen:?} in\n{page}");
}

/// The value of the first field of that name.
#[track_caller]
fn value(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name} in\n{page}"));
    rest.split('"').next().unwrap().to_owned()
}

/// The page of a problem, by its status and name.
#[track_caller]
fn refused(answer: &Answer, kind: &str) {
    assert!(answer.text.contains(&format!("<p class=\"quiet\">{} {kind}</p>", answer.status)), "not {kind}: {answer:?}");
}

/// The path of a function's page.
fn review(path: &str) -> String {
    path.replace(ROOT, "/review/functions")
}

fn events(server: &Server, event: &str) -> usize {
    server.audit().iter().filter(|record| record["event"] == format!("AIFunction{event}")).count()
}

#[test]
fn a_function_is_read_tried_approved_and_revoked_on_pages() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let path = server.created("days_left", DAYS);
        let page = review(&path);
        let bob = Browser::of(&server, BOB);
        let list = bob.page("/review");
        assert!(list.contains("What awaits review") && list.contains(&page) && list.contains("days_left"), "{list}");
        assert_eq!(events(&server, "Viewed"), 0);
        let shown = bob.page(&page);
        assert_eq!(events(&server, "Viewed"), 1);
        for part in ["id=\"L3\"", "365 - input.days", "awaits review", "no findings", "&quot;maximum&quot;", "<bdi>ann</bdi>"] {
            assert!(shown.contains(part), "{part} is not in\n{shown}");
        }
        let (version, key) = (value(&shown, "version"), value(&shown, "key"));
        let fields = [("version", version.as_str()), ("key", key.as_str()), ("notes", "read it\r\ntwice")];
        let tried = bob.send(&format!("{page}/trial"), &fields);
        assert!(tried.text.contains("Nothing is decided yet") && tried.text.contains("passed</span>"), "{tried:?}");
        assert_eq!((events(&server, "Tried"), events(&server, "Approved")), (1, 0));
        let approved = bob.send(&format!("{page}/approve"), &fields);
        assert!(approved.status == 200 && approved.text.contains("Version 1 of days_left is approved, until"), "{approved:?}");
        // The same form once more is the same decision.
        assert_eq!(bob.send(&format!("{page}/approve"), &fields).text, approved.text);
        assert_eq!((events(&server, "Tried"), events(&server, "Approved")), (2, 1));
        assert_eq!(server.execute(&path, 5).ok(200)["result"]["left"], 360);
        let versions = server.get(ADMIN, &format!("{path}/versions")).ok(200);
        assert_eq!(versions["items"][0]["decision"]["notes"], "read it\ntwice");

        let admin = Browser::of(&server, ADMIN);
        let log = admin.page("/review/audit");
        for part in ["AIFunctionViewed", "AIFunctionExecuted", "<bdi>mary</bdi>", "agent_hr_01"] {
            assert!(log.contains(part), "{part} is not in\n{log}");
        }
        let filtered =
            admin.page("/review/audit?function=days_left&user=bob&event=AIFunctionViewed&outcome=succeeded&since=2025-01-01&until=");
        assert!(
            filtered.contains("\"nobreak\">AIFunctionViewed</td>") && !filtered.contains("\"nobreak\">AIFunctionExecuted</td>"),
            "{filtered}"
        );
        refused(&admin.look("/review/audit?since=yesterday"), "invalid-input");
        let revoked = admin.send(&format!("{page}/revoke"), &[("reason", "no longer")]);
        assert_eq!((revoked.status, revoked.header("location")), (303, page.as_str()));
        assert!(admin.page(&page).contains("no longer"));
        assert_eq!(server.execute(&path, 5).problem(), "409 not-active");
        server.stop();
        verified(site).await;
    });
}

#[test]
fn what_changed_is_shown_and_what_changed_since_it_was_read_is_not_approved() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let path = server.active("days_left", DAYS);
        let (page, bob) = (review(&path), Browser::of(&server, BOB));
        let revise = |left: u32| {
            let code = DAYS.replace("365 - input", &format!("{left} - input"));
            server.as_with(ANN, "PUT", &path, &[], json!({"code": code}).to_string().as_bytes()).ok(200);
        };
        revise(300);
        let shown = bob.page(&page);
        for part in ["Changes against version 1", "<tr class=\"removed\">", "<tr class=\"added\">", "return { left: 300 - input.days };"] {
            assert!(shown.contains(part), "{part} is not in\n{shown}");
        }
        // What it is compared with was read, too, and before it.
        let viewed: Vec<_> = server.audit().iter().filter(|r| r["event"] == "AIFunctionViewed").map(|r| r["version"].clone()).collect();
        assert_eq!(viewed, [1, 1, 2]);
        revise(200);
        let (version, key) = (value(&shown, "version"), value(&shown, "key"));
        let fields = [("version", version.as_str()), ("key", key.as_str()), ("notes", "x")];
        for decision in ["approve", "reject", "trial"] {
            refused(&bob.send(&format!("{page}/{decision}"), &fields), "source-changed");
        }
        assert_eq!(server.execute(&path, 5).ok(200)["result"]["left"], 360);
        // A page of an older version has no form, and a form that names none is none.
        let old = bob.page(&format!("{page}?version=2"));
        assert!(old.contains("Version 3 is the latest") && !old.contains("id=\"decide-form\""), "{old}");
        refused(&bob.send(&format!("{page}/approve"), &[("key", "k")]), "invalid-input");
        // Whoever never opened a version does not approve it.
        let form = [("version", "3"), ("key", "k")];
        let carol = Browser::of(&server, Person { user: "carol", ..BOB });
        refused(&carol.send(&format!("{page}/approve"), &form), "review-required");
        server.stop();
    });
}

#[test]
fn each_role_has_its_pages_and_no_other() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let path = server.created("days_left", DAYS);
        let page = review(&path);
        let decision = [("version", "1"), ("key", "k"), ("notes", "x"), ("reason", "x")];
        let may = |person: Person, forms: [bool; 2]| {
            let browser = Browser::of(&server, person);
            let shown = browser.page(&page);
            let has = ["id=\"decide-form\"", "/revoke\""].map(|form| shown.contains(form));
            assert_eq!(has, forms, "{}", person.user);
            browser
        };
        let ann = may(ANN, [false, false]);
        assert!(ann.page("/review").contains("Your functions"));
        for form in ["trial", "approve", "reject", "revoke"] {
            refused(&ann.send(&format!("{page}/{form}"), &decision), "forbidden");
        }
        refused(&ann.look("/review/audit"), "forbidden");
        // Nobody approves what is their own, whatever the page shows.
        let both = may(BOTH, [true, true]);
        assert!(both.page(&page).contains("You cannot approve this version"));
        refused(&both.send(&format!("{page}/approve"), &decision), "self-approval");
        let admin = may(ADMIN, [false, true]);
        refused(&admin.send(&format!("{page}/approve"), &decision), "forbidden");
        may(BOB, [true, true]);
        refused(&Browser::of(&server, MARY).look("/review"), "forbidden");
        let eve = Browser::of(&server, OUTSIDER);
        assert!(eve.page("/review").contains("There is nothing here"));
        for theirs in [page.as_str(), &format!("/review/functions/fn_{}", "0".repeat(24)), "/review/functions/%3Cscript%3E", "/review/x/y"]
        {
            refused(&eve.look(theirs), "not-found");
        }
        refused(&eve.send(&format!("{page}/approve"), &decision), "not-found");
        refused(&eve.look("/review/audit?tenant=acme"), "forbidden");
        assert_eq!((events(&server, "Approved"), events(&server, "Rejected"), events(&server, "Revoked")), (0, 0, 0));
        server.stop();
    });
}

#[test]
fn a_form_of_another_site_does_nothing() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let path = server.created("days_left", DAYS);
        let (page, bob, ann) = (review(&path), Browser::of(&server, BOB), Browser::of(&server, ANN));
        bob.page(&page);
        let approve = format!("{page}/approve");
        let (own, others) = (bob.proof(), ann.proof());
        assert!(own != others && own.len() == 64);
        let decision = |proof: &str| {
            let fields = [("version", "1"), ("key", "k"), ("proof", proof)];
            fields.map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let try_with = |headers: &[(&str, &str)], proof: &str| {
            let fields = decision(proof);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            refused(&bob.send_as(&approve, headers, &fields), "forbidden");
        };
        let here = format!("http://{}", server.address);
        for foreign in [
            &[][..],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("sec-fetch-site", "cross-site"), ("origin", &here)],
            &[("sec-fetch-site", "same-site"), ("origin", &here)],
            &[("sec-fetch-site", "none")],
        ] {
            try_with(foreign, &own);
        }
        for proof in ["", "0", &others, &own.to_uppercase(), &format!("{own} ")] {
            try_with(&[("sec-fetch-site", "same-origin")], proof);
        }
        let twice = [("version", "1"), ("key", "k"), ("proof", own.as_str()), ("proof", own.as_str())];
        refused(&bob.send_as(&approve, &[("origin", &here)], &twice), "forbidden");
        // A bearer token is no session, and a body of another kind no form.
        let bearer = format!("Bearer {}", BOB.token());
        let fields = [("version", "1"), ("key", "k"), ("proof", own.as_str())];
        refused(&sent(&server, &approve, &[("authorization", &bearer)], &fields), "unauthenticated");
        let json = [("cookie", bob.cookie.as_str()), ("sec-fetch-site", "same-origin"), ("content-type", "application/json")];
        assert_eq!(server.send("POST", &approve, &json, b"{}").unwrap().status, 415);
        // Nobody is signed in, or out, by another site.
        let token = BOB.token();
        let foreign = post(&server, "/review/sign-in", &[("sec-fetch-site", "cross-site")], &[("token", &token)]);
        assert!(foreign.status == 403 && foreign.header("set-cookie").is_empty(), "{foreign:?}");
        refused(&bob.send_as("/review/sign-out", &[("sec-fetch-site", "same-origin")], &[]), "forbidden");
        assert_eq!(events(&server, "Approved"), 0);
        let refusals: Vec<_> = server.audit().into_iter().filter(|r| r["event"] == "AIFunctionRefused" && r["userId"] == "bob").collect();
        assert!(refusals.iter().any(|r| r["errorMessage"].as_str().unwrap().contains("not one of this session")), "{refusals:?}");
        let ours = bob.send_as(&approve, &[("origin", &here)], &fields);
        assert_eq!((ours.status, events(&server, "Approved")), (200, 1), "{ours:?}");
        server.stop();
    });
}

#[test]
fn a_session_begins_with_a_valid_token_and_ends() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let away = server.send("GET", "/review/audit?user=a%26b", &[], b"").unwrap();
        harmless(&away);
        assert_eq!((away.status, away.header("location")), (303, "/review/sign-in?to=%2Freview%2Faudit%3Fuser%3Da%2526b"));
        let form = server.send("GET", away.header("location"), &[], b"").unwrap();
        assert_eq!(value(&form.text, "to"), "/review/audit?user=a%26b");
        for to in ["https://evil.example/", "//evil.example", "/\\evil.example", "/api", "\"><script>"] {
            let token = BOB.token();
            let answer = sent(&server, "/review/sign-in", &[], &[("token", &token), ("to", to)]);
            assert_eq!(answer.header("location"), "/review", "{to}");
        }
        let expired = fnvet::identity::Claims { exp: 1, ..BOB.claims() };
        let expired = fnvet::identity::Secret::new(SECRET).unwrap().mint(&expired).unwrap();
        let long = "a".repeat(4_000);
        for token in ["", "x", "a.b.c", "x; Path=/", "x\r\nset-cookie: y", &expired, &long, HOSTILE] {
            let answer = sent(&server, "/review/sign-in", &[], &[("token", token)]);
            assert!(answer.status == 401 && answer.header("set-cookie").is_empty(), "{answer:?}");
            assert!(answer.text.contains("no token that is valid now") && !answer.text.contains(&expired), "{answer:?}");
        }
        for cookie in
            [format!("fnvet={expired}"), format!("__Host-fnvet={}", BOB.token()), "fnvet=a; fnvet=b".to_owned(), "fnvet=".to_owned()]
        {
            assert_eq!(server.send("GET", "/review", &[("cookie", &cookie)], b"").unwrap().status, 303, "{cookie}");
        }
        let bob = Browser::of(&server, BOB);
        assert!(bob.page("/review").contains("<bdi>bob</bdi>"));
        let out = bob.send("/review/sign-out", &[]);
        assert_eq!(out.header("set-cookie"), "fnvet=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
        // Behind a proxy that has a name, the cookie leaves the browser by TLS alone.
        let token = BOB.token();
        let named = sent(&server, "/review/sign-in", &[("host", "fnvet.example")], &[("token", &token)]);
        assert_eq!(named.header("set-cookie"), format!("__Host-fnvet={token}; Path=/; HttpOnly; SameSite=Strict; Secure"));
        let log = server.stop();
        assert!(!log.contains(&token), "{log}");
    });
}

#[test]
fn whatever_others_wrote_is_shown_as_text() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let eve = Person { user: "<b>bold</b>\"'&", ..ANN };
        let code = format!(
            "// {HOSTILE}\u{202e}\u{2066}\u{200b}\u{feff}\u{1b}[31m\u{0}\n\
             function execute(input) {{ return eval(input['{}\u{2028}']); }}\r/* аdmin */\n",
            HOSTILE.replace('\'', "")
        );
        let cases = json!([{"name": format!("{HOSTILE}\u{202e}"), "input": {"days": HOSTILE}, "expect": HOSTILE}]);
        let draft = json!({
            "name": "hostile", "code": code, "description": HOSTILE, "agentId": HOSTILE, "cases": cases,
            "inputSchema": {"title": format!("{HOSTILE}\u{202e}"), "properties": {HOSTILE: {}}},
        });
        let created = server.post(eve, ROOT, &draft).ok(201);
        let page = format!("/review/functions/{}", created["functionId"].as_str().unwrap());
        let bob = Browser::of(&server, BOB);
        bob.page("/review");
        let shown = bob.page(&page);
        for part in ["U+202E", "U+2066", "U+200B", "U+FEFF", "U+001B", "U+2028", "U+0000", "U+000D"] {
            assert!(shown.contains(&format!("\">{part}</span>")), "{part} is not in\n{shown}");
        }
        for part in ["&lt;script&gt;alert(1)", "<span class=\"foreign \">а</span>", "&lt;b&gt;bold&lt;/b&gt;&quot;&#39;&amp;", "no-eval"] {
            assert!(shown.contains(part), "{part} is not in\n{shown}");
        }
        let fields = [("version", "1"), ("key", "k"), ("notes", HOSTILE)];
        let blocked = bob.send(&format!("{page}/approve"), &fields);
        refused(&blocked, "blocking-findings");
        assert!(blocked.text.contains("no-eval") && blocked.text.contains("#L2\""), "{blocked:?}");
        refused(&bob.send(&format!("{page}/reject"), &[("version", "1"), ("key", "k2"), ("notes", "\u{202e}")]), "invalid-input");
        assert_eq!(bob.send(&format!("{page}/reject"), &[("version", "1"), ("key", "k3"), ("notes", HOSTILE)]).status, 200);
        assert!(bob.page(&page).contains("&lt;script&gt;alert(1)"));
        // A trial that failed shows its case and input.
        let wrong = json!({"name": "wrong", "code": DAYS, "inputSchema": days_schema(), "cases": cases});
        let wrong = server.post(eve, ROOT, &wrong).ok(201);
        let page = format!("/review/functions/{}", wrong["functionId"].as_str().unwrap());
        bob.page(&page);
        let failed = bob.send(&format!("{page}/trial"), &fields);
        refused(&failed, "trial-failed");
        assert!(failed.text.contains("failed</span>") && failed.text.contains("&lt;script&gt;alert(1)"), "{failed:?}");
        server.get(Person { user: "<b>bold</b>", ..ADMIN }, &format!("{ROOT}/audit?userId=x")).ok(200);
        let admin = Browser::of(&server, ADMIN);
        assert!(admin.page("/review/audit").contains("&lt;b&gt;bold"));
        let asked: String = form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
        for field in ["function", "user", "since", "event", "outcome", "cursor"] {
            admin.look(&format!("/review/audit?{field}={asked}"));
        }
        server.stop();
    });
}

#[test]
fn a_finding_passes_with_a_reason_that_the_approver_gives() {
    on_every_store(async |site| {
        let server = Server::start(site);
        let path = server.created("waived", &format!("{DAYS}function unused() {{ return eval('1'); }}\n"));
        let (page, bob) = (review(&path), Browser::of(&server, BOB));
        let shown = bob.page(&page);
        let waivers: Vec<String> =
            shown.split("name=\"waive.").skip(1).map(|rest| format!("waive.{}", rest.split('"').next().unwrap())).collect();
        assert!(!waivers.is_empty(), "{shown}");
        let decide = |reason: &str, key: &str| {
            let fields = [("version", "1"), ("key", key)].into_iter().chain(waivers.iter().map(|waiver| (waiver.as_str(), reason)));
            bob.send(&format!("{page}/approve"), &fields.collect::<Vec<_>>())
        };
        refused(&decide(" ", "a"), "blocking-findings");
        assert_eq!(decide("checked by hand", "b").status, 200);
        assert_eq!(server.execute(&path, 5).ok(200)["success"], true);
        server.stop();
    });
}

#[test]
fn lists_go_on_at_their_links_and_assets_may_be_kept() {
    on_every_store(async |site| {
        let server = Server::start(site);
        (0..4).for_each(|number| drop(server.created(&format!("days_{number}"), DAYS)));
        let admin = Browser::of(&server, ADMIN);
        let mut next = "/review?limit=3".to_owned();
        let mut seen = Vec::new();
        loop {
            let page = admin.page(&next);
            seen.extend((0..4).filter(|number| page.contains(&format!(">days_{number}</a>"))));
            match page.split_once("rel=\"next\"") {
                Some((before, _)) => next = before.rsplit("href=\"").next().unwrap().split('"').next().unwrap().replace("&amp;", "&"),
                None => break,
            }
        }
        assert_eq!(seen, [0, 1, 2, 3]);
        let page = admin.page("/review");
        for (attribute, media_type) in
            [("rel=\"stylesheet\" href=\"", "text/css; charset=utf-8"), ("rel=\"icon\" href=\"", "image/svg+xml")]
        {
            let path = page.split(attribute).nth(1).unwrap().split('"').next().unwrap();
            let asset = server.send("GET", path, &[], b"").unwrap();
            assert_eq!((asset.status, asset.header("content-type")), (200, media_type));
            assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
        }
        server.stop();
    });
}
