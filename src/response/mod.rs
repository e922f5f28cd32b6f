//! Acts on other people's production: written down first, bound to an id, proven afterwards.

mod alert;
pub mod quarantine;
mod terminate;

pub use alert::{AlertTargets, put_metric, send};
pub use terminate::{Proof, terminate};
