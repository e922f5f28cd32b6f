//! The listings: Active at the poll's pace, History for how sessions ended.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    backoff::{Backoff, CEILING, delay},
    scope::{Closed, Scope, clock_after, clock_before, cuts_off, elapsed_since, is_renewed},
};
use crate::domain::{Failure, FailureClass, Observation, Session, SessionId, SessionStatus};

/// History is read this often even when nobody left the Active listing: a session may come and go between two polls.
const HISTORY_EVERY: Duration = Duration::from_secs(60);
/// How far back ended sessions are told.
pub(super) const HISTORY_SPAN: Duration = Duration::from_secs(3600);
/// The service filters History by start: at the start of the watch, sessions that began up to this long ago may have ended within the span.
const LONGEST_LOOK_BACK: Duration = Duration::from_secs(24 * 3600);
/// After a session left the Active listing, History is read with each poll for this long, until it shows the session.
const HURRY_FOR: Duration = Duration::from_secs(60);
/// A session that left the Active listing and that History still lacks is looked for this long.
const MISSING_FOR: Duration = Duration::from_secs(600);
/// A throttled scope is polled at most this many times slower, and each answer takes it so far back to normal.
const SLOWEST: f64 = 8.0;
const RECOVERY: f64 = 0.75;
/// The next request after credentials were refused has new ones: it comes this soon, so often in a row.
const RENEWED: Duration = Duration::from_secs(3);
const RENEWALS: u32 = 3;
/// Ended sessions are kept for the archive this long.
const KEEP_ENDED: Duration = Duration::from_secs(24 * 3600);

/// The listing task of one scope: one request at a time.
#[derive(Debug)]
pub(super) struct Listing {
    scope: Arc<Scope>,
    due: Instant,
    /// How much slower than configured a scope is polled that was throttled; falls back to 1 with each answer.
    pace: f64,
    active_backoff: Backoff,
    history_backoff: Backoff,
    history_due: Instant,
    first_history: bool,
    /// Sessions that left the Active listing and are not in History yet: when they started, when they left.
    departed: HashMap<SessionId, (Option<Timestamp>, Instant)>,
}

impl Listing {
    /// A listing whose polls fall on `phase` within the poll interval.
    pub(super) fn new(scope: Arc<Scope>, phase: Duration) -> Self {
        let every = scope.config.sessions_every;
        let now = Instant::now();
        Self {
            scope,
            due: now + phase,
            pace: 1.0,
            active_backoff: Backoff::new(every),
            history_backoff: Backoff::new(every),
            history_due: now,
            first_history: true,
            departed: HashMap::new(),
        }
    }

    /// Reads what is due; when to come back.
    pub(super) async fn step(&mut self) -> Result<Instant, Closed> {
        let calm = self.active_backoff.is_idle();
        let next = self.active().await?;
        // Where the one listing fails, the other would too; and what is just recovering is not asked twice.
        if calm && self.active_backoff.is_idle() {
            self.history().await?;
        }
        Ok(next)
    }

    /// For one pass: reads what was not read yet, each listing once; when to come back.
    pub(super) async fn first(&mut self) -> Result<Instant, Closed> {
        let next = if self.scope.known.borrow().listed { self.history_due } else { self.active().await? };
        if self.active_backoff.is_idle() && self.first_history {
            self.history().await?;
            return Ok(self.history_due);
        }
        Ok(next)
    }

    async fn active(&mut self) -> Result<Instant, Closed> {
        let scope = self.scope.clone();
        match scope.ask(scope.client.list_active()).await {
            Ok(sessions) => {
                self.active_backoff.succeeded();
                self.note_departures(&sessions);
                let active: HashMap<SessionId, Session> =
                    sessions.iter().map(|session| (session.key.id.clone(), session.clone())).collect();
                scope.known.send_if_modified(|known| {
                    let changed = known.cut_off || !known.listed || known.active != active;
                    known.listed = true;
                    known.cut_off = false;
                    known.active = active;
                    changed
                });
                let id = scope.client.id().clone();
                scope.tell(Observation::Active { scope: id, sessions, at: Timestamp::now() }).await?;
                Ok(self.next_poll())
            }
            Err(failure) => {
                let mut wait = self.active_backoff.failed();
                if is_renewed(&failure) && self.active_backoff.failures() <= RENEWALS {
                    wait = wait.min(delay(RENEWED, 0, RENEWED));
                }
                if failure.class == FailureClass::Throttled {
                    self.pace = (self.pace * 2.0).min(SLOWEST);
                }
                let cut_off = cuts_off(&failure);
                scope.known.send_if_modified(|known| std::mem::replace(&mut known.cut_off, cut_off) != cut_off);
                self.tell_failure(failure, wait).await?;
                Ok(Instant::now() + wait)
            }
        }
    }

    /// The next regular poll, on the scope's phase; while the scope recovers from throttles, later.
    fn next_poll(&mut self) -> Instant {
        let now = Instant::now();
        let every = self.scope.config.sessions_every.max(Duration::from_millis(10));
        self.pace = (self.pace * RECOVERY).max(1.0);
        let earliest = now + every.mul_f64(self.pace - 1.0).min(CEILING);
        while self.due <= earliest {
            self.due += every;
        }
        self.due
    }

    fn note_departures(&mut self, sessions: &[Session]) {
        let now = Instant::now();
        let known = self.scope.known.borrow();
        for session in known.active.values() {
            if !sessions.iter().any(|still| still.key.id == session.key.id) {
                self.departed.insert(session.key.id.clone(), (session.started_at, now));
            }
        }
        for session in sessions {
            self.departed.remove(&session.key.id);
        }
        self.departed.retain(|_, (_, left)| now.duration_since(*left) < MISSING_FOR);
    }

    /// Reads History when its minute is over, or when somebody left and is not found there yet.
    async fn history(&mut self) -> Result<(), Closed> {
        let now = Instant::now();
        let hurry = self.history_backoff.is_idle()
            && self.departed.values().any(|(_, left)| now.duration_since(*left) < HURRY_FOR);
        if now < self.history_due && !hurry {
            return Ok(());
        }
        let scope = self.scope.clone();
        let since = clock_before(HISTORY_SPAN);
        let look_back = if self.first_history { clock_before(LONGEST_LOOK_BACK) } else { since };
        // The filter is exclusive and counts whole seconds.
        let second = Duration::from_secs(1);
        let departed = self
            .departed
            .values()
            .filter_map(|(started, _)| started.map(|at| clock_before(elapsed_since(at) + second)));
        let invoked_after = departed.fold(look_back, Timestamp::min);
        match scope.ask(scope.client.list_history(invoked_after)).await {
            Ok(sessions) => {
                self.history_backoff.succeeded();
                self.history_due = Instant::now() + HISTORY_EVERY;
                self.first_history = false;
                let departed = &self.departed;
                let sessions: Vec<Session> = sessions
                    .into_iter()
                    .filter(|session| {
                        let ended = session.ended_at.or(session.started_at);
                        departed.contains_key(&session.key.id) || ended.is_none_or(|ended| ended >= since)
                    })
                    .collect();
                for session in &sessions {
                    self.departed.remove(&session.key.id);
                }
                scope.known.send_if_modified(|known| keep_ended(&mut known.ended, &sessions));
                let id = scope.client.id().clone();
                scope.tell(Observation::History { scope: id, sessions, since, at: Timestamp::now() }).await
            }
            Err(failure) => {
                let wait = self.history_backoff.failed();
                self.history_due = Instant::now() + wait;
                self.tell_failure(failure, wait).await
            }
        }
    }

    async fn tell_failure(&self, failure: Failure, wait: Duration) -> Result<(), Closed> {
        let scope = self.scope.client.id().clone();
        let observation =
            Observation::ListingFailed { scope, failure, retry_at: clock_after(wait), at: Timestamp::now() };
        self.scope.tell(observation).await
    }
}

/// Adds sessions that are over; forgets those that ended long ago. Whether something was added.
fn keep_ended(ended: &mut HashMap<SessionId, Session>, sessions: &[Session]) -> bool {
    let oldest = clock_before(KEEP_ENDED);
    ended.retain(|_, session| session.ended_at.or(session.started_at).is_some_and(|at| at >= oldest));
    let mut added = false;
    for session in sessions.iter().filter(|session| {
        session.ended_at.is_some() || matches!(session.status, SessionStatus::Terminated | SessionStatus::Failed)
    }) {
        added |= ended.insert(session.key.id.clone(), session.clone()).as_ref() != Some(session);
    }
    added
}
