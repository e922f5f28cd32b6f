//! What the wall says and how it can be read, drawn from states that need no world.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::{SignedDuration, Timestamp};
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, layout::Rect, style::Modifier};

use super::letters;
use crate::{
    app::{Message, State, board::Failing, fixture, update, view::Notice, wall::Alarm, wall_layout::WallAreas},
    domain::{FailureClass, Observation, Subject},
    ui::{
        look::Look,
        theme::{Glyphs, Theme, contrast_tests},
    },
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

#[test]
fn words_on_the_frame_can_be_read_in_every_mood_and_theme() {
    let mut calm = at_wall((120, 40), Some(&[]));
    calm.board.scopes.retain(|id, _| *id == fixture::scope());
    update(&mut calm, Message::Tick, at(2));
    let states = [at_wall((120, 40), Some(&["a-1"])), at_wall((120, 40), None), calm];
    for mut state in states {
        let frame = WallAreas::of(state.view.size, state.now, 0, false).unwrap().frame;
        for bad in [None, Some(false), Some(true)] {
            let until = at(60);
            state.view.notice = bad.map(|bad| Notice { text: "a word in passing".to_owned(), bad, until });
            for theme in contrast_tests::colored() {
                let buffer = drawn(&state, &theme.name);
                let row = (frame.x..frame.right()).map(|x| &buffer[(x, frame.bottom() - 1)]);
                let words: Vec<_> = row.filter(|cell| cell.symbol().chars().all(char::is_alphanumeric)).collect();
                assert!(words.len() > 10, "{}: {:?}", theme.name, lines(&buffer).last());
                for cell in words {
                    let turned = cell.modifier.contains(Modifier::REVERSED);
                    let (fg, bg) = if turned { (cell.bg, cell.fg) } else { (cell.fg, cell.bg) };
                    let found = contrast_tests::contrast(fg, bg);
                    assert!(found >= 4.5, "{} {bad:?}: {found:.2} of {fg} on {bg}", theme.name);
                }
            }
        }
    }
}

#[test]
fn the_wall_names_no_key_that_it_refuses() {
    let mut state = at_wall((120, 40), Some(&["a-1"]));
    for scope in state.board.scopes.keys().cloned().collect::<Vec<_>>() {
        let failure = fixture::failure(FailureClass::Denied);
        let failed = Observation::ListingFailed { scope, failure, retry_at: at(600), at: at(100) };
        update(&mut state, Message::Observed(failed), at(100));
    }
    let lines = lines(&drawn(&state, "default-dark"));
    assert!(lines.iter().any(|line| line.contains("CANNOT SEE")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("press ")), "{lines:#?}");
}

#[test]
fn a_number_is_never_said_without_what_it_counts() {
    for width in (80..260).step_by(4) {
        let mut state = at_wall((width, 50), Some(&["a-1", "b-2", "c-3"]));
        // Half of the scopes fail, so that the headline is shared.
        let failure = fixture::failure(FailureClass::Denied);
        let scope = state.board.scopes.keys().find(|id| **id != fixture::scope()).cloned().unwrap();
        let failed = Observation::ListingFailed { scope, failure, retry_at: at(600), at: at(2) };
        update(&mut state, Message::Observed(failed), at(2));
        while state.has_work() {
            update(&mut state, Message::Tick, at(3));
        }
        state.counts.non_compliant = 21;
        let theme = Theme::load("default-dark", None).unwrap();
        let look = Look { state: &state, theme: &theme, glyphs: &Glyphs::UTF8, masked: true };
        let area = Rect::new(0, 0, width, 3);
        let mut buffer = Buffer::empty(area);
        super::bar(&look, &mut buffer, area);
        // In big letters all of it, or the unit as text.
        let words = lines(&buffer).join("");
        let big = letters::scale("LOOK 21 non-compliant", (width / 2 - 2, 3)).is_some();
        assert!(big || words.contains("non-compliant"), "{width}: {words}");
    }
}

#[test]
fn a_long_title_that_takes_the_screen_is_big_over_several_lines() {
    let mut state = at_wall((200, 60), Some(&["a-1"]));
    let title = "Sessions are recorded and encrypted with the key of the security account";
    let alarm = Alarm {
        id: "one".into(),
        rule: "LOG-01".into(),
        title: title.into(),
        subject: Subject::Session(state.board.sessions.keys().next().cloned().unwrap()),
        owner: "jane".into(),
        since: at(0),
        is_alert: true,
    };
    assert!(letters::scale(title, (190, 7)).is_none(), "it is long");
    state.view.wall.as_mut().unwrap().alarms = vec![alarm];
    let lines = lines(&drawn(&state, "default-dark"));
    assert!(!lines.iter().any(|line| line.contains("are recorded and")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("acknowledges it")), "{lines:#?}");
    let (scale, words) = letters::wrapped(title, (190, 7)).unwrap();
    assert!(words.len() > 1 && words.iter().all(|line| scale.size(line).0 <= 190));
    assert_eq!(words.join(" "), title);
    assert_eq!(letters::wrapped(title, (190, 5)), None);
}

#[test]
fn rows_of_sessions_that_are_not_seen_now_say_so() {
    let mut state = at_wall((120, 40), Some(&["a-1"]));
    update(&mut state, Message::Tick, at(300));
    let wall = state.view.wall.as_mut().unwrap();
    wall.alarms.clear();
    let lines = lines(&drawn(&state, "default-dark"));
    assert!(lines.iter().any(|line| line.contains("seen 5m ago")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("STALE")), "{lines:#?}");
}

#[test]
fn scopes_without_all_evidence_have_a_sign_and_the_clock_has_its_zone() {
    let mut state = at_wall((120, 40), Some(&["a-1"]));
    state.view.wall.as_mut().unwrap().alarms.clear();
    let count = |state: &State| lines(&drawn(state, "default-dark")).join("").matches('~').count();
    assert_eq!(count(&state), 0);
    let failed = Failing { failure: fixture::failure(FailureClass::Denied), since: at(1), retry_at: Some(at(60)) };
    let scope = state.board.scopes.get_mut(&fixture::scope()).unwrap();
    scope.evidence_failures.insert("GetDocument", failed);
    assert_eq!(count(&state), 1);
    let lines = lines(&drawn(&state, "default-dark"));
    assert!(lines.iter().any(|line| line.contains(" UTC ")), "{lines:#?}");
}
