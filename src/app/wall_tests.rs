//! The wall without a screen: who is shown in turn, what takes the screen and gives it back, where everything is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{
    Effect, Message, State,
    action::{ACTIONS, Action},
    fixture, update,
    wall::{Wall, works_on_wall},
    wall_layout::{SHIFT, SWAP, WallAreas},
};
use crate::domain::{Alert, AlertSource, Severity, Subject, Verdict, Workflow, alert_id};

fn at(seconds: i64) -> Timestamp {
    fixture::start() + SignedDuration::from_secs(seconds)
}

fn press(state: &mut State, code: KeyCode, seconds: i64) -> Vec<Effect> {
    update(state, Message::Key(KeyEvent::new(code, KeyModifiers::NONE)), at(seconds))
}

fn on_wall(sessions: &[&str]) -> State {
    let mut state = fixture::state(sessions);
    press(&mut state, KeyCode::Char('w'), 1);
    assert!(state.view.wall.is_some());
    state
}

fn wall(state: &State) -> &Wall {
    state.view.wall.as_ref().unwrap()
}

fn tick(state: &mut State, seconds: i64) {
    update(state, Message::Tick, at(seconds));
}

fn critical(state: &State, rule: &str, seconds: i64) -> Alert {
    let key = state.board.sessions.keys().min().unwrap().clone();
    let subject = Subject::Session(key);
    Alert {
        id: alert_id(rule, &subject, None),
        rule: rule.into(),
        title: "a tunnel into production".into(),
        severity: Severity::Critical,
        source: AlertSource::Hand,
        subject,
        owner: "arn:aws:sts::111122223333:assumed-role/Ops/jane".into(),
        evidence: Vec::new(),
        reason: String::new(),
        raised_by: "ssmwatch".to_owned(),
        workflow: Workflow::New,
        raised_at: at(seconds),
        reopened_at: at(seconds),
        occurrence: 1,
        acknowledged: None,
        deliveries: std::collections::BTreeMap::new(),
    }
}

/// Those that are CRITICAL by a verdict of the fixture are seen, so that only what a test raises takes the screen.
fn quiet(state: &mut State) {
    for second in 2..40 {
        if wall(state).alarms.is_empty() {
            return;
        }
        press(state, KeyCode::Char('c'), second);
    }
    assert!(wall(state).alarms.is_empty());
}

#[test]
fn transcripts_are_shown_in_turn_each_for_the_dwell_time() {
    let mut state = on_wall(&["a-1", "b-2", "c-3", "d-4"]);
    quiet(&mut state);
    update(&mut state, Message::Resize(100, 40), at(50));
    let since = wall(&state).since;
    let seen = |state: &State| wall(state).shown.clone();
    let first = seen(&state);
    assert_eq!(first.len(), 1);
    let dwell = state.setup.wall.dwell;
    update(&mut state, Message::Tick, since + dwell - SignedDuration::from_secs(1));
    let still = seen(&state);
    let next = wall(&state).since + dwell;
    update(&mut state, Message::Tick, next);
    assert_ne!(seen(&state), still);
    let mut all = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let next = wall(&state).since + dwell;
        update(&mut state, Message::Tick, next);
        all.extend(seen(&state));
    }
    assert_eq!(all.len(), 4, "each has its turn");
    assert_eq!(state.view.transcript.as_ref().map(|view| &view.session), wall(&state).shown.first(), "it is followed");
}

#[test]
fn arrows_go_on_and_the_dwell_time_begins_anew() {
    let mut state = on_wall(&["a-1", "b-2", "c-3"]);
    quiet(&mut state);
    update(&mut state, Message::Resize(100, 40), at(45));
    let before = wall(&state).first.clone();
    press(&mut state, KeyCode::Down, 47);
    assert_ne!(wall(&state).first, before);
    assert_eq!(wall(&state).since, at(47));
    press(&mut state, KeyCode::Up, 48);
    assert_eq!(wall(&state).first, before);
}

#[test]
fn a_new_critical_takes_the_screen_until_it_is_acknowledged_here_or_elsewhere() {
    let mut state = on_wall(&["a-1", "b-2"]);
    quiet(&mut state);
    let alerts = vec![critical(&state, "XXX-01", 60), critical(&state, "XXX-02", 61)];
    update(&mut state, Message::Alerts(alerts.clone()), at(62));
    let alarms = &wall(&state).alarms;
    assert_eq!(alarms.len(), 2);
    assert_eq!(alarms[0].rule.as_str(), "XXX-02", "the newest first");
    assert_eq!(Some(&wall(&state).shown[0]), alerts[0].subject.session(), "its transcript is shown");
    tick(&mut state, 3_600);
    assert_eq!(wall(&state).alarms.len(), 2, "it stays");
    let effects = press(&mut state, KeyCode::Char('c'), 3_601);
    assert_eq!(wall(&state).alarms.len(), 1);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Record { .. })), "it is written down");
    let seen = state.alerts.all().filter(|alert| alert.acknowledged.is_some()).count();
    assert_eq!(seen, 1);
    update(&mut state, Message::Alerts(Vec::new()), at(3_605));
    assert!(wall(&state).alarms.is_empty(), "somebody else dealt with it");
}

fn acknowledged(state: &State) -> usize {
    state.alerts.all().filter(|alert| alert.acknowledged.is_some()).count()
}

#[test]
fn only_what_was_looked_at_is_acknowledged_one_a_press() {
    let mut state = on_wall(&["a-1", "b-2"]);
    quiet(&mut state);
    let alerts = ["XXX-01", "XXX-02", "XXX-03"].map(|rule| critical(&state, rule, 60)).to_vec();
    update(&mut state, Message::Alerts(alerts), at(62));
    let press_at = |state: &mut State, millis: i64, kind| {
        let event = KeyEvent::new_with_kind(KeyCode::Char('c'), KeyModifiers::NONE, kind);
        update(state, Message::Key(event), at(62) + SignedDuration::from_millis(millis));
    };
    press_at(&mut state, 400, KeyEventKind::Press);
    assert_eq!(acknowledged(&state), 0, "nobody has seen it");
    assert!(state.view.notice.as_ref().is_some_and(|notice| notice.text.contains("look at it first")));
    for millis in [1_500, 1_530, 1_700, 1_900, 2_100, 2_300] {
        press_at(&mut state, millis, KeyEventKind::Press);
    }
    assert_eq!(acknowledged(&state), 1, "six quick ones are one");
    for millis in 6_000..6_020 {
        press_at(&mut state, millis, KeyEventKind::Repeat);
    }
    assert_eq!(acknowledged(&state), 1, "a held key is none");
    // Another takes the screen just before the key.
    let newest = critical(&state, "XXX-09", 69);
    let mut all: Vec<Alert> = state.alerts.all().cloned().collect();
    all.push(newest);
    update(&mut state, Message::Alerts(all), at(70));
    press_at(&mut state, 8_500, KeyEventKind::Press);
    assert_eq!(acknowledged(&state), 1);
    press_at(&mut state, 10_000, KeyEventKind::Press);
    assert_eq!(acknowledged(&state), 2);
}

#[test]
fn what_has_not_taken_the_screen_is_named_before_it_is_acknowledged() {
    let mut state = on_wall(&["a-1"]);
    quiet(&mut state);
    let alert = Alert { severity: Severity::High, ..critical(&state, "XXX-01", 60) };
    update(&mut state, Message::Alerts(vec![alert]), at(62));
    press(&mut state, KeyCode::Char('c'), 70);
    assert_eq!(acknowledged(&state), 0);
    assert!(state.view.notice.as_ref().is_some_and(|notice| notice.text.contains("XXX-01")));
    press(&mut state, KeyCode::Char('c'), 72);
    assert_eq!(acknowledged(&state), 1);
}

#[test]
fn what_is_no_alert_is_acknowledged_on_the_wall_and_does_not_come_back() {
    let mut state = on_wall(&["a-1"]);
    quiet(&mut state);
    for second in 100..110 {
        tick(&mut state, second);
        assert!(wall(&state).alarms.is_empty());
    }
}

#[test]
fn nothing_acts_on_what_nobody_selected() {
    for info in ACTIONS.iter().filter(|info| !works_on_wall(info.action)) {
        let mut state = on_wall(&["a-1", "b-2"]);
        let screen = state.view.screen;
        let Some(key) = state.setup.keymap.first_key(info.action) else { continue };
        let code = match (key.as_str(), key.chars().next()) {
            (name, Some(letter)) if name.len() == 1 => KeyCode::Char(letter),
            ("enter", _) => KeyCode::Enter,
            ("tab", _) => KeyCode::Tab,
            ("space", _) => KeyCode::Char(' '),
            _ => continue,
        };
        let shift = matches!(code, KeyCode::Char(letter) if letter.is_uppercase());
        let event = KeyEvent::new(code, if shift { KeyModifiers::SHIFT } else { KeyModifiers::NONE });
        let effects = update(&mut state, Message::Key(event), at(5));
        assert!(
            state.view.dialog.is_none() && state.view.overlay.is_none() && state.view.input.is_none(),
            "{}",
            info.name
        );
        assert!(state.acts.is_empty() && state.view.marked.is_empty(), "{}", info.name);
        assert_eq!(state.view.screen, screen, "{}", info.name);
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Record { .. })), "{}", info.name);
        assert!(state.view.notice.is_some(), "{} says why not", info.name);
    }
}

#[test]
fn what_is_typed_for_a_line_that_does_not_open_runs_as_no_key() {
    for letter in [':', 'F'] {
        let mut state = on_wall(&["a-1"]);
        let masked = state.is_masked();
        let start = at(3);
        for (index, typed) in [letter, 'm', 'o', 'r', 'e', 'a', 'u', 'w', 'm'].into_iter().enumerate() {
            let shift = if typed == 'F' { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
            let event = KeyEvent::new(KeyCode::Char(typed), shift);
            let millis = i64::try_from(index).unwrap() * 1_500;
            update(&mut state, Message::Key(event), start + SignedDuration::from_millis(millis));
        }
        assert!(state.view.wall.is_some() && state.is_masked() == masked, "{letter}");
        press(&mut state, KeyCode::Char('m'), 60);
        assert_ne!(state.is_masked(), masked, "{letter}: keys count again");
    }
}

#[test]
fn a_screen_key_is_told_the_way() {
    let mut state = on_wall(&["a-1"]);
    press(&mut state, KeyCode::Char('5'), 3);
    assert_eq!(state.view.notice.as_ref().map(|notice| &*notice.text), Some("w first, for the desk"));
    press(&mut state, KeyCode::Char('w'), 4);
    assert!(state.view.wall.is_none(), "and it works at once");
}

#[test]
fn the_program_is_left_from_the_wall_by_a_second_press() {
    let quits = |effects: Vec<Effect>| effects.iter().any(|effect| matches!(effect, Effect::Quit));
    let q = KeyCode::Char('q');
    let mut state = on_wall(&["a-1"]);
    assert!(!quits(press(&mut state, q, 3)));
    assert_eq!(state.view.notice.as_ref().map(|notice| &*notice.text), Some("q again leaves"));
    assert!(quits(press(&mut state, q, 4)));
    assert!(!quits(press(&mut state, q, 20)), "too late is the first again");
    assert!(
        !quits(press(&mut state, KeyCode::Char('?'), 30)) && !quits(press(&mut state, q, 31)),
        "over the help, too"
    );
    let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert!(quits(update(&mut state, Message::Key(control), at(40))), "at once");
    let mut state = on_wall(&["a-1"]);
    press(&mut state, KeyCode::Char('w'), 50);
    assert!(!quits(press(&mut state, q, 50)), "typed in one breath");
    assert!(quits(press(&mut state, q, 60)), "at the desk at once");
    let mut state = on_wall(&["a-1"]);
    for millis in (0..1_900).step_by(30) {
        let at = at(70) + SignedDuration::from_millis(millis);
        assert!(!quits(update(&mut state, Message::Key(KeyEvent::new(q, KeyModifiers::NONE)), at)), "held down");
    }
}

#[test]
fn only_what_is_not_well_is_worst_and_else_the_newest_are_active() {
    let mut state = on_wall(&["a-1", "b-2", "c-3"]);
    let judge = |state: &mut State, verdicts: [Verdict; 3]| {
        for (board, verdict) in state.board.sessions.values_mut().zip(verdicts) {
            board.judgement.findings.clear();
            board.judgement.verdict = Some(verdict);
        }
        state.board.revision += 1;
        let settled = Wall::opened(at(2));
        state.view.wall = Some(settled);
        let wall = state.view.wall.as_mut().unwrap();
        wall.settle(&state.board, &state.alerts, (SignedDuration::from_secs(20), 1), at(2));
        (wall.harmless, wall.rows.len(), wall.ranked)
    };
    let (well, bad, unknown) = (Verdict::Compliant, Verdict::NonCompliant, Verdict::InsufficientData);
    assert_eq!(judge(&mut state, [well, bad, unknown]), (false, 2, 2));
    assert_eq!(judge(&mut state, [well, unknown, well]), (false, 1, 1), "unknown is not well");
    assert_eq!(judge(&mut state, [well, well, well]), (true, 3, 3));
}

#[test]
fn w_and_escape_go_back_to_the_desk_as_it_was() {
    let mut state = on_wall(&["a-1", "b-2"]);
    let selected = state.view.table.list.selected.clone();
    press(&mut state, KeyCode::Esc, 3);
    assert!(state.view.wall.is_none());
    press(&mut state, KeyCode::Char('w'), 5);
    assert!(state.view.wall.is_some());
    press(&mut state, KeyCode::Char('w'), 7);
    assert!(state.view.wall.is_none());
    assert_eq!(state.view.table.list.selected, selected);
}

#[test]
fn the_wall_is_masked_and_the_desk_is_not_until_somebody_says_so() {
    let mut state = on_wall(&["a-1"]);
    assert!(state.is_masked());
    press(&mut state, KeyCode::Char('m'), 3);
    assert!(!state.is_masked());
    assert!(state.view.notice.is_some());
    press(&mut state, KeyCode::Char('w'), 5);
    press(&mut state, KeyCode::Char('m'), 7);
    assert!(state.is_masked() && state.view.wall.is_none(), "the desk, too");
}

#[test]
fn the_trend_goes_on_while_the_wall_is_not_open() {
    let mut state = fixture::state(&["a-1", "b-2"]);
    tick(&mut state, 1);
    let hour = state.trend.hour(at(1));
    assert_eq!(hour.last().unwrap().unwrap().active, 2);
}

#[test]
fn every_action_is_an_action_of_the_wall_or_is_refused_there() {
    assert!(works_on_wall(Action::Wall) && works_on_wall(Action::Quit));
    assert!(!works_on_wall(Action::Terminate) && !works_on_wall(Action::Quarantine) && !works_on_wall(Action::Alert));
}

#[test]
fn the_picture_moves_and_its_parts_change_places() {
    let size = (200, 60);
    let areas =
        |minutes: i64| WallAreas::of(size, fixture::start() + SignedDuration::from_mins(minutes), 0, false).unwrap();
    let frames: std::collections::BTreeSet<_> =
        (0..6).map(|turn| areas(turn * SHIFT.as_mins())).map(|areas| (areas.frame.x, areas.frame.y)).collect();
    assert_eq!(frames.len(), 6);
    assert_ne!(areas(0).counters.y > 30, areas(SWAP.as_mins()).counters.y > 30);
    assert_ne!(areas(0).rows.x > 60, areas(SWAP.as_mins()).rows.x > 60);
}

proptest! {
    #[test]
    fn every_part_is_inside_of_the_frame_and_over_no_other(
        width in 1u16..520, height in 1u16..160, minutes in 0i64..200, banners in 0usize..9, taken in any::<bool>()
    ) {
        let now = fixture::start() + SignedDuration::from_mins(minutes);
        let Some(areas) = WallAreas::of((width, height), now, banners, taken) else {
            prop_assert!(width < 40 || height < 12);
            return Ok(());
        };
        prop_assert!(areas.frame.right() <= width && areas.frame.bottom() <= height);
        let parts = areas.parts();
        for (index, part) in parts.iter().enumerate() {
            prop_assert!(part.x > areas.frame.x && part.right() < areas.frame.right(), "{part:?}");
            prop_assert!(part.y > areas.frame.y && part.bottom() < areas.frame.bottom(), "{part:?}");
            for other in &parts[..index] {
                prop_assert!(!part.intersects(*other), "{part:?} {other:?}");
            }
        }
        prop_assert!(areas.bar.height > 0 && areas.counters.height > 0 && areas.age.height > 0);
        prop_assert!(areas.rows.height > 1 || taken, "{areas:?}");
    }
}

#[test]
fn a_wall_that_stands_for_days_holds_no_more_than_on_its_first() {
    let mut state = on_wall(&["a-1"]);
    let sizes = |state: &State| (state.view.shelf.len(), wall(state).rows.len(), wall(state).rotation.len());
    for hour in 0..72 {
        let name: Arc<str> = format!("u{hour}-{hour:017x}").into();
        let sessions = vec![fixture::session(&name)];
        let listing = crate::domain::Observation::Active { scope: fixture::scope(), sessions, at: at(hour * 3_600) };
        update(&mut state, Message::Observed(listing), at(hour * 3_600));
        tick(&mut state, hour * 3_600 + 1_800);
    }
    let (shelf, rows, rotation) = sizes(&state);
    assert!(shelf <= 50 && rows <= 3 && rotation <= 3, "{shelf} {rows} {rotation}");
}
