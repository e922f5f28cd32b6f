//! Frames at 200x60 through the real backend into a sink: the first one, and one of many with 10,000 sessions.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, clippy::panic, clippy::indexing_slicing)]
#[path = "../tests/screen/world.rs"]
mod world;

use std::io;

use crossterm::event::KeyCode;
use divan::Bencher;
use jiff::SignedDuration;
use ratatui::{Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};
use ssmwatch::{
    app::{Message, State, update},
    ui::{
        self,
        theme::{Glyphs, Theme},
    },
};

const SIZE: (u16, u16) = (200, 60);

fn main() {
    divan::main();
}

fn terminal() -> Terminal<CrosstermBackend<io::Sink>> {
    let viewport = Viewport::Fixed(Rect::new(0, 0, SIZE.0, SIZE.1));
    Terminal::with_options(CrosstermBackend::new(io::sink()), TerminalOptions { viewport }).unwrap()
}

fn draw(terminal: &mut Terminal<CrosstermBackend<io::Sink>>, state: &State, theme: &Theme) {
    terminal
        .draw(|frame| {
            ui::draw(frame, state, theme, &Glyphs::UTF8);
        })
        .unwrap();
}

/// A State without data, the theme, and the first frame of it.
#[divan::bench]
fn first_frame(bencher: Bencher) {
    bencher.bench_local(|| {
        let state = world::unread(SIZE, &world::scopes());
        let theme = Theme::load("default-dark", None).unwrap();
        let mut terminal = terminal();
        draw(&mut terminal, &state, &theme);
        terminal
    });
}

/// The second ticks: ages change, rows do not.
#[divan::bench]
fn tick_with_10_000_sessions(bencher: Bencher) {
    let mut state = world::crowd(SIZE, 10_000);
    let theme = Theme::load("default-dark", None).unwrap();
    let mut terminal = terminal();
    bencher.bench_local(|| {
        state.now += SignedDuration::from_secs(1);
        draw(&mut terminal, &state, &theme);
    });
}

/// The selection moves down by a row: details, transcript and table change.
#[divan::bench]
fn scroll_with_10_000_sessions(bencher: Bencher) {
    let state = std::cell::RefCell::new(world::crowd(SIZE, 10_000));
    let theme = Theme::load("default-dark", None).unwrap();
    let mut terminal = terminal();
    bencher
        .with_inputs(|| world::press(&mut state.borrow_mut(), KeyCode::Char('j')))
        .bench_local_values(|()| draw(&mut terminal, &state.borrow(), &theme));
}

/// The scopes screen, which counts the sessions of every scope.
#[divan::bench]
fn scopes_with_10_000_sessions(bencher: Bencher) {
    let mut state = world::crowd(SIZE, 10_000);
    world::press(&mut state, KeyCode::Char('5'));
    let theme = Theme::load("default-dark", None).unwrap();
    let mut terminal = terminal();
    bencher.bench_local(|| draw(&mut terminal, &state, &theme));
}

/// A key with 10,000 sessions: update and frame together.
#[divan::bench]
fn key_to_frame_with_10_000_sessions(bencher: Bencher) {
    let mut state = world::crowd(SIZE, 10_000);
    let theme = Theme::load("default-dark", None).unwrap();
    let mut terminal = terminal();
    bencher.bench_local(|| {
        let now = state.now + SignedDuration::from_millis(200);
        update(&mut state, Message::Tick, now);
        world::press(&mut state, KeyCode::Char('j'));
        draw(&mut terminal, &state, &theme);
    });
}
