//! `ssmwatch check` as a process, against the simulated AWS over the wire.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/program.rs"]
mod program;

use std::time::Duration;

use jiff::Timestamp;
use program::{Ended, Home};
use serde_json::Value;
use ssmwatch::sim::{
    Sim,
    gate::{Effect, Fault},
    scenario::Scenario,
    world::World,
};

const PAYMENTS: &str = "111122223333";
const ARCHIVE: &str = "444455556666";
const EVE: &str = "eve-0e0e0e0e0e0e0e0e1";
/// Records of CloudTrail come minutes late, and nobody has a past in a world that has just begun.
const COMPLIANCE: &str = "[compliance]\nlog_bucket = \"central-log-ssm-audit-eu-central-1-o-example\"\n\
                          disabled = [\"WHO-02\", \"WHO-07\", \"CON-01\"]\n";

async fn start(scenario: Scenario) -> Sim {
    let world = World::new(&scenario, 1, 1.0, Timestamp::now());
    Sim::start("127.0.0.1:0".parse().unwrap(), world).await.unwrap()
}

async fn quiet() -> Sim {
    start(Scenario::load("quiet").unwrap()).await
}

/// The quiet scenario with sessions that break rules.
async fn rogues() -> Sim {
    let quiet = include_str!("../src/sim/scenarios/quiet.toml");
    start(Scenario::parse("rogues", &format!("{quiet}\n{}", include_str!("fixtures/rogues.toml"))).unwrap()).await
}

/// An account whose role is assumed with that external id.
fn account(id: &str, name: &str, external_id: &str) -> String {
    format!(
        "[[accounts]]\nid = \"{id}\"\nname = \"{name}\"\nregions = [\"eu-central-1\", \"us-east-1\"]\n\
         role_arn = \"arn:aws:iam::{id}:role/ssmwatch\"\nexternal_id = \"{external_id}\"\n"
    )
}

/// The home of somebody in the management account, who watches both accounts of the quiet scenario.
fn home(sim: &Sim) -> Home {
    let accounts = account(PAYMENTS, "payments", "ssmwatch-demo") + &account(ARCHIVE, "archive", "ssmwatch-demo");
    Home::speaking_for(ARCHIVE, &sim.endpoint()).config(&(accounts + COMPLIANCE))
}

fn fault(sim: &Sim, account: &str, region: &str, fault: Fault) {
    let fault = Fault { account: account.into(), region: region.into(), ..fault };
    sim.with_world(|world| world.gate.add_fault(fault));
}

fn json(ended: &Ended) -> Value {
    assert_eq!(ended.err, "", "{ended:#?}");
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:#?}"))
}

fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn session<'a>(report: &'a Value, id: &str) -> &'a Value {
    let sessions = report["sessions"].as_array().unwrap();
    sessions.iter().find(|session| session["session_id"].as_str().unwrap().starts_with(id)).unwrap()
}

fn scope<'a>(report: &'a Value, account: &str, region: &str) -> &'a Value {
    let scopes = report["scopes"].as_array().unwrap();
    scopes.iter().find(|scope| scope["account"] == account && scope["region"] == region).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_world_is_zero_and_every_scope_is_ok() {
    let sim = quiet().await;
    let ended = home(&sim).run(&["check", "--format", "json"]);
    let report = json(&ended);
    assert_eq!(ended.code, 0, "{report:#}");
    assert_eq!(
        keys(&report),
        ["accounts", "generated_at", "nodes", "preferences", "schema", "scopes", "sessions", "summary"]
    );
    assert_eq!(report["schema"], "ssmwatch.check/1");
    let age = Timestamp::now().duration_since(report["generated_at"].as_str().unwrap().parse().unwrap());
    assert!(age.as_secs().abs() < 60, "{age:?}");
    let scopes = report["scopes"].as_array().unwrap();
    assert_eq!(scopes.len(), 4);
    for scope in scopes {
        assert_eq!(keys(scope), ["account", "active_sessions", "error", "name", "region", "status"]);
        assert_eq!((&scope["status"], &scope["error"]), (&"ok".into(), &Value::Null), "{scope}");
    }
    let payments = scope(&report, PAYMENTS, "eu-central-1");
    assert_eq!((&payments["active_sessions"], &payments["name"]), (&2.into(), &"payments".into()));
    assert_eq!(scope(&report, ARCHIVE, "us-east-1")["active_sessions"], 0);
    let alice = session(&report, "alice");
    assert_eq!(
        keys(alice),
        [
            "account",
            "detections",
            "document",
            "findings",
            "owner",
            "region",
            "session_id",
            "severity",
            "started_at",
            "status",
            "target",
            "verdict"
        ]
    );
    assert_eq!((&alice["verdict"], &alice["severity"]), (&"COMPLIANT".into(), &Value::Null));
    assert_eq!((&alice["status"], &alice["document"]), (&"Connected".into(), &"SSM-SessionManagerRunShell".into()));
    assert!(alice["started_at"].as_str().unwrap().parse::<Timestamp>().is_ok());
    assert_eq!(alice["findings"], Value::Array(Vec::new()), "what is in order is not listed");
    let count = |verdict: &str| {
        report["sessions"].as_array().unwrap().iter().filter(|session| session["verdict"] == verdict).count()
    };
    for verdict in ["COMPLIANT", "NON_COMPLIANT", "INSUFFICIENT_DATA"] {
        assert_eq!(report["summary"][verdict], count(verdict), "{report:#}");
    }
    assert_eq!(report["summary"]["sessions"], report["sessions"].as_array().unwrap().len());
    let all = json(&home(&sim).run(&["check", "--format", "json", "--all"]));
    let rules = session(&all, "alice")["findings"].as_array().unwrap().clone();
    assert!(rules.iter().any(|rule| rule["rule"] == "DOC-01" && rule["status"] == "COMPLIANT"), "{rules:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_rule_is_one_with_its_evidence() {
    let sim = rogues().await;
    let home = home(&sim);
    let ended = home.run(&["check", "--format", "json", "--fail-on", "CRITICAL"]);
    let report = json(&ended);
    assert_eq!(ended.code, 1);
    assert_eq!(report["sessions"][0]["verdict"], "NON_COMPLIANT", "the worst first");
    let eve = session(&report, EVE);
    assert_eq!((&eve["verdict"], &eve["severity"]), (&"NON_COMPLIANT".into(), &"CRITICAL".into()));
    assert_eq!(eve["owner"], "arn:aws:iam::111122223333:user/eve");
    let finding = &eve["findings"][0];
    assert_eq!(keys(finding), ["evidence", "missing", "remediation", "rule", "severity", "status", "title"]);
    assert_eq!((&finding["rule"], &finding["status"]), (&"DOC-01".into(), &"NON_COMPLIANT".into()));
    let document = finding["evidence"].as_array().unwrap().iter().find(|evidence| evidence["fact"] == "document");
    let document = document.unwrap_or_else(|| panic!("{finding:#}"));
    assert_eq!(keys(document), ["at", "fact", "source", "value"]);
    assert_eq!(document["value"], "AWS-StartPortForwardingSession");
    assert_eq!(document["source"], "ssm:DescribeSessions");
    // The same for people, without colors where there is no terminal.
    let table = home.run(&["check"]);
    assert_eq!((table.code, table.err.as_str()), (1, ""));
    for words in ["payments", "NON_COMPLIANT", "DOC-01", "AWS-StartPortForwardingSession", "user/eve"] {
        assert!(table.out.contains(words), "{words}:\n{}", table.out);
    }
    assert!(!table.out.contains('\u{1b}'), "{}", table.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fail_on_is_the_least_severity_that_counts() {
    let sim = rogues().await;
    let lower = "[compliance.severity]\n\"DOC-01\" = \"LOW\"\n\"DOC-02\" = \"INFORMATIONAL\"\n";
    let config = account(PAYMENTS, "payments", "ssmwatch-demo") + COMPLIANCE + lower;
    let home = Home::speaking_for(ARCHIVE, &sim.endpoint()).config(&config);
    // Without a reason, too: WHO-06 is MEDIUM.
    for (severity, code) in [("INFORMATIONAL", 1), ("LOW", 1), ("MEDIUM", 1), ("HIGH", 0), ("CRITICAL", 0)] {
        let ended = home.run(&["check", "--format", "json", "--fail-on", severity]);
        assert_eq!(ended.code, code, "--fail-on {severity}: {:#}", json(&ended));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_that_refuses_is_two_and_hides_no_other() {
    let sim = quiet().await;
    fault(&sim, PAYMENTS, "us-east-1", Fault::new("ssm", "DescribeSessions", Effect::Deny));
    let ended = home(&sim).run(&["check", "--format", "json"]);
    let report = json(&ended);
    assert_eq!(ended.code, 2, "{report:#}");
    let denied = scope(&report, PAYMENTS, "us-east-1");
    assert_ne!(denied["status"], "ok");
    assert!(denied["error"].as_str().unwrap().contains("ssm:DescribeSessions"), "{denied}");
    assert_eq!(denied["active_sessions"], Value::Null, "unknown is not none");
    assert_eq!(scope(&report, PAYMENTS, "eu-central-1")["status"], "ok");
    assert_eq!(session(&report, "alice")["verdict"], "COMPLIANT");
    let table = home(&sim).run(&["check"]);
    assert_eq!(table.code, 2);
    assert!(table.out.contains("ssm:DescribeSessions"), "{}", table.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evidence_that_is_denied_is_partial_and_no_pass() {
    let sim = quiet().await;
    fault(&sim, PAYMENTS, "*", Fault::new("iam", "ListAttachedRolePolicies", Effect::Deny));
    let ended = home(&sim).run(&["check", "--format", "json"]);
    let report = json(&ended);
    assert_eq!(ended.code, 2, "{report:#}");
    let partial = scope(&report, PAYMENTS, "eu-central-1");
    assert_eq!((&partial["status"], &partial["active_sessions"]), (&"partial".into(), &2.into()));
    assert!(partial["error"].as_str().unwrap().contains("iam:ListAttachedRolePolicies"), "{partial}");
    let alice = session(&report, "alice");
    assert_eq!(alice["verdict"], "INSUFFICIENT_DATA");
    let finding = alice["findings"].as_array().unwrap().iter().find(|finding| finding["rule"] == "IAM-01").unwrap();
    assert_eq!(finding["status"], "INSUFFICIENT_DATA");
    assert!(finding["missing"].to_string().contains("iam:ListAttachedRolePolicies"), "{finding:#}");
    assert_eq!(scope(&report, ARCHIVE, "eu-central-1")["status"], "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_that_cannot_be_reached_is_less_than_a_broken_rule() {
    let sim = rogues().await;
    fault(&sim, ARCHIVE, "eu-central-1", Fault::new("ssm", "DescribeSessions", Effect::Cut));
    let ended = home(&sim).run(&["check", "--format", "json"]);
    let report = json(&ended);
    let cut = scope(&report, ARCHIVE, "eu-central-1");
    assert_eq!(cut["status"], "unreachable", "{cut}");
    assert!(cut["error"].as_str().unwrap().contains("ssm:DescribeSessions"), "{cut}");
    assert_eq!(ended.code, 1, "a broken rule is worse than a scope that was not read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_wants_another_external_id_is_named() {
    let sim = quiet().await;
    let accounts = account(PAYMENTS, "payments", "guessed") + &account(ARCHIVE, "archive", "ssmwatch-demo");
    let ended = Home::speaking_for(ARCHIVE, &sim.endpoint())
        .config(&(accounts + COMPLIANCE))
        .run(&["check", "--format", "json"]);
    let report = json(&ended);
    assert_eq!(ended.code, 2, "{report:#}");
    for region in ["eu-central-1", "us-east-1"] {
        let refused = scope(&report, PAYMENTS, region);
        assert_eq!(refused["status"], "unreachable", "{refused}");
        assert!(refused["error"].as_str().unwrap().contains("sts:AssumeRole"), "{refused}");
        assert_eq!(scope(&report, ARCHIVE, region)["status"], "ok");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_config_it_is_the_ambient_account_and_region() {
    let sim = rogues().await;
    let home = Home::speaking_for(PAYMENTS, &sim.endpoint());
    let report = json(&home.run(&["check", "--format", "json"]));
    let scopes = report["scopes"].as_array().unwrap();
    assert_eq!(scopes.len(), 1, "{scopes:#?}");
    assert_eq!((&scopes[0]["account"], &scopes[0]["region"]), (&PAYMENTS.into(), &"eu-central-1".into()));
    assert_eq!(session(&report, EVE)["verdict"], "NON_COMPLIANT");
    let elsewhere = json(&home.run(&["check", "--format", "json", "--region", "us-east-1"]));
    assert_eq!(elsewhere["scopes"][0]["region"], "us-east-1");
    assert_eq!(session(&elsewhere, "carol")["region"], "us-east-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scripted_rogues_of_the_default_organization_are_found() {
    let sim = start(Scenario::load("default").unwrap()).await;
    sim.advance(Duration::from_secs(110));
    let summary = sim.with_world(|world| world.summary());
    let accounts: String =
        summary.accounts.iter().map(|member| account(&member.id, &member.name, "ssmwatch-demo")).collect();
    let home = Home::speaking_for(&summary.management_account, &sim.endpoint()).config(&(accounts + COMPLIANCE));
    let ended = home.run(&["check", "--format", "json"]);
    let report = json(&ended);
    assert_eq!(ended.code, 1);
    let broken = |id: &str, rule: &str| {
        let sessions = report["sessions"].as_array().unwrap();
        sessions.iter().any(|session| {
            session["owner"].as_str().unwrap().contains(id)
                && session["findings"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|finding| finding["rule"] == rule && finding["status"] == "NON_COMPLIANT")
        })
    };
    assert!(broken("sam.reyes", "DOC-02"), "port forwarding");
    assert!(broken("botocore-session", "DOC-03"), "a command session");
    assert!(report["sessions"].to_string().contains("IAM-01"), "a role without the mandatory policy");
    // The account that lets nobody look into its roles is said to be partial.
    let closed = scope(&report, "777788889999", "eu-central-1");
    assert_eq!(closed["status"], "partial", "{closed}");
    assert!(closed["error"].as_str().unwrap().contains("iam:ListAttachedRolePolicies"), "{closed}");
    let harmless = report["summary"]["COMPLIANT"].as_u64().unwrap();
    assert!(harmless > 15, "most are harmless: {}", report["summary"]);
}
