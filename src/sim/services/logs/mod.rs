//! CloudWatch Logs: groups, streams, events, Live Tail.

mod events;
mod groups;
pub mod pattern;

use super::unknown_operation;
use crate::sim::{
    error::AwsError,
    service::{Call, Outcome},
    wire::input::Input,
    world::{World, logs::LogGroup},
};

const GROUP_NAME: &str = "[\\.\\-_/#A-Za-z0-9]+";
const GROUP_IDENTIFIER: &str = "[\\w#+=/:,.@-]*";
const STREAM_NAME: &str = "[^:*]*";

/// Answers one call.
///
/// # Errors
/// The service's own.
pub fn handle(world: &mut World, operation: &str, call: &Call) -> Outcome {
    match operation {
        "DescribeLogGroups" => groups::describe_groups(world, call),
        "DescribeLogStreams" => groups::describe_streams(world, call),
        "CreateLogGroup" => groups::create_group(world, call),
        "DeleteLogGroup" => groups::delete_group(world, call),
        "CreateLogStream" => groups::create_stream(world, call),
        "DeleteLogStream" => groups::delete_stream(world, call),
        "GetLogEvents" => events::get(world, call),
        "FilterLogEvents" => events::filter(world, call),
        "PutLogEvents" => events::put(world, call),
        "StartLiveTail" => events::live_tail(world, call),
        _ => Err(unknown_operation()),
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::client("InvalidParameterException", message)
}

fn no_group() -> AwsError {
    AwsError::client("ResourceNotFoundException", "The specified log group does not exist.")
}

fn no_stream() -> AwsError {
    AwsError::client("ResourceNotFoundException", "The specified log stream does not exist.")
}

fn invalid_token() -> AwsError {
    invalid("The specified nextToken is invalid.")
}

/// Name or identifier of a group, exactly one of them; to be called before `finish`.
fn read_group<'a>(input: &Input<'a>) -> (Option<&'a str>, Option<&'a str>) {
    let name = input.text_of("logGroupName", 1..=512);
    input.pattern("logGroupName", GROUP_NAME);
    let identifier = input.text_of("logGroupIdentifier", 1..=2048);
    input.pattern("logGroupIdentifier", GROUP_IDENTIFIER);
    (name, identifier)
}

/// The name that the pair of [`read_group`] means.
fn group_name<'a>(call: &Call, pair: (Option<&'a str>, Option<&'a str>)) -> Result<&'a str, AwsError> {
    match pair {
        (Some(_), Some(_)) => Err(invalid("LogGroup name and LogGroup ARN are mutually exclusive parameters.")),
        (None, None) => Err(invalid("One of the parameters LogGroup name or LogGroup ARN is required.")),
        (Some(name), None) => Ok(name),
        (None, Some(identifier)) => named_by(call, identifier).ok_or_else(no_group),
    }
}

/// The group name of a name or of an ARN of this account and region.
fn named_by<'a>(call: &Call, identifier: &'a str) -> Option<&'a str> {
    if !identifier.starts_with("arn:") {
        return Some(identifier);
    }
    let prefix = format!("arn:aws:logs:{}:{}:log-group:", call.region, call.caller.account);
    let name = identifier.strip_prefix(&prefix)?;
    Some(name.strip_suffix(":*").unwrap_or(name))
}

fn find_group<'a>(world: &'a World, call: &Call, name: &str) -> Result<&'a LogGroup, AwsError> {
    let state = world.region(&call.caller.account, &call.region);
    state.and_then(|state| state.log_groups.get(name)).ok_or_else(no_group)
}
