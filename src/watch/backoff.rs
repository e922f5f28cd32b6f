//! When to try again, and what is due.

use std::{collections::HashMap, hash::Hash, time::Duration};

use tokio::time::Instant;

use crate::domain::{Failure, FailureClass};

/// Nothing that fails is left alone longer than this.
pub(super) const CEILING: Duration = Duration::from_secs(60);

/// The delay after the `failures`-th failure in a row: doubled each time, up to the ceiling, and jittered down to its half so that
/// what failed together does not come back together.
pub(super) fn delay(base: Duration, failures: u32, ceiling: Duration) -> Duration {
    let doubled = base.saturating_mul(2_u32.saturating_pow(failures.min(16))).min(ceiling);
    doubled.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// A failure that may be over soon, as against one that waits for people.
pub(super) fn is_passing(failure: &Failure) -> bool {
    matches!(failure.class, FailureClass::Throttled | FailureClass::Unreachable | FailureClass::Other)
}

/// Failures in a row, and the delay after each.
#[derive(Debug)]
pub(super) struct Backoff {
    base: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(base: Duration) -> Self {
        Self { base, failures: 0 }
    }

    /// Counts a failure; how long to wait now.
    pub(super) fn failed(&mut self) -> Duration {
        self.failures += 1;
        delay(self.base, self.failures, CEILING)
    }

    /// The last try did not fail.
    pub(super) fn is_idle(&self) -> bool {
        self.failures == 0
    }

    /// Failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

/// Things that are read again and again, each with its own time and its own failures.
#[derive(Debug)]
pub(super) struct DueBook<K> {
    entries: HashMap<K, Entry>,
}

#[derive(Debug)]
struct Entry {
    due: Instant,
    misses: u32,
    /// The last try failed in a way that may be over soon.
    passing: bool,
    /// The last try worked.
    read: bool,
    /// Once is enough.
    once: bool,
}

impl Entry {
    fn is_open(&self) -> bool {
        !(self.once && self.read)
    }
}

impl<K: Eq + Hash + Clone> DueBook<K> {
    pub(super) fn new() -> Self {
        Self { entries: HashMap::new() }
    }

    /// Exactly these are wanted now: new ones are due at once, others are forgotten.
    pub(super) fn want(&mut self, keys: impl IntoIterator<Item = K>, now: Instant) {
        self.want_also_once(keys, [], now);
    }

    /// Exactly these are wanted now: `keys` again and again, those that are only in `once` until they were read.
    pub(super) fn want_also_once(
        &mut self,
        keys: impl IntoIterator<Item = K>,
        once: impl IntoIterator<Item = K>,
        now: Instant,
    ) {
        let mut wanted: HashMap<K, bool> = once.into_iter().map(|key| (key, true)).collect();
        wanted.extend(keys.into_iter().map(|key| (key, false)));
        self.entries.retain(|key, _| wanted.contains_key(key));
        for (key, once) in wanted {
            let new = Entry { due: now, misses: 0, passing: false, read: false, once };
            self.entries.entry(key).or_insert(new).once = once;
        }
    }

    /// What is due. When something is, what would be due within `slack` comes along, so that batches stay whole.
    pub(super) fn due(&self, now: Instant, slack: Duration) -> Vec<K> {
        let open = || self.entries.iter().filter(|(_, entry)| entry.is_open());
        if !open().any(|(_, entry)| entry.due <= now) {
            return Vec::new();
        }
        open().filter(|(_, entry)| entry.due <= now + slack).map(|(key, _)| key.clone()).collect()
    }

    /// It was read; next time after `every`.
    pub(super) fn done(&mut self, key: &K, now: Instant, every: Duration) {
        if let Some(entry) = self.entries.get_mut(key) {
            *entry = Entry { due: now + every, misses: 0, passing: false, read: true, once: entry.once };
        }
    }

    /// It failed: again after a delay that doubles from `base`. The delay.
    pub(super) fn failed(&mut self, key: &K, now: Instant, base: Duration, failure: &Failure) -> Duration {
        let wait = self.missed(key, now, base, CEILING);
        if let Some(entry) = self.entries.get_mut(key) {
            entry.passing = is_passing(failure);
        }
        wait
    }

    /// It was not there (yet): again after a delay that doubles from `base` to `ceiling`. The delay.
    pub(super) fn missed(&mut self, key: &K, now: Instant, base: Duration, ceiling: Duration) -> Duration {
        let Some(entry) = self.entries.get_mut(key) else { return ceiling };
        entry.misses += 1;
        entry.read = false;
        let wait = delay(base, entry.misses, ceiling);
        entry.due = now + wait;
        wait
    }

    /// When the first of those is due that failed in a way that may be over soon.
    pub(super) fn next_passing(&self) -> Option<Instant> {
        self.entries.values().filter(|entry| entry.passing).map(|entry| entry.due).min()
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.entries.values().filter(|entry| entry.is_open()).map(|entry| entry.due).min()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn delays_double_with_jitter_up_to_the_ceiling_and_reset() {
        let mut backoff = Backoff::new(SECOND);
        for expected in [2, 4, 8, 16, 32, 60, 60, 60] {
            let wait = backoff.failed();
            let most = Duration::from_secs(expected);
            assert!(wait >= most / 2 && wait <= most, "{wait:?} of {most:?}");
        }
        for _ in 0..100 {
            assert!(backoff.failed() <= CEILING);
        }
        backoff.succeeded();
        assert!(backoff.failed() <= SECOND * 2);
        let delays: HashSet<Duration> = (0..20).map(|_| delay(SECOND, 5, CEILING)).collect();
        assert!(delays.len() > 1, "no jitter");
    }

    #[test]
    fn a_book_knows_what_is_due() {
        let start = Instant::now();
        let mut book = DueBook::new();
        book.want(["a", "b"], start);
        assert_eq!(book.due(start, Duration::ZERO).len(), 2);
        book.done(&"a", start, SECOND * 10);
        book.missed(&"b", start, SECOND, CEILING);
        assert!(book.due(start, Duration::ZERO).is_empty());
        let later = start + SECOND * 2;
        assert_eq!(book.due(later, Duration::ZERO), ["b"]);
        assert_eq!(book.due(later, SECOND * 9).len(), 2, "slack keeps batches whole");
        let failure = |class| Failure { class, action: "x:Y", code: None, message: String::new() };
        book.failed(&"a", later, SECOND, &failure(FailureClass::Denied));
        assert_eq!(book.next_passing(), None);
        book.failed(&"a", later, SECOND, &failure(FailureClass::Throttled));
        assert!(book.next_passing().is_some_and(|due| due > later));
        book.want(["a", "c"], later);
        assert_eq!(book.due(later, Duration::ZERO), ["c"]);
        book.done(&"c", later, SECOND);
        assert_eq!(book.next(), Some(later + SECOND));
    }

    #[test]
    fn what_is_wanted_once_is_read_once() {
        let start = Instant::now();
        let later = start + SECOND * 100;
        let mut book = DueBook::new();
        book.want_also_once(["live"], ["live", "over"], start);
        assert_eq!(book.due(start, Duration::ZERO).len(), 2);
        book.done(&"live", start, SECOND);
        // What failed is tried again, once or not.
        book.missed(&"over", start, SECOND, CEILING);
        assert!(book.due(start + SECOND * 2, Duration::ZERO).contains(&"over"));
        book.done(&"over", start, SECOND);
        assert_eq!(book.due(later, Duration::ZERO), ["live"]);
        book.want_also_once([], ["live", "over"], later);
        assert_eq!((book.due(later, Duration::ZERO), book.next()), (Vec::new(), None));
        // It comes back to life: what is known of it is old by now.
        book.want_also_once(["over"], ["live"], later);
        assert_eq!(book.due(later, Duration::ZERO), ["over"]);
    }
}
