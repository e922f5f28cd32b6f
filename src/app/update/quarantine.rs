//! Quarantine: what would be written is read first, shown word by word, and done only when the account's name was typed.

use std::sync::Arc;

use crossterm::event::KeyCode;

use super::acts::{enter, has_just_moved, refuse, selected};
use crate::{
    app::{
        dialog::{Dialog, Name, Planned, Step},
        message::Effect,
        state::State,
        view::Screen,
    },
    domain::{
        Act, ActKind, ActStep, QuarantineKind, QuarantineMethod, QuarantinePlan, QuarantineRefused, ScopeId, Subject,
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
    let Some(subject) = meant(state) else { return refuse(state, "no session is selected") };
    if has_just_moved(state) {
        return refuse(state, format!("the selection has just moved to {}: look, and press again", subject.id()));
    }
    let Some((scope, owner)) = place(state, &subject) else {
        return refuse(state, "that session is no longer known");
    };
    let (act, kind) = match in_force(state, &subject).is_some() {
        true => (ActKind::LiftQuarantine, QuarantineKind::Lift),
        false => (ActKind::Quarantine, QuarantineKind::Set),
    };
    let wanted = state.board.account_name(&scope).to_owned();
    let mut dialog = Dialog::new(act, vec![subject], opened_by, state.now);
    dialog.name = Some(Name { wanted, typed: String::new() });
    dialog.plan = Planned::Reading;
    state.view.dialog = Some(dialog);
    effects.push(Effect::Plan { scope, owner, kind });
}

/// The session that is meant; of an alert on a whole account, that account.
fn meant(state: &State) -> Option<Subject> {
    if let Some(key) = selected(state) {
        return Some(Subject::Session(key));
    }
    let alert = state.view.alerts.selected.as_ref().filter(|_| state.view.screen == Screen::Alerts)?;
    let alert = state.alerts.get(alert)?;
    alert.subject.account().cloned().map(Subject::Account)
}

/// Whose clients act, and the owner whose role may be meant; an account has none.
fn place(state: &State, subject: &Subject) -> Option<(ScopeId, Arc<str>)> {
    match subject {
        Subject::Session(key) => {
            let board = state.board.sessions.get(key)?;
            Some((key.scope.clone(), Arc::clone(&board.session.owner)))
        }
        subject => {
            let account = subject.account()?;
            let scope = state.board.scopes.keys().find(|scope| scope.account == *account)?;
            Some((scope.clone(), Arc::from("")))
        }
    }
}

/// The quarantine that is in force there, as far as this program knows.
fn in_force<'a>(state: &'a State, subject: &Subject) -> Option<&'a Act> {
    match subject {
        Subject::Session(key) => state.quarantine_on(&state.board.sessions.get(key)?.session),
        subject => {
            state.quarantined.iter().find(|act| act.owner.is_empty() && act.subject.account() == subject.account())
        }
    }
}

/// The last question is on the screen: what it shows is read once more, so that it is of this moment. A revocation is for tokens that were
/// issued before now, not before somebody began to type.
pub(super) fn read_again(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(dialog) = &mut state.view.dialog else { return };
    let Some(kind) = dialog.quarantine() else { return };
    let Some(subject) = dialog.subject().cloned() else { return };
    dialog.plan = Planned::Reading;
    if let Some((scope, owner)) = place(state, &subject) {
        effects.push(Effect::Plan { scope, owner, kind });
    }
}

/// What would be written was read. What is in force is AWS's word, not this program's: where somebody else set or lifted it, the question
/// turns round.
pub(super) fn planned(
    state: &mut State,
    plan: Result<Box<QuarantinePlan>, QuarantineRefused>,
    effects: &mut Vec<Effect>,
) {
    let Some(dialog) = &mut state.view.dialog else { return };
    let Some(kind) = dialog.quarantine() else { return };
    let Some(subject) = dialog.subject().cloned() else { return };
    match plan {
        // An answer to a question that was closed since is not taken for this one's.
        Ok(plan) if plan.kind != kind || Some(&plan.account) != subject.account() => {}
        Ok(plan) if is_set_by_others(&plan) => turn(state, &subject, QuarantineKind::Lift, effects),
        Ok(plan) => {
            if let Some(name) = &mut dialog.name {
                name.wanted = plan.account_name.to_string();
            }
            dialog.replan(Planned::Ready(plan), state.now);
        }
        Err(refused) if refused.is_gone && kind == QuarantineKind::Lift => {
            let gone = in_force(state, &subject).map(|act| act.id);
            state.quarantined.retain(|act| Some(act.id) != gone);
            turn(state, &subject, QuarantineKind::Set, effects);
        }
        Err(refused) => dialog.replan(Planned::Refused(refused.what, refused.to_do), state.now),
    }
}

/// A policy that is attached is attached once; a revocation can be renewed.
fn is_set_by_others(plan: &QuarantinePlan) -> bool {
    let attaches = matches!(plan.method, QuarantineMethod::ServiceControlPolicy { .. });
    plan.kind == QuarantineKind::Set && attaches && plan.already.is_some()
}

/// The question is the other one.
fn turn(state: &mut State, subject: &Subject, kind: QuarantineKind, effects: &mut Vec<Effect>) {
    let place = place(state, subject);
    let (Some(dialog), Some((scope, owner))) = (&mut state.view.dialog, place) else { return };
    let (act, complaint) = match kind {
        QuarantineKind::Set => (ActKind::Quarantine, "it is not in force any more: this sets it"),
        QuarantineKind::Lift => (ActKind::LiftQuarantine, "it is in force already: this lifts it"),
    };
    dialog.kind = act;
    dialog.complaint = Some(complaint);
    dialog.plan = Planned::Reading;
    dialog.step = Step::Reason;
    effects.push(Effect::Plan { scope, owner, kind });
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
