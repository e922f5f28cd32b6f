#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
use proptest::prelude::*;
use serde_json::json;

use super::sanitize::tests::{hostile_text, is_forbidden};
use super::*;

pub(crate) fn event(second: i64, message: impl Into<String>) -> LogEvent {
    let timestamp = Timestamp::from_second(1_700_000_000 + second).unwrap();
    let ingested_at = Timestamp::from_second(1_700_000_001 + second).unwrap();
    LogEvent { timestamp, ingested_at, message: message.into() }
}

/// The agent's compact JSON with its HTML escapes.
pub(crate) fn streamed(lines: &[&str]) -> String {
    let escape = |text: String| text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    escape(
        json!({
            "eventVersion": "1.0", "eventTime": "2026-05-06T07:08:09Z", "awsRegion": "eu-central-1",
            "target": {"id": "i-0123456789abcdef0"},
            "userIdentity": {"arn": "arn:aws:sts::123456789012:assumed-role/Operations/dana"},
            "runAsUser": "ssm-user", "sessionId": "dana-0fedcba9876543210", "sessionData": lines,
        })
        .to_string(),
    )
}

fn transcript(messages: &[String]) -> Transcript {
    let mut transcript = Transcript::default();
    let events: Vec<_> = messages.iter().zip(0..).map(|(message, second)| event(second, message.as_str())).collect();
    transcript.push(&events);
    transcript
}

fn texts(transcript: &Transcript) -> Vec<&str> {
    transcript.lines().iter().map(Line::text).collect()
}

#[test]
fn a_streamed_event_becomes_its_lines_and_its_payload() {
    let transcript = transcript(&[streamed(&["sh-4.2$ sh-4.2$ id -u && cat <x >y", "", "1001"])]);
    assert_eq!(texts(&transcript), ["sh-4.2$ sh-4.2$ id -u && cat <x >y", "", "1001"]);
    let line = &transcript.lines()[0];
    assert_eq!((line.at.as_second(), line.ingested_at.as_second()), (1_700_000_000, 1_700_000_001));
    assert_eq!((&line.kind, line.uncertain, line.repeated, line.cut_bytes), (&LineKind::Streamed, false, false, 0));
    let payload = transcript.payload().unwrap();
    assert_eq!(payload.event_time, Some("2026-05-06T07:08:09Z".parse().unwrap()));
    assert_eq!(payload.target_id.as_deref(), Some("i-0123456789abcdef0"));
    assert_eq!(payload.user_arn.as_deref(), Some("arn:aws:sts::123456789012:assumed-role/Operations/dana"));
    assert_eq!(payload.run_as_user.as_deref(), Some("ssm-user"));
    assert_eq!(payload.session_id.as_deref(), Some("dana-0fedcba9876543210"));
    assert_eq!((payload.event_version.as_deref(), payload.region.as_deref()), (Some("1.0"), Some("eu-central-1")));
}

#[test]
fn a_title_in_the_prompt_leaves_only_the_prompt() {
    let raw =
        "\u{1b}[?2004h\u{1b}]0;admin@web: /srv\u{7}\u{1b}[01;32madmin@web\u{1b}[00m:\u{1b}[01;34m/srv\u{1b}[00m$ ls";
    let transcript = transcript(&[streamed(&[raw, "data"])]);
    assert_eq!(texts(&transcript), ["admin@web:/srv$ ls", "data"]);
    assert_eq!(transcript.lines()[0].raw(), raw);
    assert_eq!(transcript.lines()[1].raw(), "data");
}

#[test]
fn both_spellings_of_a_backspace_are_one() {
    for spelling in ["\\b", "\\u0008"] {
        let message = format!("{{\"sessionData\":[\"$ lss{spelling} {spelling} -l\"]}}");
        assert_eq!(texts(&transcript(&[message])), ["$ ls -l"]);
    }
}

#[test]
fn misleading_line_editing_is_uncertain() {
    let lines = transcript(&[streamed(&["sh-5.2$ rm file\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}sudo ", "done"])]);
    assert_eq!(lines.lines().iter().map(|line| line.uncertain).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_full_screen_program_is_one_line_and_what_follows_is_kept() {
    let lines = [
        "sh-5.2$ sudo vi -u NONE notes.txt",
        "\u{1b}[?2004l\u{1b}[?1049h\u{1b}[22;0;0t\u{1b}[>4;2m\u{1b}[?1h\u{1b}=\u{1b}[H\u{1b}[2J\u{1b}[6;1H\"notes.txt\" 2 lines\u{1b}[1;1Hone",
        "two",
        "~          ~          ",
        "",
        "new line\u{8}:wq\"notes.txt\" 3 lines",
        "\u{1b}[?2004l\u{1b}[?1l\u{1b}>\u{1b}[?1049l\u{1b}[23;0;0t\u{1b}[?25h\u{1b}[?2004hsh-5.2$ exit",
        "exit",
    ];
    let transcript = transcript(&[streamed(&lines)]);
    assert_eq!(
        texts(&transcript),
        ["sh-5.2$ sudo vi -u NONE notes.txt", "vi: full screen, 5 lines folded", "sh-5.2$ exit", "exit"]
    );
    let LineKind::Screen(folded) = &transcript.lines()[1].kind else { panic!("not folded") };
    assert!(!folded.open);
    assert_eq!(folded.lines.len(), 5);
    assert_eq!(folded.lines[1].text(), "two");
    let search = Search::new("new lin:wq").unwrap();
    assert_eq!(transcript.find(&search, 0, Direction::Forward).unwrap().line, 1, "folded output can be found");
}

#[test]
fn the_prompt_ends_a_full_screen_program_whose_end_was_stripped() {
    let transcript = transcript(&[
        streamed(&["sh-5.2$ htop", "\u{1b}[?1049h\u{1b}=CPU", "Mem"]),
        streamed(&["sh-5.2$ systemctl stop amazon-ssm-agent", "ok"]),
    ]);
    assert_eq!(
        texts(&transcript),
        ["sh-5.2$ htop", "htop: full screen, 2 lines folded", "sh-5.2$ systemctl stop amazon-ssm-agent", "ok"]
    );
}

#[test]
fn a_session_cannot_hide_its_commands_behind_a_full_screen() {
    let prompt = "\u{1b}]0;t\u{7}\u{1b}[32mroot@web\u{1b}[0m:";
    let commands = [format!("{prompt}~# printf '\\e[?1049h'"), format!("\u{1b}[?1049h{prompt}/tmp# id")];
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let shown =
        transcript(&[streamed(&commands), streamed(&["uid=0(root)", &format!("{prompt}/# systemctl stop auditd")])]);
    assert_eq!(texts(&shown).last(), Some(&"root@web:/# systemctl stop auditd"));
    let LineKind::Screen(folded) = &shown.lines()[1].kind else { panic!("not folded") };
    assert_eq!(folded.lines.iter().map(Line::text).collect::<Vec<_>>(), ["root@web:/tmp# id", "uid=0(root)"]);
}

#[test]
fn progress_meters_and_last_lines_are_shown_as_they_are() {
    let lines = [
        "$ curl -O https://example.com/a.tgz",
        "  0     0    0     0      0 43 10.0M   43 4400k      0100 10.0M  100",
        "[sudo] password for deploy: ",
        "sh-5.2$ ls --color=always /opt",
        "aws  run.sh README",
        "sh-4.2$ rm -rf /var/lo",
    ];
    let shown = transcript(&[streamed(&lines)]);
    assert_eq!(texts(&shown), lines);
    assert!(shown.lines().iter().all(|line| !line.uncertain && line.spans().all(|span| !span.marked)));
}

#[test]
fn an_open_full_screen_program_says_so() {
    let transcript = transcript(&[streamed(&["x\u{1b}[?1049h\u{1b}[2Ja"]), streamed(&["\u{1b}[2J\u{1b}(Bb"])]);
    assert_eq!(
        texts(&transcript),
        ["x", "a program, 1 s: full screen, 2 lines folded, 2 screens, still on the screen"]
    );
}

#[test]
fn top_takes_the_screen_without_the_alternate_buffer() {
    let transcript = transcript(&[streamed(&[
        "$ top",
        "\u{1b}[?1h\u{1b}=\u{1b}[?25l\u{1b}[H\u{1b}[2J\u{1b}(B\u{1b}[mtop - 09:26:47 up\u{1b}(B\u{1b}[m\u{1b}[39;49m\u{1b}[K",
        "Tasks:\u{1b}(B\u{1b}[m\u{1b}[1m  98 \u{1b}(B\u{1b}[mtotal\u{1b}[K",
        "\u{1b}[?1l\u{1b}>\u{1b}[25;1H$ id",
        "uid=0",
    ])]);
    assert_eq!(texts(&transcript), ["$ top", "top: full screen, 2 lines folded", "$ id", "uid=0"]);
    assert_eq!(transcript.commands().len(), 2);
}

#[test]
fn a_full_screen_program_says_how_long_it_had_the_screen() {
    let mut transcript = Transcript::default();
    transcript.push(&[event(0, streamed(&["$ vi a", "\u{1b}[?1049h~"]))]);
    transcript.push(&[event(250, streamed(&["x"])), event(260, streamed(&["\u{1b}[?1049l$ exit"]))]);
    assert_eq!(texts(&transcript)[1], "vi, 4 min: full screen, 2 lines folded");
}

#[test]
fn a_windows_transcript_begins_without_its_byte_order_mark() {
    let first = transcript(&[streamed(&["\u{feff}**********************", "PS C:\\Windows> whoami"])]);
    assert_eq!(texts(&first), ["**********************", "PS C:\\Windows> whoami"]);
    let later = transcript(&[streamed(&["a"]), streamed(&["\u{feff}b"])]);
    assert_eq!(texts(&later), ["a", "<U+FEFF>b"], "elsewhere it is a hidden character");
}

#[test]
fn a_plain_upload_becomes_lines_between_markers() {
    let message = "Script started on 2026-05-06 07:08:09+0000\nsh-4.2$ ls --color\r\r\n\u{1b}[01;34mbin\u{1b}[0m\r\n 10%\r 99%\r\n\nScript done on 2026-05-06 07:09:00+0000";
    let transcript = transcript(&[message.to_owned()]);
    assert_eq!(
        texts(&transcript),
        [
            "Script started on 2026-05-06 07:08:09+0000",
            "sh-4.2$ ls --color",
            "bin",
            " 99%",
            "",
            "Script done on 2026-05-06 07:09:00+0000"
        ]
    );
    let kinds: Vec<_> = transcript.lines().iter().map(|line| line.kind.clone()).collect();
    use LineKind::{Marker, Plain};
    assert_eq!(kinds, [Marker, Plain, Plain, Plain, Plain, Marker]);
    assert!(transcript.payload().is_none());
}

#[test]
fn what_is_not_the_agents_json_is_plain_text() {
    for message in [
        "{\"sessionData\":[\"cut of",
        "{\"sessionData\":\"no array\"}",
        "{\"sessionData\":[1,2]}",
        "{\"eventVersion\":\"1.0\"}",
        "[\"sessionData\"]",
        "{\"sessionData\":[\"lone \\ud800 surrogate\"]}",
    ] {
        let transcript = transcript(&[message.to_owned()]);
        assert_eq!(texts(&transcript), [message], "{message}");
        assert_eq!(transcript.lines()[0].kind, LineKind::Plain);
    }
}

#[test]
fn unknown_keys_and_odd_values_do_not_hide_the_lines() {
    let message = json!({"eventVersion": "2.7", "new": {"deep": [1]}, "target": "i-1", "userIdentity": {"arn": 7},
        "runAsUser": "", "eventTime": "yesterday", "sessionData": ["a", ""]});
    let transcript = transcript(&[message.to_string(), json!({"sessionData": []}).to_string()]);
    assert_eq!(texts(&transcript), ["a", ""]);
    assert_eq!(transcript.payload(), Some(&Payload::default()), "of the last event");
}

#[test]
fn the_pieces_of_a_cut_line_are_one_line() {
    let long = "A".repeat(100_000);
    let pieces: Vec<String> = [&long[..33_000], &long[33_000..66_000], &long[66_000..99_000]]
        .iter()
        .map(|piece| streamed(&[piece]))
        .collect();
    let mut transcript = transcript(&pieces);
    transcript.push(&[event(9, streamed(&[&long[99_000..], "next"]))]);
    assert_eq!(transcript.lines().len(), 2);
    let line = &transcript.lines()[0];
    assert_eq!(line.cut_bytes, 100_000 - SHOWN_BYTES as u64);
    assert_eq!(line.text(), format!("{} <91808 more bytes>", &long[..SHOWN_BYTES]));
    assert!(line.spans().last().unwrap().marked);
    assert!(!line.uncertain, "pieces of exactly the agent's size");
    assert_eq!(line.raw().len(), KEPT_BYTES);
    assert_eq!(transcript.lines()[1].text(), "next");
}

#[test]
fn a_cut_inside_an_escape_sequence_leaves_nothing_of_it() {
    let first = format!("{}text\u{1b}[3", "\u{1b}[0m".repeat(8_000));
    let transcript = transcript(&[streamed(&["before", &first]), streamed(&["1mred", "after"])]);
    assert_eq!(texts(&transcript), ["before", "textred", "after"]);
    assert!(transcript.lines()[1].uncertain, "a shorter piece may have been a line of its own");
}

#[test]
fn a_re_sent_event_is_marked_and_what_is_new_is_not() {
    let run = ["sh-5.2$ systemctl status nginx", "  Active: active (running) since noon", "sh-5.2$ id"];
    let longer: Vec<&str> = run.iter().copied().chain(["uid=1001(ssm-user)"]).collect();
    let transcript = transcript(&[streamed(&run), streamed(&longer)]);
    let repeated: Vec<bool> = transcript.lines().iter().map(|line| line.repeated).collect();
    assert_eq!(repeated, [false, false, false, true, true, true, false]);
    assert!(transcript.lines()[3].at > transcript.lines()[2].at);
}

#[test]
fn the_oldest_lines_go_when_the_capacity_is_reached() {
    let mut transcript = Transcript::new(0, Glyphs::Unicode);
    let mut pushed = 0;
    for batch in 0..40 {
        let lines: Vec<String> = (0..200).map(|line| format!("{batch} {line} {}", "x".repeat(100))).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        transcript.push(&[event(batch, streamed(&lines))]);
        pushed += lines.len() as u64;
        assert!(transcript.bytes() <= MIN_CAPACITY);
        assert_eq!(transcript.evicted_lines() + transcript.lines().len() as u64, pushed);
    }
    assert!(transcript.evicted_lines() > 0);
    assert!(transcript.lines().back().unwrap().text().starts_with("39 199 "));
}

#[test]
fn lines_whose_payload_names_another_session_are_marked() {
    let mut shown = Transcript::default();
    shown.expect(crate::domain::PayloadIdentity {
        session_id: "dana-0fedcba9876543210".into(),
        target: "i-0123456789abcdef0".into(),
        owner: "arn:aws:sts::123456789012:assumed-role/Operations/dana".into(),
        run_as_user: "".into(),
    });
    let forged = streamed(&["$ history -c"]).replace("dana-0fedcba9876543210", "eve-0");
    shown.push(&[event(0, streamed(&["$ id"])), event(1, forged), event(2, streamed(&["$ w"]))]);
    assert_eq!(shown.lines().iter().map(|line| line.forged).collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn a_private_key_is_secret_line_by_line() {
    let shown = transcript(&[
        streamed(&["$ cat k", "-----BEGIN OPENSSH PRIVATE KEY-----", &"b3BlbnNz".repeat(8), &"AAAA".repeat(16)]),
        streamed(&["BBBB", "-----END OPENSSH PRIVATE KEY-----", "$ id"]),
    ]);
    let secret: Vec<bool> = shown.lines().iter().map(|line| line.secret).collect();
    assert_eq!(secret, [false, false, true, true, true, false, false]);
}

#[test]
fn search_goes_both_ways_in_smart_case() {
    let transcript = transcript(&[streamed(&["$ Uname -a", "Linux", "$ uname\u{7}", "a.b"])]);
    let search = Search::new("uname").unwrap();
    let found = |from, direction| transcript.find(&search, from, direction).map(|found| (found.line, found.range));
    assert_eq!(found(0, Direction::Forward), Some((0, 2..7)));
    assert_eq!(found(1, Direction::Forward), Some((2, 2..7)));
    assert_eq!(found(3, Direction::Forward), None);
    assert_eq!(found(1, Direction::Backward), Some((0, 2..7)));
    assert_eq!(found(99, Direction::Backward), Some((2, 2..7)));
    assert!(Search::new("don’t").unwrap().ranges("don\u{fffd}t").eq(std::iter::once(0..7)), "damaged by the agent");
    let exact = Search::new("Uname").unwrap();
    assert_eq!(transcript.find(&exact, 1, Direction::Forward), None, "an upper-case letter is meant");
    assert!(Search::new("a.b").unwrap().ranges("axb a.b").eq(std::iter::once(4..7)), "literal");
    assert!(Search::new("").is_none());
}

/// Any line but one that the event boundaries give a meaning: cut lines, and repetitions of a whole run.
fn ordinary_lines() -> impl Strategy<Value = Vec<String>> {
    let line = prop_oneof![
        hostile_text().prop_map(|text| text.replace(['\n', '\r'], "")),
        "[ -~]{0,60}",
        Just("\u{1b}[?1049h\u{1b}=screen".to_owned()),
        Just("\u{1b}[?1049lsh$ ".to_owned()),
        Just("sh$ vi".to_owned()),
    ];
    prop::collection::vec(line, 1..30)
        .prop_map(|lines| lines.into_iter().zip(0..).map(|(line, number)| format!("{line}{number}")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_message_brings_a_forbidden_character_to_a_span(
        messages in prop::collection::vec(
            prop_oneof![
                hostile_text(),
                prop::collection::vec(hostile_text(), 0..6)
                    .prop_map(|lines| streamed(&lines.iter().map(String::as_str).collect::<Vec<_>>())),
                prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            ],
            1..8,
        ),
    ) {
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let mut transcript = Transcript::new(0, glyphs);
            let events: Vec<_> = messages.iter().zip(0..).map(|(message, at)| event(at, message.as_str())).collect();
            transcript.push(&events);
            for line in transcript.lines() {
                let mut all = vec![line];
                if let LineKind::Screen(folded) = &line.kind {
                    all.extend(&folded.lines);
                }
                for line in all {
                    let joined: String = line.spans().map(|span| span.text).collect();
                    prop_assert_eq!(joined.as_str(), line.text());
                    prop_assert_eq!(line.text().chars().find(|c| is_forbidden(*c)), None);
                    prop_assert!(glyphs == Glyphs::Unicode || line.text().is_ascii());
                }
            }
            let lines: usize = transcript.lines().iter().map(Line::bytes).sum();
            let commands: usize = transcript.commands().iter().map(Command::bytes).sum();
            prop_assert_eq!(transcript.bytes(), lines + commands);
        }
    }

    #[test]
    fn event_boundaries_do_not_change_the_lines(lines in ordinary_lines(), cuts in prop::collection::vec(1_usize..6, 30)) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let whole = transcript(&[streamed(&lines)]);
        let mut rest = lines.as_slice();
        let mut pieces = Vec::new();
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(streamed(piece));
            rest = after;
        }
        pieces.push(streamed(rest));
        let cut = transcript(&pieces);
        let shape = |transcript: &Transcript| -> Vec<(String, bool)> {
            let text = |line: &Line| match &line.kind {
                // How long a program had the screen is told by the events' times.
                LineKind::Screen(folded) => folded.line_count.to_string(),
                _ => line.text().to_owned(),
            };
            transcript.lines().iter().map(|line| (text(line), line.uncertain)).collect()
        };
        prop_assert_eq!(shape(&whole), shape(&cut));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_capacity_holds_for_long_lines_and_screens(
        sizes in prop::collection::vec((0_usize..120_000, prop::sample::select(vec!["x", "\u{1b}[?1049h", "\u{7}", "é", "\n"])), 1..12),
    ) {
        let mut transcript = Transcript::new(0, Glyphs::Unicode);
        for (at, (size, unit)) in (0..).zip(sizes) {
            transcript.push(&[event(at, unit.repeat(size / unit.len()))]);
            prop_assert!(transcript.bytes() <= MIN_CAPACITY);
            prop_assert!(!transcript.lines().is_empty());
        }
    }
}
