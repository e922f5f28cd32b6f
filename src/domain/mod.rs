//! Plain data of the field: sessions, scopes, nodes, facts, findings, acts. No I/O, nothing of ours imported.

mod act;
mod fact;
mod failure;
mod finding;
mod ids;
mod node;
mod observation;
mod owner;
mod preferences;
mod quarantine;
mod session;
mod stream_health;
mod trail;

pub use act::{Act, ActId, ActKind, ActOutcome, ActStep, AlertBody, AlertDestination};
pub use fact::{Evidence, Fact, Missing, MissingFact, Source, Why};
pub use failure::{Failure, FailureClass};
pub use finding::{Finding, Judgement, Severity, Verdict};
pub use ids::{AccountId, NodeId, Region, RuleId, ScopeId, SessionId, SessionKey};
pub use node::{Node, NodeKind, NodeTags, PolicyDocument, PolicyKind, RolePolicies};
pub use observation::{ApiCount, LogEvent, NoLiveTail, Observation, TailMode};
pub use owner::Owner;
pub use preferences::{DocumentStanding, Preferences, SessionDocument, SessionType};
pub use quarantine::{QuarantineChange, QuarantineKind, QuarantineMethod, QuarantinePlan, QuarantineRefused};
pub use session::{AccessType, ArchiveObject, LogStream, Session, SessionStatus};
pub use stream_health::{PayloadIdentity, StreamHealth};
pub use trail::{Mfa, TRAIL_LATENESS, TagChange, TrailCall, TrailEvent};
