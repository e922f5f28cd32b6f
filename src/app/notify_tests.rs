#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use jiff::civil::time;
use proptest::prelude::*;

use super::*;
use crate::{
    app::{
        Message,
        alerts_tests::{list, raising, rogue},
        fixture::{at, failure, scope, session},
        tests::press,
        update,
    },
    domain::{FailureClass, Observation, Session},
};

fn channel(least: Severity) -> Option<Channel> {
    Some(Channel { least, quiet: None })
}

fn state(channels: Channels) -> State {
    let mut state = raising(&[]);
    state.setup.notify = channels;
    state
}

fn told(effects: &[Effect]) -> Vec<(Way, String)> {
    let told = effects.iter().filter_map(|effect| match effect {
        Effect::Notify { way, what } => Some((*way, what.text())),
        _ => None,
    });
    told.collect()
}

fn tick(state: &mut State, seconds: i64) -> Vec<(Way, String)> {
    told(&update(state, Message::Tick, at(seconds)))
}

/// Lists those sessions, and lets them be judged.
fn see(state: &mut State, sessions: Vec<Session>, seconds: i64) -> Vec<(Way, String)> {
    let mut all = told(&list(state, sessions, seconds));
    while state.has_work() {
        all.extend(tick(state, seconds));
    }
    all
}

#[test]
fn by_default_nobody_is_told() {
    let mut state = state(Channels::default());
    assert!(see(&mut state, vec![rogue("a")], 1).is_empty());
}

#[test]
fn each_way_has_its_own_severity() {
    let mut state =
        state(Channels { bell: channel(Severity::Critical), terminal: channel(Severity::High), ..Channels::default() });
    let all = see(&mut state, vec![rogue("a")], 1);
    assert!(all.iter().any(|(way, _)| *way == Way::Bell), "{all:?}");
    assert!(
        all.iter().any(|(way, text)| *way == Way::Terminal(Protocol::Osc9) && text.contains("CRITICAL")),
        "{all:?}"
    );
    assert!(all.iter().all(|(way, _)| *way != Way::Command));
}

#[test]
fn what_is_told_has_rule_title_and_place_and_nothing_of_the_session() {
    let mut state = state(Channels { command: channel(Severity::Critical), ..Channels::default() });
    let hostile = Session {
        reason: Some("REASON-secret".into()),
        owner: "arn:aws:sts::111122223333:assumed-role/Ops/OWNER-secret".into(),
        target: "mi-NODE-secret".into(),
        ..rogue("ID-secret")
    };
    let effects = list(&mut state, vec![hostile], 1);
    let what = effects.iter().find_map(|effect| match effect {
        Effect::Notify { what, .. } => Some(what),
        _ => None,
    });
    let what = what.unwrap();
    let said = format!("{} {} {} {:?}", what.title(), what.text(), what.json(), what.environment());
    assert!(!said.contains("secret") && !said.contains("StartSSHSession"), "{said}");
    assert!(what.text().contains("DOC-01"), "{said}");
    assert!(what.text().contains("payments-prod eu-central-1"), "{said}");
    let json: serde_json::Value = serde_json::from_str(&what.json()).unwrap();
    assert_eq!((json["severity"].as_str(), json["alerts"].as_u64()), (Some("CRITICAL"), Some(1)));
}

#[test]
fn masked_only_the_command_is_told_the_account() {
    let mut state = state(Channels { command: channel(Severity::Critical), ..Channels::default() });
    state.view.masked = Some(true);
    let effects = list(&mut state, vec![rogue("a-1")], 1);
    let what = effects.iter().find_map(|effect| match effect {
        Effect::Notify { what, .. } => Some(what),
        _ => None,
    });
    let what = what.unwrap();
    assert!(!what.text().contains("payments-prod") && what.text().contains("eu-central-1"), "{}", what.text());
    assert!(what.json().contains("\"account\":\"payments-prod\""), "{}", what.json());
}

#[test]
fn the_same_occurrence_is_told_once_and_a_new_one_again() {
    let mut state = state(Channels { bell: channel(Severity::Critical), ..Channels::default() });
    assert_eq!(see(&mut state, vec![rogue("a")], 1).len(), 1);
    assert!(see(&mut state, vec![rogue("a")], 20).is_empty());
    assert!(see(&mut state, vec![session("a")], 40).is_empty());
    assert_eq!(see(&mut state, vec![rogue("a")], 60).len(), 1, "it was raised again");
}

#[test]
fn a_storm_is_one_notification_and_nothing_is_lost_from_the_count() {
    let mut state = state(Channels { bell: channel(Severity::Critical), ..Channels::default() });
    let first = see(&mut state, vec![rogue("a")], 1);
    assert_eq!(first.len(), 1);
    let mut sessions = vec![rogue("a")];
    for index in 0..12_i64 {
        sessions.push(rogue(&format!("b{index}")));
        assert!(see(&mut state, sessions.clone(), 2 + index / 6).is_empty(), "within the window");
    }
    let later = tick(&mut state, 7);
    assert_eq!(later.len(), 1);
    assert_eq!(later[0].1, "12 alerts, worst CRITICAL");
    assert!(tick(&mut state, 60).is_empty());
}

#[test]
fn quiet_hours_hold_back_until_they_end_and_what_was_seen_by_then_is_not_told() {
    // Tests begin at 09:00 UTC.
    let quiet = Some((time(8, 0, 0, 0), time(9, 10, 0, 0)));
    let channels = Channels { bell: Some(Channel { least: Severity::Critical, quiet }), ..Channels::default() };
    let mut world = state(channels.clone());
    assert!(see(&mut world, vec![rogue("a"), rogue("b")], 1).is_empty());
    assert!(tick(&mut world, 599).is_empty());
    assert_eq!(tick(&mut world, 600), [(Way::Bell, "2 alerts, worst CRITICAL".to_owned())]);
    let mut world = state(channels.clone());
    see(&mut world, vec![rogue("a")], 1);
    press(&mut world, crossterm::event::KeyCode::Char('2'), 10_000);
    press(&mut world, crossterm::event::KeyCode::Char('c'), 12_000);
    assert!(world.alerts.all().any(|alert| alert.acknowledged.is_some()));
    let stands = |alert: &&Alert| alert.is_unacknowledged() && alert.severity == Severity::Critical;
    let still = world.alerts.all().filter(stands).count();
    assert_eq!(tick(&mut world, 600).len(), usize::from(still > 0));
    let mut world = state(Channels { except: Some(Severity::Critical), ..channels });
    assert_eq!(see(&mut world, vec![rogue("a")], 1).len(), 1, "it breaks through");
}

#[test]
fn quiet_hours_go_over_midnight_and_begin_with_their_first_minute() {
    let night = (time(22, 0, 0, 0), time(7, 0, 0, 0));
    for (hour, minute, quiet) in [(21, 59, false), (22, 0, true), (0, 0, true), (6, 59, true), (7, 0, false)] {
        assert_eq!(is_between(night, time(hour, minute, 0, 0)), quiet, "{hour}:{minute}");
    }
    let noon = (time(12, 0, 0, 0), time(13, 0, 0, 0));
    assert!(is_between(noon, time(12, 30, 0, 0)) && !is_between(noon, time(13, 0, 0, 0)));
}

#[test]
fn what_earlier_runs_raised_is_not_told_at_the_start() {
    let mut first = state(Channels::default());
    see(&mut first, vec![rogue("a")], 1);
    let alerts: Vec<Alert> = first.alerts.all().cloned().collect();
    let mut second = state(Channels { bell: channel(Severity::High), ..Channels::default() });
    let loaded = crate::domain::Loaded { alerts, ..Default::default() };
    update(&mut second, Message::Loaded(Box::new(loaded)), at(2));
    assert!(see(&mut second, vec![rogue("a")], 3).is_empty());
}

#[test]
fn beside_another_run_only_what_is_new_is_told() {
    let mut keeps = state(Channels::default());
    see(&mut keeps, vec![rogue("a")], 1);
    let mut looks_on = state(Channels { bell: channel(Severity::High), cannot_see: false, ..Channels::default() });
    let alerts = |state: &State| state.alerts.all().cloned().collect::<Vec<_>>();
    assert!(told(&update(&mut looks_on, Message::Alerts(alerts(&keeps)), at(2))).is_empty());
    see(&mut keeps, vec![rogue("a"), rogue("b")], 3);
    assert_eq!(told(&update(&mut looks_on, Message::Alerts(alerts(&keeps)), at(10))).len(), 1);
    assert!(told(&update(&mut looks_on, Message::Alerts(alerts(&keeps)), at(20))).is_empty());
}

#[test]
fn a_scope_that_cannot_be_read_any_more_is_told_and_one_that_flaps_is_not_told_each_time() {
    let mut state = state(Channels { bell: channel(Severity::Critical), ..Channels::default() });
    see(&mut state, vec![session("a")], 1);
    let fail = |state: &mut State, seconds: i64| {
        let failed = Observation::ListingFailed {
            scope: scope(),
            failure: failure(FailureClass::Denied),
            retry_at: at(seconds + 5),
            at: at(seconds),
        };
        told(&update(state, Message::Observed(failed), at(seconds)))
    };
    let mut all = fail(&mut state, 10);
    all.extend(tick(&mut state, 40));
    assert_eq!(all, [(Way::Bell, "CANNOT SEE payments-prod eu-central-1".to_owned())]);
    see(&mut state, vec![session("a")], 60);
    let mut again = fail(&mut state, 70);
    again.extend(tick(&mut state, 100));
    assert!(again.is_empty(), "{again:?}");
}

#[test]
fn a_store_that_refuses_is_told_once() {
    let mut state = state(Channels { bell: channel(Severity::Critical), ..Channels::default() });
    let refused = Message::StoreRefused("SECRET path".into());
    let all = told(&update(&mut state, refused.clone(), at(1)));
    assert_eq!(all.len(), 1);
    assert!(all[0].1.contains("nothing can be written down") && !all[0].1.contains("SECRET"));
    assert!(told(&update(&mut state, refused, at(20))).is_empty());
}

#[test]
fn a_command_that_does_not_work_is_said() {
    let mut state = state(Channels::default());
    update(&mut state, Message::NotTold("the command of [notify] did not work: x".into()), at(1));
    assert!(state.view.notice.as_ref().unwrap().bad);
}

proptest! {
    #[test]
    fn words_are_visible_short_and_frame_nothing(text in any::<String>()) {
        let word = Word::new(&text);
        prop_assert!(word.0.chars().count() <= LONGEST);
        let frames = |c: char| ";'\"`$\\|&<>*!{}[]".contains(c);
        let clean = word.0.chars().all(|c| !c.is_control() && !is_hidden(c) && !frames(c));
        prop_assert!(clean);
    }
}
