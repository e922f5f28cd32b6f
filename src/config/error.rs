//! What is wrong with a config file, where, and what to write instead.

use std::{fmt, io, ops::Range, path::PathBuf};

use toml::de::{DeTable, DeValue};

use crate::report::clean;

/// One thing that is wrong: where, what, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl Complaint {
    /// A complaint about the byte at `offset` of the file.
    pub(super) fn at(text: &str, offset: usize, message: String) -> Self {
        let before = text.get(..offset.min(text.len())).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        // TOML's escapes can put any character into a value, and complaints go to a terminal.
        let message = clean(&message);
        Self { line, column, message }
    }
}

impl Complaint {
    /// Our words for what the TOML reader says of `text`.
    pub(crate) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        let table = DeTable::parse(text).ok();
        let path = table.as_ref().map(|table| path_at(table.get_ref(), &span)).unwrap_or_default();
        Self::at(text, span.start, reworded(error.message(), &path))
    }
}

/// A config that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file of `--config` is not there.
    #[error("{}: there is no such config file", .path.display())]
    NotFound {
        /// As it was asked for.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What it says cannot be used.
    #[error("{}", Complaints(.path, .complaints))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong; at least one.
        complaints: Vec<Complaint>,
    },
    /// `config init` does not overwrite.
    #[error("{}: is already there and is not overwritten", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// `config init` could not write.
    #[error("{}: cannot be written: {source}", .path.display())]
    Unwritable {
        /// The file or its directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no home directory to look in.
    #[error("no home directory, so no place for a config file")]
    NoHome,
}

impl ConfigError {
    /// Exit code: `EX_CONFIG` of sysexits.
    pub const EXIT_CODE: u8 = 78;

    /// One line of what to do.
    pub fn to_do(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => {
                "name an existing file with --config, or write a commented one: ssmwatch --config PATH config init"
            }
            Self::Unreadable { .. } => "make the file readable for this user, as UTF-8 text",
            Self::Invalid { .. } => "correct the file and look at it with: ssmwatch config check",
            Self::Exists { .. } => "move it away first, or write elsewhere: ssmwatch --config PATH config init",
            Self::Unwritable { .. } => "choose a place that this user may write to: ssmwatch --config PATH config init",
            Self::NoHome => "set HOME, or name the file with --config PATH",
        }
    }
}

struct Complaints<'a>(&'a PathBuf, &'a [Complaint]);

impl fmt::Display for Complaints<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, complaint) in self.1.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:{}:{}: {}", self.0.display(), complaint.line, complaint.column, complaint.message)?;
        }
        Ok(())
    }
}

/// The word that was probably meant: the nearest, if it is near.
pub(crate) fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    words
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + word.chars().count().min(candidate.chars().count()) / 3)
        .map(|(_, candidate)| candidate)
}

/// `unknown field …` and its kin, in the words of a config file.
fn reworded(message: &str, path: &str) -> String {
    let message = message.lines().map(str::trim).collect::<Vec<_>>().join(", ");
    let mut quoted = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown field") {
        let key = quoted.next().unwrap_or_default();
        let known: Vec<&str> = quoted.collect();
        let table = path.rsplit_once('.').map_or("", |(table, _)| table);
        return unknown_key(key, table, &known);
    }
    if message.starts_with("unknown variant") {
        let word = quoted.next().unwrap_or_default();
        let known: Vec<&str> = quoted.collect();
        return unknown("word", word, path, &known);
    }
    if message.starts_with("missing field") {
        let key = quoted.next().unwrap_or_default();
        return format!("`{}` lacks the key `{key}`", if path.is_empty() { "the file" } else { path });
    }
    if let Some((found, wanted)) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.split_once(", expected "))
    {
        let wanted = match wanted {
            "a boolean" => "true or false",
            "a sequence" => "a list, as [\"…\"]",
            "u32" => "a whole number from 0 to 4294967295",
            wanted if wanted.starts_with("struct ") => "a table",
            wanted => wanted,
        };
        return format!(
            "`{path}` is {}, wanted is {wanted}",
            found.replace("map", "a table").replace("sequence", "a list")
        );
    }
    if path.is_empty() { message } else { format!("`{path}`: {message}") }
}

/// The words for a key that a table does not have.
pub(super) fn unknown_key(key: &str, table: &str, known: &[&str]) -> String {
    unknown("key", key, table, known)
}

fn unknown(kind: &str, word: &str, place: &str, known: &[&str]) -> String {
    let place = if place.is_empty() { String::new() } else { format!(" in `{place}`") };
    match nearest(word, known.iter().copied()) {
        Some(meant) => format!("unknown {kind} `{word}`{place}, did you mean `{meant}`?"),
        None => format!("unknown {kind} `{word}`{place}; there are {}", known.join(", ")),
    }
}

/// A step into a config file: a key of a table or an element of a list.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// Where the value at that path stands, or the nearest above it that is written; `key`: the key itself instead.
pub(super) fn offset_of(table: &DeTable<'_>, path: &[Step<'_>], key: bool) -> usize {
    let mut offset = 0;
    let mut steps = path.iter();
    let Some(Step::Key(first)) = steps.next() else { return offset };
    let Some((name, mut value)) = entry(table, first) else { return offset };
    offset = if key && path.len() == 1 { name.span().start } else { value.span().start };
    for (depth, step) in steps.enumerate() {
        let last = depth + 2 == path.len();
        let next = match (step, value.get_ref()) {
            (Step::Key(name), DeValue::Table(table)) => {
                entry(table, name).map(|(name, value)| (Some(name.span()), value))
            }
            (Step::Index(index), DeValue::Array(list)) => list.get(*index).map(|value| (None, value)),
            _ => None,
        };
        let Some((name, inner)) = next else { return offset };
        offset = match name {
            Some(span) if key && last => span.start,
            _ => inner.span().start,
        };
        value = inner;
    }
    offset
}

fn entry<'t, 'i>(
    table: &'t DeTable<'i>,
    name: &str,
) -> Option<(&'t toml::Spanned<toml::de::DeString<'i>>, &'t toml::Spanned<DeValue<'i>>)> {
    table.iter().find(|(key, _)| key.get_ref() == name)
}

/// The dotted path of the deepest key whose key or value holds that place: `accounts[2].regions[1]`.
fn path_at(table: &DeTable<'_>, span: &Range<usize>) -> String {
    let mut path = String::new();
    descend(table, span, &mut path);
    path
}

fn descend(table: &DeTable<'_>, span: &Range<usize>, path: &mut String) -> bool {
    let before = path.len();
    for (key, value) in table.iter() {
        path.truncate(before);
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key.get_ref());
        if holds(&key.span(), span) || descend_value(value, span, path) {
            return true;
        }
    }
    path.truncate(before);
    false
}

fn descend_value(value: &toml::Spanned<DeValue<'_>>, span: &Range<usize>, path: &mut String) -> bool {
    let inside = match value.get_ref() {
        DeValue::Table(table) => descend(table, span, path),
        DeValue::Array(list) => {
            let before = path.len();
            list.iter().enumerate().any(|(index, element)| {
                path.truncate(before);
                path.push_str(&format!("[{}]", index + 1));
                descend_value(element, span, path) || {
                    path.truncate(before);
                    false
                }
            })
        }
        _ => false,
    };
    inside || holds(&value.span(), span)
}

fn holds(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end && !outer.is_empty()
}
