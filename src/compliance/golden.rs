//! PRF-00: how a preferences document differs from the golden one. Pure.
//!
//! The service takes several forms for the same preference, so the comparison is one of meaning: the order of keys is
//! nothing, `"true"` equals `true`, `"60"` equals `60`, space around a string is nothing, and a key that is missing
//! equals one that is empty (`""`, `null`, or an object or list of nothing but those): the console writes every key of the
//! schema
//! (<https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-configure-preferences-cli.html>), people
//! leave the unused out. The order in lists counts.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

/// Differences beyond so many are not told: the document may be hostile, and nobody reads more.
pub const MOST_DIFFERENCES: usize = 100;
/// Paths and values are cut to so many characters.
pub const LONGEST_TEXT: usize = 200;
/// Deeper values are compared as they stand; serde_json itself reads no deeper ones.
const DEEPEST: usize = 128;

/// One place in which the documents differ. Texts are cut, but not cleaned of control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Keys with dots between, places in lists in brackets: `inputs.shellProfile.linux`, `a[0]`.
    pub path: String,
    /// What the golden document has there, filled in for the scope; `None`: nothing.
    pub wanted: Option<String>,
    /// What the document has there; `None`: nothing.
    pub found: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            |value: &Option<String>| value.as_deref().map_or("nothing".to_owned(), |value| format!("\"{value}\""));
        write!(f, "{}: wanted {}, found {}", self.path, shown(&self.wanted), shown(&self.found))
    }
}

/// How `found` differs from `wanted`, in the order of keys; at most [`MOST_DIFFERENCES`]. `fill` fills `{region}` and
/// `{account}` in the golden document's strings in.
pub fn differences(wanted: &Value, found: &Value, fill: &dyn Fn(&str) -> String) -> Vec<Difference> {
    let mut all = Vec::new();
    compare(&Place { fill, depth: 0, path: "" }, Some(wanted), Some(found), &mut all);
    all
}

/// Where in the documents the comparison is.
struct Place<'a> {
    fill: &'a dyn Fn(&str) -> String,
    depth: usize,
    path: &'a str,
}

impl Place<'_> {
    fn below(&self, path: String, wanted: Option<&Value>, found: Option<&Value>, all: &mut Vec<Difference>) {
        compare(&Place { fill: self.fill, depth: self.depth + 1, path: &path }, wanted, found, all);
    }
}

fn compare(place: &Place<'_>, wanted: Option<&Value>, found: Option<&Value>, all: &mut Vec<Difference>) {
    if all.len() >= MOST_DIFFERENCES {
        return;
    }
    let something = |value: &&Value| !is_nothing(value, 0);
    let (wanted, found) = (wanted.filter(something), found.filter(something));
    match (wanted, found) {
        (None, None) => {}
        (Some(Value::Object(_)) | None, Some(Value::Object(_)) | None) if place.depth < DEEPEST => {
            let (wanted, found) = (wanted.and_then(Value::as_object), found.and_then(Value::as_object));
            let keys: BTreeSet<&String> = wanted.into_iter().chain(found).flat_map(|map| map.keys()).collect();
            for key in keys {
                let path = if place.path.is_empty() { cut(key) } else { cut(&format!("{}.{key}", place.path)) };
                place.below(path, wanted.and_then(|map| map.get(key)), found.and_then(|map| map.get(key)), all);
            }
        }
        (Some(Value::Array(_)) | None, Some(Value::Array(_)) | None) if place.depth < DEEPEST => {
            let (wanted, found) = (wanted.and_then(Value::as_array), found.and_then(Value::as_array));
            let length = |list: Option<&Vec<Value>>| list.map_or(0, Vec::len);
            for index in 0..length(wanted).max(length(found)) {
                let path = cut(&format!("{}[{index}]", place.path));
                let (wanted, found) = (wanted.and_then(|list| list.get(index)), found.and_then(|list| list.get(index)));
                place.below(path, wanted, found, all);
            }
        }
        _ => {
            let wanted = wanted.map(|value| text(value, place.fill)).filter(|text| !text.is_empty());
            let found = found.map(|value| text(value, &str::to_owned));
            if wanted != found {
                let cut = |text: Option<String>| text.as_deref().map(cut);
                all.push(Difference { path: place.path.to_owned(), wanted: cut(wanted), found: cut(found) });
            }
        }
    }
}

/// Whether the value says no more than a missing key does.
fn is_nothing(value: &Value, depth: usize) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => depth < DEEPEST && list.iter().all(|value| is_nothing(value, depth + 1)),
        Value::Object(map) => depth < DEEPEST && map.values().all(|value| is_nothing(value, depth + 1)),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The value's meaning as text.
fn text(value: &Value, fill: &dyn Fn(&str) -> String) -> String {
    match value {
        Value::String(text) => fill(text).trim().to_owned(),
        other => other.to_string(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "golden_tests.rs"]
mod tests;
