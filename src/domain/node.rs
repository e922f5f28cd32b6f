//! Nodes, their tags and their roles.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::NodeId;

/// What kind of target a session runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// An EC2 instance, `i-…`.
    Ec2,
    /// A hybrid node, `mi-…`.
    Hybrid,
    /// Anything else: ECS or EKS containers and what may come.
    Other,
}

impl NodeKind {
    /// The kind that an id's form tells.
    pub fn of(id: &NodeId) -> Self {
        if id.as_str().starts_with("mi-") {
            Self::Hybrid
        } else if id.as_str().starts_with("i-") {
            Self::Ec2
        } else {
            Self::Other
        }
    }
}

/// A managed node as ssm:DescribeInstanceProperties shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// The EC2 Name tag, or the hybrid node's name; hostile input.
    pub name: Option<Arc<str>>,
    /// Role name of the EC2 instance profile; absent: no instance profile.
    pub instance_role: Option<Arc<str>>,
    /// Service role name of a hybrid activation, or of default host management.
    pub iam_role: Option<Arc<str>>,
    /// SSM Agent version.
    pub agent_version: Option<Arc<str>>,
    /// `Linux`, `Windows`, `MacOS`.
    pub platform: Option<Arc<str>>,
    /// `Online`, `ConnectionLost`, `Inactive`.
    pub ping_status: Option<Arc<str>>,
    /// When the agent last called.
    pub last_ping: Option<Timestamp>,
}

/// A node's tags.
pub type NodeTags = Arc<BTreeMap<String, String>>;

/// The managed policies attached to a role.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RolePolicies {
    /// ARNs of the attached managed policies, sorted.
    pub attached: Vec<Arc<str>>,
}
