//! Keys: the top layer gets them first: dialog, input line, help, screen.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use jiff::SignedDuration;

use super::{
    acts, columns, copy, history, line, mouse, notify, outcomes, overlay, palette, quarantine, sheet, table, themes,
    transcript, wall,
};
use crate::{
    app::{
        action::Action,
        dialog::{Answer, Step},
        grouping,
        keymap::combination,
        layout::Areas,
        message::Effect,
        state::{Projected, State},
        view::{Focus, HeldKey, ListView, Screen, SheetOf},
    },
    domain::ActKind,
};

/// A key that closed something does nothing else for that long: a key that is held down repeats itself by then …
const HELD: SignedDuration = SignedDuration::from_millis(600);
/// … and from then on at least this often. What comes more slowly was pressed again.
const REPEAT_GAP: SignedDuration = SignedDuration::from_millis(150);
/// After a refusal, characters that follow each other within this time are what the dialog would have got.
const TYPED_ON: SignedDuration = SignedDuration::from_millis(500);
/// The same at the wall, where nothing is typed: what was meant for a line that did not open is slower by a glance at it.
const TYPED_ON_AT_WALL: SignedDuration = SignedDuration::from_secs(2);

pub(super) fn key(state: &mut State, event: KeyEvent, effects: &mut Vec<Effect>) {
    let Some(key) = combination(event) else { return };
    if state.view.table.touched {
        // From the first key on the selection moves only by keys.
        state.view.table.moved_at = None;
    }
    state.view.table.touched = true;
    state.view.past.touched |= state.view.screen == Screen::History;
    if let Some(held) = state.view.held {
        let most = if held.repeats { REPEAT_GAP } else { HELD };
        if held.key == key && (event.kind == KeyEventKind::Repeat || state.now.duration_since(held.last) < most) {
            state.view.held = Some(HeldKey { last: state.now, repeats: true, ..held });
            return;
        }
        state.view.held = None;
    }
    if let Some(last) = state.view.refused {
        let typed = matches!(event.code, KeyCode::Char(_) | KeyCode::Enter | KeyCode::Backspace);
        let most = if state.view.wall.is_some() { TYPED_ON_AT_WALL } else { TYPED_ON };
        if typed && state.now.duration_since(last) < most {
            state.view.refused = Some(state.now);
            if state.view.wall.is_some() {
                notify(state, "nothing can be typed on the wall: keys count again after 2 s", true);
            }
            return;
        }
        state.view.refused = None;
    }
    if state.view.dialog.is_some() && areas(state).is_none() && event.code != KeyCode::Esc {
        // A question that cannot be read cannot be answered.
        return;
    }
    if let Some(mut dialog) = state.view.dialog.take() {
        let asked = matches!(dialog.step, Step::Confirm(_));
        match dialog.key(event, state.now) {
            Answer::Open => {
                let asks = !asked && matches!(dialog.step, Step::Confirm(_));
                state.view.dialog = Some(dialog);
                if asks {
                    quarantine::read_again(state, effects);
                }
            }
            Answer::Cancelled => state.view.held = Some(HeldKey { key, last: state.now, repeats: false }),
            Answer::Do(reason) => {
                state.view.held = Some(HeldKey { key, last: state.now, repeats: false });
                acts::begin(state, dialog, reason, effects);
            }
        }
        return;
    }
    if state.view.overlay.is_some() {
        return overlay::key(state, event, key, effects);
    }
    if state.view.input.is_some() {
        return line::key(state, event);
    }
    let action = state.setup.keymap.action(key);
    if action.is_some_and(|action| !wall::counts(state, (event, key), action)) {
        return;
    }
    if state.view.help.is_some() {
        return help_key(state, action, effects);
    }
    if state.view.sheet.is_some() {
        return sheet::key(state, action, effects);
    }
    if let Some(index) = state.setup.keymap.filter(key).filter(|_| state.view.wall.is_none()) {
        return line::toggle_saved(state, index);
    }
    if columns::key(state, (event, key), action) {
        return;
    }
    let Some(action) = action else { return };
    palette::note_used(state, action);
    run(state, action, event.code, effects);
}

/// Does an action, from its key or from the palette.
pub(super) fn run(state: &mut State, action: Action, code: KeyCode, effects: &mut Vec<Effect>) {
    if action == Action::Back {
        // Who goes back has read what was said, and does not take it along.
        state.view.notice = None;
    }
    if state.view.wall.is_some() && wall::act(state, action, effects) {
        return;
    }
    act(state, action, code, effects);
    if state.view.wall.is_none() {
        note_reading(state, effects);
    }
}

/// Who brings the keys to a transcript reads it.
pub(super) fn note_reading(state: &mut State, effects: &mut Vec<Effect>) {
    let reads = matches!(state.view.focus, Focus::Transcript | Focus::Commands);
    if reads
        && state.view.screen == Screen::Sessions
        && let Some(key) = state.view.table.list.selected.clone()
    {
        acts::note_opened(state, &key, effects);
    }
}

pub(super) fn paste(state: &mut State, text: &str) {
    if let Some(dialog) = &mut state.view.dialog {
        dialog.paste(text);
    } else if state.view.overlay.is_some() {
        overlay::paste(state, text);
    } else {
        line::paste(state, text);
    }
}

fn help_key(state: &mut State, action: Option<Action>, effects: &mut Vec<Effect>) {
    // Drawing stops at the end; the way back begins there, too.
    let last = state.view.help_last;
    let Some(top) = &mut state.view.help else { return };
    match action {
        Some(Action::Down) => *top = (*top + 1).min(last),
        Some(Action::Up) => *top = top.saturating_sub(1),
        Some(Action::PageDown) => *top = (*top + 10).min(last),
        Some(Action::PageUp) => *top = top.saturating_sub(10),
        Some(Action::Top) => *top = 0,
        Some(Action::Bottom) => *top = last,
        Some(Action::Quit) => effects.push(Effect::Quit),
        Some(Action::Suspend) => effects.push(Effect::Suspend),
        _ => state.view.help = None,
    }
}

fn act(state: &mut State, action: Action, code: KeyCode, effects: &mut Vec<Effect>) {
    match action {
        Action::Down => scroll(state, Scroll::By(1)),
        Action::Up => scroll(state, Scroll::By(-1)),
        Action::PageDown => scroll(state, Scroll::Pages(1)),
        Action::PageUp => scroll(state, Scroll::Pages(-1)),
        Action::Top => scroll(state, Scroll::End(false)),
        Action::Bottom => scroll(state, Scroll::End(true)),
        Action::Open => open(state, effects),
        Action::NextPane => next_pane(state, true, effects),
        Action::PreviousPane => next_pane(state, false, effects),
        Action::Back => back(state),
        Action::Filter => line::begin(state),
        Action::SortNext | Action::SortReverse if state.view.screen == Screen::History => history::sort(state, action),
        Action::SortNext | Action::SortReverse if table::is_held(state) => {}
        Action::SortNext => columns::sort_next(state),
        Action::SortReverse => state.view.table.reverse = !state.view.table.reverse,
        Action::Follow => transcript::toggle_follow(state),
        Action::Left | Action::Right if columns::on_table(state) => columns::pan(state, action == Action::Right),
        Action::Left => transcript::shift(state, false),
        Action::Right => transcript::shift(state, true),
        Action::Wrap => transcript::toggle_wrap(state),
        Action::Times => state.view.no_times = !state.view.no_times,
        Action::Beside => transcript::toggle_beside(state),
        Action::OutputDetections => {
            let shown = !state.view.show_output_detections;
            state.view.show_output_detections = shown;
            let words = if shown { "detections in mere output are shown" } else { "only what was typed is shown" };
            notify(state, words, false);
            state.projected = Projected::default();
        }
        Action::NextCommand => transcript::next_command(state, true),
        Action::PreviousCommand => transcript::next_command(state, false),
        Action::Replay => transcript::toggle_playback(state),
        Action::Mark if state.view.focus == Focus::Table && state.view.screen == Screen::Sessions => {
            acts::toggle_mark(state)
        }
        Action::Mark => transcript::pause(state),
        Action::Faster => transcript::change_speed(state, true),
        Action::Slower => transcript::change_speed(state, false),
        Action::NextMatch => transcript::find(state, true),
        Action::PreviousMatch => transcript::find(state, false),
        Action::Terminate => acts::open_dialog(state, ActKind::Terminate, code),
        Action::Alert => acts::open_dialog(state, ActKind::Alert, code),
        Action::Acknowledge => acts::acknowledge(state, effects),
        Action::Suppress => acts::open_suppress(state, code),
        Action::Quarantine => quarantine::open(state, code, effects),
        Action::Export => {
            history::before_export(state, effects);
            acts::export(state, effects);
        }
        Action::Spare => acts::spare(state, effects),
        Action::PauseAutomatic => acts::toggle_automatic(state, effects),
        Action::Sessions => show(state, Screen::Sessions),
        Action::Alerts => show(state, Screen::Alerts),
        Action::Preferences => show(state, Screen::Preferences),
        Action::History => {
            show(state, Screen::History);
            history::opened(state);
        }
        Action::Scopes => show(state, Screen::Scopes),
        Action::Acts => show(state, Screen::Acts),
        Action::Freeze => table::toggle_freeze(state),
        Action::GroupBy => table::group_by_next(state),
        Action::Columns => table::open_columns(state),
        Action::Copy => copy::open(state),
        Action::Mask => wall::toggle_mask(state),
        Action::GrowPane => mouse::resize_pane(state, true),
        Action::ShrinkPane => mouse::resize_pane(state, false),
        Action::Wall => wall::toggle(state),
        Action::Palette => palette::open(state, false),
        Action::SavedFilters => palette::open(state, true),
        Action::Mouse => mouse::toggle(state, effects),
        Action::Refresh => {
            effects.extend(state.board.scopes.keys().cloned().map(Effect::Refresh));
            history::refresh(state);
            notify(state, "asking every scope again", false);
        }
        Action::NextTheme => themes::next(state),
        Action::Help => state.view.help = Some(0),
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Quit => effects.push(Effect::Quit),
    }
}

pub(super) fn show(state: &mut State, screen: Screen) {
    state.view.screen = screen;
    state.view.focus = Focus::Table;
    state.view.opened = false;
}

pub(super) fn open(state: &mut State, effects: &mut Vec<Effect>) {
    match state.view.screen {
        Screen::Sessions if state.view.focus == Focus::Detail => {
            if let Some(key) = state.view.table.list.selected.clone() {
                sheet::open(state, SheetOf::Session(key));
            }
        }
        Screen::Preferences => {
            if let Some(scope) = state.view.preferences.selected.clone() {
                sheet::open(state, SheetOf::Preferences(scope));
            }
        }
        Screen::Sessions if state.view.table.list.selected.is_some() => {
            // From the list of commands to the command's place.
            let to_command = state.view.focus == Focus::Commands;
            state.view.opened = true;
            if let Some(key) = state.view.table.list.selected.clone() {
                acts::note_opened(state, &key, effects);
            }
            state.view.focus = match state.view.focus {
                Focus::Table => Focus::Detail,
                Focus::Commands => Focus::Transcript,
                focus => focus,
            };
            if to_command {
                return;
            }
            state.view.detail_top = 0;
        }
        Screen::History | Screen::Alerts | Screen::Acts => {
            // The session that is meant opens on the sessions screen, as a ghost where it has ended.
            let Some(key) = acts::selected(state) else {
                return notify(state, "no session is selected", true);
            };
            if !history::adopt(state, &key, effects) {
                return notify(state, "that session is no longer known here", true);
            }
            history::leave(state, &key);
            state.view.screen = Screen::Sessions;
            state.view.table.filter.clear();
            acts::note_opened(state, &key, effects);
            state.view.table.list.selected = Some(key);
            state.view.opened = true;
            state.view.focus = Focus::Detail;
            state.view.detail_top = 0;
            state.projected = Projected::default();
        }
        _ => {}
    }
}

fn back(state: &mut State) {
    let view = &mut state.view;
    if view.screen == Screen::Sessions && view.focus != Focus::Table {
        if let Some(transcript) = view.transcript.as_mut() {
            if transcript.playback.take().is_some() {
                return;
            }
            if !transcript.search.is_empty() {
                transcript.search.clear();
                transcript.found = None;
                return;
            }
        }
        if view.focus == Focus::Commands {
            view.focus = Focus::Transcript;
            return;
        }
        if history::go_back(state) {
            return;
        }
        state.view.focus = Focus::Table;
        state.view.opened = false;
    } else if outcomes::dismiss(state) || history::go_back(state) {
        // That was all that the key was for.
    } else if state.view.opened {
        state.view.opened = false;
        state.view.focus = Focus::Table;
    } else if state.view.screen == Screen::Sessions && !state.view.marked.is_empty() {
        state.view.marked.clear();
    } else if matches!(state.view.screen, Screen::Sessions | Screen::History) && !state.view.table.filter.is_empty() {
        if !table::holds_filter(state) {
            state.view.table.filter.clear();
        }
    } else {
        state.view.screen = Screen::Sessions;
    }
}

fn next_pane(state: &mut State, forward: bool, effects: &mut Vec<Effect>) {
    if state.view.screen != Screen::Sessions {
        let at = Screen::ALL.iter().position(|screen| *screen == state.view.screen).unwrap_or(0);
        let count = Screen::ALL.len();
        let to = if forward { at + 1 } else { at + count - 1 } % count;
        state.view.screen = Screen::ALL.get(to).copied().unwrap_or_default();
        return;
    }
    let roomy =
        areas(state).is_some_and(|areas| areas.table.is_some() && (areas.detail.or(areas.transcript)).is_some());
    let order: &[Focus] = if roomy {
        &[Focus::Table, Focus::Detail, Focus::Transcript, Focus::Commands]
    } else if state.view.opened {
        &[Focus::Detail, Focus::Transcript, Focus::Commands]
    } else {
        // Only the table is on the screen: the first Tab opens the session.
        return open(state, effects);
    };
    let at = order.iter().position(|focus| *focus == state.view.focus).unwrap_or(0);
    let to = if forward { at + 1 } else { at + order.len() - 1 } % order.len();
    state.view.focus = order.get(to).copied().unwrap_or_default();
}

/// How far to move.
#[derive(Clone, Copy)]
pub(super) enum Scroll {
    By(isize),
    Pages(isize),
    End(bool),
}

pub(super) fn areas(state: &State) -> Option<Areas> {
    Areas::of(state.view.size.0, state.view.size.1, &state.view)
}

fn scroll(state: &mut State, scroll: Scroll) {
    scroll_pane(state, state.view.focus, scroll);
}

/// Scrolls the pane that would have the keys with that focus.
pub(super) fn scroll_pane(state: &mut State, focus: Focus, scroll: Scroll) {
    let Some(areas) = areas(state) else { return };
    let table_rows = isize::try_from(areas.table_rows()).unwrap_or(isize::MAX);
    let view = &mut state.view;
    match (view.screen, focus) {
        (Screen::Sessions, Focus::Table) => {
            let left = view.table.list.selected.clone();
            match (scroll, view.table.list.position()) {
                (Scroll::Pages(by), Some(at)) if !view.table.groups.is_empty() => {
                    // Headings take lines of the page as well, the one on top always.
                    let lines = by * (table_rows - 1).max(1);
                    let to = grouping::page(&view.table.groups, view.table.list.rows.len(), at, lines);
                    view.table.list.selected = view.table.list.rows.get(to).cloned();
                }
                _ => move_list(&mut view.table.list, scroll, table_rows),
            }
            view.detail_top = 0;
            let ghost = |key| state.board.sessions.get(key).is_none_or(|session| !session.is_active());
            if left != state.view.table.list.selected && left.as_ref().is_some_and(ghost) {
                // A ghost that is left behind goes.
                state.projected = Projected::default();
            }
        }
        (Screen::Sessions, Focus::Detail) => {
            let rows = areas.detail_rows();
            let last = view.detail_lines.saturating_sub(rows);
            view.detail_top = match scroll {
                Scroll::By(by) => view.detail_top.min(last).saturating_add_signed(by),
                Scroll::Pages(by) => {
                    view.detail_top.saturating_add_signed(by * isize::try_from(rows).unwrap_or(isize::MAX))
                }
                Scroll::End(to_last) => {
                    if to_last {
                        last
                    } else {
                        0
                    }
                }
            }
            .min(last);
        }
        (Screen::Sessions, Focus::Transcript) => {
            let room = areas.transcript_room(&state.view);
            transcript::scroll(state, scroll, room);
        }
        (Screen::Sessions, Focus::Commands) => transcript::scroll_commands(state, scroll, areas.command_rows()),
        (Screen::Alerts, _) => move_list(&mut view.alerts, scroll, table_rows),
        (Screen::Acts, _) => move_list(&mut view.acts, scroll, table_rows),
        (Screen::Preferences, _) => move_list(&mut view.preferences, scroll, table_rows),
        (Screen::History, _) => move_list(&mut view.history, scroll, table_rows),
        (Screen::Scopes, _) => move_list(&mut view.scopes, scroll, table_rows),
    }
}

fn move_list<Id: PartialEq + Clone>(list: &mut ListView<Id>, scroll: Scroll, rows: isize) {
    match scroll {
        Scroll::By(by) => list.step(by),
        Scroll::Pages(by) => list.step(by * rows),
        Scroll::End(to_last) => list.jump(to_last),
    }
}
