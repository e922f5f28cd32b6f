//! Ending sessions and raising alerts over the wire, with the simulated AWS refusing, hanging and lying where a test says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;

#[path = "common/analyst.rs"]
mod analyst;

use std::time::Duration;

use analyst::{Analyst, CENTRAL_TOPIC, MEMBER, NAMESPACE, Run, published, rogues, words};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use crossterm::event::KeyCode;
use jiff::{SignedDuration, Timestamp};
use rig::{PAYMENTS, break_it, calls, home, repair};
use serde_json::Value;
use ssmwatch::{
    app::Message,
    domain::{Act, ActKind, ActOutcome, Verdict},
    response,
    sim::{
        Sim,
        gate::{Effect, Fault},
    },
};

const EVE: &str = "eve-0e0e0e0e0e0e0e0e1";

/// Metrics of the member account: name, dimensions as `Name=Value`, sum of the last and the next hour: tests move the clock.
async fn metrics(sim: &Sim) -> Vec<(String, Vec<String>, f64)> {
    let credentials = Credentials::new(PAYMENTS, "any secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(sim.endpoint())
        .build();
    let client = aws_sdk_cloudwatch::Client::new(&config);
    let now = Timestamp::now().as_second();
    let time = aws_smithy_types::DateTime::from_secs;
    let mut found = Vec::new();
    for metric in client.list_metrics().namespace(NAMESPACE).send().await.unwrap().metrics() {
        let answer = client
            .get_metric_statistics()
            .namespace(NAMESPACE)
            .metric_name(metric.metric_name().unwrap())
            .set_dimensions(Some(metric.dimensions().to_vec()))
            .start_time(time(now - 3600))
            .end_time(time(now + 3600))
            .period(60)
            .statistics(aws_sdk_cloudwatch::types::Statistic::Sum)
            .unit(aws_sdk_cloudwatch::types::StandardUnit::Count)
            .send()
            .await
            .unwrap();
        let sum = answer.datapoints().iter().filter_map(|point| point.sum()).sum();
        let mut dimensions: Vec<String> = metric
            .dimensions()
            .iter()
            .map(|dimension| format!("{}={}", dimension.name().unwrap(), dimension.value().unwrap()))
            .collect();
        dimensions.sort();
        found.push((metric.metric_name().unwrap().to_owned(), dimensions, sum));
    }
    found
}

fn status(sim: &Sim, session: &str) -> &'static str {
    sim.with_world(|world| world.session(PAYMENTS, "eu-central-1", session).unwrap().status.name())
}

fn deny(sim: &Sim, service: &str, operation: &str) {
    break_it(sim, Fault::new(service, operation, Effect::Deny));
}

// --- Terminating ------------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rogue_session_is_ended_proven_and_counted() {
    // Fault 12 of the reference guardrail: its metric and namespace stay available.
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "eve").await;
    analyst.until("eve to be NON_COMPLIANT", |analyst| analyst.verdict("eve") == Some(Verdict::NonCompliant)).await;
    analyst.act('t', "INC-1 tunnel to the database");
    let act = analyst.outcome().await;
    assert_eq!(act.subject.id(), EVE);
    assert!(words(&act, 0).starts_with("Done: left Active, History says Terminated at "), "{act:#?}");
    assert_eq!(act.steps[1].name, "metrics");
    assert_eq!(words(&act, 1), "Done: TerminatedSSMSessions counted");
    assert_eq!(status(&sim, EVE), "Terminated");
    assert_eq!(metrics(&sim).await, [("TerminatedSSMSessions".to_owned(), Vec::new(), 1.0)]);
    assert_eq!(calls(&sim, "ssm", "TerminateSession"), 1);
    // The time that it took is on the screen, and the table has it as ended.
    let ActOutcome::Done { took_ms, .. } = act.steps[0].outcome else { panic!("{act:#?}") };
    let seconds = Duration::from_millis(took_ms).as_secs_f32();
    assert!(analyst.notice().contains(&format!("terminate done in {seconds:.1} s")), "{}", analyst.notice());
    analyst
        .until("the table to agree", |analyst| {
            analyst.key_of("eve").is_some_and(|key| !analyst.state.board.sessions[&key].is_active())
        })
        .await;
    assert_eq!(analyst.banners(), "");
    // Written down: the start before, the outcomes after, with who, which and why.
    let records = analyst.records();
    assert_eq!(records[0]["phase"], "start");
    let act = &records[0]["act"];
    assert_eq!(act["subject"]["of"]["id"], EVE);
    assert_eq!(act["reason"], "INC-1 tunnel to the database");
    assert_eq!(act["steps"][0]["outcome"]["state"], "started");
    assert_eq!(act["actor"]["user"], "analyst");
    assert!(act["actor"]["arn"].as_str().unwrap().contains(":assumed-role/ssmwatch/"), "{act}");
    assert_eq!(act["evidence_sha256"].as_str().unwrap().len(), 64);
    let last = records.last().unwrap();
    assert_eq!((&last["phase"], &last["act"]["steps"][0]["outcome"]["state"]), (&"outcome".into(), &"done".into()));
    assert!(analyst.leave().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_session_that_broke_no_rule_is_not_counted() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "alice").await;
    let clean = [Some(Verdict::Compliant), Some(Verdict::NotApplicable)];
    analyst.until("alice to be judged", |analyst| clean.contains(&analyst.verdict("alice"))).await;
    analyst.act('t', "asked by alice");
    let act = analyst.outcome().await;
    assert_eq!(act.steps.len(), 1);
    assert!(words(&act, 0).starts_with("Done: "), "{act:#?}");
    assert_eq!(metrics(&sim).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_stays_is_an_error_that_stays_and_can_be_repeated() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "mallory").await;
    analyst.until("mallory to be judged", |analyst| analyst.verdict("mallory") == Some(Verdict::NonCompliant)).await;
    analyst.act('t', "INC-2");
    // While it is under way a second termination of the same session is not begun.
    analyst.press(KeyCode::Char('t'));
    assert!(analyst.state.view.dialog.is_none() && analyst.notice().contains("already"), "{}", analyst.notice());
    let act = analyst.outcome().await;
    assert!(words(&act, 0).starts_with("Unproven: NOT ENDED: sent, and it is still Connected after 10 s"), "{act:#?}");
    assert!(words(&act, 0).contains("terminate it once more"), "{act:#?}");
    assert!(words(&act, 1).contains("not counted"), "{act:#?}");
    assert_eq!(metrics(&sim).await, []);
    // It stays, however much time passes.
    analyst.ahead += SignedDuration::from_mins(2);
    analyst.apply(Message::Tick);
    assert!(analyst.banners().contains("mallory") && analyst.banners().contains("NOT ENDED"), "{}", analyst.banners());
    // Once more; this time the agent lets go.
    analyst.act('t', "INC-2 again");
    analyst.until("the second try to be sent", |analyst| analyst.told.contains(&(2, 0, ActOutcome::Sent))).await;
    assert_eq!(calls(&sim, "ssm", "TerminateSession"), 2);
    sim.advance(Duration::from_secs(600));
    let act = analyst.outcome().await;
    assert_eq!(act.id, 2);
    assert!(words(&act, 0).starts_with("Done: left Active, History says Terminated"), "{act:#?}");
    let done = |act| analyst.told.iter().any(|told| told.0 == act && matches!(told.2, ActOutcome::Done { .. }));
    assert!(!done(1), "the first try was never shown as done: {:#?}", analyst.told);
    assert_eq!(analyst.banners(), "");
    assert_eq!(metrics(&sim).await, [("TerminatedSSMSessions".to_owned(), Vec::new(), 1.0)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_had_ended_before_is_not_claimed() {
    let sim = rogues().await;
    // What the screen shows is old: the next listing comes in an hour.
    let run = Run { sessions_every: Duration::from_secs(3600), ..Run::default() };
    let mut analyst = Analyst::at(&sim, run, "grace").await;
    analyst.until("grace to be judged", |analyst| analyst.verdict("grace") == Some(Verdict::NonCompliant)).await;
    sim.advance(Duration::from_secs(120));
    assert_eq!(status(&sim, "grace-0e0e0e0e0e0e0e0e2"), "Terminated");
    analyst.act('t', "INC-3");
    let act = analyst.outcome().await;
    assert!(words(&act, 0).contains("it had ended before: History says Terminated at "), "{act:#?}");
    assert!(words(&act, 0).starts_with("Failed: nothing was sent"), "{act:#?}");
    assert!(words(&act, 1).contains("not counted"), "{act:#?}");
    assert_eq!(calls(&sim, "ssm", "TerminateSession"), 0);
    assert_eq!(metrics(&sim).await, [], "not one of ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_termination_names_the_permission() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "eve").await;
    deny(&sim, "ssm", "TerminateSession");
    analyst.act('t', "INC-4");
    let act = analyst.outcome().await;
    assert!(words(&act, 0).starts_with("Failed: the permission ssm:TerminateSession is missing / "), "{act:#?}");
    assert!(analyst.banners().contains("ssm:TerminateSession is missing"), "{}", analyst.banners());
    assert_eq!(status(&sim, EVE), "Connected");
    // Read or not, it goes only by Esc, and stays in the list of acts.
    analyst.press(KeyCode::Esc);
    assert_eq!(analyst.banners(), "");
    assert_eq!(analyst.state.acts.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_cannot_be_looked_up_is_not_proven() {
    // Fault 10 of the reference guardrail: a termination that answers success proves nothing.
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "eve").await;
    deny(&sim, "ssm", "DescribeSessions");
    analyst.act('t', "INC-5");
    let act = analyst.outcome().await;
    let words = words(&act, 0);
    assert!(words.starts_with("Unproven: sent, but its end cannot be proven"), "{words}");
    assert!(words.contains("ssm:DescribeSessions is missing"), "{words}");
    assert_eq!(calls(&sim, "ssm", "TerminateSession"), 1, "that it cannot be proven does not keep it from being ended");
}

/// Three ends that cannot be proven, each on an AWS of its own, together: each takes its 10 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_proven_within_ten_seconds_says_what_was_seen() {
    let began = tokio::time::Instant::now();
    let outcomes = tokio::join!(unknown_id(), throttled_listings(), hung_listings());
    let took = began.elapsed();
    let what = |outcome: &ActOutcome| match outcome {
        ActOutcome::Unproven { what, .. } => what.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(what(&outcomes.0), "NOT ENDED: sent, and it left Active, but History does not show it after 10 s");
    let throttled = "NOT PROVEN: sent, and when it was last seen it is still Connected; since then ssm:DescribeSessions failed: throttled";
    assert!(what(&outcomes.1).starts_with(throttled), "{}", what(&outcomes.1));
    let hung = what(&outcomes.2);
    assert!(hung.starts_with("sent, but its end cannot be proven: "), "{hung}");
    assert!(hung.contains("no answer") || hung.contains("unreachable"), "{hung}");
    assert!(took > Duration::from_secs(9) && took < Duration::from_secs(40), "{took:?}");
}

/// The service answers success for ids that it does not know.
async fn unknown_id() -> ActOutcome {
    let sim = rogues().await;
    let client = rig::fleet(&sim).await.scope(&home()).unwrap();
    let mut told = Vec::new();
    let outcome = response::terminate(&client, &"nobody-0e0e0e0e0e0e0e0e9".into(), |outcome| told.push(outcome)).await;
    assert_eq!(told, [ActOutcome::Sent]);
    outcome
}

/// Throttled from the moment on that it was seen after the request.
async fn throttled_listings() -> ActOutcome {
    let sim = rogues().await;
    let client = rig::fleet(&sim).await.scope(&home()).unwrap();
    let mallory = "mallory-0e0e0e0e0e0e0e0e3".into();
    let throttle = async {
        // Two requests are the look before, two the first look behind.
        while calls(&sim, "ssm", "DescribeSessions") < 4 {
            tokio::task::yield_now().await;
        }
        break_it(&sim, Fault::new("ssm", "DescribeSessions", Effect::Throttle));
    };
    tokio::join!(response::terminate(&client, &mallory, |_| {}), throttle).0
}

/// No listing answers at all: the session is ended nevertheless.
async fn hung_listings() -> ActOutcome {
    let sim = rogues().await;
    let client = rig::fleet(&sim).await.scope(&home()).unwrap();
    break_it(&sim, Fault::new("ssm", "DescribeSessions", Effect::Hang));
    let outcome = response::terminate(&client, &EVE.into(), |_| {}).await;
    assert_eq!(status(&sim, EVE), "Terminated");
    outcome
}

// --- Alerting ---------------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_reaches_both_topics_and_the_metrics_as_the_contract_says() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "eve").await;
    analyst.until("eve to be NON_COMPLIANT", |analyst| analyst.verdict("eve") == Some(Verdict::NonCompliant)).await;
    analyst.act('a', "INC-6 tunnel");
    let act = analyst.outcome().await;
    let names: Vec<_> = act.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["member topic", "central topic", "metrics"]);
    assert!((0..3).all(|step| words(&act, step).starts_with("Done: ")), "{act:#?}");
    let mut ids = Vec::new();
    for topic in [MEMBER, CENTRAL_TOPIC] {
        let messages = published(&sim, topic);
        let [message] = messages.as_slice() else { panic!("{topic}: {messages:#?}") };
        let subject = message.subject.as_deref().unwrap();
        assert_eq!(subject, "CRITICAL DOC-01 111122223333/eu-central-1: Session document is not on the allow list");
        let attributes: Vec<_> = message.attributes.iter().map(|attribute| format!("{attribute:?}")).collect();
        assert_eq!(attributes.len(), 4, "{attributes:?}");
        for (name, value) in
            [("severity", "CRITICAL"), ("rule", "DOC-01"), ("account", PAYMENTS), ("region", "eu-central-1")]
        {
            let wanted = format!("name: \"{name}\", data_type: \"String\", value: \"{value}\"");
            assert!(attributes.iter().any(|attribute| attribute.contains(&wanted)), "{wanted}: {attributes:?}");
        }
        let body: Value = serde_json::from_str(&message.message).unwrap();
        let mut keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "at",
                "evidence",
                "id",
                "occurrence",
                "raised_by",
                "reason",
                "rule",
                "schema",
                "session",
                "severity",
                "subject",
                "title"
            ]
        );
        assert_eq!(body["schema"], "ssmwatch.alert/1");
        assert_eq!((&body["rule"], &body["severity"]), (&"DOC-01".into(), &"CRITICAL".into()));
        assert_eq!(body["reason"], "INC-6 tunnel");
        assert_eq!(body["session"]["session_id"], EVE);
        assert_eq!(body["session"]["document"], "AWS-StartPortForwardingSession");
        assert_eq!(body["session"]["owner"], "arn:aws:iam::111122223333:user/eve");
        assert_eq!(body["evidence"][0]["source"], "ssm:DescribeSessions", "{body}");
        assert!(body["raised_by"].as_str().unwrap().starts_with("analyst"), "{body}");
        ids.push(body["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids[0], ids[1], "a receiver of both drops the repeat");
    let dimensions = [format!("Account={PAYMENTS}"), "Region=eu-central-1".to_owned(), "Rule=DOC-01".to_owned()];
    assert_eq!(metrics(&sim).await, [("NonCompliantSSMSessions".to_owned(), dimensions.to_vec(), 1.0)]);
    // Raised once more it is about what is left, and in the end about the session as such: no receiver drops it as a repeat.
    analyst.act('a', "INC-6 still there");
    analyst.outcome().await;
    let again: Value = serde_json::from_str(&published(&sim, MEMBER)[1].message).unwrap();
    assert_ne!(again["id"], ids[0].as_str());
    assert_eq!(again["reason"], "INC-6 still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_topic_that_fails_hides_no_other() {
    let sim = rogues().await;
    // The central topic is not there; the member topic and the metrics are.
    let central_topic = "arn:aws:sns:eu-central-1:444455556666:Gone";
    let mut analyst = Analyst::at(&sim, Run { central_topic, ..Run::default() }, "eve").await;
    analyst.until("eve to be NON_COMPLIANT", |analyst| analyst.verdict("eve") == Some(Verdict::NonCompliant)).await;
    analyst.act('a', "INC-7");
    let waits = |act: &Act, step: usize, why: &str| matches!(&act.steps[step].outcome, ActOutcome::Waiting { what, attempts: 1.., .. } if what.contains(why));
    analyst
        .until("two to have it, and one to be tried", |analyst| {
            let act = analyst.state.acts.last().unwrap();
            [0, 2].iter().all(|step| words(act, *step).starts_with("Done: ")) && waits(act, 1, "NotFound")
        })
        .await;
    assert!(analyst.banners().contains("central topic of eve"), "{}", analyst.banners());
    assert_eq!(published(&sim, MEMBER).len(), 1);
    analyst.until("one to be counted", |analyst| analyst.state.alerts.undelivered() == 1).await;
    // Now the member account may not publish, and the metrics are refused; what is left is told as before.
    break_it(&sim, Fault { account: PAYMENTS.into(), ..Fault::new("sns", "Publish", Effect::Deny) });
    deny(&sim, "cloudwatch", "PutMetricData");
    analyst.act('a', "INC-7 again");
    analyst
        .until("each to say why", |analyst| {
            let act = analyst.state.acts.last().unwrap();
            let missing = "the permission sns:Publish is missing";
            waits(act, 0, missing) && waits(act, 1, "NotFound")
        })
        .await;
    assert_eq!(published(&sim, MEMBER).len(), 1);
    // Granted again, what waited is sent: nothing was lost.
    repair(&sim);
    analyst.until("the member topic to have it", |_| published(&sim, MEMBER).len() == 2).await;
}

// --- Written down first -----------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_is_on_the_disk_before_it_is_sent() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "eve").await;
    break_it(&sim, Fault::new("ssm", "TerminateSession", Effect::Hang));
    analyst.act('t', "INC-8");
    analyst.until("the request to be sent", |_| calls(&sim, "ssm", "TerminateSession") == 1).await;
    let records = analyst.records();
    assert_eq!(records.len(), 1, "{records:#?}");
    assert_eq!((&records[0]["phase"], &records[0]["act"]["reason"]), (&"start".into(), &"INC-8".into()));
    // Left now, its outcome is not known: that is told and written down, never a success.
    let left = analyst.leave_with_records().await;
    assert_eq!(left.0.len(), 1);
    let last = left.1.last().unwrap();
    assert_eq!(last["act"]["steps"][0]["outcome"]["state"], "unproven");
    let what = last["act"]["steps"][0]["outcome"]["what"].as_str().unwrap();
    assert!(what.contains("before an outcome was known"), "{last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_written_down_is_not_sent() {
    let sim = rogues().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "eve").await;
    analyst.until("eve to be NON_COMPLIANT", |analyst| analyst.verdict("eve") == Some(Verdict::NonCompliant)).await;
    // Another program holds the store.
    let other = rusqlite::Connection::open(&analyst.store).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for key in ['t', 'a'] {
        analyst.act(key, "INC-9");
        let act = analyst.outcome().await;
        for step in 0..act.steps.len() {
            let words = words(&act, step);
            assert!(words.starts_with("Failed: nothing was done, because it could not be written down"), "{words}");
        }
    }
    assert!(analyst.banners().contains("nothing was done"), "{}", analyst.banners());
    assert_eq!(calls(&sim, "ssm", "TerminateSession"), 0);
    assert_eq!(calls(&sim, "sns", "Publish"), 0);
    assert_eq!(calls(&sim, "cloudwatch", "PutMetricData"), 0);
    assert_eq!(status(&sim, EVE), "Connected");
    // Free again it works again.
    other.execute_batch("ROLLBACK").unwrap();
    analyst.act('t', "INC-9 again");
    assert!(words(&analyst.outcome().await, 0).starts_with("Done: "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_says_that_both_keys_are_off_and_why() {
    let sim = rogues().await;
    let run = Run { read_only: Some("read_only = true in the config"), ..Run::default() };
    let mut analyst = Analyst::at(&sim, run, "eve").await;
    for (key, word) in [('t', "terminating"), ('a', "alerting")] {
        analyst.press(KeyCode::Char(key));
        assert!(analyst.state.view.dialog.is_none());
        assert_eq!(analyst.notice(), format!("{word} is off: read_only = true in the config"));
        analyst.press(KeyCode::Enter);
        // Nothing is asked, so this answers nothing: it offers to copy.
        analyst.press(KeyCode::Char('y'));
        analyst.press(KeyCode::Esc);
    }
    // That the session was opened is written down all the same.
    assert!(analyst.state.acts.iter().all(|act| act.kind == ActKind::OpenTranscript), "{:#?}", analyst.state.acts);
    assert_eq!(calls(&sim, "ssm", "TerminateSession") + calls(&sim, "sns", "Publish"), 0);
}
