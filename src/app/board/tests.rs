#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::{Freshness, Phase};
use crate::{
    app::fixture::{at, board, ended, failure, scope, session},
    domain::{
        Fact, FailureClass, Mfa, Observation, PrincipalSeen, SessionKey, SessionStatus, TrailCall, TrailEvent, Verdict,
    },
};

fn key(id: &str) -> SessionKey {
    SessionKey::new(scope(), id)
}

fn active(ids: &[&str], seconds: i64) -> Observation {
    Observation::Active { scope: scope(), sessions: ids.iter().map(|id| session(id)).collect(), at: at(seconds) }
}

#[test]
fn one_listing_that_lacks_a_session_does_not_end_it_two_do() {
    // Fault 8 of the reference guardrail: one empty answer ends its watch for good.
    let mut board = board();
    board.observe(active(&["a", "b"], 0));
    board.observe(active(&["a"], 5));
    assert!(board.sessions[&key("b")].is_active());
    board.observe(active(&["a"], 10));
    assert!(matches!(&board.sessions[&key("b")].phase, Phase::Ended { how, .. } if &**how == "no longer listed"));
    assert_eq!(
        board.sessions[&key("b")].session.status,
        SessionStatus::Terminated,
        "the rules on ended sessions apply"
    );
    assert!(board.sessions[&key("a")].is_active());
}

#[test]
fn a_failure_between_two_listings_does_not_count_and_a_return_starts_anew() {
    let mut board = board();
    board.observe(active(&["a"], 0));
    board.observe(active(&[], 5));
    let failed = Observation::ListingFailed {
        scope: scope(),
        failure: failure(FailureClass::Throttled),
        retry_at: at(12),
        at: at(8),
    };
    board.observe(failed);
    assert!(board.sessions[&key("a")].is_active());
    board.observe(active(&["a"], 12));
    board.observe(active(&[], 17));
    assert!(board.sessions[&key("a")].is_active(), "the count began anew when it was listed again");
    board.observe(active(&[], 22));
    assert!(!board.sessions[&key("a")].is_active());
    board.observe(active(&["a"], 27));
    assert!(board.sessions[&key("a")].is_active(), "absence was wrong: it is listed again");
}

#[test]
fn history_ends_a_session_at_once_and_a_late_listing_does_not_wake_it() {
    let mut board = board();
    board.observe(active(&["a"], 0));
    let over = ended("a", SessionStatus::Terminated, at(3));
    board.observe(Observation::History { scope: scope(), sessions: vec![over], since: at(-3600), at: at(4) });
    assert!(
        matches!(&board.sessions[&key("a")].phase, Phase::Ended { how, at: when } if &**how == "Terminated" && *when == at(3))
    );
    board.observe(active(&["a"], 5));
    assert!(!board.sessions[&key("a")].is_active());
}

#[test]
fn ended_sessions_are_kept_for_an_hour() {
    let mut board = board();
    let over = ended("a", SessionStatus::Terminated, at(0));
    board.observe(Observation::History { scope: scope(), sessions: vec![over], since: at(-3600), at: at(4) });
    board.observe(active(&[], 3500));
    assert!(board.sessions.contains_key(&key("a")));
    board.observe(active(&[], 3601));
    assert!(!board.sessions.contains_key(&key("a")));
}

#[test]
fn a_scope_is_fresh_stale_or_blind() {
    let mut board = board();
    let freshness = |board: &super::Board, seconds| board.freshness(&board.scopes[&scope()], at(seconds));
    assert_eq!(freshness(&board, 0), Freshness::Loading);
    board.observe(active(&[], 0));
    assert_eq!(freshness(&board, 10), Freshness::Fresh);
    assert_eq!(freshness(&board, 16), Freshness::Stale);
    let failed =
        |class| Observation::ListingFailed { scope: scope(), failure: failure(class), retry_at: at(30), at: at(20) };
    board.observe(failed(FailureClass::Throttled));
    assert_eq!(freshness(&board, 20), Freshness::Stale);
    board.observe(failed(FailureClass::Denied));
    assert_eq!(freshness(&board, 20), Freshness::Blind);
    board.observe(active(&[], 25));
    assert_eq!(freshness(&board, 26), Freshness::Fresh);
}

#[test]
fn an_unchanged_listing_moves_nothing() {
    let mut board = board();
    board.observe(active(&["a", "b"], 0));
    while board.has_unjudged() {
        board.judge_due(at(0));
    }
    let before = board.revision;
    board.observe(active(&["a", "b"], 5));
    assert_eq!(board.revision, before);
    assert!(!board.has_unjudged(), "no verdict is found again");
}

#[test]
fn a_session_is_insufficient_data_until_it_was_judged() {
    let mut board = board();
    board.observe(active(&["a"], 0));
    assert_eq!(board.sessions[&key("a")].judgement.verdict(), Verdict::InsufficientData);
    assert!(board.has_unjudged());
    board.judge_due(at(0));
    assert!(!board.has_unjudged());
    assert_eq!(board.sessions[&key("a")].judgement.verdict, Some(Verdict::InsufficientData), "no evidence was read");
}

#[test]
fn a_record_that_comes_before_its_session_waits_however_many_others_do() {
    let mut board = board();
    let record = |id: &str, seconds| TrailEvent {
        event_id: id.into(),
        call: TrailCall::StartSession,
        at: at(seconds),
        session: id.into(),
        source_ip: None,
        user_agent: None,
        mfa: Mfa::Yes,
        identity_type: "AssumedRole".into(),
        identity_arn: None,
        issuer_arn: None,
        access_key_id: None,
        document: None,
        parameters: Default::default(),
    };
    let mut events: Vec<TrailEvent> = (0..1_500).map(|number| record(&format!("old-{number}"), -9_000)).collect();
    events.push(record("a", 0));
    let read = Fact::known((), "cloudtrail:LookupEvents", at(1));
    let call = TrailCall::StartSession;
    board.observe(Observation::Trail { scope: scope(), call, from: at(-10_000), events, read });
    board.observe(active(&["a"], 5));
    assert!(board.sessions[&key("a")].start_record.is_some());
    assert!(board.scopes[&scope()].trail_ahead.len() <= 1_000);
}

#[test]
fn a_principal_that_an_earlier_run_saw_is_not_new_whether_history_can_be_read_or_not() {
    // WHO-07: the store remembers beyond what AWS tells.
    let mut board = board();
    board.observe(active(&["a"], 0));
    assert_eq!(board.sessions[&key("a")].first_of_principal.value(), None, "nothing is known so far");
    let owner = session("a").owner.to_string();
    let account = scope().account;
    let seen = |first, last| PrincipalSeen { account: account.clone(), owner: owner.clone(), first, last };
    // Its own start, or one of long ago, says nothing.
    let own = session("a").started_at.unwrap();
    board.remember_principals(&[seen(at(-40 * 86_400), own)]);
    assert_eq!(board.sessions[&key("a")].first_of_principal.value(), None);
    board.remember_principals(&[seen(at(-40 * 86_400), at(-2 * 86_400))]);
    assert_eq!(board.sessions[&key("a")].first_of_principal.value(), Some(&false));
}
