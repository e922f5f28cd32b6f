//! What a scenario is made of.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::script::Step;

/// One account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSpec {
    /// Twelve digits.
    pub id: String,
    /// Name in AWS Organizations.
    pub name: String,
    /// Root e-mail address; made from the name unless given.
    pub email: Option<String>,
    /// Management account of the organization.
    #[serde(default)]
    pub management: bool,
    /// Owner of the log bucket and the central topic.
    #[serde(default)]
    pub log_archive: bool,
    /// Actions (`service:Operation`) that nobody of this account is allowed.
    #[serde(default)]
    pub denied: Vec<String>,
    /// Whether the `ssmwatch` role refuses everybody.
    #[serde(default)]
    pub refuses_assume_role: bool,
    /// Buckets of the request throttle other than the service's own.
    #[serde(default)]
    pub throttles: Vec<ThrottleSpec>,
}

/// A token bucket of one account for one operation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThrottleSpec {
    /// Region, or `*`.
    #[serde(default = "any")]
    pub region: String,
    /// `service:Operation`, or `*`.
    pub action: String,
    /// Tokens a second.
    pub rate: f64,
    /// Tokens at most.
    pub burst: f64,
}

fn any() -> String {
    "*".into()
}

/// Account and region selectors.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Id, name or `*`.
    #[serde(default = "any")]
    pub account: String,
    /// Region or `*`.
    #[serde(default = "any")]
    pub region: String,
}

/// Delays of services in seconds, least and most.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delays {
    /// From the end of a session to its S3 object.
    pub archive: [f64; 2],
    /// From a call to its CloudTrail record.
    pub trail: [f64; 2],
    /// From TerminateSession to the end.
    pub terminate: [f64; 2],
    /// From StartSession to Connected.
    pub connect: [f64; 2],
}

impl Default for Delays {
    fn default() -> Self {
        Self { archive: [2.0, 8.0], trail: [60.0, 180.0], terminate: [0.6, 1.6], connect: [0.4, 1.5] }
    }
}

/// A managed policy.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// In which accounts.
    #[serde(default = "any")]
    pub account: String,
    /// Name; with `{region}` one policy a region.
    pub name: String,
    /// IAM path.
    #[serde(default = "root_path")]
    pub path: String,
    /// Owned by AWS (`arn:aws:iam::aws:policy/…`).
    #[serde(default)]
    pub aws_managed: bool,
    /// Words about it.
    pub description: Option<String>,
    /// The policy document, JSON.
    pub document: String,
}

/// A service control policy of the organization; `p-FullAWSAccess` exists without being named.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlPolicySpec {
    /// `p-` and 8 to 128 letters, digits or underscores.
    pub id: String,
    /// Name.
    pub name: String,
    /// Words about it.
    #[serde(default)]
    pub description: String,
    /// The policy document, JSON.
    pub document: String,
    /// Accounts that it is attached to from the start.
    #[serde(default)]
    pub attached_to: Vec<String>,
}

fn root_path() -> String {
    "/".into()
}

/// A role.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleSpec {
    /// In which accounts.
    #[serde(default = "any")]
    pub account: String,
    /// Name.
    pub name: String,
    /// IAM path.
    #[serde(default = "root_path")]
    pub path: String,
    /// Service that may assume it.
    #[serde(default = "ec2_service")]
    pub service: String,
    /// Words about it.
    pub description: Option<String>,
    /// Names or ARNs of attached managed policies; with `{region}` one a region.
    #[serde(default)]
    pub attached: Vec<String>,
    /// Inline policies: name to document.
    #[serde(default)]
    pub inline: BTreeMap<String, String>,
    /// Name or ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

fn ec2_service() -> String {
    "ec2.amazonaws.com".into()
}

/// A session document of a customer. A later entry of the same name replaces an earlier one where both apply.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentSpec {
    /// In which accounts.
    #[serde(default = "any")]
    pub account: String,
    /// In which regions.
    #[serde(default = "any")]
    pub region: String,
    /// Name.
    pub name: String,
    /// JSON content of each version, first is version 1; the last is `$LATEST`.
    pub versions: Vec<String>,
    /// Default version; the last unless given.
    pub default_version: Option<usize>,
    /// Accounts it is shared with, or `all`.
    #[serde(default)]
    pub shared_with: Vec<String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The account and region do not have it (removes what an earlier entry made).
    #[serde(default)]
    pub absent: bool,
}

/// A log group.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogGroupSpec {
    /// In which accounts.
    #[serde(default = "any")]
    pub account: String,
    /// In which regions.
    #[serde(default = "any")]
    pub region: String,
    /// Name.
    pub name: String,
    /// Days that events are kept.
    pub retention_days: Option<i64>,
    /// KMS key ARN.
    pub kms_key: Option<String>,
}

/// Operating system of a node.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq, Default)]
#[serde(rename_all = "snake_case")]
pub enum Os {
    /// Amazon Linux 2023.
    #[default]
    AmazonLinux,
    /// Amazon Linux 2, `sh-4.2$`.
    AmazonLinux2,
    /// Ubuntu 22.04, `$` of dash.
    Ubuntu,
    /// Windows Server 2022.
    Windows,
}

/// A managed node, or several of a kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSpec {
    /// Account.
    pub account: String,
    /// Region.
    pub region: String,
    /// Name; with `count`, a number is put behind it.
    pub name: String,
    /// How many of these.
    #[serde(default = "one")]
    pub count: usize,
    /// Node id; made from account, region and name unless given.
    pub id: Option<String>,
    /// Hybrid node (`mi-…`).
    #[serde(default)]
    pub hybrid: bool,
    /// Operating system.
    #[serde(default)]
    pub os: Os,
    /// SSM Agent version.
    #[serde(default = "agent_version")]
    pub agent_version: String,
    /// Role (and instance profile) of an EC2 instance, service role of a hybrid node.
    pub role: Option<String>,
    /// Tags beside `Name`.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Connection of the agent.
    #[serde(default = "yes")]
    pub online: bool,
    /// Whether the crowd works on it.
    #[serde(default)]
    pub crowd: bool,
}

fn one() -> usize {
    1
}
fn yes() -> bool {
    true
}
fn agent_version() -> String {
    "3.3.2299.0".into()
}

/// A named session.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CastSpec {
    /// Who; `{account}` is the account of the node.
    pub owner: String,
    /// Name of the node.
    pub node: String,
    /// Session document; none given: the preferences.
    pub document: Option<String>,
    /// Reason given at the start.
    pub reason: Option<String>,
    /// Document parameters.
    #[serde(default)]
    pub parameters: BTreeMap<String, Vec<String>>,
    /// Seconds after the start of the world; negative is before.
    #[serde(default)]
    pub at: f64,
    /// What happens in it; empty: a prompt that nobody touches.
    #[serde(default)]
    pub script: Vec<Step>,
    /// JustInTime instead of Standard.
    #[serde(default)]
    pub just_in_time: bool,
    /// Older session id, 17 hex digits behind the name.
    #[serde(default)]
    pub old_id: bool,
    /// Whole session id.
    pub id: Option<String>,
    /// Seconds for which a terminate does not take; negative is never.
    #[serde(default)]
    pub stubborn: f64,
    /// What becomes of the S3 object.
    #[serde(default)]
    pub archive: Archive,
    /// Source address in CloudTrail.
    pub source_ip: Option<String>,
    /// Whether there was a second factor, in CloudTrail; none given: yes for root, no for roles, a long-term key for users.
    pub mfa: Option<bool>,
    /// Whether the agent reaches CloudWatch Logs.
    #[serde(default = "yes")]
    pub logged: bool,
}

/// What becomes of the S3 object of a session.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Default)]
#[serde(rename_all = "snake_case")]
pub enum Archive {
    /// It arrives in time.
    #[default]
    Arrives,
    /// It never arrives.
    Lost,
    /// It arrives with no bytes.
    Empty,
    /// It arrives so many seconds after the end.
    Late(f64),
}

/// Harmless work by many people.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrowdSpec {
    /// Sessions at about any time.
    pub active: usize,
    /// Mean length of a session in seconds.
    #[serde(default = "mean_length")]
    pub mean_seconds: f64,
    /// Seconds of work before the world starts.
    #[serde(default = "warm_up")]
    pub warm_up: f64,
    /// Owners; `{account}` is the account of the node.
    pub owners: Vec<String>,
    /// Reasons; `{n}` is a ticket number.
    pub reasons: Vec<String>,
}

fn mean_length() -> f64 {
    1500.0
}
fn warm_up() -> f64 {
    3600.0
}

/// Sessions that were over long before the world starts, evenly spread. Nobody of today's is among their owners: whether a principal is
/// new hangs on its past.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastSpec {
    /// How many.
    pub sessions: usize,
    /// Days over which they are spread.
    #[serde(default = "past_days")]
    pub days: f64,
    /// Days for which their log streams are kept; their archive objects are for all.
    #[serde(default = "past_stream_days")]
    pub stream_days: f64,
    /// Share of them that failed.
    #[serde(default = "past_failed")]
    pub failed: f64,
    /// Owners; `{account}` is the account of the node.
    pub owners: Vec<String>,
    /// Reasons; `{n}` is a ticket number.
    pub reasons: Vec<String>,
}

fn past_days() -> f64 {
    29.5
}
fn past_stream_days() -> f64 {
    14.0
}
fn past_failed() -> f64 {
    0.04
}

/// Many sessions at once on made-up nodes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerateSpec {
    /// How many sessions.
    pub sessions: usize,
    /// Sessions a node.
    #[serde(default = "one")]
    pub sessions_per_node: usize,
    /// How many of the sessions print; the others stay at their prompt.
    #[serde(default)]
    pub talkative: usize,
}

impl NodeSpec {
    /// Name of the node with that number.
    pub fn numbered(&self, number: usize) -> String {
        if self.count == 1 { self.name.clone() } else { format!("{}-{number}", self.name) }
    }
}
