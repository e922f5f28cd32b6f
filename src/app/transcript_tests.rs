use super::*;
use crate::app::{layout::Areas, view::Room};

/// Streamed lines of a session, sent at that second.
fn print(state: &mut State, id: &str, second: i64, lines: &[&str]) {
    let message = serde_json::json!({"eventVersion": "1.0", "sessionId": id, "sessionData": lines}).to_string();
    let event = LogEvent { timestamp: at(second), ingested_at: at(second), message };
    let observation = Observation::Transcript { session: key(id), events: vec![event], at: at(second) };
    update(state, Message::Observed(observation), at(second));
}

fn followed(state: &mut State) {
    update(state, Message::Observed(preferences(true)), at(1));
}

fn to_pane(state: &mut State, focus: Focus, ms: i64) {
    for _ in 0..5 {
        if state.view.focus == focus {
            return;
        }
        press(state, KeyCode::Tab, ms);
    }
    panic!("no pane {focus:?}");
}

fn room(state: &State) -> Room {
    Areas::of(state.view.size.0, state.view.size.1, &state.view).unwrap().transcript_room(&state.view)
}

#[test]
fn transcripts_stay_beside_the_selected_one_and_all_are_followed() {
    let mut state = state(&["a", "b", "c"]);
    followed(&mut state);
    select(&mut state, "a");
    press(&mut state, KeyCode::Char('v'), 2000);
    select(&mut state, "b");
    let sessions: Vec<&str> = state.view.following.iter().map(|key| key.id.as_str()).collect();
    assert_eq!(sessions, ["a", "b"]);
    print(&mut state, "a", 5, &["sh-5.2$ id"]);
    print(&mut state, "b", 5, &["sh-5.2$ w"]);
    for id in ["a", "b"] {
        assert_eq!(state.view.transcript_of(&key(id)).unwrap().content.commands().len(), 1, "{id}");
    }
    let areas = Areas::of(200, 60, &state.view).unwrap();
    assert_eq!(areas.panes.iter().flatten().count(), 2);
    assert!(areas.panes[0].unwrap().intersection(areas.panes[1].unwrap()).is_empty());
    // The one that stays is the selected one: one pane, in its place.
    select(&mut state, "a");
    assert_eq!(state.view.panes().len(), 1);
    press(&mut state, KeyCode::Char('v'), 9000);
    assert!(state.view.beside.is_empty());
}

#[test]
fn the_last_fifty_transcripts_are_kept_and_what_went_is_counted() {
    let ids: Vec<String> = (0..60).map(|number| format!("s-{number:02}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut state = state(&ids);
    followed(&mut state);
    press(&mut state, KeyCode::Char('v'), 100);
    let stays = state.view.table.list.selected.clone().unwrap();
    for ms in 0..59 {
        press(&mut state, KeyCode::Char('j'), 200 + ms);
    }
    assert_eq!(state.view.shelf.len() + 1, crate::app::update::KEPT_TRANSCRIPTS);
    assert_eq!(state.view.let_go, 10);
    assert!(state.view.transcript_of(&stays).is_some(), "what is on the screen does not go");
}

#[test]
fn the_list_of_commands_leads_to_their_places() {
    let mut state = state(&["a"]);
    followed(&mut state);
    let output: Vec<String> = (0..200).map(|line| format!("line {line}")).collect();
    let mut lines = vec!["sh-5.2$ first"];
    lines.extend(output.iter().map(String::as_str));
    lines.push("sh-5.2$ second");
    print(&mut state, "a", 5, &lines);
    to_pane(&mut state, Focus::Commands, 6000);
    press(&mut state, KeyCode::Char('k'), 7000);
    let view = state.view.transcript.as_ref().unwrap();
    assert_eq!((view.command, view.first_line(room(&state))), (Some(0), 0));
    press(&mut state, KeyCode::Char('j'), 8000);
    let view = state.view.transcript.as_ref().unwrap();
    assert_eq!(view.command, Some(201));
    press(&mut state, KeyCode::Enter, 9000);
    assert_eq!(state.view.focus, Focus::Transcript);
    press(&mut state, KeyCode::Char('['), 10_000);
    assert_eq!(state.view.transcript.as_ref().unwrap().command, Some(0));
    press(&mut state, KeyCode::Char('['), 11_000);
    assert!(state.view.notice.as_ref().unwrap().text.contains("no command comes before"));
}

#[test]
fn matches_are_counted_while_the_transcript_grows() {
    let mut state = state(&["a"]);
    followed(&mut state);
    print(&mut state, "a", 5, &["error one", "fine", "an error"]);
    to_pane(&mut state, Focus::Transcript, 6000);
    press(&mut state, KeyCode::Char('/'), 7000);
    type_text(&mut state, "error", 8000);
    press(&mut state, KeyCode::Enter, 9500);
    let position = |state: &State| state.view.transcript.as_ref().unwrap().match_position();
    assert_eq!(position(&state), (Some(1), 2), "the latest first");
    print(&mut state, "a", 11, &["error again", "Error"]);
    assert_eq!(position(&state), (Some(1), 4));
    press(&mut state, KeyCode::Char('n'), 12_000);
    assert_eq!(position(&state).0, Some(2));
    for ms in 0..2 {
        press(&mut state, KeyCode::Char('n'), 13_000 + ms);
    }
    assert_eq!(position(&state).0, Some(0), "around the end");
    press(&mut state, KeyCode::Char('N'), 14_000);
    assert_eq!(position(&state).0, Some(3));
}

#[test]
fn wrapped_lines_scroll_to_the_very_end_and_back() {
    let mut state = state(&["a"]);
    followed(&mut state);
    let long = "x".repeat(900);
    let lines: Vec<&str> = std::iter::repeat_n(long.as_str(), 30).collect();
    print(&mut state, "a", 5, &lines);
    to_pane(&mut state, Focus::Transcript, 6000);
    press(&mut state, KeyCode::Char('W'), 7000);
    let room = room(&state);
    let rows = 900_usize.div_ceil(room.wrap.unwrap());
    let view = |state: &State| state.view.transcript.as_ref().unwrap().first_line(room);
    assert_eq!(view(&state), 30 - room.rows / rows);
    press(&mut state, KeyCode::Char('g'), 8000);
    assert_eq!(view(&state), 0);
    press(&mut state, KeyCode::PageDown, 9000);
    assert_eq!(view(&state), room.rows.div_ceil(rows));
    press(&mut state, KeyCode::Char('G'), 10_000);
    assert!(state.view.transcript.as_ref().unwrap().follow);
}

#[test]
fn a_transcript_plays_back_at_its_own_pace() {
    let mut state = state(&["a"]);
    followed(&mut state);
    for (second, line) in [(10, "sh-5.2$ one"), (12, "out"), (100, "sh-5.2$ two"), (101, "out")] {
        print(&mut state, "a", second, &[line]);
    }
    to_pane(&mut state, Focus::Transcript, 200_000);
    let len = |state: &State| state.view.transcript.as_ref().unwrap().len();
    press(&mut state, KeyCode::Char('R'), 300_000);
    assert_eq!(len(&state), 1);
    assert!(state.is_playing());
    let tick = |state: &mut State, ms| update(state, Message::Tick, start() + SignedDuration::from_millis(ms));
    tick(&mut state, 301_900);
    assert_eq!(len(&state), 1, "two seconds lie between the first two lines");
    tick(&mut state, 302_100);
    assert_eq!(len(&state), 2);
    tick(&mut state, 302_200);
    press(&mut state, KeyCode::Char(' '), 303_000);
    tick(&mut state, 400_000);
    assert_eq!(len(&state), 2, "it stands still");
    press(&mut state, KeyCode::Char(' '), 401_000);
    tick(&mut state, 404_100);
    assert_eq!(len(&state), 3, "silence is cut down to three seconds");
    assert!(state.view.transcript.as_ref().unwrap().playback.unwrap().skipped.as_secs() > 80);
    press(&mut state, KeyCode::Char('['), 405_000);
    assert_eq!(len(&state), 1, "back to the first command");
    press(&mut state, KeyCode::Char('+'), 405_000);
    assert_eq!(state.view.transcript.as_ref().unwrap().playback.unwrap().speed, 2);
    press(&mut state, KeyCode::Esc, 406_000);
    assert_eq!(len(&state), 4);
    assert!(!state.is_playing());
}

#[test]
fn a_deleted_stream_leaves_a_gap_that_stays() {
    let mut state = state(&["a"]);
    followed(&mut state);
    print(&mut state, "a", 5, &["sh-5.2$ id"]);
    let gone = Observation::TranscriptFailed {
        session: key("a"),
        failure: failure(FailureClass::Gone),
        retry_at: at(9),
        at: at(8),
    };
    update(&mut state, Message::Observed(gone), at(8));
    print(&mut state, "a", 60, &["sh-5.2$ w"]);
    let view = state.view.transcript.as_ref().unwrap();
    let gap = view.content.gaps().next().unwrap();
    assert_eq!((gap.from, gap.until), (at(5), Some(at(60))));
    assert_eq!(view.content.lines().len(), 3);
}

#[test]
fn the_archive_object_replaces_what_the_stream_lost() {
    let mut state = state(&["a"]);
    followed(&mut state);
    select(&mut state, "a");
    print(&mut state, "a", 5, &["sh-5.2$ id"]);
    let gone = Observation::TranscriptFailed {
        session: key("a"),
        failure: failure(FailureClass::Gone),
        retry_at: at(9),
        at: at(8),
    };
    update(&mut state, Message::Observed(gone), at(8));
    let sessions = vec![ended("a", SessionStatus::Terminated, at(20))];
    let history = Observation::History { scope: scope(), sessions, since: at(0), at: at(21) };
    update(&mut state, Message::Observed(history), at(21));
    let object = crate::domain::ArchiveObject {
        bucket: "logs".into(),
        key: "a.log".into(),
        size: 90,
        modified_at: Some(at(22)),
        encryption: None,
        kms_key: None,
    };
    let archive = Observation::Archive { session: key("a"), object: Fact::known(Some(object), "s3:GetObject", at(23)) };
    let effects = update(&mut state, Message::Observed(archive), at(23));
    assert!(effects.contains(&Effect::ReadArchive(key("a"))), "{effects:?}");
    let bytes = b"Script started on x\nsh-5.2$ id\r\nuid=0\r\nsh-5.2$ rm -rf /srv\r\nScript done on y\n";
    let body = Fact::known(Some(bytes.as_slice().into()), "s3:GetObject", at(24));
    let observation = Observation::ArchiveBody { session: key("a"), body, cut: false };
    let effects = update(&mut state, Message::Observed(observation), at(24));
    assert_eq!(effects, [Effect::Follow(Vec::new())], "there is nothing more to follow");
    let view = state.view.transcript.as_ref().unwrap();
    assert!(matches!(view.status, TranscriptStatus::Archived(_)));
    assert_eq!(view.content.commands().back().unwrap().text.as_ref(), "rm -rf /srv");
    assert_eq!(view.content.gaps().count(), 1);
}

#[test]
fn a_stream_that_was_deleted_before_it_was_opened_is_a_gap_from_the_sessions_start() {
    let mut state = state(&["a", "b"]);
    followed(&mut state);
    select(&mut state, "b");
    let health = crate::domain::StreamHealth { events: 3, ..Default::default() };
    let seen = Observation::StreamHealth {
        scope: scope(),
        log_group: "/ssm".into(),
        streams: vec![(key("a").id, health)],
        read: Fact::known((), "logs:FilterLogEvents", at(3)),
    };
    update(&mut state, Message::Observed(seen), at(3));
    select(&mut state, "a");
    let gone = Observation::TranscriptFailed {
        session: key("a"),
        failure: failure(FailureClass::Gone),
        retry_at: at(9),
        at: at(8),
    };
    update(&mut state, Message::Observed(gone), at(8));
    let view = state.view.transcript.as_ref().unwrap();
    assert_eq!(view.content.gaps().next().unwrap().from, session("a").started_at.unwrap());
    assert!(matches!(&view.status, TranscriptStatus::Waiting(words) if words.contains("deleted")), "{:?}", view.status);
}

#[test]
fn an_archive_object_that_cannot_be_read_is_asked_for_again_in_its_time() {
    let mut state = state(&["a"]);
    followed(&mut state);
    select(&mut state, "a");
    let gone = |state: &mut State, second| {
        let observation = Observation::TranscriptFailed {
            session: key("a"),
            failure: failure(FailureClass::Gone),
            retry_at: at(second + 1),
            at: at(second),
        };
        update(state, Message::Observed(observation), at(second))
    };
    gone(&mut state, 8);
    let sessions = vec![ended("a", SessionStatus::Terminated, at(20))];
    let history = Observation::History { scope: scope(), sessions, since: at(0), at: at(21) };
    update(&mut state, Message::Observed(history), at(21));
    let object = crate::domain::ArchiveObject {
        bucket: "logs".into(),
        key: "a.log".into(),
        size: 90,
        modified_at: Some(at(22)),
        encryption: None,
        kms_key: None,
    };
    let archive = Observation::Archive { session: key("a"), object: Fact::known(Some(object), "s3:GetObject", at(23)) };
    let asked = |effects: &[Effect]| effects.contains(&Effect::ReadArchive(key("a")));
    assert!(asked(&update(&mut state, Message::Observed(archive), at(23))));
    let body = Fact::failed(failure(FailureClass::Denied), None);
    let refused = Observation::ArchiveBody { session: key("a"), body, cut: false };
    assert!(!asked(&update(&mut state, Message::Observed(refused), at(24))), "not at once");
    assert!(!asked(&gone(&mut state, 30)));
    let status = &state.view.transcript.as_ref().unwrap().status;
    assert!(matches!(status, TranscriptStatus::Waiting(words) if words.contains("denied")), "{status:?}");
    assert!(asked(&update(&mut state, Message::Tick, at(60))));
    assert!(!asked(&update(&mut state, Message::Tick, at(61))), "once");
}
