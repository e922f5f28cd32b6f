//! The menu of what can be copied.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{
    look::Look,
    text::{self, piece, put_line},
};
use crate::app::{action::Action, clip::CopyMenu};

/// Wider than this nothing has to be.
const WIDEST: u16 = 96;
/// Cells of the longest words for what is copied.
const WORDS: usize = 19;

/// Draws the menu in the middle of `area`.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect, menu: &CopyMenu) {
    let theme = look.theme;
    let width = area.width.saturating_sub(4).min(WIDEST).max(area.width.min(40));
    let wanted = u16::try_from(menu.rows.len()).unwrap_or(u16::MAX).saturating_add(2);
    let height = wanted.min(area.height);
    let place = text::middle(area, width, height);
    text::clear(buffer, place, theme.base);
    let inner = look.pane(buffer, place, &[piece("Copy", theme.title)], &[], true);
    if inner.width < 3 || inner.height == 0 {
        return;
    }
    let visible = usize::from(inner.height);
    let top = (menu.selected + 1).saturating_sub(visible);
    for ((index, row), y) in menu.rows.iter().enumerate().skip(top).zip(inner.top()..inner.bottom()) {
        let shown = match &row.clip {
            Some(clip) => piece(look.clean(clip.as_str()).into_owned(), theme.text),
            None => piece("too long for a terminal's clipboard", theme.warning),
        };
        let lead = [
            piece(format!(" {} ", row.letter), theme.accent.add_modifier(Modifier::BOLD)),
            piece(format!("{:<WORDS$} ", row.what), theme.muted),
        ];
        let taken = put_line(buffer, (inner.x, y), inner.width, &lead, look.glyphs.ellipsis);
        let room = inner.width.saturating_sub(taken + 1);
        let short = text::fit_middle(&shown.text, usize::from(room), look.glyphs.ellipsis);
        text::put(buffer, (inner.x + taken, y), room, &short, shown.style, look.glyphs.ellipsis);
        if index == menu.selected {
            buffer.set_style(Rect::new(inner.x, y, inner.width, 1), theme.selection);
        }
    }
    let key = look.state.setup.keymap.first_key(Action::Copy).map(|key| key.to_string());
    let keys = key.map_or_else(|| "Enter copies".to_owned(), |key| format!("{key} or Enter copies"));
    let hint = [piece(format!("{keys}, Esc closes"), theme.muted)];
    look.on_frame(buffer, place, place.bottom() - 1, &[], &hint);
}
