//! Whether the chain of acts is as it was written, and where it is not.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, types::ValueRef};
use serde::Deserialize;

use super::{
    ChainHead, Store, StoreError,
    chain::{NOTHING_BEFORE, noted_head, sha256},
    error::Trouble,
    schema,
};

/// What looking at the whole chain came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many records there are.
    pub records: u64,
    /// The last record, as the store notes it.
    pub head: Option<ChainHead>,
    /// What is wrong, in the order of the records; empty: nothing is.
    pub broken: Vec<Broken>,
}

/// A place where the chain is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Broken {
    /// The record.
    pub seq: u64,
    /// What is wrong there.
    pub what: String,
}

impl Verified {
    /// Whether the chain is as it was written.
    pub fn is_whole(&self) -> bool {
        self.broken.is_empty()
    }
}

/// A row of the records, its text hashed anew.
struct Found {
    seq: i64,
    noted: String,
    computed: String,
    /// Number and link that it holds; nothing: it cannot be read.
    link: Option<Link>,
}

impl Found {
    /// The number that it holds, if its text is the one that was hashed.
    fn number(&self) -> Option<i64> {
        self.link.as_ref().filter(|_| self.computed == self.noted).map(|link| link.seq)
    }
}

#[derive(Deserialize)]
struct Link {
    seq: i64,
    previous: String,
}

impl Store {
    /// Hashes every record anew and follows the chain from its first record to its head. `known_head`: the SHA-256 of a record that is
    /// known from elsewhere, as from an export; it must be one of the chain.
    ///
    /// # Errors
    /// The store cannot be read, or its indexes do not agree with its records.
    pub fn verify(&self, known_head: Option<&str>) -> Result<Verified, StoreError> {
        self.read(|connection| {
            let found = all(connection)?;
            let head = match noted_head(connection) {
                Ok(head) => Some(head),
                Err(Trouble::Unreadable(_)) => None,
                Err(trouble) => return Err(trouble),
            };
            let mut broken = Walk::new(&found, head.as_ref()).broken();
            if let Some(known) = known_head
                && !found.iter().any(|record| record.computed == known)
            {
                let what = format!(
                    "no record has the SHA-256 {known}: it was removed or changed, or the whole chain was written anew"
                );
                broken.push(Broken { seq: number(found.iter().map(|record| record.seq).max().unwrap_or(0)), what });
            }
            if broken.is_empty() {
                schema::check(connection)?;
                // An index that was changed would hide records from lists, not from here.
                let checked: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
                if checked != "ok" {
                    return Err(Trouble::Unreadable(checked));
                }
            }
            let head = head.filter(|(seq, _)| *seq > 0).map(|(seq, sha256)| ChainHead { seq: number(seq), sha256 });
            Ok(Verified { records: found.len() as u64, head, broken })
        })
    }
}

fn all(connection: &Connection) -> Result<Vec<Found>, Trouble> {
    let mut statement = connection.prepare("SELECT seq, sha256, record FROM records ORDER BY seq")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        // Whatever somebody put there is looked at as bytes.
        let text = bytes(row.get_ref(2)?);
        let noted = bytes(row.get_ref(1)?);
        found.push(Found {
            seq: row.get(0)?,
            noted: String::from_utf8_lossy(noted).into_owned(),
            computed: sha256(text),
            link: serde_json::from_slice(text).ok(),
        });
    }
    // Places in the table say little: who moves a record may move the others, too. What nobody changed goes by the number in it.
    found.sort_by_key(|record| (record.number().unwrap_or(record.seq), record.seq));
    Ok(found)
}

fn bytes(value: ValueRef<'_>) -> &[u8] {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => &[],
    }
}

fn number(seq: i64) -> u64 {
    u64::try_from(seq).unwrap_or_default()
}

/// The last record that is taken for one of the chain.
struct Last<'a> {
    seq: i64,
    /// What the next one may hold: what was noted and what was computed, where they differ.
    hashes: [&'a str; 2],
    /// The place in the table up to which it was looked.
    place: i64,
}

/// The way along the links.
struct Walk<'a> {
    found: &'a [Found],
    head: Option<&'a (i64, String)>,
    /// Hashes that another record, or the head, holds.
    referred: HashSet<&'a str>,
    /// Records that hold this hash of the one before.
    followers: HashMap<&'a str, Vec<usize>>,
    /// Number and place of those that are taken for records of the chain.
    taken: Vec<(i64, i64)>,
    broken: Vec<Broken>,
}

impl<'a> Walk<'a> {
    fn new(found: &'a [Found], head: Option<&'a (i64, String)>) -> Self {
        let mut followers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, record) in found.iter().enumerate() {
            if let Some(link) = &record.link {
                followers.entry(link.previous.as_str()).or_default().push(index);
            }
        }
        let mut referred: HashSet<&str> = followers.keys().copied().collect();
        referred.extend(head.map(|(_, sha256)| sha256.as_str()));
        Self { found, head, referred, followers, taken: Vec::new(), broken: Vec::new() }
    }

    fn broken(mut self) -> Vec<Broken> {
        let found = self.found;
        let mut last = Last { seq: 0, hashes: [NOTHING_BEFORE, NOTHING_BEFORE], place: 0 };
        for (index, record) in found.iter().enumerate() {
            if record.computed != record.noted {
                if self.comes_later(&last, index) {
                    self.inserted(record);
                    last.place = record.seq;
                } else {
                    last = self.changed(record, &last);
                }
                continue;
            }
            let Some(link) = &record.link else {
                self.tell(record.seq, format!("record {} was inserted: ssmwatch writes no such record", record.seq));
                last.place = record.seq;
                continue;
            };
            let follows = last.hashes.contains(&link.previous.as_str()) && Some(link.seq) == last.seq.checked_add(1);
            if !follows || !self.is_referred(record) {
                if self.comes_later(&last, index) {
                    self.inserted(record);
                    last.place = record.seq;
                    continue;
                }
                if !follows && !self.bridged(record, link, &last) {
                    last.place = record.seq;
                    continue;
                }
            }
            last = Last { seq: link.seq, hashes: [&record.computed, &record.noted], place: record.seq };
            self.taken.push((link.seq, record.seq));
        }
        self.out_of_place();
        self.end(&last);
        self.broken.sort_by_key(|broken| broken.seq);
        self.broken
    }

    fn tell(&mut self, seq: i64, what: String) {
        self.broken.push(Broken { seq: number(seq), what });
    }

    fn is_referred(&self, record: &Found) -> bool {
        self.referred.contains(record.computed.as_str())
    }

    /// A text that is not the one that was hashed: it stands where the next record should, whatever it says of itself.
    fn changed(&mut self, record: &'a Found, last: &Last<'a>) -> Last<'a> {
        let place = record.seq;
        let seq = last.seq.saturating_add(place.saturating_sub(last.place).max(1));
        if seq > last.seq.saturating_add(1) {
            self.missing(last.seq + 1, seq - 1);
        }
        self.tell(place, format!("record {place} was changed (its SHA-256 is not the one that was written)"));
        self.taken.push((seq, place));
        Last { seq, hashes: [&record.noted, &record.computed], place }
    }

    /// Whether a record further on follows the last one, and the chain goes on from there.
    fn comes_later(&self, last: &Last<'_>, index: usize) -> bool {
        let followers = last.hashes.iter().filter_map(|hash| self.followers.get(hash)).flatten();
        followers.filter(|later| **later > index).filter_map(|later| self.found.get(*later)).any(|later| {
            later.link.as_ref().is_some_and(|link| Some(link.seq) == last.seq.checked_add(1))
                && later.computed == later.noted
                && self.is_referred(later)
        })
    }

    /// A record that stands between two others that follow each other, or behind the last one.
    fn inserted(&mut self, record: &Found) {
        self.tell(record.seq, format!("record {} was inserted", record.seq));
    }

    /// A record that follows nothing: what is before it was removed or replaced. Whether the chain goes on with it.
    fn bridged(&mut self, record: &Found, link: &Link, last: &Last<'_>) -> bool {
        let (seq, place) = (link.seq, record.seq);
        let beyond = self.head.is_some_and(|(last, _)| seq > *last) && !self.is_referred(record);
        if seq <= last.seq || beyond {
            self.inserted(record);
            return false;
        }
        if seq > last.seq.saturating_add(1) {
            self.missing(last.seq + 1, seq - 1);
            return true;
        }
        let what = match last.seq {
            0 => "record 1 does not begin the chain: it was replaced, its SHA-256 with it".to_owned(),
            before => {
                format!("record {seq} does not follow record {before}: one of them was replaced, its SHA-256 with it")
            }
        };
        self.tell(place, what);
        true
    }

    fn missing(&mut self, from: i64, to: i64) {
        let what = match to - from {
            0 => format!("record {from} is missing"),
            _ => format!("records {from} to {to} are missing"),
        };
        self.tell(from, what);
    }

    /// Records of the chain that were moved: the fewest without which the others stand in their order.
    fn out_of_place(&mut self) {
        let taken = std::mem::take(&mut self.taken);
        if taken.is_sorted_by_key(|(_, place)| *place) {
            // What was inserted or removed moves what comes after it. Without that, each stands where its number says.
            if self.broken.is_empty()
                && let Some((seq, place)) = taken.iter().find(|(seq, place)| seq != place)
            {
                self.tell(*place, format!("record {seq} is out of its place: it was moved to {place}"));
            }
            return;
        }
        // The longest run of rising places: `ends` holds, for each length, the run that ends at the lowest place; each record knows
        // which one is before it in its run.
        let place = |index: &usize| taken.get(*index).map(|(_, place)| *place);
        let mut ends: Vec<usize> = Vec::new();
        let mut before: Vec<Option<usize>> = Vec::new();
        for index in 0..taken.len() {
            let length = ends.partition_point(|end| place(end) < place(&index));
            before.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter).copied()));
            match ends.get_mut(length) {
                Some(end) => *end = index,
                None => ends.push(index),
            }
        }
        let mut in_place = HashSet::new();
        let mut next = ends.last().copied();
        while let Some(index) = next {
            in_place.insert(index);
            next = before.get(index).copied().flatten();
        }
        for (_, (seq, place)) in taken.iter().enumerate().filter(|(index, _)| !in_place.contains(index)) {
            self.tell(*place, format!("record {seq} is out of its place: it was moved to {place}"));
        }
    }

    /// The last record against the note of it.
    fn end(&mut self, last: &Last<'_>) {
        let Some((seq, sha256)) = self.head else {
            self.tell(last.seq, "the note of the last record is missing".to_owned());
            return;
        };
        let before = last.seq;
        if *seq > before {
            let what = if before == 0 {
                format!("all records were removed; there were {seq}")
            } else {
                format!("the last records after {before} were removed; there were {seq}")
            };
            self.tell(before, what);
        } else if *seq < before {
            let what = match seq + 1 {
                one if one == before => format!("record {one} was inserted: the last one that was written is {seq}"),
                first => format!("records {first} to {before} were inserted: the last one that was written is {seq}"),
            };
            self.tell(seq + 1, what);
        } else if !last.hashes.contains(&sha256.as_str()) {
            self.tell(before, format!("record {before} is not the last one that was written: it was replaced"));
        }
    }
}
