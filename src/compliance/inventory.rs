//! Everything that rules could read of a session, whether one reads it or not.

use jiff::Timestamp;

use super::{
    Engine, FactName, SessionEvidence, Subject,
    facts::{Entry, SessionReader},
};
use crate::domain::Source;

/// One fact as it stands at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct FactLine {
    /// Which.
    pub name: FactName,
    /// What is known of it.
    pub state: FactState,
}

/// What is known of a fact.
#[derive(Debug, Clone, PartialEq)]
pub enum FactState {
    /// It is known.
    Known {
        /// Its value; a length of time in seconds. Hostile texts are as they are.
        value: serde_json::Value,
        /// Where it was read.
        source: Source,
        /// When.
        at: Timestamp,
    },
    /// It is known that there is none, and why.
    Absent(String),
    /// It is not known, and why not.
    Missing(String),
}

impl Engine {
    /// All facts of a session at that moment, in the order in which findings quote them.
    pub fn facts(&self, evidence: &SessionEvidence<'_>, now: Timestamp) -> Vec<FactLine> {
        let reader = SessionReader::new(evidence, self.parameters(), now);
        let line = |name: &FactName| FactLine {
            name: *name,
            state: match reader.read(*name) {
                Entry::Known { value, source, at, .. } => FactState::Known { value: value.json(), source, at },
                Entry::Absent { why, .. } => FactState::Absent(why),
                Entry::Missing { missing, .. } => FactState::Missing(missing.why.to_string()),
            },
        };
        FactName::ALL.iter().filter(|name| name.is_of(Subject::Session)).map(line).collect()
    }
}
