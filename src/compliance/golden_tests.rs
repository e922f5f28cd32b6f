#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn as_it_is(text: &str) -> String {
    text.to_owned()
}

fn told(wanted: &Value, found: &Value) -> Vec<String> {
    let fill = |text: &str| text.replace("{region}", "eu-west-1").replace("{account}", "111122223333");
    differences(wanted, found, &fill)
        .into_iter()
        .map(|difference| {
            let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            format!("{}: {} / {}", difference.path, or_none(difference.wanted), or_none(difference.found))
        })
        .collect()
}

#[test]
fn forms_of_the_same_preference_are_equal() {
    let golden = json!({
        "schemaVersion": "1.0",
        "sessionType": "Standard_Stream",
        "inputs": {
            "s3BucketName": "logs-{account}-{region}",
            "s3EncryptionEnabled": true,
            "idleSessionTimeout": "20",
            "maxSessionDuration": 60,
            "kmsKeyId": "",
            "shellProfile": { "windows": "", "linux": "umask 077" },
        }
    });
    let found = json!({
        "inputs": {
            "shellProfile": { "linux": " umask 077\n" },
            "maxSessionDuration": "60",
            "idleSessionTimeout": 20,
            "s3EncryptionEnabled": "true",
            "s3BucketName": "logs-111122223333-eu-west-1",
            "runAsDefaultUser": "",
        },
        "sessionType": "Standard_Stream",
        "schemaVersion": "1.0",
        "parameters": {},
        "description": null,
    });
    assert_eq!(told(&golden, &found), Vec::<String>::new());
}

#[test]
fn every_place_that_differs_is_told() {
    let golden =
        json!({ "inputs": { "a": "{region}", "on": true, "list": ["x", "y"], "shell": { "linux": "l" } }, "n": 1 });
    let found =
        json!({ "inputs": { "a": "us-east-1", "on": "false", "list": ["y", "x"], "more": { "deep": 1 } }, "n": [1] });
    let wanted = [
        "inputs.a: eu-west-1 / us-east-1",
        "inputs.list[0]: x / y",
        "inputs.list[1]: y / x",
        "inputs.more.deep: - / 1",
        "inputs.on: true / false",
        "inputs.shell.linux: l / -",
        "n: 1 / [1]",
    ];
    assert_eq!(told(&golden, &found), wanted);
}

#[test]
fn values_of_other_kinds_are_told_whole() {
    assert_eq!(told(&json!({ "a": { "b": 1 } }), &json!({ "a": "x" })), [r#"a: {"b":1} / x"#]);
    assert_eq!(told(&json!({ "a": { "b": "" } }), &json!({ "a": "x" })), ["a: - / x"]);
    assert_eq!(told(&json!("x"), &json!(null)), [": x / -"]);
    assert_eq!(told(&json!({ "a": false }), &json!({})), ["a: false / -"]);
}

#[test]
fn hostile_documents_give_bounded_answers() {
    let many: serde_json::Map<String, Value> = (0..10_000).map(|n| (format!("key{n}"), json!(n))).collect();
    assert_eq!(differences(&json!({}), &Value::Object(many), &as_it_is).len(), MOST_DIFFERENCES);
    let long = "ä".repeat(100_000);
    let all = differences(&json!({}), &json!({ long.clone(): { long.clone(): long } }), &as_it_is);
    assert_eq!(all.len(), 1);
    let difference = all.first().unwrap();
    assert_eq!(difference.path.chars().count(), LONGEST_TEXT + 1);
    assert_eq!(difference.found.as_ref().unwrap().chars().count(), LONGEST_TEXT + 1);
    let deep = |end: &str| (0..300).fold(json!(end), |inner, _| json!({ "a": inner }));
    assert_eq!(differences(&deep("x"), &deep("y"), &as_it_is).len(), 1);
    assert_eq!(differences(&deep("x"), &deep("x"), &as_it_is).len(), 0);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3_i64).prop_map(Value::from),
        "(true|1| 1|a|b| |)".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Every leaf that says something, by its path: the plain reference. Only for documents that are objects throughout.
fn leaves(value: &Value, path: &str, all: &mut std::collections::BTreeMap<String, String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| leaves(value, &format!("{path}.{key}"), all)),
        Value::Null => {}
        Value::String(text) if text.trim().is_empty() => {}
        Value::String(text) => drop(all.insert(path.to_owned(), text.trim().to_owned())),
        other => drop(all.insert(path.to_owned(), other.to_string())),
    }
}

fn two_levels() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![any::<bool>().prop_map(Value::from), "(true|false|1| a|)".prop_map(Value::from)];
    let inner = prop::collection::btree_map("[abc]", leaf, 0..3).prop_map(|map| map.into_iter().collect::<Value>());
    prop::collection::btree_map("[xyz]", inner, 0..3).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn nothing_differs_from_itself(value in value()) {
        prop_assert_eq!(differences(&value, &value, &as_it_is), Vec::new());
    }

    #[test]
    fn both_ways_count_alike(a in value(), b in value()) {
        let (there, back) = (differences(&a, &b, &as_it_is), differences(&b, &a, &as_it_is));
        prop_assert_eq!(there.len(), back.len());
        for (there, back) in there.into_iter().zip(back) {
            prop_assert_eq!(Difference { path: there.path, wanted: there.found, found: there.wanted }, back);
        }
    }

    #[test]
    fn objects_differ_where_their_leaves_do(a in two_levels(), b in two_levels()) {
        let (mut left, mut right) = Default::default();
        leaves(&a, "", &mut left);
        leaves(&b, "", &mut right);
        let paths: BTreeSet<String> = left.keys().chain(right.keys()).filter(|path| left.get(*path) != right.get(*path)).cloned().collect();
        let told: BTreeSet<String> = differences(&a, &b, &as_it_is).into_iter().map(|d| format!(".{}", d.path)).collect();
        prop_assert_eq!(told, paths);
    }
}
