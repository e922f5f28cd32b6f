//! Sessions that ended within the last hour.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    columns::{self, Column, Row},
    detail::Sheet,
    look::Look,
    text::{self, counted, piece},
};
use crate::{
    app::board::{Phase, SessionBoard},
    domain::{Fact, SessionKey, SessionStatus, SessionType, Verdict, Why},
};

/// Draws the list.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let list = &look.state.view.history;
    let theme = look.theme;
    let counts = &look.state.counts;
    let filter = &look.state.view.table.filter;
    let mut title = vec![
        piece("History ", theme.title),
        piece(format!("{} ended within the last hour", counted(counts.ended, "session", "sessions")), theme.text),
    ];
    if !filter.is_empty() {
        title.push(piece(format!("  {} shown, filter ", list.rows.len()), theme.muted));
        title.push(piece(look.clean(filter), theme.match_));
    }
    let bad = counts.ended_non_compliant;
    if bad > 0 {
        title.push(piece(format!("  {bad} non-compliant"), theme.danger));
    }
    let inner = look.pane(buffer, area, &title, &[], true);
    if inner.height == 0 {
        return;
    }
    if list.rows.is_empty() {
        let words = if counts.ended > 0 {
            (format!("filter matches nothing: \"{}\"", look.clean(filter)), theme.title)
        } else if counts.fresh == counts.scopes {
            ("no session ended within the last hour".to_owned(), theme.muted)
        } else {
            let unread = counted(counts.scopes - counts.fresh, "scope is", "scopes are");
            (format!("nothing to show, and {unread} not read"), theme.warning)
        };
        return look.centered(buffer, inner, &[words]);
    }
    let visible = usize::from(inner.height.saturating_sub(1));
    let mut columns = vec![
        Column::new("", 2, 2, 0),
        Column::new("VERDICT", 13, 17, 0),
        Column::number("ENDED", 6, 8, 0),
        Column::new("HOW", 10, 16, 5),
        Column::number("LASTED", 6, 7, 6),
        Column::new("ACCOUNT", 8, 24, 2).middle(),
        Column::new("REGION", 9, 16, 8).middle(),
        Column::new("NODE", 12, 32, 0).middle(),
        Column::new("OWNER", 14, 40, 0),
        Column::new("DOCUMENT", 10, 34, 4).documents(),
        Column::new("ARCHIVE", 11, 22, 3),
        Column::new("REASON", 16, 60, 9),
    ];
    let shown = || list.rows.iter().skip(list.offset).take(visible);
    let typed = |key: &SessionKey| super::detections::cell(look, look.state.board.sessions.get(key)?);
    let detections = shown().any(|key| typed(key).is_some());
    if detections {
        columns.insert(2, Column::new("DETECTED", 8, 12, 0));
    }
    let rows: Vec<Row<'_>> = shown().filter_map(|key| row(look, key, detections)).collect();
    columns::draw(buffer, inner, &columns, &rows, &look.dress(false));
    let position = look.position(list.offset, visible, list.rows.len());
    look.on_frame(buffer, area, area.bottom() - 1, &[], &position);
}

fn row<'a>(look: &'a Look<'a>, key: &'a SessionKey, detections: bool) -> Option<Row<'a>> {
    let session = look.state.board.sessions.get(key)?;
    let Phase::Ended { how, at } = &session.phase else { return None };
    let theme = look.theme;
    let record = &session.session;
    let (mark, word, style) = look.verdict(session);
    let word = if session.judgement.verdict == Some(Verdict::InsufficientData) { "INSUFFICIENT" } else { word };
    let lasted = record.started_at.map_or("?".to_owned(), |started| text::age(at.duration_since(started)));
    let node = look.node_name(session).unwrap_or_else(|| look.clean(record.target.as_str()));
    let (archive, archive_style) = archive(look, session);
    let mut cells = vec![
        vec![piece(mark, style)],
        vec![piece(word, style)],
        vec![piece(look.ago(*at), theme.text)],
        vec![piece(look.clean(how), theme.muted)],
        vec![piece(lasted, theme.text)],
        vec![piece(look.account(&key.scope), theme.text)],
        vec![piece(look.clean(key.scope.region.as_str()), theme.muted)],
        vec![piece(node, theme.text)],
        vec![piece(look.owner(&record.owner), theme.text)],
        vec![piece(look.clean(record.document_name()), theme.muted)],
        // Why stands in the details.
        vec![piece(archive.split(':').next().unwrap_or_default().to_owned(), archive_style)],
        vec![piece(look.clean(record.reason.as_deref().unwrap_or_default()), theme.muted)],
    ];
    if detections {
        let cell = super::detections::cell(look, session).map(|(words, style)| vec![piece(words, style)]);
        cells.insert(2, cell.unwrap_or_default());
    }
    Some(Row::new(cells, (look.state.view.history.selected.as_ref() == Some(key)).then_some(theme.selection)))
}

/// Whether the session's log was archived, as far as it is known; a session that has no log has no archive either.
pub(super) fn archive(look: &Look<'_>, session: &SessionBoard) -> (String, Style) {
    let theme = look.theme;
    if is_tunnel(look, session) && session.archive.value().is_none_or(Option::is_none) {
        return (format!("{} never: tunnels have no log", look.glyphs.not_applicable), theme.muted);
    }
    if session.session.status == SessionStatus::Failed && session.archive.value().is_none_or(Option::is_none) {
        return (format!("{} none: it never began", look.glyphs.not_applicable), theme.muted);
    }
    match &session.archive {
        Fact::Known { value: Some(object), .. } => (format!("{} {} B", look.glyphs.compliant, object.size), theme.ok),
        Fact::Known { value: None, .. } => (format!("{} not there", look.glyphs.non_compliant), theme.warning),
        Fact::Missing(missing) => match &missing.why {
            Why::NotRead => (format!("{} not read", look.glyphs.loading), theme.muted),
            Why::Pending(_) => (format!("{} pending", look.glyphs.loading), theme.muted),
            Why::Failed(failure) => {
                (format!("{} {}", look.glyphs.insufficient, failure.class.word()), theme.insufficient)
            }
            Why::Stale(_) => (format!("{} stale", look.glyphs.insufficient), theme.insufficient),
            Why::DependsOn(_) | Why::Undecidable(_) => {
                (format!("{} unknown", look.glyphs.insufficient), theme.insufficient)
            }
        },
    }
}

/// Whether the session forwarded ports: its document says so, or is one of AWS's own that do.
fn is_tunnel(look: &Look<'_>, session: &SessionBoard) -> bool {
    let name = session.session.document_name();
    let scope = look.state.board.scopes.get(&session.session.key.scope);
    match scope.and_then(|scope| scope.documents.get(name)?.value()?.as_ref()) {
        Some(document) => document.session_type == SessionType::Port,
        None => name.starts_with("AWS-StartPortForwardingSession") || name == "AWS-StartSSHSession",
    }
}

/// The selected session in full.
pub(super) fn draw_detail(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let selected = look.state.view.history.selected.as_ref().and_then(|key| look.state.board.sessions.get(key));
    let Some(session) = selected else {
        look.pane(buffer, area, &[], &[], false);
        return;
    };
    let title = [piece(look.clean(session.session.key.id.as_str()), theme.title)];
    let inner = look.pane(buffer, area, &title, &[], false);
    if inner.width < 3 {
        return;
    }
    let text_area = Rect::new(inner.x + 1, inner.y, inner.width - 2, inner.height);
    let mut sheet = Sheet { look, cells: usize::from(text_area.width), lines: Vec::new() };
    sheet.session(session);
    look.lines(buffer, text_area, &sheet.lines);
    let more = sheet.lines.len().saturating_sub(usize::from(inner.height));
    if more > 0 {
        let key = look.state.setup.keymap.word(crate::app::action::Action::Open);
        let words = [piece(format!("{} more, {key} opens all", counted(more, "line", "lines")), theme.muted)];
        look.on_frame(buffer, area, area.bottom() - 1, &[], &words);
    }
}
