#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::SignedDuration;

use super::{
    Effect, Follow, Message, State,
    fixture::{at, ended, failure, scope, session, start, state},
    update,
    view::{Focus, Screen, SortBy, TranscriptStatus},
};
use crate::domain::{
    ActKind, ActOutcome, Fact, FailureClass, LogEvent, Observation, Preferences, SessionDocument, SessionKey,
    SessionStatus, SessionType,
};

pub(super) fn key(id: &str) -> SessionKey {
    SessionKey::new(scope(), id)
}

pub(super) fn press(state: &mut State, code: KeyCode, ms: i64) -> Vec<Effect> {
    let modifiers = match code {
        KeyCode::Char(character) if character.is_uppercase() => KeyModifiers::SHIFT,
        _ => KeyModifiers::NONE,
    };
    update(state, Message::Key(KeyEvent::new(code, modifiers)), start() + SignedDuration::from_millis(ms))
}

fn type_text(state: &mut State, text: &str, mut ms: i64) -> i64 {
    for character in text.chars() {
        press(state, KeyCode::Char(character), ms);
        ms += 120;
    }
    ms
}

pub(super) fn list(state: &mut State, ids: &[&str], seconds: i64) -> Vec<Effect> {
    let sessions = ids.iter().map(|id| session(id)).collect();
    update(state, Message::Observed(Observation::Active { scope: scope(), sessions, at: at(seconds) }), at(seconds))
}

/// Without what is only remembered.
pub(super) fn acted(mut effects: Vec<Effect>) -> Vec<Effect> {
    effects.retain(|effect| !matches!(effect, Effect::Keep(_) | Effect::Recall(_)));
    effects
}

pub(super) fn select(state: &mut State, id: &str) {
    let wanted = Some(key(id));
    press(state, KeyCode::Char('g'), 0);
    while state.view.table.list.selected != wanted {
        let before = state.view.table.list.selected.clone();
        press(state, KeyCode::Char('j'), 0);
        assert_ne!(state.view.table.list.selected, before, "{id} is not in the table");
    }
}

pub(super) fn preferences(streaming: bool) -> Observation {
    let inputs = Preferences { log_group: "/ssm".into(), streaming, ..Preferences::default() };
    let document = SessionDocument { session_type: SessionType::StandardStream, inputs, content: Default::default() };
    Observation::Preferences { scope: scope(), document: Fact::known(Some(document), "ssm:GetDocument", start()) }
}

#[test]
fn the_selection_is_an_id_and_survives_resorting() {
    let mut state = state(&["a", "b", "c"]);
    select(&mut state, "b");
    let mut newest = session("z");
    newest.started_at = Some(start());
    let sessions = vec![newest, session("a"), session("b"), session("c")];
    update(&mut state, Message::Observed(Observation::Active { scope: scope(), sessions, at: at(5) }), at(5));
    assert_eq!(state.view.table.list.rows[0], key("z"));
    assert_eq!(state.view.table.list.selected, Some(key("b")));
    press(&mut state, KeyCode::Char('S'), 6000);
    assert_eq!(state.view.table.list.selected, Some(key("b")));
}

#[test]
fn while_nobody_is_at_the_keyboard_the_first_row_stays_selected() {
    let mut state = state(&["a", "b"]);
    let mut newest = session("z");
    newest.started_at = Some(start());
    let sessions = vec![session("a"), session("b"), newest];
    update(&mut state, Message::Observed(Observation::Active { scope: scope(), sessions, at: at(5) }), at(5));
    assert_eq!(state.view.table.list.selected, Some(key("z")));
    assert_eq!(state.view.table.list.offset, 0);
    press(&mut state, KeyCode::Char('t'), 5500);
    assert!(state.view.dialog.is_none(), "it moved under the finger");
    assert!(state.view.notice.as_ref().unwrap().text.contains("just moved to z"));
    press(&mut state, KeyCode::Char('t'), 6500);
    assert_eq!(state.view.dialog.as_ref().unwrap().subjects, [crate::domain::Subject::Session(key("z"))]);
}

#[test]
fn after_any_other_key_an_act_needs_no_second_press() {
    let mut state = state(&["a", "b"]);
    let mut newest = session("z");
    newest.started_at = Some(start());
    let sessions = vec![session("a"), session("b"), newest];
    update(&mut state, Message::Observed(Observation::Active { scope: scope(), sessions, at: at(5) }), at(5));
    press(&mut state, KeyCode::Char('j'), 5300);
    press(&mut state, KeyCode::Char('t'), 5600);
    assert!(state.view.dialog.is_some(), "who moves the selection knows where it is");
}

#[test]
fn a_selected_session_that_ends_stays_as_a_ghost_until_the_analyst_moves_on() {
    let mut state = state(&["a", "b", "c"]);
    select(&mut state, "b");
    let over = ended("b", SessionStatus::Terminated, at(3));
    let history = Observation::History { scope: scope(), sessions: vec![over], since: at(-3600), at: at(4) };
    update(&mut state, Message::Observed(history), at(4));
    list(&mut state, &["a", "c"], 5);
    assert_eq!(state.view.table.list.selected, Some(key("b")));
    assert!(state.view.table.list.rows.contains(&key("b")));
    press(&mut state, KeyCode::Char('j'), 6000);
    assert!(!state.view.table.list.rows.contains(&key("b")));
    assert_eq!(state.view.table.list.rows.len(), 2);
}

#[test]
fn a_dialog_acts_on_the_id_that_it_was_opened_with() {
    let mut state = state(&["a", "b", "c"]);
    select(&mut state, "b");
    press(&mut state, KeyCode::Char('t'), 1000);
    let ms = type_text(&mut state, "rogue", 2000);
    // The table is sorted anew under the dialog, and the selected row is another one now.
    list(&mut state, &["a", "c"], 3);
    list(&mut state, &["a", "c"], 3);
    press(&mut state, KeyCode::Enter, ms + 200);
    let effects = press(&mut state, KeyCode::Char('y'), ms + 1500);
    assert_eq!(effects, [Effect::Terminate { act: 1, session: key("b"), count_it: false }]);
    let act = &state.acts[0];
    assert_eq!(
        (act.kind, act.session().unwrap().clone(), act.reason.as_str()),
        (ActKind::Terminate, key("b"), "rogue")
    );
}

#[test]
fn nothing_is_done_without_the_confirmation() {
    let mut state = state(&["a"]);
    press(&mut state, KeyCode::Char('t'), 1000);
    let ms = type_text(&mut state, "rogue", 2000);
    assert!(press(&mut state, KeyCode::Enter, ms).is_empty());
    assert!(press(&mut state, KeyCode::Enter, ms + 1000).is_empty());
    assert!(press(&mut state, KeyCode::Char('n'), ms + 2000).is_empty());
    assert!(press(&mut state, KeyCode::Esc, ms + 3000).is_empty());
    assert!(state.view.dialog.is_none());
    assert!(state.acts.is_empty());
}

#[test]
fn esc_held_down_in_a_dialog_does_not_fall_through() {
    let mut state = state(&["a"]);
    press(&mut state, KeyCode::Enter, 500);
    assert!(state.view.opened);
    press(&mut state, KeyCode::Char('a'), 1000);
    for repeat in 0..20 {
        press(&mut state, KeyCode::Esc, 2000 + repeat * 33);
    }
    assert!(state.view.dialog.is_none());
    assert!(state.view.opened, "the session that was open stays open");
}

#[test]
fn the_key_that_closed_a_dialog_works_again_when_it_is_pressed_again() {
    let mut state = state(&["a"]);
    press(&mut state, KeyCode::Char('a'), 500);
    let ctrl_c = |state: &mut State, ms| {
        let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        update(state, Message::Key(key), start() + SignedDuration::from_millis(ms))
    };
    assert_eq!(ctrl_c(&mut state, 2000), []);
    assert!(state.view.dialog.is_none());
    assert_eq!(ctrl_c(&mut state, 2500), [], "it may be the first repeat of the key held down");
    assert_eq!(ctrl_c(&mut state, 2540), [], "it is");
    assert_eq!(ctrl_c(&mut state, 2800), [Effect::Quit], "no key that is held down repeats so slowly");
}

#[test]
fn read_only_says_that_it_is_off_and_why() {
    let mut state = state(&["a"]);
    state.setup.read_only = Some("read_only = true in config.toml".into());
    for (code, ms) in [('t', 1000), ('a', 2000)] {
        press(&mut state, KeyCode::Char(code), ms);
        assert!(state.view.dialog.is_none());
        let notice = state.view.notice.take().unwrap();
        assert!(notice.text.contains("is off: read_only = true"), "{}", notice.text);
    }
}

#[test]
fn a_failed_termination_stays_visible_until_it_is_dismissed_or_repeated() {
    let mut state = state(&["a"]);
    let run = |state: &mut State, ms: i64| {
        press(state, KeyCode::Char('t'), ms);
        let later = type_text(state, "rogue", ms + 1000);
        press(state, KeyCode::Enter, later);
        press(state, KeyCode::Char('y'), later + 1000)
    };
    assert_eq!(run(&mut state, 1000).len(), 1);
    let failed = ActOutcome::Failed { what: "NOT ENDED".into(), to_do: "Repeat".into() };
    update(&mut state, Message::ActProgress { act: 1, step: 0, outcome: failed.clone() }, at(20));
    update(&mut state, Message::Tick, at(100));
    assert!(state.view.banners.iter().any(|banner| banner.text.contains("NOT ENDED")));
    assert_eq!(run(&mut state, 101_000).len(), 1, "it can be repeated");
    assert!(state.view.banners.iter().all(|banner| !banner.text.contains("NOT ENDED")), "the repeat supersedes it");
    update(&mut state, Message::ActProgress { act: 2, step: 0, outcome: failed }, at(120));
    assert!(state.view.banners.iter().any(|banner| banner.text.contains("NOT ENDED")));
    press(&mut state, KeyCode::Esc, 130_000);
    assert!(state.view.banners.is_empty());
    assert_eq!(state.acts.len(), 2, "the record stays");
}

#[test]
fn what_is_typed_after_a_refusal_does_not_run_as_commands() {
    let mut state = state(&["a"]);
    (state.setup.member_topic, state.setup.central_topic) = (None, None);
    press(&mut state, KeyCode::Char('a'), 1000);
    assert!(state.view.notice.as_ref().unwrap().text.contains("no topic is configured"));
    let ms = type_text(&mut state, "alert text", 1200);
    press(&mut state, KeyCode::Enter, ms);
    assert!(state.view.dialog.is_none() && !state.view.opened);
    assert_eq!(state.view.screen, Screen::Sessions);
    press(&mut state, KeyCode::Char('t'), ms + 1500);
    assert!(state.view.dialog.is_some(), "a key that comes later is a command again");
}

#[test]
fn a_question_that_cannot_be_read_cannot_be_answered() {
    let mut state = state(&["a"]);
    press(&mut state, KeyCode::Char('t'), 1000);
    let ms = type_text(&mut state, "rogue", 2000);
    press(&mut state, KeyCode::Enter, ms);
    update(&mut state, Message::Resize(30, 8), at(5));
    assert!(press(&mut state, KeyCode::Char('y'), ms + 3000).is_empty());
    update(&mut state, Message::Resize(80, 24), at(9));
    assert_eq!(press(&mut state, KeyCode::Char('y'), ms + 9000).len(), 1);
}

#[test]
fn an_unproven_end_is_settled_when_history_shows_it() {
    let mut state = state(&["a"]);
    press(&mut state, KeyCode::Char('t'), 1000);
    let ms = type_text(&mut state, "rogue", 2000);
    press(&mut state, KeyCode::Enter, ms);
    press(&mut state, KeyCode::Char('y'), ms + 1000);
    let unproven = ActOutcome::Unproven { what: "NOT ENDED".into(), to_do: "Repeat".into() };
    update(&mut state, Message::ActProgress { act: 1, step: 0, outcome: unproven }, at(20));
    assert!(state.view.banners.iter().any(|banner| banner.text.contains("NOT ENDED")));
    let over = ended("a", SessionStatus::Terminated, at(25));
    let history = Observation::History { scope: scope(), sessions: vec![over], since: at(-3600), at: at(26) };
    let effects = update(&mut state, Message::Observed(history), at(26));
    assert_eq!(acted(effects), [Effect::Settled { act: 1, count_it: false }]);
    assert!(matches!(&state.acts[0].steps[0].outcome, ActOutcome::Done { proof, .. } if proof.contains("Terminated")));
    assert!(state.view.banners.is_empty());
    assert!(update(&mut state, Message::Tick, at(27)).is_empty(), "once");
}

#[test]
fn an_end_that_was_repeated_is_one_end() {
    for (repeat, settled) in [
        (ActOutcome::Done { took_ms: 900, proof: "History says Terminated".into() }, vec![]),
        (ActOutcome::Sent, vec![]),
        (ActOutcome::Unproven { what: "NOT ENDED".into(), to_do: "Repeat".into() }, vec![2]),
        (ActOutcome::Failed { what: "nothing was sent".into(), to_do: "Nothing".into() }, vec![1]),
    ] {
        let mut state = state(&["a"]);
        for (act, begin) in [(1, 1000), (2, 40_000)] {
            press(&mut state, KeyCode::Char('t'), begin);
            let ms = type_text(&mut state, "rogue", begin + 1000);
            press(&mut state, KeyCode::Enter, ms);
            press(&mut state, KeyCode::Char('y'), ms + 1000);
            let outcome = ActOutcome::Unproven { what: "NOT ENDED".into(), to_do: "Repeat".into() };
            let outcome = if act == 1 { outcome } else { repeat.clone() };
            update(&mut state, Message::ActProgress { act, step: 0, outcome }, at(begin / 1000 + 20));
        }
        let over = ended("a", SessionStatus::Terminated, at(65));
        let history = Observation::History { scope: scope(), sessions: vec![over], since: at(-3600), at: at(66) };
        let effects = update(&mut state, Message::Observed(history), at(66));
        let settled: Vec<_> = settled.into_iter().map(|act| Effect::Settled { act, count_it: false }).collect();
        assert_eq!(acted(effects), settled, "{repeat:?}");
        assert!(update(&mut state, Message::Tick, at(67)).is_empty(), "once");
    }
}

#[test]
fn the_outcome_of_one_step_hides_no_other() {
    let mut state = state(&["a"]);
    press(&mut state, KeyCode::Char('a'), 1000);
    let ms = type_text(&mut state, "look", 2000);
    press(&mut state, KeyCode::Enter, ms);
    assert_eq!(state.acts[0].steps.len(), 2, "two topics; the metric counts NON_COMPLIANT sessions only");
    let failed = ActOutcome::Failed { what: "the permission sns:Publish is missing".into(), to_do: "Grant it".into() };
    update(&mut state, Message::ActProgress { act: 1, step: 0, outcome: failed }, at(20));
    let done = ActOutcome::Done { took_ms: 40, proof: "message 1".into() };
    update(&mut state, Message::ActProgress { act: 1, step: 1, outcome: done }, at(21));
    let notice = state.view.notice.as_ref().unwrap();
    assert!(notice.bad);
    assert!(
        notice.text.contains("member topic FAILED") && notice.text.contains("central topic done"),
        "{}",
        notice.text
    );
}

#[test]
fn a_termination_under_way_is_not_begun_twice() {
    let mut state = state(&["a"]);
    press(&mut state, KeyCode::Char('t'), 1000);
    let ms = type_text(&mut state, "rogue", 2000);
    press(&mut state, KeyCode::Enter, ms);
    press(&mut state, KeyCode::Char('y'), ms + 1000);
    press(&mut state, KeyCode::Char('t'), ms + 3000);
    assert!(state.view.dialog.is_none());
    assert!(state.view.notice.as_ref().unwrap().text.contains("already"));
}

#[test]
fn a_scope_that_cannot_be_read_is_loud_until_it_can() {
    let mut state = state(&["a"]);
    let failed = Observation::ListingFailed {
        scope: scope(),
        failure: failure(FailureClass::Denied),
        retry_at: at(60),
        at: at(20),
    };
    update(&mut state, Message::Observed(failed), at(20));
    let banner = &state.view.banners[0].text;
    assert!(banner.contains("payments-prod") && banner.contains("ssm:DescribeSessions"), "{banner}");
    list(&mut state, &["a"], 25);
    assert!(state.view.banners.is_empty());
}

#[test]
fn the_filter_is_live_and_esc_takes_it_back() {
    let mut state = state(&["alpha", "beta", "gamma"]);
    press(&mut state, KeyCode::Char('/'), 100);
    type_text(&mut state, "BET", 200);
    assert_eq!(state.view.table.list.rows, [key("beta")]);
    assert_eq!(state.view.table.total, 3);
    press(&mut state, KeyCode::Enter, 2000);
    assert_eq!(state.view.table.filter, "BET");
    press(&mut state, KeyCode::Esc, 3000);
    assert_eq!(state.view.table.list.rows.len(), 3);
    press(&mut state, KeyCode::Char('/'), 4000);
    type_text(&mut state, "nothing", 4200);
    assert!(state.view.table.list.rows.is_empty());
    press(&mut state, KeyCode::Esc, 9000);
    assert_eq!(state.view.table.list.rows.len(), 3);
}

#[test]
fn a_paste_outside_of_text_does_nothing() {
    let mut state = state(&["a"]);
    let effects = update(&mut state, Message::Paste("tq\ny".into()), at(1));
    assert!(effects.is_empty() && state.view.dialog.is_none());
}

#[test]
fn sorting_goes_through_all_columns_and_back() {
    let mut state = state(&["a", "b"]);
    for column in SortBy::ALL.iter().skip(1).chain([&SortBy::Severity]) {
        press(&mut state, KeyCode::Char('s'), 100);
        assert_eq!(state.view.table.sort, *column);
    }
}

#[test]
fn the_selected_sessions_transcript_is_followed_once_it_is_known_where() {
    let mut state = state(&["a", "b"]);
    let selected = state.view.table.list.selected.clone().unwrap();
    assert_eq!(state.view.transcript.as_ref().unwrap().status, TranscriptStatus::Loading);
    let effects = update(&mut state, Message::Observed(preferences(true)), at(1));
    let follow = |session: &SessionKey, from_start| {
        Effect::Follow(vec![Follow { session: session.clone(), log_group: "/ssm".into(), from_start }])
    };
    assert_eq!(effects, [follow(&selected, true)]);
    let event = LogEvent { timestamp: at(1), ingested_at: at(1), message: "hello\n".into() };
    let observed = |session: &SessionKey| Observation::Transcript {
        session: session.clone(),
        events: vec![event.clone()],
        at: at(2),
    };
    update(&mut state, Message::Observed(observed(&selected)), at(2));
    assert_eq!(state.view.transcript.as_ref().unwrap().content.lines().len(), 1);
    let effects = press(&mut state, KeyCode::Char('j'), 3000);
    let other = state.view.table.list.selected.clone().unwrap();
    assert_eq!(effects, [follow(&other, true)]);
    update(&mut state, Message::Observed(observed(&selected)), at(4));
    assert!(state.view.transcript.as_ref().unwrap().content.lines().is_empty(), "a late answer for another session");
    let effects = press(&mut state, KeyCode::Char('k'), 5000);
    assert_eq!(effects, [follow(&selected, false)], "it goes on where it was left");
    assert_eq!(state.view.transcript.as_ref().unwrap().content.lines().len(), 2, "the late answer was not lost");
}

#[test]
fn a_session_that_is_not_streamed_says_so_in_words() {
    let mut state = state(&["a"]);
    update(&mut state, Message::Observed(preferences(false)), at(1));
    let status = &state.view.transcript.as_ref().unwrap().status;
    let TranscriptStatus::Never(words) = status else { panic!("{status:?}") };
    assert!(words.contains("Streaming is off"), "{words}");
}

#[test]
fn a_port_session_says_that_it_is_never_logged_even_if_its_document_is_read_last() {
    let mut state = state(&[]);
    let mut tunnel = session("tunnel");
    tunnel.document = Some("AWS-StartSSHSession".into());
    let listing = Observation::Active { scope: scope(), sessions: vec![tunnel], at: start() };
    update(&mut state, Message::Observed(listing), at(0));
    let effects = update(&mut state, Message::Observed(preferences(true)), at(1));
    let effects = acted(effects);
    assert_eq!(effects.len(), 1, "where it would be is known: {effects:?}");
    let document = SessionDocument {
        session_type: SessionType::Port,
        inputs: Preferences::default(),
        content: Default::default(),
    };
    let document = Fact::known(Some(document), "ssm:GetDocument", at(2));
    let observed = Observation::Document { scope: scope(), name: "AWS-StartSSHSession".into(), document };
    let effects = update(&mut state, Message::Observed(observed), at(2));
    assert_eq!(effects, [Effect::Follow(Vec::new())]);
    let status = &state.view.transcript.as_ref().unwrap().status;
    assert!(matches!(status, TranscriptStatus::Never(words) if words.contains("port session")), "{status:?}");
}

#[test]
fn panes_and_screens_are_reached_by_keys() {
    let mut state = state(&["a"]);
    for (code, screen) in
        [('2', Screen::Alerts), ('3', Screen::Preferences), ('4', Screen::History), ('5', Screen::Scopes)]
    {
        press(&mut state, KeyCode::Char(code), 100);
        assert_eq!(state.view.screen, screen);
    }
    press(&mut state, KeyCode::Esc, 5000);
    assert_eq!(state.view.screen, Screen::Sessions);
    let mut seen = Vec::new();
    for _ in 0..4 {
        press(&mut state, KeyCode::Tab, 6000);
        seen.push(state.view.focus);
    }
    assert_eq!(seen, [Focus::Detail, Focus::Transcript, Focus::Commands, Focus::Table]);
    update(&mut state, Message::Resize(80, 24), at(7));
    press(&mut state, KeyCode::Enter, 8000);
    assert!(state.view.opened);
    press(&mut state, KeyCode::Tab, 8100);
    assert_eq!(state.view.focus, Focus::Transcript);
    press(&mut state, KeyCode::Esc, 9000);
    assert!(!state.view.opened);
}

#[test]
fn many_new_sessions_are_judged_in_portions() {
    let ids: Vec<String> = (0..1_200).map(|number| format!("s-{number}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut state = state(&ids);
    assert!(state.has_work());
    let mut turns = 0;
    while state.has_work() {
        update(&mut state, Message::Tick, at(1));
        turns += 1;
        assert!(turns < 100);
    }
    assert_eq!(state.counts.active, 1_200);
    assert_eq!(state.counts.non_compliant, 1_200, "one principal holds them all (CON-01)");
}

#[test]
fn time_alone_changes_a_verdict() {
    let mut state = state(&["a"]);
    let too_old = |state: &State| {
        let judgement = &state.board.sessions[&key("a")].judgement;
        judgement
            .findings
            .iter()
            .any(|finding| finding.rule.as_str() == "TIM-02" && finding.status == crate::domain::Verdict::NonCompliant)
    };
    let bound = session("a").started_at.unwrap() + SignedDuration::from_hours(12);
    list(&mut state, &["a"], bound.duration_since(start()).as_secs() - 2);
    assert!(!too_old(&state));
    let effects = update(&mut state, Message::Tick, bound + SignedDuration::from_secs(1));
    assert!(effects.is_empty());
    assert!(too_old(&state), "no new data came, only its time");
}

#[path = "transcript_tests.rs"]
mod transcripts;

#[path = "listening_tests.rs"]
mod listening;
