//! What is special about the lines of the sessions table: headings of groups, rows that are held still, signs of what changed.

use std::borrow::Cow;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    look::Look,
    text::{self, Piece, Pieces, counted, piece, put_line},
};
use crate::{
    app::{
        action::Action,
        changes::Change,
        frozen::{Frozen, RowFacts, Since},
        grouping::{GroupBy, GroupCounts, Line},
        view::Focus,
    },
    domain::{SessionKey, Severity, Verdict},
};

/// A visible line with what it is made from: a row's session, or the first one of a group.
pub(super) struct ShownLine<'a> {
    pub(super) line: Line,
    pub(super) key: Option<&'a SessionKey>,
    /// As frozen, else as it is; `None`: the session is gone.
    pub(super) facts: Option<Cow<'a, RowFacts>>,
    /// What became of the session since the table was frozen.
    pub(super) since: Option<Since>,
    counts: Option<GroupCounts>,
}

impl<'a> ShownLine<'a> {
    pub(super) fn of(look: &Look<'a>, line: Line) -> Self {
        let state = look.state;
        let table = &state.view.table;
        let head = match line {
            Line::Heading(group) => table.groups.get(group),
            Line::Row(_) => None,
        };
        let row = match line {
            Line::Row(row) => Some(row),
            Line::Heading(_) => head.map(|head| head.at),
        };
        let key = row.and_then(|row| table.list.rows.get(row));
        let frozen = table.frozen.as_ref().and_then(|frozen| frozen.row(key?));
        let live = || {
            let session = state.board.sessions.get(key?)?;
            let facts = RowFacts::of(&state.board, session, state.view.show_output_detections, state.now);
            Some(Cow::Owned(facts))
        };
        let facts = frozen.map(|row| Cow::Borrowed(&row.facts)).or_else(live);
        Self { line, key, facts, since: frozen.and_then(|row| row.since), counts: head.map(|head| head.counts) }
    }

    /// The sign before a row that is new or otherwise: since it was frozen, else since the last look.
    pub(super) fn sign(&self, look: &Look<'_>) -> Option<Piece<'static>> {
        let loud = look.theme.warning.add_modifier(Modifier::BOLD);
        if look.state.is_frozen() {
            return Some(match self.since? {
                Since::Ended => piece("-", loud),
                Since::Changed => piece("~", loud),
            });
        }
        let style = look.theme.accent.add_modifier(Modifier::BOLD);
        Some(match look.state.changes.of(self.key?, look.state.now)? {
            Change::New => piece("+", style),
            Change::Changed => piece("~", style),
            Change::Ended => piece("-", style),
        })
    }
}

/// The name of a node as a row shows it, if it has one that is known.
pub(super) fn node_name<'a>(look: &Look<'a>, facts: &'a RowFacts) -> Option<Cow<'a, str>> {
    let name = facts.node_name.as_deref()?;
    Some(if look.masked { Cow::Owned(look.node_id_of(&facts.session)) } else { look.clean(name) })
}

/// That the table is held still, and what is otherwise by now.
pub(super) fn title(look: &Look<'_>, frozen: &Frozen, shown: usize) -> Pieces<'static> {
    let theme = look.theme;
    let filtered = !frozen.filter.is_empty();
    let number = if filtered { format!("{shown} of {}", frozen.total) } else { shown.to_string() };
    let mut since: Vec<String> = Vec::new();
    for (count, word) in [(frozen.new, "new"), (frozen.ended, "ended"), (frozen.changed, "changed")] {
        if count > 0 {
            since.push(format!("{count} {word}"));
        }
    }
    let since = if since.is_empty() { "nothing new since".to_owned() } else { format!("{} since", since.join(", ")) };
    let mut words = format!(" FROZEN {}: {since}", look.ago(frozen.at));
    if let Some(key) = look.state.setup.keymap.first_key(Action::Freeze) {
        words.push_str(&format!("; {key} goes on"));
    }
    words.push(' ');
    let mut title = vec![
        piece(number, theme.text),
        piece(" ", theme.text),
        piece(words, theme.warning.add_modifier(Modifier::BOLD | Modifier::REVERSED)),
    ];
    if filtered {
        title.push(piece("  filter ", theme.muted));
        title.push(piece(look.clean(&frozen.filter).into_owned(), theme.match_));
    }
    title
}

/// `5 new, 2 changed`: what came about while nobody looked.
pub(super) fn while_away(look: &Look<'_>) -> Option<Piece<'static>> {
    let state = look.state;
    let (new, changed, ended) = state.changes.while_away(state.now).filter(|_| !state.is_frozen())?;
    let counts = [(new, "new"), (changed, "changed"), (ended, "ended")];
    let words: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    Some(piece(format!("  {}", words.join(", ")), look.theme.accent.add_modifier(Modifier::BOLD)))
}

/// The frame of the table; one that is held still has another color.
pub(super) fn pane(look: &Look<'_>, buffer: &mut Buffer, area: Rect, title: &[Piece<'_>], state: &[Piece<'_>]) -> Rect {
    let focused = look.state.view.focus == Focus::Table;
    if !look.state.is_frozen() {
        return look.pane(buffer, area, title, state, focused);
    }
    let mut theme = look.theme.clone();
    theme.border = theme.warning;
    theme.border_focused = theme.warning.add_modifier(Modifier::BOLD);
    Look { theme: &theme, ..*look }.pane(buffer, area, title, state, focused)
}

/// Writes the headings of groups over the lines that are theirs; the first line of `area` is that of the columns.
pub(super) fn headings(look: &Look<'_>, buffer: &mut Buffer, area: Rect, lines: &[ShownLine<'_>]) {
    for (line, y) in lines.iter().zip(area.top().saturating_add(1)..area.bottom()) {
        if let (Some(counts), Some(facts)) = (&line.counts, line.facts.as_deref()) {
            let room = area.width.saturating_sub(2);
            let words = heading(look, counts, facts);
            let wide = put_line(buffer, (area.x + 1, y), room, &words, look.glyphs.ellipsis);
            let rest = usize::from(room.saturating_sub(wide + 1));
            let rule = look.glyphs.border.horizontal_top.repeat(rest);
            text::put(buffer, (area.x + 2 + wide, y), room.saturating_sub(wide + 1), &rule, look.theme.border, "");
        }
    }
}

fn heading(look: &Look<'_>, counts: &GroupCounts, facts: &RowFacts) -> Pieces<'static> {
    let theme = look.theme;
    let session = &facts.session;
    let name = match look.state.view.table.group {
        GroupBy::Owner => look.owner(&session.owner),
        GroupBy::Node => match node_name(look, facts) {
            Some(name) => name.into_owned(),
            None => look.node_id_of(session),
        },
        GroupBy::Account | GroupBy::None => look.account(&session.key.scope).into_owned(),
    };
    let (verdict, severity) = counts.worst;
    let (mark, style) =
        if counts.sessions == 0 { ("  ".to_owned(), theme.muted) } else { look.mark(verdict, severity) };
    let mut words = vec![
        piece(mark, style),
        piece(" ", theme.text),
        piece(name, theme.title),
        piece(format!("  {}", counted(counts.sessions, "session", "sessions")), theme.muted),
    ];
    let broken = severity.unwrap_or(Severity::Informational);
    let (_, broken) = look.mark(Verdict::NonCompliant, Some(broken));
    let more: [(usize, &str, Style); 4] = [
        (counts.non_compliant, "non-compliant", broken),
        (counts.insufficient, "insufficient", theme.insufficient),
        (counts.stale, "stale", theme.insufficient),
        (counts.detected, "detected", broken),
    ];
    for (count, word, style) in more {
        if count > 0 {
            words.push(piece(format!("  {count} {word}"), style));
        }
    }
    words
}
