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
    /// A structure of these members, in this order.
    pub fn structure<const N: usize>(members: [(&str, Value); N]) -> Value {
        Value::Struct(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A structure without members.
    pub fn empty() -> Value {
        Value::Struct(Vec::new())
    }

    /// A list of what the iterator yields.
    pub fn list<T: Into<Value>>(items: impl IntoIterator<Item = T>) -> Value {
        Value::List(items.into_iter().map(Into::into).collect())
    }

    /// The member or key of that name, if it is there and not null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Struct(members) | Value::Map(members) => {
                members.iter().find(|(key, value)| key == name && *value != Value::Null).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The text of the member of that name, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Adds a member to a structure or a key to a map; anything else stays as it is.
    pub fn push(&mut self, name: &str, value: impl Into<Value>) {
        if let Value::Struct(members) | Value::Map(members) = self {
            members.push((name.to_owned(), value.into()));
        }
    }

    /// This structure with one member more.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Value {
        self.push(name, value);
        self
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Value::Text(text.clone())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Float(number)
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Value::Time(time)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Value::List(items)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}
