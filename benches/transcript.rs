//! Decoding and cleaning of transcripts: DESIGN holds 100 MB/s a core, commands read and keys hidden on the way.
//!
//! ```text
//! cargo bench --bench transcript
//! ```
#![allow(clippy::unwrap_used)]

use divan::{Bencher, counter::BytesCount};
use jiff::Timestamp;
use serde_json::json;
use ssmwatch::{
    domain::LogEvent,
    transcript::{Glyphs, Transcript, clean, clean_marked},
};

fn main() {
    divan::main();
}

/// The agent closes an event before it goes over this many bytes.
const EVENT_BYTES: usize = 33_000;
const EVENTS: usize = 32;

fn events(message: impl Fn(usize) -> String) -> Vec<LogEvent> {
    let event = |number: usize| {
        let timestamp = Timestamp::from_second(1_700_000_000).unwrap();
        LogEvent { timestamp, ingested_at: timestamp, message: message(number) }
    };
    (0..EVENTS).map(event).collect()
}

fn streamed(line: impl Fn(usize) -> String) -> Vec<LogEvent> {
    events(|event| {
        let mut room = EVENT_BYTES;
        let lines: Vec<String> = (0..)
            .map(|number| line(event * EVENT_BYTES + number))
            .take_while(|line| {
                let fits = line.len() < room;
                room = room.saturating_sub(line.len() + 1);
                fits
            })
            .collect();
        json!({"eventVersion": "1.0", "sessionId": "bench-0123456789abcdef0", "sessionData": lines}).to_string()
    })
}

fn push(bencher: Bencher<'_, '_>, events: Vec<LogEvent>) {
    let bytes: usize = events.iter().map(|event| event.message.len()).sum();
    bencher.counter(BytesCount::new(bytes)).with_inputs(Transcript::default).bench_local_values(|mut transcript| {
        transcript.push(&events);
        transcript
    });
}

/// A shell as it really comes, a command and its output again and again: prompts, colours that the agent keeps, line editing, other
/// scripts, tables, long lines.
fn session(number: usize) -> String {
    match number % 40 {
        0 => format!(
            "\u{1b}]0;admin@web: /srv\u{7}\u{1b}[01;32madmin@web\u{1b}[00m:\u{1b}[01;34m/srv\u{1b}[00m$ ls -la --color /srv/{number}"
        ),
        1 => "total 1284".to_owned(),
        2..8 => format!(
            "drwxr-xr-x  2 root root   4096 Nov 20 09:{:02} \u{1b}[0m\u{1b}[01;34mconf.d-{number}\u{1b}[0m",
            number % 60
        ),
        8 => "[root@web ~]# journalctl -u nginx --since -5m --no-pagr\u{8} \u{8}er".to_owned(),
        9..18 => format!(
            "Nov 20 09:00:{:02} web-1 nginx[{number}]: 10.0.0.7 - - \"GET /index.html?id={number} HTTP/1.1\" 200 5120",
            number % 60
        ),
        18 => "[root@web ~]# kubectl get pods -n payments -o wide".to_owned(),
        19..26 => format!(
            "payments-api-7d9f8b6c5d-x{number:05}   1/1     Running   0          4d18h   10.42.3.{}   node-3   <none>",
            number % 250
        ),
        26 => "● nginx.service — größerer Proxy für die Zahlungen, 変更履歴 2026年11月20日".to_owned(),
        27 => format!("  {}% [=====>        ] 12.3 MB/s\r  100% [=============>] 14.1 MB/s", number % 100),
        28 => "[root@web ~]# cat /var/log/app.json".to_owned(),
        29..34 => format!(
            "{{\"level\":\"info\",\"ts\":{number},\"msg\":\"request served\",\"path\":\"/api/v1/items/{number}\",\"trace\":\"{}\"}}",
            "0af7651916cd43dd".repeat(20)
        ),
        34 => "\u{1b}[32m✔\u{1b}[0m Überprüfung bestanden (3 von 3)".to_owned(),
        35 => format!("{number}: {}", "eyJrIjoi".repeat(500)),
        36 => "sh-5.2$ export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        37 => String::new(),
        38 => "cp: cannot stat '/srv/none': No such file or directory".to_owned(),
        _ => "sh-5.2$ ".to_owned(),
    }
}

/// What really comes, as the agent streams it.
#[divan::bench]
fn push_session(bencher: Bencher<'_, '_>) {
    push(bencher, streamed(session));
}

/// The same as an upload after the end.
#[divan::bench]
fn push_session_upload(bencher: Bencher<'_, '_>) {
    push(bencher, events(|event| (0..1000).map(|line| session(event * 1000 + line) + "\r\n").collect()));
}

/// Ordinary output that the agent has stripped.
#[divan::bench]
fn push_stripped_output(bencher: Bencher<'_, '_>) {
    push(
        bencher,
        streamed(|number| format!("Nov 20 09:00:00 web-1 nginx[{number}]: 10.0.0.7 GET /index.html 200 5120")),
    );
}

/// Coloured lines with a title, which the agent leaves as they are.
#[divan::bench]
fn push_raw_lines(bencher: Bencher<'_, '_>) {
    let line = |number| {
        format!(
            "\u{1b}]0;admin@web: /srv\u{7}\u{1b}[01;32madmin@web\u{1b}[00m:\u{1b}[01;34m/srv\u{1b}[00m$ ls -l /srv/{number}"
        )
    };
    push(bencher, streamed(line));
}

/// An upload after the end, with returns and colours.
#[divan::bench]
fn push_plain_upload(bencher: Bencher<'_, '_>) {
    let text =
        |event| (0..3000).map(|line| format!("\u{1b}[32mstep {event}.{line}\u{1b}[0m finished in 12 ms\r\n")).collect();
    push(bencher, events(text));
}

/// The worst a session can send: nothing but bytes that must be replaced.
#[divan::bench]
fn push_control_bytes(bencher: Bencher<'_, '_>) {
    push(bencher, streamed(|number| "\u{7}\u{202e}\u{9b}\u{1b}[8192@\u{8}".repeat(1 + number % 40)));
}

/// One here-document after the other: each line makes the command longer, and is heard as the command once more.
#[divan::bench]
fn push_continued_commands(bencher: Bencher<'_, '_>) {
    push(
        bencher,
        streamed(|number| if number % 4000 == 0 { "sh-5.2$ cat <<EOF".to_owned() } else { "> x".to_owned() }),
    );
}

#[divan::bench]
fn clean_ascii(bencher: Bencher<'_, '_>) {
    let text = "an ordinary reason, as people write it: change 4711 ".repeat(20_000);
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| clean(divan::black_box(&text)).len());
}

#[divan::bench]
fn clean_other_scripts(bencher: Bencher<'_, '_>) {
    let text = "größere Änderung 変更 изменение ".repeat(20_000);
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| clean(divan::black_box(&text)).len());
}

#[divan::bench]
fn clean_for_ascii_terminals(bencher: Bencher<'_, '_>) {
    let text = "größere Änderung \u{1b}[2J ".repeat(20_000);
    bencher
        .counter(BytesCount::of_str(&text))
        .bench_local(|| clean_marked(divan::black_box(&text), Glyphs::Ascii).text().len());
}
