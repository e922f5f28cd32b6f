//! The shape-neutral tree that every protocol reads into and writes from.

use jiff::Timestamp;

/// One value of a request or an answer. Struct members keep the order and the names of the service's model.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// JSON null; left out of answers.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A fractional number.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes: base64 in JSON and query, a byte string in CBOR.
    Blob(Vec<u8>),
    /// A point in time: epoch seconds in JSON, tag 1 in CBOR, ISO 8601 in query XML.
    Time(Timestamp),
    /// A list: `member` elements in query XML.
    List(Vec<Value>),
    /// A structure.
    Struct(Vec<(String, Value)>),
    /// A map with free keys: `entry`/`key`/`value` elements in query XML.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The member or key of that name, if it is there and not null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Struct(members) | Value::Map(members) => {
                members.iter().find(|(key, value)| key == name && *value != Value::Null).map(|(_, value)| value)
            }
            _ => None,
        }
    }
}
