//! The recorder's health of one session, told from its log events: whom they name, how full, late and ordered they are.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use crate::domain::{LogEvent, PayloadIdentity, StreamHealth};

/// A flush takes at most so many events (the agent's cloudwatchlogs publisher: four messages a call).
const EVENTS_A_FLUSH: u32 = 4;
/// An event holds up to 33,000 bytes of output; one that has nearly all of them was cut, not finished.
const FULL_EVENT: usize = 32_000;
/// Events of one flush carry the same time, but for some milliseconds; flushes are half a second apart at the least.
const SAME_FLUSH_MILLIS: i64 = 400;
/// Delivery is late beyond this (rule LOG-11), in seconds.
const LATE_SECONDS: i64 = 10;

/// What one event says of itself; all but the identity is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    #[serde(borrow, default)]
    session_id: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default)]
    run_as_user: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default)]
    target: Option<Target<'a>>,
    #[serde(borrow, default)]
    user_identity: Option<Identity<'a>>,
    event_time: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Target<'a> {
    #[serde(borrow, default)]
    id: Option<std::borrow::Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Identity<'a> {
    #[serde(borrow, default)]
    arn: Option<std::borrow::Cow<'a, str>>,
}

/// The health of one stream, read event by event in the order of the service.
#[derive(Debug, Clone, Default)]
pub struct HealthBook {
    health: StreamHealth,
    /// The flush that is being read: its time, its full events, all its events.
    flush: Option<(i64, u32, u32)>,
    /// Saturated flushes in a row so far.
    run: u32,
    /// Events were read before: what comes now is new, not what lay there.
    caught_up: bool,
}

impl HealthBook {
    /// The health so far.
    pub fn health(&self) -> &StreamHealth {
        &self.health
    }

    /// Takes in the events of one read that was made at that time. What lay there before the first read is not late.
    pub fn take(&mut self, events: &[LogEvent], read_at: Timestamp) {
        let mut newest = None;
        for event in events {
            newest = newest.max(self.event(event));
        }
        if events.is_empty() {
            return;
        }
        if let Some(newest) = newest
            && self.caught_up
        {
            let delay = read_at.duration_since(newest).as_secs().max(0);
            self.health.delay_seconds = delay;
            self.health.delayed_reads =
                if delay > LATE_SECONDS { self.health.delayed_reads.saturating_add(1) } else { 0 };
        }
        self.caught_up = true;
    }

    /// A read found nothing: what comes later was not there before.
    pub fn nothing_new(&mut self) {
        self.caught_up = true;
    }

    /// One event; when its payload says that it was built.
    fn event(&mut self, event: &LogEvent) -> Option<Timestamp> {
        let health = &mut self.health;
        health.events += 1;
        if let Some(last) = health.last_event_at {
            let back = last.duration_since(event.timestamp).as_secs();
            health.backwards_seconds = health.backwards_seconds.max(back);
        }
        health.last_event_at = health.last_event_at.max(Some(event.timestamp));
        health.last_ingested_at = health.last_ingested_at.max(Some(event.ingested_at));
        let gap = event.ingested_at.duration_since(event.timestamp).as_secs();
        health.clock_gap_seconds = health.clock_gap_seconds.max(gap.saturating_abs());
        self.flushed(event);
        // Plain text names nobody.
        let payload: Payload<'_> = serde_json::from_str(&event.message).ok()?;
        let text = |text: Option<std::borrow::Cow<'_, str>>| -> Arc<str> { text.unwrap_or_default().into() };
        let identity = PayloadIdentity {
            session_id: text(payload.session_id),
            target: text(payload.target.and_then(|target| target.id)),
            owner: text(payload.user_identity.and_then(|identity| identity.arn)),
            run_as_user: text(payload.run_as_user),
        };
        if self.health.identities.len() < StreamHealth::MOST_IDENTITIES {
            self.health.identities.insert(identity);
        }
        payload.event_time
    }

    /// Events that belong to one flush are counted together; the next flush settles it.
    fn flushed(&mut self, event: &LogEvent) {
        let at = event.timestamp.as_millisecond();
        let full = u32::from(event.message.len() >= FULL_EVENT);
        match &mut self.flush {
            Some((began, fulls, events)) if (at - *began).abs() <= SAME_FLUSH_MILLIS && *events < EVENTS_A_FLUSH => {
                *fulls += full;
                *events += 1;
            }
            flush => {
                let saturated = flush.is_some_and(|(_, fulls, _)| fulls >= EVENTS_A_FLUSH);
                self.run = if saturated { self.run } else { 0 };
                *flush = Some((at, full, 1));
            }
        }
        if self.flush.is_some_and(|(_, fulls, events)| events == EVENTS_A_FLUSH && fulls == EVENTS_A_FLUSH) {
            self.run = self.run.saturating_add(1);
            self.health.saturated_flushes = self.health.saturated_flushes.max(self.run);
            self.health.saturated_at = Some(event.timestamp);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        "2026-11-20T09:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_millis(millis)
    }

    fn payload(session: &str, millis: i64, bytes: usize) -> LogEvent {
        let message = serde_json::json!({
            "eventVersion": "1.0", "eventTime": format!("{:.0}", at(millis)), "target": {"id": "i-0abc"},
            "userIdentity": {"arn": "arn:o"}, "runAsUser": "ssm-user", "sessionId": session, "sessionData": ["x".repeat(bytes)],
        });
        LogEvent { timestamp: at(millis), ingested_at: at(millis + 40), message: message.to_string() }
    }

    fn flush(millis: i64, bytes: usize) -> Vec<LogEvent> {
        (0..4).map(|event| payload("s", millis + event, bytes)).collect()
    }

    #[test]
    fn a_stream_as_it_should_be() {
        let mut book = HealthBook::default();
        book.take(&[payload("s", 0, 10), payload("s", 900, 10)], at(60_000));
        let health = book.health();
        assert_eq!((health.events, health.last_event_at), (2, Some(at(900))));
        assert_eq!((health.saturated_flushes, health.backwards_seconds, health.clock_gap_seconds), (0, 0, 0));
        assert_eq!(health.delayed_reads, 0, "what lay there before is not late");
        let identity = health.identities.first().unwrap();
        assert_eq!((&*identity.session_id, &*identity.target, &*identity.owner), ("s", "i-0abc", "arn:o"));
    }

    #[test]
    fn full_flushes_in_a_row_are_a_flood() {
        let mut book = HealthBook::default();
        for second in 0..3 {
            book.take(&flush(second * 1000, 33_000), at(second * 1000 + 500));
        }
        assert_eq!(book.health().saturated_flushes, 3);
        let mut broken = HealthBook::default();
        for (second, bytes) in [(0, 33_000), (1, 33_000), (2, 10), (3, 33_000)] {
            broken.take(&flush(second * 1000, bytes), at(second * 1000 + 500));
        }
        assert_eq!(broken.health().saturated_flushes, 2);
    }

    #[test]
    fn events_that_go_back_or_come_from_another_clock_are_noticed() {
        let mut book = HealthBook::default();
        book.take(&[payload("s", 60_000, 1)], at(61_000));
        book.take(&[payload("s", 20_000, 1)], at(62_000));
        assert_eq!(book.health().backwards_seconds, 40);
        let mut event = payload("s", 0, 1);
        event.ingested_at = at(-600_000);
        book.take(&[event], at(63_000));
        assert_eq!(book.health().clock_gap_seconds, 600);
    }

    #[test]
    fn reads_that_stay_late_are_counted_until_one_is_on_time() {
        let mut book = HealthBook::default();
        book.nothing_new();
        for read in 1..=3 {
            book.take(&[payload("s", read * 1000, 1)], at(read * 1000 + 20_000));
        }
        assert_eq!((book.health().delayed_reads, book.health().delay_seconds), (3, 20));
        book.take(&[payload("s", 9000, 1)], at(9500));
        assert_eq!(book.health().delayed_reads, 0);
    }

    #[test]
    fn a_forger_cannot_fill_the_memory() {
        let mut book = HealthBook::default();
        let events: Vec<LogEvent> = (0..100).map(|number| payload(&format!("s{number}"), number, 1)).collect();
        book.take(&events, at(1000));
        assert_eq!(book.health().identities.len(), StreamHealth::MOST_IDENTITIES);
    }

    proptest! {
        /// Whatever the node writes, and however the reads cut it.
        #[test]
        fn reads_may_be_cut_anywhere(
            messages in prop::collection::vec(("\\PC{0,60}|\\{\"sessionId\":\"[a-z]{0,3}\"\\}", -100_000_i64..100_000), 0..20),
            cut in 0_usize..20,
        ) {
            let events: Vec<LogEvent> = messages
                .into_iter()
                .map(|(message, millis)| LogEvent { timestamp: at(millis), ingested_at: at(millis), message })
                .collect();
            let mut whole = HealthBook::default();
            whole.take(&events, at(0));
            let (first, second) = events.split_at(cut.min(events.len()));
            let mut parts = HealthBook::default();
            parts.take(first, at(0));
            parts.take(second, at(0));
            let counts = |book: &HealthBook| {
                let health = book.health();
                (health.events, health.identities.clone(), health.saturated_flushes, health.backwards_seconds)
            };
            prop_assert_eq!(counts(&whole), counts(&parts));
        }
    }
}
