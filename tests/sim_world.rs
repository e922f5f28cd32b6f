//! The simulated organization through the real SDK: sessions, logs, the archive, the event history.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{collections::BTreeSet, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_cloudwatchlogs::types::{InputLogEvent, OrderBy, StartLiveTailResponseStream};
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{
        ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart, ObjectCannedAcl,
        ServerSideEncryption, StorageClass,
    },
};
use aws_sdk_ssm::types::{
    DocumentPermissionType, InstanceInformationStringFilter, ResourceTypeForTagging, SessionFilter, SessionFilterKey,
    SessionState, SessionStatus,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use ssmwatch::sim::{Sim, scenario::Scenario, world::World};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const MEMBER: &str = "111122223333";
const ARCHIVE: &str = "444455556666";
const GROUP: &str = "/ssm-session-logs";
const BUCKET: &str = "central-log-ssm-audit-eu-central-1-o-example";
const DEADLINE: Duration = Duration::from_secs(20);

async fn sim_of(scenario: &Scenario, speed: f64) -> Sim {
    let world = World::new(scenario, 1, speed, jiff::Timestamp::now());
    Sim::start("127.0.0.1:0".parse().unwrap(), world).await.unwrap()
}

async fn sim() -> Sim {
    sim_of(&Scenario::load("quiet").unwrap(), 1.0).await
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

fn config(sim: &Sim, account: &str) -> SdkConfig {
    config_in(sim, account, "eu-central-1")
}

fn code<E: ProvideErrorMetadata, R>(error: &aws_sdk_ssm::error::SdkError<E, R>) -> String {
    error.as_service_error().and_then(|error| error.code()).unwrap_or("no service error").to_owned()
}

/// A JSON call of a service whose SDK crate the program does not use.
async fn post(sim: &Sim, service: &str, target: &str, body: &str) -> serde_json::Value {
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {target}\r\n\
         Content-Length: {}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={MEMBER}/20261120/eu-central-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=00\r\n\r\n{body}",
        sim.addr,
        body.len()
    );
    let answer = exchange(sim, request.as_bytes()).await;
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// Sends bytes on a connection of their own and reads until the server closes it.
async fn exchange(sim: &Sim, request: &[u8]) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(sim.addr).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    tokio::time::timeout(DEADLINE, exchange).await.expect("an answer")
}

async fn session_of(ssm: &aws_sdk_ssm::Client, owner: &str) -> aws_sdk_ssm::types::Session {
    let active = ssm.describe_sessions().state(SessionState::Active).send().await.unwrap();
    active.sessions().iter().find(|session| session.owner().unwrap().contains(owner)).cloned().unwrap()
}

#[tokio::test]
async fn sessions_come_in_pages_newest_first_and_none_twice() {
    let sim = sim_of(&Scenario::generated(620).unwrap(), 1.0).await;
    let ssm = aws_sdk_ssm::Client::new(&config(&sim, MEMBER));
    let all: Vec<_> = {
        let mut pages =
            ssm.describe_sessions().state(SessionState::Active).max_results(40).into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(session) = pages.next().await {
            all.push(session.unwrap());
        }
        all
    };
    // 620 sessions over two accounts and two regions.
    assert_eq!(all.len(), 155);
    let ids: BTreeSet<_> = all.iter().map(|session| session.session_id().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 155);
    assert!(all.windows(2).all(|pair| pair[0].start_date() >= pair[1].start_date()));
    let wrong = ssm.describe_sessions().state(SessionState::History).next_token("x").send().await.unwrap_err();
    assert_eq!(code(&wrong), "InvalidNextToken");
}

#[tokio::test]
async fn filters_select_and_bad_ones_are_refused() {
    let sim = sim().await;
    let ssm = aws_sdk_ssm::Client::new(&config(&sim, MEMBER));
    let ask = async |key: SessionFilterKey, value: &str| {
        // The service's own throttle would answer otherwise.
        sim.advance(Duration::from_secs(1));
        let filter = SessionFilter::builder().key(key).value(value).build().unwrap();
        ssm.describe_sessions().state(SessionState::Active).filters(filter).send().await
    };
    let alice = session_of(&ssm, "alice").await;
    for (key, value) in [
        (SessionFilterKey::Owner, alice.owner().unwrap()),
        (SessionFilterKey::TargetId, alice.target().unwrap()),
        (SessionFilterKey::SessionId, alice.session_id().unwrap()),
    ] {
        let found = ask(key.clone(), value).await.unwrap();
        assert_eq!(found.sessions().len(), 1, "{key}");
        assert_eq!(found.sessions()[0].session_id(), alice.session_id());
    }
    assert_eq!(ask(SessionFilterKey::Status, "Connected").await.unwrap().sessions().len(), 2);
    assert_eq!(ask(SessionFilterKey::InvokedAfter, "2999-01-01T00:00:00Z").await.unwrap().sessions().len(), 0);
    assert_eq!(ask(SessionFilterKey::InvokedBefore, "2999-01-01T00:00:00Z").await.unwrap().sessions().len(), 2);
    assert_eq!(code(&ask(SessionFilterKey::from("Colour"), "red").await.unwrap_err()), "ValidationException");
    assert_eq!(code(&ask(SessionFilterKey::InvokedAfter, "yesterday").await.unwrap_err()), "ValidationException");
    let many = ssm.describe_sessions().state(SessionState::Active).max_results(201).send().await.unwrap_err();
    assert_eq!(code(&many), "ValidationException");
}

#[tokio::test]
async fn a_terminated_session_leaves_active_for_history() {
    let sim = sim().await;
    let ssm = aws_sdk_ssm::Client::new(&config(&sim, MEMBER));
    let alice = session_of(&ssm, "alice").await;
    let id = alice.session_id().unwrap();
    ssm.terminate_session().session_id("nobody-0123456789abcdef0").send().await.expect("unknown ids are no error");
    let answer = ssm.terminate_session().session_id(id).send().await.unwrap();
    assert_eq!(answer.session_id(), Some(id));
    let of = async |state: SessionState| {
        let filter = SessionFilter::builder().key(SessionFilterKey::SessionId).value(id).build().unwrap();
        let found = ssm.describe_sessions().state(state).filters(filter).send().await.unwrap();
        found.sessions().first().and_then(|session| session.status().cloned())
    };
    assert_eq!(of(SessionState::Active).await, Some(SessionStatus::Terminating));
    assert_eq!(of(SessionState::History).await, None);
    sim.advance(Duration::from_secs(3));
    assert_eq!(of(SessionState::Active).await, None);
    assert_eq!(of(SessionState::History).await, Some(SessionStatus::Terminated));
}

#[tokio::test]
async fn a_session_started_here_lives() {
    let sim = sim().await;
    let ssm = aws_sdk_ssm::Client::new(&config(&sim, MEMBER));
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config(&sim, MEMBER));
    let target = session_of(&ssm, "bob").await.target().unwrap().to_owned();
    let started = ssm.start_session().target(&target).reason("INC-77").send().await.unwrap();
    let id = started.session_id().unwrap().to_owned();
    assert!(started.stream_url().unwrap().starts_with("wss://ssmmessages.eu-central-1.amazonaws.com/"));
    let session = async || {
        let filter = SessionFilter::builder().key(SessionFilterKey::SessionId).value(&id).build().unwrap();
        let active = ssm.describe_sessions().state(SessionState::Active).filters(filter).send().await.unwrap();
        active.sessions().first().and_then(|session| session.status().cloned())
    };
    let events = || logs.get_log_events().log_group_name(GROUP).log_stream_name(&id).start_from_head(true).send();
    sim.advance(Duration::from_secs(300));
    assert_eq!(session().await, Some(SessionStatus::Connected));
    assert_eq!(code(&events().await.unwrap_err()), "ResourceNotFoundException", "nobody types, nothing is logged");
    let gone = ssm.start_session().target("i-0123456789abcdef0").send().await.unwrap_err();
    assert_eq!(code(&gone), "TargetNotConnected");
    let document = ssm.start_session().target(&target).document_name("No-Such").send().await.unwrap_err();
    assert_eq!(code(&document), "InvalidDocument");
    let resumed = ssm.resume_session().session_id(&id).send().await.unwrap();
    assert_eq!(resumed.session_id(), Some(id.as_str()));
    let unknown = ssm.resume_session().session_id("nobody-0123456789abcdef0").send().await.unwrap_err();
    assert_eq!(code(&unknown), "DoesNotExistException");
    ssm.terminate_session().session_id(&id).send().await.unwrap();
    sim.advance(Duration::from_secs(10));
    assert_eq!(session().await, None);
    let left = events().await.unwrap();
    assert_eq!(left.events().len(), 1);
    let message: serde_json::Value = serde_json::from_str(left.events()[0].message().unwrap()).unwrap();
    assert_eq!(message["sessionData"], serde_json::json!(["sh-5.2$ "]), "the prompt that nobody touched");
    let connected = ssm.get_connection_status().target(&target).send().await.unwrap();
    assert_eq!(connected.status().unwrap().as_str(), "connected");
}

#[tokio::test]
async fn tailing_with_forward_tokens_sees_every_event_once() {
    let sim = sim().await;
    let ssm = aws_sdk_ssm::Client::new(&config(&sim, MEMBER));
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config(&sim, MEMBER));
    let id = session_of(&ssm, "alice").await.session_id().unwrap().to_owned();
    let get = || logs.get_log_events().log_group_name(GROUP).log_stream_name(&id).start_from_head(true);
    let mut tailed = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..12 {
        loop {
            sim.advance(Duration::from_millis(150));
            let answer = get().limit(7).set_next_token(token.clone()).send().await.unwrap();
            tailed.extend(answer.events().iter().map(|event| event.message().unwrap().to_owned()));
            let next = answer.next_forward_token().unwrap().to_owned();
            let at_end = token.as_ref() == Some(&next);
            assert_eq!(at_end, answer.events().is_empty(), "the token repeats exactly at the end");
            token = Some(next);
            if at_end {
                break;
            }
        }
        sim.advance(Duration::from_secs(3));
    }
    let everything = get().send().await.unwrap();
    let all: Vec<_> = everything.events().iter().map(|event| event.message().unwrap().to_owned()).collect();
    assert!(tailed.len() > 40, "{} events", tailed.len());
    assert_eq!(all[..tailed.len()], tailed);
    // And backwards from the end.
    sim.advance(Duration::from_secs(2));
    let latest = logs.get_log_events().log_group_name(GROUP).log_stream_name(&id).limit(5).send().await.unwrap();
    assert_eq!(latest.events().len(), 5);
    let before = logs.get_log_events().log_group_name(GROUP).log_stream_name(&id).limit(5);
    let before = before.next_token(latest.next_backward_token().unwrap()).send().await.unwrap();
    assert!(before.events().last().unwrap().timestamp() <= latest.events()[0].timestamp());
    assert_ne!(before.events().last().unwrap().message(), latest.events()[0].message());
    let wrong = get().next_token("f/1/s").send().await.unwrap_err();
    assert_eq!(code(&wrong), "InvalidParameterException");
}

#[tokio::test]
async fn groups_streams_and_filters_answer_as_the_service_does() {
    let sim = sim().await;
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config(&sim, MEMBER));
    let groups = logs.describe_log_groups().log_group_name_prefix("/ssm").send().await.unwrap();
    let group = &groups.log_groups()[0];
    assert_eq!(group.arn(), Some("arn:aws:logs:eu-central-1:111122223333:log-group:/ssm-session-logs:*"));
    let streams = logs.describe_log_streams().log_group_name(GROUP).order_by(OrderBy::LastEventTime);
    let latest = streams.clone().descending(true).send().await.unwrap();
    assert!(latest.log_streams()[0].log_stream_name().unwrap().starts_with("alice"));
    let both = streams.log_stream_name_prefix("a").send().await.unwrap_err();
    assert_eq!(code(&both), "InvalidParameterException");
    let filter = |pattern: &str| {
        sim.advance(Duration::from_secs(1));
        logs.filter_log_events().log_group_name(GROUP).filter_pattern(pattern)
    };
    assert!(!filter("uptime").send().await.unwrap().events().is_empty());
    assert!(!filter("{ $.runAsUser = \"ssm-user\" }").limit(3).send().await.unwrap().events().is_empty());
    assert!(filter("{ $.runAsUser = \"root\" }").send().await.unwrap().events().is_empty());
    let paged: Vec<_> = {
        let mut pages = filter("").limit(4).into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            sim.advance(Duration::from_secs(1));
            all.extend(page.unwrap().events().iter().map(|event| event.event_id().unwrap().to_owned()));
        }
        all
    };
    assert!(paged.len() > 8);
    assert_eq!(paged.iter().collect::<BTreeSet<_>>().len(), paged.len());
    let unknown = logs.get_log_events().log_group_name("/nope").log_stream_name("x").send().await.unwrap_err();
    assert_eq!(code(&unknown), "ResourceNotFoundException");
}

#[tokio::test]
async fn live_tail_shows_what_arrives() {
    let sim = sim().await;
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config(&sim, MEMBER));
    logs.create_log_stream().log_group_name(GROUP).log_stream_name("mine").send().await.unwrap();
    let endpoint = format!("{}/", sim.endpoint());
    let mut tail = logs
        .start_live_tail()
        .log_group_identifiers(format!("arn:aws:logs:eu-central-1:{MEMBER}:log-group:{GROUP}"))
        .log_event_filter_pattern("needle -hay")
        .customize()
        .mutate_request(move |request| request.set_uri(endpoint.as_str()).unwrap())
        .send()
        .await
        .unwrap();
    let now = jiff::Timestamp::now().as_millisecond();
    for message in ["needle in hay", "a needle", "nothing"] {
        let event = InputLogEvent::builder().timestamp(now).message(message).build().unwrap();
        logs.put_log_events().log_group_name(GROUP).log_stream_name("mine").log_events(event).send().await.unwrap();
    }
    let seen = tokio::time::timeout(DEADLINE, async {
        loop {
            if let Some(StartLiveTailResponseStream::SessionUpdate(update)) = tail.response_stream.recv().await.unwrap()
                && !update.session_results().is_empty()
            {
                return update.session_results().to_vec();
            }
        }
    });
    let seen = seen.await.expect("an update with results");
    assert_eq!(seen.iter().map(|event| event.message().unwrap()).collect::<Vec<_>>(), ["a needle"]);
    assert_eq!(seen[0].log_stream_name(), Some("mine"));
}

#[tokio::test]
async fn nodes_are_described_with_both_filters_and_in_pages() {
    let sim = sim().await;
    let ssm = aws_sdk_ssm::Client::new(&config(&sim, MEMBER));
    let properties = ssm.describe_instance_properties().send().await.unwrap();
    let web = properties.instance_properties().iter().find(|node| node.name() == Some("payments-web-1")).unwrap();
    assert_eq!(web.instance_role(), Some("ssm-managed-node"));
    let filter = |key: &str, value: &str| {
        let filter = InstanceInformationStringFilter::builder().key(key).values(value).build().unwrap();
        ssm.describe_instance_information().filters(filter).send()
    };
    assert_eq!(filter("tag:Team", "payments").await.unwrap().instance_information_list().len(), 3);
    assert_eq!(filter("InstanceIds", web.instance_id().unwrap()).await.unwrap().instance_information_list().len(), 1);
    assert_eq!(code(&filter("InstanceIds", "i-0123456789abcdef0").await.unwrap_err()), "InvalidInstanceId");
    assert_eq!(code(&filter("Colour", "red").await.unwrap_err()), "InvalidFilterKey");
    assert_eq!(code(&filter("PingStatus", "Maybe").await.unwrap_err()), "InvalidInstanceInformationFilterValue");
    let few = ssm.describe_instance_information().max_results(4).send().await.unwrap_err();
    assert_eq!(code(&few), "ValidationException");
    let east = aws_sdk_ssm::Client::new(&config_in(&sim, MEMBER, "us-east-1"));
    let offline = east.describe_instance_information().send().await.unwrap();
    assert!(
        offline.instance_information_list().iter().any(|node| node.ping_status().unwrap().as_str() == "ConnectionLost")
    );
}

#[tokio::test]
async fn documents_have_versions_owners_and_shares() {
    let sim = sim().await;
    let ssm = aws_sdk_ssm::Client::new(&config(&sim, MEMBER));
    let preferences = ssm.get_document().name("SSM-SessionManagerRunShell").send().await.unwrap();
    let content: serde_json::Value = serde_json::from_str(preferences.content().unwrap()).unwrap();
    assert_eq!(content["inputs"]["cloudWatchLogGroupName"], GROUP);
    assert_eq!(content["inputs"]["s3KeyPrefix"], "111122223333/eu-central-1");
    let port = ssm.describe_document().name("AWS-StartSSHSession").send().await.unwrap();
    assert_eq!(port.document().unwrap().owner(), Some("Amazon"));
    let arn = "arn:aws:ssm:eu-central-1:111122223333:document/SSM-SessionManagerRunShell";
    assert!(ssm.get_document().name(arn).document_version("$LATEST").send().await.is_ok());
    let version = ssm.get_document().name(arn).document_version("9").send().await.unwrap_err();
    assert_eq!(code(&version), "InvalidDocumentVersion");
    let share = ssm.describe_document_permission().name("SSM-SessionManagerRunShell");
    let share = share.permission_type(DocumentPermissionType::Share).send().await.unwrap();
    assert!(share.account_ids().is_empty());
    let tags = ssm.list_tags_for_resource().resource_type(ResourceTypeForTagging::Document).resource_id("Nope");
    assert_eq!(code(&tags.send().await.unwrap_err()), "InvalidResourceId");
}

#[tokio::test]
async fn the_archive_holds_transcripts_for_those_who_may_read() {
    let sim = sim().await;
    let s3 = aws_sdk_s3::Client::new(&config(&sim, ARCHIVE));
    let listing = s3.list_objects_v2().bucket(BUCKET).prefix("444455556666/").send().await.unwrap();
    let key = listing.contents()[0].key().unwrap().to_owned();
    assert!(key.starts_with("444455556666/eu-central-1/dave-") && key.ends_with(".log"), "{key}");
    let head = s3.head_object().bucket(BUCKET).key(&key).send().await.unwrap();
    assert!(head.content_length().unwrap() > 200);
    let part = s3.get_object().bucket(BUCKET).key(&key).range("bytes=0-13").send().await.unwrap();
    assert_eq!(part.body.collect().await.unwrap().to_vec(), b"Script started");
    let unchanged = s3.get_object().bucket(BUCKET).key(&key).if_none_match(head.e_tag().unwrap()).send().await;
    assert_eq!(unchanged.unwrap_err().raw_response().unwrap().status().as_u16(), 304);
    assert_eq!(code(&s3.get_object().bucket(BUCKET).key("nope").send().await.unwrap_err()), "NoSuchKey");
    for name in ["d/1", "d/2", "e f+ü"] {
        s3.put_object().bucket(BUCKET).key(name).body(ByteStream::from_static(b"x")).send().await.unwrap();
    }
    let top = s3.list_objects_v2().bucket(BUCKET).delimiter("/").max_keys(1).into_paginator().send();
    let mut pages = top;
    let (mut prefixes, mut keys) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        prefixes.extend(page.common_prefixes().iter().map(|prefix| prefix.prefix().unwrap().to_owned()));
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
    }
    assert_eq!(prefixes, ["444455556666/", "d/"]);
    assert_eq!(keys, ["e f+ü"]);
    let reader = aws_sdk_s3::Client::new(&config(&sim, MEMBER));
    assert!(reader.head_object().bucket(BUCKET).key(&key).send().await.is_ok(), "the bucket policy lets it read");
    let write = reader.put_object().bucket(BUCKET).key("x").body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(code(&write.unwrap_err()), "AccessDenied");
    let stranger = aws_sdk_s3::Client::new(&config(&sim, ARCHIVE));
    let missing = stranger.list_objects_v2().bucket("no-such-bucket").send().await.unwrap_err();
    assert_eq!(code(&missing), "NoSuchBucket");
}

#[tokio::test]
async fn the_event_history_is_late_and_complete() {
    let sim = sim().await;
    let ssm = aws_sdk_ssm::Client::new(&config(&sim, MEMBER));
    let id = session_of(&ssm, "alice").await.session_id().unwrap().to_owned();
    ssm.terminate_session().session_id(&id).send().await.unwrap();
    let lookup = async || {
        let answer = post(&sim, "cloudtrail", "CloudTrail_20131101.LookupEvents", "{}").await;
        let text = |event: &serde_json::Value, key: &str| event[key].as_str().unwrap().to_owned();
        let events = answer["Events"].as_array().unwrap();
        events.iter().map(|event| (text(event, "EventName"), text(event, "CloudTrailEvent"))).collect::<Vec<_>>()
    };
    assert!(lookup().await.iter().all(|(name, _)| name != "TerminateSession"), "records come late");
    sim.advance(Duration::from_secs(181));
    let events = lookup().await;
    assert_eq!(events[0].0, "TerminateSession");
    let record: serde_json::Value = serde_json::from_str(&events[0].1).unwrap();
    assert_eq!(record["requestParameters"]["sessionId"], id.as_str());
    let start = events.iter().find(|(name, record)| name == "StartSession" && record.contains(&id)).unwrap();
    let record: serde_json::Value = serde_json::from_str(&start.1).unwrap();
    assert_eq!(record["responseElements"]["tokenValue"], "Value hidden due to security reasons.");
    assert_eq!(record["requestParameters"]["reason"], "INC-10001 slow responses");
    assert_eq!(record["userIdentity"]["type"], "AssumedRole");
}

#[tokio::test]
async fn objects_come_back_with_all_that_was_said_of_them() {
    let sim = sim().await;
    let s3 = aws_sdk_s3::Client::new(&config(&sim, ARCHIVE));
    let put = || s3.put_object().bucket(BUCKET).key("p/1").body(ByteStream::from_static(b"hello"));
    let key = "arn:aws:kms:eu-central-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    put()
        .cache_control("no-cache")
        .content_disposition("attachment")
        .content_encoding("gzip")
        .content_language("de")
        .storage_class(StorageClass::StandardIa)
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id("1234abcd-12ab-34cd-56ef-1234567890ab")
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .send()
        .await
        .unwrap();
    let head = s3.head_object().bucket(BUCKET).key("p/1").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!((head.cache_control(), head.content_disposition()), (Some("no-cache"), Some("attachment")));
    assert_eq!((head.content_encoding(), head.content_language()), (Some("gzip"), Some("de")));
    assert_eq!(head.storage_class(), Some(&StorageClass::StandardIa));
    assert_eq!((head.server_side_encryption(), head.ssekms_key_id()), (Some(&ServerSideEncryption::AwsKms), Some(key)));
    assert_eq!(head.checksum_sha256(), Some("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="));
    assert_eq!(head.checksum_type().map(|kind| kind.as_str()), Some("FULL_OBJECT"));
    let got = s3.get_object().bucket(BUCKET).key("p/1").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(got.checksum_sha256(), head.checksum_sha256());
    let listed = s3.list_objects_v2().bucket(BUCKET).prefix("p/").send().await.unwrap();
    assert_eq!(listed.contents()[0].storage_class().map(|class| class.as_str()), Some("STANDARD_IA"));
    s3.copy_object().bucket(BUCKET).key("p/2").copy_source(format!("{BUCKET}/p/1")).send().await.unwrap();
    let copy = s3.head_object().bucket(BUCKET).key("p/2").send().await.unwrap();
    assert_eq!((copy.cache_control(), copy.storage_class()), (Some("no-cache"), None));

    for (refused, expected) in [
        (put().storage_class(StorageClass::from("FOO")), "InvalidStorageClass"),
        (put().server_side_encryption(ServerSideEncryption::from("FOO")), "InvalidArgument"),
        (put().metadata("m", "x".repeat(2048)), "MetadataTooLarge"),
        (put().acl(ObjectCannedAcl::from("foo")), "InvalidArgument"),
        (put().bucket("Nope_Bucket"), "InvalidBucketName"),
    ] {
        assert_eq!(code(&refused.send().await.unwrap_err()), expected);
    }
}

#[tokio::test]
async fn uploads_in_parts_become_one_object() {
    let sim = sim().await;
    let s3 = aws_sdk_s3::Client::new(&config(&sim, ARCHIVE));
    let begun = s3.create_multipart_upload().bucket(BUCKET).key("big").content_type("text/plain");
    let begun = begun.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await.unwrap();
    let id = begun.upload_id().unwrap();
    let contents = [vec![b'a'; 5 * 1024 * 1024], b"tail".to_vec()];
    let mut parts = Vec::new();
    for (number, content) in (1..).zip(&contents) {
        let part = s3.upload_part().bucket(BUCKET).key("big").upload_id(id).part_number(number);
        let part = part.checksum_algorithm(ChecksumAlgorithm::Crc32).body(content.clone().into()).send().await.unwrap();
        parts.push(CompletedPart::builder().part_number(number).e_tag(part.e_tag().unwrap()).build());
    }
    let listed = s3.list_parts().bucket(BUCKET).key("big").upload_id(id).send().await.unwrap();
    assert_eq!(listed.parts().iter().map(|part| part.size().unwrap()).collect::<Vec<_>>(), [5 * 1024 * 1024, 4]);
    let complete = |parts: Vec<CompletedPart>| {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        s3.complete_multipart_upload().bucket(BUCKET).key("big").upload_id(id).multipart_upload(parts).send()
    };
    let swapped = parts.iter().rev().cloned().collect();
    assert_eq!(code(&complete(swapped).await.unwrap_err()), "InvalidPartOrder");
    let whole = complete(parts.clone()).await.unwrap();
    assert!(whole.e_tag().unwrap().ends_with("-2\""), "{whole:?}");
    assert!(whole.checksum_crc32().unwrap().ends_with("-2"), "{whole:?}");
    let got = s3.get_object().bucket(BUCKET).key("big").send().await.unwrap();
    assert_eq!((got.e_tag(), got.content_type()), (whole.e_tag(), Some("text/plain")));
    assert!(got.body.collect().await.unwrap().to_vec() == contents.concat());
    assert_eq!(code(&complete(parts).await.unwrap_err()), "NoSuchUpload");

    let other = s3.create_multipart_upload().bucket(BUCKET).key("not").send().await.unwrap();
    let abort = || s3.abort_multipart_upload().bucket(BUCKET).key("not").upload_id(other.upload_id().unwrap()).send();
    abort().await.unwrap();
    assert_eq!(code(&abort().await.unwrap_err()), "NoSuchUpload");
}

/// Records of that name in an account's event history.
async fn history(sim: &Sim, name: &str) -> Vec<serde_json::Value> {
    let attribute = format!(r#"{{"LookupAttributes":[{{"AttributeKey":"EventName","AttributeValue":"{name}"}}]}}"#);
    let answer = post(sim, "cloudtrail", "CloudTrail_20131101.LookupEvents", &attribute).await;
    let events = answer["Events"].as_array().unwrap();
    events.iter().map(|event| serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn one_identity_has_one_id_everywhere_and_its_role_exists() {
    let sim = sim().await;
    let (ssm, sts) = (aws_sdk_ssm::Client::new(&config(&sim, MEMBER)), aws_sdk_sts::Client::new(&config(&sim, MEMBER)));
    let iam = aws_sdk_iam::Client::new(&config(&sim, MEMBER));
    let me = sts.get_caller_identity().send().await.unwrap();
    let target = session_of(&ssm, "bob").await.target().unwrap().to_owned();
    ssm.start_session().target(&target).send().await.unwrap();
    sim.advance(Duration::from_secs(181));
    let starts = history(&sim, "StartSession").await;
    let by = |arn: &str| starts.iter().map(|start| &start["userIdentity"]).find(|who| who["arn"] == arn).unwrap();
    assert_eq!(by(me.arn().unwrap())["principalId"].as_str(), me.user_id());

    let alice = session_of(&ssm, "alice").await.owner().unwrap().to_owned();
    let name = "AWSReservedSSO_OpsAdmin_0123456789abcdef";
    let role = iam.get_role().role_name(name).send().await.unwrap().role.unwrap();
    assert_eq!(role.path(), "/aws-reserved/sso.amazonaws.com/");
    let issuer = &by(&alice)["sessionContext"]["sessionIssuer"];
    assert_eq!((issuer["principalId"].as_str(), issuer["arn"].as_str()), (Some(role.role_id()), Some(role.arn())));
    let listed = iam.list_roles().path_prefix("/aws-reserved/").send().await.unwrap();
    assert_eq!(listed.roles().iter().map(|role| role.role_name()).collect::<Vec<_>>(), [name]);
    let invalid = iam.get_role().role_name("a b").send().await.unwrap_err();
    assert!(invalid.as_service_error().unwrap().message().unwrap().starts_with("The specified value for roleName is"));
}

#[tokio::test]
async fn assuming_a_role_is_in_the_history_of_both_accounts_and_tags_need_a_permission() {
    let sim = sim().await;
    let sts = aws_sdk_sts::Client::new(&config(&sim, ARCHIVE));
    let role = format!("arn:aws:iam::{MEMBER}:role/ssmwatch");
    let external_id = Scenario::load("quiet").unwrap().external_id;
    let assume = || sts.assume_role().role_arn(&role).role_session_name("watch").external_id(&external_id);
    let tag = aws_sdk_sts::types::Tag::builder().key("k").value("v").build().unwrap();
    let refused = assume().tags(tag).send().await.unwrap_err();
    assert_eq!(code(&refused), "AccessDenied");
    assert!(refused.as_service_error().unwrap().message().unwrap().contains("sts:TagSession"));
    let assumed = assume().send().await.unwrap();
    sim.advance(Duration::from_secs(181));
    let records = history(&sim, "AssumeRole").await;
    assert_eq!(records.len(), 1);
    assert_eq!(
        (&records[0]["eventSource"], &records[0]["userIdentity"]["accountId"]),
        (&"sts.amazonaws.com".into(), &ARCHIVE.into())
    );
    assert_eq!(records[0]["requestParameters"]["roleArn"], role.as_str());
    let user = assumed.assumed_role_user().unwrap();
    assert_eq!(records[0]["responseElements"]["assumedRoleUser"]["assumedRoleId"], user.assumed_role_id());
}

#[tokio::test]
async fn refusals_carry_what_the_models_say() {
    let sim = sim().await;
    let list = async |body: &str| {
        let request = body.to_owned();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Amz-Target: AWSOrganizationsV20161128.ListAccounts\r\n\
             Content-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential={ARCHIVE}/20261120/us-east-1/organizations/aws4_request, SignedHeaders=host, Signature=00\r\n\r\n",
            request.len()
        );
        let answer = exchange(&sim, &[head.as_bytes(), request.as_bytes()].concat()).await;
        serde_json::from_str::<serde_json::Value>(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    assert_eq!(list(r#"{"MaxResults":21}"#).await["Reason"], "MAX_VALUE_EXCEEDED");
    assert_eq!(list(r#"{"MaxResults":0}"#).await["Reason"], "MIN_VALUE_EXCEEDED");
    assert_eq!(list(r#"{"NextToken":"x"}"#).await["Reason"], "INVALID_NEXT_TOKEN");
    let half = post(&sim, "ssm", "AmazonSSM.DescribeSessions", r#"{"State":"Active","MaxResults":1.5}"#).await;
    assert_eq!(half["__type"], "SerializationException");
    let long = format!(r#"{{"State":"{}"}}"#, "x".repeat(100_000));
    let long = post(&sim, "ssm", "AmazonSSM.DescribeSessions", &long).await;
    assert!(long["message"].as_str().unwrap().len() < 600, "{long}");
    let arn = post(&sim, "tagging", "ResourceGroupsTaggingAPI_20170126.GetResources", r#"{"ResourceARNList":["foo"]}"#);
    assert_eq!(arn.await["__type"], "InvalidParameterException");
}

#[tokio::test]
async fn bodies_that_are_too_large_are_refused_by_their_announcement() {
    let sim = sim().await;
    let head = |service: &str, line: &str, length: u64| {
        format!(
            "{line} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential={ARCHIVE}/20261120/eu-central-1/{service}/aws4_request, SignedHeaders=host, Signature=00\r\n"
        )
    };
    let json = format!("{}X-Amz-Target: AmazonSSM.DescribeSessions\r\n\r\n", head("ssm", "POST /", 7_000_000));
    let answer = exchange(&sim, json.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("RequestEntityTooLargeException"), "{answer}");
    let object = format!("{}\r\n", head("s3", "PUT /bucket/key", 70_000_000));
    let answer = exchange(&sim, object.as_bytes()).await;
    assert!(answer.contains("<Code>EntityTooLarge</Code>") && answer.contains("<ProposedSize>70000000<"), "{answer}");
}

#[tokio::test]
async fn metrics_know_one_dimension_of_a_name_and_one_kind_of_statistics() {
    let sim = sim().await;
    let metrics = aws_sdk_cloudwatch::Client::new(&config(&sim, MEMBER));
    let dimension = |value: &str| aws_sdk_cloudwatch::types::Dimension::builder().name("Rule").value(value).build();
    let datum = aws_sdk_cloudwatch::types::MetricDatum::builder().metric_name("M").value(1.0);
    let datum = datum.dimensions(dimension("a")).dimensions(dimension("b")).build();
    let twice = metrics.put_metric_data().namespace("Ns").metric_data(datum).send().await.unwrap_err();
    assert_eq!(code(&twice), "InvalidParameterValue");
    let both = metrics.get_metric_statistics().namespace("Ns").metric_name("M").period(60);
    let both = both.start_time(aws_smithy_types::DateTime::from_secs(0));
    let both = both.end_time(aws_smithy_types::DateTime::from_secs(600)).extended_statistics("p99");
    let both = both.statistics(aws_sdk_cloudwatch::types::Statistic::Sum).send().await.unwrap_err();
    assert_eq!(code(&both), "InvalidParameterCombination");
}
