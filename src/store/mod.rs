//! What survives a restart: an embedded SQLite database in the user's data directory.
//!
//! - The chain of acts: [`Store::record`], [`Store::records`], [`Store::verify`].
//! - Alerts with their workflow, and the outbox of what is to be sent: [`Store::keep_alert`], [`Store::due`].
//! - Ended sessions, CloudTrail's records of them, principals: kept for some time ([`Store::forget`]).
//! - What the next run needs of all that: [`Store::load`].
//!
//! Every write is one transaction, on the disk (write-ahead log, `synchronous = FULL`) when it returns. One process writes; others
//! read beside it. [`Keeper`] has the store on a thread of its own.

mod alerts;
mod chain;
mod error;
mod keeper;
mod load;
mod lock;
mod open;
mod outbox;
mod schema;
mod sessions;
#[cfg(test)]
mod tests;
mod verify;

pub use chain::{ChainHead, Entry, Phase, Record, RecordFilter};
pub use error::StoreError;
pub use keeper::{Keeper, KeeperGone};
pub use open::{Store, default_path};
pub use sessions::Forgotten;
pub use verify::{Broken, Verified};
