//! Systems Manager: sessions, managed nodes, session documents.

mod documents;
mod nodes;
mod sessions;

use super::unknown_operation;
use crate::sim::{
    error::AwsError,
    service::{Call, Outcome},
    world::{World, trail::Caller},
};

/// Answers one call.
///
/// # Errors
/// The service's own.
pub fn handle(world: &mut World, operation: &str, call: &Call) -> Outcome {
    match operation {
        "DescribeSessions" => sessions::describe(world, call),
        "StartSession" => sessions::start(world, call),
        "ResumeSession" => sessions::resume(world, call),
        "TerminateSession" => sessions::terminate(world, call),
        "GetConnectionStatus" => sessions::connection_status(world, call),
        "DescribeInstanceInformation" => nodes::information(world, call),
        "DescribeInstanceProperties" => nodes::properties(world, call),
        "ListTagsForResource" => nodes::list_tags(world, call),
        "GetDocument" => documents::get(world, call),
        "DescribeDocument" => documents::describe(world, call),
        "DescribeDocumentPermission" => documents::permission(world, call),
        "ListDocuments" => documents::list(world, call),
        _ => Err(unknown_operation()),
    }
}

fn invalid_next_token() -> AwsError {
    AwsError::client("InvalidNextToken", "The specified token isn't valid.")
}

fn caller_of(call: &Call) -> Caller {
    Caller {
        arn: call.caller.arn.clone(),
        access_key_id: call.caller.access_key_id.clone(),
        source_ip: "127.0.0.1".into(),
        user_agent: call.user_agent.clone(),
        request_id: call.request_id.clone(),
    }
}
