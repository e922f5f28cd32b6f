//! The tails of log groups: one FilterLogEvents a poll and group shows the events of all sessions that log there.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{
    backoff::Backoff,
    scope::{Closed, Scope, clock_after, clock_before},
    streams::groups_of,
};
use crate::{
    domain::{Fact, LogEvent, Observation, SessionId, StreamHealth},
    transcript::HealthBook,
};

const FILTER: &str = "logs:FilterLogEvents";
/// The first read of a group looks back this far at the most.
const LOOK_BACK: Duration = Duration::from_secs(600);
/// Reads overlap by this much: events become visible out of order.
const OVERLAP: SignedDuration = SignedDuration::from_secs(15);
/// FilterLogEvents takes 5 a second of an account in some regions (CloudWatch Logs quotas): ours are paced well below.
const LEAST_PAUSE: Duration = Duration::from_secs(1);
/// Pages of one read; a page holds up to 10,000 events or 1 MB.
const MOST_PAGES: usize = 20;
/// Event ids that are remembered, to take each event once.
const MOST_IDS: usize = 50_000;

/// The tail task of one scope.
#[derive(Debug)]
pub(super) struct Tails {
    scope: Arc<Scope>,
    groups: HashMap<Arc<str>, Tail>,
    due: Instant,
    backoff: Backoff,
}

/// One group's tail.
#[derive(Debug)]
struct Tail {
    from: Timestamp,
    books: HashMap<SessionId, HealthBook>,
    taken: HashSet<String>,
    order: VecDeque<String>,
    read_before: bool,
}

impl Tails {
    pub(super) fn new(scope: Arc<Scope>) -> Self {
        let backoff = Backoff::new(scope.config.sessions_every);
        Self { scope, groups: HashMap::new(), due: Instant::now(), backoff }
    }

    /// Reads what is due; when to come back (nothing: when something changes).
    pub(super) async fn step(&mut self) -> Result<Option<Instant>, Closed> {
        let scope = Arc::clone(&self.scope);
        let wanted = {
            let known = scope.known.borrow();
            if known.cut_off {
                return Ok(None);
            }
            groups_of(&known, &scope.config)
        };
        self.groups.retain(|group, _| wanted.contains_key(group));
        if wanted.is_empty() {
            return Ok(None);
        }
        if Instant::now() < self.due && wanted.keys().all(|group| self.groups.contains_key(group)) {
            return Ok(Some(self.due));
        }
        let mut wait = scope.config.sessions_every.max(LEAST_PAUSE);
        for (group, sessions) in wanted {
            let ids: HashSet<SessionId> = sessions.iter().map(|(id, _)| id.clone()).collect();
            let tail = self.groups.entry(Arc::clone(&group)).or_insert_with(|| {
                let oldest = sessions.iter().filter_map(|(_, started)| *started).min();
                let from = clock_before(LOOK_BACK);
                Tail::from(oldest.map_or(from, |oldest| oldest.max(from)))
            });
            tail.books.retain(|id, _| ids.contains(id));
            let answer = tail.read(&scope, &group, &ids).await;
            let id = scope.client.id().clone();
            let (streams, read) = match answer {
                Ok(streams) => {
                    self.backoff.succeeded();
                    (streams, Fact::known((), FILTER, Timestamp::now()))
                }
                Err(failure) => {
                    wait = wait.max(self.backoff.failed());
                    (Vec::new(), Fact::failed(failure, Some(clock_after(wait))))
                }
            };
            scope.tell(Observation::StreamHealth { scope: id, log_group: group, streams, read }).await?;
        }
        self.due = Instant::now() + wait;
        Ok(Some(self.due))
    }
}

impl Tail {
    fn from(from: Timestamp) -> Self {
        Self { from, books: HashMap::new(), taken: HashSet::new(), order: VecDeque::new(), read_before: false }
    }

    /// Reads all pages since the last read; the streams whose health changed.
    async fn read(
        &mut self,
        scope: &Scope,
        group: &str,
        sessions: &HashSet<SessionId>,
    ) -> Result<Vec<(SessionId, StreamHealth)>, crate::domain::Failure> {
        let began = Timestamp::now();
        let mut token = None;
        let mut fresh: HashMap<SessionId, Vec<LogEvent>> = HashMap::new();
        let mut newest = self.from;
        for page in 0..MOST_PAGES {
            let answer = scope.ask(scope.client.tail_page(group, self.from, token.take())).await?;
            for (stream, id, event) in answer.events {
                newest = newest.max(event.timestamp);
                // Streams of sessions that are over, and of whoever else logs there.
                let session = SessionId::from(stream);
                if sessions.contains(&session) && self.is_new(id) {
                    fresh.entry(session).or_default().push(event);
                }
            }
            token = answer.next;
            if token.is_none() {
                break;
            }
            if page + 1 == MOST_PAGES {
                tracing::warn!(%group, "more events than one read takes: the next one goes on from here");
            }
        }
        // What was cut off is read next; else from where the clock was, with room for what comes late.
        let next = if token.is_some() { newest } else { began };
        self.from = next.checked_sub(OVERLAP).unwrap_or(next).max(self.from);
        let read_at = Timestamp::now();
        let mut changed = Vec::new();
        for session in sessions {
            let book = self.books.entry(session.clone()).or_default();
            match fresh.remove(session) {
                Some(events) => {
                    book.take(&events, read_at);
                    changed.push((session.clone(), book.health().clone()));
                }
                None if self.read_before => book.nothing_new(),
                None => {}
            }
        }
        self.read_before = true;
        Ok(changed)
    }

    fn is_new(&mut self, id: String) -> bool {
        if !self.taken.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > MOST_IDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.taken.remove(&oldest);
        }
        true
    }
}
