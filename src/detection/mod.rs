//! Command lines and printed lines in, detections out: the rules are Sigma. Pure: no I/O, no clock.
//!
//! A typed line becomes events as a process log would have them: the line as a whole, and each command of its lists,
//! pipelines and substitutions with each program that it starts; as typed, without its disguise (quotes inside of words,
//! `$IFS`), and with what it carries encoded (`normalize`, `pipeline`, `words`). Rules of SigmaHQ that need no more than
//! CommandLine and Image work as they are. Rules that need what a shell's stream does not have are named in
//! [`Detector::not_loaded`].
//!
//! What is typed has the confidence `command`. The same words printed, by `cat` or `man` or `grep`, are `output`: rules
//! for commands are tried there too, one severity lower.

mod attack;
mod bursts;
mod document;
mod engine;
mod error;
mod event;
mod load;
mod normalize;
mod pack;
mod pipeline;
mod rule;
mod survivor;
mod words;

#[cfg(test)]
mod tests;

use std::{fmt::Debug, sync::Arc};

pub use crate::transcript::mask;
pub use attack::Technique;
pub use bursts::{Bursts, Correlation};
pub use engine::{Detections, Tuning};
pub use error::DetectionError;
pub use event::SessionFields;
pub use rule::{Confidence, DetectionRule, Hit, NotLoaded, Origin, Piece};
pub use survivor::survivor;

/// Finds what rules describe in a session's stream.
pub trait Detector: Send + Sync + Debug {
    /// A typed command, in all its readings: with the line editing applied, and, where that is uncertain, as it was
    /// streamed. A rule that fires on any reading is one hit.
    fn command(&self, session: &SessionFields<'_>, readings: &[&str]) -> Vec<Hit>;

    /// A printed line.
    fn output(&self, session: &SessionFields<'_>, line: &str) -> Vec<Hit>;

    /// The rules in force.
    fn rules(&self) -> &[Arc<DetectionRule>];

    /// Rules of the user's own that cannot be used here.
    fn not_loaded(&self) -> &[NotLoaded];

    /// The correlations in force, for [`Bursts`].
    fn correlations(&self) -> Arc<[Correlation]>;
}
