//! The wall: how it looks from four meters, at all sizes, masked and not.

use crossterm::event::KeyCode;
use jiff::SignedDuration;
use proptest::prelude::*;
use ssmwatch::{
    app::{Message, Setup, State, update},
    domain::Severity,
    ui::theme::{Glyphs, MONO},
};

use crate::{
    acting,
    dump::{drawn, styled, text},
    snapshots::at_all_sizes,
    world,
};

/// At the wall, ten seconds after the last key.
fn wall(mut state: State) -> State {
    world::press(&mut state, KeyCode::Char('w'));
    assert!(state.view.wall.is_some());
    later(&mut state, 11);
    state
}

/// Time passes, all scopes that could be read are read again.
fn later(state: &mut State, seconds: i64) {
    let now = state.now + SignedDuration::from_secs(seconds);
    let read: Vec<_> = state
        .board
        .scopes
        .iter()
        .filter(|(_, scope)| scope.last_good.is_some() && scope.failing.is_none())
        .map(|(id, _)| id.clone())
        .collect();
    for scope in read {
        list(state, scope, now);
    }
    update(state, Message::Tick, now);
    while state.has_work() {
        update(state, Message::Tick, now);
    }
}

/// All that is active in a scope is listed once more.
fn list(state: &mut State, scope: ssmwatch::domain::ScopeId, at: jiff::Timestamp) {
    let sessions = state.board.sessions.values().filter(|session| session.is_active());
    let sessions = sessions.map(|board| &board.session).filter(|of| of.key.scope == scope).cloned().collect();
    world::observe(state, ssmwatch::domain::Observation::Active { scope, sessions, at }, at);
}

fn shown(mut state: State) -> State {
    if state.view.transcript.is_some() {
        world::print(&mut state, world::SHELL.get(..6).unwrap());
    }
    later(&mut state, 1);
    state
}

/// What is CRITICAL was seen by somebody at the wall.
fn seen(mut state: State) -> State {
    for _ in 0..50 {
        if state.view.wall.as_ref().is_none_or(|wall| wall.alarms.is_empty()) {
            break;
        }
        world::press_after(&mut state, KeyCode::Char('c'), 1_000);
    }
    later(&mut state, 11);
    state
}

fn raising() -> Setup {
    Setup { raise_on: Some(Severity::High), ..acting::armed() }
}

fn taken(size: (u16, u16)) -> State {
    let state = wall(world::bad_day_with(size, raising()));
    assert!(!state.view.wall.as_ref().unwrap().alarms.is_empty());
    shown(state)
}

/// A session on production without approval, and every scope is seen.
fn look(size: (u16, u16)) -> State {
    let mut state = world::bad_day(size);
    let now = state.now;
    for scope in world::scopes() {
        list(&mut state, scope, now);
    }
    shown(seen(wall(state)))
}

fn blind(size: (u16, u16)) -> State {
    shown(seen(wall(world::bad_day(size))))
}

/// For the README: an hour of a bad day, in which the network was away for some minutes.
pub fn pictured(size: (u16, u16)) -> State {
    let mut state = world::bad_day_with(size, Setup { auto_terminate: Vec::new(), ..raising() });
    let scopes = world::scopes();
    for minute in (0..58).filter(|minute| !(31..36).contains(minute)) {
        let at = world::now() + SignedDuration::from_secs(minute * 60);
        for scope in &scopes {
            list(&mut state, scope.clone(), at);
        }
        update(&mut state, Message::Tick, at);
    }
    let mut state = seen(wall(state));
    let now = state.now;
    for scope in scopes {
        list(&mut state, scope, now);
    }
    shown(state)
}

/// An hour in which the laptop slept, and the network was away.
fn after_an_hour(size: (u16, u16)) -> State {
    let mut state = wall(world::calm(size));
    for minute in 0..55 {
        if (20..28).contains(&minute) || minute == 40 {
            continue;
        }
        let at = world::now() + SignedDuration::from_secs(minute * 60 + 30);
        if minute % 7 == 3 {
            let gone = state.board.sessions.keys().max().unwrap().clone();
            state.board.sessions.get_mut(&gone).unwrap().phase =
                ssmwatch::app::board::Phase::Ended { how: "gone".into(), at };
        }
        world::list_again(&mut state, at);
    }
    state
}

#[test]
fn calm() {
    at_all_sizes("wall_calm", |size| shown(wall(world::calm(size))));
}

#[test]
fn something_to_look_at() {
    at_all_sizes("wall_look", look);
}

#[test]
fn something_cannot_be_seen() {
    at_all_sizes("wall_blind", blind);
}

#[test]
fn something_critical_takes_the_screen() {
    at_all_sizes("wall_taken", taken);
}

#[test]
fn not_masked() {
    at_all_sizes("wall_unmasked", |size| {
        let mut state = blind(size);
        world::press(&mut state, KeyCode::Char('m'));
        state
    });
}

#[test]
fn nothing_read_so_far_and_no_session() {
    at_all_sizes("wall_loading", |size| wall(world::unread(size, &world::scopes())));
    at_all_sizes("wall_empty", |size| wall(world::empty(size)));
}

#[test]
fn an_hour_with_gaps() {
    at_all_sizes("wall_hour", after_an_hour);
}

#[test]
fn small_large_light_and_without_colors() {
    for size in [(40, 12), (60, 18), (300, 90)] {
        let name = format!("wall_blind_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name, text(&drawn(&blind(size), "default-dark", &Glyphs::UTF8)));
    }
    insta::assert_snapshot!("wall_light_120x40", styled(&drawn(&blind((120, 40)), "default-light", &Glyphs::UTF8)));
    let ascii = |build: fn((u16, u16)) -> State| {
        let mut state = build((120, 40));
        state.setup.ascii = true;
        let text = text(&drawn(&state, MONO, &Glyphs::ASCII));
        assert!(!text.contains(['█', '▓', '─', '▀']), "{text}");
        text
    };
    insta::assert_snapshot!("wall_ascii_blind", ascii(blind));
    insta::assert_snapshot!("wall_ascii_look", ascii(look));
    insta::assert_snapshot!("wall_ascii_calm", ascii(|size| shown(wall(world::calm(size)))));
}

/// Without colors, the frame and the words tell the three apart.
#[test]
fn the_whole_frame_changes_and_without_colors_too() {
    for glyphs in [Glyphs::UTF8, Glyphs::ASCII] {
        let frames: Vec<String> = [shown(wall(world::calm((80, 24)))), look((80, 24)), blind((80, 24))]
            .into_iter()
            .map(|mut state| {
                state.setup.ascii = glyphs == Glyphs::ASCII;
                let buffer = drawn(&state, MONO, &glyphs);
                let areas = ssmwatch::app::wall_layout::WallAreas::of((80, 24), state.now, 9, false).unwrap();
                let frame = areas.frame;
                let symbol = |x: u16, y: u16| buffer[(x, y)].symbol().to_owned();
                let middle = frame.y + frame.height / 2;
                symbol(frame.x, middle) + &symbol(frame.right() - 1, middle) + &symbol(frame.x, frame.y)
            })
            .collect();
        assert!(frames[0] != frames[1] && frames[1] != frames[2] && frames[0] != frames[2], "{frames:?}");
    }
}

#[test]
fn two_seconds_never_look_the_same() {
    let mut state = shown(wall(world::calm((80, 24))));
    let before = drawn(&state, "default-dark", &Glyphs::UTF8);
    later(&mut state, 1);
    assert_ne!(before, drawn(&state, "default-dark", &Glyphs::UTF8));
}

/// Everything that the mask hides.
fn names(state: &State) -> Vec<String> {
    let mut names = Vec::new();
    for (id, scope) in &state.board.scopes {
        names.extend([id.account.as_str().to_owned(), scope.name.to_string()]);
    }
    for board in state.board.sessions.values() {
        let session = &board.session;
        names.extend([
            session.key.id.as_str().to_owned(),
            session.target.as_str().to_owned(),
            session.owner.to_string(),
        ]);
        names.extend(session.owner.rsplit('/').next().map(str::to_owned));
        let node = state.board.node(session).and_then(|node| node.properties.value()?.as_ref()?.name.clone());
        names.extend(node.map(|name| name.to_string()));
    }
    names.retain(|name| name.len() >= 3);
    names
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn nothing_that_is_masked_is_on_the_wall(
        size in (1u16..520, 1u16..160), which in 0usize..4, minutes in 0i64..60
    ) {
        let mut state = match which {
            0 => blind(size),
            1 => look(size),
            2 => taken(size),
            _ => shown(wall(world::calm(size))),
        };
        if state.view.transcript.is_some() {
            let line = format!("sh-5.2$ {}", names(&state).join(" "));
            world::print(&mut state, &[&line, "[root@payments-web-1 ~]# id jane.doe@example.com"]);
        }
        later(&mut state, minutes * 60);
        let drawn = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
        for name in names(&state) {
            prop_assert!(!drawn.contains(&name), "{name} is in\n{drawn}");
        }
    }
}
