//! The keys that work now: per screen, and by what is selected and allowed. What does not work is not offered as if it did.

use std::borrow::Cow;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    look::Look,
    text::{self, Pieces, line_width, piece, put_line, put_right},
};
use crate::{
    app::{
        action::Action,
        board::SessionBoard,
        layout::Areas,
        overlay::Overlay,
        state::Store,
        update::acts,
        view::{Focus, Screen},
        works::off_now,
    },
    domain::{ActKind, Alert, SessionKey, Subject, Workflow},
};

/// A key and what it does now; or, without a key, why something does not work.
struct Hint {
    action: Option<Action>,
    words: Cow<'static, str>,
    /// It is known not to work: the permission was denied.
    off: bool,
}

impl Hint {
    fn new(action: Action, words: impl Into<Cow<'static, str>>) -> Self {
        Self { action: Some(action), words: words.into(), off: false }
    }

    fn of(action: Action) -> Self {
        Self::new(action, action.info().hint)
    }
}

/// From so many cells on the palette has its place.
const ROOMY: u16 = 100;
/// Reasons are cut to this: they stand in full elsewhere.
const LONGEST_REASON: usize = 32;

/// Draws as many hints as there is room for.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let one = |hint: &Hint| -> Option<Pieces<'static>> {
        let Some(action) = hint.action else {
            let style = if hint.off { theme.warning.add_modifier(Modifier::BOLD) } else { theme.muted };
            return Some(vec![piece(format!(" {} ", hint.words), style)]);
        };
        let key = look.state.setup.keymap.first_key(action)?;
        let style: Style = match action {
            _ if hint.off => theme.muted,
            Action::Terminate | Action::Quarantine => theme.danger.add_modifier(Modifier::BOLD),
            _ => theme.accent.add_modifier(Modifier::BOLD),
        };
        Some(vec![piece(format!(" {key}"), style), piece(format!(" {} ", hint.words), theme.muted)])
    };
    // Help and quit keep their place, and where there is room the palette, which has everything else; of the others as many as fit.
    let roomy = area.width >= ROOMY;
    let keeps = |hint: &Hint| match hint.action {
        Some(Action::Palette) => roomy,
        Some(action) => matches!(action, Action::Help | Action::Quit),
        None => false,
    };
    let (always, others): (Vec<Hint>, Vec<Hint>) = hints(look).into_iter().partition(keeps);
    let always: Pieces<'_> = always.iter().filter_map(one).flatten().collect();
    let right = put_right(buffer, area, &always, look.glyphs.ellipsis);
    let room = area.width.saturating_sub(right + 1);
    let mut x = 0;
    for line in others.iter().filter_map(one) {
        let wide = u16::try_from(line_width(&line)).unwrap_or(u16::MAX);
        if x + wide > room {
            break;
        }
        x += put_line(buffer, (area.x + x, area.y), wide, &line, look.glyphs.ellipsis);
    }
}

/// What works now, the most useful first. What would do nothing is not among it, unless it says why.
fn hints(look: &Look<'_>) -> Vec<Hint> {
    let mut hints = wanted(look);
    let view = &look.state.view;
    let over = view.help.is_some() || view.sheet.is_some() || view.overlay.is_some();
    hints.retain(|hint| over || hint.off || hint.action.is_none_or(|action| off_now(look.state, action).is_none()));
    hints
}

fn wanted(look: &Look<'_>) -> Vec<Hint> {
    let view = &look.state.view;
    if let Some(Overlay::Copy(_)) = view.overlay {
        return vec![
            Hint::new(Action::Back, "close"),
            Hint::new(Action::Down, "next"),
            Hint::new(Action::Copy, "copy the selected"),
        ];
    }
    if view.overlay.is_some() {
        // It says its keys itself, and those below it do nothing.
        return Vec::new();
    }
    if view.help.is_some() {
        return vec![Hint::new(Action::Down, "scroll"), Hint::new(Action::Back, "close")];
    }
    if view.sheet.is_some() {
        return vec![
            Hint::new(Action::Back, "close"),
            Hint::new(Action::Down, "scroll"),
            Hint::new(Action::NextMatch, "next finding"),
            Hint::new(Action::PreviousMatch, "previous finding"),
        ];
    }
    let mut hints = Vec::new();
    automatic(look, &mut hints);
    match view.screen {
        Screen::Sessions => sessions(look, &mut hints),
        Screen::History => {
            let selected = view.history.selected.as_ref();
            if selected.is_some() {
                hints.push(Hint::of(Action::Open));
            }
            on_session(look, &mut hints, selected);
            let past = selected.is_some_and(|key| !look.state.board.sessions.contains_key(key));
            if past && look.state.acting_off(false).is_none() {
                hints.push(Hint::of(Action::Export));
            }
            hints.push(Hint::of(Action::Filter));
            hints.push(Hint::of(Action::SortNext));
            if !view.table.filter.is_empty() {
                hints.push(Hint::new(Action::Back, "no filter"));
            }
        }
        Screen::Alerts => {
            let alert = view.alerts.selected.as_ref().and_then(|id| look.state.alerts.get(id));
            if let Some(alert) = alert {
                on_alert(look, &mut hints, alert);
            }
        }
        Screen::Preferences => {
            if view.preferences.selected.is_some() {
                hints.push(Hint::new(Action::Open, "rule"));
            }
            moves(&mut hints, view.preferences.position(), view.preferences.rows.len());
        }
        Screen::Acts => {
            let act = view.acts.selected.and_then(|id| look.state.act(id));
            let session = act.and_then(|act| act.session()).filter(|key| look.state.board.sessions.contains_key(*key));
            if session.is_some() {
                hints.push(Hint::new(Action::Open, "open session"));
            }
            on_session(look, &mut hints, session);
        }
        Screen::Scopes => {
            hints.push(Hint::new(Action::Refresh, "ask again"));
            moves(&mut hints, view.scopes.position(), view.scopes.rows.len());
        }
    }
    if view.screen != Screen::Sessions {
        hints.push(Hint::new(Action::NextPane, "next screen"));
        if view.screen != Screen::History || view.table.filter.is_empty() {
            hints.push(Hint::new(Action::Back, "sessions"));
        }
    }
    if acts::selected(look.state).is_some() {
        hints.push(Hint::of(Action::Copy));
    }
    if !look.state.setup.filters.is_empty() && matches!(view.screen, Screen::Sessions | Screen::History) {
        hints.push(Hint::of(Action::SavedFilters));
    }
    hints.push(Hint::of(Action::Wall));
    if view.screen != Screen::Scopes {
        hints.push(Hint::of(Action::Refresh));
    }
    hints.extend([Action::NextTheme, Action::Palette, Action::Help, Action::Quit].map(Hint::of));
    hints
}

/// What concerns automatic response, while it has something: a countdown comes before everything else.
fn automatic(look: &Look<'_>, hints: &mut Vec<Hint>) {
    let automatic = &look.state.automatic;
    if automatic.paused.is_some() {
        hints.push(Hint::new(Action::PauseAutomatic, "resume automatic"));
    } else if !automatic.pending().is_empty() {
        hints.push(Hint::of(Action::Spare));
        hints.push(Hint::of(Action::PauseAutomatic));
    }
}

/// A key that changes how the table is looked at, by how it is now.
fn of_table(look: &Look<'_>, action: Action) -> Hint {
    match action {
        Action::Freeze if look.state.is_frozen() => Hint::new(action, "go on"),
        Action::GroupBy => match look.state.view.table.group.next().word() {
            Some(word) => Hint::new(action, format!("group by {word}")),
            None => Hint::new(action, "no groups"),
        },
        action => Hint::of(action),
    }
}

/// Down the list, or back up from its end.
fn moves(hints: &mut Vec<Hint>, position: Option<usize>, rows: usize) {
    match position {
        _ if rows < 2 => {}
        Some(at) if at + 1 == rows => hints.push(Hint::of(Action::Up)),
        _ => hints.push(Hint::of(Action::Down)),
    }
}

/// Scrolls text, where there is more of it.
fn scrolls(hints: &mut Vec<Hint>, top: usize, last: usize) {
    match top {
        _ if last == 0 => {}
        top if top >= last => hints.push(Hint::new(Action::Up, "scroll")),
        _ => hints.push(Hint::new(Action::Down, "scroll")),
    }
}

fn sessions(look: &Look<'_>, hints: &mut Vec<Hint>) {
    let view = &look.state.view;
    let areas = Areas::of(view.size.0, view.size.1, view);
    let selected = view.table.list.selected.as_ref();
    let transcript = view.transcript.as_ref();
    match view.focus {
        Focus::Table if view.heading().is_some() => {
            hints.push(Hint::new(Action::Down, "rows"));
            hints.push(Hint::new(Action::Right, "next"));
            hints.push(Hint::new(Action::SortNext, "sort"));
            hints.push(Hint::new(Action::Mark, "freeze"));
            hints.push(Hint { action: None, words: "+ - width".into(), off: false });
            hints.push(Hint { action: None, words: "< > move".into(), off: false });
            hints.push(Hint::of(Action::Columns));
            return;
        }
        Focus::Table => {
            if selected.is_some() {
                hints.push(Hint::of(Action::Open));
            }
            if let Some(key) = selected.filter(|_| look.state.acting_off(true).is_none()) {
                let words = if view.marked.contains(key) { "unmark" } else { "mark" };
                hints.push(Hint::new(Action::Mark, words));
            }
            on_session(look, hints, selected);
            hints.push(Hint::of(Action::Filter));
            if !view.marked.is_empty() {
                hints.push(Hint::new(Action::Back, "no marks"));
            } else if !view.table.filter.is_empty() {
                hints.push(Hint::new(Action::Back, "no filter"));
            }
            let several = [Action::Freeze, Action::SortNext, Action::GroupBy, Action::SortReverse, Action::Columns];
            if view.table.total > 0 {
                hints.extend(several.map(|action| of_table(look, action)));
                hints.push(Hint::new(Action::Right, "more columns"));
                hints.push(Hint::new(Action::Left, "columns back"));
            }
        }
        Focus::Detail => {
            hints.push(Hint::of(Action::Back));
            let rows = areas.as_ref().map_or(0, Areas::detail_rows);
            scrolls(hints, view.detail_top, view.detail_lines.saturating_sub(rows));
            if selected.is_some() {
                hints.push(Hint::new(Action::Open, "rule"));
            }
            on_session(look, hints, selected);
        }
        Focus::Transcript => {
            hints.push(Hint::of(Action::Back));
            if let (Some(transcript), Some(areas)) = (transcript, &areas) {
                let room = areas.transcript_room(view);
                scrolls(hints, transcript.first_line(room), transcript.last_top(room));
            }
            let following = transcript.is_some_and(|transcript| transcript.follow);
            hints.push(Hint::new(Action::Follow, if following { "stop following" } else { "follow" }));
            if transcript.is_some() {
                hints.push(Hint::new(Action::Filter, "search"));
            }
            if !view.wrap {
                hints.push(Hint::new(Action::Right, "rest of lines"));
            }
            if transcript.is_some_and(|transcript| !transcript.search.is_empty()) {
                hints.extend([Action::NextMatch, Action::PreviousMatch].map(Hint::of));
            }
            let playing = transcript.is_some_and(|transcript| transcript.playback.is_some());
            if playing {
                hints.push(Hint::new(Action::Mark, "pause"));
                hints.extend([Action::Faster, Action::Slower, Action::NextCommand].map(Hint::of));
                hints.push(Hint::new(Action::Replay, "stop"));
            }
            on_session(look, hints, selected);
            let beside = selected.is_some_and(|key| view.beside.contains(key));
            hints.push(Hint::new(Action::Beside, if beside { "let go" } else { "keep beside" }));
            if !playing {
                hints.extend([Action::Wrap, Action::Times, Action::Replay].map(Hint::of));
            }
        }
        Focus::Commands => {
            hints.push(Hint::of(Action::Back));
            if transcript.is_some_and(|transcript| transcript.commands().next().is_some()) {
                hints.push(Hint::new(Action::Down, "next command"));
                hints.push(Hint::new(Action::Open, "to its place"));
            }
            hints.push(Hint::new(Action::Filter, "search"));
            on_session(look, hints, selected);
        }
    }
    if areas.is_some_and(|areas| areas.detail.is_some() || areas.transcript.is_some()) {
        hints.push(Hint::of(Action::NextPane));
    }
}

/// What can be done on a session: ended, raised, its alert seen, quarantined, exported.
fn on_session(look: &Look<'_>, hints: &mut Vec<Hint>, selected: Option<&SessionKey>) {
    let (state, view) = (look.state, &look.state.view);
    let board = selected.and_then(|key| state.board.sessions.get(key));
    let marked = if view.screen == Screen::Sessions { view.marked.len() } else { 0 };
    if board.is_none() && marked == 0 {
        return;
    }
    let off = state.acting_off(true);
    if off.is_none() {
        let active = board.is_some_and(SessionBoard::is_active);
        if marked > 0 {
            hints.push(Hint::new(Action::Terminate, format!("terminate {marked} marked")));
        } else if active {
            hints.push(permitted(look, Action::Terminate, ActKind::Terminate, selected));
        }
        let has_topic = state.setup.member_topic.is_some() || state.setup.central_topic.is_some();
        if board.is_some() && has_topic {
            hints.push(permitted(look, Action::Alert, ActKind::Alert, selected));
        }
    }
    if let Some(key) = selected.filter(|_| board.is_some()) {
        let alerts = state.alerts.of(&Subject::Session(key.clone()));
        // As the keys choose it: the worst that nobody has seen, else the worst that stands.
        let unseen = alerts.iter().find(|alert| alert.is_unacknowledged());
        if let Some(alert) = unseen.or_else(|| alerts.iter().find(|alert| alert.workflow.is_open())) {
            handle(look, hints, alert);
        }
    }
    if let (None, Some(board), Some(_)) = (&off, board, &state.setup.quarantine) {
        hints.push(match state.quarantine_on(&board.session) {
            Some(_) => Hint::new(Action::Quarantine, "lift quarantine"),
            None => permitted(look, Action::Quarantine, ActKind::Quarantine, selected),
        });
    }
    if board.is_some() && state.acting_off(false).is_none() {
        hints.push(Hint::of(Action::Export));
    }
    why_off(look, hints);
}

/// What can be done on an alert, and on what it is about.
fn on_alert(look: &Look<'_>, hints: &mut Vec<Hint>, alert: &Alert) {
    let state = look.state;
    handle(look, hints, alert);
    let session = alert.subject.session().filter(|key| state.board.sessions.contains_key(*key));
    if let Some(key) = session {
        hints.push(Hint::new(Action::Open, "open session"));
        let may_act = state.acting_off(true).is_none();
        let board = state.board.sessions.get(key);
        if may_act && board.is_some_and(SessionBoard::is_active) {
            hints.push(permitted(look, Action::Terminate, ActKind::Terminate, session));
        }
    }
    let of_account = matches!(alert.subject, Subject::Account(_));
    if (session.is_some() || of_account) && state.setup.quarantine.is_some() && state.acting_off(true).is_none() {
        hints.push(permitted(look, Action::Quarantine, ActKind::Quarantine, session));
    }
    if session.is_some() && state.acting_off(false).is_none() {
        hints.push(Hint::of(Action::Export));
    }
    why_off(look, hints);
}

/// Acknowledge and suppress, as far as there is something to.
fn handle(look: &Look<'_>, hints: &mut Vec<Hint>, alert: &Alert) {
    if look.state.acting_off(false).is_some() {
        return;
    }
    if alert.acknowledged.is_none() {
        hints.push(Hint::of(Action::Acknowledge));
    }
    if !matches!(alert.workflow, Workflow::Resolved { .. }) {
        hints.push(Hint::of(Action::Suppress));
    }
}

/// The key of an act; where its permission was denied, muted and with that word.
fn permitted(look: &Look<'_>, action: Action, kind: ActKind, session: Option<&SessionKey>) -> Hint {
    match session.and_then(|key| look.denied(&key.scope, kind)) {
        Some(_) => Hint { off: true, ..Hint::new(action, "denied") },
        None => Hint::of(action),
    }
}

/// Why the keys of acts are not there.
fn why_off(look: &Look<'_>, hints: &mut Vec<Hint>) {
    let state = look.state;
    let Some(why) = state.acting_off(true) else { return };
    let what = match (&state.setup.read_only, &state.store) {
        (Some(_), _) => "read-only",
        (None, Store::Refused(_)) => "acts off",
        _ => "not yet",
    };
    let why = text::fit(&look.clean(&why), LONGEST_REASON, look.glyphs.ellipsis).into_owned();
    hints.push(Hint { action: None, words: format!("{what}: {why}").into(), off: true });
}

#[cfg(test)]
#[path = "hints_tests.rs"]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
