//! CloudTrail as a store: records that become visible some time after the call.

use jiff::Timestamp;

/// One management event.
#[derive(Debug, Clone)]
pub struct TrailRecord {
    /// `eventID`.
    pub event_id: String,
    /// `eventName`.
    pub event_name: String,
    /// `eventSource`.
    pub event_source: String,
    /// When the call was made.
    pub event_time: Timestamp,
    /// From when on LookupEvents shows it.
    pub visible_from: Timestamp,
    /// Read-only call.
    pub read_only: bool,
    /// Access key of the caller, if the record has one.
    pub access_key_id: Option<String>,
    /// User or session name.
    pub username: String,
    /// `(type, name)` of resources.
    pub resources: Vec<(String, String)>,
    /// The record itself, JSON.
    pub record: String,
}
