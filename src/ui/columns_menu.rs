//! The list of the table's columns. It stands at the lower right, so that the table's headings stay in sight.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{
    look::Look,
    text::{self, Pieces, piece, put_line},
};
use crate::app::{
    columns::{ColumnsMenu, TableSetup},
    layout::Areas,
};

/// Wider than this nothing has to be.
const WIDEST: u16 = 72;
/// Cells of the longest name.
const NAME: usize = 11;
/// Lines that the list has at least, before there are any at the foot.
const LEAST: u16 = 3;

/// Draws the list.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect, menu: &ColumnsMenu) {
    let (theme, view) = (look.theme, &look.state.view);
    let areas = Areas::of(area.width, area.height, view);
    let top = areas.and_then(|areas| areas.table).map_or(0, |table| table.y.saturating_add(2));
    let bottom = areas.map_or(area.bottom(), |areas| areas.footer.y).min(area.bottom());
    let set = &view.table.columns;
    let all = set.all();
    let width = area.width.min(WIDEST);
    let line = TableSetup::of(&view.table).to_toml();
    let inside = usize::from(width.saturating_sub(4));
    let keys =
        ["Space show or hide  J K move  + - 0 width", "s sort  r as in the config  y copy this line  Esc close:"];
    let mut foot: Vec<(String, ratatui::style::Style)> =
        keys.iter().map(|words| ((*words).to_owned(), theme.muted)).collect();
    foot.extend(text::wrap(&line, inside).into_iter().map(|line| (line, theme.text)));
    let foot_lines = u16::try_from(foot.len()).unwrap_or(u16::MAX);
    let rows = u16::try_from(all.len()).unwrap_or(u16::MAX);
    let height = rows.saturating_add(foot_lines).saturating_add(2).min(bottom.saturating_sub(top));
    let place = Rect::new(area.right().saturating_sub(width), bottom.saturating_sub(height), width, height);
    text::clear(buffer, place, theme.base);
    let count = [piece(format!("{} of {} shown", set.shown().len(), all.len()), theme.muted)];
    let inner = look.pane(buffer, place, &[piece("Columns", theme.title)], &count, true);
    if inner.width < 3 || inner.height == 0 {
        return;
    }
    let foot_lines = foot_lines.min(inner.height.saturating_sub(LEAST));
    let list = Rect { height: inner.height - foot_lines, ..inner };
    let at = all.iter().position(|id| *id == menu.selected).unwrap_or(0);
    let visible = usize::from(list.height);
    let first = (at + 1).saturating_sub(visible);
    for ((index, id), y) in all.iter().enumerate().skip(first).zip(list.top()..list.bottom()) {
        let info = id.info();
        let shown = set.has(*id);
        let style = if shown { theme.text } else { theme.muted };
        let width = match (shown, set.width(*id)) {
            (false, _) => String::new(),
            (true, None) => "auto".to_owned(),
            (true, Some(width)) => width.to_string(),
        };
        let sorted = match info.sort {
            Some(by) if by == view.table.sort => look.dress(view.table.reverse).marker,
            _ => " ",
        };
        let row: Pieces<'_> = vec![
            piece(if shown { " [x] " } else { " [ ] " }, theme.accent),
            piece(format!("{:<NAME$} ", info.name), style),
            piece(format!("{sorted} "), theme.accent.add_modifier(Modifier::BOLD)),
            piece(format!("{width:>4}  "), theme.accent),
            piece(info.what, theme.muted),
        ];
        put_line(buffer, (list.x, y), list.width, &row, look.glyphs.ellipsis);
        if index == at {
            buffer.set_style(Rect::new(list.x, y, list.width, 1), theme.selection);
        }
    }
    for ((words, style), y) in foot.iter().zip(list.bottom()..inner.bottom()) {
        text::put(buffer, (inner.x + 1, y), inner.width.saturating_sub(2), words, *style, look.glyphs.ellipsis);
    }
    let below = look.position(first, visible, all.len());
    look.on_frame(buffer, place, place.bottom() - 1, &[], &below);
}
