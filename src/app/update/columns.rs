//! The columns of the sessions table: chosen, ordered and sized from their list and from the heading line; panned.

use crokey::KeyCombination;
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{keys, notify, table};
use crate::app::{
    action::Action,
    clip::Clip,
    columns::{ColumnId, ColumnsMenu, TableSetup, stays},
    message::Effect,
    overlay::Overlay,
    state::State,
    view::{Focus, HeldKey, Screen, SortBy},
};

/// The keys are on the sessions table.
pub(super) fn on_table(state: &State) -> bool {
    state.view.screen == Screen::Sessions && state.view.focus == Focus::Table
}

/// Sorts by the next of the columns that are shown.
pub(super) fn sort_next(state: &mut State) {
    let table = &mut state.view.table;
    let sorts = table.columns.sorts();
    let at = sorts.iter().position(|by| *by == table.sort);
    table.sort = at.and_then(|at| sorts.get(at + 1)).or(sorts.first()).copied().unwrap_or_default();
    table.reverse = false;
}

/// Sorts by that; when it is sorted by that already, in reverse.
fn sort_by(state: &mut State, by: SortBy) {
    let table = &mut state.view.table;
    table.reverse = table.sort == by && !table.reverse;
    table.sort = by;
}

fn sort_by_column(state: &mut State, id: ColumnId) {
    if table::is_held(state) {
        return;
    }
    match id.info().sort {
        Some(by) => sort_by(state, by),
        None => notify(state, format!("the table cannot be sorted by {}", id.info().title), true),
    }
}

/// Pans the columns that do not stay, by one.
pub(super) fn pan(state: &mut State, right: bool) {
    let view = &mut state.view;
    let (table, seen) = (&mut view.table, &view.pointer.seen.columns);
    if right {
        if seen.right > 0 {
            table.pan = Some(match table.pan {
                None if !seen.same_at_first => 0,
                _ => seen.left + 1,
            });
        }
    } else {
        table.pan = match table.pan.map(|_| seen.left) {
            None | Some(0) => None,
            Some(1) if seen.same_at_first => None,
            Some(left) => Some(left - 1),
        };
    }
}

/// More or fewer cells for a column, beginning at those that it has.
fn resize(state: &mut State, id: ColumnId, wider: bool) {
    let view = &mut state.view;
    let columns = &mut view.table.columns;
    let now = columns.width(id).or_else(|| view.pointer.seen.columns.width(id));
    let now = now.unwrap_or_else(|| u16::try_from(id.info().title.len()).unwrap_or(u16::MAX).saturating_add(2));
    columns.resize(id, Some(if wider { now.saturating_add(1) } else { now.saturating_sub(1) }));
}

/// Moves a column one place further to the front or to the end.
fn shift(state: &mut State, id: ColumnId, later: bool) {
    if state.view.table.columns.shift(id, later) {
        return;
    }
    let words = match id {
        ColumnId::Verdict => "the verdict is always the first column",
        _ if !state.view.table.columns.has(id) => "it is not shown; Space shows it",
        _ if later => "it is the last column",
        _ => "only the verdict is before it",
    };
    notify(state, words, true);
}

/// Opens the list of columns.
pub(super) fn open(state: &mut State) {
    let selected = state.view.heading().unwrap_or(ColumnId::Verdict);
    state.view.overlay = Some(Overlay::Columns(ColumnsMenu { selected }));
}

/// A key of the open list; the overlay was taken out of the view.
pub(super) fn menu_key(
    state: &mut State,
    mut menu: ColumnsMenu,
    (event, key): (KeyEvent, KeyCombination),
    effects: &mut Vec<Effect>,
) {
    let plain = event.modifiers.difference(KeyModifiers::SHIFT).is_empty();
    let id = menu.selected;
    let action = state.setup.keymap.action(key);
    let columns = &mut state.view.table.columns;
    match event.code {
        KeyCode::Char(' ') if plain => {
            if !columns.toggle(id) {
                notify(state, "the verdict is always shown", true);
            }
        }
        KeyCode::Char('J') if plain => shift(state, id, true),
        KeyCode::Char('K') if plain => shift(state, id, false),
        KeyCode::Char('+' | '-' | '0') if plain && !columns.has(id) => {
            notify(state, "it is not shown; Space shows it", true);
        }
        KeyCode::Char('+') if plain => resize(state, id, true),
        KeyCode::Char('-') if plain => resize(state, id, false),
        KeyCode::Char('0') if plain => columns.resize(id, None),
        KeyCode::Char('s') if plain => sort_by_column(state, id),
        KeyCode::Char('r') if plain => {
            let TableSetup { columns, sort, reverse, group } = state.setup.table.clone();
            let held = state.is_frozen();
            let table = &mut state.view.table;
            (table.columns, table.pan) = (columns, None);
            if !held {
                (table.sort, table.reverse, table.group) = (sort, reverse, group);
            }
            // The rows of a frozen table keep the order that they have.
            let words = if held { "the columns are as the config has them" } else { "as the config has it" };
            notify(state, words, false);
        }
        KeyCode::Char('y') if plain => match Clip::new(&TableSetup::of(&state.view.table).to_toml()) {
            Some(clip) => {
                effects.push(Effect::Copy(clip));
                notify(state, "the line was sent to the clipboard; the terminal must allow OSC 52", false);
            }
            None => notify(state, "not copied: the line is too long", true),
        },
        _ if event.code == KeyCode::Enter || action == Some(Action::Columns) => {
            // Held down, the key does nothing below.
            state.view.held = Some(HeldKey { key, last: state.now, repeats: false });
            return;
        }
        _ => {
            let all = columns.all();
            let at = all.iter().position(|there| *there == id).unwrap_or(0);
            let to = match action {
                Some(Action::Down) => at + 1,
                Some(Action::Up) => at.saturating_sub(1),
                Some(Action::Top | Action::PageUp) => 0,
                Some(Action::Bottom | Action::PageDown) => all.len(),
                Some(Action::Quit) => {
                    effects.push(Effect::Quit);
                    at
                }
                Some(Action::Suspend) => {
                    effects.push(Effect::Suspend);
                    at
                }
                _ => at,
            };
            menu.selected = all.get(to.min(all.len().saturating_sub(1))).copied().unwrap_or(id);
        }
    }
    state.view.overlay = Some(Overlay::Columns(menu));
}

/// A key on the table that is about its heading line: on it, or from the first row to it. Says whether that was all.
pub(super) fn key(state: &mut State, (event, key): (KeyEvent, KeyCombination), action: Option<Action>) -> bool {
    if let Some(id) = state.view.heading() {
        return on_heading(state, id, (event, key), action);
    }
    state.view.table.heading = None;
    if action != Some(Action::Up) || !on_table(state) || state.view.wall.is_some() {
        return false;
    }
    let list = &mut state.view.table.list;
    match list.position() {
        Some(0) => {
            let drawn = keys::areas(state).is_some_and(|areas| areas.table.is_some());
            if event.kind != KeyEventKind::Repeat && drawn {
                state.view.table.heading = ColumnId::sorting(state.view.table.sort)
                    .filter(|id| state.view.table.columns.has(*id))
                    .or(Some(ColumnId::Verdict));
                follow_heading(state);
            }
            true
        }
        Some(1) => {
            // Held down, it stops at the first row.
            state.view.held = Some(HeldKey { key, last: state.now, repeats: false });
            false
        }
        _ => false,
    }
}

/// Pans so far that the heading that the keys are on is in sight.
fn follow_heading(state: &mut State) {
    let Some(id) = state.view.table.heading else { return };
    let seen = &state.view.pointer.seen.columns;
    if !stays(id)
        && seen.width(id).is_none()
        && let Some(at) = seen.panning().position(|there| there == id)
    {
        state.view.table.pan = Some(at);
    }
}

fn on_heading(
    state: &mut State,
    id: ColumnId,
    (event, key): (KeyEvent, KeyCombination),
    action: Option<Action>,
) -> bool {
    let plain = event.modifiers.difference(KeyModifiers::SHIFT).is_empty();
    match event.code {
        KeyCode::Char('+') if plain => resize(state, id, true),
        KeyCode::Char('-') if plain => resize(state, id, false),
        KeyCode::Char('0') if plain => state.view.table.columns.resize(id, None),
        KeyCode::Char('<') if plain => shift(state, id, false),
        KeyCode::Char('>') if plain => shift(state, id, true),
        KeyCode::Enter => sort_by_column(state, id),
        KeyCode::Esc | KeyCode::Tab => {
            state.view.table.heading = None;
            // Held down, it does nothing to the rows.
            state.view.held = Some(HeldKey { key, last: state.now, repeats: false });
        }
        _ => {
            let Some(action) = action else { return true };
            return heading_action(state, id, action);
        }
    }
    true
}

fn heading_action(state: &mut State, id: ColumnId, action: Action) -> bool {
    match action {
        Action::Left | Action::Right => {
            // Only what has a heading: a column that has nothing to show now takes no room.
            let seen = &state.view.pointer.seen.columns;
            let there = |id: &ColumnId| seen.all.is_empty() || seen.all.iter().any(|(there, _)| there == id);
            let order: Vec<ColumnId> =
                state.view.table.columns.shown().iter().map(|column| column.id).filter(there).collect();
            let at = order.iter().position(|there| *there == id).unwrap_or(0);
            let to = if action == Action::Right { at + 1 } else { at.saturating_sub(1) };
            state.view.table.heading = order.get(to.min(order.len().saturating_sub(1))).copied().or(Some(id));
            follow_heading(state);
        }
        Action::Up => {}
        Action::Down | Action::Back | Action::NextPane | Action::PreviousPane => state.view.table.heading = None,
        Action::Open | Action::SortNext => sort_by_column(state, id),
        Action::Mark => table::toggle_freeze(state),
        Action::Terminate
        | Action::Alert
        | Action::Acknowledge
        | Action::Suppress
        | Action::Quarantine
        | Action::Export
        | Action::Copy => {
            let down = state.setup.keymap.word(Action::Down);
            notify(state, format!("the keys are on the headings; {down} goes back to the sessions"), true);
        }
        Action::SortReverse
        | Action::Freeze
        | Action::GroupBy
        | Action::Columns
        | Action::Help
        | Action::Refresh
        | Action::NextTheme
        | Action::Mouse
        | Action::Mask
        | Action::Spare
        | Action::PauseAutomatic
        | Action::Suspend
        | Action::Quit => return false,
        _ => {
            state.view.table.heading = None;
            return false;
        }
    }
    true
}
