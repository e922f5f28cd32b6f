//! What the analyst looks at: screens, selection, filter, dialogs. Nothing here knows the world.

use std::collections::{BTreeSet, HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

pub use super::line_input::LineInput;
pub use super::transcript_view::{Playback, Room, TranscriptStatus, TranscriptView};
use super::{action::Action, dialog::Dialog};
use crate::domain::{AccountId, ActId, AlertId, CredentialBase, RuleId, ScopeId, SessionKey};

/// The screens, `1` to `6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Screen {
    /// The sessions, with details and transcript of the selected one.
    #[default]
    Sessions,
    /// What was raised.
    Alerts,
    /// Preferences of every scope.
    Preferences,
    /// Ended sessions.
    History,
    /// Health of every scope.
    Scopes,
    /// What was done here.
    Acts,
}

impl Screen {
    /// In the order of their keys.
    pub const ALL: [Self; 6] =
        [Self::Sessions, Self::Alerts, Self::Preferences, Self::History, Self::Scopes, Self::Acts];

    /// For the tabs.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sessions => "Sessions",
            Self::Alerts => "Alerts",
            Self::Preferences => "Preferences",
            Self::History => "History",
            Self::Scopes => "Scopes",
            Self::Acts => "Acts",
        }
    }
}

/// Which pane of the sessions screen has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Focus {
    /// The table.
    #[default]
    Table,
    /// Facts and findings.
    Detail,
    /// The transcript.
    Transcript,
    /// The commands of the transcript.
    Commands,
}

/// Columns that the sessions can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// Worst first, then newest.
    #[default]
    Severity,
    /// Account name.
    Account,
    /// Region.
    Region,
    /// Node name.
    Node,
    /// Owner.
    Owner,
    /// Document.
    Document,
    /// Reason.
    Reason,
    /// Newest first.
    Age,
    /// Latest output first.
    LastOutput,
}

impl SortBy {
    /// In the order of the columns.
    pub const ALL: [Self; 9] = [
        Self::Severity,
        Self::Account,
        Self::Region,
        Self::Node,
        Self::Owner,
        Self::Document,
        Self::Reason,
        Self::Age,
        Self::LastOutput,
    ];

    /// The column's heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Severity => "VERDICT",
            Self::Account => "ACCOUNT",
            Self::Region => "REGION",
            Self::Node => "NODE",
            Self::Owner => "OWNER",
            Self::Document => "DOCUMENT",
            Self::Reason => "REASON",
            Self::Age => "AGE",
            Self::LastOutput => "LAST OUT",
        }
    }
}

/// A list with a selection that is bound to an id.
#[derive(Debug, Clone)]
pub struct ListView<Id> {
    /// The ids in order, as last computed.
    pub rows: Vec<Id>,
    /// The selected id; may be gone from the world.
    pub selected: Option<Id>,
    /// First visible row.
    pub offset: usize,
}

impl<Id> Default for ListView<Id> {
    fn default() -> Self {
        Self { rows: Vec::new(), selected: None, offset: 0 }
    }
}

impl<Id: PartialEq + Clone> ListView<Id> {
    /// Where the selected id stands, if it is in the list.
    pub fn position(&self) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        self.rows.iter().position(|id| id == selected)
    }

    /// Moves the selection by `by` rows, stopping at the ends.
    pub fn step(&mut self, by: isize) {
        let last = self.rows.len().saturating_sub(1);
        let to = match self.position() {
            Some(at) => at.saturating_add_signed(by).min(last),
            None => 0,
        };
        self.selected = self.rows.get(to).cloned();
    }

    /// Selects the first or the last row.
    pub fn jump(&mut self, to_last: bool) {
        self.selected = if to_last { self.rows.last() } else { self.rows.first() }.cloned();
    }

    /// Scrolls as little as needed to have the selection among the `visible` rows.
    pub fn scroll(&mut self, visible: usize) {
        let last_offset = self.rows.len().saturating_sub(visible);
        if let Some(at) = self.position() {
            if at < self.offset {
                self.offset = at;
            } else if at >= self.offset + visible {
                self.offset = at + 1 - visible;
            }
        }
        self.offset = self.offset.min(last_offset);
    }
}

/// The sessions table.
#[derive(Debug, Clone, Default)]
pub struct TableView {
    /// Rows, selection, scroll.
    pub list: ListView<SessionKey>,
    /// Sorted by.
    pub sort: SortBy,
    /// In reverse.
    pub reverse: bool,
    /// The columns that are shown.
    pub columns: super::columns::ColumnSet,
    /// Columns that are panned over; `None`: those that matter most are in sight.
    pub pan: Option<usize>,
    /// The heading that the keys are on, where they are on the headings and not on the rows.
    pub heading: Option<super::columns::ColumnId>,
    /// The filter in force; empty: none.
    pub filter: String,
    /// Active sessions before the filter.
    pub total: usize,
    /// A key was pressed. Until then nobody is at the keyboard, and the worst session stays selected.
    pub touched: bool,
    /// When the selection moved by itself, while nobody was at the keyboard.
    pub moved_at: Option<Timestamp>,
    /// Grouped by.
    pub group: super::grouping::GroupBy,
    /// The groups of the rows, in their order; none where they are not grouped.
    pub groups: Vec<super::grouping::GroupHead>,
    /// The table is held still.
    pub frozen: Option<Box<super::frozen::Frozen>>,
}

/// A principal that is back on a node from which its session was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// Its new session.
    pub session: SessionKey,
    /// The act that ended the earlier one.
    pub act: ActId,
    /// How long after it.
    pub after: SignedDuration,
}

/// A line that stays until it is dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banner {
    /// What it is about.
    pub kind: BannerKind,
    /// One line of what, and what to do.
    pub text: String,
}

/// What a banner is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BannerKind {
    /// A scope that cannot be read; goes by itself when it can.
    Scope(ScopeId),
    /// More scopes than there is room for.
    Scopes,
    /// The files of policies, detections or themes could not be read again; goes with the next good reload.
    Rules,
    /// An account by itself is NON_COMPLIANT; goes when it no longer is.
    Account(AccountId),
    /// An act that failed; stays until `Esc` or a repeat.
    Act(ActId),
    /// A principal is back; stays until `Esc` or the end of its session.
    Returned(SessionKey),
    /// What is about to be ended by itself, or why nothing is.
    Automatic,
    /// What cannot be written down.
    Store,
    /// Credentials that end, or ended, and that people renew; goes by itself when they did.
    Credentials {
        /// Which.
        base: CredentialBase,
        /// It does not wait.
        urgent: bool,
    },
}

/// One finding and the rule behind it, on top of the panes.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSheet {
    /// Whose finding.
    pub of: SheetOf,
    /// The rule.
    pub rule: RuleId,
    /// Scroll, in lines.
    pub top: usize,
    /// Lines that it has at most scrolled past, as last drawn.
    pub last: usize,
}

/// Whose findings a rule sheet shows.
#[derive(Debug, Clone, PartialEq)]
pub enum SheetOf {
    /// A session's and its node's.
    Session(SessionKey),
    /// Those on the preferences of a scope.
    Preferences(ScopeId),
}

/// A passing word in the footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The word.
    pub text: String,
    /// It is about something that did not work.
    pub bad: bool,
    /// Until then.
    pub until: Timestamp,
}

/// All of the view.
#[derive(Debug, Default)]
pub struct View {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The screen.
    pub screen: Screen,
    /// The pane with the keys.
    pub focus: Focus,
    /// The selected session is opened: more room for details and transcript.
    pub opened: bool,
    /// Sessions.
    pub table: TableView,
    /// Ended sessions.
    pub history: ListView<SessionKey>,
    /// How they are sorted, and what was opened of them.
    pub past: super::history::PastView,
    /// Scopes.
    pub scopes: ListView<ScopeId>,
    /// Preferences, by scope.
    pub preferences: ListView<ScopeId>,
    /// Alerts: those that stand and nobody has seen first, the worst and newest of them first.
    pub alerts: ListView<AlertId>,
    /// Acts, newest first.
    pub acts: ListView<ActId>,
    /// Sessions that are marked for acts on many.
    pub marked: BTreeSet<SessionKey>,
    /// Principals that are back on a node from which their session was ended.
    pub returned: Vec<Returned>,
    /// Those that were seen (`Esc`).
    pub returns_seen: Vec<SessionKey>,
    /// Sessions that were opened in this run.
    pub opened_before: HashSet<SessionKey>,
    /// Scroll of the detail pane, in lines.
    pub detail_top: usize,
    /// Lines that the detail pane has, to stop scrolling at.
    pub detail_lines: usize,
    /// The followed transcript.
    pub transcript: Option<TranscriptView>,
    /// Transcripts that were looked at before, latest first, and those that stand beside: going back to one costs no second read.
    pub shelf: VecDeque<TranscriptView>,
    /// Transcripts that were let go because there were too many.
    pub let_go: u64,
    /// Sessions whose transcripts stay beside the selected one's.
    pub beside: Vec<SessionKey>,
    /// What the watch was told to follow.
    pub following: Vec<SessionKey>,
    /// Long lines of transcripts take several rows.
    pub wrap: bool,
    /// Transcripts without time stamps.
    pub no_times: bool,
    /// Detections in mere output are shown, too.
    pub show_output_detections: bool,
    /// Filter or search being typed.
    pub input: Option<LineInput>,
    /// What lies over the screen: palette, columns, what to copy.
    pub overlay: Option<super::overlay::Overlay>,
    /// The mouse.
    pub pointer: super::pointing::Pointer,
    /// Sizes of panes that were chosen.
    pub sizes: super::sizes::Sizes,
    /// The open dialog.
    pub dialog: Option<Dialog>,
    /// The open rule sheet.
    pub sheet: Option<RuleSheet>,
    /// The help screen is open, scrolled so far.
    pub help: Option<usize>,
    /// Lines that the help is at most scrolled past, as last drawn.
    pub help_last: usize,
    /// The wall is on the screen.
    pub wall: Option<super::wall::Wall>,
    /// Names are masked, or are not, because somebody said so.
    pub masked: Option<bool>,
    /// What must not be overlooked.
    pub banners: Vec<Banner>,
    /// Why people were not told of something, until it was seen (`Esc`).
    pub not_told: Option<std::sync::Arc<str>>,
    /// The passing word.
    pub notice: Option<Notice>,
    /// Index into the themes.
    pub theme: usize,
    /// The actions that were used last, the latest first, for the palette.
    pub recent: VecDeque<Action>,
    /// Failed acts that were seen (`Esc`).
    pub dismissed: BTreeSet<ActId>,
    /// When a dialog was refused, or a character of what is typed on after that was swallowed.
    pub refused: Option<Timestamp>,
    /// When the key to leave the program was pressed at the wall, where it asks for a second press.
    pub leaving: Option<Timestamp>,
    /// When the wall was left by a key: what is typed in the same breath was typed at the wall.
    pub left_wall: Option<Timestamp>,
    /// A key that just closed or opened something: held down, it does nothing more.
    pub held: Option<HeldKey>,
}

/// A key that may still be held down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldKey {
    /// Which.
    pub key: crokey::KeyCombination,
    /// When it was last seen.
    pub last: Timestamp,
    /// It was seen again since: from here on it comes quickly or was let go.
    pub repeats: bool,
}

/// So many actions are remembered for the palette.
pub const RECENT: usize = 6;

/// Transcripts that can stand beside the selected one's.
pub const MOST_BESIDE: usize = 3;

impl View {
    /// The heading of the sessions table that the keys are on, if they are on one.
    pub fn heading(&self) -> Option<super::columns::ColumnId> {
        let there = self.screen == Screen::Sessions && self.focus == Focus::Table && self.wall.is_none();
        self.table.heading.filter(|_| there && !self.table.list.rows.is_empty())
    }

    /// The sessions whose transcripts are side by side, in their places: those that stay, and the selected one.
    pub fn panes(&self) -> Vec<&SessionKey> {
        let selected = self.table.list.selected.as_ref().filter(|key| !self.beside.contains(key));
        self.beside.iter().take(MOST_BESIDE).chain(selected).collect()
    }

    /// The transcript of that session, if it is kept.
    pub fn transcript_of(&self, session: &SessionKey) -> Option<&TranscriptView> {
        self.transcript.iter().chain(&self.shelf).find(|view| view.session == *session)
    }
}
