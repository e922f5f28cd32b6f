//! The palette, from keys to what they change.

use std::{sync::Arc, time::Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::SignedDuration;
use proptest::prelude::*;

use super::{
    Effect, Message, State,
    action::Action,
    filter::SavedFilter,
    fixture::{self, at, ended, scope, session},
    overlay::Overlay,
    palette::{Candidate, Kind, Palette, Target},
    update,
    view::{Focus, Screen},
};
use crate::domain::{ActKind, Observation, SessionStatus};

fn press_with(state: &mut State, code: KeyCode, modifiers: KeyModifiers) -> Vec<Effect> {
    let at = state.now + SignedDuration::from_millis(700);
    update(state, Message::Key(KeyEvent::new(code, modifiers)), at)
}

fn press(state: &mut State, code: KeyCode) -> Vec<Effect> {
    press_with(state, code, KeyModifiers::NONE)
}

fn type_text(state: &mut State, text: &str) {
    text.chars().for_each(|c| drop(press(state, KeyCode::Char(c))));
}

fn palette(state: &State) -> &Palette {
    match &state.view.overlay {
        Some(Overlay::Palette(palette)) => palette,
        other => panic!("no palette: {other:?}"),
    }
}

fn opened(sessions: &[&str], query: &str) -> State {
    let mut state = fixture::state(sessions);
    press(&mut state, KeyCode::Char(':'));
    type_text(&mut state, query);
    state
}

#[test]
fn an_action_runs_in_what_lies_below_as_its_key_would() {
    let mut state = opened(&["a-0a", "b-0b"], "");
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Char('j'));
    let selected = state.view.table.list.selected.clone().unwrap();
    press(&mut state, KeyCode::Char(':'));
    type_text(&mut state, ">termin");
    assert_eq!(palette(&state).selected().unwrap().target, Target::Action(Action::Terminate));
    press(&mut state, KeyCode::Enter);
    assert!(state.view.overlay.is_none());
    let dialog = state.view.dialog.as_ref().unwrap();
    assert_eq!((dialog.kind, dialog.subject().unwrap().session()), (ActKind::Terminate, Some(&selected)));
}

#[test]
fn enter_held_down_does_not_answer_the_dialog_that_it_opens() {
    let mut state = opened(&["a-0a"], ">alert raise");
    press(&mut state, KeyCode::Enter);
    assert!(state.view.dialog.is_some());
    for repeat in 0..40 {
        let at = state.now + SignedDuration::from_millis(if repeat == 0 { 500 } else { 33 });
        update(&mut state, Message::Key(KeyEvent::from(KeyCode::Enter)), at);
    }
    let dialog = state.view.dialog.as_ref().unwrap();
    assert_eq!((dialog.reason.lines(), dialog.complaint), (&[String::new()][..], None));
    assert!(state.acts.is_empty());
}

#[test]
fn what_does_not_work_says_why_and_stays() {
    let mut state = fixture::state(&["a-0a"]);
    state.setup.read_only = Some("read_only = true in the config".into());
    press(&mut state, KeyCode::Char(':'));
    type_text(&mut state, ">terminate");
    press(&mut state, KeyCode::Enter);
    assert!(state.view.dialog.is_none() && state.view.overlay.is_some());
    assert_eq!(state.view.notice.as_ref().unwrap().text, "terminate: off: read only");
}

#[test]
fn a_session_is_gone_to_by_id_and_a_filter_that_hides_it_goes() {
    let mut state = opened(&["a-0a", "b-0b", "c-0c"], "");
    press(&mut state, KeyCode::Esc);
    state.view.table.filter = "b-0b".to_owned();
    press(&mut state, KeyCode::Char('5'));
    press(&mut state, KeyCode::Char(':'));
    type_text(&mut state, "#c-0c");
    assert_eq!(palette(&state).selected().unwrap().kind, Kind::Session);
    press(&mut state, KeyCode::Enter);
    assert_eq!((state.view.screen, state.view.focus), (Screen::Sessions, Focus::Table));
    assert_eq!(state.view.table.list.selected.as_ref().unwrap().id.as_str(), "c-0c");
    assert!(state.view.table.list.position().is_some() && state.view.table.filter.is_empty());
}

#[test]
fn a_session_that_ends_while_it_is_being_looked_for_is_a_ghost() {
    let mut state = opened(&["a-0a", "b-0b"], "#b-0b");
    let over = vec![ended("b-0b", SessionStatus::Terminated, at(10))];
    let observation = Observation::History { scope: scope(), sessions: over, since: at(0), at: at(10) };
    update(&mut state, Message::Observed(observation), at(10));
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.view.table.list.selected.as_ref().unwrap().id.as_str(), "b-0b");
    assert!(state.view.table.list.position().is_some(), "it is there as a ghost");
    assert!(state.view.notice.as_ref().unwrap().text.contains("has ended"));
}

#[test]
fn accounts_and_scopes_put_a_filter_in_force() {
    let mut state = opened(&["a-0a"], "@payments");
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.view.table.filter, "account:payments-prod");
    press(&mut state, KeyCode::Char(':'));
    type_text(&mut state, "@archive us-east");
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.view.table.filter, "account:log-archive region:us-east-1");
}

fn saved(name: &str, filter: &str) -> SavedFilter {
    SavedFilter { name: name.into(), filter: filter.into() }
}

#[test]
fn saved_filters_have_a_palette_of_their_own() {
    let mut state = fixture::state(&["a-0a"]);
    press(&mut state, KeyCode::Char('F'));
    assert!(palette(&state).filters_only && palette(&state).is_empty());
    press(&mut state, KeyCode::Enter);
    assert!(state.view.overlay.is_some(), "nothing to choose");
    press(&mut state, KeyCode::Esc);
    state.setup.filters = vec![saved("bad ones", "a-0a"), saved("others", "b")];
    press(&mut state, KeyCode::Char('F'));
    type_text(&mut state, "bad");
    press(&mut state, KeyCode::Enter);
    assert_eq!((state.view.table.filter.as_str(), state.view.overlay.is_none()), ("a-0a", true));
}

#[test]
fn themes_are_shown_while_they_are_selected_and_esc_brings_the_old_one_back() {
    let mut state = opened(&[], "*light");
    assert_eq!(state.view.theme, 1);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.view.theme, 0);
    press(&mut state, KeyCode::Char(':'));
    type_text(&mut state, "*light");
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.view.theme, 1);
    press(&mut state, KeyCode::Char(':'));
    type_text(&mut state, "*dark");
    assert_eq!(state.view.theme, 0);
    type_text(&mut state, "zzz");
    assert_eq!(state.view.theme, 1, "nothing is selected any more");
}

#[test]
fn themes_that_are_read_again_stay_by_name() {
    let mut state = fixture::state(&[]);
    press(&mut state, KeyCode::Char('T'));
    let names = ["default-dark", "mine", "default-light"].map(Arc::from).to_vec();
    let again = |names: Vec<Arc<str>>, problem: Option<&str>| Message::Themes {
        names,
        problem: problem.map(Arc::from),
        quiet: false,
    };
    update(&mut state, again(names.clone(), None), at(1));
    assert_eq!(state.view.theme, 2);
    update(&mut state, again(names, Some("mine.toml:1:1: what")), at(2));
    assert!(state.view.banners.iter().any(|banner| banner.text.contains("mine.toml:1:1: what")));
    update(&mut state, again(vec!["default-dark".into()], None), at(3));
    assert_eq!((state.view.theme, state.view.banners.is_empty()), (0, true));
    assert!(state.view.notice.as_ref().unwrap().text.contains("default-light is no longer there"));
    press(&mut state, KeyCode::Char('T'));
    assert!(state.view.notice.as_ref().unwrap().text.contains("NO_COLOR"), "{:?}", state.view.notice);
}

#[test]
fn what_was_used_last_comes_first() {
    let mut state = opened(&["a-0a"], ">refresh");
    press(&mut state, KeyCode::Enter);
    press(&mut state, KeyCode::Char('s'));
    press(&mut state, KeyCode::Char(':'));
    let first: Vec<Target> = palette(&state).visible(2).map(|(candidate, _)| candidate.target.clone()).collect();
    assert_eq!(first, [Target::Action(Action::SortNext), Target::Action(Action::Refresh)]);
}

#[test]
fn it_is_a_line_that_can_be_edited() {
    let mut state = opened(&[], "abc def");
    press(&mut state, KeyCode::Home);
    press(&mut state, KeyCode::Delete);
    type_text(&mut state, "X");
    press(&mut state, KeyCode::End);
    press(&mut state, KeyCode::Backspace);
    assert_eq!(palette(&state).query, "Xbc de");
    press_with(&mut state, KeyCode::Char('w'), KeyModifiers::CONTROL);
    assert_eq!(palette(&state).query, "Xbc ");
    update(&mut state, Message::Paste("a\tb\u{1b}".to_owned()), at(60));
    assert_eq!(palette(&state).query, "Xbc a b ");
    press_with(&mut state, KeyCode::Char('u'), KeyModifiers::CONTROL);
    assert_eq!(palette(&state).query, "");
    press_with(&mut state, KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert!(state.view.overlay.is_none());
}

#[test]
fn ten_thousand_sessions_are_searched_at_once() {
    let one = |index: usize| {
        let key = session(&format!("user{index}-0a1b2c3d4e5f6{index:04}")).key;
        let more = "Ops/jane.doe  app-17 i-0a1b2c3d4e5f67890  payments-prod eu-central-1".to_owned();
        Candidate::new(Kind::Session, key.id.to_string(), more, Target::Session(key))
    };
    let mut palette = Palette::new((0..10_000).map(one).collect(), false, 0);
    assert_eq!((palette.count(), palette.listed()), (10_000, 1000));
    let begun = Instant::now();
    for character in "user99 ops".chars() {
        palette.key(KeyEvent::from(KeyCode::Char(character)), 20);
    }
    let each = begun.elapsed() / 10;
    assert!(palette.count() > 0);
    // Optimized it is less than a frame; this is without optimization, on a machine that does other things as well.
    assert!(each.as_millis() < 2000, "{each:?} a keystroke");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_keys_leave_a_palette_whose_selection_is_listed(
        query in "\\PC{0,30}", width in 1_u16..200, height in 1_u16..60, steps in prop::collection::vec(0_u8..9, 0..30),
    ) {
        let mut state = opened(&["a-0a", "b-0b"], "");
        update(&mut state, Message::Resize(width, height), at(5));
        update(&mut state, Message::Paste(query), at(6));
        for step in steps {
            let code = match step {
                0 => KeyCode::Down,
                1 => KeyCode::Up,
                2 => KeyCode::PageDown,
                3 => KeyCode::PageUp,
                4 => KeyCode::Backspace,
                5 => KeyCode::Left,
                6 => KeyCode::Delete,
                7 => KeyCode::Char('漢'),
                _ => KeyCode::Char('e'),
            };
            press(&mut state, code);
            let palette = palette(&state);
            prop_assert!(palette.cursor <= palette.query.chars().count());
            prop_assert_eq!(palette.selected().is_some(), palette.listed() > 0);
            for rows in 1..20 {
                let selected = palette.visible(rows).filter(|(_, selected)| *selected).count();
                prop_assert_eq!(selected, usize::from(palette.listed() > 0), "with {} rows", rows);
            }
        }
    }
}
