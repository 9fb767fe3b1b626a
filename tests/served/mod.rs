//! A running `fnvet serve`, and those who use it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use fnvet::identity::{Claims, Role, Secret, write_private};
use serde_json::{Value, json};

use crate::support::{Site, caller, days_schema};

pub const ROOT: &str = "/api/octopus/ai-functions";
pub const SECRET: &[u8] = b"a secret of thirty-two bytes....";
pub const ANN: Person = Person { tenant: "acme", user: "ann", agent: None, roles: &["OctopusFunctionAuthor"] };
pub const BOB: Person = Person { tenant: "acme", user: "bob", agent: None, roles: &["OctopusFunctionApprover"] };
pub const BOTH: Person = Person { tenant: "acme", user: "ann", agent: None, roles: &["OctopusFunctionAuthor", "OctopusFunctionApprover"] };
pub const ADMIN: Person = Person { tenant: "acme", user: "root", agent: None, roles: &["OctopusAdmin"] };
pub const MARY: Person = Person { tenant: "acme", user: "mary", agent: Some("agent_hr_01"), roles: &[] };
pub const OUTSIDER: Person = Person {
    tenant: "other",
    user: "eve",
    agent: Some("agent_hr_01"),
    roles: &["OctopusFunctionAuthor", "OctopusFunctionApprover", "OctopusAdmin"],
};

/// Somebody with a token.
#[derive(Clone, Copy)]
pub struct Person {
    pub tenant: &'static str,
    pub user: &'static str,
    pub agent: Option<&'static str>,
    pub roles: &'static [&'static str],
}

impl Person {
    pub fn claims(&self) -> Claims {
        Claims::valid_for(600, self.user, self.tenant, self.agent, self.roles.iter().map(|role| (*role).to_owned()).collect())
    }

    pub fn token(&self) -> String {
        Secret::new(SECRET).unwrap().mint(&self.claims()).unwrap()
    }
}

/// A running `fnvet serve`.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The problem's name; every refusal is a problem document with the status that it has.
    #[track_caller]
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{self:?}");
        let name = problem["type"].as_str().unwrap().strip_prefix("urn:fnvet:problem:").unwrap().to_owned();
        format!("{} {name}", self.status)
    }

    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }
}

impl Server {
    pub fn start(site: &Site) -> Server {
        Server::start_with(site, &["sh", "-c", "exec \"$0\" \"$@\""])
    }

    /// Starts it through a command that ends as the server.
    pub fn start_with(site: &Site, before: &[&str]) -> Server {
        Server::of(Server::command(site, before).spawn().unwrap())
    }

    /// What starts it, through a command that ends as the server.
    pub fn command(site: &Site, before: &[&str]) -> Command {
        let folder = site.folder.path();
        if !folder.join("token.secret").exists() {
            write_private(&folder.join("token.secret"), std::str::from_utf8(SECRET).unwrap()).unwrap();
        }
        let policy = format!("require-isolation = \"reduced\"\n{}", site.policy);
        if std::fs::read_to_string(folder.join("policy.toml")).ok().as_ref() != Some(&policy) {
            std::fs::write(folder.join("policy.toml"), policy).unwrap();
        }
        let mut command = Command::new(before[0]);
        command.args(&before[1..]).arg(env!("CARGO_BIN_EXE_fnvet")).args(["serve", "--listen", "127.0.0.1:0"]);
        command.args(["--config", "policy.toml", "--token-secret", "token.secret", "--seal-key", "fnvet.seal.key", "--store"]);
        command.arg(store(site)).current_dir(folder).env_remove("FNVET_TOKEN").stderr(Stdio::piped()).stdout(Stdio::null());
        command
    }

    pub fn of(mut child: Child) -> Server {
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it ended: {said}");
            if let Some((_, address)) = line.trim().split_once("serving on http://") {
                break address.parse().unwrap();
            }
            said.push_str(&line);
        };
        let log = Arc::new(Mutex::new(said));
        let kept = log.clone();
        let reader = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut log = kept.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Server { child, address, log, reader: Some(reader) }
    }

    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Waits for its end, and gives its log.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        let log = self.log.lock().unwrap().clone();
        (status, log)
    }

    pub fn stop(self) -> String {
        self.signal("-TERM");
        let (status, log) = self.ended();
        assert!(status.success(), "{status}: {log}");
        log
    }

    pub fn client() -> ureq::Agent {
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).timeout_global(Some(Duration::from_secs(120)));
        config.build().new_agent()
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = if body.is_empty() && method == "GET" {
            Server::client().run(request.body(()).unwrap())
        } else {
            Server::client().run(request.body(body).unwrap())
        };
        let mut response = response?;
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string()?;
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), text })
    }

    pub fn as_with(&self, person: Person, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", person.token());
        let all: Vec<(&str, &str)> =
            [("authorization", bearer.as_str()), ("content-type", "application/json")].into_iter().chain(headers.iter().copied()).collect();
        self.send(method, path, &all, body).unwrap()
    }

    pub fn get(&self, person: Person, path: &str) -> Answer {
        self.as_with(person, "GET", path, &[], b"")
    }

    pub fn post(&self, person: Person, path: &str, body: &Value) -> Answer {
        self.as_with(person, "POST", path, &[], body.to_string().as_bytes())
    }

    /// Hands a function in by Ann; its path.
    pub fn created(&self, name: &str, code: &str) -> String {
        let created = self.post(ANN, ROOT, &draft(name, code)).ok(201);
        format!("{ROOT}/{}", created["functionId"].as_str().unwrap())
    }

    /// Hands a function in, and lets Bob read and approve it.
    pub fn active(&self, name: &str, code: &str) -> String {
        let path = self.created(name, code);
        self.get(BOB, &path).ok(200);
        self.post(BOB, &format!("{path}/approve"), &json!({"approved": true})).ok(200);
        path
    }

    pub fn execute(&self, path: &str, days: u64) -> Answer {
        self.post(MARY, &format!("{path}/execute"), &json!({"input": {"days": days}}))
    }

    /// The whole log of the tenant.
    pub fn audit(&self) -> Vec<Value> {
        let mut records = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(ADMIN, &format!("{ROOT}/audit?limit=200{cursor}")).ok(200);
            records.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return records,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where a test failed, nothing stays behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn store(site: &Site) -> String {
    if site.is_postgres() { site.admin_url.clone() } else { "fnvet.db".to_owned() }
}

pub fn draft(name: &str, code: &str) -> Value {
    json!({"name": name, "code": code, "description": "Days left", "inputSchema": days_schema()})
}

/// The chain holds, as whoever has the key sees it.
pub async fn verified(site: &Site) {
    let registry = site.open().await;
    for checked in registry.verify_audit(&caller("acme", "root", &[Role::SuperAdmin]), None).await.unwrap() {
        assert_eq!(checked.problem, None, "{}", checked.tenant_id);
    }
    registry.close().await;
}
