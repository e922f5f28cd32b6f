//! Facts in, verdicts out: the rules are Cedar policies, and this is the engine that asks them. Pure: no I/O, no clock.
//!
//! A rule is one `forbid` with the annotations `@id`, `@severity`, `@title` and `@remediation`; satisfied, the session is
//! NON_COMPLIANT. Beside it may stand `permit` policies that never permit anything, but say when the rule speaks:
//!
//! - `@applies("ID")`: only if it is satisfied does the rule apply; else it is NOT_APPLICABLE. A rule without one always
//!   applies.
//! - `@pending("ID") @fact("name") @awaits("words")`: while it is satisfied the rule waits for that fact, and is
//!   INSUFFICIENT_DATA.
//!
//! Cedar skips a policy that ends in an error. Here such a policy makes its rule INSUFFICIENT_DATA, naming the fact that
//! is absent. That holds too for a policy that asks `context has fact` (or for a tag) where the fact is missing: a
//! missing fact never turns into a pass.

mod analysis;
pub mod deny;
mod engine;
mod error;
mod facts;
pub mod golden;
mod inventory;
pub mod just_in_time;
mod just_in_time_condition;
mod parameters;
mod policy;
mod schema;
mod subject;
mod trial;
mod version;
mod wanted;
mod wildcard;

#[cfg(test)]
mod tests;

pub use engine::{Engine, Judged};
pub use error::PolicyError;
pub use facts::{
    AccountEvidence, Concurrency, FactKind, FactName, NodeEvidence, PreferencesEvidence, PrincipalEvidence,
    RoleEvidence, SessionEvidence, StreamEvidence, TrailEvidence, governing_role, tagged_principal,
};
pub use inventory::{FactLine, FactState};
pub use parameters::{AllowedHours, Network, Parameters, TagPattern};
pub use policy::{Origin, Rule, check_file};
pub use schema::schema_text;
pub use subject::Subject;
pub use wanted::{Wanted, WantedValue, wanted};
