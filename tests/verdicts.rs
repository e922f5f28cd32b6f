//! Rules over the wire: the simulated AWS is bent, and the board's verdicts follow.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;

#[path = "common/watched.rs"]
mod watched;

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_iam::types::Tag;
use ssmwatch::{
    domain::Verdict,
    sim::{Sim, gate},
    watch::WatchConfig,
};

use rig::{ARCHIVE, PAYMENTS, hasty, sim};
use watched::{Of, Watched, quiet_with};

const NODE_ROLE: &str = "ssm-managed-node";
const ALICE: Of<'_> = Of::Session("alice@example.com");

fn inline(sim: &Sim, name: &str, document: Option<&str>) {
    sim.with_world(|world| {
        let role = world.accounts.get_mut(PAYMENTS).unwrap().roles.get_mut(NODE_ROLE).unwrap();
        match document {
            Some(document) => role.inline.insert(name.to_owned(), document.to_owned()),
            None => role.inline.remove(name),
        };
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deny_in_any_form_is_found_and_what_cannot_be_decided_is_quoted() {
    let sim = sim(&quiet_with("")).await;
    let mut watched = Watched::start(&sim, hasty(), |_| ()).await;
    watched.until(ALICE, "IAM-02", Verdict::Compliant).await;
    watched.until(ALICE, "IAM-03", Verdict::Compliant).await;
    for (form, document) in [
        ("star", r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#),
        (
            "not action",
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotAction":"ec2:*","Resource":"*"}]}"#,
        ),
    ] {
        inline(&sim, "break-glass", Some(document));
        let finding = watched.until(ALICE, "IAM-02", Verdict::NonCompliant).await;
        let denied = finding.evidence.iter().find(|evidence| evidence.fact == "denied_actions").unwrap();
        assert!(denied.value.contains("logs:PutLogEvents by break-glass"), "{form}: {denied:?}");
        inline(&sim, "break-glass", None);
        watched.until(ALICE, "IAM-02", Verdict::Compliant).await;
    }
    let changed = watched.until(ALICE, "IAM-03", Verdict::NonCompliant).await;
    assert!(changed.evidence.iter().any(|evidence| evidence.value.contains("break-glass")), "{changed:#?}");
    let tls = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;
    inline(&sim, "tls-only", Some(tls));
    let undecided = watched.until(ALICE, "IAM-02", Verdict::InsufficientData).await;
    assert!(undecided.missing[0].reason.contains("aws:SecureTransport"), "{undecided:#?}");
    sim.with_world(|world| world.gate.deny(PAYMENTS, "iam:GetRolePolicy"));
    let mut fresh = Watched::start(&sim, hasty(), |_| ()).await;
    let denied = fresh.until_because(ALICE, "IAM-02", "denied: iam:GetRolePolicy").await;
    let reason = &denied.missing[0];
    assert!(reason.retry_at.is_some(), "when it is tried again: {reason:?}");
    fresh.until(ALICE, "IAM-01", Verdict::Compliant).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_started_it_from_where_is_judged_once_the_record_came() {
    let casts = r#"
[[cast]]
owner = "arn:aws:iam::{account}:user/eve"
node = "payments-web-3"
reason = "INC-1"
at = -30.0
mfa = false
source_ip = "203.0.113.9"

[[cast]]
owner = "arn:aws:iam::{account}:user/frank"
node = "payments-web-3"
reason = "INC-4"
at = -30.0

[[cast]]
owner = "arn:aws:iam::{account}:root"
node = "payments-web-3"
reason = "INC-2"
at = -30.0
mfa = true
source_ip = "198.51.100.9"

[[cast]]
owner = "arn:aws:sts::{account}:assumed-role/Dba/mallory"
node = "payments-web-3"
reason = "INC-3"
document = "AWS-StartPortForwardingSessionToRemoteHost"
at = -30.0
parameters = { host = ["db.internal"], portNumber = ["5432"], localPortNumber = ["15432"] }
"#;
    let mut scenario = quiet_with(casts);
    scenario.delays.trail = [1.0, 1.5];
    let sim = sim(&scenario).await;
    let mut watched = Watched::start(&sim, hasty(), |parameters| {
        parameters.allowed_networks = vec![ssmwatch::compliance::Network::parse("198.51.100.0/24").unwrap()];
        parameters.roles_required = true;
    })
    .await;
    let eve = Of::Session("user/eve");
    watched.until(eve, "WHO-02", Verdict::NonCompliant).await;
    let outside = watched.until(eve, "WHO-03", Verdict::NonCompliant).await;
    assert!(outside.evidence.iter().any(|evidence| evidence.source == "cloudtrail:LookupEvents"), "{outside:#?}");
    let frank = Of::Session("user/frank");
    let key = watched.until(frank, "WHO-05", Verdict::NonCompliant).await;
    assert_eq!(key.severity.word(), "HIGH");
    // A long-term key tells nothing of a second factor; with one from a login with MFA the record would say so.
    watched.until(frank, "WHO-02", Verdict::InsufficientData).await;
    watched.until(eve, "WHO-05", Verdict::Compliant).await;
    let root = Of::Session(":root");
    assert_eq!(watched.until(root, "WHO-05", Verdict::NonCompliant).await.severity.word(), "CRITICAL");
    watched.until(root, "WHO-02", Verdict::Compliant).await;
    watched.until(root, "WHO-03", Verdict::Compliant).await;
    let tunnel = Of::Session("Dba/mallory");
    watched.until(tunnel, "DOC-02", Verdict::NonCompliant).await;
    let port = watched.until(tunnel, "DOC-05", Verdict::NonCompliant).await;
    assert!(
        port.evidence.iter().any(|evidence| evidence.fact == "remote_port" && evidence.value == "5432"),
        "{port:#?}"
    );
    watched.until(tunnel, "DOC-04", Verdict::Compliant).await;
    // A federated principal: nobody can tell from here.
    let federated = watched.until(ALICE, "WHO-02", Verdict::InsufficientData).await;
    assert!(!federated.missing[0].reason.is_empty());
    let network = gate::Fault::new("cloudtrail", "LookupEvents", gate::Effect::Deny);
    sim.with_world(|world| world.gate.add_fault(network));
    let mut blind = Watched::start(&sim, hasty(), |_| ()).await;
    let denied = blind.until(eve, "WHO-02", Verdict::InsufficientData).await;
    assert!(!denied.missing.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn preferences_drift_value_by_value_and_are_missed_when_they_go() {
    let documents = r#"
[[documents]]
account = "log-archive"
region = "us-east-1"
name = "SSM-SessionManagerRunShell"
shared_with = ["all"]
versions = ['{"schemaVersion":"1.0","sessionType":"Standard_Stream","inputs":{"s3BucketName":"elsewhere","s3EncryptionEnabled":false,"cloudWatchLogGroupName":"/nowhere","idleSessionTimeout":"30"}}', '{"schemaVersion":"1.0","sessionType":"Standard_Stream","inputs":{}}']
default_version = 1

[[documents]]
account = "log-archive"
region = "eu-central-1"
name = "SSM-SessionManagerRunShell"
absent = true
versions = []
"#;
    let sim = sim(&quiet_with(documents)).await;
    let mut watched = Watched::start(&sim, hasty(), |parameters| {
        parameters.log_bucket = Some("central-log-ssm-audit-eu-central-1-o-example".to_owned());
    })
    .await;
    let drifting = Of::Preferences(ARCHIVE, "us-east-1");
    for number in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12] {
        watched.until(drifting, &format!("PRF-{number:02}"), Verdict::NonCompliant).await;
    }
    let good = Of::Preferences(PAYMENTS, "eu-central-1");
    for number in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12] {
        watched.until(good, &format!("PRF-{number:02}"), Verdict::Compliant).await;
    }
    watched.until(good, "PRF-11", Verdict::NotApplicable).await;
    let absent = Of::Preferences(ARCHIVE, "eu-central-1");
    watched.until(absent, "PRF-00", Verdict::NonCompliant).await;
    watched.until(absent, "PRF-01", Verdict::NotApplicable).await;
    sim.with_world(|world| world.gate.deny(PAYMENTS, "ssm:GetDocument"));
    let mut blind = Watched::start(&sim, hasty(), |_| ()).await;
    let finding = blind.until_because(good, "PRF-06", "denied: ssm:GetDocument").await;
    assert!(finding.missing[0].retry_at.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_deleted_and_a_node_that_falls_silent_are_found() {
    let sim = sim(&quiet_with("")).await;
    let config = WatchConfig { evidence_every: Duration::from_secs(1), ..hasty() };
    let mut watched = Watched::start(&sim, config, |_| ()).await;
    for rule in ["LOG-01", "LOG-03", "LOG-04", "LOG-05", "LOG-06"] {
        watched.until(ALICE, rule, Verdict::Compliant).await;
    }
    let nodes = Of::Nodes(PAYMENTS, "eu-central-1");
    for rule in ["NOD-01", "NOD-03", "NOD-04"] {
        watched.until(nodes, rule, Verdict::Compliant).await;
    }
    sim.with_world(|world| {
        let region = world.accounts.get_mut(PAYMENTS).unwrap().regions.get_mut("eu-central-1").unwrap();
        let group = region.log_groups.get_mut("/ssm-session-logs").unwrap();
        group.streams.retain(|name, _| !name.starts_with("alice"));
        for node in region.nodes.values_mut() {
            node.online = false;
            node.agent_version = "2.3.50.0".to_owned();
        }
    });
    watched.until(ALICE, "LOG-03", Verdict::NonCompliant).await;
    for rule in ["NOD-01", "NOD-03", "NOD-04"] {
        watched.until(nodes, rule, Verdict::NonCompliant).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_of_principals_decide_pairs_and_approvals() {
    let casts = r#"
[[roles]]
name = "Dba"
tags = { APP_ID = "billing" }

[[cast]]
owner = "arn:aws:sts::{account}:assumed-role/Dba/gail"
node = "payments-web-3"
reason = "INC-5"
at = -1500.0
script = [{ type = "uptime" }, { repeat = { lines = ["beat {n}"], every = 60.0 } }]
"#;
    let sim = sim(&quiet_with(casts)).await;
    // The approval of a node that the principal still carries: set by anybody's client, recorded in the region of IAM.
    let node = sim.with_world(|world| {
        world.sessions.iter().find(|session| session.owner.contains("Dba/gail")).unwrap().target.clone()
    });
    let credentials = Credentials::new(PAYMENTS, "any secret", None, None, "test");
    let iam = aws_sdk_iam::Client::new(
        &SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(sim.endpoint())
            .build(),
    );
    let approval = Tag::builder().key("SecurityAllowSessionInstance").value(&node).build().unwrap();
    iam.tag_role().role_name("Dba").tags(approval).send().await.unwrap();
    let config = WatchConfig { principal_tags: true, tag_changes: true, ..hasty() };
    let mut watched = Watched::start(&sim, config, |parameters| {
        parameters.tag_pairs = [("APP_ID".to_owned(), "Team".to_owned())].into();
        parameters.approval_required = true;
        parameters.approval_validity = jiff::SignedDuration::from_secs(1);
    })
    .await;
    let gail = Of::Session("Dba/gail");
    let pair = watched.until(gail, "WHO-04", Verdict::NonCompliant).await;
    assert!(pair.evidence.iter().any(|evidence| evidence.value.contains("billing")), "{pair:#?}");
    // CloudTrail reaches back over the start, and has no approval in it.
    watched.until(gail, "APR-01", Verdict::NonCompliant).await;
    watched.until(gail, "APR-02", Verdict::NonCompliant).await;
    iam.untag_role().role_name("Dba").tag_keys("SecurityAllowSessionInstance").send().await.unwrap();
    watched.until(gail, "APR-02", Verdict::Compliant).await;
    sim.with_world(|world| {
        let role = world.accounts.get_mut(PAYMENTS).unwrap().roles.get_mut("Dba").unwrap();
        role.tags.insert("APP_ID".to_owned(), "payments".to_owned());
    });
    watched.until(gail, "WHO-04", Verdict::Compliant).await;
}
