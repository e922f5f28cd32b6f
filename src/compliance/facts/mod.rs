//! What is known of one session, under the names that policies read.

mod name;
mod read;
mod value;

use jiff::Timestamp;

use crate::domain::{ArchiveObject, Fact, LogStream, Node, NodeKind, NodeTags, RolePolicies, Session, SessionDocument};

pub use name::FactName;
pub(super) use read::{Entry, Reader};
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
