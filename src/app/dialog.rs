//! Dialogs: each is bound to the session it was opened on, and goes step by step.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::{SignedDuration, Timestamp};
use tui_textarea::TextArea;

use crate::domain::{ActKind, AlertId, QuarantineKind, QuarantinePlan, Subject};

/// A confirmation counts only this long after its question came up: what was typed ahead does not answer it.
const READING_TIME: SignedDuration = SignedDuration::from_millis(300);
/// … and this long after the key before it: a key held down does not answer it.
const QUIET_TIME: SignedDuration = SignedDuration::from_millis(150);
/// Keys of a held-down key come closer together than this (auto-repeat is 25 to 40 a second).
const REPEAT_GAP: SignedDuration = SignedDuration::from_millis(100);
/// A reason has at most this many characters: the record stays readable, the SNS body small.
const REASON_LIMIT: usize = 1000;
/// A typed name is no longer than an account's name may be.
const NAME_LIMIT: usize = 64;

/// For how long an alert can be suppressed.
pub const SUPPRESS_FOR: [(&str, SignedDuration); 6] = [
    ("1 hour", SignedDuration::from_hours(1)),
    ("4 hours", SignedDuration::from_hours(4)),
    ("12 hours", SignedDuration::from_hours(12)),
    ("1 day", SignedDuration::from_hours(24)),
    ("7 days", SignedDuration::from_hours(7 * 24)),
    ("30 days", SignedDuration::from_hours(30 * 24)),
];

/// A question about one or more subjects.
#[derive(Debug)]
pub struct Dialog {
    /// What will be done.
    pub kind: ActKind,
    /// To which: fixed when the dialog opened, in the order of the screen; never empty.
    pub subjects: Vec<Subject>,
    /// The alert that is meant, where it is about one.
    pub alert: Option<AlertId>,
    /// The step.
    pub step: Step,
    /// The reason, as typed so far.
    pub reason: TextArea<'static>,
    /// For how long, as an index into [`SUPPRESS_FOR`].
    pub suppress_for: usize,
    /// What has to be typed to confirm, where a `y` is not enough: the account's name.
    pub name: Option<Name>,
    /// What has to be known before it can be confirmed: exactly what will be written where.
    pub plan: Planned,
    /// How far the list of what will be done is scrolled, in lines; drawing stops at its end.
    pub top: usize,
    /// Why the last key did not go on.
    pub complaint: Option<&'static str>,
    last_key_at: Option<Timestamp>,
    opened_by: Opener,
}

/// A name that is typed to confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// What has to be typed.
    pub wanted: String,
    /// What is typed so far.
    pub typed: String,
}

/// What is known of what a dialog will do.
#[derive(Debug, Clone, PartialEq)]
pub enum Planned {
    /// Nothing has to be read for it.
    NotNeeded,
    /// It is being read.
    Reading,
    /// It was read.
    Ready(Box<QuarantinePlan>),
    /// It cannot be done: what, and what to do.
    Refused(String, String),
}

/// Where a dialog is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The reason is being typed.
    Reason,
    /// The account's name is being typed.
    Name,
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
    /// Which quarantine it asks about, if it does.
    pub fn quarantine(&self) -> Option<QuarantineKind> {
        match self.kind {
            ActKind::Quarantine => Some(QuarantineKind::Set),
            ActKind::LiftQuarantine => Some(QuarantineKind::Lift),
            _ => None,
        }
    }

    /// Opens the question on those subjects, by that key.
    pub fn new(kind: ActKind, subjects: Vec<Subject>, opened_by: KeyCode, now: Timestamp) -> Self {
        Self {
            kind,
            subjects,
            alert: None,
            step: Step::Reason,
            reason: TextArea::default(),
            suppress_for: 0,
            name: None,
            plan: Planned::NotNeeded,
            top: 0,
            complaint: None,
            last_key_at: None,
            opened_by: Opener { code: opened_by, last: now, typed: 0, held: false, over: false },
        }
    }

    /// The first subject: of all dialogs but a termination of many the only one.
    pub fn subject(&self) -> Option<&Subject> {
        self.subjects.first()
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
        if self.step != Step::Reason && self.scroll(key.code) {
            return Answer::Open;
        }
        match self.step {
            Step::Reason => self.reason_key(key, now),
            Step::Name => self.name_key(key, now),
            Step::Confirm(since) => {
                if self.plan == Planned::Reading {
                    self.complaint = Some("what will be written is being read once more: a moment");
                } else if matches!(self.plan, Planned::Refused(..)) {
                    self.complaint = Some("it cannot be done as it is; Esc closes");
                } else if key.code != KeyCode::Char('y') {
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
                } else if matches!(self.kind, ActKind::Alert | ActKind::Suppress) {
                    return Answer::Do(self.reason_text());
                } else {
                    self.step_on(now);
                }
            }
            (KeyCode::Tab, _) if self.kind == ActKind::Suppress => {
                self.suppress_for = (self.suppress_for + 1) % SUPPRESS_FOR.len();
            }
            (KeyCode::BackTab, _) if self.kind == ActKind::Suppress => {
                self.suppress_for = (self.suppress_for + SUPPRESS_FOR.len() - 1) % SUPPRESS_FOR.len();
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

    /// Goes through what will be done, where it is longer than the screen. Says whether the key was for that.
    fn scroll(&mut self, code: KeyCode) -> bool {
        let planned = match &self.plan {
            Planned::Ready(plan) => plan.writes.len(),
            _ => 0,
        };
        let most = self.subjects.len().max(planned);
        self.top = match code {
            KeyCode::Down => (self.top + 1).min(most),
            KeyCode::PageDown => (self.top + 10).min(most),
            KeyCode::Up => self.top.saturating_sub(1),
            KeyCode::PageUp => self.top.saturating_sub(10),
            _ => return false,
        };
        true
    }

    /// The wheel over it: goes through what will be done. It is no key, so it neither answers nor cancels.
    pub fn wheel(&mut self, down: bool) {
        self.scroll(if down { KeyCode::Down } else { KeyCode::Up });
    }

    /// What will be written was read once more, as it is asked: from here on the question can be answered.
    pub fn replan(&mut self, plan: Planned, now: Timestamp) {
        if let Step::Confirm(since) = &mut self.step {
            *since = now;
        }
        self.plan = plan;
    }

    /// From the reason to the next question.
    fn step_on(&mut self, now: Timestamp) {
        match &self.plan {
            Planned::Reading => {
                self.complaint = Some("what would be written is still being read: press Enter once more")
            }
            Planned::Refused(..) => self.complaint = Some("it cannot be done as it is; Esc closes"),
            Planned::NotNeeded | Planned::Ready(_) if self.name.is_some() => self.step = Step::Name,
            Planned::NotNeeded | Planned::Ready(_) => self.step = Step::Confirm(now),
        }
    }

    /// The name is typed, never pasted: who confirms has to read it.
    fn name_key(&mut self, key: KeyEvent, now: Timestamp) -> Answer {
        self.complaint = None;
        let Some(name) = &mut self.name else { return Answer::Open };
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match key.code {
            KeyCode::Enter if name.typed == name.wanted => self.step = Step::Confirm(now),
            KeyCode::Enter => self.complaint = Some("that is not the account's name: nothing is done"),
            KeyCode::Backspace => drop(name.typed.pop()),
            KeyCode::Char('u' | 'w') if !plain => name.typed.clear(),
            KeyCode::Char(character) if plain && name.typed.chars().count() < NAME_LIMIT => name.typed.push(character),
            _ => {}
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
    use crate::domain::{ScopeId, SessionKey};

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
    }

    fn press(code: KeyCode) -> KeyEvent {
        KeyEvent::new(code, KeyModifiers::NONE)
    }

    fn terminate() -> Dialog {
        let session = SessionKey::new(ScopeId::new("111122223333", "eu-central-1"), "jane-0a");
        Dialog::new(ActKind::Terminate, vec![Subject::Session(session)], KeyCode::Char('t'), at(0))
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
