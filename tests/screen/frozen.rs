//! The sessions table grouped, held still, and with marks of what changed.

use crossterm::event::{KeyCode, MouseButton, MouseEvent, MouseEventKind};
use jiff::SignedDuration;
use ssmwatch::{
    app::{Message, State, changes::Change, pointing::RowId, update},
    domain::{Observation, Session, SessionKey, SessionStatus},
    ui::theme::{Glyphs, MONO},
};

use crate::{
    acting::words,
    dump::{drawn, text},
    snapshots::{SIZES, at_all_sizes},
    world,
};

fn grouped(size: (u16, u16), presses: usize) -> State {
    let mut state = world::bad_day(size);
    (0..presses).for_each(|_| world::press(&mut state, KeyCode::Char('b')));
    later(&mut state, 7);
    state
}

fn later(state: &mut State, seconds: i64) {
    let at = state.now + SignedDuration::from_secs(seconds);
    update(state, Message::Tick, at);
}

/// In the worst session's scope one session comes, one goes, one is left alone by its client.
fn go_on(state: &mut State) {
    let worst = state.view.table.list.rows[0].clone();
    let scope = worst.scope.clone();
    let here = |session: &&Session| session.key.scope == scope;
    let active = state.board.sessions.values().filter(|session| session.is_active()).map(|session| &session.session);
    let mut sessions: Vec<Session> = active.filter(here).cloned().collect();
    sessions.sort_by(|a, b| a.key.cmp(&b.key));
    sessions.retain(|session| session.key != worst);
    let mut new = sessions[0].clone();
    sessions[0].status = SessionStatus::Disconnected;
    new.key = SessionKey::new(scope.clone(), "newcomer-0f00000000000000f");
    new.started_at = Some(state.now);
    sessions.push(new);
    for _ in 0..3 {
        let at = state.now + SignedDuration::from_secs(1);
        world::observe(state, Observation::Active { scope: scope.clone(), sessions: sessions.clone(), at }, at);
    }
    while state.has_work() {
        let now = state.now;
        update(state, Message::Tick, now);
    }
}

#[test]
fn grouped_by_account() {
    at_all_sizes("grouped_account", |size| grouped(size, 1));
}

#[test]
fn grouped_by_owner() {
    at_all_sizes("grouped_owner", |size| grouped(size, 2));
}

#[test]
fn grouped_by_node() {
    at_all_sizes("grouped_node", |size| grouped(size, 3));
}

#[test]
fn the_heading_sticks_at_the_end_of_the_list() {
    at_all_sizes("grouped_end", |size| {
        let mut state = grouped(size, 1);
        world::press(&mut state, KeyCode::Char('G'));
        state
    });
}

fn frozen(size: (u16, u16), group: bool) -> State {
    let mut state = world::bad_day(size);
    if group {
        world::press(&mut state, KeyCode::Char('b'));
    }
    world::press(&mut state, KeyCode::Char('p'));
    go_on(&mut state);
    later(&mut state, 6);
    state
}

#[test]
fn frozen_with_new_ended_and_changed() {
    at_all_sizes("frozen", |size| frozen(size, false));
    for size in SIZES {
        let shown = words(&frozen(size, false));
        assert!(shown.contains("1 new, 1 ended, 1 changed since; p goes on"), "{shown}");
    }
}

#[test]
fn frozen_groups() {
    at_all_sizes("frozen_grouped", |size| frozen(size, true));
}

#[test]
fn frozen_without_colors_and_utf8() {
    let mut state = frozen((120, 40), true);
    state.setup.ascii = true;
    insta::assert_snapshot!("frozen_ascii_120x40", text(&drawn(&state, MONO, &Glyphs::ASCII)));
}

#[test]
fn frozen_rows_stand_still() {
    for size in SIZES {
        let mut state = frozen(size, false);
        let table = |state: &State| -> Vec<String> {
            let lines = text(&drawn(state, "default-dark", &Glyphs::UTF8));
            let from = lines.lines().position(|line| line.contains("VERDICT")).unwrap();
            lines.lines().skip(from).take(6).map(ToOwned::to_owned).collect()
        };
        let before = table(&state);
        later(&mut state, 5);
        assert_eq!(table(&state), before);
    }
}

#[test]
fn marks_of_what_changed() {
    at_all_sizes("changes", |size| {
        let mut state = world::bad_day(size);
        world::press(&mut state, KeyCode::Char('j'));
        go_on(&mut state);
        // Where a row is marked for acts, its verdict says that it changed.
        let changed = |key: &&SessionKey| state.changes.of(key, state.now) == Some(Change::Changed);
        let key = state.view.table.list.rows.iter().find(changed).cloned().unwrap();
        state.view.marked.insert(key);
        state
    });
}

#[test]
fn what_changed_while_nobody_looked() {
    at_all_sizes("changes_after_return", |size| {
        let mut state = world::bad_day(size);
        world::press(&mut state, KeyCode::Char('5'));
        go_on(&mut state);
        later(&mut state, 10);
        world::press(&mut state, KeyCode::Char('1'));
        state
    });
}

#[test]
fn a_click_on_a_heading_selects_nothing_and_one_on_a_row_what_is_there() {
    for size in SIZES {
        let mut state = grouped(size, 1);
        state.view.pointer.on = true;
        let click = |state: &mut State, y: u16| {
            let event = MouseEvent {
                kind: MouseEventKind::Down(MouseButton::Left),
                column: 12,
                row: y,
                modifiers: crossterm::event::KeyModifiers::NONE,
            };
            let at = state.now + SignedDuration::from_secs(2);
            update(state, Message::Mouse(event), at);
        };
        let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(size.0, size.1)).unwrap();
        let theme = ssmwatch::ui::theme::Theme::load("default-dark", None).unwrap();
        terminal
            .draw(|frame| {
                let drawn = ssmwatch::ui::draw(frame, &state, &theme, &Glyphs::UTF8);
                state.view.pointer.seen = drawn.seen;
            })
            .unwrap();
        let lines = text(terminal.backend().buffer());
        let rows = state.view.pointer.seen.rows.clone();
        let heading = lines.lines().position(|line| line.contains(" sessions  ") && line.contains("──")).unwrap();
        let heading = u16::try_from(heading).unwrap();
        assert!(rows.iter().all(|(y, _)| *y != heading), "{heading} {rows:?}");
        let before = state.view.table.list.selected.clone();
        click(&mut state, heading);
        assert_eq!(state.view.table.list.selected, before);
        for (y, row) in rows {
            let line = lines.lines().nth(usize::from(y)).unwrap();
            assert!(!line.contains("──"), "{line}");
            click(&mut state, y);
            let selected = state.view.table.list.selected.clone().map(RowId::Session);
            assert_eq!(selected, Some(row));
        }
    }
}
