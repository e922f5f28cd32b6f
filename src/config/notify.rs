//! How people are told of alerts beside the screen: the terminal's bell, its notifications, a command of theirs.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::{limits, names};
use crate::domain::Severity;

/// How a notification is asked of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum NotifyProtocol {
    /// OSC 9, one text: iTerm2, `WezTerm`, kitty, foot, Ghostty, Windows Terminal.
    #[default]
    Osc9,
    /// OSC 777, title and text: urxvt, foot, `WezTerm`, Ghostty, VTE of some distributions.
    Osc777,
}

/// How people are told: each way from a severity of its own on, and with quiet hours of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notify {
    /// The terminal's bell rings from this severity on; absent: never.
    #[serde(deserialize_with = "severity", skip_serializing_if = "Option::is_none")]
    pub bell: Option<Severity>,
    /// When the bell is silent, as `22:00-07:00`.
    #[serde(deserialize_with = "limits::hours", skip_serializing_if = "Option::is_none")]
    pub bell_quiet_hours: Option<String>,
    /// The terminal shows a notification from this severity on; absent: never.
    #[serde(deserialize_with = "severity", skip_serializing_if = "Option::is_none")]
    pub terminal: Option<Severity>,
    /// When it shows none.
    #[serde(deserialize_with = "limits::hours", skip_serializing_if = "Option::is_none")]
    pub terminal_quiet_hours: Option<String>,
    /// How the terminal is asked.
    pub protocol: NotifyProtocol,
    /// Program and arguments, run without a shell; absent or empty: none.
    #[serde(deserialize_with = "command", skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The command runs from this severity on.
    #[serde(deserialize_with = "names::severity")]
    pub command_on: Severity,
    /// When it does not run.
    #[serde(deserialize_with = "limits::hours", skip_serializing_if = "Option::is_none")]
    pub command_quiet_hours: Option<String>,
    /// From this severity on quiet hours do not hold; absent: they hold for all.
    #[serde(deserialize_with = "severity", skip_serializing_if = "Option::is_none")]
    pub quiet_except: Option<Severity>,
    /// Zone of the quiet hours; absent: the system's.
    #[serde(deserialize_with = "limits::zone", skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Scopes that cannot be read any more, and a store that refuses, are told as CRITICAL, too.
    pub cannot_see: bool,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            bell: None,
            bell_quiet_hours: None,
            terminal: None,
            terminal_quiet_hours: None,
            protocol: NotifyProtocol::Osc9,
            command: Vec::new(),
            command_on: Severity::High,
            command_quiet_hours: None,
            quiet_except: None,
            time_zone: None,
            cannot_see: true,
        }
    }
}

impl Notify {
    /// What does not go together: the key that it is about, and what to write instead.
    pub(super) fn complaints(&self) -> Vec<(&'static str, String)> {
        let mut complaints = Vec::new();
        for (key, hours, of, on) in [
            ("bell_quiet_hours", &self.bell_quiet_hours, "bell", self.bell.is_some()),
            ("terminal_quiet_hours", &self.terminal_quiet_hours, "terminal", self.terminal.is_some()),
            ("command_quiet_hours", &self.command_quiet_hours, "command", !self.command.is_empty()),
        ] {
            if hours.is_some() && !on {
                complaints.push((key, format!("`{key}` is for `{of}`, which is off; add that or leave this out")));
            }
        }
        let quiet = [&self.bell_quiet_hours, &self.terminal_quiet_hours, &self.command_quiet_hours];
        if quiet.iter().all(|hours| hours.is_none()) {
            for (key, written) in
                [("quiet_except", self.quiet_except.is_some()), ("time_zone", self.time_zone.is_some())]
            {
                if written {
                    let words = format!("`{key}` is for quiet hours, but there are none; add some or leave this out");
                    complaints.push((key, words));
                }
            }
        }
        complaints
    }
}

fn severity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Severity>, D::Error> {
    names::severity(deserializer).map(Some)
}

/// A word in braces that nothing is filled in for.
fn placeholder(word: &str) -> Option<&str> {
    let inside = word.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(inside, _)| inside);
    let is_name = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
    inside.filter(is_name).find(|name| !matches!(*name, "title" | "text"))
}

fn command<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let command = Vec::<String>::deserialize(deserializer)?;
    if command.is_empty() {
        return Err(D::Error::custom("no word; leave the key out where no command is to run"));
    }
    if let Some(unknown) = command.iter().find_map(|word| placeholder(word)) {
        let message = format!("`{{{unknown}}}` is nothing that is filled in; there are {{title}} and {{text}}");
        return Err(D::Error::custom(message));
    }
    if command.first().is_some_and(|program| program.trim().is_empty()) {
        return Err(D::Error::custom(
            "the first word is the program, and it is empty; write for instance [\"notify-send\", \"{title}\", \"{text}\"]",
        ));
    }
    if command.iter().any(|word| word.contains('\0')) {
        return Err(D::Error::custom("a word has a NUL in it, which no program can be given"));
    }
    Ok(command)
}
