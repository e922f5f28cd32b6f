//! Sessions that ended within 30 days: from the board, the store and the service's History.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    columns::{self, Column, Row},
    detail::Sheet,
    look::Look,
    text::{self, Pieces, counted, piece},
};
use crate::{
    app::{
        board::SessionBoard,
        history::{PastArchive, PastSession, StoredPast},
        state::Store,
    },
    domain::{ArchiveObject, Fact, FailureClass, SessionKey, SessionStatus, SessionType, Verdict, Why},
};

/// Draws the list.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let list = &look.state.view.history;
    let theme = look.theme;
    let (book, view) = (&look.state.history, &look.state.view.past);
    let counts = &book.counts;
    let filter = &look.state.view.table.filter;
    let mut title = vec![piece("History ", theme.title), piece(counted(counts.all, "session", "sessions"), theme.text)];
    if filter.is_empty() {
        title.push(piece(" of 30 days", theme.text));
    }
    if !filter.is_empty() {
        let not_known = look.state.filtered.history.words();
        title.push(piece(format!("  {} shown{not_known}, filter ", list.rows.len()), theme.muted));
        title.extend(look.filter());
    }
    if counts.non_compliant > 0 {
        title.push(piece(format!(", {} non-compliant", counts.non_compliant), theme.danger));
    }
    if counts.unjudged > 0 {
        title.push(piece(format!(", {} not judged", counts.unjudged), theme.insufficient));
    }
    title.push(piece(format!("  (store {}, service {})", counts.stored, counts.listed), theme.muted));
    let state = sources(look);
    let inner = look.pane(buffer, area, &title, &state, true);
    if inner.height == 0 {
        return;
    }
    // What is not there is as loud as what is: the lines go before the rows.
    let troubles = troubles(look, usize::from(inner.width));
    let most = usize::from(inner.height / 3).max(1);
    let shown_troubles = troubles.get(..most.min(troubles.len())).unwrap_or_default();
    let inner = match shown_troubles.len() {
        0 => inner,
        lines => {
            let lines = u16::try_from(lines).unwrap_or(0).min(inner.height);
            let text_area = Rect::new(inner.x + 1, inner.y, inner.width.saturating_sub(2), lines);
            look.lines(buffer, text_area, shown_troubles);
            Rect::new(inner.x, inner.y + lines, inner.width, inner.height - lines)
        }
    };
    if inner.height == 0 {
        return;
    }
    if list.rows.is_empty() {
        return look.centered(buffer, inner, &[nothing(look)]);
    }
    let visible = usize::from(inner.height.saturating_sub(1));
    let sorted = |column: Column| {
        let sorted = column.title == view.sort.title();
        Column { sorted, ..column }
    };
    let mut columns = vec![
        Column::new("", 2, 2, 0),
        Column::new("VERDICT", 13, 17, 0),
        Column::number("ENDED", 6, 8, 0),
        Column::number("WHEN", 16, 16, 10),
        Column::new("HOW", 10, 18, 5),
        Column::number("LASTED", 6, 7, 6),
        Column::new("ACCOUNT", 8, 24, 2).middle(),
        Column::new("REGION", 9, 16, 8).middle(),
        Column::new("NODE", 12, 32, 0).middle(),
        Column::new("OWNER", 14, 40, 0),
        Column::new("DOCUMENT", 10, 34, 4).documents(),
        Column::new("S3 LOG", 12, 22, 3),
        Column::new("REASON", 16, 60, 9),
    ];
    // Where the selection is near the end, the lines above take rows from below it.
    let offset = list.position().map_or(list.offset, |at| list.offset.max((at + 1).saturating_sub(visible.max(1))));
    let shown = || list.rows.iter().skip(offset).take(visible);
    let typed = |key: &SessionKey| super::detections::cell(look, look.state.board.sessions.get(key)?);
    let detections = shown().any(|key| typed(key).is_some());
    if detections {
        columns.insert(2, Column::new("DETECTED", 8, 12, 0));
    }
    let columns: Vec<Column> = columns.into_iter().map(sorted).collect();
    let rows: Vec<Row<'_>> = shown().filter_map(|key| row(look, key, detections)).collect();
    columns::draw(buffer, inner, &columns, &rows, &look.dress(view.reverse));
    let position = look.position(offset, visible, list.rows.len());
    let cut = cut_words(look);
    look.on_frame(buffer, area, area.bottom() - 1, &cut, &position);
}

/// Why no row is there.
fn nothing(look: &Look<'_>) -> (String, Style) {
    let (book, theme) = (&look.state.history, look.theme);
    let filter = &look.state.view.table.filter;
    let unread = look
        .state
        .board
        .scopes
        .keys()
        .filter(|scope| book.scopes.get(*scope).is_none_or(|past| past.read_at.is_none()));
    let unread = unread.count();
    if book.counts.all > 0 && !filter.is_empty() {
        (format!("filter matches nothing: \"{}\"", look.clean(filter)), theme.title)
    } else if unread > 0 {
        let scopes = counted(unread, "scope is", "scopes are");
        (format!("nothing to show so far, and {scopes} not read"), theme.warning)
    } else {
        ("no session ended within 30 days".to_owned(), theme.muted)
    }
}

/// How the reading is: under way, or how old.
fn sources(look: &Look<'_>) -> Pieces<'static> {
    let (book, theme) = (&look.state.history, look.theme);
    let all = book.scopes.len();
    let reading = book.scopes.values().filter(|past| past.reading).count();
    let opening = book.store == StoredPast::NotAsked && look.state.store == Store::Opening;
    let mut under_way = Vec::new();
    if book.store == StoredPast::Reading || opening {
        under_way.push("the store".to_owned());
    }
    if reading > 0 {
        let so_far: usize = book.scopes.values().map(|past| past.sessions).sum();
        under_way.push(format!("{} of {all} scopes, {so_far} sessions so far", all - reading));
    }
    if !under_way.is_empty() {
        return vec![piece(format!("{} reading {}", look.glyphs.loading, under_way.join(", ")), theme.muted)];
    }
    match book.scopes.values().filter_map(|past| past.read_at).min() {
        Some(oldest) => vec![piece(format!("read {} ago", look.ago(oldest)), theme.muted)],
        None => Vec::new(),
    }
}

/// What is not there, and why: scopes that cannot be read, a store that cannot.
fn troubles(look: &Look<'_>, cells: usize) -> Vec<Pieces<'static>> {
    let (state, theme) = (look.state, look.theme);
    let mut lines: Vec<Pieces<'static>> = Vec::new();
    let mut say = |words: String, style: Style| {
        let line = format!("{} {words}", look.glyphs.blind);
        let line = text::fit(&line, cells.saturating_sub(2), look.glyphs.ellipsis).into_owned();
        lines.push(vec![piece(line, style)]);
    };
    if let StoredPast::Failed(why) = &state.history.store {
        say(
            format!("the store is not read, so verdicts of earlier runs are missing: {}", look.clean(why)),
            theme.danger,
        );
    }
    for (scope, past) in &state.history.scopes {
        let listing = state.board.scopes.get(scope).and_then(|board| board.failing.as_ref());
        let (failure, retry_at) = match (&past.failing, listing) {
            (Some((failure, retry_at)), _) => (failure, Some(*retry_at)),
            // Whoever cannot be listed at all is not asked for the past.
            (None, Some(failing)) if past.reading && past.sessions == 0 => (&failing.failure, failing.retry_at),
            _ => continue,
        };
        let what = match past.read_at {
            Some(at) => format!("read {} ago, and not since", look.ago(at)),
            None if past.sessions > 0 => format!("only {} read", counted(past.sessions, "session", "sessions")),
            None => "not read".to_owned(),
        };
        let why = match failure.class {
            FailureClass::Denied => format!("denied: {}", look.clean(failure.action)),
            class => format!("{}: {}", class.word(), look.clean(&failure.message)),
        };
        let retry = look.retry(retry_at).map(|retry| format!("; {retry}")).unwrap_or_default();
        let style = if failure.class == FailureClass::Throttled { theme.warning } else { theme.danger };
        // Why and when stand before the words of the service, which may be long.
        let place = look.place(scope);
        say(format!("{place}: {what}, {why}{retry}"), style);
    }
    lines
}

/// What the bounds cut.
fn cut_words(look: &Look<'_>) -> Pieces<'static> {
    let (book, theme) = (&look.state.history, look.theme);
    let mut words = Vec::new();
    if book.is_full {
        words.push(format!("only the latest {} are held", crate::app::history::MOST));
    }
    if book.store == (StoredPast::Read { cut: true }) {
        words.push(format!("the latest {} of the store", crate::app::history::MOST_STORED));
    }
    let cut: Vec<_> = book.scopes.iter().filter(|(_, past)| past.cut).collect();
    match cut.as_slice() {
        [] => {}
        [(scope, past)] => words.push(format!("the latest {} of {}", past.sessions, look.place(scope))),
        many => words.push(format!("not all of {} scopes", many.len())),
    }
    if words.is_empty() { Vec::new() } else { vec![piece(words.join(", "), theme.warning)] }
}

fn row<'a>(look: &'a Look<'a>, key: &'a SessionKey, detections: bool) -> Option<Row<'a>> {
    let past = look.state.history.get(key)?;
    let theme = look.theme;
    let board = look.state.board.sessions.get(key);
    let (mark, word, style) = match board {
        Some(session) => look.verdict(session),
        None => verdict(look, past),
    };
    let word = if word == Verdict::InsufficientData.word() { "INSUFFICIENT" } else { word };
    let lasted = past.lasted().map_or("?".to_owned(), text::age);
    let node = look.name_of_node(&key.scope, &past.target).unwrap_or_else(|| look.clean(past.target.as_str()));
    let (archive, archive_style) = past_archive(look, past);
    let mut cells = vec![
        vec![piece(mark, style)],
        vec![piece(word, style)],
        vec![piece(look.ago(past.ended_at), theme.text)],
        vec![piece(look.when(past.ended_at), theme.muted)],
        vec![piece(look.clean(&past.how), theme.muted)],
        vec![piece(lasted, theme.text)],
        vec![piece(look.account(&key.scope), theme.text)],
        vec![piece(look.clean(key.scope.region.as_str()), theme.muted)],
        vec![piece(node, theme.text)],
        vec![piece(look.owner(&past.owner), theme.text)],
        vec![piece(look.clean(past.document_name()), theme.muted)],
        // Why stands in the details.
        vec![piece(archive.split(':').next().unwrap_or_default().to_owned(), archive_style)],
        vec![piece(look.clean(past.reason.as_deref().unwrap_or_default()), theme.muted)],
    ];
    if detections {
        let cell = board.and_then(|session| super::detections::cell(look, session));
        cells.insert(2, cell.map(|(words, style)| vec![piece(words, style)]).unwrap_or_default());
    }
    Some(Row::new(cells, (look.state.view.history.selected.as_ref() == Some(key)).then_some(theme.selection)))
}

/// Mark and word of the verdict at a session's end.
fn verdict(look: &Look<'_>, past: &PastSession) -> (String, &'static str, Style) {
    match past.verdict {
        Some(verdict) => {
            let (mark, style) = look.mark(verdict, past.severity);
            (mark, verdict.word(), style)
        }
        None => look.not_judged(),
    }
}

/// Whether the log of a past session is archived, as far as it is known.
fn past_archive(look: &Look<'_>, past: &PastSession) -> (String, Style) {
    let (theme, glyphs) = (look.theme, look.glyphs);
    let object = match &past.archive {
        PastArchive::Looked(object) => Some(&**object),
        PastArchive::Remembered(true) => return (format!("{} there", glyphs.compliant), theme.ok),
        _ => None,
    };
    if object.and_then(Fact::value).is_none_or(Option::is_none)
        && let Some(words) = no_log(look, &past.key, past.document_name(), &*past.how == SessionStatus::Failed.as_str())
    {
        return (words, theme.muted);
    }
    match (&past.archive, object) {
        (_, Some(object)) => archived(look, object),
        (PastArchive::Looking, None) => (format!("{} looking", glyphs.loading), theme.muted),
        (PastArchive::Remembered(_), None) => (format!("{} was not there", glyphs.non_compliant), theme.warning),
        _ => (format!("{} not looked", glyphs.loading), theme.muted),
    }
}

/// Whether the session's log was archived, as far as it is known; a session that has no log has no archive either.
pub(super) fn archive(look: &Look<'_>, session: &SessionBoard) -> (String, Style) {
    let failed = session.session.status == SessionStatus::Failed;
    if session.archive.value().is_none_or(Option::is_none)
        && let Some(words) = no_log(look, &session.session.key, session.session.document_name(), failed)
    {
        return (words, look.theme.muted);
    }
    archived(look, &session.archive)
}

/// Why a session has no log at all.
fn no_log(look: &Look<'_>, key: &SessionKey, document: &str, failed: bool) -> Option<String> {
    if is_tunnel(look, key, document) {
        return Some(format!("{} never: tunnels have no log", look.glyphs.not_applicable));
    }
    failed.then(|| format!("{} none: it never began", look.glyphs.not_applicable))
}

fn archived(look: &Look<'_>, object: &Fact<Option<ArchiveObject>>) -> (String, Style) {
    let theme = look.theme;
    match object {
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
fn is_tunnel(look: &Look<'_>, key: &SessionKey, name: &str) -> bool {
    let scope = look.state.board.scopes.get(&key.scope);
    match scope.and_then(|scope| scope.documents.get(name)?.value()?.as_ref()) {
        Some(document) => document.session_type == SessionType::Port,
        None => name.starts_with("AWS-StartPortForwardingSession") || name == "AWS-StartSSHSession",
    }
}

/// The selected session in full.
pub(super) fn draw_detail(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let Some(key) = look.state.view.history.selected.as_ref() else {
        look.pane(buffer, area, &[], &[], false);
        return;
    };
    let title = [piece(look.clean(key.id.as_str()), theme.title)];
    let inner = look.pane(buffer, area, &title, &[], false);
    if inner.width < 3 {
        return;
    }
    let text_area = Rect::new(inner.x + 1, inner.y, inner.width - 2, inner.height);
    let mut sheet = Sheet { look, cells: usize::from(text_area.width), lines: Vec::new() };
    match (look.state.board.watched(key), look.state.history.get(key)) {
        (Some(session), _) => sheet.session(session),
        (None, Some(past)) => sheet.past_session(past),
        (None, None) => {
            let words = ("that session is no longer known here".to_owned(), theme.muted);
            return look.centered(buffer, inner, &[words]);
        }
    }
    look.lines(buffer, text_area, &sheet.lines);
    let more = sheet.lines.len().saturating_sub(usize::from(inner.height));
    if more > 0 {
        let key = look.state.setup.keymap.word(crate::app::action::Action::Open);
        let words = [piece(format!("{} more, {key} opens all", counted(more, "line", "lines")), theme.muted)];
        look.on_frame(buffer, area, area.bottom() - 1, &[], &words);
    }
}

impl Sheet<'_> {
    /// A session of the past that is not watched: who and where, how it ended, what was found at its end.
    fn past_session(&mut self, past: &PastSession) {
        let look = self.look;
        let theme = look.theme;
        let (mark, word, style) = verdict(look, past);
        let mut line = vec![piece(format!("{mark} {word}"), style.add_modifier(Modifier::BOLD))];
        if let Some(severity) = past.severity.filter(|_| past.verdict == Some(Verdict::NonCompliant)) {
            line.push(piece(format!("  {}", severity.word()), style));
        }
        self.line(line);
        self.field("who", &look.owner(&past.owner), theme.text);
        let id = look.clean(past.target.as_str());
        let node = match look.name_of_node(&past.key.scope, &past.target) {
            Some(name) => format!("{name} ({id})"),
            None => id.into_owned(),
        };
        self.field("node", &node, theme.text);
        self.field("where", &look.place(&past.key.scope), theme.text);
        let lasted = past.lasted().map(|lasted| format!(" after {}", text::span(lasted))).unwrap_or_default();
        let ended = format!(
            "{} ({}), {} ago{lasted}",
            look.date(past.ended_at),
            look.clean(&past.how),
            look.ago(past.ended_at)
        );
        self.field("ended", &ended, theme.text);
        if let Some(reason) = &past.reason {
            self.field("reason", &look.clean(reason), theme.text);
        }
        self.field("document", &look.clean(past.document_name()), theme.text);
        let (mut archive, style) = past_archive(look, past);
        match &past.archive {
            PastArchive::Looked(object) => {
                if let Fact::Missing(missing) = &**object {
                    archive = format!("{archive}: {}", super::detail::why(look, missing));
                }
            }
            PastArchive::Remembered(true) => archive.push_str(" when it was remembered"),
            _ => {}
        }
        self.field("archive", &archive, style);
        let known = match (past.stored, past.listed) {
            (true, true) => "the store and the service's History",
            (true, false) => "the store; the service's History does not have it, or was not read",
            (false, true) => "the service's History; the store does not have it, or was not read",
            (false, false) => "what was seen in this run",
        };
        self.field("known from", known, theme.muted);
        self.ended_from_here(&past.key);
        self.kept_findings(&past.key);
    }
}
