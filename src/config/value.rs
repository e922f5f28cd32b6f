//! Values of the config file that have a form of their own; each says what it wants when it gets something else.

use std::{fmt, time::Duration};

use regex::Regex;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

use crate::domain::ScopeId;

/// A string that passes `check`; anything else is answered with the words of what is wanted. The check runs inside of the
/// reader, so that its complaint stands at the string itself, in a list too.
pub(super) fn checked<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    wanted: &'static str,
    check: impl Fn(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    struct Text<F>(&'static str, F);
    impl<T, F: Fn(&str) -> Result<T, String>> Visitor<'_> for Text<F> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            (self.1)(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Text(wanted, check))
}

/// A span of time, written `5s`, `5m`, `1h`, `1h30m`, `7d`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

impl Period {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// As the standard library has it.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// Reads the written form.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wanted = || format!("`{text}` is not a duration; write for instance \"5s\", \"5m\" or \"1h\"");
        let mut total: u64 = 0;
        let mut digits = String::new();
        for character in text.chars() {
            if character.is_ascii_digit() {
                digits.push(character);
                continue;
            }
            let unit = match character {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                'd' => 86400,
                _ => return Err(wanted()),
            };
            let number: u64 = digits.parse().map_err(|_| wanted())?;
            total = number.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(wanted)?;
            digits.clear();
        }
        if text.is_empty() || !digits.is_empty() {
            return Err(wanted());
        }
        Ok(Self::seconds(total))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_secs();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, letter) in [(86400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')] {
            if rest / unit > 0 {
                write!(f, "{}{letter}", rest / unit)?;
                rest %= unit;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        checked(deserializer, "a duration in quotes, as \"5s\"", Self::parse)
    }
}

/// A period within bounds, in seconds.
pub(super) fn period<'de, D: Deserializer<'de>, const MIN: u64, const MAX: u64>(
    deserializer: D,
) -> Result<Period, D::Error> {
    let period = Period::deserialize(deserializer)?;
    let (least, most) = (Period::seconds(MIN), Period::seconds(MAX));
    if period < least {
        return Err(D::Error::custom(format!("`{period}` is too short; the least is \"{least}\"")));
    }
    if period > most {
        return Err(D::Error::custom(format!("`{period}` is too long; the most is \"{most}\"")));
    }
    Ok(period)
}

/// Text with `{region}` and `{account}` in it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Template(String);

impl Template {
    /// A template that is known to be right.
    pub(super) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("an empty name; leave the key out instead".to_owned());
        }
        let bare = text.replace("{region}", "").replace("{account}", "");
        if bare.contains(['{', '}']) {
            return Err(format!("`{text}` has an unknown placeholder; {{region}} and {{account}} are known"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text for one scope.
    pub fn fill(&self, scope: &ScopeId) -> String {
        self.0.replace("{region}", scope.region.as_str()).replace("{account}", scope.account.as_str())
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        checked(deserializer, "a name in quotes", Self::parse)
    }
}

/// A regular expression that keeps its text.
#[derive(Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Reads a regular expression.
    ///
    /// # Errors
    /// What is wrong with it, on one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        Regex::new(text).map(Self).map_err(|error| {
            let error = error.to_string();
            let what = error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("`{text}` is not a regular expression: {what}")
        })
    }

    /// The compiled expression.
    pub fn regex(&self) -> &Regex {
        &self.0
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.as_str(), f)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        checked(deserializer, "a regular expression in quotes", Self::parse)
    }
}

/// A tag to look for, written `Key=Value`; a `*` at the value's end stands for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPattern {
    /// The tag's key, compared exactly.
    pub key: String,
    /// The value, compared in any case; with a `*` at its end: how the value begins.
    pub value: String,
}

impl TagPattern {
    /// A tag pattern of these parts.
    pub fn of(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), value: value.to_owned() }
    }

    /// Reads the written form.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                if value.trim_end_matches('*').contains('*') || value.ends_with("**") {
                    return Err(format!("`{text}`: `*` may only stand at the end of the value"));
                }
                Ok(Self::of(key, value))
            }
            _ => Err(format!("`{text}` is not a tag; write for instance \"Environment=Prod*\"")),
        }
    }

    /// Whether a tag of that key and value is meant.
    pub fn matches(&self, key: &str, value: &str) -> bool {
        if key != self.key {
            return false;
        }
        let (value, wanted) = (value.to_lowercase(), self.value.to_lowercase());
        match wanted.strip_suffix('*') {
            Some(start) => value.starts_with(start),
            None => value == wanted,
        }
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl Serialize for TagPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TagPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        checked(deserializer, "a tag in quotes, as \"Environment=Prod*\"", Self::parse)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_period_is_read_as_it_is_written(seconds in any::<u64>()) {
            let period = Period::seconds(seconds);
            prop_assert_eq!(Period::parse(&period.to_string()), Ok(period));
        }

        #[test]
        fn no_text_breaks_the_readers(text in any::<String>()) {
            // Whatever is accepted is written back as something that means the same.
            if let Ok(period) = Period::parse(&text) {
                prop_assert_eq!(Period::parse(&period.to_string()), Ok(period));
            }
            if let Ok(tag) = TagPattern::parse(&text) {
                prop_assert_eq!(TagPattern::parse(&tag.to_string()), Ok(tag));
            }
            if let Ok(template) = Template::parse(&text) {
                prop_assert_eq!(template.as_str(), text);
            }
        }
    }

    #[test]
    fn periods() {
        for (text, seconds) in [("5s", 5), ("5m", 300), ("1h", 3600), ("1h30m", 5400), ("7d", 604_800), ("0s", 0)] {
            assert_eq!(Period::parse(text), Ok(Period::seconds(seconds)));
        }
        for text in ["", "5", "s", "5 s", "-5s", "5ms", "1.5h", "99999999999999999999s", "18446744073709551615d"] {
            assert!(Period::parse(text).is_err(), "{text}");
        }
        assert_eq!(Period::seconds(5400).to_string(), "1h30m");
    }

    #[test]
    fn tags_match_by_key_and_by_how_the_value_begins() {
        let tag = TagPattern::parse("Environment=Prod*").unwrap();
        assert!(tag.matches("Environment", "PRODUCTION") && tag.matches("Environment", "prod"));
        assert!(!tag.matches("environment", "prod") && !tag.matches("Environment", "pre-prod"));
        let exact = TagPattern::parse("Environment=Prod").unwrap();
        assert!(exact.matches("Environment", "PROD") && !exact.matches("Environment", "Production"));
        for text in ["Environment", "=Prod", "Environment=", "E=P*d", "E=P**"] {
            assert!(TagPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn templates_are_filled_for_a_scope() {
        let template = Template::parse("{account}-log-{region}").unwrap();
        assert_eq!(template.fill(&ScopeId::new("111122223333", "us-east-1")), "111122223333-log-us-east-1");
    }
}
