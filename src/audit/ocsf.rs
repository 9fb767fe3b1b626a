//! Records as OCSF events, for systems that collect security events: class API Activity.
//!
//! The Open Cybersecurity Schema Framework, version 1.3.0. What it has no place for stands under
//! `unmapped`, so that nothing of a record is lost.

use serde_json::{Map, Value, json};

use super::{Event, Record};

/// The version of the schema.
pub const VERSION: &str = "1.3.0";

/// API Activity, of the category Application Activity.
const CLASS: u64 = 6003;

/// The event of a record.
pub fn event(record: &Record) -> Value {
    let entry = &record.entry;
    let activity = activity(entry.event);
    let time = entry.executed_at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond);
    let mut user = Map::new();
    if let Some(id) = &entry.user_id {
        user.insert("uid".to_owned(), id.clone().into());
    }
    let mut actor = json!({"user": user});
    if let Some(agent) = &entry.agent_id {
        actor["app_uid"] = agent.clone().into();
    }
    let mut event = json!({
        "category_uid": 6,
        "class_uid": CLASS,
        "activity_id": activity,
        "type_uid": CLASS * 100 + activity,
        "time": time,
        "duration": entry.duration_ms,
        "severity_id": severity(record),
        "status_id": if entry.success { 1 } else { 2 },
        "metadata": {
            "version": VERSION,
            "product": {"name": "fnvet", "vendor_name": "fnvet", "version": env!("CARGO_PKG_VERSION")},
            "uid": record.hash,
            "sequence": record.seq,
            "tenant_uid": entry.tenant_id,
        },
        "actor": actor,
        "api": {"operation": entry.event.name(), "service": {"name": "fnvet"}},
        "src_endpoint": {"svc_name": "fnvet"},
        "resources": [{"uid": entry.function_id, "name": entry.function_name, "type": "AI Function"}],
        "unmapped": {
            "prevHash": record.prev_hash,
            "sourceSha256": entry.source_sha256,
            "approvalId": entry.approval_id,
            "limit": entry.limit,
            "statements": entry.statements,
            "heapBytes": entry.heap_bytes,
            "isolation": entry.isolation,
            "outputFlags": entry.output_flags,
        },
    });
    if let Some(version) = entry.version {
        event["resources"][0]["version"] = version.to_string().into();
    }
    if let Some(message) = &entry.error_message {
        event["status_detail"] = message.clone().into();
    }
    event
}

/// Create, read, update, delete, or another.
fn activity(event: Event) -> u64 {
    match event {
        Event::Submitted => 1,
        Event::Viewed => 2,
        Event::Approved | Event::Rejected => 3,
        Event::Revoked => 4,
        Event::Executed | Event::Tried | Event::Refused | Event::Relinted => 99,
    }
}

/// Informational; medium where something was refused or looked sensitive; low where something failed.
fn severity(record: &Record) -> u64 {
    let entry = &record.entry;
    match entry.event {
        Event::Refused => 3,
        _ if !entry.output_flags.is_empty() => 3,
        _ if !entry.success => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Entry, Function};
    use super::*;

    #[test]
    fn an_event_has_what_the_class_requires() {
        let about = Function {
            id: "fn_1".into(),
            name: "leave".into(),
            tenant_id: "acme".into(),
            user_id: Some("mary".into()),
            agent_id: Some("hr".into()),
            version: Some(3),
            ..Function::default()
        };
        let record = Record::after(Entry::new(Event::Executed, &about).failed("timed out"), None);
        let event = event(&record);
        for key in
            ["activity_id", "actor", "api", "category_uid", "class_uid", "metadata", "severity_id", "src_endpoint", "time", "type_uid"]
        {
            assert!(event.get(key).is_some_and(|value| !value.is_null()), "{key}");
        }
        assert_eq!((event["type_uid"].as_u64(), event["status_id"].as_u64()), (Some(600_399), Some(2)));
        assert_eq!(event["status_detail"], "timed out");
        assert_eq!(event["resources"][0], json!({"uid": "fn_1", "name": "leave", "type": "AI Function", "version": "3"}));
        assert!(event["time"].as_i64() > Some(1_700_000_000_000));
        assert_eq!((&event["actor"]["user"]["uid"], &event["actor"]["app_uid"]), (&json!("mary"), &json!("hr")));
    }
}
