//! What the tail of a log group shows of one session's stream: the recorder's health.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

/// Whom the agent's payload names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadIdentity {
    /// `sessionId`.
    pub session_id: Arc<str>,
    /// `target.id`.
    pub target: Arc<str>,
    /// `userIdentity.arn`.
    pub owner: Arc<str>,
    /// `runAsUser`.
    pub run_as_user: Arc<str>,
}

/// What all events of one session's stream that were read so far come to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamHealth {
    /// Events that were read.
    pub events: u64,
    /// The agent's clock of the last event.
    pub last_event_at: Option<Timestamp>,
    /// AWS's clock of the last event.
    pub last_ingested_at: Option<Timestamp>,
    /// Whom the payloads name; more than [`StreamHealth::MOST_IDENTITIES`] are not kept. Hostile input.
    pub identities: BTreeSet<PayloadIdentity>,
    /// Most saturated flushes in a row (rule LOG-04).
    pub saturated_flushes: u32,
    /// When the last saturated flush was.
    pub saturated_at: Option<Timestamp>,
    /// The furthest that an event's time stamp lies before one that came earlier, in seconds.
    pub backwards_seconds: i64,
    /// The greatest difference between time stamp and ingestion, in seconds.
    pub clock_gap_seconds: i64,
    /// Delay of the last read that had events: from the payload's eventTime to the read, in seconds.
    pub delay_seconds: i64,
    /// Reads in a row whose delay was over the bound while events kept coming (rule LOG-11).
    pub delayed_reads: u32,
}

impl StreamHealth {
    /// A forged stream could name ever new ones.
    pub const MOST_IDENTITIES: usize = 8;
}
