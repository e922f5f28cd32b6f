//! The dialog on top of everything: what will be done, to which session, and why.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    widgets::Widget,
};
use tui_textarea::WrapMode;

use super::{
    detail::Sheet,
    look::Look,
    text::{self, Pieces, piece},
};
use crate::{
    app::dialog::{Dialog, Step},
    domain::{ActKind, SessionKey, Subject},
};

/// Wider than this the lines are hard to read.
const WIDEST: u16 = 84;
/// Lines of the reason field where there is room.
const REASON_LINES: u16 = 3;

/// Draws the dialog in the middle of `area`, never larger than it.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect, dialog: &Dialog) {
    let theme = look.theme;
    let width = area.width.saturating_sub(2).min(WIDEST).max(area.width.min(38));
    let inner_width = usize::from(width.saturating_sub(4));
    let (title, border) = match dialog.kind {
        ActKind::Terminate => ("Terminate session", theme.danger),
        _ => ("Raise an alert", theme.accent),
    };
    let Some(session) = dialog.subject().and_then(Subject::session) else { return };
    let context = context(look, session, inner_width);
    let question = question(look, dialog, inner_width);
    let complaint = complaint(look, dialog, inner_width);
    let keys = keys(look, dialog);
    let field = if dialog.step == Step::Reason { REASON_LINES + 1 } else { 0 };
    let count = |lines: &[Pieces<'_>]| u16::try_from(lines.len()).unwrap_or(u16::MAX);
    // Two lines of frame and the line of keys; the context is the first to go where there is no room.
    let needed = 3 + count(&question) + count(&complaint) + field;
    let context_room = area.height.saturating_sub(needed + 1).min(count(&context));
    let air = u16::from(context_room > 0);
    let last_air = u16::from(dialog.step != Step::Reason && area.height > needed + context_room + air);
    let height = (needed + context_room + air + last_air).min(area.height);
    let place = Rect::new(
        area.x + area.width.saturating_sub(width) / 2,
        area.y + area.height.saturating_sub(height) / 2,
        width,
        height,
    );
    text::clear(buffer, place, theme.base);
    let framed = super::theme::Theme { border_focused: border, ..theme.clone() };
    let frame_look = Look { theme: &framed, ..*look };
    let inner = frame_look.pane(buffer, place, &[piece(title, border.add_modifier(Modifier::BOLD))], &[], true);
    if inner.width < 3 || inner.height == 0 {
        return;
    }
    let (left, room) = (inner.x + 1, inner.width - 2);
    let mut y = inner.y;
    let bottom = inner.bottom() - 1;
    let part = |top: u16, lines: u16| Rect::new(left, top, room, lines.min(bottom.saturating_sub(top)));
    look.lines(buffer, part(y, context_room), &context);
    y += context_room + air;
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

/// Who, where, what: of the session that the dialog was opened on, wherever the selection is now.
fn context(look: &Look<'_>, key: &SessionKey, cells: usize) -> Vec<Pieces<'static>> {
    let theme = look.theme;
    let mut sheet = Sheet { look, cells, lines: Vec::new() };
    sheet.field("session", &look.clean(key.id.as_str()), theme.title);
    match look.state.board.sessions.get(key) {
        Some(session) => {
            let (mark, word, style) = look.verdict(session);
            let worst = session.judgement.findings.first();
            let why = worst.map_or(String::new(), |finding| {
                format!(": {} {}", look.clean(finding.rule.as_str()), look.clean(&finding.title))
            });
            sheet.field("verdict", &format!("{mark} {word}{why}"), style);
            sheet.field("who", &look.owner(&session.session.owner), theme.text);
            sheet.field("node", &look.node(session), theme.text);
            sheet.field("where", &look.place(&key.scope), theme.text);
            let (status, _) = look.status(session);
            sheet.field("document", &format!("{}, {status}", look.clean(session.session.document_name())), theme.text);
        }
        None => {
            sheet.field("where", &look.place(&key.scope), theme.text);
            sheet.words(Vec::new(), 0, "this session is no longer known here", theme.warning);
        }
    }
    sheet.lines
}

/// What is asked, or exactly what will be done.
fn question(look: &Look<'_>, dialog: &Dialog, cells: usize) -> Vec<Pieces<'static>> {
    let theme = look.theme;
    let mut sheet = Sheet { look, cells, lines: Vec::new() };
    let Some(session) = dialog.subject().and_then(Subject::session) else { return sheet.lines };
    match (dialog.step, dialog.kind) {
        (Step::Reason, ActKind::Terminate) => sheet.words(Vec::new(), 0, "Why is it ended?", theme.title),
        (Step::Reason, _) => {
            for (name, target) in destinations(look, session) {
                sheet.field(name, &target, theme.muted);
            }
            sheet.words(Vec::new(), 0, "Why is this an alert?", theme.title);
        }
        (Step::Confirm(_) | Step::Name, _) => {
            let what = format!(
                "will call ssm:TerminateSession for {} in {}",
                look.clean(session.id.as_str()),
                look.place(&session.scope)
            );
            sheet.words(Vec::new(), 0, &what, theme.danger);
            let reason = dialog.reason_text();
            let because = text::fit(&look.clean(&reason), cells.saturating_sub(9), look.glyphs.ellipsis).into_owned();
            sheet.line(vec![piece("because: ", theme.muted), piece(because, theme.text)]);
        }
    }
    sheet.lines
}

/// Where an alert goes, with names filled in.
fn destinations(look: &Look<'_>, key: &SessionKey) -> Vec<(&'static str, String)> {
    let setup = &look.state.setup;
    let scope = &key.scope;
    let filled = |template: &str| {
        let text = template.replace("{region}", scope.region.as_str()).replace("{account}", scope.account.as_str());
        look.clean(&text).into_owned()
    };
    let mut all = Vec::new();
    if let Some(topic) = &setup.member_topic {
        all.push(("member", filled(topic)));
    }
    if let Some(topic) = &setup.central_topic {
        all.push(("central", filled(topic)));
    }
    all.push(("metrics", look.clean(&setup.metric_namespace).into_owned()));
    all
}

fn complaint(look: &Look<'_>, dialog: &Dialog, cells: usize) -> Vec<Pieces<'static>> {
    let mut sheet = Sheet { look, cells, lines: Vec::new() };
    if let Some(complaint) = dialog.complaint {
        let style = look.theme.warning.add_modifier(Modifier::BOLD);
        sheet.words(vec![piece(format!("{} ", look.glyphs.blind), style)], 2, complaint, style);
    }
    sheet.lines
}

pub(super) fn keys(look: &Look<'_>, dialog: &Dialog) -> Pieces<'static> {
    let theme = look.theme;
    let key = |name: &'static str, style: Style| piece(name, style.add_modifier(Modifier::BOLD));
    let word = |words: &'static str| piece(words, theme.muted);
    match (dialog.step, dialog.kind) {
        (Step::Confirm(_) | Step::Name, _) => {
            vec![key("y", theme.danger), word(" does it, "), key("Esc", theme.accent), word(" cancels")]
        }
        (Step::Reason, kind) => {
            let goes_on = if kind == ActKind::Alert { " sends it, " } else { " goes on, " };
            vec![
                key("Enter", theme.accent),
                word(goes_on),
                key("Esc", theme.accent),
                word(" cancels, "),
                key("Alt-Enter", theme.accent),
                word(" new line"),
            ]
        }
    }
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
        ActKind::Terminate => "ticket and reason, for the record",
        _ => "what whoever is called should know",
    });
    widget.set_placeholder_style(field.patch(theme.muted));
    (&widget).render(area, buffer);
}
