//! What the rules are judged by, as the config has it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    limits, names,
    value::{self, Pattern, Period, TagPattern, Template},
};
use crate::domain::Severity;

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
    /// DOC-05: remote hosts that port sessions may not reach; `*` stands for anything.
    #[serde(deserialize_with = "limits::patterns")]
    pub denied_hosts: Vec<String>,
    /// DOC-05: remote ports that port sessions may not reach.
    #[serde(deserialize_with = "limits::ports")]
    pub denied_ports: Vec<u16>,
    /// LOG-02: after this long without output a stream that had some is stalled.
    #[serde(deserialize_with = "value::period::<_, 10, 86400>")]
    pub stall_after: Period,
    /// LOG-06: how far time stamps of events may be from their ingestion.
    #[serde(deserialize_with = "value::period::<_, 1, 86400>")]
    pub clock_gap: Period,
    /// LOG-08: the encryption that archive objects must have; absent: any.
    #[serde(deserialize_with = "limits::encryption", skip_serializing_if = "Option::is_none")]
    pub archive_encryption: Option<String>,
    /// IAM-02: ARNs that logging writes to, with `*`, `{region}` and `{account}`; empty: every resource counts.
    #[serde(deserialize_with = "limits::arns")]
    pub log_resources: Vec<String>,
    /// WHO-01: patterns of the owners that may have sessions; empty: anybody.
    #[serde(deserialize_with = "limits::patterns")]
    pub allowed_principals: Vec<String>,
    /// WHO-03: networks that sessions may be started from; empty: any.
    #[serde(deserialize_with = "limits::networks")]
    pub allowed_networks: Vec<String>,
    /// WHO-04: tag of the principal, and tag of the node that must be the same.
    #[serde(deserialize_with = "limits::pairs")]
    pub tag_pairs: BTreeMap<String, String>,
    /// WHO-05: people must come through roles, not as IAM users with long-term keys.
    pub roles_required: bool,
    /// WHO-07: a principal that had no session on the account for this long is new; 1 h to 30 days.
    #[serde(deserialize_with = "value::period::<_, 3600, 2592000>")]
    pub new_principal_after: Period,
    /// APR-01, APR-02: sessions need an approval tag on their principal.
    pub approval_required: bool,
    /// The key of that tag; its value is the node's id.
    #[serde(deserialize_with = "limits::tag_key")]
    pub approval_tag: String,
    /// How long that tag is valid.
    #[serde(deserialize_with = "value::period::<_, 60, 86400>")]
    pub approval_validity: Period,
    /// APR-04: globs of just-in-time node access policies, relative to the config file.
    pub jit_policies: Vec<String>,
    /// APR-05: how long a just-in-time session may last.
    #[serde(deserialize_with = "value::period::<_, 60, 86400>")]
    pub jit_window: Period,
    /// APR-04: patterns of the owners in each IAM Identity Center group, by group id.
    #[serde(deserialize_with = "limits::groups")]
    pub groups: BTreeMap<String, Vec<String>>,
    /// TIM-01: when sessions may start, `07:00-19:00`; absent: always.
    #[serde(deserialize_with = "limits::hours", skip_serializing_if = "Option::is_none")]
    pub allowed_hours: Option<String>,
    /// TIM-01: the days of the week.
    #[serde(deserialize_with = "limits::days")]
    pub allowed_days: Vec<String>,
    /// TIM-01: the time zone of those hours; absent: the system's.
    #[serde(deserialize_with = "limits::zone", skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// RUN-01, PRF-10: Run As is demanded.
    pub run_as_required: bool,
    /// RUN-01, PRF-10: users that shells must not run as.
    #[serde(deserialize_with = "limits::patterns")]
    pub forbidden_users: Vec<String>,
    /// LOG-05: the users that shells may run as; empty: any.
    #[serde(deserialize_with = "limits::patterns")]
    pub allowed_users: Vec<String>,
    /// CON-01: sessions that one principal may hold at once.
    #[serde(deserialize_with = "names::at_least_one")]
    pub max_sessions: u32,
    /// CON-01: nodes that one principal may reach within an hour.
    #[serde(deserialize_with = "names::at_least_one")]
    pub max_nodes: u32,
    /// PRF-08: the longest idleSessionTimeout.
    #[serde(deserialize_with = "value::period::<_, 60, 3600>")]
    pub max_idle: Period,
    /// PRF-09: the longest maxSessionDuration.
    #[serde(deserialize_with = "value::period::<_, 60, 86400>")]
    pub max_duration: Period,
    /// PRF-11: the shellProfile for Linux and macOS; absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell_profile_linux: Option<String>,
    /// PRF-11: the shellProfile for Windows; absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell_profile_windows: Option<String>,
    /// PRF-00: file of the golden preferences document, relative to the config file; absent: none is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub golden: Option<String>,
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
            denied_hosts: Vec::new(),
            denied_ports: vec![22, 3389, 5432, 3306, 389, 636, 88, 445],
            stall_after: Period::seconds(300),
            clock_gap: Period::seconds(300),
            archive_encryption: None,
            log_resources: Vec::new(),
            allowed_principals: Vec::new(),
            allowed_networks: Vec::new(),
            tag_pairs: BTreeMap::new(),
            roles_required: false,
            new_principal_after: Period::seconds(10 * 86400),
            approval_required: false,
            approval_tag: "SecurityAllowSessionInstance".to_owned(),
            approval_validity: Period::seconds(600),
            jit_policies: Vec::new(),
            jit_window: Period::seconds(3600),
            groups: BTreeMap::new(),
            allowed_hours: None,
            allowed_days: limits::DAYS.map(|(word, _)| word.to_owned()).into(),
            time_zone: None,
            run_as_required: false,
            forbidden_users: ["root", "Administrator", "ssm-user"].map(str::to_owned).into(),
            allowed_users: Vec::new(),
            max_sessions: 3,
            max_nodes: 2,
            max_idle: Period::seconds(900),
            max_duration: Period::seconds(12 * 3600),
            shell_profile_linux: None,
            shell_profile_windows: None,
            golden: None,
            policies: Vec::new(),
            detections: Vec::new(),
            disabled: Vec::new(),
            severity: BTreeMap::new(),
        }
    }
}
