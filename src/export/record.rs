//! The objects of the JSON lines.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use super::secrets::{Secrets, masked_lines};
use crate::transcript::{Command, Folded, Gap, Line, LineKind};

/// A line of the transcript.
#[derive(Serialize)]
pub(super) struct LineRecord<'a> {
    line: u64,
    at: Timestamp,
    /// Of a line of the archive object: when the object was written.
    ingested_at: Option<Timestamp>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    text: &'a str,
    uncertain: bool,
    repeated: bool,
    forged: bool,
    readings: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_zero")]
    cut_bytes: u64,
    #[serde(flatten)]
    gap: Option<GapRecord<'a>>,
    #[serde(flatten)]
    screen: Option<ScreenRecord<'a>>,
}

/// What a gap has beside its text.
#[derive(Serialize)]
struct GapRecord<'a> {
    from: Timestamp,
    /// Nothing: it goes on.
    until: Option<Timestamp>,
    why: Cow<'a, str>,
}

/// What a folded full-screen program has beside its text.
#[derive(Serialize)]
struct ScreenRecord<'a> {
    program: Option<Cow<'a, str>>,
    /// Log lines that are folded.
    line_count: u64,
    /// Times that the screen was cleared.
    screens: u64,
    /// It had not left the full screen.
    open: bool,
    until: Option<Timestamp>,
    /// The latest of its lines.
    folded: Vec<Cow<'a, str>>,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<'a> LineRecord<'a> {
    pub(super) fn new(
        number: u64,
        line: &'a Line,
        text: &'a str,
        source: Option<&'static str>,
        ingested_at: Option<Timestamp>,
        secrets: &Secrets,
    ) -> Self {
        let (kind, gap, screen) = match &line.kind {
            LineKind::Streamed => ("streamed", None, None),
            LineKind::Plain => ("plain", None, None),
            LineKind::Marker => ("marker", None, None),
            LineKind::Gap(gap) => ("gap", Some(GapRecord::new(gap, secrets)), None),
            LineKind::Screen(folded) => ("screen", None, Some(ScreenRecord::new(folded, secrets))),
        };
        Self {
            line: number,
            at: line.at,
            ingested_at,
            kind,
            source,
            text,
            uncertain: line.uncertain,
            repeated: line.repeated,
            forged: line.forged,
            readings: line.alternatives().map(|reading| secrets.text(reading)).collect(),
            cut_bytes: line.cut_bytes,
            gap,
            screen,
        }
    }
}

impl<'a> GapRecord<'a> {
    fn new(gap: &'a Gap, secrets: &Secrets) -> Self {
        Self { from: gap.from, until: gap.until, why: secrets.text(&gap.why) }
    }
}

impl<'a> ScreenRecord<'a> {
    fn new(folded: &'a Folded, secrets: &Secrets) -> Self {
        Self {
            program: folded.program.as_deref().map(|program| secrets.text(program)),
            line_count: folded.line_count,
            screens: folded.screens,
            open: folded.open,
            until: folded.until,
            folded: masked_lines(folded.lines.iter().map(Line::text), secrets.is_masked()),
        }
    }
}

/// A command.
#[derive(Serialize)]
pub(super) struct CommandRecord<'a> {
    at: Timestamp,
    line: u64,
    output: u64,
    text: Cow<'a, str>,
    readings: Vec<Cow<'a, str>>,
    certainty: &'static str,
    repeated: bool,
}

impl<'a> CommandRecord<'a> {
    pub(super) fn new(command: &'a Command, secrets: &Secrets) -> Self {
        Self {
            at: command.at,
            line: command.line,
            output: command.output,
            text: secrets.text(&command.text),
            readings: command.readings.iter().map(|reading| secrets.text(reading)).collect(),
            certainty: command.certainty.word(),
            repeated: command.repeated,
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}
