//! What lies over the screen and has all keys: one at a time.

use super::clip::CopyMenu;
use super::columns::ColumnsMenu;
use super::palette::Palette;

/// The open overlay.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// Everything by name.
    Palette(Palette),
    /// The columns of the table.
    Columns(ColumnsMenu),
    /// What to copy.
    Copy(CopyMenu),
}
