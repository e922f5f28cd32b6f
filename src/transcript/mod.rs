//! What a session's terminal printed: log events in, lines out. Pure; no I/O, no clock.
//!
//! Everything in here is hostile input. The raw text of a line goes through three stages: the event's format
//! (`payload`), what a terminal would have made of the line (`terminal`), and [`sanitize`], which is the border: nothing
//! behind it is interpreted by the analyst's terminal.

mod absence;
mod command;
mod gap;
mod health;
mod keys;
mod line;
mod mask;
mod payload;
mod prompt;
mod replay;
pub mod sanitize;
mod screen;
mod search;
mod terminal;
mod wrap;

use std::{borrow::Cow, collections::VecDeque, mem};

use jiff::Timestamp;

pub use absence::{NO_STREAM_YET, NoLog, why_no_log};
pub use command::{Certainty, Command, Heard, MOST_COMMANDS};
pub use health::HealthBook;
pub use keys::KeyLines;
pub use line::{Folded, Gap, Line, LineKind};
pub use mask::{mask, secrets};
pub use payload::Payload;
pub use sanitize::{Glyphs, Mark, Marked, Span, Spans, clean, clean_marked, is_hidden};
pub use search::{Direction, Match, Search};
pub use wrap::{wrapped, wrapped_rows};

use crate::domain::{LogEvent, PayloadIdentity};
use command::Reader;
use payload::Message;
use replay::Replays;
use sanitize::offset;
use terminal::{Part, Row};

/// Bytes that one transcript may hold when nothing else is said.
pub const DEFAULT_CAPACITY: usize = 4 * 1024 * 1024;
/// The least capacity: the longest line and the folded output of one full-screen program fit.
pub const MIN_CAPACITY: usize = 512 * 1024;
/// Bytes of a raw line that are shown. The agent cuts lines at 33,000 bytes, no terminal shows more than a few hundred.
pub const SHOWN_BYTES: usize = 8 * 1024;
/// Bytes of a raw line that are kept for matching.
const KEPT_BYTES: usize = 64 * 1024;
/// Bytes of folded output that are kept for one full-screen program.
const FOLDED_BYTES: usize = 128 * 1024;
/// The agent cuts a line at this many bytes (`StreamMessageLengthThresholdInBytes`).
const STREAMED_CUT: usize = 33_000;
/// A cut piece can be shorter after stripping; the last line of an event is taken for one from this length on.
const STREAMED_FRAGMENT: usize = 24_000;
/// The same for plain uploads, which are cut at 200,000 bytes (`MessageLengthThresholdInBytes`).
const PLAIN_FRAGMENT: usize = 150_000;

/// The transcript of one followed session: the latest lines, within a number of bytes.
#[derive(Debug)]
pub struct Transcript {
    lines: VecDeque<Line>,
    bytes: usize,
    capacity: usize,
    glyphs: Glyphs,
    evicted_lines: u64,
    revision: u64,
    started: bool,
    payload: Option<Payload>,
    /// Whose stream it is, to tell what is forged.
    expected: Option<Box<PayloadIdentity>>,
    replays: Replays,
    /// The last line was cut by the agent: the next event's first line continues it.
    open_end: Option<OpenEnd>,
    /// A full-screen program has the screen; the last line stands for it.
    screen: Option<Screen>,
    reader: Reader,
    /// The number of the first line that was not read for commands yet.
    read_to: u64,
    keys: KeyLines,
    /// What was heard in lines that went before their event was read to its end.
    evicted: Vec<Heard>,
    /// Full-screen output that was folded away and not heard yet.
    folded: Vec<Box<str>>,
}

/// A line that the agent cut.
#[derive(Debug)]
struct OpenEnd {
    /// All bytes of the raw line so far.
    raw_bytes: usize,
    streamed: bool,
}

/// A full-screen program that has the screen.
#[derive(Debug)]
struct Screen {
    /// The prompt of the command that started it. The agent strips the sequence that gives the screen back from some
    /// lines; then the same prompt tells that it was given back.
    prompt: Option<Box<str>>,
}

/// What the lines of one event have in common.
#[derive(Debug, Clone, Copy)]
struct Origin {
    at: Timestamp,
    ingested_at: Timestamp,
    streamed: bool,
    repeated: bool,
    /// The payload names somebody else.
    forged: bool,
}

/// A raw text made ready for the screen.
#[derive(Debug)]
struct Shown {
    text: Box<str>,
    marks: Box<[Mark]>,
    uncertain: bool,
    cut_bytes: u64,
    clears: u64,
    alternatives: Option<Box<[Box<str>]>>,
}

impl Default for Transcript {
    fn default() -> Self {
        Self::new(DEFAULT_CAPACITY, Glyphs::Unicode)
    }
}

impl Transcript {
    /// An empty transcript that holds up to `capacity` bytes (at least [`MIN_CAPACITY`]), cleaned for those glyphs.
    pub fn new(capacity: usize, glyphs: Glyphs) -> Self {
        Self {
            lines: VecDeque::new(),
            bytes: 0,
            capacity: capacity.max(MIN_CAPACITY),
            glyphs,
            evicted_lines: 0,
            revision: 0,
            started: false,
            payload: None,
            expected: None,
            replays: Replays::default(),
            open_end: None,
            screen: None,
            reader: Reader::default(),
            read_to: 0,
            keys: KeyLines::default(),
            evicted: Vec::new(),
            folded: Vec::new(),
        }
    }

    /// Whose stream it is: lines of events whose payload names somebody else are marked as forged.
    pub fn expect(&mut self, identity: PayloadIdentity) {
        self.expected = Some(Box::new(identity));
    }

    /// Takes in events in the order in which the service returned them, each once; returns what was heard in them. Lines that
    /// later ones push out are heard as their text alone: give events one by one where lines are wanted.
    pub fn push(&mut self, events: &[LogEvent]) -> Vec<Heard> {
        let mut heard = Vec::new();
        for event in events {
            self.close_gap(event.timestamp);
            self.push_event(event);
            self.hear(&mut heard);
            self.revision += 1;
        }
        heard
    }

    /// Takes in a piece of an archive object, whole lines of it; never read as the agent's JSON. Returns what was heard in it.
    pub fn push_text(&mut self, at: Timestamp, ingested_at: Timestamp, text: &str) -> Vec<Heard> {
        self.close_gap(at);
        let first = !mem::replace(&mut self.started, true);
        self.push_plain(text, Origin { at, ingested_at, streamed: false, repeated: false, forged: false }, first);
        let mut heard = Vec::new();
        self.hear(&mut heard);
        self.revision += 1;
        heard
    }

    /// Nothing comes any more: returns what was heard in a line that could have gone on.
    pub fn end(&mut self) -> Vec<Heard> {
        self.open_end = None;
        let mut heard = Vec::new();
        self.hear(&mut heard);
        heard
    }

    /// The commands so far, oldest first.
    pub fn commands(&self) -> &VecDeque<Command> {
        self.reader.commands()
    }

    /// Commands that are not remembered any more.
    pub fn forgotten_commands(&self) -> u64 {
        self.reader.forgotten()
    }

    /// The line of that number, counted from the transcript's first; nothing: it is gone, or not there yet.
    pub fn line(&self, number: u64) -> Option<&Line> {
        self.lines.get(usize::try_from(number.checked_sub(self.evicted_lines)?).ok()?)
    }

    /// Drops all lines that cannot change any more: for whoever only listens.
    pub fn forget_lines(&mut self) {
        while self.lines.len() > 1 {
            let Some(line) = self.lines.pop_front() else { break };
            self.bytes -= line.bytes();
            self.evicted_lines += 1;
        }
        if let Some(LineKind::Screen(folded)) = self.lines.back_mut().map(|line| &mut line.kind) {
            // It was heard as it came.
            self.bytes -= folded.bytes;
            (folded.lines, folded.bytes) = (VecDeque::new(), 0);
        }
        self.lines.shrink_to(8);
        self.replays.forget();
        self.reader.forget();
    }

    /// Reads the lines that cannot grow any more.
    fn hear(&mut self, heard: &mut Vec<Heard>) {
        heard.append(&mut self.evicted);
        heard.extend(self.folded.drain(..).map(Heard::Folded));
        self.read_to = self.read_to.max(self.evicted_lines);
        let end = self.evicted_lines + self.lines.len() as u64 - u64::from(self.open_end.is_some());
        while self.read_to < end {
            let at = usize::try_from(self.read_to - self.evicted_lines).unwrap_or(usize::MAX);
            let Some(line) = self.lines.get(at) else { break };
            self.reader.take(self.read_to, line, heard);
            self.read_to += 1;
        }
    }

    /// The lines that are held, oldest first. The last one can still grow.
    pub fn lines(&self) -> &VecDeque<Line> {
        &self.lines
    }

    /// Lines that are gone because of the capacity: the number of the first line that is held.
    pub fn evicted_lines(&self) -> u64 {
        self.evicted_lines
    }

    /// Bytes of memory that the lines and the commands hold.
    pub fn bytes(&self) -> usize {
        self.bytes + self.reader.bytes()
    }

    /// Bytes of memory that it holds, with what it needs to read what comes.
    pub fn memory(&self) -> usize {
        self.bytes + self.reader.memory() + self.replays.bytes()
    }

    /// Changes with every change of the lines.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What the last streamed event says of its origin; `None` while there was none.
    pub fn payload(&self) -> Option<&Payload> {
        self.payload.as_ref()
    }

    /// The nearest matching line at or after (backward: at or before) the index `from`. Does not wrap around.
    pub fn find(&self, search: &Search, from: usize, direction: Direction) -> Option<Match> {
        search::find(&self.lines, search, from, direction)
    }

    fn push_event(&mut self, event: &LogEvent) {
        let mut origin = Origin {
            at: event.timestamp,
            ingested_at: event.ingested_at,
            streamed: true,
            repeated: false,
            forged: false,
        };
        let first = !mem::replace(&mut self.started, true);
        match Message::parse(&event.message) {
            Message::Streamed(elements, payload) => {
                origin.forged = self.expected.as_deref().is_some_and(|expected| disagrees(&payload, expected));
                self.payload = Some(*payload);
                let repeated = self.replays.take(elements.iter().map(|element| &*element.0));
                self.push_lines(elements.into_iter().map(|element| element.0), &mut origin, repeated, first);
            }
            Message::Plain(text) => self.push_plain(text, Origin { streamed: false, ..origin }, first),
        }
    }

    fn push_plain(&mut self, text: &str, mut origin: Origin, first: bool) {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let lines: Vec<&str> = text.split('\n').map(|line| line.trim_end_matches('\r')).collect();
        let repeated = self.replays.take(lines.iter().copied());
        self.push_lines(lines.into_iter().map(Cow::Borrowed), &mut origin, repeated, first);
    }

    fn push_lines<'a>(
        &mut self,
        lines: impl ExactSizeIterator<Item = Cow<'a, str>>,
        origin: &mut Origin,
        repeated: usize,
        first_event: bool,
    ) {
        let count = lines.len();
        for (index, raw) in lines.enumerate() {
            let raw = match raw {
                // Windows transcripts begin with a byte order mark.
                Cow::Borrowed(raw) if index == 0 && first_event => {
                    Cow::Borrowed(raw.strip_prefix('\u{feff}').unwrap_or(raw))
                }
                Cow::Owned(raw) if index == 0 && first_event && raw.starts_with('\u{feff}') => {
                    Cow::Owned(raw.trim_start_matches('\u{feff}').to_owned())
                }
                raw => raw,
            };
            origin.repeated = index < repeated;
            let raw_bytes = raw.len();
            let fragment = if origin.streamed { STREAMED_FRAGMENT } else { PLAIN_FRAGMENT };
            let cut = index + 1 == count && raw_bytes >= fragment;
            match self.open_end.take() {
                Some(open) if index == 0 && !origin.repeated && open.streamed == origin.streamed => {
                    let raw_bytes = self.continue_line(&raw, open.raw_bytes, origin.streamed);
                    self.open_end = cut.then_some(OpenEnd { raw_bytes, streamed: origin.streamed });
                }
                _ => {
                    let whole = self.push_raw(raw, *origin);
                    self.open_end = (cut && whole).then_some(OpenEnd { raw_bytes, streamed: origin.streamed });
                }
            }
        }
    }

    /// Takes in one raw line; says whether it became exactly one line of the normal screen.
    fn push_raw(&mut self, raw: Cow<'_, str>, origin: Origin) -> bool {
        if self.screen.is_none() && raw.len() <= SHOWN_BYTES && sanitize::is_printable_ascii(raw.as_bytes()) {
            let kind = self.kind_of(&raw, origin);
            let searched = raw.contains(terminal::HISTORY_SEARCH);
            let alternatives = searched.then(|| self.alternatives(&raw, &raw));
            self.append(Line {
                at: origin.at,
                ingested_at: origin.ingested_at,
                kind,
                uncertain: searched,
                repeated: origin.repeated,
                forged: origin.forged,
                secret: false,
                cut_bytes: 0,
                text: raw.into_owned().into_boxed_str(),
                marks: Box::default(),
                raw: None,
                alternatives,
            });
            return true;
        }
        let parts = if raw.contains('\u{1b}') { terminal::parts(&raw) } else { vec![Part::Text(&raw)] };
        if !parts.contains(&Part::LeaveScreen) && self.gives_screen_back(&raw, origin) {
            self.leave_screen();
        }
        let whole = matches!(parts.as_slice(), [Part::Text(_)]) && self.screen.is_none();
        let changes_screen = parts.len() > 1;
        let mut folded = false;
        for part in parts {
            match part {
                Part::Text(text) if self.screen.is_some() => {
                    folded |= self.fold(text, origin, !folded, changes_screen);
                }
                Part::Text(text) => {
                    let (line, _) = self.made(text, origin);
                    // Settings of the terminal beside a change of the screen are not a line.
                    if !(changes_screen && line.text.is_empty()) {
                        self.append(line);
                    }
                }
                Part::EnterScreen => self.enter_screen(origin),
                Part::LeaveScreen => self.leave_screen(),
            }
        }
        whole
    }

    fn kind_of(&self, raw: &str, origin: Origin) -> LineKind {
        if origin.streamed {
            LineKind::Streamed
        } else if raw.starts_with("Script started on ") || raw.starts_with("Script done on ") {
            LineKind::Marker
        } else {
            LineKind::Plain
        }
    }

    /// A line of that raw text, and how often the text clears the screen.
    fn made(&self, raw: &str, origin: Origin) -> (Line, u64) {
        let shown = self.shown(raw, raw.len(), origin.streamed);
        let kept = raw.get(..raw.floor_char_boundary(KEPT_BYTES)).unwrap_or_default();
        let line = Line {
            at: origin.at,
            ingested_at: origin.ingested_at,
            kind: self.kind_of(raw, origin),
            uncertain: shown.uncertain,
            repeated: origin.repeated,
            forged: origin.forged,
            secret: false,
            cut_bytes: shown.cut_bytes,
            raw: (*shown.text != *kept).then(|| kept.into()),
            text: shown.text,
            marks: shown.marks,
            alternatives: shown.alternatives,
        };
        (line, shown.clears)
    }

    /// What is shown of a raw line that has `raw_bytes` bytes in all, of which `raw` is the beginning.
    fn shown(&self, raw: &str, raw_bytes: usize, streamed: bool) -> Shown {
        let kept = raw.get(..raw.floor_char_boundary(KEPT_BYTES)).unwrap_or_default();
        let mut row = if terminal::needs_rendering(kept) {
            terminal::render(kept, streamed)
        } else {
            Row { text: kept.to_owned(), uncertain: kept.contains(terminal::HISTORY_SEARCH), ..Row::default() }
        };
        let shown_bytes = row.text.floor_char_boundary(SHOWN_BYTES);
        let cut_bytes = row.cut_bytes + (row.text.len() - shown_bytes + raw_bytes - kept.len()) as u64;
        row.text.truncate(shown_bytes);
        let uncertain = row.uncertain;
        let alternatives =
            (uncertain && streamed && kept.len() <= SHOWN_BYTES).then(|| self.alternatives(kept, &row.text));
        let (cleaned, mut marks) = clean_marked(&row.text, self.glyphs).into_parts();
        let changed = match cleaned {
            Cow::Owned(text) => Some(text),
            Cow::Borrowed(_) => None,
        };
        let mut text = changed.unwrap_or(row.text);
        if cut_bytes > 0 {
            let start = offset(text.len());
            text.push_str(&format!(" <{cut_bytes} more bytes>"));
            marks.push(Mark { start, end: offset(text.len()) });
        }
        Shown {
            text: text.into_boxed_str(),
            marks: marks.into_boxed_slice(),
            uncertain: row.uncertain,
            cut_bytes,
            clears: row.clears,
            alternatives: alternatives.filter(|readings| !readings.is_empty()),
        }
    }

    /// Other readings of a line, cleaned, each once.
    fn alternatives(&self, raw: &str, text: &str) -> Box<[Box<str>]> {
        let mut readings: Vec<Box<str>> = Vec::new();
        for reading in terminal::alternatives(raw) {
            let reading = clean_marked(&reading, self.glyphs);
            if !reading.text().is_empty()
                && reading.text() != text
                && !readings.iter().any(|known| **known == *reading.text())
            {
                readings.push(reading.text().into());
            }
        }
        readings.into_boxed_slice()
    }

    /// Joins a piece to the last line, which the agent had cut. Returns the bytes of the whole raw line so far.
    fn continue_line(&mut self, piece: &str, raw_bytes: usize, streamed: bool) -> usize {
        let raw_bytes = raw_bytes + piece.len();
        let Some(mut line) = self.lines.pop_back() else { return raw_bytes };
        self.bytes -= line.bytes();
        let mut raw = line.raw().to_owned();
        let first_piece = raw.len();
        let room = KEPT_BYTES.saturating_sub(first_piece);
        raw.push_str(piece.get(..piece.floor_char_boundary(room)).unwrap_or_default());
        let shown = self.shown(&raw, raw_bytes, streamed);
        // A piece of exactly the agent's size was cut by it; a shorter one may have been a line of its own.
        let sure = !streamed || first_piece % STREAMED_CUT == 0 || first_piece >= KEPT_BYTES;
        line.uncertain |= shown.uncertain || !sure;
        (line.text, line.marks, line.cut_bytes) = (shown.text, shown.marks, shown.cut_bytes);
        line.alternatives = shown.alternatives;
        line.raw = Some(raw.into_boxed_str());
        self.append(line);
        raw_bytes
    }

    fn append(&mut self, mut line: Line) {
        line.secret = self.keys.takes(&line.text);
        self.bytes += line.bytes();
        self.lines.push_back(line);
        while self.bytes > self.capacity {
            let Some(evicted) = self.lines.pop_front() else { break };
            self.bytes -= evicted.bytes();
            if self.read_to <= self.evicted_lines {
                self.hear_evicted(&evicted);
            }
            self.evicted_lines += 1;
        }
    }

    /// An event has more lines than are kept: what it pushes out is heard before it is gone.
    fn hear_evicted(&mut self, line: &Line) {
        let mut heard = Vec::new();
        self.reader.take(self.evicted_lines, line, &mut heard);
        self.read_to = self.evicted_lines + 1;
        self.evicted.extend(heard.into_iter().map(|heard| match heard {
            Heard::Output(_) => Heard::Folded(line.text().into()),
            heard => heard,
        }));
    }
}

/// Whether a payload names another session, node or owner; what it leaves out accuses nobody.
fn disagrees(payload: &Payload, expected: &PayloadIdentity) -> bool {
    [
        (&payload.session_id, &expected.session_id),
        (&payload.target_id, &expected.target),
        (&payload.user_arn, &expected.owner),
    ]
    .into_iter()
    .any(|(said, is)| said.as_deref().is_some_and(|said| !said.is_empty() && !is.is_empty() && *said != **is))
}

#[cfg(test)]
#[path = "terminal_safety_tests.rs"]
mod terminal_safety;
#[cfg(test)]
#[path = "transcript_tests.rs"]
pub(crate) mod tests;
