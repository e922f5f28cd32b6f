//! Alerts that are raised by themselves, over the wire: each destination gets each of them, whatever AWS does meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;

#[path = "common/analyst.rs"]
mod analyst;

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use analyst::{Analyst, CENTRAL_TOPIC, MEMBER, Run, published, rogues, words};
use rig::{break_it, calls, repair};
use serde_json::Value;
use ssmwatch::{
    domain::{Alert, AlertDestination, Severity, Subject, Verdict, Workflow},
    sim::{
        Sim,
        gate::{Effect, Fault},
        scenario::Scenario,
    },
    store::Store,
};
use tempfile::TempDir;

/// Raises what is CRITICAL: a handful of alerts.
fn raising(store: &(TempDir, PathBuf)) -> Run {
    Run { raise_on: Some(Severity::Critical), store: Some(store.1.clone()), ..Run::default() }
}

fn store() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ssmwatch.db");
    (home, path)
}

/// Ids of the alerts that a topic was told, each message by itself or in a summary.
fn told(sim: &Sim, topic: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for message in published(sim, topic) {
        let body: Value = serde_json::from_str(&message.message).unwrap();
        match body["schema"].as_str().unwrap() {
            "ssmwatch.alert/1" => ids.push(body["id"].as_str().unwrap().to_owned()),
            "ssmwatch.alert_summary/1" => {
                let named = body["alerts"].as_array().unwrap();
                ids.extend(named.iter().map(|alert| alert["id"].as_str().unwrap().to_owned()));
            }
            other => panic!("{other}"),
        }
    }
    ids
}

fn on_session<'a>(analyst: &'a Analyst, session: &str, rule: &str) -> Option<&'a Alert> {
    let key = analyst.key_of(session)?;
    let alerts = analyst.state.alerts.of(&Subject::Session(key));
    alerts.into_iter().find(|alert| alert.rule.as_str() == rule)
}

/// Everything that is raised is told to the topics, and nothing waits.
fn all_told(analyst: &Analyst) -> bool {
    let alerts: Vec<&Alert> = analyst.state.alerts.all().collect();
    let done = |alert: &&Alert| alert.deliveries.values().all(|delivery| !delivery.is_waiting());
    on_session(analyst, "eve", "DOC-01").is_some() && alerts.iter().all(done) && analyst.state.alerts.undelivered() == 0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_raised_by_itself_reaches_every_destination_once() {
    let (sim, store) = (rogues().await, store());
    let mut analyst = Analyst::at(&sim, raising(&store), "eve").await;
    analyst.until("all to be told", all_told).await;
    let alert = on_session(&analyst, "eve", "DOC-01").unwrap().clone();
    assert_eq!(alert.workflow, Workflow::Notified);
    for topic in [MEMBER, CENTRAL_TOPIC] {
        let ids = told(&sim, topic);
        assert_eq!(ids.iter().filter(|id| **id == *alert.id).count(), 1, "{topic}");
        let different: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(different.len(), ids.len(), "nothing twice: {ids:?}");
    }
    let message = published(&sim, MEMBER).into_iter().find(|message| message.message.contains(&*alert.id)).unwrap();
    let body: Value = serde_json::from_str(&message.message).unwrap();
    assert_eq!((&body["raised_by"], &body["reason"]), (&"ssmwatch".into(), &"".into()));
    assert!(calls(&sim, "cloudwatch", "PutMetricData") > 0);
    // It is in the store as it is on the screen, after the end too.
    analyst.leave().await;
    let loaded = Store::open_to_read(&store.1).unwrap().load(jiff::Timestamp::now()).unwrap();
    let kept = loaded.alerts.iter().find(|kept| kept.id == alert.id).unwrap();
    assert_eq!((&kept.workflow, &kept.deliveries), (&alert.workflow, &alert.deliveries));
    assert!(loaded.undelivered.is_empty());
}

/// While the fault lasts nothing is shown as told; when it is over everything is told, and nothing twice that was not accepted before.
async fn survives(effect: Effect, accepted: bool) {
    let name = format!("{effect:?}");
    let (sim, store) = (rogues().await, store());
    break_it(&sim, Fault::new("sns", "Publish", effect));
    let mut analyst = Analyst::at(&sim, raising(&store), "eve").await;
    analyst
        .until("a first try", |analyst| calls(&sim, "sns", "Publish") >= 2 && analyst.state.alerts.undelivered() > 0)
        .await;
    let alert = on_session(&analyst, "eve", "DOC-01").unwrap();
    assert_eq!(alert.workflow, Workflow::New, "{name}");
    assert!(alert.deliveries[&AlertDestination::MemberTopic].is_waiting(), "{name}");
    if !accepted {
        assert!(told(&sim, MEMBER).is_empty(), "{name}");
    }
    repair(&sim);
    analyst.until("all to be told", all_told).await;
    let alert = on_session(&analyst, "eve", "DOC-01").unwrap();
    assert_eq!(alert.workflow, Workflow::Notified, "{name}");
    for topic in [MEMBER, CENTRAL_TOPIC] {
        let ids = told(&sim, topic);
        let times = ids.iter().filter(|id| **id == *alert.id).count();
        assert!(times == 1 || (accepted && times > 1), "{name}: {topic} was told {times} times");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_answers_500_delays_alerts_and_loses_none() {
    let error = Effect::Error { code: "InternalError".into(), message: "Internal error".into(), status: 500 };
    survives(error, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_reset_delays_alerts_and_loses_none() {
    survives(Effect::Disconnect, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_topic_delays_alerts_and_loses_none() {
    survives(Effect::Throttle, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_expire_delay_alerts_and_lose_none() {
    survives(Effect::ExpiredCredentials, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_topic_delays_alerts_and_loses_none() {
    survives(Effect::Deny, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_repeats_alerts_under_the_same_id() {
    survives(Effect::Cut, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_topic_that_hangs_keeps_no_other_from_being_told() {
    let (sim, store) = (rogues().await, store());
    let mut analyst = Analyst::at(&sim, Run { raise_on: None, ..raising(&store) }, "eve").await;
    let hang = Fault::new("sns", "Publish", Effect::Hang);
    break_it(&sim, Fault { account: "444455556666".into(), ..hang });
    analyst.until("eve to be NON_COMPLIANT", |analyst| analyst.verdict("eve") == Some(Verdict::NonCompliant)).await;
    analyst.act('a', "INC-1");
    analyst
        .until("the member topic to have it", |analyst| {
            words(analyst.state.acts.last().unwrap(), 0).starts_with("Done: message")
        })
        .await;
    assert!(published(&sim, CENTRAL_TOPIC).is_empty());
    assert_eq!(published(&sim, MEMBER).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_told_before_the_end_is_told_by_the_next_run_once() {
    let (sim, store) = (rogues().await, store());
    break_it(&sim, Fault::new("sns", "Publish", Effect::Hang));
    let mut analyst = Analyst::at(&sim, raising(&store), "eve").await;
    analyst.until("alerts to wait", |analyst| analyst.state.alerts.undelivered() > 0).await;
    let id = on_session(&analyst, "eve", "DOC-01").unwrap().id.clone();
    analyst.leave().await;
    assert!(told(&sim, MEMBER).is_empty());
    repair(&sim);
    let mut analyst = Analyst::at(&sim, raising(&store), "eve").await;
    analyst.until("all to be told", all_told).await;
    assert_eq!(told(&sim, MEMBER).iter().filter(|told| **told == *id).count(), 1);
    assert_eq!(on_session(&analyst, "eve", "DOC-01").unwrap().occurrence, 1, "it is the same alert");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_is_told_in_a_few_messages_and_no_alert_of_it_is_lost() {
    let mut crowd = include_str!("fixtures/rogues.toml").to_owned();
    for number in 0..40 {
        crowd.push_str(&format!(
            "[[cast]]\nowner = \"arn:aws:iam::{{account}}:user/crowd{number}\"\nnode = \"payments-web-3\"\n\
             document = \"AWS-StartPortForwardingSession\"\nid = \"crowd{number}-0e0e0e0e0e0e0e0e4\"\nat = -20.0\n"
        ));
    }
    let quiet = include_str!("../src/sim/scenarios/quiet.toml");
    let sim = rig::sim(&Scenario::parse("crowd", &format!("{quiet}\n{crowd}")).unwrap()).await;
    let store = store();
    let mut analyst = Analyst::at(&sim, raising(&store), "eve").await;
    analyst.until("all to be told", |analyst| all_told(analyst) && analyst.state.alerts.all().count() >= 40).await;
    let central = published(&sim, CENTRAL_TOPIC);
    let alerts: BTreeSet<String> = analyst.state.alerts.all().map(|alert| alert.id.to_string()).collect();
    let ids: BTreeSet<String> = told(&sim, CENTRAL_TOPIC).into_iter().collect();
    assert_eq!(ids, alerts);
    assert!(central.len() < alerts.len(), "{} messages for {} alerts", central.len(), alerts.len());
    let summary = central.iter().find(|message| message.message.contains("alert_summary")).unwrap();
    assert!(summary.subject.as_deref().unwrap().contains("alerts in one message"));
    assert!(analyst.state.alerts.summarized > 0, "it is counted on the screen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_over_the_threshold_is_a_second_alert_to_the_central_topic() {
    let (sim, store) = (rogues().await, store());
    let run = Run { threshold: 1, ..raising(&store) };
    let mut analyst = Analyst::at(&sim, run, "eve").await;
    analyst.until("eve to be NON_COMPLIANT", |analyst| analyst.verdict("eve") == Some(Verdict::NonCompliant)).await;
    analyst.act('t', "INC-2");
    let over = |message: &analyst::Publication| message.subject.as_deref().is_some_and(|line| line.contains("THR-01"));
    analyst.until("the alert", |_| published(&sim, CENTRAL_TOPIC).iter().any(over)).await;
    let message = published(&sim, CENTRAL_TOPIC).into_iter().find(over).unwrap();
    let body: Value = serde_json::from_str(&message.message).unwrap();
    assert_eq!((&body["subject"]["type"], &body["subject"]["id"]), (&"account".into(), &rig::PAYMENTS.into()));
    assert_eq!(body["severity"], "CRITICAL");
    assert!(!published(&sim, MEMBER).iter().any(over), "to the central topic alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rogue_is_ended_by_itself_announced_proven_and_never_twice() {
    let (sim, store) = (rogues().await, store());
    let run = Run { auto_terminate: &["DOC-01"], store: Some(store.1.clone()), ..Run::default() };
    let mut analyst = Analyst::at(&sim, run, "eve").await;
    let announced = |analyst: &Analyst| analyst.banners().contains("ENDS BY ITSELF");
    analyst.until("it to be announced", announced).await;
    assert_eq!(calls(&sim, "ssm", "TerminateSession"), 0, "announced before it is sent");
    let of_eve = |analyst: &Analyst| {
        let eve = analyst.key_of("eve");
        analyst.state.acts.iter().find(|act| act.is_automatic() && act.session() == eve.as_ref()).cloned()
    };
    analyst.until("it to be ended", |analyst| of_eve(analyst).is_some_and(|act| act.is_over())).await;
    let act = of_eve(&analyst).unwrap();
    assert!(words(&act, 0).starts_with("Done: left Active, History says Terminated"), "{act:#?}");
    // The others come to an outcome, too; each is asked for once.
    let over = |analyst: &Analyst| analyst.state.acts.iter().all(|act| act.steps[0].outcome.is_final());
    analyst
        .until("all to come to an outcome", |analyst| over(analyst) && analyst.state.automatic.pending().is_empty())
        .await;
    let begun = analyst.state.acts.iter().filter(|act| act.is_automatic()).count();
    let tried = analyst.state.acts.iter().filter(|act| !words(act, 0).starts_with("Failed: nothing was sent")).count();
    assert_eq!(calls(&sim, "ssm", "TerminateSession"), tried as u64, "each once");
    let records = analyst.leave_with_records().await.1;
    assert_eq!(records[0]["act"]["actor"]["rule"], "DOC-01");
    // The next run neither repeats it nor forgets that the ceiling was used.
    let run = Run { auto_terminate: &["DOC-01"], store: Some(store.1.clone()), ..Run::default() };
    let mut analyst = Analyst::at(&sim, run, "alice").await;
    analyst.until("the session to be listed as ended", |analyst| analyst.key_of("eve").is_some()).await;
    assert_eq!(analyst.state.automatic.used(), begun);
    assert_eq!(calls(&sim, "ssm", "TerminateSession"), tried as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_on_one_store_raise_once_and_the_second_only_looks() {
    let (sim, store) = (rogues().await, store());
    let mut first = Analyst::at(&sim, raising(&store), "eve").await;
    first.until("all to be told", all_told).await;
    let before = calls(&sim, "sns", "Publish");
    let mut second = Analyst::at(&sim, raising(&store), "eve").await;
    assert!(second.banners().contains("in use by another ssmwatch"), "{}", second.banners());
    second.press(crossterm::event::KeyCode::Char('t'));
    assert!(second.state.view.dialog.is_none() && second.notice().contains("in use"), "{}", second.notice());
    second.until("it to be judged", |second| second.verdict("eve") == Some(Verdict::NonCompliant)).await;
    let heard = tokio::time::Instant::now() + Duration::from_millis(300);
    second.until("a while", |_| tokio::time::Instant::now() > heard).await;
    assert_eq!(calls(&sim, "sns", "Publish"), before);
}
