//! What is remembered of sessions and of those who hold them.

use jiff::Timestamp;
use rusqlite::{Connection, Params, params};

use super::{
    Store, StoreError,
    error::Trouble,
    open::{from_json, limit, micros, time, to_json},
};
use crate::domain::{EndedSession, PrincipalSeen, ScopeId, SessionKey, TrailEvent};

/// How many rows were forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forgotten {
    /// Ended sessions.
    pub ended: usize,
    /// CloudTrail's records.
    pub trail: usize,
    /// Alerts that were resolved.
    pub alerts: usize,
    /// Parcels that were delivered.
    pub parcels: usize,
}

impl Store {
    /// Writes ended sessions with their last verdicts; one that is there already is replaced.
    ///
    /// # Errors
    /// They could not be written: none of them was.
    pub fn keep_ended(&mut self, sessions: &[EndedSession]) -> Result<(), StoreError> {
        self.write(|transaction, _| {
            let mut statement = transaction.prepare(
                "INSERT INTO ended (account, region, id, owner, ended_at, session) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (account, region, id) DO UPDATE
                 SET owner = excluded.owner, ended_at = excluded.ended_at, session = excluded.session",
            )?;
            for session in sessions {
                let SessionKey { scope, id } = &session.key;
                statement.execute(params![
                    scope.account.as_str(),
                    scope.region.as_str(),
                    id.as_str(),
                    session.owner,
                    micros(session.ended_at),
                    to_json(session)?,
                ])?;
            }
            Ok(())
        })
    }

    /// The ended sessions of one owner, the last one first.
    ///
    /// # Errors
    /// The store or a session cannot be read.
    pub fn previous_sessions(&self, owner: &str, at_most: usize) -> Result<Vec<EndedSession>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT id, session FROM ended WHERE owner = ?1 ORDER BY ended_at DESC LIMIT ?2";
            ended(connection, sql, params![owner, limit(at_most)])
        })
    }

    /// One ended session.
    ///
    /// # Errors
    /// The store or the session cannot be read.
    pub fn ended(&self, key: &SessionKey) -> Result<Option<EndedSession>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT id, session FROM ended WHERE account = ?1 AND region = ?2 AND id = ?3";
            let SessionKey { scope, id } = key;
            let found = ended(connection, sql, params![scope.account.as_str(), scope.region.as_str(), id.as_str()])?;
            Ok(found.into_iter().next())
        })
    }

    /// Sessions that ended at that time or later, the last one first.
    ///
    /// # Errors
    /// The store or a session cannot be read.
    pub fn ended_since(&self, since: Timestamp, at_most: usize) -> Result<Vec<EndedSession>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT id, session FROM ended WHERE ended_at >= ?1 ORDER BY ended_at DESC LIMIT ?2";
            ended(connection, sql, params![micros(since), limit(at_most)])
        })
    }

    /// Sessions that ended at that time or later and before the one that is named, the last one first: page by page in a steady order.
    ///
    /// # Errors
    /// The store or a session cannot be read.
    pub fn ended_before(
        &self,
        since: Timestamp,
        before: Option<(Timestamp, &SessionKey)>,
        at_most: usize,
    ) -> Result<Vec<EndedSession>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT id, session FROM ended
                       WHERE ended_at >= ?1 AND (ended_at, account, region, id) < (?2, ?3, ?4, ?5)
                       ORDER BY ended_at DESC, account DESC, region DESC, id DESC LIMIT ?6";
            let (at, account, region, id) = match before {
                Some((at, key)) => (micros(at), key.scope.account.as_str(), key.scope.region.as_str(), key.id.as_str()),
                None => (i64::MAX, "", "", ""),
            };
            ended(connection, sql, params![micros(since), at, account, region, id, limit(at_most)])
        })
    }

    /// Writes CloudTrail's records of sessions in that scope; one that is there already stays as it is.
    ///
    /// # Errors
    /// They could not be written: none of them was.
    pub fn keep_trail(&mut self, scope: &ScopeId, events: &[TrailEvent]) -> Result<(), StoreError> {
        self.write(|transaction, _| {
            let mut statement = transaction.prepare(
                "INSERT INTO trail (account, region, session, event_id, at, event) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO NOTHING",
            )?;
            for event in events {
                statement.execute(params![
                    scope.account.as_str(),
                    scope.region.as_str(),
                    event.session.as_str(),
                    &*event.event_id,
                    micros(event.at),
                    to_json(event)?,
                ])?;
            }
            Ok(())
        })
    }

    /// CloudTrail's records of a session, in the order of their time.
    ///
    /// # Errors
    /// The store or a record cannot be read.
    pub fn trail_of(&self, key: &SessionKey) -> Result<Vec<TrailEvent>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare(
                "SELECT event_id, event FROM trail WHERE account = ?1 AND region = ?2 AND session = ?3
                 ORDER BY at, event_id",
            )?;
            let SessionKey { scope, id } = key;
            let mut rows = statement.query(params![scope.account.as_str(), scope.region.as_str(), id.as_str()])?;
            let mut events = Vec::new();
            while let Some(row) = rows.next()? {
                let id: String = row.get(0)?;
                events.push(from_json(&row.get::<_, String>(1)?, || format!("CloudTrail's record {id}"))?);
            }
            Ok(events)
        })
    }

    /// Widens what is known of when principals were seen: the first time to the earlier one, the last time to the later one. Times are
    /// kept to the microsecond.
    ///
    /// # Errors
    /// It could not be written: nothing of it was.
    pub fn keep_principals(&mut self, principals: &[PrincipalSeen]) -> Result<(), StoreError> {
        self.write(|transaction, _| {
            let mut statement = transaction.prepare(
                "INSERT INTO principals (account, owner, first, last) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (account, owner) DO UPDATE
                 SET first = min(first, excluded.first), last = max(last, excluded.last)",
            )?;
            for seen in principals {
                statement.execute(params![seen.account.as_str(), seen.owner, micros(seen.first), micros(seen.last)])?;
            }
            Ok(())
        })
    }

    /// Principals that were seen at that time or later, by account and owner.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn principals(&self, since: Timestamp) -> Result<Vec<PrincipalSeen>, StoreError> {
        self.read(|connection| principals(connection, micros(since)))
    }

    /// Deletes what is older: sessions that ended before, CloudTrail's records, alerts that were resolved, parcels that were delivered.
    /// Acts stay, and so does what waits in the outbox.
    ///
    /// # Errors
    /// Nothing was deleted.
    pub fn forget(&mut self, before: Timestamp) -> Result<Forgotten, StoreError> {
        let before = micros(before);
        self.write(|transaction, _| {
            Ok(Forgotten {
                ended: transaction.execute("DELETE FROM ended WHERE ended_at < ?1", [before])?,
                trail: transaction.execute("DELETE FROM trail WHERE at < ?1", [before])?,
                alerts: transaction.execute("DELETE FROM alerts WHERE resolved_at < ?1", [before])?,
                parcels: transaction.execute("DELETE FROM parcels WHERE delivered_at < ?1", [before])?,
            })
        })
    }
}

fn ended(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<EndedSession>, Trouble> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params)?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        sessions.push(from_json(&row.get::<_, String>(1)?, || format!("session {id}"))?);
    }
    Ok(sessions)
}

pub(super) fn principals(connection: &Connection, since: i64) -> Result<Vec<PrincipalSeen>, Trouble> {
    let mut statement = connection
        .prepare("SELECT account, owner, first, last FROM principals WHERE last >= ?1 ORDER BY account, owner")?;
    let mut rows = statement.query([since])?;
    let mut seen = Vec::new();
    while let Some(row) = rows.next()? {
        seen.push(PrincipalSeen {
            account: row.get::<_, String>(0)?.into(),
            owner: row.get(1)?,
            first: time(row.get(2)?)?,
            last: time(row.get(3)?)?,
        });
    }
    Ok(seen)
}
