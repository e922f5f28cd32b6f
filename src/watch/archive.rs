//! The archive objects of ended sessions: looked for soon, then with growing patience, then slowly until they are a day late.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    backoff::{CEILING, delay},
    scope::{Closed, Known, Scope, clock_after, elapsed_since},
};
use crate::{
    aws::archive_keys,
    domain::{Fact, Observation, Session, SessionId, SessionKey, SessionType},
};

const HEAD_OBJECT: &str = "s3:HeadObject";
/// The agent uploads seconds after the end: looking earlier finds nothing.
const FIRST_LOOK: Duration = Duration::from_secs(10);
/// How long an object is looked for with patience (rule LOG-07), plus a tenth of the session's length: long logs take longer.
const GRACE: Duration = Duration::from_secs(15 * 60);
/// The longest pause within the grace, and the pause after it.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
const LATE_PAUSE: Duration = Duration::from_secs(300);
/// An object that is later than this is not looked for any more.
const GIVE_UP: Duration = Duration::from_secs(24 * 3600);
const AT_ONCE: usize = 4;

/// The archive task of one scope.
#[derive(Debug)]
pub(super) struct Archives {
    scope: Arc<Scope>,
    searches: HashMap<SessionId, Search>,
    /// Sessions that need no search (any more).
    settled: HashSet<SessionId>,
}

/// The search for one object.
#[derive(Debug)]
struct Search {
    session: SessionKey,
    bucket: String,
    keys: Vec<String>,
    ended_at: Timestamp,
    grace: Duration,
    due: Instant,
    misses: u32,
}

impl Archives {
    pub(super) fn new(scope: Arc<Scope>) -> Self {
        Self { scope, searches: HashMap::new(), settled: HashSet::new() }
    }

    /// Looks for what is due; when to come back (nothing: when something changes).
    pub(super) async fn step(&mut self) -> Result<Option<Instant>, Closed> {
        let scope = self.scope.clone();
        {
            let known = scope.known.borrow();
            if known.cut_off {
                return Ok(None);
            }
            self.take_up(&known);
        }
        let now = Instant::now();
        let due: Vec<SessionId> =
            self.searches.iter().filter(|(_, search)| search.due <= now).map(|(id, _)| id.clone()).collect();
        for some in due.chunks(AT_ONCE) {
            let reads = some.iter().filter_map(|id| {
                let search = self.searches.get(id)?;
                let request = scope.client.archive_object(&search.bucket, &search.keys);
                Some(async { (search.session.clone(), scope.ask(request).await) })
            });
            for (session, answer) in join_all(reads).await {
                let object = match answer {
                    Ok(Some(object)) => {
                        self.settle(&session.id);
                        Fact::known(Some(object), HEAD_OBJECT, Timestamp::now())
                    }
                    Ok(None) => {
                        self.missed(&session.id);
                        Fact::known(None, HEAD_OBJECT, Timestamp::now())
                    }
                    Err(failure) => {
                        let wait = self.failed(&session.id);
                        Fact::failed(failure, Some(clock_after(wait)))
                    }
                };
                scope.tell(Observation::Archive { session, object }).await?;
            }
        }
        Ok(self.searches.values().map(|search| search.due).min())
    }

    /// Begins to look for the objects of sessions that ended.
    fn take_up(&mut self, known: &Known) {
        self.settled.retain(|id| known.ended.contains_key(id));
        for session in known.ended.values() {
            let id = &session.key.id;
            if self.searches.contains_key(id) || self.settled.contains(id) {
                continue;
            }
            let Some(ended_at) = session.ended_at else { continue };
            // What the session was, and where its log goes, must have been asked first; it need not have been answered.
            if known.document_of(session).is_none() || known.preferences.is_none() {
                continue;
            }
            if known.type_of(session) == Some(&SessionType::Port) {
                self.settled.insert(id.clone());
                continue;
            }
            // Preferences may still name a bucket later.
            let Some((bucket, prefix)) = known.archive_of(session, &self.scope.config) else { continue };
            let wait = FIRST_LOOK.saturating_sub(elapsed_since(ended_at));
            let search = Search {
                session: session.key.clone(),
                bucket,
                keys: archive_keys(&prefix, &session.key),
                ended_at,
                grace: grace_of(session),
                due: Instant::now() + wait,
                misses: 0,
            };
            self.searches.insert(id.clone(), search);
        }
    }

    fn settle(&mut self, id: &SessionId) {
        self.searches.remove(id);
        self.settled.insert(id.clone());
    }

    fn missed(&mut self, id: &SessionId) {
        let Some(search) = self.searches.get_mut(id) else { return };
        let over = elapsed_since(search.ended_at);
        if over > GIVE_UP {
            self.settle(id);
            return;
        }
        search.misses += 1;
        let pause = if over > search.grace { LATE_PAUSE } else { delay(FIRST_LOOK / 2, search.misses, LONGEST_PAUSE) };
        search.due = Instant::now() + pause;
    }

    fn failed(&mut self, id: &SessionId) -> Duration {
        let Some(search) = self.searches.get_mut(id) else { return CEILING };
        search.misses += 1;
        let wait = delay(Duration::from_secs(2), search.misses, CEILING);
        search.due = Instant::now() + wait;
        wait
    }
}

fn grace_of(session: &Session) -> Duration {
    let lasted = session.started_at.zip(session.ended_at).map(|(started, ended)| ended.duration_since(started));
    let lasted = lasted.and_then(|lasted| Duration::try_from(lasted).ok()).unwrap_or_default();
    GRACE + lasted / 10
}
