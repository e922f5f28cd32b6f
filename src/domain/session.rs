//! Sessions and where they leave their traces.

use std::{fmt, sync::Arc};

use jiff::Timestamp;

use super::{NodeId, SessionKey};

/// `SessionStatus` of the service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SessionStatus {
    /// The client is attached.
    Connected,
    /// On its way.
    Connecting,
    /// The client is gone, the session lives.
    Disconnected,
    /// Over.
    Terminated,
    /// On its way out.
    Terminating,
    /// Never came to be.
    Failed,
    /// A status unknown to us.
    Other(Arc<str>),
}

impl SessionStatus {
    /// The status of that name.
    pub fn parse(name: &str) -> Self {
        match name {
            "Connected" => Self::Connected,
            "Connecting" => Self::Connecting,
            "Disconnected" => Self::Disconnected,
            "Terminated" => Self::Terminated,
            "Terminating" => Self::Terminating,
            "Failed" => Self::Failed,
            other => Self::Other(other.into()),
        }
    }

    /// The name as the service has it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Connected => "Connected",
            Self::Connecting => "Connecting",
            Self::Disconnected => "Disconnected",
            Self::Terminated => "Terminated",
            Self::Terminating => "Terminating",
            Self::Failed => "Failed",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for SessionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How access was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessType {
    /// By IAM alone.
    Standard,
    /// By a just-in-time node access request.
    JustInTime,
}

/// A session as ssm:DescribeSessions shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Scope and id.
    pub key: SessionKey,
    /// The node.
    pub target: NodeId,
    /// Its status.
    pub status: SessionStatus,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The document; absent: the service's default, SSM-SessionManagerRunShell.
    pub document: Option<Arc<str>>,
    /// ARN (or user id) of who started it; empty when the service sent none.
    pub owner: Arc<str>,
    /// The reason that was given; hostile input.
    pub reason: Option<Arc<str>>,
    /// `MaxSessionDuration` in minutes.
    pub max_duration_minutes: Option<u32>,
    /// The log group that the service itself names (OutputUrl); it says nothing of most sessions.
    pub log_group: Option<Arc<str>>,
    /// How access was granted, if the service says.
    pub access: Option<AccessType>,
}

impl Session {
    /// The document that an absent name stands for.
    pub const DEFAULT_DOCUMENT: &'static str = "SSM-SessionManagerRunShell";

    /// The document's name (of a full ARN, its last part).
    pub fn document_name(&self) -> &str {
        let document = self.document.as_deref().unwrap_or(Self::DEFAULT_DOCUMENT);
        if document.starts_with("arn:") { document.rsplit('/').next().unwrap_or(document) } else { document }
    }
}

/// A session's log stream as logs:DescribeLogStreams shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct LogStream {
    /// Log group that holds it.
    pub log_group: Arc<str>,
    /// Its ARN, if the service sent one.
    pub arn: Option<Arc<str>>,
    /// When the stream came to be.
    pub created_at: Option<Timestamp>,
    /// Time of the last event; eventually consistent at AWS.
    pub last_event_at: Option<Timestamp>,
}

/// A session's object in the log archive.
#[derive(Debug, Clone, PartialEq)]
pub struct ArchiveObject {
    /// Bucket.
    pub bucket: Arc<str>,
    /// Key.
    pub key: Arc<str>,
    /// Bytes.
    pub size: i64,
    /// When it was written.
    pub modified_at: Option<Timestamp>,
    /// `x-amz-server-side-encryption`: `AES256`, `aws:kms`, …; absent: the service did not say.
    pub encryption: Option<Arc<str>>,
    /// The KMS key that encrypts it.
    pub kms_key: Option<Arc<str>>,
}

impl Session {
    /// Whom the payloads of its log stream have to name.
    pub fn identity(&self) -> super::PayloadIdentity {
        super::PayloadIdentity {
            session_id: self.key.id.as_str().into(),
            target: self.target.as_str().into(),
            owner: self.owner.clone(),
            run_as_user: Arc::from(""),
        }
    }
}
