//! The latest alerts, in turn where there is no room for all of them.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use crate::{
    app::state::Store,
    domain::{Alert, Verdict},
    ui::{
        look::Look,
        text::{piece, put_line},
    },
};

/// Each page of it stays that many seconds.
const PAGE: i64 = 8;
/// Older alerts are no news.
const MOST: usize = 40;

/// Draws those that stand, the newest first: what nobody has seen is bold.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    if area.height == 0 {
        return;
    }
    let (state, theme) = (look.state, look.theme);
    let mut alerts: Vec<&Alert> = state.alerts.all().filter(|alert| alert.workflow.is_open()).collect();
    alerts.sort_by(|a, b| b.reopened_at.cmp(&a.reopened_at).then_with(|| a.id.cmp(&b.id)));
    alerts.truncate(MOST);
    if alerts.is_empty() {
        let words = match (&state.store, state.alerts.raise_on) {
            (Store::Refused(_), _) => (" alerts are off here", theme.danger),
            (_, None) => (" no alert; nothing is raised by itself in this run", theme.muted),
            _ => (" no alert stands", theme.muted),
        };
        put_line(buffer, (area.x, area.y), area.width, &[piece(words.0, words.1)], look.glyphs.ellipsis);
        return;
    }
    let rows = usize::from(area.height);
    let pages = alerts.len().div_ceil(rows).max(1);
    let page = usize::try_from((state.now.as_second() / PAGE).max(0)).unwrap_or(0) % pages;
    for (alert, y) in alerts.iter().skip(page * rows).zip(area.top()..area.bottom()) {
        let (mark, style) = look.mark(Verdict::NonCompliant, Some(alert.severity));
        let waits = alert.is_unacknowledged();
        let style = if waits { style.add_modifier(Modifier::BOLD) } else { theme.muted };
        let sign = if waits { look.glyphs.unseen } else { " " };
        let place = look.place_of(&alert.subject).unwrap_or_default();
        let who = if alert.owner.is_empty() { String::new() } else { format!("  {}", look.owner(&alert.owner)) };
        let line = [
            piece(format!("{sign}{mark} "), style),
            piece(format!("{} ago  ", look.ago(alert.reopened_at)), theme.muted),
            piece(look.clean(&alert.title), if waits { theme.title } else { theme.muted }),
            piece(format!("  {place}{who}"), if waits { theme.text } else { theme.muted }),
        ];
        put_line(buffer, (area.x, y), area.width, &line, look.glyphs.ellipsis);
    }
}
