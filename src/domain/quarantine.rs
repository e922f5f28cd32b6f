//! Quarantine: what will be written where, before it is.

use super::AccountId;

/// Whether a quarantine is set or lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanKind {
    /// Set.
    Set,
    /// Lifted.
    Lift,
}

/// What will be done, read from AWS before it is asked: shown to the analyst word by word.
#[derive(Debug, Clone, PartialEq)]
pub struct QuarantinePlan {
    /// Set or lifted.
    pub kind: PlanKind,
    /// The account that is changed.
    pub account: AccountId,
    /// What is changed, for people.
    pub target: String,
    /// The IAM action.
    pub action: &'static str,
    /// Exactly what is written where, line by line.
    pub writes: Vec<String>,
    /// What is in force already.
    pub already: Option<String>,
}
