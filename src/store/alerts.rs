//! Alerts and their workflow.

use rusqlite::{Connection, params};

use super::{
    Store, StoreError,
    error::Trouble,
    open::{from_json, micros, to_json},
    outbox,
};
use crate::{
    domain::{Alert, Parcel, Workflow},
    report::mask,
};

impl Store {
    /// Writes the alert as it stands, with what looks like a secret in the analyst's words masked, and takes its parcels into the
    /// outbox: both, or nothing. On the disk when it returns.
    ///
    /// # Errors
    /// It could not be written.
    pub fn keep_alert(&mut self, alert: &Alert, parcels: &[Parcel]) -> Result<(), StoreError> {
        let mut alert = Alert { reason: mask(&alert.reason).into_owned(), ..alert.clone() };
        let mut resolved_at = None;
        match &mut alert.workflow {
            Workflow::Suppressed { reason, .. } => *reason = mask(reason).into_owned(),
            Workflow::Resolved { at, .. } => resolved_at = Some(micros(*at)),
            Workflow::New | Workflow::Notified => {}
        }
        self.write(|transaction, _| {
            transaction.execute(
                "INSERT INTO alerts (id, alert, resolved_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (id) DO UPDATE SET alert = excluded.alert, resolved_at = excluded.resolved_at",
                params![&*alert.id, to_json(&alert)?, resolved_at],
            )?;
            outbox::take(transaction, parcels)
        })
    }

    /// All alerts that are kept, the oldest first, with what the outbox knows of their messages: less than [`Store::load`] for one that
    /// looks on while another writes.
    ///
    /// # Errors
    /// The store or an alert cannot be read.
    pub fn alerts(&self) -> Result<Vec<Alert>, StoreError> {
        self.read(all)
    }
}

/// All alerts that are kept, the oldest first, with what the outbox knows of their messages.
pub(super) fn all(connection: &Connection) -> Result<Vec<Alert>, Trouble> {
    let mut statement = connection.prepare("SELECT id, alert FROM alerts")?;
    let mut rows = statement.query([])?;
    let mut alerts: Vec<Alert> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let mut alert: Alert = from_json(&row.get::<_, String>(1)?, || format!("alert {id}"))?;
        outbox::overlay(connection, &mut alert, None)?;
        alerts.push(alert);
    }
    alerts.sort_by(|one, other| (one.raised_at, &one.id).cmp(&(other.raised_at, &other.id)));
    Ok(alerts)
}
