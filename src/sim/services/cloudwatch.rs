//! CloudWatch metrics.

use crate::sim::{
    service::{Call, Outcome},
    services::unknown_operation,
    world::World,
};

/// Metrics.
#[derive(Debug, Default)]
pub struct Metrics {}

/// Answers one operation.
///
/// # Errors
/// The service's own.
pub fn handle(_world: &mut World, _operation: &str, _call: &Call) -> Outcome {
    Err(unknown_operation())
}
