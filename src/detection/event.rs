//! What a rule can ask of a session's stream: Sigma's event.

use std::borrow::Cow;

use rsigma_eval::event::{Event, EventValue};
use serde_json::{Map, Value};

use super::rule::Confidence;

/// Whose stream it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionFields<'a> {
    /// The session's id.
    pub session_id: &'a str,
    /// The ARN that started it.
    pub owner: &'a str,
    /// The node.
    pub target: &'a str,
    /// The account.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// The user that the shell runs as; empty when it is not known.
    pub run_as_user: &'a str,
}

/// Fields of the session itself.
pub(super) const SESSION_FIELDS: [&str; 6] = ["SessionId", "Owner", "Target", "Account", "Region", "RunAsUser"];
/// Fields of what was typed or printed.
pub(super) const TEXT_FIELDS: [&str; 5] = ["CommandLine", "Image", "Line", "OutputLine", "Confidence"];
/// What a rule for Windows reads for Image: `\curl.exe` where others read `/curl`.
pub(super) const WINDOWS_IMAGE: &str = "WindowsImage";
/// The same without the backslash: the name that a program was compiled with, for one that was not renamed.
pub(super) const WINDOWS_NAME: &str = "WindowsName";

impl SessionFields<'_> {
    pub(super) fn get(&self, field: &str) -> Option<&str> {
        let value = match field {
            "SessionId" => self.session_id,
            "Owner" => self.owner,
            "Target" => self.target,
            "Account" => self.account,
            "Region" => self.region,
            "RunAsUser" => self.run_as_user,
            _ => return None,
        };
        (!value.is_empty()).then_some(value)
    }
}

/// One command, or one printed line.
#[derive(Debug, Clone, Copy)]
pub(super) struct StreamEvent<'a> {
    pub(super) session: &'a SessionFields<'a>,
    pub(super) command_line: &'a str,
    pub(super) image: &'a str,
    /// The whole line that the command stands in: for rules that ask what a command is piped into.
    pub(super) line: &'a str,
    pub(super) output: Option<&'a str>,
    pub(super) confidence: Confidence,
}

impl StreamEvent<'_> {
    /// `curl.exe` of `/usr/bin/curl`.
    fn windows_name(&self) -> Option<String> {
        let name = self.image.rsplit('/').next().filter(|name| !name.is_empty())?;
        Some(if name.contains('.') { name.to_owned() } else { format!("{name}.exe") })
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.command_line).chain(self.output.filter(|output| *output != self.command_line))
    }
}

impl Event for StreamEvent<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        let value = match path {
            "CommandLine" => self.command_line,
            "Image" if self.image.is_empty() => return None,
            "Image" => self.image,
            "Line" => self.line,
            "OutputLine" => self.output?,
            "Confidence" => self.confidence.word(),
            WINDOWS_IMAGE => return self.windows_name().map(|name| EventValue::Str(Cow::Owned(format!("\\{name}")))),
            WINDOWS_NAME => return self.windows_name().map(|name| EventValue::Str(Cow::Owned(name))),
            field => self.session.get(field)?,
        };
        Some(EventValue::Str(Cow::Borrowed(value)))
    }

    // Keywords are looked for in what was typed and printed, not in the owner's name.
    fn any_string_value(&self, wanted: &dyn Fn(&str) -> bool) -> bool {
        self.texts().any(wanted)
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        self.texts().map(Cow::Borrowed).collect()
    }

    fn visit_string_values(&self, visit: &mut dyn FnMut(&str)) {
        self.texts().for_each(visit);
    }

    fn to_json(&self) -> Value {
        let fields = SESSION_FIELDS.into_iter().chain(TEXT_FIELDS);
        let value = |field| self.get_field(field).map(|value| (str::to_owned(field), value.to_json()));
        Value::Object(fields.filter_map(value).collect::<Map<_, _>>())
    }
}
