//! The registry in a store: who may do what, what an approval binds, what ends it, what is recorded.

use crate::support::*;
use fnvet::audit::{Event, Record};
use fnvet::identity::{Caller, Role};
use fnvet::registry::{Approval, AuditFilter, PageRequest, Registry, RegistryError, Review, Revision, WaiverWish};
use serde_json::json;

/// The whole log of the tenant.
async fn records(registry: &Registry) -> Vec<Record> {
    let mut page = PageRequest { limit: Some(7), cursor: None };
    let mut all = Vec::new();
    loop {
        let part = registry.audit(&admin(), AuditFilter::default(), page.clone()).await.unwrap();
        all.extend(part.items);
        match part.next {
            Some(next) => page.cursor = Some(next),
            None => return all,
        }
    }
}

fn events(records: &[Record]) -> Vec<&'static str> {
    records.iter().map(|record| record.entry.event.name().trim_start_matches("AIFunction")).collect()
}

fn revision(code: &str) -> Revision {
    serde_json::from_value(json!({ "code": code })).unwrap()
}

#[test]
fn a_function_is_handed_in_approved_by_a_second_person_and_called() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let function = created(&registry, "days_left").await.function;
        let id = &function.function_id;
        assert_eq!((function.is_active, function.version, function.active_version, function.review), (false, 1, None, Review::Awaiting));
        assert_eq!(problem(registry.execute(&agent(), id, json!({"days": 5})).await), "not-active");
        let approved = approved(&registry, id).await.unwrap();
        assert_eq!((approved.function.is_active, approved.function.active_version), (true, Some(1)));
        let executed = registry.execute(&agent(), id, json!({"days": 5})).await.unwrap();
        assert_eq!((executed.result, executed.version), (Some(json!({"left": 360})), 1));
        let failed = registry.execute(&agent(), id, json!({"days": "5"})).await.unwrap();
        assert!(!failed.success && failed.error_message.unwrap().starts_with("Input rejected: /days"));
        let log = records(&registry).await;
        assert_eq!(events(&log), ["Submitted", "Refused", "Viewed", "Tried", "Approved", "Executed", "Executed"]);
        let called = &log[5].entry;
        assert_eq!(called.approval_id, Some(approved.approval_id));
        assert_eq!((called.user_id.as_deref(), called.agent_id.as_deref()), (Some("mary"), Some("agent_hr_01")));
        assert!(called.success && called.statements > Some(0) && !log[6].entry.success);
        assert_eq!(executed.seq, 6);
        let checked = registry.verify_audit(&admin(), None).await.unwrap();
        assert_eq!((checked.len(), checked[0].records, &checked[0].problem), (1, 7, &None));
        registry.close().await;
    });
}

#[test]
fn roles_do_not_imply_each_other() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = created(&registry, "days_left").await.function.function_id;
        let everyone = [author("zoe"), approver("zoe"), admin(), agent(), caller("acme", "zoe", &[])];
        for who in &everyone {
            let is_author = who.is(Role::Author);
            let made = registry.create(who, draft(if is_author { "another" } else { "third" }, DAYS), None).await;
            assert_eq!(made.is_ok(), is_author);
            assert_eq!(
                registry.update(who, &id, revision(DAYS), Some(99)).await.unwrap_err().problem().1,
                if is_author { 409 } else { 403 }
            );
            let decided = registry.reject(who, &id, "no", Some(99), None).await;
            assert_eq!(decided.unwrap_err().problem().1, if who.is(Role::Approver) { 409 } else { 403 });
            let may_read = !who.roles_are_empty();
            assert_eq!(registry.list(who, PageRequest::default()).await.is_ok(), may_read);
            assert_eq!(registry.read(who, &id, None).await.is_ok(), may_read);
            assert_eq!(registry.versions(who, &id, PageRequest::default()).await.is_ok(), may_read);
            assert_eq!(registry.findings(who, &id, None).await.is_ok(), may_read);
            assert_eq!(registry.audit(who, AuditFilter::default(), PageRequest::default()).await.is_ok(), who.is(Role::Admin));
            assert_eq!(registry.verify_audit(who, None).await.is_ok(), who.is(Role::Admin));
            assert_eq!(registry.callable(who).await.is_ok(), who.agent_id().is_some());
            let called = problem(registry.execute(who, &id, json!({"days": 1})).await);
            assert_eq!(called, if who.agent_id().is_some() { "not-active" } else { "forbidden" });
        }
        for who in [author("zoe"), agent()] {
            assert_eq!(problem(registry.revoke(&who, &id, "").await), "forbidden");
        }
        registry.revoke(&approver("zoe"), &id, "").await.unwrap();
        registry.revoke(&admin(), &id, "").await.unwrap();
        registry.close().await;
    });
}

trait Roles {
    fn roles_are_empty(&self) -> bool;
}

impl Roles for Caller {
    fn roles_are_empty(&self) -> bool {
        !self.is_any(&Role::ALL)
    }
}

#[test]
fn every_refusal_is_on_record() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = created(&registry, "days_left").await.function.function_id;
        let (page, none) = (PageRequest::default(), format!("fn_{}", "0".repeat(24)));
        let before = records(&registry).await.len();
        let (nobody, bob) = (caller("acme", "nobody", &[]), approver("bob"));
        assert_eq!(problem(registry.list(&nobody, page.clone()).await), "forbidden");
        assert_eq!(problem(registry.read(&nobody, &id, None).await), "forbidden");
        assert_eq!(problem(registry.versions(&nobody, &id, page.clone()).await), "forbidden");
        assert_eq!(problem(registry.findings(&nobody, &id, None).await), "forbidden");
        assert_eq!(problem(registry.callable(&nobody).await), "forbidden");
        assert_eq!(problem(registry.audit(&bob, AuditFilter::default(), page).await), "forbidden");
        assert_eq!(problem(registry.verify_audit(&bob, None).await), "forbidden");
        assert_eq!(problem(registry.verify_active(&bob).await), "forbidden");
        assert_eq!(problem(registry.checkpoint(&bob).await), "forbidden");
        assert_eq!(problem(registry.read(&bob, &none, None).await), "not-found");
        assert_eq!(problem(registry.create(&author("ann"), draft("days_left", DAYS), None).await), "name-taken");
        let log = records(&registry).await;
        assert_eq!(events(&log)[before..], ["Refused"; 11]);
        assert!(log[before..].iter().all(|record| !record.entry.success && record.entry.user_id.is_some()), "{log:?}");
        registry.close().await;
    });
}

#[test]
fn lists_show_each_role_its_own() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let mut ids = Vec::new();
        for name in ["a", "b", "c", "d"] {
            ids.push(created(&registry, name).await.function.function_id);
        }
        registry.create(&author("zoe"), draft("e", DAYS), None).await.unwrap();
        registry.create(&caller("other", "ann", &[Role::Author]), draft("a", DAYS), None).await.unwrap();
        approved(&registry, &ids[0]).await.unwrap();
        registry.reject(&approver("bob"), &ids[1], "no", Some(1), None).await.unwrap();
        let names = async |who: &Caller| {
            let (mut names, mut page) = (Vec::new(), PageRequest { limit: Some(1), cursor: None });
            loop {
                let part = registry.list(who, page.clone()).await.unwrap();
                names.extend(part.items.into_iter().map(|function| format!("{}/{}", function.tenant_id, function.name)));
                match part.next {
                    Some(next) => page.cursor = Some(next),
                    None => return names.join(" "),
                }
            }
        };
        assert_eq!(names(&admin()).await, "acme/a acme/b acme/c acme/d acme/e");
        assert_eq!(names(&approver("bob")).await, "acme/c acme/d acme/e");
        assert_eq!(names(&author("ann")).await, "acme/a acme/b acme/c acme/d");
        assert_eq!(names(&author("zoe")).await, "acme/e");
        assert_eq!(names(&caller("acme", "zoe", &[Role::Author, Role::Approver])).await, "acme/c acme/d acme/e");
        assert_eq!(names(&caller("other", "x", &[Role::SuperAdmin])).await, "acme/a acme/b acme/c acme/d acme/e other/a");
        assert_eq!(problem(registry.list(&admin(), PageRequest { limit: None, cursor: Some("AAAA".into()) }).await), "invalid-input");
        registry.close().await;
    });
}

#[test]
fn another_tenants_function_is_not_there() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = created(&registry, "days_left").await.function.function_id;
        approved(&registry, &id).await.unwrap();
        let every = [Role::Author, Role::Approver, Role::Admin];
        let stranger = caller("other", "ann", &every);
        let foreign_agent = Caller::new("other", "mary", Some("agent_hr_01"), every).unwrap();
        for wanted in [id.as_str(), "fn_000000000000000000000000", "fn_' OR 1=1 --", "fn_\0", "", "../x"] {
            assert_eq!(problem(registry.read(&stranger, wanted, None).await), "not-found");
            assert_eq!(problem(registry.versions(&stranger, wanted, PageRequest::default()).await), "not-found");
            assert_eq!(problem(registry.findings(&stranger, wanted, None).await), "not-found");
            assert_eq!(problem(registry.update(&stranger, wanted, revision(DAYS), None).await), "not-found");
            assert_eq!(problem(registry.approve(&stranger, wanted, Approval::default(), None).await), "not-found");
            assert_eq!(problem(registry.reject(&stranger, wanted, "no", None, None).await), "not-found");
            assert_eq!(problem(registry.revoke(&stranger, wanted, "").await), "not-found");
            assert_eq!(problem(registry.execute(&foreign_agent, wanted, json!({"days": 1})).await), "not-found");
        }
        assert_eq!(problem(registry.id_of(&stranger, "days_left").await), "not-found");
        assert!(registry.list(&stranger, PageRequest::default()).await.unwrap().items.is_empty());
        let foreign = AuditFilter { tenant: Some("acme".into()), ..AuditFilter::default() };
        assert_eq!(problem(registry.audit(&stranger, foreign.clone(), PageRequest::default()).await), "forbidden");
        let above = caller("other", "eve", &[Role::SuperAdmin]);
        assert_eq!(registry.read(&above, &id, None).await.unwrap().function.name, "days_left");
        assert!(!registry.audit(&above, foreign, PageRequest::default()).await.unwrap().items.is_empty());
        assert_eq!(problem(registry.approve(&above, &id, Approval::default(), None).await), "forbidden");
        assert!(!registry.revoke(&above, &id, "seen enough").await.unwrap().is_active);
        assert_eq!(records(&registry).await.last().unwrap().entry.event, Event::Revoked);
        registry.close().await;
    });
}

#[test]
fn an_author_of_any_change_since_the_last_approval_is_no_second_person() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = created(&registry, "days_left").await.function.function_id;
        let approve_as = async |user: &str| {
            registry.read(&approver(user), &id, None).await.unwrap();
            registry.approve(&approver(user), &id, Approval::default(), None).await
        };
        for spelling in ["ann", "ANN", "Ann", "ａｎｎ"] {
            assert_eq!(problem(approve_as(spelling).await), "self-approval");
        }
        registry.update(&author("bob"), &id, revision(DAYS), Some(1)).await.unwrap();
        assert_eq!(problem(approve_as("ann").await), "self-approval");
        assert_eq!(problem(approve_as("BOB").await), "self-approval");
        approve_as("carol").await.unwrap();
        // Carol approved what both wrote; from here on only those count who wrote since.
        let next = registry.update(&author("zoe"), &id, revision(&DAYS.replace("365 -", "365.0 -")), None).await.unwrap();
        assert_eq!((next.authors, next.function.version, next.function.active_version), (vec!["zoe".to_owned()], 3, Some(2)));
        approve_as("ann").await.unwrap();
        registry.close().await;
    });
}

#[test]
fn an_approval_binds_the_version_that_was_read() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let id = created(&registry, "days_left").await.function.function_id;
        let bob = approver("bob");
        let wish = |version| Approval { version, ..Approval::default() };
        assert_eq!(problem(registry.approve(&bob, &id, wish(None), None).await), "review-required");
        assert_eq!(problem(registry.approve(&bob, &id, wish(Some(1)), None).await), "review-required");
        registry.read(&bob, &id, None).await.unwrap();
        registry.update(&author("ann"), &id, revision(&DAYS.replace("days must", "Days must")), Some(1)).await.unwrap();
        let stale = registry.approve(&bob, &id, wish(None), None).await.unwrap_err();
        assert!(matches!(stale, RegistryError::SourceChanged { current: 2 }), "{stale}");
        assert_eq!(problem(registry.approve(&bob, &id, wish(Some(1)), None).await), "source-changed");
        assert_eq!(problem(registry.approve(&bob, &id, wish(Some(2)), None).await), "review-required");
        assert_eq!(problem(registry.update(&author("ann"), &id, revision(DAYS), Some(1)).await), "source-changed");
        registry.read(&bob, &id, None).await.unwrap();
        registry.approve(&bob, &id, wish(Some(2)), None).await.unwrap();
        assert_eq!(problem(registry.approve(&bob, &id, wish(Some(2)), None).await), "already-decided");
        assert_eq!(problem(registry.reject(&bob, &id, "too late", Some(2), None).await), "already-decided");
        registry.close().await;
    });
}

#[test]
fn what_lint_or_the_trial_refuses_is_not_approved() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let evil = "function execute(input) {\n  return eval(input.code);\n}\n";
        let id = registry.create(&author("ann"), draft("evil", evil), None).await.unwrap().function.function_id;
        let findings = match approved(&registry, &id).await {
            Err(RegistryError::BlockingFindings(findings)) => findings,
            other => panic!("{other:?}"),
        };
        assert!(findings.iter().any(|found| found.finding.rule == "no-eval"));
        let shown = registry.findings(&approver("bob"), &id, None).await.unwrap();
        assert!(findings.iter().all(|found| shown.findings().contains(found)));
        let wrong = json!([{"name": "none", "input": {"days": 0}, "expect": {"left": 0}}]);
        let mut failing = draft("failing", DAYS);
        failing.cases = Some(wrong);
        let id = registry.create(&author("ann"), failing, None).await.unwrap().function.function_id;
        assert!(matches!(approved(&registry, &id).await, Err(RegistryError::TrialFailed(report)) if !report.is_passed()));
        let log = records(&registry).await;
        assert_eq!(events(&log)[3..], ["Submitted", "Viewed", "Tried", "Refused"], "{:?}", events(&log));
        assert!(!log[5].entry.success);
        registry.close().await;
    });
}

#[test]
fn waivers_are_the_approvers_and_kept_in_the_approval() {
    on_every_store(async |site| {
        let registry = site.open().await;
        let named = format!("{DAYS}function unused() {{ return eval('1'); }}\n");
        let id = registry.create(&author("ann"), draft("waived", &named), None).await.unwrap().function.function_id;
        let bob = approver("bob");
        registry.read(&bob, &id, None).await.unwrap();
        let Err(RegistryError::BlockingFindings(findings)) = registry.approve(&bob, &id, Approval::default(), None).await else {
            panic!("something blocks");
        };
        let wish = |reason: &str| Approval {
            waivers: findings.iter().map(|found| WaiverWish { fingerprint: found.fingerprint.clone(), reason: reason.into() }).collect(),
            ..Approval::default()
        };
        assert_eq!(problem(registry.approve(&bob, &id, wish(" "), None).await), "invalid-input");
        let mut unknown = wish("checked by hand");
        unknown.waivers.push(WaiverWish { fingerprint: "0".repeat(64), reason: "none".into() });
        assert_eq!(problem(registry.approve(&bob, &id, unknown, None).await), "invalid-input");
        registry.approve(&bob, &id, wish("checked by hand"), None).await.unwrap();
        assert!(registry.execute(&agent(), &id, json!({"days": 1})).await.unwrap().success);
        registry.close().await;
    });
}
