//! The last hour in numbers, one sample a minute: for sparklines. Fixed in size, and honest about minutes without data.

use jiff::Timestamp;

use super::board::Counts;

/// Minutes that are kept.
pub const MINUTES: usize = 60;

/// The highest of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// Active sessions.
    pub active: usize,
    /// Of them NON_COMPLIANT.
    pub non_compliant: usize,
    /// Alerts that nobody has acknowledged.
    pub alerts: usize,
}

/// The last hour.
#[derive(Debug, Clone)]
pub struct Trend {
    /// A ring: the minute of the epoch, modulo [`MINUTES`], is the place.
    samples: [Option<(i64, Sample)>; MINUTES],
    sampled: Option<i64>,
}

impl Default for Trend {
    fn default() -> Self {
        Self { samples: [None; MINUTES], sampled: None }
    }
}

impl Trend {
    /// Whether a sample is due: one a second is enough.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.sampled != Some(now.as_second())
    }

    /// Takes a sample. While no scope is fresh there is nothing to take: a minute of only that is a gap.
    pub fn sample(&mut self, counts: &Counts, alerts: usize, now: Timestamp) {
        self.sampled = Some(now.as_second());
        if counts.fresh == 0 {
            return;
        }
        let minute = now.as_second().div_euclid(60);
        let Some(slot) = self.samples.get_mut(place(minute)) else { return };
        let known = slot.filter(|(of, _)| *of == minute).map(|(_, sample)| sample).unwrap_or_default();
        let sample = Sample {
            active: known.active.max(counts.active),
            non_compliant: known.non_compliant.max(counts.non_compliant),
            alerts: known.alerts.max(alerts),
        };
        *slot = Some((minute, sample));
    }

    /// The hour up to `now`, oldest first; `None` where there was no data, or the program did not run.
    pub fn hour(&self, now: Timestamp) -> [Option<Sample>; MINUTES] {
        let last = now.as_second().div_euclid(60);
        std::array::from_fn(|index| {
            let back = i64::try_from(MINUTES - 1 - index).unwrap_or(0);
            let minute = last - back;
            let (of, sample) = (*self.samples.get(place(minute))?)?;
            (of == minute).then_some(sample)
        })
    }
}

fn place(minute: i64) -> usize {
    usize::try_from(minute.rem_euclid(MINUTES as i64)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use jiff::SignedDuration;

    use super::*;

    fn counts(active: usize, fresh: usize) -> Counts {
        Counts { active, fresh, scopes: 2, ..Counts::default() }
    }

    #[test]
    fn a_minute_keeps_its_highest_and_one_without_data_is_a_gap() {
        let start: Timestamp = "2026-11-20T09:00:10Z".parse().unwrap();
        let at = |minutes: i64| start + SignedDuration::from_mins(minutes);
        let mut trend = Trend::default();
        trend.sample(&counts(4, 1), 2, at(0));
        trend.sample(&counts(7, 1), 0, at(0));
        trend.sample(&counts(9, 0), 0, at(1));
        trend.sample(&counts(0, 1), 0, at(2));
        let hour = trend.hour(at(3));
        let last: Vec<Option<usize>> = hour.iter().rev().take(5).map(|sample| sample.map(|of| of.active)).collect();
        assert_eq!(last, [None, Some(0), None, Some(7), None]);
        assert_eq!(hour[MINUTES - 4].unwrap().alerts, 2);
        assert!(trend.hour(at(62)).iter().all(Option::is_none), "the laptop slept for an hour");
        trend.sample(&counts(1, 2), 0, at(60));
        assert_eq!(trend.hour(at(60)).iter().flatten().count(), 2, "the minute an hour ago left its place");
    }
}
