//! Stretches of time in which events of a log group may have been missed.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::domain::Failure;

/// What is told of a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub from: Timestamp,
    pub until: Option<Timestamp>,
    pub filled: bool,
    pub why: Failure,
}

/// The gap that is open, if one is.
#[derive(Debug)]
pub(super) struct Gaps {
    /// A gap that is filled sooner is not worth a word.
    worth_telling: Duration,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    from: Timestamp,
    until: Option<Timestamp>,
    why: Failure,
    since: Instant,
    /// It is told however short it is.
    matters: bool,
    /// It was told: whether with an end.
    told: Option<bool>,
}

impl Gaps {
    pub(super) fn new(worth_telling: Duration) -> Self {
        Self { worth_telling, open: None }
    }

    /// From there on events may be missed; one that is open goes on.
    pub(super) fn begin(&mut self, from: Timestamp, why: Failure, now: Instant) {
        let open = self.open.get_or_insert(Open { from, until: None, why, since: now, matters: false, told: None });
        open.until = None;
    }

    /// It goes on for that reason.
    pub(super) fn goes_on(&mut self, why: &Failure) {
        if let Some(open) = &mut self.open {
            open.why = why.clone();
        }
    }

    /// From there on events come again; those of the gap are still to be read.
    pub(super) fn narrow(&mut self, until: Timestamp) {
        if let Some(open) = &mut self.open {
            open.until.get_or_insert(until);
        }
    }

    /// It is told however short it is.
    pub(super) fn matters(&mut self) {
        if let Some(open) = &mut self.open {
            open.matters = true;
        }
    }

    /// When there will be something to tell.
    pub(super) fn due(&self) -> Option<Instant> {
        let open = self.open.as_ref()?;
        match open.told {
            None if open.matters => Some(open.since),
            None => Some(open.since + self.worth_telling),
            Some(ended) => (ended != open.until.is_some()).then_some(open.since),
        }
    }

    /// What is to be told now.
    pub(super) fn told(&mut self, now: Instant) -> Option<Told> {
        self.due().filter(|due| *due <= now)?;
        let open = self.open.as_mut()?;
        open.told = Some(open.until.is_some());
        Some(Told { from: open.from, until: open.until, filled: false, why: open.why.clone() })
    }

    /// Everything up to then was read; what is to be told of it.
    pub(super) fn fill(&mut self, until: Timestamp) -> Option<Told> {
        let open = self.open.take()?;
        let until = open.until.unwrap_or(until);
        open.told.map(|_| Told { from: open.from, until: Some(until), filled: true, why: open.why })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::FailureClass;

    const LONG: Duration = Duration::from_secs(30);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn why(message: &str) -> Failure {
        Failure { class: FailureClass::Unreachable, action: "logs:StartLiveTail", code: None, message: message.into() }
    }

    #[test]
    fn a_short_gap_is_not_told() {
        let (mut gaps, now) = (Gaps::new(LONG), Instant::now());
        gaps.begin(at(0), why("cut"), now);
        assert_eq!(gaps.told(now), None);
        assert_eq!(gaps.fill(at(5)), None);
        assert_eq!(gaps.due(), None);
    }

    #[test]
    fn a_long_one_is_told_when_it_is_open_when_it_narrows_and_when_it_is_filled() {
        let (mut gaps, now) = (Gaps::new(LONG), Instant::now());
        gaps.begin(at(0), why("cut"), now);
        gaps.begin(at(7), why("cut again"), now);
        gaps.goes_on(&why("refused"));
        let later = now + LONG;
        let told = gaps.told(later).unwrap();
        assert_eq!((told.from, told.until, told.filled, &*told.why.message), (at(0), None, false, "refused"));
        assert_eq!(gaps.told(later), None);
        gaps.narrow(at(40));
        assert_eq!(gaps.told(later).unwrap().until, Some(at(40)));
        assert_eq!(gaps.told(later), None);
        let filled = gaps.fill(at(60)).unwrap();
        assert_eq!((filled.from, filled.until, filled.filled), (at(0), Some(at(40)), true));
        assert_eq!(gaps.fill(at(61)), None);
    }

    #[test]
    fn what_matters_is_told_at_once() {
        let (mut gaps, now) = (Gaps::new(LONG), Instant::now());
        gaps.begin(at(0), why("behind"), now);
        gaps.matters();
        assert!(gaps.told(now).is_some());
        gaps.matters();
        assert_eq!(gaps.told(now), None);
    }
}
