//! Transcripts as the analyst has them: every kind of them over the wire, through watch, State and detections.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "common/rig.rs"]
mod rig;

#[path = "common/analyst.rs"]
mod analyst;

use analyst::{Analyst, Run};
use crossterm::event::KeyCode;
use ssmwatch::{
    app::{
        board::{Recorder, SessionBoard},
        view::{TranscriptStatus, TranscriptView},
    },
    detection::Confidence,
    domain::Severity,
    sim::{Sim, scenario::Scenario},
    transcript::{Certainty, LineKind},
};

async fn sim() -> Sim {
    let quiet = include_str!("../src/sim/scenarios/quiet.toml");
    let transcripts = include_str!("fixtures/transcripts.toml");
    rig::sim(&Scenario::parse("transcripts", &format!("{quiet}\n{transcripts}")).unwrap()).await
}

fn board<'a>(analyst: &'a Analyst, session: &str) -> Option<&'a SessionBoard> {
    analyst.state.board.sessions.get(&analyst.key_of(session)?)
}

fn found(analyst: &Analyst, session: &str, rule: &str, confidence: Confidence) -> bool {
    board(analyst, session).is_some_and(|board| {
        board.detections.all().iter().any(|found| &*found.rule.id == rule && found.confidence == confidence)
    })
}

fn typed(analyst: &Analyst, session: &str, rules: &[&str]) -> bool {
    rules.iter().all(|rule| found(analyst, session, rule, Confidence::Command))
}

fn recorder(analyst: &Analyst, session: &str) -> Option<Recorder> {
    Some(analyst.state.board.recorder(board(analyst, session)?, analyst.state.now))
}

fn view<'a>(analyst: &'a Analyst, session: &str) -> Option<&'a TranscriptView> {
    analyst.state.view.transcript_of(&analyst.key_of(session)?)
}

#[tokio::test]
async fn every_session_is_listened_to_whether_it_is_opened_or_not() {
    let sim = sim().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "damaged-").await;
    for rule in ["CMD-20", "CMD-23", "CMD-21", "CMD-09", "CMD-06", "CMD-02"] {
        analyst.until(rule, |analyst| typed(analyst, "typed-", &[rule])).await;
    }
    analyst.until("recon", |analyst| typed(analyst, "recon-", &["CMD-46"])).await;
    analyst.until("hidden", |analyst| typed(analyst, "hidden-", &["CMD-05"])).await;
    analyst.until("powershell", |analyst| typed(analyst, "powershell-", &["CMD-09"])).await;
    analyst.until("titled", |analyst| typed(analyst, "titled-", &["CMD-09"])).await;
    // What a file says is not what was typed, though it looks like a prompt in it.
    analyst.until("printed", |analyst| found(analyst, "printed-", "CMD-20", Confidence::Output)).await;
    assert!(!typed(&analyst, "printed-", &["CMD-20"]) && !typed(&analyst, "printed-", &["CMD-09"]));
    analyst
        .until("the flood", |analyst| {
            board(analyst, "flood-").is_some_and(|board| {
                board.detections.shown(false).any(|found| {
                    &*found.rule.id == "CMD-07" && found.confirmed.is_some() && found.severity == Severity::Critical
                })
            })
        })
        .await;
    // Uploaded only after the end, and yet within seconds of it.
    analyst.until("uploaded", |analyst| typed(analyst, "uploaded-", &["CMD-09"])).await;
    analyst.until("the command's output", |analyst| found(analyst, "command-", "CMD-09", Confidence::Output)).await;
    let secrets = board(&analyst, "secrets-").unwrap().detections.all();
    assert!(
        secrets.iter().all(|found| !found.text.contains("Passw0rd") && !found.text.contains("wJalr")),
        "{secrets:?}"
    );
    assert!(analyst.state.counts.detected >= 5, "{:?}", analyst.state.counts);
}

#[tokio::test]
async fn the_recorder_of_each_session_is_known() {
    let sim = sim().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "typed-").await;
    analyst.until("forged", |analyst| recorder(analyst, "forged-") == Some(Recorder::Forged)).await;
    analyst.until("deleted", |analyst| recorder(analyst, "deleted-") == Some(Recorder::Deleted)).await;
    analyst.until("flooded", |analyst| recorder(analyst, "flood-") == Some(Recorder::Flooded)).await;
    analyst.until("live", |analyst| matches!(recorder(analyst, "recon-"), Some(Recorder::Live { .. }))).await;
    analyst.until("none", |analyst| matches!(recorder(analyst, "command-"), None | Some(Recorder::NoLog(_)))).await;
}

#[tokio::test]
async fn what_a_deleted_stream_lost_comes_back_with_the_archive() {
    let sim = sim().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "deleted-").await;
    let commands = |analyst: &Analyst| -> Vec<String> {
        let view = view(analyst, "deleted-");
        view.into_iter().flat_map(|view| view.content.commands()).map(|command| command.text.to_string()).collect()
    };
    analyst.until("its beginning", |analyst| commands(analyst) == ["echo before"]).await;
    analyst
        .until("the gap", |analyst| {
            view(analyst, "deleted-").is_some_and(|view| view.content.gaps().any(|gap| gap.until.is_none()))
        })
        .await;
    analyst
        .until("the archive", |analyst| {
            matches!(view(analyst, "deleted-").map(|view| &view.status), Some(TranscriptStatus::Archived(_)))
        })
        .await;
    let commands = commands(&analyst);
    assert!(commands.contains(&"echo after".to_owned()), "{commands:?}");
    let view = view(&analyst, "deleted-").unwrap();
    assert!(view.content.gaps().next().is_some(), "the gap stays");
}

#[tokio::test]
async fn transcripts_stand_side_by_side_and_are_read_as_they_come() {
    let sim = sim().await;
    let mut analyst = Analyst::at(&sim, Run::default(), "screens-").await;
    analyst.press(KeyCode::Char('v'));
    analyst.select("edited-");
    analyst.press(KeyCode::Char('v'));
    analyst.select("titled-");
    assert_eq!(analyst.state.view.following.len(), 3);
    analyst
        .until("the screen programs", |analyst| {
            let folded = |view: &TranscriptView| {
                let lines = view.content.lines().iter();
                lines
                    .filter(|line| matches!(line.kind, LineKind::Screen(_)))
                    .map(|line| line.text().to_owned())
                    .collect()
            };
            let folded: Vec<String> = view(analyst, "screens-").map(folded).unwrap_or_default();
            folded.len() == 2 && folded[0].starts_with("vi, ") && folded[1].starts_with("top, ")
        })
        .await;
    analyst
        .until("every reading of what was edited", |analyst| {
            let Some(view) = view(analyst, "edited-") else { return false };
            let read = |wanted: &str| {
                view.content.commands().iter().any(|command| command.all_readings().any(|reading| reading == wanted))
            };
            read("sudo rm file") && read("date") && read("pwd")
        })
        .await;
    assert!(
        view(&analyst, "titled-").is_some_and(|view| view.content.commands().iter().any(|c| &*c.text == "history -c"))
    );
    let uncertain = view(&analyst, "edited-").unwrap().content.commands().iter();
    assert!(uncertain.filter(|command| command.certainty == Certainty::Uncertain).count() >= 1);
}
