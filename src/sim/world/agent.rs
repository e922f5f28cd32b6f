//! What the SSM Agent on a node makes of a terminal's bytes: log events while the session runs, or a transcript after it.

use std::fmt::Write as _;

use jiff::{Timestamp, Unit, tz::TimeZone};

/// Bytes of stripped text in one streamed event, and the longest piece of a line (`StreamMessageLengthThresholdInBytes`).
pub const STREAM_EVENT_BYTES: usize = 33_000;
/// Events of one upload (`maxNumberOfEventsPerCall`).
pub const EVENTS_PER_TICK: usize = 4;
/// Bytes of text in one event that is uploaded after the end (`MessageLengthThresholdInBytes`).
pub const TRANSCRIPT_EVENT_BYTES: usize = 200_000;

/// Who and where, as every streamed event says it.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Region of the agent.
    pub region: String,
    /// Node id.
    pub target: String,
    /// ARN of the owner.
    pub owner: String,
    /// Account on the node.
    pub run_as_user: String,
    /// Session id.
    pub session_id: String,
    /// Agents from 3.3.987.0 on are built with a Go that writes `\b` and `\f` in short.
    pub short_escapes: bool,
}

/// The recording of one session: all its terminal bytes, and how far they are uploaded.
#[derive(Debug, Default)]
pub struct Recording {
    bytes: Vec<u8>,
    read: usize,
    finished: bool,
    windows: bool,
}

impl Recording {
    /// An empty recording; Windows text is not stripped.
    pub fn new(windows: bool) -> Self {
        Self { windows, ..Self::default() }
    }

    /// More output of the terminal.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The shell is gone: an incomplete last line may go out.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// The last so many lines that went out count as not sent: the answer to their upload was lost.
    pub fn rewind(&mut self, lines: usize) {
        let sent = self.bytes.get(..self.read).unwrap_or_default();
        let mut ends = sent.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        // A piece without its end counts as a line.
        let back = if sent.ends_with(b"\n") { lines } else { lines.saturating_sub(1) };
        self.read = ends.nth(back).unwrap_or(0);
    }

    /// All bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives up the bytes.
    pub fn clear(&mut self) {
        self.bytes = Vec::new();
        self.read = 0;
    }

    /// Whether the next tick has something to send.
    pub fn has_unit(&self) -> bool {
        self.peek_unit().is_some()
    }

    fn peek_unit(&self) -> Option<&[u8]> {
        let rest = self.bytes.get(self.read..)?;
        let window = rest.get(..STREAM_EVENT_BYTES).unwrap_or(rest);
        match window.iter().position(|byte| *byte == b'\n') {
            Some(end) => window.get(..=end),
            None if window.len() == STREAM_EVENT_BYTES || (self.finished && !window.is_empty()) => Some(window),
            None => None,
        }
    }

    /// The texts of the events of one tick, four at the most, before they are put into JSON.
    pub fn take_texts(&mut self) -> Vec<Vec<u8>> {
        let mut texts = Vec::new();
        let mut text: Vec<u8> = Vec::new();
        while texts.len() < EVENTS_PER_TICK {
            let Some(unit) = self.peek_unit() else { break };
            let length = unit.len();
            let stripped = if self.windows { unit.to_vec() } else { strip_or_keep(unit) };
            if !text.is_empty() && text.len() + stripped.len() > STREAM_EVENT_BYTES {
                texts.push(std::mem::take(&mut text));
                continue;
            }
            text.extend_from_slice(&stripped);
            self.read += length;
        }
        if !text.is_empty() {
            texts.push(text);
        }
        texts
    }

    /// The messages of one tick of a streaming session.
    pub fn take_messages(&mut self, envelope: &Envelope, now: Timestamp) -> Vec<String> {
        self.take_texts().iter().map(|text| message(envelope, now, &session_data(text))).collect()
    }
}

/// The elements of `sessionData`: tabs are spaces, carriage returns gone, one element a line.
pub fn session_data(text: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        let mut cleaned = line.to_vec();
        if line.contains(&b'\r') {
            cleaned.retain(|byte| *byte != b'\r');
        }
        if line.contains(&b'\t') {
            cleaned.iter_mut().filter(|byte| **byte == b'\t').for_each(|byte| *byte = b' ');
        }
        lines.push(cleaned);
    }
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

/// One streamed event, keys in the agent's order.
pub fn message(envelope: &Envelope, now: Timestamp, lines: &[Vec<u8>]) -> String {
    let size: usize = lines.iter().map(|line| line.len() + 3).sum();
    let mut out = String::with_capacity(size + 400);
    let mut text = |key: &str, value: &str, close: &str| {
        out.push_str(key);
        push_go_string(&mut out, value.as_bytes(), envelope.short_escapes);
        out.push_str(close);
    };
    text("{\"eventVersion\":", "1.0", "");
    text(",\"eventTime\":", &whole_seconds(now), "");
    text(",\"awsRegion\":", &envelope.region, "");
    text(",\"target\":{\"id\":", &envelope.target, "}");
    text(",\"userIdentity\":{\"arn\":", &envelope.owner, "}");
    text(",\"runAsUser\":", &envelope.run_as_user, "");
    text(",\"sessionId\":", &envelope.session_id, ",\"sessionData\":[");
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        push_go_string(&mut out, line, envelope.short_escapes);
    }
    out.push_str("]}");
    out
}

/// RFC 3339 in UTC, whole seconds, `Z`.
pub fn whole_seconds(time: Timestamp) -> String {
    let floor = time.round(jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Floor));
    floor.unwrap_or(time).to_string()
}

/// A JSON string as Go's `encoding/json` writes it with HTML escaping; each invalid byte becomes U+FFFD.
fn push_go_string(out: &mut String, bytes: &[u8], short_escapes: bool) {
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(at) = rest.find(must_be_escaped) {
            let (plain, tail) = rest.split_at(at);
            out.push_str(plain);
            let mut characters = tail.chars();
            match characters.next() {
                Some('"') => out.push_str("\\\""),
                Some('\\') => out.push_str("\\\\"),
                Some('\n') => out.push_str("\\n"),
                Some('\r') => out.push_str("\\r"),
                Some('\t') => out.push_str("\\t"),
                Some('\u{8}') if short_escapes => out.push_str("\\b"),
                Some('\u{c}') if short_escapes => out.push_str("\\f"),
                // Writing to a String cannot fail.
                Some(other) => drop(write!(out, "\\u{:04x}", u32::from(other))),
                None => {}
            }
            rest = characters.as_str();
        }
        out.push_str(rest);
        for _ in chunk.invalid() {
            out.push_str("\\ufffd");
        }
    }
    out.push('"');
}

/// What `encoding/json` does not write as it is.
fn must_be_escaped(character: char) -> bool {
    matches!(character, '"' | '\\' | '<' | '>' | '&' | '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}')
}

fn strip_or_keep(unit: &[u8]) -> Vec<u8> {
    strip(unit).unwrap_or_else(|| unit.to_vec())
}

/// The agent's ANSI stripper: `None` if a sequence is not understood, upon which the agent keeps the whole line.
///
/// It works on bytes, so UTF-8 continuation bytes 0x80 to 0x9f count as C1 controls and are lost.
pub fn strip(unit: &[u8]) -> Option<Vec<u8>> {
    if unit.is_ascii() && !unit.contains(&0x1b) {
        return Some(unit.to_vec());
    }
    let mut out = Vec::with_capacity(unit.len());
    let mut rest = unit;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match byte {
            0x1b => {
                let (&kind, tail) = tail.split_first()?;
                match kind {
                    b'[' => skip_control_sequence(tail)?,
                    b']' | b'P' | b'X' | b'^' | b'_' => skip_string(tail)?,
                    b'N' | b'O' => tail.split_first()?.1,
                    0x40..=0x7e => tail,
                    _ => return None,
                }
            }
            0x9b => skip_control_sequence(tail)?,
            0x8e | 0x8f => tail.split_first()?.1,
            0x80..=0x9f => tail,
            other => {
                out.push(other);
                tail
            }
        };
    }
    Some(out)
}

fn skip_control_sequence(bytes: &[u8]) -> Option<&[u8]> {
    let parameters = bytes.iter().take_while(|byte| (0x30..=0x3f).contains(*byte)).count();
    let (parameters, tail) = bytes.split_at_checked(parameters)?;
    let intermediates = tail.iter().take_while(|byte| (0x20..=0x2f).contains(*byte)).count();
    let (intermediates, tail) = tail.split_at_checked(intermediates)?;
    let (&last, tail) = tail.split_first()?;
    if !(0x40..=0x7e).contains(&last) {
        return None;
    }
    let count = if parameters.is_empty() { 0 } else { parameters.split(|byte| *byte == b';').count() };
    let private = parameters.first().is_some_and(|byte| (0x3c..=0x3f).contains(byte));
    (private || !intermediates.is_empty() || count <= most_parameters(last)).then_some(tail)
}

/// How many parameters a control function takes (ECMA-48).
fn most_parameters(last: u8) -> usize {
    match last {
        b'H' | b'f' | b'R' | b'r' => 2,
        b'm' | b'h' | b'l' | b'o' | b'p'..=b'~' => usize::MAX,
        _ => 1,
    }
}

fn skip_string(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.windows(2).position(|pair| pair == b"\x1b\\")?;
    bytes.get(end + 2..)
}

/// The file that `script` makes of a recording when the session is over; its dates are those of the conversion.
pub fn transcript(recording: &Recording, source: &str, began: Timestamp, done: Timestamp) -> Vec<u8> {
    if recording.windows {
        return recording.bytes.clone();
    }
    let stamp = |time: Timestamp| time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S+00:00").to_string();
    let mut out = Vec::with_capacity(recording.bytes.len() + 256);
    out.extend_from_slice(
        format!("Script started on {} [COMMAND=\"cat {source}\" <not executed on terminal>]\n", stamp(began))
            .as_bytes(),
    );
    // cat writes to another terminal, which puts a carriage return before each line feed once more.
    for byte in &recording.bytes {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out.extend_from_slice(format!("\nScript done on {} [COMMAND_EXIT_CODE=\"0\"]\n", stamp(done)).as_bytes());
    out
}

/// The log events of a transcript: whole lines up to 200,000 bytes each, the last line feed of each gone.
pub fn transcript_messages(transcript: &[u8]) -> Vec<String> {
    let mut messages = Vec::new();
    let mut text: Vec<u8> = Vec::new();
    for line in transcript.split_inclusive(|byte| *byte == b'\n') {
        for piece in line.chunks(TRANSCRIPT_EVENT_BYTES) {
            if !text.is_empty() && text.len() + piece.len() > TRANSCRIPT_EVENT_BYTES {
                messages.push(transcript_message(&text));
                text.clear();
            }
            match piece.strip_suffix(b"\r\n") {
                Some(body) => {
                    text.extend_from_slice(body);
                    text.push(b'\n');
                }
                None => text.extend_from_slice(piece),
            }
        }
    }
    if !text.is_empty() {
        messages.push(transcript_message(&text));
    }
    messages
}

fn transcript_message(text: &[u8]) -> String {
    String::from_utf8_lossy(text.strip_suffix(b"\n").unwrap_or(text)).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use proptest::prelude::*;

    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            region: "eu-west-1".into(),
            target: "i-0a1b2c3d4e5f67890".into(),
            owner: "arn:aws:iam::111122223333:user/bob".into(),
            run_as_user: "ssm-user".into(),
            session_id: "bob-0a9b8c7d6e5f43210".into(),
            short_escapes: true,
        }
    }

    fn data(bytes: &[u8]) -> Vec<String> {
        let mut recording = Recording::new(false);
        recording.feed(bytes);
        let now = "2025-03-04T09:15:22.9Z".parse().unwrap();
        let mut lines = Vec::new();
        for message in recording.take_messages(&envelope(), now) {
            let json: serde_json::Value = serde_json::from_str(&message).unwrap();
            lines.extend(json["sessionData"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()));
        }
        lines
    }

    #[test]
    fn an_event_is_the_agents_to_the_byte() {
        let mut recording = Recording::new(false);
        recording.feed(b"sh-4.2$ whoami && id -u > /srv/x\r\nssm-user\r\nsh-4.2$ ");
        let now = "2025-03-04T09:15:22.9Z".parse().unwrap();
        assert_eq!(
            recording.take_messages(&envelope(), now),
            [concat!(
                r#"{"eventVersion":"1.0","eventTime":"2025-03-04T09:15:22Z","awsRegion":"eu-west-1","#,
                r#""target":{"id":"i-0a1b2c3d4e5f67890"},"userIdentity":{"arn":"arn:aws:iam::111122223333:user/bob"},"#,
                r#""runAsUser":"ssm-user","sessionId":"bob-0a9b8c7d6e5f43210","#,
                r#""sessionData":["sh-4.2$ whoami \u0026\u0026 id -u \u003e /srv/x","ssm-user"]}"#
            )]
        );
        assert!(!recording.has_unit(), "the prompt is withheld");
        recording.finish();
        assert!(recording.take_messages(&envelope(), now)[0].ends_with(r#""sessionData":["sh-4.2$ "]}"#));
    }

    #[test]
    fn backspaces_depend_on_the_agents_go() {
        let mut out = String::new();
        push_go_string(&mut out, b"lss\x08\x0c\x07\x7f", true);
        push_go_string(&mut out, b"lss\x08\x0c\x07", false);
        assert_eq!(out, "\"lss\\b\\f\\u0007\u{7f}\"\"lss\\u0008\\u000c\\u0007\"");
    }

    #[test]
    fn colours_go_and_titles_keep_the_whole_line() {
        assert_eq!(data(b"\x1b[01;34mbin\x1b[0m\tsrc\x1b[K\r\n"), ["bin src"]);
        assert_eq!(data(b"\x1b]0;t\x07\x1b[1mx\x1b[0m\r\n"), ["\u{1b}]0;t\u{7}\u{1b}[1mx\u{1b}[0m"]);
        assert_eq!(data(b"\x1b(B\x1b[mtop\r\n"), ["\u{1b}(B\u{1b}[mtop"]);
        assert_eq!(data(b"\x1b[0;1Kx\n"), ["\u{1b}[0;1Kx"]);
        assert_eq!(data(b"\x1b]0;t\x07VISIBLE\x1b\\after\n"), ["after"]);
        assert_eq!(data(b"a\x1b\n"), ["a\u{1b}"]);
    }

    #[test]
    fn continuation_bytes_count_as_controls() {
        assert_eq!(data("don’t\n".as_bytes()), ["don\u{fffd}t"]);
        assert_eq!(data("é 你好\n".as_bytes()), ["é 你好"]);
        assert_eq!(data("Île\n".as_bytes()), ["\u{fffd}e"]);
    }

    #[test]
    fn carriage_returns_are_deleted_not_applied() {
        assert_eq!(data(b"  33%\r  66%\r  99%\n\n"), ["  33%  66%  99%", ""]);
    }

    #[test]
    fn a_flood_is_four_events_a_tick_and_a_backlog() {
        let mut recording = Recording::new(false);
        recording.feed(&b"0123456789012345678901234567890123456789012345678\n".repeat(10_000));
        let texts = recording.take_texts();
        assert_eq!(texts.len(), 4);
        assert!(texts.iter().all(|text| text.len() == 33_000));
        assert!(recording.has_unit());
        let mut ticks = 1;
        while !recording.take_texts().is_empty() {
            ticks += 1;
        }
        assert_eq!(ticks, 4, "500,000 bytes at 132,000 a tick");
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut recording = Recording::new(false);
        recording.feed(&[b'A'; 100_000]);
        let sizes: Vec<usize> = recording.take_texts().iter().map(Vec::len).collect();
        assert_eq!(sizes, [33_000, 33_000, 33_000]);
        recording.feed(b"\r\n");
        assert_eq!(recording.take_texts()[0].len(), 1_002);
    }

    #[test]
    fn a_transcript_doubles_carriage_returns() {
        let mut recording = Recording::new(false);
        recording.feed(b"$ id\r\nuid=0\r\n");
        let time = "2025-03-04T10:02:11Z".parse().unwrap();
        let file = transcript(&recording, "ipcTempFile.log", time, time);
        assert!(file.windows(6).any(|bytes| bytes == b"id\r\r\nu"));
        let messages = transcript_messages(&file);
        assert_eq!(messages.len(), 1);
        assert!(messages[0].starts_with("Script started on 2025-03-04 10:02:11+00:00"));
        assert!(messages[0].contains("$ id\r\nuid=0\r\n\nScript done on"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_bytes_break_the_pipeline(bytes in proptest::collection::vec(any::<u8>(), 0..1_500), copies in 1..50_usize) {
            let mut recording = Recording::new(false);
            recording.feed(&bytes.repeat(copies));
            recording.finish();
            let now = Timestamp::UNIX_EPOCH;
            let mut left = 1_000;
            loop {
                let texts = recording.take_texts();
                prop_assert!(texts.len() <= EVENTS_PER_TICK);
                for text in &texts {
                    prop_assert!(text.len() <= STREAM_EVENT_BYTES);
                    let text = message(&envelope(), now, &session_data(text));
                    prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
                }
                left -= 1;
                prop_assert!(left > 0, "it must come to an end");
                if !recording.has_unit() {
                    break;
                }
            }
        }

        #[test]
        fn the_stripper_only_takes_away(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(stripped) = strip(&bytes) {
                prop_assert!(stripped.len() <= bytes.len());
                prop_assert!(!stripped.contains(&0x1b));
            }
        }
    }
}
