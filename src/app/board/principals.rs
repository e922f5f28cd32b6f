//! Who holds sessions: CloudTrail's records, tags of principals, and how many sessions one principal has.

use std::{collections::HashSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{Board, Earlier, Other, SessionBoard, merge::renew};
use crate::{
    compliance::{Concurrency, tagged_principal},
    domain::{
        AccountId, Fact, Missing, NodeTags, PrincipalSeen, ScopeId, Session, SessionKey, TagChange, TrailCall,
        TrailEvent, Why,
    },
};

/// Records of sessions that no listing showed yet: kept for so many.
const MOST_AHEAD: usize = 1000;
/// Times that a session was resumed: kept so many.
const MOST_RESUMES: usize = 50;
/// Changes of tags of one account: kept so many.
const MOST_CHANGES: usize = 5000;
/// Sessions behind one name beyond which each new one does not have all others judged anew.
const CROWD: usize = 200;
/// Nodes that a principal reached within this time count together (rule CON-01).
const SPAN: SignedDuration = SignedDuration::from_hours(1);

impl Board {
    pub(super) fn principal_tags(
        &mut self,
        account: AccountId,
        principal: Arc<str>,
        user: bool,
        tags: Fact<Option<NodeTags>>,
    ) {
        self.note_account_evidence(&account, "iam:GetRole", &tags);
        let known = self.principals.entry((account.clone(), Arc::clone(&principal), user)).or_default();
        if renew(known, tags) {
            self.soil(|session| {
                session.key.scope.account == account && tagged_principal(&session.owner) == Some((&principal, user))
            });
        }
    }

    pub(super) fn trail_read(
        &mut self,
        scope: &ScopeId,
        call: TrailCall,
        from: Timestamp,
        events: Vec<TrailEvent>,
        read: Fact<()>,
    ) {
        self.note_evidence(scope, "cloudtrail:LookupEvents", &read);
        if call == TrailCall::StartSession {
            let board = self.scope_mut(scope);
            // A window that was cut leaves a gap: then the lookups reach back less far than before.
            board.trail_from = Some(from);
            let again = read.at().is_some();
            if renew(&mut board.trail_read, read) || again {
                // Who still waits for a record waits with a new age.
                self.soil_waiting(scope);
            }
        }
        for event in events {
            let key = SessionKey { scope: scope.clone(), id: event.session.clone() };
            match self.sessions.get_mut(&key) {
                Some(board) => {
                    board.take_record(event);
                    self.soil_one(&key);
                }
                None => {
                    let ahead = &mut self.scope_mut(scope).trail_ahead;
                    // Most are of sessions that are long over; the newest may still be listed.
                    if ahead.len() >= MOST_AHEAD
                        && let Some(oldest) = ahead
                            .iter()
                            .min_by_key(|(_, records)| records.iter().map(|record| record.at).max())
                            .map(|(id, _)| id.clone())
                    {
                        ahead.remove(&oldest);
                    }
                    ahead.entry(key.id).or_default().push(event);
                }
            }
        }
    }

    fn soil_waiting(&mut self, scope: &ScopeId) {
        let waiting: Vec<SessionKey> = self
            .sessions
            .values()
            .filter(|board| board.session.key.scope == *scope && board.start_record.is_none())
            .map(|board| board.session.key.clone())
            .collect();
        for key in waiting {
            self.soil_one(&key);
        }
    }

    pub(super) fn tags_changed(
        &mut self,
        account: AccountId,
        from: Timestamp,
        changes: Vec<TagChange>,
        read: Fact<()>,
    ) {
        self.note_account_evidence(&account, "cloudtrail:LookupEvents", &read);
        let book = self.tag_changes.entry(account.clone()).or_default();
        book.from = Some(from);
        renew(&mut book.read, read);
        book.changes.extend(changes);
        book.changes.sort_by_key(|change| change.at);
        let surplus = book.changes.len().saturating_sub(MOST_CHANGES);
        book.changes.drain(..surplus);
        self.soil(|session| session.key.scope.account == account);
    }

    /// Who held sessions in a scope before: decides who is new (rule WHO-07).
    pub(super) fn principals_read(
        &mut self,
        scope: ScopeId,
        since: Timestamp,
        starts: Vec<(Arc<str>, Vec<Timestamp>)>,
        read: Fact<()>,
    ) {
        let account = scope.account.clone();
        // A failed read does not take back what was read before.
        if read.at().is_some() || self.earlier.get(&scope).is_none_or(|earlier| earlier.read.at().is_none()) {
            self.earlier.insert(scope, Earlier { read, since, starts: starts.into_iter().collect() });
        }
        let of_account = self.sessions.keys().filter(|key| key.scope.account == account);
        for key in of_account.cloned().collect::<Vec<_>>() {
            if self.find_first(&key) {
                self.soil_one(&key);
            }
        }
    }

    /// Finds out whether a session is its principal's first on the account in a long time; whether that is news.
    pub(super) fn find_first(&mut self, key: &SessionKey) -> bool {
        let Some(board) = self.sessions.get(key) else { return false };
        let first = self.first_of_principal(board);
        self.sessions.get_mut(key).is_some_and(|board| renew(&mut board.first_of_principal, first))
    }

    fn first_of_principal(&self, board: &SessionBoard) -> Fact<bool> {
        const HISTORY: &str = "ssm:DescribeSessions (History)";
        let session = &board.session;
        let owner = &session.owner;
        let missing = |why| Fact::Missing(Missing { why, retry_at: None });
        let Some(started) = session.started_at else {
            return missing(Why::Pending("AWS has not sent StartDate".to_owned()));
        };
        let window = self.engine.parameters().new_principal_after;
        let begin = started.checked_sub(window).unwrap_or(Timestamp::MIN);
        let within = |at: &Timestamp| *at < started && *at >= begin;
        let account = &session.key.scope.account;
        let here = self
            .by_owner
            .get(owner)
            .into_iter()
            .flat_map(|owner| &owner.keys)
            .filter(|key| key.scope.account == *account);
        let known_here = here.filter_map(|key| self.sessions.get(key)?.session.started_at).any(|at| within(&at));
        let scopes = || self.scopes.keys().filter(|scope| scope.account == *account);
        let before = scopes().filter_map(|scope| self.earlier.get(scope)?.starts.get(owner)).flatten().any(within);
        let remembered = self.remembered.get(&(account.clone(), Arc::clone(owner)));
        if known_here || before || remembered.into_iter().flatten().any(within) {
            return Fact::known(false, HISTORY, started);
        }
        for scope in scopes() {
            match self.earlier.get(scope) {
                None => return Fact::not_read(),
                Some(Earlier { read: Fact::Missing(missing), .. }) => return Fact::Missing(missing.clone()),
                // The listing's bound is in whole seconds of its own time, not of the session's.
                Some(earlier) if earlier.since > begin.checked_add(window / 10).unwrap_or(begin) => {
                    let why = format!("the history of sessions was read back to {:.0} only", earlier.since);
                    return missing(Why::Undecidable(why));
                }
                Some(_) => {}
            }
        }
        Fact::known(true, HISTORY, started)
    }

    /// Principals that earlier runs saw, each with the starts that are remembered of it.
    pub fn remember_principals(&mut self, seen: &[PrincipalSeen]) {
        for seen in seen {
            let key = (seen.account.clone(), Arc::from(seen.owner.as_str()));
            self.remembered.insert(key, vec![seen.first, seen.last]);
        }
        for key in self.sessions.keys().cloned().collect::<Vec<_>>() {
            if self.find_first(&key) {
                self.soil_one(&key);
            }
        }
    }

    fn note_account_evidence<T>(&mut self, account: &AccountId, operation: &'static str, fact: &Fact<T>) {
        let scopes: Vec<ScopeId> = self.scopes.keys().filter(|scope| scope.account == *account).cloned().collect();
        for scope in scopes {
            self.note_evidence(&scope, operation, fact);
        }
    }

    /// Counts the sessions of principals of whom one began or ended; where the numbers changed, their others are judged anew.
    pub(super) fn recount_owners(&mut self, now: Timestamp) {
        for owner in std::mem::take(&mut self.owners_changed) {
            self.recount(&owner, now);
        }
    }

    /// What the session's principal does, everywhere; counted again once a node leaves the hour.
    pub(super) fn recount_if_due(&mut self, key: &SessionKey, now: Timestamp) {
        let owner = self.sessions.get(key).map(|board| Arc::clone(&board.session.owner));
        let Some(owner) = owner else { return };
        let due = self.by_owner.get(&owner).and_then(|board| board.concurrency.until).is_some_and(|until| until <= now);
        if due {
            self.recount(&owner, now);
        }
    }

    fn recount(&mut self, owner: &Arc<str>, now: Timestamp) {
        let counted = self.count_sessions(owner, now);
        let Some(board) = self.by_owner.get_mut(owner) else { return };
        let before = std::mem::replace(&mut board.concurrency, counted);
        if (before.sessions, before.nodes) == (counted.sessions, counted.nodes) {
            return;
        }
        // Of a crowd behind one name each is judged with the numbers of its time; the next look takes the new ones.
        if board.keys.len() > CROWD {
            return;
        }
        for key in board.keys.clone() {
            if self.sessions.get(&key).is_some_and(SessionBoard::is_active) {
                self.soil_one(&key);
            }
        }
    }

    pub(super) fn concurrency(&self, board: &SessionBoard) -> Concurrency {
        self.by_owner.get(&board.session.owner).map(|owner| owner.concurrency).unwrap_or_default()
    }

    fn count_sessions(&self, owner: &Arc<str>, now: Timestamp) -> Concurrency {
        // Nobody is no principal: sessions without an owner are not one person's.
        if owner.is_empty() {
            return Concurrency { sessions: 1, nodes: 1, ..Concurrency::default() };
        }
        let keys = self.by_owner.get(owner).map(|owner| &owner.keys);
        let mut concurrency = Concurrency::default();
        let mut nodes = HashSet::new();
        for other in keys.into_iter().flatten().filter_map(|key| self.sessions.get(key)) {
            concurrency.sessions += i64::from(other.is_active());
            let leaves = other.session.started_at.and_then(|at| at.checked_add(SPAN).ok());
            if leaves.is_some_and(|leaves| leaves > now) {
                nodes.insert((&other.session.key.scope, &other.session.target));
                concurrency.until = [concurrency.until, leaves].into_iter().flatten().min();
            }
        }
        concurrency.nodes = i64::try_from(nodes.len()).unwrap_or(i64::MAX);
        if concurrency.nodes <= 1 {
            concurrency.until = None;
        }
        concurrency
    }

    /// The sessions of a principal in all accounts and regions, active and ended; of nobody none.
    pub fn sessions_of(&self, owner: &str) -> impl Iterator<Item = &SessionBoard> {
        let keys = self.by_owner.get(owner).filter(|_| !owner.is_empty()).map(|owner| &owner.keys);
        keys.into_iter().flatten().filter_map(|key| self.sessions.get(key))
    }

    /// The sessions on the node of a session, itself among them, active and ended.
    pub fn sessions_beside(&self, session: &Session) -> impl Iterator<Item = &SessionBoard> {
        let keys = self.by_node.get(&(session.key.scope.clone(), session.target.clone()));
        keys.into_iter().flatten().filter_map(|key| self.sessions.get(key))
    }

    /// A non-compliant session of that account was proven to be terminated from here (rule THR-01).
    pub fn note_terminated(&mut self, account: &AccountId, at: Timestamp) {
        let window = self.engine.parameters().threshold_window;
        let terminated = &mut self.accounts.entry(account.clone()).or_default().terminated;
        // An end that was seen late may lie before others.
        terminated.retain(|earlier| at.duration_since(*earlier) < window);
        terminated.push_back(at);
        self.unjudged_others.insert(Other::Account(account.clone()));
    }
}

impl SessionBoard {
    /// Joins a record to its session.
    pub(super) fn take_record(&mut self, record: TrailEvent) {
        match record.call {
            TrailCall::StartSession => self.start_record = Some(Box::new(record)),
            TrailCall::TerminateSession => self.end_record = Some(Box::new(record)),
            TrailCall::ResumeSession => {
                self.resume_records.push(record);
                self.resume_records.sort_by_key(|record| record.at);
                let surplus = self.resume_records.len().saturating_sub(MOST_RESUMES);
                self.resume_records.drain(..surplus);
            }
        }
    }
}
