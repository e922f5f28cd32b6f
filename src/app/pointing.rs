//! The mouse: what it can hit, as it was drawn last, and what it is about to do.

use crossterm::event::MouseEvent;
use jiff::{SignedDuration, Timestamp};
use ratatui::layout::Rect;

use super::{
    sizes::Border,
    view::{Focus, Screen, SortBy},
};
use crate::domain::{ActId, AlertId, ScopeId, SessionKey};

/// Two clicks on one row within this time open it.
pub const DOUBLE_CLICK: SignedDuration = SignedDuration::from_millis(400);

/// What a row stands for: a click means this, wherever the row is by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowId {
    /// A session of the table.
    Session(SessionKey),
    /// An ended session of the history.
    Ended(SessionKey),
    /// An alert.
    Alert(AlertId),
    /// An act.
    Act(ActId),
    /// A scope.
    Scope(ScopeId),
    /// The preferences of a scope.
    Preferences(ScopeId),
}

/// A pane of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pane {
    /// The table, or the list of another screen.
    List,
    /// What has the keys as this focus.
    Focus(Focus),
    /// The transcript of that session.
    Transcript(SessionKey),
    /// It shows something and has no keys.
    Still,
}

/// What was where in the frame that is on the screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// The screen.
    pub screen: Screen,
    /// Something lay over the panes: nothing below it can be hit.
    pub covered: bool,
    /// The visible rows: line of the screen, and what stands there.
    pub rows: Vec<(u16, RowId)>,
    /// The headings that sort.
    pub headings: Vec<(Rect, SortBy)>,
    /// The columns of the sessions table.
    pub columns: super::columns::SeenColumns,
    /// The screens' titles.
    pub tabs: Vec<(Rect, Screen)>,
    /// The panes.
    pub panes: Vec<(Rect, Pane)>,
    /// The borders that can be moved.
    pub borders: Vec<Border>,
}

/// The mouse's part of the view.
#[derive(Debug, Default)]
pub struct Pointer {
    /// It is listened to; else it is the terminal's, to select text with.
    pub on: bool,
    /// What it can hit.
    pub seen: Seen,
    /// The border that it holds, and the cells between it and the pane's end.
    pub drag: Option<(Border, u16)>,
    /// The row of the last click, and when.
    pub clicked: Option<(RowId, Timestamp)>,
}

/// Whether the cell lies in that area.
pub fn is_in(area: Rect, (x, y): (u16, u16)) -> bool {
    (area.x..area.right()).contains(&x) && (area.y..area.bottom()).contains(&y)
}

/// The cell that an event is about: column, line.
pub fn cell_of(event: &MouseEvent) -> (u16, u16) {
    (event.column, event.row)
}
