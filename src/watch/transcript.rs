//! The followed sessions' log streams: the whole of each, then what is added, each event once.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep, sleep_until},
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
/// … and at the least, however often the tail of the log group sees something of it.
const NUDGED: Duration = Duration::from_millis(150);
/// GetLogEvents may show an event later than the tail: pause before the next read where one came too early.
const TOO_EARLY: Duration = Duration::from_millis(250);
/// Reads in a row that may have come too early.
const MOST_EARLY: u32 = 3;
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
pub(super) type Followed = (SessionKey, Arc<str>);

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

/// The reader of all followed streams.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    pub scopes: HashMap<ScopeId, Arc<Scope>>,
    pub places: Arc<Places>,
    pub out: mpsc::Sender<Observation>,
}

/// A stream that is followed, and whether it was read to its end.
struct Reader {
    of: Followed,
    work: Option<BoxFuture<'static, Result<(), Closed>>>,
}

impl Tail {
    /// Follows what `followed` names until the sender is gone.
    pub(super) async fn run(self, mut followed: watch::Receiver<Vec<Followed>>) -> Result<(), Closed> {
        let mut readers: Vec<Reader> = Vec::new();
        loop {
            let wanted = followed.borrow_and_update().clone();
            // All in one task: what is no longer followed is over when it is dropped, and tells nothing while it is followed anew.
            readers.retain(|reader| wanted.contains(&reader.of));
            for of in wanted {
                if readers.iter().all(|reader| reader.of != of) {
                    readers.push(Reader { work: Some(self.reader(of.clone())), of });
                }
            }
            let read = poll_fn(|context| {
                for reader in &mut readers {
                    let Some(work) = &mut reader.work else { continue };
                    match work.as_mut().poll(context) {
                        Poll::Ready(Err(closed)) => return Poll::Ready(closed),
                        // Read to its end: nothing more comes.
                        Poll::Ready(Ok(())) => reader.work = None,
                        Poll::Pending => {}
                    }
                }
                Poll::Pending
            });
            tokio::select! {
                changed = followed.changed() => if changed.is_err() { return Ok(()) },
                closed = read => return Err(closed),
            }
        }
    }

    fn reader(&self, (session, group): Followed) -> BoxFuture<'static, Result<(), Closed>> {
        let tail = self.clone();
        Box::pin(async move {
            let Some(scope) = tail.scopes.get(&session.scope) else { return Ok(()) };
            let listening = Listening::new(scope, &session);
            tail.follow(scope, &session, &group, &listening.news).await
        })
    }

    /// Tells the stream's events until the session is over and its log complete.
    async fn follow(&self, scope: &Scope, session: &SessionKey, group: &Arc<str>, news: &Notify) -> Result<(), Closed> {
        let mut place = self.places.get(session);
        let mut backoff = Backoff::new(POLL);
        let mut full_pages = 0;
        let mut last_event = None;
        let mut early = MOST_EARLY;
        let begun = Instant::now();
        loop {
            let ended = ended_for(scope, session, begun);
            scope.transcripts.turn().await;
            let asked = Instant::now();
            let pause = match read(&scope.client, group, session, &place).await {
                Ok(mut page) => {
                    backoff.succeeded();
                    drop_told(&mut page, &place);
                    place.token = Some(page.next.clone());
                    let more = !page.caught_up && !page.events.is_empty();
                    if page.events.is_empty() {
                        early = early.saturating_add(1);
                    } else {
                        early = MOST_EARLY;
                        last_event = Some(Instant::now());
                        place.last = last_of(&page, place.last);
                    }
                    let observation =
                        Observation::Transcript { session: session.clone(), events: page.events, at: Timestamp::now() };
                    self.tell(observation).await?;
                    self.places.put(session, place.clone());
                    full_pages = if more { full_pages + 1 } else { 0 };
                    match full_pages {
                        0 if early < MOST_EARLY => TOO_EARLY,
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
            // What fails keeps its pause.
            if !backoff.is_idle() {
                sleep(pause).await;
                continue;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = news.notified() => {
                    early = 0;
                    sleep_until(asked + NUDGED).await;
                }
            }
        }
    }

    async fn tell(&self, observation: Observation) -> Result<(), Closed> {
        self.out.send(observation).await.map_err(|_| Closed)
    }
}

/// A session whose events are waited for, as long as this lives.
struct Listening {
    scope: Arc<Scope>,
    session: SessionKey,
    news: Arc<Notify>,
}

impl Listening {
    fn new(scope: &Arc<Scope>, session: &SessionKey) -> Self {
        Self { news: scope.listen(&session.id), scope: Arc::clone(scope), session: session.clone() }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.scope.unlisten(&self.session.id);
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
