//! Filters: which sessions a table shows.

use std::sync::Arc;

/// A filter that the config gives a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFilter {
    /// Its name.
    pub name: Arc<str>,
    /// The filter.
    pub filter: Arc<str>,
}
