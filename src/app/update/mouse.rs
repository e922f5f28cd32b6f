//! The mouse, and the sizes of panes.

use super::notify;
use crate::app::{message::Effect, state::State};

/// Listens to the mouse, or leaves it to the terminal.
pub(super) fn toggle(state: &mut State, _effects: &mut Vec<Effect>) {
    notify(state, "not built yet", true);
}

/// More or less room for the pane that has the keys.
pub(super) fn resize_pane(state: &mut State, _larger: bool) {
    notify(state, "not built yet", true);
}
