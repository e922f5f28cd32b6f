//! Acts: opened on an id, confirmed, written down, sent, proven.

use crossterm::event::KeyCode;

use super::notify;
use crate::{
    app::{
        dialog::Dialog,
        message::Effect,
        state::{Setup, State},
        view::{BannerKind, Screen},
    },
    domain::{
        Act, ActId, ActKind, ActOutcome, ActStep, AlertBody, AlertDestination, Finding, SessionKey, Severity, Verdict,
    },
};

/// Opens the dialog of an act on the selected session, or says why not.
pub(super) fn open_dialog(state: &mut State, kind: ActKind, opened_by: KeyCode) {
    let word = match kind {
        ActKind::Terminate => "terminating",
        ActKind::Alert => "alerting",
    };
    if let Some(why) = &state.setup.read_only {
        let text = format!("{word} is off: {why}");
        return notify(state, text, true);
    }
    let Some(key) = selected(state) else {
        return notify(state, "no session is selected", true);
    };
    let Some(board) = state.board.sessions.get(&key) else {
        return notify(state, "that session is no longer known", true);
    };
    if kind == ActKind::Terminate && !board.is_active() {
        return notify(state, "that session has ended already", false);
    }
    if kind == ActKind::Alert && state.setup.member_topic.is_none() && state.setup.central_topic.is_none() {
        return notify(state, "no topic is configured: set [alerts] member_topic or central_topic", true);
    }
    if kind == ActKind::Terminate && running(state, &key) {
        return notify(state, "it is being terminated already", false);
    }
    state.view.dialog = Some(Dialog::new(kind, key, opened_by, state.now));
}

/// The session that acts go to on this screen.
fn selected(state: &State) -> Option<SessionKey> {
    match state.view.screen {
        Screen::Sessions => state.view.table.list.selected.clone(),
        Screen::History => state.view.history.selected.clone(),
        Screen::Alerts => {
            let id = state.view.acts.selected?;
            state.act(id).map(|act| act.session.clone())
        }
        Screen::Preferences | Screen::Scopes => None,
    }
}

fn running(state: &State, key: &SessionKey) -> bool {
    state.acts.iter().any(|act| {
        act.kind == ActKind::Terminate && act.session == *key && act.steps.iter().any(|step| !step.outcome.is_final())
    })
}

/// The dialog was answered: the act begins.
pub(super) fn begin(state: &mut State, kind: ActKind, key: SessionKey, reason: String, effects: &mut Vec<Effect>) {
    let id = state.acts.last().map_or(1, |act| act.id + 1);
    let owner = state.board.sessions.get(&key).map(|board| board.session.owner.to_string()).unwrap_or_default();
    let finding = worst_finding(state, &key);
    let step = |name: &str| ActStep { name: name.to_owned(), outcome: ActOutcome::Started };
    let steps = match kind {
        ActKind::Terminate if finding.is_some() => vec![step("terminate"), step(AlertDestination::Metrics.word())],
        ActKind::Terminate => vec![step("terminate")],
        ActKind::Alert => {
            destinations(&state.setup, finding.is_some()).map(|destination| step(destination.word())).collect()
        }
    };
    // A repeat supersedes the failure that is on the screen.
    let superseded = state.acts.iter().filter(|act| act.kind == kind && act.session == key).map(|act| act.id);
    state.view.dismissed.extend(superseded.collect::<Vec<_>>());
    let caller = state.board.scopes.get(&key.scope).and_then(|scope| scope.caller.as_deref());
    let actor = match caller {
        Some(arn) => format!("{} as {arn}", state.setup.actor),
        None => state.setup.actor.to_string(),
    };
    let effect = match kind {
        ActKind::Terminate => Effect::Terminate { act: id, session: key.clone(), count_it: finding.is_some() },
        ActKind::Alert => {
            let severity = finding.as_ref().map_or(Severity::Informational, |finding| finding.severity);
            let body = AlertBody { finding, severity, reason: reason.clone() };
            Effect::Alert { act: id, session: key.clone(), body }
        }
    };
    state.acts.push(Act { id, at: state.now, kind, session: key, owner, reason, actor, steps });
    state.project_acts();
    effects.push(effect);
}

/// Where an alert goes, in the order of its steps. The metric counts NON_COMPLIANT sessions only.
pub fn destinations(setup: &Setup, non_compliant: bool) -> impl Iterator<Item = AlertDestination> {
    [
        setup.member_topic.as_ref().map(|_| AlertDestination::MemberTopic),
        setup.central_topic.as_ref().map(|_| AlertDestination::CentralTopic),
        non_compliant.then_some(AlertDestination::Metrics),
    ]
    .into_iter()
    .flatten()
}

/// The worst NON_COMPLIANT finding: what an alert raised by hand is about.
fn worst_finding(state: &State, key: &SessionKey) -> Option<Finding> {
    let judgement = &state.board.sessions.get(key)?.judgement;
    judgement.findings.iter().find(|finding| finding.status == Verdict::NonCompliant).cloned()
}

/// A step of an act has come further.
pub(super) fn progress(state: &mut State, id: ActId, step: usize, outcome: ActOutcome) {
    let Some(act) = state.acts.iter_mut().find(|act| act.id == id) else { return };
    let Some(step) = act.steps.get_mut(step) else { return };
    step.outcome = outcome;
    if !step.outcome.is_final() {
        return;
    }
    // All outcomes of the act so far in one word: the last one must not hide the one that matters.
    let mut bad = false;
    let mut words = Vec::new();
    for step in &act.steps {
        match &step.outcome {
            ActOutcome::Started | ActOutcome::Sent => {}
            ActOutcome::Done { took_ms, proof } => {
                let seconds = std::time::Duration::from_millis(*took_ms).as_secs_f32();
                words.push(format!("{} done in {seconds:.1} s ({proof})", step.name));
            }
            ActOutcome::Failed { what, .. } => {
                bad = true;
                words.push(format!("{} FAILED: {what}", step.name));
            }
        }
    }
    let text = format!("{}: {}", act.session.id, words.join("; "));
    notify(state, text, bad);
}

/// `Esc`: failures that were seen leave the screen; they stay in the list of acts.
pub(super) fn dismiss(state: &mut State) -> bool {
    let seen: Vec<ActId> = state
        .view
        .banners
        .iter()
        .filter_map(|banner| match banner.kind {
            BannerKind::Act(id) => Some(id),
            BannerKind::Scope(_) | BannerKind::Scopes => None,
        })
        .collect();
    let any = !seen.is_empty();
    state.view.dismissed.extend(seen);
    any
}
