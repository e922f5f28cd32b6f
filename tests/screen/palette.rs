//! The palette, the help of every screen, and every theme, as they are drawn.

use crossterm::event::KeyCode;
use ratatui::style::Modifier;
use ssmwatch::{
    app::{State, filter::SavedFilter},
    ui::theme::{Glyphs, Theme},
};

use crate::{
    dump::{drawn, styled, text},
    snapshots::{at_all_sizes, opened},
    world,
};

fn palette(size: (u16, u16), key: char, query: &str) -> State {
    let mut setup = world::setup();
    setup.themes = Theme::names(None).into_iter().map(Into::into).collect();
    setup.filters = [("interactive in production", "account:payments-prod"), ("no ticket", "reason:none")]
        .map(|(name, filter)| SavedFilter { name: name.into(), filter: filter.into() })
        .to_vec();
    let mut state = world::bad_day_with(size, setup);
    world::press(&mut state, KeyCode::Char(key));
    world::type_text(&mut state, query);
    state
}

#[test]
fn palettes() {
    at_all_sizes("palette_empty", |size| palette(size, ':', ""));
    at_all_sizes("palette_query", |size| palette(size, ':', "pay"));
    at_all_sizes("palette_sessions", |size| palette(size, ':', "#mallory"));
    at_all_sizes("palette_no_match", |size| palette(size, ':', "zzzqqq"));
    at_all_sizes("palette_filters", |size| palette(size, 'F', ""));
    at_all_sizes("palette_no_filters", |size| {
        let mut state = world::bad_day(size);
        world::press(&mut state, KeyCode::Char('F'));
        state
    });
}

#[test]
fn matched_letters_stand_out_and_the_cursor_is_where_is_typed() {
    let state = palette((120, 40), ':', ">refr");
    let buffer = drawn(&state, "mono", &Glyphs::UTF8);
    let words = text(&buffer);
    let (y, line) = words.lines().enumerate().find(|(_, line)| line.contains("refresh")).unwrap();
    let column = line.split("refresh").next().unwrap().chars().count();
    let turned = |x: usize| buffer[(x as u16, y as u16)].modifier.contains(Modifier::REVERSED);
    // The row is selected, which turns everything round; its end is not a match.
    assert!(turned(column) && turned(column + 3));
    assert!(words.contains("› >refr"), "{words}");
}

#[test]
fn help_of_every_screen() {
    for (key, name) in
        [('1', "table"), ('2', "alerts"), ('3', "preferences"), ('4', "history"), ('5', "scopes"), ('6', "acts")]
    {
        at_all_sizes(&format!("help_{name}"), |size| {
            let mut state = world::bad_day(size);
            world::press(&mut state, KeyCode::Char(key));
            world::press(&mut state, KeyCode::Char('?'));
            state
        });
    }
    at_all_sizes("help_transcript", |size| {
        let mut state = opened(size);
        while state.view.focus != ssmwatch::app::view::Focus::Transcript {
            world::press(&mut state, KeyCode::Tab);
        }
        world::press(&mut state, KeyCode::Char('?'));
        state
    });
}

#[test]
fn sessions_in_every_theme() {
    for name in Theme::names(None) {
        let state = world::bad_day((120, 40));
        insta::assert_snapshot!(format!("theme_{name}"), styled(&drawn(&state, &name, &Glyphs::UTF8)));
    }
}

#[test]
fn every_size_has_room_for_the_palette() {
    let mut state = palette((120, 40), ':', "a");
    for (width, height) in (1..=70).flat_map(|width| (1..=24).map(move |height| (width, height))) {
        let now = state.now;
        ssmwatch::app::update(&mut state, ssmwatch::app::Message::Resize(width, height), now);
        drawn(&state, "default-dark", &Glyphs::ASCII);
    }
}
