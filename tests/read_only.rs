//! Looking only: every key on every screen, with everything configured that could write, and a simulated AWS that counts what is written.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;

#[path = "common/analyst.rs"]
mod analyst;

#[path = "common/program.rs"]
mod program;

#[path = "common/terminal.rs"]
mod terminal;

use std::{collections::BTreeMap, fs};

use analyst::{Analyst, Run, rogues};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::SignedDuration;
use rig::{break_it, calls};
use ssmwatch::{
    app::{Message, action::ACTIONS, keymap::parse_key},
    domain::{ActKind, QuarantineMethod, Severity, Verdict},
    sim::{
        Sim,
        gate::{Effect, Fault},
    },
};
use terminal::Terminal;

fn writes(sim: &Sim) -> BTreeMap<String, u64> {
    sim.with_world(|world| world.gate.writes())
}

/// Everything that could write is configured.
fn armed() -> Run {
    Run {
        raise_on: Some(Severity::Informational),
        auto_terminate: &["DOC-01", "DOC-02"],
        countdown: SignedDuration::from_secs(1),
        quarantine: Some(QuarantineMethod::ServiceControlPolicy { policy_id: "p-quarantine1".into() }),
        ..Run::default()
    }
}

/// Presses every key of every action on every screen, and answers every question that may have opened.
async fn every_key(analyst: &mut Analyst) {
    let keys: Vec<KeyEvent> = ACTIONS
        .iter()
        .filter(|info| !matches!(info.name, "quit" | "suspend"))
        .flat_map(|info| info.keys)
        .map(|key| parse_key(key).unwrap().into())
        .collect();
    assert!(keys.len() > 40);
    for screen in ['1', '2', '3', '4', '5', '6'] {
        for key in &keys {
            analyst.press(KeyCode::Char(screen));
            analyst.until("a moment", |_| true).await;
            analyst.ahead += SignedDuration::from_millis(700);
            analyst.apply(Message::Key(*key));
            analyst.apply(Message::Paste("payments-prod".into()));
            for answer in [KeyCode::Enter, KeyCode::Char('y'), KeyCode::Enter, KeyCode::Char('y'), KeyCode::Esc] {
                analyst.press(answer);
            }
            for modifiers in [KeyModifiers::CONTROL, KeyModifiers::ALT] {
                analyst.ahead += SignedDuration::from_millis(700);
                if key.code != KeyCode::Char('c') && key.code != KeyCode::Char('z') {
                    analyst.apply(Message::Key(KeyEvent::new(key.code, modifiers)));
                }
            }
            analyst.press(KeyCode::Esc);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_config_no_key_reaches_a_writing_api() {
    let sim = rogues().await;
    let run = Run { read_only: Some("read_only = true in the config"), ..armed() };
    let mut analyst = Analyst::at(&sim, run, "eve").await;
    analyst.until("eve to be NON_COMPLIANT", |analyst| analyst.verdict("eve") == Some(Verdict::NonCompliant)).await;
    analyst.until("alerts", |analyst| analyst.state.alerts.all().count() > 3).await;
    every_key(&mut analyst).await;
    let listed = calls(&sim, "ssm", "DescribeSessions");
    analyst.until("two more listings", |_| calls(&sim, "ssm", "DescribeSessions") > listed + 8).await;
    assert_eq!(writes(&sim), BTreeMap::new());
    assert!(analyst.state.acts.iter().all(|act| !act.kind.writes()), "{:#?}", analyst.state.acts);
    assert!(analyst.state.alerts.all().all(|alert| alert.deliveries.is_empty()), "nothing waits to be sent");
    assert!(analyst.state.alerts.undelivered() == 0);
    // What is only written down here still is.
    assert!(analyst.state.acts.iter().any(|act| act.kind == ActKind::Acknowledge));
}

/// The same keys do write where they may: the test above is not blind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_acting_is_allowed_the_same_keys_write() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, Run { auto_terminate: &[], ..armed() }, "eve").await;
    analyst.until("eve to be NON_COMPLIANT", |analyst| analyst.verdict("eve") == Some(Verdict::NonCompliant)).await;
    every_key(&mut analyst).await;
    let written =
        |sim: &Sim| ["ssm:TerminateSession", "sns:Publish"].iter().all(|call| writes(sim).contains_key(*call));
    analyst.until("what they ask for", |_| written(&sim)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_flag_no_key_reaches_a_writing_api_and_the_screen_says_why() {
    let sim = rogues().await;
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join(".config/ssmwatch")).unwrap();
    let config = "[[accounts]]\nid = \"111122223333\"\nname = \"payments-prod\"\nregions = [\"eu-central-1\"]\n\
                  role_arn = \"arn:aws:iam::111122223333:role/ssmwatch\"\nexternal_id = \"ssmwatch-demo\"\n\
                  [poll]\nsessions = \"1s\"\n[alerts]\nraise_on = \"INFORMATIONAL\"\n\
                  central_topic = \"arn:aws:sns:eu-central-1:444455556666:CentralAlarm\"\n\
                  [response]\nauto_terminate = [\"DOC-01\"]\ncountdown = \"5s\"\n\
                  [response.quarantine]\nmethod = \"revoke_role_sessions\"\n";
    fs::write(home.path().join(".config/ssmwatch/config.toml"), config).unwrap();
    let endpoint = sim.endpoint();
    let environment = [
        ("AWS_ACCESS_KEY_ID", "444455556666"),
        ("AWS_SECRET_ACCESS_KEY", "any secret"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ];
    let mut terminal = Terminal::with_environment(&environment, &["--read-only"], home.path(), 180, 50);
    terminal.wait_for("user/eve");
    terminal.wait_for("NON_COMPLIANT");
    terminal.type_text("g");
    for (key, word) in [("t", "terminating"), ("a", "alerting"), ("x", "quarantine"), ("P", "automatic response")] {
        terminal.type_text(key);
        match key {
            // Pausing writes nothing: it is allowed, and what it pauses is off.
            "P" => terminal.wait_for("automatic response is paused"),
            _ => terminal.wait_for(&format!("{word} is off: --read-only was given")),
        }
        let shown = std::time::Instant::now();
        terminal.wait("it to be read", |_| shown.elapsed() > std::time::Duration::from_millis(700));
    }
    terminal.wait("the listings to go on", |_| calls(&sim, "ssm", "DescribeSessions") > 20);
    terminal.type_text("q");
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(writes(&sim), BTreeMap::new());
}

/// What is wrong with the store, and what is said of it.
async fn with_a_store_that_is(broken: impl FnOnce(&std::path::Path), said: &str) {
    let sim = rogues().await;
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join(".config/ssmwatch")).unwrap();
    let config = "[[accounts]]\nid = \"111122223333\"\nname = \"payments-prod\"\nregions = [\"eu-central-1\"]\n\
                  role_arn = \"arn:aws:iam::111122223333:role/ssmwatch\"\nexternal_id = \"ssmwatch-demo\"\n\
                  [alerts]\ncentral_topic = \"arn:aws:sns:eu-central-1:444455556666:CentralAlarm\"\n";
    fs::write(home.path().join(".config/ssmwatch/config.toml"), config).unwrap();
    let folder = home.path().join(".local/share/ssmwatch");
    fs::create_dir_all(&folder).unwrap();
    broken(&folder.join("ssmwatch.db"));
    let endpoint = sim.endpoint();
    let environment = [
        ("AWS_ACCESS_KEY_ID", "444455556666"),
        ("AWS_SECRET_ACCESS_KEY", "any secret"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
    ];
    let mut terminal = Terminal::with_environment(&environment, &[], home.path(), 180, 50);
    terminal.wait("watching to go on", |screen| screen.contains("user/eve") && screen.contains("NON_COMPLIANT"));
    terminal.wait_for(said);
    terminal.type_text("g");
    terminal.type_text("t");
    terminal.wait("the key to say why", |screen| screen.contains("terminating is off") && screen.contains(said));
    // What is typed on after a refusal is not a command.
    let shown = std::time::Instant::now();
    terminal.wait("it to be read", |_| shown.elapsed() > std::time::Duration::from_millis(700));
    terminal.type_text("q");
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(writes(&sim), BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_damaged_store_watching_goes_on_and_nothing_is_done() {
    with_a_store_that_is(|path| fs::write(path, "no database".repeat(1000)).unwrap(), "the store is damaged").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_store_of_a_later_version_watching_goes_on_and_nothing_is_done() {
    let later = |path: &std::path::Path| {
        drop(ssmwatch::store::Store::open(path).unwrap());
        rusqlite::Connection::open(path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    };
    with_a_store_that_is(later, "the store has version 99").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_store_that_another_run_has_watching_goes_on_and_nothing_is_done() {
    let mut other = None;
    with_a_store_that_is(
        |path| other = Some(ssmwatch::store::Store::open(path).unwrap()),
        "in use by another ssmwatch",
    )
    .await;
    drop(other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_without_a_screen_write_nothing() {
    let sim = rogues().await;
    let home = program::Home::speaking_for(rig::PAYMENTS, &sim.endpoint());
    for arguments in [
        &["check"][..],
        &["check", "--format", "json"],
        &["export", "eve-0e0e0e0e0e0e0e0e1", "--output", "case"],
        &["audit", "list"],
        &["audit", "verify"],
        &["iam-policy"],
        &["rules", "list"],
    ] {
        let ended = tokio::task::block_in_place(|| home.run(arguments));
        assert!(!ended.err.contains("panicked"), "{arguments:?}: {ended:#?}");
    }
    assert_eq!(writes(&sim), BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_aws_denies_it_is_remembered_for_that_scope_until_it_works() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "eve").await;
    break_it(&sim, Fault::new("ssm", "TerminateSession", Effect::Deny));
    analyst.act('t', "INC-1");
    analyst.outcome().await;
    let denied = |analyst: &Analyst| analyst.state.denied.contains_key(&(rig::home(), ActKind::Terminate));
    assert!(denied(&analyst), "{:?}", analyst.state.denied);
    rig::repair(&sim);
    analyst.act('t', "INC-1 once more");
    analyst.outcome().await;
    assert!(!denied(&analyst));
}
