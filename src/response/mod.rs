//! Acts on other people's production: written down first, bound to an id, proven afterwards.

mod outbox;
mod parcels;
pub mod quarantine;
mod terminate;

pub use outbox::{Outbox, OutboxNews, Progress};
pub use parcels::{AlertTargets, parcels_of, termination};
pub use terminate::{Proof, terminate};
