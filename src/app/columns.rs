//! The columns of the sessions table: which there are, and which are shown, in which order and how wide.

use super::{
    grouping::GroupBy,
    view::{SortBy, TableView},
};

/// A column of the sessions table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnId {
    /// Sign and word of the verdict.
    Verdict,
    /// What was typed that a rule detects.
    Detected,
    /// Its status, or how it ended.
    Status,
    /// Name of the account.
    Account,
    /// Region.
    Region,
    /// Name of the node, or its id.
    Node,
    /// Who started it.
    Owner,
    /// Its document.
    Document,
    /// The reason that was given.
    Reason,
    /// How its recorder is.
    Log,
    /// How old it is.
    Age,
    /// When it printed last.
    LastOutput,
    /// The account's twelve digits.
    AccountId,
    /// The node's id.
    NodeId,
    /// The session's id.
    SessionId,
    /// When it started.
    Started,
    /// How access was granted.
    Access,
    /// The rules that it breaks, or that could not be judged.
    Rules,
    /// The node's tags.
    Tags,
}

/// What is known of a column.
#[derive(Debug, Clone, Copy)]
pub struct ColumnInfo {
    /// The column.
    pub id: ColumnId,
    /// Its name in the config.
    pub name: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What it shows, for people.
    pub what: &'static str,
    /// What the table is sorted by with it.
    pub sort: Option<SortBy>,
    /// It is shown unless somebody said otherwise.
    pub standard: bool,
}

const fn row(
    id: ColumnId,
    name: &'static str,
    title: &'static str,
    what: &'static str,
    sort: Option<SortBy>,
    standard: bool,
) -> ColumnInfo {
    ColumnInfo { id, name, title, what, sort, standard }
}

/// All columns: those that are shown by themselves first, in their order.
pub const COLUMNS: [ColumnInfo; 19] = [
    row(ColumnId::Verdict, "verdict", "VERDICT", "sign and verdict, always there", Some(SortBy::Severity), true),
    row(ColumnId::Detected, "detected", "DETECTED", "what a rule detected, while there is any", None, true),
    row(ColumnId::Status, "status", "STATUS", "status; without room beside the verdict", None, true),
    row(ColumnId::Account, "account", "ACCOUNT", "name of the account", Some(SortBy::Account), true),
    row(ColumnId::Region, "region", "REGION", "region", Some(SortBy::Region), true),
    row(ColumnId::Node, "node", "NODE", "name of the node", Some(SortBy::Node), true),
    row(ColumnId::Owner, "owner", "OWNER", "who started it", Some(SortBy::Owner), true),
    row(ColumnId::Document, "document", "DOCUMENT", "its document", Some(SortBy::Document), true),
    row(ColumnId::Reason, "reason", "REASON", "the reason that was given", Some(SortBy::Reason), true),
    row(ColumnId::Log, "log", "LOG", "how its recorder is", None, true),
    row(ColumnId::Age, "age", "AGE", "how old it is", Some(SortBy::Age), true),
    row(ColumnId::LastOutput, "last_output", "LAST OUT", "since its last output", Some(SortBy::LastOutput), true),
    row(ColumnId::AccountId, "account_id", "ACCOUNT ID", "the account's id", None, false),
    row(ColumnId::NodeId, "node_id", "NODE ID", "the node's id", None, false),
    row(ColumnId::SessionId, "session_id", "SESSION", "the session's id", None, false),
    row(ColumnId::Started, "started", "STARTED", "when it started", None, false),
    row(ColumnId::Access, "access", "ACCESS", "how access was granted", None, false),
    row(ColumnId::Rules, "rules", "RULES", "rules broken or not judged", None, false),
    row(ColumnId::Tags, "tags", "TAGS", "the node's tags", None, false),
];

/// Cells that a column can be given.
pub const WIDTHS: std::ops::RangeInclusive<u16> = 3..=200;

impl ColumnId {
    /// What is known of it.
    pub fn info(self) -> &'static ColumnInfo {
        const VERDICT: ColumnInfo = COLUMNS[0];
        COLUMNS.iter().find(|info| info.id == self).unwrap_or(&VERDICT)
    }

    /// The column of that name.
    pub fn named(name: &str) -> Option<Self> {
        COLUMNS.iter().find(|info| info.name == name).map(|info| info.id)
    }

    /// The first column that sorts by that.
    pub fn sorting(by: SortBy) -> Option<Self> {
        COLUMNS.iter().find(|info| info.sort == Some(by)).map(|info| info.id)
    }
}

/// A column that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownColumn {
    /// Which.
    pub id: ColumnId,
    /// So many cells; `None`: as its content and the room ask.
    pub width: Option<u16>,
}

/// The columns that are shown, in their order. The verdict is always the first: a row without it would look like a good one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSet(Vec<ShownColumn>);

impl Default for ColumnSet {
    fn default() -> Self {
        Self::new(COLUMNS.iter().filter(|info| info.standard).map(|info| ShownColumn { id: info.id, width: None }))
    }
}

impl ColumnSet {
    /// Those columns, each once, the verdict first.
    pub fn new(columns: impl IntoIterator<Item = ShownColumn>) -> Self {
        let mut shown = vec![ShownColumn { id: ColumnId::Verdict, width: None }];
        for column in columns {
            let width = column.width.map(|width| width.clamp(*WIDTHS.start(), *WIDTHS.end()));
            match shown.iter_mut().find(|there| there.id == column.id) {
                Some(there) if column.id == ColumnId::Verdict => there.width = width,
                Some(_) => {}
                None => shown.push(ShownColumn { width, ..column }),
            }
        }
        Self(shown)
    }

    /// In their order.
    pub fn shown(&self) -> &[ShownColumn] {
        &self.0
    }

    /// Whether it is shown.
    pub fn has(&self, id: ColumnId) -> bool {
        self.0.iter().any(|column| column.id == id)
    }

    /// All columns: those that are shown in their order, then the others.
    pub fn all(&self) -> Vec<ColumnId> {
        let others = COLUMNS.iter().map(|info| info.id).filter(|id| !self.has(*id));
        self.0.iter().map(|column| column.id).chain(others).collect()
    }

    /// The width that was chosen for it.
    pub fn width(&self, id: ColumnId) -> Option<u16> {
        self.0.iter().find(|column| column.id == id)?.width
    }

    /// Shows it at the end, or no longer. Says whether it could: the verdict stays.
    pub fn toggle(&mut self, id: ColumnId) -> bool {
        if id == ColumnId::Verdict {
            return false;
        }
        if self.has(id) {
            self.0.retain(|column| column.id != id);
        } else {
            self.0.push(ShownColumn { id, width: None });
        }
        true
    }

    /// Changes its place with the next or the one before. Says whether it could: the verdict stays the first.
    pub fn shift(&mut self, id: ColumnId, later: bool) -> bool {
        let Some(at) = self.0.iter().position(|column| column.id == id) else { return false };
        let to = if later { at + 1 } else { at.saturating_sub(1) };
        if at == 0 || to == 0 || to >= self.0.len() {
            return false;
        }
        self.0.swap(at, to);
        true
    }

    /// Gives it so many cells, within what a column can have; `None`: as content and room ask.
    pub fn resize(&mut self, id: ColumnId, width: Option<u16>) {
        if let Some(column) = self.0.iter_mut().find(|column| column.id == id) {
            column.width = width.map(|width| width.clamp(*WIDTHS.start(), *WIDTHS.end()));
        }
    }

    /// What the table can be sorted by with the columns that are shown, in their order.
    pub fn sorts(&self) -> Vec<SortBy> {
        self.0.iter().filter_map(|column| column.id.info().sort).collect()
    }
}

/// How the config has the table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableSetup {
    /// The columns.
    pub columns: ColumnSet,
    /// Sorted by.
    pub sort: SortBy,
    /// In reverse.
    pub reverse: bool,
    /// What the sessions are grouped by.
    pub group: GroupBy,
}

impl TableSetup {
    /// How the table is now.
    pub fn of(table: &TableView) -> Self {
        Self { columns: table.columns.clone(), sort: table.sort, reverse: table.reverse, group: table.group }
    }

    /// One line for the top of the config that keeps it.
    pub fn to_toml(&self) -> String {
        let columns: Vec<String> = self
            .columns
            .shown()
            .iter()
            .map(|column| match column.width {
                Some(width) => format!("\"{}:{width}\"", column.id.info().name),
                None => format!("\"{}\"", column.id.info().name),
            })
            .collect();
        let mut line = format!("table = {{ columns = [{}]", columns.join(", "));
        if self.sort != SortBy::default()
            && let Some(id) = ColumnId::sorting(self.sort)
        {
            line.push_str(&format!(", sort = \"{}\"", id.info().name));
        }
        if self.reverse {
            line.push_str(", reverse = true");
        }
        if let Some(group) = self.group.word() {
            line.push_str(&format!(", group = \"{group}\""));
        }
        line.push_str(" }");
        line
    }
}

/// The open list of columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnsMenu {
    /// The selected one.
    pub selected: ColumnId,
}

/// The columns in the frame that is on the screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeenColumns {
    /// Those that had something to show, in their order, with their width; `None`: there was no room for it.
    pub all: Vec<(ColumnId, Option<u16>)>,
    /// Columns that are out of sight to the left; as many were panned over.
    pub left: usize,
    /// Columns that are out of sight to the right, or that gave way to others.
    pub right: usize,
    /// Panned over none, the same are in sight as without panning.
    pub same_at_first: bool,
}

impl SeenColumns {
    /// The width that it had.
    pub fn width(&self, id: ColumnId) -> Option<u16> {
        self.all.iter().find(|(there, _)| *there == id)?.1
    }

    /// The columns that pan, in their order: the verdict and the node stay.
    pub fn panning(&self) -> impl Iterator<Item = ColumnId> + '_ {
        self.all.iter().map(|(id, _)| *id).filter(|id| !stays(*id))
    }
}

/// Whether a column stays in sight, however far the others are panned.
pub fn stays(id: ColumnId) -> bool {
    matches!(id, ColumnId::Verdict | ColumnId::Node)
}

#[cfg(test)]
#[path = "columns_tests.rs"]
mod tests;
