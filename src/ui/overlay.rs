//! Draws what lies over the screen.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{look::Look, palette};
use crate::app::overlay::Overlay;

/// Draws the open overlay; where the cursor stands if something is being typed.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect, overlay: &Overlay) -> Option<Position> {
    match overlay {
        Overlay::Columns(menu) => {
            super::columns_menu::draw(look, buffer, area, menu);
            None
        }
        Overlay::Copy(menu) => {
            super::copy::draw(look, buffer, area, menu);
            None
        }
        Overlay::Palette(content) => palette::draw(look, buffer, area, content),
    }
}
