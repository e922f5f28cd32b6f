//! Nodes, their tags and their roles.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{Fact, NodeId};

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

/// What is known of an IAM role: what it is granted and denied, and its tags.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RolePolicies {
    /// ARNs of the attached managed policies, sorted.
    pub attached: Vec<Arc<str>>,
    /// The documents of all its policies: attached (default version), inline, boundary; sorted.
    pub documents: Fact<Arc<[PolicyDocument]>>,
    /// Its tags; an untagged role has an empty map.
    pub tags: Fact<NodeTags>,
}

/// How a policy is bound to a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    /// A managed policy that is attached.
    Attached,
    /// Written into the role.
    Inline,
    /// The permissions boundary: what it does not allow is denied.
    Boundary,
}

/// A policy document as IAM holds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyDocument {
    /// How it is bound to the role.
    pub kind: PolicyKind,
    /// ARN of a managed policy, name of an inline one.
    pub name: Arc<str>,
    /// Id of the default version of a managed policy, as `v1`.
    pub version: Option<Arc<str>>,
    /// The document: JSON, not URL-encoded. Hostile input.
    pub text: Arc<str>,
}
