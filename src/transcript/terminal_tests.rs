#![allow(clippy::unwrap_used, clippy::panic)]
use proptest::prelude::*;

use super::*;

#[test]
fn line_editing_is_applied_and_doubted_where_the_stripper_left_it_ambiguous() {
    for (streamed, text, uncertain) in [
        // dash erases with BS SP BS: nothing is left to guess.
        ("$ lss\u{8} \u{8} -l", "$ ls -l", false),
        ("$ sudo systemctl restrt\u{8} \u{8}\u{8} \u{8}art nginx", "$ sudo systemctl restart nginx", false),
        // bash erases with BS ESC[K, of which the sequence is stripped.
        ("lss\u{8} -l", "ls -l", false),
        ("lss\u{8}", "lss", true),
        // A shorter command from the history leaves the tail of the longer one.
        (
            "cat /etc/passwd\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}ls",
            "lst /etc/passwd",
            true,
        ),
        // Ctrl-A and an insertion, of which the sequence is stripped.
        ("sh-5.2$ rm file\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}sudo ", "sh-5.2$ sudo le", true),
        ("ls /tp\u{8}mp\u{8}", "ls /tmp", true),
        ("\u{8}oops", "oops", true),
        ("(reverse-i-search)`su': sudo id\u{8}\u{8}", "(reverse-i-search)`su': sudo id", true),
    ] {
        let row = render(streamed, true);
        assert_eq!((row.text.as_str(), row.uncertain), (text, uncertain), "{streamed:?}");
    }
}

#[test]
fn sequences_that_were_kept_make_editing_certain() {
    for (raw, text) in [
        ("$ lss\u{8}\u{1b}[K", "$ ls"),
        (
            "$ cat /etc/passwd\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}ls\u{1b}[K",
            "$ ls",
        ),
        ("$ rm file\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{1b}[5@sudo ", "$ sudo rm file"),
        ("abcdef\u{1b}[3D\u{1b}[2P", "abcf"),
        ("abcdef\u{1b}[3D\u{1b}[2X", "abc  f"),
        ("abc\u{1b}[1Gx\u{1b}[2Cd", "xbcd"),
        ("abc\u{1b}7\u{8}\u{8}X\u{1b}8d", "aXcd"),
    ] {
        let row = render(raw, true);
        assert_eq!((row.text.as_str(), row.uncertain), (text, false), "{raw:?}");
    }
}

#[test]
fn escape_sequences_leave_no_residue() {
    for raw in [
        "\u{1b}[01;34mbin\u{1b}[0m",
        "\u{1b}[38;2;1;2;3mbin\u{1b}[m",
        "\u{1b}]0;title\u{7}bin",
        "\u{1b}]0;title\u{1b}\\bin",
        "\u{1b}]8;;https://example.com\u{1b}\\bin\u{1b}]8;;\u{1b}\\",
        "\u{1b}(Bbi\u{1b})0n",
        "\u{1b}=bin\u{1b}>",
        "\u{1b}7bin\u{1b}7",
        "\u{1b}[?2004hbin\u{1b}[?25l",
        "\u{1b} Fbin\u{1b}%G",
        "\u{1b}[31",
    ] {
        let row = render(raw, true);
        assert!(row.text == "bin" || raw.ends_with("[31") && row.text.is_empty(), "{raw:?} gives {:?}", row.text);
        assert!(!row.uncertain, "{raw:?}");
    }
}

#[test]
fn what_would_act_on_the_readers_desk_is_named() {
    let row = render("a\u{1b}]52;c;ZWNobyBoaQ==\u{7}b\u{1b}]9;hello\u{1b}\\c\u{1b}]0;title\u{7}d", true);
    assert_eq!((row.text.as_str(), row.uncertain), ("a<OSC 52>b<OSC 9>cd", true));
}

#[test]
fn a_string_that_never_ends_swallows_nothing() {
    for (raw, text) in [
        ("\u{1b}]0;t; rm -rf /", "\u{1b}]0;t; rm -rf /"),
        ("\u{1b}Pq visible", "\u{1b}Pq visible"),
        ("a\u{1b}_hidden\u{1b}\\b", "ab"),
        ("a\u{1b}]0;x\u{7}VISIBLE\u{1b}\\ after", "aVISIBLE after"),
    ] {
        let row = render(raw, true);
        assert_eq!(row.text, text, "{raw:?}");
    }
    assert!(render("\u{1b}]0;t; rm -rf /", true).uncertain);
    assert!(render("a\u{1b}_hidden\u{1b}\\b", true).uncertain, "text was hidden in a string");
    let long_title = format!("\u{1b}]0;{}\u{7}", "x".repeat(300));
    assert!(render(&long_title, true).uncertain, "too long for a title");
}

#[test]
fn returns_overwrite_and_tabs_go_to_the_next_stop() {
    assert_eq!(render("  33%\r  66%\r 100%", false).text, " 100%");
    assert_eq!(render("aaaa\rbb", false).text, "bbaa");
    assert_eq!(render("a\tb", false).text, "a       b");
    assert!(
        render("$ a long command line \rthat wraps", false).uncertain,
        "a wrapped command is not an overwritten one"
    );
    for certain in ["  33%\r  66%", "$ date\r\u{1b}[K\r$ date", "$ cat /etc/hostname\r\u{1b}[2C\u{1b}[Kid -u"] {
        assert!(!render(certain, false).uncertain, "{certain:?}");
    }
    assert_eq!(render("$ cat /etc/hostname\r\u{1b}[2C\u{1b}[Kid -u", false).text, "$ id -u");
}

#[test]
fn other_rows_are_kept_apart_and_never_erase() {
    let row = render("\u{1b}[H\u{1b}[2Jtop - 09:26\u{1b}[6;1Htotal", true);
    assert_eq!((row.text.as_str(), row.uncertain, row.clears), ("top - 09:26 total", true, 1));
}

#[test]
fn wide_characters_take_two_columns() {
    assert_eq!(render("你好\u{8}\u{8}x", true).text, "你x");
    assert_eq!(render("e\u{301}x\u{8}y", true).text, "e\u{301}y");
}

#[test]
fn the_row_ends_somewhere() {
    let row = render("a\u{1b}[65535Cb\u{1b}[65535@", true);
    assert!(row.text.len() <= MAX_COLUMNS);
    assert_eq!(row.cut_bytes, 1);
}

#[test]
fn beginnings_without_an_end_are_each_shown() {
    let beginnings = "\u{1b}]\u{1b}P".repeat(16_000);
    let row = render(&beginnings, true);
    assert_eq!(row.text.matches('\u{1b}').count(), 32_000);
    assert_eq!(
        render("\u{1b}Px\u{1b}]t\u{7}y", true).text,
        "\u{1b}Pxy",
        "an endless string of one kind, an ended one of the other"
    );
}

#[test]
fn what_takes_no_column_sits_on_the_last_character_before_the_cursor() {
    assert_eq!(render("a\u{7}b\u{8}\u{1}c", true).text, "a\u{7}\u{1}c");
    assert_eq!(render("ab\u{1b}[5C\u{301}", true).text, "ab\u{301}");
    assert_eq!(render("abc\r\u{7}", false).text, "a\u{7}bc", "it overwrites nothing");
    assert_eq!(render("\u{7}\u{7}x", true).text, "\u{7}\u{7}x");
}

#[test]
fn a_line_falls_into_parts_where_the_screen_changes_hands() {
    assert_eq!(
        parts("vi\u{1b}[?1049h\u{1b}=x\u{1b}[?25;1049lafter"),
        [Part::Text("vi"), Part::EnterScreen, Part::Text("\u{1b}=x"), Part::LeaveScreen, Part::Text("after")]
    );
    assert_eq!(parts("\u{1b}[?2004hplain"), [Part::Text("\u{1b}[?2004hplain")]);
    assert_eq!(parts(""), []);
}

proptest! {
    #[test]
    fn any_text_renders(text in super::super::sanitize::tests::hostile_text(), stripped: bool) {
        let row = render(&text, stripped);
        prop_assert!(row.text.chars().count() <= text.chars().count() * 9 + MAX_COLUMNS);
    }

    #[test]
    fn text_without_control_characters_stays_as_it_is(text in "[ -~éЖ]{0,200}") {
        prop_assert_eq!(render(&text, true).text, text);
    }
}

/// The same without any short cut: all text goes through the parser.
fn render_slowly(raw: &str, stripped: bool) -> Row {
    let mut row = RowScreen { cells: Vec::with_capacity(raw.len().min(MAX_COLUMNS)), ..RowScreen::default() };
    let mut parser = Parser::new();
    let mut start = 0;
    let mut at = 0;
    // Where one string of a kind has no end, none after it has: without these a line of beginnings costs its square.
    let (mut endless_bell, mut endless_string) = (false, false);
    while let Some(found) = raw.get(at..).and_then(|rest| rest.find(ESC)) {
        let escape = at + found;
        let rest = raw.get(escape + 1..).unwrap_or_default();
        at = escape + 1;
        // Control strings (DCS, SOS, OSC, PM, APC) are taken out here: a parser for streams waits for their end beyond
        // the line and swallows the text until then.
        if !rest.starts_with(['P', 'X', ']', '^', '_']) {
            continue;
        }
        parser.advance(&mut row, raw.get(start..escape).unwrap_or_default().as_bytes());
        parser = Parser::new();
        let bell_ends = rest.starts_with(']');
        let endless = if bell_ends { &mut endless_bell } else { &mut endless_string };
        let end = if *endless { None } else { string_end(rest, bell_ends) };
        *endless |= end.is_none();
        match end {
            Some(end) => {
                row.uncertain |= !bell_ends || end > MAX_TITLE;
                at = escape + 1 + end;
            }
            None => {
                row.put(ESC);
                row.put(rest.chars().next().unwrap_or(' '));
                row.uncertain = true;
                at = escape + 2;
            }
        }
        start = at;
    }
    parser.advance(&mut row, raw.get(start..).unwrap_or_default().as_bytes());
    let sequences_kept = raw.contains(ESC);
    row.finish(stripped && !sequences_kept)
}

proptest! {
    #[test]
    fn short_cuts_change_nothing(text in crate::transcript::sanitize::tests::hostile_text(), stripped in any::<bool>()) {
        prop_assert_eq!(render(&text, stripped), render_slowly(&text, stripped));
    }

    #[test]
    fn short_cuts_change_nothing_of_sequences(
        pieces in prop::collection::vec(prop_oneof![
            3 => prop::sample::select(vec![
                "ab", "é漢", "\u{301}", "\u{8}", "\r", "\t", "\u{7}", "\u{9b}", "\u{7f}", "\u{1b}[31m", "\u{1b}[m", "\u{1b}[38;5;1m",
                "\u{1b}[3", "\u{1b}[?25m", "\u{1b}[>4m", "\u{1b}[ m", "\u{1b}[1\u{8}m", "\u{1b}[4:3m", "\u{1b}[K", "\u{1b}[2D", "\u{1b}[3@", "\u{1b}[2;3H",
                "\u{1b}", "\u{1b}(", "\u{1b}7", "\u{1b}8", "\u{1b}]0;x\u{7}", "\u{1b}]x", "\u{1b}P1q\u{1b}\\", "\u{1b}_", "m", "\\", "\u{1b}[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1m",
            ]).prop_map(str::to_owned),
            1 => "[ -~]{0,20}",
            1 => Just("x".repeat(3000)),
        ], 0..20),
        stripped in any::<bool>(),
    ) {
        let text = pieces.concat();
        prop_assert_eq!(render(&text, stripped), render_slowly(&text, stripped));
    }
}
