//! Script time and the queue of what is to happen.

use std::{cmp::Ordering, collections::BinaryHeap};

/// A point in script time: microseconds since the start of the world, negative before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(pub i64);

impl Moment {
    /// That many seconds after the start.
    pub fn at(seconds: f64) -> Self {
        Self((seconds * 1e6) as i64)
    }

    /// That many seconds later.
    pub fn plus(self, seconds: f64) -> Self {
        Self(self.0.saturating_add((seconds * 1e6) as i64))
    }

    /// Seconds since the start.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// A queue by time; what is due at the same time comes in the order in which it was put in.
#[derive(Debug)]
pub struct Agenda<T> {
    heap: BinaryHeap<Entry<T>>,
    next_serial: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), next_serial: 0 }
    }
}

impl<T> Agenda<T> {
    /// Puts something in.
    pub fn put(&mut self, due: Moment, what: T) {
        self.heap.push(Entry { due, serial: self.next_serial, what });
        self.next_serial += 1;
    }

    /// Takes out the earliest that is due by then.
    pub fn take_due(&mut self, by: Moment) -> Option<(Moment, T)> {
        if self.heap.peek()?.due > by {
            return None;
        }
        self.heap.pop().map(|entry| (entry.due, entry.what))
    }
}

#[derive(Debug)]
struct Entry<T> {
    due: Moment,
    serial: u64,
    what: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<T> Eq for Entry<T> {}
impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap is a max-heap: the earliest must be the greatest.
        (other.due, other.serial).cmp(&(self.due, self.serial))
    }
}
