//! What is missing in a transcript, in its place.

use jiff::Timestamp;

use super::{
    Transcript, clean_marked,
    line::{Gap, Line, LineKind},
    replay::Replays,
};

impl Transcript {
    /// From then on nothing is there, until the next event comes. While a gap is open, another does not begin.
    pub fn open_gap(&mut self, from: Timestamp, why: &str) {
        if matches!(self.lines.back().map(|line| &line.kind), Some(LineKind::Gap(gap)) if gap.until.is_none()) {
            return;
        }
        // What comes after the gap continues nothing from before.
        (self.open_end, self.replays) = (None, Replays::default());
        self.leave_screen();
        let gap = Gap { from, until: None, why: clean_marked(why, self.glyphs).text().into() };
        self.append(gap_line(gap));
        self.revision += 1;
    }

    pub(super) fn close_gap(&mut self, until: Timestamp) {
        let open = |line: &Line| matches!(&line.kind, LineKind::Gap(gap) if gap.until.is_none());
        if !self.lines.back().is_some_and(open) {
            return;
        }
        let Some(line) = self.lines.pop_back() else { return };
        self.bytes -= line.bytes();
        if let LineKind::Gap(gap) = line.kind {
            let until = until.max(gap.from);
            self.append(gap_line(Gap { until: Some(until), ..*gap }));
        }
    }

    /// Gaps that are held.
    pub fn gaps(&self) -> impl Iterator<Item = &Gap> {
        self.lines.iter().filter_map(|line| match &line.kind {
            LineKind::Gap(gap) => Some(&**gap),
            _ => None,
        })
    }
}

/// The line that stands for a gap.
fn gap_line(gap: Gap) -> Line {
    let time = |at: Timestamp| at.strftime("%H:%M:%S UTC").to_string();
    let text = match gap.until {
        Some(until) => format!("gap from {} to {}: {}", time(gap.from), time(until), gap.why),
        None => format!("nothing since {}: {}", time(gap.from), gap.why),
    };
    Line {
        at: gap.from,
        ingested_at: gap.from,
        text: text.into_boxed_str(),
        kind: LineKind::Gap(Box::new(gap)),
        uncertain: false,
        repeated: false,
        forged: false,
        secret: false,
        cut_bytes: 0,
        marks: Box::default(),
        raw: None,
        alternatives: None,
    }
}
