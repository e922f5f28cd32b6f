//! What acts came to: outcomes, proofs that come later, failures that stay on the screen.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{acts::is_denied, notify};
use crate::{
    app::{
        board::Phase,
        message::{Delivered, Effect},
        state::State,
        view::{BannerKind, Notice},
    },
    domain::{Act, ActId, ActKind, ActOutcome, ActStep, Delivery, Loaded},
};

/// The service's clock and ours may differ by this much.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(5);

/// A step of an act has come further.
pub(super) fn progress(state: &mut State, id: ActId, step: usize, outcome: ActOutcome, effects: &mut Vec<Effect>) {
    let Some(act) = state.acts.iter_mut().find(|act| act.id == id) else { return };
    let is_main = step == 0;
    let Some(step) = act.steps.get_mut(step) else { return };
    step.outcome = outcome;
    if !step.outcome.is_final() {
        return;
    }
    let act = act.clone();
    if is_main {
        came_to(state, &act, effects);
    }
    let is_quiet = matches!(
        act.kind,
        ActKind::OpenTranscript | ActKind::StopAutomatic | ActKind::PauseAutomatic | ActKind::ResumeAutomatic
    );
    if is_quiet && act.steps.iter().all(|step| matches!(step.outcome, ActOutcome::Done { .. })) {
        return;
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
    let mut text = format!("{}: {}", act.subject.id(), words.join("; "));
    // Of many that were confirmed at once the last word must not stand for all.
    let together = |other: &&Act| act.kind == ActKind::Terminate && other.kind == act.kind && other.at == act.at;
    let ends: Vec<&ActOutcome> =
        state.acts.iter().filter(together).filter_map(|act| Some(&act.steps.first()?.outcome)).collect();
    if ends.len() > 1 {
        let over = ends.iter().filter(|end| end.is_final()).count();
        let done = ends.iter().filter(|end| matches!(end, ActOutcome::Done { .. })).count();
        bad |= done < over;
        text = format!("{done} of {} ended, {} not: {text}", ends.len(), over - done);
    }
    notify(state, text, bad);
}

/// What follows from the outcome of the act itself.
fn came_to(state: &mut State, act: &Act, effects: &mut Vec<Effect>) {
    let Some(ActStep { outcome, .. }) = act.steps.first() else { return };
    let is_done = matches!(outcome, ActOutcome::Done { .. });
    // What is denied to one role of an account is denied in all its regions.
    let of_account = act.subject.account().filter(|_| act.subject.scope().is_none());
    let scopes = state.board.scopes.keys().filter(|scope| {
        act.subject.scope() == Some(*scope) || of_account.is_some_and(|account| scope.account == *account)
    });
    for scope in scopes {
        let key = (scope.clone(), act.kind);
        if is_denied(outcome) {
            state.denied.insert(key, state.now);
        } else if is_done {
            state.denied.remove(&key);
        }
    }
    if !is_done {
        return;
    }
    match act.kind {
        ActKind::Terminate => {
            // A proven end of a non-compliant session, which is what has a metric step, counts towards THR-01.
            if let Some(account) = act.subject.account().filter(|_| act.steps.len() > 1) {
                state.board.note_terminated(account, state.now);
            }
            if !act.is_automatic() {
                // Who ends a session has seen what was raised on it.
                let by = act.actor.to_string();
                let ids: Vec<_> = state.alerts.of(&act.subject).iter().map(|alert| alert.id.clone()).collect();
                for alert in ids {
                    if state.alerts.acknowledge(&alert, &by, state.now) {
                        effects.push(Effect::KeepAlert { alert, raised: false, act: None });
                    }
                }
                super::alerting::consider(state, &act.subject, effects);
                state.project_alerts();
            }
        }
        ActKind::Quarantine => state.quarantined.push(act.clone()),
        ActKind::LiftQuarantine => state.quarantined.retain(|set| set.target != act.target),
        _ => {}
    }
}

/// Messages to destinations have come further.
pub(super) fn delivered(state: &mut State, news: Vec<Delivered>, effects: &mut Vec<Effect>) {
    for Delivered { alert, act, destination, delivery } in news {
        let outcome = |began: jiff::Timestamp| match &delivery {
            Delivery::Delivered { at, proof } => {
                let took = at.duration_since(began).as_millis().max(0);
                ActOutcome::Done { took_ms: u64::try_from(took).unwrap_or(u64::MAX), proof: proof.clone() }
            }
            Delivery::Waiting { attempts, problem, .. } => {
                let (what, to_do) = problem.clone().unwrap_or_default();
                ActOutcome::Waiting { what, to_do, attempts: *attempts }
            }
        };
        if let Some((id, step)) = act
            && let Some(began) = state.act(id).map(|act| act.at)
        {
            progress(state, id, step, outcome(began), effects);
            // How far each message is lies in the outbox; the record is written once all of it is known.
            if state.act(id).is_some_and(Act::is_over) {
                effects.push(Effect::Settled { act: id, count_it: false });
            }
        }
        if let Some(id) = alert
            && state.alerts.delivered(&id, destination, delivery)
        {
            effects.push(Effect::KeepAlert { alert: id, raised: false, act: None });
        }
    }
    state.project_alerts();
}

/// Acts of earlier runs. What has no outcome is not shown as done, nor done again: what is seen from now on settles it.
pub(super) fn load(state: &mut State, loaded: Loaded, effects: &mut Vec<Effect>) {
    let mine = std::mem::take(&mut state.acts);
    for mut act in loaded.acts {
        if !loaded.open.contains(&act.id) {
            state.view.dismissed.insert(act.id);
            state.acts.push(act);
            continue;
        }
        let end_known = act.steps.first().is_some_and(|step| matches!(step.outcome, ActOutcome::Done { .. }));
        let kind = act.kind;
        for (index, step) in act.steps.iter_mut().enumerate() {
            if step.outcome.is_final() {
                continue;
            }
            let what = "ssmwatch was ended before an outcome was known".to_owned();
            step.outcome = match kind {
                // Its messages lie in the outbox.
                ActKind::Alert => waiting(),
                ActKind::Terminate if index > 0 && end_known => waiting(),
                ActKind::Terminate if index > 0 => ActOutcome::Unproven {
                    what: "not counted so far: the end is not proven".to_owned(),
                    to_do: "It is counted when the end is seen".to_owned(),
                },
                ActKind::Terminate => ActOutcome::Unproven {
                    what,
                    to_do: "Look whether it is still listed, and terminate it once more if it is".to_owned(),
                },
                ActKind::Quarantine | ActKind::LiftQuarantine => ActOutcome::Unproven {
                    what,
                    to_do: "Open the question once more: it reads what is in force".to_owned(),
                },
                _ => ActOutcome::Failed { what, to_do: "Do it once more".to_owned() },
            };
        }
        if act.is_over() {
            effects.push(Effect::Settled { act: act.id, count_it: false });
        }
        if kind == ActKind::Quarantine {
            // It may be in force: the next question on it reads whether it is.
            state.quarantined.push(act.clone());
        }
        state.acts.push(act);
    }
    state.acts.extend(mine);
}

fn waiting() -> ActOutcome {
    ActOutcome::Waiting { what: String::new(), to_do: String::new(), attempts: 0 }
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
    let unproven = |step: &ActStep| matches!(step.outcome, ActOutcome::Unproven { .. });
    // This is asked with every message: only what has no proof is compared with all others.
    let open = |act: &&Act| act.kind == ActKind::Terminate && act.steps.first().is_some_and(unproven);
    let open: BTreeSet<ActId> =
        state.acts.iter().filter(open).filter(|act| !is_repeated(&state.acts, act)).map(|act| act.id).collect();
    if open.is_empty() {
        return;
    }
    for act in state.acts.iter_mut().filter(|act| open.contains(&act.id)) {
        let Some(board) = act.session().and_then(|key| state.board.sessions.get(key)) else { continue };
        let Phase::Ended { how, at } = &board.phase else { continue };
        let count_it = act.steps.get(1).is_some_and(unproven);
        let before = at.duration_since(act.at) < -CLOCKS_DIFFER;
        if let Some(step) = act.steps.first_mut() {
            step.outcome = if before {
                ActOutcome::Failed {
                    what: format!("it had ended before: {how} at {at:.0}"),
                    to_do: "Nothing is left to do here".to_owned(),
                }
            } else {
                let took = at.duration_since(act.at).as_millis().max(0);
                let took_ms = u64::try_from(took).unwrap_or(u64::MAX);
                ActOutcome::Done { took_ms, proof: format!("seen later: {how} at {at:.0}") }
            };
        }
        if before {
            if let Some(step) = act.steps.get_mut(1) {
                step.outcome = ActOutcome::Failed {
                    what: "not counted: the session was not ended by this act".into(),
                    to_do: "Nothing is to be done about it".into(),
                };
            }
            effects.push(Effect::Settled { act: act.id, count_it: false });
            continue;
        }
        if let Some(step) = act.steps.get_mut(1).filter(|_| count_it) {
            step.outcome = waiting();
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
            _ => None,
        })
        .collect();
    let returned = std::mem::take(&mut state.view.returned);
    let not_told = state.view.not_told.take().is_some();
    let any = !seen.is_empty() || !returned.is_empty() || not_told;
    state.view.returns_seen.extend(returned.into_iter().map(|returned| returned.session));
    state.view.dismissed.extend(seen);
    any
}
