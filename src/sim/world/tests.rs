//! The world advanced by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use jiff::{SignedDuration, Timestamp};

use super::{World, session::Status};
use crate::sim::scenario::Scenario;

pub(super) const PAYMENTS: &str = "111122223333";
pub(super) const GROUP: &str = "/ssm-session-logs";

pub(super) fn start() -> Timestamp {
    "2026-11-20T09:00:00Z".parse().unwrap()
}

pub(super) fn after(seconds: f64) -> Timestamp {
    start() + SignedDuration::from_secs_f64(seconds)
}

pub(super) fn world(name: &str, seed: u64) -> World {
    World::new(&Scenario::load(name).unwrap(), seed, 1.0, start())
}

/// The default scenario with four minutes of work before its start instead of its full past.
pub(super) fn young_world(seed: u64) -> World {
    let mut scenario = Scenario::load("default").unwrap();
    scenario.crowd.as_mut().unwrap().warm_up = 240.0;
    World::new(&scenario, seed, 1.0, start())
}

/// A scenario of one node and one session with this script, one second after the start.
pub(super) fn single(script: &str) -> World {
    single_with(script, "")
}

pub(super) fn single_with(script: &str, more: &str) -> World {
    let quiet = include_str!("../scenarios/quiet.toml");
    let head = quiet.split("[[cast]]").next().unwrap();
    let text = format!(
        "{head}\n[[cast]]\nowner = \"arn:aws:iam::{{account}}:user/eve\"\nnode = \"payments-web-1\"\nat = 1.0\n{more}\nscript = [{script}]\n"
    );
    World::new(&Scenario::parse("test", &text).unwrap(), 1, 1.0, start())
}

pub(super) fn everything_logged(world: &World) -> Vec<(String, i64, String)> {
    let mut all = Vec::new();
    for account in world.accounts.values() {
        for (region, state) in &account.regions {
            for group in state.log_groups.values() {
                for (name, stream) in &group.streams {
                    for event in &stream.events {
                        all.push((format!("{} {region} {name}", account.id), event.timestamp, event.message.clone()));
                    }
                }
            }
        }
    }
    all
}

pub(super) fn lines(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    for (_, _, message) in everything_logged(world) {
        let json: serde_json::Value = serde_json::from_str(&message).unwrap();
        lines.extend(json["sessionData"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()));
    }
    lines
}

#[test]
fn a_seed_repeats_exactly_however_often_one_looks() {
    let mut often = young_world(7);
    let mut once = young_world(7);
    for second in 1..=90 {
        often.advance(after(f64::from(second)));
    }
    once.advance(after(90.0));
    let (left, right) = (everything_logged(&often), everything_logged(&once));
    assert!(left.len() > 1_000, "{} events", left.len());
    assert_eq!(left, right);
    let ids = |world: &World| world.sessions.iter().map(|session| session.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&often), ids(&once));
    assert_ne!(ids(&often), ids(&young_world(8)));
}

#[test]
fn requests_do_not_change_what_else_happens() {
    let mut left = young_world(7);
    let right = &mut young_world(7);
    let victim = left.sessions.iter().find(|session| session.is_active()).unwrap();
    let (account, region, id) = (victim.account.clone(), victim.region.clone(), victim.id.clone());
    left.terminate_session(&account, &region, &id);
    left.advance(after(60.0));
    right.advance(after(60.0));
    let of_others = |world: &World| {
        everything_logged(world).into_iter().filter(|(stream, ..)| !stream.ends_with(&id)).collect::<Vec<_>>()
    };
    // The seat of the victim is taken again: its sessions are the only ones that may differ.
    let seat = |world: &World| world.sessions.iter().find(|session| session.id == id).unwrap().seat;
    let seat = seat(&left);
    let others = |world: &World| {
        of_others(world)
            .into_iter()
            .filter(|(stream, ..)| {
                let id = stream.rsplit(' ').next().unwrap();
                world
                    .sessions
                    .iter()
                    .any(|session| session.id == id && (session.seat.is_none() || session.seat != seat))
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(others(&left), others(right));
}

#[test]
fn the_default_world_is_as_large_as_promised_and_somebody_prints_at_any_time() {
    let mut world = world("default", 1);
    let active = world.sessions.iter().filter(|session| session.is_active()).count();
    assert!((30..=48).contains(&active), "{active} active sessions at the start");
    let ended = world.sessions.iter().filter(|session| session.status == Status::Terminated).count();
    assert!(ended > 10, "{ended} ended sessions in the history");
    assert!(world.buckets.values().next().unwrap().objects.len() > 8);
    for minute in (0..46).step_by(9) {
        let before = world.live_tail_cursor();
        world.advance(after(f64::from(minute) * 60.0 + 20.0));
        assert!(world.live_tail_cursor() > before + 20, "minute {minute}");
        let active = world.sessions.iter().filter(|session| session.is_active()).count();
        assert!((28..=52).contains(&active), "{active} active sessions after {minute} minutes");
    }
}

#[test]
fn within_ninety_seconds_the_cast_has_acted() {
    let mut world = young_world(1);
    world.advance(after(90.0));
    let by_document = |name: &str| world.sessions.iter().filter(|session| session.document == name).count();
    assert_eq!(by_document("AWS-StartPortForwardingSessionToRemoteHost"), 1);
    let role = &world.accounts[PAYMENTS].roles["ledger-worker"];
    assert!(!role.attached.iter().any(|arn| arn.contains("mandatory")), "{:?}", role.attached);
    let text = lines(&world).join("\n");
    assert!(text.lines().any(|line| line == "sh-5.2$ sudo systemctl stop amazon-ssm-agent"));
    assert!(text.contains("consumer lag exceeded"));
    assert!(world.sessions.iter().any(|session| session.is_active() && session.target.starts_with("mi-")));
    assert!(world.sessions.iter().any(|session| {
        session.is_active()
            && world.node(&session.account, &session.region, &session.target).unwrap().tags["Environment"] == "Prod"
    }));
}

#[test]
fn terminate_takes_a_moment_and_then_it_is_history() {
    let mut world = single("{ type = \"id\" }, { type_unfinished = \"rm -rf /var/lo\" }");
    world.advance(after(30.0));
    let session = &world.sessions[0];
    let (region, id) = (session.region.clone(), session.id.clone());
    assert_eq!(session.status, Status::Connected);
    world.terminate_session(PAYMENTS, "us-east-1", &id);
    assert_eq!(world.sessions[0].status, Status::Connected, "another region's call means nothing");
    world.terminate_session(PAYMENTS, &region, "nobody-0123456789abcdef0");
    world.terminate_session(PAYMENTS, &region, &id);
    assert_eq!(world.sessions[0].status, Status::Terminating);
    assert!(world.sessions[0].is_active());
    world.advance(after(32.0));
    assert_eq!(world.sessions[0].status, Status::Terminated);
    assert!(world.sessions[0].ended.is_some());
    assert_eq!(lines(&world).pop().unwrap(), "sh-5.2$ rm -rf /var/lo");
    assert!(world.buckets.values().next().unwrap().objects.is_empty(), "the object takes its time");
    world.advance(after(45.0));
    let objects = &world.buckets.values().next().unwrap().objects;
    let object = &objects[&format!("{PAYMENTS}/{region}/{id}.log")];
    assert!(object.body.starts_with(b"Script started on 2026-11-20 09:00:"));
}

#[test]
fn a_stubborn_session_outlives_a_terminate() {
    let mut world = single_with("{ type = \"id\" }", "stubborn = 60.0");
    world.advance(after(10.0));
    let (region, id) = (world.sessions[0].region.clone(), world.sessions[0].id.clone());
    world.terminate_session(PAYMENTS, &region, &id);
    world.advance(after(50.0));
    assert_eq!(world.sessions[0].status, Status::Connected);
    world.advance(after(65.0));
    assert_eq!(world.sessions[0].status, Status::Terminated);
}

#[test]
fn the_stream_comes_with_the_first_complete_line() {
    let mut world = single("{ wait = 20.0 }, { type = \"id\" }");
    let streams = |world: &World| world.region(PAYMENTS, "eu-central-1").unwrap().log_groups[GROUP].streams.len();
    world.advance(after(19.0));
    assert_eq!(world.sessions[0].status, Status::Connected);
    assert_eq!(streams(&world), 0, "an untouched prompt makes no stream");
    world.advance(after(30.0));
    assert_eq!(streams(&world), 1);
    let all = lines(&world);
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all[0].starts_with("sh-5.2$ "));
    assert!(all[1].starts_with("uid=1001(ssm-user)"));
}

#[test]
fn leaving_by_exit_ends_the_log_with_exit() {
    let mut world = single("{ type = \"id\" }, \"exit\"");
    world.advance(after(30.0));
    assert_eq!(world.sessions[0].status, Status::Terminated);
    let all = lines(&world);
    assert_eq!(all[all.len() - 2..], ["sh-5.2$ exit", "exit"]);
}

#[test]
fn a_flood_is_capped_at_four_events_a_second_and_drains_later() {
    let mut world = single("{ type = \"cat big\" }, { flood = { rate = 400000, seconds = 10.0 } }");
    world.advance(after(200.0));
    let mut by_second = std::collections::BTreeMap::<i64, (usize, usize)>::new();
    for (_, timestamp, message) in everything_logged(&world) {
        let entry = by_second.entry(timestamp).or_default();
        entry.0 += 1;
        entry.1 += message.len();
    }
    assert!(by_second.values().all(|(events, _)| *events <= 4));
    let full = by_second.values().filter(|(events, bytes)| *events == 4 && *bytes > 130_000).count();
    assert!(full >= 28, "{full} full seconds: 4 MB at 132 kB a second");
}

#[test]
fn idle_sessions_end_by_the_preferences() {
    let mut world = single("{ type = \"id\" }");
    world.advance(after(14.0 * 60.0));
    assert_eq!(world.sessions[0].status, Status::Connected);
    world.advance(after(16.0 * 60.0));
    assert_eq!(world.sessions[0].status, Status::Terminated);
}

#[test]
fn the_longest_duration_ends_the_busiest_session() {
    let mut world = single("{ repeat = { lines = [\"tick {n}\"], every = 30.0 } }");
    world.advance(after(239.0 * 60.0));
    assert_eq!(world.sessions[0].status, Status::Connected);
    world.advance(after(241.0 * 60.0));
    assert_eq!(world.sessions[0].status, Status::Terminated);
}

#[test]
fn a_client_that_goes_away_pauses_the_terminal() {
    let mut world = single("{ type = \"id\" }, { disconnect = 60.0 }, { type = \"pwd\" }");
    world.advance(after(40.0));
    assert_eq!(world.sessions[0].status, Status::Disconnected);
    let before = lines(&world).len();
    world.advance(after(55.0));
    assert_eq!(lines(&world).len(), before);
    let (region, id) = (world.sessions[0].region.clone(), world.sessions[0].id.clone());
    assert!(world.resume_session(PAYMENTS, &region, &id));
    assert_eq!(world.sessions[0].status, Status::Connected);
    world.advance(after(75.0));
    assert!(lines(&world).len() > before);
}

#[test]
fn speed_divides_what_comes_after_the_start() {
    let scenario = Scenario::load("quiet").unwrap();
    let mut slow = World::new(&scenario, 3, 1.0, start());
    let mut fast = World::new(&scenario, 3, 10.0, start());
    slow.advance(after(100.0));
    fast.advance(after(10.0));
    let texts = |world: &World| {
        lines(world)
            .into_iter()
            .filter(|line| line.contains("request "))
            .map(|line| line[20..].to_owned())
            .collect::<Vec<_>>()
    };
    assert!(texts(&slow).len() > 90);
    assert_eq!(texts(&slow), texts(&fast));
}

#[test]
fn a_deleted_stream_stops_the_log_for_good() {
    let quiet = include_str!("../scenarios/quiet.toml");
    let text = format!(
        "{quiet}\n[[happenings]]\nat = 10.0\nwhat = {{ delete_log_stream = {{ node = \"payments-web-1\" }} }}\n"
    );
    let mut world = World::new(&Scenario::parse("test", &text).unwrap(), 1, 1.0, start());
    let id = world.sessions.iter().find(|session| session.owner.contains("alice")).unwrap().id.clone();
    let has =
        |world: &World| world.region(PAYMENTS, "eu-central-1").unwrap().log_groups[GROUP].streams.contains_key(&id);
    world.advance(after(9.0));
    assert!(has(&world));
    world.advance(after(60.0));
    assert!(!has(&world));
    assert!(world.sessions.iter().any(|session| session.id == id && session.is_active()));
}

#[test]
fn many_sessions_are_there_at_once() {
    let world = World::new(&Scenario::generated(500).unwrap(), 1, 1.0, start());
    assert_eq!(world.sessions.iter().filter(|session| session.is_active()).count(), 500);
}

#[test]
fn errors_of_a_scenario_name_the_place() {
    let error = Scenario::parse("mine.toml", "regions = [\"x\"]\naccounts = []\nnodez = 1\n").unwrap_err().to_string();
    assert!(error.starts_with("mine.toml:") && error.contains("line 3") && error.contains("nodez"), "{error}");
    let quiet = include_str!("../scenarios/quiet.toml");
    let text = format!(
        "{quiet}\n[[happenings]]\nat = 1.0\nwhat = {{ ping_node = {{ node = \"nobody\", online = false }} }}\n"
    );
    let error = Scenario::parse("mine.toml", &text).unwrap_err().to_string();
    assert_eq!(error, "mine.toml: happening 1: no node is called \"nobody\"");
    assert!(Scenario::load("no-such-scenario").unwrap_err().to_string().contains("default, quiet"));
}

/// What the rules of the default configuration ask of a session, from the world's own data.
fn complaint(world: &World, session: &super::session::Session) -> Option<String> {
    let node = world.node(&session.account, &session.region, &session.target).unwrap();
    let role = &world.accounts[&session.account].roles[node.role.as_ref().unwrap()];
    let mandatory = format!("policy/aws-ssm-guardrails-mandatory-policy-{}", session.region);
    let group = &world.region(&session.account, &session.region).unwrap().log_groups[GROUP];
    let age = world.now().duration_since(session.started).as_secs();
    let reason = session.reason.as_deref().unwrap_or_default();
    let checks = [
        ("document", session.document == "SSM-SessionManagerRunShell"),
        ("policy", role.attached.iter().any(|arn| arn.ends_with(&mandatory))),
        ("production", !node.tags["Environment"].to_lowercase().starts_with("prod")),
        ("ticket", reason.starts_with("INC-") || reason.starts_with("CHG0")),
        ("stream", age < 15 || group.streams.contains_key(&session.id)),
        ("age", age < 4 * 3600),
    ];
    checks.into_iter().find(|(_, good)| !good).map(|(rule, _)| format!("{rule}: {} of {}", session.id, node.name))
}

#[test]
fn the_harmless_are_compliant_and_the_cast_is_not() {
    for seed in 1..3 {
        let mut world = young_world(seed);
        for seconds in [0.0, 45.0, 90.0, 400.0] {
            world.advance(after(seconds));
            let active: Vec<_> = world.sessions.iter().filter(|session| session.is_active()).collect();
            let complaints: Vec<String> = active.iter().filter_map(|session| complaint(&world, session)).collect();
            assert!(complaints.len() * 5 < active.len(), "seed {seed}, {seconds} s: {complaints:?}");
            let of_crowd = active.iter().filter(|session| session.seat.is_some());
            let of_crowd: Vec<String> = of_crowd.filter_map(|session| complaint(&world, session)).collect();
            assert!(of_crowd.is_empty(), "seed {seed}, {seconds} s: {of_crowd:?}");
            if seconds > 80.0 && seconds < 1_000.0 {
                for rule in ["document", "policy", "production"] {
                    assert!(complaints.iter().any(|complaint| complaint.starts_with(rule)), "{rule} at {seconds} s");
                }
            }
        }
    }
}

#[test]
fn encryption_without_a_key_refuses_the_session() {
    let quiet = include_str!("../scenarios/quiet.toml");
    let text = format!("{quiet}\n[[missing_log_groups]]\naccount = \"payments-prod\"\n");
    let world = World::new(&Scenario::parse("test", &text).unwrap(), 1, 1.0, start());
    let alice = world.sessions.iter().find(|session| session.owner.contains("alice")).unwrap();
    assert_eq!(alice.status, Status::Failed);
    assert!(alice.ended.is_some() && !alice.is_active());
}

#[test]
fn without_encryption_a_missing_group_goes_unlogged() {
    let quiet = include_str!("../scenarios/quiet.toml")
        .replace("\"cloudWatchEncryptionEnabled\": true", "\"cloudWatchEncryptionEnabled\": false");
    let text = format!("{quiet}\n[[missing_log_groups]]\naccount = \"payments-prod\"\n");
    let mut world = World::new(&Scenario::parse("test", &text).unwrap(), 1, 1.0, start());
    world.advance(after(30.0));
    let alice = world.sessions.iter().find(|session| session.owner.contains("alice")).unwrap();
    assert_eq!(alice.status, Status::Connected);
    assert!(!world.region(PAYMENTS, "eu-central-1").unwrap().log_groups.contains_key(GROUP));
}

#[test]
fn a_command_session_is_logged_after_its_end_only() {
    let more = "document = \"AWS-StartInteractiveCommand\"\nparameters = { command = [\"uptime\"] }";
    let mut world = single_with("{ type = \"uptime\" }, { wait = 20.0 }, \"exit\"", more);
    world.advance(after(15.0));
    assert!(everything_logged(&world).is_empty());
    world.advance(after(40.0));
    let all = everything_logged(&world);
    assert_eq!(all.len(), 1);
    assert!(all[0].2.starts_with("Script started on 2026-11-20 09:00:"), "{}", all[0].2);
    assert!(all[0].2.contains("load average"));
}

#[test]
fn the_troubled_world_has_one_of_each() {
    let mut world = world("troubled", 1);
    world.advance(after(90.0));
    let of = |owner: &str| world.sessions.iter().find(|session| session.owner.ends_with(owner)).unwrap();
    let (failed, away, unlogged, transcript) = (of("/failed"), of("/away"), of("/unlogged"), of("/transcript"));
    assert_eq!(failed.status, Status::Failed);
    assert_eq!(away.status, Status::Disconnected);
    assert_eq!(of("/overdue").status, Status::Connected);
    let streams = |session: &super::session::Session| {
        world.region(&session.account, &session.region).unwrap().log_groups[GROUP].streams.contains_key(&session.id)
    };
    assert!(unlogged.is_active() && !streams(unlogged));
    assert!(!transcript.is_active() && streams(transcript));
    assert!(streams(of("/bare")) && !streams(of("/no-profile")) && !streams(of("/tunnel")) && !streams(of("/command")));
    let archive = &world.buckets.values().next().unwrap().objects;
    assert!(!archive.keys().any(|key| key.contains(&of("/lost").id)));
    let (region, id) = (of("/immortal").region.clone(), of("/immortal").id.clone());
    world.terminate_session(PAYMENTS, &region, &id);
    world.advance(after(600.0));
    assert!(world.session(PAYMENTS, &region, &id).unwrap().is_active());
}

#[test]
fn windows_streams_its_powershell_transcript() {
    let world = world("quiet", 1);
    let carol = world.sessions.iter().find(|session| session.owner.ends_with("carol")).unwrap();
    let stream = &world.region(PAYMENTS, "us-east-1").unwrap().log_groups[GROUP].streams[&carol.id];
    let text: String = stream.events.iter().map(|event| event.message.as_str()).collect();
    assert!(
        text.contains("\"sessionData\":[\"\u{feff}**********************\",\"Windows PowerShell transcript start\"")
    );
    assert!(text.contains(r"PS C:\\Windows\\system32\u003e whoami"), "{text}");
    assert!(text.contains("Start time: 202611200858"));
}

#[test]
fn an_old_agent_escapes_backspaces_the_old_way() {
    let quiet =
        include_str!("../scenarios/quiet.toml").replace("count = 3\n", "count = 3\nagent_version = \"3.2.1705.0\"\n");
    let text = quiet.replace("{ type = \"uptime\" }, ", "{ raw = \"lss\\b \\b -l\\r\\n\" }, ");
    let world = World::new(&Scenario::parse("test", &text).unwrap(), 1, 1.0, start());
    let all: String = everything_logged(&world).into_iter().map(|(.., message)| message).collect();
    assert!(all.contains(r"lss\u0008 \u0008 -l") && !all.contains(r"\b"), "{all}");
}
