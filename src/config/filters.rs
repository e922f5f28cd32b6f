//! Filters that have a name.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::KeyBindings;

/// A filter of the sessions with a name, to choose it by and to be put in force by a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedFilter {
    /// Its name; no other filter has it.
    pub name: String,
    /// The filter, as it is typed.
    pub filter: String,
    /// Keys that put it in force and take it away.
    #[serde(default)]
    pub keys: Vec<String>,
}

/// What is wrong with one of them: its place, the key, the byte within the value where that is known, and the words.
pub(super) struct Wrong {
    pub(super) index: usize,
    pub(super) key: &'static str,
    pub(super) element: Option<usize>,
    pub(super) byte: usize,
    pub(super) message: String,
}

/// Whether a text is a filter; the byte at which it is not, and why.
pub type CheckFilter<'a> = &'a dyn Fn(&str) -> Result<(), (usize, String)>;

/// Whether keys and keys of filters go together.
pub type CheckFilterKeys<'a> = &'a dyn Fn(&KeyBindings, &[NamedFilter]) -> Result<(), String>;

/// What is wrong with the filters, each by itself and among each other; not with their keys together.
pub(super) fn complaints(filters: &[NamedFilter], check: CheckFilter<'_>, is_key: &dyn Fn(&str) -> bool) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut seen = HashMap::new();
    for (index, named) in filters.iter().enumerate() {
        let mut complain = |key, element, byte, message| wrong.push(Wrong { index, key, element, byte, message });
        if named.name.trim().is_empty() {
            complain("name", None, 0, "the name is empty; it is what the filter is chosen by".to_owned());
        } else if seen.insert(named.name.as_str(), index).is_some() {
            complain("name", None, 0, format!("filter `{}` is there twice; give one of them another name", named.name));
        }
        if named.filter.trim().is_empty() {
            complain(
                "filter",
                None,
                0,
                "the filter is empty and hides nothing; write for instance \"verdict:non\"".to_owned(),
            );
        } else if let Err((byte, message)) = check(&named.filter) {
            complain("filter", None, byte, message);
        }
        for (place, key) in named.keys.iter().enumerate().filter(|(_, key)| !is_key(key)) {
            let message = format!("`{key}` is not a key; write for instance \"f2\", \"ctrl-o\", \"B\"");
            complain("keys", Some(place), 0, message);
        }
    }
    wrong
}
