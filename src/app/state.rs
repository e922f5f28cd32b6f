//! The whole State: the board, the view of it, and what was done.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    alerts::AlertBook,
    automatic::Automatic,
    board::{Board, Counts},
    keymap::Keymap,
    listening::Listening,
    notify::{Channels, Notifying},
    pointing::Pointer,
    view::{TableView, View},
};
use crate::{
    detection::Detector,
    domain::{Act, ActId, ActKind, EndedSession, Owner, RuleId, ScopeId, Session, SessionKey, Severity},
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
    /// What was done here, oldest first; the last of earlier runs too.
    pub acts: Vec<Act>,
    /// What was raised.
    pub alerts: AlertBook,
    /// What is ended by itself.
    pub automatic: Automatic,
    /// Where acts and alerts are written down.
    pub store: Store,
    /// Quarantines that are in force, by what they were set on.
    pub quarantined: Vec<Act>,
    /// Sessions that are over, of 30 days.
    pub history: super::history::HistoryBook,
    /// Earlier sessions of principals, by owner.
    pub recalled: HashMap<Arc<str>, Vec<EndedSession>>,
    /// Permissions of acts that were denied in a scope, and when last.
    pub denied: BTreeMap<(ScopeId, ActKind), Timestamp>,
    pub(super) memory: Memory,
    pub(super) notifying: Notifying,
    /// Names that the mask puts in place of accounts, owners, nodes and sessions.
    pub masks: super::mask::MaskBook,
    /// What changed since the last look at the table.
    pub changes: super::changes::Changes,
    /// The last hour, minute by minute.
    pub trend: super::trend::Trend,
    /// The numbers of the header, as of `now`.
    pub counts: Counts,
    /// Time of the last message.
    pub now: Timestamp,
    /// Why the policy files could not be read again; the rules from before stay in force.
    pub rules_problem: Option<Arc<str>>,
    /// Why the files of detection rules could not be read again; those from before stay in force.
    pub detections_problem: Option<Arc<str>>,
    /// Names of the themes, in the order of `theme`.
    pub themes: Vec<Arc<str>>,
    /// Why theme files could not be read again, one line each; the looks from before stay.
    pub themes_problem: Option<Arc<str>>,
    /// What does not change while the program runs.
    pub setup: Setup,
    /// Bumped with every change that the screen shows.
    pub revision: u64,
    /// The filter in force, and what it cannot tell.
    pub filtered: super::filter::Filtered,
    pub(super) projected: Projected,
}

/// Where acts and alerts are written down, as far as acting depends on it.
#[derive(Debug, Clone, PartialEq)]
pub enum Store {
    /// It is being opened.
    Opening,
    /// It is open.
    Open,
    /// It is open, and something cannot be written: so much waits, for that reason.
    Troubled(usize, Arc<str>),
    /// It cannot be used: nothing is written down, so nothing is done.
    Refused(Arc<str>),
}

/// What was remembered already.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Ended sessions, with a mark of how they were remembered.
    pub(super) ended: HashMap<SessionKey, u64>,
    /// Principals whose earlier sessions were asked for.
    pub(super) recalled: HashSet<Arc<str>>,
    /// Sessions whose principals were.
    pub(super) principals: HashSet<SessionKey>,
    /// The next act's number.
    pub(super) next_act: ActId,
}

/// What the table's rows were computed from, to know when they are out of date.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Projected {
    pub(super) board_revision: Option<u64>,
    pub(super) filter: String,
    pub(super) sort: super::view::SortBy,
    pub(super) reverse: bool,
    pub(super) group: super::grouping::GroupBy,
    /// Scopes that are seen: headings of groups and frozen rows say what is not.
    pub(super) fresh: usize,
}

/// Settings that hold for the whole run.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Why everything that changes or sends something is off, if it is.
    pub read_only: Option<Arc<str>>,
    /// Only ASCII can be shown.
    pub ascii: bool,
    /// The world is the simulated one.
    pub demo: bool,
    /// Who acts: the OS user.
    pub actor: Arc<str>,
    /// The keys.
    pub keymap: Keymap,
    /// Filters that the config gives names, in its order.
    pub filters: Vec<super::filter::SavedFilter>,
    /// Names of the themes at the start, in the order of `theme`.
    pub themes: Vec<Arc<str>>,
    /// Poll interval of the sessions.
    pub poll: SignedDuration,
    /// The member topic's template, if alerts go there.
    pub member_topic: Option<Arc<str>>,
    /// The central topic, if alerts go there.
    pub central_topic: Option<Arc<str>>,
    /// Namespace of the metrics.
    pub metric_namespace: Arc<str>,
    /// Findings and detections at or above are alerts by themselves; `None`: none is.
    pub raise_on: Option<Severity>,
    /// What a quarantine does, if one is configured, for people.
    pub quarantine: Option<Arc<str>>,
    /// The mouse is listened to from the start.
    pub mouse: bool,
    /// How people are told beside the screen.
    pub notify: Channels,
    /// Rules that end a session by themselves.
    pub auto_terminate: Vec<RuleId>,
    /// Ceiling of that within an hour.
    pub max_per_hour: u32,
    /// How long it is announced before.
    pub countdown: SignedDuration,
    /// Where acts and alerts are written down.
    pub store: Arc<str>,
    /// The wall.
    pub wall: super::wall::WallSetup,
    /// Columns and order of the sessions table.
    pub table: super::columns::TableSetup,
    /// Zone of the clock and of time stamps.
    pub zone: jiff::tz::TimeZone,
}

impl State {
    /// A State in which nothing was read yet.
    pub fn new(board: Board, detector: Arc<dyn Detector>, setup: Setup, now: Timestamp) -> Self {
        let counts = board.counts(now);
        let wall = setup.wall.start.then(super::wall::Wall::default);
        Self {
            masks: super::mask::MaskBook::default(),
            changes: super::changes::Changes::default(),
            trend: super::trend::Trend::default(),
            board,
            listening: Listening::new(detector),
            view: View {
                size: (80, 24),
                pointer: Pointer { on: setup.mouse, ..Pointer::default() },
                wall,
                table: TableView {
                    columns: setup.table.columns.clone(),
                    sort: setup.table.sort,
                    reverse: setup.table.reverse,
                    group: setup.table.group,
                    ..TableView::default()
                },
                ..View::default()
            },
            acts: Vec::new(),
            alerts: AlertBook::new(setup.raise_on),
            automatic: Automatic::new(setup.auto_terminate.iter().cloned(), setup.max_per_hour, setup.countdown),
            store: Store::Opening,
            quarantined: Vec::new(),
            history: Default::default(),
            recalled: HashMap::new(),
            denied: BTreeMap::new(),
            memory: Memory::default(),
            notifying: Notifying::default(),
            counts,
            now,
            themes: setup.themes.clone(),
            themes_problem: None,
            setup,
            rules_problem: None,
            detections_problem: None,
            revision: 0,
            filtered: super::filter::Filtered::default(),
            projected: Projected::default(),
        }
    }

    /// The act of that number.
    pub fn act(&self, id: ActId) -> Option<&Act> {
        self.acts.iter().find(|act| act.id == id)
    }

    /// The saved filter that is in force, by its place among them.
    pub fn saved_filter(&self) -> Option<usize> {
        let filter = &self.view.table.filter;
        self.setup.filters.iter().position(|saved| !filter.is_empty() && *saved.filter == **filter)
    }

    /// Why nothing can be done now, if that is so. `writes`: it would change or send something at AWS.
    pub fn acting_off(&self, writes: bool) -> Option<String> {
        if let (true, Some(why)) = (writes, &self.setup.read_only) {
            return Some(why.to_string());
        }
        match &self.store {
            Store::Opening => Some("the store is being opened: a moment".to_owned()),
            Store::Refused(why) => Some(why.to_string()),
            Store::Open | Store::Troubled(..) => None,
        }
    }

    /// The quarantine that is in force on the account of a session, or on the role of its owner.
    pub fn quarantine_on(&self, session: &Session) -> Option<&Act> {
        let role = |owner: &str| match Owner::parse(owner) {
            Owner::Role { role, .. } => Some(role.to_owned()),
            _ => None,
        };
        self.quarantined.iter().find(|act| {
            let of_account = act.subject.account() == Some(&session.key.scope.account);
            of_account && (act.owner.is_empty() || role(&act.owner) == role(&session.owner))
        })
    }

    /// Whether accounts, owners, nodes and sessions are masked: as `m` says, else on the wall as the config says.
    pub fn is_masked(&self) -> bool {
        self.view.masked.unwrap_or(self.view.wall.is_some() && self.setup.wall.mask)
    }

    /// Whether a transcript is being played back, so that time alone brings lines.
    pub fn is_playing(&self) -> bool {
        self.view.transcript.as_ref().is_some_and(super::view::TranscriptView::is_playing)
    }

    /// Whether a verdict is still outstanding, so that the loop comes back without waiting.
    pub fn has_work(&self) -> bool {
        self.board.has_unjudged() || self.board.has_news()
    }
}
