//! The history end to end: sessions of 30 days from the simulated AWS and the store, opened with their transcripts.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common {
    pub mod analyst;
    pub mod rig;
}

use common::{
    analyst::{Analyst, Run},
    rig,
};
use crossterm::event::KeyCode;
use jiff::{SignedDuration, Timestamp};
use ssmwatch::{
    app::{
        history::{PastArchive, PastSession, StoredPast},
        view::{Screen, TranscriptStatus},
    },
    domain::{EndedSession, FailureClass, SessionKey, Severity, Verdict},
    sim::{
        Sim,
        gate::{Effect, Fault},
        scenario::Scenario,
    },
    store::Store,
};

const PAST: &str = r#"
[past]
sessions = 40
stream_days = 10.0
failed = 0.1
owners = ["arn:aws:sts::{account}:assumed-role/OnCall/sofie.berg"]
reasons = ["INC-{n} queue does not drain"]
"#;
/// Accounts and regions of the quiet scenario.
const SCOPES: usize = 4;

async fn with_past() -> Sim {
    let quiet = include_str!("../src/sim/scenarios/quiet.toml");
    let rogues = include_str!("fixtures/rogues.toml");
    rig::sim(&Scenario::parse("past", &format!("{quiet}\n{rogues}\n{PAST}")).unwrap()).await
}

fn all_read(analyst: &Analyst) -> bool {
    let book = &analyst.state.history;
    book.scopes.len() == SCOPES
        && book.scopes.values().all(|past| past.read_at.is_some())
        && matches!(book.store, StoredPast::Read { .. })
}

/// Sessions that ended so many days ago or more, and fewer than so many, that did not fail.
fn of_days(analyst: &Analyst, least: i64, most: i64) -> Vec<PastSession> {
    let now = analyst.state.now;
    let age = |past: &PastSession| now.duration_since(past.ended_at).as_hours() / 24;
    let fits = |past: &&PastSession| (least..most).contains(&age(past)) && &*past.how == "Terminated";
    analyst.state.history.newest().filter(fits).cloned().collect()
}

/// Goes to that session with the keys.
fn select(analyst: &mut Analyst, key: &SessionKey) {
    analyst.press(KeyCode::Char('g'));
    for _ in 0..analyst.state.view.history.rows.len() {
        if analyst.state.view.history.selected.as_ref() == Some(key) {
            return;
        }
        analyst.press(KeyCode::Char('j'));
    }
    panic!("{key} is not in the history");
}

fn transcript(analyst: &Analyst) -> String {
    let Some(view) = &analyst.state.view.transcript else { return String::new() };
    view.content.lines().iter().map(|line| format!("{}\n", line.text())).collect()
}

#[tokio::test]
async fn a_session_that_ended_days_ago_is_opened_with_its_transcript() {
    let sim = with_past().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "eve").await;
    analyst.press(KeyCode::Char('4'));
    analyst.until("the past of all scopes", all_read).await;
    assert!(analyst.state.history.counts.listed >= 40, "{:?}", analyst.state.history.counts);
    assert!(analyst.state.history.newest().any(|past| &*past.how == "Failed"));
    let past = of_days(&analyst, 2, 9).first().expect("one of last week").clone();
    assert_eq!(past.verdict, None, "nobody watched it");
    select(&mut analyst, &past.key);
    let key = past.key.clone();
    analyst
        .until("its archive object", |analyst| {
            let past = analyst.state.history.get(&key).unwrap();
            matches!(&past.archive, PastArchive::Looked(object) if object.value().is_some_and(Option::is_some))
        })
        .await;
    let counts = analyst.state.counts;
    analyst.press(KeyCode::Enter);
    assert_eq!(analyst.state.view.screen, Screen::Sessions);
    analyst.until("its transcript", |analyst| transcript(analyst).contains("exit")).await;
    assert!(matches!(analyst.state.view.transcript.as_ref().unwrap().status, TranscriptStatus::Live(_)));
    assert_eq!(analyst.state.counts.ended, counts.ended, "it is not counted");
    assert_eq!(analyst.state.board.sessions[&past.key].judgement.verdict, None, "and not judged");
    analyst.press(KeyCode::Esc);
    assert_eq!(analyst.state.view.screen, Screen::History);
    assert_eq!(analyst.state.view.history.selected, Some(past.key));
}

#[tokio::test]
async fn where_the_stream_is_gone_the_archive_is_read() {
    let sim = with_past().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "eve").await;
    analyst.press(KeyCode::Char('4'));
    analyst.until("the past of all scopes", all_read).await;
    let past = of_days(&analyst, 11, 29).first().expect("one of the week before").clone();
    select(&mut analyst, &past.key);
    analyst.press(KeyCode::Enter);
    let archived = |analyst: &Analyst| {
        let view = analyst.state.view.transcript.as_ref();
        view.is_some_and(|view| matches!(view.status, TranscriptStatus::Archived(_)))
    };
    analyst.until("the archive object's text", archived).await;
    assert!(transcript(&analyst).contains("exit"), "{}", transcript(&analyst));
}

#[tokio::test]
async fn a_throttled_scope_is_read_in_the_end_and_a_denied_one_is_loud() {
    let sim = with_past().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "eve").await;
    let break_it = |account: &str, region: &str, count, effect| {
        let fault = Fault {
            account: account.into(),
            region: region.into(),
            count,
            ..Fault::new("ssm", "DescribeSessions", effect)
        };
        sim.with_world(|world| world.gate.add_fault(fault));
    };
    break_it(rig::PAYMENTS, "us-east-1", Some(12), Effect::Throttle);
    break_it(rig::ARCHIVE, "us-east-1", None, Effect::Deny);
    analyst.press(KeyCode::Char('4'));
    analyst
        .until("three scopes to be read, and one to be denied", |analyst| {
            let scopes = &analyst.state.history.scopes;
            let denied = |class: FailureClass| class == FailureClass::Denied;
            let loud =
                scopes.values().filter(|past| past.failing.as_ref().is_some_and(|(failure, _)| denied(failure.class)));
            scopes.values().filter(|past| past.read_at.is_some()).count() == SCOPES - 1 && loud.count() == 1
        })
        .await;
}

#[tokio::test]
async fn what_an_earlier_run_judged_is_there_with_its_verdict() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ssmwatch.db");
    let sim = with_past().await;
    let key = SessionKey::new(ssmwatch::domain::ScopeId::new(rig::PAYMENTS, "eu-central-1"), "gone-0a");
    let now = Timestamp::now();
    let ended = |number: i64| EndedSession {
        key: match number {
            0 => key.clone(),
            _ => SessionKey::new(key.scope.clone(), format!("gone-{number}")),
        },
        owner: "arn:aws:iam::111122223333:user/mallory".into(),
        target: "i-0a".into(),
        document: "AWS-StartPortForwardingSession".into(),
        reason: "none".into(),
        started_at: Some(now - SignedDuration::from_hours(50)),
        ended_at: now - SignedDuration::from_hours(49) - SignedDuration::from_mins(number % 7),
        how: "Terminated".into(),
        verdict: Verdict::NonCompliant,
        severity: Some(Severity::High),
        findings: Vec::new(),
        archived: None,
    };
    {
        let mut store = Store::open(&path).unwrap();
        // More than two pages, and many that ended at the same moment.
        store.keep_ended(&(0..600).map(ended).collect::<Vec<_>>()).unwrap();
        store.close().unwrap();
    }
    let mut analyst = Analyst::at(&sim, Run { store: Some(path), ..Run::default() }, "eve").await;
    analyst.press(KeyCode::Char('4'));
    analyst.until("the past of all scopes", all_read).await;
    assert!(analyst.state.history.counts.stored >= 600, "{:?}", analyst.state.history.counts);
    let past = analyst.state.history.get(&key).unwrap();
    assert_eq!((past.verdict, past.severity, past.listed), (Some(Verdict::NonCompliant), Some(Severity::High), false));
}
