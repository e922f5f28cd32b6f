//! Log streams of active sessions: one listing by recency a poll and log group, lookups by name only for what it does not show.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    WatchConfig,
    backoff::{Backoff, CEILING, DueBook},
    listing::HISTORY_SPAN,
    scope::{Closed, Known, Scope, clock_after, clock_before, elapsed_since},
};
use crate::domain::{Fact, Failure, FailureClass, LogStream, Observation, SessionId, SessionType};

const DESCRIBE: &str = "logs:DescribeLogStreams";
/// First delay before a stream that is not there is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Lookups by name in one poll, and at once (DescribeLogStreams allows 25 a second for the whole account and region).
const LOOKUPS_A_POLL: usize = 20;
const LOOKUPS_AT_ONCE: usize = 4;

/// After this long the stream of a session that is over does not come any more: the agent uploads within minutes.
const LATEST: Duration = Duration::from_secs(15 * 60);

type Told = Vec<(SessionId, Fact<Option<LogStream>>)>;

/// The log stream task of one scope.
#[derive(Debug)]
pub(super) struct Streams {
    scope: Arc<Scope>,
    due: Instant,
    backoff: Backoff,
    lookups: DueBook<SessionId>,
    /// Sessions whose stream was seen last time.
    there: HashSet<SessionId>,
    /// Sessions that are over, and whose stream was found or is not to be expected any more (rule LOG-09).
    settled: HashSet<SessionId>,
}

/// A session whose stream is wanted.
struct Wanted {
    id: SessionId,
    started_at: Option<Timestamp>,
    /// When it ended, if it did.
    ended_at: Option<Timestamp>,
}

impl Streams {
    pub(super) fn new(scope: Arc<Scope>) -> Self {
        let backoff = Backoff::new(scope.config.sessions_every);
        Self {
            scope,
            due: Instant::now(),
            backoff,
            lookups: DueBook::new(),
            there: HashSet::new(),
            settled: HashSet::new(),
        }
    }

    /// Reads what is due; when to come back (nothing: when something changes).
    pub(super) async fn step(&mut self) -> Result<Option<Instant>, Closed> {
        let scope = self.scope.clone();
        let groups = {
            let known = scope.known.borrow();
            if known.cut_off {
                return Ok(None);
            }
            let groups = groups_of(&known, &scope.config).into_iter().map(|(group, sessions)| {
                let wanted = sessions.into_iter().map(|(id, started_at)| Wanted { id, started_at, ended_at: None });
                (group, wanted.collect())
            });
            let mut groups = groups.collect::<HashMap<Arc<str>, Vec<Wanted>>>();
            self.add_ended(&known, &mut groups);
            groups
        };
        let mut fresh = false;
        let ids: HashSet<SessionId> = groups.values().flatten().map(|wanted| wanted.id.clone()).collect();
        // Whoever is no longer looked for is forgotten: a watch runs for weeks.
        self.there.retain(|id| ids.contains(id));
        self.lookups.want(ids, Instant::now());
        if groups.is_empty() {
            return Ok(None);
        }
        if Instant::now() < self.due {
            // A session that is new here is looked up at once; the listing by recency keeps its pace.
            fresh = !self.lookups.due(Instant::now(), Duration::ZERO).is_empty();
            if !fresh {
                return Ok(self.next());
            }
        }
        let mut wait = scope.config.sessions_every;
        for (group, wanted) in groups {
            if let Err(failed) = self.read_group(&group, &wanted, fresh).await? {
                wait = wait.max(failed);
            }
        }
        if !fresh {
            self.due = Instant::now() + wait;
        }
        Ok(self.next())
    }

    /// Sessions that ended lately are looked up too, until their stream was found.
    fn add_ended(&mut self, known: &Known, groups: &mut HashMap<Arc<str>, Vec<Wanted>>) {
        self.settled.retain(|id| known.ended.contains_key(id));
        let since = clock_before(HISTORY_SPAN);
        for session in known.ended.values() {
            let id = &session.key.id;
            let recent = session.ended_at.is_some_and(|ended| ended >= since);
            let documented = known.document_of(session).is_some() && may_stream(known.type_of(session));
            if !recent || !documented || self.settled.contains(id) || known.active.contains_key(id) {
                continue;
            }
            if let Some(group) = known.log_group_of(session, &self.scope.config) {
                let wanted = Wanted { id: id.clone(), started_at: session.started_at, ended_at: session.ended_at };
                groups.entry(group).or_default().push(wanted);
            }
        }
    }

    /// What was found out of a session that is over is final: the stream, or that none came in time.
    fn settle(&mut self, wanted: &[Wanted], id: &SessionId, there: bool) {
        let ended_at = wanted.iter().find(|wanted| wanted.id == *id).and_then(|wanted| wanted.ended_at);
        if ended_at.is_some_and(|ended| there || elapsed_since(ended) > LATEST) {
            self.settled.insert(id.clone());
        }
    }

    fn next(&self) -> Option<Instant> {
        // A lookup that is overdue waits for the poll: there are only so many a poll.
        let lookup = self.lookups.next().map(|due| due.max(Instant::now() + LOOK_AGAIN));
        [Some(self.due), lookup].into_iter().flatten().min()
    }

    /// Reads one group; on failure: how long to leave it alone.
    async fn read_group(
        &mut self,
        group: &Arc<str>,
        wanted: &[Wanted],
        only_lookups: bool,
    ) -> Result<Result<(), Duration>, Closed> {
        let scope = self.scope.clone();
        let mut told: Told = Vec::new();
        if !only_lookups {
            let ids: Vec<SessionId> = wanted.iter().map(|wanted| wanted.id.clone()).collect();
            let oldest = wanted.iter().map(|wanted| wanted.started_at).min().flatten();
            match scope.ask(scope.client.recent_log_streams(group, &ids, oldest)).await {
                Ok(found) => {
                    self.backoff.succeeded();
                    let at = Timestamp::now();
                    // A stream that was there and is not listed any more may have been deleted: it is asked for by name.
                    for id in ids.iter().filter(|id| !found.contains_key(*id)) {
                        if self.there.remove(id) {
                            self.lookups.done(id, Instant::now(), Duration::ZERO);
                        }
                    }
                    for (id, stream) in found {
                        self.lookups.done(&id, Instant::now(), CEILING);
                        self.there.insert(id.clone());
                        self.settle(wanted, &id, true);
                        told.push((id, Fact::known(Some(stream), DESCRIBE, at)));
                    }
                }
                Err(failure) => return self.group_failed(wanted, failure).await.map(Err),
            }
        }
        let mut due = self.lookups.due(Instant::now(), Duration::ZERO);
        due.retain(|id| wanted.iter().any(|wanted| wanted.id == *id));
        due.truncate(LOOKUPS_A_POLL);
        let mut failed = None;
        for some in due.chunks(LOOKUPS_AT_ONCE) {
            let reads = some.iter().map(|id| scope.ask(scope.client.log_stream(group, id)));
            for (id, answer) in some.iter().zip(join_all(reads).await) {
                match answer {
                    Ok(stream) => {
                        if stream.is_some() {
                            self.lookups.done(id, Instant::now(), CEILING);
                            self.there.insert(id.clone());
                        } else {
                            self.lookups.missed(id, Instant::now(), LOOK_AGAIN, CEILING);
                        }
                        self.settle(wanted, id, stream.is_some());
                        told.push((id.clone(), Fact::known(stream, DESCRIBE, Timestamp::now())));
                    }
                    Err(failure) => failed = Some(failure),
                }
            }
            if failed.is_some() {
                break;
            }
        }
        if !told.is_empty() {
            scope.tell(Observation::LogStreams { scope: scope.client.id().clone(), streams: told }).await?;
        }
        match failed {
            Some(failure) => {
                let unread: Vec<&SessionId> = due.iter().collect();
                let unread: Vec<Wanted> = wanted
                    .iter()
                    .filter(|wanted| unread.contains(&&wanted.id))
                    .map(|wanted| Wanted { id: wanted.id.clone(), ..*wanted })
                    .collect();
                self.group_failed(&unread, failure).await.map(Err)
            }
            None => Ok(Ok(())),
        }
    }

    /// Tells the failure for each session. A group that is not there holds no stream: that is known, not failed.
    async fn group_failed(&mut self, wanted: &[Wanted], failure: Failure) -> Result<Duration, Closed> {
        let wait = self.backoff.failed();
        let gone = failure.class == FailureClass::Gone;
        let at = Timestamp::now();
        let streams = wanted
            .iter()
            .map(|wanted| {
                self.lookups.missed(&wanted.id, Instant::now(), wait, CEILING);
                let fact = if gone {
                    Fact::known(None, DESCRIBE, at)
                } else {
                    Fact::failed(failure.clone(), Some(clock_after(wait)))
                };
                (wanted.id.clone(), fact)
            })
            .collect();
        self.scope.tell(Observation::LogStreams { scope: self.scope.client.id().clone(), streams }).await?;
        Ok(wait)
    }
}

/// The log groups in which active sessions may have streams, with the sessions' ids and starts.
pub(super) fn groups_of(known: &Known, config: &WatchConfig) -> HashMap<Arc<str>, Vec<(SessionId, Option<Timestamp>)>> {
    let mut groups: HashMap<Arc<str>, Vec<(SessionId, Option<Timestamp>)>> = HashMap::new();
    for session in known.active.values() {
        // Without its document it is not known whether the session can have a stream at all.
        if known.document_of(session).is_none() || !may_stream(known.type_of(session)) {
            continue;
        }
        if let Some(group) = known.log_group_of(session, config) {
            groups.entry(group).or_default().push((session.key.id.clone(), session.started_at));
        }
    }
    groups
}

/// Only shells stream while they run; of an unknown type nothing is ruled out.
fn may_stream(session_type: Option<&SessionType>) -> bool {
    matches!(session_type, None | Some(SessionType::StandardStream | SessionType::Other(_)))
}
