//! What an earlier run left: all that the program needs to go on where that one ended.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Params, params};

use super::{
    Entry, Phase, Store, StoreError, alerts, chain::act_of, error::Trouble, open::from_json, outbox, sessions,
};
use crate::domain::{AccountId, Act, ActKind, ActOutcome, ActStep, Delivery, Loaded, Subject};

/// So many acts are shown after a restart; those without an outcome come on top.
const ACTS: i64 = 500;
/// Ends of sessions count for rule THR-01 within a window of at most this.
const ENDS_COUNT: SignedDuration = SignedDuration::from_hours(24);
/// The ceiling of automatic terminations is one of an hour.
const CEILING: SignedDuration = SignedDuration::from_hours(1);

/// The last record of each act. Its columns come from the index alone.
const LAST: &str = "SELECT max(seq) AS seq, act, unsettled FROM records WHERE act IS NOT NULL GROUP BY act";

impl Store {
    /// What earlier runs left, of one moment.
    ///
    /// # Errors
    /// The store, or something in it that counts, cannot be read. Acting must be refused then.
    pub fn load(&self, now: Timestamp) -> Result<Loaded, StoreError> {
        let mut loaded = self.load_as_written(now)?;
        // What the outbox delivered since the act was written down last.
        for id in &loaded.open {
            let deliveries = self.deliveries_of_act(*id)?;
            let Some(act) = loaded.acts.iter_mut().find(|act| act.id == *id) else { continue };
            let began = act.at;
            for (index, delivery) in deliveries {
                if let (Some(step), Delivery::Delivered { at, proof }) = (act.steps.get_mut(index), delivery) {
                    let took = at.duration_since(began).as_millis().max(0);
                    let took_ms = u64::try_from(took).unwrap_or(u64::MAX);
                    step.outcome = ActOutcome::Done { took_ms, proof };
                }
            }
        }
        Ok(loaded)
    }

    fn load_as_written(&self, now: Timestamp) -> Result<Loaded, StoreError> {
        self.read(|connection| {
            let acts = last_acts(connection)?;
            let open = acts.iter().filter(|act| !act.is_over()).map(|act| act.id).collect();
            let last: Option<i64> = connection.query_row("SELECT max(act) FROM records", [], |row| row.get(0))?;
            let terminations = terminations(connection, now - ENDS_COUNT)?;
            Ok(Loaded {
                alerts: alerts::all(connection)?,
                acts,
                open,
                next_act: last.and_then(|last| u64::try_from(last).ok()).unwrap_or_default().saturating_add(1),
                terminated: terminations.iter().filter_map(|act| proven_end(act, now)).collect(),
                automatic: terminations
                    .iter()
                    .filter(|act| act.is_automatic() && act.at >= now - CEILING)
                    .map(|act| act.at)
                    .collect(),
                quarantined: quarantined(connection)?,
                paused: paused(connection)?,
                principals: sessions::principals(connection, i64::MIN)?,
                undelivered: outbox::undelivered(connection)?,
            })
        })
    }
}

/// The last acts and all without an outcome, in their latest state, oldest first.
fn last_acts(connection: &Connection) -> Result<Vec<Act>, Trouble> {
    let sql = format!(
        "WITH last AS ({LAST}) SELECT records.seq, records.record FROM records JOIN
         (SELECT seq, act FROM (SELECT seq, act FROM last ORDER BY act DESC LIMIT ?1)
          UNION SELECT seq, act FROM last WHERE unsettled) AS wanted ON wanted.seq = records.seq ORDER BY wanted.act"
    );
    acts(connection, &sql, [ACTS])
}

/// Terminations since then in their latest state, oldest first.
fn terminations(connection: &Connection, since: Timestamp) -> Result<Vec<Act>, Trouble> {
    let mut latest = BTreeMap::new();
    let mut statement = connection.prepare("SELECT seq, record FROM records WHERE kind = ?1 ORDER BY seq DESC")?;
    let mut rows = statement.query([ActKind::Terminate.word()])?;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        let entry: Entry = from_json(&row.get::<_, String>(1)?, || format!("record {seq}"))?;
        // Outcomes may come days after their act, but acts are begun in the order of their records, but for a clock that was set back.
        if entry.phase == Phase::Start && entry.act.at < since - ENDS_COUNT {
            break;
        }
        latest.entry(entry.act.id).or_insert(entry.act);
    }
    Ok(latest.into_values().filter(|act| act.at >= since).collect())
}

/// The account and the time, if a NON_COMPLIANT session was proven to have ended: only then its act has a step for the metric.
fn proven_end(act: &Act, now: Timestamp) -> Option<(AccountId, Timestamp)> {
    let ActOutcome::Done { took_ms, .. } = &act.steps.first()?.outcome else { return None };
    let took = SignedDuration::from_millis(i64::try_from(*took_ms).unwrap_or(i64::MAX));
    let at = act.at.checked_add(took).unwrap_or(now);
    (act.steps.len() > 1).then(|| act.subject.account().cloned().map(|account| (account, at)))?
}

/// Quarantines of which something was proven to be in force, and of which the lifting was not proven since.
fn quarantined(connection: &Connection) -> Result<Vec<Act>, Trouble> {
    let mut standing: BTreeMap<(Subject, String), Act> = BTreeMap::new();
    let done = |step: &ActStep| matches!(step.outcome, ActOutcome::Done { .. });
    let sql = format!(
        "WITH last AS ({LAST}) SELECT records.seq, records.record FROM last JOIN records ON records.seq = last.seq
         WHERE records.kind IN (?1, ?2) ORDER BY last.act"
    );
    for act in acts(connection, &sql, params![ActKind::Quarantine.word(), ActKind::LiftQuarantine.word()])? {
        let what = (act.subject.clone(), act.target.clone());
        match act.kind {
            ActKind::Quarantine if act.steps.iter().any(done) => {
                standing.insert(what, act);
            }
            ActKind::LiftQuarantine if !act.steps.is_empty() && act.steps.iter().all(done) => {
                standing.remove(&what);
            }
            _ => {}
        }
    }
    let mut standing: Vec<Act> = standing.into_values().collect();
    standing.sort_by_key(|act| act.id);
    Ok(standing)
}

/// Whether automatic response was paused last.
fn paused(connection: &Connection) -> Result<bool, Trouble> {
    let last: Option<String> = connection
        .query_row(
            "SELECT kind FROM records WHERE kind IN (?1, ?2) ORDER BY seq DESC LIMIT 1",
            [ActKind::PauseAutomatic.word(), ActKind::ResumeAutomatic.word()],
            |row| row.get(0),
        )
        .optional()?;
    Ok(last.as_deref() == Some(ActKind::PauseAutomatic.word()))
}

fn acts(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<Act>, Trouble> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params)?;
    let mut acts = Vec::new();
    while let Some(row) = rows.next()? {
        acts.push(act_of(row.get(0)?, &row.get::<_, String>(1)?)?);
    }
    Ok(acts)
}
