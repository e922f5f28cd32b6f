//! What can happen, and what the program is to do about it.

use crossterm::event::{KeyEvent, MouseEvent};
use std::sync::Arc;

use crate::compliance::Engine;
use crate::detection::Detector;
use crate::domain::{
    ActId, ActOutcome, Alert, AlertDestination, AlertId, Delivery, EndedSession, Loaded, Observation, PrincipalSeen,
    QuarantineKind, QuarantinePlan, QuarantineRefused, ScopeId, Session, SessionKey, TrailEvent,
};

/// Everything that enters the State.
#[derive(Debug, Clone)]
// Nearly all are observations, and the queue holds a thousand: a box a message would cost more than the room.
#[allow(clippy::large_enum_variant)]
pub enum Message {
    /// The watch saw something.
    Observed(Observation),
    /// A key was pressed or repeats.
    Key(KeyEvent),
    /// The mouse was pressed, dragged, let go, or its wheel turned.
    Mouse(MouseEvent),
    /// Text was pasted (bracketed paste).
    Paste(String),
    /// The terminal has a new size: columns, rows.
    Resize(u16, u16),
    /// Time passed.
    Tick,
    /// A step of an act has come further.
    ActProgress {
        /// Which act.
        act: ActId,
        /// Which of its steps.
        step: usize,
        /// How far.
        outcome: ActOutcome,
    },
    /// The policy files were read again: the rules from now on, or why they could not be used (file:line:column and what).
    Rules(Result<Arc<Engine>, Arc<str>>),
    /// The detection rules were read again: those from now on, or why they could not be used.
    Detections(Result<Arc<dyn Detector>, Arc<str>>),
    /// The theme files were read again.
    Themes {
        /// The themes that can be used from now on.
        names: Vec<Arc<str>>,
        /// What cannot be used, one line (file:line:column and what); the looks from before stay.
        problem: Option<Arc<str>>,
        /// It is how they were at the start: no news.
        quiet: bool,
    },
    /// What earlier runs left was read from the store.
    Loaded(Box<Loaded>),
    /// The store cannot be used at all, or only for reading: acts are refused for that reason.
    StoreRefused(Arc<str>),
    /// What could not be written to the store and waits, and why; `None`: all is written.
    StoreTrouble(Option<(usize, Arc<str>)>),
    /// Alerts as the run that keeps the store has them.
    Alerts(Vec<Alert>),
    /// Messages to destinations have come further.
    Delivered(Vec<Delivered>),
    /// What waits in the outbox, by destination; alerts that were told only in a summary, since the start.
    Outbox {
        /// Messages by destination.
        undelivered: Vec<(AlertDestination, u64)>,
        /// Alerts in summaries.
        summarized: u64,
    },
    /// What a quarantine would write was read, or why it cannot be done.
    Planned(Result<Box<QuarantinePlan>, QuarantineRefused>),
    /// Earlier sessions of a principal, from the store, the last first.
    Recalled {
        /// The owner's ARN.
        owner: Arc<str>,
        /// Its sessions.
        sessions: Vec<EndedSession>,
    },
    /// People were not told, and why.
    NotTold(Arc<str>),
    /// A page of the sessions that the store remembers, the one that ended last first; or why they cannot be read.
    Stored(Result<StoredPage, Arc<str>>),
    /// One session as the store remembers it, with its findings; `None`: it does not, or cannot be read.
    Ended {
        /// Which.
        session: SessionKey,
        /// What the store has.
        found: Option<Box<EndedSession>>,
    },
    /// The end was asked for from outside (signal).
    Quit,
}

/// A message to a destination that has come further.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered {
    /// The alert that it carries; `None`: the metric of a termination.
    pub alert: Option<AlertId>,
    /// The act whose step waited for it, and which step.
    pub act: Option<(ActId, usize)>,
    /// The destination.
    pub destination: AlertDestination,
    /// How far.
    pub delivery: Delivery,
}

/// Some of the sessions that the store remembers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredPage {
    /// The one that ended last first.
    pub sessions: Vec<EndedSession>,
    /// Further pages follow.
    pub more: bool,
    /// With the last page: nothing was left out.
    pub whole: bool,
}

/// What is to be remembered beyond the end of the program.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Keep {
    /// Sessions that ended, with their verdicts.
    pub ended: Vec<EndedSession>,
    /// CloudTrail's records of sessions.
    pub trail: Vec<(ScopeId, Vec<TrailEvent>)>,
    /// Principals that hold sessions.
    pub principals: Vec<PrincipalSeen>,
}

impl Keep {
    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.trail.is_empty() && self.principals.is_empty()
    }
}

/// Which log stream to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    /// The session, whose id is the stream's name.
    pub session: SessionKey,
    /// The log group.
    pub log_group: Arc<str>,
    /// From its first event on; else from where it was left.
    pub from_start: bool,
}

/// What is to be done outside of the State.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Follow these sessions' log streams, and no others.
    Follow(Vec<Follow>),
    /// Read the archive object of an ended session, in place of a stream that is lost.
    ReadArchive(SessionKey),
    /// Ask that scope now.
    Refresh(ScopeId),
    /// End a session and prove it; the act is in `State::acts`.
    Terminate {
        /// The act.
        act: ActId,
        /// The session that the dialog was opened on.
        session: SessionKey,
        /// It was NON_COMPLIANT: its end counts in the metric TerminatedSSMSessions.
        count_it: bool,
    },
    /// Write an alert down as it stands now.
    KeepAlert {
        /// Which.
        alert: AlertId,
        /// It was raised: its destinations are told.
        raised: bool,
        /// The act that raised it; its steps are the destinations.
        act: Option<ActId>,
    },
    /// Write down an act that changes nothing at AWS, with the alert that it is about.
    Record {
        /// The act.
        act: ActId,
        /// The alert.
        alert: Option<AlertId>,
    },
    /// Remember beyond the end of the program.
    Keep(Keep),
    /// Read the sessions that the store remembers of 30 days, at most so many, in portions.
    ReadStored {
        /// The latest so many.
        most: usize,
    },
    /// Read one session that the store remembers, with its findings.
    ReadEnded(SessionKey),
    /// Read all sessions that the service's History has, in every scope.
    ReadPast,
    /// Look whether the log of a session is in the archive.
    FindArchive(Box<Session>),
    /// Read the earlier sessions of a principal.
    Recall(Arc<str>),
    /// Read what a quarantine would write.
    Plan {
        /// The account, and whose clients act.
        scope: ScopeId,
        /// The owner of the session whose role may be meant; empty: the whole account is.
        owner: Arc<str>,
        /// Set or lift.
        kind: QuarantineKind,
    },
    /// Set or lift a quarantine, as planned, and prove it.
    Quarantine {
        /// The act.
        act: ActId,
        /// What was on the screen.
        plan: Box<QuarantinePlan>,
    },
    /// Export the evidence of a session.
    Export {
        /// The act.
        act: ActId,
        /// The session.
        session: SessionKey,
    },
    /// An act that was not proven is settled by what was seen later: write it down, and count the end if it counts.
    Settled {
        /// The act.
        act: ActId,
        /// It has a metric step that waited for the proof.
        count_it: bool,
    },
    /// Listen to the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Tell people.
    Notify {
        /// How.
        way: super::notify::Way,
        /// Of what.
        what: Box<super::notify::Notification>,
    },
    /// Put that on the clipboard, through the terminal.
    Copy(super::clip::Clip),
    /// Stop the program as the shell's job control does.
    Suspend,
    /// Leave the program.
    Quit,
}
