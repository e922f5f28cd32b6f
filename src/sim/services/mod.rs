//! The services: one file each, with the state that only it has.

pub mod logs;
pub mod page_token;
pub mod ssm;

use super::error::AwsError;

/// The code that stands for "this service has no such operation" until the protocol words it.
pub const UNKNOWN_OPERATION: &str = "UnknownOperationException";

/// What a service answers for an operation that it does not have.
pub fn unknown_operation() -> AwsError {
    AwsError::client(UNKNOWN_OPERATION, "")
}
