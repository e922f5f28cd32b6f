//! The gate without a server around it.

#![allow(clippy::panic)]

use jiff::SignedDuration;

use super::*;
use crate::sim::wire::route::{Protocol, Service};

fn caller(account: &str) -> Caller {
    Caller {
        account: account.into(),
        arn: format!("arn:aws:sts::{account}:assumed-role/ssmwatch/x"),
        user_id: "AROA:x".into(),
        access_key_id: "ASIA".into(),
    }
}

fn route(service: Service, operation: &str, protocol: Protocol) -> Route {
    Route { service, operation: operation.into(), protocol, version: String::new() }
}

fn verdict(gate: &mut Gate, caller: &Caller, route: &Route, region: &str, now: Timestamp) -> Verdict {
    let input = Value::structure([("RoleName", "nodes".into())]);
    gate.pass(&Visitor { caller, region, route, input: &input, now }, &BTreeMap::new()).verdict
}

fn code(verdict: Verdict) -> String {
    match verdict {
        Verdict::Refused(error) => error.code,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn wildcards_cover_whole_texts() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("ssm:Describe*", "ssm:DescribeSessions", true),
        ("ssm:*Sessions", "ssm:DescribeSessions", true),
        ("*s*s", "ssm:DescribeSessions", true),
        ("ssm:Get?ocument", "ssm:GetDocument", true),
        ("ssm:Get", "ssm:GetDocument", false),
        ("", "x", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn a_bucket_belongs_to_one_account_region_and_operation_and_fills_again() {
    let mut gate = Gate::default();
    let now = Timestamp::UNIX_EPOCH;
    let sessions = route(Service::Ssm, "DescribeSessions", Protocol::Json11);
    for _ in 0..6 {
        assert_eq!(verdict(&mut gate, &caller("1"), &sessions, "eu-central-1", now), Verdict::Open);
    }
    assert_eq!(code(verdict(&mut gate, &caller("1"), &sessions, "eu-central-1", now)), "ThrottlingException");
    assert_eq!(verdict(&mut gate, &caller("1"), &sessions, "us-east-1", now), Verdict::Open);
    assert_eq!(verdict(&mut gate, &caller("2"), &sessions, "eu-central-1", now), Verdict::Open);
    let document = route(Service::Ssm, "GetDocument", Protocol::Json11);
    assert_eq!(verdict(&mut gate, &caller("1"), &document, "eu-central-1", now), Verdict::Open);
    let later = now + SignedDuration::from_millis(200);
    assert_eq!(verdict(&mut gate, &caller("1"), &sessions, "eu-central-1", later), Verdict::Open);
    let tally = gate.tally("ssm", "DescribeSessions");
    assert_eq!((tally.calls, tally.throttled), (10, 1));
}

#[test]
fn each_service_words_its_throttling() {
    for (service, protocol, expected) in [
        (Service::Ssm, Protocol::Json11, ("ThrottlingException", 400)),
        (Service::Iam, Protocol::Query, ("Throttling", 400)),
        (Service::Tagging, Protocol::Cbor, ("ThrottledException", 400)),
        (Service::S3, Protocol::S3, ("SlowDown", 503)),
    ] {
        let error = throttled(&route(service, "X", protocol));
        assert_eq!((error.code.as_str(), error.status), expected);
    }
}

#[test]
fn a_refusal_names_caller_action_and_resource() {
    let mut gate = Gate::default();
    gate.deny("111122223333", "iam:listattached*");
    let listing = route(Service::Iam, "ListAttachedRolePolicies", Protocol::Query);
    let Verdict::Refused(error) =
        verdict(&mut gate, &caller("111122223333"), &listing, "us-east-1", Timestamp::UNIX_EPOCH)
    else {
        panic!("passed")
    };
    assert_eq!((error.code.as_str(), error.status), ("AccessDenied", 403));
    assert_eq!(
        error.message,
        "User: arn:aws:sts::111122223333:assumed-role/ssmwatch/x is not authorized to perform: \
         iam:ListAttachedRolePolicies on resource: role nodes because no identity-based policy allows the \
         iam:ListAttachedRolePolicies action"
    );
    let role = route(Service::Iam, "GetRole", Protocol::Query);
    assert_eq!(verdict(&mut gate, &caller("111122223333"), &role, "us-east-1", Timestamp::UNIX_EPOCH), Verdict::Open);
}

#[test]
fn faults_hit_only_their_target_and_only_so_often() {
    let mut gate = Gate::default();
    gate.rate("*", "*", "*", 1000.0, 1000.0);
    let error = Effect::Error { code: "InternalServerError".into(), message: String::new(), status: 500 };
    gate.add_fault(Fault { count: Some(2), region: "us-east-1".into(), ..Fault::new("ssm", "Describe*", error) });
    let sessions = route(Service::Ssm, "DescribeSessions", Protocol::Json11);
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(verdict(&mut gate, &caller("1"), &sessions, "eu-central-1", now), Verdict::Open);
    for _ in 0..2 {
        assert_eq!(code(verdict(&mut gate, &caller("1"), &sessions, "us-east-1", now)), "InternalServerError");
    }
    assert_eq!(verdict(&mut gate, &caller("1"), &sessions, "us-east-1", now), Verdict::Open);
    assert!(gate.faults().is_empty());
}
