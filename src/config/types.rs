//! What can be configured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    compliance::Compliance,
    filters::NamedFilter,
    names,
    notify::Notify,
    quarantine::Quarantine,
    table::Table,
    value::{self, Period, Template},
    wall::Wall,
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
    /// The mouse is listened to from the start.
    pub mouse: bool,
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
    /// How people are told beside the screen.
    pub notify: Notify,
    /// What happens without an analyst.
    pub response: Response,
    /// How long things are remembered.
    pub store: Retention,
    /// Filters with a name.
    pub filters: Vec<NamedFilter>,
    /// The table of sessions.
    pub table: Table,
    /// The screen that nobody touches.
    pub wall: Wall,
    /// Action name to its keys; an empty list unbinds the action.
    pub keys: KeyBindings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            read_only: false,
            theme: "default-dark".to_owned(),
            mouse: false,
            accounts: Vec::new(),
            organization: None,
            poll: Poll::default(),
            compliance: Compliance::default(),
            alerts: Alerts::default(),
            notify: Notify::default(),
            response: Response::default(),
            store: Retention::default(),
            filters: Vec::new(),
            table: Table::default(),
            wall: Wall::default(),
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
    /// Whether events of log groups come by logs:StartLiveTail, where it is allowed; else they are polled.
    pub live_tail: bool,
}

impl Default for Poll {
    fn default() -> Self {
        Self { sessions: Period::seconds(5), evidence: Period::seconds(60), live_tail: true }
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
    /// How long an automatic termination is announced on the screen before it is sent; 5 s to 10 min.
    #[serde(deserialize_with = "value::period::<_, 5, 600>")]
    pub countdown: Period,
    /// How an account or a role is put into quarantine; absent: it cannot be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantine>,
}

impl Default for Response {
    fn default() -> Self {
        Self { auto_terminate: Vec::new(), max_per_hour: 20, countdown: Period::seconds(30), quarantine: None }
    }
}

/// How long the store remembers. Acts are never forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Ended sessions, CloudTrail's records of them, resolved alerts; 1 day to 10 years.
    #[serde(deserialize_with = "value::period::<_, 86_400, 315_360_000>")]
    pub keep: Period,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep: Period::seconds(30 * 86_400) }
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
        keys
    }
}
