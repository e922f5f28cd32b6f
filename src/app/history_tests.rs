#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::{
    app::{
        Effect, Message, State, StoredPage,
        fixture::{at, ended, failure, scope, session, start, state},
        message::Keep,
        update,
        view::{Focus, Screen},
    },
    domain::{FailureClass, Observation},
};

const DAY: i64 = 24 * 3600;

fn key(id: &str) -> SessionKey {
    SessionKey::new(scope(), id)
}

/// As an earlier run remembered it: ended so many days before the beginning.
fn stored(id: &str, days: i64, verdict: Verdict) -> EndedSession {
    EndedSession {
        key: key(id),
        owner: "arn:aws:sts::111122223333:assumed-role/Ops/jane".into(),
        target: "i-0a1b2c3d4e5f67890".into(),
        document: Session::DEFAULT_DOCUMENT.into(),
        reason: "INC-1".into(),
        started_at: Some(at(-days * DAY - 600)),
        ended_at: at(-days * DAY),
        how: "no longer listed".into(),
        verdict,
        severity: (verdict == Verdict::NonCompliant).then_some(Severity::High),
        findings: match verdict {
            Verdict::NonCompliant => vec![Finding {
                rule: "DOC-01".into(),
                title: "No tunnels".into(),
                status: Verdict::NonCompliant,
                severity: Severity::High,
                evidence: Vec::new(),
                missing: Vec::new(),
                remediation: "None".into(),
            }],
            _ => Vec::new(),
        },
        archived: None,
    }
}

/// As the service lists it.
fn listed(id: &str, days: i64, status: SessionStatus) -> Session {
    Session { started_at: Some(at(-days * DAY - 600)), ..ended(id, status, at(-days * DAY)) }
}

fn page(sessions: Vec<Session>, first: bool, progress: PastProgress) -> Message {
    Message::Observed(Observation::Past { scope: scope(), sessions, first, progress, at: start() })
}

fn press(state: &mut State, code: KeyCode) -> Vec<Effect> {
    let now = state.now + SignedDuration::from_secs(1);
    update(state, Message::Key(KeyEvent::new(code, KeyModifiers::NONE)), now)
}

fn tick(state: &mut State) -> Vec<Effect> {
    let now = state.now + SignedDuration::from_secs(1);
    update(state, Message::Tick, now)
}

fn ids(state: &State) -> Vec<&str> {
    state.view.history.rows.iter().map(|key| key.id.as_str()).collect()
}

/// The history on the screen: one session of the store, one of the service, one of both.
fn shown() -> State {
    let mut state = state(&["live"]);
    press(&mut state, KeyCode::Char('4'));
    let sessions = vec![stored("both", 2, Verdict::NonCompliant), stored("old", 3, Verdict::Compliant)];
    update(&mut state, Message::Stored(Ok(StoredPage { sessions, more: false, whole: true })), at(2));
    let sessions = vec![listed("both", 2, SessionStatus::Terminated), listed("theirs", 1, SessionStatus::Failed)];
    update(&mut state, page(sessions, true, PastProgress::Whole), at(2));
    state
}

#[test]
fn a_session_of_several_sources_is_one_row_with_the_stores_verdict_and_the_services_end() {
    for store_first in [true, false] {
        let mut book = HistoryBook::default();
        let (mine, theirs) = (stored("both", 2, Verdict::NonCompliant), listed("both", 2, SessionStatus::Terminated));
        if store_first {
            book.put_stored(&mine);
            book.put_listed(&theirs, start());
        } else {
            book.put_listed(&theirs, start());
            book.put_stored(&mine);
        }
        assert_eq!(book.len(), 1);
        let past = book.get(&key("both")).unwrap();
        assert_eq!((past.verdict, past.severity), (Some(Verdict::NonCompliant), Some(Severity::High)));
        assert_eq!((&*past.how, past.stored, past.listed), ("Terminated", true, true));
        assert_eq!(past.rules[0].as_str(), "DOC-01");
    }
}

#[test]
fn what_the_service_alone_knows_was_never_judged() {
    let state = shown();
    assert_eq!(ids(&state), ["theirs", "both", "old"]);
    let counts = state.history.counts;
    assert_eq!((counts.all, counts.stored, counts.listed), (3, 2, 2));
    assert_eq!((counts.non_compliant, counts.unjudged), (1, 1));
    assert_eq!(state.history.get(&key("theirs")).unwrap().verdict, None);
}

#[test]
fn the_latest_are_held_and_what_is_older_than_30_days_goes() {
    let mut book = HistoryBook::default();
    let most = i64::try_from(MOST).unwrap();
    for number in 0..most + 10 {
        let ended = at(-number);
        let session = Session { ended_at: Some(ended), ..listed(&format!("s{number}"), 0, SessionStatus::Terminated) };
        book.put_listed(&session, start());
    }
    assert_eq!(book.len(), MOST);
    assert!(book.is_full && book.get(&key(&format!("s{most}"))).is_none(), "the oldest are left out");
    book.put_listed(&Session { ended_at: Some(at(1)), ..listed("new", 0, SessionStatus::Terminated) }, start());
    assert_eq!(book.newest().next().unwrap().key.id.as_str(), "new");
    assert_eq!(book.len(), MOST);
    book.put_stored(&stored("old", 20, Verdict::Compliant));
    assert!(book.get(&key("old")).is_none());
    book.forget(at(30 * DAY - 10));
    assert_eq!(book.len(), 12, "from ten seconds before the beginning on");
    book.forget(at(31 * DAY));
    assert!(book.is_empty() && book.by_end.is_empty());
    assert!(book.names.is_empty(), "{:?}", book.names);
}

#[test]
fn opening_the_screen_asks_both_and_only_once() {
    let mut state = state(&[]);
    let effects = press(&mut state, KeyCode::Char('4'));
    assert!(effects.contains(&Effect::ReadPast) && effects.contains(&Effect::ReadStored { most: MOST_STORED }));
    assert!(state.history.scopes.values().all(|past| past.reading));
    press(&mut state, KeyCode::Char('1'));
    let asks = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::ReadPast));
    assert!(!asks(&press(&mut state, KeyCode::Char('4'))));
    assert!(asks(&press(&mut state, KeyCode::Char('r'))), "r reads it again");
    press(&mut state, KeyCode::Char('1'));
    let later = state.now + SignedDuration::from_hours(1);
    update(&mut state, Message::Tick, later);
    assert!(asks(&press(&mut state, KeyCode::Char('4'))), "what is old is read again");
}

#[test]
fn pages_failures_and_their_end_are_told_apart() {
    let mut state = state(&[]);
    press(&mut state, KeyCode::Char('4'));
    update(&mut state, page(vec![listed("a", 1, SessionStatus::Terminated)], true, PastProgress::More), at(2));
    let past = |state: &State| state.history.scopes[&scope()].clone();
    assert_eq!((past(&state).reading, past(&state).sessions, past(&state).read_at), (true, 1, None));
    let failed =
        Observation::PastFailed { scope: scope(), failure: failure(FailureClass::Denied), retry_at: at(60), at: at(3) };
    update(&mut state, Message::Observed(failed), at(3));
    assert!(past(&state).failing.is_some() && past(&state).reading);
    update(&mut state, page(vec![listed("b", 2, SessionStatus::Terminated)], false, PastProgress::Cut), at(4));
    let read = past(&state);
    assert_eq!((read.reading, read.sessions, read.cut, read.failing), (false, 2, true, None));
}

#[test]
fn sorted_filtered_and_selected_by_id() {
    let mut state = shown();
    press(&mut state, KeyCode::Char('j'));
    assert_eq!(state.view.history.selected, Some(key("both")));
    press(&mut state, KeyCode::Char('s'));
    assert_eq!(ids(&state), ["both", "theirs", "old"], "worst first; what nobody judged is not good");
    press(&mut state, KeyCode::Char('S'));
    assert_eq!(ids(&state), ["old", "theirs", "both"]);
    assert_eq!(state.view.history.selected, Some(key("both")));
    state.view.table.filter = "doc-01".into();
    tick(&mut state);
    assert_eq!(ids(&state), ["both"]);
    state.view.table.filter = "not judged".into();
    tick(&mut state);
    assert_eq!(ids(&state), ["theirs"]);
}

#[test]
fn a_session_of_the_past_is_opened_without_changing_anything_else() {
    let mut state = shown();
    press(&mut state, KeyCode::Char('j'));
    let found = Some(Box::new(stored("both", 2, Verdict::NonCompliant)));
    update(&mut state, Message::Ended { session: key("both"), found }, at(10));
    let (counts, alerts) = (state.counts, state.alerts.all().count());
    state.view.table.filter = "doc".into();
    let mut effects = press(&mut state, KeyCode::Enter);
    assert_eq!(state.view.screen, Screen::Sessions);
    assert_eq!((state.view.focus, state.view.table.list.selected.clone()), (Focus::Detail, Some(key("both"))));
    assert!(state.view.table.list.rows.contains(&key("both")), "as a ghost in its row");
    let engine = Arc::clone(&state.board.engine);
    effects.extend(update(&mut state, Message::Rules(Ok(engine)), at(20)));
    for _ in 0..5 {
        effects.extend(tick(&mut state));
    }
    let board = &state.board.sessions[&key("both")];
    assert!(board.adopted && !board.dirty);
    assert_eq!(board.judgement.verdict, Some(Verdict::NonCompliant), "the verdict stays the one of its end");
    assert_eq!(state.board.explain(&key("both"), state.now).len(), 1);
    let numbers = |counts: crate::app::board::Counts| {
        (counts.active, counts.ended, counts.non_compliant, counts.ended_non_compliant)
    };
    assert_eq!(numbers(state.counts), numbers(counts));
    assert_eq!(state.alerts.all().count(), alerts);
    let keeps = effects.iter().any(|effect| matches!(effect, Effect::Keep(Keep { ended, .. }) if !ended.is_empty()));
    assert!(!keeps, "{effects:#?}");
    let raised = |effect: &Effect| matches!(effect, Effect::KeepAlert { .. } | Effect::Terminate { .. });
    assert!(!effects.iter().any(raised), "{effects:#?}");
    press(&mut state, KeyCode::Char('t'));
    assert!(state.view.dialog.is_none());
    assert_eq!(state.view.notice.as_ref().unwrap().text, "that session has ended already");
    // Back to where it was opened from.
    press(&mut state, KeyCode::Esc);
    assert_eq!((state.view.screen, state.view.history.selected.clone()), (Screen::History, Some(key("both"))));
    assert_eq!(state.view.table.filter, "doc");
    assert!(!state.board.sessions.contains_key(&key("both")), "it is let go");
    assert_eq!(state.board.adopted().count(), 0);
}

#[test]
fn who_moves_on_lets_it_go() {
    let mut state = shown();
    press(&mut state, KeyCode::Enter);
    press(&mut state, KeyCode::BackTab);
    assert_eq!(state.board.adopted().count(), 1);
    state.view.focus = Focus::Table;
    press(&mut state, KeyCode::Char('G'));
    press(&mut state, KeyCode::Char('g'));
    press(&mut state, KeyCode::Char('j'));
    let selected = state.view.table.list.selected.clone();
    assert_eq!((selected, state.board.adopted().count()), (Some(key("live")), 0));
    assert_eq!(state.view.past.came_from, None);
}

#[test]
fn a_listing_that_shows_it_takes_it_over() {
    let mut state = shown();
    press(&mut state, KeyCode::Enter);
    let sessions = vec![session("theirs"), session("live")];
    update(&mut state, Message::Observed(Observation::Active { scope: scope(), sessions, at: at(30) }), at(30));
    let board = &state.board.sessions[&key("theirs")];
    assert!(board.is_active() && !board.adopted && board.judgement.verdict.is_some());
    press(&mut state, KeyCode::Char('4'));
    assert!(!ids(&state).contains(&"theirs"), "what is active is not of the past");
}

#[test]
fn the_archive_is_looked_for_where_the_selection_stays_and_the_store_hears_of_it() {
    let mut state = shown();
    let looks = |effects: &[Effect]| effects.iter().filter(|effect| matches!(effect, Effect::FindArchive(_))).count();
    let moved = press(&mut state, KeyCode::Char('j'));
    assert_eq!(looks(&moved), 0);
    let found = Some(Box::new(stored("both", 2, Verdict::NonCompliant)));
    let now = state.now;
    update(&mut state, Message::Ended { session: key("both"), found }, now);
    assert_eq!(looks(&tick(&mut state)), 1);
    assert_eq!(looks(&tick(&mut state)), 0, "once");
    let object = ArchiveObject {
        bucket: "b".into(),
        key: "k".into(),
        size: 7,
        modified_at: None,
        encryption: None,
        kms_key: None,
    };
    let object = Fact::known(Some(object), "s3:HeadObject", at(9));
    let effects = update(&mut state, Message::Observed(Observation::Archive { session: key("both"), object }), at(9));
    let Some(Effect::Keep(keep)) = effects.iter().find(|effect| matches!(effect, Effect::Keep(_))) else {
        panic!("{effects:#?}")
    };
    assert_eq!((keep.ended[0].archived, keep.ended[0].verdict), (Some(true), Verdict::NonCompliant));
    assert!(matches!(&state.history.get(&key("both")).unwrap().archive, PastArchive::Looked(_)));
}

#[test]
fn a_store_that_cannot_be_used_is_said_to_be_missing() {
    let mut state = State::new(
        crate::app::fixture::board(),
        crate::app::fixture::detector(),
        crate::app::fixture::setup(),
        start(),
    );
    update(&mut state, Message::Resize(200, 60), start());
    press(&mut state, KeyCode::Char('4'));
    assert_eq!(state.history.store, StoredPast::NotAsked, "it is being opened");
    update(&mut state, Message::StoreRefused("another run has it".into()), at(5));
    assert_eq!(state.history.store, StoredPast::Failed("another run has it".into()));
}
