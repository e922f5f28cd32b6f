use super::{super::*, *};
use crate::domain::{EndedSession, Mfa, PrincipalSeen, TrailCall, TrailEvent, Verdict};

fn ended(id: &str, owner: &str, ended_at: Timestamp) -> EndedSession {
    EndedSession {
        key: session(id),
        owner: owner.to_owned(),
        target: "i-0a1b".to_owned(),
        document: "SSM-SessionManagerRunShell".to_owned(),
        reason: "\u{1b}[2J INC-1".to_owned(),
        started_at: None,
        ended_at,
        how: "Terminated".to_owned(),
        verdict: Verdict::NonCompliant,
        severity: Some(Severity::High),
        findings: Vec::new(),
        archived: Some(false),
    }
}

fn trail_event(id: &str, session: &str, at: Timestamp) -> TrailEvent {
    TrailEvent {
        event_id: id.into(),
        call: TrailCall::StartSession,
        at,
        session: session.into(),
        source_ip: Some("198.51.100.7".into()),
        user_agent: None,
        mfa: Mfa::Yes,
        identity_type: "AssumedRole".into(),
        identity_arn: None,
        issuer_arn: None,
        access_key_id: None,
        document: None,
        parameters: BTreeMap::from([("host".to_owned(), vec!["db\u{9b}".to_owned()])]),
    }
}

#[test]
fn ended_sessions_are_found_by_owner_key_and_time() {
    let home = Home::new();
    let mut store = home.open();
    let (one, two, three) = (
        ended("one", "jane", at("18T09:00:00")),
        ended("two", "jane", at("20T09:00:00")),
        ended("three", "mary", at("19T09:00:00")),
    );
    store.keep_ended(&[one.clone(), two.clone(), three.clone()]).unwrap();
    assert_eq!(store.previous_sessions("jane", 10).unwrap(), [two.clone(), one.clone()]);
    assert_eq!(store.previous_sessions("jane", 1).unwrap(), std::slice::from_ref(&two));
    assert_eq!(store.ended_since(at("19T09:00:00"), 10).unwrap(), [two, three]);
    let archived = EndedSession { archived: Some(true), ..one };
    store.keep_ended(std::slice::from_ref(&archived)).unwrap();
    assert_eq!(store.ended(&session("one")).unwrap(), Some(archived));
    assert_eq!(store.ended(&session("nobody")).unwrap(), None);
}

#[test]
fn trail_records_are_kept_once_and_in_order() {
    let home = Home::new();
    let mut store = home.open();
    let scope = session("").scope;
    let (first, second) = (trail_event("b", "one", at("20T09:00:00")), trail_event("a", "one", at("20T10:00:00")));
    store.keep_trail(&scope, &[second.clone(), first.clone()]).unwrap();
    store.keep_trail(&scope, &[first.clone(), trail_event("c", "two", at("20T09:00:00"))]).unwrap();
    assert_eq!(store.trail_of(&session("one")).unwrap(), [first, second]);
    assert_eq!(store.trail_of(&SessionKey::new(ScopeId::new("444455556666", "eu-central-1"), "one")).unwrap(), []);
}

#[test]
fn principals_keep_their_first_and_last_time() {
    let home = Home::new();
    let mut store = home.open();
    let seen = |owner: &str, first, last| PrincipalSeen {
        account: "111122223333".into(),
        owner: owner.to_owned(),
        first: at(first),
        last: at(last),
    };
    store
        .keep_principals(&[seen("jane", "10T00:00:00", "12T00:00:00"), seen("mary", "01T00:00:00", "01T00:00:00")])
        .unwrap();
    store.keep_principals(&[seen("jane", "11T00:00:00", "13T00:00:00")]).unwrap();
    store.keep_principals(&[seen("jane", "09T00:00:00.000001", "09T00:00:00.000001")]).unwrap();
    let jane = seen("jane", "09T00:00:00.000001", "13T00:00:00");
    assert_eq!(store.principals(at("02T00:00:00")).unwrap(), [jane]);
    assert_eq!(store.load(at("20T00:00:00")).unwrap().principals.len(), 2);
}

#[test]
fn what_is_old_is_forgotten_but_no_act_and_nothing_that_waits() {
    let home = Home::new();
    let mut store = home.open();
    store.keep_ended(&[ended("old", "jane", at("01T00:00:00")), ended("new", "jane", at("11T00:00:00"))]).unwrap();
    let scope = session("").scope;
    let events = [trail_event("a", "old", at("01T00:00:00")), trail_event("b", "new", at("11T00:00:00"))];
    store.keep_trail(&scope, &events).unwrap();
    for (id, resolved) in [("open", None), ("old", Some("01T00:00:00")), ("new", Some("11T00:00:00"))] {
        let workflow =
            resolved.map_or(Workflow::New, |day| Workflow::Resolved { at: at(day), why: "it ended".to_owned() });
        let old = Parcel { created_at: at("01T00:00:00"), ..parcel(id, id, Severity::High) };
        store.keep_alert(&Alert { workflow, ..alert(id) }, &[old]).unwrap();
    }
    // Resolved once, and raised again.
    store
        .keep_alert(
            &Alert { workflow: Workflow::Resolved { at: at("01T00:00:00"), why: String::new() }, ..alert("again") },
            &[],
        )
        .unwrap();
    store.keep_alert(&alert("again"), &[]).unwrap();
    let due = store.due(at("20T00:00:00"), 10).unwrap();
    store.delivered(&[due[0].id], at("02T00:00:00"), "id").unwrap();
    store.record(Phase::Start, &Act { at: at("01T00:00:00"), ..act(1, ActKind::Export, &[]) }, &[]).unwrap();
    let forgotten = store.forget(at("10T00:00:00")).unwrap();
    assert_eq!(forgotten, Forgotten { ended: 1, trail: 1, alerts: 1, parcels: 1 });
    assert_eq!(store.ended_since(at("01T00:00:00"), 10).unwrap().len(), 1);
    let mut alerts: Vec<_> =
        store.load(at("20T00:00:00")).unwrap().alerts.into_iter().map(|alert| alert.id.to_string()).collect();
    alerts.sort();
    assert_eq!(alerts, ["again", "new", "open"]);
    assert_eq!(store.undelivered().unwrap(), [(AlertDestination::MemberTopic, 2)]);
    assert!(store.verify(None).unwrap().records == 1);
}

#[test]
fn secrets_in_the_words_of_analysts_are_masked() {
    let home = Home::new();
    let mut store = home.open();
    let workflow = Workflow::Suppressed {
        until: at("21T00:00:00"),
        reason: "password=hunter2".to_owned(),
        by: "analyst".to_owned(),
    };
    let spoken = Alert { workflow, reason: "password=hunter3".to_owned(), ..alert("a") };
    store.keep_alert(&spoken, &[]).unwrap();
    let kept = format!("{:?}", store.load(at("20T00:00:00")).unwrap().alerts);
    assert!(!kept.contains("hunter") && kept.contains("[masked]"), "{kept}");
}
