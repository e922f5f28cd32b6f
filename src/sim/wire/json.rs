//! awsJson 1.0 and 1.1: bodies in and out.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Number};

use super::value::Value;

/// Reads a request body. An empty body is an empty structure, as AWS takes it.
///
/// # Errors
/// None-valued: the caller answers `SerializationException`.
pub fn read(body: &[u8]) -> Option<Value> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Some(Value::empty());
    }
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    json.is_object().then(|| from_json(json))
}

fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Bool(truth),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap_or(f64::INFINITY)),
        },
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        serde_json::Value::Object(members) => {
            Value::Struct(members.into_iter().map(|(name, value)| (name, from_json(value))).collect())
        }
    }
}

/// Writes an answer.
pub fn write(value: &Value) -> Vec<u8> {
    to_json(value).to_string().into_bytes()
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(truth) => serde_json::Value::Bool(*truth),
        Value::Int(number) => serde_json::Value::Number(Number::from(*number)),
        Value::Float(number) => float(*number),
        Value::Text(text) => serde_json::Value::String(text.clone()),
        Value::Blob(bytes) => serde_json::Value::String(STANDARD.encode(bytes)),
        Value::Time(time) => epoch_seconds(time.as_millisecond()),
        Value::List(items) => serde_json::Value::Array(items.iter().map(to_json).collect()),
        Value::Struct(members) | Value::Map(members) => serde_json::Value::Object(
            members
                .iter()
                .filter(|(_, value)| *value != Value::Null)
                .map(|(name, value)| (name.clone(), to_json(value)))
                .collect::<Map<_, _>>(),
        ),
    }
}

fn float(number: f64) -> serde_json::Value {
    Number::from_f64(number).map_or_else(
        || {
            let name = if number.is_nan() {
                "NaN"
            } else if number > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            serde_json::Value::String(name.into())
        },
        serde_json::Value::Number,
    )
}

/// Epoch seconds with at most three decimals, the form of the JSON protocols.
fn epoch_seconds(milliseconds: i64) -> serde_json::Value {
    if milliseconds % 1000 == 0 {
        return serde_json::Value::Number(Number::from(milliseconds / 1000));
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit the 53 bits of a double")]
    let seconds = milliseconds as f64 / 1000.0;
    float(seconds)
}
