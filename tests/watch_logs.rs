//! Logs over the wire: streams, transcripts, the archive; and what goes out: topics, metrics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use rig::{
    ARCHIVE, PAYMENTS, Rig, active_of, break_it, calls, calls_in, failing, fleet, hasty, home, quiet, repair, scope,
    sim,
};
use ssmwatch::{
    aws::Metric,
    domain::{Fact, FailureClass, LogEvent, Observation, SessionId, SessionKey},
    sim::{
        Sim,
        gate::{Effect, Fault},
        scenario::{Archive, CastSpec, Scenario},
    },
    watch::{WatchConfig, one_pass},
};

const GROUP: &str = "/ssm-session-logs";

fn cast(text: &str) -> CastSpec {
    toml::from_str(text).unwrap()
}

/// The quiet scenario with one more session.
async fn quiet_with(text: &str) -> Sim {
    let mut scenario = Scenario::load("quiet").unwrap();
    scenario.cast.push(cast(text));
    sim(&scenario).await
}

fn session_of(sim: &Sim, owner: &str) -> SessionKey {
    sim.with_world(|world| {
        let session = world.sessions.iter().find(|session| session.owner.ends_with(owner)).expect("no such session");
        SessionKey::new(scope(&session.account, &session.region), session.id.as_str())
    })
}

/// What the log stream holds now: time and message of each event.
fn stored(sim: &Sim, session: &SessionKey) -> Vec<(i64, String)> {
    sim.with_world(|world| {
        let region = world.region(session.scope.account.as_str(), session.scope.region.as_str()).unwrap();
        let stream = region.log_groups.get(GROUP).and_then(|group| group.streams.get(session.id.as_str()));
        let events = stream.into_iter().flat_map(|stream| &stream.events);
        events.map(|event| (event.timestamp, event.message.clone())).collect()
    })
}

fn told(events: &[LogEvent]) -> Vec<(i64, String)> {
    events.iter().map(|event| (event.timestamp.as_millisecond(), event.message.clone())).collect()
}

fn stream_of<'a>(
    observation: &'a Observation,
    id: &SessionId,
) -> Option<&'a Fact<Option<ssmwatch::domain::LogStream>>> {
    match observation {
        Observation::LogStreams { streams, .. } => {
            streams.iter().find(|(session, _)| session == id).map(|(_, fact)| fact)
        }
        _ => None,
    }
}

// --- Streams ----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn streams_are_found_or_known_to_be_missing() {
    let sim = quiet().await;
    let (alice, bob) = (session_of(&sim, "/alice@example.com"), session_of(&sim, "user/bob"));
    let mut rig = Rig::start(&sim, hasty()).await;
    let (mut of_alice, mut of_bob) = (None, None);
    rig.until("both streams", |observation| {
        of_alice = of_alice.take().or_else(|| stream_of(observation, &alice.id).cloned());
        of_bob = of_bob.take().or_else(|| stream_of(observation, &bob.id).cloned());
        (of_alice.is_some() && of_bob.is_some()).then_some(())
    })
    .await;
    let Some(Fact::Known { value: Some(stream), source: "logs:DescribeLogStreams", .. }) = of_alice else {
        panic!("{of_alice:?}")
    };
    assert_eq!(&*stream.log_group, GROUP);
    assert!(stream.created_at.is_some());
    // An untouched prompt has no stream: looked for, and not there.
    assert!(matches!(of_bob, Some(Fact::Known { value: None, .. })), "{of_bob:?}");
    let found = fleet(&sim).await.scope(&home()).unwrap().log_stream(&GROUP.into(), &bob.id).await.unwrap();
    assert_eq!(found, None);
}

#[tokio::test]
async fn one_listing_a_poll_serves_all_sessions_of_a_group() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let mut rig = Rig::start(&sim, hasty()).await;
    let mut polls = 0;
    rig.until("ten polls", |observation| {
        polls += usize::from(stream_of(observation, &alice.id).is_some());
        (polls == 10).then_some(())
    })
    .await;
    let asked = calls_in(&sim, &home(), "DescribeLogStreams");
    // Ten listings; bob's missing stream by name with doubling pauses.
    assert!((10..=16).contains(&asked), "{asked}");
}

#[tokio::test]
async fn a_tunnel_is_not_looked_for() {
    let sim = quiet_with(
        r#"owner = "arn:aws:iam::{account}:user/tunnel"
           node = "archive-1"
           document = "AWS-StartPortForwardingSession"
           at = -30.0"#,
    )
    .await;
    let tunnel = session_of(&sim, "user/tunnel");
    let mut rig = Rig::start(&sim, hasty()).await;
    rig.until("the tunnel", |observation| {
        active_of(observation, &tunnel.scope)?.iter().any(|session| session.key == tunnel).then_some(())
    })
    .await;
    rig.until("its document", |observation| match observation {
        Observation::Document { name, document: Fact::Known { value: Some(document), .. }, .. }
            if name.starts_with("AWS-") =>
        {
            assert_eq!(document.session_type, ssmwatch::domain::SessionType::Port);
            Some(())
        }
        _ => None,
    })
    .await;
    let seen = rig.hear(Duration::from_secs(2)).await;
    assert!(!seen.iter().any(|observation| stream_of(observation, &tunnel.id).is_some()));
    // Nothing is tailed for it either.
    assert_eq!(calls_in(&sim, &tunnel.scope, "FilterLogEvents"), 0);
}

#[tokio::test]
async fn a_group_that_is_not_there_holds_no_stream() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let mut rig = Rig::start(&sim, WatchConfig { log_group: Some("/nowhere".into()), ..hasty() }).await;
    let fact = rig.until("the answer", |observation| stream_of(observation, &alice.id).cloned()).await;
    assert!(matches!(fact, Fact::Known { value: None, .. }), "{fact:?}");
}

#[tokio::test]
async fn a_denied_stream_listing_is_a_missing_fact() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    break_it(&sim, Fault::new("logs", "DescribeLogStreams", Effect::Deny));
    let mut rig = Rig::start(&sim, hasty()).await;
    let fact = rig.until("the answer", |observation| stream_of(observation, &alice.id).cloned()).await;
    assert_eq!(failing(&fact), Some(FailureClass::Denied), "{fact:?}");
    repair(&sim);
    rig.until("the stream", |observation| {
        matches!(stream_of(observation, &alice.id)?, Fact::Known { value: Some(_), .. }).then_some(())
    })
    .await;
}

// --- Transcripts ------------------------------------------------------------------------------------------------------

/// Collects the followed session's events until `enough`.
async fn collect(rig: &mut Rig, of: &SessionKey, into: &mut Vec<LogEvent>, enough: impl Fn(&[LogEvent]) -> bool) {
    rig.until("the transcript", |observation| {
        if let Observation::Transcript { session, events, .. } = observation {
            assert_eq!(session, of, "another session's events");
            into.extend(events.iter().cloned());
        }
        enough(into).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_followed_stream_is_told_from_its_head_each_event_once() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let before = stored(&sim, &alice).len();
    assert!(before > 1, "{before}");
    let mut rig = Rig::start(&sim, hasty()).await;
    rig.watch.follow(vec![(alice.clone(), GROUP.into())]);
    let mut events = Vec::new();
    collect(&mut rig, &alice, &mut events, |events| events.len() >= before + 3).await;
    // Another session in between, then back: nothing is told twice, nothing is left out.
    let carol = session_of(&sim, "/carol");
    rig.watch.follow(vec![(carol.clone(), GROUP.into())]);
    rig.until("carol's transcript", |observation| match observation {
        Observation::Transcript { session, events: more, .. } if *session == alice => {
            events.extend(more.iter().cloned());
            None
        }
        Observation::Transcript { session, .. } if *session == carol => Some(()),
        _ => None,
    })
    .await;
    rig.watch.follow(vec![(alice.clone(), GROUP.into())]);
    let length = events.len() + 3;
    rig.until("alice again", |observation| {
        if let Observation::Transcript { session, events: more, .. } = observation
            && *session == alice
        {
            events.extend(more.iter().cloned());
        }
        (events.len() >= length).then_some(())
    })
    .await;
    let stored = stored(&sim, &alice);
    assert_eq!(told(&events), stored[..events.len()]);
    // Asked to, it starts again at the head.
    rig.watch.follow(Vec::new());
    rig.watch.reread(&alice);
    rig.hear(Duration::from_millis(100)).await;
    rig.watch.follow(vec![(alice.clone(), GROUP.into())]);
    let mut again = Vec::new();
    collect(&mut rig, &alice, &mut again, |events| events.len() > before).await;
    assert_eq!(told(&again)[..before], stored[..before]);
}

#[tokio::test]
async fn a_long_stream_is_read_in_pages() {
    let sim = quiet().await;
    let bob = session_of(&sim, "user/bob");
    let start = Timestamp::now().as_millisecond() - 60_000;
    sim.with_world(|world| {
        let (account, region) = (bob.scope.account.as_str(), bob.scope.region.as_str());
        assert!(world.create_log_stream(account, region, GROUP, bob.id.as_str()));
        // Several with the same time stamp, over more than two pages of 10,000.
        let events = (0..25_000).map(|n| (start + n / 7, format!("line {n}"))).collect();
        assert!(world.put_log_events(account, region, GROUP, bob.id.as_str(), events));
    });
    let mut rig = Rig::start(&sim, hasty()).await;
    rig.watch.follow(vec![(bob.clone(), GROUP.into())]);
    let mut events = Vec::new();
    collect(&mut rig, &bob, &mut events, |events| events.len() >= 25_000).await;
    assert_eq!(told(&events), stored(&sim, &bob));
}

#[tokio::test]
async fn a_stream_that_is_not_there_yet_is_waited_for() {
    let sim = quiet().await;
    let bob = session_of(&sim, "user/bob");
    let mut rig = Rig::start(&sim, hasty()).await;
    rig.watch.follow(vec![(bob.clone(), GROUP.into())]);
    let failure = rig
        .until("the missing stream", |observation| match observation {
            Observation::TranscriptFailed { session, failure, retry_at, at } if *session == bob => {
                Some((failure.clone(), retry_at.duration_since(*at).as_millis()))
            }
            _ => None,
        })
        .await;
    assert_eq!(failure.0.class, FailureClass::Gone, "{failure:?}");
    assert!((1900..=2100).contains(&failure.1), "{failure:?}");
    // The end brings the bare prompt; it is still read, although the session is over.
    fleet(&sim).await.scope(&home()).unwrap().terminate_session(&bob.id).await.unwrap();
    let mut events = Vec::new();
    collect(&mut rig, &bob, &mut events, |events| !events.is_empty()).await;
    assert!(events[0].message.contains(bob.id.as_str()), "{events:?}");
}

#[tokio::test]
async fn a_throttled_transcript_says_so_and_loses_nothing() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let mut rig = Rig::start(&sim, hasty()).await;
    rig.watch.follow(vec![(alice.clone(), GROUP.into())]);
    let mut events = Vec::new();
    collect(&mut rig, &alice, &mut events, |events| !events.is_empty()).await;
    break_it(&sim, Fault::new("logs", "GetLogEvents", Effect::Throttle));
    rig.until("the throttle", |observation| match observation {
        Observation::TranscriptFailed { failure, .. } => {
            assert_eq!(failure.class, FailureClass::Throttled);
            Some(())
        }
        Observation::Transcript { events: more, .. } => {
            events.extend(more.iter().cloned());
            None
        }
        _ => None,
    })
    .await;
    repair(&sim);
    let length = events.len() + 3;
    collect(&mut rig, &alice, &mut events, |events| events.len() >= length).await;
    assert_eq!(told(&events), stored(&sim, &alice)[..events.len()]);
}

// --- The archive ------------------------------------------------------------------------------------------------------

fn object_of<'a>(
    observation: &'a Observation,
    of: &SessionKey,
) -> Option<&'a Fact<Option<ssmwatch::domain::ArchiveObject>>> {
    match observation {
        Observation::Archive { session, object } if session == of => Some(object),
        _ => None,
    }
}

#[tokio::test]
async fn the_object_of_an_ended_session_is_found() {
    let sim = quiet().await;
    let dave = session_of(&sim, "/dave");
    let mut rig = Rig::start(&sim, hasty()).await;
    let fact = rig.until("the object", |observation| object_of(observation, &dave).cloned()).await;
    let Fact::Known { value: Some(object), source: "s3:HeadObject", .. } = fact else { panic!("{fact:?}") };
    assert_eq!(&*object.key, format!("{}/{}/{}.log", dave.scope.account, dave.scope.region, dave.id));
    assert!(object.size > 0 && object.modified_at.is_some(), "{object:?}");
}

#[tokio::test]
async fn an_object_that_is_late_is_first_missing_then_found() {
    let mut scenario = Scenario::load("quiet").unwrap();
    for member in &mut scenario.cast {
        member.archive = Archive::Late(590.0);
    }
    let sim = sim(&scenario).await;
    let dave = session_of(&sim, "/dave");
    let mut rig = Rig::start(&sim, hasty()).await;
    let fact = rig.until("the first look", |observation| object_of(observation, &dave).cloned()).await;
    assert!(matches!(fact, Fact::Known { value: None, .. }), "{fact:?}");
    sim.advance(Duration::from_secs(120));
    rig.until("the late object", |observation| {
        matches!(object_of(observation, &dave)?, Fact::Known { value: Some(_), .. }).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_denied_bucket_is_a_missing_fact_with_its_permission() {
    let sim = quiet().await;
    let dave = session_of(&sim, "/dave");
    break_it(&sim, Fault::new("s3", "HeadObject", Effect::Deny));
    let mut rig = Rig::start(&sim, hasty()).await;
    let fact = rig.until("the refusal", |observation| object_of(observation, &dave).cloned()).await;
    assert_eq!(failing(&fact), Some(FailureClass::Denied), "{fact:?}");
    repair(&sim);
    rig.until("the object", |observation| {
        matches!(object_of(observation, &dave)?, Fact::Known { value: Some(_), .. }).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_session_that_ends_has_its_object_looked_for() {
    let sim = quiet().await;
    let alice = session_of(&sim, "/alice@example.com");
    let mut rig = Rig::start(&sim, hasty()).await;
    rig.until("the listing", |observation| active_of(observation, &home())).await;
    fleet(&sim).await.scope(&home()).unwrap().terminate_session(&alice.id).await.unwrap();
    let looked = rig.until("the object", |observation| object_of(observation, &alice).cloned()).await;
    // The first look comes ten seconds after the end; the object was there after eight at the most.
    assert!(matches!(looked, Fact::Known { value: Some(_), .. }), "{looked:?}");
}

#[tokio::test]
async fn one_pass_brings_streams_and_objects() {
    let sim = quiet().await;
    let (alice, dave) = (session_of(&sim, "/alice@example.com"), session_of(&sim, "/dave"));
    let seen = one_pass(&fleet(&sim).await, hasty()).await;
    let stream = seen.iter().find_map(|observation| stream_of(observation, &alice.id)).expect("no stream");
    assert!(matches!(stream, Fact::Known { value: Some(_), .. }), "{stream:?}");
    let object = seen.iter().find_map(|observation| object_of(observation, &dave)).expect("no object");
    assert!(matches!(object, Fact::Known { value: Some(_), .. }), "{object:?}");
}

// --- Alerts out -------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn alerts_go_to_topics_of_other_regions_and_to_metrics() {
    let sim = quiet().await;
    let fleet = fleet(&sim).await;
    let from = scope(PAYMENTS, "us-east-1");
    let topic = sim.with_world(|world| world.summary().central_topic);
    let attributes = BTreeMap::from([("severity".to_owned(), "HIGH".to_owned())]);
    let id = fleet.publish(&from, &topic, "subject", "{\"a\": 1}", &attributes).await.unwrap();
    sim.with_world(|world| {
        let published: Vec<_> = world.sns.published().collect();
        assert_eq!(published.len(), 1);
        assert_eq!((published[0].topic.as_str(), published[0].message_id.as_str()), (topic.as_str(), id.as_str()));
        assert_eq!((published[0].message.as_str(), published[0].attributes.len()), ("{\"a\": 1}", 1));
    });
    let client = fleet.scope(&from).unwrap();
    let metric = Metric {
        name: "NonCompliantSSMSessions".into(),
        dimensions: vec![("Rule".into(), "DOC-01".into())],
        count: 1.0,
    };
    client.put_metrics("SSMMonitoringLoggingGuardrails", &[metric]).await.unwrap();
    assert_eq!(calls(&sim, "cloudwatch", "PutMetricData"), 1);
    let missing = topic.replace("CentralAlarm", "Nowhere");
    let failure = fleet.publish(&from, &missing, "s", "b", &attributes).await.unwrap_err();
    assert_eq!((failure.class, failure.action), (FailureClass::Gone, "sns:Publish"), "{failure:?}");
    sim.with_world(|world| world.gate.deny("*", "sns:Publish"));
    let failure = fleet.publish(&from, &topic, "s", "b", &attributes).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Denied, "{failure:?}");
    assert_eq!(client.counts()["sns:Publish"].failed, 2);
    assert_eq!(topic.split(':').nth(4), Some(ARCHIVE));
}
