//! AWS: the only place that knows the SDK. Domain values or a classified [`Failure`](crate::domain::Failure) come out of it.
//!
//! A [`Fleet`] holds one [`ScopeClient`] for each account and region. All of them share one HTTP client; the regions of an account share
//! its credentials; each scope has retry budgets of its own.

mod actions;
mod alerts;
mod archive;
mod config;
mod credentials;
mod documents;
mod failure;
mod fleet;
mod held;
mod live_tail;
mod login;
mod logs;
mod nodes;
mod page;
mod quarantine;
mod roles;
mod scope;
mod sessions;
mod trail;

pub use actions::{RequiredAction, quarantine_actions, required_actions};
pub use alerts::Metric;
pub use archive::{ArchiveBody, archive_keys};
pub use config::{Access, AccountConfig, FleetConfig, StaticCredentials};
pub use documents::PREFERENCES_DOCUMENT;
pub use fleet::{ConnectError, Fleet};
pub use live_tail::{LIVE_TAIL_ENDED, LiveTail, LiveTailUpdate, START_LIVE_TAIL};
pub use login::{Glance, Login};
pub use logs::{LogPage, TailPage};
pub use quarantine::{
    ATTACH_POLICY, ControlPolicy, DELETE_ROLE_POLICY, DESCRIBE_POLICY, DETACH_POLICY, GET_ROLE_POLICY, LIST_POLICIES,
    PUT_ROLE_POLICY, RoleStanding,
};
pub use roles::PolicyCache;
pub use scope::ScopeClient;
pub use sessions::FoundSession;
pub use trail::{LOOKUP_EVENTS, TagCall, TrailPage, global_events_region};

pub(crate) use failure::unreachable;
