//! Session documents and the preferences document of a scope.

use std::sync::Arc;

use super::Fact;

/// How a session document makes its sessions (`sessionType`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SessionType {
    /// A shell; can be streamed.
    StandardStream,
    /// A command with a terminal; never streamed.
    InteractiveCommands,
    /// A command without a terminal; never streamed.
    NonInteractiveCommands,
    /// Port forwarding or SSH; nothing is ever logged.
    Port,
    /// A type unknown to us.
    Other(Arc<str>),
}

impl SessionType {
    /// The type of that name.
    pub fn parse(name: &str) -> Self {
        match name {
            "Standard_Stream" => Self::StandardStream,
            "InteractiveCommands" => Self::InteractiveCommands,
            "NonInteractiveCommands" => Self::NonInteractiveCommands,
            "Port" => Self::Port,
            other => Self::Other(other.into()),
        }
    }

    /// The name as the document has it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::StandardStream => "Standard_Stream",
            Self::InteractiveCommands => "InteractiveCommands",
            Self::NonInteractiveCommands => "NonInteractiveCommands",
            Self::Port => "Port",
            Self::Other(name) => name,
        }
    }
}

/// What we read of a session document.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionDocument {
    /// Its type; absent in the content: `Standard_Stream` is what the agent assumes.
    pub session_type: SessionType,
    /// Its own `inputs`, where it has them (preferences and custom documents).
    pub inputs: Preferences,
    /// The whole content, for the comparison with a golden document.
    pub content: Arc<serde_json::Value>,
}

/// Whose a document is, and who else may use it.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentStanding {
    /// Account id, or `Amazon`.
    pub owner: Arc<str>,
    /// Every AWS account may use it. Only the owner can ask; of another's document this stays unknown.
    pub public: Fact<bool>,
}

/// The `inputs` of a session document; of SSM-SessionManagerRunShell: the scope's preferences.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preferences {
    /// `s3BucketName`; empty: no archive.
    pub s3_bucket: String,
    /// `s3KeyPrefix`.
    pub s3_prefix: String,
    /// `cloudWatchLogGroupName`; empty: no log.
    pub log_group: String,
    /// `cloudWatchStreamingEnabled`; absent: false (session-manager-logging: upload at the end).
    pub streaming: bool,
    /// `idleSessionTimeout` in minutes (1 to 60, the service's default is 20).
    pub idle_timeout_minutes: Option<u32>,
    /// `maxSessionDuration` in minutes (1 to 1440); absent: no limit.
    pub max_duration_minutes: Option<u32>,
    /// `s3EncryptionEnabled`; absent: false here, though the service's page says true (an absent switch demands nothing).
    pub s3_encrypted: bool,
    /// `cloudWatchEncryptionEnabled`.
    pub log_group_encrypted: bool,
    /// `kmsKeyId`; empty: none.
    pub kms_key: String,
    /// `runAsEnabled`.
    pub run_as_enabled: bool,
    /// `runAsDefaultUser`; empty: none.
    pub run_as_default_user: String,
    /// `shellProfile.linux`.
    pub shell_profile_linux: String,
    /// `shellProfile.windows`.
    pub shell_profile_windows: String,
}
