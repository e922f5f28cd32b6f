//! CloudWatch Logs as a store: groups, streams, events.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

/// Bytes that CloudWatch Logs counts for an event beside its message.
pub const EVENT_OVERHEAD: u64 = 26;

/// A log group.
#[derive(Debug, Clone)]
pub struct LogGroup {
    /// Name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Days that events are kept.
    pub retention_days: Option<i64>,
    /// KMS key ARN.
    pub kms_key: Option<String>,
    /// Streams by name.
    pub streams: BTreeMap<String, LogStream>,
}

impl LogGroup {
    /// An empty group.
    pub fn new(name: &str, created: Timestamp) -> Self {
        Self { name: name.into(), created, retention_days: None, kms_key: None, streams: BTreeMap::new() }
    }

    /// ARN without the trailing `:*`.
    pub fn arn(&self, account: &str, region: &str) -> String {
        format!("arn:aws:logs:{region}:{account}:log-group:{}", self.name)
    }
}

/// A log stream.
#[derive(Debug, Clone)]
pub struct LogStream {
    /// When it was made.
    pub created: Timestamp,
    /// Number of the stream among all that ever were, so that a token of a deleted one does not fit its successor.
    pub serial: u64,
    /// Events by time stamp; equal ones in the order of their arrival.
    pub events: Vec<Arc<LogEvent>>,
    /// Time of the last arrival.
    pub last_ingestion: Option<i64>,
}

impl LogStream {
    /// Time stamp of the earliest event, milliseconds.
    pub fn first_event(&self) -> Option<i64> {
        self.events.first().map(|event| event.timestamp)
    }

    /// Time stamp of the latest event, milliseconds.
    pub fn last_event(&self) -> Option<i64> {
        self.events.last().map(|event| event.timestamp)
    }

    /// Puts an event where its time stamp belongs.
    pub fn insert(&mut self, event: Arc<LogEvent>) {
        self.last_ingestion = Some(self.last_ingestion.unwrap_or(i64::MIN).max(event.ingestion));
        if self.last_event().is_none_or(|last| last <= event.timestamp) {
            self.events.push(event);
            return;
        }
        let at = self.events.partition_point(|other| other.timestamp <= event.timestamp);
        self.events.insert(at, event);
    }
}

/// A stored event.
#[derive(Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// Milliseconds, the producer's clock.
    pub timestamp: i64,
    /// Milliseconds, the service's clock.
    pub ingestion: i64,
    /// Text.
    pub message: String,
    /// Number of the event in the order of arrival, over all groups.
    pub serial: u64,
}

/// What arrived, in order, for Live Tail.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Account of the group.
    pub account: Arc<str>,
    /// Region of the group.
    pub region: Arc<str>,
    /// Group name.
    pub group: Arc<str>,
    /// Stream name.
    pub stream: Arc<str>,
    /// The event.
    pub event: Arc<LogEvent>,
}
