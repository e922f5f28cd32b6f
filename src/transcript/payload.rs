//! The two formats of a log event: the agent's streamed JSON, and everything else, which is plain text.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use serde_json::Value;

/// Who and where a streamed event says it is from. The node writes it: a hostile node can write anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Payload {
    /// `eventVersion`; `1.0` so far.
    pub event_version: Option<String>,
    /// `eventTime`: when the agent built the event, whole seconds.
    pub event_time: Option<Timestamp>,
    /// `awsRegion`.
    pub region: Option<String>,
    /// `target.id`.
    pub target_id: Option<String>,
    /// `userIdentity.arn`.
    pub user_arn: Option<String>,
    /// `runAsUser`: the account at the start, may be empty; `sudo` does not change it.
    pub run_as_user: Option<String>,
    /// `sessionId`; the log stream's name when nothing is forged.
    pub session_id: Option<String>,
}

/// A string that is borrowed from the message where it has no escapes.
pub(super) struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StreamedEvent<'a> {
    event_version: Option<Value>,
    event_time: Option<Value>,
    aws_region: Option<Value>,
    target: Option<Value>,
    user_identity: Option<Value>,
    run_as_user: Option<Value>,
    session_id: Option<Value>,
    #[serde(borrow)]
    session_data: Vec<Text<'a>>,
}

/// A message, told apart.
pub(super) enum Message<'a> {
    /// The agent's JSON: its lines, and what it says of itself.
    Streamed(Vec<Text<'a>>, Box<Payload>),
    /// Anything else.
    Plain(&'a str),
}

impl<'a> Message<'a> {
    /// JSON if it is an object with `sessionData` as an array of strings, plain text otherwise.
    pub fn parse(message: &'a str) -> Self {
        let json = message.trim_start_matches('\u{feff}');
        if !json.trim_start().starts_with('{') {
            return Self::Plain(message);
        }
        let Ok(event) = serde_json::from_str::<StreamedEvent<'a>>(json) else {
            return Self::Plain(message);
        };
        let text = |field: Option<Value>| match field {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let member = |field: Option<Value>, name| text(field?.get_mut(name).map(Value::take));
        let payload = Payload {
            event_version: text(event.event_version),
            event_time: text(event.event_time).and_then(|time| time.parse().ok()),
            region: text(event.aws_region),
            target_id: member(event.target, "id"),
            user_arn: member(event.user_identity, "arn"),
            run_as_user: text(event.run_as_user),
            session_id: text(event.session_id),
        };
        Self::Streamed(event.session_data, Box::new(payload))
    }
}
