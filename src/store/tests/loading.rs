use super::{super::*, *};
use crate::domain::{Loaded, RuleId};

fn waiting() -> ActOutcome {
    ActOutcome::Waiting { what: String::new(), to_do: String::new(), attempts: 0 }
}

#[test]
fn an_empty_store_begins_with_act_1() {
    let home = Home::new();
    let loaded = home.open().load(at("20T09:00:00")).unwrap();
    assert_eq!(loaded, Loaded { next_act: 1, ..Loaded::default() });
}

#[test]
fn acts_come_back_in_their_latest_state_and_those_without_an_outcome_are_told() {
    let home = Home::new();
    let mut store = home.open();
    store.connection().execute_batch("PRAGMA synchronous = OFF").unwrap();
    store.record(Phase::Start, &act(1, ActKind::Terminate, &[ActOutcome::Started]), &[]).unwrap();
    for id in 2..=600 {
        store.record(Phase::Start, &act(id, ActKind::Alert, &[ActOutcome::Started, waiting()]), &[]).unwrap();
        let second = if id == 599 { waiting() } else { done() };
        store.record(Phase::Outcome, &act(id, ActKind::Alert, &[done(), second]), &[]).unwrap();
    }
    let loaded = store.load(at("20T09:00:00")).unwrap();
    assert_eq!(loaded.open, [1, 599]);
    assert_eq!(loaded.next_act, 601);
    let ids: Vec<u64> = loaded.acts.iter().map(|act| act.id).collect();
    assert_eq!(ids, [1].into_iter().chain(101..=600).collect::<Vec<_>>());
    assert_eq!(loaded.acts[500].steps[1].outcome, done());
}

#[test]
fn what_the_outbox_delivered_since_is_known_of_the_act_that_waited() {
    let home = Home::new();
    let mut store = home.open();
    let parcels =
        [0, 1].map(|step| Parcel { act: Some((1, step)), ..parcel(&format!("key {step}"), "a", Severity::High) });
    store.record(Phase::Start, &act(1, ActKind::Alert, &[ActOutcome::Started, ActOutcome::Started]), &parcels).unwrap();
    let first = store.due(at("20T10:00:00"), 1).unwrap()[0].id;
    store.delivered(&[first], at("20T09:00:02"), "message 7").unwrap();
    let loaded = store.load(at("20T10:00:00")).unwrap();
    assert_eq!(loaded.open, [1]);
    let outcomes: Vec<&ActOutcome> = loaded.acts[0].steps.iter().map(|step| &step.outcome).collect();
    assert_eq!(*outcomes[0], ActOutcome::Done { took_ms: 2000, proof: "message 7".to_owned() });
    assert_eq!(*outcomes[1], ActOutcome::Started);
}

#[test]
fn proven_ends_of_the_last_day_and_automatic_ones_of_the_last_hour_count() {
    let home = Home::new();
    let mut store = home.open();
    let now = at("22T12:00:00");
    let mut terminate = |id: u64, begun: &str, outcomes: &[ActOutcome], rule: Option<&str>| {
        let mut act = act(id, ActKind::Terminate, outcomes);
        act.at = at(begun);
        act.actor.rule = rule.map(RuleId::from);
        store.record(Phase::Start, &Act { steps: vec![ActStep::started("terminate")], ..act.clone() }, &[]).unwrap();
        store.record(Phase::Outcome, &act, &[]).unwrap();
        act
    };
    let slow = terminate(1, "18T11:00:00", &[done(), waiting()], None);
    terminate(2, "21T11:59:00", &[done(), done()], None);
    terminate(3, "21T12:01:00", &[done(), waiting()], None);
    terminate(4, "22T10:59:00", &[done()], Some("DOC-01"));
    terminate(5, "22T11:01:00", &[ActOutcome::Started], Some("DOC-01"));
    terminate(6, "22T11:02:00", &[waiting(), waiting()], None);
    terminate(7, "22T11:03:00", &[done(), done()], Some("DOC-01"));
    // The metric of an act of four days ago is accepted only now.
    store.record(Phase::Outcome, &slow, &[]).unwrap();
    let loaded = store.load(now).unwrap();
    let account = || "111122223333".into();
    assert_eq!(loaded.terminated, [(account(), at("21T12:01:01.2")), (account(), at("22T11:03:01.2"))]);
    assert_eq!(loaded.automatic, [at("22T11:01:00"), at("22T11:03:00")]);
}

#[test]
fn quarantines_stand_until_their_lifting_is_proven() {
    let home = Home::new();
    let mut store = home.open();
    let mut id = 0;
    let mut record = |kind, target: &str, outcome: ActOutcome| {
        id += 1;
        let act = Act {
            subject: Subject::Account("111122223333".into()),
            target: target.to_owned(),
            ..act(id, kind, &[outcome])
        };
        store.record(Phase::Start, &Act { steps: vec![ActStep::started("policy")], ..act.clone() }, &[]).unwrap();
        store.record(Phase::Outcome, &act, &[]).unwrap();
    };
    let failed = || ActOutcome::Failed { what: "denied".to_owned(), to_do: "allow".to_owned() };
    record(ActKind::Quarantine, "role a", done());
    record(ActKind::Quarantine, "role b", done());
    record(ActKind::Quarantine, "role c", failed());
    record(ActKind::LiftQuarantine, "role a", done());
    record(ActKind::LiftQuarantine, "role b", failed());
    record(ActKind::Quarantine, "role a", done());
    record(ActKind::LiftQuarantine, "role d", done());
    let targets = standing(&store);
    assert_eq!(targets, ["role b", "role a"]);
}

fn standing(store: &Store) -> Vec<String> {
    store.load(at("20T09:00:00")).unwrap().quarantined.into_iter().map(|act| act.target).collect()
}

#[test]
fn a_pause_lasts_until_it_is_taken_back() {
    let home = Home::new();
    let mut store = home.open();
    for (id, kind, paused) in [
        (1, ActKind::PauseAutomatic, true),
        (2, ActKind::Export, true),
        (3, ActKind::ResumeAutomatic, false),
        (4, ActKind::PauseAutomatic, true),
    ] {
        store.record(Phase::Start, &act(id, kind, &[]), &[]).unwrap();
        assert_eq!(store.load(at("20T09:00:00")).unwrap().paused, paused);
    }
}

#[test]
fn what_cannot_be_read_is_an_error_not_a_gap() {
    for sql in [
        "UPDATE alerts SET alert = '{}'",
        "UPDATE records SET record = replace(record, '\"reason\"', '\"raison\"')",
        "UPDATE parcels SET destination = 'nowhere'",
        "UPDATE principals SET first = 9223372036854775807",
    ] {
        let home = Home::new();
        let mut store = home.open();
        store.record(Phase::Start, &act(1, ActKind::Alert, &[done()]), &[]).unwrap();
        store.keep_alert(&alert("a"), &[parcel("key", "a", Severity::High)]).unwrap();
        let seen = crate::domain::PrincipalSeen {
            account: "111122223333".into(),
            owner: "jane".to_owned(),
            first: at("20T00:00:00"),
            last: at("20T00:00:00"),
        };
        store.keep_principals(&[seen]).unwrap();
        store.close().unwrap();
        home.tamper(sql);
        let loaded = home.open().load(at("20T09:00:00"));
        assert!(matches!(loaded, Err(StoreError::Damaged { .. })), "{sql}: {loaded:?}");
    }
}
