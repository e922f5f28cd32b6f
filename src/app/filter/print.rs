//! Filters as text, so that reading it gives the same filter.

use std::fmt;

use jiff::SignedDuration;

use super::{Clock, Field, Filter, Pattern, Term, What};
use crate::transcript::clean;

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            term.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negated {
            f.write_str("-")?;
        }
        match &self.what {
            // A word of free text may look like a term of another kind.
            What::Text(pattern) => write_pieces(f, pattern, |piece| !piece.is_empty()),
            What::Field(field, patterns) => {
                write!(f, "{}:", field.name())?;
                write_patterns(f, patterns)
            }
            What::Verdict(verdicts) => write_words(f, "verdict", verdicts.iter().map(|verdict| verdict.word())),
            What::Severity(severities) => write_words(f, "severity", severities.iter().map(|severity| severity.word())),
            What::SeverityIs(order, severity) => {
                write!(f, "severity{}{}", order.sign(), severity.word().to_lowercase())
            }
            What::Tag(key, values) => {
                f.write_str("tag:")?;
                write_pieces(f, key, needs_quotes)?;
                if !values.is_empty() {
                    f.write_str("=")?;
                }
                write_patterns(f, values)
            }
            What::Time(clock, order, length) => {
                write!(f, "{}{}", clock.name(), order.sign())?;
                write_length(f, *length)
            }
            What::Detected => f.write_str("is:detected"),
        }
    }
}

impl Field {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Account => "account",
            Self::Region => "region",
            Self::Node => "node",
            Self::Document => "doc",
            Self::Rule => "rule",
            Self::Status => "status",
            Self::Reason => "reason",
            Self::Session => "session",
        }
    }
}

impl Clock {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Idle => "idle",
        }
    }
}

fn write_words<'a>(f: &mut fmt::Formatter<'_>, key: &str, words: impl Iterator<Item = &'a str>) -> fmt::Result {
    write!(f, "{key}:")?;
    for (index, word) in words.enumerate() {
        write!(f, "{}{}", if index > 0 { "," } else { "" }, word.to_lowercase())?;
    }
    Ok(())
}

fn write_patterns(f: &mut fmt::Formatter<'_>, patterns: &[Pattern]) -> fmt::Result {
    for (index, pattern) in patterns.iter().enumerate() {
        if index > 0 {
            f.write_str(",")?;
        }
        write_pieces(f, pattern, needs_quotes)?;
    }
    Ok(())
}

fn write_pieces(f: &mut fmt::Formatter<'_>, pattern: &Pattern, quotes: impl Fn(&str) -> bool) -> fmt::Result {
    let alone = pattern.pieces.len() == 1;
    for (index, piece) in pattern.pieces.iter().enumerate() {
        if index > 0 {
            f.write_str("*")?;
        }
        if quotes(piece) || (alone && piece.is_empty()) {
            f.write_str(&in_quotes(piece))?;
        } else {
            f.write_str(piece)?;
        }
    }
    Ok(())
}

/// A value as it is typed: in quotes where it needs them.
pub(super) fn value(text: &str) -> String {
    if text.is_empty() || needs_quotes(text) { in_quotes(text) } else { text.to_owned() }
}

/// Whether something in it means something else outside of quotes, or cannot be seen or typed.
fn needs_quotes(text: &str) -> bool {
    text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | '*' | '=')) || clean(text) != text
}

fn in_quotes(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    let mut buffer = [0; 4];
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            // What the screen would have to replace is written as a number: the line shows what it holds.
            _ if *clean(c.encode_utf8(&mut buffer)) != *c.encode_utf8(&mut [0; 4]) => {
                quoted.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
            }
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn write_length(f: &mut fmt::Formatter<'_>, length: SignedDuration) -> fmt::Result {
    let mut rest = length.as_secs();
    if rest == 0 {
        return f.write_str("0s");
    }
    for (unit, letter) in [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')] {
        if rest / unit > 0 {
            write!(f, "{}{letter}", rest / unit)?;
            rest %= unit;
        }
    }
    Ok(())
}
