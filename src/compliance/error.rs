//! What can be wrong with policies and with what the config says about rules.

use std::fmt;

/// Policies that cannot be used, or rule ids that do not exist. One line of what; [`PolicyError::to_do`] one of what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyError {
    /// A policy file is wrong at some place.
    Policy {
        /// The file, as it was named.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// The config names a rule that does not exist.
    UnknownRule {
        /// The config key that names it (`disabled`, `severity`).
        key: &'static str,
        /// The id it has.
        id: String,
        /// The id that is most like it.
        nearest: Option<String>,
    },
}

impl PolicyError {
    /// What to do about it.
    pub fn to_do(&self) -> String {
        match self {
            Self::Policy { .. } => "correct the policy, or take the file out of compliance.policies".to_owned(),
            Self::UnknownRule { nearest: Some(nearest), .. } => format!("write \"{nearest}\", or remove it"),
            Self::UnknownRule { nearest: None, .. } => "remove it; `ssmwatch rules list` names the rules".to_owned(),
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy { file, line, column, what } => write!(f, "{file}:{line}:{column}: {what}"),
            Self::UnknownRule { key, id, nearest } => {
                write!(f, "compliance.{key} names the rule \"{id}\", which does not exist")?;
                nearest.iter().try_for_each(|nearest| write!(f, "; the nearest is \"{nearest}\""))
            }
        }
    }
}

impl std::error::Error for PolicyError {}

/// The name that is most like the wanted one, if any is at all like it.
pub(super) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}
