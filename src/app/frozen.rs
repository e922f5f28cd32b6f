//! What a row shows, and the table held still: its rows as they were, while the intake goes on.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use super::{
    board::{Board, Phase, Recorder, SessionBoard},
    changes::Print,
    filter::{Filter, Row, Shown},
    state::{Projected, State},
    update::notify,
};
use crate::{
    detection::{Confidence, DetectionRule},
    domain::{NodeTags, RuleId, Session, SessionKey, Severity, Verdict},
};

/// What the cells of a session's row are made from: as the board has it, or as it was when the table was frozen.
#[derive(Debug, Clone)]
pub struct RowFacts {
    /// Ages count until then.
    pub as_of: Timestamp,
    /// As listed.
    pub session: Session,
    /// Active, or how it ended.
    pub phase: Phase,
    /// The verdict, once there is one.
    pub verdict: Option<Verdict>,
    /// The worst severity of what is NON_COMPLIANT.
    pub severity: Option<Severity>,
    /// It is of the past, and here only because somebody opened it.
    pub adopted: bool,
    /// Since when it is not seen.
    pub unseen_since: Option<Timestamp>,
    /// The node's name, if it has one that is known.
    pub node_name: Option<Arc<str>>,
    /// How its recorder is.
    pub recorder: Recorder,
    /// When its terminal printed last.
    pub last_output: Option<Timestamp>,
    /// The worst of what was typed.
    pub typed: Option<Severity>,
    /// What the column of detections shows.
    pub detection: Option<ShownDetection>,
    /// Rules that it breaks or that cannot be judged, each with its severity.
    pub rules: Box<[(RuleId, Verdict, Severity)]>,
    /// Tags of its node, if they are known.
    pub tags: Option<NodeTags>,
}

/// The worst detection of a session, and how many others there are.
#[derive(Debug, Clone)]
pub struct ShownDetection {
    /// The rule.
    pub rule: Arc<DetectionRule>,
    /// Its severity there.
    pub severity: Severity,
    /// Typed, or merely printed.
    pub confidence: Confidence,
    /// How many others.
    pub others: usize,
}

impl ShownDetection {
    /// Of a session. `output`: those in mere output, too.
    pub fn of(session: &SessionBoard, output: bool) -> Option<Self> {
        let mut shown = session.detections.shown(output);
        let worst = shown.next()?;
        Some(Self {
            rule: Arc::clone(&worst.rule),
            severity: worst.severity,
            confidence: worst.confidence,
            others: shown.count(),
        })
    }
}

impl RowFacts {
    /// As it is now. `output`: detections in mere output are shown.
    pub fn of(board: &Board, session: &SessionBoard, output: bool, now: Timestamp) -> Self {
        let node = board.node(&session.session).and_then(|node| node.properties.value()?.as_ref());
        Self {
            as_of: now,
            session: session.session.clone(),
            phase: session.phase.clone(),
            verdict: session.judgement.verdict,
            severity: session.judgement.severity(),
            adopted: session.adopted,
            unseen_since: board.unseen_since(session, now),
            node_name: node.and_then(|node| node.name.clone()).filter(|name| !name.is_empty()),
            recorder: board.recorder(session, now),
            last_output: session.last_output(),
            typed: session.detections.worst(),
            detection: ShownDetection::of(session, output),
            rules: {
                let findings = session.judgement.findings.iter();
                findings.map(|finding| (finding.rule.clone(), finding.status, finding.severity)).collect()
            },
            tags: board.node(&session.session).and_then(|node| node.tags.value()).cloned(),
        }
    }

    /// Whether it is listed as active.
    pub fn is_active(&self) -> bool {
        self.phase == Phase::Active
    }
}

/// What became of a frozen row since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// The session is over.
    Ended,
    /// Verdict, severity, status or detections are others.
    Changed,
}

/// A row that is held still.
#[derive(Debug, Clone)]
pub struct FrozenRow {
    /// What it showed.
    pub facts: RowFacts,
    /// What became of its session since.
    pub since: Option<Since>,
    print: Print,
}

/// The table held still: which rows there were, and what they showed. Their order stays in the list.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// Since when.
    pub at: Timestamp,
    /// Active sessions at that time, before the filter.
    pub total: usize,
    /// The filter of that time.
    pub filter: String,
    /// Sessions that came since and that the filter of that time would show.
    pub new: usize,
    /// Rows whose sessions ended since.
    pub ended: usize,
    /// Rows whose sessions are otherwise since.
    pub changed: usize,
    rows: HashMap<SessionKey, FrozenRow>,
    read: Filter,
}

impl Frozen {
    /// The table as it is.
    fn of(state: &State) -> Self {
        let (board, table, now) = (&state.board, &state.view.table, state.now);
        let output = state.view.show_output_detections;
        let rows = table.list.rows.iter().filter_map(|key| {
            let session = board.sessions.get(key)?;
            let facts = RowFacts::of(board, session, output, now);
            Some((key.clone(), FrozenRow { facts, since: None, print: Print::of(session) }))
        });
        Self {
            at: now,
            total: table.total,
            filter: table.filter.clone(),
            new: 0,
            ended: 0,
            changed: 0,
            rows: rows.collect(),
            read: state.filtered.filter.clone(),
        }
    }

    /// The row of that session, if it is among them.
    pub fn row(&self, key: &SessionKey) -> Option<&FrozenRow> {
        self.rows.get(key)
    }

    /// Counts what is otherwise by now.
    fn compare(&mut self, board: &Board, output: bool, now: Timestamp, again_at: &mut Option<Timestamp>) {
        (self.ended, self.changed) = (0, 0);
        for (key, row) in &mut self.rows {
            row.since = match board.sessions.get(key) {
                Some(session) if session.is_active() || !row.facts.is_active() => {
                    // What was seen and is not seen now is not as it was, either.
                    let lost = row.facts.unseen_since.is_none() && board.unseen_since(session, now).is_some();
                    (lost || Print::of(session) != row.print).then_some(Since::Changed)
                }
                None if !row.facts.is_active() => None,
                _ => Some(Since::Ended),
            };
            self.ended += usize::from(row.since == Some(Since::Ended));
            self.changed += usize::from(row.since == Some(Since::Changed));
        }
        let came = board.sessions.values().filter(|session| session.is_active());
        let came = came.filter(|session| !self.rows.contains_key(&session.session.key));
        let shows = |session: &&SessionBoard| {
            let shown = self.read.shows(&Row { board, session, output, now }, again_at);
            matches!(shown, Shown::Yes | Shown::YesNotKnown)
        };
        self.new = came.filter(shows).count();
    }
}

impl State {
    /// Whether the table is held still, so that its rows cannot be others; on the history there are other rows.
    pub fn is_frozen(&self) -> bool {
        self.view.table.frozen.is_some()
    }

    pub(super) fn freeze(&mut self) {
        self.view.table.frozen = Some(Box::new(Frozen::of(self)));
        self.projected = Projected::default();
    }

    pub(super) fn thaw(&mut self) {
        self.view.table.frozen = None;
        self.projected = Projected::default();
    }

    /// A session that is opened from elsewhere and is no row of the frozen table: acts must not go to what nobody sees.
    pub(super) fn thaw_for_selection(&mut self) {
        let table = &self.view.table;
        let (Some(frozen), Some(key)) = (&table.frozen, &table.list.selected) else { return };
        if frozen.row(key).is_none() && self.board.sessions.contains_key(key) {
            self.thaw();
            notify(self, "that session is not among the frozen rows: the table goes on", false);
        }
    }

    /// What is otherwise than in the frozen rows.
    pub(super) fn compare_frozen(&mut self) {
        let table = &mut self.view.table;
        table.total = self.board.sessions.values().filter(|session| session.is_active()).count();
        if let Some(frozen) = &mut table.frozen {
            let output = self.view.show_output_detections;
            frozen.compare(&self.board, output, self.now, &mut self.filtered.again_at);
        }
    }
}
