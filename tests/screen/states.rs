//! How every screen and pane looks in every state: loading, fresh, stale, denied, failing, empty; and below the smallest size.

use crossterm::event::KeyCode;
use jiff::SignedDuration;
use ssmwatch::{
    app::{Message, State, update, view::TranscriptStatus},
    domain::{FailureClass, Observation},
    ui::theme::Glyphs,
};

use crate::{
    dump::{drawn, styled},
    snapshots::{SIZES, opened},
    world,
};

const SCREENS: [(char, &str); 6] =
    [('1', "sessions"), ('2', "alerts"), ('3', "preferences"), ('4', "history"), ('5', "scopes"), ('6', "acts")];

type Build = fn((u16, u16)) -> State;

const STATES: [(&str, Build); 6] = [
    ("loading", |size| world::unread(size, &world::scopes())),
    ("fresh", world::bad_day),
    ("stale", |size| later(world::bad_day(size), 45)),
    ("denied", |size| failing(world::unread(size, &world::scopes()), FailureClass::Denied, "not authorized")),
    ("failing", |size| later(failing(world::bad_day(size), FailureClass::Unreachable, "connection refused"), 45)),
    ("empty", world::empty),
];

/// The same, so many seconds later, in which nothing was read.
fn later(mut state: State, seconds: i64) -> State {
    let at = state.now + SignedDuration::from_secs(seconds);
    update(&mut state, Message::Tick, at);
    state
}

/// No scope can be read any more.
fn failing(mut state: State, class: FailureClass, message: &str) -> State {
    let at = state.now;
    for scope in world::scopes() {
        let failure = world::failure(class, "ssm:DescribeSessions", message);
        let retry_at = at + SignedDuration::from_secs(12);
        world::observe(&mut state, Observation::ListingFailed { scope, failure, retry_at, at }, at);
    }
    state
}

#[test]
fn every_screen_in_every_state() {
    for (key, screen) in SCREENS {
        for (name, build) in STATES {
            for size in SIZES {
                let mut state = build(size);
                world::press(&mut state, KeyCode::Char(key));
                let shown = styled(&drawn(&state, "default-dark", &Glyphs::UTF8));
                insta::assert_snapshot!(format!("{screen}_{name}_{}x{}", size.0, size.1), shown);
            }
        }
    }
}

/// The transcript pane of a session that was opened, in that state.
fn transcript(size: (u16, u16), status: &TranscriptStatus, printed: bool) -> State {
    let mut state = if printed { opened(size) } else { opened_without_a_line(size) };
    while state.view.transcript.is_none() {
        world::press(&mut state, KeyCode::Tab);
    }
    if let Some(view) = &mut state.view.transcript {
        view.status = status.clone();
    }
    state
}

fn opened_without_a_line(size: (u16, u16)) -> State {
    let mut state = world::bad_day(size);
    world::select(&mut state, "jane.doe-0a1b2c3d4e5f60718");
    world::press(&mut state, KeyCode::Enter);
    state
}

#[test]
fn the_transcript_in_every_state() {
    let now = world::now();
    let failed = |class, action| TranscriptStatus::Failing {
        failure: world::failure(class, action, "no"),
        retry_at: now + SignedDuration::from_secs(9),
    };
    let states = [
        ("loading", TranscriptStatus::Loading, false),
        ("live", TranscriptStatus::Live(now), true),
        ("silent", TranscriptStatus::Live(now), false),
        ("waiting", TranscriptStatus::Waiting("the log stream is not there yet".into()), false),
        ("never", TranscriptStatus::Never("sessions of ports have no log".into()), false),
        ("denied", failed(FailureClass::Denied, "logs:GetLogEvents"), false),
        ("failing", failed(FailureClass::Throttled, "logs:GetLogEvents"), true),
        ("archived", TranscriptStatus::Archived(now), true),
    ];
    for (name, status, printed) in states {
        for size in SIZES {
            let shown = styled(&drawn(&transcript(size, &status, printed), "default-dark", &Glyphs::UTF8));
            insta::assert_snapshot!(format!("transcript_{name}_{}x{}", size.0, size.1), shown);
        }
    }
}

#[test]
fn below_the_smallest_size_it_says_so() {
    for size in [(39, 12), (40, 11), (20, 3), (6, 1)] {
        let shown = styled(&drawn(&world::bad_day(size), "default-dark", &Glyphs::UTF8));
        insta::assert_snapshot!(format!("too_small_{}x{}", size.0, size.1), shown);
    }
}

#[test]
fn where_nothing_was_read_no_number_is_a_zero() {
    for size in SIZES {
        let words = crate::acting::words(&failing(world::unread(size, &world::scopes()), FailureClass::Denied, "no"));
        assert!(words.contains("? active") && words.contains("Sessions ?"), "{words}");
        assert!(!words.contains("0 non-compl"), "{words}");
    }
}

#[test]
fn what_is_not_seen_is_not_live() {
    let state = later(world::bad_day((200, 60)), 45);
    assert!(!crate::acting::words(&state).contains("live 0s"));
}

#[test]
fn masked_nobody_is_named_on_any_screen() {
    let names = ["jane", "mallory", "tom-0f", "ines-0e", "payments-web", "payments-prod", "111122223333"];
    for size in SIZES {
        for (key, screen) in SCREENS {
            let mut state = crate::acting::acts(size);
            world::press(&mut state, KeyCode::Char('m'));
            world::press(&mut state, KeyCode::Char(key));
            let words = crate::acting::words(&state);
            for name in names {
                assert!(!words.contains(name), "{screen} shows {name}: {words}");
            }
        }
    }
}
