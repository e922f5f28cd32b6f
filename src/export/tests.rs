#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
use std::{cell::RefCell, io::Cursor, rc::Rc};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::transcript::{
    sanitize::tests::{hostile_text, is_forbidden},
    tests::{event, streamed},
};

/// A file in memory that outlives its writer.
#[derive(Clone, Default)]
struct File(Rc<RefCell<Cursor<Vec<u8>>>>);

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for File {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.0.borrow_mut().seek(to)
    }
}

impl File {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().get_ref().clone()).unwrap()
    }

    fn values(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// What an export wrote.
#[derive(Default)]
struct Written {
    transcript: File,
    commands: File,
    cast: File,
    detections: File,
    counts: Counts,
    columns: usize,
}

impl Written {
    /// Exports what `feed` takes in.
    fn of(masked: bool, detector: Option<Box<Detector<'_>>>, feed: impl FnOnce(&mut Recorder<'_, File>)) -> Self {
        let mut written = Self::default();
        let sinks = Sinks {
            transcript: written.transcript.clone(),
            commands: written.commands.clone(),
            cast: written.cast.clone(),
            detections: detector.map(|detector| (written.detections.clone(), detector)),
        };
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        let mut recorder = Recorder::new(sinks, "jane-0a1b", Some(start), masked).unwrap();
        feed(&mut recorder);
        (written.counts, written.columns) = recorder.finish().unwrap();
        written
    }

    fn events(messages: &[&str]) -> Self {
        Self::of(true, None, |recorder| recorder.events(&events(messages)).unwrap())
    }

    /// The events of the recording; its header is right, and its times never go back.
    fn cast(&self) -> Vec<(f64, String, String)> {
        let values = self.cast.values();
        let header = &values[0];
        assert_eq!((&header["version"], &header["height"]), (&json!(2), &json!(24)));
        assert_eq!((&header["title"], &header["timestamp"]), (&json!("jane-0a1b"), &json!(1_700_000_000)));
        assert_eq!(header["width"], self.columns);
        let read = |value: &Value| {
            assert_eq!(value.as_array().unwrap().len(), 3);
            (value[0].as_f64().unwrap(), value[1].as_str().unwrap().to_owned(), value[2].as_str().unwrap().to_owned())
        };
        let events: Vec<_> = values[1..].iter().map(read).collect();
        assert!(events.is_sorted_by(|first, second| first.0 <= second.0), "{events:?}");
        events
    }

    fn output(&self) -> String {
        self.cast().into_iter().filter(|event| event.1 == "o").map(|event| event.2).collect()
    }

    fn markers(&self) -> Vec<String> {
        self.cast().into_iter().filter(|event| event.1 == "m").map(|event| event.2).collect()
    }

    fn texts(&self) -> Vec<String> {
        self.transcript.values().iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect()
    }
}

fn events(messages: &[&str]) -> Vec<LogEvent> {
    messages.iter().zip(0..).map(|(message, second)| event(second, *message)).collect()
}

#[test]
fn lines_commands_and_recording_say_the_same() {
    let written = Written::events(&[
        &streamed(&["sh-5.2$ sudo -i", "sh-5.2# whoami"]),
        &streamed(&["root", "sh-5.2# rm fil\u{8} \u{8}\u{8} \u{8}old"]),
        &streamed(&["sh-5.2# exit"]),
    ]);
    let lines = written.transcript.values();
    assert_eq!(written.counts, Counts { lines: 5, commands: 4, ..Counts::default() });
    assert_eq!(
        lines[0],
        json!({"line": 0, "at": "2023-11-14T22:13:20Z", "ingested_at": "2023-11-14T22:13:21Z", "kind": "streamed",
               "source": "stream", "text": "sh-5.2$ sudo -i", "uncertain": false, "repeated": false, "forged": false, "readings": []})
    );
    let commands = written.commands.values();
    let texts: Vec<_> = commands.iter().map(|command| command["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["sudo -i", "whoami", "rm fold", "exit"]);
    assert_eq!((&commands[1]["line"], &commands[1]["output"]), (&json!(1), &json!(2)));
    assert_eq!(written.markers(), texts);
    assert_eq!(written.output(), written.texts().join("\r\n") + "\r\n");
    let cast = written.cast();
    assert_eq!(cast[0], (0.0, "m".into(), "sudo -i".into()), "a marker comes before its line");
    assert_eq!(cast[1], (0.0, "o".into(), "sh-5.2$ sudo -i\r\n".into()));
    assert_eq!(cast.last().unwrap().0, 2.0);
    assert_eq!(written.detections.text(), "");
}

#[test]
fn a_command_of_several_events_is_one_with_one_marker() {
    let written = Written::events(&[
        &streamed(&["sh-5.2$ for i in 1 2"]),
        &streamed(&["> do echo $i"]),
        &streamed(&["> done", "1", "2"]),
        &streamed(&["sh-5.2$ id"]),
    ]);
    assert_eq!(written.markers(), ["for i in 1 2; do echo $i; done", "id"]);
    assert_eq!(written.commands.values().len(), 2);
    let kinds: String = written.cast().iter().map(|event| event.1.as_str()).collect();
    assert_eq!(kinds, "mooooomo");
}

#[test]
fn gaps_and_full_screen_programs_are_marked() {
    let at = |second: i64| Timestamp::from_second(1_700_000_000 + second).unwrap();
    let vi = streamed(&["sh-5.2$ vi a.conf", "\u{1b}[?1049h\u{1b}[2Jlisten = 80", "~\u{1b}[?1049l", "sh-5.2$ "]);
    let written = Written::of(true, None, |recorder| {
        recorder.events(&events(&[&vi])).unwrap();
        recorder.gap(at(1), "the log stream was deleted").unwrap();
        recorder.object(b"Script started on a day\nsh-5.2$ id\nuid=0\n", at(60), Some(at(70))).unwrap();
        recorder.gap(at(60), "the rest was not read").unwrap();
    });
    let lines = written.transcript.values();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["streamed", "screen", "streamed", "gap", "marker", "plain", "plain", "gap"]);
    assert_eq!(
        (&lines[1]["program"], &lines[1]["line_count"], &lines[1]["open"]),
        (&"vi".into(), &2.into(), &false.into())
    );
    assert_eq!(lines[1]["folded"][0], "listen = 80");
    assert_eq!((&lines[3]["from"], &lines[3]["until"]), (&json!(at(1)), &json!(at(60))));
    assert_eq!((&lines[3]["why"], &lines[3]["ingested_at"]), (&"the log stream was deleted".into(), &Value::Null));
    assert_eq!((&lines[5]["source"], &lines[5]["ingested_at"]), (&"object".into(), &json!(at(70))));
    assert_eq!((&lines[7]["until"], &lines[0]["source"]), (&Value::Null, &"stream".into()));
    assert_eq!(written.counts, Counts { lines: 8, commands: 2, gaps: 2, screens: 1, detections: None, evicted: 0 });
    let gap = "gap from 22:13:21 UTC to 22:14:20 UTC: the log stream was deleted";
    assert!(written.output().contains(&format!("── {gap} ──\r\n")), "{}", written.output());
    assert!(written.output().contains("── vi: full screen, 2 lines folded"), "{}", written.output());
    assert!(written.markers().contains(&gap.to_owned()));
}

#[test]
fn secrets_are_masked_everywhere_unless_they_are_to_stay() {
    let message = streamed(&["sh-5.2$ mysql --password hunter2", "AKIAIOSFODNN7EXAMPLE", "sh-5.2$ "]);
    for masked in [true, false] {
        let written = Written::of(masked, None, |recorder| recorder.events(&events(&[&message])).unwrap());
        for file in [&written.transcript, &written.commands, &written.cast] {
            assert_eq!(file.text().contains("hunter2"), !masked, "{}", file.text());
            assert_eq!(file.text().contains("--password [masked]"), masked, "{}", file.text());
        }
        assert_eq!(written.cast.text().contains("IOSFODNN7"), !masked);
    }
}

#[test]
fn what_a_detector_answers_is_written() {
    let detector = |heard: &Heard, transcript: &Transcript| match heard {
        Heard::Output(number) => vec![json!({"line": number, "text": transcript.line(*number).unwrap().text()})],
        Heard::Command(command) => vec![json!({"command": *command.text, "secret": "PGPASSWORD=hunter2"})],
        Heard::Folded(_) => Vec::new(),
    };
    let message = streamed(&["sh-5.2$ id", "uid=0", "sh-5.2$ "]);
    let written =
        Written::of(true, Some(Box::new(detector)), |recorder| recorder.events(&events(&[&message])).unwrap());
    assert_eq!(written.counts.detections, Some(2));
    assert_eq!(
        written.detections.values(),
        [json!({"command": "id", "secret": "PGPASSWORD=[masked]"}), json!({"line": 1, "text": "uid=0"})]
    );
}

#[test]
fn the_recording_is_as_wide_as_its_longest_line_within_bounds() {
    for (length, columns) in [(10, 80), (150, 150), (3000, 200)] {
        assert_eq!(Written::events(&[&streamed(&[&"x".repeat(length)])]).columns, columns);
    }
}

#[test]
fn times_that_go_back_do_not_in_the_recording() {
    let written = Written::of(true, None, |recorder| {
        recorder.events(&[event(-5, "early"), event(30, "later"), event(10, "back")]).unwrap();
    });
    let times: Vec<_> = written.cast().into_iter().map(|event| event.0).collect();
    assert_eq!(times, [0.0, 30.0, 30.0]);
    let long = Written::of(true, None, |recorder| recorder.events(&[event(86_400, "a day later")]).unwrap());
    assert_eq!(long.cast()[0].0, 86_400.0, "silences are kept");
}

#[test]
fn an_object_in_pieces_is_read_as_one() {
    let lines: Vec<String> = (0..40_000).map(|number| format!("line {number:06} of the object")).collect();
    let text = lines.join("\n") + "\n";
    assert!(pieces(&text).count() > 2);
    assert_eq!(pieces(&text).collect::<String>(), text);
    let object = format!("{text}{}\nend", "x".repeat(PIECE));
    let written =
        Written::of(true, None, |recorder| recorder.object(object.as_bytes(), Timestamp::UNIX_EPOCH, None).unwrap());
    let texts = written.texts();
    assert_eq!(texts.len(), lines.len() + 2);
    assert_eq!(texts[..lines.len()], lines);
    assert_eq!(texts.last().unwrap(), "end");
}

#[test]
fn an_object_that_looks_like_the_agents_json_is_text() {
    let json = streamed(&["nothing to see"]);
    let written = Written::of(true, None, |recorder| {
        recorder.object(json.as_bytes(), Timestamp::UNIX_EPOCH, None).unwrap();
    });
    assert_eq!(written.texts(), [json]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_that_a_session_printed_reaches_the_terminal_that_plays_it(
        messages in prop::collection::vec(
            prop_oneof![
                hostile_text(),
                prop::collection::vec(hostile_text(), 0..10)
                    .prop_map(|lines| streamed(&lines.iter().map(String::as_str).collect::<Vec<_>>())),
            ],
            1..4,
        ),
        object in hostile_text(),
        masked: bool,
    ) {
        let written = Written::of(masked, None, |recorder| {
            let messages: Vec<_> = messages.iter().map(String::as_str).collect();
            recorder.events(&events(&messages)).unwrap();
            recorder.gap(Timestamp::UNIX_EPOCH, &object).unwrap();
            recorder.object(object.as_bytes(), Timestamp::UNIX_EPOCH, None).unwrap();
        });
        for (_, kind, data) in written.cast() {
            let text = if kind == "o" { data.strip_suffix("\r\n").unwrap() } else { &data };
            prop_assert_eq!(text.chars().find(|c| is_forbidden(*c)), None);
        }
        // Nor that of whoever reads the files as they are.
        for file in [&written.transcript, &written.commands, &written.cast] {
            prop_assert_eq!(file.text().chars().find(|c| is_forbidden(*c) && *c != '\n'), None);
        }
        // A line of the transcript is a line of the recording.
        let lines = written.transcript.values();
        prop_assert_eq!(written.output().matches("\r\n").count(), lines.len());
        prop_assert!(lines.iter().zip(0_u64..).all(|(line, number)| line["line"] == number));
        prop_assert_eq!(written.counts.evicted, 0);
    }
}
