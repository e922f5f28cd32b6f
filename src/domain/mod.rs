//! Plain data of the field: sessions, scopes, nodes, facts, findings, acts. No I/O, nothing of ours imported.

mod act;
mod alert;
mod credentials;
mod ended;
mod fact;
mod failure;
mod finding;
mod ids;
mod loaded;
mod node;
mod observation;
mod owner;
mod preferences;
mod quarantine;
mod session;
mod stream_health;
mod subject;
mod trail;

pub use act::{Act, ActId, ActKind, ActOutcome, ActStep, Actor, alert_target};
pub use alert::{
    Acknowledgement, Alert, AlertDestination, AlertId, AlertSource, BY_HAND, Content, Delivery, Parcel, Waiting,
    Workflow, alert_id,
};
pub use credentials::{CredentialBase, CredentialStage, CredentialStanding, URGED_BEFORE, WARNED_BEFORE};
pub use ended::{EndedSession, PrincipalSeen};
pub use fact::{Evidence, Fact, Missing, MissingFact, Source, Why};
pub use failure::{Failure, FailureClass};
pub use finding::{Finding, Judgement, Severity, Verdict};
pub use ids::{AccountId, NodeId, Region, RuleId, ScopeId, SessionId, SessionKey};
pub use loaded::Loaded;
pub use node::{Node, NodeKind, NodeTags, PolicyDocument, PolicyKind, RolePolicies};
pub use observation::{ApiCount, LogEvent, NoLiveTail, Observation, PastProgress, TailMode};
pub use owner::Owner;
pub use preferences::{DocumentStanding, Preferences, SessionDocument, SessionType};
pub use quarantine::{QuarantineChange, QuarantineKind, QuarantineMethod, QuarantinePlan, QuarantineRefused};
pub use session::{AccessType, ArchiveObject, LogStream, Session, SessionStatus};
pub use stream_health::{PayloadIdentity, StreamHealth};
pub use subject::Subject;
pub use trail::{Mfa, TRAIL_LATENESS, TagChange, TrailCall, TrailEvent};
