//! The transcript of the selected session.

use std::sync::Arc;

use jiff::Timestamp;

use super::keys::Scroll;
use crate::{
    app::{
        board::{Phase, SessionBoard},
        layout::Areas,
        message::{Effect, Follow},
        state::State,
        view::{Focus, Screen, TranscriptStatus, TranscriptView},
    },
    domain::{Failure, FailureClass, LogEvent, SessionKey},
    transcript::{DEFAULT_CAPACITY, Direction, Glyphs, SHOWN_BYTES, Search, Transcript, why_no_log},
};

/// Transcripts that are kept beside the one on the screen; each holds up to [`DEFAULT_CAPACITY`] bytes.
const SHELF: usize = 8;

/// What following a session needs: its log group, or the words why it has no log.
enum Followable {
    In(Arc<str>),
    Never(Arc<str>),
    NotKnownYet,
}

/// Follows the selected session while its transcript is on the screen.
pub(super) fn follow_selection(state: &mut State, areas: Option<&Areas>, effects: &mut Vec<Effect>) {
    let on_screen = state.view.screen == Screen::Sessions && areas.is_some_and(|areas| areas.transcript.is_some());
    let wanted = state.view.table.list.selected.clone().filter(|_| on_screen);
    let current = state.view.transcript.as_ref().map(|transcript| &transcript.session);
    if let Some(key) = &wanted
        && current == Some(key)
    {
        return reconsider(state, effects);
    }
    if current.is_none() && wanted.is_none() {
        return;
    }
    let mut was_following = false;
    if let Some(mut left) = state.view.transcript.take() {
        was_following = std::mem::take(&mut left.followed);
        state.view.shelf.push_front(left);
        state.view.shelf.truncate(SHELF);
    }
    if was_following {
        effects.push(Effect::Follow(Vec::new()));
    }
    let Some(session) = wanted else { return };
    let shelved = state.view.shelf.iter().position(|view| view.session == session);
    let transcript = shelved.and_then(|at| state.view.shelf.remove(at));
    let ascii = state.setup.ascii;
    state.view.transcript = Some(transcript.unwrap_or_else(|| {
        let glyphs = if ascii { Glyphs::Ascii } else { Glyphs::Unicode };
        TranscriptView {
            session,
            content: Transcript::new(DEFAULT_CAPACITY, glyphs),
            status: TranscriptStatus::Loading,
            followed: false,
            begun: false,
            follow: true,
            top: 0,
            top_evicted: 0,
            left: 0,
            search: String::new(),
            found: None,
        }
    }));
    reconsider(state, effects);
}

/// Begins to follow as soon as it is known where; says so where there is nothing to follow, also when that is found
/// out later.
fn reconsider(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(view) = &state.view.transcript else { return };
    if view.followed && !view.content.lines().is_empty() {
        return;
    }
    let Some(session) = state.board.sessions.get(&view.session) else { return };
    let followable = followable(state, session);
    let Some(view) = &mut state.view.transcript else { return };
    match followable {
        Followable::In(_) if view.followed => {}
        Followable::In(log_group) => {
            view.followed = true;
            let from_start = !std::mem::replace(&mut view.begun, true);
            if from_start {
                view.status = TranscriptStatus::Loading;
            }
            effects.push(Effect::Follow(vec![Follow { session: view.session.clone(), log_group, from_start }]));
        }
        Followable::Never(words) => {
            view.status = TranscriptStatus::Never(words);
            if std::mem::take(&mut view.followed) {
                view.begun = false;
                effects.push(Effect::Follow(Vec::new()));
            }
        }
        Followable::NotKnownYet if view.followed => {}
        Followable::NotKnownYet => view.status = TranscriptStatus::Loading,
    }
}

fn followable(state: &State, session: &SessionBoard) -> Followable {
    let record = &session.session;
    let Some(scope) = state.board.scopes.get(&record.key.scope) else { return Followable::NotKnownYet };
    let preferences = scope.preferences.value().and_then(Option::as_ref);
    let own =
        scope.documents.get(record.document_name()).and_then(|document| document.value()).and_then(Option::as_ref);
    let group = state.board.log_group(&record.key.scope);
    let Some(document) =
        own.or(preferences.filter(|_| record.document_name() == crate::domain::Session::DEFAULT_DOCUMENT))
    else {
        // The document cannot be read (yet): where the log would be is enough to look.
        return group.map_or(Followable::NotKnownYet, Followable::In);
    };
    // Documents of AWS's own carry no inputs: the account's preferences decide where their sessions are logged.
    let streaming = document.inputs.streaming || preferences.is_some_and(|preferences| preferences.inputs.streaming);
    let no_log = why_no_log(&document.session_type, streaming, group.as_deref().unwrap_or_default());
    match (no_log, group) {
        (Some(reason), _) if reason.is_final() => Followable::Never(reason.sentence().into()),
        (Some(reason), _) if session.is_active() => Followable::Never(reason.sentence().into()),
        (_, Some(group)) => Followable::In(group),
        (_, None) => Followable::NotKnownYet,
    }
}

/// The transcript of that session, on the screen or on the shelf: an answer that comes late is not lost.
fn transcript_of<'a>(state: &'a mut State, session: &SessionKey) -> Option<&'a mut TranscriptView> {
    let view = &mut state.view;
    view.transcript.iter_mut().chain(&mut view.shelf).find(|view| view.session == *session)
}

/// New events of the followed session.
pub(super) fn events(state: &mut State, session: &SessionKey, events: &[LogEvent], at: Timestamp) {
    let Some(view) = transcript_of(state, session) else { return };
    let first = view.status == TranscriptStatus::Loading;
    view.content.push(events);
    let was_live = matches!(view.status, TranscriptStatus::Live(_));
    view.status = TranscriptStatus::Live(at);
    if !events.is_empty() || first || !was_live {
        state.revision += 1;
    }
}

/// The followed stream could not be read.
pub(super) fn failed(state: &mut State, session: &SessionKey, failure: &Failure, retry_at: Timestamp) {
    let ended = match state.board.sessions.get(session).map(|board| &board.phase) {
        Some(Phase::Ended { .. }) | None => true,
        Some(Phase::Active) => false,
    };
    let Some(view) = transcript_of(state, session) else { return };
    let status = if failure.class != FailureClass::Gone {
        TranscriptStatus::Failing { failure: failure.clone(), retry_at }
    } else if !view.content.lines().is_empty() {
        TranscriptStatus::Waiting("The log stream is gone: it was deleted while we read it.".into())
    } else if ended {
        TranscriptStatus::Waiting("The session has ended and left no log stream.".into())
    } else {
        TranscriptStatus::Waiting(
            "No log stream so far: it comes to be with the first complete line, so an untouched prompt has none."
                .into(),
        )
    };
    if view.status != status {
        view.status = status;
        state.revision += 1;
    }
}

/// Cells by which the transcript moves to the side.
const SHIFT: usize = 20;

/// Moves to the rest of long lines, or back; never past what the longest line can hold.
pub(super) fn shift(state: &mut State, right: bool) {
    if state.view.screen != Screen::Sessions || state.view.focus != Focus::Transcript {
        return;
    }
    if let Some(view) = &mut state.view.transcript {
        view.left = if right { (view.left + SHIFT).min(SHOWN_BYTES) } else { view.left.saturating_sub(SHIFT) };
    }
}

pub(super) fn toggle_follow(state: &mut State) {
    let rows = Areas::of(state.view.size.0, state.view.size.1, &state.view).map_or(1, |areas| areas.transcript_rows());
    if let Some(view) = &mut state.view.transcript {
        view.top = view.first_line(rows);
        view.top_evicted = view.content.evicted_lines();
        view.follow = !view.follow;
    }
}

pub(super) fn scroll(state: &mut State, scroll: Scroll, rows: usize) {
    let Some(view) = &mut state.view.transcript else { return };
    let first = view.first_line(rows);
    let last = view.last_top(rows);
    let rows = isize::try_from(rows).unwrap_or(isize::MAX);
    let top = match scroll {
        Scroll::By(by) => first.saturating_add_signed(by),
        Scroll::Pages(by) => first.saturating_add_signed(by.saturating_mul(rows)),
        Scroll::End(false) => 0,
        Scroll::End(true) => last,
    };
    view.top = top.min(last);
    // Scrolling back stops following; reaching the end takes it up again.
    view.follow = top >= last;
    view.top_evicted = view.content.evicted_lines();
}

pub(super) fn search(state: &mut State, text: String) {
    if let Some(view) = &mut state.view.transcript {
        view.search = text;
        view.found = None;
    }
    jump(state, false);
}

/// Goes to the next or previous match, around the ends; says so where there is none.
pub(super) fn find(state: &mut State, forward: bool) {
    let searched = state.view.transcript.as_ref().map(|view| view.search.clone()).unwrap_or_default();
    if searched.is_empty() {
        super::notify(state, "nothing is searched for: / in the transcript", false);
    } else if !jump(state, forward) {
        super::notify(state, format!("not in the transcript: {searched}"), true);
    }
}

/// Whether there was a match to go to.
fn jump(state: &mut State, forward: bool) -> bool {
    let rows = Areas::of(state.view.size.0, state.view.size.1, &state.view).map_or(1, |areas| areas.transcript_rows());
    let Some(view) = &mut state.view.transcript else { return false };
    let Some(search) = Search::new(&view.search) else { return false };
    let end = view.content.lines().len().saturating_sub(1);
    let (direction, from, around) = match (forward, view.found) {
        (true, Some(line)) => (Direction::Forward, line + 1, 0),
        (true, None) => (Direction::Forward, 0, 0),
        (false, Some(line)) => (Direction::Backward, line.wrapping_sub(1).min(end), end),
        (false, None) => (Direction::Backward, end, end),
    };
    let found = view.content.find(&search, from, direction).or_else(|| view.content.find(&search, around, direction));
    let Some(found) = found else {
        view.found = None;
        return false;
    };
    view.found = Some(found.line);
    let first = view.first_line(rows);
    if found.line < first || found.line >= first + rows {
        view.top = found.line.saturating_sub(rows / 2).min(view.last_top(rows));
        view.top_evicted = view.content.evicted_lines();
    } else {
        view.top = first;
        view.top_evicted = view.content.evicted_lines();
    }
    view.follow = false;
    true
}
