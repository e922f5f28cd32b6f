//! Quarantine: what would be written is read first, shown word by word, and done only when the account's name was typed.

use crossterm::event::KeyCode;

use super::acts::{enter, refuse, selected};
use crate::{
    app::{
        dialog::{Dialog, Name, Planned},
        message::Effect,
        state::State,
    },
    domain::{ActKind, ActStep, QuarantineKind, QuarantinePlan, Subject},
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

/// What would be written was read.
pub(super) fn planned(state: &mut State, plan: Result<Box<QuarantinePlan>, (String, String)>) {
    let Some(dialog) = &mut state.view.dialog else { return };
    let kind = match dialog.kind {
        ActKind::Quarantine => QuarantineKind::Set,
        ActKind::LiftQuarantine => QuarantineKind::Lift,
        _ => return,
    };
    let account = dialog.subject().and_then(Subject::account).cloned();
    match plan {
        // An answer to a question that was closed since is not taken for this one's.
        Ok(plan) if plan.kind != kind || Some(&plan.account) != account.as_ref() => {}
        Ok(plan) => {
            if let Some(name) = &mut dialog.name {
                name.wanted = plan.account_name.to_string();
            }
            dialog.plan = Planned::Ready(plan);
        }
        Err((what, to_do)) => dialog.plan = Planned::Refused(what, to_do),
    }
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
