//! The last line: the keys that work now, or a passing word, or what is being typed.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Modifier,
};

use super::{
    look::Look,
    text::{self, Piece, Pieces, line_width, piece, put_line, put_right},
};
use crate::app::{
    action::Action,
    view::{LineInput, Screen},
};

/// The action that shows a screen.
pub(super) fn action_of(screen: Screen) -> Action {
    match screen {
        Screen::Sessions => Action::Sessions,
        Screen::Alerts => Action::Alerts,
        Screen::Preferences => Action::Preferences,
        Screen::History => Action::History,
        Screen::Scopes => Action::Scopes,
        Screen::Acts => Action::Acts,
    }
}

/// Draws the footer; where the cursor stands if something is being typed.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) -> Option<Position> {
    if area.height == 0 || area.width == 0 {
        return None;
    }
    let view = &look.state.view;
    if let Some(dialog) = &view.dialog {
        let mut keys = super::dialog::keys(look, dialog);
        keys.insert(0, piece(" ", look.theme.text));
        put_line(buffer, (area.x, area.y), area.width, &keys, look.glyphs.ellipsis);
        return None;
    }
    if let Some(input) = &view.input {
        return Some(draw_input(look, buffer, area, input));
    }
    if let Some(notice) = &view.notice {
        let style = if notice.bad { look.theme.danger } else { look.theme.ok };
        let glyph = if notice.bad { look.glyphs.non_compliant } else { look.glyphs.compliant };
        let words = format!(" {glyph} {}", look.clean(&notice.text));
        text::put(
            buffer,
            (area.x, area.y),
            area.width,
            &words,
            style.add_modifier(Modifier::BOLD),
            look.glyphs.ellipsis,
        );
        return None;
    }
    super::hints::draw(look, buffer, area);
    None
}

/// Cells that what is typed has at least before the count stands beside it.
const LEAST_ROOM: u16 = 16;

fn draw_input(look: &Look<'_>, buffer: &mut Buffer, area: Rect, input: &LineInput) -> Position {
    let view = &look.state.view;
    let theme = look.theme;
    let (label, found) = if input.is_filter {
        let filtered = &look.state.filtered;
        let (shown, all, not_known) = match view.screen {
            Screen::History => (view.history.rows.len(), look.state.history.counts.all, filtered.history),
            _ => (view.table.list.rows.len(), view.table.total, filtered.sessions),
        };
        (" filter: ", format!("{shown} of {all}{}", not_known.words()))
    } else {
        let found = match view.transcript.as_ref().map(|transcript| transcript.match_position()) {
            _ if input.text.is_empty() => String::new(),
            Some((Some(at), count)) => format!("{} of {count}", at + 1),
            _ => "no match".to_owned(),
        };
        (" search: ", found)
    };
    let bold = theme.accent.add_modifier(Modifier::BOLD);
    let label_width = put_line(buffer, (area.x, area.y), area.width, &[piece(label, bold)], look.glyphs.ellipsis);
    let keys = "   Enter keeps it, Esc undoes it";
    let right: Pieces<'_> = vec![piece(found.clone(), theme.muted), piece(keys, theme.muted), piece(" ", theme.muted)];
    let count: Pieces<'_> = vec![piece(found, theme.muted), piece(" ", theme.muted)];
    let typed = u16::try_from(text::width(&look.clean(&input.text))).unwrap_or(u16::MAX);
    // The keys give way to what is typed, and the count only where there is next to no room.
    let wide = |line: &[Piece<'_>]| u16::try_from(line_width(line)).unwrap_or(u16::MAX).saturating_add(2);
    let beside = |line: &[Piece<'_>]| (area.width.saturating_sub(label_width)).saturating_sub(wide(line));
    let line = match (beside(&right) > typed, beside(&count) >= LEAST_ROOM) {
        (true, _) => &right,
        (false, true) => &count,
        (false, false) => &Vec::new(),
    };
    let room = if line.is_empty() { area.width.saturating_sub(label_width + 1) } else { beside(line) };
    put_right(buffer, area, line, look.glyphs.ellipsis);
    let x = area.x + label_width;
    let (cursor, place) = draw_typed(look, buffer, Rect::new(x, area.y, room, 1), input);
    super::completion::draw(look, buffer, area, input, place);
    Position::new(cursor.min(area.right() - 1), area.y)
}

/// Draws what is typed so that the cursor is in sight; the columns of the cursor and of what is wrong.
fn draw_typed(look: &Look<'_>, buffer: &mut Buffer, area: Rect, input: &LineInput) -> (u16, u16) {
    let theme = look.theme;
    let wrong = match &input.problem {
        Some(problem) => problem.range.clone(),
        None => input.text.len()..input.text.len(),
    };
    let style = match &input.problem {
        Some(problem) if problem.incomplete && !input.refused => theme.muted,
        _ => theme.danger,
    };
    let part = |range: std::ops::Range<usize>| look.clean(input.text.get(range).unwrap_or_default());
    let parts = [
        (part(0..wrong.start), theme.text),
        (part(wrong.clone()), style.add_modifier(Modifier::UNDERLINED)),
        (part(wrong.end..input.text.len()), theme.text),
    ];
    let before = text::width(&look.clean(input.halves().0));
    let all: usize = parts.iter().map(|(words, _)| text::width(words)).sum();
    let room = usize::from(area.width).max(1);
    // Some cells behind the cursor stay in sight, and one for the cursor itself.
    let scrolled = (before + (all.saturating_sub(before)).min(4)).saturating_sub(room - 1);
    let (mut skip, mut x) = (scrolled, area.x);
    for (words, style) in &parts {
        let wide = text::width(words);
        if skip >= wide {
            skip -= wide;
            continue;
        }
        let shown = text::tail(words, skip);
        // A wide character that the edge would halve leaves its cell empty.
        x += u16::try_from((wide - skip).saturating_sub(text::width(shown))).unwrap_or(0);
        skip = 0;
        x += text::put(buffer, (x, area.y), area.right().saturating_sub(x), shown, *style, "");
    }
    let column =
        |cells: usize| area.x + u16::try_from(cells.saturating_sub(scrolled)).unwrap_or(u16::MAX).min(area.width);
    (column(before), column(text::width(&part(0..wrong.start))))
}
