//! One session: what DescribeSessions knows of it, and what goes on in it.

use jiff::Timestamp;

use super::{
    agent::{Envelope, Recording},
    clock::Moment,
    shell::{Act, Shell},
    trail::Caller,
};
use crate::sim::scenario::Archive;

/// Where a session is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The channel is being opened.
    Connecting,
    /// Client and node talk.
    Connected,
    /// The client is gone; it may resume.
    Disconnected,
    /// It is being ended.
    Terminating,
    /// It is over.
    Terminated,
    /// It never came to be.
    Failed,
}

impl Status {
    /// As AWS writes it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Connecting => "Connecting",
            Status::Connected => "Connected",
            Status::Disconnected => "Disconnected",
            Status::Terminating => "Terminating",
            Status::Terminated => "Terminated",
            Status::Failed => "Failed",
        }
    }
}

/// What a session does, from its document's `sessionType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A shell (`Standard_Stream`).
    Shell,
    /// A command (`InteractiveCommands`, `NonInteractiveCommands`): never streamed.
    Command,
    /// A tunnel (`Port`): never logged.
    Port,
}

/// Where the transcript goes.
#[derive(Debug, Clone, Default)]
pub struct Logging {
    /// Log group, if any.
    pub group: Option<String>,
    /// Events while the session runs, instead of a transcript after it.
    pub streaming: bool,
    /// Bucket, if any.
    pub bucket: Option<String>,
    /// Key prefix in it.
    pub prefix: String,
}

/// A session that is or was.
#[derive(Debug)]
pub struct Session {
    /// Session id, also the name of its log stream.
    pub id: String,
    /// Account.
    pub account: String,
    /// Region.
    pub region: String,
    /// Node id.
    pub target: String,
    /// ARN of who started it.
    pub owner: String,
    /// Document name.
    pub document: String,
    /// Reason given at the start.
    pub reason: Option<String>,
    /// Where it is in its life.
    pub status: Status,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// `maxSessionDuration` of the document, minutes.
    pub max_duration: Option<String>,
    /// JustInTime instead of Standard.
    pub just_in_time: bool,
    /// Shell, command or tunnel.
    pub kind: Kind,
    /// Where the transcript goes.
    pub logging: Logging,
    /// Who CloudTrail says started it.
    pub(super) caller: Caller,
    pub(super) envelope: Envelope,
    pub(super) recording: Recording,
    pub(super) shell: Shell,
    /// What the shell does next; taken out while the client is gone.
    pub(super) next_act: Option<Act>,
    /// A shell step is in the agenda.
    pub(super) step_due: bool,
    /// When the agent looked first; it looks once a second from there.
    pub(super) first_tick: Moment,
    pub(super) tick_due: bool,
    /// The agent has given up on CloudWatch Logs for this session.
    pub(super) log_dead: bool,
    pub(super) stream_made: bool,
    pub(super) last_activity: Moment,
    pub(super) idle_timeout: f64,
    /// Until when a terminate does not take; none: it always does.
    pub(super) stubborn_until: Option<Moment>,
    pub(super) terminate_asked: bool,
    pub(super) archive: Archive,
    /// Seat in the crowd, if it is of the crowd.
    pub(super) seat: Option<usize>,
}

impl Session {
    /// Whether DescribeSessions lists it under `Active`.
    pub fn is_active(&self) -> bool {
        !matches!(self.status, Status::Terminated | Status::Failed)
    }
}
