//! An attacker who may write every table of the store, and keep copies of old rows, but does not have
//! the key: may stop functions, but neither activate one nor hide a record.

use crate::support::*;
use fnvet::identity::Role;
use fnvet::registry::{AuditFilter, PageRequest, Registry, Revision};
use serde_json::json;
use sha2::{Digest, Sha256};

/// What the attacker wants to run.
const EVIL: &str = "function execute(input) { return { left: 0 }; }";

fn hex_of(text: &str) -> String {
    hex::encode(text)
}

/// The bytes of a text, as the store's SQL writes them.
fn bytes(site: &Site, text: &str) -> String {
    if site.is_postgres() { format!("'\\x{}'::bytea", hex_of(text)) } else { format!("X'{}'", hex_of(text)) }
}

async fn runs(registry: &Registry, id: &str) -> bool {
    registry.execute(&agent(), id, json!({"days": 5})).await.is_ok_and(|executed| executed.success)
}

/// The first problem of the tenant's chain, as an admin sees it.
async fn broken(registry: &Registry) -> String {
    let checked = registry.verify_audit(&admin(), None).await.unwrap();
    checked.iter().find_map(|chain| chain.problem.clone()).map(|problem| problem.message).unwrap_or_default()
}

async fn active(registry: &Registry, name: &str) -> String {
    let id = created(registry, name).await.function.function_id;
    approved(registry, &id).await.unwrap();
    assert!(runs(registry, &id).await);
    id
}

#[test]
fn code_that_is_edited_together_with_its_hash_does_not_run() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = active(&registry, "days_left").await;
        let code = bytes(site, EVIL);
        site.sql(&format!("UPDATE versions SET code = {code} WHERE function_id = '{id}'")).await;
        assert_eq!(problem(registry.execute(&agent(), &id, json!({"days": 5})).await), "not-active");
        // The hash stands in the sealed submission: the attacker can only write an unsealed one.
        let document = site.select(&format!("SELECT document FROM versions WHERE function_id = '{id}'")).await.remove(0);
        let (before, after) = (hex::encode(Sha256::digest(DAYS)), hex::encode(Sha256::digest(EVIL)));
        let mut envelope: serde_json::Value = serde_json::from_str(&document).unwrap();
        let payload = {
            use base64::Engine;
            let engine = base64::engine::general_purpose::STANDARD;
            let text = String::from_utf8(engine.decode(envelope["payload"].as_str().unwrap()).unwrap()).unwrap();
            assert!(text.contains(&before));
            engine.encode(text.replace(&before, &after))
        };
        envelope["payload"] = payload.into();
        site.sql(&format!("UPDATE versions SET document = '{envelope}' WHERE function_id = '{id}'")).await;
        assert_eq!(problem(registry.execute(&agent(), &id, json!({"days": 5})).await), "not-active");
        assert_eq!(problem(registry.read(&approver("bob"), &id, None).await), "unavailable");
        assert_eq!(problem(approved(&registry, &id).await), "unavailable");
        // It is audited as such.
        let refused = AuditFilter { event: Some(fnvet::audit::Event::Refused), ..AuditFilter::default() };
        let refusals = registry.audit(&admin(), refused, PageRequest::default()).await.unwrap().items;
        assert!(refusals[0].entry.error_message.as_deref().unwrap().contains("the source changed since its approval"), "{refusals:?}");
        let verified = registry.verify_active(&admin()).await.unwrap();
        assert_eq!(verified[0].problem.as_deref(), Some("the source changed since its approval"));
        // What was there before runs again: only exactly that was approved.
        let code = bytes(site, DAYS);
        site.sql(&format!("UPDATE versions SET code = {code} WHERE function_id = '{id}'")).await;
        assert!(runs(&registry, &id).await);
        registry.close().await;
    });
}

#[test]
fn schema_name_agent_and_expiry_cannot_be_edited_either() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = active(&registry, "days_left").await;
        let edits = [
            ("versions SET input_schema = NULL", format!("versions SET input_schema = {}", bytes(site, &days_schema().to_string()))),
            ("versions SET language = 'TypeScript'", "versions SET language = 'JavaScript'".to_owned()),
            ("versions SET cases = input_schema", "versions SET cases = NULL".to_owned()),
            ("functions SET name = 'other_name'", "functions SET name = 'days_left'".to_owned()),
            ("functions SET agent_id = 'agent_hr_01'", "functions SET agent_id = NULL".to_owned()),
            ("functions SET version = 0", "functions SET version = 1".to_owned()),
        ];
        for (edit, back) in edits {
            site.sql(&format!("UPDATE {edit} WHERE function_id = '{id}'")).await;
            assert_eq!(problem(registry.execute(&agent(), &id, json!({"days": 5})).await), "not-active", "{edit}");
            site.sql(&format!("UPDATE {back} WHERE function_id = '{id}'")).await;
            assert!(runs(&registry, &id).await, "{back}");
        }
        registry.close().await;
    });
}

#[test]
fn an_approval_cannot_be_moved_to_another_function_or_tenant() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let good = active(&registry, "good").await;
        let evil = registry.create(&author("mallory"), draft("evil", EVIL), None).await.unwrap().function.function_id;
        let other = caller("other", "ann", &[Role::Author, Role::Admin]);
        let foreign = registry.create(&other, draft("good", DAYS), None).await.unwrap().function.function_id;
        let decision = site.select("SELECT document FROM decisions WHERE tenant_id = 'acme'").await.remove(0);
        // As one more decision of the tenant, about the other function.
        site.sql(&format!("INSERT INTO decisions (tenant_id, number, document) VALUES ('acme', 2, '{decision}')")).await;
        assert!(!runs(&registry, &evil).await && runs(&registry, &good).await);
        // As a decision of another tenant, whose head does not know it, or with a head that was copied too.
        site.sql(&format!("INSERT INTO decisions (tenant_id, number, document) VALUES ('other', 1, '{decision}')")).await;
        let stranger = fnvet::identity::Caller::new("other", "mary", Some("agent"), [Role::Admin]).unwrap();
        assert_eq!(problem(registry.execute(&stranger, &foreign, json!({"days": 5})).await), "not-active");
        site.sql("UPDATE heads SET document = (SELECT document FROM heads WHERE tenant_id = 'acme') WHERE tenant_id = 'other'").await;
        assert_eq!(problem(registry.execute(&stranger, &foreign, json!({"days": 5})).await), "unavailable");
        // The rows of the approved function under the id of the other one.
        site.sql(&format!("DELETE FROM versions WHERE function_id = '{evil}'")).await;
        site.sql(&format!("UPDATE versions SET function_id = '{evil}' WHERE function_id = '{good}'")).await;
        assert!(!runs(&registry, &evil).await);
        site.sql(&format!("UPDATE versions SET tenant_id = 'other', function_id = '{good}' WHERE function_id = '{evil}'")).await;
        assert!(!runs(&registry, &good).await);
        registry.close().await;
    });
}

#[test]
fn an_old_version_does_not_come_back_with_its_old_approval() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = active(&registry, "days_left").await;
        let tables = ["heads", "functions", "decisions"];
        for table in tables {
            site.sql(&format!("CREATE TABLE old_{table} AS SELECT * FROM {table}")).await;
        }
        let better: Revision = serde_json::from_value(json!({"code": DAYS.replace("365 - input", "364 - input")})).unwrap();
        registry.update(&author("ann"), &id, better, Some(1)).await.unwrap();
        approved(&registry, &id).await.unwrap();
        let left = async |registry: &Registry| registry.execute(&agent(), &id, json!({"days": 5})).await.ok().and_then(|done| done.result);
        assert_eq!(left(&registry).await, Some(json!({"left": 359})));
        // The pointer to the latest version says nothing about what runs.
        site.sql(&format!("UPDATE functions SET version = 1 WHERE function_id = '{id}'")).await;
        assert_eq!(left(&registry).await, None);
        site.sql(&format!("UPDATE functions SET version = 2 WHERE function_id = '{id}'")).await;
        assert_eq!(left(&registry).await, Some(json!({"left": 359})));
        // The old approval as the newest decision.
        site.sql("UPDATE decisions SET document = (SELECT document FROM old_decisions) WHERE number = 2").await;
        registry.close().await;
        let registry = site.open().await;
        assert_eq!(left(&registry).await, None);
        // Everything that belongs to it, put back together.
        for table in tables {
            site.sql(&format!("DELETE FROM {table}")).await;
            site.sql(&format!("INSERT INTO {table} SELECT * FROM old_{table}")).await;
        }
        assert_eq!(left(&registry).await, None);
        assert!(broken(&registry).await.contains("an old copy was put back"), "{}", broken(&registry).await);
        registry.close().await;
    });
}

#[test]
fn a_revocation_cannot_be_taken_back() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = active(&registry, "days_left").await;
        let old_head = site.select("SELECT document FROM heads WHERE tenant_id = 'acme'").await.remove(0);
        let old_records = site.select("SELECT line FROM audit WHERE tenant_id = 'acme'").await.len();
        registry.revoke(&admin(), &id, "it leaks").await.unwrap();
        assert!(!runs(&registry, &id).await);
        assert_eq!(problem(approved(&registry, &id).await), "already-decided");
        // Deleted, it is missed; replaced by the approval, too; by a process that knew it and by one that did not.
        site.sql("DELETE FROM decisions WHERE tenant_id = 'acme' AND number = 2").await;
        assert!(!runs(&registry, &id).await);
        registry.close().await;
        let registry = site.open().await;
        assert!(!runs(&registry, &id).await);
        site.sql("INSERT INTO decisions (tenant_id, number, document) SELECT tenant_id, 2, document FROM decisions WHERE number = 1").await;
        assert!(!runs(&registry, &id).await);
        assert!(broken(&registry).await.contains("was removed or changed"), "{}", broken(&registry).await);
        // Together with the head of then, and with the records since then.
        site.sql("DELETE FROM decisions WHERE tenant_id = 'acme' AND number = 2").await;
        site.sql(&format!("UPDATE heads SET document = '{old_head}' WHERE tenant_id = 'acme'")).await;
        site.sql(&format!("DELETE FROM audit WHERE tenant_id = 'acme' AND seq > {old_records}")).await;
        assert_eq!(problem(registry.execute(&agent(), &id, json!({"days": 5})).await), "unavailable");
        registry.close().await;
        let registry = site.open().await;
        assert_eq!(problem(registry.execute(&agent(), &id, json!({"days": 5})).await), "unavailable");
        registry.close().await;
    });
}

#[test]
fn no_record_is_changed_removed_added_or_reordered_unseen() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = active(&registry, "days_left").await;
        for _ in 0..5 {
            assert!(runs(&registry, &id).await);
        }
        let checkpoint = registry.checkpoint(&admin()).await.unwrap();
        assert_eq!(broken(&registry).await, "");
        site.sql("CREATE TABLE old_audit AS SELECT * FROM audit").await;
        let last = site.select("SELECT line FROM audit WHERE tenant_id = 'acme'").await.len();
        let edits = [
            (
                "UPDATE audit SET line = REPLACE(line, '\"success\":true', '\"success\":false') WHERE seq = 5".to_owned(),
                "record 5 of acme was changed",
            ),
            ("DELETE FROM audit WHERE seq = 5".to_owned(), "record 5 of acme was removed"),
            (format!("DELETE FROM audit WHERE seq = {last}"), "was removed: the sealed head knows"),
            ("UPDATE audit SET user_id = 'somebody' WHERE seq = 5".to_owned(), "record 5 of acme was changed: it would be found"),
            ("UPDATE audit SET success = 0 WHERE seq = 5".to_owned(), "record 5 of acme was changed: it would be found"),
            ("UPDATE audit SET seq = 1000 WHERE seq = 5".to_owned(), "record 5 of acme was removed"),
            (
                format!(
                    "INSERT INTO audit SELECT tenant_id, {}, event, function_id, function_name, version, user_id, executed_at, success, line FROM audit WHERE seq = 5",
                    last + 1
                ),
                "was reordered",
            ),
            (
                "UPDATE audit SET line = (SELECT line FROM old_audit WHERE seq = 6) WHERE seq = 5".to_owned(),
                "record 5 of acme was reordered",
            ),
            ("DELETE FROM audit".to_owned(), "record 1 of acme was removed"),
        ];
        for (edit, said) in edits {
            site.sql(&edit).await;
            let found = broken(&registry).await;
            assert!(found.contains(said), "{edit}: {found}");
            site.sql("DELETE FROM audit").await;
            site.sql("INSERT INTO audit SELECT * FROM old_audit").await;
            assert_eq!(broken(&registry).await, "", "{edit}");
        }
        // The whole log rewritten, with right hashes all along: the sealed head knows another end.
        let mut chain: Vec<fnvet::audit::Record> = Vec::new();
        for line in site.select("SELECT line FROM audit ORDER BY seq").await {
            let mut entry = fnvet::audit::Record::from_line(&line).unwrap().entry;
            entry.user_id = Some("somebody".to_owned());
            let before = chain.last().map(|record| (record.seq, record.hash.clone()));
            chain.push(fnvet::audit::Record::after(entry, before.as_ref().map(|(seq, hash)| (*seq, hash.as_str()))));
        }
        for record in &chain {
            let line = record.to_line().replace('\'', "''");
            site.sql(&format!("UPDATE audit SET user_id = 'somebody', line = '{line}' WHERE seq = {}", record.seq)).await;
        }
        assert!(broken(&registry).await.contains("is not the one that the sealed head knows"), "{}", broken(&registry).await);
        // A checkpoint that was kept elsewhere reveals a cut tail even to who remembers nothing else.
        site.sql("DELETE FROM audit").await;
        site.sql("DELETE FROM heads").await;
        registry.close().await;
        std::fs::remove_dir_all(site.folder.path().join("fnvet.seal.key.seen")).unwrap();
        let registry = site.open().await;
        assert_eq!(broken(&registry).await, "");
        let checked = registry.verify_audit(&admin(), Some(&checkpoint)).await.unwrap();
        assert!(checked[0].problem.as_ref().unwrap().message.contains("the checkpoint knows"), "{checked:?}");
        let forged = checkpoint.replacen("\"sig\":\"", "\"sig\":\"AAAA", 1);
        assert_eq!(problem(registry.verify_audit(&admin(), Some(&forged)).await), "invalid-input");
        registry.close().await;
    });
}

#[test]
fn whose_function_it_is_cannot_be_disguised() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = registry.create(&author("bob"), draft("days_left", DAYS), None).await.unwrap().function.function_id;
        let next: Revision = serde_json::from_value(json!({"code": DAYS.replace("must be", "have to be")})).unwrap();
        registry.update(&author("ann"), &id, next, None).await.unwrap();
        assert_eq!(problem(approved(&registry, &id).await), "self-approval");
        site.sql(&format!("UPDATE versions SET author = 'ann' WHERE function_id = '{id}'")).await;
        assert_eq!(problem(approved(&registry, &id).await), "self-approval");
        site.sql(&format!("DELETE FROM versions WHERE function_id = '{id}' AND version = 1")).await;
        assert_eq!(problem(approved(&registry, &id).await), "unavailable");
        registry.close().await;
    });
}

#[test]
fn an_old_copy_is_not_taken_by_whoever_has_a_checkpoint() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = active(&registry, "days_left").await;
        let tables = ["heads", "functions", "versions", "decisions", "audit"];
        for table in tables {
            site.sql(&format!("CREATE TABLE old_{table} AS SELECT * FROM {table}")).await;
        }
        registry.revoke(&admin(), &id, "it leaks").await.unwrap();
        let checkpoint = registry.checkpoint(&admin()).await.unwrap();
        registry.close().await;
        for table in tables {
            site.sql(&format!("DELETE FROM {table}")).await;
            site.sql(&format!("INSERT INTO {table} SELECT * FROM old_{table}")).await;
        }
        // Nothing that this machine remembers says that there was more.
        let forget = || std::fs::remove_dir_all(site.folder.path().join("fnvet.seal.key.seen")).unwrap();
        forget();
        let registry = site.open().await;
        assert!(runs(&registry, &id).await);
        registry.close().await;
        forget();
        let with = |checkpoint: String| Registry::open(fnvet::registry::Options { checkpoint: Some(checkpoint), ..site.options() });
        let registry = with(checkpoint.clone()).await.unwrap();
        assert!(!runs(&registry, &id).await);
        assert!(broken(&registry).await.contains("was seen"), "{}", broken(&registry).await);
        registry.close().await;
        // From then on it is remembered without it.
        let registry = site.open().await;
        assert!(!runs(&registry, &id).await);
        registry.close().await;
        let forged = checkpoint.replacen("\"sig\":\"", "\"sig\":\"AAAA", 1);
        assert_eq!(problem(with(forged).await), "unavailable");
    });
}
