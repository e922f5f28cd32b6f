//! Transcripts: that of the selected session, and those beside it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{keys::Scroll, notify};
use crate::{
    app::{
        action::Action,
        board::{Phase, SessionBoard},
        layout::Areas,
        message::{Effect, Follow},
        state::State,
        view::{Focus, MOST_BESIDE, Room, Screen, TranscriptStatus, TranscriptView, View},
    },
    domain::{Fact, Failure, FailureClass, LogEvent, SessionKey, Why},
    transcript::{DEFAULT_CAPACITY, Glyphs, SHOWN_BYTES, Transcript},
};

/// Transcripts that are kept, those on the screen included; each holds up to [`DEFAULT_CAPACITY`] bytes.
pub const KEPT: usize = 50;

/// An archive object that could not be read is asked for again after this long.
const ARCHIVE_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// What following a session needs: its log group, or the words why it has no log.
enum Followable {
    In(Arc<str>),
    Never(Arc<str>),
    NotKnownYet,
}

/// Follows the selected session, and those beside it, while their transcripts are on the screen.
pub(super) fn follow_selection(state: &mut State, areas: Option<&Areas>, effects: &mut Vec<Effect>) {
    let on_screen = state.view.screen == Screen::Sessions
        && areas.is_some_and(|areas| areas.transcript.is_some() || areas.commands.is_some());
    let on_wall = state.view.wall.as_ref().map(|wall| wall.shown.clone());
    let wanted = match &on_wall {
        Some(shown) => shown.first().cloned(),
        None => state.view.table.list.selected.clone().filter(|_| on_screen),
    };
    if state.view.transcript.as_ref().map(|view| &view.session) != wanted.as_ref() {
        if let Some(left) = state.view.transcript.take() {
            state.view.shelf.push_front(left);
        }
        state.view.transcript = wanted.map(|session| take(state, session));
        let (view, keep) = (&mut state.view, KEPT.saturating_sub(1));
        while view.shelf.len() > keep {
            // The oldest goes that is not on the screen.
            let Some(at) = view.shelf.iter().rposition(|kept| {
                let on_wall = view.wall.as_ref().is_some_and(|wall| wall.shown.contains(&kept.session));
                !on_wall && !view.beside.contains(&kept.session)
            }) else {
                break;
            };
            view.shelf.remove(at);
            view.let_go += 1;
        }
    }
    let shown: Vec<SessionKey> = match (on_wall, on_screen) {
        (Some(shown), _) => shown,
        (None, true) => state.view.panes().into_iter().cloned().collect(),
        (None, false) => Vec::new(),
    };
    for session in &shown {
        if state.view.transcript_of(session).is_none() {
            let view = take(state, session.clone());
            state.view.shelf.push_front(view);
        }
    }
    let follows: Vec<Follow> = shown.iter().filter_map(|session| follow(state, session, effects)).collect();
    let following: Vec<SessionKey> = follows.iter().map(|follow| follow.session.clone()).collect();
    if following != state.view.following || follows.iter().any(|follow| follow.from_start) {
        state.view.following = following;
        effects.push(Effect::Follow(follows));
    }
}

/// The transcript of a session, from the shelf or a new one.
fn take(state: &mut State, session: SessionKey) -> TranscriptView {
    let shelved = state.view.shelf.iter().position(|view| view.session == session);
    if let Some(view) = shelved.and_then(|at| state.view.shelf.remove(at)) {
        return view;
    }
    let glyphs = if state.setup.ascii { Glyphs::Ascii } else { Glyphs::Unicode };
    let mut content = Transcript::new(DEFAULT_CAPACITY, glyphs);
    if let Some(board) = state.board.sessions.get(&session) {
        content.expect(board.session.identity());
    }
    TranscriptView::new(session, content, state.listening.bursts())
}

/// Begins to follow as soon as it is known where; says so where there is nothing to follow, also when that is found
/// out later.
fn follow(state: &mut State, key: &SessionKey, effects: &mut Vec<Effect>) -> Option<Follow> {
    let followable = state.board.sessions.get(key).map(|session| followable(state, session));
    let lost = lost_stream(state, key);
    let now = state.now;
    let view = transcript_of(state, key)?;
    if lost && view.archive_due <= now {
        view.archive_due = Timestamp::MAX;
        effects.push(Effect::ReadArchive(key.clone()));
    }
    if matches!(view.status, TranscriptStatus::Archived(_)) {
        view.followed = None;
        return None;
    }
    match followable {
        Some(Followable::In(log_group)) => {
            let from_start = !std::mem::replace(&mut view.begun, true);
            if from_start {
                view.status = TranscriptStatus::Loading;
            }
            view.followed = Some(Arc::clone(&log_group));
            Some(Follow { session: key.clone(), log_group, from_start })
        }
        Some(Followable::Never(words)) => {
            if view.content.lines().is_empty() {
                view.status = TranscriptStatus::Never(words);
                (view.followed, view.begun) = (None, false);
                return None;
            }
            let log_group = view.followed.clone()?;
            Some(Follow { session: key.clone(), log_group, from_start: false })
        }
        Some(Followable::NotKnownYet) | None => {
            if view.followed.is_none() && view.content.lines().is_empty() {
                view.status = TranscriptStatus::Loading;
            }
            let log_group = view.followed.clone()?;
            Some(Follow { session: key.clone(), log_group, from_start: false })
        }
    }
}

/// The session is over, its stream is not there (any more), and its archive object is.
fn lost_stream(state: &State, key: &SessionKey) -> bool {
    let Some(board) = state.board.sessions.get(key).filter(|board| !board.is_active()) else { return false };
    let archived = board.archive.value().is_some_and(Option::is_some);
    let gone = matches!(&board.log_stream, Fact::Known { value: None, .. }) || board.stream_change.is_some();
    let waiting = state.view.transcript_of(key).is_some_and(|view| match view.status {
        TranscriptStatus::Waiting(_) | TranscriptStatus::Never(_) => true,
        // The events of a session of long ago may be over their retention while their stream still stands.
        TranscriptStatus::Live(_) => board.adopted && view.content.lines().is_empty(),
        _ => false,
    });
    archived && (gone || waiting)
}

fn followable(state: &State, session: &SessionBoard) -> Followable {
    let group = state.board.log_group_of(&session.session);
    match (state.board.no_log(&session.session), group) {
        (Some(reason), _) if reason.is_final() => Followable::Never(reason.sentence().into()),
        (Some(reason), _) if session.is_active() => Followable::Never(reason.sentence().into()),
        // The document cannot be read (yet): where the log would be is enough to look.
        (_, Some(group)) => Followable::In(group),
        (_, None) => Followable::NotKnownYet,
    }
}

/// The transcript of that session, on the screen or on the shelf: an answer that comes late is not lost.
fn transcript_of<'a>(state: &'a mut State, session: &SessionKey) -> Option<&'a mut TranscriptView> {
    find_view(&mut state.view, session)
}

fn find_view<'a>(view: &'a mut View, session: &SessionKey) -> Option<&'a mut TranscriptView> {
    view.transcript.iter_mut().chain(&mut view.shelf).find(|view| view.session == *session)
}

/// New events of a followed session.
pub(super) fn events(state: &mut State, session: &SessionKey, events: &[LogEvent], at: Timestamp) {
    let now = state.now;
    let Some(view) = find_view(&mut state.view, session) else { return };
    let first = view.status == TranscriptStatus::Loading;
    for event in events {
        let heard = (view.content.push(std::slice::from_ref(event)), event.timestamp);
        let transcript = (&view.content, &mut view.bursts);
        let marks = state.listening.followed(&mut state.board, session, transcript, heard, now);
        view.add_marks(marks);
    }
    view.count_matches();
    let was_live = matches!(view.status, TranscriptStatus::Live(_));
    view.status = TranscriptStatus::Live(at);
    if !events.is_empty() || first || !was_live {
        state.revision += 1;
    }
}

/// A followed stream could not be read.
pub(super) fn failed(state: &mut State, session: &SessionKey, failure: &Failure, retry_at: Timestamp, at: Timestamp) {
    let ended = match state.board.sessions.get(session).map(|board| &board.phase) {
        Some(Phase::Ended { .. }) | None => true,
        Some(Phase::Active) => false,
    };
    // Something was recorded, and it is not there any more: that is not "nothing so far".
    let lost = state.board.sessions.get(session).and_then(|board| {
        let recorded = board.stream_change.is_some() || board.stream.as_ref().is_some_and(|health| health.events > 0);
        recorded.then_some(board.session.started_at.unwrap_or(at))
    });
    let Some(view) = transcript_of(state, session) else { return };
    let problem = view.archive_problem.clone();
    let last = view.content.lines().back().map(|line| line.at.max(line.ingested_at));
    let status = if failure.class != FailureClass::Gone {
        TranscriptStatus::Failing { failure: failure.clone(), retry_at }
    } else if let Some(problem) = problem {
        TranscriptStatus::Waiting(problem)
    } else if let Some(last) = last {
        view.content.open_gap(last.min(at), "the log stream was deleted: nothing of the session is recorded");
        TranscriptStatus::Waiting("The log stream is gone: it was deleted while we read it.".into())
    } else if let Some(from) = lost {
        view.content.open_gap(from.min(at), "the log stream was deleted before it was read here");
        TranscriptStatus::Waiting("The log stream is gone: it was deleted before it was opened here.".into())
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

/// The archive object of an ended session was read, in place of a stream that is lost: what it holds is shown after what was streamed.
pub(super) fn archive_body(state: &mut State, session: &SessionKey, body: &Fact<Option<Arc<[u8]>>>, cut: bool) {
    let board = state.board.sessions.get(session);
    let ended = match board.map(|board| &board.phase) {
        Some(Phase::Ended { at, .. }) => *at,
        _ => state.now,
    };
    let started = board.and_then(|board| board.session.started_at).unwrap_or(ended);
    let now = state.now;
    let Some(view) = find_view(&mut state.view, session) else { return };
    match body {
        Fact::Known { value: None, .. } => {
            let words: Arc<str> = "The log stream is gone, and so is the archive object.".into();
            view.archive_problem = Some(Arc::clone(&words));
            view.status = TranscriptStatus::Waiting(words);
        }
        Fact::Known { value: Some(bytes), at, .. } => {
            let cut = if cut { "; only its beginning was read" } else { "" };
            let why = format!("what the stream does not have follows from the archive object{cut}");
            let from = view.content.lines().back().map_or(started, |line| line.at);
            view.content.open_gap(from, &why);
            let mut heard = view.content.push_text(ended, *at, &String::from_utf8_lossy(bytes));
            heard.extend(view.content.end());
            let transcript = (&view.content, &mut view.bursts);
            let marks = state.listening.followed(&mut state.board, session, transcript, (heard, ended), now);
            view.add_marks(marks);
            view.count_matches();
            view.status = TranscriptStatus::Archived(*at);
        }
        Fact::Missing(missing) => {
            let why = match &missing.why {
                Why::Failed(failure) => failure.to_string(),
                _ => "it was not read".to_owned(),
            };
            let words = format!("The log stream is gone, and the archive object cannot be read: {why}");
            view.archive_problem = Some(words.as_str().into());
            view.archive_due = now.saturating_add(ARCHIVE_AGAIN).unwrap_or(Timestamp::MAX);
            view.status = TranscriptStatus::Waiting(words.into());
        }
    }
    state.revision += 1;
}

/// Cells by which the transcript moves to the side.
const SHIFT: usize = 20;

fn has_keys(state: &State) -> bool {
    state.view.screen == Screen::Sessions && matches!(state.view.focus, Focus::Transcript | Focus::Commands)
}

/// Moves to the rest of long lines, or back; never past what the longest line can hold.
pub(super) fn shift(state: &mut State, right: bool) {
    if !has_keys(state) {
        return;
    }
    if state.view.wrap {
        return notify(state, "long lines are wrapped: nothing is to the right", false);
    }
    if let Some(view) = &mut state.view.transcript {
        view.left = if right { (view.left + SHIFT).min(SHOWN_BYTES) } else { view.left.saturating_sub(SHIFT) };
    }
}

fn room(state: &State) -> Room {
    Areas::of(state.view.size.0, state.view.size.1, &state.view)
        .map_or(Room { rows: 1, wrap: None }, |areas| areas.transcript_room(&state.view))
}

pub(super) fn toggle_follow(state: &mut State) {
    let room = room(state);
    if let Some(view) = &mut state.view.transcript {
        view.top = view.number(view.first_line(room));
        view.follow = !view.follow;
    }
}

/// Long lines on several rows, or on one.
pub(super) fn toggle_wrap(state: &mut State) {
    let room = room(state);
    if let Some(view) = &mut state.view.transcript {
        view.top = view.number(view.first_line(room));
        view.left = 0;
    }
    state.view.wrap = !state.view.wrap;
    notify(state, if state.view.wrap { "long lines are wrapped" } else { "a line is one row" }, false);
}

/// Keeps the selected session's transcript beside that of the one selected next, or lets it go.
pub(super) fn toggle_beside(state: &mut State) {
    let Some(session) = state.view.table.list.selected.clone() else { return };
    if let Some(at) = state.view.beside.iter().position(|key| *key == session) {
        state.view.beside.remove(at);
        return notify(state, "its transcript no longer stays", false);
    }
    if state.view.beside.len() >= MOST_BESIDE {
        let words = format!("{MOST_BESIDE} transcripts stay already: let one go first");
        return notify(state, words, true);
    }
    state.view.beside.push(session);
    notify(state, "its transcript stays: select another session to see it beside", false);
}

pub(super) fn scroll(state: &mut State, scroll: Scroll, room: Room) {
    let Some(session) = state.view.transcript.as_ref().map(|view| view.session.clone()) else { return };
    scroll_of(state, &session, scroll, room);
}

/// The same for the transcript of that session, which may be one of those beside.
pub(super) fn scroll_of(state: &mut State, session: &SessionKey, scroll: Scroll, room: Room) {
    let mut kept = state.view.transcript.iter_mut().chain(&mut state.view.shelf);
    let Some(view) = kept.find(|view| view.session == *session) else { return };
    let first = view.first_line(room);
    let last = view.last_top(room);
    let page = isize::try_from(view.visible(first, room).max(1)).unwrap_or(isize::MAX);
    let top = match scroll {
        Scroll::By(by) => first.saturating_add_signed(by),
        Scroll::Pages(by) => first.saturating_add_signed(by.saturating_mul(page)),
        Scroll::End(false) => 0,
        Scroll::End(true) => last,
    };
    view.look_at(top.min(last));
    // Scrolling back stops following; reaching the end takes it up again.
    view.follow = top >= last;
}

pub(super) fn search(state: &mut State, text: String) {
    if let Some(view) = &mut state.view.transcript {
        view.search = text;
        view.found = None;
        view.count_matches();
    }
    jump(state, false);
}

/// Goes to the next or previous match, around the ends; says so where there is none.
pub(super) fn find(state: &mut State, forward: bool) {
    let searched = state.view.transcript.as_ref().map(|view| view.search.clone()).unwrap_or_default();
    if searched.is_empty() {
        let key = state.setup.keymap.word(Action::Filter);
        notify(state, format!("nothing is searched for: {key} in the transcript"), false);
    } else if !jump(state, forward) {
        notify(state, format!("not in the transcript: {searched}"), true);
    }
}

/// Whether there was a match to go to.
fn jump(state: &mut State, forward: bool) -> bool {
    let Some(view) = &mut state.view.transcript else { return false };
    view.found = view.next_match(forward);
    let Some(line) = view.found else { return false };
    show_line(state, line);
    true
}

/// Brings a line into sight.
pub(super) fn show_line(state: &mut State, line: u64) {
    let (room, now) = (room(state), state.now);
    let Some(view) = &mut state.view.transcript else { return };
    if view.playback.is_some() {
        return view.seek(line, now);
    }
    let at = view.index(line);
    let first = view.first_line(room);
    let top = if at < first || at >= first + view.visible(first, room) {
        at.saturating_sub(room.rows / 2).min(view.last_top(room))
    } else {
        first
    };
    view.look_at(top);
}

/// The list of commands: the selected one's place is in sight.
pub(super) fn scroll_commands(state: &mut State, scroll: Scroll, rows: usize) {
    let Some(view) = &mut state.view.transcript else { return };
    let lines: Vec<u64> = view.commands().map(|command| command.line).collect();
    let last = lines.len().saturating_sub(1);
    let at = view.command.and_then(|line| lines.binary_search(&line).ok()).unwrap_or(last);
    let page = isize::try_from(rows).unwrap_or(isize::MAX);
    let to = match scroll {
        Scroll::By(by) => at.saturating_add_signed(by),
        Scroll::Pages(by) => at.saturating_add_signed(by.saturating_mul(page)),
        Scroll::End(to_last) => {
            if to_last {
                last
            } else {
                0
            }
        }
    };
    select_command(state, lines.get(to.min(last)).copied());
}

fn select_command(state: &mut State, line: Option<u64>) {
    if let Some(view) = &mut state.view.transcript {
        view.command = line;
    }
    if let Some(line) = line {
        show_line(state, line);
    }
}

/// From command to command, also where it is played back.
pub(super) fn next_command(state: &mut State, forward: bool) {
    if !has_keys(state) {
        return;
    }
    let room = room(state);
    let Some(view) = &state.view.transcript else { return };
    let played = view.playback.map(|_| view.number(view.len().saturating_sub(1)));
    let first = view.number(view.first_line(room));
    let here = view.command.filter(|_| played.is_none()).or(played).unwrap_or(first);
    match view.command_from(here, forward) {
        Some(line) => select_command(state, Some(line)),
        None => {
            notify(state, if forward { "no command comes after this" } else { "no command comes before this" }, false)
        }
    }
}

/// Plays the transcript from its beginning, or stops to.
pub(super) fn toggle_playback(state: &mut State) {
    let now = state.now;
    if !has_keys(state) {
        let key = state.setup.keymap.word(Action::NextPane);
        return notify(state, format!("playing back works in the transcript: {key} goes there"), false);
    }
    let Some(view) = &mut state.view.transcript else { return };
    if view.content.lines().is_empty() {
        return notify(state, "there is nothing to play back", true);
    }
    view.toggle_playback(now);
    view.command = None;
}

/// Stands still, or goes on.
pub(super) fn pause(state: &mut State) {
    let now = state.now;
    if let Some(view) = state.view.transcript.as_mut().filter(|view| view.playback.is_some()) {
        view.pause(now);
    }
}

/// Twice as fast, or half.
pub(super) fn change_speed(state: &mut State, faster: bool) {
    if let Some(view) = &mut state.view.transcript {
        view.change_speed(faster);
    }
}

/// Plays on what is played back.
pub(super) fn play(state: &mut State) {
    let now = state.now;
    if let Some(view) = state.view.transcript.as_mut()
        && view.playback.is_some()
        && view.play(now)
    {
        state.revision += 1;
    }
}
