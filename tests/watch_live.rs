//! The intake of log events over the wire: live tails, what fills their holes, followed streams, archive objects.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use rig::{PAYMENTS, Rig, break_it, calls_in, failing, fleet, hasty, home, quiet, repair, scope};
use ssmwatch::{
    domain::{Fact, FailureClass, LogEvent, NoLiveTail, Observation, SessionId, SessionKey, TailMode},
    sim::{
        Sim,
        gate::{Effect, Fault},
        scenario::Scenario,
        world::tails::Ending,
    },
    watch::WatchConfig,
};
use tokio::time::Instant;

const GROUP: &str = "/ssm-session-logs";

fn session_of(sim: &Sim, owner: &str) -> SessionKey {
    sim.with_world(|world| {
        let session = world.sessions.iter().find(|session| session.owner.ends_with(owner)).expect("no such session");
        SessionKey::new(scope(&session.account, &session.region), session.id.as_str())
    })
}

fn put(sim: &Sim, session: &SessionKey, events: Vec<(i64, String)>) {
    let (account, region) = (session.scope.account.as_str(), session.scope.region.as_str());
    sim.with_world(|world| assert!(world.put_log_events(account, region, GROUP, session.id.as_str(), events)));
}

fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Time and message of each event, in an order of its own.
type Events = Vec<(i64, String)>;

fn sorted(events: impl IntoIterator<Item = (i64, String)>) -> Events {
    let mut events: Events = events.into_iter().collect();
    events.sort();
    events
}

fn plain(events: &[LogEvent]) -> impl Iterator<Item = (i64, String)> {
    events.iter().map(|event| (event.timestamp.as_millisecond(), event.message.clone()))
}

/// What the log stream holds now, as it is stored.
fn stored(sim: &Sim, session: &SessionKey) -> Events {
    sim.with_world(|world| {
        let region = world.region(session.scope.account.as_str(), session.scope.region.as_str()).unwrap();
        let stream = region.log_groups.get(GROUP).and_then(|group| group.streams.get(session.id.as_str()));
        let events = stream.into_iter().flat_map(|stream| &stream.events);
        events.map(|event| (event.timestamp, event.message.clone())).collect()
    })
}

/// What the tail of the home group said.
#[derive(Default)]
struct Intake {
    events: HashMap<SessionId, Vec<LogEvent>>,
    modes: Vec<TailMode>,
    /// From, until, filled.
    gaps: Vec<(Timestamp, Option<Timestamp>, bool)>,
}

impl Intake {
    fn take(&mut self, observation: &Observation) {
        match observation {
            Observation::Tailed { scope, log_group, events, .. } if *scope == home() => {
                assert_eq!(&**log_group, GROUP);
                for (session, events) in events {
                    assert!(!events.is_empty());
                    self.events.entry(session.clone()).or_default().extend(events.iter().cloned());
                }
            }
            Observation::TailMode { scope, mode, .. } if *scope == home() => self.modes.push(mode.clone()),
            Observation::TailGap { scope, from, until, filled, .. } if *scope == home() => {
                self.gaps.push((*from, *until, *filled));
            }
            _ => {}
        }
    }

    fn of(&self, session: &SessionKey) -> &[LogEvent] {
        self.events.get(&session.id).map(Vec::as_slice).unwrap_or_default()
    }

    /// How often an event came whose message is that.
    fn count(&self, session: &SessionKey, message: &str) -> usize {
        self.of(session).iter().filter(|event| event.message == message).count()
    }

    async fn until(&mut self, rig: &mut Rig, what: &str, mut enough: impl FnMut(&Self) -> bool) {
        rig.until(what, |observation| {
            self.take(observation);
            enough(self).then_some(())
        })
        .await;
    }

    async fn until_live(&mut self, rig: &mut Rig) {
        self.until(rig, "a live tail", |intake| intake.modes.last() == Some(&TailMode::Live)).await;
    }

    /// Waits until all that is stored was told, and asserts that it was told once, also after a while.
    async fn until_complete(&mut self, sim: &Sim, rig: &mut Rig, session: &SessionKey) {
        let held = stored(sim, session).len();
        self.until(rig, "all events", |intake| intake.of(session).len() >= held).await;
        for observation in rig.hear(Duration::from_millis(2500)).await {
            self.take(&observation);
        }
        let (told, held) = (sorted(plain(self.of(session))), sorted(stored(sim, session)));
        // What came at last may still be under way.
        let last = told.last().expect("no event");
        let held: Events = held.into_iter().filter(|event| event <= last).collect();
        assert_eq!(told, held);
    }
}

fn live_tails(sim: &Sim) -> usize {
    let home = home();
    sim.with_world(|world| world.live_tails.followers(home.account.as_str(), home.region.as_str()).len())
}

fn end_live_tails(sim: &Sim, ending: Ending) {
    sim.with_world(|world| assert!(world.live_tails.end(PAYMENTS, "eu-central-1", ending) > 0));
}

#[tokio::test]
async fn what_is_written_is_told_within_about_a_second() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let mut rig = Rig::start(&sim, hasty()).await;
    let mut intake = Intake::default();
    intake.until_live(&mut rig).await;
    intake.until_complete(&sim, &mut rig, &alice).await;
    let mut took = Vec::new();
    for number in 0..5 {
        let message = format!("typed {number}");
        let began = Instant::now();
        put(&sim, &alice, vec![(now(), message.clone())]);
        intake.until(&mut rig, "what was typed", |intake| intake.count(&alice, &message) == 1).await;
        took.push(began.elapsed());
    }
    eprintln!("from the event to the observation: {took:?}");
    // The service shows it with its next update, a second later at the most.
    assert!(took.iter().sum::<Duration>() < Duration::from_secs(10), "{took:?}");
    assert_eq!(calls_in(&sim, &home(), "StartLiveTail"), 1);
    let sweeps = calls_in(&sim, &home(), "FilterLogEvents");
    assert!(sweeps <= 6, "{sweeps}");
    assert_eq!(intake.modes, [TailMode::Live]);
}

#[tokio::test]
async fn what_a_severed_stream_did_not_show_is_filled_and_told_once() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let mut rig = Rig::start(&sim, hasty()).await;
    let mut intake = Intake::default();
    intake.until_live(&mut rig).await;
    for (number, ending) in [Ending::Sever, Ending::Close, Ending::TimeOut, Ending::Fail].into_iter().enumerate() {
        let message = format!("lost {number}");
        // Too late for the stream that ends, too early for the next.
        put(&sim, &alice, vec![(now(), message.clone()), (now(), message.clone())]);
        end_live_tails(&sim, ending);
        intake.until(&mut rig, "the lost event", |intake| intake.count(&alice, &message) == 2).await;
        let calls = calls_in(&sim, &home(), "StartLiveTail");
        assert!(calls >= 1);
        let deadline = Instant::now() + rig::PATIENCE;
        while live_tails(&sim) != 1 {
            assert!(Instant::now() < deadline, "no live tail came back after {ending:?}");
            for observation in rig.hear(Duration::from_millis(50)).await {
                intake.take(&observation);
            }
        }
    }
    intake.until_complete(&sim, &mut rig, &alice).await;
    assert_eq!(intake.modes, [TailMode::Live], "it came back each time");
}

#[tokio::test]
async fn a_sample_is_filled() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let mut rig = Rig::start(&sim, hasty()).await;
    let mut intake = Intake::default();
    intake.until_live(&mut rig).await;
    break_it(&sim, Fault::new("*", "*", Effect::SampleLiveTail { drop: 0.7 }));
    for second in 0..3 {
        // Four equal ones in a millisecond, as a flood is.
        let at = now();
        let events = (0..40).map(|number| (at + number / 4, "y".repeat(20))).collect();
        put(&sim, &alice, events);
        let expected = (second + 1) * 40;
        let flood = "y".repeat(20);
        intake.until(&mut rig, "the flood", |intake| intake.count(&alice, &flood) >= expected).await;
    }
    repair(&sim);
    intake.until_complete(&sim, &mut rig, &alice).await;
    assert_eq!(intake.count(&alice, &"y".repeat(20)), 120);
}

#[tokio::test]
async fn equal_events_of_a_flood_are_all_told() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    for live_tail in [true, false] {
        let mut rig = Rig::start(&sim, WatchConfig { live_tail, ..hasty() }).await;
        let mut intake = Intake::default();
        intake.until(&mut rig, "how events come", |intake| !intake.modes.is_empty()).await;
        let flood = format!("yes, live: {live_tail}");
        for _ in 0..5 {
            put(&sim, &alice, vec![(now(), flood.clone()); 4]);
        }
        intake.until(&mut rig, "the flood", |intake| intake.count(&alice, &flood) >= 20).await;
        intake.until_complete(&sim, &mut rig, &alice).await;
        assert_eq!(intake.count(&alice, &flood), 20);
        rig.stop.cancel();
    }
}

#[tokio::test]
async fn without_the_permission_events_are_polled() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    break_it(&sim, Fault::new("logs", "StartLiveTail", Effect::Deny));
    let mut rig = Rig::start(&sim, hasty()).await;
    let mut intake = Intake::default();
    intake.until(&mut rig, "the mode", |intake| !intake.modes.is_empty()).await;
    let [TailMode::Polling { why: NoLiveTail::Failed(failure) }] = &intake.modes[..] else {
        panic!("{:?}", intake.modes)
    };
    assert_eq!((failure.class, failure.action), (FailureClass::Denied, "logs:StartLiveTail"));
    put(&sim, &alice, vec![(now(), "polled".into())]);
    intake.until(&mut rig, "the event", |intake| intake.count(&alice, "polled") == 1).await;
    intake.until_complete(&sim, &mut rig, &alice).await;
    assert_eq!((calls_in(&sim, &home(), "StartLiveTail"), intake.modes.len()), (1, 1), "it is not asked for in vain");
    let before = calls_in(&sim, &home(), "FilterLogEvents");
    rig.hear(Duration::from_secs(3)).await;
    let asked = calls_in(&sim, &home(), "FilterLogEvents") - before;
    assert!((2..=4).contains(&asked), "one a second: {asked}");
}

#[tokio::test]
async fn the_sixteenth_live_tail_of_an_account_polls() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let client = fleet(&sim).await.scope(&home()).unwrap();
    let mut others = Vec::new();
    while others.len() < 15 {
        match client.live_tail(&client.log_group_arn(GROUP)).await {
            Ok(tail) => others.push(tail),
            // Five a second may be begun.
            Err(failure) => assert_eq!(failure.code.as_deref(), Some("ThrottlingException"), "{failure:?}"),
        }
    }
    let mut rig = Rig::start(&sim, hasty()).await;
    let mut intake = Intake::default();
    let limited = |mode: &TailMode| {
        matches!(mode, TailMode::Polling { why: NoLiveTail::Failed(failure) }
            if failure.code.as_deref() == Some("LimitExceededException"))
    };
    intake.until(&mut rig, "the limit", |intake| intake.modes.last().is_some_and(limited)).await;
    put(&sim, &alice, vec![(now(), "polled".into())]);
    intake.until(&mut rig, "the event", |intake| intake.count(&alice, "polled") == 1).await;
    assert_eq!(others.len(), 15);
}

#[tokio::test]
async fn the_config_can_do_without() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let mut rig = Rig::start(&sim, WatchConfig { live_tail: false, ..hasty() }).await;
    let mut intake = Intake::default();
    intake.until(&mut rig, "the mode", |intake| !intake.modes.is_empty()).await;
    assert_eq!(intake.modes, [TailMode::Polling { why: NoLiveTail::SwitchedOff }]);
    put(&sim, &alice, vec![(now(), "polled".into())]);
    intake.until(&mut rig, "the event", |intake| intake.count(&alice, "polled") == 1).await;
    intake.until_complete(&sim, &mut rig, &alice).await;
    assert_eq!(calls_in(&sim, &home(), "StartLiveTail"), 0);
}

#[tokio::test]
async fn a_live_tail_is_renewed_before_the_service_ends_it() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let config = WatchConfig { live_tail_life: Duration::from_millis(1500), ..hasty() };
    let mut rig = Rig::start(&sim, config).await;
    let mut intake = Intake::default();
    intake.until_live(&mut rig).await;
    let mut number = 0;
    while calls_in(&sim, &home(), "StartLiveTail") < 4 {
        let message = format!("line {number}");
        put(&sim, &alice, vec![(now(), message.clone()), (now(), message.clone())]);
        intake.until(&mut rig, "the line", |intake| intake.count(&alice, &message) == 2).await;
        number += 1;
    }
    intake.until_complete(&sim, &mut rig, &alice).await;
    assert_eq!(intake.modes, [TailMode::Live]);
    assert!((1..=2).contains(&live_tails(&sim)), "{}", live_tails(&sim));
}

#[tokio::test]
async fn a_stream_that_is_silent_is_dead() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let mut rig = Rig::start(&sim, hasty()).await;
    let mut intake = Intake::default();
    intake.until_live(&mut rig).await;
    intake.until_complete(&sim, &mut rig, &alice).await;
    break_it(&sim, Fault::new("*", "*", Effect::HangLiveTail));
    put(&sim, &alice, vec![(now(), "held back".into())]);
    intake.until(&mut rig, "what was held back", |intake| intake.count(&alice, "held back") == 1).await;
    assert!(calls_in(&sim, &home(), "StartLiveTail") >= 1);
    repair(&sim);
    put(&sim, &alice, vec![(now(), "later".into())]);
    intake.until(&mut rig, "what came later", |intake| intake.count(&alice, "later") == 1).await;
}

#[tokio::test]
async fn the_last_lines_of_a_session_that_ended_are_told() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let mut rig = Rig::start(&sim, hasty()).await;
    let mut intake = Intake::default();
    intake.until_live(&mut rig).await;
    intake.until(&mut rig, "an event", |intake| !intake.of(&alice).is_empty()).await;
    fleet(&sim).await.scope(&home()).unwrap().terminate_session(&alice.id).await.unwrap();
    rig.until("her end", |observation| {
        intake.take(observation);
        match observation {
            Observation::History { scope, sessions, .. } if *scope == home() => {
                sessions.iter().any(|session| session.key == alice).then_some(())
            }
            _ => None,
        }
    })
    .await;
    put(&sim, &alice, vec![(now(), "logout".into())]);
    intake.until(&mut rig, "the last line", |intake| intake.count(&alice, "logout") == 1).await;
    intake.until_complete(&sim, &mut rig, &alice).await;
}

#[tokio::test]
async fn a_session_that_begins_is_told_from_its_first_line() {
    let sim = quiet().await;
    let bob = session_of(&sim, "user/bob");
    // Nobody is listed for a while, and bob's first lines come by.
    let mut rig = Rig::start(&sim, hasty()).await;
    let mut intake = Intake::default();
    intake.until_live(&mut rig).await;
    sim.with_world(|world| {
        assert!(world.create_log_stream(bob.scope.account.as_str(), bob.scope.region.as_str(), GROUP, bob.id.as_str()));
    });
    put(&sim, &bob, vec![(now(), "first".into())]);
    intake.until(&mut rig, "the first line", |intake| intake.count(&bob, "first") == 1).await;
}

#[tokio::test]
async fn a_gap_is_told_while_it_is_open_and_when_it_is_filled() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let config = WatchConfig { gap_after: Duration::from_secs(2), ..hasty() };
    let mut rig = Rig::start(&sim, config).await;
    let mut intake = Intake::default();
    intake.until_live(&mut rig).await;
    intake.until_complete(&sim, &mut rig, &alice).await;
    assert!(intake.gaps.is_empty(), "{:?}", intake.gaps);
    break_it(&sim, Fault::new("logs", "StartLiveTail", Effect::Disconnect));
    let reads = break_it(&sim, Fault::new("logs", "FilterLogEvents", Effect::Throttle));
    end_live_tails(&sim, Ending::Sever);
    let broke = Timestamp::now();
    put(&sim, &alice, vec![(now(), "unseen".into())]);
    intake.until(&mut rig, "the gap", |intake| !intake.gaps.is_empty()).await;
    let (from, until, filled) = intake.gaps[0];
    assert!(from <= broke && until.is_none() && !filled, "{:?}", intake.gaps);
    let polls = |mode: &TailMode| matches!(mode, TailMode::Polling { why: NoLiveTail::Failed(_) });
    assert!(intake.modes.last().is_some_and(polls), "{:?}", intake.modes);
    sim.with_world(|world| assert_eq!(world.gate.remove_faults(Some(reads)), 1));
    intake.until(&mut rig, "its end", |intake| intake.gaps.len() == 2).await;
    let (begin, until, filled) = intake.gaps[1];
    assert!(begin == from && until.is_some_and(|until| until > broke) && filled, "{:?}", intake.gaps);
    assert_eq!(intake.count(&alice, "unseen"), 1);
    repair(&sim);
    intake.until_live(&mut rig).await;
    intake.until_complete(&sim, &mut rig, &alice).await;
    assert_eq!(intake.gaps.len(), 2, "{:?}", intake.gaps);
}

#[tokio::test]
async fn a_command_session_is_told_when_it_is_over() {
    let mut scenario = Scenario::load("quiet").unwrap();
    let cast = r#"owner = "arn:aws:iam::{account}:user/erin"
        node = "payments-web-3"
        document = "AWS-StartInteractiveCommand"
        at = -30.0
        script = [{ type = "id" }, { wait = 33.0 }, "exit"]"#;
    scenario.cast.push(toml::from_str(cast).unwrap());
    let sim = rig::sim(&scenario).await;
    let erin = session_of(&sim, "user/erin");
    let mut rig = Rig::start(&sim, hasty()).await;
    let mut intake = Intake::default();
    intake.until(&mut rig, "its log", |intake| !intake.of(&erin).is_empty()).await;
    assert!(intake.of(&erin)[0].message.contains("Script started"), "{:?}", intake.of(&erin));
    intake.until_complete(&sim, &mut rig, &erin).await;
}

// --- Followed streams -------------------------------------------------------------------------------------------------

type Told = HashMap<SessionKey, Vec<LogEvent>>;

#[tokio::test]
async fn several_sessions_are_followed_at_once_and_those_that_stay_are_undisturbed() {
    let sim = quiet().await;
    let (alice, carol) = (session_of(&sim, "/alice@example.com"), session_of(&sim, "/carol"));
    let mut rig = Rig::start(&sim, hasty()).await;
    let follow = |sessions: &[&SessionKey]| sessions.iter().map(|key| ((*key).clone(), GROUP.to_owned())).collect();
    let mut told: Told = HashMap::new();
    let mut read = async |rig: &mut Rig, what: &str, enough: &dyn Fn(&Told) -> bool| {
        rig.until(what, |observation| {
            if let Observation::Transcript { session, events, .. } = observation {
                told.entry(session.clone()).or_default().extend(events.iter().cloned());
            }
            enough(&told).then(|| told.clone())
        })
        .await
    };
    let lines = |told: &Told, session: &SessionKey| told.get(session).map_or(0, Vec::len);
    rig.watch.follow(follow(&[&alice, &carol]));
    let first = read(&mut rig, "both", &|told| lines(told, &alice) > 0 && lines(told, &carol) > 0).await;
    let more = |number: i64| put(&sim, &carol, vec![(now(), format!("line {number}")); 2]);
    rig.watch.follow(follow(&[&carol]));
    more(1);
    let more_of_carol = lines(&first, &carol) + 2;
    let second = read(&mut rig, "carol alone", &|told| lines(told, &carol) >= more_of_carol).await;
    rig.watch.follow(follow(&[&alice, &carol]));
    more(2);
    let (of_alice, of_carol) = (lines(&second, &alice) + 2, lines(&second, &carol) + 2);
    let told =
        read(&mut rig, "both again", &|told| lines(told, &alice) >= of_alice && lines(told, &carol) >= of_carol).await;
    for session in [&alice, &carol] {
        let events: Events = plain(&told[session]).collect();
        assert_eq!(events, stored(&sim, session)[..events.len()]);
    }
}

#[tokio::test]
async fn a_followed_stream_is_read_as_soon_as_the_tail_sees_it() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let mut rig = Rig::start(&sim, hasty()).await;
    Intake::default().until_live(&mut rig).await;
    rig.watch.follow(vec![(alice.clone(), GROUP.into())]);
    let mut took = Vec::new();
    for number in 0..6 {
        let message = format!("typed {number}");
        // Somewhere between two polls, and between two updates.
        rig.hear(Duration::from_millis(200 + number * 100)).await;
        put(&sim, &alice, vec![(now(), message.clone())]);
        let mut tailed = None;
        let mut shown = None;
        rig.until("the event on both ways", |observation| {
            match observation {
                Observation::Tailed { events, .. } => {
                    let mut events = events.iter().flat_map(|(_, events)| events);
                    if events.any(|event| event.message == message) {
                        tailed = Some(Instant::now());
                    }
                }
                Observation::Transcript { events, .. } if events.iter().any(|event| event.message == message) => {
                    shown = Some(Instant::now());
                }
                _ => {}
            }
            tailed.zip(shown)
        })
        .await;
        let (tailed, shown) = tailed.zip(shown).unwrap();
        took.push(shown.saturating_duration_since(tailed));
    }
    eprintln!("from the tail to the transcript: {took:?}");
    assert!(took.iter().sum::<Duration>() < Duration::from_millis(1500), "{took:?}");
    let before = calls_in(&sim, &home(), "GetLogEvents");
    rig.hear(Duration::from_secs(3)).await;
    let asked = calls_in(&sim, &home(), "GetLogEvents") - before;
    assert!(asked <= 15, "{asked}");
}

// --- Archive objects --------------------------------------------------------------------------------------------------

async fn body_of(rig: &mut Rig, of: &SessionKey) -> (Fact<Option<Vec<u8>>>, bool) {
    rig.watch.read_archive(of.clone());
    rig.until("the object", |observation| match observation {
        Observation::ArchiveBody { session, body, cut } if session == of => {
            let body = match body.clone() {
                Fact::Known { value, source, at } => {
                    Fact::Known { value: value.map(|bytes| bytes.to_vec()), source, at }
                }
                Fact::Missing(missing) => Fact::Missing(missing),
            };
            Some((body, *cut))
        }
        _ => None,
    })
    .await
}

#[tokio::test]
async fn the_object_of_a_session_is_read_when_asked_for() {
    let sim = quiet().await;
    let (alice, dave) = (session_of(&sim, "/alice@example.com"), session_of(&sim, "/dave"));
    let mut rig = Rig::start(&sim, hasty()).await;
    rig.until("what is there", |observation| match observation {
        Observation::Archive { session, object: Fact::Known { value: Some(_), .. } } if *session == dave => Some(()),
        _ => None,
    })
    .await;
    let (body, cut) = body_of(&mut rig, &dave).await;
    let Fact::Known { value: Some(bytes), source: "s3:GetObject", .. } = body else { panic!("{body:?}") };
    assert!(!cut && !bytes.is_empty());
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains('\n'), "{text}");
    let (body, _) = body_of(&mut rig, &alice).await;
    assert!(matches!(body, Fact::Known { value: None, .. }), "{body:?}");
    break_it(&sim, Fault::new("s3", "GetObject", Effect::Deny));
    let (body, _) = body_of(&mut rig, &dave).await;
    assert_eq!(failing(&body), Some(FailureClass::Denied), "{body:?}");
}
