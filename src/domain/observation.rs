//! What the watch saw: the only way in which AWS's side of the world enters the State.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use super::{
    AccountId, ArchiveObject, CredentialStanding, DocumentStanding, Fact, Failure, LogStream, Node, NodeId, NodeTags,
    RolePolicies, ScopeId, Session, SessionDocument, SessionId, SessionKey, StreamHealth, TagChange, TrailCall,
    TrailEvent,
};

/// How far the past of a scope is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PastProgress {
    /// Further pages follow.
    More,
    /// That was all.
    Whole,
    /// There is more, and it is not read: older sessions are not known.
    Cut,
}

/// One complete answer, or one classified failure.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// A complete `State=Active` listing: all pages, no error.
    Active {
        /// Where.
        scope: ScopeId,
        /// All active sessions of the scope.
        sessions: Vec<Session>,
        /// When the listing was complete.
        at: Timestamp,
    },
    /// A complete `State=History` listing back to `since`.
    History {
        /// Where.
        scope: ScopeId,
        /// Sessions that ended.
        sessions: Vec<Session>,
        /// How far back the listing reaches.
        since: Timestamp,
        /// When the listing was complete.
        at: Timestamp,
    },
    /// A page of the `State=History` listing of all sessions that the service still tells of (30 days), the last start first.
    Past {
        /// Where.
        scope: ScopeId,
        /// Sessions that ended.
        sessions: Vec<Session>,
        /// It is the first page: what follows is read anew.
        first: bool,
        /// Whether more comes.
        progress: PastProgress,
        /// When the page was read.
        at: Timestamp,
    },
    /// A page of the past could not be read. What was read before stays; the same page is tried again.
    PastFailed {
        /// Where.
        scope: ScopeId,
        /// Why.
        failure: Failure,
        /// The next try.
        retry_at: Timestamp,
        /// When it failed.
        at: Timestamp,
    },
    /// A listing failed (any page of it). What was listed before stays, and grows stale.
    ListingFailed {
        /// Where.
        scope: ScopeId,
        /// Why.
        failure: Failure,
        /// The next try.
        retry_at: Timestamp,
        /// When it failed.
        at: Timestamp,
    },
    /// Properties of nodes. On success: all nodes that were asked for; a node that is asked for and not in it is `None`.
    Nodes {
        /// Where.
        scope: ScopeId,
        /// By id.
        nodes: Vec<(NodeId, Fact<Option<Node>>)>,
    },
    /// Tags of nodes; an untagged node has an empty map.
    NodeTags {
        /// Where.
        scope: ScopeId,
        /// By id.
        tags: Vec<(NodeId, Fact<NodeTags>)>,
    },
    /// A role's attached policies. `Known(None)`: there is no such role.
    Role {
        /// Account of the role.
        account: AccountId,
        /// Role name.
        role: Arc<str>,
        /// Its policies.
        policies: Fact<Option<RolePolicies>>,
    },
    /// The preferences document. `Known(None)`: the scope has none.
    Preferences {
        /// Where.
        scope: ScopeId,
        /// SSM-SessionManagerRunShell.
        document: Fact<Option<SessionDocument>>,
    },
    /// A document that a session uses. `Known(None)`: there is no such document.
    Document {
        /// Where.
        scope: ScopeId,
        /// The name as the session has it.
        name: Arc<str>,
        /// The document.
        document: Fact<Option<SessionDocument>>,
    },
    /// The newest version of the preferences document ($LATEST). `Known(None)`: the scope has none.
    LatestPreferences {
        /// Where.
        scope: ScopeId,
        /// SSM-SessionManagerRunShell.
        document: Fact<Option<SessionDocument>>,
    },
    /// Whose a document is and who may use it. `Known(None)`: there is no such document.
    DocumentStanding {
        /// Where.
        scope: ScopeId,
        /// The name as in [`Observation::Document`].
        name: Arc<str>,
        /// Owner and sharing.
        standing: Fact<Option<DocumentStanding>>,
    },
    /// Whether the log group that the preferences name exists.
    LogGroup {
        /// Where.
        scope: ScopeId,
        /// The group.
        name: Arc<str>,
        /// It is there.
        exists: Fact<bool>,
    },
    /// Tags of a principal that holds sessions. `Known(None)`: there is no such role or user.
    PrincipalTags {
        /// Account of the principal.
        account: AccountId,
        /// Role or user name.
        principal: Arc<str>,
        /// It is a user, not a role.
        user: bool,
        /// Its tags.
        tags: Fact<Option<NodeTags>>,
    },
    /// CloudTrail was read for one call: all records between `from` and `to` that were there at `at`. Records are told once;
    /// windows overlap, since records come late and in any order.
    Trail {
        /// Where.
        scope: ScopeId,
        /// Which call was looked up.
        call: TrailCall,
        /// Begin of the time that was looked at since the watch began.
        from: Timestamp,
        /// Records that were not told before.
        events: Vec<TrailEvent>,
        /// When the lookup was complete, or why it was not.
        read: Fact<()>,
    },
    /// CloudTrail was read for changes of principals' tags, as in [`Observation::Trail`].
    TagChanges {
        /// Account of the principals.
        account: AccountId,
        /// Begin of the time that was looked at since the watch began.
        from: Timestamp,
        /// Changes that were not told before.
        changes: Vec<TagChange>,
        /// When the lookup was complete, or why it was not.
        read: Fact<()>,
    },
    /// Who held sessions before: the sessions that ended, back to `since`, by whom and when they began. Told once a scope; each failed
    /// read before that is told, with no starts.
    Principals {
        /// Where.
        scope: ScopeId,
        /// How far back the listing really reaches (of a failed one: should reach).
        since: Timestamp,
        /// Starts of ended sessions by owner ARN, in no order. Sessions that are active are not among them.
        starts: Vec<(Arc<str>, Vec<Timestamp>)>,
        /// When the listing was complete, or why it is not.
        read: Fact<()>,
    },
    /// A log group's tail was read, for all sessions that log there.
    StreamHealth {
        /// Where.
        scope: ScopeId,
        /// The group.
        log_group: Arc<str>,
        /// Sessions of which events came, or whose health changed otherwise: all that is known of their streams.
        streams: Vec<(SessionId, StreamHealth)>,
        /// When the read was complete, or why it was not.
        read: Fact<()>,
    },
    /// Log events of sessions, as the log group's tail shows them: each event once, of every session that is active or ended within the last
    /// two minutes. Those of one session mostly come in the order of their time stamps; what was missed at first comes later.
    Tailed {
        /// Where.
        scope: ScopeId,
        /// The group.
        log_group: Arc<str>,
        /// By session.
        events: Vec<(SessionId, Vec<LogEvent>)>,
        /// When they were read.
        at: Timestamp,
    },
    /// How the events of a log group come from now on.
    TailMode {
        /// Where.
        scope: ScopeId,
        /// The group.
        log_group: Arc<str>,
        /// How.
        mode: TailMode,
    },
    /// A stretch of time in which events of a log group may be missing here.
    TailGap {
        /// Where.
        scope: ScopeId,
        /// The group.
        log_group: Arc<str>,
        /// Its begin: two observations with the same one speak of the same gap.
        from: Timestamp,
        /// Its end; nothing: it goes on.
        until: Option<Timestamp>,
        /// It was read after all. Otherwise: what is over and not filled is lost to us, unless this gap is told again.
        filled: bool,
        /// What caused it.
        why: Failure,
    },
    /// Log streams of sessions. `Known(None)`: looked for, and not there.
    LogStreams {
        /// Where.
        scope: ScopeId,
        /// By session.
        streams: Vec<(SessionId, Fact<Option<LogStream>>)>,
    },
    /// The archive object of an ended session. `Known(None)`: looked for under all key forms, and not there.
    Archive {
        /// Whose.
        session: SessionKey,
        /// The object.
        object: Fact<Option<ArchiveObject>>,
    },
    /// What the archive object of a session holds, when asked for. `Known(None)`: there is none under any key form.
    ArchiveBody {
        /// Whose.
        session: SessionKey,
        /// The object's bytes. Hostile input.
        body: Fact<Option<Arc<[u8]>>>,
        /// The object has more than the 16 MiB that are read.
        cut: bool,
    },
    /// New log events of a followed session, in API order, each once. Empty: it was read, and there was nothing new.
    Transcript {
        /// Whose.
        session: SessionKey,
        /// The events.
        events: Vec<LogEvent>,
        /// When they were read.
        at: Timestamp,
    },
    /// A followed session's log stream could not be read (`Gone`: the stream is not there, or not yet).
    TranscriptFailed {
        /// Whose.
        session: SessionKey,
        /// Why.
        failure: Failure,
        /// The next try.
        retry_at: Timestamp,
        /// When it failed.
        at: Timestamp,
    },
    /// How often the scope was asked since the start.
    ApiUse {
        /// Where.
        scope: ScopeId,
        /// Calls and throttles by IAM action.
        calls: HashMap<&'static str, ApiCount>,
    },
    /// Whose credentials the scope is read with (sts:GetCallerIdentity).
    Caller {
        /// Where.
        scope: ScopeId,
        /// The caller's ARN.
        arn: Arc<str>,
    },
    /// How it stands with one base of credentials: told when it changed.
    Credentials(Box<CredentialStanding>),
}

/// How the events of a log group come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TailMode {
    /// logs:StartLiveTail tells them within about a second; logs:FilterLogEvents looks for what that left out.
    Live,
    /// logs:FilterLogEvents is asked again and again.
    Polling {
        /// Why there is no live tail.
        why: NoLiveTail,
    },
}

/// Why a log group has no live tail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoLiveTail {
    /// The config says so.
    SwitchedOff,
    /// It cannot be begun; it is tried again.
    Failed(Failure),
}

/// Requests of one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ApiCount {
    /// Requests sent, retries not counted.
    pub calls: u64,
    /// Requests that ended throttled.
    pub throttled: u64,
    /// Requests that ended in another failure.
    pub failed: u64,
}

/// One event of a session's log stream, as CloudWatch Logs gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// The agent's clock.
    pub timestamp: Timestamp,
    /// AWS's clock at ingestion.
    pub ingested_at: Timestamp,
    /// The message: streamed JSON or plain text. Hostile input.
    pub message: String,
}
