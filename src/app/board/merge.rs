//! Observations enter the board.

use std::{collections::HashSet, sync::Arc};

use jiff::Timestamp;

use super::{Board, Failing, HISTORY, Other, Phase, ScopeBoard, SessionBoard};
use crate::domain::{
    Fact, Failure, Judgement, Missing, NodeId, Observation, ScopeId, Session, SessionKey, SessionStatus, Subject, Why,
};

/// How a session ended that only its absence tells of.
const NO_LONGER_LISTED: &str = "no longer listed";

impl Board {
    /// Takes in what the watch saw. Transcripts are not the board's.
    ///
    /// The revision moves only when more than ages and call counts changed: an idle organization costs no frames.
    pub fn observe(&mut self, observation: Observation) {
        match observation {
            Observation::Active { scope, sessions, at } => self.active(&scope, sessions, at),
            Observation::History { scope, sessions, at, .. } => {
                let board = self.scope_mut(&scope);
                // Alerts of sessions that are over are looked at once all of them are known.
                if !std::mem::replace(&mut board.history_read, true) {
                    self.revision += 1;
                }
                self.history(sessions, at);
            }
            Observation::ListingFailed { scope, failure, retry_at, at } => {
                let board = self.scope_mut(&scope);
                let since = board.failing.as_ref().map_or(at, |failing| failing.since);
                board.failing = Some(Failing { failure, since, retry_at: Some(retry_at) });
                self.revision += 1;
            }
            Observation::ApiUse { scope, calls } => self.scope_mut(&scope).calls = calls,
            Observation::Credentials(standing) => {
                self.credentials.insert(standing.base.clone(), *standing);
                self.revision += 1;
            }
            Observation::Caller { scope, arn } => self.scope_mut(&scope).caller = Some(arn),
            Observation::Transcript { session, events, .. } => {
                // What the followed stream shows is newer than what the stream listing knows.
                if let (Some(board), Some(last)) = (self.sessions.get_mut(&session), events.last())
                    && let Fact::Known { value: Some(stream), .. } = &mut board.log_stream
                    && stream.last_event_at.is_none_or(|at| at < last.timestamp)
                {
                    stream.last_event_at = Some(last.timestamp);
                    self.revision += 1;
                }
            }
            Observation::TranscriptFailed { .. } | Observation::ArchiveBody { .. } => {}
            evidence => self.evidence_read(evidence),
        }
    }

    pub(super) fn scope_mut(&mut self, scope: &ScopeId) -> &mut ScopeBoard {
        self.scopes.entry(scope.clone()).or_default()
    }

    fn active(&mut self, scope: &ScopeId, sessions: Vec<Session>, at: Timestamp) {
        let board = self.scope_mut(scope);
        board.last_good = Some(at);
        if board.failing.take().is_some() {
            self.revision += 1;
        }
        let board = self.scope_mut(scope);
        let mut missing = std::mem::take(&mut board.active);
        for session in sessions {
            missing.remove(&session.key.id);
            self.list(session, at);
        }
        for id in missing {
            let key = SessionKey { scope: scope.clone(), id };
            let Some(board) = self.sessions.get_mut(&key) else { continue };
            board.missed = board.missed.saturating_add(1);
            if board.missed >= 2 {
                board.phase = Phase::Ended { how: NO_LONGER_LISTED.into(), at };
                // Two complete listings are as good as its word: the rules on ended sessions apply.
                board.session.status = SessionStatus::Terminated;
                board.status_since = at;
                self.soil_one(&key);
                self.recount_owner(&key);
            } else {
                self.scope_mut(scope).active.insert(key.id);
            }
        }
        self.forget(at);
    }

    fn list(&mut self, session: Session, at: Timestamp) {
        let key = session.key.clone();
        self.release_one(&key);
        if self.sessions.get(&key).is_none_or(|board| !board.ended_by_history()) {
            self.scope_mut(&key.scope).active.insert(key.id.clone());
        }
        match self.sessions.get_mut(&key) {
            // History said it is over: a late Active answer does not wake the dead.
            Some(board) if board.ended_by_history() => {}
            Some(board) => {
                board.listed_at = at;
                board.missed = 0;
                let mut changed = board.phase != Phase::Active;
                board.phase = Phase::Active;
                if board.session != session {
                    if board.session.status != session.status {
                        board.status_since = at;
                    }
                    board.session = session;
                    changed = true;
                }
                if changed {
                    self.soil_one(&key);
                }
            }
            None => self.enter(SessionBoard::new(session, Phase::Active, at)),
        }
    }

    fn history(&mut self, sessions: Vec<Session>, at: Timestamp) {
        for session in sessions {
            let key = session.key.clone();
            let ended_at = session.ended_at.unwrap_or(at);
            if at.duration_since(ended_at) <= HISTORY {
                self.release_one(&key);
            } else if self.adopted.contains(&key) {
                continue;
            }
            let how: Arc<str> = session.status.as_str().into();
            let phase = Phase::Ended { how, at: ended_at };
            self.scope_mut(&key.scope).active.remove(&key.id);
            match self.sessions.get_mut(&key) {
                Some(board) if board.phase == phase && board.session == session => {}
                Some(board) => {
                    board.phase = phase;
                    board.session = session;
                    board.status_since = ended_at;
                    self.soil_one(&key);
                    self.recount_owner(&key);
                }
                None if at.duration_since(ended_at) <= HISTORY => self.enter(SessionBoard::new(session, phase, at)),
                None => {}
            }
        }
        self.forget(at);
    }

    /// Ended sessions leave the board after [`HISTORY`].
    fn forget(&mut self, now: Timestamp) {
        let before = self.sessions.len();
        let mut left = Vec::new();
        self.sessions.retain(|key, board| {
            let stays = match board.phase {
                _ if board.adopted => true,
                Phase::Active => true,
                Phase::Ended { at, .. } => now.duration_since(at) <= HISTORY,
            };
            if !stays {
                left.push(Subject::Session(key.clone()));
            }
            stays
        });
        self.news.extend(left);
        if self.sessions.len() != before {
            self.revision += 1;
            let sessions = &self.sessions;
            self.by_owner.retain(|_, owner| {
                owner.keys.retain(|key| sessions.contains_key(key));
                !owner.keys.is_empty()
            });
            self.by_node.retain(|_, keys| {
                keys.retain(|key| sessions.contains_key(key));
                !keys.is_empty()
            });
        }
    }

    /// A session that was not known before.
    fn enter(&mut self, mut board: SessionBoard) {
        let key = board.session.key.clone();
        let ahead = self.scopes.get_mut(&key.scope).and_then(|scope| scope.trail_ahead.remove(&key.id));
        for record in ahead.into_iter().flatten() {
            board.take_record(record);
        }
        self.by_owner.entry(Arc::clone(&board.session.owner)).or_default().keys.insert(key.clone());
        let node = (key.scope.clone(), board.session.target.clone());
        self.by_node.entry(node).or_default().insert(key.clone());
        self.sessions.insert(key.clone(), board);
        self.find_first(&key);
        self.soil_one(&key);
        self.recount_owner(&key);
        self.mark_role(&key);
    }

    /// What a principal does in one session matters to its others.
    fn recount_owner(&mut self, key: &SessionKey) {
        if let Some(board) = self.sessions.get(key) {
            self.owners_changed.insert(Arc::clone(&board.session.owner));
        }
    }

    pub(super) fn soil_nodes(&mut self, scope: &ScopeId, nodes: &HashSet<NodeId>) {
        self.soil(|session| session.key.scope == *scope && nodes.contains(&session.target));
    }

    pub(super) fn soil(&mut self, touches: impl Fn(&Session) -> bool) {
        let keys: Vec<_> = self
            .sessions
            .values()
            .filter(|board| !board.dirty && touches(&board.session))
            .map(|board| board.session.key.clone())
            .collect();
        for key in keys {
            self.soil_one(&key);
        }
    }

    pub(super) fn soil_one(&mut self, key: &SessionKey) {
        if let Some(board) = self.sessions.get_mut(key)
            && !board.dirty
            && !board.adopted
        {
            board.dirty = true;
            let target = board.session.target.clone();
            self.revision += 1;
            self.unjudged.push_back(key.clone());
            self.unjudged_others.insert(Other::Node(key.scope.clone(), target));
        }
    }

    /// Keeps the list of evidence that a scope cannot give.
    pub(super) fn note_evidence<T>(&mut self, scope: &ScopeId, operation: &'static str, fact: &Fact<T>) {
        let board = self.scope_mut(scope);
        match fact {
            Fact::Known { .. } => {
                board.evidence_failures.remove(operation);
            }
            Fact::Missing(Missing { why: Why::Failed(failure), retry_at }) => {
                let now_failing = |since| Failing { failure: Failure::clone(failure), since, retry_at: *retry_at };
                let since = board.evidence_failures.get(operation).map(|failing| failing.since);
                let since = since.or(board.last_good).unwrap_or(Timestamp::UNIX_EPOCH);
                board.evidence_failures.insert(operation, now_failing(since));
            }
            Fact::Missing(_) => {}
        }
    }
}

/// A failed re-read does not take away what was known: it grows old, and counts as stale in time.
/// Tells whether more than the time of reading changed.
pub(super) fn renew<T: PartialEq>(known: &mut Fact<T>, read: Fact<T>) -> bool {
    let changed = match (&*known, &read) {
        (Fact::Known { .. }, Fact::Missing(_)) => return false,
        (Fact::Known { value: before, .. }, Fact::Known { value: after, .. }) => before != after,
        (before, after) => before != after,
    };
    *known = read;
    changed
}

impl SessionBoard {
    pub(super) fn new(session: Session, phase: Phase, at: Timestamp) -> Self {
        Self {
            status_since: match &phase {
                Phase::Active => at,
                Phase::Ended { at, .. } => *at,
            },
            session,
            phase,
            listed_at: at,
            missed: 0,
            log_stream: Fact::not_read(),
            archive: Fact::not_read(),
            stream: None,
            stream_change: None,
            role_at_first: None,
            role_change: None,
            start_record: None,
            resume_records: Vec::new(),
            end_record: None,
            first_of_principal: Fact::not_read(),
            detections: Default::default(),
            survivors: Vec::new(),
            judgement: Judgement::default(),
            adopted: false,
            dirty: false,
            next_change: None,
        }
    }

    fn ended_by_history(&self) -> bool {
        matches!(&self.phase, Phase::Ended { how, .. } if **how != *NO_LONGER_LISTED)
    }
}
