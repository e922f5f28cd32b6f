//! What exists in an account: plain data that the services read.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::logs::LogGroup;
use super::trail::TrailRecord;
use crate::sim::scenario::{Os, ThrottleSpec};

/// One account of the organization.
#[derive(Debug)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// Name in AWS Organizations.
    pub name: String,
    /// Root e-mail address.
    pub email: String,
    /// When it joined.
    pub joined: Timestamp,
    /// Management account of the organization.
    pub management: bool,
    /// Owner of the log bucket and the central topic.
    pub log_archive: bool,
    /// Actions (`service:Operation`) that nobody of this account is allowed.
    pub denied: Vec<String>,
    /// Token buckets other than the service's own.
    pub throttles: Vec<ThrottleSpec>,
    /// Roles by name.
    pub roles: BTreeMap<String, Role>,
    /// Managed policies by ARN, AWS's own included.
    pub policies: BTreeMap<String, ManagedPolicy>,
    /// Instance profiles by name.
    pub instance_profiles: BTreeMap<String, InstanceProfile>,
    /// What is regional.
    pub regions: BTreeMap<String, RegionState>,
}

/// What an account has in one region.
#[derive(Debug, Default)]
pub struct RegionState {
    /// Managed nodes by id.
    pub nodes: BTreeMap<String, Node>,
    /// Documents by name.
    pub documents: BTreeMap<String, Document>,
    /// Log groups by name.
    pub log_groups: BTreeMap<String, LogGroup>,
    /// Sessions, oldest first, as indexes into the world's.
    pub sessions: Vec<usize>,
    /// CloudTrail's records in the order of the calls.
    pub trail: Vec<TrailRecord>,
    /// How many records were before those and are forgotten.
    pub trail_forgotten: usize,
    /// Topic names.
    pub topics: Vec<String>,
}

/// An IAM role.
#[derive(Debug, Clone)]
pub struct Role {
    /// Name.
    pub name: String,
    /// IAM path.
    pub path: String,
    /// ARN.
    pub arn: String,
    /// `AROA…`.
    pub role_id: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// Words about it.
    pub description: Option<String>,
    /// Who may assume it.
    pub trust: Trust,
    /// Permissions boundary ARN.
    pub boundary: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// ARNs of attached managed policies, in the order of their attachment.
    pub attached: Vec<String>,
    /// Inline policies by name.
    pub inline: BTreeMap<String, String>,
}

/// Who may assume a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// A service principal.
    Service(String),
    /// Other accounts that name this external id.
    Accounts {
        /// Account ids.
        ids: Vec<String>,
        /// The external id that must be given.
        external_id: String,
    },
    /// IAM Identity Center of that account.
    SingleSignOn {
        /// Account id.
        account: String,
    },
    /// Nobody.
    Nobody,
}

impl Trust {
    /// The trust policy as JSON.
    pub fn document(&self) -> String {
        let statement = match self {
            Trust::Service(service) => {
                serde_json::json!({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})
            }
            Trust::Accounts { ids, external_id } => {
                let principals: Vec<_> = ids.iter().map(|id| format!("arn:aws:iam::{id}:root")).collect();
                let statement = serde_json::json!({"Effect": "Allow", "Principal": {"AWS": principals}, "Action": "sts:AssumeRole"});
                match (statement, external_id.is_empty()) {
                    (serde_json::Value::Object(mut members), false) => {
                        let condition = serde_json::json!({"StringEquals": {"sts:ExternalId": external_id}});
                        members.insert("Condition".into(), condition);
                        serde_json::Value::Object(members)
                    }
                    (statement, _) => statement,
                }
            }
            Trust::SingleSignOn { account } => {
                let provider = format!("arn:aws:iam::{account}:saml-provider/AWSSSO_0f1e2d3c4b5a6978_DO_NOT_DELETE");
                serde_json::json!({"Effect": "Allow", "Principal": {"Federated": provider},
                                   "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
                                   "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}})
            }
            Trust::Nobody => {
                serde_json::json!({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
            }
        };
        serde_json::json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    }
}

/// A managed policy.
#[derive(Debug, Clone)]
pub struct ManagedPolicy {
    /// Name.
    pub name: String,
    /// IAM path.
    pub path: String,
    /// ARN.
    pub arn: String,
    /// `ANPA…`.
    pub policy_id: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// Words about it.
    pub description: Option<String>,
    /// Document of version `v1`, which is the default.
    pub document: String,
}

/// An instance profile with its one role.
#[derive(Debug, Clone)]
pub struct InstanceProfile {
    /// Name.
    pub name: String,
    /// ARN.
    pub arn: String,
    /// `AIPA…`.
    pub profile_id: String,
    /// When it was made.
    pub create_date: Timestamp,
    /// Name of the role.
    pub role: String,
}

/// A managed node.
#[derive(Debug, Clone)]
pub struct Node {
    /// `i-…` or `mi-…`.
    pub id: String,
    /// `Name` tag, or the name given at the hybrid activation.
    pub name: String,
    /// Operating system.
    pub os: Os,
    /// SSM Agent version.
    pub agent_version: String,
    /// Role behind the instance profile, or service role of a hybrid node.
    pub role: Option<String>,
    /// Tags, `Name` included.
    pub tags: BTreeMap<String, String>,
    /// Whether the agent is connected.
    pub online: bool,
    /// When the agent was last heard of, if it is not connected now.
    pub last_ping: Option<Timestamp>,
    /// Private address.
    pub ip_address: String,
    /// Host name.
    pub computer_name: String,
    /// EC2 instance type.
    pub instance_type: String,
    /// First registration, or launch.
    pub registered: Timestamp,
    /// Activation of a hybrid node.
    pub activation_id: Option<String>,
    /// Whether harmless work happens on it.
    pub crowd: bool,
}

impl Node {
    /// Whether it is outside of EC2.
    pub fn is_hybrid(&self) -> bool {
        self.id.starts_with("mi-")
    }

    /// `Linux` or `Windows`.
    pub fn platform_type(&self) -> &'static str {
        if self.os == Os::Windows { "Windows" } else { "Linux" }
    }

    /// Distribution or product name.
    pub fn platform_name(&self) -> &'static str {
        match self.os {
            Os::AmazonLinux | Os::AmazonLinux2 => "Amazon Linux",
            Os::Ubuntu => "Ubuntu",
            Os::Windows => "Microsoft Windows Server 2022 Datacenter",
        }
    }

    /// Its version.
    pub fn platform_version(&self) -> &'static str {
        match self.os {
            Os::AmazonLinux => "2023",
            Os::AmazonLinux2 => "2",
            Os::Ubuntu => "22.04",
            Os::Windows => "10.0.20348",
        }
    }

    /// ARN as the tagging API names the node.
    pub fn arn(&self, account: &str, region: &str) -> String {
        if self.is_hybrid() {
            format!("arn:aws:ssm:{region}:{account}:managed-instance/{}", self.id)
        } else {
            format!("arn:aws:ec2:{region}:{account}:instance/{}", self.id)
        }
    }
}

/// A session document.
#[derive(Debug, Clone)]
pub struct Document {
    /// Name.
    pub name: String,
    /// Account id, or `Amazon`.
    pub owner: String,
    /// JSON content of each version, first is version 1.
    pub versions: Vec<DocumentVersion>,
    /// Number of the default version.
    pub default_version: usize,
    /// Accounts it is shared with, or `all`.
    pub shared_with: Vec<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// One version of a document.
#[derive(Debug, Clone)]
pub struct DocumentVersion {
    /// JSON.
    pub content: String,
    /// When it was made.
    pub created: Timestamp,
}

impl Document {
    /// Content of the default version, parsed.
    pub fn default_content(&self) -> serde_json::Value {
        self.versions
            .get(self.default_version.saturating_sub(1))
            .and_then(|version| serde_json::from_str(&version.content).ok())
            .unwrap_or_default()
    }

    /// `sessionType` of the default version.
    pub fn session_type(&self) -> String {
        self.default_content()
            .get("sessionType")
            .unwrap_or(&serde_json::Value::Null)
            .as_str()
            .unwrap_or("Standard_Stream")
            .to_owned()
    }
}
