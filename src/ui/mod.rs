//! The screen: draws a State, changes nothing.
//!
//! One file a pane or dialog. Where the panes are is decided in `app::layout`, which scrolling reads as well. Text that
//! somebody else chose becomes visible only through [`Look::clean`]; everything is cut by display width.

mod acts;
mod alert_sheet;
mod alerts;
mod banner;
mod columns;
mod columns_menu;
mod commands;
mod completion;
mod copy;
mod credentials;
mod detail;
mod detections;
mod dialog;
mod footer;
mod frozen;
mod header;
mod help;
mod hints;
mod history;
mod look;
mod more_columns;
mod overlay;
mod palette;
mod preferences;
mod question;
mod rule_sheet;
mod scopes;
mod seen;
pub mod svg;
mod table;
mod text;
pub mod theme;
mod too_small;
mod trail;
mod transcript;
mod wall;
mod who;

use ratatui::{Frame, buffer::Buffer, layout::Rect};

use crate::app::{State, layout::Areas, pointing::Seen, view::Screen, wall_layout::WallAreas};
use look::Look;
use theme::{Glyphs, Theme};

/// What the loop has to know of a frame that was drawn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drawn {
    /// Lines of the detail pane, seen and unseen; scrolling stops at the last one.
    pub detail_lines: usize,
    /// How far the rule sheet can be scrolled.
    pub sheet_last: usize,
    /// How far the help can be scrolled.
    pub help_last: usize,
    /// What was where, for the mouse.
    pub seen: Seen,
}

/// Draws the whole screen. Any size is fine.
pub fn draw(frame: &mut Frame, state: &State, theme: &Theme, glyphs: &Glyphs) -> Drawn {
    let look = Look { state, theme, glyphs, masked: state.is_masked() };
    let area = frame.area();
    text::clear(frame.buffer_mut(), area, theme.base);
    let mut drawn = Drawn { detail_lines: state.view.detail_lines, ..Drawn::default() };
    if let Some(wall) = &state.view.wall {
        let alarms = !wall.alarms.is_empty();
        let size = (area.width, area.height);
        let Some(areas) = WallAreas::of(size, state.now, state.view.banners.len(), alarms) else {
            too_small::draw(&look, frame.buffer_mut(), area);
            return drawn;
        };
        wall::draw(&look, frame.buffer_mut(), &areas, wall);
        draw_on_top(&look, frame, &mut drawn);
        return drawn;
    }
    let Some(areas) = Areas::of(area.width, area.height, &state.view) else {
        too_small::draw(&look, frame.buffer_mut(), area);
        return drawn;
    };
    let buffer = frame.buffer_mut();
    drawn.seen = seen::of(state, &areas);
    drawn.seen.tabs = header::draw(&look, buffer, areas.header);
    banner::draw(&look, buffer, areas.banner);
    let (table, detail) = (areas.table, areas.detail);
    match state.view.screen {
        Screen::Sessions => {
            if let Some(area) = table {
                (drawn.seen.headings, drawn.seen.columns) = table::draw(&look, buffer, area);
            }
            if let Some(area) = detail {
                drawn.detail_lines = detail::draw(&look, buffer, area);
            }
            if let Some(area) = areas.commands {
                commands::draw(&look, buffer, area);
            }
            let panes = state.view.panes();
            for (session, area) in panes.iter().zip(areas.panes) {
                if let Some(area) = area {
                    transcript::draw(&look, buffer, area, session);
                }
            }
            if let (true, Some(area)) = (panes.is_empty(), areas.transcript) {
                transcript::draw_none(&look, buffer, area);
            }
        }
        screen => {
            let view = &state.view;
            let (draw_list, draw_detail, selected): (DrawPane, DrawPane, bool) = match screen {
                Screen::Alerts => (alerts::draw, alerts::draw_detail, view.alerts.selected.is_some()),
                Screen::Acts => (acts::draw, acts::draw_detail, view.acts.selected.is_some()),
                Screen::Preferences => {
                    (preferences::draw, preferences::draw_detail, view.preferences.selected.is_some())
                }
                Screen::History => (history::draw, history::draw_detail, view.history.selected.is_some()),
                Screen::Sessions | Screen::Scopes => {
                    (scopes::draw, scopes::draw_detail, view.scopes.selected.is_some())
                }
            };
            match (table, detail) {
                (Some(list), Some(below)) if selected => {
                    draw_list(&look, buffer, list);
                    draw_detail(&look, buffer, below);
                }
                // Nothing is selected because there is nothing: the list's words get all the room.
                (Some(list), below) => draw_list(&look, buffer, below.map_or(list, |below| list.union(below))),
                (None, _) => {}
            }
        }
    }
    let cursor = footer::draw(&look, buffer, areas.footer);
    let covered = draw_on_top(&look, frame, &mut drawn);
    if let Some(cursor) = cursor.filter(|_| !covered) {
        frame.set_cursor_position(cursor);
    }
    drawn
}

/// What lies over the screen, or over the wall. Says whether that has the keys.
fn draw_on_top(look: &Look<'_>, frame: &mut Frame, drawn: &mut Drawn) -> bool {
    let (state, area) = (look.state, frame.area());
    let buffer = frame.buffer_mut();
    if let Some(sheet) = &state.view.sheet {
        drawn.sheet_last = rule_sheet::draw(look, buffer, area, sheet);
    }
    if let Some(top) = state.view.help {
        drawn.help_last = help::draw(look, buffer, area, top);
    }
    if let Some(dialog) = &state.view.dialog {
        // What is about to be ended is read for what it is.
        dialog::draw(&Look { masked: false, ..*look }, buffer, area, dialog);
        return true;
    }
    let Some(overlay) = &state.view.overlay else { return false };
    if let Some(cursor) = overlay::draw(look, buffer, area, overlay) {
        frame.set_cursor_position(cursor);
    }
    true
}

type DrawPane = fn(&Look<'_>, &mut Buffer, Rect);
