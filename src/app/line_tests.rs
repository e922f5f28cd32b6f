//! The line of input: live, forgiving while it is typed, strict when it is kept; what it offers; saved filters.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{collections::BTreeMap, sync::Arc};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::SignedDuration;

use super::{
    Message, State,
    filter::{Filter, SavedFilter},
    fixture::{at, scope, session, state},
    keymap::Keymap,
    line_input::LineInput,
    update,
    view::Screen,
};
use crate::domain::{Fact, Observation, SessionKey};

fn press(state: &mut State, code: KeyCode) {
    let at = state.now + SignedDuration::from_millis(200);
    update(state, Message::Key(KeyEvent::new(code, KeyModifiers::NONE)), at);
}

fn type_text(state: &mut State, text: &str) {
    text.chars().for_each(|character| press(state, KeyCode::Char(character)));
}

fn line(state: &State) -> &LineInput {
    state.view.input.as_ref().unwrap()
}

fn offered(state: &State) -> Vec<&str> {
    line(state).offer.candidates.iter().map(|candidate| candidate.insert.as_str()).collect()
}

fn open() -> State {
    let mut state = state(&["alpha", "beta", "gamma"]);
    press(&mut state, KeyCode::Char('/'));
    state
}

#[test]
fn what_is_wrong_keeps_the_last_filter_and_is_not_kept_by_enter() {
    let mut state = open();
    type_text(&mut state, "id:beta");
    assert_eq!(state.view.table.list.rows.len(), 1);
    type_text(&mut state, " age>");
    assert!(line(&state).problem.as_ref().unwrap().incomplete);
    assert_eq!((state.view.table.filter.as_str(), state.view.table.list.rows.len()), ("id:beta", 1));
    press(&mut state, KeyCode::Enter);
    assert!(line(&state).refused);
    type_text(&mut state, "soon");
    assert!(!line(&state).refused && !line(&state).problem.as_ref().unwrap().incomplete);
    press(&mut state, KeyCode::Enter);
    assert!(line(&state).refused && state.view.table.filter == "id:beta");
    (0..4).for_each(|_| press(&mut state, KeyCode::Backspace));
    type_text(&mut state, "1m");
    press(&mut state, KeyCode::Enter);
    assert!(state.view.input.is_none());
    assert_eq!(state.view.table.filter, "id:beta age>1m");
    // Esc in the line takes back what was typed in it, and nothing else.
    press(&mut state, KeyCode::Char('/'));
    type_text(&mut state, " ownr:x");
    press(&mut state, KeyCode::Esc);
    assert!(state.view.input.is_none());
    assert_eq!(state.view.table.filter, "id:beta age>1m");
}

#[test]
fn the_line_is_edited_at_the_cursor() {
    let mut state = open();
    type_text(&mut state, "beta");
    press(&mut state, KeyCode::Home);
    type_text(&mut state, "-");
    assert_eq!(state.view.table.list.rows.len(), 2);
    press(&mut state, KeyCode::Delete);
    update(&mut state, Message::Paste("id:\u{1b}".into()), at(50));
    assert_eq!((line(&state).text.as_str(), line(&state).halves().1), ("-id:eta", "eta"));
}

#[test]
fn keys_and_values_are_offered_and_chosen_with_tab() {
    let mut state = open();
    assert!(offered(&state).contains(&"owner:") && offered(&state).contains(&"age>"));
    type_text(&mut state, "own");
    assert_eq!(offered(&state), ["owner:"]);
    // There is one: it goes in, and its values are offered.
    press(&mut state, KeyCode::Tab);
    assert_eq!(line(&state).text, "owner:");
    assert_eq!(offered(&state), ["Ops", "jane"]);
    press(&mut state, KeyCode::Tab);
    press(&mut state, KeyCode::Tab);
    assert_eq!(line(&state).text, "owner:jane");
    press(&mut state, KeyCode::BackTab);
    assert_eq!(line(&state).text, "owner:Ops");
    press(&mut state, KeyCode::Down);
    assert_eq!((line(&state).text.as_str(), state.view.table.filter.as_str()), ("owner:jane", "owner:jane"));
    type_text(&mut state, " -account:pay");
    assert_eq!(offered(&state), ["payments-prod", "111122223333"]);
    press(&mut state, KeyCode::Tab);
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.view.table.filter, "owner:jane -account:payments-prod");
    assert!(state.view.table.list.rows.is_empty());
}

#[test]
fn arrows_move_the_selection_until_something_is_chosen() {
    let mut state = open();
    let first = state.view.table.list.selected.clone();
    press(&mut state, KeyCode::Down);
    assert_ne!(state.view.table.list.selected, first);
    assert_eq!(line(&state).text, "");
}

#[test]
fn what_is_offered_is_read_again_as_the_same_value() {
    let hostile =
        ["a b", "a,b", "say \"hi\"", "\u{1b}[2J", "back\\slash", "x*y", "=", "-x", "e\u{301}漢", "a\u{202e}b"];
    let mut state = state(&[]);
    let sessions = hostile
        .iter()
        .enumerate()
        .map(|(index, owner)| crate::domain::Session { owner: (*owner).into(), ..session(&format!("s{index}")) });
    let sessions = sessions.collect();
    update(&mut state, Message::Observed(Observation::Active { scope: scope(), sessions, at: at(1) }), at(1));
    let tags: BTreeMap<String, String> = hostile.iter().map(|text| ((*text).to_owned(), (*text).to_owned())).collect();
    let board = state.board.scopes.get_mut(&scope()).unwrap();
    let node = board.nodes.entry(session("s0").target).or_default();
    node.tags = Fact::known(Arc::new(tags), "tag:GetResources", at(1));
    press(&mut state, KeyCode::Char('/'));
    type_text(&mut state, "owner:");
    assert_eq!(offered(&state).len(), hostile.len());
    for candidate in line(&state).offer.candidates.clone() {
        assert!(!candidate.insert.contains(char::is_control), "{candidate:?}");
        let filter = format!("owner:{}", candidate.insert);
        state.view.table.filter = filter.clone();
        update(&mut state, Message::Tick, at(60));
        assert!(Filter::parse(&filter).is_ok(), "{filter}");
        assert_eq!(state.view.table.list.rows.len(), 1, "{filter}");
    }
    (0..6).for_each(|_| press(&mut state, KeyCode::Backspace));
    type_text(&mut state, "tag:");
    let keys: Vec<String> = offered(&state).into_iter().map(str::to_owned).collect();
    assert_eq!(keys.len(), hostile.len());
    for key in keys {
        let text = format!("tag:{key}={key}");
        state.view.table.filter = text.clone();
        update(&mut state, Message::Tick, at(90));
        assert_eq!(state.view.table.list.rows.len(), hostile.len(), "{text}");
    }
}

#[test]
fn saved_filters_are_put_in_force_by_their_keys_and_taken_away() {
    let mut state = state(&["alpha", "beta"]);
    let saved = |name: &str, filter: &str| SavedFilter { name: name.into(), filter: filter.into() };
    state.setup.filters = vec![saved("a", "id:alpha"), saved("b", "id:beta")];
    let (f7, f8) = (vec!["f7".to_owned()], vec!["f8".to_owned()]);
    let keys = [("a", f7.as_slice()), ("b", f8.as_slice())];
    state.setup.keymap = Keymap::new(std::iter::empty()).unwrap().with_filters(keys).unwrap();
    press(&mut state, KeyCode::F(7));
    assert_eq!(state.view.table.list.rows, [SessionKey::new(scope(), "alpha")]);
    assert_eq!(state.saved_filter(), Some(0));
    press(&mut state, KeyCode::F(8));
    assert_eq!((state.saved_filter(), state.view.table.list.rows.len()), (Some(1), 1));
    press(&mut state, KeyCode::F(8));
    assert_eq!((state.saved_filter(), state.view.table.list.rows.len()), (None, 2));
    // From elsewhere it goes to the sessions; on the history it stays there.
    press(&mut state, KeyCode::Char('2'));
    press(&mut state, KeyCode::F(7));
    assert_eq!((state.view.screen, state.saved_filter()), (Screen::Sessions, Some(0)));
    press(&mut state, KeyCode::Char('5'));
    press(&mut state, KeyCode::F(7));
    assert_eq!((state.view.screen, state.saved_filter()), (Screen::Sessions, Some(0)));
    press(&mut state, KeyCode::Char('4'));
    press(&mut state, KeyCode::F(7));
    assert_eq!((state.view.screen, state.saved_filter()), (Screen::History, None));
}
