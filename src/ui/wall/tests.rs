//! What the wall says and how it can be read, drawn from states that need no world.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::{SignedDuration, Timestamp};
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer};

use crate::{
    app::{Message, State, fixture, update},
    ui::theme::{Glyphs, Theme},
};

fn at(seconds: i64) -> Timestamp {
    fixture::start() + SignedDuration::from_secs(seconds)
}

fn press(state: &mut State, letter: char, seconds: i64) {
    update(state, Message::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE)), at(seconds));
}

fn drawn(state: &State, theme: &str) -> Buffer {
    let (width, height) = state.view.size;
    let theme = Theme::load(theme, None).unwrap();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| drop(crate::ui::draw(frame, state, &theme, &Glyphs::UTF8))).unwrap();
    terminal.backend().buffer().clone()
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let row = |y: u16| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
    (0..buffer.area.height).map(row).collect()
}

/// At the wall of that size; `seen`: the sessions that were listed.
fn at_wall(size: (u16, u16), seen: Option<&[&str]>) -> State {
    let mut state = match seen {
        Some(sessions) => fixture::state(sessions),
        None => State::new(fixture::board(), fixture::detector(), fixture::setup(), fixture::start()),
    };
    update(&mut state, Message::Resize(size.0, size.1), at(1));
    press(&mut state, 'w', 1);
    assert!(state.view.wall.is_some());
    state
}

#[test]
fn before_the_first_data_the_wall_says_so_first_and_is_framed_as_blind() {
    let state = at_wall((80, 24), None);
    let lines = lines(&drawn(&state, "default-dark"));
    let said = lines.iter().find(|line| line.contains("NOTHING READ YET: 0 of 2 scopes"));
    assert!(said.is_some(), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with('▓')), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("ALL WELL") || line.contains("LOADING")), "{lines:#?}");
}
