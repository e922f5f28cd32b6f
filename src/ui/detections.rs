//! What rules found in a session, and how its recorder is: parts of the details.

use ratatui::style::{Modifier, Style};

use super::{detail::Sheet, look::Look, text, text::piece};
use crate::{
    app::{
        board::{SessionBoard, TailGap},
        frozen::ShownDetection,
        listening::Detected,
    },
    detection::Confidence,
};

/// From when to when a gap lasts.
pub(super) fn times(look: &Look<'_>, gap: &TailGap) -> String {
    match gap.until {
        Some(until) => format!("from {} to {}", look.clock(gap.from), look.clock(until)),
        None => format!("since {}", look.clock(gap.from)),
    }
}

/// The cell of a table for what was typed in a session: the worst, and how many others there are.
pub(super) fn cell<'a>(look: &Look<'a>, session: &'a SessionBoard) -> Option<(String, Style)> {
    let shown = ShownDetection::of(session, look.state.view.show_output_detections)?;
    Some(shown_cell(look, &shown))
}

/// The same of what was found before.
pub(super) fn shown_cell(look: &Look<'_>, shown: &ShownDetection) -> (String, Style) {
    let (sign, style) = super::transcript::detection(look, shown.severity, shown.confidence);
    let more = if shown.others > 0 { format!(" +{}", shown.others) } else { String::new() };
    (format!("{sign}{}{more}", look.clean(&shown.rule.id)), style)
}

/// Detections that are written out; the others are counted.
const WRITTEN_OUT: usize = 20;

impl Sheet<'_> {
    /// How the recorder of an active session is, in words.
    pub(super) fn recorder(&mut self, session: &SessionBoard) {
        let recorder = self.look.state.board.recorder(session, self.look.state.now);
        let style = self.look.recorder(recorder);
        let words = match recorder.warning() {
            Some(warning) => format!("{}, {warning}", recorder.word()),
            None => recorder.word(),
        };
        self.field("log", &words, style);
        for gap in self.look.state.board.unheard(session) {
            let words = format!(
                "not listened to {}: {}; opening the session reads what its stream has",
                times(self.look, gap),
                self.look.clean(&gap.why.to_string())
            );
            self.field("", &words, self.look.theme.warning);
        }
    }

    /// What rules found in what was typed, the worst first; in mere output only where that is wanted.
    pub(super) fn detections(&mut self, session: &SessionBoard) {
        let output = self.look.state.view.show_output_detections;
        let book = &session.detections;
        let shown: Vec<&Detected> = book.shown(output).collect();
        let hidden = book.all().len() - shown.len();
        if book.all().is_empty() {
            return;
        }
        self.heading("Detections", &format!("{} typed or shown", shown.len()));
        for found in shown.iter().take(WRITTEN_OUT) {
            self.detection(found);
        }
        let style = self.look.theme.muted;
        if let Some(more) = shown.len().checked_sub(WRITTEN_OUT).filter(|more| *more > 0) {
            self.words(Vec::new(), 0, &format!("and {} more", text::counted(more, "detection", "detections")), style);
        }
        if hidden > 0 {
            let key = self.look.state.setup.keymap.first_key(crate::app::action::Action::OutputDetections);
            let key = key.map_or(String::new(), |key| format!("; {key} shows them"));
            self.words(Vec::new(), 0, &format!("{hidden} only in output{key}"), style);
        }
        if book.dropped > 0 {
            let words = format!("{} not kept", text::counted(book.dropped as usize, "more was", "more were"));
            self.words(Vec::new(), 0, &words, self.look.theme.warning);
        }
    }

    fn detection(&mut self, found: &Detected) {
        let look = self.look;
        let theme = look.theme;
        let (sign, style) = super::transcript::detection(look, found.severity, found.confidence);
        let lead = vec![
            piece(format!("{sign} {} ", look.clean(&found.rule.id)), style.add_modifier(Modifier::BOLD)),
            piece(format!("{} ", found.severity.word()), style),
        ];
        self.words(lead, 3, &look.clean(&found.rule.title), theme.title);
        // It is cleaned and masked already; the glyphs of this terminal may be fewer.
        self.words(vec![piece("   ", theme.text)], 5, &look.clean(&found.text), theme.text);
        let how = match found.confidence {
            Confidence::Command if found.uncertain => "perhaps typed, uncertain,",
            Confidence::Command => "typed",
            Confidence::Output => "only printed",
        };
        // An upload has one time for all of it, that of the upload.
        let time = if found.uploaded { "before" } else { "at" };
        let mut when = format!("{how} {time} {}", look.clock(found.last()));
        if found.count() > 1 {
            when.push_str(&format!(", {} times", found.count()));
        }
        if let Some(confirmed) = found.confirmed {
            when.push_str(&format!("; {confirmed}"));
        }
        let techniques: Vec<String> = found.rule.attack.iter().map(ToString::to_string).collect();
        if !techniques.is_empty() {
            when.push_str(&format!("; ATT&CK {}", techniques.join(", ")));
        }
        self.words(vec![piece("   ", theme.muted)], 3, &look.clean(&when), theme.muted);
        if !found.rule.advice.is_empty() {
            let lead = vec![piece(format!("   {} ", look.glyphs.remedy), theme.accent)];
            self.words(lead, 5, &look.clean(&found.rule.advice), theme.text);
        }
    }
}
