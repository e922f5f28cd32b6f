//! The recording: asciicast v2, as `asciinema play` reads it (docs.asciinema.org/manual/asciicast/v2).

use std::io::{self, Seek, SeekFrom, Write};

use jiff::Timestamp;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::write_json;

/// Columns of the recording: those of the longest line, within these bounds. Longer lines wrap.
const COLUMNS: (usize, usize) = (80, 200);
const ROWS: usize = 24;

/// The first line.
#[derive(Serialize)]
struct Header<'a> {
    version: u8,
    width: usize,
    height: usize,
    timestamp: i64,
    title: &'a str,
    env: Environment,
}

#[derive(Serialize)]
struct Environment {
    #[serde(rename = "TERM")]
    term: &'static str,
}

/// A recording that is being written. Its texts are clean: no character of them is interpreted by a terminal.
pub(super) struct Cast<W: Write + Seek> {
    out: W,
    title: String,
    start: Option<Timestamp>,
    /// Milliseconds since the start; never back.
    clock: i128,
    columns: usize,
    /// Bytes of the header's place.
    room: usize,
}

impl<W: Write + Seek> Cast<W> {
    /// Begins a recording; what its header says of size and time is known only at the end, and written then in its place.
    pub(super) fn new(mut out: W, title: &str, start: Option<Timestamp>) -> io::Result<Self> {
        let mut room = Vec::new();
        write_json(&mut room, &header(title, COLUMNS.1, i64::MAX))?;
        let room = room.len();
        out.write_all(&padded(Vec::new(), room))?;
        Ok(Self { out, title: title.to_owned(), start, clock: 0, columns: COLUMNS.0, room })
    }

    /// A line of clean text.
    pub(super) fn line(&mut self, at: Timestamp, text: &str) -> io::Result<()> {
        self.columns = self.columns.max(text.width().min(COLUMNS.1));
        self.event(at, "o", &format!("{text}\r\n"))
    }

    /// A marker, by which a player can jump.
    pub(super) fn marker(&mut self, at: Timestamp, label: &str) -> io::Result<()> {
        self.event(at, "m", label)
    }

    fn event(&mut self, at: Timestamp, kind: &str, data: &str) -> io::Result<()> {
        let start = *self.start.get_or_insert(at);
        self.clock = self.clock.max(at.duration_since(start).as_millis());
        let (seconds, millis) = (self.clock / 1000, self.clock % 1000);
        write!(self.out, "[{seconds}.{millis:03},\"{kind}\",")?;
        let mut data_json = Vec::new();
        write_json(&mut data_json, &data)?;
        data_json.pop();
        self.out.write_all(&data_json)?;
        self.out.write_all(b"]\n")
    }

    /// Writes the header; how many columns the recording has.
    pub(super) fn finish(mut self) -> io::Result<usize> {
        let timestamp = self.start.map_or(0, Timestamp::as_second).max(0);
        let mut line = Vec::new();
        write_json(&mut line, &header(&self.title, self.columns, timestamp))?;
        line.pop();
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&padded(line, self.room))?;
        self.out.flush()?;
        Ok(self.columns)
    }
}

fn header(title: &str, width: usize, timestamp: i64) -> Header<'_> {
    Header { version: 2, width, height: ROWS, timestamp, title, env: Environment { term: "xterm-256color" } }
}

/// A line that fills its place: blanks behind JSON are JSON.
fn padded(mut line: Vec<u8>, room: usize) -> Vec<u8> {
    line.resize(room.saturating_sub(1), b' ');
    line.push(b'\n');
    line
}
