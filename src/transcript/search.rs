//! Search in what is shown.

use std::{collections::VecDeque, ops::Range};

use regex::{Regex, RegexBuilder};

use super::line::{Line, LineKind};

/// Which way to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To newer lines.
    Forward,
    /// To older lines.
    Backward,
}

/// A literal text to look for; upper and lower case alike unless it has an upper-case letter.
#[derive(Debug, Clone)]
pub struct Search {
    regex: Regex,
}

impl Search {
    /// A search for that text; `None` when it is empty (or far too long to be meant).
    pub fn new(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let any_case = !text.chars().any(char::is_uppercase);
        // What is not ASCII may have been damaged by the agent's cleaning.
        let pattern: String = text.chars().map(pattern_of).collect();
        RegexBuilder::new(&pattern).case_insensitive(any_case).build().ok().map(|regex| Self { regex })
    }

    /// All places in a cleaned text, as byte ranges.
    pub fn ranges<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        self.regex.find_iter(text).map(|found| found.range())
    }

    /// Whether the line has the text, in any of its readings.
    pub fn is_in(&self, line: &Line) -> bool {
        self.first_in(line).is_some()
    }

    /// The first place in a line; a match in the folded output of a full-screen program covers the line that stands for it.
    fn first_in(&self, line: &Line) -> Option<Range<usize>> {
        if let Some(found) = self.regex.find(line.text()) {
            return Some(found.range());
        }
        if line.alternatives().any(|reading| self.regex.is_match(reading)) {
            return Some(0..line.text().len());
        }
        match &line.kind {
            LineKind::Screen(folded) if folded.lines.iter().any(|hidden| self.regex.is_match(hidden.text())) => {
                Some(0..line.text().len())
            }
            _ => None,
        }
    }
}

/// Matches a character, or what the agent made of it: it takes the bytes 0x80 to 0x9f for control characters.
fn pattern_of(c: char) -> String {
    let literal = regex::escape(c.encode_utf8(&mut [0; 4]));
    if c.is_ascii() { literal } else { format!("(?:{literal}|\u{fffd})") }
}

/// A place in a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Index of the line among the lines that are held.
    pub line: usize,
    /// Bytes of the line's cleaned text.
    pub range: Range<usize>,
}

/// The nearest matching line at or after (backward: at or before) the line `from`. Does not wrap around.
pub(super) fn find(lines: &VecDeque<Line>, search: &Search, from: usize, direction: Direction) -> Option<Match> {
    let look = |line: usize| {
        let range = search.first_in(lines.get(line)?)?;
        Some(Match { line, range })
    };
    match direction {
        Direction::Forward => (from..lines.len()).find_map(look),
        Direction::Backward => (0..lines.len().min(from.saturating_add(1))).rev().find_map(look),
    }
}
