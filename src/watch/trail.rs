//! CloudTrail: who asked for the sessions, from where, with what proof. In windows and not per session; late is normal.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{
    backoff::{Backoff, is_passing},
    lookup::{Coverage, Told, Window, begin_before},
    scope::{Closed, Known, Scope, clock_after, clock_before, elapsed_since},
};
use crate::{
    aws::{LOOKUP_EVENTS, TrailPage},
    domain::{Fact, Failure, FailureClass, Observation, Session, SessionId, TrailCall, TrailEvent},
};

/// A session's record may bear a time before the session's own.
const LEEWAY: SignedDuration = SignedDuration::from_mins(1);
/// While a session is this young and its record has not come, it is looked for at the pace of [`SOON`].
const YOUNG: Duration = Duration::from_secs(20 * 60);
const SOON: Duration = Duration::from_secs(15);
/// First delay after a failed lookup.
const RETRY: Duration = Duration::from_secs(2);

/// A throttled page is asked for again so often, each time in its turn.
const THROTTLED_TRIES: u32 = 3;

/// The CloudTrail task of one scope.
#[derive(Debug)]
pub(super) struct Trail {
    scope: Arc<Scope>,
    lookups: [Lookup; 3],
    /// Sessions whose StartSession was told, and when that was.
    started: HashMap<SessionId, Instant>,
}

/// One call that is looked up.
#[derive(Debug)]
struct Lookup {
    call: TrailCall,
    /// When the last look was complete.
    done: Option<Instant>,
    /// When what failed is tried again.
    retry: Option<Instant>,
    backoff: Backoff,
    /// The last failure may be over soon.
    passing: bool,
    /// Spreads scopes that started together.
    pace: f64,
    coverage: Coverage,
    told: Told,
}

impl Lookup {
    fn new(call: TrailCall) -> Self {
        Self {
            call,
            done: None,
            retry: None,
            backoff: Backoff::new(RETRY),
            passing: false,
            pace: 0.95 + fastrand::f64() / 10.0,
            coverage: Coverage::default(),
            told: Told::default(),
        }
    }

    fn due(&self, every: Duration, awaited: bool) -> Option<Instant> {
        if self.retry.is_some() {
            return self.retry;
        }
        let pause = match self.call {
            TrailCall::StartSession if awaited => every.min(SOON),
            TrailCall::StartSession => every,
            // Who resumed or ended a session is worth less haste.
            TrailCall::ResumeSession | TrailCall::TerminateSession => every * 2,
        };
        self.done.map(|done| done + pause.mul_f64(self.pace))
    }
}

impl Trail {
    pub(super) fn new(scope: Arc<Scope>) -> Self {
        Self { scope, lookups: TrailCall::ALL.map(Lookup::new), started: HashMap::new() }
    }

    /// Looks up what is due; when to come back (nothing: when something changes).
    pub(super) async fn step(&mut self) -> Result<Option<Instant>, Closed> {
        let every = self.scope.config.evidence_every;
        for turn in 0..self.lookups.len() {
            // Lookups wait for each other: each looks at what is known by its own time.
            let Some((wanted, awaited)) = self.wanted() else { return Ok(None) };
            let due = self.lookups.get(turn).is_some_and(|lookup| {
                let over = lookup.due(every, awaited).is_none_or(|due| due <= Instant::now());
                // Sessions that ended are listed after those that are active.
                over || (lookup.retry.is_none() && lookup.coverage.lacks(wanted))
            });
            if due {
                self.look(turn, wanted).await?;
            }
        }
        let awaited = self.wanted().is_some_and(|(_, awaited)| awaited);
        Ok(self.lookups.iter().filter_map(|lookup| lookup.due(every, awaited)).min())
    }

    /// For one pass: looks up what was not read yet; when to try again what failed in a way that may be over soon.
    pub(super) async fn once(&mut self) -> Result<Option<Instant>, Closed> {
        for turn in 0..self.lookups.len() {
            let Some((wanted, _)) = self.wanted() else { return Ok(None) };
            let ended = !self.scope.known.borrow().ended.is_empty();
            let open = self.lookups.get(turn).is_some_and(|lookup| {
                let settled = lookup.done.is_some() || (lookup.retry.is_some() && !lookup.passing);
                // Nobody ended a session where none has ended.
                !settled && (ended || lookup.call != TrailCall::TerminateSession)
            });
            if open {
                self.look(turn, wanted).await?;
            }
        }
        Ok(self.lookups.iter().filter(|lookup| lookup.passing).filter_map(|lookup| lookup.retry).max())
    }

    /// Since when records are wanted, and whether one is awaited; nothing: it makes no sense to ask now.
    fn wanted(&mut self) -> Option<(Timestamp, bool)> {
        let known = self.scope.known.borrow();
        if known.cut_off || !known.listed {
            return None;
        }
        self.started.retain(|id, told| known.active.contains_key(id) || told.elapsed() < YOUNG);
        let awaited = known.active.values().any(|session| {
            session.started_at.is_some_and(|at| elapsed_since(at) < YOUNG)
                && !self.started.contains_key(&session.key.id)
        });
        Some((begin_of_sessions(&known, self.scope.config.history, LEEWAY), awaited))
    }

    /// Reads all windows of one call.
    async fn look(&mut self, turn: usize, wanted: Timestamp) -> Result<(), Closed> {
        let scope = self.scope.clone();
        let Some(lookup) = self.lookups.get_mut(turn) else { return Ok(()) };
        let began = Timestamp::now();
        for window in lookup.coverage.windows(wanted) {
            match lookup.read(&scope, &window, began, &mut self.started).await? {
                Ok(()) => {}
                Err(failure) => {
                    let wait = lookup.backoff.failed();
                    lookup.retry = Some(Instant::now() + wait);
                    lookup.passing = is_passing(&failure);
                    let read = Fact::failed(failure, Some(clock_after(wait)));
                    return scope.tell(lookup.observation(&scope, lookup.coverage.from(), Vec::new(), read)).await;
                }
            }
        }
        lookup.told.forget(began);
        lookup.backoff.succeeded();
        (lookup.done, lookup.retry, lookup.passing) = (Some(Instant::now()), None, false);
        Ok(())
    }
}

impl Lookup {
    /// Reads a window and tells its records page by page: with many of them, the newest need not wait for the oldest.
    async fn read(
        &mut self,
        scope: &Scope,
        window: &Window,
        began: Timestamp,
        started: &mut HashMap<SessionId, Instant>,
    ) -> Result<Result<(), Failure>, Closed> {
        let mut token = None;
        for pages_left in (0..window.pages).rev() {
            let page = match self.page(scope, window, token.take()).await {
                Ok(page) => page,
                Err(failure) => return Ok(Err(failure)),
            };
            note_unread(scope, self.call.event_name(), &page);
            let events: Vec<TrailEvent> =
                page.records.into_iter().filter(|event| self.told.is_new(&event.event_id, event.at)).collect();
            if self.call == TrailCall::StartSession {
                started.extend(events.iter().map(|event| (event.session.clone(), Instant::now())));
            }
            let more = page.next.is_some();
            let from = match page.oldest {
                // An empty page that is not the last says nothing of how far it reaches.
                Some(oldest) if more && pages_left > 0 => self.coverage.while_reading(window, oldest),
                _ if more && pages_left > 0 => {
                    token = page.next;
                    continue;
                }
                oldest => {
                    let cut = more.then(|| oldest.unwrap_or(began));
                    if let Some(oldest) = cut {
                        tracing::warn!(scope = %scope.client.id(), call = self.call.event_name(), %oldest, wanted = %window.from,
                            "too many CloudTrail records: older ones are not looked at");
                    }
                    self.coverage.add(window, cut, began);
                    self.coverage.from()
                }
            };
            let read = Fact::known((), LOOKUP_EVENTS, Timestamp::now());
            scope.tell(self.observation(scope, from, events, read)).await?;
            token = page.next;
            if !more {
                break;
            }
        }
        Ok(Ok(()))
    }

    /// One page. Requests that left in time may still arrive together, and are throttled: then the page is asked for again.
    async fn page(
        &self,
        scope: &Scope,
        window: &Window,
        token: Option<String>,
    ) -> Result<TrailPage<TrailEvent>, Failure> {
        let mut tries = THROTTLED_TRIES;
        loop {
            scope.lookups.turn().await;
            let request = scope.client.trail_page(self.call, window.from, window.to, token.clone());
            match scope.in_turn(request).await {
                Err(failure) if failure.class == FailureClass::Throttled && tries > 0 => tries -= 1,
                answer => return answer,
            }
        }
    }

    fn observation(&self, scope: &Scope, from: Timestamp, events: Vec<TrailEvent>, read: Fact<()>) -> Observation {
        Observation::Trail { scope: scope.client.id().clone(), call: self.call, from, events, read }
    }
}

/// Since when the sessions need records: the start of the oldest one that is active or was told as ended, minus `leeway`.
pub(super) fn begin_of_sessions(known: &Known, history: Duration, leeway: SignedDuration) -> Timestamp {
    let since = clock_before(history);
    let over = known.ended.values().filter(|session| session.ended_at.is_none_or(|ended| ended >= since));
    let start = |session: &Session| session.started_at;
    let oldest = known.active.values().chain(over).filter_map(start).min();
    let now = Timestamp::now();
    begin_before(oldest.map_or(now, |oldest| oldest.min(now)), leeway)
}

/// Says once a page what of it could not be read.
pub(super) fn note_unread<T>(scope: &Scope, call: &str, page: &TrailPage<T>) {
    if page.garbled > 0 {
        tracing::warn!(scope = %scope.client.id(), call, count = page.garbled, "CloudTrail records that make no sense");
    }
}
