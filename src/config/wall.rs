//! The wall: a screen that nobody touches.

use serde::{Deserialize, Serialize};

use super::value::{self, Period};

/// How the wall is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wall {
    /// The dashboard begins at the wall; also: `--wall`.
    pub start: bool,
    /// How long each transcript is shown in turn; 5 s to 10 min.
    #[serde(deserialize_with = "value::period::<_, 5, 600>")]
    pub dwell: Period,
    /// Accounts, owners and nodes are masked on the wall.
    pub mask: bool,
}

impl Default for Wall {
    fn default() -> Self {
        Self { start: false, dwell: Period::seconds(20), mask: true }
    }
}
