//! The tables, and how an older store becomes one of this version.
//!
//! A version is never changed once it was released: what is new is a further step. Times are microseconds since 1970 (UTC);
//! what a row holds is JSON, and its other columns serve to find it.

use rusqlite::{Connection, TransactionBehavior};

use super::error::Trouble;

/// `ssmw`: tells a store from any other SQLite database (sqlite.org/pragma.html#pragma_application_id).
pub(super) const APPLICATION_ID: i64 = 0x7373_6d77;

/// The steps: the first makes version 1, each further one the next.
pub(super) const STEPS: &[&str] = &[VERSION_1];

/// `records.record` is the text that was hashed, to the byte. Its other columns are made from it, so that they cannot say anything
/// else; in a record that is no JSON (somebody changed it) they are null, and `verify` still reads the text.
/// Inside of JSON strings quotes are escaped: `"state":"sent"` can only be a step's outcome.
const VERSION_1: &str = r#"
CREATE TABLE records (
    seq INTEGER PRIMARY KEY,
    record TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    act INTEGER AS (CASE WHEN json_valid(record) THEN json_extract(record, '$.act.id') END) VIRTUAL,
    kind TEXT AS (CASE WHEN json_valid(record) THEN json_extract(record, '$.act.kind') END) VIRTUAL,
    session TEXT AS (CASE WHEN json_valid(record) AND json_extract(record, '$.act.subject.type') = 'session'
        THEN json_extract(record, '$.act.subject.of.id') END) VIRTUAL,
    unsettled INTEGER AS (instr(record, '"state":"started"') > 0 OR instr(record, '"state":"sent"') > 0
        OR instr(record, '"state":"waiting"') > 0) VIRTUAL
);
CREATE INDEX records_by_act ON records (act, seq, unsettled);
CREATE INDEX records_by_kind ON records (kind, seq);
CREATE INDEX records_by_session ON records (session, act);

CREATE TABLE chain (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seq INTEGER NOT NULL,
    sha256 TEXT NOT NULL
) STRICT;
INSERT INTO chain VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    alert TEXT NOT NULL,
    resolved_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE parcels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    parcel TEXT NOT NULL,
    alert TEXT,
    act INTEGER,
    step INTEGER,
    destination TEXT NOT NULL,
    severity INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    problem TEXT,
    to_do TEXT,
    delivered_at INTEGER,
    proof TEXT
) STRICT;
CREATE INDEX parcels_waiting ON parcels (severity DESC, id) WHERE delivered_at IS NULL;
CREATE INDEX parcels_delivered ON parcels (delivered_at) WHERE delivered_at IS NOT NULL;
CREATE INDEX parcels_of_alert ON parcels (alert, destination, id) WHERE alert IS NOT NULL;
CREATE INDEX parcels_of_act ON parcels (act, step, id) WHERE act IS NOT NULL;

CREATE TABLE ended (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    id TEXT NOT NULL,
    owner TEXT NOT NULL,
    ended_at INTEGER NOT NULL,
    session TEXT NOT NULL,
    PRIMARY KEY (account, region, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ended_of_owner ON ended (owner, ended_at);
CREATE INDEX ended_by_time ON ended (ended_at);

CREATE TABLE trail (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    session TEXT NOT NULL,
    event_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (account, region, session, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX trail_by_time ON trail (at);

CREATE TABLE principals (
    account TEXT NOT NULL,
    owner TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (account, owner)
) STRICT, WITHOUT ROWID;
"#;

/// Why a store was not brought to this version.
#[derive(Debug)]
pub(super) enum MigrationError {
    /// It is not a store.
    Foreign,
    /// A later program wrote it.
    Newer(i64),
    /// SQLite's check found something; its words.
    NotWhole(String),
    /// SQLite failed.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for MigrationError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Whether the database is a store that these steps know, and its version. An empty file is one of version 0.
pub(super) fn version(connection: &Connection, steps: &[&str]) -> Result<i64, MigrationError> {
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if application != APPLICATION_ID {
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if (application, version, tables) != (0, 0, 0) {
            return Err(MigrationError::Foreign);
        }
    }
    if usize::try_from(version).is_ok_and(|version| version <= steps.len()) {
        Ok(version)
    } else {
        Err(MigrationError::Newer(version))
    }
}

/// Takes the steps that the store lacks: all of them, or none.
pub(super) fn migrate(connection: &mut Connection, steps: &[&str]) -> Result<(), MigrationError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = version(&transaction, steps)?;
    for (next, step) in (1_i64..).zip(steps).skip(usize::try_from(version).unwrap_or_default()) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", next)?;
    }
    if version == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    Ok(transaction.commit()?)
}

/// Whether the tables are as the steps of their version make them. A trigger that somebody put in could eat what is written.
pub(super) fn check(connection: &Connection) -> Result<(), Trouble> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let fresh = Connection::open_in_memory()?;
    for step in STEPS.iter().take(usize::try_from(version).unwrap_or_default()) {
        fresh.execute_batch(step)?;
    }
    if definitions(connection)? == definitions(&fresh)? {
        Ok(())
    } else {
        Err(Trouble::Unreadable("its tables are not as ssmwatch makes them".to_owned()))
    }
}

fn definitions(connection: &Connection) -> Result<Vec<(String, String, Option<String>)>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use super::*;

    /// This version's steps and two of the future.
    fn steps() -> Vec<&'static str> {
        let mut steps = STEPS.to_vec();
        steps.push("CREATE TABLE later (a INTEGER); INSERT INTO later SELECT count(*) FROM alerts;");
        steps.push("ALTER TABLE later ADD COLUMN b TEXT;");
        steps
    }

    #[test]
    fn every_version_becomes_the_last_one() {
        let steps = steps();
        let mut fresh = Connection::open_in_memory().unwrap();
        migrate(&mut fresh, &steps).unwrap();
        for from in 0..=steps.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate(&mut connection, &steps[..from]).unwrap();
            if from > 0 {
                connection.execute("INSERT INTO alerts VALUES ('id', '{}', NULL)", []).unwrap();
            }
            migrate(&mut connection, &steps).unwrap();
            assert_eq!(version(&connection, &steps).unwrap(), i64::try_from(steps.len()).unwrap());
            assert_eq!(definitions(&connection).unwrap(), definitions(&fresh).unwrap(), "from version {from}");
            let alerts: i64 = connection.query_row("SELECT count(*) FROM alerts", [], |row| row.get(0)).unwrap();
            assert_eq!(alerts, i64::from(from > 0), "what was there stays");
            migrate(&mut connection, &steps).unwrap();
        }
    }

    #[test]
    fn a_step_that_fails_leaves_the_store_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, STEPS).unwrap();
        let before = definitions(&connection).unwrap();
        let mut broken = STEPS.to_vec();
        broken.push("CREATE TABLE later (a INTEGER);");
        broken.push("INSERT INTO nowhere VALUES (1);");
        assert!(matches!(migrate(&mut connection, &broken), Err(MigrationError::Sqlite(_))));
        assert_eq!(definitions(&connection).unwrap(), before);
        assert_eq!(version(&connection, STEPS).unwrap(), i64::try_from(STEPS.len()).unwrap());
    }

    #[test]
    fn a_later_version_and_another_programs_file_are_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &steps()).unwrap();
        assert!(matches!(migrate(&mut connection, STEPS), Err(MigrationError::Newer(3))));
        let mut foreign = Connection::open_in_memory().unwrap();
        foreign.execute_batch("CREATE TABLE theirs (a)").unwrap();
        assert!(matches!(migrate(&mut foreign, STEPS), Err(MigrationError::Foreign)));
    }
}
