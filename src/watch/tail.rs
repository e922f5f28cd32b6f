//! The tails of log groups: the events of all sessions that log there.
//!
//! Where it is allowed, a live tail of each group shows events within about a second. It leaves out what comes before it begins, after it broke,
//! and when there is much: FilterLogEvents looks for that, and polls where there is no live tail. Each event is taken once, whichever way it comes.
//!
//! FilterLogEvents selects by the events' time stamps, which the nodes write. How far a group was read is therefore told by AWS's clock:
//! the latest ingestion that was seen. Neither the analyst's clock nor a node's can make the tail look past what comes.

mod books;
mod gaps;
mod group;
mod live;
mod reading;
mod taken;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::{sync::watch, task::JoinSet, time::Instant};

use self::{group::GroupTail, live::at};
use super::{
    WatchConfig,
    pace::Pace,
    scope::{Closed, Known, Scope},
    streams::groups_of,
};
use crate::domain::{SessionId, SessionType};

const FILTER: &str = "logs:FilterLogEvents";
/// FilterLogEvents takes 5 requests a second of an account and region, where it takes the fewest: two a second of a scope.
const SCOPE_PAUSE: Duration = Duration::from_millis(500);
/// A session that ended is wanted this long: the agent sends the last lines within seconds, and what is not streamed as a whole.
const AFTER_END: Duration = Duration::from_secs(120);
/// Of sessions that ended while nothing could be read, this much is caught up with.
const CATCH_UP: SignedDuration = SignedDuration::from_hours(1);
/// How often it is looked whether sessions that ended are still wanted.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Sessions of a log group that are wanted, and when they began.
#[derive(Debug, Clone, Default, PartialEq)]
struct Wanted {
    sessions: HashMap<SessionId, Option<Timestamp>>,
    /// No request of the scope can work.
    cut_off: bool,
}

/// A tail that runs.
struct Running {
    wanted: watch::Sender<Wanted>,
    read_at: Arc<AtomicI64>,
}

/// The tails of one scope.
pub(super) struct Tails {
    scope: Arc<Scope>,
    pace: Arc<Pace>,
    running: HashMap<Arc<str>, Running>,
    /// Sessions that were active when it was last looked, and those that are not listed any more: since when.
    seen: HashMap<SessionId, Seen>,
}

struct Seen {
    group: Arc<str>,
    started_at: Option<Timestamp>,
    left: Option<Instant>,
}

impl Tails {
    pub(super) fn new(scope: Arc<Scope>) -> Self {
        Self { scope, pace: Arc::new(Pace::new(SCOPE_PAUSE)), running: HashMap::new(), seen: HashMap::new() }
    }

    /// Tails each log group that has wanted sessions.
    pub(super) async fn run(mut self) -> Result<(), Closed> {
        let mut changes = self.scope.known.subscribe();
        let mut tasks: JoinSet<Result<(), Closed>> = JoinSet::new();
        loop {
            let due = self.update(&mut tasks);
            tokio::select! {
                changed = changes.changed() => changed.map_err(|_| Closed)?,
                Some(ended) = tasks.join_next() => if let Ok(ended) = ended { ended? },
                () = at(due) => {}
            }
        }
    }

    /// For one pass: reads each log group once.
    pub(super) async fn pass(mut self) -> Result<(), Closed> {
        let wanted = {
            let known = self.scope.known.borrow();
            if known.cut_off {
                return Ok(());
            }
            wanted(&known, &self.scope.config, &mut self.seen, |_| None)
        };
        let passes = wanted.into_iter().map(|(group, sessions)| {
            let wanted = Wanted { sessions, cut_off: false };
            let (scope, pace) = (Arc::clone(&self.scope), Arc::clone(&self.pace));
            GroupTail::new(scope, group, pace, wanted, Arc::default()).pass()
        });
        try_join_all(passes).await.map(|_| ())
    }

    /// Begins and ends tails; when to look again.
    fn update(&mut self, tasks: &mut JoinSet<Result<(), Closed>>) -> Option<Instant> {
        let scope = Arc::clone(&self.scope);
        let known = scope.known.borrow();
        if known.cut_off {
            for running in self.running.values() {
                running.wanted.send_if_modified(|wanted| !std::mem::replace(&mut wanted.cut_off, true));
            }
            return None;
        }
        let running = &self.running;
        let read_at = |group: &str| {
            let millis = running.get(group)?.read_at.load(Ordering::Relaxed);
            Timestamp::from_millisecond(millis).ok()
        };
        let wanted = wanted(&known, &scope.config, &mut self.seen, read_at);
        let lingering = wanted.values().flat_map(HashMap::keys).any(|id| !known.active.contains_key(id));
        drop(known);
        // A tail ends when nobody can tell it any more what is wanted.
        self.running.retain(|group, _| wanted.contains_key(group));
        for (group, sessions) in wanted {
            let wanted = Wanted { sessions, cut_off: false };
            if let Some(running) = self.running.get(&group) {
                running.wanted.send_if_modified(|before| {
                    let changed = *before != wanted;
                    *before = wanted;
                    changed
                });
                continue;
            }
            let (sender, receiver) = watch::channel(wanted.clone());
            let read_at = Arc::new(AtomicI64::new(0));
            let running = Running { wanted: sender, read_at: Arc::clone(&read_at) };
            let tail = GroupTail::new(Arc::clone(&scope), Arc::clone(&group), Arc::clone(&self.pace), wanted, read_at);
            tasks.spawn(tail.run(receiver));
            self.running.insert(group, running);
        }
        lingering.then(|| Instant::now() + LOOK_AGAIN)
    }
}

type ByGroup = HashMap<Arc<str>, HashMap<SessionId, Option<Timestamp>>>;

/// What is wanted of which group: sessions that are active, and those that ended lately or since the group was last read.
fn wanted(
    known: &Known,
    config: &WatchConfig,
    seen: &mut HashMap<SessionId, Seen>,
    read_at: impl Fn(&str) -> Option<Timestamp>,
) -> ByGroup {
    let mut wanted = ByGroup::new();
    for (group, sessions) in groups_of(known, config) {
        for (id, started_at) in &sessions {
            seen.insert(id.clone(), Seen { group: Arc::clone(&group), started_at: *started_at, left: None });
        }
        wanted.insert(group, sessions.into_iter().collect());
    }
    let now = Timestamp::now();
    let since = |group: &str| {
        // One that was never read is caught up with too: zero stands for the oldest time.
        let read_at = read_at(group).unwrap_or(now).min(now).max(now.checked_sub(CATCH_UP).unwrap_or(now));
        read_at.checked_sub(SignedDuration::try_from(AFTER_END).unwrap_or_default()).unwrap_or(read_at)
    };
    let ended = known.ended.values().filter(|session| !known.active.contains_key(&session.key.id));
    for session in ended {
        let Some(ended_at) = session.ended_at else { continue };
        // Command sessions, and shells that do not stream, are logged when they are over.
        if known.document_of(session).is_none() || known.type_of(session) == Some(&SessionType::Port) {
            continue;
        }
        if let Some(group) = known.log_group_of(session, config).filter(|group| ended_at >= since(group)) {
            wanted.entry(group).or_default().insert(session.key.id.clone(), session.started_at);
        }
    }
    // Between the listing that lacks a session and the one that knows its end.
    let moment = Instant::now();
    seen.retain(|id, seen| {
        if known.active.contains_key(id) {
            return true;
        }
        let left = *seen.left.get_or_insert(moment);
        let waits = !known.ended.contains_key(id) && moment.duration_since(left) < AFTER_END;
        if waits {
            wanted.entry(Arc::clone(&seen.group)).or_default().insert(id.clone(), seen.started_at);
        }
        waits
    });
    wanted
}
