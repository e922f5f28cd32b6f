//! The filter's line with what it offers and what is wrong, and the filter in force.

use crossterm::event::KeyCode;
use ssmwatch::app::{State, filter::SavedFilter};

use crate::{
    acting::words,
    snapshots::{SIZES, at_all_sizes},
    world,
};

fn typing(size: (u16, u16), text: &str) -> State {
    let mut state = world::bad_day(size);
    world::press(&mut state, KeyCode::Char('/'));
    world::type_text(&mut state, text);
    state
}

#[test]
fn keys_are_offered() {
    at_all_sizes("filter_keys", |size| typing(size, ""));
}

#[test]
fn values_are_offered() {
    at_all_sizes("filter_values", |size| {
        let mut state = typing(size, "-verdict:compliant owner:");
        world::press(&mut state, KeyCode::Tab);
        world::press(&mut state, KeyCode::Tab);
        state
    });
}

#[test]
fn what_is_wrong_is_pointed_at() {
    at_all_sizes("filter_wrong", |size| typing(size, "mallory ownr:jane"));
    for size in SIZES {
        let shown = words(&typing(size, "mallory ownr:jane"));
        assert!(shown.contains("unknown key `ownr`, did you mean `owner`?"), "{shown}");
    }
}

#[test]
fn what_is_not_complete_is_muted_until_it_is_to_be_kept() {
    at_all_sizes("filter_incomplete", |size| typing(size, "account:payments age>"));
    let mut state = typing((120, 40), "account:payments age>");
    world::press(&mut state, KeyCode::Enter);
    let shown = words(&state);
    assert!(shown.contains("not yet: `age` needs a duration, as `age>1h`"), "{shown}");
}

fn saved(size: (u16, u16)) -> State {
    let mut state = world::bad_day(size);
    let filter = "tag:Environment=Prod* -verdict:compliant";
    state.setup.filters = vec![SavedFilter { name: "prod".into(), filter: filter.into() }];
    state.view.table.filter = filter.to_owned();
    world::press(&mut state, KeyCode::Down);
    state
}

#[test]
fn a_saved_filter_is_shown_by_its_name() {
    at_all_sizes("filter_saved", saved);
    for size in SIZES {
        assert!(words(&saved(size)).contains("filter prod"), "{}", words(&saved(size)));
    }
}

#[test]
fn nothing_matches() {
    at_all_sizes("filter_nothing", |size| {
        let mut state = typing(size, "tag:Nosuch=x owner:nobody");
        world::press(&mut state, KeyCode::Enter);
        state
    });
}

#[test]
fn long_and_wide_filters_keep_the_cursor_in_sight() {
    at_all_sizes("filter_long", |size| {
        let mut state = typing(size, "");
        let text = format!("reason:\"{}\" -owner:someone", "漢字 and words ".repeat(14));
        ssmwatch::app::update(&mut state, ssmwatch::app::Message::Paste(text), world::now());
        (0..15).for_each(|_| world::press(&mut state, KeyCode::Left));
        state
    });
}
