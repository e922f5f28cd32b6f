//! Acts: what was done, by whom and why, step by step, with outcomes.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AlertId, RuleId, SessionKey, Subject};

/// Number of an act, unique within one store.
pub type ActId = u64;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActKind {
    /// The session was ended.
    Terminate,
    /// An alert was raised by hand.
    Alert,
    /// An alert was acknowledged.
    Acknowledge,
    /// An alert was suppressed.
    Suppress,
    /// An account or a role was quarantined.
    Quarantine,
    /// A quarantine was lifted.
    LiftQuarantine,
    /// Evidence was exported.
    Export,
    /// A session was opened: its transcript was read.
    OpenTranscript,
    /// The countdown of an automatic termination was stopped.
    StopAutomatic,
    /// Automatic response was paused.
    PauseAutomatic,
    /// Automatic response was taken up again.
    ResumeAutomatic,
}

impl ActKind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::Terminate,
        Self::Alert,
        Self::Acknowledge,
        Self::Suppress,
        Self::Quarantine,
        Self::LiftQuarantine,
        Self::Export,
        Self::OpenTranscript,
        Self::StopAutomatic,
        Self::PauseAutomatic,
        Self::ResumeAutomatic,
    ];

    /// The word in records, lists and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::Alert => "alert",
            Self::Acknowledge => "acknowledge",
            Self::Suppress => "suppress",
            Self::Quarantine => "quarantine",
            Self::LiftQuarantine => "lift_quarantine",
            Self::Export => "export",
            Self::OpenTranscript => "open_transcript",
            Self::StopAutomatic => "stop_automatic",
            Self::PauseAutomatic => "pause_automatic",
            Self::ResumeAutomatic => "resume_automatic",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::Alert => "alert",
            Self::Acknowledge => "acknowledge",
            Self::Suppress => "suppress",
            Self::Quarantine => "quarantine",
            Self::LiftQuarantine => "lift quarantine",
            Self::Export => "export",
            Self::OpenTranscript => "open",
            Self::StopAutomatic => "stop automatic",
            Self::PauseAutomatic => "pause automatic",
            Self::ResumeAutomatic => "resume automatic",
        }
    }

    /// Whether it changes something at AWS, or sends something there.
    pub fn writes(self) -> bool {
        matches!(self, Self::Terminate | Self::Alert | Self::Quarantine | Self::LiftQuarantine)
    }
}

/// How far an act, or one step of it, has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ActOutcome {
    /// Written down, on its way.
    Started,
    /// Sent; the proof is awaited.
    Sent,
    /// In the outbox: it is sent until it is accepted, even after a restart.
    Waiting {
        /// What the last try came to; empty: none so far.
        what: String,
        /// One line of what to do.
        to_do: String,
        /// Tries so far.
        attempts: u32,
    },
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

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The user of the operating system.
    pub user: String,
    /// The caller identity's ARN in the account that is acted on, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The rule that ended the session by itself; absent: done by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(rule) = &self.rule {
            write!(f, "automatic ({rule}), run by ")?;
        }
        match &self.arn {
            Some(arn) => write!(f, "{} as {arn}", self.user),
            None => f.write_str(&self.user),
        }
    }
}

/// One act and its outcome so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// Its number.
    pub id: ActId,
    /// When it was confirmed.
    pub at: Timestamp,
    /// What.
    pub kind: ActKind,
    /// On what.
    pub subject: Subject,
    /// Exactly what is written, called or made, where that is more than the subject: a policy on an account, an alert's id, a folder.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub target: String,
    /// The session's owner at that time; empty where there is none.
    pub owner: String,
    /// Why, in the analyst's words.
    pub reason: String,
    /// Who.
    pub actor: Actor,
    /// SHA-256, in hexadecimal digits, of the facts and findings that were on the screen; absent where nothing was judged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence_sha256: Option<String>,
    /// The steps with their outcomes: one for a termination (and one for its metric), one a destination for an alert.
    pub steps: Vec<ActStep>,
}

impl Act {
    /// The session that it is about.
    pub fn session(&self) -> Option<&SessionKey> {
        self.subject.session()
    }

    /// All steps have an outcome.
    pub fn is_over(&self) -> bool {
        self.steps.iter().all(|step| step.outcome.is_final())
    }

    /// Whether it was done by a rule.
    pub fn is_automatic(&self) -> bool {
        self.actor.rule.is_some()
    }
}

/// A part of an act that succeeds or fails by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActStep {
    /// Its name, for people ("terminate", "member topic").
    pub name: String,
    /// How far it has come.
    pub outcome: ActOutcome,
}

impl ActStep {
    /// A step of that name that has just begun.
    pub fn started(name: &str) -> Self {
        Self { name: name.to_owned(), outcome: ActOutcome::Started }
    }
}

/// The alert that an act is about, in its `target`.
pub fn alert_target(id: &AlertId) -> String {
    format!("alert {id}")
}
