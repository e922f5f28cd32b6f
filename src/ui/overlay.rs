//! Draws what lies over the screen.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::look::Look;
use crate::app::overlay::Overlay;

/// Draws the open overlay; where the cursor stands if something is being typed.
pub(super) fn draw(_look: &Look<'_>, _buffer: &mut Buffer, _area: Rect, overlay: &Overlay) -> Option<Position> {
    match overlay {
        Overlay::Palette | Overlay::Columns | Overlay::Copy => None,
    }
}
