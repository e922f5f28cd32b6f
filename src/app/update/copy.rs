//! What is copied to the clipboard.

use crokey::KeyCombination;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::notify;
use crate::app::{
    action::Action,
    clip::{CopyMenu, MOST_BYTES, offered},
    message::Effect,
    overlay::Overlay,
    state::State,
    view::HeldKey,
};

/// Asks what is to be copied.
pub(super) fn open(state: &mut State) {
    let rows = offered(state);
    if rows.is_empty() {
        return notify(state, "nothing is selected that could be copied", true);
    }
    state.view.overlay = Some(Overlay::Copy(CopyMenu { rows, selected: 0 }));
}

/// A key of the open menu; the overlay was taken out of the view.
pub(super) fn key(
    state: &mut State,
    mut menu: CopyMenu,
    event: KeyEvent,
    key: KeyCombination,
    effects: &mut Vec<Effect>,
) {
    let plain = event.modifiers.difference(KeyModifiers::SHIFT).is_empty();
    let lettered = match event.code {
        KeyCode::Char(c) if plain => menu.rows.iter().position(|row| row.letter == c),
        _ => None,
    };
    let last = menu.rows.len().saturating_sub(1);
    let action = state.setup.keymap.action(key);
    let chosen = match action {
        _ if lettered.is_some() => lettered,
        _ if event.code == KeyCode::Enter => Some(menu.selected),
        // The second press of the key.
        Some(Action::Copy | Action::Open) => Some(menu.selected),
        Some(Action::Quit) => return effects.push(Effect::Quit),
        Some(Action::Suspend) => {
            effects.push(Effect::Suspend);
            None
        }
        Some(Action::Down) => {
            menu.selected = (menu.selected + 1).min(last);
            None
        }
        Some(Action::Up) => {
            menu.selected = menu.selected.saturating_sub(1);
            None
        }
        Some(Action::Top | Action::PageUp) => {
            menu.selected = 0;
            None
        }
        Some(Action::Bottom | Action::PageDown) => {
            menu.selected = last;
            None
        }
        _ => None,
    };
    let Some(row) = chosen.and_then(|at| menu.rows.get(at)) else {
        state.view.overlay = Some(Overlay::Copy(menu));
        return;
    };
    // Held down, the key does nothing below.
    state.view.held = Some(HeldKey { key, last: state.now, repeats: false });
    let what = row.what;
    match row.clip.clone() {
        Some(clip) => {
            effects.push(Effect::Copy(clip));
            // The terminal never answers: what is said is what was done.
            notify(
                state,
                format!("{what} sent to the clipboard; the terminal must allow OSC 52 (tmux: set-clipboard on)"),
                false,
            );
        }
        None => notify(state, format!("not copied: the {what} is longer than {MOST_BYTES} bytes"), true),
    }
}
