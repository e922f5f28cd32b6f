//! Session Manager preferences, scope by scope: where sessions are logged, and when they end by themselves.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    columns::{self, Column, Row},
    detail::{self, Sheet},
    look::Look,
    text::{Pieces, piece},
};
use crate::domain::{Fact, Preferences, ScopeId, Session, SessionDocument};

/// Draws the list.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let list = &look.state.view.preferences;
    let theme = look.theme;
    let title = [piece("Preferences ", theme.title), piece(Session::DEFAULT_DOCUMENT, theme.muted)];
    let inner = look.pane(buffer, area, &title, &[], true);
    if inner.height == 0 {
        return;
    }
    if list.rows.is_empty() {
        return look.centered(buffer, inner, &[("no account and region is configured".to_owned(), theme.danger)]);
    }
    let visible = usize::from(inner.height.saturating_sub(1));
    let columns = [
        Column::new("ACCOUNT", 8, 24, 0).middle(),
        Column::new("REGION", 9, 16, 0).middle(),
        Column::new("STREAMING", 9, 9, 0),
        Column::new("LOG GROUP", 12, 40, 0),
        Column::new("BUCKET", 10, 50, 3),
        Column::new("PREFIX", 6, 24, 6),
        Column::number("IDLE", 6, 8, 4),
        Column::number("MAX", 6, 9, 5),
        Column::number("READ", 5, 6, 7),
    ];
    let rows: Vec<Row<'_>> = list
        .rows
        .iter()
        .skip(list.offset)
        .take(visible)
        .map(|id| Row { cells: cells(look, id), over: (list.selected.as_ref() == Some(id)).then_some(theme.selection) })
        .collect();
    columns::draw(buffer, inner, &columns, &rows, &look.dress(false));
    let position = look.position(list.offset, visible, list.rows.len());
    look.on_frame(buffer, area, area.bottom() - 1, &[], &position);
}

fn cells<'a>(look: &'a Look<'a>, id: &'a ScopeId) -> Vec<Pieces<'a>> {
    let theme = look.theme;
    let account = vec![piece(look.account(id), theme.text)];
    let region = vec![piece(look.clean(id.region.as_str()), theme.text)];
    static NOT_READ: Fact<Option<SessionDocument>> = Fact::not_read();
    let fact = look.state.board.scopes.get(id).map_or(&NOT_READ, |scope| &scope.preferences);
    match fact {
        Fact::Known { value: Some(document), at, .. } => {
            let mut cells = vec![account, region];
            cells.extend(inputs(look, &document.inputs));
            cells.push(vec![piece(look.ago(*at), theme.muted)]);
            cells
        }
        Fact::Known { value: None, .. } => {
            let words = "none: sessions are neither logged nor ended when idle too long";
            vec![
                account,
                region,
                vec![piece(look.glyphs.not_applicable, theme.warning)],
                vec![piece(words, theme.warning)],
            ]
        }
        Fact::Missing(missing) => {
            let words = detail::why(look, missing);
            vec![
                account,
                region,
                vec![piece(look.glyphs.insufficient, theme.insufficient)],
                vec![piece(words, theme.insufficient)],
            ]
        }
    }
}

fn inputs<'a>(look: &Look<'a>, inputs: &'a Preferences) -> Vec<Pieces<'a>> {
    let (theme, glyphs) = (look.theme, look.glyphs);
    let or_none = |value: &'a str| {
        if value.is_empty() { vec![piece("none", theme.warning)] } else { vec![piece(look.clean(value), theme.text)] }
    };
    let minutes = |value: Option<u32>| match value {
        Some(minutes) => vec![piece(format!("{minutes} min"), theme.text)],
        None => vec![piece(glyphs.not_applicable, theme.muted)],
    };
    let streaming = if inputs.streaming {
        piece(format!("{} on", glyphs.compliant), theme.ok)
    } else {
        piece(format!("{} off", glyphs.non_compliant), theme.warning)
    };
    vec![
        vec![streaming],
        or_none(&inputs.log_group),
        or_none(&inputs.s3_bucket),
        vec![piece(look.clean(&inputs.s3_prefix), theme.muted)],
        minutes(inputs.idle_timeout_minutes),
        minutes(inputs.max_duration_minutes),
    ]
}

/// The selected scope's document in full.
pub(super) fn draw_detail(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let selected = look.state.view.preferences.selected.as_ref();
    let Some((id, scope)) = selected.and_then(|id| Some((id, look.state.board.scopes.get(id)?))) else {
        look.pane(buffer, area, &[], &[], false);
        return;
    };
    let title = [piece(look.place(id), look.theme.title)];
    let inner = look.pane(buffer, area, &title, &[], false);
    if inner.width < 3 {
        return;
    }
    let text_area = Rect::new(inner.x + 1, inner.y, inner.width - 2, inner.height);
    let mut sheet = Sheet { look, cells: usize::from(text_area.width), lines: Vec::new() };
    if let Some(document) = sheet.fact("Preferences", &scope.preferences) {
        sheet.document(document.as_ref(), "this account and region has none: sessions are neither logged nor limited");
    }
    look.lines(buffer, text_area, &sheet.lines);
}
