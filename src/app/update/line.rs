//! The line of input at the foot: the filter of a table, or the search in a transcript.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{keys::areas, transcript};
use crate::app::{
    state::State,
    view::{Focus, LineInput, Screen},
};

pub(super) fn key(state: &mut State, event: KeyEvent) {
    let Some(input) = &mut state.view.input else { return };
    let plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match event.code {
        KeyCode::Esc => {
            input.text = std::mem::take(&mut input.before);
            apply(state);
            state.view.input = None;
        }
        KeyCode::Enter => state.view.input = None,
        KeyCode::Backspace => {
            if input.text.pop().is_none() {
                state.view.input = None;
            }
            apply(state);
        }
        KeyCode::Char('u' | 'w' | 'c') if !plain => {
            input.text.clear();
            apply(state);
            if event.code == KeyCode::Char('c') {
                state.view.input = None;
            }
        }
        KeyCode::Char(character) if plain && input.text.chars().count() < 200 => {
            input.text.push(character);
            apply(state);
        }
        KeyCode::Down | KeyCode::Up => {
            let by = if event.code == KeyCode::Down { 1 } else { -1 };
            match state.view.screen {
                Screen::History => state.view.history.step(by),
                _ => state.view.table.list.step(by),
            }
        }
        _ => {}
    }
}

/// The filter, or the search, is what the input line says, live.
pub(super) fn apply(state: &mut State) {
    let Some(text) = state.view.input.as_ref().map(|input| input.text.clone()) else { return };
    if matches!(state.view.focus, Focus::Transcript | Focus::Commands) && state.view.screen == Screen::Sessions {
        transcript::search(state, text);
    } else {
        state.view.table.filter = text;
    }
}

pub(super) fn begin(state: &mut State) {
    let in_transcript =
        state.view.screen == Screen::Sessions && matches!(state.view.focus, Focus::Transcript | Focus::Commands);
    if !in_transcript {
        // The filter holds for the sessions and for the history.
        if state.view.screen != Screen::History {
            state.view.screen = Screen::Sessions;
        }
        if state.view.opened && areas(state).is_some_and(|areas| areas.table.is_none()) {
            state.view.opened = false;
        }
        state.view.focus = Focus::Table;
    }
    let text = match &state.view.transcript {
        Some(transcript) if in_transcript => transcript.search.clone(),
        _ => state.view.table.filter.clone(),
    };
    state.view.input = Some(LineInput { text: text.clone(), before: text });
}

/// Puts a filter in force, as if it had been typed and kept.
pub(super) fn set_filter(state: &mut State, text: String) {
    state.view.table.filter = text;
}

/// Puts a saved filter in force.
pub(super) fn use_saved(state: &mut State, index: usize) {
    let Some(saved) = state.setup.filters.get(index) else { return };
    let filter = saved.filter.to_string();
    set_filter(state, filter);
}
