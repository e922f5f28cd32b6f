//! Everything known about the world: scopes, sessions, evidence, verdicts. No view of it.

mod judge;
mod merge;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    compliance::Engine,
    domain::{
        AccountId, ApiCount, ArchiveObject, Fact, Failure, Judgement, LogStream, Node, NodeId, NodeTags, RolePolicies,
        ScopeId, Session, SessionDocument, SessionId, SessionKey, Verdict,
    },
};

/// How long an ended session stays on the board.
pub const HISTORY: SignedDuration = SignedDuration::from_hours(1);

/// The state of the world as far as it was read.
#[derive(Debug)]
pub struct Board {
    /// All configured scopes, whether they answer or not.
    pub scopes: BTreeMap<ScopeId, ScopeBoard>,
    /// All sessions, active and ended within [`HISTORY`].
    pub sessions: HashMap<SessionKey, SessionBoard>,
    /// Policies of the roles that nodes use.
    pub roles: HashMap<(AccountId, Arc<str>), Fact<Option<RolePolicies>>>,
    /// The rules.
    pub engine: Arc<Engine>,
    /// A scope whose last good listing is older than this is stale.
    pub stale_after: SignedDuration,
    /// Bumped whenever something that a table shows has changed.
    pub revision: u64,
    due: BTreeSet<(Timestamp, SessionKey)>,
    unjudged: VecDeque<SessionKey>,
}

/// One scope: its health and its evidence.
#[derive(Debug, Default)]
pub struct ScopeBoard {
    /// The account's name from the config.
    pub name: Arc<str>,
    /// The log group of the config, which goes before the preferences document.
    pub log_group: Option<Arc<str>>,
    /// The last complete Active listing.
    pub last_good: Option<Timestamp>,
    /// The failure that stands since the last complete listing.
    pub failing: Option<Failing>,
    /// Evidence that cannot be read, by IAM action.
    pub evidence_failures: BTreeMap<&'static str, Failing>,
    /// The preferences document; `Known(None)`: there is none.
    pub preferences: Fact<Option<SessionDocument>>,
    /// Documents in use.
    pub documents: HashMap<Arc<str>, Fact<Option<SessionDocument>>>,
    /// Nodes with sessions.
    pub nodes: HashMap<NodeId, NodeBoard>,
    /// Requests so far, by IAM action.
    pub calls: HashMap<&'static str, ApiCount>,
    /// Whose credentials these are.
    pub caller: Option<Arc<str>>,
    /// Ids of the sessions that are active here.
    active: HashSet<SessionId>,
}

/// A failure that stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Failing {
    /// What failed last.
    pub failure: Failure,
    /// Since when nothing succeeded.
    pub since: Timestamp,
    /// The next try, if one is planned.
    pub retry_at: Option<Timestamp>,
}

/// What is known about a node.
#[derive(Debug, Default)]
pub struct NodeBoard {
    /// Its properties; `Known(None)`: the service does not know it.
    pub properties: Fact<Option<Node>>,
    /// Its tags.
    pub tags: Fact<NodeTags>,
}

/// One session with its evidence and verdict.
#[derive(Debug)]
pub struct SessionBoard {
    /// As last listed.
    pub session: Session,
    /// Active, or how it ended.
    pub phase: Phase,
    /// When a listing showed it last.
    pub listed_at: Timestamp,
    /// Complete Active listings in a row that lacked it.
    pub missed: u8,
    /// When we first saw it in its present status.
    pub status_since: Timestamp,
    /// Its log stream; `Known(None)`: looked for, and not there.
    pub log_stream: Fact<Option<LogStream>>,
    /// Its archive object; `Known(None)`: looked for, and not there.
    pub archive: Fact<Option<ArchiveObject>>,
    /// The findings and the verdict.
    pub judgement: Judgement,
    /// The verdict has to be found anew.
    pub(super) dirty: bool,
    /// When time alone may change the verdict.
    next_change: Option<Timestamp>,
}

/// Whether a session lives.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Listed as active.
    Active,
    /// Over.
    Ended {
        /// How we know: the History status, or that two complete listings lacked it.
        how: Arc<str>,
        /// When it ended, or when its absence was certain.
        at: Timestamp,
    },
}

/// How a scope is, for the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// A complete listing, recent enough.
    Fresh,
    /// Never read so far, and no failure yet.
    Loading,
    /// The last complete listing is too old, or the last try failed.
    Stale,
    /// Cannot be read: denied, expired, unreachable, and nothing recent to show.
    Blind,
}

/// The numbers of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Active sessions.
    pub active: usize,
    /// Of them in scopes that are not fresh: active when last seen, and not seen now.
    pub unseen: usize,
    /// Of the active ones NON_COMPLIANT.
    pub non_compliant: usize,
    /// Of the active ones NON_COMPLIANT with a CRITICAL finding.
    pub critical: usize,
    /// Of the active ones INSUFFICIENT_DATA.
    pub insufficient: usize,
    /// Ended sessions.
    pub ended: usize,
    /// Ended sessions that are NON_COMPLIANT.
    pub ended_non_compliant: usize,
    /// All scopes.
    pub scopes: usize,
    /// Scopes that are fresh.
    pub fresh: usize,
    /// Scopes not read yet, without a failure.
    pub loading: usize,
    /// Seconds since the oldest last good listing of a scope that was read at least once.
    pub oldest_seconds: Option<i64>,
    /// Scopes that were never read.
    pub never_read: usize,
    /// Scopes with evidence that cannot be read.
    pub partial: usize,
}

impl Board {
    /// An empty board of those scopes, each with the account's name and the config's log group.
    pub fn new(
        scopes: impl IntoIterator<Item = (ScopeId, Arc<str>, Option<Arc<str>>)>,
        engine: Arc<Engine>,
        stale_after: SignedDuration,
    ) -> Self {
        Self {
            scopes: scopes
                .into_iter()
                .map(|(scope, name, log_group)| (scope, ScopeBoard { name, log_group, ..ScopeBoard::default() }))
                .collect(),
            sessions: HashMap::new(),
            roles: HashMap::new(),
            engine,
            stale_after,
            revision: 0,
            due: BTreeSet::new(),
            unjudged: VecDeque::new(),
        }
    }

    /// The name of an account, or its id where the config gives none.
    pub fn account_name<'a>(&'a self, scope: &'a ScopeId) -> &'a str {
        match self.scopes.get(scope) {
            Some(board) if !board.name.is_empty() => &board.name,
            _ => scope.account.as_str(),
        }
    }

    /// What is known of the node that a session runs on.
    pub fn node(&self, session: &Session) -> Option<&NodeBoard> {
        self.scopes.get(&session.key.scope)?.nodes.get(&session.target)
    }

    /// The log group of a scope's sessions, if it is known: the config's, or the preferences document's.
    pub fn log_group(&self, scope: &ScopeId) -> Option<Arc<str>> {
        let scope = self.scopes.get(scope)?;
        if let Some(group) = &scope.log_group {
            return Some(Arc::clone(group));
        }
        let document = scope.preferences.value()?.as_ref()?;
        (!document.inputs.log_group.is_empty()).then(|| document.inputs.log_group.as_str().into())
    }

    /// How a scope is at `now`.
    pub fn freshness(&self, scope: &ScopeBoard, now: Timestamp) -> Freshness {
        let recent = scope.last_good.is_some_and(|at| now.duration_since(at) <= self.stale_after);
        match (&scope.failing, scope.last_good) {
            (_, Some(_)) if recent => Freshness::Fresh,
            (None, None) => Freshness::Loading,
            (None, Some(_)) => Freshness::Stale,
            (Some(failing), _) => match failing.failure.class {
                crate::domain::FailureClass::Throttled => Freshness::Stale,
                _ => Freshness::Blind,
            },
        }
    }

    /// Since when an active session is not seen: its scope is not fresh, and the last listing that showed it was then.
    /// `None`: it is seen, or it ended.
    pub fn unseen_since(&self, session: &SessionBoard, now: Timestamp) -> Option<Timestamp> {
        let scope = self.scopes.get(&session.session.key.scope)?;
        (session.is_active() && self.freshness(scope, now) != Freshness::Fresh).then_some(session.listed_at)
    }

    /// The header's numbers at `now`.
    pub fn counts(&self, now: Timestamp) -> Counts {
        let mut counts = Counts { scopes: self.scopes.len(), ..Counts::default() };
        let mut not_fresh = HashSet::new();
        for (id, scope) in &self.scopes {
            let freshness = self.freshness(scope, now);
            if freshness != Freshness::Fresh {
                not_fresh.insert(id);
            }
            match freshness {
                Freshness::Fresh => counts.fresh += 1,
                Freshness::Loading => counts.loading += 1,
                Freshness::Stale | Freshness::Blind => {}
            }
            match scope.last_good {
                Some(at) => {
                    let age = now.duration_since(at).as_secs().max(0);
                    counts.oldest_seconds = Some(counts.oldest_seconds.map_or(age, |oldest| oldest.max(age)));
                }
                None => counts.never_read += 1,
            }
            counts.partial += usize::from(!scope.evidence_failures.is_empty());
        }
        for session in self.sessions.values() {
            let verdict = session.judgement.verdict();
            if session.phase != Phase::Active {
                counts.ended += 1;
                counts.ended_non_compliant += usize::from(verdict == Verdict::NonCompliant);
                continue;
            }
            counts.active += 1;
            counts.unseen += usize::from(!not_fresh.is_empty() && not_fresh.contains(&session.session.key.scope));
            match verdict {
                Verdict::NonCompliant => {
                    counts.non_compliant += 1;
                    counts.critical +=
                        usize::from(session.judgement.severity() == Some(crate::domain::Severity::Critical));
                }
                Verdict::InsufficientData => counts.insufficient += 1,
                Verdict::Compliant | Verdict::NotApplicable => {}
            }
        }
        counts
    }
}

impl SessionBoard {
    /// Whether it is listed as active.
    pub fn is_active(&self) -> bool {
        self.phase == Phase::Active
    }

    /// When its terminal printed last, as far as the log stream tells.
    pub fn last_output(&self) -> Option<Timestamp> {
        self.log_stream.value()?.as_ref()?.last_event_at
    }
}
