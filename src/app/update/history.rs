//! The history screen: what it reads, how it is sorted, what is opened from it.

use std::sync::Arc;

use jiff::SignedDuration;

use super::{acts, notify};
use crate::{
    app::{
        action::Action,
        history::{CameFrom, MOST_STORED, PastArchive, StoredPast},
        message::{Effect, Keep, StoredPage},
        state::{Projected, State, Store},
        view::{Focus, Screen},
    },
    domain::{ActKind, EndedSession, Fact, Observation, SessionKey, Subject},
};

/// What was read longer ago is read again when the screen is opened.
const READ_AGAIN: SignedDuration = SignedDuration::from_mins(15);
/// What is selected that long is looked up; what flies past is not.
const DWELLS: SignedDuration = SignedDuration::from_millis(400);

/// What was observed of the past.
pub(super) fn observe(state: &mut State, observation: &Observation, effects: &mut Vec<Effect>) {
    let now = state.now;
    let book = &mut state.history;
    match observation {
        Observation::History { sessions, .. } => sessions.iter().for_each(|session| book.put_listed(session, now)),
        Observation::Past { scope, sessions, first, progress, at } => {
            book.page(scope, sessions, (*first, *progress), *at);
            state.revision += 1;
        }
        Observation::PastFailed { scope, failure, retry_at, .. } => {
            book.failed(scope, failure.clone(), *retry_at);
            state.revision += 1;
        }
        Observation::Archive { session, object } if book.get(session).is_some() => {
            book.found(session, object);
            keep_archived(state, session, object, effects);
            state.revision += 1;
        }
        _ => {}
    }
}

/// What was found of the object of a stored session is remembered; its verdict stays as it was.
fn keep_archived<T>(state: &mut State, key: &SessionKey, object: &Fact<Option<T>>, effects: &mut Vec<Effect>) {
    // Of those that are watched the store hears anyway.
    if state.board.watched(key).is_some() {
        return;
    }
    let Some(archived) = object.value().map(Option::is_some) else { return };
    let Some(whole) = state.history.whole(key).filter(|whole| whole.archived != Some(archived)) else { return };
    let ended = EndedSession { archived: Some(archived), ..whole.clone() };
    state.history.put_whole(key.clone(), Some(Box::new(ended.clone())));
    effects.push(Effect::Keep(Keep { ended: vec![ended], ..Keep::default() }));
}

/// A page of what the store remembers.
pub(super) fn stored(state: &mut State, page: Result<StoredPage, Arc<str>>) {
    let book = &mut state.history;
    match page {
        Ok(StoredPage { sessions, more, whole }) => {
            sessions.iter().for_each(|ended| book.put_stored(ended));
            if !more {
                book.store = StoredPast::Read { cut: !whole };
            }
        }
        Err(why) => book.store = StoredPast::Failed(why),
    }
    book.revision += 1;
}

/// The findings of one stored session.
pub(super) fn whole(state: &mut State, key: SessionKey, found: Option<Box<EndedSession>>) {
    state.history.put_whole(key.clone(), found);
    let judgement = state.history.judgement(&key);
    state.board.set_kept_judgement(&key, judgement);
}

/// `4`: what is old is read again.
pub(super) fn opened(state: &mut State) {
    let asked = state.history.asked_at;
    if asked.is_some_and(|asked| state.now.duration_since(asked) > READ_AGAIN) {
        state.history.asked_at = None;
    }
}

/// `r` on the screen: all of it is read again.
pub(super) fn refresh(state: &mut State) {
    if state.view.screen == Screen::History {
        state.history.asked_at = None;
        if let Some(key) = state.view.history.selected.clone() {
            state.history.look_again(&key);
        }
        if matches!(state.history.store, StoredPast::Failed(_)) {
            state.history.store = StoredPast::NotAsked;
        }
    }
}

/// `s`, `S`: the next column, or the other way around.
pub(super) fn sort(state: &mut State, action: Action) {
    let past = &mut state.view.past;
    if action == Action::SortReverse {
        past.reverse = !past.reverse;
    } else {
        (past.sort, past.reverse) = (past.sort.next(), false);
    }
}

/// Asks for what the screen lacks, while it is shown.
pub(super) fn settle(state: &mut State, effects: &mut Vec<Effect>) {
    let stays = |key: &SessionKey| stays(state, key);
    let leaves = state.board.adopted().any(|key| !stays(key));
    if leaves {
        let kept: Vec<SessionKey> = state.board.adopted().filter(|key| stays(key)).cloned().collect();
        state.board.release(|key| kept.contains(key));
        state.projected = Projected::default();
        state.project();
    }
    if state.view.past.came_from.as_ref().is_some_and(|from| {
        state.view.screen != Screen::Sessions || state.view.table.list.selected.as_ref() != Some(&from.session)
    }) {
        // The analyst went on from there.
        state.view.past.came_from = None;
    }
    if state.view.screen != Screen::History {
        return;
    }
    if state.history.store == StoredPast::NotAsked {
        match &state.store {
            Store::Open | Store::Troubled(..) => {
                state.history.store = StoredPast::Reading;
                effects.push(Effect::ReadStored { most: MOST_STORED });
            }
            Store::Refused(why) => state.history.store = StoredPast::Failed(Arc::clone(why)),
            Store::Opening => {}
        }
    }
    if state.history.asked_at.is_none() {
        let scopes: Vec<_> = state.board.scopes.keys().cloned().collect();
        state.history.ask(scopes.iter(), state.now);
        effects.push(Effect::ReadPast);
    }
    look_up(state, effects);
}

/// The findings of the selected session, and once it stays selected whether its log is archived.
fn look_up(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(key) = state.view.history.selected.clone() else { return };
    if state.board.sessions.get(&key).is_none_or(|board| board.adopted) && state.history.wants_whole(&key) {
        effects.push(Effect::ReadEnded(key.clone()));
    }
    match &state.view.past.since {
        Some((selected, since)) if *selected == key => {
            if state.now.duration_since(*since) >= DWELLS && state.board.watched(&key).is_none() {
                find_archive(state, &key, effects);
            }
        }
        _ => state.view.past.since = Some((key, state.now)),
    }
}

/// Looks for the archive object of a session, unless somebody did.
fn find_archive(state: &mut State, key: &SessionKey, effects: &mut Vec<Effect>) {
    let Some(past) = state.history.get(key) else { return };
    if matches!(past.archive, PastArchive::NotLooked | PastArchive::Remembered(_)) {
        effects.push(Effect::FindArchive(Box::new(past.session())));
        state.history.looking(key);
    }
}

/// Has a session of the past on the board to be shown; whether it is there now.
pub(super) fn adopt(state: &mut State, key: &SessionKey, effects: &mut Vec<Effect>) -> bool {
    if state.board.sessions.contains_key(key) {
        return true;
    }
    let Some(past) = state.history.get(key) else { return false };
    let archive = match &past.archive {
        PastArchive::Looked(object) => (**object).clone(),
        _ => Fact::not_read(),
    };
    let (session, end) = (past.session(), (Arc::clone(&past.how), past.ended_at));
    if state.history.wants_whole(key) {
        effects.push(Effect::ReadEnded(key.clone()));
    }
    let judgement = state.history.judgement(key);
    state.board.adopt(session, end, judgement, archive, state.now);
    find_archive(state, key, effects);
    true
}

/// Whether a session of the past stays on the board: it is looked at, or something is being done with it.
fn stays(state: &State, key: &SessionKey) -> bool {
    let view = &state.view;
    let shown = view.screen == Screen::Sessions && view.table.list.selected.as_ref() == Some(key);
    let subject = || Subject::Session(key.clone());
    shown
        || view.beside.contains(key)
        || view.dialog.as_ref().is_some_and(|dialog| dialog.subjects.contains(&subject()))
        || state
            .acts
            .iter()
            .rev()
            .take(50)
            .any(|act| act.kind == ActKind::Export && !act.is_over() && act.subject == subject())
}

/// Notes where the analyst was when a session is opened from the history.
pub(super) fn leave(state: &mut State, key: &SessionKey) {
    if state.view.screen == Screen::History {
        let table = &state.view.table;
        let (selected, filter) = (table.list.selected.clone(), table.filter.clone());
        state.view.past.came_from = Some(CameFrom { session: key.clone(), selected, filter });
    }
}

/// `Esc` from an opened session: back to the history that it was opened from. Whether it was.
pub(super) fn go_back(state: &mut State) -> bool {
    let Some(from) = state.view.past.came_from.take() else { return false };
    let view = &mut state.view;
    view.screen = Screen::History;
    (view.focus, view.opened) = (Focus::Table, false);
    view.table.filter = from.filter;
    view.table.list.selected = from.selected;
    view.history.selected = Some(from.session);
    state.projected = Projected::default();
    true
}

/// `e` on the history: a session that is not on the board is there while it is exported.
pub(super) fn before_export(state: &mut State, effects: &mut Vec<Effect>) {
    if state.view.screen == Screen::History
        && let Some(key) = acts::selected(state)
        && state.acting_off(false).is_none()
        && !adopt(state, &key, effects)
    {
        notify(state, "that session is no longer known here", true);
    }
}
