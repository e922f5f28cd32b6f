#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::json;

use super::*;

const SESSION: &str = "jane.doe-4njnyxxl8yn676nsla8j6l4bra";

/// A record in the shape of real ones.
fn start(identity: Value) -> Value {
    json!({"eventVersion": "1.10", "eventSource": "ssm.amazonaws.com", "eventName": "StartSession",
        "eventTime": "2025-02-19T20:13:49Z", "awsRegion": "us-west-2", "recipientAccountId": "111122223333",
        "eventID": "e-1", "requestID": "r-1", "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2 x",
        "requestParameters": {"target": "i-0abc", "documentName": "AWS-StartPortForwardingSession", "reason": "INC-1234",
            "parameters": {"portNumber": ["18089"], "localPortNumber": "8089", "host": ["db.internal"]}},
        "responseElements": {"sessionId": SESSION, "tokenValue": "Value hidden due to security reasons."},
        "userIdentity": identity})
}

fn assumed(role_arn: &str, mfa: Value) -> Value {
    json!({"type": "AssumedRole", "principalId": "AROA1:jane.doe", "accountId": "111122223333", "accessKeyId": "ASIA1",
        "arn": "arn:aws:sts::111122223333:assumed-role/SampleRole/jane.doe",
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role_arn, "userName": "SampleRole"},
            "attributes": {"creationDate": "2025-02-19T16:29:24Z", "mfaAuthenticated": mfa}}})
}

fn read(record: &Value) -> TrailEvent {
    match parse_event(&record.to_string(), TrailCall::StartSession) {
        Reading::Read(event) => event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_assumed_role_says_all_there_is() {
    let sso = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/us-west-2/AWSReservedSSO_Ops_1";
    let event = read(&start(assumed(sso, json!("false"))));
    assert_eq!((event.session.as_str(), event.mfa), (SESSION, Mfa::No));
    assert_eq!(event.at, "2025-02-19T20:13:49Z".parse().unwrap());
    assert_eq!((event.source_ip.as_deref(), event.user_agent.as_deref()), (Some("198.51.100.7"), Some("aws-cli/2 x")));
    assert_eq!((&*event.identity_type, event.issuer_arn.as_deref()), ("AssumedRole", Some(sso)));
    assert_eq!(event.access_key_id.as_deref(), Some("ASIA1"));
    assert_eq!(event.document.as_deref(), Some("AWS-StartPortForwardingSession"));
    let parameters: Vec<_> = event.parameters.iter().map(|(key, value)| (key.as_str(), value.join(","))).collect();
    assert_eq!(
        parameters,
        [("host", "db.internal".into()), ("localPortNumber", "8089".into()), ("portNumber", "18089".into())]
    );
    assert_eq!(read(&start(assumed("arn:aws:iam::1:role/Ops", json!("true")))).mfa, Mfa::Yes);
    assert_eq!(read(&start(assumed("arn:aws:iam::1:role/Ops", json!(true)))).mfa, Mfa::Yes);
    assert_eq!(read(&start(assumed("arn:aws:iam::1:role/Ops", json!(["true"])))).mfa, Mfa::Unknown);
}

#[test]
fn users_root_and_federated_users_have_what_they_have() {
    let user = read(&start(
        json!({"type": "IAMUser", "arn": "arn:aws:iam::1:user/bob", "accessKeyId": "AKIA1", "userName": "bob"}),
    ));
    assert_eq!((user.mfa, user.issuer_arn, user.access_key_id.as_deref()), (Mfa::Unknown, None, Some("AKIA1")));
    let root = read(&start(json!({"type": "Root", "arn": "arn:aws:iam::1:root",
        "sessionContext": {"attributes": {"mfaAuthenticated": "true"}}})));
    assert_eq!((&*root.identity_type, root.mfa), ("Root", Mfa::Yes));
    let federated = read(&start(json!({"type": "FederatedUser", "arn": "arn:aws:sts::1:federated-user/k",
        "sessionContext": {"sessionIssuer": {"type": "IAMUser", "arn": "arn:aws:iam::1:user/broker"},
            "attributes": {"mfaAuthenticated": "false"}}})));
    assert_eq!((federated.mfa, federated.issuer_arn.as_deref()), (Mfa::No, Some("arn:aws:iam::1:user/broker")));
}

#[test]
fn a_plain_shell_names_no_document_and_a_hidden_parameter_is_none() {
    let mut record = start(json!({"type": "IAMUser"}));
    *record.pointer_mut("/requestParameters").unwrap() = json!({"target": "i-0abc"});
    let event = read(&record);
    assert_eq!((event.document, event.parameters.len()), (None, 0));
    *record.pointer_mut("/requestParameters").unwrap() = json!({"parameters": "HIDDEN_DUE_TO_SECURITY_REASONS"});
    assert_eq!(read(&record).parameters.len(), 0);
}

#[test]
fn calls_that_failed_are_refused() {
    let mut denied = start(json!({"type": "IAMUser"}));
    *denied.pointer_mut("/responseElements").unwrap() = Value::Null;
    assert_eq!(parse_event(&denied.to_string(), TrailCall::StartSession), Reading::Refused);
    let mut said = start(json!({"type": "IAMUser"}));
    said.as_object_mut().unwrap().insert("errorCode".into(), json!("AccessDenied"));
    assert_eq!(parse_event(&said.to_string(), TrailCall::StartSession), Reading::Refused);
}

#[test]
fn resume_and_terminate_name_the_session_in_the_request() {
    let mut record = start(json!({"type": "IAMUser"}));
    let object = record.as_object_mut().unwrap();
    object.insert("eventName".into(), json!("TerminateSession"));
    object.insert("requestParameters".into(), json!({"sessionId": SESSION}));
    object.insert("responseElements".into(), Value::Null);
    let Reading::Read(event) = parse_event(&record.to_string(), TrailCall::TerminateSession) else { panic!() };
    assert_eq!((event.call, event.session.as_str()), (TrailCall::TerminateSession, SESSION));
    // Athena ends sessions too.
    record.as_object_mut().unwrap().insert("eventSource".into(), json!("athena.amazonaws.com"));
    assert_eq!(parse_event(&record.to_string(), TrailCall::TerminateSession), Reading::Garbled);
}

#[test]
fn what_is_no_record_is_counted_and_nothing_else() {
    let deep = "[".repeat(100_000);
    let list = json!({"eventID": ["x"], "eventTime": 5, "eventName": {}}).to_string();
    let mut odd = start(json!("nobody"));
    odd.as_object_mut().unwrap().insert("eventTime".into(), json!("yesterday"));
    for record in
        ["", "{", "null", "[]", "{\"eventName\":\"StartSession\"}", "\u{1b}[31m", &deep, &list, &odd.to_string()]
    {
        assert_eq!(parse_event(record, TrailCall::StartSession), Reading::Garbled, "{:.40}", record);
        assert_eq!(parse_tag_change(record, TagCall::TagRole), Reading::Garbled, "{:.40}", record);
    }
    let mut strange = start(json!("nobody"));
    *strange.pointer_mut("/requestParameters").unwrap() =
        json!({"parameters": {"host": [1, null, {"a": []}, "x"], "deep": {"y": 1}}});
    let event = read(&strange);
    assert_eq!((event.parameters.get("host").unwrap().join(","), &*event.identity_type), ("1,x".to_owned(), ""));
    let page = Page {
        items: vec![
            aws_sdk_cloudtrail::types::Event::builder().cloud_trail_event("{").build(),
            aws_sdk_cloudtrail::types::Event::builder()
                .event_time(DateTime::from_secs(1_700_000_000))
                .cloud_trail_event(strange.to_string())
                .build(),
        ],
        next: Some("n".into()),
    };
    let page = read_all(page, |record| parse_event(record, TrailCall::StartSession));
    assert_eq!((page.records.len(), page.garbled, page.refused, page.next.as_deref()), (1, 1, 0, Some("n")));
    assert_eq!(page.oldest.map(Timestamp::as_second), Some(1_700_000_000));
}

fn tag_record(name: &str, request: Value) -> String {
    json!({"eventSource": "iam.amazonaws.com", "eventName": name, "eventTime": "2026-02-19T20:13:49Z", "eventID": "t-1",
        "awsRegion": "us-east-1", "requestParameters": request, "responseElements": null})
    .to_string()
}

#[test]
fn tag_changes_are_read() {
    let record = tag_record(
        "TagRole",
        json!({"roleName": "Ops", "tags": [{"key": "SecurityAllowSessionInstance", "value": "i-1"}]}),
    );
    let Reading::Read(change) = parse_tag_change(&record, TagCall::TagRole) else { panic!() };
    assert_eq!((&*change.principal, change.user, change.removed.len()), ("Ops", false, 0));
    assert_eq!(change.set.get("SecurityAllowSessionInstance").map(String::as_str), Some("i-1"));
    let record = tag_record("UntagUser", json!({"userName": "bob", "tagKeys": ["A", 5]}));
    let Reading::Read(change) = parse_tag_change(&record, TagCall::UntagUser) else { panic!() };
    assert_eq!((&*change.principal, change.user, change.removed.as_slice()), ("bob", true, &["A".to_owned()][..]));
    let record = tag_record("TagRole", json!({"roleName": "Ops", "tags": "x"}));
    assert_eq!(parse_tag_change(&record, TagCall::TagRole), Reading::Garbled);
}

#[test]
fn global_events_are_recorded_in_one_region_of_the_partition() {
    for (region, records) in [
        ("eu-central-1", "us-east-1"),
        ("us-east-1", "us-east-1"),
        ("cn-northwest-1", "cn-north-1"),
        ("us-gov-east-1", "us-gov-west-1"),
    ] {
        assert_eq!(global_events_region(&region.into()).as_str(), records);
    }
}
