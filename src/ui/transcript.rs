//! What the session's terminal prints. Only the lines that are seen are formatted. One line is one row, so that scrolling
//! is exact; a line that is too long ends in an ellipsis, and its rest is seen by moving to the right.

use jiff::{SignedDuration, Timestamp};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    look::Look,
    text::{self, Pieces, counted, piece},
};
use crate::{
    app::{
        board::Phase,
        view::{Focus, TranscriptStatus, TranscriptView},
    },
    transcript::{Line, LineKind, Search},
};

/// What a session printed is taken for complete when nothing more was there that long after its end.
const SETTLED: SignedDuration = SignedDuration::from_secs(60);

/// Draws the pane.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let view = &look.state.view;
    let theme = look.theme;
    let focused = view.focus == Focus::Transcript;
    let title = vec![piece("Transcript", theme.title)];
    let Some(transcript) = &view.transcript else {
        let inner = look.pane(buffer, area, &title, &[], focused);
        return look.centered(buffer, inner, &[("no session is selected".to_owned(), theme.muted)]);
    };
    // Whose it is: the pane may be the only one on the screen.
    let title = [piece("Transcript  ", theme.title), piece(look.clean(transcript.session.id.as_str()), theme.muted)];
    let inner = look.pane(buffer, area, &title, &state(look, transcript), focused);
    if inner.width == 0 || inner.height == 0 {
        return;
    }
    let lines = transcript.content.lines();
    if lines.is_empty() {
        return look.centered(buffer, inner, &empty(look, &transcript.status));
    }
    let rows = usize::from(inner.height);
    let first = transcript.first_line(rows);
    let search = Search::new(&transcript.search);
    let clock = inner.width >= 40;
    for ((index, line), y) in lines.iter().enumerate().skip(first).take(rows).zip(inner.top()..inner.bottom()) {
        let found = transcript.found == Some(index);
        let pieces = format(look, line, search.as_ref(), found, clock, transcript.left);
        let area = Rect::new(inner.x, y, inner.width, 1);
        look.lines(buffer, area, &[pieces]);
        if found {
            buffer.set_style(area, theme.selection);
        }
    }
    foot(look, buffer, area, transcript, rows, first);
}

/// One line as it is shown.
fn format<'a>(
    look: &Look<'_>,
    line: &'a Line,
    search: Option<&Search>,
    found: bool,
    clock: bool,
    left: usize,
) -> Pieces<'a> {
    let theme = look.theme;
    let glyphs = look.glyphs;
    let mut pieces: Pieces<'a> = Vec::new();
    let sign = match (&line.kind, line.uncertain, line.repeated) {
        _ if found => (glyphs.selected, theme.accent),
        (_, true, _) => (glyphs.uncertain, theme.warning),
        (_, _, true) => (glyphs.repeated, theme.border),
        (LineKind::Screen(_), ..) => (glyphs.severity(crate::domain::Severity::Low), theme.muted),
        _ => (" ", theme.muted),
    };
    if clock {
        pieces.push(piece(format!(" {} ", look.clock(line.at)), theme.muted));
    }
    pieces.push(piece(sign.0, sign.1));
    // What is hidden on the left is said as what is hidden on the right.
    let hides = left > 0 && text::width(line.text()) > 0;
    pieces.push(piece(if hides { "<" } else { " " }, theme.muted));
    let lead = pieces.len();
    let style = match line.kind {
        LineKind::Streamed | LineKind::Plain => theme.text,
        LineKind::Marker => theme.muted,
        LineKind::Screen(_) => theme.muted.add_modifier(Modifier::ITALIC),
        LineKind::Gap(_) => theme.danger,
    };
    let style = if line.repeated { theme.muted } else { style };
    let matches: Vec<_> = search.map(|search| search.ranges(line.text()).collect()).unwrap_or_default();
    let mut at = 0;
    for span in line.spans() {
        let style = if span.marked { theme.marked } else { style };
        cut(&mut pieces, span.text, at, &matches, style, theme.match_);
        at += span.text.len();
    }
    skip(&mut pieces, lead, left);
    pieces
}

/// Takes the first `cells` cells off the pieces from `lead` on.
fn skip(pieces: &mut Pieces<'_>, lead: usize, mut cells: usize) {
    for part in pieces.iter_mut().skip(lead) {
        let wide = text::width(&part.text);
        let rest = text::tail(&part.text, cells).to_owned();
        cells = cells.saturating_sub(wide);
        part.text = rest.into();
        if cells == 0 {
            break;
        }
    }
}

/// A span, in pieces where matches of the search begin and end in it.
fn cut<'a>(
    pieces: &mut Pieces<'a>,
    text: &'a str,
    offset: usize,
    matches: &[std::ops::Range<usize>],
    style: Style,
    match_style: Style,
) {
    let mut at = 0;
    for found in matches {
        let start = found.start.saturating_sub(offset).clamp(at, text.len());
        let end = found.end.saturating_sub(offset).clamp(at, text.len());
        if start == end {
            continue;
        }
        if let (Some(before), Some(inside)) = (text.get(at..start), text.get(start..end)) {
            pieces.push(piece(before, style));
            pieces.push(piece(inside, match_style));
            at = end;
        }
    }
    pieces.push(piece(text.get(at..).unwrap_or_default(), style));
}

/// When the session ended, if it did.
fn ended(look: &Look<'_>, transcript: &TranscriptView) -> Option<Timestamp> {
    match look.state.board.sessions.get(&transcript.session)?.phase {
        Phase::Ended { at, .. } => Some(at),
        Phase::Active => None,
    }
}

/// How the stream is, for the frame.
fn state(look: &Look<'_>, transcript: &TranscriptView) -> Pieces<'static> {
    let theme = look.theme;
    let ended = ended(look, transcript);
    match &transcript.status {
        TranscriptStatus::Live(at) if ended.is_some() => {
            let complete = ended.is_some_and(|ended| at.duration_since(ended) >= SETTLED);
            let words = if complete { "ended, complete" } else { "ended, reading the rest" };
            vec![piece(words, theme.muted)]
        }
        TranscriptStatus::Loading => vec![piece(format!("{} loading", look.glyphs.loading), theme.muted)],
        TranscriptStatus::Live(at) => {
            vec![
                piece(format!("{} live", look.glyphs.compliant), theme.ok),
                piece(format!(", read {} ago", look.ago(*at)), theme.muted),
            ]
        }
        TranscriptStatus::Waiting(_) => vec![piece(format!("{} no stream", look.glyphs.loading), theme.warning)],
        TranscriptStatus::Never(_) => vec![piece("never logged", theme.warning)],
        TranscriptStatus::Failing { failure, retry_at } => {
            let mut words = format!("{} {}", look.glyphs.blind, look.clean(&failure.to_string()));
            if let Some(retry) = look.retry(Some(*retry_at)) {
                words.push_str("; ");
                words.push_str(&retry);
            }
            vec![piece(words, theme.danger)]
        }
    }
}

/// Why there is nothing to read, in words.
fn empty(look: &Look<'_>, status: &TranscriptStatus) -> Vec<(String, Style)> {
    let theme = look.theme;
    match status {
        TranscriptStatus::Loading => vec![(format!("{} asking for the log", look.glyphs.loading), theme.muted)],
        TranscriptStatus::Live(_) => vec![("the log stream is there, and holds nothing yet".to_owned(), theme.muted)],
        TranscriptStatus::Waiting(words) => vec![(look.clean(words).into_owned(), theme.text)],
        TranscriptStatus::Never(words) => vec![
            ("no transcript".to_owned(), theme.warning.add_modifier(Modifier::BOLD)),
            (look.clean(words).into_owned(), theme.text),
        ],
        TranscriptStatus::Failing { failure, retry_at } => {
            let mut lines = vec![
                ("the log cannot be read".to_owned(), theme.danger),
                (look.clean(&failure.to_string()).into_owned(), theme.text),
            ];
            if !failure.message.is_empty() {
                lines.push((look.clean(&failure.message).into_owned(), theme.muted));
            }
            lines.extend(look.retry(Some(*retry_at)).map(|retry| (retry, theme.muted)));
            lines
        }
    }
}

/// Where we are in it, whether it moves on by itself, and what is gone.
fn foot(look: &Look<'_>, buffer: &mut Buffer, area: Rect, transcript: &TranscriptView, rows: usize, first: usize) {
    let theme = look.theme;
    let count = transcript.content.lines().len();
    let mut left: Pieces<'_> = Vec::new();
    let below = count.saturating_sub(first + rows);
    left.push(if transcript.follow && ended(look, transcript).is_some() {
        piece("at the end", theme.muted)
    } else if transcript.follow {
        piece(format!("{} following", look.glyphs.follow), theme.accent)
    } else if below > 0 {
        piece(format!("{} below", counted(below, "line", "lines")), theme.warning)
    } else {
        piece("not following", theme.muted)
    });
    if transcript.left > 0 {
        left.push(piece(format!("  from column {}", transcript.left + 1), theme.warning));
    }
    if !transcript.search.is_empty() {
        left.push(piece("  search ", theme.muted));
        left.push(piece(look.clean(&transcript.search), theme.match_));
    }
    let mut right: Pieces<'_> = Vec::new();
    let evicted = transcript.content.evicted_lines();
    if evicted > 0 {
        right.push(piece(format!("{evicted} older lines dropped  "), theme.warning));
    }
    right.push(piece(format!("{}-{} of {count}", first + 1, (first + rows).min(count)), theme.muted));
    if text::line_width(&right) + 10 > usize::from(area.width) {
        right.clear();
    }
    look.on_frame(buffer, area, area.bottom() - 1, &left, &right);
}
