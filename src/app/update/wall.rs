//! The wall: a screen that nobody touches.

use crokey::KeyCombination;
use crossterm::event::{KeyEvent, KeyEventKind, KeyModifiers};
use jiff::{SignedDuration, Timestamp};

use super::{acts, notify};
use crate::{
    app::{
        action::Action,
        message::Effect,
        state::State,
        view::HeldKey,
        wall::{Wall, is_typed_on, works_on_wall},
        wall_layout::WallAreas,
    },
    domain::AlertId,
};

/// To the wall, or back to the desk.
pub(super) fn toggle(state: &mut State) {
    let now = state.now;
    state.view.wall = match state.view.wall.take() {
        Some(_) => {
            state.view.left_wall = Some(now);
            None
        }
        None => Some(Wall::opened(now)),
    };
}

/// Masks accounts, owners and nodes, or shows them.
pub(super) fn toggle_mask(state: &mut State) {
    let masked = !state.is_masked();
    state.view.masked = Some(masked);
    let words = if masked {
        "accounts, owners, nodes and sessions are masked; questions before an act are not"
    } else {
        "accounts, owners, nodes and sessions are shown"
    };
    notify(state, words, false);
}

/// An action at the wall. Says whether it was dealt with; what was not works as at the desk.
pub(super) fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) -> bool {
    let now = state.now;
    let Some(wall) = &mut state.view.wall else { return false };
    wall.key_at = Some(now);
    match action {
        Action::Back => toggle(state),
        Action::Down | Action::Right => wall.step(true, now),
        Action::Up | Action::Left => wall.step(false, now),
        Action::Acknowledge => acknowledge(state, effects),
        action if works_on_wall(action) => return false,
        _ => {
            let key = state.setup.keymap.first_key(Action::Wall).unwrap_or_default();
            let words = format!("{key} first, for the desk");
            if is_typed_on(action) {
                acts::refuse(state, words);
            } else {
                notify(state, words, true);
            }
        }
    }
    true
}

/// What has taken the screen was seen; else the worst alert that nobody has acknowledged.
fn acknowledge(state: &mut State, effects: &mut Vec<Effect>) {
    let alarm = state.view.wall.as_ref().and_then(|wall| wall.alarms.first().cloned());
    let Some(alarm) = alarm else {
        let waiting = state.alerts.all().filter(|alert| alert.is_unacknowledged());
        let worst = waiting.max_by(|a, b| {
            let rank = (a.severity, a.reopened_at).cmp(&(b.severity, b.reopened_at));
            rank.then_with(|| b.id.cmp(&a.id))
        });
        let Some(id) = worst.map(|alert| alert.id.clone()) else {
            return notify(state, "no alert waits to be acknowledged", false);
        };
        return acknowledge_asked(state, &id, effects);
    };
    if state.view.wall.as_ref().is_some_and(|wall| !wall.was_looked_at(&alarm.id, state.now)) {
        return notify(state, format!("look at it first: {} is new on the screen", alarm.rule.as_str()), true);
    }
    if alarm.is_alert && state.acting_off(false).is_none() {
        return acts::acknowledge_alert(state, &alarm.id, effects);
    }
    if let Some(wall) = &mut state.view.wall {
        wall.acknowledge(&alarm.id);
    }
    let words = match (alarm.is_alert, state.acting_off(false)) {
        (true, Some(why)) => format!("seen on this wall only, the alert stays unacknowledged: {why}"),
        _ => format!("{} seen on this wall: it is no alert", alarm.rule.as_str()),
    };
    notify(state, words, false);
}

/// What has not taken the screen is named first, and acknowledged by the next press.
fn acknowledge_asked(state: &mut State, id: &AlertId, effects: &mut Vec<Effect>) {
    let now = state.now;
    let Some(wall) = &mut state.view.wall else { return };
    if wall.was_looked_at(id, now) {
        wall.stood = None;
        return acts::acknowledge_alert(state, id, effects);
    }
    if wall.stood.as_ref().is_none_or(|(stood, _)| stood != id) {
        wall.stood = Some((id.clone(), now));
    }
    let Some(alert) = state.alerts.get(id) else { return };
    let key = state.setup.keymap.word(Action::Acknowledge);
    let what = format!("{} {}: {}", alert.severity.word(), alert.rule.as_str(), alert.title);
    notify(state, format!("look at it first; {key} again acknowledges {what}"), false);
}

/// The program is left from the wall by a second press within this time: a room looks at it.
const LEAVING: SignedDuration = SignedDuration::from_secs(2);

/// Whether a press of a key counts at the wall. Held down, or pressed again before the screen could change, `c` does no more;
/// leaving asks for a second press, except by `Ctrl-C`.
pub(super) fn counts(state: &mut State, (event, key): (KeyEvent, KeyCombination), action: Action) -> bool {
    let now = state.now;
    let within = |at: Option<Timestamp>| at.is_some_and(|at| now.duration_since(at) < LEAVING);
    let at_wall = state.view.wall.is_some();
    let leaves = action == Action::Quit && !event.modifiers.contains(KeyModifiers::CONTROL);
    let asks = leaves && (at_wall || within(state.view.left_wall)) && !within(state.view.leaving);
    if !(asks || at_wall && action == Action::Acknowledge) {
        return true;
    }
    if event.kind == KeyEventKind::Repeat {
        return false;
    }
    state.view.held = Some(HeldKey { key, last: now, repeats: false });
    if asks {
        state.view.leaving = Some(now);
        let word = state.setup.keymap.word(Action::Quit);
        notify(state, format!("{word} again leaves"), true);
    }
    !asks
}

/// Brings the wall, the mask and the trend up to date.
pub(super) fn settle(state: &mut State) {
    let now = state.now;
    if state.trend.is_due(now) {
        let (waiting, _) = state.alerts.unacknowledged();
        state.trend.sample(&state.counts, waiting, now);
    }
    if state.is_masked() {
        state.masks.refresh(&state.board, &state.alerts);
    }
    let (width, height) = state.view.size;
    let dwell = state.setup.wall.dwell.max(SignedDuration::from_secs(1));
    let banners = state.view.banners.len();
    let Some(wall) = &mut state.view.wall else { return };
    // Whether something takes the screen decides where the panes are.
    wall.settle(&state.board, &state.alerts, (dwell, 1), now);
    let panes =
        WallAreas::of((width, height), now, banners, !wall.alarms.is_empty()).map_or(0, |areas| areas.panes.len());
    wall.settle(&state.board, &state.alerts, (dwell, panes), now);
    let view = &state.view;
    let lies_over = view.help.is_some() || view.dialog.is_some() || view.overlay.is_some() || view.sheet.is_some();
    let covered = lies_over || WallAreas::of((width, height), now, banners, true).is_none();
    if let Some(wall) = &mut state.view.wall {
        wall.note_standing(covered, now);
    }
}
