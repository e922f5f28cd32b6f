//! What can happen, and what the program is to do about it.

use crossterm::event::KeyEvent;
use std::sync::Arc;

use crate::compliance::Engine;
use crate::detection::Detector;
use crate::domain::{ActId, ActOutcome, AlertBody, Observation, ScopeId, SessionKey};

/// Everything that enters the State.
#[derive(Debug, Clone)]
// Nearly all are observations, and the queue holds a thousand: a box a message would cost more than the room.
#[allow(clippy::large_enum_variant)]
pub enum Message {
    /// The watch saw something.
    Observed(Observation),
    /// A key was pressed or repeats.
    Key(KeyEvent),
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
    /// The end was asked for from outside (signal).
    Quit,
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
    /// Send an alert to every destination.
    Alert {
        /// The act.
        act: ActId,
        /// The session that the dialog was opened on.
        session: SessionKey,
        /// What it says.
        body: AlertBody,
    },
    /// An act that was not proven is settled by what was seen later: write it down, and count the end if it counts.
    Settled {
        /// The act.
        act: ActId,
        /// It has a metric step that waited for the proof.
        count_it: bool,
    },
    /// Stop the program as the shell's job control does.
    Suspend,
    /// Leave the program.
    Quit,
}
