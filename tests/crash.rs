//! The program killed with -9 in each step of an act and of an alert, and what the next run makes of it: nothing lost, nothing done twice
//! that may not be, nothing shown as done that was not.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/terminal.rs"]
mod terminal;

use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use ssmwatch::{
    domain::{ActKind, ActOutcome, Workflow},
    sim::{
        Sim,
        gate::{Effect, Fault},
        scenario::Scenario,
        world::World,
    },
    store::{RecordFilter, Store},
};
use tempfile::TempDir;
use terminal::Terminal;

const PAYMENTS: &str = "111122223333";
const EVE: &str = "eve-0e0e0e0e0e0e0e0e1";
const MEMBER: &str = "arn:aws:sns:eu-central-1:111122223333:aws-ssm-monitoring-logging-guardrails-multiaccount";
/// Somebody with a role of the account's own.
const QUINN: &str = "[[cast]]\nowner = \"arn:aws:sts::{account}:assumed-role/WinOps/quinn\"\nnode = \"payments-web-1\"\n\
                     reason = \"INC-10009\"\nid = \"quinn-0e0e0e0e0e0e0e0e6\"\nat = -40.0\n";
const REVOKING: &str = "AWSRevokeOlderSessions";
/// Nothing that is waited for takes this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(40);

/// A simulated AWS, and the home of a program that is killed and started again.
struct Stage {
    sim: Sim,
    home: TempDir,
}

impl Stage {
    /// `raise_on`: what is raised by itself.
    async fn set(raise_on: &str) -> Self {
        let quiet = include_str!("../src/sim/scenarios/quiet.toml");
        let rogues = include_str!("fixtures/rogues.toml");
        let scenario = Scenario::parse("rogues", &format!("{quiet}\n{rogues}\n{QUINN}")).unwrap();
        let world = World::new(&scenario, 7, 1.0, jiff::Timestamp::now());
        let sim = Sim::start("127.0.0.1:0".parse().unwrap(), world).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(".config/ssmwatch")).unwrap();
        let config = format!(
            "[[accounts]]\nid = \"{PAYMENTS}\"\nname = \"payments\"\nregions = [\"eu-central-1\"]\n\
             role_arn = \"arn:aws:iam::{PAYMENTS}:role/ssmwatch\"\nexternal_id = \"ssmwatch-demo\"\n\
             [poll]\nsessions = \"1s\"\n\
             [compliance]\nlog_bucket = \"central-log-ssm-audit-eu-central-1-o-example\"\n\
             disabled = [\"WHO-02\", \"WHO-07\"]\n\
             [response.quarantine]\nmethod = \"revoke_role_sessions\"\n\
             [alerts]\nraise_on = \"{raise_on}\"\nmember_topic = \"{MEMBER}\"\n"
        );
        fs::write(home.path().join(".config/ssmwatch/config.toml"), config).unwrap();
        Self { sim, home }
    }

    fn start(&self) -> Terminal {
        let endpoint = self.sim.endpoint();
        let environment = [
            ("AWS_ACCESS_KEY_ID", "444455556666"),
            ("AWS_SECRET_ACCESS_KEY", "any secret"),
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ];
        Terminal::with_environment(&environment, &[], self.home.path(), 180, 50)
    }

    fn store(&self) -> PathBuf {
        self.home.path().join(".local/share/ssmwatch/ssmwatch.db")
    }

    fn fault(&self, service: &str, operation: &str, effect: Effect) {
        self.sim.with_world(|world| world.gate.add_fault(Fault::new(service, operation, effect)));
    }

    fn repair(&self) {
        self.sim.with_world(|world| world.gate.remove_faults(None));
    }

    fn calls(&self, service: &str, operation: &str) -> u64 {
        self.sim.with_world(|world| world.gate.tally(service, operation).calls)
    }

    /// Bodies of the messages that the member topic was told of eve's document.
    fn told(&self) -> Vec<serde_json::Value> {
        let bodies: Vec<serde_json::Value> = self.sim.with_world(|world| {
            let of_topic = world.sns.published().filter(|message| message.topic == MEMBER);
            of_topic.map(|message| serde_json::from_str(&message.message).unwrap()).collect()
        });
        let of_eve = |body: &serde_json::Value| body["rule"] == "DOC-01" && body["session"]["session_id"] == EVE;
        bodies.into_iter().filter(of_eve).collect()
    }

    fn status(&self) -> &'static str {
        self.sim.with_world(|world| world.session(PAYMENTS, "eu-central-1", EVE).unwrap().status.name())
    }

    /// Waits for something that no screen shows.
    fn wait(&self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !wanted(self) {
            assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// The outcomes of terminations as they were written down, the last of each.
    fn ends(&self) -> Vec<ActOutcome> {
        let acts = Store::open_to_read(&self.store()).unwrap().acts(&RecordFilter::default()).unwrap();
        let ends = acts.into_iter().filter(|act| act.kind == ActKind::Terminate);
        ends.map(|act| act.steps[0].outcome.clone()).collect()
    }

    fn is_written(&self) -> bool {
        Store::open_to_read(&self.store()).is_ok_and(|store| {
            store.acts(&RecordFilter::default()).unwrap().iter().any(|act| act.kind == ActKind::Terminate)
        })
    }

    /// Another program holds the store: nothing can be written.
    fn hold(&self) -> rusqlite::Connection {
        let other = rusqlite::Connection::open(self.store()).unwrap();
        other.busy_timeout(Duration::from_secs(5)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
    }

    /// How often ends of sessions were counted.
    fn counted(&self) -> f64 {
        self.sim.with_world(|world| world.metrics.sum(PAYMENTS, "eu-central-1", "TerminatedSSMSessions"))
    }

    /// A role of the account denies everything to tokens from before.
    fn revoked(&self) -> bool {
        let has = |role: &ssmwatch::sim::world::model::Role| role.inline.keys().any(|name| name == REVOKING);
        self.sim.with_world(|world| world.accounts[PAYMENTS].roles.values().any(has))
    }

    /// What was accepted is written down as such: nothing waits in the outbox.
    fn is_delivered(&self) -> bool {
        Store::open_to_read(&self.store()).is_ok_and(|store| store.undelivered().unwrap().is_empty())
    }

    fn verified(&self) {
        let verified = Store::open_to_read(&self.store()).unwrap().verify(None).unwrap();
        assert!(verified.is_whole(), "{verified:?}");
    }
}

/// Types all that ends eve, up to the `y`.
fn terminate(terminal: &mut Terminal) {
    terminate_when(terminal, || ());
}

fn kill(mut terminal: Terminal) {
    terminal.signal("KILL");
    terminal.exit_code();
}

// --- A termination ----------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_a_termination_is_written_down_nothing_was_sent() {
    let stage = Stage::set("CRITICAL").await;
    let mut terminal = stage.start();
    terminal.wait_for("user/eve");
    let held = stage.hold();
    terminate(&mut terminal);
    terminal.wait("the dialog to close", |screen| !screen.contains("will call"));
    kill(terminal);
    drop(held);
    assert_eq!((stage.calls("ssm", "TerminateSession"), stage.status()), (0, "Connected"));
    let mut terminal = stage.start();
    terminal.wait_for("user/eve");
    terminal.type_text("6");
    terminal.wait_for("Acts");
    assert!(stage.ends().is_empty());
    kill(terminal);
    stage.verified();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_a_termination_is_written_and_before_it_is_sent_it_is_not_done_and_not_sent_again() {
    let stage = Stage::set("CRITICAL").await;
    let mut terminal = stage.start();
    terminal.wait_for("user/eve");
    // The look before it is sent hangs, for at most a second.
    terminate_when(&mut terminal, || stage.fault("ssm", "DescribeSessions", Effect::Hang));
    stage.wait("the act to be written down", Stage::is_written);
    kill(terminal);
    assert_eq!((stage.calls("ssm", "TerminateSession"), stage.status()), (0, "Connected"));
    stage.repair();
    next_run_shows_it_unproven(&stage, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_termination_is_on_its_way_it_is_not_done_and_not_sent_again() {
    let stage = Stage::set("CRITICAL").await;
    let mut terminal = stage.start();
    stage.fault("ssm", "TerminateSession", Effect::Hang);
    terminate(&mut terminal);
    stage.wait("the request", |stage| stage.calls("ssm", "TerminateSession") == 1);
    kill(terminal);
    assert_eq!(stage.status(), "Connected");
    stage.repair();
    next_run_shows_it_unproven(&stage, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_a_termination_arrived_its_end_is_seen_later_and_counted_once() {
    let stage = Stage::set("CRITICAL").await;
    let mut terminal = stage.start();
    stage.fault("ssm", "TerminateSession", Effect::Mute);
    terminate(&mut terminal);
    stage.wait("the end", |stage| stage.status() == "Terminated");
    kill(terminal);
    stage.repair();
    next_run_settles_it(&stage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_the_proof_of_an_end_and_its_record_the_next_run_proves_and_counts_it_once() {
    let stage = Stage::set("CRITICAL").await;
    let mut terminal = stage.start();
    stage.fault("ssm", "TerminateSession", Effect::Latency { milliseconds: 1500 });
    terminate(&mut terminal);
    stage.wait("the act to be written down", Stage::is_written);
    let held = stage.hold();
    stage.wait("the end", |stage| stage.status() == "Terminated");
    let looks = stage.calls("ssm", "DescribeSessions");
    stage.wait("it to be looked up", |stage| stage.calls("ssm", "DescribeSessions") > looks + 3);
    kill(terminal);
    drop(held);
    assert_eq!(stage.counted(), 0.0);
    stage.repair();
    next_run_settles_it(&stage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_the_metric_of_an_end_is_sent_it_is_counted_once() {
    let stage = Stage::set("CRITICAL").await;
    let mut terminal = stage.start();
    stage.fault("cloudwatch", "PutMetricData", Effect::Hang);
    terminate(&mut terminal);
    stage.wait("the proof", |stage| {
        stage.is_written() && stage.ends().iter().any(|end| matches!(end, ActOutcome::Done { .. }))
    });
    kill(terminal);
    assert_eq!(stage.counted(), 0.0);
    stage.repair();
    let terminal = stage.start();
    stage.wait("the count", |stage| stage.counted() > 0.0 && stage.is_delivered());
    kill(terminal);
    assert_eq!(stage.counted(), 1.0);
    assert_eq!(stage.calls("ssm", "TerminateSession"), 1);
    stage.verified();
}

/// Like [`terminate`], and something happens before the `y`.
fn terminate_when(terminal: &mut Terminal, meanwhile: impl Fn()) {
    terminal.wait_for("user/eve");
    terminal.type_text("/eve\r");
    terminal.wait_for("no filter");
    terminal.wait_for("NON_COMPLIANT");
    terminal.type_text("t");
    terminal.wait_for("Why is it ended?");
    terminal.type_text("INC-1 crash");
    terminal.wait_for("INC-1 crash");
    terminal.type_text("\r");
    terminal.wait_for("will call ssm:TerminateSession for eve");
    meanwhile();
    terminal.answer("will call ssm:TerminateSession for eve", "y");
}

fn next_run_shows_it_unproven(stage: &Stage, calls: u64) {
    let terminal = stage.start();
    terminal.wait_for("user/eve");
    terminal.wait_for("before an outcome was known");
    stage.wait("that to be written down", |stage| matches!(stage.ends().as_slice(), [ActOutcome::Unproven { .. }]));
    let listed = stage.calls("ssm", "DescribeSessions");
    stage.wait("two more listings", |stage| stage.calls("ssm", "DescribeSessions") > listed + 2);
    assert_eq!((stage.calls("ssm", "TerminateSession"), stage.status()), (calls, "Connected"));
    assert_eq!(stage.counted(), 0.0);
    kill(terminal);
    stage.verified();
}

fn next_run_settles_it(stage: &Stage) {
    let terminal = stage.start();
    stage.wait(
        "it to be settled",
        |stage| matches!(stage.ends().as_slice(), [ActOutcome::Done { proof, .. }] if proof.contains("seen later")),
    );
    stage.wait("the count", |stage| stage.counted() > 0.0 && stage.is_delivered());
    kill(terminal);
    // And once more: what is settled stays settled.
    let terminal = stage.start();
    terminal.wait("the screen", |screen| screen.contains("1/1 scopes fresh"));
    kill(terminal);
    assert_eq!(stage.calls("ssm", "TerminateSession"), 1);
    assert_eq!(stage.counted(), 1.0);
    stage.verified();
}

// --- A quarantine -----------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_a_quarantine_arrived_it_is_not_shown_as_done_and_the_same_key_lifts_it() {
    let stage = Stage::set("CRITICAL").await;
    let mut terminal = stage.start();
    let question = |terminal: &mut Terminal, reason: &str| {
        terminal.wait_for("quinn");
        terminal.type_text("/quinn\r");
        terminal.wait_for("no filter");
        terminal.type_text("x");
        terminal.wait_for(REVOKING);
        terminal.type_text(reason);
        terminal.wait_for(reason);
    };
    stage.fault("iam", "PutRolePolicy", Effect::Mute);
    question(&mut terminal, "INC-5");
    terminal.type_text("\r");
    terminal.type_text("payments\r");
    terminal.answer("will call iam:PutRolePolicy", "y");
    stage.wait("the policy", |stage| stage.revoked());
    kill(terminal);
    stage.repair();
    let mut terminal = stage.start();
    terminal.wait_for("before an outcome was known");
    question(&mut terminal, "INC-5 over");
    terminal.wait_for("iam:DeleteRolePolicy");
    terminal.type_text("\r");
    terminal.type_text("payments\r");
    terminal.answer("will call iam:DeleteRolePolicy", "y");
    stage.wait("it to be lifted", |stage| !stage.revoked());
    kill(terminal);
    stage.verified();
}

// --- An alert ---------------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_an_alert_is_written_down_the_next_run_raises_it_once() {
    let stage = Stage::set("CRITICAL").await;
    stage.fault("ssm", "DescribeSessions", Effect::Hang);
    let terminal = stage.start();
    terminal.wait_for("ssmwatch");
    stage.wait("the store", |stage| stage.store().exists());
    terminal.wait_for("scopes");
    stage.wait("the store to be read", |stage| Store::open_to_read(&stage.store()).is_ok());
    let held = stage.hold();
    stage.repair();
    terminal.wait_for("user/eve");
    terminal.wait_for("NON_COMPLIANT");
    kill(terminal);
    drop(held);
    assert!(stage.told().is_empty());
    let terminal = stage.start();
    stage.wait("the message", |stage| !stage.told().is_empty());
    kill(terminal);
    assert_eq!(stage.told().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_an_alert_is_on_its_way_the_next_run_sends_it_once() {
    let stage = Stage::set("CRITICAL").await;
    stage.fault("sns", "Publish", Effect::Hang);
    let terminal = stage.start();
    stage.wait("the request", |stage| stage.calls("sns", "Publish") > 0);
    kill(terminal);
    assert!(stage.told().is_empty());
    stage.repair();
    let terminal = stage.start();
    stage.wait("the message", |stage| !stage.told().is_empty());
    notified(&stage);
    kill(terminal);
    assert_eq!(stage.told().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_an_alert_was_accepted_it_is_sent_again_under_the_same_id() {
    let stage = Stage::set("CRITICAL").await;
    stage.fault("sns", "Publish", Effect::Mute);
    let terminal = stage.start();
    stage.wait("the message", |stage| !stage.told().is_empty());
    kill(terminal);
    stage.repair();
    let terminal = stage.start();
    notified(&stage);
    kill(terminal);
    let told = stage.told();
    assert!(told.len() >= 2, "at least once");
    assert!(told.iter().all(|body| body["id"] == told[0]["id"] && body["occurrence"] == 1), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_an_alert_was_told_the_next_run_tells_it_no_more() {
    let stage = Stage::set("CRITICAL").await;
    let terminal = stage.start();
    notified(&stage);
    kill(terminal);
    let before = stage.calls("sns", "Publish");
    let terminal = stage.start();
    terminal.wait_for("user/eve");
    terminal.wait_for("NON_COMPLIANT");
    let listed = stage.calls("ssm", "DescribeSessions");
    stage.wait("two more listings", |stage| stage.calls("ssm", "DescribeSessions") > listed + 2);
    kill(terminal);
    assert_eq!(stage.told().len(), 1);
    assert_eq!(stage.calls("sns", "Publish"), before);
}

fn notified(stage: &Stage) {
    stage.wait("the alert to be NOTIFIED", |stage| {
        let Ok(store) = Store::open_to_read(&stage.store()) else { return false };
        let alerts = store.load(jiff::Timestamp::now()).unwrap().alerts;
        let of_eve = |alert: &&ssmwatch::domain::Alert| alert.rule.as_str() == "DOC-01" && alert.subject.id() == EVE;
        alerts.iter().find(of_eve).is_some_and(|alert| alert.workflow == Workflow::Notified)
    });
}
