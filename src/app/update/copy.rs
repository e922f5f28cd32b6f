//! What is copied to the clipboard.

use super::notify;
use crate::app::state::State;

/// Asks what is to be copied.
pub(super) fn open(state: &mut State) {
    notify(state, "not built yet", true);
}
