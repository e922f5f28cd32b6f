//! The past: sessions that ended within 30 days, as the board, the store and the service's History know them. One row a session.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::board::{Phase, SessionBoard};
use crate::domain::{
    AccessType, ArchiveObject, EndedSession, Fact, Failure, Finding, Judgement, NodeId, PastProgress, RuleId, ScopeId,
    Session, SessionId, SessionKey, SessionStatus, Severity, Verdict,
};

/// How far back the service tells of sessions that ended (quotas of Systems Manager: session history retention, 30 days).
pub const SPAN: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Sessions that are held; the latest of all.
pub const MOST: usize = 30_000;
/// Sessions that are read from the store; the latest of all.
pub const MOST_STORED: usize = 10_000;
/// Stored sessions whose findings are held.
const MOST_WHOLE: usize = 64;

/// Whether the object of a session is in the log archive.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum PastArchive {
    /// Nobody looked.
    #[default]
    NotLooked,
    /// It is looked for.
    Looking,
    /// It was there, or was not, when the session was remembered.
    Remembered(bool),
    /// What was found, and when; or why nobody can tell.
    Looked(Box<Fact<Option<ArchiveObject>>>),
}

/// A session that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct PastSession {
    /// Scope and id.
    pub key: SessionKey,
    /// ARN of who started it.
    pub owner: Arc<str>,
    /// The node.
    pub target: NodeId,
    /// The document; absent: the service's default.
    pub document: Option<Arc<str>>,
    /// The reason that was given. Hostile input.
    pub reason: Option<Arc<str>>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How it ended.
    pub how: Arc<str>,
    /// The verdict at its end; `None`: it was never judged.
    pub verdict: Option<Verdict>,
    /// The worst severity among the NON_COMPLIANT findings.
    pub severity: Option<Severity>,
    /// Rules that are NON_COMPLIANT or INSUFFICIENT_DATA.
    pub rules: Box<[RuleId]>,
    /// Whether its log is archived.
    pub archive: PastArchive,
    /// `MaxSessionDuration` in minutes.
    pub max_duration_minutes: Option<u32>,
    /// How access was granted, if the service says.
    pub access: Option<AccessType>,
    /// The store has it.
    pub stored: bool,
    /// The service lists it.
    pub listed: bool,
}

impl PastSession {
    /// How long it lasted.
    pub fn lasted(&self) -> Option<SignedDuration> {
        self.started_at.map(|started| self.ended_at.duration_since(started).max(SignedDuration::ZERO))
    }

    /// The document's name (of a full ARN, its last part).
    pub fn document_name(&self) -> &str {
        let document = self.document.as_deref().unwrap_or(Session::DEFAULT_DOCUMENT);
        if document.starts_with("arn:") { document.rsplit('/').next().unwrap_or(document) } else { document }
    }

    /// As the service would list it.
    pub fn session(&self) -> Session {
        Session {
            key: self.key.clone(),
            target: self.target.clone(),
            status: match SessionStatus::parse(&self.how) {
                // Two listings that lacked it are as good as its word.
                SessionStatus::Other(_) => SessionStatus::Terminated,
                status => status,
            },
            started_at: self.started_at,
            ended_at: Some(self.ended_at),
            document: self.document.clone(),
            owner: Arc::clone(&self.owner),
            reason: self.reason.clone(),
            max_duration_minutes: self.max_duration_minutes,
            log_group: None,
            access: self.access,
        }
    }
}

/// How the reading of the store is.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum StoredPast {
    /// Not asked for.
    #[default]
    NotAsked,
    /// Being read.
    Reading,
    /// Read; there is more than is held if it was cut.
    Read {
        /// Older sessions were left out.
        cut: bool,
    },
    /// It cannot be read.
    Failed(Arc<str>),
}

/// How the reading of one scope's past is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScopePast {
    /// It is being read, or is to be.
    pub reading: bool,
    /// Sessions that the reading brought so far.
    pub sessions: usize,
    /// When all of it was read last.
    pub read_at: Option<Timestamp>,
    /// Older ones are not read.
    pub cut: bool,
    /// Why the last page was not read, and the next try.
    pub failing: Option<(Failure, Timestamp)>,
}

/// The numbers of the title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PastCounts {
    /// All that are held.
    pub all: usize,
    /// Of them in the store.
    pub stored: usize,
    /// Of them listed by the service.
    pub listed: usize,
    /// NON_COMPLIANT.
    pub non_compliant: usize,
    /// Never judged.
    pub unjudged: usize,
}

/// All sessions that are over, as far as they are known.
#[derive(Debug, Default)]
pub struct HistoryBook {
    sessions: HashMap<SessionKey, PastSession>,
    /// By their ends: the newest are the last.
    by_end: BTreeSet<(Timestamp, SessionKey)>,
    names: HashSet<Arc<str>>,
    places: HashSet<ScopeId>,
    /// Stored sessions with their findings, as far as somebody looked at them; `None`: on the way.
    whole: HashMap<SessionKey, Option<Box<EndedSession>>>,
    /// How the store's part is.
    pub store: StoredPast,
    /// How each scope's part is.
    pub scopes: BTreeMap<ScopeId, ScopePast>,
    /// When the service was asked last.
    pub asked_at: Option<Timestamp>,
    /// There were more than are held.
    pub is_full: bool,
    /// Bumped with every change of what is listed.
    pub revision: u64,
    /// The numbers.
    pub counts: PastCounts,
    counted: Option<u64>,
}

impl HistoryBook {
    /// The session of that key.
    pub fn get(&self, key: &SessionKey) -> Option<&PastSession> {
        self.sessions.get(key)
    }

    /// All, the one that ended last first.
    pub fn newest(&self) -> impl Iterator<Item = &PastSession> {
        self.by_end.iter().rev().filter_map(|(_, key)| self.sessions.get(key))
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// A stored session with its findings; `None`: it is not stored, not asked for, or on the way.
    pub fn whole(&self, key: &SessionKey) -> Option<&EndedSession> {
        self.whole.get(key)?.as_deref()
    }

    /// Whether the store is to be asked for the findings of that session; it is asked once.
    pub(super) fn wants_whole(&mut self, key: &SessionKey) -> bool {
        if !self.sessions.get(key).is_some_and(|past| past.stored) || self.whole.contains_key(key) {
            return false;
        }
        if self.whole.len() >= MOST_WHOLE {
            self.whole.clear();
        }
        self.whole.insert(key.clone(), None);
        true
    }

    /// What the store has of that session.
    pub(super) fn put_whole(&mut self, key: SessionKey, found: Option<Box<EndedSession>>) {
        self.revision += 1;
        self.whole.insert(key, found);
    }

    /// The judgement at the end of that session, with the findings as far as they were read.
    pub(super) fn judgement(&self, key: &SessionKey) -> Judgement {
        let findings = self.whole(key).map(|whole| whole.findings.clone()).unwrap_or_default();
        Judgement { findings, verdict: self.sessions.get(key).and_then(|past| past.verdict) }
    }

    /// As the board has it; a session that is active again is not of the past.
    pub(super) fn put_board(&mut self, board: &SessionBoard) {
        let session = &board.session;
        let Phase::Ended { how, at } = &board.phase else {
            if self.sessions.contains_key(&session.key) {
                self.remove(&session.key);
            }
            return;
        };
        if board.adopted {
            return;
        }
        let mut past = self.of_service(session, *at, how);
        if let Some(before) = self.sessions.get(&session.key) {
            (past.listed, past.stored) = (before.listed, before.stored);
        }
        match board.judgement.verdict {
            Some(_) => {
                past.verdict = board.judgement.verdict;
                past.severity = board.judgement.severity();
                past.rules = self.rules(&board.judgement.findings);
            }
            None => self.keep_judgement(&mut past),
        }
        past.archive = match &board.archive {
            Fact::Missing(missing) if missing.why == crate::domain::Why::NotRead => {
                self.sessions.get(&past.key).map(|before| before.archive.clone()).unwrap_or_default()
            }
            known => PastArchive::Looked(Box::new(known.clone())),
        };
        self.put(past);
    }

    /// As the service lists it: what it says of the end goes before what the store says.
    pub(super) fn put_listed(&mut self, session: &Session, now: Timestamp) {
        let how: Arc<str> = self.name(session.status.as_str());
        let ended_at = session.ended_at.or(session.started_at).unwrap_or(now);
        let mut past = self.of_service(session, ended_at, &how);
        past.listed = true;
        self.keep_judgement(&mut past);
        if let Some(before) = self.sessions.get(&past.key) {
            past.stored = before.stored;
            past.archive = before.archive.clone();
        }
        self.put(past);
    }

    /// As the store has it: its verdict is the one at the end.
    pub(super) fn put_stored(&mut self, ended: &EndedSession) {
        let before = self.sessions.get(&ended.key).filter(|before| before.listed).cloned();
        let archive = self.sessions.get(&ended.key).map(|before| before.archive.clone()).unwrap_or_default();
        let mut past = match before {
            Some(listed) => listed,
            None => PastSession {
                key: self.key(&ended.key),
                owner: self.name(&ended.owner),
                target: NodeId::new(self.name(&ended.target)),
                document: Some(self.name(&ended.document)),
                reason: (!ended.reason.is_empty()).then(|| ended.reason.as_str().into()),
                started_at: ended.started_at,
                ended_at: ended.ended_at,
                how: self.name(&ended.how),
                verdict: None,
                severity: None,
                rules: Box::default(),
                archive: PastArchive::NotLooked,
                max_duration_minutes: None,
                access: None,
                stored: true,
                listed: false,
            },
        };
        past.stored = true;
        past.verdict = Some(ended.verdict);
        past.severity = ended.severity;
        past.rules = self.rules(&ended.findings);
        past.archive = match (archive, ended.archived) {
            (PastArchive::NotLooked | PastArchive::Remembered(_), Some(there)) => PastArchive::Remembered(there),
            (archive, _) => archive,
        };
        self.put(past);
    }

    /// A session that was remembered in this run: what was read of it before is out of date.
    pub(super) fn remembered(&mut self, ended: &EndedSession) {
        self.whole.remove(&ended.key);
        self.put_stored(ended);
    }

    /// What was not found of that session, or could not be looked for, is looked for once more.
    pub(super) fn look_again(&mut self, key: &SessionKey) {
        if let Some(past) = self.sessions.get_mut(key)
            && let PastArchive::Looked(object) = &past.archive
            && object.value().is_none_or(Option::is_none)
        {
            past.archive = PastArchive::NotLooked;
            self.revision += 1;
        }
    }

    /// Its object is looked for from now on.
    pub(super) fn looking(&mut self, key: &SessionKey) {
        if let Some(past) = self.sessions.get_mut(key) {
            past.archive = PastArchive::Looking;
            self.revision += 1;
        }
    }

    /// What looking for its object found. What was there once, and cannot be looked at now, was there all the same.
    pub(super) fn found(&mut self, key: &SessionKey, object: &Fact<Option<ArchiveObject>>) {
        let Some(past) = self.sessions.get_mut(key) else { return };
        let known = matches!(&past.archive, PastArchive::Looked(known) if known.value().is_some_and(Option::is_some));
        if known && object.value().is_none() {
            return;
        }
        past.archive = PastArchive::Looked(Box::new(object.clone()));
        self.revision += 1;
    }

    /// A page of a scope's past was read.
    pub(super) fn page(
        &mut self,
        scope: &ScopeId,
        sessions: &[Session],
        (first, progress): (bool, PastProgress),
        at: Timestamp,
    ) {
        for session in sessions {
            self.put_listed(session, at);
        }
        let state = self.scopes.entry(scope.clone()).or_default();
        state.sessions = sessions.len() + if first { 0 } else { state.sessions };
        state.failing = None;
        state.reading = progress == PastProgress::More;
        if !state.reading {
            state.read_at = Some(at);
            state.cut = progress == PastProgress::Cut;
        }
        self.revision += 1;
    }

    /// A page of a scope's past could not be read.
    pub(super) fn failed(&mut self, scope: &ScopeId, failure: Failure, retry_at: Timestamp) {
        let state = self.scopes.entry(scope.clone()).or_default();
        state.reading = true;
        state.failing = Some((failure, retry_at));
        self.revision += 1;
    }

    /// The service is asked from now on, in all these scopes.
    pub(super) fn ask<'a>(&mut self, scopes: impl Iterator<Item = &'a ScopeId>, now: Timestamp) {
        self.asked_at = Some(now);
        for scope in scopes {
            self.scopes.entry(scope.clone()).or_default().reading = true;
        }
        self.revision += 1;
    }

    /// What is older than the service's own history goes.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let oldest = now.checked_sub(SPAN).unwrap_or(Timestamp::MIN);
        let before = self.sessions.len();
        while let Some((ended, key)) = self.by_end.first().cloned() {
            if ended >= oldest {
                break;
            }
            self.remove(&key);
        }
        if self.sessions.len() != before {
            self.names.retain(|name| Arc::strong_count(name) > 1);
        }
    }

    /// The numbers as of now.
    pub(super) fn count(&mut self) {
        if self.counted == Some(self.revision) {
            return;
        }
        let mut counts = PastCounts { all: self.sessions.len(), ..PastCounts::default() };
        for past in self.sessions.values() {
            counts.stored += usize::from(past.stored);
            counts.listed += usize::from(past.listed);
            counts.non_compliant += usize::from(past.verdict == Some(Verdict::NonCompliant));
            counts.unjudged += usize::from(past.verdict.is_none());
        }
        self.counts = counts;
        self.counted = Some(self.revision);
    }

    fn of_service(&mut self, session: &Session, ended_at: Timestamp, how: &str) -> PastSession {
        PastSession {
            key: self.key(&session.key),
            owner: self.name(&session.owner),
            target: NodeId::new(self.name(session.target.as_str())),
            document: session.document.as_deref().map(|document| self.name(document)),
            reason: session.reason.clone(),
            started_at: session.started_at,
            ended_at,
            how: self.name(how),
            verdict: None,
            severity: None,
            rules: Box::default(),
            archive: PastArchive::NotLooked,
            max_duration_minutes: session.max_duration_minutes,
            access: session.access,
            stored: false,
            listed: false,
        }
    }

    fn keep_judgement(&self, past: &mut PastSession) {
        if let Some(before) = self.sessions.get(&past.key) {
            (past.verdict, past.severity) = (before.verdict, before.severity);
            past.rules = before.rules.clone();
        }
    }

    fn put(&mut self, past: PastSession) {
        match self.sessions.get(&past.key) {
            Some(before) if *before == past => return,
            Some(before) => {
                self.by_end.remove(&(before.ended_at, past.key.clone()));
            }
            None if self.sessions.len() >= MOST => {
                self.is_full = true;
                // Only the latest are held.
                if self.by_end.first().is_none_or(|(oldest, _)| *oldest >= past.ended_at) {
                    return;
                }
                if let Some((_, key)) = self.by_end.pop_first() {
                    self.sessions.remove(&key);
                }
            }
            None => {}
        }
        self.by_end.insert((past.ended_at, past.key.clone()));
        self.sessions.insert(past.key.clone(), past);
        self.revision += 1;
    }

    fn remove(&mut self, key: &SessionKey) {
        if let Some(past) = self.sessions.remove(key) {
            self.by_end.remove(&(past.ended_at, past.key));
            self.revision += 1;
        }
        self.whole.remove(key);
    }

    /// One copy of each name: thousands of sessions have few owners, nodes and documents.
    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.names.insert(Arc::clone(&name));
        name
    }

    fn key(&mut self, key: &SessionKey) -> SessionKey {
        let scope = match self.places.get(&key.scope) {
            Some(known) => known.clone(),
            None => {
                self.places.insert(key.scope.clone());
                key.scope.clone()
            }
        };
        SessionKey { scope, id: SessionId::new(key.id.as_str()) }
    }

    fn rules(&mut self, findings: &[Finding]) -> Box<[RuleId]> {
        let loud = |status| matches!(status, Verdict::NonCompliant | Verdict::InsufficientData);
        let loud = findings.iter().filter(|finding| loud(finding.status));
        loud.map(|finding| RuleId::new(self.name(finding.rule.as_str()))).collect()
    }
}

/// Columns that past sessions can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PastSort {
    /// The one that ended last first.
    #[default]
    Ended,
    /// Worst first.
    Verdict,
    /// Account name.
    Account,
    /// Owner.
    Owner,
    /// Node name.
    Node,
    /// Longest first.
    Lasted,
}

impl PastSort {
    /// In the order of `s`.
    pub const ALL: [Self; 6] = [Self::Ended, Self::Verdict, Self::Account, Self::Owner, Self::Node, Self::Lasted];

    /// The next one, around the end.
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|sort| *sort == self).unwrap_or(0);
        Self::ALL.get((at + 1) % Self::ALL.len()).copied().unwrap_or_default()
    }

    /// The column's heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ended => "ENDED",
            Self::Verdict => "VERDICT",
            Self::Account => "ACCOUNT",
            Self::Owner => "OWNER",
            Self::Node => "NODE",
            Self::Lasted => "LASTED",
        }
    }
}

/// Where the analyst was when a past session was opened: `Esc` goes back there.
#[derive(Debug, Clone, PartialEq)]
pub struct CameFrom {
    /// The session that was opened.
    pub session: SessionKey,
    /// What was selected among the sessions.
    pub selected: Option<SessionKey>,
    /// The filter.
    pub filter: String,
}

/// What the analyst looks at of the past, beside the list itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PastView {
    /// Sorted by.
    pub sort: PastSort,
    /// In reverse.
    pub reverse: bool,
    /// Where `Esc` goes back to from an opened session.
    pub came_from: Option<CameFrom>,
    /// A key was pressed on the screen: until then the first row stays selected, whatever is read.
    pub(super) touched: bool,
    /// The selected session, and since when it is: what flies past is not looked up.
    pub(super) since: Option<(SessionKey, Timestamp)>,
    /// The board's revision that the book has.
    pub(super) board_revision: Option<u64>,
    /// What the rows were computed from.
    pub(super) projected: Option<(u64, String, PastSort, bool)>,
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
