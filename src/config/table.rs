//! How the table of sessions is at the start.

use serde::{Deserialize, Serialize};

/// What the sessions are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableGroup {
    /// They are not.
    #[default]
    None,
    /// The account.
    Account,
    /// Who started them.
    Owner,
    /// The node.
    Node,
}

/// The table of sessions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Table {
    /// What the sessions are grouped by.
    pub group: TableGroup,
}
