//! The tails of log groups over the wire: the recorder's health of each session.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;

use rig::{Rig, break_it, calls_in, hasty, home, quiet, repair};
use ssmwatch::{
    domain::{Fact, Missing, Observation, SessionId, StreamHealth, Why},
    sim::{
        Sim,
        gate::{Effect, Fault},
    },
    watch::WatchConfig,
};

const GROUP: &str = "/ssm-session-logs";

/// Id, node and owner of alice's session.
fn alice(sim: &Sim) -> (SessionId, String, String) {
    sim.with_world(|world| {
        let session = world.sessions.iter().find(|session| session.owner.ends_with("/alice@example.com")).unwrap();
        (session.id.as_str().into(), session.target.clone(), session.owner.clone())
    })
}

fn health_of(observation: &Observation, id: &SessionId) -> Option<StreamHealth> {
    match observation {
        Observation::StreamHealth { scope, streams, .. } if *scope == home() => {
            streams.iter().find(|(session, _)| session == id).map(|(_, health)| health.clone())
        }
        _ => None,
    }
}

fn put(sim: &Sim, id: &SessionId, events: Vec<(i64, String)>) {
    let scope = home();
    sim.with_world(|world| {
        assert!(world.put_log_events(scope.account.as_str(), scope.region.as_str(), GROUP, id.as_str(), events));
    });
}

#[tokio::test]
async fn a_session_as_it_should_be_names_itself_and_is_on_time() {
    let sim = quiet().await;
    let (id, node, owner) = alice(&sim);
    let mut rig = Rig::start(&sim, WatchConfig { live_tail: false, ..hasty() }).await;
    let first = rig.until("the first health", |observation| health_of(observation, &id)).await;
    let health = rig
        .until("news", |observation| health_of(observation, &id).filter(|health| health.events > first.events))
        .await;
    let named: Vec<_> = health.identities.iter().collect();
    assert_eq!(named.len(), 1);
    assert_eq!((&*named[0].session_id, &*named[0].target, &*named[0].owner), (id.as_str(), &*node, &*owner));
    assert_eq!((health.saturated_flushes, health.backwards_seconds, health.delayed_reads), (0, 0, 0));
    assert!(health.clock_gap_seconds <= 1, "{health:?}");
    let before = calls_in(&sim, &home(), "FilterLogEvents");
    rig.hear(std::time::Duration::from_secs(3)).await;
    let asked = calls_in(&sim, &home(), "FilterLogEvents") - before;
    assert!((2..=4).contains(&asked), "one a second at the most: {asked}");
}

#[tokio::test]
async fn forged_and_backdated_events_are_told() {
    for live_tail in [true, false] {
        forged_and_backdated(WatchConfig { live_tail, ..hasty() }).await;
    }
}

async fn forged_and_backdated(config: WatchConfig) {
    let sim = quiet().await;
    let (id, ..) = alice(&sim);
    let mut rig = Rig::start(&sim, config).await;
    rig.until("the first health", |observation| health_of(observation, &id)).await;
    let now = jiff::Timestamp::now().as_millisecond();
    let forged = r#"{"eventVersion":"1.0","sessionId":"mallory-0f","sessionData":["x"]}"#;
    put(&sim, &id, vec![(now - 20_000, forged.into())]);
    let health = rig
        .until("the forgery", |observation| {
            health_of(observation, &id)
                .filter(|health| health.identities.iter().any(|identity| &*identity.session_id == "mallory-0f"))
        })
        .await;
    assert!(health.backwards_seconds > 0, "{health:?}");
}

#[tokio::test]
async fn a_refused_tail_says_which_permission_and_when_it_tries_again_and_loses_nothing() {
    for live_tail in [true, false] {
        refused(WatchConfig { live_tail, ..hasty() }).await;
    }
}

async fn refused(config: WatchConfig) {
    let sim = quiet().await;
    let (id, ..) = alice(&sim);
    break_it(&sim, Fault::new("logs", "FilterLogEvents", Effect::Deny));
    let mut rig = Rig::start(&sim, config).await;
    let action = rig
        .until("the refusal", |observation| match observation {
            Observation::StreamHealth {
                read: Fact::Missing(Missing { why: Why::Failed(failure), retry_at: Some(_) }),
                ..
            } => Some(failure.action),
            _ => None,
        })
        .await;
    assert_eq!(action, "logs:FilterLogEvents");
    repair(&sim);
    let health = rig.until("the health", |observation| health_of(observation, &id)).await;
    assert!(health.events > 1, "what was written meanwhile is read: {health:?}");
}
