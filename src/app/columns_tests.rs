#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::app::{Effect, Message, State, fixture, overlay::Overlay, update, view::Focus};

fn press(state: &mut State, code: KeyCode) -> Vec<Effect> {
    press_after(state, code, 1000)
}

fn press_after(state: &mut State, code: KeyCode, milliseconds: i64) -> Vec<Effect> {
    let at = state.now + SignedDuration::from_millis(milliseconds);
    update(state, Message::Key(KeyEvent::new(code, KeyModifiers::NONE)), at)
}

fn chars(state: &mut State, keys: &str) {
    for key in keys.chars() {
        press(state, KeyCode::Char(key));
    }
}

fn names(state: &State) -> Vec<&'static str> {
    state.view.table.columns.shown().iter().map(|column| column.id.info().name).collect()
}

fn selected(state: &State) -> Option<ColumnId> {
    match &state.view.overlay {
        Some(Overlay::Columns(menu)) => Some(menu.selected),
        _ => None,
    }
}

fn notice(state: &State) -> &str {
    state.view.notice.as_ref().map_or("", |notice| &notice.text)
}

#[test]
fn every_column_has_one_name_and_the_usual_ones_come_first() {
    let mut names: Vec<_> = COLUMNS.iter().map(|info| info.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), COLUMNS.len());
    assert!(COLUMNS.iter().is_sorted_by_key(|info| !info.standard));
    for info in COLUMNS {
        assert_eq!((info.id.info().name, ColumnId::named(info.name)), (info.name, Some(info.id)));
    }
    assert!(SortBy::ALL.iter().all(|by| ColumnId::sorting(*by).is_some()));
}

#[test]
fn the_list_shows_hides_moves_sizes_and_sorts() {
    let mut state = fixture::state(&["a", "b"]);
    chars(&mut state, "C");
    assert_eq!(selected(&state), Some(ColumnId::Verdict));
    chars(&mut state, " ");
    assert_eq!((names(&state)[0], notice(&state)), ("verdict", "the verdict is always shown"));
    chars(&mut state, "J");
    assert_eq!(names(&state)[0], "verdict");
    chars(&mut state, "jjj");
    assert_eq!(selected(&state), Some(ColumnId::Account));
    chars(&mut state, "J");
    assert_eq!(names(&state)[3..5], ["region", "account"]);
    chars(&mut state, "KKK");
    assert_eq!(names(&state)[..3], ["verdict", "account", "detected"]);
    chars(&mut state, "K");
    assert_eq!((names(&state)[0], notice(&state)), ("verdict", "only the verdict is before it"));
    chars(&mut state, "++-");
    assert_eq!(state.view.table.columns.width(ColumnId::Account), Some(10));
    chars(&mut state, "0");
    assert_eq!(state.view.table.columns.width(ColumnId::Account), None);
    chars(&mut state, "s");
    assert_eq!((state.view.table.sort, state.view.table.reverse), (SortBy::Account, false));
    chars(&mut state, "s");
    assert_eq!((state.view.table.sort, state.view.table.reverse), (SortBy::Account, true));
    chars(&mut state, " ");
    assert!(!names(&state).contains(&"account"));
    assert_eq!(selected(&state), Some(ColumnId::Account), "it can be shown again at once");
    chars(&mut state, "+");
    assert_eq!(notice(&state), "it is not shown; Space shows it");
    chars(&mut state, " ");
    assert_eq!(names(&state).last(), Some(&"account"));
    chars(&mut state, "r");
    assert_eq!(TableSetup::of(&state.view.table), TableSetup::default());
    press(&mut state, KeyCode::Esc);
    assert!(state.view.overlay.is_none());
    chars(&mut state, "C");
    chars(&mut state, "C");
    assert!(state.view.overlay.is_none(), "the second press closes");
}

#[test]
fn the_line_for_the_config_is_copied_and_means_what_is_shown() {
    let mut state = fixture::state(&["a"]);
    chars(&mut state, "Cj jG +s");
    let effects = press(&mut state, KeyCode::Char('y'));
    let line = TableSetup::of(&state.view.table).to_toml();
    assert!(matches!(effects.as_slice(), [Effect::Copy(clip)] if clip.as_str() == line), "{effects:?}");
    let read: toml::Table = line.parse().unwrap();
    let columns = read["table"]["columns"].as_array().unwrap();
    assert_eq!(columns.len(), state.view.table.columns.shown().len());
}

#[test]
fn up_from_the_first_row_goes_to_the_headings_but_not_while_held() {
    let mut state = fixture::state(&["a", "b", "c"]);
    chars(&mut state, "jj");
    for _ in 0..30 {
        press_after(&mut state, KeyCode::Up, 40);
    }
    assert_eq!((state.view.table.list.position(), state.view.heading()), (Some(0), None), "held down it stops");
    let at = state.now + SignedDuration::from_secs(2);
    let repeat = KeyEvent::new_with_kind(KeyCode::Up, KeyModifiers::NONE, KeyEventKind::Repeat);
    update(&mut state, Message::Key(repeat), at);
    assert_eq!(state.view.heading(), None);
    press(&mut state, KeyCode::Up);
    assert_eq!(state.view.heading(), Some(ColumnId::Verdict));
    let row = state.view.table.list.selected.clone();
    press(&mut state, KeyCode::Down);
    assert_eq!((state.view.heading(), state.view.table.list.selected.clone()), (None, row));
    for back in [KeyCode::Esc, KeyCode::Tab, KeyCode::Char('j')] {
        chars(&mut state, "k");
        assert!(state.view.heading().is_some());
        press(&mut state, back);
        assert_eq!((state.view.heading(), state.view.focus), (None, Focus::Table), "{back:?}");
    }
}

#[test]
fn a_heading_sorts_sizes_and_moves_its_column_and_acts_on_nothing() {
    let mut state = fixture::state(&["a", "b"]);
    chars(&mut state, "k");
    for _ in 0..3 {
        press(&mut state, KeyCode::Right);
    }
    assert_eq!(state.view.heading(), Some(ColumnId::Account));
    press(&mut state, KeyCode::Enter);
    assert_eq!((state.view.table.sort, state.view.table.reverse), (SortBy::Account, false));
    chars(&mut state, "s");
    assert!(state.view.table.reverse);
    chars(&mut state, "++");
    assert_eq!(state.view.table.columns.width(ColumnId::Account), Some(11));
    chars(&mut state, ">");
    assert_eq!(names(&state)[3..5], ["region", "account"]);
    chars(&mut state, "<<<");
    assert_eq!(names(&state)[..2], ["verdict", "account"]);
    assert_eq!(state.view.heading(), Some(ColumnId::Account), "the keys stay with the column");
    for act in "taexQ".chars() {
        state.view.notice = None;
        chars(&mut state, &act.to_string());
        assert!(state.view.dialog.is_none() && state.acts.is_empty(), "{act}");
    }
    chars(&mut state, "t");
    assert!(notice(&state).contains("the keys are on the headings"), "{}", notice(&state));
    press(&mut state, KeyCode::Left);
    press(&mut state, KeyCode::Left);
    assert_eq!(state.view.heading(), Some(ColumnId::Verdict));
    chars(&mut state, "2");
    assert_eq!(state.view.heading(), None);
    chars(&mut state, "1");
    assert_eq!(state.view.heading(), None, "who comes back is at the rows");
}

#[test]
fn space_on_a_heading_freezes_and_a_frozen_table_keeps_its_order() {
    let mut state = fixture::state(&["a", "b"]);
    chars(&mut state, "s");
    chars(&mut state, "k ");
    assert!(state.is_frozen());
    press(&mut state, KeyCode::Enter);
    chars(&mut state, "Csr");
    assert_eq!((state.view.table.sort, state.view.table.reverse), (SortBy::Account, false));
    chars(&mut state, "J");
    press(&mut state, KeyCode::Esc);
    assert_eq!(names(&state)[3..5], ["region", "account"], "its columns can be moved all the same");
    chars(&mut state, " ");
    assert!(!state.is_frozen());
}

#[test]
fn s_goes_through_the_columns_that_are_shown() {
    let mut setup = fixture::setup();
    let shown = |id| ShownColumn { id, width: None };
    setup.table.columns = ColumnSet::new([ColumnId::Age, ColumnId::Log, ColumnId::Owner].map(shown));
    let mut state = State::new(fixture::board(), fixture::detector(), setup, fixture::start());
    let mut sorts = Vec::new();
    for _ in 0..4 {
        sorts.push(state.view.table.sort);
        chars(&mut state, "s");
    }
    assert_eq!(sorts, [SortBy::Severity, SortBy::Age, SortBy::Owner, SortBy::Severity]);
}

#[test]
fn the_table_pans_only_where_there_is_something() {
    let mut state = fixture::state(&["a"]);
    press(&mut state, KeyCode::Right);
    assert_eq!(state.view.table.pan, None);
    let seen = &mut state.view.pointer.seen.columns;
    (seen.left, seen.right) = (0, 4);
    press(&mut state, KeyCode::Right);
    assert_eq!(state.view.table.pan, Some(0), "those that gave way come into sight in their order");
    press(&mut state, KeyCode::Right);
    assert_eq!(state.view.table.pan, Some(1));
    state.view.pointer.seen.columns.left = 1;
    chars(&mut state, "l");
    assert_eq!(state.view.table.pan, Some(2));
    state.view.pointer.seen.columns = SeenColumns { left: 2, right: 0, ..SeenColumns::default() };
    chars(&mut state, "l");
    assert_eq!(state.view.table.pan, Some(2), "the end");
    for (left, pan) in [(2, Some(1)), (1, Some(0)), (0, None), (0, None)] {
        state.view.pointer.seen.columns.left = left;
        chars(&mut state, "h");
        assert_eq!(state.view.table.pan, pan);
    }
}

proptest! {
    #[test]
    fn no_keys_take_the_verdict_away(keys in proptest::collection::vec(
        proptest::sample::select(" jkJKgG+-0srChl<>\nq".chars().collect::<Vec<_>>()), 0..60)) {
        let mut state = fixture::state(&["a", "b"]);
        for key in keys {
            let code = if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) };
            press(&mut state, code);
            let shown = state.view.table.columns.shown();
            prop_assert_eq!(shown[0].id, ColumnId::Verdict);
            let mut ids: Vec<_> = shown.iter().map(|column| column.id.info().name).collect();
            ids.sort_unstable();
            ids.dedup();
            prop_assert_eq!(ids.len(), shown.len());
            prop_assert!(shown.iter().all(|column| column.width.is_none_or(|width| WIDTHS.contains(&width))));
        }
    }
}
