//! Full-screen programs: what they draw is folded into one line.

use jiff::Timestamp;

use super::{
    FOLDED_BYTES, Origin, Screen, Transcript,
    line::{Folded, Line, LineKind},
    prompt,
};

impl Transcript {
    pub(super) fn enter_screen(&mut self, origin: Origin) {
        if self.screen.is_some() {
            return;
        }
        let command = self.lines.back().filter(|line| line.kind == LineKind::Streamed || line.kind == LineKind::Plain);
        let (prompt, program) = command.map_or((None, None), |line| match prompt::length(line.text()) {
            Some(end) => {
                let (prompt, command) = line.text().split_at_checked(end).unwrap_or_default();
                (Some(prompt.into()), prompt::program(command).map(Into::into))
            }
            None => (None, None),
        });
        self.screen = Some(Screen { prompt });
        let folded = Folded { program, open: true, ..Folded::default() };
        self.append(Line {
            at: origin.at,
            ingested_at: origin.ingested_at,
            text: summary(&folded, origin.at).into_boxed_str(),
            kind: LineKind::Screen(Box::new(folded)),
            uncertain: false,
            repeated: origin.repeated,
            forged: origin.forged,
            secret: false,
            cut_bytes: 0,
            marks: Box::default(),
            raw: None,
            alternatives: None,
        });
    }

    pub(super) fn leave_screen(&mut self) {
        if self.screen.take().is_some() {
            self.with_folded(|folded| folded.open = false);
        }
    }

    pub(super) fn gives_screen_back(&self, raw: &str, origin: Origin) -> bool {
        let Some(screen) = &self.screen else { return false };
        let shown = self.shown(raw, raw.len(), origin.streamed);
        let same_shell = match screen.prompt.as_deref() {
            // The directory in a prompt changes, its beginning stays.
            Some(prompt) => shown.text.starts_with(prompt.split([':', ' ']).next().unwrap_or(prompt)),
            None => true,
        };
        let prompt = prompt::length(&shown.text).filter(|length| screen.prompt.is_some() || *length > "$ ".len());
        (same_shell && prompt.is_some()) || self.kind_of(raw, origin) == LineKind::Marker
    }

    /// Folds a text of the full screen away; `new_line`: it is the first of its log line; `piece`: and not all of it, so that nothing but
    /// settings of the terminal is no text. Says whether there was any.
    pub(super) fn fold(&mut self, text: &str, origin: Origin, new_line: bool, piece: bool) -> bool {
        let (line, clears) = self.made(text, origin);
        if piece && line.text.is_empty() {
            return false;
        }
        if !line.text.trim().is_empty() {
            self.folded.push(line.text.clone());
        }
        self.with_folded(|folded| {
            folded.until = folded.until.max(Some(origin.at));
            folded.line_count += u64::from(new_line);
            folded.screens += clears;
            folded.bytes += line.bytes();
            folded.lines.push_back(line);
            while folded.bytes > FOLDED_BYTES {
                let Some(oldest) = folded.lines.pop_front() else { break };
                folded.bytes -= oldest.bytes();
            }
        });
        true
    }

    /// Changes the line that stands for a full-screen program; it is the last one.
    fn with_folded(&mut self, change: impl FnOnce(&mut Folded)) {
        let Some(mut line) = self.lines.pop_back() else { return };
        self.bytes -= line.bytes();
        if let LineKind::Screen(folded) = &mut line.kind {
            change(folded);
            line.text = summary(folded, line.at).into_boxed_str();
        }
        self.append(line);
    }
}

/// The words for a folded full-screen program that took the screen at `since`. The program's name is cleaned already: it comes from a line's text.
fn summary(folded: &Folded, since: Timestamp) -> String {
    let program = folded.program.as_deref().unwrap_or("a program");
    let seconds = folded.until.map_or(0, |until| until.duration_since(since).as_secs());
    let time = match seconds {
        ..1 => String::new(),
        1..60 => format!(", {seconds} s"),
        60..7200 => format!(", {} min", seconds / 60),
        _ => format!(", {} h", seconds / 3600),
    };
    let lines = match folded.line_count {
        0 => "no output yet".to_owned(),
        1 => "1 line folded".to_owned(),
        count => format!("{count} lines folded"),
    };
    let screens = if folded.screens > 1 { format!(", {} screens", folded.screens) } else { String::new() };
    let open = if folded.open { ", still on the screen" } else { "" };
    format!("{program}{time}: full screen, {lines}{screens}{open}")
}
