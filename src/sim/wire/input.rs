//! Reads an operation's input with the constraints of its model, and words violations as AWS's front end does.
//!
//! ```
//! use ssmwatch::sim::wire::{input::{Input, Style}, value::Value};
//! let raw = Value::structure([("MaxResults", Value::Int(201))]);
//! let input = Input::new(&raw);
//! let state = input.required_enum("State", &["Active", "History"]);
//! let page = input.int("MaxResults", 1..=200).unwrap_or(200);
//! let error = input.finish(Style::Json).unwrap_err();
//! assert!(error.message.starts_with("2 validation errors detected: Value null at 'state' failed"));
//! # let _ = (state, page);
//! ```
//! Readers note what is wrong and return a stand-in; [`Input::finish`] turns the notes into one error, so that several
//! violations are counted together. Nothing that was read may be used before `finish` said yes.

use std::{borrow::Cow, cell::RefCell, fmt::Write, ops::RangeInclusive, rc::Rc};

use jiff::Timestamp;
use regex::Regex;

use super::value::Value;
use crate::sim::error::AwsError;

/// Under which code, and how strictly, a service answers a violated constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `ValidationException`, typed JSON (ssm and most JSON services).
    Json,
    /// `InvalidParameterException`, typed JSON (logs, tagging).
    InvalidParameter,
    /// `InvalidInputException`, typed JSON (organizations).
    InvalidInput,
    /// `ValidationError`, everything arrives as text (sts, iam, sns; cloudwatch in all its protocols).
    Query,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Style::Json => "ValidationException",
            Style::InvalidParameter => "InvalidParameterException",
            Style::InvalidInput => "InvalidInputException",
            Style::Query => "ValidationError",
        }
    }
}

#[derive(Debug, Default)]
struct Notes {
    /// The first value that cannot be of the member's type in any protocol.
    malformed: Option<String>,
    /// The first value that is text where JSON would need a number or a boolean.
    text_for_scalar: Option<String>,
    violations: Vec<String>,
}

/// A structure being read; nested ones share the notes of the outermost.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    value: &'a Value,
    path: String,
    notes: Rc<RefCell<Notes>>,
}

impl<'a> Input<'a> {
    /// Reads this input structure.
    pub fn new(value: &'a Value) -> Self {
        let input = Self { value, path: String::new(), notes: Rc::default() };
        input.expect_structure();
        input
    }

    /// The raw member, null left out.
    pub fn raw(&self, name: &str) -> Option<&'a Value> {
        self.value.get(name)
    }

    /// Says whether the member is there; its absence is a violation.
    pub fn require(&self, name: &str) -> bool {
        let there = self.raw(name).is_some();
        if !there {
            self.violation(&format!("Value null at '{}'", self.path_of(name)), "Member must not be null");
        }
        there
    }

    /// Optional text of any length.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        match self.raw(name)? {
            Value::Text(text) => Some(text),
            other => {
                self.malformed(other, "a String");
                None
            }
        }
    }

    /// Optional text of so many characters.
    pub fn text_of(&self, name: &str, length: RangeInclusive<usize>) -> Option<&'a str> {
        let text = self.text(name)?;
        self.check_length(name, text, text.chars().count(), &length);
        Some(text)
    }

    /// Text that must be there; empty where it is not.
    pub fn required_text(&self, name: &str) -> &'a str {
        if self.require(name) { self.text(name).unwrap_or_default() } else { "" }
    }

    /// Text of so many characters that must be there.
    pub fn required_text_of(&self, name: &str, length: RangeInclusive<usize>) -> &'a str {
        if self.require(name) { self.text_of(name, length).unwrap_or_default() } else { "" }
    }

    /// Notes a violation if the member is text that the pattern does not match as a whole. The pattern is quoted in the
    /// answer as it stands; Java's `\uXXXX` is understood.
    pub fn pattern(&self, name: &str, pattern: &str) {
        let Some(Value::Text(text)) = self.raw(name) else { return };
        if !matches_whole(pattern, text) {
            self.violation(
                &format!("Value '{}' at '{}'", shortened(text), self.path_of(name)),
                &format!("Member must satisfy regular expression pattern: {pattern}"),
            );
        }
    }

    /// Optional text out of a set.
    pub fn enumeration(&self, name: &str, set: &[&str]) -> Option<&'a str> {
        let text = self.text(name)?;
        if !set.contains(&text) {
            self.violation(
                &format!("Value '{}' at '{}'", shortened(text), self.path_of(name)),
                &format!("Member must satisfy enum value set: [{}]", set.join(", ")),
            );
        }
        Some(text)
    }

    /// Text out of a set that must be there; empty where it is not.
    pub fn required_enum(&self, name: &str, set: &[&str]) -> &'a str {
        if self.require(name) { self.enumeration(name, set).unwrap_or_default() } else { "" }
    }

    /// Optional whole number within bounds (both included).
    pub fn int(&self, name: &str, bounds: RangeInclusive<i64>) -> Option<i64> {
        let number = match self.raw(name)? {
            Value::Int(number) => *number,
            #[expect(clippy::cast_possible_truncation, reason = "it has no fraction")]
            Value::Float(number) if number.is_finite() && number.fract() == 0.0 => *number as i64,
            other @ Value::Text(text) => match text.trim().parse::<i64>() {
                Ok(number) => {
                    self.text_for_scalar(other, "an Integer");
                    number
                }
                Err(_) => {
                    self.malformed(other, "an Integer");
                    return None;
                }
            },
            other => {
                self.malformed(other, "an Integer");
                return None;
            }
        };
        let place = || format!("Value '{number}' at '{}'", self.path_of(name));
        if number > *bounds.end() {
            self.violation(&place(), &format!("Member must have value less than or equal to {}", bounds.end()));
        } else if number < *bounds.start() {
            self.violation(&place(), &format!("Member must have value greater than or equal to {}", bounds.start()));
        }
        Some(number)
    }

    /// Whole number that must be there; zero where it is not.
    pub fn required_int(&self, name: &str, bounds: RangeInclusive<i64>) -> i64 {
        if self.require(name) { self.int(name, bounds).unwrap_or_default() } else { 0 }
    }

    /// Optional fractional number; `NaN` and infinities pass, the service judges them.
    pub fn float(&self, name: &str) -> Option<f64> {
        self.float_value(self.raw(name)?)
    }

    /// One list item as a fractional number.
    pub fn float_value(&self, value: &Value) -> Option<f64> {
        match value {
            #[expect(clippy::cast_precision_loss, reason = "a double is what the member is")]
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            // JSON and query both spell the three special values as text.
            Value::Text(text) => match text.as_str() {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                digits => match digits.trim().parse::<f64>() {
                    Ok(number) => {
                        self.text_for_scalar(value, "a Double");
                        Some(number)
                    }
                    Err(_) => {
                        self.malformed(value, "a Double");
                        None
                    }
                },
            },
            other => {
                self.malformed(other, "a Double");
                None
            }
        }
    }

    /// Optional boolean.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        match self.raw(name)? {
            Value::Bool(truth) => Some(*truth),
            other @ Value::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" => {
                    self.text_for_scalar(other, "a Boolean");
                    Some(true)
                }
                "false" => {
                    self.text_for_scalar(other, "a Boolean");
                    Some(false)
                }
                _ => {
                    self.malformed(other, "a Boolean");
                    None
                }
            },
            other => {
                self.malformed(other, "a Boolean");
                None
            }
        }
    }

    /// Optional point in time: epoch seconds (JSON), tagged (CBOR), ISO 8601 or epoch seconds as text (query).
    pub fn time(&self, name: &str) -> Option<Timestamp> {
        let value = self.raw(name)?;
        let time = match value {
            Value::Time(time) => Some(*time),
            Value::Int(seconds) => Timestamp::from_second(*seconds).ok(),
            Value::Float(seconds) => from_epoch_seconds(*seconds),
            Value::Text(text) => {
                let time = text
                    .parse::<Timestamp>()
                    .ok()
                    .or_else(|| {
                        text.parse::<jiff::civil::DateTime>()
                            .ok()?
                            .to_zoned(jiff::tz::TimeZone::UTC)
                            .ok()
                            .map(|zoned| zoned.timestamp())
                    })
                    .or_else(|| {
                        text.parse::<jiff::civil::Date>()
                            .ok()?
                            .to_zoned(jiff::tz::TimeZone::UTC)
                            .ok()
                            .map(|zoned| zoned.timestamp())
                    })
                    .or_else(|| text.parse::<f64>().ok().and_then(from_epoch_seconds));
                if time.is_some() {
                    self.text_for_scalar(value, "a Date");
                }
                time
            }
            _ => None,
        };
        if time.is_none() {
            self.malformed(value, "a Date");
        }
        time
    }

    /// Optional list of so many items; none where it is absent.
    pub fn items(&self, name: &str, count: RangeInclusive<usize>) -> &'a [Value] {
        let items = match self.raw(name) {
            None => return &[],
            Some(Value::List(items)) => items.as_slice(),
            // The query protocol writes an empty list as an empty parameter.
            Some(Value::Text(text)) if text.is_empty() => &[],
            Some(other) => {
                self.malformed(other, "a List");
                return &[];
            }
        };
        if let Some(value) = self.raw(name) {
            self.check_length(name, &shown(value), items.len(), &count);
        }
        items
    }

    /// Optional list of texts: so many, each of so many characters.
    pub fn texts(&self, name: &str, count: RangeInclusive<usize>, length: RangeInclusive<usize>) -> Vec<&'a str> {
        let items = self.items(name, count);
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Value::Text(text) => texts.push(text.as_str()),
                other => self.malformed(other, "a String"),
            }
        }
        if texts.iter().any(|text| !length.contains(&text.chars().count())) {
            let mut constraints = Vec::new();
            if *length.end() < usize::MAX {
                constraints.push(format!("Member must have length less than or equal to {}", length.end()));
            }
            constraints.push(format!("Member must have length greater than or equal to {}", length.start()));
            self.violation(
                &format!("Value '[{}]' at '{}'", shortened(&texts.join(", ")), self.path_of(name)),
                &format!("Member must satisfy constraint: [{}]", constraints.join(", ")),
            );
        }
        texts
    }

    /// Optional list of texts out of a set.
    pub fn enumerations(&self, name: &str, count: RangeInclusive<usize>, set: &[&str]) -> Vec<&'a str> {
        let texts = self.texts(name, count, 0..=usize::MAX);
        if texts.iter().any(|text| !set.contains(text)) {
            self.violation(
                &format!("Value '[{}]' at '{}'", shortened(&texts.join(", ")), self.path_of(name)),
                &format!("Member must satisfy constraint: [Member must satisfy enum value set: [{}]]", set.join(", ")),
            );
        }
        texts
    }

    /// Optional list of so many structures, each to be read under its own path.
    pub fn structs(&self, name: &str, count: RangeInclusive<usize>) -> Vec<Input<'a>> {
        let path = self.path_of(name);
        self.items(name, count)
            .iter()
            .enumerate()
            .map(|(index, item)| self.nested(item, format!("{path}.{}.member", index + 1)))
            .collect()
    }

    /// Optional nested structure.
    pub fn structure(&self, name: &str) -> Option<Input<'a>> {
        Some(self.nested(self.raw(name)?, self.path_of(name)))
    }

    /// The entries of an optional map, each value to be read under the map's path.
    pub fn map(&self, name: &str) -> Vec<(&'a str, &'a Value)> {
        match self.raw(name) {
            Some(Value::Struct(entries) | Value::Map(entries)) => {
                entries.iter().map(|(key, value)| (key.as_str(), value)).collect()
            }
            Some(Value::Text(text)) if text.is_empty() => Vec::new(),
            Some(other) => {
                self.malformed(other, "a Map");
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// A reader of this value under a path of its own, with the notes of this one.
    pub fn nested(&self, value: &'a Value, path: String) -> Input<'a> {
        let input = Input { value, path, notes: Rc::clone(&self.notes) };
        input.expect_structure();
        input
    }

    /// Notes a violation of a constraint that no reader above knows.
    pub fn refuse(&self, name: &str, constraint: &str) {
        let shown = self.raw(name).map_or_else(|| "null".to_owned(), |value| format!("'{}'", shortened(&shown(value))));
        self.violation(&format!("Value {shown} at '{}'", self.path_of(name)), constraint);
    }

    /// Yes, or the one error that all notes amount to.
    ///
    /// # Errors
    /// `SerializationException` (JSON) or `MalformedInput` (query) for values of a wrong type, else the style's code with
    /// all violations.
    pub fn finish(&self, style: Style) -> Result<(), AwsError> {
        let notes = self.notes.borrow();
        if style == Style::Query {
            if let Some(message) = &notes.malformed {
                return Err(AwsError::client("MalformedInput", message.clone()));
            }
        } else if let Some(message) = notes.malformed.as_ref().or(notes.text_for_scalar.as_ref()) {
            return Err(AwsError::client("SerializationException", message.clone()));
        }
        let plural = match notes.violations.len() {
            0 => return Ok(()),
            1 => "",
            _ => "s",
        };
        let message =
            format!("{} validation error{plural} detected: {}", notes.violations.len(), notes.violations.join("; "));
        let error = AwsError::client(style.code(), message);
        let reason =
            notes.violations.first().map(|violation| reason(violation)).filter(|_| style == Style::InvalidInput);
        Err(match reason {
            Some(reason) => error.with_detail("Reason", reason),
            None => error,
        })
    }

    fn expect_structure(&self) {
        if !matches!(self.value, Value::Struct(_) | Value::Map(_)) {
            self.malformed(self.value, "a Structure");
        }
    }

    fn path_of(&self, name: &str) -> String {
        let mut path = self.path.clone();
        if !path.is_empty() {
            path.push('.');
        }
        let mut letters = name.chars();
        path.extend(letters.next().map(|first| first.to_ascii_lowercase()));
        path.push_str(letters.as_str());
        path
    }

    fn check_length(&self, name: &str, shown: &str, length: usize, bounds: &RangeInclusive<usize>) {
        let constraint = if length > *bounds.end() {
            format!("Member must have length less than or equal to {}", bounds.end())
        } else if length < *bounds.start() {
            format!("Member must have length greater than or equal to {}", bounds.start())
        } else {
            return;
        };
        self.violation(&format!("Value '{}' at '{}'", shortened(shown), self.path_of(name)), &constraint);
    }

    fn violation(&self, place: &str, constraint: &str) {
        self.notes.borrow_mut().violations.push(format!("{place} failed to satisfy constraint: {constraint}"));
    }

    fn malformed(&self, value: &Value, wanted: &str) {
        self.notes.borrow_mut().malformed.get_or_insert_with(|| mismatch(value, wanted));
    }

    fn text_for_scalar(&self, value: &Value, wanted: &str) {
        self.notes.borrow_mut().text_for_scalar.get_or_insert_with(|| mismatch(value, wanted));
    }
}

/// `Reason` of Organizations' InvalidInputException for a violation in these words.
fn reason(violation: &str) -> &'static str {
    [
        ("Member must not be null", "INPUT_REQUIRED"),
        ("value less than", "MAX_VALUE_EXCEEDED"),
        ("value greater than", "MIN_VALUE_EXCEEDED"),
        ("length less than", "MAX_LENGTH_EXCEEDED"),
        ("length greater than", "MIN_LENGTH_EXCEEDED"),
        ("regular expression", "INVALID_PATTERN"),
        ("enum value set", "INVALID_ENUM"),
    ]
    .into_iter()
    .find(|(words, _)| violation.contains(words))
    .map_or("INVALID_SYNTAX_POLICY", |(_, reason)| reason)
}

/// Characters of a refused value that an answer repeats.
const MOST_ECHOED: usize = 256;

/// The value of a message, cut where it is long.
fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MOST_ECHOED) {
        Some((end, _)) => Cow::Owned(format!("{}...", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// The words of AWS's deserializer for a value of another type.
fn mismatch(value: &Value, wanted: &str) -> String {
    match value {
        Value::List(_) => "Start of list found where not expected".to_owned(),
        Value::Struct(_) | Value::Map(_) => "Start of structure or map found where not expected.".to_owned(),
        Value::Bool(true) => format!("TRUE_VALUE can not be converted to {wanted}"),
        Value::Bool(false) => format!("FALSE_VALUE can not be converted to {wanted}"),
        Value::Int(_) | Value::Float(_) => format!("NUMBER_VALUE can not be converted to {wanted}"),
        Value::Null | Value::Text(_) | Value::Blob(_) | Value::Time(_) => {
            format!("STRING_VALUE can not be converted to {wanted}")
        }
    }
}

fn from_epoch_seconds(seconds: f64) -> Option<Timestamp> {
    // The outermost seconds that a time stamp can hold are some 3.8e11, far inside i64 milliseconds.
    if !seconds.is_finite() || seconds.abs() > 4.0e11 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let milliseconds = (seconds * 1000.0).round() as i64;
    Timestamp::from_millisecond(milliseconds).ok()
}

fn matches_whole(pattern: &str, text: &str) -> bool {
    let translated = java_escapes(pattern);
    // A pattern of ours that the engine cannot read must not turn valid requests away.
    Regex::new(&format!("^(?:{translated})$")).map_or(true, |regex| regex.is_match(text))
}

/// Turns Java's `\u0020` into this engine's `\x{0020}`.
fn java_escapes(pattern: &str) -> String {
    let mut parts = pattern.split("\\u");
    let mut translated = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_at_checked(4) {
            Some((digits, rest)) if digits.chars().all(|digit| digit.is_ascii_hexdigit()) => {
                // Writing to a String cannot fail.
                let _ = write!(translated, "\\x{{{digits}}}{rest}");
            }
            _ => {
                translated.push_str("\\u");
                translated.push_str(part);
            }
        }
    }
    translated
}

/// A value as Java's `toString` shows it in a message.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => format!("java.nio.HeapByteBuffer[pos=0 lim={0} cap={0}]", bytes.len()),
        Value::Time(time) => time.to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Struct(members) | Value::Map(members) => {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn message(input: &Input<'_>, style: Style) -> String {
        input.finish(style).unwrap_err().to_string()
    }

    #[test]
    fn one_violation_is_worded_as_the_front_end_does() {
        let raw = Value::structure([("MaxResults", Value::Int(201))]);
        let input = Input::new(&raw);
        assert_eq!(input.int("MaxResults", 1..=200), Some(201));
        assert_eq!(
            message(&input, Style::Json),
            "ValidationException: 1 validation error detected: Value '201' at 'maxResults' failed to satisfy constraint: \
             Member must have value less than or equal to 200"
        );
    }

    #[test]
    fn violations_are_counted_and_name_their_path() {
        let filter = Value::structure([("key", "Nope".into()), ("value", "".into())]);
        let raw = Value::structure([("Filters", Value::List(vec![filter]))]);
        let input = Input::new(&raw);
        input.required_enum("State", &["Active", "History"]);
        for filter in input.structs("Filters", 1..=6) {
            filter.required_enum("key", &["Owner"]);
            filter.required_text_of("value", 1..=400);
        }
        assert_eq!(
            message(&input, Style::Json),
            "ValidationException: 3 validation errors detected: \
             Value null at 'state' failed to satisfy constraint: Member must not be null; \
             Value 'Nope' at 'filters.1.member.key' failed to satisfy constraint: Member must satisfy enum value set: [Owner]; \
             Value '' at 'filters.1.member.value' failed to satisfy constraint: Member must have length greater than or equal to 1"
        );
    }

    #[test]
    fn wrong_types_are_serialization_errors_before_violations() {
        let raw = Value::structure([("State", Value::Int(5)), ("MaxResults", "7".into())]);
        let input = Input::new(&raw);
        input.required_enum("State", &["Active"]);
        assert_eq!(input.int("MaxResults", 1..=5), Some(7));
        assert_eq!(
            message(&input, Style::Json),
            "SerializationException: NUMBER_VALUE can not be converted to a String"
        );
    }

    #[test]
    fn numbers_as_text_pass_only_where_all_is_text() {
        let raw = Value::structure([("MaxItems", "7".into())]);
        let input = Input::new(&raw);
        assert_eq!(input.int("MaxItems", 1..=1000), Some(7));
        assert!(input.finish(Style::Query).is_ok());
        assert_eq!(
            message(&input, Style::Json),
            "SerializationException: STRING_VALUE can not be converted to an Integer"
        );
    }

    #[test]
    fn patterns_match_the_whole_and_know_java_escapes() {
        let raw = Value::structure([("A", "ab c".into()), ("B", "line\nbreak".into())]);
        let input = Input::new(&raw);
        input.pattern("A", r"[\u0020-\u00FF]+");
        assert!(input.finish(Style::Query).is_ok());
        input.pattern("B", r"[\u0020-\u00FF]+");
        assert!(
            message(&input, Style::Query)
                .ends_with(r"Member must satisfy regular expression pattern: [\u0020-\u00FF]+")
        );
    }

    #[test]
    fn times_are_read_from_every_protocol() {
        let expected = Timestamp::from_second(1_700_000_000).unwrap();
        for value in [
            Value::Time(expected),
            Value::Int(1_700_000_000),
            Value::Float(1_700_000_000.0),
            Value::from("2023-11-14T22:13:20Z"),
            Value::from("2023-11-14T22:13:20"),
            Value::from("2023-11-14T23:13:20+01:00"),
        ] {
            let raw = Value::structure([("StartTime", value)]);
            assert_eq!(Input::new(&raw).time("StartTime"), Some(expected));
        }
    }
}
