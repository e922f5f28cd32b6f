//! Alerts: findings and detections that were raised, and how far their messages have come.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ActId, Evidence, RuleId, ScopeId, Severity, Subject};

/// 32 hexadecimal digits; the same for the same rule on the same subject, in every run.
pub type AlertId = Arc<str>;

/// What was raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertSource {
    /// A compliance rule's finding.
    Finding,
    /// A detection rule that matched a transcript.
    Detection,
    /// The session as such, by an analyst.
    Hand,
}

/// Workflow of an alert, in Security Hub's words
/// (docs.aws.amazon.com/securityhub/latest/userguide/findings-workflow-status.html).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Workflow {
    /// Raised; not every topic has it.
    New,
    /// Every topic that is configured has it.
    Notified,
    /// An analyst does not want to hear of it.
    Suppressed {
        /// Until then.
        until: Timestamp,
        /// Why.
        reason: String,
        /// Who.
        by: String,
    },
    /// Its cause is gone.
    Resolved {
        /// When that was seen.
        at: Timestamp,
        /// How, for people.
        why: String,
    },
}

impl Workflow {
    /// The word of Security Hub.
    pub fn word(&self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Notified => "NOTIFIED",
            Self::Suppressed { .. } => "SUPPRESSED",
            Self::Resolved { .. } => "RESOLVED",
        }
    }

    /// Whether its cause stands and somebody wants to hear of it.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::New | Self::Notified)
    }
}

/// Who has seen an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
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

    /// Whether people are told there.
    pub fn is_topic(self) -> bool {
        self != Self::Metrics
    }
}

/// How far the message to one destination has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Delivery {
    /// In the outbox.
    Waiting {
        /// Tries so far.
        attempts: u32,
        /// What the last one came to, and what to do about it, if there was one.
        problem: Option<(String, String)>,
        /// The next try, if one is planned.
        next_at: Option<Timestamp>,
    },
    /// Accepted by the service.
    Delivered {
        /// When.
        at: Timestamp,
        /// What proves it: the service's message id, or that the metric was counted.
        proof: String,
    },
}

impl Delivery {
    /// Whether it is still to be sent.
    pub fn is_waiting(&self) -> bool {
        matches!(self, Self::Waiting { .. })
    }
}

/// A finding or a detection that was raised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Stable id.
    pub id: AlertId,
    /// The rule; `MANUAL` for a session that an analyst raised as such.
    pub rule: RuleId,
    /// Its title.
    pub title: Arc<str>,
    /// Severity as of the last update.
    pub severity: Severity,
    /// What was raised.
    pub source: AlertSource,
    /// What it is about.
    pub subject: Subject,
    /// Owner of the session; empty where there is none.
    pub owner: Arc<str>,
    /// What decided, as of the last update: cleaned, secrets masked.
    pub evidence: Vec<Evidence>,
    /// Why, in the analyst's words; empty for what was raised by itself.
    pub reason: String,
    /// Who raised it: `ssmwatch`, or the analyst.
    pub raised_by: String,
    /// Where it stands.
    pub workflow: Workflow,
    /// When it was raised first.
    pub raised_at: Timestamp,
    /// When it was raised last: again after it had been resolved or suppressed.
    pub reopened_at: Timestamp,
    /// How often it was raised, 1 or more.
    pub occurrence: u32,
    /// Who has seen it, since it was raised last.
    pub acknowledged: Option<Acknowledgement>,
    /// The messages of the last occurrence. Empty: nothing is sent.
    pub deliveries: BTreeMap<AlertDestination, Delivery>,
}

impl Alert {
    /// It stands, and nobody has seen it.
    pub fn is_unacknowledged(&self) -> bool {
        self.workflow.is_open() && self.acknowledged.is_none()
    }
}

impl Alert {
    /// It is NOTIFIED once every topic that it goes to has it. Says whether that is news.
    pub fn note_notified(&mut self) -> bool {
        let mut topics = self.deliveries.iter().filter(|(destination, _)| destination.is_topic()).peekable();
        let all = topics.peek().is_some() && topics.all(|(_, delivery)| !delivery.is_waiting());
        let news = all && self.workflow == Workflow::New;
        if news {
            self.workflow = Workflow::Notified;
        }
        news
    }
}

/// What goes to one destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// A message to a topic.
    Message {
        /// ARN of the topic, filled in.
        topic: String,
        /// At most 100 ASCII characters.
        subject: String,
        /// One JSON object.
        body: String,
        /// For filter policies.
        attributes: BTreeMap<String, String>,
    },
    /// A count in the metrics of the scope.
    Metric {
        /// CloudWatch namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Dimensions, by name.
        dimensions: Vec<(String, String)>,
    },
}

/// Something that is to be sent once: written down before it is sent, and sent until it is accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parcel {
    /// What makes it the same parcel, in every run: a second one of the same key is not taken into the outbox.
    pub key: String,
    /// The alert that it carries; `None`: the metric of a termination.
    pub alert: Option<AlertId>,
    /// The act whose step waits for it, and which step.
    pub act: Option<(ActId, usize)>,
    /// Where it goes.
    pub destination: AlertDestination,
    /// Whose credentials send it, and whose metrics count it.
    pub scope: ScopeId,
    /// The alert's severity: the worst goes first.
    pub severity: Severity,
    /// What is sent.
    pub content: Content,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A parcel in the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Its number in the outbox.
    pub id: i64,
    /// The parcel.
    pub parcel: Parcel,
    /// Tries so far.
    pub attempts: u32,
    /// The next try.
    pub next_at: Timestamp,
}

/// The rule of an alert that stands for no finding: an analyst raised the session as such.
pub const BY_HAND: &str = "MANUAL";

/// The stable id of an alert: the first 32 hexadecimal digits of a SHA-256 over rule and subject; of a session that was raised as such
/// also over what was said, and when: two of them are two alerts.
pub fn alert_id(rule: &str, subject: &Subject, said: Option<(&str, Timestamp)>) -> AlertId {
    let at = said.map(|(_, at)| at.to_string()).unwrap_or_default();
    let mut parts = vec![rule];
    match subject {
        Subject::Session(key) => {
            parts.extend([key.scope.account.as_str(), key.scope.region.as_str(), key.id.as_str()]);
        }
        Subject::Node(scope, node) => {
            parts.extend([scope.account.as_str(), scope.region.as_str(), "node", node.as_str()]);
        }
        Subject::Preferences(scope) => parts.extend([scope.account.as_str(), scope.region.as_str(), "preferences", ""]),
        Subject::Account(account) => parts.extend([account.as_str(), "account"]),
        Subject::Program => parts.push("ssmwatch"),
    }
    if let Some((reason, _)) = said {
        parts.extend([reason, at.as_str()]);
    }
    let mut hasher = Sha256::new();
    hasher.update("ssmwatch.alert/1");
    for part in parts {
        // Each part is led by its length, so that no two lists are alike.
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
