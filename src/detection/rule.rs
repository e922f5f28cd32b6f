//! Rules in force, what they find, and rules that are not in force.

use std::sync::Arc;

use super::attack::Technique;
use crate::domain::Severity;

/// Where a rule comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built into the program.
    BuiltIn,
    /// A file of the user's own.
    File(Arc<str>),
}

/// A Sigma rule in force.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectionRule {
    /// Its stable id: a built-in rule's name (`CMD-01`); of people's own rules the name, else the id, else the title.
    pub id: Arc<str>,
    /// What it finds.
    pub title: Arc<str>,
    /// What it finds, in sentences; empty when the rule has none.
    pub description: Arc<str>,
    /// Its severity; the config's, where the config has one.
    pub severity: Severity,
    /// The techniques that it detects.
    pub attack: Vec<Technique>,
    /// What fires it without being an attack.
    pub false_positives: Vec<String>,
    /// What to look at when it fires; empty when the rule does not say.
    pub advice: Arc<str>,
    /// Where it comes from.
    pub origin: Origin,
    /// It counts what other rules find, and is raised by [`super::Bursts`].
    pub correlation: bool,
    /// Only correlations count what it finds; it is never raised by itself.
    pub counted_only: bool,
    /// It reads printed lines, and keeps its severity there.
    pub reads_output: bool,
    /// Command lines that fire it.
    pub fires: Vec<String>,
    /// Command lines that do not.
    pub silent: Vec<String>,
}

/// How sure it is that what matched was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Printed by something: a file that was shown, a manual page, or a command at a prompt that was not recognized.
    Output,
    /// Typed at a prompt.
    Command,
}

impl Confidence {
    /// The word that rules read in the field Confidence.
    pub fn word(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Command => "command",
        }
    }
}

/// A piece of a line that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The command, or the printed line. Hostile text, as it was written.
    pub text: Box<str>,
    /// The program; empty when there is none.
    pub image: Box<str>,
}

/// A rule fired.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The rule.
    pub rule: Arc<DetectionRule>,
    /// How sure it is that what matched was run.
    pub confidence: Confidence,
    /// The rule's severity; one step lower when a rule for commands matched a printed line.
    pub severity: Severity,
    /// What matched, the most exact piece first; never empty but in correlations. Mask secrets before it is shown.
    pub pieces: Vec<Piece>,
}

/// A rule that was read, but cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotLoaded {
    /// The rule's file.
    pub file: Arc<str>,
    /// The rule's title.
    pub title: Arc<str>,
    /// Why it is not used.
    pub reason: String,
}

/// One step lower.
pub(super) fn lowered(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium => Severity::Low,
        Severity::Low | Severity::Informational => Severity::Informational,
    }
}
