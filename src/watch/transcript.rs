//! The followed session's log stream: the whole of it, then what is added, each event once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};

use super::{
    backoff::Backoff,
    scope::{Closed, Scope, clock_after, elapsed_since},
};
use crate::{
    aws::{LogPage, ScopeClient},
    domain::{FailureClass, Observation, ScopeId, SessionKey},
};

/// Pause between reads of a live stream: GetLogEvents allows 10 a second in the slowest regions.
const POLL: Duration = Duration::from_secs(1);
/// Pause while a stream that is not there is waited for.
const POLL_MISSING: Duration = Duration::from_secs(2);
/// After the session's end, what the agent still has to send is waited for this long (Windows needs over 80 s) …
const AFTER_END: Duration = Duration::from_secs(120);
/// … or this long after the last event, if a backlog drains.
const AFTER_LAST_EVENT: Duration = Duration::from_secs(60);
/// After so many full pages in a row, one short pause: the quota is the account's.
const PAGES_IN_A_ROW: u32 = 5;
const SHORT_PAUSE: Duration = Duration::from_millis(200);
/// Places in streams that are remembered.
const MOST_PLACES: usize = 1000;

/// What is followed: a session and its log group.
pub(super) type Followed = Option<(SessionKey, Arc<str>)>;

/// How far each stream was told.
#[derive(Debug, Default)]
pub(super) struct Places {
    places: Mutex<HashMap<SessionKey, Place>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Place {
    token: Option<String>,
    /// Time of the last event, and how many events of that time were told: to find the place again when the token is too old.
    last: Option<(Timestamp, usize)>,
}

impl Places {
    fn get(&self, session: &SessionKey) -> Place {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).get(session).cloned().unwrap_or_default()
    }

    fn put(&self, session: &SessionKey, place: Place) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MOST_PLACES && !places.contains_key(session) {
            let oldest = places.iter().min_by_key(|(_, place)| place.last).map(|(key, _)| key.clone());
            oldest.and_then(|key| places.remove(&key));
        }
        places.insert(session.clone(), place);
    }

    /// The next read of the session starts at its head.
    pub(super) fn forget(&self, session: &SessionKey) {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
    }
}

/// The one tail of the watch.
#[derive(Debug)]
pub(super) struct Tail {
    pub scopes: HashMap<ScopeId, Arc<Scope>>,
    pub places: Arc<Places>,
    pub out: mpsc::Sender<Observation>,
}

impl Tail {
    /// Follows what `followed` names until the sender is gone.
    pub(super) async fn run(self, mut followed: watch::Receiver<Followed>) -> Result<(), Closed> {
        loop {
            let now = followed.borrow_and_update().clone();
            let tail = async {
                if let Some((session, group)) = &now
                    && let Some(scope) = self.scopes.get(&session.scope)
                {
                    self.follow(scope, session, group).await?;
                }
                // Read to its end, or nothing to follow: until something else is followed.
                std::future::pending::<Result<(), Closed>>().await
            };
            tokio::select! {
                changed = followed.changed() => if changed.is_err() { return Ok(()) },
                ended = tail => return ended,
            }
        }
    }

    /// Tells the stream's events until the session is over and its log complete.
    async fn follow(&self, scope: &Scope, session: &SessionKey, group: &Arc<str>) -> Result<(), Closed> {
        let mut place = self.places.get(session);
        let mut backoff = Backoff::new(POLL);
        let mut full_pages = 0;
        let mut last_event = None;
        let begun = Instant::now();
        loop {
            let ended = ended_for(scope, session, begun);
            let pause = match read(&scope.client, group, session, &place).await {
                Ok(mut page) => {
                    backoff.succeeded();
                    drop_told(&mut page, &place);
                    place.token = Some(page.next.clone());
                    let more = !page.caught_up && !page.events.is_empty();
                    if !page.events.is_empty() {
                        last_event = Some(Instant::now());
                        place.last = last_of(&page, place.last);
                        let (session, events) = (session.clone(), page.events);
                        self.tell(Observation::Transcript { session, events, at: Timestamp::now() }).await?;
                    }
                    self.places.put(session, place.clone());
                    full_pages = if more { full_pages + 1 } else { 0 };
                    match full_pages {
                        0 => POLL,
                        pages if pages % PAGES_IN_A_ROW == 0 => SHORT_PAUSE,
                        _ => Duration::ZERO,
                    }
                }
                // A token lives 24 hours; the place is found again by time.
                Err(failure)
                    if place.token.is_some() && failure.code.as_deref() == Some("InvalidParameterException") =>
                {
                    place.token = None;
                    backoff.failed()
                }
                Err(failure) => {
                    let pause = if failure.class == FailureClass::Gone { POLL_MISSING } else { backoff.failed() };
                    let observation = Observation::TranscriptFailed {
                        session: session.clone(),
                        failure,
                        retry_at: clock_after(pause),
                        at: Timestamp::now(),
                    };
                    self.tell(observation).await?;
                    pause
                }
            };
            let quiet = last_event.is_none_or(|at: Instant| at.elapsed() > AFTER_LAST_EVENT);
            if ended.is_some_and(|ended| ended > AFTER_END) && quiet && backoff.is_idle() && full_pages == 0 {
                return Ok(());
            }
            sleep(pause).await;
        }
    }

    async fn tell(&self, observation: Observation) -> Result<(), Closed> {
        self.out.send(observation).await.map_err(|_| Closed)
    }
}

async fn read(
    client: &ScopeClient,
    group: &str,
    session: &SessionKey,
    place: &Place,
) -> Result<LogPage, crate::domain::Failure> {
    let since = place.last.map(|(at, _)| at);
    client.log_events(group, &session.id, place.token.as_deref(), since).await
}

/// When a place was found again by time: leaves out the events of that time that were told before.
fn drop_told(page: &mut LogPage, place: &Place) {
    if let (None, Some((last, told))) = (&place.token, place.last) {
        let again = page.events.iter().take_while(|event| event.timestamp == last).count().min(told);
        page.events.drain(..again);
    }
}

/// The last event's time, and how many events at the end have it.
fn last_of(page: &LogPage, before: Option<(Timestamp, usize)>) -> Option<(Timestamp, usize)> {
    let last = page.events.last()?.timestamp;
    let same = page.events.iter().rev().take_while(|event| event.timestamp == last).count();
    let carried = before.filter(|(at, _)| *at == last && same == page.events.len()).map_or(0, |(_, told)| told);
    Some((last, same + carried))
}

/// How long the session is over; `None`: it is active, or not listed yet.
fn ended_for(scope: &Scope, session: &SessionKey, begun: Instant) -> Option<Duration> {
    let known = scope.known.borrow();
    if !known.listed || known.active.contains_key(&session.id) {
        return None;
    }
    match known.ended.get(&session.id).and_then(|session| session.ended_at) {
        Some(ended_at) => Some(elapsed_since(ended_at)),
        None => Some(begun.elapsed()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::LogEvent;

    fn page(millis: &[i64]) -> LogPage {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let event =
            |millis: &i64| LogEvent { timestamp: at(*millis), ingested_at: at(*millis), message: String::new() };
        LogPage { events: millis.iter().map(event).collect(), next: "t".into(), caught_up: false }
    }

    #[test]
    fn a_lost_token_does_not_repeat_events() {
        let first = page(&[1, 2, 2]);
        let last = last_of(&first, None);
        assert_eq!(last.unwrap().1, 2);
        let last = last_of(&page(&[2]), last);
        assert_eq!(last.unwrap().1, 3, "events of one time in two pages");
        let place = Place { token: None, last };
        let mut again = page(&[2, 2, 2, 2, 3]);
        drop_told(&mut again, &place);
        assert_eq!(again.events.len(), 2);
        let with_token = Place { token: Some("t".into()), last };
        let mut next = page(&[2, 3]);
        drop_told(&mut next, &with_token);
        assert_eq!(next.events.len(), 2);
    }
}
