//! What the demo's first five minutes give the analyst to see: its sessions, read as the program reads them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use jiff::{SignedDuration, Timestamp};
use ssmwatch::{
    detection::{Bursts, Confidence, Detections, Detector, Hit, SessionFields, Tuning},
    domain::{LogEvent, Severity, StreamHealth},
    sim::{scenario::Scenario, world::World},
    transcript::{Certainty, HealthBook, Heard, LineKind, Transcript},
};

/// A session as the program sees it.
struct Seen {
    transcript: Transcript,
    hits: Vec<Hit>,
    health: StreamHealth,
}

impl Seen {
    /// The hits of that rule.
    fn of<'a>(&'a self, rule: &'a str) -> impl Iterator<Item = &'a Hit> {
        self.hits.iter().filter(move |hit| &*hit.rule.id == rule)
    }

    fn uncertain(&self) -> Vec<&str> {
        let commands = self.transcript.commands().iter();
        commands.filter(|command| command.certainty == Certainty::Uncertain).map(|command| &*command.text).collect()
    }
}

struct Demo {
    world: World,
    detections: Detections,
}

impl Demo {
    /// Five minutes of the cast, without the crowd.
    fn play() -> Self {
        let mut scenario = Scenario::load("default").unwrap();
        scenario.crowd = None;
        let start: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
        let mut world = World::new(&scenario, 1, 1.0, start);
        world.advance(start + SignedDuration::from_mins(5));
        Self { world, detections: Detections::load(&[], &Tuning::default()).unwrap() }
    }

    /// The latest session of that owner.
    fn session(&self, owner: &str) -> Seen {
        let of_owner = self.world.sessions.iter().filter(|session| session.owner.contains(owner));
        let session = of_owner.max_by_key(|session| session.started).expect("a session of the cast");
        let region = self.world.region(&session.account, &session.region).unwrap();
        let stream = region.log_groups["/ssm-session-logs"].streams.get(&session.id);
        let at = |milliseconds: i64| Timestamp::from_millisecond(milliseconds).unwrap();
        let events: Vec<LogEvent> = stream
            .unwrap_or_else(|| panic!("{owner} has no stream"))
            .events
            .iter()
            .map(|event| LogEvent {
                timestamp: at(event.timestamp),
                ingested_at: at(event.ingestion),
                message: event.message.clone(),
            })
            .collect();
        let fields = SessionFields { session_id: &session.id, owner: &session.owner, ..SessionFields::default() };
        let mut bursts = Bursts::new(self.detections.correlations());
        let mut health = HealthBook::default();
        health.take(&events);
        let mut transcript = Transcript::default();
        let mut hits = Vec::new();
        for event in events {
            for heard in transcript.push(&[event]) {
                match heard {
                    Heard::Command(command) => {
                        let readings: Vec<&str> = command.all_readings().collect();
                        hits.extend(bursts.take(&fields, command.at, self.detections.command(&fields, &readings)));
                    }
                    Heard::Output(number) => {
                        let line = transcript.line(number).unwrap().text().to_owned();
                        hits.extend(self.detections.output(&fields, &line));
                    }
                    Heard::Folded(text) => hits.extend(self.detections.output(&fields, &text)),
                }
            }
        }
        Seen { transcript, hits, health: health.health().clone() }
    }
}

#[test]
fn the_first_five_minutes_of_the_demo_have_one_of_each() {
    let demo = Demo::play();

    let stops = demo.session("svc-maintenance");
    assert!(
        stops.of("CMD-02").any(|hit| hit.severity == Severity::Critical && hit.confidence == Confidence::Command),
        "a critical command: {:#?}",
        stops.hits
    );
    let recon = demo.session("v.adler");
    assert!(recon.of("CMD-46").next().is_some(), "a recon burst: {:#?}", recon.hits);

    let reads = demo.session("henrik.voss");
    assert!(reads.of("CMD-02").next().is_some(), "a mention: {:#?}", reads.hits);
    assert!(reads.hits.iter().all(|hit| hit.confidence == Confidence::Output), "typed by nobody: {:#?}", reads.hits);

    let edits = demo.session("l.moreau");
    assert!(!edits.uncertain().is_empty(), "an uncertain line: {:#?}", edits.transcript.commands());

    let screens = demo.session("b.dubois");
    let folded = screens.transcript.lines().iter().filter(|line| matches!(line.kind, LineKind::Screen(_))).count();
    assert!(folded > 0, "vi is folded");

    let flood = demo.session("priya.nair");
    assert!(flood.health.saturated_flushes > 10, "a flood: {:?}", flood.health);

    let forged = demo.session("svc-legacy-deploy");
    let owners: Vec<_> = forged.health.identities.iter().map(|identity| &*identity.owner).collect();
    assert!(owners.len() == 2 && owners.iter().any(|owner| owner.contains("b.dubois")), "a forgery: {owners:?}");

    let replayed = demo.session("d.kowalski");
    assert_eq!(replayed.transcript.lines().iter().filter(|line| line.repeated).count(), 5, "a replay");

    let windows = demo.session("m.ferrari");
    let typed: Vec<_> = windows.transcript.commands().iter().map(|command| &*command.text).collect();
    assert!(typed.iter().any(|text| text.starts_with("powershell -NoProfile")), "PowerShell: {typed:?}");

    let deleted = demo.world.sessions.iter().find(|session| session.owner.contains("temp-contractor")).unwrap();
    let region = demo.world.region(&deleted.account, &deleted.region).unwrap();
    assert!(!region.log_groups["/ssm-session-logs"].streams.contains_key(&deleted.id), "a deleted stream");
}
