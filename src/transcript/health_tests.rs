#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

fn at(millis: i64) -> Timestamp {
    "2026-11-20T09:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_millis(millis)
}

fn message(session: &str, millis: i64, lines: &[String]) -> String {
    serde_json::json!({
        "eventVersion": "1.0", "eventTime": format!("{:.0}", at(millis)), "target": {"id": "i-0abc"},
        "userIdentity": {"arn": "arn:o"}, "runAsUser": "ssm-user", "sessionId": session, "sessionData": lines,
    })
    .to_string()
}

fn payload(session: &str, millis: i64, bytes: usize) -> LogEvent {
    let message = message(session, millis, &["x".repeat(bytes)]);
    LogEvent { timestamp: at(millis), ingested_at: at(millis + 40), message }
}

fn flush(millis: i64, bytes: usize) -> Vec<LogEvent> {
    (0..4).map(|event| payload("s", millis + event, bytes)).collect()
}

fn read(book: &mut HealthBook, events: &[LogEvent], millis: i64) {
    book.take(events);
    book.end_read(at(millis), None);
}

#[test]
fn a_stream_as_it_should_be() {
    let mut book = HealthBook::default();
    read(&mut book, &[payload("s", 0, 10), payload("s", 900, 10)], 60_000);
    let health = book.health();
    assert_eq!((health.events, health.last_event_at, health.last_ingested_at), (2, Some(at(900)), Some(at(940))));
    assert_eq!((health.saturated_flushes, health.backwards_seconds, health.clock_gap_seconds), (0, 0, 0));
    assert_eq!(health.delayed_reads, 0, "what lay there before is not late");
    assert_eq!(health.identities.len(), 1);
    let identity = health.identities.first().unwrap();
    assert_eq!((&*identity.session_id, &*identity.target, &*identity.owner), ("s", "i-0abc", "arn:o"));
    assert_eq!(&*identity.run_as_user, "ssm-user");
}

#[test]
fn full_flushes_in_a_row_are_a_flood() {
    let mut book = HealthBook::default();
    for second in 0..3 {
        book.take(&flush(second * 1000, 33_000));
    }
    assert_eq!((book.health().saturated_flushes, book.health().saturated_at), (3, Some(at(2003))));
    // What was a flood stays one.
    book.take(&flush(3000, 10));
    assert_eq!(book.health().saturated_flushes, 3);
    let mut broken = HealthBook::default();
    for (second, bytes) in [(0, 33_000), (1, 33_000), (2, 10), (3, 33_000)] {
        broken.take(&flush(second * 1000, bytes));
    }
    assert_eq!(broken.health().saturated_flushes, 2);
}

#[test]
fn flushes_are_told_apart_by_the_second_and_by_the_upload() {
    // Three full events a second are not what the agent sends when it can send four.
    let mut three = HealthBook::default();
    for second in 0..5 {
        three.take(&flush(second * 1000, 33_000)[..3]);
    }
    assert_eq!(three.health().saturated_flushes, 0);
    // One upload, stamped wide apart.
    let mut events = flush(0, 33_000);
    for (event, millis) in events.iter_mut().zip([0, 300, 600, 900]) {
        (event.timestamp, event.ingested_at) = (at(millis), at(950));
    }
    let mut wide = HealthBook::default();
    wide.take(&events);
    assert_eq!(wide.health().saturated_flushes, 1);
    // A node that stamps all its events alike sends no flush of eight.
    let mut alike = HealthBook::default();
    for second in 0..2 {
        let mut events = flush(0, 33_000);
        events.iter_mut().for_each(|event| event.ingested_at = at(second * 1000));
        alike.take(&events);
    }
    assert_eq!(alike.health().saturated_flushes, 2);
}

#[test]
fn an_event_is_measured_as_the_agent_measures_it() {
    // 33,000 bytes of short lines: the payload lacks their ends, its escapes would count six times.
    let lines = vec!["\u{1b}".repeat(48); 660];
    let full = message("s", 0, &lines);
    let few = message("s", 0, &vec!["\u{1b}".repeat(48); 200]);
    assert!(few.len() > 32_000);
    for (message, saturated) in [(full, 1), (few, 0)] {
        let mut book = HealthBook::default();
        let event = LogEvent { timestamp: at(0), ingested_at: at(1), message };
        book.take(&[event.clone(), event.clone(), event.clone(), event]);
        assert_eq!(book.health().saturated_flushes, saturated);
    }
    // A whole transcript after the end is no flood.
    let plain = LogEvent { timestamp: at(0), ingested_at: at(1), message: "x".repeat(200_000) };
    let mut book = HealthBook::default();
    book.take(&vec![plain; 12]);
    assert_eq!((book.health().saturated_flushes, book.health().identities.len()), (0, 0));
}

#[test]
fn time_stamps_that_go_back_are_seen_in_the_order_of_arrival() {
    let mut book = HealthBook::default();
    // In one read, sorted by time stamp as the service sorts: the first came last.
    let mut late = payload("s", 20_000, 1);
    late.ingested_at = at(61_000);
    book.take(&[late, payload("s", 60_000, 1)]);
    assert_eq!(book.health().backwards_seconds, 40);
    assert_eq!(book.health().last_event_at, Some(at(20_000)));
    // In two pages of one read, and in two reads.
    for turned in [false, true] {
        let mut late = payload("s", 20_000, 1);
        late.ingested_at = at(61_000);
        let mut pages = [late, payload("s", 60_000, 1)];
        if turned {
            pages.reverse();
        }
        let mut book = HealthBook::default();
        pages.iter().for_each(|event| book.take(std::slice::from_ref(event)));
        assert_eq!(book.health().backwards_seconds, 40);
    }
    // An event that is shown after a later one did not go back.
    let mut book = HealthBook::default();
    book.take(&[payload("s", 60_000, 1)]);
    book.take(&[payload("s", 50_000, 1)]);
    assert_eq!((book.health().backwards_seconds, book.health().last_event_at), (0, Some(at(60_000))));
}

#[test]
fn another_clock_is_noticed_whichever_way_it_goes() {
    for gap in [-600_000, 600_000] {
        let mut book = HealthBook::default();
        let mut event = payload("s", 0, 1);
        event.ingested_at = at(gap);
        book.take(&[event]);
        assert_eq!(book.health().clock_gap_seconds, 600);
    }
}

#[test]
fn reads_that_stay_late_are_counted_until_one_is_on_time() {
    let mut book = HealthBook::default();
    book.end_read(at(0), None);
    for number in 1..=3 {
        read(&mut book, &[payload("s", number * 1000, 1)], number * 1000 + 20_000);
    }
    assert_eq!((book.health().delayed_reads, book.health().delay_seconds), (3, 20));
    // Nothing came: nothing is known of its delay.
    book.end_read(at(25_000), None);
    assert_eq!(book.health().delayed_reads, 3);
    read(&mut book, &[payload("s", 9000, 1)], 9500);
    assert_eq!((book.health().delayed_reads, book.health().delay_seconds), (0, 0));
}

#[test]
fn waiting_for_the_next_read_is_no_delay() {
    let mut book = HealthBook::default();
    book.end_read(at(0), None);
    for number in 1..=3 {
        book.take(&[payload("s", number * 30_000 - 29_000, 1)]);
        book.end_read(at(number * 30_000), Some(at((number - 1) * 30_000)));
    }
    assert_eq!((book.health().delayed_reads, book.health().delay_seconds), (0, 29));
    book.take(&[payload("s", 80_000, 1)]);
    book.end_read(at(120_000), Some(at(90_000)));
    assert_eq!(book.health().delayed_reads, 1, "the read before should have shown it");
}

#[test]
fn a_forger_cannot_fill_the_memory() {
    let mut book = HealthBook::default();
    let events: Vec<LogEvent> = (0..100).map(|number| payload(&format!("s{number}"), number, 1)).collect();
    book.take(&events);
    assert_eq!(book.health().identities.len(), StreamHealth::MOST_IDENTITIES);
    let mut long = HealthBook::default();
    long.take(&[payload(&"é".repeat(100_000), 0, 1)]);
    assert!(long.health().identities.iter().all(|identity| identity.session_id.len() <= MOST_NAME_BYTES));
}

#[test]
fn fields_that_are_missing_or_of_another_kind_name_nobody() {
    let mut book = HealthBook::default();
    let message = r#"{"sessionId":7,"target":"i-0","userIdentity":null,"eventTime":"soon","sessionData":[]}"#;
    book.take(&[LogEvent { timestamp: at(0), ingested_at: at(0), message: message.into() }]);
    let nobody = PayloadIdentity { session_id: "".into(), target: "".into(), owner: "".into(), run_as_user: "".into() };
    assert_eq!(book.health().identities.iter().collect::<Vec<_>>(), [&nobody]);
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,60}",
        "\\{\"sessionId\":\"[a-z]{0,3}\",\"sessionData\":\\[\\]\\}",
        prop::sample::select(vec![10_usize, 31_000, 33_000]).prop_map(|bytes| message("s", 0, &["x".repeat(bytes)])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the node writes, and however reads and pages cut it.
    #[test]
    fn reads_may_be_cut_anywhere(
        messages in prop::collection::vec((hostile(), -100_000_i64..100_000, 0_i64..3), 0..24),
        cuts in prop::collection::vec(0_usize..24, 0..4),
    ) {
        let mut came = 0;
        let events: Vec<LogEvent> = messages
            .into_iter()
            .map(|(message, millis, later)| {
                came += later * 300;
                LogEvent { timestamp: at(millis), ingested_at: at(came), message }
            })
            .collect();
        let mut whole = HealthBook::default();
        read(&mut whole, &events, 0);
        let mut parts = HealthBook::default();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(events.len())).collect();
        cuts.sort_unstable();
        let mut from = 0;
        for cut in cuts.into_iter().chain([events.len()]) {
            read(&mut parts, &events[from..cut], 0);
            from = cut;
        }
        let blind = |book: &HealthBook| {
            StreamHealth { delay_seconds: 0, delayed_reads: 0, ..book.health().clone() }
        };
        prop_assert_eq!(blind(&whole), blind(&parts));
    }

    /// Pages that come in another order than the events did change none of the sums.
    #[test]
    fn the_order_of_pages_changes_no_sum(
        times in prop::collection::vec((-100_000_i64..100_000, -100_000_i64..100_000), 0..24),
    ) {
        let events: Vec<LogEvent> = times
            .into_iter()
            .map(|(millis, came)| LogEvent { timestamp: at(millis), ingested_at: at(came), ..payload("s", 0, 1) })
            .collect();
        let (mut forth, mut back) = (HealthBook::default(), HealthBook::default());
        events.iter().for_each(|event| forth.take(std::slice::from_ref(event)));
        events.iter().rev().for_each(|event| back.take(std::slice::from_ref(event)));
        let sums = |book: &HealthBook| {
            let health = book.health();
            (health.events, health.clock_gap_seconds, health.last_ingested_at, health.identities.clone())
        };
        prop_assert_eq!(sums(&forth), sums(&back));
    }
}
