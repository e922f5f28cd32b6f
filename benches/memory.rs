//! Resident memory of the State with 10,000 sessions: nothing followed, 50 followed transcripts, everybody listened to. DESIGN holds 150 MB.
//!
//! ```text
//! cargo bench --bench memory
//! ```
//!
//! Each case is a process of its own. The whole program, with the SDK and a watch: `benches/memory.sh`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

#[allow(dead_code, clippy::panic)]
#[path = "../tests/screen/world.rs"]
mod world;

use std::{env, fs, process::Command};

use crossterm::event::KeyCode;
use ssmwatch::{
    app::State,
    domain::{LogEvent, Observation, SessionKey},
    transcript::DEFAULT_CAPACITY,
};

const SESSIONS: usize = 10_000;
const TRANSCRIPTS: usize = 50;
const LISTENED: usize = 2_000;

const CASES: [&str; 6] = [
    "nothing followed",
    "50 of 200 KiB",
    "50 of 4 MiB",
    "50 of 4 MiB in colour",
    "50 of 4 MiB of shortest lines",
    "2,000 listened to",
];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().find_map(|argument| argument.strip_prefix("case=")) {
        Some(case) => measure(case),
        None => {
            for case in CASES {
                let ended = Command::new(env::current_exe().unwrap()).arg(format!("case={case}")).status().unwrap();
                assert!(ended.success());
            }
        }
    }
}

fn measure(case: &str) {
    let mut state = world::crowd((200, 60), SESSIONS);
    let printed = match case {
        "50 of 200 KiB" => follow(&mut state, 200 << 10, ordinary),
        "50 of 4 MiB" => follow(&mut state, DEFAULT_CAPACITY, ordinary),
        "50 of 4 MiB in colour" => follow(&mut state, DEFAULT_CAPACITY, coloured),
        "50 of 4 MiB of shortest lines" => follow(&mut state, DEFAULT_CAPACITY, |number| (number % 10).to_string()),
        "2,000 listened to" => listen(&mut state),
        _ => 0,
    };
    let held: usize = state.view.transcript.iter().chain(&state.view.shelf).map(|view| view.content.bytes()).sum();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = |name: &str| {
        status
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<f64>()
            .unwrap()
    };
    println!(
        "{case:>30}: RSS {:6.1} MB, peak {:6.1} MB; transcripts count {:5.1} MB of {:6.1} MB printed",
        line("VmRSS") / 1024.0,
        line("VmHWM") / 1024.0,
        held as f64 / 1e6,
        printed as f64 / 1e6,
    );
}

fn ordinary(number: usize) -> String {
    match number % 10 {
        0 => format!("sh-5.2$ systemctl status app-{number}"),
        1 => format!("größere Änderung 変更履歴 {number}"),
        _ => format!("Nov 20 09:00:00 web-1 nginx[{number}]: 10.0.0.7 GET /index.html 200 5120"),
    }
}

/// What is shown and what is kept for matching differ: both are held.
fn coloured(number: usize) -> String {
    format!("\u{1b}[01;32madmin@web\u{1b}[00m:\u{1b}[01;34m/srv\u{1b}[00m$ ls -l /srv/{number}")
}

fn event(lines: &[String]) -> LogEvent {
    let message = serde_json::json!({"sessionId": "bench", "runAsUser": "ssm-user", "sessionData": lines}).to_string();
    LogEvent { timestamp: world::now(), ingested_at: world::now(), message }
}

/// Looks at one session after the other while each prints that much, as the transcript counts it; bytes that were printed.
fn follow(state: &mut State, bytes: usize, line: impl Fn(usize) -> String) -> usize {
    let mut printed = 0;
    for _ in 0..TRANSCRIPTS {
        world::press(state, KeyCode::Char('j'));
        let session = state.view.transcript.as_ref().unwrap().session.clone();
        for number in (0..).step_by(100) {
            let event = event(&(number..number + 100).map(&line).collect::<Vec<_>>());
            printed += event.message.len();
            let at = state.now;
            world::observe(state, Observation::Transcript { session: session.clone(), events: vec![event], at }, at);
            let content = &state.view.transcript.as_ref().unwrap().content;
            // A full one has dropped some lines already, as it will have.
            if if bytes < DEFAULT_CAPACITY { content.bytes() >= bytes } else { content.evicted_lines() > 2_000 } {
                break;
            }
        }
    }
    assert_eq!(state.view.shelf.len() + 1, TRANSCRIPTS);
    printed
}

/// Sessions print, nobody looks; bytes that were printed.
fn listen(state: &mut State) -> usize {
    let keys: Vec<SessionKey> = state.board.sessions.keys().take(LISTENED).cloned().collect();
    let mut printed = 0;
    for round in 0..10 {
        let event = event(&(0..100).map(|number| ordinary(round * 100 + number)).collect::<Vec<_>>());
        for key in &keys {
            printed += event.message.len();
            let events = vec![(key.id.clone(), vec![event.clone()])];
            let (scope, at) = (key.scope.clone(), state.now);
            let tailed = Observation::Tailed { scope, log_group: "/ssm-session-logs".into(), events, at };
            world::observe(state, tailed, at);
        }
    }
    assert_eq!(state.listening.len(), LISTENED);
    printed
}
