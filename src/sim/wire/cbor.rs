//! Smithy RPC v2 CBOR: bodies in and out.

use ciborium::value::{Integer, Value as Cbor};
use jiff::Timestamp;

use super::value::Value;

/// The CBOR tag of a point in time in epoch seconds.
const EPOCH_TAG: u64 = 1;

/// Reads a request body; none if it is not one CBOR map. An empty body is an empty structure.
pub fn read(body: &[u8]) -> Option<Value> {
    if body.is_empty() {
        return Some(Value::empty());
    }
    match ciborium::from_reader::<Cbor, _>(body).ok()? {
        map @ Cbor::Map(_) => from_cbor(map),
        _ => None,
    }
}

fn from_cbor(cbor: Cbor) -> Option<Value> {
    Some(match cbor {
        Cbor::Null => Value::Null,
        Cbor::Bool(truth) => Value::Bool(truth),
        Cbor::Integer(number) => match i64::try_from(number) {
            Ok(number) => Value::Int(number),
            #[expect(clippy::cast_precision_loss, reason = "only the magnitude matters beyond 64 bits")]
            Err(_) => Value::Float(i128::from(number) as f64),
        },
        Cbor::Float(number) => Value::Float(number),
        Cbor::Text(text) => Value::Text(text),
        Cbor::Bytes(bytes) => Value::Blob(bytes),
        Cbor::Array(items) => Value::List(items.into_iter().map(from_cbor).collect::<Option<_>>()?),
        Cbor::Map(entries) => Value::Struct(
            entries
                .into_iter()
                .map(|(key, value)| match key {
                    Cbor::Text(name) => Some((name, from_cbor(value)?)),
                    _ => None,
                })
                .collect::<Option<_>>()?,
        ),
        Cbor::Tag(EPOCH_TAG, inner) => Value::Time(epoch(&inner)?),
        Cbor::Tag(_, inner) => from_cbor(*inner)?,
        _ => return None,
    })
}

fn epoch(seconds: &Cbor) -> Option<Timestamp> {
    match seconds {
        Cbor::Integer(seconds) => Timestamp::from_second(i64::try_from(*seconds).ok()?).ok(),
        // Beyond this no time stamp can be written anyway.
        Cbor::Float(seconds) if seconds.abs() < 4.0e11 => {
            #[expect(clippy::cast_possible_truncation, reason = "bounded by the guard")]
            let milliseconds = (seconds * 1000.0).round() as i64;
            Timestamp::from_millisecond(milliseconds).ok()
        }
        _ => None,
    }
}

/// Writes an answer.
pub fn write(value: &Value) -> Vec<u8> {
    let mut body = Vec::new();
    // Writing to memory fails only for values that cannot be CBOR, and these all can.
    if ciborium::into_writer(&to_cbor(value), &mut body).is_err() {
        body = vec![0xbf, 0xff];
    }
    body
}

fn to_cbor(value: &Value) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(truth) => Cbor::Bool(*truth),
        Value::Int(number) => Cbor::Integer(Integer::from(*number)),
        Value::Float(number) => Cbor::Float(*number),
        Value::Text(text) => Cbor::Text(text.clone()),
        Value::Blob(bytes) => Cbor::Bytes(bytes.clone()),
        Value::Time(time) => {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit the 53 bits of a double")]
            let seconds = time.as_millisecond() as f64 / 1000.0;
            Cbor::Tag(EPOCH_TAG, Box::new(Cbor::Float(seconds)))
        }
        Value::List(items) => Cbor::Array(items.iter().map(to_cbor).collect()),
        Value::Struct(members) | Value::Map(members) => Cbor::Map(
            members
                .iter()
                .filter(|(_, value)| *value != Value::Null)
                .map(|(name, value)| (Cbor::Text(name.clone()), to_cbor(value)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (-1.0e9..1.0e9_f64).prop_map(Value::Float),
            ".{0,12}".prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..12).prop_map(Value::Blob),
            (0..4_000_000_000_000_i64)
                .prop_filter_map("in range", |milliseconds| Timestamp::from_millisecond(milliseconds).ok())
                .prop_map(Value::Time),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                proptest::collection::btree_map("[a-z]{1,6}", inner, 0..6)
                    .prop_map(|members| Value::Struct(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any_value()) {
            let whole = Value::structure([("member", value)]);
            prop_assert_eq!(read(&write(&whole)), Some(whole));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let _ = super::super::json::read(&bytes);
        }
    }
}
