//! Above the line that is typed: what is wrong with it, and what could stand at the cursor.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{
    look::Look,
    text::{self, Pieces, piece, put_line},
};
use crate::app::line_input::LineInput;

/// Rows of the list at most.
const MOST_ROWS: u16 = 8;
/// Cells between the left edge and what is typed, to stand below which it is drawn.
const LEFT: u16 = 8;

/// Draws upwards from the line in `footer`; `place` is the column of what is wrong.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, footer: Rect, input: &LineInput, place: u16) {
    // A quarter of the screen: what is filtered stays in sight.
    let most = (footer.y / 4).min(MOST_ROWS);
    let mut bottom = footer.y;
    if let Some(problem) = &input.problem
        && most > 0
    {
        bottom -= 1;
        let style = match (problem.incomplete, input.refused) {
            (true, false) => look.theme.muted,
            _ => look.theme.danger.add_modifier(Modifier::BOLD),
        };
        let refused = if input.refused { "not yet: " } else { "" };
        let words = format!("{} {refused}{}", "^", look.clean(&problem.message));
        let wide = u16::try_from(text::width(&words)).unwrap_or(u16::MAX).min(footer.width.saturating_sub(2));
        let x = place.min(footer.right().saturating_sub(wide + 2)).max(footer.x);
        text::clear(buffer, Rect::new(x, bottom, (wide + 2).min(footer.right() - x), 1), look.theme.base);
        text::put(buffer, (x, bottom), wide, &words, style, look.glyphs.ellipsis);
    }
    list(look, buffer, Rect { height: bottom, y: 0, ..footer }, most, input);
}

fn list(look: &Look<'_>, buffer: &mut Buffer, above: Rect, most: u16, input: &LineInput) {
    let offer = &input.offer;
    let all = offer.candidates.len();
    let rows = usize::from(most).min(all);
    let x = above.x + LEFT.min(above.width / 4);
    let room = above.right().saturating_sub(x + 1);
    if rows == 0 || room < 12 {
        return;
    }
    // The chosen one is in sight; where not all are, the last row says how many there are.
    let counts = all > rows;
    let listed = if counts { rows.saturating_sub(1).max(1) } else { rows };
    let first = offer.chosen.map_or(0, |chosen| (chosen + 1).saturating_sub(listed));
    let shown = || offer.candidates.iter().enumerate().skip(first).take(listed);
    let name = shown().map(|(_, candidate)| text::width(&look.clean(&candidate.insert))).max().unwrap_or(0);
    let name = name.min(usize::from(room) * 3 / 5).max(6);
    let mut lines: Vec<(Pieces<'_>, bool)> = shown()
        .map(|(index, candidate)| {
            let insert = look.clean(&candidate.insert);
            let insert = text::fit_middle(&insert, name, look.glyphs.ellipsis).into_owned();
            let gap = " ".repeat(name.saturating_sub(text::width(&insert)) + 2);
            let chosen = offer.chosen == Some(index);
            let mark = if chosen { look.glyphs.selected } else { " " };
            let line = vec![
                piece(format!("{mark} "), look.theme.accent),
                piece(insert, look.theme.text),
                piece(gap, look.theme.text),
                piece(look.clean(&candidate.about).into_owned(), look.theme.muted),
            ];
            (line, chosen)
        })
        .collect();
    if counts && rows > 1 {
        let at = offer.chosen.map_or(String::new(), |chosen| format!("{} of ", chosen + 1));
        lines.push((vec![piece(format!("  {at}{all}, Tab chooses"), look.theme.muted)], false));
    }
    let wide = lines.iter().map(|(line, _)| text::line_width(line)).max().unwrap_or(0) + 1;
    let wide = u16::try_from(wide).unwrap_or(u16::MAX).min(room);
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let area = Rect::new(x.saturating_sub(1), above.bottom().saturating_sub(height), wide + 2, height);
    text::clear(buffer, area.intersection(above), look.theme.base);
    for ((line, chosen), y) in lines.iter().zip(area.y..above.bottom()) {
        if let Some(cell) = buffer.cell_mut((area.x, y)) {
            cell.set_symbol(look.glyphs.border.vertical_left).set_style(look.theme.border_focused);
        }
        put_line(buffer, (x, y), wide, line, look.glyphs.ellipsis);
        if *chosen {
            buffer.set_style(Rect::new(x, y, wide, 1), look.theme.selection);
        }
    }
}
