//! The alerts: what was raised, who has seen it, how far its messages have come.

use ratatui::{buffer::Buffer, layout::Rect};

use super::look::Look;

/// Draws the list.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let _ = (look, buffer, area);
}

/// The selected alert in full.
pub(super) fn draw_detail(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let _ = (look, buffer, area);
}
