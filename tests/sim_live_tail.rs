//! StartLiveTail of the simulated AWS, as the Rust SDK sees it.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_cloudwatchlogs::{
    Client,
    error::SdkError,
    operation::start_live_tail::{StartLiveTailError, StartLiveTailOutput, builders::StartLiveTailFluentBuilder},
    types::{
        InputLogEvent, LiveTailSessionLogEvent, LiveTailSessionUpdate, StartLiveTailResponseStream as Stream,
        error::StartLiveTailResponseStreamError,
    },
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use ssmwatch::sim::{
    Sim,
    gate::{Effect, Fault},
    scenario::Scenario,
    world::{World, tails::Ending},
};

const MEMBER: &str = "111122223333";
const OTHER: &str = "444455556666";
const REGION: &str = "eu-central-1";
const GROUP: &str = "/ssm-session-logs";
/// Longer than anything here takes, shorter than patience.
const DEADLINE: Duration = Duration::from_secs(20);

async fn sim_at(speed: f64, casts: &str) -> Sim {
    let quiet = include_str!("../src/sim/scenarios/quiet.toml");
    let scenario = Scenario::parse("test", &format!("{quiet}\n{casts}")).unwrap();
    let mut world = World::new(&scenario, 1, speed, jiff::Timestamp::now());
    world.gate.rate("*", "*", "*", 1000.0, 1000.0);
    Sim::start(SocketAddr::from(([127, 0, 0, 1], 0)), world).await.unwrap()
}

async fn sim() -> Sim {
    sim_at(1.0, "").await
}

fn client_in(sim: &Sim, account: &str, region: &'static str) -> Client {
    let credentials = Credentials::new(account, "any secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(sim.endpoint())
        .retry_config(RetryConfig::disabled())
        .build();
    Client::new(&config)
}

fn client(sim: &Sim) -> Client {
    client_in(sim, MEMBER, REGION)
}

fn arn(account: &str, region: &str, group: &str) -> String {
    format!("arn:aws:logs:{region}:{account}:log-group:{group}")
}

fn group() -> String {
    arn(MEMBER, REGION, GROUP)
}

/// Sends it to the simulated AWS: the SDK puts `stream-` before any host, which no resolver knows for an address.
async fn send(
    sim: &Sim,
    request: StartLiveTailFluentBuilder,
) -> Result<StartLiveTailOutput, SdkError<StartLiveTailError>> {
    let endpoint = format!("{}/", sim.endpoint());
    request.customize().mutate_request(move |request| request.set_uri(endpoint.as_str()).unwrap()).send().await
}

/// A tail that has said `sessionStart`.
struct Tail(StartLiveTailOutput);

impl Tail {
    async fn start(sim: &Sim) -> Self {
        Self::of(sim, client(sim).start_live_tail().log_group_identifiers(group())).await
    }

    async fn of(sim: &Sim, request: StartLiveTailFluentBuilder) -> Self {
        let mut tail = Self(send(sim, request).await.unwrap());
        let first = tail.next().await.unwrap().unwrap();
        assert!(first.is_session_start(), "{first:?}");
        tail
    }

    async fn next(
        &mut self,
    ) -> Result<Option<Stream>, SdkError<StartLiveTailResponseStreamError, aws_smithy_types::event_stream::RawMessage>>
    {
        tokio::time::timeout(DEADLINE, self.0.response_stream.recv()).await.expect("something a second")
    }

    async fn update(&mut self) -> LiveTailSessionUpdate {
        self.next().await.unwrap().expect("not over").as_session_update().unwrap().clone()
    }

    /// Updates until one of them has events.
    async fn full(&mut self) -> LiveTailSessionUpdate {
        loop {
            let update = self.update().await;
            if !update.session_results().is_empty() {
                return update;
            }
        }
    }

    /// Updates until the stream ends, and how it ends: the exception, `broken`, or `closed`.
    async fn ending(&mut self) -> &'static str {
        loop {
            match self.next().await {
                Ok(Some(_)) => {}
                Ok(None) => return "closed",
                Err(SdkError::ServiceError(error)) => match error.err() {
                    StartLiveTailResponseStreamError::SessionTimeoutException(_) => return "timed out",
                    StartLiveTailResponseStreamError::SessionStreamingException(_) => return "failed",
                    other => panic!("{other:?}"),
                },
                Err(_) => return "broken",
            }
        }
    }
}

async fn put(logs: &Client, stream: &str, messages: impl IntoIterator<Item = String>) {
    let now = jiff::Timestamp::now().as_millisecond();
    let events = messages
        .into_iter()
        .map(|message| InputLogEvent::builder().timestamp(now).message(message).build().unwrap())
        .collect();
    let put = logs.put_log_events().log_group_name(GROUP).log_stream_name(stream).set_log_events(Some(events));
    put.send().await.unwrap();
}

async fn stream(logs: &Client, name: &str) {
    logs.create_log_stream().log_group_name(GROUP).log_stream_name(name).send().await.unwrap();
}

fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("event {number}"))
}

fn messages(update: &LiveTailSessionUpdate) -> Vec<&str> {
    update.session_results().iter().filter_map(LiveTailSessionLogEvent::message).collect()
}

fn fault(effect: Effect, count: Option<u64>) -> Fault {
    let fault = Fault::new("logs", "StartLiveTail", effect);
    Fault { account: MEMBER.into(), region: REGION.into(), count, ..fault }
}

fn add(sim: &Sim, fault: Fault) {
    sim.with_world(|world| world.gate.add_fault(fault));
}

fn refusal(error: &SdkError<StartLiveTailError>) -> (String, String) {
    let error = error.as_service_error().unwrap();
    (error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn only_what_arrives_after_the_start_is_shown_and_it_is_what_the_readers_read() {
    let sim = sim().await;
    let logs = client(&sim);
    stream(&logs, "mine").await;
    put(&logs, "mine", ["before".to_owned()]).await;
    let mut tail = Tail::of(&sim, logs.start_live_tail().log_group_identifiers(group()).log_stream_names("mine")).await;
    put(&logs, "mine", ["one".to_owned(), "two".to_owned()]).await;
    let update = tail.full().await;
    assert!(!update.session_metadata().unwrap().sampled());
    assert_eq!(messages(&update), ["one", "two"]);
    assert!(update.session_results().iter().all(|event| {
        event.log_stream_name() == Some("mine") && event.log_group_identifier() == Some(&format!("{MEMBER}:{GROUP}"))
    }));

    let read = logs.get_log_events().log_group_name(GROUP).log_stream_name("mine").start_from_head(true);
    let read = read.send().await.unwrap();
    let filtered = logs.filter_log_events().log_group_name(GROUP).log_stream_names("mine").send().await.unwrap();
    let tailed: Vec<_> = update
        .session_results()
        .iter()
        .map(|event| (event.timestamp().unwrap(), event.ingestion_time().unwrap(), event.message().unwrap()))
        .collect();
    let got: Vec<_> = read.events()[1..]
        .iter()
        .map(|event| (event.timestamp().unwrap(), event.ingestion_time().unwrap(), event.message().unwrap()))
        .collect();
    let found: Vec<_> = filtered.events()[1..]
        .iter()
        .map(|event| (event.timestamp().unwrap(), event.ingestion_time().unwrap(), event.message().unwrap()))
        .collect();
    assert_eq!(tailed, got);
    assert_eq!(tailed, found);
    // A forward token at the end comes back as it was sent.
    let token = read.next_forward_token().unwrap();
    let at_end = logs.get_log_events().log_group_name(GROUP).log_stream_name("mine").start_from_head(true);
    let at_end = at_end.next_token(token).send().await.unwrap();
    assert!(at_end.events().is_empty());
    assert_eq!(at_end.next_forward_token(), Some(token));
}

#[tokio::test]
async fn what_a_session_prints_is_the_same_in_the_tail_and_in_its_stream() {
    let sim = sim().await;
    let logs = client(&sim);
    let mut tail = Tail::start(&sim).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        for event in tail.update().await.session_results() {
            seen.push((
                event.log_stream_name().unwrap().to_owned(),
                event.timestamp().unwrap(),
                event.message().unwrap().to_owned(),
            ));
        }
    }
    let name = seen[0].0.clone();
    let read = logs.get_log_events().log_group_name(GROUP).log_stream_name(&name).start_from_head(true);
    let read = read.send().await.unwrap();
    let stored: Vec<_> = read
        .events()
        .iter()
        .map(|event| (name.clone(), event.timestamp().unwrap(), event.message().unwrap().to_owned()))
        .collect();
    let of_it: Vec<_> = seen.into_iter().filter(|(stream, ..)| *stream == name).collect();
    let from = stored.iter().position(|event| *event == of_it[0]).unwrap();
    assert_eq!(stored[from..from + of_it.len()], of_it);
}

#[tokio::test]
async fn more_than_500_events_a_second_are_sampled() {
    let sim = sim().await;
    let logs = client(&sim);
    stream(&logs, "loud").await;
    let mut tail = Tail::start(&sim).await;
    put(&logs, "loud", numbered(1600)).await;
    let update = tail.full().await;
    assert!(update.session_metadata().unwrap().sampled());
    let of_it = update.session_results().iter().filter(|event| event.log_stream_name() == Some("loud")).count();
    assert!((300..=500).contains(&of_it), "{of_it}");
    assert!(update.session_results().len() <= 500);
    assert!(!tail.update().await.session_metadata().unwrap().sampled());
}

#[tokio::test]
async fn a_fault_samples_a_stated_share() {
    let sim = sim().await;
    let logs = client(&sim);
    stream(&logs, "mine").await;
    let mut tail = Tail::of(&sim, logs.start_live_tail().log_group_identifiers(group()).log_stream_names("mine")).await;
    add(&sim, fault(Effect::SampleLiveTail { drop: 0.75 }, None));
    put(&logs, "mine", numbered(100)).await;
    let update = tail.full().await;
    assert!(update.session_metadata().unwrap().sampled());
    assert_eq!(update.session_results().len(), 25);
    sim.with_world(|world| world.gate.remove_faults(None));
    put(&logs, "mine", numbered(100)).await;
    let update = tail.full().await;
    assert_eq!((update.session_metadata().unwrap().sampled(), update.session_results().len()), (false, 100));
}

#[tokio::test]
async fn three_hours_are_the_longest() {
    let sim = sim().await;
    let mut tail = Tail::start(&sim).await;
    sim.advance(Duration::from_secs(3 * 3600 - 60));
    tail.update().await;
    sim.advance(Duration::from_secs(60));
    assert_eq!(tail.ending().await, "timed out");
}

#[tokio::test]
async fn sessions_are_ended_at_once_in_every_way_and_only_where_one_says() {
    let sim = sim().await;
    let there = client_in(&sim, MEMBER, "us-east-1").start_live_tail();
    let mut elsewhere = Tail::of(&sim, there.log_group_identifiers(arn(MEMBER, "us-east-1", GROUP))).await;
    for (ending, how) in
        [(Ending::Sever, "broken"), (Ending::TimeOut, "timed out"), (Ending::Fail, "failed"), (Ending::Close, "closed")]
    {
        let (mut one, mut other) = (Tail::start(&sim).await, Tail::start(&sim).await);
        let ended = sim.with_world(|world| world.live_tails.end(MEMBER, REGION, ending));
        assert_eq!(ended, 2, "{ending:?}");
        assert_eq!((one.ending().await, other.ending().await), (how, how));
    }
    elsewhere.update().await;
    let open = async {
        while sim.with_world(|world| world.live_tails.followers(MEMBER, REGION).len()) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, open).await.expect("what has ended counts no more");
    // The next one works.
    Tail::start(&sim).await.update().await;
}

#[tokio::test]
async fn faults_end_one_session_for_each_count() {
    let sim = sim().await;
    for (effect, how) in
        [(Effect::EndLiveTail, "timed out"), (Effect::FailLiveTail, "failed"), (Effect::SeverLiveTail, "broken")]
    {
        let mut tail = Tail::start(&sim).await;
        add(&sim, fault(effect, Some(1)));
        assert_eq!(tail.ending().await, how);
        assert!(sim.with_world(|world| world.gate.faults().is_empty()));
    }
    // A StartLiveTail that is spoiled breaks in its first frames.
    add(&sim, fault(Effect::Cut, Some(1)));
    let mut cut = send(&sim, client(&sim).start_live_tail().log_group_identifiers(group())).await.unwrap();
    assert!(tokio::time::timeout(DEADLINE, cut.response_stream.recv()).await.unwrap().is_err());
    add(&sim, fault(Effect::Malformed, Some(1)));
    let mut bad = send(&sim, client(&sim).start_live_tail().log_group_identifiers(group())).await.unwrap();
    assert!(tokio::time::timeout(DEADLINE, bad.response_stream.recv()).await.unwrap().is_err());
}

#[tokio::test]
async fn a_hang_sends_nothing_although_events_come() {
    let sim = sim().await;
    let logs = client(&sim);
    stream(&logs, "mine").await;
    let mut tail = Tail::of(&sim, logs.start_live_tail().log_group_identifiers(group()).log_stream_names("mine")).await;
    add(&sim, fault(Effect::HangLiveTail, None));
    // The update that may have been on its way.
    let silence = Duration::from_millis(1500);
    while tokio::time::timeout(silence, tail.0.response_stream.recv()).await.is_ok() {}
    put(&logs, "mine", ["held back".to_owned()]).await;
    assert!(tokio::time::timeout(silence, tail.0.response_stream.recv()).await.is_err());
    sim.with_world(|world| world.gate.remove_faults(None));
    assert_eq!(messages(&tail.full().await), ["held back"]);
}

#[tokio::test]
async fn fifteen_are_the_most_of_one_account_and_region() {
    let sim = sim().await;
    let logs = client(&sim);
    let mut open = Vec::new();
    for _ in 0..15 {
        open.push(Tail::start(&sim).await);
    }
    let error = send(&sim, logs.start_live_tail().log_group_identifiers(group())).await.unwrap_err();
    assert_eq!(refusal(&error).0, "LimitExceededException");
    let there = client_in(&sim, MEMBER, "us-east-1").start_live_tail();
    Tail::of(&sim, there.log_group_identifiers(arn(MEMBER, "us-east-1", GROUP))).await;
    let other = client_in(&sim, OTHER, REGION).start_live_tail();
    Tail::of(&sim, other.log_group_identifiers(arn(OTHER, REGION, GROUP))).await;
    // Who leaves makes room.
    open.pop();
    let room = async {
        while send(&sim, logs.start_live_tail().log_group_identifiers(group())).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, room).await.expect("room for one more");
}

#[tokio::test]
async fn a_denied_tail_says_which_permission_is_missing() {
    let sim = sim().await;
    sim.with_world(|world| world.gate.deny(MEMBER, "logs:StartLiveTail"));
    let error = send(&sim, client(&sim).start_live_tail().log_group_identifiers(group())).await.unwrap_err();
    let (code, words) = refusal(&error);
    assert_eq!(code, "AccessDeniedException");
    assert!(words.contains("is not authorized to perform: logs:StartLiveTail on resource: arn:aws:logs:"), "{words}");
    sim.with_world(|world| world.gate.allow(MEMBER, "logs:StartLiveTail"));
    Tail::start(&sim).await;
}

#[tokio::test]
async fn input_is_checked_as_the_service_checks_it() {
    let sim = sim().await;
    let start = || client(&sim).start_live_tail();
    let many = (0..11).map(|number| arn(MEMBER, REGION, &format!("/g{number}"))).collect();
    let two = || Some(vec![group(), arn(MEMBER, REGION, "/other")]);
    for (what, request) in [
        ("more than ten groups", start().set_log_group_identifiers(Some(many))),
        ("no groups", start().set_log_group_identifiers(Some(Vec::new()))),
        ("a name", start().log_group_identifiers(GROUP)),
        ("an ARN with a star", start().log_group_identifiers(format!("{}:*", group()))),
        ("streams of two groups", start().set_log_group_identifiers(two()).log_stream_names("s")),
        ("prefixes of two groups", start().set_log_group_identifiers(two()).log_stream_name_prefixes("s")),
        (
            "streams and prefixes",
            start().log_group_identifiers(group()).log_stream_names("s").log_stream_name_prefixes("s"),
        ),
        ("a pattern that is none", start().log_group_identifiers(group()).log_event_filter_pattern("{ $.a = ")),
        ("a pattern too long", start().log_group_identifiers(group()).log_event_filter_pattern("a".repeat(1025))),
    ] {
        let error = send(&sim, request).await.unwrap_err();
        assert_eq!(refusal(&error).0, "InvalidParameterException", "{what}");
    }
    for missing in [arn(MEMBER, REGION, "/nope"), arn(MEMBER, "us-east-1", GROUP)] {
        let error = send(&sim, start().log_group_identifiers(&missing)).await.unwrap_err();
        assert_eq!(refusal(&error).0, "ResourceNotFoundException", "{missing}");
    }
}

#[tokio::test]
async fn streams_prefixes_and_several_groups_are_told_apart() {
    let sim = sim().await;
    let logs = client(&sim);
    logs.create_log_group().log_group_name("/second").send().await.unwrap();
    logs.create_log_stream().log_group_name("/second").log_stream_name("eve-2").send().await.unwrap();
    for name in ["eve-1", "mallory-1"] {
        stream(&logs, name).await;
    }
    let both = Some(vec![group(), arn(MEMBER, REGION, "/second")]);
    let mut prefixed =
        Tail::of(&sim, logs.start_live_tail().log_group_identifiers(group()).log_stream_name_prefixes("eve-")).await;
    let mut all =
        Tail::of(&sim, logs.start_live_tail().set_log_group_identifiers(both).log_event_filter_pattern("\"needle\""))
            .await;
    put(&logs, "eve-1", ["needle of eve".to_owned()]).await;
    put(&logs, "mallory-1", ["needle of mallory".to_owned()]).await;
    let event = InputLogEvent::builder().timestamp(jiff::Timestamp::now().as_millisecond()).message("second needle");
    let second = logs.put_log_events().log_group_name("/second").log_stream_name("eve-2");
    second.log_events(event.build().unwrap()).send().await.unwrap();
    assert_eq!(messages(&prefixed.full().await), ["needle of eve"]);
    let mut seen = BTreeSet::new();
    while seen.len() < 3 {
        for event in all.full().await.session_results() {
            seen.insert((event.log_group_identifier().unwrap().to_owned(), event.message().unwrap().to_owned()));
        }
    }
    let first = format!("{MEMBER}:{GROUP}");
    let expected = [
        (first.clone(), "needle of eve".to_owned()),
        (first, "needle of mallory".to_owned()),
        (format!("{MEMBER}:/second"), "second needle".to_owned()),
    ];
    assert_eq!(seen, BTreeSet::from(expected));
}

#[tokio::test]
async fn updates_come_once_a_second_of_the_wall_clock_at_any_speed() {
    let sim = sim_at(20.0, "").await;
    let mut tail = Tail::start(&sim).await;
    tail.update().await;
    let begun = std::time::Instant::now();
    let mut events = 0;
    for _ in 0..2 {
        events += tail.update().await.session_results().len();
    }
    assert!(begun.elapsed() > Duration::from_millis(1500), "{:?}", begun.elapsed());
    // Alice prints a line a second of the script.
    assert!(events > 25, "{events} events");
}
