//! What is known of one session, under the names that policies read.

mod account;
mod just_in_time;
mod known;
mod name;
mod node;
mod preferences;
mod principal;
mod read;
mod role;
mod stream;
mod trail;
mod value;

use jiff::Timestamp;

use crate::domain::{
    ArchiveObject, DocumentStanding, Fact, LogStream, Node, NodeKind, NodeTags, RolePolicies, Session, SessionDocument,
};

pub use account::AccountEvidence;
pub(super) use account::AccountReader;
pub(super) use known::Entry;
pub use name::{FactKind, FactName};
pub use node::NodeEvidence;
pub(super) use node::NodeReader;
pub use preferences::PreferencesEvidence;
pub(super) use preferences::PreferencesReader;
pub use principal::{PrincipalEvidence, tagged_principal};
pub(super) use read::SessionReader;
pub use role::RoleEvidence;
pub use stream::StreamEvidence;
pub use trail::TrailEvidence;
pub(super) use value::{Value, clean};

/// All evidence on one session, borrowed from the State.
#[derive(Debug, Clone, Copy)]
pub struct SessionEvidence<'a> {
    /// The session as it was last listed.
    pub session: &'a Session,
    /// When a complete listing last showed it. (A session that ended: of any time; an end is final.)
    pub listed_at: Timestamp,
    /// When its present status was seen first.
    pub status_since: Timestamp,
    /// Its node. `Known(None)`: Systems Manager knows no such node.
    pub node: &'a Fact<Option<Node>>,
    /// Its node's tags.
    pub tags: &'a Fact<NodeTags>,
    /// What is attached to the role that [`governing_role`] names; not read as long as that is not known.
    pub role_policies: &'a Fact<Option<RolePolicies>>,
    /// The scope's preferences document; also the document of a session that uses it.
    pub preferences: &'a Fact<Option<SessionDocument>>,
    /// The session's document, where it is another one than the preferences.
    pub document: &'a Fact<Option<SessionDocument>>,
    /// Its log stream. `Known(None)`: looked for at that time, and not there.
    pub log_stream: &'a Fact<Option<LogStream>>,
    /// Its object in the log archive. `Known(None)`: looked for at that time, and not there.
    pub archive: &'a Fact<Option<ArchiveObject>>,
    /// Whose that document is, and who may use it.
    pub standing: &'a Fact<Option<DocumentStanding>>,
    /// What the tail of its log group shows of its stream.
    pub stream: StreamEvidence<'a>,
    /// What was found out about the node's role.
    pub role: RoleEvidence<'a>,
    /// What CloudTrail recorded of it.
    pub trail: TrailEvidence<'a>,
    /// The tags of who started it.
    pub principal: PrincipalEvidence<'a>,
    /// What else its principal does.
    pub concurrency: Concurrency,
    /// Whether it is its principal's first session on the account in a long time.
    pub first_of_principal: &'a Fact<bool>,
}

/// Sessions of one principal in all accounts and regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Concurrency {
    /// Active ones.
    pub sessions: i64,
    /// Nodes of sessions that started within the last hour, or are active.
    pub nodes: i64,
    /// When a node leaves that hour.
    pub until: Option<Timestamp>,
    /// Why they were not counted, if they were not.
    pub uncounted: Option<&'static str>,
}

/// The role whose policies decide whether the agent on that node can log: of an EC2 node its instance profile's, of a
/// hybrid node the service role. `None`: it has none.
pub fn governing_role(node: &Node) -> Option<&std::sync::Arc<str>> {
    match NodeKind::of(&node.id) {
        NodeKind::Ec2 => node.instance_role.as_ref(),
        NodeKind::Hybrid => node.iam_role.as_ref(),
        NodeKind::Other => None,
    }
}
