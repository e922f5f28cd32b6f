//! What the store has of a session.

use std::path::Path;

use jiff::Timestamp;

use crate::{
    domain::{ActKind, Alert, EndedSession, SessionKey, Subject, TrailEvent},
    store::{Record, Store, StoreError},
};

/// What was remembered of a session, of one moment; or why the store was not read.
#[derive(Debug, Clone, Default)]
pub struct Remembered {
    /// Its last verdict, if it ended while somebody watched.
    pub ended: Option<EndedSession>,
    /// What was raised on it.
    pub alerts: Vec<Alert>,
    /// CloudTrail's records of it.
    pub trail: Vec<TrailEvent>,
    /// The records of the chain about it, but for exports.
    pub records: Vec<Record>,
    /// Why the store was not read, if it was not.
    pub unread: Option<String>,
}

impl Remembered {
    /// Reads the store beside whoever writes it.
    pub fn read(path: &Path, key: &SessionKey) -> Self {
        match Store::open_to_read(path).and_then(|store| Self::read_from(&store, key)) {
            Ok(remembered) => remembered,
            Err(error @ StoreError::Absent { .. }) => Self::unread(error.to_string()),
            Err(error) => Self::unread(format!("{error}: {}", error.to_do())),
        }
    }

    /// The store was not read, for that reason.
    pub fn unread(why: String) -> Self {
        Self { unread: Some(why), ..Self::default() }
    }

    fn read_from(store: &Store, key: &SessionKey) -> Result<Self, StoreError> {
        let subject = Subject::Session(key.clone());
        let mut alerts = store.load(Timestamp::now())?.alerts;
        alerts.retain(|alert| alert.subject == subject);
        let mut records = store.records_of(key)?;
        // Each export adds some: with them no two would be alike. What cannot be read is not left out.
        records.retain(|record| record.entry().map_or(true, |entry| entry.act.kind != ActKind::Export));
        Ok(Self { ended: store.ended(key)?, alerts, trail: store.trail_of(key)?, records, unread: None })
    }
}
