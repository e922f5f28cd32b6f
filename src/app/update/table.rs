//! How the table is looked at: held still, grouped, its columns.

use super::notify;
use crate::app::{action::Action, state::State, view::Screen};

/// Holds the table still, or goes on.
pub(super) fn toggle_freeze(state: &mut State) {
    if state.is_frozen() {
        state.thaw();
        notify(state, "the table goes on", false);
    } else {
        state.freeze();
    }
}

/// Groups by the next thing.
pub(super) fn group_by_next(state: &mut State) {
    if is_held(state) {
        return;
    }
    let table = &mut state.view.table;
    table.group = table.group.next();
    let words = match table.group.word() {
        Some(word) => format!("grouped by {word}"),
        None => "not grouped".to_owned(),
    };
    notify(state, words, false);
}

/// Whether the table is frozen, so that its rows cannot be others; says so.
pub(super) fn is_held(state: &mut State) -> bool {
    let held = state.is_frozen();
    if held {
        let words = match state.setup.keymap.first_key(Action::Freeze) {
            Some(key) => format!("the table is frozen: {key} goes on"),
            None => "the table is frozen".to_owned(),
        };
        notify(state, words, true);
    }
    held
}

/// The same where a filter is about to change: on the history it is that of other rows.
pub(super) fn holds_filter(state: &mut State) -> bool {
    state.view.screen != Screen::History && is_held(state)
}

/// Opens the list of columns.
pub(super) fn open_columns(state: &mut State) {
    super::columns::open(state);
}
