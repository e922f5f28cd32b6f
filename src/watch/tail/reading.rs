//! How far FilterLogEvents read a log group, page by page.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::aws::TailPage;

/// A read looks this far behind the latest ingestion: events become visible out of order, some are delivered late (rule LOG-11 speaks from
/// ten seconds on), and a session can write before it is listed.
const OVERLAP: SignedDuration = SignedDuration::from_secs(30);
/// … and only this far where so much comes that reading it again would make the tail late.
pub(super) const OVERLAP_WHEN_LOUD: SignedDuration = SignedDuration::from_secs(5);
/// A read of more pages than this is loud.
const QUIET_PAGES: usize = 2;
/// Now and then a read looks back this far: for events whose time stamps are old already when they come (rule LOG-06), and for the first
/// events of sessions that are new here.
const LOOK_FURTHER: SignedDuration = SignedDuration::from_secs(600);
/// So many polls are from one such read to the next: two minutes at a poll every five seconds.
const POLLS_A_LONG_LOOK: u32 = 24;
/// What could not be read for longer than this is not caught up with: what happens now is more important.
const CATCH_UP: SignedDuration = SignedDuration::from_hours(1);

/// Reads of one log group.
#[derive(Debug)]
pub(super) struct Reading {
    /// Where the first read began.
    begin: Timestamp,
    /// The latest ingestion that was seen.
    position: Timestamp,
    /// … and that was seen when the last complete read was over.
    settled: Timestamp,
    /// Where the read that goes on begins; nothing: none does.
    from: Option<Timestamp>,
    token: Option<String>,
    pages: usize,
    /// The time stamp to which the read came.
    until: Option<Timestamp>,
    loud: bool,
    far_due: Instant,
    far_every: Duration,
    /// The next read goes back to here for sessions that are new.
    reach: Option<Timestamp>,
}

/// A stretch of time that is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Skipped {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Reading {
    /// A group that is to be read from there on, and then at that pace.
    pub(super) fn from(begin: Timestamp, every: Duration) -> Self {
        let far_every = every.saturating_mul(POLLS_A_LONG_LOOK);
        Self {
            begin,
            position: begin,
            settled: begin,
            from: None,
            token: None,
            pages: 0,
            until: None,
            loud: false,
            far_due: Instant::now() + far_every,
            far_every,
            reach: None,
        }
    }

    /// Where the first read began.
    pub(super) fn begin(&self) -> Timestamp {
        self.begin
    }

    /// The latest ingestion that was seen when the last complete read was over.
    pub(super) fn settled(&self) -> Timestamp {
        self.settled
    }

    /// The next read goes back to the start of a session that is new.
    pub(super) fn reach_back(&mut self, started: Timestamp) {
        self.reach = Some(self.reach.map_or(started, |reach| reach.min(started)));
    }

    /// A session is new, and was not looked for yet.
    pub(super) fn is_to_reach_back(&self) -> bool {
        self.reach.is_some()
    }

    /// A read goes on.
    pub(super) fn is_going_on(&self) -> bool {
        self.from.is_some()
    }

    /// The page that is to be read now: the start of the read, and the token.
    pub(super) fn next_page(&mut self) -> (Timestamp, Option<String>) {
        let from = match self.from {
            Some(from) => from,
            None => self.start(Instant::now(), Timestamp::now()),
        };
        self.from = Some(from);
        (from, self.token.clone())
    }

    /// What lies further back than can be caught up with, if the last complete read was over at `read_at`: it is passed over.
    pub(super) fn skip(&mut self, read_at: Timestamp, clock: Timestamp) -> Option<Skipped> {
        let oldest = clock.checked_sub(CATCH_UP).ok()?;
        let from = self.position.max(read_at);
        if self.is_going_on() || from >= oldest {
            return None;
        }
        self.position = self.position.max(oldest.checked_add(OVERLAP).unwrap_or(oldest));
        self.begin = self.begin.max(oldest);
        Some(Skipped { from, until: oldest })
    }

    fn start(&mut self, now: Instant, clock: Timestamp) -> Timestamp {
        let before = |by| self.position.checked_sub(by).unwrap_or(self.begin);
        let mut from = before(if self.loud { OVERLAP_WHEN_LOUD } else { OVERLAP });
        if now >= self.far_due {
            self.far_due = now + self.far_every;
            from = from.min(before(LOOK_FURTHER));
        }
        from = from.max(self.begin);
        match self.reach.take() {
            // A session begins to write after its start, by its node's clock.
            Some(started) => {
                let oldest = clock.checked_sub(LOOK_FURTHER).unwrap_or(from);
                from.min(started.checked_sub(OVERLAP_WHEN_LOUD).unwrap_or(started).max(oldest))
            }
            None => from,
        }
    }

    /// Pages of the read that goes on.
    pub(super) fn pages(&self) -> usize {
        self.pages
    }

    /// The time stamp to which the read that goes on came.
    pub(super) fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// The read that goes on cannot be continued.
    pub(super) fn begin_again(&mut self) {
        (self.from, self.token, self.pages, self.until) = (None, None, 0, None);
    }

    /// Notes how far a page came; whether it was the last of the read.
    pub(super) fn came(&mut self, page: &TailPage) -> bool {
        for (_, _, event) in &page.events {
            self.position = self.position.max(event.ingested_at);
            self.until = self.until.max(Some(event.timestamp));
        }
        self.pages += 1;
        // A token that comes back would be followed for ever.
        let complete = page.next.is_none() || page.next == self.token;
        self.token.clone_from(&page.next);
        if complete {
            self.loud = self.pages > QUIET_PAGES;
            self.settled = self.position;
            self.begin_again();
        }
        complete
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::LogEvent;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn page(events: &[(i64, i64)], next: Option<&str>) -> TailPage {
        let events = events.iter().enumerate().map(|(number, (written, ingested))| {
            let (timestamp, ingested_at) = (at(*written), at(*ingested));
            ("s".to_owned(), number.to_string(), LogEvent { timestamp, ingested_at, message: String::new() })
        });
        TailPage { events: events.collect(), next: next.map(str::to_owned) }
    }

    const EVERY: Duration = Duration::from_secs(5);

    #[test]
    fn a_group_is_read_on_from_the_latest_ingestion() {
        let mut reading = Reading::from(at(0), EVERY);
        assert_eq!(reading.next_page(), (at(0), None));
        // A node whose clock is an hour ahead does not take the tail along.
        assert!(reading.came(&page(&[(100, 101), (3700, 102)], None)));
        assert_eq!(reading.next_page(), (at(72), None));
        reading.came(&page(&[(3701, 103)], None));
        assert_eq!(reading.next_page().0, at(73));
        // A group in which nothing happens is read from the same place again and again.
        reading.came(&page(&[], None));
        assert_eq!((reading.next_page().0, reading.settled()), (at(73), at(103)));
    }

    #[test]
    fn pages_of_a_read_keep_its_start_and_make_it_loud() {
        let mut reading = Reading::from(at(0), EVERY);
        reading.next_page();
        for (number, token) in [(1, "x"), (2, "y"), (3, "z")] {
            assert!(!reading.came(&page(&[(number * 10, number * 10)], Some(token))));
            assert_eq!(reading.next_page(), (at(0), Some(token.to_owned())));
        }
        assert_eq!((reading.pages(), reading.until(), reading.settled()), (3, Some(at(30)), at(0)));
        assert!(reading.came(&page(&[], None)));
        assert_eq!(reading.next_page(), (at(25), None), "less is read again");
        assert!(reading.came(&page(&[], None)));
        assert_eq!(reading.next_page(), (at(0), None), "it is quiet again");
    }

    #[test]
    fn a_token_that_comes_back_or_is_refused_ends_the_read() {
        let mut reading = Reading::from(at(0), EVERY);
        reading.next_page();
        assert!(!reading.came(&page(&[], Some("x"))));
        assert!(reading.came(&page(&[], Some("x"))));
        assert!(!reading.came(&page(&[], Some("y"))));
        reading.begin_again();
        assert_eq!(reading.next_page(), (at(0), None));
    }

    #[test]
    fn a_long_look_goes_back_further_but_never_before_the_begin() {
        let mut reading = Reading::from(at(0), EVERY);
        reading.position = at(5000);
        let later = Instant::now() + EVERY * POLLS_A_LONG_LOOK;
        assert_eq!(reading.start(later, at(5000)), at(4400));
        assert_eq!(reading.start(later, at(5000)), at(4970), "the next one has time");
        reading.far_due = later;
        reading.begin = at(4990);
        assert_eq!(reading.start(later, at(5000)), at(4990));
    }

    #[test]
    fn a_new_session_is_read_from_its_start_once() {
        let mut reading = Reading::from(at(4000), EVERY);
        reading.position = at(5000);
        reading.reach_back(at(4900));
        reading.reach_back(at(4950));
        assert_eq!(reading.start(Instant::now(), at(5000)), at(4895));
        assert!(!reading.is_to_reach_back());
        assert_eq!(reading.start(Instant::now(), at(5000)), at(4970));
        reading.reach_back(at(0));
        assert_eq!(reading.start(Instant::now(), at(5000)), at(4400), "not further than ten minutes");
    }

    #[test]
    fn what_lies_too_far_back_is_passed_over() {
        let mut reading = Reading::from(at(0), EVERY);
        reading.position = at(1000);
        assert_eq!(reading.skip(at(1200), at(4700)), None);
        assert_eq!(reading.skip(at(1200), at(9600)), Some(Skipped { from: at(1200), until: at(6000) }));
        assert_eq!(reading.start(Instant::now(), at(9600)), at(6000));
        // A group in which nothing came for hours lacks nothing.
        assert_eq!(reading.skip(at(20_000), at(20_000)), None);
    }
}
