//! How CloudTrail is looked up: so many calls a second, in windows that overlap, each record told once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep_until};

use super::scope::clock_before;
use crate::domain::{AccountId, Region};

/// CloudTrail takes 2 lookups a second of an account in a region, whoever asks. A little less than that: on the way requests draw closer.
/// docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
const SPACING: Duration = Duration::from_millis(550);
/// Lookups that may go out together after a rest.
const BURST: u32 = 2;
/// Windows reach this far back into the one before: records come late, and in any order.
const OVERLAP: SignedDuration = SignedDuration::from_mins(20);
/// CloudTrail's event history goes back this far.
/// docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
const HISTORY: Duration = Duration::from_secs(90 * 24 * 3600);
/// Record ids that are kept at the most. In one overlap no more calls to Session Manager than this can be made: it takes 6 a second.
const MOST_TOLD: usize = 10_000;
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// The pace of lookups of one account in one region.
#[derive(Debug)]
pub(super) struct Limiter {
    /// From when on the whole burst is free again.
    rested: Mutex<Instant>,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { rested: Mutex::new(Instant::now()) }
    }
}

impl Limiter {
    /// Waits until a lookup may go out. First come, first served.
    pub(super) async fn turn(&self) {
        let slot = self.slot(Instant::now());
        sleep_until(slot).await;
    }

    fn slot(&self, now: Instant) -> Instant {
        let mut rested = self.rested.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = rested.checked_sub(SPACING * (BURST - 1)).map_or(now, |free| free.max(now));
        *rested = slot.max(*rested) + SPACING;
        slot
    }
}

/// The limiters of all accounts and regions: the scope there and whoever looks up an account's global events share one.
#[derive(Debug, Default)]
pub(super) struct Limiters {
    by_place: HashMap<(AccountId, Region), Arc<Limiter>>,
}

impl Limiters {
    pub(super) fn of(&mut self, account: &AccountId, region: &Region) -> Arc<Limiter> {
        self.by_place.entry((account.clone(), region.clone())).or_default().clone()
    }
}

/// The time before `at`, in whole seconds and within CloudTrail's history.
pub(super) fn begin_before(at: Timestamp, ago: SignedDuration) -> Timestamp {
    let at = at.checked_sub(ago).unwrap_or(Timestamp::MIN).max(clock_before(HISTORY));
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// A stretch of time to look up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub from: Timestamp,
    /// Nothing: up to now, by the service's clock.
    pub to: Option<Timestamp>,
    /// Pages that may be read; the newest come first.
    pub pages: usize,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    First,
    Newer,
    Older,
}

/// A first look, or one further back, may be long: it is done once.
const LONG: usize = 40;
/// What came since the last look.
const SHORT: usize = 20;

/// The time that was looked at.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// Its begin; there is no gap after it.
    from: Option<Timestamp>,
    /// The earliest begin that was asked for. Where pages ran out before it, asking again would not help.
    asked: Option<Timestamp>,
    /// When the last complete look began.
    to: Option<Timestamp>,
}

impl Coverage {
    /// What to look up now, if everything since `wanted` is wanted.
    pub(super) fn windows(&self, wanted: Timestamp) -> Vec<Window> {
        let (Some(to), Some(from)) = (self.to, self.from) else {
            return vec![Window { from: wanted, to: None, pages: LONG, kind: Kind::First }];
        };
        let mut windows = vec![Window { from: begin_before(to, OVERLAP), to: None, pages: SHORT, kind: Kind::Newer }];
        if self.lacks(wanted) {
            let before = from.checked_sub(SECOND).unwrap_or(from);
            windows.push(Window { from: wanted, to: Some(before), pages: LONG, kind: Kind::Older });
        }
        windows
    }

    /// Whether something was looked at, but not as far back as is wanted now, and looking further might help.
    pub(super) fn lacks(&self, wanted: Timestamp) -> bool {
        let earlier = |begin: Option<Timestamp>| begin.is_some_and(|begin| wanted.duration_since(begin) < -SECOND);
        earlier(self.from) && earlier(self.asked)
    }

    /// Begin of the covered time while a window is read that has come back to `oldest`.
    pub(super) fn while_reading(&self, window: &Window, oldest: Timestamp) -> Timestamp {
        match (window.kind, self.from) {
            (Kind::Newer, Some(from)) => from,
            // Of the oldest second more may come.
            _ => oldest.checked_add(SECOND).unwrap_or(oldest),
        }
    }

    /// A window was read, or its pages ran out at `cut`; the look began at `began`.
    pub(super) fn add(&mut self, window: &Window, cut: Option<Timestamp>, began: Timestamp) {
        let reached = cut.map_or(window.from, |oldest| oldest.checked_add(SECOND).unwrap_or(oldest));
        self.from = Some(match (window.kind, self.from, self.to) {
            // What lies between the looks was not seen.
            (Kind::Newer, _, Some(to)) if reached > to => reached,
            (Kind::Newer, Some(from), _) => from.min(window.from),
            // A look back joins what was seen, unless a gap has come between.
            (Kind::Older, Some(from), _) => {
                let joins = window.to.and_then(|to| to.checked_add(SECOND).ok()).is_some_and(|end| from <= end);
                if joins { from.min(reached) } else { from }
            }
            _ => reached,
        });
        self.asked = Some(self.asked.map_or(window.from, |asked| asked.min(window.from)));
        if window.kind != Kind::Older {
            self.to = Some(began);
        }
    }

    /// Begin of the covered time; of nothing, it is now.
    pub(super) fn from(&self) -> Timestamp {
        self.from.unwrap_or_else(Timestamp::now)
    }
}

/// The ids of the records that were told and may be seen again.
#[derive(Debug, Default)]
pub(super) struct Told {
    ids: HashMap<Arc<str>, Timestamp>,
}

impl Told {
    /// Whether the record was not told before; from now on it was.
    pub(super) fn is_new(&mut self, id: &Arc<str>, at: Timestamp) -> bool {
        self.ids.insert(id.clone(), at).is_none()
    }

    /// Forgets what no later window shows again.
    pub(super) fn forget(&mut self, began: Timestamp) {
        let oldest = begin_before(began, OVERLAP + OVERLAP);
        self.ids.retain(|_, at| *at >= oldest);
        if self.ids.len() > MOST_TOLD {
            let mut times: Vec<Timestamp> = self.ids.values().copied().collect();
            times.sort_unstable_by(|one, other| other.cmp(one));
            if let Some(least) = times.get(MOST_TOLD) {
                self.ids.retain(|_, at| *at > *least);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn ago(minutes: i64) -> Timestamp {
        begin_before(Timestamp::now(), SignedDuration::from_mins(minutes))
    }

    #[test]
    fn two_go_at_once_and_then_two_a_second() {
        let limiter = Limiter::default();
        let now = Instant::now() + SPACING * 10;
        let slots: Vec<Duration> = (0..5).map(|_| limiter.slot(now).duration_since(now)).collect();
        assert_eq!(slots, [Duration::ZERO, Duration::ZERO, SPACING, SPACING * 2, SPACING * 3]);
        let later = now + SPACING * 30;
        let slots: Vec<Duration> = (0..3).map(|_| limiter.slot(later).duration_since(later)).collect();
        assert_eq!(slots, [Duration::ZERO, Duration::ZERO, SPACING], "a rest gives no more than the burst");
    }

    #[test]
    fn windows_overlap_and_reach_back_only_once() {
        let mut coverage = Coverage::default();
        let first = coverage.windows(ago(60));
        assert_eq!((first.len(), first[0].from, first[0].to), (1, ago(60), None));
        assert_eq!(coverage.while_reading(&first[0], ago(10)), ago(10) + SECOND);
        coverage.add(&first[0], None, ago(5));
        assert_eq!(coverage.from(), ago(60));
        let next = coverage.windows(ago(60));
        assert_eq!((next.len(), next[0].from), (1, ago(25)));
        coverage.add(&next[0], None, ago(4));
        assert_eq!(coverage.from(), ago(60), "the begin stays");
        // A session that began earlier is seen later.
        let back = coverage.windows(ago(600));
        assert_eq!((back.len(), back[1].from, back[1].to), (2, ago(600), Some(ago(60) - SECOND)));
        coverage.add(&back[0], None, ago(3));
        coverage.add(&back[1], Some(ago(300)), ago(3));
        assert_eq!(coverage.from(), ago(300) + SECOND, "pages ran out");
        assert_eq!(coverage.windows(ago(600)).len(), 1, "and would run out again");
        assert_eq!(coverage.windows(ago(700)).len(), 2);
    }

    #[test]
    fn a_gap_moves_the_begin() {
        let mut coverage = Coverage::default();
        let first = coverage.windows(ago(60))[0];
        coverage.add(&first, None, ago(30));
        let next = coverage.windows(ago(60))[0];
        coverage.add(&next, Some(ago(40)), ago(10));
        assert_eq!(coverage.from(), ago(60), "cut within the overlap: no gap");
        let next = coverage.windows(ago(60))[0];
        coverage.add(&next, Some(ago(2)), ago(1));
        assert_eq!(coverage.from(), ago(2) + SECOND);
        let older = Window { from: ago(90), to: Some(ago(60) - SECOND), pages: LONG, kind: Kind::Older };
        coverage.add(&older, None, ago(1));
        assert_eq!(coverage.from(), ago(2) + SECOND, "what lies before a gap does not count");
    }

    #[test]
    fn a_look_back_does_not_take_back_what_the_overlap_covers() {
        let mut coverage = Coverage::default();
        let first = coverage.windows(ago(1))[0];
        coverage.add(&first, None, ago(0));
        assert!(coverage.lacks(ago(11)) && !coverage.lacks(ago(1)));
        let [newer, older] = coverage.windows(ago(11))[..] else { panic!("two windows") };
        coverage.add(&newer, None, ago(0));
        coverage.add(&older, None, ago(0));
        assert_eq!(coverage.from(), newer.from);
        assert!(!coverage.lacks(ago(11)));
    }

    #[test]
    fn nothing_is_older_than_the_history() {
        let oldest = begin_before(Timestamp::now(), SignedDuration::from_hours(24 * 400));
        assert!(Timestamp::now().duration_since(oldest) <= SignedDuration::from_hours(24 * 90) + SECOND);
    }

    #[test]
    fn told_is_told_until_it_cannot_come_again() {
        let mut told = Told::default();
        let (old, new): (Arc<str>, Arc<str>) = ("old".into(), "new".into());
        assert!(told.is_new(&old, ago(60)) && told.is_new(&new, ago(10)));
        assert!(!told.is_new(&old, ago(60)) && !told.is_new(&new, ago(10)));
        told.forget(Timestamp::now());
        assert!(!told.is_new(&new, ago(10)) && told.is_new(&old, ago(60)));
        for number in 0..MOST_TOLD * 2 {
            told.is_new(&number.to_string().into(), ago(5));
        }
        told.forget(Timestamp::now());
        assert!(told.ids.len() <= MOST_TOLD);
    }
}
