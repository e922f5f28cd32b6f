//! The line of input at the foot: the filter of a table, or the search in a transcript.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{keys::areas, table, transcript};
use crate::app::{
    filter::{Filter, offer},
    line_input::{Edited, LineInput},
    state::State,
    view::{Focus, Screen},
};

pub(super) fn key(state: &mut State, event: KeyEvent) {
    let Some(input) = &mut state.view.input else { return };
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    match event.code {
        KeyCode::Esc => undo(state),
        KeyCode::Char('c') if control => {
            input.text.clear();
            apply(state);
            state.view.input = None;
        }
        KeyCode::Enter => keep(state),
        KeyCode::Tab => choose(state, true),
        KeyCode::BackTab => choose(state, false),
        KeyCode::Down | KeyCode::Up if input.offer.chosen.is_some() => choose(state, event.code == KeyCode::Down),
        KeyCode::Down | KeyCode::Up => {
            let by = if event.code == KeyCode::Down { 1 } else { -1 };
            match state.view.screen {
                Screen::History => state.view.history.step(by),
                _ => state.view.table.list.step(by),
            }
        }
        KeyCode::Backspace if input.text.is_empty() => {
            apply(state);
            state.view.input = None;
        }
        _ => match input.key(event) {
            Edited::Nothing => {}
            Edited::Moved => offer_again(state, false),
            Edited::Changed => {
                apply(state);
                offer_again(state, false);
            }
        },
    }
}

/// Text that was pasted goes to the cursor.
pub(super) fn paste(state: &mut State, text: &str) {
    if let Some(input) = &mut state.view.input
        && input.insert(text) == Edited::Changed
    {
        apply(state);
        offer_again(state, false);
    }
}

/// Everything as it was before the line was opened.
fn undo(state: &mut State) {
    let Some(input) = &mut state.view.input else { return };
    input.text = std::mem::take(&mut input.before);
    apply(state);
    state.view.input = None;
}

/// Closes the line; what cannot be used is not kept.
fn keep(state: &mut State) {
    let Some(input) = &mut state.view.input else { return };
    match &input.problem {
        None => state.view.input = None,
        // A key was chosen: now its value.
        Some(problem) if problem.incomplete && input.offer.chosen.is_some() => offer_again(state, true),
        Some(_) => input.refused = true,
    }
}

/// Puts the next candidate into the line, or the one before.
fn choose(state: &mut State, forward: bool) {
    if state.view.input.as_ref().is_some_and(|input| input.offer.candidates.is_empty()) {
        offer_again(state, true);
    }
    let Some(input) = &mut state.view.input else { return };
    let count = input.offer.candidates.len();
    let to = match input.offer.chosen {
        _ if count == 0 => return,
        None => usize::from(!forward) * (count - 1),
        Some(at) => (if forward { at + 1 } else { at + count - 1 }) % count,
    };
    let Some(candidate) = input.offer.candidates.get(to).map(|candidate| candidate.insert.clone()) else { return };
    let range = input.offer.range.clone();
    if !input.replace(range.clone(), &candidate) {
        return;
    }
    input.offer.range = range.start..range.start + candidate.len();
    input.offer.chosen = Some(to);
    apply(state);
    if count == 1 {
        // There is nothing to choose from: on to what can follow it.
        offer_again(state, false);
    }
}

/// Finds anew what could stand at the cursor.
fn offer_again(state: &mut State, asked: bool) {
    let Some(input) = state.view.input.as_ref().filter(|input| input.is_filter) else { return };
    let offer = offer(state, &input.text, input.cursor, asked);
    if let Some(input) = &mut state.view.input {
        input.offer = offer;
    }
}

/// The filter, or the search, is what the input line says, live; of a filter that is not complete, what is.
fn apply(state: &mut State) {
    let Some(input) = &mut state.view.input else { return };
    input.refused = false;
    if !input.is_filter {
        let text = input.text.clone();
        return transcript::search(state, text);
    }
    let typed = Filter::typed(&input.text);
    input.problem = typed.problem;
    if let Some(filter) = typed.in_force {
        state.view.table.filter = filter;
    }
}

pub(super) fn begin(state: &mut State) {
    let in_transcript =
        state.view.screen == Screen::Sessions && matches!(state.view.focus, Focus::Transcript | Focus::Commands);
    if !in_transcript && table::holds_filter(state) {
        return;
    }
    if !in_transcript {
        to_table(state);
        state.view.focus = Focus::Table;
    }
    let text = match &state.view.transcript {
        Some(transcript) if in_transcript => transcript.search.clone(),
        _ => state.view.table.filter.clone(),
    };
    state.view.input = Some(LineInput::new(text, !in_transcript));
    offer_again(state, false);
}

/// The filter holds for the sessions and for the history: one of them is on the screen.
fn to_table(state: &mut State) {
    if state.view.screen != Screen::History {
        if state.view.screen != Screen::Sessions {
            state.view.focus = Focus::Table;
        }
        state.view.screen = Screen::Sessions;
    }
    if state.view.opened && areas(state).is_some_and(|areas| areas.table.is_none()) {
        state.view.opened = false;
        state.view.focus = Focus::Table;
    }
}

/// Puts a filter in force, as if it had been typed and kept.
pub(super) fn set_filter(state: &mut State, text: String) {
    state.view.table.filter = text;
    to_table(state);
}

/// Puts a saved filter in force.
pub(super) fn use_saved(state: &mut State, index: usize) {
    if table::holds_filter(state) {
        return;
    }
    let Some(saved) = state.setup.filters.get(index) else { return };
    let filter = saved.filter.to_string();
    set_filter(state, filter);
}

/// The key of a saved filter: puts it in force, or takes it away.
pub(super) fn toggle_saved(state: &mut State, index: usize) {
    let on_table = matches!(state.view.screen, Screen::Sessions | Screen::History);
    if table::holds_filter(state) {
        return;
    }
    if on_table && state.saved_filter() == Some(index) {
        state.view.table.filter.clear();
    } else {
        use_saved(state, index);
    }
}
