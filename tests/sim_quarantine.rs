//! The simulated AWS as a quarantine sees it: service control policies, inline policies of roles, what they forbid, and requests that are
//! carried out without an answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;

use std::{collections::BTreeMap, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_organizations::types::{PolicyType, TargetType};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use rig::{ARCHIVE as MANAGEMENT, PAYMENTS, break_it};
use ssmwatch::sim::{
    Sim,
    gate::{Effect, Fault},
    scenario::Scenario,
};

const POLICY: &str = "p-quarantine1";
const FULL_ACCESS: &str = "p-FullAWSAccess";
const REVOKING: &str = "AWSRevokeOlderSessions";

async fn sim() -> Sim {
    let quiet = include_str!("../src/sim/scenarios/quiet.toml");
    let later = include_str!("fixtures/quarantine.toml");
    rig::sim(&Scenario::parse("quarantine", &format!("{quiet}\n{later}")).unwrap()).await
}

fn config(sim: &Sim, account: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(account, "any", None, None, "test")))
        .endpoint_url(sim.endpoint())
        .retry_config(RetryConfig::disabled())
        .build()
}

fn organizations(sim: &Sim, account: &str) -> aws_sdk_organizations::Client {
    aws_sdk_organizations::Client::new(&config(sim, account))
}

fn iam(sim: &Sim) -> aws_sdk_iam::Client {
    aws_sdk_iam::Client::new(&config(sim, PAYMENTS))
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.as_service_error().and_then(|error| error.code()).unwrap_or("no code").to_owned()
}

fn words<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.as_service_error().and_then(|error| error.message()).unwrap_or_default().to_owned()
}

fn has_session(sim: &Sim, begin: &str) -> bool {
    sim.with_world(|world| world.sessions.iter().any(|session| session.id.starts_with(begin)))
}

fn revoking(before: jiff::Timestamp) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{{"DateLessThan":{{"aws:TokenIssueTime":"{before:.3}"}}}}}}]}}"#
    )
}

async fn attached_to(sim: &Sim, target: &str) -> Vec<String> {
    let client = organizations(sim, MANAGEMENT);
    let kind = PolicyType::ServiceControlPolicy;
    let mut pages = client.list_policies_for_target().target_id(target).filter(kind).max_results(1).into_paginator();
    pages = pages.page_size(1);
    let mut pages = pages.send();
    let mut ids = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert_eq!(page.policies().len(), 1);
        ids.extend(page.policies().iter().map(|policy| policy.id().unwrap().to_owned()));
    }
    ids
}

#[tokio::test]
async fn policies_are_read_in_pages() {
    let sim = sim().await;
    let client = organizations(&sim, MANAGEMENT);
    let policies = client.list_policies().filter(PolicyType::ServiceControlPolicy).send().await.unwrap();
    let ids: Vec<_> = policies.policies().iter().map(|policy| policy.id().unwrap()).collect();
    assert_eq!(ids, [FULL_ACCESS, POLICY]);
    assert!(client.list_policies().filter(PolicyType::TagPolicy).send().await.unwrap().policies().is_empty());

    let policy = client.describe_policy().policy_id(POLICY).send().await.unwrap().policy.unwrap();
    assert!(policy.content().unwrap().contains("ssm:StartSession"));
    let summary = policy.policy_summary().unwrap();
    assert_eq!((summary.name(), summary.aws_managed()), (Some("ssm-quarantine"), false));
    assert_eq!(summary.r#type(), Some(&PolicyType::ServiceControlPolicy));
    let arn = summary.arn().unwrap();
    assert!(arn.starts_with(&format!("arn:aws:organizations::{MANAGEMENT}:policy/o-")), "{arn}");
    assert!(arn.ends_with("/service_control_policy/p-quarantine1"), "{arn}");

    assert_eq!(attached_to(&sim, PAYMENTS).await, [FULL_ACCESS]);
    client.attach_policy().policy_id(POLICY).target_id(PAYMENTS).send().await.unwrap();
    assert_eq!(attached_to(&sim, PAYMENTS).await, [FULL_ACCESS, POLICY]);
    let targets = client.list_targets_for_policy().policy_id(FULL_ACCESS).send().await.unwrap();
    let kinds: Vec<_> = targets.targets().iter().map(|target| target.r#type().unwrap().clone()).collect();
    assert_eq!(kinds, [TargetType::Account, TargetType::Account, TargetType::Root]);
    let targets = client.list_targets_for_policy().policy_id(POLICY).send().await.unwrap();
    let target = &targets.targets()[0];
    assert_eq!((target.target_id(), target.name()), (Some(PAYMENTS), Some("payments-prod")));
    client.detach_policy().policy_id(POLICY).target_id(PAYMENTS).send().await.unwrap();
    assert_eq!(attached_to(&sim, PAYMENTS).await, [FULL_ACCESS]);
}

#[tokio::test]
async fn attaching_is_refused_in_the_services_own_words() {
    let sim = sim().await;
    let client = organizations(&sim, MANAGEMENT);
    let attach = |policy: &str, target: &str| client.attach_policy().policy_id(policy).target_id(target).send();
    let detach = |policy: &str, target: &str| client.detach_policy().policy_id(policy).target_id(target).send();
    let error = attach("p-nosuchpolicy1", PAYMENTS).await.unwrap_err();
    assert_eq!(words(&error), "You specified a policy that doesn't exist.");
    assert!(error.as_service_error().unwrap().is_policy_not_found_exception());
    assert_eq!(code(&attach(POLICY, "999999999999").await.unwrap_err()), "TargetNotFoundException");
    for (policy, target, reason) in
        [("quarantine", PAYMENTS, "INVALID_PATTERN"), (POLICY, "payments-prod", "INVALID_PATTERN_TARGET_ID")]
    {
        match attach(policy, target).await.unwrap_err().into_service_error() {
            aws_sdk_organizations::operation::attach_policy::AttachPolicyError::InvalidInputException(error) => {
                assert_eq!(error.reason().unwrap().as_str(), reason);
            }
            other => panic!("{other:?}"),
        }
    }
    attach(POLICY, PAYMENTS).await.unwrap();
    assert_eq!(code(&attach(POLICY, PAYMENTS).await.unwrap_err()), "DuplicatePolicyAttachmentException");
    detach(POLICY, PAYMENTS).await.unwrap();
    assert_eq!(code(&detach(POLICY, PAYMENTS).await.unwrap_err()), "PolicyNotAttachedException");
    let error = detach(FULL_ACCESS, PAYMENTS).await.unwrap_err();
    assert_eq!(code(&error), "ConstraintViolationException");
    assert!(words(&error).starts_with("You cannot remove the last policy"), "{}", words(&error));
    // Four more fill it up.
    sim.with_world(|world| {
        for number in 0..4 {
            let id = format!("p-filler000{number}");
            world.control_policies.attached.get_mut(PAYMENTS).unwrap().push(id);
        }
    });
    let error = attach(POLICY, PAYMENTS).await.unwrap_err();
    assert_eq!(code(&error), "ConstraintViolationException");
    assert!(words(&error).contains("maximum number of policies"), "{}", words(&error));
    // Members may do nothing of it, and what the gate refuses is refused.
    let member = organizations(&sim, PAYMENTS);
    let error = member.attach_policy().policy_id(POLICY).target_id(PAYMENTS).send().await.unwrap_err();
    assert_eq!(code(&error), "AccessDeniedException");
    let error = member.describe_policy().policy_id(POLICY).send().await.unwrap_err();
    assert_eq!(code(&error), "AccessDeniedException");
    sim.with_world(|world| world.gate.deny(MANAGEMENT, "organizations:AttachPolicy"));
    let error = attach(POLICY, MANAGEMENT).await.unwrap_err();
    assert_eq!(code(&error), "AccessDeniedException");
    assert!(words(&error).contains("organizations:AttachPolicy"), "{}", words(&error));
}

#[tokio::test]
async fn an_attached_policy_forbids_new_sessions_and_leaves_the_running_ones() {
    let sim = sim().await;
    let client = organizations(&sim, MANAGEMENT);
    client.attach_policy().policy_id(POLICY).target_id(PAYMENTS).send().await.unwrap();
    client.attach_policy().policy_id(POLICY).target_id(MANAGEMENT).send().await.unwrap();
    sim.advance(Duration::from_secs(120));
    assert!(!has_session(&sim, "carol-soon") && !has_session(&sim, "bob-soon"));
    assert!(has_session(&sim, "dave-soon"), "the management account is subject to no such policy");
    let running = sim.with_world(|world| {
        world.sessions.iter().filter(|session| session.account == PAYMENTS && session.is_active()).count()
    });
    assert_eq!(running, 3, "alice, bob and carol go on");
    // Who asks the API is refused too, and may look all the same.
    let ssm = aws_sdk_ssm::Client::new(&config(&sim, PAYMENTS));
    let node = sim.with_world(|world| {
        world.region(PAYMENTS, "eu-central-1").unwrap().nodes.values().find(|node| node.online).unwrap().id.clone()
    });
    let error = ssm.start_session().target(&node).send().await.unwrap_err();
    assert_eq!(code(&error), "AccessDeniedException");
    assert!(words(&error).ends_with("with an explicit deny in a service control policy"), "{}", words(&error));
    ssm.get_connection_status().target(&node).send().await.unwrap();
    client.detach_policy().policy_id(POLICY).target_id(PAYMENTS).send().await.unwrap();
    ssm.start_session().target(&node).send().await.unwrap();
    sim.advance(Duration::from_secs(3600));
    assert!(has_session(&sim, "carol-later"));
}

#[tokio::test]
async fn revoked_tokens_start_no_session_until_there_are_new_ones() {
    let sim = sim().await;
    let client = iam(&sim);
    let put = client.put_role_policy().role_name("WinOps").policy_name(REVOKING);
    put.policy_document(revoking(jiff::Timestamp::now())).send().await.unwrap();
    sim.advance(Duration::from_secs(120));
    assert!(!has_session(&sim, "carol-soon"));
    assert!(has_session(&sim, "bob-soon"), "only the role is revoked");
    sim.advance(Duration::from_secs(3600));
    assert!(has_session(&sim, "carol-later"), "37 minutes before it she got a new token");
}

#[tokio::test]
async fn inline_policies_are_written_replaced_and_deleted() {
    let sim = sim().await;
    let client = iam(&sim);
    let put = |role: &str, document: &str| {
        client.put_role_policy().role_name(role).policy_name(REVOKING).policy_document(document).send()
    };
    let read = || async {
        let answer = client.get_role_policy().role_name("WinOps").policy_name(REVOKING).send().await;
        answer.map(|answer| {
            percent_encoding::percent_decode_str(answer.policy_document()).decode_utf8().unwrap().into_owned()
        })
    };
    let delete = |role: &str| client.delete_role_policy().role_name(role).policy_name(REVOKING).send();
    assert_eq!(code(&delete("WinOps").await.unwrap_err()), "NoSuchEntity");
    let (first, second) = (revoking(jiff::Timestamp::UNIX_EPOCH), revoking(jiff::Timestamp::now()));
    put("WinOps", &first).await.unwrap();
    assert_eq!(read().await.unwrap(), first);
    put("WinOps", &second).await.unwrap();
    assert_eq!(read().await.unwrap(), second);
    delete("WinOps").await.unwrap();
    assert_eq!(code(&read().await.unwrap_err()), "NoSuchEntity");

    let error = put("nobody", &first).await.unwrap_err();
    assert_eq!(
        (code(&error), words(&error)),
        ("NoSuchEntity".into(), "The role with name nobody cannot be found.".into())
    );
    let sso = "AWSReservedSSO_OpsAdmin_0123456789abcdef";
    for error in [code(&put(sso, &first).await.unwrap_err()), code(&delete(sso).await.unwrap_err())] {
        assert_eq!(error, "UnmodifiableEntity");
    }
    for (document, said) in [
        ("no JSON", "Syntax errors in policy."),
        (
            r#"{"Version":"2013-01-01","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#,
            "Syntax errors in policy.",
        ),
        (r#"{"Version":"2012-10-17","Statement":[]}"#, "Syntax errors in policy."),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Resource":"*"}}"#,
            "Policy statement must contain actions.",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*"}}"#,
            "Policy statement must contain resources.",
        ),
    ] {
        let error = put("WinOps", document).await.unwrap_err();
        assert_eq!((code(&error), words(&error)), ("MalformedPolicyDocument".into(), said.into()));
    }
    let long = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Sid":"{}","Effect":"Deny","Action":"*","Resource":"*"}}}}"#,
        "x".repeat(10_240)
    );
    let error = put("WinOps", &long).await.unwrap_err();
    assert_eq!(code(&error), "LimitExceeded");
    assert_eq!(words(&error), "Maximum policy size of 10240 bytes exceeded for role WinOps");
    sim.with_world(|world| world.gate.deny(PAYMENTS, "iam:PutRolePolicy"));
    assert_eq!(code(&put("WinOps", &first).await.unwrap_err()), "AccessDenied");
}

#[tokio::test]
async fn changes_are_recorded_by_cloudtrail_where_the_global_services_are() {
    let sim = sim().await;
    organizations(&sim, MANAGEMENT).attach_policy().policy_id(POLICY).target_id(PAYMENTS).send().await.unwrap();
    let put = iam(&sim).put_role_policy().role_name("WinOps").policy_name(REVOKING);
    put.policy_document(revoking(jiff::Timestamp::now())).send().await.unwrap();
    let last = |account: &str| {
        sim.with_world(|world| {
            let record = world.region(account, "us-east-1").unwrap().trail.last().unwrap().record.clone();
            serde_json::from_str::<serde_json::Value>(&record).unwrap()
        })
    };
    let record = last(MANAGEMENT);
    assert_eq!((&record["eventName"], &record["readOnly"]), (&"AttachPolicy".into(), &false.into()));
    assert_eq!(record["requestParameters"]["targetId"], PAYMENTS);
    let record = last(PAYMENTS);
    assert_eq!((&record["eventName"], &record["eventSource"]), (&"PutRolePolicy".into(), &"iam.amazonaws.com".into()));
}

#[tokio::test]
async fn a_mute_request_is_carried_out_and_never_answered() {
    let sim = sim().await;
    break_it(&sim, Fault::new("sns", "Publish", Effect::Mute));
    let patience = TimeoutConfig::builder().operation_timeout(Duration::from_millis(400)).build();
    let client = aws_sdk_sns::Client::new(&config(&sim, PAYMENTS).to_builder().timeout_config(patience).build());
    let topic = format!("arn:aws:sns:eu-central-1:{PAYMENTS}:aws-ssm-monitoring-logging-guardrails-multiaccount");
    let error = client.publish().topic_arn(&topic).message("done all the same").send().await.unwrap_err();
    assert!(matches!(error, SdkError::TimeoutError(_)), "{error:?}");
    let published =
        sim.with_world(|world| world.sns.published().map(|message| message.message.clone()).collect::<Vec<_>>());
    assert_eq!(published, ["done all the same"]);
    // A request that hangs is not carried out.
    rig::repair(&sim);
    break_it(&sim, Fault::new("sns", "Publish", Effect::Hang));
    client.publish().topic_arn(&topic).message("never").send().await.unwrap_err();
    assert_eq!(sim.with_world(|world| world.sns.published().count()), 1);
    // And the name of it is the control plane's.
    let fault: Fault = serde_json::from_str(r#"{"service":"sns","effect":{"type":"mute"}}"#).unwrap();
    assert_eq!(fault.effect, Effect::Mute);
}

#[tokio::test]
async fn what_changes_something_is_counted_and_what_reads_is_not() {
    let sim = sim().await;
    let writes = || sim.with_world(|world| world.gate.writes());
    let ssm = aws_sdk_ssm::Client::new(&config(&sim, PAYMENTS));
    ssm.describe_sessions().state(aws_sdk_ssm::types::SessionState::Active).send().await.unwrap();
    ssm.get_document().name("SSM-SessionManagerRunShell").send().await.unwrap();
    iam(&sim).list_roles().send().await.unwrap();
    let sts = aws_sdk_sts::Client::new(&config(&sim, MANAGEMENT));
    let role = format!("arn:aws:iam::{PAYMENTS}:role/ssmwatch");
    let assume = sts.assume_role().role_arn(role).role_session_name("watch").external_id(rig::EXTERNAL_ID);
    assume.send().await.unwrap();
    aws_sdk_s3::Client::new(&config(&sim, PAYMENTS)).head_object().bucket("b").key("k").send().await.unwrap_err();
    assert_eq!(writes(), BTreeMap::new());

    ssm.terminate_session().session_id("nobody-0123").send().await.unwrap();
    ssm.terminate_session().session_id("nobody-0123").send().await.unwrap();
    let client = organizations(&sim, MANAGEMENT);
    client.attach_policy().policy_id(POLICY).target_id(PAYMENTS).send().await.unwrap();
    sim.with_world(|world| world.gate.deny(PAYMENTS, "iam:*"));
    iam(&sim).delete_role_policy().role_name("WinOps").policy_name(REVOKING).send().await.unwrap_err();
    // An operation that nobody here thought of.
    iam(&sim).create_account_alias().account_alias("x").send().await.unwrap_err();
    let expected = BTreeMap::from([
        ("iam:CreateAccountAlias".to_owned(), 1),
        ("iam:DeleteRolePolicy".to_owned(), 1),
        ("organizations:AttachPolicy".to_owned(), 1),
        ("ssm:TerminateSession".to_owned(), 2),
    ]);
    assert_eq!(writes(), expected);
    sim.with_world(|world| world.gate.reset_tallies());
    assert_eq!(writes(), BTreeMap::new());
}
