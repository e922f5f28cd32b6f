//! The dialog on top of everything: its frame, its fields, its keys. What it says is in `question`.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    widgets::Widget,
};
use tui_textarea::WrapMode;

use super::{
    look::Look,
    question::{self, Part},
    text::{self, Pieces, piece},
};
use crate::{
    app::dialog::{Dialog, Planned, Step},
    domain::ActKind,
};

/// Wider than this the lines are hard to read …
const WIDEST: u16 = 84;
/// … but for lists, and for what is written word by word.
const WIDEST_LIST: u16 = 120;
/// Lines of the reason field where there is room.
const REASON_LINES: u16 = 3;

/// Draws the dialog in the middle of `area`, never larger than it.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect, dialog: &Dialog) {
    let theme = look.theme;
    let listed = dialog.subjects.len() > 1 || matches!(dialog.plan, Planned::Ready(_));
    let widest = if listed { WIDEST_LIST } else { WIDEST };
    let width = area.width.saturating_sub(2).min(widest).max(area.width.min(38));
    let cells = usize::from(width.saturating_sub(4));
    let border = match dialog.kind {
        ActKind::Terminate | ActKind::Quarantine => theme.danger,
        _ => theme.accent,
    };
    let question = question::asked(look, dialog, cells);
    let complaint = question::complaint(look, dialog, cells);
    let keys = keys(look, dialog);
    let field = if dialog.step == Step::Reason { REASON_LINES + 1 } else { 0 };
    // Two lines of frame and the line of keys; what is around the question has what is left, the most important first.
    let needed = 3 + count(&question) + count(&complaint) + field;
    let around = fit(question::around(look, dialog, cells), area.height.saturating_sub(needed), look, (dialog, cells));
    let around_height = around.iter().map(|part| count(part) + 1).sum::<u16>();
    let last_air = u16::from(dialog.step != Step::Reason && area.height > needed + around_height);
    let height = (needed + around_height + last_air).min(area.height);
    let place = text::middle(area, width, height);
    text::clear(buffer, place, theme.base);
    let framed = super::theme::Theme { border_focused: border, ..theme.clone() };
    let frame_look = Look { theme: &framed, ..*look };
    let title = [piece(question::title(dialog), border.add_modifier(Modifier::BOLD))];
    let inner = frame_look.pane(buffer, place, &title, &[], true);
    if inner.width < 3 || inner.height == 0 {
        return;
    }
    let (left, room) = (inner.x + 1, inner.width - 2);
    let mut y = inner.y;
    let bottom = inner.bottom() - 1;
    let part = |top: u16, lines: u16| Rect::new(left, top, room, lines.min(bottom.saturating_sub(top)));
    for lines in &around {
        look.lines(buffer, part(y, count(lines)), lines);
        y = y.saturating_add(count(lines) + 1);
    }
    look.lines(buffer, part(y, count(&question)), &question);
    y = y.saturating_add(count(&question));
    if dialog.step == Step::Reason {
        let lines = (bottom.saturating_sub(y + count(&complaint))).clamp(1, REASON_LINES + 1);
        reason(look, buffer, part(y, lines), dialog);
        y = y.saturating_add(lines);
    }
    let complaint_top = y.min(bottom.saturating_sub(count(&complaint)));
    look.lines(buffer, part(complaint_top, count(&complaint)), &complaint);
    look.lines(buffer, Rect::new(left, bottom, room, 1), &[keys]);
}

fn count(lines: &[Pieces<'_>]) -> u16 {
    u16::try_from(lines.len()).unwrap_or(u16::MAX)
}

/// The parts that fit into so many lines, each with a line of air below it, in the order in which they are read.
fn fit(parts: Vec<Part>, lines: u16, look: &Look<'_>, (dialog, cells): (&Dialog, usize)) -> Vec<Vec<Pieces<'static>>> {
    let mut by_rank: Vec<usize> = (0..parts.len()).collect();
    by_rank.sort_by_key(|index| parts.get(*index).map_or(0, |part| part.rank));
    let mut left = usize::from(lines);
    let mut given = vec![0; parts.len()];
    for index in by_rank {
        let (Some(part), Some(given)) = (parts.get(index), given.get_mut(index)) else { continue };
        let wanted = part.lines.len();
        // A line of air goes with it; half a part is none but of a list, which says what it left out.
        let room = left.saturating_sub(1);
        *given = if wanted <= room || part.cuts { wanted.min(room) } else { 0 };
        if *given > 0 {
            left -= *given + 1;
        }
    }
    parts
        .into_iter()
        .zip(given)
        .filter(|(_, given)| *given > 0)
        .map(|(part, given)| part.cut(given, look, cells, dialog.top))
        .collect()
}

/// The keys that work in this step.
pub(super) fn keys(look: &Look<'_>, dialog: &Dialog) -> Pieces<'static> {
    let theme = look.theme;
    let key = |name: &'static str, style: Style| piece(name, style.add_modifier(Modifier::BOLD));
    let word = |words: &'static str| piece(words, theme.muted);
    let cancels = [key("Esc", theme.accent), word(" cancels")];
    let mut line = match (dialog.step, dialog.kind) {
        (Step::Confirm(_), _) => vec![key("y", theme.danger), word(" does it, ")],
        (Step::Name, _) => vec![key("Enter", theme.accent), word(" goes on, ")],
        (Step::Reason, _) if matches!(dialog.plan, Planned::Refused(..)) => Vec::new(),
        (Step::Reason, kind) => {
            let goes_on = match kind {
                ActKind::Alert => " sends it, ",
                ActKind::Suppress => " suppresses it, ",
                _ => " goes on, ",
            };
            let mut line = vec![key("Enter", theme.accent), word(goes_on)];
            if kind == ActKind::Suppress {
                line.extend([key("Tab", theme.accent), word(" for how long, ")]);
            }
            line
        }
    };
    line.extend(cancels);
    if dialog.step == Step::Reason && !matches!(dialog.plan, Planned::Refused(..)) {
        line.extend([word(", "), key("Alt-Enter", theme.accent), word(" new line")]);
    }
    line
}

/// The reason field. The widget is copied to dress it: what it holds belongs to the State.
fn reason(look: &Look<'_>, buffer: &mut Buffer, area: Rect, dialog: &Dialog) {
    if area.width == 0 || area.height == 0 {
        return;
    }
    let theme = look.theme;
    let field = theme.base.patch(theme.selection).remove_modifier(Modifier::BOLD);
    text::clear(buffer, area, field);
    let mut widget = dialog.reason.clone();
    widget.set_style(field.patch(theme.text));
    widget.set_cursor_line_style(Style::default());
    widget.set_cursor_style(Style::default().add_modifier(Modifier::REVERSED));
    widget.set_wrap_mode(WrapMode::WordOrGlyph);
    widget.set_placeholder_text(match dialog.kind {
        ActKind::Alert => "what whoever is called should know",
        ActKind::Suppress => "why nobody needs to hear of it, for the record",
        _ => "ticket and reason, for the record",
    });
    widget.set_placeholder_style(field.patch(theme.muted));
    (&widget).render(area, buffer);
}
