//! The columns of the sessions table: their list, columns of one's own, panned, the keys on the headings.

use std::cell::RefCell;

use crossterm::event::KeyCode;
use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend};
use ssmwatch::{
    app::{
        Message, State,
        columns::{COLUMNS, ColumnId, ColumnSet, ShownColumn},
        update,
    },
    ui::{
        self,
        theme::{Glyphs, Theme},
    },
};

use crate::{
    dump::{drawn, text},
    snapshots::at_all_sizes,
    world,
};

/// Draws, and lets the State know what is in sight, as the program does after each frame.
fn see(state: &mut State) {
    let (width, height) = state.view.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let theme = Theme::load("default-dark", None).unwrap();
    let mut seen = None;
    terminal.draw(|frame| seen = Some(ui::draw(frame, state, &theme, &Glyphs::UTF8))).unwrap();
    state.view.pointer.seen = seen.unwrap().seen;
}

fn keys(state: &mut State, keys: &[KeyCode]) {
    see(state);
    for key in keys {
        world::press_after(state, *key, 1000);
        see(state);
    }
}

fn own(state: &mut State) {
    let shown = |(id, width)| ShownColumn { id, width };
    let columns = [
        (ColumnId::Verdict, None),
        (ColumnId::Rules, None),
        (ColumnId::Node, Some(14)),
        (ColumnId::Owner, Some(30)),
        (ColumnId::AccountId, None),
        (ColumnId::Age, None),
        (ColumnId::Tags, None),
        (ColumnId::Started, None),
        (ColumnId::Access, None),
        (ColumnId::SessionId, None),
    ];
    state.view.table.columns = ColumnSet::new(columns.map(shown));
}

const RIGHT: KeyCode = KeyCode::Right;

#[test]
fn columns() {
    at_all_sizes("columns_list", |size| {
        let mut state = world::bad_day(size);
        keys(&mut state, &[KeyCode::Char('C'), KeyCode::Down, KeyCode::Down, KeyCode::Down, KeyCode::Char('+')]);
        state
    });
    at_all_sizes("columns_list_end", |size| {
        let mut state = world::bad_day(size);
        own(&mut state);
        keys(&mut state, &[KeyCode::Char('C'), KeyCode::End]);
        state
    });
    at_all_sizes("columns_own", |size| {
        let mut state = world::bad_day(size);
        own(&mut state);
        see(&mut state);
        state
    });
    at_all_sizes("columns_panned", |size| {
        let mut state = world::bad_day(size);
        keys(&mut state, &[RIGHT, RIGHT, RIGHT]);
        state
    });
    at_all_sizes("columns_own_panned", |size| {
        let mut state = world::bad_day(size);
        own(&mut state);
        keys(&mut state, &[RIGHT, RIGHT, RIGHT]);
        state
    });
    at_all_sizes("columns_heading", |size| {
        let mut state = world::bad_day(size);
        keys(&mut state, &[KeyCode::Up, RIGHT, RIGHT, RIGHT]);
        state
    });
    at_all_sizes("columns_heading_last", |size| {
        let mut state = world::bad_day(size);
        let mut all = vec![RIGHT; COLUMNS.len()];
        all.insert(0, KeyCode::Up);
        keys(&mut state, &all);
        state
    });
}

#[test]
fn every_column_comes_into_sight() {
    for width in [40, 60, 80, 120] {
        let mut state = world::bad_day((width, 24));
        state.view.table.columns = ColumnSet::new(COLUMNS.iter().map(|info| ShownColumn { id: info.id, width: None }));
        let mut seen = std::collections::HashSet::new();
        let mut note = |state: &State| {
            let there = state.view.pointer.seen.columns.all.iter();
            seen.extend(there.filter(|(_, width)| width.is_some()).map(|(id, _)| *id));
        };
        see(&mut state);
        let all: Vec<ColumnId> = state.view.pointer.seen.columns.all.iter().map(|(id, _)| *id).collect();
        let mut last = None;
        while last != Some(state.view.table.pan) {
            last = Some(state.view.table.pan);
            note(&state);
            keys(&mut state, &[RIGHT]);
        }
        assert!(all.iter().all(|id| seen.contains(id)), "{width}: {all:?} {seen:?}");
        for _ in 0..COLUMNS.len() {
            keys(&mut state, &[KeyCode::Left]);
        }
        assert_eq!(state.view.table.pan, None);
        // The same from the headings: the one that the keys are on is always in sight.
        keys(&mut state, &[KeyCode::Up]);
        for direction in [RIGHT, KeyCode::Left] {
            for _ in &all {
                let heading = state.view.heading().unwrap();
                assert!(state.view.pointer.seen.columns.width(heading).is_some(), "{width}: {heading:?}");
                keys(&mut state, &[direction]);
            }
        }
    }
}

#[test]
fn there_are_signs_without_utf_8() {
    let mut state = world::bad_day((80, 24));
    state.setup.ascii = true;
    keys(&mut state, &[RIGHT, RIGHT]);
    let words = text(&drawn(&state, "mono", &Glyphs::ASCII));
    let heading = words.lines().find(|line| line.contains("VERDICT")).unwrap();
    assert!(heading.starts_with("|<1") && heading.ends_with(">|"), "{heading}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn any_columns_at_any_size_show_the_verdict_and_stay_inside(
        width in 40_u16..=220, height in 12_u16..=50,
        order in Just(COLUMNS.map(|info| info.id).to_vec()).prop_shuffle(),
        widths in proptest::collection::vec(proptest::option::of(3_u16..=200), COLUMNS.len()),
        count in 0..=COLUMNS.len(),
        pan in proptest::option::of(0_usize..20),
        heading in proptest::option::of(0..COLUMNS.len()),
    ) {
        // One world for all cases: building it takes longer than everything else here.
        thread_local!(static WORLD: RefCell<State> = RefCell::new(world::bad_day((120, 30))));
        WORLD.with_borrow_mut(|state| {
        let now = state.now;
        update(state, Message::Resize(width, height), now);
        let shown = order.iter().zip(widths).take(count).map(|(id, width)| ShownColumn { id: *id, width });
        state.view.table.columns = ColumnSet::new(shown);
        state.view.table.pan = pan;
        state.view.table.heading = heading.map(|at| COLUMNS[at].id);
        see(state);
        let seen = &state.view.pointer.seen;
        let pane = seen.panes[0].0;
        prop_assert!(seen.columns.width(ColumnId::Verdict).is_some_and(|width| width > 0));
        let buffer = drawn(state, "default-dark", &Glyphs::UTF8);
        for (y, _) in &seen.rows {
            prop_assert_eq!(buffer[(pane.right() - 1, *y)].symbol(), "│");
            let sign: String = (pane.x + 2..pane.x + 4).map(|x| buffer[(x, *y)].symbol()).collect();
            prop_assert!(!sign.trim().is_empty(), "a row without its verdict");
        }
        prop_assert_eq!(buffer[(pane.right() - 1, pane.y + 1)].symbol(), "│");
        let known = seen.columns.all.len();
        let there = seen.columns.all.iter().filter(|(_, width)| width.is_some()).count();
        prop_assert_eq!(known, there + seen.columns.left + seen.columns.right, "what is not in sight is counted");
        Ok(())
        })?;
    }
}
