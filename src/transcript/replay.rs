//! Lines that were sent twice. The agent sends a call's lines again when the answer of the call was lost: with new times,
//! from the start of one of the events it had sent, perhaps cut into events differently. Nothing numbers the events, so
//! only the text can tell; it cannot tell a re-sent run from one that was printed twice.

use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
};

/// Events that a re-sent run can start at: the agent sends at most four in one call.
const EVENTS: usize = 8;
/// Lines that are remembered at most: four events of short lines.
const LINES: usize = 16_384;
/// Shorter runs repeat by themselves all the time (an empty prompt, a repeated command).
const MIN_LINES: usize = 3;
const MIN_BYTES: usize = 64;
/// Lines that are remembered where nobody looks.
const FEW_LINES: usize = 2_048;

/// The lines that were sent lately, as hashes.
#[derive(Debug, Default)]
pub(super) struct Replays {
    hasher: RandomState,
    recent: VecDeque<u32>,
    /// Where in `recent` the last events began.
    starts: VecDeque<usize>,
    /// While a run is being repeated: how far it has come.
    repeating: Option<usize>,
}

impl Replays {
    /// Takes in the lines of one event; returns how many of the first ones repeat what came directly before.
    pub fn take<'a>(&mut self, lines: impl ExactSizeIterator<Item = &'a str>) -> usize {
        let mut bytes = 0;
        let hashes: Vec<u32> = lines
            .map(|line| {
                bytes += line.len();
                // Half of it: nobody who prints knows the key, and there may be thousands of these.
                self.hasher.hash_one(line) as u32
            })
            .collect();
        if hashes.is_empty() {
            return 0;
        }
        let run = match self.repeating.take() {
            Some(at) if self.run_from(at, &hashes) > 0 => Some(at),
            _ if hashes.len() >= MIN_LINES && bytes >= MIN_BYTES => {
                self.starts.iter().copied().find(|&start| self.run_from(start, &hashes) > 0)
            }
            _ => None,
        };
        let Some(at) = run else {
            self.remember(&hashes);
            return 0;
        };
        let repeated = self.run_from(at, &hashes);
        if at + repeated < self.recent.len() {
            self.repeating = Some(at + repeated);
        }
        if let Some(new) = hashes.get(repeated..).filter(|new| !new.is_empty()) {
            self.remember(new);
        }
        repeated
    }

    /// How many lines from `at` on are repeated; 0 unless one of the two ends with the run.
    fn run_from(&self, at: usize, hashes: &[u32]) -> usize {
        let equal =
            self.recent.range(at.min(self.recent.len())..).zip(hashes).take_while(|(old, new)| old == new).count();
        if equal == hashes.len() || at + equal == self.recent.len() { equal } else { 0 }
    }

    fn remember(&mut self, hashes: &[u32]) {
        self.starts.push_back(self.recent.len());
        self.recent.extend(hashes);
        self.keep(LINES);
    }

    fn keep(&mut self, lines: usize) {
        while self.starts.len() > EVENTS || self.recent.len() > lines && !self.starts.is_empty() {
            self.starts.pop_front();
            let gone = self.starts.front().copied().unwrap_or(self.recent.len());
            self.recent.drain(..gone);
            self.starts.iter_mut().for_each(|start| *start -= gone);
            self.repeating = self.repeating.and_then(|at| at.checked_sub(gone));
        }
    }

    /// Remembers less.
    pub fn forget(&mut self) {
        self.keep(FEW_LINES);
        self.recent.shrink_to(FEW_LINES / 4);
    }

    /// Memory that is held, in bytes.
    pub fn bytes(&self) -> usize {
        self.recent.capacity() * size_of::<u32>() + self.starts.capacity() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: [&str; 4] =
        ["sh-5.2$ systemctl status nginx", "  Active: active (running)", "  Main PID: 4216", "sh-5.2$ id"];

    #[test]
    fn a_run_that_is_sent_again_is_found_in_other_event_boundaries_too() {
        let mut replays = Replays::default();
        assert_eq!(replays.take(["sh-5.2$ hostname", "web-1"].into_iter()), 0);
        assert_eq!(replays.take(RUN.into_iter()), 0);
        let longer: Vec<&str> = RUN.into_iter().chain(["uid=1001"]).collect();
        assert_eq!(replays.take(longer.into_iter()), 4, "re-sent lines first, then a new one");
        let mut replays = Replays::default();
        replays.take(RUN.into_iter());
        assert_eq!(replays.take(RUN.into_iter().take(3)), 3, "the first event of a re-sent run");
        assert_eq!(replays.take(["sh-5.2$ id", "uid=1001"].into_iter()), 1, "its continuation, and what is new");
        assert_eq!(replays.take(["sh-5.2$ exit"].into_iter()), 0);
    }

    #[test]
    fn short_runs_and_older_ones_are_not_called_repeated() {
        let mut replays = Replays::default();
        replays.take(["$ ls", "a"].into_iter());
        assert_eq!(replays.take(["$ ls", "a"].into_iter()), 0);
        let mut replays = Replays::default();
        replays.take(RUN.into_iter());
        for event in 0..EVENTS {
            let line = format!("line {event}");
            replays.take([line.as_str()].into_iter());
        }
        assert_eq!(replays.take(RUN.into_iter()), 0);
    }

    #[test]
    fn what_differs_after_some_lines_is_not_a_repeated_run() {
        let mut replays = Replays::default();
        replays.take(RUN.into_iter());
        let other: Vec<&str> = RUN.into_iter().take(3).chain(["sh-5.2$ rm -rf /srv"]).collect();
        assert_eq!(replays.take(other.into_iter()), 0);
    }
}
