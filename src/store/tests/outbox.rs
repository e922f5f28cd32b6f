use super::{super::*, *};
use crate::domain::Waiting;

fn keys(waiting: &[Waiting]) -> Vec<&str> {
    waiting.iter().map(|waiting| waiting.parcel.key.as_str()).collect()
}

#[test]
fn the_same_key_twice_is_one_parcel_even_in_a_later_run() {
    let home = Home::new();
    let mut store = home.open();
    let parcels = [parcel("one", "a", Severity::High), parcel("one", "a", Severity::High)];
    store.keep_alert(&alert("a"), &parcels).unwrap();
    store.close().unwrap();
    let mut store = home.open();
    store.record(Phase::Start, &act(1, ActKind::Alert, &[]), &parcels).unwrap();
    let due = store.due(at("20T09:00:00"), 10).unwrap();
    assert_eq!(keys(&due), ["one"]);
    assert_eq!((&due[0].parcel, due[0].attempts, due[0].next_at), (&parcels[0], 0, at("20T09:00:00")));
    store.delivered(&[due[0].id], at("20T09:00:01"), "message id 1").unwrap();
    store.keep_alert(&alert("a"), &parcels).unwrap();
    assert_eq!(store.due(at("20T10:00:00"), 10).unwrap(), [], "what was delivered is not sent again");
}

#[test]
fn the_worst_goes_first_then_the_oldest_and_none_before_its_time() {
    let home = Home::new();
    let mut store = home.open();
    let severities = [
        ("low", Severity::Low),
        ("high 1", Severity::High),
        ("critical", Severity::Critical),
        ("high 2", Severity::High),
    ];
    let parcels: Vec<Parcel> = severities.iter().map(|(key, severity)| parcel(key, "a", *severity)).collect();
    store.keep_alert(&alert("a"), &parcels).unwrap();
    assert_eq!(store.next_due().unwrap(), Some(at("20T09:00:00")));
    assert_eq!(store.due(at("20T08:59:59"), 10).unwrap(), []);
    let now = at("20T09:00:05");
    let due = store.due(now, 10).unwrap();
    assert_eq!(keys(&due), ["critical", "high 1", "high 2", "low"]);
    assert_eq!(keys(&store.due(now, 2).unwrap()), ["critical", "high 1"]);
    store.not_delivered(&[due[0].id, due[1].id], "throttled", "wait", at("20T09:01:00")).unwrap();
    assert_eq!(keys(&store.due(now, 10).unwrap()), ["high 2", "low"]);
    let again = store.due(at("20T09:01:00"), 10).unwrap();
    assert_eq!(keys(&again), ["critical", "high 1", "high 2", "low"]);
    assert_eq!(again.iter().map(|waiting| waiting.attempts).collect::<Vec<_>>(), [1, 1, 0, 0]);
    assert_eq!(store.undelivered().unwrap(), [(AlertDestination::MemberTopic, 4)]);
    store.delivered(&[due[2].id, due[3].id], now, "id").unwrap();
    assert_eq!(store.next_due().unwrap(), Some(at("20T09:01:00")));
    assert_eq!(store.undelivered().unwrap(), [(AlertDestination::MemberTopic, 2)]);
}

#[test]
fn an_alert_says_how_far_its_messages_have_come_after_a_restart() {
    let home = Home::new();
    let mut store = home.open();
    let mut central = parcel("central", "a", Severity::High);
    central.destination = AlertDestination::CentralTopic;
    store.keep_alert(&alert("a"), &[parcel("member", "a", Severity::High), central]).unwrap();
    let due = store.due(at("20T09:00:00"), 10).unwrap();
    store.delivered(&[due[0].id], at("20T09:00:01"), "message id 1").unwrap();
    store.not_delivered(&[due[1].id], "denied", "allow sns:Publish", at("20T09:05:00")).unwrap();
    drop(store);
    let store = home.open();
    let loaded = store.load(at("20T09:00:02")).unwrap();
    let delivered = Delivery::Delivered { at: at("20T09:00:01"), proof: "message id 1".to_owned() };
    let waiting = Delivery::Waiting {
        attempts: 1,
        problem: Some(("denied".to_owned(), "allow sns:Publish".to_owned())),
        next_at: Some(at("20T09:05:00")),
    };
    let known = BTreeMap::from([(AlertDestination::MemberTopic, delivered), (AlertDestination::CentralTopic, waiting)]);
    assert_eq!(loaded.alerts[0].deliveries, known);
    assert_eq!(Store::open_to_read(&home.path()).unwrap().alerts().unwrap(), loaded.alerts);
    assert_eq!(store.deliveries_of_alert("a").unwrap(), known);
    assert_eq!(loaded.undelivered, [(AlertDestination::CentralTopic, 1)]);
}

#[test]
fn a_message_of_an_earlier_occurrence_says_nothing_of_the_last_one() {
    let home = Home::new();
    let mut store = home.open();
    store.keep_alert(&alert("a"), &[parcel("first", "a", Severity::High)]).unwrap();
    store.keep_alert(&Alert { occurrence: 2, ..alert("a") }, &[parcel("second", "a", Severity::High)]).unwrap();
    let first = store.due(at("20T09:00:00"), 1).unwrap()[0].id;
    store.delivered(&[first], at("20T09:00:01"), "id").unwrap();
    let deliveries = store.load(at("20T09:00:02")).unwrap().alerts.remove(0).deliveries;
    assert!(deliveries.values().all(Delivery::is_waiting), "{deliveries:?}");
}

#[test]
fn steps_of_an_act_are_told_apart_and_a_second_yes_changes_nothing() {
    let home = Home::new();
    let mut store = home.open();
    let parcels = [0, 1].map(|step| Parcel { act: Some((7, step)), ..parcel(&format!("{step}"), "a", Severity::Low) });
    store.record(Phase::Start, &act(7, ActKind::Alert, &[ActOutcome::Sent, ActOutcome::Sent]), &parcels).unwrap();
    let due = store.due(at("20T09:00:00"), 10).unwrap();
    store.delivered(&[due[1].id], at("20T09:00:01"), "first").unwrap();
    store.delivered(&[due[1].id], at("20T09:00:09"), "second").unwrap();
    store.not_delivered(&[due[1].id], "late", "nothing", at("21T09:00:00")).unwrap();
    let deliveries = store.deliveries_of_act(7).unwrap();
    assert!(deliveries[&0].is_waiting());
    assert_eq!(deliveries[&1], Delivery::Delivered { at: at("20T09:00:01"), proof: "first".to_owned() });
    assert_eq!(store.deliveries_of_act(8).unwrap(), BTreeMap::new());
}
