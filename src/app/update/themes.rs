//! Themes: the next one, and files that were read again. Here they are names; what they look like only drawing knows.

use std::sync::Arc;

use super::notify;
use crate::app::{overlay::Overlay, state::State};

/// The next theme, around the end.
pub(super) fn next(state: &mut State) {
    let count = state.themes.len();
    let name = state.themes.get(state.view.theme).cloned().unwrap_or_default();
    if count < 2 {
        // NO_COLOR leaves one theme.
        let words = format!("no colors were asked for (NO_COLOR or --no-color): {name} is the only theme");
        return notify(state, words, false);
    }
    state.view.theme = (state.view.theme + 1) % count;
    let name = state.themes.get(state.view.theme).cloned().unwrap_or_default();
    notify(state, format!("theme {name}, {} of {count}", state.view.theme + 1), false);
}

/// The files were read again: the theme in force stays, by its name.
pub(super) fn read_again(state: &mut State, names: Vec<Arc<str>>, problem: Option<Arc<str>>, quiet: bool) {
    if names.is_empty() {
        return;
    }
    let place = |index: usize| {
        let name = state.themes.get(index);
        (name.cloned().unwrap_or_default(), name.and_then(|name| names.iter().position(|other| other == name)))
    };
    let (in_force, at) = place(state.view.theme);
    if let Some(Overlay::Palette(palette)) = &state.view.overlay {
        let before = place(palette.theme_before).1.unwrap_or(0);
        if let Some(Overlay::Palette(palette)) = &mut state.view.overlay {
            palette.theme_before = before;
        }
    }
    state.view.theme = at.unwrap_or(0);
    let was_broken = state.themes_problem.is_some();
    state.themes = names;
    state.themes_problem = problem;
    if at.is_none() {
        let instead = state.themes.first().cloned().unwrap_or_default();
        notify(state, format!("the theme {in_force} is no longer there: {instead} is in force"), true);
    } else if state.themes_problem.is_none() && (was_broken || !quiet) {
        notify(state, "the themes were read again", false);
    }
}
