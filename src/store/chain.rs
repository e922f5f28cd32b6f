//! The chain of acts: each record holds the SHA-256 of the one before.
//!
//! A chain shows that records were changed, removed or put in as long as its head is known: the store notes it beside the records, and
//! each export tells it to the outside. Who can write the store can write a whole new chain; only a head that is known from elsewhere
//! shows that (`ssmwatch audit verify --head`).

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    Store, StoreError,
    error::Trouble,
    open::{from_json, limit, to_json},
    outbox,
};
use crate::{
    domain::{Act, Parcel, SessionKey},
    report::mask,
};

/// What a record calls itself.
pub(super) const SCHEMA: &str = "ssmwatch.act/2";

/// What the first record holds of the one before.
pub(super) const NOTHING_BEFORE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Which record of an act it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Written before the act is sent.
    Start,
    /// A step came to an outcome.
    Outcome,
}

/// The last record of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    /// Its number: how many records there are.
    pub seq: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// One record as the chain holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place, from 1.
    pub seq: u64,
    /// Its SHA-256 as it is noted beside it.
    pub sha256: String,
    /// The JSON text that was hashed.
    pub text: String,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Entry {
    /// Its number.
    pub seq: u64,
    /// SHA-256 of the record before; zeros in the first one.
    pub previous: String,
    /// When it was written.
    pub written_at: Timestamp,
    /// Which record of the act it is.
    pub phase: Phase,
    /// The run of the program that wrote it.
    pub run: String,
    /// The act as it stood then.
    pub act: Act,
}

/// Which records are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordFilter {
    /// Only those about the sessions of this id.
    pub session: Option<String>,
    /// Only those of so many acts, the last ones.
    pub acts: Option<usize>,
}

impl Record {
    /// What it says.
    ///
    /// # Errors
    /// Why it cannot be read: somebody changed it.
    pub fn entry(&self) -> Result<Entry, serde_json::Error> {
        serde_json::from_str(&self.text)
    }
}

#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    seq: u64,
    previous: &'a str,
    written_at: Timestamp,
    phase: Phase,
    run: &'a str,
    act: &'a Act,
}

impl Store {
    /// Appends a record of the act as it stands to the chain, with what looks like a secret in its reason masked, and takes the parcels
    /// into the outbox: both, or nothing. On the disk when it returns.
    ///
    /// # Errors
    /// It could not be written. An act of phase [`Phase::Start`] must not be sent then.
    pub fn record(&mut self, phase: Phase, act: &Act, parcels: &[Parcel]) -> Result<ChainHead, StoreError> {
        let act = Act { reason: mask(&act.reason).into_owned(), ..act.clone() };
        self.write(|transaction, run| {
            let (last, previous) = noted_head(transaction)?;
            let seq = last + 1;
            let written_at = Timestamp::now();
            let number = u64::try_from(seq).unwrap_or_default();
            let text = to_json(&Written {
                schema: SCHEMA,
                seq: number,
                previous: &previous,
                written_at,
                phase,
                run,
                act: &act,
            })?;
            let sha256 = sha256(text.as_bytes());
            transaction
                .execute("INSERT INTO records (seq, record, sha256) VALUES (?1, ?2, ?3)", params![seq, text, sha256])?;
            transaction.execute("UPDATE chain SET seq = ?1, sha256 = ?2", params![seq, sha256])?;
            outbox::take(transaction, parcels)?;
            Ok(ChainHead { seq: number, sha256 })
        })
    }

    /// The last record, as the store notes it; nothing: no act was recorded so far.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn head(&self) -> Result<Option<ChainHead>, StoreError> {
        self.read(|connection| {
            let (seq, sha256) = noted_head(connection)?;
            Ok(u64::try_from(seq).ok().filter(|seq| *seq > 0).map(|seq| ChainHead { seq, sha256 }))
        })
    }

    /// Records, oldest first.
    ///
    /// # Errors
    /// The store cannot be read, or one of them is no text.
    pub fn records(&self, filter: &RecordFilter) -> Result<Vec<Record>, StoreError> {
        self.read(|connection| {
            // Written so that the index of sessions is used.
            let of_session = if filter.session.is_some() { "session = ?1" } else { "?1 IS NULL" };
            let mut statement = connection.prepare(&format!(
                "SELECT seq, sha256, record FROM records WHERE {of_session} AND (?2 IS NULL OR act IN
                 (SELECT act FROM records WHERE {of_session} GROUP BY act ORDER BY act DESC LIMIT ?2)) ORDER BY seq"
            ))?;
            let params = params![filter.session, filter.acts.map(limit)];
            let rows = statement.query_map(params, |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?)))?;
            rows.map(|row| {
                let (seq, sha256, text) = row?;
                let seq = u64::try_from(seq).map_err(|_| Trouble::Unreadable(format!("record {seq} is not ours")))?;
                Ok(Record { seq, sha256, text })
            })
            .collect()
        })
    }

    /// The records about one session, oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn records_of(&self, session: &SessionKey) -> Result<Vec<Record>, StoreError> {
        let filter = RecordFilter { session: Some(session.id.as_str().to_owned()), acts: None };
        let mut records = self.records(&filter)?;
        // One id may be in two scopes. What cannot be read is not left out.
        records.retain(|record| record.entry().map_or(true, |entry| entry.act.session() == Some(session)));
        Ok(records)
    }

    /// The acts that are looked for in their latest state, oldest first.
    ///
    /// # Errors
    /// The store or one of its records cannot be read.
    pub fn acts(&self, filter: &RecordFilter) -> Result<Vec<Act>, StoreError> {
        let mut acts = std::collections::BTreeMap::new();
        for record in self.records(filter)? {
            let entry = record.entry().map_err(|error| {
                StoreError::damaged(self.path(), format!("record {} cannot be read: {error}", record.seq))
            })?;
            acts.insert(entry.act.id, entry.act);
        }
        Ok(acts.into_values().collect())
    }
}

/// The act of a record's text.
pub(super) fn act_of(seq: i64, text: &str) -> Result<Act, Trouble> {
    from_json::<Entry>(text, || format!("record {seq}")).map(|entry| entry.act)
}

/// Number and SHA-256 of the last record as the store notes them; 0 and zeros before the first.
pub(super) fn noted_head(connection: &Connection) -> Result<(i64, String), Trouble> {
    connection
        .query_row("SELECT seq, sha256 FROM chain", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or_else(|| Trouble::Unreadable("the note of the last record is missing".to_owned()))
}

/// SHA-256 in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
