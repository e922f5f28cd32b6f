//! What can be wrong with files of people's own rules, and with what the config says about rules.

use thiserror::Error;

/// Rules that cannot be used, or rule ids that do not exist: one line of what; [`DetectionError::to_do`] one of what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DetectionError {
    /// A file is no YAML, or no Sigma.
    #[error("{file}:{line}:{column}: {what}")]
    File {
        /// The file, as it was named.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// The config names a rule that does not exist.
    #[error("compliance.{key} names the rule \"{id}\", which does not exist{}", nearest_words(.nearest))]
    UnknownRule {
        /// The config key that names it (`disabled`, `severity`).
        key: &'static str,
        /// The id it has.
        id: String,
        /// The id that is most like it.
        nearest: Option<String>,
    },
}

impl DetectionError {
    /// What to do about it.
    pub fn to_do(&self) -> String {
        match self {
            Self::File { .. } => "correct the rule, or take the file out of compliance.detections".to_owned(),
            Self::UnknownRule { nearest: Some(nearest), .. } => format!("write \"{nearest}\", or remove it"),
            Self::UnknownRule { nearest: None, .. } => "remove it; `ssmwatch rules list` names the rules".to_owned(),
        }
    }
}

fn nearest_words(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|nearest| format!("; the nearest is \"{nearest}\"")).unwrap_or_default()
}
