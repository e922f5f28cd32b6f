//! A scenario: the organization, its nodes, roles and documents, and the cast of sessions, as a TOML file.
//!
//! Text fields may hold `{account}` and `{region}`; `account` and `region` selectors take an id, a name or `*`.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

/// The scenario that `ssmwatch demo` plays unless told otherwise.
const DEFAULT: &str = include_str!("scenarios/default.toml");
/// Two accounts, a handful of deterministic sessions: for tests.
const QUIET: &str = include_str!("scenarios/quiet.toml");

/// Why a scenario cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Neither the name of an embedded scenario nor a readable file.
    #[error("{name}: {reason}; embedded scenarios are default, quiet and generated:N (N sessions)")]
    NotFound {
        /// What was asked for.
        name: String,
        /// What the file system said.
        reason: String,
    },
    /// Not TOML, or not of the scenario's shape; the message of the parser names line and column.
    #[error("{file}: {message}")]
    Syntax {
        /// Name or path.
        file: String,
        /// The parser's words with line and column.
        message: String,
    },
    /// It parses but contradicts itself.
    #[error("{file}: {message}")]
    Contradiction {
        /// Name or path.
        file: String,
        /// What does not fit.
        message: String,
    },
}

/// Everything that a world begins with, and what will happen in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Regions in which every account works.
    pub regions: Vec<String>,
    /// Accounts of the organization.
    pub accounts: Vec<AccountSpec>,
    /// Central log group name of every account and region.
    #[serde(default = "default_log_group")]
    pub log_group: String,
    /// Bucket of the log archive account.
    #[serde(default = "default_log_bucket")]
    pub log_bucket: String,
    /// Region of that bucket; the first region unless given.
    pub log_bucket_region: Option<String>,
    /// Accounts that may read the bucket beside its owner (its bucket policy).
    #[serde(default)]
    pub log_bucket_readers: Vec<String>,
    /// ARN of the central alarm topic.
    #[serde(default = "default_central_topic")]
    pub central_topic: String,
    /// Name of the topic that every account has in every region.
    #[serde(default = "default_member_topic")]
    pub member_topic: String,
    /// External id that the `ssmwatch` roles ask for.
    #[serde(default = "default_external_id")]
    pub external_id: String,
    /// Service delays.
    #[serde(default)]
    pub delays: Delays,
    /// Managed policies.
    #[serde(default)]
    pub policies: Vec<PolicySpec>,
    /// Roles of nodes and others; every account has `ssmwatch` beside them.
    #[serde(default)]
    pub roles: Vec<RoleSpec>,
    /// Session documents; `AWS-…` ones exist without being named.
    #[serde(default)]
    pub documents: Vec<DocumentSpec>,
    /// Log groups beside the central one.
    #[serde(default)]
    pub log_groups: Vec<LogGroupSpec>,
    /// Accounts and regions in which the central log group does not exist.
    #[serde(default)]
    pub missing_log_groups: Vec<Place>,
    /// Managed nodes.
    #[serde(default)]
    pub nodes: Vec<NodeSpec>,
    /// Named sessions.
    #[serde(default)]
    pub cast: Vec<CastSpec>,
    /// What else happens.
    #[serde(default)]
    pub happenings: Vec<HappeningSpec>,
    /// Harmless work that never ends.
    pub crowd: Option<CrowdSpec>,
    /// A crowd that was there all at once, for measurements.
    pub generate: Option<GenerateSpec>,
}

fn default_log_group() -> String {
    "/ssm-session-logs".into()
}
fn default_log_bucket() -> String {
    "central-log-ssm-audit-eu-central-1-o-example".into()
}
fn default_central_topic() -> String {
    "arn:aws:sns:eu-central-1:444455556666:CentralAlarm".into()
}
fn default_member_topic() -> String {
    "aws-ssm-monitoring-logging-guardrails-multiaccount".into()
}
fn default_external_id() -> String {
    "ssmwatch-demo".into()
}

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

/// One step of a script.
#[derive(Debug, Clone, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Nothing for so many seconds.
    Wait(f64),
    /// The owner types a command and Enter; common commands answer by themselves unless an `output` follows.
    Type(String),
    /// The owner types and does not press Enter.
    TypeUnfinished(String),
    /// Lines the command prints.
    Output(Vec<String>),
    /// Bytes as they are, `\u001b` and all.
    Raw(String),
    /// Lines again and again; `{n}` counts, `{time}` is the time of day.
    Repeat {
        /// Lines of one round.
        lines: Vec<String>,
        /// Seconds between rounds.
        every: f64,
        /// Rounds; none given: for ever.
        times: Option<u64>,
    },
    /// Output without measure.
    Flood {
        /// Bytes a second.
        rate: u64,
        /// Seconds.
        seconds: f64,
    },
    /// A full-screen program: `top`, `vi` or `less`.
    Screen {
        /// Which.
        program: String,
        /// Seconds it stays.
        seconds: f64,
    },
    /// Another prompt from here on (`sudo -i`, `bash`), `\u001b` and all.
    Prompt(String),
    /// Harmless work by the persona of that name, for ever.
    Work(String),
    /// The script from its beginning, for ever.
    Again,
    /// The shell ends.
    Exit,
    /// The client goes away; with seconds after which it resumes, negative is never.
    Disconnect(f64),
}

/// Something that happens outside of a session.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HappeningSpec {
    /// Seconds after the start of the world.
    pub at: f64,
    /// What.
    pub what: What,
}

/// What can happen outside of a session.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// A role loses a managed policy.
    DetachPolicy {
        /// Account.
        account: String,
        /// Role name.
        role: String,
        /// Policy name or ARN.
        policy: String,
    },
    /// A role gets a managed policy.
    AttachPolicy {
        /// Account.
        account: String,
        /// Role name.
        role: String,
        /// Policy name or ARN.
        policy: String,
    },
    /// A document gets a new default version.
    UpdateDocument {
        /// Account.
        account: String,
        /// Region.
        region: String,
        /// Document name.
        name: String,
        /// JSON content.
        content: String,
    },
    /// The log stream of the session on that node goes away; its agent stops streaming.
    DeleteLogStream {
        /// Node name.
        node: String,
    },
    /// A log group goes away with its streams.
    DeleteLogGroup {
        /// Account.
        account: String,
        /// Region.
        region: String,
        /// Group name.
        name: String,
    },
    /// A node gets a tag.
    TagNode {
        /// Node name.
        node: String,
        /// Tag key.
        key: String,
        /// Tag value.
        value: String,
    },
    /// The agent of a node goes offline or comes back.
    PingNode {
        /// Node name.
        node: String,
        /// Whether it is online.
        online: bool,
    },
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

impl Scenario {
    /// The scenario of that name (`default`, `quiet`, `generated:N`), or the file at that path.
    ///
    /// # Errors
    /// Not found, not TOML of this shape (with line and column), or contradictory.
    pub fn load(name_or_path: &str) -> Result<Self, ScenarioError> {
        match name_or_path {
            "default" => Self::parse("default", DEFAULT),
            "quiet" => Self::parse("quiet", QUIET),
            other => {
                if let Some(sessions) = other.strip_prefix("generated:").and_then(|count| count.parse().ok()) {
                    return Ok(Self::generated(sessions)?);
                }
                let text = std::fs::read_to_string(Path::new(other))
                    .map_err(|error| ScenarioError::NotFound { name: other.into(), reason: error.to_string() })?;
                Self::parse(other, &text)
            }
        }
    }

    /// The quiet organization with that many sessions more, all there at the start.
    ///
    /// # Errors
    /// As [`Scenario::parse`].
    pub fn generated(sessions: usize) -> Result<Self, ScenarioError> {
        let mut scenario = Self::parse("quiet", QUIET)?;
        scenario.cast.clear();
        scenario.happenings.clear();
        scenario.generate = Some(GenerateSpec { sessions, sessions_per_node: 1, talkative: sessions / 20 });
        Ok(scenario)
    }

    /// A scenario from TOML text; `file` is what errors call it.
    ///
    /// # Errors
    /// Not TOML of this shape (with line and column), or contradictory.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)
            .map_err(|error| ScenarioError::Syntax { file: file.into(), message: error.to_string() })?;
        scenario.check().map_err(|message| ScenarioError::Contradiction { file: file.into(), message })?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), String> {
        if self.regions.is_empty() || self.accounts.is_empty() {
            return Err("a scenario needs at least one region and one account".into());
        }
        for account in &self.accounts {
            if account.id.len() != 12 || !account.id.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(format!("account id {:?} is not twelve digits", account.id));
            }
        }
        if self.accounts.iter().filter(|account| account.management).count() != 1 {
            return Err("exactly one account must say management = true".into());
        }
        if self.accounts.iter().filter(|account| account.log_archive).count() != 1 {
            return Err("exactly one account must say log_archive = true".into());
        }
        for node in &self.nodes {
            self.account(&node.account)
                .ok_or_else(|| format!("node {:?}: no account is called {:?}", node.name, node.account))?;
            if !self.regions.contains(&node.region) {
                return Err(format!("node {:?}: {:?} is not among the regions", node.name, node.region));
            }
        }
        for session in &self.cast {
            if !self.node_names().any(|name| name == session.node) {
                return Err(format!("a session of {:?}: no node is called {:?}", session.owner, session.node));
            }
        }
        for document in self.documents.iter().filter(|document| !document.absent) {
            if document.versions.is_empty() {
                return Err(format!("document {:?} has no versions", document.name));
            }
            for version in &document.versions {
                serde_json::from_str::<serde_json::Value>(version)
                    .map_err(|error| format!("document {:?} is not JSON: {error}", document.name))?;
            }
        }
        for policy in &self.policies {
            serde_json::from_str::<serde_json::Value>(&policy.document)
                .map_err(|error| format!("policy {:?} is not JSON: {error}", policy.name))?;
        }
        Ok(())
    }

    /// The account with that id or name.
    pub fn account(&self, selector: &str) -> Option<&AccountSpec> {
        self.accounts.iter().find(|account| account.id == selector || account.name == selector)
    }

    /// Seconds before (negative) or after the start at which the first thing happens.
    pub fn earliest(&self) -> f64 {
        let cast = self.cast.iter().map(|session| session.at);
        let warm_up = self.crowd.iter().map(|crowd| -crowd.warm_up);
        let generated = self.generate.iter().map(|_| -10.0);
        cast.chain(warm_up).chain(generated).fold(0.0, f64::min)
    }

    /// Names of all nodes, numbered ones expanded.
    pub fn node_names(&self) -> impl Iterator<Item = String> + '_ {
        self.nodes.iter().flat_map(|node| (1..=node.count).map(move |number| node.numbered(number)))
    }
}

impl NodeSpec {
    /// Name of the node with that number.
    pub fn numbered(&self, number: usize) -> String {
        if self.count == 1 { self.name.clone() } else { format!("{}-{number}", self.name) }
    }
}
