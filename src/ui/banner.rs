//! Lines that stay until they are dealt with: scopes that cannot be seen, acts that failed.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{look::Look, text};
use crate::app::view::BannerKind;

/// Draws as many banners as there is room for; the last line says how many more there are.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let banners = &look.state.view.banners;
    let rows = usize::from(area.height);
    for (row, (banner, y)) in banners.iter().zip(area.top()..area.bottom()).enumerate() {
        let style = look.theme.header_blind;
        buffer.set_style(ratatui::layout::Rect::new(area.x, y, area.width, 1), style);
        let more = banners.len().saturating_sub(rows);
        let words = if row + 1 == rows && more > 0 {
            format!(" {} {} more, and: {}", look.glyphs.blind, more, look.clean(&banner.text))
        } else {
            format!(" {} {}", look.glyphs.blind, look.clean(&banner.text))
        };
        let hint = match banner.kind {
            BannerKind::Act(_) => " Esc: seen ",
            BannerKind::Scope(_) | BannerKind::Scopes => "",
        };
        let hint_width = u16::try_from(hint.len()).unwrap_or(0);
        let room = if area.width > hint_width + 30 { area.width - hint_width } else { area.width };
        text::put(buffer, (area.x, y), room, &words, style, look.glyphs.ellipsis);
        if room < area.width {
            text::put(buffer, (area.x + room, y), hint_width, hint, style, look.glyphs.ellipsis);
        }
    }
}
