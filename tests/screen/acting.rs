//! What is raised and done: alerts, acts, dialogs and their steps, marks, countdowns, a store that cannot be used.

use std::{collections::BTreeMap, sync::Arc};

use crossterm::event::KeyCode;
use jiff::{SignedDuration, Timestamp};
use ssmwatch::{
    app::{Message, Setup, State, message::Delivered, update},
    domain::{
        Acknowledgement, Act, ActKind, ActOutcome, ActStep, Actor, Alert, AlertDestination, AlertSource, Delivery,
        EndedSession, Evidence, Loaded, Severity, Subject, Verdict, Workflow, alert_id,
    },
    ui::theme::Glyphs,
};

use crate::{
    dump::{drawn, styled, text},
    snapshots::{SIZES, at_all_sizes},
    world,
};

pub const MALLORY: &str = "mallory-0c4b7f1e2d3a49d18";

pub fn words(state: &State) -> String {
    text(&drawn(state, "default-dark", &Glyphs::UTF8))
}

/// All words on the screen in one line, as if no frame and no edge were between them.
pub fn flat(state: &State) -> String {
    words(state).replace(['│', '\n'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

pub fn tell(state: &mut State, message: Message) {
    let at = state.now;
    update(state, message, at);
}

fn later(state: &mut State, milliseconds: i64) {
    let at = state.now + SignedDuration::from_millis(milliseconds);
    update(state, Message::Tick, at);
}

/// Settings of a place where everything is turned on.
pub fn armed() -> Setup {
    Setup {
        raise_on: Some(Severity::High),
        quarantine: Some("puts a policy on the role that denies everything to its older sessions".into()),
        auto_terminate: vec!["DOC-01".into()],
        ..world::setup()
    }
}

/// An alert of an earlier run.
fn earlier(rule: &str, title: &str, severity: Severity, subject: Subject, at: Timestamp) -> Alert {
    Alert {
        id: alert_id(rule, &subject, None),
        rule: rule.into(),
        title: title.into(),
        severity,
        source: AlertSource::Finding,
        subject,
        owner: Arc::from(""),
        evidence: vec![Evidence {
            fact: "preferences_streaming".to_owned(),
            value: "false".to_owned(),
            source: "ssm:GetDocument".to_owned(),
            at,
        }],
        reason: String::new(),
        raised_by: "ssmwatch".to_owned(),
        workflow: Workflow::New,
        raised_at: at,
        reopened_at: at,
        occurrence: 1,
        acknowledged: None,
        deliveries: BTreeMap::new(),
    }
}

/// What earlier runs left: an alert in each state, acts, and what waits in the outbox.
pub fn left_behind(text: &dyn Fn(usize) -> String) -> Loaded {
    let at = world::now() - SignedDuration::from_hours(5);
    let scope = world::scope(2, 1);
    let seen = |by: &str| Some(Acknowledgement { at: at + SignedDuration::from_mins(9), by: by.to_owned() });
    let preferences = Subject::Preferences(scope.clone());
    let node = Subject::Node(scope.clone(), "mi-0123456789abcdef0".into());
    let account = Subject::Account("111122223333".into());
    let mut drift = earlier("PRF-06", &text(0), Severity::Medium, preferences, at);
    drift.acknowledged = seen("robin as arn:aws:sts::333344445555:assumed-role/ssmwatch/robin");
    drift.workflow = Workflow::Suppressed {
        until: world::now() + SignedDuration::from_hours(19),
        reason: text(1),
        by: "robin".to_owned(),
    };
    let mut agent = earlier("NODE-01", "The agent is older than it may be", Severity::Low, node, at);
    agent.workflow =
        Workflow::Resolved { at: at + SignedDuration::from_mins(70), why: "it is as it should be again".to_owned() };
    agent.acknowledged = seen("robin");
    let mut threshold = earlier("THR-01", "Too many sessions were terminated", Severity::Critical, account.clone(), at);
    threshold.occurrence = 3;
    threshold.reopened_at = world::now() - SignedDuration::from_mins(4);
    threshold.deliveries = [
        (
            AlertDestination::CentralTopic,
            Delivery::Waiting {
                attempts: 4,
                problem: Some((text(2), "ask for sns:Publish on the topic".to_owned())),
                next_at: Some(world::now() + SignedDuration::from_secs(48)),
            },
        ),
        (AlertDestination::Metrics, Delivery::Waiting { attempts: 0, problem: None, next_at: None }),
    ]
    .into();
    let act = |id, kind, subject: Subject, target: String, outcome| Act {
        id,
        at: at + SignedDuration::from_mins(i64::try_from(id).unwrap()),
        kind,
        subject,
        target,
        owner: String::new(),
        reason: text(3),
        actor: Actor { user: "robin".to_owned(), arn: None, rule: None },
        evidence_sha256: Some("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned()),
        steps: vec![ActStep { name: kind.title().to_owned(), outcome }],
    };
    let done = || ActOutcome::Done { took_ms: 1_240, proof: text(4) };
    let acts = ActKind::ALL.into_iter().zip(1..).map(|(kind, id)| {
        let session = Subject::Session(ssmwatch::domain::SessionKey::new(scope.clone(), "old-0a0a0a0a0a0a0a0a0"));
        let subject = match kind {
            ActKind::Quarantine | ActKind::LiftQuarantine => account.clone(),
            ActKind::PauseAutomatic | ActKind::ResumeAutomatic => Subject::Program,
            _ => session,
        };
        act(id, kind, subject, text(5), done())
    });
    let mut acts: Vec<Act> = acts.collect();
    acts[0].actor.rule = Some("DOC-01".into());
    Loaded {
        alerts: vec![drift, agent, threshold],
        acts,
        next_act: 12,
        undelivered: vec![(AlertDestination::CentralTopic, 2)],
        ..Loaded::default()
    }
}

fn ordinary(index: usize) -> String {
    [
        "Sessions are not streamed to the log group",
        "CHG-5120 the new document is rolled out on Friday",
        "denied: sns:Publish on arn:aws:sns:eu-central-1:666677778888:CentralAlarm",
        "INC-2288 tunnel to the database",
        "History says Terminated",
        "arn:aws:iam::111122223333:role/BreakGlass, policy ssmwatch-quarantine",
    ][index]
        .to_owned()
}

/// A day on which much was raised: real judgements, and what earlier runs left.
pub fn raised(size: (u16, u16)) -> State {
    let mut state = world::unread_with(size, &[], armed());
    state = {
        let setup = state.setup;
        world::bad_day_with(size, setup)
    };
    let at = state.now;
    (0..10).for_each(|_| state.board.note_terminated(&"111122223333".into(), at));
    tell(&mut state, Message::Loaded(Box::new(left_behind(&ordinary))));
    world::settle(&mut state);
    let mallory = Subject::Session(world::key_of(&state, MALLORY));
    let ids: Vec<_> = state.alerts.of(&mallory).iter().map(|alert| alert.id.clone()).collect();
    let now = state.now;
    let accepted = || Delivery::Delivered { at: now, proof: "message id 7f3a-22c1".to_owned() };
    let told = |alert: &Arc<str>, destination, delivery| Delivered {
        alert: Some(alert.clone()),
        act: None,
        destination,
        delivery,
    };
    let throttled = Delivery::Waiting {
        attempts: 2,
        problem: Some(("throttled: sns:Publish".to_owned(), "nothing: it is tried again".to_owned())),
        next_at: Some(now + SignedDuration::from_secs(7)),
    };
    let news = vec![
        told(&ids[0], AlertDestination::MemberTopic, accepted()),
        told(&ids[0], AlertDestination::CentralTopic, throttled),
        told(&ids[0], AlertDestination::Metrics, accepted()),
    ];
    tell(&mut state, Message::Delivered(news));
    let undelivered = vec![(AlertDestination::CentralTopic, 2), (AlertDestination::Metrics, 1)];
    tell(&mut state, Message::Outbox { undelivered, summarized: 14 });
    state
}

/// The alerts of that day.
pub fn alerts(size: (u16, u16)) -> State {
    let mut state = raised(size);
    world::press(&mut state, KeyCode::Char('2'));
    state
}

#[test]
fn alerts_in_every_state() {
    at_all_sizes("alerts", alerts);
    at_all_sizes("alerts_seen", |size| {
        let mut state = alerts(size);
        (0..3).for_each(|_| world::press(&mut state, KeyCode::Char('j')));
        world::press(&mut state, KeyCode::Char('c'));
        world::press(&mut state, KeyCode::Char('G'));
        world::press(&mut state, KeyCode::Char('k'));
        state
    });
}

#[test]
fn an_unacknowledged_alert_is_never_all_well() {
    for size in [(40, 16), (60, 20), (80, 24), (120, 40), (200, 60)] {
        let mut state = world::calm(size);
        let mut left = left_behind(&ordinary);
        left.acts.clear();
        left.alerts.truncate(3);
        let at = state.now;
        (0..10).for_each(|_| state.board.note_terminated(&"111122223333".into(), at));
        tell(&mut state, Message::Loaded(Box::new(left)));
        let shown = words(&state);
        assert!(shown.contains("LOOK: ") && !shown.contains("ALL WELL"), "{shown}");
        assert!(
            shown.contains("1 alert") && (size.0 < 80 || shown.contains("2 undeliv") || shown.contains("2 unsent")),
            "{shown}"
        );
    }
}

#[test]
fn alerts_that_are_not_there_say_why() {
    for size in SIZES {
        let mut state = world::calm(size);
        world::press(&mut state, KeyCode::Char('2'));
        insta::assert_snapshot!(
            format!("no_alerts_{}x{}", size.0, size.1),
            styled(&drawn(&state, "default-dark", &Glyphs::UTF8))
        );
        state.store = ssmwatch::app::state::Store::Opening;
        assert!(words(&state).contains("reading the alerts of earlier runs"), "{}", words(&state));
    }
}

#[test]
fn a_store_that_cannot_be_used_is_loud_and_nothing_is_offered() {
    let refused = |size| {
        let mut state = world::bad_day(size);
        let why = "another ssmwatch (process 4711) keeps ~/.local/share/ssmwatch/ssmwatch.db; end it to act from here";
        tell(&mut state, Message::StoreRefused(why.into()));
        state
    };
    at_all_sizes("refused", refused);
    at_all_sizes("refused_alerts", |size| {
        let mut state = refused(size);
        world::press(&mut state, KeyCode::Char('2'));
        state
    });
    at_all_sizes("refused_acts", |size| {
        let mut state = refused(size);
        world::press(&mut state, KeyCode::Char('6'));
        state
    });
    for size in SIZES {
        let shown = words(&refused(size));
        let foot = shown.lines().last().unwrap();
        assert!(shown.contains("ACTS OFF") && foot.contains("acts off: another"), "{shown}");
        assert!(!foot.contains("t terminate") && !foot.contains("a alert"), "{foot}");
        let mut state = world::calm(size);
        tell(&mut state, Message::StoreTrouble(Some((3, "disk full".into()))));
        let shown = words(&state);
        assert!(shown.contains("NOT WRITTEN") && !shown.contains("ALL WELL"), "{shown}");
    }
}

#[test]
fn read_only_offers_what_changes_nothing() {
    let mut state = alerts((200, 60));
    state.setup.read_only = Some("read_only = true in the config".into());
    let shown = words(&state);
    let foot = shown.lines().last().unwrap();
    assert!(foot.contains("c acknowledge") && foot.contains("z suppress") && foot.contains("e export"), "{foot}");
    assert!(!foot.contains("t terminate") && !foot.contains("x quarantine"), "{foot}");
    assert!(foot.contains("read-only: read_only = true"), "{foot}");
}

#[test]
fn a_permission_that_was_denied_is_not_offered_as_if_it_worked() {
    let mut state = world::bad_day((80, 24));
    world::select(&mut state, MALLORY);
    let scope = world::key_of(&state, MALLORY).scope;
    state.denied.insert((scope, ActKind::Terminate), world::now() - SignedDuration::from_mins(12));
    let shown = words(&state);
    assert!(shown.lines().last().unwrap().contains("t denied"), "{shown}");
    world::press(&mut state, KeyCode::Char('t'));
    let shown = words(&state);
    assert!(shown.contains("the permission to terminate was denied 12m ago"), "{shown}");
}

/// What was done on that day, each kind in another state.
pub fn acts(size: (u16, u16)) -> State {
    let mut state = raised(size);
    world::select(&mut state, MALLORY);
    world::press(&mut state, KeyCode::Char('t'));
    world::type_text(&mut state, "INC-2301 tunnel");
    world::press(&mut state, KeyCode::Enter);
    world::press_after(&mut state, KeyCode::Char('y'), 400);
    let act = state.acts.last().unwrap().id;
    tell(&mut state, Message::ActProgress { act, step: 0, outcome: ActOutcome::Sent });
    world::press_after(&mut state, KeyCode::Char('a'), 900);
    world::type_text(&mut state, "call the owner");
    world::press(&mut state, KeyCode::Enter);
    let act = state.acts.last().unwrap().id;
    let waiting = ActOutcome::Waiting {
        what: "throttled: sns:Publish".to_owned(),
        to_do: "nothing: it is tried again".to_owned(),
        attempts: 2,
    };
    tell(&mut state, Message::ActProgress { act, step: 0, outcome: waiting });
    later(&mut state, 7_000);
    world::press(&mut state, KeyCode::Char('6'));
    state
}

#[test]
fn acts_of_every_kind() {
    at_all_sizes("acts_mixed", acts);
    at_all_sizes("acts_automatic", |size| {
        let mut state = acts(size);
        world::press(&mut state, KeyCode::Char('G'));
        state
    });
    at_all_sizes("no_acts", |size| {
        let mut state = world::calm(size);
        world::press(&mut state, KeyCode::Char('6'));
        state
    });
}

#[test]
fn what_is_under_way_has_a_running_clock() {
    let mut state = acts((200, 60));
    let before = words(&state);
    later(&mut state, 5_000);
    let after = words(&state);
    assert!(before.contains(" s so far") && after.contains(" s so far") && before != after, "{after}");
    world::press(&mut state, KeyCode::Char('1'));
    assert!(words(&state).contains("ending 1"), "{}", words(&state));
}

/// Five sessions are marked, one of them behind the filter.
pub fn marked(size: (u16, u16)) -> State {
    let mut state = world::bad_day(size);
    (0..5).for_each(|_| world::press(&mut state, KeyCode::Char(' ')));
    state
}

#[test]
fn marked_sessions_are_marked_and_counted() {
    at_all_sizes("marked", marked);
    let mut state = marked((120, 40));
    world::press(&mut state, KeyCode::Char('/'));
    world::type_text(&mut state, "mallory");
    world::press(&mut state, KeyCode::Enter);
    let shown = words(&state);
    assert!(shown.contains("» 5 marked, 4 hidden by the filter") && shown.contains("terminate 5 marked"), "{shown}");
}

#[test]
fn the_recorder_is_not_the_first_to_go() {
    let shown = words(&world::bad_day((80, 24)));
    assert!(shown.lines().any(|line| line.contains("VERDICT") && line.contains(" LOG ")), "{shown}");
}

/// A session is about to be ended by itself.
fn countdown(size: (u16, u16)) -> State {
    let mut state = world::bad_day_with(size, armed());
    let at = state.now + SignedDuration::from_secs(5);
    world::list_again(&mut state, at);
    let at = at + SignedDuration::from_secs(5);
    world::list_again(&mut state, at);
    later(&mut state, 13_000);
    let at = state.now;
    world::list_again(&mut state, at);
    state
}

#[test]
fn what_ends_by_itself_counts_down() {
    at_all_sizes("countdown", countdown);
    for size in SIZES {
        let mut state = countdown(size);
        let shown = words(&state);
        assert!(shown.contains("ENDS BY ITSELF in") && shown.contains("auto 1"), "{shown}");
        assert!(shown.contains("AUTO 1 rule") && shown.lines().last().unwrap().contains("u leave alone"), "{shown}");
        world::press(&mut state, KeyCode::Char('P'));
        let shown = words(&state);
        assert!(shown.contains("AUTO PAUSED") && shown.contains("auto held"), "{shown}");
    }
}

/// Mallory is back after her session was ended here; the details say who she is, and what else she does and did.
fn who(size: (u16, u16)) -> State {
    let mut state = raised(size);
    let key = world::key_of(&state, MALLORY);
    let session = state.board.sessions[&key].session.clone();
    state.acts.push(Act {
        id: 40,
        at: session.started_at.unwrap() - SignedDuration::from_secs(130),
        kind: ActKind::Terminate,
        subject: Subject::Session(ssmwatch::domain::SessionKey::new(key.scope.clone(), "mallory-0ffffffffffffffff")),
        target: session.target.to_string(),
        owner: session.owner.to_string(),
        reason: "INC-2301".to_owned(),
        actor: Actor { user: "robin".to_owned(), arn: None, rule: None },
        evidence_sha256: None,
        steps: vec![ActStep {
            name: "terminate".to_owned(),
            outcome: ActOutcome::Done { took_ms: 900, proof: "History says Terminated".to_owned() },
        }],
    });
    let ended = |id: &str, hours: i64, verdict, severity| EndedSession {
        key: ssmwatch::domain::SessionKey::new(key.scope.clone(), id),
        owner: session.owner.to_string(),
        target: session.target.to_string(),
        document: "AWS-StartPortForwardingSession".to_owned(),
        reason: String::new(),
        started_at: Some(world::now() - SignedDuration::from_hours(hours) - SignedDuration::from_mins(17)),
        ended_at: world::now() - SignedDuration::from_hours(hours),
        how: "Terminated".to_owned(),
        verdict,
        severity,
        findings: Vec::new(),
        archived: None,
    };
    let sessions = vec![
        ended("mallory-0ffffffffffffffff", 3, Verdict::NonCompliant, Some(Severity::Critical)),
        ended("mallory-0eeeeeeeeeeeeeeee", 26, Verdict::Compliant, None),
    ];
    tell(&mut state, Message::Recalled { owner: session.owner.clone(), sessions });
    // Her second session, and somebody else on the same node.
    let other = |id: &str, target: &str, owner: &str| ssmwatch::domain::Session {
        key: ssmwatch::domain::SessionKey::new(key.scope.clone(), id),
        target: target.into(),
        owner: owner.into(),
        ..session.clone()
    };
    let at = state.now;
    let mut sessions: Vec<_> = state
        .board
        .sessions
        .values()
        .filter(|board| board.session.key.scope == key.scope && board.is_active())
        .map(|board| board.session.clone())
        .collect();
    sessions.push(other("mallory-0aaaaaaaaaaaaaaaa", "i-0a1b2c3d4e5f67890", &session.owner));
    sessions.push(other("dba-0bbbbbbbbbbbbbbbb", session.target.as_str(), "arn:aws:iam::111122223333:user/dba"));
    let listed = ssmwatch::domain::Observation::Active { scope: key.scope.clone(), sessions, at };
    world::observe(&mut state, listed, at);
    while state.has_work() {
        tell(&mut state, Message::Tick);
    }
    world::select(&mut state, MALLORY);
    world::press(&mut state, KeyCode::Enter);
    let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(size.0, size.1)).unwrap();
    let theme = ssmwatch::ui::theme::Theme::load("default-dark", None).unwrap();
    terminal
        .draw(|frame| state.view.detail_lines = ssmwatch::ui::draw(frame, &state, &theme, &Glyphs::UTF8).detail_lines)
        .unwrap();
    state
}

#[test]
fn who_where_and_why_stand_in_the_details() {
    at_all_sizes("who_top", who);
    at_all_sizes("who", |size| {
        let mut state = who(size);
        while !words(&state).contains("before     ") && state.view.detail_top + 8 < state.view.detail_lines {
            world::press(&mut state, KeyCode::Char('j'));
        }
        (0..3).for_each(|_| world::press(&mut state, KeyCode::Char('j')));
        state
    });
    let mut state = who((200, 60));
    let all: String = (0..12)
        .map(|_| {
            let shown = words(&state);
            world::press(&mut state, KeyCode::PageDown);
            shown
        })
        .collect();
    for part in [
        "BACK 2 min 10 s after mallory-0ffffffffffffffff was ended here",
        "Who, where, why",
        "BreakGlass/mallory@example.com",
        "198.51.100.77",
        "2nd factor no",
        "Boto3/1.40.1",
        "none was given",
        "1 other session of it on 1 node",
        "1 session of others",
        "user/dba",
        "2 sessions of it",
        "Terminated",
        "UNACKNOWLEDGED: █C",
    ] {
        assert!(all.contains(part), "{part:?} is missing:\n{all}");
    }
}

#[test]
fn a_principal_that_is_back_is_told_of() {
    let mut state = who((120, 40));
    world::press(&mut state, KeyCode::Esc);
    let shown = words(&state);
    assert!(state.view.returned.is_empty() || shown.contains("BACK AGAIN"), "{shown}");
}

#[test]
fn an_alert_on_a_whole_account_offers_its_quarantine() {
    let mut state = alerts((120, 40));
    let threshold = state.alerts.all().find(|alert| alert.rule.as_str() == "THR-01").unwrap().id.clone();
    state.view.alerts.selected = Some(threshold);
    let shown = words(&state);
    assert!(shown.contains("x quarantines: puts a policy on the role"), "{shown}");
    assert!(shown.contains("raised again 2 times") && shown.contains("ask for sns:Publish"), "{shown}");
    state.setup.quarantine = None;
    assert!(!words(&state).contains("quarantine"), "{}", words(&state));
}
