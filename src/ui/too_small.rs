//! What is left to say when there is no room for anything.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{look::Look, text};
use crate::app::layout::MINIMUM;

/// Says that the terminal is too small, as far as even that fits, and whether there is something to look at.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let (width, height) = MINIMUM;
    let counts = &look.state.counts;
    let unseen = counts.scopes - counts.fresh - counts.loading;
    let mut lines = vec![
        ("too small".to_owned(), look.theme.warning),
        (format!("{}x{}, needs {width}x{height}", area.width, area.height), look.theme.muted),
    ];
    if counts.non_compliant > 0 {
        lines.push((format!("{} non-compliant", counts.non_compliant), look.theme.danger));
    }
    if unseen > 0 {
        lines.push((format!("{unseen} of {} scopes blind", counts.scopes), look.theme.danger));
    }
    if let Some(dialog) = &look.state.view.dialog {
        lines.push((
            format!(
                "a question waits (Esc cancels): {}",
                look.clean(dialog.subject().map_or("", |subject| subject.id()))
            ),
            look.theme.warning,
        ));
    }
    for ((words, style), y) in lines.iter().zip(area.top()..area.bottom()) {
        text::put(buffer, (area.x, y), area.width, words, *style, look.glyphs.ellipsis);
    }
}
