//! One session as files: its transcript and its commands as JSON lines, a recording that `asciinema play` plays, and what is known of it
//! beside: facts, verdicts, alerts, acts, CloudTrail's records.
//!
//! The log is written line by line while it is read, so that a log of any length takes no more memory than one of
//! its events. Nothing that the session printed is in a file as it was: texts are cleaned, and secrets masked.
//!
//! Two exports of a session that ended are alike to the byte, but for times: when something was read, and when the export was made.

mod cast;
mod evidence;
mod folder;
mod known;
mod manifest;
mod read;
mod record;
mod remembered;
mod secrets;

use std::{
    collections::VecDeque,
    io::{self, Seek, Write},
};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

pub use evidence::{ChainEnd, EvidenceCounts, WrittenEvidence, write_evidence};
pub use folder::{Folder, WrittenFile, taken};
pub use known::{Known, Others};
pub use manifest::{ArchiveRead, Manifest, NothingRecorded};
pub use remembered::Remembered;

use crate::{
    domain::LogEvent,
    report::{fit, safe_json},
    transcript::{Command, Glyphs, Heard, Line, LineKind, Transcript},
};
use cast::Cast;
use record::{CommandRecord, LineRecord};
use secrets::Secrets;

/// The transcript's file.
pub const TRANSCRIPT: &str = "transcript.jsonl";
/// The commands' file.
pub const COMMANDS: &str = "commands.jsonl";
/// The detections' file: only where there is a detector.
pub const DETECTIONS: &str = "detections.jsonl";
/// The recording's file.
pub const CAST: &str = "session.cast";
/// The facts' file.
pub const FACTS: &str = "facts.json";
/// The verdicts' file.
pub const VERDICTS: &str = "verdicts.json";
/// The alerts' file.
pub const ALERTS: &str = "alerts.json";
/// The file of the records of acts.
pub const ACTS: &str = "acts.jsonl";
/// The file of CloudTrail's records.
pub const TRAIL: &str = "trail.jsonl";
/// What was exported from where; written last, so that it stands for a complete export.
pub const MANIFEST: &str = "export.json";
/// All files that an export may write.
pub const FILES: [&str; 10] = [TRANSCRIPT, COMMANDS, DETECTIONS, CAST, FACTS, VERDICTS, ALERTS, ACTS, TRAIL, MANIFEST];

/// Bytes of an archive object that are taken in at once, at the end of a line.
const PIECE: usize = 256 * 1024;
/// A piece does not end with a longer line: it would be taken for one that the agent cut.
const LAST_LINE: usize = 64 * 1024;
/// Cells of a marker's label.
const LABEL: usize = 120;

/// What looks at everything that is heard, while its lines are still held, and answers what it detected, as it is to be written.
pub type Detector<'a> = dyn FnMut(&Heard, &Transcript) -> Vec<Value> + Send + 'a;

/// Where the parts of an export go.
pub struct Sinks<'a, W> {
    /// The transcript.
    pub transcript: W,
    /// The commands.
    pub commands: W,
    /// The recording.
    pub cast: W,
    /// The detections and who finds them: a file without a detector would claim that there are none.
    pub detections: Option<(W, Box<Detector<'a>>)>,
}

/// How much was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Lines of the transcript, gaps and folded programs included.
    pub lines: u64,
    /// Commands.
    pub commands: u64,
    /// Gaps.
    pub gaps: u64,
    /// Full-screen programs, each folded into one line.
    pub screens: u64,
    /// Detections; nothing: nobody looked.
    pub detections: Option<u64>,
    /// Lines that were lost on the way.
    pub evicted: u64,
}

/// Writes the parts of an export while the log of the session is read.
pub struct Recorder<'a, W: Write + Seek> {
    transcript: Transcript,
    detector: Option<(W, Box<Detector<'a>>)>,
    out: Out<W>,
    /// The number of the first line that was not written yet.
    written: u64,
}

/// What lines and commands are written to.
struct Out<W: Write + Seek> {
    lines: W,
    commands: W,
    cast: Cast<W>,
    secrets: Secrets,
    source: Source,
    counts: Counts,
    /// Commands that may still go on, or whose lines were not written yet; oldest first.
    heard: VecDeque<Command>,
    /// Lines of the first of them: its marker comes before them, once it is complete.
    held: Vec<(Timestamp, String)>,
}

/// Where lines are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Stream,
    /// The archive object that was written then, if the service says.
    Object(Option<Timestamp>),
}

impl<'a, W: Write + Seek> Recorder<'a, W> {
    /// Begins the files of the session that is called `title` and began at `start`. `masked`: what looks like a secret is masked.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn new(sinks: Sinks<'a, W>, title: &str, start: Option<Timestamp>, masked: bool) -> io::Result<Self> {
        let counts = Counts { detections: sinks.detections.as_ref().map(|_| 0), ..Counts::default() };
        Ok(Self {
            transcript: Transcript::new(usize::MAX, Glyphs::Unicode),
            detector: sinks.detections,
            out: Out {
                lines: sinks.transcript,
                commands: sinks.commands,
                cast: Cast::new(sinks.cast, title, start)?,
                secrets: Secrets::new(masked),
                source: Source::Stream,
                counts,
                heard: VecDeque::new(),
                held: Vec::new(),
            },
            written: 0,
        })
    }

    /// Whose stream it is: what is forged is marked.
    pub fn expect(&mut self, identity: crate::domain::PayloadIdentity) {
        self.transcript.expect(identity);
    }

    /// Takes in events of the stream, in the service's order.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn events(&mut self, events: &[LogEvent]) -> io::Result<()> {
        for event in events {
            let heard = self.transcript.push(std::slice::from_ref(event));
            self.take(heard)?;
        }
        Ok(())
    }

    /// When the last line was printed that was taken in.
    pub fn last_at(&self) -> Option<Timestamp> {
        self.transcript.lines().back().map(|line| line.at)
    }

    /// Marks that nothing is there from then on, until something else comes.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn gap(&mut self, from: Timestamp, why: &str) -> io::Result<()> {
        self.transcript.open_gap(from, why);
        let heard = self.transcript.end();
        self.take(heard)
    }

    /// Takes in an archive object, which was uploaded after the end at `ended`, and written at `modified_at`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn object(&mut self, bytes: &[u8], ended: Timestamp, modified_at: Option<Timestamp>) -> io::Result<()> {
        self.out.source = Source::Object(modified_at);
        let text = String::from_utf8_lossy(bytes);
        for piece in pieces(&text) {
            let heard = self.transcript.push_text(ended, modified_at.unwrap_or(ended), piece);
            self.take(heard)?;
        }
        Ok(())
    }

    /// Writes what is left; says how much was written, and how wide the recording is.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn finish(mut self) -> io::Result<(Counts, usize)> {
        let heard = self.transcript.end();
        self.hear(heard)?;
        self.write_lines(true)?;
        while self.out.settle_first()? {}
        let Out { mut lines, mut commands, cast, counts, .. } = self.out;
        lines.flush()?;
        commands.flush()?;
        if let Some((mut detections, _)) = self.detector {
            detections.flush()?;
        }
        Ok((counts, cast.finish()?))
    }

    fn take(&mut self, heard: Vec<Heard>) -> io::Result<()> {
        self.hear(heard)?;
        self.write_lines(false)?;
        self.transcript.forget_lines();
        Ok(())
    }

    fn hear(&mut self, all: Vec<Heard>) -> io::Result<()> {
        for heard in all {
            if let Some((file, detector)) = &mut self.detector {
                for mut detection in detector(&heard, &self.transcript) {
                    self.out.secrets.mask_value(&mut detection);
                    write_json(file, &detection)?;
                    *self.out.counts.detections.get_or_insert_default() += 1;
                }
            }
            let Heard::Command(command) = heard else { continue };
            match self.out.heard.back_mut().filter(|last| last.line == command.line) {
                Some(last) => *last = command,
                None => self.out.heard.push_back(command),
            }
        }
        Ok(())
    }

    /// Writes the lines that cannot change any more: all but the last, which `all` includes. All of them were heard.
    fn write_lines(&mut self, all: bool) -> io::Result<()> {
        let first = self.transcript.evicted_lines();
        let end = (first + self.transcript.lines().len() as u64).saturating_sub(u64::from(!all));
        self.out.counts.evicted += first.saturating_sub(self.written);
        self.written = self.written.max(first);
        while self.written < end {
            let Some(line) = self.transcript.line(self.written) else { break };
            self.out.line(self.written, line)?;
            self.written += 1;
        }
        Ok(())
    }
}

impl<W: Write + Seek> Out<W> {
    fn line(&mut self, number: u64, line: &Line) -> io::Result<()> {
        // A command goes on only in the line right behind it.
        while self.heard.front().is_some_and(|command| command.output <= number) {
            self.settle_first()?;
        }
        let text = self.secrets.line(line.text());
        let (source, ingested_at) = match (&line.kind, self.source) {
            (LineKind::Gap(_), _) => (None, None),
            (_, Source::Stream) => (Some("stream"), Some(line.ingested_at)),
            (_, Source::Object(modified_at)) => (Some("object"), modified_at),
        };
        let record = LineRecord::new(number, line, &text, source, ingested_at, &self.secrets);
        write_json(&mut self.lines, &record)?;
        self.counts.lines += 1;
        let text = match &line.kind {
            LineKind::Gap(_) => {
                self.counts.gaps += 1;
                self.cast.marker(line.at, &text)?;
                format!("── {text} ──")
            }
            LineKind::Screen(_) => {
                self.counts.screens += 1;
                format!("── {text} ──")
            }
            LineKind::Streamed | LineKind::Plain | LineKind::Marker => text.into_owned(),
        };
        match self.heard.front() {
            Some(command) if command.line <= number => {
                self.held.push((line.at, text));
                Ok(())
            }
            _ => self.cast.line(line.at, &text),
        }
    }

    /// Writes the oldest command, with its lines behind its marker; says whether there was one.
    fn settle_first(&mut self) -> io::Result<bool> {
        let Some(command) = self.heard.pop_front() else { return Ok(false) };
        let record = CommandRecord::new(&command, &self.secrets);
        write_json(&mut self.commands, &record)?;
        self.counts.commands += 1;
        self.cast.marker(command.at, &fit(record.text(), LABEL))?;
        for (at, text) in self.held.drain(..) {
            self.cast.line(at, &text)?;
        }
        Ok(true)
    }
}

/// Writes one line of JSON without any character that a terminal could be fooled with.
fn write_json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_string(value)?;
    out.write_all((safe_json(&json) + "\n").as_bytes())
}

/// The text in pieces of whole lines.
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let mut end = 0;
        while let Some(rest) = text.get(end..).filter(|rest| !rest.is_empty()) {
            let line = rest.find('\n').map_or(rest.len(), |at| at + 1);
            end += line;
            if end >= PIECE && line <= LAST_LINE {
                break;
            }
        }
        let (piece, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests;
