//! Acts: opened on an id, confirmed, written down, sent, proven.

use crossterm::event::KeyCode;
use jiff::SignedDuration;

use super::notify;
use crate::{
    app::{
        board::Phase,
        dialog::Dialog,
        message::Effect,
        state::{Setup, State},
        view::{BannerKind, Notice, Screen},
    },
    domain::{
        Act, ActId, ActKind, ActOutcome, ActStep, Actor, AlertBody, AlertDestination, Finding, SessionKey, Severity,
        Subject, Verdict,
    },
};

/// A selection that moved by itself this shortly before the key is not the one that was read.
const READ_AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// Opens the dialog of an act on the selected session, or says why not.
pub(super) fn open_dialog(state: &mut State, kind: ActKind, opened_by: KeyCode) {
    let word = match kind {
        ActKind::Terminate => "terminating",
        _ => "alerting",
    };
    if let Some(why) = &state.setup.read_only {
        let text = format!("{word} is off: {why}");
        return refuse(state, text);
    }
    let Some(key) = selected(state) else {
        return refuse(state, "no session is selected");
    };
    let moved = state.view.table.moved_at.take();
    if state.view.screen == Screen::Sessions && moved.is_some_and(|at| state.now.duration_since(at) < READ_AGAIN) {
        return refuse(state, format!("the selection has just moved to {}: look, and press again", key.id));
    }
    let Some(board) = state.board.sessions.get(&key) else {
        return refuse(state, "that session is no longer known");
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
    state.view.dialog = Some(Dialog::new(kind, key, opened_by, state.now));
}

/// Says why not. Who reaches for a dialog types on: the reason must not run as commands.
fn refuse(state: &mut State, why: impl Into<String>) {
    state.view.refused = Some(state.now);
    notify(state, why, true);
}

/// The session that acts go to on this screen.
fn selected(state: &State) -> Option<SessionKey> {
    match state.view.screen {
        Screen::Sessions => state.view.table.list.selected.clone(),
        Screen::History => state.view.history.selected.clone(),
        Screen::Alerts => {
            let id = state.view.acts.selected?;
            state.act(id).and_then(|act| act.session().cloned())
        }
        Screen::Preferences | Screen::Scopes => None,
    }
}

fn running(state: &State, key: &SessionKey) -> bool {
    state.acts.iter().any(|act| act.kind == ActKind::Terminate && act.session() == Some(key) && !act.is_over())
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
        _ => destinations(&state.setup, finding.is_some()).map(|destination| step(destination.word())).collect(),
    };
    // A repeat supersedes the failure that is on the screen.
    let superseded = state.acts.iter().filter(|act| act.kind == kind && act.session() == Some(&key)).map(|act| act.id);
    state.view.dismissed.extend(superseded.collect::<Vec<_>>());
    let caller = state.board.scopes.get(&key.scope).and_then(|scope| scope.caller.as_deref());
    let actor = Actor { user: state.setup.actor.to_string(), arn: caller.map(str::to_owned), rule: None };
    let effect = match kind {
        ActKind::Terminate => Effect::Terminate { act: id, session: key.clone(), count_it: finding.is_some() },
        _ => {
            let severity = finding.as_ref().map_or(Severity::Informational, |finding| finding.severity);
            let body = AlertBody { finding, severity, reason: reason.clone() };
            Effect::Alert { act: id, session: key.clone(), body }
        }
    };
    state.acts.push(Act {
        id,
        at: state.now,
        kind,
        subject: Subject::Session(key),
        target: String::new(),
        owner,
        reason,
        actor,
        evidence_sha256: None,
        steps,
    });
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
    let is_end = act.kind == ActKind::Terminate && step == 0;
    let Some(step) = act.steps.get_mut(step) else { return };
    step.outcome = outcome;
    if !step.outcome.is_final() {
        return;
    }
    // A proven end of a non-compliant session, which is what has a metric step, counts towards THR-01.
    if is_end
        && act.steps.len() > 1
        && act.steps.first().is_some_and(|step| matches!(step.outcome, ActOutcome::Done { .. }))
        && let Some(account) = act.subject.account()
    {
        state.board.note_terminated(account, state.now);
    }
    // All outcomes of the act so far in one word: the last one must not hide the one that matters.
    let mut bad = false;
    let mut words = Vec::new();
    for step in &act.steps {
        match &step.outcome {
            ActOutcome::Started | ActOutcome::Sent | ActOutcome::Waiting { .. } => {}
            ActOutcome::Done { took_ms, proof } => {
                let seconds = std::time::Duration::from_millis(*took_ms).as_secs_f32();
                words.push(format!("{} done in {seconds:.1} s ({proof})", step.name));
            }
            ActOutcome::Unproven { what, .. } => {
                bad = true;
                words.push(format!("{} UNPROVEN: {what}", step.name));
            }
            ActOutcome::Failed { what, .. } => {
                bad = true;
                words.push(format!("{} FAILED: {what}", step.name));
            }
        }
    }
    let text = format!("{}: {}", act.subject.id(), words.join("; "));
    notify(state, text, bad);
}

/// Whether a later termination of the same session was sent, or may be.
fn is_repeated(acts: &[Act], act: &Act) -> bool {
    let was_sent = |step: &ActStep| !matches!(step.outcome, ActOutcome::Failed { .. });
    acts.iter().any(|other| {
        other.id > act.id
            && other.kind == act.kind
            && other.subject == act.subject
            && other.steps.first().is_some_and(was_sent)
    })
}

/// A termination without proof is settled when the History shows the end after all.
pub(super) fn settle(state: &mut State, effects: &mut Vec<Effect>) {
    let now = state.now;
    let (mut words, mut ends) = (Vec::new(), Vec::new());
    // One end is one termination: a repeat that may still prove it, or has, or failed to, takes it from those before.
    let repeated: Vec<ActId> =
        state.acts.iter().filter(|act| is_repeated(&state.acts, act)).map(|act| act.id).collect();
    for act in &mut state.acts {
        let unproven = |step: &ActStep| matches!(step.outcome, ActOutcome::Unproven { .. });
        if act.kind != ActKind::Terminate || !act.steps.first().is_some_and(unproven) || repeated.contains(&act.id) {
            continue;
        }
        let Some(board) = act.session().and_then(|key| state.board.sessions.get(key)) else { continue };
        let Phase::Ended { how, at } = &board.phase else { continue };
        let count_it = act.steps.get(1).is_some_and(unproven);
        if let Some(step) = act.steps.first_mut() {
            let took = at.duration_since(act.at).as_millis().max(0);
            let took_ms = u64::try_from(took).unwrap_or(u64::MAX);
            step.outcome = ActOutcome::Done { took_ms, proof: format!("seen later: {how} at {at:.0}") };
        }
        if count_it {
            ends.extend(act.subject.account().map(|account| (account.clone(), *at)));
        }
        words.push(format!("{}: ended after all, {how} at {at:.0}", act.subject.id()));
        effects.push(Effect::Settled { act: act.id, count_it });
    }
    for (account, at) in ends {
        state.board.note_terminated(&account, at);
    }
    if !words.is_empty() {
        state.revision += 1;
        state.view.notice = Some(Notice { text: words.join("; "), bad: false, until: now + super::NOTICE_TIME });
    }
}

/// `Esc`: failures that were seen leave the screen; they stay in the list of acts.
pub(super) fn dismiss(state: &mut State) -> bool {
    let seen: Vec<ActId> = state
        .view
        .banners
        .iter()
        .filter_map(|banner| match banner.kind {
            BannerKind::Act(id) => Some(id),
            BannerKind::Rules | BannerKind::Account(_) | BannerKind::Scope(_) | BannerKind::Scopes => None,
        })
        .collect();
    let any = !seen.is_empty();
    state.view.dismissed.extend(seen);
    any
}
