//! What AWS may do in the midst of a kill, and what is shown of it: each fault and its outcome.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;

#[path = "common/analyst.rs"]
mod analyst;

use std::time::Duration;

use analyst::{Analyst, Run, rogues, words};
use crossterm::event::KeyCode;
use rig::{PAYMENTS, break_it, calls, home};
use ssmwatch::{
    domain::{ActKind, ActOutcome, Verdict},
    response,
    sim::{
        Sim,
        gate::{Effect, Fault},
        scenario::Scenario,
    },
};

const EVE: &str = "eve-0e0e0e0e0e0e0e0e1";

fn status(sim: &Sim, session: &str) -> &'static str {
    sim.with_world(|world| world.session(PAYMENTS, "eu-central-1", session).unwrap().status.name())
}

/// Ends eve while that happens to an operation; the outcome, and what became of eve.
async fn outcome_of(operation: &str, effect: Effect) -> (ActOutcome, &'static str, u64) {
    let sim = rogues().await;
    let client = rig::fleet(&sim).await.scope(&home()).unwrap();
    break_it(&sim, Fault::new("ssm", operation, effect));
    let outcome = response::terminate(&client, &EVE.into(), |_| {}).await;
    (outcome, status(&sim, EVE), calls(&sim, "ssm", "TerminateSession"))
}

async fn terminating(effect: Effect) -> (ActOutcome, &'static str, u64) {
    outcome_of("TerminateSession", effect).await
}

fn failed(outcome: &ActOutcome) -> &str {
    match outcome {
        ActOutcome::Failed { what, .. } => what,
        other => panic!("{other:?}"),
    }
}

fn is_proven(outcome: &ActOutcome) -> bool {
    matches!(outcome, ActOutcome::Done { proof, .. } if proof.contains("History says Terminated"))
}

fn is_unproven(outcome: &ActOutcome) -> bool {
    matches!(outcome, ActOutcome::Unproven { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_answers_500_did_not_end_it_and_says_so() {
    let error = Effect::Error { code: "InternalServerError".into(), message: "again".into(), status: 500 };
    let (outcome, status, _) = terminating(error).await;
    assert_eq!(status, "Connected");
    assert!(failed(&outcome).starts_with("ssm:TerminateSession failed: InternalServerError"), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_kill_did_not_end_it_and_says_so() {
    let (outcome, status, _) = terminating(Effect::Throttle).await;
    assert_eq!(status, "Connected");
    assert_eq!(failed(&outcome), "ssm:TerminateSession failed: throttled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_expired_before_the_kill_did_not_end_it_and_say_so() {
    let (outcome, status, _) = terminating(Effect::ExpiredCredentials).await;
    assert_eq!(status, "Connected");
    assert!(failed(&outcome).contains("expired"), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_reset_before_the_kill_arrives_is_not_shown_as_done() {
    let (outcome, status, _) = terminating(Effect::Disconnect).await;
    assert_eq!(status, "Connected");
    assert!(is_unproven(&outcome), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_that_hangs_is_not_shown_as_done() {
    let (outcome, status, _) = terminating(Effect::Hang).await;
    assert_eq!(status, "Connected");
    assert!(is_unproven(&outcome), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_is_proven_by_the_listings() {
    let (outcome, status, _) = terminating(Effect::Cut).await;
    assert_eq!(status, "Terminated");
    assert!(is_proven(&outcome), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_whose_answer_never_comes_is_proven_by_the_listings() {
    let (outcome, status, _) = terminating(Effect::Mute).await;
    assert_eq!(status, "Terminated");
    assert!(is_proven(&outcome), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_expire_between_kill_and_proof_leave_it_unproven() {
    let (outcome, status, _) = outcome_of("DescribeSessions", Effect::ExpiredCredentials).await;
    assert!(["Terminating", "Terminated"].contains(&status), "{status}");
    assert!(matches!(&outcome, ActOutcome::Unproven { what, .. } if what.contains("expired")), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listings_that_break_off_after_the_kill_leave_it_unproven() {
    let (outcome, status, _) = outcome_of("DescribeSessions", Effect::Malformed).await;
    assert!(["Terminating", "Terminated"].contains(&status), "{status}");
    assert!(is_unproven(&outcome), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metric_that_is_refused_waits_and_is_counted_later_and_the_kill_is_done_all_the_same() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "eve").await;
    analyst.until("eve to be NON_COMPLIANT", |analyst| analyst.verdict("eve") == Some(Verdict::NonCompliant)).await;
    break_it(&sim, Fault::new("cloudwatch", "PutMetricData", Effect::Throttle));
    analyst.act('t', "INC-1");
    let waits = |outcome: &ActOutcome| matches!(outcome, ActOutcome::Waiting { attempts: 1.., .. });
    analyst
        .until("the metric to be tried", |analyst| {
            let act = analyst.state.acts.last().unwrap();
            words(act, 0).starts_with("Done: ") && waits(&act.steps[1].outcome)
        })
        .await;
    let counted =
        |sim: &Sim| sim.with_world(|world| world.metrics.sum(PAYMENTS, "eu-central-1", "TerminatedSSMSessions"));
    assert_eq!(counted(&sim), 0.0);
    rig::repair(&sim);
    analyst.outcome().await;
    assert_eq!(counted(&sim), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_are_ended_at_once_and_each_is_proven_by_itself() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "eve").await;
    for session in ["eve", "mallory", "alice"] {
        analyst.select(session);
        analyst.press(KeyCode::Char(' '));
    }
    assert_eq!(analyst.state.view.marked.len(), 3);
    analyst.act('t', "INC-9 sweep");
    let ends = |analyst: &Analyst| {
        let ends = analyst.state.acts.iter().filter(|act| act.kind == ActKind::Terminate);
        ends.cloned().collect::<Vec<_>>()
    };
    assert_eq!(ends(&analyst).len(), 3, "one reason, one confirmation");
    analyst.until("all to come to an outcome", |analyst| ends(analyst).iter().all(|act| act.is_over())).await;
    for act in ends(&analyst) {
        let stubborn = act.subject.id().starts_with("mallory");
        assert_eq!(is_unproven(&act.steps[0].outcome), stubborn, "{act:#?}");
        assert_eq!(is_proven(&act.steps[0].outcome), !stubborn, "{act:#?}");
        assert_eq!(status(&sim, act.subject.id()) == "Terminated", !stubborn);
        assert_eq!(act.reason, "INC-9 sweep");
    }
    assert_eq!(calls(&sim, "ssm", "TerminateSession"), 3);
    assert!(analyst.notice().starts_with("2 of 3 ended, 1 not: "), "{}", analyst.notice());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_runs_from_the_key_to_the_proof() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "eve").await;
    break_it(&sim, Fault::new("ssm", "TerminateSession", Effect::Latency { milliseconds: 1200 }));
    let began = tokio::time::Instant::now();
    analyst.act('t', "INC-1");
    let act = analyst.outcome().await;
    let ActOutcome::Done { took_ms, .. } = act.steps[0].outcome else { panic!("{act:#?}") };
    assert!(took_ms >= 1200 && Duration::from_millis(took_ms) <= began.elapsed(), "{took_ms}");
    let records = analyst.leave_with_records().await.1;
    let last = records.iter().rev().find(|record| record["act"]["kind"] == "terminate").unwrap();
    assert_eq!(last["act"]["steps"][0]["outcome"]["took_ms"], took_ms);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_started_to_outlive_the_session_is_known_before_it_is_ended() {
    let quiet = include_str!("../src/sim/scenarios/quiet.toml");
    let miner = "[[cast]]\nowner = \"arn:aws:iam::{account}:user/miner\"\nnode = \"payments-web-3\"\n\
                 id = \"miner-0e0e0e0e0e0e0e0e5\"\nat = -5.0\nscript = [{ type = \"nohup ./miner &\" }]\n";
    let sim = rig::sim(&Scenario::parse("miner", &format!("{quiet}\n{miner}")).unwrap()).await;
    let mut analyst = Analyst::at(&sim, Run::default(), "miner").await;
    let key = analyst.key_of("miner").unwrap();
    analyst
        .until("it to be heard", |analyst| {
            let survivors = &analyst.state.board.sessions[&key].survivors;
            survivors.iter().any(|survivor| survivor.program == "nohup" && survivor.text.contains("./miner"))
        })
        .await;
    // And it stands in the record of the end.
    analyst.act('t', "INC-1");
    let act = analyst.outcome().await;
    assert!(words(&act, 0).ends_with("; on the node may live on: nohup ./miner &"), "{act:#?}");
}
