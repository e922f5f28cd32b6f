//! The sessions table. Only the rows that are seen are built.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    columns::{self, Column, Fitted, Row},
    frozen::ShownLine,
    look::Look,
    text::{self, Pieces, counted, piece},
};
use crate::{
    app::{
        action::Action,
        board::Phase,
        columns::{ColumnId, SeenColumns},
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

/// Draws the pane; answers where the headings are that sort, and which columns are in sight.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) -> (Vec<(Rect, SortBy)>, SeenColumns) {
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
        return Default::default();
    }
    if shown == 0 {
        empty(look, buffer, inner);
        return Default::default();
    }
    let visible = usize::from(inner.height.saturating_sub(1));
    let lines = grouping::lines(&table.groups, shown, table.list.offset, visible);
    let shown_lines: Vec<ShownLine<'_>> = lines.iter().map(|line| ShownLine::of(look, *line)).collect();
    let form = form(look, inner.width, &shown_lines);
    let ending = look.ending();
    let rows: Vec<Row<'_>> = shown_lines.iter().map(|line| row(look, line, &form, &ending)).collect();
    let seen = draw_columns(look, buffer, inner, &form, rows);
    super::frozen::headings(look, buffer, inner, &shown_lines);
    let visible = lines.iter().filter(|line| matches!(line, Line::Row(_))).count();
    let position = look.position(table.list.offset, visible, shown);
    look.on_frame(buffer, area, area.bottom() - 1, &[], &position);
    seen
}

/// Draws the columns that are in sight, and how many are not.
fn draw_columns(
    look: &Look<'_>,
    buffer: &mut Buffer,
    area: Rect,
    form: &Form,
    mut rows: Vec<Row<'_>>,
) -> (Vec<(Rect, SortBy)>, SeenColumns) {
    let table = &look.state.view.table;
    let room = area.width.saturating_sub(2);
    let verdicts = rows.iter().filter_map(|row| row.cells.get(VERDICT)).map(|cell| text::line_width(cell)).max();
    let all = columns(look, form, area.width, verdicts.unwrap_or(0));
    let mut columns = all.clone();
    let mut fitted = columns::fit(&mut columns, table.pan, room);
    let mut right = String::new();
    if fitted.left + fitted.right > 0 {
        // The number of those to the right has its place after the last heading.
        let taken = 1 + fitted.right.to_string().len();
        columns = all;
        fitted = columns::fit(&mut columns, table.pan, room.saturating_sub(u16::try_from(taken).unwrap_or(u16::MAX)));
        if fitted.right > 0 {
            right = format!("{}{}", fitted.right, look.glyphs.more_right);
        }
    }
    let taken = u16::try_from(text::width(&right)).unwrap_or(u16::MAX);
    let pick = |index: &usize| columns.get(*index).cloned().map(|column| Column { drop: 0, ..column });
    let drawn: Vec<Column> = fitted.drawn.iter().filter_map(pick).collect();
    for row in &mut rows {
        let mut cells: Vec<Option<Pieces<'_>>> = std::mem::take(&mut row.cells).into_iter().map(Some).collect();
        let pick = |index: &usize| cells.get_mut(*index).and_then(Option::take).unwrap_or_default();
        row.cells = fitted.drawn.iter().map(pick).collect();
    }
    let inner = Rect { width: area.width.saturating_sub(taken), ..area };
    let places = columns::draw(buffer, inner, &drawn, &rows, &look.dress(table.reverse));
    for (row, y) in rows.iter().zip(area.top() + 1..area.bottom()) {
        if let Some(over) = row.over {
            buffer.set_style(Rect::new(area.x, y, area.width, 1), over);
        }
    }
    let sign = look.theme.accent.add_modifier(Modifier::BOLD);
    if !right.is_empty() && area.width > taken {
        text::put(buffer, (area.right() - taken, area.y), taken, &right, sign, look.glyphs.ellipsis);
    }
    if fitted.left > 0 {
        let left = format!("{}{}", look.glyphs.more_left, fitted.left);
        text::put(buffer, (area.x, area.y), 3.min(area.width), &left, sign, look.glyphs.ellipsis);
    }
    let place = |index: usize| {
        let at = fitted.drawn.iter().position(|drawn| *drawn == index)?;
        places.get(at).copied().flatten()
    };
    // The sign of the verdict is no column of its own.
    let all: Vec<(ColumnId, Option<Rect>)> =
        form.ids.iter().enumerate().map(|(index, id)| (*id, place(index + VERDICT))).collect();
    let headings = all.iter().filter_map(|(id, place)| Some(((*place)?, id.info().sort?))).collect();
    let all = all.into_iter().map(|(id, place)| (id, place.map(|place| place.width))).collect();
    let Fitted { left, right, same_at_first, .. } = fitted;
    (headings, SeenColumns { all, left, right, same_at_first })
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

/// The place of the verdict among the columns as they are drawn: after its sign.
const VERDICT: usize = 1;

/// What the table has room and use for.
struct Form {
    /// The node has its id, and the last output its words.
    roomy: bool,
    /// A status has a word of its own.
    status: bool,
    /// The columns that have something to show, in their order, the verdict first.
    ids: Vec<ColumnId>,
}

fn form(look: &Look<'_>, width: u16, lines: &[ShownLine<'_>]) -> Form {
    let set = &look.state.view.table.columns;
    let roomy = width >= ROOMY;
    // Without room the status stands beside the verdict, as it does where nobody wants its column.
    let status = set.has(ColumnId::Status) && (roomy || set.width(ColumnId::Status).is_some());
    let is_detected = |line: &ShownLine<'_>| line.facts.as_ref().is_some_and(|facts| facts.detection.is_some());
    let detected = || lines.iter().any(|line| matches!(line.line, Line::Row(_)) && is_detected(line));
    let ids = set.shown().iter().map(|column| column.id).filter(|id| match id {
        ColumnId::Status => status,
        ColumnId::Detected => detected(),
        _ => true,
    });
    Form { roomy, status, ids: ids.collect() }
}

fn columns(look: &Look<'_>, form: &Form, width: u16, verdicts: usize) -> Vec<Column> {
    let table = &look.state.view.table;
    let heading = look.state.view.heading();
    // What is said of a session beside its verdict shall not cut it.
    let verdict = if width < NARROW { 13 } else { u16::try_from(verdicts).unwrap_or(u16::MAX).clamp(13, 20) };
    let column = |id: &ColumnId| {
        let title = id.info().title;
        let mut column = match id {
            ColumnId::Verdict => Column::new(title, verdict, 20, 0),
            ColumnId::Detected => Column::new(title, 8, 12, 1),
            ColumnId::Status => Column::new(title, 9, 24, 1),
            ColumnId::Account => Column::new(title, 9, 24, 4).middle(),
            ColumnId::Region => Column::new(title, 9, 16, 8).middle(),
            ColumnId::Node if form.roomy => Column::new(title, 20, 44, 0),
            ColumnId::Node => Column::new(title, 10, 24, 0).middle(),
            ColumnId::Owner => Column::new(title, 10, 40, 2),
            ColumnId::Document => Column::new(title, 10, 34, 5).documents(),
            ColumnId::Reason => Column::new(title, 12, 60, 9),
            ColumnId::Log => Column::new(title, 8, 9, 3),
            ColumnId::Age => Column::number(title, 5, 7, 1),
            ColumnId::LastOutput if form.roomy => Column::number(title, 10, 10, 6),
            ColumnId::LastOutput => Column::number("OUT", 5, 7, 6),
            // Who asks for more columns than the usual ones wants to see them.
            ColumnId::AccountId => Column::new(title, 12, 12, 2),
            ColumnId::NodeId => Column::new(title, 10, 20, 2).middle(),
            ColumnId::SessionId => Column::new(title, 12, 40, 2).middle(),
            ColumnId::Started => Column::new(title, 8, 16, 2),
            ColumnId::Access => Column::new(title, 6, 12, 2),
            ColumnId::Rules => Column::new(title, 8, 30, 2),
            ColumnId::Tags => Column::new(title, 12, 60, 2),
        };
        if let Some(width) = table.columns.width(*id) {
            (column.min, column.max) = (width, width);
        }
        column.sorted = Some(*id) == ColumnId::sorting(table.sort);
        column.chosen = Some(*id) == heading;
        column
    };
    std::iter::once(Column::new("", 2, 2, 0)).chain(form.ids.iter().map(column)).collect()
}

fn row<'a>(look: &'a Look<'a>, line: &'a ShownLine<'a>, form: &Form, ending: &Ending<'_>) -> Row<'a> {
    let (Some(key), Line::Row(_)) = (line.key, line.line) else {
        // The heading of a group is written over all columns.
        return Row::new(Vec::new(), None);
    };
    let over = (look.state.view.table.list.selected.as_ref() == Some(key)).then_some(look.theme.selection);
    let lead = look.state.view.marked.contains(key).then(|| {
        let style = look.theme.accent.add_modifier(Modifier::BOLD | Modifier::REVERSED);
        piece(look.glyphs.marked, style)
    });
    let sign = line.sign(look);
    let lead_is_taken = lead.is_some();
    let lead = lead.or(sign.clone());
    let Some(session) = line.facts.as_deref() else {
        let cell = |id: &ColumnId| match id {
            ColumnId::Verdict => vec![piece("gone", look.theme.ghost)],
            ColumnId::Node | ColumnId::SessionId => vec![piece(look.clean(key.id.as_str()), look.theme.ghost)],
            _ => Vec::new(),
        };
        let cells = std::iter::once(Vec::new()).chain(form.ids.iter().map(cell)).collect();
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
    let condition = condition(look, (session, line.since), form.status, ending.get(key).copied());
    let word = match word {
        "INSUFFICIENT_DATA" => "INSUFFICIENT",
        word => word,
    };
    let mut verdict = vec![piece(if form.status { word } else { beside(word, &condition.0) }, said)];
    if !form.status && !condition.0.is_empty() {
        verdict.push(piece(" ", theme.text));
        verdict.push(piece(condition.0.clone(), condition.1));
    }
    let cell = |id: &ColumnId| match id {
        ColumnId::Verdict => verdict.clone(),
        ColumnId::Detected => {
            let cell = session.detection.as_ref().map(|shown| super::detections::shown_cell(look, shown));
            cell.map(|(words, style)| vec![piece(words, plain(style))]).unwrap_or_default()
        }
        ColumnId::Status => vec![piece(condition.0.clone(), condition.1)],
        ColumnId::Account => vec![piece(look.account(&key.scope), plain(theme.text))],
        ColumnId::Region => vec![piece(look.clean(key.scope.region.as_str()), plain(theme.muted))],
        ColumnId::Node => {
            let with_id = form.roomy && !form.ids.contains(&ColumnId::NodeId);
            node(look, session, with_id, plain(theme.text), plain(theme.muted))
        }
        ColumnId::Owner => vec![piece(look.owner(&record.owner), plain(theme.text))],
        ColumnId::Document => {
            let ordinary = record.document_name() == Session::DEFAULT_DOCUMENT;
            let style = if ordinary { theme.muted } else { theme.text };
            vec![piece(look.clean(record.document_name()), plain(style))]
        }
        ColumnId::Reason => {
            vec![piece(look.clean(record.reason.as_deref().unwrap_or_default()), plain(theme.muted))]
        }
        ColumnId::Log => recorder(look, session, plain),
        ColumnId::Age => vec![piece(age(session), plain(theme.text))],
        ColumnId::LastOutput => {
            let (last, style) = last_output(look, session);
            vec![piece(last, plain(style))]
        }
        more => super::more_columns::cell(look, session, *more, plain),
    };
    let cells = std::iter::once(vec![piece(mark, mark_style)]).chain(form.ids.iter().map(cell)).collect();
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
