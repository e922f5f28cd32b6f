//! Quarantine: what would be written is read first, shown word by word, and done only when the account's name was typed.

use std::sync::Arc;

use crossterm::event::KeyCode;

use super::acts::{enter, refuse, selected};
use crate::{
    app::{
        dialog::{Dialog, Name, Planned, Step},
        message::Effect,
        state::State,
    },
    domain::{
        ActKind, ActStep, QuarantineKind, QuarantineMethod, QuarantinePlan, QuarantineRefused, SessionKey, Subject,
    },
};

/// `x`: asks to quarantine what the selected session came from, or to lift what is in force on it.
pub(super) fn open(state: &mut State, opened_by: KeyCode, effects: &mut Vec<Effect>) {
    if state.setup.quarantine.is_none() {
        return refuse(state, "no quarantine is configured: set [response.quarantine] in the config");
    }
    if let Some(why) = state.acting_off(true) {
        return refuse(state, format!("quarantine is off: {why}"));
    }
    let Some(key) = selected(state) else { return refuse(state, "no session is selected") };
    let Some(board) = state.board.sessions.get(&key) else {
        return refuse(state, "that session is no longer known");
    };
    let session = board.session.clone();
    let lifts = state.quarantine_on(&session).is_some();
    let (act, kind) = match lifts {
        true => (ActKind::LiftQuarantine, QuarantineKind::Lift),
        false => (ActKind::Quarantine, QuarantineKind::Set),
    };
    let wanted = state.board.account_name(&key.scope).to_owned();
    let mut dialog = Dialog::new(act, vec![Subject::Session(key.clone())], opened_by, state.now);
    dialog.name = Some(Name { wanted, typed: String::new() });
    dialog.plan = Planned::Reading;
    state.view.dialog = Some(dialog);
    effects.push(Effect::Plan { session: key, owner: session.owner, kind });
}

/// What would be written was read. What is in force is AWS's word, not this program's: where somebody else set or lifted it, the question
/// turns round.
pub(super) fn planned(
    state: &mut State,
    plan: Result<Box<QuarantinePlan>, QuarantineRefused>,
    effects: &mut Vec<Effect>,
) {
    let Some(dialog) = &mut state.view.dialog else { return };
    let kind = match dialog.kind {
        ActKind::Quarantine => QuarantineKind::Set,
        ActKind::LiftQuarantine => QuarantineKind::Lift,
        _ => return,
    };
    let Some(key) = dialog.subject().and_then(Subject::session).cloned() else { return };
    match plan {
        // An answer to a question that was closed since is not taken for this one's.
        Ok(plan) if plan.kind != kind || plan.account != key.scope.account => {}
        Ok(plan) if is_set_by_others(&plan) => turn(state, &key, QuarantineKind::Lift, effects),
        Ok(plan) => {
            if let Some(name) = &mut dialog.name {
                name.wanted = plan.account_name.to_string();
            }
            dialog.plan = Planned::Ready(plan);
        }
        Err(refused) if refused.is_gone && kind == QuarantineKind::Lift => {
            let set = state.board.sessions.get(&key).and_then(|board| state.quarantine_on(&board.session));
            let gone = set.map(|act| act.id);
            state.quarantined.retain(|act| Some(act.id) != gone);
            turn(state, &key, QuarantineKind::Set, effects);
        }
        Err(refused) => dialog.plan = Planned::Refused(refused.what, refused.to_do),
    }
}

/// A policy that is attached is attached once; a revocation can be renewed.
fn is_set_by_others(plan: &QuarantinePlan) -> bool {
    let attaches = matches!(plan.method, QuarantineMethod::ServiceControlPolicy { .. });
    plan.kind == QuarantineKind::Set && attaches && plan.already.is_some()
}

/// The question is the other one.
fn turn(state: &mut State, key: &SessionKey, kind: QuarantineKind, effects: &mut Vec<Effect>) {
    let owner = state.board.sessions.get(key).map(|board| Arc::clone(&board.session.owner));
    let (Some(dialog), Some(owner)) = (&mut state.view.dialog, owner) else { return };
    let (act, complaint) = match kind {
        QuarantineKind::Set => (ActKind::Quarantine, "it is not in force any more: this sets it"),
        QuarantineKind::Lift => (ActKind::LiftQuarantine, "it is in force already: this lifts it"),
    };
    dialog.kind = act;
    dialog.complaint = Some(complaint);
    dialog.plan = Planned::Reading;
    if dialog.step != Step::Reason {
        dialog.step = Step::Reason;
    }
    effects.push(Effect::Plan { session: key.clone(), owner, kind });
}

/// It was confirmed: what was on the screen is done, and nothing else.
pub(super) fn begin(state: &mut State, dialog: Dialog, reason: String, effects: &mut Vec<Effect>) {
    let Planned::Ready(plan) = dialog.plan else { return };
    let subject = Subject::Account(plan.account.clone());
    let steps = vec![ActStep::started(dialog.kind.title())];
    let id = enter(state, dialog.kind, subject, plan.target.clone(), reason, None, steps);
    // What is written on a role holds for its sessions alone.
    let owner = dialog.subjects.first().and_then(Subject::session).and_then(|key| state.board.sessions.get(key));
    let owner = owner.map(|board| board.session.owner.to_string()).unwrap_or_default();
    if plan.action.starts_with("iam:")
        && let Some(act) = state.acts.last_mut()
    {
        act.owner = owner;
    }
    effects.push(Effect::Quarantine { act: id, plan });
}
