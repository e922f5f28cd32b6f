//! What changed since the last look: which sessions are new or otherwise, and until when that is marked.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    board::{Board, SessionBoard},
    state::State,
    view::Screen,
};
use crate::domain::{ScopeId, SessionKey, SessionStatus, Severity, Verdict};

/// A change is marked for so long.
pub const MARKED_FOR: SignedDuration = SignedDuration::from_secs(8);

/// Without a key for longer than this, nobody is taken to look.
const AWAY_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// For so long after a scope was read for the first time its verdicts are still being found, one fact after the other.
const SETTLES_FOR: SignedDuration = SignedDuration::from_secs(60);

/// What of a session is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Print {
    active: bool,
    status: SessionStatus,
    verdict: Option<Verdict>,
    severity: Option<Severity>,
    /// Detections of what was typed: how many, and the worst.
    detected: (usize, Option<Severity>),
}

impl Print {
    /// Of a session as it is now.
    pub fn of(session: &SessionBoard) -> Self {
        Self {
            active: session.is_active(),
            status: session.session.status.clone(),
            verdict: session.judgement.verdict,
            severity: session.judgement.severity(),
            detected: (session.detections.shown(false).count(), session.detections.worst()),
        }
    }
}

/// What became of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there before.
    New,
    /// Verdict, severity, status or detections are others.
    Changed,
    /// It is over.
    Ended,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    change: Change,
    at: Timestamp,
}

/// The analyst came back to the table.
#[derive(Debug, Clone, Copy)]
struct Return {
    /// The last look before.
    since: Timestamp,
    at: Timestamp,
}

/// Changes of sessions, and when somebody looked. As many as there are sessions on the board at most.
#[derive(Debug, Default)]
pub struct Changes {
    board_revision: Option<u64>,
    known: HashMap<SessionKey, Print>,
    /// Scopes that were read, and when for the first time.
    read: HashMap<ScopeId, Timestamp>,
    marks: HashMap<SessionKey, Mark>,
    looked_at: Option<Timestamp>,
    on_table: bool,
    returned: Option<Return>,
}

impl Changes {
    /// What is to be marked of a session.
    pub fn of(&self, key: &SessionKey, now: Timestamp) -> Option<Change> {
        let mark = self.marks.get(key)?;
        let fresh = now.duration_since(mark.at) < MARKED_FOR;
        (fresh || self.return_at(now).is_some_and(|back| back.covers(mark))).then_some(mark.change)
    }

    /// What changed while nobody looked, for a while after the return: new, changed, ended.
    pub fn while_away(&self, now: Timestamp) -> Option<(usize, usize, usize)> {
        let back = self.return_at(now)?;
        let count = |change| self.marks.values().filter(|mark| mark.change == change && back.covers(mark)).count();
        let counts = (count(Change::New), count(Change::Changed), count(Change::Ended));
        (counts != (0, 0, 0)).then_some(counts)
    }

    fn return_at(&self, now: Timestamp) -> Option<Return> {
        self.returned.filter(|back| now.duration_since(back.at) < MARKED_FOR)
    }

    /// Compares the board with how it was, where it changed.
    fn compare(&mut self, board: &Board, now: Timestamp) {
        if self.board_revision == Some(board.revision) {
            return;
        }
        self.board_revision = Some(board.revision);
        for (key, session) in board.sessions.iter().filter(|(_, session)| !session.adopted) {
            let print = Print::of(session);
            let read = self.read.get(&key.scope);
            let settled = read.is_some_and(|at| now.duration_since(*at) > SETTLES_FOR);
            let change = match self.known.get_mut(key) {
                Some(before) if *before == print => continue,
                Some(before) => {
                    // That it is judged for the first time was to be expected.
                    let verdict = (before.verdict, before.severity) != (print.verdict, print.severity)
                        && before.verdict.is_some()
                        && settled;
                    let other = before.status != print.status || before.detected != print.detected;
                    let change = match (before.active, print.active) {
                        (true, false) => Some(Change::Ended),
                        (before, after) => (before != after || verdict || other).then_some(Change::Changed),
                    };
                    *before = print;
                    change
                }
                None => {
                    let new = (print.active && read.is_some()).then_some(Change::New);
                    self.known.insert(key.clone(), print);
                    new
                }
            };
            if let Some(change) = change {
                let mark = self.marks.entry(key.clone()).or_insert(Mark { change, at: now });
                // What is new stays new, whatever else becomes of it meanwhile.
                if mark.change != Change::New || change == Change::Ended {
                    mark.change = change;
                }
                mark.at = now;
            }
        }
        let read = board.scopes.iter().filter(|(_, scope)| scope.last_good.is_some());
        for (scope, _) in read {
            if !self.read.contains_key(scope) {
                self.read.insert(scope.clone(), now);
            }
        }
        if self.known.len() > board.sessions.len() {
            self.known.retain(|key, _| board.sessions.contains_key(key));
            self.marks.retain(|key, _| board.sessions.contains_key(key));
        }
    }

    /// Somebody looks, or does not. `attended`: a key or the mouse.
    fn look(&mut self, attended: bool, on_table: bool, now: Timestamp) {
        let last = *self.looked_at.get_or_insert(now);
        let came_back = on_table && !self.on_table;
        if on_table && (came_back || attended && now.duration_since(last) > AWAY_AFTER) {
            self.returned = Some(Return { since: last, at: now });
        }
        // Who leaves the table looked at it until then.
        if on_table && (came_back || attended) || !on_table && self.on_table {
            self.looked_at = Some(now);
        }
        self.on_table = on_table;
        let since = self.return_at(now).map_or(now, |back| back.since);
        let keep = since.min(self.looked_at.unwrap_or(now)).min(now - MARKED_FOR);
        self.marks.retain(|_, mark| mark.at >= keep);
    }
}

impl Return {
    fn covers(&self, mark: &Mark) -> bool {
        mark.at > self.since && mark.at <= self.at
    }
}

impl State {
    /// Notes what changed, and whether somebody looks at it.
    pub(super) fn note_changes(&mut self, attended: bool) {
        let on_table = self.view.screen == Screen::Sessions && self.view.wall.is_none();
        self.changes.compare(&self.board, self.now);
        self.changes.look(attended, on_table, self.now);
    }
}
