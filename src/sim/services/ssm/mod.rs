//! Systems Manager: sessions, managed nodes, session documents.

mod documents;
mod nodes;
mod sessions;

use super::unknown_operation;
use crate::sim::{
    error::AwsError,
    service::{Call, Outcome},
    world::World,
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
