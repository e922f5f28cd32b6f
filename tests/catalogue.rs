//! The whole catalogue over the wire: a world as it should be, a world that breaks the rules, a world that refuses to be read.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;
#[path = "common/watched.rs"]
mod watched;

use jiff::{Timestamp, tz::TimeZone};
use ssmwatch::{
    compliance::{AllowedHours, Network, Parameters, just_in_time::JitPolicies},
    domain::{SessionId, Verdict},
    sim::Sim,
    watch::WatchConfig,
};

use rig::{ARCHIVE, PAYMENTS, hasty, sim};
use watched::{Of, Watched, quiet_with};

const ALICE: Of<'_> = Of::Session("alice@example.com");
const BUCKET: &str = "central-log-ssm-audit-eu-central-1-o-example";
const JIT: &str = "permit (principal, action == AWS::SSM::Action::\"getTokenForInstanceAccess\", resource)\n\
                   when { resource.hasTag(\"Access\") && resource.getTag(\"Access\") == \"request\" };";

/// What an organization may configure, so that every rule has something to say.
fn configured(parameters: &mut Parameters) {
    parameters.log_bucket = Some(BUCKET.to_owned());
    parameters.allowed_principals = vec!["arn:aws:sts::*:assumed-role/*".to_owned()];
    parameters.allowed_networks = vec![Network::parse("198.51.100.0/24").unwrap()];
    parameters.tag_pairs = [("Owner".to_owned(), "Team".to_owned())].into();
    parameters.run_as_required = true;
    let jit = JitPolicies::parse(&[("jit.cedar".to_owned(), JIT.to_owned())]).unwrap();
    parameters.jit_policies = Some(std::sync::Arc::new(jit));
}

fn config() -> WatchConfig {
    WatchConfig { principal_tags: true, log_bucket: Some(BUCKET.to_owned()), ..hasty() }
}

/// Writes an event into a session's stream, as whoever may call PutLogEvents.
fn put(sim: &Sim, owner: &str, message: &str, seconds_ago: i64) {
    let now = Timestamp::now().as_millisecond();
    sim.with_world(|world| {
        let id = world.sessions.iter().find(|session| session.owner.contains(owner)).unwrap().id.clone();
        let events = vec![(now - seconds_ago * 1000, message.to_owned())];
        assert!(world.put_log_events(
            PAYMENTS,
            "eu-central-1",
            "/ssm-session-logs",
            SessionId::from(id).as_str(),
            events
        ));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_as_it_should_be_is_compliant() {
    let good = r#"
[[cast]]
owner = "arn:aws:sts::{account}:assumed-role/ssm-managed-node/good"
node = "payments-web-3"
reason = "INC-1"
at = -100.0
mfa = true
source_ip = "198.51.100.7"
script = [{ type = "uptime" }, { repeat = { lines = ["beat {n}"], every = 1.0 } }]

[[cast]]
owner = "arn:aws:sts::{account}:assumed-role/ssm-managed-node/over"
node = "payments-web-1"
reason = "INC-2"
at = -400.0
mfa = true
source_ip = "198.51.100.7"
script = [{ type = "uptime" }, { wait = 10.0 }, "exit"]
"#;
    let sim = sim(&quiet_with(good)).await;
    let mut watched = Watched::start(&sim, config(), |parameters| {
        configured(parameters);
        parameters.tag_pairs = [("Owner".to_owned(), "Crew".to_owned())].into();
        parameters.forbidden_users = vec!["root".to_owned()];
        parameters.max_nodes = 3;
    })
    .await;
    sim.with_world(|world| {
        let region = world.accounts.get_mut(PAYMENTS).unwrap().regions.get_mut("eu-central-1").unwrap();
        for node in region.nodes.values_mut() {
            node.tags.insert("Crew".to_owned(), "platform".to_owned());
        }
    });
    let session = Of::Session("ssm-managed-node/good");
    for rule in [
        "DOC-01", "DOC-02", "DOC-03", "DOC-04", "LOG-01", "LOG-02", "LOG-03", "LOG-04", "LOG-05", "LOG-06", "LOG-11",
        "IAM-01", "IAM-02", "IAM-03", "IAM-05", "WHO-01", "WHO-02", "WHO-03", "WHO-04", "WHO-05", "WHO-06", "TAG-01",
        "APR-04", "TIM-02", "TIM-03", "RUN-01", "CON-01",
    ] {
        watched.until(session, rule, Verdict::Compliant).await;
    }
    for rule in ["APR-01", "APR-05", "DOC-05", "IAM-04", "LOG-07", "LOG-08", "LOG-09", "STA-01", "TIM-01"] {
        watched.until(session, rule, Verdict::NotApplicable).await;
    }
    let over = Of::Session("ssm-managed-node/over");
    for rule in ["LOG-07", "LOG-08", "LOG-09"] {
        watched.until(over, rule, Verdict::Compliant).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_a_rule_is_found() {
    let casts = r#"
[[roles]]
name = "bare-node"
attached = ["AmazonSSMManagedInstanceCore"]

[[documents]]
name = "Command"
shared_with = ["all"]
versions = ['{"schemaVersion":"1.0","sessionType":"InteractiveCommands","properties":{"linux":{"commands":"top"}}}']

[[nodes]]
account = "payments-prod"
region = "eu-central-1"
name = "bare"
role = "bare-node"
tags = { Environment = "PROD", Access = "request" }

[[nodes]]
account = "payments-prod"
region = "eu-central-1"
name = "no-profile"

[[nodes]]
account = "payments-prod"
region = "eu-central-1"
name = "scanner"
hybrid = true
role = "bare-node"

[[cast]]
owner = "arn:aws:iam::{account}:user/command"
node = "bare"
document = "Command"
at = -100.0
source_ip = "203.0.113.9"
mfa = false

[[cast]]
owner = "arn:aws:iam::{account}:user/unlogged"
node = "no-profile"
reason = "INC-1"
at = -300.0
logged = false
script = [{ type = "uptime" }, { repeat = { lines = ["beat {n}"], every = 1.0 } }]

[[cast]]
owner = "arn:aws:iam::{account}:user/hybrid"
node = "scanner"
reason = "INC-1"
at = -100.0

[[cast]]
owner = "arn:aws:iam::{account}:user/silent"
node = "payments-web-3"
reason = "INC-1"
at = -500.0
script = [{ type = "uptime" }]

[[cast]]
owner = "arn:aws:iam::{account}:user/lost"
node = "payments-web-3"
reason = "INC-1"
at = -60.0
archive = "lost"
script = [{ type = "uptime" }, { wait = 5.0 }, "exit"]

[[cast]]
owner = "arn:aws:iam::{account}:user/planted"
node = "payments-web-3"
reason = "INC-1"
at = -60.0
archive = "empty"
script = [{ type = "uptime" }, { wait = 5.0 }, "exit"]

[[cast]]
owner = "arn:aws:iam::{account}:user/twice"
node = "payments-web-1"
reason = "INC-1"
at = -100.0

[[cast]]
owner = "arn:aws:iam::{account}:user/twice"
node = "payments-web-2"
reason = "INC-1"
at = -100.0

[[cast]]
owner = "arn:aws:iam::{account}:user/gone"
node = "payments-web-2"
reason = "INC-1"
at = -100.0
script = [{ type = "uptime" }, { disconnect = -1.0 }]

[[cast]]
owner = "arn:aws:iam::{account}:user/tunnel"
node = "payments-web-2"
document = "AWS-StartPortForwardingSession"
parameters = { portNumber = ["22"] }
at = -100.0

[[cast]]
owner = "arn:aws:iam::{account}:user/requested"
node = "payments-web-3"
reason = "INC-1"
at = -100.0
just_in_time = true
script = [{ type = "uptime" }, { repeat = { lines = ["beat {n}"], every = 1.0 } }]
"#;
    let sim = sim(&quiet_with(casts)).await;
    let mut watched = Watched::start(&sim, config(), |parameters| {
        configured(parameters);
        parameters.archive_grace = jiff::SignedDuration::from_secs(20);
        parameters.jit_window = jiff::SignedDuration::from_secs(30);
        parameters.max_age = jiff::SignedDuration::from_secs(400);
        parameters.max_sessions = 1;
        parameters.max_nodes = 1;
        parameters.stuck_after = jiff::SignedDuration::from_secs(1);
        parameters.shell_profile_linux = Some("exec /bin/bash".to_owned());
        let midnight = jiff::civil::Time::midnight();
        let (from, to, days) = (midnight, midnight, Vec::new());
        parameters.allowed_hours = Some(AllowedHours { from, to, days, zone: TimeZone::UTC });
    })
    .await;
    let command = Of::Session("user/command");
    for rule in [
        "DOC-01", "DOC-03", "DOC-04", "IAM-01", "WHO-01", "WHO-02", "WHO-03", "WHO-06", "WHO-07", "TAG-01", "APR-04",
        "TIM-01",
    ] {
        watched.until(command, rule, Verdict::NonCompliant).await;
    }
    for rule in ["DOC-02", "DOC-05"] {
        watched.until(Of::Session("user/tunnel"), rule, Verdict::NonCompliant).await;
    }
    watched.until(Of::Session("user/unlogged"), "IAM-05", Verdict::NonCompliant).await;
    watched.until(Of::Session("user/unlogged"), "LOG-01", Verdict::NonCompliant).await;
    watched.until(Of::Session("user/twice"), "CON-01", Verdict::NonCompliant).await;
    watched.until(Of::Session("user/gone"), "STA-01", Verdict::NonCompliant).await;
    watched.until(Of::Preferences(PAYMENTS, "eu-central-1"), "PRF-11", Verdict::NonCompliant).await;
    watched.until(Of::Session("user/hybrid"), "IAM-04", Verdict::NonCompliant).await;
    watched.until(Of::Session("user/silent"), "LOG-02", Verdict::NonCompliant).await;
    watched.until(Of::Session("user/silent"), "TIM-02", Verdict::NonCompliant).await;
    watched.until(Of::Session("user/requested"), "APR-05", Verdict::NonCompliant).await;
    watched.until(Of::Session("user/requested"), "RUN-01", Verdict::NonCompliant).await;
    for rule in ["LOG-07", "LOG-09"] {
        watched.until(Of::Session("user/lost"), rule, Verdict::NonCompliant).await;
    }
    watched.until(Of::Session("user/planted"), "LOG-08", Verdict::NonCompliant).await;
    // What arrives again and again half a minute after it was built is late.
    let deadline = tokio::time::Instant::now() + rig::PATIENCE;
    while !watched.says(ALICE, "LOG-11", Verdict::NonCompliant) {
        assert!(tokio::time::Instant::now() < deadline, "LOG-11: {:#?}", watched.findings(ALICE));
        let built = Timestamp::now() - jiff::SignedDuration::from_secs(30);
        let late = serde_json::json!({"eventVersion": "1.0", "eventTime": format!("{built:.0}"), "sessionData": ["x"]});
        put(&sim, "alice@example.com", &late.to_string(), 0);
        watched.observe_next().await;
    }
    sim.with_world(|world| {
        let region = world.accounts.get_mut(PAYMENTS).unwrap().regions.get_mut("eu-central-1").unwrap();
        region.nodes.values_mut().for_each(|node| node.agent_version = "3.0.100.0".to_owned());
    });
    watched.until(Of::Nodes(PAYMENTS, "eu-central-1"), "NOD-02", Verdict::NonCompliant).await;
    put(&sim, "alice@example.com", r#"{"eventVersion":"1.0","sessionId":"somebody-else","sessionData":["x"]}"#, 20);
    for rule in ["LOG-05", "LOG-06"] {
        watched.until(ALICE, rule, Verdict::NonCompliant).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_that_is_idle_for_too_long_is_found() {
    let silent = r#"
[[cast]]
owner = "arn:aws:iam::{account}:user/silent"
node = "payments-web-2"
reason = "INC-1"
at = -500.0
script = [{ type = "uptime" }]
"#;
    let sim = sim(&quiet_with(silent)).await;
    // The simulated service ends idle shells in time: here they have less of it than it gives them.
    let mut watched = Watched::start(&sim, config(), |parameters| {
        parameters.duration_slack = jiff::SignedDuration::from_secs(-15 * 60 + 60);
    })
    .await;
    watched.until(Of::Session("user/silent"), "TIM-03", Verdict::NonCompliant).await;
    watched.until(ALICE, "TIM-03", Verdict::Compliant).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_found() {
    let flood = r#"
[[cast]]
owner = "arn:aws:iam::{account}:user/flood"
node = "payments-web-2"
reason = "INC-1"
at = -20.0
script = [{ type = "cat /dev/urandom | base64" }, { flood = { rate = 400000, seconds = 120.0 } }]
"#;
    let sim = sim(&quiet_with(flood)).await;
    let mut watched = Watched::start(&sim, config(), |_| ()).await;
    watched.until(Of::Session("user/flood"), "LOG-04", Verdict::NonCompliant).await;
    watched.until(ALICE, "LOG-04", Verdict::Compliant).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_insufficient_and_never_a_pass() {
    let sim = sim(&quiet_with("")).await;
    sim.with_world(|world| {
        for action in [
            "ssm:GetDocument",
            "ssm:DescribeDocument",
            "ssm:DescribeDocumentPermission",
            "ssm:DescribeInstanceProperties",
            "ssm:DescribeInstanceInformation",
            "tag:GetResources",
            "logs:DescribeLogStreams",
            "logs:DescribeLogGroups",
            "logs:FilterLogEvents",
            "cloudtrail:LookupEvents",
            "iam:GetRole",
        ] {
            for account in [PAYMENTS, ARCHIVE] {
                world.gate.deny(account, action);
            }
        }
    });
    let mut watched = Watched::start(&sim, config(), configured).await;
    for rule in [
        "DOC-02", "DOC-03", "DOC-04", "DOC-05", "LOG-01", "LOG-02", "LOG-03", "LOG-04", "LOG-05", "LOG-06", "LOG-11",
        "IAM-01", "IAM-02", "IAM-05", "WHO-02", "WHO-03", "WHO-04", "TAG-01", "APR-04", "TIM-03", "RUN-01",
    ] {
        let finding = watched.until_because(ALICE, rule, "denied: ").await;
        assert!(finding.missing[0].retry_at.is_some(), "{finding:#?}");
    }
    watched.until_because(ALICE, "IAM-03", "depends on node_role").await;
    let preferences = Of::Preferences(PAYMENTS, "eu-central-1");
    for number in (0..=12).filter(|number| *number != 11) {
        watched.until_because(preferences, &format!("PRF-{number:02}"), "denied: ssm:").await;
    }
    for rule in ["NOD-01", "NOD-03", "NOD-04"] {
        watched.until_because(Of::Nodes(PAYMENTS, "eu-central-1"), rule, "denied: ssm:").await;
    }
    watched.until(ALICE, "WHO-07", Verdict::NonCompliant).await;
    let judged = watched.session("alice@example.com").judgement.clone();
    // Alice is new, which the listings tell; nothing else accuses her.
    let accused = judged.findings.iter().filter(|finding| finding.status == Verdict::NonCompliant);
    assert_eq!(accused.map(|finding| finding.rule.as_str()).collect::<Vec<_>>(), ["WHO-07"]);
    assert_eq!(judged.verdict(), Verdict::NonCompliant);
}
