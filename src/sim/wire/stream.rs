//! Event stream frames of Live Tail.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};

use super::{json, value::Value};

/// One event of an awsJson operation's stream; `initial-response` is the first.
pub fn event(kind: &str, payload: &Value) -> Vec<u8> {
    let content_type = if kind == "initial-response" { "application/x-amz-json-1.1" } else { "application/json" };
    frame(&[(":event-type", kind), (":content-type", content_type), (":message-type", "event")], payload)
}

/// An exception, after which the stream ends.
pub fn exception(kind: &str, message: &str) -> Vec<u8> {
    let payload = Value::structure([("message", message.into())]);
    frame(&[(":exception-type", kind), (":content-type", "application/json"), (":message-type", "exception")], &payload)
}

fn frame(headers: &[(&'static str, &str)], payload: &Value) -> Vec<u8> {
    let headers = headers
        .iter()
        .map(|(name, value)| Header::new(*name, HeaderValue::String((*value).to_owned().into())))
        .collect();
    let message = Message::new_from_parts(headers, json::write(payload));
    let mut bytes = Vec::new();
    // Fails only for headers beyond 32 KiB; these are some tens of bytes.
    if write_message_to(&message, &mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use aws_smithy_eventstream::frame::read_message_from;

    use super::*;

    #[test]
    fn frames_are_read_back_by_the_sdk() {
        let bytes = event("sessionUpdate", &Value::structure([("sessionResults", Value::List(Vec::new()))]));
        let message = read_message_from(bytes.as_slice()).unwrap();
        assert_eq!(message.headers()[0].value().as_string().unwrap().as_str(), "sessionUpdate");
        assert_eq!(message.payload().as_ref(), br#"{"sessionResults":[]}"#);
    }
}
