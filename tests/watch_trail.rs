//! CloudTrail over the wire: records come late and are told once, within two lookups a second of an account and region.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;

use std::{collections::HashMap, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_iam::types::Tag;
use jiff::{SignedDuration, Timestamp};
use rig::{
    ARCHIVE, PAYMENTS, Rig, active_of, break_it, calls_in, failing, fleet, hasty, home, in_scope, quiet, repair, scope,
    sim,
};
use ssmwatch::{
    domain::{Fact, FailureClass, Mfa, Missing, Observation, ScopeId, Session, TagChange, TrailCall, TrailEvent, Why},
    sim::{
        Sim,
        gate::{Effect, Fault},
        scenario::Scenario,
    },
    watch::{WatchConfig, one_pass},
};
use tokio::time::Instant;

const LOOKUP: &str = "LookupEvents";
const ACTION: &str = "cloudtrail:LookupEvents";

/// The quiet scenario, its records late by so many seconds.
fn late(least: f64, most: f64) -> Scenario {
    let mut scenario = Scenario::load("quiet").unwrap();
    scenario.delays.trail = [least, most];
    scenario
}

fn add_cast(scenario: &mut Scenario, text: &str) {
    scenario.cast.push(toml::from_str(text).unwrap());
}

fn config_in(sim: &Sim, account: &str, region: &str) -> SdkConfig {
    let credentials = Credentials::new(account, "any secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(sim.endpoint())
        .retry_config(RetryConfig::disabled())
        .build()
}

/// A lookup that was told: begin of the time, records, whether it was complete.
fn told(observation: &Observation, of: &ScopeId, wanted: TrailCall) -> Option<(Timestamp, Vec<TrailEvent>, Fact<()>)> {
    match observation {
        Observation::Trail { scope, call, from, events, read } if scope == of && *call == wanted => {
            Some((*from, events.clone(), read.clone()))
        }
        _ => None,
    }
}

fn record_of(observation: &Observation, of: &ScopeId, call: TrailCall, session: &str) -> Option<TrailEvent> {
    let (_, events, _) = told(observation, of, call)?;
    events.into_iter().find(|event| event.session.as_str().starts_with(session))
}

fn assert_each_once(seen: &[Observation]) {
    let mut times: HashMap<_, u32> = HashMap::new();
    for observation in seen {
        if let Observation::Trail { events, .. } = observation {
            for event in events {
                *times.entry(event.event_id.clone()).or_default() += 1;
            }
        }
    }
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}

fn throttled_in(sim: &Sim, of: &ScopeId) -> u64 {
    sim.with_world(|world| {
        let mine = world.gate.tallies().filter(|((account, region, _, name), _)| {
            *account == of.account.as_str() && *region == of.region.as_str() && *name == LOOKUP
        });
        mine.map(|(_, tally)| tally.throttled).sum()
    })
}

async fn start_session(sim: &Sim, node: &str) -> String {
    let target = sim.with_world(|world| {
        let region = world.region(PAYMENTS, "eu-central-1").unwrap();
        region.nodes.values().find(|one| one.name == node).unwrap().id.clone()
    });
    let ssm = aws_sdk_ssm::Client::new(&config_in(sim, PAYMENTS, "eu-central-1"));
    ssm.start_session().target(target).send().await.unwrap().session_id.unwrap()
}

#[tokio::test]
async fn a_record_that_comes_late_is_told_then_and_only_once() {
    let sim = sim(&late(3.0, 3.0)).await;
    let mut rig = Rig::start(&sim, hasty()).await;
    let alice = rig
        .until("alice's record", |observation| record_of(observation, &home(), TrailCall::StartSession, "alice"))
        .await;
    assert_eq!((alice.mfa, &*alice.identity_type), (Mfa::No, "AssumedRole"));
    assert!(alice.issuer_arn.as_deref().unwrap().contains("AWSReservedSSO_OpsAdmin"), "{alice:?}");
    assert!(alice.source_ip.as_deref().unwrap().starts_with("198.51.100."), "{alice:?}");
    assert!(alice.user_agent.is_some() && alice.access_key_id.as_deref().unwrap().starts_with("ASIA"));
    let began = Instant::now();
    let id = start_session(&sim, "payments-web-3").await;
    let listed = rig
        .until("the session", |observation| {
            active_of(observation, &home())?.into_iter().find(|session: &Session| session.key.id.as_str() == id)
        })
        .await;
    assert!(began.elapsed() < Duration::from_secs(3), "it is listed before it is recorded");
    let record =
        rig.until("its record", |observation| record_of(observation, &home(), TrailCall::StartSession, &id)).await;
    assert!(began.elapsed() >= Duration::from_secs(3));
    assert_eq!(record.session, listed.key.id);
    assert!(record.at.duration_since(listed.started_at.unwrap()).abs() <= SignedDuration::from_secs(2));
    let seen = rig.hear(Duration::from_secs(5)).await;
    let looks = seen.iter().filter_map(|observation| told(observation, &home(), TrailCall::StartSession));
    let looks: Vec<_> = looks.collect();
    assert!(looks.len() >= 2, "it goes on looking");
    assert!(looks.iter().all(|(_, events, read)| events.is_empty() && read.value().is_some()), "{looks:?}");
}

#[tokio::test]
async fn what_resumes_and_ends_a_session_is_told() {
    let sim = sim(&late(0.1, 0.2)).await;
    let mut rig = Rig::start(&sim, hasty()).await;
    let id = start_session(&sim, "payments-web-3").await;
    let ssm = aws_sdk_ssm::Client::new(&config_in(&sim, PAYMENTS, "eu-central-1"));
    ssm.resume_session().session_id(&id).send().await.unwrap();
    ssm.terminate_session().session_id(&id).send().await.unwrap();
    let (mut resumed, mut ended) = (None, None);
    rig.until("both records", |observation| {
        resumed = resumed.take().or(record_of(observation, &home(), TrailCall::ResumeSession, &id));
        ended = ended.take().or(record_of(observation, &home(), TrailCall::TerminateSession, &id));
        (resumed.is_some() && ended.is_some()).then_some(())
    })
    .await;
    assert_eq!(ended.unwrap().identity_arn.as_deref(), Some("arn:aws:iam::111122223333:user/analyst"));
}

#[tokio::test]
async fn a_window_reaches_back_for_what_was_recorded_out_of_order() {
    // Dave's session began ten minutes ago; its record comes seconds after the first look.
    let sim = sim(&late(604.0, 604.0)).await;
    let mut rig = Rig::start(&sim, hasty()).await;
    let archive = scope(ARCHIVE, "eu-central-1");
    let (_, events, _) =
        rig.until("the first look", |observation| told(observation, &archive, TrailCall::StartSession)).await;
    assert_eq!(events.len(), 0);
    let dave = rig
        .until("dave's record", |observation| record_of(observation, &archive, TrailCall::StartSession, "dave"))
        .await;
    assert!(Timestamp::now().duration_since(dave.at) > SignedDuration::from_secs(600));
}

#[tokio::test]
async fn sessions_that_had_ended_before_do_not_wait_for_the_next_look() {
    let sim = sim(&late(0.0, 0.1)).await;
    let mut rig = Rig::start(&sim, WatchConfig { evidence_every: Duration::from_secs(3600), ..hasty() }).await;
    let archive = scope(ARCHIVE, "eu-central-1");
    let mut begin = Timestamp::MAX;
    let dave = rig
        .until("dave's record", |observation| {
            let (from, events, _) = told(observation, &archive, TrailCall::StartSession)?;
            begin = from;
            events.into_iter().find(|event| event.session.as_str().starts_with("dave"))
        })
        .await;
    assert!(begin <= dave.at, "{begin} {dave:?}");
    rig.hear(Duration::from_secs(4)).await;
    let calls = calls_in(&sim, &archive, LOOKUP);
    assert!(calls <= 9, "{calls}: three calls, each looked at twice at the most, and further back");
}

#[tokio::test]
async fn factors_addresses_and_parameters_are_what_the_cast_has() {
    let mut scenario = late(0.0, 0.1);
    add_cast(
        &mut scenario,
        r#"owner = "arn:aws:sts::{account}:assumed-role/Dba/erin"
           node = "payments-web-1"
           document = "AWS-StartPortForwardingSessionToRemoteHost"
           parameters = { host = ["db.internal"], portNumber = ["5432"], localPortNumber = ["15432"] }
           source_ip = "203.0.113.5"
           mfa = true
           at = -30.0"#,
    );
    let sim = sim(&scenario).await;
    let seen = one_pass(&fleet(&sim).await, hasty()).await;
    let record = |name: &str| {
        seen.iter().find_map(|observation| record_of(observation, &home(), TrailCall::StartSession, name)).unwrap()
    };
    let erin = record("erin");
    assert_eq!((erin.mfa, erin.source_ip.as_deref()), (Mfa::Yes, Some("203.0.113.5")));
    assert_eq!(erin.document.as_deref(), Some("AWS-StartPortForwardingSessionToRemoteHost"));
    assert_eq!(erin.parameters["host"], ["db.internal"]);
    assert_eq!(erin.parameters["portNumber"], ["5432"]);
    let bob = record("bob");
    assert_eq!((bob.mfa, &*bob.identity_type, bob.issuer_arn), (Mfa::Unknown, "IAMUser", None));
    assert!(bob.access_key_id.unwrap().starts_with("AKIA"));
    assert_each_once(&seen);
}

#[tokio::test]
async fn a_denied_lookup_names_its_permission_and_heals() {
    let sim = quiet().await;
    break_it(&sim, in_scope(&home(), Fault::new("cloudtrail", LOOKUP, Effect::Deny)));
    let mut rig = Rig::start(&sim, hasty()).await;
    let failure = rig
        .until("the refusal", |observation| match told(observation, &home(), TrailCall::StartSession)?.2 {
            Fact::Missing(Missing { why: Why::Failed(failure), retry_at: Some(_) }) => Some(failure),
            _ => None,
        })
        .await;
    assert_eq!((failure.class, failure.action), (FailureClass::Denied, ACTION), "{failure:?}");
    rig.until("another scope's lookup", |observation| {
        told(observation, &scope(PAYMENTS, "us-east-1"), TrailCall::StartSession)?.2.value().copied()
    })
    .await;
    repair(&sim);
    rig.until("alice's record", |observation| record_of(observation, &home(), TrailCall::StartSession, "alice")).await;
}

#[tokio::test]
async fn throttles_are_counted_and_waited_out() {
    let sim = quiet().await;
    break_it(&sim, in_scope(&home(), Fault { count: Some(6), ..Fault::new("cloudtrail", LOOKUP, Effect::Throttle) }));
    let mut rig = Rig::start(&sim, hasty()).await;
    let class =
        rig.until("the throttle", |observation| failing(&told(observation, &home(), TrailCall::StartSession)?.2)).await;
    assert_eq!(class, FailureClass::Throttled);
    rig.until("alice's record", |observation| record_of(observation, &home(), TrailCall::StartSession, "alice")).await;
    let count = rig
        .until("the count", |observation| match observation {
            Observation::ApiUse { scope, calls } if *scope == home() => {
                calls.get(ACTION).copied().filter(|count| count.throttled > 5)
            }
            _ => None,
        })
        .await;
    // A page is asked for four times before the look fails, and then the look is tried again.
    assert_eq!(count.throttled, 6, "each attempt is one request: {count:?}");
}

#[tokio::test]
async fn however_much_is_due_no_more_than_two_a_second_go_out() {
    let sim = quiet().await;
    let config = WatchConfig { evidence_every: Duration::from_millis(50), tag_changes: true, ..hasty() };
    let mut rig = Rig::start(&sim, config).await;
    let began = Instant::now();
    rig.hear(Duration::from_secs(6)).await;
    let most = 2 + 2 * (began.elapsed().as_secs() + 1);
    for region in ["eu-central-1", "us-east-1"] {
        let scope = scope(PAYMENTS, region);
        let calls = calls_in(&sim, &scope, LOOKUP);
        // In us-east-1 the account's tags are looked up too, in the same budget.
        assert!((8..=most).contains(&calls), "{calls} in {region}");
        assert_eq!(throttled_in(&sim, &scope), 0);
    }
}

#[tokio::test]
async fn lookups_grow_with_scopes_and_not_with_sessions() {
    let mut scenario = late(0.0, 0.1);
    for number in 0..120 {
        let at = -100.0 - f64::from(number);
        add_cast(
            &mut scenario,
            &format!(
                "owner = \"arn:aws:sts::{{account}}:assumed-role/Ops/o{number}\"\nnode = \"payments-web-{}\"\nat = {at:.1}",
                number % 3 + 1
            ),
        );
    }
    let sim = sim(&scenario).await;
    sim.with_world(|world| world.gate.set_latency(Duration::from_millis(20)));
    let began = Instant::now();
    let seen = one_pass(&fleet(&sim).await, hasty()).await;
    // Four lookups at two a second, beside everything else; measured 1.2 s, and a busy machine is given time.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_each_once(&seen);
    let started = seen.iter().filter_map(|observation| told(observation, &home(), TrailCall::StartSession));
    let started: Vec<_> = started.collect();
    assert_eq!(started.iter().map(|(_, events, _)| events.len()).sum::<usize>(), 122);
    assert!(started.iter().all(|(.., read)| read.value().is_some()));
    let begins: Vec<_> = started.iter().map(|(from, ..)| *from).collect();
    assert!(begins.is_sorted_by(|one, next| one > next), "page by page further back: {begins:?}");
    // Three pages of starts, one of resumptions; nobody has ended. One more where what ended is listed after the first look.
    // On a busy machine a request may be late and the next one on time, so that the two come too close: that one is repeated.
    let throttled = throttled_in(&sim, &home());
    assert!(throttled <= 1, "{throttled}");
    let lookups = calls_in(&sim, &home(), LOOKUP) - throttled;
    assert!((4..=5).contains(&lookups), "{lookups}");
    assert!(!seen.iter().any(|observation| matches!(observation, Observation::TagChanges { .. })), "nobody asked");
}

#[tokio::test]
async fn one_pass_asks_for_ends_where_sessions_ended() {
    let sim = sim(&late(0.0, 0.1)).await;
    let seen = one_pass(&fleet(&sim).await, hasty()).await;
    let archive = scope(ARCHIVE, "eu-central-1");
    let ends =
        |of: &ScopeId| seen.iter().filter_map(|observation| told(observation, of, TrailCall::TerminateSession)).count();
    assert_eq!((ends(&archive), ends(&home())), (1, 0));
    assert!(seen.iter().any(|seen| record_of(seen, &archive, TrailCall::StartSession, "dave").is_some()));
}

#[tokio::test]
async fn one_pass_says_what_it_may_not_look_up() {
    let sim = quiet().await;
    break_it(&sim, in_scope(&home(), Fault::new("cloudtrail", LOOKUP, Effect::Deny)));
    let seen = one_pass(&fleet(&sim).await, hasty()).await;
    let looks = seen.iter().filter_map(|observation| told(observation, &home(), TrailCall::StartSession));
    let looks: Vec<_> = looks.map(|(.., read)| failing(&read)).collect();
    assert_eq!(looks, [Some(FailureClass::Denied)], "what needs people is not tried again");
}

fn changes_of(observation: &Observation) -> Option<Vec<TagChange>> {
    match observation {
        Observation::TagChanges { account, changes, .. } if account.as_str() == PAYMENTS => Some(changes.clone()),
        _ => None,
    }
}

#[tokio::test]
async fn tags_of_roles_are_followed_in_the_region_that_records_iam() {
    let sim = sim(&late(0.0, 0.1)).await;
    let iam = aws_sdk_iam::Client::new(&config_in(&sim, PAYMENTS, "us-east-1"));
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
    let role = "ssm-managed-node";
    iam.tag_role().role_name(role).tags(tag("SecurityAllowSessionInstance", "i-0abc")).send().await.unwrap();
    let config = WatchConfig { tag_changes: true, ..hasty() };
    let mut rig = Rig::start(&sim, config.clone()).await;
    let set = rig.until("the tag", |observation| changes_of(observation)?.into_iter().next()).await;
    assert_eq!((&*set.principal, set.user), (role, false));
    assert_eq!(set.set["SecurityAllowSessionInstance"], "i-0abc");
    let tags = iam.list_role_tags().role_name(role).send().await.unwrap().tags;
    assert!(tags.iter().any(|tag| tag.value() == "i-0abc"), "{tags:?}");
    iam.untag_role().role_name(role).tag_keys("SecurityAllowSessionInstance").send().await.unwrap();
    let removed = rig.until("its end", |observation| changes_of(observation)?.into_iter().next()).await;
    assert_eq!(removed.removed, ["SecurityAllowSessionInstance"]);
    assert!(removed.at >= set.at);
    let tags = iam.list_role_tags().role_name(role).send().await.unwrap().tags;
    assert!(!tags.iter().any(|tag| tag.value() == "i-0abc"), "{tags:?}");
    let error = iam.tag_role().role_name("nobody").tags(tag("A", "b")).send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_no_such_entity_exception());

    // Two watches would share the account's two lookups a second.
    rig.stop.cancel();
    rig.watch.join().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let seen = one_pass(&fleet(&sim).await, config).await;
    let changes: Vec<_> = seen.iter().filter_map(changes_of).collect();
    assert_eq!(changes.iter().map(Vec::len).collect::<Vec<_>>(), [2], "once an account, not once a scope");
}

#[tokio::test]
async fn a_denied_look_at_tags_is_the_accounts_failure() {
    let sim = quiet().await;
    break_it(&sim, in_scope(&scope(PAYMENTS, "us-east-1"), Fault::new("cloudtrail", LOOKUP, Effect::Deny)));
    let seen = one_pass(&fleet(&sim).await, WatchConfig { tag_changes: true, ..hasty() }).await;
    let read = |of: &str| {
        seen.iter().find_map(|observation| match observation {
            Observation::TagChanges { account, read, .. } if account.as_str() == of => Some(read.clone()),
            _ => None,
        })
    };
    assert_eq!(failing(&read(PAYMENTS).unwrap()), Some(FailureClass::Denied));
    assert!(read(ARCHIVE).unwrap().value().is_some());
}

fn principals(observation: &Observation, of: &ScopeId) -> Option<(Timestamp, Vec<String>, Fact<()>)> {
    match observation {
        Observation::Principals { scope, since, starts, read } if scope == of => {
            let owners = starts.iter().filter(|(_, starts)| !starts.is_empty()).map(|(owner, _)| owner.to_string());
            Some((*since, owners.collect(), read.clone()))
        }
        _ => None,
    }
}

#[tokio::test]
async fn who_was_here_before_is_read_once() {
    let sim = quiet().await;
    let archive = scope(ARCHIVE, "eu-central-1");
    let mut rig = Rig::start(&sim, hasty()).await;
    let (since, owners, read) = rig.until("the principals", |observation| principals(observation, &archive)).await;
    let days = Timestamp::now().duration_since(since).as_hours() / 24;
    assert!(days == 10 && read.value().is_some(), "{since} {read:?}");
    assert_eq!(owners, ["arn:aws:sts::444455556666:assumed-role/ArchiveOps/dave"]);
    let seen = rig.hear(Duration::from_secs(3)).await;
    assert!(!seen.iter().any(|observation| principals(observation, &archive).is_some()));

    let seen = one_pass(&fleet(&sim).await, hasty()).await;
    let told: Vec<_> = seen.iter().filter_map(|observation| principals(observation, &archive)).collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1, owners);
}
