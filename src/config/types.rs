//! What can be configured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    names,
    value::{self, Pattern, Period, TagPattern, Template},
};
use crate::domain::{AccountId, Region, Severity};

/// Action name to its keys.
pub type KeyBindings = BTreeMap<String, Vec<String>>;

/// The whole config file. Every key has a default: an empty file is a valid one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Looking only: nothing can be ended or alerted.
    pub read_only: bool,
    /// Name of the theme.
    pub theme: String,
    /// The accounts to watch; none: the one of the ambient credentials.
    pub accounts: Vec<Account>,
    /// All active accounts of AWS Organizations, instead of or beside `accounts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<Organization>,
    /// How often AWS is asked.
    pub poll: Poll,
    /// What the rules are judged by.
    pub compliance: Compliance,
    /// Where alerts go, and which are raised by themselves.
    pub alerts: Alerts,
    /// What happens without an analyst.
    pub response: Response,
    /// Action name to its keys; an empty list unbinds the action.
    pub keys: KeyBindings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            read_only: false,
            theme: "default-dark".to_owned(),
            accounts: Vec::new(),
            organization: None,
            poll: Poll::default(),
            compliance: Compliance::default(),
            alerts: Alerts::default(),
            response: Response::default(),
            keys: BTreeMap::new(),
        }
    }
}

/// One account and the credentials it is read with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Twelve digits.
    #[serde(deserialize_with = "names::account_id")]
    pub id: AccountId,
    /// For people; absent: the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At least one.
    #[serde(deserialize_with = "names::regions")]
    pub regions: Vec<Region>,
    /// Profile of the AWS config files; absent: the ambient credentials (or `--profile`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// A role to assume with those credentials.
    #[serde(default, deserialize_with = "names::role_arn", skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// External id of that role's trust policy.
    #[serde(default, deserialize_with = "names::external_id", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

impl Account {
    /// The name for people.
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.id.as_str())
    }
}

/// All active accounts of the organization that the ambient credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    /// Name of the role to assume in every account.
    #[serde(deserialize_with = "names::role_name")]
    pub role_name: String,
    /// At least one; the same for all accounts.
    #[serde(deserialize_with = "names::regions")]
    pub regions: Vec<Region>,
    /// Accounts to leave out.
    #[serde(default, deserialize_with = "names::account_ids")]
    pub exclude: Vec<AccountId>,
}

/// How often AWS is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Poll {
    /// Between two session listings of one scope; 1 s to 10 min.
    #[serde(deserialize_with = "value::period::<_, 1, 600>")]
    pub sessions: Period,
    /// Between two reads of nodes, tags, roles and documents; 5 s to 1 h.
    #[serde(deserialize_with = "value::period::<_, 5, 3600>")]
    pub evidence: Period,
}

impl Default for Poll {
    fn default() -> Self {
        Self { sessions: Period::seconds(5), evidence: Period::seconds(60) }
    }
}

/// What the rules are judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Compliance {
    /// DOC-01: names of the documents that may be used.
    #[serde(deserialize_with = "names::documents")]
    pub allowed_documents: Vec<String>,
    /// IAM-01, IAM-04: name or ARN of the managed policy that every node's role must have.
    #[serde(deserialize_with = "names::managed_policy")]
    pub mandatory_policy: Template,
    /// LOG-07: the log archive's bucket; absent: what the preferences document says.
    #[serde(deserialize_with = "names::bucket", skip_serializing_if = "Option::is_none")]
    pub log_bucket: Option<Template>,
    /// Profile whose credentials read the bucket; absent: those of the session's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bucket_profile: Option<String>,
    /// LOG-01: the log group; absent: what the preferences document says.
    #[serde(deserialize_with = "names::log_group", skip_serializing_if = "Option::is_none")]
    pub log_group: Option<Template>,
    /// TAG-01: the tag that marks a production node, `Key=Value`, `*` at the value's end, any case.
    pub production_tag: TagPattern,
    /// WHO-06: what a session's reason must match; absent: any reason that is not empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_pattern: Option<Pattern>,
    /// TIM-02: how old a session may become, 1 min to 30 days.
    #[serde(deserialize_with = "value::period::<_, 60, 2592000>")]
    pub max_age: Period,
    /// TIM-02: how long a session may outlive its own MaxSessionDuration.
    #[serde(deserialize_with = "value::period::<_, 0, 3600>")]
    pub max_duration_grace: Period,
    /// LOG-01: how long a young session needs no log stream.
    #[serde(deserialize_with = "value::period::<_, 1, 3600>")]
    pub start_grace: Period,
    /// LOG-01: how long a session may go without a first complete line, and so without a stream.
    #[serde(deserialize_with = "value::period::<_, 1, 86400>")]
    pub silent_grace: Period,
    /// LOG-07: how long the archive object may take after the session's end.
    #[serde(deserialize_with = "value::period::<_, 10, 86400>")]
    pub archive_grace: Period,
    /// STA-01: how long a session may be Terminating or Disconnected.
    #[serde(deserialize_with = "value::period::<_, 1, 86400>")]
    pub state_grace: Period,
    /// Globs of the user's own Cedar policies, relative to the config file.
    pub policies: Vec<String>,
    /// Globs of the user's own Sigma rules, relative to the config file.
    pub detections: Vec<String>,
    /// Rules that are not judged.
    pub disabled: Vec<String>,
    /// Rules with a severity of the user's.
    #[serde(deserialize_with = "names::severities")]
    pub severity: BTreeMap<String, Severity>,
}

impl Default for Compliance {
    fn default() -> Self {
        Self {
            allowed_documents: vec![crate::domain::Session::DEFAULT_DOCUMENT.to_owned()],
            mandatory_policy: Template::of("aws-ssm-guardrails-mandatory-policy-{region}"),
            log_bucket: None,
            log_bucket_profile: None,
            log_group: None,
            production_tag: TagPattern::of("Environment", "Prod*"),
            ticket_pattern: None,
            max_age: Period::seconds(12 * 3600),
            max_duration_grace: Period::seconds(120),
            start_grace: Period::seconds(15),
            silent_grace: Period::seconds(120),
            archive_grace: Period::seconds(900),
            state_grace: Period::seconds(300),
            policies: Vec::new(),
            detections: Vec::new(),
            disabled: Vec::new(),
            severity: BTreeMap::new(),
        }
    }
}

/// Where alerts go, and which are raised by themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// ARN of the topic in the session's own account; absent: none is sent there.
    #[serde(deserialize_with = "names::topic", skip_serializing_if = "Option::is_none")]
    pub member_topic: Option<Template>,
    /// ARN of the organization's topic; absent: none is sent there.
    #[serde(deserialize_with = "names::topic", skip_serializing_if = "Option::is_none")]
    pub central_topic: Option<Template>,
    /// CloudWatch namespace of the metrics.
    #[serde(deserialize_with = "names::metric_namespace")]
    pub metric_namespace: String,
    /// THR-01: this many terminated non-compliant sessions of one account within `window`.
    #[serde(deserialize_with = "names::at_least_one")]
    pub threshold: u32,
    /// THR-01: the time that is counted.
    #[serde(deserialize_with = "value::period::<_, 1, 86400>")]
    pub window: Period,
    /// Findings at or above are alerts by themselves.
    #[serde(deserialize_with = "names::severity")]
    pub raise_on: Severity,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            member_topic: None,
            central_topic: None,
            metric_namespace: "SSMMonitoringLoggingGuardrails".to_owned(),
            threshold: 10,
            window: Period::seconds(300),
            raise_on: Severity::High,
        }
    }
}

/// What happens without an analyst.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Response {
    /// Rules whose NON_COMPLIANT ends the session by itself; empty: never.
    pub auto_terminate: Vec<String>,
    /// Ceiling of automatic terminations an hour.
    #[serde(deserialize_with = "names::at_least_one")]
    pub max_per_hour: u32,
}

impl Default for Response {
    fn default() -> Self {
        Self { auto_terminate: Vec::new(), max_per_hour: 20 }
    }
}

impl Config {
    /// Keys that are set and that this version reads but does not act on yet, each with what is lost by it.
    /// Whoever relies on them must be told.
    pub fn not_in_force(&self) -> Vec<&'static str> {
        let mut keys = Vec::new();
        if self.organization.is_some() {
            keys.push("[organization]: only [[accounts]] are watched");
        }
        if !self.compliance.detections.is_empty() {
            keys.push("compliance.detections: no commands are matched");
        }
        if !self.response.auto_terminate.is_empty() {
            keys.push("response.auto_terminate: no session is ended by itself");
        }
        keys
    }
}
