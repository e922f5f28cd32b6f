//! The names under which policies read facts.

use std::fmt;

macro_rules! fact_names {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// A fact that policies can read, as `context.<name>`; [`FactName::NodeTags`] as tags of `resource`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FactName {
            $($(#[$doc])* $variant,)+
        }

        impl FactName {
            /// All, in the order in which findings quote them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name that policies use.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The fact of that name.
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

fact_names! {
    /// The session's id.
    SessionId = "session_id",
    /// The account, twelve digits.
    Account = "account",
    /// The region.
    Region = "region",
    /// The node's id.
    Target = "target",
    /// `ec2`, `hybrid` or `other`, by the form of the node's id.
    NodeKind = "node_kind",
    /// ARN (or user id) of who started the session; also the principal's id.
    Owner = "owner",
    /// The reason without white space around it; empty: none was given.
    Reason = "reason",
    /// Whether the reason matches the ticket pattern; absent without a pattern.
    ReasonMatchesTicketPattern = "reason_matches_ticket_pattern",
    /// `Standard` or `JustInTime`. The service documents Standard as what an absent AccessType means.
    AccessType = "access_type",
    /// The service's status word.
    Status = "status",
    /// Whether the session is over (Terminated or Failed).
    Ended = "ended",
    /// How long the session has had its status, at least, in whole seconds.
    StatusSeconds = "status_seconds",
    /// How old the session is, or was when it ended, in whole seconds.
    AgeSeconds = "age_seconds",
    /// How long ago it ended, at least, in whole seconds; absent while it has not.
    SecondsSinceEnd = "seconds_since_end",
    /// A tenth of how long the session was, in whole seconds; absent while it has not ended.
    TenthOfDurationSeconds = "tenth_of_duration_seconds",
    /// Whether the session has a maximal duration.
    DurationLimited = "duration_limited",
    /// Its maximal duration in seconds; absent without one.
    MaxDurationSeconds = "max_duration_seconds",
    /// The document: its name if it is this account's or Amazon's, else its ARN.
    Document = "document",
    /// The document's full ARN.
    DocumentArn = "document_arn",
    /// The document's bare name, whosever it is.
    DocumentName = "document_name",
    /// The document's `sessionType`.
    SessionType = "session_type",
    /// Whether the document has output streamed while the session runs.
    StreamingEnabled = "streaming_enabled",
    /// The log group that the document names; empty: none.
    LogGroup = "log_group",
    /// Whether the session has its log stream.
    LogStreamExists = "log_stream_exists",
    /// How old the session was when its log stream was last looked for, in whole seconds.
    LogStreamSoughtAtAgeSeconds = "log_stream_sought_at_age_seconds",
    /// The log archive bucket; empty: none is configured.
    ArchiveBucket = "archive_bucket",
    /// Whether the ended session has its object in the log archive.
    ArchiveObjectExists = "archive_object_exists",
    /// The archive object's bytes; absent without an object.
    ArchiveObjectSize = "archive_object_size",
    /// Whether the EC2 node has an instance profile.
    HasInstanceProfile = "has_instance_profile",
    /// The role that governs the node.
    NodeRole = "node_role",
    /// Policies attached to that role: ARNs, and bare names of this account's own policies.
    RolePolicies = "role_policies",
    /// The policy that roles must have: name or ARN.
    MandatoryPolicy = "mandatory_policy",
    /// The node's tag that marks production, as `Key=Value`; empty: none does.
    ProductionTag = "production_tag",
    /// The node's tags; policies read them with `resource.hasTag("…")` and `resource.getTag("…")`.
    NodeTags = "node_tags",
    /// The node's name.
    NodeName = "node_name",
    /// `Linux`, `Windows`, `MacOS`.
    Platform = "platform",
    /// The SSM Agent's version.
    AgentVersion = "agent_version",
    /// `Online`, `ConnectionLost`, `Inactive`.
    PingStatus = "ping_status",
}

impl fmt::Display for FactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
