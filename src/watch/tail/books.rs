//! The health of a log group's streams, from events that come live and in reads.
//!
//! What a live tail left out comes later than what it showed. A flood is only seen in the order of arrival: while a hole is open, events are
//! held back, and taken together with those that fill it.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::{
    domain::{LogEvent, SessionId, StreamHealth},
    transcript::HealthBook,
};

/// Most bytes of messages that are held back; when there are more they are taken as they came.
const MOST_HELD: usize = 16 << 20;

/// The books of one log group.
#[derive(Debug, Default)]
pub(super) struct Books {
    books: HashMap<SessionId, HealthBook>,
    /// Sessions whose health changed and was not told yet.
    changed: HashSet<SessionId>,
    /// When events came that belong to the read that is going on.
    came_at: HashMap<SessionId, Timestamp>,
    /// When the last read was complete.
    read_at: Option<Timestamp>,
    held: HashMap<SessionId, Vec<LogEvent>>,
    held_bytes: usize,
}

impl Books {
    /// Forgets all other sessions.
    pub(super) fn keep(&mut self, wanted: impl Fn(&SessionId) -> bool) {
        self.books.retain(|id, _| wanted(id));
        self.changed.retain(&wanted);
        self.came_at.retain(|id, _| wanted(id));
        self.held.retain(|id, _| wanted(id));
    }

    /// Takes in events that came at that time, each once.
    pub(super) fn take(&mut self, fresh: &[(SessionId, Vec<LogEvent>)], at: Timestamp) {
        for (session, events) in fresh {
            self.take_one(session, events, at);
        }
    }

    /// Holds events back until [`Books::take_held`], since others that arrived before them are still to come.
    pub(super) fn hold(&mut self, fresh: &[(SessionId, Vec<LogEvent>)], at: Timestamp) {
        for (session, events) in fresh {
            self.held_bytes += events.iter().map(|event| event.message.len() + size_of::<LogEvent>()).sum::<usize>();
            self.held.entry(session.clone()).or_default().extend(events.iter().cloned());
        }
        if self.held_bytes > MOST_HELD {
            self.take_held(at);
        }
    }

    /// Takes in what was held back.
    pub(super) fn take_held(&mut self, at: Timestamp) {
        self.held_bytes = 0;
        for (session, events) in std::mem::take(&mut self.held) {
            self.take_one(&session, &events, at);
        }
    }

    fn take_one(&mut self, session: &SessionId, events: &[LogEvent], at: Timestamp) {
        self.books.entry(session.clone()).or_default().take(events);
        self.changed.insert(session.clone());
        self.came_at.insert(session.clone(), at);
    }

    /// All that was there at that time was read. What comes live is not waited for: its delay ends when it came, not with the read.
    pub(super) fn end_read<'a>(&mut self, sessions: impl Iterator<Item = &'a SessionId>, at: Timestamp) {
        for session in sessions {
            let came = self.came_at.remove(session).unwrap_or(at);
            self.books.entry(session.clone()).or_default().end_read(came, self.read_at);
        }
        self.read_at = Some(at);
    }

    /// The streams whose health changed.
    pub(super) fn news(&mut self) -> Vec<(SessionId, StreamHealth)> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .filter_map(|id| {
                let health = self.books.get(&id)?.health().clone();
                Some((id, health))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_flood_is_seen_in_what_a_sample_showed_and_what_filled_it() {
        let at = |millis| Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap();
        let session = SessionId::from("s");
        let full = |second: i64, number: i64| LogEvent {
            timestamp: at(second * 1000 + number),
            ingested_at: at(second * 1000 + 50),
            message: serde_json::json!({"sessionId": "s", "sessionData": ["x".repeat(33_000)]}).to_string(),
        };
        let mut books = Books::default();
        // Of each flush one event was shown, and the others are read.
        books.hold(&[(session.clone(), (0..3).map(|second| full(second, 0)).collect())], at(3000));
        let others = (0..3).flat_map(|second| (1..4).map(move |number| (second, number)));
        books.hold(&[(session.clone(), others.map(|(second, number)| full(second, number)).collect())], at(4000));
        assert!(books.news().is_empty());
        books.take_held(at(4000));
        books.end_read([&session].into_iter(), at(4000));
        let news = books.news();
        assert_eq!(news.iter().map(|(_, health)| health.saturated_flushes).collect::<Vec<_>>(), [3]);
    }
}
