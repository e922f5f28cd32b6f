//! Sessions that are over, as they are remembered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Finding, SessionKey, Severity, Verdict};

/// An ended session with its last verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndedSession {
    /// Scope and id.
    pub key: SessionKey,
    /// ARN of who started it.
    pub owner: String,
    /// The node.
    pub target: String,
    /// The document's name.
    pub document: String,
    /// The reason that was given. Hostile input.
    pub reason: String,
    /// When it started, if the service said.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How we know: the service's status, or that it was no longer listed.
    pub how: String,
    /// The last verdict.
    pub verdict: Verdict,
    /// The worst severity among the NON_COMPLIANT findings.
    pub severity: Option<Severity>,
    /// Every finding that is NON_COMPLIANT or INSUFFICIENT_DATA.
    pub findings: Vec<Finding>,
    /// Whether its object was in the log archive; `None`: not known.
    pub archived: Option<bool>,
}

/// A principal and when it was seen on an account (rule WHO-07).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalSeen {
    /// The account.
    pub account: super::AccountId,
    /// The owner's ARN.
    pub owner: String,
    /// Start of its first session that was seen.
    pub first: Timestamp,
    /// Start of its last session that was seen.
    pub last: Timestamp,
}
