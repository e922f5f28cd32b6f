//! The recorder's health of one session, told from its log events: whom they name, how full, late and ordered they are.
//!
//! Events come in reads, a read in pages, a page in the order of the events' time stamps, which is not the order in which they came:
//! that is told by AWS's clock alone, since the node may write any time stamp.

use std::sync::Arc;

use jiff::Timestamp;

use super::payload::{Message, Payload};
use crate::domain::{LogEvent, PayloadIdentity, StreamHealth};

/// A flush takes at most so many events (the agent's `maxNumberOfEventsPerCall`).
const EVENTS_A_FLUSH: u32 = 4;
/// An event holds up to 33,000 bytes of output (the agent's `StreamMessageLengthThresholdInBytes`), whole lines where it can: one that has
/// nearly all of them was closed by its size.
const FULL_EVENT: usize = 32_000;
/// The terminal ends a line with CR and LF; both count for the agent's size, and the payload has neither.
const LINE_END: usize = 2;
/// Events of one flush are stamped within milliseconds; the agent's ticks are a second apart.
const SAME_FLUSH_MILLIS: i64 = 400;
/// Delivery is late beyond this (rule LOG-11), in seconds.
const LATE_SECONDS: i64 = 10;
/// What a payload names is kept up to here; the longest that is true is an ARN (2,048 characters at IAM).
const MOST_NAME_BYTES: usize = 2048;

/// The health of one stream, read event by event.
#[derive(Debug, Clone, Default)]
pub struct HealthBook {
    health: StreamHealth,
    /// The event with the latest time stamp.
    furthest: Option<Stamps>,
    /// The event that came last.
    latest: Option<Stamps>,
    flush: Option<Flush>,
    /// Saturated flushes in a row so far.
    run: u32,
    /// When the payload that came last was built, of those in the read that is going on.
    built_at: Option<(Timestamp, Timestamp)>,
    /// A read was complete before: what comes now is new, not what lay there.
    caught_up: bool,
}

/// The two times of an event.
#[derive(Debug, Clone, Copy)]
struct Stamps {
    written: Timestamp,
    ingested: Timestamp,
}

/// What is known of the flush that is being read.
#[derive(Debug, Clone, Copy)]
struct Flush {
    first: Stamps,
    events: u32,
    full: u32,
}

impl Flush {
    /// Whether an event is of this flush too: of the same upload, or stamped in the same moment.
    fn takes(&self, event: Stamps) -> bool {
        let apart = event.written.as_millisecond().saturating_sub(self.first.written.as_millisecond());
        self.events < EVENTS_A_FLUSH
            && (event.ingested == self.first.ingested || apart.saturating_abs() <= SAME_FLUSH_MILLIS)
    }
}

impl HealthBook {
    /// The health so far.
    pub fn health(&self) -> &StreamHealth {
        &self.health
    }

    /// Takes in events of the read that is going on: each event once, in any number of calls.
    pub fn take(&mut self, events: &[LogEvent]) {
        let mut arrived: Vec<&LogEvent> = events.iter().collect();
        arrived.sort_by_key(|event| event.ingested_at);
        for event in arrived {
            self.take_one(event);
        }
    }

    /// The read is complete, at that time; the one before it was at `before`. What lay there before the first read is not late, and neither
    /// is what was built after the read before: that waited for the next read, not for its delivery.
    pub fn end_read(&mut self, read_at: Timestamp, before: Option<Timestamp>) {
        let built_at = self.built_at.take().map(|(_, built)| built);
        let judged = std::mem::replace(&mut self.caught_up, true);
        let Some(built) = built_at.filter(|_| judged) else { return };
        let delay = read_at.duration_since(built).as_secs().max(0);
        self.health.delay_seconds = delay;
        let late = delay > LATE_SECONDS && before.is_none_or(|before| built < before);
        self.health.delayed_reads = if late { self.health.delayed_reads.saturating_add(1) } else { 0 };
    }

    fn take_one(&mut self, event: &LogEvent) {
        let stamps = Stamps { written: event.timestamp, ingested: event.ingested_at };
        self.health.events = self.health.events.saturating_add(1);
        self.order(stamps);
        let gap = stamps.ingested.duration_since(stamps.written).as_secs();
        self.health.clock_gap_seconds = self.health.clock_gap_seconds.max(gap.saturating_abs());
        match Message::parse(&event.message) {
            Message::Streamed(lines, payload) => {
                let bytes: usize = lines.iter().map(|line| line.0.len() + LINE_END).sum();
                self.flushed(stamps, bytes >= FULL_EVENT);
                if let Some(built) = payload.event_time
                    && self.built_at.is_none_or(|(came, _)| came <= stamps.ingested)
                {
                    self.built_at = Some((stamps.ingested, built));
                }
                if self.health.identities.len() < StreamHealth::MOST_IDENTITIES {
                    self.health.identities.insert(identity(&payload));
                }
            }
            // Plain text names nobody, and is no part of the agent's flushes.
            Message::Plain(_) => (self.flush, self.run) = (None, 0),
        }
    }

    /// A time stamp goes backwards where a later arrival is stamped before an earlier one. Of what arrived together it says nothing, and
    /// reads may show an arrival after a later one.
    fn order(&mut self, event: Stamps) {
        let mut back = 0;
        if let Some(furthest) = self.furthest.filter(|furthest| furthest.ingested < event.ingested) {
            back = back.max(furthest.written.duration_since(event.written).as_secs());
        }
        if let Some(latest) = self.latest.filter(|latest| event.ingested < latest.ingested) {
            back = back.max(event.written.duration_since(latest.written).as_secs());
        }
        self.health.backwards_seconds = self.health.backwards_seconds.max(back);
        if self.furthest.is_none_or(|furthest| furthest.written < event.written) {
            self.furthest = Some(event);
        }
        if self.latest.is_none_or(|latest| latest.ingested <= event.ingested) {
            self.latest = Some(event);
            self.health.last_event_at = Some(event.written);
            self.health.last_ingested_at = Some(event.ingested);
        }
    }

    /// Events that belong to one flush are counted together; one that is not full ends the run.
    fn flushed(&mut self, event: Stamps, full: bool) {
        let mut flush = match self.flush {
            Some(flush) if flush.takes(event) => flush,
            before => {
                if before.is_some_and(|flush| flush.full < EVENTS_A_FLUSH) {
                    self.run = 0;
                }
                Flush { first: event, events: 0, full: 0 }
            }
        };
        flush.events += 1;
        flush.full += u32::from(full);
        if flush.full == EVENTS_A_FLUSH {
            self.run = self.run.saturating_add(1);
            self.health.saturated_flushes = self.health.saturated_flushes.max(self.run);
            self.health.saturated_at = self.health.saturated_at.max(Some(event.written));
        }
        self.flush = Some(flush);
    }
}

/// Whom a payload names; what it leaves out is empty.
fn identity(payload: &Payload) -> PayloadIdentity {
    let text = |text: &Option<String>| -> Arc<str> {
        let text = text.as_deref().unwrap_or_default();
        text.get(..text.floor_char_boundary(MOST_NAME_BYTES)).unwrap_or_default().into()
    };
    PayloadIdentity {
        session_id: text(&payload.session_id),
        target: text(&payload.target_id),
        owner: text(&payload.user_arn),
        run_as_user: text(&payload.run_as_user),
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
