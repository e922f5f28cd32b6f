//! What was read at AWS, as JSON: every field, hostile texts as they are.

use serde_json::{Value, json};

use crate::domain::{
    ArchiveObject, DocumentStanding, Fact, LogStream, Node, NodeTags, PolicyDocument, PolicyKind, RolePolicies,
    Session, SessionDocument, StreamHealth,
};

/// A fact: its value with source and time, or why it is missing.
pub(super) fn fact<T>(fact: &Fact<T>, value: impl FnOnce(&T) -> Value) -> Value {
    match fact {
        Fact::Known { value: known, source, at } => json!({"value": value(known), "source": source, "at": at}),
        // When it would have been tried again is no part of what is known.
        Fact::Missing(missing) => json!({"missing": missing.why.to_string()}),
    }
}

pub(super) fn session(session: &Session) -> Value {
    json!({
        "session_id": session.key.id.as_str(),
        "account": session.key.scope.account.as_str(),
        "region": session.key.scope.region.as_str(),
        "target": session.target.as_str(),
        "status": session.status.as_str(),
        "started_at": session.started_at,
        "ended_at": session.ended_at,
        "document": session.document.as_deref(),
        "owner": &*session.owner,
        "reason": session.reason.as_deref(),
        "max_duration_minutes": session.max_duration_minutes,
        "log_group": session.log_group.as_deref(),
        "access_type": session.access.map(|access| format!("{access:?}")),
    })
}

pub(super) fn node(node: &Node) -> Value {
    json!({
        "id": node.id.as_str(),
        "name": node.name.as_deref(),
        "instance_role": node.instance_role.as_deref(),
        "iam_role": node.iam_role.as_deref(),
        "agent_version": node.agent_version.as_deref(),
        "platform": node.platform.as_deref(),
        "ping_status": node.ping_status.as_deref(),
        "last_ping": node.last_ping,
    })
}

pub(super) fn tags(tags: &NodeTags) -> Value {
    json!(**tags)
}

pub(super) fn role(role: &RolePolicies) -> Value {
    let mut attached: Vec<&str> = role.attached.iter().map(|arn| &**arn).collect();
    attached.sort_unstable();
    json!({
        "attached": attached,
        "documents": fact(&role.documents, |documents| {
            let mut documents: Vec<&PolicyDocument> = documents.iter().collect();
            documents.sort_unstable();
            documents.into_iter().map(policy).collect()
        }),
        "tags": fact(&role.tags, tags),
    })
}

fn policy(document: &PolicyDocument) -> Value {
    let kind = match document.kind {
        PolicyKind::Attached => "attached",
        PolicyKind::Inline => "inline",
        PolicyKind::Boundary => "boundary",
    };
    // What is no JSON is told as it is.
    let text = serde_json::from_str::<Value>(&document.text).unwrap_or_else(|_| json!(&*document.text));
    json!({"kind": kind, "name": &*document.name, "version": document.version.as_deref(), "policy": sorted(text)})
}

/// The value with the names of its fields in order, whatever the order in which they came.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(sorted).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            fields.into_iter().map(|(name, value)| (name, sorted(value))).collect()
        }
        single => single,
    }
}

pub(super) fn document(document: &SessionDocument) -> Value {
    json!({"session_type": document.session_type.as_str(), "content": sorted(Value::clone(&document.content))})
}

pub(super) fn standing(standing: &DocumentStanding) -> Value {
    json!({"owner": &*standing.owner, "public": fact(&standing.public, |public| json!(public))})
}

pub(super) fn log_stream(stream: &LogStream) -> Value {
    json!({
        "log_group": &*stream.log_group,
        "arn": stream.arn.as_deref(),
        "created_at": stream.created_at,
        "last_event_at": stream.last_event_at,
    })
}

pub(super) fn health(health: &StreamHealth) -> Value {
    let identities = health.identities.iter().map(|identity| {
        json!({
            "session_id": &*identity.session_id,
            "target": &*identity.target,
            "owner": &*identity.owner,
            "run_as_user": &*identity.run_as_user,
        })
    });
    json!({
        "events": health.events,
        "last_event_at": health.last_event_at,
        "last_ingested_at": health.last_ingested_at,
        "identities": identities.collect::<Vec<_>>(),
        "saturated_flushes": health.saturated_flushes,
        "saturated_at": health.saturated_at,
        "backwards_seconds": health.backwards_seconds,
        "clock_gap_seconds": health.clock_gap_seconds,
        "delay_seconds": health.delay_seconds,
        "delayed_reads": health.delayed_reads,
    })
}

pub(super) fn archive_object(object: &ArchiveObject) -> Value {
    json!({
        "bucket": &*object.bucket,
        "key": &*object.key,
        "size": object.size,
        "modified_at": object.modified_at,
        "encryption": object.encryption.as_deref(),
        "kms_key": object.kms_key.as_deref(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fields_have_one_order() {
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let (one, other) = (r#"{"b": [{"d": 1, "c": 2}], "a": null}"#, r#"{"a": null, "b": [{"c": 2, "d": 1}]}"#);
        assert_eq!(sorted(parsed(one)).to_string(), sorted(parsed(other)).to_string());
        assert_eq!(sorted(parsed(one)).to_string(), r#"{"a":null,"b":[{"c":2,"d":1}]}"#);
    }
}
