//! What is remembered from earlier runs.

use jiff::Timestamp;

use super::{AccountId, Act, ActId, Alert, AlertDestination, PrincipalSeen};

/// What the store holds of earlier runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// All alerts that are kept.
    pub alerts: Vec<Alert>,
    /// The last acts in their latest state, oldest first; all that have no outcome are among them.
    pub acts: Vec<Act>,
    /// Acts that were written down and have no outcome: the run ended before.
    pub open: Vec<ActId>,
    /// The next act's number.
    pub next_act: ActId,
    /// Proven ends of NON_COMPLIANT sessions of the last day, by account (rule THR-01).
    pub terminated: Vec<(AccountId, Timestamp)>,
    /// When automatic terminations were begun within the last hour.
    pub automatic: Vec<Timestamp>,
    /// Quarantines that were proven and not lifted since.
    pub quarantined: Vec<Act>,
    /// Automatic response was paused, and not taken up again.
    pub paused: bool,
    /// Principals that were seen (rule WHO-07).
    pub principals: Vec<PrincipalSeen>,
    /// Messages that wait in the outbox, by destination.
    pub undelivered: Vec<(AlertDestination, u64)>,
}
