//! Values of facts: for Cedar, and for people.

use std::{borrow::Cow, fmt};

use cedar_policy::RestrictedExpression;
use jiff::Timestamp;

use crate::domain::NodeTags;

/// A fact's value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::compliance) enum Value<'a> {
    /// Yes or no.
    Flag(bool),
    /// A number.
    Number(i64),
    /// A length of time.
    Seconds(i64),
    /// Whole seconds since that moment: the one kind of value that changes by itself.
    Since(Timestamp, i64),
    /// Words.
    Text(Cow<'a, str>),
    /// A set of words.
    Texts(Vec<Cow<'a, str>>),
    /// A set of numbers.
    Numbers(Vec<i64>),
    /// The node's tags.
    Tags(&'a NodeTags),
}

impl Value<'_> {
    /// The value as Cedar has it; tags live on the resource and have none here.
    pub(in crate::compliance) fn expression(&self) -> Option<RestrictedExpression> {
        Some(match self {
            Self::Flag(flag) => RestrictedExpression::new_bool(*flag),
            Self::Number(number) | Self::Seconds(number) | Self::Since(_, number) => {
                RestrictedExpression::new_long(*number)
            }
            Self::Text(text) => RestrictedExpression::new_string(text.clone().into_owned()),
            Self::Texts(texts) => RestrictedExpression::new_set(
                texts.iter().map(|text| RestrictedExpression::new_string(text.clone().into_owned())),
            ),
            Self::Numbers(numbers) => {
                RestrictedExpression::new_set(numbers.iter().map(|number| RestrictedExpression::new_long(*number)))
            }
            Self::Tags(_) => return None,
        })
    }
}

impl Value<'_> {
    /// The value whole, for programs; a length of time in seconds. Hostile texts are as they are.
    pub(in crate::compliance) fn json(&self) -> serde_json::Value {
        match self {
            Self::Flag(flag) => (*flag).into(),
            Self::Number(number) | Self::Seconds(number) | Self::Since(_, number) => (*number).into(),
            Self::Text(text) => text.as_ref().into(),
            Self::Texts(texts) => texts.iter().map(AsRef::as_ref).collect(),
            Self::Numbers(numbers) => numbers.clone().into(),
            Self::Tags(tags) => tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        }
    }
}

/// For people. What others wrote is cut and cleaned of control characters.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Seconds(seconds) => write_duration(f, *seconds),
            Self::Since(anchor, seconds) => {
                write_duration(f, *seconds)?;
                write!(f, " (since {anchor:.0})")
            }
            Self::Text(text) if text.is_empty() => f.write_str("(empty)"),
            Self::Text(text) => f.write_str(&clean(text)),
            Self::Texts(texts) if texts.is_empty() => f.write_str("(none)"),
            Self::Texts(texts) => write_list(f, texts.iter().map(|text| clean(text))),
            Self::Numbers(numbers) if numbers.is_empty() => f.write_str("(none)"),
            Self::Numbers(numbers) => write_list(f, numbers.iter().map(ToString::to_string)),
            Self::Tags(tags) if tags.is_empty() => f.write_str("(none)"),
            Self::Tags(tags) => {
                write_list(f, tags.iter().map(|(key, value)| format!("{}={}", clean(key), clean(value))))
            }
        }
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = String>) -> fmt::Result {
    items.enumerate().try_for_each(|(at, item)| write!(f, "{}{item}", if at == 0 { "" } else { ", " }))
}

/// `3 d 4 h`, `2 h 5 min`, `4 min 10 s`, `7 s`: the two largest units.
fn write_duration(f: &mut fmt::Formatter<'_>, seconds: i64) -> fmt::Result {
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.unsigned_abs();
    let (large, small) = match seconds {
        86_400.. => ((seconds / 86_400, "d"), (seconds % 86_400 / 3_600, "h")),
        3_600.. => ((seconds / 3_600, "h"), (seconds % 3_600 / 60, "min")),
        60.. => ((seconds / 60, "min"), (seconds % 60, "s")),
        _ => ((seconds, "s"), (0, "")),
    };
    write!(f, "{sign}{} {}", large.0, large.1)?;
    if small.0 > 0 {
        write!(f, " {} {}", small.0, small.1)?;
    }
    Ok(())
}

/// At most this many characters of one text stand in evidence.
const EVIDENCE_CHARACTERS: usize = 256;

/// Control characters and what turns the direction of writing become U+FFFD.
pub(in crate::compliance) fn clean(text: &str) -> String {
    let mut cleaned: String = text
        .chars()
        .take(EVIDENCE_CHARACTERS)
        .map(|c| match c {
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect();
    if text.chars().nth(EVIDENCE_CHARACTERS).is_some() {
        cleaned.push('…');
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_readable_and_harmless() {
        let cases = [
            (Value::Seconds(7), "7 s"),
            (Value::Seconds(60), "1 min"),
            (Value::Seconds(250), "4 min 10 s"),
            (Value::Seconds(7_500), "2 h 5 min"),
            (Value::Seconds(273_600), "3 d 4 h"),
            (Value::Seconds(-30), "-30 s"),
            (Value::Since(Timestamp::UNIX_EPOCH, 61), "1 min 1 s (since 1970-01-01T00:00:00Z)"),
            (Value::Text("".into()), "(empty)"),
            (Value::Text("a\u{1b}[31m\u{202e}b\u{9b}".into()), "a\u{fffd}[31m\u{fffd}b\u{fffd}"),
            (Value::Texts(vec!["a".into(), "b".into()]), "a, b"),
        ];
        for (value, readable) in cases {
            assert_eq!(value.to_string(), readable);
        }
        assert_eq!(Value::Text("x".repeat(1000).into()).to_string().chars().count(), EVIDENCE_CHARACTERS + 1);
    }
}
