//! The last line: the keys that work now, or a passing word, or what is being typed.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Modifier,
};

use super::{
    look::Look,
    text::{self, Pieces, line_width, piece, put_line, put_right},
};
use crate::app::{
    action::Action,
    view::{Focus, Screen},
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
        return Some(draw_input(look, buffer, area, &input.text));
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

fn draw_input(look: &Look<'_>, buffer: &mut Buffer, area: Rect, typed: &str) -> Position {
    let view = &look.state.view;
    let in_transcript = view.screen == Screen::Sessions && matches!(view.focus, Focus::Transcript | Focus::Commands);
    let (label, found) = if in_transcript {
        let found = match view.transcript.as_ref().map(|transcript| transcript.match_position()) {
            _ if typed.is_empty() => String::new(),
            Some((Some(at), count)) => format!("{} of {count}", at + 1),
            _ => "no match".to_owned(),
        };
        (" search: ", found)
    } else {
        let found = match view.screen {
            Screen::History => format!("{} of {}", view.history.rows.len(), look.state.history.counts.all),
            _ => format!("{} of {}", view.table.list.rows.len(), view.table.total),
        };
        (" filter: ", found)
    };
    let right: Pieces<'_> =
        vec![piece(found, look.theme.muted), piece("   Enter keeps it, Esc undoes it ", look.theme.muted)];
    let label_width = put_line(
        buffer,
        (area.x, area.y),
        area.width,
        &[piece(label, look.theme.accent.add_modifier(Modifier::BOLD))],
        look.glyphs.ellipsis,
    );
    let room = area.width.saturating_sub(label_width + 1);
    // The end of what is typed stays in sight.
    let typed = look.clean(typed);
    let over = text::width(&typed).saturating_sub(usize::from(room));
    let shown = text::tail(&typed, over);
    let x = area.x + label_width;
    let taken = text::put(buffer, (x, area.y), room, shown, look.theme.text, "");
    let left_over = area.width.saturating_sub(label_width + taken + 3);
    if usize::from(left_over) >= line_width(&right) {
        put_right(buffer, Rect::new(area.right() - left_over, area.y, left_over, 1), &right, look.glyphs.ellipsis);
    }
    Position::new((x + taken).min(area.right() - 1), area.y)
}
