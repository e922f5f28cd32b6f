//! What is where in a frame, for the mouse.

use ratatui::layout::Rect;

use crate::app::{
    State,
    grouping::{self, Line},
    layout::Areas,
    pointing::{Pane, RowId, Seen},
    view::{Focus, ListView, Screen, TableView},
};

/// Lines of a list's pane before its first row: the border and the heading.
const BEFORE_ROWS: u16 = 2;

/// Panes, rows and borders of the screen as it is drawn now; headings and tabs are told by those who draw them.
pub(super) fn of(state: &State, areas: &Areas) -> Seen {
    let view = &state.view;
    let covered = view.dialog.is_some() || view.overlay.is_some() || view.help.is_some() || view.sheet.is_some();
    let mut seen = Seen { screen: view.screen, covered, ..Seen::default() };
    if covered {
        return seen;
    }
    let mut pane = |area: Option<Rect>, pane: Pane| seen.panes.extend(area.map(|area| (area, pane)));
    pane(areas.table, Pane::List);
    if view.screen == Screen::Sessions {
        pane(areas.detail, Pane::Focus(Focus::Detail));
        pane(areas.commands, Pane::Focus(Focus::Commands));
        for (session, area) in view.panes().into_iter().zip(areas.panes) {
            pane(area, Pane::Transcript(session.clone()));
        }
    } else {
        pane(areas.detail, Pane::Still);
    }
    if let Some(area) = areas.table {
        seen.rows = match view.screen {
            Screen::Sessions => session_rows(area, &view.table),
            Screen::Alerts => rows(area, &view.alerts, RowId::Alert),
            Screen::Preferences => rows(area, &view.preferences, RowId::Preferences),
            Screen::History => rows(area, &view.history, RowId::Ended),
            Screen::Scopes => rows(area, &view.scopes, RowId::Scope),
            Screen::Acts => rows(area, &view.acts, RowId::Act),
        };
    }
    seen.borders = areas.borders(view);
    seen
}

fn rows<Id: Clone>(area: Rect, list: &ListView<Id>, row: impl Fn(Id) -> RowId) -> Vec<(u16, RowId)> {
    let lines = area.y.saturating_add(BEFORE_ROWS)..area.bottom().saturating_sub(1);
    lines.zip(list.rows.iter().skip(list.offset).cloned().map(row)).collect()
}

/// The same of the sessions: a heading of a group is no row.
fn session_rows(area: Rect, table: &TableView) -> Vec<(u16, RowId)> {
    let screen = area.y.saturating_add(BEFORE_ROWS)..area.bottom().saturating_sub(1);
    let list = &table.list;
    let lines = grouping::lines(&table.groups, list.rows.len(), list.offset, screen.len());
    let row = |line| match line {
        Line::Row(row) => list.rows.get(row).cloned().map(RowId::Session),
        Line::Heading(_) => None,
    };
    screen.zip(lines).filter_map(|(y, line)| Some((y, row(line)?))).collect()
}
