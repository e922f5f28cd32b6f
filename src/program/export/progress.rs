//! What is being done, for people at a terminal.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use crate::program::complain;

/// Progress is told so often.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// A line on stderr that is written again and again, and gone at the end.
pub(super) struct Progress {
    /// When it may be told next; nothing: nobody looks.
    next: Option<Instant>,
    told: bool,
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Self {
        Self { next: (!quiet && io::stderr().is_terminal()).then(Instant::now), told: false }
    }

    pub(super) fn tell(&mut self, what: &str) {
        let now = Instant::now();
        if self.next.is_some_and(|next| next <= now) {
            self.next = Some(now + PROGRESS_EVERY);
            self.told = true;
            complain(&format!("\r{what}\u{1b}[K"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.told {
            complain("\r\u{1b}[K");
        }
    }
}
