//! The sessions table. Only the rows that are seen are built.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    columns::{self, Column, Row},
    frozen::ShownLine,
    look::Look,
    text::{self, Pieces, counted, piece},
};
use crate::{
    app::{
        action::Action,
        board::Phase,
        frozen::{RowFacts, Since},
        grouping::{self, Line},
        state::Store,
        view::{Screen, SortBy},
    },
    domain::{Session, SessionKey, SessionStatus, Severity, Verdict},
};

/// From this width on a status has a word of its own, and the node its id.
const ROOMY: u16 = 150;

/// Below this width the verdict gets no more room than its longest word.
const NARROW: u16 = 58;
/// The place of the verdict among the columns.
const VERDICT: usize = 1;

/// Draws the pane; answers where the headings are that sort.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) -> Vec<(Rect, SortBy)> {
    let view = &look.state.view;
    let table = &view.table;
    let shown = table.list.rows.len();
    let mut title: Pieces<'_> = vec![piece("Sessions ", look.theme.title)];
    if let Some(frozen) = &table.frozen {
        title.extend(super::frozen::title(look, frozen, shown));
    } else if table.filter.is_empty() {
        title.push(piece(table.total.to_string(), look.theme.text));
    } else {
        let not_known = look.state.filtered.sessions.words();
        title.push(piece(format!("{shown} of {}{not_known}", table.total), look.theme.text));
        title.push(piece("  filter ", look.theme.muted));
        title.extend(look.filter());
    }
    title.extend(super::frozen::while_away(look));
    title.extend(marked(look));
    let sorted = match table.sort {
        SortBy::Severity => "worst first".to_owned(),
        other => format!("by {}", other.title().to_lowercase()),
    };
    let sorted = if table.reverse { format!("{sorted}, reversed") } else { sorted };
    let sorted = match table.group.word() {
        Some(word) => format!("per {word}, {sorted}"),
        None => sorted,
    };
    let state = [piece(sorted, look.theme.muted)];
    let inner = super::frozen::pane(look, buffer, area, &title, &state);
    if inner.height == 0 {
        return Vec::new();
    }
    if shown == 0 {
        empty(look, buffer, inner);
        return Vec::new();
    }
    let visible = usize::from(inner.height.saturating_sub(1));
    let roomy = inner.width >= ROOMY;
    let lines = grouping::lines(&table.groups, shown, table.list.offset, visible);
    let shown_lines: Vec<ShownLine<'_>> = lines.iter().map(|line| ShownLine::of(look, *line)).collect();
    let detected = |line: &ShownLine<'_>| line.facts.as_ref().is_some_and(|facts| facts.detection.is_some());
    let form =
        Form { roomy, detections: shown_lines.iter().any(|line| matches!(line.line, Line::Row(_)) && detected(line)) };
    let ending = look.ending();
    let rows: Vec<Row<'_>> = shown_lines.iter().map(|line| row(look, line, form, &ending)).collect();
    let verdicts = rows.iter().filter_map(|row| row.cells.get(VERDICT)).map(|cell| text::line_width(cell)).max();
    let columns = columns(look, form, inner.width, verdicts.unwrap_or(0));
    let headings = columns::draw(buffer, inner, &columns, &rows, &look.dress(table.reverse));
    super::frozen::headings(look, buffer, inner, &shown_lines);
    let visible = lines.iter().filter(|line| matches!(line, Line::Row(_))).count();
    let position = look.position(table.list.offset, visible, shown);
    look.on_frame(buffer, area, area.bottom() - 1, &[], &position);
    headings
}

/// How many sessions are marked for acts on many, those among them that the filter hides.
fn marked<'a>(look: &Look<'_>) -> Pieces<'a> {
    let view = &look.state.view;
    if view.marked.is_empty() {
        return Vec::new();
    }
    let style = look.theme.accent.add_modifier(Modifier::BOLD);
    let mut words = format!("  {} {} marked", look.glyphs.marked, view.marked.len());
    let hidden = if view.table.filter.is_empty() {
        0
    } else {
        let shown: HashSet<&SessionKey> = view.table.list.rows.iter().collect();
        view.marked.iter().filter(|key| !shown.contains(key)).count()
    };
    if hidden > 0 {
        words.push_str(&format!(", {hidden} hidden by the filter"));
    }
    vec![piece(words, style)]
}

/// What the table has room and use for.
#[derive(Clone, Copy)]
struct Form {
    /// A status has a word of its own, and the node its id.
    roomy: bool,
    /// A row has a detection.
    detections: bool,
}

fn columns(look: &Look<'_>, form: Form, width: u16, verdicts: usize) -> Vec<Column> {
    let roomy = form.roomy;
    let table = &look.state.view.table;
    let sorted = |by: SortBy, mut column: Column| {
        column.sorted = table.sort == by;
        column.by = Some(by);
        column
    };
    // What is said of a session beside its verdict shall not cut it.
    let verdict = if width < NARROW { 13 } else { u16::try_from(verdicts).unwrap_or(u16::MAX).clamp(13, 20) };
    let mut columns = vec![
        Column::new("", 2, 2, 0),
        sorted(SortBy::Severity, Column::new("VERDICT", verdict, 20, 0)),
        sorted(SortBy::Account, Column::new("ACCOUNT", 9, 24, 4).middle()),
        sorted(SortBy::Region, Column::new("REGION", 9, 16, 8).middle()),
        sorted(
            SortBy::Node,
            if roomy { Column::new("NODE", 20, 44, 0) } else { Column::new("NODE", 10, 24, 0).middle() },
        ),
        sorted(SortBy::Owner, Column::new("OWNER", 10, 40, 2)),
        sorted(SortBy::Document, Column::new("DOCUMENT", 10, 34, 5).documents()),
        sorted(SortBy::Reason, Column::new("REASON", 12, 60, 9)),
        Column::new("LOG", 8, 9, 3),
        sorted(SortBy::Age, Column::number("AGE", 5, 7, 0)),
        sorted(
            SortBy::LastOutput,
            if roomy { Column::number("LAST OUT", 10, 10, 6) } else { Column::number("OUT", 5, 7, 6) },
        ),
    ];
    if roomy {
        columns.insert(VERDICT + 1, Column::new("STATUS", 9, 24, 1));
    }
    if form.detections {
        columns.insert(VERDICT + 1, Column::new("DETECTED", 8, 12, 0));
    }
    columns
}

fn row<'a>(look: &'a Look<'a>, line: &'a ShownLine<'a>, form: Form, ending: &Ending<'_>) -> Row<'a> {
    let (Some(key), Line::Row(_)) = (line.key, line.line) else {
        // The heading of a group is written over all columns.
        return Row::new(Vec::new(), None);
    };
    let roomy = form.roomy;
    let over = (look.state.view.table.list.selected.as_ref() == Some(key)).then_some(look.theme.selection);
    let lead = look.state.view.marked.contains(key).then(|| {
        let style = look.theme.accent.add_modifier(Modifier::BOLD | Modifier::REVERSED);
        piece(look.glyphs.marked, style)
    });
    let sign = line.sign(look);
    let lead_is_taken = lead.is_some();
    let lead = lead.or(sign.clone());
    let Some(session) = line.facts.as_deref() else {
        // The column of the node comes before those that are dropped.
        let node = 4 + usize::from(roomy) + usize::from(form.detections);
        let mut cells = vec![Vec::new(); node];
        if let Some(verdict) = cells.get_mut(VERDICT) {
            verdict.push(piece("gone", look.theme.ghost));
        }
        cells.push(vec![piece(look.clean(key.id.as_str()), look.theme.ghost)]);
        return Row { cells, over, lead };
    };
    let theme = look.theme;
    let record = &session.session;
    let unseen = session.unseen_since.is_some();
    let plain = |style: Style| match (session.is_active(), unseen) {
        (false, _) => theme.ghost,
        (true, true) => theme.muted.add_modifier(Modifier::ITALIC),
        (true, false) => style,
    };
    let (mark, word, verdict_style) = look.verdict_of((session.verdict, session.severity), unseen, session.adopted);
    // Where another sign has the place of it, the verdict itself says that something changed.
    let said = if lead_is_taken && sign.is_some() {
        verdict_style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
    } else {
        verdict_style
    };
    // From afar a row is as bad as the worst that is known of it.
    let typed = session.typed.filter(|worst| *worst >= Severity::High);
    let broken = session.severity.filter(|_| session.verdict == Some(Verdict::NonCompliant));
    let (mark, mark_style) = match typed.filter(|typed| Some(*typed) > broken) {
        Some(typed) => look.mark(Verdict::NonCompliant, Some(typed)),
        None => (mark, verdict_style),
    };
    let (last, last_style) = last_output(look, session);
    let ordinary = record.document_name() == Session::DEFAULT_DOCUMENT;
    let reason = record.reason.as_deref().unwrap_or_default();
    let owner = look.owner(&record.owner);
    let condition = condition(look, (session, line.since), roomy, ending.get(key).copied());
    let word = match word {
        "INSUFFICIENT_DATA" => "INSUFFICIENT",
        word => word,
    };
    let mut verdict = vec![piece(if roomy { word } else { beside(word, &condition.0) }, said)];
    if !roomy && !condition.0.is_empty() {
        verdict.push(piece(" ", theme.text));
        verdict.push(piece(condition.0.clone(), condition.1));
    }
    let mut cells = vec![
        vec![piece(mark, mark_style)],
        verdict,
        vec![piece(look.account(&key.scope), plain(theme.text))],
        vec![piece(look.clean(key.scope.region.as_str()), plain(theme.muted))],
        node(look, session, roomy, plain(theme.text), plain(theme.muted)),
        vec![piece(owner, plain(theme.text))],
        vec![piece(look.clean(record.document_name()), plain(if ordinary { theme.muted } else { theme.text }))],
        vec![piece(look.clean(reason), plain(theme.muted))],
        recorder(look, session, plain),
        vec![piece(age(session), plain(theme.text))],
        vec![piece(last, plain(last_style))],
    ];
    if roomy {
        cells.insert(VERDICT + 1, vec![piece(condition.0, condition.1)]);
    }
    if form.detections {
        let cell = session.detection.as_ref().map(|shown| super::detections::shown_cell(look, shown));
        let cell = cell.map(|(words, style)| vec![piece(words, plain(style))]);
        cells.insert(VERDICT + 1, cell.unwrap_or_default());
    }
    Row { cells, over, lead }
}

/// The verdict's word, shorter where another word stands beside it; its mark says the same.
fn beside(word: &'static str, other: &str) -> &'static str {
    match word {
        word if text::width(other) < 2 => word,
        "NON_COMPLIANT" => "NON_COMPL",
        "INSUFFICIENT" => "INSUFF",
        "NOT_APPLICABLE" => "NOT_APPL",
        word => word,
    }
}

/// Sessions whose termination is under way, and since when.
type Ending<'a> = HashMap<&'a SessionKey, Timestamp>;

/// What is to be said of a session beside its verdict: that it ended or ends, that it is not seen now, its status. In the
/// column of the status all of it, beside the verdict only what is out of the ordinary.
///
/// Of a frozen row as it was; but what is being done to its session now, or was, is said at once.
fn condition(
    look: &Look<'_>,
    (session, became): (&RowFacts, Option<Since>),
    roomy: bool,
    ending_since: Option<Timestamp>,
) -> (String, Style) {
    let theme = look.theme;
    let (status, style) = look.status_of(&session.phase, &session.session.status);
    if became == Some(Since::Ended) {
        let word = if roomy { "ended since" } else { "ended" };
        return (word.to_owned(), theme.warning.add_modifier(Modifier::BOLD));
    }
    if !session.is_active() {
        return (if roomy { status } else { "ended".to_owned() }, theme.muted);
    }
    if let Some(since) = ending_since {
        return (format!("ending {}", look.ago(since)), theme.warning.add_modifier(Modifier::BOLD));
    }
    if let Some(countdown) = countdown(look, &session.session.key) {
        return countdown;
    }
    if became == Some(Since::Changed) {
        let word = if roomy { "changed since" } else { "changed" };
        return (word.to_owned(), theme.warning);
    }
    if session.session.status == SessionStatus::Terminating {
        let word = if roomy { "TERMINATING" } else { "ENDING" };
        return (word.to_owned(), theme.warning.add_modifier(Modifier::BOLD));
    }
    if let Some(since) = session.unseen_since {
        let age = text::age(session.as_of.duration_since(since));
        let well = matches!(session.verdict, Some(Verdict::Compliant | Verdict::NotApplicable));
        let words = match (roomy, well) {
            (true, _) => format!("seen {age} ago"),
            // The verdict's own word says the rest.
            (false, true) => age,
            (false, false) => format!("STALE {age}"),
        };
        return (words, theme.warning);
    }
    let connected = session.session.status == SessionStatus::Connected;
    if look.state.quarantine_on(&session.session).is_some() {
        let words = if roomy { format!("{status} QUARANTINED") } else { "QUARANT".to_owned() };
        return (words, theme.warning.add_modifier(Modifier::BOLD));
    }
    match session.session.status {
        _ if roomy => (status, if connected { theme.muted } else { style }),
        SessionStatus::Connected => (String::new(), style),
        SessionStatus::Disconnected => (look.glyphs.disconnected.to_owned(), style),
        _ => (look.glyphs.loading.to_owned(), style),
    }
}

/// A session that is about to be ended by itself: how long it still has, or why it stands.
fn countdown(look: &Look<'_>, key: &SessionKey) -> Option<(String, Style)> {
    let (state, theme) = (look.state, look.theme);
    let at = state.automatic.pending_of(key)?.at?;
    let stands = theme.warning.add_modifier(Modifier::BOLD);
    Some(if state.automatic.paused.is_some() {
        ("auto held".to_owned(), stands)
    } else if state.acting_off(true).is_some() || matches!(state.store, Store::Troubled(..)) {
        ("auto off".to_owned(), stands)
    } else {
        let left = at.duration_since(state.now).as_secs().max(0);
        (format!("auto {left}s"), theme.danger.add_modifier(Modifier::BOLD | Modifier::REVERSED))
    })
}

fn node<'a>(look: &Look<'a>, session: &'a RowFacts, roomy: bool, name_style: Style, id_style: Style) -> Pieces<'a> {
    let id = look.clean(session.session.target.as_str());
    match super::frozen::node_name(look, session) {
        Some(name) if roomy => vec![piece(name, name_style), piece(" ", id_style), piece(id, id_style)],
        Some(name) => vec![piece(name, name_style)],
        None => vec![piece(id, name_style)],
    }
}

fn age(session: &RowFacts) -> String {
    let until = match session.phase {
        Phase::Ended { at, .. } => at,
        Phase::Active => session.as_of,
    };
    match session.session.started_at {
        Some(started) => text::age(until.duration_since(started)),
        None => "?".to_owned(),
    }
}

/// How its recorder is.
fn recorder(look: &Look<'_>, session: &RowFacts, plain: impl Fn(Style) -> Style) -> Pieces<'static> {
    if !session.is_active() {
        return Vec::new();
    }
    vec![piece(session.recorder.word(), plain(look.recorder(session.recorder)))]
}

/// When it printed last; what is less than ten seconds ago happens now.
fn last_output(look: &Look<'_>, session: &RowFacts) -> (String, Style) {
    match session.last_output {
        Some(at) => {
            let ago = session.as_of.duration_since(at);
            let recent = ago < SignedDuration::from_secs(10);
            (text::age(ago), if recent { look.theme.accent } else { look.theme.muted })
        }
        None => (look.glyphs.not_applicable.to_owned(), look.theme.muted),
    }
}

/// Why there are no rows: each reason is another one.
fn empty(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let (state, theme) = (look.state, look.theme);
    let counts = &state.counts;
    let unseen = super::header::unseen(counts);
    let mut lines: Vec<(String, Style)> = Vec::new();
    if !state.view.table.filter.is_empty() && state.view.table.total > 0 {
        let filter = look.clean(&state.view.table.filter);
        lines.push((format!("no session matches \"{filter}\""), theme.title));
        let all = counted(state.view.table.total, "session is hidden", "sessions are hidden");
        let key = state.setup.keymap.word(Action::Back);
        lines.push((format!("{all}; {key} shows all again"), theme.muted));
        let not_known = state.filtered.sessions.hidden;
        if not_known > 0 {
            let them = counted(not_known, "of them may match", "of them may match");
            lines.push((format!("{them}: what the filter asks is not known of it"), theme.warning));
        }
    } else if counts.scopes == 0 {
        lines.push(("no account and region is configured".to_owned(), theme.danger));
    } else if unseen > 0 && counts.fresh == 0 {
        lines.push((
            format!("{} cannot be read: there may be sessions that are not shown", counted(unseen, "scope", "scopes")),
            theme.danger,
        ));
        let key = state.setup.keymap.word(super::footer::action_of(Screen::Scopes));
        lines.push((format!("{key} shows why, scope by scope"), theme.muted));
    } else if counts.loading > 0 {
        lines.push((format!("{} reading the sessions", look.glyphs.loading), theme.title));
        lines.push((
            format!(
                "{} of {} answered so far",
                counts.scopes - counts.loading,
                counted(counts.scopes, "scope", "scopes")
            ),
            theme.muted,
        ));
    } else {
        lines.push(("no active session".to_owned(), theme.title));
        let read = format!("{} of {} read", counts.fresh, counted(counts.scopes, "scope", "scopes"));
        match counts.oldest_seconds {
            Some(seconds) => lines.push((format!("{read}, the oldest answer is {seconds} s old"), theme.muted)),
            None => lines.push((read, theme.muted)),
        }
        if unseen > 0 {
            let blind = counted(unseen, "scope cannot", "scopes cannot");
            lines.push((format!("{blind} be read: there may be sessions that are not shown"), theme.danger));
        }
    }
    look.centered(buffer, area, &lines);
}
