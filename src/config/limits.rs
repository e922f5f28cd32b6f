//! Values of the rules' parameters: each is checked for its form where it is written.

use std::collections::BTreeMap;

use jiff::{
    civil::{Time, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Deserializer, de::Error};

use super::value::checked;
use crate::compliance::Network;

/// The days of the week, by the words that the config uses.
pub const DAYS: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];

/// A text that is checked where it stands in a list.
macro_rules! text_element {
    ($name:ident, $wanted:expr, $check:expr) => {
        struct $name(String);
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                checked(deserializer, $wanted, |text: &str| $check(text).map(|()| text.to_owned())).map(Self)
            }
        }
    };
}

text_element!(PatternElement, "a pattern in quotes; * stands for anything", check_pattern);
text_element!(NetworkElement, "a network in quotes, as \"198.51.100.0/24\"", check_network);
text_element!(ArnElement, "an ARN in quotes; * stands for anything", check_arn);
text_element!(DayElement, "a day in quotes, as \"Mon\"", check_day);
text_element!(ZoneText, "a time zone in quotes, as \"Europe/Vienna\"", check_zone);
text_element!(HoursText, "hours in quotes, as \"07:00-19:00\"", |text: &str| parse_hours(text).map(drop));
text_element!(EncryptionText, "an encryption in quotes, as \"aws:kms\"", check_encryption);
text_element!(TagKey, "a tag's key in quotes", check_pattern);

fn check_pattern(text: &str) -> Result<(), String> {
    let clean = !text.trim().is_empty() && text.trim() == text && !text.chars().any(char::is_control);
    if clean {
        Ok(())
    } else {
        Err(format!("`{}` is empty or has odd characters; write what it must be", text.escape_debug()))
    }
}

fn check_network(text: &str) -> Result<(), String> {
    let wanted = || format!("`{text}` is not a network; write for instance \"198.51.100.0/24\" or \"2001:db8::/32\"");
    Network::parse(text).map(drop).ok_or_else(wanted)
}

fn check_arn(text: &str) -> Result<(), String> {
    let filled = text.replace("{region}", "").replace("{account}", "");
    if filled.contains(['{', '}']) {
        return Err(format!("`{text}` has a placeholder that is none; write {{region}} or {{account}}"));
    }
    if text == "*" || text.starts_with("arn:") && text.split(':').count() >= 6 && check_pattern(text).is_ok() {
        return Ok(());
    }
    Err(format!("`{text}` is not an ARN; write for instance \"arn:aws:s3:::central-log-{{region}}/*\""))
}

fn check_day(text: &str) -> Result<(), String> {
    if DAYS.iter().any(|(word, _)| *word == text) {
        return Ok(());
    }
    Err(format!("`{text}` is not a day; write one of {}", DAYS.map(|(word, _)| format!("\"{word}\"")).join(", ")))
}

fn check_zone(text: &str) -> Result<(), String> {
    let wanted = |_| format!("`{text}` is not a time zone; write for instance \"Europe/Vienna\" or \"UTC\"");
    TimeZone::get(text).map(drop).map_err(wanted)
}

fn check_encryption(text: &str) -> Result<(), String> {
    if ["AES256", "aws:kms", "aws:kms:dsse"].contains(&text) {
        return Ok(());
    }
    Err(format!("`{text}` is not an encryption; write \"AES256\", \"aws:kms\" or \"aws:kms:dsse\""))
}

/// Begin and end of `07:00-19:00`.
///
/// # Errors
/// What to write instead.
pub fn parse_hours(text: &str) -> Result<(Time, Time), String> {
    let wanted = || format!("`{text}` are no hours; write for instance \"07:00-19:00\" or \"22:00-06:00\"");
    let (from, to) = text.split_once('-').ok_or_else(wanted)?;
    let time = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        if hour.len() > 2 || minute.len() != 2 {
            return None;
        }
        let (hour, minute): (i8, i8) = (hour.parse().ok()?, minute.parse().ok()?);
        Time::new(hour, minute, 0, 0).ok()
    };
    let (from, to) = time(from).zip(time(to)).ok_or_else(wanted)?;
    if from == to { Err(wanted()) } else { Ok((from, to)) }
}

fn texts<T>(elements: Vec<T>, text: impl Fn(T) -> String) -> Vec<String> {
    elements.into_iter().map(text).collect()
}

pub(super) fn patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(texts(Vec::<PatternElement>::deserialize(deserializer)?, |element| element.0))
}

pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(texts(Vec::<NetworkElement>::deserialize(deserializer)?, |element| element.0))
}

pub(super) fn arns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(texts(Vec::<ArnElement>::deserialize(deserializer)?, |element| element.0))
}

pub(super) fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let days = texts(Vec::<DayElement>::deserialize(deserializer)?, |element| element.0);
    if days.is_empty() {
        return Err(D::Error::custom("no day, so every session would be against the rules; name at least one"));
    }
    Ok(days)
}

pub(super) fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u16>, D::Error> {
    let ports = Vec::<u16>::deserialize(deserializer)?;
    if ports.contains(&0) {
        return Err(D::Error::custom("`0` is not a port; write 1 to 65535"));
    }
    Ok(ports)
}

pub(super) fn tag_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    TagKey::deserialize(deserializer).map(|key| key.0)
}

pub(super) fn encryption<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    EncryptionText::deserialize(deserializer).map(|text| Some(text.0))
}

pub(super) fn hours<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    HoursText::deserialize(deserializer).map(|text| Some(text.0))
}

pub(super) fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    ZoneText::deserialize(deserializer).map(|text| Some(text.0))
}

pub(super) fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let pairs = BTreeMap::<String, TagKey>::deserialize(deserializer)?;
    Ok(pairs.into_iter().map(|(principal, node)| (principal, node.0)).collect())
}

pub(super) fn groups<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Vec<String>>, D::Error> {
    let groups = BTreeMap::<String, Vec<PatternElement>>::deserialize(deserializer)?;
    Ok(groups.into_iter().map(|(group, owners)| (group, texts(owners, |element| element.0))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_two_times_of_the_day() {
        for good in ["07:00-19:00", "7:00-19:30", "22:00-06:00"] {
            assert!(parse_hours(good).is_ok(), "{good}");
        }
        for bad in ["", "7-19", "07:00", "07:00-07:00", "25:00-26:00", "07:60-08:00", "a-b"] {
            assert!(parse_hours(bad).is_err(), "{bad}");
        }
    }
}
