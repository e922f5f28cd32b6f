//! Frames at 200x60 through the real backend into a sink: the first one, and one of many with 10,000 sessions. DESIGN holds 1.5 ms median.
//!
//! ```text
//! cargo bench --bench frame
//! ```
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
    app::{Message, State, layout::Areas, update, view::Focus},
    domain::{LogEvent, Observation},
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

/// Four transcripts side by side, long lines wrapped, secrets masked, something searched for: each frame shows new lines in all of them.
#[divan::bench]
fn four_transcripts_with_10_000_sessions(bencher: Bencher) {
    let state = std::cell::RefCell::new(world::crowd(SIZE, 10_000));
    let theme = Theme::load("default-dark", None).unwrap();
    let mut terminal = terminal();
    {
        let state = &mut *state.borrow_mut();
        for _ in 0..3 {
            let key = state.view.table.list.selected.clone().unwrap();
            state.view.beside.push(key);
            world::press(state, KeyCode::Char('j'));
        }
        state.view.wrap = true;
        world::press(state, KeyCode::Enter);
        while state.view.focus != Focus::Transcript {
            world::press(state, KeyCode::Tab);
        }
        let areas = Areas::of(SIZE.0, SIZE.1, &state.view).unwrap();
        assert!(areas.panes.iter().all(Option::is_some), "four panes are on the screen");
        (0..500).for_each(|number| print_everywhere(state, number));
        for view in state.view.transcript.iter_mut().chain(&mut state.view.shelf) {
            view.search = "served".to_owned();
            view.count_matches();
        }
        let frame = terminal.draw(|frame| {
            ui::draw(frame, state, &theme, &Glyphs::UTF8);
        });
        let screen: String = frame.unwrap().buffer.content().iter().map(|cell| cell.symbol()).collect();
        assert!(screen.matches("served").count() > 40, "{screen}");
        assert!(!screen.contains("hunter2"), "{screen}");
        assert!(screen.matches("-p******").count() >= 8, "{screen}");
    }
    let mut number = 500;
    bencher
        .with_inputs(|| {
            number += 1;
            print_everywhere(&mut state.borrow_mut(), number);
        })
        .bench_local_values(|()| draw(&mut terminal, &state.borrow(), &theme));
}

/// One more event in each transcript on the screen.
fn print_everywhere(state: &mut State, number: usize) {
    let lines = [
        format!("sh-5.2$ mysql -u root -phunter{number} shop"),
        format!("export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY token={number}"),
        format!(
            "{{\"level\":\"info\",\"n\":{number},\"message\":\"{}\",\"password\":\"hunter2\"}}",
            "request served, ".repeat(20)
        ),
        format!("größere Änderung 変更履歴 {number} \u{1b}[31mred\u{1b}[0m\u{202e}"),
    ];
    let message = serde_json::json!({"sessionId": "bench", "sessionData": lines}).to_string();
    let at = state.now;
    let events = vec![LogEvent { timestamp: at, ingested_at: at, message }];
    for session in state.view.panes().into_iter().cloned().collect::<Vec<_>>() {
        world::observe(state, Observation::Transcript { session, events: events.clone(), at }, at);
    }
}

/// The wall, on which each second is another picture.
#[divan::bench]
fn wall_with_10_000_sessions(bencher: Bencher) {
    let mut state = world::crowd(SIZE, 10_000);
    world::press(&mut state, KeyCode::Char('w'));
    let theme = Theme::load("default-dark", None).unwrap();
    let mut terminal = terminal();
    bencher.bench_local(|| {
        state.now += SignedDuration::from_secs(1);
        draw(&mut terminal, &state, &theme);
    });
}
