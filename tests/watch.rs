//! The watch over the wire: the real SDK against the simulated AWS, which misbehaves where a test says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

#[path = "common/rig.rs"]
mod rig;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rig::{
    ARCHIVE, EXTERNAL_ID, PAYMENTS, Rig, active_of, break_it, calls, calls_in, failing, fleet, fleet_config, hasty,
    home, in_scope, quiet, repair, scope, sim,
};
use ssmwatch::{
    aws::{Access, AccountConfig, Fleet, FleetConfig, StaticCredentials},
    domain::{Fact, FailureClass, Node, NodeId, NodeTags, Observation, ScopeId, SessionStatus, Why},
    sim::{
        Sim,
        gate::{Effect, Fault},
        scenario::Scenario,
        world::World,
    },
    watch::{Watch, WatchConfig, one_pass},
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

// --- Accounts and credentials -----------------------------------------------------------------------------------------

#[tokio::test]
async fn every_scope_is_listed_through_one_assumed_role_an_account() {
    let sim = quiet().await;
    let mut rig = Rig::start(&sim, hasty()).await;
    // Who asks is told once a scope, before or after others are listed.
    let (mut listed, mut caller) = (HashSet::new(), None);
    let arn = rig
        .until("a listing of every scope, and the caller", |observation| {
            match observation {
                Observation::Active { scope, .. } => drop(listed.insert(scope.clone())),
                Observation::Caller { arn, .. } => caller = Some(arn.clone()),
                _ => {}
            }
            caller.clone().filter(|_| listed.len() == 4)
        })
        .await;
    assert!(arn.contains(":assumed-role/ssmwatch/"), "{arn}");
    // The regions of an account share its credentials, and the log archive's are not needed yet: one AssumeRole an account.
    assert_eq!(calls(&sim, "sts", "AssumeRole"), 2);
}

#[tokio::test]
async fn a_wrong_external_id_is_a_denied_role_on_the_scope() {
    let sim = quiet().await;
    let mut config = fleet_config(&sim, EXTERNAL_ID);
    config.accounts[1].access.external_id = Some("wrong".into());
    let broken = config.accounts[1].id.clone().unwrap();
    let (sender, receiver) = mpsc::channel(1024);
    let stop = CancellationToken::new();
    let watch = Watch::start(&Fleet::connect(config).await.unwrap(), hasty(), sender, &stop);
    let mut rig = Rig { watch, receiver, stop };
    let failure = rig
        .until("the refusal", |observation| match observation {
            Observation::ListingFailed { scope, failure, .. } if scope.account == broken => Some(failure.clone()),
            _ => None,
        })
        .await;
    assert_eq!((failure.class, failure.action), (FailureClass::Denied, "sts:AssumeRole"), "{failure:?}");
    rig.until("the other account", |observation| active_of(observation, &home())).await;
}

#[tokio::test]
async fn without_accounts_the_credentials_say_which_account_it_is() {
    let sim = quiet().await;
    let config = FleetConfig {
        endpoint_url: Some(sim.endpoint()),
        regions: vec!["us-east-1".into()],
        credentials: Some(StaticCredentials { access_key_id: PAYMENTS.into(), secret_access_key: "any".into() }),
        ..FleetConfig::default()
    };
    let fleet = Fleet::connect(config).await.unwrap();
    let scopes: Vec<_> = fleet.scopes().map(|client| client.id().clone()).collect();
    assert_eq!(scopes, [scope(PAYMENTS, "us-east-1")]);
    let sessions = fleet.scope(&scopes[0]).unwrap().list_active().await.unwrap();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
}

#[tokio::test]
async fn an_unreachable_endpoint_is_a_clear_error() {
    let config = FleetConfig {
        endpoint_url: Some("http://127.0.0.1:9".into()),
        regions: vec!["us-east-1".into()],
        accounts: vec![AccountConfig::default()],
        credentials: Some(StaticCredentials { access_key_id: PAYMENTS.into(), secret_access_key: "any".into() }),
        ..FleetConfig::default()
    };
    let error = Fleet::connect(config).await.unwrap_err();
    let words = error.to_string();
    assert!(words.contains("unreachable") && words.contains("sts:GetCallerIdentity"), "{words}");
    assert!(error.to_do().contains("--endpoint-url"), "{}", error.to_do());
}

#[tokio::test]
async fn credentials_that_the_service_forgot_are_renewed_without_a_storm() {
    let sim = quiet().await;
    let mut rig = Rig::start(&sim, hasty()).await;
    let mut listed = HashSet::new();
    let all_listed = |listed: &mut HashSet<ScopeId>, observation: &Observation| {
        if let Observation::Active { scope, .. } = observation {
            listed.insert(scope.clone());
        }
        (listed.len() == 4).then_some(())
    };
    rig.until("a listing of every scope", |observation| all_listed(&mut listed, observation)).await;
    let assumed = calls(&sim, "sts", "AssumeRole");
    // As a simulated AWS does that is ended and started again.
    sim.with_world(|world| world.sts = Default::default());
    let failure = rig
        .until("the refusal", |observation| match observation {
            Observation::ListingFailed { failure, .. } => Some(failure.clone()),
            _ => None,
        })
        .await;
    assert_eq!((failure.class, failure.action), (FailureClass::Expired, "ssm:DescribeSessions"), "{failure:?}");
    assert!(failure.message.starts_with("credentials are no longer accepted"), "{failure:?}");
    let begun = Instant::now();
    listed.clear();
    rig.until("every scope to come back", |observation| all_listed(&mut listed, observation)).await;
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    // One an account; the log archive's are a third, if it is read by now.
    let again = calls(&sim, "sts", "AssumeRole") - assumed;
    assert!((2..=3).contains(&again), "{again}");
}

#[tokio::test]
async fn an_endpoint_that_starts_again_without_its_tokens_is_read_again() {
    let first = quiet().await;
    let config = WatchConfig { sessions_every: Duration::from_secs(1), ..hasty() };
    let mut rig = Rig::start(&first, config).await;
    rig.until("the listing", |observation| active_of(observation, &home())).await;
    let address = first.endpoint().trim_start_matches("http://").parse().unwrap();
    first.stop().await;
    let failure = rig
        .until("the failure", |observation| match observation {
            Observation::ListingFailed { scope, failure, .. } if *scope == home() => Some(failure.class),
            _ => None,
        })
        .await;
    assert_eq!(failure, FailureClass::Unreachable);
    let world = World::new(&Scenario::load("quiet").unwrap(), 7, 1.0, Timestamp::now());
    let _second = Sim::start(address, world).await.unwrap();
    let begun = Instant::now();
    rig.until("the listing of the second", |observation| active_of(observation, &home())).await;
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn credentials_that_are_refused_for_good_are_not_asked_for_in_a_storm() {
    let sim = quiet().await;
    break_it(&sim, Fault::new("ssm", "DescribeSessions", Effect::ExpiredCredentials));
    let mut rig = Rig::start(&sim, hasty()).await;
    let seen = rig.hear(Duration::from_secs(9)).await;
    let failures = seen.iter().filter(|observation| matches!(observation, Observation::ListingFailed { .. })).count();
    assert!(failures >= 12, "{failures}");
    // Two accounts, at most once in four seconds each.
    let assumed = calls(&sim, "sts", "AssumeRole");
    assert!((4..=8).contains(&assumed), "{assumed}");
}

#[tokio::test]
async fn unknown_keys_that_cannot_be_renewed_are_no_credentials() {
    let sim = quiet().await;
    let config = FleetConfig {
        endpoint_url: Some(sim.endpoint()),
        regions: vec!["us-east-1".into()],
        accounts: vec![AccountConfig { id: Some(PAYMENTS.into()), ..AccountConfig::default() }],
        credentials: Some(StaticCredentials { access_key_id: "AKIAUNKNOWN".into(), secret_access_key: "any".into() }),
        ..FleetConfig::default()
    };
    let fleet = Fleet::connect(config).await.unwrap();
    let failure = fleet.scopes().next().unwrap().list_active().await.unwrap_err();
    assert_eq!(failure.class, FailureClass::NoCredentials, "{failure:?}");
}

// --- Listings ---------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn all_pages_make_one_listing() {
    let sim = sim(&Scenario::load("generated:1500").unwrap()).await;
    let expected = sim.with_world(|world| world.sessions.iter().filter(|session| session.is_active()).count());
    assert!(expected > 1000, "{expected}");
    let seen = one_pass(&fleet(&sim).await, hasty()).await;
    let mut ids = HashSet::new();
    let mut biggest = 0;
    for observation in &seen {
        match observation {
            Observation::Active { sessions, .. } => {
                biggest = biggest.max(sessions.len());
                ids.extend(sessions.iter().map(|session| session.key.clone()));
            }
            Observation::ListingFailed { failure, .. } => panic!("{failure:?}"),
            _ => {}
        }
    }
    assert!(biggest > 200, "no scope needs a second page: {biggest}");
    let now = sim.with_world(|world| world.sessions.iter().filter(|session| session.is_active()).count());
    assert!(ids.len() <= expected.max(now) && ids.len() >= expected.min(now), "{} of {expected}..{now}", ids.len());
}

#[tokio::test]
async fn an_empty_page_in_between_is_not_the_end() {
    let sim = quiet().await;
    break_it(
        &sim,
        in_scope(&home(), Fault { count: Some(1), ..Fault::new("ssm", "DescribeSessions", Effect::EmptyPage) }),
    );
    let mut rig = Rig::start(&sim, hasty()).await;
    let sessions = rig.until("the listing", |observation| active_of(observation, &home())).await;
    assert_eq!(sessions.len(), 2, "{sessions:?}");
}

#[tokio::test]
async fn endless_pages_are_a_failure_and_no_listing() {
    let sim = quiet().await;
    break_it(&sim, in_scope(&home(), Fault::new("ssm", "DescribeSessions", Effect::EmptyPage)));
    let mut rig = Rig::start(&sim, hasty()).await;
    let failure = rig
        .until("the failure", |observation| match observation {
            Observation::ListingFailed { scope, failure, .. } if *scope == home() => Some(failure.clone()),
            Observation::Active { scope, .. } if *scope == home() => panic!("an endless listing was told as complete"),
            _ => None,
        })
        .await;
    assert_eq!(failure.class, FailureClass::Other, "{failure:?}");
}

#[tokio::test]
async fn a_slow_scope_is_never_asked_twice_at_once_and_delays_nobody() {
    let sim = quiet().await;
    break_it(&sim, in_scope(&home(), Fault::new("ssm", "DescribeSessions", Effect::Latency { milliseconds: 700 })));
    let mut rig = Rig::start(&sim, WatchConfig { sessions_every: Duration::from_millis(100), ..hasty() }).await;
    let seen = rig.hear(Duration::from_secs(4)).await;
    let listings = |of: &ScopeId| seen.iter().filter(|observation| active_of(observation, of).is_some()).count();
    let slow = calls_in(&sim, &home(), "DescribeSessions");
    assert!((2..=7).contains(&slow), "{slow} calls of 700 ms in 4 s: more than one at once, or none");
    assert!(listings(&scope(PAYMENTS, "us-east-1")) >= 15, "{}", listings(&scope(PAYMENTS, "us-east-1")));
}

#[tokio::test]
async fn a_scope_that_never_answers_delays_nobody() {
    let sim = quiet().await;
    break_it(&sim, in_scope(&home(), Fault::new("*", "*", Effect::Hang)));
    let mut rig = Rig::start(&sim, hasty()).await;
    let seen = rig.hear(Duration::from_secs(3)).await;
    for other in [scope(PAYMENTS, "us-east-1"), scope(ARCHIVE, "eu-central-1"), scope(ARCHIVE, "us-east-1")] {
        let listings = seen.iter().filter(|observation| active_of(observation, &other).is_some()).count();
        assert!(listings >= 7, "{other}: {listings}");
    }
    assert!(!seen.iter().any(|observation| active_of(observation, &home()).is_some()));
}

#[tokio::test]
async fn polls_are_staggered_over_the_interval() {
    let sim = quiet().await;
    let mut rig = Rig::start(&sim, WatchConfig { sessions_every: Duration::from_secs(2), ..hasty() }).await;
    let mut polls: HashMap<ScopeId, Vec<Instant>> = HashMap::new();
    rig.until("three polls of every scope", |observation| {
        if let Observation::Active { scope, .. } = observation {
            polls.entry(scope.clone()).or_default().push(Instant::now());
        }
        (polls.len() == 4 && polls.values().all(|times| times.len() >= 3)).then_some(())
    })
    .await;
    let mut third: Vec<Instant> = polls.values().map(|times| times[2]).collect();
    third.sort();
    let gaps: Vec<Duration> = third.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap > Duration::from_millis(200)), "{gaps:?}");
}

#[tokio::test]
async fn the_last_hour_is_told_at_the_start() {
    let sim = quiet().await;
    let mut rig = Rig::start(&sim, hasty()).await;
    let (sessions, since) = rig
        .until("the history", |observation| match observation {
            Observation::History { scope, sessions, since, .. } if *scope == self::scope(ARCHIVE, "eu-central-1") => {
                Some((sessions.clone(), *since))
            }
            _ => None,
        })
        .await;
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert_eq!(sessions[0].status, SessionStatus::Terminated);
    assert!(sessions[0].ended_at.unwrap() > since);
    let span = Timestamp::now().duration_since(since).as_secs();
    assert!((3590..=3660).contains(&span), "{span}");
}

#[tokio::test]
async fn how_a_session_ended_is_learned_from_history() {
    let sim = quiet().await;
    let mut rig = Rig::start(&sim, hasty()).await;
    let sessions = rig.until("the listing", |observation| active_of(observation, &home())).await;
    let victim = sessions[0].key.clone();
    let client = fleet(&sim).await.scope(&home()).unwrap();
    client.terminate_session(&victim.id).await.unwrap();
    let ended = rig
        .until("its end in History", |observation| match observation {
            Observation::History { sessions, .. } => sessions.iter().find(|session| session.key == victim).cloned(),
            _ => None,
        })
        .await;
    assert_eq!(ended.status, SessionStatus::Terminated);
    let found = client.find_session(&victim.id).await.unwrap();
    assert!(found.active.is_none() && found.history.is_some(), "{found:?}");
}

#[tokio::test]
async fn acts_do_not_wait_for_an_endpoint_that_hangs() {
    let sim = quiet().await;
    let client = fleet(&sim).await.scope(&home()).unwrap();
    let victim = client.list_active().await.unwrap().remove(0).key.id;
    break_it(&sim, Fault::new("ssm", "*", Effect::Hang));
    let begun = Instant::now();
    let (found, ended) = tokio::join!(client.find_session(&victim), client.terminate_session(&victim));
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    let (found, ended) = (found.unwrap_err(), ended.unwrap_err());
    assert_eq!((found.class, found.action), (FailureClass::Unreachable, "ssm:DescribeSessions"), "{found:?}");
    assert_eq!((ended.class, ended.action), (FailureClass::Unreachable, "ssm:TerminateSession"), "{ended:?}");
    assert_eq!(client.counts()["ssm:TerminateSession"].failed, 1);
}

// --- Failures of a scope ----------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_throttled_scope_backs_off_and_comes_back() {
    let sim = quiet().await;
    break_it(&sim, in_scope(&home(), Fault::new("ssm", "DescribeSessions", Effect::Throttle)));
    let mut rig = Rig::start(&sim, hasty()).await;
    let mut waits = Vec::new();
    rig.until("three throttles", |observation| {
        if let Observation::ListingFailed { scope, failure, retry_at, at } = observation
            && *scope == home()
        {
            assert_eq!(failure.class, FailureClass::Throttled, "{failure:?}");
            waits.push(retry_at.duration_since(*at).as_millis());
        }
        (waits.len() == 3).then_some(())
    })
    .await;
    // 400, 800, 1600 ms, each jittered down to its half at the least.
    for (wait, most) in waits.iter().zip([400, 800, 1600]) {
        assert!((most / 2 - 1..=most).contains(wait), "{waits:?}");
    }
    repair(&sim);
    rig.until("the listing", |observation| active_of(observation, &home())).await;
    let counted = rig
        .until("the count of throttles", |observation| match observation {
            Observation::ApiUse { scope, calls } if *scope == home() => calls.get("ssm:DescribeSessions").copied(),
            _ => None,
        })
        .await;
    assert!(counted.throttled >= 3 && counted.calls > counted.throttled, "{counted:?}");
}

#[tokio::test]
async fn each_kind_of_failure_is_said_and_tried_again() {
    let cases = [
        (Effect::Deny, FailureClass::Denied),
        (Effect::ExpiredCredentials, FailureClass::Expired),
        (Effect::Cut, FailureClass::Unreachable),
        (Effect::Malformed, FailureClass::Other),
        (
            Effect::Error { code: "InternalServerError".into(), message: "x\u{1b}[2J".into(), status: 500 },
            FailureClass::Other,
        ),
    ];
    for (effect, class) in cases {
        let sim = quiet().await;
        let mut rig = Rig::start(&sim, hasty()).await;
        rig.until("the listing", |observation| active_of(observation, &home())).await;
        break_it(&sim, in_scope(&home(), Fault::new("ssm", "DescribeSessions", effect.clone())));
        let failure = rig
            .until("the failure", |observation| match observation {
                Observation::ListingFailed { scope, failure, retry_at, at } if *scope == home() => {
                    assert!(retry_at > at && retry_at.duration_since(*at).as_secs() <= 60);
                    Some(failure.clone())
                }
                _ => None,
            })
            .await;
        assert_eq!((failure.class, failure.action), (class, "ssm:DescribeSessions"), "{effect:?}: {failure:?}");
        assert!(!failure.message.chars().any(char::is_control), "{failure:?}");
        let unreadable = failure.code.as_deref() == Some("unreadable answer");
        assert_eq!(unreadable, effect == Effect::Malformed, "{failure:?}");
        repair(&sim);
        rig.until("the scope to come back", |observation| active_of(observation, &home())).await;
    }
}

#[tokio::test]
async fn refresh_polls_now() {
    let sim = quiet().await;
    let mut rig = Rig::start(&sim, WatchConfig { sessions_every: Duration::from_secs(3600), ..hasty() }).await;
    rig.until("the first listing", |observation| active_of(observation, &home())).await;
    rig.watch.refresh(&home());
    timeout(Duration::from_secs(5), rig.until("the second listing", |observation| active_of(observation, &home())))
        .await
        .expect("refresh does nothing");
}

#[tokio::test]
async fn cancellation_is_prompt_even_when_nothing_answers() {
    let sim = quiet().await;
    break_it(&sim, Fault::new("*", "*", Effect::Hang));
    let mut rig = Rig::start(&sim, hasty()).await;
    rig.hear(Duration::from_millis(300)).await;
    let begun = Instant::now();
    rig.stop.cancel();
    timeout(Duration::from_secs(5), rig.watch.join()).await.expect("the watch goes on");
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_quiet_scope_costs_one_request_a_poll() {
    let sim = quiet().await;
    let mut rig = Rig::start(&sim, WatchConfig { evidence_every: Duration::from_secs(3600), ..hasty() }).await;
    let empty = scope(ARCHIVE, "us-east-1");
    let mut polls = 0;
    rig.until("twenty polls", |observation| {
        polls += u64::from(active_of(observation, &empty).is_some());
        (polls == 20).then_some(())
    })
    .await;
    let of_empty: HashMap<String, u64> = sim.with_world(|world| {
        let tallies = world.gate.tallies();
        let mine = tallies.filter(|((account, region, ..), _)| *account == ARCHIVE && *region == "us-east-1");
        mine.map(|((.., operation), tally)| (operation.to_string(), tally.calls)).collect()
    });
    // Twenty polls, one more perhaps under way, one History for what ended and one for who was here before.
    assert!((22..=23).contains(&of_empty["DescribeSessions"]), "{of_empty:?}");
    // Once each: the preferences ($DEFAULT, $LATEST, whose), their log group, and who asks; in CloudTrail who started, resumed, ended.
    // AssumeRole speaks to one region for all.
    for (operation, calls) in &of_empty {
        let most = match operation.as_str() {
            // Who started is asked for again where what ended is listed after the first look.
            "LookupEvents" => 4,
            "GetDocument" => 2,
            _ => 1,
        };
        assert!(operation == "DescribeSessions" || *calls <= most, "{of_empty:?}");
    }
    assert!(!of_empty.contains_key("DescribeLogStreams"), "{of_empty:?}");
    // A scope with shells adds one listing of their streams a poll, and lookups by name of those that it does not show.
    let streams = calls_in(&sim, &home(), "DescribeLogStreams");
    assert!(streams <= 2 * calls_in(&sim, &home(), "DescribeSessions"), "{streams}");
}

// --- Evidence ---------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn nodes_tags_roles_and_documents_come_with_source_and_time() {
    let sim = quiet().await;
    let mut rig = Rig::start(&sim, hasty()).await;
    let begun = Timestamp::now();
    let (mut node, mut tags, mut role, mut preferences) = (None, None, None, None);
    rig.until("all evidence", |observation| {
        match observation {
            Observation::Nodes { scope, nodes } if *scope == home() => node = nodes.first().cloned(),
            Observation::NodeTags { scope, tags: told } if *scope == home() => tags = told.first().cloned(),
            Observation::Role { account, role: name, policies } if account.as_str() == PAYMENTS => {
                role = Some((name.clone(), policies.clone()));
            }
            Observation::Preferences { scope, document } if *scope == home() => preferences = Some(document.clone()),
            _ => {}
        }
        (node.is_some() && tags.is_some() && role.is_some() && preferences.is_some()).then_some(())
    })
    .await;
    let Some((_, Fact::Known { value: Some(node), source, at })) = node else { panic!("no node") };
    assert!(node.name.as_deref().is_some_and(|name| name.starts_with("payments-web-")), "{node:?}");
    assert_eq!((node.instance_role.as_deref(), source), (Some("ssm-managed-node"), "ssm:DescribeInstanceProperties"));
    assert!(at >= begun && at <= Timestamp::now());
    let Some((_, Fact::Known { value: tags, source: "tag:GetResources", .. })) = tags else {
        panic!("no tags: {tags:?}")
    };
    assert_eq!(tags.get("Environment").map(String::as_str), Some("Staging"));
    let Some((name, Fact::Known { value: Some(policies), source: "iam:ListAttachedRolePolicies", .. })) = role else {
        panic!("no role")
    };
    assert_eq!(&*name, "ssm-managed-node");
    assert!(policies.attached.iter().any(|arn| arn.contains("mandatory-policy-eu-central-1")), "{policies:?}");
    let Some(Fact::Known { value: Some(document), source: "ssm:GetDocument", .. }) = preferences else {
        panic!("no preferences: {preferences:?}")
    };
    assert_eq!((document.inputs.log_group.as_str(), document.inputs.streaming), ("/ssm-session-logs", true));
    assert_eq!(document.inputs.idle_timeout_minutes, Some(15));
}

#[tokio::test]
async fn evidence_is_batched_and_cached() {
    let sim = quiet().await;
    let mut rig = Rig::start(&sim, WatchConfig { evidence_every: Duration::from_secs(3600), ..hasty() }).await;
    let mut listings = 0;
    rig.until("some polls", |observation| {
        listings += usize::from(active_of(observation, &home()).is_some());
        (listings == 10).then_some(())
    })
    .await;
    // Two sessions on two nodes: one request; one role for both regions of the account; preferences once a scope.
    assert_eq!(calls_in(&sim, &home(), "DescribeInstanceProperties"), 1);
    assert_eq!(calls_in(&sim, &home(), "GetResources"), 1);
    let roles = sim.with_world(|world| {
        let tallies = world.gate.tallies();
        tallies
            .filter(|((account, .., name), _)| *account == PAYMENTS && *name == "ListAttachedRolePolicies")
            .map(|(_, tally)| tally.calls)
            .sum::<u64>()
    });
    assert_eq!(roles, 1);
    // $DEFAULT and $LATEST of each scope.
    assert_eq!(calls(&sim, "ssm", "GetDocument"), 8);
}

#[tokio::test]
async fn what_is_new_is_read_at_once() {
    let mut scenario = Scenario::load("quiet").unwrap();
    scenario.nodes.push(
        toml::from_str(
            r#"account = "payments-prod"
               region = "eu-central-1"
               name = "store-1"
               hybrid = true
               role = "ssm-managed-node"
               tags = { Environment = "Store" }"#,
        )
        .unwrap(),
    );
    scenario.cast.push(
        toml::from_str(
            r#"owner = "arn:aws:iam::{account}:user/late"
               node = "store-1"
               document = "AWS-StartPortForwardingSession"
               at = 2.0"#,
        )
        .unwrap(),
    );
    let sim = sim(&scenario).await;
    let mut rig = Rig::start(&sim, WatchConfig { evidence_every: Duration::from_secs(3600), ..hasty() }).await;
    let node = rig
        .until("the new session", |observation| {
            let sessions = active_of(observation, &home())?;
            sessions.iter().find(|session| session.owner.ends_with("late")).map(|session| session.target.clone())
        })
        .await;
    assert!(node.as_str().starts_with("mi-"), "{node}");
    let listed = Instant::now();
    let (mut role, mut tags, mut document) = (None, None, None);
    rig.until("its node, tags and document", |observation| {
        match observation {
            Observation::Nodes { nodes, .. } => {
                let found =
                    nodes.iter().find(|(id, _)| *id == node).and_then(|(_, fact)| fact.value().cloned().flatten());
                role = role.take().or(found.and_then(|node| node.iam_role));
            }
            Observation::NodeTags { tags: told, .. } => {
                let found = told.iter().find(|(id, _)| *id == node).and_then(|(_, fact)| fact.value().cloned());
                tags = tags.take().or(found);
            }
            Observation::Document { name, document: fact, .. } if name.starts_with("AWS-") => {
                document = fact.value().cloned().flatten();
            }
            _ => {}
        }
        (role.is_some() && tags.is_some() && document.is_some()).then_some(())
    })
    .await;
    assert!(listed.elapsed() < Duration::from_secs(1), "{:?}", listed.elapsed());
    assert_eq!(role.as_deref(), Some("ssm-managed-node"));
    assert_eq!(tags.unwrap().get("Environment").map(String::as_str), Some("Store"));
}

#[tokio::test]
async fn a_denied_role_read_is_a_missing_fact_with_its_permission() {
    let sim = quiet().await;
    sim.with_world(|world| world.gate.deny(PAYMENTS, "iam:ListAttachedRolePolicies"));
    let mut rig = Rig::start(&sim, hasty()).await;
    let missing = rig
        .until("the role", |observation| match observation {
            Observation::Role { account, policies: Fact::Missing(missing), .. } if account.as_str() == PAYMENTS => {
                Some(missing.clone())
            }
            _ => None,
        })
        .await;
    let Why::Failed(failure) = missing.why else { panic!("{missing:?}") };
    assert_eq!((failure.class, failure.action), (FailureClass::Denied, "iam:ListAttachedRolePolicies"));
    assert!(missing.retry_at.is_some());
    sim.with_world(|world| world.gate.allow(PAYMENTS, "iam:ListAttachedRolePolicies"));
    rig.until("the role after it was allowed", |observation| match observation {
        Observation::Role { account, policies: Fact::Known { .. }, .. } if account.as_str() == PAYMENTS => Some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn failed_node_reads_are_facts_and_the_listing_goes_on() {
    let sim = quiet().await;
    break_it(&sim, Fault::new("ssm", "DescribeInstanceProperties", Effect::Throttle));
    break_it(&sim, Fault::new("tagging", "GetResources", Effect::Deny));
    let mut rig = Rig::start(&sim, hasty()).await;
    let (mut nodes, mut tags, mut listings) = (None, None, 0);
    rig.until("both failures and polls", |observation| {
        match observation {
            Observation::Nodes { nodes: told, .. } => nodes = nodes.or(told.iter().find_map(|(_, fact)| failing(fact))),
            Observation::NodeTags { tags: told, .. } => tags = tags.or(told.iter().find_map(|(_, fact)| failing(fact))),
            Observation::Active { .. } => listings += 1,
            _ => {}
        }
        (nodes.is_some() && tags.is_some() && listings > 8).then_some(())
    })
    .await;
    assert_eq!((nodes, tags), (Some(FailureClass::Throttled), Some(FailureClass::Denied)));
}

/// The node facts of the archive account's only session, which is over; a node that is gone if `forget`.
async fn node_of_the_ended(forget: bool) -> (Sim, Fact<Option<Node>>, Fact<NodeTags>) {
    let sim = quiet().await;
    let ended = scope(ARCHIVE, "eu-central-1");
    let client = fleet(&sim).await.scope(&ended).unwrap();
    let history = client.list_history(Timestamp::now() - SignedDuration::from_hours(24)).await.unwrap();
    let node = history[0].target.clone();
    if forget {
        let gone = |world: &mut World| {
            world.region_mut(ARCHIVE, "eu-central-1").unwrap().nodes.remove(node.as_str()).map(drop)
        };
        sim.with_world(gone).expect("no such node");
    }
    let seen = one_pass(&fleet(&sim).await, hasty()).await;
    let fact = seen.iter().find_map(|observation| match observation {
        Observation::Nodes { scope, nodes } if *scope == ended => {
            nodes.iter().find(|(id, _)| *id == node).map(|(_, fact)| fact.clone())
        }
        _ => None,
    });
    let tags = seen.iter().find_map(|observation| match observation {
        Observation::NodeTags { scope, tags } if *scope == ended => {
            tags.iter().find(|(id, _)| *id == node).map(|(_, fact)| fact.clone())
        }
        _ => None,
    });
    (sim, fact.expect("the node was not asked for"), tags.expect("its tags were not asked for"))
}

#[tokio::test]
async fn one_pass_reads_the_nodes_of_sessions_that_are_over() {
    let (sim, node, tags) = node_of_the_ended(false).await;
    assert!(node.value().cloned().flatten().is_some_and(|node| node.instance_role.is_some()), "{node:?}");
    assert!(tags.value().is_some(), "{tags:?}");
    let roles = sim.with_world(|world| {
        let tallies = world.gate.tallies();
        let mine =
            tallies.filter(|((account, .., name), _)| *account == ARCHIVE && *name == "ListAttachedRolePolicies");
        mine.map(|(_, tally)| tally.calls).sum::<u64>()
    });
    assert_eq!(roles, 1);
}

#[tokio::test]
async fn a_node_that_the_service_does_not_know_is_known_to_be_none() {
    let (_sim, node, tags) = node_of_the_ended(true).await;
    assert!(matches!(node, Fact::Known { value: None, .. }), "{node:?}");
    assert!(tags.value().is_some_and(|tags| tags.is_empty()), "{tags:?}");
}

#[tokio::test]
async fn a_node_that_is_gone_hides_no_other() {
    let sim = quiet().await;
    let client = fleet(&sim).await.scope(&home()).unwrap();
    let there: Vec<_> = client.list_active().await.unwrap().into_iter().map(|session| session.target).collect();
    let gone: Vec<NodeId> = (0..50).map(|number| format!("i-0dead0000000000{number:02}").as_str().into()).collect();
    let asked = [&gone[..30], &there[..], &gone[30..]].concat();
    let nodes: HashMap<_, _> = client.describe_nodes(&asked).await.unwrap().into_iter().collect();
    assert_eq!(nodes.len(), asked.len());
    for id in &there {
        assert!(nodes[id].as_ref().unwrap().is_some(), "{id}");
    }
    assert_eq!(nodes.values().filter(|node| matches!(node, Ok(None))).count(), gone.len());
}

#[tokio::test]
async fn nodes_that_only_ended_sessions_need_are_read_once() {
    let sim = quiet().await;
    let mut rig = Rig::start(&sim, WatchConfig { evidence_every: Duration::from_millis(300), ..hasty() }).await;
    let mut reads = 0;
    rig.until("some reads of nodes in use", |observation| {
        reads += usize::from(matches!(observation, Observation::Nodes { scope, .. } if *scope == home()));
        (reads == 6).then_some(())
    })
    .await;
    let ended = scope(ARCHIVE, "eu-central-1");
    for operation in ["DescribeInstanceProperties", "GetResources"] {
        assert_eq!(calls_in(&sim, &ended, operation), 1, "{operation}");
    }
}

// --- One pass ---------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn one_pass_reads_every_scope_once() {
    let sim = quiet().await;
    let seen = one_pass(&fleet(&sim).await, hasty()).await;
    let mut active = HashMap::new();
    for observation in &seen {
        if let Observation::Active { scope, .. } = observation {
            *active.entry(scope.clone()).or_insert(0) += 1;
        }
    }
    assert_eq!(active.len(), 4);
    assert!(active.values().all(|count| *count == 1), "{active:?}");
    let count = |of: fn(&Observation) -> bool| seen.iter().filter(|observation| of(observation)).count();
    assert_eq!(count(|observation| matches!(observation, Observation::History { .. })), 4);
    assert_eq!(count(|observation| matches!(observation, Observation::Preferences { .. })), 4);
    assert_eq!(count(|observation| matches!(observation, Observation::ApiUse { .. })), 4);
    assert_eq!(count(|observation| matches!(observation, Observation::ListingFailed { .. })), 0);
}

#[tokio::test]
async fn one_pass_tries_again_what_was_throttled() {
    let sim = quiet().await;
    let twice =
        |operation: &str| in_scope(&home(), Fault { count: Some(4), ..Fault::new("*", operation, Effect::Throttle) });
    // The SDK's two tries each, twice in a row.
    for operation in ["DescribeSessions", "GetDocument", "DescribeInstanceProperties"] {
        break_it(&sim, twice(operation));
    }
    let seen = one_pass(&fleet(&sim).await, hasty()).await;
    let last = |pick: fn(&Observation) -> Option<bool>| seen.iter().rev().find_map(pick);
    let listed = last(|observation| match observation {
        Observation::Active { scope, .. } => (*scope == home()).then_some(true),
        Observation::ListingFailed { scope, .. } => (*scope == home()).then_some(false),
        _ => None,
    });
    let nodes = last(|observation| match observation {
        Observation::Nodes { scope, nodes } if *scope == home() => {
            Some(nodes.iter().all(|(_, fact)| fact.value().is_some()))
        }
        _ => None,
    });
    let preferences = last(|observation| match observation {
        Observation::Preferences { scope, document } if *scope == home() => Some(document.value().is_some()),
        _ => None,
    });
    assert_eq!((listed, nodes, preferences), (Some(true), Some(true), Some(true)));
    let throttled = seen.iter().find_map(|observation| match observation {
        Observation::ApiUse { scope, calls } if *scope == home() => Some(calls["ssm:DescribeSessions"].throttled),
        _ => None,
    });
    assert_eq!(throttled, Some(2));
}

#[tokio::test]
async fn one_pass_reads_a_scope_that_is_throttled_hard_and_calls_it_failed_only_if_it_was_not_read() {
    let sim = quiet().await;
    let scopes = [(home(), 0.5), (scope(ARCHIVE, "eu-central-1"), 0.001)];
    for (scope, rate) in &scopes {
        let (account, region) = (scope.account.as_str(), scope.region.as_str());
        sim.with_world(|world| world.gate.rate(account, region, "ssm:DescribeSessions", *rate, 1.0));
    }
    let config = WatchConfig { scope_deadline: Duration::from_secs(15), ..hasty() };
    let seen = one_pass(&fleet(&sim).await, config).await;
    let told = |of: &ScopeId| {
        let mut told = (0, 0, Vec::new());
        for observation in &seen {
            match observation {
                Observation::Active { scope, .. } if scope == of => told.0 += 1,
                Observation::History { scope, .. } if scope == of => told.1 += 1,
                Observation::ListingFailed { scope, failure, .. } if scope == of => told.2.push(failure.class),
                _ => {}
            }
        }
        told
    };
    assert_eq!(told(&scopes[0].0), (1, 1, vec![]));
    assert_eq!(told(&scopes[1].0), (1, 0, vec![FailureClass::Throttled]));
}

#[tokio::test]
async fn one_pass_does_not_wait_for_what_is_denied() {
    let sim = quiet().await;
    sim.with_world(|world| world.gate.deny(PAYMENTS, "ssm:DescribeSessions"));
    let begun = Instant::now();
    let seen = one_pass(&fleet(&sim).await, hasty()).await;
    // Trying again would take longer than that, however busy the machine is.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    let denied = seen.iter().filter(|observation| {
        matches!(observation, Observation::ListingFailed { failure, .. } if failure.class == FailureClass::Denied)
    });
    assert_eq!(denied.count(), 2);
}

#[tokio::test]
async fn one_pass_ends_at_its_deadline_and_says_which_scope_was_late() {
    let sim = quiet().await;
    break_it(&sim, in_scope(&home(), Fault::new("ssm", "DescribeSessions", Effect::Hang)));
    let begun = Instant::now();
    let seen = one_pass(&fleet(&sim).await, WatchConfig { scope_deadline: Duration::from_secs(3), ..hasty() }).await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    let late: Vec<_> = seen
        .iter()
        .filter_map(|observation| match observation {
            Observation::ListingFailed { scope, failure, .. } => Some((scope.clone(), failure.class)),
            _ => None,
        })
        .collect();
    assert_eq!(late, [(home(), FailureClass::Unreachable)]);
    assert_eq!(seen.iter().filter(|observation| matches!(observation, Observation::Active { .. })).count(), 3);
}

// --- AWS's own environment --------------------------------------------------------------------------------------------

/// Where the child process of [`in_environment`] finds what it is to connect.
const CHILD: &str = "SSMWATCH_TEST_CHILD";

/// Runs the test `name` again in a process with this environment and these shared config files; its output.
fn in_environment(name: &str, environment: &[(&str, &str)], config: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (config_file, credentials_file) = (folder.path().join("config"), folder.path().join("credentials"));
    std::fs::write(&config_file, config).unwrap();
    std::fs::write(&credentials_file, "").unwrap();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    for (inherited, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(inherited);
    }
    let output = command
        .args(["--exact", name, "--nocapture"])
        .env("AWS_CONFIG_FILE", &config_file)
        .env("AWS_SHARED_CREDENTIALS_FILE", &credentials_file)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env(CHILD, "1")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What the child does: connects and prints the scopes with the number of their sessions, or the error.
async fn connect_and_print(config: FleetConfig) {
    match Fleet::connect(config).await {
        Ok(fleet) => {
            for client in fleet.scopes() {
                match client.list_active().await {
                    Ok(sessions) => println!("scope {} has {}", client.id(), sessions.len()),
                    Err(failure) => println!("scope {} fails: {failure}: {}", client.id(), failure.message),
                }
            }
        }
        Err(error) => println!("error: {error}; {}", error.to_do()),
    }
}

/// A profile with fixed keys, one that assumes a role by itself.
fn profiles(sim_account: &str) -> String {
    format!(
        "[profile payments]\nregion = us-east-1\naws_access_key_id = {sim_account}\naws_secret_access_key = any\n\
         [profile auditor]\nregion = eu-central-1\nrole_arn = arn:aws:iam::{PAYMENTS}:role/ssmwatch\n\
         external_id = {EXTERNAL_ID}\nsource_profile = base\n\
         [profile base]\naws_access_key_id = {ARCHIVE}\naws_secret_access_key = any\n"
    )
}

#[tokio::test]
async fn the_environment_names_profile_region_and_endpoint() {
    if std::env::var_os(CHILD).is_some() {
        return connect_and_print(FleetConfig::default()).await;
    }
    let sim = quiet().await;
    let run = |environment: Vec<(&'static str, String)>| async move {
        let config = profiles(PAYMENTS);
        let name = "the_environment_names_profile_region_and_endpoint";
        let task = tokio::task::spawn_blocking(move || {
            let environment: Vec<(&str, &str)> =
                environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
            in_environment(name, &environment, &config)
        });
        task.await.unwrap()
    };
    let endpoint = ("AWS_ENDPOINT_URL", sim.endpoint());
    let said = run(vec![endpoint.clone(), ("AWS_PROFILE", "payments".into())]).await;
    assert!(said.contains("scope 111122223333/us-east-1 has 1"), "{said}");
    let said = run(vec![endpoint.clone(), ("AWS_PROFILE", "auditor".into())]).await;
    assert!(said.contains("scope 111122223333/eu-central-1 has 2"), "{said}");
    let keys = [("AWS_ACCESS_KEY_ID", ARCHIVE.to_owned()), ("AWS_SECRET_ACCESS_KEY", "any".to_owned())];
    let said = run([vec![endpoint.clone(), ("AWS_REGION", "eu-central-1".into())], keys.to_vec()].concat()).await;
    assert!(said.contains("scope 444455556666/eu-central-1 has 0"), "{said}");
    let said = run([vec![endpoint.clone()], keys.to_vec()].concat()).await;
    assert!(said.contains("error: no region for the ambient credentials") && said.contains("AWS_REGION"), "{said}");
    let said = run(vec![endpoint.clone(), ("AWS_REGION", "eu-central-1".into())]).await;
    assert!(said.contains("no credentials") && said.contains("aws sso login"), "{said}");
    let said = run(vec![endpoint, ("AWS_REGION", "eu-central-1".into()), ("AWS_PROFILE", "nobody".into())]).await;
    assert!(said.contains("no credentials") && said.contains("nobody"), "{said}");
}

#[tokio::test]
async fn accounts_have_profiles_and_roles_of_their_own() {
    let account = |name: &str, access: Access| AccountConfig {
        name: Some(name.into()),
        regions: vec!["eu-central-1".into()],
        access,
        ..AccountConfig::default()
    };
    if std::env::var_os(CHILD).is_some() {
        let role = |profile: &str| Access {
            profile: Some(profile.into()),
            role_arn: Some(format!("arn:aws:iam::{PAYMENTS}:role/ssmwatch")),
            external_id: Some(EXTERNAL_ID.into()),
        };
        let plain = |profile: &str| Access { profile: Some(profile.into()), ..Access::default() };
        let mut missing = account("gone", plain("gone"));
        missing.id = Some("999999999999".into());
        return connect_and_print(FleetConfig {
            accounts: vec![account("role on profile", role("base")), account("profile", plain("base")), missing],
            ..FleetConfig::default()
        })
        .await;
    }
    let sim = quiet().await;
    let endpoint = sim.endpoint();
    let said = tokio::task::spawn_blocking(move || {
        // Keys in the environment do not win over an account's profile.
        let environment =
            [("AWS_ENDPOINT_URL", endpoint.as_str()), ("AWS_ACCESS_KEY_ID", "123"), ("AWS_SECRET_ACCESS_KEY", "any")];
        in_environment("accounts_have_profiles_and_roles_of_their_own", &environment, &profiles(PAYMENTS))
    })
    .await
    .unwrap();
    assert!(said.contains("scope 111122223333/eu-central-1 has 2"), "{said}");
    assert!(said.contains("scope 444455556666/eu-central-1 has 0"), "{said}");
    // A profile that is not there is its own account's trouble.
    assert!(said.contains("scope 999999999999/eu-central-1 fails: no credentials"), "{said}");
    assert!(said.contains("gone"), "{said}");
}
