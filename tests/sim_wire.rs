//! The simulated AWS as clients see it: the Rust SDK over HTTP, and raw requests where the SDK would never send them.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{net::SocketAddr, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_cloudwatch::types::{MetricDatum, StandardUnit, Statistic};
use aws_sdk_sns::types::MessageAttributeValue;
use aws_sdk_ssm::types::SessionState;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::{DateTime, error::metadata::ProvideErrorMetadata};
use ssmwatch::sim::{
    Sim, SimError,
    gate::{Effect, Fault},
    scenario::Scenario,
    world::World,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const MEMBER: &str = "111122223333";
const MANAGEMENT: &str = "444455556666";
const REGION: &str = "eu-central-1";
/// Longer than anything here takes, shorter than patience.
const DEADLINE: Duration = Duration::from_secs(20);

async fn sim() -> Sim {
    let world = World::new(&Scenario::load("quiet").unwrap(), 1, 1.0, jiff::Timestamp::now());
    Sim::start(SocketAddr::from(([127, 0, 0, 1], 0)), world).await.unwrap()
}

fn config(sim: &Sim, key: &str, token: Option<&str>) -> SdkConfig {
    let credentials = Credentials::new(key, "any secret", token.map(str::to_owned), None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(sim.endpoint())
        .retry_config(RetryConfig::disabled())
        .build()
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ServiceError(service) => service.err().code().unwrap_or("no code").to_owned(),
        SdkError::DispatchFailure(_) => "no answer".into(),
        SdkError::ResponseError(_) => "unreadable answer".into(),
        _ => "other".into(),
    }
}

fn words<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.as_service_error().and_then(|error| error.message()).unwrap_or_default().to_owned()
}

/// Sends bytes on a connection of their own and reads until the server closes it.
async fn raw(sim: &Sim, bytes: &[u8]) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(sim.addr).await.unwrap();
        // The server may close before it has read everything; what it answered counts.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::time::timeout(DEADLINE, exchange).await.expect("the server closes the connection")
}

/// A request with a signature of that service's scope.
async fn signed(sim: &Sim, service: &str, head: &str, headers: &[&str], body: &[u8]) -> String {
    let mut request = format!(
        "{head} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential={MEMBER}/20261120/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=00\r\n",
        sim.addr,
        body.len()
    );
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    raw(sim, &[request.as_bytes(), body].concat()).await
}

async fn control(sim: &Sim, method: &str, path: &str, body: &str) -> (u16, serde_json::Value) {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = raw(sim, request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

fn add(sim: &Sim, fault: Fault) {
    sim.with_world(|world| world.gate.add_fault(fault));
}

#[tokio::test]
async fn only_loopback_is_served() {
    let world = World::new(&Scenario::load("quiet").unwrap(), 1, 1.0, jiff::Timestamp::now());
    let error = Sim::start(SocketAddr::from(([0, 0, 0, 0], 0)), world).await.unwrap_err();
    assert!(matches!(error, SimError::NotLoopback(_)), "{error}");
    assert!(error.to_string().contains("0.0.0.0:0 is not a loopback address"));
}

#[tokio::test]
async fn a_key_of_twelve_digits_speaks_for_its_account_and_no_other_does() {
    let sim = sim().await;
    let identity = aws_sdk_sts::Client::new(&config(&sim, MEMBER, None)).get_caller_identity().send().await.unwrap();
    assert_eq!(identity.account(), Some(MEMBER));
    let stranger = config(&sim, "999999999999", None);
    let error = aws_sdk_sts::Client::new(&stranger).get_caller_identity().send().await.unwrap_err();
    assert_eq!(code(&error), "InvalidClientTokenId");
    let error =
        aws_sdk_ssm::Client::new(&stranger).describe_sessions().state(SessionState::Active).send().await.unwrap_err();
    assert_eq!(code(&error), "UnrecognizedClientException");
    let error = aws_sdk_cloudwatch::Client::new(&stranger).list_metrics().send().await.unwrap_err();
    assert_eq!(code(&error), "InvalidClientTokenId", "CloudWatch keeps the codes of the query protocol");
    let error = aws_sdk_s3::Client::new(&stranger).list_objects_v2().bucket("b").send().await.unwrap_err();
    assert_eq!(code(&error), "InvalidAccessKeyId");
}

#[tokio::test]
async fn assumed_roles_need_the_external_id_speak_for_the_other_account_and_expire() {
    let sim = sim().await;
    let external_id = Scenario::load("quiet").unwrap().external_id;
    let sts = aws_sdk_sts::Client::new(&config(&sim, MANAGEMENT, None));
    let role = format!("arn:aws:iam::{MEMBER}:role/ssmwatch");
    let assume = || sts.assume_role().role_arn(&role).role_session_name("watch");
    let error = assume().external_id("wrong").send().await.unwrap_err();
    assert_eq!(code(&error), "AccessDenied");
    assert!(words(&error).ends_with(&format!("is not authorized to perform: sts:AssumeRole on resource: {role}")));
    let error = assume().external_id(&external_id).duration_seconds(899).send().await.unwrap_err();
    assert_eq!(code(&error), "ValidationError");

    let credentials = assume().external_id(&external_id).send().await.unwrap().credentials.unwrap();
    let assumed = config(&sim, &credentials.access_key_id, Some(&credentials.session_token));
    let sts = aws_sdk_sts::Client::new(&assumed);
    let identity = sts.get_caller_identity().send().await.unwrap();
    assert_eq!(identity.arn(), Some(&*format!("arn:aws:sts::{MEMBER}:assumed-role/ssmwatch/watch")));

    let without_token = config(&sim, &credentials.access_key_id, None);
    let error = aws_sdk_sts::Client::new(&without_token).get_caller_identity().send().await.unwrap_err();
    assert_eq!(code(&error), "InvalidClientTokenId");

    sim.advance(Duration::from_secs(3601));
    assert_eq!(code(&sts.get_caller_identity().send().await.unwrap_err()), "ExpiredToken");
    let ssm = aws_sdk_ssm::Client::new(&assumed);
    let error = ssm.describe_sessions().state(SessionState::Active).send().await.unwrap_err();
    assert_eq!(code(&error), "ExpiredTokenException");
}

#[tokio::test]
async fn iam_pages_and_says_what_is_not_there() {
    let sim = sim().await;
    let iam = aws_sdk_iam::Client::new(&config(&sim, MEMBER, None));
    let whole = iam.list_attached_role_policies().role_name("ssm-managed-node").send().await.unwrap();
    assert!(!whole.is_truncated());
    let names: Vec<_> = whole.attached_policies().iter().filter_map(|policy| policy.policy_name()).collect();
    assert!(names.len() >= 3, "{names:?}");
    let mut pages =
        iam.list_attached_role_policies().role_name("ssm-managed-node").max_items(1).into_paginator().send();
    let mut paged = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert_eq!(page.attached_policies().len(), 1);
        paged.extend(page.attached_policies().iter().filter_map(|policy| policy.policy_name()).map(str::to_owned));
    }
    assert_eq!(paged, names);

    let error = iam.get_role().role_name("nobody").send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_no_such_entity_exception());
    assert_eq!(words(&error), "The role with name nobody cannot be found.");
    let role = iam.get_role().role_name("ssm-managed-node").send().await.unwrap().role.unwrap();
    assert_eq!(role.tags()[0].key(), "Owner");
    assert!(role.assume_role_policy_document().unwrap().starts_with("%7B%22"));

    let arn = whole.attached_policies()[0].policy_arn().unwrap();
    let version = iam.get_policy_version().policy_arn(arn).version_id("v1").send().await.unwrap();
    assert!(version.policy_version().unwrap().document().unwrap().contains("2012-10-17"));
    let error = iam.list_roles().max_items(1001).send().await.unwrap_err();
    assert_eq!(
        words(&error),
        "1 validation error detected: Value '1001' at 'maxItems' failed to satisfy constraint: \
         Member must have value less than or equal to 1000"
    );
}

#[tokio::test]
async fn a_missing_permission_is_refused_in_the_words_of_aws() {
    let sim = sim().await;
    sim.with_world(|world| world.gate.deny(MEMBER, "iam:ListAttached*"));
    let iam = aws_sdk_iam::Client::new(&config(&sim, MEMBER, None));
    let error = iam.list_attached_role_policies().role_name("ssm-managed-node").send().await.unwrap_err();
    assert_eq!(code(&error), "AccessDenied");
    assert!(
        words(&error)
            .contains("is not authorized to perform: iam:ListAttachedRolePolicies on resource: role ssm-managed-node")
    );
    assert!(iam.list_role_policies().role_name("ssm-managed-node").send().await.is_ok());
    let other = aws_sdk_iam::Client::new(&config(&sim, MANAGEMENT, None));
    assert!(other.list_attached_role_policies().role_name("ssm-managed-node").send().await.is_ok());
}

#[tokio::test]
async fn what_sns_takes_can_be_read_back_and_what_it_refuses_is_not_stored() {
    let sim = sim().await;
    let sns = aws_sdk_sns::Client::new(&config(&sim, MEMBER, None));
    let topics = sns.list_topics().send().await.unwrap();
    let topic = topics.topics()[0].topic_arn().unwrap().to_owned();
    let attribute =
        |kind: &str, value: &str| MessageAttributeValue::builder().data_type(kind).string_value(value).build().unwrap();
    let sent = sns
        .publish()
        .topic_arn(&topic)
        .subject("S & T")
        .message("{\"a\": 1}\nline <two>")
        .message_attributes("severity", attribute("String", "HIGH"))
        .send()
        .await
        .unwrap();
    for (refused, expected) in [
        (sns.publish().topic_arn(format!("{topic}-not")).message("m"), "NotFound"),
        (sns.publish().topic_arn(&topic).message(""), "InvalidParameter"),
        (sns.publish().topic_arn(&topic).message("m").subject("a\nb"), "InvalidParameter"),
        (sns.publish().topic_arn(&topic).message("m").subject("x".repeat(101)), "InvalidParameter"),
        (sns.publish().topic_arn(&topic).message("x".repeat(262_145)), "InvalidParameter"),
        (
            sns.publish().topic_arn(&topic).message("m").message_attributes("n", attribute("Number", "x")),
            "ParameterValueInvalid",
        ),
    ] {
        assert_eq!(code(&refused.send().await.unwrap_err()), expected);
    }
    let (status, published) = control(&sim, "GET", "/_sim/published", "").await;
    assert_eq!(status, 200);
    let messages = published["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["message_id"].as_str(), sent.message_id());
    assert_eq!(messages[0]["message"], "{\"a\": 1}\nline <two>");
    assert_eq!(messages[0]["subject"], "S & T");
    assert_eq!(messages[0]["attributes"][0]["value"], "HIGH");
    let (_, none) = control(&sim, "GET", "/_sim/published?topic=arn:aws:sns:x:y:z", "").await;
    assert!(none["messages"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn metrics_go_in_by_cbor_and_gzip_and_come_out_added_up() {
    let sim = sim().await;
    let metrics = aws_sdk_cloudwatch::Client::new(&config(&sim, MEMBER, None));
    // Some 30 KB, which the SDK compresses.
    let data =
        (0..400).map(|_| MetricDatum::builder().metric_name("Ended").value(2.0).unit(StandardUnit::Count).build());
    metrics.put_metric_data().namespace("Ns").set_metric_data(Some(data.collect())).send().await.unwrap();
    let listed = metrics.list_metrics().namespace("Ns").send().await.unwrap();
    assert_eq!(listed.metrics().len(), 1);
    let now = jiff::Timestamp::now().as_second();
    let points = metrics
        .get_metric_statistics()
        .namespace("Ns")
        .metric_name("Ended")
        .start_time(DateTime::from_secs(now - 3600))
        .end_time(DateTime::from_secs(now + 3600))
        .period(3600)
        .statistics(Statistic::Sum)
        .statistics(Statistic::SampleCount)
        .send()
        .await
        .unwrap();
    let total: f64 = points.datapoints().iter().filter_map(|point| point.sum()).sum();
    assert!((total - 800.0).abs() < 1e-9, "{points:?}");

    let error = metrics.put_metric_data().namespace(":Ns").send().await.unwrap_err();
    assert_eq!(code(&error), "InvalidParameterValue");
    let form = b"Action=ListMetrics&Version=2010-08-01&Namespace=Ns";
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let answer = signed(&sim, "monitoring", "POST /", &[kind], form).await;
    assert!(answer.contains("<Metrics><member><Namespace>Ns</Namespace><MetricName>Ended</MetricName>"), "{answer}");
}

#[tokio::test]
async fn tagged_nodes_come_in_pages() {
    let sim = sim().await;
    let tagging = aws_sdk_resourcegroupstagging::Client::new(&config(&sim, MEMBER, None));
    let all = tagging.get_resources().resource_type_filters("ec2:instance").send().await.unwrap();
    assert_eq!(all.pagination_token(), Some(""));
    assert_eq!(all.resource_tag_mapping_list().len(), 3);
    let mut pages =
        tagging.get_resources().resource_type_filters("ec2:instance").resources_per_page(2).into_paginator().send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.unwrap().resource_tag_mapping_list().len());
    }
    assert_eq!(sizes, [2, 1]);
    let error = tagging.get_resources().resources_per_page(101).send().await.unwrap_err();
    assert_eq!(code(&error), "InvalidParameterException");
}

#[tokio::test]
async fn a_rate_is_held_for_each_account_region_and_operation() {
    let sim = sim().await;
    sim.with_world(|world| world.gate.rate(MEMBER, REGION, "ssm:DescribeSessions", 0.001, 2.0));
    let ssm = aws_sdk_ssm::Client::new(&config(&sim, MEMBER, None));
    let list = || ssm.describe_sessions().state(SessionState::Active).send();
    assert!(list().await.is_ok());
    assert!(list().await.is_ok());
    let error = list().await.unwrap_err();
    assert_eq!((code(&error), words(&error)), ("ThrottlingException".into(), "Rate exceeded".into()));
    let other = aws_sdk_ssm::Client::new(&config(&sim, MANAGEMENT, None));
    assert!(other.describe_sessions().state(SessionState::Active).send().await.is_ok());
    let (_, calls) = control(&sim, "GET", "/_sim/calls", "").await;
    let counted = calls["calls"]
        .as_array()
        .unwrap()
        .iter()
        .find(|call| call["account"] == MEMBER && call["operation"] == "DescribeSessions")
        .unwrap();
    assert_eq!((counted["calls"].as_u64(), counted["throttled"].as_u64()), (Some(3), Some(1)));
    other.terminate_session().session_id("nobody-0123").send().await.unwrap();
    let (_, writes) = control(&sim, "GET", "/_sim/writes", "").await;
    assert_eq!(writes["writes"], serde_json::json!({"ssm:TerminateSession": 1}));
}

#[tokio::test]
async fn faults_break_what_they_name_and_nothing_else() {
    let sim = sim().await;
    sim.with_world(|world| world.gate.rate("*", "*", "*", 1000.0, 1000.0));
    let ssm = aws_sdk_ssm::Client::new(&config(&sim, MEMBER, None));
    let list = || ssm.describe_sessions().state(SessionState::Active).send();
    let once = |effect| Fault { count: Some(1), ..Fault::new("ssm", "DescribeSessions", effect) };
    let sessions = list().await.unwrap().sessions().len();
    assert!(sessions > 0);

    let internal = Effect::Error { code: "InternalServerError".into(), message: "Try again".into(), status: 500 };
    for (effect, expected) in [
        (internal, "InternalServerError"),
        (Effect::ExpiredCredentials, "ExpiredTokenException"),
        (Effect::Deny, "AccessDeniedException"),
        (Effect::Throttle, "ThrottlingException"),
        (Effect::Disconnect, "no answer"),
        (Effect::Malformed, "unreadable answer"),
        (Effect::Cut, "unreadable answer"),
    ] {
        add(&sim, once(effect.clone()));
        assert_eq!(code(&list().await.unwrap_err()), expected, "{effect:?}");
        assert!(list().await.is_ok(), "after {effect:?}");
    }

    add(&sim, once(Effect::Hang));
    assert!(tokio::time::timeout(Duration::from_millis(300), list()).await.is_err());
    assert!(list().await.is_ok());

    add(&sim, once(Effect::Latency { milliseconds: 200 }));
    let begun = std::time::Instant::now();
    assert!(list().await.is_ok());
    assert!(begun.elapsed() >= Duration::from_millis(200));

    add(&sim, once(Effect::EmptyPage));
    let mut pages = ssm.describe_sessions().state(SessionState::Active).into_paginator().send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.unwrap().sessions().len());
    }
    assert_eq!(sizes, [0, sessions]);
}

#[tokio::test]
async fn a_scenario_can_begin_with_faults() {
    let mut text = String::from(include_str!("../src/sim/scenarios/quiet.toml"));
    text.push_str(
        "\n[[faults]]\nservice = \"ssm\"\noperation = \"DescribeSessions\"\nregion = \"eu-central-1\"\neffect = { type = \"deny\" }\n",
    );
    let scenario = Scenario::parse("quiet with a fault", &text).unwrap();
    let world = World::new(&scenario, 1, 1.0, jiff::Timestamp::now());
    let sim = Sim::start(SocketAddr::from(([127, 0, 0, 1], 0)), world).await.unwrap();
    let ssm = aws_sdk_ssm::Client::new(&config(&sim, MEMBER, None));
    let error = ssm.describe_sessions().state(SessionState::Active).send().await.unwrap_err();
    assert_eq!(code(&error), "AccessDeniedException");
    assert_eq!(
        words(&error),
        format!(
            "User: arn:aws:iam::{MEMBER}:user/analyst is not authorized to perform: ssm:DescribeSessions on resource: \
             arn:aws:ssm:{REGION}:{MEMBER}:* because no identity-based policy allows the ssm:DescribeSessions action"
        )
    );
}

#[tokio::test]
async fn faults_and_clock_are_set_over_the_control_plane() {
    let sim = sim().await;
    let fault =
        r#"{"service":"ssm","operation":"Describe*","count":1,"effect":{"type":"error","code":"Boom","status":500}}"#;
    assert_eq!(control(&sim, "POST", "/_sim/faults", fault).await.0, 200);
    let (_, listed) = control(&sim, "GET", "/_sim/faults", "").await;
    assert_eq!(listed["faults"][0]["effect"]["code"], "Boom");
    assert_eq!(control(&sim, "DELETE", "/_sim/faults", "").await.1["removed"], 1);
    for bad in
        [r#"{"efect":1}"#, r#"{"effect":{"type":"nope"}}"#, r#"{"effect":{"type":"hang"},"probability":2}"#, "", "{"]
    {
        let (status, answer) = control(&sim, "POST", "/_sim/faults", bad).await;
        assert_eq!(status, 400, "{bad}");
        assert!(answer["error"].is_string());
    }
    let before = sim.with_world(|world| world.now());
    assert_eq!(control(&sim, "POST", "/_sim/advance", r#"{"seconds":90}"#).await.0, 200);
    assert!(sim.with_world(|world| world.now()).duration_since(before).as_secs() >= 90);
    assert_eq!(control(&sim, "POST", "/_sim/advance", r#"{"seconds":-1}"#).await.0, 400);
    assert_eq!(control(&sim, "GET", "/_sim/nothing", "").await.0, 404);
    assert_eq!(control(&sim, "PUT", "/_sim/faults", "").await.0, 405);
    let (_, world) = control(&sim, "GET", "/_sim/world", "").await;
    assert!(world["sessions"].as_array().unwrap().iter().any(|session| session["status"] == "Connected"));
}

#[tokio::test]
async fn operations_that_are_not_there_are_unknown_in_every_protocol() {
    let sim = sim().await;
    let json = "Content-Type: application/x-amz-json-1.1";
    let form = "Content-Type: application/x-www-form-urlencoded";
    let cbor = "smithy-protocol: rpc-v2-cbor";
    for (service, head, headers, body, status, expected) in [
        (
            "ssm",
            "POST /",
            vec![json, "X-Amz-Target: AmazonSSM.SendCommand"],
            "{}",
            "400",
            "\"__type\":\"UnknownOperationException\"",
        ),
        (
            "dynamodb",
            "POST /",
            vec![json, "X-Amz-Target: DynamoDB_20120810.ListTables"],
            "{}",
            "400",
            "UnknownOperationException",
        ),
        (
            "iam",
            "POST /",
            vec![form],
            "Action=CreateUser&Version=2010-05-08",
            "400",
            "<Code>InvalidAction</Code><Message>Could not find operation CreateUser for version 2010-05-08</Message>",
        ),
        (
            "iam",
            "POST /",
            vec![form],
            "Action=GetRole&Version=1999-05-08",
            "400",
            "<Message>Could not find operation GetRole for version 1999-05-08</Message>",
        ),
        (
            "ec2",
            "POST /",
            vec![form],
            "Action=DescribeInstances&Version=2016-11-15",
            "400",
            "<Errors><Error><Code>InvalidAction</Code>",
        ),
        (
            "monitoring",
            "POST /service/GraniteServiceVersion20100801/operation/Nope",
            vec![cbor],
            "",
            "404",
            "UnknownOperationException",
        ),
        ("lambda", "GET /2015-03-31/functions", vec![], "", "404", "UnknownOperationException"),
        ("s3", "PATCH /bucket/key", vec![], "", "405", "<Code>MethodNotAllowed</Code>"),
        ("s3", "PUT /bucket?website", vec![], "", "501", "<Code>NotImplemented</Code>"),
    ] {
        let answer = signed(&sim, service, head, &headers, body.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(expected), "{head}: {answer}");
    }
}

#[tokio::test]
async fn unsigned_and_wrongly_signed_requests_are_turned_away_as_the_service_does() {
    let sim = sim().await;
    let unsigned = |head: &str, headers: &str, body: &str| {
        format!(
            "{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let target = "X-Amz-Target: AmazonSSM.DescribeSessions\r\n";
    let answer = raw(&sim, unsigned("POST /", target, "{}").as_bytes()).await;
    assert!(answer.contains("MissingAuthenticationTokenException"), "{answer}");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = raw(&sim, unsigned("POST /", form, "Action=GetCallerIdentity&Version=2011-06-15").as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 403 ") && answer.contains("<Code>MissingAuthenticationToken</Code>"),
        "{answer}"
    );
    let answer = raw(&sim, unsigned("GET /bucket/key", "", "").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("<Code>AccessDenied</Code>"), "{answer}");
    let answer = signed(&sim, "logs", "POST /", &["X-Amz-Target: AmazonSSM.DescribeSessions"], b"{}").await;
    assert!(answer.contains("Credential should be scoped to correct service: 'ssm'"), "{answer}");
}

#[tokio::test]
async fn no_input_silences_the_server() {
    let sim = sim().await;
    sim.with_world(|world| world.gate.rate("*", "*", "*", 1000.0, 1000.0));
    let json = ["Content-Type: application/x-amz-json-1.1", "X-Amz-Target: AmazonSSM.DescribeSessions"];
    for body in [&b"{"[..], b"[]", b"\xff\xfe", b"null", b"\"text\"", &b"[".repeat(100_000), &b"{\"a\":".repeat(50_000)]
    {
        let answer = signed(&sim, "ssm", "POST /", &json, body).await;
        assert!(answer.contains("SerializationException"), "{answer}");
    }
    let cbor = ["smithy-protocol: rpc-v2-cbor", "Content-Type: application/cbor"];
    for body in [&b"\xff"[..], b"\x81\x81", b"\xbf\x61", &b"\x81".repeat(100_000)] {
        let answer = signed(
            &sim,
            "monitoring",
            "POST /service/GraniteServiceVersion20100801/operation/ListMetrics",
            &cbor,
            body,
        )
        .await;
        assert!(answer.contains("SerializationException"), "{answer}");
    }
    let gzip = [json[0], json[1], "Content-Encoding: gzip"];
    assert!(signed(&sim, "ssm", "POST /", &gzip, b"not gzip").await.contains("SerializationException"));
    let mut numbers = fastrand::Rng::with_seed(7);
    for length in 0..60 {
        let bytes: Vec<u8> = (0..length * 7).map(|_| numbers.u8(..)).collect();
        raw(&sim, &bytes).await;
        signed(&sim, "s3", "PUT /b/k", &["x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER"], &bytes).await;
    }
    let sts = aws_sdk_sts::Client::new(&config(&sim, MEMBER, None));
    assert!(sts.get_caller_identity().send().await.is_ok());
}

#[tokio::test]
async fn live_tail_streams_updates_until_it_is_timed_out() {
    let sim = sim().await;
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config(&sim, MEMBER, None));
    let endpoint = format!("{}/", sim.endpoint());
    let group = format!("arn:aws:logs:{REGION}:{MEMBER}:log-group:/ssm-session-logs");
    // The SDK puts `stream-` before any host, which no resolver knows for an address.
    let start = || {
        let endpoint = endpoint.clone();
        logs.start_live_tail().log_group_identifiers(&group).customize().mutate_request(move |request| {
            request.set_uri(endpoint.as_str()).unwrap();
        })
    };
    let mut stream = start().send().await.unwrap().response_stream;
    let mut next = async || tokio::time::timeout(DEADLINE, stream.recv()).await.expect("an update a second");
    let first = next().await.unwrap().unwrap();
    assert_eq!(first.as_session_start().unwrap().log_group_identifiers(), std::slice::from_ref(&group));
    // The first session of the scenario prints a line a second.
    let line = loop {
        let event = next().await.unwrap().unwrap();
        let update = event.as_session_update().unwrap();
        assert!(!update.session_metadata().unwrap().sampled());
        if let Some(line) = update.session_results().first() {
            break line.clone();
        }
    };
    assert!(line.log_stream_name().unwrap().starts_with("alice@example.com-"));
    assert!(line.message().unwrap().contains("sessionData"));

    add(&sim, Fault { count: Some(1), ..Fault::new("logs", "StartLiveTail", Effect::EndLiveTail) });
    let error = loop {
        match next().await {
            Ok(event) => assert!(event.is_some(), "ended without saying why"),
            Err(error) => break error,
        }
    };
    assert!(error.as_service_error().unwrap().is_session_timeout_exception(), "{error:?}");

    sim.with_world(|world| world.gate.rate("*", "*", "*", 1000.0, 1000.0));
    let mut open = Vec::new();
    let refused = loop {
        match start().send().await {
            Ok(session) => open.push(session),
            Err(error) => break error,
        }
        assert!(open.len() <= 15, "no limit");
    };
    assert_eq!((open.len(), code(&refused)), (15, "LimitExceededException".into()));
}

#[tokio::test]
async fn live_tails_are_listed_and_ended_over_the_control_plane() {
    let sim = sim().await;
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config(&sim, MEMBER, None));
    let endpoint = format!("{}/", sim.endpoint());
    let group = format!("arn:aws:logs:{REGION}:{MEMBER}:log-group:/ssm-session-logs");
    let start = logs.start_live_tail().log_group_identifiers(&group).customize();
    let start = start.mutate_request(move |request| request.set_uri(endpoint.as_str()).unwrap());
    let mut stream = start.send().await.unwrap().response_stream;
    let (_, open) = control(&sim, "GET", "/_sim/live_tails", "").await;
    let expected = serde_json::json!([{"account": MEMBER, "region": REGION, "log_groups": [group]}]);
    assert_eq!(open["live_tails"], expected);
    let elsewhere = r#"{"account":"000000000000","ending":"sever"}"#;
    assert_eq!(control(&sim, "POST", "/_sim/live_tails", elsewhere).await.1["ended"], 0);
    assert_eq!(control(&sim, "POST", "/_sim/live_tails", r#"{"ending":"fail"}"#).await.1["ended"], 1);
    assert_eq!(control(&sim, "POST", "/_sim/live_tails", r#"{"ending":"nicely"}"#).await.0, 400);
    let error = loop {
        match tokio::time::timeout(DEADLINE, stream.recv()).await.unwrap() {
            Ok(event) => assert!(event.is_some(), "ended without saying why"),
            Err(error) => break error,
        }
    };
    assert!(error.as_service_error().unwrap().is_session_streaming_exception(), "{error:?}");
    let sample = r#"{"effect":{"type":"sample_live_tail","drop":0.5}}"#;
    assert_eq!(control(&sim, "POST", "/_sim/faults", sample).await.0, 200);
}

#[tokio::test]
async fn a_session_prints_and_is_meddled_with_over_the_control_plane() {
    let sim = sim().await;
    let (_, world) = control(&sim, "GET", "/_sim/world", "").await;
    let sessions = world["sessions"].as_array().unwrap();
    let alice = sessions.iter().find(|session| session["session_id"].as_str().unwrap().starts_with("alice")).unwrap();
    let id = alice["session_id"].as_str().unwrap();
    let print = serde_json::json!({"session_id": id, "text": "\u{1b}]0;t\u{7}# history -c\r\n"}).to_string();
    assert_eq!(control(&sim, "POST", "/_sim/print", &print).await.0, 200);
    for with in
        ["{\"event\":\"to the letter\"}", "{\"forge\":{\"lines\":[\"x\"],\"owner\":\"nobody\"}}", "{\"replay\":2}"]
    {
        let body = format!("{{\"session_id\":\"{id}\",\"with\":{with}}}");
        assert_eq!(control(&sim, "POST", "/_sim/meddle", &body).await.0, 200, "{with}");
    }
    sim.advance(Duration::from_secs(3));
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config(&sim, MEMBER, None));
    let read = logs.get_log_events().log_group_name("/ssm-session-logs").log_stream_name(id).send().await.unwrap();
    let all: String = read.events().iter().map(|event| event.message().unwrap()).collect();
    for expected in ["\\u001b]0;t\\u0007# history -c", "to the letter", "\"arn\":\"nobody\""] {
        assert!(all.contains(expected), "{expected}: {all}");
    }
    let body = format!("{{\"session_id\":\"{id}\",\"with\":\"delete_stream\"}}");
    assert_eq!(control(&sim, "POST", "/_sim/meddle", &body).await.0, 200);
    let gone = logs.get_log_events().log_group_name("/ssm-session-logs").log_stream_name(id).send().await.unwrap_err();
    assert_eq!(code(&gone), "ResourceNotFoundException");
    assert_eq!(control(&sim, "POST", "/_sim/print", r#"{"session_id":"nobody","text":"x"}"#).await.0, 404);
    assert_eq!(control(&sim, "POST", "/_sim/meddle", r#"{"session_id":"nobody"}"#).await.0, 400);
}

#[tokio::test]
async fn several_run_in_one_process_and_stop_with_connections_open() {
    let (one, other) = (sim().await, sim().await);
    assert_ne!(one.addr, other.addr);
    let sts = aws_sdk_sts::Client::new(&config(&other, MEMBER, None));
    assert!(sts.get_caller_identity().send().await.is_ok());
    add(&other, Fault::new("ssm", "*", Effect::Hang));
    let ssm = aws_sdk_ssm::Client::new(&config(&other, MEMBER, None));
    let hanging =
        tokio::spawn(async move { ssm.describe_sessions().state(SessionState::Active).send().await.is_err() });
    let reached = async {
        while other.with_world(|world| world.gate.tally("ssm", "DescribeSessions").calls) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, reached).await.unwrap();
    tokio::time::timeout(DEADLINE, other.stop()).await.expect("stops");
    assert!(tokio::time::timeout(DEADLINE, hanging).await.unwrap().unwrap());
    assert!(sts.get_caller_identity().send().await.is_err());
    assert!(aws_sdk_sts::Client::new(&config(&one, MEMBER, None)).get_caller_identity().send().await.is_ok());
}
