//! The tails of log groups: one FilterLogEvents a poll and group shows the events of all sessions that log there.
//!
//! FilterLogEvents selects by the events' time stamps, which the nodes write. How far a group was read is therefore told by AWS's clock:
//! the latest ingestion that was seen. Neither the analyst's clock nor a node's can make the tail look past what comes.

mod reading;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use self::reading::{Answer, Reading};
use super::{
    backoff::{Backoff, is_passing},
    scope::{Closed, Scope, clock_after, clock_before},
    streams::groups_of,
};
use crate::{
    domain::{Fact, Failure, FailureClass, Observation, SessionId, StreamHealth},
    transcript::HealthBook,
};

const FILTER: &str = "logs:FilterLogEvents";
/// The first read of a group looks back this far at the most.
const LOOK_BACK: Duration = Duration::from_secs(600);
/// FilterLogEvents takes 5 requests a second of an account and region, where it takes the fewest, and others ask too (CloudWatch Logs
/// quotas): one a second of each group …
const GROUP_PAUSE: Duration = Duration::from_secs(1);
/// … and two a second of a scope.
const SCOPE_PAUSE: Duration = Duration::from_millis(500);
/// After so many pages it is said that the tail is behind; it goes on from there.
const PAGES_A_READ: usize = 20;
/// Tries of one pass where a failure may be over soon.
const PASS_TRIES: u32 = 4;

/// The tail task of one scope.
#[derive(Debug)]
pub(super) struct Tails {
    scope: Arc<Scope>,
    groups: HashMap<Arc<str>, Tail>,
    /// When the next request may go out.
    free_at: Instant,
}

/// One group's tail.
#[derive(Debug)]
struct Tail {
    due: Instant,
    backoff: Backoff,
    reading: Reading,
    books: HashMap<SessionId, HealthBook>,
    /// Sessions whose health changed and was not told yet.
    changed: HashSet<SessionId>,
    /// The last complete read.
    read_at: Option<Timestamp>,
    /// The last request failed, and waiting does not help.
    refused: bool,
}

impl Tails {
    pub(super) fn new(scope: Arc<Scope>) -> Self {
        Self { scope, groups: HashMap::new(), free_at: Instant::now() }
    }

    /// Reads one page of the group that is due; when to come back (nothing: when something changes).
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
        for (group, sessions) in &wanted {
            let every = scope.config.sessions_every;
            let tail = self.groups.entry(Arc::clone(group)).or_insert_with(|| {
                let oldest = sessions.iter().filter_map(|(_, started)| *started).min();
                let from = clock_before(LOOK_BACK);
                Tail::new(oldest.map_or(from, |oldest| oldest.max(from)), every)
            });
            let ids: HashSet<&SessionId> = sessions.iter().map(|(id, _)| id).collect();
            tail.books.retain(|id, _| ids.contains(id));
            tail.changed.retain(|id| ids.contains(id));
        }
        let now = Instant::now();
        let first = self.groups.iter().min_by_key(|(_, tail)| tail.due).map(|(group, tail)| (group.clone(), tail.due));
        let Some((group, due)) = first else { return Ok(None) };
        let due = due.max(self.free_at);
        if due > now {
            return Ok(Some(due));
        }
        self.free_at = now + SCOPE_PAUSE;
        if let (Some(tail), Some(sessions)) = (self.groups.get_mut(&group), wanted.get(&group)) {
            let sessions = sessions.iter().map(|(id, _)| id.clone()).collect();
            if let Some((streams, read)) = tail.page(&scope, &group, &sessions, now).await {
                let scope_id = scope.client.id().clone();
                let observation = Observation::StreamHealth { scope: scope_id, log_group: group, streams, read };
                scope.tell(observation).await?;
            }
        }
        let next = self.groups.values().map(|tail| tail.due).min();
        Ok(next.map(|next| next.max(self.free_at)))
    }

    /// For one pass: whether each group was read, or cannot be.
    pub(super) fn passed(&self) -> bool {
        self.groups.values().all(Tail::passed)
    }
}

impl Tail {
    fn new(from: Timestamp, every: Duration) -> Self {
        Self {
            due: Instant::now(),
            backoff: Backoff::new(every.max(GROUP_PAUSE)),
            reading: Reading::from(from, every),
            books: HashMap::new(),
            changed: HashSet::new(),
            read_at: None,
            refused: false,
        }
    }

    fn passed(&self) -> bool {
        self.read_at.is_some() || self.refused || self.backoff.failures() >= PASS_TRIES
    }

    /// Reads a page; what is to be told now.
    async fn page(
        &mut self,
        scope: &Scope,
        group: &str,
        sessions: &HashSet<SessionId>,
        began: Instant,
    ) -> Option<(Vec<(SessionId, StreamHealth)>, Fact<()>)> {
        let (from, token) = self.reading.next_page();
        let page = match scope.ask(scope.client.tail_page(group, from, token)).await {
            Ok(page) => page,
            Err(failure) => {
                // A token lives 24 hours, and not over a restart of what gave it.
                if failure.code.as_deref() == Some("InvalidParameterException") {
                    self.reading.begin_again();
                }
                self.refused = !is_passing(&failure);
                let wait = self.backoff.failed();
                self.due = Instant::now() + wait;
                return Some((Vec::new(), Fact::failed(failure, Some(clock_after(wait)))));
            }
        };
        self.backoff.succeeded();
        self.refused = false;
        let Answer { fresh, complete } = self.reading.take(page, sessions);
        for (session, events) in fresh {
            self.books.entry(session.clone()).or_default().take(&events);
            self.changed.insert(session);
        }
        if !complete {
            self.due = began + GROUP_PAUSE;
            let pages = self.reading.pages();
            return pages.is_multiple_of(PAGES_A_READ).then(|| {
                let until = self.reading.until().map_or_else(String::new, |until| format!(": read up to {until:.0}"));
                let message = format!("the log group holds more than {pages} pages that are not read yet{until}");
                tracing::warn!(scope = %scope.client.id(), group, "{message}");
                let failure = Failure { class: FailureClass::Other, action: FILTER, code: None, message };
                (self.news(), Fact::failed(failure, Some(clock_after(GROUP_PAUSE))))
            });
        }
        self.due = began + scope.config.sessions_every.max(GROUP_PAUSE);
        let read_at = Timestamp::now();
        for session in sessions {
            self.books.entry(session.clone()).or_default().end_read(read_at, self.read_at);
        }
        self.read_at = Some(read_at);
        Some((self.news(), Fact::known((), FILTER, read_at)))
    }

    /// The streams whose health changed.
    fn news(&mut self) -> Vec<(SessionId, StreamHealth)> {
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
