//! What the session's terminal prints. Only the lines that are seen are formatted. One line is one row, so that scrolling
//! is exact; a line that is too long ends in an ellipsis, and its rest is seen by moving to the right.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    look::Look,
    text::{self, Piece, Pieces, counted, piece},
};
use crate::{
    app::{
        board::{Phase, Recorder},
        layout::{transcript_lead, transcript_room},
        view::{Focus, Room, TranscriptStatus, TranscriptView},
    },
    detection::Confidence,
    domain::{SessionKey, Severity, Verdict},
    transcript::{Line, LineKind, Search, secrets, wrapped},
};

/// What a session printed is taken for complete when nothing more was there that long after its end.
const SETTLED: SignedDuration = SignedDuration::from_secs(60);

/// Draws the transcript of a session into its pane.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect, session: &SessionKey) {
    let view = &look.state.view;
    let theme = look.theme;
    let selected = view.table.list.selected.as_ref() == Some(session);
    let focused = selected && view.focus == Focus::Transcript;
    // Whose it is: the pane may be the only one on the screen.
    let heading = if view.panes().len() > 1 && !selected { "" } else { "Transcript  " };
    let mut title = vec![piece(heading, theme.title), piece(look.clean(session.id.as_str()), theme.muted)];
    if view.panes().len() > 1
        && let Some(board) = look.state.board.sessions.get(session)
    {
        title.push(piece(format!("  {}", look.node(board)), theme.text));
    }
    let Some(transcript) = view.transcript_of(session) else {
        look.pane(buffer, area, &title, &[], focused);
        return;
    };
    let inner = look.pane(buffer, area, &title, &state(look, transcript), focused);
    if inner.width == 0 || inner.height == 0 {
        return;
    }
    let lines = transcript.content.lines();
    if lines.is_empty() {
        return look.centered(buffer, inner, &empty(look, &transcript.status));
    }
    let room = transcript_room(area, view);
    let first = transcript.first_line(room);
    let search = Search::new(&transcript.search);
    let lead = transcript_lead(inner.width, view);
    let mut y = inner.top();
    for (index, line) in lines.iter().enumerate().take(transcript.len()).skip(first) {
        let number = transcript.number(index);
        let found = transcript.found == Some(number);
        let style = match (found, transcript.command == Some(number) && transcript.playback.is_none()) {
            (true, _) => Some(theme.selection),
            (_, true) if view.focus == Focus::Commands => Some(theme.selection),
            _ => None,
        };
        let mark = transcript.mark(number, view.show_output_detections);
        let uncertain = line.uncertain || transcript.is_uncertain(number);
        let margin = margin(look, line, mark, (found, uncertain));
        let time = (lead > 2).then_some(line.at);
        let mut rows = rows(look, line, search.as_ref(), (time, margin), room.wrap, transcript.left);
        if let [row] = rows.as_mut_slice() {
            if line.forged {
                row.push(piece(
                    "  forged: its payload is not of this session",
                    theme.danger.add_modifier(Modifier::BOLD),
                ));
            }
            if uncertain {
                row.push(piece("  uncertain", theme.warning.add_modifier(Modifier::ITALIC)));
            }
        }
        for row in rows {
            if y >= inner.bottom() {
                break;
            }
            let area = Rect::new(inner.x, y, inner.width, 1);
            look.lines(buffer, area, &[row]);
            if let Some(style) = style {
                buffer.set_style(area, style);
            }
            y += 1;
        }
        if y >= inner.bottom() {
            break;
        }
    }
    foot(look, buffer, area, transcript, room, first);
}

/// Draws the end of a transcript on the wall, where nobody scrolls: long lines take several rows.
pub(super) fn draw_on_wall(look: &Look<'_>, buffer: &mut Buffer, area: Rect, session: &SessionKey) {
    let theme = look.theme;
    let mut title = vec![piece(look.clean(session.id.as_str()), theme.title)];
    if let Some(board) = look.state.board.sessions.get(session) {
        title.push(piece(format!("  {}  {}", look.owner(&board.session.owner), look.node(board)), theme.text));
    }
    let Some(transcript) = look.state.view.transcript_of(session) else {
        look.pane(buffer, area, &title, &[], false);
        return;
    };
    let inner = look.pane(buffer, area, &title, &state(look, transcript), false);
    if inner.width == 0 || inner.height == 0 {
        return;
    }
    let lines = transcript.content.lines();
    if lines.is_empty() {
        return look.centered(buffer, inner, &empty(look, &transcript.status));
    }
    let height = usize::from(inner.height);
    let lead = if inner.width >= 40 { 12 } else { 2 };
    let cells = usize::from(inner.width.saturating_sub(lead)).max(1);
    let mut last: Vec<Pieces<'_>> = Vec::new();
    for (index, line) in lines.iter().enumerate().rev() {
        let number = transcript.number(index);
        let uncertain = line.uncertain || transcript.is_uncertain(number);
        let margin = margin(look, line, transcript.mark(number, false), (false, uncertain));
        let mut wrapped = rows(look, line, None, ((lead > 2).then_some(line.at), margin), Some(cells), 0);
        if line.forged
            && let Some(row) = wrapped.last_mut()
        {
            row.push(piece("  forged", theme.danger.add_modifier(Modifier::BOLD)));
        }
        last.extend(wrapped.into_iter().rev());
        if last.len() >= height {
            break;
        }
    }
    last.truncate(height);
    last.reverse();
    look.lines(buffer, inner, &last);
}

/// Draws the pane while no session is selected.
pub(super) fn draw_none(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let focused = look.state.view.focus == Focus::Transcript;
    let inner = look.pane(buffer, area, &[piece("Transcript", look.theme.title)], &[], focused);
    look.centered(buffer, inner, &[("no session is selected".to_owned(), look.theme.muted)]);
}

/// The sign before a line.
fn margin(
    look: &Look<'_>,
    line: &Line,
    mark: Option<(Severity, Confidence)>,
    (found, uncertain): (bool, bool),
) -> (String, Style) {
    let (theme, glyphs) = (look.theme, look.glyphs);
    if let Some((severity, confidence)) = mark.filter(|_| !found) {
        let (sign, style) = detection(look, severity, confidence);
        return (sign.to_owned(), style);
    }
    let (sign, style) = match (&line.kind, uncertain, line.repeated) {
        _ if found => (glyphs.selected, theme.accent),
        _ if line.forged => (glyphs.non_compliant, theme.danger),
        (LineKind::Gap(_), ..) => (glyphs.blind, theme.danger),
        (_, true, _) => (glyphs.uncertain, theme.warning),
        (_, _, true) => (glyphs.repeated, theme.border),
        (LineKind::Screen(_), ..) => (glyphs.severity(Severity::Low), theme.muted),
        _ => (" ", theme.muted),
    };
    (sign.to_owned(), style)
}

/// The sign of a detection: that of its severity; of mere output a quieter one.
pub(super) fn detection(look: &Look<'_>, severity: Severity, confidence: Confidence) -> (&'static str, Style) {
    let (_, style) = look.mark(Verdict::NonCompliant, Some(severity));
    let style = if confidence == Confidence::Output { look.theme.muted } else { style };
    (look.glyphs.severity(severity), style)
}

/// One line as it is shown: one row, or several where it is wrapped.
fn rows<'a>(
    look: &Look<'_>,
    line: &'a Line,
    search: Option<&Search>,
    (time, margin): (Option<Timestamp>, (String, Style)),
    wrap: Option<usize>,
    left: usize,
) -> Vec<Pieces<'a>> {
    let theme = look.theme;
    let mut lead: Pieces<'a> = Vec::new();
    if let Some(at) = time {
        lead.push(piece(format!(" {} ", look.clock(at)), theme.muted));
    }
    lead.push(piece(margin.0, margin.1));
    let style = match line.kind {
        LineKind::Streamed | LineKind::Plain => theme.text,
        LineKind::Marker => theme.muted,
        LineKind::Screen(_) => theme.muted.add_modifier(Modifier::ITALIC),
        LineKind::Gap(_) => theme.danger,
    };
    let style = match (line.forged, line.repeated) {
        (true, _) => theme.danger,
        (false, true) => theme.muted,
        (false, false) => style,
    };
    let places = Places {
        matches: search.map(|search| search.ranges(line.text()).collect()).unwrap_or_default(),
        secrets: if line.secret { std::iter::once(0..line.text().len()).collect() } else { secrets(line.text()) },
    };
    if look.masked {
        return masked_rows(look, line, (lead, style, &places), wrap, left);
    }
    let Some(cells) = wrap else {
        // What is hidden on the left is said as what is hidden on the right.
        let hides = left > 0 && text::width(line.text()) > 0;
        lead.push(piece(if hides { "<" } else { " " }, theme.muted));
        let before = lead.len();
        spans(look, &mut lead, line, 0..line.text().len(), style, &places);
        skip(&mut lead, before, left);
        return vec![lead];
    };
    lead.push(piece(" ", theme.muted));
    let indent = text::line_width(&lead);
    let mut rows = Vec::new();
    for range in wrapped(line.text(), cells) {
        let mut row = match rows.is_empty() {
            true => std::mem::take(&mut lead),
            false => vec![piece(" ".repeat(indent), theme.muted)],
        };
        spans(look, &mut row, line, range, style, &places);
        rows.push(row);
    }
    rows
}

/// One line in which names are masked: first its secrets, then the names, then it is cut, so that no cut shows a part of one.
fn masked_rows<'a>(
    look: &Look<'_>,
    line: &Line,
    (mut lead, style, places): (Pieces<'a>, Style, &Places),
    wrap: Option<usize>,
    left: usize,
) -> Vec<Pieces<'a>> {
    let mut whole = piece(line.text(), style);
    hide(&mut whole, 0, &places.secrets, look.theme.marked);
    let (text, style) = (look.clean(&whole.text).into_owned(), whole.style);
    let Some(cells) = wrap else {
        lead.push(piece(if left > 0 && text::width(&text) > 0 { "<" } else { " " }, look.theme.muted));
        lead.push(piece(text::tail(&text, left).to_owned(), style));
        return vec![lead];
    };
    lead.push(piece(" ", look.theme.muted));
    let indent = text::line_width(&lead);
    let mut rows = Vec::new();
    for range in wrapped(&text, cells) {
        let mut row = match rows.is_empty() {
            true => std::mem::take(&mut lead),
            false => vec![piece(" ".repeat(indent), look.theme.muted)],
        };
        row.push(piece(text.get(range).unwrap_or_default().to_owned(), style));
        rows.push(row);
    }
    rows
}

/// Places in a line's text, as byte ranges.
struct Places {
    /// What is searched for.
    matches: Vec<Range<usize>>,
    /// What looks like a secret.
    secrets: Vec<Range<usize>>,
}

/// Puts stars in place of what is secret in a piece that begins at `offset`; they take the same cells.
fn hide(piece: &mut Piece<'_>, offset: usize, secrets: &[Range<usize>], style: Style) {
    let hidden = |at: usize| secrets.iter().any(|range| range.contains(&at));
    if !piece.text.char_indices().any(|(at, _)| hidden(offset + at)) {
        return;
    }
    let mut text = String::with_capacity(piece.text.len());
    for (at, c) in piece.text.char_indices() {
        if hidden(offset + at) {
            text.push_str(&"*".repeat(text::width(c.encode_utf8(&mut [0; 4]))));
        } else {
            text.push(c);
        }
    }
    piece.text = text.into();
    piece.style = style;
}

/// A part of a line's text, in pieces.
fn spans<'a>(
    look: &Look<'_>,
    pieces: &mut Pieces<'a>,
    line: &'a Line,
    range: Range<usize>,
    style: Style,
    places: &Places,
) {
    let mut at = 0;
    for span in line.spans() {
        let style = if span.marked { look.theme.marked } else { style };
        let (start, end) = (range.start.max(at), range.end.min(at + span.text.len()));
        if let Some(text) = start.checked_sub(at).and_then(|from| span.text.get(from..end.checked_sub(at)?)) {
            let from = pieces.len();
            cut(pieces, text, start, &places.matches, style, look.theme.match_);
            let mut offset = start;
            for piece in pieces.iter_mut().skip(from) {
                let length = piece.text.len();
                hide(piece, offset, &places.secrets, look.theme.marked);
                offset += length;
            }
        }
        at += span.text.len();
    }
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
    matches: &[Range<usize>],
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
    let board = look.state.board.sessions.get(&transcript.session).filter(|board| board.is_active());
    let recorder = board.map(|board| look.state.board.recorder(board, look.state.now));
    if let Some(recorder) = recorder
        && let Some(warning) = recorder.warning()
        && !matches!(transcript.status, TranscriptStatus::Failing { .. })
    {
        return vec![piece(format!("{} {warning}", look.glyphs.uncertain), look.recorder(recorder))];
    }
    let ended = ended(look, transcript);
    let delay = match recorder {
        Some(Recorder::Live { delay }) => format!(", delay {delay} s"),
        _ => String::new(),
    };
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
                piece(format!("{delay}, read {} ago", look.ago(*at)), theme.muted),
            ]
        }
        TranscriptStatus::Archived(_) => vec![piece("ended, with the archive object", theme.muted)],
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
        TranscriptStatus::Archived(_) => vec![("the archive object is empty".to_owned(), theme.warning)],
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
fn foot(look: &Look<'_>, buffer: &mut Buffer, area: Rect, transcript: &TranscriptView, room: Room, first: usize) {
    let theme = look.theme;
    let count = transcript.len();
    let seen = transcript.visible(first, room);
    let mut left: Pieces<'_> = Vec::new();
    let below = count.saturating_sub(first + seen);
    if let Some(playback) = &transcript.playback {
        let all = transcript.content.lines().len();
        let word = match (playback.paused, count == all) {
            (_, true) => "played to the end",
            (true, _) => "paused",
            (false, _) => "playing",
        };
        left.push(piece(format!("{word} {}x", playback.speed), theme.accent));
        left.push(piece(format!(" at {}", look.clock(playback.at)), theme.text));
        if playback.skipped.as_secs() > 0 {
            left.push(piece(format!("  {} of silence skipped", text::span(playback.skipped)), theme.muted));
        }
    } else {
        left.push(if transcript.follow && ended(look, transcript).is_some() {
            piece("at the end", theme.muted)
        } else if transcript.follow {
            piece(format!("{} following", look.glyphs.follow), theme.accent)
        } else if below > 0 {
            piece(format!("{} below", counted(below, "line", "lines")), theme.warning)
        } else {
            piece("not following", theme.muted)
        });
    }
    if transcript.left > 0 {
        left.push(piece(format!("  from column {}", transcript.left + 1), theme.warning));
    }
    if !transcript.search.is_empty() {
        left.push(piece("  search ", theme.muted));
        left.push(piece(look.clean(&transcript.search), theme.match_));
        let words = match transcript.match_position() {
            (_, 0) => " no match".to_owned(),
            (Some(at), count) => format!(" {} of {count}", at + 1),
            (None, count) => format!(" {}", counted(count, "match", "matches")),
        };
        left.push(piece(words, theme.muted));
    }
    let mut right: Pieces<'_> = Vec::new();
    let evicted = transcript.content.evicted_lines();
    if evicted > 0 {
        right.push(piece(format!("{evicted} older lines dropped  "), theme.warning));
    }
    let let_go = look.state.view.let_go;
    if let_go > 0 {
        right.push(piece(format!("{let_go} other transcripts let go  "), theme.muted));
    }
    right.push(piece(format!("{}-{} of {count}", (first + 1).min(count), (first + seen).min(count)), theme.muted));
    if text::line_width(&right) + 10 > usize::from(area.width) {
        right.clear();
    }
    look.on_frame(buffer, area, area.bottom() - 1, &left, &right);
}
