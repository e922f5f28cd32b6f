//! Everything known about the world: scopes, sessions, evidence, verdicts. No view of it.

mod adopt;
mod evidence;
mod judge;
mod merge;
mod principals;
mod recorder;
mod role_watch;
#[cfg(test)]
mod tests;

pub use recorder::{Recorder, TailGap};

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::listening::{DetectionBook, Survivor};
use crate::{
    compliance::{Concurrency, Engine, deny::DenyAnalysis},
    domain::{
        AccountId, ApiCount, ArchiveObject, CredentialBase, CredentialStanding, DocumentStanding, Fact, Failure,
        Judgement, LogStream, Node, NodeId, NodeTags, RolePolicies, ScopeId, Session, SessionDocument, SessionId,
        SessionKey, Severity, StreamHealth, Subject, TagChange, TailMode, TrailEvent, Verdict,
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
    /// What the policies of a role deny to logging in one scope, by role name.
    pub(super) analyses: HashMap<(ScopeId, Arc<str>), DenyAnalysis>,
    /// Tags of principals that hold sessions, by name and whether it is a user.
    pub principals: HashMap<(AccountId, Arc<str>, bool), Fact<Option<NodeTags>>>,
    /// Changes of principals' tags, by account.
    pub tag_changes: HashMap<AccountId, TagBook>,
    /// Who held sessions before, by scope.
    pub(super) earlier: HashMap<ScopeId, Earlier>,
    /// How it stands with the credentials that people renew.
    pub credentials: BTreeMap<CredentialBase, CredentialStanding>,
    /// Accounts and their verdicts.
    pub accounts: BTreeMap<AccountId, AccountBoard>,
    /// The rules.
    pub engine: Arc<Engine>,
    /// A scope whose last good listing is older than this is stale.
    pub stale_after: SignedDuration,
    /// Bumped whenever something that a table shows has changed.
    pub revision: u64,
    due: BTreeSet<(Timestamp, SessionKey)>,
    unjudged: VecDeque<SessionKey>,
    /// Nodes, preferences and accounts whose verdict has to be found anew, and when time alone may change one.
    unjudged_others: BTreeSet<Other>,
    due_others: BTreeMap<Other, Timestamp>,
    /// Sessions of each principal.
    by_owner: HashMap<Arc<str>, OwnerBoard>,
    /// Sessions on each node.
    by_node: HashMap<(ScopeId, NodeId), BTreeSet<SessionKey>>,
    /// Principals of whom a session began or ended since they were counted.
    owners_changed: HashSet<Arc<str>>,
    /// What was judged or heard anew, or left, since somebody asked.
    news: BTreeSet<Subject>,
    /// Who held sessions before, as earlier runs remember it: starts by account and owner.
    remembered: HashMap<(AccountId, Arc<str>), Vec<Timestamp>>,
    /// Sessions of the past that somebody opened.
    adopted: BTreeSet<SessionKey>,
}

/// What is judged beside sessions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Other {
    Node(ScopeId, NodeId),
    Preferences(ScopeId),
    Account(AccountId),
}

/// One account, as far as it is judged by itself.
#[derive(Debug, Default)]
pub struct AccountBoard {
    /// Its findings and verdict.
    pub judgement: Judgement,
    /// When non-compliant sessions of it were proven to be terminated from here.
    terminated: VecDeque<Timestamp>,
}

/// One principal: its sessions in all accounts and regions, and how many they are.
#[derive(Debug, Default)]
struct OwnerBoard {
    keys: BTreeSet<SessionKey>,
    concurrency: Concurrency,
}

/// Who held sessions in a scope before the watch began.
#[derive(Debug)]
pub(super) struct Earlier {
    /// The read of the service's history.
    read: Fact<()>,
    /// How far back it reaches.
    since: Timestamp,
    /// Starts by owner.
    starts: HashMap<Arc<str>, Vec<Timestamp>>,
}

/// Changes of the tags of an account's principals.
#[derive(Debug, Default)]
pub struct TagBook {
    /// The last lookup.
    pub read: Fact<()>,
    /// How far back the lookups reach.
    pub from: Option<Timestamp>,
    /// Oldest first.
    pub changes: Vec<TagChange>,
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
    /// The newest version of the preferences document.
    pub latest_preferences: Fact<Option<SessionDocument>>,
    /// The findings on the preferences and their verdict.
    pub preferences_judgement: Judgement,
    /// Documents in use.
    pub documents: HashMap<Arc<str>, Fact<Option<SessionDocument>>>,
    /// Whose documents in use are, and who may use them; the preferences document among them.
    pub standings: HashMap<Arc<str>, Fact<Option<DocumentStanding>>>,
    /// Whether log groups exist.
    pub log_groups: HashMap<Arc<str>, Fact<bool>>,
    /// The last read of each log group's tail.
    pub tails: HashMap<Arc<str>, Fact<()>>,
    /// How the events of each log group come.
    pub tail_modes: BTreeMap<Arc<str>, TailMode>,
    /// Times of which events of log groups may be missing, oldest first; the latest of them.
    pub tail_gaps: Vec<TailGap>,
    /// The last lookup of session starts in CloudTrail.
    pub trail_read: Fact<()>,
    /// How far back those lookups reach.
    pub trail_from: Option<Timestamp>,
    /// Records of sessions that no listing showed yet.
    pub(super) trail_ahead: HashMap<SessionId, Vec<TrailEvent>>,
    /// Nodes with sessions.
    pub nodes: HashMap<NodeId, NodeBoard>,
    /// Requests so far, by IAM action.
    pub calls: HashMap<&'static str, ApiCount>,
    /// Whose credentials these are.
    pub caller: Option<Arc<str>>,
    /// Sessions that ended were listed at least once.
    pub history_read: bool,
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
    /// Its findings and verdict.
    pub judgement: Judgement,
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
    /// What the tail of its log group showed of its stream; `None`: no event yet.
    pub stream: Option<StreamHealth>,
    /// What became of its stream during the session, and when that was seen.
    pub stream_change: Option<(Arc<str>, Timestamp)>,
    /// The role of its node as it was read first, to tell a change.
    role_at_first: Option<role_watch::RoleMark>,
    /// What changed in that role during the session, and when that was seen.
    pub role_change: Option<(Arc<str>, Timestamp)>,
    /// CloudTrail's record of its start.
    pub start_record: Option<Box<TrailEvent>>,
    /// CloudTrail's records of each time it was resumed, oldest first.
    pub resume_records: Vec<TrailEvent>,
    /// CloudTrail's record of who ended it.
    pub end_record: Option<Box<TrailEvent>>,
    /// Whether it is its principal's first session on the account in a long time.
    pub first_of_principal: Fact<bool>,
    /// What rules found in what was typed and printed.
    pub detections: DetectionBook,
    /// What was started in it that outlives its end.
    pub survivors: Vec<Survivor>,
    /// The findings and the verdict.
    pub judgement: Judgement,
    /// It is of the past, and here only because somebody opened it: its verdict is the one of its end.
    pub adopted: bool,
    /// The verdict has to be found anew.
    pub(in crate::app) dirty: bool,
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
    /// Active sessions in which something was typed that a rule detects.
    pub detected: usize,
    /// The worst severity of what was typed.
    pub detected_worst: Option<Severity>,
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
    /// Preferences documents, one a scope.
    pub preferences: Others,
    /// Nodes with sessions.
    pub nodes: Others,
    /// Accounts by themselves: over the threshold of terminations.
    pub accounts: Others,
}

/// How what is judged beside sessions is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Others {
    /// NON_COMPLIANT.
    pub non_compliant: usize,
    /// The worst severity among them.
    pub worst: Option<Severity>,
    /// INSUFFICIENT_DATA, or not judged yet.
    pub unknown: usize,
}

impl Others {
    fn count(&mut self, judgement: &Judgement) {
        match judgement.verdict() {
            Verdict::NonCompliant => {
                self.non_compliant += 1;
                self.worst = self.worst.max(judgement.severity());
            }
            Verdict::InsufficientData => self.unknown += 1,
            Verdict::Compliant | Verdict::NotApplicable => {}
        }
    }
}

impl Board {
    /// An empty board of those scopes, each with the account's name and the config's log group.
    pub fn new(
        scopes: impl IntoIterator<Item = (ScopeId, Arc<str>, Option<Arc<str>>)>,
        engine: Arc<Engine>,
        stale_after: SignedDuration,
    ) -> Self {
        let scopes: BTreeMap<ScopeId, ScopeBoard> = scopes
            .into_iter()
            .map(|(scope, name, log_group)| (scope, ScopeBoard { name, log_group, ..ScopeBoard::default() }))
            .collect();
        let accounts: BTreeMap<AccountId, AccountBoard> =
            scopes.keys().map(|scope| (scope.account.clone(), AccountBoard::default())).collect();
        let unjudged_accounts = accounts.keys().cloned().map(Other::Account);
        let unjudged_others = scopes.keys().cloned().map(Other::Preferences).chain(unjudged_accounts).collect();
        Self {
            scopes,
            sessions: HashMap::new(),
            roles: HashMap::new(),
            engine,
            stale_after,
            revision: 0,
            due: BTreeSet::new(),
            unjudged: VecDeque::new(),
            analyses: HashMap::new(),
            principals: HashMap::new(),
            tag_changes: HashMap::new(),
            earlier: HashMap::new(),
            credentials: BTreeMap::new(),
            accounts,
            unjudged_others,
            due_others: BTreeMap::new(),
            by_owner: HashMap::new(),
            by_node: HashMap::new(),
            owners_changed: HashSet::new(),
            news: BTreeSet::new(),
            remembered: HashMap::new(),
            adopted: BTreeSet::new(),
        }
    }

    /// What was judged or heard anew, or left, since this was asked last: at most `most` of it.
    pub fn take_news(&mut self, most: usize) -> Vec<Subject> {
        let mut taken = Vec::new();
        while taken.len() < most {
            let Some(subject) = self.news.pop_first() else { break };
            taken.push(subject);
        }
        taken
    }

    /// Something about it is to be looked at anew.
    pub(in crate::app) fn tell(&mut self, subject: Subject) {
        self.news.insert(subject);
    }

    /// Whether there is news that nobody took.
    pub fn has_news(&self) -> bool {
        !self.news.is_empty()
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
            counts.preferences.count(&scope.preferences_judgement);
            scope.nodes.values().for_each(|node| counts.nodes.count(&node.judgement));
        }
        self.accounts.values().for_each(|account| counts.accounts.count(&account.judgement));
        for session in self.sessions.values().filter(|session| !session.adopted) {
            let verdict = session.judgement.verdict();
            if session.phase != Phase::Active {
                counts.ended += 1;
                counts.ended_non_compliant += usize::from(verdict == Verdict::NonCompliant);
                continue;
            }
            counts.active += 1;
            let worst = session.detections.worst();
            counts.detected += usize::from(worst.is_some());
            counts.detected_worst = counts.detected_worst.max(worst);
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
