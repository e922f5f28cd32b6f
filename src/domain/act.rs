//! Acts: what the analyst did, step by step, with outcomes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Finding, SessionKey, Severity};

/// Number of an act within one run of the program.
pub type ActId = u64;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActKind {
    /// The session was ended.
    Terminate,
    /// An alert was raised.
    Alert,
}

/// Where an alert goes; each destination has an outcome of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertDestination {
    /// The topic in the session's own account.
    MemberTopic,
    /// The organization's topic.
    CentralTopic,
    /// The CloudWatch metrics.
    Metrics,
}

impl AlertDestination {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::MemberTopic => "member topic",
            Self::CentralTopic => "central topic",
            Self::Metrics => "metrics",
        }
    }
}

/// How far an act, or one destination of it, has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ActOutcome {
    /// Written down, on its way.
    Started,
    /// Sent; the proof is awaited.
    Sent,
    /// Proven or accepted; how long it took.
    Done {
        /// Milliseconds from the key to the proof.
        took_ms: u64,
        /// What proves it, for people ("History says Terminated").
        proof: String,
    },
    /// It was (or may have been) sent, and nothing proves that it worked; what is seen later may settle it.
    Unproven {
        /// One line of what.
        what: String,
        /// One line of what to do.
        to_do: String,
    },
    /// It did not work; the words say what and what to do.
    Failed {
        /// One line of what.
        what: String,
        /// One line of what to do.
        to_do: String,
    },
}

impl ActOutcome {
    /// The one who acts has nothing more to tell.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Unproven { .. } | Self::Failed { .. })
    }
}

/// One act and its outcome so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Act {
    /// Its number.
    pub id: ActId,
    /// When the analyst confirmed it.
    pub at: Timestamp,
    /// What.
    pub kind: ActKind,
    /// Whose session.
    pub session: SessionKey,
    /// The session's owner at that time.
    pub owner: String,
    /// Why, in the analyst's words.
    pub reason: String,
    /// Who acted: OS user, and caller ARN once it is known.
    pub actor: String,
    /// The steps with their outcomes: one for a termination, one a destination for an alert.
    pub steps: Vec<ActStep>,
}

/// A part of an act that succeeds or fails by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActStep {
    /// Its name, for people ("terminate", "member topic").
    pub name: String,
    /// How far it has come.
    pub outcome: ActOutcome,
}

/// What an alert says; the sender adds ids and writes the contract's JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertBody {
    /// The finding that is raised, or nothing when the analyst raises the session as such.
    pub finding: Option<Finding>,
    /// The severity that the alert carries.
    pub severity: Severity,
    /// Why, in the analyst's words.
    pub reason: String,
}
