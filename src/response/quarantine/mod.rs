//! Quarantine: new sessions of an account, or of a role, are kept from starting; set, proven by reading back, and lifted the same way.

mod carry_out;
mod document;
mod plan;

pub use carry_out::carry_out;
pub use document::REVOKING_POLICY;
pub use plan::plan;

use super::terminate::failure_advice;
use crate::domain::{Failure, FailureClass};

/// One line of what to do about a failed request.
fn advice(failure: &Failure) -> String {
    match failure.class {
        FailureClass::Denied if failure.action.starts_with("organizations:") => format!(
            "Have {} granted to the credentials of the management account that [response.quarantine] in the config names",
            failure.action
        ),
        FailureClass::Gone => "Look whether it still exists, and at [response.quarantine] in the config".to_owned(),
        _ => failure_advice(failure),
    }
}
