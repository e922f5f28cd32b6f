//! Which events of a log group were taken, so that each is taken once, however often and on whichever way it is shown.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, RandomState},
};

use jiff::Timestamp;

use crate::domain::LogEvent;

/// Showings of events that are remembered.
const MOST_TAKEN: usize = 100_000;

/// Who shows an event.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown<'a> {
    /// A live tail, by its number: it shows each event once, and gives it no id.
    Live(u32),
    /// FilterLogEvents, which shows an event in read after read; with its id.
    Filter(&'a str),
}

/// What is to be done with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taking {
    /// It was not taken before.
    New,
    /// It was.
    Known,
    /// It arrived so long ago that it is not remembered whether it was.
    Forgotten,
}

/// Events that were taken. Live Tail gives events no id, and equal events exist: a flood sends four of them in one millisecond. So equal ones
/// are counted, for each way on which they come: the n-th of one way is the n-th of the other.
#[derive(Debug, Default)]
pub(super) struct Taken {
    hasher: RandomState,
    /// Streams by name, numbered: their showings are forgotten together.
    streams: HashMap<Box<str>, u32>,
    next_stream: u32,
    equals: HashMap<Key, Equals>,
    /// What to forget next: the order in which showings came.
    order: VecDeque<(Timestamp, Key)>,
    /// Events that arrived up to here were forgotten again. AWS's clock: a node that writes time stamps of another time cannot push out others.
    forgotten: Option<Timestamp>,
}

/// An event as far as it can be told from others: 100,000 of them are remembered of each log group, so they are kept small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    stream: u32,
    /// Hash of the message.
    message: u64,
    /// Milliseconds of the time stamp.
    at: i64,
}

/// Events that cannot be told apart.
#[derive(Debug, Default)]
struct Equals {
    /// How many were taken.
    taken: u32,
    /// The live tail that showed them last, and how many.
    live: (u32, u32),
    /// Hashes of the ids by which FilterLogEvents showed them.
    ids: Ids,
    /// Places in the order.
    places: u32,
}

/// Nearly always one, or none: the set is boxed so that those stay small.
#[derive(Debug, Default)]
#[allow(clippy::box_collection)]
enum Ids {
    #[default]
    None,
    One(u64),
    Many(Box<HashSet<u64, BuildHasherDefault<DefaultHasher>>>),
}

impl Ids {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Many(ids) => ids.len(),
        }
    }

    /// Whether it is new.
    fn insert(&mut self, id: u64) -> bool {
        match self {
            Self::None => *self = Self::One(id),
            Self::One(known) if *known == id => return false,
            Self::One(known) => *self = Self::Many(Box::new([*known, id].into_iter().collect())),
            Self::Many(ids) => return ids.insert(id),
        }
        true
    }
}

impl Taken {
    /// Forgets the events of all other streams: nobody takes them any more.
    pub(super) fn keep(&mut self, wanted: impl Fn(&str) -> bool) {
        let before = self.streams.len();
        self.streams.retain(|stream, _| wanted(stream));
        if self.streams.len() == before {
            return;
        }
        let kept: HashSet<u32> = self.streams.values().copied().collect();
        self.equals.retain(|key, _| kept.contains(&key.stream));
        self.order.retain(|(_, key)| kept.contains(&key.stream));
        self.equals.shrink_to(self.equals.len() * 2);
        self.order.shrink_to(self.order.len() * 2);
    }

    fn number(&mut self, stream: &str) -> u32 {
        if let Some(number) = self.streams.get(stream) {
            return *number;
        }
        let number = self.next_stream;
        self.next_stream = number.wrapping_add(1);
        self.streams.insert(stream.into(), number);
        number
    }

    /// Takes an event of a stream, if it was not taken before.
    pub(super) fn take(&mut self, stream: &str, event: &LogEvent, shown: Shown<'_>) -> Taking {
        let (stream, message) = (self.number(stream), self.hasher.hash_one(&event.message));
        let key = Key { stream, message, at: event.timestamp.as_millisecond() };
        let known = self.equals.contains_key(&key);
        if !known
            && matches!(shown, Shown::Filter(_))
            && self.forgotten.is_some_and(|forgotten| event.ingested_at <= forgotten)
        {
            return Taking::Forgotten;
        }
        let equals = self.equals.entry(key).or_default();
        let count = match shown {
            Shown::Live(number) => {
                let (of, count) = equals.live;
                let count = if of == number { count.saturating_add(1) } else { 1 };
                equals.live = (number, count);
                count
            }
            Shown::Filter(id) => {
                let id = self.hasher.hash_one(id);
                if !equals.ids.insert(id) {
                    return Taking::Known;
                }
                u32::try_from(equals.ids.len()).unwrap_or(u32::MAX)
            }
        };
        let new = count > equals.taken;
        equals.taken = equals.taken.max(count);
        // Each id takes room, and so does what has none yet.
        if !known || equals.ids.len() > 1 && matches!(shown, Shown::Filter(_)) {
            equals.places += 1;
            self.order.push_back((event.ingested_at, key));
        }
        self.forget();
        if new { Taking::New } else { Taking::Known }
    }

    fn forget(&mut self) {
        while self.order.len() > MOST_TAKEN {
            let Some((arrived, key)) = self.order.pop_front() else { return };
            self.forgotten = self.forgotten.max(Some(arrived));
            if let Some(equals) = self.equals.get_mut(&key) {
                equals.places = equals.places.saturating_sub(1);
                if equals.places == 0 {
                    self.equals.remove(&key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;

    fn event(second: i64, message: &str) -> LogEvent {
        let at = Timestamp::from_second(1_800_000_000 + second).unwrap();
        LogEvent { timestamp: at, ingested_at: at, message: message.to_owned() }
    }

    fn new(taken: &mut Taken, event: &LogEvent, shown: Shown<'_>) -> bool {
        taken.take("s", event, shown) == Taking::New
    }

    #[test]
    fn an_event_is_taken_once_whoever_shows_it_first() {
        let mut taken = Taken::default();
        let (first, second) = (event(1, "a"), event(2, "a"));
        assert!(new(&mut taken, &first, Shown::Live(1)));
        assert!(!new(&mut taken, &first, Shown::Filter("1")));
        assert!(!new(&mut taken, &first, Shown::Filter("1")));
        assert!(new(&mut taken, &second, Shown::Filter("2")));
        assert!(!new(&mut taken, &second, Shown::Live(1)));
        assert_eq!(taken.take("other", &second, Shown::Live(1)), Taking::New, "another stream's");
    }

    #[test]
    fn equal_events_are_counted() {
        let mut taken = Taken::default();
        let flood = event(1, "yes");
        // Two came before the stream broke; all four are in the group.
        assert_eq!([1, 1].map(|number| new(&mut taken, &flood, Shown::Live(number))), [true, true]);
        let ids = ["a", "b", "c", "d"];
        assert_eq!(ids.map(|id| new(&mut taken, &flood, Shown::Filter(id))), [false, false, true, true]);
        assert_eq!(ids.map(|id| new(&mut taken, &flood, Shown::Filter(id))), [false; 4]);
        // Another live tail counts anew.
        assert_eq!(
            [2; 5].map(|number| new(&mut taken, &flood, Shown::Live(number))),
            [false, false, false, false, true]
        );
        assert!(!new(&mut taken, &flood, Shown::Filter("e")));
    }

    #[test]
    fn a_sample_is_filled_and_what_was_filled_is_not_taken_from_the_next_stream() {
        let mut taken = Taken::default();
        let flood = event(1, "yes");
        assert!(new(&mut taken, &flood, Shown::Live(1)));
        assert_eq!(["a", "b", "c"].map(|id| new(&mut taken, &flood, Shown::Filter(id))), [false, true, true]);
        assert_eq!([2; 3].map(|number| new(&mut taken, &flood, Shown::Live(number))), [false; 3]);
    }

    #[test]
    fn the_memory_is_bounded_and_says_what_it_no_longer_knows() {
        let mut taken = Taken::default();
        let first = event(0, "first");
        assert!(new(&mut taken, &first, Shown::Live(1)));
        for number in 0..i64::try_from(MOST_TAKEN).unwrap() {
            assert!(new(&mut taken, &event(number + 1, "x"), Shown::Filter("id")));
        }
        assert_eq!((taken.order.len(), taken.equals.len()), (MOST_TAKEN, MOST_TAKEN));
        assert_eq!(taken.take("s", &first, Shown::Filter("1")), Taking::Forgotten);
        // The arrival decides, not the time stamp that the node wrote.
        let backdated = LogEvent { timestamp: first.timestamp, ..event(1_000_000, "late") };
        assert!(new(&mut taken, &backdated, Shown::Filter("2")));
    }

    #[test]
    fn what_nobody_takes_any_more_is_forgotten() {
        let mut taken = Taken::default();
        let events: Vec<LogEvent> = (0..500).map(|second| event(second, "x")).collect();
        for event in &events {
            taken.take("gone", event, Shown::Filter("1"));
            taken.take("stays", event, Shown::Live(1));
        }
        taken.keep(|stream| stream == "stays");
        assert_eq!((taken.order.len(), taken.equals.len(), taken.streams.len()), (500, 500, 1));
        for event in &events {
            assert_eq!(taken.take("stays", event, Shown::Filter("2")), Taking::Known);
        }
        assert!(taken.order.capacity() <= 1_000);
    }

    #[test]
    fn equal_events_without_end_are_bounded_too() {
        let mut taken = Taken::default();
        let flood = event(0, "yes");
        for number in 0..300 {
            assert!(new(&mut taken, &flood, Shown::Filter(&number.to_string())));
        }
        assert_eq!((taken.order.len(), taken.equals.len()), (300, 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// Whatever live tails leave out, and whenever they are begun anew and reads come in between: each event once in the end, and never more
        /// than there are.
        #[test]
        fn each_event_is_taken_once(
            // Which of three texts, whether it is shown live, whether another live tail begins before it, whether a read follows.
            events in prop::collection::vec((0_usize..3, any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.2)), 0..60),
        ) {
            let mut taken = Taken::default();
            let (mut number, mut there, mut got) = (0, Vec::new(), [0; 3]);
            let texts = ["a", "b", "c"].map(|text| event(1, text));
            let total = events.len();
            for (place, (text, shown, anew, read)) in events.into_iter().enumerate() {
                there.push(text);
                number += u32::from(anew);
                if shown && new(&mut taken, &texts[text], Shown::Live(number)) {
                    got[text] += 1;
                }
                if read || place + 1 == total {
                    for (id, text) in there.iter().enumerate() {
                        got[*text] += usize::from(new(&mut taken, &texts[*text], Shown::Filter(&id.to_string())));
                    }
                }
                for (text, got) in got.iter().enumerate() {
                    prop_assert!(*got <= there.iter().filter(|other| **other == text).count());
                }
            }
            for (text, got) in got.iter().enumerate() {
                prop_assert_eq!(*got, there.iter().filter(|other| **other == text).count());
            }
        }
    }
}
