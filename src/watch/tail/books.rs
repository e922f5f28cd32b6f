//! The health of a log group's streams, from events that come live and in reads.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::{
    domain::{LogEvent, SessionId, StreamHealth},
    transcript::HealthBook,
};

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
}

impl Books {
    /// Forgets all other sessions.
    pub(super) fn keep(&mut self, wanted: impl Fn(&SessionId) -> bool) {
        self.books.retain(|id, _| wanted(id));
        self.changed.retain(&wanted);
        self.came_at.retain(|id, _| wanted(id));
    }

    /// Takes in events that came at that time, each once.
    pub(super) fn take(&mut self, fresh: &[(SessionId, Vec<LogEvent>)], at: Timestamp) {
        for (session, events) in fresh {
            self.books.entry(session.clone()).or_default().take(events);
            self.changed.insert(session.clone());
            self.came_at.insert(session.clone(), at);
        }
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
