//! The names under which policies read facts, and what each is: the one list that the engine, the schema and the documents share.

use std::fmt;

use crate::compliance::Subject;

/// The Cedar type of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactKind {
    /// `Bool`.
    Flag,
    /// `Long`.
    Number,
    /// `Long`, whole seconds.
    Seconds,
    /// `String`.
    Text,
    /// `Set<String>`.
    Texts,
    /// Tags of the resource.
    Tags,
}

impl FactKind {
    /// As a Cedar schema has it.
    pub fn cedar(self) -> &'static str {
        match self {
            Self::Flag => "Bool",
            Self::Number | Self::Seconds => "Long",
            Self::Text => "String",
            Self::Texts => "Set<String>",
            Self::Tags => "tags",
        }
    }
}

const S: u8 = Subject::Session.bit();
const N: u8 = Subject::Node.bit();
const P: u8 = Subject::Preferences.bit();
const A: u8 = Subject::Account.bit();

macro_rules! fact_names {
    ($(#[doc = $doc:literal] $variant:ident = $name:literal $kind:ident [$subjects:expr] $source:literal, $absent:literal;)+) => {
        /// A fact that policies can read, as `context.<name>`; [`FactName::NodeTags`] as tags of `resource`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FactName {
            $(#[doc = $doc] $variant,)+
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

            /// Its type.
            pub const fn kind(self) -> FactKind {
                match self {
                    $(Self::$variant => FactKind::$kind,)+
                }
            }

            /// One sentence of what it is.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $doc,)+
                }.trim()
            }

            /// Where it is read.
            pub const fn read_from(self) -> &'static str {
                match self {
                    $(Self::$variant => $source,)+
                }
            }

            /// When a session (or node, …) has none, beside its not being read; empty: never.
            pub const fn absent_when(self) -> &'static str {
                match self {
                    $(Self::$variant => $absent,)+
                }
            }

            /// Whether rules on that subject can read it.
            pub const fn is_of(self, subject: Subject) -> bool {
                let subjects: u8 = match self {
                    $(Self::$variant => $subjects,)+
                };
                subjects & subject.bit() != 0
            }
        }
    };
}

fact_names! {
    /// The session's id.
    SessionId = "session_id" Text [S] "ssm:DescribeSessions", "";
    /// The account, twelve digits.
    Account = "account" Text [S | N | P | A] "config", "";
    /// The region.
    Region = "region" Text [S | N | P] "config", "";
    /// The node's id.
    Target = "target" Text [S | N] "ssm:DescribeSessions", "";
    /// `ec2`, `hybrid` or `other`, by the form of the node's id.
    NodeKind = "node_kind" Text [S | N] "ssm:DescribeSessions", "";
    /// ARN (or user id) of who started the session; also the principal's id.
    Owner = "owner" Text [S] "ssm:DescribeSessions", "";
    /// `root`, `user`, `role`, `federated` or `other`, by the form of the owner's ARN.
    PrincipalType = "principal_type" Text [S] "ssm:DescribeSessions", "";
    /// Whether the owner matches one of `allowed_principals`.
    OwnerAllowed = "owner_allowed" Flag [S] "ssm:DescribeSessions", "";
    /// The reason without white space around it; empty: none was given.
    Reason = "reason" Text [S] "ssm:DescribeSessions", "";
    /// Whether the reason matches the ticket pattern.
    ReasonMatchesTicketPattern = "reason_matches_ticket_pattern" Flag [S] "ssm:DescribeSessions", "no ticket pattern is configured";
    /// `Standard` or `JustInTime`; the service documents Standard as what an absent AccessType means.
    AccessType = "access_type" Text [S] "ssm:DescribeSessions", "";
    /// The service's status word.
    Status = "status" Text [S] "ssm:DescribeSessions", "";
    /// Whether the session is over (Terminated or Failed).
    Ended = "ended" Flag [S] "ssm:DescribeSessions", "";
    /// How long the session has had its status, at least.
    StatusSeconds = "status_seconds" Seconds [S] "ssm:DescribeSessions", "";
    /// How old the session is, or was when it ended.
    AgeSeconds = "age_seconds" Seconds [S] "ssm:DescribeSessions", "";
    /// How long ago it ended, at least.
    SecondsSinceEnd = "seconds_since_end" Seconds [S] "ssm:DescribeSessions", "the session has not ended";
    /// A tenth of how long the session was.
    TenthOfDurationSeconds = "tenth_of_duration_seconds" Seconds [S] "ssm:DescribeSessions", "the session has not ended";
    /// Whether the session has a maximal duration.
    DurationLimited = "duration_limited" Flag [S] "ssm:DescribeSessions", "";
    /// Its maximal duration.
    MaxDurationSeconds = "max_duration_seconds" Seconds [S] "ssm:DescribeSessions", "the session has no maximal duration";
    /// Whether it started within the allowed hours and days.
    StartedInAllowedHours = "started_in_allowed_hours" Flag [S] "ssm:DescribeSessions", "no allowed hours are configured";
    /// Active sessions of the same principal, this one included, in all accounts and regions.
    PrincipalSessions = "principal_sessions" Number [S] "ssm:DescribeSessions", "";
    /// Nodes that the same principal reached within the last hour, this one included.
    PrincipalNodes = "principal_nodes" Number [S] "ssm:DescribeSessions", "";
    /// Whether the principal had no other session on this account within `new_principal_after` before this one.
    FirstOfPrincipal = "first_of_principal" Flag [S] "ssm:DescribeSessions (History)", "";
    /// The document: its name if it is this account's or Amazon's, else its ARN.
    Document = "document" Text [S] "ssm:DescribeSessions", "";
    /// The document's full ARN.
    DocumentArn = "document_arn" Text [S] "ssm:DescribeSessions", "";
    /// The document's bare name, whosever it is.
    DocumentName = "document_name" Text [S] "ssm:DescribeSessions", "";
    /// The account that owns the document, or `Amazon`.
    DocumentOwner = "document_owner" Text [S] "ssm:DescribeDocument", "";
    /// Whether every AWS account may use the document.
    DocumentPublic = "document_public" Flag [S | P] "ssm:DescribeDocumentPermission", "";
    /// The document's `sessionType`.
    SessionType = "session_type" Text [S] "ssm:GetDocument", "";
    /// Whether the document has output streamed while the session runs.
    StreamingEnabled = "streaming_enabled" Flag [S | P] "ssm:GetDocument", "";
    /// The log group that the document names; empty: none.
    LogGroup = "log_group" Text [S | P] "ssm:GetDocument", "";
    /// The document's idleSessionTimeout; 20 minutes is the service's default.
    IdleTimeoutSeconds = "idle_timeout_seconds" Seconds [S | P] "ssm:GetDocument", "";
    /// Whether the session has its log stream.
    LogStreamExists = "log_stream_exists" Flag [S] "logs:DescribeLogStreams", "";
    /// How old the session was when its log stream was last looked for.
    LogStreamSoughtAtAgeSeconds = "log_stream_sought_at_age_seconds" Seconds [S] "logs:DescribeLogStreams", "";
    /// What became of the log stream during the session: `vanished`, `made anew`; empty: nothing.
    StreamChange = "stream_change" Text [S] "logs:DescribeLogStreams", "";
    /// How long the session has printed nothing; since its start, if it never printed.
    QuietSeconds = "quiet_seconds" Seconds [S] "logs:FilterLogEvents", "";
    /// The most flushes in a row that were full (4 events of nearly 33,000 bytes).
    SaturatedFlushes = "saturated_flushes" Number [S] "logs:FilterLogEvents", "";
    /// What the payload says otherwise than the session: `sessionId`, `target`, `owner`; empty: nothing.
    PayloadMismatch = "payload_mismatch" Text [S] "logs:FilterLogEvents", "";
    /// The users that the shell ran as, by its payload.
    RunAsUsers = "run_as_users" Texts [S] "logs:FilterLogEvents", "";
    /// How far event time stamps went backwards, at the most.
    BackwardsSeconds = "backwards_seconds" Seconds [S] "logs:FilterLogEvents", "";
    /// How far event time stamps were from their ingestion, at the most.
    ClockGapSeconds = "clock_gap_seconds" Seconds [S] "logs:FilterLogEvents", "";
    /// Reads in a row that brought events over 10 s late.
    DelayedReads = "delayed_reads" Number [S] "logs:FilterLogEvents", "";
    /// How late the events of the last read were.
    DelaySeconds = "delay_seconds" Seconds [S] "logs:FilterLogEvents", "";
    /// The log archive bucket; empty: none is configured.
    ArchiveBucket = "archive_bucket" Text [S] "config or ssm:GetDocument", "";
    /// Whether the ended session has its object in the log archive.
    ArchiveObjectExists = "archive_object_exists" Flag [S] "s3:HeadObject", "";
    /// The archive object's bytes.
    ArchiveObjectSize = "archive_object_size" Number [S] "s3:HeadObject", "there is no archive object";
    /// Its encryption: `AES256`, `aws:kms`, …; empty: the service did not say.
    ArchiveObjectEncryption = "archive_object_encryption" Text [S] "s3:HeadObject", "there is no archive object";
    /// Whether it was written after the session's end, as the agent does.
    ArchiveObjectAfterEnd = "archive_object_after_end" Flag [S] "s3:HeadObject", "there is no archive object";
    /// Whether the EC2 node has an instance profile.
    HasInstanceProfile = "has_instance_profile" Flag [S | N] "ssm:DescribeInstanceProperties", "";
    /// The role that governs the node.
    NodeRole = "node_role" Text [S | N] "ssm:DescribeInstanceProperties", "the node reports no role";
    /// Policies attached to that role: ARNs, and bare names of this account's own policies.
    RolePolicies = "role_policies" Texts [S | N] "iam:ListAttachedRolePolicies", "";
    /// The policy that roles must have: name or ARN.
    MandatoryPolicy = "mandatory_policy" Text [S | N] "config", "";
    /// Actions of logging that the role is denied, each with the policy that denies it.
    DeniedActions = "denied_actions" Texts [S] "iam:GetPolicyVersion, iam:GetRolePolicy", "";
    /// What changed in the node's role or its policies during the session; empty: nothing.
    RoleChange = "role_change" Text [S] "iam:GetPolicyVersion, iam:GetRolePolicy", "";
    /// Whether the principal had a second factor.
    Mfa = "mfa" Flag [S] "cloudtrail:LookupEvents", "";
    /// Where the session was started and resumed from.
    SourceIps = "source_ips" Texts [S] "cloudtrail:LookupEvents", "";
    /// Whether all of those lie in `allowed_networks`.
    SourceIpsAllowed = "source_ips_allowed" Flag [S] "cloudtrail:LookupEvents", "";
    /// The client that started the session.
    UserAgent = "user_agent" Text [S] "cloudtrail:LookupEvents", "the record names none";
    /// Whether the session was started with an IAM user's long-term access key.
    LongTermKey = "long_term_key" Flag [S] "cloudtrail:LookupEvents", "";
    /// The host that a port session goes to; empty: the node itself.
    RemoteHost = "remote_host" Text [S] "cloudtrail:LookupEvents", "";
    /// Whether that host matches one of `denied_hosts`.
    RemoteHostDenied = "remote_host_denied" Flag [S] "cloudtrail:LookupEvents", "";
    /// The port that a port session goes to.
    RemotePort = "remote_port" Number [S] "cloudtrail:LookupEvents", "";
    /// The configured pair in which the principal's and the node's tags differ; empty: none.
    TagPairMismatch = "tag_pair_mismatch" Text [S] "iam:GetRole, tag:GetResources", "";
    /// Whether the principal carried the approval tag for this node when the session started.
    ApprovedAtStart = "approved_at_start" Flag [S] "cloudtrail:LookupEvents", "";
    /// Whether the principal carries the approval tag for this node now.
    ApprovalTagPresent = "approval_tag_present" Flag [S] "iam:GetRole", "";
    /// How old that tag is.
    ApprovalTagSeconds = "approval_tag_seconds" Seconds [S] "cloudtrail:LookupEvents", "the principal does not carry the tag";
    /// Whether a just-in-time node access policy speaks of this node.
    JitCovered = "jit_covered" Flag [S] "compliance.jit_policies", "no such policies are configured";
    /// What those policies would have said to this session: `permitted`, `refused` or `unknown`.
    JitDecision = "jit_decision" Text [S] "compliance.jit_policies", "no such policies are configured";
    /// The node's tag that marks production, as `Key=Value`; empty: none does.
    ProductionTag = "production_tag" Text [S | N] "tag:GetResources", "";
    /// The node's tags; policies read them with `resource.hasTag("…")` and `resource.getTag("…")`.
    NodeTags = "node_tags" Tags [S | N] "tag:GetResources", "";
    /// The node's name.
    NodeName = "node_name" Text [S | N] "ssm:DescribeInstanceProperties", "the node reports none";
    /// `Linux`, `Windows`, `MacOS`.
    Platform = "platform" Text [S | N] "ssm:DescribeInstanceProperties", "the node reports none";
    /// The SSM Agent's version.
    AgentVersion = "agent_version" Text [S | N] "ssm:DescribeInstanceProperties", "the node reports none";
    /// The agent's version as one number, five digits a part: 3.1.1856.0 is 3000010185600000.
    AgentVersionNumber = "agent_version_number" Number [S | N] "ssm:DescribeInstanceProperties", "the node reports none";
    /// `Online`, `ConnectionLost`, `Inactive`.
    PingStatus = "ping_status" Text [S | N] "ssm:DescribeInstanceProperties", "the node reports none";
    /// Active sessions on the node.
    ActiveSessions = "active_sessions" Number [N] "ssm:DescribeSessions", "";
    /// Active port and SSH sessions on the node.
    PortSessions = "port_sessions" Number [N] "ssm:DescribeSessions", "";
    /// Whether the preferences document exists.
    PreferencesExist = "preferences_exist" Flag [P] "ssm:GetDocument", "";
    /// Where $LATEST differs from $DEFAULT; empty: nowhere.
    LatestDifferences = "latest_differences" Texts [P] "ssm:GetDocument", "";
    /// Where $DEFAULT differs from the golden document; empty: nowhere.
    GoldenDifferences = "golden_differences" Texts [P] "ssm:GetDocument", "";
    /// `s3BucketName`; empty: none.
    S3Bucket = "s3_bucket" Text [P] "ssm:GetDocument", "";
    /// The bucket that it must be; empty: any.
    CentralBucket = "central_bucket" Text [P] "config", "";
    /// Whether `s3KeyPrefix` contains the account id.
    S3PrefixHasAccount = "s3_prefix_has_account" Flag [P] "ssm:GetDocument", "";
    /// `s3KeyPrefix`.
    S3Prefix = "s3_prefix" Text [P] "ssm:GetDocument", "";
    /// `s3EncryptionEnabled`.
    S3EncryptionEnabled = "s3_encryption_enabled" Flag [P] "ssm:GetDocument", "";
    /// Whether the log group exists.
    LogGroupExists = "log_group_exists" Flag [P] "logs:DescribeLogGroups", "the document names none";
    /// `cloudWatchEncryptionEnabled`.
    LogGroupEncryptionEnabled = "log_group_encryption_enabled" Flag [P] "ssm:GetDocument", "";
    /// `kmsKeyId`; empty: none.
    KmsKey = "kms_key" Text [P] "ssm:GetDocument", "";
    /// `maxSessionDuration`; 0: none.
    MaxSessionSeconds = "max_session_seconds" Seconds [P] "ssm:GetDocument", "";
    /// `runAsEnabled`.
    RunAsEnabled = "run_as_enabled" Flag [P] "ssm:GetDocument", "";
    /// `runAsDefaultUser`; empty: none.
    RunAsDefaultUser = "run_as_default_user" Text [P] "ssm:GetDocument", "";
    /// `shellProfile.linux`.
    ShellProfileLinux = "shell_profile_linux" Text [P] "ssm:GetDocument", "";
    /// `shellProfile.windows`.
    ShellProfileWindows = "shell_profile_windows" Text [P] "ssm:GetDocument", "";
    /// Non-compliant sessions of the account that were terminated within `threshold_window`.
    TerminatedSessions = "terminated_sessions" Number [A] "ssmwatch", "";
}

impl fmt::Display for FactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
