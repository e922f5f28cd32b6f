//! "No byte sequence in a log event puts a control byte of the session's on the terminal": lines are drawn with the same
//! widgets and backend as the screen's, and the bytes that the terminal would get are read back.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use proptest::prelude::*;
use ratatui::{
    Terminal, TerminalOptions, Viewport,
    backend::{CrosstermBackend, TestBackend},
    layout::Rect,
    style::{Style, Stylize},
    text,
    widgets::Paragraph,
};

use super::{
    sanitize::tests::{hostile_text, is_forbidden},
    tests::{event, streamed},
    *,
};

const AREA: Rect = Rect { x: 0, y: 0, width: 80, height: 24 };

fn drawn_lines(transcript: &Transcript) -> Vec<text::Line<'_>> {
    let style = |marked| if marked { Style::new().reversed() } else { Style::new() };
    let line = |line| Line::spans(line).map(|span| text::Span::styled(span.text, style(span.marked))).collect();
    transcript.lines().iter().map(line).collect()
}

/// What a terminal would show of these bytes, without the sequences that the backend writes for itself: select graphic
/// rendition, cursor position, cursor visibility. Anything else that begins with ESC stays in the text.
fn text_behind_our_own_sequences(bytes: &[u8]) -> String {
    let mut text = String::new();
    let all = std::str::from_utf8(bytes).unwrap();
    let mut rest = all;
    while let Some(at) = rest.find('\u{1b}') {
        text.push_str(&rest[..at]);
        let sequence = &rest[at..];
        let parameters = sequence.strip_prefix("\u{1b}[").unwrap_or_default();
        let length = parameters.find(|c: char| !matches!(c, '0'..=';' | '?')).unwrap_or(0);
        match parameters[length..].chars().next() {
            Some('m' | 'H') if !parameters.starts_with('?') => rest = &parameters[length + 1..],
            Some('h' | 'l') if &parameters[..length] == "?25" => rest = &parameters[length + 1..],
            _ => {
                text.push('\u{1b}');
                rest = &sequence[1..];
            }
        }
    }
    text + rest
}

fn bytes_on_the_terminal(transcript: &Transcript) -> Vec<u8> {
    let options = TerminalOptions { viewport: Viewport::Fixed(AREA) };
    let mut bytes = Vec::new();
    let mut terminal = Terminal::with_options(CrosstermBackend::new(&mut bytes), options).unwrap();
    let lines = drawn_lines(transcript);
    terminal.draw(|frame| frame.render_widget(Paragraph::new(lines), AREA)).unwrap();
    drop(terminal);
    bytes
}

#[test]
fn the_check_sees_a_control_byte_that_gets_through() {
    assert_eq!(text_behind_our_own_sequences(b"\x1b[2;3Ha\x1b[0;1mb\x1b[?25lc"), "abc");
    for foreign in ["\u{1b}[2J", "\u{1b}]0;t\u{7}", "\u{1b}[?1049h", "\u{1b}c", "\u{7}"] {
        let text = text_behind_our_own_sequences(foreign.as_bytes());
        assert!(text.chars().any(is_forbidden), "{foreign:?}");
    }
}

#[test]
fn replaced_characters_are_on_the_screen() {
    let mut transcript = Transcript::default();
    transcript.push(&[event(0, streamed(&["bell \u{7} and \u{9b}31m \u{202e}olleh", "\u{1b}]0;title without end"]))]);
    let mut terminal = Terminal::new(TestBackend::new(36, 2)).unwrap();
    let lines = drawn_lines(&transcript);
    terminal.draw(|frame| frame.render_widget(Paragraph::new(lines), frame.area())).unwrap();
    terminal.backend().assert_buffer_lines([
        text::Line::from_iter([
            "bell ".into(),
            "␇".reversed(),
            " and ".into(),
            "<U+009B>".reversed(),
            "31m ".into(),
            "<U+202E>".reversed(),
            "olleh".into(),
        ]),
        text::Line::from_iter(["␛".reversed(), "]0;title without end".into()]),
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_control_byte_of_the_session_reaches_the_terminal(
        messages in prop::collection::vec(
            prop_oneof![
                hostile_text(),
                prop::collection::vec(hostile_text(), 0..10)
                    .prop_map(|lines| streamed(&lines.iter().map(String::as_str).collect::<Vec<_>>())),
            ],
            1..4,
        ),
    ) {
        let mut transcript = Transcript::default();
        let events: Vec<_> = messages.iter().zip(0..).map(|(message, at)| event(at, message.as_str())).collect();
        transcript.push(&events);
        let text = text_behind_our_own_sequences(&bytes_on_the_terminal(&transcript));
        prop_assert_eq!(text.chars().find(|c| is_forbidden(*c)), None);
        // The widgets drop some control characters themselves: what the transcript hands them must not rely on that.
        for line in drawn_lines(&transcript) {
            for span in line.spans {
                prop_assert_eq!(span.content.chars().find(|c| is_forbidden(*c)), None);
            }
        }
    }
}
