//! The services: one file each, with the state that only it has.

pub mod cloudtrail;
pub mod cloudwatch;
pub mod iam;
mod iam_inline;
mod iam_tags;
pub mod logs;
pub mod organizations;
pub mod page_token;
pub mod s3;
pub mod sns;
pub mod ssm;
pub mod sso;
pub mod sts;
pub mod tagging;

use super::{
    error::AwsError,
    service::{Call, Outcome},
    wire::route::Service,
    world::World,
};

/// The code that stands for "this service has no such operation" until the protocol words it.
pub const UNKNOWN_OPERATION: &str = "UnknownOperationException";

/// What a service answers for an operation that it does not have.
pub fn unknown_operation() -> AwsError {
    AwsError::client(UNKNOWN_OPERATION, "")
}

/// Hands a call to its service.
///
/// # Errors
/// The service's own, or [`unknown_operation`].
pub fn dispatch(world: &mut World, service: Service, operation: &str, call: &Call) -> Outcome {
    match service {
        Service::Sts => sts::handle(world, operation, call),
        Service::Iam => iam::handle(world, operation, call),
        Service::Organizations => organizations::handle(world, operation, call),
        Service::Sns => sns::handle(world, operation, call),
        Service::CloudWatch => cloudwatch::handle(world, operation, call),
        Service::Tagging => tagging::handle(world, operation, call),
        Service::Ssm => ssm::handle(world, operation, call),
        Service::Logs => logs::handle(world, operation, call),
        Service::S3 => s3::handle(world, operation, call),
        Service::CloudTrail => cloudtrail::handle(world, operation, call),
        Service::Other => Err(unknown_operation()),
    }
}
