//! awsQuery requests: form parameters to a tree, without knowing the operation's shapes.
//!
//! `A.member.1` and `A.entry.1.Name`/`.Value` say by their names what is a list and what is a map.

use std::collections::BTreeMap;

use super::value::Value;

/// Deepest nesting that is read; no operation of these services comes near.
const MAX_DEPTH: usize = 24;

#[derive(Default)]
struct Node {
    text: Option<String>,
    children: BTreeMap<Key, Node>,
}

/// Numbers sort as numbers, so that item 10 comes after item 9.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
enum Key {
    Index(u64),
    Name(String),
}

/// Reads form pairs; the parameters of the protocol itself (`Action`, `Version`, and those of a query signature) are left
/// out. None if the nesting is absurd.
pub fn read<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Value> {
    let mut root = Node::default();
    for (name, value) in pairs {
        if matches!(name, "Action" | "Version" | "AWSAccessKeyId" | "Timestamp" | "SecurityToken")
            || name.starts_with("X-Amz-")
            || name.starts_with("Signature")
        {
            continue;
        }
        let mut node = &mut root;
        for (depth, part) in name.split('.').enumerate() {
            if depth >= MAX_DEPTH {
                return None;
            }
            let key = part.parse().map_or_else(|_| Key::Name(part.to_owned()), Key::Index);
            node = node.children.entry(key).or_default();
        }
        node.text = Some(value.to_owned());
    }
    Some(match tree(root) {
        Value::Text(_) => Value::empty(),
        value => value,
    })
}

fn tree(mut node: Node) -> Value {
    if node.children.is_empty() {
        return node.text.map_or_else(Value::empty, Value::Text);
    }
    if node.children.len() == 1 {
        if let Some(member) = node.children.remove(&Key::Name("member".into())) {
            return Value::List(member.children.into_values().map(tree).collect());
        }
        if let Some(entries) = node.children.remove(&Key::Name("entry".into())) {
            return Value::Map(entries.children.into_values().filter_map(entry).collect());
        }
    }
    if node.children.keys().all(|key| matches!(key, Key::Index(_))) {
        return Value::List(node.children.into_values().map(tree).collect());
    }
    let name = |key| match key {
        Key::Index(number) => number.to_string(),
        Key::Name(name) => name,
    };
    Value::Struct(node.children.into_iter().map(|(key, child)| (name(key), tree(child))).collect())
}

/// A map entry; its two halves are called `key`/`value` or `Name`/`Value` depending on the service.
fn entry(node: Node) -> Option<(String, Value)> {
    let mut key = None;
    let mut value = Value::Null;
    for (name, child) in node.children {
        let Key::Name(name) = name else { continue };
        match name.as_str() {
            "key" | "Name" => key = child.text,
            "value" | "Value" => value = tree(child),
            _ => {}
        }
    }
    Some((key?, value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

    use proptest::prelude::*;

    use super::*;

    fn parsed(form: &str) -> Value {
        let pairs: Vec<_> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        read(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))).unwrap()
    }

    #[test]
    fn lists_and_maps_are_told_by_their_names() {
        let value = parsed(
            "Action=Publish&Version=2010-03-31&Message=m&MessageAttributes.entry.1.Name=sev&\
             MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=high&\
             Tags.member.2.Key=b&Tags.member.1.Key=a&Tags.member.10.Key=c",
        );
        assert_eq!(value.text("Message"), Some("m"));
        let Some(Value::Map(attributes)) = value.get("MessageAttributes") else { panic!("not a map") };
        assert_eq!(attributes[0].0, "sev");
        assert_eq!(attributes[0].1.text("StringValue"), Some("high"));
        let Some(Value::List(tags)) = value.get("Tags") else { panic!("not a list") };
        let keys: Vec<_> = tags.iter().filter_map(|tag| tag.text("Key")).collect();
        assert_eq!(keys, ["a", "b", "c"]);
        assert!(value.get("Action").is_none());
    }

    proptest! {
        #[test]
        fn any_form_is_read_or_refused(form in "[A-Za-z0-9.=&%]{0,200}") {
            let pairs: Vec<_> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
            let _ = read(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        }
    }
}
