//! Dialogs: each is bound to the session it was opened on, and goes step by step.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::{SignedDuration, Timestamp};
use tui_textarea::TextArea;

use crate::domain::{ActKind, SessionKey};

/// A confirmation counts only this long after its question came up: what was typed ahead does not answer it.
const READING_TIME: SignedDuration = SignedDuration::from_millis(300);
/// … and this long after the key before it: a key held down does not answer it.
const QUIET_TIME: SignedDuration = SignedDuration::from_millis(150);
/// Keys of a held-down key come closer together than this (auto-repeat is 25 to 40 a second).
const REPEAT_GAP: SignedDuration = SignedDuration::from_millis(100);
/// A reason has at most this many characters: the record stays readable, the SNS body small.
const REASON_LIMIT: usize = 1000;

/// A question about one session.
#[derive(Debug)]
pub struct Dialog {
    /// What will be done.
    pub kind: ActKind,
    /// To which session: fixed when the dialog opened.
    pub session: SessionKey,
    /// The step.
    pub step: Step,
    /// The reason, as typed so far.
    pub reason: TextArea<'static>,
    /// Why the last key did not go on.
    pub complaint: Option<&'static str>,
    last_key_at: Option<Timestamp>,
    opened_by: Opener,
}

/// Where a dialog is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The reason is being typed.
    Reason,
    /// What will be done is on the screen, since that time; only `y` does it.
    Confirm(Timestamp),
}

/// The key that opened the dialog: while it is held down, it is not text.
#[derive(Debug)]
struct Opener {
    code: KeyCode,
    last: Timestamp,
    typed: usize,
    held: bool,
    over: bool,
}

/// What a key did.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The dialog goes on.
    Open,
    /// It was cancelled.
    Cancelled,
    /// It is to be done, for that reason.
    Do(String),
}

impl Dialog {
    /// Opens the question, by that key.
    pub fn new(kind: ActKind, session: SessionKey, opened_by: KeyCode, now: Timestamp) -> Self {
        Self {
            kind,
            session,
            step: Step::Reason,
            reason: TextArea::default(),
            complaint: None,
            last_key_at: None,
            opened_by: Opener { code: opened_by, last: now, typed: 0, held: false, over: false },
        }
    }

    /// The reason as text.
    pub fn reason_text(&self) -> String {
        self.reason.lines().join("\n").trim().to_owned()
    }

    /// Text was pasted: into the reason, never into a confirmation.
    pub fn paste(&mut self, text: &str) {
        if self.step == Step::Reason {
            let room = REASON_LIMIT.saturating_sub(self.length());
            let text: String = text
                .replace("\r\n", "\n")
                .chars()
                .map(|c| if c == '\r' { '\n' } else { c })
                .filter(|c| *c == '\n' || !c.is_control())
                .take(room)
                .collect();
            self.reason.insert_str(text);
            self.complaint = None;
        }
    }

    fn length(&self) -> usize {
        self.reason.lines().iter().map(|line| line.chars().count() + 1).sum()
    }

    /// A key, at that time.
    pub fn key(&mut self, key: KeyEvent, now: Timestamp) -> Answer {
        let quiet = self.last_key_at.is_none_or(|last| now.duration_since(last) >= QUIET_TIME);
        self.last_key_at = Some(now);
        if key.code == KeyCode::Esc || (key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL))
        {
            return Answer::Cancelled;
        }
        match self.step {
            Step::Reason => self.reason_key(key, now),
            Step::Confirm(since) => {
                if key.code != KeyCode::Char('y') {
                    self.complaint = Some("only y does it; Esc cancels");
                } else if now.duration_since(since) < READING_TIME || !quiet {
                    self.complaint = Some("that y came before the question could be read: press y once more");
                } else {
                    return Answer::Do(self.reason_text());
                }
                Answer::Open
            }
        }
    }

    fn reason_key(&mut self, key: KeyEvent, now: Timestamp) -> Answer {
        if self.opener_is_held(key, now) {
            return Answer::Open;
        }
        self.complaint = None;
        match (key.code, key.modifiers) {
            (KeyCode::Enter, modifiers) if !modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SHIFT) => {
                if self.reason_text().is_empty() {
                    self.complaint = Some("a reason is needed: it goes into the record and to whoever asks later");
                } else if self.kind == ActKind::Alert {
                    return Answer::Do(self.reason_text());
                } else {
                    self.step = Step::Confirm(now);
                }
            }
            (KeyCode::Enter, _) => self.reason.insert_newline(),
            (KeyCode::Char(_), modifiers)
                if self.length() > REASON_LIMIT && !modifiers.contains(KeyModifiers::CONTROL) =>
            {
                self.complaint = Some("a reason has at most 1,000 characters");
            }
            _ => {
                self.reason.input(key);
            }
        }
        Answer::Open
    }

    /// A key that opened the dialog and is still held down repeats itself: that is not text.
    fn opener_is_held(&mut self, key: KeyEvent, now: Timestamp) -> bool {
        let opener = &mut self.opened_by;
        if opener.over {
            return false;
        }
        if key.code != opener.code || !key.modifiers.difference(KeyModifiers::SHIFT).is_empty() {
            opener.over = true;
            return false;
        }
        let repeats =
            now.duration_since(opener.last) < REPEAT_GAP || key.kind == crossterm::event::KeyEventKind::Repeat;
        opener.last = now;
        if repeats && (opener.typed > 0 || opener.held || key.kind == crossterm::event::KeyEventKind::Repeat) {
            opener.held = true;
            // The first repeat comes late and looked like typing: take it back.
            for _ in 0..std::mem::take(&mut opener.typed) {
                self.reason.delete_char();
            }
            return true;
        }
        if opener.held {
            opener.over = true;
            return false;
        }
        opener.typed += 1;
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::ScopeId;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
    }

    fn press(code: KeyCode) -> KeyEvent {
        KeyEvent::new(code, KeyModifiers::NONE)
    }

    fn terminate() -> Dialog {
        let session = SessionKey::new(ScopeId::new("111122223333", "eu-central-1"), "jane-0a");
        Dialog::new(ActKind::Terminate, session, KeyCode::Char('t'), at(0))
    }

    fn type_text(dialog: &mut Dialog, text: &str, mut ms: i64, gap: i64) -> i64 {
        for character in text.chars() {
            assert_eq!(dialog.key(press(KeyCode::Char(character)), at(ms)), Answer::Open);
            ms += gap;
        }
        ms
    }

    #[test]
    fn an_empty_reason_is_refused_with_a_word_why() {
        let mut dialog = terminate();
        assert_eq!(dialog.key(press(KeyCode::Enter), at(1000)), Answer::Open);
        assert_eq!(dialog.step, Step::Reason);
        assert!(dialog.complaint.unwrap().contains("reason is needed"));
        dialog.key(press(KeyCode::Char(' ')), at(1200));
        dialog.key(press(KeyCode::Enter), at(1400));
        assert_eq!(dialog.step, Step::Reason);
    }

    #[test]
    fn only_a_deliberate_y_confirms() {
        let mut dialog = terminate();
        let ms = type_text(&mut dialog, "rogue", 1000, 80);
        dialog.key(press(KeyCode::Enter), at(ms));
        assert_eq!(dialog.step, Step::Confirm(at(ms)));
        assert_eq!(dialog.key(press(KeyCode::Char('y')), at(ms + 20)), Answer::Open, "typed ahead");
        assert_eq!(dialog.key(press(KeyCode::Enter), at(ms + 500)), Answer::Open, "Enter held down");
        assert_eq!(dialog.key(press(KeyCode::Char('y')), at(ms + 540)), Answer::Open, "too close to another key");
        assert_eq!(dialog.key(press(KeyCode::Char('y')), at(ms + 1000)), Answer::Do("rogue".into()));
    }

    #[test]
    fn a_held_y_never_confirms() {
        let mut dialog = terminate();
        let mut ms = type_text(&mut dialog, "rogue", 1000, 80);
        dialog.key(press(KeyCode::Enter), at(ms));
        for _ in 0..100 {
            ms += 33;
            assert_eq!(dialog.key(press(KeyCode::Char('y')), at(ms)), Answer::Open);
        }
    }

    #[test]
    fn the_opening_key_held_down_is_not_a_reason() {
        let mut dialog = terminate();
        let mut ms = 500;
        for _ in 0..30 {
            dialog.key(press(KeyCode::Char('t')), at(ms));
            ms += 33;
        }
        assert_eq!(dialog.reason_text(), "");
        type_text(&mut dialog, "too many", ms + 400, 90);
        assert_eq!(dialog.reason_text(), "too many");
    }

    #[test]
    fn a_reason_may_begin_with_the_opening_key() {
        let mut dialog = terminate();
        type_text(&mut dialog, "test run", 200, 5);
        assert_eq!(dialog.reason_text(), "test run");
        let mut dialog = terminate();
        type_text(&mut dialog, "ttl over", 200, 130);
        assert_eq!(dialog.reason_text(), "ttl over");
    }

    #[test]
    fn pasted_text_is_reason_only_and_cleaned() {
        let mut dialog = terminate();
        dialog.paste("INC-1\r\n\u{1b}[31mred\u{7}");
        assert_eq!(dialog.reason_text(), "INC-1\n[31mred");
        dialog.key(press(KeyCode::Enter), at(900));
        assert!(matches!(dialog.step, Step::Confirm(_)));
        dialog.paste("y");
        assert!(matches!(dialog.step, Step::Confirm(_)));
        assert_eq!(dialog.key(press(KeyCode::Esc), at(2000)), Answer::Cancelled);
    }

    #[test]
    fn alt_enter_is_a_new_line_and_an_alert_is_done_by_enter() {
        let mut dialog = terminate();
        dialog.kind = ActKind::Alert;
        let ms = type_text(&mut dialog, "one", 600, 90);
        dialog.key(KeyEvent::new(KeyCode::Enter, KeyModifiers::ALT), at(ms));
        let ms = type_text(&mut dialog, "two", ms + 90, 90);
        assert_eq!(dialog.key(press(KeyCode::Enter), at(ms)), Answer::Do("one\ntwo".into()));
    }
}
