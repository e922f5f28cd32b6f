//! The wall: what is shown to a room, in turn, without anybody at the keyboard.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    action::Action,
    alerts::AlertBook,
    board::{Board, SessionBoard},
    project::badness,
};
use crate::{
    detection::Confidence,
    domain::{AlertId, RuleId, ScopeId, SessionKey, Severity, Subject, Verdict, alert_id},
};

/// Settings of the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallSetup {
    /// The program begins at it.
    pub start: bool,
    /// How long a transcript is shown before the next one.
    pub dwell: SignedDuration,
    /// Accounts, owners, nodes and sessions are masked.
    pub mask: bool,
}

impl Default for WallSetup {
    fn default() -> Self {
        Self { start: false, dwell: SignedDuration::from_secs(20), mask: true }
    }
}

/// Transcripts that are shown in turn, at most.
pub const MOST_IN_TURN: usize = 6;
/// With fewer suspicious ones, others fill the panes.
const LEAST_IN_TURN: usize = 2;
/// Sessions that the wall has rows for, at most.
const MOST_ROWS: usize = 64;
/// What is acknowledged has stood on the screen for that long: less is no look at it.
pub const LOOKED_AT: SignedDuration = SignedDuration::from_secs(1);
/// The keys are told for so long after one was pressed.
pub const KEYS_SHOWN: SignedDuration = SignedDuration::from_secs(10);

/// Something CRITICAL that nobody has acknowledged: it takes the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The alert, or what the alert would be if it were raised.
    pub id: AlertId,
    /// The rule.
    pub rule: RuleId,
    /// Its title.
    pub title: Arc<str>,
    /// What it is about.
    pub subject: Subject,
    /// Owner of the session; empty where there is none.
    pub owner: Arc<str>,
    /// Since when.
    pub since: Timestamp,
    /// There is an alert that can be acknowledged; else it is acknowledged on this wall only.
    pub is_alert: bool,
}

/// The wall.
#[derive(Debug, Default)]
pub struct Wall {
    /// The worst active sessions, the worst first; where none is worse than COMPLIANT, the newest.
    pub rows: Vec<SessionKey>,
    /// None of them is worse than COMPLIANT.
    pub harmless: bool,
    /// How many there are, of which the rows are the first.
    pub ranked: usize,
    /// Sessions whose transcripts are shown in turn.
    pub rotation: Vec<SessionKey>,
    /// The first of those that are shown now.
    pub first: Option<SessionKey>,
    /// Since when.
    pub since: Timestamp,
    /// The transcripts on the screen, in their places.
    pub shown: Vec<SessionKey>,
    /// What takes the screen, the newest first.
    pub alarms: Vec<Alarm>,
    /// What was acknowledged on the wall and is no alert; forgotten when its cause is gone.
    seen: BTreeSet<AlertId>,
    /// CRITICAL findings and detections of active sessions, and since when they are known.
    causes: BTreeMap<AlertId, Alarm>,
    /// Active sessions that nothing is logged of, or whose log is gone.
    pub unlogged: usize,
    /// Verdict and severity of the worst active session of each scope.
    pub worst: BTreeMap<ScopeId, (Verdict, Option<Severity>)>,
    /// When a key was pressed last.
    pub key_at: Option<Timestamp>,
    /// The alert that stands on the screen to be acknowledged, and since when: what has taken the screen, or what was asked about.
    pub stood: Option<(AlertId, Timestamp)>,
    computed: Option<u64>,
}

impl Wall {
    /// Just opened, by somebody at the keyboard.
    pub fn opened(now: Timestamp) -> Self {
        Self { since: now, key_at: Some(now), ..Self::default() }
    }

    /// Looks at the world anew, where it has changed; then at the time. `panes`: transcripts that there is room for.
    pub fn settle(
        &mut self,
        board: &Board,
        alerts: &AlertBook,
        (dwell, panes): (SignedDuration, usize),
        now: Timestamp,
    ) {
        if self.computed != Some(board.revision) {
            self.computed = Some(board.revision);
            self.rank(board);
            self.find_causes(board, now);
        }
        self.find_alarms(alerts);
        let place = self.first.as_ref().and_then(|first| self.rotation.iter().position(|key| key == first));
        match place {
            None => self.show(0, now),
            // All are on the screen: nothing has to move.
            Some(_) if self.rotation.len() <= panes => {}
            Some(at) if now.duration_since(self.since) >= dwell => self.show(at + panes.max(1), now),
            Some(_) => {}
        }
        let taken = self.alarms.first().map(|alarm| alarm.subject.session());
        self.shown = match taken {
            Some(session) => session.filter(|key| board.sessions.contains_key(*key)).cloned().into_iter().collect(),
            None => {
                let from = self.first.as_ref().and_then(|first| self.rotation.iter().position(|key| key == first));
                let turn = self.rotation.iter().cycle().skip(from.unwrap_or(0));
                turn.take(panes.min(self.rotation.len())).cloned().collect()
            }
        };
        if panes == 0 {
            self.shown.clear();
        }
    }

    fn show(&mut self, place: usize, now: Timestamp) {
        self.first = self.rotation.get(place % self.rotation.len().max(1)).cloned();
        self.since = now;
    }

    /// To the next or the previous one by hand.
    pub fn step(&mut self, forward: bool, now: Timestamp) {
        let count = self.rotation.len().max(1);
        let at = self.first.as_ref().and_then(|first| self.rotation.iter().position(|key| key == first)).unwrap_or(0);
        self.show(if forward { at + 1 } else { at + count - 1 }, now);
    }

    /// Notes what stands on the screen; `covered`: something lies over it, or there is no room for it.
    pub fn note_standing(&mut self, covered: bool, now: Timestamp) {
        let first = self.alarms.first().map(|alarm| &alarm.id);
        let same = self.stood.as_ref().is_some_and(|(id, _)| Some(id) == first);
        // Without an alarm it is the alert that was asked about, which goes with its question.
        let asked = first.is_none() && self.stood.as_ref().is_some_and(|(_, at)| now.duration_since(*at) < KEYS_SHOWN);
        if covered {
            self.stood = None;
        } else if !same && !asked {
            self.stood = first.map(|id| (Arc::clone(id), now));
        }
    }

    /// Whether that alert has stood on the screen for long enough to be looked at.
    pub fn was_looked_at(&self, id: &AlertId, now: Timestamp) -> bool {
        self.stood.as_ref().is_some_and(|(stood, since)| stood == id && now.duration_since(*since) >= LOOKED_AT)
    }

    /// What is no alert was seen by somebody at the wall.
    pub fn acknowledge(&mut self, id: &AlertId) {
        self.seen.insert(Arc::clone(id));
    }

    /// Which sessions are worst, which are shown in turn, what is unlogged, how each scope is.
    fn rank(&mut self, board: &Board) {
        self.unlogged = 0;
        self.worst.clear();
        let mut ranked = Vec::new();
        for session in board.sessions.values().filter(|session| session.is_active()) {
            let bad = badness(session);
            self.unlogged += usize::from(is_unlogged(board, session));
            let of_scope = (session.judgement.verdict(), bad.0);
            if let Some(worst) = self.worst.get_mut(&session.session.key.scope) {
                *worst = (*worst).max(of_scope);
            } else {
                self.worst.insert(session.session.key.scope.clone(), of_scope);
            }
            ranked.push((bad, session));
        }
        let newest = |session: &SessionBoard| Reverse(session.session.started_at);
        ranked.sort_unstable_by(|(bad_a, a), (bad_b, b)| {
            let worst_first = bad_b.cmp(bad_a).then_with(|| newest(a).cmp(&newest(b)));
            worst_first.then_with(|| a.session.key.cmp(&b.session.key))
        });
        let is_bad = |session: &SessionBoard, bad: Option<Severity>| {
            let well = matches!(session.judgement.verdict, Some(Verdict::Compliant | Verdict::NotApplicable));
            bad.is_some() || !well
        };
        let worse = ranked.iter().filter(|(bad, session)| is_bad(session, bad.0)).count();
        self.harmless = worse == 0;
        let mut rows: Vec<_> = ranked.iter().filter(|(bad, session)| worse == 0 || is_bad(session, bad.0)).collect();
        if worse == 0 {
            rows.sort_by_key(|(_, session)| newest(session));
        }
        self.ranked = rows.len();
        self.rows = rows.into_iter().take(MOST_ROWS).map(|(_, session)| session.session.key.clone()).collect();
        // A pane that says that there is nothing to read is worth less than one in which something happens: what cannot be
        // read has its row.
        let readable = |session: &&SessionBoard| board.no_log(&session.session).is_none();
        let suspicious = ranked.iter().take_while(|(bad, _)| bad.0.is_some()).map(|(_, session)| *session);
        let mut turn: Vec<&SessionBoard> = suspicious.filter(readable).take(MOST_IN_TURN).collect();
        if turn.len() < LEAST_IN_TURN {
            let harmless = ranked.iter().skip_while(|(bad, _)| bad.0.is_some()).map(|(_, session)| *session);
            let mut others: Vec<&SessionBoard> = harmless.filter(readable).collect();
            others.sort_by_key(|session| Reverse(session.last_output()));
            let most = if turn.is_empty() { MOST_IN_TURN } else { LEAST_IN_TURN - turn.len() };
            turn.extend(others.into_iter().take(most));
        }
        if turn.is_empty() {
            turn.extend(ranked.iter().map(|(_, session)| *session));
        }
        self.rotation = turn.into_iter().take(MOST_IN_TURN).map(|session| session.session.key.clone()).collect();
    }

    /// CRITICAL findings and detections of active sessions. What is not there any more is forgotten, seen or not.
    fn find_causes(&mut self, board: &Board, now: Timestamp) {
        let before = std::mem::take(&mut self.causes);
        for session in board.sessions.values().filter(|session| session.is_active()) {
            if badness(session).0 != Some(Severity::Critical) {
                continue;
            }
            let findings = session.judgement.findings.iter();
            let broken = findings
                .filter(|finding| finding.status == Verdict::NonCompliant && finding.severity == Severity::Critical)
                .map(|finding| (finding.rule.clone(), Arc::from(&*finding.title), now));
            let detected = session.detections.all().iter();
            let typed = detected
                .filter(|detected| detected.confidence != Confidence::Output && detected.severity == Severity::Critical)
                .map(|detected| {
                    (RuleId::from(&*detected.rule.id), Arc::from(&*detected.rule.title), detected.found_at)
                });
            for (rule, title, since) in broken.chain(typed) {
                let subject = Subject::Session(session.session.key.clone());
                let id = alert_id(rule.as_str(), &subject, None);
                let since = before.get(&id).map_or(since, |alarm| alarm.since);
                let owner = Arc::clone(&session.session.owner);
                let alarm = Alarm { id: Arc::clone(&id), rule, title, subject, owner, since, is_alert: false };
                self.causes.insert(id, alarm);
            }
        }
        self.seen.retain(|id| self.causes.contains_key(id));
    }

    fn find_alarms(&mut self, alerts: &AlertBook) {
        let raised = alerts.all().filter(|alert| alert.is_unacknowledged() && alert.severity == Severity::Critical);
        let mut alarms: Vec<Alarm> = raised
            .map(|alert| Alarm {
                id: Arc::clone(&alert.id),
                rule: alert.rule.clone(),
                title: Arc::clone(&alert.title),
                subject: alert.subject.clone(),
                owner: Arc::clone(&alert.owner),
                since: alert.reopened_at,
                is_alert: true,
            })
            .collect();
        let silent = self.causes.values();
        let silent = silent.filter(|alarm| alerts.get(&alarm.id).is_none() && !self.seen.contains(&alarm.id));
        alarms.extend(silent.cloned());
        // Where acknowledging is off, what was seen at the wall is seen.
        alarms.retain(|alarm| !self.seen.contains(&alarm.id));
        alarms.sort_by(|a, b| b.since.cmp(&a.since).then_with(|| a.id.cmp(&b.id)));
        self.alarms = alarms;
    }

    /// Whether the keys are told: somebody is there.
    pub fn shows_keys(&self, now: Timestamp) -> bool {
        self.key_at.is_some_and(|at| now.duration_since(at) < KEYS_SHOWN)
    }
}

/// Nothing of it is logged, or what was is gone.
fn is_unlogged(board: &Board, session: &SessionBoard) -> bool {
    let broken =
        session.judgement.findings.iter().any(|finding| {
            finding.status == Verdict::NonCompliant && matches!(finding.rule.as_str(), "LOG-01" | "LOG-03")
        });
    broken || session.stream_change.is_some() || board.no_log(&session.session).is_some_and(|reason| reason.is_final())
}

/// Whether somebody who presses the key of that action at the desk types on: words, which at the wall must not run as keys.
pub fn is_typed_on(action: Action) -> bool {
    matches!(
        action,
        Action::Palette
            | Action::SavedFilters
            | Action::Filter
            | Action::Terminate
            | Action::Alert
            | Action::Suppress
            | Action::Quarantine
            | Action::Columns
    )
}

/// Whether an action does something at the wall. Nothing there is selected, so nothing that acts on a selection does.
pub fn works_on_wall(action: Action) -> bool {
    matches!(
        action,
        Action::Wall
            | Action::Back
            | Action::Mask
            | Action::Acknowledge
            | Action::Down
            | Action::Up
            | Action::Left
            | Action::Right
            | Action::Refresh
            | Action::NextTheme
            | Action::Help
            | Action::Mouse
            | Action::Suspend
            | Action::Quit
            | Action::PauseAutomatic
            | Action::Spare
    )
}
