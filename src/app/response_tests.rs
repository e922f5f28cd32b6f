#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use crossterm::event::KeyCode;
use jiff::SignedDuration;

use super::{
    Effect, Message,
    alerts_tests::{history, list, raising, rogue},
    automatic::{Automatic, Paused},
    fixture::{at, ended, scope, session},
    tests::{key, press},
    update,
};
use crate::domain::{
    Act, ActKind, ActOutcome, ActStep, Actor, AlertDestination, Finding, Loaded, RuleId, Session, SessionStatus,
    Severity, Subject, Verdict, Workflow,
};

// --- Many -------------------------------------------------------------------------------------------------------------

#[test]
fn many_are_ended_with_one_reason_and_one_confirmation() {
    let mut state = raising(&[]);
    list(&mut state, vec![session("a"), session("b"), session("c")], 1);
    press(&mut state, KeyCode::Char('g'), 1000);
    press(&mut state, KeyCode::Char(' '), 2000);
    press(&mut state, KeyCode::Char(' '), 3000);
    assert_eq!(state.view.marked.len(), 2);
    press(&mut state, KeyCode::Char('t'), 4000);
    let dialog = state.view.dialog.as_ref().unwrap();
    assert_eq!(dialog.subjects, [Subject::Session(key("a")), Subject::Session(key("b"))]);
    // One of them ends while the reason is typed: it is asked for all the same, and proven by itself.
    update(&mut state, Message::Paste("INC-9 sweep".into()), at(5));
    press(&mut state, KeyCode::Enter, 5700);
    let effects = press(&mut state, KeyCode::Char('y'), 7000);
    let ended: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Terminate { session, .. } => Some(session.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(ended, [key("a"), key("b")]);
    assert!(state.acts.iter().all(|act| act.reason == "INC-9 sweep"));
    assert_ne!(state.acts[0].id, state.acts[1].id);
    assert!(state.view.marked.is_empty());
}

#[test]
fn esc_takes_marks_away_and_marks_of_ended_sessions_are_not_acted_on() {
    let mut state = raising(&[]);
    list(&mut state, vec![session("a"), session("b")], 1);
    press(&mut state, KeyCode::Char('g'), 1000);
    press(&mut state, KeyCode::Char(' '), 2000);
    press(&mut state, KeyCode::Char(' '), 3000);
    history(&mut state, vec![ended("a", SessionStatus::Terminated, at(3))], 4);
    press(&mut state, KeyCode::Char('t'), 6000);
    assert_eq!(state.view.dialog.as_ref().unwrap().subjects, [Subject::Session(key("b"))]);
    press(&mut state, KeyCode::Esc, 7000);
    press(&mut state, KeyCode::Esc, 9000);
    assert!(state.view.marked.is_empty());
}

// --- By itself --------------------------------------------------------------------------------------------------------

fn ends(effects: &[Effect]) -> Vec<String> {
    let ends = effects.iter().filter_map(|effect| match effect {
        Effect::Terminate { session, .. } => Some(session.id.to_string()),
        _ => None,
    });
    ends.collect()
}

#[test]
fn a_session_is_ended_by_itself_after_two_reads_and_a_countdown() {
    let mut state = raising(&["DOC-01"]);
    list(&mut state, vec![rogue("a"), session("b")], 1);
    assert!(state.automatic.pending().is_empty(), "one read");
    list(&mut state, vec![rogue("a"), session("b")], 6);
    assert_eq!(state.automatic.pending().len(), 1);
    assert!(state.view.banners[0].text.contains("ENDS BY ITSELF in 30 s: a"), "{:?}", state.view.banners);
    for seconds in [11, 16, 21, 26, 31] {
        assert!(ends(&list(&mut state, vec![rogue("a"), session("b")], seconds)).is_empty(), "{seconds}");
    }
    let effects = list(&mut state, vec![rogue("a"), session("b")], 36);
    assert_eq!(ends(&effects), ["a"]);
    let act = state.acts.last().unwrap();
    assert_eq!(act.actor.rule, Some(RuleId::from("DOC-01")));
    assert!(act.reason.contains("DOC-01"));
    for seconds in 37..120 {
        assert!(ends(&list(&mut state, vec![rogue("a"), session("b")], seconds)).is_empty(), "each is tried once");
    }
}

#[test]
fn a_verdict_that_does_not_hold_ends_nothing() {
    let mut state = raising(&["DOC-01"]);
    list(&mut state, vec![rogue("a")], 1);
    list(&mut state, vec![rogue("a")], 6);
    list(&mut state, vec![session("a")], 11);
    assert!(state.automatic.pending().is_empty());
    for seconds in [16, 26, 36, 46] {
        assert!(ends(&list(&mut state, vec![session("a")], seconds)).is_empty());
    }
}

#[test]
fn nothing_is_ended_on_a_scope_that_is_not_seen() {
    let mut state = raising(&["DOC-01"]);
    list(&mut state, vec![rogue("a")], 1);
    list(&mut state, vec![rogue("a")], 6);
    // No listing for a minute: the countdown is over, but nobody knows whether it still stands.
    let effects = update(&mut state, Message::Tick, at(60));
    assert!(ends(&effects).is_empty() && state.automatic.pending().is_empty());
    // Seen again: both reads and the countdown begin anew.
    assert!(ends(&list(&mut state, vec![rogue("a")], 61)).is_empty());
    assert!(ends(&list(&mut state, vec![rogue("a")], 66)).is_empty());
    assert_eq!(state.automatic.pending().len(), 1);
}

#[test]
fn insufficient_data_ends_nothing() {
    // IAM-01 is INSUFFICIENT_DATA as long as the node's role is not read.
    let mut state = raising(&["IAM-01"]);
    list(&mut state, vec![session("a")], 1);
    let findings = &state.board.sessions[&key("a")].judgement.findings;
    let unknown = |finding: &&Finding| finding.rule.as_str() == "IAM-01" && finding.status == Verdict::InsufficientData;
    assert!(findings.iter().any(|finding| unknown(&finding)), "{findings:#?}");
    for seconds in [6, 11, 36, 41, 90] {
        assert!(ends(&list(&mut state, vec![session("a")], seconds)).is_empty());
    }
}

#[test]
fn the_analyst_stops_a_countdown_and_pauses_all() {
    let mut state = raising(&["DOC-01"]);
    list(&mut state, vec![rogue("a"), rogue("b")], 1);
    list(&mut state, vec![rogue("a"), rogue("b")], 6);
    press(&mut state, KeyCode::Char('g'), 7000);
    let effects = press(&mut state, KeyCode::Char('u'), 10_000);
    assert!(matches!(effects[0], Effect::Record { .. }), "{effects:?}");
    let spared = state.acts.last().unwrap().subject.id().to_owned();
    press(&mut state, KeyCode::Char('P'), 11_000);
    assert_eq!(state.automatic.paused, Some(Paused::ByHand));
    for seconds in (16..90).step_by(5) {
        assert!(ends(&list(&mut state, vec![rogue("a"), rogue("b")], seconds)).is_empty());
    }
    assert!(state.view.banners[0].text.contains("PAUSED"), "{:?}", state.view.banners);
    press(&mut state, KeyCode::Char('P'), 91_000);
    list(&mut state, vec![rogue("a"), rogue("b")], 96);
    let mut ended = Vec::new();
    for seconds in (101..160).step_by(5) {
        ended.extend(ends(&list(&mut state, vec![rogue("a"), rogue("b")], seconds)));
    }
    assert_eq!(ended.len(), 1, "the other one was left alone");
    assert!(!ended.contains(&spared));
    let kinds: Vec<ActKind> = state.acts.iter().map(|act| act.kind).collect();
    assert_eq!(kinds, [ActKind::StopAutomatic, ActKind::PauseAutomatic, ActKind::ResumeAutomatic, ActKind::Terminate]);
}

#[test]
fn at_the_ceiling_it_stops_and_is_loud() {
    let mut state = raising(&["DOC-01"]);
    state.automatic = Automatic::new([RuleId::from("DOC-01")], 2, SignedDuration::from_secs(5));
    // One of the two was used by the run before.
    let loaded = Loaded { automatic: vec![at(-60)], ..Loaded::default() };
    state.automatic.load(&loaded);
    let all = || vec![rogue("a"), rogue("b"), rogue("c")];
    let mut ended = Vec::new();
    for seconds in (1..60).step_by(5) {
        ended.extend(ends(&list(&mut state, all(), seconds)));
    }
    assert_eq!(ended.len(), 1);
    assert_eq!(state.automatic.paused, Some(Paused::Ceiling));
    let banner = &state.view.banners[0].text;
    assert!(banner.contains("HAS STOPPED") && banner.contains("2 sessions that it would end stand"), "{banner}");
    // The ceiling has no room: the key says from when on it has.
    press(&mut state, KeyCode::Char('P'), 61_000);
    assert_eq!(state.automatic.paused, Some(Paused::Ceiling));
    let notice = &state.view.notice.as_ref().unwrap().text;
    assert!(notice.contains("has room from 09:59:00 on"), "{notice}");
    // An hour later it is still stopped: an analyst has to look.
    for seconds in (3600..3700).step_by(5) {
        assert!(ends(&list(&mut state, all(), seconds)).is_empty());
    }
    press(&mut state, KeyCode::Char('P'), 3_700_000);
    let mut ended = Vec::new();
    for seconds in (3701..3800).step_by(5) {
        ended.extend(ends(&list(&mut state, all(), seconds)));
    }
    assert_eq!(ended.len(), 2);
}

#[test]
fn read_only_ends_nothing_by_itself() {
    let mut state = raising(&["DOC-01"]);
    state.setup.read_only = Some("--read-only was given".into());
    for seconds in (1..120).step_by(5) {
        assert!(ends(&list(&mut state, vec![rogue("a")], seconds)).is_empty());
    }
    let banner = &state.view.banners[0].text;
    assert!(banner.contains("IS OFF HERE: --read-only") && !banner.contains("ENDS BY ITSELF"), "{banner}");
}

#[test]
fn what_an_analyst_left_alone_stays_so_after_a_restart() {
    let mut state = raising(&["DOC-01"]);
    let mut spared = act_of_before(1, "a", ActOutcome::Done { took_ms: 0, proof: "written down".into() }, None);
    spared.kind = ActKind::StopAutomatic;
    spared.steps.truncate(1);
    update(&mut state, Message::Loaded(Box::new(Loaded { acts: vec![spared], ..Loaded::default() })), at(0));
    for seconds in (1..120).step_by(5) {
        assert!(ends(&list(&mut state, vec![rogue("a")], seconds)).is_empty());
    }
}

#[test]
fn what_was_tried_by_the_run_before_is_not_tried_again() {
    let mut state = raising(&["DOC-01"]);
    let act = act_of_before(1, "a", ActOutcome::Sent, Some("DOC-01".into()));
    let loaded = Loaded { acts: vec![act], open: vec![1], next_act: 2, ..Loaded::default() };
    update(&mut state, Message::Loaded(Box::new(loaded)), at(0));
    for seconds in (1..120).step_by(5) {
        assert!(ends(&list(&mut state, vec![rogue("a")], seconds)).is_empty());
    }
}

// --- After a crash ----------------------------------------------------------------------------------------------------

fn act_of_before(id: u64, session: &str, outcome: ActOutcome, rule: Option<RuleId>) -> Act {
    Act {
        id,
        at: at(-10),
        kind: ActKind::Terminate,
        subject: Subject::Session(key(session)),
        target: "i-0a1b2c3d4e5f67890".into(),
        owner: super::fixture::session(session).owner.to_string(),
        reason: "INC-1".into(),
        actor: Actor { user: "tester".into(), arn: None, rule },
        evidence_sha256: None,
        steps: vec![
            ActStep { name: "terminate".into(), outcome },
            ActStep { name: "metrics".into(), outcome: ActOutcome::Started },
        ],
    }
}

#[test]
fn a_termination_without_an_outcome_is_neither_done_nor_sent_again_until_history_shows_it() {
    for outcome in [ActOutcome::Started, ActOutcome::Sent] {
        let mut state = raising(&[]);
        let act = act_of_before(7, "a", outcome, None);
        let loaded = Loaded { acts: vec![act], open: vec![7], next_act: 8, ..Loaded::default() };
        let effects = update(&mut state, Message::Loaded(Box::new(loaded)), at(0));
        assert!(effects.contains(&Effect::Settled { act: 7, count_it: false }), "{effects:?}");
        assert!(matches!(state.acts[0].steps[0].outcome, ActOutcome::Unproven { .. }));
        assert!(state.view.banners.iter().any(|banner| banner.text.contains("before an outcome was known")));
        let effects = list(&mut state, vec![rogue("a")], 1);
        assert!(ends(&effects).is_empty(), "it is not sent again");
        assert!(matches!(state.acts[0].steps[0].outcome, ActOutcome::Unproven { .. }));
        let effects = history(&mut state, vec![ended("a", SessionStatus::Terminated, at(2))], 3);
        assert!(effects.contains(&Effect::Settled { act: 7, count_it: true }), "{effects:?}");
        assert!(
            matches!(&state.acts[0].steps[0].outcome, ActOutcome::Done { proof, .. } if proof.contains("seen later"))
        );
        press(&mut state, KeyCode::Char('g'), 4000);
        assert_eq!(state.acts.len(), 1);
    }
}

#[test]
fn an_end_before_the_act_is_not_claimed() {
    let mut state = raising(&[]);
    let act = act_of_before(7, "a", ActOutcome::Started, None);
    let loaded = Loaded { acts: vec![act], open: vec![7], next_act: 8, ..Loaded::default() };
    update(&mut state, Message::Loaded(Box::new(loaded)), at(0));
    let effects = history(&mut state, vec![ended("a", SessionStatus::Terminated, at(-60))], 3);
    assert!(
        matches!(&state.acts[0].steps[0].outcome, ActOutcome::Failed { what, .. } if what.contains("had ended before"))
    );
    assert!(effects.contains(&Effect::Settled { act: 7, count_it: false }), "{effects:?}");
}

#[test]
fn numbers_of_acts_go_on_where_the_run_before_stopped() {
    let mut state = raising(&[]);
    let loaded = Loaded { next_act: 41, ..Loaded::default() };
    update(&mut state, Message::Loaded(Box::new(loaded)), at(0));
    list(&mut state, vec![session("a")], 1);
    press(&mut state, KeyCode::Char('g'), 1000);
    press(&mut state, KeyCode::Enter, 5000);
    assert_eq!(state.acts.last().map(|act| (act.id, act.kind)), Some((41, ActKind::OpenTranscript)));
}

#[test]
fn terminations_of_the_run_before_count_towards_the_threshold() {
    let mut state = raising(&[]);
    let account = scope().account;
    let loaded = Loaded { terminated: (0..10).map(|_| (account.clone(), at(-30))).collect(), ..Loaded::default() };
    update(&mut state, Message::Loaded(Box::new(loaded)), at(0));
    update(&mut state, Message::Tick, at(1));
    let subject = Subject::Account(account);
    let alerts = state.alerts.of(&subject);
    let threshold = alerts.iter().find(|alert| alert.rule.as_str() == "THR-01").unwrap();
    assert_eq!(threshold.severity, Severity::Critical);
    let destinations: Vec<_> = threshold.deliveries.keys().copied().collect();
    assert_eq!(destinations, [AlertDestination::CentralTopic], "a second alert, to the central topic");
    // After the window it is resolved by itself.
    update(&mut state, Message::Tick, at(400));
    update(&mut state, Message::Tick, at(401));
    assert!(matches!(state.alerts.of(&subject)[0].workflow, Workflow::Resolved { .. }));
}

#[test]
fn a_principal_that_comes_back_is_told_of() {
    let mut state = raising(&[]);
    let mut act = act_of_before(7, "a", ActOutcome::Done { took_ms: 900, proof: "ended".into() }, None);
    act.steps.truncate(1);
    let loaded = Loaded { acts: vec![act], next_act: 8, ..Loaded::default() };
    update(&mut state, Message::Loaded(Box::new(loaded)), at(0));
    let started = |id: &str, seconds: i64| Session { started_at: Some(at(seconds)), ..session(id) };
    list(&mut state, vec![started("before", -600), started("elsewhere", 40)], 50);
    let returned: Vec<_> = state.view.returned.iter().map(|returned| returned.session.id.to_string()).collect();
    assert_eq!(returned, ["elsewhere"]);
    assert!(state.view.banners.iter().any(|banner| banner.text.contains("BACK AGAIN") && banner.text.contains("50s")));
    press(&mut state, KeyCode::Esc, 60_000);
    assert!(state.view.returned.is_empty());
    list(&mut state, vec![started("before", -600), started("elsewhere", 40), started("late", 700)], 705);
    assert!(state.view.returned.is_empty(), "seen is seen, and late is late");
}
