//! Keys of what lies over the screen: palette, columns, what to copy.

use crokey::KeyCombination;
use crossterm::event::{KeyCode, KeyEvent};

use super::palette;
use crate::app::{message::Effect, overlay::Overlay, state::State, view::HeldKey};

/// A key that the overlay gets before everything below it.
pub(super) fn key(state: &mut State, event: KeyEvent, key: KeyCombination, effects: &mut Vec<Effect>) {
    let overlay = match state.view.overlay.take() {
        Some(Overlay::Palette(palette)) => return palette::key(state, palette, (event, key), effects),
        Some(overlay) => overlay,
        None => return,
    };
    if event.code == KeyCode::Esc {
        // Held down, it does nothing more.
        state.view.held = Some(HeldKey { key, last: state.now, repeats: false });
        return;
    }
    match &overlay {
        Overlay::Palette(_) => {}
        Overlay::Columns(menu) => return super::columns::menu_key(state, menu.clone(), (event, key), effects),
        Overlay::Copy(menu) => return super::copy::key(state, menu.clone(), event, key, effects),
    }
    state.view.overlay = Some(overlay);
}

/// Text that was pasted while it is open.
pub(super) fn paste(state: &mut State, text: &str) {
    match state.view.overlay.take() {
        Some(Overlay::Palette(palette)) => palette::paste(state, palette, text),
        other => state.view.overlay = other,
    }
}
