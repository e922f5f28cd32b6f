//! The outbox: what is to be sent is written down before it is sent, and stays until it was accepted.
//!
//! A parcel may be sent twice (the run may end between the service's yes and the note of it), never not at all; its alert's id is the
//! same both times.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction, params};

use super::{
    Store, StoreError,
    error::Trouble,
    open::{from_json, limit, micros, time, to_json},
};
use crate::domain::{ActId, Alert, AlertDestination, Delivery, Parcel, Waiting};

/// Takes parcels in. One whose key is there already is the same parcel: it is not taken a second time.
pub(super) fn take(transaction: &Transaction<'_>, parcels: &[Parcel]) -> Result<(), Trouble> {
    let mut statement = transaction.prepare(
        "INSERT INTO parcels (key, parcel, alert, act, step, destination, severity, next_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (key) DO NOTHING",
    )?;
    for parcel in parcels {
        let (act, step) = parcel.act.map_or((None, None), |(act, step)| (Some(act_number(act)), Some(limit(step))));
        statement.execute(params![
            parcel.key,
            to_json(parcel)?,
            parcel.alert.as_deref(),
            act,
            step,
            destination_word(parcel.destination)?,
            parcel.severity as i64,
            micros(parcel.created_at),
        ])?;
    }
    Ok(())
}

/// A row's `delivered_at`, `proof`, `attempts`, `problem`, `to_do`, `next_at`, from that column on.
fn delivery(row: &Row<'_>, from: usize) -> Result<Delivery, Trouble> {
    Ok(match row.get::<_, Option<i64>>(from)? {
        Some(at) => {
            Delivery::Delivered { at: time(at)?, proof: row.get::<_, Option<String>>(from + 1)?.unwrap_or_default() }
        }
        None => Delivery::Waiting {
            attempts: row.get(from + 2)?,
            problem: row.get::<_, Option<String>>(from + 3)?.zip(row.get(from + 4)?),
            next_at: Some(time(row.get(from + 5)?)?),
        },
    })
}

const DELIVERY: &str = "delivered_at, proof, attempts, problem, to_do, next_at";

/// How far the messages of an alert have come: of each destination the last parcel, which is that of its last occurrence.
pub(super) fn of_alert(connection: &Connection, alert: &str) -> Result<BTreeMap<AlertDestination, Delivery>, Trouble> {
    let mut statement =
        connection.prepare(&format!("SELECT destination, {DELIVERY} FROM parcels WHERE alert = ?1 ORDER BY id"))?;
    let mut rows = statement.query([alert])?;
    let mut deliveries = BTreeMap::new();
    while let Some(row) = rows.next()? {
        deliveries.insert(destination(row.get(0)?)?, delivery(row, 1)?);
    }
    Ok(deliveries)
}

/// Messages that wait, by destination.
pub(super) fn undelivered(connection: &Connection) -> Result<Vec<(AlertDestination, u64)>, Trouble> {
    let mut statement = connection
        .prepare("SELECT destination, count(*) FROM parcels WHERE delivered_at IS NULL GROUP BY destination")?;
    let mut rows = statement.query([])?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        counts.push((destination(row.get(0)?)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default()));
    }
    counts.sort_unstable();
    Ok(counts)
}

impl Store {
    /// Parcels whose time to be sent has come: the worst severity first, then the oldest.
    ///
    /// # Errors
    /// The store or a parcel cannot be read.
    pub fn due(&self, now: Timestamp, at_most: usize) -> Result<Vec<Waiting>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare(
                "SELECT id, parcel, attempts, next_at FROM parcels WHERE delivered_at IS NULL AND next_at <= ?1
                 ORDER BY severity DESC, id LIMIT ?2",
            )?;
            let mut rows = statement.query(params![micros(now), limit(at_most)])?;
            let mut due = Vec::new();
            while let Some(row) = rows.next()? {
                let id: i64 = row.get(0)?;
                due.push(Waiting {
                    id,
                    parcel: from_json(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?, || {
                        format!("parcel {id}")
                    })?,
                    attempts: row.get(2)?,
                    next_at: time(row.get(3)?)?,
                });
            }
            Ok(due)
        })
    }

    /// When the next parcel is to be sent; nothing: none waits.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|connection| {
            let next: Option<i64> =
                connection
                    .query_row("SELECT min(next_at) FROM parcels WHERE delivered_at IS NULL", [], |row| row.get(0))?;
            next.map(time).transpose()
        })
    }

    /// The service accepted these parcels; `proof` is its word for it. The alerts that they carry say so from now on, too. One that was
    /// accepted before keeps its first time and proof.
    ///
    /// # Errors
    /// It could not be noted: they will be sent again.
    pub fn delivered(&mut self, ids: &[i64], at: Timestamp, proof: &str) -> Result<(), StoreError> {
        self.write(|transaction, _| {
            for id in ids {
                let noted = transaction.execute(
                    "UPDATE parcels SET delivered_at = ?2, proof = ?3, attempts = attempts + 1
                     WHERE id = ?1 AND delivered_at IS NULL",
                    params![id, micros(at), proof],
                )?;
                if noted == 1 {
                    note_in_alert(transaction, *id)?;
                }
            }
            Ok(())
        })
    }

    /// The service did not accept these parcels: what it said, what to do about it, and when they are tried again.
    ///
    /// # Errors
    /// It could not be noted: their next try is as it was.
    pub fn not_delivered(
        &mut self,
        ids: &[i64],
        problem: &str,
        to_do: &str,
        next_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|transaction, _| {
            for id in ids {
                transaction.execute(
                    "UPDATE parcels SET attempts = attempts + 1, problem = ?2, to_do = ?3, next_at = ?4
                     WHERE id = ?1 AND delivered_at IS NULL",
                    params![id, problem, to_do, micros(next_at)],
                )?;
            }
            Ok(())
        })
    }

    /// How many messages wait, by destination; destinations without any are left out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn undelivered(&self) -> Result<Vec<(AlertDestination, u64)>, StoreError> {
        self.read(undelivered)
    }

    /// How far the messages of an alert's last occurrence have come.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn deliveries_of_alert(&self, alert: &str) -> Result<BTreeMap<AlertDestination, Delivery>, StoreError> {
        self.read(|connection| of_alert(connection, alert))
    }

    /// How far the messages have come that steps of an act wait for, by the step's index.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn deliveries_of_act(&self, act: ActId) -> Result<BTreeMap<usize, Delivery>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare(&format!("SELECT step, {DELIVERY} FROM parcels WHERE act = ?1 ORDER BY id"))?;
            let mut rows = statement.query([act_number(act)])?;
            let mut deliveries = BTreeMap::new();
            while let Some(row) = rows.next()? {
                deliveries.insert(usize::try_from(row.get::<_, i64>(0)?).unwrap_or_default(), delivery(row, 1)?);
            }
            Ok(deliveries)
        })
    }
}

/// The alert of a parcel that was accepted says so, if the parcel is of its last occurrence.
fn note_in_alert(transaction: &Transaction<'_>, parcel: i64) -> Result<(), Trouble> {
    let mut statement = transaction.prepare(
        "SELECT alerts.id, alerts.alert, parcels.destination FROM parcels JOIN alerts ON alerts.id = parcels.alert
         WHERE parcels.id = ?1",
    )?;
    let mut rows = statement.query([parcel])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let (id, alert, to): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let mut alert: Alert = from_json(&alert, || format!("alert {id}"))?;
    if overlay(transaction, &mut alert, Some(destination(to)?))? {
        transaction.execute("UPDATE alerts SET alert = ?2 WHERE id = ?1", params![id, to_json(&alert)?])?;
    }
    Ok(())
}

/// What the outbox knows of an alert's messages goes over what the alert says of those that wait. Returns whether anything changed.
pub(super) fn overlay(
    connection: &Connection,
    alert: &mut Alert,
    only: Option<AlertDestination>,
) -> Result<bool, Trouble> {
    let waits =
        |(to, delivery): (&AlertDestination, &Delivery)| delivery.is_waiting() && only.is_none_or(|only| only == *to);
    if !alert.deliveries.iter().any(waits) {
        return Ok(false);
    }
    let mut changed = false;
    for (to, known) in of_alert(connection, &alert.id)? {
        if let Some(said) = alert.deliveries.get_mut(&to)
            && said.is_waiting()
            && only.is_none_or(|only| only == to)
            && *said != known
        {
            *said = known;
            changed = true;
        }
    }
    Ok(changed)
}

fn act_number(act: ActId) -> i64 {
    i64::try_from(act).unwrap_or(i64::MAX)
}

/// As in JSON.
fn destination_word(destination: AlertDestination) -> Result<String, Trouble> {
    to_json(&destination).map(|word| word.trim_matches('"').to_owned())
}

fn destination(word: String) -> Result<AlertDestination, Trouble> {
    from_json(&format!("\"{word}\""), || format!("the destination {word}"))
}
