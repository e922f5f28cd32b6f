//! One line of a transcript, cleaned and ready for the screen.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::sanitize::{Mark, Spans};

/// Where a line comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineKind {
    /// An element of a streamed event: the agent's stripper has seen it, carriage returns and most escape sequences are gone.
    Streamed,
    /// A line of plain text: an upload after the end, or a message that is not the agent's JSON.
    Plain,
    /// The `Script started on` and `Script done on` lines: their time is that of the upload, not of the session.
    Marker,
    /// The output of one full-screen program, folded into one line.
    Screen(Box<Folded>),
    /// Not a line: something is missing here.
    Gap(Box<Gap>),
}

/// A time of which the transcript has nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Nothing is there since.
    pub from: Timestamp,
    /// Until then; `None`: it goes on.
    pub until: Option<Timestamp>,
    /// Why, in words, cleaned.
    pub why: Box<str>,
}

/// What a full-screen program printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folded {
    /// The program, as far as the command line before it tells.
    pub program: Option<Box<str>>,
    /// Log lines that are folded; `lines` holds the latest of them.
    pub line_count: u64,
    /// Times the screen was cleared, as far as the log shows it.
    pub screens: u64,
    /// The program has not left the full screen yet.
    pub open: bool,
    /// When the latest of its lines was sent; the first one: the line's own time.
    pub until: Option<Timestamp>,
    /// The folded lines, cleaned; the oldest are dropped when there are too many (`line_count` says how many there were).
    pub lines: VecDeque<Line>,
    /// Bytes of `lines`.
    pub(super) bytes: usize,
}

/// One line. Nothing in `text` or in a span is interpreted by a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The event's time: the agent's clock when it sent the line, which can be long after it was printed.
    pub at: Timestamp,
    /// The time at which CloudWatch Logs took it in.
    pub ingested_at: Timestamp,
    /// Where it comes from.
    pub kind: LineKind,
    /// Line editing or cursor movement left more than one reading: what was run may be something else. The raw line tells more.
    pub uncertain: bool,
    /// The same run of lines came directly before: the agent sent it again (it does when an answer is lost), or the
    /// session printed the same once more. The text alone cannot tell.
    pub repeated: bool,
    /// Its event's payload names another session, node or owner: somebody else may have written it.
    pub forged: bool,
    /// It is part of a private key that was printed over several lines: not to be shown.
    pub secret: bool,
    /// Bytes of the raw line that are not in `text` because the line is too long to show.
    pub cut_bytes: u64,
    pub(super) text: Box<str>,
    pub(super) marks: Box<[Mark]>,
    pub(super) raw: Option<Box<str>>,
    pub(super) alternatives: Option<Box<[Box<str>]>>,
}

impl Line {
    /// The cleaned text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The cleaned text in pieces; marked ones are ours in place of what cannot be shown.
    pub fn spans(&self) -> Spans<'_> {
        Spans::new(&self.text, &self.marks)
    }

    /// The line as the log has it, for matching: **hostile, never to be shown**. Of very long lines, the first 64 KiB.
    pub fn raw(&self) -> &str {
        self.raw.as_deref().unwrap_or(&self.text)
    }

    /// Other readings of an uncertain line, cleaned, the prompt included.
    pub fn alternatives(&self) -> impl Iterator<Item = &str> {
        self.alternatives.iter().flat_map(|readings| readings.iter().map(|reading| &**reading))
    }

    /// Memory that the line holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let folded = match &self.kind {
            LineKind::Screen(folded) => size_of::<Folded>() + folded.bytes,
            LineKind::Gap(gap) => size_of::<Gap>() + gap.why.len(),
            _ => 0,
        };
        size_of::<Self>()
            + self.text.len()
            + size_of_val(&*self.marks)
            + self.raw.as_deref().map_or(0, str::len)
            + self.alternatives().map(|reading| size_of::<Box<str>>() + reading.len()).sum::<usize>()
            + folded
    }
}
