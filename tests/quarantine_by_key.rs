//! Quarantine as an analyst sets and lifts it: asked twice, done as shown, proven, remembered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;

#[path = "common/analyst.rs"]
mod analyst;

use std::collections::BTreeMap;

use analyst::{Analyst, Run, rogues, words};
use crossterm::event::KeyCode;
use rig::{PAYMENTS, break_it, repair};
use ssmwatch::{
    app::{
        Message,
        dialog::{Planned, Step},
    },
    domain::{ActKind, ActOutcome, QuarantineMethod},
    sim::{
        Sim,
        gate::{Effect, Fault},
    },
};

const POLICY: &str = "p-quarantine1";

fn by_policy() -> Run {
    Run { quarantine: Some(QuarantineMethod::ServiceControlPolicy { policy_id: POLICY.into() }), ..Run::default() }
}

fn writes(sim: &Sim) -> BTreeMap<String, u64> {
    let mut writes = sim.with_world(|world| world.gate.writes());
    writes.retain(|call, _| !call.starts_with("sns:") && !call.starts_with("cloudwatch:"));
    writes
}

fn type_name(analyst: &mut Analyst, name: &str) {
    name.chars().for_each(|character| analyst.press(KeyCode::Char(character)));
    analyst.press(KeyCode::Enter);
}

async fn planned(analyst: &mut Analyst) {
    let read =
        |analyst: &Analyst| analyst.state.view.dialog.as_ref().is_some_and(|dialog| dialog.plan != Planned::Reading);
    analyst.until("what would be written", read).await;
}

fn step(analyst: &Analyst) -> Step {
    analyst.state.view.dialog.as_ref().unwrap().step
}

/// The whole question, up to the `y`.
async fn answer(analyst: &mut Analyst, reason: &str) {
    analyst.press(KeyCode::Char('x'));
    planned(analyst).await;
    analyst.apply(Message::Paste(reason.into()));
    analyst.press(KeyCode::Enter);
    assert_eq!(step(analyst), Step::Name);
    type_name(analyst, "payments-prod");
    assert!(matches!(step(analyst), Step::Confirm(_)));
    // What is asked is read once more, and only then it can be answered.
    analyst.press(KeyCode::Char('y'));
    assert!(analyst.state.view.dialog.is_some(), "it is still being read");
    planned(analyst).await;
    analyst.press(KeyCode::Char('y'));
    assert!(analyst.state.view.dialog.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_quarantined_and_released_each_asked_twice_and_proven() {
    let sim = rogues().await;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ssmwatch.db");
    let mut analyst = Analyst::at(&sim, Run { store: Some(path.clone()), ..by_policy() }, "eve").await;
    analyst.press(KeyCode::Char('x'));
    analyst.press(KeyCode::Enter);
    assert_eq!(step(&analyst), Step::Reason, "a reason is needed");
    planned(&mut analyst).await;
    let Planned::Ready(plan) = &analyst.state.view.dialog.as_ref().unwrap().plan else { panic!("no plan") };
    assert!(plan.target.contains(PAYMENTS) && plan.action == "organizations:AttachPolicy", "{plan:#?}");
    assert!(plan.writes.iter().any(|line| line.contains("ssm:StartSession")), "the document word by word: {plan:#?}");
    analyst.apply(Message::Paste("INC-5 stolen credentials".into()));
    analyst.press(KeyCode::Enter);
    // Neither a wrong name, nor a pasted one, nor a y without it does anything.
    analyst.apply(Message::Paste("payments-prod".into()));
    analyst.press(KeyCode::Enter);
    assert_eq!(step(&analyst), Step::Name);
    type_name(&mut analyst, "payments");
    assert_eq!(step(&analyst), Step::Name);
    assert!(writes(&sim).is_empty());
    type_name(&mut analyst, "-prod");
    assert!(matches!(step(&analyst), Step::Confirm(_)));
    planned(&mut analyst).await;
    analyst.press(KeyCode::Enter);
    assert!(writes(&sim).is_empty(), "only y does it");
    analyst.press(KeyCode::Char('y'));
    let act = analyst.outcome().await;
    assert_eq!((act.kind, act.reason.as_str()), (ActKind::Quarantine, "INC-5 stolen credentials"));
    assert!(words(&act, 0).starts_with("Done: "), "{act:#?}");
    assert_eq!(writes(&sim).keys().collect::<Vec<_>>(), ["organizations:AttachPolicy"]);
    let records = analyst.records();
    let last = &records.last().unwrap()["act"];
    assert_eq!((&last["kind"], &last["subject"]["of"]), (&"quarantine".into(), &PAYMENTS.into()));
    assert!(last["target"].as_str().unwrap().contains(PAYMENTS), "{last}");
    analyst.leave().await;

    // The next run knows that it is in force, and the same key lifts it.
    let mut analyst = Analyst::at(&sim, Run { store: Some(path), ..by_policy() }, "alice").await;
    let session = analyst.state.board.sessions[&analyst.key_of("alice").unwrap()].session.clone();
    assert!(analyst.state.quarantine_on(&session).is_some());
    answer(&mut analyst, "INC-5 over").await;
    let act = analyst.outcome().await;
    assert_eq!(act.kind, ActKind::LiftQuarantine);
    assert!(words(&act, 0).starts_with("Done: "), "{act:#?}");
    assert!(analyst.state.quarantine_on(&session).is_none());
    assert_eq!(writes(&sim).keys().collect::<Vec<_>>(), ["organizations:AttachPolicy", "organizations:DetachPolicy"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_not_asked() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, by_policy(), "eve").await;
    break_it(&sim, Fault::new("organizations", "*", Effect::Deny));
    analyst.press(KeyCode::Char('x'));
    planned(&mut analyst).await;
    let Planned::Refused(what, _) = &analyst.state.view.dialog.as_ref().unwrap().plan else { panic!("a plan") };
    assert!(what.contains("organizations:"), "{what}");
    analyst.apply(Message::Paste("INC-5".into()));
    analyst.press(KeyCode::Enter);
    assert_eq!(step(&analyst), Step::Reason);
    analyst.press(KeyCode::Esc);
    assert!(analyst.state.view.dialog.is_none() && writes(&sim).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarantine_without_an_answer_is_settled_by_reading_back() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, by_policy(), "eve").await;
    break_it(&sim, Fault::new("organizations", "AttachPolicy", Effect::Mute));
    answer(&mut analyst, "INC-5").await;
    let act = analyst.outcome().await;
    assert!(matches!(act.steps[0].outcome, ActOutcome::Done { .. }), "{act:#?}");
    repair(&sim);
}

/// What somebody else does with the account's policies meanwhile.
fn attach(sim: &Sim, attached: bool) {
    sim.with_world(|world| {
        let policies = world.control_policies.attached.get_mut(PAYMENTS).unwrap();
        policies.retain(|policy| policy != POLICY);
        policies.extend(attached.then(|| POLICY.to_owned()));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_set_is_lifted_by_the_same_key_and_what_was_lifted_is_set_anew() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, by_policy(), "eve").await;
    // Somebody else has set it: a run that knows nothing of it asks to lift it.
    attach(&sim, true);
    analyst.press(KeyCode::Char('x'));
    let lifts = |analyst: &Analyst| {
        let dialog = analyst.state.view.dialog.as_ref().unwrap();
        dialog.kind == ActKind::LiftQuarantine && matches!(dialog.plan, Planned::Ready(_))
    };
    analyst.until("the question to turn round", lifts).await;
    analyst.press(KeyCode::Esc);
    attach(&sim, false);
    answer(&mut analyst, "INC-5").await;
    analyst.outcome().await;
    // Somebody else lifts it: the next question sets it anew.
    attach(&sim, false);
    analyst.press(KeyCode::Char('x'));
    assert_eq!(analyst.state.view.dialog.as_ref().unwrap().kind, ActKind::LiftQuarantine);
    let sets = |analyst: &Analyst| {
        let dialog = analyst.state.view.dialog.as_ref().unwrap();
        dialog.kind == ActKind::Quarantine && matches!(dialog.plan, Planned::Ready(_))
    };
    analyst.until("the question to turn round again", sets).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_config_the_key_says_so() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "eve").await;
    analyst.press(KeyCode::Char('x'));
    assert!(analyst.state.view.dialog.is_none());
    assert!(analyst.notice().contains("[response.quarantine]"), "{}", analyst.notice());
}
