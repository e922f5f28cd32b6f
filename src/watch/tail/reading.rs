//! How far a log group was read, and which of its events were taken.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::{
    aws::TailPage,
    domain::{LogEvent, SessionId},
};

/// A read looks this far behind the latest ingestion: events become visible out of order, some are delivered late (rule LOG-11 speaks from
/// ten seconds on), and a session can write before it is listed.
const OVERLAP: SignedDuration = SignedDuration::from_secs(30);
/// … and only this far where so much comes that reading it again would make the tail late.
const OVERLAP_WHEN_LOUD: SignedDuration = SignedDuration::from_secs(5);
/// A read of more pages than this is loud.
const QUIET_PAGES: usize = 2;
/// Now and then a read looks back this far: for events whose time stamps are old already when they come (rule LOG-06).
const LOOK_FURTHER: SignedDuration = SignedDuration::from_secs(600);
/// So many polls are from one such read to the next: two minutes at a poll every five seconds.
const POLLS_A_LONG_LOOK: u32 = 24;
/// Events that are remembered, to take each once.
const MOST_TAKEN: usize = 100_000;

/// Reads of one log group, page by page.
#[derive(Debug)]
pub(super) struct Reading {
    /// Where the first read began.
    begin: Timestamp,
    /// The latest ingestion that was seen.
    position: Timestamp,
    /// Where the read that goes on begins; nothing: none does.
    from: Option<Timestamp>,
    token: Option<String>,
    pages: usize,
    /// The time stamp to which the read came.
    until: Option<Timestamp>,
    loud: bool,
    far_due: Instant,
    far_every: Duration,
    taken: Taken,
}

/// What a page brought.
#[derive(Debug)]
pub(super) struct Answer {
    /// Events that were not taken before, by session, in the order of the page.
    pub fresh: HashMap<SessionId, Vec<LogEvent>>,
    /// It was the last page of the read.
    pub complete: bool,
}

impl Reading {
    /// A group that is to be read from there on, and then at that pace.
    pub(super) fn from(begin: Timestamp, every: Duration) -> Self {
        let far_every = every.saturating_mul(POLLS_A_LONG_LOOK);
        Self {
            begin,
            position: begin,
            from: None,
            token: None,
            pages: 0,
            until: None,
            loud: false,
            far_due: Instant::now() + far_every,
            far_every,
            taken: Taken::default(),
        }
    }

    /// The page that is to be read now: the start of the read, and the token.
    pub(super) fn next_page(&mut self) -> (Timestamp, Option<String>) {
        let from = match self.from {
            Some(from) => from,
            None => self.start(Instant::now()),
        };
        self.from = Some(from);
        (from, self.token.clone())
    }

    fn start(&mut self, now: Instant) -> Timestamp {
        let before = |by| self.position.checked_sub(by).unwrap_or(self.begin);
        let near = before(if self.loud { OVERLAP_WHEN_LOUD } else { OVERLAP });
        let from = if now < self.far_due {
            near
        } else {
            self.far_due = now + self.far_every;
            // What is not remembered any more would be taken twice.
            let remembered = self.taken.forgotten.unwrap_or(self.begin);
            near.min(before(LOOK_FURTHER).max(remembered))
        };
        from.max(self.begin)
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

    /// Takes in a page. Events of other streams are passed over, and not remembered: their session may be listed yet.
    pub(super) fn take(&mut self, page: TailPage, sessions: &HashSet<SessionId>) -> Answer {
        let mut fresh: HashMap<SessionId, Vec<LogEvent>> = HashMap::new();
        for (stream, id, event) in page.events {
            self.position = self.position.max(event.ingested_at);
            self.until = self.until.max(Some(event.timestamp));
            let session = SessionId::from(stream);
            if sessions.contains(&session) && self.taken.is_new(event.timestamp, &id) {
                fresh.entry(session).or_default().push(event);
            }
        }
        self.pages += 1;
        // A token that comes back would be followed for ever.
        let complete = page.next.is_none() || page.next == self.token;
        self.token = page.next;
        if complete {
            self.loud = self.pages > QUIET_PAGES;
            self.begin_again();
        }
        Answer { fresh, complete }
    }
}

/// Events that were taken: time stamp, and a hash of the id.
#[derive(Debug, Default)]
struct Taken {
    hasher: RandomState,
    events: BTreeSet<(Timestamp, u64)>,
    /// Up to here events were forgotten again.
    forgotten: Option<Timestamp>,
}

impl Taken {
    fn is_new(&mut self, at: Timestamp, id: &str) -> bool {
        let new = self.events.insert((at, self.hasher.hash_one(id)));
        if self.events.len() > MOST_TAKEN
            && let Some((oldest, _)) = self.events.pop_first()
        {
            let behind = oldest.checked_add(SignedDuration::from_millis(1)).unwrap_or(oldest);
            self.forgotten = self.forgotten.max(Some(behind));
        }
        new
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn page(events: &[(&str, i64, i64)], next: Option<&str>) -> TailPage {
        let events = events.iter().enumerate().map(|(number, (stream, written, ingested))| {
            let (timestamp, ingested_at) = (at(*written), at(*ingested));
            let id = format!("{stream}-{written}-{ingested}-{number}");
            ((*stream).to_owned(), id, LogEvent { timestamp, ingested_at, message: String::new() })
        });
        TailPage { events: events.collect(), next: next.map(str::to_owned) }
    }

    fn sessions(ids: &[&str]) -> HashSet<SessionId> {
        ids.iter().map(|id| SessionId::from(*id)).collect()
    }

    const EVERY: Duration = Duration::from_secs(5);

    #[test]
    fn a_group_is_read_on_from_the_latest_ingestion() {
        let mut reading = Reading::from(at(0), EVERY);
        assert_eq!(reading.next_page(), (at(0), None));
        // A node whose clock is an hour ahead does not take the tail along.
        let answer = reading.take(page(&[("a", 100, 101), ("b", 3700, 102)], None), &sessions(&["a", "b"]));
        assert!(answer.complete);
        assert_eq!(answer.fresh.len(), 2);
        assert_eq!(reading.next_page(), (at(72), None));
        reading.take(page(&[("b", 3701, 103)], None), &sessions(&["b"]));
        assert_eq!(reading.next_page().0, at(73));
        // A group in which nothing happens is read from the same place again and again.
        reading.take(page(&[], None), &sessions(&["b"]));
        assert_eq!(reading.next_page().0, at(73));
    }

    #[test]
    fn pages_of_a_read_keep_its_start_and_make_it_loud() {
        let mut reading = Reading::from(at(0), EVERY);
        reading.next_page();
        for (number, token) in [(1, "x"), (2, "y"), (3, "z")] {
            let answer = reading.take(page(&[("a", number * 10, number * 10)], Some(token)), &sessions(&["a"]));
            assert!(!answer.complete);
            assert_eq!(reading.next_page(), (at(0), Some(token.to_owned())));
        }
        assert_eq!((reading.pages(), reading.until()), (3, Some(at(30))));
        assert!(reading.take(page(&[], None), &sessions(&["a"])).complete);
        assert_eq!(reading.next_page(), (at(25), None), "less is read again");
        assert!(reading.take(page(&[], None), &sessions(&["a"])).complete);
        assert_eq!(reading.next_page(), (at(0), None), "it is quiet again");
    }

    #[test]
    fn a_token_that_comes_back_or_is_refused_ends_the_read() {
        let mut reading = Reading::from(at(0), EVERY);
        reading.next_page();
        assert!(!reading.take(page(&[], Some("x")), &sessions(&[])).complete);
        assert!(reading.take(page(&[], Some("x")), &sessions(&[])).complete);
        assert!(!reading.take(page(&[], Some("y")), &sessions(&[])).complete);
        reading.begin_again();
        assert_eq!(reading.next_page(), (at(0), None));
    }

    #[test]
    fn events_are_taken_once_and_those_of_unlisted_sessions_later() {
        let mut reading = Reading::from(at(0), EVERY);
        reading.next_page();
        let both = || page(&[("a", 1, 1), ("new", 2, 2)], None);
        assert_eq!(reading.take(both(), &sessions(&["a"])).fresh.len(), 1);
        let again = reading.take(both(), &sessions(&["a", "new"])).fresh;
        assert_eq!(again.keys().map(SessionId::as_str).collect::<Vec<_>>(), ["new"]);
        assert!(reading.take(both(), &sessions(&["a", "new"])).fresh.is_empty());
    }

    #[test]
    fn a_long_look_goes_back_as_far_as_is_remembered() {
        let mut reading = Reading::from(at(0), EVERY);
        reading.position = at(5000);
        let later = Instant::now() + EVERY * POLLS_A_LONG_LOOK;
        assert_eq!(reading.start(later), at(4400));
        assert_eq!(reading.start(later), at(4970), "the next one has time");
        reading.far_due = later;
        reading.taken.forgotten = Some(at(4600));
        assert_eq!(reading.start(later), at(4600));
        // Never before where the first read began: what lay there then is not late.
        reading.far_due = later;
        reading.begin = at(4990);
        assert_eq!(reading.start(later), at(4990));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut taken = Taken::default();
        for number in 0..MOST_TAKEN + 10 {
            assert!(taken.is_new(at(i64::try_from(number).unwrap()), "id"));
        }
        assert_eq!(taken.events.len(), MOST_TAKEN);
        assert!(taken.forgotten.is_some_and(|forgotten| forgotten > at(9) && forgotten < at(10)));
    }
}
