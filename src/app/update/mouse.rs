//! The mouse, and the sizes of panes. The mouse selects, scrolls, sorts, sizes and opens; it never acts and never answers a question.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::{
    keys::{self, Scroll},
    notify, overlay, transcript,
};
use crate::app::{
    keymap::combination,
    layout::{Areas, transcript_room},
    message::Effect,
    pointing::{DOUBLE_CLICK, Pane, RowId, cell_of, is_in},
    sizes::Split,
    state::{Projected, State},
    view::{Focus, Screen},
};

/// Lines that a notch of the wheel scrolls.
const NOTCH: isize = 3;
/// Cells that a key gives a pane: lines, columns.
const STEP: (u16, u16) = (2, 4);

/// Listens to the mouse, or leaves it to the terminal.
pub(super) fn toggle(state: &mut State, effects: &mut Vec<Effect>) {
    let pointer = &mut state.view.pointer;
    pointer.on = !pointer.on;
    pointer.drag = None;
    pointer.clicked = None;
    effects.push(Effect::Mouse(pointer.on));
    let words = match pointer.on {
        true => "the mouse is listened to; with Shift held it selects text as before",
        false => "the mouse is the terminal's again: it selects text",
    };
    notify(state, words, false);
}

/// What the mouse did.
pub(super) fn event(state: &mut State, event: MouseEvent, effects: &mut Vec<Effect>) {
    if !state.view.pointer.on || state.view.wall.is_some() {
        // It was on its way when it was switched off; and nothing is selected on the wall.
        return;
    }
    let cell = cell_of(&event);
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => press(state, cell, effects),
        MouseEventKind::Drag(MouseButton::Left) => drag(state, cell),
        MouseEventKind::Up(MouseButton::Left) => state.view.pointer.drag = None,
        MouseEventKind::ScrollDown => wheel(state, cell, true, effects),
        MouseEventKind::ScrollUp => wheel(state, cell, false, effects),
        _ => {}
    }
}

/// Whether something has all keys, and so the mouse, too.
fn is_covered(state: &State) -> bool {
    let view = &state.view;
    view.dialog.is_some() || view.overlay.is_some() || view.help.is_some() || view.sheet.is_some()
}

/// Somebody is there: from now on the selection moves only by hand.
fn touch(state: &mut State) {
    state.view.table.moved_at = None;
    state.view.table.touched = true;
}

fn press(state: &mut State, cell: (u16, u16), effects: &mut Vec<Effect>) {
    state.view.pointer.drag = None;
    let last = state.view.pointer.clicked.take();
    // A click beside what lies over the screen does nothing: what is typed there is not lost. So it is with a line being typed.
    if is_covered(state) || state.view.input.is_some() || state.view.pointer.seen.covered {
        return;
    }
    touch(state);
    state.view.table.heading = None;
    let seen = &state.view.pointer.seen;
    if let Some((_, screen)) = seen.tabs.iter().find(|(area, _)| is_in(*area, cell)) {
        return keys::show(state, *screen);
    }
    if seen.screen != state.view.screen {
        // It was meant for a screen that has just gone.
        return;
    }
    if let Some((_, by)) = seen.headings.iter().find(|(area, _)| is_in(*area, cell)) {
        let by = *by;
        if super::table::is_held(state) {
            return;
        }
        let table = &mut state.view.table;
        table.reverse = table.sort == by && !table.reverse;
        table.sort = by;
        return;
    }
    if let Some(row) = row_at(state, cell) {
        if !select(state, &row) {
            return notify(state, "what was there is no longer in the list", true);
        }
        match last.filter(|(clicked, _)| *clicked == row) {
            Some((_, at)) if state.now.duration_since(at) <= DOUBLE_CLICK => {
                keys::open(state, effects);
                keys::note_reading(state, effects);
            }
            _ => state.view.pointer.clicked = Some((row, state.now)),
        }
        return;
    }
    if let Some(border) = seen.borders.iter().find(|border| border.is_at(cell)) {
        let held = border.first.saturating_sub(border.along(cell));
        state.view.pointer.drag = Some((*border, held));
        return;
    }
    let pane = seen.panes.iter().find(|(area, _)| is_in(*area, cell)).map(|(_, pane)| pane.clone());
    match pane {
        Some(Pane::List) => state.view.focus = Focus::Table,
        Some(Pane::Focus(focus)) => state.view.focus = focus,
        Some(Pane::Transcript(key)) => {
            if state.view.table.list.rows.contains(&key) {
                select(state, &RowId::Session(key));
                state.view.focus = Focus::Transcript;
            }
        }
        Some(Pane::Still) | None => {}
    }
    keys::note_reading(state, effects);
}

/// What stood at that cell in the frame that was clicked on: the table may have been sorted anew since, and a click never
/// hits another session than the one that was under it. The one place that knows how rows lie on the screen.
fn row_at(state: &State, (x, y): (u16, u16)) -> Option<RowId> {
    let seen = &state.view.pointer.seen;
    let (area, _) = seen.panes.iter().find(|(_, pane)| *pane == Pane::List)?;
    let inside = (area.x + 1..area.right().saturating_sub(1)).contains(&x);
    seen.rows.iter().find(|(line, _)| inside && *line == y).map(|(_, row)| row.clone())
}

/// Selects what a row stood for. Says whether it is still there.
fn select(state: &mut State, row: &RowId) -> bool {
    fn choose<Id: PartialEq + Clone>(list: &mut crate::app::view::ListView<Id>, id: &Id) -> bool {
        let there = list.rows.contains(id);
        if there {
            list.selected = Some(id.clone());
        }
        there
    }
    let view = &mut state.view;
    match row {
        RowId::Session(key) => {
            let left = view.table.list.selected.clone();
            if !choose(&mut view.table.list, key) {
                return false;
            }
            view.focus = Focus::Table;
            if left.as_ref() != Some(key) {
                view.detail_top = 0;
                let ghost = |key| state.board.sessions.get(key).is_none_or(|session| !session.is_active());
                if left.as_ref().is_some_and(ghost) {
                    // A ghost that is left behind goes.
                    state.projected = Projected::default();
                }
            }
            true
        }
        RowId::Ended(key) => choose(&mut view.history, key),
        RowId::Alert(id) => choose(&mut view.alerts, id),
        RowId::Act(id) => choose(&mut view.acts, id),
        RowId::Scope(id) => choose(&mut view.scopes, id),
        RowId::Preferences(id) => choose(&mut view.preferences, id),
    }
}

fn drag(state: &mut State, cell: (u16, u16)) {
    let Some((border, held)) = state.view.pointer.drag.filter(|_| !is_covered(state)) else { return };
    state.view.sizes.set(border.split, border.along(cell).saturating_add(held), border.cells());
}

/// The wheel: scrolls what is under it, and leaves the keys where they are.
fn wheel(state: &mut State, cell: (u16, u16), down: bool, effects: &mut Vec<Effect>) {
    let by = if down { NOTCH } else { -NOTCH };
    let view = &mut state.view;
    if let Some(dialog) = &mut view.dialog {
        return dialog.wheel(down);
    }
    if view.overlay.is_some() {
        // As the arrow keys do; what lies there knows how.
        let event = KeyEvent::new(if down { KeyCode::Down } else { KeyCode::Up }, KeyModifiers::NONE);
        if let Some(key) = combination(event) {
            overlay::key(state, event, key, effects);
        }
        return;
    }
    if let Some(top) = &mut view.help {
        *top = top.saturating_add_signed(by).min(view.help_last);
        return;
    }
    if let Some(sheet) = &mut view.sheet {
        sheet.top = sheet.top.saturating_add_signed(by).min(sheet.last);
        return;
    }
    if view.pointer.seen.screen != view.screen {
        return;
    }
    let seen = &view.pointer.seen;
    let Some((area, pane)) = seen.panes.iter().find(|(area, _)| is_in(*area, cell)).cloned() else { return };
    touch(state);
    match pane {
        Pane::List => keys::scroll_pane(state, Focus::Table, Scroll::By(by)),
        Pane::Focus(focus) => keys::scroll_pane(state, focus, Scroll::By(by)),
        Pane::Transcript(key) => {
            let room = transcript_room(area, &state.view);
            transcript::scroll_of(state, &key, Scroll::By(by), room);
        }
        Pane::Still => {}
    }
}

/// More or less room for the pane that has the keys.
pub(super) fn resize_pane(state: &mut State, larger: bool) {
    let borders = Areas::of(state.view.size.0, state.view.size.1, &state.view)
        .map(|areas| areas.borders(&state.view))
        .unwrap_or_default();
    let view = &state.view;
    let first = |border: &Split| match (view.screen, view.focus, border) {
        // The pane is the first of the two, or the second.
        (Screen::Sessions, Focus::Table, Split::Table { .. }) => Some(true),
        (Screen::Sessions, Focus::Detail, Split::Detail) => Some(true),
        (Screen::Sessions, Focus::Commands, Split::Commands) => Some(true),
        (Screen::Sessions, Focus::Commands | Focus::Transcript, Split::Detail) => Some(false),
        // Where nothing stands beside it, its height is meant.
        (Screen::Sessions, Focus::Detail | Focus::Commands | Focus::Transcript, Split::Table { .. }) => Some(false),
        (_, _, Split::List(_)) => Some(true),
        _ => None,
    };
    let rank = |split: Split| match split {
        Split::Commands => 0,
        Split::Detail => 1,
        Split::Table { .. } | Split::List(_) => 2,
    };
    let border = borders
        .into_iter()
        .filter_map(|border| first(&border.split).map(|first| (border, first)))
        .min_by_key(|(border, _)| rank(border.split));
    let Some((border, is_first)) = border else {
        return notify(state, "there is no other pane beside it here to take room from", false);
    };
    let step = if border.split.is_vertical() { STEP.0 } else { STEP.1 };
    let wanted = if larger == is_first { border.first.saturating_add(step) } else { border.first.saturating_sub(step) };
    let (sizes, cells) = (&mut state.view.sizes, border.cells());
    sizes.set(border.split, wanted, cells);
    if sizes.first(border.split, cells) == Some(border.first) {
        let words = if larger { "the other pane keeps its least size" } else { "it is as small as it gets" };
        notify(state, words, false);
    }
}
