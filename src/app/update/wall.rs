//! The wall: a screen that nobody touches.

use super::notify;
use crate::app::state::State;

/// To the wall, or back to the desk.
pub(super) fn toggle(state: &mut State) {
    notify(state, "not built yet", true);
}

/// Masks accounts, owners and nodes, or shows them.
pub(super) fn toggle_mask(state: &mut State) {
    notify(state, "not built yet", true);
}
