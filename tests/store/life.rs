//! What ends an approval, what happens at the same time, and what is asked twice.

use std::str::FromStr;

use fnvet::audit::Event;
use fnvet::identity::Caller;
use fnvet::registry::{Approval, AuditFilter, IdempotencyKey, PageRequest, Registry, Review, Revision};
use serde_json::json;

use crate::support::*;

fn key(text: &str) -> Option<IdempotencyKey> {
    Some(IdempotencyKey::from_str(text).unwrap())
}

async fn count(registry: &Registry, event: Event, success: Option<bool>) -> usize {
    let filter = AuditFilter { event: Some(event), success, ..AuditFilter::default() };
    registry.audit(&admin(), filter, PageRequest { limit: Some(200), cursor: None }).await.unwrap().items.len()
}

#[test]
fn of_many_approvals_at_once_exactly_one_is_given() {
    on_every_store(async |site| {
        // Two replicas, each with its own memory.
        let replicas = [site.open().await, site.open().await];
        let id = created(&replicas[0], "days_left").await.function.function_id;
        let approvers: Vec<Caller> = (0..20).map(|at| approver(&format!("bob_{at}"))).collect();
        for bob in &approvers {
            replicas[0].read(bob, &id, None).await.unwrap();
        }
        let tasks: Vec<_> = (approvers.into_iter().enumerate())
            .map(|(at, bob)| {
                let (registry, id) = (replicas[at % 2].clone(), id.clone());
                tokio::spawn(async move { registry.approve(&bob, &id, Approval::default(), None).await })
            })
            .collect();
        let mut given = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(approved) => {
                    assert!(approved.function.is_active);
                    given += 1;
                }
                Err(error) => assert_eq!(error.problem().0, "already-decided", "{error}"),
            }
        }
        assert_eq!(given, 1);
        assert_eq!(count(&replicas[1], Event::Approved, None).await, 1);
        assert_eq!(count(&replicas[1], Event::Refused, None).await, 19);
        // No more trials than replicas.
        assert!(count(&replicas[0], Event::Tried, None).await <= 2);
        for registry in replicas {
            assert!(registry.verify_audit(&admin(), None).await.unwrap()[0].problem.is_none());
            registry.close().await;
        }
    });
}

#[test]
fn calls_at_the_same_time_make_one_chain() {
    on_every_store(async |site| {
        let replicas = [site.open().await, site.open().await];
        let id = created(&replicas[0], "days_left").await.function.function_id;
        approved(&replicas[0], &id).await.unwrap();
        let tasks: Vec<_> = (0..40_u64)
            .map(|at| {
                let (registry, id) = (replicas[usize::from(at % 2 == 1)].clone(), id.clone());
                tokio::spawn(async move { registry.execute(&agent(), &id, json!({"days": at})).await.unwrap() })
            })
            .collect();
        let mut numbers = std::collections::BTreeSet::new();
        for (at, task) in tasks.into_iter().enumerate() {
            let executed = task.await.unwrap();
            assert_eq!(executed.result, Some(json!({"left": 365 - at})));
            numbers.insert(executed.seq);
        }
        assert_eq!(numbers, (5..45).collect());
        let checked = replicas[1].verify_audit(&admin(), None).await.unwrap();
        assert_eq!((checked[0].records, &checked[0].problem), (44, &None));
        for registry in replicas {
            registry.close().await;
        }
    });
}

#[test]
fn a_request_that_is_repeated_has_one_effect() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let ann = author("ann");
        let first = registry.create(&ann, draft("days_left", DAYS), key("a")).await.unwrap();
        assert_eq!(registry.create(&ann, draft("days_left", DAYS), key("a")).await.unwrap(), first);
        assert_eq!(problem(registry.create(&ann, draft("other", DAYS), key("a")).await), "idempotency-key-reused");
        assert_eq!(problem(registry.create(&ann, draft("days_left", DAYS), key("b")).await), "name-taken");
        // Another person's key is another key.
        assert_eq!(problem(registry.create(&author("zoe"), draft("days_left", DAYS), key("a")).await), "name-taken");
        let id = &first.function.function_id;
        let bob = approver("bob");
        registry.read(&bob, id, None).await.unwrap();
        let given = registry.approve(&bob, id, Approval::default(), key("c")).await.unwrap();
        assert_eq!(registry.approve(&bob, id, Approval::default(), key("c")).await.unwrap(), given);
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (registry, ann) = (registry.clone(), ann.clone());
                tokio::spawn(async move { registry.create(&ann, draft("at_once", DAYS), key("d")).await })
            })
            .collect();
        let mut ids = std::collections::BTreeSet::new();
        for task in tasks {
            ids.insert(task.await.unwrap().unwrap().function.function_id);
        }
        assert_eq!(ids.len(), 1);
        assert_eq!(count(&registry, Event::Submitted, None).await, 2);
        assert_eq!(count(&registry, Event::Approved, None).await, 1);
        for bad in ["", "é", "a\nb", &"k".repeat(256)] {
            assert!(IdempotencyKey::from_str(bad).is_err());
        }
        registry.close().await;
    });
}

#[test]
fn a_changed_name_agent_or_limit_ends_the_approval_at_once() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let calls = async |id: &str| registry.execute(&agent(), id, json!({"days": 5})).await.map(|executed| executed.version);
        for (name, change) in [("a", json!({"name": "renamed"})), ("b", json!({"agentId": "agent_hr_01"}))] {
            let id = created(&registry, name).await.function.function_id;
            approved(&registry, &id).await.unwrap();
            assert_eq!(calls(&id).await.unwrap(), 1);
            let mut revision: Revision = serde_json::from_value(json!({"code": DAYS})).unwrap();
            revision.name = change.get("name").map(|name| name.as_str().unwrap().to_owned());
            revision.agent_id = change.get("agentId").map(|agent| Some(agent.as_str().unwrap().to_owned()));
            let changed = registry.update(&author("ann"), &id, revision, None).await.unwrap().function;
            assert_eq!((changed.is_active, changed.review), (false, Review::Awaiting));
            assert_eq!(problem(calls(&id).await), "not-active");
            approved(&registry, &id).await.unwrap();
            assert_eq!(calls(&id).await.unwrap(), 2);
        }
        let only = Caller::new("acme", "mary", Some("agent_it_02"), []).unwrap();
        let id = registry.id_of(&admin(), "b").await.unwrap();
        assert_eq!(problem(registry.execute(&only, &id, json!({"days": 5})).await), "forbidden");
        let offered = |tools: Vec<fnvet::registry::Callable>| tools.into_iter().map(|tool| tool.name).collect::<Vec<_>>();
        assert_eq!(offered(registry.callable(&only).await.unwrap()), ["renamed"]);
        assert_eq!(offered(registry.callable(&agent()).await.unwrap()), ["b", "renamed"]);
        registry.close().await;
        let mut options = site.options();
        let narrower = format!("{QUICK}heap_bytes = 30000000\n");
        options.policy = fnvet::approval::Policy::of_text(&narrower, "policy", site.folder.path()).unwrap();
        let registry = Registry::open(options).await.unwrap();
        let refused = registry.execute(&agent(), &id, json!({"days": 5})).await.unwrap_err();
        assert_eq!(refused.to_string(), "it is not active: the limits changed since its approval");
        // Approving it again is possible, although that version was approved before.
        approved(&registry, &id).await.unwrap();
        assert!(registry.execute(&agent(), &id, json!({"days": 5})).await.unwrap().success);
        registry.close().await;
    });
}

#[test]
fn a_changed_policy_lints_every_active_function_again() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let unclear = format!("{DAYS}function unused() {{ return eval('1'); }}\n");
        let milder = format!("rules.no-eval = \"warning\"\n{QUICK}");
        let mut options = site.options();
        options.policy = fnvet::approval::Policy::of_text(&milder, "policy", site.folder.path()).unwrap();
        let mild = Registry::open(options).await.unwrap();
        let mut ids = Vec::new();
        for (name, code) in [("clear", DAYS), ("unclear", unclear.as_str())] {
            let id = mild.create(&author("ann"), draft(name, code), None).await.unwrap().function.function_id;
            approved(&mild, &id).await.unwrap();
            ids.push(id);
        }
        mild.close().await;
        let listed = registry.list(&admin(), PageRequest::default()).await.unwrap().items;
        let shown: Vec<_> = listed.iter().map(|function| (function.name.as_str(), function.is_active, function.stale_policy)).collect();
        assert_eq!(shown, [("clear", true, true), ("unclear", false, false)]);
        // What is no longer active awaits review again.
        let awaiting = registry.list(&approver("bob"), PageRequest::default()).await.unwrap().items;
        assert_eq!(awaiting.iter().map(|function| function.name.as_str()).collect::<Vec<_>>(), ["unclear"]);
        assert!(registry.execute(&agent(), &ids[0], json!({"days": 5})).await.unwrap().success);
        let refused = registry.execute(&agent(), &ids[1], json!({"days": 5})).await.unwrap_err();
        assert_eq!(refused.to_string(), "it is not active: it is no longer clear: no-eval");
        assert_eq!(count(&registry, Event::Relinted, Some(true)).await, 1);
        assert_eq!(count(&registry, Event::Relinted, Some(false)).await, 1);
        let verified = registry.verify_active(&admin()).await.unwrap();
        assert_eq!(verified.iter().filter(|one| one.problem.is_some()).count(), 1);
        registry.close().await;
    });
}

#[test]
fn records_hold_inputs_and_results_only_where_that_is_configured() {
    on_every_store(async |site| {
        let executed = async |registry: &Registry, id: &str, days: serde_json::Value| {
            let done = registry.execute(&agent(), id, json!({ "days": days })).await.unwrap();
            let page = PageRequest { limit: Some(200), cursor: None };
            let records = registry.audit(&admin(), AuditFilter::default(), page).await.unwrap().items;
            let record = records.into_iter().find(|record| record.seq == done.seq).unwrap();
            (record.entry.input.clone(), record.entry.output.clone(), record.to_line().contains("\"input\""))
        };
        let registry = site.open().await;
        let id = created(&registry, "days_left").await.function.function_id;
        approved(&registry, &id).await.unwrap();
        assert_eq!(executed(&registry, &id, json!(5)).await, (None, None, false));
        registry.close().await;
        let mut options = site.options();
        options.policy =
            fnvet::approval::Policy::of_text(&format!("audit.contents = true\n{QUICK}"), "policy", site.folder.path()).unwrap();
        let registry = Registry::open(options).await.unwrap();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(executed(&registry, &id, json!(5)).await, (text("{\"days\":5}"), text("{\"left\":360}"), true));
        assert_eq!(executed(&registry, &id, json!("x")).await, (text("{\"days\":\"x\"}"), None, true));
        let (input, ..) = executed(&registry, &id, json!("x".repeat(9_000))).await;
        assert_eq!(input.unwrap().len(), 4 << 10);
        assert_eq!(registry.verify_audit(&admin(), None).await.unwrap()[0].problem, None);
        registry.close().await;
    });
}

#[test]
fn after_a_revocation_only_a_new_version_is_approved() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = created(&registry, "days_left").await.function.function_id;
        approved(&registry, &id).await.unwrap();
        registry.update(&author("zoe"), &id, serde_json::from_value(json!({"code": DAYS})).unwrap(), None).await.unwrap();
        let revoked = registry.revoke(&admin(), &id, "it leaks").await.unwrap();
        assert_eq!((revoked.is_active, revoked.review), (false, Review::Revoked));
        assert_eq!(problem(approved(&registry, &id).await), "already-decided");
        assert_eq!(problem(registry.reject(&approver("bob"), &id, "no", Some(2), None).await), "already-decided");
        registry.update(&author("carol"), &id, serde_json::from_value(json!({"code": DAYS})).unwrap(), None).await.unwrap();
        // No approval is valid any more: everyone who ever wrote a version of it is an author.
        for user in ["ann", "zoe", "carol"] {
            registry.read(&approver(user), &id, None).await.unwrap();
            assert_eq!(problem(registry.approve(&approver(user), &id, Approval::default(), None).await), "self-approval");
        }
        approved(&registry, &id).await.unwrap();
        assert_eq!(registry.execute(&agent(), &id, json!({"days": 5})).await.unwrap().version, 3);
        let versions = registry.versions(&admin(), &id, PageRequest::default()).await.unwrap().items;
        let reviews: Vec<_> = versions.iter().map(|version| (version.review, version.is_active)).collect();
        assert_eq!(reviews, [(Review::Revoked, false), (Review::Revoked, false), (Review::Approved, true)]);
        registry.close().await;
    });
}

#[test]
fn a_call_that_nobody_awaits_any_more_is_recorded() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = created(&registry, "days_left").await.function.function_id;
        approved(&registry, &id).await.unwrap();
        let caller = agent();
        let call = registry.execute(&caller, &id, json!({"days": 5}));
        // The caller goes away as soon as the call was begun.
        let gone = tokio::time::timeout(std::time::Duration::ZERO, call).await;
        assert!(gone.is_err());
        registry.close().await;
        let registry = site.open().await;
        assert_eq!(count(&registry, Event::Executed, Some(true)).await, 1);
        registry.close().await;
    });
}

#[test]
fn where_the_record_cannot_be_written_there_is_no_answer() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = created(&registry, "days_left").await.function.function_id;
        approved(&registry, &id).await.unwrap();
        site.sql("ALTER TABLE audit RENAME TO audit_gone").await;
        let call = registry.execute(&agent(), &id, json!({"days": 5})).await;
        assert_eq!(problem(call), "unavailable");
        assert_eq!(problem(registry.revoke(&admin(), &id, "").await), "unavailable");
        site.sql("ALTER TABLE audit_gone RENAME TO audit").await;
        // The intent was noted before the function ran, and is closed by the process that noted it.
        registry.maintain().await.unwrap();
        let filter = AuditFilter { event: Some(Event::Executed), ..AuditFilter::default() };
        let calls = registry.audit(&admin(), filter, PageRequest::default()).await.unwrap().items;
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].entry.error_message.as_deref(), Some("interrupted"));
        assert!(registry.execute(&agent(), &id, json!({"days": 5})).await.unwrap().success);
        assert!(registry.verify_audit(&admin(), None).await.unwrap()[0].problem.is_none());
        registry.close().await;
    });
}
