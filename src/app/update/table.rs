//! How the table is looked at: held still, grouped, its columns.

use super::notify;
use crate::app::state::State;

/// Holds the table still, or goes on.
pub(super) fn toggle_freeze(state: &mut State) {
    notify(state, "not built yet", true);
}

/// Groups by the next thing.
pub(super) fn group_by_next(state: &mut State) {
    notify(state, "not built yet", true);
}

/// Opens the list of columns.
pub(super) fn open_columns(state: &mut State) {
    super::columns::open(state);
}
