//! The worst sessions, each as large as there is room.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::headline;
use crate::{
    app::{board::SessionBoard, wall::Wall},
    domain::{SessionKey, Verdict},
    ui::{
        header,
        look::Look,
        text::{self, Pieces, counted, piece, put_line},
    },
};

/// Draws them; the frame says how many more there are.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect, wall: &Wall) {
    let (state, theme) = (look.state, look.theme);
    let high: u16 = match (area.height, area.width) {
        (36.., 100..) => 5,
        (14.., _) => 3,
        (8.., _) => 2,
        _ => 1,
    };
    // Above those that are well stands that they are.
    let told = u16::from(wall.harmless && !wall.rows.is_empty() && area.height.saturating_sub(2) > high);
    let places = usize::from(area.height.saturating_sub(2 + told) / high);
    let more = wall.ranked.saturating_sub(places.min(wall.rows.len()));
    let right: Pieces<'_> = match more {
        0 => Vec::new(),
        _ => vec![piece(format!("{more} more"), theme.muted)],
    };
    let title = if wall.harmless { "Active sessions" } else { "Worst sessions" };
    let inner = look.pane(buffer, area, &[piece(title, theme.title)], &right, false);
    if wall.rows.is_empty() {
        let blind = header::unseen(&state.counts);
        let words = match (state.counts.loading, blind) {
            (_, 1..) => (
                format!("no session that can be seen, and {} not seen", counted(blind, "scope is", "scopes are")),
                theme.warning,
            ),
            (1.., 0) => (format!("{} asking every account and region", look.glyphs.loading), theme.muted),
            _ => ("no session is active".to_owned(), theme.title),
        };
        return look.centered(buffer, inner, &[words]);
    }
    if told > 0 {
        let words = match header::unseen(&state.counts) {
            0 => ("no session is non-compliant".to_owned(), theme.ok),
            blind => {
                let blind = counted(blind, "scope is", "scopes are");
                (format!("no session was non-compliant when it was seen, {blind} not seen"), theme.warning)
            }
        };
        put_line(
            buffer,
            (inner.x + 2, inner.y),
            inner.width.saturating_sub(2),
            &[piece(words.0, words.1)],
            look.glyphs.ellipsis,
        );
    }
    let mut y = inner.y + told;
    for key in &wall.rows {
        let left = inner.bottom().saturating_sub(y);
        if left < high.min(3) {
            break;
        }
        let place = Rect { y, height: high.min(left), ..inner };
        if let Some(board) = state.board.sessions.get(key) {
            row(look, buffer, place, (key, board), wall.shown.contains(key));
        }
        y += high;
    }
}

/// What is worst about it: where somebody typed it, or which rule it breaks.
pub(super) fn why(look: &Look<'_>, board: &SessionBoard) -> String {
    let typed = board.detections.shown(false).max_by_key(|detected| detected.severity);
    let broken = board
        .judgement
        .findings
        .iter()
        .filter(|finding| finding.status == Verdict::NonCompliant)
        .max_by_key(|finding| finding.severity);
    match (typed, broken) {
        (Some(typed), Some(broken)) if typed.severity >= broken.severity => look.clean(&typed.rule.title).into_owned(),
        (_, Some(broken)) => look.clean(&broken.title).into_owned(),
        (Some(typed), None) => look.clean(&typed.rule.title).into_owned(),
        (None, None) => match board.judgement.verdict() {
            Verdict::InsufficientData => "not enough was read to judge it".to_owned(),
            _ => String::new(),
        },
    }
}

fn row(look: &Look<'_>, buffer: &mut Buffer, area: Rect, (key, board): (&SessionKey, &SessionBoard), shown: bool) {
    let (theme, glyphs) = (look.theme, look.glyphs);
    let (mut mark, word, mut style) = look.verdict(board);
    let mut word = word.to_owned();
    if let Some(worst) = board.judgement.severity().filter(|_| board.judgement.verdict() == Verdict::NonCompliant) {
        word = worst.word().to_owned();
    }
    if let Some(worst) = board.detections.worst()
        && (board.judgement.verdict() != Verdict::NonCompliant || Some(worst) > board.judgement.severity())
    {
        (mark, style) = look.mark(Verdict::NonCompliant, Some(worst));
        word = format!("{} typed", worst.word());
    }
    let bold = style.add_modifier(Modifier::BOLD);
    let who = look.owner(&board.session.owner);
    let node = look.node_name(board).unwrap_or_else(|| look.node_id(board).into());
    let place = format!("{} {}", look.account(&key.scope), look.clean(key.scope.region.as_str()));
    let age = board.session.started_at.map_or(String::new(), |at| look.ago(at));
    // What is not seen now is told as old as it is, whatever its verdict.
    let stale = look.unseen_since(board).map(|at| {
        let word = if word == "STALE" { "" } else { "STALE, " };
        piece(format!("{word}seen {} ago  ", look.ago(at)), theme.warning)
    });
    let turn = if shown { glyphs.selected } else { " " };
    let wide = area.width.saturating_sub(2);
    let sub = |y: u16, line: &Pieces<'_>, buffer: &mut Buffer| {
        put_line(buffer, (area.x + 2, y), wide, line, glyphs.ellipsis);
    };
    text::put(buffer, (area.x, area.y), 1, turn, theme.accent, "");
    let with_stale = |line: Pieces<'static>| -> Pieces<'static> { stale.clone().into_iter().chain(line).collect() };
    let second = with_stale(vec![piece(format!("{place}  {who}"), theme.text), piece(format!("  {age}"), theme.muted)]);
    let third: Pieces<'_> = vec![piece(why(look, board), style)];
    match area.height {
        5.. => {
            let short = word.split(' ').next().unwrap_or_default();
            let big = format!("{short} {node}");
            let line = Rect { x: area.x + 2, width: wide, height: 3, ..area };
            let rows = headline(look, buffer, line, &big, bold);
            let mut line = second;
            line.push(piece("  ", theme.text));
            line.extend(third);
            sub(area.y + rows, &line, buffer);
        }
        3..=4 => {
            let first = vec![piece(format!("{mark} {word}  "), bold), piece(node, theme.title)];
            sub(area.y, &first, buffer);
            sub(area.y + 1, &second, buffer);
            sub(area.y + 2, &third, buffer);
        }
        2 => {
            let first = vec![
                piece(format!("{mark} {word}  "), bold),
                piece(node, theme.title),
                piece(format!("  {age}"), theme.muted),
            ];
            sub(area.y, &first, buffer);
            sub(area.y + 1, &with_stale(vec![piece(format!("{who}  {place}"), theme.text)]), buffer);
        }
        _ => {
            let mut line = vec![piece(format!("{mark} "), bold)];
            line.extend(stale.clone());
            line.extend([piece(node, theme.title), piece(format!("  {who}  {place}"), theme.text)]);
            sub(area.y, &line, buffer);
        }
    }
}
