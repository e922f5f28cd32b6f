//! Acts: opened on an id, confirmed, written down, sent, proven.

use std::collections::BTreeSet;

use crossterm::event::KeyCode;
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use super::notify;
use crate::{
    app::{
        alerts::destinations,
        dialog::{Dialog, SUPPRESS_FOR},
        message::Effect,
        state::State,
        view::Screen,
    },
    domain::{
        Act, ActKind, ActOutcome, ActStep, Actor, AlertDestination, AlertId, Finding, RuleId, SessionKey, Subject,
        Verdict, alert_target,
    },
};

/// A selection that moved by itself this shortly before the key is not the one that was read.
const READ_AGAIN: SignedDuration = SignedDuration::from_secs(2);
/// Sessions that one confirmation can list and be read.
const MOST_AT_ONCE: usize = 50;

/// Opens the dialog of an act on the marked or the selected session, or says why not.
pub(super) fn open_dialog(state: &mut State, kind: ActKind, opened_by: KeyCode) {
    let word = match kind {
        ActKind::Terminate => "terminating",
        _ => "alerting",
    };
    if let Some(why) = state.acting_off(true) {
        return refuse(state, format!("{word} is off: {why}"));
    }
    if kind == ActKind::Terminate && state.view.screen == Screen::Sessions && !state.view.marked.is_empty() {
        return open_for_marked(state, opened_by);
    }
    let Some(key) = selected(state) else {
        return refuse(state, "no session is selected");
    };
    if has_just_moved(state) {
        return refuse(state, format!("the selection has just moved to {}: look, and press again", key.id));
    }
    let Some(board) = state.board.sessions.get(&key) else {
        let words = match state.history.get(&key) {
            Some(_) if kind == ActKind::Terminate => "that session has ended already",
            Some(_) => "that session ended long ago: open it first",
            None => "that session is no longer known",
        };
        return refuse(state, words);
    };
    if kind == ActKind::Terminate && !board.is_active() {
        return refuse(state, "that session has ended already");
    }
    if kind == ActKind::Alert && state.setup.member_topic.is_none() && state.setup.central_topic.is_none() {
        return refuse(state, "no topic is configured: set [alerts] member_topic or central_topic");
    }
    if kind == ActKind::Terminate && running(state, &key) {
        return refuse(state, "it is being terminated already");
    }
    state.view.dialog = Some(Dialog::new(kind, vec![Subject::Session(key)], opened_by, state.now));
}

/// One question for all sessions that are marked, whether the filter shows them or not.
fn open_for_marked(state: &mut State, opened_by: KeyCode) {
    let can_end = |key: &&SessionKey| {
        state.board.sessions.get(*key).is_some_and(|session| session.is_active()) && !running(state, key)
    };
    let rows = state.view.table.list.rows.iter().filter(|key| state.view.marked.contains(*key));
    let hidden = state.view.marked.iter().filter(|key| !state.view.table.list.rows.contains(key));
    let keys: Vec<SessionKey> = rows.chain(hidden).filter(can_end).cloned().collect();
    if keys.is_empty() {
        state.view.marked.clear();
        return refuse(state, "the marked sessions have ended, or are being terminated already");
    }
    if keys.len() > MOST_AT_ONCE {
        let text = format!("{} sessions are marked: at most {MOST_AT_ONCE} are ended at once", keys.len());
        return refuse(state, text);
    }
    let subjects = keys.into_iter().map(Subject::Session).collect();
    state.view.dialog = Some(Dialog::new(ActKind::Terminate, subjects, opened_by, state.now));
}

/// Marks the selected session for acts on many, or takes the mark away, and goes on to the next row.
pub(super) fn toggle_mark(state: &mut State) {
    if state.view.screen != Screen::Sessions {
        return;
    }
    let Some(key) = state.view.table.list.selected.clone() else { return };
    if has_just_moved(state) {
        return refuse(state, format!("the selection has just moved to {}: look, and press again", key.id));
    }
    if !state.board.sessions.get(&key).is_some_and(|session| session.is_active()) {
        return notify(state, "that session has ended already", true);
    }
    if !state.view.marked.remove(&key) {
        state.view.marked.insert(key);
    }
    state.view.table.list.step(1);
}

pub(super) fn has_just_moved(state: &mut State) -> bool {
    let moved = state.view.table.moved_at.take();
    state.view.screen == Screen::Sessions && moved.is_some_and(|at| state.now.duration_since(at) < READ_AGAIN)
}

/// Says why not. Who reaches for a dialog types on: the reason must not run as commands.
pub(super) fn refuse(state: &mut State, why: impl Into<String>) {
    state.view.refused = Some(state.now);
    notify(state, why, true);
}

/// The session that acts go to on this screen.
pub(crate) fn selected(state: &State) -> Option<SessionKey> {
    match state.view.screen {
        Screen::Sessions => state.view.table.list.selected.clone(),
        Screen::History => state.view.history.selected.clone(),
        Screen::Alerts => {
            let alert = state.alerts.get(state.view.alerts.selected.as_ref()?)?;
            alert.subject.session().cloned()
        }
        Screen::Acts => state.act(state.view.acts.selected?).and_then(|act| act.session().cloned()),
        Screen::Preferences | Screen::Scopes => None,
    }
}

pub(in crate::app) fn running(state: &State, key: &SessionKey) -> bool {
    state.acts.iter().any(|act| {
        act.kind == ActKind::Terminate
            && act.session() == Some(key)
            && act.steps.first().is_some_and(|step| !step.outcome.is_final())
    })
}

/// A dialog was answered: what it asked for begins.
pub(super) fn begin(state: &mut State, dialog: Dialog, reason: String, effects: &mut Vec<Effect>) {
    match dialog.kind {
        ActKind::Terminate => {
            for subject in &dialog.subjects {
                if let Some(key) = subject.session() {
                    state.view.marked.remove(key);
                    terminate(state, key.clone(), reason.clone(), None, effects);
                }
            }
        }
        ActKind::Alert => {
            if let Some(subject) = dialog.subject() {
                alert(state, subject.clone(), reason, effects);
            }
        }
        ActKind::Suppress => {
            if let Some(id) = dialog.alert.clone() {
                suppress(state, &id, dialog.suppress_for, reason, effects);
            }
        }
        _ => super::quarantine::begin(state, dialog, reason, effects),
    }
}

/// Ends a session: by hand, or by a rule.
pub(super) fn terminate(
    state: &mut State,
    key: SessionKey,
    reason: String,
    rule: Option<RuleId>,
    effects: &mut Vec<Effect>,
) {
    let count_it = worst_finding(state, &key).is_some();
    let mut steps = vec![ActStep::started("terminate")];
    if count_it {
        steps.push(ActStep::started(AlertDestination::Metrics.word()));
    }
    // The node: who comes back to it is told of.
    let node = state.board.sessions.get(&key).map(|board| board.session.target.to_string()).unwrap_or_default();
    let id = enter(state, ActKind::Terminate, Subject::Session(key.clone()), node, reason, rule, steps);
    effects.push(Effect::Terminate { act: id, session: key, count_it });
}

/// Raises an alert by hand.
fn alert(state: &mut State, subject: Subject, reason: String, effects: &mut Vec<Effect>) {
    let by = state.actor(&subject, None).to_string();
    let State { alerts, board, setup, .. } = state;
    let alert = alerts.raise_by_hand(board, setup, &subject, (&reason, &by), state.now);
    let steps = state.alerts.get(&alert).map(|alert| {
        destinations(&state.setup, alert).map(|destination| ActStep::started(destination.word())).collect()
    });
    let steps = steps.unwrap_or_default();
    let id = enter(state, ActKind::Alert, subject, alert_target(&alert), reason, None, steps);
    effects.push(Effect::KeepAlert { alert, raised: true, act: Some(id) });
    state.project_alerts();
}

/// `c`: the selected alert was seen.
pub(super) fn acknowledge(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(id) = selected_alert(state) else { return };
    acknowledge_alert(state, &id, effects);
}

/// That alert was seen.
pub(super) fn acknowledge_alert(state: &mut State, id: &AlertId, effects: &mut Vec<Effect>) {
    let Some(alert) = state.alerts.get(id) else { return };
    if alert.acknowledged.is_some() {
        return notify(state, "that alert was acknowledged already", false);
    }
    if let Some(why) = state.acting_off(false) {
        return refuse(state, format!("acknowledging is off: {why}"));
    }
    let subject = alert.subject.clone();
    let by = state.actor(&subject, None).to_string();
    state.alerts.acknowledge(id, &by, state.now);
    let row = state.view.alerts.position();
    record_on(state, ActKind::Acknowledge, id, subject, String::new(), effects);
    // The alert sinks to those that were seen; the next one takes its place, and the selection.
    if let Some(next) =
        row.and_then(|row| state.view.alerts.rows.get(row)).filter(|_| state.view.screen == Screen::Alerts)
    {
        state.view.alerts.selected = Some(next.clone());
    }
}

/// `z`: asks why and for how long nobody wants to hear of the selected alert.
pub(super) fn open_suppress(state: &mut State, opened_by: KeyCode) {
    let Some(id) = selected_alert(state) else { return };
    let Some(alert) = state.alerts.get(&id) else { return };
    let subject = alert.subject.clone();
    if let Some(why) = state.acting_off(false) {
        return refuse(state, format!("suppressing is off: {why}"));
    }
    if matches!(alert.workflow, crate::domain::Workflow::Resolved { .. }) {
        return refuse(state, "that alert is resolved: there is nothing to suppress");
    }
    let is_over = |key: &SessionKey| state.board.sessions.get(key).is_none_or(|session| !session.is_active());
    if subject.session().is_some_and(is_over) && !alert.rule.as_str().starts_with("LOG-") {
        return refuse(state, "its session is over: acknowledge the alert, and it is resolved");
    }
    let mut dialog = Dialog::new(ActKind::Suppress, vec![subject], opened_by, state.now);
    dialog.alert = Some(id);
    state.view.dialog = Some(dialog);
}

fn suppress(state: &mut State, id: &AlertId, choice: usize, reason: String, effects: &mut Vec<Effect>) {
    let Some(alert) = state.alerts.get(id) else { return };
    let subject = alert.subject.clone();
    let (words, time) = SUPPRESS_FOR.get(choice).or(SUPPRESS_FOR.first()).copied().unwrap_or_default();
    let until = state.now.checked_add(time).unwrap_or(state.now);
    let by = state.actor(&subject, None).to_string();
    state.alerts.suppress(id, until, (&reason, &by), state.now);
    record_on(state, ActKind::Suppress, id, subject, format!("for {words}: {reason}"), effects);
}

/// The alert that `c` and `z` mean: the selected one; on a session its worst that nobody has seen.
fn selected_alert(state: &mut State) -> Option<AlertId> {
    let id = match state.view.screen {
        Screen::Alerts => state.view.alerts.selected.clone(),
        _ => selected(state).and_then(|key| {
            let alerts = state.alerts.of(&Subject::Session(key));
            let unseen = alerts.iter().find(|alert| alert.is_unacknowledged());
            unseen.or_else(|| alerts.iter().find(|alert| alert.workflow.is_open())).map(|alert| alert.id.clone())
        }),
    };
    if id.is_none() {
        refuse(state, "there is no alert on what is selected");
    }
    id
}

/// A record on an alert, which changes nothing at AWS.
fn record_on(
    state: &mut State,
    kind: ActKind,
    alert: &AlertId,
    subject: Subject,
    reason: String,
    effects: &mut Vec<Effect>,
) {
    let id =
        enter(state, kind, subject.clone(), alert_target(alert), reason, None, vec![ActStep::started(kind.title())]);
    effects.push(Effect::Record { act: id, alert: Some(alert.clone()) });
    // What was seen of a session that is over has lost its cause.
    super::alerting::consider(state, &subject, effects);
    state.project_alerts();
}

/// A session was opened on purpose: its transcript is read. Written down once a run.
pub(super) fn note_opened(state: &mut State, key: &SessionKey, effects: &mut Vec<Effect>) {
    if state.acting_off(false).is_some() || !state.view.opened_before.insert(key.clone()) {
        return;
    }
    let steps = vec![ActStep::started(ActKind::OpenTranscript.title())];
    let subject = Subject::Session(key.clone());
    let id = enter(state, ActKind::OpenTranscript, subject, String::new(), String::new(), None, steps);
    effects.push(Effect::Record { act: id, alert: None });
}

/// `e`: exports the evidence of the selected session.
pub(super) fn export(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(why) = state.acting_off(false) {
        return refuse(state, format!("exporting is off: {why}"));
    }
    let Some(key) = selected(state) else { return refuse(state, "no session is selected") };
    if has_just_moved(state) {
        return refuse(state, format!("the selection has just moved to {}: look, and press again", key.id));
    }
    let subject = Subject::Session(key.clone());
    let runs = |act: &Act| act.kind == ActKind::Export && act.subject == subject && !act.is_over();
    if state.acts.iter().any(runs) {
        return refuse(state, "it is being exported already");
    }
    let steps = vec![ActStep::started(ActKind::Export.title())];
    let id = enter(state, ActKind::Export, subject, String::new(), String::new(), None, steps);
    notify(state, format!("exporting the evidence of {}", key.id), false);
    effects.push(Effect::Export { act: id, session: key });
}

/// `u`: the countdown of an automatic termination is stopped: of the selected session, else the next one.
pub(super) fn spare(state: &mut State, effects: &mut Vec<Effect>) {
    // At the wall nothing is selected: it is the one that the banner names.
    let of_selected =
        selected(state).filter(|key| state.view.wall.is_none() && state.automatic.pending_of(key).is_some());
    let next = || state.automatic.pending().first().map(|(key, _)| (*key).clone());
    let Some(key) = of_selected.or_else(next) else {
        return refuse(state, "nothing is about to be ended by itself");
    };
    if let Some(rule) = state.automatic.spare(&key) {
        let reason = format!("{rule} would have ended it");
        note(state, ActKind::StopAutomatic, Subject::Session(key.clone()), reason, effects);
        notify(state, format!("{} is left alone: it is not ended by itself any more", key.id), false);
    }
}

/// `P`: pauses automatic response, or takes it up again.
pub(super) fn toggle_automatic(state: &mut State, effects: &mut Vec<Effect>) {
    if state.automatic.rules.is_empty() {
        return refuse(state, "no session is ended by itself: [response] auto_terminate is empty");
    }
    match state.automatic.paused {
        Some(_) => {
            if let Some(why) = state.acting_off(true) {
                return refuse(state, format!("automatic response is off: {why}"));
            }
            if let Some(until) = state.automatic.full_until(state.now) {
                let at = until.to_zoned(state.setup.zone.clone()).strftime("%H:%M:%S").to_string();
                let most = state.automatic.max_per_hour;
                return refuse(
                    state,
                    format!("{most} terminations within an hour is the ceiling: it has room from {at} on"),
                );
            }
            state.automatic.resume(state.now);
            note(state, ActKind::ResumeAutomatic, Subject::Program, String::new(), effects);
            notify(state, "automatic response is in force again", false);
        }
        None => {
            state.automatic.pause();
            note(state, ActKind::PauseAutomatic, Subject::Program, String::new(), effects);
            notify(state, "automatic response is paused", false);
        }
    }
}

/// A record that changes nothing but what this program does.
fn note(state: &mut State, kind: ActKind, subject: Subject, reason: String, effects: &mut Vec<Effect>) {
    let steps = vec![ActStep::started(kind.title())];
    let id = enter(state, kind, subject, String::new(), reason, None, steps);
    effects.push(Effect::Record { act: id, alert: None });
}

/// Enters an act, and answers its number.
pub(super) fn enter(
    state: &mut State,
    kind: ActKind,
    subject: Subject,
    target: String,
    reason: String,
    rule: Option<RuleId>,
    steps: Vec<ActStep>,
) -> u64 {
    let id = state.memory.next_act.max(1);
    state.memory.next_act = id + 1;
    // A repeat supersedes the failure that is on the screen.
    let superseded: BTreeSet<u64> =
        state.acts.iter().filter(|act| act.kind == kind && act.subject == subject).map(|act| act.id).collect();
    state.view.dismissed.extend(superseded);
    let session = subject.session().and_then(|key| state.board.sessions.get(key));
    let owner = session.map(|board| board.session.owner.to_string()).unwrap_or_default();
    let evidence_sha256 = session.map(|board| evidence_digest(&board.judgement.findings));
    let actor = state.actor(&subject, rule);
    state.acts.push(Act { id, at: state.now, kind, subject, target, owner, reason, actor, evidence_sha256, steps });
    state.project_acts();
    id
}

/// SHA-256 of the findings with their evidence, as JSON.
fn evidence_digest(findings: &[Finding]) -> String {
    let json = serde_json::to_vec(findings).unwrap_or_default();
    Sha256::digest(&json).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl State {
    /// Who acts on that subject: by hand, or by a rule.
    pub(super) fn actor(&self, subject: &Subject, rule: Option<RuleId>) -> Actor {
        let scope = subject.scope();
        let of_account = || {
            let account = subject.account()?;
            self.board.scopes.iter().find(|(id, board)| id.account == *account && board.caller.is_some())
        };
        let caller = match scope {
            Some(scope) => self.board.scopes.get(scope).and_then(|board| board.caller.as_deref()),
            None => of_account().and_then(|(_, board)| board.caller.as_deref()),
        };
        Actor { user: self.setup.actor.to_string(), arn: caller.map(str::to_owned), rule }
    }
}

/// The worst NON_COMPLIANT finding.
fn worst_finding<'a>(state: &'a State, key: &SessionKey) -> Option<&'a Finding> {
    let judgement = &state.board.sessions.get(key)?.judgement;
    judgement.findings.iter().find(|finding| finding.status == Verdict::NonCompliant)
}

/// Whether an outcome says that the permission is missing.
pub(super) fn is_denied(outcome: &ActOutcome) -> bool {
    matches!(outcome, ActOutcome::Failed { what, .. } if what.starts_with("the permission "))
}
