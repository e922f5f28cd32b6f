//! Tags of roles that change. IAM is global, and CloudTrail records it in us-east-1.

use serde_json::json;

use super::iam::{check_name, no_such_entity};
use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::{
        World,
        trail::{Caller, Deed},
    },
};

/// Where IAM's calls are recorded in the partition `aws`.
/// docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
const RECORDS: &str = "us-east-1";
/// Tags that a role may have.
/// docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const MOST_TAGS: usize = 50;
const KEY: &str = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+";
const VALUE: &str = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*";

/// iam:TagRole.
///
/// # Errors
/// The service's own.
pub(super) fn tag_role(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let name = input.required_text_of("RoleName", 1..=64);
    input.require("Tags");
    let mut tags = Vec::new();
    for tag in input.structs("Tags", 0..=MOST_TAGS) {
        let key = tag.required_text_of("Key", 1..=128);
        tag.pattern("Key", KEY);
        tag.require("Value");
        let value = tag.text_of("Value", 0..=256).unwrap_or_default();
        tag.pattern("Value", VALUE);
        tags.push((key.to_owned(), value.to_owned()));
    }
    input.finish(Style::Query)?;
    let role = role_mut(world, call, name)?;
    let added = tags.iter().filter(|(key, _)| !role.contains_key(key)).count();
    if role.len() + added > MOST_TAGS {
        return Err(AwsError::client("LimitExceeded", "Cannot exceed quota for TagsPerRole: 50").with_status(409));
    }
    role.extend(tags.iter().cloned());
    let written: Vec<_> = tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    record(world, call, "TagRole", json!({"roleName": name, "tags": written}));
    Ok(Reply::Output(Value::empty()))
}

/// iam:UntagRole.
///
/// # Errors
/// The service's own.
pub(super) fn untag_role(world: &mut World, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let name = input.required_text_of("RoleName", 1..=64);
    input.require("TagKeys");
    let keys: Vec<String> = input.texts("TagKeys", 0..=MOST_TAGS, 1..=128).into_iter().map(str::to_owned).collect();
    input.finish(Style::Query)?;
    let role = role_mut(world, call, name)?;
    // Keys that are not there are no error.
    role.retain(|key, _| !keys.contains(key));
    record(world, call, "UntagRole", json!({"roleName": name, "tagKeys": keys}));
    Ok(Reply::Output(Value::empty()))
}

fn role_mut<'a>(
    world: &'a mut World,
    call: &Call,
    name: &str,
) -> Result<&'a mut std::collections::BTreeMap<String, String>, AwsError> {
    check_name("roleName", name)?;
    let account = world.accounts.get_mut(&call.caller.account);
    let role = account.and_then(|account| account.roles.get_mut(name));
    role.map(|role| &mut role.tags).ok_or_else(|| no_such_entity(format!("The role with name {name} cannot be found.")))
}

/// Writes a changing call of IAM down for CloudTrail.
pub(super) fn record(world: &mut World, call: &Call, name: &str, request: serde_json::Value) {
    let deed = Deed {
        source: "iam.amazonaws.com",
        name,
        read_only: false,
        request,
        response: serde_json::Value::Null,
        error: None,
        resources: Vec::new(),
    };
    world.record(&call.caller.account, RECORDS, &Caller::of(call), deed);
}
