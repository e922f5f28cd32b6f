//! What the footer offers does something.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};
use jiff::SignedDuration;

use super::{Hint, hints};
use crate::{
    app::{
        Effect, Message, State,
        action::{ACTIONS, Action, ActionInfo, Group},
        filter::SavedFilter,
        fixture::{self, at, ended, scope},
        keymap::parse_key,
        update,
        view::{Focus, Screen},
    },
    domain::{Fact, LogEvent, Observation, Preferences, SessionDocument, SessionStatus, SessionType},
    ui::{
        look::Look,
        theme::{Glyphs, Theme},
    },
};

fn press(state: &mut State, code: KeyCode) -> Vec<Effect> {
    let at = state.now + SignedDuration::from_millis(900);
    update(state, Message::Key(KeyEvent::from(code)), at)
}

fn type_text(state: &mut State, text: &str) {
    text.chars().for_each(|c| drop(press(state, KeyCode::Char(c))));
}

fn streamed() -> Observation {
    let inputs = Preferences { log_group: "/ssm".into(), streaming: true, ..Preferences::default() };
    let document = SessionDocument { session_type: SessionType::StandardStream, inputs, content: Default::default() };
    Observation::Preferences { scope: scope(), document: Fact::known(Some(document), "ssm:GetDocument", at(0)) }
}

/// Two sessions, the first with a transcript of that many lines.
fn world(lines: usize) -> State {
    let mut state = fixture::state(&["a-0a", "b-0b"]);
    state.setup.raise_on = None;
    state.setup.filters = vec![SavedFilter { name: "mine".into(), filter: "a".into() }];
    update(&mut state, Message::Observed(streamed()), at(1));
    press(&mut state, KeyCode::Char('g'));
    let printed: Vec<String> = (0..lines).map(|line| format!("sh-5.2$ echo {line}")).collect();
    if let Some(session) = state.view.table.list.selected.clone() {
        let id = session.id.to_string();
        let message = serde_json::json!({"eventVersion": "1.0", "sessionId": id, "sessionData": printed}).to_string();
        let events = vec![LogEvent { timestamp: at(3), ingested_at: at(3), message }];
        let now = state.now;
        update(&mut state, Message::Observed(Observation::Transcript { session, events, at: now }), now);
    }
    state
}

fn focused(focus: Focus, lines: usize) -> State {
    let mut state = world(lines);
    for _ in 0..6 {
        if state.view.focus != focus {
            press(&mut state, KeyCode::Tab);
        }
    }
    assert_eq!(state.view.focus, focus);
    state
}

fn on_screen(key: char) -> State {
    let mut state = world(3);
    press(&mut state, KeyCode::Char(key));
    state
}

fn with_keys(mut state: State, keys: &str) -> State {
    type_text(&mut state, keys);
    state
}

type Build = fn() -> State;

const STATES: [(&str, Build); 22] = [
    ("nothing", || fixture::state(&[])),
    ("table", || world(3)),
    ("end of the table", || with_keys(world(3), "G")),
    ("marked", || with_keys(world(3), " ")),
    ("filtered", || {
        let mut state = with_keys(world(3), "/a-0");
        press(&mut state, KeyCode::Enter);
        state
    }),
    ("read only", || {
        let mut state = world(3);
        state.setup.read_only = Some(Arc::from("--read-only was given"));
        state
    }),
    ("no topics", || {
        let mut state = world(3);
        (state.setup.member_topic, state.setup.central_topic) = (None, None);
        state
    }),
    ("no store", || {
        let mut state = world(3);
        update(&mut state, Message::StoreRefused("another one has it".into()), at(9));
        state
    }),
    ("no colors", || {
        let mut state = world(3);
        state.themes.truncate(1);
        state
    }),
    ("ghost", || {
        let mut state = world(3);
        let over =
            vec![ended("a-0a", SessionStatus::Terminated, at(10)), ended("b-0b", SessionStatus::Terminated, at(10))];
        let seen = Observation::History { scope: scope(), sessions: over, since: at(0), at: at(10) };
        update(&mut state, Message::Observed(seen), at(10));
        state
    }),
    ("detail", || focused(Focus::Detail, 3)),
    ("transcript", || focused(Focus::Transcript, 3)),
    ("long transcript", || focused(Focus::Transcript, 300)),
    ("empty transcript", || focused(Focus::Transcript, 0)),
    ("wrapped", || with_keys(focused(Focus::Transcript, 3), "W")),
    ("searched", || {
        let mut state = with_keys(focused(Focus::Transcript, 3), "/echo");
        press(&mut state, KeyCode::Enter);
        state
    }),
    ("playing", || with_keys(focused(Focus::Transcript, 30), "R")),
    ("commands", || focused(Focus::Commands, 3)),
    ("preferences", || on_screen('3')),
    ("history", || on_screen('4')),
    ("scopes", || on_screen('5')),
    ("acts", || on_screen('6')),
];

fn hinted(state: &State) -> Vec<Hint> {
    let theme = Theme::load("default-dark", None).unwrap();
    hints(&Look { state, theme: &theme, glyphs: &Glyphs::UTF8, masked: false })
}

/// What can be seen of a State.
fn seen(state: &mut State) -> String {
    state.view.held = None;
    state.view.recent.clear();
    format!("{:?} {:?} {:?}", state.view, state.acts, state.automatic)
}

#[test]
fn every_hinted_key_does_something() {
    let mut wrong = Vec::new();
    for (name, build) in STATES {
        let actions: Vec<Action> =
            hinted(&build()).iter().filter(|hint| !hint.off).filter_map(|hint| hint.action).collect();
        assert!(actions.contains(&Action::Help) && actions.contains(&Action::Quit), "{name}");
        for action in actions {
            let mut state = build();
            let before = seen(&mut state);
            let key = parse_key(action.info().keys[0]).unwrap();
            let at = state.now + SignedDuration::from_millis(900);
            let effects = update(&mut state, Message::Key(key.into()), at);
            let notice = state.view.notice.clone();
            let refused = notice.as_ref().is_some_and(|notice| notice.bad);
            if (before == seen(&mut state) && effects.is_empty()) || refused {
                wrong.push(format!("{name}: {} {notice:?}", action.info().name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What the table of where actions work calls off, the footer does not offer, whatever the screen.
#[test]
fn what_is_called_off_changes_nothing() {
    use crate::app::works::off_now;
    let mut wrong = Vec::new();
    for (name, build) in STATES {
        let acts = |info: &&ActionInfo| info.group == Group::Act;
        for info in ACTIONS.iter().filter(acts) {
            let mut state = build();
            let Some(why) = off_now(&state, info.action) else { continue };
            let (acts, dialog) = (state.acts.len(), state.view.dialog.is_some());
            let key = parse_key(info.keys[0]).unwrap();
            let at = state.now + SignedDuration::from_millis(900);
            update(&mut state, Message::Key(key.into()), at);
            if state.acts.len() != acts || state.view.dialog.is_some() != dialog {
                wrong.push(format!("{name}: {} is called {why:?} and does it", info.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn hints_have_the_keys_that_are_bound_now() {
    let mut state = world(3);
    let keys = vec!["f7".to_owned()];
    state.setup.keymap = crate::app::keymap::Keymap::new([("terminate", keys.as_slice())]).unwrap();
    assert_eq!(state.view.screen, Screen::Sessions);
    let offered = hinted(&state);
    assert!(offered.iter().any(|hint| hint.action == Some(Action::Terminate)));
    assert_eq!(state.setup.keymap.word(Action::Terminate), "F7");
}
