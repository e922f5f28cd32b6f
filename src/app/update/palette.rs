//! The palette: everything by name.

use super::notify;
use crate::app::state::State;

/// Opens the palette, with everything or with the saved filters alone.
pub(super) fn open(state: &mut State, _filters_only: bool) {
    notify(state, "not built yet", true);
}
