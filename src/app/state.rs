//! The whole State: the board, the view of it, and what was done.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{
    board::{Board, Counts},
    keymap::Keymap,
    listening::Listening,
    view::View,
};
use crate::{
    detection::Detector,
    domain::{Act, ActId},
};

/// Everything the program knows and shows.
#[derive(Debug)]
pub struct State {
    /// The world as far as it was read.
    pub board: Board,
    /// What the analyst looks at.
    pub view: View,
    /// Who listens to the sessions.
    pub listening: Listening,
    /// What was done here, oldest first.
    pub acts: Vec<Act>,
    /// The numbers of the header, as of `now`.
    pub counts: Counts,
    /// Time of the last message.
    pub now: Timestamp,
    /// Why the policy files could not be read again; the rules from before stay in force.
    pub rules_problem: Option<Arc<str>>,
    /// Why the files of detection rules could not be read again; those from before stay in force.
    pub detections_problem: Option<Arc<str>>,
    /// What does not change while the program runs.
    pub setup: Setup,
    /// Bumped with every change that the screen shows.
    pub revision: u64,
    pub(super) projected: Projected,
}

/// What the table's rows were computed from, to know when they are out of date.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Projected {
    pub(super) board_revision: Option<u64>,
    pub(super) filter: String,
    pub(super) sort: super::view::SortBy,
    pub(super) reverse: bool,
}

/// Settings that hold for the whole run.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Why terminating and alerting are off, if they are.
    pub read_only: Option<Arc<str>>,
    /// Only ASCII can be shown.
    pub ascii: bool,
    /// The world is the simulated one.
    pub demo: bool,
    /// Who acts: the OS user.
    pub actor: Arc<str>,
    /// The keys.
    pub keymap: Keymap,
    /// Names of the themes, in the order of `theme`.
    pub themes: Vec<Arc<str>>,
    /// Poll interval of the sessions.
    pub poll: SignedDuration,
    /// The member topic's template, if alerts go there.
    pub member_topic: Option<Arc<str>>,
    /// The central topic, if alerts go there.
    pub central_topic: Option<Arc<str>>,
    /// Namespace of the metrics.
    pub metric_namespace: Arc<str>,
    /// Where acts are written down.
    pub act_log: Arc<str>,
    /// Zone of the clock and of time stamps.
    pub zone: jiff::tz::TimeZone,
}

impl State {
    /// A State in which nothing was read yet.
    pub fn new(board: Board, detector: Arc<dyn Detector>, setup: Setup, now: Timestamp) -> Self {
        let counts = board.counts(now);
        Self {
            board,
            listening: Listening::new(detector),
            view: View { size: (80, 24), ..View::default() },
            acts: Vec::new(),
            counts,
            now,
            setup,
            rules_problem: None,
            detections_problem: None,
            revision: 0,
            projected: Projected::default(),
        }
    }

    /// The act of that number.
    pub fn act(&self, id: ActId) -> Option<&Act> {
        self.acts.iter().find(|act| act.id == id)
    }

    /// Whether a transcript is being played back, so that time alone brings lines.
    pub fn is_playing(&self) -> bool {
        self.view.transcript.as_ref().is_some_and(super::view::TranscriptView::is_playing)
    }

    /// Whether a verdict is still outstanding, so that the loop comes back without waiting.
    pub fn has_work(&self) -> bool {
        self.board.has_unjudged()
    }
}
