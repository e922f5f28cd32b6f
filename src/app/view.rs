//! What the analyst looks at: screens, selection, filter, dialogs. Nothing here knows the world.

use std::{collections::VecDeque, sync::Arc};

use jiff::Timestamp;

use super::dialog::Dialog;
use crate::{
    domain::{AccountId, ActId, Failure, RuleId, ScopeId, SessionKey},
    transcript::Transcript,
};

/// The screens, `1` to `5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Screen {
    /// The sessions, with details and transcript of the selected one.
    #[default]
    Sessions,
    /// What was done here: alerts, terminations.
    Alerts,
    /// Preferences of every scope.
    Preferences,
    /// Ended sessions.
    History,
    /// Health of every scope.
    Scopes,
}

impl Screen {
    /// In the order of their keys.
    pub const ALL: [Self; 5] = [Self::Sessions, Self::Alerts, Self::Preferences, Self::History, Self::Scopes];

    /// For the tabs.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sessions => "Sessions",
            Self::Alerts => "Alerts & acts",
            Self::Preferences => "Preferences",
            Self::History => "History",
            Self::Scopes => "Scopes",
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

    /// The next column, around the end.
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|column| *column == self).unwrap_or(0);
        Self::ALL.get((at + 1) % Self::ALL.len()).copied().unwrap_or_default()
    }

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
    /// The filter in force; empty: none.
    pub filter: String,
    /// Active sessions before the filter.
    pub total: usize,
    /// A key was pressed. Until then nobody is at the keyboard, and the worst session stays selected.
    pub touched: bool,
    /// When the selection moved by itself, while nobody was at the keyboard.
    pub moved_at: Option<Timestamp>,
}

/// How the transcript pane is.
#[derive(Debug, Clone, PartialEq)]
pub enum TranscriptStatus {
    /// Asked, no answer yet.
    Loading,
    /// Read; last answer at that time.
    Live(Timestamp),
    /// The stream is not there (yet): the words say what that means.
    Waiting(Arc<str>),
    /// There will never be a log: the words say why.
    Never(Arc<str>),
    /// Cannot be read.
    Failing {
        /// Why.
        failure: Failure,
        /// The next try.
        retry_at: Timestamp,
    },
}

/// The transcript of the selected session.
#[derive(Debug)]
pub struct TranscriptView {
    /// Whose.
    pub session: SessionKey,
    /// Its lines.
    pub content: Transcript,
    /// How it is.
    pub status: TranscriptStatus,
    /// The watch follows it now.
    pub followed: bool,
    /// The watch was told to follow it before: it tells only what it has not told yet.
    pub begun: bool,
    /// Stay at the end.
    pub follow: bool,
    /// First visible line, while not at the end; counted when `top_evicted` lines were gone.
    pub top: usize,
    /// Lines that were gone when `top` was set.
    pub top_evicted: u64,
    /// Cells of every line that are to the left of the pane.
    pub left: usize,
    /// What is searched for; empty: nothing.
    pub search: String,
    /// The line of the current match.
    pub found: Option<usize>,
}

impl TranscriptView {
    /// Index of the first visible line of a pane of that many rows.
    pub fn first_line(&self, rows: usize) -> usize {
        let last = self.last_top(rows);
        if self.follow {
            return last;
        }
        // Lines that were dropped at the front since move what is looked at, not the look.
        let gone = self.content.evicted_lines().saturating_sub(self.top_evicted);
        self.top.saturating_sub(usize::try_from(gone).unwrap_or(usize::MAX)).min(last)
    }

    /// The first line of the last page.
    pub fn last_top(&self, rows: usize) -> usize {
        self.content.lines().len().saturating_sub(rows)
    }
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
    /// The policy files could not be read again; goes with the next good reload.
    Rules,
    /// An account by itself is NON_COMPLIANT; goes when it no longer is.
    Account(AccountId),
    /// An act that failed; stays until `Esc` or a repeat.
    Act(ActId),
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

/// A line of input at the foot: filter or search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineInput {
    /// What is typed so far.
    pub text: String,
    /// What it was before, for `Esc`.
    pub before: String,
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
    /// Scopes.
    pub scopes: ListView<ScopeId>,
    /// Preferences, by scope.
    pub preferences: ListView<ScopeId>,
    /// Acts, newest first.
    pub acts: ListView<ActId>,
    /// Scroll of the detail pane, in lines.
    pub detail_top: usize,
    /// Lines that the detail pane has, to stop scrolling at.
    pub detail_lines: usize,
    /// The followed transcript.
    pub transcript: Option<TranscriptView>,
    /// Transcripts that were looked at before, latest first: going back to one costs no second read.
    pub shelf: VecDeque<TranscriptView>,
    /// Filter or search being typed.
    pub input: Option<LineInput>,
    /// The open dialog.
    pub dialog: Option<Dialog>,
    /// The open rule sheet.
    pub sheet: Option<RuleSheet>,
    /// The help screen is open, scrolled so far.
    pub help: Option<usize>,
    /// What must not be overlooked.
    pub banners: Vec<Banner>,
    /// The passing word.
    pub notice: Option<Notice>,
    /// Index into the themes.
    pub theme: usize,
    /// Failed acts that were seen (`Esc`).
    pub dismissed: Vec<ActId>,
    /// When a dialog was refused, or a character of what is typed on after that was swallowed.
    pub refused: Option<Timestamp>,
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
